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

#include <stdint.h>

/* moments: mean[c] = sum of x / pixels, square[c] = sum of (x - mean[c])^2, over the pixels given, pixels > 0.
   gradient_sums: plain[c] = sum of dy, product[c] = sum of dy * (x - mean[c]).
   affine: y = x * factor[c] + offset[c]. gradient_affine: dx = dy * a[c] + (x * b[c] + offset[c]). */
#define DAI_DECLARE_CHANNELS(variant)                                                                                  \
    void dai_channel_moments_##variant(int64_t pixels, int64_t channels, const float *x, float *mean, float *square);  \
    void dai_channel_gradient_sums_##variant(int64_t pixels, int64_t channels, const float *dy, const float *x,        \
                                             const float *mean, float *plain, float *product);                         \
    void dai_channel_affine_##variant(int64_t pixels, int64_t channels, const float *x, const float *factor,           \
                                      const float *offset, float *y);                                                  \
    void dai_channel_gradient_affine_##variant(int64_t pixels, int64_t channels, const float *dy, const float *x,      \
                                               const float *a, const float *b, const float *offset, float *dx);

DAI_DECLARE_CHANNELS(reference)
DAI_DECLARE_CHANNELS(portable)
DAI_DECLARE_CHANNELS(avx2)
DAI_DECLARE_CHANNELS(avx512)
DAI_DECLARE_CHANNELS(neon)
#undef DAI_DECLARE_CHANNELS

#endif
