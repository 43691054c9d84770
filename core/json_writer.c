/* The JSON writer: text that grows in memory. What may come next depends on three facts: which containers are open,
 * whether anything stands in the innermost one (a comma is due), and whether a key waits for its value.
 */
#include "core/json.h"
#include "core/memory.h"
#include "core/number.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void da_json_writer_init(da_json_writer *w, bool pretty) {
    memset(w, 0, sizeof *w);
    w->pretty = pretty;
    w->empty[0] = true;
}

static void fail(da_json_writer *w, const char *reason) {
    if (w->status != DA_OK) return;
    w->status = DA_ERROR_ARGUMENT;
    w->reason = reason;
}

static void append(da_json_writer *w, const char *text, size_t size) {
    if (w->status != DA_OK) return;
    if (size >= w->capacity - w->size) { /* one byte is kept for the end */
        size_t capacity = (w->size + size) * 2 + 256;
        char *grown = da_realloc(w->text, capacity);
        if (!grown) { w->status = DA_ERROR_MEMORY; return; }
        w->text = grown;
        w->capacity = capacity;
    }
    memcpy(w->text + w->size, text, size);
    w->size += size;
}

static void append_text(da_json_writer *w, const char *text) { append(w, text, strlen(text)); }

static void break_line(da_json_writer *w) {
    if (!w->pretty) return;
    append(w, "\n", 1);
    for (int i = 0; i < w->depth; i++) append(w, "  ", 2);
}

/* Comma and line break before whatever comes next in the innermost container. */
static void separate(da_json_writer *w) {
    if (!w->empty[w->depth]) append(w, ",", 1);
    if (w->depth > 0) break_line(w);
    w->empty[w->depth] = false;
}

static bool in_object(const da_json_writer *w) { return w->depth > 0 && w->closing[w->depth - 1] == '}'; }

static bool begin_value(da_json_writer *w) {
    if (in_object(w) && !w->keyed) fail(w, "a value in an object has no key");
    if (w->depth == 0 && !w->empty[0]) fail(w, "a second value outside of any array");
    if (w->status != DA_OK) return false;
    if (!w->keyed) separate(w);
    w->keyed = false;
    return true;
}

static void begin(da_json_writer *w, const char *open, char closing) {
    if (w->depth == DA_JSON_DEPTH) fail(w, "arrays and objects are nested too deep");
    if (!begin_value(w)) return;
    append_text(w, open);
    w->closing[w->depth++] = closing;
    w->empty[w->depth] = true;
}

void da_json_begin_object(da_json_writer *w) { begin(w, "{", '}'); }
void da_json_begin_array(da_json_writer *w)  { begin(w, "[", ']'); }

void da_json_end(da_json_writer *w) {
    if (w->depth == 0) fail(w, "an end without a begin");
    if (w->keyed) fail(w, "a key has no value");
    if (w->status != DA_OK) return;
    w->depth--;
    if (!w->empty[w->depth + 1]) break_line(w);
    append(w, &w->closing[w->depth], 1);
}

/* JSON escapes what is below 0x20; a terminal obeys DEL and U+0080 to U+009F as well, which is C2 80 to C2 9F. */
static bool steers(const char *text, int length) {
    unsigned char byte = (unsigned char)text[0], last = (unsigned char)text[length == 2];
    return byte < 0x20 || byte == 0x7f || (length == 2 && byte == 0xc2 && last < 0xa0);
}

static void quote(da_json_writer *w, const char *text) {
    append(w, "\"", 1);
    for (size_t left = strlen(text); left > 0;) {
        char escape[8];
        int length = da_utf8_length(text, left);
        if (*text == '"' || *text == '\\') {
            append(w, "\\", 1);
            append(w, text, 1);
        } else if (steers(text, length)) {
            snprintf(escape, sizeof escape, "\\u%04x", (unsigned)(unsigned char)text[length - 1]);
            append(w, escape, 6);
        } else if (length == 0) {
            append(w, "\xEF\xBF\xBD", 3);
        } else {
            append(w, text, (size_t)length);
        }
        text += length ? length : 1;
        left -= (size_t)(length ? length : 1);
    }
    append(w, "\"", 1);
}

void da_json_key(da_json_writer *w, const char *key) {
    if (!in_object(w)) fail(w, "a key outside of an object");
    if (w->keyed) fail(w, "a key has no value");
    if (w->status != DA_OK) return;
    separate(w);
    quote(w, key);
    append_text(w, w->pretty ? ": " : ":");
    w->keyed = true;
}

static void put(da_json_writer *w, const char *text) {
    if (begin_value(w)) append_text(w, text);
}

void da_json_put_string(da_json_writer *w, const char *text) {
    if (!text) put(w, "null");
    else if (begin_value(w)) quote(w, text);
}

void da_json_put_int(da_json_writer *w, int64_t value) {
    char text[DA_NUMBER_TEXT];
    snprintf(text, sizeof text, "%" PRId64, value);
    put(w, text);
}

void da_json_put_double(da_json_writer *w, double value) {
    char text[DA_NUMBER_TEXT];
    put(w, isfinite(value) ? da_number_text(text, value) : "null");
}

void da_json_put_bool(da_json_writer *w, bool value) { put(w, value ? "true" : "false"); }
void da_json_put_null(da_json_writer *w)             { put(w, "null"); }

da_status da_json_finish(da_json_writer *w, char **text, size_t *size) {
    if (w->depth > 0) fail(w, "an array or object has no end");
    if (w->empty[0]) fail(w, "nothing was written");
    if (w->pretty) append(w, "\n", 1);
    da_status status = w->status;
    if (status == DA_ERROR_ARGUMENT) DA_FAIL(status, "writing JSON: %s", w->reason);
    if (status == DA_ERROR_MEMORY) DA_FAIL(status, "out of memory while writing JSON of %zu bytes", w->size);
    if (status == DA_OK) {
        w->text[w->size] = '\0';
        *text = w->text;
        if (size) *size = w->size;
        w->text = NULL;
    }
    da_json_writer_free(w);
    return status;
}

void da_json_writer_free(da_json_writer *w) {
    da_free(w->text);
    da_json_writer_init(w, w->pretty);
}
