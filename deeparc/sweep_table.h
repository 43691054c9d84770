/* Between sweep_table.c, which reads what the runs of a plan left, sweep_analyse.c, which draws conclusions, and
 * sweep_collect.c, sweep_page.c and sweep_figure.c, which show them.
 *
 *     results     one for every finished run of the plan
 *     points      one for every run and threshold: what a row of the CSV holds, and what is regressed
 */
#ifndef DA_DEEPARC_SWEEP_TABLE_H
#define DA_DEEPARC_SWEEP_TABLE_H

#include "core/status.h"
#include "deeparc/regression.h"
#include "deeparc/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* joined = (N-M)/(N-1) is the share of neighbours that lie in one module: from 0 to 1 at any depth. The bounds of the
   first two move with N and draw a line against depth by themselves where runs sit on them. So do modules that end where
   a stage ends and nowhere else, in every metric but the last: within counts the neighbours of one stage alone. NaN:
   unknown, as a network of one block a stage has no such neighbours, or a result does not say where its modules are. */
typedef enum da_sweep_metric {
    DA_SWEEP_PAPER, DA_SWEEP_RATIO, DA_SWEEP_COVERAGE, DA_SWEEP_JOINED, DA_SWEEP_WITHIN, DA_SWEEP_METRICS
} da_sweep_metric;
enum { DA_SWEEP_ID = 17, DA_SWEEP_PATH = 4200, DA_SWEEP_THRESHOLDS = 64, DA_SWEEP_NAME = 48 };
enum { DA_SWEEP_DEPTHS = 64, DA_SWEEP_STAGES = 3 }; /* of the ResNets that sweeps train, all stages of as many blocks */

typedef struct da_sweep_result {
    char   id[DA_SWEEP_ID], model[DA_SWEEP_NAME], data[128], settings[512], hash[80], linkage[16], tap[16], kernels[16],
           version[32], commit[64], compiler[64], machine[256]; /* "unknown": of a version that did not write it */
    double depth, width, share, classes, seed, trained_on, epochs, layers, accuracy, loss, seconds;
} da_sweep_result;

typedef struct da_sweep_point {
    const da_sweep_result *result;
    double threshold, modules, metric[DA_SWEEP_METRICS];
    bool   floor, ceiling; /* every block is a module of its own; all blocks are one module */
} da_sweep_point;

typedef struct da_sweep_table {
    int64_t planned;
    int     results, points;
    da_sweep_result *result;
    da_sweep_point  *point;
    double  thresholds[DA_SWEEP_THRESHOLDS], depths[DA_SWEEP_DEPTHS]; /* those there are, ascending */
    int     threshold_count, depth_count;
    da_sweep_metric metric; /* the one that is analysed */
} da_sweep_table;

/* DIR/runs/ID and an ending. Errors: DA_ERROR_ARGUMENT when it is too long. */
da_status da_sweep_path(char path[DA_SWEEP_PATH], const char *dir, const char *id, const char *ending);

/* Reads DIR/plan.txt and the results it asks for. Errors: DA_ERROR_NOT_FOUND (no plan, or not one result),
   DA_ERROR_FORMAT (a file that is none of ours), DA_ERROR_MEMORY. */
da_status da_sweep_table_read(da_sweep_table *table, const char *dir);
void      da_sweep_table_free(da_sweep_table *table);

/* ---- Conclusions ---- */

/* The metric at one threshold, of one depth or (depth < 0) of all. deviation: over seeds alone, pooled over the cells
   of the grid, with `freedom` degrees of freedom; NaN where every cell has one seed. floor, ceiling: runs that
   sit there. stages: the mean had every network one module a stage. Runs whose metric is unknown do not count. */
typedef struct da_sweep_summary {
    int     runs, floor, ceiling;
    double  mean, least, most, deviation, stages;
    int64_t freedom;
} da_sweep_summary;
da_sweep_summary da_sweep_summarise(const da_sweep_table *table, double threshold, double depth);
/* A row a threshold and depth that has runs, into a table of eleven columns: threshold, depth, runs, at the floor, at the
   ceiling, mean, least, most, deviation, stages, published mean. */
void da_sweep_put_means(da_result *table, const da_sweep_table *of);

enum { DA_SWEEP_FACTORS = 3 };
typedef struct da_sweep_factor {
    const char *name, *unit; /* "depth", "a layer" */
    double published;        /* correlation */
} da_sweep_factor;
extern const da_sweep_factor da_sweep_factors[DA_SWEEP_FACTORS];
double da_sweep_factor_of(const da_sweep_result *result, int factor);

/* Every factor that varies, at one threshold; threshold < 0: all of them, where only correlations mean something,
   because the points of one network are not independent. */
typedef struct da_sweep_fit {
    double threshold;
    int    points, floor, ceiling;
    double correlation[DA_SWEEP_FACTORS]; /* NaN: the factor or the metric does not vary */
    double stages[DA_SWEEP_FACTORS];      /* the same had every network one module a stage: what depth alone gives */
    int    column[DA_SWEEP_FACTORS];      /* of the regression; -1: the factor does not vary */
    bool   fitted;                     /* there is a regression, with intervals of 95 % */
    da_regression regression;
    char   reason[160];                /* why there is none */
} da_sweep_fit;
da_status da_sweep_fit_at(const da_sweep_table *table, double threshold, da_sweep_fit *fit);

/* The published sign against ours: "agrees" and "DISAGREES" when the interval excludes 0, else a longer word. Three of
   four runs at the floor, or at the ceiling: "at the floor", "at the ceiling", which says nothing about the factor. */
const char *da_sweep_verdict(const da_sweep_fit *fit, int factor);

const char *da_sweep_metric_name(da_sweep_metric metric); /* "paper (N+1-M)/(N+1)" */

/* What the metric is, at `layers` blocks, at the floor and at the ceiling; of one module a stage; and what that means,
   in a few sentences. */
void        da_sweep_bounds(da_sweep_metric metric, double layers, double *floor, double *ceiling);
double      da_sweep_of_stages(da_sweep_metric metric, double layers);
const char *da_sweep_bounds_note(da_sweep_metric metric);

/* How many results have the text at `offset` (offsetof in da_sweep_result) that result i has; 0 if one before i has it. */
int da_sweep_count_text(const da_sweep_table *table, int i, size_t offset);

#endif
