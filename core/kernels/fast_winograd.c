/* Winograd's transforms on vectors of 16 channels: winograd.h says what they compute and in which order.
 *
 * The unit of work is a strip: up to STRIP neighbouring tiles of one row of tiles, 16 channels. Both axes are done for
 * the whole strip, one after the other, through a small buffer in the first-level cache; tiles that overlap share
 * the columns they have in common.
 *
 *     input    framed image ──down every column──▶ [point row][column] ──along the rows, tile by tile──▶ V
 *     output   M ──along the rows, tile by tile──▶ [point row][column] ──down every column──▶ y, a tile high
 *
 * The loops are kept rolled, with one pointer a row or point: there are 36 points at strides only known at run time,
 * and their addresses would cost more than the arithmetic.
 */
#include "core/kernels/simd.h"
#include "core/kernels/variant.h"
#include "core/kernels/winograd.h"

enum { MOST = 6, STRIP = 8 }; /* points along one axis, tiles of a strip */

V16_INLINE v16 load(const float *p, int lanes) {
    return lanes == V16_LANES ? v16_load(p) : v16_load_part(p, lanes);
}
V16_INLINE void store(float *p, v16 x, int lanes) {
    if (lanes == V16_LANES) v16_store(p, x);
    else v16_store_part(p, x, lanes);
}
V16_INLINE v16 times(v16 x, float constant)            { return v16_mul(x, v16_broadcast(constant)); }
V16_INLINE v16 plus(v16 x, float constant, v16 z)      { return v16_fma(x, v16_broadcast(constant), z); }

/* A strip: `tiles` tiles from tile (y, x) of an image on. */
typedef struct strip { int64_t image, y, x, tiles; } strip;

/* The strip that begins with tile t of a run and ends before tile `end`. */
static strip strip_at(const dai_winograd *run, int64_t t, int64_t end) {
    const int64_t down = (run->oh + run->tile - 1) / run->tile, across = (run->ow + run->tile - 1) / run->tile;
    strip s = { t / (down * across), t / across % down, t % across, end - t };
    if (s.tiles > across - s.x) s.tiles = across - s.x;
    if (s.tiles > STRIP) s.tiles = STRIP;
    return s;
}

V16_INLINE void input_axis(const int tile, const v16 d[MOST], v16 v[MOST]) {
    if (tile == 2) {
        v[0] = v16_sub(d[0], d[2]);
        v[1] = v16_add(d[1], d[2]);
        v[2] = v16_sub(d[2], d[1]);
        v[3] = v16_sub(d[1], d[3]);
    } else {
        const v16 even_a = plus(d[2], -WINOGRAD_BB, d[4]), odd_a = plus(d[1], -WINOGRAD_BB, d[3]),
                  even_b = plus(d[2], -WINOGRAD_AA, d[4]), odd_b = plus(d[1], -WINOGRAD_AA, d[3]);
        v[0] = plus(d[0], WINOGRAD_AABB, plus(d[2], -WINOGRAD_SUM, d[4]));
        v[1] = plus(odd_a, WINOGRAD_A, even_a);
        v[2] = plus(odd_a, -WINOGRAD_A, even_a);
        v[3] = plus(odd_b, WINOGRAD_B, even_b);
        v[4] = plus(odd_b, -WINOGRAD_B, even_b);
        v[5] = plus(d[1], WINOGRAD_AABB, plus(d[3], -WINOGRAD_SUM, d[5]));
    }
}

/* d: the first pixel of the strip; v: its first tile's point 0; both at 16 channels, `lanes` of them there */
V16_INLINE void input_strip(const int tile, const dai_winograd *run, int64_t tiles, const float *d, float *v,
                            int64_t stride, const int lanes) {
    const int n = tile + 2;
    const int64_t c = run->c, columns = tiles * tile + 2;
    v16 down[MOST][4 * STRIP + 2];
    const float *rows[MOST];
    V16_UNROLL for (int y = 0; y < n; y++) rows[y] = d + y * run->width * c;
    for (int64_t x = 0; x < columns; x++) {
        v16 column[MOST], points[MOST];
        V16_UNROLL for (int y = 0; y < n; y++) column[y] = load(rows[y] + x * c, lanes);
        input_axis(tile, column, points);
        V16_UNROLL for (int y = 0; y < n; y++) down[y][x] = points[y];
    }
    float *to[MOST];
    V16_UNROLL for (int x = 0; x < n; x++) to[x] = v + x * stride;
    for (int y = 0; y < n; y++)
        for (int64_t t = 0; t < tiles; t++) {
            v16 points[MOST];
            input_axis(tile, &down[y][t * tile], points);
            V16_UNROLL for (int x = 0; x < n; x++) store(to[x] + y * n * stride + t * c, points[x], lanes);
        }
}

V16_INLINE void input(const int tile, const dai_winograd *run, int64_t first, int64_t count, const float *framed,
                      float *v, int64_t stride) {
    const int64_t c = run->c, end = first + count;
    for (int64_t t = first; t < end;) {
        const strip s = strip_at(run, t, end);
        const float *d = framed + ((s.image * run->height + s.y * tile) * run->width + s.x * tile) * c;
        float *to = v + (t - first) * c;
        int64_t i = 0;
        for (; i + V16_LANES <= c; i += V16_LANES)
            input_strip(tile, run, s.tiles, d + i, to + i, stride, V16_LANES);
        if (i < c) input_strip(tile, run, s.tiles, d + i, to + i, stride, (int)(c - i));
        t += s.tiles;
    }
}

static void transform_input(const dai_winograd *run, int64_t first, int64_t count, const float *framed, float *v,
                            int64_t stride) {
    if (run->tile == 2) input(2, run, first, count, framed, v, stride);
    else input(4, run, first, count, framed, v, stride);
}

V16_INLINE void output_axis(const int tile, const v16 m[MOST], v16 y[4]) {
    const v16 s = v16_add(m[1], m[2]), d = v16_sub(m[1], m[2]);
    if (tile == 2) {
        y[0] = v16_add(m[0], s);
        y[1] = v16_sub(d, m[3]);
    } else {
        const v16 t = v16_add(m[3], m[4]), f = v16_sub(m[3], m[4]);
        y[0] = v16_add(m[0], v16_add(s, t));
        y[1] = plus(d, WINOGRAD_A, times(f, WINOGRAD_B));
        y[2] = plus(s, WINOGRAD_AA, times(t, WINOGRAD_BB));
        y[3] = plus(d, WINOGRAD_AAA, plus(f, WINOGRAD_BBB, m[5]));
    }
}

/* m: the first tile's point 0; y: the strip's first pixel, of which `rows` x `columns` lie in the image */
V16_INLINE void output_strip(const int tile, const dai_winograd *run, int64_t tiles, const float *m, int64_t stride,
                             const float *bias, float *y, int64_t rows, int64_t columns, const int lanes) {
    const int n = tile + 2;
    const int64_t k = run->k;
    v16 across[MOST][4 * STRIP];
    const float *from[MOST];
    V16_UNROLL for (int x = 0; x < n; x++) from[x] = m + x * stride;
    for (int i = 0; i < n; i++)
        for (int64_t t = 0; t < tiles; t++) {
            v16 points[MOST], row[4];
            V16_UNROLL for (int x = 0; x < n; x++) points[x] = load(from[x] + i * n * stride + t * k, lanes);
            output_axis(tile, points, row);
            V16_UNROLL for (int x = 0; x < tile; x++) across[i][t * tile + x] = row[x];
        }
    float *to[4];
    V16_UNROLL for (int i = 0; i < tile; i++) to[i] = y + i * run->ow * k;
    for (int64_t x = 0; x < columns; x++) {
        v16 points[MOST], column[4];
        V16_UNROLL for (int i = 0; i < n; i++) points[i] = across[i][x];
        output_axis(tile, points, column);
        V16_UNROLL for (int i = 0; i < tile; i++)
            if (i < rows) store(to[i] + x * k, bias ? v16_add(column[i], load(bias, lanes)) : column[i], lanes);
    }
}

V16_INLINE void output(const int tile, const dai_winograd *run, int64_t first, int64_t count, const float *m,
                       int64_t stride, const float *bias, float *y) {
    const int64_t k = run->k, end = first + count;
    for (int64_t t = first; t < end;) {
        const strip s = strip_at(run, t, end);
        const int64_t rows = run->oh - s.y * tile, right = run->ow - s.x * tile,
                      columns = right < s.tiles * tile ? right : s.tiles * tile;
        const float *from = m + (t - first) * k;
        float *to = y + ((s.image * run->oh + s.y * tile) * run->ow + s.x * tile) * k;
        int64_t j = 0;
        for (; j + V16_LANES <= k; j += V16_LANES)
            output_strip(tile, run, s.tiles, from + j, stride, bias ? bias + j : NULL, to + j, rows, columns, V16_LANES);
        if (j < k)
            output_strip(tile, run, s.tiles, from + j, stride, bias ? bias + j : NULL, to + j, rows, columns,
                         (int)(k - j));
        t += s.tiles;
    }
}

static void transform_output(const dai_winograd *run, int64_t first, int64_t count, const float *m, int64_t stride,
                             const float *bias, float *y) {
    if (run->tile == 2) output(2, run, first, count, m, stride, bias, y);
    else output(4, run, first, count, m, stride, bias, y);
}

V16_INLINE void weights_axis(int tile, const v16 g[3], v16 u[MOST]) {
    if (tile == 2) {
        const v16 even = times(v16_add(g[0], g[2]), 0.5f);
        u[0] = g[0];
        u[1] = plus(g[1], 0.5f, even);
        u[2] = plus(g[1], -0.5f, even);
        u[3] = g[2];
    } else {
        const v16 a = plus(g[2], WINOGRAD_A2, times(g[0], WINOGRAD_A0)),
                  b = plus(g[2], WINOGRAD_B2, times(g[0], WINOGRAD_B0));
        u[0] = times(g[0], WINOGRAD_P0);
        u[1] = plus(g[1], WINOGRAD_A1, a);
        u[2] = plus(g[1], -WINOGRAD_A1, a);
        u[3] = plus(g[1], WINOGRAD_B1, b);
        u[4] = plus(g[1], -WINOGRAD_B1, b);
        u[5] = g[2];
    }
}

V16_INLINE void weights(const int tile, const float *w, int64_t w_stride, float *u, int64_t u_stride, int lanes) {
    const int n = tile + 2;
    v16 down[MOST][3];
    V16_UNROLL for (int x = 0; x < 3; x++) {
        v16 column[3], points[MOST];
        V16_UNROLL for (int y = 0; y < 3; y++) column[y] = load(w + (3 * y + x) * w_stride, lanes);
        weights_axis(tile, column, points);
        V16_UNROLL for (int y = 0; y < n; y++) down[y][x] = points[y];
    }
    V16_UNROLL for (int y = 0; y < n; y++) {
        v16 points[MOST];
        weights_axis(tile, down[y], points);
        V16_UNROLL for (int x = 0; x < n; x++) store(u + (n * y + x) * u_stride, points[x], lanes);
    }
}

static void transform_weights(int tile, int64_t count, const float *w, int64_t w_stride, float *u, int64_t u_stride) {
    for (int64_t i = 0; i < count; i += V16_LANES) {
        const int lanes = count - i < V16_LANES ? (int)(count - i) : V16_LANES;
        if (tile == 2) weights(2, w + i, w_stride, u + i, u_stride, lanes);
        else weights(4, w + i, w_stride, u + i, u_stride, lanes);
    }
}

const dai_winograd_transforms DA_VARIANT(dai_winograd) = { transform_weights, transform_input, transform_output };
