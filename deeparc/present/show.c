/* Results as text: values by their formats; tables in the terminal, as CSV and on a page. */
#include "deeparc/present/show.h"

#include "core/memory.h"
#include "core/number.h"
#include "deeparc/present/html.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Values ---- */

static void add_real(da_text *out, const char *format, double value) {
    const char *point = format ? strchr(format, '.') : NULL;
    if (format && strchr(format, '%')) value *= 100;
    if (point) {
        char number[DA_NUMBER_WIDE];
        da_number_fixed(number, value, atoi(point + 1));
        if (*format == '+' && *number != '-') da_text_append(out, "+");
        da_text_append(out, number);
    } else da_text_rounded(out, value, format && *format == '~' ? atoi(format + 1) : 6);
}

static void add_whole(da_text *out, const char *format, int64_t value) {
    char digits[32];
    int length = snprintf(digits, sizeof digits, "%lld", (long long)value);
    bool grouped = format && *format == ',';
    for (int i = 0; i < length; i++) {
        if (grouped && i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-') da_text_append(out, ",");
        da_text_append_bytes(out, &digits[i], 1);
    }
}

void da_show_value(da_text *out, const da_column *column, da_value value) {
    switch (value.kind) {
    case DA_WORD:  da_text_append(out, value.as.text ? value.as.text : ""); break;
    case DA_FLAG:  da_text_append(out, value.as.flag ? "yes" : "no"); break;
    case DA_WHOLE: add_whole(out, column->format, value.as.whole); break;
    case DA_REAL:  add_real(out, column->format, value.as.real); break;
    default: return;
    }
    if (column->unit) da_text_printf(out, " %s", column->unit);
}

/* ---- Cells of a table ---- */

/* Those columns of a table that have labels, and the text of every cell: rows x columns. */
typedef struct grid {
    int columns, rows;
    const da_column *column[DA_SHOW_COLUMNS];
    bool right[DA_SHOW_COLUMNS]; /* of a column of numbers, or of one that says so */
    da_text text;
    const char **cell;           /* in text */
} grid;

/* What the text has from `begin` on, made harmless. */
static void make_plain(da_text *text, size_t begin) {
    if (text->length == begin || !text->bytes[begin + da_text_harmless(text->bytes + begin)]) return;
    da_text raw = { 0 };
    da_text_append(&raw, text->bytes + begin);
    text->length = begin;
    text->bytes[begin] = '\0';
    da_text_plain(text, da_text_string(&raw));
    if (raw.status != DA_OK) text->status = raw.status;
    da_text_free(&raw);
}

/* unknown: what stands for it; in the terminal that is not empty. */
static void fill_row(grid *g, const da_result *row, const da_column *columns, const char *unknown) {
    int shown = 0, place = 0;
    for (const da_result *cell = da_result_first(row); cell; cell = da_result_next(cell), place++) {
        const da_column *column = &columns[place];
        const da_value value = da_result_value(cell);
        const size_t begin = g->text.length;
        if (!column->label || shown == DA_SHOW_COLUMNS) continue;
        if ((value.kind == DA_WORD || value.kind == DA_FLAG) && (!column->format || *column->format == '"'))
            g->right[shown] = false;
        if (value.kind == DA_ABSENT || value.kind == DA_UNKNOWN) da_text_append(&g->text, unknown);
        else da_show_value(&g->text, column, value);
        if (*unknown) make_plain(&g->text, begin);
        da_text_append_bytes(&g->text, "", 1);
        shown++;
    }
}

static da_status grid_init(grid *g, const da_result *table, const char *unknown) {
    int count;
    const da_column *columns = da_result_columns(table, &count);
    *g = (grid){ .rows = da_result_count(table) };
    for (int k = 0; k < count && g->columns < DA_SHOW_COLUMNS; k++) {
        if (!columns[k].label) continue;
        g->right[g->columns] = true;
        g->column[g->columns++] = &columns[k];
    }
    for (const da_result *row = da_result_first(table); row; row = da_result_next(row)) fill_row(g, row, columns, unknown);
    DA_TRY(da_text_status(&g->text));
    g->cell = da_alloc(((size_t)g->rows * (size_t)g->columns + 1) * sizeof *g->cell);
    if (!g->cell) return DA_ERROR_MEMORY;
    const char *at = da_text_string(&g->text);
    for (int64_t i = 0; i < (int64_t)g->rows * g->columns; i++, at += strlen(at) + 1) g->cell[i] = at;
    return DA_OK;
}

static void grid_free(grid *g) {
    da_text_free(&g->text);
    da_free(g->cell);
}

/* ---- The terminal ---- */

static int width_of(const char *text) { /* characters of UTF-8 */
    int width = 0;
    for (; *text; text++) width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

/* Blanks before or behind; none at the end of a line. */
static void add_cell(da_text *out, const grid *g, int column, const char *text, int width) {
    const int blanks = width - width_of(text);
    if (column > 0) da_text_append(out, "  ");
    if (g->right[column]) da_text_repeat(out, " ", blanks);
    da_text_append(out, text);
    if (!g->right[column]) da_text_repeat(out, " ", blanks);
    if (column < g->columns - 1) return;
    while (out->length > 0 && out->bytes[out->length - 1] == ' ') out->length--;
    da_text_append(out, "\n");
}

static void draw_grid(da_text *out, const grid *g) {
    int width[DA_SHOW_COLUMNS];
    bool labels = false;
    for (int k = 0; k < g->columns; k++) {
        width[k] = width_of(g->column[k]->label);
        labels |= width[k] > 0;
        if (width[k] < g->column[k]->width) width[k] = g->column[k]->width;
        for (int i = 0; i < g->rows; i++) {
            int wide = width_of(g->cell[(int64_t)i * g->columns + k]);
            if (wide > width[k]) width[k] = wide;
        }
    }
    for (int k = 0; k < g->columns && labels; k++) add_cell(out, g, k, g->column[k]->label, width[k]);
    for (int64_t i = 0; i < (int64_t)g->rows * g->columns; i++)
        add_cell(out, g, (int)(i % g->columns), g->cell[i], width[i % g->columns]);
}

static void show_grid(da_text *out, const da_result *table) {
    grid g;
    da_status status = grid_init(&g, table, "-");
    if (status == DA_OK) draw_grid(out, &g);
    else if (out->status == DA_OK) out->status = status;
    grid_free(&g);
}

void da_show_terminal(da_text *out, const da_result *result) {
    int columns;
    for (const da_result *node = da_result_first(result); node; node = da_result_next(node)) {
        da_value value = da_result_value(node);
        if (value.kind == DA_PROSE) da_text_plain(out, value.as.text);
        else if (value.kind == DA_PICTURE) da_text_append(out, value.as.text);
        else if (da_result_columns(node, &columns) && da_result_first(node)) show_grid(out, node);
        else da_show_terminal(out, node);
    }
}

/* ---- CSV ---- */

/* Numbers read back as they are; texts stand in quotes, which double inside, where a comma or a line in them asks for it. */
static void add_field(da_text *out, const da_column *column, da_value value) {
    char number[DA_NUMBER_TEXT];
    const char *text = value.kind == DA_WORD ? value.as.text : "";
    bool quoted = (column->format && *column->format == '"') || text[strcspn(text, ",\"\r\n")];
    if (value.kind == DA_REAL) da_text_append(out, da_number_text(number, value.as.real));
    else if (value.kind != DA_WORD) da_show_value(out, &(da_column){ .key = NULL }, value);
    else if (!quoted) da_text_append(out, text);
    else {
        da_text_append(out, "\"");
        for (; *text; text++) da_text_append_bytes(out, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
        da_text_append(out, "\"");
    }
}

void da_show_csv(da_text *out, const da_result *table) {
    int count;
    const da_column *columns = da_result_columns(table, &count);
    const char *comma = "";
    for (int k = 0; k < count; k++) {
        if (!columns[k].key) continue;
        da_text_printf(out, "%s%s", comma, columns[k].key);
        comma = ",";
    }
    da_text_append(out, "\n");
    for (const da_result *row = da_result_first(table); row; row = da_result_next(row)) {
        int place = 0;
        comma = "";
        for (const da_result *cell = da_result_first(row); cell; cell = da_result_next(cell), place++) {
            if (!columns[place].key) continue;
            da_text_append(out, comma);
            add_field(out, &columns[place], da_result_value(cell));
            comma = ",";
        }
        da_text_append(out, "\n");
    }
}

/* ---- A page ---- */

void da_show_table(da_text *page, const char *caption, const da_result *table, int emphasis) {
    grid g;
    const char *header[DA_SHOW_COLUMNS];
    da_status failed = da_result_status(table), status = grid_init(&g, table, "");
    if (failed != DA_OK) status = failed;
    for (int k = 0; k < g.columns; k++) header[k] = g.column[k]->label;
    if (status == DA_OK) da_html_table(page, caption, g.columns, header, g.rows, g.cell, emphasis);
    else if (page->status == DA_OK) page->status = status;
    grid_free(&g);
}
