/* From inner products to distances, and from distances to the RBF kernel; products of what became of them. */
#include "deeparc/gram.h"

#include <math.h>

enum { LANES = 8 };

double dai_dot(const double *a, const double *b, int64_t count) {
    double lane[LANES] = { 0 };
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int l = 0; l < LANES; l++) lane[l] += a[i + l] * b[i + l];
    for (int l = 0; i + l < count; l++) lane[l] += a[i + l] * b[i + l];
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++) lane[l] += lane[l + half];
    return lane[0];
}

void dai_gram_to_squared_distances(double *gram, int64_t n) {
    int64_t stride = dai_gram_stride(n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i + 1; j < n; j++) {
            double squared = gram[i * stride + i] + gram[j * stride + j] - 2 * gram[i * stride + j];
            gram[i * stride + j] = squared > 0 ? squared : 0;
        }
    for (int64_t i = 0; i < n; i++) gram[i * stride + i] = 0;
}

void dai_squared_distances_to_distances(double *squared, int64_t n) {
    int64_t stride = dai_gram_stride(n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i + 1; j < n; j++) squared[i * stride + j] = sqrt(squared[i * stride + j]);
}

/* The value that would stand at `place` if x were sorted (Hoare's selection); x is left in another order. */
static double select_value(double *x, int64_t count, int64_t place) {
    int64_t low = 0, high = count - 1;
    while (low < high) {
        double pivot = x[low + (high - low) / 2];
        int64_t i = low, j = high;
        while (i <= j) {
            while (x[i] < pivot) i++;
            while (x[j] > pivot) j--;
            if (i > j) break;
            double swap = x[i];
            x[i++] = x[j];
            x[j--] = swap;
        }
        if (place <= j) high = j;
        else if (place >= i) low = i;
        else break;
    }
    return x[place];
}

void dai_squared_distances_to_rbf(double *squared, int64_t n, double fraction, double *scratch) {
    int64_t stride = dai_gram_stride(n), pairs = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i + 1; j < n; j++) scratch[pairs++] = squared[i * stride + j];
    double twice = 2 * fraction * fraction * select_value(scratch, pairs, (pairs - 1) / 2); /* 2 sigma^2 */
    for (int64_t i = 0; i < n; i++) {
        squared[i * stride + i] = 1;
        for (int64_t j = i + 1; j < n; j++) {
            double d = squared[i * stride + j];
            squared[i * stride + j] = twice > 0 ? exp(-d / twice) : d == 0;
        }
    }
}
