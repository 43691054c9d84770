/* The report's section of a similarity matrix: its heat map, the modules that several methods cut it into side by side,
 * how modular each of them finds the network, and what the threshold decides.
 *
 *     strips    adjacent, mean, min  x  thresholds    Algorithm 1; the one of the record stands out
 *               Fisher's                              no threshold
 */
#include "deeparc/present/report.h"

#include "core/memory.h"
#include "core/number.h"
#include "deeparc/present/chart.h"
#include "deeparc/fisher.h"
#include "deeparc/present/html.h"
#include "deeparc/present/show.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LINKAGES = 3, THRESHOLDS = 5, STRIPS = LINKAGES * THRESHOLDS + 1, NAME = 32, STEPS = 60 };
static const double shown[] = { 0.90, 0.95, 0.98, 0.99 }; /* beside the record's own */
static const double STEP = 0.005, LEAST = 0.70;           /* of the curves over thresholds */

typedef struct section {
    const da_result *record;
    bool           with_chain;
    const char   **names;
    double        *matrix;
    int            layers;
    da_partition   in_force;          /* of the record */
    double         threshold;
    da_partition   cut[STRIPS];
    double         cut_at[STRIPS];    /* threshold; NAN: Fisher's */
    char           cut_name[STRIPS][NAME];
    da_strip       strip[STRIPS];
    int            cuts;
    char           origin[DA_REPORT_ORIGIN];
} section;

/* ---- Reading and cutting ---- */

static da_status read_section(section *s) {
    DA_TRY(da_report_partition(s->record, &s->in_force));
    DA_TRY(da_report_names(da_result_find(s->record, "names"), &s->names, &s->layers));
    if (s->layers != s->in_force.layers)
        return DA_FAIL(DA_ERROR_FORMAT, "similarity.json: %s for %s", da_count(s->layers, "name").text,
                       da_count(s->in_force.layers, "layer").text);
    DA_TRY(da_report_square(da_result_find(s->record, "matrix"), s->layers, &s->matrix));
    DA_TRY(da_result_need(s->record, "threshold", DA_REAL));
    s->threshold = da_result_number(s->record, "threshold");
    da_report_origin(s->record, s->origin, sizeof s->origin);
    return da_partition_check_matrix(s->matrix, s->layers);
}

static void free_section(section *s) {
    for (int i = 0; i < s->cuts; i++) da_partition_free(&s->cut[i]);
    da_partition_free(&s->in_force);
    da_free(s->matrix);
    da_free(s->names);
}

static bool is_linkage_in_force(const section *s, da_linkage linkage) {
    return strcmp(da_result_text(s->record, "linkage"), da_linkage_name(linkage)) == 0;
}

/* Names the cut that was made last, and draws it. */
static void keep_cut(section *s, double threshold, bool strong, bool begins_group) {
    int i = s->cuts++;
    s->cut_at[i] = threshold;
    s->strip[i] = (da_strip){ .name = s->cut_name[i], .partition = &s->cut[i], .strong = strong,
                              .begins_group = begins_group };
}

static da_status cut_by_threshold(section *s, double threshold, da_linkage linkage, bool first) {
    DA_TRY(da_partition_extract(s->matrix, s->layers, threshold, linkage, &s->cut[s->cuts]));
    snprintf(s->cut_name[s->cuts], NAME, "%s %s %g", da_linkage_name(linkage),
             linkage == DA_LINKAGE_ADJACENT ? "above" : "from", threshold);
    keep_cut(s, threshold, is_linkage_in_force(s, linkage) && fabs(threshold - s->threshold) < 1e-12, first);
    return DA_OK;
}

static da_status cut_by_fisher(section *s) {
    da_fisher fisher = { 0 };
    DA_TRY(da_fisher_solve(s->matrix, s->layers, &fisher));
    da_status status = da_fisher_partition(&fisher, 0, &s->cut[s->cuts]);
    da_fisher_free(&fisher);
    DA_TRY(status);
    snprintf(s->cut_name[s->cuts], NAME, "Fisher, elbow");
    keep_cut(s, (double)NAN, false, true);
    return DA_OK;
}

/* The thresholds that are shown, and among them, in its place, that of the record. */
static da_status cut_all(section *s) {
    double at[THRESHOLDS];
    int count = 0;
    bool placed = !(s->threshold >= 0 && s->threshold <= 1);
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        if (!placed && s->threshold < shown[i] + 1e-12) {
            if (s->threshold < shown[i] - 1e-12) at[count++] = s->threshold;
            placed = true;
        }
        at[count++] = shown[i];
    }
    if (!placed) at[count++] = s->threshold;
    for (int l = DA_LINKAGE_ADJACENT; l <= DA_LINKAGE_MIN; l++)
        for (int i = 0; i < count; i++) DA_TRY(cut_by_threshold(s, at[i], (da_linkage)l, i == 0));
    return cut_by_fisher(s);
}

/* ---- Showing ---- */

static void add_heatmap(const section *s, da_text *page) {
    char note[1400];
    const da_result *r = s->record;
    snprintf(note, sizeof note,
             "A cell tells how alike two layers see the same images. CKA is 1 when the distances between images agree up "
             "to a factor, near 0 when they have nothing in common; light squares along the diagonal are modules, runs "
             "of layers that carry the same meaning. "
             "%.60s on %s of %.60s (%s), batches of %.0f. Measure: %s, %s; blocks tapped at: %s; features: %s; "
             "batch norm: %s. Frames are the modules of more than one layer at threshold %g, linkage %s. Point at a cell for "
             "its value.%s", da_result_text(r, "architecture"), da_report_count(r, "samples", "image").text, da_result_text(r, "data"),
             da_result_text(r, "split"), da_result_number(r, "batch"), da_result_text(r, "measure"), da_result_text(r, "estimator"),
             da_result_text(r, "tap"), da_result_text(r, "features"), da_result_text(r, "batch_norm"), s->threshold,
             da_result_text(r, "linkage"), s->origin);
    da_chart_heatmap(page, &(da_heatmap_chart){ .title = "Similarity of every pair of layers", .matrix = s->matrix,
                                                .layers = s->layers, .names = s->names, .partition = &s->in_force,
                                                .scale = da_result_text(r, "measure"), .note = note });
}

static da_status add_chain(const section *s, da_text *page) {
    da_chain_unit *units = da_alloc_zero((size_t)s->layers, sizeof *units);
    char title[200];
    if (!units) return DA_ERROR_MEMORY;
    for (int i = 0; i < s->layers; i++) units[i].name = s->names[i];
    snprintf(title, sizeof title, "The chain of layers in %s, linkage %.16s, threshold %g",
             da_count(s->in_force.modules, "module").text,
             da_result_text(s->record, "linkage"), s->threshold);
    da_chart_chain(page, &(da_chain_chart){ .title = title, .units = units, .count = s->layers,
                                            .partition = &s->in_force,
                                            .note = "From the image, on the left, to the answer. A frame is a module of "
                                                    "several layers; a thick left edge begins a stage." });
    da_free(units);
    return DA_OK;
}

static void add_strips(const section *s, da_text *page) {
    da_chart_strips(page, &(da_strips_chart){
        .title = "The same matrix cut into modules in several ways", .layers = s->layers, .names = s->names,
        .strips = s->strip, .count = s->cuts,
        .note = "A bar is a module of several layers, a circle a layer alone; dotted lines are where a stage of the "
                "network begins, whose first block changes the shape. adjacent: neighbours are more similar than the "
                "threshold; mean, min: the mean or the smallest over all pairs of the module reaches it. Fisher's "
                "optimal segmentation has no threshold. The way that this report goes on with stands out." });
}

static void add_metrics(const section *s, da_text *page) {
    static const da_column columns[] = {
        { .label = "cut" }, { .label = "modules" }, { .label = "ratio (N-M)/N", .format = ".3" },
        { .label = "paper (N+1-M)/(N+1)", .format = ".3" }, { .label = "coverage", .format = ".3" },
        { .label = "MSRS", .format = ".2" } };
    da_result *tables = da_result_new(), *t = da_result_table(tables, NULL, columns, 6);
    int strong = -1;
    for (int i = 0; i < s->cuts; i++) {
        da_modularity m = da_partition_modularity(&s->cut[i]);
        double msrs = isnan(s->cut_at[i]) ? (double)NAN : da_partition_msrs(s->matrix, s->layers, s->cut_at[i]);
        if (s->strip[i].strong) strong = i;
        da_row(t, da_word(s->cut_name[i]), da_whole(s->cut[i].modules), da_real(m.ratio), da_real(m.paper),
               da_real(m.coverage), da_real(msrs));
    }
    da_show_table(page, "How modular, by several measures. The ratio and the paper's formula: N layers in few modules M "
                        "give values near 1. Coverage: the share of layers in modules of several. MSRS: a soft count "
                        "of the pairs of layers above the threshold, whatever the modules: more pairs, more repetition",
                  t, strong);
    da_result_free(tables);
}

static da_status add_sweep(const section *s, da_text *page) {
    double x[STEPS], y[LINKAGES][STEPS];
    da_series series[LINKAGES];
    for (int l = DA_LINKAGE_ADJACENT; l <= DA_LINKAGE_MIN; l++) {
        for (int i = 0; i < STEPS; i++) {
            da_partition p = { 0 };
            x[i] = LEAST + i * STEP;
            DA_TRY(da_partition_extract(s->matrix, s->layers, x[i], (da_linkage)l, &p));
            y[l][i] = da_partition_modularity(&p).ratio;
            da_partition_free(&p);
        }
        series[l] = (da_series){ .name = da_linkage_name((da_linkage)l), .count = STEPS, .x = x, .y = y[l] };
    }
    da_html_columns_begin(page);
    da_chart_lines(page, &(da_line_chart){ .title = "What the threshold decides", .x_label = "threshold of similarity",
                                           .y_label = "modularity, (N-M)/N", .series = series,
                                           .series_count = LINKAGES, .y_low = 0, .y_high = 1,
                                           .note = "No threshold is the right one: a higher one leaves fewer layers "
                                                   "together. Where a curve is flat, the choice matters little." });
    da_html_columns_end(page);
    return DA_OK;
}

static da_status add_section(section *s, da_text *page) {
    char text[320];
    DA_TRY(read_section(s));
    DA_TRY(cut_all(s));
    snprintf(text, sizeof text, "%s in %s at threshold %g, linkage %.16s: a modularity (N−M)/N "
             "of %.3f.", da_count(s->layers, "layer").text, da_count(s->in_force.modules, "module").text, s->threshold, da_result_text(s->record, "linkage"),
             da_partition_modularity(&s->in_force).ratio);
    da_html_section_begin(page, "Similarity and modules");
    da_html_paragraph(page, text);
    add_heatmap(s, page);
    if (s->with_chain) DA_TRY(add_chain(s, page));
    add_strips(s, page);
    add_metrics(s, page);
    DA_TRY(add_sweep(s, page));
    da_html_section_end(page);
    return DA_OK;
}

da_status da_report_similarity(const da_result *record, bool with_chain, da_text *page) {
    section s = { .record = record, .with_chain = with_chain };
    da_status status = add_section(&s, page);
    free_section(&s);
    return status;
}
