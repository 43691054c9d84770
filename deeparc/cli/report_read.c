/* From records to numbers, names, matrices and partitions. */
#include "deeparc/cli/report.h"

#include "core/memory.h"

#include <math.h>
#include <stdio.h>

static double number_of(const da_json *value) {
    double number = (double)NAN;
    if (da_json_kind(value) == DA_JSON_NUMBER) (void)da_json_as_double(value, &number);
    return number;
}

double report_number(const da_json *object, const char *key) { return number_of(da_json_get(object, key)); }

da_counted report_count(const da_json *object, const char *key, const char *noun) {
    da_counted out;
    const double count = report_number(object, key);
    if (fabs(count) < 1e15) return da_count((int64_t)count, noun);
    char number[DA_NUMBER_WIDE]; /* a record says what it likes */
    snprintf(out.text, sizeof out.text, "%.20s %.40ss", da_number_rounded(number, count, 4), noun);
    return out;
}

const char *report_text(const da_json *object, const char *key) {
    const char *text = "";
    const da_json *member = da_json_get(object, key);
    if (da_json_kind(member) == DA_JSON_STRING) (void)da_json_as_string(member, &text);
    return text;
}

da_status report_numbers(const da_json *list, const char *key, double **out, int *count) {
    double *values = da_alloc((size_t)da_json_count(list) * sizeof *values);
    if (!values) return DA_ERROR_MEMORY;
    int n = 0;
    for (const da_json *item = da_json_first(list); item; item = da_json_next(item))
        values[n++] = key ? report_number(item, key) : number_of(item);
    *out = values;
    *count = n;
    return DA_OK;
}

da_status report_names(const da_json *list, const char ***out, int *count) {
    const char **names = da_alloc((size_t)da_json_count(list) * sizeof *names);
    if (!names) return DA_ERROR_MEMORY;
    int n = 0;
    da_status status = DA_OK;
    for (const da_json *item = da_json_first(list); item && status == DA_OK; item = da_json_next(item))
        status = da_json_as_string(item, &names[n++]);
    if (status != DA_OK) {
        da_free(names);
        return status;
    }
    *out = names;
    *count = n;
    return DA_OK;
}

da_status report_square(const da_json *rows, int layers, double **out) {
    double *values = da_alloc((size_t)layers * (size_t)layers * sizeof *values);
    if (!values) return DA_ERROR_MEMORY;
    da_status status = DA_OK;
    int n = 0;
    for (const da_json *row = da_json_first(rows); row && status == DA_OK; row = da_json_next(row)) {
        if (da_json_count(row) != layers || n == layers * layers) { n = -1; break; }
        for (const da_json *value = da_json_first(row); value && status == DA_OK; value = da_json_next(value))
            status = da_json_as_double(value, &values[n++]);
    }
    if (status == DA_OK && n != layers * layers)
        status = DA_FAIL(DA_ERROR_FORMAT, "similarity.json: the matrix is not %d x %d", layers, layers);
    if (status == DA_OK) *out = values;
    else da_free(values);
    return status;
}

da_status report_partition(const da_json *record, da_partition *out) {
    const da_json *list;
    int64_t layers, at = 0;
    DA_TRY(da_json_int(record, "layers", &layers));
    DA_TRY(da_json_array(record, "modules", &list));
    da_partition p = { .layers = (int)layers };
    p.module = da_alloc((size_t)da_json_count(list) * sizeof *p.module);
    if (!p.module) return DA_ERROR_MEMORY;
    da_status status = layers < 1 || layers > DA_MAX_UNITS ? DA_ERROR_FORMAT : DA_OK;
    for (const da_json *pair = da_json_first(list); pair && status == DA_OK; pair = da_json_next(pair)) {
        int64_t begin = -1, end = -1;
        if (da_json_as_int(da_json_at(pair, 0), &begin) != DA_OK ||
            da_json_as_int(da_json_at(pair, 1), &end) != DA_OK || begin != at || end <= begin || end > layers)
            status = DA_ERROR_FORMAT;
        p.module[p.modules++] = (da_module_range){ (int)begin, (int)end };
        at = end;
    }
    if (status == DA_OK && at == layers) {
        *out = p;
        return DA_OK;
    }
    da_free(p.module);
    return DA_FAIL(DA_ERROR_FORMAT, "a record's modules are no partition of its %lld layers", (long long)layers);
}

void report_origin(const da_json *record, char *text, size_t size) {
    const da_json *run = da_json_get(record, "run");
    if (!run) snprintf(text, size, "%s", "");
    else
        snprintf(text, size, " Seed %.0f; deeparc %.16s, kernels %.16s; %.160s.", report_number(run, "seed"),
                 report_text(run, "version"), report_text(run, "kernels"), report_text(run, "machine"));
}
