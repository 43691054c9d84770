/* Semantic modules: Algorithm 1 of DeepArc, from a similarity matrix alone.
 *
 *     similarity of neighbours    .99  .97  .60  .98  .40         threshold .95
 *     layers                     0    1    2    3    4    5
 *     modules                    [0,            3) [3,   5) [5,6)     half-open: layer `end` is not in the module
 *
 * Layers join the open module one after the other; where the module with the new layer would not reach the threshold,
 * it is closed and the new layer opens the next. Three readings of "reach" are on offer:
 *
 *     adjacent   the new layer and the one before it are more similar than the threshold (the authors' code: s > t)
 *     mean       the mean over all pairs of the module with the new layer is at least the threshold (the text)
 *     min        the smallest of these pairs is
 *
 * Invariants of a partition: module[0].begin = 0, module[i].end = module[i+1].begin, module[modules-1].end = layers,
 * and no module is empty.
 */
#ifndef DA_DEEPARC_PARTITION_H
#define DA_DEEPARC_PARTITION_H

#include "core/status.h"

#include <stdbool.h>

DA_C_BEGIN

typedef enum da_linkage { DA_LINKAGE_ADJACENT, DA_LINKAGE_MEAN, DA_LINKAGE_MIN } da_linkage;

const char *da_linkage_name(da_linkage linkage);                     /* "adjacent", "mean", "min" */
da_status   da_linkage_parse(da_linkage *linkage, const char *name); /* DA_ERROR_ARGUMENT: lists the names */

typedef struct da_module_range { int begin, end; } da_module_range;

typedef struct da_partition {
    int layers, modules;
    da_module_range *module; /* owned; da_partition_free gives it back */
} da_partition;

/* matrix is layers x layers, row-major: finite, symmetric and with a diagonal of 1 (both within 1e-3, so that a file of
   four decimals passes), no entry above 1 by more. Errors: DA_ERROR_ARGUMENT (layers, threshold outside [0, 1]),
   DA_ERROR_NUMERIC (the matrix, naming the entry), DA_ERROR_MEMORY. Cost O(layers^2). */
da_status da_partition_extract(const double *matrix, int layers, double threshold, da_linkage linkage,
                               da_partition *out);
void      da_partition_free(da_partition *partition); /* takes one of all zero bytes, and leaves it so */

/* The same checks alone, for those who read a matrix from a file. */
da_status da_partition_check_matrix(const double *matrix, int layers);

int  da_partition_module_of(const da_partition *partition, int layer); /* -1 when there is no such layer */
bool da_partition_is_alone(const da_partition *partition, int module); /* does the module have one layer only? */

/* Does a line belong between layer - 1 and layer? Where a module of more than one layer begins or ends; runs of single
   layers are not cut up. Pictures draw these lines. NULL has none. */
bool da_partition_is_edge(const da_partition *partition, int layer);

/* How modular, for N layers in M modules: three measures that must not be mixed up. */
typedef struct da_modularity {
    double ratio;    /* (N - M) / N */
    double paper;    /* (N + 1 - M) / (N + 1), as in the published data */
    double coverage; /* the share of layers that lie in modules of more than one layer */
} da_modularity;
da_modularity da_partition_modularity(const da_partition *partition);

/* A soft count of the pairs of layers that are more similar than the threshold: MSRS of RedTest, 1/2 sum over i != j of
   (tanh(100 (matrix[i][j] - threshold)) + 1) / 2. Between 0 and layers (layers - 1) / 2; a pair within .02 of the
   threshold counts in part. Needs no partition. The matrix is as above. */
double da_partition_msrs(const double *matrix, int layers, double threshold);

/* Does a stage of the network begin with `name`, behind a layer called `before`? A stage is what stands before the
   first dot, "layer2" of "layer2.0": both names have one, and they differ. The first block of a stage changes the shape
   of what it passes on, so it cannot be removed. */
bool da_partition_is_transition(const char *before, const char *name);

DA_C_END

#endif
