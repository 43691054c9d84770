/* Convolution, bias, ReLU and max pool in one operation, with the bits of its parts.
 *
 *     forward     an image of z = conv(x, w) + bias is made in the cache ── ReLU and the maximum of each window: y, and
 *                 where in its window the maximum was; z itself is never stored. Without a pool the ReLU is folded into
 *                 the convolution.
 *     backward    a row of dz is made in the cache from dy and the places, zero elsewhere ── dx, dw and dbias
 *
 * Where 16 images are the lanes of vectors (kernels/lanes.h), a pixel with K channels is one with 16 K of them, and
 * windows are pooled as they are, before and after the images are transposed.
 *
 * saved: the places, ky * pool + kx, -1 where the ReLU let nothing through. Without a pool y itself tells that.
 */
#include "core/operations/convolution.h"
#include "core/operations/loops.h"
#include "core/operations/rows.h"

#include <string.h>

enum { LARGEST_POOL = 4095 };

static void conv2d_relu_shape(da_node *node) {
    const int64_t pool = node->options.conv2d_relu.pool;
    if (!dai_conv2d_shape(node) || !dai_conv2d_bias_fits(node)) return;
    const int64_t *z = node->value.shape, n = z[0], h = z[1], w = z[2], k = z[3];
    if (pool < 1 || pool > LARGEST_POOL || pool > h || pool > w) {
        dai_node_fail(node, DA_ERROR_SHAPE, "windows of %lldx%lld do not fit into the convolution's %lldx%lld pixels",
                      (long long)pool, (long long)pool, (long long)h, (long long)w);
        return;
    }
    dai_set_shape(node, 4, (int64_t[]){ n, h / pool, w / pool, k });
    if (pool > 1 && node->wants_gradient) node->saved_count = da_tensor_count(&node->value);
}

/* z has h x w pixels, in rows x columns windows of pool x pool and what these leave over; y has one number a window. */
typedef struct relu_work {
    const da_kernels *kernels;
    int64_t pool, h, w, rows, columns, channels;
    float *y, *where;
    const float *dy;
} relu_work;

static relu_work work_of(da_node *node) {
    const da_convolution v = dai_convolution_of(node);
    const int64_t *y = node->value.shape;
    return (relu_work){ .kernels = node->kernels, .pool = node->options.conv2d_relu.pool, .h = v.oh, .w = v.ow,
                        .rows = y[1], .columns = y[2], .channels = y[3], .y = dai_output(node), .where = node->saved,
                        .dy = node->gradient };
}

static void pool_images(void *context, int64_t first, int64_t count, float *z, int worker) {
    const relu_work *w = context;
    const int64_t pitch = w->w * w->channels, row = w->columns * w->channels;
    (void)worker;
    for (int64_t i = 0; i < count; i++)
        for (int64_t oy = 0; oy < w->rows; oy++) {
            const int64_t at = ((first + i) * w->rows + oy) * row;
            w->kernels->max_pool(w->pool, w->columns, w->channels, true, z + (i * w->h + oy * w->pool) * pitch,
                                 pitch, w->y + at, w->where ? w->where + at : NULL);
        }
}

/* Rows y..y+pool-1 of 16 images: pooled in place, then transposed to where they belong. */
static void pool_lanes(void *context, int64_t first, int images, int64_t y, float *rows) {
    const relu_work *w = context;
    const int64_t channels = DAI_LANES * w->channels, pitch = w->w * channels, row = w->columns * w->channels,
        image = w->rows * row, at = first * image + y / w->pool * row;
    const da_kernels *kernels = w->kernels;
    if (y / w->pool >= w->rows) return;
    kernels->max_pool(w->pool, w->columns, channels, true, rows, pitch, rows, w->where ? rows + pitch : NULL);
    kernels->lanes->scatter(row, images, rows, w->y + at, image);
    if (w->where) kernels->lanes->scatter(row, images, rows + pitch, w->where + at, image);
}

static void conv2d_relu_forward(da_node *node) {
    relu_work w = work_of(node);
    const da_channel_affine relu = { .relu = true };
    da_conv_forward conv = {
        .shape = dai_convolution_of(node), .x = dai_images_of(node->input[0]), .w = dai_input(node, 1),
        .bias = node->input_count > 2 ? dai_input(node, 2) : NULL,
    };
    if (w.pool == 1) conv.affine = &relu, conv.y = w.y;
    else conv.sink = (da_image_sink){ .group = 1, .done = pool_images, .context = &w, .rows = w.pool,
                                      .done_lanes = pool_lanes };
    float *scratch = dai_scratch(node, da_conv_forward_scratch(node->kernels, &conv));
    if (scratch) da_conv_forward_run(node->kernels, &conv, scratch);
}

/* One row of dz: behind the ReLU, or behind the windows, of which it is row ky; pixels that no window covers get 0. */
static void load_gradient(const void *context, int64_t row, float *to) {
    const relu_work *w = context;
    const int64_t count = w->w * w->channels, covered = w->columns * w->pool * w->channels;
    if (w->pool == 1) {
        w->kernels->relu_backward(count, w->y + row * count, w->dy + row * count, to);
        return;
    }
    const int64_t image = row / w->h, y = row % w->h, oy = y / w->pool;
    if (oy >= w->rows) {
        memset(to, 0, (size_t)count * sizeof *to);
        return;
    }
    const int64_t at = (image * w->rows + oy) * w->columns * w->channels;
    w->kernels->max_pool_backward(w->pool, w->columns, w->channels, y % w->pool, w->dy + at, w->where + at, to);
    memset(to + covered, 0, (size_t)(count - covered) * sizeof *to);
}

/* All rows of dz of 16 images: dy and the places are transposed, a row at a time, before they become windows. */
static void load_gradient_lanes(const void *context, int64_t first, int images, float *to, float *lines) {
    const relu_work *w = context;
    const int64_t channels = DAI_LANES * w->channels, pitch = w->w * channels, row = w->columns * w->channels,
        image = w->rows * row, covered = w->columns * w->pool * channels;
    const da_kernels *kernels = w->kernels;
    float *dy = lines, *where = lines + row * DAI_LANES; /* both fit: a window is at least two pixels wide */
    for (int64_t oy = 0; oy < w->rows; oy++) {
        kernels->lanes->gather(row, images, w->dy + first * image + oy * row, image, dy);
        kernels->lanes->gather(row, images, w->where + first * image + oy * row, image, where);
        for (int64_t ky = 0; ky < w->pool; ky++, to += pitch) {
            kernels->max_pool_backward(w->pool, w->columns, channels, ky, dy, where, to);
            memset(to + covered, 0, (size_t)(pitch - covered) * sizeof *to);
        }
    }
    memset(to, 0, (size_t)((w->h - w->rows * w->pool) * pitch) * sizeof *to);
}

static void conv2d_relu_backward(da_node *node) {
    const relu_work w = work_of(node);
    da_image_source dz = { .load = load_gradient, .context = &w };
    if (w.pool == 1) dz.reads[0] = w.dy, dz.reads[1] = w.y;
    else dz.load_lanes = load_gradient_lanes;
    dai_conv2d_backward(node, dz, node->input_count > 2);
}

const da_operation dai_operation_conv2d_relu = {
    .name = "conv2d_relu", .inputs_least = 2, .inputs_most = 3, .shape = conv2d_relu_shape,
    .forward = conv2d_relu_forward, .backward = conv2d_relu_backward,
    .backward_needs_inputs = true, .backward_needs_output = true, .takes_deferred = 1,
};

da_node *da_conv2d_relu(da_graph *g, da_node *x, da_node *weight, da_node *bias, da_conv2d_options conv, int64_t pool) {
    dai_options o = { .conv2d_relu = { conv, pool } };
    return dai_node_new(g, &dai_operation_conv2d_relu, (da_node *[]){ x, weight, bias }, bias ? 3 : 2, &o);
}
