/* Probes: against a minimiser of another kind, on data with a known answer, and on bad data. */
#include "tests/unit/test.h"

#include "core/memory.h"
#include "core/random.h"
#include "deeparc/probe.h"

enum { N = 200, T = 100, D = 6, K = 3 };

static float learn_x[N * D], test_x[T * D];
static uint8_t learn_y[N], test_y[T];

static double normal(uint64_t which, int i) {
    return (double)da_random_normal(5, da_stream(DA_RANDOM_TEST, which), (uint64_t)i);
}

/* Classes around three centres; `spread` tells how well they can be told apart. Feature D - 1 never varies. */
static void draw(double spread) {
    for (int set = 0; set < 2; set++)
        for (int i = 0; i < (set ? T : N); i++) {
            float *x = (set ? test_x : learn_x) + i * D;
            const int label = i % K;
            (set ? test_y : learn_y)[i] = (uint8_t)label;
            for (int d = 0; d < D; d++)
                x[d] = (float)((d == label ? 3.0 : 0.0) + spread * normal((uint64_t)(set * D + d), i) + 10 * d);
            x[D - 1] = 7;
        }
}

static const da_probe_data learn = { learn_x, learn_y, N }, unseen = { test_x, test_y, T };

TEST(probe_tells_separable_classes_apart) {
    da_probe_result r = { 0 };
    draw(0.3);
    for (int kind = DA_PROBE_RIDGE; kind <= DA_PROBE_SOFTMAX; kind++) {
        CHECK_OK(da_probe_fit((da_probe_kind)kind, &learn, &unseen, D, K, 0, &r));
        CHECK_CLOSE(r.accuracy, 1, 0);
    }
}

TEST(probe_learns_nothing_from_noise) {
    da_probe_result r = { 0 };
    draw(1);
    for (int i = 0; i < N; i++) learn_y[i] = (uint8_t)da_random_below(5, da_stream(DA_RANDOM_TEST, 90), (uint64_t)i, K);
    for (int kind = DA_PROBE_RIDGE; kind <= DA_PROBE_SOFTMAX; kind++) {
        CHECK_OK(da_probe_fit((da_probe_kind)kind, &learn, &unseen, D, K, 0, &r));
        CHECK(r.accuracy > 0.05 && r.accuracy < 0.75);
    }
}

/* The same minimum by another way: gradient descent with small steps on plain sums, ten thousand of them. */
static void standardise(double *x, const float *from, int count, const double *mean, const double *deviation) {
    for (int i = 0; i < count; i++)
        for (int d = 0; d < D; d++)
            x[i * D + d] = deviation[d] > 1e-6 ? ((double)from[i * D + d] - mean[d]) / deviation[d] : 0;
}

static double descend(double lambda) {
    static double x[N * D], t[T * D];
    double mean[D] = { 0 }, deviation[D] = { 0 }, w[D + 1][K] = { { 0 } };
    for (int i = 0; i < N * D; i++) mean[i % D] += (double)learn_x[i] / N;
    for (int i = 0; i < N * D; i++) deviation[i % D] += pow((double)learn_x[i] - mean[i % D], 2) / N;
    for (int d = 0; d < D; d++) deviation[d] = sqrt(deviation[d]);
    standardise(x, learn_x, N, mean, deviation);
    standardise(t, test_x, T, mean, deviation);
    for (int step = 0; step < 10000; step++) {
        double g[D + 1][K] = { { 0 } };
        for (int i = 0; i < N; i++) {
            double z[K], total = 0;
            for (int k = 0; k < K; k++) {
                z[k] = w[D][k];
                for (int d = 0; d < D; d++) z[k] += x[i * D + d] * w[d][k];
                total += exp(z[k]);
            }
            for (int k = 0; k < K; k++) {
                const double slope = (exp(z[k]) / total - (learn_y[i] == k)) / N;
                for (int d = 0; d < D; d++) g[d][k] += slope * x[i * D + d];
                g[D][k] += slope;
            }
        }
        for (int d = 0; d <= D; d++)
            for (int k = 0; k < K; k++) w[d][k] -= 0.5 * (g[d][k] + (d < D ? lambda * w[d][k] : 0));
    }
    int right = 0;
    for (int i = 0; i < T; i++) {
        double best = -1e300;
        int at = 0;
        for (int k = 0; k < K; k++) {
            double z = w[D][k];
            for (int d = 0; d < D; d++) z += t[i * D + d] * w[d][k];
            if (z > best) { best = z; at = k; }
        }
        right += at == test_y[i];
    }
    return (double)right / T;
}

TEST(probe_softmax_reaches_the_minimum) {
    da_probe_result r = { 0 };
    draw(2.5);
    CHECK_OK(da_probe_fit(DA_PROBE_SOFTMAX, &learn, &unseen, D, K, 0, &r));
    CHECK(r.accuracy > 0.5 && r.accuracy < 0.9);
    CHECK_CLOSE(r.accuracy, descend(r.lambda), 0.0101); /* one sample of difference, for what lies on the border */
    CHECK(r.reached && r.steps > 3 && r.steps < 20);
}

/* Classes that some samples show strongly and some hardly: steps behind a fixed bound of the curvature are 9 % above this
   minimum after 200 of them. The minimum is scipy's: tests/reference/make_probe_minimum.py draws the same numbers. */
enum { HARD_N = 300, HARD_D = 60, HARD_K = 4 };

static float next_number(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 16) / 65536;
}

TEST(probe_softmax_loss_is_that_of_scipy) {
    static float x[HARD_N * HARD_D];
    static uint8_t y[HARD_N];
    uint32_t state = 1;
    for (int i = 0; i < HARD_N; i++) {
        const float strength = next_number(&state);
        y[i] = (uint8_t)(i % HARD_K);
        for (int d = 0; d < HARD_D; d++) {
            x[i * HARD_D + d] = next_number(&state);
            if (d % HARD_K == y[i]) x[i * HARD_D + d] += 2 * strength * strength * strength;
        }
    }
    const da_probe_data hard = { x, y, HARD_N };
    da_probe_result r = { 0 };
    CHECK_OK(da_probe_fit(DA_PROBE_SOFTMAX, &hard, &hard, HARD_D, HARD_K, 0, &r));
    CHECK(r.reached && r.gradient <= DA_PROBE_GRADIENT);
    CHECK_CLOSE(r.loss, 0.250137257652, 1e-9);
}

TEST(probe_softmax_says_where_it_stopped_above_the_minimum) {
    da_probe_result r = { 0 };
    draw(2.5);
    CHECK_OK(da_probe_fit(DA_PROBE_SOFTMAX, &learn, &unseen, D, K, 1, &r));
    CHECK(r.steps == 1 && !r.reached && r.gradient > DA_PROBE_GRADIENT);
    const double above = r.loss;
    CHECK_OK(da_probe_fit(DA_PROBE_SOFTMAX, &learn, &unseen, D, K, 0, &r));
    CHECK(r.reached && r.gradient <= DA_PROBE_GRADIENT && r.loss < above);
}

TEST(probe_ridge_chooses_a_lambda_on_held_out_samples) {
    da_probe_result r = { 0 };
    draw(2.5);
    CHECK_OK(da_probe_fit(DA_PROBE_RIDGE, &learn, &unseen, D, K, 0, &r));
    CHECK(r.accuracy > 0.5 && r.accuracy < 0.9);
    CHECK(r.lambda >= 1e-4 && r.lambda <= 10);
    /* Held-out samples have no other say: with all their labels wrong the fit is one of the six, and still good. */
    for (int i = 4; i < N; i += 5) learn_y[i] = (uint8_t)((learn_y[i] + 1) % K);
    CHECK_OK(da_probe_fit(DA_PROBE_RIDGE, &learn, &unseen, D, K, 0, &r));
    CHECK(r.accuracy > 0.5);
}

TEST(probe_refuses_bad_data) {
    da_probe_result r = { 0 };
    draw(1);
    da_probe_data few = learn, none = unseen;
    few.samples = 9;
    none.samples = 0;
    CHECK_FAILS(da_probe_fit(DA_PROBE_RIDGE, &few, &unseen, D, K, 0, &r), DA_ERROR_ARGUMENT, "too few");
    CHECK_FAILS(da_probe_fit(DA_PROBE_RIDGE, &learn, &none, D, K, 0, &r), DA_ERROR_ARGUMENT, "too few");
    CHECK_FAILS(da_probe_fit(DA_PROBE_RIDGE, &learn, &unseen, DA_PROBE_WIDTH + 1, K, 0, &r), DA_ERROR_ARGUMENT, "4097");
    CHECK_FAILS(da_probe_fit(DA_PROBE_SOFTMAX, &learn, &unseen, D, 2, 0, &r), DA_ERROR_ARGUMENT, "label 2 of 2");
    test_x[8] = NAN;
    CHECK_FAILS(da_probe_fit(DA_PROBE_SOFTMAX, &learn, &unseen, D, K, 0, &r), DA_ERROR_NUMERIC, "feature 2 of test");
    draw(1);
    da_memory_fail_after(0);
    CHECK_FAILS(da_probe_fit(DA_PROBE_RIDGE, &learn, &unseen, D, K, 0, &r), DA_ERROR_MEMORY, "out of memory");
    da_memory_fail_after(-1);
}
