/* Power iteration on the upper triangle of a Gram matrix. */
#include "deeparc/component.h"
#include "deeparc/gram.h"

#include <math.h>
#include <string.h>

enum { MOST_STEPS = 1000 };
static const double CLOSE = 1e-9;

/* to = G x. */
static void multiply(double *to, const double *gram, const double *x, int64_t n) {
    int64_t stride = dai_gram_stride(n);
    for (int64_t i = 0; i < n; i++) to[i] = gram[i * stride + i] * x[i];
    for (int64_t i = 0; i < n; i++) {
        const double *row = gram + i * stride;
        double sum = 0;
        for (int64_t j = i + 1; j < n; j++) {
            sum += row[j] * x[j];
            to[j] += row[j] * x[i];
        }
        to[i] += sum;
    }
}

void dai_component_centre(double *gram, int64_t n, double *mean) {
    int64_t stride = dai_gram_stride(n);
    double all = 0;
    for (int64_t i = 0; i < n; i++) mean[i] = gram[i * stride + i];
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i + 1; j < n; j++) {
            mean[i] += gram[i * stride + j];
            mean[j] += gram[i * stride + j];
        }
    for (int64_t i = 0; i < n; i++) all += mean[i] /= (double)n;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i; j < n; j++) gram[i * stride + j] -= mean[i] + mean[j] - all / (double)n;
}

double dai_component_first(const double *gram, int64_t n, double *v, double *next) {
    int64_t stride = dai_gram_stride(n), top = 0;
    double value = 0;
    for (int64_t i = 1; i < n; i++)
        if (gram[i * stride + i] > gram[top * stride + top]) top = i;
    memset(v, 0, (size_t)n * sizeof *v);
    if (!(gram[top * stride + top] > 0)) return 0;
    v[top] = 1;
    for (int step = 0; step < MOST_STEPS; step++) {
        double square = 0, off = 0;
        multiply(next, gram, v, n);
        value = 0;
        for (int64_t i = 0; i < n; i++) value += v[i] * next[i];
        for (int64_t i = 0; i < n; i++) {
            off += (next[i] - value * v[i]) * (next[i] - value * v[i]);
            square += next[i] * next[i];
        }
        for (int64_t i = 0; i < n; i++) v[i] = next[i] / sqrt(square);
        if (sqrt(off) <= CLOSE * value) break;
    }
    return value;
}

void dai_component_remove(double *gram, int64_t n, double value, const double *v) {
    int64_t stride = dai_gram_stride(n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i; j < n; j++) gram[i * stride + j] -= value * v[i] * v[j];
}
