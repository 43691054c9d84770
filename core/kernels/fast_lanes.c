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

V16_INLINE void gather_block(const int count, const int images, const float *from, int64_t pitch, float *to) {
    v16 r[16];
    V16_UNROLL for (int l = 0; l < 16; l++)
        r[l] = l >= images   ? v16_zero()
               : count == 16 ? v16_load(from + l * pitch)
                             : v16_load_part(from + l * pitch, count);
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
    V16_UNROLL for (int l = 0; l < 16; l++) {
        if (l >= images) continue;
        if (count == 16) v16_store(to + l * pitch, r[l]);
        else v16_store_part(to + l * pitch, r[l], count);
    }
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

V16_INLINE void weights_tile(const int P, const int Q, const dai_lanes_weights *w, const float *x, const float *dy,
                             float *to) {
    v16 acc[MOST_TAPS][MOST_CHANNELS];
    V16_UNROLL for (int p = 0; p < P; p++)
        V16_UNROLL for (int q = 0; q < Q; q++) acc[p][q] = v16_zero();
    for (int64_t oy = 0; oy < w->oh; oy++) {
        const float *a = x + oy * w->x_row, *b = dy + oy * w->dy_row;
        for (int64_t ox = 0; ox < w->ow; ox++) {
            v16 across[MOST_CHANNELS];
            V16_UNROLL for (int q = 0; q < Q; q++) across[q] = v16_load(b + 16 * q);
            V16_UNROLL for (int p = 0; p < P; p++) {
                const v16 tap = v16_load(a + 16 * p);
                V16_UNROLL for (int q = 0; q < Q; q++) acc[p][q] = v16_fma(tap, across[q], acc[p][q]);
            }
            a += 16 * w->c;
            b += 16 * w->k;
        }
    }
    V16_UNROLL for (int p = 0; p < P; p++)
        V16_UNROLL for (int q = 0; q < Q; q++) v16_store(to + (p * w->k + q) * 16, acc[p][q]);
}

typedef void tile_function(const dai_lanes_weights *w, const float *x, const float *dy, float *to);

#define TILE(P, Q)                                                                                                 \
    static void tile_##P##_##Q(const dai_lanes_weights *w, const float *x, const float *dy, float *to) {           \
        weights_tile(P, Q, w, x, dy, to);                                                                          \
    }
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
    const int64_t across = (w->k + MOST_CHANNELS - 1) / MOST_CHANNELS, down = (w->taps + MOST_TAPS - 1) / MOST_TAPS;
    for (int64_t q = 0; q < across; q++)
        for (int64_t ky = 0; ky < w->rows; ky++)
            for (int64_t p = 0; p < down; p++) {
                const int64_t j = w->k * q / across, t = w->taps * p / down;
                tiles[w->taps * (p + 1) / down - t - 1][w->k * (q + 1) / across - j - 1](
                    w, w->x + ky * w->x_row + 16 * t, w->dy + 16 * j, w->to + ((ky * w->taps + t) * w->k + j) * 16);
            }
}

const dai_lanes DA_VARIANT(dai_lanes) = { gather, scatter, weights };
