/* The reference kernels: plain loops that define the bits of products and convolutions. Everything faster must agree
 * with them bit for bit. They are meant to be read first.
 *
 *     y = conv(x, w) + b, dx, dw, db     four bare loops over tensors in memory
 *     a fused convolution                its parts one after the other: load, the bare loop, affine, sink
 */
#include "core/kernels/convolution.h"
#include "core/parallel.h"

#include <math.h>

/* ---- Matrix product ---- */

static void matmul_row(void *context, int64_t i, int worker) {
    const da_matmul_problem *p = context;
    (void)worker;
    for (int64_t j = 0; j < p->n; j++) {
        float *c = p->c + i * p->c_row + j;
        float acc = p->bias ? p->bias[j] : p->accumulate ? *c : 0.0f;
        for (int64_t k = 0; k < p->k; k++)
            acc = fmaf(p->a[i * p->a_row + k * p->a_column], p->b[k * p->b_row + j * p->b_column], acc);
        *c = acc;
    }
}

void dai_matmul_reference(const da_kernels *kernels, const da_matmul_problem *problem, float *scratch) {
    da_matmul_problem copy = *problem;
    (void)kernels, (void)scratch;
    da_parallel_for(problem->m, problem->m * problem->n * problem->k, matmul_row, &copy);
}

/* ---- Convolution, bare ---- */

/* The channels of pixel (y, x) of image n; NULL beside the image: a tap there is no term. */
static const float *pixel(const float *images, int64_t n, int64_t y, int64_t x, int64_t h, int64_t w, int64_t c) {
    return y >= 0 && y < h && x >= 0 && x < w ? images + ((n * h + y) * w + x) * c : NULL;
}

/* Place (n, y, x, c) of number i of a tensor n x h x w x channels. */
typedef struct place { int64_t n, y, x, c; } place;
static place place_of(int64_t i, int64_t h, int64_t w, int64_t channels) {
    return (place){ i / channels / w / h, i / channels / w % h, i / channels % w, i % channels };
}

static void convolve(const da_convolution *v, const float *x, const float *w, const float *bias, float *y) {
    const int64_t cg = v->c / v->groups, kg = v->k / v->groups;
    for (int64_t i = 0; i < v->n * v->oh * v->ow * v->k; i++) {
        const place at = place_of(i, v->oh, v->ow, v->k);
        float sum = bias ? bias[at.c] : 0.0f;
        for (int64_t ky = 0; ky < v->r; ky++)
            for (int64_t kx = 0; kx < v->s; kx++) {
                const float *from = pixel(x, at.n, at.y * v->stride + ky - v->padding,
                                          at.x * v->stride + kx - v->padding, v->h, v->w, v->c);
                for (int64_t c = 0; from && c < cg; c++)
                    sum = fmaf(from[at.c / kg * cg + c], w[((ky * v->s + kx) * cg + c) * v->k + at.c], sum);
            }
        y[i] = sum;
    }
}

static void find_dx(const da_convolution *v, const float *dy, const float *w, float *dx) {
    const int64_t cg = v->c / v->groups, kg = v->k / v->groups;
    for (int64_t i = 0; i < v->n * v->h * v->w * v->c; i++) {
        const place at = place_of(i, v->h, v->w, v->c);
        float sum = 0.0f;
        for (int64_t ky = v->r - 1; ky >= 0; ky--)
            for (int64_t kx = v->s - 1; kx >= 0; kx--) {
                const int64_t y = at.y + v->padding - ky, x = at.x + v->padding - kx; /* stride times the place in dy */
                const bool is_reached = y % v->stride == 0 && x % v->stride == 0;
                const float *from = pixel(dy, at.n, y / v->stride, x / v->stride, v->oh, v->ow, v->k);
                for (int64_t k = at.c / cg * kg; is_reached && from && k < (at.c / cg + 1) * kg; k++)
                    sum = fmaf(from[k], w[((ky * v->s + kx) * cg + at.c % cg) * v->k + k], sum);
            }
        dx[i] = sum;
    }
}

static void find_dw(const da_convolution *v, const float *x, const float *dy, float *dw) {
    const int64_t cg = v->c / v->groups, kg = v->k / v->groups;
    for (int64_t i = 0; i < v->r * v->s * cg * v->k; i++) {
        const int64_t ky = i / v->k / cg / v->s, kx = i / v->k / cg % v->s, c = i / v->k % cg, k = i % v->k;
        float sum = 0.0f;
        for (int64_t n = 0; n < v->n; n++)
            for (int64_t oy = 0; oy < v->oh; oy++)
                for (int64_t ox = 0; ox < v->ow; ox++) {
                    const float *from = pixel(x, n, oy * v->stride + ky - v->padding, ox * v->stride + kx - v->padding,
                                              v->h, v->w, v->c);
                    if (from) sum = fmaf(from[k / kg * cg + c], dy[((n * v->oh + oy) * v->ow + ox) * v->k + k], sum);
                }
        dw[i] = sum;
    }
}

static void find_db(const da_convolution *v, const float *dy, float *db) {
    for (int64_t k = 0; k < v->k; k++) {
        db[k] = 0.0f;
        for (int64_t i = 0; i < v->n * v->oh * v->ow; i++) db[k] += dy[i * v->k + k];
    }
}

/* ---- Convolution, fused ----
 *
 * What a fused convolution computes, by definition: each part over all images before the next part begins.
 *
 *     forward     load x ── convolve ── affine ── sink, a group of images at a time
 *     backward    load dy, x ── dw and db, slice by slice, slices added in order
 *                 load dy ── dx ── base + dx ── sink
 */

static int64_t x_floats(const da_convolution *v) { return v->h * v->w * v->c; }    /* of an image */
static int64_t y_floats(const da_convolution *v) { return v->oh * v->ow * v->k; }
static int64_t w_floats(const da_convolution *v) { return v->r * v->s * (v->c / v->groups) * v->k; }

/* Loader: all images of a source in memory, as they are, or made row by row. */
static const float *load(const da_image_source *source, int64_t rows, int64_t row, float *made) {
    if (source->values) return source->values;
    for (int64_t i = 0; i < rows; i++) source->load(source->context, i, made + i * row);
    return made;
}

/* The bare loops run on an image a chunk, dw and db on a slice of the images: the same bits as on all at once, but
   that the slices' sums are chains of their own. */
typedef struct parts { da_convolution v; int64_t slices; const float *x, *w, *dy, *bias; float *to; } parts;

static da_convolution images_of(const da_convolution *v, int64_t count) {
    da_convolution some = *v;
    some.n = count;
    return some;
}

static void forward_image(void *context, int64_t i, int worker) {
    const parts *p = context;
    const da_convolution one = images_of(&p->v, 1);
    (void)worker;
    convolve(&one, p->x + i * x_floats(&one), p->w, p->bias, p->to + i * y_floats(&one));
}

static void dx_of_image(void *context, int64_t i, int worker) {
    const parts *p = context;
    const da_convolution one = images_of(&p->v, 1);
    (void)worker;
    find_dx(&one, p->dy + i * y_floats(&one), p->w, p->to + i * x_floats(&one));
}

static void sums_of_slice(void *context, int64_t slice, int worker) {
    const parts *p = context;
    const int64_t begin = da_chunk_begin(p->v.n, p->slices, slice),
        end = da_chunk_begin(p->v.n, p->slices, slice + 1);
    const da_convolution some = images_of(&p->v, end - begin);
    const float *dy = p->dy + begin * y_floats(&some);
    float *dw = p->to + slice * (w_floats(&some) + some.k);
    (void)worker;
    if (p->x) find_dw(&some, p->x + begin * x_floats(&some), dy, dw);
    find_db(&some, dy, dw + w_floats(&some));
}

/* The slices' sums, `pitch` apart, added in order. */
static void add_slices(const float *sums, int64_t slices, int64_t pitch, int64_t count, float *to) {
    for (int64_t i = 0; to && i < count; i++) {
        to[i] = sums[i];
        for (int64_t slice = 1; slice < slices; slice++) to[i] += sums[slice * pitch + i];
    }
}

static void forward(const da_kernels *kernels, const da_conv_forward *conv, float *scratch) {
    (void)kernels;
    const da_convolution *v = &conv->shape;
    const da_image_sink *sink = &conv->sink;
    parts p = { .v = *v, .w = conv->w, .bias = conv->bias };
    p.x = load(&conv->x, v->n * v->h, v->w * v->c, scratch);
    p.to = conv->y ? conv->y : scratch + (conv->x.values ? 0 : v->n * x_floats(v));
    da_parallel_for(v->n, da_conv_multiply_adds(v), forward_image, &p);
    if (conv->affine) dai_channel_affine_reference(v->n * v->oh * v->ow, v->k, p.to, conv->affine, p.to);
    for (int64_t i = 0; sink->done && i < v->n; i += sink->group)
        sink->done(sink->context, i, v->n - i < sink->group ? v->n - i : sink->group, p.to + i * y_floats(v), 0);
}

static void backward(const da_kernels *kernels, const da_conv_backward *conv, float *scratch) {
    (void)kernels;
    const da_convolution *v = &conv->shape;
    parts p = { .v = *v, .slices = da_conv_slices(v), .w = conv->w };
    p.dy = load(&conv->dy, v->n * v->oh, v->ow * v->k, scratch);
    scratch += conv->dy.values ? 0 : v->n * y_floats(v);
    if (conv->dw) p.x = load(&conv->x, v->n * v->h, v->w * v->c, scratch);
    if (conv->dw || conv->db) {
        const int64_t pitch = w_floats(v) + v->k;
        p.to = scratch + v->n * x_floats(v);
        da_parallel_for(p.slices, da_conv_multiply_adds(v), sums_of_slice, &p);
        add_slices(p.to, p.slices, pitch, w_floats(v), conv->dw);
        add_slices(p.to + w_floats(v), p.slices, pitch, v->k, conv->db);
    }
    if (!conv->dx) return;
    p.to = conv->base ? scratch : conv->dx;
    da_parallel_for(v->n, da_conv_multiply_adds(v), dx_of_image, &p);
    for (int64_t i = 0; conv->base && i < v->n * x_floats(v); i++) conv->dx[i] = conv->base[i] + scratch[i];
    if (conv->dx_sink.done) conv->dx_sink.done(conv->dx_sink.context, 0, v->n, conv->dx, 0);
}

/* Scratch: images that are made, results that are not kept; backward also the slices' sums. */
static int64_t forward_scratch(const da_kernels *kernels, const da_conv_forward *conv) {
    (void)kernels;
    const da_convolution *v = &conv->shape;
    return (conv->x.values ? 0 : v->n * x_floats(v)) + (conv->y ? 0 : v->n * y_floats(v));
}

static int64_t backward_scratch(const da_kernels *kernels, const da_conv_backward *conv) {
    (void)kernels;
    const da_convolution *v = &conv->shape;
    const int64_t sums = conv->dw || conv->db ? da_conv_slices(v) * (w_floats(v) + v->k) : 0;
    return (conv->dy.values ? 0 : v->n * y_floats(v)) + v->n * x_floats(v) + sums;
}

static bool takes_forward(const da_kernels *kernels, const da_conv_forward *conv) {
    return (void)conv, !kernels->contract;
}
static bool takes_backward(const da_kernels *kernels, const da_conv_backward *conv) {
    return (void)conv, !kernels->contract;
}

const dai_way dai_way_reference = { takes_forward, forward_scratch, forward, takes_backward, backward_scratch,
                                    backward };
