/* Curves inside modules and outside: which networks are measured, and that each number is what it says. */
#include "tests/unit/test.h"

#include "core/memory.h"
#include "deeparc/features.h"
#include "deeparc/properties.h"
#include "deeparc/restructure.h"
#include "layers/zoo.h"
#include "optim/trainer.h"

static const char *const blocks[] = { "layer1.0", "layer1.1", "layer1.2", "layer2.0", "layer2.1", "layer2.2",
                                      "layer3.0", "layer3.1", "layer3.2" };

static void make(da_model **model, const char *name) {
    const int64_t shape[3] = { 28, 28, 1 };
    CHECK_OK(da_zoo_build(model, name, shape, 10, NULL));
    CHECK_OK(da_model_initialize(*model, DA_INIT_HE, 1));
    (*model)->normalization =
        (da_normalization){ .known = true, .channels = 1, .mean = { 0.1f }, .deviation = { 0.25f } };
}

static void draw(da_dataset *data, da_split split, int count) {
    CHECK_OK(da_dataset_load(data, "digits", split, NULL, &(da_dataset_options){ .count = count, .seed = 1 }));
}

/* ---- Repeating a unit ---- */

TEST(model_repeat_puts_a_copy_behind) {
    da_model *model = NULL;
    char original[65], copy[65];
    make(&model, "resnet20x0.25");
    const int units = model->unit_count, at = da_model_find(model, "layer1.1");
    CHECK_OK(da_model_repeat(model, at));
    CHECK_OK(da_model_repeat(model, at));
    CHECK_INT(model->unit_count, units + 2);
    CHECK_TEXT(model->units[at + 1]->name, "layer1.1-3");
    CHECK_TEXT(model->units[at + 2]->name, "layer1.1-2");
    CHECK_TEXT(model->units[at + 3]->name, "layer1.2");
    CHECK_TEXT(model->architecture, "resnet20x0.25 repeating layer1.1, layer1.1");
    CHECK(memcmp(model->units[at]->children[0]->parameters[0].value.data,
                 model->units[at + 1]->children[0]->parameters[0].value.data,
                 da_tensor_bytes(&model->units[at]->children[0]->parameters[0].value)) == 0);
    CHECK_OK(da_model_remove(model, at + 1, at + 3));
    CHECK_TEXT(model->architecture,
               "resnet20x0.25 repeating layer1.1, layer1.1 without layer1.1-3, layer1.1-2");
    da_model *fresh = NULL;
    make(&fresh, "resnet20x0.25");
    CHECK_OK(da_model_hash(fresh, -1, original));
    CHECK_OK(da_model_hash(model, -1, copy));
    CHECK_TEXT(copy, original);
    da_model_free(fresh);
    CHECK_FAILS(da_model_repeat(model, da_model_find(model, "layer2.0")), DA_ERROR_SHAPE, "layer2.0");
    CHECK_FAILS(da_model_repeat(model, -1), DA_ERROR_ARGUMENT, "unit -1");
    CHECK_INT(model->unit_count, units);
    da_model_free(model);
}

TEST(model_repeat_survives_every_allocation_failure) {
    da_model *model = NULL;
    make(&model, "resnet8x0.25");
    const int units = model->unit_count, at = da_model_find(model, "layer1.0");
    da_status status = DA_ERROR_MEMORY;
    int64_t k = 0;
    for (; k < 500 && status == DA_ERROR_MEMORY; k++) {
        CHECK_INT(model->unit_count, units);
        da_memory_fail_after(k);
        status = da_model_repeat(model, at);
        da_memory_fail_after(-1);
    }
    CHECK(status == DA_OK && k > 5);
    da_model_free(model);
}

/* ---- Features ---- */

TEST(features_are_the_means_of_what_units_put_out) {
    da_model *model = NULL;
    da_dataset data = { 0 };
    da_features f = { 0 };
    static float logits[7 * 10];
    da_evaluation e = { 0 };
    make(&model, "resnet8x0.25");
    draw(&data, DA_TEST, 7);
    const int units[] = { da_model_find(model, "layer1.0"), da_model_find(model, "layer3.0"),
                          da_model_find(model, "avgpool") };
    CHECK_OK(da_features_collect(model, &data, units, 3, 0, 3, NULL, &f));
    CHECK_INT(f.samples, 7);
    CHECK_INT(f.width[0], 4);
    CHECK_INT(f.width[1], 16);
    /* The pool of the network has the same 16 numbers, added in another order. */
    for (int i = 0; i < 7 * 16; i++) CHECK_CLOSE(f.values[1][i], f.values[2][i], 1e-5);
    CHECK_OK(da_evaluate(model, &data, 7, logits, &e));
    CHECK(memcmp(logits, f.logits, sizeof logits) == 0);
    CHECK(memcmp(f.labels, data.labels, 7) == 0);
    da_features_free(&f);
    const int wrong[] = { units[1], units[0] };
    CHECK_FAILS(da_features_collect(model, &data, wrong, 2, 0, 3, NULL, &f), DA_ERROR_ARGUMENT, "order");
    CHECK(f.values == NULL);
    da_dataset_free(&data);
    da_model_free(model);
}

/* ---- Curves ---- */

static da_module_range ranges[] = { { 0, 3 }, { 3, 4 }, { 4, 5 }, { 5, 6 }, { 6, 9 } };
static const da_partition partition = { .layers = 9, .modules = 5, .module = ranges };

typedef struct scene { da_model *model; da_dataset test, learn; da_properties_options options; } scene;

static scene set_up(const char *model) {
    scene s = { 0 };
    make(&s.model, model);
    draw(&s.test, DA_TEST, 30);
    draw(&s.learn, DA_TRAIN, 40);
    s.options = (da_properties_options){ .controls = 3, .seed = 2, .batch = 16, .attacked = 8,
                                         .fgsm.epsilon = 0.02, .pgd = { .epsilon = 0.02, .steps = 2 } };
    return s;
}

static da_status measure(scene *s, da_properties *p) { /* the scene has been moved: point at it now */
    s->options.test = &s->test;
    s->options.learn = &s->learn;
    return da_properties_measure(s->model, &partition, blocks, &s->options, p);
}

static void tear_down(scene *s) {
    da_dataset_free(&s->test);
    da_dataset_free(&s->learn);
    da_model_free(s->model);
}

/* Blocks 0 to 2 are of stage 1 and 6 to 8 of stage 3, whose first changes the shape. */
TEST(properties_controls_follow_the_stages_of_the_curve_inside) {
    scene s = set_up("resnet20x0.25");
    da_properties p = { 0 };
    s.options.among = DA_AMONG_STAGES;
    s.options.attacked = 0;
    s.options.controls = 12;
    CHECK_OK(measure(&s, &p));
    CHECK(p.by_stage && p.anywhere);
    CHECK_INT(p.pool_size, 5); /* 0 1 2, 7 8: all, as no block of those stages is outside */
    int differ = 0;
    for (int i = 0; i < p.controls; i++) {
        const da_curve *c = &p.control[i];
        CHECK_INT(c->edits, 4);
        for (int k = 0; k < 4; k++) CHECK_INT(c->layer[k] / 3, k < 2 ? 0 : 2);
        CHECK(c->layer[0] != c->layer[1] && c->layer[2] != c->layer[3]);
        differ += c->layer[0] != p.control[0].layer[0];
    }
    CHECK(differ > 0);
    da_properties_free(&p);
    tear_down(&s);
}

TEST(properties_p_counts_the_controls_that_are_as_good) {
    da_point inside[3], points[4][3];
    da_curve controls[4];
    static const double means[4] = { 0.5, 0.6, 0.7, 0.8 }; /* inside: .6 in the mean */
    da_properties p = { .inside = { 2, NULL, inside }, .control = controls, .controls = 4 };
    for (int k = 0; k < 3; k++) inside[k].value[DA_PROPERTY_ACCURACY] = k == 1 ? 0.75 : k == 2 ? 0.45 : 1;
    for (int i = 0; i < 4; i++) {
        controls[i] = (da_curve){ 2, NULL, points[i] };
        for (int k = 0; k < 3; k++) points[i][k].value[DA_PROPERTY_ACCURACY] = k ? means[i] : 1;
    }
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 3; k++) points[i][k].value[DA_PROPERTY_LOSS] = points[i][k].value[DA_PROPERTY_ACCURACY];
    for (int k = 0; k < 3; k++) inside[k].value[DA_PROPERTY_LOSS] = inside[k].value[DA_PROPERTY_ACCURACY];
    CHECK_CLOSE(da_properties_p(&p, DA_PROPERTY_ACCURACY), 4.0 / 5, 1e-12); /* .6, .7, .8 and itself */
    CHECK_CLOSE(da_properties_p(&p, DA_PROPERTY_LOSS), 3.0 / 5, 1e-12);     /* .5, .6 and itself: low is good */
    inside[1].value[DA_PROPERTY_ACCURACY] = 0.1, inside[2].value[DA_PROPERTY_ACCURACY] = 0.2;
    for (int i = 0; i < 4; i++)
        for (int k = 1; k < 3; k++) points[i][k].value[DA_PROPERTY_ACCURACY] = k == 1 ? 0.3 : 0;
    CHECK_CLOSE(da_properties_p(&p, DA_PROPERTY_ACCURACY), 1, 1e-12); /* ties, whatever a sum is rounded to */
    points[3][1].value[DA_PROPERTY_LOSS] = (double)NAN;
    CHECK(isnan(da_properties_p(&p, DA_PROPERTY_LOSS)));
    p.controls = 0;
    CHECK(isnan(da_properties_p(&p, DA_PROPERTY_ACCURACY)));
}

TEST(properties_follow_algorithm_2_and_leave_openers) {
    scene s = set_up("resnet20x0.25");
    da_properties p = { 0 };
    CHECK_OK(measure(&s, &p));
    static const int expected[] = { 2, 1, 8, 7 };
    CHECK_INT(p.inside.edits, 4);
    for (int k = 0; k < 4; k++) CHECK_INT(p.inside.layer[k], expected[k]);
    CHECK_INT(p.openers, 2);
    CHECK_INT(p.stuck, 0);
    /* Outside are layers 3 to 5, of which 3 changes the shape: too few, so controls choose among all that fit. */
    CHECK(p.anywhere);
    CHECK_INT(p.pool_size, 7);
    for (int i = 0; i < p.controls; i++) {
        CHECK_INT(p.control[i].edits, 4);
        for (int k = 0; k < 4; k++) CHECK(p.control[i].layer[k] != 3 && p.control[i].layer[k] != 6);
        CHECK(memcmp(&p.control[i].point[0], &p.inside.point[0], sizeof p.inside.point[0]) == 0);
    }
    da_properties_free(&p);
    s.options.among = DA_AMONG_OUTSIDE;
    CHECK_OK(measure(&s, &p));
    CHECK_INT(p.control[0].edits, 2);
    CHECK(!p.anywhere && p.control[0].layer[0] >= 4 && p.control[0].layer[0] <= 5);
    da_properties_free(&p);
    s.options.among = DA_AMONG_AUTO;
    s.options.most = 2;
    CHECK_OK(measure(&s, &p));
    CHECK(!p.anywhere && p.inside.edits == 2);
    da_properties_free(&p);
    tear_down(&s);
}

/* Every number again, by other means. */
TEST(properties_are_those_of_the_edited_network) {
    scene s = set_up("resnet20x0.25");
    da_properties p = { 0 };
    da_model *left = NULL;
    da_evaluation e = { 0 };
    static float before[300], after[300];
    CHECK_OK(measure(&s, &p));
    CHECK_CLOSE(p.inside.point[0].value[DA_PROPERTY_DIVERGENCE], 0, 0);
    CHECK_OK(da_evaluate(s.model, &s.test, 30, before, &e));
    CHECK_CLOSE(p.inside.point[0].value[DA_PROPERTY_LOSS], e.loss, 1e-6);
    const char *const gone[] = { "layer1.1", "layer1.2", "layer3.2" };
    CHECK_OK(da_restructure_remove(s.model, gone, 3, &left));
    CHECK_OK(da_evaluate(left, &s.test, 30, after, &e));
    const double *value = p.inside.point[3].value;
    CHECK_CLOSE(value[DA_PROPERTY_ACCURACY], e.accuracy, 0);
    CHECK_CLOSE(value[DA_PROPERTY_LOSS], e.loss, 1e-6);
    double divergence = 0;
    for (int i = 0; i < 300; i += 10) {
        double p_total = 0, q_total = 0;
        for (int c = 0; c < 10; c++) {
            p_total += exp((double)before[i + c]);
            q_total += exp((double)after[i + c]);
        }
        for (int c = 0; c < 10; c++) {
            const double share = exp((double)before[i + c]) / p_total;
            divergence += share * log(share / (exp((double)after[i + c]) / q_total)) / 30;
        }
    }
    CHECK_CLOSE(value[DA_PROPERTY_DIVERGENCE], divergence, 1e-9);
    da_attack_result attacked;
    CHECK_OK(da_attack_evaluate(left, &s.test, &(da_attack_options){ .kind = DA_ATTACK_FGSM, .epsilon = 0.02 }, 8, 16,
                                NULL, &attacked));
    CHECK_CLOSE(value[DA_PROPERTY_FGSM], (double)attacked.correct / 8, 0);
    CHECK_CLOSE(value[DA_PROPERTY_RIDGE], p.ridge[3 * 9 + 7], 0); /* the last block left is layer3.1 */
    CHECK(isnan(p.ridge[3 * 9 + 8]) && !isnan(p.ridge[8]) && !isnan(p.softmax[0]));
    da_spread spread = da_properties_spread(&p, 2, DA_PROPERTY_LOSS);
    CHECK_INT(spread.count, 3);
    CHECK(spread.low <= spread.mean && spread.mean <= spread.high && spread.deviation >= 0);
    p.controls = 1;
    spread = da_properties_spread(&p, 2, DA_PROPERTY_LOSS);
    CHECK(spread.count == 1 && isfinite(spread.mean) && isnan(spread.deviation)); /* of one it is unknown */
    p.controls = 3;
    da_model_free(left);
    da_properties_free(&p);
    tear_down(&s);
}

TEST(properties_of_repeated_blocks) {
    scene s = set_up("resnet20x0.25");
    da_properties p = { 0 };
    da_model *grown = NULL;
    da_evaluation e = { 0 };
    s.options.edit = DA_EDIT_REPEAT;
    s.options.attacked = 0;
    CHECK_OK(measure(&s, &p));
    CHECK_OK(da_model_copy(&grown, s.model));
    CHECK_OK(da_model_repeat(grown, da_model_find(grown, "layer1.2")));
    CHECK_OK(da_evaluate(grown, &s.test, 30, NULL, &e));
    CHECK_CLOSE(p.inside.point[1].value[DA_PROPERTY_ACCURACY], e.accuracy, 0);
    CHECK(isnan(p.inside.point[1].value[DA_PROPERTY_PGD]));
    da_model_free(grown);
    da_properties_free(&p);
    tear_down(&s);
}

TEST(properties_refuse_what_makes_no_sense) {
    scene s = set_up("resnet20x0.25");
    da_properties p = { 0 };
    da_module_range single[9];
    for (int i = 0; i < 9; i++) single[i] = (da_module_range){ i, i + 1 };
    const da_partition alone = { .layers = 9, .modules = 9, .module = single };
    da_module_range one[] = { { 0, 9 } };
    const da_partition whole = { .layers = 9, .modules = 1, .module = one };
    s.options.test = &s.test;
    CHECK_FAILS(da_properties_measure(s.model, &alone, blocks, &s.options, &p), DA_ERROR_ARGUMENT, "lower the");
    s.options.among = DA_AMONG_OUTSIDE;
    CHECK_FAILS(da_properties_measure(s.model, &whole, blocks, &s.options, &p), DA_ERROR_ARGUMENT, "no block outside");
    const char *const twice[] = { "layer1.0", "layer1.0", "layer1.2", "layer2.0", "layer2.1", "layer2.2",
                                  "layer3.0", "layer3.1", "layer3.2" };
    CHECK_FAILS(da_properties_measure(s.model, &partition, twice, &s.options, &p), DA_ERROR_SHAPE, "behind");
    volatile sig_atomic_t stop = 1;
    s.options.stop = &stop;
    s.options.among = DA_AMONG_AUTO;
    CHECK_FAILS(measure(&s, &p), DA_ERROR_INTERRUPTED, "interrupted");
    s.options.stop = NULL;
    s.options.pgd.epsilon = 3;
    CHECK_FAILS(measure(&s, &p), DA_ERROR_ARGUMENT, "epsilon");
    CHECK(p.block == NULL);
    tear_down(&s);
}

TEST(properties_survive_every_allocation_failure) {
    scene s = set_up("resnet20x0.25");
    da_properties p = { 0 };
    s.test.count = 2;
    s.learn.count = 10;
    s.options.most = 1;
    s.options.controls = 1;
    s.options.attacked = 1;
    s.options.pgd.steps = 1;
    da_status status = DA_ERROR_MEMORY;
    int64_t k = 0;
    /* All of the first, then samples: every network is built and measured in the same way. */
    for (; k < 30000 && status == DA_ERROR_MEMORY; k += k < 60 ? 1 : 61) {
        da_memory_fail_after(k);
        status = measure(&s, &p);
        da_memory_fail_after(-1);
        if (status != DA_OK) CHECK(p.block == NULL);
    }
    CHECK(status == DA_OK && k > 100);
    da_properties_free(&p);
    tear_down(&s);
}
