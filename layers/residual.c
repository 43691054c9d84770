/* The residual block of He et al., "Deep residual learning for image recognition" (CVPR 2016), and its shortcuts.
 *
 *     x ──┬── conv1 3x3/stride ── bn1 ── relu1 ── conv2 3x3 ── bn2 ──┐
 *         │                                                          add ── relu ──
 *         └── shortcut ──────────────────────────────────────────────┘
 *
 *     identity    x itself; only where the shapes in and out are equal
 *     pad         option A: every stride-th row and column; new channels are zero, half of them before, half after (the
 *                 odd one after)
 *     conv        option B: 1x1 convolution with this stride                   shortcut.0.weight
 *     conv_norm   the same and batch norm                                      shortcut.0.weight, shortcut.1.weight ...
 */
#include "layers/internal.h"

#include "core/memory.h"

#include <stdio.h>
#include <string.h>

enum { BRANCH = 5, CONV2 = 3 }; /* children of the branch with the convolutions, and those before its second half */

static da_status plan_branch(da_layer *layer) {
    const da_layer_options *o = &layer->options;
    const da_layer_options conv1 = { .kind = DA_LAYER_CONV2D, .outputs = o->outputs, .kernel = 3, .stride = o->stride,
                                     .padding = 1, .no_bias = true };
    const da_layer_options conv2 = { .kind = DA_LAYER_CONV2D, .outputs = o->outputs, .kernel = 3, .padding = 1,
                                     .no_bias = true };
    const da_layer_options norm = { .kind = DA_LAYER_BATCH_NORM, .momentum = o->momentum, .epsilon = o->epsilon };
    const da_layer_options relu = { .kind = DA_LAYER_RELU };
    const struct { const char *name; const da_layer_options *options; } branch[BRANCH] =
        { { "conv1", &conv1 }, { "bn1", &norm }, { "relu1", &relu }, { "conv2", &conv2 }, { "bn2", &norm } };
    const int64_t *shape = layer->in_shape;
    for (int i = 0; i < BRANCH; i++) {
        DA_TRY(dai_layer_add_child(layer, branch[i].name, branch[i].options, 3, shape));
        shape = layer->children[i]->out_shape;
    }
    layer->out_ndim = 3;
    memcpy(layer->out_shape, shape, sizeof layer->out_shape);
    return DA_OK;
}

static da_status plan_convolution_shortcut(da_layer *layer) {
    const da_layer_options *o = &layer->options;
    const da_layer_options chain = { .kind = DA_LAYER_SEQUENTIAL };
    const da_layer_options conv = { .kind = DA_LAYER_CONV2D, .outputs = o->outputs, .kernel = 1, .stride = o->stride,
                                    .no_bias = true };
    const da_layer_options norm = { .kind = DA_LAYER_BATCH_NORM, .momentum = o->momentum, .epsilon = o->epsilon };
    DA_TRY(dai_layer_add_child(layer, o->shortcut_name, &chain, 3, layer->in_shape));
    da_layer *shortcut = layer->children[BRANCH];
    DA_TRY(dai_layer_add_child(shortcut, "0", &conv, 3, layer->in_shape));
    if (o->shortcut == DA_SHORTCUT_CONV_NORM) DA_TRY(dai_layer_add_child(shortcut, "1", &norm, 3, layer->out_shape));
    memcpy(shortcut->out_shape, layer->out_shape, sizeof shortcut->out_shape);
    return DA_OK;
}

static da_status plan_shortcut(da_layer *layer) {
    switch (layer->options.shortcut) {
    case DA_SHORTCUT_IDENTITY:
        return memcmp(layer->in_shape, layer->out_shape, sizeof layer->in_shape) == 0 ? DA_OK
             : dai_layer_fail_shape(layer, "an identity shortcut needs equal shapes in and out: give another shortcut");
    case DA_SHORTCUT_PAD:
        return layer->out_shape[2] >= layer->in_shape[2] ? DA_OK
             : dai_layer_fail_shape(layer, "a padding shortcut cannot take channels away");
    default:
        return plan_convolution_shortcut(layer);
    }
}

da_status dai_residual_plan(da_layer *layer) {
    char path[DA_MAX_PATH + 8];
    if (layer->in_ndim != 3) return dai_layer_fail_shape(layer, "takes images, H W C");
    snprintf(path, sizeof path, "%s.add", layer->path);
    layer->sum_path = da_string_copy(path);
    if (!layer->sum_path) return DA_ERROR_MEMORY;
    DA_TRY(plan_branch(layer));
    return plan_shortcut(layer);
}

static da_node *pad_shortcut(da_layer *layer, da_forward *forward, da_node *x) {
    da_graph *g = forward->graph;
    const int64_t *in = layer->in_shape, stride = layer->options.stride, grown = layer->out_shape[2] - in[2];
    const int64_t before[4] = { 0, 0, 0, grown / 2 }, after[4] = { 0, 0, 0, grown - grown / 2 };
    da_graph_label(g, layer->path);
    if (stride > 1) x = da_slice(g, da_slice(g, x, 1, 0, in[0], stride), 2, 0, in[1], stride);
    return grown > 0 ? da_pad(g, x, before, after, 0) : x;
}

static da_node *shortcut_forward(da_layer *layer, da_forward *forward, da_node *x) {
    if (layer->child_count > BRANCH) return da_layer_forward(layer->children[BRANCH], forward, x);
    return layer->options.shortcut == DA_SHORTCUT_PAD ? pad_shortcut(layer, forward, x) : x;
}

/* Nobody observes them: conv2, bn2, the addition and the ReLU are one operation. */
static da_node *fused_forward(da_layer *layer, da_forward *forward, da_node *x) {
    da_node *branch = dai_layers_forward(layer->children, CONV2, forward, x);
    return dai_conv_norm_forward(layer->children + CONV2, forward, branch, shortcut_forward(layer, forward, x), true);
}

da_node *dai_residual_forward(da_layer *layer, da_forward *forward, da_node *x) {
    if (!dai_layer_wanted(forward, layer->children[CONV2]->path)
        && !dai_layer_wanted(forward, layer->children[CONV2 + 1]->path) && !dai_layer_wanted(forward, layer->sum_path))
        return fused_forward(layer, forward, x);
    da_node *branch = dai_layers_forward(layer->children, BRANCH, forward, x);
    da_node *shortcut = shortcut_forward(layer, forward, x);
    da_graph_label(forward->graph, layer->sum_path);
    da_node *sum = da_add(forward->graph, branch, shortcut);
    dai_layer_report(forward, layer->sum_path, sum);
    da_graph_label(forward->graph, layer->path);
    return da_relu(forward->graph, sum);
}
