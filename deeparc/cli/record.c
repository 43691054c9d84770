/* Records: one writer of members serves stdout and the file. */
#include "deeparc/cli/record.h"
#include "deeparc/cli/sweep.h"

#include "core/file.h"
#include "core/kernels/kernels.h"
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

void record_images(da_json_writer *to, const char *key, const da_dataset *data) {
    char hex[65];
    da_dataset_fingerprint(data, hex);
    record_hash(to, key, hex);
}

void record_epochs(da_json_writer *to, const da_training_result *result) {
    da_json_key(to, "epochs");
    da_json_begin_array(to);
    for (int64_t e = 0; e < result->epoch_count; e++) {
        const da_epoch_record *r = &result->epochs[e];
        da_json_begin_object(to);
        record_int(to, "epoch", r->epoch + 1);
        record_real(to, "loss", r->loss);
        record_real(to, "accuracy", r->accuracy);
        record_real(to, "validation_loss", r->validation_loss);
        record_real(to, "validation_accuracy", r->validation_accuracy);
        record_real(to, "rate", r->rate);
        record_real(to, "seconds", r->seconds);
        da_json_end(to);
    }
    da_json_end(to);
    da_json_key(to, "losses");
    da_json_begin_array(to);
    for (int64_t i = 0; i < result->loss_count; i++) {
        da_json_begin_object(to);
        record_int(to, "step", result->losses[i].step);
        record_real(to, "loss", result->losses[i].loss);
        da_json_end(to);
    }
    da_json_end(to);
}

void record_evaluation(da_json_writer *to, const da_evaluation *e) {
    record_real(to, "accuracy", e->accuracy);
    record_real(to, "loss", e->loss);
    record_int(to, "samples", e->samples);
    record_int(to, "correct", e->correct);
}

/* What a result may depend on and the command line does not say. */
static void put_run(const cli *c, da_json_writer *to) {
    char machine[256];
    sweep_machine(machine, sizeof machine);
    da_json_key(to, "run");
    da_json_begin_object(to);
    record_text(to, "version", DEEPARC_VERSION);
    record_int(to, "seed", (int64_t)c->seed);
    record_text(to, "kernels", da_kernels_active()->name);
    record_text(to, "machine", machine);
    da_json_end(to);
}

da_status record_make(cli *c, void (*members)(const void *context, da_json_writer *to), const void *context,
                      char **text, size_t *size) {
    da_json_writer to;
    da_json_writer_init(&to, true);
    da_json_begin_object(&to);
    record_text(&to, "command", c->command->name);
    record_text(&to, "program", c->argv[0]);
    record_texts(&to, "arguments", (const char *const *)(c->argv + 1), c->argc - 1);
    put_run(c, &to);
    members(context, &to);
    da_json_end(&to);
    return da_json_finish(&to, text, size);
}

da_status record_save(cli *c, const char *path, void (*members)(const void *context, da_json_writer *to),
                      const void *context) {
    if (c->json) members(context, &c->writer);
    if (!path) return DA_OK;
    char *text;
    size_t size;
    DA_TRY(record_make(c, members, context, &text, &size));
    da_status status = da_file_save(path, text, size);
    da_free(text);
    return status;
}

da_status record_write(cli *c, void (*members)(const void *context, da_json_writer *to), const void *context) {
    return record_save(c, cli_text(c, "record"), members, context);
}

int64_t record_file_size(const char *path) {
    struct stat facts;
    return stat(path, &facts) == 0 ? (int64_t)facts.st_size : -1;
}
