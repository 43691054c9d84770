/* Matrix products on the contraction.
 *
 *     C is cut into blocks of rows x columns, a chunk each; within a block the chain over k is cut into runs that let
 *     B's columns stay in the cache: the next run starts from C itself, so it is still one chain.
 *
 * B must have neighbouring columns next to each other in memory: a transposed B is copied first.
 */
#include "core/kernels/convolution.h"
#include "core/parallel.h"

#include <stddef.h>

enum { BLOCK_ROWS = 96, BLOCK_COLUMNS = 64, RUN = 1024, COPY_ROWS = 64, COPY_COLUMNS = 16 };

typedef struct matmul_work {
    da_matmul_problem problem;
    dai_contract *contract;
    float *copy;
    int64_t column_blocks;
} matmul_work;

static int64_t smallest(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t blocks(int64_t count, int64_t size) { return (count + size - 1) / size; }

static bool must_copy(const da_matmul_problem *problem) { return problem->b_column != 1 && problem->n > 1; }

int64_t da_matmul_scratch(const da_matmul_problem *problem) { return must_copy(problem) ? problem->k * problem->n : 0; }

/* COPY_ROWS rows of B, copied so that columns are neighbours, in strips that a cache holds on both sides. */
static void copy_rows(void *context, int64_t chunk, int worker) {
    const matmul_work *work = context;
    const da_matmul_problem *p = &work->problem;
    const int64_t begin = chunk * COPY_ROWS, end = smallest(begin + COPY_ROWS, p->k);
    (void)worker;
    for (int64_t strip = 0; strip < p->n; strip += COPY_COLUMNS)
        for (int64_t k = begin; k < end; k++)
            for (int64_t j = strip; j < smallest(strip + COPY_COLUMNS, p->n); j++)
                work->copy[k * p->n + j] = p->b[k * p->b_row + j * p->b_column];
}

static void multiply_block(void *context, int64_t chunk, int worker) {
    const matmul_work *work = context;
    const da_matmul_problem *p = &work->problem;
    const int64_t i = chunk / work->column_blocks * BLOCK_ROWS, j = chunk % work->column_blocks * BLOCK_COLUMNS;
    const dai_segment start = { 0, 0 };
    (void)worker;
    for (int64_t k = 0; k < p->k || k == 0; k += RUN) {
        const dai_contraction problem = {
            .m = smallest(BLOCK_ROWS, p->m - i), .n = smallest(BLOCK_COLUMNS, p->n - j),
            .length = smallest(RUN, p->k - k), .segments = &start, .segment_count = 1,
            .a = p->a + i * p->a_row + k * p->a_column, .a_row = p->a_row, .a_step = p->a_column,
            .b = p->b + k * p->b_row + j, .b_step = p->b_row,
            .c = p->c + i * p->c_row + j, .c_row = p->c_row, .bands = 1,
            .bias = k == 0 && p->bias ? p->bias + j : NULL, .accumulate = k > 0 || p->accumulate,
        };
        work->contract(&problem);
    }
}

void dai_matmul_fast(const da_matmul_problem *problem, float *scratch) {
    matmul_work work = { .problem = *problem, .contract = da_kernels_active()->contract, .copy = scratch };
    if (must_copy(problem)) {
        da_parallel_for(blocks(problem->k, COPY_ROWS), copy_rows, &work);
        work.problem.b = scratch;
        work.problem.b_row = problem->n;
        work.problem.b_column = 1;
    }
    work.column_blocks = blocks(problem->n, BLOCK_COLUMNS);
    da_parallel_for(blocks(problem->m, BLOCK_ROWS) * work.column_blocks, multiply_block, &work);
}
