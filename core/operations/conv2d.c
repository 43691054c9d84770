/* Convolution: checks, and the three passes of the kernel table. */
#include "core/number.h"
#include "core/operations/convolution.h"
#include "core/operations/loops.h"
#include "core/operations/rows.h"

da_convolution dai_convolution_of(const da_node *node) {
    const da_tensor *x = &node->input[0]->value, *w = &node->input[1]->value;
    const da_conv2d_options *o = &node->options.conv2d;
    return (da_convolution){ x->shape[0], x->shape[1], x->shape[2], x->shape[3], w->shape[3], w->shape[0], w->shape[1],
                             o->stride, o->padding, o->groups,
                             da_window_count(x->shape[1], w->shape[0], o->stride, o->padding),
                             da_window_count(x->shape[2], w->shape[1], o->stride, o->padding), o->winograd };
}

static bool options_fit(da_node *node) {
    enum { MOST = 1 << 24 };
    const da_conv2d_options *o = &node->options.conv2d;
    if (o->stride >= 1 && o->stride <= MOST && o->padding >= 0 && o->padding <= MOST && o->groups >= 1) return true;
    dai_node_fail(node, DA_ERROR_ARGUMENT,
                  "stride %lld, padding %lld, groups %lld: needs stride >= 1, padding >= 0, groups >= 1",
                  (long long)o->stride, (long long)o->padding, (long long)o->groups);
    return false;
}

static bool channels_fit(da_node *node) {
    char text[96];
    const da_tensor *x = &node->input[0]->value, *w = &node->input[1]->value;
    const int64_t c = x->shape[3], k = w->shape[3], groups = node->options.conv2d.groups;
    if (c % groups != 0 || k % groups != 0) {
        dai_node_fail(node, DA_ERROR_SHAPE, "%s in and %lld out do not divide into %s",
                      da_count(c, "channel").text, (long long)k, da_count(groups, "group").text);
        return false;
    }
    if (c / groups != w->shape[2]) {
        const int64_t expected = w->shape[2] > INT64_MAX / groups ? INT64_MAX : w->shape[2] * groups;
        dai_node_fail(node, DA_ERROR_SHAPE, "input has %s, weight expects %lld (weight %s, R S C/groups K)",
                      da_count(c, "channel").text, (long long)expected, da_shape_text(text, 4, w->shape));
        return false;
    }
    return true;
}

bool dai_conv2d_bias_fits(da_node *node) {
    char text[96];
    const int64_t k = node->input[1]->value.shape[3];
    const da_tensor *bias = node->input_count > 2 ? &node->input[2]->value : NULL;
    if (bias && (bias->ndim != 1 || bias->shape[0] != k)) {
        dai_node_fail(node, DA_ERROR_SHAPE, "bias is %s, expected %lld: one number an output channel",
                      da_shape_text(text, bias->ndim, bias->shape), (long long)k);
        return false;
    }
    return true;
}

static bool winograd_fits(da_node *node) {
    const da_conv2d_options *o = &node->options.conv2d;
    const int64_t *w = node->input[1]->value.shape;
    if (!o->winograd) return true;
    if ((o->winograd == 2 || o->winograd == 4) && w[0] == 3 && w[1] == 3 && o->stride == 1 && o->groups == 1 &&
        o->padding <= 2)
        return true;
    dai_node_fail(node, DA_ERROR_ARGUMENT,
                  "Winograd's algorithm is for tiles of 2 or 4, kernels of 3x3, stride 1, padding up to 2 and no groups; "
                  "this is tile %d, %lldx%lld, stride %lld, padding %lld, %lld groups", o->winograd, (long long)w[0],
                  (long long)w[1], (long long)o->stride, (long long)o->padding, (long long)o->groups);
    return false;
}

bool dai_conv2d_shape(da_node *node) {
    char text[96];
    if (!dai_expect_ndim(node, 0, 4, "N H W C") || !dai_expect_ndim(node, 1, 4, "R S C/groups K")) return false;
    if (!options_fit(node) || !channels_fit(node) || !winograd_fits(node)) return false;
    const da_convolution v = dai_convolution_of(node);
    if (da_shape_check(4, (int64_t[]){ v.n, v.h + 2 * v.padding, v.w + 2 * v.padding, v.c }, sizeof(float)) != DA_OK) {
        dai_node_fail(node, DA_ERROR_SHAPE, "with padding %lld the input cannot exist: %s", (long long)v.padding,
                      da_error_message());
        return false;
    }
    if (v.r < 1 || v.s < 1 || v.oh < 1 || v.ow < 1) {
        dai_node_fail(node, DA_ERROR_SHAPE, "a kernel of %lldx%lld does not fit into the input %s with padding %lld",
                      (long long)v.r, (long long)v.s, da_shape_text(text, 4, node->input[0]->value.shape),
                      (long long)v.padding);
        return false;
    }
    dai_set_shape(node, 4, (int64_t[]){ v.n, v.oh, v.ow, v.k });
    return !node->poisoned;
}

static void conv2d_shape(da_node *node) {
    if (dai_conv2d_shape(node)) (void)dai_conv2d_bias_fits(node);
}

/* One row of an input whose value is not in memory yet: its normalisation on the way. */
static void load_deferred(const void *context, int64_t row, float *to) {
    const da_node *input = context;
    const dai_deferred *d = &input->deferred;
    const int64_t pixels = input->value.shape[2], channels = input->value.shape[3];
    input->kernels->channel_affine(pixels, channels, d->values + row * pixels * channels, &d->affine, to);
}

da_image_source dai_images_of(const da_node *input) {
    if (input->value.data) return (da_image_source){ .values = da_tensor_floats(&input->value) };
    return (da_image_source){ .load = load_deferred, .context = input, .reads = { input->deferred.values } };
}

static void conv2d_forward(da_node *node) {
    const da_conv_forward conv = { .shape = dai_convolution_of(node), .x = dai_images_of(node->input[0]),
                                   .w = dai_input(node, 1), .bias = node->input_count > 2 ? dai_input(node, 2) : NULL,
                                   .y = dai_output(node) };
    float *scratch = dai_scratch(node, da_conv_forward_scratch(node->kernels, &conv));
    if (scratch) da_conv_forward_run(node->kernels, &conv, scratch);
}

enum { OF_X = 1, OF_WEIGHT = 2, OF_BIAS = 4 };

static void contribute(da_node *node, da_image_source dy, unsigned to) {
    da_conv_backward conv = { .shape = dai_convolution_of(node), .x = dai_images_of(node->input[0]), .dy = dy,
                              .w = dai_input(node, 1) };
    if (to & OF_X) conv.dx = dai_gradient_onto(node, 0, &conv.base);
    if (node->input[0] != node->input[1]) conv.dx_sink = dai_gradient_sink(node, 0);
    if (to & OF_WEIGHT) conv.dw = dai_gradient_begin(node, 1);
    if (to & OF_BIAS) conv.db = dai_gradient_begin(node, 2);
    float *scratch = dai_scratch(node, da_conv_backward_scratch(node->kernels, &conv));
    if (scratch && (conv.dx || conv.dw || conv.db)) da_conv_backward_run(node->kernels, &conv, scratch);
    for (int i = 0; i < node->input_count && i < 3; i++)
        if (to >> i & 1) dai_gradient_end(node, i);
}

/* All at once, but for images that are their own kernel: of a node one contribution is open at a time, and its gradient
   is not finished, nor shown to who waits for it, before the second. */
void dai_conv2d_backward(da_node *node, da_image_source dy, bool bias) {
    const unsigned parameters = OF_WEIGHT | (bias ? OF_BIAS : 0);
    if (node->input[0] != node->input[1]) {
        contribute(node, dy, OF_X | parameters);
        return;
    }
    contribute(node, dy, OF_X);
    contribute(node, dy, parameters);
}

static void conv2d_backward(da_node *node) {
    dai_conv2d_backward(node, (da_image_source){ .values = node->gradient }, node->input_count > 2);
}

const da_operation dai_operation_conv2d = {
    .name = "conv2d", .inputs_least = 2, .inputs_most = 3, .shape = conv2d_shape, .forward = conv2d_forward,
    .backward = conv2d_backward, .backward_needs_inputs = true,
    .takes_deferred = 1,
};

da_node *da_conv2d(da_graph *g, da_node *x, da_node *weight, da_node *bias, da_conv2d_options options) {
    dai_options o = { .conv2d = options };
    return dai_node_new(g, &dai_operation_conv2d, (da_node *[]){ x, weight, bias }, bias ? 3 : 2, &o);
}
