/* Partitions of one chain below each other: a row a partition, a bar a module, a circle a layer that is alone.
 *
 *                      :          :            dotted: where a stage of the network begins
 *     adjacent > 0.95  [M0     ][M1   ] o o    5 modules
 *     min >= 0.95      [M0 ] o [M2    ] o o    6 modules
 *                      c  l  l   l             names, turned
 */
#include "deeparc/present/chart.h"
#include "deeparc/present/chart_parts.h"
#include "deeparc/present/html.h"
#include "core/number.h"

#include <stdio.h>
#include <string.h>

enum {
    PLOT = 620, LARGEST_CELL = 46, SMALLEST_CELL = 6, TEXT = 12, /* across: a cell a layer */
    ROW = 22, BAR = 15, GROUP_GAP = 12, TOP = 8,                 /* down: a row a partition */
    COUNT_ROOM = 84, LABELLED_BAR = 26
};

typedef struct picture {
    const da_strips_chart *chart;
    da_text *page;
    int cell, left, height;
} picture;

static int top_of(const da_strips_chart *chart, int strip) {
    int top = TOP;
    for (int i = 1; i <= strip; i++) top += ROW + (chart->strips[i].begins_group ? GROUP_GAP : 0);
    return top;
}

static void put_names_of_module(const picture *p, da_module_range m) {
    dai_chart_put_name(p->page, p->chart->names, m.begin);
    if (m.end == m.begin + 1) return;
    da_text_append(p->page, " to ");
    dai_chart_put_name(p->page, p->chart->names, m.end - 1);
    da_text_printf(p->page, ", %d layers", m.end - m.begin);
}

static void put_module(const picture *p, const da_strip *strip, int module, int top) {
    da_module_range m = strip->partition->module[module];
    bool alone = da_partition_is_alone(strip->partition, module);
    int x = p->left + m.begin * p->cell, width = (m.end - m.begin) * p->cell;
    int inset = alone && p->cell > BAR ? (p->cell - BAR) / 2 : 1;
    da_text_printf(p->page, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"%d\"><title>",
                   alone ? "single" : "strip", x + inset, top, width - 2 * inset, BAR, alone ? BAR / 2 : 2);
    da_text_html(p->page, strip->name);
    da_text_printf(p->page, ", M%d: ", module);
    put_names_of_module(p, m);
    da_text_append(p->page, "</title></rect>");
    if (!alone && width >= LABELLED_BAR)
        da_text_printf(p->page, "<text class=\"in\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">M%d</text>", x + width / 2,
                       top + BAR - 4, module);
}

static void put_strip(const picture *p, int i) {
    const da_strip *strip = &p->chart->strips[i];
    int top = top_of(p->chart, i), modules = strip->partition->modules;
    da_text_printf(p->page, "<g%s><text x=\"%d\" y=\"%d\" text-anchor=\"end\">",
                   strip->strong ? " class=\"strong\"" : "", p->left - 10, top + BAR - 4);
    da_text_html(p->page, strip->name);
    da_text_append(p->page, "</text>");
    for (int m = 0; m < modules; m++) put_module(p, strip, m, top);
    da_text_printf(p->page, "<text x=\"%d\" y=\"%d\">%s</text></g>\n",
                   p->left + p->chart->layers * p->cell + 10, top + BAR - 4, da_count(modules, "module").text);
}

static void put_stages(const picture *p) {
    for (int l = 1; p->chart->names && l < p->chart->layers; l++)
        if (da_partition_is_transition(p->chart->names[l - 1], p->chart->names[l]))
            da_text_printf(p->page, "<path class=\"stage\" d=\"M%d 0v%d\"/>\n", p->left + l * p->cell, p->height);
}

void da_chart_strips(da_text *page, const da_strips_chart *chart) {
    picture p = { .chart = chart, .page = page, .cell = PLOT / (chart->layers > 0 ? chart->layers : 1) };
    p.cell = p.cell > LARGEST_CELL ? LARGEST_CELL : p.cell < SMALLEST_CELL ? SMALLEST_CELL : p.cell;
    for (int i = 0; i < chart->count; i++) {
        int room = (int)strlen(chart->strips[i].name) * (CHART_GLYPH + 1) + 12; /* bold is wider */
        if (room > p.left) p.left = room;
    }
    p.height = chart->count > 0 ? top_of(chart, chart->count - 1) + ROW : TOP;
    int width = p.left + chart->layers * p.cell + COUNT_ROOM;
    da_html_figure_begin(page, chart->title);
    da_text_printf(page, "<div class=\"scroll\"><svg viewBox=\"0 0 %d %d\" style=\"min-width:%dpx;max-width:%dpx\" "
                         "role=\"img\">\n", width, p.height + dai_chart_name_room(chart->names, chart->layers),
                   width * 3 / 4, width * 11 / 10);
    put_stages(&p);
    for (int i = 0; i < chart->count; i++) put_strip(&p, i);
    for (int l = 0, every = (TEXT + p.cell - 1) / p.cell; l < chart->layers; l += every)
        dai_chart_put_turned_name(page, chart->names, l, p.left + (l + 0.5) * p.cell + 4, p.height + 6);
    da_text_append(page, "\n</svg></div>\n");
    da_html_figure_end(page, chart->note);
}
