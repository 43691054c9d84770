/* The trainer: learning, logs, early stop, the trap for NaN, checkpoints, and resuming to the same bits. */
#include "core/file.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/random.h"
#include "layers/checkpoint.h"
#include "layers/zoo.h"
#include "optim/feed.h"
#include "optim/trainer.h"
#include "tests/unit/test.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIDE = 4, PIXELS = SIDE * SIDE, COUNT = 110, CLASSES = 3 };

static uint8_t pixels[COUNT * PIXELS], labels[COUNT];
static char set_name[] = "blobs";

/* Noise with a bright row that tells the class. */
static da_dataset blobs(void) {
    for (int i = 0; i < COUNT; i++) {
        labels[i] = (uint8_t)da_random_below(5, da_stream(DA_RANDOM_TEST, 1), (uint64_t)i, CLASSES);
        for (int p = 0; p < PIXELS; p++) {
            uint32_t noise = da_random_below(5, da_stream(DA_RANDOM_TEST, 2), (uint64_t)(i * PIXELS + p), 150);
            pixels[i * PIXELS + p] = (uint8_t)(noise + (p / SIDE == labels[i] ? 100 : 0));
        }
    }
    return (da_dataset){.name = set_name,
                        .source = set_name,
                        .count = COUNT,
                        .height = SIDE,
                        .width = SIDE,
                        .channels = 1,
                        .classes = CLASSES,
                        .images = pixels,
                        .labels = labels,
                        .mean = {0.4f},
                        .deviation = {0.25f}};
}

static da_model *tiny_model(void) {
    static const struct { const char *name; da_layer_options options; } units[] = {
        {"fc1", {.kind = DA_LAYER_LINEAR, .outputs = 12}},
        {"bn", {.kind = DA_LAYER_BATCH_NORM}},
        {"relu", {.kind = DA_LAYER_RELU}},
        {"drop", {.kind = DA_LAYER_DROPOUT, .probability = 0.2f}},
        {"fc2", {.kind = DA_LAYER_LINEAR, .outputs = CLASSES}},
    };
    da_model *model = NULL;
    CHECK_OK(da_model_new(&model, "tiny", (int64_t[]){ SIDE, SIDE, 1 }, CLASSES));
    for (int u = 0; u < 5; u++) CHECK_OK(da_model_append(model, units[u].name, &units[u].options));
    CHECK_OK(da_model_initialize(model, DA_INIT_HE, 1));
    return model;
}

/* Four epochs of 3 steps: 90 of 110 samples in batches of 40, 40 and 10. */
static da_trainer_options short_run(void) {
    da_trainer_options o = da_trainer_defaults();
    o.epochs = 4;
    o.batch = 40;
    o.validation = 20;
    o.seed = 9;
    o.augmentation = (da_augmentation){ .flip = true };
    return o;
}
enum { STEPS = 12 };

static void check_hash(const da_model *model, const char *expected) {
    char hex[65] = "";
    CHECK_OK(da_model_hash(model, -1, hex));
    CHECK_TEXT(hex, expected);
}

/* The log without its last column, which is a time. */
static void read_log(const char *path, char *out, size_t capacity) {
    uint8_t *bytes = NULL;
    size_t size = 0, used = 0;
    CHECK_OK(da_file_read(path, 1 << 20, &bytes, &size));
    bool last = false;
    for (size_t i = 0, commas = 0; bytes && i < size && used + 1 < capacity; i++) {
        commas = bytes[i] == '\n' ? 0 : commas + (bytes[i] == ',');
        last = commas >= 6;
        if (!last) out[used++] = (char)bytes[i];
    }
    out[used] = '\0';
    da_free(bytes);
}

/* ---- Learning and reporting ---- */

typedef struct watcher {
    int64_t steps, epochs, stop_after;
    volatile sig_atomic_t stop;
    int64_t heap_calls[64]; /* after every step */
    da_progress last;
} watcher;

static void watch(void *context, const da_progress *progress) {
    watcher *w = context;
    w->last = *progress;
    if (progress->epoch_done) {
        w->epochs++;
        return;
    }
    w->heap_calls[w->steps % 64] = da_memory().calls;
    if (++w->steps == w->stop_after) w->stop = 1;
}

TEST(trainer_learns_and_reports) {
    da_dataset data = blobs();
    da_model *model = tiny_model();
    da_trainer_options o = short_run();
    watcher w = { 0 };
    da_training_result result;
    o.epochs = 20;
    o.progress = watch;
    o.context = &w;
    CHECK_OK(da_train(model, &data, &o, &result));
    CHECK_INT(result.steps, 60);
    CHECK_INT(result.epoch_count, 20);
    CHECK_INT(w.steps, 60);
    CHECK_INT(w.epochs, 20);
    CHECK_INT(w.last.samples_seen, 20 * 90);
    CHECK(w.last.has_validation && w.last.epoch_done && w.last.seconds_left == 0);
    if (result.epochs) {
        CHECK(result.epochs[19].loss < 0.5 * result.epochs[0].loss);
        CHECK(result.epochs[19].validation_accuracy >= 0.9);
        CHECK_CLOSE(w.last.validation_loss, result.epochs[19].validation_loss, 0);
        CHECK_CLOSE(result.loss, result.epochs[19].loss, 0);
    }
    CHECK(model->normalization.known && model->normalization.mean[0] == 0.4f);
    da_training_result_free(&result);
    da_model_free(model);
}

TEST(trainer_makes_no_heap_call_after_the_first_step) {
    da_dataset data = blobs();
    da_model *model = tiny_model();
    da_trainer_options o = short_run();
    watcher w = { 0 };
    o.progress = watch;
    o.context = &w;
    CHECK_OK(da_train(model, &data, &o, NULL));
    CHECK_INT(w.steps, STEPS);
    CHECK(STEPS >= 9);
    for (int s = 1; s < STEPS; s++) /* steps 2, 5, 8 are smaller batches; every third comes behind a validation, which */
        if (s % 3 != 0)             /* allocates when a thread has its first share in one */
            CHECK_INT(w.heap_calls[s], w.heap_calls[s - 1]);
    da_model_free(model);
}

TEST(trainer_writes_a_line_of_log_for_every_epoch) {
    da_dataset data = blobs();
    da_model *model = tiny_model();
    da_trainer_options o = short_run();
    char log[4096], expected[4096];
    da_training_result result;
    o.log_path = test_temporary("trainer.csv");
    CHECK_OK(da_train(model, &data, &o, &result));
    read_log(o.log_path, log, sizeof log);
    size_t used =
        (size_t)snprintf(expected, sizeof expected, "epoch,loss,accuracy,validation_loss,validation_accuracy,rate\n");
    CHECK(strncmp(log, expected, used) == 0);
    const char *line = log + used;
    for (int e = 0; e < 4 && result.epochs && line; e++, line = strchr(line, '\n') + 1) {
        double v[6] = { 0 };
        CHECK_INT(sscanf(line, "%lf,%lf,%lf,%lf,%lf,%lf", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5]), 6);
        const da_epoch_record *r = &result.epochs[e];
        CHECK(v[0] == e + 1 && v[1] == r->loss && v[2] == r->accuracy && v[3] == r->validation_loss);
        CHECK(v[4] == r->validation_accuracy && v[5] == r->rate);
    }
    CHECK(line && *line == '\0');
    da_training_result_free(&result);
    da_model_free(model);
}

/* A folder that goes while the run trains, and comes back. */
typedef struct vanishing { const char *folder; int64_t goes, comes; int troubles; } vanishing;
static void take_folder(void *context, const da_progress *p) {
    vanishing *v = context;
    v->troubles += p->epoch_done && p->trouble;
    char path[4096];
    if (!p->epoch_done) return;
    for (int i = 0; p->epoch + 1 == v->goes && i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", v->folder, i == 0 ? "log" : "run");
        unlink(path);
        snprintf(path, sizeof path, "%s/run.lock", v->folder);
        unlink(path);
    }
    if (p->epoch + 1 == v->goes) CHECK_INT(rmdir(v->folder), 0);
    if (p->epoch + 1 == v->comes) CHECK_INT(mkdir(v->folder, 0777), 0);
}

TEST(trainer_goes_on_when_its_log_or_checkpoint_cannot_be_written) {
    da_dataset data = blobs();
    da_trainer_options o = short_run();
    da_training_result result;
    char folder[4096], log[4200], run[4200], hash[65], expected[65];
    da_model *plain = tiny_model();
    CHECK_OK(da_train(plain, &data, &o, NULL));
    CHECK_OK(da_model_hash(plain, -1, expected));
    snprintf(folder, sizeof folder, "%s", test_temporary("vanishing"));
    snprintf(log, sizeof log, "%s/log", folder);
    snprintf(run, sizeof run, "%s/run", folder);
    o.progress = take_folder;
    o.log_path = log;
    o.checkpoint_path = run;
    for (int comes = 0; comes <= 3; comes += 3) { /* never, or before the last epoch */
        vanishing v = { folder, 2, comes, 0 };
        da_model *model = tiny_model();
        mkdir(folder, 0777);
        o.context = &v;
        CHECK_OK(da_train(model, &data, &o, &result));
        CHECK_INT(result.epoch_count, 4);
        CHECK_INT(v.troubles, comes ? 1 : 2);
        CHECK(comes ? !result.trouble[0] : strstr(result.trouble, "vanishing/log") != NULL);
        CHECK(da_file_exists(log) == (comes > 0) && da_file_exists(run) == (comes > 0));
        CHECK_OK(da_model_hash(model, -1, hash));
        CHECK_TEXT(hash, expected);
        da_training_result_free(&result);
        if (comes) { unlink(log); unlink(run); }
        da_model_free(model);
    }
    rmdir(folder);
    mkdir(folder, 0777);
    vanishing v = { folder, 2, 0, 0 };
    o.context = &v;
    CHECK_FAILS(da_train(plain, &data, &o, NULL), DA_ERROR_IO, "vanishing/log"); /* nowhere else to say it */
    da_model_free(plain);
}

TEST(trainer_log_has_points_in_every_locale) {
    da_dataset data = blobs();
    da_trainer_options o = short_run();
    uint8_t *log = NULL;
    size_t size;
    o.epochs = 1;
    o.log_path = test_temporary("locale.csv");
    if (!test_comma_locale()) SKIP("no locale with a decimal comma is installed");
    da_model *model = tiny_model();
    CHECK_OK(da_train(model, &data, &o, NULL));
    setlocale(LC_NUMERIC, "C");
    CHECK_OK(da_file_read(o.log_path, 4096, &log, &size));
    int commas = 0;
    for (size_t i = 0; i < size; i++) commas += log[i] == ',';
    CHECK_INT(commas, 12); /* two lines of seven fields */
    da_free(log);
    da_model_free(model);
}

TEST(trainer_stops_early_and_keeps_the_best_weights) {
    da_dataset data = blobs();
    da_model *model = tiny_model();
    da_trainer_options o = short_run();
    da_training_result result;
    o.epochs = 200;
    o.patience = 2;
    o.schedule = (da_schedule){ .kind = DA_CONSTANT, .rate = 0.3f };
    CHECK_OK(da_train(model, &data, &o, &result));
    CHECK(result.stopped_early && result.epoch_count < 200);
    int64_t best = 0;
    for (int64_t e = 1; e < result.epoch_count; e++)
        if (result.epochs[e].validation_loss < result.epochs[best].validation_loss) best = e;
    CHECK_INT(best, result.epoch_count - 3);
    /* A run that is as long as the best epoch has the same weights. */
    da_model *shorter = tiny_model();
    char hex[65];
    o.epochs = best + 1;
    o.patience = 0;
    CHECK_OK(da_train(shorter, &data, &o, NULL));
    CHECK_OK(da_model_hash(shorter, -1, hex));
    check_hash(model, hex);
    da_training_result_free(&result);
    da_model_free(shorter);
    da_model_free(model);
}

/* Batches of 1 cannot feed batch norm: said before the first step, with the model as it was, unless it is frozen. */
TEST(trainer_refuses_a_last_batch_of_one_before_the_first_step) {
    da_dataset data = blobs();
    da_model *model = tiny_model();
    da_trainer_options o = short_run();
    watcher w = { 0 };
    char hex[65] = "";
    o.epochs = 1;
    o.batch = 89; /* of 90 */
    o.progress = watch;
    o.context = &w;
    CHECK_OK(da_model_hash(model, -1, hex));
    CHECK_FAILS(da_train(model, &data, &o, NULL), DA_ERROR_SHAPE, "90 images in batches of 89");
    CHECK(strstr(da_error_message(), "bn"));
    CHECK_INT(w.steps, 0);
    check_hash(model, hex);
    o.batch = 1;
    CHECK_FAILS(da_train(model, &data, &o, NULL), DA_ERROR_SHAPE, "batches of 1 ");
    o.batch = 89;
    CHECK_OK(da_model_train_only(model, (const char *const[]){ "fc2" }, 1));
    CHECK_OK(da_train(model, &data, &o, NULL));
    CHECK_INT(w.steps, 2);
    da_model_free(model);
}

TEST(trainer_checkpoints_only_when_interrupted_if_told_so) {
    da_dataset data = blobs();
    da_model *model = tiny_model();
    da_trainer_options o = short_run();
    watcher w = { .stop_after = 5 };
    o.checkpoint_path = test_temporary("interrupted.safetensors");
    o.checkpoint_every = DA_ONLY_INTERRUPTED;
    CHECK_OK(da_train(model, &data, &o, NULL));
    CHECK(!da_file_exists(o.checkpoint_path));
    o.progress = watch;
    o.context = &w;
    o.stop = &w.stop;
    CHECK(da_train(model, &data, &o, NULL) == DA_ERROR_INTERRUPTED);
    CHECK(da_file_exists(o.checkpoint_path));
    da_model_free(model);
}

TEST(trainer_leaves_frozen_units_as_they_are) {
    da_dataset data = blobs();
    da_model *model = tiny_model();
    da_trainer_options o = short_run();
    char before[5][65], after[65];
    const char *const names[] = { "fc2" };
    o.optimizer.weight_decay = 0.1f;
    CHECK_OK(da_model_train_only(model, names, 1));
    for (int u = 0; u < 5; u++) CHECK_OK(da_model_hash(model, u, before[u]));
    CHECK_OK(da_train(model, &data, &o, NULL));
    for (int u = 0; u < 5; u++) {
        CHECK_OK(da_model_hash(model, u, after));
        CHECK((strcmp(before[u], after) == 0) == (u != 4));
    }
    da_model_free(model);
}

TEST(trainer_gives_the_same_bits_on_any_number_of_threads) {
    da_dataset data = blobs();
    da_trainer_options o = short_run();
    char first[65] = "";
    for (int threads = 1; threads <= 3; threads++) {
        da_model *model = tiny_model();
        da_threads_set(threads);
        CHECK_OK(da_train(model, &data, &o, NULL));
        if (threads == 1) CHECK_OK(da_model_hash(model, -1, first));
        else check_hash(model, first);
        da_model_free(model);
    }
    da_threads_set(0);
}

/* ---- Interrupting and resuming ---- */

/* A full run: hash and log. */
static void whole_run(da_trainer_options o, char hex[65], char *log, size_t capacity) {
    da_dataset data = blobs();
    da_model *model = tiny_model();
    o.log_path = test_temporary("whole.csv");
    CHECK_OK(da_train(model, &data, &o, NULL));
    CHECK_OK(da_model_hash(model, -1, hex));
    read_log(o.log_path, log, capacity);
    da_model_free(model);
}

/* Stops after `first` steps, then after `second` more, then runs to the end; every part in a model of its own. */
static void interrupted_run(da_trainer_options o, int64_t first, int64_t second, const char *hex, const char *log) {
    da_dataset data = blobs();
    char own_log[4096];
    o.log_path = test_temporary("parts.csv");
    o.checkpoint_path = test_temporary("parts.safetensors");
    o.progress = watch;
    for (int part = 0; part < 3; part++) {
        watcher w = { .stop_after = part == 0 ? first : part == 1 ? second : 0 };
        da_model *model = tiny_model();
        o.stop = &w.stop;
        o.context = &w;
        o.resume = part > 0;
        if (part < 2 && w.stop_after > 0)
            CHECK_FAILS(da_train(model, &data, &o, NULL), DA_ERROR_INTERRUPTED, "can be resumed");
        else if (part == 2) CHECK_OK(da_train(model, &data, &o, NULL));
        if (part == 2) check_hash(model, hex);
        da_model_free(model);
    }
    read_log(o.log_path, own_log, sizeof own_log);
    CHECK_TEXT(own_log, log);
}

TEST(trainer_resumes_to_the_same_bits_from_any_step) {
    da_trainer_options o = short_run();
    char hex[65], log[4096];
    whole_run(o, hex, log, sizeof log);
    for (int64_t step = 1; step < STEPS && !test_failed(); step++)
        interrupted_run(o, step, step + 2 < STEPS ? (STEPS - step) / 2 : 0, hex, log);
}

TEST(trainer_resumes_adam_and_early_stop_to_the_same_bits) {
    da_trainer_options o = short_run();
    char hex[65], log[4096];
    o.optimizer = da_optimizer_defaults(DA_ADAMW);
    o.optimizer.weight_decay = 0.01f;
    o.optimizer.clip = 1;
    o.schedule = (da_schedule){ .kind = DA_CONSTANT, .rate = 0.05f, .warm_steps = 5 };
    o.patience = 2;
    whole_run(o, hex, log, sizeof log);
    for (int64_t step = 1; step < 9 && !test_failed(); step++) interrupted_run(o, step, 1, hex, log);
}

TEST(trainer_resumes_after_max_steps_and_after_the_end) {
    da_dataset data = blobs();
    da_trainer_options o = short_run();
    da_training_result result;
    char hex[65], log[4096];
    whole_run(o, hex, log, sizeof log);
    o.checkpoint_path = test_temporary("max.safetensors");
    const int64_t limits[] = { 1, 3, 8, 0, 0 }; /* the last finds nothing left to do */
    for (int i = 0; i < 5; i++) {
        da_model *model = tiny_model();
        o.max_steps = limits[i];
        o.resume = i > 0;
        CHECK_OK(da_train(model, &data, &o, &result));
        CHECK_INT(result.steps, limits[i] ? limits[i] : STEPS);
        CHECK_INT(result.epoch_count, result.steps / 3);
        CHECK(result.loss > 0);
        if (i >= 3) check_hash(model, hex);
        da_training_result_free(&result);
        da_model_free(model);
    }
}

TEST(trainer_interrupted_without_a_checkpoint_says_so) {
    da_dataset data = blobs();
    da_model *model = tiny_model();
    da_trainer_options o = short_run();
    watcher w = { .stop_after = 4 };
    da_training_result result;
    o.progress = watch;
    o.context = &w;
    o.stop = &w.stop;
    CHECK_FAILS(da_train(model, &data, &o, &result), DA_ERROR_INTERRUPTED, "step 4: no checkpoint");
    CHECK_INT(result.steps, 4);
    CHECK_INT(result.epoch_count, 1);
    da_training_result_free(&result);
    da_model_free(model);
}

/* A checkpoint after four steps. */
static const char *started_run(da_trainer_options o) {
    da_dataset data = blobs();
    da_model *model = tiny_model();
    o.checkpoint_path = test_temporary("started.safetensors");
    o.max_steps = 4;
    CHECK_OK(da_train(model, &data, &o, NULL));
    da_model_free(model);
    return o.checkpoint_path;
}

static void refuse(da_trainer_options o, const char *part) {
    da_dataset data = blobs();
    da_model *model = tiny_model();
    char hex[65];
    CHECK_OK(da_model_hash(model, -1, hex));
    o.resume = true;
    CHECK_FAILS(da_train(model, &data, &o, NULL), DA_ERROR_ARGUMENT, part);
    check_hash(model, hex);
    CHECK(!model->normalization.known);
    da_model_free(model);
}

TEST(trainer_refuses_to_resume_with_other_options) {
    da_trainer_options o = short_run(), other;
    o.checkpoint_path = started_run(o);
    other = o, other.seed = 10;
    refuse(other, "seed was '9' and is '10' now");
    other = o, other.batch = 30;
    refuse(other, "batch size was '40' and is '30' now");
    other = o, other.limit = 50;
    refuse(other, "samples was '90' and is '50' now");
    other = o, other.validation = 10;
    refuse(other, "samples was '90' and is '100' now");
    other = o, other.schedule.rate = 0.1f;
    refuse(other, "learning rate was");
    other = o, other.epochs = 9;
    refuse(other, "epochs was '4' and is '9' now");
    other = o, other.optimizer.nesterov = true;
    refuse(other, "nesterov");
    other = o, other.optimizer = da_optimizer_defaults(DA_ADAM);
    refuse(other, "optimizer was 'sgd' and is 'adam' now");
    other = o, other.augmentation.pad = 1;
    refuse(other, "pad was '0' and is '1' now");
    other = o, other.label_smoothing = 0.1f;
    refuse(other, "label smoothing");
    const da_parameter_group group = { "*.bias", 1, 0 };
    other = o, other.groups = &group, other.group_count = 1;
    refuse(other, "parameter groups was '0' and is '1' now");
}

TEST(trainer_refuses_to_resume_with_other_data_units_or_normalisation) {
    da_trainer_options o = short_run();
    da_dataset data = blobs();
    da_model *model = tiny_model();
    o.checkpoint_path = started_run(o);
    o.resume = true;
    labels[3] ^= 1;
    CHECK_FAILS(da_train(model, &data, &o, NULL), DA_ERROR_ARGUMENT, "data was 'blobs: 110 images 4x4x1");
    labels[3] ^= 1;
    pixels[COUNT * PIXELS - 1] ^= 1; /* the last of all */
    CHECK_FAILS(da_train(model, &data, &o, NULL), DA_ERROR_ARGUMENT, "data was 'blobs: 110 images 4x4x1");
    pixels[COUNT * PIXELS - 1] ^= 1;
    data.mean[0] = 0.5f;
    CHECK_FAILS(da_train(model, &data, &o, NULL), DA_ERROR_ARGUMENT, "normalisation of channel 0");
    data.mean[0] = 0.4f;
    CHECK_OK(da_model_train_only(model, (const char *const[]){ "fc2" }, 1));
    CHECK_FAILS(da_train(model, &data, &o, NULL), DA_ERROR_ARGUMENT, "what trains was");
    da_model_free(model);
}

TEST(trainer_may_train_for_longer_when_the_schedule_does_not_look_ahead) {
    da_trainer_options o = short_run();
    da_dataset data = blobs();
    da_model *model = tiny_model();
    char hex[65], log[4096];
    o.schedule = (da_schedule){ .kind = DA_CONSTANT, .rate = 0.05f };
    whole_run(o, hex, log, sizeof log);
    o.epochs = 2;
    o.checkpoint_path = test_temporary("longer.safetensors");
    CHECK_OK(da_train(model, &data, &o, NULL));
    o.epochs = 4;
    o.resume = true;
    CHECK_OK(da_train(model, &data, &o, NULL));
    check_hash(model, hex);
    o.epochs = 3;
    CHECK_FAILS(da_train(model, &data, &o, NULL), DA_ERROR_ARGUMENT, "4 epochs already, 3 were asked for");
    da_model_free(model);
}

TEST(trainer_says_how_the_checkpoint_of_another_network_differs) {
    da_dataset data = blobs();
    da_trainer_options o = short_run();
    da_model *other = NULL;
    const int64_t shape[3] = { SIDE, SIDE, 1 };
    const da_layer_options wide = { .kind = DA_LAYER_LINEAR, .outputs = 13 },
                           last = { .kind = DA_LAYER_LINEAR, .outputs = CLASSES };
    o.checkpoint_path = started_run(o);
    o.resume = true;
    o.batch = 7; /* other options too: the network comes first */
    CHECK_OK(da_model_new(&other, "other", shape, CLASSES));
    CHECK_OK(da_model_append(other, "fc1", &wide));
    CHECK_OK(da_model_append(other, "fc3", &last));
    CHECK_FAILS(da_train(other, &data, &o, NULL), DA_ERROR_FORMAT, "does not fit other; missing: fc3.weight, fc3.bias; "
                "unexpected: bn.bias, bn.running_mean, bn.running_var, bn.weight and 2 more; of another shape: "
                "fc1.weight is 12x16, not 13x16");
    CHECK(!other->normalization.known);
    da_model_free(other);
}

TEST(trainer_refuses_a_checkpoint_whose_frozen_values_are_not_the_models) {
    da_dataset data = blobs();
    da_trainer_options o = short_run();
    for (int same = 0; same < 2; same++) {
        da_model *model = tiny_model(), *again = tiny_model();
        char hex[65];
        o.checkpoint_path = test_temporary("frozen.safetensors");
        o.max_steps = 4;
        o.resume = false;
        CHECK_OK(da_model_train_only(model, (const char *const[]){ "fc2" }, 1));
        CHECK_OK(da_train(model, &data, &o, NULL));
        o.max_steps = 0;
        o.resume = true;
        if (!same) da_tensor_floats(&again->units[1]->parameters[2].value)[3] = 0.5f; /* a running mean */
        CHECK_OK(da_model_train_only(again, (const char *const[]){ "fc2" }, 1));
        CHECK_OK(da_model_hash(again, -1, hex));
        if (same) CHECK_OK(da_train(again, &data, &o, NULL));
        else CHECK_FAILS(da_train(again, &data, &o, NULL), DA_ERROR_ARGUMENT, "'bn.running_mean' is frozen");
        if (!same) check_hash(again, hex);
        da_model_free(again);
        da_model_free(model);
    }
}

/* A checkpoint of a started run whose training state has `from` replaced by `to` (NULL: is left out). */
static void damage(const char *path, const char *from, const char *to) {
    da_model *model = NULL;
    da_safetensors file = { 0 };
    char json[8192] = "";
    CHECK_OK(da_checkpoint_load(&model, path, &file));
    const char *text = da_safetensors_metadata(&file, "deeparc.training"), *at = text ? strstr(text, from) : NULL;
    CHECK(at != NULL);
    if (at && to) snprintf(json, sizeof json, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    da_checkpoint_extra extra = { .training_json = to ? json : NULL };
    CHECK_OK(da_checkpoint_save(model, path, &extra));
    da_safetensors_free(&file);
    da_model_free(model);
}

TEST(trainer_refuses_damaged_checkpoints) {
    static const struct { const char *from, *to, *says; } cases[] = {
        { "{", NULL, "no training state" },
        { "\"version\":4", "\"version\":1", "version 1" },
        { "\"epoch\":1", "\"epoch\":-1", "out of range" },
        { "\"epoch\":1", "\"epoch\":3", "records and epochs differ" },
        { "\"step\":1", "\"step\":99", "out of range" },
        { "\"step\":1", "\"step\":\"one\"", "step" },
        { "\"samples\":40", "\"samples\":-40", "count is out of range" },
        { "\"samples\":40", "\"samples\":39", "count is out of range" },
        { "\"correct\":", "\"correct\":9", "count is out of range" },
        { "\"step\":1", "\"step\":0", "count is out of range" },
        { "\"step\":1", "\"step\":9223372036854775807", "out of range" },
        { "\"epoch\":1", "\"epoch\":9223372036854775807", "9223372036854775807 epochs already" },
        { "\"seconds\":", "\"seconds\":-", "a sum is out of range" },
        { "\"waited\":0", "\"waited\":1", "early stop" },
        { "\"waited\":0", "\"waited\":9223372036854775807", "early stop" },
        { "\"best_loss\":null", "\"best_loss\":0.5", "early stop" },
        { "\"stopped_early\":false", "\"stopped_early\":true", "early stop" },
        { "\"records\":[[", "\"records\":[[null,2,1,1,1,1],[", "records and epochs differ" },
        { "\"records\":[[", "\"records\":[[1,2,1,1,1,1]],\"further\":[[", "a record is out of range" },
        { "\"records\":[[", "\"records\":[[null,1,1,1,1,1]],\"further\":[[", "a record is out of range" },
        { "\"records\":[[", "\"records\":[[1,1,1,null,1,1]],\"further\":[[", "a record is out of range" },
        { "\"records\":[[", "\"records\":[[1,1,1,1,-1,1]],\"further\":[[", "a record is out of range" },
        { "\"records\":[[", "\"records\":[[1,1,1,1,1,-1]],\"further\":[[", "a record is out of range" },
        { "\"best_loss\"", "\"worst_loss\"", "best_loss" },
        { "\"records\":[[", "\"records\":[[1,", "six fields" },
        { "\"records\"", "\"recorded\"", "records" },
        { "\"seed\"", "\"seeds\"", "seed" },
        { "}", "", "started.safetensors" },
        { "\"version\"", "\"version\"", "optimizer/fc1.weight.momentum' is missing" },
    };
    da_dataset data = blobs();
    for (size_t i = 0; i < sizeof cases / sizeof *cases && !test_failed(); i++) {
        da_trainer_options o = short_run();
        da_model *model = tiny_model();
        char hex[65];
        CHECK_OK(da_model_hash(model, -1, hex));
        o.checkpoint_path = started_run(o);
        o.resume = true;
        damage(o.checkpoint_path, cases[i].from, cases[i].to);
        bool longer = strstr(cases[i].says, "already") != NULL; /* which an honest file may say too */
        CHECK_FAILS(da_train(model, &data, &o, NULL), longer ? DA_ERROR_ARGUMENT : DA_ERROR_FORMAT, cases[i].says);
        check_hash(model, hex);
        da_model_free(model);
    }
}

/* ---- Files that know themselves ---- */

static void put_byte(FILE *file, size_t place, int byte) {
    if (file) CHECK(fseek(file, (long)place, SEEK_SET) == 0 && fputc(byte, file) == byte && fflush(file) == 0);
}

/* Every bit of a file in turn, or every `step`th, flipped: no reader may take it. */
static void check_flips(const char *path, int step, da_status (*read)(void *context, const char *path), void *context) {
    uint8_t *bytes = NULL;
    size_t size = 0;
    CHECK_OK(da_file_read(path, 1 << 20, &bytes, &size));
    FILE *file = fopen(path, "r+b");
    CHECK(file && size > 900);
    for (size_t bit = 0; bit < 8 * size && !test_failed(); bit += (size_t)step) {
        put_byte(file, bit / 8, bytes[bit / 8] ^ 1 << bit % 8);
        da_status status = read(context, path);
        if (status != DA_ERROR_FORMAT || !strstr(da_error_message(), path))
            test_fail(__FILE__, __LINE__, "bit %zu of %zu bytes: %s", bit, size, status == DA_OK ? "taken"
                                                                                                 : da_error_message());
        put_byte(file, bit / 8, bytes[bit / 8]);
    }
    if (file) fclose(file);
    CHECK_OK(read(context, path));
    da_free(bytes);
}

static da_status load(void *context, const char *path) {
    (void)context;
    da_model *model = NULL;
    da_status status = da_checkpoint_load(&model, path, NULL);
    da_model_free(model);
    return status;
}

static da_status resume(void *context, const char *path) {
    da_trainer_options *o = context;
    da_dataset data = blobs();
    da_model *model = tiny_model();
    o->checkpoint_path = path;
    o->resume = true;
    da_status status = da_train(model, &data, o, NULL);
    da_model_free(model);
    return status;
}

TEST(checkpoint_with_one_flipped_bit_is_refused) {
    const int64_t size[3] = { 1, 2, 1 };
    da_model *model = NULL;
    da_trainer_options o = short_run();
    const char *path = test_temporary("whole.safetensors");
    CHECK_OK(da_zoo_build(&model, "mlp-3", size, 2, NULL));
    CHECK_OK(da_model_initialize(model, DA_INIT_HE, 1));
    model->normalization = (da_normalization){ true, 1, { .5f }, { .25f } };
    CHECK_OK(da_model_set_run(model, "{\"version\":\"1\"}"));
    CHECK_OK(da_checkpoint_save(model, path, NULL));
    check_flips(path, 1, load, NULL);
    da_model_free(model);
    check_flips(started_run(o), 7, resume, &o);
}

/* What is inside is the tensors' and metadata's own: another program may write both again, as they are, or without ours. */
TEST(checkpoint_rewritten_by_another_program) {
    da_trainer_options o = short_run();
    const char *path = started_run(o);
    da_safetensors file = { 0 };
    da_model *model = NULL;
    CHECK_OK(da_safetensors_read(&file, path));
    CHECK_OK(da_safetensors_write(path, file.entries, file.count, file.metadata, file.metadata_count));
    CHECK_OK(load(NULL, path));
    float *value = NULL;
    for (int64_t i = 0; i < file.count; i++)
        if (strcmp(file.entries[i].name, "fc1.weight") == 0) memcpy(&value, &file.entries[i].data, sizeof value);
    CHECK(value != NULL);
    float flipped = -*value;
    if (value) memcpy(value, &flipped, sizeof flipped);
    CHECK_OK(da_safetensors_write(path, file.entries, file.count, file.metadata, file.metadata_count));
    CHECK_FAILS(load(NULL, path), DA_ERROR_FORMAT, "leave out the metadata 'deeparc.fingerprints'");
    da_safetensors_pair kept[8];
    int count = 0;
    for (int64_t i = 0; i < file.metadata_count; i++)
        if (strcmp(file.metadata[i].key, "deeparc.fingerprints") != 0) kept[count++] = file.metadata[i];
    CHECK_INT(count, file.metadata_count - 1);
    CHECK_OK(da_safetensors_write(path, file.entries, file.count, kept, count));
    CHECK_OK(da_checkpoint_load(&model, path, NULL));
    if (model) CHECK_INT(model->history.training_count, 1);
    da_model_free(model);
    da_safetensors_free(&file);
}

/* Names and shapes are those of the run that stopped; what the network computes is not. */
TEST(trainer_refuses_to_resume_a_network_with_other_options) {
    da_trainer_options o = short_run();
    da_dataset data = blobs();
    const char *path = started_run(o);
    o.resume = true;
    o.checkpoint_path = path;
    da_model *model = tiny_model();
    for (int i = 0; i < model->unit_count; i++) {
        da_layer_options *options = &model->units[i]->options;
        if (options->kind == DA_LAYER_DROPOUT) options->probability = .3f;
    }
    CHECK_FAILS(da_train(model, &data, &o, NULL), DA_ERROR_FORMAT, "its unit 'drop' is");
    CHECK_FAILS(da_checkpoint_load_into(model, path), DA_ERROR_FORMAT, "\"probability\":0.3");
    da_model_free(model);
}

TEST(training_is_recorded_once) {
    da_dataset data = blobs();
    da_model *model = tiny_model(), *copy = NULL, *read = NULL;
    da_trainer_options o = short_run();
    char hex[65];
    const char *path = test_temporary("trained.safetensors");
    o.seed = UINT64_MAX;
    CHECK_OK(da_train(model, &data, &o, NULL));
    CHECK_OK(da_train(model, &data, &o, NULL));
    o.limit = 5;
    CHECK_OK(da_train(model, &data, &o, NULL));
    CHECK_OK(da_model_copy(&copy, model));
    CHECK_OK(da_checkpoint_save(copy, path, NULL));
    CHECK_OK(da_checkpoint_load(&read, path, NULL));
    CHECK_INT(read->history.training_count, 2);
    da_dataset_fingerprint(&data, hex);
    for (int i = 0; i < 2; i++) {
        const da_training_record *t = &read->history.trainings[i];
        CHECK_TEXT(t->data, data.name);
        CHECK_TEXT(t->fingerprint, hex);
        CHECK_INT(t->images, data.count);
        CHECK_INT(t->validation, o.validation);
        CHECK_INT(t->limit, i == 0 ? 0 : 5);
        CHECK(t->seed == UINT64_MAX);
    }
    da_model_free(read);
    da_model_free(copy);
    da_model_free(model);
}

TEST(trainer_refuses_an_early_stop_that_the_records_do_not_give) {
    static const struct { const char *from, *to; } cases[] = {
        { "\"waited\":0", "\"waited\":9223372036854775807" }, { "\"waited\":0", "\"waited\":-1" },
        { "\"waited\":0", "\"waited\":1" }, { "\"best_loss\":", "\"best_loss\":1" },
        { "\"best_loss\":", "\"best_loss\":null,\"ignored\":" },
        { "\"stopped_early\":false", "\"stopped_early\":true" },
    };
    da_dataset data = blobs();
    for (size_t i = 0; i < sizeof cases / sizeof *cases && !test_failed(); i++) {
        da_trainer_options o = short_run();
        da_model *model = tiny_model();
        o.patience = 2;
        o.checkpoint_path = started_run(o);
        o.resume = true;
        damage(o.checkpoint_path, cases[i].from, cases[i].to);
        CHECK_FAILS(da_train(model, &data, &o, NULL), DA_ERROR_FORMAT, "early stop does not stand");
        da_model_free(model);
    }
}

/* Writes the checkpoint again, with the first value of one tensor of the optimizer changed. */
static void spoil(const char *path, const char *name, float value) {
    enum { MOST = 32, VALUES = 256 };
    static float values[MOST][VALUES];
    const char *names[MOST];
    da_tensor tensors[MOST];
    da_model *model = NULL;
    da_safetensors file = { 0 };
    int count = 0;
    CHECK_OK(da_checkpoint_load(&model, path, &file));
    for (int64_t i = 0; i < file.count && count < MOST; i++) {
        const da_safetensors_entry *entry = &file.entries[i];
        if (strncmp(entry->name, "optimizer/", 10) != 0 || da_safetensors_elements(entry) > VALUES) continue;
        CHECK_OK(da_safetensors_floats(entry, values[count]));
        if (strcmp(entry->name, name) == 0) values[count][0] = value;
        tensors[count] = da_tensor_over(values[count], DA_FLOAT32, entry->ndim, entry->shape);
        names[count++] = entry->name;
    }
    da_checkpoint_extra extra = { da_safetensors_metadata(&file, "deeparc.training"), names, tensors, count };
    CHECK_OK(da_checkpoint_save(model, path, &extra));
    da_safetensors_free(&file);
    da_model_free(model);
}

TEST(trainer_refuses_moments_that_no_training_gives) {
    static const struct { const char *name; float value; bool fits; } cases[] = {
        { "optimizer/fc1.weight.moment1", -1, true }, { "optimizer/fc1.weight.moment1", NAN, false },
        { "optimizer/fc2.bias.moment2", -1e-30f, false }, { "optimizer/bn.bias.moment2", NAN, false },
        { "optimizer/bn.bias.moment2", INFINITY, true }, /* the square of a large gradient */
    };
    da_dataset data = blobs();
    da_trainer_options o = short_run();
    o.optimizer = da_optimizer_defaults(DA_ADAM);
    for (size_t i = 0; i < sizeof cases / sizeof *cases && !test_failed(); i++) {
        da_model *model = tiny_model();
        o.resume = false;
        o.checkpoint_path = started_run(o);
        o.resume = true;
        spoil(o.checkpoint_path, cases[i].name, cases[i].value);
        if (cases[i].fits) CHECK_OK(da_train(model, &data, &o, NULL));
        else CHECK_FAILS(da_train(model, &data, &o, NULL), DA_ERROR_FORMAT, cases[i].name);
        da_model_free(model);
    }
}

/* ---- What goes wrong ---- */

TEST(trainer_names_the_operation_that_was_not_finite_and_keeps_the_weights_from_before) {
    da_dataset data = blobs();
    da_trainer_options o = short_run();
    da_model *model = tiny_model(), *before = tiny_model();
    char hex[65];
    o.validation = 0;
    o.schedule = (da_schedule){ .kind = DA_CONSTANT, .rate = 1e30f };
    o.max_steps = 1;
    CHECK_OK(da_train(before, &data, &o, NULL));
    CHECK_OK(da_model_hash(before, -1, hex));
    o.max_steps = 0;
    da_training_result result;
    CHECK_FAILS(da_train(model, &data, &o, &result), DA_ERROR_NUMERIC,
                "training stopped in step 2 (epoch 1, batch 2), a smaller rate or clipping may help: ");
    CHECK(strstr(da_error_message(), "'fc") || strstr(da_error_message(), "'bn'") ||
          strstr(da_error_message(), "'loss'"));
    CHECK(result.epochs == NULL);
    check_hash(model, hex);
    da_model_free(before);
    da_model_free(model);
}

TEST(trainer_names_the_layer_whose_weights_hold_a_nan) {
    da_dataset data = blobs();
    da_trainer_options o = short_run();
    da_model *model = tiny_model();
    char hex[65];
    da_tensor_floats(&model->units[4]->parameters[0].value)[5] = NAN;
    CHECK_OK(da_model_hash(model, -1, hex));
    CHECK_FAILS(da_train(model, &data, &o, NULL), DA_ERROR_NUMERIC, "'fc2'");
    CHECK(strstr(da_error_message(), "step 1 (epoch 1, batch 1)") != NULL);
    check_hash(model, hex); /* running statistics of bn included */
    da_model_free(model);
}

TEST(trainer_refuses_options_and_data_without_meaning) {
    da_dataset data = blobs(), wrong = data;
    da_model *model = tiny_model();
    da_trainer_options o = short_run(), other;
    other = o, other.epochs = 0;
    CHECK_FAILS(da_train(model, &data, &other, NULL), DA_ERROR_ARGUMENT, "0 epochs");
    other = o, other.batch = 0;
    CHECK_FAILS(da_train(model, &data, &other, NULL), DA_ERROR_ARGUMENT, "batch");
    other = o, other.validation = COUNT;
    CHECK_FAILS(da_train(model, &data, &other, NULL), DA_ERROR_ARGUMENT, "110");
    other = o, other.patience = 2, other.validation = 0;
    CHECK_FAILS(da_train(model, &data, &other, NULL), DA_ERROR_ARGUMENT, "early stop");
    other = o, other.limit = -1;
    CHECK_FAILS(da_train(model, &data, &other, NULL), DA_ERROR_ARGUMENT, "limit -1");
    other = o, other.label_smoothing = 1;
    CHECK_FAILS(da_train(model, &data, &other, NULL), DA_ERROR_ARGUMENT, "label smoothing");
    other = o, other.resume = true;
    CHECK_FAILS(da_train(model, &data, &other, NULL), DA_ERROR_ARGUMENT, "path of a checkpoint");
    other.checkpoint_path = test_temporary("absent.safetensors");
    CHECK_FAILS(da_train(model, &data, &other, NULL), DA_ERROR_NOT_FOUND, "absent.safetensors");
    other = o, other.log_path = test_temporary("no/such/directory/log.csv");
    CHECK_FAILS(da_train(model, &data, &other, NULL), DA_ERROR_NOT_FOUND, "log.csv");
    other = o, other.checkpoint_path = test_temporary("no/such/directory/c.safetensors");
    CHECK_FAILS(da_train(model, &data, &other, NULL), DA_ERROR_NOT_FOUND, "c.safetensors");
    wrong.width = 2, wrong.height = 8;
    CHECK_FAILS(da_train(model, &wrong, &o, NULL), DA_ERROR_SHAPE, "8x2x1");
    wrong = data, wrong.classes = 4;
    CHECK_FAILS(da_train(model, &wrong, &o, NULL), DA_ERROR_SHAPE, "tells 3 classes apart, 'blobs' has 4");
    wrong = data, wrong.labels = NULL;
    CHECK_FAILS(da_train(model, &wrong, &o, NULL), DA_ERROR_ARGUMENT, "no labels");
    CHECK(!model->normalization.known);
    da_model_free(model);
}

TEST(trainer_says_that_the_disk_is_full) {
    if (!da_file_exists("/dev/full")) SKIP("no /dev/full here");
    da_dataset data = blobs();
    da_model *model = tiny_model();
    da_trainer_options o = short_run();
    o.log_path = "/dev/full";
    CHECK_FAILS(da_train(model, &data, &o, NULL), DA_ERROR_IO, "/dev/full");
    o.log_path = NULL;
    o.checkpoint_path = "/dev/full";
    CHECK_FAILS(da_train(model, &data, &o, NULL), DA_ERROR_IO, "/dev/full");
    da_model_free(model);
}

TEST(trainer_survives_any_failing_allocation) {
    da_dataset data = blobs();
    da_model *model = tiny_model();
    da_trainer_options o = short_run();
    da_status status = DA_ERROR_MEMORY;
    o.epochs = 1;
    o.batch = 60;
    o.patience = 1;
    int64_t blocks = da_memory().live_blocks, k = 0;
    for (; status != DA_OK && k < 5000 && !test_failed(); k++) {
        da_training_result result;
        o.checkpoint_path = test_temporary("failing.safetensors");
        o.log_path = test_temporary("failing.csv");
        da_memory_fail_after(k);
        status = da_train(model, &data, &o, &result);
        da_memory_fail_after(-1);
        CHECK(status == DA_OK || (status == DA_ERROR_MEMORY && !result.epochs));
        da_training_result_free(&result);
        CHECK_INT(da_memory().live_blocks, blocks + model->history.training_count);
    }
    CHECK(k > 40 && k < 5000);
    da_model_free(model);
}

TEST(trainer_survives_any_failing_allocation_while_it_resumes) {
    da_dataset data = blobs();
    da_trainer_options o = short_run();
    da_status status = DA_ERROR_MEMORY;
    o.patience = 1;
    o.checkpoint_path = started_run(o);
    o.resume = true;
    o.max_steps = 4; /* none is left to do */
    int64_t k = 0;
    for (; status != DA_OK && k < 5000 && !test_failed(); k++) {
        da_model *model = tiny_model();
        int64_t blocks = da_memory().live_blocks;
        CHECK_OK(da_model_train_only(model, (const char *const[]){ "fc1", "bn", "fc2" }, 3));
        da_memory_fail_after(k);
        status = da_train(model, &data, &o, NULL);
        da_memory_fail_after(-1);
        CHECK(status == DA_OK || status == DA_ERROR_MEMORY);
        CHECK_INT(da_memory().live_blocks, blocks + model->history.training_count);
        da_model_free(model);
        o.checkpoint_path = test_temporary("started.safetensors"); /* the name lives for 8 calls */
    }
    CHECK(k > 90 && k < 5000);
}

/* ---- Evaluating ---- */

TEST(evaluate_does_not_depend_on_the_batch_size) {
    da_dataset data = blobs();
    da_model *model = tiny_model();
    da_trainer_options o = short_run();
    float whole[COUNT * CLASSES], parts[COUNT * CLASSES];
    da_evaluation all, some;
    CHECK_OK(da_train(model, &data, &o, NULL));
    CHECK_OK(da_evaluate(model, &data, 1000, whole, &all));
    const int64_t batches[] = { 1, 7, 55, COUNT };
    for (int i = 0; i < 4; i++) {
        CHECK_OK(da_evaluate(model, &data, batches[i], parts, &some));
        CHECK_INT(some.samples, COUNT);
        CHECK_INT(some.correct, all.correct);
        CHECK(some.loss == all.loss);
        CHECK(memcmp(whole, parts, sizeof whole) == 0);
    }
    int64_t correct = 0; /* the logits are in file order: counting by hand agrees */
    double loss = 0;
    for (int i = 0; i < COUNT; i++) {
        const float *row = whole + i * CLASSES;
        double total = 0; /* of e^(x - x[label]): its logarithm is the loss */
        for (int k = 0; k < CLASSES; k++) total += exp((double)row[k] - (double)row[labels[i]]);
        loss += log(total);
        int best = row[1] > row[0] ? 1 : 0;
        if (row[2] > row[best]) best = 2;
        correct += best == labels[i];
    }
    CHECK_INT(all.correct, correct);
    CHECK_CLOSE(all.accuracy, (double)correct / COUNT, 0);
    CHECK_CLOSE(all.loss, loss / COUNT, 1e-7 * all.loss);
    da_model_free(model);
}

TEST(evaluate_counts_no_image_as_correct_whose_logits_are_not_numbers) {
    da_dataset data = blobs();
    da_model *model = tiny_model();
    da_evaluation result;
    model->normalization = (da_normalization){ .known = true, .channels = 1, .mean = { 0.4f }, .deviation = { 0.25f } };
    CHECK_OK(da_evaluate(model, &data, 10, NULL, &result));
    CHECK_INT(result.not_numbers, 0);
    da_parameter *bias = &model->units[4]->parameters[1];
    for (int k = 0; k < CLASSES; k++) { /* in whatever class: also those that the largest logit never was */
        da_tensor_floats(&bias->value)[k] = NAN;
        CHECK_OK(da_evaluate(model, &data, 10, NULL, &result));
        CHECK_INT(result.correct, 0);
        CHECK_INT(result.not_numbers, COUNT);
        CHECK(isnan(result.loss) && result.accuracy == 0);
        da_tensor_floats(&bias->value)[k] = 0;
    }
    da_model_free(model);
}

TEST(evaluate_refuses_a_label_without_a_class) {
    da_dataset data = blobs();
    da_model *model = tiny_model();
    uint8_t wrong[COUNT];
    da_evaluation result;
    memcpy(wrong, data.labels, COUNT);
    wrong[COUNT - 2] = CLASSES;
    data.labels = wrong;
    model->normalization = (da_normalization){ .known = true, .channels = 1, .mean = { 0.4f }, .deviation = { 0.25f } };
    CHECK_FAILS(da_evaluate(model, &data, 10, NULL, &result), DA_ERROR_ARGUMENT, "has label 3");
    da_model_free(model);
}

TEST(evaluate_without_labels_gives_logits_only) {
    da_dataset data = blobs();
    da_model *model = tiny_model();
    float with[COUNT * CLASSES], without[COUNT * CLASSES];
    da_evaluation result;
    CHECK_FAILS(da_evaluate(model, &data, 10, NULL, &result), DA_ERROR_ARGUMENT, "normalis");
    model->normalization = (da_normalization){ .known = true, .channels = 1, .mean = { 0.4f }, .deviation = { 0.25f } };
    CHECK_OK(da_evaluate(model, &data, 10, with, &result));
    data.labels = NULL;
    CHECK_OK(da_evaluate(model, &data, 10, without, &result));
    CHECK(memcmp(with, without, sizeof with) == 0);
    CHECK(isnan(result.loss) && isnan(result.accuracy));
    CHECK_INT(result.samples, COUNT);
    CHECK_FAILS(da_evaluate(model, &data, 0, NULL, &result), DA_ERROR_ARGUMENT, "batch");
    model->normalization.channels = 3;
    CHECK_FAILS(da_evaluate(model, &data, 10, NULL, &result), DA_ERROR_ARGUMENT, "3 channels");
    da_model_free(model);
}

/* The rule is that of da_train, da_evaluate and every study: another number of classes means other classes. */
TEST(feed_takes_data_with_the_classes_of_the_model_only) {
    da_dataset data = blobs(), fewer = data;
    da_model *model = tiny_model();
    float logits[COUNT * CLASSES];
    da_evaluation result;
    fewer.classes = CLASSES - 1;
    model->normalization = (da_normalization){ .known = true, .channels = 1, .mean = { 0.4f }, .deviation = { 0.25f } };
    CHECK_FAILS(da_evaluate(model, &fewer, 10, NULL, &result), DA_ERROR_SHAPE, "tells 3 classes apart, 'blobs' has 2");
    fewer.labels = NULL; /* images alone are of no class */
    CHECK_OK(da_evaluate(model, &fewer, 10, logits, &result));
    da_model_free(model);
}

TEST(feed_parts_are_those_of_the_trainer) {
    enum { HELD = 7 };
    da_dataset data = blobs();
    da_model *model = tiny_model();
    da_feed train, held;
    da_feed_options o = { .batches = { .batch_size = 4, .seed = 3 }, .part = DA_PART_TRAIN, .held = HELD,
                          .normalize_like_data = true };
    int seen[COUNT] = { 0 };
    CHECK_OK(da_feed_open(&train, model, &data, &o));
    o.part = DA_PART_HELD;
    CHECK_OK(da_feed_open(&held, model, &data, &o));
    CHECK_INT(held.subset.count, HELD);
    CHECK_INT(da_feed_steps(&held), 2);
    CHECK_OK(da_feed_read(&held, 0, 1));
    CHECK_INT(held.batch.shape[0], HELD - 4);
    for (int64_t i = 0; i < HELD - 4; i++) CHECK_INT(held.labels[i], data.labels[held.samples[i]]);
    for (int64_t i = 0; i < HELD; i++) seen[held.subset.indices[i]]++;
    for (int64_t i = 0; i < train.subset.count; i++) seen[train.subset.indices[i]]++;
    for (int i = 0; i < COUNT; i++) CHECK_INT(seen[i], 1);
    da_feed_close(&held);
    da_feed_close(&train);
    o.normalize_like_data = false;
    CHECK_FAILS(da_feed_open(&held, model, &data, &o), DA_ERROR_ARGUMENT, "does not say how its inputs are normalised");
    da_model_free(model);
}

TEST(evaluate_survives_any_failing_allocation) {
    da_dataset data = blobs();
    da_model *model = tiny_model();
    da_evaluation result;
    da_status status = DA_ERROR_MEMORY;
    model->normalization = (da_normalization){ .known = true, .channels = 1, .mean = { 0.4f }, .deviation = { 0.25f } };
    int64_t blocks = da_memory().live_blocks, k = 0;
    for (; status != DA_OK && k < 1000; k++) {
        da_memory_fail_after(k);
        status = da_evaluate(model, &data, 50, NULL, &result);
        da_memory_fail_after(-1);
        CHECK(status == DA_OK || status == DA_ERROR_MEMORY);
        CHECK_INT(da_memory().live_blocks, blocks + model->history.training_count);
    }
    CHECK(k > 5 && k < 1000);
    da_model_free(model);
}

/* 12 steps: a point a step, whose mean over an epoch's images is the epoch's loss. Of 402 steps: means of four. */
TEST(trainer_keeps_a_curve_of_losses) {
    da_dataset data = blobs();
    da_model *model = tiny_model();
    da_trainer_options o = short_run();
    da_training_result result = { 0 };
    CHECK_OK(da_train(model, &data, &o, &result));
    CHECK_INT(result.loss_count, 12);
    for (int e = 0; e < 4 && result.loss_count == 12; e++) {
        const da_loss_point *p = result.losses + 3 * e;
        CHECK_CLOSE((40 * p[0].loss + 40 * p[1].loss + 10 * p[2].loss) / 90, result.epochs[e].loss, 1e-12);
        CHECK_INT(p[2].step, 3 * e + 3);
    }
    da_training_result_free(&result);
    o.epochs = 134;
    CHECK_OK(da_train(model, &data, &o, &result));
    CHECK_INT(result.loss_count, 101);
    CHECK_INT(result.losses[0].step, 4);
    CHECK_INT(result.losses[100].step, 402);
    da_training_result_free(&result);
    da_model_free(model);
}
