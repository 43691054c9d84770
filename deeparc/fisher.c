/* Fisher's dynamic programme. Segments that end in b are met from the shortest to the longest, so that D(a, b) grows by
 * one element at a time (Welford: no cancellation, never below zero) and needs no table.
 *
 *     best     K ->  b: 1  2  3 ...
 *              1      D(0,1) D(0,2) D(0,3)
 *              2      -      0      best(1,a) + D(a,3) over a = 1, 2
 *              3      -      -      0
 */
#include "deeparc/fisher.h"
#include "core/memory.h"
#include "core/number.h"

#include <math.h>
#include <string.h>

/* Sums of n similarities differ by rounding alone when their squared deviations are this small a share of their
   squares. */
static const double ROUNDING = 1e-24;

/* D of a segment that grows at its front. */
typedef struct segment { double count, mean, deviation; } segment;

static void segment_add(segment *s, double value) {
    double from = value - s->mean;
    s->count++;
    s->mean += from / s->count;
    s->deviation += from * (value - s->mean);
}

static void sum_columns(double *series, const double *matrix, int layers) {
    memset(series, 0, (size_t)layers * sizeof *series);
    for (int i = 0; i < layers; i++)
        for (int j = 0; j < layers; j++) series[j] += matrix[(int64_t)i * layers + j];
}

/* Fills column b of best and cut: the best K segments of s[0..b), for every K. */
static void solve_prefix(const da_fisher *f, double *best, int b) {
    int64_t layers = f->layers;
    segment s = { 0 };
    for (int64_t k = 0; k < b; k++) best[k * layers + b - 1] = HUGE_VAL;
    for (int a = b - 1; a >= 0; a--) {
        segment_add(&s, f->series[a]);
        int64_t first = a == 0 ? 0 : 1, last = a; /* before [a, b) lie 1..a segments; none when it begins at 0 */
        for (int64_t k = first; k <= last; k++) {
            double cost = s.deviation + (k > 0 ? best[(k - 1) * layers + a - 1] : 0);
            if (cost > best[k * layers + b - 1]) continue;
            best[k * layers + b - 1] = cost;
            f->cut[k * layers + b - 1] = a;
        }
    }
}

double da_fisher_explained(const da_fisher *f, int modules) {
    return f->cost[0] > 0 ? 1 - f->cost[modules - 1] / f->cost[0] : 1;
}

static int find_elbow(const da_fisher *f) {
    double squares = 0, most = 0;
    int elbow = 1;
    for (int j = 0; j < f->layers; j++) squares += f->series[j] * f->series[j];
    if (f->cost[0] <= ROUNDING * squares) return 1;
    for (int k = 2; k < f->layers; k++) {
        double below = da_fisher_explained(f, k) - (k - 1.0) / (f->layers - 1);
        if (below <= most) continue;
        most = below;
        elbow = k;
    }
    return elbow;
}

static da_status solve(da_fisher *f, const double *matrix) {
    size_t layers = (size_t)f->layers;
    double *best = da_alloc(layers * layers * sizeof *best);
    f->series = da_alloc(layers * sizeof *f->series);
    f->cost = da_alloc(layers * sizeof *f->cost);
    f->cut = da_alloc_zero(layers * layers, sizeof *f->cut);
    bool enough = best && f->series && f->cost && f->cut;
    if (enough) {
        sum_columns(f->series, matrix, f->layers);
        for (int b = 1; b <= f->layers; b++) solve_prefix(f, best, b);
        for (size_t k = 0; k < layers; k++) f->cost[k] = best[k * layers + layers - 1];
        f->elbow = find_elbow(f);
    }
    da_free(best);
    return enough ? DA_OK : DA_ERROR_MEMORY;
}

da_status da_fisher_solve(const double *matrix, int layers, da_fisher *out) {
    DA_TRY(da_partition_check_matrix(matrix, layers));
    da_fisher made = { .layers = layers };
    da_status status = solve(&made, matrix);
    if (status == DA_OK) *out = made;
    else da_fisher_free(&made);
    return status;
}

void da_fisher_free(da_fisher *f) {
    da_free(f->series);
    da_free(f->cost);
    da_free(f->cut);
    memset(f, 0, sizeof *f);
}

da_status da_fisher_partition(const da_fisher *f, int modules, da_partition *out) {
    if (modules < 0 || modules > f->layers)
        return DA_FAIL(DA_ERROR_ARGUMENT, "%s of %s: 1 to %d are possible", da_count(modules, "module").text, da_count(f->layers, "layer").text,
                       f->layers);
    if (modules == 0) modules = f->elbow;
    da_partition made = { .layers = f->layers, .modules = modules };
    made.module = da_alloc((size_t)f->layers * sizeof *made.module);
    if (!made.module) return DA_ERROR_MEMORY;
    int end = f->layers;
    for (int k = modules - 1; k >= 0; k--) {
        int begin = f->cut[(int64_t)k * f->layers + end - 1];
        made.module[k] = (da_module_range){ begin, end };
        end = begin;
    }
    *out = made;
    return DA_OK;
}
