/* The curves of `deeparc properties`: a table a property, a line a network in the CSV. */
#include "deeparc/cli/properties.h"

#include "core/file.h"
#include "core/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const titles[DA_PROPERTY_COUNT] = {
    "accuracy", "loss", "KL divergence of the original from it", "accuracy under FGSM", "accuracy under PGD",
    "ridge probe on the last block", "softmax probe on the last block"
};

const char *properties_verb(const study_result *r) {
    return r->options.edit == DA_EDIT_REMOVE ? "removed" : "repeated";
}

bool properties_has(const study_result *r, da_property property) {
    switch (property) {
    case DA_PROPERTY_FGSM:
    case DA_PROPERTY_PGD:     return r->options.attacked > 0;
    case DA_PROPERTY_RIDGE:
    case DA_PROPERTY_SOFTMAX: return r->options.learn != NULL;
    default:                  return true;
    }
}

double properties_advantage(const study_result *r, da_property property) {
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

/* ---- Text ---- */

/* "93.12 %", "0.2714", "-" */
static const char *value_text(char text[CLI_CELL], da_property property, double value) {
    if (isnan(value) || !da_property_is_share(property)) return cli_cell(text, value, 4);
    snprintf(text, CLI_CELL, "%.2f %%", 100 * value);
    return text;
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
static void print_flat(const study_result *r, da_property property) {
    int64_t networks = 0, most = 0;
    for (int i = -1; i < r->p.controls; i++) {
        const da_curve *curve = i < 0 ? &r->p.inside : &r->p.control[i];
        for (int k = i < 0 ? 0 : 1; k <= curve->edits; k++) {
            networks += curve->point[k].flat[property] > 0;
            if (curve->point[k].flat[property] > most) most = curve->point[k].flat[property];
        }
    }
    if (networks > 0)
        cli_print(r->c, "warning: up to %lld of %s have a gradient of zero, in %s: the attack does not "
                        "know\nwhere to go, and the accuracy says nothing of robustness\n", (long long)most,
                  da_count(r->options.attacked, "image").text, da_count(networks, "network").text);
}

static void print_property(const study_result *r, da_property property) {
    cli *c = r->c;
    char text[5][CLI_CELL];
    cli_print(c, "\n%s\n%-9s %10s  %-14s %12s %10s %10s %10s  worse than inside\n", titles[property],
              properties_verb(r), "inside", "", "controls", "+-", "lowest", "highest");
    for (int k = 0; k <= r->p.inside.edits; k++) {
        const da_spread s = da_properties_spread(&r->p, k, property);
        cli_print(c, "%9d %10s  %-14s", k, value_text(text[0], property, r->p.inside.point[k].value[property]),
                  k > 0 ? r->layers[r->p.inside.layer[k - 1]] : "");
        if (k > 0 && s.count > 0)
            cli_print(c, " %12s %10s %10s %10s  %d of %d", value_text(text[1], property, s.mean),
                      value_text(text[2], property, s.deviation), value_text(text[3], property, s.low),
                      value_text(text[4], property, s.high), count_worse(r, k, property), s.count);
        cli_print(c, "\n");
    }
    print_flat(r, property);
}

static void print_profile(const study_result *r) {
    const da_properties *p = &r->p;
    const int last = p->inside.edits;
    char text[3][CLI_CELL];
    if (!p->ridge) return;
    cli_print(r->c, "\nlinear separability of every block's features, global average pooled, from %s:\n"
                    "of the original, and with all %d of the order %s\n%-14s %10s %10s %10s\n",
              da_count(r->learn.count, "training image").text, last, properties_verb(r), "block", "ridge", "softmax", "ridge then");
    for (int i = 0; i < p->layers; i++)
        cli_print(r->c, "%-14s %10s %10s %10s\n", r->layers[i], value_text(text[0], DA_PROPERTY_RIDGE, p->ridge[i]),
                  value_text(text[1], DA_PROPERTY_SOFTMAX, p->softmax[i]),
                  value_text(text[2], DA_PROPERTY_RIDGE, p->ridge[last * p->layers + i]));
    if (p->above > 0)
        cli_print(r->c, "%s stopped above %s minimum: more accurate ones exist\n",
                  da_count(p->above, "softmax probe").text, p->above == 1 ? "its" : "their");
}

static void describe_controls(const study_result *r, char *text, size_t size) {
    const da_properties *p = &r->p;
    if (p->controls == 0) snprintf(text, size, "none");
    else
        snprintf(text, size, "%s of the %s that can be %s%s%s, seed %llu", 
                 da_count(p->controls, "random order").text, da_count(p->pool_size, "block").text, properties_verb(r),
                 p->anywhere ? ", inside modules or not" : " outside modules",
                 p->by_stage ? ", each of the stage of the one inside" : "", (unsigned long long)r->options.seed);
}

static void describe_attack(const study_result *r, char *text, size_t size) {
    const da_attack_options *pgd = &r->options.pgd;
    if (r->options.attacked == 0) snprintf(text, size, "none");
    else
        snprintf(text, size, "%s; no pixel moves by more than %.4g of 255; PGD takes %s of %.4g from %s",
                 da_count(r->options.attacked, "image").text, 255 * pgd->epsilon, da_count(pgd->steps, "step").text,
                 255 * pgd->step,
                 pgd->no_start ? "the image" : "a random place");
}

static void print_settings(const study_result *r) {
    cli *c = r->c;
    char text[256];
    cli_print(c, "%s on %s of %s, blocks %s without training, %.0f s\n\n", r->model->architecture,
              da_count(r->p.samples, "test image").text, r->test.name, properties_verb(r), r->seconds);
    matrix_print_modules(c, r->layers, &r->matrix.partition);
    cli_print(c, "\ninside    the order of Algorithm 2; %s of modules stay%s, %s of the order "
                 "change%s the shape\n", da_count(r->p.openers, "opener").text, r->p.openers == 1 ? "s" : "",
              da_count(r->p.stuck, "block").text, r->p.stuck == 1 ? "s" : "");
    describe_controls(r, text, sizeof text);
    cli_print(c, "controls  %s\n", text);
    describe_attack(r, text, sizeof text);
    cli_print(c, "attacks   %s\n", text);
}

static void print_advantages(const study_result *r) {
    char p[CLI_CELL];
    bool any = false;
    for (int k = 0; k < DA_PROPERTY_COUNT; k++) {
        const double difference = properties_advantage(r, (da_property)k);
        if (isnan(difference)) continue;
        if (!any) cli_print(r->c, "\ninside minus controls, the mean over all numbers of %s blocks, and p:\n",
                            properties_verb(r));
        any = true;
        cli_cell(p, da_properties_p(&r->p, (da_property)k), 3);
        if (da_property_is_share((da_property)k))
            cli_print(r->c, "  %-40s %+8.2f points   p %s\n", titles[k], 100 * difference, p);
        else cli_print(r->c, "  %-40s %+8.4f          p %s\n", titles[k], difference, p);
    }
    if (any)
        cli_print(r->c, "p: were modules chance, how often would the curve inside be so good? The share of it and the %s\n"
                        "that are at least as good by their means: not below %.3f with so many controls\n",
                  da_count(r->p.controls, "control").text, 1.0 / (1 + r->p.controls));
}

void properties_print(const study_result *r) {
    print_settings(r);
    for (int k = 0; k < DA_PROPERTY_COUNT; k++)
        if (properties_has(r, (da_property)k)) print_property(r, (da_property)k);
    print_profile(r);
    print_advantages(r);
}

/* ---- CSV ---- */

/* The curve inside is control 0. What was not measured, or is no number, is an empty field. */
static void write_curve(const study_result *r, da_file_writer *w, int control, const da_curve *curve) {
    char number[DA_NUMBER_TEXT];
    for (int k = 0; k <= curve->edits; k++) {
        da_file_printf(w, "%s,%d,%d,%s", control == 0 ? "inside" : r->p.anywhere ? "anywhere" : "outside", control, k,
                       k > 0 ? r->layers[curve->layer[k - 1]] : "");
        for (int i = 0; i < DA_PROPERTY_COUNT; i++) {
            const double value = curve->point[k].value[i];
            da_file_printf(w, ",%s", isnan(value) ? "" : da_number_text(number, value));
        }
        da_file_printf(w, ",%lld,%lld\n", (long long)curve->point[k].flat[DA_PROPERTY_FGSM],
                       (long long)curve->point[k].flat[DA_PROPERTY_PGD]);
    }
}

/* Their p-values, in a line of their own. */
static void write_p(const study_result *r, da_file_writer *w) {
    char number[DA_NUMBER_TEXT];
    da_file_printf(w, "p,,,");
    for (int i = 0; i < DA_PROPERTY_COUNT; i++) {
        const double p = da_properties_p(&r->p, (da_property)i);
        da_file_printf(w, ",%s", isnan(p) ? "" : da_number_text(number, p));
    }
    da_file_printf(w, "\n");
}

da_status properties_csv(const study_result *r, const char *path) {
    da_file_writer *w;
    DA_TRY(da_file_create(&w, path));
    da_file_printf(w, "curve,control,%s,block", properties_verb(r));
    for (int i = 0; i < DA_PROPERTY_COUNT; i++) da_file_printf(w, ",%s", da_property_name((da_property)i));
    da_file_printf(w, ",fgsm_without_gradient,pgd_without_gradient\n");
    write_curve(r, w, 0, &r->p.inside);
    for (int i = 0; i < r->p.controls; i++) write_curve(r, w, i + 1, &r->p.control[i]);
    write_p(r, w);
    return da_file_commit(w);
}
