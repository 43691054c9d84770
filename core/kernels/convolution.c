/* Convolution on the contraction, directly: no column matrix is ever made, and images are read where they lie.
 *
 * Forward, one image, one kernel row ky: the S taps of a kernel row and their channels lie side by side in memory, in
 * the image as in the weights, so neighbouring taps are one chain of steps:
 *
 *     image row oy*stride + ky     ... | c c c | c c c | c c c | ...     output pixel ox reads S pixels from ox*stride;
 *                                       ox=0: └─────────┘                the next output pixel starts stride * C later
 *                                       ox=1:         └─────────┘
 *
 * Padding does not exist: a tap that lies beside the image at some pixel leaves that pixel out (contract.h), and kernel
 * rows above and below the image are left out for a run of output rows at a time (row_run).
 * A source that makes its images makes the rows of a few output rows at a time, in scratch memory, so that a
 * normalisation costs no pass through memory. A chunk is some images, or where they are few some rows of one.
 * Backward data is the same with dy for the image and the weights turned by 180 degrees and transposed to K x C; with a
 * stride the pixels of dx fall into stride x stride classes, each with its own taps (kernel positions of one
 * remainder).
 * Backward weights: for each tap, C x K outer products over all pixels; an image row is a segment.
 * Both gradients are found together, a slice of the batch at a time, so that an image of dy serves both.
 * Groups: each group is a contraction of its own on a part of the channels.
 * Small images with few channels go another way: convolution_lanes.c.
 */
#include "core/kernels/convolution.h"
#include "core/kernels/images.h"
#include "core/parallel.h"
#include "core/tiny.h"

#include <string.h>

enum { MOST_SLICES = 32, MOST_PARTIAL_WEIGHTS = 1 << 21 };
enum { LEAST_CHAIN = 256, MOST_TOGETHER_FLOATS = DA_SIZE(1 << 16, 1) }; /* backward weights: images taken together */
enum { STRIP_FLOATS = DA_SIZE(6 << 10, 1), SMALL_WEIGHTS = DA_SIZE(4 << 10, 0) }; /* strips the first cache holds */
enum { BANDS = DA_SIZE(4, 3) }; /* rows of output that are computed together */
enum { FEW_IMAGES = 8, LEAST_PIECE = DA_SIZE(1 << 17, 1) }; /* fewer are cut into pieces of so many multiply-adds */
enum { SEGMENT_FLOATS = sizeof(da_segment) / sizeof(float) };

static int64_t divide_down(int64_t a, int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }
static int64_t weight_count(const da_convolution *v) { return v->r * v->s * (v->c / v->groups) * v->k; }

/* Batch slices of the weight gradient: enough for many threads, few enough that the partial sums stay small. An image
   each where images are lanes. */
int64_t da_conv_slices(const da_convolution *v) {
    if (v->n > 0 && dai_lanes_fit(v) && v->n * weight_count(v) <= MOST_PARTIAL_WEIGHTS) return v->n;
    return largest(1, smallest(smallest(v->n, MOST_SLICES), MOST_PARTIAL_WEIGHTS / largest(1, weight_count(v))));
}

/* ---- Which taps lie inside the image ---- */

/* One axis of a pass: result p reads position start + p * step + t of `size` by tap t, if there is one. */
typedef struct axis { int64_t results, start, step, taps, size; } axis;

static axis axis_forward(const da_convolution *v, int64_t in, int64_t out, int64_t kernel) {
    return (axis){ out, -v->padding, v->stride, kernel, in };
}

/* The results begin..end-1 that have tap t. */
typedef struct span { int64_t begin, end; } span;

static span span_of(const axis *x, int64_t t) {
    const int64_t begin = largest(0, -divide_down(x->start + t, x->step)),
        end = smallest(x->results, divide_down(x->size - 1 - x->start - t, x->step) + 1);
    return begin < end ? (span){ begin, end } : (span){ 0, 0 };
}

/* Neighbouring rows of results, at most BANDS, that have the same taps; from: what first_tap reads for the first row. */
typedef struct row_run { int64_t rows, first_tap, taps, from; } row_run;

static row_run run_at(const axis *rows, int64_t row) {
    const int64_t at = rows->start + row * rows->step, first = largest(0, -at),
        end = smallest(rows->taps, rows->size - at);
    if (first >= end) return (row_run){ 1, 0, 0, 0 };
    row_run run = { 1, first, end - first, at + first };
    while (run.rows < BANDS && row + run.rows < rows->results) {
        const int64_t next = at + run.rows * rows->step;
        if (largest(0, -next) != first || smallest(rows->taps, rows->size - next) != end) break;
        run.rows++;
    }
    return run;
}

static int64_t runs_of(const axis *rows) {
    int64_t count = 0;
    for (int64_t row = 0; row < rows->results; row += run_at(rows, row).rows) count++;
    return count;
}

/* ---- Work shared by the passes ---- */

typedef struct conv_work {
    const da_convolution *v;
    const da_kernels *kernels;
    const da_conv_forward *forward;
    const da_conv_backward *backward;
    int64_t group, run;            /* forward: images that are finished together, images a chunk */
    int64_t piece;                 /* forward: rows a chunk; all of an image: a chunk is whole images */
    int64_t together;              /* backward: images a worker holds at once */
    bool with_data, with_weights;  /* backward: what this parallel loop computes */
    int64_t slices, tap_groups;
    float *turned;                 /* the weights, turned and transposed, phase after phase */
    float *partial, *partial_bias; /* a weight gradient a slice, and a bias gradient */
    float *workers;                /* a part for each worker: */
    int64_t segments, x_floats, dy_floats, out_floats; /* what it holds: segments, images that are made, results */
} conv_work;

typedef struct worker_part { da_segment *segments, *joined; float *x, *dy, *out; } worker_part;

static int64_t joined_segments(const da_convolution *v) { return v->r * v->s; }

static int64_t worker_floats(const conv_work *work) {
    return round_up((work->segments + joined_segments(work->v)) * SEGMENT_FLOATS) + round_up(work->x_floats) +
           round_up(work->dy_floats) + round_up(work->out_floats);
}

static worker_part part_of(const conv_work *work, int worker) {
    float *base = work->workers + worker * worker_floats(work);
    worker_part part = { .segments = (da_segment *)(void *)base };
    part.joined = part.segments + work->segments;
    part.x = base + round_up((work->segments + joined_segments(work->v)) * SEGMENT_FLOATS);
    part.dy = part.x + round_up(work->x_floats);
    part.out = part.dy + round_up(work->dy_floats);
    return part;
}

/* Segments of `rows` kernel rows: A moves by row_pitch floats a row and by `pixel` a tap, B by `block` floats a tap, of
   which each has so many channels. A kernel row whose taps no pixel leaves out is one segment. */
typedef struct segment_list { int64_t in_row; bool leaves_out; } segment_list; /* in_row: of a kernel row */

static segment_list make_segments(const da_convolution *v, const axis *columns, int64_t rows, int64_t row_pitch,
                                  int64_t pixel, int64_t channels, int64_t block, da_segment *to) {
    segment_list list = { columns->taps, false };
    for (int64_t t = 0; t < columns->taps; t++) {
        const span pixels = span_of(columns, t);
        if (pixels.end - pixels.begin < columns->results) list.leaves_out = true;
    }
    if (v->groups == 1 && !list.leaves_out) list.in_row = smallest(1, columns->taps);
    for (int64_t y = 0; y < rows; y++)
        for (int64_t t = 0; t < list.in_row; t++) {
            const span pixels = span_of(columns, t);
            *to++ = (da_segment){
                .a = y * row_pitch + (columns->start + t) * pixel, .b = (y * columns->taps + t) * block,
                .length = columns->taps / list.in_row * channels, .above = pixels.begin,
                .below = columns->results - pixels.end,
            };
        }
    return list;
}

static int64_t work_of(const da_convolution *v, int64_t passes) {
    return passes * da_work_of_products(da_conv_multiply_adds(v));
}

/* ---- Forward ---- */

/* The rows of an image that a run reads: where they lie, or made; those that the run above read too are moved up, so that
   they are in the first cache. */
typedef struct row_strip { float *rows; int64_t first, end; } row_strip; /* rows first..end-1 of the image */

static const float *strip_at(const conv_work *work, row_strip *s, int64_t i, int64_t first, int64_t end) {
    const da_convolution *v = work->v;
    const da_image_source *source = &work->forward->x;
    const int64_t row = v->w * v->c, kept = largest(0, s->end - first);
    if (source->values) return source->values + (i * v->h + first) * row;
    if (kept > 0) memmove(s->rows, s->rows + (first - s->first) * row, (size_t)(kept * row) * sizeof *s->rows);
    (void)dai_rows_at(source, i * v->h + first + kept, end - first - kept, row, s->rows + kept * row);
    *s = (row_strip){ s->rows, first, end };
    return s->rows;
}

/* Rows begin..end-1 of image i, whose output begins at y. */
static void forward_rows(const conv_work *work, const worker_part *part, int64_t i, int64_t begin, int64_t end,
                         float *y, dai_ahead *ahead) {
    const da_convolution *v = work->v;
    const int64_t cg = v->c / v->groups, kg = v->k / v->groups, row = v->w * v->c;
    const axis rows = axis_forward(v, v->h, end, v->r), columns = axis_forward(v, v->w, v->ow, v->s);
    const segment_list list = make_segments(v, &columns, v->r, row, v->c, cg, cg * v->k, part->segments);
    row_strip strip = { part->x, 0, 0 };
    row_run run;
    for (int64_t oy = begin; oy < end; oy += run.rows) {
        run = run_at(&rows, oy);
        const int64_t below = run.from + (run.rows - 1) * v->stride + run.taps;
        /* Where all taps lie in the padding nothing is read: any address that is one serves. */
        const float *image = run.taps ? strip_at(work, &strip, i, run.from, below) : work->forward->w;
        const int64_t step = run.taps ? v->stride : 0;
        for (int64_t g = 0; g < v->groups; g++) {
            const int64_t at = oy * v->ow * v->k + g * kg; /* of the image */
            da_channel_affine affine = { 0 };
            if (work->forward->affine)
                affine = dai_affine_at(work->forward->affine, g * kg, i * v->oh * v->ow * v->k + at);
            const da_contraction problem = {
                .m = v->ow, .n = kg, .segments = part->segments, .segment_count = run.taps * list.in_row,
                .joined = list.leaves_out ? part->joined : NULL, .a = image + (step ? g * cg : 0), .a_row = step * v->c,
                .a_step = 1, .b = work->forward->w + run.first_tap * v->s * cg * v->k + g * kg, .b_step = v->k,
                .c = y + at, .c_row = v->k, .bands = run.rows, .a_band = step * row,
                .c_band = v->ow * v->k, .bias = work->forward->bias ? work->forward->bias + g * kg : NULL,
                .affine = work->forward->affine ? &affine : NULL, .ahead = ahead,
            };
            work->kernels->contract(&problem);
        }
    }
}

/* A chunk of images, finished `group` at a time. What is read is asked for two runs ahead, what is written just before. */
static void forward_run(void *context, int64_t chunk, int worker) {
    const conv_work *work = context;
    const da_convolution *v = work->v;
    const da_conv_forward *conv = work->forward;
    const worker_part part = part_of(work, worker);
    const int64_t image = v->oh * v->ow * v->k, begin = chunk * work->run, end = smallest(v->n, begin + work->run);
    const axis rows = axis_forward(v, v->h, v->oh, v->r);
    dai_ahead ahead = { .read = { dai_stream_of(&conv->x, v->h * v->w * v->c, begin, end - begin) },
                        .write = dai_stream_over(conv->y, begin * image, end * image),
                        .products = (end - begin) * runs_of(&rows) * v->groups };
    if (conv->affine) ahead.read[1] = dai_stream_over(conv->affine->add, begin * image, end * image);
    const int64_t lead = 2 * BANDS * v->stride * v->w * v->c, all = v->n * v->h * v->w * v->c;
    ahead.read[0].at += lead;
    ahead.read[0].end = smallest(all, ahead.read[0].end + lead); /* the first of the next chunk */
    for (int64_t first = begin; first < end; first += work->group) {
        const int64_t count = smallest(work->group, end - first);
        float *y = conv->y ? conv->y + first * image : part.out;
        for (int64_t i = first; i < first + count; i++)
            forward_rows(work, &part, i, 0, v->oh, y + (i - first) * image, &ahead);
        if (conv->sink.done) conv->sink.done(conv->sink.context, first, count, y, worker);
    }
}

static int64_t pieces_of(const conv_work *work) { return (work->v->oh + work->piece - 1) / work->piece; }

static void forward_piece(void *context, int64_t chunk, int worker) {
    const conv_work *work = context;
    const da_convolution *v = work->v;
    const worker_part part = part_of(work, worker);
    const int64_t i = chunk / pieces_of(work), begin = chunk % pieces_of(work) * work->piece,
        end = smallest(v->oh, begin + work->piece);
    forward_rows(work, &part, i, begin, end, work->forward->y + i * v->oh * v->ow * v->k, NULL);
}

/* The sink's turn, once all pieces are there. */
static void show_group(void *context, int64_t chunk, int worker) {
    const conv_work *work = context;
    const da_convolution *v = work->v;
    const da_image_sink *sink = &work->forward->sink;
    const int64_t first = chunk * work->group;
    sink->done(sink->context, first, smallest(work->group, v->n - first),
               work->forward->y + first * v->oh * v->ow * v->k, worker);
}

/* Rows of a piece: by the shape alone, and whole bands. */
static int64_t rows_of_piece(const da_conv_forward *conv) {
    const da_convolution *v = &conv->shape;
    if (!conv->y || v->n >= FEW_IMAGES || v->n == 0) return v->oh;
    const int64_t pieces = largest(1, smallest(FEW_IMAGES, da_conv_multiply_adds(v) / LEAST_PIECE) / v->n);
    return smallest(v->oh, ((v->oh + pieces - 1) / pieces + BANDS - 1) / BANDS * BANDS);
}

static conv_work forward_work(const da_kernels *kernels, const da_conv_forward *conv) {
    const da_convolution *v = &conv->shape;
    conv_work work = { .v = v, .kernels = kernels, .forward = conv,
                       .group = conv->sink.done ? conv->sink.group : 1, .segments = v->r * v->s };
    work.run = work.group * largest(1, v->n / (MOST_SLICES * work.group));
    work.piece = rows_of_piece(conv);
    if (!conv->x.values) work.x_floats = smallest(v->h, (BANDS - 1) * v->stride + v->r) * v->w * v->c;
    if (!conv->y) work.out_floats = work.group * v->oh * v->ow * v->k;
    return work;
}

static int64_t forward_scratch(const da_kernels *kernels, const da_conv_forward *conv) {
    const conv_work work = forward_work(kernels, conv);
    return worker_floats(&work) * da_threads();
}

static void forward(const da_kernels *kernels, const da_conv_forward *conv, float *scratch) {
    const da_convolution *v = &conv->shape;
    conv_work work = forward_work(kernels, conv);
    work.workers = scratch;
    if (work.piece >= v->oh) {
        da_parallel_for((v->n + work.run - 1) / work.run, work_of(v, 1), forward_run, &work);
        return;
    }
    da_parallel_for(v->n * pieces_of(&work), work_of(v, 1), forward_piece, &work);
    if (conv->sink.done)
        da_parallel_for((v->n + work.group - 1) / work.group, da_work_of_floats(v->n * v->oh * v->ow * v->k),
                        show_group, &work);
}

/* ---- Backward data ---- */

/* Images i..i+count-1 of a slice. */
typedef struct image_group { int64_t slice, i, count; bool first; const float *x, *dy; } image_group;

/* One class of pixels along one axis: pixels first, first + stride, ... of dx and the taps that reach them: kernel
   positions last, last - stride, ..., which read dy ascending.
 *
 *     stride 2, 3 taps, padding 1: y(o) reads x(2 o - 1), x(2 o), x(2 o + 1) by the taps 0, 1, 2
 *
 *     first 0: dx(0), dx(2), ...    last 1, 1 tap      dx(2 o)     = dy(o) w(1)
 *     first 1: dx(1), dx(3), ...    last 2, 2 taps     dx(2 o + 1) = dy(o) w(2) + dy(o + 1) w(0)
 */
typedef struct phase { int64_t first, last; axis axis; } phase;

static phase phase_of(const da_convolution *v, int64_t first, int64_t in, int64_t out, int64_t kernel) {
    const int64_t low = (first + v->padding) % v->stride,
        taps = low < kernel ? (kernel - low + v->stride - 1) / v->stride : 0, last = low + (taps - 1) * v->stride;
    const int64_t start = taps ? (first + v->padding - last) / v->stride : 0; /* divides exactly */
    return (phase){ first, last, { (in - first + v->stride - 1) / v->stride, start, 1, taps, out } };
}

/* Calls visit for every class of pixels, with the place its turned weights begin at. */
typedef void phase_visit(void *context, const phase *rows, const phase *columns, int64_t weights);

static void each_phase(const da_convolution *v, phase_visit *visit, void *context) {
    int64_t weights = 0;
    for (int64_t y = 0; y < smallest(v->stride, v->h); y++)
        for (int64_t x = 0; x < smallest(v->stride, v->w); x++) {
            const phase rows = phase_of(v, y, v->h, v->oh, v->r), columns = phase_of(v, x, v->w, v->ow, v->s);
            visit(context, &rows, &columns, weights);
            weights += rows.axis.taps * columns.axis.taps * (v->c / v->groups) * v->k;
        }
}

typedef struct turn_work { const conv_work *work; const phase *rows, *columns; float *to; } turn_work;

/* The weights of one tap of a class: [group][tap row][tap column][k of the group][c of the group], taps descending. */
static void turn_tap(void *context, int64_t tap, int worker) {
    const turn_work *t = context;
    const da_convolution *v = t->work->v;
    const int64_t cg = v->c / v->groups, kg = v->k / v->groups, taps = t->rows->axis.taps * t->columns->axis.taps;
    const int64_t ky = t->rows->last - tap / t->columns->axis.taps * v->stride,
        kx = t->columns->last - tap % t->columns->axis.taps * v->stride;
    (void)worker;
    for (int64_t g = 0; g < v->groups; g++) {
        const float *from = t->work->backward->w + (ky * v->s + kx) * cg * v->k + g * kg;
        float *to = t->to + (g * taps + tap) * kg * cg;
        for (int64_t k = 0; k < kg; k++)
            for (int64_t c = 0; c < cg; c++) *to++ = from[c * v->k + k];
    }
}

static void turn_weights(void *context, const phase *rows, const phase *columns, int64_t weights) {
    const conv_work *work = context;
    turn_work t = { work, rows, columns, work->turned + weights };
    da_parallel_for(rows->axis.taps * columns->axis.taps, weight_count(work->v), turn_tap, &t);
}

typedef struct image_work {
    const conv_work *work;
    const worker_part *part;
    const float *dy, *base;
    float *dx;
    dai_ahead *ahead;
} image_work;

static void data_of_phase(void *context, const phase *rows, const phase *columns, int64_t weights) {
    const image_work *image = context;
    const conv_work *work = image->work;
    const da_convolution *v = work->v;
    const int64_t cg = v->c / v->groups, kg = v->k / v->groups, row = v->ow * v->k;
    const worker_part *part = image->part;
    const segment_list list = make_segments(v, &columns->axis, rows->axis.taps, row, v->k, kg, kg * cg, part->segments);
    row_run run;
    for (int64_t y = 0; y < rows->axis.results; y += run.rows) {
        run = run_at(&rows->axis, y);
        for (int64_t g = 0; g < v->groups; g++) {
            const int64_t to = ((rows->first + y * v->stride) * v->w + columns->first) * v->c + g * cg;
            const da_channel_affine onto = { .add = image->base ? image->base + to : NULL };
            const da_contraction problem = {
                .m = columns->axis.results, .n = cg, .segments = part->segments,
                .segment_count = run.taps * list.in_row, .joined = list.leaves_out ? part->joined : NULL,
                .a = image->dy + run.from * row + g * kg, .a_row = v->k, .a_step = 1,
                .b = work->turned + weights + (g * rows->axis.taps + run.first_tap) * columns->axis.taps * kg * cg,
                .b_step = cg, .c = image->dx + to, .c_row = v->stride * v->c, .bands = run.rows, .a_band = row,
                .c_band = v->stride * v->w * v->c, .affine = image->base ? &onto : NULL, .ahead = image->ahead,
            };
            work->kernels->contract(&problem);
        }
    }
}

static void data_of_image(const conv_work *work, const worker_part *part, int64_t i, const float *dy,
                          dai_ahead *ahead) {
    const da_conv_backward *conv = work->backward;
    const int64_t count = work->v->h * work->v->w * work->v->c;
    image_work image = { work, part, dy, conv->base ? conv->base + i * count : NULL, conv->dx + i * count, ahead };
    each_phase(work->v, data_of_phase, &image);
}

/* How many contractions an image of dx is. */
static int64_t products_of(const da_convolution *v) {
    int64_t rows = 0;
    for (int64_t y = 0; y < smallest(v->stride, v->h); y++) {
        const phase p = phase_of(v, y, v->h, v->oh, v->r);
        if (p.axis.taps > 0) rows += runs_of(&p.axis);
    }
    return rows * smallest(v->stride, v->s) * v->groups;
}

/* `next`: what is needed after this. The pixels of dx are written, and those of `base` read, in step with it. */
static void data_of_group(const conv_work *work, const worker_part *part, const image_group *group, dai_stream next) {
    const da_convolution *v = work->v;
    const da_conv_backward *conv = work->backward;
    const int64_t image = v->h * v->w * v->c, first = group->i * image;
    const int64_t end = first + group->count * image;
    dai_ahead ahead = { .read = { next, dai_stream_over(conv->base, first, end) },
                        .write = dai_stream_over(conv->dx, first, end), .products = group->count * products_of(v) };
    for (int64_t j = 0; j < group->count; j++)
        data_of_image(work, part, group->i + j, group->dy + j * v->oh * v->ow * v->k, &ahead);
}

/* ---- Backward weights ---- */

/* How many image rows make a strip. Where the weights are few, x and dy of a strip stay in the first cache while all
   taps pass over them; where they are many, their sums would travel more than the images: one strip.
 *
 *     16 x 16 pixels, 16 channels to 16, 3x3: a row of x and dy is 512 floats, a strip 12 rows
 *
 *     rows 0..11     taps 0, 1, ... 8 read 24 KiB of x and dy from the first cache, and begin their 16 x 16 sums
 *     rows 12..15    taps 0, 1, ... 8 go on with them
 */
static int64_t strip_rows(const da_convolution *v, int64_t rows) {
    const int64_t row = v->stride * v->w * v->c + v->ow * v->k;
    return weight_count(v) > SMALL_WEIGHTS ? rows : smallest(rows, largest(1, STRIP_FLOATS / largest(1, row)));
}

/* Rows of an image of dy that have a row of x by this tap. */
static span rows_of_tap(const da_convolution *v, int64_t tap) {
    const axis rows = axis_forward(v, v->h, v->oh, v->r), columns = axis_forward(v, v->w, v->ow, v->s);
    return span_of(&columns, tap % v->s).end ? span_of(&rows, tap / v->s) : (span){ 0, 0 };
}

/* How many of the first `rows` rows of a group of images those are. */
static int64_t rows_before(const da_convolution *v, span of_image, int64_t rows) {
    return rows / v->oh * (of_image.end - of_image.begin) +
           largest(0, smallest(rows % v->oh, of_image.end) - of_image.begin);
}

/* A segment for each of them, over the columns that have the tap. */
static void make_row_segments(const da_convolution *v, int64_t images, int64_t tap, da_segment *to) {
    const axis across = axis_forward(v, v->w, v->ow, v->s);
    const span rows = rows_of_tap(v, tap), columns = span_of(&across, tap % v->s);
    const int64_t ky = tap / v->s - v->padding, kx = tap % v->s - v->padding;
    for (int64_t j = 0; j < images; j++)
        for (int64_t oy = rows.begin; oy < rows.end; oy++)
            *to++ = (da_segment){
                .a = ((j * v->h + oy * v->stride + ky) * v->w + columns.begin * v->stride + kx) * v->c,
                .b = ((j * v->oh + oy) * v->ow + columns.begin) * v->k, .length = columns.end - columns.begin,
            };
}

static void weights_of_strip(const conv_work *work, const image_group *group, int64_t tap, const da_segment *segments,
                             int64_t count, bool start, dai_ahead *ahead) {
    const da_convolution *v = work->v;
    const int64_t cg = v->c / v->groups, kg = v->k / v->groups, taps = v->r * v->s;
    for (int64_t g = 0; g < v->groups; g++) {
        const da_contraction problem = {
            .m = cg, .n = kg, .segments = segments, .segment_count = count, .a = group->x + g * cg, .a_row = 1,
            .a_step = v->stride * v->c, .b = group->dy + g * kg, .b_step = v->k,
            .c = work->partial + (group->slice * taps + tap) * cg * v->k + g * kg, .c_row = v->k, .bands = 1,
            .accumulate = !start, .ahead = ahead,
        };
        work->kernels->contract(&problem);
    }
}

/* Continues the chains of a slice's partial sums over a group of images, for the taps from..to-1. */
static void weights_of_group(const conv_work *work, const worker_part *part, const image_group *group, int64_t from,
                             int64_t to, dai_ahead *ahead) {
    const da_convolution *v = work->v;
    const int64_t rows = group->count * v->oh, strip = strip_rows(v, rows);
    for (int64_t tap = from; tap < to; tap++) make_row_segments(v, group->count, tap, part->segments + tap * rows);
    ahead->products = (rows + strip - 1) / strip * (to - from) * v->groups;
    for (int64_t row = 0; row < rows; row += strip)
        for (int64_t tap = from; tap < to; tap++) {
            const span of_image = rows_of_tap(v, tap);
            const int64_t first = rows_before(v, of_image, row),
                end = rows_before(v, of_image, smallest(rows, row + strip));
            weights_of_strip(work, group, tap, part->segments + tap * rows + first, end - first,
                             group->first && row == 0, ahead);
        }
}

/* The bias's gradient, behind the weights in a slice's partial sums. */
static void bias_of_group(const conv_work *work, const image_group *group) {
    const da_convolution *v = work->v;
    float *sum = work->partial_bias + group->slice * v->k;
    if (group->first) memset(sum, 0, (size_t)v->k * sizeof *sum);
    work->kernels->channel_sum(group->count * v->oh * v->ow, v->k, group->dy, sum);
}

enum { ADD_CHUNK = DA_SIZE(4096, 5) };

static void add_slices(void *context, int64_t chunk, int worker) {
    const conv_work *work = context;
    const int64_t count = weight_count(work->v), begin = chunk * ADD_CHUNK, n = smallest(ADD_CHUNK, count - begin);
    float *out = work->backward->dw + begin;
    (void)worker;
    memcpy(out, work->partial + begin, (size_t)n * sizeof *out);
    for (int64_t slice = 1; slice < work->slices; slice++)
        work->kernels->sum(n, out, work->partial + slice * count + begin, out);
}

/* ---- Both gradients ---- */

/* Where a slice begins; returns how many images it has, 0 behind the last one. */
static int64_t images_of(const conv_work *work, int64_t slice, int64_t *first) {
    *first = da_chunk_begin(work->v->n, work->slices, slice);
    if (slice >= work->slices) return 0;
    return da_chunk_begin(work->v->n, work->slices, slice + 1) - *first;
}

/* One slice of the batch, and where slices are few one group of taps of it. */
static void backward_slice(void *context, int64_t chunk, int worker) {
    const conv_work *work = context;
    const da_convolution *v = work->v;
    const da_conv_backward *conv = work->backward;
    const worker_part part = part_of(work, worker);
    const int64_t slice = chunk / work->tap_groups, taps = v->r * v->s, tap_group = chunk % work->tap_groups;
    int64_t first, end = images_of(work, slice, &first);
    end += first;
    const bool dx = work->with_data, dw = work->with_weights && conv->dw;
    for (int64_t i = first; i < end; i += work->together) {
        const int64_t count = smallest(work->together, end - i), x_image = v->h * v->w * v->c;
        image_group group = { slice, i, count, i == first, NULL, NULL };
        int64_t next = i + count, left = end - next;
        if (left == 0) left = images_of(work, slice + 1, &next); /* this worker's next slice */
        left = smallest(work->together, left);
        const dai_stream next_x = dai_stream_of(&conv->x, x_image, next, left),
            next_dy = dai_stream_of(&conv->dy, v->oh * v->ow * v->k, next, left);
        group.dy = dai_rows_at(&conv->dy, i * v->oh, count * v->oh, v->ow * v->k, part.dy);
        if (dx) data_of_group(work, &part, &group, dw ? dai_stream_behind_dx(conv, x_image, i, count) : next_dy);
        if (dx && conv->dx_sink.done)
            conv->dx_sink.done(conv->dx_sink.context, i, count, conv->dx + i * x_image, worker);
        if (work->with_weights && conv->db && tap_group == 0) bias_of_group(work, &group);
        if (!dw) continue;
        dai_ahead ahead = { .read = { next_dy, next_x } };
        if (dx) ahead.read[1].end = 0; /* x comes with dx */
        group.x = dai_rows_at(&conv->x, i * v->h, count * v->h, v->w * v->c, part.x);
        weights_of_group(work, &part, &group, da_chunk_begin(taps, work->tap_groups, tap_group),
                         da_chunk_begin(taps, work->tap_groups, tap_group + 1),
                         &ahead);
    }
}

/* A slice is a chunk where that gives work to many threads; else each gradient has a loop of its own, over images and
   over slices and taps. */
static bool is_joint(const da_convolution *v) { return da_conv_slices(v) >= smallest(v->n, MOST_SLICES); }

static conv_work backward_work(const da_kernels *kernels, const da_conv_backward *conv) {
    const da_convolution *v = &conv->shape;
    conv_work work = { .v = v, .kernels = kernels, .backward = conv,
                       .slices = da_conv_slices(v) };
    work.together = largest(1, smallest(LEAST_CHAIN / largest(1, v->oh * v->ow),
                                        MOST_TOGETHER_FLOATS / largest(1, v->h * v->w * v->c + v->oh * v->ow * v->k)));
    work.together = smallest(work.together, largest(1, v->n / work.slices));
    work.segments = v->r * v->s * largest(1, work.together * v->oh);
    if (!conv->x.values) work.x_floats = work.together * v->h * v->w * v->c;
    if (!conv->dy.values) work.dy_floats = work.together * v->oh * v->ow * v->k;
    return work;
}

static int64_t backward_scratch(const da_kernels *kernels, const da_conv_backward *conv) {
    const da_convolution *v = &conv->shape;
    const conv_work work = backward_work(kernels, conv);
    return round_up(weight_count(v)) * (work.slices + 1) + round_up(v->k) * work.slices +
           worker_floats(&work) * da_threads();
}

static void backward(const da_kernels *kernels, const da_conv_backward *conv, float *scratch) {
    const da_convolution *v = &conv->shape;
    conv_work work = backward_work(kernels, conv);
    work.turned = scratch;
    work.partial = work.turned + round_up(weight_count(v));
    work.partial_bias = work.partial + work.slices * round_up(weight_count(v));
    work.workers = work.partial_bias + work.slices * round_up(v->k);
    work.tap_groups = 1;
    const bool weights = conv->dw || conv->db;
    if (v->n == 0) memset(work.partial, 0, (size_t)(work.workers - work.partial) * sizeof *work.partial);
    if (conv->dx) each_phase(v, turn_weights, &work);
    if (is_joint(v)) {
        work.with_data = conv->dx != NULL;
        work.with_weights = weights;
        da_parallel_for(v->n == 0 ? 0 : work.slices, work_of(v, 2), backward_slice, &work);
    } else {
        conv_work data = work;
        data.with_data = true;
        data.slices = v->n;
        if (conv->dx) da_parallel_for(v->n, work_of(v, 1), backward_slice, &data);
        work.with_weights = true;
        work.tap_groups = conv->dw ? v->r * v->s : 1;
        if (weights) da_parallel_for(work.slices * work.tap_groups, work_of(v, 1), backward_slice, &work);
    }
    if (conv->dw)
        da_parallel_for((weight_count(v) + ADD_CHUNK - 1) / ADD_CHUNK, da_work_of_floats(work.slices * weight_count(v)),
                        add_slices, &work);
    for (int64_t slice = 0; conv->db && slice < work.slices; slice++)
        for (int64_t k = 0; k < v->k; k++)
            conv->db[k] = slice ? conv->db[k] + work.partial_bias[slice * v->k + k] : work.partial_bias[k];
}

/* ---- The ways to convolve ---- */

static bool takes_all_forward(const da_kernels *kernels, const da_conv_forward *conv) {
    return (void)kernels, (void)conv, true;
}
static bool takes_all_backward(const da_kernels *kernels, const da_conv_backward *conv) {
    return (void)kernels, (void)conv, true;
}

static const dai_way directly = { takes_all_forward, forward_scratch, forward, takes_all_backward, backward_scratch,
                                  backward };

/* The first that takes a call does it. */
static const dai_way *const ways[] = { &dai_way_winograd, &dai_way_reference, &dai_way_lanes, &directly };

static const dai_way *way_forward(const da_kernels *kernels, const da_conv_forward *conv) {
    int i = 0;
    while (!ways[i]->takes_forward(kernels, conv)) i++;
    return ways[i];
}

static const dai_way *way_backward(const da_kernels *kernels, const da_conv_backward *conv) {
    int i = 0;
    while (!ways[i]->takes_backward(kernels, conv)) i++;
    return ways[i];
}

int64_t da_conv_forward_scratch(const da_kernels *kernels, const da_conv_forward *conv) {
    return way_forward(kernels, conv)->forward_scratch(kernels, conv);
}

int64_t da_conv_backward_scratch(const da_kernels *kernels, const da_conv_backward *conv) {
    return way_backward(kernels, conv)->backward_scratch(kernels, conv);
}

void da_conv_forward_run(const da_kernels *kernels, const da_conv_forward *conv, float *scratch) {
    way_forward(kernels, conv)->forward(kernels, conv, scratch);
}

void da_conv_backward_run(const da_kernels *kernels, const da_conv_backward *conv, float *scratch) {
    way_backward(kernels, conv)->backward(kernels, conv, scratch);
}
