/* The optimizers' loops, one element at a time: they define what every other table must give. */
#include "core/kernels/update.h"

#include <stddef.h>

void dai_sgd_update_reference(const da_sgd_update *step, int64_t n, float *w, const float *g, float *v) {
    for (int64_t i = 0; i < n; i++) {
        if (!v) sgd_plain(step, &w[i], g[i]);
        else if (step->nesterov) sgd_nesterov(step, &w[i], g[i], &v[i]);
        else sgd_momentum(step, &w[i], g[i], &v[i]);
    }
}

void dai_adam_update_reference(const da_adam_update *step, int64_t n, float *w, const float *g, float *m, float *v) {
    for (int64_t i = 0; i < n; i++) adam_element(step, &w[i], g[i], &m[i], &v[i]);
}

double dai_square_sum_reference(int64_t n, const float *x) {
    double lane[16] = { 0 };
    for (int64_t i = 0; i < n; i++) lane[i % 16] += (double)x[i] * (double)x[i]; /* the product is exact */
    for (int half = 8; half >= 1; half /= 2)
        for (int l = 0; l < half; l++) lane[l] += lane[l + half];
    return lane[0];
}
