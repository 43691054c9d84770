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
    "network", "accuracy", "change", "parameters", "multiply-adds", "trained in", "on disk", "weights"
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

/* facts: accuracy may be NAN; size: the object with parameters, multiply_adds, file_bytes and hash. */
static void add_version(cells *t, const char *name, double accuracy, double original, double seconds,
                        const da_json *size) {
    cells_add(t, "%s", name);
    if (isfinite(accuracy)) cells_add(t, "%.2f %%", 100 * accuracy);
    else cells_add(t, " ");
    if (isfinite(accuracy) && isfinite(original)) cells_add(t, "%+.2f", 100 * (accuracy - original));
    else cells_add(t, " ");
    add_count(t, report_number(size, "parameters"));
    add_count(t, report_number(size, "multiply_adds"));
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
        add_version(t, "original", original, (double)NAN, report_number(r->train, "seconds"),
                    before ? before : r->train);
    if (after) add_version(t, "layers removed", report_number(after, "accuracy"), original, (double)NAN, after);
    for (int i = 0; i < r->retrains; i++) {
        char name[80];
        snprintf(name, sizeof name, "retrained: %s", r->retrain_name[i]);
        add_version(t, name, report_number(r->retrain[i], "accuracy"), original,
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

typedef struct files {
    da_json *root[3 + REPORT_RETRAINS + REPORT_STUDIES];
    int count;
} files;

static da_status read_record(files *f, const char *directory, const char *name, bool must, const da_json **out) {
    char path[1024];
    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path)
        return DA_FAIL(DA_ERROR_ARGUMENT, "the path of '%s' is too long", name);
    if (!must && !da_file_exists(path)) return DA_OK;
    DA_TRY(da_json_read(&f->root[f->count], path));
    *out = f->root[f->count++];
    return DA_OK;
}

static int by_name(const void *a, const void *b) { return strcmp(a, b); }

/* The names, in order, of the files PREFIX*.json: what stands for the star. */
static da_status list_records(const char *directory, const char *prefix, char (*names)[REPORT_NAME], int most,
                              int *count) {
    size_t before = strlen(prefix);
    DIR *dir = opendir(directory);
    if (!dir) return DA_FAIL(DA_ERROR_NOT_FOUND, "'%s' is no directory that can be read", directory);
    const struct dirent *entry;
    while (*count < most && (entry = readdir(dir)) != NULL) {
        size_t length = strlen(entry->d_name);
        if (length < before + 5 || length - before - 5 >= REPORT_NAME) continue;
        if (strncmp(entry->d_name, prefix, before) != 0 || strcmp(entry->d_name + length - 5, ".json") != 0) continue;
        memcpy(names[*count], entry->d_name + before, length - before - 5);
        names[(*count)++][length - before - 5] = '\0';
    }
    closedir(dir);
    qsort(names, (size_t)*count, sizeof names[0], by_name);
    return DA_OK;
}

static da_status read_listed(files *f, const char *directory, const char *prefix, char (*names)[REPORT_NAME], int count,
                             const da_json **out) {
    for (int i = 0; i < count; i++) {
        char name[96];
        snprintf(name, sizeof name, "%s%s.json", prefix, names[i]);
        DA_TRY(read_record(f, directory, name, true, &out[i]));
    }
    return DA_OK;
}

static da_status read_directory(files *f, report *r, const char *directory) {
    DA_TRY(list_records(directory, "retrain-", r->retrain_name, REPORT_RETRAINS, &r->retrains));
    DA_TRY(list_records(directory, "properties", r->study_name, REPORT_STUDIES, &r->studies));
    DA_TRY(read_record(f, directory, "train.json", false, &r->train));
    DA_TRY(read_record(f, directory, "similarity.json", false, &r->similarity));
    DA_TRY(read_record(f, directory, "restructure.json", false, &r->restructure));
    DA_TRY(read_listed(f, directory, "retrain-", r->retrain_name, r->retrains, r->retrain));
    DA_TRY(read_listed(f, directory, "properties", r->study_name, r->studies, r->study));
    if (f->count > 0) return DA_OK;
    return DA_FAIL(DA_ERROR_NOT_FOUND,
                   "'%s' holds none of train.json, similarity.json, restructure.json, retrain-*.json, "
                   "properties*.json: write them with --record", directory);
}

/* ---- The command ---- */

static da_status make(cli *c, const report *r) {
    da_text page = { 0 };
    cells versions = { 0 };
    int rows = 0;
    da_status status = report_page(r, &page);
    if (status == DA_OK) status = da_file_save(cli_text(c, "out"), da_text_string(&page), page.length);
    if (status == DA_OK) status = report_versions(r, &versions, &rows);
    if (status == DA_OK) {
        if (rows > 0) print_versions(c, &versions, rows);
        cli_put_text(c, "report", cli_text(c, "out"));
        cli_put_int(c, "bytes", (int64_t)page.length);
        cli_note(c, "the report is %s", cli_text(c, "out"));
    }
    cells_free(&versions);
    da_text_free(&page);
    return status;
}

static da_status report_run(cli *c) {
    files f = { .count = 0 };
    report r = { .retrains = 0 };
    da_status status = read_directory(&f, &r, c->arguments[0]);
    if (status == DA_OK) status = make(c, &r);
    for (int i = 0; i < f.count; i++) da_json_free(f.root[i]);
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
    .notes = "Reads from DIR, where they are there: train.json, similarity.json, restructure.json, retrain-*.json and\n"
             "properties*.json, what these commands write with --record. The page needs nothing from outside.",
    .options = options, .run = report_run
};
