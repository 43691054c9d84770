/* One pass over a model: which units are seen, that their CKA is what the features say, and that nothing leaks. */
#include "tests/unit/test.h"

#include "core/file.h"
#include "core/memory.h"
#include "deeparc/measure.h"
#include "layers/zoo.h"

#include <stdio.h>

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

/* Every layer by its full name, in the order of the forward pass; '*.add' is the sum that the tap takes too. */
TEST(measure_sees_layers_whose_names_match) {
    da_model *model = NULL;
    da_dataset data = { 0 };
    da_measurement m = { 0 }, sum = { 0 };
    make(&model, &data, "resnet8x0.5", 16);
    CHECK_OK(da_measure(model, &data, &(da_measure_options){ .batch = 16, .glob = "layer2.*" }, &m));
    CHECK_TEXT(m.names[0], "layer2.0.conv1");
    CHECK_TEXT(m.names[1], "layer2.0.bn1");
    CHECK_TEXT(m.names[m.layers - 2], "layer2.0.add");
    CHECK_TEXT(m.names[m.layers - 1], "layer2.0");
    CHECK_INT(m.widths[0], 14 * 14 * 16);
    da_measurement_free(&m);
    CHECK_OK(da_measure(model, &data, &(da_measure_options){ .batch = 16, .glob = "*" }, &m));
    CHECK(m.layers > model->unit_count + 12);
    for (int i = 0; i < m.layers; i++) CHECK_INT(m.states[i], DA_LAYER_ALIVE);
    da_measurement_free(&m);
    CHECK_OK(da_measure(model, &data, &(da_measure_options){ .batch = 16, .glob = "*.add" }, &m));
    CHECK_OK(da_measure(model, &data, &(da_measure_options){ .batch = 16, .tap = DA_TAP_SUM }, &sum));
    CHECK(m.layers == 3 && memcmp(m.matrix, sum.matrix, 9 * sizeof *m.matrix) == 0);
    da_measurement_free(&m);
    CHECK_FAILS(da_measure(model, &data, &(da_measure_options){ .glob = "layer9.*" }, &m), DA_ERROR_NOT_FOUND,
                "matches 'layer9.*'; there are conv1, bn1, relu, layer1.0.conv1");
    CHECK_FAILS(da_measure(model, &data, &(da_measure_options){ .glob = "*", .tap = DA_TAP_SUM }, &m),
                DA_ERROR_ARGUMENT, "*.add");
    da_measurement_free(&sum);
    da_model_free(model);
    da_dataset_free(&data);
}

/* The mean a channel, by hand, of what another pass has seen. */
typedef struct averages { float features[16 * 32]; int64_t width; } averages;

static void take_averages(void *context, const char *name, int depth, da_node *output) {
    averages *a = context;
    const da_tensor *t = da_node_value(output);
    (void)depth;
    if (strcmp(name, "layer3.0") != 0) return;
    a->width = t->shape[3];
    int64_t places = t->shape[1] * t->shape[2];
    for (int64_t n = 0; n < t->shape[0]; n++)
        for (int64_t c = 0; c < a->width; c++) {
            double sum = 0;
            for (int64_t i = 0; i < places; i++)
                sum += (double)da_tensor_floats(t)[(n * places + i) * a->width + c];
            a->features[n * a->width + c] = (float)(sum / (double)places);
        }
}

TEST(measure_pools_channels) {
    da_model *model = NULL;
    da_dataset data = { 0 };
    da_measurement m = { 0 };
    averages a;
    float images[16 * 784];
    da_graph *graph = NULL;
    da_similarity *s = NULL;
    double expected[4];
    make(&model, &data, "resnet8x0.5", 16);
    CHECK_OK(da_measure(model, &data, &(da_measure_options){ .batch = 16, .pool = DA_POOL_AVERAGE, .glob = "*r3.0" },
                        &m));
    CHECK_INT(m.widths[0], 32);
    da_measurement_free(&m);
    CHECK_OK(da_measure(model, &data, &(da_measure_options){ .batch = 16, .pool = DA_POOL_AVERAGE,
                                                             .layers = DA_MEASURE_ALL }, &m));
    for (int i = 0; i < 16 * 784; i++) images[i] = fmaf((float)data.images[i], 1 / (255 * 0.25f), -0.1f / 0.25f);
    CHECK_OK(da_graph_new(&graph));
    da_graph_set_recording(graph, false);
    da_tensor input = da_tensor_over(images, DA_FLOAT32, 4, (int64_t[]){ 16, 28, 28, 1 });
    da_forward forward = { .graph = graph, .observe = take_averages, .context = &a };
    da_node *logits = da_model_forward(model, &forward, da_graph_input(graph, &input));
    CHECK_OK(da_graph_status(graph));
    CHECK_OK(da_similarity_new(&s, 2, 16));
    CHECK_OK(da_similarity_observe(s, 0, a.features, 16, a.width));
    CHECK_OK(da_similarity_observe(s, 1, da_tensor_floats(da_node_value(logits)), 16, 10));
    CHECK_OK(da_similarity_end_batch(s));
    CHECK_OK(da_similarity_matrix(s, expected, NULL));
    int block = da_model_find(model, "layer3.0");
    CHECK_CLOSE(m.matrix[block * m.layers + m.layers - 1], expected[1], 1e-6);
    da_similarity_free(s);
    da_graph_free(graph);
    da_measurement_free(&m);
    da_model_free(model);
    da_dataset_free(&data);
}

TEST(measure_with_batch_statistics_moves_no_weight) {
    da_model *model = NULL;
    da_dataset data = { 0 };
    da_measurement running = { 0 }, batch = { 0 };
    char before[65], after[65];
    make(&model, &data, "resnet8x0.5", 16);
    CHECK_OK(da_model_hash(model, -1, before));
    CHECK_OK(da_measure(model, &data, &(da_measure_options){ .batch = 16 }, &running));
    CHECK_OK(da_measure(model, &data, &(da_measure_options){ .batch = 16, .norm = DA_NORM_BATCH }, &batch));
    CHECK_OK(da_model_hash(model, -1, after));
    CHECK_TEXT(after, before);
    CHECK(fabs(running.matrix[2] - batch.matrix[2]) > 1e-3);
    for (int i = 0; i < 9; i++) CHECK(isfinite(batch.matrix[i]));
    da_measurement_free(&running);
    da_measurement_free(&batch);
    da_model_free(model);
    da_dataset_free(&data);
}

/* A model against itself gives its own matrix; against other images, something else. */
TEST(measure_compares_two_sides) {
    da_model *model = NULL, *other = NULL;
    da_dataset data = { 0 }, noisy = { 0 }, few = { 0 };
    da_measurement own = { 0 }, m = { 0 };
    make(&model, &data, "resnet8x0.5", 40);
    make(&other, &noisy, "lenet", 40);
    CHECK_OK(da_dataset_load(&few, "digits", DA_TEST, NULL, &(da_dataset_options){ .count = 20, .seed = 1 }));
    for (int64_t i = 0; i < 40 * 784; i += 7) noisy.images[i] = 255;
    CHECK_OK(da_measure(model, &data, &(da_measure_options){ .batch = 20 }, &own));
    CHECK_OK(da_measure(model, &data, &(da_measure_options){ .batch = 20, .against = model }, &m));
    CHECK(m.layers == 3 && m.columns == 3);
    for (int i = 0; i < 9; i++) CHECK_CLOSE(m.matrix[i], own.matrix[i], 1e-12);
    da_measurement_free(&m);
    CHECK_OK(da_measure(model, &data, &(da_measure_options){ .batch = 20, .against_data = &noisy }, &m));
    for (int i = 0; i < 3; i++) CHECK(m.matrix[4 * i] < 0.999 && m.matrix[4 * i] > 0);
    da_measurement_free(&m);
    CHECK_OK(da_measure(model, &data, &(da_measure_options){ .batch = 20, .against = other }, &m));
    CHECK_INT(m.columns, other->unit_count);
    CHECK_TEXT(m.column_names[0], other->units[0]->name);
    CHECK(m.names[0] != m.column_names[0] && m.matrix[0] != 1);
    da_measurement_free(&m);
    CHECK_FAILS(da_measure(model, &data, &(da_measure_options){ .batch = 20, .against_data = &few }, &m),
                DA_ERROR_SHAPE, "40 images of one side, 20");
    da_measurement_free(&own);
    da_model_free(model);
    da_model_free(other);
    da_dataset_free(&data);
    da_dataset_free(&noisy);
    da_dataset_free(&few);
}

/* Layers that nobody wants to see run fused; what the others put out keeps its bits. */
TEST(measure_of_blocks_alone_has_the_bits_of_all_layers) {
    da_model *model = NULL;
    da_dataset data = { 0 };
    da_measurement blocks = { 0 }, all = { 0 };
    int place[3] = { -1, -1, -1 };
    make(&model, &data, "resnet8x0.5", 16);
    for (int norm = DA_NORM_RUNNING; norm <= DA_NORM_BATCH; norm++) {
        const da_measure_options o = { .batch = 16, .norm = (da_norm_mode)norm };
        CHECK_OK(da_measure(model, &data, &o, &blocks));
        CHECK_OK(da_measure(model, &data, &(da_measure_options){ .batch = 16, .norm = o.norm, .glob = "*" }, &all));
        for (int i = 0; i < 3; i++)
            for (int l = 0; l < all.layers; l++)
                if (strcmp(all.names[l], blocks.names[i]) == 0) place[i] = l;
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++)
                CHECK(place[i] >= 0 && blocks.matrix[3 * i + j] == all.matrix[place[i] * all.layers + place[j]]);
        da_measurement_free(&blocks);
        da_measurement_free(&all);
    }
    da_model_free(model);
    da_dataset_free(&data);
}

/* One image far from all others dominates every layer; the list has its number, whatever its batch. */
TEST(measure_names_dominant_images) {
    da_model *model = NULL;
    da_dataset data = { 0 };
    da_measurement m = { 0 };
    make(&model, &data, "resnet8x0.5", 35);
    memset(data.images + 21 * 784, 255, 784);
    CHECK_OK(da_measure(model, &data, &(da_measure_options){ .batch = 16, .dominant = 33 }, &m));
    CHECK_INT(m.dominant_count, 33);
    for (int l = 0; l < m.layers; l++) {
        const da_dominant *list = m.dominant + l * 33;
        double sum = 0;
        CHECK_INT(list[0].image, 21);
        for (int i = 0; i < 32; i++) {
            CHECK(list[i].image >= 0 && list[i].image < 32 && list[i].share <= list[i ? i - 1 : 0].share);
            sum += list[i].share;
        }
        CHECK_CLOSE(sum, 1, 1e-9);
        CHECK(list[32].image == -1 && m.first_share[l] > 0 && m.first_share[l] < 1); /* a batch of 3 is skipped */
    }
    da_measurement_free(&m);
    CHECK_FAILS(da_measure(model, &data, &(da_measure_options){ .dominant = 3, .passes = 2 }, &m), DA_ERROR_ARGUMENT,
                "in one pass");
    CHECK_FAILS(da_measure(model, &data, &(da_measure_options){ .dominant = 36 }, &m), DA_ERROR_ARGUMENT, "36 dominant");
    da_model_free(model);
    da_dataset_free(&data);
}

/* Several passes meet other pairs of samples, and come nearer to what all samples at once give. */
TEST(measure_passes_more_than_once) {
    da_model *model = NULL;
    da_dataset data = { 0 };
    da_measurement whole = { 0 }, m = { 0 }, again = { 0 };
    make(&model, &data, "resnet8x0.5", 64);
    const da_measure_options passes = { .batch = 16, .passes = 10, .seed = 3 };
    CHECK_OK(da_measure(model, &data, &(da_measure_options){ .batch = 64 }, &whole));
    CHECK_OK(da_measure(model, &data, &passes, &m));
    CHECK_OK(da_measure(model, &data, &passes, &again));
    CHECK_INT(m.batches, 40);
    CHECK_CLOSE(m.matrix[2], whole.matrix[2], 0.01);
    CHECK(memcmp(m.matrix, again.matrix, 9 * sizeof *m.matrix) == 0);
    CHECK_FAILS(da_measure(model, &data, &(da_measure_options){ .passes = -1 }, &whole), DA_ERROR_ARGUMENT, "passes");
    da_measurement_free(&whole);
    da_measurement_free(&m);
    da_measurement_free(&again);
    da_model_free(model);
    da_dataset_free(&data);
}

/* Stopped after two of five batches, and gone on with: the bits of a run in one go. */
static volatile sig_atomic_t stop;
static void stop_after_two(void *context, int64_t done, int64_t batches) {
    (void)context;
    (void)batches;
    stop = done >= 2;
}

TEST(measure_goes_on_from_its_state) {
    da_model *model = NULL;
    da_dataset data = { 0 };
    da_measurement whole = { 0 }, m = { 0 };
    make(&model, &data, "resnet8x0.5", 76);
    da_measure_options o = { .batch = 16, .stop = &stop, .progress = stop_after_two };
    o.state = test_temporary("state.json");
    stop = 0;
    CHECK_OK(da_measure(model, &data, &(da_measure_options){ .batch = 16 }, &whole));
    CHECK_FAILS(da_measure(model, &data, &o, &m), DA_ERROR_INTERRUPTED, "2 of 5 batches");
    o.progress = NULL;
    stop = 0;
    CHECK_OK(da_measure(model, &data, &o, &m));
    CHECK_INT(m.resumed, 2);
    CHECK_INT(m.batches, 5);
    CHECK(memcmp(m.matrix, whole.matrix, 9 * sizeof *m.matrix) == 0);
    CHECK(memcmp(m.standard_error, whole.standard_error, 9 * sizeof *m.matrix) == 0);
    da_measurement_free(&m);
    CHECK_OK(da_measure(model, &data, &o, &m)); /* nothing left to do */
    CHECK(m.resumed == 5 && memcmp(m.matrix, whole.matrix, 9 * sizeof *m.matrix) == 0);
    da_measurement_free(&m);
    o.pool = DA_POOL_AVERAGE;
    CHECK_FAILS(da_measure(model, &data, &o, &m), DA_ERROR_FORMAT, "other settings");
    o.pool = DA_POOL_FLATTEN;
    data.images[5] ^= 1;
    CHECK_FAILS(da_measure(model, &data, &o, &m), DA_ERROR_FORMAT, "other settings");
    o.state = test_temporary("nowhere/state.json");
    CHECK_FAILS(da_measure(model, &data, &o, &m), DA_ERROR_NOT_FOUND, "nowhere");
    da_measurement_free(&whole);
    da_model_free(model);
    da_dataset_free(&data);
}

/* Sums of another normalisation, of more passes, or with another digit are no beginning of this measurement. */
static void take_folder(void *folder, int64_t done, int64_t all) {
    char gone[600];
    snprintf(gone, sizeof gone, "%s.gone", (const char *)folder);
    if (done == all) CHECK_INT(rename(folder, gone), 0);
}

TEST(measure_gives_its_result_where_the_state_cannot_be_written) {
    da_model *model = NULL;
    da_dataset data = { 0 };
    da_measurement m = { 0 };
    char folder[512], path[600];
    snprintf(folder, sizeof folder, "%s", test_temporary("taken"));
    snprintf(path, sizeof path, "%s/state.json", folder);
    CHECK_OK(da_directory_make(folder));
    make(&model, &data, "resnet8x0.5", 40);
    const da_measure_options o = { .batch = 16, .state = path, .progress = take_folder, .context = folder };
    CHECK_OK(da_measure(model, &data, &o, &m));
    CHECK(strstr(m.trouble, "taken/state.json") != NULL);
    CHECK(m.matrix && m.matrix[0] == 1 && m.batches == 3);
    da_measurement_free(&m);
    da_model_free(model);
    da_dataset_free(&data);
}

TEST(measure_refuses_a_state_of_other_sums) {
    da_model *model = NULL;
    da_dataset data = { 0 };
    da_measurement m = { 0 };
    uint8_t *text = NULL;
    size_t size = 0;
    make(&model, &data, "resnet8x0.5", 40);
    da_measure_options o = { .batch = 16, .passes = 3, .state = test_temporary("others.json") };
    CHECK_OK(da_measure(model, &data, &o, &m));
    da_measurement_free(&m);
    o.passes = 2;
    CHECK_FAILS(da_measure(model, &data, &o, &m), DA_ERROR_FORMAT, "more than the 6 wanted");
    o.passes = 3;
    const float mean = model->normalization.mean[0];
    model->normalization.mean[0] = mean + 0.125f;
    CHECK_FAILS(da_measure(model, &data, &o, &m), DA_ERROR_FORMAT, "other settings");
    model->normalization.mean[0] = mean;
    CHECK_OK(da_measure(model, &data, &o, &m));
    da_measurement_free(&m);
    CHECK_OK(da_file_read(o.state, 1 << 20, &text, &size));
    char *digit = text ? strstr((char *)text, "\"total\":[") : NULL;
    CHECK(digit != NULL);
    if (digit) digit[9] = digit[9] == '1' ? '2' : '1';
    CHECK_OK(da_file_save(o.state, (const char *)text, size));
    CHECK_FAILS(da_measure(model, &data, &o, &m), DA_ERROR_FORMAT, "damaged");
    da_free(text);
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
    const char *path = test_temporary("failing.json");
    da_model *model = NULL;
    da_dataset data = { 0 };
    da_measurement m = { 0 };
    make(&model, &data, "resnet8x0.5", 8);
    da_status status = DA_ERROR_MEMORY;
    for (int64_t k = 0; k < 20000 && status == DA_ERROR_MEMORY; k++) {
        da_memory_fail_after(k);
        remove(path);
        status = da_measure(model, &data, &(da_measure_options){ .batch = 8, .against = model, .passes = 2,
                                                                 .norm = DA_NORM_BATCH, .state = path }, &m);
        da_memory_fail_after(-1);
        if (status != DA_OK) CHECK(m.names == NULL && m.matrix == NULL);
    }
    CHECK(status == DA_OK);
    da_measurement_free(&m);
    status = DA_ERROR_MEMORY;
    for (int64_t k = 0; k < 20000 && status == DA_ERROR_MEMORY; k++) {
        da_memory_fail_after(k);
        status = da_measure(model, &data, &(da_measure_options){ .batch = 8, .dominant = 2 }, &m);
        da_memory_fail_after(-1);
        if (status != DA_OK) CHECK(m.names == NULL && m.dominant == NULL);
    }
    CHECK(status == DA_OK);
    da_measurement_free(&m);
    da_model_free(model);
    da_dataset_free(&data);
}
