/* Convolution on the contraction, directly: no column matrix is ever made.
 *
 * Forward, one image, one kernel row ky (a segment): the S taps of a kernel row and their channels lie side by side in
 * memory, in the image as in the weights, so a segment is S * C long:
 *
 *     image row oy*stride + ky     ... | c c c | c c c | c c c | ...     output pixel ox reads S pixels from ox*stride;
 *                                       ox=0: └─────────┘                the next output pixel starts stride * C later
 *                                       ox=1:         └─────────┘
 *
 * Padding: the image is copied into scratch memory with its border of zeros (it stays in the cache while it is used).
 * Backward data is the same with dy for the image and the weights turned by 180 degrees and transposed to K x C; with a
 * stride the pixels of dx fall into stride x stride classes, each with its own taps (kernel positions of one
 * remainder).
 * Backward weights: for each tap, C x K outer products over all pixels; an image row is a segment.
 * Groups: each group is a contraction of its own on a part of the channels; taps are then segments of their own.
 */
#include "core/kernels/convolution.h"
#include "core/parallel.h"

#include <string.h>

enum { MOST_SLICES = 32, MOST_PARTIAL_WEIGHTS = 1 << 21 };
enum { SEGMENT_FLOATS = sizeof(dai_segment) / sizeof(float) };

static int64_t largest(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t smallest(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t divide_down(int64_t a, int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }
static int64_t weight_count(const da_convolution *v) { return v->r * v->s * (v->c / v->groups) * v->k; }

/* Batch slices of the weight gradient: enough for many threads, few enough that the partial sums stay small. */
int64_t da_conv_slices(const da_convolution *v) {
    return largest(1, smallest(smallest(v->n, MOST_SLICES), MOST_PARTIAL_WEIGHTS / largest(1, weight_count(v))));
}

/* ---- An image with a border of zeros ---- */

typedef struct frame { int64_t top, left, height, width; } frame; /* of the framed image, in pixels */

static frame frame_forward(const da_convolution *v) {
    frame f = { v->padding, v->padding, v->h + 2 * v->padding, v->w + 2 * v->padding };
    return f;
}

/* dy positions that some pixel of dx reads reach from low to high: the frame covers them all. */
static void frame_axis(int64_t in, int64_t out, int64_t kernel, const da_convolution *v, int64_t *before,
                       int64_t *size) {
    const int64_t low = divide_down(v->padding - (kernel - 1), v->stride),
        high = divide_down(in - 1 + v->padding, v->stride);
    *before = largest(0, -low);
    *size = *before + largest(out, high + 1);
}

static frame frame_backward(const da_convolution *v) {
    frame f;
    frame_axis(v->h, v->oh, v->r, v, &f.top, &f.height);
    frame_axis(v->w, v->ow, v->s, v, &f.left, &f.width);
    return f;
}

static bool is_bare(const frame *f, int64_t height, int64_t width) { return f->height == height && f->width == width; }

/* The image inside its frame: copied to `scratch`, or itself when the frame adds nothing. */
static const float *framed(const frame *f, const float *image, int64_t height, int64_t width, int64_t channels,
                           float *scratch) {
    if (is_bare(f, height, width)) return image;
    const int64_t row = f->width * channels, inner = width * channels, left = f->left * channels;
    memset(scratch, 0, (size_t)(f->top * row) * sizeof *scratch);
    for (int64_t y = 0; y < height; y++) {
        float *to = scratch + (f->top + y) * row;
        memset(to, 0, (size_t)left * sizeof *to);
        memcpy(to + left, image + y * inner, (size_t)inner * sizeof *to);
        memset(to + left + inner, 0, (size_t)(row - left - inner) * sizeof *to);
    }
    const int64_t below = f->top + height;
    memset(scratch + below * row, 0, (size_t)((f->height - below) * row) * sizeof *scratch);
    return scratch;
}

static int64_t frame_floats(const frame *f, int64_t height, int64_t width, int64_t channels) {
    return is_bare(f, height, width) ? 0 : f->height * f->width * channels;
}

/* ---- Work shared by the passes ---- */

typedef struct conv_work {
    const da_convolution *v;
    dai_contract *contract;
    frame frame;
    const float *x, *w, *dy, *bias;
    float *out;
    float *images;        /* a framed image a worker, image_floats each */
    int64_t image_floats;
    dai_segment *segments;
    int64_t segment_count, length;
    float *turned;        /* backward data: the weights, turned and transposed */
    float *partial;       /* backward weights: a weight gradient a slice */
    int64_t slices, tap_groups;
} conv_work;

/* Segments of `rows` x `columns` taps: A moves by row_pitch and pixel floats, B by `block` floats a tap. Without groups
   the taps of a row are one segment. */
static void make_segments(conv_work *work, int64_t rows, int64_t columns, int64_t row_pitch, int64_t pixel,
                          int64_t channels, int64_t block) {
    const bool merged = work->v->groups == 1;
    work->segment_count = 0;
    work->length = merged ? columns * channels : channels;
    for (int64_t y = 0; y < rows; y++)
        for (int64_t x = 0; x < (merged ? smallest(1, columns) : columns); x++) {
            dai_segment *s = &work->segments[work->segment_count++];
            s->a = y * row_pitch + x * pixel;
            s->b = (y * columns + x) * block;
        }
}

/* Scratch: segments first (for one pass), then one of turned / partial, then an image a worker. */
static float *take_segments(conv_work *work, float *scratch) {
    const da_convolution *v = work->v;
    work->segments = (dai_segment *)(void *)scratch;
    return scratch + largest(v->r * v->s, v->oh) * SEGMENT_FLOATS;
}

int64_t da_conv_scratch(const da_convolution *v) {
    const frame forward = frame_forward(v), backward = frame_backward(v);
    const int64_t image = largest(frame_floats(&forward, v->h, v->w, v->c),
                                  frame_floats(&backward, v->oh, v->ow, v->k));
    return largest(v->r * v->s, v->oh) * SEGMENT_FLOATS + largest(1, da_conv_slices(v)) * weight_count(v) +
           image * da_threads() + 16;
}

/* ---- Forward ---- */

static void forward_sample(void *context, int64_t sample, int worker) {
    const conv_work *work = context;
    const da_convolution *v = work->v;
    const int64_t cg = v->c / v->groups, kg = v->k / v->groups;
    const float *image = framed(&work->frame, work->x + sample * v->h * v->w * v->c, v->h, v->w, v->c,
                                work->images + worker * work->image_floats);
    for (int64_t g = 0; g < v->groups; g++) {
        const dai_contraction problem = {
            .m = v->ow, .n = kg, .length = work->length, .segments = work->segments,
            .segment_count = work->segment_count, .a = image + g * cg, .a_row = v->stride * v->c, .a_step = 1,
            .b = work->w + g * kg, .b_step = v->k,
            .c = work->out + sample * v->oh * v->ow * v->k + g * kg, .c_row = v->k,
            .bands = v->oh, .a_band = v->stride * work->frame.width * v->c, .c_band = v->ow * v->k,
            .bias = work->bias ? work->bias + g * kg : NULL,
        };
        work->contract(&problem);
    }
}

void dai_conv_forward_fast(const da_convolution *v, const float *x, const float *w, const float *bias, float *y,
                           float *scratch) {
    conv_work work = { .v = v, .contract = da_kernels_active()->contract, .frame = frame_forward(v), .x = x, .w = w,
                       .bias = bias, .out = y };
    work.images = take_segments(&work, scratch);
    work.image_floats = frame_floats(&work.frame, v->h, v->w, v->c);
    make_segments(&work, v->r, v->s, work.frame.width * v->c, v->c, v->c / v->groups, v->c / v->groups * v->k);
    da_parallel_for(v->n, forward_sample, &work);
}

/* ---- Backward data ---- */

/* One class of pixels along one axis: pixels first, first + stride, ... of dx and the taps that reach them. */
typedef struct phase {
    int64_t first, pixels; /* in dx */
    int64_t taps, last;    /* kernel positions last, last - stride, ...: taps of them, descending */
    int64_t start;         /* position in dy that tap `last` reads for the first pixel */
} phase;

static phase phase_of(const da_convolution *v, int64_t first, int64_t in, int64_t kernel) {
    const int64_t low = (first + v->padding) % v->stride;
    phase c = { .first = first, .pixels = (in - first + v->stride - 1) / v->stride };
    c.taps = low < kernel ? (kernel - low + v->stride - 1) / v->stride : 0;
    c.last = low + (c.taps - 1) * v->stride;
    c.start = c.taps ? (first + v->padding - c.last) / v->stride : 0; /* divides exactly */
    return c;
}

/* The weights of one class as [group][tap row][tap column][k of the group][c of the group], taps descending. */
static void turn_weights(const conv_work *work, const phase *rows, const phase *columns) {
    const da_convolution *v = work->v;
    const int64_t cg = v->c / v->groups, kg = v->k / v->groups;
    float *to = work->turned;
    for (int64_t g = 0; g < v->groups; g++)
        for (int64_t i = 0; i < rows->taps; i++)
            for (int64_t j = 0; j < columns->taps; j++) {
                const int64_t ky = rows->last - i * v->stride, kx = columns->last - j * v->stride;
                const float *from = work->w + (ky * v->s + kx) * cg * v->k + g * kg;
                for (int64_t k = 0; k < kg; k++)
                    for (int64_t c = 0; c < cg; c++) *to++ = from[c * v->k + k];
            }
}

typedef struct class_work { const conv_work *work; phase rows, columns; } class_work;

static void backward_data_sample(void *context, int64_t sample, int worker) {
    const class_work *class = context;
    const conv_work *work = class->work;
    const da_convolution *v = work->v;
    const phase *rows = &class->rows, *columns = &class->columns;
    const int64_t cg = v->c / v->groups, kg = v->k / v->groups, row = work->frame.width * v->k;
    const float *image = framed(&work->frame, work->dy + sample * v->oh * v->ow * v->k, v->oh, v->ow, v->k,
                                work->images + worker * work->image_floats);
    for (int64_t g = 0; g < v->groups; g++) {
        const dai_contraction problem = {
            .m = columns->pixels, .n = cg, .length = work->length,
            .segments = work->segments, .segment_count = work->segment_count,
            .a = image + (rows->start + work->frame.top) * row + (columns->start + work->frame.left) * v->k + g * kg,
            .a_row = v->k, .a_step = 1,
            .b = work->turned + g * rows->taps * columns->taps * kg * cg, .b_step = cg,
            .c = work->out + ((sample * v->h + rows->first) * v->w + columns->first) * v->c + g * cg,
            .c_row = v->stride * v->c, .bands = rows->pixels, .a_band = row, .c_band = v->stride * v->w * v->c,
        };
        work->contract(&problem);
    }
}

void dai_conv_backward_data_fast(const da_convolution *v, const float *dy, const float *w, float *dx, float *scratch) {
    conv_work work = { .v = v, .contract = da_kernels_active()->contract, .frame = frame_backward(v), .w = w, .dy = dy,
                       .out = dx };
    const int64_t cg = v->c / v->groups, kg = v->k / v->groups;
    work.turned = take_segments(&work, scratch);
    work.images = work.turned + weight_count(v);
    work.image_floats = frame_floats(&work.frame, v->oh, v->ow, v->k);
    for (int64_t y = 0; y < smallest(v->stride, v->h); y++)
        for (int64_t x = 0; x < smallest(v->stride, v->w); x++) {
            class_work class = { &work, phase_of(v, y, v->h, v->r), phase_of(v, x, v->w, v->s) };
            turn_weights(&work, &class.rows, &class.columns);
            make_segments(&work, class.rows.taps, class.columns.taps, work.frame.width * v->k, v->k, kg, kg * cg);
            da_parallel_for(v->n, backward_data_sample, &class);
        }
}

/* ---- Backward weights ---- */

/* One slice of the batch, one group of taps: continues the chains of its partial sums over the slice's images. */
static void backward_weights_slice(void *context, int64_t chunk, int worker) {
    const conv_work *work = context;
    const da_convolution *v = work->v;
    const int64_t cg = v->c / v->groups, kg = v->k / v->groups, taps = v->r * v->s;
    const int64_t slice = chunk / work->tap_groups, part = chunk % work->tap_groups;
    const int64_t first = da_chunk_begin(v->n, work->slices, slice),
        end = da_chunk_begin(v->n, work->slices, slice + 1);
    for (int64_t i = first; i < end; i++) {
        const float *image = framed(&work->frame, work->x + i * v->h * v->w * v->c, v->h, v->w, v->c,
                                    work->images + worker * work->image_floats);
        const int64_t tap_end = da_chunk_begin(taps, work->tap_groups, part + 1);
        for (int64_t tap = da_chunk_begin(taps, work->tap_groups, part); tap < tap_end; tap++)
            for (int64_t g = 0; g < v->groups; g++) {
                const dai_contraction problem = {
                    .m = cg, .n = kg, .length = v->ow, .segments = work->segments, .segment_count = v->oh,
                    .a = image + (tap / v->s * work->frame.width + tap % v->s) * v->c + g * cg, .a_row = 1,
                    .a_step = v->stride * v->c, .b = work->dy + i * v->oh * v->ow * v->k + g * kg, .b_step = v->k,
                    .c = work->partial + (slice * taps + tap) * cg * v->k + g * kg, .c_row = v->k,
                    .bands = 1, .accumulate = i > first,
                };
                work->contract(&problem);
            }
    }
}

enum { ADD_CHUNK = 4096 };

static void add_slices(void *context, int64_t chunk, int worker) {
    const conv_work *work = context;
    const int64_t count = weight_count(work->v), begin = chunk * ADD_CHUNK, end = smallest(begin + ADD_CHUNK, count);
    (void)worker;
    memcpy(work->out + begin, work->partial + begin, (size_t)(end - begin) * sizeof *work->out);
    for (int64_t slice = 1; slice < work->slices; slice++)
        for (int64_t i = begin; i < end; i++) work->out[i] += work->partial[slice * count + i];
}

void dai_conv_backward_weights_fast(const da_convolution *v, const float *x, const float *dy, float *dw,
                                    float *scratch) {
    conv_work work = { .v = v, .contract = da_kernels_active()->contract, .frame = frame_forward(v), .x = x, .dy = dy,
                       .out = dw, .slices = da_conv_slices(v) };
    work.partial = take_segments(&work, scratch);
    work.images = work.partial + work.slices * weight_count(v);
    work.image_floats = frame_floats(&work.frame, v->h, v->w, v->c);
    work.tap_groups = work.slices >= MOST_SLICES ? 1 : v->r * v->s;
    for (int64_t oy = 0; oy < v->oh; oy++) {
        work.segments[oy].a = oy * v->stride * work.frame.width * v->c;
        work.segments[oy].b = oy * v->ow * v->k;
    }
    if (v->n == 0) memset(work.partial, 0, (size_t)weight_count(v) * sizeof *dw);
    da_parallel_for(v->n == 0 ? 0 : work.slices * work.tap_groups, backward_weights_slice, &work);
    da_parallel_for((weight_count(v) + ADD_CHUNK - 1) / ADD_CHUNK, add_slices, &work);
}
