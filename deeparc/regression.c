/* Least squares and Student's distribution.
 *
 *     rows x p, centred, scaled       R (p x p), upper triangle           b = R^-1 (Q'y), first p values
 *     | x x x |   reflections   ->    | r r r |                           s^2 = |rest of Q'y|^2 / (rows - p - 1)
 *     | x x x |                       |   r r |                           Var(b) = s^2 R^-1 R^-T
 *     | x x x |                       |     r |
 *     | ...   |                       | zeros |
 */
#include "deeparc/regression.h"

#include "core/memory.h"
#include "core/number.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define DEPENDENT 1e-10 /* of a column's length 1: what is left when the columns before it are taken out */

/* ---- Student's distribution ---- */

static double away_from_zero(double x) { return fabs(x) < 1e-300 ? 1e-300 : x; }

/* The continued fraction of I_x(a, b), from the front (modified Lentz). Fast for x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x) {
    double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), value = d;
    for (int m = 1; m <= 10000; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 / away_from_zero(1 + even * d);
        c = away_from_zero(1 + even / c);
        value *= d * c;
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / away_from_zero(1 + odd * d);
        c = away_from_zero(1 + odd / c);
        value *= d * c;
        if (fabs(d * c - 1) < 1e-15) break;
    }
    return value;
}

double da_beta_incomplete(double a, double b, double x) {
    if (!(a > 0 && b > 0 && x >= 0 && x <= 1)) return (double)NAN;
    if (x <= 0 || x >= 1) return x;
    double front = exp(a * log(x) + b * log1p(-x) + lgamma(a + b) - lgamma(a) - lgamma(b));
    return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

/* More than |t| on one side. */
static double tail(double t, double freedom) {
    return 0.5 * da_beta_incomplete(freedom / 2, 0.5, freedom / (freedom + t * t));
}

double da_student_probability(double t, double freedom) {
    if (!(freedom > 0) || isnan(t)) return (double)NAN;
    return t > 0 ? 1 - tail(t, freedom) : tail(t, freedom);
}

double da_student_quantile(double probability, double freedom) {
    if (!(freedom > 0 && probability > 0 && probability < 1)) return (double)NAN;
    double side = fmin(probability, 1 - probability), low = 0, high = 1;
    while (tail(high, freedom) > side && high < 1e300) high *= 2;
    while (true) { /* tail falls from low to high; ends when no number lies between them */
        double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high) break;
        if (tail(middle, freedom) > side) low = middle;
        else high = middle;
    }
    return probability < 0.5 ? -high : probability > 0.5 ? high : 0;
}

/* ---- Correlation ---- */

static double mean_of(const double *x, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += x[i];
    return sum / (double)count;
}

double da_pearson(const double *x, const double *y, int64_t count) {
    if (count < 2) return (double)NAN;
    double mx = mean_of(x, count), my = mean_of(y, count), xx = 0, yy = 0, xy = 0;
    for (int64_t i = 0; i < count; i++) {
        double dx = x[i] - mx, dy = y[i] - my;
        xx += dx * dx;
        yy += dy * dy;
        xy += dx * dy;
    }
    double tiny = 1e-24 * (double)count; /* means of equal values may be off by a rounding */
    if (xx <= tiny * mx * mx || yy <= tiny * my * my) return (double)NAN;
    return fmax(-1, fmin(1, xy / (sqrt(xx) * sqrt(yy))));
}

/* ---- Least squares ---- */

typedef struct system {
    int      p;
    int64_t  n;
    double  *column[DA_MAX_REGRESSORS + 1]; /* of n values each; the last is y */
    double   scale[DA_MAX_REGRESSORS];      /* a column's length before it was made 1 */
} system;

static double dot(const double *a, const double *b, int64_t from, int64_t n) {
    double sum = 0;
    for (int64_t i = from; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* Copies a column without its mean. */
static da_status centre(double *to, const double *from, int64_t n, int number, double *mean) {
    *mean = mean_of(from, n);
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(from[i]))
            return DA_FAIL(DA_ERROR_NUMERIC, "regression: value %lld of %s %d is not finite", (long long)i,
                           number < 0 ? "the result, column" : "column", number);
        to[i] = from[i] - *mean;
    }
    return DA_OK;
}

/* Reflects rows k.. so that column k vanishes below its diagonal; R stands on and above it. */
static da_status reflect(system *s, int k) {
    double *v = s->column[k], length = sqrt(dot(v, v, k, s->n));
    if (length < DEPENDENT)
        return DA_FAIL(DA_ERROR_NUMERIC, "regression: column %d depends on those before it", k);
    double diagonal = v[k] > 0 ? -length : length;
    v[k] -= diagonal;
    double square = dot(v, v, k, s->n);
    for (int j = k + 1; j <= s->p; j++) {
        double factor = 2 * dot(v, s->column[j], k, s->n) / square;
        for (int64_t i = k; i < s->n; i++) s->column[j][i] -= factor * v[i];
    }
    v[k] = diagonal;
    return DA_OK;
}

static da_status make_triangular(system *s, const double *const *x, const double *y, da_regression *r) {
    DA_TRY(centre(s->column[s->p], y, s->n, -1, &r->mean_y));
    for (int k = 0; k < s->p; k++) {
        DA_TRY(centre(s->column[k], x[k], s->n, k, &r->mean[k]));
        s->scale[k] = sqrt(dot(s->column[k], s->column[k], 0, s->n));
        if (s->scale[k] <= 1e-12 * sqrt((double)s->n) * fabs(r->mean[k]) || s->scale[k] <= 0)
            return DA_FAIL(DA_ERROR_NUMERIC, "regression: column %d is constant", k);
        for (int64_t i = 0; i < s->n; i++) s->column[k][i] /= s->scale[k];
    }
    for (int k = 0; k < s->p; k++) DA_TRY(reflect(s, k));
    return DA_OK;
}

/* Row k of R^-1, from the diagonal on. */
static void invert_row(const system *s, int k, double inverse[DA_MAX_REGRESSORS]) {
    for (int j = k; j < s->p; j++) {
        double sum = j == k ? 1 : 0;
        for (int i = k; i < j; i++) sum -= inverse[i] * s->column[j][i];
        inverse[j] = sum / s->column[j][j];
    }
}

static void solve(const system *s, double total, double confidence, da_regression *r) {
    const double *qy = s->column[s->p];
    double rest = dot(qy, qy, s->p, s->n), none = (double)NAN;
    r->deviation = r->freedom > 0 ? sqrt(rest / (double)r->freedom) : none;
    r->determination = total > 0 ? 1 - rest / total : none;
    double t = r->freedom > 0 ? da_student_quantile(0.5 + confidence / 2, (double)r->freedom) : none;
    r->intercept = r->mean_y;
    for (int k = 0; k < s->p; k++) {
        double inverse[DA_MAX_REGRESSORS], value = 0, square = 0;
        invert_row(s, k, inverse);
        for (int j = k; j < s->p; j++) {
            value += inverse[j] * qy[j];
            square += inverse[j] * inverse[j];
        }
        da_coefficient *b = &r->coefficient[k];
        b->value = value / s->scale[k];
        b->error = r->deviation * sqrt(square) / s->scale[k];
        b->low = b->value - t * b->error;
        b->high = b->value + t * b->error;
        r->intercept -= b->value * r->mean[k];
    }
}

da_status da_regress(const double *y, const double *const *x, int columns, int64_t rows, double confidence,
                     da_regression *out) {
    if (columns < 1 || columns > DA_MAX_REGRESSORS || !(confidence > 0 && confidence < 1))
        return DA_FAIL(DA_ERROR_ARGUMENT, "regression: %d columns, confidence %g: 1 to %d, and between 0 and 1",
                       columns, confidence, DA_MAX_REGRESSORS);
    if (rows < columns + 1)
        return DA_FAIL(DA_ERROR_ARGUMENT, "regression: %s and %s: too few rows, one more than columns at "
                       "least", da_count(rows, "row").text, da_count(columns, "column").text);
    system s = { .p = columns, .n = rows };
    da_regression r = { .columns = columns, .rows = rows, .freedom = rows - columns - 1 };
    double *block = da_alloc_zero((size_t)rows, (size_t)(columns + 1) * sizeof *block);
    if (!block) return DA_ERROR_MEMORY;
    for (int k = 0; k <= columns; k++) s.column[k] = block + k * rows;
    da_status status = make_triangular(&s, x, y, &r);
    if (status == DA_OK) {
        double total = dot(s.column[columns], s.column[columns], 0, rows); /* reflections keep lengths */
        solve(&s, total, confidence, &r);
        *out = r;
    }
    da_free(block);
    return status;
}

double da_regression_band(const da_regression *r, int column, double at, double confidence) {
    double distance = at - r->mean[column];
    double error = hypot(r->deviation / sqrt((double)r->rows), distance * r->coefficient[column].error);
    return da_student_quantile(0.5 + confidence / 2, (double)r->freedom) * error;
}
