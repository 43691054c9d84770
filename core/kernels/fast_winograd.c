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
#include "core/tiny.h"

enum { MOST = 6, STRIP = DA_SIZE(8, 3) }; /* points along one axis, tiles of a strip */

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

V16_INLINE void gradient_axis(const int tile, const v16 y[4], v16 z[MOST]) {
    z[0] = y[0];
    if (tile == 2) {
        z[1] = v16_add(y[0], y[1]);
        z[2] = v16_sub(y[0], y[1]);
        z[3] = v16_sub(v16_zero(), y[1]);
    } else {
        const v16 even_a = plus(y[2], WINOGRAD_AA, y[0]), odd_a = plus(y[3], WINOGRAD_AAA, times(y[1], WINOGRAD_A)),
                  even_b = plus(y[2], WINOGRAD_BB, y[0]), odd_b = plus(y[3], WINOGRAD_BBB, times(y[1], WINOGRAD_B));
        z[1] = v16_add(even_a, odd_a);
        z[2] = v16_sub(even_a, odd_a);
        z[3] = v16_add(even_b, odd_b);
        z[4] = v16_sub(even_b, odd_b);
        z[5] = y[3];
    }
}

/* What becomes points: tiles of the image, which overlap, or tiles of the outputs' gradient, which do not and may lie
   over its edge. */
enum { INPUT, GRADIENT };
V16_INLINE void points_axis(const int kind, const int tile, const v16 *from, v16 to[MOST]) {
    if (kind == INPUT) input_axis(tile, from, to);
    else gradient_axis(tile, from, to);
}

/* from: the first pixel of the strip, in an image `width` wide of which `rows` x `columns` pixels are left; v: the
   first tile's point 0; both at 16 of the channels, `lanes` of them there */
V16_INLINE void points_strip(const int kind, const int tile, int64_t tiles, const float *from, int64_t width,
                             int64_t channels, int64_t rows, int64_t columns, float *v, int64_t stride,
                             const int lanes) {
    const int n = tile + 2, high = kind == INPUT ? n : tile;
    const int64_t wide = tiles * tile + (kind == INPUT ? 2 : 0);
    v16 down[MOST][4 * STRIP + 2];
    const float *lines[MOST];
    V16_UNROLL for (int y = 0; y < high; y++) lines[y] = from + y * width * channels;
    for (int64_t x = 0; x < wide; x++) {
        v16 column[MOST], points[MOST];
        V16_UNROLL for (int y = 0; y < high; y++)
            column[y] = kind == INPUT || (y < rows && x < columns) ? v16_load_lanes(lines[y] + x * channels, lanes)
                                                                   : v16_zero();
        points_axis(kind, tile, column, points);
        V16_UNROLL for (int y = 0; y < n; y++) down[y][x] = points[y];
    }
    float *to[MOST];
    V16_UNROLL for (int x = 0; x < n; x++) to[x] = v + x * stride;
    for (int y = 0; y < n; y++)
        for (int64_t t = 0; t < tiles; t++) {
            v16 points[MOST];
            points_axis(kind, tile, &down[y][t * tile], points);
            V16_UNROLL for (int x = 0; x < n; x++)
                v16_store_lanes(to[x] + y * n * stride + t * channels, points[x], lanes);
        }
}

V16_INLINE void points(const int kind, const int tile, const dai_winograd *run, int64_t first, int64_t count,
                       const float *images, float *v, int64_t stride) {
    const int64_t channels = kind == INPUT ? run->c : run->k, height = kind == INPUT ? run->height : run->oh,
                  width = kind == INPUT ? run->width : run->ow, end = first + count;
    for (int64_t t = first; t < end;) {
        const strip s = strip_at(run, t, end);
        const int64_t y = s.y * tile, x = s.x * tile;
        const float *from = images + ((s.image * height + y) * width + x) * channels;
        float *to = v + (t - first) * channels;
        int64_t c = 0;
        for (; c + V16_LANES <= channels; c += V16_LANES)
            points_strip(kind, tile, s.tiles, from + c, width, channels, height - y, width - x, to + c, stride,
                         V16_LANES);
        if (c < channels)
            points_strip(kind, tile, s.tiles, from + c, width, channels, height - y, width - x, to + c, stride,
                         (int)(channels - c));
        t += s.tiles;
    }
}

static void transform_input(const dai_winograd *run, int64_t first, int64_t count, const float *framed, float *v,
                            int64_t stride) {
    if (run->tile == 2) points(INPUT, 2, run, first, count, framed, v, stride);
    else points(INPUT, 4, run, first, count, framed, v, stride);
}

static void transform_gradient(const dai_winograd *run, int64_t first, int64_t count, const float *dy, float *z,
                               int64_t stride) {
    if (run->tile == 2) points(GRADIENT, 2, run, first, count, dy, z, stride);
    else points(GRADIENT, 4, run, first, count, dy, z, stride);
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

/* What is done to outputs before they are stored: bias, then an affine map; at 16 of the channels. */
typedef struct output_end { const float *bias; da_channel_affine affine; v16 sum, factor, offset; } output_end;

V16_INLINE output_end output_end_at(const float *bias, const da_channel_affine *affine, int64_t j, int64_t at,
                                    const int lanes) {
    output_end end = { .bias = bias, .sum = v16_zero(), .factor = v16_zero(), .offset = v16_zero() };
    if (bias) end.sum = v16_load_lanes(bias + j, lanes);
    if (!affine) return end;
    end.affine = dai_affine_at(affine, j, at);
    if (!affine->factor) return end;
    end.factor = v16_load_lanes(end.affine.factor, lanes);
    end.offset = v16_load_lanes(end.affine.offset, lanes);
    return end;
}

V16_INLINE v16 finish(const output_end *end, v16 x, int64_t at, const int lanes) {
    if (end->bias) x = v16_add(x, end->sum);
    if (end->affine.factor) x = v16_fma(x, end->factor, end->offset);
    if (end->affine.add) x = v16_add(x, v16_load_lanes(end->affine.add + at, lanes));
    return end->affine.relu ? v16_where_positive(x, x) : x;
}

/* m: the first tile's point 0; y: the strip's first pixel, of which `rows` x `columns` lie in the image */
V16_INLINE void output_strip(const int tile, const dai_winograd *run, int64_t tiles, const float *m, int64_t stride,
                             const output_end *end, float *y, int64_t rows, int64_t columns, const int lanes) {
    const int n = tile + 2;
    const int64_t k = run->k;
    v16 across[MOST][4 * STRIP];
    const float *from[MOST];
    V16_UNROLL for (int x = 0; x < n; x++) from[x] = m + x * stride;
    for (int i = 0; i < n; i++)
        for (int64_t t = 0; t < tiles; t++) {
            v16 points[MOST], row[4];
            V16_UNROLL for (int x = 0; x < n; x++) points[x] = v16_load_lanes(from[x] + i * n * stride + t * k, lanes);
            output_axis(tile, points, row);
            V16_UNROLL for (int x = 0; x < tile; x++) across[i][t * tile + x] = row[x];
        }
    const int64_t line = run->ow * k;
    for (int64_t x = 0; x < columns; x++) {
        v16 points[MOST], column[4];
        V16_UNROLL for (int i = 0; i < n; i++) points[i] = across[i][x];
        output_axis(tile, points, column);
        V16_UNROLL for (int i = 0; i < tile; i++)
            if (i < rows) v16_store_lanes(y + i * line + x * k, finish(end, column[i], i * line + x * k, lanes), lanes);
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
        const int64_t at = ((s.image * run->oh + s.y * tile) * run->ow + s.x * tile) * k;
        int64_t j = 0;
        for (; j + V16_LANES <= k; j += V16_LANES) {
            const output_end ending = output_end_at(bias, run->affine, j, at + j, V16_LANES);
            output_strip(tile, run, s.tiles, from + j, stride, &ending, y + at + j, rows, columns, V16_LANES);
        }
        if (j < k) {
            const output_end ending = output_end_at(bias, run->affine, j, at + j, (int)(k - j));
            output_strip(tile, run, s.tiles, from + j, stride, &ending, y + at + j, rows, columns, (int)(k - j));
        }
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
        V16_UNROLL for (int y = 0; y < 3; y++) column[y] = v16_load_lanes(w + (3 * y + x) * w_stride, lanes);
        weights_axis(tile, column, points);
        V16_UNROLL for (int y = 0; y < n; y++) down[y][x] = points[y];
    }
    V16_UNROLL for (int y = 0; y < n; y++) {
        v16 points[MOST];
        weights_axis(tile, down[y], points);
        V16_UNROLL for (int x = 0; x < n; x++) v16_store_lanes(u + (n * y + x) * u_stride, points[x], lanes);
    }
}

static void transform_weights(int tile, int64_t count, const float *w, int64_t w_stride, float *u, int64_t u_stride) {
    for (int64_t i = 0; i < count; i += V16_LANES) {
        const int lanes = count - i < V16_LANES ? (int)(count - i) : V16_LANES;
        if (tile == 2) weights(2, w + i, w_stride, u + i, u_stride, lanes);
        else weights(4, w + i, w_stride, u + i, u_stride, lanes);
    }
}

V16_INLINE void collect_axis(const int tile, const v16 u[MOST], v16 g[3]) {
    const v16 s = v16_add(u[1], u[2]), d = v16_sub(u[1], u[2]);
    if (tile == 2) {
        g[0] = plus(s, 0.5f, u[0]);
        g[1] = times(d, 0.5f);
        g[2] = plus(s, 0.5f, u[3]);
    } else {
        const v16 t = v16_add(u[3], u[4]), f = v16_sub(u[3], u[4]);
        g[0] = plus(u[0], WINOGRAD_P0, plus(s, WINOGRAD_A0, times(t, WINOGRAD_B0)));
        g[1] = plus(d, WINOGRAD_A1, times(f, WINOGRAD_B1));
        g[2] = plus(s, WINOGRAD_A2, plus(t, WINOGRAD_B2, u[5]));
    }
}

V16_INLINE void collect(const int tile, int64_t slices, const float *sums, int64_t slice_stride, int64_t u_stride,
                        float *dw, int64_t w_stride, int lanes) {
    const int n = tile + 2;
    v16 across[MOST][3];
    V16_UNROLL for (int y = 0; y < n; y++) {
        v16 total[MOST];
        V16_UNROLL for (int x = 0; x < n; x++) {
            const float *from = sums + (n * y + x) * u_stride;
            total[x] = v16_load_lanes(from, lanes);
            for (int64_t s = 1; s < slices; s++)
                total[x] = v16_add(total[x], v16_load_lanes(from + s * slice_stride, lanes));
        }
        collect_axis(tile, total, across[y]);
    }
    V16_UNROLL for (int x = 0; x < 3; x++) {
        v16 column[MOST], taps[3];
        V16_UNROLL for (int y = 0; y < n; y++) column[y] = across[y][x];
        collect_axis(tile, column, taps);
        V16_UNROLL for (int y = 0; y < 3; y++) v16_store_lanes(dw + (3 * y + x) * w_stride, taps[y], lanes);
    }
}

static void collect_gradient(int tile, int64_t count, int64_t slices, const float *sums, int64_t slice_stride,
                             int64_t u_stride, float *dw, int64_t w_stride) {
    for (int64_t i = 0; i < count; i += V16_LANES) {
        const int lanes = count - i < V16_LANES ? (int)(count - i) : V16_LANES;
        if (tile == 2) collect(2, slices, sums + i, slice_stride, u_stride, dw + i, w_stride, lanes);
        else collect(4, slices, sums + i, slice_stride, u_stride, dw + i, w_stride, lanes);
    }
}

const dai_winograd_transforms DA_VARIANT(dai_winograd) = { transform_weights, transform_input, transform_output,
                                                           transform_gradient, collect_gradient };
