/* Linear regression by ordinary least squares, with Student's intervals: what a table of experiments is judged by.
 *
 *     y = intercept + b_1 x_1 + ... + b_p x_p + noise          rows: experiments, columns x_k: what was varied
 *
 * Columns are centred and scaled, then made triangular by Householder reflections (Golub and Van Loan, "Matrix
 * Computations", section 5.3), never through the normal equations, whose condition is the square. All in double.
 *
 * An interval is b +- t s_b, with t the quantile of Student's distribution at rows - p - 1 degrees of freedom: right
 * for independent noise of one variance. Rows that share an experiment are not independent and make it too narrow.
 */
#ifndef DA_DEEPARC_REGRESSION_H
#define DA_DEEPARC_REGRESSION_H

#include "core/status.h"

#include <stdint.h>

enum { DA_MAX_REGRESSORS = 8 };

typedef struct da_coefficient {
    double value, error; /* error: its standard deviation */
    double low, high;    /* the interval */
} da_coefficient;

typedef struct da_regression {
    int     columns;
    int64_t rows, freedom;     /* freedom = rows - columns - 1 */
    double  intercept;
    da_coefficient coefficient[DA_MAX_REGRESSORS];
    double  deviation;         /* of the noise; NaN, as are errors and intervals, without a degree of freedom */
    double  determination;     /* R^2: the share of y's variance that is explained; NaN where y is constant */
    double  mean_y, mean[DA_MAX_REGRESSORS];
} da_regression;

/* x[k] is column k, of `rows` values as y is; 1 to DA_MAX_REGRESSORS columns; confidence within (0, 1), .95 for
   intervals of 95 %. Errors: DA_ERROR_ARGUMENT (columns, confidence, fewer rows than columns + 1), DA_ERROR_NUMERIC (a value that
   is not finite; a column that is constant or depends on those before it, named by its number), DA_ERROR_MEMORY. Cost
   O(rows columns^2). */
da_status da_regress(const double *y, const double *const *x, int columns, int64_t rows, double confidence,
                     da_regression *out);

/* Half the width of the interval for the mean of y where column k is `at` and all others are at their means. */
double da_regression_band(const da_regression *r, int column, double at, double confidence);

/* Pearson's correlation; NaN of fewer than two values, or where one side is constant. */
double da_pearson(const double *x, const double *y, int64_t count);

/* The regularised incomplete beta function I_x(a, b), for a, b > 0 and x in [0, 1], by Lentz's continued fraction
   (Abramowitz and Stegun 26.5.8); NaN elsewhere. Error below 1e-13 for small a, b, 1e-10 for 1e4. */
double da_beta_incomplete(double a, double b, double x);

/* Student's distribution of `freedom` > 0 degrees: the probability of less than t, and the t of a probability in
   (0, 1), by bisection to the last bits. NaN for anything else. */
double da_student_probability(double t, double freedom);
double da_student_quantile(double probability, double freedom);

#endif
