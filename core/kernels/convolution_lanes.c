/* Small convolutions with few channels: sixteen images are the lanes.
 *
 * One channel or six fill no vector of 16, but every image takes the same path through the same weights. So each number
 * of an image becomes a vector, the same number of 16 images, and the arithmetic is that of one image in vectors:
 *
 *     images        0: a0 a1 a2 ...                 a pixel is C vectors: a0 b0 .. p0 | a1 b1 .. p1 | ... ;
 *     (NHWC)        1: b0 b1 b2 ...  ──▶  x x x     lanes of missing images are zeros
 *                  15: p0 p1 p2 ...       x x x
 *
 * Forward, one row of output: the contraction with output channels as rows (a weight is spread over the lanes) and
 * pixels as columns (a vector each); a kernel row is a segment, since its S * C vectors lie side by side. Kernel rows
 * above and below the image are left out. Pixels at the sides lack some taps: they are computed by themselves, those of
 * two rows together, so that there are two vectors across.
 *
 *     row 0    s s m m m m m s s      m: all taps, a row at once
 *     row 1    s s m m m m m s s      s: a column of two
 *
 * A band of rows is turned back into NHWC as soon as it is made, or goes to a sink that takes vectors, such as a pool,
 * which leaves a quarter of them to be turned.
 * Backward data: the same with dy and the weights turned by 180 degrees and transposed.
 * Backward weights: every lane is the chain of its own image, and an image is a slice (da_conv_slices).
 * The chains are those of convolution.c, so which of both ways runs changes no bit.
 */
#include "core/kernels/convolution.h"
#include "core/kernels/images.h"
#include "core/parallel.h"
#include "core/tiny.h"

#include <string.h>

enum { LANES = 16, ADD_CHUNK = DA_SIZE(512, 5) };
enum { BAND = DA_SIZE(2, 1) }; /* rows of results together, if nobody wants more */
enum { MOST_IMAGE_FLOATS = 18432, LEAST_IMAGES = 8 }; /* 16 images in the second cache, nearly; fewer waste lanes */
enum { SEGMENT_FLOATS = sizeof(da_segment) / sizeof(float) };

static int64_t weight_count(const da_convolution *v) { return v->r * v->s * v->c * v->k; }

bool dai_lanes_fit(const da_convolution *v) {
    return v->groups == 1 && v->stride == 1 && v->c < LANES && v->k <= LANES &&
           (v->h + 2 * v->padding) * (v->w + 2 * v->padding) * v->c + v->oh * v->ow * v->k <= MOST_IMAGE_FLOATS;
}

static bool takes_forward(const da_kernels *kernels, const da_conv_forward *conv) {
    (void)kernels;
    return conv->shape.n >= LEAST_IMAGES && dai_lanes_fit(&conv->shape) &&
           (!conv->sink.done || LANES % conv->sink.group == 0);
}

static bool takes_backward(const da_kernels *kernels, const da_conv_backward *conv) {
    (void)kernels;
    const da_convolution *v = &conv->shape;
    return v->n >= LEAST_IMAGES && dai_lanes_fit(v) && da_conv_slices(v) == v->n;
}

/* ---- Images in vectors ---- */

/* Images first, first + 1, ... of height x width x channels, as vectors; `lines` has room for one row of each. */
static void gather_images(const dai_lanes *lanes, const da_image_source *source, int64_t first, int images,
                          int64_t height, int64_t width, int64_t channels, float *lines, float *to) {
    const int64_t line = width * channels, image = height * line;
    if (source->values) {
        lanes->gather(image, images, source->values + first * image, image, to);
        return;
    }
    if (source->load_lanes) {
        source->load_lanes(source->context, first, images, to, lines);
        return;
    }
    for (int64_t y = 0; y < height; y++) {
        for (int l = 0; l < images; l++)
            source->load(source->context, (first + l) * height + y, lines + l * line);
        lanes->gather(line, images, lines, line, to + y * line * LANES);
    }
}

/* ---- Work shared by the passes ---- */

typedef struct lanes_work {
    const da_convolution *v;
    const da_kernels *kernels;
    const da_conv_forward *forward;
    const da_conv_backward *backward;
    float *turned;          /* backward: the weights, turned and transposed */
    float *partial;         /* backward: gradients of the weights, then of the bias, an image after the other */
    int64_t partial_floats; /* of an image */
    float *workers;         /* a part for each worker: */
    int64_t x_floats, dy_floats, band_floats, line_floats, sum_floats; /* images as vectors, a band of results, lines or
                                                                          whole images in NHWC, sums */
} lanes_work;

typedef struct worker_part { float *x, *dy, *band, *lines, *sums; da_segment *segments; } worker_part;

static int64_t segment_floats(const da_convolution *v) { return round_up(v->r * SEGMENT_FLOATS); }

static int64_t worker_floats(const lanes_work *w) {
    return w->x_floats + w->dy_floats + w->band_floats + w->line_floats + w->sum_floats + segment_floats(w->v);
}

static worker_part part_of(const lanes_work *w, int worker) {
    worker_part part = { .x = w->workers + worker * worker_floats(w) };
    part.dy = part.x + w->x_floats;
    part.band = part.dy + w->dy_floats;
    part.lines = part.band + w->band_floats;
    part.sums = part.lines + w->line_floats;
    part.segments = (da_segment *)(void *)(part.sums + w->sum_floats); /* one a kernel row */
    return part;
}

static int64_t chunks_of(const da_convolution *v) { return (v->n + LANES - 1) / LANES; }

/* Images as vectors that a pass reads, and the rows of results that it makes of them. */
typedef struct row_pass {
    const float *images, *weights, *bias; /* bias: may be NULL */
    int64_t height, width, channels;      /* of the images */
    int64_t results, result_channels;     /* of a row */
    int64_t above, beside;                /* result 0 reads from -above, -beside on */
} row_pass;

/* Results that have the same taps: `count` of them from column x of row y on, side by side or, if `down`, one below the
   other. */
typedef struct pixel_run { int64_t y, x, count; bool down; } pixel_run;

/* to: where the first of them belongs. */
static void make_pixels(const lanes_work *w, const row_pass *pass, pixel_run at, da_segment *segments, float *to) {
    const int64_t s = w->v->s, top = at.y - pass->above, left = at.x - pass->beside, first_row = largest(0, -top),
        rows = largest(0, smallest(w->v->r, pass->height - top) - first_row), first = largest(0, -left),
        taps = largest(0, smallest(s, pass->width - left) - first);
    const int64_t pixel = pass->channels * LANES, line = pass->width * pixel, result = pass->result_channels * LANES,
        tap = pass->channels * pass->result_channels;
    const bool any = rows > 0 && taps > 0;
    for (int64_t y = 0; y < rows; y++)
        segments[y] = (da_segment){ .a = y * s * tap, .b = y * line, .length = taps * pass->channels };
    const da_contraction problem = {
        .m = pass->result_channels, .n = at.count * LANES, .segments = segments, .segment_count = any ? rows : 0,
        .a = pass->weights + (any ? (first_row * s + first) * tap : 0), .a_row = 1, .a_step = pass->result_channels,
        .b = pass->images + (any ? (top + first_row) * line + (left + first) * pixel : 0), .b_step = LANES,
        .b_gap = (at.down ? line : pixel) - LANES, .c = to, .c_row = LANES,
        .c_gap = (at.down ? pass->results * result : result) - LANES, .bands = 1, .row_bias = pass->bias,
    };
    w->kernels->contract(&problem);
}

/* Whether rows y and y + 1 of results have all kernel rows. */
static bool both_inside(const lanes_work *w, const row_pass *pass, int64_t y) {
    return y >= pass->above && y + 1 - pass->above + w->v->r <= pass->height;
}

/* The columns begin..end-1 of the rows y..y+rows-1, column by column. */
static void make_columns(const lanes_work *w, const row_pass *pass, int64_t y, int64_t rows, int64_t begin, int64_t end,
                         da_segment *segments, float *band) {
    const int64_t result = pass->result_channels * LANES;
    for (int64_t row = 0, count; row < rows; row += count) {
        count = row + 1 < rows && both_inside(w, pass, y + row) ? 2 : 1;
        for (int64_t x = begin; x < end; x++)
            make_pixels(w, pass, (pixel_run){ y + row, x, count, true }, segments,
                        band + (row * pass->results + x) * result);
    }
}

/* The rows y..y+rows-1 of results: of each the pixels that have all taps at once, those at the sides by themselves. */
static void make_band(const lanes_work *w, const row_pass *pass, int64_t y, int64_t rows, da_segment *segments,
                      float *band) {
    const int64_t begin = smallest(largest(0, pass->beside), pass->results),
        end = largest(begin, smallest(pass->results, pass->width - w->v->s + pass->beside + 1));
    make_columns(w, pass, y, rows, 0, begin, segments, band);
    for (int64_t row = 0; row < rows && begin < end; row++)
        make_pixels(w, pass, (pixel_run){ y + row, begin, end - begin, false }, segments,
                    band + (row * pass->results + begin) * pass->result_channels * LANES);
    make_columns(w, pass, y, rows, end, pass->results, segments, band);
}

/* ---- Forward ---- */

static int64_t band_rows(const da_conv_forward *conv) { return conv->sink.done_lanes ? conv->sink.rows : BAND; }

static void forward_chunk(void *context, int64_t chunk, int worker) {
    const lanes_work *w = context;
    const da_convolution *v = w->v;
    const da_conv_forward *conv = w->forward;
    const worker_part part = part_of(w, worker);
    const int64_t first = chunk * LANES, line = v->ow * v->k, image = v->oh * line, band = band_rows(conv);
    const int images = (int)smallest(LANES, v->n - first);
    float *y = conv->y ? conv->y + first * image : part.lines;
    const row_pass pass = { part.x, conv->w, conv->bias, v->h, v->w, v->c, v->ow, v->k, v->padding, v->padding };
    gather_images(w->kernels->lanes, &conv->x, first, images, v->h, v->w, v->c, part.lines, part.x);
    for (int64_t oy = 0; oy < v->oh; oy += band) {
        const int64_t rows = smallest(band, v->oh - oy);
        make_band(w, &pass, oy, rows, part.segments, part.band);
        if (conv->sink.done_lanes) conv->sink.done_lanes(conv->sink.context, first, images, oy, part.band);
        else w->kernels->lanes->scatter(rows * line, images, part.band, y + oy * line, image);
    }
    if (conv->affine) {
        const da_channel_affine affine = dai_affine_at(conv->affine, 0, first * image);
        w->kernels->channel_affine(images * v->oh * v->ow, v->k, y, &affine, y);
    }
    for (int64_t i = 0; !conv->sink.done_lanes && conv->sink.done && i < images; i += conv->sink.group)
        conv->sink.done(conv->sink.context, first + i, smallest(conv->sink.group, images - i), y + i * image, worker);
}

static lanes_work forward_work(const da_kernels *kernels, const da_conv_forward *conv) {
    const da_convolution *v = &conv->shape;
    lanes_work work = { .v = v, .kernels = kernels, .forward = conv };
    work.x_floats = v->h * v->w * v->c * LANES;
    work.band_floats = band_rows(conv) * v->ow * v->k * LANES;
    work.line_floats = LANES * largest(conv->x.values ? 0 : v->w * v->c,
                                       conv->y || conv->sink.done_lanes ? 0 : v->oh * v->ow * v->k);
    return work;
}

static int64_t forward_scratch(const da_kernels *kernels, const da_conv_forward *conv) {
    const lanes_work work = forward_work(kernels, conv);
    return worker_floats(&work) * da_threads();
}

static void forward(const da_kernels *kernels, const da_conv_forward *conv, float *scratch) {
    lanes_work work = forward_work(kernels, conv);
    work.workers = scratch;
    da_parallel_for(chunks_of(&conv->shape), da_work_of_products(da_conv_multiply_adds(&conv->shape)), forward_chunk,
                    &work);
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
    const row_pass pass = { part->dy, w->turned, NULL, v->oh, v->ow, v->k, v->w, v->c, v->r - 1 - v->padding,
                            v->s - 1 - v->padding };
    for (int64_t y = 0; y < v->h; y += BAND) {
        const int64_t rows = smallest(BAND, v->h - y), count = rows * line;
        float *to = conv->dx + first * image + y * line;
        make_band(w, &pass, y, rows, part->segments, part->band);
        if (!conv->base) {
            w->kernels->lanes->scatter(count, images, part->band, to, image);
            continue;
        }
        w->kernels->lanes->scatter(count, images, part->band, part->lines, count);
        for (int l = 0; l < images; l++)
            w->kernels->sum(count, conv->base + (to - conv->dx) + l * image, part->lines + l * count,
                                     to + l * image);
    }
}

static void weights_of_chunk(const lanes_work *w, const worker_part *part, int64_t first, int images) {
    const da_convolution *v = w->v;
    const da_conv_backward *conv = w->backward;
    float *bias = part->sums + weight_count(v) * LANES;
    const dai_lanes_weights problem = { part->x, part->dy, v->h, v->w, v->oh, v->ow, v->c, v->k, v->r, v->s, v->padding,
                                        part->sums };
    if (conv->dw) {
        gather_images(w->kernels->lanes, &conv->x, first, images, v->h, v->w, v->c, part->lines, part->x);
        w->kernels->lanes->weights(&problem);
    }
    memset(bias, 0, (size_t)(v->k * LANES) * sizeof *bias);
    if (conv->db) w->kernels->channel_sum(v->oh * v->ow, v->k * LANES, part->dy, bias);
    w->kernels->lanes->scatter(weight_count(v) + v->k, images, part->sums, w->partial + first * w->partial_floats,
                      w->partial_floats);
}

static void backward_chunk(void *context, int64_t chunk, int worker) {
    const lanes_work *w = context;
    const worker_part part = part_of(w, worker);
    const int64_t first = chunk * LANES;
    const int images = (int)smallest(LANES, w->v->n - first);
    gather_images(w->kernels->lanes, &w->backward->dy, first, images, w->v->oh, w->v->ow, w->v->k, part.lines, part.dy);
    const da_image_sink *sink = &w->backward->dx_sink;
    if (w->backward->dx) data_of_chunk(w, &part, first, images);
    if (w->backward->dx && sink->done)
        sink->done(sink->context, first, images, w->backward->dx + first * w->v->h * w->v->w * w->v->c, worker);
    if (w->backward->dw || w->backward->db) weights_of_chunk(w, &part, first, images);
}

/* Adds the images' parts begin..begin+count-1, in order. */
static void add_parts(const lanes_work *w, int64_t begin, int64_t count, float *to) {
    memcpy(to, w->partial + begin, (size_t)count * sizeof *to);
    for (int64_t i = 1; i < w->v->n; i++)
        w->kernels->sum(count, to, w->partial + i * w->partial_floats + begin, to);
}

static void add_weights(void *context, int64_t chunk, int worker) {
    const lanes_work *w = context;
    const int64_t begin = chunk * ADD_CHUNK;
    (void)worker;
    add_parts(w, begin, smallest(ADD_CHUNK, weight_count(w->v) - begin), w->backward->dw + begin);
}

static lanes_work backward_work(const da_kernels *kernels, const da_conv_backward *conv) {
    const da_convolution *v = &conv->shape;
    const bool sums = conv->dw || conv->db;
    lanes_work work = { .v = v, .kernels = kernels, .backward = conv };
    work.partial_floats = sums ? round_up(weight_count(v) + v->k) : 0;
    work.x_floats = conv->dw ? v->h * v->w * v->c * LANES : 0;
    work.dy_floats = v->oh * v->ow * v->k * LANES;
    work.band_floats = conv->dx ? BAND * v->w * v->c * LANES : 0;
    work.line_floats = LANES * largest(BAND * v->w * v->c, v->ow * v->k);
    work.sum_floats = work.partial_floats * LANES;
    return work;
}

static int64_t backward_scratch(const da_kernels *kernels, const da_conv_backward *conv) {
    const lanes_work work = backward_work(kernels, conv);
    return round_up(weight_count(work.v)) + work.partial_floats * work.v->n +
           worker_floats(&work) * da_threads();
}

static void backward(const da_kernels *kernels, const da_conv_backward *conv, float *scratch) {
    const da_convolution *v = &conv->shape;
    lanes_work work = backward_work(kernels, conv);
    work.turned = scratch;
    work.partial = work.turned + round_up(weight_count(v));
    work.workers = work.partial + work.partial_floats * v->n;
    if (conv->dx) turn_weights(&work);
    da_parallel_for(chunks_of(v), da_work_of_products(2 * da_conv_multiply_adds(v)), backward_chunk, &work);
    if (conv->dw)
        da_parallel_for((weight_count(v) + ADD_CHUNK - 1) / ADD_CHUNK, da_work_of_floats(weight_count(v) * v->n),
                        add_weights, &work);
    if (conv->db) add_parts(&work, weight_count(v), v->k, conv->db);
}

const dai_way dai_way_lanes = { takes_forward, forward_scratch, forward, takes_backward, backward_scratch, backward };
