/* deeparc report: one page, and one table in the terminal, from what the other commands wrote into a directory. */
#include "deeparc/cli/record.h"
#include "deeparc/present/report.h"

#include "core/file.h"
#include "core/memory.h"

#include <dirent.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Reading a directory ---- */

static da_status read_record(da_report *r, const char *directory, const char *name, bool must, const da_result **out) {
    char path[1024];
    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path)
        return DA_FAIL(DA_ERROR_ARGUMENT, "the path of '%s' is too long", name);
    if (!must && !da_file_exists(path)) return DA_OK;
    da_page_source *grown = da_realloc(r->sources, (size_t)(r->source_count + 1) * sizeof *grown);
    if (!grown) return DA_ERROR_MEMORY;
    r->sources = grown;
    grown += r->source_count;
    DA_TRY(da_result_load(&grown->record, path));
    snprintf(grown->name, sizeof grown->name, "%s", name);
    *out = grown->record;
    r->source_count++;
    return DA_OK;
}

static int by_name(const void *a, const void *b) { return strcmp(a, b); }

/* Takes what stands for the star, if the file is PREFIX*.json. */
static da_status take_name(const char *file, const char *prefix, da_report_name **names, int *count) {
    const size_t before = strlen(prefix), length = strlen(file);
    if (length < before + 5 || strncmp(file, prefix, before) != 0 || strcmp(file + length - 5, ".json") != 0) return DA_OK;
    if (length - before - 5 >= DA_REPORT_NAME)
        return DA_FAIL(DA_ERROR_FORMAT, "the name of '%.40s...' is longer than %d letters", file, DA_REPORT_NAME);
    da_report_name *grown = da_realloc(*names, (size_t)(*count + 1) * sizeof *grown);
    if (!grown) return DA_ERROR_MEMORY;
    *names = grown;
    snprintf(grown[(*count)++], DA_REPORT_NAME, "%.*s", (int)(length - before - 5), file + before);
    return DA_OK;
}

static da_status list_records(const char *directory, const char *prefix, da_report_name **names, int *count) {
    DIR *dir = opendir(directory);
    if (!dir) return DA_FAIL(DA_ERROR_NOT_FOUND, "'%s' is no directory that can be read", directory);
    da_status status = DA_OK;
    for (const struct dirent *entry; status == DA_OK && (entry = readdir(dir)) != NULL;)
        status = take_name(entry->d_name, prefix, names, count);
    closedir(dir);
    if (*count > 0) qsort(*names, (size_t)*count, sizeof **names, by_name);
    return status;
}

static da_status read_listed(da_report *r, const char *directory, const char *prefix, da_report_name *names, int count,
                             const da_result ***out) {
    char name[DA_REPORT_NAME + 32];
    *out = da_alloc_zero((size_t)count + 1, sizeof **out);
    if (!*out) return DA_ERROR_MEMORY;
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%s%s.json", prefix, names[i]);
        DA_TRY(read_record(r, directory, name, true, &(*out)[i]));
    }
    return DA_OK;
}

static da_status read_directory(da_report *r, const char *directory) {
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
static bool is_known(const da_report *r, const char *original, const char *hash) {
    const char *after = da_result_text(da_result_find(r->restructure, "after"), "hash");
    bool known = same_network(hash, original) || (*after && strcmp(hash, after) == 0);
    for (int i = 0; i < r->retrains; i++) known |= strcmp(hash, da_result_text(r->retrain[i], "hash")) == 0;
    return known;
}

static da_status check_networks(const da_report *r) {
    const char *trained = da_result_text(r->train, "hash"), *measured = da_result_text(r->similarity, "hash");
    const char *before = da_result_text(da_result_find(r->restructure, "before"), "hash");
    const char *original = *trained ? trained : *before ? before : measured;
    if (!same_network(before, original)) return refuse_network("restructure", "", before, original);
    if (!same_network(measured, original)) return refuse_network("similarity", "", measured, original);
    for (int i = 0; i < r->retrains; i++) {
        const char *hash = da_result_text(r->retrain[i], "hash_before");
        if (!is_known(r, original, hash)) return refuse_network("retrain-", r->retrain_name[i], hash, original);
    }
    for (int i = 0; i < r->studies; i++) {
        const char *hash = da_result_text(r->study[i], "hash");
        if (!is_known(r, original, hash)) return refuse_network("properties", r->study_name[i], hash, original);
    }
    return DA_OK;
}

/* ---- The command ---- */

static da_status make(cli *c, const da_report *r) {
    const char *out = cli_text(c, "out");
    size_t bytes = 0;
    da_result *own;
    DA_TRY(record_tree(c, &own));
    da_status status = da_report_page(r, da_result_find(own, "run"), out, &bytes);
    da_result_free(own);
    DA_TRY(status);
    (void)da_report_versions(r, c->result);
    if (da_report_mixes_images(r)) da_result_say(c->result, "%s\n", da_report_mixed_note);
    da_result_put(c->result, "report", da_word(out));
    da_result_put(c->result, "bytes", da_whole((int64_t)bytes));
    cli_note(c, "the report is %s", out);
    return DA_OK;
}

static da_status report_run(cli *c) {
    da_report r = { .retrains = 0 };
    da_status status = read_directory(&r, c->arguments[0]);
    if (status == DA_OK) status = check_networks(&r);
    if (status == DA_OK) status = make(c, &r);
    for (int i = 0; i < r.source_count; i++) da_result_free(r.sources[i].record);
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
