/* What some units of a model put out for a data set, pooled, and the model's own answers, in one pass.
 *
 *     batch ── conv1 ── bn1 ── relu ── layer1.0 ── layer1.1 ── ... ── linear ── logits      samples x classes
 *                                         │           │
 *                                        mean        mean over height and width             samples x channels
 *
 * Global average pooling gives every block as many features as it has channels, so that a linear probe on the first
 * block has no more weights than its channels need, and a block can be compared with the next. A unit that puts out
 * plain features is taken as it is. The model is in inference mode.
 */
#ifndef DA_DEEPARC_FEATURES_H
#define DA_DEEPARC_FEATURES_H

#include "datasets/dataset.h"
#include "layers/model.h"

#include <signal.h>

DA_C_BEGIN

typedef struct da_features {
    int64_t  samples;
    int      layers, classes;
    int64_t *width;   /* of each layer */
    float  **values;  /* layers of them: samples x width */
    float   *logits;  /* samples x classes */
    uint8_t *labels;  /* samples; NULL when the data have none */
} da_features;

/* units: `layers` places in the chain, ascending; may be 0 of them. The first `limit` samples, 0 for all. stop: looked
   at between batches; NULL: never. *out is written on success only. Errors: DA_ERROR_ARGUMENT (units, batch below 1, an
   unknown normalisation), DA_ERROR_SHAPE (data that do not suit the model), DA_ERROR_INTERRUPTED, DA_ERROR_MEMORY.
   Cost: one inference. */
da_status da_features_collect(da_model *model, const da_dataset *data, const int *units, int layers, int64_t limit,
                              int64_t batch, const volatile sig_atomic_t *stop, da_features *out);
void      da_features_free(da_features *features); /* takes one of all zero bytes, and leaves it so */

/* The mean over height and width of every channel of N x H x W x C, in double, pixel after pixel: to, N x C. N x C itself
   is copied. */
void      da_pool_average(const da_tensor *output, float *to);

DA_C_END

#endif
