/* The tree of a result: nodes and texts in blocks that the root owns, each node linked to its next sibling. */
#include "deeparc/result.h"

#include "core/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 1 << 14 };

typedef struct block { struct block *next; size_t used, size; char bytes[]; } block;
typedef struct root root;

struct da_result {
    da_result *next;
    root      *root;
    const char *key;
    const da_column *columns; /* of a table */
    int count, column_count;  /* children, columns */
    da_result_kind kind;
    union { da_value value; struct { da_result *first, *last; } children; } as;
};

struct root { da_result node; block *blocks; da_status status; };

/* ---- Memory ---- */

/* Eight bytes are what any member of a node is aligned to. */
static void *take(root *r, size_t bytes) {
    bytes = (bytes + 7) & ~(size_t)7;
    if (r->status != DA_OK) return NULL;
    if (!r->blocks || r->blocks->size - r->blocks->used < bytes) {
        size_t size = bytes > BLOCK ? bytes : BLOCK;
        block *made = da_alloc(sizeof *made + size);
        if (!made) {
            r->status = DA_ERROR_MEMORY;
            return NULL;
        }
        *made = (block){ .next = r->blocks, .size = size };
        r->blocks = made;
    }
    void *found = r->blocks->bytes + r->blocks->used;
    r->blocks->used += bytes;
    return found;
}

static const char *copy(root *r, const char *text) {
    size_t size = strlen(text) + 1;
    char *made = take(r, size);
    return made ? memcpy(made, text, size) : NULL;
}

da_result *da_result_new(void) {
    root *r = da_alloc_zero(1, sizeof *r);
    if (!r) return NULL;
    r->node.root = r;
    r->node.kind = DA_OBJECT;
    return &r->node;
}

void da_result_free(da_result *node) {
    if (!node) return;
    for (block *b = node->root->blocks, *next; b; b = next) {
        next = b->next;
        da_free(b);
    }
    da_free(node->root);
}

da_status da_result_status(const da_result *node) {
    if (!node || node->root->status == DA_ERROR_MEMORY)
        return DA_FAIL(DA_ERROR_MEMORY, "out of memory: the result could not be kept");
    return node->root->status == DA_OK ? DA_OK : DA_FAIL(DA_ERROR_ARGUMENT, "a row does not fit the columns of its table");
}

void da_result_check(da_result *node, da_status status) {
    if (node && node->root->status == DA_OK) node->root->status = status;
}

/* ---- Building ---- */

/* A child whose key is borrowed; NULL when there is no memory, or `to` is NULL. */
static da_result *add(da_result *to, const char *key, da_result_kind kind) {
    da_result *made = to ? take(to->root, sizeof *made) : NULL;
    if (!made) return NULL;
    *made = (da_result){ .root = to->root, .key = key, .kind = kind };
    if (to->as.children.last) to->as.children.last->next = made;
    else to->as.children.first = made;
    to->as.children.last = made;
    to->count++;
    return made;
}

static da_result *add_named(da_result *to, const char *key, da_result_kind kind) {
    return add(to, to && key ? copy(to->root, key) : NULL, kind);
}

static void set(da_result *node, da_value value) {
    if (!node) return;
    if (value.kind == DA_DIGEST) {
        char text[7 + 65] = "sha256:";
        memcpy(text + 7, value.as.text, 65);
        value = (da_value){ .kind = DA_WORD, .as.text = copy(node->root, text) };
    } else if (value.kind == DA_WORD || value.kind == DA_PROSE || value.kind == DA_PICTURE) {
        value.as.text = copy(node->root, value.as.text);
    }
    node->kind = value.kind;
    node->as.value = value;
}

void da_result_put(da_result *to, const char *key, da_value value) { set(add_named(to, key, value.kind), value); }

da_result *da_result_object(da_result *to, const char *key) { return add_named(to, key, DA_OBJECT); }
da_result *da_result_list(da_result *to, const char *key) { return add_named(to, key, DA_LIST); }

da_result *da_result_table(da_result *to, const char *key, const da_column *columns, int count) {
    da_result *made = add_named(to, key, DA_LIST);
    if (made) made->columns = columns;
    if (made) made->column_count = count;
    return made;
}

void da_result_row(da_result *table, int count, const da_value *cells) {
    if (table && table->column_count != count) da_result_check(table, DA_ERROR_ARGUMENT);
    da_result *row = table ? add(table, NULL, DA_OBJECT) : NULL;
    for (int i = 0; row && i < count; i++) set(add(row, table->columns[i].key, cells[i].kind), cells[i]);
}

void da_result_words(da_result *to, const char *key, const char *const *words, int count) {
    da_result *list = da_result_list(to, key);
    for (int i = 0; i < count; i++) da_result_put(list, NULL, da_word(words[i]));
}

void da_result_reals(da_result *to, const char *key, const double *values, int count) {
    da_result *list = da_result_list(to, key);
    for (int i = 0; i < count; i++) da_result_put(list, NULL, da_real(values[i]));
}

void da_result_say(da_result *to, const char *format, ...) {
    va_list list;
    va_start(list, format);
    int length = vsnprintf(NULL, 0, format, list);
    va_end(list);
    char *text = to && length >= 0 ? take(to->root, (size_t)length + 1) : NULL;
    if (!text) return;
    va_start(list, format);
    vsnprintf(text, (size_t)length + 1, format, list);
    va_end(list);
    da_result *made = add(to, NULL, DA_PROSE);
    if (made) made->as.value = (da_value){ .kind = DA_PROSE, .as.text = text };
}

void da_result_picture(da_result *to, const char *picture) {
    da_result_put(to, NULL, (da_value){ .kind = DA_PICTURE, .as.text = picture });
}

/* ---- Walking ---- */

static bool has_children(const da_result *node) { return node && (node->kind == DA_LIST || node->kind == DA_OBJECT); }

da_value da_result_value(const da_result *node) {
    return node && !has_children(node) ? node->as.value : da_absent();
}

da_result_kind   da_result_kind_of(const da_result *node) { return node ? node->kind : DA_ABSENT; }
const char      *da_result_key(const da_result *node) { return node ? node->key : NULL; }
const da_result *da_result_first(const da_result *node) { return has_children(node) ? node->as.children.first : NULL; }
const da_result *da_result_next(const da_result *node) { return node ? node->next : NULL; }
int              da_result_count(const da_result *node) { return node ? node->count : 0; }

const da_column *da_result_columns(const da_result *table, int *count) {
    *count = table ? table->column_count : 0;
    return table ? table->columns : NULL;
}

/* The child that one step of a path names: of an object by its key, the last of equal ones; of a list by its place. */
static const da_result *step(const da_result *node, const char *name, size_t length) {
    const da_result *found = NULL;
    char *end;
    long place = node->kind == DA_LIST ? strtol(name, &end, 10) : -1;
    for (const da_result *child = da_result_first(node); child; child = child->next)
        if (node->kind == DA_LIST ? place-- == 0
                                  : child->key && strncmp(child->key, name, length) == 0 && !child->key[length])
            found = child;
    return found;
}

const da_result *da_result_find(const da_result *node, const char *path) {
    while (node && *path) {
        size_t length = strcspn(path, "/");
        node = has_children(node) ? step(node, path, length) : NULL;
        path += length + (path[length] == '/');
    }
    return node;
}

const da_result *da_result_at(const da_result *list, int64_t place) {
    const da_result *child = da_result_first(list);
    while (child && place-- > 0) child = child->next;
    return child;
}

bool da_result_is(const da_result *node, const char *path) {
    da_value value = da_result_value(da_result_find(node, path));
    return value.kind == DA_FLAG && value.as.flag;
}

da_status da_result_need(const da_result *node, const char *path, da_result_kind kind) {
    static const char *const names[] = { [DA_WORD] = "text", [DA_REAL] = "number", [DA_LIST] = "list", [DA_OBJECT] = "object" };
    const da_result_kind found = da_result_kind_of(da_result_find(node, path));
    if (found == kind || (kind == DA_REAL && found == DA_WHOLE)) return DA_OK;
    return DA_FAIL(DA_ERROR_FORMAT, "a record has no %s '%s'", names[kind], path);
}

double da_result_number(const da_result *node, const char *path) {
    da_value value = da_result_value(da_result_find(node, path));
    return value.kind == DA_REAL ? value.as.real : value.kind == DA_WHOLE ? (double)value.as.whole : (double)NAN;
}

const char *da_result_text(const da_result *node, const char *path) {
    da_value value = da_result_value(da_result_find(node, path));
    return value.kind == DA_WORD ? value.as.text : "";
}

/* ---- The record ---- */

static bool is_recorded(const da_result *node) {
    return node->kind != DA_ABSENT && node->kind != DA_PROSE && node->kind != DA_PICTURE;
}

static void write_node(const da_result *node, da_json_writer *to) {
    const da_value *value = &node->as.value;
    switch (node->kind) {
    case DA_WORD:  da_json_put_string(to, value->as.text); return;
    case DA_WHOLE: da_json_put_int(to, value->as.whole); return;
    case DA_REAL:  da_json_put_double(to, value->as.real); return;
    case DA_FLAG:  da_json_put_bool(to, value->as.flag); return;
    case DA_OBJECT:
        da_json_begin_object(to);
        da_result_write(node, to);
        da_json_end(to);
        return;
    case DA_LIST:
        da_json_begin_array(to);
        for (const da_result *child = da_result_first(node); child; child = child->next)
            if (is_recorded(child)) write_node(child, to);
        da_json_end(to);
        return;
    default: da_json_put_null(to);
    }
}

void da_result_write(const da_result *object, da_json_writer *to) {
    for (const da_result *child = da_result_first(object); child; child = child->next) {
        if (!child->key || !is_recorded(child)) continue;
        da_json_key(to, child->key);
        write_node(child, to);
    }
}

static da_value read_number(const da_json *from) {
    int64_t whole = 0;
    double real = (double)NAN;
    if (da_json_as_double(from, &real) == DA_OK && fabs(real) < 9e15 && !(real == 0 && signbit(real)) &&
        da_json_as_int(from, &whole) == DA_OK)
        return da_whole(whole);
    return da_real(real);
}

static void read_node(da_result *to, const da_json *from) {
    const char *key = da_json_key_of(from), *text = NULL;
    bool flag = false;
    da_result *made;
    switch (da_json_kind(from)) {
    case DA_JSON_NULL:   da_result_put(to, key, da_word(NULL)); return;
    case DA_JSON_BOOL:   (void)da_json_as_bool(from, &flag); da_result_put(to, key, da_flag(flag)); return;
    case DA_JSON_NUMBER: da_result_put(to, key, read_number(from)); return;
    case DA_JSON_STRING: (void)da_json_as_string(from, &text); da_result_put(to, key, da_word(text)); return;
    default:
        made = da_json_kind(from) == DA_JSON_ARRAY ? da_result_list(to, key) : da_result_object(to, key);
        for (const da_json *child = da_json_first(from); made && child; child = da_json_next(child)) read_node(made, child);
    }
}

da_status da_result_read(da_result *to, const da_json *object) {
    for (const da_json *child = da_json_first(object); child; child = da_json_next(child)) read_node(to, child);
    return da_result_status(to);
}

da_status da_result_load(da_result **out, const char *path) {
    da_json *json = NULL;
    da_result *made = da_result_new();
    da_status status = made ? da_json_read(&json, path) : DA_ERROR_MEMORY;
    if (status == DA_OK) status = da_result_read(made, json);
    da_json_free(json);
    if (status == DA_OK) *out = made;
    else da_result_free(made);
    return status;
}
