/* The chain of units as a row of boxes that wraps like text; modules of more than one unit are framed and named. */
#include "deeparc/chart.h"
#include "deeparc/html.h"

static void put_unit(da_text *page, const da_chain_unit *unit) {
    static const char *const classes[] = { "unit", "unit gone", "unit trained" };
    da_text_printf(page, "<div class=\"%s\">", classes[unit->mark]);
    da_text_html(page, unit->name);
    if (unit->note) {
        da_text_append(page, "<small>");
        da_text_html(page, unit->note);
        da_text_append(page, "</small>");
    }
    da_text_append(page, "</div>");
}

static void put_legend(da_text *page, const da_chain_chart *chart) {
    bool removed = false, trained = false;
    for (int i = 0; i < chart->count; i++) {
        removed |= chart->units[i].mark == DA_UNIT_REMOVED;
        trained |= chart->units[i].mark == DA_UNIT_TRAINED;
    }
    if (!removed && !trained) return;
    da_text_append(page, "<div class=\"legend\" style=\"margin-top:8px\">");
    if (removed) da_text_append(page, "<span class=\"unit gone\">removed</span>");
    if (trained) da_text_append(page, "<span class=\"unit trained\">trained again</span>");
    da_text_append(page, "</div>\n");
}

void da_chart_chain(da_text *page, const da_chain_chart *chart) {
    const da_partition *p = chart->partition;
    da_html_figure_begin(page, chart->title);
    da_text_append(page, "<div class=\"chain\">\n");
    for (int i = 0; i < chart->count;) {
        int module = p ? da_partition_module_of(p, i) : -1;
        bool framed = module >= 0 && !da_partition_is_alone(p, module);
        int end = framed ? p->module[module].end : i + 1;
        if (framed) da_text_printf(page, "<div class=\"module\"><em>M%d</em>", module);
        else da_text_append(page, "<div>");
        for (; i < end && i < chart->count; i++) put_unit(page, &chart->units[i]);
        da_text_append(page, "</div>\n");
    }
    da_text_append(page, "</div>\n");
    put_legend(page, chart);
    da_html_figure_end(page);
}
