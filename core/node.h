/* Inside the graph: what an operation's row sees. Included by graph.c and core/operations/ only.
 *
 * One row of the table is one operation:
 *
 *     shape      checks operands and options, sets node->value.shape and, if it needs them, the sizes of
 *                node->saved; on misuse calls dai_node_fail, which names the operation and its label
 *     forward    fills node->value from node->input[i]->value
 *     backward   for each input i: float *d = dai_gradient_begin(node, i); if (d) { write the whole contribution; }
 *                dai_gradient_end(node, i)
 *
 * A buffer is a block of the graph's pool with a count of its users, so that reshape can share its input's memory and a
 * value is given back the moment its last user is done.
 */
#ifndef DA_CORE_NODE_H
#define DA_CORE_NODE_H

#include "core/graph.h"
#include "core/kernels/kernels.h"
#include "core/pool.h"

enum { DA_MAX_INPUTS = 8 };

typedef struct da_operation {
    const char *name;
    int         inputs_least, inputs_most;
    void      (*shape)(da_node *node);
    void      (*forward)(da_node *node);
    void      (*backward)(da_node *node);
    /* The output's gradient, images of H W C, in the making: an operation that finishes it image by image shows it,
       while the cache holds it, to the node that made the output. False: that one has no use for it. May be NULL. */
    bool      (*gradient_sink)(da_node *node, da_image_sink *sink);
    bool        backward_needs_inputs; /* reads input[i]->value in backward */
    bool        backward_needs_output; /* reads node->value in backward */
    unsigned    takes_deferred;        /* bit i: operand i may be a value that is deferred */
    unsigned    may_miss;              /* bit i: operand i may be NULL, though others follow */
} da_operation;

/* A value that is not in memory but follows from numbers that are: relu(values * factor + offset), a channel each. An
   operation that says takes_deferred applies this as it loads; for all others it is made when they ask. */
typedef struct dai_deferred { const float *values; da_channel_affine affine; } dai_deferred;

/* Options of the operations, as they were given. */
typedef union dai_options {
    struct { float factor, offset; } scale;
    struct { unsigned axes; bool keep; } reduce;
    struct { int ndim; int64_t shape[DA_MAX_DIMS]; } reshape;
    struct { int axes[DA_MAX_DIMS]; } permute;
    struct { int axis; int64_t start, stop, step; } slice;
    struct { int axis; } concatenate;
    struct { int64_t before[DA_MAX_DIMS], after[DA_MAX_DIMS]; float value; } pad;
    da_conv2d_options     conv2d;
    da_pool_options       pool;
    da_batch_norm_options batch_norm;
    struct { da_conv2d_options conv; da_batch_norm_options norm; bool relu; } conv2d_norm; /* conv is conv2d above */
    struct { da_conv2d_options conv; int64_t pool; } conv2d_relu;
    struct { float slope; } leaky_relu;
    struct { float p; uint64_t seed, stream; } dropout;
    struct { const uint8_t *labels; float smoothing; } cross_entropy;
} dai_options;

struct da_node {
    const da_operation *operation; /* NULL: an input or a leaf */
    da_graph   *graph;
    const da_kernels *kernels; /* those in force when the node was made: its forward and its backward run on them */
    const char *label;
    da_node    *input[DA_MAX_INPUTS];
    int         input_count;
    dai_options options;
    da_tensor   value;      /* contiguous; float32 (inputs may be bytes) */
    dai_buffer *buffer;     /* holds the value; NULL for inputs and leaves */
    float      *saved;      /* what forward left for backward: statistics, indices; saved_count of them */
    int64_t     saved_count;
    dai_buffer *saved_buffer;
    float      *gradient;   /* NULL until the first contribution has come */
    dai_buffer *gradient_buffer; /* NULL for leaves, whose gradient is the caller's memory */
    da_tensor   gradient_view;   /* what da_node_gradient hands out */
    da_tensor  *leaf_gradient;
    bool       *whole;      /* of a leaf: told when its gradient is; or NULL */
    float      *incoming;   /* the contribution being written between begin and end; */
    bool        incoming_total; /* or the whole gradient, with what others contributed */
    dai_buffer *incoming_buffer;
    bool        wants_gradient, poisoned, keep, shares_input; /* shares_input: the value lives in input[0]'s buffer */
    dai_deferred deferred;  /* values NULL: the value is in memory */
    bool        defers;     /* set by the shape rule: forward fills deferred and not the value */
    bool        needed;     /* used by da_graph_release: a backward will read the value */
    bool        gradient_seen; /* the gradient went through the sink of its operation */
    da_node    *first_reader;  /* the first node that has it as an operand: in backward, the last to contribute */
};

/* The table, one pointer a row, ended by NULL. */
const da_operation *const *da_operations(void);

/* A new node of this operation: shape rule, memory, forward. inputs may be NULL or poisoned. */
da_node *dai_node_new(da_graph *graph, const da_operation *operation, da_node *const *inputs, int count,
                      const dai_options *options);

/* For shape rules. fail: "NAME 'LABEL': " and the sentence. expect_ndim: fails unless input i has that
   many dimensions. */
void dai_node_fail(da_node *node, da_status code, const char *format, ...) DA_PRINTF(3, 4);
bool dai_expect_ndim(da_node *node, int i, int ndim, const char *letters);
void dai_set_shape(da_node *node, int ndim, const int64_t *shape);
/* y = affine of x, rows x channels, in parallel; y may be x. */
void dai_affine_rows(const da_kernels *kernels, int64_t rows, int64_t channels, const float *x,
                     const da_channel_affine *affine, float *y);
static inline const float *dai_input(const da_node *node, int i) { return da_tensor_floats(&node->input[i]->value); }
static inline float *dai_output(const da_node *node) { return da_tensor_floats(&node->value); }

/* Scratch memory for the duration of one forward or backward call: floats from the graph's pool; NULL poisons the
   graph. All scratch is given back when the call returns. */
float *dai_scratch(da_node *node, int64_t floats);
static inline double *dai_scratch_doubles(da_node *node, int64_t doubles) {
    return (double *)(void *)dai_scratch(node, 2 * doubles);
}

/* The gradient of input i: begin gives memory for the whole contribution (NULL when none is wanted), end adds it to
   what other consumers contributed. onto is for operations that add as they write: the caller writes base +
   contribution where base is given (base may be the memory itself). pass contributes the node's own gradient. writable:
   nobody else reads the node's own gradient, so that its backward may change it in place. */
float *dai_gradient_begin(da_node *node, int i);
float *dai_gradient_onto(da_node *node, int i, const float **base);
bool   dai_gradient_writable(const da_node *node);
void   dai_gradient_end(da_node *node, int i);
void   dai_gradient_pass(da_node *node, int i);

/* Who wants to see the gradient of input i as this node, by dai_gradient_onto, finishes it; done NULL: nobody. */
da_image_sink dai_gradient_sink(da_node *node, int i);
static inline bool dai_wants(const da_node *node, int i) { return node->input[i] && node->input[i]->wants_gradient; }

#endif
