/* Convolution, batch norm, shortcut and ReLU in one operation: y = relu(norm(conv(x, w)) + shortcut).
 *
 * Its bits are those of the four operations one after the other; what it saves is memory traffic:
 *
 *     forward     conv writes z ── moments of z, slice by slice, while z is in the cache
 *                 then y = relu(z * factor + offset + shortcut), one pass; without a shortcut and while training not
 *                 even that: y is deferred, and whoever reads it (the next convolution) does it while loading
 *     backward    one pass over dy and z for the sums (the ReLU's mask comes from y, or from z once more); where the
 *                 next convolution finishes dy, image by image, that is done there and then (gradient_sink),
 *                 one in which each image's dz is made in the cache and serves dx and dw at once; dz is never stored
 *
 * With running statistics and no gradient to come, z is never stored: factor, offset, shortcut and ReLU are folded into
 * the convolution, which does them to its results before they leave the registers. The bits are the same as apart;
 * weights multiplied with the factor, the usual folding, would have others.
 *
 * saved: mean and 1 / sqrt(variance + epsilon), factor, offset (C each); if a gradient is wanted, z, then the sums of
 * backward (slices x C, twice).
 */
#include "core/operations/convolution.h"
#include "core/operations/norm.h"
#include "core/operations/rows.h"
#include "core/parallel.h"

enum { X, WEIGHT, SCALE, SHIFT, SHORTCUT };

static int64_t statistics_floats(int64_t channels) { return (4 * channels + 15) / 16 * 16; }

static int64_t sums_count(const da_tensor *y) {
    const dai_norm g = dai_norm_of(y);
    return g.slices * g.channels;
}

static bool has_shortcut(const da_node *node) { return node->input_count > SHORTCUT; }

static void conv2d_norm_shape(da_node *node) {
    char a[96], b[96];
    if (!dai_conv2d_shape(node) || !dai_norm_check(node, SCALE, &node->options.conv2d_norm.norm, &node->value)) return;
    const da_tensor *y = &node->value, *s = has_shortcut(node) ? &node->input[SHORTCUT]->value : NULL;
    if (s && !da_tensor_same_shape(y, s)) {
        dai_node_fail(node, DA_ERROR_SHAPE, "the shortcut is %s, the convolution gives %s: they must be equal",
                      da_shape_text(a, s->ndim, s->shape), da_shape_text(b, y->ndim, y->shape));
        return;
    }
    node->saved_count = statistics_floats(y->shape[3]);
    if (node->wants_gradient) node->saved_count += da_tensor_count(y) + 2 * sums_count(y);
    node->defers = node->wants_gradient && !s;
}

typedef struct block_work {
    da_node *node;
    dai_norm g;
    int64_t pixels;                  /* of an image */
    float *z;                        /* the convolution's output */
    float *y;                        /* NULL: deferred */
    da_channel_affine affine;        /* with the shortcut */
    float *means, *squares;          /* slices x C: moments, or the sums of backward */
    double *block;                   /* scratch of the statistics and of backward */
    da_channel_gradient gradient;
    da_channel_slope slope;
    float *masked;                   /* backward: where dy behind the ReLU goes, or NULL */
} block_work;

static block_work work_of(da_node *node) {
    const int64_t *s = node->value.shape, channels = s[3];
    float *saved = node->saved;
    return (block_work){
        .node = node, .g = dai_norm_of(&node->value), .pixels = s[1] * s[2],
        .z = node->wants_gradient ? saved + statistics_floats(channels) : dai_output(node),
        .y = node->defers ? NULL : dai_output(node),
        .affine = { .factor = saved + 2 * channels, .offset = saved + 3 * channels,
                    .add = has_shortcut(node) ? dai_input(node, SHORTCUT) : NULL,
                    .relu = node->options.conv2d_norm.relu },
    };
}

/* ---- Forward ---- */

static void find_coefficients(const block_work *w) {
    const da_node *node = w->node;
    const int64_t channels = w->g.channels;
    dai_norm_statistics(&node->options.conv2d_norm.norm, &w->g, w->means, w->squares, w->block, node->saved);
    dai_norm_coefficients(&w->g, node->saved, dai_input(node, SCALE), dai_input(node, SHIFT),
                          node->saved + 2 * channels, node->saved + 3 * channels);
}

static void gather_moments(void *context, int64_t first, int64_t count, float *z, int worker) {
    const block_work *w = context;
    const int64_t at = first * w->pixels / w->g.slice * w->g.channels;
    (void)worker;
    w->node->kernels->channel_moments(count * w->pixels, w->g.channels, z, w->means + at, w->squares + at);
}

static void conv2d_norm_forward(da_node *node) {
    block_work w = work_of(node);
    const bool training = node->options.conv2d_norm.norm.training;
    da_conv_forward conv = { .shape = dai_convolution_of(node), .x = dai_images_of(node->input[X]),
                             .w = dai_input(node, WEIGHT), .y = w.z };
    w.block = dai_scratch_doubles(node, DAI_NORM_DOUBLES * w.g.channels);
    if (!w.block) return;
    if (training) {
        w.means = dai_scratch(node, 2 * w.g.slices * w.g.channels);
        if (!w.means) return;
        w.squares = w.means + w.g.slices * w.g.channels;
        conv.sink = (da_image_sink){ .group = w.g.slice / w.pixels, .done = gather_moments, .context = &w };
    } else {
        find_coefficients(&w);
        if (w.y == w.z) conv.affine = &w.affine;
    }
    float *scratch = dai_scratch(node, da_conv_forward_scratch(node->kernels, &conv));
    if (!scratch) return;
    da_conv_forward_run(node->kernels, &conv, scratch);
    if (training) find_coefficients(&w);
    if (w.y && !conv.affine) dai_affine_rows(node->kernels, w.g.values, w.g.channels, w.z, &w.affine, w.y);
    if (node->defers) node->deferred = (dai_deferred){ w.z, w.affine };
}

/* ---- Backward ---- */

static void gradient_sums(void *context, int64_t slice, int worker) {
    const block_work *w = context;
    const int64_t at = slice * w->g.slice * w->g.channels;
    da_channel_gradient g = w->gradient;
    (void)worker;
    g.dy += at;
    g.x += at;
    if (g.y) g.y += at;
    w->node->kernels->channel_gradient_sums(dai_norm_slice_values(&w->g, slice), w->g.channels, &g,
                                            w->masked ? w->masked + at : NULL, w->means + slice * w->g.channels,
                                            w->squares + slice * w->g.channels);
}

/* Everything that the sums of dy need. */
static block_work backward_work(da_node *node, const float *dy) {
    block_work w = work_of(node);
    w.means = w.z + da_tensor_count(&node->value);
    w.squares = w.means + sums_count(&node->value);
    w.gradient = (da_channel_gradient){ .dy = dy, .x = w.z, .mean = node->saved };
    if (w.affine.relu && w.y) w.gradient.y = w.y;
    else if (w.affine.relu) w.gradient.factor = w.affine.factor, w.gradient.offset = w.affine.offset;
    return w;
}

/* A run of images of dy from the one who made them: where a shortcut wants dy behind the ReLU, they become that. */
static void see_gradient(void *context, int64_t first, int64_t count, float *images, int worker) {
    da_node *node = context;
    const int64_t *s = node->value.shape;
    float *dy = images - first * s[1] * s[2] * s[3];
    block_work w = backward_work(node, dy);
    if (w.affine.relu && has_shortcut(node)) w.masked = dy;
    for (int64_t i = first; i < first + count; i++) gradient_sums(&w, i, worker);
}

static bool gradient_sink(da_node *node, da_image_sink *sink) {
    const block_work w = work_of(node);
    if (w.g.slice != w.pixels) return false; /* a slice is several images */
    *sink = (da_image_sink){ .done = see_gradient, .context = node, .reads = w.z };
    return true;
}

/* One row of dz. */
static void load_gradient(const void *context, int64_t row, float *to) {
    const block_work *w = context;
    const int64_t width = w->node->value.shape[2], at = row * width * w->g.channels;
    da_channel_gradient g = w->gradient;
    g.dy += at;
    g.x += at;
    if (g.y) g.y += at;
    w->node->kernels->channel_gradient_affine(width, w->g.channels, &g, &w->slope, to);
}

/* The sums of dy, and the shortcut's gradient, which is dy behind the ReLU: dy with the ReLU's mask, "masked". `seen`:
   the convolution that finished dy has shown each image to see_gradient, which made the sums.
 *
 *     shortcut  ReLU  dy is          the sums are made by          the shortcut gets     dx and dw load
 *     no        any   seen           see_gradient, masking         -                     dy, masking
 *     no        any   unseen         the loop here, masking        -                     dy, masking
 *     yes       no    either         see_gradient or the loop      dy itself             dy
 *     yes       yes   seen           see_gradient; dy := masked    dy itself             dy
 *     yes       yes   ours alone     the loop; dy := masked        dy itself             dy
 *     yes       yes   read by more   the loop                      masked, a copy        dy, masking
 */
static void sum_gradients(block_work *w) {
    da_node *node = w->node;
    const bool masks = w->affine.relu && has_shortcut(node), in_place = dai_gradient_writable(node);
    if (!node->gradient_seen) {
        if (masks) w->masked = in_place ? node->gradient : dai_gradient_begin(node, SHORTCUT);
        da_parallel_for(w->g.slices, da_work_of_floats(3 * w->g.values * w->g.channels), gradient_sums, w);
    }
    if (!has_shortcut(node)) return;
    if (masks && !in_place) {
        dai_gradient_end(node, SHORTCUT);
        return;
    }
    w->gradient.y = NULL;
    dai_gradient_pass(node, SHORTCUT);
}

static void conv2d_norm_backward(da_node *node) {
    block_work w = backward_work(node, node->gradient);
    w.block = dai_scratch_doubles(node, DAI_NORM_DOUBLES * w.g.channels);
    if (!w.block) return;
    sum_gradients(&w);
    const dai_norm_slopes s = dai_norm_backward(&w.g, node->options.conv2d_norm.norm.training, node->saved,
                                                dai_input(node, SCALE), w.means, w.squares, w.block);
    w.slope = (da_channel_slope){ s.a, s.b, s.offset };
    const da_image_source dz = { .load = load_gradient, .context = &w,
                                 .reads = { node->gradient, w.z, w.gradient.y } };
    dai_conv2d_backward(node, dz, false);
    dai_norm_contribute(node, SCALE, &w.g, &s);
}

const da_operation dai_operation_conv2d_norm = {
    .name = "conv2d_norm", .inputs_least = 4, .inputs_most = 5, .shape = conv2d_norm_shape,
    .forward = conv2d_norm_forward, .backward = conv2d_norm_backward,
    .gradient_sink = gradient_sink, .backward_needs_inputs = true, .backward_needs_output = true,
    .takes_deferred = 1 << X,
};

da_node *da_conv2d_norm(da_graph *g, da_node *x, da_node *weight, da_node *scale, da_node *shift, da_node *shortcut,
                        da_conv2d_options conv, da_batch_norm_options norm, bool relu) {
    dai_options o = { .conv2d_norm = { conv, norm, relu } };
    da_node *inputs[] = { x, weight, scale, shift, shortcut };
    return dai_node_new(g, &dai_operation_conv2d_norm, inputs, shortcut ? 5 : 4, &o);
}
