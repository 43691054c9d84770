/* The similarity of a model's units on a data set, in one forward pass.
 *
 *     batch ── conv1 ── bn1 ── relu ── layer1.0 ── layer1.1 ── ... ── linear
 *                                         │           │
 *                                         └── Gram ── └── Gram ──>  da_similarity   the output dies, its Gram stays
 *
 * Which units: the residual blocks of a network that has some, because a block is what can be taken out of a ResNet and
 * what DeepArc's published experiments count; every unit of any other network. Features are flattened (N x H W C) and
 * the model is in inference mode. Where a block is tapped changes the values: `output` is what the next block reads,
 * `sum` is the addition before its ReLU, as in the published analysis. A result says which it was.
 */
#ifndef DA_DEEPARC_MEASURE_H
#define DA_DEEPARC_MEASURE_H

#include "datasets/dataset.h"
#include "deeparc/similarity.h"
#include "layers/model.h"

typedef enum da_measure_layers { DA_MEASURE_DEFAULT, DA_MEASURE_BLOCKS, DA_MEASURE_ALL } da_measure_layers;
typedef enum da_tap { DA_TAP_OUTPUT, DA_TAP_SUM } da_tap;
const char *da_tap_name(da_tap tap); /* "output", "sum" */

typedef struct da_measure_options {
    da_measure_layers layers;
    da_tap  tap;               /* of blocks; other units have an output only */
    int64_t batch;             /* at least 4; 0 means 256; of more than all samples, all of them are taken at once */
    int64_t limit;             /* the first so many samples; 0: all */
    void  (*progress)(void *context, int64_t done, int64_t batches); /* or NULL */
    void   *context;
} da_measure_options;

typedef struct da_measurement {
    int      layers;
    char   **names;            /* of the units measured, in the order of the chain; one block */
    double  *matrix;           /* layers x layers: da_similarity_matrix */
    double  *standard_error;   /* the same shape */
    da_layer_state *states;    /* why a layer has no similarity to any other */
    int64_t  batch, batches, skipped, samples; /* as measured; batches of 3 samples or fewer are skipped */
    da_tap   tap;
} da_measurement;

/* The units that are measured, as places in the chain, ascending: *count of them in units, which has room for
   model->unit_count. Errors: DA_ERROR_ARGUMENT (blocks wanted of a model that has none). */
da_status da_measure_units(const da_model *model, da_measure_layers layers, int *units, int *count);

/* The data set's labels are not needed. The model must know its normalisation. Errors: DA_ERROR_ARGUMENT (options,
   blocks or their sums wanted of a model that has none), DA_ERROR_SHAPE (images that do not suit the model),
   DA_ERROR_MEMORY. *out is written on success only. Cost: one inference, and batch / 2 multiply-adds in double for
   every value a measured unit puts out. */
da_status da_measure(da_model *model, const da_dataset *data, const da_measure_options *options, da_measurement *out);
void      da_measurement_free(da_measurement *measurement); /* takes one of all zero bytes, and leaves it so */

#endif
