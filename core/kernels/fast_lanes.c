/* The inner loops of convolutions whose lanes are images.
 *
 *     gather        image 0   a0 a1 a2 ...            a0 b0 c0 ...   a vector: number 0 of 16 images
 *     ───────▶      image 1   b0 b1 b2 ...    ◀──▶    a1 b1 c1 ...
 *     ◀───────      image 2   c0 c1 c2 ...            a2 b2 c2 ...   blocks of 16 x 16, transposed in registers
 *     scatter         ...
 *
 *     weights       a tile of P neighbouring taps x Q output channels of one kernel row: at every pixel P vectors of x,
 *                   Q of dy and P x Q fused multiply-adds, each lane the chain of its own image
 */
#include "core/kernels/lanes.h"
#include "core/kernels/simd.h"
#include "core/kernels/variant.h"

#include <stdbool.h>

V16_INLINE void gather_block(const int count, const int images, const float *from, int64_t pitch, float *to) {
    v16 r[16];
    V16_UNROLL for (int l = 0; l < 16; l++)
        r[l] = l < images ? v16_load_lanes(from + l * pitch, count) : v16_zero();
    v16_transpose(r);
    V16_UNROLL for (int i = 0; i < 16; i++)
        if (i < count) v16_store(to + 16 * i, r[i]);
}

static void gather(int64_t count, int images, const float *from, int64_t pitch, float *to) {
    int64_t i = 0;
    for (; i + 16 <= count; i += 16)
        if (images == 16) gather_block(16, 16, from + i, pitch, to + 16 * i);
        else gather_block(16, images, from + i, pitch, to + 16 * i);
    if (i < count) gather_block((int)(count - i), images, from + i, pitch, to + 16 * i);
}

V16_INLINE void scatter_block(const int count, const int images, const float *from, float *to, int64_t pitch) {
    v16 r[16];
    V16_UNROLL for (int i = 0; i < 16; i++) r[i] = i < count ? v16_load(from + 16 * i) : v16_zero();
    v16_transpose(r);
    V16_UNROLL for (int l = 0; l < 16; l++)
        if (l < images) v16_store_lanes(to + l * pitch, r[l], count);
}

static void scatter(int64_t count, int images, const float *from, float *to, int64_t pitch) {
    int64_t i = 0;
    for (; i + 16 <= count; i += 16)
        if (images == 16) scatter_block(16, 16, from + 16 * i, to + i, pitch);
        else scatter_block(16, images, from + 16 * i, to + i, pitch);
    if (i < count) scatter_block((int)(count - i), images, from + 16 * i, to + i, pitch);
}

/* What the registers hold: P x Q sums, Q vectors of dy and one of x. */
#if defined(DA_VARIANT_avx512)
enum { MOST_TAPS = 6, MOST_CHANNELS = 4 };
#else
enum { MOST_TAPS = 2, MOST_CHANNELS = 3 };
#endif

static int64_t between(int64_t least, int64_t x, int64_t most) { return x < least ? least : x > most ? most : x; }

/* Positions begin..end-1 of `out` that a tap reads inside an image of `in`, at position + shift. */
typedef struct span { int64_t begin, end; } span;
static span span_of(int64_t out, int64_t in, int64_t shift) {
    const int64_t begin = between(0, -shift, out);
    return (span){ begin, between(begin, in - shift, out) };
}

/* A tile: the taps t..t+P-1 of kernel row ky, a tap being a column of the kernel and a channel, and Q channels of dy. */
typedef struct tile_at { int64_t ky, t, j; } tile_at;

/* Column ox of a row: for all taps, or for those that have it. x[from] is what the first one reads, were it inside. */
V16_INLINE void weights_column(const int P, const int Q, const bool all, const span has[MOST_TAPS], int64_t ox,
                               const float *x, int64_t from, const float *dy, v16 acc[MOST_TAPS][MOST_CHANNELS]) {
    v16 across[MOST_CHANNELS];
    V16_UNROLL for (int q = 0; q < Q; q++) across[q] = v16_load(dy + 16 * q);
    V16_UNROLL for (int p = 0; p < P; p++) {
        if (!all && (ox < has[p].begin || ox >= has[p].end)) continue;
        const v16 tap = v16_load(x + from + 16 * p);
        V16_UNROLL for (int q = 0; q < Q; q++) acc[p][q] = v16_fma(tap, across[q], acc[p][q]);
    }
}

V16_INLINE void weights_tile(const int P, const int Q, const dai_lanes_weights *w, const tile_at *at) {
    const int64_t shift_y = at->ky - w->padding, c = w->c, x_step = 16 * c, dy_step = 16 * w->k;
    const span rows = span_of(w->oh, w->h, shift_y);
    span has[MOST_TAPS];
    for (int p = 0; p < P; p++) has[p] = span_of(w->ow, w->w, (at->t + p) / c - w->padding);
    const int64_t begin = has[0].begin, end = has[P - 1].end > begin ? has[P - 1].end : begin;
    v16 acc[MOST_TAPS][MOST_CHANNELS];
    V16_UNROLL for (int p = 0; p < P; p++)
        V16_UNROLL for (int q = 0; q < Q; q++) acc[p][q] = v16_zero();
    int64_t from = 16 * (((rows.begin + shift_y) * w->w - w->padding) * c + at->t); /* x of column 0, were it inside */
    const float *dy = w->dy + 16 * (rows.begin * w->ow * w->k + at->j);
    for (int64_t oy = rows.begin; oy < rows.end; oy++, from += x_step * w->w, dy += dy_step * w->ow) {
        for (int64_t ox = 0; ox < begin; ox++)
            weights_column(P, Q, false, has, ox, w->x, from + ox * x_step, dy + ox * dy_step, acc);
        const float *a = w->x + from + begin * x_step, *b = dy + begin * dy_step;
        for (int64_t ox = begin; ox < end; ox++, a += x_step, b += dy_step)
            weights_column(P, Q, true, has, ox, a, 0, b, acc);
        for (int64_t ox = end; ox < w->ow; ox++)
            weights_column(P, Q, false, has, ox, w->x, from + ox * x_step, dy + ox * dy_step, acc);
    }
    V16_UNROLL for (int p = 0; p < P; p++)
        V16_UNROLL for (int q = 0; q < Q; q++)
            v16_store(w->to + (((at->ky * w->s * c + at->t + p) * w->k) + at->j + q) * 16, acc[p][q]);
}

typedef void tile_function(const dai_lanes_weights *w, const tile_at *at);

#define TILE(P, Q) \
    static void tile_##P##_##Q(const dai_lanes_weights *w, const tile_at *at) { weights_tile(P, Q, w, at); }
TILE(1, 1) TILE(1, 2) TILE(1, 3) TILE(2, 1) TILE(2, 2) TILE(2, 3)
#if defined(DA_VARIANT_avx512)
TILE(1, 4) TILE(2, 4) TILE(3, 1) TILE(3, 2) TILE(3, 3) TILE(3, 4) TILE(4, 1) TILE(4, 2) TILE(4, 3) TILE(4, 4)
TILE(5, 1) TILE(5, 2) TILE(5, 3) TILE(5, 4) TILE(6, 1) TILE(6, 2) TILE(6, 3) TILE(6, 4)
#define ROW(P) { tile_##P##_1, tile_##P##_2, tile_##P##_3, tile_##P##_4 }
static tile_function *const tiles[MOST_TAPS][MOST_CHANNELS] = { ROW(1), ROW(2), ROW(3), ROW(4), ROW(5), ROW(6) };
#else
#define ROW(P) { tile_##P##_1, tile_##P##_2, tile_##P##_3 }
static tile_function *const tiles[MOST_TAPS][MOST_CHANNELS] = { ROW(1), ROW(2) };
#endif

/* Tiles of near-equal size; neighbours in the order share dy. */
static void weights(const dai_lanes_weights *w) {
    const int64_t taps = w->s * w->c, across = (w->k + MOST_CHANNELS - 1) / MOST_CHANNELS,
        down = (taps + MOST_TAPS - 1) / MOST_TAPS;
    for (int64_t q = 0; q < across; q++)
        for (int64_t ky = 0; ky < w->r; ky++)
            for (int64_t p = 0; p < down; p++) {
                const tile_at at = { ky, taps * p / down, w->k * q / across };
                tiles[taps * (p + 1) / down - at.t - 1][w->k * (q + 1) / across - at.j - 1](w, &at);
            }
}

const dai_lanes DA_VARIANT(dai_lanes) = { gather, scatter, weights };
