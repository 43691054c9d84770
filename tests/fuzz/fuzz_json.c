/* JSON from anywhere: reading must end in a tree or a message. A tree is walked whole, written again, and must read
   back. */
#include "core/json.h"
#include "core/memory.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_value(da_json_writer *w, const da_json *value) {
    int64_t whole;
    double real;
    bool truth;
    const char *text;
    if (da_json_key_of(value)) da_json_key(w, da_json_key_of(value));
    switch (da_json_kind(value)) {
    case DA_JSON_ARRAY: case DA_JSON_OBJECT:
        if (da_json_kind(value) == DA_JSON_ARRAY) da_json_begin_array(w);
        else da_json_begin_object(w);
        for (const da_json *v = da_json_first(value); v; v = da_json_next(v)) write_value(w, v);
        da_json_end(w);
        return;
    case DA_JSON_NUMBER:
        if (da_json_as_double(value, &real) != DA_OK) abort();
        if (da_json_as_int(value, &whole) == DA_OK) da_json_put_int(w, whole);
        else da_json_put_double(w, real);
        return;
    case DA_JSON_STRING:
        if (da_json_as_string(value, &text) != DA_OK) abort();
        da_json_put_string(w, text);
        return;
    case DA_JSON_BOOL:
        if (da_json_as_bool(value, &truth) != DA_OK) abort();
        da_json_put_bool(w, truth);
        return;
    case DA_JSON_NULL: da_json_put_null(w);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    da_json *root = NULL, *again = NULL;
    da_json_writer w;
    char *text = NULL;
    size_t length = 0;
    if (da_json_parse(&root, (const char *)data, size, "fuzz") == DA_OK) {
        da_json_writer_init(&w, size & 1);
        write_value(&w, root);
        if (da_json_finish(&w, &text, &length) != DA_OK) abort();
        if (da_json_parse(&again, text, length, "again") != DA_OK) abort();
        if (da_json_count(again) != da_json_count(root)) abort();
    }
    da_json_free(root);
    da_json_free(again);
    da_free(text);
    if (da_memory().live_blocks != 0) abort();
    return 0;
}
