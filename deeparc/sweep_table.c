/* From a plan and the files its runs left to a table. */
#include "deeparc/sweep_table.h"

#include "core/file.h"
#include "core/json.h"
#include "core/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLAN_CAP = 1 << 30 };

da_status da_sweep_path(char path[DA_SWEEP_PATH], const char *dir, const char *id, const char *ending) {
    if (snprintf(path, DA_SWEEP_PATH, "%s/runs/%s%s", dir, id, ending) < DA_SWEEP_PATH) return DA_OK;
    return DA_FAIL(DA_ERROR_ARGUMENT, "--dir names a directory of more than %d letters", DA_SWEEP_PATH - 64);
}

/* ---- One result ---- */

static da_status take_text(const da_json *root, const char *key, char *out, size_t size) {
    const char *text;
    DA_TRY(da_json_string(root, key, &text));
    if (strlen(text) >= size) return DA_FAIL(DA_ERROR_FORMAT, "'%s' holds more than %zu letters", key, size - 1);
    strcpy(out, text);
    return DA_OK;
}

/* Records of 0.1.0 have no header. */
static void take_maker(const da_json *run, da_sweep_result *r) {
    const char *commit = "unknown", *compiler = "unknown";
    if (da_json_get(run, "commit")) (void)da_json_string(run, "commit", &commit);
    if (da_json_get(run, "compiler")) (void)da_json_string(run, "compiler", &compiler);
    snprintf(r->commit, sizeof r->commit, "%s", commit);
    snprintf(r->compiler, sizeof r->compiler, "%s", compiler);
}

static da_status take_result(const da_json *root, da_sweep_result *r) {
    const struct { const char *key; char *text; size_t size; } texts[] = {
        { "id", r->id, sizeof r->id },                { "model", r->model, sizeof r->model },
        { "data", r->data, sizeof r->data },          { "settings", r->settings, sizeof r->settings },
        { "hash", r->hash, sizeof r->hash },          { "linkage", r->linkage, sizeof r->linkage },
        { "tap", r->tap, sizeof r->tap },             { "kernels", r->kernels, sizeof r->kernels },
        { "version", r->version, sizeof r->version }, { "machine", r->machine, sizeof r->machine }
    };
    double training, similarity;
    const struct { const char *key; double *number; } numbers[] = {
        { "depth", &r->depth },   { "width", &r->width },           { "share", &r->share },
        { "seed", &r->seed },     { "classes", &r->classes },       { "trained_on", &r->trained_on },
        { "epochs", &r->epochs }, { "layers", &r->layers },         { "accuracy", &r->accuracy },
        { "loss", &r->loss },     { "training_seconds", &training }, { "similarity_seconds", &similarity }
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        DA_TRY(take_text(root, texts[i].key, texts[i].text, texts[i].size));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        DA_TRY(da_json_double(root, numbers[i].key, numbers[i].number));
    take_maker(da_json_get(root, "run"), r);
    r->seconds = training + similarity;
    if (!(r->depth >= 8 && r->depth <= 1e6)) /* of the smallest ResNet; pictures take its logarithm */
        return DA_FAIL(DA_ERROR_FORMAT, "a network of %g layers", r->depth);
    return DA_OK;
}

/* Of the neighbours of one stage, the share that lies in one module. `list` has every module as its first layer and the
   one behind its last. NaN: there are no such neighbours. */
static da_status count_within(const da_json *list, double layers, double *share) {
    const double stage = layers / DA_SWEEP_STAGES, pairs = layers - DA_SWEEP_STAGES;
    double cuts = 0, end = 0;
    for (const da_json *range = da_json_first(list); range; range = da_json_next(range)) {
        double begin = -1, next = -1;
        DA_TRY(da_json_as_double(da_json_at(range, 0), &begin));
        DA_TRY(da_json_as_double(da_json_at(range, 1), &next));
        if (begin != end || !(next > begin))
            return DA_FAIL(DA_ERROR_FORMAT, "a module [%g, %g) behind one that ends at %g", begin, next, end);
        cuts += begin > 0 && fmod(begin, stage) != 0;
        end = next;
    }
    if (end != layers) return DA_FAIL(DA_ERROR_FORMAT, "modules of %g of %g blocks", end, layers);
    *share = pairs > 0 && stage == floor(stage) ? (pairs - cuts) / pairs : (double)NAN;
    return DA_OK;
}

/* What follows from the numbers of blocks and modules. */
static da_status complete(da_sweep_point *p) {
    double layers = p->result->layers;
    if (!(p->modules >= 1 && p->modules <= layers && layers >= 2))
        return DA_FAIL(DA_ERROR_FORMAT, "%g modules of %g blocks", p->modules, layers);
    for (int m = 0; m < DA_SWEEP_JOINED; m++)
        if (!(p->metric[m] >= 0 && p->metric[m] <= 1))
            return DA_FAIL(DA_ERROR_FORMAT, "the metric %s is %g, no share", da_sweep_metric_name((da_sweep_metric)m),
                           p->metric[m]);
    p->metric[DA_SWEEP_JOINED] = (layers - p->modules) / (layers - 1);
    p->floor = p->modules == layers;
    p->ceiling = p->modules == 1;
    return DA_OK;
}

static da_status take_points(da_sweep_table *t, const da_json *root, const da_sweep_result *r) {
    const da_json *list;
    DA_TRY(da_json_array(root, "thresholds", &list));
    int count = (int)da_json_count(list);
    da_sweep_point *grown = da_realloc(t->point, (size_t)(t->points + count) * sizeof *grown);
    if (!grown) return DA_ERROR_MEMORY;
    t->point = grown;
    for (const da_json *cut = da_json_first(list); cut; cut = da_json_next(cut)) {
        da_sweep_point p = { .result = r };
        DA_TRY(da_json_double(cut, "threshold", &p.threshold));
        DA_TRY(da_json_double(cut, "modules", &p.modules));
        DA_TRY(da_json_double(cut, "paper", &p.metric[DA_SWEEP_PAPER]));
        DA_TRY(da_json_double(cut, "ratio", &p.metric[DA_SWEEP_RATIO]));
        DA_TRY(da_json_double(cut, "coverage", &p.metric[DA_SWEEP_COVERAGE]));
        DA_TRY(complete(&p));
        p.metric[DA_SWEEP_WITHIN] = (double)NAN;
        const da_json *ranges = da_json_get(cut, "ranges");
        if (ranges) DA_TRY(count_within(ranges, r->layers, &p.metric[DA_SWEEP_WITHIN]));
        t->point[t->points++] = p;
    }
    return DA_OK;
}

static da_status read_result(da_sweep_table *t, const char *path, const char *id) {
    da_json *root;
    DA_TRY(da_json_read(&root, path));
    da_sweep_result *r = &t->result[t->results];
    da_status status = take_result(root, r);
    if (status == DA_OK && strcmp(r->id, id) != 0)
        status = DA_FAIL(DA_ERROR_FORMAT, "it is the result of run %s", r->id);
    if (status == DA_OK) status = take_points(t, root, r);
    if (status == DA_OK) t->results++;
    else da_fail_context("'%s': ", path);
    da_json_free(root);
    return status;
}

/* ---- The plan ---- */

static int64_t count_lines(const char *text) {
    int64_t lines = 0;
    for (; *text; text++) lines += *text == '\n';
    return lines;
}

/* The ID of a line, which stands behind "--id ". */
static bool line_id(const char *line, size_t length, char id[DA_SWEEP_ID]) {
    static const char mark[] = " sweep run --id ";
    for (const char *at = line; at + sizeof mark - 1 + DA_SWEEP_ID - 1 <= line + length; at++)
        if (memcmp(at, mark, sizeof mark - 1) == 0) {
            memcpy(id, at + sizeof mark - 1, DA_SWEEP_ID - 1);
            id[DA_SWEEP_ID - 1] = '\0';
            return strspn(id, "0123456789abcdef") == DA_SWEEP_ID - 1;
        }
    return false;
}

static da_status read_runs(da_sweep_table *t, const char *plan, const char *dir) {
    for (const char *line = plan; *line; t->planned++) {
        char id[DA_SWEEP_ID], path[DA_SWEEP_PATH];
        size_t length = strcspn(line, "\n");
        if (!line_id(line, length, id))
            return DA_FAIL(DA_ERROR_FORMAT, "'%s/plan.txt': line %lld is none that `sweep plan` writes", dir,
                           (long long)t->planned + 1);
        DA_TRY(da_sweep_path(path, dir, id, ".json"));
        if (da_file_exists(path)) DA_TRY(read_result(t, path, id));
        line += length + (line[length] == '\n');
    }
    if (t->points > 0) return DA_OK;
    return DA_FAIL(DA_ERROR_NOT_FOUND, "not one of the %lld runs of '%s/plan.txt' is finished", (long long)t->planned,
                   dir);
}

/* ---- The table ---- */

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static da_status note_value(double *values, int *count, int capacity, double value, const char *what) {
    for (int i = 0; i < *count; i++)
        if (fabs(values[i] - value) < 1e-12) return DA_OK;
    if (*count == capacity) return DA_FAIL(DA_ERROR_FORMAT, "the runs have more than %d %s", capacity, what);
    values[(*count)++] = value;
    return DA_OK;
}

static da_status list_values(da_sweep_table *t) {
    for (int i = 0; i < t->points; i++) {
        DA_TRY(note_value(t->thresholds, &t->threshold_count, DA_SWEEP_THRESHOLDS, t->point[i].threshold, "thresholds"));
        DA_TRY(note_value(t->depths, &t->depth_count, DA_SWEEP_DEPTHS, t->point[i].result->depth, "depths"));
    }
    qsort(t->thresholds, (size_t)t->threshold_count, sizeof *t->thresholds, ascending);
    qsort(t->depths, (size_t)t->depth_count, sizeof *t->depths, ascending);
    return DA_OK;
}

da_status da_sweep_table_read(da_sweep_table *table, const char *dir) {
    char path[DA_SWEEP_PATH];
    da_sweep_table t = { .planned = 0 };
    uint8_t *plan;
    size_t size;
    if (snprintf(path, sizeof path, "%s/plan.txt", dir) >= (int)sizeof path)
        return DA_FAIL(DA_ERROR_ARGUMENT, "--dir is too long");
    DA_TRY(da_file_read(path, PLAN_CAP, &plan, &size));
    t.result = da_alloc_zero((size_t)count_lines((const char *)plan) + 1, sizeof *t.result); /* points refer to them */
    da_status status = t.result ? read_runs(&t, (const char *)plan, dir) : DA_ERROR_MEMORY;
    if (status == DA_OK) status = list_values(&t);
    da_free(plan);
    if (status == DA_OK) *table = t;
    else da_sweep_table_free(&t);
    return status;
}

int da_sweep_count_text(const da_sweep_table *t, int i, size_t offset) {
    const char *text = (const char *)&t->result[i] + offset;
    int count = 0;
    for (int k = 0; k < t->results; k++) {
        if (strcmp((const char *)&t->result[k] + offset, text) != 0) continue;
        if (k < i) return 0;
        count++;
    }
    return count;
}

void da_sweep_table_free(da_sweep_table *table) {
    da_free(table->result);
    da_free(table->point);
    memset(table, 0, sizeof *table);
}
