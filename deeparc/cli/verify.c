/* deeparc verify: are the files of a folder of records still those the records speak of?
 *
 *     record            run.inputs, run.outputs: SHA-256 of each file        run.models: fingerprints of each model
 *     train.json   ──>  lenet.safetensors  ok        log.csv  changed        lenet.safetensors  ok
 *
 * A file is looked for under the name the record has, then beside the record.
 */
#include "deeparc/cli/options.h"
#include "deeparc/cli/record.h"
#include "deeparc/cli/report.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/number.h"
#include "layers/checkpoint.h"

#include <stdio.h>
#include <string.h>

enum { RECORD_CAP = 100 * 1000 * 1000, PATH = 4096 };

typedef struct check {
    cli *c;
    const char *record;
    int records, without, files, faults;
} check;

static bool find(const char *record, const char *name, char path[PATH]) {
    const char *slash = strrchr(record, '/'), *base = strrchr(name, '/');
    snprintf(path, PATH, "%s", name);
    if (da_file_exists(path)) return true;
    snprintf(path, PATH, "%.*s/%s", slash ? (int)(slash - record) : 1, slash ? record : ".", base ? base + 1 : name);
    return da_file_exists(path);
}

static void say(check *k, const char *name, const char *what, const char *state) {
    cli *c = k->c;
    k->files++;
    k->faults += strcmp(state, "ok") != 0;
    cli_print(c, "%-8s  %-7s  %s  (%s)\n", state, what, name, k->record);
    if (!c->json) return;
    da_json_begin_object(&c->writer);
    record_text(&c->writer, "record", k->record);
    record_text(&c->writer, "file", name);
    record_text(&c->writer, "what", what);
    record_text(&c->writer, "state", state);
    da_json_end(&c->writer);
}

static void check_files(check *k, const da_json *run, const char *list, const char *what) {
    for (const da_json *f = da_json_first(da_json_get(run, list)); f; f = da_json_next(f)) {
        char path[PATH], text[7 + 65] = "sha256:";
        const char *name = report_text(f, "file");
        if (!find(k->record, name, path) || !run_hash_file(path, text + 7)) say(k, name, what, "missing");
        else say(k, name, what, strcmp(text, report_text(f, "sha256")) == 0 ? "ok" : "changed");
    }
}

static bool same_digest(const da_json *model, const char *key, const char hex[65]) {
    const char *text = report_text(model, key);
    return strncmp(text, "sha256:", 7) == 0 && strcmp(text + 7, hex) == 0;
}

/* A model whose normalisation the command was told has another network than its file: its values are compared. */
static const char *state_of_model(const da_json *entry, const char *path) {
    char values[65], network[65];
    da_model *model = NULL;
    if (da_checkpoint_load(&model, path, NULL) != DA_OK) return "damaged";
    const bool told = !model->normalization.known;
    da_status status = da_model_hash(model, -1, values);
    if (status == DA_OK) status = da_model_fingerprint(model, network);
    da_model_free(model);
    if (status != DA_OK) return "unknown";
    return same_digest(entry, "values", values) && (told || same_digest(entry, "network", network)) ? "ok" : "changed";
}

static void check_models(check *k, const da_json *run) {
    for (const da_json *m = da_json_first(da_json_get(run, "models")); m; m = da_json_next(m)) {
        char path[PATH];
        const char *name = report_text(m, "file");
        if (*name) say(k, name, "model", find(k->record, name, path) ? state_of_model(m, path) : "missing");
    }
}

static void check_record(void *context, const char *path) {
    check *k = context;
    uint8_t *text = NULL;
    size_t size = 0;
    da_json *root = NULL;
    const char *slash = strrchr(path, '.');
    if (!slash || strcmp(slash, ".json") != 0) return;
    k->record = path;
    k->records++;
    da_status status = da_file_read(path, RECORD_CAP, &text, &size);
    if (status == DA_OK) status = da_json_parse(&root, (const char *)text, size, path);
    const da_json *run = status == DA_OK ? da_json_get(root, "run") : NULL;
    if (status != DA_OK) say(k, path, "record", "damaged");
    else if (!run || !da_json_get(run, "outputs")) k->without++;
    else {
        check_files(k, run, "inputs", "input");
        check_files(k, run, "outputs", "output");
        for (const da_json *d = da_json_first(da_json_get(run, "data")); d; d = da_json_next(d))
            check_files(k, d, "files", "data");
        check_models(k, run);
    }
    da_json_free(root);
    da_free(text);
}

static da_status run(cli *c) {
    check k = { .c = c };
    if (c->json) {
        da_json_key(&c->writer, "files");
        da_json_begin_array(&c->writer);
    }
    DA_TRY(cli_files_each(c, CLI_READS, check_record, &k));
    if (c->json) da_json_end(&c->writer);
    cli_put_int(c, "records", k.records);
    cli_put_int(c, "faults", k.faults);
    cli_print(c, "%s, %d files and models compared, %s\n", da_count(k.records, "record").text, k.files,
              da_count(k.faults, "fault").text);
    if (k.without > 0) cli_print(c, "%s of an older version: without hashes\n", da_count(k.without, "record").text);
    c->whole = true;
    if (k.records == 0) return DA_FAIL(DA_ERROR_NOT_FOUND, "'%.200s' holds no record (*.json)", c->arguments[0]);
    if (k.faults == 0) return DA_OK;
    return DA_FAIL(DA_ERROR_FORMAT, "%d of %d files and models are not those the records speak of", k.faults, k.files);
}

const cli_command cli_verify = {
    .name = "verify", .purpose = "check that files and models are those a folder's records speak of", .arguments = "DIR",
    .file = CLI_READS, .within = "*.json", .example = "verify results/", .run = run,
    .notes = "Every record (--record) holds SHA-256 of the files its command read and wrote, and two fingerprints of\n"
             "its models. They are looked for under the names in the record, then beside it, and compared: ok, changed,\n"
             "missing, damaged. Exit status 1 when one is not ok."
};
