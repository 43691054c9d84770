/* The Gram of centred features, by the contraction kernels, in panels of 256 features.
 *
 *     features  n x width               a panel, transposed and less its means: blocks of 16 samples
 *     x x x x | x x x x | x x           block 0   k = 0, 1, ...: 16 numbers each
 *     x x x x | x x x x | x x   ──▶     block 1   likewise             C(i, j) = sum over its k, one chain of fused
 *     x x x x | x x x x | x x           ...                            multiply-adds in binary32
 *     panel 0   panel 1
 *
 * A panel is a chunk of the parallel loop, and lies in its worker's second cache while all pairs of blocks are
 * multiplied. After a round of panels their C are added, in order: gram(i, j) += (double)C(i, j), 16 rows a chunk. Where a
 * batch is so large that a round is one panel, its blocks are the chunks.
 */
#include "core/kernels/kernels.h"
#include "core/parallel.h"
#include "deeparc/gram.h"

#include <math.h>
#include <string.h>

/* Blocks are 64 bytes longer than they need to be: a power of two apart they would share a few sets of the cache. */
enum { PANEL = 256, EDGE = 16, BLOCK = (PANEL + 1) * EDGE, MOST_PANELS = 16, MOST_PRODUCTS = 1 << 24 };

/* Products of features must neither overflow nor vanish: a Gram whose largest diagonal entry lies below this is
   computed again from features scaled by a power of two. */
static const double LEAST_DIAGONAL = 0x1p-40;

typedef struct job {
    const da_kernels *kernels;
    double *gram;
    const float *features;
    int64_t samples, width, blocks, columns; /* columns: of a panel's C, whole blocks */
    float *products;                         /* C of every panel of a round: columns x columns */
    float *panels;                           /* of every worker: blocks x BLOCK */
    int64_t first;                           /* the round's first panel */
    float scale;                             /* a power of two */
} job;

static int64_t smallest(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t blocks_of(int64_t samples) { return (samples + EDGE - 1) / EDGE; }

/* Panels of a round: no more workers than these take part. */
static int64_t round_of(int64_t columns) {
    const int64_t fit = MOST_PRODUCTS / (columns * columns);
    return fit < 1 ? 1 : smallest(fit, MOST_PANELS);
}

int64_t dai_gram_centred_scratch(int64_t samples) {
    const int64_t blocks = blocks_of(samples), columns = blocks * EDGE;
    return round_of(columns) * (columns * columns + blocks * BLOCK);
}

/* A panel on its way: features k .. k + depth of all samples, and its C. */
typedef struct panel_work { const job *job; da_panel panel; int64_t k; float *c; } panel_work;

/* A chunk: a block of samples. */
static void transpose(void *context, int64_t block, int worker) {
    const panel_work *w = context;
    const job *j = w->job;
    const float *from = j->features + block * EDGE * j->width + w->k;
    const int rows = (int)smallest(EDGE, j->samples - block * EDGE);
    float *to = w->panel.values + block * BLOCK;
    (void)worker;
    if (j->kernels->lanes) {
        j->kernels->lanes->gather(w->panel.depth, rows, from, j->width, to);
        return;
    }
    for (int64_t p = 0; p < w->panel.depth; p++)
        for (int r = 0; r < EDGE; r++) to[p * EDGE + r] = r < rows ? from[r * j->width + p] : 0;
}

/* A chunk: C of a block of rows and all blocks from there on. */
static void multiply(void *context, int64_t block, int worker) {
    const panel_work *w = context;
    const job *j = w->job;
    const da_segment whole = { .length = w->panel.depth };
    const float *a = w->panel.values + block * BLOCK;
    const da_contraction product = {
        .m = smallest(EDGE, j->samples - block * EDGE), .n = j->columns - block * EDGE,
        .segments = &whole, .segment_count = 1, .a = a, .a_row = 1, .a_step = EDGE, .b = a, .b_step = EDGE,
        .b_gap = BLOCK - EDGE, .c = w->c + block * EDGE * (j->columns + 1), .c_row = j->columns, .bands = 1,
    };
    (void)worker;
    if (j->kernels->contract) {
        j->kernels->contract(&product);
        return;
    }
    for (int64_t row = 0; row < product.m; row++)
        for (int64_t column = 0; column < product.n; column++) {
            const float *b = a + column / EDGE * BLOCK + column % EDGE;
            float sum = 0;
            for (int64_t k = 0; k < whole.length; k++) sum = fmaf(a[k * EDGE + row], b[k * EDGE], sum);
            product.c[row * product.c_row + column] = sum;
        }
}

static int64_t work_of_panel(const job *j) { return da_work_of_products(j->samples * j->columns / 2 * PANEL); }

/* A chunk: a panel of the round. Its own loops are shared among threads where it is the only one. */
static void multiply_panel(void *context, int64_t chunk, int worker) {
    const job *j = context;
    const int64_t k = (j->first + chunk) * PANEL;
    panel_work w = { .job = j, .k = k, .c = j->products + chunk * j->columns * j->columns };
    w.panel = (da_panel){ j->panels + worker * j->blocks * BLOCK, smallest(PANEL, j->width - k), BLOCK, j->samples };
    da_parallel_for(j->blocks, da_work_of_floats(j->samples * w.panel.depth), transpose, &w);
    j->kernels->panel_centre(&w.panel, j->scale);
    da_parallel_for(j->blocks, work_of_panel(j), multiply, &w);
}

typedef struct addition { const job *job; int64_t panels; } addition;

static void add_rows(void *context, int64_t chunk, int worker) {
    const addition *a = context;
    const job *j = a->job;
    const int64_t first = chunk * EDGE, stride = dai_gram_stride(j->samples);
    (void)worker;
    for (int64_t row = first; row < smallest(first + EDGE, j->samples); row++)
        for (int64_t panel = 0; panel < a->panels; panel++)
            j->kernels->widen_sum(j->columns - first, j->products + (panel * j->columns + row) * j->columns + first,
                                  j->gram + row * stride + first);
}

static void compute(job *j) {
    const int64_t stride = dai_gram_stride(j->samples), panels = (j->width + PANEL - 1) / PANEL;
    const int64_t round = round_of(j->columns);
    memset(j->gram, 0, (size_t)(stride * stride) * sizeof *j->gram);
    for (j->first = 0; j->first < panels; j->first += round) {
        addition sums = { j, smallest(round, panels - j->first) };
        da_parallel_for(sums.panels, sums.panels * work_of_panel(j), multiply_panel, j);
        da_parallel_for(j->blocks, da_work_of_floats(sums.panels * j->samples * j->columns), add_rows, &sums);
    }
}

static double largest_diagonal(const job *j) {
    const int64_t stride = dai_gram_stride(j->samples);
    double largest = 0;
    for (int64_t i = 0; i < j->samples; i++) {
        double entry = j->gram[i * stride + i];
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
    job j = { .kernels = da_kernels_active(), .gram = gram, .features = features, .samples = samples, .width = width,
              .blocks = blocks_of(samples), .columns = blocks_of(samples) * EDGE, .products = scratch, .scale = 1 };
    const int64_t stride = dai_gram_stride(samples);
    j.panels = scratch + round_of(j.columns) * j.columns * j.columns;
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
    for (int64_t i = 0; i < stride * stride; i++) gram[i] = ldexp(gram[i], 2 * exponent);
    return DA_GRAM_FINE;
}

/* The mean of n numbers, in double: eight lanes and a halving tree. Equal numbers have a mean equal to the bit. */
static float mean_of(const float *x, int64_t n) {
    double lane[8] = { 0 };
    for (int64_t i = 0; i < n; i++) lane[i % 8] += (double)x[i];
    for (int half = 4; half > 0; half /= 2)
        for (int l = 0; l < half; l++) lane[l] += lane[l + half];
    return (float)(lane[0] / (double)n);
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
