/* The zoo: each network is a list of units, written down as its authors (or PyTorch's users) name them.
 *
 * A builder appends units to a plan and keeps the first error, so that a network reads as a list; memory comes once the
 * whole plan holds.
 */
#include "layers/internal.h"

#include "core/number.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct builder { da_model *model; da_status status; da_shortcut shortcut; } builder;

/* Appends a unit whose name is printed from format, unless something failed before. */
static void add(builder *b, da_layer_options options, const char *format, ...) DA_PRINTF(3, 4);
static void add(builder *b, da_layer_options options, const char *format, ...) {
    char name[DA_MAX_PATH];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    if (b->status == DA_OK) b->status = dai_model_plan_unit(b->model, name, &options);
}

static da_layer_options linear(int64_t outputs) {
    return (da_layer_options){ .kind = DA_LAYER_LINEAR, .outputs = outputs };
}
static da_layer_options plain(da_layer_kind kind) { return (da_layer_options){ .kind = kind }; }
static da_layer_options max_pool(int64_t size) { return (da_layer_options){ .kind = DA_LAYER_MAX_POOL, .size = size }; }
static da_layer_options convolution(int64_t outputs, int64_t kernel, int64_t padding) {
    return (da_layer_options){ .kind = DA_LAYER_CONV2D, .outputs = outputs, .kernel = kernel, .padding = padding };
}

/* ---- mlp, mlp-W1-W2-...: any number of hidden layers up to sixteen ---- */

static da_status plan_mlp(builder *b, const char *widths) {
    int layer = 1;
    if (!*widths) widths = "-512-256";
    for (; *widths; layer++) {
        char *end;
        long width = widths[0] == '-' && widths[1] >= '1' && widths[1] <= '9' ? strtol(widths + 1, &end, 10) : 0;
        if (width < 1 || width > 65536 || layer > 16 || (*end && *end != '-'))
            return DA_FAIL(DA_ERROR_NOT_FOUND, "an mlp is written mlp-W1-W2-..., up to 16 widths of 1 to 65536 each");
        add(b, linear(width), "fc%d", layer);
        add(b, plain(DA_LAYER_RELU), "relu%d", layer);
        widths = end;
    }
    add(b, linear(b->model->classes), "fc%d", layer);
    return b->status;
}

/* ---- lenet: LeCun et al., "Gradient-based learning applied to document recognition" (Proc. IEEE 1998), with ReLU and
        max pools as used today. Digits of 28 x 28 are padded to the 32 x 32 it was made for. ---- */

static da_status plan_lenet(builder *b, const char *rest) {
    (void)rest;
    add(b, convolution(6, 5, b->model->input_shape[0] < 32 ? 2 : 0), "conv1");
    add(b, plain(DA_LAYER_RELU), "relu1");
    add(b, max_pool(2), "pool1");
    add(b, convolution(16, 5, 0), "conv2");
    add(b, plain(DA_LAYER_RELU), "relu2");
    add(b, max_pool(2), "pool2");
    add(b, linear(120), "fc1");
    add(b, plain(DA_LAYER_RELU), "relu3");
    add(b, linear(84), "fc2");
    add(b, plain(DA_LAYER_RELU), "relu4");
    add(b, linear(b->model->classes), "fc3");
    return b->status;
}

/* ---- smallcnn: the network of PyTorch's MNIST example, without its dropout ---- */

static da_status plan_smallcnn(builder *b, const char *rest) {
    (void)rest;
    add(b, convolution(32, 3, 0), "conv1");
    add(b, plain(DA_LAYER_RELU), "relu1");
    add(b, convolution(64, 3, 0), "conv2");
    add(b, plain(DA_LAYER_RELU), "relu2");
    add(b, max_pool(2), "pool");
    add(b, linear(128), "fc1");
    add(b, plain(DA_LAYER_RELU), "relu3");
    add(b, linear(b->model->classes), "fc2");
    return b->status;
}

/* ---- vgg: Simonyan and Zisserman (ICLR 2015), configurations A and D, with batch norm, and one linear layer behind
        the average of the last map, as is usual for small images. features.N counts every step, as torchvision does; a
        pool that would find less than 2 x 2 is left out, and its number with it. ---- */

static da_status plan_vgg(builder *b, const int *channels) {
    int step = 0;
    for (; *channels; channels++) {
        const da_layer *last = b->model->unit_count ? b->model->units[b->model->unit_count - 1] : NULL;
        if (*channels > 0) {
            add(b, convolution(*channels, 3, 1), "features.%d", step);
            add(b, plain(DA_LAYER_BATCH_NORM), "features.%d", step + 1);
            add(b, plain(DA_LAYER_RELU), "features.%d", step + 2);
            step += 3;
        } else {
            if (last && last->out_shape[0] > 1 && last->out_shape[1] > 1) add(b, max_pool(2), "features.%d", step);
            step++;
        }
    }
    add(b, plain(DA_LAYER_GLOBAL_AVERAGE_POOL), "avgpool");
    add(b, linear(b->model->classes), "classifier");
    return b->status;
}

enum { POOL = -1 };

static da_status plan_vgg11(builder *b, const char *rest) {
    static const int channels[] = { 64, POOL, 128, POOL, 256, 256, POOL, 512, 512, POOL, 512, 512, POOL, 0 };
    (void)rest;
    return plan_vgg(b, channels);
}

static da_status plan_vgg16(builder *b, const char *rest) {
    static const int channels[] = { 64, 64, POOL, 128, 128, POOL, 256, 256, 256, POOL, 512, 512, 512, POOL, 512, 512,
                                    512, POOL, 0 };
    (void)rest;
    return plan_vgg(b, channels);
}

/* ---- resnet<6n+2>: He et al. (CVPR 2016), section 4.2 ---- */

static void add_stages(builder *b, const dai_resnet *network) {
    for (int stage = 0; stage < 3; stage++) {
        for (int block = 0; block < network->blocks; block++) {
            bool turn = stage > 0 && block == 0; /* the map is halved and the channels doubled */
            da_layer_options options = { .kind = DA_LAYER_RESIDUAL, .outputs = network->width << stage,
                                         .stride = turn ? 2 : 1,
                                         .shortcut = turn ? network->shortcut : DA_SHORTCUT_IDENTITY,
                                         .shortcut_name = network->shortcut_name };
            add(b, options, "layer%d.%d", stage + 1, block);
        }
    }
}

static da_status plan_resnet_units(builder *b, const dai_resnet *network) {
    da_layer_options conv1 = convolution(network->width, 3, 1);
    conv1.no_bias = true;
    add(b, conv1, "conv1");
    add(b, plain(DA_LAYER_BATCH_NORM), "bn1");
    add(b, plain(DA_LAYER_RELU), "relu");
    add_stages(b, network);
    add(b, plain(DA_LAYER_GLOBAL_AVERAGE_POOL), "avgpool");
    add(b, linear(b->model->classes), "%s", network->head);
    return b->status;
}

da_status dai_resnet_plan(da_model **model, const char *architecture, const dai_resnet *network,
                          const int64_t input_shape[3], int classes) {
    builder b = { .status = DA_OK };
    DA_TRY(da_model_new(&b.model, architecture, input_shape, classes));
    return dai_model_hand_over(model, b.model, plan_resnet_units(&b, network));
}

/* "20" or "20x0.5": depth 6n+2, and what the widths 16, 32, 64 are multiplied by. */
static da_status read_resnet(dai_resnet *network, const char *text) {
    char *end = NULL;
    double factor = 1;
    long depth = *text >= '1' && *text <= '9' ? strtol(text, &end, 10) : 0;
    if (depth < 8 || depth > 1202 || (depth - 2) % 6 != 0)
        return DA_FAIL(DA_ERROR_NOT_FOUND, "resnet%.20s: the depth must be 6n+2, from 8 to 1202: 8, 14, 20, 32, 44, "
                       "56, 110 ...", text);
    if (*end && (*end != 'x' || !da_number_parse(end + 1, strlen(end + 1), &factor) ||
                 !(factor >= 0.0625 && factor <= 64)))
        return DA_FAIL(DA_ERROR_NOT_FOUND, "resnet%.20s: the width is multiplied by a number in 0.0625 to 64, as in "
                       "resnet20x0.5", text);
    *network = (dai_resnet){ .width = (int64_t)floor(16 * factor + 0.5), .blocks = (depth - 2) / 6,
                             .shortcut = DA_SHORTCUT_PAD, .head = "linear" };
    return DA_OK;
}

static da_status plan_resnet(builder *b, const char *rest) {
    dai_resnet network;
    DA_TRY(read_resnet(&network, rest));
    if (b->shortcut != DA_SHORTCUT_IDENTITY) network.shortcut = b->shortcut;
    return plan_resnet_units(b, &network);
}

/* ---- The rows. A new network is a builder above, a row here, and its name in DA_ZOO_NAMES ---- */

typedef struct network {
    const char *name;
    const char *more;  /* how what may follow the name begins: any of these; NULL: nothing may follow */
    bool shortcuts;
    da_status (*plan)(builder *b, const char *rest);
    da_recipe recipe;
} network;

static const network zoo[] = {
    { "mlp", "-", false, plan_mlp, { 0.05f, 5e-5f, 64, 0 } },
    { "lenet", NULL, false, plan_lenet, { 0.05f, 5e-5f, 64, 0 } },
    { "smallcnn", NULL, false, plan_smallcnn, { 0.05f, 5e-5f, 64, 2 } },
    { "vgg11", NULL, false, plan_vgg11, { 0.05f, 5e-4f, 128, 0 } },
    { "vgg16", NULL, false, plan_vgg16, { 0.05f, 5e-4f, 128, 0 } },
    { "resnet", "", true, plan_resnet, { 0.1f, 5e-4f, 128, 0 } },
};
enum { NETWORKS = sizeof zoo / sizeof zoo[0] };

static bool is_of(const network *row, const char *name) {
    const char *rest = name + strlen(row->name);
    if (strncmp(name, row->name, strlen(row->name)) != 0) return false;
    return row->more && !*row->more ? true : !*rest || (row->more && strchr(row->more, *rest));
}

da_status dai_zoo_plan(da_model **model, const char *name, const int64_t input_shape[3], int classes,
                       const da_zoo_options *options) {
    const network *row = zoo;
    while (row < zoo + NETWORKS && !is_of(row, name)) row++;
    builder b = { .status = DA_OK, .shortcut = options ? options->shortcut : DA_SHORTCUT_IDENTITY };
    if (b.shortcut != DA_SHORTCUT_IDENTITY && (row == zoo + NETWORKS || !row->shortcuts))
        return DA_FAIL(DA_ERROR_ARGUMENT, "%.60s has no shortcuts: only resnets have", name);
    if (row == zoo + NETWORKS)
        return DA_FAIL(DA_ERROR_NOT_FOUND, "there is no network '%.60s': known are " DA_ZOO_NAMES, name);
    DA_TRY(da_model_new(&b.model, name, input_shape, classes));
    return dai_model_hand_over(model, b.model, row->plan(&b, name + strlen(row->name)));
}

da_recipe da_zoo_recipe(const char *architecture) {
    for (const network *row = zoo; row < zoo + NETWORKS; row++)
        if (strncmp(architecture, row->name, strlen(row->name)) == 0) return row->recipe;
    return (da_recipe){ 0.05f, 0, 128, 0 };
}

da_status da_zoo_build(da_model **model, const char *name, const int64_t input_shape[3], int classes,
                       const da_zoo_options *options) {
    da_model *made = NULL;
    DA_TRY(dai_zoo_plan(&made, name, input_shape, classes, options));
    return dai_model_hand_over(model, made, dai_model_allocate(made));
}

da_status da_zoo_check(const char *name) {
    da_model *made = NULL;
    da_status status = dai_zoo_plan(&made, name, (const int64_t[]){ 32, 32, 3 }, 10, NULL);
    da_model_free(made);
    return status;
}
