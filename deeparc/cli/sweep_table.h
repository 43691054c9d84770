/* Between sweep_table.c, which reads what the runs of a plan left, sweep_analyse.c, which draws conclusions, and
 * sweep_collect.c and sweep_page.c, which show them.
 *
 *     results     one for every finished run of the plan
 *     points      one for every run and threshold: what a row of the CSV holds, and what is regressed
 */
#ifndef DA_DEEPARC_CLI_SWEEP_TABLE_H
#define DA_DEEPARC_CLI_SWEEP_TABLE_H

#include "deeparc/cli/sweep.h"
#include "deeparc/regression.h"

typedef enum sweep_metric { SWEEP_PAPER, SWEEP_RATIO, SWEEP_COVERAGE, SWEEP_METRICS } sweep_metric;
enum { SWEEP_DEPTHS = 64 };

typedef struct sweep_result {
    char   id[SWEEP_ID], model[SWEEP_NAME], data[128], settings[512], hash[80], linkage[16], tap[16], kernels[16],
           machine[256];
    double depth, width, share, classes, seed, trained_on, epochs, layers, accuracy, loss, seconds;
} sweep_result;

typedef struct sweep_point {
    const sweep_result *result;
    double threshold, modules, metric[SWEEP_METRICS];
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
   of the grid, with `freedom` degrees of freedom; NaN where every cell has one seed. */
typedef struct sweep_summary { int runs; double mean, least, most, deviation; int64_t freedom; } sweep_summary;
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
    int    points;
    double correlation[SWEEP_FACTORS]; /* NaN: the factor or the metric does not vary */
    int    column[SWEEP_FACTORS];      /* of the regression; -1: the factor does not vary */
    bool   fitted;                     /* there is a regression, with intervals of 95 % */
    da_regression regression;
    char   reason[160];                /* why there is none */
} sweep_fit;
da_status sweep_fit_at(const sweep_table *table, double threshold, sweep_fit *fit);

/* The published sign against ours: "agrees" and "DISAGREES" when the interval excludes 0, else a longer word. */
const char *sweep_verdict(const sweep_fit *fit, int factor);

const char *sweep_metric_name(sweep_metric metric); /* "paper (N+1-M)/(N+1)" */

/* The page: setting, machines, means beside the published ones, what the metric depends on. */
da_status sweep_page(const sweep_table *table, const char *title, const char *path);

#endif
