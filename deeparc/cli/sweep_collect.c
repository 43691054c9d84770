/* deeparc sweep collect: one table of all results, and what it says beside what was published. */
#include "deeparc/cli/record.h"
#include "deeparc/present/report.h"

#include "deeparc/sweep.h"
#include "core/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- The CSV: a row a run and threshold ---- */

static const da_column point_columns[] = {
    { .key = "id" }, { .key = "data", .format = "\"" }, { .key = "model" }, { .key = "depth" }, { .key = "width" },
    { .key = "share" }, { .key = "classes" }, { .key = "seed" }, { .key = "trained_on" }, { .key = "epochs" },
    { .key = "accuracy" }, { .key = "loss" }, { .key = "seconds" }, { .key = "layers" }, { .key = "linkage" },
    { .key = "tap" }, { .key = "threshold" }, { .key = "modules" }, { .key = "paper" }, { .key = "ratio" },
    { .key = "coverage" }, { .key = "joined" }, { .key = "within" }, { .key = "settings", .format = "\"" },
    { .key = "hash" }, { .key = "version" }, { .key = "kernels" }, { .key = "machine", .format = "\"" } };

static void put_points(da_result *to, const da_sweep_table *t) {
    da_result *table = da_result_table(to, "points", point_columns, sizeof point_columns / sizeof *point_columns);
    for (int i = 0; i < t->points; i++) {
        const da_sweep_point *p = &t->point[i];
        const da_sweep_result *r = p->result;
        const double *m = p->metric;
        da_row(table, da_word(r->id), da_word(r->data), da_word(r->model), da_real(r->depth), da_real(r->width),
               da_real(r->share), da_real(r->classes), da_real(r->seed), da_real(r->trained_on), da_real(r->epochs),
               da_real(r->accuracy), da_real(r->loss), da_real(r->seconds), da_real(r->layers), da_word(r->linkage),
               da_word(r->tap), da_real(p->threshold), da_real(p->modules), da_real(m[DA_SWEEP_PAPER]),
               da_real(m[DA_SWEEP_RATIO]), da_real(m[DA_SWEEP_COVERAGE]), da_real(m[DA_SWEEP_JOINED]), da_real(m[DA_SWEEP_WITHIN]),
               da_word(r->settings), da_word(r->hash), da_word(r->version), da_word(r->kernels), da_word(r->machine));
    }
}

/* ---- The result ---- */

static void put_machines(da_result *to, const da_sweep_table *t) {
    static const da_column columns[] = { { .key = "machine" }, { .key = "runs" } };
    da_result *table = da_result_table(to, "machines", columns, 2);
    for (int i = 0; i < t->results; i++) {
        int runs = da_sweep_count_text(t, i, offsetof(da_sweep_result, machine));
        if (runs == 0) continue;
        da_row(table, da_word(t->result[i].machine), da_whole(runs));
        da_result_say(to, "%5d on %s\n", runs, t->result[i].machine);
    }
}

static void explain_means(da_result *to, const da_sweep_table *t) {
    if (t->metric == DA_SWEEP_WITHIN)
        da_result_say(to, "floor: runs whose every two neighbours of a stage are cut apart; ceiling: runs where none are\n");
    else
        da_result_say(to, "floor: runs whose every block is a module of its own; ceiling: runs of one module. Where runs "
                          "sit there,\nthe paper's metric falls or rises with depth by itself; --metric joined does "
                          "not.\n");
    da_result_say(to, "stages: what networks cut at their stages alone have. It rises with depth by itself, whatever was "
                      "trained,\nin every metric but --metric within, which counts the neighbours of one stage.\n");
}

static void put_means(da_result *to, const da_sweep_table *t) {
    static const da_column columns[] = {
        { .key = "threshold", .label = "threshold" }, { .key = "depth", .label = "depth" },
        { .key = "runs", .label = "runs" }, { .key = "at_floor", .label = "floor" },
        { .key = "at_ceiling", .label = "ceiling" }, { .key = "mean", .label = "mean", .format = ".3" },
        { .key = "least", .label = "least", .format = ".3" }, { .key = "most", .label = "most", .format = ".3" },
        { .key = "deviation_over_seeds", .label = "spread", .format = ".3" },
        { .key = "cut_at_stages_alone", .label = "stages", .format = ".3" },
        { .key = "published", .label = "published", .format = ".3" } };
    da_result_say(to, "\nmodularity, %s, over data shares, classes and seeds; spread: its deviation over seeds alone\n",
                  da_sweep_metric_name(t->metric));
    da_result *table = da_result_table(to, "means", columns, sizeof columns / sizeof *columns);
    da_sweep_put_means(table, t);
    explain_means(to, t);
}

static void put_fit(da_result *table, const da_sweep_fit *fit) {
    char at[32], interval[64];
    snprintf(at, sizeof at, fit->threshold < 0 ? "all" : "%g", fit->threshold);
    for (int f = 0; f < DA_SWEEP_FACTORS; f++) {
        bool has = fit->fitted && fit->column[f] >= 0;
        const da_coefficient b = has ? fit->regression.coefficient[fit->column[f]] : (da_coefficient){ .value = (double)NAN };
        snprintf(interval, sizeof interval, has && isfinite(b.low) ? "%+.5f to %+.5f" : "-", b.low, b.high);
        da_row(table, da_if(fit->threshold >= 0, da_real(fit->threshold)), da_word(at), da_word(da_sweep_factors[f].name),
               da_whole(fit->points), da_whole(fit->floor), da_whole(fit->ceiling), da_real(fit->correlation[f]),
               da_real(fit->stages[f]), da_real(da_sweep_factors[f].published), da_if(has, da_real(b.value)),
               da_if(has, da_real(b.error)), da_if(has, da_real(b.low)), da_if(has, da_real(b.high)), da_word(interval),
               da_word(da_sweep_verdict(fit, f)));
    }
}

static da_status put_dependence(da_result *to, const da_sweep_table *t) {
    static const da_column columns[] = {
        { .key = "threshold" }, { .label = "threshold", .format = ">" }, { .key = "factor", .label = "factor" },
        { .key = "points" }, { .key = "at_floor" }, { .key = "at_ceiling" },
        { .key = "correlation", .label = "correlation", .format = "+.3" },
        { .key = "correlation_cut_at_stages_alone", .label = "stages", .format = "+.3" },
        { .key = "published_correlation", .label = "published", .format = "+.2" },
        { .key = "slope", .label = "slope", .format = "+.5" }, { .key = "error" }, { .key = "low" },
        { .key = "high" }, { .label = "interval" }, { .key = "sign", .label = "sign" } };
    da_sweep_fit fit;
    da_result_say(to, "\nwhat it depends on: least squares on all factors at each threshold, 95 %% intervals (Student)\n");
    da_result *table = da_result_table(to, "dependence", columns, sizeof columns / sizeof *columns);
    for (int h = 0; h <= t->threshold_count; h++) {
        DA_TRY(da_sweep_fit_at(t, h < t->threshold_count ? t->thresholds[h] : -1, &fit));
        put_fit(table, &fit);
        if (fit.threshold >= 0 && !fit.fitted)
            da_result_say(to, "no regression at threshold %g: %s\n", fit.threshold, fit.reason);
    }
    da_result_say(to, "slopes: depth a layer, data share from none to all, classes a class. The published correlations are "
                      "over\nall thresholds of 1,250 CIFAR-10 networks of depth 14 to 152, 300 epochs each.\n");
    return DA_OK;
}

static da_status put_result(da_result *to, const da_sweep_table *t) {
    double seconds = 0;
    for (int i = 0; i < t->results; i++) seconds += t->result[i].seconds;
    da_result_put(to, "planned", da_whole(t->planned));
    da_result_put(to, "finished", da_whole(t->results));
    da_result_put(to, "missing", da_whole(t->planned - t->results));
    da_result_put(to, "metric", da_word(da_sweep_metric_name(t->metric)));
    da_result_say(to, "%d of %s finished, %lld missing; %.2f hours of runs\n", t->results,
                  da_count(t->planned, "planned run").text, (long long)t->planned - t->results, seconds / 3600);
    put_machines(to, t);
    put_means(to, t);
    return put_dependence(to, t);
}

/* ---- The command ---- */

static da_status write_csv(const da_sweep_table *t, const char *path) {
    da_result *points = da_result_new();
    put_points(points, t);
    da_status status = cli_csv_save(points, "points", path);
    da_result_free(points);
    return status;
}

static da_status check_metric(const da_sweep_table *t) {
    for (int i = 0; i < t->points; i++)
        if (!isnan(t->point[i].metric[t->metric])) return DA_OK;
    return DA_FAIL(DA_ERROR_FORMAT, "no result has neighbours of one stage and says where its modules are");
}

static da_status save_page(cli *c, const da_sweep_table *t, const char *path) {
    da_result *own;
    DA_TRY(record_tree(c, &own));
    da_status status = da_sweep_page(t, da_result_find(own, "run"), cli_text(c, "title"), path);
    da_result_free(own);
    return status;
}

static da_status run(cli *c) {
    da_sweep_table t = { .planned = 0 };
    const char *csv = cli_text(c, "csv"), *html = cli_text(c, "html"), *svg = cli_text(c, "svg");
    if (cli_given(c, "title") && !html) return cli_usage(c, "--title has no effect without --html FILE");
    DA_TRY(da_sweep_table_read(&t, cli_text(c, "dir")));
    t.metric = (da_sweep_metric)cli_choice(c, "metric");
    da_status status = check_metric(&t);
    if (status == DA_OK && csv) cli_aside(c, write_csv(&t, csv));
    if (status == DA_OK && html) cli_aside(c, save_page(c, &t, html));
    if (status == DA_OK && svg) cli_aside(c, da_sweep_figure(&t, svg));
    if (status == DA_OK) status = put_result(c->result, &t);
    if (status == DA_OK && csv) cli_note(c, "a row a run and threshold: %s", csv);
    if (status == DA_OK && html) cli_note(c, "the page is %s", html);
    da_sweep_table_free(&t);
    return status;
}

static const cli_option options[] = {
    { .name = "dir", .kind = CLI_TEXT, .value = "DIR", .file = CLI_READS, .within = "plan.txt|runs/*",
      .required = true, .help = "of the sweep, as it was planned" },
    { .name = "csv", .kind = CLI_TEXT, .value = "FILE.csv", .file = CLI_WRITES,
      .help = "write all results there, a row a run and threshold" },
    { .name = "html", .kind = CLI_TEXT, .value = "FILE.html", .file = CLI_WRITES,
      .help = "write a page with tables and charts there" },
    { .name = "svg", .kind = CLI_TEXT, .value = "FILE.svg", .file = CLI_WRITES,
      .help = "draw the means against depth beside the published ones there" },
    { .name = "title", .kind = CLI_TEXT, .value = "TEXT", .initial = "How modular are neural networks? (RQ1)",
      .help = "of that page" },
    { .name = "metric", .kind = CLI_CHOICE, .value = "paper|ratio|coverage|joined|within", .initial = "paper",
      .help = "of modularity: (N+1-M)/(N+1), (N-M)/N, the share of blocks in modules of several, (N-M)/(N-1), "
              "or of the neighbours of one stage alone the share in one module" },
    { .name = NULL }
};

const cli_command cli_sweep_collect = {
    .name = "sweep collect", .purpose = "merge a sweep's results and set them beside the published ones",
    .arguments = "", .example = "sweep collect --dir build/sweep --csv build/sweep/results.csv",
    .notes = "Regresses the metric on depth, data share and number of classes at every threshold and shows Pearson's\n"
             "correlations, to compare signs with those of Ren et al. (ICSE 2023). Intervals take runs as\n"
             "independent and their noise as equally large everywhere.",
    .options = options, .run = run
};
