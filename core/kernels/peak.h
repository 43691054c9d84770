/* The measuring stick of `deeparc bench`: how many fused multiply-adds this CPU can do, with nothing to load or store.
 *
 *     chain 0   x = fma(x, 1/2, 1)   x = fma(x, 1/2, 1)   ...      each waits for the one before it:
 *     chain 1   x = fma(x, 1/2, 1)   x = fma(x, 1/2, 1)   ...      enough chains side by side keep all units busy
 *     ...
 *
 * A chain of 16 lanes comes to rest at 2 exactly, from any start below, so that every table returns the same number
 * however many chains it runs, and no lane ever holds a subnormal.
 */
#ifndef DA_CORE_KERNELS_PEAK_H
#define DA_CORE_KERNELS_PEAK_H

#include <stdint.h>

/* Runs every chain `rounds` times. Returns the floating-point operations that were done, two a multiply-add; *rest, the
   mean of all lanes, is 2 after 64 rounds or more. */
#define DAI_DECLARE_PEAK(variant) int64_t dai_peak_##variant(int64_t rounds, float *rest);

DAI_DECLARE_PEAK(reference)
DAI_DECLARE_PEAK(portable)
DAI_DECLARE_PEAK(avx2)
DAI_DECLARE_PEAK(avx512)
DAI_DECLARE_PEAK(neon)
#undef DAI_DECLARE_PEAK

#endif
