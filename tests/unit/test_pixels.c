/* Bytes to floats: every table gives the bits of the reference, at every length and address, and writes nothing else. */
#include "tests/unit/test.h"
#include "core/kernels/kernels.h"
#include "core/random.h"

enum { MOST = 3 * DA_PIXEL_PERIOD + 5, SHIFTS = 3 };

static da_pixel_scale odd_scale(void) {
    const float odd[] = { 0.0f, -0.0f, 1e-42f, -1e-39f, 1e38f, INFINITY, NAN };
    da_pixel_scale scale;
    for (int i = 0; i < DA_PIXEL_PERIOD; i++) {
        scale.factor[i] = i < 7 ? odd[i] : da_random_normal(1, da_stream(DA_RANDOM_TEST, 7), (uint64_t)i);
        scale.offset[i] = i % 5 == 4 ? odd[i / 5 % 7] : da_random_normal(2, da_stream(DA_RANDOM_TEST, 7), (uint64_t)i);
    }
    return scale;
}

TEST(pixels_kernels_have_the_bits_of_the_reference) {
    const da_kernels *const *tables = da_kernels_list();
    const da_pixel_scale scale = odd_scale();
    uint8_t x[MOST + SHIFTS];
    float expected[MOST], actual[MOST + SHIFTS + 1];
    for (int i = 0; i < MOST + SHIFTS; i++) x[i] = (uint8_t)(i * 37 + 11);
    for (int t = 1; tables[t]; t++)
        for (int shift = 0; shift < SHIFTS; shift++)
            for (int64_t n = 0; n <= MOST; n++) {
                tables[0]->pixels(&scale, n, x + shift, expected);
                actual[shift + n] = 77.0f;
                tables[t]->pixels(&scale, n, x + shift, actual + shift);
                for (int64_t i = 0; i < n; i++) {
                    float a = actual[shift + i], e = expected[i];
                    CHECK(memcmp(&a, &e, sizeof a) == 0 || (isnan(a) && isnan(e)));
                }
                CHECK(actual[shift + n] == 77.0f);
            }
}

TEST(pixels_are_normalised_by_hand) {
    da_pixel_scale scale;
    for (int i = 0; i < DA_PIXEL_PERIOD; i++) scale.factor[i] = 0.5f, scale.offset[i] = (float)(i % 3);
    uint8_t x[4] = { 0, 1, 2, 255 };
    float y[4];
    da_kernels_list()[0]->pixels(&scale, 4, x, y);
    CHECK(y[0] == 0.0f && y[1] == 1.5f && y[2] == 3.0f && y[3] == 127.5f);
}
