/* The fingerprint of a run: all that its weights depend on besides the initial ones, each as a short text under a name
 * that a message can use. Two runs with equal fingerprints take the same steps.
 *
 *     {"data": "mnist: 60000 images 28x28x1, sha256:5f21...", "batch size": "128", ...}
 */
#include "core/memory.h"
#include "core/number.h"
#include "core/sha256.h"
#include "optim/training.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void put_int(da_json_writer *to, const char *key, int64_t value) {
    char text[DA_NUMBER_TEXT];
    snprintf(text, sizeof text, "%" PRId64, value);
    da_json_key(to, key);
    da_json_put_string(to, text);
}

static void put_float(da_json_writer *to, const char *key, float value) {
    char text[DA_NUMBER_TEXT];
    da_json_key(to, key);
    da_json_put_string(to, da_number_text(text, (double)value));
}

static void put_text(da_json_writer *to, const char *key, const char *text) {
    da_json_key(to, key);
    da_json_put_string(to, text);
}

void dai_training_identify_data(dai_training *t) {
    const da_trainer_options *o = t->options;
    t->record = (da_training_record){ .images = t->feed.data.count, .validation = o->validation, .seed = o->seed };
    if (t->feed.subset.count < t->feed.data.count - o->validation) t->record.limit = t->feed.subset.count;
    snprintf(t->record.data, sizeof t->record.data, "%s", t->feed.data.name);
    da_dataset_fingerprint(&t->feed.data, t->record.fingerprint);
}

static void put_data(const dai_training *t, da_json_writer *to) {
    const da_dataset *data = &t->feed.data;
    char text[256], number[2][DA_NUMBER_TEXT], key[48];
    snprintf(text, sizeof text, "%s: %" PRId64 " images %" PRId64 "x%" PRId64 "x%" PRId64 ", sha256:%s", t->record.data,
             data->count, data->height, data->width, data->channels, t->record.fingerprint);
    put_text(to, "data", text);
    for (int64_t c = 0; c < data->channels; c++) {
        snprintf(key, sizeof key, "normalisation of channel %d", (int)c);
        snprintf(text, sizeof text, "mean %s, deviation %s", da_number_text(number[0], (double)data->mean[c]),
                 da_number_text(number[1], (double)data->deviation[c]));
        put_text(to, key, text);
    }
}

static void put_optimizer(const dai_training *t, da_json_writer *to) {
    const da_optimizer_options *o = &t->options->optimizer;
    put_text(to, "optimizer", da_optimizer_name(o->kind));
    put_float(to, "momentum", o->momentum);
    put_int(to, "nesterov", o->nesterov);
    put_float(to, "beta1", o->beta1);
    put_float(to, "beta2", o->beta2);
    put_float(to, "epsilon", o->epsilon);
    put_float(to, "weight decay", o->weight_decay);
    put_int(to, "decay of weights only", o->decay_weights_only);
    put_float(to, "clipping norm", o->clip);
    put_int(to, "parameter groups", t->options->group_count);
    for (int g = 0; g < t->options->group_count; g++) {
        const da_parameter_group *group = &t->options->groups[g];
        char key[48], text[256], number[2][DA_NUMBER_TEXT];
        snprintf(key, sizeof key, "parameter group %d", g);
        snprintf(text, sizeof text, "%.128s rate x %s, decay %s", group->glob,
                 da_number_text(number[0], (double)group->rate_factor),
                 da_number_text(number[1], (double)group->weight_decay));
        put_text(to, key, text);
    }
}

static void put_schedule(const dai_training *t, da_json_writer *to) {
    const da_schedule *s = &t->options->schedule;
    put_text(to, "schedule", da_schedule_name(s->kind));
    put_float(to, "learning rate", s->rate);
    put_float(to, "final rate", s->final);
    put_float(to, "rate factor", s->factor);
    put_int(to, "epochs between drops", s->every);
    put_int(to, "milestones", s->milestone_count);
    for (int m = 0; m < s->milestone_count; m++) {
        char key[48];
        snprintf(key, sizeof key, "milestone %d", m);
        put_int(to, key, s->milestones[m]);
    }
    put_int(to, "warm-up steps", s->warm_steps);
    put_float(to, "warm-up share", s->warm_share);
    put_float(to, "momentum at the peak", s->low_momentum);
    /* The others do not look ahead: training may go on for more epochs than were planned. */
    if (da_schedule_uses(s->kind, "final-rate")) put_int(to, "epochs", t->options->epochs);
}

static void put_augmentation(const dai_training *t, da_json_writer *to) {
    const da_augmentation *a = &t->options->augmentation;
    put_int(to, "augmentation: pad", a->pad);
    put_text(to, "augmentation: border", a->border == DA_BORDER_REFLECT ? "reflect" : "zero");
    put_int(to, "augmentation: flip", a->flip);
    put_int(to, "augmentation: cutout", a->cutout);
}

/* Which parameters train: a digest of their names. */
static da_status put_trained(const dai_training *t, da_json_writer *to) {
    da_parameter_list list = { 0 };
    char hex[65], text[96];
    int count = 0;
    da_sha256 hash;
    DA_TRY(da_model_parameters(t->model, &list));
    da_sha256_init(&hash);
    for (int i = 0; i < list.count; i++) {
        if (list.items[i].parameter->frozen) continue;
        da_sha256_update(&hash, list.items[i].name, strlen(list.items[i].name) + 1);
        count++;
    }
    da_sha256_hex(&hash, hex);
    da_parameter_list_free(&list);
    snprintf(text, sizeof text, "%d parameters and buffers, names sha256:%.16s", count, hex);
    put_text(to, "what trains", text);
    return DA_OK;
}

da_status dai_training_options_write(const dai_training *t, da_json_writer *to) {
    const da_trainer_options *o = t->options;
    char seed[DA_NUMBER_TEXT];
    snprintf(seed, sizeof seed, "%" PRIu64, o->seed);
    da_json_begin_object(to);
    put_data(t, to);
    put_text(to, "seed", seed);
    put_text(to, "convolutions", da_conv_method_name(t->model->conv));
    put_int(to, "batch size", o->batch);
    put_int(to, "samples", t->feed.subset.count);
    put_int(to, "validation samples", t->options->validation);
    put_int(to, "patience", o->patience);
    put_float(to, "label smoothing", o->label_smoothing);
    put_optimizer(t, to);
    put_schedule(t, to);
    put_augmentation(t, to);
    DA_TRY(put_trained(t, to));
    da_json_end(to);
    return DA_OK;
}

/* This run's options, read back as the tree a checkpoint's come in. */
static da_status own_tree(const dai_training *t, da_json **tree) {
    da_json_writer writer;
    char *text = NULL;
    size_t size = 0;
    da_json_writer_init(&writer, false);
    da_status status = dai_training_options_write(t, &writer);
    if (status != DA_OK) {
        da_json_writer_free(&writer);
        return status;
    }
    DA_TRY(da_json_finish(&writer, &text, &size));
    status = da_json_parse(tree, text, size, "options");
    da_free(text);
    return status;
}

static da_status compare(const da_json *own, const da_json *saved) {
    for (const da_json *mine = da_json_first(own); mine; mine = da_json_next(mine)) {
        const char *key = da_json_key_of(mine), *now = NULL, *then = NULL;
        DA_TRY(da_json_as_string(mine, &now));
        DA_TRY(da_json_string(saved, key, &then));
        if (strcmp(now, then) != 0)
            return DA_FAIL(DA_ERROR_ARGUMENT, "cannot resume with other options: %s was '%s' and is '%s' now", key,
                           then, now);
    }
    return DA_OK;
}

da_status dai_training_options_compare(const dai_training *t, const da_json *saved) {
    da_json *own = NULL;
    DA_TRY(own_tree(t, &own));
    da_status status = compare(own, saved);
    da_json_free(own);
    return status;
}
