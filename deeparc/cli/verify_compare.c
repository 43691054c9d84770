/* Two records of one command, the recorded one and that of its replay, figure by figure. A figure is a leaf of the tree:
 * a number, a text, a truth value or null. Its path has a dot a level, and numbers elements of lists, but files of the
 * header are called after the option that names them, models "model":
 *
 *     epochs.0.loss      run.models.model.values      run.outputs.log.sha256
 *
 * Bits are the same on every machine, so equal means equal: nothing is rounded. What cannot be equal stands in one table.
 */
#include "deeparc/cli/verify.h"

#include "core/number.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct exemption { const char *path, *why; } exemption;
static const exemption may_differ[] = {
    { "*seconds",                      "time" },
    { "run.version",                   "the program may be another, which is noted" },
    { "version",                       "the same, in a run of a sweep" },
    { "run.commit",                    "the program may be another, which is noted" },
    { "run.compiler",                  "results are the same for each" },
    { "run.flags",                     "results are the same for each" },
    { "run.kernels",                   "results are the same for each" },
    { "kernels",                       "the same, in a run of a sweep" },
    { "run.threads",                   "results are the same for any number" },
    { "threads",                       "the same, in a run of a sweep" },
    { "run.machine",                   "results are the same on each" },
    { "machine",                       "the same, in a run of a sweep" },
    { "run.data.*.source",             "data may lie elsewhere: their fingerprints are compared" },
    { "run.data.*.files",              "they may lie in other files, packed or not: their fingerprints are compared" },
    { "run.options.resume",            "what was resumed is replayed from its beginning" },
    { "run.inputs.*.sha256",           "a replayed file is compared where it was made, any other before it is read" },
    { "run.outputs.model.sha256",      "the file names machine and paths of its run: run.models has its fingerprints" },
    { "run.outputs.checkpoint.sha256", "the file names machine and paths of its run" },
    { "run.outputs.log.sha256",        "the file holds times: epochs has its other columns" },
    { "run.outputs.html.sha256",       "the page names machine and paths of its run" },
    { "*file_bytes",                   "the file names machine and paths of its run, short ones or long ones" },
};
static const exemption resumed_may_differ[] = {
    { "losses",                        "they begin where the run was resumed; epochs has all" },
};

typedef struct comparer {
    verify_comparison *out;
    const da_json *recorded; /* the root */
    const char *folder;
    bool same_program, resumed;
    char path[512];
} comparer;

static bool is_listed(const exemption *list, size_t count, const char *path) {
    for (size_t i = 0; i < count; i++)
        if (fnmatch(list[i].path, path, 0) == 0) return true;
    return false;
}

static bool is_free(const comparer *k) {
    return is_listed(may_differ, sizeof may_differ / sizeof *may_differ, k->path) ||
           (k->resumed && is_listed(resumed_may_differ, sizeof resumed_may_differ / sizeof *resumed_may_differ, k->path));
}

/* ---- Leaves ---- */

static void write_leaf(char text[72], const da_json *value) {
    double number = 0;
    bool truth = false;
    const char *words = "";
    if (!value) {
        snprintf(text, 72, "not there");
        return;
    }
    switch (da_json_kind(value)) {
    case DA_JSON_NULL: snprintf(text, 72, "null"); break;
    case DA_JSON_BOOL:
        (void)da_json_as_bool(value, &truth);
        snprintf(text, 72, truth ? "true" : "false");
        break;
    case DA_JSON_NUMBER:
        (void)da_json_as_double(value, &number);
        da_number_text(text, number);
        break;
    case DA_JSON_STRING:
        (void)da_json_as_string(value, &words);
        snprintf(text, 72, strlen(words) > 60 ? "'%.57s...'" : "'%.60s'", words);
        break;
    default: snprintf(text, 72, "%lld elements", (long long)da_json_count(value)); break;
    }
}

/* A path may be where the replay has led it. */
static bool same_text(const comparer *k, const char *recorded, const char *replayed) {
    char led[VERIFY_PATH];
    return strcmp(recorded, replayed) == 0 ||
           (verify_lead(led, k->folder, recorded) && strcmp(led, replayed) == 0);
}

/* Doubles first; whole numbers beyond 2^53 may be different ones of the same double. */
static bool same_number(const da_json *a, const da_json *b) {
    double real[2] = { 0 };
    int64_t whole[2] = { 0 };
    (void)da_json_as_double(a, &real[0]);
    (void)da_json_as_double(b, &real[1]);
    if (real[0] != real[1] || !(fabs(real[0]) >= 0x1p53 && fabs(real[0]) < 0x1p63)) return real[0] == real[1];
    (void)da_json_as_int(a, &whole[0]);
    (void)da_json_as_int(b, &whole[1]);
    return whole[0] == whole[1];
}

/* Both are of this kind. */
static bool same_leaf(const comparer *k, da_json_type kind, const da_json *a, const da_json *b) {
    const char *text[2] = { "", "" };
    bool truth[2] = { false, false };
    if (kind == DA_JSON_NUMBER) return same_number(a, b);
    if (kind == DA_JSON_STRING) {
        (void)da_json_as_string(a, &text[0]);
        (void)da_json_as_string(b, &text[1]);
        return same_text(k, text[0], text[1]);
    }
    if (kind == DA_JSON_BOOL) {
        (void)da_json_as_bool(a, &truth[0]);
        (void)da_json_as_bool(b, &truth[1]);
    }
    return truth[0] == truth[1];
}

static void differ(comparer *k, const da_json *recorded, const da_json *replayed) {
    int place = k->out->differing++;
    if (place >= VERIFY_SHOWN) return;
    verify_difference *d = &k->out->first[place];
    snprintf(d->path, sizeof d->path, "%.150s", k->path);
    write_leaf(d->recorded, recorded);
    write_leaf(d->replayed, replayed);
}

/* ---- The tree ---- */

/* What an element of a list is called. */
static void name_element(const comparer *k, const da_json *element, int place, char name[64]) {
    const da_json *run = da_json_get(k->recorded, "run");
    const char *file = da_json_text(element, "file");
    snprintf(name, 64, "%d", place);
    if (!*file) return;
    for (const da_json *o = da_json_first(da_json_get(run, "options")); o; o = da_json_next(o)) {
        const char *text = "";
        if (da_json_kind(o) == DA_JSON_STRING) (void)da_json_as_string(o, &text);
        if (strcmp(text, file) == 0) snprintf(name, 64, "%.60s", da_json_key_of(o));
    }
    for (const da_json *m = da_json_first(da_json_get(run, "models")); m; m = da_json_next(m))
        if (strcmp(da_json_text(m, "file"), file) == 0) snprintf(name, 64, "model");
}

static void compare(comparer *k, const da_json *recorded, const da_json *replayed);

static void compare_below(comparer *k, const char *name, const da_json *recorded, const da_json *replayed) {
    size_t length = strlen(k->path);
    snprintf(k->path + length, sizeof k->path - length, "%s%s", length > 0 ? "." : "", name);
    compare(k, recorded, replayed);
    k->path[length] = 0;
}

static void compare_objects(comparer *k, const da_json *recorded, const da_json *replayed) {
    for (const da_json *r = da_json_first(recorded); r; r = da_json_next(r))
        compare_below(k, da_json_key_of(r), r, da_json_get(replayed, da_json_key_of(r)));
    for (const da_json *r = da_json_first(replayed); r; r = da_json_next(r))
        if (!da_json_get(recorded, da_json_key_of(r))) compare_below(k, da_json_key_of(r), NULL, r);
}

static void compare_arrays(comparer *k, const da_json *recorded, const da_json *replayed) {
    char name[64];
    const da_json *b = da_json_first(replayed);
    int place = 0;
    if (da_json_count(recorded) != da_json_count(replayed)) differ(k, recorded, replayed);
    for (const da_json *a = da_json_first(recorded); a && b; a = da_json_next(a), b = da_json_next(b)) {
        name_element(k, a, place++, name);
        compare_below(k, name, a, b);
    }
}

static void compare(comparer *k, const da_json *recorded, const da_json *replayed) {
    da_json_type kind = da_json_kind(recorded);
    if (is_free(k)) return;
    if (!recorded && !k->same_program) { /* another program may record more */
        k->out->more++;
        return;
    }
    bool alike = recorded && replayed && kind == da_json_kind(replayed);
    if (alike && kind == DA_JSON_OBJECT) compare_objects(k, recorded, replayed);
    else if (alike && kind == DA_JSON_ARRAY) compare_arrays(k, recorded, replayed);
    else {
        k->out->figures++;
        if (!alike || !same_leaf(k, kind, recorded, replayed)) differ(k, recorded, replayed);
    }
}

void verify_compare(verify_comparison *out, const da_json *recorded, const da_json *replayed, const char *folder) {
    const da_json *before = da_json_get(recorded, "run"), *now = da_json_get(replayed, "run");
    comparer k = { .out = out, .recorded = recorded, .folder = folder };
    k.same_program = strcmp(da_json_text(before, "commit"), da_json_text(now, "commit")) == 0 &&
                     strcmp(da_json_text(before, "version"), da_json_text(now, "version")) == 0;
    (void)da_json_bool(da_json_get(before, "options"), "resume", &k.resumed);
    memset(out, 0, sizeof *out);
    compare(&k, recorded, replayed);
}
