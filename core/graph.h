/* Automatic differentiation, define by run: every operation called on a graph computes at once and leaves a node on the
 * tape; da_graph_backward walks the tape from the loss to its beginning.
 *
 *     x ──┐
 *         linear ── relu ── linear ── cross_entropy          one node each, in the order of the calls
 *     w ──┘
 *
 * The graph owns every intermediate: da_graph_reset ends the life of all of them at once and keeps the memory for the
 * next step, so that no heap call happens in a training step after the first. What several
 * consumers contribute to a gradient is added in the order of their backward passes (dai_gradient_end in graph.c).
 *
 * Errors: an operation that is misused returns a poisoned node, the graph keeps the *first* error, and whatever
 * consumes a poisoned node is poisoned too, so that formulas stay formulas: check da_graph_status once, at the end.
 * Every function here takes poisoned nodes and NULL as operands.
 */
#ifndef DA_CORE_GRAPH_H
#define DA_CORE_GRAPH_H

#include "core/tensor.h"
#include "core/unary.h"

#include <stdio.h>

DA_C_BEGIN

typedef struct da_graph da_graph;
typedef struct da_node  da_node;

/* DA_ERROR_NUMERIC when the calling thread's floating-point mode is not IEEE 754's own: math.h. */
da_status da_graph_new(da_graph **graph);
void      da_graph_free(da_graph *graph);
/* Ends all nodes and clears the error. Memory is kept for the next step, until one whose first input is larger. */
void      da_graph_reset(da_graph *graph);

/* Whether operations remember what backward needs; the default. Off for inference: da_graph_release then keeps memory
   small. */
void da_graph_set_recording(da_graph *graph, bool on);
bool da_graph_recording(const da_graph *graph);

/* The first error since reset: its status, after setting the thread's last error to it. */
da_status da_graph_status(da_graph *graph);

/* What error messages call the operations that follow, e.g. "layer2.0.conv1"; borrowed until changed. NULL: nothing. */
void da_graph_label(da_graph *graph, const char *label);

/* Finds the first value that is not finite: with the trap on, every operation's output (and, in backward, every
   gradient) is looked through, and the first that holds an infinity or NaN becomes the graph's error, DA_ERROR_NUMERIC.
   Costs a pass over the data; meant for running a failed step again. */
void da_graph_set_trap(da_graph *graph, bool on);

/* Leaves. An input takes no gradient; a leaf's gradient is written by backward into `gradient` (same shape,
   contiguous), overwriting what was there; NULL: none wanted. Both borrow the data until reset. Asking twice for a leaf
   over the same data gives the same node, so that shared weights sum their gradients. */
da_node *da_graph_input(da_graph *graph, const da_tensor *value);
da_node *da_graph_leaf(da_graph *graph, const da_tensor *value, da_tensor *gradient);

/* Whether a leaf's gradient is whole: *whole is false from here on, and true once a backward has succeeded. Borrowed until
   reset. A leaf that takes no gradient leaves it alone. */
void da_graph_report(da_node *leaf, bool *whole);

/* Gradient of the one-element node `loss` with respect to every leaf it depends on. A node's value and gradient are
   given back as soon as they have served, except those of nodes marked with da_graph_keep. Leaves that the loss does
   not depend on get zeros. */
da_status da_graph_backward(da_graph *graph, da_node *loss);
void      da_graph_keep(da_node *node);

/* Memory: mark = da_graph_mark(g); ... ; da_graph_release(g, mark, out) says that of the values made since the mark
   only out will be used by later operations. The others are given back: all of them while not recording, and while
   recording those that no backward will read (a batch norm's output behind a ReLU, for instance). */
int64_t da_graph_mark(const da_graph *graph);
void    da_graph_release(da_graph *graph, int64_t mark, da_node *keep);

/* Reading nodes; what is returned belongs to the node and is good until its value or gradient is given back. The value of
   a poisoned node is an empty tensor; of a value that was given back the shape is left, and data is NULL. A fused operation
   may put off making its value until it is read, here or by another operation: when memory runs out then, the value is
   empty and the graph is poisoned. */
const da_tensor *da_node_value(da_node *node);
const da_tensor *da_node_gradient(da_node *node);       /* NULL when there is none */
bool             da_node_poisoned(const da_node *node);
float            da_node_scalar(da_node *node);         /* the one element of a one-element node; NaN when poisoned */

/* ---- Operations. Letters: N batch, H W height and width, C channels in, K out, R S kernel height and width. ---- */

/* Element by element, with numpy's broadcasting. */
da_node *da_add(da_graph *g, da_node *a, da_node *b);
da_node *da_subtract(da_graph *g, da_node *a, da_node *b);
da_node *da_multiply(da_graph *g, da_node *a, da_node *b);
da_node *da_divide(da_graph *g, da_node *a, da_node *b);
da_node *da_scale(da_graph *g, da_node *x, float factor, float offset); /* x * factor + offset, one fma */

/* da_exp, da_log, da_sqrt and the smooth activations da_gelu (the exact one, x * Phi(x)), da_silu, da_sigmoid, da_tanh. */
#define DA_DECLARE_UNARY(name, ...) da_node *da_##name(da_graph *g, da_node *x);
DA_UNARY_FUNCTIONS(DA_DECLARE_UNARY)
#undef DA_DECLARE_UNARY

/* Reductions over the axes whose bit is set in `axes` (bit 0: axis 0; 0: all of them); keep leaves them as size 1. */
da_node *da_sum(da_graph *g, da_node *x, unsigned axes, bool keep);
da_node *da_mean(da_graph *g, da_node *x, unsigned axes, bool keep);
da_node *da_max(da_graph *g, da_node *x, unsigned axes, bool keep); /* the gradient goes to the first maximum */

/* Shape. */
da_node *da_reshape(da_graph *g, da_node *x, int ndim, const int64_t *shape); /* one -1 is worked out */
da_node *da_flatten(da_graph *g, da_node *x);                                 /* N ... -> N x features, memory order */
da_node *da_permute(da_graph *g, da_node *x, const int *axes);
da_node *da_slice(da_graph *g, da_node *x, int axis, int64_t start, int64_t stop, int64_t step);
da_node *da_concatenate(da_graph *g, da_node *const *parts, int count, int axis); /* at most DA_MAX_INPUTS parts */
da_node *da_pad(da_graph *g, da_node *x, const int64_t *before, const int64_t *after, float value);

/* Products. matmul: ... M K times ... K N; leading dimensions equal or absent on the right.
   linear: x N ... (features D = product of the rest) times weight D x K plus bias K (NULL: none), gives N x K. */
da_node *da_matmul(da_graph *g, da_node *a, da_node *b);
da_node *da_linear(da_graph *g, da_node *x, da_node *weight, da_node *bias);

/* How many windows of a size, so many steps apart, fit along a side with padding at both ends. */
static inline int64_t da_window_count(int64_t side, int64_t size, int64_t stride, int64_t padding) {
    return side + 2 * padding < size ? 0 : (side + 2 * padding - size) / stride + 1;
}

/* Convolution: x N H W C, weight R S C/groups K, bias K or NULL; gives N H' W' K, H' = (H + 2 pad - R) / stride + 1.
   A tap that lies in the padding is no term. winograd: 0, or 2 or 4 for Winograd's algorithm F(2x2,3x3)
   or F(4x4,3x3), forward and backward: faster, with an error of its own (core/kernels/winograd.h) and bits of its own;
   kernels of 3x3, stride 1, no groups, padding up to 2 only. */
typedef struct da_conv2d_options { int64_t stride, padding, groups; int winograd; } da_conv2d_options;
da_node *da_conv2d(da_graph *g, da_node *x, da_node *weight, da_node *bias, da_conv2d_options options);

/* Pooling over N H W C. Windows may overhang by padding: max ignores it, average counts it as zero, as in PyTorch. */
typedef struct da_pool_options { int64_t size, stride, padding; } da_pool_options;
da_node *da_max_pool(da_graph *g, da_node *x, da_pool_options options);
da_node *da_average_pool(da_graph *g, da_node *x, da_pool_options options);
da_node *da_global_average_pool(da_graph *g, da_node *x); /* N H W C -> N C */

/* Batch norm over the last dimension (channels) of N H W C or N C: (x - mean) / sqrt(variance + epsilon) * scale +
   shift. Training: statistics of the batch (biased variance; needs more than one value a channel), and, where running
   tensors are given, running += momentum * (batch - running), with the unbiased variance, as PyTorch does. Not
   training: the running statistics. scale and shift: C, or NULL for 1 and 0. */
typedef struct da_batch_norm_options {
    bool training;
    float momentum, epsilon;
    da_tensor *running_mean, *running_variance; /* C; borrowed; written when training */
} da_batch_norm_options;
da_node *da_batch_norm(da_graph *g, da_node *x, da_node *scale, da_node *shift, da_batch_norm_options options);

/* conv2d, batch norm, then + shortcut (NULL: none) and ReLU (if asked for) in one operation, with the bits of the four
   one after the other. The batch statistics are gathered while the convolution's images are in the cache. While training,
   an output without shortcut is not written at all: a convolution that reads it normalises as it loads. */
da_node *da_conv2d_norm(da_graph *g, da_node *x, da_node *weight, da_node *scale, da_node *shift, da_node *shortcut,
                        da_conv2d_options conv, da_batch_norm_options norm, bool relu);

/* conv2d, ReLU and a max pool with windows of pool x pixels side by side (1: none) in one operation, with the bits of the
   three one after the other. The unpooled images live in the cache only. */
da_node *da_conv2d_relu(da_graph *g, da_node *x, da_node *weight, da_node *bias, da_conv2d_options conv, int64_t pool);

/* Activations besides the smooth ones. */
da_node *da_relu(da_graph *g, da_node *x);
da_node *da_leaky_relu(da_graph *g, da_node *x, float slope);
da_node *da_softmax(da_graph *g, da_node *x); /* along the last axis */

/* Dropout: zero with probability p, else x / (1 - p); element i is decided by value i of (seed, stream). */
da_node *da_dropout(da_graph *g, da_node *x, float p, uint64_t seed, uint64_t stream);

/* Losses, means over the batch: one element. cross_entropy: logits N x K against labels (N bytes, borrowed until
   reset), with label smoothing s: target = (1 - s) onehot + s / K. mse: mean of squared differences. */
da_node *da_cross_entropy(da_graph *g, da_node *logits, const uint8_t *labels, float smoothing);
da_node *da_mse(da_graph *g, da_node *a, da_node *b);

DA_C_END

#endif
