/* Attacks in the space the network reads, x = (pixel / 255 - mean) / deviation, where a bound on a pixel is a bound on
 * x with a scale of its own for each channel:
 *
 *     pixel    0 .. 255     +- 255 epsilon       255 step
 *     x        low .. high  +- epsilon / dev     step / dev         low = -mean / dev, high = low + 1 / dev
 */
#include "deeparc/attack.h"

#include "core/memory.h"
#include "core/random.h"
#include "optim/evaluate.h"

#include <math.h>
#include <string.h>

typedef struct channel { float low, high, epsilon, step; } channel;

struct da_attacker {
    da_attack_options options;
    da_model *model;     /* a copy of ours, frozen */
    da_graph *graph;
    int64_t   batch, pixels; /* values of an image */
    float    *gradient;  /* batch x pixels */
    channel   channels[DA_MAX_NORMALIZED];
    int       channel_count;
};

const char *da_attack_name(da_attack_kind kind) { return kind == DA_ATTACK_FGSM ? "FGSM" : "PGD"; }

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
    if (!a->gradient) return DA_ERROR_MEMORY;
    set_channels(a);
    return DA_OK;
}

da_status da_attacker_new(da_attacker **attacker, const da_model *model, const da_attack_options *options,
                          int64_t batch) {
    da_attack_options complete = *options;
    DA_TRY(da_attack_complete(&complete));
    if (batch < 1) return DA_FAIL(DA_ERROR_ARGUMENT, "a batch of %lld images cannot be attacked", (long long)batch);
    if (!model->normalization.known)
        return DA_FAIL(DA_ERROR_ARGUMENT, "'%s' does not say how its inputs are normalised: set its normalisation",
                       model->architecture);
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

/* a->gradient := the derivative of the loss by the images. */
static da_status find_gradient(da_attacker *a, float *images, const uint8_t *labels, int64_t n) {
    da_tensor x = images_over(a, images, n), gradient = images_over(a, a->gradient, n);
    da_forward forward = { .graph = a->graph };
    da_graph_reset(a->graph);
    da_graph_set_recording(a->graph, true);
    da_node *logits = da_model_forward(a->model, &forward, da_graph_leaf(a->graph, &x, &gradient));
    da_node *loss = da_cross_entropy(a->graph, logits, labels, 0);
    DA_TRY(da_graph_status(a->graph));
    return da_graph_backward(a->graph, loss);
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

static da_status count_correct(da_attacker *a, float *images, const uint8_t *labels, int64_t n, int64_t *correct) {
    da_tensor x = images_over(a, images, n);
    da_forward forward = { .graph = a->graph };
    da_graph_reset(a->graph);
    da_graph_set_recording(a->graph, false);
    da_node *logits = da_model_forward(a->model, &forward, da_graph_input(a->graph, &x));
    DA_TRY(da_graph_status(a->graph));
    *correct = dai_count_correct(da_node_value(logits), labels);
    return DA_OK;
}

da_status da_attacker_run(da_attacker *a, const float *clean, const uint8_t *labels, const int64_t *samples,
                          int64_t n, float *adversarial, int64_t *correct) {
    if (n < 1 || n > a->batch)
        return DA_FAIL(DA_ERROR_ARGUMENT, "%lld images cannot be attacked at once: the batch is 1 to %lld",
                       (long long)n, (long long)a->batch);
    if (a->options.no_start) memcpy(adversarial, clean, (size_t)(n * a->pixels) * sizeof *clean);
    else start(a, clean, samples, n, adversarial);
    for (int step = 0; step < a->options.steps; step++) {
        DA_TRY(find_gradient(a, adversarial, labels, n));
        climb(a, clean, n * a->pixels, adversarial);
    }
    return correct ? count_correct(a, adversarial, labels, n, correct) : DA_OK;
}

/* ---- A data set ---- */

typedef struct assault {
    da_attacker *attacker;
    da_subset    subset;
    da_batcher   batcher;
    float       *clean, *adversarial;
    uint8_t     *labels;
    int64_t     *samples;
} assault;

static da_status prepare(assault *s, const da_model *model, const da_dataset *view, const da_attack_options *options,
                         int64_t limit, int64_t batch) {
    DA_TRY(da_subset_first(&s->subset, view, limit));
    DA_TRY(da_batcher_init(&s->batcher, &s->subset, &(da_batcher_options){ .batch_size = batch }));
    DA_TRY(da_attacker_new(&s->attacker, model, options, s->batcher.largest));
    const size_t n = (size_t)s->batcher.largest, values = n * (size_t)da_dataset_image_bytes(view);
    s->clean = da_alloc(values * sizeof *s->clean);
    s->adversarial = da_alloc(values * sizeof *s->adversarial);
    s->labels = da_alloc(n);
    s->samples = da_alloc(n * sizeof *s->samples);
    return s->clean && s->adversarial && s->labels && s->samples ? DA_OK : DA_ERROR_MEMORY;
}

static da_status attack_all(assault *s, const volatile sig_atomic_t *stop, double *accuracy) {
    int64_t total = 0;
    for (int64_t step = 0; step < da_batcher_steps(&s->batcher); step++) {
        int64_t correct;
        if (stop && *stop) return DA_FAIL(DA_ERROR_INTERRUPTED, "the attack was interrupted");
        DA_TRY(da_batcher_read(&s->batcher, 0, step, s->clean, s->labels, s->samples));
        DA_TRY(da_attacker_run(s->attacker, s->clean, s->labels, s->samples, da_batcher_size(&s->batcher, step),
                               s->adversarial, &correct));
        total += correct;
    }
    *accuracy = (double)total / (double)s->subset.count;
    return DA_OK;
}

da_status da_attack_evaluate(const da_model *model, const da_dataset *data, const da_attack_options *options,
                             int64_t limit, int64_t batch, const volatile sig_atomic_t *stop, double *accuracy) {
    assault s = { 0 };
    DA_TRY(dai_data_check(model, data));
    if (!data->labels)
        return DA_FAIL(DA_ERROR_ARGUMENT, "the images of '%s' have no labels: an attack needs them", data->name);
    da_dataset view = dai_data_normalized(data, &model->normalization);
    da_status status = prepare(&s, model, &view, options, limit, batch);
    if (status == DA_OK) status = attack_all(&s, stop, accuracy);
    da_free(s.samples);
    da_free(s.labels);
    da_free(s.adversarial);
    da_free(s.clean);
    da_attacker_free(s.attacker);
    da_batcher_free(&s.batcher);
    da_subset_free(&s.subset);
    return status;
}
