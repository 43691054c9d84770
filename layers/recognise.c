/* Files without a description, as PyTorch writes them: which network of the zoo has these names?
 *
 *     layerS.B.conv1.weight                     resnet: count the blocks, read width and classes off the shapes
 *     features.0.weight                         vgg11, vgg16: count the convolutions
 *     fc1.weight, no conv1.weight               mlp: every width is the shape of a weight
 *     conv1.weight, fc1.weight, fc3 or not      lenet, smallcnn
 *
 * A unit that was cut out leaves a gap in the numbers: the whole network is planned, and what the file lacks is cut out
 * of it again. This only guesses; the comparison of all names and shapes (checkpoint.c) is what decides. The size of the
 * image is in no file: one channel means 28 x 28, any other number 32 x 32.
 */
#include "layers/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const da_safetensors_entry *entry(const da_safetensors *file, const char *format, ...) DA_PRINTF(2, 3);
static const da_safetensors_entry *entry(const da_safetensors *file, const char *format, ...) {
    char name[DA_MAX_PATH];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    return dai_checkpoint_entry(file, name);
}

/* The size of dimension d, at least 1 and at most 2^20; 0 when the tensor is not there or not like that. */
static int64_t size_of(const da_safetensors_entry *e, int ndim, int d) {
    return e && e->ndim == ndim && e->shape[d] >= 1 && e->shape[d] <= 1 << 20 ? e->shape[d] : 0;
}

static void image_of(int64_t channels, int64_t shape[3]) {
    shape[0] = shape[1] = channels == 1 ? 28 : 32;
    shape[2] = channels;
}

static da_status fail_part(const char *network, const char *tensor) {
    return DA_FAIL(DA_ERROR_FORMAT, "it has the names of a %s, but no %s of the right dimensions", network, tensor);
}

static da_shortcut shortcut_of(const da_safetensors *file, const char *name) {
    if (!entry(file, "layer2.0.%s.0.weight", name)) return DA_SHORTCUT_PAD;
    return entry(file, "layer2.0.%s.1.weight", name) ? DA_SHORTCUT_CONV_NORM : DA_SHORTCUT_CONV;
}

/* ---- Gaps ---- */

static bool holds_any(const da_safetensors *file, const da_layer *layer) {
    for (int i = 0; i < layer->parameter_count; i++)
        if (entry(file, "%s.%s", layer->path, layer->parameters[i].name)) return true;
    for (int i = 0; i < layer->child_count; i++)
        if (holds_any(file, layer->children[i])) return true;
    return false;
}

/* Units that restructuring removes: blocks, and plain layers with the batch norm behind them. A batch norm alone that is
   missing is no cut but a loss, and so is all that changes the shape. */
static int cut_begin(const da_model *model, int unit, const da_safetensors *file) {
    const da_layer *layer = model->units[unit];
    const da_layer_kind kind = layer->options.kind;
    bool plain = kind == DA_LAYER_RESIDUAL || kind == DA_LAYER_CONV2D || kind == DA_LAYER_LINEAR;
    if (!(plain || kind == DA_LAYER_BATCH_NORM) || holds_any(file, layer)) return -1;
    if (plain) return unit;
    return unit > 0 && model->units[unit - 1]->options.kind == DA_LAYER_CONV2D ? cut_begin(model, unit - 1, file) : -1;
}

static da_status cut_missing(da_model *model, const da_safetensors *file) {
    for (int end = model->unit_count; end > 0; end--) {
        int begin = cut_begin(model, end - 1, file);
        if (begin < 0 || da_model_can_remove(model, begin, end) != DA_OK) continue;
        DA_TRY(da_model_remove(model, begin, end));
        end = begin + 1;
    }
    return DA_OK;
}

/* ---- Networks ---- */

enum { STAGES = 3, MOST_BLOCKS = 200 };

/* One more than the largest number of a block in any stage. */
static int64_t blocks_of(const da_safetensors *file) {
    for (int blocks = MOST_BLOCKS; blocks > 0; blocks--)
        for (int stage = 1; stage <= STAGES; stage++)
            if (entry(file, "layer%d.%d.conv1.weight", stage, blocks - 1)) return blocks;
    return 0;
}

/* ResNets that are none of ours: those for images of 224 x 224. */
static da_status check_resnet(const da_safetensors *file) {
    if (entry(file, "layer4.0.conv1.weight"))
        return DA_FAIL(DA_ERROR_FORMAT, "it is a ResNet of four stages (layer1 to layer4), as for ImageNet; those read "
                       "here are for small images and have three, of 16, 32 and 64 channels or a multiple");
    if (entry(file, "layer1.0.conv3.weight"))
        return DA_FAIL(DA_ERROR_FORMAT, "it is a ResNet whose blocks have three convolutions (layer1.0.conv3, a "
                       "bottleneck); those read here have two");
    return DA_OK;
}

static da_status recognise_resnet(da_model **model, const da_safetensors *file) {
    dai_resnet network = { .head = entry(file, "fc.weight") ? "fc" : "linear", .shortcut_name = "shortcut" };
    const da_safetensors_entry *conv1 = entry(file, "conv1.weight");
    int64_t classes = size_of(entry(file, "%s.weight", network.head), 2, 0), channels = size_of(conv1, 4, 1), input[3];
    char architecture[64];
    network.width = size_of(conv1, 4, 0);
    if (!network.width || !channels) return fail_part("ResNet", "conv1.weight");
    if (!classes) return fail_part("ResNet", "linear.weight or fc.weight");
    DA_TRY(check_resnet(file));
    if (entry(file, "layer2.0.downsample.0.weight")) network.shortcut_name = "downsample";
    network.shortcut = shortcut_of(file, network.shortcut_name);
    network.blocks = blocks_of(file);
    image_of(channels, input);
    int used = snprintf(architecture, sizeof architecture, "resnet%d", 6 * (int)network.blocks + 2);
    if (network.width != 16)
        snprintf(architecture + used, sizeof architecture - (size_t)used, "x%g", (double)network.width / 16);
    return dai_resnet_plan(model, architecture, &network, input, (int)classes);
}

enum { VGG_STEPS = 64 };

/* Has the network a convolution wherever the file has one? Else *step is the first that is too many. */
static bool has_convolutions(const da_model *model, const da_safetensors *file, int *step) {
    for (*step = 0; *step < VGG_STEPS; ++*step) {
        char name[32];
        snprintf(name, sizeof name, "features.%d", *step);
        if (!size_of(entry(file, "%s.weight", name), 4, 0)) continue;
        int unit = da_model_find(model, name);
        if (unit < 0 || model->units[unit]->options.kind != DA_LAYER_CONV2D) return false;
    }
    return true;
}

static da_status check_vgg(const da_safetensors *file) {
    if (entry(file, "classifier.0.weight") || entry(file, "classifier.1.weight"))
        return DA_FAIL(DA_ERROR_FORMAT, "it is a VGG with several layers in its classifier (classifier.0, ...), as for "
                       "ImageNet; those read here have one, classifier, behind the average of the last map");
    if (!entry(file, "features.1.running_mean"))
        return DA_FAIL(DA_ERROR_FORMAT, "it is a VGG without batch norm (no features.1.running_mean); those read here "
                       "have one behind every convolution");
    return DA_OK;
}

static da_status recognise_vgg(da_model **model, const da_safetensors *file) {
    static const char *const known[] = { "vgg11", "vgg16" };
    int64_t channels = size_of(entry(file, "features.0.weight"), 4, 1);
    int64_t classes = size_of(entry(file, "classifier.weight"), 2, 0), input[3];
    int step = 0;
    DA_TRY(check_vgg(file));
    if (!channels || !classes) return fail_part("VGG", "features.0.weight or classifier.weight");
    image_of(channels, input);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        da_model *made = NULL;
        DA_TRY(dai_zoo_plan(&made, known[i], input, (int)classes, NULL));
        if (has_convolutions(made, file, &step)) { *model = made; return DA_OK; }
        da_model_free(made);
    }
    return DA_FAIL(DA_ERROR_FORMAT, "it is a VGG with a convolution features.%d, which vgg16 has not; those read here "
                   "are vgg11 and vgg16", step);
}

enum { MOST_LINEAR = 17 };

static da_status recognise_mlp(da_model **model, const da_safetensors *file) {
    char name[256] = "mlp";
    size_t used = 3;
    int64_t features = size_of(entry(file, "fc1.weight"), 2, 1), width = size_of(entry(file, "fc1.weight"), 2, 0);
    int64_t image[3] = { 1, 1, features };
    if (!features || !width) return fail_part("multilayer perceptron", "fc1.weight");
    int last = MOST_LINEAR;
    while (last > 1 && !entry(file, "fc%d.weight", last)) last--;
    if (last == 1) return fail_part("multilayer perceptron", "fc2.weight");
    for (int layer = 2; layer <= last; layer++) {
        const da_safetensors_entry *weight = entry(file, "fc%d.weight", layer);
        used += (size_t)snprintf(name + used, sizeof name - used, "-%lld", (long long)width);
        if (weight) width = size_of(weight, 2, 0); /* a layer that was cut out kept the width */
        if (!width) return fail_part("multilayer perceptron", "weight behind fc1");
    }
    if (features == 28 * 28 || features == 32 * 32 * 3) image_of(features == 28 * 28 ? 1 : 3, image);
    return dai_zoo_plan(model, name, image, (int)width, NULL);
}

static da_status recognise_small(da_model **model, const da_safetensors *file) {
    const char *name = entry(file, "fc3.weight") ? "lenet" : "smallcnn";
    int64_t channels = size_of(entry(file, "conv1.weight"), 4, 1), input[3];
    int64_t classes = size_of(entry(file, "%s.weight", strcmp(name, "lenet") == 0 ? "fc3" : "fc2"), 2, 0);
    if (!channels || !classes) return fail_part(name, "conv1.weight or last weight");
    image_of(channels, input);
    return dai_zoo_plan(model, name, input, (int)classes, NULL);
}

static da_status recognise_whole(da_model **model, const da_safetensors *file) {
    if (blocks_of(file) > 0) return recognise_resnet(model, file);
    if (entry(file, "features.0.weight")) return recognise_vgg(model, file);
    if (entry(file, "fc1.weight") && entry(file, "conv1.weight")) return recognise_small(model, file);
    if (entry(file, "fc1.weight")) return recognise_mlp(model, file);
    return DA_FAIL(DA_ERROR_FORMAT, "the file does not describe one, and its %lld tensors%s%.60s%s are not named like "
                   "a network of the zoo (resnet, vgg, mlp, lenet, smallcnn)", (long long)file->count,
                   file->count ? " (" : "", file->count ? file->entries[0].name : "", file->count ? " ...)" : "");
}

da_status dai_model_recognise(da_model **model, const da_safetensors *file) {
    da_model *made = NULL;
    DA_TRY(recognise_whole(&made, file));
    return dai_model_hand_over(model, made, cut_missing(made, file));
}
