/* The networks that a report's records tell of: which are compared with which, and the table of them. */
#include "deeparc/present/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const da_result *da_report_local(const da_report *r) {
    for (int i = 0; i < r->retrains; i++)
        if (strcmp(da_result_text(r->retrain[i], "trained"), "all") != 0) return r->retrain[i];
    return NULL;
}

const char da_report_mixed_note[] = "No change: measured on other test images than the original, or it is not recorded on "
                                 "which; such accuracies are not subtracted.";

static bool same_images(const da_result *a, const da_result *b) {
    const char *images = da_result_text(a, "test_images");
    return *images && strcmp(images, da_result_text(b, "test_images")) == 0;
}

double da_report_original(const da_report *r, const da_result *record) {
    if (record && (record == r->train || same_images(record, r->train))) return da_result_number(r->train, "accuracy");
    if (record && (record == r->restructure || same_images(record, r->restructure)))
        return da_result_number(da_result_find(r->restructure, "before"), "accuracy");
    return (double)NAN;
}

bool da_report_mixes_images(const da_report *r) {
    bool mixed = false;
    for (int i = 0; i < r->retrains; i++)
        mixed |= isfinite(da_result_number(r->retrain[i], "accuracy")) && !isfinite(da_report_original(r, r->retrain[i]));
    return mixed && (r->train || r->restructure);
}

/* size: the object with parameters, multiply_adds, file_bytes and hash; accuracy may be NAN. */
static void add_version(da_result *table, const char *name, double accuracy, double original, double seconds,
                        const da_result *size) {
    double trained = da_result_number(size, "values_trained"), all = trained + da_result_number(size, "values_frozen");
    char weights[20];
    snprintf(weights, sizeof weights, "%s", da_result_text(size, "hash")); /* sha256: and 12 digits */
    da_row(table, da_word(name), da_real(accuracy), da_real(accuracy - original),
           da_result_value(da_result_find(size, "parameters")), da_result_value(da_result_find(size, "multiply_adds")),
           da_real(all > 0 ? trained / all : (double)NAN), da_real(seconds), /* false for NAN */
           da_real(da_result_number(size, "file_bytes") / 1000), da_word(weights));
}

const da_result *da_report_versions(const da_report *r, da_result *to) {
    static const da_column columns[] = {
        { .key = "network", .label = "network" }, { .key = "accuracy", .label = "accuracy", .format = "%.2", .unit = "%" },
        { .key = "change", .label = "change", .format = "+%.2" }, { .key = "parameters", .label = "parameters", .format = "," },
        { .key = "multiply_adds", .label = "multiply-adds", .format = "," },
        { .key = "trained", .label = "trained", .format = "%.1", .unit = "%" },
        { .key = "seconds", .label = "in", .format = ".1", .unit = "s" },
        { .key = "kilobytes", .label = "on disk", .format = ".1", .unit = "kB" }, { .key = "weights", .label = "weights" } };
    const da_result *before = da_result_find(r->restructure, "before"), *after = da_result_find(r->restructure, "after");
    double original = da_result_number(r->train, "accuracy");
    if (!isfinite(original)) original = da_result_number(before, "accuracy");
    da_result *table = da_result_table(to, "versions", columns, sizeof columns / sizeof *columns);
    if (r->train || before)
        add_version(table, "original", original, original, da_result_number(r->train, "seconds"), before ? before : r->train);
    if (after)
        add_version(table, "layers removed", da_result_number(after, "accuracy"), da_report_original(r, r->restructure),
                    (double)NAN, after);
    for (int i = 0; i < r->retrains; i++) {
        char name[DA_REPORT_NAME + 16];
        snprintf(name, sizeof name, "retrained: %s", r->retrain_name[i]);
        add_version(table, name, da_result_number(r->retrain[i], "accuracy"), da_report_original(r, r->retrain[i]),
                    da_result_number(r->retrain[i], "seconds"), r->retrain[i]);
    }
    return table;
}
