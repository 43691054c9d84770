/* Winograd's convolutions: the bits of the reference on every instruction set, and the stated error against double. */
#include "tests/unit/test.h"
#include "core/kernels/kernels.h"
#include "core/kernels/winograd.h"
#include "core/memory.h"
#include "core/random.h"

#include <float.h>

enum { SEED = 31 };

static uint64_t draws;
static int64_t draw(int64_t least, int64_t most) {
    return least + da_random_below(SEED, da_stream(DA_RANDOM_TEST, 1), draws++, (uint32_t)(most - least + 1));
}

static float *floats(int64_t count) { return da_alloc((size_t)count * sizeof(float)); }

/* Normal numbers; among them, where `odd`, zeros of both signs and subnormals, where `wild` infinities and NaN. */
static float *numbers(int64_t count, double scale, bool odd, bool wild) {
    float *x = floats(count);
    const float special[] = { 0.0f, -0.0f, FLT_MIN / 8, -FLT_MIN / 64, INFINITY, -INFINITY, NAN };
    for (int64_t i = 0; i < count; i++, draws++) {
        const uint32_t kind = da_random_below(SEED, da_stream(DA_RANDOM_TEST, 2), draws, wild ? 512 : 16);
        x[i] = kind < (wild ? 7u : odd ? 4u : 0u)
                   ? special[kind]
                   : (float)(scale * (double)da_random_normal(SEED, da_stream(DA_RANDOM_TEST, 3), draws));
    }
    return x;
}

/* Equal bits; any NaN equals any NaN, since which payload a NaN carries is not defined. */
static bool same(const float *a, const float *b, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (memcmp(&a[i], &b[i], sizeof *a) != 0 && !(isnan(a[i]) && isnan(b[i]))) return false;
    return true;
}

static dai_winograd run_of(int tile, int64_t images, int64_t oh, int64_t ow, int64_t c, int64_t k) {
    return (dai_winograd){ tile, images, dai_winograd_frame(tile, oh), dai_winograd_frame(tile, ow), c, k, oh, ow,
                           NULL, NULL };
}
static int64_t inputs(const dai_winograd *r) { return r->images * r->height * r->width * r->c; }
static int64_t outputs(const dai_winograd *r) { return r->images * r->oh * r->ow * r->k; }

/* Weights and images through the kernels in force; turned: the weights of backward data, w being 3 3 K C then. */
static float *convolve(const dai_winograd *r, const float *framed, const float *w, const float *bias, bool turned) {
    float *u = floats(dai_winograd_weight_floats(r->tile, r->c, r->k)), *y = floats(outputs(r)),
          *scratch = floats(dai_winograd_scratch(r));
    if (turned) dai_winograd_transform_turned_weights(da_kernels_active(), r->tile, r->k, r->c, w, u);
    else dai_winograd_transform_weights(da_kernels_active(), r->tile, r->c, r->k, w, u);
    dai_winograd_images(da_kernels_active(), r, framed, u, bias, y, scratch);
    da_free(u);
    da_free(scratch);
    return y;
}

/* The weights' gradient in two slices, the first in two runs where there are images enough. */
static float *gradient(const dai_winograd *r, const float *framed, const float *dy) {
    const int64_t floats_a_slice = dai_winograd_weight_floats(r->tile, r->c, r->k), half = (r->images + 1) / 2,
                  slices = r->images > 1 ? 2 : 1, x_image = r->height * r->width * r->c, y_image = r->oh * r->ow * r->k;
    float *sums = floats(2 * floats_a_slice), *dw = floats(9 * r->c * r->k), *scratch = floats(dai_winograd_scratch(r));
    dai_winograd part = *r;
    for (int64_t image = 0; image < r->images; image += part.images) {
        const bool second = image >= half, again = image > 0 && !second;
        part.images = second ? r->images - image : again ? half - image : (half + 1) / 2;
        dai_winograd_gradient(da_kernels_active(), &part, framed + image * x_image, dy + image * y_image, again,
                              sums + (second ? floats_a_slice : 0), scratch);
    }
    dai_winograd_collect_gradient(da_kernels_active(), r->tile, r->c, r->k, slices, sums, dw);
    da_free(sums);
    da_free(scratch);
    return dw;
}

static void compare_gradient(const dai_winograd *r, bool wild) {
    float *framed = numbers(inputs(r), 1, true, wild), *dy = numbers(outputs(r), 1, true, wild);
    const da_kernels *const *tables = da_kernels_list();
    da_kernels_select("reference");
    float *expected = gradient(r, framed, dy);
    for (int t = 1; tables[t]; t++) {
        da_kernels_select(tables[t]->name);
        float *actual = gradient(r, framed, dy);
        if (!same(actual, expected, 9 * r->c * r->k))
            test_fail(__FILE__, __LINE__, "%s: gradient, tile %d, %d images %dx%d, %d to %d channels: other bits",
                      tables[t]->name, r->tile, (int)r->images, (int)r->oh, (int)r->ow, (int)r->c, (int)r->k);
        da_free(actual);
    }
    da_kernels_select(NULL);
    da_free(framed);
    da_free(dy);
    da_free(expected);
}

static void compare(const dai_winograd *r, bool wild) {
    const bool turned = draw(0, 1);
    float *framed = numbers(inputs(r), 1, true, wild), *w = numbers(9 * r->c * r->k, 1, true, wild),
          *bias = draw(0, 1) ? numbers(r->k, 1, true, wild) : NULL;
    const da_kernels *const *tables = da_kernels_list();
    da_kernels_select("reference");
    float *expected = convolve(r, framed, w, bias, turned);
    for (int t = 1; tables[t]; t++) {
        da_kernels_select(tables[t]->name);
        float *actual = convolve(r, framed, w, bias, turned);
        if (!same(actual, expected, outputs(r)))
            test_fail(__FILE__, __LINE__, "%s: tile %d, %d images %dx%d, %d to %d channels%s: other bits",
                      tables[t]->name, r->tile, (int)r->images, (int)r->oh, (int)r->ow, (int)r->c, (int)r->k,
                      turned ? ", turned" : "");
        da_free(actual);
    }
    da_kernels_select(NULL);
    da_free(framed);
    da_free(w);
    da_free(bias);
    da_free(expected);
}

TEST(winograd_has_one_result_on_every_instruction_set) {
    for (int i = 0; i < 300 && !test_failed(); i++) {
        const int64_t images = draw(1, draw(0, 5) ? 2 : 12), size = images > 2 ? 5 : 13,
                      channels = draw(0, 2) ? 33 : 70;
        const dai_winograd r = run_of(2 + 2 * (i % 2), images, draw(1, size), draw(1, size), draw(1, channels),
                                      draw(1, channels));
        compare(&r, i % 5 == 4);
        compare_gradient(&r, i % 5 == 4);
    }
}

/* The worst difference from a convolution in double, as a share of the root mean square of the outputs. */
static double worst_error(const dai_winograd *r, const float *framed, const float *w, const float *y) {
    double worst = 0, squares = 0;
    for (int64_t i = 0; i < outputs(r); i++) {
        const int64_t k = i % r->k, x = i / r->k % r->ow, row = i / r->k / r->ow % r->oh,
                      image = i / r->k / r->ow / r->oh;
        double sum = 0;
        for (int tap = 0; tap < 9; tap++) {
            const float *pixel = framed + ((image * r->height + row + tap / 3) * r->width + x + tap % 3) * r->c;
            for (int64_t c = 0; c < r->c; c++) sum += (double)pixel[c] * (double)w[(tap * r->c + c) * r->k + k];
        }
        squares += sum * sum;
        worst = fmax(worst, fabs((double)y[i] - sum));
    }
    return worst / sqrt(squares / (double)outputs(r));
}

static void frame_with_zeros(const dai_winograd *r, float *framed) {
    for (int64_t i = 0; i < inputs(r); i++) {
        const int64_t x = i / r->c % r->width, y = i / r->c / r->width % r->height;
        if (x == 0 || y == 0 || x > r->ow || y > r->oh) framed[i] = 0;
    }
}

static double worst_gradient_error(const dai_winograd *r, const float *framed, const float *dy, const float *dw) {
    double worst = 0, squares = 0;
    double *sum = da_alloc((size_t)r->k * sizeof *sum);
    for (int64_t i = 0; i < 9 * r->c; i++) {
        const int64_t tap = i / r->c, c = i % r->c;
        for (int64_t k = 0; k < r->k; k++) sum[k] = 0;
        for (int64_t p = 0; p < r->images * r->oh * r->ow; p++) {
            const int64_t image = p / r->ow / r->oh, y = p / r->ow % r->oh + tap / 3, x = p % r->ow + tap % 3;
            const double from = (double)framed[((image * r->height + y) * r->width + x) * r->c + c];
            for (int64_t k = 0; k < r->k; k++) sum[k] += from * (double)dy[p * r->k + k];
        }
        for (int64_t k = 0; k < r->k; k++) {
            squares += sum[k] * sum[k];
            worst = fmax(worst, fabs((double)dw[i * r->k + k] - sum[k]));
        }
    }
    da_free(sum);
    return worst / sqrt(squares / (double)(9 * r->c * r->k));
}

/* Forward and backward weights of one shape, on numbers like those of a network. */
static void check_errors(const dai_winograd *r) {
    float *framed = numbers(inputs(r), 1, false, false), *dy = numbers(outputs(r), 1, false, false),
          *w = numbers(9 * r->c * r->k, sqrt(2.0 / (9.0 * (double)r->c)), false, false);
    frame_with_zeros(r, framed);
    float *y = convolve(r, framed, w, NULL, false), *dw = gradient(r, framed, dy);
    const int64_t tiles = r->images * ((r->oh + r->tile - 1) / r->tile) * ((r->ow + r->tile - 1) / r->tile);
    const double error = worst_error(r, framed, w, y), bound = DAI_WINOGRAD_ERROR(r->tile, r->c),
                 gradient_error = worst_gradient_error(r, framed, dy, dw),
                 gradient_bound = DAI_WINOGRAD_ERROR(r->tile, tiles);
    if (!(error <= bound))
        test_fail(__FILE__, __LINE__, "tile %d, %dx%dx%d: error %.3g is over the stated %.3g", r->tile, (int)r->oh,
                  (int)r->ow, (int)r->c, error, bound);
    if (!(gradient_error <= gradient_bound))
        test_fail(__FILE__, __LINE__, "tile %d, %dx%dx%d: the gradient's error %.3g is over the stated %.3g", r->tile,
                  (int)r->oh, (int)r->ow, (int)r->c, gradient_error, gradient_bound);
    da_free(framed);
    da_free(dy);
    da_free(w);
    da_free(y);
    da_free(dw);
}

TEST(winograd_is_within_its_error_of_double) {
    static const int64_t shapes[][4] = { /* images, size, channels in, out */
        { 4, 32, 16, 16 }, { 4, 16, 32, 32 }, { 8, 8, 64, 64 }, { 2, 7, 128, 64 }, { 2, 4, 512, 64 }
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int tile = 2; tile <= 4; tile += 2) {
            const int64_t *s = shapes[i];
            const dai_winograd r = run_of(tile, s[0], s[1], s[1], s[2], s[3]);
            check_errors(&r);
        }
}
