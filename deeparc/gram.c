/* Gram matrices by blocks.
 *
 *          j block (64 samples)            a block is one chunk of the parallel loop, its columns of k are taken in
 *        +----+----+----+----+             panels of 32 that are widened to double and transposed into scratch:
 *     i  | 0  | 1  | 2  | 3  |
 *        +----+----+----+----+                 rows[k][i]   columns[k][j]        k = 0..31, i and j = 0..63
 *             | 4  | 5  | 6  |
 *             +----+----+----+             In a block, tiles of 4 x 4 sums stay in registers over a panel. Lanes run
 *                  | 7  | 8  |             across j, never across k: every sum is one chain, k ascending.
 *                  +----+----+
 *                       | 9  |             Samples and k beyond the end are zeros in the scratch: adding a product of
 *                       +----+             zeros changes no sum (a sum that starts at +0 is never -0).
 */
#include "deeparc/gram.h"
#include "core/parallel.h"

#include <string.h>

enum { BLOCK = 64, PANEL = 32, TILE = 4 };

typedef struct gram_job {
    double *gram;
    const float *features;
    int64_t samples, width, blocks;
} gram_job;

int64_t dai_gram_stride(int64_t samples) { return (samples + BLOCK - 1) / BLOCK * BLOCK; }

/* panel[k][i] = features[first + i][k0 + k], zero outside. */
static void pack(double *panel, const gram_job *job, int64_t first, int64_t k0) {
    int64_t rows = job->samples - first < BLOCK ? job->samples - first : BLOCK;
    int64_t depth = job->width - k0 < PANEL ? job->width - k0 : PANEL;
    if (rows < BLOCK || depth < PANEL) memset(panel, 0, PANEL * BLOCK * sizeof *panel);
    for (int64_t i = 0; i < rows; i++) {
        const float *row = job->features + (first + i) * job->width + k0;
        for (int64_t k = 0; k < depth; k++) panel[k * BLOCK + i] = (double)row[k];
    }
}

/* sum[0..3] += row * column[0..3]: four lanes, in the shape that compilers turn into vector instructions at -O2. */
static inline void add_products(double *restrict sum, double row, const double *restrict column) {
    sum[0] += row * column[0];
    sum[1] += row * column[1];
    sum[2] += row * column[2];
    sum[3] += row * column[3];
}

/* One panel's share of 4 x 4 sums; rows and columns point at their first sample. */
static void add_tile(double *gram, int64_t stride, const double *rows, const double *columns) {
    double sum[TILE][TILE];
    for (int i = 0; i < TILE; i++) memcpy(sum[i], gram + i * stride, sizeof sum[i]);
    for (int k = 0; k < PANEL; k++) {
        add_products(sum[0], rows[0], columns);
        add_products(sum[1], rows[1], columns);
        add_products(sum[2], rows[2], columns);
        add_products(sum[3], rows[3], columns);
        rows += BLOCK;
        columns += BLOCK;
    }
    for (int i = 0; i < TILE; i++) memcpy(gram + i * stride, sum[i], sizeof sum[i]);
}

/* Chunk c of the loop is the c-th block of the upper triangle, row by row. */
static void find_block(int64_t chunk, int64_t blocks, int64_t *row, int64_t *column) {
    int64_t r = 0;
    while (chunk >= blocks - r) chunk -= blocks - r++;
    *row = r;
    *column = r + chunk;
}

static void compute_block(void *context, int64_t chunk, int worker) {
    const gram_job *job = context;
    double row_panel[PANEL * BLOCK], column_panel[PANEL * BLOCK];
    int64_t stride = job->blocks * BLOCK, row, column;
    (void)worker;
    find_block(chunk, job->blocks, &row, &column);
    double *gram = job->gram + row * BLOCK * stride + column * BLOCK;
    const double *columns = row == column ? row_panel : column_panel;
    for (int64_t i = 0; i < BLOCK; i++) memset(gram + i * stride, 0, BLOCK * sizeof *gram);
    for (int64_t k0 = 0; k0 < job->width; k0 += PANEL) {
        pack(row_panel, job, row * BLOCK, k0);
        if (row != column) pack(column_panel, job, column * BLOCK, k0);
        for (int64_t i = 0; i < BLOCK; i += TILE)
            for (int64_t j = row == column ? i : 0; j < BLOCK; j += TILE)
                add_tile(gram + i * stride + j, stride, row_panel + i, columns + j);
    }
}

void dai_gram(double *gram, const float *features, int64_t samples, int64_t width) {
    gram_job job = { gram, features, samples, width, dai_gram_stride(samples) / BLOCK };
    da_parallel_for(job.blocks * (job.blocks + 1) / 2, da_work_of_products(samples * samples * width), compute_block,
                    &job);
}

void dai_gram_reference(double *gram, const float *features, int64_t samples, int64_t width) {
    int64_t stride = dai_gram_stride(samples);
    for (int64_t i = 0; i < samples; i++)
        for (int64_t j = i; j < samples; j++) {
            double sum = 0;
            for (int64_t k = 0; k < width; k++)
                sum += (double)features[i * width + k] * (double)features[j * width + k];
            gram[i * stride + j] = sum;
        }
}
