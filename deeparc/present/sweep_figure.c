/* The picture of a sweep: means against depth, beside the published ones.
 *
 *     1 |############ ceiling        ### what the metric cannot reach at that depth, whatever was trained
 *       |     _.--o     _ - +        -o- our means, with bars of a deviation over seeds; a colour a threshold
 *       | _o-'    _ - '              - + published means
 *       |####___ floor
 *     0 +--------------------> depth, in equal steps of its logarithm
 *       8  14 20 32 44  86 152
 */
#include "deeparc/present/report.h"

#include "core/file.h"
#include "deeparc/sweep.h"
#include "deeparc/text.h"

#include <math.h>

enum { WIDTH = 640, HEIGHT = 320, LEFT = 52, RIGHT = 16, TOP = 48, BOTTOM = 44, COLOURS = 6, STEPS = 64 };

static const char *const colours[COLOURS] = { "#3565c4", "#c9622a", "#2b8a5a", "#8d4bab", "#a08000", "#5a6472" };
static const double published_depths[] = { 14, 44, 86, 110, 152 };
enum { PUBLISHED = sizeof published_depths / sizeof *published_depths };

typedef struct figure {
    const da_sweep_table *t;
    da_text *svg;
    double low, high; /* depths */
} figure;

static double across(const figure *f, double depth) {
    return LEFT + WIDTH * (log(depth) - log(f->low)) / (log(f->high) - log(f->low));
}

static void put_place(const figure *f, const char *step, double depth, double value) {
    da_text_append(f->svg, step);
    da_text_fixed(f->svg, across(f, depth), 1);
    da_text_append(f->svg, " ");
    da_text_fixed(f->svg, TOP + HEIGHT * (1 - value), 1);
}

/* 3n blocks in a ResNet of 6n+2 layers; the curve is drawn between those too. */
static double bound_at(const figure *f, double depth, bool upper) {
    double floor, ceiling;
    da_sweep_bounds(f->t->metric, (depth - 2) / 2, &floor, &ceiling);
    return upper ? ceiling : floor;
}

static void put_bound(const figure *f, bool upper) {
    put_place(f, "<path class=\"out\" d=\"M", f->low, upper);
    for (int i = 0; i <= STEPS; i++) {
        double depth = f->low * pow(f->high / f->low, (double)i / STEPS);
        put_place(f, "L", depth, bound_at(f, depth, upper));
    }
    put_place(f, "L", f->high, upper);
    da_text_append(f->svg, "Z\"/>\n");
}

static void put_axes(const figure *f) {
    for (int i = 0; i <= 5; i++) {
        put_place(f, "<path class=\"grid\" d=\"M", f->low, i / 5.0);
        da_text_printf(f->svg, "h%d\"/><text x=\"%d\" y=\"%d\" text-anchor=\"end\">%d.%d</text>\n", WIDTH, LEFT - 8,
                       TOP + HEIGHT - HEIGHT * i / 5 + 4, i / 5, 2 * i % 10);
    }
}

static void put_depth(const figure *f, double depth) {
    da_text_append(f->svg, "<text text-anchor=\"middle\" x=\"");
    da_text_fixed(f->svg, across(f, depth), 1);
    da_text_printf(f->svg, "\" y=\"%d\">%g</text>\n", TOP + HEIGHT + 18, depth);
}

static void put_depths(const figure *f, bool published) {
    for (int d = 0; d < f->t->depth_count; d++) put_depth(f, f->t->depths[d]);
    for (int p = 0; p < PUBLISHED && published; p++) {
        bool ours = false;
        for (int d = 0; d < f->t->depth_count; d++) ours |= f->t->depths[d] == published_depths[p];
        if (!ours) put_depth(f, published_depths[p]);
    }
    da_text_printf(f->svg, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">layers of the ResNet</text>\n",
                   LEFT + WIDTH / 2, TOP + HEIGHT + 36);
}

/* Our runs at threshold h. Bars stand a little beside each other, so that all can be seen. */
static void put_ours(const figure *f, int h) {
    const da_sweep_table *t = f->t;
    const char *step = "M";
    da_text_printf(f->svg, "<g stroke=\"%s\">\n<path class=\"curve\" d=\"", colours[h % COLOURS]);
    for (int d = 0; d < t->depth_count; d++) {
        double mean = da_sweep_summarise(t, t->thresholds[h], t->depths[d]).mean;
        if (!isfinite(mean)) continue;
        put_place(f, step, t->depths[d], mean);
        step = "L";
    }
    da_text_append(f->svg, "\"/>\n");
    for (int d = 0; d < t->depth_count; d++) {
        da_sweep_summary s = da_sweep_summarise(t, t->thresholds[h], t->depths[d]);
        if (!isfinite(s.deviation)) continue;
        double depth = t->depths[d] * (1 + 0.008 * (2 * h - t->threshold_count + 1));
        put_place(f, "<path class=\"bar\" d=\"M", depth, fmax(s.mean - s.deviation, 0));
        put_place(f, "L", depth, fmin(s.mean + s.deviation, 1));
        da_text_append(f->svg, "\"/>\n");
    }
    da_text_append(f->svg, "</g>\n");
}

static void put_published(const figure *f, double threshold, const char *colour) {
    if (!isfinite(da_published_modularity(14, threshold))) return;
    da_text_printf(f->svg, "<path class=\"curve\" stroke-dasharray=\"5 4\" stroke=\"%s\" d=\"", colour);
    for (int p = 0; p < PUBLISHED; p++)
        put_place(f, p ? "L" : "M", published_depths[p],
                  da_published_modularity(published_depths[p], threshold));
    da_text_append(f->svg, "\"/>\n");
}

static void put_legend(const figure *f, bool published) {
    int count = f->t->threshold_count;
    for (int h = 0; h < count; h++)
        da_text_printf(f->svg, "<text x=\"%d\" y=\"18\" style=\"fill:%s;font-weight:600\">t = %g</text>\n",
                       LEFT + h * (count > 9 ? WIDTH / count : 66), colours[h % COLOURS], f->t->thresholds[h]);
    da_text_printf(f->svg, "<text x=\"%d\" y=\"36\">lines: means here; bars: deviation over seeds%s; grey: out of "
                           "reach</text>\n", LEFT, published ? "; dashed: published" : "");
}

static void put_figure(const figure *f, bool published) {
    da_text_printf(f->svg, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\">\n<title>Modularity, ",
                   LEFT + WIDTH + RIGHT, TOP + HEIGHT + BOTTOM);
    da_text_html(f->svg, da_sweep_metric_name(f->t->metric));
    da_text_append(f->svg, ", against depth</title>\n<style>text{font:12px sans-serif;fill:#444}"
                   ".grid{stroke:#ddd;fill:none}.out{fill:#e8e8e8}.bar{stroke-width:5;opacity:.35}"
                   ".curve{fill:none;stroke-width:2}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n");
    put_bound(f, false);
    put_bound(f, true);
    put_axes(f);
    put_depths(f, published);
    for (int h = 0; h < f->t->threshold_count; h++) {
        put_ours(f, h);
        if (published) put_published(f, f->t->thresholds[h], colours[h % COLOURS]);
    }
    put_legend(f, published);
    da_text_append(f->svg, "</svg>\n");
}

da_status da_sweep_figure(const da_sweep_table *t, const char *path) {
    bool published = t->metric == DA_SWEEP_PAPER;
    da_text svg = { 0 };
    figure f = { .t = t, .svg = &svg, .low = t->depths[0], .high = t->depths[t->depth_count - 1] };
    if (published) {
        f.low = fmin(f.low, published_depths[0]);
        f.high = fmax(f.high, published_depths[PUBLISHED - 1]);
    }
    if (!(f.low < f.high))
        return DA_FAIL(DA_ERROR_ARGUMENT, "--svg draws a line against depth: there is one depth only");
    put_figure(&f, published);
    da_status status = da_text_status(&svg);
    if (status == DA_OK) status = da_file_save(path, da_text_string(&svg), svg.length);
    da_text_free(&svg);
    return status;
}
