/* A feed: the images of a data set as a model takes them, batch by batch. Whatever runs a model over data runs over a
 * feed, so that one place knows which data suit which model and how its input is normalised.
 *
 *     data set ── suits the model? ── part of it, first so many ── batches, normalised the model's way ── tensor
 *
 *     for (step = 0; step < da_feed_steps(&feed); step++) {
 *         da_feed_read(&feed, 0, step);                    feed.batch: n x H x W x C, feed.labels: n, feed.samples: n
 *         da_graph_input(graph, &feed.batch) ...
 */
#ifndef DA_OPTIM_FEED_H
#define DA_OPTIM_FEED_H

#include "datasets/batch.h"
#include "layers/model.h"

DA_C_BEGIN

typedef enum da_part { DA_PART_ALL, DA_PART_TRAIN, DA_PART_HELD } da_part; /* the two that da_subset_split makes */

typedef struct da_feed_options {
    da_batcher_options batches;
    da_part part;
    int64_t held;             /* samples held out, chosen by the seed of the batches; not of DA_PART_ALL */
    int64_t limit;            /* the first so many of the part; 0: all */
    const char *labels_for;   /* what needs labels, "training"; NULL: nothing does */
    bool normalize_like_data; /* where the model does not say how its input is normalised, do as the data set does */
} da_feed_options;

typedef struct da_feed {
    da_dataset data;          /* borrows the caller's images and labels, says how this feed normalises */
    da_normalization normalization; /* the same */
    da_subset  subset;        /* of data: the samples fed */
    da_batcher batcher;       /* over subset */
    float     *images;        /* of the largest batch; owned, as are the two below */
    uint8_t   *labels;        /* NULL when the data have none */
    int64_t   *samples;       /* their numbers in the data set */
    da_tensor  batch;         /* the images read last */
} da_feed;

/* Takes all memory; the model's values are not looked at, so edited models of the same input may use the feed, too. A feed
   stays where it is: it points into itself. Errors: DA_ERROR_SHAPE (images or number of classes are not the model's),
   DA_ERROR_ARGUMENT (no labels, an unknown normalisation, options of the batches, too much held out), DA_ERROR_MEMORY. */
da_status da_feed_open(da_feed *feed, const da_model *model, const da_dataset *data, const da_feed_options *options);
void      da_feed_close(da_feed *feed); /* takes one of all zero bytes, and leaves it so */

/* The rule: images of the model's shape, and where they have labels as many classes as the model tells apart. */
da_status da_feed_check(const da_model *model, const da_dataset *data);
/* The model takes, from now on, pixels that are normalised as the data set's customarily are; da_train does so for a model
   that does not say. Errors: DA_ERROR_ARGUMENT (da_normalization_check); the model stays as it was. */
da_status da_model_normalize_like(da_model *model, const da_dataset *data);
/* DA_ERROR_ARGUMENT when the model does not say how its input is normalised. */
da_status da_feed_check_normalized(const da_model *model);

static inline int64_t da_feed_steps(const da_feed *feed) { return da_batcher_steps(&feed->batcher); }
/* Reads batch `step` of `epoch` into batch, labels and samples; no heap. */
da_status da_feed_read(da_feed *feed, int64_t epoch, int64_t step);

DA_C_END

#endif
