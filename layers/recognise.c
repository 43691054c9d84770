/* Files without a description, as PyTorch writes them: which network of the zoo has these names?
 *
 *     layer1.0.conv1.weight                     resnet: count the blocks, read width and classes off the shapes
 *     features.0.weight                         vgg11, vgg16
 *     fc1.weight, no conv1.weight               mlp: every width is the shape of a weight
 *     conv1.weight, fc1.weight, fc3 or not      lenet, smallcnn
 *
 * This only guesses; the comparison of all names and shapes (checkpoint.c) is what decides. The size of the image is in
 * no file: one channel means 28 x 28, any other number 32 x 32.
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

static da_status recognise_resnet(da_model **model, const da_safetensors *file) {
    dai_resnet network = { .head = entry(file, "fc.weight") ? "fc" : "linear", .shortcut_name = "shortcut" };
    const da_safetensors_entry *conv1 = entry(file, "conv1.weight");
    int64_t classes = size_of(entry(file, "%s.weight", network.head), 2, 0), channels = size_of(conv1, 4, 1), input[3];
    char architecture[64];
    network.width = size_of(conv1, 4, 0);
    if (!network.width || !channels) return fail_part("ResNet", "conv1.weight");
    if (!classes) return fail_part("ResNet", "linear.weight or fc.weight");
    if (entry(file, "layer2.0.downsample.0.weight")) network.shortcut_name = "downsample";
    network.shortcut = shortcut_of(file, network.shortcut_name);
    while (network.blocks < 200 && entry(file, "layer1.%d.conv1.weight", (int)network.blocks)) network.blocks++;
    image_of(channels, input);
    int used = snprintf(architecture, sizeof architecture, "resnet%d", 6 * (int)network.blocks + 2);
    if (network.width != 16)
        snprintf(architecture + used, sizeof architecture - (size_t)used, "x%g", (double)network.width / 16);
    return dai_resnet_plan(model, architecture, &network, input, (int)classes);
}

static da_status recognise_vgg(da_model **model, const da_safetensors *file) {
    int64_t channels = size_of(entry(file, "features.0.weight"), 4, 1);
    int64_t classes = size_of(entry(file, "classifier.weight"), 2, 0);
    int64_t input[3];
    if (!channels || !classes) return fail_part("VGG", "features.0.weight or classifier.weight");
    image_of(channels, input);
    return dai_zoo_plan(model, entry(file, "features.3.weight") ? "vgg16" : "vgg11", input, (int)classes, NULL);
}

static da_status recognise_mlp(da_model **model, const da_safetensors *file) {
    char name[256] = "mlp";
    size_t used = 3;
    int64_t features = size_of(entry(file, "fc1.weight"), 2, 1), width = size_of(entry(file, "fc1.weight"), 2, 0);
    int64_t image[3] = { 1, 1, features };
    if (!features || !width) return fail_part("multilayer perceptron", "fc1.weight");
    for (int layer = 2; layer <= 17 && entry(file, "fc%d.weight", layer); layer++) {
        used += (size_t)snprintf(name + used, sizeof name - used, "-%lld", (long long)width);
        width = size_of(entry(file, "fc%d.weight", layer), 2, 0);
        if (!width) return fail_part("multilayer perceptron", "weight behind fc1");
    }
    if (used == 3) return fail_part("multilayer perceptron", "fc2.weight");
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

da_status dai_model_recognise(da_model **model, const da_safetensors *file) {
    if (entry(file, "layer1.0.conv1.weight")) return recognise_resnet(model, file);
    if (entry(file, "features.0.weight")) return recognise_vgg(model, file);
    if (entry(file, "fc1.weight") && entry(file, "conv1.weight")) return recognise_small(model, file);
    if (entry(file, "fc1.weight")) return recognise_mlp(model, file);
    return DA_FAIL(DA_ERROR_FORMAT, "the file does not describe one, and its %lld tensors%s%.60s%s are not named like "
                   "a network of the zoo (resnet, vgg, mlp, lenet, smallcnn)", (long long)file->count,
                   file->count ? " (" : "", file->count ? file->entries[0].name : "", file->count ? " ...)" : "");
}
