/* Winograd's convolution one tile and one number at a time: these loops define its bits. winograd.h has the formulas
 * and the order; u, v and m below are the six (tile 2: four) numbers of one axis. */
#include "core/kernels/winograd.h"

#include <math.h>

enum { MOST = 6 }; /* points along one axis */

static void input_axis(int tile, const float d[], float v[]) {
    if (tile == 2) {
        v[0] = d[0] - d[2];
        v[1] = d[1] + d[2];
        v[2] = d[2] - d[1];
        v[3] = d[1] - d[3];
        return;
    }
    v[0] = fmaf(d[0], WINOGRAD_AABB, fmaf(d[2], -WINOGRAD_SUM, d[4]));
    v[1] = fmaf(fmaf(d[1], -WINOGRAD_BB, d[3]), WINOGRAD_A, fmaf(d[2], -WINOGRAD_BB, d[4]));
    v[2] = fmaf(fmaf(d[1], -WINOGRAD_BB, d[3]), -WINOGRAD_A, fmaf(d[2], -WINOGRAD_BB, d[4]));
    v[3] = fmaf(fmaf(d[1], -WINOGRAD_AA, d[3]), WINOGRAD_B, fmaf(d[2], -WINOGRAD_AA, d[4]));
    v[4] = fmaf(fmaf(d[1], -WINOGRAD_AA, d[3]), -WINOGRAD_B, fmaf(d[2], -WINOGRAD_AA, d[4]));
    v[5] = fmaf(d[1], WINOGRAD_AABB, fmaf(d[3], -WINOGRAD_SUM, d[5]));
}

static void weights_axis(int tile, const float g[], float u[]) {
    if (tile == 2) {
        u[0] = g[0];
        u[1] = fmaf(g[1], 0.5f, (g[0] + g[2]) * 0.5f);
        u[2] = fmaf(g[1], -0.5f, (g[0] + g[2]) * 0.5f);
        u[3] = g[2];
        return;
    }
    u[0] = g[0] * WINOGRAD_P0;
    u[1] = fmaf(g[1], WINOGRAD_A1, fmaf(g[2], WINOGRAD_A2, g[0] * WINOGRAD_A0));
    u[2] = fmaf(g[1], -WINOGRAD_A1, fmaf(g[2], WINOGRAD_A2, g[0] * WINOGRAD_A0));
    u[3] = fmaf(g[1], WINOGRAD_B1, fmaf(g[2], WINOGRAD_B2, g[0] * WINOGRAD_B0));
    u[4] = fmaf(g[1], -WINOGRAD_B1, fmaf(g[2], WINOGRAD_B2, g[0] * WINOGRAD_B0));
    u[5] = g[2];
}

static void output_axis(int tile, const float m[], float y[]) {
    if (tile == 2) {
        y[0] = m[0] + (m[1] + m[2]);
        y[1] = (m[1] - m[2]) - m[3];
        return;
    }
    const float s = m[1] + m[2], d = m[1] - m[2], t = m[3] + m[4], f = m[3] - m[4];
    y[0] = m[0] + (s + t);
    y[1] = fmaf(d, WINOGRAD_A, f * WINOGRAD_B);
    y[2] = fmaf(s, WINOGRAD_AA, t * WINOGRAD_BB);
    y[3] = fmaf(d, WINOGRAD_AAA, fmaf(f, WINOGRAD_BBB, m[5]));
}

static void gradient_axis(int tile, const float y[], float z[]) {
    if (tile == 2) {
        z[0] = y[0];
        z[1] = y[0] + y[1];
        z[2] = y[0] - y[1];
        z[3] = 0.0f - y[1];
        return;
    }
    z[0] = y[0];
    z[1] = fmaf(y[2], WINOGRAD_AA, y[0]) + fmaf(y[3], WINOGRAD_AAA, y[1] * WINOGRAD_A);
    z[2] = fmaf(y[2], WINOGRAD_AA, y[0]) - fmaf(y[3], WINOGRAD_AAA, y[1] * WINOGRAD_A);
    z[3] = fmaf(y[2], WINOGRAD_BB, y[0]) + fmaf(y[3], WINOGRAD_BBB, y[1] * WINOGRAD_B);
    z[4] = fmaf(y[2], WINOGRAD_BB, y[0]) - fmaf(y[3], WINOGRAD_BBB, y[1] * WINOGRAD_B);
    z[5] = y[3];
}

static void collect_axis(int tile, const float u[], float g[]) {
    const float s = u[1] + u[2], d = u[1] - u[2];
    if (tile == 2) {
        g[0] = fmaf(s, 0.5f, u[0]);
        g[1] = d * 0.5f;
        g[2] = fmaf(s, 0.5f, u[3]);
        return;
    }
    const float t = u[3] + u[4], f = u[3] - u[4];
    g[0] = fmaf(u[0], WINOGRAD_P0, fmaf(s, WINOGRAD_A0, t * WINOGRAD_B0));
    g[1] = fmaf(d, WINOGRAD_A1, f * WINOGRAD_B1);
    g[2] = fmaf(s, WINOGRAD_A2, fmaf(t, WINOGRAD_B2, u[5]));
}

typedef void axis(int tile, const float *from, float *to);

/* Both axes of from (rows x columns numbers): the columns first, each to `points` numbers, then the rows. */
static void columns_then_rows(axis *transform, int tile, int points, int size, float from[MOST][MOST],
                              float to[MOST][MOST]) {
    float down[MOST][MOST];
    for (int x = 0; x < size; x++) {
        float column[MOST] = { 0 }, result[MOST] = { 0 };
        for (int y = 0; y < size; y++) column[y] = from[y][x];
        transform(tile, column, result);
        for (int y = 0; y < points; y++) down[y][x] = result[y];
    }
    for (int y = 0; y < points; y++) transform(tile, down[y], to[y]);
}

static void rows_then_columns(axis *transform, int tile, int points, int size, float from[MOST][MOST],
                              float to[MOST][MOST]) {
    float across[MOST][MOST];
    for (int y = 0; y < points; y++) transform(tile, from[y], across[y]);
    for (int x = 0; x < size; x++) {
        float column[MOST] = { 0 }, result[MOST] = { 0 };
        for (int y = 0; y < points; y++) column[y] = across[y][x];
        transform(tile, column, result);
        for (int y = 0; y < size; y++) to[y][x] = result[y];
    }
}

/* The weights of one pair of channels: w and u point at its first tap and point. */
static void weights_pair(int tile, const float *w, int64_t w_stride, float *u, int64_t u_stride) {
    float g[MOST][MOST], points[MOST][MOST];
    for (int tap = 0; tap < 9; tap++) g[tap / 3][tap % 3] = w[tap * w_stride];
    columns_then_rows(weights_axis, tile, tile + 2, 3, g, points);
    for (int y = 0; y < tile + 2; y++)
        for (int x = 0; x < tile + 2; x++) u[(y * (tile + 2) + x) * u_stride] = points[y][x];
}

void dai_winograd_transform_weights_reference(int tile, int64_t c, int64_t k, const float *w, float *u) {
    for (int64_t i = 0; i < c * k; i++) weights_pair(tile, w + i, c * k, u + i, dai_winograd_weight_stride(c, k));
}

void dai_winograd_transform_turned_weights_reference(int tile, int64_t c, int64_t k, const float *w, float *u) {
    for (int64_t i = 0; i < c; i++)
        for (int64_t j = 0; j < k; j++) /* the last tap first */
            weights_pair(tile, w + 8 * c * k + i * k + j, -c * k, u + j * c + i, dai_winograd_weight_stride(c, k));
}

/* The points of the tile whose first output is (oy, ox) of an image: v is points x C. */
static void input_tile(const dai_winograd *run, const float *image, int64_t oy, int64_t ox, float *v) {
    const int n = run->tile + 2;
    float from[MOST][MOST], to[MOST][MOST];
    for (int64_t i = 0; i < run->c; i++) {
        for (int p = 0; p < n * n; p++)
            from[p / n][p % n] = image[((oy + p / n) * run->width + ox + p % n) * run->c + i];
        columns_then_rows(input_axis, run->tile, n, n, from, to);
        for (int p = 0; p < n * n; p++) v[p * run->c + i] = to[p / n][p % n];
    }
}

/* The tile whose first output is (oy, ox) of an image that begins at y[at]. */
static void output_tile(const dai_winograd *run, const float *v, const float *u, const float *bias, int64_t oy,
                        int64_t ox, int64_t at, float *y) {
    const int tile = run->tile, n = tile + 2;
    const int64_t c = run->c, k = run->k, u_stride = dai_winograd_weight_stride(c, k);
    float from[MOST][MOST], to[MOST][MOST];
    for (int64_t j = 0; j < k; j++) {
        for (int p = 0; p < n * n; p++) {
            float chain = 0.0f;
            for (int64_t i = 0; i < c; i++) chain = fmaf(v[p * c + i], u[p * u_stride + i * k + j], chain);
            from[p / n][p % n] = chain;
        }
        rows_then_columns(output_axis, tile, n, tile, from, to);
        for (int p = 0; p < tile * tile; p++) {
            const int64_t row = oy + p / tile, column = ox + p % tile;
            const int64_t i = at + (row * run->ow + column) * k + j;
            const float value = bias ? to[p / tile][p % tile] + bias[j] : to[p / tile][p % tile];
            if (row >= run->oh || column >= run->ow) continue;
            y[i] = run->affine ? dai_affine_one(run->affine, j, i, value) : value;
        }
    }
}

void dai_winograd_images_reference(const dai_winograd *run, const float *framed, const float *u, const float *bias,
                                   float *y, float *scratch) {
    for (int64_t image = 0; image < run->images; image++)
        for (int64_t oy = 0; oy < run->oh; oy += run->tile)
            for (int64_t ox = 0; ox < run->ow; ox += run->tile) {
                input_tile(run, framed + image * run->height * run->width * run->c, oy, ox, scratch);
                output_tile(run, scratch, u, bias, oy, ox, image * run->oh * run->ow * run->k, y);
            }
}

/* One tile's share of the sums: every channel of dy against every channel of the input. */
static void gradient_tile(const dai_winograd *run, const float *v, const float *dy, int64_t oy, int64_t ox,
                          float *sums) {
    const int tile = run->tile, n = tile + 2;
    const int64_t c = run->c, k = run->k, u_stride = dai_winograd_weight_stride(c, k);
    float from[MOST][MOST], to[MOST][MOST];
    for (int64_t j = 0; j < k; j++) {
        for (int p = 0; p < tile * tile; p++) {
            const int64_t row = oy + p / tile, column = ox + p % tile;
            from[p / tile][p % tile] = row < run->oh && column < run->ow ? dy[(row * run->ow + column) * k + j] : 0.0f;
        }
        columns_then_rows(gradient_axis, tile, n, tile, from, to);
        for (int p = 0; p < n * n; p++)
            for (int64_t i = 0; i < c; i++) {
                float *sum = &sums[p * u_stride + i * k + j];
                *sum = fmaf(v[p * c + i], to[p / n][p % n], *sum);
            }
    }
}

void dai_winograd_gradient_reference(const dai_winograd *run, const float *framed, const float *dy, bool accumulate,
                                     float *sums, float *scratch) {
    const int64_t floats = dai_winograd_weight_floats(run->tile, run->c, run->k);
    for (int64_t i = 0; !accumulate && i < floats; i++) sums[i] = 0.0f;
    for (int64_t image = 0; image < run->images; image++)
        for (int64_t oy = 0; oy < run->oh; oy += run->tile)
            for (int64_t ox = 0; ox < run->ow; ox += run->tile) {
                input_tile(run, framed + image * run->height * run->width * run->c, oy, ox, scratch);
                gradient_tile(run, scratch, dy + image * run->oh * run->ow * run->k, oy, ox, sums);
            }
}

void dai_winograd_collect_gradient_reference(int tile, int64_t c, int64_t k, int64_t slices, const float *sums,
                                             float *dw) {
    const int n = tile + 2;
    const int64_t u_stride = dai_winograd_weight_stride(c, k), slice = dai_winograd_weight_floats(tile, c, k);
    for (int64_t i = 0; i < c * k; i++) {
        float total[MOST][MOST], taps[MOST][MOST];
        for (int p = 0; p < n * n; p++) {
            total[p / n][p % n] = sums[p * u_stride + i];
            for (int64_t s = 1; s < slices; s++) total[p / n][p % n] += sums[s * slice + p * u_stride + i];
        }
        rows_then_columns(collect_axis, tile, n, 3, total, taps);
        for (int tap = 0; tap < 9; tap++) dw[tap * c * k + i] = taps[tap / 3][tap % 3];
    }
}
