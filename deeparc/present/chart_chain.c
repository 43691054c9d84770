/* The chain of units as a row of boxes that wraps like text; modules of more than one unit are framed and named. */
#include "deeparc/present/chart.h"
#include "deeparc/present/html.h"

static bool begins_stage(const da_chain_chart *chart, int unit) {
    return unit > 0 && da_partition_is_transition(chart->units[unit - 1].name, chart->units[unit].name);
}

static void put_unit(da_text *page, const da_chain_chart *chart, int i) {
    static const char *const classes[] = { "unit", "unit gone", "unit trained" };
    const da_chain_unit *unit = &chart->units[i];
    da_text_printf(page, "<div class=\"%s%s\">", classes[unit->mark], begins_stage(chart, i) ? " stage" : "");
    da_text_html(page, unit->name);
    if (unit->note) {
        da_text_append(page, "<small>");
        da_text_html(page, unit->note);
        da_text_append(page, "</small>");
    }
    da_text_append(page, "</div>");
}

static void put_legend(da_text *page, const da_chain_chart *chart) {
    bool removed = false, trained = false, stage = false;
    for (int i = 0; i < chart->count; i++) {
        stage |= begins_stage(chart, i);
        removed |= chart->units[i].mark == DA_UNIT_REMOVED;
        trained |= chart->units[i].mark == DA_UNIT_TRAINED;
    }
    if (!removed && !trained && !stage) return;
    da_text_append(page, "<div class=\"legend\" style=\"margin-top:12px\">");
    if (removed) da_text_append(page, "<span class=\"unit gone\">removed</span>");
    if (trained) da_text_append(page, "<span class=\"unit trained\">trained again</span>");
    if (stage) da_text_append(page, "<span class=\"unit stage\">begins a stage</span>");
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
        for (; i < end && i < chart->count; i++) put_unit(page, chart, i);
        da_text_append(page, "</div>\n");
    }
    da_text_append(page, "</div>\n");
    put_legend(page, chart);
    da_html_figure_end(page, chart->note);
}
