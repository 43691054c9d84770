/* The routines over panels, one number at a time: they define what every other table must give. */
#include "core/kernels/panels.h"

void dai_panel_centre_reference(const da_panel *panel, float scale) {
    for (int64_t k = 0; k < panel->depth; k++) {
        float *x = panel->values + 16 * k; /* sample i: x[i / 16 * block + i % 16] */
        double lane[8] = { 0 };
        for (int64_t i = 0; i < panel->samples; i++) lane[i % 8] += (double)x[i / 16 * panel->block + i % 16];
        for (int half = 4; half >= 1; half /= 2)
            for (int l = 0; l < half; l++) lane[l] += lane[l + half];
        const float shift = (float)(lane[0] / (double)panel->samples) * scale;
        for (int64_t i = 0; i < panel->samples; i++) {
            float *at = &x[i / 16 * panel->block + i % 16];
            *at = *at * scale - shift;
        }
    }
}

void dai_widen_sum_reference(int64_t n, const float *x, double *sum) {
    for (int64_t i = 0; i < n; i++) sum[i] += (double)x[i];
}
