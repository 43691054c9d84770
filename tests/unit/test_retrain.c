/* Local retraining moves the named units and nothing else, and would notice if it did. */
#include "tests/unit/test.h"

#include "core/memory.h"
#include "deeparc/retrain.h"
#include "layers/zoo.h"

static da_model   *model;
static da_dataset data;

static void make(void) {
    const int64_t shape[3] = { 28, 28, 1 };
    model = NULL;
    CHECK_OK(da_dataset_load(&data, "digits", DA_TRAIN, NULL, &(da_dataset_options){ .count = 48, .seed = 1 }));
    CHECK_OK(da_zoo_build(&model, "resnet8x0.5", shape, 10, NULL));
    CHECK_OK(da_model_initialize(model, DA_INIT_HE, 1));
}

static void drop(void) {
    da_model_free(model);
    da_dataset_free(&data);
}

static da_trainer_options options(void) {
    da_trainer_options o = da_trainer_defaults();
    o.epochs = 2;
    o.batch = 16;
    o.optimizer.weight_decay = 0.01f;
    return o;
}

TEST(retrain_moves_the_named_units_only) {
    make();
    da_trainer_options o = options();
    da_training_result result = { 0 };
    da_retrain_proof proof = { 0 };
    const char *const units[] = { "layer2.0", "linear" };
    CHECK_OK(da_retrain(model, &data, units, 2, &o, &result, &proof));
    CHECK_INT(result.steps, 6);
    CHECK_INT(proof.moved, 2);
    int64_t values = 0;
    for (int i = 0; i < proof.unit_count; i++) {
        const da_unit_proof *unit = &proof.units[i];
        bool named = !strcmp(model->units[i]->name, "layer2.0") || !strcmp(model->units[i]->name, "linear");
        CHECK_INT(unit->trained, named);
        CHECK_INT(da_unit_moved(unit), named);
        values += unit->values;
        char now[65];
        CHECK_OK(da_model_hash(model, i, now));
        CHECK_TEXT(unit->after, now);
    }
    CHECK_INT(proof.values_trained + proof.values_frozen, values);
    CHECK(proof.values_trained > 0 && proof.values_frozen > 0 &&
          proof.unmoved == 4); /* conv1, bn1, layer1.0, layer3.0 */

    da_parameter_list list; /* nothing is left frozen */
    CHECK_OK(da_model_parameters(model, &list));
    for (int i = 0; i < list.count; i++) CHECK(!list.items[i].parameter->frozen);
    da_parameter_list_free(&list);
    da_retrain_proof_free(&proof);
    da_training_result_free(&result);
    drop();
}

TEST(retrain_of_all_units_moves_all) {
    make();
    da_trainer_options o = options();
    da_retrain_proof proof = { 0 };
    CHECK_OK(da_retrain(model, &data, NULL, 0, &o, NULL, &proof));
    CHECK_INT(proof.unmoved, 0);
    CHECK_INT(proof.values_frozen, 0);
    da_retrain_proof_free(&proof);
    drop();
}

TEST(retrain_refuses_before_it_touches_anything) {
    make();
    da_trainer_options o = options();
    da_retrain_proof proof = { 0 };
    char before[65], after[65];
    CHECK_OK(da_model_hash(model, -1, before));
    const char *const unknown[] = { "linear", "layer7.7" }, *const empty[] = { "avgpool" };
    CHECK_FAILS(da_retrain(model, &data, unknown, 2, &o, NULL, &proof), DA_ERROR_NOT_FOUND, "layer7.7");
    CHECK_FAILS(da_retrain(model, &data, empty, 1, &o, NULL, &proof), DA_ERROR_ARGUMENT, "avgpool");
    o.epochs = 0;
    CHECK_FAILS(da_retrain(model, &data, unknown, 1, &o, NULL, &proof), DA_ERROR_ARGUMENT, "epochs");
    CHECK_OK(da_model_hash(model, -1, after));
    CHECK_TEXT(after, before);
    CHECK(proof.units == NULL);
    drop();
}

/* A saboteur: writes into a frozen weight while training runs. The hashes must find out. */
static void sabotage(void *context, const da_progress *progress) {
    (void)progress;
    *(float *)context += 1;
}

TEST(retrain_notices_a_frozen_unit_that_moved) {
    make();
    da_trainer_options o = options();
    da_training_result result = { 0 };
    da_retrain_proof proof = { 0 };
    da_parameter_list list;
    CHECK_OK(da_model_parameters(model, &list));
    o.progress = sabotage;
    o.context = da_tensor_floats(&list.items[0].parameter->value); /* conv1.weight */
    const char *const units[] = { "linear" };
    CHECK_FAILS(da_retrain(model, &data, units, 1, &o, &result, &proof), DA_ERROR_NUMERIC, "'conv1' was frozen");
    CHECK(proof.units == NULL && result.epochs == NULL);
    da_parameter_list_free(&list);
    drop();
}

static volatile sig_atomic_t stop;
static void interrupt(void *context, const da_progress *progress) {
    (void)context;
    stop = progress->step >= 2;
}

TEST(retrain_proves_an_interrupted_run_too) {
    make();
    da_trainer_options o = options();
    da_retrain_proof proof = { 0 };
    const char *const units[] = { "linear" };
    stop = 0;
    o.stop = &stop;
    o.progress = interrupt;
    CHECK_FAILS(da_retrain(model, &data, units, 1, &o, NULL, &proof), DA_ERROR_INTERRUPTED, "interrupted");
    CHECK_INT(proof.moved, 1);
    da_retrain_proof_free(&proof);
    drop();
}

TEST(retrain_resumes_its_own_model_only) {
    const char *const units[] = { "linear" };
    for (uint64_t seed = 1; seed <= 2; seed++) {
        make();
        da_trainer_options o = options();
        da_retrain_proof proof = { 0 };
        char before[65], after[65];
        o.checkpoint_path = test_temporary("retrain.safetensors");
        o.max_steps = 2;
        CHECK_OK(da_retrain(model, &data, units, 1, &o, NULL, &proof));
        da_retrain_proof_free(&proof);
        CHECK_OK(da_model_initialize(model, DA_INIT_HE, seed));
        CHECK_OK(da_model_hash(model, -1, before));
        o.max_steps = 0;
        o.resume = true;
        if (seed == 1) {
            CHECK_OK(da_retrain(model, &data, units, 1, &o, NULL, &proof));
            CHECK_INT(proof.moved, 1);
            da_retrain_proof_free(&proof);
        } else {
            CHECK_FAILS(da_retrain(model, &data, units, 1, &o, NULL, &proof), DA_ERROR_ARGUMENT,
                        "retrain.safetensors' belongs to another model: 'conv1.weight' is frozen");
            CHECK_OK(da_model_hash(model, -1, after));
            CHECK_TEXT(after, before);
            CHECK(proof.units == NULL);
        }
        drop();
    }
}

TEST(retrain_survives_every_allocation_failure) {
    make();
    da_trainer_options o = options();
    o.epochs = o.max_steps = 1;
    da_retrain_proof proof = { 0 };
    const char *const units[] = { "linear" };
    da_status status = DA_ERROR_MEMORY;
    int64_t k = 0;
    for (; k < 2000 && status == DA_ERROR_MEMORY; k++) {
        da_memory_fail_after(k);
        status = da_retrain(model, &data, units, 1, &o, NULL, &proof);
        da_memory_fail_after(-1);
        if (status != DA_OK) CHECK(proof.units == NULL);
    }
    CHECK(status == DA_OK && k > 5);
    da_retrain_proof_free(&proof);
    drop();
}
