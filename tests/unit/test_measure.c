/* One pass over a model: which units are seen, that their CKA is what the features say, and that nothing leaks. */
#include "tests/unit/test.h"

#include "core/memory.h"
#include "deeparc/measure.h"
#include "layers/zoo.h"

static void make(da_model **model, da_dataset *data, const char *name, int64_t count) {
    const int64_t shape[3] = { 28, 28, 1 };
    CHECK_OK(da_dataset_load(data, "digits", DA_TEST, NULL, &(da_dataset_options){ .count = count, .seed = 1 }));
    CHECK_OK(da_zoo_build(model, name, shape, 10, NULL));
    CHECK_OK(da_model_initialize(*model, DA_INIT_HE, 1));
    (*model)->normalization =
        (da_normalization){ .known = true, .channels = 1, .mean = { 0.1f }, .deviation = { 0.25f } };
}

TEST(measure_sees_the_blocks_of_a_residual_network) {
    da_model *model = NULL;
    da_dataset data = { 0 };
    da_measurement m = { 0 };
    make(&model, &data, "resnet8x0.5", 35);
    CHECK_OK(da_measure(model, &data, &(da_measure_options){ .batch = 16 }, &m));
    CHECK_INT(m.layers, 3);
    CHECK_TEXT(m.names[0], "layer1.0");
    CHECK_TEXT(m.names[2], "layer3.0");
    CHECK_INT(m.batches, 2);
    CHECK_INT(m.skipped, 1); /* 35 = 16 + 16 + 3 */
    CHECK_INT(m.samples, 32);
    for (int i = 0; i < 3; i++) {
        CHECK(m.matrix[4 * i] == 1);
        for (int j = 0; j < 3; j++) CHECK(m.matrix[3 * i + j] == m.matrix[3 * j + i]);
    }
    CHECK(m.matrix[1] > 0.1 && m.matrix[1] < 1);
    da_measurement_free(&m);
    da_model_free(model);
    da_dataset_free(&data);
}

TEST(measure_sees_every_unit_of_other_networks) {
    da_model *model = NULL;
    da_dataset data = { 0 };
    da_measurement m = { 0 };
    make(&model, &data, "lenet", 20);
    CHECK_OK(da_measure(model, &data, &(da_measure_options){ .batch = 20 }, &m));
    CHECK_INT(m.layers, model->unit_count);
    CHECK_FAILS(da_measure(model, &data, &(da_measure_options){ .layers = DA_MEASURE_BLOCKS }, &m), DA_ERROR_ARGUMENT,
                "no residual blocks");
    CHECK_FAILS(da_measure(model, &data, &(da_measure_options){ .tap = DA_TAP_SUM }, &m), DA_ERROR_ARGUMENT, "sum");
    CHECK_INT(m.layers, model->unit_count); /* a failed call leaves its result alone */
    da_measurement_free(&m);
    da_model_free(model);
    da_dataset_free(&data);
}

/* Memory follows the images there are, not the batch that was asked for, and the result tells the batch it took. */
TEST(measure_takes_no_larger_batch_than_the_data) {
    da_model *model = NULL;
    da_dataset data = { 0 };
    da_measurement m = { 0 }, whole = { 0 };
    make(&model, &data, "resnet8x0.5", 24);
    CHECK_OK(da_measure(model, &data, &(da_measure_options){ .batch = 24 }, &whole));
    da_memory_reset_peak();
    CHECK_OK(da_measure(model, &data, &(da_measure_options){ .batch = 65536 }, &m));
    CHECK(da_memory().peak_bytes < 64 << 20);
    CHECK_INT(m.batch, 24);
    CHECK_INT(m.batches, 1);
    CHECK(memcmp(m.matrix, whole.matrix, 9 * sizeof *m.matrix) == 0);
    da_measurement_free(&m);
    CHECK_OK(da_measure(model, &data, &(da_measure_options){ .batch = 65536, .limit = 10 }, &m));
    CHECK_INT(m.batch, 10);
    da_measurement_free(&m);
    da_measurement_free(&whole);
    CHECK_FAILS(da_measure(model, &data, &(da_measure_options){ .limit = 3 }, &m), DA_ERROR_ARGUMENT, "at least 4");
    da_model_free(model);
    da_dataset_free(&data);
}

/* The features seen by the observer are those of the forward pass: compare with a hand-fed accumulator. */
typedef struct feed { da_similarity *similarity; int layer; } feed;

static void observe(void *context, const char *name, int depth, da_node *output) {
    feed *f = context;
    const da_tensor *t = da_node_value(output);
    if (depth == 0 && strncmp(name, "layer", 5) == 0)
        CHECK_OK(da_similarity_observe(f->similarity, f->layer++, da_tensor_floats(t), t->shape[0],
                                       da_tensor_count(t) / t->shape[0]));
}

TEST(measure_is_the_cka_of_the_features) {
    da_model *model = NULL;
    da_dataset data = { 0 };
    da_measurement m = { 0 };
    make(&model, &data, "resnet8x0.5", 24);
    CHECK_OK(da_measure(model, &data, &(da_measure_options){ .batch = 24 }, &m));
    float images[24 * 784];
    for (int i = 0; i < 24 * 784; i++) images[i] = fmaf((float)data.images[i], 1 / (255 * 0.25f), -0.1f / 0.25f);
    da_graph *graph = NULL;
    feed f = { NULL, 0 };
    CHECK_OK(da_graph_new(&graph));
    CHECK_OK(da_similarity_new(&f.similarity, 3, 24));
    da_graph_set_recording(graph, false);
    da_tensor input = da_tensor_over(images, DA_FLOAT32, 4, (int64_t[]){ 24, 28, 28, 1 });
    da_forward forward = { .graph = graph, .observe = observe, .context = &f };
    da_model_forward(model, &forward, da_graph_input(graph, &input));
    CHECK_OK(da_graph_status(graph));
    CHECK_OK(da_similarity_end_batch(f.similarity));
    double expected[9];
    CHECK_OK(da_similarity_matrix(f.similarity, expected, NULL));
    for (int i = 0; i < 9; i++) CHECK_CLOSE(m.matrix[i], expected[i], 1e-6);
    da_similarity_free(f.similarity);
    da_graph_free(graph);
    da_measurement_free(&m);
    da_model_free(model);
    da_dataset_free(&data);
}

TEST(measure_taps_the_sum_or_the_output) {
    da_model *model = NULL;
    da_dataset data = { 0 };
    da_measurement output = { 0 }, sum = { 0 };
    make(&model, &data, "resnet8x0.5", 16);
    CHECK_OK(da_measure(model, &data, &(da_measure_options){ .batch = 16 }, &output));
    CHECK_OK(da_measure(model, &data, &(da_measure_options){ .batch = 16, .tap = DA_TAP_SUM }, &sum));
    CHECK_TEXT(sum.names[1], "layer2.0");
    CHECK(sum.matrix[1] != output.matrix[1]);
    CHECK_INT(sum.options.tap, DA_TAP_SUM);
    da_measurement_free(&sum);
    da_measurement_free(&output);
    da_model_free(model);
    da_dataset_free(&data);
}

TEST(measure_refuses_what_makes_no_sense) {
    da_model *model = NULL;
    da_dataset data = { 0 };
    da_measurement m = { 0 };
    make(&model, &data, "resnet8x0.5", 16);
    CHECK_FAILS(da_measure(model, &data, &(da_measure_options){ .batch = 3 }, &m), DA_ERROR_ARGUMENT, "");
    CHECK_FAILS(da_measure(model, &data, &(da_measure_options){ .limit = 3 }, &m), DA_ERROR_ARGUMENT, "");
    CHECK_FAILS(da_measure(model, &data, &(da_measure_options){ .limit = -1 }, &m), DA_ERROR_ARGUMENT, "");
    model->normalization.known = false;
    CHECK_FAILS(da_measure(model, &data, &(da_measure_options){ .batch = 16 }, &m), DA_ERROR_ARGUMENT, "normalis");
    model->normalization.known = true;
    data.height = 14;
    CHECK_FAILS(da_measure(model, &data, &(da_measure_options){ .batch = 16 }, &m), DA_ERROR_SHAPE, "14x28x1");
    data.height = 28;
    CHECK(m.names == NULL);
    da_model_free(model);
    da_dataset_free(&data);
}

TEST(measure_survives_every_allocation_failure) {
    da_model *model = NULL;
    da_dataset data = { 0 };
    da_measurement m = { 0 };
    make(&model, &data, "resnet8x0.5", 8);
    da_status status = DA_ERROR_MEMORY;
    for (int64_t k = 0; k < 2000 && status == DA_ERROR_MEMORY; k++) {
        da_memory_fail_after(k);
        status = da_measure(model, &data, &(da_measure_options){ .batch = 8 }, &m);
        da_memory_fail_after(-1);
        if (status != DA_OK) CHECK(m.names == NULL && m.matrix == NULL);
    }
    CHECK(status == DA_OK);
    da_measurement_free(&m);
    da_model_free(model);
    da_dataset_free(&data);
}
