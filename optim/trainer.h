/* The trainer: epochs over a data set, with validation, a log, early stop, a trap for NaN, checkpoints, and resuming to
 * the same bits.
 *
 *     for epoch, for step:   batch = f(seed, epoch, step) ── forward ── loss ── backward ── update with rate = f(step)
 *
 * No hidden state: the batch, its augmentation, dropout and the rate are functions of (seed, epoch, step), so a run
 * that was interrupted and resumed from its checkpoint ends with the same weights, bit for bit, as one that was not.
 *
 * Which weights the model has at the end: those after the last step; with early stop (patience above 0) those of the
 * epoch with the lowest validation loss, whether training stopped early or not.
 */
#ifndef DA_OPTIM_TRAINER_H
#define DA_OPTIM_TRAINER_H

#include "optim/feed.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"

#include <signal.h>

DA_C_BEGIN

typedef struct da_progress {       /* what a progress bar shows */
    int64_t epoch, epochs;         /* 0-based */
    int64_t step, steps;           /* of the epoch */
    int64_t samples_seen;          /* since this process began */
    double  loss, accuracy;        /* running means of the epoch */
    double  rate;                  /* learning rate */
    double  seconds, seconds_left; /* since this process began; estimate for the rest */
    bool    epoch_done;            /* the last call of an epoch: validation below is set */
    bool    has_validation;
    double  validation_loss, validation_accuracy;
    const char *trouble;           /* why the log or the checkpoint could not be written just now; NULL: it could */
} da_progress;

typedef struct da_epoch_record {   /* one line of the log */
    int64_t epoch;                 /* 0-based here; the log counts from 1 */
    double  loss, accuracy;        /* means over the epoch's training batches, as they were seen */
    double  validation_loss, validation_accuracy; /* NaN without validation; empty in the log */
    double  rate;                  /* of the epoch's last step */
    double  seconds;
} da_epoch_record;

/* A point of the curve of losses: mean over the images of `every` steps, the last of them `step`. */
typedef struct da_loss_point {
    int64_t step;                  /* counted from 1 over all epochs */
    double  loss;
} da_loss_point;

#define DA_ONLY_INTERRUPTED INT64_MAX
enum { DA_TROUBLE = 512 };

typedef struct da_trainer_options {
    int64_t epochs, batch;
    int64_t max_steps;             /* stop after this many steps in all, those before a resumption too; 0: no limit. The
                                      schedule is that of `epochs`, so that a run stopped this way can be resumed */
    int64_t limit;                 /* train on the first `limit` samples of the training part; 0: all */
    uint64_t seed;
    da_optimizer_options optimizer;
    const da_parameter_group *groups; int group_count;
    da_schedule schedule;
    float   label_smoothing;
    da_augmentation augmentation;
    int64_t validation;            /* samples of the training set held out, chosen by the seed; 0: none */
    int64_t patience;              /* early stop after this many epochs without a better validation loss; 0: never */
    const char *log_path;          /* CSV, a line an epoch, always a whole file; NULL: none */
    const char *checkpoint_path;   /* NULL: none; written every checkpoint_every epochs, at the end, when interrupted */
    int64_t checkpoint_every;      /* 0 means 1; DA_ONLY_INTERRUPTED: when interrupted and at no other time */
    bool    resume;                /* continue from checkpoint_path, which must exist and have the same options */
    volatile sig_atomic_t *stop;   /* set from outside (Ctrl-C): save and return DA_ERROR_INTERRUPTED; NULL: never */
    void  (*progress)(void *context, const da_progress *progress);
    void   *context;
} da_trainer_options;
da_trainer_options da_trainer_defaults(void); /* 5 epochs, batch 128, SGD .05 momentum .9, cosine */
/* What `deeparc train` does unless it is told otherwise: the recipe of the zoo for an architecture, photographs (three
   channels) shifted by up to 4 pixels and mirrored. Of the data only `channels` is looked at. */
da_trainer_options da_trainer_for(const char *architecture, const da_dataset *data);

typedef struct da_training_result {
    int64_t steps;
    double  seconds;               /* of this process */
    double  loss, accuracy;        /* running means of the last epoch, complete or not */
    da_epoch_record *epochs; int64_t epoch_count; /* all epochs, also those before a resumption; owned */
    da_loss_point *losses; int64_t loss_count; /* over the steps of this process, at most 200; owned */
    bool    stopped_early;
    char    trouble[DA_TROUBLE];   /* one sentence when the log or the last checkpoint could not be written; else "" */
} da_training_result;
void da_training_result_free(da_training_result *result);

/* Trains the parameters that are not frozen. The model's normalisation is set from the data set when unknown.
   A step makes no heap call once the first has been made (a smaller last batch takes the buffers of a whole one).
   result may be NULL; it is set on success and on interruption, all zero otherwise. Errors:
     DA_ERROR_ARGUMENT, _SHAPE     options or data that do not fit, a last batch of one image that batch norm cannot
                                   learn from; a checkpoint made with other options, naming which, or
                                   whose frozen values are not the model's. The model stays as it was
     DA_ERROR_NUMERIC              a loss or gradient that is not finite: names step, operation and layer. The model
                                   keeps the weights and running statistics from before that step
     DA_ERROR_INTERRUPTED          *stop was set: the model holds the weights of the last step, the checkpoint too
     DA_ERROR_FORMAT, _NOT_FOUND   a checkpoint that cannot be resumed, or of another network; the model stays
                                   as it was
     DA_ERROR_BUSY                 another process trains into the checkpoint
     DA_ERROR_IO, _MEMORY          the model holds the weights of the last whole step
   A log or a checkpoint that can no longer be written does not end the training: it is tried again after the next
   epoch, and what the last try said is in result->trouble; without a result it is DA_ERROR_IO at the end. */
da_status da_train(da_model *model, const da_dataset *data, const da_trainer_options *options,
                   da_training_result *result);

/* What da_train would refuse without looking at data: options, and where it resumes, a checkpoint that is not there, is
   damaged, holds no run, or is of another network than model (NULL: any). Errors: as da_train's. */
da_status da_trainer_check(const da_model *model, const da_trainer_options *options);
/* The steps of a whole run on so many images, those held out among them; 0: there is nothing to learn from. */
int64_t   da_trainer_steps(const da_trainer_options *options, int64_t images);

/* Mean loss and accuracy in inference mode: the same bits for any batch, number of threads and machine. logits (count x
   classes), when not NULL, receives the outputs in file order. Without labels loss and accuracy are NaN. A sample with
   a logit that is not a number is not correct, and is counted in not_numbers. Errors:
   DA_ERROR_SHAPE (images or classes that do not suit the model), DA_ERROR_ARGUMENT (batch below 1, a label the model
   has no class for, the model's normalisation is unknown), DA_ERROR_MEMORY. */
typedef struct da_evaluation { int64_t samples, correct, not_numbers; double loss, accuracy, seconds; } da_evaluation;
da_status da_evaluate(da_model *model, const da_dataset *data, int64_t batch, float *logits, da_evaluation *result);
da_status da_evaluate_feed(da_model *model, da_feed *feed, float *logits, da_evaluation *result); /* ... on a feed */

/* The class a row of logits names, the first of equal ones; -1: none, as one of them is not a number. And how many rows
   of n x classes name their label. */
int64_t da_named_class(const float *row, int64_t classes);
int64_t da_count_correct(const da_tensor *logits, const uint8_t *labels);

/* The class of one picture: pixels are the model's H x W x C bytes, channels last. logits, when not NULL, receives the
   model's `classes` outputs, with the bits that da_evaluate gives for the same picture. *answer is the place of the largest,
   the first of equal ones; -1 when one of them is not a number. Errors: DA_ERROR_ARGUMENT (the model's normalisation is
   unknown), DA_ERROR_MEMORY. Takes and gives back its memory: for many pictures, da_evaluate over da_dataset_borrow. */
da_status da_predict_pixels(da_model *model, const uint8_t *pixels, float *logits, int *answer);

DA_C_END

#endif
