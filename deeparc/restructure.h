/* Cutting redundant layers out of a network, for real: what is left is a smaller model.
 *
 *     modules      [layer1.0 layer1.1 layer1.2)   [layer2.0)   [layer2.1 layer2.2)
 *     order                     2        1                               3            Algorithm 2, last to first
 *     verdict        stays     goes     goes         stays       stays  goes          the first layer of a module stays
 *
 * High similarity does not prove that a layer can go (Davari et al. 2023), so every candidate is verified by removing
 * it: accuracy is taken on samples held out from the *training* set. The test set has no say in what is removed.
 */
#ifndef DA_DEEPARC_RESTRUCTURE_H
#define DA_DEEPARC_RESTRUCTURE_H

#include "datasets/dataset.h"
#include "deeparc/partition.h"
#include "layers/model.h"

DA_C_BEGIN

/* A copy of the model without these units. Neighbours in the list go together, as one run of the chain. Errors:
   DA_ERROR_NOT_FOUND (no such unit), DA_ERROR_SHAPE (why a run cannot go), DA_ERROR_ARGUMENT (an empty list),
   DA_ERROR_MEMORY. */
da_status da_restructure_remove(const da_model *model, const char *const *units, int count, da_model **out);

/* Which units of `after` lie next to the cuts: before and behind every run of units that `before` has and `after` has
   not, the nearest unit with parameters. near: after->unit_count flags. */
void da_restructure_neighbours(const da_model *before, const da_model *after, bool *near);

/* The same for a model whose original is not at hand: the network of the zoo that its architecture begins with,
   "resnet20 without layer1.1", shows what is missing. near: model->unit_count flags. Errors: DA_ERROR_NOT_FOUND (nothing
   is missing, or the architecture names no network that the model is a part of), DA_ERROR_MEMORY. */
da_status da_restructure_cuts(const da_model *model, bool *near);

typedef struct da_choice_options {
    const da_dataset *data;  /* the training set; NULL: candidates are not verified, all that fit go */
    int64_t  validation;     /* samples held out from it: the same as da_train holds out for this seed */
    uint64_t seed;
    int64_t  batch;          /* 0 means 256 */
    double   max_drop;       /* a candidate stays when held-out accuracy would fall by more than this in all; by
                                so much is allowed: images are counted, not shares compared */
    double   enough;         /* stop as soon as this share of the multiply-adds is gone; 0: try all */
    void   (*progress)(void *context, int64_t done, int64_t candidates); /* or NULL */
    void    *context;
} da_choice_options;

typedef enum da_verdict {
    DA_VERDICT_REMOVED,
    DA_VERDICT_SHAPE,        /* stays: it changes the shape, what follows would not fit */
    DA_VERDICT_ACCURACY,     /* stays: accuracy would fall by more than max_drop */
    DA_VERDICT_ENOUGH        /* stays: enough is gone already */
} da_verdict;
const char *da_verdict_text(da_verdict verdict); /* "removed", "stays: ..." */

typedef struct da_candidate {
    int     layer, module;   /* of the partition */
    da_verdict verdict;
    double  accuracy;        /* held-out, without it and all removed before it; NaN when not measured */
    int64_t multiply_adds;   /* of one sample, likewise; 0 when it could not be tried */
} da_candidate;

typedef struct da_choice {
    int count;               /* candidates, in the order of trial */
    da_candidate *candidates;/* owned */
    int removed;
    int64_t samples;         /* held out; 0: not verified */
    double  accuracy;        /* held-out, of the model as it was; NaN when not measured */
    int64_t multiply_adds;   /* of the model as it was */
    da_model *model;         /* what is left; owned. Equal to the original when nothing can go */
} da_choice;

/* names: the unit of each layer of the partition. Errors: DA_ERROR_ARGUMENT, DA_ERROR_NOT_FOUND (a name that is no
   unit), DA_ERROR_SHAPE (data that do not suit the model), DA_ERROR_MEMORY. Cost: a copy of the model and a pass over
   the held-out samples for every candidate. */
da_status da_restructure_choose(const da_model *model, const da_partition *partition, const char *const *names,
                                const da_choice_options *options, da_choice *out);
void      da_choice_free(da_choice *choice); /* takes one of all zero bytes, and leaves it so */

/* On how many of the samples that these options hold out was the model trained, by its own record (da_history)? *seen is
   -1 where that is unknown: no training is recorded, or one of more images than options->data has. A network verified on
   what it was trained on looks better than it is. Errors: as above. Cost: a SHA-256 of the data for each training. */
da_status da_restructure_seen(const da_model *model, const da_choice_options *options, int64_t *seen);

DA_C_END

#endif
