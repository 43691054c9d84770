/* From records to numbers, names, matrices and partitions. */
#include "deeparc/present/report.h"

#include "core/memory.h"
#include "layers/model.h"

#include <math.h>
#include <stdio.h>

da_counted da_report_count(const da_result *object, const char *key, const char *noun) {
    da_counted out;
    const double count = da_result_number(object, key);
    if (fabs(count) < 1e15) return da_count((int64_t)count, noun);
    char number[DA_NUMBER_WIDE]; /* a record says what it likes */
    snprintf(out.text, sizeof out.text, "%.20s %.40ss", da_number_rounded(number, count, 4), noun);
    return out;
}

da_status da_report_numbers(const da_result *list, const char *key, double **out, int *count) {
    double *values = da_alloc((size_t)da_result_count(list) * sizeof *values);
    if (!values) return DA_ERROR_MEMORY;
    int n = 0;
    for (const da_result *item = da_result_first(list); item; item = da_result_next(item))
        values[n++] = da_result_number(item, key ? key : "");
    *out = values;
    *count = n;
    return DA_OK;
}

da_status da_report_names(const da_result *list, const char ***out, int *count) {
    const char **names = da_alloc((size_t)da_result_count(list) * sizeof *names);
    if (!names) return DA_ERROR_MEMORY;
    int n = 0;
    da_status status = DA_OK;
    for (const da_result *item = da_result_first(list); item && status == DA_OK; item = da_result_next(item))
        if ((status = da_result_need(item, "", DA_WORD)) == DA_OK) names[n++] = da_result_text(item, "");
    if (status != DA_OK) {
        da_free(names);
        return status;
    }
    *out = names;
    *count = n;
    return DA_OK;
}

da_status da_report_square(const da_result *rows, int layers, double **out) {
    double *values = da_alloc((size_t)layers * (size_t)layers * sizeof *values);
    if (!values) return DA_ERROR_MEMORY;
    da_status status = DA_OK;
    int n = 0;
    for (const da_result *row = da_result_first(rows); row && status == DA_OK; row = da_result_next(row)) {
        if (da_result_count(row) != layers || n == layers * layers) { n = -1; break; }
        for (const da_result *value = da_result_first(row); value && status == DA_OK; value = da_result_next(value))
            if ((status = da_result_need(value, "", DA_REAL)) == DA_OK) values[n++] = da_result_number(value, "");
    }
    if (status == DA_OK && n != layers * layers)
        status = DA_FAIL(DA_ERROR_FORMAT, "similarity.json: the matrix is not %d x %d", layers, layers);
    if (status == DA_OK) *out = values;
    else da_free(values);
    return status;
}

da_status da_report_partition(const da_result *record, da_partition *out) {
    DA_TRY(da_result_need(record, "layers", DA_WHOLE));
    DA_TRY(da_result_need(record, "modules", DA_LIST));
    const da_result *list = da_result_find(record, "modules");
    const double layers = da_result_number(record, "layers");
    double at = 0;
    da_partition p = { .layers = (int)fmin(fmax(layers, 0), DA_MAX_UNITS + 1) };
    p.module = da_alloc((size_t)da_result_count(list) * sizeof *p.module);
    if (!p.module) return DA_ERROR_MEMORY;
    bool good = p.layers >= 1 && p.layers <= DA_MAX_UNITS;
    for (const da_result *pair = da_result_first(list); pair && good; pair = da_result_next(pair)) {
        const double begin = da_result_number(pair, "0"), end = da_result_number(pair, "1");
        good = begin == at && end > begin && end <= layers && end == floor(end);
        if (good) p.module[p.modules++] = (da_module_range){ (int)begin, (int)end };
        at = end;
    }
    if (good && at == layers) {
        *out = p;
        return DA_OK;
    }
    da_free(p.module);
    return DA_FAIL(DA_ERROR_FORMAT, "a record's modules are no partition of its %.0f layers", layers);
}

void da_report_origin(const da_result *record, char *text, size_t size) {
    const da_result *run = da_result_find(record, "run");
    if (!run) snprintf(text, size, "%s", "");
    else
        snprintf(text, size, " Seed %.0f; deeparc %.16s, kernels %.16s; %.160s.", da_result_number(run, "seed"),
                 da_result_text(run, "version"), da_result_text(run, "kernels"), da_result_text(run, "machine"));
}
