/* Winograd's transforms on vectors of 16 channels: winograd.h says what they compute and in which order.
 *
 * Tile 4 has 6 x 6 points, more than there are registers. The points come in pairs (0, infinity), (a, -a), (b, -b) that
 * share their work, so a pair of rows is the unit: 12 vectors.
 *
 *     input    for every pair of rows: down the six columns of d to the two rows, then along each row to its 6 points
 *     output   along row m[r] to `tile` numbers, for the pairs a and b kept as sum and difference; then down
 */
#include "core/kernels/simd.h"
#include "core/kernels/variant.h"
#include "core/kernels/winograd.h"

enum { MOST = 6 }; /* points along one axis */

V16_INLINE v16 load(const float *p, int lanes) {
    return lanes == V16_LANES ? v16_load(p) : v16_load_part(p, lanes);
}
V16_INLINE void store(float *p, v16 x, int lanes) {
    if (lanes == V16_LANES) v16_store(p, x);
    else v16_store_part(p, x, lanes);
}
V16_INLINE v16 times(v16 x, float constant)            { return v16_mul(x, v16_broadcast(constant)); }
V16_INLINE v16 plus(v16 x, float constant, v16 z)      { return v16_fma(x, v16_broadcast(constant), z); }

/* Where the two points of a pair lie. */
V16_INLINE int pair_point(int tile, int pair, int which) { return pair ? 2 * pair - 1 + which : which * (tile + 1); }

/* d: tile + 2 values; only those that the pair needs are looked at */
V16_INLINE void input_pair(int tile, int pair, const v16 d[MOST], v16 *first, v16 *second) {
    if (tile == 2) {
        *first = pair ? v16_add(d[1], d[2]) : v16_sub(d[0], d[2]);
        *second = pair ? v16_sub(d[2], d[1]) : v16_sub(d[1], d[3]);
    } else if (pair == 0) {
        *first = plus(d[0], WINOGRAD_AABB, plus(d[2], -WINOGRAD_SUM, d[4]));
        *second = plus(d[1], WINOGRAD_AABB, plus(d[3], -WINOGRAD_SUM, d[5]));
    } else {
        const float other = pair == 1 ? WINOGRAD_BB : WINOGRAD_AA, own = pair == 1 ? WINOGRAD_A : WINOGRAD_B;
        const v16 even = plus(d[2], -other, d[4]), odd = plus(d[1], -other, d[3]);
        *first = plus(odd, own, even);
        *second = plus(odd, -own, even);
    }
}

V16_INLINE void input_tile(const int tile, const float *d, int64_t row, int64_t pixel, float *v, int64_t stride,
                           const int lanes) {
    const int n = tile + 2;
    V16_UNROLL for (int pair = 0; pair < n / 2; pair++) {
        v16 rows[2][MOST];
        V16_UNROLL for (int x = 0; x < n; x++) {
            v16 column[MOST];
            V16_UNROLL for (int y = 0; y < n; y++) column[y] = load(d + y * row + x * pixel, lanes);
            input_pair(tile, pair, column, &rows[0][x], &rows[1][x]);
        }
        V16_UNROLL for (int which = 0; which < 2; which++) {
            float *to = v + pair_point(tile, pair, which) * n * stride;
            V16_UNROLL for (int across = 0; across < n / 2; across++) {
                v16 first, second;
                input_pair(tile, across, rows[which], &first, &second);
                store(to + pair_point(tile, across, 0) * stride, first, lanes);
                store(to + pair_point(tile, across, 1) * stride, second, lanes);
            }
        }
    }
}

/* Where tile t of a run lies: its image, its row and column of tiles. */
typedef struct place { int64_t image, y, x; } place;
static place place_of(const dai_winograd *run, int64_t t) {
    const int64_t down = (run->oh + run->tile - 1) / run->tile, across = (run->ow + run->tile - 1) / run->tile;
    return (place){ t / (down * across), t / across % down, t % across };
}

V16_INLINE void input(const int tile, const dai_winograd *run, int64_t t, const float *framed, float *v,
                      int64_t stride) {
    const place at = place_of(run, t);
    const int64_t row = run->width * run->c;
    const float *d = framed + ((at.image * run->height + at.y * tile) * run->width + at.x * tile) * run->c;
    int64_t c = 0;
    for (; c + V16_LANES <= run->c; c += V16_LANES) input_tile(tile, d + c, row, run->c, v + c, stride, V16_LANES);
    if (c < run->c) input_tile(tile, d + c, row, run->c, v + c, stride, (int)(run->c - c));
}

static void transform_input(const dai_winograd *run, int64_t first, int64_t count, const float *framed, float *v,
                            int64_t stride) {
    for (int64_t t = 0; t < count; t++)
        if (run->tile == 2) input(2, run, first + t, framed, v + t * run->c, stride);
        else input(4, run, first + t, framed, v + t * run->c, stride);
}

/* The last step of an output: first and last point as they are, the pairs between as sums and differences. */
V16_INLINE void output_join(int tile, v16 zero, const v16 sum[2], const v16 difference[2], v16 infinity, v16 y[4]) {
    if (tile == 2) {
        y[0] = v16_add(zero, sum[0]);
        y[1] = v16_sub(difference[0], infinity);
    } else {
        y[0] = v16_add(zero, v16_add(sum[0], sum[1]));
        y[1] = plus(difference[0], WINOGRAD_A, times(difference[1], WINOGRAD_B));
        y[2] = plus(sum[0], WINOGRAD_AA, times(sum[1], WINOGRAD_BB));
        y[3] = plus(difference[0], WINOGRAD_AAA, plus(difference[1], WINOGRAD_BBB, infinity));
    }
}

V16_INLINE void output_row(int tile, const float *m, int64_t stride, int lanes, v16 y[4]) {
    v16 sum[2], difference[2];
    V16_UNROLL for (int pair = 0; pair < tile / 2; pair++) {
        const v16 plain = load(m + (2 * pair + 1) * stride, lanes), negated = load(m + (2 * pair + 2) * stride, lanes);
        sum[pair] = v16_add(plain, negated);
        difference[pair] = v16_sub(plain, negated);
    }
    output_join(tile, load(m, lanes), sum, difference, load(m + (tile + 1) * stride, lanes), y);
}

/* rows, columns: how much of the tile lies in the image */
V16_INLINE void output_tile(const int tile, const float *m, int64_t stride, const float *bias, float *y, int64_t row,
                            int64_t pixel, const int rows, const int columns, const int lanes) {
    const int n = tile + 2;
    v16 sum[4][2], difference[4][2], zero[4], infinity[4];
    V16_UNROLL for (int pair = 0; pair < tile / 2; pair++) {
        v16 plain[4], negated[4];
        output_row(tile, m + (2 * pair + 1) * n * stride, stride, lanes, plain);
        output_row(tile, m + (2 * pair + 2) * n * stride, stride, lanes, negated);
        V16_UNROLL for (int x = 0; x < tile; x++) {
            sum[x][pair] = v16_add(plain[x], negated[x]);
            difference[x][pair] = v16_sub(plain[x], negated[x]);
        }
    }
    output_row(tile, m, stride, lanes, zero);
    output_row(tile, m + (tile + 1) * n * stride, stride, lanes, infinity);
    V16_UNROLL for (int x = 0; x < tile; x++) {
        v16 column[4];
        output_join(tile, zero[x], sum[x], difference[x], infinity[x], column);
        V16_UNROLL for (int i = 0; i < tile; i++)
            if (i < rows && x < columns)
                store(y + i * row + x * pixel, bias ? v16_add(column[i], load(bias, lanes)) : column[i], lanes);
    }
}

V16_INLINE void output(const int tile, const dai_winograd *run, int64_t t, const float *m, int64_t stride,
                       const float *bias, float *y) {
    const place at = place_of(run, t);
    const int64_t k = run->k, row = run->ow * k, below = run->oh - at.y * tile, right = run->ow - at.x * tile;
    const int rows = below < tile ? (int)below : tile, columns = right < tile ? (int)right : tile;
    float *to = y + ((at.image * run->oh + at.y * tile) * run->ow + at.x * tile) * k;
    for (int64_t j = 0; j < k; j += V16_LANES) {
        const float *start = bias ? bias + j : NULL;
        if (k - j < V16_LANES)
            output_tile(tile, m + j, stride, start, to + j, row, k, rows, columns, (int)(k - j));
        else if (rows < tile || columns < tile)
            output_tile(tile, m + j, stride, start, to + j, row, k, rows, columns, V16_LANES);
        else
            output_tile(tile, m + j, stride, start, to + j, row, k, tile, tile, V16_LANES);
    }
}

static void transform_output(const dai_winograd *run, int64_t first, int64_t count, const float *m, int64_t stride,
                             const float *bias, float *y) {
    for (int64_t t = 0; t < count; t++)
        if (run->tile == 2) output(2, run, first + t, m + t * run->k, stride, bias, y);
        else output(4, run, first + t, m + t * run->k, stride, bias, y);
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
