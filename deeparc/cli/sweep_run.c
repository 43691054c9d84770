/* deeparc sweep run: one network of a sweep, from its training to its modules. */
#include "deeparc/cli/record.h"
#include "deeparc/cli/sweep.h"

#include "core/csv.h"
#include "core/file.h"
#include "core/kernels/kernels.h"
#include "core/machine.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/parallel.h"
#include "core/sha256.h"
#include "datasets/subset.h"
#include "deeparc/measure.h"
#include "deeparc/partition.h"
#include "deeparc/text.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* ---- What a line asks for ---- */

bool sweep_is_place(const char *option) {
    static const char *const places[] = { "dir", "id", "data-dir", "threads", "kernels", "json", "quiet", "help" };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (strcmp(places[i], option) == 0) return true;
    return false;
}

/* "depth=14": numbers in one spelling, so that .5 and 0.50 are the same setting. */
static void add_setting(da_text *text, const cli_value *value) {
    char number[DA_NUMBER_TEXT];
    da_text_printf(text, "%s=", value->option->name);
    switch (value->option->kind) {
    case CLI_INT:
    case CLI_FLAG: da_text_printf(text, "%lld", (long long)value->integer); break;
    case CLI_REAL: da_text_append(text, da_number_text(number, value->real)); break;
    default:       da_text_append(text, value->text); break;
    }
}

/* All that the result depends on, defaults too, and the version, which may compute them otherwise. */
da_status sweep_id(const cli *c, char id[DA_SWEEP_ID]) {
    da_text text = { 0 };
    da_text_append(&text, "deeparc " DA_VERSION "\n");
    for (int i = 0; i < c->value_count; i++) {
        const cli_value *value = &c->values[i];
        if (!value->text || sweep_is_place(value->option->name)) continue;
        add_setting(&text, value);
        da_text_append(&text, "\n");
    }
    da_status status = da_text_status(&text);
    if (status == DA_OK) {
        da_sha256 s;
        char hex[65];
        da_sha256_init(&s);
        da_sha256_update(&s, text.bytes, text.length);
        da_sha256_hex(&s, hex);
        memcpy(id, hex, DA_SWEEP_ID - 1);
        id[DA_SWEEP_ID - 1] = '\0';
    }
    da_text_free(&text);
    return status;
}

void sweep_network(const cli *c, char name[DA_SWEEP_NAME]) {
    char width[DA_NUMBER_TEXT];
    double factor = cli_real(c, "width");
    da_number_text(width, factor);
    bool plain = strcmp(width, "1") == 0;
    snprintf(name, DA_SWEEP_NAME, "resnet%lld%s%s", (long long)cli_int(c, "depth"), plain ? "" : "x", plain ? "" : width);
}

void sweep_machine(char *text, size_t size) {
    struct utsname system;
    char processor[128] = "", line[4096];
    FILE *facts = fopen("/proc/cpuinfo", "r");
    while (facts && !processor[0] && fgets(line, sizeof line, facts)) {
        const char *colon = strncmp(line, "model name", 10) == 0 ? strchr(line, ':') : NULL;
        if (colon && colon[1]) snprintf(processor, sizeof processor, ", %.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
    }
    if (facts) fclose(facts);
    if (uname(&system) != 0) snprintf(text, size, "unknown%s", processor);
    else snprintf(text, size, "%s %s%s, %s", system.sysname, system.machine, processor,
                  da_count(da_machine_processors(), "processor").text);
}

/* ---- The result ---- */

typedef struct result {
    const cli *c;
    const char *id, *model, *data, *settings, *machine;
    int64_t samples, epochs, classes;
    double training_seconds, similarity_seconds;
    da_evaluation evaluation;
    const da_measurement *m;
    double thresholds[DA_SWEEP_THRESHOLDS];
    da_partition partitions[DA_SWEEP_THRESHOLDS];
    int cuts;
    char hash[65];
} result;

static void put_cuts(const result *r, da_json_writer *to) {
    da_json_key(to, "thresholds");
    da_json_begin_array(to);
    for (int t = 0; t < r->cuts; t++) {
        const da_partition *p = &r->partitions[t];
        da_modularity metric = da_partition_modularity(p);
        da_json_begin_object(to);
        record_real(to, "threshold", r->thresholds[t]);
        record_int(to, "modules", p->modules);
        record_real(to, "ratio", metric.ratio);
        record_real(to, "paper", metric.paper);
        record_real(to, "coverage", metric.coverage);
        da_json_key(to, "ranges");
        da_json_begin_array(to);
        for (int i = 0; i < p->modules; i++) {
            da_json_begin_array(to);
            da_json_put_int(to, p->module[i].begin);
            da_json_put_int(to, p->module[i].end);
            da_json_end(to);
        }
        da_json_end(to);
        da_json_end(to);
    }
    da_json_end(to);
}

static void members(const void *context, da_json_writer *to) {
    const result *r = context;
    record_text(to, "id", r->id);
    record_text(to, "version", DA_VERSION);
    record_text(to, "model", r->model);
    record_text(to, "data", r->data);
    record_int(to, "depth", cli_int(r->c, "depth"));
    record_real(to, "width", cli_real(r->c, "width"));
    record_real(to, "share", cli_real(r->c, "share"));
    record_int(to, "classes", r->classes);
    record_int(to, "seed", (int64_t)r->c->seed);
    record_text(to, "settings", r->settings);
    record_int(to, "trained_on", r->samples);
    record_int(to, "epochs", r->epochs);
    record_evaluation(to, &r->evaluation);
    record_hash(to, "hash", r->hash);
    record_text(to, "measure", "linear CKA, unbiased, on the test images");
    record_text(to, "tap", da_tap_name(r->m->options.tap));
    record_int(to, "similarity_batch", r->m->batch);
    record_text(to, "linkage", cli_text(r->c, "linkage"));
    record_int(to, "layers", r->m->layers);
    put_cuts(r, to);
    record_real(to, "training_seconds", r->training_seconds);
    record_real(to, "similarity_seconds", r->similarity_seconds);
    record_text(to, "kernels", da_kernels_active()->name);
    record_int(to, "threads", da_threads());
    record_text(to, "machine", r->machine);
}

static void print(cli *c, const result *r) {
    cli_print(c, "%s  %s, %s: %s of %s, seed %llu: accuracy %.2f %%, modules", r->id, r->model,
              r->data, da_count(r->samples, "image").text, da_count(r->classes, "class").text, (unsigned long long)c->seed,
              100 * r->evaluation.accuracy);
    for (int t = 0; t < r->cuts; t++) cli_print(c, " %d at %g%s", r->partitions[t].modules, r->thresholds[t],
                                                t < r->cuts - 1 ? "," : "");
    cli_print(c, " (%s), %.1f s\n", da_count(r->m->layers, "block").text, r->training_seconds + r->similarity_seconds);
}

/* The matrix first: the record is what says that the run is done. */
static da_status save(cli *c, const result *r) {
    char path[DA_SWEEP_PATH];
    const char *dir = cli_text(c, "dir");
    DA_TRY(da_sweep_path(path, dir, r->id, ".csv"));
    DA_TRY(da_csv_write(path, r->m->layers, r->m->layers, r->m->matrix, NULL));
    snprintf(c->facts.output, sizeof c->facts.output, "%s", path);
    DA_TRY(da_sweep_path(path, dir, r->id, ".json"));
    DA_TRY(record_save(c, path, members, r));
    print(c, r);
    return DA_OK;
}

/* ---- The run ---- */

static void progress(void *context, int64_t done, int64_t batches) {
    cli_progress(context, "measuring", done, batches);
}

/* What the line sets beyond the columns of the table: "epochs=20 augment=crop4,flip". */
static void describe_settings(const cli *c, da_text *text) {
    static const char *const columns[] = { "data", "depth", "width", "share", "classes", "seed", "threshold",
                                           "linkage", "tap" };
    for (int i = 0; i < c->value_count; i++) {
        const cli_value *value = &c->values[i];
        bool known = !value->given || sweep_is_place(value->option->name);
        for (size_t k = 0; k < sizeof columns / sizeof *columns; k++)
            known |= strcmp(columns[k], value->option->name) == 0;
        if (known) continue;
        if (text->length > 0) da_text_append(text, " ");
        add_setting(text, value);
    }
}

static da_status train(cli *c, da_model *model, const da_dataset *data, const char *checkpoint, result *r) {
    da_trainer_options defaults = da_trainer_for(model->architecture, data), o;
    DA_TRY(cli_training_options(c, &o, &defaults, data->count));
    o.checkpoint_path = checkpoint;
    o.resume = da_file_exists(checkpoint);
    da_training_result training = { 0 };
    DA_TRY(cli_model_sign(c, model));
    da_status status = da_train(model, data, &o, &training);
    cli_progress_end(c);
    for (int64_t e = 0; e < training.epoch_count; e++) r->training_seconds += training.epochs[e].seconds;
    cli_training_trouble(c, &training);
    r->epochs = o.epochs;
    da_training_result_free(&training);
    if (status == DA_ERROR_INTERRUPTED)
        return DA_FAIL(DA_ERROR_INTERRUPTED, "interrupted, what was done is in '%s': the same command continues",
                       checkpoint);
    return status;
}

static da_status measure(cli *c, da_model *model, const da_dataset *test, da_measurement *m, result *r) {
    double begin = da_seconds();
    da_measure_options options = { .layers = DA_MEASURE_BLOCKS, .tap = (da_tap)cli_choice(c, "tap"),
                                   .batch = cli_int(c, "similarity-batch"), .progress = progress, .context = c };
    da_status status = da_measure(model, test, &options, m);
    cli_progress_end(c);
    r->m = m;
    r->similarity_seconds = da_seconds() - begin;
    da_linkage linkage = (da_linkage)cli_choice(c, "linkage");
    for (int t = 0; t < r->cuts && status == DA_OK; t++)
        status = da_partition_extract(m->matrix, m->layers, r->thresholds[t], linkage, &r->partitions[t]);
    return status;
}

static da_status experiment(cli *c, da_model *model, const da_dataset *data, const da_dataset *test, result *r) {
    char checkpoint[DA_SWEEP_PATH], machine[256];
    da_measurement m = { 0 };
    da_text settings = { 0 };
    DA_TRY(da_sweep_path(checkpoint, cli_text(c, "dir"), r->id, ".partial"));
    DA_TRY(train(c, model, data, checkpoint, r));
    DA_TRY(da_evaluate(model, test, 256, NULL, &r->evaluation));
    DA_TRY(da_model_hash(model, -1, r->hash));
    DA_TRY(run_note_model(c, "", model));
    sweep_machine(machine, sizeof machine);
    describe_settings(c, &settings);
    da_status status = da_text_status(&settings);
    if (status == DA_OK) status = measure(c, model, test, &m, r);
    r->samples = data->count;
    r->classes = data->classes;
    r->data = data->name;
    r->machine = machine;
    r->settings = da_text_string(&settings);
    if (status == DA_OK) status = save(c, r);
    if (status == DA_OK) unlink(checkpoint);
    for (int t = 0; t < r->cuts; t++) da_partition_free(&r->partitions[t]);
    da_measurement_free(&m);
    da_text_free(&settings);
    return status;
}

static da_status cut(cli *c, da_dataset *data, da_dataset *test) {
    int classes = (int)cli_int(c, "classes");
    DA_TRY(da_dataset_cut(data, classes, cli_real(c, "share"), c->seed));
    DA_TRY(da_dataset_cut(test, classes, 1, c->seed));
    DA_TRY(run_note_data(c, cli_split_name(DA_TRAIN), data));
    return run_note_data(c, cli_split_name(DA_TEST), test);
}

static da_status do_run(cli *c, result *r) {
    char name[DA_SWEEP_NAME];
    da_dataset data = { 0 }, test = { 0 };
    da_model *model = NULL;
    sweep_network(c, name);
    r->model = name;
    cli_banner(c);
    da_status status = cli_data_load_parts(c, &data, &test);
    if (status == DA_OK) status = cut(c, &data, &test);
    if (status == DA_OK) status = cli_model_build(c, &model, name, &data);
    if (status == DA_OK) status = cli_model_convolve(c, model);
    if (status == DA_OK) status = da_feed_check(model, &test);
    if (status == DA_OK) status = experiment(c, model, &data, &test, r);
    da_model_free(model);
    da_dataset_free(&test);
    da_dataset_free(&data);
    return status;
}

static da_status check_id(cli *c, const char *id) {
    const char *planned = cli_text(c, "id");
    if (!planned || strcmp(planned, id) == 0) return DA_OK;
    return cli_usage(c, "--id %.40s is not that of these settings, which is %s: the line was edited, or planned by "
                     "another version of the program", planned, id);
}

/* With the lock: whoever had it before may have finished the run. */
static da_status run_once(cli *c, result *r) {
    char path[DA_SWEEP_PATH];
    DA_TRY(da_sweep_path(path, cli_text(c, "dir"), r->id, ".json"));
    if (!da_file_exists(path)) return do_run(c, r);
    char checkpoint[DA_SWEEP_PATH]; /* of a process that was killed between its record and the end */
    DA_TRY(da_sweep_path(checkpoint, cli_text(c, "dir"), r->id, ".partial"));
    unlink(checkpoint);
    cli_print(c, "%s  was finished before\n", r->id);
    cli_put_text(c, "id", r->id);
    cli_put_text(c, "finished_before", path);
    return DA_OK;
}

static da_status run(cli *c) {
    char id[DA_SWEEP_ID], path[DA_SWEEP_PATH], name[DA_SWEEP_NAME];
    result r = { .c = c, .id = id };
    DA_TRY(cli_shares(c, "threshold", DA_SWEEP_THRESHOLDS, r.thresholds, &r.cuts));
    DA_TRY(sweep_id(c, id));
    DA_TRY(check_id(c, id));
    sweep_network(c, name);
    const da_trainer_options usual = da_trainer_for(name, &(da_dataset){ .channels = 1 });
    DA_TRY(cli_training_check(c, NULL, &usual));
    DA_TRY(da_sweep_path(path, cli_text(c, "dir"), "", ""));
    DA_TRY(da_directory_make(path));
    DA_TRY(da_sweep_path(path, cli_text(c, "dir"), id, ""));
    da_file_lock *lock = NULL;
    da_status status = da_file_lock_take(&lock, path);
    if (status == DA_ERROR_BUSY) { /* of several machines that share a plan, each takes what is left */
        cli_print(c, "%s  is being run by another process: skipped\n", id);
        cli_put_text(c, "id", id);
        cli_put_text(c, "run_by_another_process", path);
        return DA_OK;
    }
    if (status == DA_OK) status = run_once(c, &r);
    da_file_lock_give(lock);
    return status;
}

static const cli_option options[] = {
    { .name = "dir", .kind = CLI_TEXT, .value = "DIR", .required = true,
      .help = "of the sweep: results go to DIR/runs" },
    { .name = "id", .kind = CLI_TEXT, .value = "ID",
      .help = "what `sweep plan` called the run: an error when the settings are others" },
    { .name = "depth", .kind = CLI_INT, .value = "N", .low = 8, .high = 1202, .required = true,
      .help = "of the ResNet: 6n+2" },
    { .name = "width", .kind = CLI_REAL, .value = "W", .initial = "1", .low = 0.0625, .high = 64,
      .help = "times 16, 32 and 64 channels" },
    { .name = "share", .kind = CLI_REAL, .value = "S", .initial = "1", .low = 1e-6, .high = 1,
      .help = "of the training images, drawn by the seed" },
    { .name = "classes", .kind = CLI_INT, .value = "N", .initial = "0", .low = 0, .high = 256,
      .help = "the first N classes only, in training and test; 0: all" },
    { .name = "threshold", .kind = CLI_TEXT, .value = "T,T,...", .initial = "0.9,0.95,0.98,0.99",
      .help = "similarities that layers of one module reach" },
    { .name = "linkage", .kind = CLI_CHOICE, .value = "adjacent|mean|min", .initial = "adjacent",
      .help = "of neighbours, or over all pairs of a module" },
    { .name = "tap", .kind = CLI_CHOICE, .value = "output|sum", .initial = "output",
      .help = "a block's output, or its sum before the ReLU" },
    { .name = "similarity-batch", .kind = CLI_INT, .value = "N", .initial = "256", .low = 4, .high = 65536,
      .help = "samples compared at a time" },
    { .name = "test-limit", .kind = CLI_INT, .value = "N", .initial = "0", .low = 0, .high = 1e9,
      .help = "the first N test images only; 0: all" },
    MODEL_OPTIONS,
    { .name = NULL }
};

const cli_command cli_sweep_run = {
    .name = "sweep run", .purpose = "train and measure one network of a sweep", .arguments = "",
    .example = "sweep run --dir build/sweep --data mnist --depth 14 --share 0.5 --classes 5 --epochs 3",
    .notes = "Trains a ResNet on a share of the training images of the first classes, then measures its accuracy, the\n"
             "similarity of its blocks on the test images, and how modular it is. The result is DIR/runs/ID.json,\n"
             "where ID is a hash of the settings: a run that is finished is not done again, and one that was\n"
             "interrupted or killed continues after its last epoch, to the same weights, when run again. A run\n"
             "that another process is at is skipped: machines may share a plan.",
    .tables = CLI_DATA | CLI_TRAINING, .options = options, .run = run
};
