/* Least squares and Student's distribution against closed forms, tables and numpy. */
#include "tests/unit/test.h"
#include "core/memory.h"
#include "core/random.h"
#include "deeparc/regression.h"

TEST(beta_incomplete_equals_closed_forms) {
    CHECK_CLOSE(da_beta_incomplete(2, 3, 0.5), 0.6875, 1e-14); /* 6x^2 - 8x^3 + 3x^4 */
    CHECK_CLOSE(da_beta_incomplete(1, 1, 0.3), 0.3, 1e-15);
    for (int i = 1; i < 20; i++) {
        double x = i / 20.0, a = 0.1 * i + 0.2, b = 3.7 - 0.1 * i;
        CHECK_CLOSE(da_beta_incomplete(0.5, 0.5, x), 2 / acos(-1.0) * asin(sqrt(x)), 1e-13);
        CHECK_CLOSE(da_beta_incomplete(a, 1, x), pow(x, a), 1e-14);
        CHECK_CLOSE(da_beta_incomplete(a, b, x) + da_beta_incomplete(b, a, 1 - x), 1, 1e-13);
    }
    CHECK(da_beta_incomplete(2, 3, 0) <= 0 && da_beta_incomplete(2, 3, 1) >= 1);
    CHECK(isnan(da_beta_incomplete(0, 1, 0.5)) && isnan(da_beta_incomplete(1, 1, 1.5)));
    CHECK(isnan(da_beta_incomplete(1, 1, (double)NAN)));
}

TEST(student_quantiles_equal_the_tables) {
    static const struct { double probability, freedom, t; } known[] = {
        { 0.975, 1, 12.706204736174698 },  { 0.975, 2, 4.302652729749464 },   { 0.975, 5, 2.5705818356363146 },
        { 0.975, 10, 2.2281388519862744 }, { 0.975, 30, 2.0422724563012378 }, { 0.95, 10, 1.8124611228107335 },
        { 0.995, 4, 4.604094871349993 },   { 0.975, 1e7, 1.959964 }
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        double t = da_student_quantile(known[i].probability, known[i].freedom);
        CHECK_CLOSE(t, known[i].t, i == 7 ? 1e-6 : 1e-10);
        CHECK_CLOSE(da_student_probability(t, known[i].freedom), known[i].probability, i == 7 ? 1e-9 : 1e-12);
        CHECK_CLOSE(da_student_quantile(1 - known[i].probability, known[i].freedom), -t, 1e-9 * t);
    }
    for (double t = -5; t <= 5; t += 0.5) /* closed forms for one and two degrees of freedom */
        for (int freedom = 1; freedom <= 2; freedom++)
            CHECK_CLOSE(da_student_probability(t, freedom),
                        freedom == 1 ? 0.5 + atan(t) / acos(-1.0) : 0.5 + t / (2 * sqrt(2 + t * t)), 1e-13);
    CHECK_CLOSE(da_student_quantile(0.5, 3), 0, 0);
    CHECK(isnan(da_student_quantile(0, 3)) && isnan(da_student_quantile(1, 3)) && isnan(da_student_quantile(0.9, 0)));
    CHECK(isnan(da_student_quantile((double)NAN, 3)) && isnan(da_student_probability((double)NAN, 3)));
}

TEST(pearson_of_lines_and_constants) {
    double x[5] = { 1, 2, 3, 4, 5 }, up[5] = { 3, 5, 7, 9, 11 }, down[5] = { 0, -1, -2, -3, -4 };
    double same[5] = { 0.1, 0.1, 0.1, 0.1, 0.1 }, y[5] = { 2, 1, 4, 3, 5 };
    CHECK_CLOSE(da_pearson(x, up, 5), 1, 1e-15);
    CHECK_CLOSE(da_pearson(x, down, 5), -1, 1e-15);
    CHECK_CLOSE(da_pearson(x, y, 5), 0.8, 1e-15);
    CHECK(isnan(da_pearson(x, same, 5)) && isnan(da_pearson(same, x, 5)) && isnan(da_pearson(x, y, 1)));
}

/* y = 2 + 3a - b, without noise. */
TEST(regression_finds_an_exact_plane) {
    double a[6] = { 1, 2, 3, 4, 5, 6 }, b[6] = { 2, 0, 1, 5, 3, 3 }, y[6];
    const double *x[2] = { a, b };
    da_regression r;
    for (int i = 0; i < 6; i++) y[i] = 2 + 3 * a[i] - b[i];
    CHECK_OK(da_regress(y, x, 2, 6, 0.95, &r));
    CHECK_CLOSE(r.intercept, 2, 1e-12);
    CHECK_CLOSE(r.coefficient[0].value, 3, 1e-13);
    CHECK_CLOSE(r.coefficient[1].value, -1, 1e-13);
    CHECK_CLOSE(r.deviation, 0, 1e-13);
    CHECK_CLOSE(r.determination, 1, 1e-13);
    CHECK_INT(r.freedom, 3);
}

/* One column: the textbook's formulas. */
TEST(regression_on_one_column_equals_the_formulas) {
    enum { N = 40 };
    double x[N], y[N], mx = 0, my = 0, xx = 0, xy = 0, rest = 0;
    const double *columns[1] = { x };
    for (int i = 0; i < N; i++) {
        x[i] = 1000 + i * 0.37;
        y[i] = 5 - 0.02 * x[i] + 0.1 * (double)da_random_normal(3, da_stream(DA_RANDOM_TEST, 7), (uint64_t)i);
        mx += x[i] / N;
        my += y[i] / N;
    }
    for (int i = 0; i < N; i++) {
        xx += (x[i] - mx) * (x[i] - mx);
        xy += (x[i] - mx) * (y[i] - my);
    }
    double slope = xy / xx;
    for (int i = 0; i < N; i++) rest += pow(y[i] - my - slope * (x[i] - mx), 2);
    double error = sqrt(rest / (N - 2) / xx), t = 2.0243941639119702; /* of 38 degrees of freedom */
    da_regression r;
    CHECK_OK(da_regress(y, columns, 1, N, 0.95, &r));
    CHECK_CLOSE(r.coefficient[0].value, slope, 1e-12);
    CHECK_CLOSE(r.coefficient[0].error, error, 1e-12);
    CHECK_CLOSE(r.coefficient[0].low, slope - t * error, 1e-11);
    CHECK_CLOSE(r.coefficient[0].high, slope + t * error, 1e-11);
    CHECK_CLOSE(r.determination, pow(da_pearson(x, y, N), 2), 1e-11);
    CHECK_CLOSE(da_regression_band(&r, 0, mx, 0.95), t * r.deviation / sqrt(N), 1e-11);
}

/* Three correlated columns; values by numpy in double (normal equations of the centred columns, solved by lstsq). */
TEST(regression_on_three_columns_equals_numpy) {
    static const double depth[12] = { 8, 8, 8, 14, 14, 14, 20, 20, 20, 32, 32, 44 };
    static const double share[12] = { 0.25, 0.5, 1, 0.25, 0.5, 1, 0.25, 0.5, 1, 0.5, 1, 1 };
    static const double classes[12] = { 2, 5, 10, 10, 2, 5, 5, 10, 2, 2, 5, 10 };
    static const double y[12] = { 0.21, 0.2, 0.11, 0.25, 0.31, 0.24, 0.42, 0.33, 0.41, 0.61, 0.58, 0.72 };
    const double *x[3] = { depth, share, classes };
    static const double value[3] = { 0.017081067623962803, -0.04869397456978659, -0.009915381860215233 };
    static const double error[3] = { 0.00045713289939652965, 0.015792265419194665, 0.001415861849860193 };
    da_regression r;
    CHECK_OK(da_regress(y, x, 3, 12, 0.95, &r));
    for (int k = 0; k < 3; k++) {
        CHECK_CLOSE(r.coefficient[k].value, value[k], 1e-12);
        CHECK_CLOSE(r.coefficient[k].error, error[k], 1e-12);
        CHECK_CLOSE(r.coefficient[k].high - r.coefficient[k].value, 2.3060041352041662 * error[k], 1e-10);
    }
    CHECK_CLOSE(r.intercept, 0.12038787045026558, 1e-12);
    CHECK_CLOSE(r.determination, 0.9947285985045624, 1e-12);
}

TEST(regression_covers_the_truth_as_often_as_it_says) {
    enum { N = 20, TRIALS = 2000 };
    double x[N], y[N];
    const double *columns[1] = { x };
    int covered = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        for (int i = 0; i < N; i++) {
            x[i] = i % 5;
            y[i] = 1 + 0.5 * x[i] +
                   (double)da_random_normal(11, da_stream(DA_RANDOM_TEST, 8), (uint64_t)(trial * N + i));
        }
        da_regression r;
        CHECK_OK(da_regress(y, columns, 1, N, 0.95, &r));
        covered += r.coefficient[0].low <= 0.5 && 0.5 <= r.coefficient[0].high;
    }
    CHECK_CLOSE((double)covered / TRIALS, 0.95, 0.015); /* three deviations */
}

TEST(regression_without_freedom_has_no_intervals) {
    double a[3] = { 1, 2, 4 }, b[3] = { 0, 1, 0 }, y[3] = { 1, 2, 7 };
    const double *x[2] = { a, b };
    da_regression r;
    CHECK_OK(da_regress(y, x, 2, 3, 0.95, &r));
    CHECK_CLOSE(r.coefficient[0].value, 2, 1e-13);
    CHECK(r.freedom == 0 && isnan(r.coefficient[0].error) && isnan(r.coefficient[0].low) && isnan(r.deviation));
    double same[3] = { 4, 4, 4 };
    CHECK_OK(da_regress(same, x, 1, 3, 0.95, &r));
    CHECK_CLOSE(r.coefficient[0].value, 0, 1e-15);
    CHECK(isnan(r.determination));
}

TEST(regression_refuses_what_it_cannot_answer) {
    double a[4] = { 1, 2, 3, 4 }, twice[4] = { 2, 4, 6, 8 }, same[4] = { 0.1, 0.1, 0.1, 0.1 }, y[4] = { 1, 3, 2, 5 };
    double bad[4] = { 1, 2, (double)NAN, 4 };
    const double *x[3] = { a, twice, same };
    da_regression r = { .columns = 77 };
    CHECK_FAILS(da_regress(y, x, 2, 4, 0.95, &r), DA_ERROR_NUMERIC, "column 1 depends");
    CHECK_FAILS(da_regress(y, x + 2, 1, 4, 0.95, &r), DA_ERROR_NUMERIC, "column 0 is constant");
    CHECK_FAILS(da_regress(y, x, 2, 2, 0.95, &r), DA_ERROR_ARGUMENT, "too few");
    CHECK_FAILS(da_regress(y, x, 0, 4, 0.95, &r), DA_ERROR_ARGUMENT, "0 columns");
    CHECK_FAILS(da_regress(y, x, 1, 4, 1, &r), DA_ERROR_ARGUMENT, "confidence 1");
    CHECK_FAILS(da_regress(bad, x, 1, 4, 0.95, &r), DA_ERROR_NUMERIC, "not finite");
    const double *worse[1] = { bad };
    CHECK_FAILS(da_regress(y, worse, 1, 4, 0.95, &r), DA_ERROR_NUMERIC, "value 2 of column 0");
    da_memory_fail_after(0);
    CHECK_FAILS(da_regress(y, x, 1, 4, 0.95, &r), DA_ERROR_MEMORY, "memory");
    da_memory_fail_after(-1);
    CHECK_INT(r.columns, 77);
}
