/* deeparc partition: semantic modules from a similarity matrix alone, in as many ways as asked, side by side.
 *
 *     --linkage adjacent,mean,min  ─┐ Algorithm 1, once each ──┐
 *     --threshold .9,.95           ─┘                          ├── cuts[0..count)      a column of the table, an entry
 *     --method fisher|both         ── Fisher's segmentation ───┘                       of `partitions` in the record
 *     --sweep .9:.99:.01           ── Algorithm 1 at every threshold: its numbers alone
 */
#include "deeparc/cli/matrix.h"
#include "deeparc/cli/record.h"
#include "deeparc/fisher.h"

#include "core/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINKAGES = 3, MAX_COLUMNS = 8, MAX_CUTS = LINKAGES * MAX_COLUMNS + 1, MAX_THRESHOLDS = 1000, COLUMN = 10 };
typedef enum method { ALGORITHM_1, FISHER, BOTH } method;

static const double WELL_EXPLAINED = 0.999; /* more segments than explain this share are not listed in the terminal */

typedef struct cut { const char *name; bool fisher; double threshold; da_partition partition; } cut; /* Fisher's: NAN */
typedef struct sweep { double low, step; int count; } sweep; /* thresholds low, low + step, ... */

typedef struct result {
    cli       *c;
    matrix     m;
    da_linkage linkages[LINKAGES];
    int        linkage_count;  /* 0: Fisher's alone */
    double     thresholds[MAX_COLUMNS];
    int        threshold_count;
    cut        cuts[MAX_CUTS];
    int        count;
    da_fisher  fisher;
    int        modules;        /* asked of Fisher's; 0: its own choice */
    sweep      sweep;
} result;

/* ---- Options ---- */

static da_status take_linkages(result *r) {
    cli_names names = { 0 };
    DA_TRY(cli_names_split(r->c, &names, "linkage"));
    da_status status = DA_OK;
    for (int i = 0; i < names.count && status == DA_OK; i++) {
        da_linkage linkage;
        if (da_linkage_parse(&linkage, names.items[i]) != DA_OK)
            status = cli_usage(r->c, "--linkage is a list of adjacent|mean|min, not '%s'", names.items[i]);
        for (int k = 0; k < r->linkage_count && status == DA_OK; k++)
            if (r->linkages[k] == linkage) status = cli_usage(r->c, "--linkage names %s twice", names.items[i]);
        if (status == DA_OK) r->linkages[r->linkage_count++] = linkage;
    }
    cli_names_free(&names);
    return status;
}

static da_status take_modules(result *r) {
    const char *text = cli_text(r->c, "modules");
    if (strcmp(text, "auto") == 0) return DA_OK;
    char *end;
    long modules = strtol(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || modules < 1 || modules > DA_MAX_UNITS)
        return cli_usage(r->c, "--modules is auto or a number from 1 to %d, not '%s'", DA_MAX_UNITS, text);
    r->modules = (int)modules;
    return DA_OK;
}

/* LOW:HIGH:STEP. HIGH belongs to it whenever whole steps lead there, whatever they round to. */
static da_status take_sweep(result *r) {
    const char *text = cli_text(r->c, "sweep"), *part = text;
    double value[3] = { 0 };
    bool good = true;
    for (int i = 0; i < 3 && good; i++) {
        size_t length = strcspn(part, ":");
        good = da_number_parse(part, length, &value[i]) && (part[length] == ':') == (i < 2);
        part += length + 1;
    }
    if (!good || !(0 <= value[0] && value[0] <= value[1] && value[1] <= 1 && value[2] > 0))
        return cli_usage(r->c, "--sweep is LOW:HIGH:STEP with 0 <= LOW <= HIGH <= 1, as 0.9:0.99:0.01, not '%s'", text);
    double steps = floor((value[1] - value[0]) / value[2] + 1e-9);
    if (steps >= MAX_THRESHOLDS) return cli_usage(r->c, "--sweep %s has more than %d thresholds", text, MAX_THRESHOLDS);
    r->sweep = (sweep){ value[0], value[2], (int)steps + 1 };
    return DA_OK;
}

static da_status take_options(result *r) {
    method m = (method)cli_choice(r->c, "method");
    if (m == FISHER && (cli_given(r->c, "linkage") || cli_has(r->c, "sweep")))
        return cli_usage(r->c, "--%s belongs to algorithm1: --method both has its modules beside Fisher's",
                         cli_given(r->c, "linkage") ? "linkage" : "sweep");
    if (m == ALGORITHM_1 && cli_given(r->c, "modules"))
        return cli_usage(r->c, "--modules belongs to Fisher's segmentation: --method fisher or both");
    if (m != FISHER) DA_TRY(take_linkages(r));
    DA_TRY(cli_shares(r->c, "threshold", MAX_COLUMNS, r->thresholds, &r->threshold_count));
    DA_TRY(take_modules(r));
    return cli_has(r->c, "sweep") ? take_sweep(r) : DA_OK;
}

/* ---- Cutting ---- */

static da_status cut_all(result *r) {
    for (int i = 0; i < r->linkage_count; i++)
        for (int t = 0; t < r->threshold_count; t++) {
            cut *made = &r->cuts[r->count];
            *made = (cut){ .name = da_linkage_name(r->linkages[i]), .threshold = r->thresholds[t] };
            DA_TRY(da_partition_extract(r->m.values, r->m.layers, made->threshold, r->linkages[i], &made->partition));
            r->count++;
        }
    if (cli_choice(r->c, "method") == ALGORITHM_1) return DA_OK;
    cut *made = &r->cuts[r->count];
    *made = (cut){ .name = "fisher", .fisher = true, .threshold = (double)NAN };
    DA_TRY(da_fisher_solve(r->m.values, r->m.layers, &r->fisher));
    DA_TRY(da_fisher_partition(&r->fisher, r->modules, &made->partition));
    r->count++;
    return DA_OK;
}

static double sweep_threshold(const sweep *s, int i) { return fmin(round((s->low + i * s->step) * 1e12) / 1e12, 1); }

/* Calls row for every threshold and linkage of the sweep. */
typedef void sweep_row(void *context, double threshold, int linkage, const da_partition *partition);

static da_status sweep_each(const result *r, sweep_row *row, void *context) {
    for (int i = 0; i < r->sweep.count; i++)
        for (int k = 0; k < r->linkage_count; k++) {
            double threshold = sweep_threshold(&r->sweep, i);
            da_partition partition = { 0 };
            DA_TRY(da_partition_extract(r->m.values, r->m.layers, threshold, r->linkages[k], &partition));
            row(context, threshold, k, &partition);
            da_partition_free(&partition);
        }
    return DA_OK;
}

/* ---- The record ---- */

static void record_cut(const cut *made, da_json_writer *to) {
    record_text(to, "method", made->fisher ? "fisher" : "algorithm1");
    if (!made->fisher) {
        record_text(to, "linkage", made->name);
        record_real(to, "threshold", made->threshold);
    }
    matrix_record_modules(to, &made->partition);
}

static void record_reals(da_json_writer *to, const char *key, const double *values, int count) {
    da_json_key(to, key);
    da_json_begin_array(to);
    for (int i = 0; i < count; i++) da_json_put_double(to, values[i]);
    da_json_end(to);
}

static void record_fisher(const result *r, da_json_writer *to) {
    if (!r->fisher.series) return;
    da_json_key(to, "fisher");
    da_json_begin_object(to);
    record_text(to, "modules", r->modules ? "given" : "elbow");
    record_int(to, "elbow", r->fisher.elbow);
    record_reals(to, "series", r->fisher.series, r->fisher.layers);
    record_reals(to, "cost", r->fisher.cost, r->fisher.layers);
    da_json_end(to);
}

typedef struct sweep_record { const result *r; da_json_writer *to; } sweep_record;

static void record_threshold(void *context, double threshold, int linkage, const da_partition *partition) {
    const sweep_record *s = context;
    da_modularity metric = da_partition_modularity(partition);
    da_json_begin_object(s->to);
    record_real(s->to, "threshold", threshold);
    record_text(s->to, "linkage", da_linkage_name(s->r->linkages[linkage]));
    record_int(s->to, "modules", partition->modules);
    record_real(s->to, "ratio", metric.ratio);
    record_real(s->to, "paper", metric.paper);
    record_real(s->to, "coverage", metric.coverage);
    record_real(s->to, "msrs", da_partition_msrs(s->r->m.values, s->r->m.layers, threshold));
    da_json_end(s->to);
}

/* A first run of the sweep has shown that it has the memory it needs. */
static void record_sweep(const result *r, da_json_writer *to) {
    if (r->sweep.count == 0) return;
    da_json_key(to, "sweep");
    da_json_begin_array(to);
    if (sweep_each(r, record_threshold, &(sweep_record){ r, to }) != DA_OK) to->status = da_error_code();
    da_json_end(to);
}

/* The members of the first cut stand in the open; `partitions` has all of them. */
static void members(const void *context, da_json_writer *to) {
    const result *r = context;
    record_int(to, "layers", r->m.layers);
    if (r->m.names) record_texts(to, "names", (const char *const *)r->m.names, r->m.layers);
    matrix_record_split(&r->m, to);
    da_json_key(to, "transitions");
    da_json_begin_array(to);
    for (int l = 0; l < r->m.layers; l++)
        if (matrix_begins_stage(r->m.names, l)) da_json_put_int(to, l);
    da_json_end(to);
    record_real(to, "msrs", da_partition_msrs(r->m.values, r->m.layers, r->thresholds[0]));
    record_cut(&r->cuts[0], to);
    da_json_key(to, "partitions");
    da_json_begin_array(to);
    for (int i = 0; i < r->count; i++) {
        da_json_begin_object(to);
        record_cut(&r->cuts[i], to);
        da_json_end(to);
    }
    da_json_end(to);
    record_fisher(r, to);
    record_sweep(r, to);
}

/* ---- In words ---- */

/* A column's text and blanks to the next; COLUMN counts characters, of which the first may have several bytes. */
static void print_column(const result *r, const char *mark, const char *text) {
    cli_print(r->c, " %s%-*s", mark, COLUMN - 1, text);
}

/* "/ M2" where a module begins, "|" in it, "\\" where it ends, "o M5" for a layer alone; drawn where text is UTF-8. */
static void print_row(const result *r, int layer) {
    static const char *const ascii[] = { "/", "|", "\\", "o" }, *const drawn[] = { "┌", "│", "└", "○" };
    const char *const *marks = matrix_draws_lines() ? drawn : ascii;
    char number[16], text[16];
    cli_print(r->c, "%s%-14s", matrix_begins_stage(r->m.names, layer) ? ">" : " ",
              matrix_name(number, r->m.names, layer));
    for (int i = 0; i < r->count; i++) {
        const da_partition *p = &r->cuts[i].partition;
        int module = da_partition_module_of(p, layer);
        bool first = layer == p->module[module].begin, last = layer == p->module[module].end - 1;
        snprintf(text, sizeof text, first ? " M%d" : " ", module);
        print_column(r, marks[da_partition_is_alone(p, module) ? 3 : first ? 0 : last ? 2 : 1], text);
    }
    cli_print(r->c, "\n");
}

/* Two lines: the method, and what it was given. */
static void print_heads(const result *r) {
    char text[32];
    cli_print(r->c, " %-14s", "layer");
    for (int i = 0; i < r->count; i++) cli_print(r->c, " %-*s", COLUMN, r->cuts[i].name);
    cli_print(r->c, "\n %-14s", "");
    for (int i = 0; i < r->count; i++) {
        const cut *made = &r->cuts[i];
        if (made->fisher) snprintf(text, sizeof text, r->modules ? "given" : "elbow");
        else snprintf(text, sizeof text, strcmp(made->name, "adjacent") == 0 ? "> %g" : ">= %g", made->threshold);
        cli_print(r->c, " %-*s", COLUMN, text);
    }
    cli_print(r->c, "\n");
}

static void print_metrics(const result *r) {
    static const char *const names[] = { "(N-M)/N", "(N+1-M)/(N+1)", "coverage" };
    for (int row = 0; row < 3; row++) {
        cli_print(r->c, " %-14s", names[row]);
        for (int i = 0; i < r->count; i++) {
            da_modularity m = da_partition_modularity(&r->cuts[i].partition);
            cli_print(r->c, " %-*.3f", COLUMN, row == 0 ? m.ratio : row == 1 ? m.paper : m.coverage);
        }
        cli_print(r->c, "\n");
    }
}

static void print_side_by_side(const result *r) {
    print_heads(r);
    for (int l = 0; l < r->m.layers; l++) print_row(r, l);
    matrix_print_stages(r->c, r->m.names, r->m.layers);
    cli_print(r->c, "\n %-14s", "modules");
    for (int i = 0; i < r->count; i++) cli_print(r->c, " %-*d", COLUMN, r->cuts[i].partition.modules);
    cli_print(r->c, "\n");
    print_metrics(r);
}

static void print_one(const result *r) {
    const da_partition *p = &r->cuts[0].partition;
    da_modularity metric = da_partition_modularity(p);
    cli_print(r->c, "%s in %s, ", da_count(p->layers, "layer").text, da_count(p->modules, "module").text);
    if (r->cuts[0].fisher) cli_print(r->c, "Fisher's optimal segmentation\n");
    else cli_print(r->c, "threshold %g, linkage %s\n", r->cuts[0].threshold, r->cuts[0].name);
    matrix_print_ranges(r->c, r->m.names, p);
    cli_print(r->c, "modularity: ratio (N-M)/N %.3f, paper (N+1-M)/(N+1) %.3f, coverage %.3f\n", metric.ratio,
              metric.paper, metric.coverage);
}

static da_status print_fisher(const result *r) {
    const da_fisher *f = &r->fisher;
    cli_print(r->c, "\nFisher's segmentation: modules, share of the variation explained, where modules begin\n");
    for (int k = 1; k <= f->layers; k++) {
        da_partition p = { 0 };
        DA_TRY(da_fisher_partition(f, k, &p));
        cli_print(r->c, "%s%4d  %.4f ", k == f->elbow ? "*" : " ", k, da_fisher_explained(f, k));
        for (int m = 1; m < k; m++) cli_print(r->c, " %d", p.module[m].begin);
        cli_print(r->c, "\n");
        da_partition_free(&p);
        if (k >= f->elbow && k >= r->modules && da_fisher_explained(f, k) >= WELL_EXPLAINED) break;
    }
    cli_print(r->c, "* the elbow: the point of this curve furthest above the line between its ends\n");
    return DA_OK;
}

static void print_threshold(void *context, double threshold, int linkage, const da_partition *partition) {
    const result *r = context;
    da_modularity metric = da_partition_modularity(partition);
    if (linkage == 0)
        cli_print(r->c, "%9g %8.2f", threshold, da_partition_msrs(r->m.values, r->m.layers, threshold));
    cli_print(r->c, "  | %7d  %.3f  %.3f  %.3f", partition->modules, metric.ratio, metric.paper, metric.coverage);
    if (linkage == r->linkage_count - 1) cli_print(r->c, "\n");
}

static da_status print_sweep(result *r) {
    cli_print(r->c, "\n%18s", "");
    for (int k = 0; k < r->linkage_count; k++) cli_print(r->c, "  | %-28s", da_linkage_name(r->linkages[k]));
    cli_print(r->c, "\n%9s %8s", "threshold", "MSRS");
    for (int k = 0; k < r->linkage_count; k++) cli_print(r->c, "  | modules  ratio  paper  cover");
    cli_print(r->c, "\n");
    return sweep_each(r, print_threshold, r);
}

static da_status print(result *r) {
    if (r->count == 1) print_one(r);
    else print_side_by_side(r);
    for (int t = 0; t < r->threshold_count; t++)
        cli_print(r->c, "MSRS, a soft count of pairs above %g: %.2f of %d\n", r->thresholds[t],
                  da_partition_msrs(r->m.values, r->m.layers, r->thresholds[t]), r->m.layers * (r->m.layers - 1) / 2);
    if (r->fisher.series) DA_TRY(print_fisher(r));
    return r->sweep.count > 0 ? print_sweep(r) : DA_OK;
}

/* ---- The command ---- */

static da_status save_pictures(const result *r) {
    char title[160];
    const cut *first = &r->cuts[0];
    if (first->fisher) snprintf(title, sizeof title, "%s, Fisher's segmentation",
                              da_count(first->partition.modules, "module").text);
    else snprintf(title, sizeof title, "%s, %s above %g", da_count(first->partition.modules, "module").text, first->name,
                  first->threshold);
    return matrix_save_pictures(r->c, &(da_heatmap_chart){ .title = title, .matrix = r->m.values, .layers = r->m.layers,
        .names = (const char *const *)r->m.names, .partition = &first->partition });
}

static da_status run(result *r) {
    DA_TRY(take_options(r));
    DA_TRY(matrix_read(r->c, &r->m));
    DA_TRY(cut_all(r));
    cli_aside(r->c, save_pictures(r));
    cli_aside(r->c, record_write(r->c, members, r));
    return r->c->json ? DA_OK : print(r);
}

static da_status partition_run(cli *c) {
    result r = { .c = c };
    da_status status = run(&r);
    for (int i = 0; i < r.count; i++) da_partition_free(&r.cuts[i].partition);
    da_fisher_free(&r.fisher);
    matrix_free(&r.m);
    return status;
}

static const cli_option options[] = {
    MATRIX_FILE,
    { .name = "threshold", .kind = CLI_TEXT, .value = "LIST", .initial = "0.95",
      .help = "similarity that layers of one module reach; several side by side: 0.9,0.95,0.98" },
    { .name = "method", .kind = CLI_CHOICE, .value = "algorithm1|fisher|both", .initial = "algorithm1",
      .help = "by a threshold, by Fisher's optimal segmentation, or side by side" },
    { .name = "linkage", .kind = CLI_TEXT, .value = "LIST", .initial = "adjacent",
      .help = "algorithm1: adjacent, mean, min, or several of them side by side: adjacent,mean,min" },
    { .name = "modules", .kind = CLI_TEXT, .value = "K|auto", .initial = "auto",
      .help = "fisher: how many; auto: the elbow of its cost" },
    { .name = "sweep", .kind = CLI_TEXT, .value = "LOW:HIGH:STEP",
      .help = "algorithm1: number of modules and modularity at these thresholds too" },
    MATRIX_NAMES,
    MATRIX_PICTURES,
    RECORD_OPTION,
    { .name = NULL }
};

const cli_command cli_partition = {
    .name = "partition", .purpose = "cut a similarity matrix into semantic modules", .arguments = "",
    .example = "partition --similarity cka.csv --threshold 0.95 --linkage adjacent --json",
    .notes = "A module [a, b) holds layers a to b-1. Linkage adjacent: neighbours are more similar than the\n"
             "threshold; mean, min: the mean or the smallest similarity over all pairs of the module reaches it.\n"
             "Fisher's segmentation needs no threshold: it minimises the squared deviations of the rows' sums\n"
             "within modules (exact dynamic programme), for every number of modules. MSRS uses the threshold.",
    .options = options, .run = partition_run
};
