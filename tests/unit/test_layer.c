/* Layers: shapes, options, layouts, and forward passes checked by hand. */
#include "core/memory.h"
#include "core/random.h"
#include "layers/layer.h"
#include "tests/unit/test.h"

#include <stdio.h>

static const int64_t image[3] = { 8, 8, 4 };

static da_layer *make(da_layer_options options, int ndim, const int64_t *shape) {
    da_layer *layer = NULL;
    CHECK_OK(da_layer_new(&layer, "unit", &options, ndim, shape));
    return layer;
}

static void fill(da_tensor *t, uint64_t which) {
    for (int64_t i = 0; i < da_tensor_count(t); i++)
        da_tensor_floats(t)[i] = da_random_uniform(7, da_stream(DA_RANDOM_TEST, which), (uint64_t)i) - 0.5f;
}

static void fill_layer(da_layer *layer, uint64_t which) {
    for (int i = 0; i < layer->parameter_count; i++) {
        fill(&layer->parameters[i].value, which * 10 + (uint64_t)i);
        if (strcmp(layer->parameters[i].name, "running_var") == 0)
            for (int64_t c = 0; c < da_parameter_count(&layer->parameters[i]); c++)
                da_tensor_floats(&layer->parameters[i].value)[c] += 1;
    }
    for (int i = 0; i < layer->child_count; i++) fill_layer(layer->children[i], which * 10 + 5 + (uint64_t)i);
}

TEST(layer_shapes_and_names_follow_pytorch) {
    da_layer *conv = make((da_layer_options){ .kind = DA_LAYER_CONV2D, .outputs = 6, .kernel = 3, .stride = 2,
                                              .padding = 1, .groups = 2 }, 3, image);
    CHECK_INT(conv->out_shape[0], 4);
    CHECK_INT(conv->out_shape[2], 6);
    CHECK_INT(conv->parameter_count, 2);
    CHECK_TEXT(conv->parameters[0].name, "weight");
    CHECK_INT(conv->parameters[0].layout.file_shape[0], 6);
    CHECK_INT(conv->parameters[0].layout.file_shape[1], 2);
    CHECK_INT(conv->parameters[0].value.shape[3], 6);
    da_layer_free(conv);

    da_layer *block = make((da_layer_options){ .kind = DA_LAYER_RESIDUAL, .outputs = 8, .stride = 2,
                                               .shortcut = DA_SHORTCUT_CONV_NORM, .shortcut_name = "downsample" }, 3,
                                                   image);
    CHECK_INT(block->child_count, 6);
    CHECK_TEXT(block->children[0]->path, "unit.conv1");
    CHECK_TEXT(block->children[0]->name, "conv1");
    CHECK_TEXT(block->children[5]->children[1]->path, "unit.downsample.1");
    CHECK_INT(block->children[0]->parameter_count, 1);
    da_layer_free(block);

    da_layer *pool = make((da_layer_options){ .kind = DA_LAYER_MAX_POOL, .size = 3, .stride = 2, .padding = 1 }, 3,
                          image);
    CHECK_INT(pool->out_shape[1], 4);
    da_layer_free(pool);
    pool = make((da_layer_options){ .kind = DA_LAYER_AVERAGE_POOL, .size = 3 }, 3, image);
    CHECK_INT(pool->out_shape[1], 2);
    CHECK_INT(pool->options.stride, 3);
    da_layer_free(pool);
}

TEST(layer_batch_norm_starts_at_one) {
    da_layer *norm = make((da_layer_options){ .kind = DA_LAYER_BATCH_NORM }, 3, image);
    CHECK_CLOSE(da_tensor_floats(&norm->parameters[0].value)[3], 1, 0);
    CHECK_CLOSE(da_tensor_floats(&norm->parameters[1].value)[3], 0, 0);
    CHECK_CLOSE(da_tensor_floats(&norm->parameters[3].value)[3], 1, 0);
    CHECK(norm->parameters[2].buffer && !norm->parameters[2].gradient.data);
    CHECK_CLOSE(norm->options.momentum, 0.1f, 0);
    da_layer_free(norm);
}

TEST(layer_refuses_what_it_cannot_honour) {
    da_layer *layer = NULL;
    const int64_t flat[1] = { 10 }, none[3] = { 0, 8, 4 }, huge[3] = { 1 << 14, 1 << 14, 4 };
    const struct { da_layer_options options; int ndim; const int64_t *shape; da_status code; const char *part;
                   } cases[] = {
        { { .kind = DA_LAYER_RELU, .stride = 2 }, 3, image, DA_ERROR_ARGUMENT, "relu 'x' has no option 'stride'" },
        { { .kind = DA_LAYER_RELU, .shortcut = DA_SHORTCUT_PAD }, 3, image, DA_ERROR_ARGUMENT, "no shortcut" },
        { { .kind = DA_LAYER_CONV2D, .outputs = 4 }, 3, image, DA_ERROR_ARGUMENT, "'kernel' is 0" },
        { { .kind = DA_LAYER_CONV2D, .outputs = -4, .kernel = 3 }, 3, image, DA_ERROR_ARGUMENT, "'outputs' is -4" },
        { { .kind = DA_LAYER_CONV2D, .outputs = 4, .kernel = 3, .groups = 3 }, 3, image, DA_ERROR_SHAPE, "groups must "
          "divide" },
        { { .kind = DA_LAYER_CONV2D, .outputs = 4, .kernel = 9 }, 3, image, DA_ERROR_SHAPE, "kernel is larger" },
        { { .kind = DA_LAYER_CONV2D, .outputs = 4, .kernel = 3 }, 1, flat, DA_ERROR_SHAPE, "takes images" },
        { { .kind = DA_LAYER_CONV2D, .outputs = 1 << 20, .kernel = 3, .padding = 1 }, 3, image, DA_ERROR_SHAPE,
          "2^24" },
        { { .kind = DA_LAYER_LINEAR, .outputs = 1 << 21 }, 1, flat, DA_ERROR_ARGUMENT, "outputs" },
        { { .kind = DA_LAYER_MAX_POOL }, 3, image, DA_ERROR_ARGUMENT, "'size' is 0" },
        { { .kind = DA_LAYER_MAX_POOL, .size = 2, .padding = 2 }, 3, image, DA_ERROR_SHAPE, "half the window" },
        { { .kind = DA_LAYER_MAX_POOL, .size = 9 }, 3, image, DA_ERROR_SHAPE, "window is larger" },
        { { .kind = DA_LAYER_DROPOUT, .probability = 1 }, 3, image, DA_ERROR_ARGUMENT, "probability" },
        { { .kind = DA_LAYER_DROPOUT, .probability = NAN }, 3, image, DA_ERROR_ARGUMENT, "probability" },
        { { .kind = DA_LAYER_RESIDUAL, .outputs = 8 }, 3, image, DA_ERROR_SHAPE, "identity" },
        { { .kind = DA_LAYER_RESIDUAL, .outputs = 2, .shortcut = DA_SHORTCUT_PAD }, 3, image, DA_ERROR_SHAPE, "take "
          "channels away" },
        { { .kind = DA_LAYER_RESIDUAL, .outputs = 4, .shortcut_name = "skip" }, 3, image, DA_ERROR_ARGUMENT, "not "
          "'skip'" },
        { { .kind = DA_LAYER_RESIDUAL, .outputs = 4, .shortcut = (da_shortcut)9 }, 3, image, DA_ERROR_ARGUMENT,
          "shortcut number 9" },
        { { .kind = DA_LAYER_SEQUENTIAL }, 3, image, DA_ERROR_ARGUMENT, "sequential" },
        { { .kind = (da_layer_kind)99 }, 3, image, DA_ERROR_ARGUMENT, "kind number 99" },
        { { .kind = DA_LAYER_RELU }, 3, none, DA_ERROR_SHAPE, "1 to 2^24" },
        { { .kind = DA_LAYER_RELU }, 3, huge, DA_ERROR_SHAPE, "1 to 2^24" },
        { { .kind = DA_LAYER_RELU }, 2, image, DA_ERROR_SHAPE, "not 2" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        CHECK_FAILS(da_layer_new(&layer, "x", &cases[i].options, cases[i].ndim, cases[i].shape), cases[i].code,
                    cases[i].part);
    const da_layer_options relu = { .kind = DA_LAYER_RELU };
    const char *bad[] = { "", ".", "a..b", "a b", "a.", "x/y", "\xc3\xa9",
        ("a123456789a123456789a123456789a123456789a123456789a123456789"
        "a123456789a123456789a123456789a123456789a123456789a123456789a1234567") };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK_FAILS(da_layer_new(&layer, bad[i], &relu, 3, image), DA_ERROR_ARGUMENT, "is no name");
    CHECK(layer == NULL);
}

TEST(layer_layout_goes_to_memory_and_back) {
    const da_layout layout = { .file_ndim = 2, .view_ndim = 4, .file_shape = { 2, 12 }, .view = { 2, 3, 2, 2 },
                               .axes = { 2, 3, 1, 0 } };
    float file[24], memory[24], again[24];
    for (int i = 0; i < 24; i++) file[i] = (float)i;
    da_layout_to_memory(&layout, file, memory);
    for (int o = 0; o < 2; o++)
        for (int c = 0; c < 3; c++)
            for (int h = 0; h < 2; h++)
                for (int w = 0; w < 2; w++)
                    CHECK_CLOSE(memory[((h * 2 + w) * 3 + c) * 2 + o], file[((o * 3 + c) * 2 + h) * 2 + w], 0);
    da_layout_to_file(&layout, memory, again);
    CHECK(memcmp(file, again, sizeof file) == 0);
}

/* The same file gives the same answer whether a flatten stands before the linear layer or not. */
TEST(layer_linear_of_an_image_is_flatten_then_linear) {
    const int64_t features[1] = { 8 * 8 * 4 }, batch[4] = { 3, 8, 8, 4 };
    static float file[5 * 256];
    da_tensor x = { 0 };
    da_graph *g = NULL;
    da_layer *direct = make((da_layer_options){ .kind = DA_LAYER_LINEAR, .outputs = 5 }, 3, image);
    da_layer *flatten = make((da_layer_options){ .kind = DA_LAYER_FLATTEN }, 3, image);
    da_layer *plain = make((da_layer_options){ .kind = DA_LAYER_LINEAR, .outputs = 5 }, 1, features);
    CHECK_OK(da_tensor_init(&x, DA_FLOAT32, 4, batch));
    CHECK_OK(da_graph_new(&g));
    fill(&x, 1);
    for (int i = 0; i < 5 * 256; i++) file[i] = da_random_uniform(3, da_stream(DA_RANDOM_TEST, 9), (uint64_t)i);
    da_layout_to_memory(&direct->parameters[0].layout, file, da_tensor_floats(&direct->parameters[0].value));
    da_layout_to_memory(&plain->parameters[0].layout, file, da_tensor_floats(&plain->parameters[0].value));
    da_forward f = { .graph = g };
    da_node *input = da_graph_input(g, &x);
    da_node *a = da_layer_forward(direct, &f, input);
    da_node *b = da_layer_forward(plain, &f, da_layer_forward(flatten, &f, input));
    CHECK_OK(da_graph_status(g));
    for (int n = 0; n < 3 && !test_failed(); n++)
        for (int o = 0; o < 5; o++) {
            double sum = 0; /* PyTorch's order of features, written out */
            for (int c = 0; c < 4; c++)
                for (int p = 0; p < 64; p++)
                    sum += (double)file[o * 256 + c * 64 + p] * (double)da_tensor_floats(&x)[(n * 64 + p) * 4 + c];
            CHECK_CLOSE(da_tensor_floats(da_node_value(a))[n * 5 + o], sum, 1e-4);
            CHECK_CLOSE(da_tensor_floats(da_node_value(b))[n * 5 + o], sum, 1e-4);
        }
    da_graph_free(g);
    da_tensor_free(&x);
    da_layer_free(direct);
    da_layer_free(flatten);
    da_layer_free(plain);
}

typedef struct seen { int count; char names[16][40]; int depth[16]; float first[16], last[16]; } seen;

static void see(void *context, const char *name, int depth, da_node *output) {
    seen *s = context;
    if (s->count == 16) return;
    snprintf(s->names[s->count], sizeof s->names[0], "%s", name);
    s->first[s->count] = da_tensor_floats(da_node_value(output))[0];
    s->last[s->count] = da_tensor_floats(da_node_value(output))[da_tensor_count(da_node_value(output)) - 1];
    s->depth[s->count++] = depth;
}

/* Option A: with a branch of zeros the block is the ReLU of its shortcut, which can be written down. */
TEST(layer_padding_shortcut_subsamples_and_centres_channels) {
    const int64_t batch[4] = { 2, 8, 8, 4 };
    da_tensor x = { 0 };
    da_graph *g = NULL;
    da_layer *block = make((da_layer_options){ .kind = DA_LAYER_RESIDUAL, .outputs = 9, .stride = 2,
                                               .shortcut = DA_SHORTCUT_PAD }, 3, image);
    CHECK_OK(da_tensor_init(&x, DA_FLOAT32, 4, batch));
    CHECK_OK(da_graph_new(&g));
    fill(&x, 2);
    da_forward f = { .graph = g };
    const da_tensor *y = da_node_value(da_layer_forward(block, &f, da_graph_input(g, &x)));
    CHECK_OK(da_graph_status(g));
    for (int n = 0; n < 2 && !test_failed(); n++)
        for (int h = 0; h < 4; h++)
            for (int w = 0; w < 4; w++)
                for (int c = 0; c < 9; c++) {
                    float expected = c >= 2 && c < 6 ? da_tensor_floats(&x)[((n * 8 + 2 * h) * 8 + 2 * w) * 4 + c - 2]
                        : 0;
                    CHECK_CLOSE(da_tensor_floats(y)[((n * 4 + h) * 4 + w) * 9 + c], expected > 0 ? expected : 0, 0);
                }
    da_graph_free(g);
    da_tensor_free(&x);
    da_layer_free(block);
}

/* Observed outputs are the same whether the graph keeps everything or gives memory back on the way. */
TEST(layer_observe_sees_children_first_and_release_changes_nothing) {
    const int64_t batch[4] = { 2, 8, 8, 4 };
    static const char *const names[] = { "unit.conv1", "unit.bn1", "unit.relu1", "unit.conv2", "unit.bn2",
                                         "unit.shortcut.0",
                                         "unit.shortcut.1", "unit.shortcut", "unit.add", "unit" };
    static const int depth[] = { 1, 1, 1, 1, 1, 2, 2, 1, 1, 0 };
    da_tensor x = { 0 };
    da_graph *g = NULL;
    da_layer *block = make((da_layer_options){ .kind = DA_LAYER_RESIDUAL, .outputs = 8, .stride = 2,
                                               .shortcut = DA_SHORTCUT_CONV_NORM }, 3, image);
    fill_layer(block, 1);
    CHECK_OK(da_tensor_init(&x, DA_FLOAT32, 4, batch));
    CHECK_OK(da_graph_new(&g));
    fill(&x, 2);
    seen all[2] = { { 0 }, { 0 } };
    for (int recording = 0; recording < 2; recording++) {
        da_graph_reset(g);
        da_graph_set_recording(g, recording);
        da_forward f = { .graph = g, .observe = see, .context = &all[recording] };
        da_layer_forward(block, &f, da_graph_input(g, &x));
        CHECK_OK(da_graph_status(g));
        CHECK_INT(f.depth, 0);
        CHECK_INT(all[recording].count, 10);
        for (int i = 0; i < 10; i++) {
            CHECK_TEXT(all[recording].names[i], names[i]);
            CHECK_INT(all[recording].depth[i], depth[i]);
        }
    }
    for (int i = 0; i < 10; i++) {
        CHECK(memcmp(&all[0].first[i], &all[1].first[i], sizeof(float)) == 0);
        CHECK(memcmp(&all[0].last[i], &all[1].last[i], sizeof(float)) == 0);
    }
    CHECK(all[0].first[8] != 0);
    da_graph_free(g);
    da_tensor_free(&x);
    da_layer_free(block);
}

static void freeze(da_layer *layer, bool frozen) {
    for (int i = 0; i < layer->parameter_count; i++) layer->parameters[i].frozen = frozen;
    for (int i = 0; i < layer->child_count; i++) freeze(layer->children[i], frozen);
}

/* One training pass of a batch norm; returns the running mean of channel 0. */
static float train_norm(da_layer *norm, da_tensor *x, bool frozen) {
    da_graph *g = NULL;
    da_tensor dx = { 0 };
    freeze(norm, frozen);
    CHECK_OK(da_tensor_init(&dx, DA_FLOAT32, x->ndim, x->shape));
    CHECK_OK(da_graph_new(&g));
    da_forward f = { .graph = g, .training = true };
    da_node *y = da_layer_forward(norm, &f, da_graph_leaf(g, x, &dx));
    CHECK_OK(da_graph_backward(g, da_sum(g, da_multiply(g, y, y), 0, false)));
    da_graph_free(g);
    da_tensor_free(&dx);
    return da_tensor_floats(&norm->parameters[2].value)[0];
}

TEST(layer_frozen_batch_norm_uses_and_keeps_its_statistics) {
    const int64_t batch[4] = { 2, 8, 8, 4 };
    da_tensor x = { 0 };
    da_layer *norm = make((da_layer_options){ .kind = DA_LAYER_BATCH_NORM }, 3, image);
    CHECK_OK(da_tensor_init(&x, DA_FLOAT32, 4, batch));
    for (int i = 0; i < 512; i++) da_tensor_floats(&x)[i] = (float)(i % 7) + 1;
    CHECK_CLOSE(train_norm(norm, &x, true), 0, 0);
    CHECK_CLOSE(da_tensor_floats(&norm->parameters[3].value)[0], 1, 0);
    CHECK_CLOSE(da_tensor_floats(&norm->parameters[0].gradient)[0], 0, 0);
    CHECK(train_norm(norm, &x, false) > 0.1f);
    CHECK(da_tensor_floats(&norm->parameters[0].gradient)[0] > 1);
    da_tensor_free(&x);
    da_layer_free(norm);
}

TEST(layer_dropout_is_keyed_by_seed_step_and_name) {
    const int64_t batch[4] = { 2, 8, 8, 4 };
    da_tensor x = { 0 };
    da_graph *g = NULL;
    da_layer *a = make((da_layer_options){ .kind = DA_LAYER_DROPOUT }, 3, image), *b = NULL;
    const da_layer_options options = { .kind = DA_LAYER_DROPOUT };
    CHECK_OK(da_layer_new(&b, "other", &options, 3, image));
    CHECK_OK(da_tensor_init(&x, DA_FLOAT32, 4, batch));
    CHECK_OK(da_graph_new(&g));
    for (int i = 0; i < 512; i++) da_tensor_floats(&x)[i] = 1;
    da_forward f = { .graph = g, .training = true, .seed = 5, .step = 8 }, later = f, still = f;
    later.step = 9;
    still.training = false;
    da_node *in = da_graph_input(g, &x);
    const da_tensor *y[4] = { da_node_value(da_layer_forward(a, &f, in)), da_node_value(da_layer_forward(a, &f, in)),
                              da_node_value(da_layer_forward(b, &f, in)), da_node_value(da_layer_forward(a, &later,
                                      in)) };
    CHECK(da_layer_forward(a, &still, in) == in);
    CHECK_OK(da_graph_status(g));
    CHECK(memcmp(y[0]->data, y[1]->data, 2048) == 0);
    CHECK(memcmp(y[0]->data, y[2]->data, 2048) != 0);
    CHECK(memcmp(y[0]->data, y[3]->data, 2048) != 0);
    da_graph_free(g);
    da_tensor_free(&x);
    da_layer_free(a);
    da_layer_free(b);
}

/* Every kind that can stand alone: options survive JSON, and a forward pass gives the shape that was promised. */
TEST(layer_every_kind_keeps_its_promise) {
    const int64_t batch[4] = { 2, 8, 8, 4 };
    da_tensor x = { 0 };
    da_graph *g = NULL;
    CHECK_OK(da_tensor_init(&x, DA_FLOAT32, 4, batch));
    CHECK_OK(da_graph_new(&g));
    fill(&x, 3);
    for (int kind = 0; kind < DA_LAYER_KIND_COUNT; kind++) {
        da_layer_options o = { .kind = (da_layer_kind)kind }, read;
        if (kind == DA_LAYER_SEQUENTIAL) continue;
        if (kind == DA_LAYER_CONV2D || kind == DA_LAYER_LINEAR || kind == DA_LAYER_RESIDUAL) o.outputs = 12;
        if (kind == DA_LAYER_CONV2D) { o.kernel = 3; o.no_bias = true; o.stride = 2; o.groups = 4; o.padding = 2; }
        if (kind == DA_LAYER_MAX_POOL || kind == DA_LAYER_AVERAGE_POOL) { o.size = 3; o.stride = 1; o.padding = 1; }
        if (kind == DA_LAYER_RESIDUAL) { o.shortcut = DA_SHORTCUT_CONV; o.shortcut_name = "downsample";
                                         o.epsilon = 1e-3f; }
        if (kind == DA_LAYER_LEAKY_RELU) o.slope = 0.2f;
        da_layer *layer = make(o, 3, image);
        da_graph_reset(g);
        da_forward f = { .graph = g, .training = true };
        const da_tensor *y = da_node_value(da_layer_forward(layer, &f, da_graph_input(g, &x)));
        if (da_graph_status(g) != DA_OK) test_fail(__FILE__, __LINE__, "%s: %s", da_layer_kind_name(o.kind),
                                                   da_error_message());
        CHECK_INT(y->ndim, layer->out_ndim + 1);
        for (int d = 0; d < layer->out_ndim; d++) CHECK_INT(y->shape[d + 1], layer->out_shape[d]);

        da_json_writer w;
        da_json *root = NULL;
        char *text = NULL;
        da_json_writer_init(&w, false);
        da_json_begin_object(&w);
        da_layer_options_write(&layer->options, &w);
        da_json_end(&w);
        CHECK_OK(da_json_finish(&w, &text, NULL));
        CHECK_OK(da_json_parse(&root, text, strlen(text), "test"));
        CHECK_OK(da_layer_options_read(&read, root));
        da_layer *again = make(read, 3, image);
        CHECK_INT(again->options.kernel, layer->options.kernel);
        CHECK_INT(again->options.stride, layer->options.stride);
        CHECK_INT(again->options.no_bias, layer->options.no_bias);
        CHECK_INT(again->options.shortcut, layer->options.shortcut);
        CHECK(again->options.shortcut_name == layer->options.shortcut_name);
        CHECK_CLOSE(again->options.epsilon, layer->options.epsilon, 0);
        CHECK_CLOSE(again->options.slope, layer->options.slope, 0);
        da_json_free(root);
        da_free(text);
        da_layer_free(layer);
        da_layer_free(again);
    }
    da_graph_free(g);
    da_tensor_free(&x);
}

TEST(layer_options_from_json_are_bounded) {
    static const struct { const char *text, *part; } cases[] = {
        { "{}", "kind" }, { "[]", "" }, { "{\"kind\": \"warp\"}", "warp" }, { "{\"kind\": 3}", "string" },
        { "{\"kind\": \"relu\", \"colour\": 1}", "colour" }, { "{\"kind\": \"conv2d\", \"kernel\": 1e300}", "kernel" },
        { "{\"kind\": \"conv2d\", \"kernel\": 2.5}", "kernel" }, { "{\"kind\": \"conv2d\", \"kernel\": \"3\"}",
                                                                   "number" },
        { "{\"kind\": \"conv2d\", \"stride\": 0}", "stride" }, { "{\"kind\": \"conv2d\", \"outputs\": -1}", "outputs" },
        { "{\"kind\": \"leaky_relu\", \"slope\": 0}", "slope" }, { "{\"kind\": \"conv2d\", \"no_bias\": 1}", "true or "
                                                                   "false" },
        { "{\"kind\": \"residual\", \"shortcut\": \"jump\"}", "jump" }, { "{\"kind\": \"residual\", \"shortcut_name\": "
                                                                          "\"s\"}", "s" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        da_json *root = NULL;
        da_layer_options options = { .kind = DA_LAYER_TANH };
        CHECK_OK(da_json_parse(&root, cases[i].text, strlen(cases[i].text), "test"));
        CHECK_FAILS(da_layer_options_read(&options, root), DA_ERROR_FORMAT, cases[i].part);
        CHECK_INT(options.kind, DA_LAYER_TANH);
        da_json_free(root);
    }
}

/* The options hold floats: their bounds are the floats nearest to what the messages say. */
TEST(layer_options_take_their_own_bounds) {
    static const struct { da_layer_kind kind; const char *name; double most, beyond; } cases[] = {
        { DA_LAYER_DROPOUT, "probability", .999, .9991 }, { DA_LAYER_BATCH_NORM, "epsilon", 1e-12, 9.9e-13 },
        { DA_LAYER_DROPOUT, "probability", 1e-40, 1e-60 }, { DA_LAYER_LEAKY_RELU, "slope", -1, -1.001 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int beyond = 0; beyond < 2; beyond++) {
            char text[96];
            da_json *root = NULL;
            da_layer_options read = { .kind = DA_LAYER_TANH };
            int size = snprintf(text, sizeof text, "{\"kind\": \"%s\", \"%s\": %g}", da_layer_kind_name(cases[i].kind),
                                cases[i].name, beyond ? cases[i].beyond : cases[i].most);
            CHECK_OK(da_json_parse(&root, text, (size_t)size, "test"));
            if (beyond) {
                CHECK_FAILS(da_layer_options_read(&read, root), DA_ERROR_FORMAT, cases[i].name);
            } else {
                CHECK_OK(da_layer_options_read(&read, root));
                da_layer_free(make(read, 3, image));
            }
            da_json_free(root);
        }
    }
    da_layer *layer = NULL;
    const da_layer_options next = { .kind = DA_LAYER_DROPOUT, .probability = nextafterf(.999f, 1) };
    CHECK_FAILS(da_layer_new(&layer, "x", &next, 3, image), DA_ERROR_ARGUMENT, "probability");
    const da_layer_options none = { .kind = DA_LAYER_DROPOUT, .probability = NAN };
    CHECK_FAILS(da_layer_new(&layer, "x", &none, 3, image), DA_ERROR_ARGUMENT, "probability");
}

TEST(layer_survives_every_allocation_failure) {
    const da_layer_options options = { .kind = DA_LAYER_RESIDUAL, .outputs = 8, .stride = 2,
                                       .shortcut = DA_SHORTCUT_CONV_NORM };
    int64_t blocks = da_memory().live_blocks;
    int k = 0;
    for (; k < 200; k++) {
        da_layer *layer = NULL;
        da_memory_fail_after(k);
        da_status status = da_layer_new(&layer, "unit", &options, 3, image);
        da_memory_fail_after(-1);
        if (status == DA_OK) { da_layer_free(layer); break; }
        CHECK_INT(status, DA_ERROR_MEMORY);
        CHECK_INT(da_memory().live_blocks, blocks);
    }
    CHECK(k > 20 && k < 200);
}
