/* Every fast kernel gives the bits of its reference, over shapes made at random with a liking for the awkward. */
#include "tests/unit/test.h"
#include "core/kernels/channels.h"
#include "core/kernels/kernels.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/random.h"

#include <float.h>
#include <stdio.h>

enum { SEED = 20 };

static uint64_t draws;
static int64_t draw(int64_t least, int64_t most) {
    return least + da_random_below(SEED, da_stream(DA_RANDOM_TEST, 1), draws++, (uint32_t)(most - least + 1));
}

/* Numbers of all kinds: normal ones, zeros of both signs, subnormals; where `wild`, infinities and NaN too. */
static float *numbers(int64_t count, bool wild) {
    float *x = da_alloc((size_t)(count > 0 ? count : 1) * sizeof *x);
    const float odd[] = { 0.0f, -0.0f, FLT_MIN / 8, -FLT_MIN / 64, INFINITY, -INFINITY, NAN };
    for (int64_t i = 0; i < count; i++) {
        uint32_t kind = da_random_below(SEED, da_stream(DA_RANDOM_TEST, 2), draws, 64);
        x[i] = kind < (wild ? 7u : 4u) ? odd[kind] : da_random_normal(SEED, da_stream(DA_RANDOM_TEST, 3), draws);
        draws++;
    }
    return x;
}

/* Equal bits; any NaN equals any NaN, since which payload a NaN carries is not defined. */
static bool same(const float *a, const float *b, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (memcmp(&a[i], &b[i], sizeof *a) != 0 && !(isnan(a[i]) && isnan(b[i]))) return false;
    return true;
}

static da_convolution awkward_convolution(void) {
    const int64_t groups = draw(0, 3) ? 1 : draw(1, 4);
    da_convolution v = { .n = draw(1, draw(0, 5) ? 3 : 40), .h = draw(1, 19), .w = draw(1, 19),
                         .c = groups * draw(1, groups > 1 ? 9 : 70), .k = groups * draw(1, groups > 1 ? 9 : 70),
                         .r = draw(1, 5), .s = draw(1, 5), .stride = draw(1, 3),
                         .padding = draw(0, draw(0, 7) ? 2 : 22), .groups = groups };
    if (v.n > 3) v.h = v.w = draw(1, 5), v.c = groups * draw(1, 6), v.k = groups * draw(1, 6);
    if (draw(0, 3) == 0) { /* images as lanes */
        v.n = draw(1, 40), v.h = draw(1, 9), v.w = draw(1, 9), v.c = draw(1, 15), v.k = draw(1, 16);
        v.groups = v.stride = 1;
    }
    if (v.h + 2 * v.padding < v.r) v.r = v.h;
    if (v.w + 2 * v.padding < v.s) v.s = v.w;
    v.oh = (v.h + 2 * v.padding - v.r) / v.stride + 1;
    v.ow = (v.w + 2 * v.padding - v.s) / v.stride + 1;
    return v;
}

typedef struct passes { float *y, *dx, *dw, *db; } passes;

/* Images that a function makes, and images that only a sink sees. */
typedef struct rows { const float *values; int64_t row; } rows;

static void make_row(const void *context, int64_t row, float *to) {
    const rows *r = context;
    memcpy(to, r->values + row * r->row, (size_t)r->row * sizeof *to);
}

typedef struct images { float *to; int64_t n, image, group; } images;

static void keep_images(void *context, int64_t first, int64_t count, float *from, int worker) {
    const images *all = context;
    (void)worker;
    CHECK(first % all->group == 0 && count == (all->n - first < all->group ? all->n - first : all->group));
    memcpy(all->to + first * all->image, from, (size_t)(count * all->image) * sizeof *from);
}

/* group: 0, or how many images a sink gets at once; then all images are made and dx has a base. */
static passes run_passes(const da_convolution *v, const float *x, const float *w, const float *bias, const float *dy,
                         int64_t nw, int64_t group) {
    passes p = { da_alloc((size_t)(v->n * v->oh * v->ow * v->k) * 4), da_alloc((size_t)(v->n * v->h * v->w * v->c) * 4),
                 da_alloc((size_t)nw * 4), da_alloc((size_t)v->k * 4) };
    da_conv_forward forward = { .shape = *v, .x = { .values = x }, .w = w, .bias = bias, .y = p.y };
    da_conv_backward backward = { .shape = *v, .x = { .values = x }, .dy = { .values = dy }, .w = w, .dx = p.dx,
                                  .dw = p.dw, .db = p.db };
    const rows x_rows = { x, v->w * v->c }, dy_rows = { dy, v->ow * v->k };
    images all = { p.y, v->n, v->oh * v->ow * v->k, group };
    if (group) {
        forward.x = backward.x = (da_image_source){ .load = make_row, .context = &x_rows };
        backward.dy = (da_image_source){ .load = make_row, .context = &dy_rows };
        backward.base = x;
        forward.y = NULL;
        forward.sink = (da_image_sink){ group, keep_images, &all };
    }
    float *scratch = da_alloc((size_t)da_conv_forward_scratch(&forward) * sizeof *scratch);
    da_kernels_active()->conv_forward(&forward, scratch);
    da_free(scratch);
    scratch = da_alloc((size_t)da_conv_backward_scratch(&backward) * sizeof *scratch);
    da_kernels_active()->conv_backward(&backward, scratch);
    da_free(scratch);
    return p;
}

static void free_passes(passes p) { da_free(p.y); da_free(p.dx); da_free(p.dw); da_free(p.db); }

static void compare_convolution(const da_convolution *v, bool wild) {
    const int64_t nx = v->n * v->h * v->w * v->c, ny = v->n * v->oh * v->ow * v->k,
        nw = v->r * v->s * (v->c / v->groups) * v->k;
    float *x = numbers(nx, wild), *w = numbers(nw, wild), *dy = numbers(ny, wild),
        *bias = draw(0, 1) ? numbers(v->k, wild) : NULL;
    const int64_t group = draw(0, 1) ? draw(1, 8) : 0;
    const da_kernels *const *tables = da_kernels_list();
    da_kernels_select("reference");
    passes expected = run_passes(v, x, w, bias, dy, nw, group);
    for (int t = 1; tables[t]; t++) {
        da_kernels_select(tables[t]->name);
        passes actual = run_passes(v, x, w, bias, dy, nw, group);
        if (!same(actual.y, expected.y, ny) || !same(actual.dx, expected.dx, nx) ||
            !same(actual.dw, expected.dw, nw) || !same(actual.db, expected.db, v->k))
            test_fail(__FILE__, __LINE__,
                      "%s: N%d H%d W%d C%d K%d R%d S%d stride %d pad %d groups %d, sink %d: "
                      "forward %d data %d weights %d bias %d",
                      tables[t]->name, (int)v->n, (int)v->h, (int)v->w, (int)v->c, (int)v->k, (int)v->r, (int)v->s,
                      (int)v->stride, (int)v->padding, (int)v->groups, (int)group,
                      same(actual.y, expected.y, ny), same(actual.dx, expected.dx, nx),
                      same(actual.dw, expected.dw, nw), same(actual.db, expected.db, v->k));
        free_passes(actual);
    }
    free_passes(expected);
    da_free(x); da_free(w); da_free(dy); da_free(bias);
    da_kernels_select(NULL);
}

TEST(convolution_kernels_have_the_bits_of_the_reference) {
    draws = 0;
    for (int i = 0; i < 250 && !test_failed(); i++) {
        da_convolution v = awkward_convolution();
        compare_convolution(&v, i % 8 == 0);
    }
}

TEST(convolution_bits_do_not_depend_on_threads) {
    draws = 777;
    for (int i = 0; i < 20 && !test_failed(); i++) {
        da_convolution v = awkward_convolution();
        v.n = draw(1, 40);
        const int64_t nx = v.n * v.h * v.w * v.c, ny = v.n * v.oh * v.ow * v.k, nw = v.r * v.s * (v.c / v.groups) * v.k;
        float *x = numbers(nx, false), *w = numbers(nw, false), *dy = numbers(ny, false);
        da_threads_set(1);
        passes one = run_passes(&v, x, w, NULL, dy, nw, 0);
        for (int threads = 2; threads <= 8; threads += 3) {
            da_threads_set(threads);
            passes many = run_passes(&v, x, w, NULL, dy, nw, 0);
            CHECK(same(one.y, many.y, ny) && same(one.dx, many.dx, nx) && same(one.dw, many.dw, nw) &&
                  same(one.db, many.db, v.k));
            free_passes(many);
        }
        free_passes(one);
        da_free(x); da_free(w); da_free(dy);
        da_threads_set(0);
    }
}

/* A convolution that a reader can work out: 1 2 3 under the kernel 1 10 100 with padding 1. */
TEST(convolution_reference_is_right_by_hand) {
    const da_convolution v = { 1, 1, 3, 1, 1, 1, 3, 1, 1, 1, 3, 3 };
    const float x[3] = { 1, 2, 3 }, w[3] = { 1, 10, 100 }, dy[9] = { 0, 0, 0, 1, 2, 3, 0, 0, 0 };
    da_kernels_select("reference");
    passes p = run_passes(&v, x, w, NULL, dy, 3, 0);
    CHECK(p.y[3] == 210 && p.y[4] == 321 && p.y[5] == 32 && p.y[0] == 0 && p.y[8] == 0);
    CHECK(p.dw[0] == 1 * 2 + 2 * 3 && p.dw[1] == 1 + 4 + 9 && p.dw[2] == 2 * 1 + 3 * 2);
    CHECK(p.dx[0] == 1 * 10 + 2 * 1 && p.dx[1] == 1 * 100 + 2 * 10 + 3 && p.dx[2] == 2 * 100 + 3 * 10);
    free_passes(p);
    da_kernels_select(NULL);
}

TEST(matmul_kernels_have_the_bits_of_the_reference) {
    draws = 0;
    for (int i = 0; i < 200 && !test_failed(); i++) {
        const int64_t m = draw(1, i % 10 ? 40 : 200), n = draw(1, i % 10 ? 70 : 150), k = draw(0, i % 20 ? 40 : 2100);
        const bool ta = draw(0, 1), tb = draw(0, 1), with_bias = draw(0, 1), accumulate = draw(0, 1);
        float *a = numbers(m * k, i % 9 == 0), *b = numbers(k * n, i % 9 == 0), *bias = numbers(n, false),
            *start = numbers(m * n, false);
        float *expected = da_alloc((size_t)(m * n) * 4), *actual = da_alloc((size_t)(m * n) * 4);
        da_matmul_problem p = { .m = m, .n = n, .k = k, .a = a, .a_row = ta ? 1 : k, .a_column = ta ? m : 1, .b = b,
                                .b_row = tb ? 1 : n, .b_column = tb ? k : 1, .c_row = n,
                                .bias = with_bias ? bias : NULL, .accumulate = accumulate };
        float *scratch = da_alloc((size_t)da_matmul_scratch(&p) * 4);
        const da_kernels *const *tables = da_kernels_list();
        for (int t = 0; tables[t]; t++) {
            p.c = t ? actual : expected;
            memcpy(p.c, start, (size_t)(m * n) * 4);
            da_kernels_select(tables[t]->name);
            tables[t]->matmul(&p, scratch);
            if (!same(p.c, expected, m * n))
                test_fail(__FILE__, __LINE__, "%s: m %d n %d k %d, transposed %d %d", tables[t]->name, (int)m, (int)n,
                          (int)k, ta, tb);
        }
        da_free(a); da_free(b); da_free(bias); da_free(start); da_free(expected); da_free(actual); da_free(scratch);
        da_kernels_select(NULL);
    }
}

/* Every way of calling the routines over channels and arrays; out: ROUTINES arrays of pixels x channels. */
enum { ROUTINES = 2 + 3 * 4 + 4 + 3 };

static void run_channels(const da_kernels *k, int64_t pixels, int64_t channels, const float *x, const float *dy,
                         const float *y, float *const v[4], float **out) {
    k->channel_moments(pixels, channels, x, out[0], out[1]);
    out += 2;
    for (int mask = 0; mask < 3; mask++, out += 4) {
        const da_channel_gradient g = { dy, x, v[0], mask == 1 ? y : NULL, mask == 2 ? v[1] : NULL, v[2] };
        const da_channel_slope s = { v[1], v[2], v[3] };
        k->channel_gradient_sums(pixels, channels, &g, mask ? out[2] : NULL, out[0], out[1]);
        k->channel_gradient_affine(pixels, channels, &g, &s, out[3]);
    }
    for (int kind = 0; kind < 4; kind++, out++) {
        const da_channel_affine f = { v[0], v[1], kind & 1 ? dy : NULL, kind > 1 };
        k->channel_affine(pixels, channels, x, &f, *out);
    }
    k->sum(pixels * channels, x, dy, out[0]);
    k->relu(pixels * channels, x, out[1]);
    k->relu_backward(pixels * channels, y, dy, out[2]);
}

TEST(channel_kernels_have_the_bits_of_the_reference) {
    draws = 0;
    for (int i = 0; i < 300 && !test_failed(); i++) {
        const int64_t pixels = draw(1, 70), channels = draw(1, 70), count = pixels * channels;
        float *x = numbers(count, i % 9 == 0), *dy = numbers(count, i % 7 == 0), *y = numbers(count, i % 5 == 0);
        float *v[4], *out[2][ROUTINES];
        for (int j = 0; j < 4; j++) v[j] = numbers(channels, false);
        const da_kernels *const *tables = da_kernels_list();
        for (int t = 0; tables[t]; t++) {
            float **o = out[t > 0];
            for (int j = 0; j < ROUTINES; j++) o[j] = da_alloc_zero((size_t)count, sizeof(float));
            run_channels(tables[t], pixels, channels, x, dy, y, v, o);
            for (int j = 0; j < ROUTINES && t > 0; j++) {
                if (!same(o[j], out[0][j], count))
                    test_fail(__FILE__, __LINE__, "%s: result %d, %d pixels, %d channels", tables[t]->name, j,
                              (int)pixels, (int)channels);
                da_free(o[j]);
            }
        }
        for (int j = 0; j < ROUTINES; j++) da_free(out[0][j]);
        for (int j = 0; j < 4; j++) da_free(v[j]);
        da_free(x); da_free(dy); da_free(y);
    }
}

TEST(kernels_are_chosen_by_name) {
    CHECK_FAILS(da_kernels_select("avx1024"), DA_ERROR_ARGUMENT, "reference, portable");
    CHECK_OK(da_kernels_select("portable"));
    CHECK_TEXT(da_kernels_active()->name, "portable");
    CHECK_OK(da_kernels_select("auto"));
}
