/* What a sweep says: means, the spread over seeds, and what modularity depends on. */
#include "deeparc/sweep_table.h"

#include "core/memory.h"
#include "deeparc/sweep.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define CONFIDENCE 0.95
#define MOST 0.75 /* share of the runs that makes a row "at the floor" */

const da_sweep_factor da_sweep_factors[DA_SWEEP_FACTORS] = {
    { "depth", "a layer", DA_PUBLISHED_DEPTH },
    { "data share", "from none to all", DA_PUBLISHED_SHARE },
    { "classes", "a class", DA_PUBLISHED_CLASSES }
};

double da_sweep_factor_of(const da_sweep_result *r, int factor) {
    return factor == 0 ? r->depth : factor == 1 ? r->share : r->classes;
}

const char *da_sweep_metric_name(da_sweep_metric metric) {
    static const char *const names[DA_SWEEP_METRICS] = { "paper (N+1-M)/(N+1)", "ratio (N-M)/N", "coverage",
                                                       "joined (N-M)/(N-1)", "within stages" };
    return names[metric];
}

void da_sweep_bounds(da_sweep_metric metric, double layers, double *floor, double *ceiling) {
    *floor = metric == DA_SWEEP_PAPER ? 1 / (layers + 1) : 0;
    *ceiling = metric == DA_SWEEP_PAPER ? layers / (layers + 1) : metric == DA_SWEEP_RATIO ? (layers - 1) / layers : 1;
}

double da_sweep_of_stages(da_sweep_metric metric, double n) {
    const double m = DA_SWEEP_STAGES;
    switch (metric) {
    case DA_SWEEP_PAPER:    return (n + 1 - m) / (n + 1);
    case DA_SWEEP_RATIO:    return (n - m) / n;
    case DA_SWEEP_COVERAGE: return n > m ? 1 : 0;
    case DA_SWEEP_JOINED:   return (n - m) / (n - 1);
    default:             return n > m ? 1 : (double)NAN;
    }
}

const char *da_sweep_bounds_note(da_sweep_metric metric) {
    static const char *const notes[DA_SWEEP_METRICS] = {
        "With N blocks the metric cannot leave 1/(N+1), every block a module of its own (the floor), to N/(N+1), all "
        "blocks one module (the ceiling). Both move with depth: runs at the floor draw a falling line, runs at the "
        "ceiling a rising one, whatever was trained. The metric 'joined' has no such bounds; but modules that end with the "
        "stages of the network and nowhere else draw a rising line in it, too, and none in 'within'.",
        "With N blocks the metric cannot leave 0, every block a module of its own (the floor), to (N-1)/N, all blocks "
        "one module (the ceiling). The ceiling rises with depth, whatever was trained. The metric 'joined' has no such "
        "bound; but modules that end with the stages of the network and nowhere else draw a rising line in it, too, "
        "and none in 'within'.",
        "The metric is 0 at the floor, where every block is a module of its own, and 1 at the ceiling, where all are "
        "one, at every depth.",
        "The share of neighbouring blocks that lie in one module: 0 at the floor, where every block is a module of its "
        "own, and 1 at the ceiling, where all are one, at every depth. Modules that end with the stages of the network "
        "and nowhere else draw a rising line against depth; the metric 'within' leaves them out.",
        "Of the neighbouring blocks of one stage, the share that lies in one module: 0 where all are cut apart, 1 where "
        "modules end with stages at most. Networks with one block a stage have no such neighbours and do not count."
    };
    return notes[metric];
}

static bool same(double a, double b) { return fabs(a - b) < 1e-12; }

static bool chosen(const da_sweep_table *t, const da_sweep_point *p, double threshold, double depth) {
    return !isnan(p->metric[t->metric]) && (threshold < 0 || same(p->threshold, threshold)) &&
           (depth < 0 || same(p->result->depth, depth));
}

static bool at_floor(const da_sweep_table *t, const da_sweep_point *p) {
    return t->metric == DA_SWEEP_WITHIN ? p->metric[DA_SWEEP_WITHIN] <= 0 : p->floor;
}

static bool at_ceiling(const da_sweep_table *t, const da_sweep_point *p) {
    return t->metric == DA_SWEEP_WITHIN ? p->metric[DA_SWEEP_WITHIN] >= 1 : p->ceiling;
}

/* ---- Summaries ---- */

/* Equal settings but for the seed. */
static bool same_cell(const da_sweep_result *a, const da_sweep_result *b) {
    return same(a->depth, b->depth) && same(a->width, b->width) && same(a->share, b->share) &&
           same(a->classes, b->classes) && strcmp(a->data, b->data) == 0 && strcmp(a->settings, b->settings) == 0 &&
           strcmp(a->linkage, b->linkage) == 0 && strcmp(a->tap, b->tap) == 0;
}

/* Sum of squared distances from the mean of the cell that point `first` begins; 0 for a point that begins none. */
static double cell_squares(const da_sweep_table *t, int first, int64_t *freedom) {
    const da_sweep_point *p = &t->point[first];
    double sum = 0, squares = 0;
    int64_t count = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < t->points; i++) {
            const da_sweep_point *q = &t->point[i];
            if (!chosen(t, q, p->threshold, -1) || !same_cell(q->result, p->result)) continue;
            if (i < first) return 0;
            double distance = q->metric[t->metric] - (pass ? sum / (double)count : 0);
            if (pass) squares += distance * distance;
            else { sum += distance; count++; }
        }
    *freedom += count - 1;
    return squares;
}

da_sweep_summary da_sweep_summarise(const da_sweep_table *t, double threshold, double depth) {
    da_sweep_summary s = { .least = HUGE_VAL, .most = -HUGE_VAL };
    double sum = 0, squares = 0;
    for (int i = 0; i < t->points; i++) {
        const da_sweep_point *p = &t->point[i];
        if (!chosen(t, p, threshold, depth)) continue;
        s.runs++;
        s.floor += at_floor(t, p);
        s.ceiling += at_ceiling(t, p);
        s.stages += da_sweep_of_stages(t->metric, p->result->layers);
        sum += p->metric[t->metric];
        s.least = fmin(s.least, p->metric[t->metric]);
        s.most = fmax(s.most, p->metric[t->metric]);
        squares += cell_squares(t, i, &s.freedom);
    }
    s.mean = sum / s.runs;
    s.stages /= s.runs;
    s.deviation = s.freedom > 0 ? sqrt(squares / (double)s.freedom) : (double)NAN;
    return s;
}

void da_sweep_put_means(da_result *table, const da_sweep_table *t) {
    for (int h = 0; h < t->threshold_count; h++)
        for (int d = 0; d < t->depth_count; d++) {
            da_sweep_summary s = da_sweep_summarise(t, t->thresholds[h], t->depths[d]);
            double published = da_published_modularity(t->depths[d], t->thresholds[h]);
            if (s.runs > 0)
                da_row(table, da_real(t->thresholds[h]), da_real(t->depths[d]), da_whole(s.runs), da_whole(s.floor),
                       da_whole(s.ceiling), da_real(s.mean), da_real(s.least), da_real(s.most), da_real(s.deviation),
                       da_real(s.stages), da_if(t->metric == DA_SWEEP_PAPER, da_real(published)));
        }
}

/* ---- Dependence ---- */

/* values: COLUMNS of t->points: the factors, the metric, and the metric of one module a stage. */
enum { METRIC = DA_SWEEP_FACTORS, STAGES, COLUMNS };
static void gather(const da_sweep_table *t, da_sweep_fit *fit, double *values) {
    for (int i = 0; i < t->points; i++) {
        const da_sweep_point *p = &t->point[i];
        if (!chosen(t, p, fit->threshold, -1)) continue;
        for (int f = 0; f < DA_SWEEP_FACTORS; f++) values[f * t->points + fit->points] = da_sweep_factor_of(p->result, f);
        values[METRIC * t->points + fit->points] = p->metric[t->metric];
        values[STAGES * t->points + fit->points++] = da_sweep_of_stages(t->metric, p->result->layers);
        fit->floor += at_floor(t, p);
        fit->ceiling += at_ceiling(t, p);
    }
}

static bool varies(const double *values, int count) {
    for (int i = 1; i < count; i++)
        if (!same(values[i], values[0])) return true;
    return false;
}

/* A table that does not allow a regression is no error: the reason is shown in its place. */
static da_status regress(da_sweep_fit *fit, const double *y, const double *const *columns, int count) {
    if (count == 0) {
        snprintf(fit->reason, sizeof fit->reason, "none of depth, share and classes varies");
        return DA_OK;
    }
    da_status status = da_regress(y, columns, count, fit->points, CONFIDENCE, &fit->regression);
    fit->fitted = status == DA_OK;
    if (status == DA_ERROR_MEMORY || status == DA_OK) return status;
    snprintf(fit->reason, sizeof fit->reason, "%s", da_error_message());
    return DA_OK;
}

da_status da_sweep_fit_at(const da_sweep_table *t, double threshold, da_sweep_fit *out) {
    da_sweep_fit fit = { .threshold = threshold };
    double *values = da_alloc_zero((size_t)t->points, COLUMNS * sizeof *values);
    const double *columns[DA_SWEEP_FACTORS];
    int count = 0;
    if (!values) return DA_ERROR_MEMORY;
    gather(t, &fit, values);
    const double *y = values + METRIC * t->points, *stages = values + STAGES * t->points;
    for (int f = 0; f < DA_SWEEP_FACTORS; f++) {
        const double *x = values + f * t->points;
        bool moves = varies(x, fit.points);
        fit.correlation[f] = moves ? da_pearson(x, y, fit.points) : (double)NAN;
        fit.stages[f] = moves ? da_pearson(x, stages, fit.points) : (double)NAN;
        fit.column[f] = moves ? count : -1;
        if (moves) columns[count++] = x;
    }
    da_status status = threshold < 0 ? DA_OK : regress(&fit, y, columns, count);
    da_free(values);
    if (status == DA_OK) *out = fit;
    return status;
}

/* A slope of rounding errors, as of share and classes where all runs of a depth are equal. */
static bool is_nothing(double value) { return fabs(value) < 1e-9; }

const char *da_sweep_verdict(const da_sweep_fit *fit, int factor) {
    if (fit->column[factor] < 0) return "not varied";
    if (fit->floor >= MOST * fit->points) return "at the floor";
    if (fit->ceiling >= MOST * fit->points) return "at the ceiling";
    if (isnan(fit->correlation[factor])) return "the metric is the same everywhere";
    double published = da_sweep_factors[factor].published;
    const da_coefficient *b = fit->fitted ? &fit->regression.coefficient[fit->column[factor]] : NULL;
    double ours = b ? b->value : fit->correlation[factor];
    if (is_nothing(ours)) return "no slope";
    bool agrees = ours * published > 0;
    if (!b) return agrees ? "same sign" : "other sign";
    if (isnan(b->low)) return agrees ? "same sign, no interval" : "other sign, no interval";
    if (b->low > 0 || b->high < 0) return agrees ? "agrees" : "DISAGREES";
    return agrees ? "same sign, but 0 is in the interval" : "other sign, but 0 is in the interval";
}
