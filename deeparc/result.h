/* A result: what a study or a command has found, said once, as a tree. Renderers (deeparc/present/show.h) make of it what
 * is seen, and the record that a file keeps reads back as the same tree.
 *
 *     da_result *r = da_result_new();
 *     da_result_put(r, "accuracy", da_real(0.991));                  {"accuracy": 0.991,
 *     da_result *t = da_result_table(r, "means", columns, 3);         "means": [
 *     da_row(t, da_real(0.95), da_whole(14), da_real(NAN));               {"threshold": 0.95, "depth": 14, "mean": null}]}
 *     da_result_say(r, "%d runs are missing\n", 3);                  in the terminal, not in the record
 *     DA_TRY(da_result_status(r));                                   one check for all
 *
 * A key names a member of the record (JSON, CSV); what has none is not recorded. A label names a column for people
 * (terminal, page); what has none is not shown. Prose stands between the tables and is shown only. A table is a list of
 * objects, its rows, with columns that say how their members are shown: format and unit, no condition and no expression.
 *
 * Unknown is decided here and nowhere else: a number that is not finite and a text that is NULL are unknown, which is "-"
 * in the terminal, null in JSON, an empty field in CSV and an empty cell on a page. Absent is left out of the JSON too.
 *
 * The root owns the tree and all texts, which are copied. The first error is kept (memory; a row that does not fit), a
 * call that fails gives NULL, and calls on NULL do nothing. Not for several threads at once.
 */
#ifndef DA_DEEPARC_RESULT_H
#define DA_DEEPARC_RESULT_H

#include "core/json.h"

#include <math.h>

typedef enum da_result_kind {
    DA_ABSENT, DA_UNKNOWN, DA_WORD, DA_DIGEST, DA_WHOLE, DA_REAL, DA_FLAG, /* scalars */
    DA_PROSE, DA_PICTURE,                                                  /* shown alone */
    DA_LIST, DA_OBJECT
} da_result_kind;

typedef struct da_value {
    da_result_kind kind;
    union { const char *text; int64_t whole; double real; bool flag; } as;
} da_value;

static inline da_value da_absent(void) { return (da_value){ .kind = DA_ABSENT }; }
static inline da_value da_word(const char *text) {
    return (da_value){ .kind = text ? DA_WORD : DA_UNKNOWN, .as.text = text };
}
static inline da_value da_digest(const char hex[65]) { return (da_value){ .kind = DA_DIGEST, .as.text = hex }; } /* "sha256:HEX" */
static inline da_value da_whole(int64_t value) { return (da_value){ .kind = DA_WHOLE, .as.whole = value }; }
static inline da_value da_real(double value) {
    return (da_value){ .kind = isfinite(value) ? DA_REAL : DA_UNKNOWN, .as.real = value };
}
static inline da_value da_flag(bool value) { return (da_value){ .kind = DA_FLAG, .as.flag = value }; }
static inline da_value da_if(bool there, da_value value) { return there ? value : da_absent(); }

/* How a member of the rows of a table is called and shown. Formats of numbers: ".3" three digits behind the point, "%.3"
   a share in hundredths, each with '+' in front for a sign; "~2" two digits in all, NULL six; "," a count in groups of
   three digits.
   Of texts: ">" flush right, as numbers are; "\"" always quoted in CSV. */
typedef struct da_column {
    const char *key, *label;  /* in records; for people */
    const char *format, *unit; /* NULL: none. The unit follows a value after a blank: "s", "%" */
    int width;                /* in the terminal at least so many characters */
} da_column;

typedef struct da_result da_result; /* any node of the tree */

/* The root, an empty object; NULL when there is no memory. free takes NULL. status: the first error, with its sentence. */
da_result *da_result_new(void);
void       da_result_free(da_result *root);
da_status  da_result_status(const da_result *node);
void       da_result_check(da_result *node, da_status status); /* keeps an error that happened beside it */

/* Adds to an object, or with key NULL to a list. columns must live as long as the tree. */
void       da_result_put(da_result *to, const char *key, da_value value);
da_result *da_result_object(da_result *to, const char *key);
da_result *da_result_list(da_result *to, const char *key);
da_result *da_result_table(da_result *to, const char *key, const da_column *columns, int count);
void       da_result_row(da_result *table, int count, const da_value *cells);
#define da_row(table, ...)                                                                                             \
    da_result_row(table, (int)(sizeof((da_value[]){ __VA_ARGS__ }) / sizeof(da_value)), (da_value[]){ __VA_ARGS__ })
void       da_result_words(da_result *to, const char *key, const char *const *words, int count); /* a list of them */
void       da_result_reals(da_result *to, const char *key, const double *values, int count);
/* Shown where it stands. picture: as it is, with the escape sequences that colour it. */
void       da_result_say(da_result *to, const char *format, ...) DA_PRINTF(2, 3);
void       da_result_picture(da_result *to, const char *picture);

/* Walking. NULL gives NULL, 0 and an absent value. find: "partitions/0/modularity", a key or a place a step; NULL: there
   is none. number and text: of what is found there; NAN and "" when it is none. columns: of a table, else NULL. */
da_value         da_result_value(const da_result *node);
da_result_kind   da_result_kind_of(const da_result *node);
const char      *da_result_key(const da_result *node); /* NULL: none */
const da_result *da_result_first(const da_result *node);
const da_result *da_result_next(const da_result *node);
int              da_result_count(const da_result *node);
const da_column *da_result_columns(const da_result *table, int *count);
const da_result *da_result_find(const da_result *node, const char *path);
const da_result *da_result_at(const da_result *list, int64_t place); /* walks: for loops take first and next */
bool             da_result_is(const da_result *node, const char *path); /* a flag that is set */
double           da_result_number(const da_result *node, const char *path);
const char      *da_result_text(const da_result *node, const char *path);

/* What a reader cannot do without: DA_ERROR_FORMAT when there is none of that kind at that path; DA_REAL takes whole ones. */
da_status        da_result_need(const da_result *node, const char *path, da_result_kind kind);

/* The record: write puts the members of an object into the one that is open; read adds those of a JSON object to `to`,
   and what it writes again has the same bytes. */
void      da_result_write(const da_result *object, da_json_writer *to);
da_status da_result_read(da_result *to, const da_json *object);
da_status da_result_load(da_result **out, const char *path); /* of a file; the caller's to free */

#endif
