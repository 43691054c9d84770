/* The header of a run: of what a result is the result. One writer puts it into every record, into --json, into the model
 * files a command writes and onto its pages, so that no command can forget it.
 *
 *     "run": {"version": "0.1.0", "commit": "5f21...", "compiler": ..., "flags": ..., "seed": 1, "kernels": "avx2",
 *             "threads": 2, "machine": ..., "options": {"epochs": 5, "rate": 0.05, ...},
 *             "data": [{"part": "train", "name": "mnist", "source": "data/mnist", "content": "as published",
 *                       "images": 60000, "fingerprint": "sha256:...", "files": [{"file": ..., "sha256": ...}]}, ...],
 *             "models": [{"file": "lenet.safetensors", "values": "sha256:...", "network": "sha256:..."}, ...],
 *             "inputs": [{"file": ..., "sha256": ...}, ...], "outputs": [...]}
 *
 * options are those in effect: what was typed, what a table gives, and what the command chose. Data are known by their
 * fingerprint, the images in use, and by SHA-256 of each file they were read from. Nothing is hashed unless something is
 * written that will say so, and then once: files of data while they are read, others when a header first names them.
 */
#include "deeparc/cli/options.h"
#include "deeparc/cli/record.h"
#include "deeparc/cli/sweep.h"

#include "core/kernels/kernels.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/parallel.h"
#include "core/sha256.h"
#include "layers/checkpoint.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- Noting ---- */

bool run_wanted(const cli *c) {
    bool writes = c->json || c->command == &cli_sweep_run;
    for (int i = 0; i < c->value_count; i++) writes |= (c->values[i].option->file & CLI_WRITES) && c->values[i].text;
    return writes;
}

/* All that is known of a data set, without its images. */
static da_status describe(da_dataset *out, const da_dataset *data) {
    da_dataset made = { .published = data->published, .count = data->count, .fingerprinted = data->fingerprinted };
    memcpy(made.fingerprint, data->fingerprint, sizeof made.fingerprint);
    bool whole = (made.name = da_string_copy(data->name)) && (made.source = da_string_copy(data->source)) &&
                 (!data->altered || (made.altered = da_string_copy(data->altered)));
    for (int f = 0; f < data->file_count && whole; f++, made.file_count++) {
        made.files[f] = data->files[f];
        whole = (made.files[f].path = da_string_copy(data->files[f].path)) != NULL;
    }
    if (whole) *out = made;
    else da_dataset_free(&made);
    return whole ? DA_OK : DA_ERROR_MEMORY;
}

static bool is_noted(const cli_facts *f, int i, const char *part, const da_dataset *data) {
    const da_dataset *set = &f->data[i].set;
    return strcmp(f->data[i].part, part) == 0 && strcmp(set->name, data->name) == 0 &&
           strcmp(set->source, data->source) == 0;
}

da_status run_note_data(cli *c, const char *part, da_dataset *data) {
    cli_facts *f = &c->facts;
    da_dataset set;
    int i = 0;
    while (i < f->data_count && !is_noted(f, i, part, data)) i++;
    if (!run_wanted(c) || i == CLI_PARTS) return DA_OK;
    da_dataset_keep_fingerprint(data);
    DA_TRY(describe(&set, data));
    if (i < f->data_count) da_dataset_free(&f->data[i].set);
    else f->data_count++;
    f->data[i].part = part;
    f->data[i].set = set;
    return DA_OK;
}

da_status run_note_model(cli *c, const char *path, const da_model *model) {
    cli_facts *f = &c->facts;
    int i = 0;
    while (i < f->model_count && strcmp(f->models[i].path, path) != 0) i++;
    if (!run_wanted(c) || i == CLI_MODELS) return DA_OK;
    DA_TRY(da_model_hash(model, -1, f->models[i].values));
    DA_TRY(da_model_fingerprint(model, f->models[i].network));
    f->models[i].path = path;
    if (i == f->model_count) f->model_count++;
    return DA_OK;
}

void run_note_setting(cli *c, const char *option, const char *format, ...) {
    cli_facts *f = &c->facts;
    int i = 0;
    va_list list;
    while (i < f->setting_count && strcmp(f->settings[i].option, option) != 0) i++;
    if (i == CLI_SETTINGS) return;
    f->settings[i].option = option;
    va_start(list, format);
    vsnprintf(f->settings[i].text, sizeof f->settings[i].text, format, list);
    va_end(list);
    if (i == f->setting_count) f->setting_count++;
}

/* The shortest text that is read as this float. */
static void note_float(cli *c, const char *option, float value) {
    char text[32];
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value) break;
    }
    run_note_setting(c, option, "%s", text);
}

static const char *border(const da_augmentation *a) { return a->border == DA_BORDER_REFLECT ? "-reflect" : ""; }

void run_note_training(cli *c, const da_trainer_options *o) {
    const da_augmentation *a = &o->augmentation;
    char text[96] = "";
    const struct { const char *option; float value; } reals[] = {
        { "rate", o->schedule.rate },       { "momentum", o->optimizer.momentum },
        { "weight-decay", o->optimizer.weight_decay }, { "clip", o->optimizer.clip },
        { "final-rate", o->schedule.final },
        { "low-momentum", o->schedule.low_momentum }, { "label-smoothing", o->label_smoothing } };
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) note_float(c, reals[i].option, reals[i].value);
    const da_schedule *s = &o->schedule;
    const float drop = s->factor > 0 ? s->factor : (float)DA_SCHEDULE_FACTOR;
    const float rise = s->warm_share > 0 ? s->warm_share : (float)DA_SCHEDULE_RISE;
    if (da_schedule_uses(s->kind, "factor")) note_float(c, "factor", drop);
    if (da_schedule_uses(s->kind, "rise")) note_float(c, "rise", rise);
    run_note_setting(c, "epochs", "%lld", (long long)o->epochs);
    run_note_setting(c, "batch", "%lld", (long long)o->batch);
    run_note_setting(c, "warmup", "%lld", (long long)o->schedule.warm_steps);
    run_note_setting(c, "optimizer", "%s", da_optimizer_name(o->optimizer.kind));
    run_note_setting(c, "nesterov", "%s", o->optimizer.nesterov ? "true" : "false");
    run_note_setting(c, "decay", "%s", o->optimizer.decay_weights_only ? "weights" : "all");
    snprintf(text, sizeof text, "%s", da_schedule_name(o->schedule.kind));
    for (char *dash = text; (dash = strchr(dash, '_'));) *dash = '-'; /* as it is typed */
    run_note_setting(c, "schedule", "%s", text);
    text[0] = '\0';
    if (o->schedule.every > 0) run_note_setting(c, "step-every", "%lld", (long long)o->schedule.every);
    if (a->pad > 0) snprintf(text, sizeof text, ",crop%d%s", a->pad, border(a));
    if (a->flip) snprintf(text + strlen(text), 8, ",flip");
    if (a->cutout > 0) snprintf(text + strlen(text), 24, ",cutout%d", a->cutout);
    run_note_setting(c, "augment", "%s", text[0] ? text + 1 : "none");
}

/* ---- Writing ---- */

bool run_hash_file(const char *path, char hex[65]) {
    uint8_t bytes[16384];
    struct stat facts;
    FILE *file = stat(path, &facts) == 0 && S_ISREG(facts.st_mode) ? fopen(path, "rb") : NULL;
    if (!file) return false;
    da_sha256 sha;
    da_sha256_init(&sha);
    for (size_t size; (size = fread(bytes, 1, sizeof bytes, file)) > 0;) da_sha256_update(&sha, bytes, size);
    bool whole = !ferror(file);
    fclose(file);
    da_sha256_hex(&sha, hex);
    return whole;
}

static void put_file(da_json_writer *to, const char *path, const char hex[65]) {
    da_json_begin_object(to);
    record_text(to, "file", path);
    record_hash(to, "sha256", hex);
    da_json_end(to);
}

typedef struct files { cli *c; da_json_writer *to; } files;

static void put_output(void *context, const char *path) {
    const files *f = context;
    char hex[65];
    if (run_hash_file(path, hex)) put_file(f->to, path, hex);
}

static bool keep_input(cli_facts *f, const char *path, const char hex[65]) {
    cli_file *grown = da_realloc(f->inputs, (size_t)(f->input_count + 1) * sizeof *grown);
    if (!grown) return false;
    f->inputs = grown;
    grown += f->input_count;
    memcpy(grown->sha256, hex, sizeof grown->sha256);
    grown->path = da_string_copy(path);
    if (grown->path) f->input_count++;
    return grown->path != NULL;
}

static void put_input(void *context, const char *path) {
    const files *f = context;
    cli_facts *facts = &f->c->facts;
    char hex[65];
    int i = 0;
    while (i < facts->input_count && strcmp(facts->inputs[i].path, path) != 0) i++;
    if (i < facts->input_count) {
        put_file(f->to, path, facts->inputs[i].sha256);
    } else if (run_hash_file(path, hex)) {
        if (!keep_input(facts, path, hex) && f->to->status == DA_OK) f->to->status = DA_ERROR_MEMORY;
        put_file(f->to, path, hex);
    }
}

static void put_files(cli *c, da_json_writer *to, unsigned file) {
    files f = { c, to };
    da_json_key(to, file == CLI_READS ? "inputs" : "outputs");
    da_json_begin_array(to);
    da_status status = cli_files_each(c, file, file == CLI_READS ? put_input : put_output, &f);
    if (status != DA_OK && to->status == DA_OK) to->status = status;
    if (file == CLI_READS && c->facts.input[0]) put_input(&f, c->facts.input);
    if (file == CLI_WRITES && c->facts.output[0]) put_output(&f, c->facts.output);
    da_json_end(to);
}

/* A number where it is one, so that a reader need not parse it again. */
static void put_value(da_json_writer *to, const char *text) {
    double number;
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) da_json_put_bool(to, text[0] == 't');
    else if (da_number_parse(text, strlen(text), &number)) da_json_put_double(to, number);
    else da_json_put_string(to, text);
}

static const char *setting_of(const cli *c, const cli_value *value) {
    for (int i = 0; i < c->facts.setting_count; i++)
        if (strcmp(c->facts.settings[i].option, value->option->name) == 0) return c->facts.settings[i].text;
    if (value->option->kind == CLI_FLAG) return value->integer ? "true" : "false";
    return value->text;
}

static void put_option(const cli *c, da_json_writer *to, const cli_value *value) {
    const cli_option *option = value->option;
    const char *text = setting_of(c, value);
    if (!text) return;
    da_json_key(to, option->name);
    if (!option->repeats) {
        put_value(to, text);
        return;
    }
    da_json_begin_array(to);
    for (int place = 0; (text = cli_text_at(c, option->name, place)); place++) put_value(to, text);
    da_json_end(to);
}

static void put_options(const cli *c, da_json_writer *to) {
    static const char *const said[] = { "seed", "threads", "kernels", "json", "quiet", "help" };
    da_json_key(to, "options");
    da_json_begin_object(to);
    for (int i = 0; i < c->value_count; i++) {
        bool elsewhere = false;
        for (size_t k = 0; k < sizeof said / sizeof *said; k++)
            elsewhere |= strcmp(c->values[i].option->name, said[k]) == 0;
        for (int k = 0; k < i; k++) elsewhere |= c->values[k].option == c->values[i].option; /* it repeats */
        if (!elsewhere) put_option(c, to, &c->values[i]);
    }
    da_json_end(to);
}

static void put_data(const cli *c, da_json_writer *to) {
    da_json_key(to, "data");
    da_json_begin_array(to);
    for (int i = 0; i < c->facts.data_count; i++) {
        const da_dataset *set = &c->facts.data[i].set;
        da_json_begin_object(to);
        record_text(to, "part", c->facts.data[i].part);
        record_text(to, "name", set->name);
        record_text(to, "source", set->source);
        record_text(to, "content", cli_data_content(set));
        if (set->altered) record_text(to, "altered", set->altered);
        record_int(to, "images", set->count);
        record_hash(to, "fingerprint", set->fingerprint);
        da_json_key(to, "files");
        da_json_begin_array(to);
        for (int k = 0; k < set->file_count; k++) put_file(to, set->files[k].path, set->files[k].sha256);
        da_json_end(to);
        da_json_end(to);
    }
    da_json_end(to);
}

static void put_models(const cli *c, da_json_writer *to) {
    da_json_key(to, "models");
    da_json_begin_array(to);
    for (int i = 0; i < c->facts.model_count; i++) {
        da_json_begin_object(to);
        record_text(to, "file", c->facts.models[i].path);
        record_hash(to, "values", c->facts.models[i].values);
        record_hash(to, "network", c->facts.models[i].network);
        da_json_end(to);
    }
    da_json_end(to);
}

void run_put(cli *c, da_json_writer *to, bool outputs) {
    char machine[256];
    sweep_machine(machine, sizeof machine);
    record_text(to, "version", DA_VERSION);
    record_text(to, "commit", run_commit);
    record_text(to, "compiler", run_compiler);
    record_text(to, "flags", run_flags);
    if (cli_draws(c->command)) record_int(to, "seed", (int64_t)c->seed);
    record_text(to, "kernels", da_kernels_active()->name);
    record_int(to, "threads", da_threads());
    record_text(to, "machine", machine);
    put_options(c, to);
    put_data(c, to);
    put_models(c, to);
    put_files(c, to, CLI_READS);
    if (outputs) put_files(c, to, CLI_WRITES);
}

void run_forget(cli *c) {
    cli_facts *f = &c->facts;
    for (int i = 0; i < f->data_count; i++) da_dataset_free(&f->data[i].set);
    for (int i = 0; i < f->input_count; i++) da_free(f->inputs[i].path);
    da_free(f->inputs);
    memset(f, 0, sizeof *f);
}

/* ---- Models that a command makes ---- */

da_status cli_model_sign(cli *c, da_model *model) {
    char *text;
    da_json_writer to;
    run_note_setting(c, "conv", "%s", da_conv_method_name(model->conv));
    da_json_writer_init(&to, false);
    da_json_begin_object(&to);
    record_text(&to, "command", c->command->name);
    record_texts(&to, "arguments", (const char *const *)(c->argv + 1), c->argc - 1);
    run_put(c, &to, false);
    da_json_end(&to);
    DA_TRY(da_json_finish(&to, &text, NULL));
    da_status status = da_model_set_run(model, text);
    da_free(text);
    return status;
}

da_status cli_model_save(cli *c, da_model *model, const char *path) {
    DA_TRY(cli_model_sign(c, model));
    DA_TRY(da_checkpoint_save(model, path, NULL));
    return run_note_model(c, path, model);
}
