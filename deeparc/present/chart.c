/* Line charts and bars.
 *
 *     y_label
 *      100 % |------------------------      the plot: WIDTH x HEIGHT units of the picture, which scales with the page;
 *       98 % |--------·---·---·-------      values become shares of the axes (scale.h), shares become units
 *       96 % |________________________
 *             0       5      10      15
 *                     x_label
 */
#include "deeparc/present/chart.h"
#include "deeparc/present/html.h"
#include "deeparc/present/scale.h"

#include <math.h>

enum { WIDTH = 410, HEIGHT = 210, LEFT = 54, RIGHT = 14, TOP = 12, BOTTOM = 44, COLOURS = 6, MOST_SPOTS = 100 };

typedef struct plot {
    const da_line_chart *chart;
    da_text *page;
    da_scale x, y;
    double unit; /* what values are multiplied with before they are written: 100 for percent */
    bool whole;  /* every x is a whole number, an epoch or a count: no tick stands between two */
} plot;

static double across(const plot *p, double x) { return LEFT + dai_scale_share(p->x, x) * WIDTH; }
static double down(const plot *p, double y)   { return TOP + (1 - dai_scale_share(p->y, y)) * HEIGHT; }

static double x_of(const da_series *s, int i)     { return s->x ? s->x[i] : i; }
static bool   is_drawn(const da_series *s, int i) { return isfinite(x_of(s, i)) && isfinite(s->y[i]); }
static bool   has_band(const da_series *s)        { return s->low && s->high; }
static bool   band_drawn(const da_series *s, int i) {
    return has_band(s) && is_drawn(s, i) && isfinite(s->low[i]) && isfinite(s->high[i]);
}

static void fit_scales(plot *p) {
    const da_line_chart *chart = p->chart;
    p->x = p->y = dai_scale_empty();
    p->whole = true;
    for (int k = 0; k < chart->series_count; k++) {
        const da_series *s = &chart->series[k];
        for (int i = 0; i < s->count; i++) {
            if (!is_drawn(s, i)) continue;
            double x = x_of(s, i);
            dai_scale_include(&p->x, &x, 1);
            p->whole = p->whole && x == floor(x);
            dai_scale_include(&p->y, &s->y[i], 1);
            if (!band_drawn(s, i)) continue;
            dai_scale_include(&p->y, &s->low[i], 1);
            dai_scale_include(&p->y, &s->high[i], 1);
        }
    }
    if (!(p->x.low < p->x.high)) p->x = dai_scale_rounded(p->x, 8);
    p->y = chart->y_low < chart->y_high ? (da_scale){ chart->y_low, chart->y_high } : dai_scale_rounded(p->y, 6);
}

/* Ticks of an axis whose labels show value * unit: where the i-th stands, and what it reads. */
static da_ticks ticks_of(da_scale scale, double unit, int wanted, double least) {
    return dai_scale_ticks((da_scale){ scale.low * unit, scale.high * unit }, wanted, least);
}
static double tick_label(da_ticks ticks, int i) {
    double value = ticks.first + i * ticks.step;
    return fabs(value) < ticks.step * 1e-6 ? 0 : value; /* no "-0" */
}

/* A step of a path: "M12.5 80.0". */
static void put_point(da_text *page, const char *step, double x, double y) {
    da_text_append(page, step);
    da_text_fixed(page, x, 1);
    da_text_append(page, " ");
    da_text_fixed(page, y, 1);
}

static void put_axes(const plot *p) {
    da_ticks y = ticks_of(p->y, p->unit, 6, 0), x = ticks_of(p->x, 1, 8, p->whole ? 1 : 0);
    for (int i = 0; i < y.count; i++) {
        double label = tick_label(y, i), at = down(p, label / p->unit);
        da_text_append(p->page, "<path class=\"grid\" d=\"");
        put_point(p->page, "M", LEFT, at);
        da_text_printf(p->page, "h%d\"/><text x=\"%d\"", WIDTH, LEFT - 8);
        da_html_length(p->page, "y", at + 4);
        da_text_append(p->page, " text-anchor=\"end\">");
        da_text_fixed(p->page, label, y.decimals);
        da_text_append(p->page, p->chart->percent ? " %</text>\n" : "</text>\n");
    }
    for (int i = 0; i < x.count; i++) {
        double label = tick_label(x, i);
        da_text_append(p->page, "<text");
        da_html_length(p->page, "x", across(p, label));
        da_text_printf(p->page, " y=\"%d\" text-anchor=\"middle\">", TOP + HEIGHT + 18);
        da_text_fixed(p->page, label, x.decimals);
        da_text_append(p->page, "</text>\n");
    }
    da_text_printf(p->page, "<path class=\"axis\" d=\"M%d %dh%d\"/>\n", LEFT, TOP + HEIGHT, WIDTH);
    if (p->chart->x_label) {
        da_text_printf(p->page, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">", LEFT + WIDTH / 2, TOP + HEIGHT + 38);
        da_text_html(p->page, p->chart->x_label);
        da_text_append(p->page, "</text>\n");
    }
}

/* There along the upper edge, back along the lower; a gap in the data starts a new piece. */
static void put_band(const plot *p, const da_series *s) {
    for (int from = 0; from < s->count; from++) {
        if (!band_drawn(s, from)) continue;
        int to = from;
        while (to + 1 < s->count && band_drawn(s, to + 1)) to++;
        da_text_append(p->page, "<path class=\"band\" d=\"");
        for (int i = from; i <= to; i++)
            put_point(p->page, i == from ? "M" : "L", across(p, x_of(s, i)), down(p, s->high[i]));
        for (int i = to; i >= from; i--) put_point(p->page, "L", across(p, x_of(s, i)), down(p, s->low[i]));
        da_text_append(p->page, "z\"/>\n");
        from = to;
    }
}

static void put_curve(const plot *p, const da_series *s) {
    bool pen_down = false;
    da_text_append(p->page, "<path class=\"curve\" d=\"");
    for (int i = 0; i < s->count; i++) {
        bool drawn = is_drawn(s, i);
        if (drawn) put_point(p->page, pen_down ? "L" : "M", across(p, x_of(s, i)), down(p, s->y[i]));
        pen_down = drawn;
    }
    da_text_append(p->page, "\"/>\n");
}

/* "training at 3: 98.5 % (97.9 to 99.1)" */
static void put_caption(const plot *p, const da_series *s, int i) {
    da_text_html(p->page, s->name);
    da_text_append(p->page, " at ");
    da_text_rounded(p->page, x_of(s, i), 6);
    da_text_append(p->page, ": ");
    da_text_rounded(p->page, s->y[i] * p->unit, 5);
    if (p->chart->percent) da_text_append(p->page, " %");
    if (!band_drawn(s, i)) return;
    da_text_append(p->page, " (");
    da_text_rounded(p->page, s->low[i] * p->unit, 5);
    da_text_append(p->page, " to ");
    da_text_rounded(p->page, s->high[i] * p->unit, 5);
    da_text_append(p->page, ")");
}

/* Dots, or spots that appear under the pointer; of a long curve every n-th. */
static void put_points(const plot *p, const da_series *s) {
    bool dots = p->chart->points || s->scatter;
    int every = dots ? 1 : s->count / MOST_SPOTS + 1;
    for (int i = 0; i < s->count; i += every) {
        if (!is_drawn(s, i)) continue;
        da_text_printf(p->page, "<circle class=\"%s\"", dots ? "dot" : "spot");
        da_html_length(p->page, "cx", across(p, x_of(s, i)));
        da_html_length(p->page, "cy", down(p, s->y[i]));
        da_text_printf(p->page, " r=\"%d\"><title>", s->scatter ? 3 : dots ? 4 : 5);
        put_caption(p, s, i);
        da_text_append(p->page, "</title></circle>\n");
    }
}

/* Names of the curves with their colours; a single curve needs none. The y label stands before them. */
static void put_legend(const plot *p) {
    da_text_append(p->page, "<div class=\"legend\">");
    if (p->chart->y_label) {
        da_text_append(p->page, "<b>");
        da_text_html(p->page, p->chart->y_label);
        da_text_append(p->page, "</b>");
    }
    for (int k = 0; k < p->chart->series_count && p->chart->series_count > 1; k++) {
        const da_series *s = &p->chart->series[k];
        da_text_printf(p->page, "<span class=\"s%d\"><i%s></i>", k % COLOURS,
                       s->scatter ? " class=\"scatter\"" : s->dashed ? " class=\"dash\"" : "");
        da_text_html(p->page, s->name);
        da_text_append(p->page, "</span>");
    }
    da_text_append(p->page, "</div>\n");
}

void da_chart_lines(da_text *page, const da_line_chart *chart) {
    plot p = { .chart = chart, .page = page, .unit = chart->percent ? 100 : 1 };
    fit_scales(&p);
    da_html_figure_begin(page, chart->title);
    put_legend(&p);
    da_text_printf(page, "<svg class=\"plot\" viewBox=\"0 0 %d %d\" role=\"img\">\n", LEFT + WIDTH + RIGHT,
                   TOP + HEIGHT + BOTTOM);
    put_axes(&p);
    for (int k = 0; k < chart->series_count; k++) {
        if (!has_band(&chart->series[k])) continue;
        da_text_printf(page, "<g class=\"s%d\">\n", k % COLOURS);
        put_band(&p, &chart->series[k]);
        da_text_append(page, "</g>\n");
    }
    for (int k = chart->series_count - 1; k >= 0; k--) { /* the first curve is what the chart is about: on top */
        const da_series *s = &chart->series[k];
        da_text_printf(page, "<g class=\"s%d%s\">\n", k % COLOURS, s->dashed ? " dash" : "");
        if (!s->scatter) put_curve(&p, s);
        put_points(&p, s);
        da_text_append(page, "</g>\n");
    }
    da_text_append(page, "</svg>\n");
    da_html_figure_end(page, chart->note);
}

void da_chart_bars(da_text *page, const da_bar_chart *chart) {
    double most = 0;
    for (int i = 0; i < chart->count; i++)
        if (isfinite(chart->bars[i].value)) most = fmax(most, chart->bars[i].value);
    da_html_figure_begin(page, chart->title);
    da_text_append(page, "<div class=\"bars\">\n");
    for (int i = 0; i < chart->count; i++) {
        const da_bar *bar = &chart->bars[i];
        double share = most > 0 && bar->value > 0 ? fmin(bar->value / most, 1) : 0; /* NaN is not above 0 */
        da_text_append(page, "<span>");
        da_text_html(page, bar->name);
        da_text_printf(page, "</span><div class=\"s%d\"><i style=\"width:", i % COLOURS);
        da_text_fixed(page, 70 * share, 1);
        da_text_append(page, "%\"></i>");
        if (bar->text) da_text_html(page, bar->text);
        else da_text_rounded(page, bar->value, 6);
        da_text_append(page, "</div>\n");
    }
    da_text_append(page, "</div>\n");
    da_html_figure_end(page, chart->note);
}
