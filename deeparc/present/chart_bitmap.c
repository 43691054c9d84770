/* The similarity matrix in pixels: as in chart_matrix.c, but every pixel is placed here.
 *
 *     | MARGIN | names, `left` wide | matrix, `side` wide | GAP, brackets, M0 | colour bar | its numbers |
 *
 * Names stand beside their rows and, turned, below their columns; where cells are smaller than letters, beside every
 * n-th.
 */
#include "deeparc/present/chart.h"
#include "deeparc/present/scale.h"

#include "core/number.h"

#include <stdio.h>
#include <string.h>

enum {
    PLOT = 1120, LARGEST_CELL = 64, SMALLEST_CELL = 4, NUMBERED_CELL = 56,
    TEXT = 2, LINE = DA_GLYPH_HEIGHT * TEXT, LONGEST_NAME = 22, /* TEXT: pixels of a letter's dot */
    MARGIN = 16, GAP = 10, MODULE_ROOM = 70, BAR_WIDTH = 24, LONGEST_BAR = 320, NUMBER_ROOM = 80, FRAME = 3
};

static const da_colour WHITE = { 255, 255, 255 }, INK = { 40, 40, 40 }, RED = { 192, 32, 32 };

typedef struct plan {
    const da_heatmap_chart *chart;
    da_scale scale;
    int cell, left, top, side, tall, below; /* pixels; the last: room for the names of columns */
    int columns;
    const char *const *column_names;
} plan;

/* The name, or its end if it is long: the end tells layers apart. */
static const char *name_of(const char *const *names, int layer, char number[16]) {
    if (!names || !names[layer]) {
        snprintf(number, 16, "%d", layer);
        return number;
    }
    const char *name = names[layer];
    size_t length = strlen(name);
    return length > LONGEST_NAME ? name + length - LONGEST_NAME : name;
}

static int widest_name(const char *const *names, int count) {
    char number[16];
    int widest = 0;
    for (int l = 0; l < count; l++) {
        int width = da_bitmap_text_width(name_of(names, l, number), TEXT);
        if (width > widest) widest = width;
    }
    return widest;
}

static plan make_plan(const da_heatmap_chart *chart) {
    plan p = { .chart = chart, .top = MARGIN + (chart->title ? LINE + GAP : 0) };
    p.columns = chart->columns > 0 ? chart->columns : chart->layers;
    p.column_names = chart->columns > 0 ? chart->column_names : chart->names;
    p.cell = PLOT / (p.columns > chart->layers ? p.columns : chart->layers);
    p.cell = p.cell > LARGEST_CELL ? LARGEST_CELL : p.cell < SMALLEST_CELL ? SMALLEST_CELL : p.cell;
    p.side = p.cell * p.columns;
    p.tall = p.cell * chart->layers;
    p.left = widest_name(chart->names, chart->layers) + MARGIN + GAP;
    p.below = widest_name(p.column_names, p.columns) + MARGIN + GAP;
    p.scale = dai_scale_of(chart->low, chart->high, chart->matrix, (int64_t)chart->layers * p.columns);
    return p;
}

static void draw_value(const plan *p, da_bitmap *b, int x, int y, double value, da_colour behind) {
    char number[DA_NUMBER_WIDE];
    da_number_fixed(number, value, 2);
    da_bitmap_text(b, x + (p->cell - da_bitmap_text_width(number, TEXT)) / 2, y + (p->cell - LINE) / 2, number, TEXT,
                   false, da_colour_is_light(behind) ? INK : WHITE);
}

static void draw_cells(const plan *p, da_bitmap *b) {
    for (int row = 0; row < p->chart->layers; row++)
        for (int column = 0; column < p->columns; column++) {
            double value = p->chart->matrix[(int64_t)row * p->columns + column];
            da_colour colour = da_colour_scale(dai_scale_share(p->scale, value));
            int x = p->left + column * p->cell, y = p->top + row * p->cell;
            da_bitmap_fill(b, x, y, p->cell, p->cell, colour);
            if (p->cell >= NUMBERED_CELL) draw_value(p, b, x, y, value, colour);
        }
}

static void draw_names(const plan *p, da_bitmap *b) {
    int every = (LINE + 2 + p->cell - 1) / p->cell;
    char number[16];
    for (int l = 0; l < p->chart->layers; l += every) {
        const char *name = name_of(p->chart->names, l, number);
        int width = da_bitmap_text_width(name, TEXT), middle = l * p->cell + (p->cell - LINE) / 2;
        da_bitmap_text(b, p->left - GAP - width, p->top + middle, name, TEXT, false, INK);
    }
    for (int l = 0; l < p->columns; l += every) {
        const char *name = name_of(p->column_names, l, number);
        int width = da_bitmap_text_width(name, TEXT), middle = l * p->cell + (p->cell - LINE) / 2;
        da_bitmap_text(b, p->left + middle, p->top + p->tall + GAP + width, name, TEXT, true, INK);
    }
}

static void draw_modules(const plan *p, da_bitmap *b) {
    const da_partition *partition = p->chart->partition;
    for (int m = 0; partition && m < partition->modules; m++) {
        if (da_partition_is_alone(partition, m)) continue;
        char text[16];
        int begin = partition->module[m].begin * p->cell, size = partition->module[m].end * p->cell - begin;
        int x = p->left + p->side + GAP;
        snprintf(text, sizeof text, "M%d", m);
        da_bitmap_frame(b, p->left + begin, p->top + begin, size, size, FRAME, RED);
        da_bitmap_fill(b, x, p->top + begin + FRAME, FRAME, size - 2 * FRAME, RED);
        da_bitmap_text(b, x + GAP, p->top + begin + (size - LINE) / 2, text, TEXT, false, RED);
    }
}

static void draw_colour_bar(const plan *p, da_bitmap *b) {
    int x = p->left + p->side + GAP + MODULE_ROOM, height = p->tall < LONGEST_BAR ? p->tall : LONGEST_BAR;
    for (int y = 0; y < height; y++)
        da_bitmap_fill(b, x, p->top + y, BAR_WIDTH, 1, da_colour_scale(1 - (double)y / height));
    for (int i = 0; i <= 2; i++) {
        char number[DA_NUMBER_WIDE];
        da_number_fixed(number, p->scale.high + (p->scale.low - p->scale.high) * i / 2, 2);
        da_bitmap_text(b, x + BAR_WIDTH + GAP, p->top + (height - LINE) * i / 2, number, TEXT, false, INK);
    }
}

da_status da_chart_heatmap_bitmap(da_bitmap *out, const da_heatmap_chart *chart) {
    if (chart->layers < 1)
        return DA_FAIL(DA_ERROR_ARGUMENT, "heat map: %d layers: at least 1 is needed", chart->layers);
    plan p = make_plan(chart);
    da_bitmap b = { 0 };
    int least = MARGIN * 2 + da_bitmap_text_width(chart->title ? chart->title : "", TEXT);
    int width = p.left + p.side + GAP + MODULE_ROOM + BAR_WIDTH + NUMBER_ROOM;
    DA_TRY(da_bitmap_new(&b, width > least ? width : least, p.top + p.tall + p.below, WHITE));
    if (chart->title) da_bitmap_text(&b, MARGIN, MARGIN, chart->title, TEXT, false, INK);
    draw_cells(&p, &b);
    draw_names(&p, &b);
    draw_modules(&p, &b);
    draw_colour_bar(&p, &b);
    *out = b;
    return DA_OK;
}
