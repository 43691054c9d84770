/* The page of a sweep: what was done, what came out, and where it agrees with what was published. */
#include "deeparc/present/report.h"

#include "core/memory.h"
#include "core/number.h"
#include "deeparc/present/chart.h"
#include "deeparc/present/html.h"
#include "deeparc/present/show.h"
#include "deeparc/sweep.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define CONFIDENCE 0.95

/* ---- Setting ---- */

/* The different texts at one place of all results, "a; b; c"; where there are several, with the number of runs. */
static void list_texts(da_text *out, const da_sweep_table *t, size_t offset) {
    for (int i = 0; i < t->results; i++) {
        const char *text = (const char *)&t->result[i] + offset;
        int runs = da_sweep_count_text(t, i, offset);
        if (runs == 0) continue;
        if (out->length > 0) da_text_append(out, "; ");
        da_text_append(out, *text ? text : "none");
        if (runs < t->results) da_text_printf(out, " (%s)", da_count(runs, "run").text);
    }
}

/* Likewise numbers, "8, 14, 20". */
static void list_numbers(da_text *out, const da_sweep_table *t, size_t offset) {
    for (int i = 0; i < t->results; i++) {
        double value = *(const double *)(const void *)((const char *)&t->result[i] + offset);
        bool before = false;
        for (int k = 0; k < i && !before; k++)
            before = fabs(*(const double *)(const void *)((const char *)&t->result[k] + offset) - value) < 1e-12;
        if (before) continue;
        if (out->length > 0) da_text_append(out, ", ");
        da_text_rounded(out, value, 6);
    }
}

static da_status add_setting(const da_sweep_table *t, da_text *page) {
    enum { ROWS = 15 };
    static const struct { const char *name; size_t offset; bool number; } rows[ROWS] = {
        { "data", offsetof(da_sweep_result, data), false },
        { "depths", offsetof(da_sweep_result, depth), true },
        { "widths, times 16, 32, 64 channels", offsetof(da_sweep_result, width), true },
        { "shares of the training images", offsetof(da_sweep_result, share), true },
        { "classes", offsetof(da_sweep_result, classes), true },
        { "seeds", offsetof(da_sweep_result, seed), true },
        { "epochs", offsetof(da_sweep_result, epochs), true },
        { "linkage of Algorithm 1", offsetof(da_sweep_result, linkage), false },
        { "blocks are tapped at", offsetof(da_sweep_result, tap), false },
        { "other settings", offsetof(da_sweep_result, settings), false },
        { "kernels", offsetof(da_sweep_result, kernels), false },
        { "version", offsetof(da_sweep_result, version), false },
        { "commit", offsetof(da_sweep_result, commit), false },
        { "compiler", offsetof(da_sweep_result, compiler), false },
        { "machine", offsetof(da_sweep_result, machine), false }
    };
    static const char *const header[2] = { "setting", "values" };
    da_text values[ROWS] = { { NULL, 0, 0, DA_OK } };
    const char *cell[2 * ROWS];
    da_status status = DA_OK;
    for (int i = 0; i < ROWS; i++) {
        if (rows[i].number) list_numbers(&values[i], t, rows[i].offset);
        else list_texts(&values[i], t, rows[i].offset);
        if (status == DA_OK) status = da_text_status(&values[i]);
        cell[2 * i] = rows[i].name;
        cell[2 * i + 1] = da_text_string(&values[i]);
    }
    da_html_section_begin(page, "Setting");
    da_html_paragraph(page, "Similarity: linear CKA with the unbiased estimator over mini-batches of test images, "
                            "features flattened, inference mode. Every network is trained from its own seed, which "
                            "also draws its share of the images; a sweep that is run again gives the same weights.");
    da_html_table(page, NULL, 2, header, ROWS, cell, -1);
    da_html_section_end(page);
    for (int i = 0; i < ROWS; i++) da_text_free(&values[i]);
    return status;
}

/* ---- Means ---- */

static void add_means_table(const da_sweep_table *t, da_text *page) {
    static const da_column columns[] = {
        { .label = "threshold" }, { .label = "depth" }, { .label = "runs" }, { .label = "at the floor" },
        { .label = "at the ceiling" }, { .label = "mean", .format = ".3" }, { .label = "least", .format = ".3" },
        { .label = "most", .format = ".3" }, { .label = "spread over seeds", .format = ".3" },
        { .label = "cut at stages alone", .format = ".3" }, { .label = "published mean", .format = ".3" } };
    da_result *tables = da_result_new(), *table = da_result_table(tables, NULL, columns, 11);
    da_sweep_put_means(table, t);
    da_show_table(page, "spread: standard deviation over seeds alone, pooled over data shares and classes", table, -1);
    da_result_free(tables);
}

/* One curve a threshold: our means with the range of all runs, or the published means. */
static da_status add_means_chart(const da_sweep_table *t, bool published, da_text *page) {
    static const double depths[] = { 14, 44, 86, 110, 152 }; /* that were published */
    enum { PUBLISHED = sizeof depths / sizeof *depths };
    int n = t->threshold_count, width = published ? PUBLISHED : t->depth_count;
    da_series *series = da_alloc_zero((size_t)n, sizeof *series);
    double *values = da_alloc_zero((size_t)(3 * n * width), sizeof *values);
    char (*name)[32] = da_alloc_zero((size_t)n, sizeof *name);
    da_status status = series && values && name ? DA_OK : DA_ERROR_MEMORY;
    int drawn = 0;
    for (int h = 0; h < n && status == DA_OK; h++) {
        double *mean = values + 3 * h * width, *low = mean + width, *high = low + width;
        for (int d = 0; d < width; d++) {
            da_sweep_summary s = { .mean = da_published_modularity(depths[d % PUBLISHED], t->thresholds[h]) };
            if (!published) s = da_sweep_summarise(t, t->thresholds[h], t->depths[d]);
            mean[d] = s.mean;
            low[d] = s.least;
            high[d] = s.most;
        }
        snprintf(name[h], sizeof name[h], "threshold %g", t->thresholds[h]);
        if (published && !isfinite(mean[0])) continue;
        series[drawn++] = (da_series){ .name = name[h], .count = width, .x = published ? depths : t->depths, .y = mean,
                                       .low = published ? NULL : low, .high = published ? NULL : high,
                                       .dashed = published };
    }
    if (status == DA_OK && drawn > 0)
        da_chart_lines(page, &(da_line_chart){ .title = published ? "Published means (Ren et al., ICSE 2023)"
                                                                  : "Mean here; the band reaches from least to most",
                                               .x_label = "depth, layers", .y_label = "modularity", .series = series,
                                               .series_count = drawn,
                                               .y_low = 0, .y_high = 1, .points = true });
    da_free(series);
    da_free(values);
    da_free(name);
    return status;
}

static da_status add_means(const da_sweep_table *t, da_text *page) {
    char text[200];
    snprintf(text, sizeof text, "Modularity, %s, of all networks of a depth, whatever their data share, classes and "
             "seed.", da_sweep_metric_name(t->metric));
    da_html_section_begin(page, "How modular");
    da_html_paragraph(page, text);
    da_html_paragraph(page, da_sweep_bounds_note(t->metric));
    da_html_columns_begin(page);
    da_status status = add_means_chart(t, false, page);
    if (status == DA_OK && t->metric == DA_SWEEP_PAPER) status = add_means_chart(t, true, page);
    da_html_columns_end(page);
    if (status == DA_OK) add_means_table(t, page);
    if (t->metric == DA_SWEEP_PAPER)
        da_html_paragraph(page, "The published means are of CIFAR-10 networks trained for 300 epochs on all shares and "
                                "classes; their data hold an unexplained constant of -0.03 on every ResNet-14 and of "
                                "+0.023 on every ResNet-44.");
    da_html_section_end(page);
    return status;
}

/* ---- Dependence ---- */

enum { LINE = 21 };

static void add_fit(const da_sweep_fit *fit, da_result *table) {
    for (int f = 0; f < DA_SWEEP_FACTORS; f++) {
        const da_sweep_factor *factor = &da_sweep_factors[f];
        const da_coefficient *b = fit->fitted && fit->column[f] >= 0
            ? &fit->regression.coefficient[fit->column[f]] : NULL;
        char slope[64], interval[64], bounds[64];
        snprintf(slope, sizeof slope, "%+.5f %s", b ? b->value : 0.0, factor->unit);
        snprintf(interval, sizeof interval, "%+.5f to %+.5f", b ? b->low : 0.0, b ? b->high : 0.0);
        snprintf(bounds, sizeof bounds, "%d and %d of %d", fit->floor, fit->ceiling, fit->points);
        da_row(table, fit->threshold < 0 ? da_word("all") : da_real(fit->threshold), da_word(factor->name),
               da_real(fit->correlation[f]), da_real(fit->stages[f]), da_real(factor->published),
               da_word(b ? slope : NULL), da_word(b && isfinite(b->low) ? interval : NULL), da_word(bounds),
               da_word(da_sweep_verdict(fit, f)));
    }
}

static da_status add_fit_table(const da_sweep_table *t, da_text *page) {
    static const da_column columns[] = {
        { .label = "threshold" }, { .label = "factor" }, { .label = "correlation", .format = "+.3" },
        { .label = "cut at stages alone", .format = "+.3" }, { .label = "published", .format = "+.2" },
        { .label = "slope" }, { .label = "95 % interval" }, { .label = "at floor, ceiling" }, { .label = "sign" } };
    da_result *tables = da_result_new(), *table = da_result_table(tables, NULL, columns, 9);
    da_sweep_fit fit;
    da_status status = DA_OK;
    for (int h = 0; h <= t->threshold_count && status == DA_OK; h++) {
        status = da_sweep_fit_at(t, h < t->threshold_count ? t->thresholds[h] : -1, &fit);
        if (status == DA_OK) add_fit(&fit, table);
    }
    da_show_table(page, "least squares on depth, data share and classes together; published: correlation over all "
                        "thresholds", table, -1);
    da_result_free(tables);
    return status;
}

/* All runs at one threshold as dots, and the regression line where the other factors are at their means. */
static void draw_factor(const da_sweep_table *t, const da_sweep_fit *fit, int factor, double *x, double *y, da_text *page) {
    const da_regression *r = &fit->regression;
    int column = fit->column[factor], n = 0;
    double lx[LINE], ly[LINE], low[LINE], high[LINE];
    double least = HUGE_VAL, most = -HUGE_VAL;
    for (int i = 0; i < t->points; i++) {
        if (fabs(t->point[i].threshold - fit->threshold) > 1e-12 || isnan(t->point[i].metric[t->metric])) continue;
        x[n] = da_sweep_factor_of(t->point[i].result, factor);
        y[n] = t->point[i].metric[t->metric];
        least = fmin(least, x[n]);
        most = fmax(most, x[n]);
        n++;
    }
    for (int i = 0; i < LINE; i++) {
        lx[i] = least + (most - least) * i / (LINE - 1);
        ly[i] = r->mean_y + r->coefficient[column].value * (lx[i] - r->mean[column]);
        double band = da_regression_band(r, column, lx[i], CONFIDENCE);
        low[i] = ly[i] - band;
        high[i] = ly[i] + band;
    }
    const da_series series[2] = {
        { .name = "regression, 95 %", .count = LINE, .x = lx, .y = ly, .low = low, .high = high },
        { .name = "networks", .count = n, .x = x, .y = y, .scatter = true }
    };
    char title[96];
    snprintf(title, sizeof title, "Threshold %g, against %s", fit->threshold, da_sweep_factors[factor].name);
    da_chart_lines(page, &(da_line_chart){ .title = title, .x_label = da_sweep_factors[factor].name, .series = series,
                                           .y_label = "modularity",
                                           .series_count = 2, .y_low = 0, .y_high = 1 });
}

/* The threshold that charts show: .95 where it is, as in the paper's figures, else the middle one. */
static double main_threshold(const da_sweep_table *t) {
    for (int h = 0; h < t->threshold_count; h++)
        if (fabs(t->thresholds[h] - 0.95) < 1e-12) return 0.95;
    return t->thresholds[t->threshold_count / 2];
}

static da_status add_dependence(const da_sweep_table *t, da_text *page) {
    da_sweep_fit fit;
    DA_TRY(da_sweep_fit_at(t, main_threshold(t), &fit));
    double *x = da_alloc((size_t)t->points * sizeof *x), *y = da_alloc((size_t)t->points * sizeof *y);
    da_status status = x && y ? DA_OK : DA_ERROR_MEMORY;
    da_html_section_begin(page, "What modularity depends on");
    da_html_paragraph(page, "Dots are networks, the line is the regression where the other two factors are at their "
                            "means, the band its interval of 95 %. Intervals take networks as independent and their "
                            "noise as equally large everywhere; over all thresholds there are none, because the "
                            "modules of one network at two thresholds are not independent.");
    da_html_paragraph(page, "Cut at stages alone: the correlation had every network one module a stage and no other cut. "
                            "A stage holds more blocks the deeper a network is, so that this line rises by itself, "
                            "whatever was trained, in every metric but 'within'.");
    if (fit.threshold >= 0 && !fit.fitted) da_html_paragraph(page, fit.reason);
    da_html_columns_begin(page);
    for (int f = 0; f < DA_SWEEP_FACTORS && status == DA_OK; f++)
        if (fit.fitted && fit.column[f] >= 0) draw_factor(t, &fit, f, x, y, page);
    da_html_columns_end(page);
    if (status == DA_OK) status = add_fit_table(t, page);
    da_html_section_end(page);
    da_free(x);
    da_free(y);
    return status;
}

/* ---- The page ---- */

static da_status add_figures(const da_sweep_table *t, da_text *page) {
    da_sweep_fit all, fit;
    DA_TRY(da_sweep_fit_at(t, -1, &all));
    DA_TRY(da_sweep_fit_at(t, main_threshold(t), &fit));
    char value[1 + DA_SWEEP_FACTORS][32], note[1 + DA_SWEEP_FACTORS][128], label[DA_SWEEP_FACTORS][48];
    da_figure figures[1 + DA_SWEEP_FACTORS];
    snprintf(value[0], sizeof value[0], "%d of %lld", t->results, (long long)t->planned);
    snprintf(note[0], sizeof note[0], "%lld missing", (long long)t->planned - t->results);
    figures[0] = (da_figure){ value[0], "runs are finished", note[0] };
    for (int f = 0; f < DA_SWEEP_FACTORS; f++) {
        bool known = isfinite(all.correlation[f]);
        snprintf(value[f + 1], sizeof value[0], known ? "%+.2f" : "-", da_number_shown(all.correlation[f], 2));
        snprintf(label[f], sizeof label[0], "correlation with %s", da_sweep_factors[f].name);
        snprintf(note[f + 1], sizeof note[0], "published %+.2f; at threshold %g: %s", da_sweep_factors[f].published,
                 fit.threshold, da_sweep_verdict(&fit, f));
        figures[f + 1] = (da_figure){ value[f + 1], label[f], note[f + 1] };
    }
    da_html_section_begin(page, "The result");
    da_html_figures(page, figures, 1 + DA_SWEEP_FACTORS);
    da_html_section_end(page);
    return DA_OK;
}

static da_status fill(const void *context, da_text *page) {
    const da_sweep_table *t = context;
    DA_TRY(add_figures(t, page));
    DA_TRY(add_means(t, page));
    DA_TRY(add_dependence(t, page));
    return add_setting(t, page);
}

da_status da_sweep_page(const da_sweep_table *t, const da_result *run, const char *title, const char *path) {
    return da_page_save(path, &(da_page_request){ .title = title, .run = run, .fill = fill, .context = t,
        .subtitle = "Modules of trained ResNets against depth, data and classes, beside Ren et al., \"DeepArc: "
                    "Modularizing Neural Networks for the Model Maintenance\" (ICSE 2023)" }, NULL);
}
