/* deeparc sweep collect: one table of all results, and what it says beside what was published. */
#include "deeparc/cli/record.h"
#include "deeparc/cli/sweep_table.h"

#include "core/file.h"
#include "core/number.h"
#include "deeparc/sweep.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- The CSV: a row a run and threshold ---- */

static void put_number(da_file_writer *file, double value) {
    char text[DA_NUMBER_TEXT];
    (void)da_file_printf(file, ",%s", isfinite(value) ? da_number_text(text, value) : "");
}

/* In quotes, which double inside. */
static void put_text(da_file_writer *file, const char *text) {
    (void)da_file_write(file, ",\"", 2);
    for (; *text; text++) {
        if (*text == '"') (void)da_file_write(file, "\"", 1);
        (void)da_file_write(file, text, 1);
    }
    (void)da_file_write(file, "\"", 1);
}

static da_status write_csv(const sweep_table *t, const char *path) {
    da_file_writer *file;
    DA_TRY(da_file_create(&file, path));
    (void)da_file_printf(file, "id,data,model,depth,width,share,classes,seed,trained_on,epochs,accuracy,loss,seconds,"
                               "layers,linkage,tap,threshold,modules,paper,ratio,coverage,joined,within,settings,hash,version,"
                               "kernels,machine\n");
    for (int i = 0; i < t->points; i++) {
        const sweep_point *p = &t->point[i];
        const sweep_result *r = p->result;
        const double facts[] = { r->depth, r->width, r->share, r->classes, r->seed, r->trained_on, r->epochs,
                                 r->accuracy, r->loss, r->seconds, r->layers };
        (void)da_file_printf(file, "%s", r->id);
        put_text(file, r->data);
        (void)da_file_printf(file, ",%s", r->model);
        for (size_t k = 0; k < sizeof facts / sizeof *facts; k++) put_number(file, facts[k]);
        (void)da_file_printf(file, ",%s,%s", r->linkage, r->tap);
        put_number(file, p->threshold);
        put_number(file, p->modules);
        for (int m = 0; m < SWEEP_METRICS; m++) put_number(file, p->metric[m]);
        put_text(file, r->settings);
        (void)da_file_printf(file, ",%s,%s,%s", r->hash, r->version, r->kernels);
        put_text(file, r->machine);
        (void)da_file_printf(file, "\n");
    }
    return da_file_commit(file); /* reports the first write that failed */
}

/* ---- In the terminal ---- */

static void print_machines(cli *c, const sweep_table *t) {
    for (int i = 0; i < t->results; i++) {
        int runs = sweep_count_text(t, i, offsetof(sweep_result, machine));
        if (runs > 0) cli_print(c, "%5d on %s\n", runs, t->result[i].machine);
    }
}

static void print_means(cli *c, const sweep_table *t) {
    char spread[CLI_CELL], stages[CLI_CELL], published[CLI_CELL];
    cli_print(c, "\nmodularity, %s, over data shares, classes and seeds; spread: its deviation over seeds alone\n",
              sweep_metric_name(t->metric));
    cli_print(c, "threshold  depth  runs  floor  ceiling   mean  least   most  spread  stages  published\n");
    for (int h = 0; h < t->threshold_count; h++)
        for (int d = 0; d < t->depth_count; d++) {
            sweep_summary s = sweep_summarise(t, t->thresholds[h], t->depths[d]);
            if (s.runs == 0) continue;
            double paper = t->metric == SWEEP_PAPER
                ? da_published_modularity(t->depths[d], t->thresholds[h]) : (double)NAN;
            cli_print(c, "%9g  %5.0f  %4d  %5d  %7d  %5.3f  %5.3f  %5.3f  %6s  %6s  %9s\n", t->thresholds[h], t->depths[d],
                      s.runs, s.floor, s.ceiling, s.mean, s.least, s.most, cli_cell(spread, s.deviation, 3),
                      cli_cell(stages, s.stages, 3), cli_cell(published, paper, 3));
        }
    if (t->metric == SWEEP_WITHIN)
        cli_print(c, "floor: runs whose every two neighbours of a stage are cut apart; ceiling: runs where none are\n");
    else
        cli_print(c, "floor: runs whose every block is a module of its own; ceiling: runs of one module. Where runs sit "
                     "there,\nthe paper's metric falls or rises with depth by itself; --metric joined does not.\n");
    cli_print(c, "stages: what networks cut at their stages alone have. It rises with depth by itself, whatever was "
                 "trained,\nin every metric but --metric within, which counts the neighbours of one stage.\n");
}

static void print_fit(cli *c, const sweep_fit *fit) {
    char at[CLI_CELL], correlation[CLI_CELL], stages[CLI_CELL], published[CLI_CELL], slope[CLI_CELL], interval[64];
    for (int f = 0; f < SWEEP_FACTORS; f++) {
        const sweep_factor *factor = &sweep_factors[f];
        bool has = fit->fitted && fit->column[f] >= 0;
        const da_coefficient *b = has ? &fit->regression.coefficient[fit->column[f]] : NULL;
        const bool known = b && isfinite(b->low);
        if (known) snprintf(interval, sizeof interval, "%+.5f to %+.5f", b->low, b->high);
        if (fit->threshold < 0) snprintf(at, sizeof at, "all");
        else snprintf(at, sizeof at, "%g", fit->threshold);
        cli_print(c, "%9s  %-10s  %11s  %6s  %9s  %9s  %-22s  %s\n", at, factor->name,
                  cli_cell_signed(correlation, fit->correlation[f], 3), cli_cell_signed(stages, fit->stages[f], 3),
                  cli_cell_signed(published, factor->published, 2),
                  cli_cell_signed(slope, b ? b->value : (double)NAN, 5), known ? interval : "-", sweep_verdict(fit, f));
    }
    if (fit->threshold >= 0 && !fit->fitted) cli_print(c, "           no regression: %s\n", fit->reason);
}

static da_status print_dependence(cli *c, const sweep_table *t) {
    sweep_fit fit;
    cli_print(c, "\nwhat it depends on: least squares on all factors at each threshold, 95 %% intervals (Student)\n");
    cli_print(c, "threshold  factor      correlation  stages  published  slope      interval                sign\n");
    for (int h = 0; h <= t->threshold_count; h++) {
        DA_TRY(sweep_fit_at(t, h < t->threshold_count ? t->thresholds[h] : -1, &fit));
        print_fit(c, &fit);
    }
    cli_print(c, "slopes: depth a layer, data share from none to all, classes a class. The published correlations are "
                 "over\nall thresholds of 1,250 CIFAR-10 networks of depth 14 to 152, 300 epochs each.\n");
    return DA_OK;
}

/* ---- As JSON ---- */

static void put_machines(da_json_writer *to, const sweep_table *t) {
    da_json_key(to, "machines");
    da_json_begin_array(to);
    for (int i = 0; i < t->results; i++) {
        int runs = sweep_count_text(t, i, offsetof(sweep_result, machine));
        if (runs == 0) continue;
        da_json_begin_object(to);
        record_text(to, "machine", t->result[i].machine);
        record_int(to, "runs", runs);
        da_json_end(to);
    }
    da_json_end(to);
}

static void put_means(da_json_writer *to, const sweep_table *t) {
    da_json_key(to, "means");
    da_json_begin_array(to);
    for (int h = 0; h < t->threshold_count; h++)
        for (int d = 0; d < t->depth_count; d++) {
            sweep_summary s = sweep_summarise(t, t->thresholds[h], t->depths[d]);
            if (s.runs == 0) continue;
            da_json_begin_object(to);
            record_real(to, "threshold", t->thresholds[h]);
            record_real(to, "depth", t->depths[d]);
            record_int(to, "runs", s.runs);
            record_int(to, "at_floor", s.floor);
            record_int(to, "at_ceiling", s.ceiling);
            record_real(to, "mean", s.mean);
            record_real(to, "least", s.least);
            record_real(to, "most", s.most);
            record_real(to, "deviation_over_seeds", s.deviation);
            record_real(to, "cut_at_stages_alone", s.stages);
            if (t->metric == SWEEP_PAPER)
                record_real(to, "published", da_published_modularity(t->depths[d], t->thresholds[h]));
            da_json_end(to);
        }
    da_json_end(to);
}

static void put_fit(da_json_writer *to, const sweep_fit *fit) {
    for (int f = 0; f < SWEEP_FACTORS; f++) {
        da_json_begin_object(to);
        if (fit->threshold >= 0) record_real(to, "threshold", fit->threshold);
        record_text(to, "factor", sweep_factors[f].name);
        record_int(to, "points", fit->points);
        record_int(to, "at_floor", fit->floor);
        record_int(to, "at_ceiling", fit->ceiling);
        record_real(to, "correlation", fit->correlation[f]);
        record_real(to, "correlation_cut_at_stages_alone", fit->stages[f]);
        record_real(to, "published_correlation", sweep_factors[f].published);
        if (fit->fitted && fit->column[f] >= 0) {
            const da_coefficient *b = &fit->regression.coefficient[fit->column[f]];
            record_real(to, "slope", b->value);
            record_real(to, "error", b->error);
            record_real(to, "low", b->low);
            record_real(to, "high", b->high);
        }
        record_text(to, "sign", sweep_verdict(fit, f));
        da_json_end(to);
    }
}

static da_status put(cli *c, const sweep_table *t) {
    da_json_writer *to = &c->writer;
    sweep_fit fit;
    record_int(to, "planned", t->planned);
    record_int(to, "finished", t->results);
    record_int(to, "missing", t->planned - t->results);
    record_text(to, "metric", sweep_metric_name(t->metric));
    put_machines(to, t);
    put_means(to, t);
    da_json_key(to, "dependence");
    da_json_begin_array(to);
    for (int h = 0; h <= t->threshold_count; h++) {
        DA_TRY(sweep_fit_at(t, h < t->threshold_count ? t->thresholds[h] : -1, &fit));
        put_fit(to, &fit);
    }
    da_json_end(to);
    return DA_OK;
}

/* ---- The command ---- */

static da_status show(cli *c, const sweep_table *t) {
    double seconds = 0;
    for (int i = 0; i < t->results; i++) seconds += t->result[i].seconds;
    if (c->json) return put(c, t);
    cli_print(c, "%d of %lld planned runs are finished, %lld are missing; %.2f hours of runs\n", t->results,
              (long long)t->planned, (long long)t->planned - t->results, seconds / 3600);
    print_machines(c, t);
    print_means(c, t);
    return print_dependence(c, t);
}

static da_status check_metric(const sweep_table *t) {
    for (int i = 0; i < t->points; i++)
        if (!isnan(t->point[i].metric[t->metric])) return DA_OK;
    return DA_FAIL(DA_ERROR_FORMAT, "no result has neighbours of one stage and says where its modules are");
}

static da_status run(cli *c) {
    sweep_table t = { .planned = 0 };
    const char *csv = cli_text(c, "csv"), *html = cli_text(c, "html"), *svg = cli_text(c, "svg");
    if (cli_given(c, "title") && !html) return cli_usage(c, "--title has no effect without --html FILE");
    DA_TRY(sweep_table_read(&t, cli_text(c, "dir")));
    t.metric = (sweep_metric)cli_choice(c, "metric");
    da_status status = check_metric(&t);
    if (status == DA_OK && csv) cli_aside(c, write_csv(&t, csv));
    if (status == DA_OK && html) cli_aside(c, sweep_page(&t, cli_text(c, "title"), html));
    if (status == DA_OK && svg) cli_aside(c, sweep_figure(&t, svg));
    if (status == DA_OK) status = show(c, &t);
    if (status == DA_OK && csv) cli_note(c, "a row a run and threshold: %s", csv);
    if (status == DA_OK && html) cli_note(c, "the page is %s", html);
    sweep_table_free(&t);
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
