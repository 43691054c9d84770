/* The routines over pixels x channels on vectors of 16 channels, and those over plain arrays.
 *
 * Eight channels fill half a vector, so there two pixels lie side by side in one (`paired`): pixels are then pairs, and
 * of the eight chains of a sum the even ones run in the lower half of four vectors, the odd ones in the upper half.
 */
#include "core/kernels/channels.h"
#include "core/kernels/simd.h"
#include "core/kernels/variant.h"

#include <stddef.h>

/* What belongs to the channels of a vector: in both halves where pixels are paired. */
V16_INLINE v16 load_channels(const float *p, int lanes, const bool paired) {
    if (!paired) return v16_load_lanes(p, lanes);
    float both[V16_LANES];
    memcpy(both, p, 8 * sizeof *p);
    memcpy(both + 8, p, 8 * sizeof *p);
    return v16_load(both);
}

/* The sum of eight chains, in both halves where pixels are paired; how many of its lanes are channels. */
V16_INLINE v16 tree(const v16 chain[8], const bool paired) {
    if (!paired)
        return v16_add(v16_add(v16_add(chain[0], chain[4]), v16_add(chain[2], chain[6])),
                       v16_add(v16_add(chain[1], chain[5]), v16_add(chain[3], chain[7])));
    float sum[V16_LANES];
    v16_store(sum, v16_add(v16_add(chain[0], chain[2]), v16_add(chain[1], chain[3])));
    for (int l = 0; l < 8; l++) sum[l] = sum[l + 8] = sum[l] + sum[l + 8];
    return v16_load(sum);
}
V16_INLINE int channels_of(int lanes, const bool paired) { return paired ? 8 : lanes; }

/* The routines below are written for one vector of channels, as `run(pixels, channels, c, lanes, paired, ...)`: the
 * channels c .. c + lanes - 1 of all pixels. The macros call it for all channels, with constants where a copy of its
 * own is faster:
 *
 *     40 channels               run(pixels, 40, 0, 16, false), run(pixels, 40, 16, 16, false),
 *                               run(pixels, 40, 32, 8, false)
 *     8 channels, even pixels   run(pixels / 2, 16, 0, 16, true)     a pair of pixels is like one of 16 channels
 *
 * They are macros because what is run has arguments of its own, and because its loop over pixels is written out eight
 * times, a chain each: q = p mod 8 is a constant that names a register. */

/* Runs `step` for every pixel (or pair), with i where it begins and q = p mod 8 a constant in each copy. */
#define EACH_PIXEL(step)                                                                                               \
    do {                                                                                                               \
        int64_t p = 0;                                                                                                 \
        for (; p + 8 <= pixels; p += 8)                                                                                \
            V16_UNROLL for (int q = 0; q < 8; q++) { const int64_t i = (p + q) * channels + c; step; }                 \
        V16_UNROLL for (int q = 0; q < 8; q++)                                                                         \
            if (p + q < pixels) { const int64_t i = (p + q) * channels + c; step; }                                    \
    } while (0)

/* Calls run for whole vectors of channels, and once for the lanes that are left. */
#define EACH_VECTOR(run, ...)                                                                                          \
    do {                                                                                                               \
        int64_t c = 0;                                                                                                 \
        for (; c + V16_LANES <= channels; c += V16_LANES) run(pixels, channels, c, V16_LANES, __VA_ARGS__);            \
        if (c < channels) run(pixels, channels, c, (int)(channels - c), __VA_ARGS__);                                  \
    } while (0)

/* The same, two pixels at a time where that fills a vector. */
#define EACH_VECTOR_OR_PAIR(run, ...)                                                                                  \
    do {                                                                                                               \
        if (channels == 8 && pixels % 2 == 0) {                                                                        \
            run(pixels / 2, V16_LANES, 0, V16_LANES, true, __VA_ARGS__);                                               \
            break;                                                                                                     \
        }                                                                                                              \
        EACH_VECTOR(run, false, __VA_ARGS__);                                                                          \
    } while (0)
#define CHAIN(q) (paired ? (q) % 4 : (q))

V16_INLINE void moments(int64_t pixels, int64_t channels, int64_t c, int lanes, const bool paired, const float *x,
                        float *mean, float *square) {
    v16 sum[8], squares[8];
    V16_UNROLL for (int q = 0; q < 8; q++) sum[q] = squares[q] = v16_zero();
    EACH_PIXEL(sum[CHAIN(q)] = v16_add(sum[CHAIN(q)], v16_load_lanes(x + i, lanes)));
    float totals[V16_LANES];
    v16_store(totals, tree(sum, paired));
    for (int l = 0; l < V16_LANES; l++) totals[l] = totals[l] / (float)(paired ? 2 * pixels : pixels);
    const v16 average = v16_load(totals);
    EACH_PIXEL(const v16 d = v16_sub(v16_load_lanes(x + i, lanes), average);
               squares[CHAIN(q)] = v16_fma(d, d, squares[CHAIN(q)]));
    v16_store_lanes(mean + c, average, channels_of(lanes, paired));
    v16_store_lanes(square + c, tree(squares, paired), channels_of(lanes, paired));
}

void DA_VARIANT(dai_channel_moments)(int64_t pixels, int64_t channels, const float *x, float *mean, float *square) {
    EACH_VECTOR_OR_PAIR(moments, x, mean, square);
}

/* How a ReLU's mask is known: three loops instead of a question at every pixel. */
typedef enum mask { NO_MASK, MASK_OF_Y, MASK_OF_AFFINE } mask;

static mask mask_of(const da_channel_gradient *g) { return g->y ? MASK_OF_Y : g->factor ? MASK_OF_AFFINE : NO_MASK; }

V16_INLINE v16 masked_gradient(const mask m, const da_channel_gradient *g, int64_t i, int lanes, v16 x, v16 factor,
                               v16 offset) {
    const v16 dy = v16_load_lanes(g->dy + i, lanes);
    if (m == MASK_OF_Y) return v16_where_positive(v16_load_lanes(g->y + i, lanes), dy);
    if (m == MASK_OF_AFFINE) return v16_where_positive(v16_fma(x, factor, offset), dy);
    return dy;
}

V16_INLINE void gradient_sums(int64_t pixels, int64_t channels, int64_t c, int lanes, const bool paired, const mask m,
                              const da_channel_gradient *g, float *masked, float *plain, float *product) {
    v16 sum[8], products[8];
    const v16 average = load_channels(g->mean + c, lanes, paired),
        factor = m == MASK_OF_AFFINE ? load_channels(g->factor + c, lanes, paired) : v16_zero(),
        offset = m == MASK_OF_AFFINE ? load_channels(g->offset + c, lanes, paired) : v16_zero();
    V16_UNROLL for (int q = 0; q < 8; q++) sum[q] = products[q] = v16_zero();
    EACH_PIXEL(const v16 x = v16_load_lanes(g->x + i, lanes);
               const v16 dy = masked_gradient(m, g, i, lanes, x, factor, offset);
               sum[CHAIN(q)] = v16_add(sum[CHAIN(q)], dy);
               products[CHAIN(q)] = v16_fma(dy, v16_sub(x, average), products[CHAIN(q)]);
               if (masked) v16_store_lanes(masked + i, dy, lanes));
    v16_store_lanes(plain + c, tree(sum, paired), channels_of(lanes, paired));
    v16_store_lanes(product + c, tree(products, paired), channels_of(lanes, paired));
}

void DA_VARIANT(dai_channel_gradient_sums)(int64_t pixels, int64_t channels, const da_channel_gradient *g,
                                           float *masked, float *plain, float *product) {
    switch (mask_of(g)) {
    case NO_MASK:        EACH_VECTOR_OR_PAIR(gradient_sums, NO_MASK, g, masked, plain, product); break;
    case MASK_OF_Y:      EACH_VECTOR_OR_PAIR(gradient_sums, MASK_OF_Y, g, masked, plain, product); break;
    case MASK_OF_AFFINE: EACH_VECTOR_OR_PAIR(gradient_sums, MASK_OF_AFFINE, g, masked, plain, product); break;
    }
}

V16_INLINE void affine(int64_t pixels, int64_t channels, int64_t c, int lanes, const bool paired, const bool add,
                       const bool relu, const float *x, const da_channel_affine *f, float *y) {
    const v16 factor = load_channels(f->factor + c, lanes, paired),
        offset = load_channels(f->offset + c, lanes, paired);
    EACH_PIXEL((void)q; v16 value = v16_fma(v16_load_lanes(x + i, lanes), factor, offset);
               if (add) value = v16_add(value, v16_load_lanes(f->add + i, lanes));
               v16_store_lanes(y + i, relu ? v16_where_positive(value, value) : value, lanes));
}

/* Without factors the channels do not matter. */
static void add_and_rectify(int64_t n, const float *x, const da_channel_affine *f, float *y) {
    if (f->add) DA_VARIANT(dai_sum)(n, x, f->add, y);
    else if (y != x) memcpy(y, x, (size_t)n * sizeof *y);
    if (f->relu) DA_VARIANT(dai_relu)(n, y, y);
}

void DA_VARIANT(dai_channel_affine)(int64_t pixels, int64_t channels, const float *x, const da_channel_affine *f,
                                    float *y) {
    if (!f->factor) add_and_rectify(pixels * channels, x, f, y);
    else if (f->add && f->relu) EACH_VECTOR_OR_PAIR(affine, true, true, x, f, y);
    else if (f->add) EACH_VECTOR_OR_PAIR(affine, true, false, x, f, y);
    else if (f->relu) EACH_VECTOR_OR_PAIR(affine, false, true, x, f, y);
    else EACH_VECTOR_OR_PAIR(affine, false, false, x, f, y);
}

V16_INLINE void gradient_affine(int64_t pixels, int64_t channels, int64_t c, int lanes, const bool paired, const mask m,
                                const da_channel_gradient *g, const da_channel_slope *s, float *dx) {
    const v16 a = load_channels(s->a + c, lanes, paired), b = load_channels(s->b + c, lanes, paired),
        rest = load_channels(s->offset + c, lanes, paired),
        factor = m == MASK_OF_AFFINE ? load_channels(g->factor + c, lanes, paired) : v16_zero(),
        offset = m == MASK_OF_AFFINE ? load_channels(g->offset + c, lanes, paired) : v16_zero();
    EACH_PIXEL((void)q; const v16 x = v16_load_lanes(g->x + i, lanes);
               const v16 dy = masked_gradient(m, g, i, lanes, x, factor, offset);
               v16_store_lanes(dx + i, v16_fma(dy, a, v16_fma(x, b, rest)), lanes));
}

void DA_VARIANT(dai_channel_gradient_affine)(int64_t pixels, int64_t channels, const da_channel_gradient *g,
                                             const da_channel_slope *s, float *dx) {
    switch (mask_of(g)) {
    case NO_MASK:        EACH_VECTOR_OR_PAIR(gradient_affine, NO_MASK, g, s, dx); break;
    case MASK_OF_Y:      EACH_VECTOR_OR_PAIR(gradient_affine, MASK_OF_Y, g, s, dx); break;
    case MASK_OF_AFFINE: EACH_VECTOR_OR_PAIR(gradient_affine, MASK_OF_AFFINE, g, s, dx); break;
    }
}

V16_INLINE void sum_chain(int64_t pixels, int64_t channels, int64_t c, int lanes, const float *x, float *sum) {
    v16 total = v16_load_lanes(sum + c, lanes);
    for (int64_t p = 0; p < pixels; p++) total = v16_add(total, v16_load_lanes(x + p * channels + c, lanes));
    v16_store_lanes(sum + c, total, lanes);
}

void DA_VARIANT(dai_channel_sum)(int64_t pixels, int64_t channels, const float *x, float *sum) {
    EACH_VECTOR(sum_chain, x, sum);
}

/* ---- Max pooling: a window is the pixels p * size .. p * size + size - 1 of `size` rows ---- */

V16_INLINE void pool_windows(int64_t windows, int64_t channels, int64_t c, int lanes, int64_t size, const bool relu,
                             const float *x, int64_t pitch, float *y, float *where) {
    for (int64_t p = 0; p < windows; p++) {
        v16 best = v16_zero(), place = v16_zero();
        for (int64_t k = 0; k < size * size; k++) {
            v16 value = v16_load_lanes(x + k / size * pitch + (p * size + k % size) * channels + c, lanes);
            if (relu) value = v16_where_positive(value, value);
            place = k ? v16_where_better(value, best, v16_broadcast((float)k), place) : place;
            best = k ? v16_where_better(value, best, value, best) : value;
        }
        v16_store_lanes(y + p * channels + c, best, lanes);
        if (!where) continue;
        if (relu) place = v16_where_better(best, v16_zero(), place, v16_broadcast(-1.0f));
        v16_store_lanes(where + p * channels + c, place, lanes);
    }
}

void DA_VARIANT(dai_max_pool)(int64_t size, int64_t windows, int64_t channels, bool relu, const float *x, int64_t pitch,
                              float *y, float *where) {
    const int64_t pixels = windows;
    if (relu && size == 2) EACH_VECTOR(pool_windows, 2, true, x, pitch, y, where);
    else if (relu) EACH_VECTOR(pool_windows, size, true, x, pitch, y, where);
    else EACH_VECTOR(pool_windows, size, false, x, pitch, y, where);
}

V16_INLINE void unpool_windows(int64_t windows, int64_t channels, int64_t c, int lanes, int64_t size, int64_t ky,
                               const float *dy, const float *where, float *dx) {
    for (int64_t p = 0; p < windows; p++) {
        const v16 gradient = v16_load_lanes(dy + p * channels + c, lanes),
            place = v16_load_lanes(where + p * channels + c, lanes);
        for (int64_t kx = 0; kx < size; kx++)
            v16_store_lanes(dx + (p * size + kx) * channels + c,
                  v16_where_equal(place, v16_broadcast((float)(ky * size + kx)), gradient), lanes);
    }
}

void DA_VARIANT(dai_max_pool_backward)(int64_t size, int64_t windows, int64_t channels, int64_t ky, const float *dy,
                                       const float *where, float *dx) {
    const int64_t pixels = windows;
    EACH_VECTOR(unpool_windows, size, ky, dy, where, dx);
}

/* ---- Plain arrays ---- */

/* Runs body for every vector from i on, `lanes` of them present. */
#define EACH_LANE(body)                                                                                                \
    do {                                                                                                               \
        int64_t i = 0;                                                                                                 \
        for (; i + V16_LANES <= n; i += V16_LANES) { enum { lanes = V16_LANES }; body; }                               \
        if (i < n) { const int lanes = (int)(n - i); body; }                                                           \
    } while (0)

void DA_VARIANT(dai_sum)(int64_t n, const float *a, const float *b, float *y) {
    EACH_LANE(v16_store_lanes(y + i, v16_add(v16_load_lanes(a + i, lanes), v16_load_lanes(b + i, lanes)), lanes));
}

void DA_VARIANT(dai_relu)(int64_t n, const float *x, float *y) {
    EACH_LANE(const v16 v = v16_load_lanes(x + i, lanes); v16_store_lanes(y + i, v16_where_positive(v, v), lanes));
}

void DA_VARIANT(dai_relu_backward)(int64_t n, const float *y, const float *dy, float *dx) {
    EACH_LANE(const v16 gradient = v16_load_lanes(dy + i, lanes);
              v16_store_lanes(dx + i, v16_where_positive(v16_load_lanes(y + i, lanes), gradient), lanes));
}
