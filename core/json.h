/* JSON (RFC 8259): a reader into a compact tree, and a writer that builds text in memory.
 *
 *     {"units": [3, "conv1"]}      one array of nodes in the order of the text; links are distances in it
 *
 *      node 0           node 1          node 2        node 3
 *      object, 1 child  array, 2        number 3      string -> "conv1"
 *                       key -> "units"  next +1       next 0: the last
 *
 * The reader is strict: one value, UTF-8, no comments, no trailing commas, numbers as the RFC spells them, finite. It
 * refuses \u0000 (so that every string is a C string), more than DA_JSON_DEPTH levels and more than DA_JSON_CAP bytes.
 */
#ifndef DA_CORE_JSON_H
#define DA_CORE_JSON_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

DA_C_BEGIN

enum { DA_JSON_DEPTH = 64, DA_JSON_CAP = 100 * 1000 * 1000 };

typedef enum da_json_type {
    DA_JSON_NULL, DA_JSON_BOOL, DA_JSON_NUMBER, DA_JSON_STRING, DA_JSON_ARRAY, DA_JSON_OBJECT
} da_json_type;

typedef struct da_json da_json;

/* Reading. name stands in messages (a path, usually) and is copied. Errors: DA_ERROR_FORMAT with line and column,
   DA_ERROR_MEMORY. The tree is one da_json_free of its root, which takes NULL. Cost: time and memory linear in size. */
da_status da_json_parse(da_json **root, const char *text, size_t size, const char *name);
da_status da_json_read(da_json **root, const char *path);
void      da_json_free(da_json *root);

/* Bytes of the UTF-8 character that text begins with; 0 when it is none (RFC 3629). size > 0. */
int da_utf8_length(const char *text, size_t size);

/* Walking. Values belong to the tree. A call on NULL or on a value of another type gives NULL, 0 or false. */
da_json_type   da_json_kind(const da_json *value);
int64_t        da_json_count(const da_json *value);                     /* children of an array or object */
const da_json *da_json_first(const da_json *value);                     /* its first child, NULL when empty */
const da_json *da_json_next(const da_json *value);                      /* the next sibling, NULL at the end */
const da_json *da_json_at(const da_json *array, int64_t index);         /* walks: for loops take first and next */
const da_json *da_json_get(const da_json *object, const char *key);     /* walks; of equal keys the last, as Python */
const char    *da_json_key_of(const da_json *value);                    /* NULL outside of objects */

/* The value itself. Errors: DA_ERROR_FORMAT with the path of the value ("'f.json': units[3].name is a number, a string
   is expected"); *out stays as it was. A whole number is one whose value is whole (3, 3.0, 3e2) and fits int64. */
da_status da_json_as_int(const da_json *value, int64_t *out);
da_status da_json_as_double(const da_json *value, double *out);
da_status da_json_as_bool(const da_json *value, bool *out);
da_status da_json_as_string(const da_json *value, const char **out);

/* The member of an object; one that is missing is DA_ERROR_FORMAT too. array and object check the kind. */
da_status da_json_int(const da_json *object, const char *key, int64_t *out);
da_status da_json_double(const da_json *object, const char *key, double *out);
da_status da_json_bool(const da_json *object, const char *key, bool *out);
da_status da_json_string(const da_json *object, const char *key, const char **out);
da_status da_json_array(const da_json *object, const char *key, const da_json **out);
da_status da_json_object(const da_json *object, const char *key, const da_json **out);

/* Of what may be missing: NAN and "" where there is none. */
double      da_json_number(const da_json *object, const char *key);
const char *da_json_text(const da_json *object, const char *key);

/* Writing. Calls return nothing: the writer keeps its first error (memory, a value without a key, an end too many) and
   finish reports it.
 *
 *     da_json_writer w;
 *     da_json_writer_init(&w, true);
 *     da_json_begin_object(&w);
 *     da_json_key(&w, "accuracy");  da_json_put_double(&w, 0.99);
 *     da_json_end(&w);
 *     DA_TRY(da_json_finish(&w, &text, NULL));
 */
typedef struct da_json_writer {
    char     *text;
    size_t    size, capacity;
    bool      pretty;
    int       depth;                    /* containers that are open */
    char      closing[DA_JSON_DEPTH];   /* '}' or ']' for each of them */
    bool      empty[DA_JSON_DEPTH + 1]; /* nothing stands yet in that container (0: in the text) */
    bool      keyed;                    /* a key waits for its value */
    da_status status;                   /* the first error */
    const char *reason;                 /* its sentence; NULL when memory ran out */
} da_json_writer;

void da_json_writer_init(da_json_writer *w, bool pretty); /* pretty: two spaces a level; else no spaces at all */
void da_json_begin_object(da_json_writer *w);
void da_json_begin_array(da_json_writer *w);
void da_json_end(da_json_writer *w); /* of the innermost object or array */
void da_json_key(da_json_writer *w, const char *key);
void da_json_put_string(da_json_writer *w, const char *text); /* bytes that are not UTF-8 become U+FFFD; NULL: null */
void da_json_put_int(da_json_writer *w, int64_t value);
void da_json_put_double(da_json_writer *w, double value);     /* shortest that reads back the same; inf, nan: null */
void da_json_put_bool(da_json_writer *w, bool value);
void da_json_put_null(da_json_writer *w);
/* The text, the caller's to da_free; size (may be NULL) without its zero byte. Ends the writer's life, and frees all it
   holds when it fails. Pretty text ends with a newline. */
da_status da_json_finish(da_json_writer *w, char **text, size_t *size);
void      da_json_writer_free(da_json_writer *w); /* for one that is given up before finish */

DA_C_END

#endif
