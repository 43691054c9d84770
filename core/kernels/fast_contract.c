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
 * by the compiler; the last vector of a row of C may be partial, and a segment may leave out a tile's first row, or its
 * last, or both: four loops in each instance. A batch norm, a shortcut's addition and a ReLU behind the product are done
 * to the accumulators before they are stored.
 */
#include "core/kernels/contract.h"
#include "core/kernels/simd.h"
#include "core/kernels/variant.h"
#include "core/tiny.h"

/* Tile heights for one and two vectors across: what the registers hold. */
#if defined(DA_VARIANT_avx512)
enum { MOST_ROWS_1 = 16, MOST_ROWS_2 = 12, MOST_VECTORS = 2 };
#elif defined(DA_VARIANT_avx2) || defined(DA_VARIANT_neon)
enum { MOST_ROWS_1 = 6, MOST_ROWS_2 = 1, MOST_VECTORS = 1 };
#else
enum { MOST_ROWS_1 = 4, MOST_ROWS_2 = 1, MOST_VECTORS = 1 };
#endif

/* last: lanes of the last vector */
typedef struct tile_at {
    const float *a, *b; float *c; const float *bias, *row_bias; int last;
    const da_segment *segments; int64_t count; /* above, below: 0 or 1, of the tile's own rows */
    da_channel_affine affine;                   /* of the tile's first number, if the problem has one */
} tile_at;

/* a[p * row]: three rows a base pointer, since the hardware adds one or two times `row` to an address for nothing. */
#define A_AT(p) (&bases[(p) / 3][((p) % 3) * row])

/* A segment, for the rows first..end-1 of a tile. */
V16_INLINE void tile_rows(const int first, const int end, const int Q, const bool part, const da_contraction *problem,
                          const tile_at *at, const da_segment *segment, v16 acc[16][2]) {
    const int64_t row = problem->a_row, a_step = problem->a_step, b_step = problem->b_step,
        b_vector = V16_LANES + problem->b_gap;
    const float *b = at->b + segment->b, *bases[6];
    V16_UNROLL for (int t = 0; t < (end - first + 2) / 3; t++) bases[t] = at->a + segment->a + (first + 3 * t) * row;
    for (int64_t k = 0; k < segment->length; k++) {
        v16 across[2];
        V16_UNROLL for (int q = 0; q < Q; q++)
            across[q] = part && q == Q - 1 ? v16_load_part(b + b_vector * q, at->last) : v16_load(b + b_vector * q);
        V16_UNROLL for (int p = first; p < end; p++) {
            const v16 spread = v16_broadcast(*A_AT(p - first));
            V16_UNROLL for (int q = 0; q < Q; q++) acc[p][q] = v16_fma(spread, across[q], acc[p][q]);
        }
        b += b_step;
        V16_UNROLL for (int t = 0; t < (end - first + 2) / 3; t++) bases[t] += a_step;
    }
}

/* The chains are finished: what becomes of them before they are stored. */
V16_INLINE void finish(const int P, const int Q, const bool part, const da_contraction *problem, const tile_at *at,
                       v16 acc[16][2]) {
    const da_channel_affine *f = &at->affine;
    V16_UNROLL for (int q = 0; q < Q; q++) {
        const int lanes = part && q == Q - 1 ? at->last : V16_LANES;
        if (f->factor) {
            const v16 factor = v16_load_lanes(f->factor + 16 * q, lanes),
                      offset = v16_load_lanes(f->offset + 16 * q, lanes);
            V16_UNROLL for (int p = 0; p < P; p++) acc[p][q] = v16_fma(acc[p][q], factor, offset);
        }
        if (f->add) {
            const float *add = f->add + (V16_LANES + problem->c_gap) * q;
            V16_UNROLL for (int p = 0; p < P; p++)
                acc[p][q] = v16_add(acc[p][q], v16_load_lanes(add + p * problem->c_row, lanes));
        }
        if (f->relu) V16_UNROLL for (int p = 0; p < P; p++) acc[p][q] = v16_where_positive(acc[p][q], acc[p][q]);
    }
}

V16_INLINE void tile(const int P, const int Q, const bool part, const da_contraction *problem, const tile_at *at) {
    const int64_t c_vector = V16_LANES + problem->c_gap;
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
    if (!problem->joined)
        for (int64_t s = 0; s < at->count; s++) {
            if (problem->ahead) dai_ahead_step(problem->ahead);
            tile_rows(0, P, Q, part, problem, at, &at->segments[s], acc);
        }
    else for (const da_segment *s = at->segments; s < at->segments + at->count; s++) {
        if (problem->ahead) dai_ahead_step(problem->ahead);
        if (!s->above && !s->below) tile_rows(0, P, Q, part, problem, at, s, acc);
        else if (!s->below) tile_rows(1, P, Q, part, problem, at, s, acc);
        else if (!s->above) tile_rows(0, P - 1, Q, part, problem, at, s, acc);
        else tile_rows(1, P - 1, Q, part, problem, at, s, acc);
    }
    if (problem->affine) finish(P, Q, part, problem, at, acc);
    V16_UNROLL for (int p = 0; p < P; p++)
        V16_UNROLL for (int q = 0; q < Q; q++) {
            float *to = at->c + p * problem->c_row + c_vector * q;
            if (part && q == Q - 1) v16_store_part(to, acc[p][q], at->last);
            else v16_store(to, acc[p][q]);
        }
}

typedef void tile_function(const da_contraction *problem, const tile_at *at);

#define TILE(P, Q)                                                                                                     \
    static void tile_##P##_##Q##_full(const da_contraction *c, const tile_at *at) { tile(P, Q, false, c, at); }       \
    static void tile_##P##_##Q##_part(const da_contraction *c, const tile_at *at) { tile(P, Q, true, c, at); }
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

/* [rows][is the last vector partial?] */
static tile_function *const tiles_1[MOST_ROWS_1 + 1][2] = {
    { NULL, NULL }, ROW(1, 1), ROW(2, 1), ROW(3, 1), ROW(4, 1),
#if defined(DA_VARIANT_avx512) || defined(DA_VARIANT_avx2) || defined(DA_VARIANT_neon)
    ROW(5, 1), ROW(6, 1),
#endif
#if defined(DA_VARIANT_avx512)
    ROW(7, 1), ROW(8, 1), ROW(9, 1), ROW(10, 1), ROW(11, 1), ROW(12, 1), ROW(13, 1), ROW(14, 1), ROW(15, 1), ROW(16, 1),
#endif
};
#if defined(DA_VARIANT_avx512)
static tile_function *const tiles_2[MOST_ROWS_2 + 1][2] = {
    { NULL, NULL }, ROW(1, 2), ROW(2, 2), ROW(3, 2), ROW(4, 2), ROW(5, 2), ROW(6, 2),
    ROW(7, 2), ROW(8, 2), ROW(9, 2), ROW(10, 2), ROW(11, 2), ROW(12, 2),
};
#else
static tile_function *const (*const tiles_2)[2] = NULL;
#endif

#if defined(DA_VARIANT_avx512)
/* With one vector across, a spread number serves one multiply-add, and a load each is all that the hardware can do. So
   every second row loads four of its numbers at once, repeated in each quarter of a vector, and spreads them from
   there: steps k..k+3 of the chains of `rows` rows. */
enum { QUAD = 4 };
V16_INLINE void quad_step(const int rows, const int64_t row, const float *const bases[6], int64_t k, const v16 b[QUAD],
                          v16 (*acc)[2]) {
    v16 quad[8];
    V16_UNROLL for (int p = 1; p < rows; p += 2) quad[p / 2] = v16_quad(A_AT(p) + k);
    V16_UNROLL for (int j = 0; j < QUAD; j++)
        V16_UNROLL for (int p = 0; p < rows; p++)
            acc[p][0] = v16_fma(p % 2 ? v16_spread(quad[p / 2], j) : v16_broadcast(A_AT(p)[k + j]), b[j], acc[p][0]);
}

V16_INLINE void quad_rows(const int first, const int end, const da_contraction *problem, const tile_at *at,
                          const da_segment *segment, v16 acc[16][2]) {
    const int64_t row = problem->a_row;
    const float *from = at->b + segment->b, *bases[6];
    V16_UNROLL for (int t = 0; t < (end - first + 2) / 3; t++) bases[t] = at->a + segment->a + (first + 3 * t) * row;
    for (int64_t k = 0; k < segment->length; k += QUAD) {
        v16 b[QUAD];
        V16_UNROLL for (int j = 0; j < QUAD; j++) b[j] = v16_load(from + (k + j) * problem->b_step);
        quad_step(end - first, row, bases, k, b, acc + first);
    }
}

static void tile_16_1_quads(const da_contraction *problem, const tile_at *at) {
    v16 acc[16][2];
    V16_UNROLL for (int p = 0; p < 16; p++)
        acc[p][0] = at->bias              ? v16_load(at->bias)
                    : problem->accumulate ? v16_load(at->c + p * problem->c_row)
                                          : v16_zero();
    for (const da_segment *s = at->segments; s < at->segments + at->count; s++) {
        if (problem->ahead) dai_ahead_step(problem->ahead);
        if (!s->above && !s->below) quad_rows(0, 16, problem, at, s, acc);
        else if (!s->below) quad_rows(1, 16, problem, at, s, acc);
        else if (!s->above) quad_rows(0, 15, problem, at, s, acc);
        else quad_rows(1, 15, problem, at, s, acc);
    }
    if (problem->affine) finish(16, 1, false, problem, at, acc);
    V16_UNROLL for (int p = 0; p < 16; p++) v16_store(at->c + p * problem->c_row, acc[p][0]);
}

static bool in_quads(const da_contraction *problem) {
    if (problem->a_step != 1 || problem->row_bias) return false;
    for (int64_t s = 0; s < problem->segment_count; s++)
        if (problem->segments[s].length % QUAD) return false;
    return true;
}

/* Chains of 16 steps are too short to hide how a tile begins and ends. There all of B lies in registers, and the rows
   stream past it, eight at a time and without an inner loop. Returns how many rows of a band it has done. */
enum { SHORT = 16, SHORT_ROWS = 8 };
static int64_t contract_short(const da_contraction *problem, const float *a, const float *from, float *c) {
    const int64_t row = problem->a_row;
    v16 b[SHORT];
    V16_UNROLL for (int k = 0; k < SHORT; k++) b[k] = v16_load(from + k * problem->b_step);
    int64_t i = 0;
    for (; i + SHORT_ROWS <= problem->m; i += SHORT_ROWS) {
        if (problem->ahead) dai_ahead_step(problem->ahead);
        const float *bases[6] = { a + i * row, a + (i + 3) * row, a + (i + 6) * row };
        v16 acc[SHORT_ROWS][2];
        V16_UNROLL for (int p = 0; p < SHORT_ROWS; p++) acc[p][0] = v16_zero();
        V16_UNROLL for (int k = 0; k < SHORT; k += QUAD) quad_step(SHORT_ROWS, row, bases, k, b + k, acc);
        V16_UNROLL for (int p = 0; p < SHORT_ROWS; p++) v16_store(c + (i + p) * problem->c_row, acc[p][0]);
    }
    return i;
}
#endif

static bool continues(const da_contraction *problem, const da_segment *last, const da_segment *next) {
    return last->a + last->length * problem->a_step == next->a && last->b + last->length * problem->b_step == next->b;
}

/* The segments of rows i..i+rows-1 as a tile wants them: those with rows in it, neighbours that continue each other joined.
   Returns how many. */
static int64_t join(const da_contraction *problem, int64_t i, int64_t rows, da_segment *to) {
    int64_t count = 0;
    for (int64_t s = 0; s < problem->segment_count; s++) {
        da_segment next = problem->segments[s];
        next.above = next.above > i ? next.above - i : 0;
        next.below -= problem->m - i - rows;
        if (next.below < 0) next.below = 0;
        if (next.above + next.below >= rows) continue;
        da_segment *last = to + count - 1;
        if (count > 0 && last->above == next.above && last->below == next.below && continues(problem, last, &next))
            last->length += next.length;
        else to[count++] = next;
    }
    return count;
}

/* How rows are cut into tiles: into near-equal heights, as few as the registers allow; but rows that a segment leaves out
   beyond the first or the last are tiles of their own. */
typedef struct row_cut { int64_t above, below; int most; } row_cut;

static row_cut cut_of(const da_contraction *problem, int vectors) {
    const int most = vectors == 2 ? MOST_ROWS_2 : MOST_ROWS_1;
    row_cut cut = { 0, 0, DA_SIZE(most, most < 3 ? most : 3) };
    for (int64_t s = 0; problem->joined && s < problem->segment_count; s++) {
        if (problem->segments[s].above > cut.above) cut.above = problem->segments[s].above;
        if (problem->segments[s].below > cut.below) cut.below = problem->segments[s].below;
    }
    if (cut.above == 1) cut.above = 0;
    if (cut.below == 1) cut.below = 0;
    return cut;
}

/* The height of the tile at row i of m. */
static int64_t height_at(const row_cut *cut, int64_t m, int64_t i) {
    const int64_t left = m - cut->below - i;
    if (i < cut->above || left <= 0) return 1;
    const int64_t tiles = (left + cut->most - 1) / cut->most;
    return (left + tiles - 1) / tiles;
}

/* Columns j.. of C, a tile wide. */
typedef struct columns_at { int64_t j; int vectors, last; bool quads; const float *b; float *c; } columns_at;

static void run_tile(const da_contraction *problem, const columns_at *columns, int64_t i, int64_t rows, int64_t band,
                     const da_segment *segments, int64_t count) {
    float *c = columns->c + band * problem->c_band + i * problem->c_row;
    tile_at at = { problem->a + band * problem->a_band + i * problem->a_row, columns->b, c,
                   problem->bias ? problem->bias + columns->j : NULL, problem->row_bias ? problem->row_bias + i : NULL,
                   columns->last, segments, count, { 0 } };
    if (problem->affine) at.affine = dai_affine_at(problem->affine, columns->j, c - problem->c);
#if defined(DA_VARIANT_avx512)
    if (columns->quads && rows == 16) {
        tile_16_1_quads(problem, &at);
        return;
    }
#endif
    (columns->vectors == 2 ? tiles_2 : tiles_1)[rows][columns->last < V16_LANES](problem, &at);
}

/* All rows of all bands. Where segments are joined, that is done once a tile for all bands. */
static void contract_columns(const da_contraction *problem, const columns_at *columns) {
    int64_t done = 0;
#if defined(DA_VARIANT_avx512)
    if (problem->segment_count == 1 && problem->segments[0].length == SHORT && columns->quads && !problem->bias &&
        !problem->accumulate && !problem->affine && !problem->joined)
        for (int64_t band = 0; band < problem->bands; band++)
            done = contract_short(problem, problem->a + band * problem->a_band + problem->segments[0].a,
                                  columns->b + problem->segments[0].b, columns->c + band * problem->c_band);
#endif
    const row_cut cut = cut_of(problem, columns->vectors);
    for (int64_t band = 0; !problem->joined && band < problem->bands; band++)
        for (int64_t i = done, rows; i < problem->m; i += rows) {
            rows = height_at(&cut, problem->m, i);
            run_tile(problem, columns, i, rows, band, problem->segments, problem->segment_count);
        }
    for (int64_t i = 0, rows; problem->joined && i < problem->m; i += rows) {
        rows = height_at(&cut, problem->m, i);
        const int64_t count = join(problem, i, rows, problem->joined);
        for (int64_t band = 0; band < problem->bands; band++)
            run_tile(problem, columns, i, rows, band, problem->joined, count);
    }
}

/* Vectors across a tile from column j on. */
static int vectors_at(const da_contraction *problem, int64_t j) {
    return MOST_VECTORS == 2 && problem->n - j > V16_LANES ? 2 : 1;
}

/* How often all tiles will ask for memory, at least: once a segment, joined where that can be. */
static int64_t steps_of(const da_contraction *problem) {
    int64_t tiles = 0, segments = problem->segment_count;
    for (int64_t s = 1; problem->joined && s < problem->segment_count; s++)
        if (continues(problem, &problem->segments[s - 1], &problem->segments[s])) segments--;
    for (int64_t j = 0; j < problem->n; j += V16_LANES * vectors_at(problem, j)) {
        const row_cut cut = cut_of(problem, vectors_at(problem, j));
        for (int64_t i = 0; i < problem->m; i += height_at(&cut, problem->m, i)) tiles++;
    }
    return tiles * problem->bands * segments;
}

void DA_VARIANT(dai_contract)(const da_contraction *problem);
void DA_VARIANT(dai_contract)(const da_contraction *problem) {
    if (problem->ahead) dai_ahead_begin(problem->ahead, steps_of(problem));
    for (int64_t j = 0; j < problem->n;) {
        const int vectors = vectors_at(problem, j);
        const int64_t left = problem->n - j, count = left < 16 * vectors ? left : 16 * vectors;
        columns_at columns = { j, vectors, (int)(count - 16 * (vectors - 1)), false,
                               problem->b + j + j / V16_LANES * problem->b_gap,
                               problem->c + j + j / V16_LANES * problem->c_gap };
#if defined(DA_VARIANT_avx512)
        columns.quads = vectors == 1 && columns.last == V16_LANES && in_quads(problem);
#endif
        contract_columns(problem, &columns);
        j += count;
    }
}
