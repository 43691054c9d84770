/* The JSON reader. One pass over the text fills two blocks: an array of nodes in the order of the text, and the
 * strings, unescaped, each ended by a zero byte. A string is never longer than its spelling with quotes, so the second
 * block is as large as the text and never moves; nodes may move while they grow, so they know each other by distance.
 *
 *     document | text block * | name * | node 0 (the root) | node 1 | ...
 *                                        ^ what callers hold
 */
#include "core/json.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct da_json {
    uint32_t    next;  /* distance to the next sibling; 0: none */
    uint32_t    up;    /* distance back to the parent; 0: the root */
    uint32_t    count; /* children */
    uint8_t     kind;  /* a da_json_type */
    bool        whole; /* a number that is kept as integer */
    const char *key;   /* NULL outside of objects */
    union { int64_t integer; double real; bool truth; const char *text; } value;
};

typedef struct document {
    char   *text, *name;
    da_json nodes[];
} document;

typedef struct reader {
    const char *begin, *at, *end;
    document   *doc;
    size_t      used, capacity; /* nodes */
    char       *free_text;      /* where the next string goes */
} reader;

/* ---- places and characters ---- */

static da_status fail_here(const reader *r, const char *what) {
    long long line = 1, column = 1;
    for (const char *p = r->begin; p < r->at; p++) {
        column = *p == '\n' ? 1 : column + 1;
        line += *p == '\n';
    }
    return DA_FAIL(DA_ERROR_FORMAT, "'%s' line %lld, column %lld: %s", r->doc->name, line, column, what);
}

static int peek(const reader *r) { return r->at < r->end ? (unsigned char)*r->at : -1; }

static void skip_blanks(reader *r) {
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t')) r->at++;
}

static bool is_digit(int c) { return c >= '0' && c <= '9'; }

int da_utf8_length(const char *text, size_t size) {
    const unsigned char *s = (const unsigned char *)text;
    int length = s[0] < 0x80 ? 1 : s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : s[0] < 0xF5 ? 4 : 0;
    if ((size_t)length > size) return 0;
    for (int i = 1; i < length; i++)
        if ((s[i] & 0xC0) != 0x80) return 0;
    bool overlong = (s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xF0 && s[1] < 0x90);
    bool outside = (s[0] == 0xED && s[1] >= 0xA0) || (s[0] == 0xF4 && s[1] >= 0x90); /* surrogates, beyond U+10FFFF */
    return overlong || outside ? 0 : length;
}

/* ---- strings ---- */

static int hex_digit(int c) {
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The four digits after \u; -1 when they are none. */
static int32_t read_hex4(reader *r) {
    int32_t code = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        int digit = hex_digit(peek(r));
        if (digit < 0) return -1;
        code = code * 16 + digit;
    }
    return code;
}

static void put_utf8(reader *r, int32_t code) {
    char *p = r->free_text;
    if (code < 0x80) {
        *p++ = (char)code;
    } else if (code < 0x800) {
        *p++ = (char)(0xC0 | code >> 6);
        *p++ = (char)(0x80 | (code & 63));
    } else {
        if (code < 0x10000) *p++ = (char)(0xE0 | code >> 12);
        else { *p++ = (char)(0xF0 | code >> 18); *p++ = (char)(0x80 | (code >> 12 & 63)); }
        *p++ = (char)(0x80 | (code >> 6 & 63));
        *p++ = (char)(0x80 | (code & 63));
    }
    r->free_text = p;
}

static da_status read_unicode_escape(reader *r) {
    int32_t code = read_hex4(r);
    if (code < 0) return fail_here(r, "\\u needs four hexadecimal digits");
    if (code == 0) return fail_here(r, "\\u0000 is not taken: strings here end at a zero byte");
    if (code >= 0xDC00 && code < 0xE000) return fail_here(r, "the second half of a surrogate pair stands alone");
    if (code >= 0xD800 && code < 0xDC00) {
        if (r->end - r->at < 2 || r->at[0] != '\\' || r->at[1] != 'u')
            return fail_here(r, "the first half of a surrogate pair stands alone");
        r->at += 2;
        int32_t low = read_hex4(r);
        if (low < 0xDC00 || low >= 0xE000) return fail_here(r, "the first half of a surrogate pair stands alone");
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    put_utf8(r, code);
    return DA_OK;
}

static da_status read_escape(reader *r) {
    static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    int c = peek(r);
    if (c == 'u') { r->at++; return read_unicode_escape(r); }
    for (const char *e = escapes; *e; e += 2) {
        if (c != (unsigned char)*e) continue;
        *r->free_text++ = e[1];
        r->at++;
        return DA_OK;
    }
    return fail_here(r, "an unknown escape: \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX exist");
}

static da_status read_string(reader *r, const char **text) {
    const char *start = r->free_text;
    r->at++;
    while (peek(r) != '"') {
        if (r->at == r->end) return fail_here(r, "the text ends within a string");
        if ((unsigned char)*r->at < 0x20) return fail_here(r, "a control character in a string: write it as \\u00XX");
        if (*r->at == '\\') { r->at++; DA_TRY(read_escape(r)); continue; }
        int length = da_utf8_length(r->at, (size_t)(r->end - r->at));
        if (length == 0) return fail_here(r, "a string that is not UTF-8");
        memcpy(r->free_text, r->at, (size_t)length);
        r->free_text += length;
        r->at += length;
    }
    r->at++;
    *r->free_text++ = '\0';
    *text = start;
    return DA_OK;
}

/* ---- values ---- */

static bool skip_digits(reader *r) {
    const char *start = r->at;
    while (is_digit(peek(r))) r->at++;
    return r->at > start;
}

/* An integer that fits int64; -0 is left to the double, which has one. */
static bool read_integer(const char *at, const char *end, int64_t *value) {
    bool negative = *at == '-';
    int64_t sum = 0;
    for (at += negative; at < end; at++) { /* summed below zero, where there is one value more */
        int digit = *at - '0';
        if (sum < (INT64_MIN + digit) / 10) return false;
        sum = sum * 10 - digit;
    }
    if (negative ? sum == 0 : sum == INT64_MIN) return false;
    *value = negative ? sum : -sum;
    return true;
}

static da_status read_number(reader *r, da_json *node) {
    const char *start = r->at;
    bool whole = true;
    if (peek(r) == '-') r->at++;
    int first = peek(r);
    if (!skip_digits(r)) {
        r->at = start;
        return fail_here(r, start == r->end ? "the text ends where a value is expected" : "a value is expected");
    }
    if (first == '0' && r->at - start > 1 + (*start == '-'))
        return fail_here(r, "a number that begins with a zero too many");
    if (peek(r) == '.') {
        whole = false;
        r->at++;
        if (!skip_digits(r)) return fail_here(r, "a digit is expected after the point");
    }
    if (peek(r) == 'e' || peek(r) == 'E') {
        whole = false;
        r->at++;
        if (peek(r) == '+' || peek(r) == '-') r->at++;
        if (!skip_digits(r)) return fail_here(r, "a digit is expected in the exponent");
    }
    node->kind = DA_JSON_NUMBER;
    node->whole = whole && read_integer(start, r->at, &node->value.integer);
    if (node->whole) return DA_OK;
    double real = 0;
    if (!da_number_parse(start, (size_t)(r->at - start), &real) || real - real != 0)
        return fail_here(r, "a number beyond the range of doubles");
    node->value.real = real;
    return DA_OK;
}

static da_status read_word(reader *r, const char *word) {
    size_t length = strlen(word);
    if ((size_t)(r->end - r->at) < length || memcmp(r->at, word, length) != 0)
        return fail_here(r, "an unknown word: values are true, false, null, numbers, strings, arrays and objects");
    r->at += length;
    return DA_OK;
}

/* The block may move: pointers to nodes end here. */
static da_status add_node(reader *r, size_t parent, const char *key) {
    if (r->used == r->capacity) {
        size_t capacity = r->capacity * 2;
        document *grown = da_realloc(r->doc, sizeof *grown + capacity * sizeof(da_json));
        if (!grown) return DA_ERROR_MEMORY;
        r->doc = grown;
        r->capacity = capacity;
    }
    da_json *node = &r->doc->nodes[r->used];
    memset(node, 0, sizeof *node);
    node->up = (uint32_t)(r->used - parent);
    node->key = key;
    r->used++;
    return DA_OK;
}

static da_status read_value(reader *r, size_t parent, const char *key, int depth);

static da_status read_key(reader *r, const char **key) {
    skip_blanks(r);
    if (peek(r) != '"') return fail_here(r, "a name in double quotes is expected");
    DA_TRY(read_string(r, key));
    skip_blanks(r);
    if (peek(r) != ':') return fail_here(r, "a colon is expected after the name");
    r->at++;
    return DA_OK;
}

static da_status read_children(reader *r, size_t self, int depth) {
    bool object = *r->at == '{';
    int close = object ? '}' : ']';
    size_t last = 0;
    if (depth > DA_JSON_DEPTH) return fail_here(r, "arrays and objects are nested too deep");
    r->doc->nodes[self].kind = object ? DA_JSON_OBJECT : DA_JSON_ARRAY;
    r->at++;
    skip_blanks(r);
    if (peek(r) == close) { r->at++; return DA_OK; }
    for (;;) {
        const char *key = NULL;
        if (object) DA_TRY(read_key(r, &key));
        size_t child = r->used;
        DA_TRY(read_value(r, self, key, depth));
        if (last) r->doc->nodes[last].next = (uint32_t)(child - last);
        last = child;
        r->doc->nodes[self].count++;
        skip_blanks(r);
        if (peek(r) == close) { r->at++; return DA_OK; }
        if (peek(r) != ',') return fail_here(r, object ? "a comma or } is expected" : "a comma or ] is expected");
        r->at++;
    }
}

static da_status read_value(reader *r, size_t parent, const char *key, int depth) {
    size_t self = r->used;
    DA_TRY(add_node(r, parent, key));
    skip_blanks(r);
    da_json *node = &r->doc->nodes[self];
    switch (peek(r)) {
    case '{': case '[': return read_children(r, self, depth + 1);
    case '"':
        node->kind = DA_JSON_STRING;
        return read_string(r, &node->value.text);
    case 't': case 'f':
        node->kind = DA_JSON_BOOL;
        node->value.truth = *r->at == 't';
        return read_word(r, *r->at == 't' ? "true" : "false");
    case 'n': return read_word(r, "null");
    default:  return read_number(r, node);
    }
}

static void free_document(document *doc) {
    if (!doc) return;
    da_free(doc->text);
    da_free(doc->name);
    da_free(doc);
}

da_status da_json_parse(da_json **root, const char *text, size_t size, const char *name) {
    reader r = { .begin = text, .at = text, .end = text + size, .capacity = 16 };
    if (size > DA_JSON_CAP)
        return DA_FAIL(DA_ERROR_FORMAT, "'%s' has %zu bytes of JSON: at most %d are read", name, size, DA_JSON_CAP);
    r.doc = da_alloc(sizeof *r.doc + r.capacity * sizeof(da_json));
    if (!r.doc) return DA_ERROR_MEMORY;
    r.doc->text = r.free_text = da_alloc(size);
    r.doc->name = r.doc->text ? da_string_copy(name) : NULL;
    da_status status = r.doc->name ? read_value(&r, 0, NULL, 0) : DA_ERROR_MEMORY;
    if (status == DA_OK) skip_blanks(&r);
    if (status == DA_OK && r.at != r.end) status = fail_here(&r, "something follows after the value");
    if (status != DA_OK) { free_document(r.doc); return status; }
    *root = r.doc->nodes;
    return DA_OK;
}

da_status da_json_read(da_json **root, const char *path) {
    uint8_t *bytes;
    size_t size;
    DA_TRY(da_file_read(path, DA_JSON_CAP, &bytes, &size));
    da_status status = da_json_parse(root, (const char *)bytes, size, path);
    da_free(bytes);
    return status;
}

static document *document_of(const da_json *root) {
    return (document *)((uintptr_t)root - offsetof(document, nodes));
}

void da_json_free(da_json *root) { if (root) free_document(document_of(root)); }

/* ---- walking ---- */

static bool is_container(const da_json *v) { return v && (v->kind == DA_JSON_ARRAY || v->kind == DA_JSON_OBJECT); }

da_json_type   da_json_kind(const da_json *v)   { return v ? (da_json_type)v->kind : DA_JSON_NULL; }
int64_t        da_json_count(const da_json *v)  { return v ? v->count : 0; }
const da_json *da_json_first(const da_json *v)  { return is_container(v) && v->count > 0 ? v + 1 : NULL; }
const da_json *da_json_next(const da_json *v)   { return v && v->next > 0 ? v + v->next : NULL; }
const char    *da_json_key_of(const da_json *v) { return v ? v->key : NULL; }

const da_json *da_json_at(const da_json *array, int64_t index) {
    const da_json *child = index >= 0 && index < da_json_count(array) ? da_json_first(array) : NULL;
    for (; child && index > 0; index--) child = da_json_next(child);
    return child;
}

const da_json *da_json_get(const da_json *object, const char *key) {
    const da_json *found = NULL;
    if (da_json_kind(object) != DA_JSON_OBJECT) return NULL;
    for (const da_json *child = da_json_first(object); child; child = da_json_next(child))
        if (strcmp(child->key, key) == 0) found = child;
    return found;
}

/* ---- typed access ---- */

enum { PATH_TEXT = 256 };

/* Appends "units[3].name" to text, as far as there is room. Depth is capped, so recursion is. */
static size_t path_of(const da_json *v, char text[PATH_TEXT], const char **name) {
    if (v->up == 0) {
        *name = document_of(v)->name;
        text[0] = '\0';
        return 0;
    }
    size_t used = path_of(v - v->up, text, name);
    if (v->key) {
        snprintf(text + used, PATH_TEXT - used, "%s%.80s", used ? "." : "", v->key);
    } else {
        long long index = 0;
        for (const da_json *s = v - v->up + 1; s != v; s = da_json_next(s)) index++;
        snprintf(text + used, PATH_TEXT - used, "[%lld]", index);
    }
    return strlen(text);
}

static const char *kind_text(const da_json *v) {
    static const char *const text[] = { "null", "true or false", "a number", "a string", "an array", "an object" };
    return text[v->kind];
}

static da_status fail_kind(const da_json *v, const char *expected) {
    char path[PATH_TEXT];
    const char *name;
    if (!v) return DA_FAIL(DA_ERROR_FORMAT, "a JSON value is missing where %s is expected", expected);
    path_of(v, path, &name);
    return DA_FAIL(DA_ERROR_FORMAT, "'%s': %s is %s, %s is expected", name, path[0] ? path : "the whole", kind_text(v),
                   expected);
}

da_status da_json_as_int(const da_json *v, int64_t *out) {
    if (da_json_kind(v) != DA_JSON_NUMBER) return fail_kind(v, "a whole number");
    if (v->whole) { *out = v->value.integer; return DA_OK; }
    double real = v->value.real;
    if (!(real >= -0x1p63 && real < 0x1p63) || (double)(int64_t)real != real)
        return fail_kind(v, "a whole number of at most 63 bits");
    *out = (int64_t)real;
    return DA_OK;
}

da_status da_json_as_double(const da_json *v, double *out) {
    if (da_json_kind(v) != DA_JSON_NUMBER) return fail_kind(v, "a number");
    *out = v->whole ? (double)v->value.integer : v->value.real;
    return DA_OK;
}

da_status da_json_as_bool(const da_json *v, bool *out) {
    if (da_json_kind(v) != DA_JSON_BOOL) return fail_kind(v, "true or false");
    *out = v->value.truth;
    return DA_OK;
}

da_status da_json_as_string(const da_json *v, const char **out) {
    if (da_json_kind(v) != DA_JSON_STRING) return fail_kind(v, "a string");
    *out = v->value.text;
    return DA_OK;
}

static da_status member(const da_json *object, const char *key, const da_json **out) {
    char path[PATH_TEXT];
    const char *name;
    if (da_json_kind(object) != DA_JSON_OBJECT) return fail_kind(object, "an object");
    *out = da_json_get(object, key);
    if (*out) return DA_OK;
    path_of(object, path, &name);
    return DA_FAIL(DA_ERROR_FORMAT, "'%s': '%s' is missing%s%s", name, key, path[0] ? " in " : "", path);
}

double da_json_number(const da_json *object, const char *key) {
    const da_json *member = da_json_get(object, key);
    double number = (double)NAN;
    if (da_json_kind(member) == DA_JSON_NUMBER) (void)da_json_as_double(member, &number);
    return number;
}

const char *da_json_text(const da_json *object, const char *key) {
    const da_json *member = da_json_get(object, key);
    const char *text = "";
    if (da_json_kind(member) == DA_JSON_STRING) (void)da_json_as_string(member, &text);
    return text;
}

da_status da_json_int(const da_json *object, const char *key, int64_t *out) {
    const da_json *v = NULL;
    DA_TRY(member(object, key, &v));
    return da_json_as_int(v, out);
}

da_status da_json_double(const da_json *object, const char *key, double *out) {
    const da_json *v = NULL;
    DA_TRY(member(object, key, &v));
    return da_json_as_double(v, out);
}

da_status da_json_bool(const da_json *object, const char *key, bool *out) {
    const da_json *v = NULL;
    DA_TRY(member(object, key, &v));
    return da_json_as_bool(v, out);
}

da_status da_json_string(const da_json *object, const char *key, const char **out) {
    const da_json *v = NULL;
    DA_TRY(member(object, key, &v));
    return da_json_as_string(v, out);
}

static da_status container(const da_json *object, const char *key, da_json_type kind, const da_json **out) {
    const da_json *v = NULL;
    DA_TRY(member(object, key, &v));
    if (da_json_kind(v) != kind) return fail_kind(v, kind == DA_JSON_ARRAY ? "an array" : "an object");
    *out = v;
    return DA_OK;
}

da_status da_json_array(const da_json *object, const char *key, const da_json **out) {
    return container(object, key, DA_JSON_ARRAY, out);
}

da_status da_json_object(const da_json *object, const char *key, const da_json **out) {
    return container(object, key, DA_JSON_OBJECT, out);
}
