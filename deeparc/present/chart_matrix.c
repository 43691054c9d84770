/* The similarity matrix as a picture: names left and below, a frame around every module of more than one layer, a
 * colour bar.
 *
 *       conv1     [#][#]|[ ][ ]      |#| 1.00
 *       layer1.0  [#][#]|[ ][ ]  M0  |+|
 *                 ------+             |.| 0.31
 *       layer2.0  [ ][ ] [#][ ]
 *                  c  l   l
 */
#include "deeparc/present/chart.h"
#include "deeparc/present/chart_parts.h"
#include "deeparc/present/colour.h"
#include "deeparc/present/html.h"
#include "deeparc/present/scale.h"


enum {
    PLOT = 560, LARGEST_CELL = 44, SMALLEST_CELL = 4, NUMBERED_CELL = 34, /* the matrix; large cells hold their value */
    TEXT = 12,                                                            /* names */
    MODULE_ROOM = 44, BAR_ROOM = 64, BAR_WIDTH = 14, BAR_STEPS = 32,      /* what stands to the right */
    TITLE_ROOM = 24                                                       /* above the matrix, in a file */
};

typedef struct picture {
    const da_heatmap_chart *chart;
    da_text *page;
    da_scale scale;
    int cell, left, below, side, tall; /* units: a cell's edge, room for names, the matrix's width and height */
    int columns;
    const char *const *column_names;
} picture;

static void lay_out(picture *p) {
    const da_heatmap_chart *chart = p->chart;
    p->columns = chart->columns > 0 ? chart->columns : chart->layers;
    p->column_names = chart->columns > 0 ? chart->column_names : chart->names;
    int most = p->columns > chart->layers ? p->columns : chart->layers;
    p->cell = PLOT / (most > 0 ? most : 1);
    p->cell = p->cell > LARGEST_CELL ? LARGEST_CELL : p->cell < SMALLEST_CELL ? SMALLEST_CELL : p->cell;
    p->side = p->cell * p->columns;
    p->tall = p->cell * chart->layers;
    p->left = dai_chart_name_room(chart->names, chart->layers);
    p->below = dai_chart_name_room(p->column_names, p->columns);
    p->scale = dai_scale_of(chart->low, chart->high, chart->matrix, (int64_t)chart->layers * p->columns);
}

static void put_names(const picture *p) {
    int every = (TEXT + p->cell - 1) / p->cell; /* small cells: every n-th name */
    for (int l = 0; l < p->chart->layers; l += every) {
        double middle = (l + 0.5) * p->cell;
        da_text_printf(p->page, "<text x=\"%d\"", p->left - 6);
        da_html_length(p->page, "y", middle + 4);
        da_text_append(p->page, " text-anchor=\"end\">");
        dai_chart_put_name(p->page, p->chart->names, l);
        da_text_append(p->page, "</text>\n");
    }
    for (int l = 0; l < p->columns; l += every) {
        dai_chart_put_turned_name(p->page, p->column_names, l, p->left + (l + 0.5) * p->cell + 4, p->tall + 6);
        da_text_append(p->page, "\n");
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
    double value = p->chart->matrix[(int64_t)row * p->columns + column];
    da_colour colour = da_colour_scale(dai_scale_share(p->scale, value));
    int x = p->left + column * p->cell, y = row * p->cell;
    da_text_printf(p->page, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#%02x%02x%02x\"><title>", x, y,
                   p->cell, p->cell, colour.red, colour.green, colour.blue);
    dai_chart_put_name(p->page, p->chart->names, row);
    da_text_append(p->page, " × ");
    dai_chart_put_name(p->page, p->column_names, column);
    da_text_append(p->page, ": ");
    da_text_fixed(p->page, value, 4);
    da_text_append(p->page, "</title></rect>");
    if (p->cell >= NUMBERED_CELL)
        put_number(p, x + p->cell / 2.0, y + p->cell / 2.0 + 4, value, da_colour_is_light(colour) ? "#111" : "#fff");
    da_text_append(p->page, "\n");
}

static void put_frame(const picture *p, const char *class, int begin, int size) {
    da_text_printf(p->page, "<rect class=\"%s\" pointer-events=\"none\" x=\"%d\" y=\"%d\" width=\"%d\" "
                            "height=\"%d\"/>", class, p->left + begin, begin, size, size);
}

/* A dark line with a light rim: it stands on every colour of the scale. */
static void put_modules(const picture *p) {
    const da_partition *partition = p->chart->partition;
    for (int m = 0; partition && m < partition->modules; m++) {
        int begin = partition->module[m].begin * p->cell, size = partition->module[m].end * p->cell - begin;
        if (da_partition_is_alone(partition, m)) continue;
        put_frame(p, "halo", begin, size);
        put_frame(p, "bound", begin, size);
        da_text_printf(p->page, "<path class=\"side\" d=\"M%d %dh4v%dh-4\"/><text class=\"bound\" x=\"%d\"",
                       p->left + p->side + 4, begin + 2, size - 4, p->left + p->side + 14);
        da_html_length(p->page, "y", begin + size / 2.0 + 4);
        da_text_printf(p->page, ">M%d</text>\n", m);
    }
}

static void put_colour_bar(const picture *p) {
    int x = p->left + p->side + MODULE_ROOM, height = p->tall < 180 ? p->tall : 180;
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
    if (p->chart->scale) {
        da_text_printf(p->page, "<text transform=\"translate(%d %d)rotate(90)\" text-anchor=\"middle\">",
                       x + BAR_WIDTH + 36, height / 2);
        da_text_html(p->page, p->chart->scale);
        da_text_append(p->page, "</text>");
    }
    da_text_append(p->page, "\n");
}

/* What stands inside the <svg> element, whoever frames it. */
static void put_picture(const picture *p) {
    da_text_append(p->page, "<g class=\"cells\" shape-rendering=\"crispEdges\">\n");
    for (int row = 0; row < p->chart->layers; row++)
        for (int column = 0; column < p->columns; column++) put_cell(p, row, column);
    da_text_append(p->page, "</g>\n");
    put_names(p);
    put_modules(p);
    put_colour_bar(p);
    da_text_append(p->page, "</svg>");
}

void da_chart_heatmap(da_text *page, const da_heatmap_chart *chart) {
    picture p = { .chart = chart, .page = page };
    lay_out(&p);
    int width = p.left + p.side + MODULE_ROOM + BAR_ROOM, height = p.tall + p.below;
    da_html_figure_begin(page, chart->title);
    da_text_printf(page, "<div class=\"scroll\"><svg class=\"map\" viewBox=\"0 0 %d %d\" "
                         "style=\"min-width:%dpx;max-width:%dpx\" role=\"img\">\n", width, height, width * 3 / 4,
                   width * 11 / 10);
    put_picture(&p);
    da_text_append(page, "</div>\n");
    da_html_figure_end(page, chart->note);
}

/* A file has no page around it: its colours are its own, black on white, and a title stands above the matrix. */
void da_chart_heatmap_svg(da_text *file, const da_heatmap_chart *chart) {
    picture p = { .chart = chart, .page = file };
    lay_out(&p);
    int width = p.left + p.side + MODULE_ROOM + BAR_ROOM, height = p.tall + p.below + TITLE_ROOM;
    da_text_append(file, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    da_text_append(file, "<svg xmlns=\"http://www.w3.org/2000/svg\"");
    da_text_printf(file, " width=\"%d\" height=\"%d\" viewBox=\"0 %d %d %d\">\n", width, height, -TITLE_ROOM, width,
                   height);
    da_text_append(file, "<title>");
    da_text_html(file, chart->title);
    da_text_append(file, "</title>\n<style>text{font:11px sans-serif;fill:#333}"
                         ".halo{fill:none;stroke:#fff;stroke-width:4.5}"
                         ".bound,.side{fill:none;stroke:#111;stroke-width:2}"
                         "text.bound{stroke:none;fill:#111;font-weight:600}</style>\n");
    da_text_printf(file, "<rect y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", -TITLE_ROOM, width, height);
    da_text_printf(file, "<text x=\"6\" y=\"%d\">", -TITLE_ROOM / 3);
    da_text_html(file, chart->title);
    da_text_append(file, "</text>\n");
    put_picture(&p);
    da_text_append(file, "\n");
}
