/* Batch norm (Ioffe and Szegedy, ICML 2015) over the last dimension.
 *
 *     x ── slices of whole images, at least 64 values a channel ── mean and sum of squares of each slice, a chain each
 *       ── slices joined in order, in double (Chan, Golub, LeVeque 1983):
 *              n = n1 + n2,  d = mean2 - mean1,  mean = mean1 + d n2 / n,  square = square1 + square2 + d^2 n1 n2 / n
 *       ── y = x * factor + offset,  factor = scale / sqrt(variance + epsilon),  offset = shift - mean * factor
 *
 * Backward, with M values a channel, r = 1 / sqrt(variance + epsilon), s1 = sum of dy, s2 = sum of dy (x - mean):
 *     dshift = s1,  dscale = s2 r,  dx = factor (dy - s1 / M - (x - mean) r^2 s2 / M)        (training)
 *                                   dx = factor dy                                          (running statistics)
 *
 * saved: mean and r, C of each. The sums of a slice depend on the shape alone, so threads cannot change a bit.
 */
#include "core/kernels/kernels.h"
#include "core/number.h"
#include "core/operations/loops.h"
#include "core/operations/norm.h"
#include "core/operations/rows.h"
#include "core/parallel.h"

#include <math.h>
#include <string.h>

enum { LEAST_SLICE = 64 };

/* ---- Statistics and coefficients ---- */

dai_norm dai_norm_of(const da_tensor *x) {
    const int64_t channels = x->shape[x->ndim - 1], samples = x->shape[0];
    dai_norm g = { .channels = channels, .values = 1 };
    for (int d = 0; d < x->ndim - 1; d++) g.values *= x->shape[d];
    const int64_t image = samples > 0 && g.values > 0 ? g.values / samples : 1;
    g.slice = image * ((LEAST_SLICE + image - 1) / image);
    g.slices = (g.values + g.slice - 1) / g.slice;
    return g;
}

static bool is_channel_vector(const da_tensor *t, int64_t channels) { return t->ndim == 1 && t->shape[0] == channels; }

bool dai_norm_check(da_node *node, int first, const da_batch_norm_options *o, const da_tensor *x) {
    char text[96];
    const dai_norm g = dai_norm_of(x);
    for (int i = first; i < node->input_count && i < first + 2; i++)
        if (node->input[i] && !is_channel_vector(&node->input[i]->value, g.channels)) {
            dai_node_fail(node, DA_ERROR_SHAPE, "%s is %s, expected %lld: one number a channel of the input",
                          i == first ? "scale" : "shift",
                          da_shape_text(text, node->input[i]->value.ndim, node->input[i]->value.shape),
                          (long long)g.channels);
            return false;
        }
    const bool running = o->running_mean && o->running_variance;
    if (running ? !is_channel_vector(o->running_mean, g.channels) || !is_channel_vector(o->running_variance, g.channels)
                : !o->training)
        dai_node_fail(node, DA_ERROR_SHAPE, "running mean and variance of %s are needed%s",
                      da_count(g.channels, "channel").text, running ? ", they have another size" : " outside training");
    else if (o->training && g.values < 2)
        dai_node_fail(node, DA_ERROR_SHAPE,
                      "training needs more than one value a channel, the input is %s: use a larger batch",
                      da_shape_text(text, x->ndim, x->shape));
    else if (!(o->epsilon > 0.0f))
        dai_node_fail(node, DA_ERROR_ARGUMENT, "epsilon is %g, it must be above 0", (double)o->epsilon);
    else
        return true;
    return false;
}

/* Joins the slices' moments, all channels of a slice before the next; mean and square: C numbers each. */
static void join_moments(const dai_norm *g, const float *means, const float *squares, double *mean, double *square) {
    double n = 0.0;
    for (int64_t slice = 0; slice < g->slices; slice++) {
        const double n2 = (double)dai_norm_slice_values(g, slice), total = n + n2;
        const double share = n2 / total, weight = n * n2 / total;
        const float *m2 = means + slice * g->channels, *q2 = squares + slice * g->channels;
        for (int64_t c = 0; c < g->channels; c++) {
            const double d = (double)m2[c] - mean[c];
            mean[c] += d * share;
            square[c] += (double)q2[c] + d * d * weight;
        }
        n = total;
    }
}

static void move_running(const da_batch_norm_options *o, int64_t channel, double mean, double unbiased) {
    if (!o->running_mean) return;
    float *m = da_tensor_floats(o->running_mean) + channel, *v = da_tensor_floats(o->running_variance) + channel;
    *m = fmaf(o->momentum, (float)mean - *m, *m);
    *v = fmaf(o->momentum, (float)unbiased - *v, *v);
}

void dai_norm_statistics(const da_batch_norm_options *o, const dai_norm *g, const float *means, const float *squares,
                         double *block, float *statistics) {
    const int64_t channels = g->channels;
    double *mean = block, *variance = block + channels;
    memset(block, 0, (size_t)(2 * channels) * sizeof *block);
    if (o->training) join_moments(g, means, squares, mean, variance);
    for (int64_t c = 0; c < channels; c++) {
        if (o->training) {
            move_running(o, c, mean[c], variance[c] / (double)(g->values - 1));
            variance[c] /= (double)g->values;
        } else {
            mean[c] = (double)da_tensor_floats(o->running_mean)[c];
            variance[c] = (double)da_tensor_floats(o->running_variance)[c];
        }
        statistics[c] = (float)mean[c];
        statistics[channels + c] = (float)(1.0 / sqrt(variance[c] + (double)o->epsilon));
    }
}

void dai_norm_coefficients(const dai_norm *g, const float *statistics, const float *scale, const float *shift,
                           float *factor, float *offset) {
    for (int64_t c = 0; c < g->channels; c++) {
        const float r = statistics[g->channels + c];
        factor[c] = scale ? scale[c] * r : r;
        offset[c] = fmaf(-statistics[c], factor[c], shift ? shift[c] : 0.0f);
    }
}

static void join_sums(const dai_norm *g, const float *sums, double *total) {
    memset(total, 0, (size_t)g->channels * sizeof *total);
    for (int64_t slice = 0; slice < g->slices; slice++)
        for (int64_t c = 0; c < g->channels; c++) total[c] += (double)sums[slice * g->channels + c];
}

dai_norm_slopes dai_norm_backward(const dai_norm *g, bool training, const float *statistics, const float *scale,
                                  const float *plain, const float *product, double *block) {
    const int64_t channels = g->channels;
    double *sum = block, *sum_of_products = block + channels;
    float *slopes = (float *)(void *)(block + 2 * channels);
    const dai_norm_slopes s = { slopes, slopes + channels, slopes + 2 * channels, slopes + 3 * channels,
                                slopes + 4 * channels };
    join_sums(g, plain, sum);
    join_sums(g, product, sum_of_products);
    for (int64_t c = 0; c < channels; c++) {
        const double r = (double)statistics[channels + c], factor = scale ? (double)scale[c] * r : r;
        const double s1 = sum[c], s2 = sum_of_products[c], m = (double)g->values;
        const double slope = training ? -factor * r * r * s2 / m : 0.0;
        s.a[c] = (float)factor;
        s.b[c] = (float)slope;
        s.offset[c] = training ? (float)(-factor * s1 / m - slope * (double)statistics[c]) : 0.0f;
        s.dscale[c] = (float)(s2 * r);
        s.dshift[c] = (float)s1;
    }
    return s;
}

void dai_norm_contribute(da_node *node, int first, const dai_norm *g, const dai_norm_slopes *slopes) {
    for (int i = first; i < node->input_count && i < first + 2; i++) {
        float *d = dai_gradient_begin(node, i);
        for (int64_t c = 0; d && c < g->channels; c++) d[c] = i == first ? slopes->dscale[c] : slopes->dshift[c];
        dai_gradient_end(node, i);
    }
}

/* ---- The operation ---- */

/* Operand 1 is the scale, operand 2 the shift, or NULL. */
static const float *scale_of(const da_node *node) { return node->input[1] ? dai_input(node, 1) : NULL; }
static const float *shift_of(const da_node *node) { return node->input[2] ? dai_input(node, 2) : NULL; }

static void batch_norm_shape(da_node *node) {
    char text[96];
    const da_tensor *x = &node->input[0]->value;
    if (x->ndim < 2) {
        dai_node_fail(node, DA_ERROR_SHAPE, "input is %s, expected N ... C", da_shape_text(text, x->ndim, x->shape));
        return;
    }
    if (!dai_norm_check(node, 1, &node->options.batch_norm, x)) return;
    dai_set_shape(node, x->ndim, x->shape);
    node->saved_count = 2 * x->shape[x->ndim - 1];
}

typedef struct norm_work {
    const da_kernels *kernels;
    dai_norm g;
    const float *x;
    da_channel_gradient gradient;
    da_channel_slope slope;
    float *out, *first, *second; /* first, second: slices x channels */
} norm_work;

static void moments_slice(void *context, int64_t slice, int worker) {
    const norm_work *w = context;
    const int64_t c = w->g.channels;
    (void)worker;
    w->kernels->channel_moments(dai_norm_slice_values(&w->g, slice), c, w->x + slice * w->g.slice * c,
                                w->first + slice * c, w->second + slice * c);
}

static void batch_norm_forward(da_node *node) {
    norm_work w = { .kernels = node->kernels, .g = dai_norm_of(&node->value), .x = dai_input(node, 0) };
    const int64_t channels = w.g.channels;
    float *coefficients = dai_scratch(node, 2 * channels);
    double *block = dai_scratch_doubles(node, DAI_NORM_DOUBLES * channels);
    if (!coefficients || !block) return;
    if (node->options.batch_norm.training) {
        w.first = dai_scratch(node, 2 * w.g.slices * channels);
        if (!w.first) return;
        w.second = w.first + w.g.slices * channels;
        da_parallel_for(w.g.slices, da_work_of_floats(w.g.values * channels), moments_slice, &w);
    }
    dai_norm_statistics(&node->options.batch_norm, &w.g, w.first, w.second, block, node->saved);
    dai_norm_coefficients(&w.g, node->saved, scale_of(node), shift_of(node), coefficients, coefficients + channels);
    const da_channel_affine affine = { .factor = coefficients, .offset = coefficients + channels };
    dai_affine_rows(w.kernels, w.g.values, channels, w.x, &affine, dai_output(node));
}

static da_channel_gradient gradient_at(const norm_work *w, int64_t at) {
    da_channel_gradient g = w->gradient;
    g.dy += at;
    g.x += at;
    return g;
}

static void gradient_sums_slice(void *context, int64_t slice, int worker) {
    const norm_work *w = context;
    const int64_t c = w->g.channels;
    const da_channel_gradient g = gradient_at(w, slice * w->g.slice * c);
    (void)worker;
    w->kernels->channel_gradient_sums(dai_norm_slice_values(&w->g, slice), c, &g, NULL, w->first + slice * c,
                                      w->second + slice * c);
}

static void gradient_affine_slice(void *context, int64_t slice, int worker) {
    const norm_work *w = context;
    const int64_t c = w->g.channels, at = slice * w->g.slice * c;
    const da_channel_gradient g = gradient_at(w, at);
    (void)worker;
    w->kernels->channel_gradient_affine(dai_norm_slice_values(&w->g, slice), c, &g, &w->slope, w->out + at);
}

static void batch_norm_backward(da_node *node) {
    norm_work w = { .kernels = node->kernels, .g = dai_norm_of(&node->value),
                    .gradient = { .dy = node->gradient, .x = dai_input(node, 0), .mean = node->saved } };
    const int64_t channels = w.g.channels;
    double *block = dai_scratch_doubles(node, DAI_NORM_DOUBLES * channels);
    w.first = block ? dai_scratch(node, 2 * w.g.slices * channels) : NULL;
    if (!w.first) return;
    w.second = w.first + w.g.slices * channels;
    da_parallel_for(w.g.slices, da_work_of_floats(2 * w.g.values * channels), gradient_sums_slice, &w);
    const dai_norm_slopes s = dai_norm_backward(&w.g, node->options.batch_norm.training, node->saved, scale_of(node),
                                                w.first, w.second, block);
    w.slope = (da_channel_slope){ s.a, s.b, s.offset };
    w.out = dai_gradient_begin(node, 0);
    if (w.out) da_parallel_for(w.g.slices, da_work_of_floats(3 * w.g.values * channels), gradient_affine_slice, &w);
    dai_gradient_end(node, 0);
    dai_norm_contribute(node, 1, &w.g, &s);
}

const da_operation dai_operation_batch_norm = {
    .name = "batch_norm", .inputs_least = 1, .inputs_most = 3, .shape = batch_norm_shape, .forward = batch_norm_forward,
    .backward = batch_norm_backward, .backward_needs_inputs = true, .may_miss = 1 << 1,
};

da_node *da_batch_norm(da_graph *g, da_node *x, da_node *scale, da_node *shift, da_batch_norm_options options) {
    dai_options o = { .batch_norm = options };
    return dai_node_new(g, &dai_operation_batch_norm, (da_node *[]){ x, scale, shift }, shift ? 3 : scale ? 2 : 1, &o);
}
