/* Matrix products on the contraction.
 *
 *     C is cut into blocks of rows x columns, a chunk each; within a block the chain over k is cut into runs that let
 *     B's columns stay in the cache: the next run starts from C itself, so it is still one chain.
 *
 * The contraction wants neighbouring columns of B next to each other in memory. Where B is transposed, every block packs
 * its part of a run first, which then lies in the cache:
 *
 *     B    ┌────────┐      packed    column 0..15    k = 0, 1, 2, ...: 16 numbers each
 *          │  run   │     ───────▶   column 16..31   likewise
 *          │        │                ...
 *          └────────┘
 */
#include "core/kernels/convolution.h"
#include "core/kernels/frames.h"
#include "core/parallel.h"

enum { BLOCK_ROWS = 192, BLOCK_COLUMNS = 64, RUN = 512, LANES = 16 };

typedef struct matmul_work {
    da_matmul_problem problem;
    const da_kernels *kernels;
    float *packed;             /* of every worker; NULL: B is read in place */
    int64_t column_blocks;
} matmul_work;

static int64_t blocks(int64_t count, int64_t size) { return (count + size - 1) / size; }

static bool packs(const da_matmul_problem *p) { return p->b_column != 1 && p->n > 1; }

int64_t da_matmul_scratch(const da_matmul_problem *problem) {
    return packs(problem) ? (int64_t)da_threads() * BLOCK_COLUMNS * smallest(problem->k, RUN) : 0;
}

/* `count` columns of B from j, `length` rows of it from k, by transposing 16 x 16 numbers at a time. */
static void pack(const matmul_work *work, int64_t j, int64_t count, int64_t k, int64_t length, float *to) {
    const da_matmul_problem *p = &work->problem;
    const float *from = p->b + k * p->b_row + j * p->b_column;
    for (int64_t c = 0; c < count; c += LANES)
        work->kernels->lanes->gather(length, (int)smallest(LANES, count - c), from + c * p->b_column, p->b_column,
                                     to + c * length);
}

static void multiply_block(void *context, int64_t chunk, int worker) {
    const matmul_work *work = context;
    const da_matmul_problem *p = &work->problem;
    const int64_t i = chunk / work->column_blocks * BLOCK_ROWS, j = chunk % work->column_blocks * BLOCK_COLUMNS;
    const dai_segment start = { 0, 0 };
    for (int64_t k = 0; k < p->k || k == 0; k += RUN) {
        dai_contraction problem = {
            .m = smallest(BLOCK_ROWS, p->m - i), .n = smallest(BLOCK_COLUMNS, p->n - j),
            .length = smallest(RUN, p->k - k), .segments = &start, .segment_count = 1,
            .a = p->a + i * p->a_row + k * p->a_column, .a_row = p->a_row, .a_step = p->a_column,
            .b = p->b + k * p->b_row + j, .b_step = p->b_row,
            .c = p->c + i * p->c_row + j, .c_row = p->c_row, .bands = 1,
            .bias = k == 0 && p->bias ? p->bias + j : NULL, .accumulate = k > 0 || p->accumulate,
        };
        if (work->packed) {
            float *packed = work->packed + worker * BLOCK_COLUMNS * smallest(p->k, RUN);
            pack(work, j, problem.n, k, problem.length, packed);
            problem.b = packed;
            problem.b_step = LANES;
            problem.b_gap = (problem.length - 1) * LANES;
        }
        work->kernels->contract(&problem);
    }
}

void dai_matmul_fast(const da_matmul_problem *problem, float *scratch) {
    matmul_work work = { *problem, da_kernels_active(), packs(problem) ? scratch : NULL,
                         blocks(problem->n, BLOCK_COLUMNS) };
    da_parallel_for(blocks(problem->m, BLOCK_ROWS) * work.column_blocks, multiply_block, &work);
}
