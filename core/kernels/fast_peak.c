/* The peak of fused multiply-adds, compiled once per instruction set.
 *
 * Chains: at least latency times units, in registers, and no more than there are registers beside two for constants.
 * 4 cycles times 2 units make 8 for AVX-512 and AVX2, 4 times 4 make 16 for NEON.
 *
 *     AVX-512   16 chains, a register each      AVX2   6 chains are 12 of 16 registers      NEON   6 are 24 of 32
 */
#include "core/kernels/peak.h"
#include "core/kernels/simd.h"
#include "core/kernels/variant.h"

#if defined(DA_VARIANT_avx512)
enum { CHAINS = 16 };
#else
enum { CHAINS = 6 };
#endif

int64_t DA_VARIANT(dai_peak)(int64_t rounds, float *rest) {
    const v16 half = v16_broadcast(0.5f), one = v16_broadcast(1.0f);
    v16 x[CHAINS], sum = v16_zero();
    float lanes[CHAINS * V16_LANES], total = 0.0f;
    /* No two lanes begin alike: a compiler may see that equal chains give equal results, and run one of them. */
    for (int l = 0; l < CHAINS * V16_LANES; l++) lanes[l] = (float)l / (CHAINS * V16_LANES);
    V16_UNROLL for (int i = 0; i < CHAINS; i++) x[i] = v16_load(lanes + i * V16_LANES);
    for (int64_t r = 0; r < rounds; r++) {
        V16_UNROLL for (int i = 0; i < CHAINS; i++) x[i] = v16_fma(x[i], half, one);
    }
    V16_UNROLL for (int i = 0; i < CHAINS; i++) sum = v16_add(sum, x[i]);
    v16_store(lanes, sum);
    for (int l = 0; l < V16_LANES; l++) total += lanes[l];
    *rest = total / (CHAINS * V16_LANES);
    return 2 * CHAINS * V16_LANES * rounds;
}
