/* plan     which layers the curve inside edits, and the controls
 * measure  one network after the other: a copy of the model is edited, looked at, and freed
 *
 *     (curve, k) ── edited model ──┬── test images     ── logits ── fitting         ┐
 *                                  │                  └─ features ─┐                ├── point[k]
 *                                  ├── learning images ─ features ─┴─ probes        │
 *                                  └── attacked images ── adversarial ── accuracy   ┘
 *
 * The same set of blocks gives the same network in any order, so a set that comes again is looked up.
 */
#include "deeparc/properties.h"

#include "core/memory.h"
#include "core/random.h"
#include "deeparc/features.h"
#include "deeparc/order.h"
#include "deeparc/restructure.h"
#include "optim/trainer.h"

#include <math.h>
#include <string.h>

static const struct { const char *name; bool share; } properties[DA_PROPERTY_COUNT] = {
    { "accuracy", true }, { "loss", false }, { "divergence", false }, { "fgsm", true }, { "pgd", true },
    { "ridge", true }, { "softmax", true }
};
const char *da_property_name(da_property property) { return properties[property].name; }
bool        da_property_is_share(da_property property) { return properties[property].share; }

typedef struct study {
    const da_model *model;
    const da_partition *partition;
    const char *const *names;
    da_properties_options options;
    int  *order, order_count;    /* layers inside modules, as they are edited */
    int  *pool, pool_count;      /* layers that controls choose among, ascending */
    int  *stage;                 /* of every layer: 0, 1, ... */
    int  *places;                /* units of the network at hand that are layers; and their layers */
    int  *place_layer;
    const char **edited;         /* names of the units of an edit */
    float *logits;               /* of the original */
    da_properties *result;
    int64_t done, networks;
} study;

/* ---- Planning ---- */

static bool can_edit(const study *s, int layer) {
    const int unit = da_model_find(s->model, s->names[layer]);
    return da_model_can_remove(s->model, unit, unit + 1) == DA_OK;
}

static da_status check_names(const study *s) {
    for (int layer = 0, last = -1; layer < s->partition->layers; layer++) {
        const int unit = da_model_find(s->model, s->names[layer]);
        if (unit < 0) return DA_ERROR_NOT_FOUND;
        if (unit <= last)
            return DA_FAIL(DA_ERROR_SHAPE, "layer %d, '%s', does not come behind layer %d in %s", layer,
                           s->names[layer], layer - 1, s->model->architecture);
        last = unit;
    }
    return DA_OK;
}

static da_status plan_inside(study *s) {
    da_order order = { 0 };
    DA_TRY(da_order_from_partition(s->partition, &order));
    for (int k = 0; k < order.count; k++) {
        const da_order_step *step = &order.step[k];
        if (step->keeps == 0) s->result->openers++;
        else if (!can_edit(s, step->layer)) s->result->stuck++;
        else s->order[s->order_count++] = step->layer;
    }
    da_order_free(&order);
    if (s->order_count == 0)
        return DA_FAIL(DA_ERROR_ARGUMENT, "no module of %s has a block behind its first that gives the shape it takes: "
                       "lower the threshold", s->model->architecture);
    if (s->options.most > 0 && s->order_count > s->options.most) s->order_count = s->options.most;
    return DA_OK;
}

enum { ALL_STAGES = -1 };

/* Adds the blocks of one stage, or of all; returns their number. */
static int fill_pool(study *s, int stage, bool anywhere) {
    const int before = s->pool_count;
    for (int layer = 0; layer < s->partition->layers; layer++) {
        const bool alone = da_partition_is_alone(s->partition, da_partition_module_of(s->partition, layer));
        const bool here = stage == ALL_STAGES || s->stage[layer] == stage;
        if (here && (anywhere || alone) && can_edit(s, layer)) s->pool[s->pool_count++] = layer;
    }
    return s->pool_count - before;
}

/* Blocks outside modules where there are as many as are edited inside, else all; returns whether it was all. */
static bool fill_enough(study *s, int stage, bool may_be_all) {
    const int before = s->pool_count;
    int wanted = 0;
    for (int k = 0; k < s->order_count; k++) wanted += stage == ALL_STAGES || s->stage[s->order[k]] == stage;
    if (wanted == 0 || fill_pool(s, stage, false) >= wanted || !may_be_all) return false;
    s->pool_count = before;
    fill_pool(s, stage, true);
    return true;
}

static da_status plan_pool(study *s) {
    const da_among kind = s->options.among;
    bool anywhere = kind == DA_AMONG_ANYWHERE;
    s->result->by_stage = kind == DA_AMONG_STAGES;
    if (anywhere) fill_pool(s, ALL_STAGES, true);
    else if (kind != DA_AMONG_STAGES) anywhere = fill_enough(s, ALL_STAGES, kind == DA_AMONG_AUTO);
    else
        for (int stage = 0; stage <= s->stage[s->partition->layers - 1]; stage++) anywhere |= fill_enough(s, stage, true);
    if (s->pool_count == 0 && s->options.controls > 0)
        return DA_FAIL(DA_ERROR_ARGUMENT, "no block outside modules can be edited in %s: choose controls anywhere, or "
                       "raise the threshold", s->model->architecture);
    s->result->anywhere = anywhere;
    s->result->pool_size = s->pool_count;
    return DA_OK;
}

/* Stages of the layers: one begins where the shape changes, which names tell. */
static void find_stages(study *s) {
    for (int layer = 1; layer < s->partition->layers; layer++)
        s->stage[layer] = s->stage[layer - 1] + da_partition_is_transition(s->names[layer - 1], s->names[layer]);
}

/* Of the pool in the order drawn, the first block that is left and of that stage; there is one. */
static int take_drawn(const study *s, int64_t *drawn, int stage) {
    int at = 0;
    while (drawn[at] < 0 || (stage != ALL_STAGES && s->stage[s->pool[drawn[at]]] != stage)) at++;
    const int layer = s->pool[drawn[at]];
    drawn[at] = -1;
    return layer;
}

/* Control i edits the pool in an order of its own; among stages, that of the curve inside decides from where. */
static da_status plan_controls(study *s) {
    int64_t *drawn = da_alloc((size_t)s->pool_count * sizeof *drawn);
    if (!drawn) return DA_ERROR_MEMORY;
    for (int i = 0; i < s->result->controls; i++) {
        da_curve *curve = &s->result->control[i];
        da_random_permutation(drawn, s->pool_count, s->options.seed, da_stream(DA_RANDOM_CONTROL, (uint64_t)i));
        for (int k = 0; k < curve->edits; k++)
            curve->layer[k] = take_drawn(s, drawn, s->result->by_stage ? s->stage[s->order[k]] : ALL_STAGES);
    }
    da_free(drawn);
    return DA_OK;
}

/* All arrays of the result, in one block: doubles first. */
static da_status allocate_result(study *s) {
    da_properties *r = s->result;
    const bool probes = s->options.learn != NULL;
    const int control_edits = s->pool_count < s->order_count ? s->pool_count : s->order_count;
    const size_t layers = (size_t)r->layers, inside = (size_t)s->order_count, each = (size_t)control_edits;
    const size_t controls = (size_t)s->options.controls, points = inside + 1 + controls * (each + 1);
    const size_t profile = probes ? (inside + 2) * layers : 0;
    char *at = da_alloc_zero(1, points * sizeof(da_point) + profile * sizeof(double) + controls * sizeof(da_curve) +
                                    (inside + controls * each) * sizeof(int));
    if (!at) return DA_ERROR_MEMORY;
    r->block = at;
    da_point *point = (void *)at;
    double *numbers = (void *)(point + points);
    r->control = (void *)(numbers + profile);
    int *layer = (void *)(r->control + controls);
    r->controls = s->options.controls;
    r->inside = (da_curve){ s->order_count, layer, point };
    for (size_t i = 0; i < controls; i++)
        r->control[i] = (da_curve){ control_edits, layer + inside + i * each, point + inside + 1 + i * (each + 1) };
    for (size_t i = 0; i < points; i++)
        for (int k = 0; k < DA_PROPERTY_COUNT; k++) point[i].value[k] = (double)NAN;
    for (size_t i = 0; i < profile; i++) numbers[i] = (double)NAN;
    if (probes) r->ridge = numbers;
    if (probes) r->softmax = numbers + (inside + 1) * layers;
    memcpy(r->inside.layer, s->order, inside * sizeof(int));
    s->networks = (int64_t)(inside + 1 + controls * each);
    return DA_OK;
}

/* ---- Editing ---- */

static da_status edit(const study *s, const da_curve *curve, int edits, da_model **out) {
    if (edits > 0 && s->options.edit == DA_EDIT_REMOVE) {
        for (int k = 0; k < edits; k++) s->edited[k] = s->names[curve->layer[k]];
        return da_restructure_remove(s->model, s->edited, edits, out);
    }
    da_model *made = NULL;
    DA_TRY(da_model_copy(&made, s->model));
    da_status status = DA_OK;
    for (int k = 0; k < edits && status == DA_OK; k++)
        status = da_model_repeat(made, da_model_find(made, s->names[curve->layer[k]]));
    if (status == DA_OK) *out = made;
    else da_model_free(made);
    return status;
}

/* Where the layers of the partition are in an edited model: their number; a copy of a block is none of them. */
static int find_places(const study *s, const da_model *model) {
    int count = 0;
    for (int layer = 0, unit = 0; layer < s->partition->layers; layer++) {
        int at = unit;
        while (at < model->unit_count && strcmp(model->units[at]->name, s->names[layer]) != 0) at++;
        if (at == model->unit_count) continue; /* removed */
        s->places[count] = at;
        s->place_layer[count++] = layer;
        unit = at + 1;
    }
    return count;
}

/* ---- Fitting ---- */

/* log of the sum of e^z, from its largest term. */
static double log_sum(const float *z, int classes) {
    double most = (double)z[0], sum = 0;
    for (int c = 1; c < classes; c++)
        if ((double)z[c] > most) most = (double)z[c];
    for (int c = 0; c < classes; c++) sum += exp((double)z[c] - most);
    return most + log(sum);
}

/* KL(p || q) = sum p (log p - log q); of two equal rows exactly 0. */
static double divergence(const float *p, const float *q, int classes) {
    const double p_log = log_sum(p, classes), q_log = log_sum(q, classes);
    double sum = 0;
    for (int c = 0; c < classes; c++) {
        const double log_p = (double)p[c] - p_log;
        sum += exp(log_p) * (log_p - ((double)q[c] - q_log));
    }
    return sum;
}

static void measure_fit(const study *s, const da_features *f, da_point *point) {
    const da_tensor logits = da_tensor_over(f->logits, DA_FLOAT32, 2, (int64_t[]){ f->samples, f->classes });
    double loss = 0, distance = 0;
    for (int64_t i = 0; i < f->samples; i++) {
        const float *row = f->logits + i * f->classes;
        loss += log_sum(row, f->classes) - (double)row[f->labels[i]];
        distance += divergence(s->logits + i * f->classes, row, f->classes);
    }
    const double n = (double)f->samples;
    point->value[DA_PROPERTY_ACCURACY] = (double)da_count_correct(&logits, f->labels) / n;
    point->value[DA_PROPERTY_LOSS] = isfinite(loss) ? loss / n : (double)NAN;
    point->value[DA_PROPERTY_DIVERGENCE] = isfinite(distance) ? distance / n : (double)NAN;
}

/* ---- Linear separability ---- */

static da_status probe(da_probe_kind kind, const da_features *learn, const da_features *test, int place, double *to,
                       int *above) {
    da_probe_result found;
    const da_probe_data from = { learn->values[place], learn->labels, learn->samples };
    const da_probe_data on = { test->values[place], test->labels, test->samples };
    const da_status status = da_probe_fit(kind, &from, &on, test->width[place], test->classes, 0, &found);
    if (status == DA_ERROR_NUMERIC) return DA_OK; /* features that overflow separate nothing: the value stays NaN */
    if (status != DA_OK) return status;
    *to = found.accuracy;
    *above += kind == DA_PROBE_SOFTMAX && !found.reached;
    return DA_OK;
}

/* ridge, softmax: a number for every layer of the partition, or NULL: the last block alone. */
static da_status measure_probes(const study *s, const da_features *learn, const da_features *test, da_point *point,
                                double *ridge, double *softmax) {
    const int last = test->layers - 1;
    for (int i = ridge ? 0 : last; i <= last; i++) {
        double *to = ridge ? &ridge[s->place_layer[i]] : &point->value[DA_PROPERTY_RIDGE];
        DA_TRY(probe(DA_PROBE_RIDGE, learn, test, i, to, &s->result->above));
        if (i == last) point->value[DA_PROPERTY_RIDGE] = *to;
    }
    for (int i = softmax ? 0 : last; i <= last; i++) {
        double *to = softmax ? &softmax[s->place_layer[i]] : &point->value[DA_PROPERTY_SOFTMAX];
        DA_TRY(probe(DA_PROBE_SOFTMAX, learn, test, i, to, &s->result->above));
        if (i == last) point->value[DA_PROPERTY_SOFTMAX] = *to;
    }
    return DA_OK;
}

/* ---- One network ---- */

static da_status measure_features(study *s, da_model *model, da_point *point, double *ridge, double *softmax) {
    const da_properties_options *o = &s->options;
    da_features test = { 0 }, learn = { 0 };
    const int found = o->learn ? find_places(s, model) : 0;
    /* Every block where a profile is wanted, else the last. */
    const int first = found > 0 && !ridge ? found - 1 : 0;
    DA_TRY(da_features_collect(model, o->test, s->places + first, found - first, 0, o->batch, o->stop, &test));
    if (!s->logits) { /* the first network is the original */
        s->logits = test.logits;
        test.logits = NULL;
    }
    da_features answers = test;
    if (!answers.logits) answers.logits = s->logits;
    measure_fit(s, &answers, point);
    da_status status = DA_OK;
    if (found > 0) {
        status = da_features_collect(model, o->learn, s->places + first, found - first, 0, o->batch, o->stop, &learn);
        if (status == DA_OK) status = measure_probes(s, &learn, &test, point, ridge, softmax);
    }
    da_features_free(&learn);
    da_features_free(&test);
    return status;
}

static da_status measure_attack(const study *s, const da_model *model, da_property property, da_point *point) {
    const da_properties_options *o = &s->options;
    da_attack_result result;
    DA_TRY(da_attack_evaluate(model, o->test, property == DA_PROPERTY_FGSM ? &o->fgsm : &o->pgd, o->attacked, o->batch,
                              o->stop, &result));
    point->value[property] = (double)result.correct / (double)result.images;
    point->flat[property] = result.flat;
    return DA_OK;
}

static da_status measure_attacks(const study *s, const da_model *model, da_point *point) {
    if (s->options.attacked == 0) return DA_OK;
    DA_TRY(measure_attack(s, model, DA_PROPERTY_FGSM, point));
    return measure_attack(s, model, DA_PROPERTY_PGD, point);
}

static da_status measure_network(study *s, const da_curve *curve, int edits, double *ridge, double *softmax) {
    da_model *model = NULL;
    DA_TRY(edit(s, curve, edits, &model));
    da_status status = measure_features(s, model, &curve->point[edits], ridge, softmax);
    if (status == DA_OK) status = measure_attacks(s, model, &curve->point[edits]);
    da_model_free(model);
    return status;
}

/* ---- All of them ---- */

static bool same_set(const da_curve *a, const da_curve *b, int edits) {
    if (a->edits < edits) return false;
    for (int i = 0; i < edits; i++) {
        bool found = false;
        for (int k = 0; k < edits; k++) found |= a->layer[i] == b->layer[k];
        if (!found) return false;
    }
    return true;
}

/* A curve measured before that has edited the same blocks at that point; NULL: there is none. */
static const da_curve *find_known(const da_properties *r, int control, int edits) {
    const da_curve *wanted = &r->control[control];
    if (same_set(&r->inside, wanted, edits)) return &r->inside;
    for (int i = 0; i < control; i++)
        if (same_set(&r->control[i], wanted, edits)) return &r->control[i];
    return NULL;
}

static void report_progress(study *s) {
    s->done++;
    if (s->options.progress) s->options.progress(s->options.context, s->done, s->networks);
}

static da_status measure_inside(study *s) {
    da_properties *r = s->result;
    if (s->options.progress) s->options.progress(s->options.context, 0, s->networks);
    for (int k = 0; k <= r->inside.edits; k++) {
        double *ridge = r->ridge ? r->ridge + (size_t)k * (size_t)r->layers : NULL;
        DA_TRY(measure_network(s, &r->inside, k, ridge, k == 0 ? r->softmax : NULL));
        report_progress(s);
    }
    return DA_OK;
}

static da_status measure_controls(study *s) {
    da_properties *r = s->result;
    for (int i = 0; i < r->controls; i++) {
        const da_curve *curve = &r->control[i];
        curve->point[0] = r->inside.point[0];
        for (int k = 1; k <= curve->edits; k++) {
            const da_curve *known = find_known(r, i, k);
            if (known) curve->point[k] = known->point[k];
            else DA_TRY(measure_network(s, curve, k, NULL, NULL));
            report_progress(s);
        }
    }
    return DA_OK;
}

static da_status check_options(da_properties_options *o) {
    if (!o->test || !o->test->labels || (o->learn && !o->learn->labels))
        return DA_FAIL(DA_ERROR_ARGUMENT, "properties are measured on images with labels");
    if (o->most < 0 || o->controls < 0 || o->attacked < 0 || o->batch < 0)
        return DA_FAIL(DA_ERROR_ARGUMENT, "properties: numbers of edits, controls and images are at least 0");
    if (o->batch == 0) o->batch = 128;
    o->fgsm.kind = DA_ATTACK_FGSM;
    o->pgd.kind = DA_ATTACK_PGD;
    o->fgsm.seed = o->pgd.seed = o->seed;
    DA_TRY(da_attack_complete(&o->pgd));
    return da_attack_complete(&o->fgsm);
}

static da_status plan(study *s) {
    DA_TRY(check_options(&s->options));
    DA_TRY(check_names(s));
    s->result->layers = s->partition->layers;
    s->result->samples = s->options.test->count;
    DA_TRY(plan_inside(s));
    find_stages(s);
    DA_TRY(plan_pool(s));
    DA_TRY(allocate_result(s));
    return plan_controls(s);
}

static da_status take_scratch(study *s) {
    const size_t layers = (size_t)s->partition->layers;
    s->order = da_alloc_zero(5 * layers, sizeof *s->order);
    s->edited = da_alloc(layers * sizeof *s->edited);
    if (!s->order || !s->edited) return DA_ERROR_MEMORY;
    s->pool = s->order + layers;
    s->places = s->pool + layers;
    s->place_layer = s->places + layers;
    s->stage = s->place_layer + layers;
    return DA_OK;
}

da_status da_properties_measure(const da_model *model, const da_partition *partition, const char *const *names,
                                const da_properties_options *options, da_properties *out) {
    da_properties made = { 0 };
    study s = { .model = model, .partition = partition, .names = names, .options = *options, .result = &made };
    da_status status = take_scratch(&s);
    if (status == DA_OK) status = plan(&s);
    if (status == DA_OK) status = measure_inside(&s);
    if (status == DA_OK) status = measure_controls(&s);
    da_free(s.logits);
    da_free(s.edited);
    da_free(s.order);
    if (status == DA_OK) *out = made;
    else da_properties_free(&made);
    return status;
}

void da_properties_free(da_properties *p) {
    da_free(p->block);
    memset(p, 0, sizeof *p);
}

da_spread da_properties_spread(const da_properties *p, int edits, da_property property) {
    da_spread s = { .low = (double)INFINITY, .high = -(double)INFINITY };
    double sum = 0, squares = 0;
    for (int i = 0; i < p->controls; i++) {
        const double value = p->control[i].edits < edits ? (double)NAN : p->control[i].point[edits].value[property];
        if (isnan(value)) continue;
        s.count++;
        sum += value;
        s.low = fmin(s.low, value);
        s.high = fmax(s.high, value);
    }
    if (s.count == 0) return (da_spread){ 0, (double)NAN, (double)NAN, (double)NAN, (double)NAN };
    s.mean = sum / s.count;
    for (int i = 0; i < p->controls; i++) {
        const double value = p->control[i].edits < edits ? (double)NAN : p->control[i].point[edits].value[property];
        if (!isnan(value)) squares += (value - s.mean) * (value - s.mean);
    }
    s.deviation = s.count > 1 ? sqrt(squares / (s.count - 1)) : (double)NAN;
    return s;
}

/* The mean over the first edits; NaN where one is unknown. */
static double mean_over(const da_curve *curve, int edits, da_property property) {
    double sum = 0;
    for (int k = 1; k <= edits; k++) sum += curve->point[k].value[property];
    return sum / edits; /* of none: NaN */
}

double da_properties_p(const da_properties *p, da_property property) {
    int edits = p->inside.edits, as_good = 0;
    for (int i = 0; i < p->controls; i++) edits = p->control[i].edits < edits ? p->control[i].edits : edits;
    const double inside = mean_over(&p->inside, edits, property);
    const double tie = 1e-12 * fmax(1, fabs(inside)); /* .1 + .2 is above .3 by rounding alone */
    for (int i = 0; i < p->controls; i++) {
        const double control = mean_over(&p->control[i], edits, property);
        if (isnan(control) || isnan(inside)) return (double)NAN;
        as_good += da_property_is_share(property) ? control >= inside - tie : control <= inside + tie;
    }
    return p->controls > 0 ? (1.0 + as_good) / (1.0 + p->controls) : (double)NAN;
}
