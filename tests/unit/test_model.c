/* The chain: names, parameters, freezing, surgery, hashes, sizes, memory. */
#include "core/memory.h"
#include "core/sha256.h"
#include "layers/zoo.h"
#include "tests/unit/test.h"

static const int64_t digit[3] = { 28, 28, 1 }, colour[3] = { 32, 32, 3 };

static da_model *build(const char *name, const int64_t *input, uint64_t seed) {
    da_model *model = NULL;
    CHECK_OK(da_zoo_build(&model, name, input, 10, NULL));
    CHECK_OK(da_model_initialize(model, DA_INIT_HE, seed));
    return model;
}

static char *hash_of(const da_model *model, char hex[65]) {
    CHECK_OK(da_model_hash(model, -1, hex));
    return hex;
}

TEST(model_parameters_have_pytorch_names_in_order) {
    static const char *const names[] = { "conv1.weight", "bn1.weight", "bn1.bias", "bn1.running_mean",
                                         "bn1.running_var",
                                         "layer1.0.conv1.weight", "layer1.0.bn1.weight" };
    da_model *model = build("resnet8", colour, 1);
    da_parameter_list list;
    CHECK_OK(da_model_parameters(model, &list));
    for (int i = 0; i < 7; i++) CHECK_TEXT(list.items[i].name, names[i]);
    CHECK_TEXT(list.items[list.count - 1].name, "linear.bias");
    CHECK_INT(list.items[5].unit, da_model_find(model, "layer1.0"));
    da_parameter_list_free(&list);
    CHECK_INT(da_model_find(model, "layer1"), -1);
    CHECK(da_error_code() == DA_ERROR_NOT_FOUND && strstr(da_error_message(), "layer1.0") && strstr(da_error_message(),
            "linear"));
    da_model_free(model);
}

TEST(model_refuses_bad_chains) {
    const int64_t bad[3] = { 0, 28, 1 };
    da_model *model = NULL;
    const da_layer_options relu = { .kind = DA_LAYER_RELU }, pool = { .kind = DA_LAYER_MAX_POOL, .size = 29 };
    CHECK_FAILS(da_model_new(&model, "x", bad, 10), DA_ERROR_SHAPE, "0x28x1");
    CHECK_FAILS(da_model_new(&model, "x", digit, 0), DA_ERROR_ARGUMENT, "not 0");
    CHECK(model == NULL);
    CHECK_OK(da_model_new(&model, "x", digit, 10));
    CHECK_OK(da_model_append(model, "a", &relu));
    CHECK_FAILS(da_model_append(model, "a", &relu), DA_ERROR_ARGUMENT, "unit 'a' already");
    CHECK_FAILS(da_model_append(model, "b", &pool), DA_ERROR_SHAPE, "max_pool 'b'");
    CHECK_INT(model->unit_count, 1);
    da_model_free(model);
}

/* He's variance, 2 / fan_in; and a layer starts alike whatever stands before it. */
TEST(model_initialization_is_keyed_by_name) {
    char a[65], b[65];
    da_model *large = build("resnet14", colour, 3), *small = build("resnet8", colour, 3), *other = build("resnet8",
            colour, 4);
    CHECK_OK(da_model_hash(large, da_model_find(large, "layer2.0"), a));
    CHECK_OK(da_model_hash(small, da_model_find(small, "layer2.0"), b));
    CHECK_TEXT(a, b);
    CHECK_OK(da_model_hash(other, da_model_find(other, "layer2.0"), b));
    CHECK(strcmp(a, b) != 0);
    const da_parameter *weight = &large->units[da_model_find(large, "layer3.1")]->children[0]->parameters[0];
    double sum = 0, squares = 0, n = (double)da_parameter_count(weight);
    for (int64_t i = 0; i < da_parameter_count(weight); i++) {
        double v = (double)da_tensor_floats(&weight->value)[i];
        sum += v;
        squares += v * v;
    }
    double variance = 2.0 / (64 * 9);
    CHECK_CLOSE(sum / n, 0, 5 * sqrt(variance / n));
    CHECK_CLOSE(squares / n, variance, 5 * variance * sqrt(2 / n));
    CHECK_OK(da_model_initialize(large, DA_INIT_XAVIER, 3));
    squares = 0;
    for (int64_t i = 0; i < da_parameter_count(weight); i++)
        squares += (double)da_tensor_floats(&weight->value)[i] * (double)da_tensor_floats(&weight->value)[i];
    CHECK_CLOSE(squares / n, variance / 2, 5 * variance * sqrt(2 / n));
    da_model_free(large);
    da_model_free(small);
    da_model_free(other);
}

TEST(model_initialize_leaves_frozen_units) {
    char before[65], after[65];
    da_model *model = build("lenet", digit, 1);
    const char *names[] = { "fc1", "fc3" }, *wrong[] = { "fc1", "fc9" };
    CHECK_OK(da_model_train_only(model, names, 2));
    CHECK_OK(da_model_hash(model, da_model_find(model, "conv1"), before));
    CHECK_OK(da_model_initialize(model, DA_INIT_HE, 2));
    CHECK_OK(da_model_hash(model, da_model_find(model, "conv1"), after));
    CHECK_TEXT(after, before);
    CHECK(!model->units[da_model_find(model, "fc1")]->parameters[0].frozen);
    CHECK(model->units[da_model_find(model, "fc2")]->parameters[0].frozen);
    CHECK_FAILS(da_model_train_only(model, wrong, 2), DA_ERROR_NOT_FOUND, "fc9");
    CHECK(!model->units[da_model_find(model, "fc3")]->parameters[0].frozen);
    da_model_freeze_all(model, false);
    CHECK(!model->units[0]->parameters[0].frozen);
    da_model_free(model);
}

static void hash_u64(da_sha256 *sha, uint64_t v) {
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(v >> 8 * i);
    da_sha256_update(sha, bytes, 8);
}

/* The fingerprint as its definition says, recomputed for a layer of two parameters. */
TEST(model_hash_is_what_its_definition_says) {
    const int64_t tiny[3] = { 1, 1, 3 };
    const da_layer_options linear = { .kind = DA_LAYER_LINEAR, .outputs = 2 };
    da_model *model = NULL;
    char hex[65], expected[65];
    da_sha256 sha;
    CHECK_OK(da_model_new(&model, "tiny", tiny, 2));
    CHECK_OK(da_model_append(model, "fc", &linear));
    float *weight = da_tensor_floats(&model->units[0]->parameters[0].value);
    for (int i = 0; i < 6; i++) weight[i] = (float)(1 << i);
    da_sha256_init(&sha);
    da_sha256_update(&sha, "fc.bias\0F32", 12);
    hash_u64(&sha, 1);
    hash_u64(&sha, 2);
    da_sha256_update(&sha, "\0\0\0\0\0\0\0\0", 8);
    da_sha256_update(&sha, "fc.weight\0F32", 14);
    hash_u64(&sha, 2);
    hash_u64(&sha, 2);
    hash_u64(&sha, 3);
    /* 1 4 16 2 8 32 */
    const uint8_t high[] = { 0x3f, 0x40, 0x41, 0x40, 0x41, 0x42 }, low[] = { 0x80, 0x80, 0x80, 0, 0, 0 };
    for (int i = 0; i < 6; i++) da_sha256_update(&sha, (uint8_t[]){ 0, 0, low[i], high[i] }, 4);
    da_sha256_hex(&sha, expected);
    CHECK_TEXT(hash_of(model, hex), expected);
    da_model_free(model);
}

TEST(model_copy_is_deep) {
    static const char *const names[10] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "" };
    char before[65], after[65];
    da_model *model = build("resnet8", colour, 1), *copy = NULL;
    CHECK_OK(da_model_set_class_names(model, names));
    model->normalization = (da_normalization){ true, 3, { 1, 2, 3 }, { 4, 5, 6 } };
    model->units[0]->parameters[0].frozen = true;
    CHECK_OK(da_model_copy(&copy, model));
    CHECK_TEXT(hash_of(copy, after), hash_of(model, before));
    CHECK(copy->units[0]->parameters[0].frozen && !copy->units[1]->parameters[0].frozen);
    CHECK_TEXT(copy->class_names[1], "b");
    CHECK_CLOSE(copy->normalization.deviation[2], 6, 0);
    da_tensor_floats(&model->units[0]->parameters[0].value)[0] += 1;
    CHECK_TEXT(hash_of(copy, after), before);
    da_model_free(model);
    CHECK_TEXT(copy->class_names[9], "");
    da_model_free(copy);
}

TEST(model_removal_needs_equal_shapes) {
    da_model *model = build("resnet20", colour, 1);
    int b = da_model_find(model, "layer1.1"), t = da_model_find(model, "layer2.0"), count = model->unit_count;
    CHECK_FAILS(da_model_can_remove(model, t, t + 1), DA_ERROR_SHAPE, "layer2.0 cannot be removed: it turns 32x32x16 "
                "into 16x16x32");
    CHECK_FAILS(da_model_remove(model, b, t + 1), DA_ERROR_SHAPE, "layer1.1 to layer2.0");
    CHECK_FAILS(da_model_can_remove(model, 0, count), DA_ERROR_SHAPE, "leave no model");
    CHECK_FAILS(da_model_can_remove(model, 3, 3), DA_ERROR_ARGUMENT, "[3, 3)");
    CHECK_FAILS(da_model_can_remove(model, -1, 3), DA_ERROR_ARGUMENT, "[-1, 3)");
    CHECK_FAILS(da_model_can_remove(model, 3, count + 1), DA_ERROR_ARGUMENT, "chain of");
    CHECK_INT(model->unit_count, count);
    CHECK_OK(da_model_remove(model, b, b + 2));
    CHECK_INT(model->unit_count, count - 2);
    CHECK_TEXT(model->architecture, "resnet20 without layer1.1, layer1.2");
    CHECK_TEXT(model->units[b]->name, "layer2.0");
    b = da_model_find(model, "layer3.2");
    CHECK_OK(da_model_remove(model, b, b + 1));
    CHECK_TEXT(model->architecture, "resnet20 without layer1.1, layer1.2, layer3.2");
    da_model_free(model);
}

static int64_t peak_of(da_graph *graph, da_model *model, const da_tensor *x, bool recording, float *logits) {
    da_graph_reset(graph);
    da_graph_set_recording(graph, recording);
    da_memory_reset_peak();
    da_forward forward = { .graph = graph };
    const da_tensor *y = da_node_value(da_model_forward(model, &forward, da_graph_input(graph, x)));
    CHECK_OK(da_graph_status(graph));
    memcpy(logits, y->data, da_tensor_bytes(y));
    return da_memory().peak_bytes;
}

TEST(model_inference_gives_memory_back_and_stops_allocating) {
    const int64_t batch[4] = { 4, 32, 32, 3 };
    float logits[3][40];
    da_tensor x = { 0 };
    da_graph *graph = NULL;
    da_model *model = build("resnet20", colour, 1);
    CHECK_OK(da_tensor_init(&x, DA_FLOAT32, 4, batch));
    for (int64_t i = 0; i < da_tensor_count(&x); i++) da_tensor_floats(&x)[i] = (float)(i % 11) / 11;
    CHECK_OK(da_graph_new(&graph));
    int64_t lean = peak_of(graph, model, &x, false, logits[0]), calls = da_memory().calls;
    CHECK_INT(peak_of(graph, model, &x, false, logits[1]), lean);
    CHECK_INT(da_memory().calls, calls);
    int64_t full = peak_of(graph, model, &x, true, logits[2]);
    int64_t map = 4 * 32 * 32 * 16 * 4;
    CHECK(full > lean + 10 * map);
    CHECK(memcmp(logits[0], logits[1], sizeof logits[0]) == 0 && memcmp(logits[0], logits[2], sizeof logits[0]) == 0);

    da_graph_reset(graph); /* in two ranges: the same bits */
    da_forward forward = { .graph = graph };
    da_node *half = da_model_forward_range(model, 0, 5, &forward, da_graph_input(graph, &x));
    const da_tensor *y = da_node_value(da_model_forward_range(model, 5, model->unit_count, &forward, half));
    CHECK(memcmp(y->data, logits[0], sizeof logits[0]) == 0);
    da_graph_free(graph);
    da_tensor_free(&x);
    da_model_free(model);
}

TEST(model_misuse_is_one_sentence) {
    const int64_t batch[4] = { 1, 32, 32, 3 };
    da_tensor x = { 0 };
    da_graph *graph = NULL;
    da_model *model = build("lenet", digit, 1);
    CHECK_OK(da_tensor_zeros(&x, DA_FLOAT32, 4, batch));
    CHECK_OK(da_graph_new(&graph));
    da_forward forward = { .graph = graph };
    CHECK(da_node_poisoned(da_model_forward(model, &forward, da_graph_input(graph, &x))));
    CHECK_FAILS(da_graph_status(graph), DA_ERROR_SHAPE, "'conv1'");
    da_graph_free(graph);
    da_tensor_free(&x);
    da_model_free(model);
}

TEST(model_sizes_of_known_networks) {
    static const struct { const char *name; const int64_t *input; int64_t parameters, multiply_adds; } known[] = {
        { "mlp", digit, 535818, 535040 }, { "lenet", digit, 61706, 416520 }, { "smallcnn", digit, 1199882, 11992448 },
        { "resnet20", colour, 269722, 40551040 }, { "vgg11", colour, 9231114, 152769536 }, { "vgg16", colour, 14728266,
                313201664 },
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        da_model *model = NULL;
        da_model_size total, units[64];
        int64_t sum = 0;
        CHECK_OK(da_zoo_build(&model, known[i].name, known[i].input, 10, NULL));
        CHECK_OK(da_model_measure(model, &total, units));
        CHECK_INT(total.parameters, known[i].parameters);
        CHECK_INT(total.multiply_adds, known[i].multiply_adds);
        for (int u = 0; u < model->unit_count; u++) sum += units[u].activation_bytes;
        CHECK_INT(total.activation_bytes, sum);
        da_model_free(model);
    }
}

TEST(model_measure_counts_what_is_frozen) {
    const char *names[] = { "fc2" };
    da_model *model = build("lenet", digit, 1);
    da_model_size total, units[16];
    CHECK_OK(da_model_train_only(model, names, 1));
    CHECK_OK(da_model_measure(model, &total, units));
    for (int u = 0; u < model->unit_count; u++)
        CHECK_INT(units[u].frozen, strcmp(model->units[u]->name, "fc2") == 0 ? 0 : units[u].parameters);
    CHECK_INT(total.frozen, 61706 - 10164);
    da_model_free(model);
}

static da_status everything(void) {
    da_model *model = NULL, *copy = NULL;
    char hex[65];
    DA_TRY(da_zoo_build(&model, "resnet8x0.25", digit, 3, &(da_zoo_options){ DA_SHORTCUT_CONV }));
    da_status status = da_model_initialize(model, DA_INIT_HE, 1);
    if (status == DA_OK) status = da_model_set_class_names(model, (const char *const[]){ "x", "y", "z" });
    if (status == DA_OK) status = da_model_copy(&copy, model);
    if (status == DA_OK) status = da_model_hash(model, -1, hex);
    if (status == DA_OK) status = da_model_remove(model, 3, 4);
    da_model_free(copy);
    da_model_free(model);
    return status;
}

TEST(model_survives_every_allocation_failure) {
    int64_t blocks = da_memory().live_blocks;
    int k = 0;
    for (; k < 2000; k++) {
        da_memory_fail_after(k);
        da_status status = everything();
        da_memory_fail_after(-1);
        CHECK_INT(da_memory().live_blocks, blocks);
        if (status == DA_OK || test_failed()) break;
        CHECK_INT(status, DA_ERROR_MEMORY);
    }
    CHECK(k > 100 && k < 2000);
}

/* What changes the function changes the fingerprint, one member at a time; what is only said of the network does not. */
TEST(model_fingerprint_covers_the_function) {
    char first[65], now[65];
    da_model *model = build("smallcnn", colour, 1);
    const char *names[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j" };
    model->normalization = (da_normalization){ true, 3, { .5f, .5f, .5f }, { .25f, .25f, .25f } };
    CHECK_OK(da_model_fingerprint(model, first));
#define CHANGES(change, back)                                                                                          \
    do {                                                                                                               \
        change;                                                                                                        \
        CHECK_OK(da_model_fingerprint(model, now));                                                                    \
        CHECK(strcmp(now, first) != 0);                                                                                \
        back;                                                                                                          \
        CHECK_OK(da_model_fingerprint(model, now));                                                                    \
        CHECK_TEXT(now, first);                                                                                        \
    } while (0)
    CHANGES(model->normalization.mean[1] = .5000001f, model->normalization.mean[1] = .5f);
    CHANGES(model->normalization.known = false, model->normalization.known = true);
    CHANGES(model->conv = DA_CONV_WINOGRAD, model->conv = DA_CONV_DIRECT);
    CHANGES(CHECK_OK(da_model_set_class_names(model, names)), CHECK_OK(da_model_set_class_names(model, NULL)));
    da_layer_options *options = &model->units[0]->options;
    CHANGES(options->stride = 2, options->stride = 1);
    float *value = da_tensor_floats(&model->units[0]->parameters[0].value), was = *value;
    CHANGES(*value = -was, *value = was);
#undef CHANGES
    strcpy(model->architecture, "other"); /* shorter than smallcnn */
    da_model_freeze_all(model, true);
    CHECK_OK(da_model_fingerprint(model, now));
    CHECK_TEXT(now, first);
    da_model_free(model);
}
