/* Hash, freeze, train, thaw, hash, compare. */
#include "deeparc/retrain.h"

#include "core/memory.h"

#include <string.h>

/* Which parameters were frozen when we came, to leave them so. */
typedef struct flags { da_parameter_list list; bool *frozen; } flags;

static da_status flags_take(flags *f, const da_model *model) {
    DA_TRY(da_model_parameters(model, &f->list));
    f->frozen = da_alloc((size_t)f->list.count * sizeof *f->frozen);
    if (!f->frozen) return DA_ERROR_MEMORY;
    for (int i = 0; i < f->list.count; i++) f->frozen[i] = f->list.items[i].parameter->frozen;
    return DA_OK;
}

static void flags_give_back(flags *f) {
    for (int i = 0; i < f->list.count && f->frozen; i++) f->list.items[i].parameter->frozen = f->frozen[i];
    da_free(f->frozen);
    da_parameter_list_free(&f->list);
}

/* ---- The proof ---- */

static bool is_named(const char *name, const char *const *units, int count) {
    for (int i = 0; i < count; i++)
        if (strcmp(units[i], name) == 0) return true;
    return count == 0;
}

static da_status proof_begin(da_retrain_proof *proof, const da_model *model, const da_parameter_list *list,
                             const char *const *units, int count) {
    proof->units = da_alloc_zero((size_t)model->unit_count, sizeof *proof->units);
    if (!proof->units) return DA_ERROR_MEMORY;
    proof->unit_count = model->unit_count;
    for (int i = 0; i < model->unit_count; i++) {
        proof->units[i].trained = is_named(model->units[i]->name, units, count);
        DA_TRY(da_model_hash(model, i, proof->units[i].before));
    }
    for (int i = 0; i < list->count; i++) {
        da_unit_proof *unit = &proof->units[list->items[i].unit];
        int64_t values = da_parameter_count(list->items[i].parameter);
        unit->values += values;
        *(unit->trained ? &proof->values_trained : &proof->values_frozen) += values;
    }
    return DA_OK;
}

static da_status proof_end(da_retrain_proof *proof, const da_model *model) {
    const char *culprit = NULL;
    for (int i = 0; i < proof->unit_count; i++) {
        da_unit_proof *unit = &proof->units[i];
        DA_TRY(da_model_hash(model, i, unit->after));
        if (unit->values == 0) continue;
        bool moved = da_unit_moved(unit);
        *(moved ? &proof->moved : &proof->unmoved) += 1;
        if (moved && !unit->trained && !culprit) culprit = model->units[i]->name;
    }
    if (culprit)
        return DA_FAIL(DA_ERROR_NUMERIC, "unit '%s' was frozen and has moved all the same: its SHA-256 differs",
                       culprit);
    return DA_OK;
}

void da_retrain_proof_free(da_retrain_proof *proof) {
    da_free(proof->units);
    memset(proof, 0, sizeof *proof);
}

/* ---- Retraining ---- */

da_status da_retrain_check(const da_model *model, const char *const *units, int count) {
    bool learns = count == 0;
    for (int i = 0; i < count; i++) {
        int unit = da_model_find(model, units[i]);
        if (unit < 0) return DA_ERROR_NOT_FOUND;
        learns |= model->units[unit]->parameter_count + model->units[unit]->child_count > 0;
    }
    if (learns) return DA_OK;
    return DA_FAIL(DA_ERROR_ARGUMENT, "'%s'%s no parameters to train: name units that have some", units[0],
                   count > 1 ? " and the other units named have" : " has");
}

static da_status freeze(da_model *model, const char *const *units, int count) {
    if (count > 0) return da_model_train_only(model, units, count);
    da_model_freeze_all(model, false);
    return DA_OK;
}

/* The proof outranks the interruption: both are failures, and only one of them questions the result. */
static da_status train(da_model *model, const da_dataset *data, const da_trainer_options *options,
                       da_training_result *result, da_retrain_proof *proof) {
    da_status status = da_train(model, data, options, result);
    if (status == DA_OK) return proof_end(proof, model);
    if (status != DA_ERROR_INTERRUPTED) return status;
    char text[512];
    strncpy(text, da_error_message(), sizeof text - 1);
    text[sizeof text - 1] = '\0';
    DA_TRY(proof_end(proof, model));
    return DA_FAIL(DA_ERROR_INTERRUPTED, "%s", text);
}

da_status da_retrain(da_model *model, const da_dataset *data, const char *const *units, int count,
                     const da_trainer_options *options, da_training_result *result, da_retrain_proof *proof) {
    if (result) memset(result, 0, sizeof *result);
    DA_TRY(da_retrain_check(model, units, count));
    flags before = { { 0 }, NULL };
    da_retrain_proof made = { 0 };
    da_status status = flags_take(&before, model);
    if (status == DA_OK) status = proof_begin(&made, model, &before.list, units, count);
    if (status == DA_OK) status = freeze(model, units, count);
    if (status == DA_OK) status = train(model, data, options, result, &made);
    flags_give_back(&before);
    if (status == DA_OK || status == DA_ERROR_INTERRUPTED) {
        *proof = made;
    } else {
        da_retrain_proof_free(&made);
        da_training_result_free(result);
    }
    return status;
}
