/* Inside the trainer: one run of da_train.
 *
 *     trainer.c           the loop: epochs, validation, early stop, progress
 *     training_step.c     one step, and what happens when a number is not finite
 *     training_state.c    writing a run into a checkpoint, and continuing from one
 *     training_options.c  the options that a resumed run must share with the run it continues
 *     training_log.c      the CSV file, and the curve of losses
 */
#ifndef DA_OPTIM_TRAINING_H
#define DA_OPTIM_TRAINING_H

#include "core/file.h"
#include "core/json.h"
#include "optim/evaluate.h"
#include "optim/snapshot.h"

enum { DAI_MAX_EPOCHS = 1000000 };

/* Where a run stands. All of it is in a checkpoint; everything else follows from options and data. */
typedef struct dai_position {
    int64_t epoch, step;        /* the next step to do: 0 <= step <= steps of an epoch, which is before validation */
    int64_t correct, samples;   /* of this epoch so far */
    double  loss_sum;           /* over samples */
    double  seconds;            /* spent in this epoch */
    int64_t waited;             /* epochs since the best validation loss */
    double  best_loss;          /* infinite: none yet, and then the snapshot `best` is not set */
    bool    stopped_early;
} dai_position;

/* The losses of this process's steps in at most DAI_MAX_LOSSES windows of equal length: when all are full, two become
   one, and the length doubles. */
enum { DAI_MAX_LOSSES = 200 };
typedef struct dai_losses {
    struct { double sum; int64_t samples, last_step; } window[DAI_MAX_LOSSES];
    int64_t every, in_last;               /* steps a window; steps in the last one */
    int     count;
} dai_losses;
void dai_losses_add(dai_losses *losses, double sum, int64_t samples, int64_t step);

typedef struct dai_training {
    da_model *model;                      /* borrowed */
    const da_trainer_options *options;    /* borrowed */
    da_training_record record;            /* for the model's history */
    da_feed       feed, held;             /* of what is trained on, and of the validation part */
    dai_evaluator evaluator;              /* of the latter; both all zero without one */
    da_graph     *graph;
    da_optimizer *optimizer;
    dai_snapshot  buffers;                /* running statistics from before the step */
    dai_snapshot  best;                   /* early stop: weights of the best epoch */
    da_epoch_record *records;             /* position.epoch of them are set */
    dai_losses    losses;
    da_loss_point *curve;                 /* DAI_MAX_LOSSES, for the result */
    int64_t       steps_epoch;
    dai_position  position;
    da_file_lock *lock;                   /* of the checkpoint */
    char          log_trouble[DA_TROUBLE], save_trouble[DA_TROUBLE]; /* why the last log, the last checkpoint, was not
                                             written; "": it was */
} dai_training;

static inline int64_t dai_steps_done(const dai_training *t) {
    return t->position.epoch * t->steps_epoch + t->position.step;
}

/* Early stop: takes in the validation loss of one more epoch; true when it is the lowest so far. patience 0: none. */
bool      dai_watch_validation(dai_position *p, double loss, int64_t patience);
float     dai_training_rate(const dai_training *t, int64_t step); /* of a step counted from the beginning */
da_status dai_training_step(dai_training *t);
/* Batch norm cannot learn from one value a channel: where an epoch has a batch of one image, a forward pass over one
   finds that out before the first step. The model stays as it is. */
da_status dai_training_try_single(dai_training *t);
da_status dai_training_save(const dai_training *t);
da_status dai_training_resume(dai_training *t);
/* Can a run of this network go on from the file, as far as it tells without data? model NULL: of any network. */
da_status dai_training_check_file(const da_model *model, const char *path);
da_status dai_training_log(const dai_training *t);

/* Sets the record, which the two calls below need: one pass over all images. */
void      dai_training_identify_data(dai_training *t);
/* Writes the options that matter as one JSON object of texts; and compares what a checkpoint holds with this run's. */
da_status dai_training_options_write(const dai_training *t, da_json_writer *to);
da_status dai_training_options_compare(const dai_training *t, const da_json *saved);

#endif
