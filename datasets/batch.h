/* Batches: bytes become normalised floats, n x H x W x C.
 *
 *     epoch e visits the subset in a fresh order, a function of (seed, e):
 *     order    | 7 2 9 0 | 4 1 8 3 | 6 5 |          batch size 4: steps 0, 1 and a last one of 2, which is kept
 *
 * Any (epoch, step) can be asked for, in any order: nothing is remembered but a cache of the current epoch's order, so
 * a run that resumes sees the batches it would have seen. A pixel becomes fmaf(pixel, 1/(255 deviation),
 * -mean/deviation), by the kernel of core/kernels/pixels.h; what augmentation moves is moved as bytes, before.
 */
#ifndef DA_DATASETS_BATCH_H
#define DA_DATASETS_BATCH_H

#include "core/kernels/pixels.h"
#include "datasets/augment.h"
#include "datasets/subset.h"

DA_C_BEGIN

typedef struct da_batcher_options {
    int64_t         batch_size;   /* at least 1; may exceed the data */
    bool            shuffle;      /* false: the subset's own order in every epoch */
    uint64_t        seed;         /* of the shuffling and the augmentation */
    da_augmentation augmentation; /* all zero: none */
} da_batcher_options;

typedef struct da_batcher {
    const da_subset   *subset; /* not owned */
    da_batcher_options options;
    int64_t           *order;  /* positions in the subset, as order_epoch visits them; NULL without shuffling */
    int64_t            order_epoch;
    int64_t            largest; /* samples of the largest batch: min(batch_size, subset->count) */
    da_pixel_scale     scale;   /* pixel -> normalised */
    uint8_t           *moved;   /* an image for each worker, to augment it in; NULL without augmentation */
} da_batcher;

/* The subset and its data set must outlive the batcher. Takes the data set's mean and deviation as they are now.
   All memory a batcher needs is taken here. Errors: DA_ERROR_ARGUMENT (batch size below 1, an empty subset, a deviation
   that is not above 0, augmentation that does not fit), DA_ERROR_MEMORY. */
da_status da_batcher_init(da_batcher *batcher, const da_subset *subset, const da_batcher_options *options);
void      da_batcher_free(da_batcher *batcher); /* takes NULL and all zeros; leaves zeros */

int64_t da_batcher_steps(const da_batcher *batcher);                /* batches in an epoch */
int64_t da_batcher_size(const da_batcher *batcher, int64_t step); /* samples in batch `step`: the last may be smaller */

/* Makes batch `step` of `epoch` (both from 0) of n = da_batcher_size(batcher, step) samples:
       images    n x H x W x C floats
       labels    n bytes, or NULL when not wanted
       samples   n numbers in the data set, or NULL when not wanted
   Parallel over samples; no heap; one caller at a time. Errors: DA_ERROR_ARGUMENT (no such step, negative epoch, labels
   wanted of a set that has none). */
da_status da_batcher_read(da_batcher *batcher, int64_t epoch, int64_t step, float *images, uint8_t *labels,
                          int64_t *samples);

DA_C_END

#endif
