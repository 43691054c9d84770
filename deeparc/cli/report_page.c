/* The page of `deeparc report`: a section for every record there is. */
#include "deeparc/cli/report.h"

#include "core/number.h"

#include "core/memory.h"
#include "deeparc/present/chart.h"
#include "deeparc/present/html.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Sections ---- */

static void figure(da_figure *figures, int *count, const char *value, const char *label, const char *note) {
    figures[(*count)++] = (da_figure){ value, label, note };
}

static void add_figures(const report *r, da_text *page) {
    da_figure figures[4];
    char text[4][64], note[4][96];
    int count = 0;
    const da_json *before = da_json_get(r->restructure, "before"), *after = da_json_get(r->restructure, "after");
    const da_json *local = report_local(r);
    double original = report_number(r->train, "accuracy");
    if (isfinite(original)) {
        snprintf(text[0], 64, "%.2f %%", 100 * original);
        snprintf(note[0], 96, "%s, %s", report_text(r->train, "model"),
                 report_count(r->train, "samples", "test image").text);
        figure(figures, &count, text[0], "accuracy of the original", note[0]);
    }
    double share = report_number(after, "multiply_adds") / report_number(before, "multiply_adds") - 1;
    if (isfinite(share)) {
        snprintf(text[1], 64, "%+.1f %%", 100 * share);
        snprintf(note[1], 96, "%s removed",
                 da_count(da_json_count(da_json_get(r->restructure, "removed")), "unit").text);
        figure(figures, &count, text[1], "multiply-adds", note[1]);
    }
    double accuracy = report_number(local, "accuracy"), moved = report_number(local, "moved"),
           unmoved = report_number(local, "unmoved");
    if (isfinite(accuracy)) {
        snprintf(text[2], 64, "%.2f %%", 100 * accuracy);
        const double change = accuracy - report_original(r, local);
        snprintf(note[2], 96, isfinite(change) ? "%+.2f points against the original" : " ", 100 * change);
        figure(figures, &count, text[2], "after local retraining", note[2]);
    }
    if (isfinite(moved + unmoved)) {
        snprintf(text[3], 64, "%.0f of %.0f", unmoved, moved + unmoved);
        figure(figures, &count, text[3], "units unmoved, bit for bit", "shown by their SHA-256");
    }
    if (count > 0) da_html_figures(page, figures, count);
}

static da_status add_versions(const report *r, da_text *page) {
    cells t = { 0 };
    int rows;
    DA_TRY(report_versions(r, &t, &rows));
    if (rows == 0) {
        cells_free(&t);
        return DA_OK;
    }
    da_html_section_begin(page, "The result");
    report_conclusion(r, page);
    add_figures(r, page);
    int best = -1;
    for (int i = 0; i < r->retrains; i++)
        if (r->retrain[i] == report_local(r)) best = rows - r->retrains + i;
    da_html_table(page, "Accuracy on the test images; change in points; trained: share of the values that learned",
                  VERSION_COLUMNS, report_header, rows, t.cell, best);
    if (report_mixes_images(r)) da_html_note(page, report_mixed_note);
    da_html_section_end(page);
    cells_free(&t);
    return DA_OK;
}

static bool any_number(const double *values, int count) {
    for (int i = 0; i < count; i++)
        if (isfinite(values[i])) return true;
    return false;
}

/* The curve of losses over steps, and validation's at the end of every epoch, when the record has them. */
static da_status add_losses(const da_json *record, const char *what, da_text *page) {
    const da_json *losses = da_json_get(record, "losses"), *epochs = da_json_get(record, "epochs");
    double *step = NULL, *loss = NULL, *end = NULL, *held = NULL;
    char title[96];
    int count = 0, ends = 0;
    da_status status = report_numbers(losses, "step", &step, &count);
    if (status == DA_OK) status = report_numbers(losses, "loss", &loss, &count);
    if (status == DA_OK) status = report_numbers(epochs, "epoch", &end, &ends);
    if (status == DA_OK) status = report_numbers(epochs, "validation_loss", &held, &ends);
    snprintf(title, sizeof title, "%s: loss", what);
    for (int i = 0; i < ends && status == DA_OK; i++) end[i] *= report_number(record, "steps") / ends;
    const bool validated = status == DA_OK && any_number(held, ends);
    const da_series series[2] = { { .name = "training", .count = count, .x = step, .y = loss },
                                  { .name = "validation", .count = ends, .x = end, .y = held } };
    if (status == DA_OK)
        da_chart_lines(page, &(da_line_chart){ .title = title, .x_label = "step", .series = series,
            .series_count = validated ? 2 : 1,
            .y_label = "mean cross-entropy, nats", .points = count <= 30,
            .note = "The loss is what training makes smaller: how much the network doubts the right class. A point is "
                    "the mean over the images of some steps; validation images are not trained on." });
    da_free(step);
    da_free(loss);
    da_free(end);
    da_free(held);
    return status;
}

static da_status add_accuracies(const da_json *record, const char *what, da_text *page) {
    const da_json *epochs = da_json_get(record, "epochs");
    double *values[3] = { NULL };
    static const char *const keys[3] = { "epoch", "accuracy", "validation_accuracy" };
    char title[96];
    int count = 0;
    da_status status = DA_OK;
    for (int i = 0; i < 3 && status == DA_OK; i++) status = report_numbers(epochs, keys[i], &values[i], &count);
    snprintf(title, sizeof title, "%s: accuracy", what);
    const da_series series[2] = { { .name = "training", .count = count, .x = values[0], .y = values[1] },
                                  { .name = "validation", .count = count, .x = values[0], .y = values[2] } };
    const bool validated = status == DA_OK && any_number(values[2], count);
    if (status == DA_OK && count > 0)
        da_chart_lines(page, &(da_line_chart){ .title = title, .x_label = "epoch", .y_label = "accuracy",
            .series = series, .series_count = validated ? 2 : 1, .percent = true, .points = count <= 30,
            .note = "The share of images whose answer is right; in training, of those of the epoch as they were seen, "
                    "when the network still was worse than at its end." });
    for (int i = 0; i < 3; i++) da_free(values[i]);
    return status;
}

static da_status add_history(const da_json *record, const char *what, da_text *page) {
    if (da_json_count(da_json_get(record, "losses")) > 1) DA_TRY(add_losses(record, what, page));
    return da_json_count(da_json_get(record, "epochs")) > 1 ? add_accuracies(record, what, page) : DA_OK;
}

static da_status add_training(const report *r, da_text *page) {
    if (!r->train) return DA_OK;
    char text[256 + REPORT_ORIGIN], origin[REPORT_ORIGIN];
    report_origin(r->train, origin, sizeof origin);
    snprintf(text, sizeof text, "%.60s on %.60s: %s in %.1f seconds.%s", report_text(r->train, "model"),
             report_text(r->train, "data"), report_count(r->train, "steps", "step").text, report_number(r->train, "seconds"),
             origin);
    da_html_section_begin(page, "Training");
    da_html_paragraph(page, text);
    da_html_columns_begin(page);
    da_status status = add_history(r->train, "Training", page);
    da_html_columns_end(page);
    da_html_section_end(page);
    return status;
}

/* ---- The chain ---- */

static bool list_has(const da_json *list, const char *name) {
    for (const da_json *item = da_json_first(list); item; item = da_json_next(item)) {
        const char *text = "";
        if (da_json_kind(item) == DA_JSON_STRING && da_json_as_string(item, &text) == DA_OK && strcmp(text, name) == 0)
            return true;
    }
    return false;
}

static bool was_trained(const da_json *retrain, const char *name) {
    for (const da_json *unit = da_json_first(da_json_get(retrain, "units")); unit; unit = da_json_next(unit)) {
        bool trained = false;
        if (strcmp(report_text(unit, "name"), name) != 0) continue;
        return da_json_bool(unit, "trained", &trained) == DA_OK && trained;
    }
    return false;
}

static da_status draw_chain(const report *r, const char **names, int count, const da_partition *partition,
                            da_text *page) {
    const da_json *removed = da_json_get(r->restructure, "removed"), *local = report_local(r);
    da_chain_unit *units = da_alloc((size_t)count * sizeof *units);
    if (!units) return DA_ERROR_MEMORY;
    for (int i = 0; i < count; i++) {
        da_unit_mark mark = list_has(removed, names[i]) ? DA_UNIT_REMOVED
                          : was_trained(local, names[i]) ? DA_UNIT_TRAINED : DA_UNIT_PLAIN;
        units[i] = (da_chain_unit){ .name = names[i], .mark = mark };
    }
    da_chart_chain(page, &(da_chain_chart){ .title = partition ? "The chain of measured layers, modules framed"
                                                               : "The chain of units",
                                            .units = units,
                                            .count = count,
                                            .partition = partition,
                                            .note = "From the image, on the left, to the answer. A frame is a module: "
                                                    "neighbours that carry the same meaning." });
    da_free(units);
    return DA_OK;
}

/* Layers and modules as in the heat map; without a matrix, all units. */
static da_status add_chain(const report *r, da_text *page) {
    const char **names = NULL;
    int count = 0;
    da_partition partition = { 0 };
    bool modules = da_json_get(r->restructure, "modules") != NULL;
    da_status status = report_names(da_json_get(r->restructure, modules ? "names" : "chain"), &names, &count);
    if (status == DA_OK && modules) status = report_partition(r->restructure, &partition);
    if (status == DA_OK && modules && count != partition.layers)
        status = DA_FAIL(DA_ERROR_FORMAT, "restructure.json: %s for %s", da_count(count, "name").text,
                         da_count(partition.layers, "layer").text);
    if (status == DA_OK) status = draw_chain(r, names, count, modules ? &partition : NULL, page);
    da_partition_free(&partition);
    da_free(names);
    return status;
}

/* ---- Removal ---- */

static const char *const candidate_header[] = { "unit", "multiply-adds left", "held-out accuracy", "verdict" };

static da_status add_candidates(const da_json *list, double whole, da_text *page) {
    cells t;
    int count = (int)da_json_count(list);
    DA_TRY(cells_init(&t, 4 * count));
    for (const da_json *k = da_json_first(list); k; k = da_json_next(k)) {
        double left = report_number(k, "multiply_adds") / whole, accuracy = report_number(k, "held_out_accuracy");
        cells_add(&t, "%s", report_text(k, "unit"));
        cells_add(&t, left > 0 ? "%.1f %%" : " ", 100 * left);
        cells_add(&t, isfinite(accuracy) ? "%.2f %%" : " ", 100 * accuracy);
        cells_add(&t, "%s", report_text(k, "verdict"));
    }
    da_html_table(page, "Layers that repeat their module, in the order of Algorithm 2", 4, candidate_header, count,
                  t.cell, -1);
    cells_free(&t);
    return DA_OK;
}

/* Accuracy against the number of layers gone: point 0 is the original, each removed candidate the next. */
static da_status add_curve(const report *r, const da_json *list, da_text *page) {
    double *accuracy = da_alloc((size_t)(da_json_count(list) + 1) * sizeof *accuracy);
    if (!accuracy) return DA_ERROR_MEMORY;
    int count = 0;
    accuracy[count++] = report_number(r->restructure, "held_out_accuracy");
    for (const da_json *k = da_json_first(list); k; k = da_json_next(k))
        if (strcmp(report_text(k, "verdict"), "removed") == 0)
            accuracy[count++] = report_number(k, "held_out_accuracy");
    const da_series series = { .name = "held-out training images", .count = count, .y = accuracy };
    if (isfinite(accuracy[0]))
        da_chart_lines(page, &(da_line_chart){ .title = "Accuracy against removed layers, before any retraining",
            .x_label = "layers removed", .y_label = "accuracy on held-out training images",
            .series = &series, .series_count = 1, .percent = true, .points = true,
            .note = "Similar layers are candidates, no more: what removal costs is measured, on images that neither "
                    "trained the network nor test it." });
    da_free(accuracy);
    return DA_OK;
}

static da_status add_removal(const report *r, da_text *page) {
    if (!r->restructure) return DA_OK;
    const da_json *list = da_json_get(r->restructure, "candidates");
    da_html_section_begin(page, "Removal");
    DA_TRY(add_chain(r, page));
    if (da_json_count(list) > 0) {
        da_html_columns_begin(page);
        DA_TRY(add_curve(r, list, page));
        da_html_columns_end(page);
        DA_TRY(add_candidates(list, report_number(da_json_get(r->restructure, "before"), "multiply_adds"), page));
    }
    da_html_section_end(page);
    return DA_OK;
}

/* ---- Repair ---- */

static const char *const proof_header[] = { "unit", "values", "SHA-256 before", "SHA-256 after", "" };

static da_status add_proof(const da_json *retrain, const char *caption, da_text *page) {
    const da_json *list = da_json_get(retrain, "units");
    cells t;
    int count = (int)da_json_count(list);
    DA_TRY(cells_init(&t, 5 * count));
    for (const da_json *unit = da_json_first(list); unit; unit = da_json_next(unit)) {
        const char *before = report_text(unit, "before"), *after = report_text(unit, "after");
        cells_add(&t, "%s", report_text(unit, "name"));
        cells_add(&t, "%.0f", report_number(unit, "values"));
        cells_add(&t, "%.23s", before); /* sha256: and 16 digits */
        cells_add(&t, "%.23s", after);
        cells_add(&t, "%s", strcmp(before, after) == 0 ? "unmoved" : "trained");
    }
    da_html_table(page, caption, 5, proof_header, count, t.cell, -1);
    cells_free(&t);
    return DA_OK;
}

static da_status add_bars(const report *r, const char *title, const char *key, double unit, const char *format,
                          const char *note, da_text *page) {
    da_bar *bars = da_alloc((size_t)r->retrains * sizeof *bars);
    char (*text)[32] = da_alloc((size_t)r->retrains * sizeof *text);
    const da_status status = bars && text ? DA_OK : DA_ERROR_MEMORY;
    for (int i = 0; i < r->retrains && status == DA_OK; i++) {
        double value = unit * report_number(r->retrain[i], key);
        snprintf(text[i], sizeof text[i], "%.1f %s", value, format);
        bars[i] = (da_bar){ .name = r->retrain_name[i], .value = value, .text = text[i] };
    }
    if (status == DA_OK)
        da_chart_bars(page, &(da_bar_chart){ .title = title, .bars = bars, .count = r->retrains,
                                             .note = note });
    da_free(text);
    da_free(bars);
    return status;
}

static da_status add_repair(const report *r, da_text *page) {
    if (r->retrains == 0) return DA_OK;
    const da_json *local = report_local(r);
    char text[400];
    da_html_section_begin(page, "Repair");
    if (local) {
        double trained = report_number(local, "values_trained"), frozen = report_number(local, "values_frozen");
        snprintf(text, sizeof text,
                 "Only %s learned: %.0f of %.0f values (%.1f %%). The SHA-256 of every other unit is what it was.",
                 report_text(local, "trained"), trained, trained + frozen, 100 * trained / (trained + frozen));
        da_html_paragraph(page, text);
    }
    da_html_columns_begin(page);
    for (int i = 0; i < r->retrains; i++) {
        snprintf(text, sizeof text, "Repair, %.200s", r->retrain_name[i]);
        DA_TRY(add_history(r->retrain[i], text, page));
    }
    DA_TRY(add_bars(r, "Seconds of training", "seconds", 1, "s",
                    "Units that do not learn save their part of the gradients; those before the first that learns save all.",
                    page));
    DA_TRY(add_bars(r, "Values trained, in thousands", "values_trained", 1e-3, "k",
                    "How much of the network a repair may change: everything else keeps every bit.", page));
    da_html_columns_end(page);
    if (local) DA_TRY(add_proof(local, "Fingerprints of every unit with values", page));
    da_html_section_end(page);
    return DA_OK;
}

/* ---- Pictures ---- */

static da_status add_pictures(const da_json *list, bool right, const char *title, const char *note, da_text *page) {
    int count = (int)da_json_count(list), shown = 0;
    da_picture *pictures = da_alloc_zero((size_t)count, sizeof *pictures);
    cells captions = { 0 };
    da_status status = pictures ? cells_init(&captions, count) : DA_ERROR_MEMORY;
    for (const da_json *e = da_json_first(list); e && status == DA_OK; e = da_json_next(e)) {
        bool is_right = false;
        if (da_json_bool(e, "right", &is_right) != DA_OK || is_right != right) continue;
        cells_add(&captions, "%.40s, %.1f %%%s%.40s", report_text(e, "answer"), 100 * report_number(e, "share"),
                  right ? "" : "; is ", right ? "" : report_text(e, "label"));
        pictures[shown] = (da_picture){ report_text(e, "png"), captions.cell[shown], !right };
        shown++;
    }
    if (shown > 0) da_html_pictures(page, title, pictures, shown, note);
    cells_free(&captions);
    da_free(pictures);
    return status;
}

static da_status add_examples(const report *r, da_text *page) {
    for (int i = 0; i < r->evals; i++) {
        const da_json *e = r->eval[i], *list = da_json_get(e, "examples");
        char text[400];
        if (da_json_count(list) == 0) continue;
        snprintf(text, sizeof text, "%.100s is right on %.0f of %s of %.60s (%.16s).", report_text(e, "model"),
                 report_number(e, "correct"), report_count(e, "samples", "image").text, report_text(e, "data"),
                 report_text(e, "split"));
        da_html_section_begin(page, "What it gets right and wrong");
        da_html_paragraph(page, text);
        DA_TRY(add_pictures(list, false, "Its surest mistakes",
                            "Below an image: the answer, how sure the network is of it, and what it is.", page));
        DA_TRY(add_pictures(list, true, "The first images that it gets right",
                            "Below an image: the answer, and how sure the network is of it.", page));
        da_html_section_end(page);
    }
    return DA_OK;
}

/* ---- How to repeat it ---- */

void report_command(const da_json *record, da_text *lines) {
    const da_json *words = da_json_get(record, "arguments");
    if (da_json_count(words) == 0) return;
    const char *program = report_text(record, "program");
    size_t line = lines->length; /* where it begins */
    da_text_shell(lines, *program ? program : "deeparc");
    for (const da_json *word = da_json_first(words); word; word = da_json_next(word)) {
        const char *text = "";
        if (da_json_kind(word) == DA_JSON_STRING) (void)da_json_as_string(word, &text);
        bool full = strncmp(text, "--", 2) == 0 && lines->length - line > 90; /* goes on in a line of its own */
        if (full) line = lines->length;
        da_text_append(lines, full ? " \\\n    " : " ");
        da_text_shell(lines, text);
    }
    da_text_append(lines, "\n");
}

static da_status add_commands(const report *r, da_text *page) {
    da_text lines = { 0 };
    report_command(r->train, &lines);
    report_command(r->similarity, &lines);
    report_command(r->restructure, &lines);
    for (int i = 0; i < r->retrains; i++) report_command(r->retrain[i], &lines);
    for (int i = 0; i < r->evals; i++) report_command(r->eval[i], &lines);
    for (int i = 0; i < r->studies; i++) report_command(r->study[i], &lines);
    da_status status = da_text_status(&lines);
    if (status == DA_OK && lines.length > 0) {
        da_html_section_begin(page, "To repeat it");
        da_html_paragraph(page, "The commands as they were typed, to be run in the same folder. The same options give the "
                                "same weights, bit for bit, on any machine.");
        da_html_code(page, da_text_string(&lines));
        da_html_section_end(page);
    }
    da_text_free(&lines);
    return status;
}

/* What this report can tell, by the records there are. */
static const char *report_subtitle(const report *r) {
    if (r->retrains > 0) return "A network is cut into semantic modules, made smaller, and repaired in one place";
    if (r->restructure) return "A network is cut into semantic modules and made smaller";
    if (r->studies > 0) return "The semantic modules of a network, and what they preserve";
    return r->similarity ? "The semantic modules of a network" : "A network is trained";
}

static da_status fill(const void *context, da_text *page) {
    const report *r = context;
    DA_TRY(add_versions(r, page));
    DA_TRY(add_training(r, page));
    bool drawn = da_json_get(r->restructure, "modules") != NULL; /* the chain, with what was removed */
    if (r->similarity) DA_TRY(report_similarity(r->similarity, !drawn, page));
    DA_TRY(add_removal(r, page));
    DA_TRY(add_repair(r, page));
    DA_TRY(add_examples(r, page));
    for (int i = 0; i < r->studies; i++) DA_TRY(report_study(r->study[i], page));
    return add_commands(r, page);
}

da_status report_page(cli *c, const report *r, const char *path, size_t *size) {
    char title[160];
    const char *model = report_text(r->train, "model"),
               *data = report_text(r->train ? r->train : r->similarity, "data");
    if (!*model) model = report_text(r->similarity || r->studies == 0 ? r->similarity : r->study[0], "architecture");
    if (!*data) data = report_text(r->studies > 0 ? r->study[0] : NULL, "data");
    snprintf(title, sizeof title, "%s%s%s", *model ? model : "deeparc", *data ? " on " : "", data);
    return page_save(c, path, &(page_request){ .title = title, .subtitle = report_subtitle(r), .fill = fill,
                                               .context = r, .sources = r->sources,
                                               .source_count = r->source_count }, size);
}
