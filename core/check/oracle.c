/* The oracle's formulas. Slow on purpose: indices are taken apart and put together for every single number. */
#include "core/check/oracle.h"
#include "core/memory.h"

#include <math.h>
#include <string.h>

typedef const dai_oracle_case CASE;
typedef dai_oracle_array ARRAY;

/* ---- Indices ---- */

static int64_t count(const ARRAY *a) {
    int64_t n = 1;
    for (int d = 0; d < a->ndim; d++) n *= a->shape[d];
    return n;
}

static void take_apart(const ARRAY *a, int64_t flat, int64_t *index) {
    for (int d = a->ndim - 1; d >= 0; d--) {
        index[d] = flat % a->shape[d];
        flat /= a->shape[d];
    }
}

static int64_t put_together(const ARRAY *a, const int64_t *index) {
    int64_t flat = 0;
    for (int d = 0; d < a->ndim; d++) flat = flat * a->shape[d] + index[d];
    return flat;
}

static double at4(const ARRAY *a, int64_t i, int64_t j, int64_t k, int64_t l) {
    return a->data[put_together(a, (int64_t[]) { i, j, k, l })];
}

/* The number of a that stands at `index` of a larger shape with ndim axes, aligned at the right. */
static double broadcast_at(const ARRAY *a, int ndim, const int64_t *index) {
    int64_t own[DA_MAX_DIMS];
    for (int d = 0; d < a->ndim; d++) own[d] = a->shape[d] == 1 ? 0 : index[ndim - a->ndim + d];
    return a->data[put_together(a, own)];
}

static void same_shape(ARRAY *y, const ARRAY *x) {
    y->ndim = x->ndim;
    memcpy(y->shape, x->shape, sizeof y->shape);
}

static void shape_is(ARRAY *y, int ndim, const int64_t *shape) {
    y->ndim = ndim;
    for (int d = 0; d < ndim; d++) y->shape[d] = shape[d];
}

/* ---- Element by element ---- */

static int64_t binary(const ARRAY *in, ARRAY *y, double (*f)(double, double)) {
    const ARRAY *a = &in[0], *b = &in[1];
    int64_t index[DA_MAX_DIMS];
    y->ndim = a->ndim > b->ndim ? a->ndim : b->ndim;
    for (int d = 1; d <= y->ndim; d++) {
        int64_t p = d <= a->ndim ? a->shape[a->ndim - d] : 1, q = d <= b->ndim ? b->shape[b->ndim - d] : 1;
        y->shape[y->ndim - d] = p == 1 ? q : p;
    }
    for (int64_t i = 0; y->data && i < count(y); i++) {
        take_apart(y, i, index);
        y->data[i] = f(broadcast_at(a, y->ndim, index), broadcast_at(b, y->ndim, index));
    }
    return 1;
}

static double plus(double a, double b)  { return a + b; }
static double minus(double a, double b) { return a - b; }
static double times(double a, double b) { return a * b; }
static double over(double a, double b)  { return a / b; }
static int64_t compute_add(CASE *c, const ARRAY *in, ARRAY *y)      { (void)c; return binary(in, y, plus); }
static int64_t compute_subtract(CASE *c, const ARRAY *in, ARRAY *y) { (void)c; return binary(in, y, minus); }
static int64_t compute_multiply(CASE *c, const ARRAY *in, ARRAY *y) { (void)c; return binary(in, y, times); }
static int64_t compute_divide(CASE *c, const ARRAY *in, ARRAY *y)   { (void)c; return binary(in, y, over); }

static int64_t unary(const ARRAY *x, ARRAY *y, double (*f)(double)) {
    same_shape(y, x);
    for (int64_t i = 0; y->data && i < count(x); i++) y->data[i] = f(x->data[i]);
    return 1;
}

static double relu_of(double x)    { return x > 0 ? x : 0; }
static double exp_of(double x)     { return exp(x); }
static double log_of(double x)     { return log(x); }
static double sqrt_of(double x)    { return sqrt(x); }
static double tanh_of(double x)    { return tanh(x); }
static double sigmoid_of(double x) { return 1 / (1 + exp(-x)); }
static double silu_of(double x)    { return x / (1 + exp(-x)); }
static double gelu_of(double x)    { return x * 0.5 * erfc(-x / sqrt(2)); }
#define UNARY(name, ...)                                                                                          \
    static int64_t compute_##name(CASE *c, const ARRAY *in, ARRAY *y) { (void)c; return unary(in, y, name##_of); }
UNARY(relu, )
DA_UNARY_FUNCTIONS(UNARY)

static int64_t compute_scale(CASE *c, const ARRAY *x, ARRAY *y) {
    same_shape(y, x);
    for (int64_t i = 0; y->data && i < count(x); i++)
        y->data[i] = x->data[i] * (double)c->options.scale.factor + (double)c->options.scale.offset;
    return 2;
}

static int64_t compute_leaky_relu(CASE *c, const ARRAY *x, ARRAY *y) {
    same_shape(y, x);
    for (int64_t i = 0; y->data && i < count(x); i++)
        y->data[i] = x->data[i] > 0 ? x->data[i] : x->data[i] * (double)c->options.leaky_relu.slope;
    return 1;
}

/* ---- Reductions ---- */

/* Every input goes to the output its remaining indices name. */
static int64_t reduce(CASE *c, const ARRAY *x, ARRAY *y, bool largest) {
    int64_t index[DA_MAX_DIMS], left[DA_MAX_DIMS];
    unsigned axes = c->options.reduce.axes ? c->options.reduce.axes : 63;
    y->ndim = 0;
    for (int d = 0; d < x->ndim; d++)
        if (!(axes >> d & 1) || c->options.reduce.keep) y->shape[y->ndim++] = axes >> d & 1 ? 1 : x->shape[d];
    for (int64_t i = 0; y->data && i < count(y); i++) y->data[i] = largest ? -HUGE_VAL : 0;
    for (int64_t i = 0; y->data && i < count(x); i++) {
        int n = 0;
        take_apart(x, i, index);
        for (int d = 0; d < x->ndim; d++)
            if (!(axes >> d & 1) || c->options.reduce.keep) left[n++] = axes >> d & 1 ? 0 : index[d];
        double *to = &y->data[put_together(y, left)];
        *to = largest ? fmax(*to, x->data[i]) : *to + x->data[i];
    }
    return count(y) ? count(x) / count(y) : 1;
}

static int64_t compute_sum(CASE *c, const ARRAY *in, ARRAY *y)     { return reduce(c, in, y, false); }
static int64_t compute_max(CASE *c, const ARRAY *in, ARRAY *y) { return reduce(c, in, y, true); }
static int64_t compute_mean(CASE *c, const ARRAY *in, ARRAY *y) {
    int64_t terms = reduce(c, in, y, false);
    for (int64_t i = 0; y->data && i < count(y); i++) y->data[i] /= (double)terms;
    return terms;
}

/* ---- Shape ---- */

static int64_t compute_reshape(CASE *c, const ARRAY *x, ARRAY *y) {
    int64_t known = 1;
    shape_is(y, c->options.reshape.ndim, c->options.reshape.shape);
    for (int d = 0; d < y->ndim; d++) known *= y->shape[d] < 0 ? 1 : y->shape[d];
    for (int d = 0; d < y->ndim; d++) if (y->shape[d] < 0) y->shape[d] = count(x) / known;
    if (y->data) memcpy(y->data, x->data, (size_t)count(x) * sizeof *y->data);
    return 1;
}

static int64_t compute_flatten(CASE *c, const ARRAY *x, ARRAY *y) {
    (void)c;
    shape_is(y, 2, (int64_t[]) { x->shape[0], count(x) / x->shape[0] });
    if (y->data) memcpy(y->data, x->data, (size_t)count(x) * sizeof *y->data);
    return 1;
}

static int64_t compute_permute(CASE *c, const ARRAY *x, ARRAY *y) {
    int64_t index[DA_MAX_DIMS], moved[DA_MAX_DIMS];
    y->ndim = x->ndim;
    for (int d = 0; d < x->ndim; d++) y->shape[d] = x->shape[c->options.permute.axes[d]];
    for (int64_t i = 0; y->data && i < count(x); i++) {
        take_apart(x, i, index);
        for (int d = 0; d < x->ndim; d++) moved[d] = index[c->options.permute.axes[d]];
        y->data[put_together(y, moved)] = x->data[i];
    }
    return 1;
}

static int64_t compute_slice(CASE *c, const ARRAY *x, ARRAY *y) {
    int64_t index[DA_MAX_DIMS] = { 0 }, size = x->shape[c->options.slice.axis], n = 0;
    int axis = c->options.slice.axis;
    int64_t start = c->options.slice.start + (c->options.slice.start < 0 ? size : 0);
    int64_t stop = c->options.slice.stop + (c->options.slice.stop < 0 ? size : 0);
    for (int64_t i = start; i < stop; i = c->options.slice.step < stop - i ? i + c->options.slice.step : stop) n++;
    same_shape(y, x);
    y->shape[axis] = n;
    for (int64_t i = 0; y->data && i < count(y); i++) {
        take_apart(y, i, index);
        index[axis] = start + index[axis] * c->options.slice.step;
        y->data[i] = x->data[put_together(x, index)];
    }
    return 1;
}

static int64_t compute_concatenate(CASE *c, const ARRAY *in, ARRAY *y) {
    int64_t index[DA_MAX_DIMS];
    int axis = c->options.concatenate.axis;
    same_shape(y, in);
    for (int k = 1; k < c->inputs; k++) y->shape[axis] += in[k].shape[axis];
    for (int64_t i = 0; y->data && i < count(y); i++) {
        int k = 0;
        take_apart(y, i, index);
        while (index[axis] >= in[k].shape[axis]) index[axis] -= in[k++].shape[axis];
        y->data[i] = in[k].data[put_together(&in[k], index)];
    }
    return 1;
}

static int64_t compute_pad(CASE *c, const ARRAY *x, ARRAY *y) {
    int64_t index[DA_MAX_DIMS];
    y->ndim = x->ndim;
    for (int d = 0; d < x->ndim; d++) y->shape[d] = c->options.pad.before[d] + x->shape[d] + c->options.pad.after[d];
    for (int64_t i = 0; y->data && i < count(y); i++) {
        bool inside = true;
        take_apart(y, i, index);
        for (int d = 0; d < x->ndim; d++) {
            index[d] -= c->options.pad.before[d];
            inside = inside && index[d] >= 0 && index[d] < x->shape[d];
        }
        y->data[i] = inside ? x->data[put_together(x, index)] : (double)c->options.pad.value;
    }
    return 1;
}

/* ---- Products ---- */

static int64_t compute_matmul(CASE *c, const ARRAY *in, ARRAY *y) {
    const ARRAY *a = &in[0], *b = &in[1];
    int64_t m = a->shape[a->ndim - 2], k = a->shape[a->ndim - 1], n = b->shape[b->ndim - 1];
    (void)c;
    same_shape(y, a);
    y->shape[y->ndim - 1] = n;
    for (int64_t i = 0; y->data && i < count(y); i++) {
        int64_t batch = i / (m * n), row = i / n % m, column = i % n, b_batch = b->ndim > 2 ? batch : 0;
        y->data[i] = 0;
        for (int64_t p = 0; p < k; p++)
            y->data[i] += a->data[(batch * m + row) * k + p] * b->data[(b_batch * k + p) * n + column];
    }
    return k;
}

static int64_t compute_linear(CASE *c, const ARRAY *in, ARRAY *y) {
    int64_t n = in[0].shape[0], d = in[1].shape[0], k = in[1].shape[1];
    shape_is(y, 2, (int64_t[]) { n, k });
    for (int64_t i = 0; y->data && i < n * k; i++) {
        y->data[i] = c->inputs > 2 ? in[2].data[i % k] : 0;
        for (int64_t p = 0; p < d; p++) y->data[i] += in[0].data[i / k * d + p] * in[1].data[p * k + i % k];
    }
    return d + 1;
}

/* One output of a convolution; pixels outside count as zero. */
static double conv_at(CASE *c, const ARRAY *x, const ARRAY *w, int64_t n, int64_t oy, int64_t ox, int64_t k) {
    int64_t group_in = w->shape[2], group = k / (w->shape[3] / c->options.conv2d.groups);
    double total = 0;
    for (int64_t i = 0; i < group_in; i++)
        for (int64_t ky = 0; ky < w->shape[0]; ky++)
            for (int64_t kx = 0; kx < w->shape[1]; kx++) {
                int64_t iy = oy * c->options.conv2d.stride + ky - c->options.conv2d.padding;
                int64_t ix = ox * c->options.conv2d.stride + kx - c->options.conv2d.padding;
                if (iy < 0 || ix < 0 || iy >= x->shape[1] || ix >= x->shape[2]) continue;
                total += at4(x, n, iy, ix, group * group_in + i) * at4(w, ky, kx, i, k);
            }
    return total;
}

static int64_t compute_conv2d(CASE *c, const ARRAY *in, ARRAY *y) {
    const ARRAY *x = &in[0], *w = &in[1];
    int64_t index[DA_MAX_DIMS];
    y->ndim = 4;
    y->shape[0] = x->shape[0];
    for (int d = 1; d < 3; d++)
        y->shape[d] = (x->shape[d] + 2 * c->options.conv2d.padding - w->shape[d - 1]) / c->options.conv2d.stride + 1;
    y->shape[3] = w->shape[3];
    for (int64_t i = 0; y->data && i < count(y); i++) {
        take_apart(y, i, index);
        y->data[i] =
            conv_at(c, x, w, index[0], index[1], index[2], index[3]) + (c->inputs > 2 ? in[2].data[index[3]] : 0);
    }
    return w->shape[0] * w->shape[1] * w->shape[2] + 1;
}

/* ---- Batch norm ---- */

double dai_oracle_running_mean(int64_t c)     { return 0.125 * (double)(c % 7) - 0.25; }
double dai_oracle_running_variance(int64_t c) { return 0.5 + 0.25 * (double)(c % 5); }

/* Channel k of x, n values, normalised; scale and shift may be NULL. */
static void normalise(const da_batch_norm_options *o, const ARRAY *x, int64_t k, const ARRAY *scale, const ARRAY *shift,
                      ARRAY *y) {
    int64_t channels = x->shape[x->ndim - 1], n = count(x) / channels;
    double average = 0, variance = 0;
    for (int64_t i = 0; i < n; i++) average += x->data[i * channels + k] / (double)n;
    for (int64_t i = 0; i < n; i++) variance += pow(x->data[i * channels + k] - average, 2) / (double)n;
    if (!o->training) {
        average = dai_oracle_running_mean(k);
        variance = dai_oracle_running_variance(k);
    }
    for (int64_t i = 0; i < n; i++) {
        double z = (x->data[i * channels + k] - average) / sqrt(variance + (double)o->epsilon);
        y->data[i * channels + k] = scale ? z * scale->data[k] + shift->data[k] : z;
    }
}

static int64_t compute_batch_norm(CASE *c, const ARRAY *in, ARRAY *y) {
    const ARRAY *x = in;
    int64_t channels = x->shape[x->ndim - 1];
    same_shape(y, x);
    for (int64_t k = 0; y->data && k < channels; k++)
        normalise(&c->options.batch_norm, x, k, c->inputs == 3 ? &in[1] : NULL, c->inputs == 3 ? &in[2] : NULL, y);
    return count(x) / channels;
}

static int64_t compute_conv2d_norm(CASE *c, const ARRAY *in, ARRAY *y) {
    dai_oracle_case plain = *c;
    plain.inputs = 2; /* no bias */
    int64_t terms = compute_conv2d(&plain, in, y), channels = y->shape[3];
    for (int64_t k = 0; y->data && k < channels; k++)
        normalise(&c->options.conv2d_norm.norm, y, k, &in[2], &in[3], y);
    for (int64_t i = 0; y->data && i < count(y); i++) {
        if (c->inputs == 5) y->data[i] += in[4].data[i];
        if (c->options.conv2d_norm.relu) y->data[i] = fmax(y->data[i], 0);
    }
    return terms + count(y) / channels;
}

/* ---- Pooling ---- */

static int64_t pool(CASE *c, const ARRAY *x, ARRAY *y, bool largest) {
    const da_pool_options *o = &c->options.pool;
    int64_t at[DA_MAX_DIMS];
    shape_is(y, 4, (int64_t[]) { x->shape[0], (x->shape[1] + 2 * o->padding - o->size) / o->stride + 1,
                                 (x->shape[2] + 2 * o->padding - o->size) / o->stride + 1, x->shape[3] });
    for (int64_t i = 0; y->data && i < count(y); i++) {
        double best = -HUGE_VAL, total = 0;
        take_apart(y, i, at);
        for (int64_t k = 0; k < o->size * o->size; k++) {
            int64_t iy = at[1] * o->stride - o->padding + k / o->size,
                    ix = at[2] * o->stride - o->padding + k % o->size;
            if (iy < 0 || ix < 0 || iy >= x->shape[1] || ix >= x->shape[2]) continue;
            best = fmax(best, at4(x, at[0], iy, ix, at[3]));
            total += at4(x, at[0], iy, ix, at[3]);
        }
        y->data[i] = largest ? best : total / (double)(o->size * o->size);
    }
    return o->size * o->size;
}

/* The largest of each window of the convolution's output, and at least zero. */
static int64_t compute_conv2d_relu(CASE *c, const ARRAY *in, ARRAY *y) {
    dai_oracle_array z = { 0 };
    int64_t terms = compute_conv2d(c, in, &z), size = c->options.conv2d_relu.pool, at[DA_MAX_DIMS];
    shape_is(y, 4, (int64_t[]) { z.shape[0], z.shape[1] / size, z.shape[2] / size, z.shape[3] });
    if (!y->data) return terms;
    z.data = da_alloc((size_t)count(&z) * sizeof *z.data);
    if (z.data) (void)compute_conv2d(c, in, &z);
    for (int64_t i = 0; i < count(y); i++) {
        take_apart(y, i, at);
        y->data[i] = z.data ? 0 : HUGE_VAL; /* agrees with nothing: out of memory is a failed check */
        for (int64_t k = 0; z.data && k < size * size; k++)
            y->data[i] = fmax(y->data[i], at4(&z, at[0], at[1] * size + k / size, at[2] * size + k % size, at[3]));
    }
    da_free(z.data);
    return terms;
}

static int64_t compute_max_pool(CASE *c, const ARRAY *in, ARRAY *y)     { return pool(c, in, y, true); }
static int64_t compute_average_pool(CASE *c, const ARRAY *in, ARRAY *y) { return pool(c, in, y, false); }

static int64_t compute_global_average_pool(CASE *c, const ARRAY *x, ARRAY *y) {
    int64_t pixels = x->shape[1] * x->shape[2];
    (void)c;
    shape_is(y, 2, (int64_t[]) { x->shape[0], x->shape[3] });
    for (int64_t i = 0; y->data && i < count(y); i++) {
        y->data[i] = 0;
        for (int64_t p = 0; p < pixels; p++)
            y->data[i] += at4(x, i / x->shape[3], p / x->shape[2], p % x->shape[2], i % x->shape[3]) / (double)pixels;
    }
    return pixels;
}

/* ---- Softmax, dropout, losses ---- */

static double log_sum_exp(const double *x, int64_t n) {
    double most = -HUGE_VAL, total = 0;
    for (int64_t i = 0; i < n; i++) most = fmax(most, x[i]);
    for (int64_t i = 0; i < n; i++) total += exp(x[i] - most);
    return most + log(total);
}

/* -log of the probability of class j: log(1 + what the others weigh against it), to all digits where that is small. */
static double surprise(const double *x, int64_t n, int64_t j) {
    double others = 0;
    for (int64_t i = 0; i < n; i++) if (i != j) others += exp(x[i] - x[j]);
    return log1p(others);
}

static int64_t compute_softmax(CASE *c, const ARRAY *x, ARRAY *y) {
    int64_t k = x->shape[x->ndim - 1];
    (void)c;
    same_shape(y, x);
    for (int64_t i = 0; y->data && i < count(x); i++)
        y->data[i] = exp(x->data[i] - log_sum_exp(x->data + i / k * k, k));
    return k;
}

/* Philox4x32-10 as its paper draws it: value i is word i mod 4 of the block with counter (i / 4, stream). */
static uint32_t philox_value(uint64_t seed, uint64_t stream, uint64_t i) {
    uint64_t r[2] = { i / 4, stream }; /* (x1 x0), (x3 x2) */
    uint32_t key[2] = { (uint32_t)seed, (uint32_t)(seed >> 32) };
    for (int round = 0; round < 10; round++) {
        uint64_t p = UINT64_C(0xD2511F53) * (r[0] & 0xffffffff), q = UINT64_C(0xCD9E8D57) * (r[1] & 0xffffffff);
        uint64_t x0 = (q >> 32) ^ (r[0] >> 32) ^ key[0], x2 = (p >> 32) ^ (r[1] >> 32) ^ key[1];
        r[0] = (q & 0xffffffff) << 32 | x0;
        r[1] = (p & 0xffffffff) << 32 | x2;
        key[0] += 0x9E3779B9u;
        key[1] += 0xBB67AE85u;
    }
    return (uint32_t)(r[i % 4 / 2] >> (i % 2 ? 32 : 0));
}

static int64_t compute_dropout(CASE *c, const ARRAY *x, ARRAY *y) {
    double p = (double)c->options.dropout.p;
    same_shape(y, x);
    for (int64_t i = 0; y->data && i < count(x); i++) {
        uint32_t bits = philox_value(c->options.dropout.seed, c->options.dropout.stream, (uint64_t)i);
        y->data[i] = floor(bits / 256.0) / 16777216.0 < p ? 0 : x->data[i] / (1 - p);
    }
    return 1;
}

static int64_t compute_cross_entropy(CASE *c, const ARRAY *x, ARRAY *y) {
    int64_t n = x->shape[0], k = x->shape[1];
    double s = (double)c->options.cross_entropy.smoothing, total = 0;
    shape_is(y, 0, NULL);
    for (int64_t i = 0; y->data && i < n * k; i++) {
        double target = s / (double)k + (i % k == c->options.cross_entropy.labels[i / k] ? 1 - s : 0);
        total += target * surprise(x->data + i / k * k, k, i % k);
    }
    if (y->data) *y->data = total / (double)n;
    return n + k;
}

static int64_t compute_mse(CASE *c, const ARRAY *in, ARRAY *y) {
    double total = 0;
    (void)c;
    shape_is(y, 0, NULL);
    for (int64_t i = 0; y->data && i < count(in); i++) total += pow(in[0].data[i] - in[1].data[i], 2);
    if (y->data) *y->data = total / (double)count(in);
    return count(in);
}

/* ---- The rows ---- */

#define CALL(name, expression)                                                                                 \
    static da_node *call_##name(da_graph *g, da_node *const *in, CASE *c) { (void)c; return expression; }
CALL(add, da_add(g, in[0], in[1]))
CALL(subtract, da_subtract(g, in[0], in[1]))
CALL(multiply, da_multiply(g, in[0], in[1]))
CALL(divide, da_divide(g, in[0], in[1]))
CALL(scale, da_scale(g, in[0], c->options.scale.factor, c->options.scale.offset))
CALL(sum, da_sum(g, in[0], c->options.reduce.axes, c->options.reduce.keep))
CALL(mean, da_mean(g, in[0], c->options.reduce.axes, c->options.reduce.keep))
CALL(max, da_max(g, in[0], c->options.reduce.axes, c->options.reduce.keep))
CALL(reshape, da_reshape(g, in[0], c->options.reshape.ndim, c->options.reshape.shape))
CALL(flatten, da_flatten(g, in[0]))
CALL(permute, da_permute(g, in[0], c->options.permute.axes))
CALL(slice,
     da_slice(g, in[0], c->options.slice.axis, c->options.slice.start, c->options.slice.stop, c->options.slice.step))
CALL(concatenate, da_concatenate(g, in, c->inputs, c->options.concatenate.axis))
CALL(pad, da_pad(g, in[0], c->options.pad.before, c->options.pad.after, c->options.pad.value))
CALL(matmul, da_matmul(g, in[0], in[1]))
CALL(linear, da_linear(g, in[0], in[1], c->inputs > 2 ? in[2] : NULL))
CALL(conv2d, da_conv2d(g, in[0], in[1], c->inputs > 2 ? in[2] : NULL, c->options.conv2d))
CALL(batch_norm,
     da_batch_norm(g, in[0], c->inputs > 1 ? in[1] : NULL, c->inputs > 2 ? in[2] : NULL, c->options.batch_norm))
CALL(conv2d_norm, da_conv2d_norm(g, in[0], in[1], in[2], in[3], c->inputs > 4 ? in[4] : NULL,
                                 c->options.conv2d_norm.conv, c->options.conv2d_norm.norm, c->options.conv2d_norm.relu))
CALL(conv2d_relu, da_conv2d_relu(g, in[0], in[1], c->inputs > 2 ? in[2] : NULL, c->options.conv2d_relu.conv,
                                 c->options.conv2d_relu.pool))
CALL(max_pool, da_max_pool(g, in[0], c->options.pool))
CALL(average_pool, da_average_pool(g, in[0], c->options.pool))
CALL(global_average_pool, da_global_average_pool(g, in[0]))
CALL(relu, da_relu(g, in[0]))
CALL(leaky_relu, da_leaky_relu(g, in[0], c->options.leaky_relu.slope))
#define CALL_UNARY(name, ...) CALL(name, da_##name(g, in[0]))
DA_UNARY_FUNCTIONS(CALL_UNARY)
CALL(softmax, da_softmax(g, in[0]))
CALL(dropout, da_dropout(g, in[0], c->options.dropout.p, c->options.dropout.seed, c->options.dropout.stream))
CALL(cross_entropy, da_cross_entropy(g, in[0], c->options.cross_entropy.labels, c->options.cross_entropy.smoothing))
CALL(mse, da_mse(g, in[0], in[1]))

#define ROW(name, ...) { #name, call_##name, compute_##name },
const dai_oracle_row dai_oracle_rows[] = { DAI_OPERATIONS(ROW) { NULL, NULL, NULL } };
