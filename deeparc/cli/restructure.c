/* deeparc restructure: cuts units out of a model and saves what is left, a smaller model.
 *
 *     --remove NAMES, --module A:B    these units, or a reason why they cannot go
 *     --similarity FILE ...           redundant ones, by Algorithms 1 and 2; with --data verified on held-out samples
 */
#include "deeparc/cli/matrix.h"
#include "deeparc/cli/record.h"
#include "deeparc/restructure.h"

#include "core/memory.h"
#include "layers/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct version { /* one column of the result */
    const da_model *model;
    da_model_size   size;
    int64_t         file_bytes;
    char            hash[65];
    da_evaluation   test;      /* only with --data */
} version;

typedef struct surgery {
    cli       *c;
    da_dataset train, test;    /* empty without --data */
    da_model  *model, *left;
    matrix     matrix;         /* of --similarity */
    da_choice  choice;         /* its verdicts */
    char     **layers;         /* unit of each row of the matrix, one block */
    int64_t    seen;           /* held-out images that the model was trained on; -1: unknown */
    bool      *near;           /* units of `left` beside a cut */
    version    before, after;
} surgery;

/* ---- Which units go ---- */

/* --module A:B means all units from A to B. */
static da_status take_module(cli *c, const da_model *model, char *range, const char **names, int *count) {
    char *colon = strchr(range, ':');
    if (!colon)
        return cli_usage(c, "--module '%s' must be two unit names, the first and the last: layer1.1:layer1.2", range);
    *colon = '\0';
    int first = da_model_find(model, range), last = da_model_find(model, colon + 1);
    if (first < 0 || last < 0) return DA_ERROR_NOT_FOUND;
    if (last < first) return cli_usage(c, "--module: '%s' lies behind '%s'", range, colon + 1);
    for (int i = first; i <= last; i++) names[(*count)++] = model->units[i]->name;
    return DA_OK;
}

static da_status remove_named(surgery *s) {
    cli_names removed = { 0 }, modules = { 0 };
    int count = 0;
    da_status status = cli_has(s->c, "remove") ? cli_names_split(s->c, &removed, "remove") : DA_OK;
    if (status == DA_OK && cli_has(s->c, "module")) status = cli_names_split(s->c, &modules, "module");
    const char **names = status != DA_OK ? NULL
        : da_alloc((size_t)(removed.count + modules.count * s->model->unit_count) * sizeof *names);
    if (status == DA_OK && !names) status = DA_ERROR_MEMORY;
    if (status == DA_OK)
        for (int i = 0; i < removed.count; i++) names[count++] = removed.items[i];
    for (int i = 0; i < modules.count && status == DA_OK; i++)
        status = take_module(s->c, s->model, modules.items[i], names, &count);
    if (status == DA_OK) status = da_restructure_remove(s->model, names, count, &s->left);
    da_free(names);
    cli_names_free(&modules);
    cli_names_free(&removed);
    return status;
}

static void progress(void *context, int64_t done, int64_t candidates) {
    cli_progress(context, "verifying", done, candidates);
}

/* Says loudly that held-out images were trained on, or that nobody knows. */
static da_status check_held_out(surgery *s, const da_choice_options *o) {
    cli *c = s->c;
    const da_history *history = &s->model->history;
    DA_TRY(da_restructure_seen(s->model, o, &s->seen));
    if (s->seen == 0) return DA_OK;
    if (s->seen < 0) {
        cli_note(c, "whether the %lld held-out images were trained on is unknown: '%s' records %s", (long long)o->validation,
                 c->arguments[0], history->training_count ? "a training on more images" : "no training");
        return DA_OK;
    }
    const da_training_record *t = &history->trainings[0];
    cli_note(c, "WARNING: %lld of the %lld held-out images were trained on, so that what they verify looks better than it "
                "is: training held out %lld of %lld images by seed %llu. Train with --validation N, and give the same "
                "--validation, --seed and --limit here", (long long)s->seen, (long long)o->validation,
             (long long)t->validation, (long long)t->images, (unsigned long long)t->seed);
    return DA_OK;
}

static void put_verification(const surgery *s, da_result *to) {
    const da_choice *choice = &s->choice;
    da_result_put(to, "held_out_samples", da_whole(choice->samples));
    da_result_put(to, "held_out_accuracy", da_real(choice->accuracy));
    da_result_put(to, "held_out_trained_on", s->seen < 0 ? da_word(NULL) : da_real((double)s->seen));
    da_result_say(to, "; verified on %lld held-out training images, %.2f %% before", (long long)choice->samples,
                  100 * choice->accuracy);
    if (s->seen < 0) da_result_say(to, ", unknown whether trained on");
    if (s->seen > 0) da_result_say(to, ", %lld OF THEM TRAINED ON", (long long)s->seen);
}

static void put_choice(const surgery *s, da_result *to) {
    static const da_column columns[] = {
        { .key = "unit", .label = "unit" }, { .key = "layer" }, { .key = "multiply_adds" },
        { .label = "multiply-adds left", .format = "%.1", .unit = "%" },
        { .key = "held_out_accuracy", .label = "held-out accuracy", .format = "%.2", .unit = "%" },
        { .key = "verdict", .label = "verdict" } };
    const da_choice *choice = &s->choice;
    matrix_result(s->c, to, s->layers, &s->matrix.partition);
    matrix_put_split(&s->matrix, to);
    da_result_say(to, "\nlayers that repeat their module, in the order of Algorithm 2");
    if (choice->samples > 0) put_verification(s, to);
    da_result_say(to, ":\n");
    da_result *table = da_result_table(to, "candidates", columns, 6);
    for (int i = 0; i < choice->count; i++) {
        const da_candidate *k = &choice->candidates[i];
        double left = (double)k->multiply_adds / (double)choice->multiply_adds;
        da_row(table, da_word(s->layers[k->layer]), da_whole(k->layer), da_whole(k->multiply_adds),
               da_real(left > 0 ? left : (double)NAN), da_real(k->accuracy), da_word(da_verdict_text(k->verdict)));
    }
    da_result_say(to, "\n");
}

static da_status remove_redundant(surgery *s) {
    cli *c = s->c;
    da_choice_options o = { .data = s->train.images ? &s->train : NULL,
                            .validation = cli_int(c, "validation"),
                            .seed = c->seed,
                            .max_drop = cli_real(c, "max-drop"),
                            .enough = cli_real(c, "enough"),
                            .progress = progress,
                            .context = c };
    if (o.data) DA_TRY(check_held_out(s, &o));
    da_status status =
        da_restructure_choose(s->model, &s->matrix.partition, (const char *const *)s->layers, &o, &s->choice);
    cli_progress_end(c);
    DA_TRY(status);
    run_note_setting(c, "validation", "%lld", (long long)s->choice.samples);
    if (s->choice.removed == 0) {
        put_choice(s, c->result);
        c->whole = true; /* what each candidate costs is a result */
        return DA_FAIL(DA_ERROR_NOT_FOUND,
                       "'%s' has no redundant layer at threshold %g, linkage %s%s: lower the threshold%s",
                       c->arguments[0], cli_real(c, "threshold"), cli_text(c, "linkage"),
                       o.data ? " that can go within --max-drop" : "", o.data ? " or allow a larger drop" : "");
    }
    if (!s->matrix.split[0])
        cli_note(c, "whether '%s' was measured on training or test images is unknown: no record says so",
                 cli_text(c, "similarity"));
    s->left = s->choice.model;
    s->choice.model = NULL;
    return DA_OK;
}

/* ---- Results ---- */

static da_status measure_version(surgery *s, version *v, da_model *model, const char *path) {
    v->model = model;
    v->file_bytes = record_file_size(path);
    DA_TRY(da_model_measure(model, &v->size, NULL));
    DA_TRY(da_model_hash(model, -1, v->hash));
    return s->test.images ? da_evaluate(model, &s->test, 256, NULL, &v->test) : DA_OK;
}

static void put_version(const surgery *s, const char *key, const version *v) {
    da_result *to = da_result_object(s->c->result, key);
    da_result_put(to, "architecture", da_word(v->model->architecture));
    da_result_put(to, "units", da_whole(v->model->unit_count));
    da_result_put(to, "parameters", da_whole(v->size.parameters));
    da_result_put(to, "multiply_adds", da_whole(v->size.multiply_adds));
    da_result_put(to, "file_bytes", da_whole(v->file_bytes));
    da_result_put(to, "hash", da_digest(v->hash));
    if (!s->test.images) return;
    da_result_put(to, "accuracy", da_real(v->test.accuracy));
    da_result_put(to, "loss", da_real(v->test.loss));
    da_result_put(to, "evaluation_seconds", da_real(v->test.seconds));
}

static bool is_gone(const surgery *s, int unit) {
    for (int i = 0; i < s->left->unit_count; i++)
        if (strcmp(s->left->units[i]->name, s->model->units[unit]->name) == 0) return false;
    return true;
}

static bool is_near(const surgery *s, int unit) { return s->near[unit]; }

static void put_names(const surgery *s, const char *key, const da_model *model,
                      bool (*wanted)(const surgery *, int)) {
    da_result *r = s->c->result, *list = da_result_list(r, key);
    char label[16];
    const char *comma = "";
    snprintf(label, sizeof label, "%s:", key);
    da_result_say(r, "%-12s", label);
    for (int i = 0; i < model->unit_count; i++) {
        if (!wanted(s, i)) continue;
        da_result_put(list, NULL, da_word(model->units[i]->name));
        da_result_say(r, "%s%s", comma, model->units[i]->name);
        comma = ",";
    }
    da_result_say(r, "\n");
}

static void compare(da_result *table, const char *what, int64_t before, int64_t after) {
    da_row(table, da_word(what), da_whole(before), da_whole(after),
           da_real(before > 0 ? (double)after / (double)before - 1 : 0.0));
}

/* What the two objects of the record come to, side by side. */
static void show_versions(const surgery *s, da_result *to) {
    static const da_column sizes[] = { { .label = "", .width = 15 }, { .label = "before", .width = 14 },
                                       { .label = "after", .width = 13 }, { .label = "change", .format = "+%.1", .unit = "%" } };
    static const da_column accuracies[] = { { .label = "", .width = 15 }, { .label = "", .format = "%.2", .unit = "%", .width = 14 },
                                            { .label = "", .format = "%.2", .unit = "%", .width = 13 },
                                            { .label = "", .format = "+%.2", .unit = "points" } };
    const version *before = &s->before, *after = &s->after;
    da_result *table = da_result_table(to, NULL, sizes, 4);
    compare(table, "units", before->model->unit_count, after->model->unit_count);
    compare(table, "parameters", before->size.parameters, after->size.parameters);
    compare(table, "multiply-adds", before->size.multiply_adds, after->size.multiply_adds);
    compare(table, "bytes on disk", before->file_bytes, after->file_bytes);
    if (!s->test.images) return;
    table = da_result_table(to, NULL, accuracies, 4);
    da_row(table, da_word("test accuracy"), da_real(before->test.accuracy), da_real(after->test.accuracy),
           da_real(after->test.accuracy - before->test.accuracy));
}

static void put_result(const surgery *s) {
    da_result *r = s->c->result;
    if (s->test.images) {
        da_result_put(r, "data", da_word(s->test.name));
        da_result_put(r, "samples", da_whole(s->before.test.samples));
        record_put_images(r, "test_images", &s->test);
    }
    if (s->matrix.values) put_choice(s, r);
    da_result *chain = da_result_list(r, "chain");
    for (int i = 0; i < s->model->unit_count; i++) da_result_put(chain, NULL, da_word(s->model->units[i]->name));
    put_names(s, "removed", s->model, is_gone);
    put_names(s, "neighbours", s->left, is_near);
    da_result_say(r, "\n");
    show_versions(s, r);
    put_version(s, "before", &s->before);
    put_version(s, "after", &s->after);
    da_result_put(r, "hash", da_digest(s->after.hash));
    da_result_say(r, "sha256:%s\n", s->after.hash);
}

/* ---- The command ---- */

static da_status check_options(cli *c) {
    static const char *const choosing[] = { "threshold", "linkage", "names", "enough", "max-drop", "validation",
                                            "limit", "seed", NULL };
    static const char *const measuring[] = { "data-dir", "normalize", "max-drop", "validation", "limit", "test-limit",
                                            "seed", NULL };
    bool named = cli_has(c, "remove") || cli_has(c, "module");
    if (named == cli_has(c, "similarity"))
        return cli_usage(c, "say which units go: --remove NAMES, --module FIRST:LAST, or --similarity FILE.csv to "
                            "choose them");
    if (named) DA_TRY(cli_needless(c, choosing, "units are named, not chosen by --similarity"));
    if (!cli_has(c, "data")) DA_TRY(cli_needless(c, measuring, "there is no --data to verify with"));
    return DA_OK;
}

/* Everything that can be refused without data comes before them. */
static da_status load(surgery *s) {
    cli *c = s->c;
    bool choose = cli_has(c, "similarity");
    DA_TRY(cli_model_open(c, &s->model, c->arguments[0]));
    if (cli_has(c, "data")) DA_TRY(cli_model_normalize(c, s->model, c->arguments[0]));
    if (choose) {
        DA_TRY(matrix_open(c, &s->matrix));
        DA_TRY(matrix_units(c, &s->matrix, s->model, &s->layers));
    } else {
        DA_TRY(remove_named(s));
    }
    if (!cli_has(c, "data")) return DA_OK;
    if (choose) DA_TRY(cli_data_load_parts(c, &s->train, &s->test));
    else DA_TRY(cli_data_load(c, &s->test, DA_TEST, cli_int(c, "test-limit")));
    return da_feed_check(s->model, &s->test);
}

static da_status operate(surgery *s) {
    cli *c = s->c;
    DA_TRY(check_options(c));
    DA_TRY(load(s));
    if (cli_has(c, "similarity")) DA_TRY(remove_redundant(s));
    else run_note_setting(c, "validation", "0"); /* units that are named need no images */
    s->near = da_alloc_zero((size_t)s->left->unit_count, sizeof *s->near);
    if (!s->near) return DA_ERROR_MEMORY;
    da_restructure_neighbours(s->model, s->left, s->near);
    DA_TRY(measure_version(s, &s->before, s->model, c->arguments[0]));
    DA_TRY(cli_model_save(c, s->left, cli_text(c, "out")));
    DA_TRY(measure_version(s, &s->after, s->left, cli_text(c, "out")));
    put_result(s);
    return DA_OK;
}

static da_status restructure_run(cli *c) {
    surgery s = { .c = c };
    da_status status = operate(&s);
    da_free(s.near);
    da_free(s.layers);
    da_choice_free(&s.choice);
    matrix_free(&s.matrix);
    da_model_free(s.left);
    da_model_free(s.model);
    da_dataset_free(&s.test);
    da_dataset_free(&s.train);
    return status;
}

static const cli_option options[] = {
    { .name = "out", .kind = CLI_TEXT, .value = "FILE", .file = CLI_WRITES,
      .required = true, .help = "save what is left as .safetensors" },
    { .name = "remove", .kind = CLI_TEXT, .value = "NAME,...", .help = "remove these units" },
    { .name = "module", .kind = CLI_TEXT, .value = "A:B,...", .help = "remove all units from A to B" },
    { .name = "similarity", .kind = CLI_TEXT, .value = "FILE.csv", .file = CLI_READS,
      .help = "choose redundant units by this matrix" },
    MATRIX_MODULES,
    MATRIX_NAMES,
    { .name = "enough", .kind = CLI_REAL, .value = "S", .initial = "0", .low = 0, .high = 0.999,
      .help = "stop choosing once this share of the multiply-adds is gone; 0: never" },
    { .name = "max-drop", .kind = CLI_REAL, .value = "X", .initial = "0.02", .low = 0, .high = 1,
      .help = "keep a unit without which held-out accuracy falls by more than X in all: 0.02 is two points" },
    { .name = "data", .kind = CLI_TEXT, .value = "D",
      .help = "training images verify the choice, test images tell the accuracy before and after" },
    { .name = "data-dir", .kind = CLI_TEXT, .value = "DIR", .help = "look there first for sets that are named" },
    { .name = "normalize", .kind = CLI_TEXT, .value = "HOW", .help = "as in eval: replaces what the model records" },
    { .name = "validation", .kind = CLI_INT, .value = "N", .initial = "5000", .low = 1, .high = 1e9,
      .help = "training images to verify with: those 'train --validation N' holds out for the same seed" },
    { .name = "limit", .kind = CLI_INT, .value = "N", .initial = "0", .low = 0, .high = 1e9,
      .help = "use the first N training images only; 0: all" },
    { .name = "test-limit", .kind = CLI_INT, .value = "N", .initial = "0", .low = 0, .high = 1e9,
      .help = "test on the first N test images only; 0: all" },
    RECORD_OPTION,
    { .name = NULL }
};

const cli_command cli_restructure = {
    .name = "restructure", .purpose = "remove redundant layers for real", .arguments = "MODEL", .file = CLI_READS,
    .tables = CLI_SEED,
    .example = "restructure resnet20.safetensors --similarity cka.csv --data mnist --out small.safetensors",
    .notes = "Or: deeparc restructure resnet20.safetensors --remove layer1.1,layer1.2 --out small.safetensors\n"
             "A unit can go when the shapes before and after it are equal. Test images never take part in the choice, unless\n"
             "the matrix was measured on them, which is said where a record tells.",
    .options = options, .run = restructure_run
};
