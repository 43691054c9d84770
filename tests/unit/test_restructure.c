/* Removal is real, refused with a reason, and chosen without the test set. */
#include "tests/unit/test.h"

#include "core/memory.h"
#include "deeparc/restructure.h"
#include "layers/zoo.h"

static void make(da_model **model, const char *name) {
    const int64_t shape[3] = { 28, 28, 1 };
    CHECK_OK(da_zoo_build(model, name, shape, 10, NULL));
    CHECK_OK(da_model_initialize(*model, DA_INIT_HE, 1));
    (*model)->normalization =
        (da_normalization){ .known = true, .channels = 1, .mean = { 0.1f }, .deviation = { 0.25f } };
}

static int64_t multiply_adds(const da_model *model) {
    da_model_size size = { 0 };
    CHECK_OK(da_model_measure(model, &size, NULL));
    return size.multiply_adds;
}

TEST(restructure_removes_runs_and_single_units) {
    da_model *model = NULL, *left = NULL;
    make(&model, "resnet20x0.5");
    const char *const gone[] = { "layer3.2", "layer1.1", "layer1.2" };
    CHECK_OK(da_restructure_remove(model, gone, 3, &left));
    CHECK_INT(left->unit_count, model->unit_count - 3);
    CHECK_INT(multiply_adds(model) - multiply_adds(left), 3 * 2 * 28 * 28 * 9 * 8 * 8);
    char before[65], after[65];
    CHECK_OK(da_model_hash(model, da_model_find(model, "layer2.0"), before));
    CHECK_OK(da_model_hash(left, da_model_find(left, "layer2.0"), after));
    CHECK_TEXT(after, before);
    CHECK_INT(da_model_find(left, "layer1.1"), -1);

    bool near[32];
    da_restructure_neighbours(model, left, near);
    for (int i = 0; i < left->unit_count; i++) {
        const char *name = left->units[i]->name;
        bool expected = !strcmp(name, "layer1.0") || !strcmp(name, "layer2.0") || !strcmp(name, "layer3.1") ||
                        !strcmp(name, "linear");
        if (near[i] != expected) test_fail(__FILE__, __LINE__, "%s: neighbour is %d", name, near[i]);
    }
    da_model_free(left);
    da_model_free(model);
}

TEST(restructure_cuts_are_seen_in_the_model_alone) {
    da_model *model = NULL, *left = NULL;
    make(&model, "resnet20x0.5");
    bool near[32], seen[32];
    CHECK_FAILS(da_restructure_cuts(model, seen), DA_ERROR_NOT_FOUND, "nothing was cut");
    const char *const gone[] = { "layer1.1", "layer1.2", "layer3.2" };
    CHECK_OK(da_restructure_remove(model, gone, 3, &left));
    da_restructure_neighbours(model, left, near);
    CHECK_OK(da_restructure_cuts(left, seen));
    for (int i = 0; i < left->unit_count; i++) CHECK_INT(seen[i], near[i]);
    CHECK_OK(da_model_repeat(left, da_model_find(left, "layer2.1")));
    CHECK_FAILS(da_restructure_cuts(left, seen), DA_ERROR_NOT_FOUND, "cannot be told");
    strcpy(left->architecture, "mine");
    CHECK_FAILS(da_restructure_cuts(left, seen), DA_ERROR_NOT_FOUND, "'mine' cannot be told");
    da_model_free(left);
    da_model_free(model);
}

TEST(restructure_refuses_with_a_reason) {
    da_model *model = NULL, *left = NULL;
    make(&model, "resnet20x0.5");
    const char *const transition[] = { "layer1.1", "layer2.0" }, *const unknown[] = { "layer1.1", "layer9.9" };
    CHECK_FAILS(da_restructure_remove(model, transition, 1 + 1, &left), DA_ERROR_SHAPE, "layer2.0");
    CHECK_FAILS(da_restructure_remove(model, unknown, 2, &left), DA_ERROR_NOT_FOUND, "layer9.9");
    CHECK_FAILS(da_restructure_remove(model, NULL, 0, &left), DA_ERROR_ARGUMENT, "no unit");
    CHECK(left == NULL);
    da_model_free(model);
}

/* Two modules: [layer1.0 .. layer2.0) and one that begins with a transition. */
static da_module_range ranges[] = { { 0, 3 }, { 3, 6 }, { 6, 9 } };
static const da_partition thirds = { .layers = 9, .modules = 3, .module = ranges };
static const char *const blocks[] = { "layer1.0", "layer1.1", "layer1.2", "layer2.0", "layer2.1", "layer2.2",
                                      "layer3.0", "layer3.1", "layer3.2" };

TEST(restructure_keeps_the_first_layer_of_a_module) {
    da_model *model = NULL;
    da_choice choice = { 0 };
    make(&model, "resnet20x0.5");
    CHECK_OK(da_restructure_choose(model, &thirds, blocks, &(da_choice_options){ .max_drop = 1 }, &choice));
    CHECK_INT(choice.count, 6);
    CHECK_INT(choice.removed, 6);
    CHECK_INT(choice.candidates[0].layer, 2);
    CHECK_INT(choice.candidates[1].layer, 1);
    CHECK_INT(choice.candidates[2].layer, 5);
    CHECK(isnan(choice.accuracy) && isnan(choice.candidates[0].accuracy));
    CHECK_INT(choice.candidates[5].multiply_adds, multiply_adds(choice.model));
    CHECK(da_model_find(choice.model, "layer1.0") >= 0 && da_model_find(choice.model, "layer2.0") >= 0);
    da_choice_free(&choice);
    da_model_free(model);
}

TEST(restructure_stops_when_enough_is_gone) {
    da_model *model = NULL;
    da_choice choice = { 0 };
    make(&model, "resnet20x0.5");
    CHECK_OK(
        da_restructure_choose(model, &thirds, blocks, &(da_choice_options){ .max_drop = 1, .enough = 0.3 }, &choice));
    CHECK_INT(choice.removed, 3);
    CHECK_INT(choice.candidates[3].verdict, DA_VERDICT_ENOUGH);
    CHECK((double)multiply_adds(choice.model) <= 0.7 * (double)choice.multiply_adds);
    da_choice_free(&choice);
    da_model_free(model);
}

TEST(restructure_says_which_layers_do_not_fit) {
    da_model *model = NULL;
    da_choice choice = { 0 };
    make(&model, "resnet20x0.5");
    da_module_range one[] = { { 0, 9 } };
    const da_partition whole = { .layers = 9, .modules = 1, .module = one };
    CHECK_OK(da_restructure_choose(model, &whole, blocks, &(da_choice_options){ .max_drop = 1 }, &choice));
    CHECK_INT(choice.count, 8);
    CHECK_INT(choice.removed, 6);
    CHECK_INT(choice.candidates[2].layer, 6);
    CHECK_INT(choice.candidates[2].verdict, DA_VERDICT_SHAPE);
    da_choice_free(&choice);
    const char *const wrong[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i" };
    CHECK_FAILS(da_restructure_choose(model, &whole, wrong, &(da_choice_options){ .max_drop = 1 }, &choice),
                DA_ERROR_NOT_FOUND, "'i'");
    CHECK_FAILS(da_restructure_choose(model, &whole, blocks, &(da_choice_options){ .max_drop = 2 }, &choice),
                DA_ERROR_ARGUMENT, "2");
    CHECK(choice.model == NULL);
    da_model_free(model);
}

TEST(restructure_verifies_on_held_out_samples) {
    da_model *model = NULL;
    da_dataset data = { 0 };
    da_choice choice = { 0 };
    make(&model, "resnet20x0.5");
    CHECK_OK(da_dataset_load(&data, "digits", DA_TRAIN, NULL, &(da_dataset_options){ .count = 60, .seed = 1 }));
    da_choice_options options = { .data = &data, .validation = 20, .seed = 3, .max_drop = 1 };
    CHECK_OK(da_restructure_choose(model, &thirds, blocks, &options, &choice));
    CHECK_INT(choice.samples, 20);
    CHECK(choice.accuracy >= 0 && choice.accuracy <= 1);
    for (int i = 0; i < choice.count; i++) CHECK(choice.candidates[i].accuracy >= 0);
    da_choice_free(&choice);
    /* A limit of zero keeps every layer whose loss is seen. */
    options.max_drop = 0;
    CHECK_OK(da_restructure_choose(model, &thirds, blocks, &options, &choice));
    for (int i = 0; i < choice.count; i++)
        CHECK_INT(choice.candidates[i].verdict,
                  choice.candidates[i].accuracy < choice.accuracy ? DA_VERDICT_ACCURACY : DA_VERDICT_REMOVED);
    da_choice_free(&choice);
    /* A drop of exactly the limit passes, also where no double is that share; of an image more it does not. */
    int dropped = 0;
    options.max_drop = 1;
    CHECK_OK(da_restructure_choose(model, &thirds, blocks, &options, &choice));
    const double before = choice.accuracy, first = choice.candidates[0].accuracy;
    da_choice_free(&choice);
    for (int fewer = 0; fewer <= 20; fewer++) {
        options.max_drop = fewer / 20.0;
        CHECK_OK(da_restructure_choose(model, &thirds, blocks, &options, &choice));
        const bool passes = before - first <= options.max_drop + 1e-9;
        CHECK_INT(choice.candidates[0].verdict, passes ? DA_VERDICT_REMOVED : DA_VERDICT_ACCURACY);
        dropped += !passes;
        da_choice_free(&choice);
    }
    CHECK_INT(dropped, (int)round(fmax(before - first, 0) * 20));
    options.validation = 60;
    CHECK_FAILS(da_restructure_choose(model, &thirds, blocks, &options, &choice), DA_ERROR_ARGUMENT, "");
    da_dataset_free(&data);
    da_model_free(model);
}

/* What the model records of its training decides, whoever asks for which images. */
TEST(restructure_tells_whether_held_out_samples_were_trained_on) {
    da_model *model = NULL;
    da_dataset data = { 0 }, other = { 0 };
    int64_t seen = 7;
    make(&model, "resnet20x0.25");
    CHECK_OK(da_dataset_load(&data, "digits", DA_TRAIN, NULL, &(da_dataset_options){ .count = 60, .seed = 1 }));
    CHECK_OK(da_dataset_load(&other, "digits", DA_TRAIN, NULL, &(da_dataset_options){ .count = 60, .seed = 2 }));
    da_choice_options options = { .data = &data, .validation = 20, .seed = 3, .max_drop = 1 };
    CHECK_OK(da_restructure_seen(model, &options, &seen));
    CHECK_INT(seen, -1); /* no training is recorded */
    da_training_record training = { .data = "digits", .images = 60, .validation = 20, .seed = 3 };
    da_dataset_fingerprint(&other, training.fingerprint);
    CHECK_OK(da_model_add_training(model, &training));
    CHECK_OK(da_restructure_seen(model, &options, &seen));
    CHECK_INT(seen, 0); /* other images */
    da_dataset_fingerprint(&data, training.fingerprint);
    CHECK_OK(da_model_add_training(model, &training));
    CHECK_OK(da_restructure_seen(model, &options, &seen));
    CHECK_INT(seen, 0); /* the same were held out */
    options.seed = 4;
    CHECK_OK(da_restructure_seen(model, &options, &seen));
    CHECK(seen > 0 && seen < 20);
    training.validation = 0;
    CHECK_OK(da_model_add_training(model, &training));
    CHECK_OK(da_restructure_seen(model, &options, &seen));
    CHECK_INT(seen, 20); /* all were trained on */
    da_dataset_free(&other);
    da_dataset_free(&data);
    da_model_free(model);
}

TEST(restructure_survives_every_allocation_failure) {
    da_model *model = NULL;
    da_dataset data = { 0 };
    da_choice choice = { 0 };
    make(&model, "resnet20x0.25");
    CHECK_OK(da_dataset_load(&data, "digits", DA_TRAIN, NULL, &(da_dataset_options){ .count = 8, .seed = 1 }));
    da_module_range pair[] = { { 0, 2 }, { 2, 9 } };
    const da_partition partition = { .layers = 9, .modules = 2, .module = pair };
    da_choice_options options = { .data = &data, .validation = 4, .seed = 1, .max_drop = 1, .enough = 0.01 };
    da_status status = DA_ERROR_MEMORY;
    int64_t k = 0;
    for (; k < 5000 && status == DA_ERROR_MEMORY; k++) {
        da_memory_fail_after(k);
        status = da_restructure_choose(model, &partition, blocks, &options, &choice);
        da_memory_fail_after(-1);
        if (status != DA_OK) CHECK(choice.model == NULL);
    }
    CHECK(status == DA_OK && k > 20);
    da_choice_free(&choice);
    da_dataset_free(&data);
    da_model_free(model);
}
