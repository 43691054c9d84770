/* Small convolutions with few channels: sixteen images are the lanes.
 *
 * One channel or six fill no vector of 16, but every image takes the same path through the same weights. So each number
 * of an image becomes a vector, the same number of 16 images, and the arithmetic is that of one image in vectors:
 *
 *     images        0: a0 a1 a2 ...       frame  ┌ 0  0  0  0 ┐     a pixel is C vectors; the border and the lanes of
 *     (NHWC)        1: b0 b1 b2 ...  ──▶         │ 0  x  x  0 │     missing images are zeros
 *                  15: p0 p1 p2 ...              └ 0  0  0  0 ┘     x = a0 b0 .. p0 | a1 b1 .. p1 | ... C of them
 *
 * Forward, one row of output: the contraction with output channels as rows (a weight is spread over the lanes) and
 * pixels as columns (a vector each); a kernel row is a segment, since its S * C vectors lie side by side. The row of
 * results is turned back into NHWC as soon as it is made.
 * Backward data: the same with dy in its frame and the weights turned by 180 degrees and transposed.
 * Backward weights: every lane is the chain of its own image, and an image is a slice (da_conv_slices).
 * The chains are those of convolution.c, so which of both ways runs changes no bit.
 */
#include "core/kernels/convolution.h"
#include "core/kernels/frames.h"
#include "core/parallel.h"

#include <string.h>

enum { LANES = 16, ADD_CHUNK = 512 };
enum { MOST_IMAGE_FLOATS = 18432, LEAST_IMAGES = 8 }; /* 16 images in the second cache, nearly; fewer waste lanes */
enum { SEGMENT_FLOATS = sizeof(dai_segment) / sizeof(float) };

static int64_t weight_count(const da_convolution *v) { return v->r * v->s * v->c * v->k; }

bool dai_lanes_fit(const da_convolution *v) {
    return v->groups == 1 && v->stride == 1 && v->c < LANES && v->k <= LANES &&
           (v->h + 2 * v->padding) * (v->w + 2 * v->padding) * v->c + v->oh * v->ow * v->k <= MOST_IMAGE_FLOATS;
}

bool dai_lanes_take_forward(const da_conv_forward *conv) {
    return conv->shape.n >= LEAST_IMAGES && dai_lanes_fit(&conv->shape) &&
           (!conv->sink.done || LANES % conv->sink.group == 0);
}

bool dai_lanes_take_backward(const da_conv_backward *conv) {
    const da_convolution *v = &conv->shape;
    return v->n >= LEAST_IMAGES && dai_lanes_fit(v) && da_conv_slices(v) == v->n;
}

/* ---- Images in vectors ---- */

/* 16 images of height x width pixels, `top` rows and `left` columns inside rows x columns; floats of a framed row. */
typedef struct frame { int64_t height, width, channels, top, left, rows, columns, row; } frame;

static frame frame_of(int64_t height, int64_t width, int64_t channels, int64_t top, int64_t left, int64_t rows,
                      int64_t columns) {
    return (frame){ height, width, channels, top, left, rows, columns, columns * channels * LANES };
}

static frame frame_of_x(const da_convolution *v) {
    return frame_of(v->h, v->w, v->c, v->padding, v->padding, v->h + 2 * v->padding, v->w + 2 * v->padding);
}

/* With the border that backward data reads: from padding - (kernel - 1) up to the last pixel + padding. */
static frame frame_of_dy(const da_convolution *v, bool border) {
    if (!border) return frame_of(v->oh, v->ow, v->k, 0, 0, v->oh, v->ow);
    const int64_t top = largest(0, v->r - 1 - v->padding), left = largest(0, v->s - 1 - v->padding);
    return frame_of(v->oh, v->ow, v->k, top, left, top + largest(v->oh, v->h + v->padding),
                    left + largest(v->ow, v->w + v->padding));
}

static int64_t frame_floats(const frame *f) { return f->rows * f->row; }

static void clear(float *from, const float *to) { memset(from, 0, (size_t)(to - from) * sizeof *from); }

/* Images first, first + 1, ... of a source, put into their frame; `lines` has room for one row of each. */
static void fill_frame(const frame *f, const dai_lanes *lanes, const da_image_source *source, int64_t first, int images,
                       float *lines, float *to) {
    const int64_t line = f->width * f->channels;
    float *end = to + f->top * f->row; /* of what is filled */
    clear(to, end);
    for (int64_t y = 0; y < f->height; y++) {
        float *start = to + ((f->top + y) * f->columns + f->left) * f->channels * LANES;
        clear(end, start);
        for (int l = 0; !source->values && l < images; l++)
            source->load(source->context, (first + l) * f->height + y, lines + l * line);
        if (source->values)
            lanes->gather(line, images, source->values + (first * f->height + y) * line, f->height * line, start);
        else lanes->gather(line, images, lines, line, start);
        end = start + line * LANES;
    }
    clear(end, to + frame_floats(f));
}

/* ---- Work shared by the passes ---- */

typedef struct lanes_work {
    const da_convolution *v;
    const dai_lanes *lanes;
    dai_contract *contract;
    const da_conv_forward *forward;
    const da_conv_backward *backward;
    frame x, dy;
    dai_segment *segments;  /* one a kernel row */
    float *turned;          /* backward: the weights, turned and transposed */
    float *partial;         /* backward: gradients of the weights, then of the bias, an image after the other */
    int64_t partial_floats; /* of an image */
    float *workers;         /* a part for each worker: frames, a row of results, lines or whole images in NHWC, sums */
    int64_t x_floats, dy_floats, row_floats, line_floats, sum_floats;
} lanes_work;

typedef struct worker_part { float *x, *dy, *row, *lines, *sums; } worker_part;

static int64_t worker_floats(const lanes_work *w) {
    return w->x_floats + w->dy_floats + w->row_floats + w->line_floats + w->sum_floats;
}

static worker_part part_of(const lanes_work *w, int worker) {
    worker_part part = { .x = w->workers + worker * worker_floats(w) };
    part.dy = part.x + w->x_floats;
    part.row = part.dy + w->dy_floats;
    part.lines = part.row + w->row_floats;
    part.sums = part.lines + w->line_floats;
    return part;
}

static lanes_work work_of(const da_convolution *v) {
    const da_kernels *kernels = da_kernels_active();
    return (lanes_work){ .v = v, .lanes = kernels->lanes, .contract = kernels->contract, .x = frame_of_x(v) };
}

static int64_t chunks_of(const da_convolution *v) { return (v->n + LANES - 1) / LANES; }

static int64_t segment_floats(const da_convolution *v) { return round_up(v->r * SEGMENT_FLOATS); }

static void make_segments(const lanes_work *w, const frame *f) {
    for (int64_t ky = 0; ky < w->v->r; ky++)
        w->segments[ky] = (dai_segment){ ky * w->v->s * w->v->c * w->v->k, ky * f->row };
}

/* One row of results, `width` pixels of `channels` vectors, from the framed pixel at `from` on. */
static void make_row(const lanes_work *w, const frame *f, const float *from, const float *weights, const float *bias,
                     int64_t width, int64_t channels, float *row) {
    const dai_contraction problem = {
        .m = channels, .n = width * LANES, .length = w->v->s * f->channels, .segments = w->segments,
        .segment_count = w->v->r, .a = weights, .a_row = 1, .a_step = channels, .b = from, .b_step = LANES,
        .b_gap = (f->channels - 1) * LANES, .c = row, .c_row = LANES, .c_gap = (channels - 1) * LANES, .bands = 1,
        .row_bias = bias,
    };
    w->contract(&problem);
}

/* ---- Forward ---- */

static void forward_chunk(void *context, int64_t chunk, int worker) {
    const lanes_work *w = context;
    const da_convolution *v = w->v;
    const da_conv_forward *conv = w->forward;
    const worker_part part = part_of(w, worker);
    const int64_t first = chunk * LANES, line = v->ow * v->k, image = v->oh * line;
    const int images = (int)smallest(LANES, v->n - first);
    float *y = conv->y ? conv->y + first * image : part.lines;
    fill_frame(&w->x, w->lanes, &conv->x, first, images, part.lines, part.x);
    for (int64_t oy = 0; oy < v->oh; oy++) {
        make_row(w, &w->x, part.x + oy * w->x.row, conv->w, conv->bias, v->ow, v->k, part.row);
        w->lanes->scatter(line, images, part.row, y + oy * line, image);
    }
    for (int64_t i = 0; conv->sink.done && i < images; i += conv->sink.group)
        conv->sink.done(conv->sink.context, first + i, smallest(conv->sink.group, images - i), y + i * image, worker);
}

static lanes_work forward_work(const da_conv_forward *conv) {
    const da_convolution *v = &conv->shape;
    lanes_work work = work_of(v);
    work.forward = conv;
    work.x_floats = frame_floats(&work.x);
    work.row_floats = v->ow * v->k * LANES;
    work.line_floats = LANES * largest(conv->x.values ? 0 : v->w * v->c, conv->y ? 0 : v->oh * v->ow * v->k);
    return work;
}

int64_t dai_lanes_forward_scratch(const da_conv_forward *conv) {
    const lanes_work work = forward_work(conv);
    return segment_floats(&conv->shape) + worker_floats(&work) * da_threads();
}

void dai_lanes_forward(const da_conv_forward *conv, float *scratch) {
    lanes_work work = forward_work(conv);
    work.segments = (dai_segment *)(void *)scratch;
    work.workers = scratch + segment_floats(&conv->shape);
    make_segments(&work, &work.x);
    da_parallel_for(chunks_of(&conv->shape), forward_chunk, &work);
}

/* ---- Backward ---- */

static void turn_weights(const lanes_work *w) {
    const da_convolution *v = w->v;
    float *to = w->turned;
    for (int64_t tap = v->r * v->s - 1; tap >= 0; tap--)
        for (int64_t k = 0; k < v->k; k++)
            for (int64_t c = 0; c < v->c; c++) *to++ = w->backward->w[(tap * v->c + c) * v->k + k];
}

static void data_of_chunk(const lanes_work *w, const worker_part *part, int64_t first, int images) {
    const da_convolution *v = w->v;
    const da_conv_backward *conv = w->backward;
    const int64_t line = v->w * v->c, image = v->h * line;
    const int64_t top = largest(0, v->padding - (v->r - 1)), left = largest(0, v->padding - (v->s - 1));
    for (int64_t y = 0; y < v->h; y++) {
        float *to = conv->dx + first * image + y * line;
        make_row(w, &w->dy, part->dy + (top + y) * w->dy.row + left * v->k * LANES, w->turned, NULL, v->w, v->c,
                 part->row);
        if (!conv->base) {
            w->lanes->scatter(line, images, part->row, to, image);
            continue;
        }
        w->lanes->scatter(line, images, part->row, part->lines, line);
        for (int l = 0; l < images; l++)
            da_kernels_active()->sum(line, conv->base + (to - conv->dx) + l * image, part->lines + l * line,
                                     to + l * image);
    }
}

static void weights_of_chunk(const lanes_work *w, const worker_part *part, int64_t first, int images) {
    const da_convolution *v = w->v;
    const da_conv_backward *conv = w->backward;
    const float *dy = part->dy + (w->dy.top * w->dy.columns + w->dy.left) * v->k * LANES;
    float *bias = part->sums + weight_count(v) * LANES;
    const dai_lanes_weights problem = {
        .x = part->x, .dy = dy, .x_row = w->x.row, .dy_row = w->dy.row, .oh = v->oh, .ow = v->ow, .c = v->c, .k = v->k,
        .rows = v->r, .taps = v->s * v->c, .to = part->sums,
    };
    if (conv->dw) {
        fill_frame(&w->x, w->lanes, &conv->x, first, images, part->lines, part->x);
        w->lanes->weights(&problem);
    }
    clear(bias, bias + v->k * LANES);
    for (int64_t oy = 0; conv->db && oy < v->oh; oy++)
        da_kernels_active()->channel_sum(v->ow, v->k * LANES, dy + oy * w->dy.row, bias);
    w->lanes->scatter(weight_count(v) + v->k, images, part->sums, w->partial + first * w->partial_floats,
                      w->partial_floats);
}

static void backward_chunk(void *context, int64_t chunk, int worker) {
    const lanes_work *w = context;
    const worker_part part = part_of(w, worker);
    const int64_t first = chunk * LANES;
    const int images = (int)smallest(LANES, w->v->n - first);
    fill_frame(&w->dy, w->lanes, &w->backward->dy, first, images, part.lines, part.dy);
    if (w->backward->dx) data_of_chunk(w, &part, first, images);
    if (w->backward->dw || w->backward->db) weights_of_chunk(w, &part, first, images);
}

/* Adds the images' parts begin..begin+count-1, in order. */
static void add_parts(const lanes_work *w, int64_t begin, int64_t count, float *to) {
    memcpy(to, w->partial + begin, (size_t)count * sizeof *to);
    for (int64_t i = 1; i < w->v->n; i++)
        da_kernels_active()->sum(count, to, w->partial + i * w->partial_floats + begin, to);
}

static void add_weights(void *context, int64_t chunk, int worker) {
    const lanes_work *w = context;
    const int64_t begin = chunk * ADD_CHUNK;
    (void)worker;
    add_parts(w, begin, smallest(ADD_CHUNK, weight_count(w->v) - begin), w->backward->dw + begin);
}

static lanes_work backward_work(const da_conv_backward *conv) {
    const da_convolution *v = &conv->shape;
    const bool sums = conv->dw || conv->db;
    lanes_work work = work_of(v);
    work.backward = conv;
    work.dy = frame_of_dy(v, conv->dx != NULL);
    work.partial_floats = sums ? round_up(weight_count(v) + v->k) : 0;
    work.x_floats = conv->dw ? frame_floats(&work.x) : 0;
    work.dy_floats = frame_floats(&work.dy);
    work.row_floats = conv->dx ? v->w * v->c * LANES : 0;
    work.line_floats = LANES * largest(v->w * v->c, v->ow * v->k);
    work.sum_floats = work.partial_floats * LANES;
    return work;
}

int64_t dai_lanes_backward_scratch(const da_conv_backward *conv) {
    const lanes_work work = backward_work(conv);
    return segment_floats(work.v) + round_up(weight_count(work.v)) + work.partial_floats * work.v->n +
           worker_floats(&work) * da_threads();
}

void dai_lanes_backward(const da_conv_backward *conv, float *scratch) {
    const da_convolution *v = &conv->shape;
    lanes_work work = backward_work(conv);
    work.segments = (dai_segment *)(void *)scratch;
    work.turned = scratch + segment_floats(v);
    work.partial = work.turned + round_up(weight_count(v));
    work.workers = work.partial + work.partial_floats * v->n;
    make_segments(&work, &work.dy);
    if (conv->dx) turn_weights(&work);
    da_parallel_for(chunks_of(v), backward_chunk, &work);
    if (conv->dw) da_parallel_for((weight_count(v) + ADD_CHUNK - 1) / ADD_CHUNK, add_weights, &work);
    if (conv->db) add_parts(&work, weight_count(v), v->k, conv->db);
}
