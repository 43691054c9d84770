/* The page of `deeparc report`: a section for every record there is. */
#include "deeparc/present/report.h"

#include "core/number.h"

#include "core/memory.h"
#include "deeparc/present/chart.h"
#include "deeparc/present/html.h"
#include "deeparc/present/show.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Sections ---- */

static void figure(da_figure *figures, int *count, const char *value, const char *label, const char *note) {
    figures[(*count)++] = (da_figure){ value, label, note };
}

static void add_figures(const da_report *r, da_text *page) {
    da_figure figures[4];
    char text[4][64], note[4][96];
    int count = 0;
    const da_result *before = da_result_find(r->restructure, "before"), *after = da_result_find(r->restructure, "after");
    const da_result *local = da_report_local(r);
    double original = da_result_number(r->train, "accuracy");
    if (isfinite(original)) {
        snprintf(text[0], 64, "%.2f %%", 100 * original);
        snprintf(note[0], 96, "%s, %s", da_result_text(r->train, "model"),
                 da_report_count(r->train, "samples", "test image").text);
        figure(figures, &count, text[0], "accuracy of the original", note[0]);
    }
    double share = da_result_number(after, "multiply_adds") / da_result_number(before, "multiply_adds") - 1;
    if (isfinite(share)) {
        snprintf(text[1], 64, "%+.1f %%", 100 * share);
        snprintf(note[1], 96, "%s removed",
                 da_count(da_result_count(da_result_find(r->restructure, "removed")), "unit").text);
        figure(figures, &count, text[1], "multiply-adds", note[1]);
    }
    double accuracy = da_result_number(local, "accuracy"), moved = da_result_number(local, "moved"),
           unmoved = da_result_number(local, "unmoved");
    if (isfinite(accuracy)) {
        snprintf(text[2], 64, "%.2f %%", 100 * accuracy);
        const double change = accuracy - da_report_original(r, local);
        snprintf(note[2], 96, isfinite(change) ? "%+.2f points against the original" : " ", 100 * change);
        figure(figures, &count, text[2], "after local retraining", note[2]);
    }
    if (isfinite(moved + unmoved)) {
        snprintf(text[3], 64, "%.0f of %.0f", unmoved, moved + unmoved);
        figure(figures, &count, text[3], "units unmoved, bit for bit", "shown by their SHA-256");
    }
    if (count > 0) da_html_figures(page, figures, count);
}

static void add_versions(const da_report *r, da_text *page) {
    da_result *tables = da_result_new();
    const da_result *versions = da_report_versions(r, tables);
    int best = -1, rows = da_result_count(versions);
    for (int i = 0; i < r->retrains; i++)
        if (r->retrain[i] == da_report_local(r)) best = rows - r->retrains + i;
    if (rows > 0) {
        da_html_section_begin(page, "The result");
        da_report_conclusion(r, page);
        add_figures(r, page);
        da_show_table(page, "Accuracy on the test images; change in points; trained: share of the values that learned",
                      versions, best);
        if (da_report_mixes_images(r)) da_html_note(page, da_report_mixed_note);
        da_html_section_end(page);
    }
    if (page->status == DA_OK) page->status = da_result_status(tables);
    da_result_free(tables);
}

static bool any_number(const double *values, int count) {
    for (int i = 0; i < count; i++)
        if (isfinite(values[i])) return true;
    return false;
}

/* The curve of losses over steps, and validation's at the end of every epoch, when the record has them. */
static da_status add_losses(const da_result *record, const char *what, da_text *page) {
    const da_result *losses = da_result_find(record, "losses"), *epochs = da_result_find(record, "epochs");
    double *step = NULL, *loss = NULL, *end = NULL, *held = NULL;
    char title[96];
    int count = 0, ends = 0;
    da_status status = da_report_numbers(losses, "step", &step, &count);
    if (status == DA_OK) status = da_report_numbers(losses, "loss", &loss, &count);
    if (status == DA_OK) status = da_report_numbers(epochs, "epoch", &end, &ends);
    if (status == DA_OK) status = da_report_numbers(epochs, "validation_loss", &held, &ends);
    snprintf(title, sizeof title, "%s: loss", what);
    for (int i = 0; i < ends && status == DA_OK; i++) end[i] *= da_result_number(record, "steps") / ends;
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

static da_status add_accuracies(const da_result *record, const char *what, da_text *page) {
    const da_result *epochs = da_result_find(record, "epochs");
    double *values[3] = { NULL };
    static const char *const keys[3] = { "epoch", "accuracy", "validation_accuracy" };
    char title[96];
    int count = 0;
    da_status status = DA_OK;
    for (int i = 0; i < 3 && status == DA_OK; i++) status = da_report_numbers(epochs, keys[i], &values[i], &count);
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

static da_status add_history(const da_result *record, const char *what, da_text *page) {
    if (da_result_count(da_result_find(record, "losses")) > 1) DA_TRY(add_losses(record, what, page));
    return da_result_count(da_result_find(record, "epochs")) > 1 ? add_accuracies(record, what, page) : DA_OK;
}

static da_status add_training(const da_report *r, da_text *page) {
    if (!r->train) return DA_OK;
    char text[256 + DA_REPORT_ORIGIN], origin[DA_REPORT_ORIGIN];
    da_report_origin(r->train, origin, sizeof origin);
    snprintf(text, sizeof text, "%.60s on %.60s: %s in %.1f seconds.%s", da_result_text(r->train, "model"),
             da_result_text(r->train, "data"), da_report_count(r->train, "steps", "step").text, da_result_number(r->train, "seconds"),
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

static bool list_has(const da_result *list, const char *name) {
    for (const da_result *item = da_result_first(list); item; item = da_result_next(item))
        if (strcmp(da_result_text(item, ""), name) == 0) return true;
    return false;
}

static bool was_trained(const da_result *retrain, const char *name) {
    for (const da_result *unit = da_result_first(da_result_find(retrain, "units")); unit; unit = da_result_next(unit))
        if (strcmp(da_result_text(unit, "name"), name) == 0) return da_result_is(unit, "trained");
    return false;
}

static da_status draw_chain(const da_report *r, const char **names, int count, const da_partition *partition,
                            da_text *page) {
    const da_result *removed = da_result_find(r->restructure, "removed"), *local = da_report_local(r);
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
static da_status add_chain(const da_report *r, da_text *page) {
    const char **names = NULL;
    int count = 0;
    da_partition partition = { 0 };
    bool modules = da_result_find(r->restructure, "modules") != NULL;
    da_status status = da_report_names(da_result_find(r->restructure, modules ? "names" : "chain"), &names, &count);
    if (status == DA_OK && modules) status = da_report_partition(r->restructure, &partition);
    if (status == DA_OK && modules && count != partition.layers)
        status = DA_FAIL(DA_ERROR_FORMAT, "restructure.json: %s for %s", da_count(count, "name").text,
                         da_count(partition.layers, "layer").text);
    if (status == DA_OK) status = draw_chain(r, names, count, modules ? &partition : NULL, page);
    da_partition_free(&partition);
    da_free(names);
    return status;
}

/* ---- Removal ---- */

static void add_candidates(const da_result *list, double whole, da_text *page) {
    static const da_column columns[] = {
        { .label = "unit" }, { .label = "multiply-adds left", .format = "%.1", .unit = "%" },
        { .label = "held-out accuracy", .format = "%.2", .unit = "%" }, { .label = "verdict" } };
    da_result *tables = da_result_new(), *t = da_result_table(tables, NULL, columns, 4);
    for (const da_result *k = da_result_first(list); k; k = da_result_next(k)) {
        double left = da_result_number(k, "multiply_adds") / whole;
        da_row(t, da_word(da_result_text(k, "unit")), da_real(left > 0 ? left : (double)NAN),
               da_real(da_result_number(k, "held_out_accuracy")), da_word(da_result_text(k, "verdict")));
    }
    da_show_table(page, "Layers that repeat their module, in the order of Algorithm 2", t, -1);
    da_result_free(tables);
}

/* Accuracy against the number of layers gone: point 0 is the original, each removed candidate the next. */
static da_status add_curve(const da_report *r, const da_result *list, da_text *page) {
    double *accuracy = da_alloc((size_t)(da_result_count(list) + 1) * sizeof *accuracy);
    if (!accuracy) return DA_ERROR_MEMORY;
    int count = 0;
    accuracy[count++] = da_result_number(r->restructure, "held_out_accuracy");
    for (const da_result *k = da_result_first(list); k; k = da_result_next(k))
        if (strcmp(da_result_text(k, "verdict"), "removed") == 0)
            accuracy[count++] = da_result_number(k, "held_out_accuracy");
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

static da_status add_removal(const da_report *r, da_text *page) {
    if (!r->restructure) return DA_OK;
    const da_result *list = da_result_find(r->restructure, "candidates");
    da_html_section_begin(page, "Removal");
    DA_TRY(add_chain(r, page));
    if (da_result_count(list) > 0) {
        da_html_columns_begin(page);
        DA_TRY(add_curve(r, list, page));
        da_html_columns_end(page);
        add_candidates(list, da_result_number(da_result_find(r->restructure, "before"), "multiply_adds"), page);
    }
    da_html_section_end(page);
    return DA_OK;
}

/* ---- Repair ---- */

static void add_proof(const da_result *retrain, const char *caption, da_text *page) {
    static const da_column columns[] = { { .label = "unit" }, { .label = "values" }, { .label = "SHA-256 before" },
                                         { .label = "SHA-256 after" }, { .label = "" } };
    da_result *tables = da_result_new(), *t = da_result_table(tables, NULL, columns, 5);
    const da_result *units = da_result_find(retrain, "units");
    for (const da_result *unit = da_result_first(units); unit; unit = da_result_next(unit)) {
        char before[24], after[24]; /* sha256: and 16 digits */
        snprintf(before, sizeof before, "%s", da_result_text(unit, "before"));
        snprintf(after, sizeof after, "%s", da_result_text(unit, "after"));
        bool same = strcmp(da_result_text(unit, "before"), da_result_text(unit, "after")) == 0;
        da_row(t, da_word(da_result_text(unit, "name")), da_result_value(da_result_find(unit, "values")), da_word(before),
               da_word(after), da_word(same ? "unmoved" : "trained"));
    }
    da_show_table(page, caption, t, -1);
    da_result_free(tables);
}

static da_status add_bars(const da_report *r, const char *title, const char *key, double unit, const char *format,
                          const char *note, da_text *page) {
    da_bar *bars = da_alloc((size_t)r->retrains * sizeof *bars);
    char (*text)[32] = da_alloc((size_t)r->retrains * sizeof *text);
    const da_status status = bars && text ? DA_OK : DA_ERROR_MEMORY;
    for (int i = 0; i < r->retrains && status == DA_OK; i++) {
        double value = unit * da_result_number(r->retrain[i], key);
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

static da_status add_repair(const da_report *r, da_text *page) {
    if (r->retrains == 0) return DA_OK;
    const da_result *local = da_report_local(r);
    char text[400];
    da_html_section_begin(page, "Repair");
    if (local) {
        double trained = da_result_number(local, "values_trained"), frozen = da_result_number(local, "values_frozen");
        snprintf(text, sizeof text,
                 "Only %s learned: %.0f of %.0f values (%.1f %%). The SHA-256 of every other unit is what it was.",
                 da_result_text(local, "trained"), trained, trained + frozen, 100 * trained / (trained + frozen));
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
    if (local) add_proof(local, "Fingerprints of every unit with values", page);
    da_html_section_end(page);
    return DA_OK;
}

/* ---- Pictures ---- */

static da_status add_pictures(const da_result *list, bool right, const char *title, const char *note, da_text *page) {
    const size_t count = (size_t)da_result_count(list);
    int shown = 0;
    da_picture *pictures = da_alloc_zero(count, sizeof *pictures);
    char (*captions)[160] = da_alloc_zero(count, sizeof *captions);
    da_status status = pictures && captions ? DA_OK : DA_ERROR_MEMORY;
    for (const da_result *e = da_result_first(list); e && status == DA_OK; e = da_result_next(e)) {
        if (da_result_kind_of(da_result_find(e, "right")) != DA_FLAG || da_result_is(e, "right") != right) continue;
        snprintf(captions[shown], sizeof captions[0], "%.40s, %.1f %%%s%.40s", da_result_text(e, "answer"),
                 100 * da_result_number(e, "share"), right ? "" : "; is ", right ? "" : da_result_text(e, "label"));
        pictures[shown] = (da_picture){ da_result_text(e, "png"), captions[shown], !right };
        shown++;
    }
    if (shown > 0) da_html_pictures(page, title, pictures, shown, note);
    da_free(captions);
    da_free(pictures);
    return status;
}

static da_status add_examples(const da_report *r, da_text *page) {
    for (int i = 0; i < r->evals; i++) {
        const da_result *e = r->eval[i], *list = da_result_find(e, "examples");
        char text[400];
        if (da_result_count(list) == 0) continue;
        snprintf(text, sizeof text, "%.100s is right on %.0f of %s of %.60s (%.16s).", da_result_text(e, "model"),
                 da_result_number(e, "correct"), da_report_count(e, "samples", "image").text, da_result_text(e, "data"),
                 da_result_text(e, "split"));
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

void da_report_command(const da_result *record, da_text *lines) {
    const da_result *words = da_result_find(record, "arguments");
    if (da_result_count(words) == 0) return;
    const char *program = da_result_text(record, "program");
    size_t line = lines->length; /* where it begins */
    da_text_shell(lines, *program ? program : "deeparc");
    for (const da_result *word = da_result_first(words); word; word = da_result_next(word)) {
        const char *text = da_result_text(word, "");
        bool full = strncmp(text, "--", 2) == 0 && lines->length - line > 90; /* goes on in a line of its own */
        if (full) line = lines->length;
        da_text_append(lines, full ? " \\\n    " : " ");
        da_text_shell(lines, text);
    }
    da_text_append(lines, "\n");
}

static da_status add_commands(const da_report *r, da_text *page) {
    da_text lines = { 0 };
    da_report_command(r->train, &lines);
    da_report_command(r->similarity, &lines);
    da_report_command(r->restructure, &lines);
    for (int i = 0; i < r->retrains; i++) da_report_command(r->retrain[i], &lines);
    for (int i = 0; i < r->evals; i++) da_report_command(r->eval[i], &lines);
    for (int i = 0; i < r->studies; i++) da_report_command(r->study[i], &lines);
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
static const char *report_subtitle(const da_report *r) {
    if (r->retrains > 0) return "A network is cut into semantic modules, made smaller, and repaired in one place";
    if (r->restructure) return "A network is cut into semantic modules and made smaller";
    if (r->studies > 0) return "The semantic modules of a network, and what they preserve";
    return r->similarity ? "The semantic modules of a network" : "A network is trained";
}

static da_status fill(const void *context, da_text *page) {
    const da_report *r = context;
    add_versions(r, page);
    DA_TRY(add_training(r, page));
    bool drawn = da_result_find(r->restructure, "modules") != NULL; /* the chain, with what was removed */
    if (r->similarity) DA_TRY(da_report_similarity(r->similarity, !drawn, page));
    DA_TRY(add_removal(r, page));
    DA_TRY(add_repair(r, page));
    DA_TRY(add_examples(r, page));
    for (int i = 0; i < r->studies; i++) DA_TRY(da_report_study(r->study[i], page));
    return add_commands(r, page);
}

da_status da_report_page(const da_report *r, const da_result *run, const char *path, size_t *size) {
    char title[160];
    const char *model = da_result_text(r->train, "model"),
               *data = da_result_text(r->train ? r->train : r->similarity, "data");
    if (!*model) model = da_result_text(r->similarity || r->studies == 0 ? r->similarity : r->study[0], "architecture");
    if (!*data) data = da_result_text(r->studies > 0 ? r->study[0] : NULL, "data");
    snprintf(title, sizeof title, "%s%s%s", *model ? model : "deeparc", *data ? " on " : "", data);
    return da_page_save(path, &(da_page_request){ .title = title, .run = run, .subtitle = report_subtitle(r), .fill = fill,
                                               .context = r, .sources = r->sources,
                                               .source_count = r->source_count }, size);
}
