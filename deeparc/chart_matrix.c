/* The similarity matrix as a picture: names left and below, a frame around every module of more than one layer, a
 * colour bar.
 *
 *       conv1     [#][#]|[ ][ ]      |#| 1.00
 *       layer1.0  [#][#]|[ ][ ]  M0  |+|
 *                 ------+             |.| 0.31
 *       layer2.0  [ ][ ] [#][ ]
 *                  c  l   l
 */
#include "deeparc/chart.h"
#include "deeparc/colour.h"
#include "deeparc/html.h"
#include "deeparc/scale.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    PLOT = 560, LARGEST_CELL = 44, SMALLEST_CELL = 4, NUMBERED_CELL = 34, /* the matrix; large cells hold their value */
    TEXT = 11, GLYPH = 7, LONGEST_NAME = 22,                              /* names */
    MODULE_ROOM = 44, BAR_ROOM = 64, BAR_WIDTH = 14, BAR_STEPS = 32,      /* what stands to the right */
    TITLE_ROOM = 24                                                       /* above the matrix, in a file */
};

typedef struct picture {
    const da_heatmap_chart *chart;
    da_text *page;
    da_scale scale;
    int cell, left, side; /* units: a cell's edge, room for names, the matrix's edge */
} picture;

static const char *name_of(const da_heatmap_chart *chart, int layer, char number[16]) {
    if (chart->names && chart->names[layer]) return chart->names[layer];
    snprintf(number, 16, "%d", layer);
    return number;
}

static void lay_out(picture *p) {
    const da_heatmap_chart *chart = p->chart;
    char number[16];
    int longest = 1;
    p->cell = PLOT / (chart->layers > 0 ? chart->layers : 1);
    p->cell = p->cell > LARGEST_CELL ? LARGEST_CELL : p->cell < SMALLEST_CELL ? SMALLEST_CELL : p->cell;
    p->side = p->cell * chart->layers;
    for (int l = 0; l < chart->layers; l++) {
        int length = (int)strlen(name_of(chart, l, number));
        if (length > longest) longest = length;
    }
    p->left = (longest < LONGEST_NAME ? longest : LONGEST_NAME) * GLYPH + 8;
    p->scale = dai_scale_of(chart->low, chart->high, chart->matrix, (int64_t)chart->layers * chart->layers);
}

/* A name, its end if it is long (the end tells layers apart). */
static void put_name(const picture *p, int layer) {
    char number[16];
    const char *name = name_of(p->chart, layer, number);
    size_t length = strlen(name);
    if (length > LONGEST_NAME) {
        name += length - LONGEST_NAME + 1;
        while (((unsigned char)*name & 0xc0) == 0x80) name++; /* not in the middle of a character */
        da_text_append(p->page, "…");
    }
    da_text_html(p->page, name);
}

static void put_names(const picture *p) {
    int every = (TEXT + 1 + p->cell - 1) / p->cell; /* small cells: every n-th name */
    for (int l = 0; l < p->chart->layers; l += every) {
        double middle = (l + 0.5) * p->cell;
        da_text_printf(p->page, "<text x=\"%d\"", p->left - 6);
        da_html_length(p->page, "y", middle + 4);
        da_text_append(p->page, " text-anchor=\"end\">");
        put_name(p, l);
        da_text_append(p->page, "</text><text transform=\"translate(");
        da_text_fixed(p->page, p->left + middle + 4, 1);
        da_text_printf(p->page, " %d)rotate(-90)\" text-anchor=\"end\">", p->side + 6);
        put_name(p, l);
        da_text_append(p->page, "</text>\n");
    }
}

static void put_number(const picture *p, double x, double y, double value, const char *ink) {
    da_text_append(p->page, "<text");
    da_html_length(p->page, "x", x);
    da_html_length(p->page, "y", y);
    da_text_printf(p->page, " text-anchor=\"middle\" pointer-events=\"none\" style=\"fill:%s\">", ink);
    da_text_fixed(p->page, value, 2);
    da_text_append(p->page, "</text>");
}

static void put_cell(const picture *p, int row, int column) {
    char row_number[16], column_number[16];
    double value = p->chart->matrix[(int64_t)row * p->chart->layers + column];
    da_colour colour = da_colour_scale(dai_scale_share(p->scale, value));
    int x = p->left + column * p->cell, y = row * p->cell;
    da_text_printf(p->page, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#%02x%02x%02x\"><title>", x, y,
                   p->cell, p->cell, colour.red, colour.green, colour.blue);
    da_text_html(p->page, name_of(p->chart, row, row_number));
    da_text_append(p->page, " × ");
    da_text_html(p->page, name_of(p->chart, column, column_number));
    da_text_append(p->page, ": ");
    da_text_fixed(p->page, value, 4);
    da_text_append(p->page, "</title></rect>");
    if (p->cell >= NUMBERED_CELL)
        put_number(p, x + p->cell / 2.0, y + p->cell / 2.0 + 4, value, da_colour_is_light(colour) ? "#111" : "#fff");
    da_text_append(p->page, "\n");
}

static void put_modules(const picture *p) {
    const da_partition *partition = p->chart->partition;
    for (int m = 0; partition && m < partition->modules; m++) {
        int begin = partition->module[m].begin * p->cell, size = partition->module[m].end * p->cell - begin;
        if (da_partition_is_alone(partition, m)) continue;
        da_text_printf(p->page,
                       "<rect class=\"bound\" pointer-events=\"none\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>",
                       p->left + begin, begin, size, size);
        da_text_printf(p->page, "<path class=\"bound\" d=\"M%d %dh4v%dh-4\"/><text class=\"bound\" x=\"%d\"",
                       p->left + p->side + 4, begin + 2, size - 4, p->left + p->side + 14);
        da_html_length(p->page, "y", begin + size / 2.0 + 4);
        da_text_printf(p->page, ">M%d</text>\n", m);
    }
}

static void put_colour_bar(const picture *p) {
    int x = p->left + p->side + MODULE_ROOM, height = p->side < 180 ? p->side : 180;
    for (int i = 0; i < BAR_STEPS; i++) {
        da_colour colour = da_colour_scale(1 - (double)i / (BAR_STEPS - 1));
        int top = height * i / BAR_STEPS, bottom = height * (i + 1) / BAR_STEPS;
        da_text_printf(p->page, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#%02x%02x%02x\"/>", x, top,
                       BAR_WIDTH, bottom - top, colour.red, colour.green, colour.blue);
    }
    for (int i = 0; i <= 2; i++) {
        da_text_printf(p->page, "<text x=\"%d\"", x + BAR_WIDTH + 6);
        da_html_length(p->page, "y", 10 + (height - 12) * i / 2.0);
        da_text_append(p->page, ">");
        da_text_fixed(p->page, p->scale.high + (p->scale.low - p->scale.high) * i / 2, 2);
        da_text_append(p->page, "</text>");
    }
    da_text_append(p->page, "\n");
}

/* What stands inside the <svg> element, whoever frames it. */
static void put_picture(const picture *p) {
    da_text_append(p->page, "<g shape-rendering=\"crispEdges\">\n");
    for (int row = 0; row < p->chart->layers; row++)
        for (int column = 0; column < p->chart->layers; column++) put_cell(p, row, column);
    da_text_append(p->page, "</g>\n");
    put_names(p);
    put_modules(p);
    put_colour_bar(p);
    da_text_append(p->page, "</svg>\n");
}

void da_chart_heatmap(da_text *page, const da_heatmap_chart *chart) {
    picture p = { .chart = chart, .page = page };
    lay_out(&p);
    int width = p.left + p.side + MODULE_ROOM + BAR_ROOM, height = p.side + p.left;
    da_html_figure_begin(page, chart->title);
    da_text_printf(page, "<svg class=\"map\" viewBox=\"0 0 %d %d\" style=\"max-width:%dpx\" role=\"img\">\n", width,
                   height, width + width / 4);
    put_picture(&p);
    da_html_figure_end(page);
}

/* A file has no page around it: its colours are its own, black on white, and a title stands above the matrix. */
void da_chart_heatmap_svg(da_text *file, const da_heatmap_chart *chart) {
    picture p = { .chart = chart, .page = file };
    lay_out(&p);
    int width = p.left + p.side + MODULE_ROOM + BAR_ROOM, height = p.side + p.left + TITLE_ROOM;
    da_text_append(file, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    da_text_append(file, "<svg xmlns=\"http://www.w3.org/2000/svg\"");
    da_text_printf(file, " width=\"%d\" height=\"%d\" viewBox=\"0 %d %d %d\">\n", width, height, -TITLE_ROOM, width,
                   height);
    da_text_append(file, "<title>");
    da_text_html(file, chart->title);
    da_text_append(file, "</title>\n<style>text{font:11px sans-serif;fill:#333}"
                         ".bound{fill:none;stroke:#c02020;stroke-width:2}text.bound{stroke:none;fill:#c02020;"
                         "font-weight:600}</style>\n");
    da_text_printf(file, "<rect y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", -TITLE_ROOM, width, height);
    da_text_printf(file, "<text x=\"6\" y=\"%d\">", -TITLE_ROOM / 3);
    da_text_html(file, chart->title);
    da_text_append(file, "</text>\n");
    put_picture(&p);
}
