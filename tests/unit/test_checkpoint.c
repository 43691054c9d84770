/* Checkpoints: there and back, PyTorch's spellings, other architectures, hostile descriptions, full disks. */
#include "core/file.h"
#include "core/memory.h"
#include "layers/checkpoint.h"
#include "layers/zoo.h"
#include "tests/unit/test.h"

#include <stdio.h>

static const int64_t digit[3] = { 28, 28, 1 }, colour[3] = { 32, 32, 3 };
enum { MOST = 256 };

static da_model *build(const char *name, const int64_t *input, da_shortcut shortcut, uint64_t seed) {
    da_model *model = NULL;
    CHECK_OK(da_zoo_build(&model, name, input, 10, &(da_zoo_options){ shortcut }));
    CHECK_OK(da_model_initialize(model, DA_INIT_HE, seed));
    return model;
}

static void check_same(const da_model *a, const da_model *b) {
    char one[65], two[65];
    CHECK_OK(da_model_hash(a, -1, one));
    CHECK_OK(da_model_hash(b, -1, two));
    CHECK_TEXT(one, two);
    CHECK_TEXT(a->architecture, b->architecture);
    CHECK_INT(a->unit_count, b->unit_count);
}

/* The model's tensors as a file without description, under names that `rename` may change; returns how many. */
static int list_entries(const da_model *model, da_safetensors_entry *entries, char names[][160], float *values,
                        void (*rename)(char *to, const char *from)) {
    da_parameter_list list;
    CHECK_OK(da_model_parameters(model, &list));
    int count = list.count;
    for (int i = 0; i < count; i++) {
        const da_parameter *p = list.items[i].parameter;
        rename(names[i], list.items[i].name);
        entries[i] = (da_safetensors_entry){ .name = names[i], .dtype = "F32", .ndim = p->layout.file_ndim,
                                             .data = values };
        memcpy(entries[i].shape, p->layout.file_shape, (size_t)p->layout.file_ndim * sizeof(int64_t));
        da_layout_to_file(&p->layout, da_tensor_floats(&p->value), values);
        values += da_parameter_count(p);
    }
    da_parameter_list_free(&list);
    return count;
}

static void keep(char *to, const char *from) { snprintf(to, 160, "%s", from); }
static void parallel(char *to, const char *from) { snprintf(to, 160, "module.%s", from); }
static void compiled(char *to, const char *from) { snprintf(to, 160, "_orig_mod.%s", from); }
static void parallel_compiled(char *to, const char *from) { snprintf(to, 160, "module._orig_mod.%s", from); }
static void compiled_parallel(char *to, const char *from) { snprintf(to, 160, "_orig_mod.module.%s", from); }

static void torchvision(char *to, const char *from) { /* linear -> fc, shortcut -> downsample */
    const char *at = strstr(from, "shortcut");
    if (strncmp(from, "linear", 6) == 0) snprintf(to, 160, "fc%s", from + 6);
    else if (at) snprintf(to, 160, "%.*sdownsample%s", (int)(at - from), from, at + 8);
    else keep(to, from);
}

/* Writes the model as PyTorch would, with counts of batches, and loads it. */
static da_model *through_pytorch(const da_model *model, void (*rename)(char *to, const char *from)) {
    static da_safetensors_entry entries[MOST];
    static char names[MOST][160];
    static const int64_t batches = 7;
    da_model *loaded = NULL;
    const char *path = test_temporary("pytorch.safetensors");
    float *values = da_alloc(16000000 * sizeof *values);
    int count = list_entries(model, entries, names, values, rename);
    entries[count++] = (da_safetensors_entry){ .name = "bn1.num_batches_tracked", .dtype = "I64", .data = &batches };
    CHECK_OK(da_safetensors_write(path, entries, count, NULL, 0));
    da_free(values);
    CHECK_OK(da_checkpoint_load(&loaded, path, NULL));
    return loaded;
}

TEST(checkpoint_there_and_back) {
    static const char *const classes[10] = { "zero", "\"", "\xc3\xa9", "", "4", "5", "6", "7", "8", "9" };
    const char *path = test_temporary("model.safetensors");
    da_model *model = build("resnet14", digit, DA_SHORTCUT_CONV_NORM, 1), *loaded = NULL;
    const char *names[] = { "optimizer/conv1.weight.momentum" };
    const int64_t shape[2] = { 2, 2 };
    float moments[4] = { 1, 2, 3, 4 };
    da_tensor tensor = da_tensor_over(moments, DA_FLOAT32, 2, shape);
    da_checkpoint_extra extra = { "{\"step\": 3}", names, &tensor, 1 };
    da_safetensors file = { 0 };
    model->normalization = (da_normalization){ true, 1, { 0.1307f }, { 0.3081f } };
    CHECK_OK(da_model_set_class_names(model, classes));
    int b = da_model_find(model, "layer1.1");
    CHECK_OK(da_model_remove(model, b, b + 1));
    CHECK_OK(da_checkpoint_save(model, path, &extra));
    CHECK_OK(da_checkpoint_load(&loaded, path, &file));
    check_same(model, loaded);
    CHECK_TEXT(loaded->class_names[1], "\"");
    CHECK(loaded->normalization.known && memcmp(&loaded->normalization, &model->normalization,
                                                sizeof loaded->normalization) == 0);
    CHECK_TEXT(da_safetensors_metadata(&file, "deeparc.training"), "{\"step\": 3}");
    CHECK(da_safetensors_find(&file, names[0]) != NULL);
    CHECK_INT(da_safetensors_find(&file, "layer2.0.shortcut.0.weight")->shape[0], 32);
    da_safetensors_free(&file);
    CHECK_OK(da_model_initialize(model, DA_INIT_HE, 2));
    CHECK_OK(da_checkpoint_load_into(model, path));
    check_same(model, loaded);
    da_model_free(model);
    da_model_free(loaded);
}

TEST(checkpoint_of_every_network_describes_itself) {
    static const char *const names[] = { "mlp-30", "lenet", "smallcnn", "vgg11", "resnet20x0.25" };
    const char *path = test_temporary("zoo.safetensors");
    for (int i = 0; i < 5; i++) {
        da_model *model = build(names[i], digit, DA_SHORTCUT_IDENTITY, 1), *loaded = NULL;
        CHECK_OK(da_checkpoint_save(model, path, NULL));
        CHECK_OK(da_checkpoint_load(&loaded, path, NULL));
        check_same(model, loaded);
        da_model_free(model);
        da_model_free(loaded);
    }
}

TEST(checkpoint_records_how_convolutions_are_computed) {
    const char *path = test_temporary("conv.safetensors");
    for (int method = DA_CONV_DIRECT; method <= DA_CONV_AUTO; method++) {
        da_model *model = build("resnet8", colour, DA_SHORTCUT_IDENTITY, 1), *back = NULL, *copy = NULL;
        model->conv = (da_conv_method)method;
        CHECK_OK(da_checkpoint_save(model, path, NULL));
        CHECK_OK(da_checkpoint_load(&back, path, NULL));
        CHECK_INT(back->conv, method);
        CHECK_OK(da_model_copy(&copy, back));
        CHECK_INT(copy->conv, method);
        da_model_free(model);
        da_model_free(back);
        da_model_free(copy);
    }
    da_conv_method method;
    CHECK_FAILS(da_conv_method_parse(&method, "fft"), DA_ERROR_FORMAT, "direct, winograd, auto");
}

TEST(checkpoint_recognises_pytorch_files) {
    static const struct { const char *name; const int64_t *input; da_shortcut shortcut; } cases[] = {
        { "resnet20", colour, DA_SHORTCUT_PAD }, { "resnet8", digit, DA_SHORTCUT_CONV }, { "resnet14x0.5", colour,
                DA_SHORTCUT_CONV_NORM },
        { "mlp-64-32", digit, 0 }, { "mlp-16", colour, 0 }, { "lenet", digit, 0 }, { "lenet", colour, 0 }, { "smallcnn",
                digit, 0 },
        { "vgg11", colour, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        da_model *model = build(cases[i].name, cases[i].input, cases[i].shortcut, 1);
        da_model *plain = through_pytorch(model, keep), *prefixed = through_pytorch(model, parallel);
        if (!test_failed()) {
            check_same(model, plain);
            check_same(model, prefixed);
            CHECK(!plain->normalization.known);
        }
        da_model_free(model);
        da_model_free(plain);
        da_model_free(prefixed);
    }
}

TEST(checkpoint_reads_what_wrappers_put_before_names) {
    void (*const wrappers[])(char *to, const char *from) = { compiled, parallel_compiled, compiled_parallel };
    da_model *model = build("resnet8x0.5", colour, DA_SHORTCUT_CONV, 1);
    for (int i = 0; i < 3 && !test_failed(); i++) {
        da_model *loaded = through_pytorch(model, wrappers[i]);
        if (loaded) check_same(model, loaded);
        da_model_free(loaded);
    }
    da_model_free(model);
}

/* Cuts units out, writes what is left without a description, and has it recognised; the same networks, then? */
static void recognise_cut(const char *name, const int64_t *input, da_shortcut shortcut, const char *units,
                          const char *architecture) {
    da_model *model = build(name, input, shortcut, 1);
    char text[160];
    snprintf(text, sizeof text, "%s", units);
    for (char *unit = strtok(text, " "); unit; unit = strtok(NULL, " ")) {
        int at = da_model_find(model, unit);
        CHECK_OK(da_model_remove(model, at, at + 1));
    }
    da_model *loaded = through_pytorch(model, keep);
    if (loaded) {
        char one[65], two[65];
        CHECK_OK(da_model_hash(model, -1, one));
        CHECK_OK(da_model_hash(loaded, -1, two));
        CHECK_TEXT(two, one);
        CHECK_TEXT(loaded->architecture, architecture);
    }
    da_model_free(model);
    da_model_free(loaded);
}

TEST(checkpoint_recognises_restructured_networks) {
    recognise_cut("resnet20", colour, DA_SHORTCUT_PAD, "layer1.1", "resnet20 without layer1.1");
    recognise_cut("resnet20", colour, DA_SHORTCUT_CONV_NORM, "layer1.0 layer2.2 layer3.1",
                  "resnet20 without layer3.1, layer2.2, layer1.0");
    recognise_cut("resnet8x0.5", colour, DA_SHORTCUT_PAD, "layer1.0", "resnet8x0.5 without layer1.0");
    recognise_cut("resnet20", colour, DA_SHORTCUT_PAD, "layer1.2 layer2.2 layer3.2", "resnet14");
    recognise_cut("mlp-32-32-32", digit, 0, "fc2 relu2", "mlp-32-32-32 without fc2");
    recognise_cut("vgg11", colour, 0, "features.11 features.12 features.13",
                  "vgg11 without features.11, features.12");
}

TEST(checkpoint_keeps_the_names_it_found) {
    const char *path = test_temporary("names.safetensors");
    da_model *model = build("resnet14", colour, DA_SHORTCUT_CONV_NORM, 1), *loaded = through_pytorch(model,
            torchvision), *again = NULL;
    da_safetensors file = { 0 };
    CHECK(loaded && da_model_find(loaded, "fc") >= 0);
    CHECK_OK(da_checkpoint_save(loaded, path, NULL));
    CHECK_OK(da_checkpoint_load(&again, path, &file));
    check_same(loaded, again);
    CHECK(da_safetensors_find(&file, "layer2.0.downsample.1.running_mean") && da_safetensors_find(&file, "fc.bias"));
    da_safetensors_free(&file);
    da_model_free(model);
    da_model_free(loaded);
    da_model_free(again);
}

TEST(checkpoint_of_another_architecture_lists_the_differences) {
    char before[65], after[65];
    const char *path = test_temporary("other.safetensors");
    da_model *lenet = build("lenet", digit, 0, 1), *other = build("lenet", colour, 0, 1), *residual = build("resnet14",
            digit, 0, 1);
    CHECK_OK(da_model_hash(lenet, -1, before));
    CHECK_OK(da_checkpoint_save(other, path, NULL));
    CHECK_FAILS(da_checkpoint_load_into(lenet, path), DA_ERROR_FORMAT, "of another shape: conv1.weight is 6x3x5x5, not "
                "6x1x5x5");
    CHECK_OK(da_checkpoint_save(residual, path, NULL));
    CHECK_FAILS(da_checkpoint_load_into(lenet, path), DA_ERROR_FORMAT, "missing: conv1.bias, conv2.weight, conv2.bias, "
                "fc1.weight and 5 more");
    CHECK(strstr(da_error_message(), "unexpected: bn1.bias, ") && strstr(da_error_message(), "conv1.weight is "
                                                                         "16x1x3x3"));
    CHECK(strstr(da_error_message(), "does not fit lenet"));
    CHECK_OK(da_model_hash(lenet, -1, after));
    CHECK_TEXT(after, before);
    da_model_free(lenet);
    da_model_free(other);
    da_model_free(residual);
}

/* A file with this description and one small tensor. */
static da_status load_described(const char *description) {
    const char *path = test_temporary("hostile.safetensors");
    const float one = 1;
    const da_safetensors_entry entry = { .name = "fc.bias", .dtype = "F32", .ndim = 1, .shape = { 1 }, .data = &one };
    const da_safetensors_pair pair = { "deeparc.model", description };
    da_model *model = NULL;
    CHECK_OK(da_safetensors_write(path, &entry, 1, &pair, 1));
    da_memory_reset_peak();
    int64_t live = da_memory().live_bytes;
    da_status status = da_checkpoint_load(&model, path, NULL);
    CHECK(da_memory().peak_bytes - live < 1 << 20);
    da_model_free(model);
    return status;
}

#define HEAD "{\"version\":1,\"architecture\":\"x\",\"classes\":1,\"input\":[1,1,3],"
TEST(checkpoint_descriptions_are_not_trusted) {
    static const struct { const char *text, *part; } cases[] = {
        { "", "" }, { "[]", "object" }, { "{\"version\":2}", "version 2" }, { "{\"version\":1}", "architecture" },
        { "{\"version\":1,\"architecture\":\"x\",\"classes\":1,\"input\":[1,1]}", "3 sizes" },
        { "{\"version\":1,\"architecture\":\"x\",\"classes\":99999999999,\"input\":[1,1,1]}", "classes" },
        { "{\"version\":1,\"architecture\":\"x\",\"classes\":1,\"input\":[1,1,1e18]}", "" },
        { "{\"version\":1,\"architecture\":\"x\",\"classes\":1,\"input\":[1,1,\"a\"]}", "number" },
        { HEAD "\"units\":[]}", "1 to 4096 units" }, { HEAD "\"units\":{}}", "units" }, { HEAD "\"units\":[5]}", "" },
        { HEAD "\"units\":[{\"name\":\"fc\",\"kind\":\"sequential\"}]}", "sequential" },
        { HEAD "\"units\":[{\"name\":\"a/b\",\"kind\":\"relu\"}]}", "no name" },
        { HEAD "\"units\":[{\"name\":\"fc\",\"kind\":\"relu\"},{\"name\":\"fc\",\"kind\":\"relu\"}]}", "already" },
        { HEAD "\"units\":[{\"name\":\"fc\",\"kind\":\"linear\",\"outputs\":2}]}", "the last unit" },
        { HEAD "\"units\":[{\"name\":\"a\",\"kind\":\"linear\",\"outputs\":1048576},"
               "{\"name\":\"fc\",\"kind\":\"linear\",\"outputs\":1}]}",
          "missing: a.weight" },
        { HEAD "\"units\":[{\"name\":\"a\",\"kind\":\"linear\",\"outputs\":1048576},"
               "{\"name\":\"b\",\"kind\":\"linear\",\"outputs\":1048576}]}",
          "2^28" },
        { HEAD "\"class_names\":[\"a\",\"b\"],\"units\":[]}", "2 names for 1 class" },
            { HEAD "\"class_names\":[1],\"units\":[]}", "string" },
        { HEAD "\"normalization\":{\"mean\":[1],\"deviation\":[1]},\"units\":[]}", "3 channels" },
        { HEAD "\"normalization\":{\"mean\":[1,1,1],\"deviation\":[1,0,1]},\"units\":[]}",
          "deviation of channel 1 is 0" },
        { HEAD "\"normalization\":{\"mean\":[1,1,1],\"deviation\":[1,1]},\"units\":[]}", "3 means and 2 deviations" },
        { HEAD "\"normalization\":{\"mean\":[1e300,1,1],\"deviation\":[1,1,1]},\"units\":[]}", "mean of channel 0" },
        { "{\"version\":1,\"architecture\":\"x\",\"classes\":1,\"input\":[1,1,5],"
          "\"normalization\":{\"mean\":[1,1,1,1,1],\"deviation\":[1,1,1,1,1]},\"units\":[]}", "5 values, at most 4" },
        { HEAD "\"normalization\":7,\"units\":[]}", "object" },
        { HEAD "\"units\":[{\"name\":\"fc\",\"kind\":\"linear\",\"outputs\":1}]}", "missing: fc.weight" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        CHECK_FAILS(load_described(cases[i].text), DA_ERROR_FORMAT, cases[i].part);
}

static da_status load_bare(const da_safetensors_entry *entries, int count) {
    const char *path = test_temporary("bare.safetensors");
    da_model *model = NULL;
    CHECK_OK(da_safetensors_write(path, entries, count, NULL, 0));
    da_status status = da_checkpoint_load(&model, path, NULL);
    CHECK(model == NULL);
    return status;
}

TEST(checkpoint_files_that_only_look_like_pytorchs) {
    static const float zeros[4096] = { 0 };
    const da_safetensors_entry nothing = { .name = "encoder.weight", .dtype = "F32", .ndim = 1, .shape = { 1 },
                                           .data = zeros };
    const da_safetensors_entry resnet[] = {
        { .name = "layer1.0.conv1.weight", .dtype = "F32", .ndim = 4, .shape = { 1, 1, 3, 3 }, .data = zeros },
        { .name = "conv1.weight", .dtype = "F32", .ndim = 4, .shape = { 4000, 1, 1, 1 }, .data = zeros },
        { .name = "fc.weight", .dtype = "F32", .ndim = 2, .shape = { 10, 1 }, .data = zeros },
    };
    const da_safetensors_entry mlp[] = {
        { .name = "fc1.weight", .dtype = "F32", .ndim = 2, .shape = { 0, 784 }, .data = zeros },
        { .name = "fc2.weight", .dtype = "F32", .ndim = 2, .shape = { 10, 3 }, .data = zeros },
    };
    CHECK_FAILS(load_bare(&nothing, 1), DA_ERROR_FORMAT, "encoder.weight ...");
    CHECK_FAILS(load_bare(&nothing, 0), DA_ERROR_FORMAT, "0 tensors");
    CHECK_FAILS(load_bare(resnet, 1), DA_ERROR_FORMAT, "no conv1.weight");
    CHECK_FAILS(load_bare(resnet, 2), DA_ERROR_FORMAT, "linear.weight or fc.weight");
    CHECK_FAILS(load_bare(resnet, 3), DA_ERROR_FORMAT, "2^28");
    const da_safetensors_entry wide[] = { /* would ask for gigabytes */
        resnet[0], resnet[2],
        { .name = "conv1.weight", .dtype = "F32", .ndim = 4, .shape = { 1000, 1, 1, 1 }, .data = zeros },
    };
    da_memory_reset_peak();
    int64_t live = da_memory().live_bytes;
    CHECK_FAILS(load_bare(wide, 3), DA_ERROR_FORMAT, "does not fit resnet8x62.5; missing: bn1.weight, bn1.bias");
    CHECK(da_memory().peak_bytes - live < 1 << 20);
    CHECK_FAILS(load_bare(mlp, 2), DA_ERROR_FORMAT, "no fc1.weight");
}

/* Names as torchvision gives them to networks for ImageNet. */
TEST(checkpoint_says_why_networks_for_imagenet_are_refused) {
    static const float zeros[4096] = { 0 };
#define CONV(n, o, i) { .name = n ".weight", .dtype = "F32", .ndim = 4, .shape = { o, i, 3, 3 }, .data = zeros }
#define LINEAR(n) { .name = n ".weight", .dtype = "F32", .ndim = 2, .shape = { 10, 8 }, .data = zeros }
#define NORM(n) { .name = n, .dtype = "F32", .ndim = 1, .shape = { 8 }, .data = zeros }
    const da_safetensors_entry resnet[] = {
        CONV("conv1", 8, 3), LINEAR("fc"), CONV("layer1.0.conv1", 8, 8), CONV("layer1.0.conv3", 8, 8),
        CONV("layer4.0.conv1", 8, 8),
    };
    const da_safetensors_entry vgg[] = {
        CONV("features.0", 8, 3), CONV("features.3", 8, 8), LINEAR("classifier"), NORM("features.1.running_mean"),
        CONV("features.21", 8, 8), LINEAR("classifier.6"), LINEAR("classifier.0"),
    };
#undef CONV
#undef LINEAR
#undef NORM
    CHECK_FAILS(load_bare(resnet, 5), DA_ERROR_FORMAT, "a ResNet of four stages (layer1 to layer4), as for ImageNet");
    CHECK_FAILS(load_bare(resnet, 4), DA_ERROR_FORMAT, "blocks have three convolutions");
    CHECK_FAILS(load_bare(resnet, 3), DA_ERROR_FORMAT, "does not fit resnet8x0.5; missing: bn1.weight");
    CHECK_FAILS(load_bare(vgg, 7), DA_ERROR_FORMAT, "several layers in its classifier");
    CHECK_FAILS(load_bare(vgg, 5), DA_ERROR_FORMAT, "a convolution features.21, which vgg16 has not");
    CHECK_FAILS(load_bare(vgg, 3), DA_ERROR_FORMAT, "a VGG without batch norm");
}

TEST(checkpoint_tells_of_tensors_that_are_there_twice) {
    static da_safetensors_entry entries[MOST];
    static char names[MOST][160];
    const char *path = test_temporary("twice.safetensors");
    da_model *model = build("mlp-8", digit, 0, 1), *loaded = NULL;
    float *values = da_alloc(100000 * sizeof *values);
    int count = list_entries(model, entries, names, values, keep);
    entries[count] = entries[0];
    entries[count].name = "module.fc1.weight";
    CHECK_OK(da_safetensors_write(path, entries, count + 1, NULL, 0));
    CHECK_FAILS(da_checkpoint_load(&loaded, path, NULL), DA_ERROR_FORMAT,
                "unexpected: module.fc1.weight (there as fc1.weight too)");
    da_free(values);
    da_model_free(model);
}

TEST(checkpoint_weights_must_be_floats) {
    static da_safetensors_entry entries[MOST];
    static char names[MOST][160];
    static const int64_t whole[10] = { 0 };
    const char *path = test_temporary("whole.safetensors");
    da_model *model = build("lenet", digit, 0, 1), *loaded = NULL;
    float *values = da_alloc(100000 * sizeof *values);
    int count = list_entries(model, entries, names, values, keep);
    entries[count - 1].dtype = "I64";
    entries[count - 1].data = whole;
    CHECK_OK(da_safetensors_write(path, entries, count, NULL, 0));
    CHECK_FAILS(da_checkpoint_load(&loaded, path, NULL), DA_ERROR_FORMAT, "fc3.bias holds I64");
    da_free(values);
    da_model_free(model);
}

/* What is written is read: saving asks the same question as loading. */
TEST(checkpoint_normalisation_is_judged_when_it_is_written) {
    static const struct { da_normalization value; const char *part; } cases[] = {
        { { true, 1, { 1e6f }, { 1e-6f } }, NULL }, { { true, 1, { -1e6f }, { 1e6f } }, NULL },
        { { true, 1, { 0 }, { 9.9e-7f } }, "deviation of channel 0 is 9.9e-07" },
        { { true, 1, { NAN }, { 1 } }, "mean" }, { { true, 1, { 0 }, { NAN } }, "deviation" }, { { true, 3, { 0 }, { 1, 1, 1 } }, "3 channels" },
    };
    const char *path = test_temporary("normalised.safetensors");
    da_model *model = build("mlp-2", digit, 0, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        da_model *loaded = NULL;
        model->normalization = cases[i].value;
        if (cases[i].part) {
            CHECK_FAILS(da_checkpoint_save(model, path, NULL), DA_ERROR_ARGUMENT, cases[i].part);
            continue;
        }
        CHECK_OK(da_checkpoint_save(model, path, NULL));
        CHECK_OK(da_checkpoint_load(&loaded, path, NULL));
        CHECK(loaded && loaded->normalization.mean[0] == cases[i].value.mean[0] &&
              loaded->normalization.deviation[0] == cases[i].value.deviation[0]);
        da_model_free(loaded);
    }
    da_model_free(model);
    model = build("mlp-2", (const int64_t[]){ 1, 1, 5 }, 0, 1);
    model->normalization = (da_normalization){ true, 5, { 0 }, { 1, 1, 1, 1 } };
    CHECK_FAILS(da_checkpoint_save(model, path, NULL), DA_ERROR_ARGUMENT, "5 channels; 1 to 4 can be normalised");
    da_model_free(model);
}

TEST(checkpoint_tells_whether_frozen_values_are_its_own) {
    const char *path = test_temporary("frozen.safetensors");
    da_model *model = build("resnet8x0.25", digit, DA_SHORTCUT_CONV_NORM, 1);
    da_safetensors file = { 0 };
    CHECK_OK(da_checkpoint_save(model, path, NULL));
    CHECK_OK(da_safetensors_read(&file, path));
    da_model_freeze_all(model, true);
    CHECK_OK(da_checkpoint_check_frozen(model, &file, path));
    CHECK_OK(da_model_train_only(model, (const char *const[]){ "linear" }, 1));
    da_parameter_list list = { 0 };
    CHECK_OK(da_model_parameters(model, &list));
    for (int i = 0; i < list.count && !test_failed(); i++) {
        const da_parameter *p = list.items[i].parameter;
        float *last = da_tensor_floats(&p->value) + da_parameter_count(p) - 1, kept = *last;
        *last = nextafterf(kept, 2);
        if (p->frozen)
            CHECK_FAILS(da_checkpoint_check_frozen(model, &file, path), DA_ERROR_ARGUMENT, list.items[i].name);
        else CHECK_OK(da_checkpoint_check_frozen(model, &file, path));
        *last = kept;
    }
    da_parameter_list_free(&list);
    int64_t blocks = da_memory().live_blocks, k = 0;
    da_status status = DA_ERROR_MEMORY;
    for (; k < 100 && status == DA_ERROR_MEMORY; k++) {
        da_memory_fail_after(k);
        status = da_checkpoint_check_frozen(model, &file, path);
        da_memory_fail_after(-1);
        CHECK_INT(da_memory().live_blocks, blocks);
    }
    CHECK(status == DA_OK && k > 2);
    da_safetensors_free(&file);
    da_model_free(model);
}

TEST(checkpoint_that_cannot_be_written_leaves_the_old_one) {
    const char *path = test_temporary("kept.safetensors");
    da_model *model = build("lenet", digit, 0, 1), *loaded = NULL;
    CHECK_OK(da_checkpoint_save(model, path, NULL));
    CHECK_FAILS(da_checkpoint_save(model, "/dev/full", NULL), DA_ERROR_IO, "/dev/full");
    CHECK(da_checkpoint_save(model, "/nonexistent/model.safetensors", NULL) != DA_OK);
    da_memory_fail_after(3);
    CHECK(da_checkpoint_save(model, path, NULL) == DA_ERROR_MEMORY);
    da_memory_fail_after(-1);
    CHECK_OK(da_checkpoint_load(&loaded, path, NULL));
    check_same(model, loaded);
    CHECK_FAILS(da_checkpoint_load(&loaded, "/nonexistent/x", NULL), DA_ERROR_NOT_FOUND, "/nonexistent/x");
    da_model_free(model);
    da_model_free(loaded);
}

TEST(checkpoint_survives_truncation_and_allocation_failure) {
    const char *path = test_temporary("whole.safetensors"), *cut = test_temporary("cut.safetensors");
    da_model *model = build("resnet8x0.25", digit, DA_SHORTCUT_CONV, 1), *loaded = NULL;
    uint8_t *bytes = NULL;
    size_t size = 0;
    CHECK_OK(da_checkpoint_save(model, path, NULL));
    CHECK_OK(da_file_read(path, 1 << 24, &bytes, &size));
    for (size_t n = 0; n < size && !test_failed(); n += 1 + size / 97) {
        CHECK_OK(da_file_save(cut, bytes, n));
        CHECK(da_checkpoint_load(&loaded, cut, NULL) == DA_ERROR_FORMAT);
    }
    da_free(bytes);
    int64_t blocks = da_memory().live_blocks;
    int k = 0;
    for (; k < 2000 && !test_failed(); k++) {
        da_memory_fail_after(k);
        da_status status = da_checkpoint_load(&loaded, path, NULL);
        da_memory_fail_after(-1);
        if (status == DA_OK) break;
        CHECK_INT(status, DA_ERROR_MEMORY);
        CHECK_INT(da_memory().live_blocks, blocks);
    }
    CHECK(k > 100);
    check_same(model, loaded);
    da_model_free(model);
    da_model_free(loaded);
}
