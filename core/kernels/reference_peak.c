/* The peak of fused multiply-adds, as one plain chain: 16 lanes, one after the other. */
#include "core/kernels/peak.h"

#include <math.h>

enum { LANES = 16 };

int64_t dai_peak_reference(int64_t rounds, float *rest) {
    float x[LANES] = { 0 }, total = 0.0f;
    for (int64_t r = 0; r < rounds; r++)
        for (int l = 0; l < LANES; l++) x[l] = fmaf(x[l], 0.5f, 1.0f);
    for (int l = 0; l < LANES; l++) total += x[l];
    *rest = total / LANES;
    return 2 * LANES * rounds;
}
