/* deeparc retrain: some units learn, and hashes prove that nothing else has moved. */
#include "deeparc/cli/record.h"

#include "core/number.h"
#include "deeparc/restructure.h"
#include "deeparc/retrain.h"
#include "deeparc/text.h"

#include "core/memory.h"
#include "layers/checkpoint.h"

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

static void put_units(const result *r, da_json_writer *to) {
    da_json_key(to, "units");
    da_json_begin_array(to);
    for (int i = 0; i < r->proof.unit_count; i++) {
        const da_unit_proof *unit = &r->proof.units[i];
        if (unit->values == 0) continue;
        da_json_begin_object(to);
        record_text(to, "name", r->model->units[i]->name);
        record_int(to, "values", unit->values);
        da_json_key(to, "trained");
        da_json_put_bool(to, unit->trained);
        da_json_key(to, "moved");
        da_json_put_bool(to, da_unit_moved(unit));
        record_hash(to, "before", unit->before);
        record_hash(to, "after", unit->after);
        da_json_end(to);
    }
    da_json_end(to);
}

static void members(const void *context, da_json_writer *to) {
    const result *r = context;
    record_text(to, "architecture", r->model->architecture);
    record_text(to, "data", r->test->name);
    record_text(to, "trained", r->named);
    record_int(to, "values_trained", r->proof.values_trained);
    record_int(to, "values_frozen", r->proof.values_frozen);
    record_int(to, "moved", r->proof.moved);
    record_int(to, "unmoved", r->proof.unmoved);
    record_int(to, "samples", r->after.samples);
    record_images(to, "test_images", r->test);
    record_hash(to, "hash_before", r->hash_before);
    record_real(to, "accuracy_before", r->before.accuracy);
    record_real(to, "accuracy", r->after.accuracy);
    record_real(to, "loss_before", r->before.loss);
    record_real(to, "loss", r->after.loss);
    record_real(to, "seconds", r->training.seconds);
    record_real(to, "evaluation_seconds", r->after.seconds);
    record_int(to, "steps", r->training.steps);
    record_int(to, "parameters", r->size.parameters);
    record_int(to, "multiply_adds", r->size.multiply_adds);
    record_int(to, "file_bytes", r->file_bytes);
    record_hash(to, "hash", r->hash);
    record_epochs(to, &r->training);
    put_units(r, to);
}

static void print(const result *r) {
    cli *c = r->c;
    int64_t values = r->proof.values_trained + r->proof.values_frozen;
    cli_print(c, "%-14s %-18s %s\n", "unit", "sha256 before", "after");
    for (int i = 0; i < r->proof.unit_count; i++) {
        const da_unit_proof *unit = &r->proof.units[i];
        if (unit->values == 0) continue;
        cli_print(c, "%-14s %.16s   %.16s   %s\n", r->model->units[i]->name, unit->before, unit->after,
                  da_unit_moved(unit) ? "trained" : unit->trained ? "trained, unmoved" : "unmoved");
    }
    cli_print(c, "unmoved: %s, bit for bit; moved: %s\n", da_count(r->proof.unmoved, "unit").text,
              da_count(r->proof.moved, "unit").text);
    if (r->near.length > 0) cli_print(c, "neighbours of what was cut: %s\n", r->named);
    cli_print(c, "trained   %lld of %s (%.1f %%), %s in %.1f s\n", (long long)r->proof.values_trained,
              da_count(values, "value").text, 100 * (double)r->proof.values_trained / (double)values,
              da_count(r->training.steps, "step").text, r->training.seconds);
    cli_print(c, "accuracy  %.2f %% before, %.2f %% after  (%s)\n", 100 * r->before.accuracy,
              100 * r->after.accuracy, da_count(r->after.samples, "test image").text);
    cli_print(c, "sha256:%s\n", r->hash);
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
    cli_aside(r->c, record_write(r->c, members, r));
    print(r);
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
