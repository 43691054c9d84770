/* A study of properties, from its record: curves of the network while blocks go or come again, inside modules and, with
 * their spread, as many at random; what the differences are; the chain; the probes on every block; the setting.
 *
 *     inside      points[k] = the network with k edits            one curve
 *     controls    a list of such curves                           mean, lowest and highest at every k
 */
#include "deeparc/present/report.h"

#include "core/memory.h"
#include "core/number.h"
#include "deeparc/present/chart.h"
#include "deeparc/present/html.h"
#include "deeparc/present/show.h"
#include "deeparc/properties.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SENTENCE = 1000 };

static const struct { const char *title, *unit, *note; } shown[DA_PROPERTY_COUNT] = {
    { "Fitting: accuracy", "test accuracy", "The share of test images whose answer is right." },
    { "Fitting: loss", "mean cross-entropy, nats",
      "How much the network doubts the right class: grows before answers become wrong." },
    { "Fitting: distance from the original", "mean KL divergence of class probabilities, nats",
      "How far its answers are from the original's, whatever the labels: 0 where all probabilities agree." },
    { "Robustness: FGSM", "accuracy under attack",
      "The share still right when every pixel moves one step up the loss (fast gradient sign method)." },
    { "Robustness: PGD", "accuracy under attack",
      "The share still right after many small steps up the loss (projected gradient descent), the stronger attack." },
    { "Separability: ridge probe on the last block", "accuracy of the probe",
      "The share that a linear map of the last block's features gets right, fitted anew by least squares to training "
      "images: what the features still hold, whatever the network's own last layer makes of them." },
    { "Separability: softmax probe on the last block", "accuracy of the probe",
      "The same for a linear classifier fitted by its cross-entropy." }
};

typedef struct study {
    const da_result *record, *inside, *controls; /* inside: its points */
    const char *verb;                          /* "removed", "repeated" */
    int     points, control_count;
    double *curve;                             /* room for 4 curves of the points */
    char    note[2 * SENTENCE];
} study;

/* ---- Numbers ---- */

static bool is_measured(const study *s, da_property property) {
    return isfinite(da_result_number(da_result_first(s->inside), da_property_name(property)));
}

/* Of the controls that have a point of so many edits, those with a number. */
static da_spread spread_at(const study *s, int edits, da_property property) {
    da_spread found = { .low = HUGE_VAL, .high = -HUGE_VAL };
    double sum = 0, squares = 0;
    for (const da_result *c = da_result_first(s->controls); c; c = da_result_next(c)) {
        double value = da_result_number(da_result_at(da_result_find(c, "points"), edits), da_property_name(property));
        if (!isfinite(value)) continue;
        found.count++;
        sum += value;
        squares += value * value;
        found.low = fmin(found.low, value);
        found.high = fmax(found.high, value);
    }
    int n = found.count;
    if (n == 0) return (da_spread){ 0, (double)NAN, (double)NAN, (double)NAN, (double)NAN };
    found.mean = sum / n;
    found.deviation = n > 1 ? sqrt(fmax(squares - sum * found.mean, 0) / (n - 1)) : (double)NAN;
    return found;
}

static double inside_at(const study *s, int edits, da_property property) {
    return da_result_number(da_result_at(s->inside, edits), da_property_name(property));
}

/* The most edits that the curve inside and a control both have. */
static int most_common(const study *s) {
    int edits = s->points - 1;
    while (edits > 0 && spread_at(s, edits, DA_PROPERTY_ACCURACY).count == 0) edits--;
    return edits;
}

/* ---- The setting ---- */

static bool is_anywhere(const study *s) { return strstr(da_result_text(s->record, "controls_among"), "all ") != NULL; }

static void describe(study *s) {
    const da_result *r = s->record, *attack = da_result_find(r, "attack");
    char origin[DA_REPORT_ORIGIN], attacks[320] = "";
    da_report_origin(r, origin, sizeof origin);
    if (attack)
        snprintf(attacks, sizeof attacks, " Attacks: %s, no pixel moves by more than %.3g of 255; "
                 "PGD takes %s of %.3g from %s.", da_report_count(attack, "samples", "image").text,
                 255 * da_result_number(attack, "epsilon"), da_report_count(attack, "steps", "step").text,
                 255 * da_result_number(attack, "step"), strcmp(da_result_text(attack, "start"), "random") == 0
                 ? "a random place" : "the image");
    snprintf(s->note, sizeof s->note,
             "%.60s on %s of %.60s, nothing trained again. Modules: threshold %g, linkage %.16s; the "
             "first block of each stays. Controls: %s of %s%s%s, seed %.0f; the band reaches from the "
             "lowest to the highest of them.%s%s", da_result_text(r, "architecture"), da_report_count(r, "samples", "test image").text,
             da_result_text(r, "data"), da_result_number(r, "threshold"), da_result_text(r, "linkage"),
             da_count(s->control_count, "random order").text, da_report_count(r, "controls_pool", "block").text, is_anywhere(s) ? ", inside modules or not" : " outside modules",
             strstr(da_result_text(r, "controls_of"), "inside") ? ", each of the stage of the one inside" : "",
             da_result_number(r, "seed"), attacks, origin);
}

/* ---- Figures ---- */

static void add_curve(const study *s, da_property property, da_text *page) {
    double *inside = s->curve, *mean = inside + s->points, *low = mean + s->points, *high = low + s->points;
    char x[64];
    for (int k = 0; k < s->points; k++) {
        da_spread spread = spread_at(s, k, property);
        inside[k] = inside_at(s, k, property);
        mean[k] = spread.mean;
        low[k] = spread.low;
        high[k] = spread.high;
    }
    snprintf(x, sizeof x, "blocks %s", s->verb);
    const da_series series[] = {
        { .name = "inside modules", .count = s->points, .y = inside },
        { .name = is_anywhere(s) ? "anywhere, mean and range" : "outside modules, mean and range", .count = s->points,
          .y = mean, .low = low, .high = high, .dashed = true }
    };
    da_chart_lines(page, &(da_line_chart){ .title = shown[property].title, .x_label = x, .series = series,
                                           .y_label = shown[property].unit,
                                           .series_count = s->control_count > 0 ? 2 : 1, .points = true,
                                           .percent = da_property_is_share(property),
                                           .note = shown[property].note });
}

/* "93.1 %", "0.271"; a difference with its sign, of shares in points. */
static da_value shown_value(da_property property, double value, bool difference, char text[32]) {
    bool share = da_property_is_share(property);
    const double rounded = share ? da_number_shown(100 * value, 1) : da_number_shown(value, 3);
    snprintf(text, 32, share ? difference ? "%+.1f" : "%.1f %%" : difference ? "%+.3f" : "%.3f", rounded);
    return isfinite(value) ? da_word(text) : da_word(NULL);
}

static void add_difference(const study *s, da_property property, int last, da_result *table) {
    const char *name = da_property_name(property);
    const da_result *p = da_result_find(da_result_find(s->record, "p_values"), name);
    const double unit = da_property_is_share(property) ? 100 : 1;
    const da_spread spread = spread_at(s, last, property);
    char text[4][32], range[64];
    snprintf(range, sizeof range, da_property_is_share(property) ? "%.1f to %.1f" : "%.3f to %.3f", unit * spread.low,
             unit * spread.high);
    da_row(table, da_word(shown[property].title), shown_value(property, inside_at(s, 0, property), false, text[0]),
           shown_value(property, inside_at(s, last, property), false, text[1]),
           shown_value(property, spread.mean, false, text[2]), da_word(spread.count > 0 ? range : NULL),
           shown_value(property, da_result_number(da_result_find(s->record, "inside_minus_controls"), name), true, text[3]),
           da_real(da_result_number(p, "")));
}

static void add_differences(const study *s, da_text *page) {
    static const da_column columns[] = {
        { .label = "property" }, { .label = "original" }, { .label = "inside" }, { .label = "controls, mean" },
        { .label = "lowest to highest" }, { .label = "inside - controls, mean over the curve" },
        { .label = "p", .format = ".3" } };
    da_result *tables = da_result_new(), *t = da_result_table(tables, NULL, columns, 7);
    const int last = most_common(s);
    char caption[240];
    for (int k = 0; k < DA_PROPERTY_COUNT; k++)
        if (is_measured(s, (da_property)k)) add_difference(s, (da_property)k, last, t);
    snprintf(caption, sizeof caption, "With %s %s; differences of accuracies in points; p: the share of the curves, the "
             "one inside among them, whose mean is at least as good as its", da_count(last, "block").text, s->verb);
    da_show_table(page, caption, t, -1);
    da_result_free(tables);
}

/* Probes on every block: of the original, and of the network with all edits. */
static da_status add_profile(const study *s, da_text *page) {
    const da_result *ridges = da_result_find(s->record, "ridge_of_blocks");
    const da_result *lists[3] = { da_result_first(ridges), da_result_find(s->record, "softmax_of_blocks"),
                                da_result_at(ridges, s->points - 1) };
    double *values[3] = { NULL };
    char edited[96];
    int count[3] = { 0 };
    da_status status = DA_OK;
    if (!ridges) return DA_OK;
    for (int i = 0; i < 3 && status == DA_OK; i++) status = da_report_numbers(lists[i], NULL, &values[i], &count[i]);
    snprintf(edited, sizeof edited, "ridge, %s %s", da_count(s->points - 1, "block").text, s->verb);
    const da_series series[3] = { { .name = "ridge, original", .count = count[0], .y = values[0] },
                                  { .name = "softmax, original", .count = count[1], .y = values[1] },
                                  { .name = edited, .count = count[2], .y = values[2], .dashed = true } };
    if (status == DA_OK)
        da_chart_lines(page, &(da_line_chart){ .title = "Separability: linear probes on every block",
                                               .x_label = "block, from 0", .y_label = "accuracy of the probe",
                                               .series = series, .series_count = 3, .points = true, .percent = true,
                                               .note = "How well a linear classifier reads the class out of each "
                                                       "block's features. Blocks that are gone have no point." });
    for (int i = 0; i < 3; i++) da_free(values[i]);
    return status;
}

static da_status add_curves(const study *s, da_text *page) {
    da_html_columns_begin(page);
    for (int k = 0; k < DA_PROPERTY_COUNT; k++)
        if (is_measured(s, (da_property)k)) add_curve(s, (da_property)k, page);
    da_status status = add_profile(s, page);
    da_html_columns_end(page);
    return status;
}

static bool is_edited(const study *s, const char *name) {
    const da_result *list = da_result_find(s->record, "inside/blocks");
    for (const da_result *item = da_result_first(list); item; item = da_result_next(item))
        if (strcmp(da_result_text(item, ""), name) == 0) return true;
    return false;
}

static da_status draw_chain(const study *s, const char *const *names, const da_partition *p, da_text *page) {
    da_chain_unit *units = da_alloc_zero((size_t)p->layers, sizeof *units);
    bool removed = strcmp(s->verb, "removed") == 0;
    if (!units) return DA_ERROR_MEMORY;
    for (int i = 0; i < p->layers; i++)
        units[i] = (da_chain_unit){ .name = names[i], .note = !removed && is_edited(s, names[i]) ? "repeated" : NULL,
                                    .mark = removed && is_edited(s, names[i]) ? DA_UNIT_REMOVED : DA_UNIT_PLAIN };
    da_chart_chain(page, &(da_chain_chart){ .title = "The chain and its modules, at the end of the curve inside",
                                            .units = units, .count = p->layers, .partition = p });
    da_free(units);
    return DA_OK;
}

static da_status add_chain(const study *s, da_text *page) {
    const char **names = NULL;
    da_partition p = { 0 };
    int count = 0;
    DA_TRY(da_report_partition(s->record, &p));
    da_status status = da_report_names(da_result_find(s->record, "names"), &names, &count);
    if (status == DA_OK && count != p.layers)
        status = DA_FAIL(DA_ERROR_FORMAT, "a record of properties: %s for %s", da_count(count, "name").text,
                         da_count(p.layers, "layer").text);
    if (status == DA_OK) status = draw_chain(s, names, &p, page);
    da_partition_free(&p);
    da_free(names);
    return status;
}

/* ---- The result in a sentence ---- */

/* Whether the difference of accuracy is more than chance gives: p cannot fall below 1 / (controls + 1). */
static void add_chance(const study *s, da_text *page) {
    const char *name = da_property_name(DA_PROPERTY_ACCURACY);
    const double p = da_result_number(da_result_find(s->record, "p_values"), name);
    const double difference = da_result_number(da_result_find(s->record, "inside_minus_controls"), name);
    char text[240];
    if (!isfinite(p) || !isfinite(difference)) return;
    snprintf(text, sizeof text, "Over the whole curve, accuracy inside modules differs from the controls' by %+.1f points "
             "(p = %.3f): %s.", 100 * difference, p, p <= 0.05 ? "better than chance explains"
             : s->control_count < 19 ? "fewer than 19 controls cannot show more than chance" : "chance explains it");
    da_html_paragraph(page, text);
}

static void add_verdict(const study *s, da_text *page) {
    int last = most_common(s);
    double inside = inside_at(s, last, DA_PROPERTY_ACCURACY), original = inside_at(s, 0, DA_PROPERTY_ACCURACY);
    da_spread spread = spread_at(s, last, DA_PROPERTY_ACCURACY);
    char text[400];
    if (last == 0 || spread.count == 0)
        snprintf(text, sizeof text, "The original reaches %.1f %%. There are no controls to compare with.",
                 100 * original);
    else
        snprintf(text, sizeof text, "The original reaches %.1f %%. With %s %s inside modules it is %.1f %%; "
                 "with as many %s, %.1f %% on average, %.1f to %.1f %%.", 100 * original,
                 da_count(last, "block").text, s->verb, 100 * inside, is_anywhere(s) ? "anywhere" : "outside modules",
                 100 * spread.mean, 100 * spread.low, 100 * spread.high);
    da_html_paragraph(page, text);
}

/* Points with images that an attack could not follow, of the curve inside or of a control. */
static int count_flat(const da_result *points) {
    int flat = 0;
    for (const da_result *p = da_result_first(points); p; p = da_result_next(p))
        flat += da_result_number(p, "fgsm_without_gradient") > 0 || da_result_number(p, "pgd_without_gradient") > 0;
    return flat;
}

static void add_warnings(const study *s, da_text *page) {
    const double above = da_result_number(s->record, "softmax_probes_above_their_minimum");
    int flat = count_flat(s->inside);
    char text[300];
    for (const da_result *c = da_result_first(s->controls); c; c = da_result_next(c)) flat += count_flat(da_result_find(c, "points"));
    snprintf(text, sizeof text, "%s of the blocks' features stopped above %s minimum: more accurate ones exist.",
             da_report_count(s->record, "softmax_probes_above_their_minimum", "softmax probe").text, above > 1 ? "their" : "its");
    if (above > 0) da_html_note(page, text);
    snprintf(text, sizeof text, "At %s of the curves some attacked images have a gradient of zero: the attack does "
             "not know where to go, and accuracy under attack says nothing of robustness there.", da_count(flat, "point").text);
    if (flat > 0) da_html_note(page, text);
}

static da_status open_study(study *s) {
    DA_TRY(da_result_need(s->record, "inside/points", DA_LIST));
    s->inside = da_result_find(s->record, "inside/points");
    s->controls = da_result_find(s->record, "controls");
    s->control_count = (int)da_result_count(s->controls);
    s->points = (int)da_result_count(s->inside);
    s->verb = strcmp(da_result_text(s->record, "edit"), "repeat") == 0 ? "repeated" : "removed";
    if (s->points < 1) return DA_FAIL(DA_ERROR_FORMAT, "a record of properties has no point");
    s->curve = da_alloc(4 * (size_t)s->points * sizeof *s->curve);
    describe(s);
    return s->curve ? DA_OK : DA_ERROR_MEMORY;
}

da_status da_report_study(const da_result *record, da_text *page) {
    study s = { .record = record };
    char heading[80];
    da_status status = open_study(&s);
    snprintf(heading, sizeof heading, "What modules preserve: blocks %s", s.verb ? s.verb : "");
    da_html_section_begin(page, heading);
    if (status == DA_OK) {
        add_verdict(&s, page);
        add_chance(&s, page);
        da_html_note(page, s.note);
        add_warnings(&s, page);
        status = add_curves(&s, page);
    }
    if (status == DA_OK) add_differences(&s, page);
    if (status == DA_OK) status = add_chain(&s, page);
    da_html_section_end(page);
    da_free(s.curve);
    return status;
}

static da_status fill(const void *context, da_text *page) {
    const da_result *record = context;
    da_text command = { 0 };
    da_status status = da_report_study(record, page);
    da_report_command(record, &command);
    if (status == DA_OK) status = da_text_status(&command);
    if (status == DA_OK) {
        da_html_section_begin(page, "To repeat it");
        da_html_code(page, da_text_string(&command));
        da_html_section_end(page);
    }
    da_text_free(&command);
    return status;
}

da_status da_report_study_page(const da_result *record, const da_result *run, const char *path) {
    char title[160];
    snprintf(title, sizeof title, "What the modules of %.100s preserve", da_result_text(record, "architecture"));
    return da_page_save(path, &(da_page_request){ .title = title, .run = run, .fill = fill, .context = record,
        .subtitle = "Fitting, robustness and linear separability while blocks are edited, beside as many at random"
    }, NULL);
}
