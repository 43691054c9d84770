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
    return (dai_winograd){ tile, images, dai_winograd_frame(tile, oh), dai_winograd_frame(tile, ow), c, k, oh, ow };
}
static int64_t inputs(const dai_winograd *r) { return r->images * r->height * r->width * r->c; }
static int64_t outputs(const dai_winograd *r) { return r->images * r->oh * r->ow * r->k; }

/* Weights and images through the kernels in force; turned: the weights of backward data, w being 3 3 K C then. */
static float *convolve(const dai_winograd *r, const float *framed, const float *w, const float *bias, bool turned) {
    float *u = floats(dai_winograd_weight_floats(r->tile, r->c, r->k)), *y = floats(outputs(r)),
          *scratch = floats(dai_winograd_scratch(r));
    if (turned) dai_winograd_transform_turned_weights(r->tile, r->k, r->c, w, u);
    else dai_winograd_transform_weights(r->tile, r->c, r->k, w, u);
    dai_winograd_images(r, framed, u, bias, y, scratch);
    da_free(u);
    da_free(scratch);
    return y;
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
        const dai_winograd r = run_of(2 + 2 * (i % 2), draw(1, draw(0, 5) ? 3 : 20), draw(1, 15), draw(1, 15),
                                      draw(1, 70), draw(1, 70));
        compare(&r, i % 5 == 4);
    }
}

/* The worst difference from a convolution in double, as a share of the root mean square of the outputs. */
static double worst_error(const dai_winograd *r, const float *framed, const float *w, const float *y) {
    double worst = 0, squares = 0;
    for (int64_t i = 0; i < outputs(r); i++) {
        const int64_t k = i % r->k, x = i / r->k % r->ow, row = i / r->k / r->ow % r->oh, image = i / r->k / r->ow / r->oh;
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

TEST(winograd_is_within_its_error_of_double) {
    static const int64_t shapes[][4] = {
        { 2, 32, 16, 16 }, { 4, 16, 32, 32 }, { 8, 8, 64, 64 }, { 2, 7, 128, 64 }, { 2, 4, 512, 128 }
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int tile = 2; tile <= 4; tile += 2) {
            const int64_t *s = shapes[i];
            const dai_winograd r = run_of(tile, s[0], s[1], s[1], s[2], s[3]);
            float *framed = numbers(inputs(&r), 1, false, false),
                  *w = numbers(9 * r.c * r.k, sqrt(2.0 / (9.0 * (double)r.c)), false, false);
            frame_with_zeros(&r, framed);
            float *y = convolve(&r, framed, w, NULL, false);
            const double error = worst_error(&r, framed, w, y);
            if (!(error <= DAI_WINOGRAD_ERROR(tile, r.c)))
                test_fail(__FILE__, __LINE__, "tile %d, %dx%dx%d: error %.3g is over the stated %.3g", tile, (int)s[1],
                          (int)s[1], (int)s[2], error, DAI_WINOGRAD_ERROR(tile, r.c));
            da_free(framed);
            da_free(w);
            da_free(y);
        }
}
