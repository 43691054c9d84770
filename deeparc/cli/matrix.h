/* What the commands around a similarity matrix share: reading one, cutting it into modules, drawing it. */
#ifndef DA_DEEPARC_CLI_MATRIX_H
#define DA_DEEPARC_CLI_MATRIX_H

#include "core/csv.h"
#include "deeparc/cli/cli.h"
#include "deeparc/present/chart.h"
#include "deeparc/partition.h"

/* Rows of a command's table of options. */
#define MATRIX_FILE                                                                                                    \
    { .name = "similarity", .kind = CLI_TEXT, .value = "FILE.csv", .file = CLI_READS, .required = true,                \
      .help = "a square matrix of similarities" }
#define MATRIX_THRESHOLD                                                                                               \
    { .name = "threshold", .kind = CLI_REAL, .value = "T", .initial = "0.95", .low = 0, .high = 1,                     \
      .help = "similarity that layers of one module reach" }
#define MATRIX_MODULES                                                                                                 \
    MATRIX_THRESHOLD,                                                                                                  \
    { .name = "linkage", .kind = CLI_CHOICE, .value = "adjacent|mean|min", .initial = "adjacent",                      \
      .help = "of neighbours, or over all pairs of a module" }
#define MATRIX_NAMES                                                                                                   \
    { .name = "names", .kind = CLI_TEXT, .value = "FILE.json", .file = CLI_READS,                                      \
      .help = "a record of 'similarity', for the names of the layers (FILE.json beside the matrix, if there)" }

#define MATRIX_PICTURES                                                                                                \
    { .name = "png", .kind = CLI_TEXT, .value = "FILE.png", .file = CLI_WRITES,                                        \
      .help = "draw the heat map with its modules there" },                                                            \
    { .name = "svg", .kind = CLI_TEXT, .value = "FILE.svg", .file = CLI_WRITES,                                        \
      .help = "the same, in lines instead of pixels" }

typedef struct matrix {
    int layers;
    double *values;     /* layers x layers */
    char  **names;      /* NULL: the layers have numbers only; one block */
    char    hash[72];   /* of the model's values, "sha256:..."; "": unknown, there is no record or it does not say */
    char    split[8];   /* whose images it was measured on: "train", "test"; "": unknown */
    da_partition partition; /* by --threshold and --linkage */
} matrix;

/* Reads --similarity and checks it; names are those of --names, else of the file's first line, else of the record beside
   it (cka.json beside cka.csv), else none. A record of another matrix is DA_ERROR_FORMAT for --names, a note beside the
   file. Notes where test images decide. open cuts it into modules as well. read_file: any file, names of its first line. */
da_status matrix_read_file(const char *path, matrix *m);
da_status matrix_read(cli *c, matrix *m);
da_status matrix_open(cli *c, matrix *m);
void      matrix_free(matrix *m);
da_status matrix_partition(cli *c, const double *values, int layers, da_partition *partition);

/* The unit of each layer, one block, the caller's to da_free. A matrix that came without names is of the model's blocks
   or of all its units, whichever its size says. */
/* Errors: DA_ERROR_SHAPE: the matrix, by its record or its names, is of another network. */
da_status matrix_units(cli *c, const matrix *m, const da_model *model, char ***names);

const char *matrix_name(char text[16], char *const *names, int layer); /* the name, or the number written into text */

/* Adds the heat map for whatever reads stdout: colours on a terminal that has them, block characters elsewhere. */
da_status matrix_draw(da_result *to, const double *values, int layers, char *const *names, const da_partition *partition);

bool matrix_draws_lines(void); /* does the environment say that text is UTF-8? */

/* The same into the files of --png and --svg, if any. */
da_status matrix_save_pictures(cli *c, const da_heatmap_chart *chart);

/* In a result. put: the members `layers`, `names` (when known), `threshold`, `linkage`, `modules`, `modularity`; the last
   two; `measured_on`. say: "5 layers in 2 modules, HOW", a line a module, "[0, 3) *  layer1.0 layer1.1 >layer2.0", what
   its '>' means, and the modularity; or the third alone. */
void matrix_put(const cli *c, da_result *to, char *const *names, const da_partition *partition);
void matrix_put_modules(da_result *to, const da_partition *partition);
void matrix_put_split(const matrix *m, da_result *to);
void matrix_say_modules(da_result *to, char *const *names, const da_partition *partition, const char *how);
void matrix_say_stages(da_result *to, char *const *names, int layers);
/* Both, of modules cut by --threshold and --linkage. */
void matrix_result(const cli *c, da_result *to, char *const *names, const da_partition *partition);
bool matrix_begins_stage(char *const *names, int layer); /* false where there are no names */

#endif
