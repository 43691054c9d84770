/* The reader goes line by line, and through a line field by field; values grow in one block, row after row.
 *
 *     line    | "conv 1" ,  0.5 , x |
 *     field     ^      ^    ^ ^        begin and end, blanks and quotes outside
 */
#include "core/csv.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/number.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { CSV_CAP = 1 << 30 };

typedef struct field { const char *begin, *end; bool quoted, closed; } field;

typedef struct reader {
    const char *name, *at, *end; /* what is left of the text */
    const char *line, *line_end; /* the current line, without its end */
    int64_t     number;          /* of the current line, from 1 */
    size_t      capacity;        /* values */
    da_csv      made;
} reader;

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* ---- lines and fields ---- */

/* The next line with anything in it; false at the end of the text. */
static bool next_line(reader *r) {
    while (r->at < r->end) {
        const char *newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
        r->line = r->at;
        r->line_end = newline ? newline : r->end;
        r->at = newline ? newline + 1 : r->end;
        r->number++;
        if (r->line_end > r->line && r->line_end[-1] == '\r') r->line_end--;
        for (const char *p = r->line; p < r->line_end; p++)
            if (!is_blank(*p)) return true;
    }
    return false;
}

/* Cuts the next field off at *at; false after the last one, when *at is NULL. */
static bool next_field(const char **at, const char *end, field *f) {
    const char *p = *at;
    if (!p) return false;
    while (p < end && is_blank(*p)) p++;
    f->quoted = p < end && *p == '"';
    f->begin = p += f->quoted;
    while (f->quoted && p < end && !(*p == '"' && (p + 1 == end || p[1] != '"'))) p += *p == '"' ? 2 : 1;
    f->closed = !f->quoted || p < end;
    f->end = p;
    p += f->quoted && f->closed;
    if (f->quoted)
        while (p < end && is_blank(*p)) p++;
    else
        while (p < end && *p != ',') p++;
    if (!f->quoted)
        for (f->end = p; f->end > f->begin && is_blank(f->end[-1]);) f->end--;
    f->closed = f->closed && (p == end || *p == ',');
    *at = p < end ? p + 1 : NULL;
    return true;
}

static bool same_word(const char *begin, const char *end, const char *word) { /* word in lower case */
    for (; begin < end && *word; begin++, word++)
        if ((*begin | 32) != *word) return false;
    return begin == end && *word == '\0';
}

/* A number, or one of the words for what is none but comes out of computations all the same. */
static bool read_value(const char *begin, const char *end, double *value) {
    if (da_number_parse(begin, (size_t)(end - begin), value)) return true;
    *value = (double)NAN;
    if (begin < end && (*begin == '-' || *begin == '+')) begin++;
    return same_word(begin, end, "nan") || same_word(begin, end, "inf") || same_word(begin, end, "infinity");
}

/* ---- names ---- */

/* How many fields the current line has; *names: none of them is a number. A single number makes it a row: a first row
   with one bad value must be reported, not taken for names. */
static int64_t count_fields(const reader *r, bool *names) {
    int64_t count = 0;
    field f;
    double value;
    *names = true;
    for (const char *at = r->line; next_field(&at, r->line_end, &f); count++)
        if (read_value(f.begin, f.end, &value)) *names = false;
    return count;
}

/* Takes the mark of a comment off the current line; false when it is none. */
static bool is_comment(reader *r) {
    const char *p = r->line;
    while (p < r->line_end && is_blank(*p)) p++;
    if (p == r->line_end || *p != '#') return false;
    for (p++; p < r->line_end && is_blank(*p);) p++;
    r->line = p;
    return true;
}

/* | pointer 0 | pointer 1 | ... | name 0 \0 name 1 \0 ... |     a name is no longer than its field, and every field but
   the last is followed by a comma: the line's length and one byte more hold all the text. */
static da_status read_names(reader *r) {
    size_t pointers = (size_t)r->made.columns * sizeof(char *);
    char **names = da_alloc(pointers + (size_t)(r->line_end - r->line) + 1);
    field f;
    if (!names) return DA_ERROR_MEMORY;
    r->made.names = names;
    char *text = (char *)names + pointers;
    int64_t column = 0;
    for (const char *at = r->line; next_field(&at, r->line_end, &f); column++) {
        if (!f.closed)
            return DA_FAIL(DA_ERROR_FORMAT, "'%s' line %lld, column %lld: a quoted field has no end", r->name,
                           (long long)r->number, (long long)column + 1);
        names[column] = text;
        for (const char *p = f.begin; p < f.end; p++) {
            *text++ = *p;
            if (f.quoted && *p == '"') p++; /* the second of two */
        }
        *text++ = '\0';
    }
    return DA_OK;
}

/* ---- rows ---- */

static da_status fail_field(const reader *r, da_status code, int64_t column, const field *f, const char *what) {
    const char *name = r->made.names && column < r->made.columns ? r->made.names[column] : NULL;
    int shown = f->end - f->begin < 40 ? (int)(f->end - f->begin) : 40;
    return DA_FAIL(code, "'%s' line %lld (row %lld), column %lld%s%.60s%s: '%.*s' %s", r->name, (long long)r->number,
                   (long long)r->made.rows + 1, (long long)column + 1, name ? " '" : "", name ? name : "",
                   name ? "'" : "", shown, f->begin, what);
}

static da_status reserve_row(reader *r) {
    size_t used = (size_t)r->made.rows * (size_t)r->made.columns, wanted = used + (size_t)r->made.columns;
    if (wanted <= r->capacity) return DA_OK;
    size_t capacity = wanted > 2 * r->capacity ? wanted : 2 * r->capacity;
    double *grown = da_realloc(r->made.values, capacity * sizeof *grown);
    if (!grown) return DA_ERROR_MEMORY;
    r->made.values = grown;
    r->capacity = capacity;
    return DA_OK;
}

static da_status read_row(reader *r) {
    int64_t column = 0;
    field f;
    DA_TRY(reserve_row(r));
    double *row = r->made.values + r->made.rows * r->made.columns;
    for (const char *at = r->line; next_field(&at, r->line_end, &f); column++) {
        double value;
        if (column == r->made.columns)
            return DA_FAIL(DA_ERROR_FORMAT,
                           "'%s' line %lld (row %lld) has more than the %s of the first line", r->name,
                           (long long)r->number, (long long)r->made.rows + 1, da_count(r->made.columns, "field").text);
        if (f.begin == f.end) return fail_field(r, DA_ERROR_FORMAT, column, &f, "is empty: a number is expected");
        if (!f.closed || !read_value(f.begin, f.end, &value))
            return fail_field(r, DA_ERROR_FORMAT, column, &f, "is no number");
        if (!isfinite(value)) return fail_field(r, DA_ERROR_NUMERIC, column, &f, "is not finite");
        row[column] = value;
    }
    if (column < r->made.columns)
        return DA_FAIL(DA_ERROR_FORMAT, "'%s' line %lld (row %lld) has %s, the first line %lld", r->name,
                       (long long)r->number, (long long)r->made.rows + 1, da_count(column, "field").text,
                       (long long)r->made.columns);
    r->made.rows++;
    return DA_OK;
}

/* The names of the columns, where there are any, and the first row's line: a line of names, or else the last comment
   before the first row when it has as many fields, none a number, as that row. false: there is no row. */
static da_status read_head(reader *r, bool *row) {
    reader comment = { .line = NULL };
    bool names, comment_names;
    while ((*row = next_line(r)) && is_comment(r)) comment = *r;
    if (!*row) return DA_OK;
    r->made.columns = count_fields(r, &names);
    if (names) {
        DA_TRY(read_names(r));
        while ((*row = next_line(r)) && is_comment(r)) { }
    } else if (comment.line && comment.line < comment.line_end &&
               count_fields(&comment, &comment_names) == r->made.columns && comment_names) {
        comment.made.columns = r->made.columns;
        da_status status = read_names(&comment);
        r->made.names = comment.made.names; /* also of a failure: whoever frees r frees them */
        return status;
    }
    return DA_OK;
}

static da_status read_text(reader *r) {
    bool row;
    DA_TRY(read_head(r, &row));
    for (; row; row = next_line(r))
        if (!is_comment(r)) DA_TRY(read_row(r));
    if (r->made.rows == 0) return DA_FAIL(DA_ERROR_FORMAT, "'%s' holds no row of numbers", r->name);
    return DA_OK;
}

da_status da_csv_read_memory(da_csv *matrix, const char *text, size_t size, const char *name) {
    reader r = { .name = name, .at = text, .end = text + size };
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) r.at += 3; /* the byte order mark of some spreadsheets */
    da_status status = read_text(&r);
    if (status != DA_OK) { da_csv_free(&r.made); return status; }
    *matrix = r.made;
    return DA_OK;
}

da_status da_csv_read(da_csv *matrix, const char *path) {
    uint8_t *bytes = NULL;
    size_t size = 0;
    DA_TRY(da_file_read(path, CSV_CAP, &bytes, &size));
    da_status status = da_csv_read_memory(matrix, (const char *)bytes, size, path);
    da_free(bytes);
    return status;
}

void da_csv_free(da_csv *matrix) {
    if (!matrix) return;
    da_free(matrix->values);
    da_free(matrix->names);
    memset(matrix, 0, sizeof *matrix);
}

/* ---- writing ---- */

static da_status check_matrix(const char *path, int64_t rows, int64_t columns, const double *values,
                              const char *const *names) {
    double ignored;
    if (rows < 1 || columns < 1)
        return DA_FAIL(DA_ERROR_ARGUMENT, "writing '%s': a matrix of %lld x %lld has no numbers", path, (long long)rows,
                       (long long)columns);
    for (int64_t c = 0; names && c < columns; c++)
        if (strpbrk(names[c], "\r\n") || read_value(names[c], names[c] + strlen(names[c]), &ignored))
            return DA_FAIL(DA_ERROR_ARGUMENT,
                           "writing '%s': column %lld cannot be named '%.60s', which reads as a number or has "
                           "a line break", path, (long long)c + 1, names[c]);
    for (int64_t i = 0; i < rows * columns; i++)
        if (!isfinite(values[i]))
            return DA_FAIL(DA_ERROR_NUMERIC, "writing '%s': row %lld, column %lld is not finite", path,
                           (long long)(i / columns) + 1, (long long)(i % columns) + 1);
    return DA_OK;
}

static void write_name(da_file_writer *w, const char *name) {
    bool plain = *name && *name != '#' && !strpbrk(name, "\",") && !is_blank(name[0]) && !is_blank(name[strlen(name) - 1]);
    if (!plain) (void)da_file_write(w, "\"", 1);
    for (const char *p = name; *p; p++) (void)da_file_write(w, *p == '"' ? "\"\"" : p, *p == '"' ? 2 : 1);
    if (!plain) (void)da_file_write(w, "\"", 1);
}

da_status da_csv_write(const char *path, int64_t rows, int64_t columns, const double *values,
                       const char *const *names) {
    char text[DA_NUMBER_TEXT];
    da_file_writer *w;
    DA_TRY(check_matrix(path, rows, columns, values, names));
    DA_TRY(da_file_create(&w, path));
    for (int64_t c = 0; names && c < columns; c++) { /* commit reports the first failure */
        write_name(w, names[c]);
        (void)da_file_write(w, c < columns - 1 ? "," : "\n", 1);
    }
    for (int64_t i = 0; i < rows * columns; i++)
        (void)da_file_printf(w, "%s%c", da_number_text(text, values[i]), (i + 1) % columns ? ',' : '\n');
    return da_file_commit(w);
}
