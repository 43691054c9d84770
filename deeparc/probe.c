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
#include "core/number.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { HOLD_EVERY = 5, STEPS = 100, PRODUCTS = 500 }; /* conjugate gradients: at most so many products with the Hessian a step */
static const double softmax_lambda = 1e-3;
static const double ridge_lambdas[] = { 10, 1, 0.1, 0.01, 0.001, 0.0001 };
enum { LAMBDAS = sizeof ridge_lambdas / sizeof *ridge_lambdas };

typedef struct problem {
    const da_probe_data *learn, *test;
    int64_t  width;
    int      classes;
    bool     hold;           /* every fifth sample of learn takes no part in the fit */
    int64_t  fitted;         /* those that do */
    double  *mean, *scale;   /* width: x -> (x - mean) * scale */
    double  *x;              /* learn->samples x width, standardised */
    double  *gram, *factor;  /* width x width */
    double  *weights;        /* (width + 1) x classes: the last row is the intercept */
    double  *bias, *scores;  /* classes: that row; of one sample */
    double  *row;            /* width: one sample to test */
    /* softmax alone */
    double  *gradient, *step, *residual, *along, *image; /* as weights */
    double  *chances;        /* learn->samples x classes: the probabilities at the weights */
    double   loss;
    int64_t  products;       /* with the Hessian */
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

/* to := x times the rows of a vector, and its last row, the intercept. */
static void find_products(const problem *p, const double *x, const double *vector, double *to) {
    for (int c = 0; c < p->classes; c++) to[c] = vector[p->width * p->classes + c];
    for (int64_t k = 0; k < p->width; k++)
        for (int c = 0; c < p->classes; c++) to[c] += x[k] * vector[k * p->classes + c];
}

static void find_scores(problem *p, const double *x) { find_products(p, x, p->weights, p->scores); }

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

/* ---- Softmax regression ----
 *
 * A vector of the fit has a row for every feature and one, the last, for the intercept: (width + 1) x classes. */

static int64_t vector_length(const problem *p) { return (p->width + 1) * p->classes; }

static double dot(const problem *p, const double *a, const double *b) {
    double sum = 0;
    for (int64_t k = 0; k < vector_length(p); k++) sum += a[k] * b[k];
    return sum;
}

/* e^x for x <= 0, with the bits of no library: x = k ln 2 + r, and the series of e^r, |r| <= ln 2 / 2, to r^13. */
static double exponential(double x) {
    const double k = floor(x * 0x1.71547652b82fep0 + 0.5);
    const double r = (x - k * 0x1.62e42feep-1) - k * 0x1.a39ef35793c76p-33;
    double sum = 1;
    for (int term = 13; term > 0; term--) sum = 1 + sum * r / term;
    return k < -1000 ? 0 : ldexp(sum, (int)k);
}

/* log x for x >= 1: one step of Halley's from the binary32 logarithm, which triples its digits. */
static double logarithm(double x) {
    const double near = (double)da_logf((float)x), back = x * exponential(-near);
    return near + 2 * (back - 1) / (back + 1);
}

/* scores := their probabilities; returns -log of the label's. */
static double find_chances(double *scores, int classes, int label) {
    double most = scores[0], total = 0;
    for (int c = 1; c < classes; c++) most = fmax(most, scores[c]);
    const double of_label = scores[label] - most;
    for (int c = 0; c < classes; c++) total += scores[c] = exponential(scores[c] - most);
    for (int c = 0; c < classes; c++) scores[c] /= total;
    return logarithm(total) - of_label;
}

/* to += x times a row, for every row of a vector; the last has x = 1. */
static void add_outer(const problem *p, const double *x, const double *row, double *to) {
    for (int64_t k = 0; k < p->width; k++)
        for (int c = 0; c < p->classes; c++) to[k * p->classes + c] += x[k] * row[c];
    for (int c = 0; c < p->classes; c++) to[p->width * p->classes + c] += row[c];
}

/* to := to / n + lambda of. The intercept is not held back. */
static void add_penalty(const problem *p, const double *of, double *to) {
    for (int64_t k = 0; k < vector_length(p); k++)
        to[k] = to[k] / (double)p->fitted + (k < p->width * p->classes ? softmax_lambda * of[k] : 0);
}

/* chances, gradient and loss at the weights; returns the largest entry of the gradient. */
static double find_gradient(problem *p) {
    double largest = 0, squares = 0;
    memset(p->gradient, 0, (size_t)vector_length(p) * sizeof *p->gradient);
    p->loss = 0;
    for (int64_t i = 0; i < p->learn->samples; i++) {
        const int label = p->learn->labels[i];
        find_scores(p, p->x + i * p->width);
        p->loss += find_chances(p->scores, p->classes, label);
        memcpy(p->chances + i * p->classes, p->scores, (size_t)p->classes * sizeof *p->scores);
        p->scores[label] -= 1;
        add_outer(p, p->x + i * p->width, p->scores, p->gradient);
    }
    add_penalty(p, p->weights, p->gradient);
    for (int64_t k = 0; k < p->width * p->classes; k++) squares += p->weights[k] * p->weights[k];
    for (int64_t k = 0; k < vector_length(p); k++) largest = fmax(largest, fabs(p->gradient[k]));
    p->loss = p->loss / (double)p->fitted + softmax_lambda / 2 * squares;
    return largest;
}

/* to := the Hessian at the weights times a vector: of one sample, (diag(chances) - chances chances') x x'. */
static void multiply_hessian(problem *p, const double *vector, double *to) {
    memset(to, 0, (size_t)vector_length(p) * sizeof *to);
    for (int64_t i = 0; i < p->learn->samples; i++) {
        const double *x = p->x + i * p->width, *chances = p->chances + i * p->classes;
        double mean = 0;
        find_products(p, x, vector, p->scores);
        for (int c = 0; c < p->classes; c++) mean += chances[c] * p->scores[c];
        for (int c = 0; c < p->classes; c++) p->scores[c] = chances[c] * (p->scores[c] - mean);
        add_outer(p, x, p->scores, to);
    }
    add_penalty(p, vector, to);
}

/* to := (X'X / 2n + lambda I)^-1 from: that is never below the Hessian (Boehning 1992), whose place it takes. */
static void precondition(const problem *p, const double *from, double *to) {
    const int64_t entries = p->width * p->classes;
    memcpy(to, from, (size_t)vector_length(p) * sizeof *to);
    solve(p, to);
    for (int c = 0; c < p->classes; c++) to[entries + c] *= 2;
}

/* step := -Hessian^-1 gradient, by conjugate gradients, until the residual is `share` of what it was. */
static void find_step(problem *p, double share) {
    const int64_t length = vector_length(p);
    double *residual = p->residual, *along = p->along, *image = p->image;
    memset(p->step, 0, (size_t)length * sizeof *p->step);
    for (int64_t k = 0; k < length; k++) residual[k] = -p->gradient[k];
    precondition(p, residual, along);
    double size = dot(p, residual, along);
    const double enough = size * share * share;
    for (int i = 0; i < PRODUCTS && size > enough; i++) {
        multiply_hessian(p, along, image);
        p->products++;
        const double far = size / dot(p, along, image);
        for (int64_t k = 0; k < length; k++) p->step[k] += far * along[k];
        for (int64_t k = 0; k < length; k++) residual[k] -= far * image[k];
        precondition(p, residual, image);
        const double left = dot(p, residual, image);
        for (int64_t k = 0; k < length; k++) along[k] = image[k] + left / size * along[k];
        size = left;
    }
}

/* weights += the first of step, step / 2, step / 4, ... that does not lead past the minimum along it, where the slope
   turns up: such a step takes at least half of what can be had there, as the loss is convex. Near the minimum of all the
   slope is rounding, and a gradient of half its size will do. Returns the gradient's largest entry, or NaN: no step. */
static double take_step(problem *p, double largest) {
    const int64_t length = vector_length(p);
    memcpy(p->along, p->weights, (size_t)length * sizeof *p->along);
    for (double share = 1; share > 0x1p-40; share /= 2) {
        for (int64_t k = 0; k < length; k++) p->weights[k] = p->along[k] + share * p->step[k];
        const double now = find_gradient(p);
        if (now <= largest / 2 || dot(p, p->gradient, p->step) <= 0) return now;
    }
    memcpy(p->weights, p->along, (size_t)length * sizeof *p->along);
    return (double)NAN;
}

static void fit_softmax(problem *p, int most, da_probe_result *result) {
    result->lambda = softmax_lambda;
    factorise(p, 0.5, softmax_lambda);
    result->gradient = find_gradient(p);
    for (; result->steps < most && result->gradient > DA_PROBE_GRADIENT; result->steps++) {
        find_step(p, fmin(0.1, sqrt(result->gradient)));
        const double now = take_step(p, result->gradient);
        if (isnan(now)) break;
        result->gradient = now;
    }
    result->loss = p->loss;
    result->reached = result->gradient <= DA_PROBE_GRADIENT;
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
        return DA_FAIL(DA_ERROR_ARGUMENT, "probe: %s to learn from and %lld to test are too few: %d and 1",
                       da_count(p->learn->samples, "sample").text, (long long)p->test->samples, DA_PROBE_LEAST);
    DA_TRY(check_data(p->learn, p->width, p->classes, "learning"));
    return check_data(p->test, p->width, p->classes, "test");
}

/* One block for everything. */
static da_status prepare(problem *p, bool softmax, double **block) {
    const size_t d = (size_t)p->width, classes = (size_t)p->classes, samples = (size_t)p->learn->samples;
    const size_t vector = (d + 1) * classes, more = softmax ? 5 * vector + samples * classes : 0;
    double *at = da_alloc_zero(samples * d + 2 * d * d + 3 * d + vector + classes + more, sizeof *at);
    if (!at) return DA_ERROR_MEMORY;
    *block = at;
    p->x = at;
    p->gram = p->x + samples * d;
    p->factor = p->gram + d * d;
    p->mean = p->factor + d * d;
    p->scale = p->mean + d;
    p->row = p->scale + d;
    p->weights = p->row + d;
    p->bias = p->weights + d * classes;
    p->scores = p->bias + classes;
    double **const vectors[] = { &p->gradient, &p->step, &p->residual, &p->along, &p->image, &p->chances };
    at = p->scores + classes;
    for (int i = 0; softmax && i < 6; i++, at += vector) *vectors[i] = at;
    find_moments(p);
    for (int64_t i = 0; i < p->learn->samples; i++)
        standardise(p, p->learn->features + i * p->width, p->x + i * p->width);
    find_gram(p);
    return DA_OK;
}

da_status da_probe_fit(da_probe_kind kind, const da_probe_data *learn, const da_probe_data *test, int64_t width,
                       int classes, int most_steps, da_probe_result *result) {
    problem p = { .learn = learn, .test = test, .width = width, .classes = classes, .hold = kind == DA_PROBE_RIDGE };
    da_probe_result found = { 0 };
    double *block = NULL;
    DA_TRY(check(&p));
    DA_TRY(prepare(&p, kind == DA_PROBE_SOFTMAX, &block));
    if (kind == DA_PROBE_RIDGE) fit_ridge(&p, &found);
    else fit_softmax(&p, most_steps > 0 ? most_steps : STEPS, &found);
    found.products = p.products;
    found.accuracy = test_accuracy(&p);
    da_free(block);
    *result = found;
    return DA_OK;
}
