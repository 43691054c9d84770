/* Routines over panels: some features of many samples, 16 samples a vector, so that products of samples with samples
 * find both sides as the contraction wants them.
 *
 *     block 0   feature 0: samples 0..15    feature 1: samples 0..15    ...    depth vectors
 *     block 1   feature 0: samples 16..31   ...
 */
#ifndef DA_CORE_KERNELS_PANELS_H
#define DA_CORE_KERNELS_PANELS_H

#include <stdint.h>

typedef struct da_panel { float *values; int64_t depth, block, samples; } da_panel; /* block: floats from one to the next */

/* centre: every feature less its mean over the samples, times scale, a power of two: x * scale - mean * scale. The mean
   is taken in double, in eight lanes (lane l adds samples l, l + 8, ...; then halves are added until one is left), and
   rounded. What stands in the last block behind the samples has to be zero, and is left as anything.
   widen_sum: sum[i] += x[i] in double. */
#define DAI_DECLARE_PANELS(variant)                                                  \
    void dai_panel_centre_##variant(const da_panel *panel, float scale);             \
    void dai_widen_sum_##variant(int64_t n, const float *x, double *sum);

DAI_DECLARE_PANELS(reference)
DAI_DECLARE_PANELS(portable)
DAI_DECLARE_PANELS(avx2)
DAI_DECLARE_PANELS(avx512)
DAI_DECLARE_PANELS(neon)
#undef DAI_DECLARE_PANELS

#endif
