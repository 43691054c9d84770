/* The elementary functions against the C library in double, and the kernel tables against each other. */
#include "core/kernels/kernels.h"
#include "core/math.h"
#include "tests/unit/test.h"

#include <float.h>

typedef float one_float(float);
typedef double one_double(double);

static double sigmoid(double x) { return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)); }

static float of_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The difference in units of the last place of a float near the true value. */
static double error_in_ulp(float got, double truth) {
    int exponent;
    frexp(truth, &exponent);
    double ulp = fabs(truth) < (double)FLT_MIN ? 0x1p-149 : ldexp(1, exponent - 24);
    return fabs((double)got - truth) / ulp;
}

static void sweep(const char *name, one_float *f, one_double *truth, double allowed) {
    double worst = 0;
    float at = 0;
    for (uint64_t bits = 0; bits < UINT64_C(1) << 32; bits += 1009) {
        float x = of_bits((uint32_t)bits), y = f(x);
        double t = truth((double)x);
        bool same = isnan(x) || isnan(t) ? isnan(y) : isinf((float)t) && !isnan(y) && (double)y == (double)(float)t;
        if (same || error_in_ulp(y, t) <= worst) continue;
        worst = isnan(x) || isnan(t) || isinf((float)t) ? HUGE_VAL : error_in_ulp(y, t);
        at = x;
    }
    if (!(worst <= allowed))
        test_fail(__FILE__, __LINE__, "%s(%a) is off by %g ulp, allowed %g", name, (double)at, worst, allowed);
}

TEST(math_exp_within_its_bound)     { sweep("exp", da_expf, exp, 1.02); }
TEST(math_log_within_its_bound)     { sweep("log", da_logf, log, 0.92); }
TEST(math_tanh_within_its_bound)    { sweep("tanh", da_tanhf, tanh, 1.34); }
TEST(math_sigmoid_within_its_bound) { sweep("sigmoid", da_sigmoidf, sigmoid, 2.41); }
TEST(math_erf_within_its_bound)     { sweep("erf", da_erff, erf, 1.36); }

TEST(math_special_values) {
    float infinite = of_bits(0x7f800000u), nan = of_bits(0x7fc00000u), least = of_bits(1u);
    CHECK(da_expf(0.0f) == 1.0f && da_expf(-0.0f) == 1.0f && da_expf(-infinite) == 0.0f &&
          da_expf(infinite) == infinite);
    CHECK(da_expf(88.8f) == infinite && da_expf(FLT_MAX) == infinite && da_expf(-FLT_MAX) == 0.0f);
    CHECK(da_expf(-103.2f) == least && da_expf(-104.5f) == 0.0f); /* the last subnormal, and below */
    CHECK(da_logf(1.0f) == 0.0f && da_logf(0.0f) == -infinite && da_logf(-0.0f) == -infinite &&
          da_logf(infinite) == infinite);
    CHECK(isnan(da_logf(-1.0f)) && isnan(da_logf(-infinite)) && isnan(da_logf(-least)));
    CHECK_CLOSE(da_logf(least), -103.27893, 1e-5);
    CHECK(da_tanhf(infinite) == 1.0f && da_tanhf(-infinite) == -1.0f && signbit(da_tanhf(-0.0f)) &&
          da_tanhf(least) == least);
    CHECK(da_sigmoidf(infinite) == 1.0f && da_sigmoidf(-infinite) == 0.0f && da_sigmoidf(0.0f) == 0.5f);
    CHECK(da_erff(infinite) == 1.0f && da_erff(-infinite) == -1.0f && signbit(da_erff(-0.0f)));
    CHECK(isnan(da_expf(nan)) && isnan(da_logf(nan)) && isnan(da_tanhf(nan)) && isnan(da_sigmoidf(nan)) &&
          isnan(da_erff(nan)));
}

/* Every table gives the reference's bits; a NaN need only be a NaN, because its bits differ between processors. */
static void compare(const char *table, int f, int64_t n, const float *expected, const float *got, const float *x) {
    for (int64_t i = 0; i < n; i++)
        if (memcmp(&expected[i], &got[i], sizeof *got) != 0 && !(isnan(expected[i]) && isnan(got[i]))) {
            test_fail(__FILE__, __LINE__, "%s, function %d at %a: %a, the reference gives %a", table, f, (double)x[i],
                      (double)got[i], (double)expected[i]);
            return;
        }
}

TEST(math_kernel_tables_give_the_same_bits) {
    enum { N = 8209 };
    static float x[N], dy[N], expected[N], slope[N], y[N], dx[N];
    const da_kernels *const *tables = da_kernels_list();
    for (int part = 0; part < 40; part++)
        for (int f = 0; f < DA_UNARY_COUNT; f++) {
            for (uint32_t i = 0; i < N; i++) { /* all exponents; and, in every second part, the usual range */
                x[i] = of_bits((i + N * (uint32_t)part) * (part % 2 ? 13007u : 2654435761u));
                if (part % 2) x[i] = (float)((int)(i * 7919u % 40009u) - 20000) * (0.0005f + 0.0001f * (float)part);
                dy[i] = 1.0f + (float)(i % 17) * 0.1f;
            }
            int64_t n = N - part; /* rests of every length */
            tables[0]->unary((da_unary)f, n, x, expected);
            tables[0]->unary_backward((da_unary)f, n, x, expected, dy, slope);
            for (int k = 1; tables[k]; k++) {
                y[n - 1] = y[N - 1] = 77.0f;
                tables[k]->unary((da_unary)f, n, x, y);
                CHECK(n == N || y[N - 1] == 77.0f);
                tables[k]->unary_backward((da_unary)f, n, x, expected, dy, dx);
                compare(tables[k]->name, f, n, expected, y, x);
                compare(tables[k]->name, f, n, slope, dx, x);
            }
        }
}

TEST(math_activations_survive_infinities) {
    float infinite = of_bits(0x7f800000u), x[4] = { infinite, -infinite, 1e30f, -1e30f }, dy[4] = { 1, 1, 1, 1 };
    float y[4], dx[4];
    const da_unary both[2] = { DA_UNARY_SILU, DA_UNARY_GELU };
    for (int f = 0; f < 2; f++) {
        da_kernels_active()->unary(both[f], 4, x, y);
        da_kernels_active()->unary_backward(both[f], 4, x, y, dy, dx);
        CHECK(y[0] == infinite && y[1] == 0.0f && y[2] == 1e30f && y[3] == 0.0f);
        CHECK(dx[0] == 1.0f && dx[1] == 0.0f && dx[2] == 1.0f && dx[3] == 0.0f);
    }
}
