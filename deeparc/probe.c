/* Both probes solve the same normal equations:
 *
 *     gram    width x width     X'X / n            factor   L, L L' = gram * scale + lambda I     lower triangle
 *     right   width x classes   X'Y / n, or the gradient    solved in place
 *
 * X has mean 0, so the intercept is separate: the means of Y, or a step of its own.
 */
#include "deeparc/probe.h"

#include "core/math.h"
#include "core/memory.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { HOLD_EVERY = 5, STEPS = 200 };
static const double softmax_lambda = 1e-3, softmax_tolerance = 1e-4;
static const double ridge_lambdas[] = { 10, 1, 0.1, 0.01, 0.001, 0.0001 };
enum { LAMBDAS = sizeof ridge_lambdas / sizeof *ridge_lambdas };

const char *da_probe_name(da_probe_kind kind) { return kind == DA_PROBE_RIDGE ? "ridge" : "softmax"; }

typedef struct problem {
    const da_probe_data *learn, *test;
    int64_t  width;
    int      classes;
    bool     hold;           /* every fifth sample of learn takes no part in the fit */
    int64_t  fitted;         /* those that do */
    double  *mean, *scale;   /* width: x -> (x - mean) * scale */
    double  *x;              /* learn->samples x width, standardised */
    double  *gram, *factor;  /* width x width */
    double  *weights, *step; /* width x classes */
    double  *bias, *scores;  /* classes */
    double  *row;            /* width: one sample to test */
} problem;

static bool is_held(const problem *p, int64_t i) { return p->hold && i % HOLD_EVERY == HOLD_EVERY - 1; }

/* ---- Standardising ---- */

static void find_moments(problem *p) {
    const int64_t d = p->width;
    for (int64_t i = 0; i < p->learn->samples; i++) {
        if (is_held(p, i)) continue;
        p->fitted++;
        for (int64_t k = 0; k < d; k++) p->mean[k] += (double)p->learn->features[i * d + k];
    }
    for (int64_t k = 0; k < d; k++) p->mean[k] /= (double)p->fitted;
    for (int64_t i = 0; i < p->learn->samples; i++) {
        if (is_held(p, i)) continue;
        for (int64_t k = 0; k < d; k++) {
            const double from_mean = (double)p->learn->features[i * d + k] - p->mean[k];
            p->scale[k] += from_mean * from_mean;
        }
    }
    /* A constant feature has a variance of rounding errors: it is left out. */
    for (int64_t k = 0; k < d; k++) {
        const double deviation = sqrt(p->scale[k] / (double)p->fitted);
        p->scale[k] = deviation > 1e-7 * fabs(p->mean[k]) ? 1 / deviation : 0;
    }
}

static void standardise(const problem *p, const float *from, double *to) {
    for (int64_t k = 0; k < p->width; k++) to[k] = ((double)from[k] - p->mean[k]) * p->scale[k];
}

/* The lower triangle of X'X / n over the samples of the fit. */
static void find_gram(problem *p) {
    const int64_t d = p->width;
    for (int64_t i = 0; i < p->learn->samples; i++) {
        const double *x = p->x + i * d;
        if (is_held(p, i)) continue;
        for (int64_t r = 0; r < d; r++)
            for (int64_t k = 0; k <= r; k++) p->gram[r * d + k] += x[r] * x[k];
    }
    for (int64_t r = 0; r < d; r++)
        for (int64_t k = 0; k <= r; k++) p->gram[r * d + k] /= (double)p->fitted;
}

/* ---- Normal equations ---- */

/* factor := L with L L' = gram * share + lambda I. Positive definite, as lambda is above 0. */
static void factorise(problem *p, double share, double lambda) {
    const int64_t d = p->width;
    for (int64_t r = 0; r < d; r++)
        for (int64_t k = 0; k <= r; k++) {
            double *row = p->factor + r * d, *column = p->factor + k * d;
            double sum = p->gram[r * d + k] * share + (r == k ? lambda : 0);
            for (int64_t j = 0; j < k; j++) sum -= row[j] * column[j];
            row[k] = r == k ? sqrt(sum) : sum / column[k];
        }
}

/* right := (L L')^-1 right. */
static void solve(const problem *p, double *right) {
    const int64_t d = p->width, classes = p->classes;
    for (int64_t r = 0; r < d; r++) {
        for (int64_t j = 0; j < r; j++)
            for (int64_t c = 0; c < classes; c++)
                right[r * classes + c] -= p->factor[r * d + j] * right[j * classes + c];
        for (int64_t c = 0; c < classes; c++) right[r * classes + c] /= p->factor[r * d + r];
    }
    for (int64_t r = d - 1; r >= 0; r--) {
        for (int64_t j = r + 1; j < d; j++)
            for (int64_t c = 0; c < classes; c++)
                right[r * classes + c] -= p->factor[j * d + r] * right[j * classes + c];
        for (int64_t c = 0; c < classes; c++) right[r * classes + c] /= p->factor[r * d + r];
    }
}

/* ---- Scores ---- */

static void find_scores(problem *p, const double *x) {
    for (int c = 0; c < p->classes; c++) p->scores[c] = p->bias[c];
    for (int64_t k = 0; k < p->width; k++)
        for (int c = 0; c < p->classes; c++) p->scores[c] += x[k] * p->weights[k * p->classes + c];
}

/* Is the largest score, the first of equal ones, at the label? */
static bool is_right(const problem *p, int label) {
    int best = 0;
    for (int c = 1; c < p->classes; c++)
        if (p->scores[c] > p->scores[best]) best = c;
    return best == label;
}

static double test_accuracy(problem *p) {
    int64_t right = 0;
    for (int64_t i = 0; i < p->test->samples; i++) {
        standardise(p, p->test->features + i * p->width, p->row);
        find_scores(p, p->row);
        right += is_right(p, p->test->labels[i]);
    }
    return (double)right / (double)p->test->samples;
}

static int64_t count_held(problem *p) {
    int64_t right = 0;
    for (int64_t i = 0; i < p->learn->samples; i++) {
        if (!is_held(p, i)) continue;
        find_scores(p, p->x + i * p->width);
        right += is_right(p, p->learn->labels[i]);
    }
    return right;
}

/* ---- Ridge ---- */

static void fit_ridge_at(problem *p, double lambda) {
    const int64_t d = p->width, classes = p->classes;
    memset(p->weights, 0, (size_t)(d * classes) * sizeof *p->weights);
    for (int64_t i = 0; i < p->learn->samples; i++)
        if (!is_held(p, i))
            for (int64_t k = 0; k < d; k++) p->weights[k * classes + p->learn->labels[i]] += p->x[i * d + k];
    for (int64_t k = 0; k < d * classes; k++) p->weights[k] /= (double)p->fitted;
    factorise(p, 1, lambda);
    solve(p, p->weights);
}

static void fit_ridge(problem *p, da_probe_result *result) {
    int64_t best = -1;
    for (int64_t i = 0; i < p->learn->samples; i++)
        if (!is_held(p, i)) p->bias[p->learn->labels[i]] += 1 / (double)p->fitted;
    for (int l = 0; l < LAMBDAS; l++) {
        fit_ridge_at(p, ridge_lambdas[l]);
        const int64_t right = count_held(p);
        if (right <= best) continue;
        best = right;
        result->lambda = ridge_lambdas[l];
    }
    fit_ridge_at(p, result->lambda);
}

/* ---- Softmax regression ---- */

/* scores := probabilities - the label as 0 and 1: the slope of one sample's loss. */
static void find_slope(problem *p, int label) {
    double most = p->scores[0], total = 0;
    for (int c = 1; c < p->classes; c++) most = p->scores[c] > most ? p->scores[c] : most;
    for (int c = 0; c < p->classes; c++) {
        p->scores[c] = (double)da_expf((float)(p->scores[c] - most));
        total += p->scores[c];
    }
    for (int c = 0; c < p->classes; c++) p->scores[c] /= total;
    p->scores[label] -= 1;
}

/* step := gradient by the weights, its last row by the bias; returns the largest entry. */
static double find_gradient(problem *p) {
    const int64_t d = p->width, classes = p->classes, entries = d * classes;
    const double n = (double)p->fitted;
    double *by_bias = p->step + entries, largest = 0;
    memset(p->step, 0, (size_t)(entries + classes) * sizeof *p->step);
    for (int64_t i = 0; i < p->learn->samples; i++) {
        const double *x = p->x + i * d;
        find_scores(p, x);
        find_slope(p, p->learn->labels[i]);
        for (int64_t k = 0; k < d; k++)
            for (int64_t c = 0; c < classes; c++) p->step[k * classes + c] += x[k] * p->scores[c];
        for (int64_t c = 0; c < classes; c++) by_bias[c] += p->scores[c];
    }
    for (int64_t k = 0; k < entries + classes; k++) {
        p->step[k] = p->step[k] / n + (k < entries ? softmax_lambda * p->weights[k] : 0);
        largest = fmax(largest, fabs(p->step[k]));
    }
    return largest;
}

static void fit_softmax(problem *p, da_probe_result *result) {
    const int64_t entries = p->width * p->classes;
    result->lambda = softmax_lambda;
    factorise(p, 0.5, softmax_lambda);
    while (result->steps < STEPS && find_gradient(p) > softmax_tolerance) {
        solve(p, p->step);
        for (int64_t k = 0; k < entries; k++) p->weights[k] -= p->step[k];
        for (int c = 0; c < p->classes; c++) p->bias[c] -= 2 * p->step[entries + c];
        result->steps++;
    }
}

/* ---- Together ---- */

static da_status check_data(const da_probe_data *data, int64_t width, int classes, const char *what) {
    for (int64_t i = 0; i < data->samples; i++)
        if (data->labels[i] >= classes)
            return DA_FAIL(DA_ERROR_ARGUMENT, "probe: %s sample %lld has label %d of %d classes", what, (long long)i,
                           data->labels[i], classes);
    for (int64_t k = 0; k < data->samples * width; k++)
        if (!isfinite(data->features[k]))
            return DA_FAIL(DA_ERROR_NUMERIC, "probe: feature %lld of %s sample %lld is not finite",
                           (long long)(k % width), what, (long long)(k / width));
    return DA_OK;
}

static da_status check(const problem *p) {
    if (p->width < 1 || p->width > DA_PROBE_WIDTH)
        return DA_FAIL(DA_ERROR_ARGUMENT, "probe: 1 to %d features can be fitted, not %lld", DA_PROBE_WIDTH,
                       (long long)p->width);
    if (p->learn->samples < DA_PROBE_LEAST || p->test->samples < 1)
        return DA_FAIL(DA_ERROR_ARGUMENT, "probe: %lld samples to learn from and %lld to test are too few: %d and 1",
                       (long long)p->learn->samples, (long long)p->test->samples, DA_PROBE_LEAST);
    DA_TRY(check_data(p->learn, p->width, p->classes, "learning"));
    return check_data(p->test, p->width, p->classes, "test");
}

/* One block for everything. */
static da_status prepare(problem *p, double **block) {
    const size_t d = (size_t)p->width, classes = (size_t)p->classes, samples = (size_t)p->learn->samples;
    double *at = da_alloc_zero(samples * d + 2 * d * d + 2 * d * classes + 3 * classes + 3 * d, sizeof *at);
    if (!at) return DA_ERROR_MEMORY;
    *block = at;
    p->x = at;
    p->gram = p->x + samples * d;
    p->factor = p->gram + d * d;
    p->weights = p->factor + d * d;
    p->step = p->weights + d * classes; /* and a row for the bias */
    p->bias = p->step + (d + 1) * classes;
    p->scores = p->bias + classes;
    p->mean = p->scores + classes;
    p->scale = p->mean + d;
    p->row = p->scale + d;
    find_moments(p);
    for (int64_t i = 0; i < p->learn->samples; i++)
        standardise(p, p->learn->features + i * p->width, p->x + i * p->width);
    find_gram(p);
    return DA_OK;
}

da_status da_probe_fit(da_probe_kind kind, const da_probe_data *learn, const da_probe_data *test, int64_t width,
                       int classes, da_probe_result *result) {
    problem p = { .learn = learn, .test = test, .width = width, .classes = classes, .hold = kind == DA_PROBE_RIDGE };
    da_probe_result found = { 0 };
    double *block = NULL;
    DA_TRY(check(&p));
    DA_TRY(prepare(&p, &block));
    if (kind == DA_PROBE_RIDGE) fit_ridge(&p, &found);
    else fit_softmax(&p, &found);
    found.accuracy = test_accuracy(&p);
    da_free(block);
    *result = found;
    return DA_OK;
}
