/* deeparc report: one page, and one table in the terminal, from what the other commands wrote into a directory. */
#include "deeparc/cli/report.h"

#include "core/file.h"
#include "core/memory.h"

#include <dirent.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const da_json *report_local(const report *r) {
    for (int i = 0; i < r->retrains; i++)
        if (strcmp(report_text(r->retrain[i], "trained"), "all") != 0) return r->retrain[i];
    return NULL;
}

/* ---- Cells ---- */

da_status cells_init(cells *t, int capacity) {
    cells made = { .text = da_alloc((size_t)capacity * sizeof *made.text), .capacity = capacity };
    made.cell = da_alloc((size_t)capacity * sizeof *made.cell);
    if (made.text && made.cell) {
        *t = made;
        return DA_OK;
    }
    cells_free(&made);
    return DA_ERROR_MEMORY;
}

void cells_free(cells *t) {
    da_free(t->text);
    da_free(t->cell);
    memset(t, 0, sizeof *t);
}

void cells_add(cells *t, const char *format, ...) {
    if (t->count == t->capacity) return;
    va_list list;
    va_start(list, format);
    vsnprintf(t->text[t->count], CELL, format, list);
    va_end(list);
    t->cell[t->count] = t->text[t->count];
    t->count++;
}

/* ---- Versions ---- */

const char *const report_header[VERSION_COLUMNS] = {
    "network", "accuracy", "change", "parameters", "multiply-adds", "trained", "in", "on disk", "weights"
};

/* "67,906"; what is no count of anything, as -1 or 1e300, is written as it is. */
static void add_count(cells *t, double value) {
    char digits[32], grouped[48];
    if (!isfinite(value)) { cells_add(t, " "); return; }
    if (!(value >= 0 && value < 1e15)) { cells_add(t, "%.6g", value); return; }
    int length = snprintf(digits, sizeof digits, "%.0f", value), out = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) grouped[out++] = ',';
        grouped[out++] = digits[i];
    }
    grouped[out] = '\0';
    cells_add(t, "%s", grouped);
}

const char report_mixed_note[] = "Change \"-\": measured on other test images than the original, or it is not recorded on "
                                 "which; such accuracies are not subtracted.";

static bool same_images(const da_json *a, const da_json *b) {
    const char *images = report_text(a, "test_images");
    return *images && strcmp(images, report_text(b, "test_images")) == 0;
}

double report_original(const report *r, const da_json *record) {
    if (record && (record == r->train || same_images(record, r->train))) return report_number(r->train, "accuracy");
    if (record && (record == r->restructure || same_images(record, r->restructure)))
        return report_number(da_json_get(r->restructure, "before"), "accuracy");
    return (double)NAN;
}

bool report_mixes_images(const report *r) {
    bool mixed = false;
    for (int i = 0; i < r->retrains; i++)
        mixed |= isfinite(report_number(r->retrain[i], "accuracy")) && !isfinite(report_original(r, r->retrain[i]));
    return mixed && (r->train || r->restructure);
}

/* facts: accuracy may be NAN; size: the object with parameters, multiply_adds, file_bytes and hash. */
static void add_version(cells *t, const char *name, double accuracy, double original, double seconds,
                        const da_json *size) {
    cells_add(t, "%s", name);
    if (isfinite(accuracy)) cells_add(t, "%.2f %%", 100 * accuracy);
    else cells_add(t, " ");
    if (isfinite(accuracy) && isfinite(original)) cells_add(t, "%+.2f", 100 * (accuracy - original));
    else cells_add(t, isfinite(accuracy) ? "-" : " ");
    add_count(t, report_number(size, "parameters"));
    add_count(t, report_number(size, "multiply_adds"));
    double trained = report_number(size, "values_trained"), frozen = report_number(size, "values_frozen");
    if (trained + frozen > 0) cells_add(t, "%.1f %%", 100 * trained / (trained + frozen)); /* false for NAN */
    else cells_add(t, " ");
    if (isfinite(seconds)) cells_add(t, "%.1f s", seconds);
    else cells_add(t, " ");
    double bytes = report_number(size, "file_bytes");
    if (isfinite(bytes)) cells_add(t, "%.1f kB", bytes / 1000);
    else cells_add(t, " ");
    cells_add(t, "%.19s", report_text(size, "hash")); /* sha256: and 12 digits */
}

da_status report_versions(const report *r, cells *t, int *rows) {
    const da_json *before = da_json_get(r->restructure, "before"), *after = da_json_get(r->restructure, "after");
    double original = report_number(r->train, "accuracy");
    if (!isfinite(original)) original = report_number(before, "accuracy");
    DA_TRY(cells_init(t, (2 + r->retrains) * VERSION_COLUMNS));
    if (r->train || before)
        add_version(t, "original", original, original, report_number(r->train, "seconds"),
                    before ? before : r->train);
    if (after)
        add_version(t, "layers removed", report_number(after, "accuracy"), report_original(r, r->restructure), (double)NAN,
                    after);
    for (int i = 0; i < r->retrains; i++) {
        char name[CELL];
        snprintf(name, sizeof name, "retrained: %.80s", r->retrain_name[i]);
        add_version(t, name, report_number(r->retrain[i], "accuracy"), report_original(r, r->retrain[i]),
                    report_number(r->retrain[i], "seconds"), r->retrain[i]);
    }
    *rows = t->count / VERSION_COLUMNS;
    return DA_OK;
}

static void print_versions(cli *c, const cells *t, int rows) {
    int width[VERSION_COLUMNS];
    for (int k = 0; k < VERSION_COLUMNS; k++) {
        width[k] = (int)strlen(report_header[k]);
        for (int i = 0; i < rows; i++) {
            int length = (int)strlen(t->cell[i * VERSION_COLUMNS + k]);
            if (length > width[k]) width[k] = length;
        }
    }
    for (int i = -1; i < rows; i++)
        for (int k = 0; k < VERSION_COLUMNS; k++) {
            const char *cell = i < 0 ? report_header[k] : t->cell[i * VERSION_COLUMNS + k];
            cli_print(c, k == 0 ? "%-*s" : "  %*s", width[k], cell);
            if (k == VERSION_COLUMNS - 1) cli_print(c, "\n");
        }
}

/* ---- Reading a directory ---- */

static da_status read_record(report *r, const char *directory, const char *name, bool must, const da_json **out) {
    char path[1024];
    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path)
        return DA_FAIL(DA_ERROR_ARGUMENT, "the path of '%s' is too long", name);
    if (!must && !da_file_exists(path)) return DA_OK;
    page_source *grown = da_realloc(r->sources, (size_t)(r->source_count + 1) * sizeof *grown);
    if (!grown) return DA_ERROR_MEMORY;
    r->sources = grown;
    grown += r->source_count;
    DA_TRY(da_json_read(&grown->record, path));
    snprintf(grown->name, sizeof grown->name, "%s", name);
    *out = grown->record;
    r->source_count++;
    return DA_OK;
}

static int by_name(const void *a, const void *b) { return strcmp(a, b); }

/* Takes what stands for the star, if the file is PREFIX*.json. */
static da_status take_name(const char *file, const char *prefix, report_name **names, int *count) {
    const size_t before = strlen(prefix), length = strlen(file);
    if (length < before + 5 || strncmp(file, prefix, before) != 0 || strcmp(file + length - 5, ".json") != 0) return DA_OK;
    if (length - before - 5 >= REPORT_NAME)
        return DA_FAIL(DA_ERROR_FORMAT, "the name of '%.40s...' is longer than %d letters", file, REPORT_NAME);
    report_name *grown = da_realloc(*names, (size_t)(*count + 1) * sizeof *grown);
    if (!grown) return DA_ERROR_MEMORY;
    *names = grown;
    snprintf(grown[(*count)++], REPORT_NAME, "%.*s", (int)(length - before - 5), file + before);
    return DA_OK;
}

static da_status list_records(const char *directory, const char *prefix, report_name **names, int *count) {
    DIR *dir = opendir(directory);
    if (!dir) return DA_FAIL(DA_ERROR_NOT_FOUND, "'%s' is no directory that can be read", directory);
    da_status status = DA_OK;
    for (const struct dirent *entry; status == DA_OK && (entry = readdir(dir)) != NULL;)
        status = take_name(entry->d_name, prefix, names, count);
    closedir(dir);
    if (*count > 0) qsort(*names, (size_t)*count, sizeof **names, by_name);
    return status;
}

static da_status read_listed(report *r, const char *directory, const char *prefix, report_name *names, int count,
                             const da_json ***out) {
    char name[REPORT_NAME + 32];
    *out = da_alloc_zero((size_t)count + 1, sizeof **out);
    if (!*out) return DA_ERROR_MEMORY;
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%s%s.json", prefix, names[i]);
        DA_TRY(read_record(r, directory, name, true, &(*out)[i]));
    }
    return DA_OK;
}

static da_status read_directory(report *r, const char *directory) {
    DA_TRY(list_records(directory, "retrain-", &r->retrain_name, &r->retrains));
    DA_TRY(list_records(directory, "properties", &r->study_name, &r->studies));
    DA_TRY(list_records(directory, "eval", &r->eval_name, &r->evals));
    DA_TRY(read_record(r, directory, "train.json", false, &r->train));
    DA_TRY(read_record(r, directory, "similarity.json", false, &r->similarity));
    DA_TRY(read_record(r, directory, "restructure.json", false, &r->restructure));
    DA_TRY(read_listed(r, directory, "retrain-", r->retrain_name, r->retrains, &r->retrain));
    DA_TRY(read_listed(r, directory, "eval", r->eval_name, r->evals, &r->eval));
    DA_TRY(read_listed(r, directory, "properties", r->study_name, r->studies, &r->study));
    if (r->source_count > 0) return DA_OK;
    return DA_FAIL(DA_ERROR_NOT_FOUND,
                   "'%s' holds none of train.json, similarity.json, restructure.json, retrain-*.json, "
                   "eval*.json, properties*.json: write them with --record", directory);
}

/* ---- Are they of one network? ---- */

/* Equal, or one of them unknown: "". */
static bool same_network(const char *a, const char *b) { return !*a || !*b || strcmp(a, b) == 0; }

static da_status refuse_network(const char *file, const char *name, const char *hash, const char *other) {
    return DA_FAIL(DA_ERROR_FORMAT, "'%s%s.json' is of a network that the other records do not know: %.19s..., not "
                   "%.19s...: a report is of one network and of what was made of it", file, name, hash, other);
}

/* Is it the original, what removal left, or what a repair made of that? */
static bool is_known(const report *r, const char *original, const char *hash) {
    const char *after = report_text(da_json_get(r->restructure, "after"), "hash");
    bool known = same_network(hash, original) || (*after && strcmp(hash, after) == 0);
    for (int i = 0; i < r->retrains; i++) known |= strcmp(hash, report_text(r->retrain[i], "hash")) == 0;
    return known;
}

static da_status check_networks(const report *r) {
    const char *trained = report_text(r->train, "hash"), *measured = report_text(r->similarity, "hash");
    const char *before = report_text(da_json_get(r->restructure, "before"), "hash");
    const char *original = *trained ? trained : *before ? before : measured;
    if (!same_network(before, original)) return refuse_network("restructure", "", before, original);
    if (!same_network(measured, original)) return refuse_network("similarity", "", measured, original);
    for (int i = 0; i < r->retrains; i++) {
        const char *hash = report_text(r->retrain[i], "hash_before");
        if (!is_known(r, original, hash)) return refuse_network("retrain-", r->retrain_name[i], hash, original);
    }
    for (int i = 0; i < r->studies; i++) {
        const char *hash = report_text(r->study[i], "hash");
        if (!is_known(r, original, hash)) return refuse_network("properties", r->study_name[i], hash, original);
    }
    return DA_OK;
}

/* ---- The command ---- */

static da_status make(cli *c, const report *r) {
    size_t bytes = 0;
    cells versions = { 0 };
    int rows = 0;
    da_status status = report_page(c, r, cli_text(c, "out"), &bytes);
    if (status == DA_OK) status = report_versions(r, &versions, &rows);
    if (status == DA_OK) {
        if (rows > 0) print_versions(c, &versions, rows);
        if (report_mixes_images(r)) cli_print(c, "%s\n", report_mixed_note);
        cli_put_text(c, "report", cli_text(c, "out"));
        cli_put_int(c, "bytes", (int64_t)bytes);
        cli_note(c, "the report is %s", cli_text(c, "out"));
    }
    cells_free(&versions);
    return status;
}

static da_status report_run(cli *c) {
    report r = { .retrains = 0 };
    da_status status = read_directory(&r, c->arguments[0]);
    if (status == DA_OK) status = check_networks(&r);
    if (status == DA_OK) status = make(c, &r);
    for (int i = 0; i < r.source_count; i++) da_json_free(r.sources[i].record);
    da_free(r.sources);
    da_free(r.retrain);
    da_free(r.retrain_name);
    da_free(r.eval);
    da_free(r.eval_name);
    da_free(r.study);
    da_free(r.study_name);
    return status;
}

static const cli_option options[] = {
    { .name = "out", .kind = CLI_TEXT, .value = "FILE.html", .file = CLI_WRITES, .required = true,
      .help = "write the page there" },
    { .name = NULL }
};

const cli_command cli_report = {
    .name = "report", .purpose = "make one HTML page of what the other commands recorded", .arguments = "DIR",
    .file = CLI_READS, .within = "*.json",
    .example = "report results --out report.html",
    .notes = "Reads from DIR, where they are there: train.json, similarity.json, restructure.json, retrain-*.json,\n"
             "eval*.json (pictures of its --examples) and properties*.json, what these commands write with --record. The page needs nothing from outside.",
    .options = options, .run = report_run
};
