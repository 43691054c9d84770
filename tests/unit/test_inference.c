/* Inference group by group has the bits of one forward pass, whatever the groups and threads. */
#include "tests/unit/test.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/random.h"
#include "layers/inference.h"
#include "layers/zoo.h"
#include "optim/feed.h"
#include "optim/trainer.h"

enum { IMAGES = 37, CLASSES = 10 };

static float *pixels(const int64_t *shape) {
    const int64_t count = IMAGES * shape[0] * shape[1] * shape[2];
    float *x = da_alloc((size_t)count * sizeof *x);
    for (int64_t i = 0; i < count; i++) x[i] = da_random_normal(3, da_stream(DA_RANDOM_TEST, 0), (uint64_t)i);
    return x;
}

static da_tensor batch_of(float *x, int64_t n, const int64_t *shape) {
    return da_tensor_over(x, DA_FLOAT32, 4, (int64_t[]){ n, shape[0], shape[1], shape[2] });
}

static void forward_at_once(da_model *model, const da_tensor *images, float *logits) {
    da_graph *g;
    CHECK_OK(da_graph_new(&g));
    da_graph_set_recording(g, false);
    da_forward forward = { .graph = g };
    const da_tensor *rows = da_node_value(da_model_forward(model, &forward, da_graph_input(g, images)));
    CHECK_OK(da_graph_status(g));
    memcpy(logits, rows->data, da_tensor_bytes(rows));
    da_graph_free(g);
}

TEST(inference_has_the_bits_of_one_forward_pass) {
    const struct { const char *name; int64_t input[3]; da_conv_method conv; } cases[] = {
        { "mlp-32", { 6, 5, 1 }, DA_CONV_DIRECT }, { "lenet", { 28, 28, 1 }, DA_CONV_DIRECT },
        { "resnet8", { 12, 12, 3 }, DA_CONV_DIRECT }, { "resnet8", { 32, 32, 3 }, DA_CONV_AUTO },
        { "vgg11", { 8, 8, 3 }, DA_CONV_WINOGRAD } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float expected[IMAGES * CLASSES], logits[IMAGES * CLASSES], *x = pixels(cases[i].input);
        da_model *model = NULL;
        CHECK_OK(da_zoo_build(&model, cases[i].name, cases[i].input, CLASSES, NULL));
        CHECK_OK(da_model_initialize(model, DA_INIT_HE, 1));
        model->conv = cases[i].conv;
        const da_tensor all = batch_of(x, IMAGES, cases[i].input);
        forward_at_once(model, &all, expected);
        for (int threads = 1; threads <= 5; threads += 2) {
            da_inference *inference;
            da_threads_set(threads);
            CHECK_OK(da_inference_new(&inference, model));
            for (int64_t n = IMAGES; n > 0; n -= 18) { /* memory of a larger batch serves a smaller one */
                const da_tensor images = batch_of(x, n, cases[i].input);
                memset(logits, 0, sizeof logits);
                CHECK_OK(da_infer(inference, &images, logits));
                CHECK(memcmp(logits, expected, (size_t)(n * CLASSES) * sizeof *logits) == 0);
            }
            da_inference_free(inference);
        }
        da_threads_set(0);
        da_model_free(model);
        da_free(x);
    }
}

TEST(inference_refuses_other_images_and_survives_lack_of_memory) {
    const int64_t input[3] = { 8, 8, 1 }, other[3] = { 8, 4, 2 };
    float logits[IMAGES * CLASSES], *x = pixels(input);
    da_model *model = NULL;
    da_inference *inference = NULL;
    CHECK_OK(da_zoo_build(&model, "resnet8x0.5", input, CLASSES, NULL));
    CHECK_OK(da_model_initialize(model, DA_INIT_HE, 1));
    const da_tensor images = batch_of(x, IMAGES, input), wrong = batch_of(x, IMAGES, other);
    CHECK_OK(da_inference_new(&inference, model));
    CHECK_FAILS(da_infer(inference, &wrong, logits), DA_ERROR_SHAPE, "takes N images of 8x8x1");
    da_inference_free(inference);
    int64_t failures = 0;
    for (int64_t k = 0; k < 1000; k++) {
        inference = NULL;
        da_memory_fail_after(k);
        da_status status = da_inference_new(&inference, model);
        if (status == DA_OK) status = da_infer(inference, &images, logits);
        da_memory_fail_after(-1);
        if (status == DA_OK) CHECK_OK(da_infer(inference, &images, logits));
        da_inference_free(inference);
        if (status == DA_OK) break;
        CHECK_INT(status, DA_ERROR_MEMORY);
        failures++;
    }
    CHECK(failures > 3);
    da_model_free(model);
    da_free(x);
}

TEST(one_picture_has_the_bits_of_evaluation) {
    const int64_t shape[3] = { 12, 12, 3 };
    uint8_t images[IMAGES * 12 * 12 * 3];
    float all[IMAGES * CLASSES], logits[CLASSES];
    int answer = -2;
    da_dataset data = { 0 };
    da_model *model = NULL;
    da_evaluation seen;
    for (size_t i = 0; i < sizeof images; i++) images[i] = (uint8_t)da_random_bits(3, da_stream(DA_RANDOM_TEST, 0), i);
    CHECK_OK(da_dataset_borrow(&data, "mine", IMAGES, shape, images, CLASSES, NULL));
    CHECK_OK(da_zoo_build(&model, "resnet8x0.5", shape, CLASSES, NULL));
    CHECK_OK(da_model_initialize(model, DA_INIT_HE, 1));
    CHECK_FAILS(da_predict_pixels(model, images, logits, &answer), DA_ERROR_ARGUMENT, "how its inputs are normalised");
    data.mean[1] = 0.25f, data.deviation[2] = 0.5f;
    CHECK_OK(da_model_normalize_like(model, &data));
    CHECK(model->normalization.known && model->normalization.channels == 3);
    CHECK_OK(da_evaluate(model, &data, 16, all, &seen));
    for (int i = 0; i < IMAGES; i++) {
        CHECK_OK(da_predict_pixels(model, images + i * 12 * 12 * 3, logits, &answer));
        CHECK(memcmp(logits, all + i * CLASSES, sizeof logits) == 0);
        for (int k = 0; k < CLASSES; k++) CHECK(logits[k] < logits[answer] || (logits[k] == logits[answer] && k >= answer));
    }
    data.deviation[0] = 0;
    CHECK_FAILS(da_model_normalize_like(model, &data), DA_ERROR_ARGUMENT, "deviation");
    CHECK(model->normalization.deviation[0] > 0);
    int64_t failures = 0;
    for (answer = -2; answer == -2; failures++) {
        da_memory_fail_after(failures);
        const da_status status = da_predict_pixels(model, images, NULL, &answer);
        da_memory_fail_after(-1);
        CHECK(status == DA_OK || status == DA_ERROR_MEMORY);
        if (failures > 1000) break;
    }
    CHECK(failures > 5);
    da_model_free(model);
    da_dataset_free(&data);
}
