/* Charts for the HTML report, as inline SVG that follows the page's colours. All append to a page (html.h); data are
 * borrowed and only read. Points that are not finite are left out. Values can be read by pointing at them (<title>). */
#ifndef DA_DEEPARC_PRESENT_CHART_H
#define DA_DEEPARC_PRESENT_CHART_H

#include "deeparc/present/bitmap.h"
#include "deeparc/partition.h"
#include "deeparc/text.h"

#include <stdbool.h>

/* Curves over a common x. */
typedef struct da_series {
    const char   *name;
    int           count;
    const double *x;          /* NULL: 0, 1, 2, ... */
    const double *y;
    const double *low, *high; /* a band around the curve; both or NULL */
    bool          dashed;     /* a control, a reference */
    bool          scatter;    /* dots alone, no curve through them: single experiments */
} da_series;

typedef struct da_line_chart {
    const char *title, *x_label, *y_label; /* labels, with units, may be NULL */
    const da_series *series;
    int    series_count;
    double y_low, y_high; /* equal: from the data */
    bool   percent;       /* y is a share: .991 reads 99.1 % */
    bool   points;        /* a dot at every value, as for few points: accuracy against removed layers */
    const char *note;     /* below the chart; NULL: nothing. So in all charts */
} da_line_chart;
void da_chart_lines(da_text *page, const da_line_chart *chart);

/* Horizontal bars, to compare one number of several things. */
typedef struct da_bar {
    const char *name;
    double value;
    const char *text; /* shown beside it; NULL: the value */
} da_bar;
typedef struct da_bar_chart { const char *title; const da_bar *bars; int count; const char *note; } da_bar_chart;
void da_chart_bars(da_text *page, const da_bar_chart *chart);

/* The similarity matrix with module boundaries and unit names. */
typedef struct da_heatmap_chart {
    const char *title;
    const double *matrix;          /* layers x layers, row-major */
    int layers;
    const char *const *names;      /* NULL: numbers */
    int columns;                   /* of a matrix of other layers, layers x columns, column_names theirs; 0: square */
    const char *const *column_names;
    const da_partition *partition; /* NULL: no boundaries; of a square matrix */
    double low, high;              /* ends of the colour scale; equal: from the data */
    const char *scale, *note;      /* what the colours mean, "linear CKA"; NULL: nothing is said */
} da_heatmap_chart;
void da_chart_heatmap(da_text *page, const da_heatmap_chart *chart);
void da_chart_heatmap_svg(da_text *file, const da_heatmap_chart *chart); /* a whole .svg file, black on white */
/* The same in pixels. Errors: DA_ERROR_ARGUMENT (more layers than fit), DA_ERROR_MEMORY. */
da_status da_chart_heatmap_bitmap(da_bitmap *out, const da_heatmap_chart *chart);

/* Partitions of one chain of layers below each other, a bar a module:
 *
 *     adjacent, .95   [ M0     ][ M1  ]o o[M4]   5
 *     min, .95        [M0 ]o[M2 ][ M3 ]o o[M6]   7         the dotted lines of stages go through all of them
 */
typedef struct da_strip {
    const char *name;
    const da_partition *partition; /* of as many layers as the chart */
    bool strong;                   /* the one in force stands out */
    bool begins_group;             /* some room above it */
} da_strip;
typedef struct da_strips_chart {
    const char *title;
    int layers;
    const char *const *names;      /* NULL: numbers */
    const da_strip *strips;
    int count;
    const char *note;
} da_strips_chart;
void da_chart_strips(da_text *page, const da_strips_chart *chart);

/* The chain of units as a row of boxes, modules framed. */
typedef enum da_unit_mark { DA_UNIT_PLAIN, DA_UNIT_REMOVED, DA_UNIT_TRAINED } da_unit_mark;
typedef struct da_chain_unit {
    const char *name;
    const char *note; /* shape, parameters; or NULL */
    da_unit_mark mark;
} da_chain_unit;
typedef struct da_chain_chart {
    const char *title;
    const da_chain_unit *units;
    int count;
    const da_partition *partition; /* NULL: no frames */
    const char *note;
} da_chain_chart;
void da_chart_chain(da_text *page, const da_chain_chart *chart);

#endif
