/* A sweep: one experiment for every combination of settings, and what the published one found.
 *
 *     axis        values              run 0: seed 1, depth 8, share .5     the last axis moves fastest
 *     seed        1 2                 run 1: seed 1, depth 8, share 1
 *     depth       8 14                run 2: seed 1, depth 14, share .5
 *     share       .5 1                ...    8 runs
 *
 * A setting that does not vary is an axis of one value. Values are words: what they mean is the program's concern.
 */
#ifndef DA_DEEPARC_SWEEP_H
#define DA_DEEPARC_SWEEP_H

#include "layers/model.h"

enum { DA_MAX_AXES = 48, DA_MAX_RUNS = 1000000 };

typedef struct da_axis { char *name; char **values; int count; } da_axis; /* one block */
typedef struct da_grid { da_axis axis[DA_MAX_AXES]; int axes; } da_grid;  /* begins as all zero bytes */

/* Sets an axis to the words of `values` between separators, in place of the axis of that name, else as the last.
   Errors: DA_ERROR_ARGUMENT (an empty word, a word twice, too many axes, more than DA_MAX_RUNS runs), DA_ERROR_MEMORY; the grid
   stays as it was. */
da_status   da_grid_set(da_grid *grid, const char *name, const char *values, char separator);
void        da_grid_free(da_grid *grid); /* takes one of all zero bytes, and leaves it so */
int64_t     da_grid_runs(const da_grid *grid);
const char *da_grid_value(const da_grid *grid, int64_t run, int axis);

/* Multiply-adds of one run: training (three forward passes an image: one, and two for the gradients), one evaluation of
   `tested` images, one measurement of the similarity of the residual blocks in batches of `batch`, whose Gram matrices,
   in double, count twice. */
double da_sweep_operations(const da_model *model, int64_t samples, int64_t epochs, int64_t tested, int64_t batch);

/* Published results (Ren et al., ICSE 2023, data of RQ1): the mean of (N + 1 - M) / (N + 1) over all data shares,
   numbers of classes and seeds of CIFAR ResNets, for depths 14, 44, 86, 110, 152 and thresholds .9, .95, .98, .99; NaN for any
   other. Correlations of that metric with the three factors, over all thresholds. */
double da_published_modularity(double depth, double threshold);
#define DA_PUBLISHED_DEPTH   0.81
#define DA_PUBLISHED_SHARE   (-0.11)
#define DA_PUBLISHED_CLASSES (-0.14)

#endif
