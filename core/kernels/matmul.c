/* Matrix products on the contraction.
 *
 *     C is cut into chunks of rows x columns. Within a chunk the chain over k is cut into runs that let B's columns stay
 *     in the cache while the rows pass, a panel of them at a time; the next run starts from C itself, so it is still one
 *     chain.
 *
 *                            64 columns
 *                           ┌──┐
 *                      run  │  │  B            k runs on: next run
 *                           └──┘
 *                  ┌──────┐ ┌──┐
 *            panel │      │ │  │ ─┐
 *                  ├──────┤ ├──┤  │ C: a chunk
 *                  │   A  │ │  │ ─┘
 *
 * The contraction wants neighbouring columns of B next to each other in memory. Where B is transposed, a chunk packs its
 * part of a run first, which then lies in the cache:
 *
 *     B    ┌────────┐      packed    column 0..15    k = 0, 1, 2, ...: 16 numbers each
 *          │  run   │     ───────▶   column 16..31   likewise
 *          │        │                ...
 *          └────────┘
 *
 * In large products (all three sides over 512) every number is used so often that copies pay: B is packed whichever way
 * it lies, for many panels at once, and A is copied with rows 16 floats longer. Rows of 4 KiB would all meet in the same
 * few places of the cache: of the 12 that a tile reads side by side it keeps 8.
 */
#include "core/kernels/convolution.h"
#include "core/kernels/images.h"
#include "core/parallel.h"

#include <string.h>

enum {
    PANEL = 192, BLOCK_COLUMNS = 64, RUN = 1024, LANES = 16,
    LARGE = 512, LARGE_PANELS = 6, A_GAP = 16, A_ROWS = 32, /* A_ROWS: copied by a chunk */
    B_AHEAD = 8 /* rows of B asked for before they are packed */
};

typedef struct matmul_work {
    da_matmul_problem problem; /* in a large product A is the copy */
    const da_kernels *kernels;
    const float *a;            /* what is copied, its lines (rows, or columns where A is transposed) and their pitch */
    float *a_copy;
    int64_t a_lines, a_length, a_pitch, a_copy_pitch;
    float *packed;             /* B's part of a run, of every worker; NULL: B is read in place */
    int64_t rows, column_blocks; /* of a chunk; of C */
} matmul_work;

static int64_t blocks(int64_t count, int64_t size) { return (count + size - 1) / size; }

static bool is_large(const da_matmul_problem *p) { return p->m > LARGE && p->n > LARGE && p->k > LARGE; }

static bool packs(const da_matmul_problem *p) { return is_large(p) || (p->b_column != 1 && p->n > 1); }

static int64_t packed_floats(const da_matmul_problem *p) { return packs(p) ? BLOCK_COLUMNS * smallest(p->k, RUN) : 0; }

static int64_t a_copy_floats(const da_matmul_problem *p) {
    if (!is_large(p)) return 0;
    return p->a_column == 1 ? p->m * (p->k + A_GAP) : p->k * (p->m + A_GAP);
}

int64_t da_matmul_scratch(const da_matmul_problem *problem) {
    return a_copy_floats(problem) + da_threads() * packed_floats(problem);
}

static void copy_a(void *context, int64_t chunk, int worker) {
    (void)worker;
    const matmul_work *work = context;
    for (int64_t i = chunk * A_ROWS; i < smallest((chunk + 1) * A_ROWS, work->a_lines); i++)
        memcpy(work->a_copy + i * work->a_copy_pitch, work->a + i * work->a_pitch, (size_t)work->a_length * sizeof(float));
}

/* `count` columns of B from j, `length` rows of it from k: copied, or transposed 16 x 16 numbers at a time. */
static void pack_b(const matmul_work *work, int64_t j, int64_t count, int64_t k, int64_t length, float *to) {
    const da_matmul_problem *p = &work->problem;
    const float *from = p->b + k * p->b_row + j * p->b_column;
    if (p->b_column != 1) {
        for (int64_t c = 0; c < count; c += LANES)
            work->kernels->lanes->gather(length, (int)smallest(LANES, count - c), from + c * p->b_column, p->b_column,
                                         to + c * length);
        return;
    }
    for (int64_t i = 0; i < length; i++) {
        if (i + B_AHEAD < length)
            for (int64_t c = 0; c < count; c += LANES) __builtin_prefetch(from + (i + B_AHEAD) * p->b_row + c);
        for (int64_t c = 0; c < count; c += LANES)
            memcpy(to + c * length + i * LANES, from + i * p->b_row + c, (size_t)smallest(LANES, count - c) * sizeof *to);
    }
}

static void multiply_block(void *context, int64_t chunk, int worker) {
    const matmul_work *work = context;
    const da_matmul_problem *p = &work->problem;
    const int64_t top = chunk / work->column_blocks * work->rows, bottom = smallest(top + work->rows, p->m);
    const int64_t j = chunk % work->column_blocks * BLOCK_COLUMNS;
    for (int64_t k = 0; k < p->k || k == 0; k += RUN) {
        const da_segment run = { .length = smallest(RUN, p->k - k) };
        da_contraction problem = {
            .n = smallest(BLOCK_COLUMNS, p->n - j), .segments = &run, .segment_count = 1, .a_row = p->a_row, .a_step = p->a_column,
            .b = p->b + k * p->b_row + j, .b_step = p->b_row, .c_row = p->c_row, .bands = 1,
            .bias = k == 0 && p->bias ? p->bias + j : NULL, .accumulate = k > 0 || p->accumulate,
        };
        if (work->packed) {
            float *packed = work->packed + worker * packed_floats(p);
            pack_b(work, j, problem.n, k, run.length, packed);
            problem.b = packed;
            problem.b_step = LANES;
            problem.b_gap = (run.length - 1) * LANES;
        }
        for (int64_t i = top; i < bottom; i += PANEL) {
            problem.m = smallest(PANEL, bottom - i);
            problem.a = p->a + i * p->a_row + k * p->a_column;
            problem.c = p->c + i * p->c_row + j;
            work->kernels->contract(&problem);
        }
    }
}

void dai_matmul_fast(const da_kernels *kernels, const da_matmul_problem *problem, float *scratch) {
    matmul_work work = { .problem = *problem, .kernels = kernels, .rows = PANEL,
                         .packed = packs(problem) ? scratch + a_copy_floats(problem) : NULL,
                         .column_blocks = blocks(problem->n, BLOCK_COLUMNS) };
    if (is_large(problem)) {
        const bool by_rows = problem->a_column == 1;
        work.a = problem->a;
        work.a_copy = scratch;
        work.a_lines = by_rows ? problem->m : problem->k;
        work.a_length = by_rows ? problem->k : problem->m;
        work.a_pitch = by_rows ? problem->a_row : problem->a_column;
        work.a_copy_pitch = work.a_length + A_GAP;
        da_parallel_for(blocks(work.a_lines, A_ROWS), da_work_of_floats(2 * work.a_lines * work.a_length), copy_a,
                        &work);
        work.problem.a = scratch;
        *(by_rows ? &work.problem.a_row : &work.problem.a_column) = work.a_copy_pitch;
        work.rows = LARGE_PANELS * PANEL;
    }
    da_parallel_for(blocks(problem->m, work.rows) * work.column_blocks,
                    da_work_of_products(problem->m * problem->n * problem->k) +
                        da_work_of_floats(problem->n * problem->k), multiply_block, &work);
}
