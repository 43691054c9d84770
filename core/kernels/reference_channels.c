/* The reference of the routines over pixels x channels, one channel at a time, and of those over plain arrays. */
#include "core/kernels/channels.h"

#include <math.h>
#include <stddef.h>

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

/* dy[i] where the ReLU let it through. */
static float masked_gradient(const da_channel_gradient *g, int64_t i, int64_t c) {
    if (g->y) return g->y[i] <= 0.0f ? 0.0f : g->dy[i];
    if (g->factor) return fmaf(g->x[i], g->factor[c], g->offset[c]) <= 0.0f ? 0.0f : g->dy[i];
    return g->dy[i];
}

void dai_channel_gradient_sums_reference(int64_t pixels, int64_t channels, const da_channel_gradient *g, float *masked,
                                         float *plain, float *product) {
    for (int64_t c = 0; c < channels; c++) {
        float sum[8] = { 0 }, sum_of_products[8] = { 0 };
        for (int64_t p = 0; p < pixels; p++) {
            const int64_t i = p * channels + c;
            const float dy = masked_gradient(g, i, c);
            sum[p % 8] += dy;
            sum_of_products[p % 8] = fmaf(dy, g->x[i] - g->mean[c], sum_of_products[p % 8]);
            if (masked) masked[i] = dy;
        }
        plain[c] = tree(sum);
        product[c] = tree(sum_of_products);
    }
}

void dai_channel_affine_reference(int64_t pixels, int64_t channels, const float *x, const da_channel_affine *f,
                                  float *y) {
    for (int64_t p = 0; p < pixels; p++)
        for (int64_t c = 0; c < channels; c++)
            y[p * channels + c] = dai_affine_one(f, c, p * channels + c, x[p * channels + c]);
}

void dai_channel_gradient_affine_reference(int64_t pixels, int64_t channels, const da_channel_gradient *g,
                                           const da_channel_slope *s, float *dx) {
    for (int64_t p = 0; p < pixels; p++)
        for (int64_t c = 0; c < channels; c++) {
            const int64_t i = p * channels + c;
            dx[i] = fmaf(masked_gradient(g, i, c), s->a[c], fmaf(g->x[i], s->b[c], s->offset[c]));
        }
}

void dai_channel_sum_reference(int64_t pixels, int64_t channels, const float *x, float *sum) {
    for (int64_t p = 0; p < pixels; p++)
        for (int64_t c = 0; c < channels; c++) sum[c] += x[p * channels + c];
}

void dai_max_pool_reference(int64_t size, int64_t windows, int64_t channels, bool relu, const float *x, int64_t pitch,
                            float *y, float *where) {
    for (int64_t i = 0; i < windows * channels; i++) {
        const float *window = x + i / channels * size * channels + i % channels;
        float place = 0;
        for (int64_t k = 0; k < size * size; k++) {
            const float seen = window[k / size * pitch + k % size * channels],
                value = relu && seen <= 0.0f ? 0.0f : seen;
            if (k > 0 && !(value > y[i]) && value == value) continue;
            y[i] = value;
            place = (float)k;
        }
        if (where) where[i] = relu && y[i] <= 0.0f ? -1.0f : place;
    }
}

void dai_max_pool_backward_reference(int64_t size, int64_t windows, int64_t channels, int64_t ky, const float *dy,
                                     const float *where, float *dx) {
    for (int64_t pixel = 0; pixel < windows * size; pixel++)
        for (int64_t c = 0; c < channels; c++) {
            const int64_t i = pixel / size * channels + c;
            dx[pixel * channels + c] = where[i] == (float)(ky * size + pixel % size) ? dy[i] : 0.0f;
        }
}

void dai_sum_reference(int64_t n, const float *a, const float *b, float *y) {
    for (int64_t i = 0; i < n; i++) y[i] = a[i] + b[i];
}

void dai_relu_reference(int64_t n, const float *x, float *y) {
    for (int64_t i = 0; i < n; i++) y[i] = x[i] <= 0.0f ? 0.0f : x[i];
}

void dai_relu_backward_reference(int64_t n, const float *y, const float *dy, float *dx) {
    for (int64_t i = 0; i < n; i++) dx[i] = y[i] <= 0.0f ? 0.0f : dy[i];
}
