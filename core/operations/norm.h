/* The statistics of batch norm and what follows from them, for batch norm alone and behind a convolution. Formulas and
 * the order of the sums: batch_norm.c.
 */
#ifndef DA_CORE_OPERATIONS_NORM_H
#define DA_CORE_OPERATIONS_NORM_H

#include "core/kernels/channels.h"
#include "core/node.h"

/* values a channel, values a slice (whole samples) and how many slices. */
typedef struct dai_norm { int64_t values, channels, slice, slices; } dai_norm;

dai_norm dai_norm_of(const da_tensor *x); /* N ... C */
static inline int64_t dai_norm_slice_values(const dai_norm *g, int64_t slice) {
    const int64_t left = g->values - slice * g->slice;
    return left < g->slice ? left : g->slice;
}

/* Checks scale and shift (operands first and first + 1, where the node has them) and the options against an input of
   this shape; fails the node. */
bool dai_norm_check(da_node *node, int first, const da_batch_norm_options *options, const da_tensor *x);

/* statistics: mean and 1 / sqrt(variance + epsilon), 2 C numbers; in training from the slices' means and squares
   (slices x C each), which also moves the running statistics. coefficients: y = x * factor + offset; scale, shift may
   be NULL. */
void dai_norm_statistics(const da_batch_norm_options *options, const dai_norm *g, const float *means,
                         const float *squares, float *statistics);
void dai_norm_coefficients(const dai_norm *g, const float *statistics, const float *scale, const float *shift,
                           float *factor, float *offset);

/* Backward, from the slices' sums of dy and of dy (x - mean): dx = dy a + (x b + offset), and the gradients of scale
   and shift; C numbers each, in one block of 5 C. */
typedef struct dai_norm_slopes { float *a, *b, *offset, *dscale, *dshift; } dai_norm_slopes;
dai_norm_slopes dai_norm_backward(const dai_norm *g, bool training, const float *statistics, const float *scale,
                                  const float *plain, const float *product, float *block);

/* Contributes the gradients of scale and shift, operands first and first + 1 where the node has them. */
void dai_norm_contribute(da_node *node, int first, const dai_norm *g, const dai_norm_slopes *slopes);

#endif
