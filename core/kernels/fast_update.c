/* The optimizers' loops, compiled once per instruction set. Blocks have a fixed number of elements and nothing
 * overlaps, so that the compiler turns a block into whole vectors.
 *
 *     w: | block of 16 | block of 16 | ... | rest, one by one |
 */
#include "core/kernels/update.h"
#include "core/kernels/variant.h"

#include <stddef.h>

enum { LANES = 16 };

/* Runs body for i = 0..n-1. */
#define FOR_BLOCKS(n, body)                                                        \
    do {                                                                           \
        int64_t at = 0;                                                            \
        for (; at + LANES <= (n); at += LANES)                                     \
            for (int64_t l = 0; l < LANES; l++) { const int64_t i = at + l; body; } \
        for (int64_t i = at; i < (n); i++) { body; }                               \
    } while (0)

/* The step is copied, so that the compiler knows that no store changes a coefficient. */
void DA_VARIANT(dai_sgd_update)(const da_sgd_update *step, int64_t n, float *restrict w, const float *restrict g,
                                float *restrict v) {
    const da_sgd_update s = *step;
    if (!v) FOR_BLOCKS(n, sgd_plain(&s, &w[i], g[i]));
    else if (s.nesterov) FOR_BLOCKS(n, sgd_nesterov(&s, &w[i], g[i], &v[i]));
    else FOR_BLOCKS(n, sgd_momentum(&s, &w[i], g[i], &v[i]));
}

void DA_VARIANT(dai_adam_update)(const da_adam_update *step, int64_t n, float *restrict w, const float *restrict g,
                                 float *restrict m, float *restrict v) {
    const da_adam_update s = *step;
    FOR_BLOCKS(n, adam_element(&s, &w[i], g[i], &m[i], &v[i]));
}

double DA_VARIANT(dai_square_sum)(int64_t n, const float *x) {
    double lane[LANES] = { 0 };
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int l = 0; l < LANES; l++) lane[l] += (double)x[i + l] * (double)x[i + l];
    for (int l = 0; i + l < n; l++) lane[l] += (double)x[i + l] * (double)x[i + l];
    for (int half = LANES / 2; half >= 1; half /= 2)
        for (int l = 0; l < half; l++) lane[l] += lane[l + half];
    return lane[0];
}
