/* The reference kernels: plain loops that define the bits of products and convolutions. Everything faster must agree
 * with them bit for bit. They are meant to be read first.
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

/* ---- Convolution: a chunk is one sample ---- */

typedef struct conv_work { da_convolution v; const float *x, *w, *dy, *bias; float *out; } conv_work;

static bool inside(int64_t position, int64_t size) { return position >= 0 && position < size; }

static void forward_sample(void *context, int64_t sample, int worker) {
    const conv_work *work = context;
    const da_convolution *v = &work->v;
    const int64_t cg = v->c / v->groups, kg = v->k / v->groups;
    const float *x = work->x + sample * v->h * v->w * v->c;
    float *y = work->out + sample * v->oh * v->ow * v->k;
    (void)worker;
    for (int64_t oy = 0; oy < v->oh; oy++)
        for (int64_t ox = 0; ox < v->ow; ox++)
            for (int64_t k = 0; k < v->k; k++) {
                float acc = work->bias ? work->bias[k] : 0.0f;
                for (int64_t ky = 0; ky < v->r; ky++) {
                    const int64_t iy = oy * v->stride + ky - v->padding;
                    for (int64_t kx = 0; kx < v->s; kx++) {
                        const int64_t ix = ox * v->stride + kx - v->padding;
                        if (!inside(iy, v->h) || !inside(ix, v->w)) continue;
                        for (int64_t c = 0; c < cg; c++)
                            acc = fmaf(x[(iy * v->w + ix) * v->c + k / kg * cg + c],
                                       work->w[((ky * v->s + kx) * cg + c) * v->k + k], acc);
                    }
                }
                y[(oy * v->ow + ox) * v->k + k] = acc;
            }
}

/* All images of a source in memory: as they are, or made row by row. */
static const float *in_memory(const da_image_source *source, int64_t rows, int64_t row, float *made) {
    if (source->values) return source->values;
    for (int64_t i = 0; i < rows; i++) source->load(source->context, i, made + i * row);
    return made;
}

void dai_conv_forward_reference(const da_kernels *kernels, const da_conv_forward *conv, float *scratch) {
    if (conv->shape.winograd) {
        dai_conv_forward_winograd(kernels, conv, scratch);
        return;
    }
    const da_convolution *v = &conv->shape;
    const int64_t image = v->oh * v->ow * v->k, group = conv->sink.done ? conv->sink.group : 1;
    conv_work work = { .v = *v, .w = conv->w, .bias = conv->bias };
    work.x = in_memory(&conv->x, v->n * v->h, v->w * v->c, scratch);
    work.out = conv->y ? conv->y : scratch + (conv->x.values ? 0 : v->n * v->h * v->w * v->c);
    da_parallel_for(v->n, da_conv_multiply_adds(v), forward_sample, &work);
    if (conv->affine) dai_channel_affine_reference(v->n * v->oh * v->ow, v->k, work.out, conv->affine, work.out);
    for (int64_t i = 0; conv->sink.done && i < v->n; i += group)
        conv->sink.done(conv->sink.context, i, v->n - i < group ? v->n - i : group, work.out + i * image, 0);
}

static void backward_data_sample(void *context, int64_t sample, int worker) {
    const conv_work *work = context;
    const da_convolution *v = &work->v;
    const int64_t cg = v->c / v->groups, kg = v->k / v->groups;
    const float *dy = work->dy + sample * v->oh * v->ow * v->k;
    float *dx = work->out + sample * v->h * v->w * v->c;
    (void)worker;
    for (int64_t iy = 0; iy < v->h; iy++)
        for (int64_t ix = 0; ix < v->w; ix++)
            for (int64_t c = 0; c < v->c; c++) {
                const int64_t group = c / cg;
                float acc = 0.0f;
                for (int64_t ky = v->r - 1; ky >= 0; ky--)
                    for (int64_t kx = v->s - 1; kx >= 0; kx--) {
                        const int64_t y = iy + v->padding - ky, x = ix + v->padding - kx; /* stride * position in dy */
                        const int64_t oy = y / v->stride, ox = x / v->stride;
                        if (y < 0 || y % v->stride || oy >= v->oh || x < 0 || x % v->stride || ox >= v->ow) continue;
                        for (int64_t k = group * kg; k < (group + 1) * kg; k++)
                            acc = fmaf(dy[(oy * v->ow + ox) * v->k + k],
                                       work->w[((ky * v->s + kx) * cg + c % cg) * v->k + k], acc);
                    }
                dx[(iy * v->w + ix) * v->c + c] = acc;
            }
}

/* One chunk is one kernel position: all its weights, slice after slice. */
static void backward_weights_tap(void *context, int64_t tap, int worker) {
    const conv_work *work = context;
    const da_convolution *v = &work->v;
    const int64_t cg = v->c / v->groups, kg = v->k / v->groups, slices = da_conv_slices(v);
    const int64_t ky = tap / v->s, kx = tap % v->s;
    (void)worker;
    for (int64_t c = 0; c < cg; c++)
        for (int64_t k = 0; k < v->k; k++) {
            float total = 0.0f;
            for (int64_t slice = 0; slice < slices; slice++) {
                float acc = 0.0f;
                for (int64_t i = da_chunk_begin(v->n, slices, slice); i < da_chunk_begin(v->n, slices, slice + 1); i++)
                    for (int64_t oy = 0; oy < v->oh; oy++)
                        for (int64_t ox = 0; ox < v->ow; ox++) {
                            const int64_t iy = oy * v->stride + ky - v->padding, ix = ox * v->stride + kx - v->padding;
                            if (!inside(iy, v->h) || !inside(ix, v->w)) continue;
                            acc = fmaf(work->x[((i * v->h + iy) * v->w + ix) * v->c + k / kg * cg + c],
                                       work->dy[((i * v->oh + oy) * v->ow + ox) * v->k + k], acc);
                        }
                total = slice == 0 ? acc : total + acc;
            }
            work->out[(tap * cg + c) * v->k + k] = total;
        }
}

/* As a weight whose x is 1. */
static void backward_bias(const da_convolution *v, const float *dy, float *db) {
    const int64_t slices = da_conv_slices(v), pixels = v->oh * v->ow;
    for (int64_t k = 0; k < v->k; k++) {
        db[k] = 0.0f;
        for (int64_t slice = 0; slice < slices; slice++) {
            float acc = 0.0f;
            for (int64_t p = da_chunk_begin(v->n, slices, slice) * pixels;
                 p < da_chunk_begin(v->n, slices, slice + 1) * pixels; p++)
                acc += dy[p * v->k + k];
            db[k] = slice == 0 ? acc : db[k] + acc;
        }
    }
}

void dai_conv_backward_reference(const da_kernels *kernels, const da_conv_backward *conv, float *scratch) {
    if (conv->shape.winograd) {
        dai_conv_backward_winograd(kernels, conv, scratch);
        return;
    }
    const da_convolution *v = &conv->shape;
    const int64_t nx = v->n * v->h * v->w * v->c;
    conv_work work = { .v = *v, .w = conv->w };
    work.dy = in_memory(&conv->dy, v->n * v->oh, v->ow * v->k, scratch);
    if (!conv->dy.values) scratch += v->n * v->oh * v->ow * v->k;
    if (conv->dw) {
        work.x = in_memory(&conv->x, v->n * v->h, v->w * v->c, scratch);
        work.out = conv->dw;
        da_parallel_for(v->r * v->s, da_conv_multiply_adds(v), backward_weights_tap, &work);
    }
    if (conv->db) backward_bias(v, work.dy, conv->db);
    if (!conv->dx) return;
    work.out = conv->base ? scratch : conv->dx;
    da_parallel_for(v->n, da_conv_multiply_adds(v), backward_data_sample, &work);
    for (int64_t i = 0; conv->base && i < nx; i++) conv->dx[i] = conv->base[i] + scratch[i];
    if (conv->dx_sink.done) conv->dx_sink.done(conv->dx_sink.context, 0, v->n, conv->dx, 0);
}

/* Scratch: images that are made, results that are not kept. */
int64_t dai_conv_forward_reference_scratch(const da_conv_forward *conv) {
    const da_convolution *v = &conv->shape;
    return (conv->x.values ? 0 : v->n * v->h * v->w * v->c) + (conv->y ? 0 : v->n * v->oh * v->ow * v->k);
}

int64_t dai_conv_backward_reference_scratch(const da_conv_backward *conv) {
    const da_convolution *v = &conv->shape;
    return (conv->dy.values ? 0 : v->n * v->oh * v->ow * v->k) + v->n * v->h * v->w * v->c;
}
