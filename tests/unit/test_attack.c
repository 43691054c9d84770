/* Attacks: bounds hold for every pixel, the direction is the gradient's, the loss rises. */
#include "tests/unit/test.h"

#include "core/memory.h"
#include "deeparc/attack.h"
#include "layers/zoo.h"
#include "optim/trainer.h"

enum { IMAGES = 24, PIXELS = 28 * 28 };

static void make(da_model **model, const char *name) {
    const int64_t shape[3] = { 28, 28, 1 };
    CHECK_OK(da_zoo_build(model, name, shape, 10, NULL));
    CHECK_OK(da_model_initialize(*model, DA_INIT_HE, 1));
    (*model)->normalization =
        (da_normalization){ .known = true, .channels = 1, .mean = { 0.1f }, .deviation = { 0.25f } };
}

static void draw(da_dataset *data) {
    CHECK_OK(da_dataset_load(data, "digits", DA_TEST, NULL, &(da_dataset_options){ .count = IMAGES, .seed = 1 }));
}

/* The images as the model reads them, and their numbers. */
static void read_all(const da_dataset *data, float *clean, int64_t *samples) {
    for (int i = 0; i < IMAGES * PIXELS; i++)
        clean[i] = fmaf((float)data->images[i], 1.0f / (255.0f * 0.25f), -0.1f / 0.25f);
    for (int i = 0; i < IMAGES; i++) samples[i] = i;
}

/* The mean loss, by plain arithmetic on the logits. */
static double loss_of(da_model *model, float *images, const uint8_t *labels, int n) {
    da_graph *graph = NULL;
    double sum = 0;
    CHECK_OK(da_graph_new(&graph));
    da_graph_set_recording(graph, false);
    da_tensor x = da_tensor_over(images, DA_FLOAT32, 4, (int64_t[]){ n, 28, 28, 1 });
    da_forward forward = { .graph = graph };
    const float *z = da_tensor_floats(da_node_value(da_model_forward(model, &forward, da_graph_input(graph, &x))));
    for (int i = 0; i < n; i++) {
        double total = 0;
        for (int c = 0; c < 10; c++) total += exp((double)z[i * 10 + c]);
        sum += log(total) - (double)z[i * 10 + labels[i]];
    }
    da_graph_free(graph);
    return sum / n;
}

static float clean[IMAGES * PIXELS], changed[IMAGES * PIXELS];
static int64_t samples[IMAGES];

static void attack(const da_model *model, const da_dataset *data, const da_attack_options *options, int n) {
    da_attacker *attacker = NULL;
    CHECK_OK(da_attacker_new(&attacker, model, options, IMAGES));
    CHECK_OK(da_attacker_run(attacker, clean, data->labels, samples, n, changed, NULL));
    da_attacker_free(attacker);
}

static void check_bounds(double epsilon) {
    const float low = -0.1f / 0.25f, high = fmaf(255.0f, 1.0f / (255.0f * 0.25f), low);
    double most = 0;
    for (int i = 0; i < IMAGES * PIXELS; i++) {
        most = fmax(most, fabs((double)changed[i] - (double)clean[i]));
        if (changed[i] < low || changed[i] > high) {
            test_fail(__FILE__, __LINE__, "value %d leaves the range of pixels: %g", i, (double)changed[i]);
            return;
        }
    }
    CHECK(most <= epsilon / 0.25 * (1 + 1e-5) && most > 0.9 * epsilon / 0.25);
}

TEST(attack_stays_within_epsilon_and_the_range_of_pixels) {
    da_model *model = NULL;
    da_dataset data = { 0 };
    make(&model, "resnet8x0.25");
    draw(&data);
    read_all(&data, clean, samples);
    const double before = loss_of(model, clean, data.labels, IMAGES);
    attack(model, &data, &(da_attack_options){ .kind = DA_ATTACK_FGSM, .epsilon = 8.0 / 255 }, IMAGES);
    check_bounds(8.0 / 255);
    const double fgsm = loss_of(model, changed, data.labels, IMAGES);
    attack(model, &data, &(da_attack_options){ .kind = DA_ATTACK_PGD, .epsilon = 8.0 / 255, .seed = 3 }, IMAGES);
    check_bounds(8.0 / 255);
    const double pgd = loss_of(model, changed, data.labels, IMAGES);
    if (!(before < fgsm && fgsm < pgd)) test_fail(__FILE__, __LINE__, "losses %g, %g, %g", before, fgsm, pgd);
    da_dataset_free(&data);
    da_model_free(model);
}

/* The slope of one pixel by differences of the loss. */
TEST(attack_follows_the_sign_of_the_gradient) {
    da_model *model = NULL;
    da_dataset data = { 0 };
    make(&model, "mlp-16");
    draw(&data);
    read_all(&data, clean, samples);
    attack(model, &data, &(da_attack_options){ .kind = DA_ATTACK_FGSM, .epsilon = 0.5 / 255 }, 1);
    int compared = 0, agreed = 0;
    for (int i = 0; i < PIXELS; i += 13) {
        const float value = clean[i], width = 2e-3f;
        clean[i] = value + width;
        const double above = loss_of(model, clean, data.labels, 1);
        clean[i] = value - width;
        const double slope = (above - loss_of(model, clean, data.labels, 1)) / (2 * (double)width);
        clean[i] = value;
        /* Black pixels cannot become darker, nor white ones lighter. */
        const bool at_end = slope < 0 ? data.images[i] == 0 : data.images[i] == 255;
        if (fabs(slope) < 1e-3 || at_end) continue;
        compared++;
        agreed += slope > 0 ? changed[i] > value : changed[i] < value;
    }
    CHECK(compared >= 10);
    CHECK_INT(agreed, compared);
    da_dataset_free(&data);
    da_model_free(model);
}

TEST(attack_has_the_same_random_start_in_any_batch) {
    static float whole[IMAGES * PIXELS];
    da_model *model = NULL;
    da_dataset data = { 0 };
    da_attacker *attacker = NULL;
    make(&model, "mlp-16");
    draw(&data);
    read_all(&data, clean, samples);
    /* Steps of no length worth the name: what is seen is the start. */
    const da_attack_options options = { .kind = DA_ATTACK_PGD, .epsilon = 0.1, .steps = 1, .step = 1e-30, .seed = 9 };
    attack(model, &data, &options, IMAGES);
    memcpy(whole, changed, sizeof whole);
    CHECK_OK(da_attacker_new(&attacker, model, &options, 1));
    CHECK_OK(da_attacker_run(attacker, clean + 5 * PIXELS, data.labels + 5, samples + 5, 1, changed, NULL));
    CHECK(memcmp(changed, whole + 5 * PIXELS, PIXELS * sizeof *changed) == 0);
    da_attacker_free(attacker);
    da_dataset_free(&data);
    da_model_free(model);
}

TEST(attack_of_no_strength_leaves_the_accuracy) {
    da_model *model = NULL;
    da_dataset data = { 0 };
    da_evaluation plain = { 0 };
    da_attack_result result = { 0 };
    make(&model, "resnet8x0.25");
    draw(&data);
    CHECK_OK(da_evaluate(model, &data, 10, NULL, &plain));
    for (int kind = DA_ATTACK_FGSM; kind <= DA_ATTACK_PGD; kind++) {
        const da_attack_options none = { .kind = (da_attack_kind)kind };
        CHECK_OK(da_attack_evaluate(model, &data, &none, 0, 10, NULL, &result));
        CHECK_CLOSE((double)result.correct / IMAGES, plain.accuracy, 0);
        CHECK_INT(result.images, IMAGES);
        CHECK_INT(result.flat, 0);
    }
    volatile sig_atomic_t stop = 1;
    CHECK_FAILS(da_attack_evaluate(model, &data, &(da_attack_options){ 0 }, 0, 10, &stop, &result),
                DA_ERROR_INTERRUPTED, "interrupted");
    da_dataset_free(&data);
    da_model_free(model);
}

static void scale_last(da_model *model, float factor) {
    da_parameter_list list;
    CHECK_OK(da_model_parameters(model, &list));
    for (int i = 0; i < list.count; i++) {
        da_tensor *value = &list.items[i].parameter->value;
        for (int64_t k = 0; list.items[i].unit == model->unit_count - 1 && k < da_tensor_count(value); k++)
            da_tensor_floats(value)[k] *= factor;
    }
    da_parameter_list_free(&list);
}

/* The loss of one image where it is so small that only its logarithm can be held: the best other logit less the label's. */
static float margin_of(da_model *model, float *image, int label) {
    da_graph *graph = NULL;
    float best = -INFINITY;
    CHECK_OK(da_graph_new(&graph));
    da_graph_set_recording(graph, false);
    da_tensor x = da_tensor_over(image, DA_FLOAT32, 4, (int64_t[]){ 1, 28, 28, 1 });
    da_forward forward = { .graph = graph };
    const float *z = da_tensor_floats(da_node_value(da_model_forward(model, &forward, da_graph_input(graph, &x))));
    for (int c = 0; c < 10; c++) if (c != label) best = fmaxf(best, z[c]);
    const float margin = best - z[label];
    da_graph_free(graph);
    return margin;
}

/* The labels are what the network says, so that p(label) is 1 in a float, and the others' p 0 in the end. */
TEST(attack_climbs_however_sure_the_network_is) {
    da_model *model = NULL;
    da_dataset data = { 0 };
    make(&model, "mlp-16");
    draw(&data);
    read_all(&data, clean, samples);
    for (int power = 0; power <= 16; power += 8) {
        for (int i = 0; i < IMAGES; i++)
            for (int c = 0; c < 10; c++)
                if (margin_of(model, clean + i * PIXELS, c) < 0) data.labels[i] = (uint8_t)c;
        attack(model, &data, &(da_attack_options){ .kind = DA_ATTACK_FGSM, .epsilon = 0.5 / 255 }, IMAGES);
        int climbed = 0;
        for (int i = 0; i < IMAGES; i++)
            climbed += margin_of(model, changed + i * PIXELS, data.labels[i]) >
                       margin_of(model, clean + i * PIXELS, data.labels[i]);
        CHECK_INT(climbed, IMAGES);
        scale_last(model, 256);
    }
    da_dataset_free(&data);
    da_model_free(model);
}

TEST(attack_does_not_depend_on_the_batch) {
    static float whole[IMAGES * PIXELS];
    da_model *model = NULL;
    da_dataset data = { 0 };
    make(&model, "mlp-16");
    draw(&data);
    read_all(&data, clean, samples);
    const da_attack_options options = { .kind = DA_ATTACK_PGD, .epsilon = 8.0 / 255, .steps = 3, .seed = 2 };
    attack(model, &data, &options, IMAGES);
    memcpy(whole, changed, sizeof whole);
    attack(model, &data, &options, 5);
    CHECK(memcmp(changed, whole, 5 * PIXELS * sizeof *changed) == 0);
    da_dataset_free(&data);
    da_model_free(model);
}

TEST(attack_says_how_many_images_have_no_gradient) {
    da_model *model = NULL;
    da_dataset data = { 0 };
    da_attack_result result = { 0 };
    make(&model, "mlp-16");
    draw(&data);
    scale_last(model, 0);
    for (int kind = DA_ATTACK_FGSM; kind <= DA_ATTACK_PGD; kind++) {
        const da_attack_options options = { .kind = (da_attack_kind)kind, .epsilon = 0.1 };
        CHECK_OK(da_attack_evaluate(model, &data, &options, 0, 10, NULL, &result));
        CHECK_INT(result.images, IMAGES);
        CHECK_INT(result.flat, IMAGES);
    }
    da_dataset_free(&data);
    da_model_free(model);
}

TEST(attack_refuses_labels_beyond_the_classes) {
    da_model *model = NULL;
    da_attacker *attacker = NULL;
    const uint8_t label = 10;
    make(&model, "mlp-4");
    CHECK_OK(da_attacker_new(&attacker, model, &(da_attack_options){ .kind = DA_ATTACK_FGSM }, 1));
    CHECK_FAILS(da_attacker_run(attacker, clean, &label, samples, 1, changed, NULL), DA_ERROR_ARGUMENT, "label 10");
    da_attacker_free(attacker);
    da_model_free(model);
}

TEST(attack_refuses_options_that_make_no_sense) {
    da_attack_options o = { .kind = DA_ATTACK_FGSM, .epsilon = 0.1, .steps = 7 };
    CHECK_FAILS(da_attack_complete(&o), DA_ERROR_ARGUMENT, "FGSM");
    o = (da_attack_options){ .kind = DA_ATTACK_PGD, .epsilon = 2 };
    CHECK_FAILS(da_attack_complete(&o), DA_ERROR_ARGUMENT, "epsilon is 2");
    o = (da_attack_options){ .kind = DA_ATTACK_PGD, .epsilon = 0.1, .steps = -1 };
    CHECK_FAILS(da_attack_complete(&o), DA_ERROR_ARGUMENT, "not -1");
    o = (da_attack_options){ .kind = DA_ATTACK_PGD, .epsilon = 0.1, .step = (double)NAN };
    CHECK_FAILS(da_attack_complete(&o), DA_ERROR_ARGUMENT, "step");
    o = (da_attack_options){ .kind = DA_ATTACK_PGD, .epsilon = 0.1, .steps = 5 };
    CHECK_OK(da_attack_complete(&o));
    CHECK_CLOSE(o.step, 0.05, 1e-15);
    CHECK_OK(da_attack_complete(&o));
    o = (da_attack_options){ .kind = DA_ATTACK_FGSM, .epsilon = 0.1 };
    CHECK_OK(da_attack_complete(&o));
    CHECK_OK(da_attack_complete(&o));
    CHECK_INT(o.steps, 1);
}

TEST(attack_survives_every_allocation_failure) {
    da_model *model = NULL;
    da_dataset data = { 0 };
    da_attack_result result;
    make(&model, "mlp-4");
    draw(&data);
    const da_attack_options options = { .kind = DA_ATTACK_PGD, .epsilon = 0.1, .steps = 2 };
    da_status status = DA_ERROR_MEMORY;
    int64_t k = 0;
    for (; k < 2000 && status == DA_ERROR_MEMORY; k++) {
        da_memory_fail_after(k);
        status = da_attack_evaluate(model, &data, &options, 4, 4, NULL, &result);
        da_memory_fail_after(-1);
    }
    CHECK(status == DA_OK && k > 10);
    da_dataset_free(&data);
    da_model_free(model);
}
