/* The training options of a command, read into those of the trainer. */
#include "deeparc/cli/cli.h"
#include "deeparc/cli/record.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/number.h"
#include "deeparc/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static da_status read_optimizer(cli *c, da_optimizer_options *o) {
    if (cli_has(c, "optimizer")) {
        da_optimizer_kind kind = (da_optimizer_kind)cli_choice(c, "optimizer"); /* sgd, adam, adamw: the enum's order */
        if (kind != o->kind) *o = da_optimizer_defaults(kind);
    }
    if (!da_optimizer_uses(o->kind, "momentum") && (cli_given(c, "momentum") || cli_flag(c, "nesterov")))
        return cli_usage(c, "--momentum and --nesterov belong to sgd; the optimizer is %s", da_optimizer_name(o->kind));
    if (cli_given(c, "momentum")) o->momentum = (float)cli_real(c, "momentum");
    if (o->momentum <= 0 && !cli_flag(c, "nesterov")) o->nesterov = false; /* a default that --momentum 0 ends */
    if (cli_flag(c, "nesterov")) o->nesterov = true;
    if (o->nesterov && o->momentum <= 0) return cli_usage(c, "--nesterov needs a --momentum above 0");
    if (cli_given(c, "weight-decay")) o->weight_decay = (float)cli_real(c, "weight-decay");
    if (cli_has(c, "decay")) o->decay_weights_only = cli_choice(c, "decay") == 1;
    if (cli_has(c, "decay") && o->weight_decay <= 0)
        return cli_usage(c, "--decay has no effect without weight decay: add --weight-decay W");
    if (cli_given(c, "clip")) o->clip = (float)cli_real(c, "clip");
    return DA_OK;
}

static da_status read_milestones(cli *c, da_schedule *s) {
    const char *text = cli_text(c, "milestones");
    s->milestone_count = 0;
    while (s->milestone_count < DA_MAX_MILESTONES) {
        char *end;
        long long epoch = strtoll(text, &end, 10);
        if (end == text || (*end && *end != ',') || epoch < 1 || epoch > 1000000) break;
        if (s->milestone_count > 0 && epoch <= s->milestones[s->milestone_count - 1]) break;
        s->milestones[s->milestone_count++] = epoch;
        if (!*end) return DA_OK;
        text = end + 1;
    }
    return cli_usage(c, "--milestones '%s' must be up to %d epochs in ascending order, such as 80,120",
                     cli_text(c, "milestones"), DA_MAX_MILESTONES);
}

static da_status read_schedule(cli *c, da_schedule *s) {
    float rate = s->rate;
    if (cli_has(c, "schedule") && (da_schedule_kind)cli_choice(c, "schedule") != s->kind)
        *s = (da_schedule){ .kind = (da_schedule_kind)cli_choice(c, "schedule"), .rate = rate }; /* the enum's order */
    static const char *const options[] = { "step-every", "milestones", "factor", "final-rate", "rise", "low-momentum",
                                           "warmup" };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (cli_given(c, options[i]) && !da_schedule_uses(s->kind, options[i]))
            return cli_usage(c, "--%s has no effect on a %s schedule: choose another --schedule", options[i],
                             da_schedule_name(s->kind));
    if (s->kind == DA_STEP && s->every == 0 && !cli_given(c, "step-every"))
        return cli_usage(c, "--schedule step needs --step-every N");
    if (s->kind == DA_MULTI_STEP && s->milestone_count == 0 && !cli_given(c, "milestones"))
        return cli_usage(c, "--schedule multi-step needs --milestones N,N,...");
    if (cli_given(c, "rate")) s->rate = (float)cli_real(c, "rate");
    if (cli_given(c, "step-every")) s->every = cli_int(c, "step-every");
    if (cli_given(c, "milestones")) DA_TRY(read_milestones(c, s));
    if (cli_given(c, "factor") && cli_real(c, "factor") != DA_SCHEDULE_FACTOR) s->factor = (float)cli_real(c, "factor");
    if (cli_given(c, "final-rate")) s->final = (float)cli_real(c, "final-rate");
    if (cli_given(c, "warmup")) s->warm_steps = cli_int(c, "warmup");
    if (cli_given(c, "rise") && cli_real(c, "rise") != DA_SCHEDULE_RISE) s->warm_share = (float)cli_real(c, "rise");
    if (cli_given(c, "low-momentum")) s->low_momentum = (float)cli_real(c, "low-momentum");
    return DA_OK;
}

/* Do drops of the rate come before the end? */
static da_status check_drops(cli *c, const da_schedule *s, int64_t epochs) {
    bool multi = s->kind == DA_MULTI_STEP;
    int64_t last = multi ? s->milestones[s->milestone_count - 1] : s->every;
    if ((s->kind != DA_STEP && !multi) || last < epochs) return DA_OK;
    return cli_usage(c, "--%s: the drop after epoch %lld has no effect on a run of %s", multi ? "milestones" : "step-every",
                     (long long)last, da_count(epochs, "epoch").text);
}

/* "crop4" and "cutout8": the word, then a number of pixels from its end to the end of the item. */
static bool pixels(const char *item, const char *word, const char *ending, int *out) {
    size_t length = strlen(word);
    if (strncmp(item, word, length) != 0) return false;
    char *end;
    long value = item[length] >= '0' && item[length] <= '9' ? strtol(item + length, &end, 10) : 0;
    if (value < 1 || value > 4096 || strcmp(end, ending) != 0) return false;
    *out = (int)value;
    return true;
}

static da_status read_augmentation(cli *c, da_augmentation *a) {
    cli_names items = { 0 };
    DA_TRY(cli_names_split(c, &items, "augment"));
    *a = (da_augmentation){ 0 };
    da_status status = DA_OK;
    for (int i = 0; i < items.count && status == DA_OK; i++) {
        const char *item = items.items[i];
        if (strcmp(item, "none") == 0 && items.count == 1) continue;
        if (strcmp(item, "flip") == 0) a->flip = true;
        else if (pixels(item, "crop", "", &a->pad)) a->border = DA_BORDER_ZERO;
        else if (pixels(item, "crop", "-reflect", &a->pad)) a->border = DA_BORDER_REFLECT;
        else if (!pixels(item, "cutout", "", &a->cutout))
            status = cli_usage(c, "--augment does not know '%.40s': cropN, cropN-reflect, flip, cutoutN, or none alone",
                               item);
    }
    cli_names_free(&items);
    return status;
}

static da_status read_files(cli *c, da_trainer_options *o) {
    o->log_path = cli_text(c, "log");
    o->checkpoint_path = cli_text(c, "checkpoint");
    o->resume = cli_flag(c, "resume");
    if (c->partial[0]) {
        o->checkpoint_path = c->partial;
        o->checkpoint_every = DA_ONLY_INTERRUPTED;
    }
    if (o->resume && !o->checkpoint_path)
        return cli_usage(c, "--resume needs --checkpoint FILE, the file to continue from, or the run's --out FILE");
    return DA_OK;
}

static da_status read_all(cli *c, da_trainer_options *options, const da_trainer_options *defaults) {
    da_trainer_options o = *defaults;
    DA_TRY(read_optimizer(c, &o.optimizer));
    if (o.optimizer.kind != defaults->optimizer.kind) o.schedule.rate = da_optimizer_rate(o.optimizer.kind);
    DA_TRY(read_schedule(c, &o.schedule));
    if (o.schedule.low_momentum > o.optimizer.momentum)
        return cli_usage(c, "--low-momentum %g is above the momentum %g of %s", (double)o.schedule.low_momentum,
                         (double)o.optimizer.momentum, da_optimizer_name(o.optimizer.kind));
    if (!(o.schedule.rate > 0)) return cli_usage(c, "--rate %s would train nothing", cli_text(c, "rate"));
    if (cli_given(c, "augment")) DA_TRY(read_augmentation(c, &o.augmentation));
    if (cli_given(c, "epochs")) o.epochs = cli_int(c, "epochs");
    DA_TRY(check_drops(c, &o.schedule, o.epochs));
    if (cli_given(c, "batch")) o.batch = cli_int(c, "batch");
    if (cli_given(c, "label-smoothing")) o.label_smoothing = (float)cli_real(c, "label-smoothing");
    o.validation = cli_int(c, "validation");
    o.patience = cli_int(c, "patience");
    if (o.patience > 0 && o.validation == 0)
        return cli_usage(c, "--patience needs --validation N, samples to judge by");
    o.max_steps = cli_int(c, "max-steps");
    o.seed = c->seed;
    if (c->command->tables & CLI_RESUMING) DA_TRY(read_files(c, &o));
    *options = o;
    return DA_OK;
}

da_status cli_training_check(cli *c, const da_model *model, const da_trainer_options *defaults) {
    da_trainer_options read;
    DA_TRY(read_all(c, &read, defaults));
    return da_trainer_check(model, &read);
}

/* The rate that was asked for is reached after the warm-up, so never in a run that is no longer. */
static void note_warm_up(cli *c, const da_trainer_options *o, int64_t images) {
    int64_t steps = da_trainer_steps(o, images), warm = o->schedule.warm_steps;
    if (steps < 1 || warm < steps) return;
    cli_note(c, "the warm-up of %s takes the whole run, which has %s: the rate rises to %.3g at its end",
             da_count(warm, "step").text, da_count(steps, "step").text,
             (double)o->schedule.rate * (double)steps / (double)warm);
}

da_status cli_training_options(cli *c, da_trainer_options *options, const da_trainer_options *defaults, int64_t images) {
    DA_TRY(read_all(c, options, defaults));
    note_warm_up(c, options, images);
    cli_watch_interrupt(options->checkpoint_path || !(c->command->tables & CLI_RESUMING));
    options->stop = &cli_stop;
    options->progress = cli_progress_training;
    options->context = c;
    run_note_training(c, options);
    return DA_OK;
}

da_status cli_training_interrupted(cli *c, const da_trainer_options *options) {
    if (!options->checkpoint_path)
        return DA_FAIL(DA_ERROR_INTERRUPTED,
                       "interrupted, and nothing was saved: with --out FILE or --checkpoint FILE, Ctrl-C keeps what "
                       "was done");
    da_text line = { 0 };
    for (int i = 0; i < c->argc; i++) {
        if (i > 0) da_text_append(&line, " ");
        da_text_shell(&line, c->argv[i]);
    }
    if (!options->resume) da_text_append(&line, " --resume");
    da_status status = da_text_status(&line);
    if (status == DA_OK)
        status = DA_FAIL(DA_ERROR_INTERRUPTED, "interrupted, what was done is in '%s'; to continue: %s",
                         options->checkpoint_path, da_text_string(&line));
    da_text_free(&line);
    return status;
}

void cli_training_trouble(cli *c, const da_training_result *result) {
    if (result->trouble[0]) cli_aside(c, DA_FAIL(DA_ERROR_IO, "%s", result->trouble));
}

void cli_training_saved(const cli *c, const da_trainer_options *options) {
    if (options->resume && options->checkpoint_path == c->partial) unlink(c->partial);
}
