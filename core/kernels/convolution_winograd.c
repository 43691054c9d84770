/* Convolution by Winograd's algorithm (winograd.h), with the sources, sinks and gradients of any other.
 *
 *     forward          run of images ── frame ── transformed, multiplied point by point, transformed back ── y ── sink
 *     backward data    the same on dy, framed with 2 - padding zeros, and turned weights
 *     backward weights slice by slice: sums of products in transformed space, collected at the end
 *
 * A run holds enough images for LEAST_TILES tiles, so that a transformed weight is used that often once it has come to
 * the cache. Where fewer than LEAST_SLICES slices would have room for their sums, the weights' gradient is found
 * directly: a rule of the shape alone. One driver serves all kernels: the transforms of the reference are plain loops.
 */
#include "core/kernels/convolution.h"
#include "core/kernels/images.h"
#include "core/parallel.h"

#include <string.h>

enum { LEAST_TILES = 32, MOST_CHUNKS = 32, MOST_SLICES = 32, LEAST_SLICES = 8, MOST_SUMS = 1 << 21 };

/* An image inside zeros, so that all of it is whole tiles:
 *
 *     0 0 0 0 0 0      top, left: zeros before the image
 *     0 x x x x 0      the image's rows, one copy (or one call of the source's load) each
 *     0 x x x x 0
 *     0 0 0 0 0 0      the rest of height x width
 */
typedef struct frame { int64_t top, left, height, width; } frame;

typedef struct winograd_work {
    const da_kernels *kernels;
    const da_convolution *v;
    const da_conv_forward *forward;
    const da_conv_backward *backward;
    frame x_frame, dy_frame;
    int64_t together, group;          /* images a run, images the sink wants together */
    int64_t chunk, slices;            /* images a chunk of forward, slices of the batch in backward */
    float *u, *turned, *sums, *bias;  /* transformed weights; a slice's sums and bias gradient, one after the other */
    float *workers;                   /* memory of each worker: offsets of its parts, and its size */
    int64_t dy, framed_dy, out, scratch, worker_floats;
} winograd_work;

static frame frame_of(const da_convolution *v, int64_t before, int64_t h, int64_t w) {
    return (frame){ before, before, dai_winograd_frame(v->winograd, h), dai_winograd_frame(v->winograd, w) };
}

static int64_t frame_floats(const frame *f, int64_t channels) { return f->height * f->width * channels; }

/* Images i..i+count-1 of height x width, side by side in their frames. */
static void fill_frames(const frame *f, const da_image_source *source, int64_t i, int64_t count, int64_t height,
                        int64_t width, int64_t channels, float *to) {
    const int64_t row = f->width * channels, inner = width * channels, left = f->left * channels;
    for (int64_t y = 0; y < count * f->height; y++, to += row) {
        const int64_t inside = y % f->height - f->top, from = (i + y / f->height) * height + inside;
        if (inside < 0 || inside >= height) {
            memset(to, 0, (size_t)row * sizeof *to);
            continue;
        }
        memset(to, 0, (size_t)left * sizeof *to);
        if (source->values) memcpy(to + left, source->values + from * inner, (size_t)inner * sizeof *to);
        else source->load(source->context, from, to + left);
        memset(to + left + inner, 0, (size_t)(row - left - inner) * sizeof *to);
    }
}

static dai_winograd forward_run(const winograd_work *work, int64_t images, dai_ahead *ahead) {
    const da_convolution *v = work->v;
    return (dai_winograd){ v->winograd, images, work->x_frame.height, work->x_frame.width, v->c, v->k, v->oh, v->ow,
                           ahead, NULL };
}

static dai_winograd backward_run(const winograd_work *work, int64_t images, dai_ahead *ahead) {
    const da_convolution *v = work->v;
    return (dai_winograd){ v->winograd, images, work->dy_frame.height, work->dy_frame.width, v->k, v->c, v->h, v->w,
                           ahead, NULL };
}

static int64_t tiles_of(const da_convolution *v, int64_t h, int64_t w) {
    return ((h + v->winograd - 1) / v->winograd) * ((w + v->winograd - 1) / v->winograd);
}

static int64_t y_floats(const da_convolution *v) { return v->oh * v->ow * v->k; }
static int64_t x_floats(const da_convolution *v) { return v->h * v->w * v->c; }

/* Where the parts of a worker's memory begin; needs the frames and `together`. */
static void lay_out_worker(winograd_work *work, bool out) {
    const da_convolution *v = work->v;
    const int64_t t = work->together;
    const dai_winograd forward = forward_run(work, t, NULL), backward = backward_run(work, t, NULL);
    work->dy = round_up(t * frame_floats(&work->x_frame, v->c));
    work->framed_dy = work->dy + (work->backward && !work->backward->dy.values ? round_up(t * y_floats(v)) : 0);
    work->out = work->framed_dy + (work->backward ? round_up(t * frame_floats(&work->dy_frame, v->k)) : 0);
    work->scratch = work->out + (out ? round_up(t * y_floats(v)) : 0);
    work->worker_floats = work->scratch + round_up(largest(dai_winograd_scratch(&forward),
                                                           dai_winograd_scratch(&backward)));
}

/* Multiplications are fewer than in a direct convolution; what the transforms take is about the rest. */
static int64_t work_of(const da_convolution *v, int64_t passes) {
    return passes * da_work_of_products(da_conv_multiply_adds(v));
}

/* ---- Forward ---- */

static winograd_work forward_work(const da_kernels *kernels, const da_conv_forward *conv) {
    const da_convolution *v = &conv->shape;
    winograd_work work = { .kernels = kernels, .v = v, .forward = conv,
                           .x_frame = frame_of(v, v->padding, v->oh, v->ow),
                           .dy_frame = frame_of(v, 2 - v->padding, v->h, v->w),
                           .group = conv->sink.done ? conv->sink.group : 1 };
    const int64_t tiles = tiles_of(v, v->oh, v->ow), images = (LEAST_TILES + tiles - 1) / tiles;
    work.together = (images + work.group - 1) / work.group * work.group;
    work.chunk = work.together * largest(1, v->n / (MOST_CHUNKS * work.together));
    lay_out_worker(&work, !conv->y);
    return work;
}

static int64_t forward_scratch(const da_kernels *kernels, const da_conv_forward *conv) {
    const da_convolution *v = &conv->shape;
    return round_up(dai_winograd_weight_floats(v->winograd, v->c, v->k)) +
           forward_work(kernels, conv).worker_floats * da_threads();
}

/* The images of one chunk, a run at a time; the next run's are asked for meanwhile, those of the next chunk too. */
static void forward_chunk(void *context, int64_t chunk, int worker) {
    const winograd_work *work = context;
    const da_convolution *v = work->v;
    const da_conv_forward *conv = work->forward;
    float *base = work->workers + worker * work->worker_floats;
    const int64_t end = smallest(v->n, (chunk + 1) * work->chunk);
    for (int64_t first = chunk * work->chunk; first < end; first += work->together) {
        const int64_t count = smallest(work->together, end - first), next = first + count,
            more = smallest(work->together, v->n - next);
        float *y = conv->y ? conv->y + first * y_floats(v) : base + work->out;
        const float *add = conv->affine ? conv->affine->add : NULL;
        dai_ahead ahead = { .read = { dai_stream_of(&conv->x, x_floats(v), next, more),
                                      dai_stream_over(add, next * y_floats(v), (next + more) * y_floats(v)) },
                            .write = dai_stream_over(conv->y ? y : NULL, 0, count * y_floats(v)) };
        dai_winograd run = forward_run(work, count, &ahead);
        ahead.products = dai_winograd_products(&run);
        const da_channel_affine affine = conv->affine ? dai_affine_at(conv->affine, 0, first * y_floats(v))
                                                      : (da_channel_affine){ 0 };
        if (conv->affine) run.affine = &affine;
        fill_frames(&work->x_frame, &conv->x, first, count, v->h, v->w, v->c, base);
        dai_winograd_images(work->kernels, &run, base, work->u, conv->bias, y, base + work->scratch);
        for (int64_t i = 0; conv->sink.done && i < count; i += work->group)
            conv->sink.done(conv->sink.context, first + i, smallest(work->group, count - i), y + i * y_floats(v), worker);
    }
}

static void forward(const da_kernels *kernels, const da_conv_forward *conv, float *scratch) {
    const da_convolution *v = &conv->shape;
    winograd_work work = forward_work(kernels, conv);
    work.u = scratch;
    work.workers = scratch + round_up(dai_winograd_weight_floats(v->winograd, v->c, v->k));
    dai_winograd_transform_weights(kernels, v->winograd, v->c, v->k, conv->w, work.u);
    da_parallel_for((v->n + work.chunk - 1) / work.chunk, work_of(v, 1), forward_chunk, &work);
}

/* ---- Backward ---- */

/* The largest power of two whose sums have room: few threads then share them evenly. */
static int64_t slices_of(const da_convolution *v) {
    const int64_t most = smallest(smallest(MOST_SLICES, largest(1, v->n)),
                                  MOST_SUMS / dai_winograd_weight_floats(v->winograd, v->c, v->k));
    int64_t slices = 1;
    while (2 * slices <= most) slices *= 2;
    return slices;
}

static bool weights_directly(const da_convolution *v) {
    return MOST_SUMS / dai_winograd_weight_floats(v->winograd, v->c, v->k) < LEAST_SLICES;
}

static winograd_work backward_work(const da_kernels *kernels, const da_conv_backward *conv) {
    const da_convolution *v = &conv->shape;
    const bool direct = weights_directly(v);
    winograd_work work = { .kernels = kernels, .v = v, .backward = conv,
                           .x_frame = frame_of(v, v->padding, v->oh, v->ow),
                           .dy_frame = frame_of(v, 2 - v->padding, v->h, v->w) };
    const int64_t tiles = tiles_of(v, v->h, v->w), images = (LEAST_TILES + tiles - 1) / tiles;
    work.slices = direct ? (v->n + images - 1) / images : slices_of(v);
    work.together = smallest(images, largest(1, (v->n + work.slices - 1) / largest(1, work.slices)));
    lay_out_worker(&work, false);
    return work;
}

/* What is left for the direct way: the gradients of weights and bias. */
static da_conv_backward direct_part(const da_conv_backward *conv) {
    da_conv_backward direct = *conv;
    direct.shape.winograd = 0;
    direct.dx = NULL;
    direct.base = NULL;
    direct.dx_sink.done = NULL;
    return direct;
}

static int64_t weight_floats(const da_convolution *v) {
    return round_up(dai_winograd_weight_floats(v->winograd, v->c, v->k));
}

static int64_t backward_scratch(const da_kernels *kernels, const da_conv_backward *conv) {
    const da_convolution *v = &conv->shape;
    const winograd_work work = backward_work(kernels, conv);
    const da_conv_backward direct = direct_part(conv);
    const int64_t sums = weights_directly(v) ? 0 : work.slices * (weight_floats(v) + round_up(v->k));
    const int64_t here = weight_floats(v) + sums + work.worker_floats * da_threads();
    return weights_directly(v) ? largest(here, da_conv_backward_scratch(kernels, &direct)) : here;
}

/* `next`: what is needed after this. */
static void data_of_run(const winograd_work *work, int64_t first, int64_t count, const float *dy, float *base,
                        dai_stream next) {
    const da_convolution *v = work->v;
    const da_conv_backward *conv = work->backward;
    const da_image_source here = { .values = dy };
    fill_frames(&work->dy_frame, &here, 0, count, v->oh, v->ow, v->k, base + work->framed_dy);
    float *dx = conv->dx + first * x_floats(v);
    const da_channel_affine onto = { .add = conv->base ? conv->base + first * x_floats(v) : NULL };
    dai_ahead ahead = { .read = { next, dai_stream_over(conv->base, first * x_floats(v), (first + count) * x_floats(v)) },
                        .write = dai_stream_over(dx, 0, count * x_floats(v)) };
    dai_winograd run = backward_run(work, count, &ahead);
    ahead.products = dai_winograd_products(&run);
    if (conv->base) run.affine = &onto;
    dai_winograd_images(work->kernels, &run, base + work->framed_dy, work->turned, NULL, dx, base + work->scratch);
}

static void weights_of_run(const winograd_work *work, int64_t slice, int64_t first, int64_t count, bool start,
                           const float *dy, float *base, dai_stream next) {
    const da_convolution *v = work->v;
    dai_ahead ahead = { .read = { next } };
    const dai_winograd run = forward_run(work, count, &ahead);
    ahead.products = dai_winograd_products(&run);
    fill_frames(&work->x_frame, &work->backward->x, first, count, v->h, v->w, v->c, base);
    dai_winograd_gradient(work->kernels, &run, base, dy, !start, work->sums + slice * weight_floats(v),
                          base + work->scratch);
}

static void backward_slice(void *context, int64_t slice, int worker) {
    const winograd_work *work = context;
    const da_convolution *v = work->v;
    const da_conv_backward *conv = work->backward;
    float *base = work->workers + worker * work->worker_floats;
    const int64_t begin = da_chunk_begin(v->n, work->slices, slice),
        end = da_chunk_begin(v->n, work->slices, slice + 1);
    const bool weights = work->sums && conv->dw;
    if (work->bias) memset(work->bias + slice * round_up(v->k), 0, (size_t)v->k * sizeof *base);
    for (int64_t i = begin; i < end; i += work->together) {
        const int64_t count = smallest(work->together, end - i), more = smallest(work->together, v->n - i - count);
        const float *dy = dai_rows_at(&conv->dy, i * v->oh, count * v->oh, v->ow * v->k, base + work->dy);
        const dai_stream next_dy = dai_stream_of(&conv->dy, y_floats(v), i + count, more);
        if (conv->dx)
            data_of_run(work, i, count, dy, base,
                        weights ? dai_stream_behind_dx(conv, x_floats(v), i, count) : next_dy);
        if (conv->dx && conv->dx_sink.done)
            conv->dx_sink.done(conv->dx_sink.context, i, count, conv->dx + i * x_floats(v), worker);
        if (work->bias)
            work->kernels->channel_sum(count * v->oh * v->ow, v->k, dy, work->bias + slice * round_up(v->k));
        if (weights) weights_of_run(work, slice, i, count, i == begin, dy, base, next_dy);
    }
}

static void backward(const da_kernels *kernels, const da_conv_backward *conv, float *scratch) {
    const da_convolution *v = &conv->shape;
    const bool direct = weights_directly(v);
    winograd_work work = backward_work(kernels, conv);
    work.turned = scratch;
    work.workers = scratch + weight_floats(v);
    if (!direct) {
        work.sums = work.workers;
        work.bias = conv->db ? work.sums + work.slices * weight_floats(v) : NULL;
        work.workers = work.sums + work.slices * (weight_floats(v) + round_up(v->k));
        if (v->n == 0) memset(work.sums, 0, (size_t)(work.workers - work.sums) * sizeof *scratch);
    }
    if (conv->dx) dai_winograd_transform_turned_weights(kernels, v->winograd, v->c, v->k, conv->w, work.turned);
    if (conv->dx || !direct) da_parallel_for(v->n == 0 ? 0 : work.slices, work_of(v, 2), backward_slice, &work);
    if (direct && (conv->dw || conv->db)) {
        const da_conv_backward rest = direct_part(conv);
        da_conv_backward_run(kernels, &rest, scratch);
        return;
    }
    if (conv->dw)
        dai_winograd_collect_gradient(kernels, v->winograd, v->c, v->k, work.slices, work.sums, conv->dw);
    for (int64_t slice = 0; conv->db && slice < work.slices; slice++) {
        const float *from = work.bias + slice * round_up(v->k);
        for (int64_t k = 0; k < v->k; k++) conv->db[k] = slice ? conv->db[k] + from[k] : from[k];
    }
}

static bool takes_forward(const da_kernels *kernels, const da_conv_forward *conv) {
    return (void)kernels, conv->shape.winograd != 0;
}
static bool takes_backward(const da_kernels *kernels, const da_conv_backward *conv) {
    return (void)kernels, conv->shape.winograd != 0;
}

const dai_way dai_way_winograd = { takes_forward, forward_scratch, forward, takes_backward, backward_scratch,
                                   backward };
