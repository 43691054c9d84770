/* What the operations share: loops over runs of elements, strided copies, and the one way of adding numbers up.
 *
 * Runs: 0..count-1 is cut into runs of DAI_RUN, a number that depends on nothing, and a thread takes a run at a time.
 */
#ifndef DA_CORE_OPERATIONS_LOOPS_H
#define DA_CORE_OPERATIONS_LOOPS_H

#include "core/node.h"
#include "core/tiny.h"

enum { DAI_RUN = DA_SIZE(16384, 20), DAI_LANES = 16 };

/* body(context, begin, end) for every run of `run` of 0..count-1, in parallel. */
typedef void dai_run_body(void *context, int64_t begin, int64_t end);
void dai_for_runs(int64_t count, int64_t run, dai_run_body *body, void *context);

/* How many rows of this many elements make a run: at least one. */
static inline int64_t dai_rows_per_run(int64_t row) { return row >= DAI_RUN ? 1 : DAI_RUN / (row > 0 ? row : 1); }

void dai_fill(float *to, int64_t count, float value);

/* dst[i...] = src[i...] over a shape, each side with its own strides; stride 0 in src repeats. dst's must differ. */
void dai_copy_strided(int ndim, const int64_t *shape, float *dst, const int64_t *dst_stride, const float *src,
                      const int64_t *src_stride);

/* The sum of n numbers: lane l takes l, l + 16, ..., then a tree of halves. dot: of products, by fma. */
float dai_sum_row(const float *x, int64_t n);
float dai_dot_row(const float *a, const float *b, int64_t n);

/* y (outer x inner) = sum over the middle of x (outer x middle x inner). inner 1: runs of 16 lanes, added in order;
   else slices of the middle, one chain a slice, added in order. False when scratch memory ran out. */
bool dai_sum_middle(da_node *node, int64_t outer, int64_t middle, int64_t inner, const float *x, float *y);

/* y = x summed over the axes in the mask; x has `shape`, y what is left of it, in order. False as above. */
bool dai_sum_axes(da_node *node, int ndim, const int64_t *shape, unsigned axes, const float *x, float *y);

/* Fails the node with the thread's last message, without the function's name that stands before its first colon. */
void dai_node_fail_as_said(da_node *node, da_status code);

#endif
