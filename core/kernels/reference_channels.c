/* The reference of the routines over pixels x channels: one channel at a time. */
#include "core/kernels/channels.h"

#include <math.h>

/* The tree that adds 8 chains. */
static float tree(const float chain[8]) {
    return ((chain[0] + chain[4]) + (chain[2] + chain[6])) + ((chain[1] + chain[5]) + (chain[3] + chain[7]));
}

void dai_channel_moments_reference(int64_t pixels, int64_t channels, const float *x, float *mean, float *square) {
    for (int64_t c = 0; c < channels; c++) {
        float sum[8] = { 0 }, sum_of_squares[8] = { 0 };
        for (int64_t p = 0; p < pixels; p++) sum[p % 8] += x[p * channels + c];
        mean[c] = tree(sum) / (float)pixels;
        for (int64_t p = 0; p < pixels; p++) {
            float d = x[p * channels + c] - mean[c];
            sum_of_squares[p % 8] = fmaf(d, d, sum_of_squares[p % 8]);
        }
        square[c] = tree(sum_of_squares);
    }
}

void dai_channel_gradient_sums_reference(int64_t pixels, int64_t channels, const float *dy, const float *x,
                                         const float *mean, float *plain, float *product) {
    for (int64_t c = 0; c < channels; c++) {
        float sum[8] = { 0 }, sum_of_products[8] = { 0 };
        for (int64_t p = 0; p < pixels; p++) {
            const int64_t i = p * channels + c;
            sum[p % 8] += dy[i];
            sum_of_products[p % 8] = fmaf(dy[i], x[i] - mean[c], sum_of_products[p % 8]);
        }
        plain[c] = tree(sum);
        product[c] = tree(sum_of_products);
    }
}

void dai_channel_affine_reference(int64_t pixels, int64_t channels, const float *x, const float *factor,
                                  const float *offset, float *y) {
    for (int64_t p = 0; p < pixels; p++)
        for (int64_t c = 0; c < channels; c++) y[p * channels + c] = fmaf(x[p * channels + c], factor[c], offset[c]);
}

void dai_channel_gradient_affine_reference(int64_t pixels, int64_t channels, const float *dy, const float *x,
                                           const float *a, const float *b, const float *offset, float *dx) {
    for (int64_t p = 0; p < pixels; p++)
        for (int64_t c = 0; c < channels; c++) {
            const int64_t i = p * channels + c;
            dx[i] = fmaf(dy[i], a[c], fmaf(x[i], b[c], offset[c]));
        }
}
