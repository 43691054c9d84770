/* Tensors: a block of numbers, a shape, and strides.
 *
 *     shape  {2, 3}   stride {3, 1}      data: a b c d e f        (0,0) (0,1) (0,2) (1,0) (1,1) (1,2)
 *     a view of it, transposed:          shape {3, 2}, stride {1, 3}, the same data
 *
 * A da_tensor is a small value: copy it freely. `block` is set in the one that owns the memory and NULL in views; a
 * view is valid as long as its owner. Strides count elements. Images are N H W C (channels last, so that channels are
 * vector lanes); weights of a convolution R S C K.
 */
#ifndef DA_CORE_TENSOR_H
#define DA_CORE_TENSOR_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

DA_C_BEGIN

enum { DA_MAX_DIMS = 6 };

typedef enum da_dtype { DA_FLOAT32, DA_UINT8 } da_dtype;

typedef struct da_tensor {
    da_dtype dtype;
    int      ndim;
    int64_t  shape[DA_MAX_DIMS];
    int64_t  stride[DA_MAX_DIMS];
    void    *data;  /* first element */
    void    *block; /* what da_tensor_free gives back; NULL in a view */
} da_tensor;

/* Memory. init allocates without clearing; zeros clears. free takes a tensor that is all zero bytes, and leaves it so.
   Errors: DA_ERROR_SHAPE (ndim > DA_MAX_DIMS, a negative size, more than 2^48 bytes, or half of what a pointer
   reaches, not counting sizes of 0), DA_ERROR_MEMORY. */
da_status da_tensor_init(da_tensor *t, da_dtype dtype, int ndim, const int64_t *shape);
da_status da_tensor_zeros(da_tensor *t, da_dtype dtype, int ndim, const int64_t *shape);
void      da_tensor_free(da_tensor *t);

/* A contiguous tensor over memory that somebody else owns; ndim is at most DA_MAX_DIMS. The shape is checked where the
   tensor is used: da_graph_input, da_graph_leaf. */
da_tensor da_tensor_over(void *data, da_dtype dtype, int ndim, const int64_t *shape);

/* Facts. */
int64_t da_tensor_count(const da_tensor *t);  /* elements */
size_t  da_tensor_bytes(const da_tensor *t);
size_t  da_dtype_size(da_dtype dtype);
bool    da_tensor_is_contiguous(const da_tensor *t);
bool    da_tensor_same_shape(const da_tensor *a, const da_tensor *b);
static inline float   *da_tensor_floats(const da_tensor *t) { return (float *)t->data; }

/* Views, which share the memory of t. Errors: DA_ERROR_SHAPE. reshape needs a contiguous t and allows one -1, which is
   worked out. permute: dimension i of the view is dimension axes[i] of t. slice: elements start, start+step, ... below
   stop of one axis; negative numbers count from the end; step > 0. */
da_status da_tensor_reshape(da_tensor *view, const da_tensor *t, int ndim, const int64_t *shape);
da_status da_tensor_permute(da_tensor *view, const da_tensor *t, const int *axes);
da_status da_tensor_slice(da_tensor *view, const da_tensor *t, int axis, int64_t start, int64_t stop, int64_t step);

/* Whether a tensor of this shape can exist: the errors of da_tensor_init but memory. */
da_status da_shape_check(int ndim, const int64_t *shape, size_t element_size);

/* The shape two operands broadcast to (numpy's rule: align at the right, 1 stretches). DA_ERROR_SHAPE if none. */
da_status da_shape_broadcast(int *ndim, int64_t *shape, const da_tensor *a, const da_tensor *b);

/* Copies src to dst, any strides, same shape and dtype. */
da_status da_tensor_copy(da_tensor *dst, const da_tensor *src);

/* "2x3x28x28" into text, for messages; "scalar" when ndim is 0. Returns text. */
char *da_shape_text(char text[96], int ndim, const int64_t *shape);

DA_C_END

#endif
