/* Layers: the table of kinds, one row each (name, options it reads, shape rule, forward pass), and a layer's life.
 *
 *     options, shape in ──plan──> shape out, parameters with shapes and layouts, children
 *                       ──allocate──> memory, first values
 *                       ──forward──> nodes on a graph, again and again, without a heap call
 *
 * Invariants: a layer that exists has complete options; out_shape follows from in_shape; the parameters of a kind stand
 * in one order (weight, bias, running_mean, running_var), so forward passes take them by number.
 */
#include "layers/internal.h"

#include "core/memory.h"
#include "core/random.h"

#include <stdio.h>
#include <string.h>

/* ---- What plans are made of ---- */

da_status dai_layer_fail_shape(const da_layer *layer, const char *rule) {
    char text[96];
    return DA_FAIL(DA_ERROR_SHAPE, "%s '%s': %s (input %s)", da_layer_kind_name(layer->options.kind), layer->path, rule,
                   da_shape_text(text, layer->in_ndim, layer->in_shape));
}

/* The product of sizes that are at least 1; -1 when it is above the limit. */
static int64_t bounded_product(int ndim, const int64_t *shape, int64_t limit) {
    int64_t product = 1;
    for (int d = 0; d < ndim; d++) {
        if (shape[d] < 1 || shape[d] > limit / product) return -1;
        product *= shape[d];
    }
    return product;
}

static da_status set_output(da_layer *layer, int ndim, int64_t a, int64_t b, int64_t c) {
    int64_t shape[3] = { a, b, c };
    if (bounded_product(ndim, shape, DAI_MAX_VALUES) < 0)
        return dai_layer_fail_shape(layer, "would give more than 2^24 values for one sample");
    layer->out_ndim = ndim;
    for (int d = 0; d < ndim; d++) layer->out_shape[d] = shape[d];
    return DA_OK;
}

static da_status keep_shape(da_layer *layer) {
    return set_output(layer, layer->in_ndim, layer->in_shape[0], layer->in_shape[1], layer->in_shape[2]);
}

static da_status need_image(const da_layer *layer) {
    return layer->in_ndim == 3 ? DA_OK : dai_layer_fail_shape(layer, "takes images, H W C");
}

/* Adds a parameter whose file order is `view`, permuted by axes; file_shape is how files write it. */
static da_status add_parameter(da_layer *layer, const char *name, da_layout layout, int memory_ndim,
                               const int64_t *memory) {
    da_parameter *grown = da_realloc(layer->parameters, (size_t)(layer->parameter_count + 1) * sizeof *grown);
    if (!grown) return DA_ERROR_MEMORY;
    layer->parameters = grown;
    if (bounded_product(layout.file_ndim, layout.file_shape, DAI_MAX_PARAMETERS) < 0) {
        char rule[64];
        snprintf(rule, sizeof rule, "its %s would hold more than 2^28 values", name);
        return dai_layer_fail_shape(layer, rule);
    }
    grown[layer->parameter_count++] =
        (da_parameter){ .name = name, .value = da_tensor_over(NULL, DA_FLOAT32, memory_ndim, memory),
                        .layout = layout };
    return DA_OK;
}

/* A vector: the same in memory and in files. */
static da_status add_vector(da_layer *layer, const char *name, int64_t size, bool buffer) {
    da_layout layout = { .file_ndim = 1, .view_ndim = 1, .file_shape = { size }, .view = { size }, .axes = { 0 } };
    DA_TRY(add_parameter(layer, name, layout, 1, &size));
    layer->parameters[layer->parameter_count - 1].buffer = buffer;
    return DA_OK;
}

/* Parameter i as a node; NULL when the layer has none (no bias). A frozen one takes no gradient. */
static da_node *parameter(da_layer *layer, da_forward *forward, int i) {
    if (i >= layer->parameter_count) return NULL;
    da_parameter *p = &layer->parameters[i];
    if (p->frozen) return da_graph_input(forward->graph, &p->value);
    da_node *leaf = da_graph_leaf(forward->graph, &p->value, &p->gradient);
    da_graph_report(leaf, &p->has_gradient);
    return leaf;
}

/* ---- conv2d: weight K C/groups R S in files, R S C/groups K in memory ---- */

static da_status conv2d_plan(da_layer *layer) {
    const da_layer_options *o = &layer->options;
    DA_TRY(need_image(layer));
    int64_t c = layer->in_shape[2], k = o->outputs, r = o->kernel;
    if (c % o->groups || k % o->groups)
        return dai_layer_fail_shape(layer, "groups must divide the channels in and out");
    int64_t h = da_window_count(layer->in_shape[0], r, o->stride, o->padding);
    int64_t w = da_window_count(layer->in_shape[1], r, o->stride, o->padding);
    if (h < 1 || w < 1) return dai_layer_fail_shape(layer, "the kernel is larger than the padded image");
    DA_TRY(set_output(layer, 3, h, w, k));
    int64_t contraction[3] = { r, r, c / o->groups };
    if (bounded_product(3, contraction, DAI_MAX_VALUES) < 0)
        return dai_layer_fail_shape(layer, "would make an output from more than 2^24 values");
    da_layout layout = { .file_ndim = 4, .view_ndim = 4, .file_shape = { k, c / o->groups, r, r },
                         .view = { k, c / o->groups, r, r }, .axes = { 2, 3, 1, 0 } };
    int64_t memory[4] = { r, r, c / o->groups, k };
    DA_TRY(add_parameter(layer, "weight", layout, 4, memory));
    return o->no_bias ? DA_OK : add_vector(layer, "bias", k, false);
}

/* The tile of Winograd's algorithm, 0 for direct: see da_conv_method. */
static int winograd_tile(const da_layer *layer, da_conv_method method) {
    enum { WIDE = 16, TILE = 4 };
    const da_layer_options *o = &layer->options;
    const int64_t *in = layer->in_shape, *out = layer->out_shape;
    if (method == DA_CONV_DIRECT || o->kernel != 3 || o->stride != 1 || o->groups != 1 || o->padding > 2) return 0;
    const bool large = out[0] >= TILE && out[1] >= TILE;
    if (method == DA_CONV_AUTO && (in[2] < WIDE || out[2] < WIDE || !large)) return 0;
    return large ? TILE : TILE / 2;
}

bool da_layer_takes_winograd(const da_layer *layer) {
    bool takes = layer->options.kind == DA_LAYER_CONV2D && winograd_tile(layer, DA_CONV_WINOGRAD) > 0;
    for (int i = 0; i < layer->child_count && !takes; i++)
        takes = layer->children[i] && da_layer_takes_winograd(layer->children[i]);
    return takes;
}

static da_conv2d_options conv_options(const da_layer *layer, const da_forward *forward) {
    const da_layer_options *o = &layer->options;
    return (da_conv2d_options){ o->stride, o->padding, o->groups, winograd_tile(layer, forward->conv) };
}

static da_node *conv2d_forward(da_layer *layer, da_forward *forward, da_node *x) {
    return da_conv2d(forward->graph, x, parameter(layer, forward, 0), parameter(layer, forward, 1),
                     conv_options(layer, forward));
}

/* ---- linear: weight K x D in files, D x K in memory. Of images, files number the features C H W and memory H W C: the
        layout turns one into the other when a file is read, so that no data is moved at run time. ---- */

static da_status linear_plan(da_layer *layer) {
    const int64_t *in = layer->in_shape, k = layer->options.outputs;
    bool image = layer->in_ndim == 3;
    int64_t features = image ? in[0] * in[1] * in[2] : in[0];
    DA_TRY(set_output(layer, 1, k, 1, 1));
    da_layout layout = { .file_ndim = 2, .view_ndim = 2, .file_shape = { k, features }, .view = { k, features },
                         .axes = { 1, 0 } };
    if (image)
        layout = (da_layout){ .file_ndim = 2, .view_ndim = 4, .file_shape = { k, features },
                              .view = { k, in[2], in[0], in[1] }, .axes = { 2, 3, 1, 0 } };
    int64_t memory[2] = { features, k };
    DA_TRY(add_parameter(layer, "weight", layout, 2, memory));
    return layer->options.no_bias ? DA_OK : add_vector(layer, "bias", k, false);
}

static da_node *linear_forward(da_layer *layer, da_forward *forward, da_node *x) {
    return da_linear(forward->graph, x, parameter(layer, forward, 0), parameter(layer, forward, 1));
}

/* ---- batch_norm ---- */

static da_status batch_norm_plan(da_layer *layer) {
    int64_t channels = layer->in_shape[layer->in_ndim - 1];
    DA_TRY(keep_shape(layer));
    DA_TRY(add_vector(layer, "weight", channels, false));
    DA_TRY(add_vector(layer, "bias", channels, false));
    DA_TRY(add_vector(layer, "running_mean", channels, true));
    return add_vector(layer, "running_var", channels, true);
}

/* Frozen running statistics are used as they are, also while the rest of the network trains. */
static da_batch_norm_options norm_options(da_layer *layer, const da_forward *forward) {
    da_parameter *p = layer->parameters;
    return (da_batch_norm_options){
        .training = forward->training && !p[2].frozen && !p[3].frozen,
        .momentum = layer->options.momentum, .epsilon = layer->options.epsilon,
        .running_mean = &p[2].value, .running_variance = &p[3].value,
    };
}

static da_node *batch_norm_forward(da_layer *layer, da_forward *forward, da_node *x) {
    return da_batch_norm(forward->graph, x, parameter(layer, forward, 0), parameter(layer, forward, 1),
                         norm_options(layer, forward));
}

da_node *dai_conv_norm_forward(da_layer *const *layers, da_forward *forward, da_node *x, da_node *shortcut, bool relu) {
    da_layer *conv = layers[0], *norm = layers[1];
    da_graph_label(forward->graph, conv->path);
    return da_conv2d_norm(forward->graph, x, parameter(conv, forward, 0), parameter(norm, forward, 0),
                          parameter(norm, forward, 1), shortcut, conv_options(conv, forward),
                          norm_options(norm, forward), relu);
}

/* ---- Activations and dropout ---- */

static da_node *relu_forward(da_layer *l, da_forward *f, da_node *x)       { (void)l; return da_relu(f->graph, x); }
static da_node *leaky_relu_forward(da_layer *l, da_forward *f, da_node *x) {
    return da_leaky_relu(f->graph, x, l->options.slope);
}
static da_node *softmax_forward(da_layer *l, da_forward *f, da_node *x)    { (void)l; return da_softmax(f->graph, x); }

#define ROW(name, ...) \
    static da_node *name##_forward(da_layer *l, da_forward *f, da_node *x) { (void)l; return da_##name(f->graph, x); }
DA_ACTIVATIONS(ROW)
#undef ROW

static da_node *dropout_forward(da_layer *layer, da_forward *forward, da_node *x) {
    if (!forward->training) return x;
    return da_dropout(forward->graph, x, layer->options.probability, forward->seed ^ dai_name_key(layer->path),
                      da_stream(DA_RANDOM_DROPOUT, forward->step));
}

/* ---- Pools and flatten ---- */

static da_status pool_plan(da_layer *layer) {
    const da_layer_options *o = &layer->options;
    DA_TRY(need_image(layer));
    if (2 * o->padding > o->size) return dai_layer_fail_shape(layer, "padding may be half the window at most");
    int64_t h = da_window_count(layer->in_shape[0], o->size, o->stride, o->padding);
    int64_t w = da_window_count(layer->in_shape[1], o->size, o->stride, o->padding);
    if (h < 1 || w < 1) return dai_layer_fail_shape(layer, "the window is larger than the padded image");
    return set_output(layer, 3, h, w, layer->in_shape[2]);
}

static da_pool_options pool_options(const da_layer *layer) {
    return (da_pool_options){ layer->options.size, layer->options.stride, layer->options.padding };
}

static da_node *max_pool_forward(da_layer *layer, da_forward *forward, da_node *x) {
    return da_max_pool(forward->graph, x, pool_options(layer));
}

static da_node *average_pool_forward(da_layer *layer, da_forward *forward, da_node *x) {
    return da_average_pool(forward->graph, x, pool_options(layer));
}

static da_status global_average_pool_plan(da_layer *layer) {
    DA_TRY(need_image(layer));
    return set_output(layer, 1, layer->in_shape[2], 1, 1);
}

static da_node *global_average_pool_forward(da_layer *layer, da_forward *forward, da_node *x) {
    (void)layer;
    return da_global_average_pool(forward->graph, x);
}

static da_status flatten_plan(da_layer *layer) {
    const int64_t *in = layer->in_shape;
    return set_output(layer, 1, layer->in_ndim == 3 ? in[0] * in[1] * in[2] : in[0], 1, 1);
}

/* Features are numbered as PyTorch does, C H W, so that a linear layer behind has PyTorch's order in files. That moves
   the data; a linear layer right behind an image needs no flatten and moves none. */
static da_node *flatten_forward(da_layer *layer, da_forward *forward, da_node *x) {
    static const int channels_first[4] = { 0, 3, 1, 2 };
    if (layer->in_ndim == 1) return x;
    return da_flatten(forward->graph, da_permute(forward->graph, x, channels_first));
}

/* ---- The table ---- */

static da_node *sequential_forward(da_layer *layer, da_forward *forward, da_node *x) {
    return dai_layers_forward(layer->children, layer->child_count, forward, x);
}

enum { WINDOW = DAI_SIZE | DAI_STRIDE | DAI_PADDING };

static const dai_kind kinds[DA_LAYER_KIND_COUNT] = {
    [DA_LAYER_CONV2D]       = { "conv2d",
                                DAI_OUTPUTS | DAI_KERNEL | DAI_STRIDE | DAI_PADDING | DAI_GROUPS | DAI_NO_BIAS,
                                conv2d_plan, conv2d_forward },
    [DA_LAYER_LINEAR]       = { "linear", DAI_OUTPUTS | DAI_NO_BIAS, linear_plan, linear_forward },
    [DA_LAYER_BATCH_NORM]   = { "batch_norm", DAI_MOMENTUM | DAI_EPSILON, batch_norm_plan, batch_norm_forward },
    [DA_LAYER_RELU]         = { "relu", 0, keep_shape, relu_forward },
    [DA_LAYER_LEAKY_RELU]   = { "leaky_relu", DAI_SLOPE, keep_shape, leaky_relu_forward },
#define ROW(name, NAME, ...) [DA_LAYER_##NAME] = { #name, 0, keep_shape, name##_forward },
    DA_ACTIVATIONS(ROW)
#undef ROW
    [DA_LAYER_SOFTMAX]      = { "softmax", 0, keep_shape, softmax_forward },
    [DA_LAYER_MAX_POOL]     = { "max_pool", WINDOW, pool_plan, max_pool_forward },
    [DA_LAYER_AVERAGE_POOL] = { "average_pool", WINDOW, pool_plan, average_pool_forward },
    [DA_LAYER_GLOBAL_AVERAGE_POOL] = { "global_average_pool", 0, global_average_pool_plan,
                                       global_average_pool_forward },
    [DA_LAYER_FLATTEN]      = { "flatten", 0, flatten_plan, flatten_forward },
    [DA_LAYER_DROPOUT]      = { "dropout", DAI_PROBABILITY, keep_shape, dropout_forward },
    [DA_LAYER_RESIDUAL]     = { "residual", DAI_OUTPUTS | DAI_STRIDE | DAI_MOMENTUM | DAI_EPSILON | DAI_SHORTCUT |
                                DAI_SHORTCUT_NAME, dai_residual_plan, dai_residual_forward },
    [DA_LAYER_SEQUENTIAL]   = { "sequential", 0, keep_shape, sequential_forward }, /* its maker sets its shape */
};

const dai_kind *dai_kind_of(da_layer_kind kind) {
    return (unsigned)kind < DA_LAYER_KIND_COUNT ? &kinds[kind] : NULL;
}

const char *da_layer_kind_name(da_layer_kind kind) {
    const dai_kind *row = dai_kind_of(kind);
    return row ? row->name : "unknown";
}

/* ---- The life of a layer ---- */

void da_layer_free(da_layer *layer) {
    if (!layer) return;
    for (int i = 0; i < layer->child_count; i++) da_layer_free(layer->children[i]);
    for (int i = 0; i < layer->parameter_count; i++) {
        da_tensor_free(&layer->parameters[i].value);
        da_tensor_free(&layer->parameters[i].gradient);
    }
    da_free(layer->children);
    da_free(layer->parameters);
    da_free(layer->sum_path);
    da_free(layer->path);
    da_free(layer);
}

/* A name is letters, digits, '_' and '-'; a unit's may be a path itself, parts joined by dots. */
static da_status check_name(const char *name, const char *path) {
    size_t length = strlen(path);
    bool good = name[0] && name[0] != '.' && name[strlen(name) - 1] != '.' && !strstr(name, "..");
    for (const char *c = name; good && *c; c++)
        good = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || strchr("_-.", *c);
    if (length < DA_MAX_PATH && good) return DA_OK;
    return DA_FAIL(DA_ERROR_ARGUMENT, "'%.60s' is no name for a layer: letters, digits, '_', '-' and single dots "
                   "inside, fewer than %d of them", name, DA_MAX_PATH);
}

static da_status plan(da_layer *made, const da_layer *parent, const char *name, const da_layer_options *options,
                      int in_ndim, const int64_t *in_shape) {
    char path[2 * DA_MAX_PATH];
    size_t prefix = parent ? strlen(parent->path) + 1 : 0;
    snprintf(path, sizeof path, "%s%s%.*s", parent ? parent->path : "", parent ? "." : "", DA_MAX_PATH, name);
    DA_TRY(check_name(name, path));
    made->path = da_string_copy(path);
    if (!made->path) return DA_ERROR_MEMORY;
    made->name = made->path + prefix;
    made->options = *options;
    DA_TRY(dai_options_complete(&made->options, path));
    if (in_ndim != 1 && in_ndim != 3)
        return DA_FAIL(DA_ERROR_SHAPE, "layer '%s': a sample has 1 dimension (features) or 3 (H W C), not %d", path,
                       in_ndim);
    made->in_ndim = in_ndim;
    for (int d = 0; d < in_ndim; d++) made->in_shape[d] = in_shape[d];
    if (bounded_product(in_ndim, in_shape, DAI_MAX_VALUES) < 0)
        return dai_layer_fail_shape(made, "a sample has 1 to 2^24 values");
    return kinds[options->kind].plan(made);
}

da_status dai_layer_plan(da_layer **layer, const da_layer *parent, const char *name, const da_layer_options *options,
                         int in_ndim, const int64_t *in_shape) {
    da_layer *made = da_alloc_zero(1, sizeof *made);
    if (!made) return DA_ERROR_MEMORY;
    da_status status = plan(made, parent, name, options, in_ndim, in_shape);
    if (status != DA_OK) {
        da_layer_free(made);
        return status;
    }
    *layer = made;
    return DA_OK;
}

da_status dai_layer_add_child(da_layer *layer, const char *name, const da_layer_options *options, int in_ndim,
                              const int64_t *in_shape) {
    da_layer **grown = da_realloc(layer->children, (size_t)(layer->child_count + 1) * sizeof *grown);
    if (!grown) return DA_ERROR_MEMORY;
    layer->children = grown;
    DA_TRY(dai_layer_plan(&grown[layer->child_count], layer, name, options, in_ndim, in_shape));
    layer->child_count++;
    return DA_OK;
}

/* Everything starts at zero, but what multiplies: batch norm's scale and running variance. */
void dai_parameter_reset(da_parameter *p, da_layer_kind kind) {
    bool one = kind == DA_LAYER_BATCH_NORM && (strcmp(p->name, "weight") == 0 || strcmp(p->name, "running_var") == 0);
    for (int64_t i = 0; i < da_parameter_count(p); i++) da_tensor_floats(&p->value)[i] = one ? 1.0f : 0.0f;
}

static da_status allocate_parameter(da_parameter *p, da_layer_kind kind) {
    DA_TRY(da_tensor_init(&p->value, DA_FLOAT32, p->value.ndim, p->value.shape));
    dai_parameter_reset(p, kind);
    return p->buffer ? DA_OK : da_tensor_zeros(&p->gradient, DA_FLOAT32, p->value.ndim, p->value.shape);
}

da_status dai_layer_allocate(da_layer *layer) {
    for (int i = 0; i < layer->parameter_count; i++)
        DA_TRY(allocate_parameter(&layer->parameters[i], layer->options.kind));
    for (int i = 0; i < layer->child_count; i++) DA_TRY(dai_layer_allocate(layer->children[i]));
    return DA_OK;
}

da_status da_layer_new(da_layer **layer, const char *name, const da_layer_options *options, int in_ndim,
                       const int64_t *in_shape) {
    da_layer *made = NULL;
    if (options->kind == DA_LAYER_SEQUENTIAL)
        return DA_FAIL(DA_ERROR_ARGUMENT, "layer '%s': a sequential is made by the layer that contains it", name);
    DA_TRY(dai_layer_plan(&made, NULL, name, options, in_ndim, in_shape));
    da_status status = dai_layer_allocate(made);
    if (status != DA_OK) {
        da_layer_free(made);
        return status;
    }
    *layer = made;
    return DA_OK;
}

int64_t da_parameter_count(const da_parameter *p) { return da_tensor_count(&p->value); }

void dai_layer_walk(da_layer *layer, void (*visit)(void *context, da_layer *layer), void *context) {
    visit(context, layer);
    for (int i = 0; i < layer->child_count; i++) dai_layer_walk(layer->children[i], visit, context);
}

uint64_t dai_name_key(const char *name) {
    uint64_t key = UINT64_C(14695981039346656037);
    for (; *name; name++) key = (key ^ (unsigned char)*name) * UINT64_C(1099511628211);
    return key;
}

/* ---- Forward ---- */

da_node *da_layer_forward(da_layer *layer, da_forward *forward, da_node *x) {
    da_graph_label(forward->graph, layer->path);
    forward->depth++;
    da_node *y = kinds[layer->options.kind].forward(layer, forward, x);
    forward->depth--;
    dai_layer_report(forward, layer->path, y);
    return y;
}

bool dai_layer_wanted(const da_forward *forward, const char *path) {
    return forward->observe && (!forward->wants || forward->wants(forward->context, path));
}

void dai_layer_report(const da_forward *forward, const char *path, da_node *y) {
    if (dai_layer_wanted(forward, path) && !da_node_poisoned(y))
        forward->observe(forward->context, path, forward->depth, y);
}

/* What the layers from the first on have in common with a fused operation: how many of them it is, and which. A layer
   that is to be observed stays out of it. */
enum { MOST_FUSED = 3 };
typedef struct fusion { int count; da_node *(*forward)(da_layer *const *layers, da_forward *forward, da_node *x); } fusion;

static da_node *one_forward(da_layer *const *layers, da_forward *forward, da_node *x) {
    return da_layer_forward(layers[0], forward, x);
}
static da_node *norm_forward(da_layer *const *layers, da_forward *forward, da_node *x) {
    return dai_conv_norm_forward(layers, forward, x, NULL, false);
}
static da_node *norm_relu_forward(da_layer *const *layers, da_forward *forward, da_node *x) {
    return dai_conv_norm_forward(layers, forward, x, NULL, true);
}

static da_node *conv_relu(da_layer *conv, da_forward *forward, da_node *x, int64_t pool) {
    da_graph_label(forward->graph, conv->path);
    return da_conv2d_relu(forward->graph, x, parameter(conv, forward, 0), parameter(conv, forward, 1),
                          conv_options(conv, forward), pool);
}
static da_node *relu_only_forward(da_layer *const *layers, da_forward *forward, da_node *x) {
    return conv_relu(layers[0], forward, x, 1);
}
static da_node *relu_pool_forward(da_layer *const *layers, da_forward *forward, da_node *x) {
    return conv_relu(layers[0], forward, x, layers[2]->options.size);
}

static bool is_kind(da_layer *const *layers, int count, int i, da_layer_kind kind) {
    return i < count && layers[i]->options.kind == kind;
}

/* Windows side by side: the only ones that a convolution is fused with. */
static bool is_tiling(const da_layer *pool) {
    return pool->options.size == pool->options.stride && pool->options.padding == 0;
}

static fusion fusion_of(da_layer *const *layers, int count, const da_forward *forward) {
    const fusion one = { 1, one_forward };
    if (!is_kind(layers, count, 0, DA_LAYER_CONV2D)) return one;
    for (int i = 0; i < MOST_FUSED && i < count; i++)
        if (dai_layer_wanted(forward, layers[i]->path)) count = i;
    if (is_kind(layers, count, 1, DA_LAYER_BATCH_NORM) && layers[0]->options.no_bias)
        return is_kind(layers, count, 2, DA_LAYER_RELU) ? (fusion){ 3, norm_relu_forward } : (fusion){ 2, norm_forward };
    if (is_kind(layers, count, 1, DA_LAYER_RELU))
        return is_kind(layers, count, 2, DA_LAYER_MAX_POOL) && is_tiling(layers[2]) ? (fusion){ 3, relu_pool_forward }
                                                                                     : (fusion){ 2, relu_only_forward };
    return one;
}

da_node *dai_layers_forward(da_layer *const *layers, int count, da_forward *forward, da_node *x) {
    bool recording = da_graph_recording(forward->graph);
    int64_t mark = recording ? 0 : da_graph_mark(forward->graph);
    for (int i = 0; i < count;) {
        const fusion next = fusion_of(layers + i, count - i, forward);
        x = next.forward(layers + i, forward, x);
        if (!recording) da_graph_release(forward->graph, mark, x);
        i += next.count;
    }
    return x;
}
