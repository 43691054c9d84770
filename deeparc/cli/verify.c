/* deeparc verify: are files, models and data still those that a folder of records speaks of? And do its commands, run
 * again, come to the same figures?
 *
 *     record            run.inputs, run.outputs      run.models             run.data                      --replay
 *     train.json   ──>  log.csv  changed             lenet.safetensors ok   mnist train, 60000 images ok  214 figures equal
 *
 * A file is looked for under the name the record has, then beside the record. Data that are not on this machine are not
 * checked, which is said and counted.
 */
#include "deeparc/cli/options.h"
#include "deeparc/cli/record.h"
#include "deeparc/cli/sweep.h"
#include "deeparc/cli/verify.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/parallel.h"
#include "core/sha256.h"
#include "datasets/subset.h"
#include "layers/checkpoint.h"

#include <stdio.h>
#include <string.h>

enum { SETS = 64 };

/* Data that were loaded before are not loaded for the next record again. */
typedef struct known { char what[512]; const char *state; } known;

typedef struct check {
    cli *c;
    verify_list list;
    const verify_record *record;
    known sets[SETS];
    int set_count;
    int records, without; /* without: hashes */
    int checked, absent, faults;
} check;

static const char NOT_HERE[] = "not checked";

/* A pipe or a device, whose name a record may give as well, may never end. */
static bool is_here(const char *path) { return da_file_exists(path) && !da_file_is_stream(path); }

bool verify_find(const verify_record *record, const char *name, char path[VERIFY_PATH]) {
    const char *slash = strrchr(record->path, '/'), *base = strrchr(name, '/');
    snprintf(path, VERIFY_PATH, "%s", name);
    if (is_here(path)) return true;
    snprintf(path, VERIFY_PATH, "%.*s/%s", slash ? (int)(slash - record->path) : 1, slash ? record->path : ".",
             base ? base + 1 : name);
    return is_here(path);
}

static void say(check *k, const char *name, const char *what, const char *state) {
    cli *c = k->c;
    bool absent = strcmp(state, NOT_HERE) == 0, ok = strcmp(state, "ok") == 0;
    *(ok ? &k->checked : absent ? &k->absent : &k->faults) += 1;
    cli_print(c, "%-11s  %-7s  %s%s  (%s)\n", state, what, name, absent ? " is not on this machine" : "", k->record->path);
    if (!c->json) return;
    da_json_begin_object(&c->writer);
    record_text(&c->writer, "record", k->record->path);
    record_text(&c->writer, "file", name);
    record_text(&c->writer, "what", what);
    record_text(&c->writer, "state", state);
    da_json_end(&c->writer);
}

/* ---- Files and models ---- */

static void check_files(check *k, const char *list, const char *what) {
    for (const da_json *f = da_json_first(da_json_get(k->record->run, list)); f; f = da_json_next(f)) {
        char path[VERIFY_PATH], text[VERIFY_DIGEST] = "sha256:";
        const char *name = da_json_text(f, "file");
        if (!verify_find(k->record, name, path) || !run_hash_file(path, text + 7)) say(k, name, what, "missing");
        else say(k, name, what, strcmp(text, da_json_text(f, "sha256")) == 0 ? "ok" : "changed");
    }
}

static bool same_digest(const da_json *model, const char *key, const char hex[65]) {
    const char *text = da_json_text(model, key);
    return strncmp(text, "sha256:", 7) == 0 && strcmp(text + 7, hex) == 0;
}

/* The network of the file, or the one with the normalisation that the command was told: of what does not know its own,
   values alone are compared. */
static bool same_network(check *k, const da_json *entry, da_model *model) {
    char network[65];
    const char *how = da_json_text(da_json_get(k->record->run, "options"), "normalize");
    if (!model->normalization.known) return true;
    if (da_model_fingerprint(model, network) == DA_OK && same_digest(entry, "network", network)) return true;
    if (!*how) return false;
    bool told = cli_normalization_parse(k->c, &model->normalization, how, model->input_shape[2]) == DA_OK &&
                da_model_fingerprint(model, network) == DA_OK;
    k->c->usage = false; /* what a record says is no usage of this command */
    return told && same_digest(entry, "network", network);
}

static const char *state_of_model(check *k, const da_json *entry, const char *path) {
    char values[65];
    da_model *model = NULL;
    if (da_checkpoint_load(&model, path, NULL) != DA_OK) return "damaged";
    da_status status = da_model_hash(model, -1, values);
    bool same = status == DA_OK && same_digest(entry, "values", values) && same_network(k, entry, model);
    da_model_free(model);
    return status != DA_OK ? "unknown" : same ? "ok" : "changed";
}

static void check_models(check *k) {
    for (const da_json *m = da_json_first(da_json_get(k->record->run, "models")); m; m = da_json_next(m)) {
        char path[VERIFY_PATH];
        const char *name = da_json_text(m, "file");
        if (*name) say(k, name, "model", verify_find(k->record, name, path) ? state_of_model(k, m, path) : "missing");
    }
}

/* ---- Data ---- */

static int64_t count_of(const da_json *object, const char *key) {
    const double value = da_json_number(object, key);
    return value >= 0 && value < 1e15 ? (int64_t)value : 0;
}

static bool is_swept(const verify_record *record) {
    return strcmp(da_json_text(record->root, "command"), cli_sweep_run.name) == 0;
}

/* Some commands take fewer images than they load: a run of a sweep a share and some classes, similarity --part 1/2. */
static bool is_cut(const verify_record *record) {
    return is_swept(record) || *da_json_text(da_json_get(record->run, "options"), "part");
}

static da_status cut(const verify_record *record, da_dataset *data, da_split split) {
    const da_json *options = da_json_get(record->run, "options");
    long long part = 0, parts = 0;
    if (is_swept(record)) {
        const double share = split == DA_TRAIN ? da_json_number(options, "share") : 1;
        return da_dataset_cut(data, (int)count_of(options, "classes"), share, (uint64_t)count_of(record->run, "seed"));
    }
    if (sscanf(da_json_text(options, "part"), "%9lld/%9lld", &part, &parts) != 2) return DA_OK;
    return da_dataset_part(data, part, parts);
}

/* How many images the command loaded; 0: all. */
static int64_t loaded(const verify_record *record, const da_json *entry, da_split split) {
    const char *limit = is_swept(record) && split == DA_TEST ? "test-limit" : "limit";
    if (!is_cut(record)) return count_of(entry, "images");
    return count_of(da_json_get(record->run, "options"), limit);
}

/* The images of one entry, loaded from `source` as its command did. */
static const char *state_of_source(const verify_record *record, const da_json *entry, const char *source) {
    const da_split split = strcmp(da_json_text(entry, "part"), "train") == 0 ? DA_TRAIN : DA_TEST;
    const char *place = da_json_text(da_json_get(record->run, "options"), "data-dir");
    const int64_t first = loaded(record, entry, split);
    const da_dataset_options wanted = { .count = strcmp(source, "digits") == 0 ? first : 0, .seed = 1, .limit = first };
    da_dataset data = { 0 };
    char hex[65];
    if (da_file_is_stream(source)) return NOT_HERE;
    da_status status = da_dataset_load(&data, source, split, *place ? place : NULL, &wanted);
    if (status == DA_ERROR_NOT_FOUND) return NOT_HERE;
    if (status == DA_OK) status = cut(record, &data, split);
    if (status == DA_OK) da_dataset_fingerprint(&data, hex);
    bool same = status == DA_OK && data.count == count_of(entry, "images") && same_digest(entry, "fingerprint", hex) &&
                strcmp(data.name, da_json_text(entry, "name")) == 0;
    da_dataset_free(&data);
    return status != DA_OK ? "damaged" : same ? "ok" : "changed";
}

/* Two sets may be compared, --data and --against-data: the entry is of one of them. */
static const char *state_of_data(const verify_record *record, const da_json *entry) {
    const da_json *options = da_json_get(record->run, "options");
    const char *sources[] = { da_json_text(options, "data"), da_json_text(options, "against-data") };
    const char *state = NOT_HERE;
    for (size_t i = 0; i < sizeof sources / sizeof *sources && strcmp(state, "ok") != 0; i++)
        if (*sources[i]) state = state_of_source(record, entry, sources[i]);
    return state;
}

/* What decides the state of an entry: where it lies, which images, and how they were cut. */
static void describe(const verify_record *record, const da_json *entry, char what[512]) {
    const da_json *options = da_json_get(record->run, "options");
    snprintf(what, 512, "%.80s %.90s %.90s %.90s %.8s %.0f %.80s", is_cut(record) ? record->digest : "",
             da_json_text(options, "data"), da_json_text(options, "against-data"), da_json_text(options, "data-dir"),
             da_json_text(entry, "part"), da_json_number(entry, "images"), da_json_text(entry, "fingerprint"));
}

static const char *known_state(check *k, const da_json *entry) {
    char what[512];
    describe(k->record, entry, what);
    for (int i = 0; i < k->set_count; i++)
        if (strcmp(k->sets[i].what, what) == 0) return k->sets[i].state;
    const char *state = state_of_data(k->record, entry);
    if (k->set_count == SETS) return state;
    snprintf(k->sets[k->set_count].what, sizeof what, "%s", what);
    k->sets[k->set_count++].state = state;
    return state;
}

/* Files of data that lie where they lay. On another machine they may lie elsewhere, packed or not: images decide. */
static void check_data_files(check *k, const da_json *entry) {
    for (const da_json *f = da_json_first(da_json_get(entry, "files")); f; f = da_json_next(f)) {
        char text[VERIFY_DIGEST] = "sha256:";
        const char *name = da_json_text(f, "file");
        if (run_hash_file(name, text + 7)) say(k, name, "data", strcmp(text, da_json_text(f, "sha256")) == 0 ? "ok" : "changed");
    }
}

static void check_data(check *k, verify_record *record) {
    for (const da_json *d = da_json_first(da_json_get(record->run, "data")); d; d = da_json_next(d)) {
        char name[160];
        const char *state = known_state(k, d);
        snprintf(name, sizeof name, "%.60s %.8s, %s", da_json_text(d, "name"), da_json_text(d, "part"),
                 da_count(count_of(d, "images"), "image").text);
        say(k, name, "data", state);
        check_data_files(k, d);
        if (strcmp(state, NOT_HERE) == 0) snprintf(record->absent, sizeof record->absent, "%s", da_json_text(d, "name"));
    }
}

/* ---- Records ---- */

/* Reads a record into the list; one that is no JSON is damaged. */
static da_status read_record(check *k, verify_record *record) {
    uint8_t *text = NULL;
    size_t size = 0;
    da_sha256 sha;
    da_status status = da_file_read(record->path, VERIFY_CAP, &text, &size);
    if (status == DA_OK) status = da_json_parse(&record->root, (const char *)text, size, record->path);
    k->record = record;
    if (status != DA_OK) say(k, record->path, "record", "damaged");
    const da_json *run = status == DA_OK ? da_json_get(record->root, "run") : NULL;
    if (da_json_get(run, "outputs")) record->run = run;
    else k->without += status == DA_OK;
    if (status == DA_OK) {
        da_sha256_init(&sha);
        da_sha256_update(&sha, text, size);
        memcpy(record->digest, "sha256:", 8);
        da_sha256_hex(&sha, record->digest + 7);
    }
    da_free(text);
    return status == DA_ERROR_MEMORY ? status : DA_OK;
}

/* The directory itself is visited, too. */
static void take_record(void *context, const char *path) {
    check *k = context;
    verify_list *list = &k->list;
    const char *dot = strrchr(path, '.');
    if (!dot || strcmp(dot, ".json") != 0 || k->c->aside[0]) return;
    if (list->count == list->capacity) {
        const int capacity = 2 * list->capacity + 16;
        verify_record *grown = da_realloc(list->items, (size_t)capacity * sizeof *grown);
        if (!grown) {
            cli_aside(k->c, DA_ERROR_MEMORY);
            return;
        }
        list->items = grown;
        list->capacity = capacity;
    }
    verify_record *record = &list->items[list->count];
    memset(record, 0, sizeof *record);
    record->path = da_string_copy(path);
    if (!record->path) {
        cli_aside(k->c, DA_ERROR_MEMORY);
        return;
    }
    list->count++;
    cli_aside(k->c, read_record(k, record));
}

static void check_records(check *k) {
    for (int i = 0; i < k->list.count; i++) {
        verify_record *record = &k->list.items[i];
        k->record = record;
        if (!record->run) continue;
        check_files(k, "inputs", "input");
        check_files(k, "outputs", "output");
        check_models(k);
        check_data(k, record);
    }
}

static void free_records(verify_list *list) {
    for (int i = 0; i < list->count; i++) {
        da_json_free(list->items[i].root);
        da_free(list->items[i].path);
    }
    da_free(list->items);
}

/* ---- The command ---- */

static void begin_list(cli *c, const char *key) {
    if (!c->json) return;
    da_json_key(&c->writer, key);
    da_json_begin_array(&c->writer);
}

static void end_list(cli *c) {
    if (c->json) da_json_end(&c->writer);
}

static da_status replay(check *k, verify_replays *r) {
    cli *c = k->c;
    begin_list(c, "replays");
    da_status status = verify_replay(c, &k->list, cli_text(c, "keep"), r);
    end_list(c);
    if (status != DA_OK) return status;
    cli_put_int(c, "replayed_equal", r->equal);
    cli_put_int(c, "replayed_differing", r->differing);
    cli_put_int(c, "replays_failed", r->failed + r->refused);
    cli_put_int(c, "not_replayed", r->without);
    cli_print(c, "replayed: %d equal, %d that differ, %d failed or refused; %d not replayed\n", r->equal, r->differing,
              r->failed + r->refused, r->without);
    return DA_OK;
}

static da_status judge(const check *k, const verify_replays *r, bool replayed) {
    const int wrong = r->differing + r->failed + r->refused;
    if (k->faults > 0)
        return DA_FAIL(DA_ERROR_FORMAT, "%d of %d files, models and data are not those the records speak of", k->faults,
                       k->checked + k->faults);
    if (wrong > 0)
        return DA_FAIL(DA_ERROR_FORMAT, "%d of %d commands do not come to the recorded figures", wrong, wrong + r->equal);
    if (replayed && r->equal == 0) return DA_FAIL(DA_ERROR_FORMAT, "no command could be replayed");
    return DA_OK;
}

static da_status verify(check *k) {
    cli *c = k->c;
    verify_replays replays = { 0 };
    begin_list(c, "files");
    DA_TRY(cli_files_each(c, CLI_READS, take_record, k));
    if (!c->aside[0]) check_records(k);
    end_list(c);
    if (c->aside[0]) return DA_OK; /* memory ran out, which record_run says */
    cli_put_int(c, "records", k->list.count);
    cli_put_int(c, "checked", k->checked);
    cli_put_int(c, "not_checked", k->absent);
    cli_put_int(c, "faults", k->faults);
    cli_print(c, "%s: %d of files, models and data as recorded, %d not checked, %s\n",
              da_count(k->list.count, "record").text, k->checked, k->absent, da_count(k->faults, "fault").text);
    if (!cli_flag(c, "replay") && k->list.count > 0)
        cli_print(c, "figures were not compared: --replay runs the commands again\n");
    if (k->without > 0) cli_print(c, "%s of an older version: without hashes\n", da_count(k->without, "record").text);
    c->whole = true;
    if (k->list.count == 0) return DA_FAIL(DA_ERROR_NOT_FOUND, "'%.200s' holds no record (*.json)", c->arguments[0]);
    if (cli_flag(c, "replay")) DA_TRY(replay(k, &replays));
    return judge(k, &replays, cli_flag(c, "replay"));
}

static da_status run(cli *c) {
    if (cli_has(c, "keep") && !cli_flag(c, "replay")) return cli_usage(c, "--keep has no effect without --replay");
    check *k = da_alloc_zero(1, sizeof *k);
    if (!k) return DA_ERROR_MEMORY;
    k->c = c;
    da_threads_set(1); /* a process with threads cannot become two; what is replayed has --threads */
    da_status status = verify(k);
    free_records(&k->list);
    da_free(k);
    return status;
}

static const cli_option options[] = {
    { .name = "replay", .kind = CLI_FLAG, .help = "run the records' commands again and compare every figure" },
    { .name = "keep", .kind = CLI_TEXT, .value = "DIR", .help = "replay in this new folder, which stays" },
    { .name = NULL }
};

const cli_command cli_verify = {
    .name = "verify", .purpose = "check a folder of records: files, models, data; with --replay every figure",
    .arguments = "DIR", .file = CLI_READS, .within = "*.json|runs/*.json", .example = "verify results/ --replay",
    .options = options, .run = run,
    .notes = "Every record (--record) holds SHA-256 of the files its command read and wrote, fingerprints of its data,\n"
             "and two of its models. Files are looked for under the names in the record, then beside it: ok, changed,\n"
             "missing, damaged. Data that are not on this machine are not checked, and that is said.\n"
             "--replay runs the commands again, in the order in which one read what another wrote, in a folder that\n"
             "goes afterwards; what a replay reads is what the replay before it has made. Every figure must be the\n"
             "recorded one but times, machine, compiler, threads and places. Nothing outside that folder is written,\n"
             "whatever a record says. Exit status 1 when anything differs."
};
