/* The routines over panels on vectors of doubles, which the compiler makes from loops of constant length.
 *
 *     block b, features k .. k+3      | s0 .. s7 | s8 .. s15 |     both halves are added to the eight lanes of their
 *                                     | s0 .. s7 | s8 .. s15 |     feature: four features at a time, so that four
 *                                     | s0 .. s7 | s8 .. s15 |     chains of additions are in flight
 *                                     | s0 .. s7 | s8 .. s15 |
 */
#include "core/kernels/panels.h"
#include "core/kernels/simd.h"
#include "core/kernels/variant.h"

enum { TOGETHER = 4, SUM_LANES = 8 };

void DA_VARIANT(dai_widen_sum)(int64_t n, const float *x, double *sum) {
    for (int64_t i = 0; i < n; i++) sum[i] += (double)x[i];
}

/* `count` features from x on. */
V16_INLINE void centre(const int count, const da_panel *panel, float scale, float *x) {
    const int64_t blocks = (panel->samples + V16_LANES - 1) / V16_LANES;
    double lane[TOGETHER][SUM_LANES] = { { 0 } };
    for (int64_t b = 0; b < blocks; b++)
        V16_UNROLL for (int f = 0; f < count; f++)
            V16_UNROLL for (int half = 0; half < 2; half++)
                V16_UNROLL for (int l = 0; l < SUM_LANES; l++)
                    lane[f][l] += (double)x[b * panel->block + V16_LANES * f + SUM_LANES * half + l];
    for (int f = 0; f < count; f++) {
        for (int half = SUM_LANES / 2; half >= 1; half /= 2)
            for (int l = 0; l < half; l++) lane[f][l] += lane[f][l + half];
        const v16 shift = v16_broadcast((float)(lane[f][0] / (double)panel->samples) * scale);
        for (int64_t b = 0; b < blocks; b++) {
            float *at = x + b * panel->block + V16_LANES * f;
            v16_store(at, v16_sub(v16_mul(v16_load(at), v16_broadcast(scale)), shift));
        }
    }
}

void DA_VARIANT(dai_panel_centre)(const da_panel *panel, float scale) {
    int64_t k = 0;
    for (; k + TOGETHER <= panel->depth; k += TOGETHER) centre(TOGETHER, panel, scale, panel->values + V16_LANES * k);
    for (; k < panel->depth; k++) centre(1, panel, scale, panel->values + V16_LANES * k);
}
