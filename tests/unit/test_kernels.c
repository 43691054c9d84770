/* Every fast kernel gives the bits of its reference, over shapes made at random with a liking for the awkward. */
#include "tests/unit/test.h"
#include "core/kernels/channels.h"
#include "core/kernels/kernels.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/random.h"

#include <float.h>
#include <stdatomic.h>
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
    if (groups == 1 && draw(0, 2) == 0) { /* a shape that Winograd's algorithm is for */
        v.r = v.s = 3;
        v.stride = 1;
        v.padding = draw(v.h < 3 || v.w < 3 ? 1 : 0, 2);
        v.winograd = (int)(2 * draw(1, 2));
    }
    v.oh = (v.h + 2 * v.padding - v.r) / v.stride + 1;
    v.ow = (v.w + 2 * v.padding - v.s) / v.stride + 1;
    return v;
}

typedef struct passes { float *y, *dx, *dw, *db; } passes;

/* Images that a function makes, row by row or 16 as lanes, and images that only a sink sees. */
typedef struct rows { const float *values; int64_t row, height; } rows;

static void make_row(const void *context, int64_t row, float *to) {
    const rows *r = context;
    memcpy(to, r->values + row * r->row, (size_t)r->row * sizeof *to);
}

/* Lanes without an image hold NaN, which must not reach a result. `lines` is written over. */
static void make_lanes(const void *context, int64_t first, int images, float *to, float *lines) {
    const rows *r = context;
    const int64_t image = r->height * r->row;
    for (int64_t i = 0; i < image * 16; i++)
        to[i] = i % 16 < images ? r->values[(first + i % 16) * image + i / 16] : NAN;
    for (int64_t i = 0; i < r->row * 16; i++) lines[i] = NAN;
}

typedef struct images { float *to; int64_t n, image, group, row, height; } images;

static void keep_lanes(void *context, int64_t first, int count, int64_t y, float *from) {
    const images *all = context;
    const int64_t left = all->height - y, rows_here = left < all->group ? left : all->group;
    CHECK(y % all->group == 0);
    for (int64_t i = 0; i < rows_here * all->row * 16; i++) {
        if (i % 16 < count) all->to[(first + i % 16) * all->image + y * all->row + i / 16] = from[i];
        from[i] = NAN;
    }
}

static void keep_images(void *context, int64_t first, int64_t count, float *from, int worker) {
    const images *all = context;
    (void)worker;
    CHECK(first % all->group == 0 && count == (all->n - first < all->group ? all->n - first : all->group));
    memcpy(all->to + first * all->image, from, (size_t)(count * all->image) * sizeof *from);
}

/* group: 0, or how many images a sink gets at once; then all images are made and dx has a base. lanes: they are made,
   and given to the sink, as lanes where that is possible. */
typedef struct ways { int64_t group; bool lanes; const da_channel_affine *affine; } ways;

static passes run_passes(const da_kernels *kernels, const da_convolution *v, const float *x, const float *w,
                         const float *bias, const float *dy, int64_t nw, ways how) {
    const int64_t group = how.group;
    passes p = { da_alloc((size_t)(v->n * v->oh * v->ow * v->k) * 4), da_alloc((size_t)(v->n * v->h * v->w * v->c) * 4),
                 da_alloc((size_t)nw * 4), da_alloc((size_t)v->k * 4) };
    da_conv_forward forward = { .shape = *v, .x = { .values = x }, .w = w, .bias = bias, .y = p.y };
    da_conv_backward backward = { .shape = *v, .x = { .values = x }, .dy = { .values = dy }, .w = w, .dx = p.dx,
                                  .dw = p.dw, .db = p.db };
    const rows x_rows = { x, v->w * v->c, v->h }, dy_rows = { dy, v->ow * v->k, v->oh };
    images all = { p.y, v->n, v->oh * v->ow * v->k, group, v->ow * v->k, v->oh };
    forward.affine = how.affine;
    if (group) {
        forward.x = backward.x = (da_image_source){ .load = make_row, .context = &x_rows };
        backward.dy = (da_image_source){ .load = make_row, .context = &dy_rows };
        memcpy(p.dx, x, (size_t)(v->n * v->h * v->w * v->c) * sizeof *x);
        backward.base = group % 2 ? x : p.dx; /* the gradient may be added in place */
        forward.y = NULL;
        forward.sink = (da_image_sink){ .group = group, .done = keep_images, .context = &all };
    }
    if (group && how.lanes) {
        forward.x.load_lanes = backward.x.load_lanes = backward.dy.load_lanes = make_lanes;
        forward.sink.rows = group;
        forward.sink.done_lanes = keep_lanes;
    }
    float *scratch = da_alloc((size_t)da_conv_forward_scratch(kernels, &forward) * sizeof *scratch);
    da_conv_forward_run(kernels, &forward, scratch);
    da_free(scratch);
    scratch = da_alloc((size_t)da_conv_backward_scratch(kernels, &backward) * sizeof *scratch);
    da_conv_backward_run(kernels, &backward, scratch);
    da_free(scratch);
    return p;
}

static void free_passes(passes p) { da_free(p.y); da_free(p.dx); da_free(p.dw); da_free(p.db); }

static void compare_convolution(const da_convolution *v, bool wild) {
    const int64_t nx = v->n * v->h * v->w * v->c, ny = v->n * v->oh * v->ow * v->k,
        nw = v->r * v->s * (v->c / v->groups) * v->k;
    float *x = numbers(nx, wild), *w = numbers(nw, wild), *dy = numbers(ny, wild),
        *bias = draw(0, 1) ? numbers(v->k, wild) : NULL, *factor = draw(0, 1) ? numbers(v->k, wild) : NULL,
        *offset = numbers(v->k, wild);
    const da_channel_affine affine = { factor, offset, draw(0, 1) ? dy : NULL, draw(0, 1) };
    ways how = { .group = draw(0, 1) ? draw(1, 8) : 0, .lanes = draw(0, 1) };
    if (!(how.group && how.lanes) && draw(0, 1)) how.affine = &affine;
    const da_kernels *const *tables = da_kernels_list();
    passes expected = run_passes(tables[0], v, x, w, bias, dy, nw, how);
    for (int t = 1; tables[t]; t++) {
        passes actual = run_passes(tables[t], v, x, w, bias, dy, nw, how);
        if (!same(actual.y, expected.y, ny) || !same(actual.dx, expected.dx, nx) ||
            !same(actual.dw, expected.dw, nw) || !same(actual.db, expected.db, v->k))
            test_fail(__FILE__, __LINE__,
                      "%s: N%d H%d W%d C%d K%d R%d S%d stride %d pad %d groups %d winograd %d, sink %d, lanes %d, "
                      "affine %d: forward %d data %d weights %d bias %d",
                      tables[t]->name, (int)v->n, (int)v->h, (int)v->w, (int)v->c, (int)v->k, (int)v->r, (int)v->s,
                      (int)v->stride, (int)v->padding, (int)v->groups, v->winograd, (int)how.group, how.lanes,
                      how.affine != NULL,
                      same(actual.y, expected.y, ny), same(actual.dx, expected.dx, nx),
                      same(actual.dw, expected.dw, nw), same(actual.db, expected.db, v->k));
        free_passes(actual);
    }
    free_passes(expected);
    da_free(x); da_free(w); da_free(dy); da_free(bias); da_free(factor); da_free(offset);
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
        passes one = run_passes(da_kernels_active(), &v, x, w, NULL, dy, nw, (ways){ 0 });
        for (int threads = 2; threads <= 8; threads += 3) {
            da_threads_set(threads);
            passes many = run_passes(da_kernels_active(), &v, x, w, NULL, dy, nw, (ways){ 0 });
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
    const da_convolution v = { 1, 1, 3, 1, 1, 1, 3, 1, 1, 1, 3, 3, 0 };
    const float x[3] = { 1, 2, 3 }, w[3] = { 1, 10, 100 }, dy[9] = { 0, 0, 0, 1, 2, 3, 0, 0, 0 };
    da_kernels_select("reference");
    passes p = run_passes(da_kernels_active(), &v, x, w, NULL, dy, 3, (ways){ 0 });
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
            tables[t]->matmul(tables[t], &p, scratch);
            if (!same(p.c, expected, m * n))
                test_fail(__FILE__, __LINE__, "%s: m %d n %d k %d, transposed %d %d", tables[t]->name, (int)m, (int)n,
                          (int)k, ta, tb);
        }
        da_free(a); da_free(b); da_free(bias); da_free(start); da_free(expected); da_free(actual); da_free(scratch);
    }
}

/* How large the numbers of a problem are: products of faint ones are subnormal, those of huge ones overflow. */
static float *sized_numbers(int64_t count, int size, bool wild) {
    static const float factors[] = { 1.0f, 0x1p-66f, 0x1p-126f, 0x1p63f };
    float *x = numbers(count, wild);
    for (int64_t i = 0; i < count; i++) x[i] *= factors[size];
    return x;
}

static const float *maybe(const float *x) { return draw(0, 1) ? x : NULL; }

/* An array that holds what a kernel must not touch as well: both tables write over the same bytes. */
static float *copy_of(const float *x, int64_t count) {
    float *copy = da_alloc((size_t)count * sizeof *copy);
    memcpy(copy, x, (size_t)count * sizeof *copy);
    return copy;
}

/* Rows of a, b and c stand further apart than they are long, so that a step too far is seen. */
static void compare_matmul(int64_t m, int64_t n, int64_t k, bool ta, bool tb, bool wild) {
    const int64_t gap = draw(0, 3);
    const int size = (int)draw(0, 3);
    const int64_t lda = (ta ? m : k) + gap, ldb = (tb ? k : n) + gap, ldc = n + gap, count = m * ldc + 1;
    float *a = sized_numbers((ta ? k : m) * lda, size, wild),
          *b = sized_numbers((tb ? n : k) * ldb, (int)draw(0, 3), wild), *bias = sized_numbers(n, size, wild),
          *start = sized_numbers(count, size, wild), *expected = NULL;
    da_matmul_problem p = { .m = m, .n = n, .k = k, .a = a, .a_row = ta ? 1 : lda, .a_column = ta ? lda : 1, .b = b,
                            .b_row = tb ? 1 : ldb, .b_column = tb ? ldb : 1, .c_row = ldc, .bias = maybe(bias),
                            .accumulate = draw(0, 1) };
    float *scratch = da_alloc((size_t)(da_matmul_scratch(&p) + 1) * sizeof *scratch);
    for (const da_kernels *const *table = da_kernels_list(); *table; table++) {
        float *c = copy_of(start, count);
        p.c = c;
        (*table)->matmul(*table, &p, scratch);
        if (!expected) expected = c;
        else {
            if (!same(c, expected, count))
                test_fail(__FILE__, __LINE__, "%s: m %d n %d k %d, transposed %d %d", (*table)->name, (int)m, (int)n,
                          (int)k, ta, tb);
            da_free(c);
        }
    }
    da_free(a); da_free(b); da_free(bias); da_free(start); da_free(scratch); da_free(expected);
}

TEST(matmul_kernels_agree_on_thousands_of_problems) {
    draws = 0;
    for (int i = 0; i < 3000 && !test_failed(); i++)
        compare_matmul(draw(0, 40), draw(0, draw(0, 3) ? 40 : 150), draw(0, 40), draw(0, 1), draw(0, 1), i % 3 == 0);
}

/* All three sides are over 512, so that both operands are copied; the first has more rows than a chunk, the second more
   terms than a run. */
TEST(large_matmul_kernels_have_the_bits_of_the_reference) {
    draws = 0;
    compare_matmul(1155, 519, 514, false, false, false);
    compare_matmul(517, 530, 1033, true, true, false);
}

/* contract.h in plain loops. */
static void contract_plainly(const da_contraction *p) {
    for (int64_t band = 0; band < p->bands; band++)
        for (int64_t i = 0; i < p->m; i++)
            for (int64_t j = 0; j < p->n; j++) {
                const float *a = p->a + band * p->a_band + i * p->a_row;
                float *c = p->c + band * p->c_band + i * p->c_row + j;
                float acc = p->bias ? p->bias[j] : p->accumulate ? *c : 0.0f;
                for (const da_segment *s = p->segments; s < p->segments + p->segment_count; s++)
                    for (int64_t k = 0; k < s->length && i >= s->above && i < p->m - s->below; k++)
                        acc = fmaf(a[s->a + k * p->a_step], p->b[s->b + k * p->b_step + j], acc);
                *c = p->affine ? dai_affine_one(p->affine, j, c - p->c, acc) : acc;
            }
}

enum { MOST_SEGMENTS = 6 };

/* Segments lie anywhere in a and b, and may overlap, as the rows of an image do, or continue each other, as taps do; A's
   steps may be zero. */
static void compare_contraction(int case_number) {
    const int64_t m = draw(1, draw(0, 3) ? 17 : 40), n = draw(1, 70);
    const int64_t longest = draw(0, 12), count = draw(0, MOST_SEGMENTS), most_left_out = draw(0, 1) ? draw(1, 4) : 0;
    const int64_t a_row = draw(0, 20), a_step = draw(0, 20), b_step = n + draw(0, 5), c_row = n + draw(0, 5);
    const int64_t bands = draw(1, 3), a_band = draw(0, 40), c_band = m * c_row + draw(0, 9);
    const int64_t c_count = bands * c_band + 1, apart = 60;
    da_segment segments[MOST_SEGMENTS], joined[MOST_SEGMENTS];
    for (int64_t s = 0; s < count; s++) {
        segments[s] = (da_segment){ draw(0, apart), draw(0, apart), draw(0, 1) ? longest : draw(0, longest),
                                     draw(0, most_left_out), draw(0, most_left_out) };
        const da_segment *last = s ? &segments[s - 1] : NULL;
        if (last && draw(0, 1) && last->a + last->length * a_step <= apart && last->b + last->length * b_step <= apart) {
            segments[s].a = last->a + last->length * a_step;
            segments[s].b = last->b + last->length * b_step;
        }
    }
    const bool wild = case_number % 3 == 0;
    const int size = (int)draw(0, 3);
    float *a = sized_numbers(apart + bands * a_band + m * a_row + longest * a_step + 1, size, wild),
          *b = sized_numbers(apart + longest * b_step + n, (int)draw(0, 3), wild), *bias = sized_numbers(n, size, wild),
          *start = sized_numbers(c_count, size, wild), *expected = copy_of(start, c_count);
    da_contraction p = { .m = m, .n = n, .segments = segments, .segment_count = count,
                          .joined = most_left_out || draw(0, 1) ? joined : NULL, .a = a, .a_row = a_row, .a_step = a_step, .b = b, .b_step = b_step, .c = expected, .c_row = c_row,
                          .bands = bands, .a_band = a_band, .c_band = c_band, .bias = maybe(bias),
                          .accumulate = draw(0, 1) };
    const da_channel_affine affine = { maybe(bias), start, maybe(start), draw(0, 1) };
    if (n <= c_count && draw(0, 1)) p.affine = &affine;
    contract_plainly(&p);
    for (const da_kernels *const *table = da_kernels_list() + 1; *table; table++) {
        float *c = p.c = copy_of(start, c_count);
        (*table)->contract(&p);
        if (!same(c, expected, c_count))
            test_fail(__FILE__, __LINE__, "%s: case %d, m %d n %d length %d segments %d bands %d", (*table)->name,
                      case_number, (int)m, (int)n, (int)longest, (int)count, (int)bands);
        da_free(c);
    }
    da_free(a); da_free(b); da_free(bias); da_free(start); da_free(expected);
}

TEST(contraction_kernels_agree_with_plain_loops) {
    draws = 0;
    for (int i = 0; i < 3000 && !test_failed(); i++) compare_contraction(i);
}

/* Every way of calling the routines over channels and arrays; out: ROUTINES arrays of pixels x channels. */
enum { ROUTINES = 2 + 3 * 4 + 8 + 3 };

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
    for (int kind = 0; kind < 8; kind++, out++) {
        const da_channel_affine f = { kind & 4 ? v[0] : NULL, v[1], kind & 1 ? dy : NULL, kind & 2 };
        k->channel_affine(pixels, channels, x, &f, *out);
    }
    k->sum(pixels * channels, x, dy, out[0]);
    k->relu(pixels * channels, x, out[1]);
    k->relu_backward(pixels * channels, y, dy, out[2]);
}

static void compare_channels(int case_number) {
    const int64_t pixels = draw(1, draw(0, 7) ? 20 : 200), channels = draw(0, 5) ? draw(1, 70) : 8,
        count = pixels * channels;
    const bool wild = case_number % 3 == 0;
    float *x = sized_numbers(count, (int)draw(0, 3), wild), *dy = sized_numbers(count, (int)draw(0, 3), wild),
          *y = sized_numbers(count, (int)draw(0, 3), wild), *v[4], *expected = NULL;
    for (int i = 0; i < 4; i++) v[i] = sized_numbers(channels, (int)draw(0, 3), wild);
    for (const da_kernels *const *table = da_kernels_list(); *table; table++) {
        float *out = da_alloc_zero((size_t)(ROUTINES * count), sizeof *out), *results[ROUTINES];
        for (int i = 0; i < ROUTINES; i++) results[i] = out + i * count;
        run_channels(*table, pixels, channels, x, dy, y, v, results);
        if (!expected) expected = out;
        else {
            for (int i = 0; i < ROUTINES; i++)
                if (!same(results[i], expected + i * count, count))
                    test_fail(__FILE__, __LINE__, "%s: case %d, result %d, %d pixels, %d channels", (*table)->name,
                              case_number, i, (int)pixels, (int)channels);
            da_free(out);
        }
    }
    da_free(x); da_free(dy); da_free(y); da_free(expected);
    for (int i = 0; i < 4; i++) da_free(v[i]);
}

TEST(channel_kernels_agree_on_thousands_of_problems) {
    draws = 0;
    for (int i = 0; i < 2000 && !test_failed(); i++) compare_channels(i);
}

/* Max pools there and back; results apart from x or, where windows have two rows, in x's first and second row. */
static void compare_pool(int case_number) {
    const int64_t size = draw(1, 4), windows = draw(1, 9), channels = draw(0, 3) ? draw(1, 40) : 16 * draw(1, 6),
        count = windows * channels, pitch = size * count + draw(0, 9), ky = draw(0, size - 1);
    const bool wild = case_number % 3 == 0, relu = draw(0, 1), in_place = size > 1 && draw(0, 1);
    float *x = sized_numbers(size * pitch, (int)draw(0, 3), wild), *dy = sized_numbers(count, (int)draw(0, 3), wild),
          *expected = da_alloc((size_t)(2 * count + size * count) * sizeof *expected),
          *seen = da_alloc((size_t)(2 * count + size * count) * sizeof *seen);
    for (const da_kernels *const *table = da_kernels_list(); *table; table++) {
        const bool reference = table == da_kernels_list();
        float *copy = copy_of(x, size * pitch), *to = reference ? expected : seen,
              *y = in_place && !reference ? copy : to, *where = in_place && !reference ? copy + pitch : to + count;
        (*table)->max_pool(size, windows, channels, relu, copy, pitch, y, where);
        memmove(to, y, (size_t)count * sizeof *y);
        memmove(to + count, where, (size_t)count * sizeof *y);
        (*table)->max_pool_backward(size, windows, channels, ky, dy, to + count, to + 2 * count);
        if (!same(to, expected, 2 * count + size * count))
            test_fail(__FILE__, __LINE__, "%s: case %d, %d windows of %d, %d channels, in place %d", (*table)->name,
                      case_number, (int)windows, (int)size, (int)channels, in_place);
        da_free(copy);
    }
    da_free(x); da_free(dy); da_free(expected); da_free(seen);
}

TEST(pool_kernels_agree_on_thousands_of_problems) {
    draws = 0;
    for (int i = 0; i < 2000 && !test_failed(); i++) compare_pool(i);
}

/* The elementary functions in place, from addresses of any alignment. */
static void compare_unary(int case_number) {
    const int64_t n = draw(0, 70), skip = draw(0, 15), count = n + skip + 1;
    const da_unary f = (da_unary)draw(0, DA_UNARY_COUNT - 1);
    float *x = sized_numbers(count, (int)draw(0, 3), true), *dy = sized_numbers(count, (int)draw(0, 3), true),
          *expected = NULL, *slopes = NULL;
    for (const da_kernels *const *table = da_kernels_list(); *table; table++) {
        float *y = copy_of(x, count), *dx = copy_of(dy, count);
        (*table)->unary(f, n, y + skip, y + skip);
        (*table)->unary_backward(f, n, x + skip, y + skip, dx + skip, dx + skip);
        if (!expected) expected = y, slopes = dx;
        else {
            if (!same(y, expected, count) || !same(dx, slopes, count))
                test_fail(__FILE__, __LINE__, "%s: case %d, function %d of %d numbers", (*table)->name, case_number,
                          (int)f, (int)n);
            da_free(y); da_free(dx);
        }
    }
    da_free(x); da_free(dy); da_free(expected); da_free(slopes);
}

TEST(unary_kernels_agree_on_thousands_of_problems) {
    draws = 0;
    for (int i = 0; i < 3000 && !test_failed(); i++) compare_unary(i);
}

/* Updates: weights, gradients and states of every size, states that are subnormal and gradients that are not finite. */
static void compare_update(int case_number) {
    const int64_t n = draw(0, 70), count = n + 1;
    const bool wild = case_number % 3 == 0;
    const da_sgd_update sgd = { .rate = 0.1f, .momentum = 0.9f, .decay = draw(0, 1) ? 5e-4f : 0, .scale = 0.7f,
                                .nesterov = draw(0, 1) };
    const da_adam_update adam = { .beta1 = 0.9f, .beta2 = 0.999f, .fresh1 = 0.1f, .fresh2 = 0.001f, .rate = 0.1f,
                                  .root_correction = 1.3f, .epsilon = draw(0, 1) ? 1e-8f : 0, .decay = 0.01f,
                                  .keep = 0.99f, .scale = 0.7f };
    const bool plain = draw(0, 1);
    float *w = sized_numbers(count, (int)draw(0, 3), wild), *g = sized_numbers(count, (int)draw(0, 3), wild),
          *m = sized_numbers(count, (int)draw(0, 3), wild), *v = sized_numbers(count, (int)draw(0, 3), wild), *first[5];
    double square_sum = 0;
    for (const da_kernels *const *table = da_kernels_list(); *table; table++) {
        const bool reference = table == da_kernels_list();
        float *now[5] = { copy_of(w, count), copy_of(m, count), copy_of(w, count), copy_of(m, count),
                          copy_of(v, count) };
        (*table)->sgd_update(&sgd, n, now[0], g, plain ? NULL : now[1]);
        (*table)->adam_update(&adam, n, now[2], g, now[3], now[4]);
        const double sum = (*table)->square_sum(n, g);
        if (reference) square_sum = sum;
        bool equal = memcmp(&sum, &square_sum, sizeof sum) == 0 || (isnan(sum) && isnan(square_sum));
        for (int i = 0; i < 5; i++) {
            if (reference) { first[i] = now[i]; continue; }
            equal = equal && same(now[i], first[i], count);
            da_free(now[i]);
        }
        if (!equal) test_fail(__FILE__, __LINE__, "%s: case %d, %d parameters", (*table)->name, case_number, (int)n);
    }
    for (int i = 0; i < 5; i++) da_free(first[i]);
    da_free(w); da_free(g); da_free(m); da_free(v);
}

TEST(update_kernels_agree_on_thousands_of_problems) {
    draws = 0;
    for (int i = 0; i < 3000 && !test_failed(); i++) compare_update(i);
}

static int64_t most_chunks;
static void see_chunks(void *context, int64_t chunks, bool ended) {
    (void)context, (void)ended;
    if (chunks > most_chunks) most_chunks = chunks;
}

TEST(convolutions_of_few_images_are_cut_into_rows) {
    draws = 99;
    da_threads_set(3);
    for (int i = 0; i < 12 && !test_failed(); i++) {
        da_convolution v = { .n = 1 + i % 3, .h = 15 + i, .w = 18, .c = 32, .k = 32, .r = 3, .s = 3,
                             .stride = 1 + i % 2, .padding = 1, .groups = 1 };
        v.oh = (v.h - 1) / v.stride + 1;
        v.ow = (v.w - 1) / v.stride + 1;
        float *x = numbers(v.n * v.h * v.w * v.c, false), *w = numbers(9 * v.c * v.k, false);
        da_conv_forward conv = { .shape = v, .x = { .values = x }, .w = w,
                                 .y = da_alloc((size_t)(v.n * v.oh * v.ow * v.k) * sizeof *x) };
        const da_kernels *best = da_kernels_active();
        float *scratch = da_alloc((size_t)da_conv_forward_scratch(best, &conv) * sizeof *scratch);
        most_chunks = 0;
        da_parallel_observe(see_chunks, NULL);
        da_conv_forward_run(best, &conv, scratch);
        da_parallel_observe(NULL, NULL);
        if (best->contract) CHECK(most_chunks > v.n);
        compare_convolution(&v, false);
        da_free(x); da_free(w); da_free(conv.y); da_free(scratch);
    }
    da_threads_set(0);
}

/* A table of the tester's own: contractions are counted. */
static atomic_int contractions;
static void counted_contract(const da_contraction *problem) {
    atomic_fetch_add(&contractions, 1);
    da_kernels_active()->contract(problem);
}

TEST(products_run_on_the_kernels_they_are_given) {
    da_kernels mine = *da_kernels_active();
    if (!mine.contract) return; /* the reference has no inner loop */
    mine.contract = counted_contract;
    draws = 5;
    float *x = numbers(1024, false), *y = numbers(1024, false), *w = numbers(9 * 16, false), c[64];
    da_matmul_problem product = { .m = 8, .n = 8, .k = 8, .a = x, .a_row = 8, .a_column = 1, .b = y, .b_row = 8,
                                  .b_column = 1, .c = c, .c_row = 8 };
    atomic_store(&contractions, 0);
    mine.matmul(&mine, &product, NULL);
    CHECK(atomic_load(&contractions) > 0);
    for (int winograd = 0; winograd <= 4; winograd += 2) {
        da_convolution v = { .n = 4, .h = 8, .w = 8, .c = 4, .k = 4, .r = 3, .s = 3, .stride = 1, .padding = 1,
                             .groups = 1, .oh = 8, .ow = 8, .winograd = winograd };
        atomic_store(&contractions, 0);
        free_passes(run_passes(&mine, &v, x, w, NULL, y, 9 * 16, (ways){ 0 }));
        CHECK(atomic_load(&contractions) > 1);
    }
    da_free(x); da_free(y); da_free(w);
}

TEST(kernels_are_chosen_by_name) {
    CHECK_FAILS(da_kernels_select("avx1024"), DA_ERROR_ARGUMENT, "reference, portable");
    CHECK_OK(da_kernels_select("portable"));
    CHECK_TEXT(da_kernels_active()->name, "portable");
    CHECK_OK(da_kernels_select("auto"));
}
