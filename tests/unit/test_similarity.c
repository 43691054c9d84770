/* Streamed CKA: against numpy, against its own definition, and against misuse. */
#include "tests/unit/test.h"
#include "tests/fixtures/cka.h"
#include "tests/fixtures/cka54.h"
#include "core/kernels/kernels.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/random.h"
#include "deeparc/gram.h"
#include "deeparc/similarity.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))
enum { FIXTURE_LAYERS = COUNT(cka_widths), FIXTURE_PAIRS = FIXTURE_LAYERS * FIXTURE_LAYERS, LARGEST_BATCH = 16 };

static float *normals(uint64_t which, int64_t count) {
    float *x = da_alloc((size_t)count * sizeof *x);
    for (int64_t i = 0; x && i < count; i++) x[i] = da_random_normal(7, da_stream(DA_RANDOM_TEST, which), (uint64_t)i);
    return x;
}

/* The fixture's batches first..last-1, fed to a new accumulator. */
static da_similarity *fixture(const da_similarity_options *options, int first, int last) {
    da_similarity *s = NULL;
    const float *features = cka_features;
    CHECK_OK(da_similarity_new(&s, FIXTURE_LAYERS, LARGEST_BATCH));
    CHECK_OK(da_similarity_choose(s, options));
    for (int b = 0; b < COUNT(cka_batches); b++) {
        for (int l = 0; l < FIXTURE_LAYERS; l++) {
            if (b >= first && b < last) CHECK_OK(da_similarity_observe(s, l, features, cka_batches[b], cka_widths[l]));
            features += cka_batches[b] * cka_widths[l];
        }
        if (b >= first && b < last) CHECK_OK(da_similarity_end_batch(s));
    }
    return s;
}

static void check_fixture(da_similarity_options options, const double *expected, const double *expected_error) {
    double matrix[FIXTURE_PAIRS], error[FIXTURE_PAIRS];
    da_similarity *s = fixture(&options, 0, COUNT(cka_batches));
    CHECK_OK(da_similarity_matrix(s, matrix, error));
    for (int i = 0; i < FIXTURE_PAIRS; i++) {
        CHECK_CLOSE(matrix[i], expected[i], 1e-7);
        CHECK_CLOSE(error[i], expected_error[i], 1e-7);
    }
    CHECK_INT(da_similarity_batches(s), COUNT(cka_batches));
    CHECK_INT(da_similarity_samples(s), 41);
    da_similarity_free(s);
}

static const da_similarity_options unbiased = { .hsic = DA_HSIC_UNBIASED }, biased = { .hsic = DA_HSIC_BIASED };

TEST(similarity_equals_numpy_unbiased) { check_fixture(unbiased, cka_unbiased, cka_unbiased_error); }
TEST(similarity_equals_numpy_biased)   { check_fixture(biased, cka_biased, cka_biased_error); }
TEST(similarity_equals_numpy_rbf) {
    check_fixture((da_similarity_options){ .kernel = DA_KERNEL_RBF, .sigma_fraction = 0.8 }, cka_rbf, cka_rbf_error);
}
TEST(similarity_equals_numpy_rsa) {
    check_fixture((da_similarity_options){ .comparison = DA_COMPARE_RSA }, cka_rsa, cka_rsa_error);
}

/* Whole numbers below 2^24, as make_cka54_fixture.py makes them. */
static uint32_t mix(uint32_t i, uint32_t k, uint32_t l) {
    uint32_t x = i * 2654435761u + k * 2246822519u + l * 3266489917u;
    x ^= x >> 15;
    x *= 2246822519u;
    x ^= x >> 13;
    return x >> 16;
}

static float feature(uint32_t layer, uint32_t i, uint32_t k) {
    return (float)(mix(i, k % 16, 0) * (54 - layer) + mix(i, k, layer + 1) * (layer + 6));
}

TEST(similarity_equals_numpy_on_54_layers_with_a_ragged_batch) {
    enum { LAYERS = 54, LARGEST = 64, WIDEST = 20 + 7 * LAYERS };
    float *x = da_alloc(LARGEST * WIDEST * sizeof *x);
    double *matrix = da_alloc(LAYERS * LAYERS * sizeof *matrix);
    da_similarity *s = NULL;
    int first = 0, at = 0;
    CHECK_OK(da_similarity_new(&s, LAYERS, LARGEST));
    for (int b = 0; b < COUNT(cka54_batches); first += cka54_batches[b++]) {
        for (int l = 0; l < LAYERS; l++) {
            int width = 20 + 7 * l;
            for (int i = 0; i < cka54_batches[b]; i++)
                for (int k = 0; k < width; k++)
                    x[i * width + k] = feature((uint32_t)l, (uint32_t)(first + i), (uint32_t)k);
            CHECK_OK(da_similarity_observe(s, l, x, cka54_batches[b], width));
        }
        CHECK_OK(da_similarity_end_batch(s));
    }
    CHECK_OK(da_similarity_matrix(s, matrix, NULL));
    for (int k = 0; k < LAYERS; k++) {
        CHECK(matrix[k * LAYERS + k] == 1);
        for (int l = k + 1; l < LAYERS; l++) CHECK_CLOSE(matrix[k * LAYERS + l], cka54_upper[at++], 1e-6);
    }
    CHECK_INT(at, COUNT(cka54_upper));
    da_similarity_free(s);
    da_free(matrix);
    da_free(x);
}

TEST(similarity_equals_numpy_procrustes) {
    check_fixture((da_similarity_options){ .comparison = DA_COMPARE_PROCRUSTES }, cka_procrustes, cka_procrustes_error);
}
TEST(similarity_equals_numpy_without_the_first_component) {
    check_fixture((da_similarity_options){ .without_first_component = true }, cka_deflated, cka_deflated_error);
}

TEST(similarity_matrix_is_symmetric_with_unit_diagonal) {
    double matrix[FIXTURE_PAIRS], error[FIXTURE_PAIRS];
    da_similarity *s = fixture(&unbiased, 0, 1);
    CHECK_OK(da_similarity_matrix(s, matrix, error));
    for (int k = 0; k < FIXTURE_LAYERS; k++)
        for (int l = 0; l < FIXTURE_LAYERS; l++) {
            double value = matrix[k * FIXTURE_LAYERS + l];
            CHECK(value == matrix[l * FIXTURE_LAYERS + k]);
            CHECK(k == l ? value == 1 : fabs(value) < 1);
            CHECK(k == l ? error[k * FIXTURE_LAYERS + l] == 0 : isnan(error[k * FIXTURE_LAYERS + l])); /* one batch has no spread */
        }
    da_similarity_free(s);
}

typedef void gram_reference(double *gram, const float *features, int64_t samples, int64_t width);

static void check_gram(bool centred, const char *kernels, int64_t n, int64_t width, const float *x) {
    int64_t stride = dai_gram_stride(n);
    double *fast = da_alloc_zero((size_t)(stride * stride), sizeof *fast);
    double *slow = da_alloc_zero((size_t)(stride * stride), sizeof *slow);
    float *scratch = da_alloc((size_t)dai_gram_centred_scratch(n) * sizeof *scratch);
    gram_reference *reference = centred ? dai_gram_centred_reference : dai_gram_reference;
    reference(slow, x, n, width);
    CHECK_OK(da_kernels_select(kernels));
    for (int threads = 1; threads <= 3; threads++) {
        da_threads_set(threads);
        if (centred) CHECK_INT(dai_gram_centred(fast, scratch, x, n, width), DA_GRAM_FINE);
        else dai_gram(fast, x, n, width);
        for (int64_t i = 0; i < n; i++)
            CHECK(memcmp(fast + i * stride + i, slow + i * stride + i, (size_t)(n - i) * sizeof *fast) == 0);
    }
    da_threads_set(0);
    da_kernels_select(NULL);
    da_free(scratch);
    da_free(fast);
    da_free(slow);
}

/* Sums in double of a few floats of one size are exact in any order. So elements and panels get sizes of their own, and
   the last samples are the first ones negated: means are nothing but the rounding of their sums. */
static void make_order_matter(float *x, int64_t n, int64_t width) {
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < width; k++) {
            float *at = &x[i * width + k];
            const float element = da_random_uniform(7, 1, (uint64_t)(i * width + k)),
                        panel = da_random_uniform(7, 2, (uint64_t)(k / 256));
            *at = i < n / 2 ? ldexpf(*at, (int)(50 * element + 40 * panel) - 45) : -x[(n - 1 - i) * width + k];
        }
}

TEST(gram_equals_three_loops_on_any_number_of_threads) {
    static const int64_t shapes[][2] = { { 2, 1 },    { 4, 31 },   { 63, 32 },  { 64, 33 },
                                         { 65, 100 }, { 130, 67 }, { 13, 257 }, { 30, 1100 }, { 18, 4500 } };
    for (int t = 0; t < COUNT(shapes); t++) {
        float *x = normals((uint64_t)t, shapes[t][0] * shapes[t][1]);
        check_gram(false, NULL, shapes[t][0], shapes[t][1], x);
        for (const da_kernels *const *k = da_kernels_list(); *k; k++)
            check_gram(true, (*k)->name, shapes[t][0], shapes[t][1], x);
        make_order_matter(x, shapes[t][0], shapes[t][1]);
        for (const da_kernels *const *k = da_kernels_list(); *k; k++)
            check_gram(true, (*k)->name, shapes[t][0], shapes[t][1], x);
        da_free(x);
    }
}

/* CKA of two layers of one batch. */
static double cka_by(const da_similarity_options *options, const float *a, int64_t width_a, const float *b,
                     int64_t width_b, int64_t n) {
    double matrix[4] = { 0 };
    da_similarity *s = NULL;
    CHECK_OK(da_similarity_new(&s, 2, n));
    CHECK_OK(da_similarity_choose(s, options));
    CHECK_OK(da_similarity_observe(s, 0, a, n, width_a));
    CHECK_OK(da_similarity_observe(s, 1, b, n, width_b));
    CHECK_OK(da_similarity_end_batch(s));
    CHECK_OK(da_similarity_matrix(s, matrix, NULL));
    da_similarity_free(s);
    return matrix[1];
}

static double cka_of(da_hsic hsic, const float *a, int64_t width_a, const float *b, int64_t width_b, int64_t n) {
    return cka_by(hsic == DA_HSIC_BIASED ? &biased : &unbiased, a, width_a, b, width_b, n);
}

/* One batch of all samples gives HSIC_1 of all samples, here from its definition as sums over distinct samples
   (Song et al. 2012, equation 5), not by U-centring. */
static double hsic_of(const float *a, const float *b, int n, int width) {
    double *k = da_alloc_zero((size_t)(2 * n * n), sizeof *k), *l = k + n * n, trace = 0, all_k = 0, all_l = 0, rows = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            for (int f = 0; f < width && i != j; f++) {
                k[i * n + j] += (double)a[i * width + f] * (double)a[j * width + f];
                l[i * n + j] += (double)b[i * width + f] * (double)b[j * width + f];
            }
    for (int i = 0; i < n; i++) {
        double row_k = 0, row_l = 0;
        for (int j = 0; j < n; j++) {
            row_k += k[i * n + j];
            row_l += l[i * n + j];
            trace += k[i * n + j] * l[i * n + j];
        }
        all_k += row_k;
        all_l += row_l;
        rows += row_k * row_l;
    }
    da_free(k);
    return (trace + all_k * all_l / ((n - 1.0) * (n - 2)) - 2 * rows / (n - 2)) / (n * (n - 3.0));
}

TEST(similarity_of_one_batch_is_the_full_estimate) {
    enum { N = 48, WIDTH = 10 };
    float *a = normals(60, N * WIDTH), *b = normals(61, N * WIDTH);
    for (int i = 0; i < N * WIDTH; i++) b[i] += 0.7f * a[i] + 3;
    double full = hsic_of(a, b, N, WIDTH) / sqrt(hsic_of(a, a, N, WIDTH) * hsic_of(b, b, N, WIDTH));
    CHECK_CLOSE(cka_of(DA_HSIC_UNBIASED, a, WIDTH, b, WIDTH, N), full, 1e-7);
    da_free(a);
    da_free(b);
}

/* Independent features have no first component in common, and a strong one in each makes them look alike. */
TEST(similarity_without_the_first_component_does_not_see_it) {
    enum { N = 64, WIDTH = 40 };
    float *a = normals(70, N * WIDTH), *b = normals(71, N * WIDTH);
    for (int i = 9 * WIDTH; i < 15 * WIDTH; i++) {
        a[i] += 20; /* images 9 to 14 dominate both */
        b[i] -= 30;
    }
    const da_similarity_options without = { .without_first_component = true };
    CHECK(cka_of(DA_HSIC_UNBIASED, a, WIDTH, b, WIDTH, N) > 0.9);
    CHECK_CLOSE(cka_by(&without, a, WIDTH, b, WIDTH, N), 0, 0.05);
    da_free(a);
    da_free(b);
}

TEST(similarity_finds_first_components) {
    enum { N = 12, WIDTH = 5 };
    float *x = normals(80, N * WIDTH);
    da_similarity *s = NULL;
    double sum = 0;
    for (int k = 0; k < WIDTH; k++) x[7 * WIDTH + k] += 40;
    CHECK_OK(da_similarity_new(&s, 1, N));
    CHECK_FAILS(da_similarity_choose(s, &(da_similarity_options){ .comparison = DA_COMPARE_RSA,
                                                                  .without_first_component = true }),
                DA_ERROR_ARGUMENT, "linear CKA, not to RSA");
    CHECK_OK(da_similarity_choose(s, &(da_similarity_options){ .find_first_component = true }));
    CHECK_OK(da_similarity_observe(s, 0, x, N, WIDTH));
    da_first_component first = da_similarity_first_component(s, 0);
    const double *squares = da_similarity_projections(s, 0);
    for (int i = 0; i < N; i++) sum += squares[i];
    CHECK_CLOSE(sum / first.value, 1, 1e-9);
    CHECK(squares[7] / first.value > 0.85 && first.value / first.trace > 0.9 && first.value < first.trace);
    da_similarity_free(s);
    da_free(x);
}

/* Independent Gaussian features, 64 times as many as samples: nothing is similar, and only one estimator says so. */
TEST(similarity_of_independent_features_is_zero_only_unbiased) {
    enum { N = 256, WIDTH = 64 * N };
    float *a = normals(10, N * WIDTH), *b = normals(11, N * WIDTH);
    CHECK_CLOSE(cka_of(DA_HSIC_UNBIASED, a, WIDTH, b, WIDTH, N), 0, 0.02);
    CHECK_CLOSE(cka_of(DA_HSIC_BIASED, a, WIDTH, b, WIDTH, N), 0.985, 0.01);
    CHECK_CLOSE(cka_of(DA_HSIC_BIASED, a, WIDTH, b, WIDTH / 64, N), da_similarity_noise(N, WIDTH, WIDTH / 64), 0.01);
    CHECK_CLOSE(da_similarity_noise(N, WIDTH, WIDTH), 64.0 / 65, 1e-12);
    da_free(a);
    da_free(b);
}

TEST(similarity_ignores_rotation_scale_and_shift) {
    enum { N = 32, WIDTH = 6 };
    float *a = normals(20, N * WIDTH), *b = normals(21, N * WIDTH), *turned = normals(22, N * WIDTH);
    for (int i = 0; i < N * WIDTH; i++) b[i] += a[i];
    for (int i = 0; i < N; i++)
        for (int k = 0; k < WIDTH; k += 2) { /* turn pairs of features by 3-4-5, scale by 7, shift by 2 */
            float p = a[i * WIDTH + k], q = a[i * WIDTH + k + 1];
            turned[i * WIDTH + k] = 7 * (0.6f * p - 0.8f * q) + 2;
            turned[i * WIDTH + k + 1] = 7 * (0.8f * p + 0.6f * q) + 2;
        }
    const da_similarity_options measures[] = { unbiased, biased, { .kernel = DA_KERNEL_RBF },
                                               { .comparison = DA_COMPARE_RSA },
                                               { .comparison = DA_COMPARE_PROCRUSTES },
                                               { .without_first_component = true } };
    for (int m = 0; m < COUNT(measures); m++) {
        double before = cka_by(&measures[m], a, WIDTH, b, WIDTH, N);
        CHECK_CLOSE(cka_by(&measures[m], a, WIDTH, turned, WIDTH, N), 1, 1e-6);
        CHECK_CLOSE(cka_by(&measures[m], turned, WIDTH, b, WIDTH, N), before, 1e-6);
        CHECK(before < 0.99);
    }
    da_free(a);
    da_free(b);
    da_free(turned);
}

/* A dead layer is named whatever the measure; nothing is NaN. */
static void check_dead(const da_similarity_options *options) {
    enum { N = 8, WIDTH = 3 };
    float *good = normals(30, 2 * N * WIDTH), zero[N * WIDTH] = { 0 }, constant[N * WIDTH], broken[N * WIDTH] = { 0 };
    double matrix[25], error[25];
    da_similarity *s = NULL;
    for (int i = 0; i < N * WIDTH; i++) constant[i] = 0.1f * (float)(1 + i % WIDTH);
    broken[5] = (float)NAN;
    CHECK_OK(da_similarity_new(&s, 5, N));
    CHECK_OK(da_similarity_choose(s, options));
    for (int b = 0; b < 2; b++) {
        const float *layers[] = { good, zero, constant, b == 0 ? broken : good, good + N * WIDTH };
        for (int l = 0; l < 5; l++) CHECK_OK(da_similarity_observe(s, l, layers[l], N, WIDTH));
        CHECK_OK(da_similarity_end_batch(s));
    }
    CHECK_OK(da_similarity_matrix(s, matrix, error));
    CHECK_INT(da_similarity_state(s, 0), DA_LAYER_ALIVE);
    CHECK_INT(da_similarity_state(s, 1), DA_LAYER_ZERO);
    CHECK_INT(da_similarity_state(s, 2), DA_LAYER_CONSTANT);
    CHECK_INT(da_similarity_state(s, 3), DA_LAYER_NOT_FINITE);
    CHECK_TEXT(da_layer_state_reason(da_similarity_state(s, 3)), "a feature is NaN or infinite");
    for (int i = 0; i < 25; i++) CHECK(isfinite(matrix[i]));
    for (int l = 1; l < 4; l++) CHECK(matrix[l] == 0 && matrix[l * 5 + l] == 1 && isnan(error[l]));
    CHECK_CLOSE(matrix[4], cka_by(options, good, WIDTH, good + N * WIDTH, WIDTH, N), 1e-12);
    CHECK_CLOSE(error[4], 0, 1e-7); /* the same batch twice */
    da_similarity_free(s);
    da_free(good);
}

TEST(similarity_names_dead_layers_and_keeps_the_others) {
    check_dead(&unbiased);
    check_dead(&biased);
    check_dead(&(da_similarity_options){ .kernel = DA_KERNEL_RBF });
    check_dead(&(da_similarity_options){ .comparison = DA_COMPARE_RSA });
    check_dead(&(da_similarity_options){ .comparison = DA_COMPARE_PROCRUSTES });
    check_dead(&(da_similarity_options){ .without_first_component = true });
}

/* Two batches, saved after the first: the sums come back to the bit. */
TEST(similarity_goes_on_from_what_was_saved) {
    double whole[FIXTURE_PAIRS], halves[FIXTURE_PAIRS], whole_error[FIXTURE_PAIRS], halves_error[FIXTURE_PAIRS];
    da_similarity *all = fixture(&unbiased, 0, COUNT(cka_batches)), *first = fixture(&unbiased, 0, 1), *second = NULL;
    da_json_writer w;
    da_json *root = NULL;
    char *text = NULL;
    size_t size = 0;
    const float *features = cka_features;
    da_json_writer_init(&w, false);
    da_json_begin_object(&w);
    da_similarity_save(first, &w);
    da_json_end(&w);
    CHECK_OK(da_json_finish(&w, &text, &size));
    CHECK_OK(da_json_parse(&root, text, size, "saved"));
    CHECK_OK(da_similarity_new(&second, FIXTURE_LAYERS, LARGEST_BATCH));
    CHECK_OK(da_similarity_restore(second, root));
    for (int b = 0; b < COUNT(cka_batches); b++) {
        for (int l = 0; l < FIXTURE_LAYERS; l++) {
            if (b > 0) CHECK_OK(da_similarity_observe(second, l, features, cka_batches[b], cka_widths[l]));
            features += cka_batches[b] * cka_widths[l];
        }
        if (b > 0) CHECK_OK(da_similarity_end_batch(second));
    }
    CHECK_OK(da_similarity_matrix(all, whole, whole_error));
    CHECK_OK(da_similarity_matrix(second, halves, halves_error));
    CHECK(memcmp(whole, halves, sizeof whole) == 0 && memcmp(whole_error, halves_error, sizeof whole_error) == 0);
    da_similarity_free(first);
    CHECK_OK(da_similarity_new(&first, FIXTURE_LAYERS + 1, LARGEST_BATCH));
    CHECK_FAILS(da_similarity_restore(first, root), DA_ERROR_FORMAT, "of 5 layers, 6");
    da_similarity_free(first);
    da_similarity_free(second);
    da_similarity_free(all);
    da_json_free(root);
    da_free(text);
}

TEST(similarity_survives_features_at_the_ends_of_the_range) {
    enum { N = 16, WIDTH = 4 };
    float *a = normals(40, N * WIDTH), *huge = normals(40, N * WIDTH), *tiny = normals(40, N * WIDTH);
    for (int i = 0; i < N * WIDTH; i++) {
        huge[i] *= 1e37f;
        tiny[i] *= 1e-30f;
    }
    CHECK_CLOSE(cka_of(DA_HSIC_UNBIASED, a, WIDTH, huge, WIDTH, N), 1, 1e-6);
    CHECK_CLOSE(cka_of(DA_HSIC_UNBIASED, tiny, WIDTH, huge, WIDTH, N), 1, 1e-6);
    da_free(a);
    da_free(huge);
    da_free(tiny);
}

TEST(similarity_skips_batches_of_three_and_counts_them) {
    double matrix[FIXTURE_PAIRS];
    da_similarity *s = fixture(&unbiased, 0, COUNT(cka_batches));
    for (int l = 0; l < FIXTURE_LAYERS; l++) CHECK_OK(da_similarity_observe(s, l, cka_features, 3, cka_widths[l]));
    CHECK_OK(da_similarity_end_batch(s));
    CHECK_OK(da_similarity_matrix(s, matrix, NULL));
    for (int i = 0; i < FIXTURE_PAIRS; i++) CHECK_CLOSE(matrix[i], cka_unbiased[i], 1e-7);
    CHECK_INT(da_similarity_batches(s), COUNT(cka_batches));
    CHECK_INT(da_similarity_skipped(s), 1);
    da_similarity_free(s);
}

TEST(similarity_refuses_misuse_with_reasons) {
    double matrix[4];
    da_similarity *s = NULL;
    CHECK_FAILS(da_similarity_new(&s, 0, 256), DA_ERROR_ARGUMENT, "1 to 4096 layers");
    CHECK_FAILS(da_similarity_new(&s, 2, 3), DA_ERROR_ARGUMENT, "a batch of 3 samples");
    CHECK(s == NULL);
    CHECK_OK(da_similarity_new(&s, 2, 8));
    CHECK_FAILS(da_similarity_choose(s, &(da_similarity_options){ .sigma_fraction = -1 }), DA_ERROR_ARGUMENT,
                "positive");
    CHECK_FAILS(da_similarity_matrix(s, matrix, NULL), DA_ERROR_ARGUMENT, "a batch must have");
    CHECK_FAILS(da_similarity_end_batch(s), DA_ERROR_ARGUMENT, "layer 0 was not observed");
    CHECK_FAILS(da_similarity_observe(s, 2, cka_features, 8, 5), DA_ERROR_ARGUMENT, "layer 2 of 2");
    CHECK_FAILS(da_similarity_observe(s, 0, cka_features, 9, 5), DA_ERROR_SHAPE, "9 samples");
    CHECK_FAILS(da_similarity_observe(s, 0, cka_features, 8, 0), DA_ERROR_SHAPE, "0 features");
    CHECK_OK(da_similarity_observe(s, 0, cka_features, 8, 5));
    CHECK_FAILS(da_similarity_observe(s, 0, cka_features, 8, 5), DA_ERROR_ARGUMENT, "twice");
    CHECK_FAILS(da_similarity_observe(s, 1, cka_features, 7, 5), DA_ERROR_SHAPE, "7 samples");
    CHECK_FAILS(da_similarity_end_batch(s), DA_ERROR_ARGUMENT, "layer 1 was not observed");
    CHECK_FAILS(da_similarity_choose(s, &biased), DA_ERROR_ARGUMENT, "cannot change");
    CHECK_OK(da_similarity_observe(s, 1, cka_features, 8, 5));
    CHECK_OK(da_similarity_end_batch(s));
    CHECK_OK(da_similarity_matrix(s, matrix, NULL));
    CHECK_CLOSE(matrix[1], 1, 1e-12);
    da_similarity_free(s);
    da_similarity_free(NULL);
}

/* What choose allocates, too. */
TEST(similarity_survives_failed_allocations_of_a_measure) {
    static const da_similarity_options options[] = { { .comparison = DA_COMPARE_PROCRUSTES },
                                                     { .find_first_component = true } };
    for (int o = 0; o < COUNT(options); o++)
        for (int64_t k = 0; k < 2; k++) {
            da_similarity *s = NULL;
            CHECK_OK(da_similarity_new(&s, 3, 16));
            da_memory_fail_after(k);
            CHECK_FAILS(da_similarity_choose(s, &options[o]), DA_ERROR_MEMORY, "similarity of 3 layers");
            da_memory_fail_after(-1);
            da_similarity_free(s);
        }
}

TEST(similarity_survives_every_failed_allocation) {
    da_similarity *s = NULL;
    int64_t k = 0;
    for (;; k++) {
        da_memory_fail_after(k);
        da_status status = da_similarity_new(&s, 3, 16);
        da_memory_fail_after(-1);
        if (status == DA_OK) break;
        CHECK_INT(status, DA_ERROR_MEMORY);
        CHECK(s == NULL && strstr(da_error_message(), "similarity of 3 layers"));
    }
    CHECK(k > 5);
    CHECK(da_similarity_bytes(s) > 0);
    da_similarity_free(s);
}
