/* deeparc sweep plan: every combination of settings as a line that runs by itself, and what all of them will cost.
 *
 *     preset, --data, --grid   ->  axes   ->  words of a line  ->  parsed as `sweep run` will parse them  ->  plan.txt
 *                                                                   (wrong options are found here, not in run 700)
 */
#include "deeparc/cli/options.h"

#include "core/number.h"
#include "deeparc/cli/record.h"
#include "deeparc/cli/sweep.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "datasets/subset.h"
#include "deeparc/sweep.h"
#include "deeparc/text.h"
#include "layers/zoo.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- Presets ---- */

enum { MOST_SETTINGS = 20 };
typedef struct preset { const char *name; const char *settings[MOST_SETTINGS]; } preset; /* NULL-ended */

/* The first axis moves slowest: a sweep that is stopped early has all networks of the first seed. */
static const preset presets[] = {
    { "none", { NULL } },
    { "smoke", { "data=digits", "seed=1,2,3", "depth=8,14,20", "classes=5,10", "share=0.5,1", "width=0.5", "epochs=3",
                 "batch=32", "limit=2000", "test-limit=512", "shortcut=conv", "tap=sum",
                 "threshold=0.9,0.95,0.98,0.99", NULL } },
    { "laptop", { "data=mnist", "seed=1,2,3", "depth=8,14,20,32,44", "classes=2,5,10", "share=0.25,0.5,1", "width=0.5",
                  "epochs=8", "batch=32", "limit=10000", "test-limit=2000", "shortcut=conv", "tap=sum",
                  "threshold=0.9,0.95,0.98,0.99", NULL } },
    { "paper", { "data=cifar10", "seed=1,2,3,4,5,6,7,8,9,10", "depth=14,44,86,110,152", "classes=2,4,6,8,10",
                 "share=0.1,0.25,0.5,0.75,1", "epochs=300", "batch=128", "rate=0.01", "momentum=0.9", "schedule=cosine",
                 "weight-decay=0.005", "augment=crop4-reflect,flip", "normalize=none", "shortcut=conv", "tap=sum",
                 "threshold=0.9,0.91,0.92,0.93,0.94,0.95,0.96,0.97,0.98,0.99", NULL } }
};

/* ---- Axes ---- */

static const cli_option *find_option(const char *name, size_t length) {
    cli_table tables[CLI_TABLES];
    int count = cli_tables(&cli_sweep_run, tables);
    for (int t = 0; t < count; t++)
        for (const cli_option *o = tables[t].options; o->name; o++)
            if (strlen(o->name) == length && memcmp(o->name, name, length) == 0) return o;
    return NULL;
}

/* "depth=8,14". A value that is a text may hold commas itself ("crop4,flip"), so several of them stand between ;. */
static da_status add_axis(cli *c, da_grid *grid, const char *setting) {
    size_t length = strcspn(setting, "=");
    const cli_option *option = find_option(setting, length);
    if (!setting[length])
        return cli_usage(c, "--grid %.60s: a setting is written NAME=VALUE,VALUE,...", setting);
    if (!option || sweep_is_place(option->name))
        return cli_usage(c, "--grid %.60s: 'deeparc sweep run --help' lists the settings", setting);
    if (da_grid_set(grid, option->name, setting + length + 1, option->kind == CLI_TEXT ? ';' : ',') == DA_OK)
        return DA_OK;
    c->usage = da_error_code() == DA_ERROR_ARGUMENT;
    return da_fail_context("--grid: ");
}

/* An axis of a preset may be replaced; one that is given twice leaves one of the two without effect. */
static da_status check_axes(cli *c) {
    const char *setting, *before;
    for (int i = 0; (setting = cli_text_at(c, "grid", i)) != NULL; i++) {
        int length = (int)strcspn(setting, "=");
        if (cli_has(c, "data") && length == 4 && memcmp(setting, "data", 4) == 0)
            return cli_usage(c, "--data and --grid data=... contradict each other: give one");
        for (int k = 0; k < i && (before = cli_text_at(c, "grid", k)) != NULL; k++)
            if ((int)strcspn(before, "=") == length && memcmp(before, setting, (size_t)length) == 0)
                return cli_usage(c, "--grid %.*s is given twice: name all values at once", length, setting);
    }
    return DA_OK;
}

/* Is there a set that --data-dir serves? */
static da_status check_data_dir(cli *c, const da_grid *grid) {
    const char *last = "";
    for (int a = 0; a < grid->axes; a++)
        for (int i = 0; i < grid->axis[a].count && strcmp(grid->axis[a].name, "data") == 0; i++)
            if (da_dataset_is_named(last = grid->axis[a].values[i])) return DA_OK;
    return cli_data_dir_check(c, last);
}

static da_status make_grid(cli *c, da_grid *grid) {
    const preset *p = &presets[cli_choice(c, "preset")];
    DA_TRY(check_axes(c));
    for (int i = 0; p->settings[i]; i++) DA_TRY(add_axis(c, grid, p->settings[i]));
    if (cli_has(c, "data")) DA_TRY(da_grid_set(grid, "data", cli_text(c, "data"), ';'));
    const char *setting;
    for (int i = 0; (setting = cli_text_at(c, "grid", i)) != NULL; i++) DA_TRY(add_axis(c, grid, setting));
    return check_data_dir(c, grid);
}

/* ---- Lines ---- */

enum { MOST_WORDS = 2 * DA_MAX_AXES + 16 };

typedef struct planner {
    cli     *c;
    da_grid  grid;
    cli      run;                    /* the line of one run, parsed */
    char    *words[MOST_WORDS];      /* of that line; borrowed, but for the names */
    char     names[DA_MAX_AXES][64]; /* "--depth" */
    int      count;
    char     program[DA_SWEEP_PATH], dir[DA_SWEEP_PATH], threads[16];
    da_text  lines;
    int64_t  finished;
    da_dataset data, test;           /* of the last run whose cost was taken */
    char    *loaded;                 /* which they are */
    double  *cost;                   /* multiply-adds of every run */
    double   operations, left;       /* of all runs, and of those that are not finished */
} planner;

static char *word(const char *text) { return (char *)(uintptr_t)text; } /* argv is not const, though nobody writes it */

static void add_words(planner *p, const char *option, const char *value) {
    p->words[p->count++] = word(option);
    if (value) p->words[p->count++] = word(value);
}

/* The words of run `number`, without its ID. */
static void make_words(planner *p, int64_t number) {
    p->count = 0;
    add_words(p, p->program, "sweep");
    add_words(p, "run", NULL);
    add_words(p, "--dir", p->dir);
    for (int a = 0; a < p->grid.axes; a++) {
        const char *value = da_grid_value(&p->grid, number, a);
        const cli_option *option = find_option(p->grid.axis[a].name, strlen(p->grid.axis[a].name));
        bool flag = option && option->kind == CLI_FLAG;
        snprintf(p->names[a], sizeof p->names[a], "--%s", p->grid.axis[a].name);
        if (!flag) add_words(p, p->names[a], value);
        else if (strcmp(value, "0") != 0) add_words(p, p->names[a], NULL);
        if (cli_has(p->c, "data-dir") && strcmp(p->grid.axis[a].name, "data") == 0 && da_dataset_is_named(value))
            add_words(p, "--data-dir", cli_text(p->c, "data-dir"));
    }
    add_words(p, "--threads", p->threads);
    add_words(p, "--quiet", NULL);
}

static da_status parse_words(planner *p) {
    bool help;
    memset(&p->run, 0, sizeof p->run);
    p->run.command = &cli_sweep_run;
    p->run.argv = p->words;
    p->run.argc = p->count;
    p->run.quiet = true;
    double thresholds[DA_SWEEP_THRESHOLDS];
    int count;
    da_status status = cli_parse(&p->run, p->count - 3, p->words + 3, &help);
    if (status == DA_OK) status = cli_shares(&p->run, "threshold", DA_SWEEP_THRESHOLDS, thresholds, &count);
    p->c->usage = p->run.usage;
    return status;
}

static da_status add_line(planner *p, const char *id) {
    for (int w = 0; w < p->count; w++) {
        if (w > 0) da_text_append(&p->lines, " ");
        da_text_shell(&p->lines, p->words[w]);
        if (w == 2) da_text_printf(&p->lines, " --id %s", id);
    }
    da_text_append(&p->lines, "\n");
    return da_text_status(&p->lines);
}

/* ---- Cost ---- */

/* Loads the sets of p->run unless they are those of the run before. */
static da_status load(planner *p) {
    const cli *run = &p->run;
    da_text wanted = { 0 };
    da_text_printf(&wanted, "%s\n%s\n%s", cli_text(run, "data"), cli_text(run, "limit"), cli_text(run, "test-limit"));
    da_status status = da_text_status(&wanted);
    if (status == DA_OK && (!p->loaded || strcmp(p->loaded, da_text_string(&wanted)) != 0)) {
        da_dataset_free(&p->data);
        da_dataset_free(&p->test);
        da_free(p->loaded);
        p->loaded = da_string_copy(da_text_string(&wanted));
        status = p->loaded ? cli_data_load_parts(&p->run, &p->data, &p->test) : DA_ERROR_MEMORY;
        run_forget(&p->run); /* a plan has no header of its runs */
    }
    da_text_free(&wanted);
    return status;
}

static int64_t images_of(const da_dataset *data, int classes) {
    int64_t count = 0;
    for (int64_t i = 0; i < data->count; i++) count += !data->labels || data->labels[i] < classes;
    return count;
}

static da_status add_cost(planner *p, int64_t number, bool done) {
    const cli *run = &p->run;
    DA_TRY(load(p));
    int classes = (int)cli_int(run, "classes");
    if (classes == 0) classes = p->data.classes;
    if (classes < 2 || classes > p->data.classes)
        return cli_usage(p->c, "classes=%d: %s has %d, of which 2 at least are needed", classes, p->data.name,
                         p->data.classes);
    char name[DA_SWEEP_NAME];
    da_model *model;
    sweep_network(run, name);
    DA_TRY(da_zoo_build(&model, name, (int64_t[]){ p->data.height, p->data.width, p->data.channels }, classes, NULL));
    da_trainer_options defaults = da_trainer_for(name, &p->data);
    int64_t epochs = cli_given(run, "epochs") ? cli_int(run, "epochs") : defaults.epochs;
    double share = cli_real(run, "share") * (double)images_of(&p->data, classes);
    p->cost[number] = da_sweep_operations(model, (int64_t)(share + 0.5), epochs, images_of(&p->test, classes),
                                          cli_int(run, "similarity-batch"));
    p->operations += p->cost[number];
    if (!done) p->left += p->cost[number];
    da_model_free(model);
    return DA_OK;
}

/* ---- How fast is this machine? ---- */

enum { WARM_STEPS = 2, LEAST_STEPS = 3 };
#define MEASURED_SECONDS 2.0

typedef struct meter {
    int64_t steps;
    double begin, seconds;
    volatile sig_atomic_t enough;
} meter;

static void after_step(void *context, const da_progress *progress) {
    meter *m = context;
    if (progress->epoch_done || m->enough) return;
    if (++m->steps == WARM_STEPS) m->begin = da_seconds();
    if (m->steps < WARM_STEPS + LEAST_STEPS) return;
    m->seconds = da_seconds() - m->begin;
    m->enough = m->seconds >= MEASURED_SECONDS;
}

/* The run whose cost is nearest to the mean: small networks are slower, large ones take long to measure. */
static int64_t average_run(const planner *p) {
    int64_t runs = da_grid_runs(&p->grid), best = 0;
    double mean = p->operations / (double)runs;
    for (int64_t i = 1; i < runs; i++)
        if (fabs(p->cost[i] - mean) < fabs(p->cost[best] - mean)) best = i;
    return best;
}

/* Multiply-adds a second and thread when that network trains on images of its set. */
static da_status measure_speed(planner *p, double *speed) {
    char name[DA_SWEEP_NAME];
    da_model *model = NULL;
    meter m = { 0 };
    make_words(p, average_run(p));
    DA_TRY(parse_words(p));
    DA_TRY(load(p));
    sweep_network(&p->run, name);
    cli_note(p->c, "measuring how fast %s trains here, with %s", name, da_count(da_threads(), "thread").text);
    da_trainer_options o = da_trainer_for(name, &p->data);
    DA_TRY(cli_model_build(&p->run, &model, name, &p->data));
    if (o.batch > p->data.count) o.batch = p->data.count;
    da_dataset whole = p->data; /* whole batches only, so that steps are equal */
    whole.count -= whole.count % o.batch;
    o.epochs = 1000000;
    o.schedule = (da_schedule){ .kind = DA_CONSTANT, .rate = 1e-4f };
    o.stop = &m.enough;
    o.progress = after_step;
    o.context = &m;
    da_model_size size;
    da_status status = da_train(model, &whole, &o, NULL);
    if (status == DA_ERROR_INTERRUPTED && m.enough) status = da_model_measure(model, &size, NULL);
    if (status == DA_OK)
        *speed = 3.0 * (double)size.multiply_adds * (double)o.batch * (double)(m.steps - WARM_STEPS) / m.seconds /
                 da_threads();
    da_model_free(model);
    return status;
}

/* ---- The command ---- */

/* Absolute, so that the lines work from anywhere; a program that was found by $PATH will be again. */
static da_status absolute(char out[DA_SWEEP_PATH], const char *path) {
    char here[DA_SWEEP_PATH / 2];
    int length;
    if (path[0] == '/') length = snprintf(out, DA_SWEEP_PATH, "%s", path);
    else if (!getcwd(here, sizeof here)) return DA_FAIL(DA_ERROR_IO, "this directory has no name that fits");
    else length = snprintf(out, DA_SWEEP_PATH, "%s/%s", here, path);
    return length < DA_SWEEP_PATH ? DA_OK : DA_FAIL(DA_ERROR_ARGUMENT, "the path '%.60s...' is too long", path);
}

static da_status plan_one(planner *p, int64_t number) {
    char id[DA_SWEEP_ID], path[DA_SWEEP_PATH];
    make_words(p, number);
    DA_TRY(parse_words(p));
    DA_TRY(sweep_id(&p->run, id));
    DA_TRY(da_sweep_path(path, p->dir, id, ".json"));
    bool done = da_file_exists(path);
    p->finished += done;
    DA_TRY(add_cost(p, number, done));
    return add_line(p, id);
}

static da_status conclude(planner *p, double speed, bool measured) {
    cli *c = p->c;
    char path[DA_SWEEP_PATH];
    int64_t runs = da_grid_runs(&p->grid);
    if (snprintf(path, sizeof path, "%s/plan.txt", p->dir) >= (int)sizeof path)
        return DA_FAIL(DA_ERROR_ARGUMENT, "--dir is too long");
    DA_TRY(da_file_save(path, da_text_string(&p->lines), p->lines.length));
    double hours = p->operations / speed / 3600, left = p->left / speed / 3600;
    cli_print(c, "%s, %lld of them finished: %s\n", da_count(runs, "run").text, (long long)p->finished, path);
    cli_print(c, "%.4g multiply-adds; at %.3g a second and core (%s) %.3g core-hours, of which %.3g are left\n",
              p->operations, speed, measured ? "measured" : "given", hours, left);
    cli_put_text(c, "plan", path);
    cli_put_int(c, "runs", runs);
    cli_put_int(c, "finished", p->finished);
    cli_put_real(c, "multiply_adds", p->operations);
    cli_put_real(c, "speed", speed);
    cli_put_real(c, "core_hours", hours);
    cli_put_real(c, "core_hours_left", left);
    return DA_OK;
}

static da_status make_plan(planner *p) {
    cli *c = p->c;
    DA_TRY(make_grid(c, &p->grid));
    DA_TRY(absolute(p->dir, cli_text(c, "dir")));
    DA_TRY(strchr(c->argv[0], '/') ? absolute(p->program, c->argv[0]) : DA_OK);
    if (!p->program[0]) snprintf(p->program, sizeof p->program, "%s", c->argv[0]);
    int threads = cli_given(c, "threads") ? (int)cli_int(c, "threads") : 1;
    snprintf(p->threads, sizeof p->threads, "%d", threads);
    da_threads_set(threads);
    DA_TRY(da_directory_make(p->dir));
    int64_t runs = da_grid_runs(&p->grid);
    p->cost = da_alloc_zero((size_t)runs, sizeof *p->cost);
    if (!p->cost) return DA_ERROR_MEMORY;
    for (int64_t i = 0; i < runs; i++) {
        DA_TRY(plan_one(p, i));
        cli_progress(c, "planning", i + 1, runs);
    }
    cli_progress_end(c);
    double speed = 1e9 * cli_real(c, "speed");
    bool measured = !cli_given(c, "speed");
    if (measured) DA_TRY(measure_speed(p, &speed));
    return conclude(p, speed, measured);
}

static da_status run(cli *c) {
    planner *p = da_alloc_zero(1, sizeof *p); /* a cli is too large for the stack of a small machine */
    if (!p) return DA_ERROR_MEMORY;
    p->c = c;
    da_status status = make_plan(p);
    da_text_free(&p->lines);
    da_grid_free(&p->grid);
    da_free(p->loaded);
    da_free(p->cost);
    da_dataset_free(&p->data);
    da_dataset_free(&p->test);
    run_forget(&p->run);
    da_free(p);
    return status;
}

static const cli_option options[] = {
    { .name = "dir", .kind = CLI_TEXT, .value = "DIR", .required = true,
      .help = "of the sweep: plan.txt is written there, results go to DIR/runs" },
    { .name = "preset", .kind = CLI_CHOICE, .value = "none|smoke|laptop|paper", .initial = "none",
      .help = "two minutes, an hour, or the 1,250 networks of the paper" },
    { .name = "data", .kind = CLI_TEXT, .value = "D",
      .help = "digits, mnist, cifar10, ..., or a path (smoke: digits, laptop: mnist, paper: cifar10)" },
    { .name = "data-dir", .kind = CLI_TEXT, .value = "DIR", .help = "look there first for sets that are named" },
    { .name = "grid", .kind = CLI_TEXT, .value = "NAME=V,V", .repeats = true,
      .help = "a setting of `sweep run` and its values; may be given often" },
    { .name = "speed", .kind = CLI_REAL, .value = "G", .low = 1e-3, .high = 1e6,
      .help = "10^9 multiply-adds a second and core, for the estimate (measured here)" },
    { .name = NULL }
};

const cli_command cli_sweep_plan = {
    .name = "sweep plan", .purpose = "write a grid of experiments as lines that run anywhere", .arguments = "",
    .example = "sweep plan --preset smoke --grid depth=8,14 --grid seed=1,2 --dir build/sweep",
    .notes = "Writes DIR/plan.txt, one independent command a line, and says what all of them cost. Run it with one of\n"
             "    sh DIR/plan.txt\n"
             "    tr '\\n' '\\0' < DIR/plan.txt | xargs -0 -P 2 -n 1 sh -c\n"
             "    parallel -j 2 < DIR/plan.txt\n"
             "or as a Slurm array (deeparc/experiments/README.md). Lines that are finished are skipped.\n"
             "A --grid replaces the preset's values of that setting; one value fixes it. Values that are lists\n"
             "themselves stand between semicolons: --grid 'augment=none;crop4,flip'. Of --threshold, a run takes a\n"
             "whole list: --grid threshold=0.9,0.95. Each run uses --threads N threads, 1 unless given.",
    .options = options, .run = run
};
