/* The routines over pixels x channels on vectors of 16 channels. */
#include "core/kernels/channels.h"
#include "core/kernels/simd.h"
#include "core/kernels/variant.h"

V16_INLINE v16 load(const float *p, int lanes) {
    return lanes == V16_LANES ? v16_load(p) : v16_load_part(p, lanes);
}
V16_INLINE void store(float *p, v16 x, int lanes) {
    if (lanes == V16_LANES) v16_store(p, x);
    else v16_store_part(p, x, lanes);
}
V16_INLINE int lanes_from(int64_t channels, int64_t c) {
    return channels - c < V16_LANES ? (int)(channels - c) : V16_LANES;
}

V16_INLINE v16 tree(const v16 chain[8]) {
    return v16_add(v16_add(v16_add(chain[0], chain[4]), v16_add(chain[2], chain[6])),
                   v16_add(v16_add(chain[1], chain[5]), v16_add(chain[3], chain[7])));
}

/* Runs `step` for every pixel, with q = p mod 8 a constant in each copy. */
#define EACH_PIXEL(step)                                                                                               \
    do {                                                                                                               \
        int64_t p = 0;                                                                                                 \
        for (; p + 8 <= pixels; p += 8)                                                                                \
            V16_UNROLL for (int q = 0; q < 8; q++) { const int64_t i = (p + q) * channels; step; }                     \
        V16_UNROLL for (int q = 0; q < 8; q++) if (p + q < pixels) { const int64_t i = (p + q) * channels; step; }     \
    } while (0)

V16_INLINE void moments(int64_t pixels, int64_t channels, const float *x, float *mean, float *square, int lanes) {
    v16 sum[8], squares[8];
    V16_UNROLL for (int q = 0; q < 8; q++) sum[q] = squares[q] = v16_zero();
    EACH_PIXEL(sum[q] = v16_add(sum[q], load(x + i, lanes)));
    float totals[V16_LANES];
    v16_store(totals, tree(sum));
    for (int l = 0; l < V16_LANES; l++) totals[l] = totals[l] / (float)pixels;
    const v16 average = v16_load(totals);
    EACH_PIXEL(const v16 d = v16_sub(load(x + i, lanes), average); squares[q] = v16_fma(d, d, squares[q]));
    store(mean, average, lanes);
    store(square, tree(squares), lanes);
}

void DA_VARIANT(dai_channel_moments)(int64_t pixels, int64_t channels, const float *x, float *mean, float *square) {
    int64_t c = 0;
    for (; c + V16_LANES <= channels; c += V16_LANES) moments(pixels, channels, x + c, mean + c, square + c, V16_LANES);
    if (c < channels) moments(pixels, channels, x + c, mean + c, square + c, lanes_from(channels, c));
}

V16_INLINE void gradient_sums(int64_t pixels, int64_t channels, const float *dy, const float *x, const float *mean,
                              float *plain, float *product, int lanes) {
    v16 sum[8], products[8];
    const v16 average = load(mean, lanes);
    V16_UNROLL for (int q = 0; q < 8; q++) sum[q] = products[q] = v16_zero();
    EACH_PIXEL(const v16 d = load(dy + i, lanes); sum[q] = v16_add(sum[q], d);
               products[q] = v16_fma(d, v16_sub(load(x + i, lanes), average), products[q]));
    store(plain, tree(sum), lanes);
    store(product, tree(products), lanes);
}

void DA_VARIANT(dai_channel_gradient_sums)(int64_t pixels, int64_t channels, const float *dy, const float *x,
                                           const float *mean, float *plain, float *product) {
    int64_t c = 0;
    for (; c + V16_LANES <= channels; c += V16_LANES)
        gradient_sums(pixels, channels, dy + c, x + c, mean + c, plain + c, product + c, V16_LANES);
    if (c < channels)
        gradient_sums(pixels, channels, dy + c, x + c, mean + c, plain + c, product + c, lanes_from(channels, c));
}

void DA_VARIANT(dai_channel_affine)(int64_t pixels, int64_t channels, const float *x, const float *factor,
                                    const float *offset, float *y) {
    for (int64_t p = 0; p < pixels; p++)
        for (int64_t c = 0; c < channels; c += V16_LANES) {
            const int lanes = lanes_from(channels, c);
            const int64_t i = p * channels + c;
            store(y + i, v16_fma(load(x + i, lanes), load(factor + c, lanes), load(offset + c, lanes)), lanes);
        }
}

void DA_VARIANT(dai_channel_gradient_affine)(int64_t pixels, int64_t channels, const float *dy, const float *x,
                                             const float *a, const float *b, const float *offset, float *dx) {
    for (int64_t p = 0; p < pixels; p++)
        for (int64_t c = 0; c < channels; c += V16_LANES) {
            const int lanes = lanes_from(channels, c);
            const int64_t i = p * channels + c;
            const v16 rest = v16_fma(load(x + i, lanes), load(b + c, lanes), load(offset + c, lanes));
            store(dx + i, v16_fma(load(dy + i, lanes), load(a + c, lanes), rest), lanes);
        }
}
