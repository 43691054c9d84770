/* Attacks in the space the network reads, x = (pixel / 255 - mean) / deviation, where a bound on a pixel is a bound on
 * x with a scale of its own for each channel:
 *
 *     pixel    0 .. 255     +- 255 epsilon       255 step
 *     x        low .. high  +- epsilon / dev     step / dev         low = -mean / dev, high = low + 1 / dev
 */
#include "deeparc/attack.h"

#include "core/math.h"
#include "core/memory.h"
#include "core/random.h"
#include "optim/feed.h"
#include "optim/trainer.h"

#include <math.h>
#include <string.h>

typedef struct channel { float low, high, epsilon, step; } channel;

struct da_attacker {
    da_attack_options options;
    da_model *model;     /* a copy of ours, frozen */
    da_graph *graph;
    int64_t   batch, pixels; /* values of an image */
    float    *gradient;  /* batch x pixels */
    float    *uphill;    /* batch x classes: by the logits */
    channel   channels[DA_MAX_NORMALIZED];
    int       channel_count;
};

da_status da_attack_complete(da_attack_options *options) {
    enum { STEPS = 10, MOST_STEPS = 10000 };
    da_attack_options o = *options;
    if (!(o.epsilon >= 0 && o.epsilon <= 1))
        return DA_FAIL(DA_ERROR_ARGUMENT, "epsilon is %g and must be 0 to 1, a share of the pixel range such as 2/255",
                       o.epsilon);
    if (o.kind == DA_ATTACK_FGSM) {
        if (o.steps > 1 || (o.step != 0 && o.step != o.epsilon))
            return DA_FAIL(DA_ERROR_ARGUMENT, "FGSM takes one step of epsilon: steps and their length belong to PGD");
        o.steps = 1;
        o.step = o.epsilon;
        o.no_start = true;
    }
    if (o.steps == 0) o.steps = STEPS;
    if (o.steps < 1 || o.steps > MOST_STEPS)
        return DA_FAIL(DA_ERROR_ARGUMENT, "PGD takes 1 to %d steps, not %d", MOST_STEPS, o.steps);
    if (o.step == 0) o.step = 2.5 * o.epsilon / o.steps;
    if (!(o.step >= 0 && o.step <= 1))
        return DA_FAIL(DA_ERROR_ARGUMENT, "a step of %g must be 0 to 1, a share of the pixel range", o.step);
    *options = o;
    return DA_OK;
}

/* ---- The life of an attacker ---- */

static void set_channels(da_attacker *a) {
    const da_normalization *n = &a->model->normalization;
    a->channel_count = n->channels;
    for (int c = 0; c < n->channels; c++) {
        /* As a batch is made (datasets/batch.c), so that no valid pixel lies outside. */
        float factor = 1.0f / (255.0f * n->deviation[c]), offset = -n->mean[c] / n->deviation[c];
        a->channels[c] = (channel){ .low = offset, .high = fmaf(255.0f, factor, offset),
                                    .epsilon = (float)(a->options.epsilon / (double)n->deviation[c]),
                                    .step = (float)(a->options.step / (double)n->deviation[c]) };
    }
}

static da_status build(da_attacker *a, const da_model *model) {
    DA_TRY(da_model_copy(&a->model, model));
    da_model_freeze_all(a->model, true);
    DA_TRY(da_graph_new(&a->graph));
    const int64_t *shape = model->input_shape;
    a->pixels = shape[0] * shape[1] * shape[2];
    a->gradient = da_alloc_zero((size_t)a->batch, (size_t)a->pixels * sizeof *a->gradient);
    a->uphill = da_alloc_zero((size_t)a->batch, (size_t)model->classes * sizeof *a->uphill);
    if (!a->gradient || !a->uphill) return DA_ERROR_MEMORY;
    set_channels(a);
    return DA_OK;
}

da_status da_attacker_new(da_attacker **attacker, const da_model *model, const da_attack_options *options,
                          int64_t batch) {
    da_attack_options complete = *options;
    DA_TRY(da_attack_complete(&complete));
    if (batch < 1) return DA_FAIL(DA_ERROR_ARGUMENT, "a batch of %lld images cannot be attacked", (long long)batch);
    DA_TRY(da_feed_check_normalized(model));
    da_attacker *made = da_alloc_zero(1, sizeof *made);
    if (!made) return DA_ERROR_MEMORY;
    made->options = complete;
    made->batch = batch;
    da_status status = build(made, model);
    if (status == DA_OK) *attacker = made;
    else da_attacker_free(made);
    return status;
}

void da_attacker_free(da_attacker *attacker) {
    if (!attacker) return;
    da_free(attacker->uphill);
    da_free(attacker->gradient);
    da_graph_free(attacker->graph);
    da_model_free(attacker->model);
    da_free(attacker);
}

/* ---- One batch ---- */

static da_tensor images_over(const da_attacker *a, float *images, int64_t n) {
    const int64_t *shape = a->model->input_shape;
    return da_tensor_over(images, DA_FLOAT32, 4, (int64_t[]){ n, shape[0], shape[1], shape[2] });
}

/* dL/dz of one image, divided by 1 - p(label): to = p of each class among the others, and -1 at the label. */
static void find_uphill(const float *z, int classes, int label, float *to) {
    float most = -INFINITY;
    double total = 0;
    for (int c = 0; c < classes; c++)
        if (c != label && !(z[c] <= most)) most = z[c];
    for (int c = 0; c < classes; c++)
        if (c != label) total += (double)(to[c] = da_expf(z[c] - most));
    for (int c = 0; c < classes; c++)
        if (c != label) to[c] = (float)((double)to[c] / total);
    to[label] = classes > 1 ? -1.0f : 0.0f;
}

/* a->gradient := the derivative by the images of the sum over logits x uphill, which has the sign of the loss's. */
static da_status find_gradient(da_attacker *a, float *images, const uint8_t *labels, int64_t n) {
    const int classes = a->model->classes;
    da_tensor x = images_over(a, images, n), gradient = images_over(a, a->gradient, n);
    da_tensor uphill = da_tensor_over(a->uphill, DA_FLOAT32, 2, (int64_t[]){ n, classes });
    da_forward forward = { .graph = a->graph };
    da_graph_reset(a->graph);
    da_graph_set_recording(a->graph, true);
    da_node *logits = da_model_forward(a->model, &forward, da_graph_leaf(a->graph, &x, &gradient));
    const da_tensor *z = da_node_value(logits);
    DA_TRY(da_graph_status(a->graph));
    for (int64_t i = 0; i < n; i++)
        find_uphill(da_tensor_floats(z) + i * classes, classes, labels[i], a->uphill + i * classes);
    da_node *steered = da_multiply(a->graph, logits, da_graph_input(a->graph, &uphill));
    return da_graph_backward(a->graph, da_sum(a->graph, steered, 0, false));
}

static float clip(float value, float low, float high) { return value < low ? low : value > high ? high : value; }

/* Into the ball around the clean value, and into the range of pixels. */
static float confine(const channel *c, float clean, float value) {
    return clip(clip(value, clean - c->epsilon, clean + c->epsilon), c->low, c->high);
}

static void start(const da_attacker *a, const float *clean, const int64_t *samples, int64_t n, float *x) {
    for (int64_t i = 0; i < n; i++) {
        const uint64_t stream = da_stream(DA_RANDOM_ATTACK, (uint64_t)samples[i]);
        for (int64_t p = 0; p < a->pixels; p++) {
            const channel *c = &a->channels[p % a->channel_count];
            const float uniform = 2.0f * da_random_uniform(a->options.seed, stream, (uint64_t)p) - 1.0f;
            const int64_t at = i * a->pixels + p;
            x[at] = confine(c, clean[at], fmaf(uniform, c->epsilon, clean[at]));
        }
    }
}

/* A gradient that is zero, or no number, moves nothing. */
static void climb(const da_attacker *a, const float *clean, int64_t count, float *x) {
    for (int64_t i = 0; i < count; i++) {
        const channel *c = &a->channels[i % a->channel_count];
        const float sign = (float)((a->gradient[i] > 0) - (a->gradient[i] < 0));
        x[i] = confine(c, clean[i], fmaf(sign, c->step, x[i]));
    }
}

/* Images that the last gradient did not move. */
static int64_t count_flat(const da_attacker *a, int64_t n) {
    int64_t flat = 0;
    for (int64_t i = 0; i < n; i++) {
        const float *slope = a->gradient + i * a->pixels;
        int64_t p = 0;
        while (p < a->pixels && !(fabsf(slope[p]) > 0)) p++;
        flat += p == a->pixels;
    }
    return flat;
}

static da_status count_correct(da_attacker *a, float *images, const uint8_t *labels, int64_t n, int64_t *correct) {
    da_tensor x = images_over(a, images, n);
    da_forward forward = { .graph = a->graph };
    da_graph_reset(a->graph);
    da_graph_set_recording(a->graph, false);
    da_node *logits = da_model_forward(a->model, &forward, da_graph_input(a->graph, &x));
    DA_TRY(da_graph_status(a->graph));
    *correct = da_count_correct(da_node_value(logits), labels);
    return DA_OK;
}

static da_status check_batch(const da_attacker *a, const uint8_t *labels, int64_t n) {
    if (n < 1 || n > a->batch)
        return DA_FAIL(DA_ERROR_ARGUMENT, "%lld images cannot be attacked at once: the batch is 1 to %lld",
                       (long long)n, (long long)a->batch);
    for (int64_t i = 0; i < n; i++)
        if (labels[i] >= a->model->classes)
            return DA_FAIL(DA_ERROR_ARGUMENT, "image %lld of the batch has label %d, the model '%s' tells %d classes apart",
                           (long long)i, labels[i], a->model->architecture, a->model->classes);
    return DA_OK;
}

da_status da_attacker_run(da_attacker *a, const float *clean, const uint8_t *labels, const int64_t *samples,
                          int64_t n, float *adversarial, da_attack_result *result) {
    DA_TRY(check_batch(a, labels, n));
    if (a->options.no_start) memcpy(adversarial, clean, (size_t)(n * a->pixels) * sizeof *clean);
    else start(a, clean, samples, n, adversarial);
    for (int step = 0; step < a->options.steps; step++) {
        DA_TRY(find_gradient(a, adversarial, labels, n));
        climb(a, clean, n * a->pixels, adversarial);
    }
    if (!result) return DA_OK;
    *result = (da_attack_result){ .images = n, .flat = count_flat(a, n) };
    return count_correct(a, adversarial, labels, n, &result->correct);
}

/* ---- A data set ---- */

static da_status attack_all(da_attacker *a, da_feed *feed, float *adversarial, const volatile sig_atomic_t *stop,
                            da_attack_result *result) {
    da_attack_result total = { 0 };
    for (int64_t step = 0; step < da_feed_steps(feed); step++) {
        da_attack_result batch;
        if (stop && *stop) return DA_FAIL(DA_ERROR_INTERRUPTED, "the attack was interrupted");
        DA_TRY(da_feed_read(feed, 0, step));
        DA_TRY(da_attacker_run(a, feed->images, feed->labels, feed->samples, feed->batch.shape[0], adversarial, &batch));
        total.images += batch.images;
        total.correct += batch.correct;
        total.flat += batch.flat;
    }
    *result = total;
    return DA_OK;
}

da_status da_attack_evaluate(const da_model *model, const da_dataset *data, const da_attack_options *options,
                             int64_t limit, int64_t batch, const volatile sig_atomic_t *stop,
                             da_attack_result *result) {
    da_attacker *attacker = NULL;
    da_feed feed;
    DA_TRY(da_feed_open(&feed, model, data, &(da_feed_options){ .batches.batch_size = batch, .limit = limit,
                                                                .labels_for = "an attack" }));
    float *adversarial = da_alloc((size_t)(feed.batcher.largest * da_dataset_image_bytes(data)) * sizeof *adversarial);
    da_status status = adversarial ? da_attacker_new(&attacker, model, options, feed.batcher.largest) : DA_ERROR_MEMORY;
    if (status == DA_OK) status = attack_all(attacker, &feed, adversarial, stop, result);
    da_attacker_free(attacker);
    da_free(adversarial);
    da_feed_close(&feed);
    return status;
}
