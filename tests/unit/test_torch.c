/* Parity with PyTorch: ten steps of training, and the logits of networks that others trained. The fixtures were made
 * once by tests/reference/make_torch_fixtures.py; weights and batches come from a formula that both sides have. */
#include "core/memory.h"
#include "core/random.h"
#include "layers/checkpoint.h"
#include "layers/zoo.h"
#include "optim/optimizer.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 10, MOST_SAMPLES = 32 };

/* Value i of a name, in [-0.5, 0.5): the script's `uniform` (FNV-1a, then SplitMix64). */
static double uniform(const char *name, int64_t i) {
    uint64_t z = UINT64_C(14695981039346656037);
    for (; *name; name++) z = (z ^ (unsigned char)*name) * UINT64_C(1099511628211);
    z += ((uint64_t)i + 1) * UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    z ^= z >> 31;
    return (double)(z >> 40) / (1 << 24) - 0.5;
}

static void set_weights(da_model *model) {
    da_parameter_list list;
    CHECK_OK(da_model_parameters(model, &list));
    for (int i = 0; i < list.count; i++) {
        da_parameter *p = list.items[i].parameter;
        if (p->layout.file_ndim == 1) continue; /* already 0, or 1 */
        int64_t count = da_parameter_count(p);
        double scale = sqrt(24.0 / (double)(count / p->layout.file_shape[0]));
        float *file = da_alloc((size_t)count * sizeof *file);
        for (int64_t k = 0; k < count; k++) file[k] = (float)(uniform(list.items[i].name, k) * scale);
        da_layout_to_memory(&p->layout, file, da_tensor_floats(&p->value));
        da_free(file);
    }
    da_parameter_list_free(&list);
}

/* Fills x (N H W C) with the batch that the script numbers N C H W. */
static void set_batch(da_tensor *x, uint8_t *labels, int step) {
    char images[32], names[32];
    int64_t n = x->shape[0], pixels = x->shape[1] * x->shape[2], channels = x->shape[3];
    snprintf(images, sizeof images, "images %d", step % 2);
    snprintf(names, sizeof names, "labels %d", step % 2);
    for (int64_t i = 0; i < n; i++) {
        labels[i] = (uint8_t)floor((uniform(names, i) + 0.5) * 10);
        for (int64_t c = 0; c < channels; c++)
            for (int64_t p = 0; p < pixels; p++)
                da_tensor_floats(x)[(i * pixels + p) * channels + c] = (float)uniform(images,
                        (i * channels + c) * pixels + p);
    }
}

static float train_step(da_graph *graph, da_model *model, da_optimizer *optimizer, const da_tensor *x,
                        const uint8_t *labels, float rate) {
    da_graph_reset(graph);
    da_forward forward = { .graph = graph, .training = true };
    da_node *loss = da_cross_entropy(graph, da_model_forward(model, &forward, da_graph_input(graph, x)), labels, 0);
    float value = da_node_scalar(loss);
    CHECK_OK(da_graph_backward(graph, loss));
    CHECK_OK(da_optimizer_step(optimizer, rate, NULL));
    return value;
}

static void compare_parameters(const da_model *model, const da_safetensors *fixture) {
    da_parameter_list list;
    CHECK_OK(da_model_parameters(model, &list));
    CHECK_INT(fixture->count, list.count + 1);
    for (int i = 0; i < list.count; i++) {
        double sum = 0, squares = 0;
        float expected[2] = { 0, 0 };
        const da_safetensors_entry *entry = da_safetensors_find(fixture, list.items[i].name);
        if (!entry) { test_fail(__FILE__, __LINE__, "the fixture has no %s", list.items[i].name); break; }
        CHECK_OK(da_safetensors_floats(entry, expected));
        for (int64_t k = 0; k < da_parameter_count(list.items[i].parameter); k++) {
            double v = (double)da_tensor_floats(&list.items[i].parameter->value)[k];
            sum += v;
            squares += v * v;
        }
        double norm = sqrt(squares), reach = 1e-3 * ((double)expected[1] + 1e-2);
        if (!(fabs(norm - (double)expected[1]) < reach) || !(fabs(sum - (double)expected[0]) < 10 * reach))
            test_fail(__FILE__, __LINE__, "%s: sum %g, norm %g; PyTorch's %g, %g", list.items[i].name, sum, norm,
                      (double)expected[0], (double)expected[1]);
    }
    da_parameter_list_free(&list);
}

/* No heap call happens in a step after the first. */
static void follow(const char *name, int64_t side, int64_t channels, int64_t samples, float rate) {
    char path[96];
    const int64_t input[3] = { side, side, channels }, shape[4] = { samples, side, side, channels };
    float losses[STEPS];
    uint8_t labels[MOST_SAMPLES];
    da_model *model = NULL;
    da_graph *graph = NULL;
    da_optimizer *optimizer = NULL;
    da_tensor x = { 0 };
    da_safetensors fixture = { 0 };
    da_optimizer_options options = da_optimizer_defaults(DA_SGD);
    options.momentum = 0.9f;
    options.weight_decay = 1e-4f;
    snprintf(path, sizeof path, "tests/fixtures/torch_%s.safetensors", name);
    CHECK_OK(da_safetensors_read(&fixture, path));
    CHECK_OK(da_safetensors_floats(da_safetensors_find(&fixture, "losses"), losses));
    CHECK_OK(da_zoo_build(&model, name, input, 10, NULL));
    CHECK_OK(da_optimizer_new(&optimizer, model, &options, NULL, 0));
    CHECK_OK(da_tensor_init(&x, DA_FLOAT32, 4, shape));
    CHECK_OK(da_graph_new(&graph));
    set_weights(model);
    int64_t calls = 0;
    for (int step = 0; step < STEPS && !test_failed(); step++) {
        set_batch(&x, labels, step);
        if (step == 1) calls = da_memory().calls;
        float loss = train_step(graph, model, optimizer, &x, labels, rate);
        CHECK_CLOSE(loss, losses[step], 1e-4 * (double)losses[step]);
    }
    CHECK_INT(da_memory().calls, calls);
    if (!test_failed()) compare_parameters(model, &fixture);
    da_optimizer_free(optimizer);
    da_graph_free(graph);
    da_tensor_free(&x);
    da_model_free(model);
    da_safetensors_free(&fixture);
}

TEST(torch_ten_steps_of_lenet) { follow("lenet", 28, 1, 32, 0.05f); }
TEST(torch_ten_steps_of_resnet20) { follow("resnet20", 32, 3, 16, 0.002f); }

/* ---- Networks from PyTorch, on the first images of the CIFAR-10 test set ---- */

enum { IMAGES = 16, RECORD = 3073, PLANE = 1024 };

static bool read_images(da_tensor *x) {
    static const float mean[3] = { 0.485f, 0.456f, 0.406f }, deviation[3] = { 0.229f, 0.224f, 0.225f };
    static uint8_t raw[IMAGES][RECORD];
    char path[512];
    snprintf(path, sizeof path, "%s/cifar-10-batches-bin/test_batch.bin", test_data_dir());
    FILE *f = fopen(path, "rb");
    bool whole = f && fread(raw, RECORD, IMAGES, f) == IMAGES;
    if (f) fclose(f);
    for (int i = 0; whole && i < IMAGES; i++)
        for (int p = 0; p < PLANE; p++)
            for (int c = 0; c < 3; c++)
                da_tensor_floats(x)[(i * PLANE + p) * 3 + c] =
                    ((float)raw[i][1 + c * PLANE + p] / 255 - mean[c]) / deviation[c];
    return whole;
}

static void compare_logits(const char *name, const da_tensor *x) {
    char path[512];
    float expected[IMAGES * 10];
    da_model *model = NULL;
    da_graph *graph = NULL;
    da_safetensors fixture = { 0 };
    snprintf(path, sizeof path, "tests/fixtures/torch_logits_%s.safetensors", name);
    CHECK_OK(da_safetensors_read(&fixture, path));
    CHECK_OK(da_safetensors_floats(da_safetensors_find(&fixture, "logits"), expected));
    snprintf(path, sizeof path, "%s/%s-cifar10.safetensors", getenv("DEEPARC_MODELS"), name);
    CHECK_OK(da_checkpoint_load(&model, path, NULL));
    CHECK_OK(da_graph_new(&graph));
    if (!test_failed()) {
        CHECK_TEXT(model->architecture, name);
        CHECK(!model->normalization.known);
        da_graph_set_recording(graph, false);
        da_forward forward = { .graph = graph };
        const da_tensor *logits = da_node_value(da_model_forward(model, &forward, da_graph_input(graph, x)));
        CHECK_OK(da_graph_status(graph));
        for (int i = 0; i < IMAGES * 10 && !test_failed(); i++) CHECK_CLOSE(da_tensor_floats(logits)[i], expected[i],
                                                                            1e-3);
    }
    da_graph_free(graph);
    da_model_free(model);
    da_safetensors_free(&fixture);
}

TEST(torch_logits_of_models_that_others_trained) {
    const int64_t shape[4] = { IMAGES, 32, 32, 3 };
    da_tensor x = { 0 };
    if (!getenv("DEEPARC_MODELS") || !test_data_dir()) SKIP("needs $DEEPARC_MODELS and $DEEPARC_DATA");
    CHECK_OK(da_tensor_init(&x, DA_FLOAT32, 4, shape));
    if (!read_images(&x)) {
        da_tensor_free(&x);
        SKIP("no cifar-10-batches-bin/test_batch.bin in $DEEPARC_DATA");
    }
    compare_logits("resnet20", &x);
    compare_logits("resnet32", &x);
    da_tensor_free(&x);
}
