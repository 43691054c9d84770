/* The kernel table: every routine that touches many numbers, once as a plain reference and once per instruction set.
 *
 *     reference          ten-line loops that define the bits (reference.c)
 *     portable           the fast algorithms in plain C
 *     avx2 avx512 neon   the same source on wider vectors (fast_*.c on simd.h)
 *
 * All give the same bits. The table is chosen once at start-up from what the CPU has; da_kernels_select overrides it.
 * Rules of the bits: a contraction is one chain acc = fma(a[k], b[k], acc), k ascending; a sum along a row uses 16
 * virtual lanes and a halving tree; sums over samples are cut into slices that depend on the shape alone.
 */
#ifndef DA_CORE_KERNELS_KERNELS_H
#define DA_CORE_KERNELS_KERNELS_H

#include "core/kernels/contract.h"
#include "core/kernels/update.h"
#include "core/kernels/winograd.h"
#include "core/status.h"

#include <stdbool.h>
#include <stdint.h>

/* C (m x n) = start + A (m x k) B (k x n). A is read at a[i * a_row + p * a_column], B at b[p * b_row + j * b_column],
   C is written at c[i * c_row + j]. start: `bias` (n values) if given, else C itself if accumulate, else zero. */
typedef struct da_matmul_problem {
    int64_t m, n, k;
    const float *a; int64_t a_row, a_column;
    const float *b; int64_t b_row, b_column;
    float *c; int64_t c_row;
    const float *bias;
    bool accumulate;
} da_matmul_problem;

/* Convolution of x (N H W C) with w (R S C/groups K) to y (N OH OW K). Padding is the value zero, multiplied like any
   other. Order of the chains:
     forward            kernel row, kernel column, channel; from the bias or zero
     backward data      row of dy, column of dy, channel k, all ascending (so kernel rows and columns descending); dy
                        outside the image counts as zero; taps that a stride leaves out are no terms at all
     backward weights   sample, row, column of dy; a chain a slice of the batch (da_conv_slices), slices added in
                        order */
typedef struct da_convolution {
    int64_t n, h, w, c, k, r, s, stride, padding, groups, oh, ow;
} da_convolution;

int64_t da_conv_slices(const da_convolution *conv);          /* depends on the shape alone */
int64_t da_conv_scratch(const da_convolution *conv);         /* floats any of the three passes needs */
int64_t da_matmul_scratch(const da_matmul_problem *problem);

typedef enum da_unary {
    DA_UNARY_EXP, DA_UNARY_LOG, DA_UNARY_SQRT, DA_UNARY_TANH, DA_UNARY_SIGMOID, DA_UNARY_SILU, DA_UNARY_GELU,
    DA_UNARY_COUNT
} da_unary;

typedef struct da_kernels {
    const char *name;
    dai_contract *contract; /* the inner loop of the fast products below; NULL in the reference */
    const dai_winograd_transforms *winograd; /* likewise */
    void (*matmul)(const da_matmul_problem *problem, float *scratch);
    void (*conv_forward)(const da_convolution *conv, const float *x, const float *w, const float *bias, float *y,
                         float *scratch);
    void (*conv_backward_data)(const da_convolution *conv, const float *dy, const float *w, float *dx, float *scratch);
    void (*conv_backward_weights)(const da_convolution *conv, const float *x, const float *dy, float *dw,
                                  float *scratch);
    /* y[i] = f(x[i]); and dx[i] = dy[i] * f'(x[i]), given x and y = f(x) */
    void (*unary)(da_unary f, int64_t n, const float *x, float *y);
    void (*unary_backward)(da_unary f, int64_t n, const float *x, const float *y, const float *dy, float *dx);
    /* pixels x channels: channels.h says what they compute */
    void (*channel_moments)(int64_t pixels, int64_t channels, const float *x, float *mean, float *square);
    void (*channel_gradient_sums)(int64_t pixels, int64_t channels, const float *dy, const float *x, const float *mean,
                                  float *plain, float *product);
    void (*channel_affine)(int64_t pixels, int64_t channels, const float *x, const float *factor, const float *offset,
                           float *y);
    void (*channel_gradient_affine)(int64_t pixels, int64_t channels, const float *dy, const float *x, const float *a,
                                    const float *b, const float *offset, float *dx);
    /* one step of an optimizer on n parameters: update.h */
    void (*sgd_update)(const da_sgd_update *step, int64_t n, float *w, const float *g, float *v);
    void (*adam_update)(const da_adam_update *step, int64_t n, float *w, const float *g, float *m, float *v);
    double (*square_sum)(int64_t n, const float *x);
} da_kernels;

const da_kernels *da_kernels_active(void);
da_status         da_kernels_select(const char *name); /* NULL or "auto": the best this CPU has */
/* The tables this build and CPU can run, ended by NULL; the reference first, the best last. */
const da_kernels *const *da_kernels_list(void);

#endif
