/* Optimizers: PyTorch's numbers over ten steps, groups, freezing, the kernels' bits, failures. */
#include "core/json.h"
#include "core/kernels/kernels.h"
#include "core/kernels/update.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/random.h"
#include "optim/optimizer.h"
#include "tests/unit/test.h"

static const char *const fixture = "tests/fixtures/optimizers.json";

/* A model of one linear unit "fc": weight 5 x 3, bias 3. The tests write its gradients by hand, in the place of a backward. */
static da_model *small_model(void) {
    da_model *model = NULL;
    CHECK_OK(da_model_new(&model, "small", (int64_t[]){ 1, 1, 5 }, 3));
    CHECK_OK(da_model_append(model, "fc", &(da_layer_options){ .kind = DA_LAYER_LINEAR, .outputs = 3 }));
    for (int i = 0; i < 2; i++) model->units[0]->parameters[i].has_gradient = true;
    return model;
}

static da_parameter *weight_of(da_model *model) { return &model->units[0]->parameters[0]; }
static da_parameter *bias_of(da_model *model) { return &model->units[0]->parameters[1]; }

static void fill_random(da_tensor *t, uint64_t which) {
    for (int64_t i = 0; i < da_tensor_count(t); i++)
        da_tensor_floats(t)[i] = da_random_normal(3, da_stream(DA_RANDOM_TEST, which), (uint64_t)i);
}

static void fill_from(da_tensor *t, const da_json *numbers) {
    CHECK_INT(da_json_count(numbers), da_tensor_count(t));
    float *at = da_tensor_floats(t);
    for (const da_json *n = da_json_first(numbers); n; n = da_json_next(n)) {
        double value = 0;
        CHECK_OK(da_json_as_double(n, &value));
        *at++ = (float)value;
    }
}

static void check_near(const da_tensor *t, const da_json *numbers) {
    const float *at = da_tensor_floats(t);
    for (const da_json *n = da_json_first(numbers); n; n = da_json_next(n)) {
        double expected = 0;
        CHECK_OK(da_json_as_double(n, &expected));
        CHECK_CLOSE(*at++, expected, 1e-5 * fabs(expected) + 1e-7);
    }
}

static float option(const da_json *options, const char *key) {
    double value = 0;
    if (da_json_get(options, key)) CHECK_OK(da_json_double(options, key, &value));
    return (float)value;
}

static void follow_pytorch(const da_json *root, const da_json *item) {
    const char *kind = "";
    CHECK_OK(da_json_string(item, "kind", &kind));
    const da_json *o = da_json_get(item, "options"), *start = da_json_get(root, "start");
    da_optimizer_options options = da_optimizer_defaults(strcmp(kind, "sgd") == 0    ? DA_SGD
                                                         : strcmp(kind, "adam") == 0 ? DA_ADAM
                                                                                     : DA_ADAMW);
    CHECK_TEXT(da_optimizer_name(options.kind), kind);
    options.momentum = option(o, "momentum");
    options.nesterov = da_json_get(o, "nesterov") != NULL;
    options.beta1 = option(o, "beta1");
    options.beta2 = option(o, "beta2");
    options.weight_decay = option(o, "weight_decay");
    options.clip = option(o, "clip");
    da_parameter_group group = { "*.bias", option(o, "bias_rate"), option(o, "bias_decay") };
    da_model *model = small_model();
    da_optimizer *optimizer = NULL;
    CHECK_OK(da_optimizer_new(&optimizer, model, &options, &group, da_json_get(o, "bias_rate") ? 1 : 0));
    fill_from(&weight_of(model)->value, da_json_get(start, "weight"));
    fill_from(&bias_of(model)->value, da_json_get(start, "bias"));
    for (int step = 0; step < 10 && !test_failed(); step++) {
        const da_json *gradient = da_json_at(da_json_get(root, "gradients"), step);
        fill_from(&weight_of(model)->gradient, da_json_get(gradient, "weight"));
        fill_from(&bias_of(model)->gradient, da_json_get(gradient, "bias"));
        CHECK_OK(da_optimizer_step(optimizer, option(root, "rate"), NULL));
        const da_json *expected = step == 0   ? da_json_get(item, "after_1")
                                  : step == 9 ? da_json_get(item, "after_10")
                                              : NULL;
        if (!expected) continue;
        check_near(&weight_of(model)->value, da_json_get(expected, "weight"));
        check_near(&bias_of(model)->value, da_json_get(expected, "bias"));
    }
    CHECK_INT(da_optimizer_steps(optimizer), 10);
    da_optimizer_free(optimizer);
    da_model_free(model);
}

TEST(optimizer_ten_steps_are_those_of_pytorch) {
    da_json *root = NULL;
    CHECK_OK(da_json_read(&root, fixture));
    const da_json *items = da_json_get(root, "optimizers");
    CHECK_INT(da_json_count(items), 12);
    for (const da_json *item = da_json_first(items); item && !test_failed(); item = da_json_next(item))
        follow_pytorch(root, item);
    da_json_free(root);
}

/* ---- The kernels ---- */

typedef struct routines {
    const char *name;
    void (*sgd)(const da_sgd_update *, int64_t, float *, const float *, float *);
    void (*adam)(const da_adam_update *, int64_t, float *, const float *, float *, float *);
    double (*square_sum)(int64_t, const float *);
} routines;

static const routines variants[] = {
    { "reference", dai_sgd_update_reference, dai_adam_update_reference, dai_square_sum_reference },
    { "portable", dai_sgd_update_portable, dai_adam_update_portable, dai_square_sum_portable },
#if defined(__x86_64__)
    { "avx2", dai_sgd_update_avx2, dai_adam_update_avx2, dai_square_sum_avx2 },
    { "avx512", dai_sgd_update_avx512, dai_adam_update_avx512, dai_square_sum_avx512 },
#elif defined(__aarch64__)
    { "neon", dai_sgd_update_neon, dai_adam_update_neon, dai_square_sum_neon },
#endif
};

static bool runs_here(const char *name) {
    for (const da_kernels *const *table = da_kernels_list(); *table; table++)
        if (strcmp((*table)->name, name) == 0) return true;
    return false;
}

enum { LONGEST = 100 };

/* One update of n elements into out: w, first state, second state. */
static void update(const routines *r, int which, int64_t n, float out[3][LONGEST]) {
    float g[LONGEST];
    const da_sgd_update sgd = { .rate = 0.1f, .momentum = 0.9f, .decay = 0.01f, .scale = 0.7f, .nesterov = which == 2 };
    const da_adam_update adam = {.beta1 = 0.9f,
                                 .beta2 = 0.999f,
                                 .fresh1 = 0.1f,
                                 .fresh2 = 0.001f,
                                 .rate = 0.1f,
                                 .root_correction = 1.3f,
                                 .epsilon = 1e-8f,
                                 .decay = 0.01f,
                                 .keep = 0.99f,
                                 .scale = 0.7f};
    for (int i = 0; i < LONGEST; i++) {
        g[i] = da_random_normal(1, 2, (uint64_t)i);
        for (int a = 0; a < 3; a++) out[a][i] = fabsf(da_random_normal(1, 3 + (uint64_t)a, (uint64_t)i));
    }
    if (which < 3) r->sgd(&sgd, n, out[0], g, which == 0 ? NULL : out[1]);
    else r->adam(&adam, n, out[0], g, out[1], out[2]);
}

TEST(optimizer_kernels_give_the_bits_of_the_reference) {
    for (size_t v = 1; v < sizeof variants / sizeof *variants; v++) {
        if (!runs_here(variants[v].name)) continue;
        for (int64_t n = 0; n <= LONGEST; n++) {
            for (int which = 0; which < 4; which++) {
                float expected[3][LONGEST], actual[3][LONGEST];
                update(&variants[0], which, n, expected);
                update(&variants[v], which, n, actual);
                CHECK(memcmp(expected, actual, sizeof actual) == 0);
            }
        }
    }
}

TEST(optimizer_square_sum_is_exact_and_the_same_everywhere) {
    float x[LONGEST];
    for (int i = 0; i < LONGEST; i++) x[i] = ldexpf(da_random_normal(1, 2, (uint64_t)i), i % 60 - 30);
    for (int64_t n = 0; n <= LONGEST; n++) {
        double expected = dai_square_sum_reference(n, x), plain = 0;
        for (int64_t i = 0; i < n; i++) plain += (double)x[i] * (double)x[i];
        CHECK_CLOSE(expected, plain, 1e-12 * plain);
        for (size_t v = 1; v < sizeof variants / sizeof *variants; v++)
            if (runs_here(variants[v].name)) CHECK(variants[v].square_sum(n, x) == expected);
    }
}

/* ---- Clipping, groups, freezing ---- */

TEST(optimizer_norm_is_that_of_all_gradients_and_clips) {
    da_model *model = small_model();
    da_optimizer *optimizer = NULL;
    da_optimizer_options options = { .kind = DA_SGD, .clip = 2 };
    double norm = 0;
    CHECK_OK(da_optimizer_new(&optimizer, model, &options, NULL, 0));
    CHECK_INT(da_optimizer_state_count(optimizer), 0);
    memset(weight_of(model)->value.data, 0, da_tensor_bytes(&weight_of(model)->value));
    memset(weight_of(model)->gradient.data, 0, da_tensor_bytes(&weight_of(model)->gradient));
    memset(bias_of(model)->gradient.data, 0, da_tensor_bytes(&bias_of(model)->gradient));
    da_tensor_floats(&weight_of(model)->gradient)[4] = 3;
    da_tensor_floats(&bias_of(model)->gradient)[1] = -4;
    CHECK_OK(da_optimizer_step(optimizer, 1, &norm));
    CHECK_CLOSE(norm, 5, 1e-12);
    CHECK_CLOSE(da_tensor_floats(&weight_of(model)->value)[4], -3 * 2.0 / 5, 1e-6);
    da_optimizer_free(optimizer);
    da_model_free(model);
}

TEST(optimizer_norm_that_is_not_finite_moves_nothing) {
    da_model *model = small_model();
    da_optimizer *optimizer = NULL;
    da_optimizer_options options = da_optimizer_defaults(DA_ADAM);
    double norm = 0;
    float before[15];
    CHECK_OK(da_optimizer_new(&optimizer, model, &options, NULL, 0));
    fill_random(&weight_of(model)->value, 1);
    memcpy(before, weight_of(model)->value.data, sizeof before);
    fill_random(&weight_of(model)->gradient, 2);
    fill_random(&bias_of(model)->gradient, 3);
    da_tensor_floats(&bias_of(model)->gradient)[2] = NAN;
    CHECK_FAILS(da_optimizer_step(optimizer, 0.1f, &norm), DA_ERROR_NUMERIC, "norm is");
    CHECK(isnan(norm));
    CHECK(memcmp(before, weight_of(model)->value.data, sizeof before) == 0);
    CHECK_INT(da_optimizer_steps(optimizer), 0);
    for (int i = 0; i < da_optimizer_state_count(optimizer); i++)
        CHECK(da_tensor_floats(da_optimizer_state_tensor(optimizer, i))[0] == 0);
    CHECK_FAILS(da_optimizer_step(optimizer, -1, NULL), DA_ERROR_ARGUMENT, "rate is -1");
    CHECK_FAILS(da_optimizer_step(optimizer, INFINITY, NULL), DA_ERROR_ARGUMENT, "rate is inf");
    da_optimizer_free(optimizer);
    da_model_free(model);
}

static da_status forward_and_back(da_graph *graph, da_model *model, const uint8_t *label, bool back, int64_t fail_after) {
    float pixels[5] = { 1, 2, 3, 4, 5 };
    da_tensor x = da_tensor_over(pixels, DA_FLOAT32, 4, (int64_t[]){ 1, 1, 1, 5 });
    da_forward forward = { .graph = graph };
    da_graph_reset(graph);
    da_node *loss = da_cross_entropy(graph, da_model_forward(model, &forward, da_graph_input(graph, &x)), label, 0);
    if (!back) return da_graph_status(graph);
    da_memory_fail_after(fail_after);
    da_status status = da_graph_backward(graph, loss);
    da_memory_fail_after(-1);
    return status;
}

TEST(optimizer_steps_only_behind_a_backward_that_succeeded) {
    da_model *model = NULL;
    da_optimizer *optimizer = NULL;
    da_graph *graph = NULL;
    const uint8_t label = 1;
    float before[15];
    CHECK_OK(da_model_new(&model, "fresh", (int64_t[]){ 1, 1, 5 }, 3));
    CHECK_OK(da_model_append(model, "fc", &(da_layer_options){ .kind = DA_LAYER_LINEAR, .outputs = 3 }));
    CHECK_OK(da_model_initialize(model, DA_INIT_HE, 1));
    memcpy(before, weight_of(model)->value.data, sizeof before);
    const da_optimizer_options options = { .kind = DA_SGD, .momentum = 0.9f, .weight_decay = 0.5f };
    CHECK_OK(da_optimizer_new(&optimizer, model, &options, NULL, 0));
    CHECK_OK(da_graph_new(&graph));
    for (int round = 0; round < 4; round++) { /* never; forward alone; memory ends in backward; a label that is none */
        if (round == 1) CHECK_OK(forward_and_back(graph, model, &label, false, -1));
        if (round == 2) CHECK_FAILS(forward_and_back(graph, model, &label, true, 0), DA_ERROR_MEMORY, "out of memory");
        if (round == 3) CHECK_FAILS(forward_and_back(graph, model, &(uint8_t){ 9 }, true, -1), DA_ERROR_ARGUMENT, "label 9");
        CHECK_FAILS(da_optimizer_step(optimizer, 0.1f, NULL), DA_ERROR_ARGUMENT, "('weight') has no gradient");
        CHECK_INT(da_optimizer_steps(optimizer), 0);
        CHECK(memcmp(before, weight_of(model)->value.data, sizeof before) == 0);
    }
    CHECK_OK(forward_and_back(graph, model, &label, true, -1));
    CHECK_OK(da_optimizer_step(optimizer, 0.1f, NULL));
    da_graph_set_recording(graph, false); /* an evaluation in between takes nothing away */
    CHECK_OK(forward_and_back(graph, model, &label, false, -1));
    CHECK_OK(da_optimizer_step(optimizer, 0.1f, NULL));
    CHECK(memcmp(before, weight_of(model)->value.data, sizeof before) != 0);
    da_graph_free(graph);
    da_optimizer_free(optimizer);
    da_model_free(model);
}

TEST(optimizer_moves_only_what_is_not_frozen) {
    da_model *model = small_model();
    da_optimizer *optimizer = NULL;
    da_optimizer_options options = { .kind = DA_SGD, .momentum = 0.9f, .weight_decay = 0.1f };
    weight_of(model)->frozen = true;
    CHECK_OK(da_optimizer_new(&optimizer, model, &options, NULL, 0));
    CHECK_INT(da_optimizer_state_count(optimizer), 1);
    CHECK_TEXT(da_optimizer_state_name(optimizer, 0), "optimizer/fc.bias.momentum");
    float before[15];
    double norm = 0;
    fill_random(&weight_of(model)->value, 1);
    memcpy(before, weight_of(model)->value.data, sizeof before);
    fill_random(&weight_of(model)->gradient, 2); /* stale: must count neither in the norm nor in the step */
    for (int i = 0; i < 3; i++) da_tensor_floats(&bias_of(model)->gradient)[i] = i == 0;
    CHECK_OK(da_optimizer_step(optimizer, 0.1f, &norm));
    CHECK_CLOSE(norm, 1, 1e-12);
    CHECK(memcmp(before, weight_of(model)->value.data, sizeof before) == 0);
    CHECK(da_tensor_floats(&bias_of(model)->value)[0] == -0.1f);
    bias_of(model)->frozen = true; /* frozen after the optimizer was made */
    CHECK_OK(da_optimizer_step(optimizer, 0.1f, NULL));
    CHECK(da_tensor_floats(&bias_of(model)->value)[0] == -0.1f);
    da_optimizer_free(optimizer);
    CHECK_FAILS(da_optimizer_new(&optimizer, model, &options, NULL, 0), DA_ERROR_ARGUMENT, "nothing to train");
    da_model_free(model);
}

/* The decay that a parameter is under: with no gradient and rate 1 plain SGD takes w to w (1 - decay rate_factor). */
static void shrink(const da_optimizer_options *options, const da_parameter_group *groups, int count, float *weight,
                   float *bias) {
    da_model *model = small_model();
    da_optimizer *optimizer = NULL;
    for (int i = 0; i < 15; i++) da_tensor_floats(&weight_of(model)->value)[i] = 1;
    for (int i = 0; i < 3; i++) da_tensor_floats(&bias_of(model)->value)[i] = 1;
    memset(weight_of(model)->gradient.data, 0, da_tensor_bytes(&weight_of(model)->gradient));
    memset(bias_of(model)->gradient.data, 0, da_tensor_bytes(&bias_of(model)->gradient));
    CHECK_OK(da_optimizer_new(&optimizer, model, options, groups, count));
    if (optimizer) CHECK_OK(da_optimizer_step(optimizer, 1, NULL));
    *weight = da_tensor_floats(&weight_of(model)->value)[7];
    *bias = da_tensor_floats(&bias_of(model)->value)[2];
    da_optimizer_free(optimizer);
    da_model_free(model);
}

TEST(optimizer_groups_go_by_the_first_glob_that_matches) {
    da_optimizer_options options = { .kind = DA_SGD, .weight_decay = 0.5f };
    float weight, bias;
    shrink(&options, NULL, 0, &weight, &bias);
    CHECK(weight == 0.5f && bias == 0.5f);
    options.decay_weights_only = true;
    shrink(&options, NULL, 0, &weight, &bias);
    CHECK(weight == 0.5f && bias == 1);
    const da_parameter_group groups[] = { { "f?.w*t", 2, 0.125f }, { "*", 1, 0.25f } };
    shrink(&options, groups, 2, &weight, &bias);
    CHECK(weight == 0.75f && bias == 0.75f);
    shrink(&options, &groups[1], 1, &weight, &bias);
    CHECK(weight == 0.75f && bias == 0.75f);
}

TEST(optimizer_refuses_groups_and_options_without_meaning) {
    da_model *model = small_model();
    da_optimizer *optimizer = NULL;
    da_optimizer_options options = da_optimizer_defaults(DA_SGD);
    da_parameter_group group = { "conv*", 1, 0 };
    CHECK_FAILS(da_optimizer_new(&optimizer, model, &options, &group, 1), DA_ERROR_ARGUMENT, "'conv*'");
    group = (da_parameter_group){ "*", -1, 0 };
    CHECK_FAILS(da_optimizer_new(&optimizer, model, &options, &group, 1), DA_ERROR_ARGUMENT, "rate factor -1");
    CHECK(optimizer == NULL);
    options.momentum = 1;
    CHECK_FAILS(da_optimizer_check(&options), DA_ERROR_ARGUMENT, "momentum is 1");
    options = (da_optimizer_options){ .kind = DA_SGD, .nesterov = true };
    CHECK_FAILS(da_optimizer_check(&options), DA_ERROR_ARGUMENT, "nesterov needs");
    options = da_optimizer_defaults(DA_ADAM);
    options.momentum = 0.9f;
    CHECK_FAILS(da_optimizer_check(&options), DA_ERROR_ARGUMENT, "no use for momentum");
    options = da_optimizer_defaults(DA_ADAMW);
    options.epsilon = 0;
    CHECK_FAILS(da_optimizer_check(&options), DA_ERROR_ARGUMENT, "epsilon");
    options = da_optimizer_defaults(DA_ADAMW);
    options.weight_decay = NAN;
    CHECK_FAILS(da_optimizer_check(&options), DA_ERROR_ARGUMENT, "weight decay");
    options = da_optimizer_defaults(DA_SGD);
    options.clip = -1;
    CHECK_FAILS(da_optimizer_check(&options), DA_ERROR_ARGUMENT, "clipping");
    da_model_free(model);
}

/* Three steps on a matrix of many chunks. */
static void three_steps(int threads, float *out, int64_t n) {
    da_model *model = NULL;
    da_optimizer *optimizer = NULL;
    da_optimizer_options options = da_optimizer_defaults(DA_ADAMW);
    options.weight_decay = 0.1f;
    options.clip = 1;
    da_threads_set(threads);
    CHECK_OK(da_model_new(&model, "wide", (int64_t[]){ 1, 1, 1000 }, 70));
    CHECK_OK(da_model_append(model, "fc", &(da_layer_options){ .kind = DA_LAYER_LINEAR, .outputs = 70 }));
    for (int i = 0; i < 2; i++) model->units[0]->parameters[i].has_gradient = true;
    CHECK_OK(da_optimizer_new(&optimizer, model, &options, NULL, 0));
    for (uint64_t step = 0; step < 3; step++) {
        fill_random(&weight_of(model)->gradient, step);
        fill_random(&bias_of(model)->gradient, 100 + step);
        CHECK_OK(da_optimizer_step(optimizer, 0.1f, NULL));
    }
    memcpy(out, weight_of(model)->value.data, (size_t)n * sizeof *out);
    da_optimizer_free(optimizer);
    da_model_free(model);
    da_threads_set(0);
}

TEST(optimizer_gives_the_same_bits_on_any_number_of_threads) {
    enum { COUNT = 70000 };
    float *serial = da_alloc(COUNT * sizeof *serial), *parallel = da_alloc(COUNT * sizeof *parallel);
    three_steps(1, serial, COUNT);
    for (int threads = 2; threads <= 8; threads += 3) {
        three_steps(threads, parallel, COUNT);
        CHECK(memcmp(serial, parallel, COUNT * sizeof *serial) == 0);
    }
    da_free(serial);
    da_free(parallel);
}

/* Two steps of 1 on weights of 0: the velocity is 1, then 1 + momentum, whichever momentum stands at the second. */
TEST(optimizer_takes_another_momentum_between_steps) {
    da_model *model = small_model();
    da_optimizer *optimizer = NULL;
    da_optimizer_options options = da_optimizer_defaults(DA_SGD);
    CHECK_OK(da_optimizer_new(&optimizer, model, &options, NULL, 0));
    float *weight = da_tensor_floats(&weight_of(model)->value);
    for (int step = 0; step < 2; step++) {
        for (int i = 0; i < 15; i++) da_tensor_floats(&weight_of(model)->gradient)[i] = 1;
        for (int i = 0; i < 3; i++) da_tensor_floats(&bias_of(model)->gradient)[i] = 1;
        CHECK_OK(da_optimizer_set_momentum(optimizer, step == 0 ? 0.75f : 0.5f));
        if (step == 0) weight[0] = 0;
        CHECK_OK(da_optimizer_step(optimizer, 1, NULL));
    }
    CHECK(weight[0] == -2.5f);
    CHECK_FAILS(da_optimizer_set_momentum(optimizer, 0), DA_ERROR_ARGUMENT, "momentum 0");
    CHECK_FAILS(da_optimizer_set_momentum(optimizer, 1), DA_ERROR_ARGUMENT, "momentum 1");
    da_optimizer_free(optimizer);
    options = da_optimizer_defaults(DA_ADAM);
    CHECK_OK(da_optimizer_new(&optimizer, model, &options, NULL, 0));
    CHECK_FAILS(da_optimizer_set_momentum(optimizer, 0.5f), DA_ERROR_ARGUMENT, "optimizer adam");
    da_optimizer_free(optimizer);
    da_model_free(model);
}

TEST(optimizer_survives_any_failing_allocation) {
    da_model *model = small_model();
    da_optimizer_options options = da_optimizer_defaults(DA_ADAM);
    int64_t blocks = da_memory().live_blocks;
    da_status status = DA_ERROR_MEMORY;
    int64_t k = 0;
    for (; status != DA_OK && k < 1000; k++) {
        da_optimizer *optimizer = NULL;
        da_memory_fail_after(k);
        status = da_optimizer_new(&optimizer, model, &options, NULL, 0);
        da_memory_fail_after(-1);
        CHECK(status == DA_OK || (status == DA_ERROR_MEMORY && !optimizer));
        da_optimizer_free(optimizer);
        CHECK_INT(da_memory().live_blocks, blocks);
    }
    CHECK(k > 8 && k < 1000);
    da_model_free(model);
}
