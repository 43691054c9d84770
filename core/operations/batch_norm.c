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
#include "core/operations/loops.h"
#include "core/operations/rows.h"
#include "core/parallel.h"

#include <math.h>

enum { LEAST_SLICE = 64 };

typedef struct geometry { int64_t values, channels, slice, slices; } geometry; /* values a channel, values a slice */

static geometry geometry_of(const da_node *node) {
    const da_tensor *x = &node->input[0]->value;
    const int64_t channels = x->shape[x->ndim - 1], samples = x->shape[0];
    geometry g = { .channels = channels, .values = 1 };
    for (int d = 0; d < x->ndim - 1; d++) g.values *= x->shape[d];
    const int64_t image = samples > 0 && g.values > 0 ? g.values / samples : 1;
    g.slice = image * ((LEAST_SLICE + image - 1) / image);
    g.slices = (g.values + g.slice - 1) / g.slice;
    return g;
}

static int64_t slice_values(const geometry *g, int64_t slice) {
    const int64_t left = g->values - slice * g->slice;
    return left < g->slice ? left : g->slice;
}

/* Operand 1 is the scale if there is one; the shift comes after it. */
static const float *scale_of(const da_node *node) { return node->input_count > 1 ? dai_input(node, 1) : NULL; }
static const float *shift_of(const da_node *node) { return node->input_count > 2 ? dai_input(node, 2) : NULL; }

static bool is_channel_vector(const da_tensor *t, int64_t channels) { return t->ndim == 1 && t->shape[0] == channels; }

static void batch_norm_shape(da_node *node) {
    char text[96];
    const da_tensor *x = &node->input[0]->value;
    const da_batch_norm_options *o = &node->options.batch_norm;
    if (x->ndim < 2) {
        dai_node_fail(node, DA_ERROR_SHAPE, "input is %s, expected N ... C", da_shape_text(text, x->ndim, x->shape));
        return;
    }
    const geometry g = geometry_of(node);
    for (int i = 1; i < node->input_count; i++)
        if (!is_channel_vector(&node->input[i]->value, g.channels)) {
            dai_node_fail(node, DA_ERROR_SHAPE, "%s is %s, expected %lld: one number a channel of the input",
                          i == 1 ? "scale" : "shift",
                          da_shape_text(text, node->input[i]->value.ndim, node->input[i]->value.shape),
                          (long long)g.channels);
            return;
        }
    const bool running = o->running_mean && o->running_variance;
    if (running ? !is_channel_vector(o->running_mean, g.channels) || !is_channel_vector(o->running_variance, g.channels)
                : !o->training)
        dai_node_fail(node, DA_ERROR_SHAPE, "running mean and variance of %lld channels are needed%s",
                      (long long)g.channels, running ? ", they have another size" : " outside training");
    else if (o->training && g.values < 2)
        dai_node_fail(node, DA_ERROR_SHAPE,
                      "training needs more than one value a channel, the input is %s: use a larger batch",
                      da_shape_text(text, x->ndim, x->shape));
    else if (!(o->epsilon > 0.0f))
        dai_node_fail(node, DA_ERROR_ARGUMENT, "epsilon is %g, it must be above 0", (double)o->epsilon);
    else {
        dai_set_shape(node, x->ndim, x->shape);
        node->saved_count = 2 * g.channels;
    }
}

/* ---- Forward ---- */

typedef struct norm_work {
    geometry g;
    const float *x, *dy, *mean, *a, *b, *offset;
    float *out, *first, *second; /* first, second: slices x channels */
} norm_work;

static void moments_slice(void *context, int64_t slice, int worker) {
    const norm_work *w = context;
    const int64_t c = w->g.channels;
    (void)worker;
    da_kernels_active()->channel_moments(slice_values(&w->g, slice), c, w->x + slice * w->g.slice * c,
                                         w->first + slice * c, w->second + slice * c);
}

static void affine_slice(void *context, int64_t slice, int worker) {
    const norm_work *w = context;
    const int64_t c = w->g.channels, at = slice * w->g.slice * c;
    (void)worker;
    da_kernels_active()->channel_affine(slice_values(&w->g, slice), c, w->x + at, w->a, w->offset, w->out + at);
}

/* Joins the slices' moments of one channel. */
static void join_moments(const norm_work *w, int64_t channel, double *mean, double *square) {
    double n = 0.0, m = 0.0, q = 0.0;
    for (int64_t slice = 0; slice < w->g.slices; slice++) {
        const double n2 = (double)slice_values(&w->g, slice), total = n + n2;
        const double d = (double)w->first[slice * w->g.channels + channel] - m;
        m += d * (n2 / total);
        q += (double)w->second[slice * w->g.channels + channel] + d * d * (n * n2 / total);
        n = total;
    }
    *mean = m;
    *square = q;
}

static void move_running(const da_batch_norm_options *o, int64_t channel, double mean, double unbiased) {
    if (!o->running_mean) return;
    float *m = da_tensor_floats(o->running_mean) + channel, *v = da_tensor_floats(o->running_variance) + channel;
    *m = fmaf(o->momentum, (float)mean - *m, *m);
    *v = fmaf(o->momentum, (float)unbiased - *v, *v);
}

/* Fills saved: mean and 1 / sqrt(variance + epsilon). */
static void find_statistics(da_node *node, const norm_work *w) {
    const da_batch_norm_options *o = &node->options.batch_norm;
    const int64_t channels = w->g.channels;
    for (int64_t c = 0; c < channels; c++) {
        double mean, variance;
        if (o->training) {
            join_moments(w, c, &mean, &variance);
            move_running(o, c, mean, variance / (double)(w->g.values - 1));
            variance /= (double)w->g.values;
        } else {
            mean = (double)da_tensor_floats(o->running_mean)[c];
            variance = (double)da_tensor_floats(o->running_variance)[c];
        }
        node->saved[c] = (float)mean;
        node->saved[channels + c] = (float)(1.0 / sqrt(variance + (double)o->epsilon));
    }
}

static void batch_norm_forward(da_node *node) {
    norm_work w = { .g = geometry_of(node), .x = dai_input(node, 0), .out = dai_output(node) };
    const int64_t channels = w.g.channels;
    float *coefficients = dai_scratch(node, 2 * channels);
    if (!coefficients) return;
    if (node->options.batch_norm.training) {
        w.first = dai_scratch(node, 2 * w.g.slices * channels);
        if (!w.first) return;
        w.second = w.first + w.g.slices * channels;
        da_parallel_for(w.g.slices, moments_slice, &w);
    }
    find_statistics(node, &w);
    const float *scale = scale_of(node), *shift = shift_of(node);
    for (int64_t c = 0; c < channels; c++) {
        coefficients[c] = scale ? scale[c] * node->saved[channels + c] : node->saved[channels + c];
        coefficients[channels + c] = fmaf(-node->saved[c], coefficients[c], shift ? shift[c] : 0.0f);
    }
    w.a = coefficients;
    w.offset = coefficients + channels;
    da_parallel_for(w.g.slices, affine_slice, &w);
}

/* ---- Backward ---- */

static void gradient_sums_slice(void *context, int64_t slice, int worker) {
    const norm_work *w = context;
    const int64_t c = w->g.channels, at = slice * w->g.slice * c;
    (void)worker;
    da_kernels_active()->channel_gradient_sums(slice_values(&w->g, slice), c, w->dy + at, w->x + at, w->mean,
                                               w->first + slice * c, w->second + slice * c);
}

static void gradient_affine_slice(void *context, int64_t slice, int worker) {
    const norm_work *w = context;
    const int64_t c = w->g.channels, at = slice * w->g.slice * c;
    (void)worker;
    da_kernels_active()->channel_gradient_affine(slice_values(&w->g, slice), c, w->dy + at, w->x + at, w->a, w->b,
                                                 w->offset, w->out + at);
}

static double join_sums(const norm_work *w, const float *sums, int64_t channel) {
    double total = 0.0;
    for (int64_t slice = 0; slice < w->g.slices; slice++) total += (double)sums[slice * w->g.channels + channel];
    return total;
}

static void batch_norm_backward(da_node *node) {
    norm_work w = { .g = geometry_of(node), .x = dai_input(node, 0), .dy = node->gradient, .mean = node->saved };
    const int64_t channels = w.g.channels;
    const bool training = node->options.batch_norm.training;
    float *coefficients = dai_scratch(node, 5 * channels);
    w.first = coefficients ? dai_scratch(node, 2 * w.g.slices * channels) : NULL;
    if (!w.first) return;
    w.second = w.first + w.g.slices * channels;
    da_parallel_for(w.g.slices, gradient_sums_slice, &w);
    float *a = coefficients, *b = a + channels, *offset = b + channels, *dscale = offset + channels,
        *dshift = dscale + channels;
    const float *scale = scale_of(node);
    for (int64_t c = 0; c < channels; c++) {
        const double r = (double)node->saved[channels + c], factor = scale ? (double)scale[c] * r : r;
        const double s1 = join_sums(&w, w.first, c), s2 = join_sums(&w, w.second, c), m = (double)w.g.values;
        const double slope = training ? -factor * r * r * s2 / m : 0.0;
        a[c] = (float)factor;
        b[c] = (float)slope;
        offset[c] = training ? (float)(-factor * s1 / m - slope * (double)node->saved[c]) : 0.0f;
        dscale[c] = (float)(s2 * r);
        dshift[c] = (float)s1;
    }
    float *dx = dai_gradient_begin(node, 0);
    if (dx) {
        w.a = a;
        w.b = b;
        w.offset = offset;
        w.out = dx;
        da_parallel_for(w.g.slices, gradient_affine_slice, &w);
    }
    dai_gradient_end(node, 0);
    for (int i = 1; i < node->input_count; i++) {
        float *d = dai_gradient_begin(node, i);
        for (int64_t c = 0; d && c < channels; c++) d[c] = i == 1 ? dscale[c] : dshift[c];
        dai_gradient_end(node, i);
    }
}

const da_operation dai_operation_batch_norm = {
    .name = "batch_norm", .inputs_least = 1, .inputs_most = 3, .shape = batch_norm_shape, .forward = batch_norm_forward,
    .backward = batch_norm_backward, .backward_needs_inputs = true,
};

da_node *da_batch_norm(da_graph *g, da_node *x, da_node *scale, da_node *shift, da_batch_norm_options options) {
    dai_options o = { .batch_norm = options };
    return dai_node_new(g, &dai_operation_batch_norm, (da_node *[]){ x, scale, shift }, shift ? 3 : scale ? 2 : 1, &o);
}
