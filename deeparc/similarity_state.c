/* An accumulator between two runs, as JSON: counts, and the sums over batches. */
#include "deeparc/similarity_parts.h"
#include "core/number.h"

static void put_reals(da_json_writer *to, const char *key, const double *values, int64_t count) {
    da_json_key(to, key);
    da_json_begin_array(to);
    for (int64_t i = 0; i < count; i++) da_json_put_double(to, values[i]);
    da_json_end(to);
}

static void put_int(da_json_writer *to, const char *key, int64_t value) {
    da_json_key(to, key);
    da_json_put_int(to, value);
}

void da_similarity_save(const da_similarity *s, da_json_writer *to) {
    int64_t pairs = (int64_t)s->layers * s->layers;
    put_int(to, "layers", s->layers);
    put_int(to, "batches", s->batches);
    put_int(to, "batches_skipped", s->skipped);
    put_int(to, "samples", s->samples_counted);
    da_json_key(to, "not_finite");
    da_json_begin_array(to);
    for (int l = 0; l < s->layers; l++) da_json_put_bool(to, s->broken[l]);
    da_json_end(to);
    put_reals(to, "raw", s->raw, s->layers);
    put_reals(to, "total", s->total, pairs);
    put_reals(to, "square", s->square, pairs);
    put_reals(to, "cross", s->cross, pairs);
    put_reals(to, "selves", s->selves, pairs);
}

static da_status take_list(const da_json *from, const char *key, int64_t count, const da_json **list) {
    DA_TRY(da_json_array(from, key, list));
    if (da_json_count(*list) == count) return DA_OK;
    return DA_FAIL(DA_ERROR_FORMAT, "'%s' holds %s, %lld are expected", key, da_count((int64_t)da_json_count(*list), "value").text,
                   (long long)count);
}

static da_status take_reals(const da_json *from, const char *key, double *values, int64_t count) {
    const da_json *list;
    DA_TRY(take_list(from, key, count, &list));
    for (const da_json *v = da_json_first(list); v; v = da_json_next(v)) DA_TRY(da_json_as_double(v, values++));
    return DA_OK;
}

static da_status take_flags(const da_json *from, const char *key, bool *flags, int64_t count) {
    const da_json *list;
    DA_TRY(take_list(from, key, count, &list));
    for (const da_json *v = da_json_first(list); v; v = da_json_next(v)) DA_TRY(da_json_as_bool(v, flags++));
    return DA_OK;
}

da_status da_similarity_restore(da_similarity *s, const da_json *from) {
    int64_t layers = 0, pairs = (int64_t)s->layers * s->layers;
    DA_TRY(da_json_int(from, "layers", &layers));
    if (layers != s->layers)
        return DA_FAIL(DA_ERROR_FORMAT, "it is of %s, %d are measured", da_count(layers, "layer").text, s->layers);
    DA_TRY(da_json_int(from, "batches", &s->batches));
    DA_TRY(da_json_int(from, "batches_skipped", &s->skipped));
    DA_TRY(da_json_int(from, "samples", &s->samples_counted));
    DA_TRY(take_flags(from, "not_finite", s->broken, layers));
    DA_TRY(take_reals(from, "raw", s->raw, layers));
    DA_TRY(take_reals(from, "total", s->total, pairs));
    DA_TRY(take_reals(from, "square", s->square, pairs));
    DA_TRY(take_reals(from, "cross", s->cross, pairs));
    return take_reals(from, "selves", s->selves, pairs);
}
