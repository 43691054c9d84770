/* Records: one writer of members serves stdout and the file. */
#include "deeparc/cli/options.h"
#include "deeparc/cli/record.h"

#include "core/file.h"
#include "core/memory.h"

#include <string.h>
#include <sys/stat.h>

void record_text(da_json_writer *to, const char *key, const char *value) {
    da_json_key(to, key);
    da_json_put_string(to, value);
}

void record_int(da_json_writer *to, const char *key, int64_t value) {
    da_json_key(to, key);
    da_json_put_int(to, value);
}

void record_real(da_json_writer *to, const char *key, double value) {
    da_json_key(to, key);
    da_json_put_double(to, value);
}

void record_texts(da_json_writer *to, const char *key, const char *const *values, int count) {
    da_json_key(to, key);
    da_json_begin_array(to);
    for (int i = 0; i < count; i++) da_json_put_string(to, values[i]);
    da_json_end(to);
}

void record_hash(da_json_writer *to, const char *key, const char hex[65]) {
    char text[7 + 65] = "sha256:";
    memcpy(text + 7, hex, 65);
    record_text(to, key, text);
}

void record_put_images(da_result *to, const char *key, const da_dataset *data) {
    char hex[65];
    da_dataset_fingerprint(data, hex);
    da_result_put(to, key, da_digest(hex));
}

void record_put_epochs(da_result *to, const da_training_result *result) {
    static const da_column columns[] = { { .key = "epoch" }, { .key = "loss" }, { .key = "accuracy" },
        { .key = "validation_loss" }, { .key = "validation_accuracy" }, { .key = "rate" }, { .key = "seconds" } };
    static const da_column of_losses[] = { { .key = "step" }, { .key = "loss" } };
    da_result *epochs = da_result_table(to, "epochs", columns, 7), *losses = da_result_table(to, "losses", of_losses, 2);
    for (int64_t e = 0; e < result->epoch_count; e++) {
        const da_epoch_record *r = &result->epochs[e];
        da_row(epochs, da_whole(r->epoch + 1), da_real(r->loss), da_real(r->accuracy), da_real(r->validation_loss),
               da_real(r->validation_accuracy), da_real(r->rate), da_real(r->seconds));
    }
    for (int64_t i = 0; i < result->loss_count; i++)
        da_row(losses, da_whole(result->losses[i].step), da_real(result->losses[i].loss));
}

void record_put_evaluation(da_result *to, const da_evaluation *e) {
    da_result_put(to, "accuracy", da_real(e->accuracy));
    da_result_put(to, "loss", da_real(e->loss));
    da_result_put(to, "samples", da_whole(e->samples));
    da_result_put(to, "correct", da_whole(e->correct));
}

void record_evaluation(da_json_writer *to, const da_evaluation *e) {
    record_real(to, "accuracy", e->accuracy);
    record_real(to, "loss", e->loss);
    record_int(to, "samples", e->samples);
    record_int(to, "correct", e->correct);
}

typedef void writer_of_members(const void *context, da_json_writer *to);

static void begin(cli *c, da_json_writer *to, bool outputs) {
    da_json_writer_init(to, true);
    da_json_begin_object(to);
    record_text(to, "command", c->command->name);
    record_text(to, "program", c->argv[0]);
    record_texts(to, "arguments", (const char *const *)(c->argv + 1), c->argc - 1);
    da_json_key(to, "run");
    da_json_begin_object(to);
    run_put(c, to, outputs);
    da_json_end(to);
}

da_status record_save(cli *c, const char *path, writer_of_members *members, const void *context) {
    da_json_writer to;
    char *text;
    size_t size;
    if (c->json) members(context, &c->writer);
    begin(c, &to, c->facts.output[0] != 0);
    members(context, &to);
    da_json_end(&to);
    DA_TRY(da_json_finish(&to, &text, &size));
    da_status status = da_file_save(path, text, size);
    da_free(text);
    return status;
}

/* NULL: the command has no --record, or it is not given. */
static const char *record_path(const cli *c) {
    for (int i = 0; i < c->value_count; i++)
        if (strcmp(c->values[i].option->name, "record") == 0) return c->values[i].text;
    return NULL;
}

static da_status make(cli *c, bool outputs, char **text, size_t *size) {
    da_json_writer to;
    DA_TRY(da_result_status(c->result));
    begin(c, &to, outputs);
    da_result_write(c->result, &to);
    da_json_end(&to);
    return da_json_finish(&to, text, size);
}

da_status record_tree(cli *c, da_result **record) {
    da_json *json = NULL;
    char *text;
    size_t size;
    DA_TRY(make(c, false, &text, &size));
    da_result *made = da_result_new();
    da_status status = made ? da_json_parse(&json, text, size, "the record") : DA_ERROR_MEMORY;
    if (status == DA_OK) status = da_result_read(made, json);
    da_json_free(json);
    da_free(text);
    if (status == DA_OK) *record = made;
    else da_result_free(made);
    return status;
}

static da_status write_result(cli *c) {
    char *text;
    size_t size;
    DA_TRY(make(c, true, &text, &size));
    da_status status = da_file_save(record_path(c), text, size);
    da_free(text);
    return status;
}

static da_status run_and_record(cli *c) {
    DA_TRY(c->command->run(c));
    DA_TRY(da_result_status(c->result));
    if (da_result_first(c->result) && record_path(c)) cli_aside(c, write_result(c));
    if (!c->aside[0]) return DA_OK;
    c->whole = true;
    return DA_FAIL(c->aside_status, "%s", c->aside);
}

da_status record_run(cli *c) {
    c->result = da_result_new();
    da_status status = c->result ? run_and_record(c) : DA_ERROR_MEMORY, shown = DA_OK;
    bool whole = status == DA_OK || c->whole;
    if (whole && c->json) da_result_write(c->result, &c->writer);
    else if (whole) shown = cli_show(c);
    da_result_free(c->result);
    return status == DA_OK ? shown : status;
}

int64_t record_file_size(const char *path) {
    struct stat facts;
    return stat(path, &facts) == 0 ? (int64_t)facts.st_size : -1;
}
