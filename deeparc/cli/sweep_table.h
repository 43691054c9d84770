/* Between sweep_table.c, which reads what the runs of a plan left, sweep_analyse.c, which draws conclusions, and
 * sweep_collect.c, sweep_page.c and sweep_figure.c, which show them.
 *
 *     results     one for every finished run of the plan
 *     points      one for every run and threshold: what a row of the CSV holds, and what is regressed
 */
#ifndef DA_DEEPARC_CLI_SWEEP_TABLE_H
#define DA_DEEPARC_CLI_SWEEP_TABLE_H

#include "deeparc/cli/sweep.h"
#include "deeparc/regression.h"

#include <stddef.h>

/* joined = (N-M)/(N-1) is the share of neighbours that lie in one module: from 0 to 1 at any depth. The bounds of the
   first two move with N and draw a line against depth by themselves where runs sit on them. So do modules that end where
   a stage ends and nowhere else, in every metric but the last: within counts the neighbours of one stage alone. NaN:
   unknown, as a network of one block a stage has no such neighbours, or a result does not say where its modules are. */
typedef enum sweep_metric {
    SWEEP_PAPER, SWEEP_RATIO, SWEEP_COVERAGE, SWEEP_JOINED, SWEEP_WITHIN, SWEEP_METRICS
} sweep_metric;
enum { SWEEP_DEPTHS = 64, SWEEP_STAGES = 3 }; /* of the ResNets that sweeps train, all stages of as many blocks */

typedef struct sweep_result {
    char   id[SWEEP_ID], model[SWEEP_NAME], data[128], settings[512], hash[80], linkage[16], tap[16], kernels[16],
           version[32], commit[64], compiler[64], machine[256]; /* "unknown": of a version that did not write it */
    double depth, width, share, classes, seed, trained_on, epochs, layers, accuracy, loss, seconds;
} sweep_result;

typedef struct sweep_point {
    const sweep_result *result;
    double threshold, modules, metric[SWEEP_METRICS];
    bool   floor, ceiling; /* every block is a module of its own; all blocks are one module */
} sweep_point;

typedef struct sweep_table {
    int64_t planned;
    int     results, points;
    sweep_result *result;
    sweep_point  *point;
    double  thresholds[SWEEP_THRESHOLDS], depths[SWEEP_DEPTHS]; /* those there are, ascending */
    int     threshold_count, depth_count;
    sweep_metric metric; /* the one that is analysed */
} sweep_table;

/* Reads DIR/plan.txt and the results it asks for. Errors: DA_ERROR_NOT_FOUND (no plan, or not one result),
   DA_ERROR_FORMAT (a file that is none of ours), DA_ERROR_MEMORY. */
da_status sweep_table_read(sweep_table *table, const char *dir);
void      sweep_table_free(sweep_table *table);

/* ---- Conclusions ---- */

/* The metric at one threshold, of one depth or (depth < 0) of all. deviation: over seeds alone, pooled over the cells
   of the grid, with `freedom` degrees of freedom; NaN where every cell has one seed. floor, ceiling: runs that
   sit there. stages: the mean had every network one module a stage. Runs whose metric is unknown do not count. */
typedef struct sweep_summary {
    int     runs, floor, ceiling;
    double  mean, least, most, deviation, stages;
    int64_t freedom;
} sweep_summary;
sweep_summary sweep_summarise(const sweep_table *table, double threshold, double depth);

enum { SWEEP_FACTORS = 3 };
typedef struct sweep_factor {
    const char *name, *unit; /* "depth", "a layer" */
    double published;        /* correlation */
} sweep_factor;
extern const sweep_factor sweep_factors[SWEEP_FACTORS];
double sweep_factor_of(const sweep_result *result, int factor);

/* Every factor that varies, at one threshold; threshold < 0: all of them, where only correlations mean something,
   because the points of one network are not independent. */
typedef struct sweep_fit {
    double threshold;
    int    points, floor, ceiling;
    double correlation[SWEEP_FACTORS]; /* NaN: the factor or the metric does not vary */
    double stages[SWEEP_FACTORS];      /* the same had every network one module a stage: what depth alone gives */
    int    column[SWEEP_FACTORS];      /* of the regression; -1: the factor does not vary */
    bool   fitted;                     /* there is a regression, with intervals of 95 % */
    da_regression regression;
    char   reason[160];                /* why there is none */
} sweep_fit;
da_status sweep_fit_at(const sweep_table *table, double threshold, sweep_fit *fit);

/* The published sign against ours: "agrees" and "DISAGREES" when the interval excludes 0, else a longer word. Three of
   four runs at the floor, or at the ceiling: "at the floor", "at the ceiling", which says nothing about the factor. */
const char *sweep_verdict(const sweep_fit *fit, int factor);

const char *sweep_metric_name(sweep_metric metric); /* "paper (N+1-M)/(N+1)" */

/* What the metric is, at `layers` blocks, at the floor and at the ceiling; of one module a stage; and what that means,
   in a few sentences. */
void        sweep_bounds(sweep_metric metric, double layers, double *floor, double *ceiling);
double      sweep_of_stages(sweep_metric metric, double layers);
const char *sweep_bounds_note(sweep_metric metric);

/* How many results have the text at `offset` (offsetof in sweep_result) that result i has; 0 if one before i has it. */
int sweep_count_text(const sweep_table *table, int i, size_t offset);

/* The page: setting, machines, means beside the published ones, what the metric depends on. */
da_status sweep_page(cli *c, const sweep_table *table, const char *title, const char *path);

/* The means against depth beside the published ones, as a picture: an .svg file. */
da_status sweep_figure(const sweep_table *table, const char *path);

#endif
