/* deeparc retrain: some units learn, and hashes prove that nothing else has moved. */
#include "deeparc/cli/record.h"

#include "core/number.h"
#include "deeparc/restructure.h"
#include "deeparc/retrain.h"
#include "deeparc/text.h"

#include "core/memory.h"
#include "layers/checkpoint.h"

#include <stdio.h>
#include <string.h>

typedef struct result {
    cli *c;
    const da_model *model;
    da_model *original;      /* as it was: evaluated when nothing can be refused any more */
    const da_dataset *test;
    const char *named;       /* the units that learn, "layer1.0,layer2.0" or "all" */
    da_text near;            /* them, for --units neighbours */
    cli_names units;         /* the same; none: all */
    da_evaluation before, after;
    da_training_result training;
    da_retrain_proof proof;
    da_model_size size;
    int64_t file_bytes;
    char hash[65], hash_before[65];
} result;

/* ---- Results ---- */

/* In records what moved is two flags, in the terminal a word, and a digest its first half. */
static void put_units(const result *r, da_result *to) {
    static const da_column columns[] = {
        { .key = "name", .label = "unit" }, { .key = "values" }, { .key = "trained" }, { .key = "moved" },
        { .key = "before" }, { .key = "after" }, { .label = "sha256 before" }, { .label = "after" }, { .label = "" } };
    da_result *table = da_result_table(to, "units", columns, sizeof columns / sizeof *columns);
    for (int i = 0; i < r->proof.unit_count; i++) {
        const da_unit_proof *unit = &r->proof.units[i];
        const bool moved = da_unit_moved(unit);
        char before[17], after[17];
        if (unit->values == 0) continue;
        snprintf(before, sizeof before, "%.16s", unit->before);
        snprintf(after, sizeof after, "%.16s", unit->after);
        da_row(table, da_word(r->model->units[i]->name), da_whole(unit->values), da_flag(unit->trained), da_flag(moved),
               da_digest(unit->before), da_digest(unit->after), da_word(before), da_word(after),
               da_word(moved ? "trained" : unit->trained ? "trained, unmoved" : "unmoved"));
    }
}

static void put_proof(const result *r, da_result *to) {
    const int64_t values = r->proof.values_trained + r->proof.values_frozen;
    da_result_put(to, "values_trained", da_whole(r->proof.values_trained));
    da_result_put(to, "values_frozen", da_whole(r->proof.values_frozen));
    da_result_put(to, "moved", da_whole(r->proof.moved));
    da_result_put(to, "unmoved", da_whole(r->proof.unmoved));
    da_result_say(to, "unmoved: %s, bit for bit; moved: %s\n", da_count(r->proof.unmoved, "unit").text,
                  da_count(r->proof.moved, "unit").text);
    if (r->near.length > 0) da_result_say(to, "neighbours of what was cut: %s\n", r->named);
    da_result_say(to, "trained   %lld of %s (%.1f %%), %s in %.1f s\n", (long long)r->proof.values_trained,
                  da_count(values, "value").text, 100 * (double)r->proof.values_trained / (double)values,
                  da_count(r->training.steps, "step").text, r->training.seconds);
}

static void put(const result *r) {
    da_result *to = r->c->result;
    da_result_put(to, "architecture", da_word(r->model->architecture));
    da_result_put(to, "data", da_word(r->test->name));
    da_result_put(to, "trained", da_word(r->named));
    put_units(r, to);
    put_proof(r, to);
    da_result_put(to, "samples", da_whole(r->after.samples));
    record_put_images(to, "test_images", r->test);
    da_result_put(to, "hash_before", da_digest(r->hash_before));
    da_result_put(to, "accuracy_before", da_real(r->before.accuracy));
    da_result_put(to, "accuracy", da_real(r->after.accuracy));
    da_result_put(to, "loss_before", da_real(r->before.loss));
    da_result_put(to, "loss", da_real(r->after.loss));
    da_result_put(to, "seconds", da_real(r->training.seconds));
    da_result_put(to, "evaluation_seconds", da_real(r->after.seconds));
    da_result_put(to, "steps", da_whole(r->training.steps));
    da_result_put(to, "parameters", da_whole(r->size.parameters));
    da_result_put(to, "multiply_adds", da_whole(r->size.multiply_adds));
    da_result_put(to, "file_bytes", da_whole(r->file_bytes));
    da_result_put(to, "hash", da_digest(r->hash));
    record_put_epochs(to, &r->training);
    da_result_say(to, "accuracy  %.2f %% before, %.2f %% after  (%s)\n", 100 * r->before.accuracy,
                  100 * r->after.accuracy, da_count(r->after.samples, "test image").text);
    da_result_say(to, "sha256:%s\n", r->hash);
}

/* ---- The command ---- */

static da_trainer_options defaults(void) {
    da_trainer_options o = da_trainer_defaults();
    o.epochs = 1;
    o.optimizer.nesterov = true;
    o.optimizer.weight_decay = 5e-4f;
    o.schedule = (da_schedule){ .kind = DA_ONE_CYCLE, .rate = 0.05f };
    return o;
}

static da_status find_neighbours(result *r) {
    bool *near = da_alloc_zero((size_t)r->model->unit_count, sizeof *near);
    da_status status = near ? da_restructure_cuts(r->model, near) : DA_ERROR_MEMORY;
    for (int i = 0; i < r->model->unit_count && status == DA_OK; i++)
        if (near[i]) da_text_printf(&r->near, "%s%s", r->near.length > 0 ? "," : "", r->model->units[i]->name);
    da_free(near);
    r->named = da_text_string(&r->near);
    if (status == DA_ERROR_NOT_FOUND)
        return cli_usage(r->c, "--units neighbours: %s; name the units, 'deeparc summary %s' lists them",
                         da_error_message(), r->c->arguments[0]);
    return status == DA_OK ? da_text_status(&r->near) : status;
}

static da_status choose_units(result *r) {
    r->named = cli_text(r->c, "units");
    if (strcmp(r->named, "all") == 0) return DA_OK;
    if (strcmp(r->named, "neighbours") == 0) DA_TRY(find_neighbours(r));
    return cli_names_read(r->c, &r->units, "units", r->named);
}

static da_status train_units(result *r, da_model *model, const da_dataset *data, const da_trainer_options *o) {
    da_status status =
        da_retrain(model, data, (const char *const *)r->units.items, r->units.count, o, &r->training, &r->proof);
    cli_progress_end(r->c);
    return status == DA_ERROR_INTERRUPTED ? cli_training_interrupted(r->c, o) : status;
}

static da_status retrain(result *r, da_model *model, const da_dataset *data) {
    da_trainer_options initial = defaults(), o;
    const char *out = cli_text(r->c, "out");
    DA_TRY(cli_training_options(r->c, &o, &initial, data->count));
    DA_TRY(da_model_hash(model, -1, r->hash_before));
    DA_TRY(da_model_copy(&r->original, model));
    DA_TRY(cli_model_sign(r->c, model));
    DA_TRY(train_units(r, model, data, &o));
    DA_TRY(cli_model_save(r->c, model, out));
    cli_training_saved(r->c, &o);
    cli_training_trouble(r->c, &r->training);
    DA_TRY(da_evaluate(r->original, r->test, 256, NULL, &r->before));
    DA_TRY(da_evaluate(model, r->test, 256, NULL, &r->after));
    DA_TRY(da_model_hash(model, -1, r->hash));
    DA_TRY(da_model_measure(model, &r->size, NULL));
    r->file_bytes = record_file_size(out);
    put(r);
    return DA_OK;
}

static da_status retrain_run(cli *c) {
    da_dataset data = { 0 }, test = { 0 };
    da_model *model = NULL;
    result r = { .c = c, .test = &test };
    const da_trainer_options initial = defaults();
    DA_TRY(cli_model_open(c, &model, c->arguments[0]));
    r.model = model;
    da_status status = cli_training_check(c, model, &initial);
    if (status == DA_OK) status = choose_units(&r);
    if (status == DA_OK) status = da_retrain_check(model, (const char *const *)r.units.items, r.units.count);
    if (status == DA_OK) status = cli_data_load_parts(c, &data, &test);
    if (status == DA_OK) status = da_feed_check(model, &test);
    if (status == DA_OK) status = retrain(&r, model, &data);
    cli_names_free(&r.units);
    da_text_free(&r.near);
    da_retrain_proof_free(&r.proof);
    da_training_result_free(&r.training);
    da_model_free(r.original);
    da_model_free(model);
    da_dataset_free(&test);
    da_dataset_free(&data);
    return status;
}

static const cli_option options[] = {
    { .name = "units", .kind = CLI_TEXT, .value = "NAME,...", .required = true,
      .help = "the units that learn: layer1.0,layer2.0; neighbours: those beside what was cut; all: every one" },
    { .name = "out", .kind = CLI_TEXT, .value = "FILE", .file = CLI_WRITES, .required = true,
      .help = "save the retrained model as .safetensors" },
    { .name = "test-limit", .kind = CLI_INT, .value = "N", .initial = "0", .low = 0, .high = 1e9,
      .help = "test on the first N test images only; 0: all" },
    RECORD_OPTION,
    { .name = NULL }
};

const cli_command cli_retrain = {
    .name = "retrain", .purpose = "train some units; prove that nothing else moves", .arguments = "MODEL",
    .file = CLI_READS,
    .tables = CLI_DATA | CLI_TRAINING | CLI_RESUMING, .options = options, .run = retrain_run,
    .example = "retrain small.safetensors --data mnist --units neighbours --epochs 1 --out repaired.safetensors",
    .notes = "Units that are not named take no gradient, no weight decay, no momentum, and their batch norms keep\n"
             "their running statistics. A SHA-256 of every unit before and after shows it; should one have moved,\n"
             "the command fails.\n"
             "Without other options: 1 epoch of sgd, Nesterov's momentum 0.9, one-cycle schedule up to rate 0.05."
};
