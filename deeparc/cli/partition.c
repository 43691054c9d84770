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
#include "deeparc/text.h"

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

/* ---- The result ---- */

/* What a method was given: "> 0.9", ">= 0.9", "elbow". */
static const char *given(const result *r, const cut *made, char text[32]) {
    if (made->fisher) snprintf(text, 32, r->modules ? "given" : "elbow");
    else snprintf(text, 32, strcmp(made->name, "adjacent") == 0 ? "> %g" : ">= %g", made->threshold);
    return text;
}

static void put_cut(const cut *made, da_result *to) {
    da_result_put(to, "method", da_word(made->fisher ? "fisher" : "algorithm1"));
    if (!made->fisher) {
        da_result_put(to, "linkage", da_word(made->name));
        da_result_put(to, "threshold", da_real(made->threshold));
    }
    matrix_put_modules(to, &made->partition);
}

/* "/ M2" where a module begins, "|" in it, "\\" where it ends, "o M5" for a layer alone; drawn where text is UTF-8. */
static void say_row(const result *r, da_result *to, int layer) {
    static const char *const ascii[] = { "/", "|", "\\", "o" }, *const drawn[] = { "┌", "│", "└", "○" };
    const char *const *marks = matrix_draws_lines() ? drawn : ascii;
    char text[16];
    da_result_say(to, "%s%-14s", matrix_begins_stage(r->m.names, layer) ? ">" : " ", matrix_name(text, r->m.names, layer));
    for (int i = 0; i < r->count; i++) {
        const da_partition *p = &r->cuts[i].partition;
        int module = da_partition_module_of(p, layer);
        bool first = layer == p->module[module].begin, last = layer == p->module[module].end - 1;
        snprintf(text, sizeof text, first ? " M%d" : " ", module);
        da_result_say(to, " %s%-*s", marks[da_partition_is_alone(p, module) ? 3 : first ? 0 : last ? 2 : 1], COLUMN - 1,
                      text);
    }
    da_result_say(to, "\n");
}

/* All cuts side by side, a column each, and how modular each of them is. */
static void say_side_by_side(const result *r, da_result *to) {
    static const da_column columns[] = { { .label = "cut" }, { .label = "" }, { .label = "modules" },
        { .label = "(N-M)/N", .format = ".3" }, { .label = "(N+1-M)/(N+1)", .format = ".3" },
        { .label = "coverage", .format = ".3" } };
    char text[32];
    da_result_say(to, " %-14s", "layer");
    for (int i = 0; i < r->count; i++) da_result_say(to, " %-*s", COLUMN, r->cuts[i].name);
    da_result_say(to, "\n %-14s", "");
    for (int i = 0; i < r->count; i++) da_result_say(to, " %-*s", COLUMN, given(r, &r->cuts[i], text));
    da_result_say(to, "\n");
    for (int l = 0; l < r->m.layers; l++) say_row(r, to, l);
    matrix_say_stages(to, r->m.names, r->m.layers);
    da_result_say(to, "\n");
    da_result *table = da_result_table(to, NULL, columns, 6);
    for (int i = 0; i < r->count; i++) {
        da_modularity m = da_partition_modularity(&r->cuts[i].partition);
        da_row(table, da_word(r->cuts[i].name), da_word(given(r, &r->cuts[i], text)),
               da_whole(r->cuts[i].partition.modules), da_real(m.ratio), da_real(m.paper), da_real(m.coverage));
    }
}

static void say_one(const result *r, da_result *to) {
    const cut *made = &r->cuts[0];
    char how[80] = "Fisher's optimal segmentation";
    if (!made->fisher) snprintf(how, sizeof how, "threshold %g, linkage %s", made->threshold, made->name);
    matrix_say_modules(to, r->m.names, &made->partition, how);
}

static da_status put_fisher(const result *r, da_result *to) {
    static const da_column columns[] = { { .label = "", .format = ">" }, { .label = "explained", .format = ".4" },
                                         { .label = "modules begin at" } };
    const da_fisher *f = &r->fisher;
    da_result *fisher = da_result_object(to, "fisher");
    da_result_put(fisher, "modules", da_word(r->modules ? "given" : "elbow"));
    da_result_put(fisher, "elbow", da_whole(f->elbow));
    da_result_reals(fisher, "series", f->series, f->layers);
    da_result_reals(fisher, "cost", f->cost, f->layers);
    da_result_say(to, "\nFisher's segmentation: modules, share of the variation explained\n");
    da_result *table = da_result_table(to, NULL, columns, 3);
    for (int k = 1; k <= f->layers; k++) {
        da_partition p = { 0 };
        char modules[16];
        da_text begins = { 0 };
        DA_TRY(da_fisher_partition(f, k, &p));
        snprintf(modules, sizeof modules, "%s%4d", k == f->elbow ? "*" : " ", k);
        for (int m = 1; m < k; m++) da_text_printf(&begins, "%s%d", m > 1 ? " " : "", p.module[m].begin);
        da_row(table, da_word(modules), da_real(da_fisher_explained(f, k)), da_word(da_text_string(&begins)));
        da_result_check(table, begins.status);
        da_text_free(&begins);
        da_partition_free(&p);
        if (k >= f->elbow && k >= r->modules && da_fisher_explained(f, k) >= WELL_EXPLAINED) break;
    }
    da_result_say(to, "* the elbow: the point of this curve furthest above the line between its ends\n");
    return DA_OK;
}

static da_status put_sweep(const result *r, da_result *to) {
    static const da_column columns[] = {
        { .key = "threshold", .label = "threshold" }, { .key = "linkage", .label = "linkage" },
        { .key = "modules", .label = "modules" }, { .key = "ratio", .label = "(N-M)/N", .format = ".3" },
        { .key = "paper", .label = "(N+1-M)/(N+1)", .format = ".3" },
        { .key = "coverage", .label = "coverage", .format = ".3" }, { .key = "msrs", .label = "MSRS", .format = ".2" } };
    da_result_say(to, "\n");
    da_result *table = da_result_table(to, "sweep", columns, 7);
    for (int i = 0; i < r->sweep.count; i++)
        for (int k = 0; k < r->linkage_count; k++) {
            double threshold = sweep_threshold(&r->sweep, i);
            da_partition p = { 0 };
            DA_TRY(da_partition_extract(r->m.values, r->m.layers, threshold, r->linkages[k], &p));
            da_modularity metric = da_partition_modularity(&p);
            da_row(table, da_real(threshold), da_word(da_linkage_name(r->linkages[k])), da_whole(p.modules),
                   da_real(metric.ratio), da_real(metric.paper), da_real(metric.coverage),
                   da_real(da_partition_msrs(r->m.values, r->m.layers, threshold)));
            da_partition_free(&p);
        }
    return DA_OK;
}

/* The members of the first cut stand in the open; `partitions` has all of them. */
static da_status put_result(const result *r) {
    da_result *to = r->c->result;
    const int layers = r->m.layers;
    da_result_put(to, "layers", da_whole(layers));
    if (r->m.names) da_result_words(to, "names", (const char *const *)r->m.names, layers);
    matrix_put_split(&r->m, to);
    da_result *transitions = da_result_list(to, "transitions");
    for (int l = 0; l < layers; l++)
        if (matrix_begins_stage(r->m.names, l)) da_result_put(transitions, NULL, da_whole(l));
    da_result_put(to, "msrs", da_real(da_partition_msrs(r->m.values, layers, r->thresholds[0])));
    put_cut(&r->cuts[0], to);
    da_result *all = da_result_list(to, "partitions");
    for (int i = 0; i < r->count; i++) put_cut(&r->cuts[i], da_result_object(all, NULL));
    if (r->count == 1) say_one(r, to);
    else say_side_by_side(r, to);
    for (int t = 0; t < r->threshold_count; t++)
        da_result_say(to, "MSRS, a soft count of pairs above %g: %.2f of %d\n", r->thresholds[t],
                      da_partition_msrs(r->m.values, layers, r->thresholds[t]), layers * (layers - 1) / 2);
    if (r->fisher.series) DA_TRY(put_fisher(r, to));
    return r->sweep.count > 0 ? put_sweep(r, to) : DA_OK;
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
    return put_result(r);
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
