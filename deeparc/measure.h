/* The similarity of a model's layers on a data set, in one forward pass.
 *
 *     batch ── conv1 ── bn1 ── relu ── layer1.0 ── layer1.1 ── ... ── linear
 *                                         │           │
 *                                         └── Gram ── └── Gram ──>  da_similarity  the output dies, its Gram stays
 *
 * Which layers: the residual blocks of a network that has some, because a block is what can be taken out of a ResNet
 * and what DeepArc's published experiments count; every unit of any other network; or those whose full names match a
 * pattern. Where a block is tapped, how features are pooled and what batch norms use change the values, so a result
 * says which it was: `output` is what the next block reads, `sum` the addition before its ReLU, as in the published
 * analysis.
 *
 * Two models, or two data sets of paired samples (benign and adversarial, say), are measured in the same way: both are
 * run on every batch, all layers of both go into one accumulator, and the result is its block of one against the other:
 *
 *                 model   against
 *      model    |       | result |
 *      against  |       |        |
 */
#ifndef DA_DEEPARC_MEASURE_H
#define DA_DEEPARC_MEASURE_H

#include "datasets/dataset.h"
#include "deeparc/similarity.h"
#include "layers/model.h"

#include <signal.h>

DA_C_BEGIN

typedef enum da_measure_layers { DA_MEASURE_DEFAULT, DA_MEASURE_BLOCKS, DA_MEASURE_ALL } da_measure_layers;
typedef enum da_tap { DA_TAP_OUTPUT, DA_TAP_SUM } da_tap;
typedef enum da_pool_mode { DA_POOL_FLATTEN, DA_POOL_AVERAGE } da_pool_mode;
typedef enum da_norm_mode { DA_NORM_RUNNING, DA_NORM_BATCH } da_norm_mode;
const char *da_tap_name(da_tap tap);              /* "output", "sum" */
const char *da_pool_mode_name(da_pool_mode pool); /* "flattened", "global average" */
const char *da_norm_mode_name(da_norm_mode norm); /* "running statistics", "batch statistics" */

typedef struct da_measure_options {
    da_measure_layers layers;  /* units of the chain; not read when there is a pattern */
    const char  *glob;         /* of full names of layers, with * ? []: "layer2.*.conv?"; NULL: none */
    da_tap       tap;          /* of blocks; other units have an output only. Not with a pattern */
    da_pool_mode pool;         /* of outputs with height and width: all values, or a mean a channel (in double) */
    da_norm_mode norm;         /* batch: every batch is normalised by its own mean and variance; nothing else trains */
    da_similarity_options similarity;
    int64_t  batch;            /* at least 4; 0 means 256; of more than all samples, all of them are taken at once */
    int64_t  limit;            /* the first so many samples; 0: all */
    int      dominant;         /* linear CKA of one side in one pass: how many images to name that dominate the first
                                  component of each layer; 0: none */
    int      passes;           /* 0 means 1: in the samples' order. More: each in an order drawn by (seed, pass) */
    uint64_t seed;
    da_model *against;         /* NULL: the model itself ... */
    const da_dataset *against_data; /* ... on the same data; both NULL: every pair of the model's layers */
    const char *state;         /* what is known after some batches is kept in this file, and a run that finds it goes on
                                  from there; NULL: none */
    volatile sig_atomic_t *stop; /* set from outside: save the state and return DA_ERROR_INTERRUPTED; NULL: never */
    void   (*progress)(void *context, int64_t done, int64_t batches); /* or NULL */
    void    *context;
} da_measure_options;

/* An image far out on the first principal component of a layer's features, and its share of that component's variance
   over all images: the squared place on its batch's component, over the sum of all. */
typedef struct da_dominant { int64_t image; double share; } da_dominant;

enum { DA_MEASURE_TROUBLE = 512 };

typedef struct da_measurement {
    int      layers, columns;  /* columns: layers of the other side; the same layers when there is none */
    char   **names;            /* of the layers measured, in the order of the chain; one block */
    char   **column_names;     /* the same as names when there is no other side */
    double  *matrix;           /* layers x columns: da_similarity_matrix, or its block of one side and the other */
    double  *standard_error;   /* the same shape; NaN: unknown. Batches of several passes share samples: they are then too small */
    da_layer_state *states;    /* of layers, then of the other side's: why one has no similarity to any other */
    int64_t *widths;           /* features of a sample, in the same order */
    da_dominant *dominant;     /* layers x dominant_count, largest shares first; NULL unless asked for */
    int      dominant_count;
    double  *first_share;      /* of layers: the share of the variance that the first component has; NULL likewise */
    int64_t  batch, batches, skipped, samples; /* as measured; batches of 3 samples or fewer are skipped */
    int64_t  resumed;          /* batches that came from the state file */
    char     trouble[DA_MEASURE_TROUBLE]; /* one sentence when the state could not be written in the end; else "" */
    da_measure_options options;/* as they were; pointers in it are not to be followed */
} da_measurement;

/* The units that are measured, as places in the chain, ascending: *count of them in units, which has room for
   model->unit_count. Errors: DA_ERROR_ARGUMENT (blocks wanted of a model that has none). */
da_status da_measure_units(const da_model *model, da_measure_layers layers, int *units, int *count);

/* Are there layers of this model that the options ask for? Needs no data; errors as da_measure's about layers. */
da_status da_measure_check(const da_model *model, const da_measure_options *options);

/* Labels are not needed. The models must know their normalisation. Errors: DA_ERROR_ARGUMENT (options, dominant images
   of two sides, of several passes or with a state; blocks or their sums wanted of a model that has none),
   DA_ERROR_NOT_FOUND (a pattern that matches nothing; the names are listed),
   DA_ERROR_SHAPE (images that do not suit a model, data sets of different sizes), DA_ERROR_FORMAT (a state of other
   settings), DA_ERROR_BUSY (another process has the state), DA_ERROR_IO, DA_ERROR_MEMORY, DA_ERROR_INTERRUPTED. *out is
   written on success only. Cost: one inference a side and pass, and batch / 2 multiply-adds in double for every value a
   measured layer puts out. A state file is written every 16 batches and at the end; continuing from it gives the bits of a run that was not interrupted. */
da_status da_measure(da_model *model, const da_dataset *data, const da_measure_options *options, da_measurement *out);
void      da_measurement_free(da_measurement *measurement); /* takes one of all zero bytes, and leaves it so */

DA_C_END

#endif
