/* Routines over pixels x channels, channels last: what batch norm needs. A channel's numbers lie `channels` apart, so
 * 16 neighbouring channels are one vector and the pixels are the chain.
 *
 *     channel      0 1 2 ... 15 | 16 ...
 *     pixel 0      . . .     .      chain 0
 *     pixel 1      . . .     .      chain 1
 *       ...                          pixel p belongs to chain p mod 8, so that 8 additions are in flight;
 *     pixel 8      . . .     .      the chains are added as ((0+4)+(2+6)) + ((1+5)+(3+7))
 */
#ifndef DA_CORE_KERNELS_CHANNELS_H
#define DA_CORE_KERNELS_CHANNELS_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* y = x * factor[c] + offset[c] (one fma), then + add, then ReLU (x <= 0 becomes 0). factor and add may be NULL. */
typedef struct da_channel_affine { const float *factor, *offset, *add; bool relu; } da_channel_affine;

/* The same from channel c on, and `at` numbers into the images. */
static inline da_channel_affine dai_affine_at(const da_channel_affine *f, int64_t c, int64_t at) {
    return (da_channel_affine){ f->factor ? f->factor + c : NULL, f->factor ? f->offset + c : NULL,
                                f->add ? f->add + at : NULL, f->relu };
}

/* The definition: x, of channel c, is number i of the images. */
static inline float dai_affine_one(const da_channel_affine *f, int64_t c, int64_t i, float x) {
    if (f->factor) x = fmaf(x, f->factor[c], f->offset[c]);
    if (f->add) x += f->add[i];
    return f->relu && x <= 0.0f ? 0.0f : x;
}

/* The gradient dy of y = relu(affine(x) + add), and what tells where the ReLU let it through: y itself, or the affine
   map that is computed again; neither: there was no ReLU. masked dy: dy where y > 0 (or NaN), else 0. */
typedef struct da_channel_gradient {
    const float *dy, *x, *mean;      /* mean: C; of channel_gradient_sums only */
    const float *y;
    const float *factor, *offset;    /* C each */
} da_channel_gradient;

/* dx = masked dy * a[c] + (x * b[c] + offset[c]). */
typedef struct da_channel_slope { const float *a, *b, *offset; } da_channel_slope;

/* moments: mean[c] = sum of x / pixels, square[c] = sum of (x - mean[c])^2, over the pixels given, pixels > 0.
   gradient_sums: plain[c] = sum of masked dy, product[c] = sum of masked dy * (x - mean[c]); masked, if given, is where
   the masked dy is written (it may be dy).
   sum: sum[c] continues its chain of additions over the pixels.
   affine, gradient_affine: as above; y may be x.
   max_pool: a row of `windows` windows of size x size pixels side by side, `pitch` floats from one row of x to the next,
   after a ReLU of x if asked for: y = the maximum, where = its place ky * size + kx, the first of equal ones; NaN is not
   hidden. Behind a ReLU a window without a positive number has the place -1: no gradient passes. where may be NULL.
   y may be x's first row, and where its second: a window is read before its results are written over smaller ones.
   max_pool_backward: row `ky` of the windows of dx: dy where the maximum was, else 0. */
#define DAI_DECLARE_CHANNELS(variant)                                                                                  \
    void dai_channel_moments_##variant(int64_t pixels, int64_t channels, const float *x, float *mean, float *square);  \
    void dai_channel_gradient_sums_##variant(int64_t pixels, int64_t channels, const da_channel_gradient *g,           \
                                             float *masked, float *plain, float *product);                             \
    void dai_channel_affine_##variant(int64_t pixels, int64_t channels, const float *x, const da_channel_affine *f,    \
                                      float *y);                                                                       \
    void dai_channel_gradient_affine_##variant(int64_t pixels, int64_t channels, const da_channel_gradient *g,         \
                                               const da_channel_slope *s, float *dx);                                  \
    void dai_channel_sum_##variant(int64_t pixels, int64_t channels, const float *x, float *sum);                      \
    void dai_max_pool_##variant(int64_t size, int64_t windows, int64_t channels, bool relu, const float *x,            \
                                int64_t pitch, float *y, float *where);                                                \
    void dai_max_pool_backward_##variant(int64_t size, int64_t windows, int64_t channels, int64_t ky, const float *dy, \
                                         const float *where, float *dx);                                               \
    void dai_sum_##variant(int64_t n, const float *a, const float *b, float *y);                                       \
    void dai_relu_##variant(int64_t n, const float *x, float *y);                                                      \
    void dai_relu_backward_##variant(int64_t n, const float *y, const float *dy, float *dx);

DAI_DECLARE_CHANNELS(reference)
DAI_DECLARE_CHANNELS(portable)
DAI_DECLARE_CHANNELS(avx2)
DAI_DECLARE_CHANNELS(avx512)
DAI_DECLARE_CHANNELS(neon)
#undef DAI_DECLARE_CHANNELS

#endif
