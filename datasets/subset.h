/* A part of a data set, as a list of sample numbers on top of it: no image is copied. Or, by da_dataset_cut, the data
 * set itself made smaller.
 *
 *     data      0 1 2 3 4 5 6 7 8 9
 *     indices   0 1   3     6 7 8        in any order; a batcher visits positions 0..count-1 of this list
 */
#ifndef DA_DATASETS_SUBSET_H
#define DA_DATASETS_SUBSET_H

#include "datasets/dataset.h"

DA_C_BEGIN

typedef struct da_subset {
    const da_dataset *data;    /* not owned: outlives the subset */
    int64_t          *indices; /* count of them, each below data->count; owned */
    int64_t           count;
} da_subset;

/* The first `limit` samples in file order; limit 0, or above data->count: all of them.
   Errors: DA_ERROR_ARGUMENT (limit < 0), DA_ERROR_MEMORY. */
da_status da_subset_first(da_subset *out, const da_dataset *data, int64_t limit);

/* Deals `from` into a validation part of `held_out` samples, drawn by seed, and the rest to train on; both keep from's
   order, and together they hold each of its samples once. `from` stays as it is and may be freed. held_out may be 0.
   Errors: DA_ERROR_ARGUMENT unless 0 <= held_out < from->count, DA_ERROR_MEMORY. */
da_status da_subset_split(da_subset *train, da_subset *validation, const da_subset *from, int64_t held_out,
                          uint64_t seed);

/* A share of the subset as a number of samples, rounded to the nearest: 0.1 of 60000 is 6000. */
int64_t da_subset_share(const da_subset *from, double share);

void da_subset_free(da_subset *subset); /* takes NULL and an all-zero subset; leaves zeros */

/* Cuts a data set, in place, to its first `classes` classes (0: all) and of their images to a share of (0, 1], drawn by
   the seed; order stays. Of one seed, a smaller share is a part of a larger one. Errors: DA_ERROR_ARGUMENT (classes
   below 2 or more than there are, a share out of range, no image left, no labels, a borrowed set); the data set stays as it was;
   DA_ERROR_MEMORY. */
da_status da_dataset_cut(da_dataset *data, int classes, double share, uint64_t seed);

/* Makes the data set smaller, to part 1..parts of it: images number part, part + parts, part + 2 parts, ... counted from
   1, so that all parts have every class. Errors: DA_ERROR_ARGUMENT when the part is none of them or holds no image. */
da_status da_dataset_part(da_dataset *data, int64_t part, int64_t parts);

DA_C_END

#endif
