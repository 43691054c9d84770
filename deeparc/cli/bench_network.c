/* deeparc bench --model: training or inference of a network, as the trainer and the evaluation do it.
 *
 *     train    da_train itself, which calls back after every step: the meter counts, and at the end stops it
 *     infer    batch ── da_infer
 *
 * Making a batch is part of both, and timed by itself as well: as it is, and with images shifted and mirrored.
 *
 * Both go over 32 different batches: a single one is learned by heart, and gradients that vanish are no fair load. Only
 * the images of these batches are kept, so that the peak of memory is the network's.
 */
#include "deeparc/cli/bench.h"
#include "deeparc/cli/record.h"

#include "core/file.h"
#include "core/kernels/kernels.h"
#include "core/machine.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/parallel.h"
#include "core/random.h"
#include "layers/checkpoint.h"
#include "layers/inference.h"
#include "layers/zoo.h"
#include "optim/feed.h"

#include <math.h>
#include <string.h>

enum { BATCHES = 32, EPOCHS = 4096, TEST_IMAGES = 10000 };
enum { NOISE_STREAM = 0xbe };

/* ---- The images. ---- */

/* Bytes and labels without meaning, for networks whose images no set here has. */
static da_status make_noise(da_dataset *out, const da_model *model, int64_t count) {
    const int64_t *shape = model->input_shape;
    da_dataset data = { .count = count, .height = shape[0], .width = shape[1], .channels = shape[2],
                        .classes = model->classes };
    int64_t bytes = count * da_dataset_image_bytes(&data);
    for (int c = 0; c < DA_MAX_CHANNELS; c++) data.mean[c] = data.deviation[c] = 0.5f;
    data.name = da_string_copy("generated");
    data.source = da_string_copy("noise");
    data.class_names = da_alloc_zero((size_t)data.classes, sizeof *data.class_names);
    data.images = da_alloc((size_t)bytes);
    data.labels = da_alloc((size_t)count);
    if (!data.name || !data.source || !data.class_names || !data.images || !data.labels) {
        da_dataset_free(&data);
        return DA_ERROR_MEMORY;
    }
    uint64_t stream = da_stream(DA_RANDOM_TEST, NOISE_STREAM);
    for (int64_t i = 0; i < bytes; i++) data.images[i] = (uint8_t)da_random_bits(1, stream, (uint64_t)i);
    for (int64_t i = 0; i < count; i++) data.labels[i] = (uint8_t)(i % (data.classes < 256 ? data.classes : 256));
    *out = data;
    return DA_OK;
}

/* The set whose images have the shape that the model takes; NULL: none. */
static const char *set_for(const da_model *model) {
    static const struct { const char *name; int64_t shape[3]; } sets[] = {
        { "mnist", { 28, 28, 1 } }, { "cifar10", { 32, 32, 3 } } };
    for (int i = 0; i < 2; i++)
        if (memcmp(sets[i].shape, model->input_shape, sizeof sets[i].shape) == 0 && model->classes == 10)
            return sets[i].name;
    return NULL;
}

/* Reads the test part where it has enough: it is the smaller file. Keeps the first `count` images only. */
static da_status load_set(cli *c, da_dataset *out, const char *name, int64_t count) {
    const da_split split = count <= TEST_IMAGES ? DA_TEST : DA_TRAIN;
    DA_TRY(da_dataset_load(out, name, split, cli_text(c, "data-dir"),
                           &(da_dataset_options){ .limit = count, .hash = run_wanted(c) }));
    return run_note_data(c, cli_split_name(split), out);
}

/* Real images; where there are none, and none were asked for with --data-dir, drawn digits or noise. */
static da_status find_images(cli *c, da_dataset *data, const da_model *model, int64_t batch) {
    const char *name = set_for(model);
    int64_t count = BATCHES * batch;
    da_status status = name ? load_set(c, data, name, count) : DA_ERROR_NOT_FOUND;
    if (name && (status != DA_ERROR_NOT_FOUND || cli_has(c, "data-dir"))) return status;
    bool digits = name && strcmp(name, "mnist") == 0;
    if (digits) DA_TRY(da_dataset_load(data, "digits", DA_TRAIN, NULL, &(da_dataset_options){ .count = count, .seed = 1 }));
    else DA_TRY(make_noise(data, model, count));
    if (name) cli_note(c, "%s was not found: the images are %s", name, digits ? "drawn digits" : "noise");
    else cli_note(c, "no data set has such images: they are noise");
    return run_note_data(c, cli_split_name(DA_TRAIN), data);
}

/* ---- The model. ---- */

/* A file of that name wins over the zoo, whose networks get the images that they were made for. */
static da_status open_model(cli *c, da_model **model) {
    const char *name = cli_text(c, "model");
    if (da_file_exists(name) || strchr(name, '/')) return cli_model_open(c, model, name);
    bool photographs = strncmp(name, "resnet", 6) == 0 || strncmp(name, "vgg", 3) == 0;
    da_model *out;
    DA_TRY(da_zoo_build(&out, name, photographs ? (int64_t[]){ 32, 32, 3 } : (int64_t[]){ 28, 28, 1 }, 10, NULL));
    da_status status = da_model_initialize(out, DA_INIT_HE, c->seed);
    if (status == DA_OK) status = run_note_model(c, "", out);
    if (status == DA_OK) *model = out;
    else da_model_free(out);
    return status;
}

/* Operations a step and image: forward; in training twice that again for the two gradients, less the gradient of the
   images themselves, which nobody needs. */
static da_status count_operations(const da_model *model, bool training, double *flops) {
    da_model_size total, *units = da_alloc_zero((size_t)model->unit_count, sizeof *units);
    if (!units) return DA_ERROR_MEMORY;
    da_status status = da_model_measure(model, &total, units);
    int first = 0;
    while (status == DA_OK && first < model->unit_count - 1 && units[first].multiply_adds == 0) first++;
    if (status == DA_OK)
        *flops = 2.0 * (training ? 3.0 * (double)total.multiply_adds - (double)units[first].multiply_adds
                                 : (double)total.multiply_adds);
    da_free(units);
    return status;
}

/* ---- Steps. ---- */

typedef struct training { bench_meter *meter; volatile sig_atomic_t enough; } training;

static void after_step(void *context, const da_progress *progress) {
    training *t = context;
    if (!progress->epoch_done && !t->enough) t->enough = bench_meter_step(t->meter);
}

static da_status run_training(da_model *model, const da_dataset *data, int64_t batch, uint64_t seed,
                              bench_meter *meter) {
    training t = { .meter = meter };
    da_trainer_options o = da_trainer_defaults();
    o.epochs = EPOCHS;
    o.batch = batch;
    o.seed = seed;
    o.optimizer.weight_decay = 1e-4f;
    o.schedule = (da_schedule){ .kind = DA_CONSTANT, .rate = 0.01f };
    o.stop = &t.enough;
    o.progress = after_step;
    o.context = &t;
    da_status status = da_train(model, data, &o, NULL);
    return status == DA_ERROR_INTERRUPTED && t.enough ? DA_OK : status;
}

static da_status infer(da_inference *inference, da_feed *feed, float *logits, bench_meter *meter) {
    for (int64_t step = 0;; step = (step + 1) % da_feed_steps(feed)) {
        DA_TRY(da_feed_read(feed, 0, step));
        DA_TRY(da_infer(inference, &feed->batch, logits));
        if (bench_meter_step(meter)) return DA_OK;
    }
}

static da_status run_inference(da_model *model, const da_dataset *data, int64_t batch, bench_meter *meter) {
    da_inference *inference = NULL;
    da_feed feed;
    DA_TRY(da_feed_open(&feed, model, data, &(da_feed_options){ .batches.batch_size = batch, .normalize_like_data = true }));
    float *logits = da_alloc((size_t)(feed.batcher.largest * model->classes) * sizeof *logits);
    da_status status = logits ? da_inference_new(&inference, model) : DA_ERROR_MEMORY;
    if (status == DA_OK) status = infer(inference, &feed, logits, meter);
    da_inference_free(inference);
    da_free(logits);
    da_feed_close(&feed);
    return status;
}

/* ---- Batches by themselves. ---- */

enum { SHIFT = 4 };

/* Milliseconds to make a shuffled batch; augmented: of images shifted by up to SHIFT pixels, half of them mirrored. */
static da_status time_batches(const da_model *model, const da_dataset *data, int64_t batch, uint64_t seed,
                              bool augmented, double *ms) {
    da_feed_options options = { .batches = { .batch_size = batch, .shuffle = true, .seed = seed },
                                .normalize_like_data = true };
    options.batches.augmentation.flip = augmented;
    if (augmented && data->height > SHIFT && data->width > SHIFT) options.batches.augmentation.pad = SHIFT;
    da_feed feed;
    DA_TRY(da_feed_open(&feed, model, data, &options));
    bench_meter meter = bench_meter_new(0.1, 3, 0);
    da_status status = DA_OK;
    for (int64_t step = 0, steps = da_feed_steps(&feed); status == DA_OK; step++) {
        status = da_feed_read(&feed, step / steps, step % steps);
        if (bench_meter_step(&meter)) break;
    }
    *ms = status == DA_OK ? 1e3 / bench_meter_median(&meter) : 0;
    da_feed_close(&feed);
    return status;
}

/* ---- The result. ---- */

static double peak_mib(void) {
    return (double)da_machine_peak_bytes() / 1048576;
}

typedef struct measured {
    bool   training;
    double images_step, gflops, peak; /* images a step; 10^9 operations a second, done and possible */
    double batch_ms, augmented_batch_ms;
} measured;

static void put_speed(da_result *to, const measured *r, const bench_meter *m) {
    const bool spread = m->repetitions > 1; /* of one it is unknown */
    const double unknown = (double)NAN, steps = bench_meter_median(m), mib = peak_mib();
    const double least = spread ? m->rate[0] * r->images_step : unknown;
    const double most = spread ? m->rate[m->repetitions - 1] * r->images_step : unknown;
    char low[CLI_CELL], high[CLI_CELL];
    da_result_put(to, "repetitions", da_whole(m->repetitions));
    da_result_put(to, "steps", da_whole(m->each * m->repetitions));
    da_result_put(to, "samples_per_s", da_real(steps * r->images_step));
    da_result_put(to, "samples_per_s_min", da_real(least));
    da_result_put(to, "samples_per_s_max", da_real(most));
    da_result_say(to, "samples/s    %.0f  (%s to %s in %s of %s)\n", steps * r->images_step, cli_cell(low, least, 0),
                  cli_cell(high, most, 0), da_count(m->repetitions, "repetition").text, da_count(m->each, "step").text);
    da_result_put(to, "ms_per_step", da_real(1e3 / steps));
    da_result_put(to, "heap_calls_per_step", da_real(bench_meter_heap_calls(m)));
    da_result_say(to, "a step       %.3f ms, %.3g heap calls\n", 1e3 / steps, bench_meter_heap_calls(m));
    da_result_put(to, "ms_per_batch", da_real(r->batch_ms));
    da_result_put(to, "ms_per_augmented_batch", da_real(r->augmented_batch_ms));
    da_result_say(to, "a batch      %.3f ms to make, %.1f %% of a step; with images shifted and mirrored %.3f ms\n",
                  r->batch_ms, 100 * r->batch_ms * steps / 1e3, r->augmented_batch_ms);
    da_result_put(to, "gflops", da_real(r->gflops));
    da_result_put(to, "peak_gflops", da_real(r->peak));
    da_result_put(to, "share_of_peak", da_real(r->gflops / r->peak));
    da_result_say(to, "GFLOP/s      %.1f of %.1f that multiply-adds alone reach: %.1f %%\n", r->gflops, r->peak,
                  100 * r->gflops / r->peak);
    da_result_put(to, "peak_mib", da_real(mib));
    da_result_say(to, "peak memory  %.1f MiB\n", mib);
}

static void put_setting(da_result *to, const da_model *model, bool learns, int64_t batch, const da_dataset *data) {
    const char *conv = da_conv_method_name(model->conv);
    da_result_put(to, "model", da_word(model->architecture));
    da_result_put(to, "mode", da_word(learns ? "train" : "infer"));
    da_result_put(to, "conv", da_word(conv));
    da_result_put(to, "threads", da_whole(da_threads()));
    da_result_put(to, "batch", da_whole(batch));
    da_result_put(to, "kernels", da_word(da_kernels_active()->name));
    da_result_put(to, "threads_of", da_word(da_threads_kind()));
    da_result_put(to, "data", da_word(data->name));
    da_result_say(to, "%s, %s, batch %lld (%s), convolutions %s\n", model->architecture,
                  learns ? "training" : "inference", (long long)batch, data->name, conv);
}

static da_status measure(cli *c, da_model *model, const da_dataset *data) {
    const int64_t batch = cli_int(c, "batch"), steps = (data->count + batch - 1) / batch;
    measured r = { .training = cli_choice(c, "mode") == 0, .peak = bench_peak(),
                   .images_step = (double)data->count / (double)steps }; /* the last may be smaller */
    double flops;
    DA_TRY(count_operations(model, r.training, &flops));
    bench_meter meter =
        bench_meter_new(cli_real(c, "seconds"), (int)cli_int(c, "repetitions"), r.training ? EPOCHS * steps : 0);
    run_note_setting(c, "mode", "%s", r.training ? "train" : "infer");
    run_note_setting(c, "conv", "%s", da_conv_method_name(model->conv));
    DA_TRY(r.training ? run_training(model, data, batch, c->seed, &meter)
                      : run_inference(model, data, batch, &meter));
    DA_TRY(time_batches(model, data, batch, c->seed, false, &r.batch_ms));
    DA_TRY(time_batches(model, data, batch, c->seed, true, &r.augmented_batch_ms));
    r.peak = fmax(r.peak, bench_peak()); /* the clock of the processor may have changed */
    r.gflops = flops * r.images_step * bench_meter_median(&meter) / 1e9;
    put_setting(c->result, model, r.training, batch, data);
    put_speed(c->result, &r, &meter);
    return DA_OK;
}

da_status bench_network(cli *c) {
    da_model *model = NULL;
    da_dataset data = { 0 };
    DA_TRY(open_model(c, &model));
    da_status status = cli_model_convolve(c, model);
    if (status == DA_OK && cli_has(c, "data-dir") && !set_for(model))
        status = cli_usage(c, "--data-dir has no effect: no data set has images for %s", model->architecture);
    if (status == DA_OK) status = find_images(c, &data, model, cli_int(c, "batch"));
    if (status == DA_OK) status = measure(c, model, &data);
    da_dataset_free(&data);
    da_model_free(model);
    return status;
}
