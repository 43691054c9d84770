/* The loop of training: epochs, validation, early stop, checkpoints, progress. */
#include "core/file.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "layers/zoo.h"
#include "optim/training.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

da_trainer_options da_trainer_defaults(void) {
    return (da_trainer_options){ .epochs = 5, .batch = 128, .seed = 1, .optimizer = da_optimizer_defaults(DA_SGD),
                                 .schedule = { .kind = DA_COSINE, .rate = 0.05f }, .checkpoint_every = 1 };
}

da_trainer_options da_trainer_for(const char *architecture, const da_dataset *data) {
    const da_recipe recipe = da_zoo_recipe(architecture);
    da_trainer_options o = da_trainer_defaults();
    o.batch = recipe.batch;
    o.optimizer.weight_decay = recipe.weight_decay;
    o.schedule = (da_schedule){ .kind = DA_ONE_CYCLE, .rate = recipe.rate };
    if (data->channels == 3) o.augmentation = (da_augmentation){ .pad = 4, .flip = true };
    else o.augmentation.pad = recipe.shift;
    return o;
}

/* ---- The run: what it needs, and giving that back ---- */

static da_status check_options(const da_trainer_options *o) {
    if (o->epochs < 1 || o->epochs > DAI_MAX_EPOCHS)
        return DA_FAIL(DA_ERROR_ARGUMENT, "training: %lld epochs: 1 to %d make sense", (long long)o->epochs,
                       DAI_MAX_EPOCHS);
    if (o->max_steps < 0 || o->limit < 0 || o->patience < 0 || o->checkpoint_every < 0)
        return DA_FAIL(DA_ERROR_ARGUMENT,
                       "training: most steps %lld, limit %lld, patience %lld, epochs between checkpoints %lld: "
                       "none may be negative",
                       (long long)o->max_steps, (long long)o->limit, (long long)o->patience,
                       (long long)o->checkpoint_every);
    if (!(o->label_smoothing >= 0 && o->label_smoothing < 1))
        return DA_FAIL(DA_ERROR_ARGUMENT, "training: label smoothing is %g: it must be at least 0 and below 1",
                       (double)o->label_smoothing);
    if (o->patience > 0 && o->validation == 0)
        return DA_FAIL(DA_ERROR_ARGUMENT,
                       "training: early stop watches the validation loss: hold out some samples for it");
    if (o->resume && !o->checkpoint_path)
        return DA_FAIL(DA_ERROR_ARGUMENT, "training: resuming needs the path of a checkpoint");
    DA_TRY(da_optimizer_check(&o->optimizer));
    DA_TRY(da_schedule_check(&o->schedule));
    if (o->schedule.low_momentum > o->optimizer.momentum)
        return DA_FAIL(DA_ERROR_ARGUMENT, "training: the schedule lowers the momentum to %g, the optimizer's is %g: "
                       "sgd with a momentum above that", (double)o->schedule.low_momentum,
                       (double)o->optimizer.momentum);
    return DA_OK;
}

da_status da_trainer_check(const da_model *model, const da_trainer_options *options) {
    DA_TRY(check_options(options));
    return options->resume ? dai_training_check_file(model, options->checkpoint_path) : DA_OK;
}

int64_t da_trainer_steps(const da_trainer_options *o, int64_t images) {
    int64_t learn = images - o->validation;
    if (o->limit > 0 && o->limit < learn) learn = o->limit;
    if (learn < 1 || o->batch < 1) return 0;
    int64_t steps = ((learn - 1) / o->batch + 1) * o->epochs;
    return o->max_steps > 0 && o->max_steps < steps ? o->max_steps : steps;
}

/* The parts of the data set, and the batches that are made of them. */
static da_status prepare_data(dai_training *t, const da_dataset *data) {
    const da_trainer_options *o = t->options;
    da_feed_options train = { .batches = { o->batch, true, o->seed, o->augmentation }, .part = DA_PART_TRAIN,
                              .held = o->validation, .limit = o->limit, .labels_for = "training",
                              .normalize_like_data = true }, held = train;
    held.batches = (da_batcher_options){ .batch_size = o->batch, .seed = o->seed };
    held.part = DA_PART_HELD;
    held.limit = 0;
    DA_TRY(da_feed_open(&t->feed, t->model, data, &train));
    t->steps_epoch = da_feed_steps(&t->feed);
    if (o->validation == 0) return DA_OK;
    DA_TRY(da_feed_open(&t->held, t->model, data, &held));
    return dai_evaluator_init(&t->evaluator, t->model, &t->held);
}

static da_status prepare(dai_training *t, const da_dataset *data) {
    const da_trainer_options *o = t->options;
    DA_TRY(check_options(o));
    DA_TRY(prepare_data(t, data));
    DA_TRY(da_optimizer_new(&t->optimizer, t->model, &o->optimizer, o->groups, o->group_count));
    DA_TRY(da_graph_new(&t->graph));
    DA_TRY(dai_snapshot_init(&t->buffers, t->model, true));
    DA_TRY(dai_training_try_single(t));
    if (o->patience > 0) DA_TRY(dai_snapshot_init(&t->best, t->model, false));
    t->records = da_alloc_zero((size_t)o->epochs, sizeof *t->records);
    t->curve = da_alloc_zero(DAI_MAX_LOSSES, sizeof *t->curve);
    if (!t->records || !t->curve) return DA_ERROR_MEMORY;
    t->position.best_loss = (double)INFINITY;
    if (o->checkpoint_path) DA_TRY(da_file_writable(o->checkpoint_path)); /* before the first step, not the last */
    if (o->checkpoint_path && !da_file_is_stream(o->checkpoint_path))
        DA_TRY(da_file_lock_take(&t->lock, o->checkpoint_path));
    dai_training_identify_data(t);
    if (o->resume) DA_TRY(dai_training_resume(t));
    return dai_training_log(t);
}

static void dispose(dai_training *t) {
    da_file_lock_give(t->lock);
    dai_evaluator_free(&t->evaluator);
    da_feed_close(&t->held);
    da_feed_close(&t->feed);
    da_optimizer_free(t->optimizer);
    da_graph_free(t->graph);
    dai_snapshot_free(&t->buffers);
    dai_snapshot_free(&t->best);
    da_free(t->records);
    da_free(t->curve);
}

/* ---- The loop ---- */

typedef struct loop { /* what only this process knows */
    dai_training *training;
    double  begin;        /* the clock when the process began to train */
    double  epoch_begin;  /* ... when the epoch would have begun without interruption */
    int64_t first_step, samples, saved_step; /* saved_step: steps done at the last checkpoint, -1: none */
} loop;

/* A side of the run that fails does not end it: why is kept, until the next try. */
static da_status aside(char trouble[DA_TROUBLE], da_status status) {
    bool system = status == DA_ERROR_IO || status == DA_ERROR_NOT_FOUND;
    snprintf(trouble, DA_TROUBLE, "%s", system ? da_error_message() : "");
    return system ? DA_OK : status;
}

/* What is not as it should be at this moment, or NULL. */
static const char *trouble_of(const dai_training *t) {
    return t->log_trouble[0] ? t->log_trouble : t->save_trouble[0] ? t->save_trouble : NULL;
}

static void report(const loop *l, const da_epoch_record *done) {
    const dai_training *t = l->training;
    const dai_position *p = &t->position;
    if (!t->options->progress) return;
    int64_t steps = dai_steps_done(t), planned = da_trainer_steps(t->options, t->feed.data.count);
    da_progress progress = {
        .epoch = done ? done->epoch : p->epoch,
        .epochs = t->options->epochs,
        .step = done ? t->steps_epoch : p->step,
        .steps = t->steps_epoch,
        .samples_seen = l->samples,
        .epoch_done = done != NULL,
        .trouble = trouble_of(t),
        .seconds = da_seconds() - l->begin,
        .loss = done ? done->loss : p->loss_sum / (double)p->samples,
        .accuracy = done ? done->accuracy : (double)p->correct / (double)p->samples,
        .rate = done ? done->rate : (double)dai_training_rate(t, steps - 1),
    };
    if (steps > l->first_step)
        progress.seconds_left = progress.seconds * (double)(planned - steps) / (double)(steps - l->first_step);
    if (done && t->options->validation > 0) {
        progress.has_validation = true;
        progress.validation_loss = done->validation_loss;
        progress.validation_accuracy = done->validation_accuracy;
    }
    t->options->progress(t->options->context, &progress);
}

static da_status save(loop *l) {
    dai_training *t = l->training;
    int64_t steps = dai_steps_done(t);
    if (!t->options->checkpoint_path || l->saved_step == steps) return DA_OK;
    t->position.seconds = da_seconds() - l->epoch_begin;
    DA_TRY(dai_training_save(t));
    l->saved_step = steps;
    return DA_OK;
}

static da_status interrupt(loop *l) {
    const dai_training *t = l->training;
    const char *path = t->options->checkpoint_path;
    DA_TRY(save(l));
    if (!path)
        return DA_FAIL(DA_ERROR_INTERRUPTED,
                       "interrupted after step %lld: no checkpoint was asked for, so this run cannot be resumed",
                       (long long)dai_steps_done(t));
    return DA_FAIL(DA_ERROR_INTERRUPTED,
                   "interrupted after step %lld: saved to '%s', from where the run can be resumed",
                   (long long)dai_steps_done(t), path);
}

static bool out_of_steps(const dai_training *t) {
    return t->options->max_steps > 0 && dai_steps_done(t) >= t->options->max_steps;
}

/* The steps that are left of the epoch, or as many of them as are allowed. */
static da_status run_steps(loop *l) {
    dai_training *t = l->training;
    for (;;) {
        if (t->options->stop && *t->options->stop) return interrupt(l);
        if (t->position.step == t->steps_epoch || out_of_steps(t)) return DA_OK;
        int64_t before = t->position.samples;
        double loss_before = t->position.loss_sum;
        DA_TRY(dai_training_step(t));
        int64_t samples = t->position.samples - before;
        dai_losses_add(&t->losses, t->position.loss_sum - loss_before, samples, dai_steps_done(t));
        l->samples += samples;
        report(l, NULL);
    }
}

/* A loss that is not a number is never better. */
bool dai_watch_validation(dai_position *p, double loss, int64_t patience) {
    if (patience == 0) return false;
    bool better = loss < p->best_loss;
    if (better) p->best_loss = loss;
    p->waited = better ? 0 : p->waited + 1;
    p->stopped_early = p->waited >= patience;
    return better;
}

static da_status end_epoch(loop *l) {
    dai_training *t = l->training;
    dai_position *p = &t->position;
    da_evaluation held = { .loss = (double)NAN, .accuracy = (double)NAN };
    if (t->options->validation > 0) DA_TRY(dai_evaluator_run(&t->evaluator, NULL, &held));
    double now = da_seconds();
    da_epoch_record *record = &t->records[p->epoch];
    *record = (da_epoch_record){
        .epoch = p->epoch,
        .loss = p->loss_sum / (double)p->samples,
        .accuracy = (double)p->correct / (double)p->samples,
        .validation_loss = held.loss,
        .validation_accuracy = held.accuracy,
        .rate = (double)dai_training_rate(t, dai_steps_done(t) - 1),
        .seconds = now - l->epoch_begin,
    };
    if (dai_watch_validation(p, held.loss, t->options->patience)) dai_snapshot_take(&t->best);
    *p = (dai_position){ .epoch = p->epoch + 1, .waited = p->waited, .best_loss = p->best_loss,
                         .stopped_early = p->stopped_early };
    l->epoch_begin = now;
    l->saved_step = -1; /* a checkpoint from before the validation says less than one from after it */
    DA_TRY(aside(t->log_trouble, dai_training_log(t)));
    int64_t every = t->options->checkpoint_every > 0 ? t->options->checkpoint_every : 1;
    if (p->epoch % every == 0) DA_TRY(aside(t->save_trouble, save(l)));
    report(l, record);
    return DA_OK;
}

static da_status run(loop *l) {
    dai_training *t = l->training;
    while (t->position.epoch < t->options->epochs && !t->position.stopped_early) {
        DA_TRY(run_steps(l));
        if (t->position.step < t->steps_epoch) break; /* out of steps */
        DA_TRY(end_epoch(l));
    }
    if (t->options->checkpoint_every != DA_ONLY_INTERRUPTED) DA_TRY(aside(t->save_trouble, save(l)));
    if (isfinite(t->position.best_loss)) dai_snapshot_restore(&t->best);
    return DA_OK;
}

/* Hands the records over. */
static void conclude(loop *l, da_training_result *result) {
    dai_training *t = l->training;
    const dai_position *p = &t->position;
    *result = (da_training_result){ .steps = dai_steps_done(t), .seconds = da_seconds() - l->begin,
                                    .epochs = t->records, .epoch_count = p->epoch, .stopped_early = p->stopped_early };
    if (p->samples > 0) {
        result->loss = p->loss_sum / (double)p->samples;
        result->accuracy = (double)p->correct / (double)p->samples;
    } else if (p->epoch > 0) {
        result->loss = t->records[p->epoch - 1].loss;
        result->accuracy = t->records[p->epoch - 1].accuracy;
    }
    t->records = NULL;
    if (trouble_of(t)) snprintf(result->trouble, sizeof result->trouble, "%s", trouble_of(t));
    for (int i = 0; i < t->losses.count; i++)
        t->curve[i] = (da_loss_point){ t->losses.window[i].last_step,
                                       t->losses.window[i].sum / (double)t->losses.window[i].samples };
    result->losses = t->curve;
    result->loss_count = t->losses.count;
    t->curve = NULL;
}

da_status da_train(da_model *model, const da_dataset *data, const da_trainer_options *options,
                   da_training_result *result) {
    if (result) memset(result, 0, sizeof *result);
    dai_training training = { .model = model, .options = options };
    da_status status = prepare(&training, data);
    if (status == DA_OK) status = da_model_add_training(model, &training.record);
    if (status == DA_OK) {
        model->normalization = training.feed.normalization;
        loop l = { .training = &training, .begin = da_seconds(), .saved_step = -1 };
        l.first_step = dai_steps_done(&training);
        l.epoch_begin = l.begin - training.position.seconds;
        status = run(&l);
        if (result && (status == DA_OK || status == DA_ERROR_INTERRUPTED)) conclude(&l, result);
        if (!result && status == DA_OK && trouble_of(&training))
            status = DA_FAIL(DA_ERROR_IO, "%s", trouble_of(&training));
    }
    dispose(&training);
    return status;
}

void da_training_result_free(da_training_result *result) {
    if (!result) return;
    da_free(result->epochs);
    da_free(result->losses);
    memset(result, 0, sizeof *result);
}
