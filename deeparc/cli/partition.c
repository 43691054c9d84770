/* deeparc partition: semantic modules (Algorithm 1) from a similarity matrix alone. */
#include "deeparc/cli/matrix.h"
#include "deeparc/cli/record.h"

typedef struct result { cli *c; const matrix *m; } result;

static void members(const void *context, da_json_writer *to) {
    const result *r = context;
    matrix_record(r->c, to, r->m->names, &r->m->partition);
}

static da_status partition_run(cli *c) {
    matrix m = { 0 };
    DA_TRY(matrix_open(c, &m));
    da_status status = record_write(c, members, &(result){ c, &m });
    if (status == DA_OK) matrix_print_modules(c, m.names, &m.partition);
    matrix_free(&m);
    return status;
}

static const cli_option options[] = {
    MATRIX_FILE,
    MATRIX_MODULES,
    MATRIX_NAMES,
    RECORD_OPTION,
    { .name = NULL }
};

const cli_command cli_partition = {
    .name = "partition", .purpose = "cut a similarity matrix into semantic modules", .arguments = "",
    .example = "partition --similarity cka.csv --threshold 0.95 --linkage adjacent --json",
    .notes = "A module [a, b) holds layers a to b-1. Linkage adjacent: neighbours are more similar than the\n"
             "threshold; mean, min: the mean or the smallest similarity over all pairs of the module reaches it.",
    .options = options, .run = partition_run
};
