/* The Gram of centred features, by the contraction kernels.
 *
 *     features  n x width            packed  GROUP x stride: group of 1024 features, transposed, less their means
 *     | x . . . . |                  | x x x x ... 0 0 |  k        a panel is 256 of them: C(i, j) = sum over its k,
 *     | x . . . . |      ──>         | . . . .     0 0 |  |        one chain of fused multiply-adds in binary32,
 *     | x . . . . |                  | . . . .     0 0 |  v        then gram(i, j) += (double)C(i, j)
 *
 * A strip of 12 rows of the upper triangle is a chunk of the parallel loop. The order of the sums depends on the shape
 * alone.
 */
#include "core/kernels/kernels.h"
#include "core/parallel.h"
#include "deeparc/gram.h"

#include <math.h>
#include <string.h>

enum { PANEL = 256, GROUP = 4 * PANEL, PACK = 128, STRIP = 12, COLUMNS = 64, EDGE = 16, LANES = 8 };

/* Rows of `packed` that are a multiple of 1 KiB apart would share a few sets of the cache: they are 64 bytes longer. */
enum { GAP = 16 };

/* Products of features must neither overflow nor vanish: a Gram whose largest diagonal entry lies below this is
   computed again from features scaled by a power of two. */
static const double LEAST_DIAGONAL = 0x1p-40;

typedef struct job {
    double *gram;
    float *packed;
    const float *features;
    int64_t samples, width, stride; /* stride: of gram */
    int64_t first, count;           /* the group: features first .. first + count */
    float scale;                    /* a power of two */
} job;

int64_t dai_gram_centred_scratch(int64_t samples) { return GROUP * (dai_gram_stride(samples) + GAP); }

/* The mean of n numbers, in double: eight lanes and a halving tree. Equal numbers have a mean equal to the bit. */
static float mean_of(const float *x, int64_t n) {
    double lane[LANES] = { 0 };
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int l = 0; l < LANES; l++) lane[l] += (double)x[i + l];
    for (int l = 0; i + l < n; l++) lane[l] += (double)x[i + l];
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++) lane[l] += lane[l + half];
    return (float)(lane[0] / (double)n);
}

/* A chunk: EDGE samples, or the last few, of the group's features, each sample read from end to end. */
static void transpose(void *context, int64_t chunk, int worker) {
    const job *j = context;
    const dai_lanes *lanes = da_kernels_active()->lanes;
    const int64_t row = chunk * EDGE;
    const int rows = (int)(j->samples - row < EDGE ? j->samples - row : EDGE);
    float turned[PACK * EDGE];
    (void)worker;
    for (int64_t k = 0; k < j->count; k += PACK) {
        const float *from = j->features + row * j->width + j->first + k;
        const int64_t depth = j->count - k < PACK ? j->count - k : PACK;
        if (lanes) lanes->gather(depth, rows, from, j->width, turned);
        for (int64_t p = 0; p < depth && !lanes; p++)
            for (int r = 0; r < EDGE; r++) turned[p * EDGE + r] = r < rows ? from[r * j->width + p] : 0;
        for (int64_t p = 0; p < depth; p++)
            memcpy(j->packed + (k + p) * (j->stride + GAP) + row, turned + p * EDGE, EDGE * sizeof *turned);
    }
}

/* A chunk: the means of PACK features are taken from all their samples. */
static void centre(void *context, int64_t chunk, int worker) {
    const job *j = context;
    int64_t begin = chunk * PACK, end = begin + PACK < j->count ? begin + PACK : j->count, n = j->samples;
    (void)worker;
    for (int64_t k = begin; k < end; k++) {
        float *x = j->packed + k * (j->stride + GAP), shift = mean_of(x, n) * j->scale;
        for (int64_t i = 0; i < n; i++) x[i] = x[i] * j->scale - shift;
        memset(x + n, 0, (size_t)(j->stride - n) * sizeof *x);
    }
}

/* One panel's share of rows [row, row + rows) and columns [column, column + columns). */
static void add_block(const job *j, int64_t panel, int64_t row, int64_t rows, int64_t column, int64_t columns) {
    float block[STRIP * COLUMNS];
    const float *packed = j->packed + panel * (j->stride + GAP);
    da_matmul_problem product = {
        .m = rows, .n = columns, .k = j->count - panel < PANEL ? j->count - panel : PANEL,
        .a = packed + row, .a_row = 1, .a_column = j->stride + GAP,
        .b = packed + column, .b_row = j->stride + GAP, .b_column = 1, .c = block, .c_row = COLUMNS
    };
    da_kernels_active()->matmul(&product, NULL);
    for (int64_t r = 0; r < rows; r++) {
        double *to = j->gram + (row + r) * j->stride + column;
        for (int64_t c = 0; c < columns; c++) to[c] += (double)block[r * COLUMNS + c];
    }
}

static void add_strip(void *context, int64_t chunk, int worker) {
    const job *j = context;
    int64_t row = chunk * STRIP, rows = j->samples - row < STRIP ? j->samples - row : STRIP;
    (void)worker;
    for (int64_t column = row / EDGE * EDGE; column < j->stride; column += COLUMNS)
        for (int64_t panel = 0; panel < j->count; panel += PANEL)
            add_block(j, panel, row, rows, column, j->stride - column < COLUMNS ? j->stride - column : COLUMNS);
}

static void compute(job *j) {
    memset(j->gram, 0, (size_t)(j->stride * j->stride) * sizeof *j->gram);
    for (j->first = 0; j->first < j->width; j->first += GROUP) {
        j->count = j->width - j->first < GROUP ? j->width - j->first : GROUP;
        da_parallel_for((j->samples + EDGE - 1) / EDGE, transpose, j);
        da_parallel_for((j->count + PACK - 1) / PACK, centre, j);
        da_parallel_for((j->samples + STRIP - 1) / STRIP, add_strip, j);
    }
}

static double largest_diagonal(const job *j) {
    double largest = 0;
    for (int64_t i = 0; i < j->samples; i++) {
        double entry = j->gram[i * j->stride + i];
        if (!isfinite(entry)) return HUGE_VAL;
        if (entry > largest) largest = entry;
    }
    return largest;
}

/* The largest magnitude; infinite when a feature is not finite. */
static double largest_feature(const float *x, int64_t count) {
    float largest = 0;
    for (int64_t i = 0; i < count; i++) {
        float size = fabsf(x[i]);
        if (!isfinite(size)) return HUGE_VAL;
        if (size > largest) largest = size;
    }
    return (double)largest;
}

da_gram_state dai_gram_centred(double *gram, float *scratch, const float *features, int64_t samples, int64_t width) {
    job j = { .gram = gram, .packed = scratch, .features = features, .samples = samples, .width = width,
              .stride = dai_gram_stride(samples), .scale = 1 };
    compute(&j);
    double top = largest_diagonal(&j);
    if (top >= LEAST_DIAGONAL && top < HUGE_VAL) return DA_GRAM_FINE;
    double largest = largest_feature(features, samples * width);
    if (largest == 0) return DA_GRAM_ZERO;
    if (!isfinite(largest)) return DA_GRAM_NOT_FINITE;
    int exponent = ilogb(largest);
    if (exponent < -126) exponent = -126; /* the scale itself is a normal number */
    if (exponent > 126) exponent = 126;
    j.scale = ldexpf(1, -exponent);
    compute(&j);
    for (int64_t i = 0; i < j.stride * j.stride; i++) gram[i] = ldexp(gram[i], 2 * exponent);
    return DA_GRAM_FINE;
}

void dai_gram_centred_reference(double *gram, const float *features, int64_t samples, int64_t width) {
    int64_t stride = dai_gram_stride(samples);
    float column[PANEL], mean[PANEL];
    for (int64_t i = 0; i < samples; i++) memset(gram + i * stride, 0, (size_t)stride * sizeof *gram);
    for (int64_t first = 0; first < width; first += PANEL) {
        int64_t count = width - first < PANEL ? width - first : PANEL;
        for (int64_t k = 0; k < count; k++) {
            for (int64_t i = 0; i < samples; i++) column[i] = features[i * width + first + k];
            mean[k] = mean_of(column, samples);
        }
        for (int64_t i = 0; i < samples; i++)
            for (int64_t j = i; j < samples; j++) {
                const float *a = features + i * width + first, *b = features + j * width + first;
                float sum = 0;
                for (int64_t k = 0; k < count; k++) sum = fmaf(a[k] - mean[k], b[k] - mean[k], sum);
                gram[i * stride + j] += (double)sum;
            }
    }
}
