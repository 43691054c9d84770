/* The contraction on vectors: a tile of C stays in registers while the chain runs.
 *
 *              B(k, j ..)      b0      b1           Q vectors of 16 columns
 *                           ┌───────┬───────┐
 *     A(i,   k) spread  ──▶ │ acc00 │ acc01 │
 *     A(i+1, k) spread  ──▶ │ acc10 │ acc11 │       P rows: P x Q accumulators, each its own chain, so that enough
 *        ...                │  ...  │  ...  │       fused multiply-adds are in flight to hide their latency
 *     A(i+P-1,k)        ──▶ │       │       │
 *                           └───────┴───────┘
 *
 * Per k: Q loads of B, P spreads of A, P x Q fused multiply-adds. The sizes are constants in each instance, written out
 * by the compiler; the last vector of a row of C may be partial.
 */
#include "core/kernels/contract.h"
#include "core/kernels/simd.h"
#include "core/kernels/variant.h"

/* Tile heights for one and two vectors across: what the registers hold. */
#if defined(DA_VARIANT_avx512)
enum { MOST_ROWS_1 = 16, MOST_ROWS_2 = 12, MOST_VECTORS = 2 };
#elif defined(DA_VARIANT_avx2) || defined(DA_VARIANT_neon)
enum { MOST_ROWS_1 = 6, MOST_ROWS_2 = 1, MOST_VECTORS = 1 };
#else
enum { MOST_ROWS_1 = 4, MOST_ROWS_2 = 1, MOST_VECTORS = 1 };
#endif

/* last: lanes of the last vector */
typedef struct tile_at { const float *a, *b; float *c; const float *bias, *row_bias; int last; } tile_at;

/* a[p * row]: three rows a base pointer, since the hardware adds one or two times `row` to an address for nothing. */
#define A_AT(p) (&bases[(p) / 3][((p) % 3) * row])

V16_INLINE void tile(const int P, const int Q, const bool part, const dai_contraction *problem, const tile_at *at) {
    const int64_t row = problem->a_row, a_step = problem->a_step, b_step = problem->b_step,
        b_vector = V16_LANES + problem->b_gap, c_vector = V16_LANES + problem->c_gap;
    v16 acc[16][2];
    V16_UNROLL for (int p = 0; p < P; p++)
        V16_UNROLL for (int q = 0; q < Q; q++) {
            const bool partial = part && q == Q - 1;
            const float *c = at->c + p * problem->c_row + c_vector * q;
            acc[p][q] = at->row_bias           ? v16_broadcast(at->row_bias[p])
                        : at->bias && partial  ? v16_load_part(at->bias + 16 * q, at->last)
                        : at->bias             ? v16_load(at->bias + 16 * q)
                        : !problem->accumulate ? v16_zero()
                        : partial              ? v16_load_part(c, at->last)
                                               : v16_load(c);
        }
    for (int64_t s = 0; s < problem->segment_count; s++) {
        if (problem->ahead) dai_ahead_step(problem->ahead);
        const float *b = at->b + problem->segments[s].b;
        const float *bases[6];
        V16_UNROLL for (int t = 0; t < (P + 2) / 3; t++) bases[t] = at->a + problem->segments[s].a + 3 * t * row;
        for (int64_t k = 0; k < problem->length; k++) {
            v16 across[2];
            V16_UNROLL for (int q = 0; q < Q; q++)
                across[q] = part && q == Q - 1 ? v16_load_part(b + b_vector * q, at->last) : v16_load(b + b_vector * q);
            V16_UNROLL for (int p = 0; p < P; p++) {
                const v16 spread = v16_broadcast(*A_AT(p));
                V16_UNROLL for (int q = 0; q < Q; q++) acc[p][q] = v16_fma(spread, across[q], acc[p][q]);
            }
            b += b_step;
            V16_UNROLL for (int t = 0; t < (P + 2) / 3; t++) bases[t] += a_step;
        }
    }
    V16_UNROLL for (int p = 0; p < P; p++)
        V16_UNROLL for (int q = 0; q < Q; q++) {
            float *to = at->c + p * problem->c_row + c_vector * q;
            if (part && q == Q - 1) v16_store_part(to, acc[p][q], at->last);
            else v16_store(to, acc[p][q]);
        }
}

typedef void tile_function(const dai_contraction *problem, const tile_at *at);

#define TILE(P, Q)                                                                                                     \
    static void tile_##P##_##Q##_full(const dai_contraction *c, const tile_at *at) { tile(P, Q, false, c, at); }       \
    static void tile_##P##_##Q##_part(const dai_contraction *c, const tile_at *at) { tile(P, Q, true, c, at); }
#define ROW(P, Q) { tile_##P##_##Q##_full, tile_##P##_##Q##_part }

TILE(1, 1) TILE(2, 1) TILE(3, 1) TILE(4, 1)
#if defined(DA_VARIANT_avx512) || defined(DA_VARIANT_avx2) || defined(DA_VARIANT_neon)
TILE(5, 1) TILE(6, 1)
#endif
#if defined(DA_VARIANT_avx512)
TILE(7, 1) TILE(8, 1) TILE(9, 1) TILE(10, 1) TILE(11, 1) TILE(12, 1) TILE(13, 1) TILE(14, 1) TILE(15, 1) TILE(16, 1)
TILE(1, 2) TILE(2, 2) TILE(3, 2) TILE(4, 2) TILE(5, 2) TILE(6, 2) TILE(7, 2) TILE(8, 2) TILE(9, 2)
TILE(10, 2) TILE(11, 2)
TILE(12, 2)
#endif

/* [rows - 1][is the last vector partial?] */
static tile_function *const tiles_1[MOST_ROWS_1][2] = {
    ROW(1, 1), ROW(2, 1), ROW(3, 1), ROW(4, 1),
#if defined(DA_VARIANT_avx512) || defined(DA_VARIANT_avx2) || defined(DA_VARIANT_neon)
    ROW(5, 1), ROW(6, 1),
#endif
#if defined(DA_VARIANT_avx512)
    ROW(7, 1), ROW(8, 1), ROW(9, 1), ROW(10, 1), ROW(11, 1), ROW(12, 1), ROW(13, 1), ROW(14, 1), ROW(15, 1), ROW(16, 1),
#endif
};
#if defined(DA_VARIANT_avx512)
static tile_function *const tiles_2[MOST_ROWS_2][2] = {
    ROW(1, 2), ROW(2, 2), ROW(3, 2), ROW(4, 2), ROW(5, 2), ROW(6, 2),
    ROW(7, 2), ROW(8, 2), ROW(9, 2), ROW(10, 2), ROW(11, 2), ROW(12, 2),
};
#else
static tile_function *const (*const tiles_2)[2] = NULL;
#endif

#if defined(DA_VARIANT_avx512)
/* With one vector across, a spread number serves one multiply-add, and a load each is all that the hardware can do. So
   every second row loads four of its numbers at once, repeated in each quarter of a vector, and spreads them from
   there: steps k..k+3 of the chains of P rows. */
enum { QUAD = 4 };
V16_INLINE void quad_step(const int P, const int64_t row, const float *const bases[6], int64_t k, const v16 b[QUAD],
                          v16 *acc) {
    v16 quad[8];
    V16_UNROLL for (int p = 1; p < P; p += 2) quad[p / 2] = v16_quad(A_AT(p) + k);
    V16_UNROLL for (int j = 0; j < QUAD; j++)
        V16_UNROLL for (int p = 0; p < P; p++)
            acc[p] = v16_fma(p % 2 ? v16_spread(quad[p / 2], j) : v16_broadcast(A_AT(p)[k + j]), b[j], acc[p]);
}

static void tile_16_1_quads(const dai_contraction *problem, const tile_at *at) {
    const int64_t row = problem->a_row;
    v16 acc[16];
    V16_UNROLL for (int p = 0; p < 16; p++)
        acc[p] = at->bias ? v16_load(at->bias) : problem->accumulate ? v16_load(at->c + p * problem->c_row) : v16_zero();
    for (int64_t s = 0; s < problem->segment_count; s++) {
        if (problem->ahead) dai_ahead_step(problem->ahead);
        const float *from = at->b + problem->segments[s].b, *bases[6];
        V16_UNROLL for (int t = 0; t < 6; t++) bases[t] = at->a + problem->segments[s].a + 3 * t * row;
        for (int64_t k = 0; k < problem->length; k += QUAD) {
            v16 b[QUAD];
            V16_UNROLL for (int j = 0; j < QUAD; j++) b[j] = v16_load(from + (k + j) * problem->b_step);
            quad_step(16, row, bases, k, b, acc);
        }
    }
    V16_UNROLL for (int p = 0; p < 16; p++) v16_store(at->c + p * problem->c_row, acc[p]);
}

/* Chains of 16 steps are too short to hide how a tile begins and ends. There all of B lies in registers, and the rows
   stream past it, eight at a time and without an inner loop. Returns how many rows of a band it has done. */
enum { SHORT = 16, SHORT_ROWS = 8 };
static int64_t contract_short(const dai_contraction *problem, const float *a, const float *from, float *c) {
    const int64_t row = problem->a_row;
    v16 b[SHORT];
    V16_UNROLL for (int k = 0; k < SHORT; k++) b[k] = v16_load(from + k * problem->b_step);
    int64_t i = 0;
    for (; i + SHORT_ROWS <= problem->m; i += SHORT_ROWS) {
        if (problem->ahead) dai_ahead_step(problem->ahead);
        const float *bases[6] = { a + i * row, a + (i + 3) * row, a + (i + 6) * row };
        v16 acc[SHORT_ROWS];
        V16_UNROLL for (int p = 0; p < SHORT_ROWS; p++) acc[p] = v16_zero();
        V16_UNROLL for (int k = 0; k < SHORT; k += QUAD) quad_step(SHORT_ROWS, row, bases, k, b + k, acc);
        V16_UNROLL for (int p = 0; p < SHORT_ROWS; p++) v16_store(c + (i + p) * problem->c_row, acc[p]);
    }
    return i;
}
#endif

/* All rows of all bands for the columns from j: near-equal tile heights, as few tiles as the registers allow. */
static void contract_columns(const dai_contraction *problem, int64_t j, int vectors, int last) {
    const int most = vectors == 2 ? MOST_ROWS_2 : MOST_ROWS_1;
    tile_function *const (*const table)[2] = vectors == 2 ? tiles_2 : tiles_1;
    const float *b = problem->b + j + j / V16_LANES * problem->b_gap;
    float *c = problem->c + j + j / V16_LANES * problem->c_gap;
    for (int64_t band = 0; band < problem->bands; band++) {
        int64_t done = 0;
#if defined(DA_VARIANT_avx512)
        if (problem->segment_count == 1 && problem->length == SHORT && problem->a_step == 1 && vectors == 1 &&
            last == V16_LANES && !problem->bias && !problem->row_bias && !problem->accumulate)
            done = contract_short(problem, problem->a + band * problem->a_band + problem->segments[0].a,
                                  b + problem->segments[0].b, c + band * problem->c_band);
#endif
        const int64_t left = problem->m - done, tiles = (left + most - 1) / most;
        for (int64_t t = 0; t < tiles; t++) {
            const int64_t i = done + left * t / tiles, rows = done + left * (t + 1) / tiles - i;
            const tile_at at = { problem->a + band * problem->a_band + i * problem->a_row, b,
                                 c + band * problem->c_band + i * problem->c_row,
                                 problem->bias ? problem->bias + j : NULL,
                                 problem->row_bias ? problem->row_bias + i : NULL, last };
#if defined(DA_VARIANT_avx512)
            if (rows == 16 && last == V16_LANES && problem->a_step == 1 && problem->length % QUAD == 0 &&
                !problem->row_bias) {
                tile_16_1_quads(problem, &at);
                continue;
            }
#endif
            table[rows - 1][last < V16_LANES](problem, &at);
        }
    }
}

/* Vectors across a tile from column j on. */
static int vectors_at(const dai_contraction *problem, int64_t j) {
    return MOST_VECTORS == 2 && problem->n - j > V16_LANES ? 2 : 1;
}

/* Segments of all tiles. */
static int64_t steps_of(const dai_contraction *problem) {
    int64_t tiles = 0;
    for (int64_t j = 0; j < problem->n; j += V16_LANES * vectors_at(problem, j)) {
        const int most = vectors_at(problem, j) == 2 ? MOST_ROWS_2 : MOST_ROWS_1;
        tiles += (problem->m + most - 1) / most;
    }
    return tiles * problem->bands * problem->segment_count;
}

void DA_VARIANT(dai_contract)(const dai_contraction *problem);
void DA_VARIANT(dai_contract)(const dai_contraction *problem) {
    if (problem->ahead) dai_ahead_begin(problem->ahead, steps_of(problem));
    for (int64_t j = 0; j < problem->n;) {
        const int vectors = vectors_at(problem, j);
        const int64_t left = problem->n - j, columns = left < 16 * vectors ? left : 16 * vectors;
        contract_columns(problem, j, vectors, (int)(columns - 16 * (vectors - 1)));
        j += columns;
    }
}
