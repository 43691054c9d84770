/* Runs of units are cut out of a copy; candidates are tried one by one, each on top of those removed before. */
#include "deeparc/restructure.h"

#include "core/memory.h"
#include "deeparc/order.h"
#include "layers/zoo.h"
#include "optim/trainer.h"

#include <math.h>
#include <string.h>

/* ---- Removal by name ---- */

static bool is_named(const char *name, const char *const *units, int count) {
    for (int i = 0; i < count; i++)
        if (strcmp(units[i], name) == 0) return true;
    return false;
}

/* The last run [*begin, end) of named units below end; false when there is none. */
static bool last_run(const da_model *model, const char *const *units, int count, int *begin, int *end) {
    int e = *end;
    while (e > 0 && !is_named(model->units[e - 1]->name, units, count)) e--;
    int b = e;
    while (b > 0 && is_named(model->units[b - 1]->name, units, count)) b--;
    *begin = b;
    *end = e;
    return b < e;
}

da_status da_restructure_remove(const da_model *model, const char *const *units, int count, da_model **out) {
    if (count < 1)
        return DA_FAIL(DA_ERROR_ARGUMENT, "'%s': no unit is named that shall be removed", model->architecture);
    for (int i = 0; i < count; i++)
        if (da_model_find(model, units[i]) < 0) return DA_ERROR_NOT_FOUND;
    da_model *made = NULL;
    DA_TRY(da_model_copy(&made, model));
    da_status status = DA_OK;
    /* From the end, so that what is left to find keeps its place. */
    for (int begin, end = made->unit_count; status == DA_OK && last_run(made, units, count, &begin, &end); end = begin)
        status = da_model_remove(made, begin, end);
    if (status == DA_OK) *out = made;
    else da_model_free(made);
    return status;
}

/* ---- Neighbours of the cuts ---- */

static bool learns(const da_layer *layer) {
    for (int i = 0; i < layer->parameter_count; i++)
        if (!layer->parameters[i].buffer) return true;
    for (int i = 0; i < layer->child_count; i++)
        if (learns(layer->children[i])) return true;
    return false;
}

static void mark_nearest(const da_model *after, int from, int step, bool *near) {
    for (int i = from; i >= 0 && i < after->unit_count; i += step) {
        if (!learns(after->units[i])) continue;
        near[i] = true;
        return;
    }
}

/* `after` is `before` with runs left out, so walking both side by side finds every cut. */
void da_restructure_neighbours(const da_model *before, const da_model *after, bool *near) {
    memset(near, 0, (size_t)after->unit_count * sizeof *near);
    int kept = 0;
    for (int i = 0; i < before->unit_count; i++) {
        if (kept < after->unit_count && strcmp(before->units[i]->name, after->units[kept]->name) == 0) {
            kept++;
            continue;
        }
        mark_nearest(after, kept - 1, -1, near);
        mark_nearest(after, kept, 1, near);
    }
}

/* Are all units of `part` found in `whole`, in this order? */
static bool is_part(const da_model *part, const da_model *whole) {
    int found = 0;
    for (int i = 0; i < whole->unit_count && found < part->unit_count; i++)
        found += strcmp(part->units[found]->name, whole->units[i]->name) == 0;
    return found == part->unit_count;
}

da_status da_restructure_cuts(const da_model *model, bool *near) {
    char name[64] = "";
    size_t length = strcspn(model->architecture, " ");
    da_model *whole = NULL;
    if (length < sizeof name) memcpy(name, model->architecture, length);
    da_status status = da_zoo_build(&whole, name, model->input_shape, model->classes, NULL);
    if (status == DA_ERROR_MEMORY) return status;
    if (status != DA_OK || !is_part(model, whole))
        status = DA_FAIL(DA_ERROR_NOT_FOUND, "what was cut from '%.200s' cannot be told from its architecture",
                         model->architecture);
    else if (model->unit_count == whole->unit_count)
        status = DA_FAIL(DA_ERROR_NOT_FOUND, "nothing was cut from '%.200s': it has no neighbours of cuts",
                         model->architecture);
    else da_restructure_neighbours(whole, model, near);
    da_model_free(whole);
    return status;
}

/* ---- Choosing ---- */

typedef struct judge { /* takes the held-out accuracy of a model */
    da_feed held;    /* the same samples as the trainer holds out: it draws them the same way */
    int64_t right;   /* answers of the model as it was */
} judge;

static da_status judge_init(judge *j, const da_model *model, const da_choice_options *o) {
    if (o->validation < 1)
        return DA_FAIL(DA_ERROR_ARGUMENT, "candidates are verified on held-out samples: hold out at least one");
    return da_feed_open(&j->held, model, o->data,
                        &(da_feed_options){ .batches = { .batch_size = o->batch > 0 ? o->batch : 256, .seed = o->seed },
                                            .part = DA_PART_HELD, .held = o->validation, .labels_for = "verifying" });
}

static da_status judge_accuracy(judge *j, da_model *model, double *accuracy, int64_t *correct) {
    da_evaluation result;
    DA_TRY(da_evaluate_feed(model, &j->held, NULL, &result));
    *accuracy = result.accuracy;
    *correct = result.correct;
    return DA_OK;
}

/* Does so many right answers fewer mean a drop above the limit? .02 of 150 images are 3, though not in binary. */
static bool falls_too_far(const judge *j, int64_t fewer, double max_drop) {
    return (double)fewer > max_drop * (double)j->held.subset.count + 1e-6;
}

static da_status multiply_adds(const da_model *model, int64_t *count) {
    da_model_size size;
    DA_TRY(da_model_measure(model, &size, NULL));
    *count = size.multiply_adds;
    return DA_OK;
}

static bool is_enough(const da_choice *choice, const da_model *left, double enough, da_status *status) {
    int64_t now = 0;
    if (enough <= 0) return false;
    *status = multiply_adds(left, &now);
    return (double)now <= (1 - enough) * (double)choice->multiply_adds;
}

/* Tries one candidate on top of what is gone already. */
static da_status try_candidate(da_choice *choice, da_candidate *c, const char *name, judge *j,
                               const da_choice_options *o) {
    da_status status = DA_OK;
    c->accuracy = (double)NAN;
    if (is_enough(choice, choice->model, o->enough, &status)) {
        c->verdict = DA_VERDICT_ENOUGH;
        return DA_OK;
    }
    DA_TRY(status);
    int unit = da_model_find(choice->model, name);
    if (unit < 0) return DA_ERROR_NOT_FOUND;
    status = da_model_can_remove(choice->model, unit, unit + 1);
    if (status == DA_ERROR_SHAPE) {
        c->verdict = DA_VERDICT_SHAPE;
        return DA_OK;
    }
    DA_TRY(status);
    da_model *smaller = NULL;
    DA_TRY(da_restructure_remove(choice->model, &name, 1, &smaller));
    status = multiply_adds(smaller, &c->multiply_adds);
    int64_t right = j->right;
    if (status == DA_OK && o->data) status = judge_accuracy(j, smaller, &c->accuracy, &right);
    bool stays = o->data && falls_too_far(j, j->right - right, o->max_drop);
    c->verdict = stays ? DA_VERDICT_ACCURACY : DA_VERDICT_REMOVED;
    if (status == DA_OK && !stays) {
        da_model *larger = choice->model;
        choice->model = smaller;
        smaller = larger;
        choice->removed++;
    }
    da_model_free(smaller);
    return status;
}

static da_status choose(da_choice *choice, const da_model *model, const da_order *order, const char *const *names,
                        const da_choice_options *o, judge *j) {
    choice->candidates = da_alloc_zero((size_t)order->count, sizeof *choice->candidates);
    if (!choice->candidates) return DA_ERROR_MEMORY;
    DA_TRY(da_model_copy(&choice->model, model));
    DA_TRY(multiply_adds(model, &choice->multiply_adds));
    choice->accuracy = (double)NAN;
    if (o->data) {
        DA_TRY(judge_init(j, model, o));
        choice->samples = j->held.subset.count;
        DA_TRY(judge_accuracy(j, choice->model, &choice->accuracy, &j->right));
    }
    for (int k = 0; k < order->count; k++) {
        const da_order_step *step = &order->step[k];
        if (step->keeps == 0) continue;
        da_candidate *c = &choice->candidates[choice->count++];
        *c = (da_candidate){ .layer = step->layer, .module = step->module };
        DA_TRY(try_candidate(choice, c, names[step->layer], j, o));
        if (o->progress) o->progress(o->context, k + 1, order->count);
    }
    return DA_OK;
}

da_status da_restructure_choose(const da_model *model, const da_partition *partition, const char *const *names,
                                const da_choice_options *options, da_choice *out) {
    if (!(options->max_drop >= 0 && options->max_drop <= 1) || !(options->enough >= 0 && options->enough < 1))
        return DA_FAIL(DA_ERROR_ARGUMENT, "largest drop %g, enough %g: the one is 0 to 1, the other 0 to below 1",
                       options->max_drop, options->enough);
    da_order order = { 0 };
    judge j = { 0 };
    da_choice choice = { 0 };
    DA_TRY(da_order_from_partition(partition, &order));
    da_status status = choose(&choice, model, &order, names, options, &j);
    da_feed_close(&j.held);
    da_order_free(&order);
    if (status == DA_OK) *out = choice;
    else da_choice_free(&choice);
    return status;
}

/* ---- Was the model trained on what is held out? ---- */

/* Marks the samples of one training; *known becomes false where they cannot be told. */
static da_status mark_trained(const da_dataset *data, const da_training_record *t, bool *trained, bool *known) {
    da_subset all = { 0 }, train = { 0 }, held = { 0 };
    char fingerprint[65];
    if (t->images > data->count) *known = false;
    if (t->images > data->count) return DA_OK;
    da_dataset first = *data;
    first.count = t->images;
    da_dataset_fingerprint(&first, fingerprint);
    if (strcmp(fingerprint, t->fingerprint) != 0) return DA_OK; /* other images */
    DA_TRY(da_subset_first(&all, &first, 0));
    const da_status status = da_subset_split(&train, &held, &all, t->validation, t->seed);
    for (int64_t i = 0; status == DA_OK && i < train.count && (t->limit == 0 || i < t->limit); i++)
        trained[train.indices[i]] = true;
    da_subset_free(&held);
    da_subset_free(&train);
    da_subset_free(&all);
    return status;
}

da_status da_restructure_seen(const da_model *model, const da_choice_options *o, int64_t *seen) {
    const da_history *history = &model->history;
    bool known = history->training_count > 0;
    judge j = { 0 };
    DA_TRY(judge_init(&j, model, o));
    bool *trained = da_alloc_zero((size_t)o->data->count, sizeof *trained);
    da_status status = trained ? DA_OK : DA_ERROR_MEMORY;
    for (int i = 0; i < history->training_count && status == DA_OK; i++)
        status = mark_trained(o->data, &history->trainings[i], trained, &known);
    int64_t count = 0;
    for (int64_t i = 0; status == DA_OK && i < j.held.subset.count; i++) count += trained[j.held.subset.indices[i]];
    if (status == DA_OK) *seen = known || count > 0 ? count : -1;
    da_free(trained);
    da_feed_close(&j.held);
    return status;
}

void da_choice_free(da_choice *choice) {
    da_free(choice->candidates);
    da_model_free(choice->model);
    memset(choice, 0, sizeof *choice);
}

const char *da_verdict_text(da_verdict verdict) {
    switch (verdict) {
    case DA_VERDICT_REMOVED:  return "removed";
    case DA_VERDICT_SHAPE:    return "stays: it changes the shape";
    case DA_VERDICT_ACCURACY: return "stays: accuracy would fall too far";
    case DA_VERDICT_ENOUGH:   return "stays: enough is gone";
    }
    return "?";
}
