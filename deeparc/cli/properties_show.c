/* The result of `deeparc properties`: curves in the record, a table a property in the terminal, a line a network in the CSV. */
#include "deeparc/cli/properties.h"

#include "deeparc/cli/record.h"

#include "core/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const titles[DA_PROPERTY_COUNT] = {
    "accuracy", "loss", "KL divergence of the original from it", "accuracy under FGSM", "accuracy under PGD",
    "ridge probe on the last block", "softmax probe on the last block"
};

static const char *verb_of(const study_result *r) {
    return r->options.edit == DA_EDIT_REMOVE ? "removed" : "repeated";
}

static bool is_measured(const study_result *r, da_property property) {
    switch (property) {
    case DA_PROPERTY_FGSM:
    case DA_PROPERTY_PGD:     return r->options.attacked > 0;
    case DA_PROPERTY_RIDGE:
    case DA_PROPERTY_SOFTMAX: return r->options.learn != NULL;
    default:                  return true;
    }
}

/* Inside minus the mean of the controls, averaged over the points that both have; NaN: there is none. */
static double advantage(const study_result *r, da_property property) {
    double sum = 0;
    int count = 0;
    for (int k = 1; k <= r->p.inside.edits; k++) {
        const double inside = r->p.inside.point[k].value[property];
        const da_spread s = da_properties_spread(&r->p, k, property);
        if (isnan(inside) || s.count == 0) continue;
        sum += inside - s.mean;
        count++;
    }
    return count > 0 ? sum / count : (double)NAN;
}

/* ---- The record ---- */

static void put_curve(const study_result *r, da_result *to, const da_curve *curve) {
    da_result *blocks = da_result_list(to, "blocks"), *points = da_result_list(to, "points");
    for (int k = 0; k < curve->edits; k++) da_result_put(blocks, NULL, da_word(r->layers[curve->layer[k]]));
    for (int k = 0; k <= curve->edits; k++) {
        const da_point *at = &curve->point[k];
        da_result *point = da_result_object(points, NULL);
        da_result_put(point, "edits", da_whole(k));
        for (int i = 0; i < DA_PROPERTY_COUNT; i++)
            if (is_measured(r, (da_property)i)) da_result_put(point, da_property_name((da_property)i), da_real(at->value[i]));
        if (r->options.attacked == 0) continue;
        da_result_put(point, "fgsm_without_gradient", da_whole(at->flat[DA_PROPERTY_FGSM]));
        da_result_put(point, "pgd_without_gradient", da_whole(at->flat[DA_PROPERTY_PGD]));
    }
}

static void put_attack(const study_result *r, da_result *to) {
    const da_attack_options *pgd = &r->options.pgd;
    if (r->options.attacked == 0) return;
    da_result *attack = da_result_object(to, "attack");
    da_result_put(attack, "norm", da_word("l-infinity"));
    da_result_put(attack, "epsilon", da_real(pgd->epsilon));
    da_result_put(attack, "steps", da_whole(pgd->steps));
    da_result_put(attack, "step", da_real(pgd->step));
    da_result_put(attack, "start", da_word(pgd->no_start ? "the image" : "random"));
    da_result_put(attack, "samples", da_whole(r->options.attacked));
}

static void put_setting(const study_result *r, da_result *to) {
    const da_properties *p = &r->p;
    bool given = cli_has(r->c, "similarity");
    da_result_put(to, "architecture", da_word(r->model->architecture));
    da_result_put(to, "data", da_word(r->test.name));
    da_result_put(to, "edit", da_word(r->options.edit == DA_EDIT_REMOVE ? "remove" : "repeat"));
    da_result_put(to, "seed", da_whole((int64_t)r->options.seed));
    da_result_put(to, "batch", da_whole(r->options.batch));
    da_result_put(to, "samples", da_whole(p->samples));
    da_result_put(to, "hash", da_digest(r->hash));
    if (given) matrix_put_split(&r->matrix, to);
    da_result_put(to, "similarity", da_word(given ? cli_text(r->c, "similarity") : "training images"));
    if (r->learn.images) da_result_put(to, "training_samples", da_whole(r->learn.count));
    put_attack(r, to);
    da_result_put(to, "controls_among", da_word(p->anywhere ? "all blocks that can be edited" : "blocks outside modules"));
    da_result_put(to, "controls_of", da_word(p->by_stage ? "the stages of the blocks inside" : "all stages"));
    da_result_put(to, "controls_pool", da_whole(p->pool_size));
    da_result_put(to, "openers_kept", da_whole(p->openers));
    da_result_put(to, "blocks_that_change_the_shape", da_whole(p->stuck));
    da_result_put(to, "seconds", da_real(r->seconds));
}

/* ---- In words ---- */

static void say_controls(const study_result *r, da_result *to) {
    const da_properties *p = &r->p;
    if (p->controls == 0) da_result_say(to, "controls  none\n");
    else
        da_result_say(to, "controls  %s of the %s that can be %s%s%s, seed %llu\n", da_count(p->controls, "random order").text,
                      da_count(p->pool_size, "block").text, verb_of(r),
                      p->anywhere ? ", inside modules or not" : " outside modules",
                      p->by_stage ? ", each of the stage of the one inside" : "", (unsigned long long)r->options.seed);
}

static void say_setting(const study_result *r, da_result *to) {
    const da_attack_options *pgd = &r->options.pgd;
    da_result_say(to, "%s on %s of %s, blocks %s without training, %.0f s\n\n", r->model->architecture,
                  da_count(r->p.samples, "test image").text, r->test.name, verb_of(r), r->seconds);
    matrix_result(r->c, to, r->layers, &r->matrix.partition);
    da_result_say(to, "\ninside    the order of Algorithm 2; %s of modules stay%s, %s of the order change%s the shape\n",
                  da_count(r->p.openers, "opener").text, r->p.openers == 1 ? "s" : "", da_count(r->p.stuck, "block").text,
                  r->p.stuck == 1 ? "s" : "");
    say_controls(r, to);
    if (r->options.attacked == 0) da_result_say(to, "attacks   none\n");
    else
        da_result_say(to, "attacks   %s; no pixel moves by more than %.4g of 255; PGD takes %s of %.4g from %s\n",
                      da_count(r->options.attacked, "image").text, 255 * pgd->epsilon,
                      da_count(pgd->steps, "step").text, 255 * pgd->step, pgd->no_start ? "the image" : "a random place");
}

/* How many controls are worse than the curve inside; accuracies are better when high, the others when low. */
static int count_worse(const study_result *r, int edits, da_property property) {
    const double inside = r->p.inside.point[edits].value[property];
    int worse = 0;
    for (int i = 0; i < r->p.controls; i++) {
        const da_curve *control = &r->p.control[i];
        if (control->edits < edits) continue;
        const double value = control->point[edits].value[property];
        worse += da_property_is_share(property) ? value < inside : value > inside;
    }
    return worse;
}

/* Says so where an attack had nothing to follow: what it left right is no robustness. */
static void say_flat(const study_result *r, da_result *to, da_property property) {
    int64_t networks = 0, most = 0;
    for (int i = -1; i < r->p.controls; i++) {
        const da_curve *curve = i < 0 ? &r->p.inside : &r->p.control[i];
        for (int k = i < 0 ? 0 : 1; k <= curve->edits; k++) {
            networks += curve->point[k].flat[property] > 0;
            if (curve->point[k].flat[property] > most) most = curve->point[k].flat[property];
        }
    }
    if (networks > 0)
        da_result_say(to, "warning: up to %lld of %s have a gradient of zero, in %s: the attack does not know\n"
                          "where to go, and the accuracy says nothing of robustness\n", (long long)most,
                      da_count(r->options.attacked, "image").text, da_count(networks, "network").text);
}

enum { COLUMNS = 8 };
#define CURVE(how, of)                                                                                                 \
    { { .label = "blocks" }, { .label = "inside", .format = how, .unit = of }, { .label = "" },                        \
      { .label = "controls", .format = how, .unit = of }, { .label = "+-", .format = how, .unit = of },                \
      { .label = "lowest", .format = how, .unit = of }, { .label = "highest", .format = how, .unit = of },             \
      { .label = "worse than inside" } }
static const da_column shares[COLUMNS] = CURVE("%.2", "%"), numbers[COLUMNS] = CURVE(".4", NULL);

static void show_property(const study_result *r, da_result *to, da_property property) {
    da_result_say(to, "\n%s, blocks %s\n", titles[property], verb_of(r));
    da_result *table = da_result_table(to, NULL, da_property_is_share(property) ? shares : numbers, COLUMNS);
    for (int k = 0; k <= r->p.inside.edits; k++) {
        const da_spread s = k > 0 ? da_properties_spread(&r->p, k, property) : (da_spread){ .mean = (double)NAN };
        bool any = s.count > 0;
        char worse[32];
        snprintf(worse, sizeof worse, "%d of %d", any ? count_worse(r, k, property) : 0, s.count);
        da_row(table, da_whole(k), da_real(r->p.inside.point[k].value[property]),
               da_word(k > 0 ? r->layers[r->p.inside.layer[k - 1]] : ""), da_if(any, da_real(s.mean)),
               da_if(any, da_real(s.deviation)), da_if(any, da_real(s.low)), da_if(any, da_real(s.high)),
               da_word(any ? worse : ""));
    }
    say_flat(r, to, property);
}

/* ---- Both ---- */

static void put_profiles(const study_result *r, da_result *to) {
    static const da_column columns[] = { { .label = "block" }, { .label = "ridge", .format = "%.2", .unit = "%" },
                                         { .label = "softmax", .format = "%.2", .unit = "%" },
                                         { .label = "ridge then", .format = "%.2", .unit = "%" } };
    const da_properties *p = &r->p;
    const int last = p->inside.edits;
    if (!p->ridge) return;
    da_result_put(to, "softmax_probes_above_their_minimum", da_whole(p->above));
    da_result_reals(to, "softmax_of_blocks", p->softmax, p->layers);
    da_result *ridges = da_result_list(to, "ridge_of_blocks");
    for (int k = 0; k <= last; k++) da_result_reals(ridges, NULL, p->ridge + k * p->layers, p->layers);
    da_result_say(to, "\nlinear separability of every block's features, global average pooled, from %s:\n"
                      "of the original, and with all %d of the order %s\n", da_count(r->learn.count, "training image").text, last, verb_of(r));
    da_result *table = da_result_table(to, NULL, columns, 4);
    for (int i = 0; i < p->layers; i++)
        da_row(table, da_word(r->layers[i]), da_real(p->ridge[i]), da_real(p->softmax[i]),
               da_real(p->ridge[last * p->layers + i]));
    if (p->above > 0)
        da_result_say(to, "%s stopped above %s minimum: more accurate ones exist\n",
                      da_count(p->above, "softmax probe").text, p->above == 1 ? "its" : "their");
}

static void put_advantages(const study_result *r, da_result *to) {
    static const da_column columns[] = { { .label = "" }, { .label = "difference", .format = ">" },
                                         { .label = "p", .format = ".3" } };
    da_result *differences = da_result_object(to, "inside_minus_controls"), *ps = da_result_object(to, "p_values");
    if (r->p.controls > 0)
        da_result_say(to, "\ninside minus controls, the mean over all numbers of %s blocks, and p:\n", verb_of(r));
    da_result *table = da_result_table(to, NULL, columns, 3);
    for (int k = 0; k < DA_PROPERTY_COUNT; k++) {
        const double difference = advantage(r, (da_property)k), p = da_properties_p(&r->p, (da_property)k);
        const char *name = da_property_name((da_property)k);
        char text[CLI_CELL];
        if (!is_measured(r, (da_property)k)) continue;
        da_result_put(differences, name, da_real(difference));
        da_result_put(ps, name, da_real(p));
        const bool share = da_property_is_share((da_property)k);
        snprintf(text, sizeof text, share ? "%+.2f points" : "%+.4f       ",
                 share ? da_number_shown(100 * difference, 2) : da_number_shown(difference, 4));
        if (isfinite(difference)) da_row(table, da_word(titles[k]), da_word(text), da_real(p));
    }
    if (r->p.controls > 0)
        da_result_say(to, "p: were modules chance, how often would the curve inside be so good? The share of it and the %s\n"
                          "that are at least as good by their means: not below %.3f with so many controls\n",
                      da_count(r->p.controls, "control").text, 1.0 / (1 + r->p.controls));
}

void properties_put(const study_result *r) {
    da_result *to = r->c->result;
    put_setting(r, to);
    say_setting(r, to);
    put_curve(r, da_result_object(to, "inside"), &r->p.inside);
    da_result *controls = da_result_list(to, "controls");
    for (int i = 0; i < r->p.controls; i++) put_curve(r, da_result_object(controls, NULL), &r->p.control[i]);
    for (int k = 0; k < DA_PROPERTY_COUNT; k++)
        if (is_measured(r, (da_property)k)) show_property(r, to, (da_property)k);
    put_profiles(r, to);
    put_advantages(r, to);
}

/* ---- CSV ---- */

enum { FIRST = 4, FIELDS = FIRST + DA_PROPERTY_COUNT + 2 };

/* The curve inside is control 0. */
static void add_curve(const study_result *r, da_result *table, int control, const da_curve *curve) {
    for (int k = 0; k <= curve->edits; k++) {
        const da_point *at = &curve->point[k];
        da_value fields[FIELDS] = { da_word(control == 0 ? "inside" : r->p.anywhere ? "anywhere" : "outside"),
                                    da_whole(control), da_whole(k), da_word(k > 0 ? r->layers[curve->layer[k - 1]] : "") };
        for (int i = 0; i < DA_PROPERTY_COUNT; i++) fields[FIRST + i] = da_real(at->value[i]);
        fields[FIELDS - 2] = da_whole(at->flat[DA_PROPERTY_FGSM]);
        fields[FIELDS - 1] = da_whole(at->flat[DA_PROPERTY_PGD]);
        da_result_row(table, FIELDS, fields);
    }
}

/* A line a network, and the p-values in a line of their own. */
da_status properties_csv(const study_result *r, const char *path) {
    da_column columns[FIELDS] = { { .key = "curve" }, { .key = "control" }, { .key = verb_of(r) }, { .key = "block" } };
    for (int i = 0; i < DA_PROPERTY_COUNT; i++) columns[FIRST + i].key = da_property_name((da_property)i);
    columns[FIELDS - 2].key = "fgsm_without_gradient";
    columns[FIELDS - 1].key = "pgd_without_gradient";
    da_result *file = da_result_new(), *table = da_result_table(file, "curves", columns, FIELDS);
    add_curve(r, table, 0, &r->p.inside);
    for (int i = 0; i < r->p.controls; i++) add_curve(r, table, i + 1, &r->p.control[i]);
    da_value ps[FIELDS] = { da_word("p") };
    for (int i = 0; i < DA_PROPERTY_COUNT; i++) ps[FIRST + i] = da_real(da_properties_p(&r->p, (da_property)i));
    da_result_row(table, FIELDS, ps);
    da_status status = cli_csv_save(file, "curves", path);
    da_result_free(file);
    return status;
}
