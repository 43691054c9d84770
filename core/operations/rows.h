/* The operations, each with the file that defines it: `da_operations` is made of this list. */
#ifndef DA_CORE_OPERATIONS_ROWS_H
#define DA_CORE_OPERATIONS_ROWS_H

#include "core/node.h"

#define DAI_OPERATIONS(row)                                                                                           \
    row(add, elementwise) row(subtract, elementwise) row(multiply, elementwise) row(divide, elementwise)              \
    row(scale, unary) row(relu, unary) row(leaky_relu, unary) DA_UNARY_FUNCTIONS(row)                                 \
    row(sum, reduce) row(mean, reduce) row(max, reduce) row(reshape, shape) row(flatten, shape) row(permute, shape)   \
    row(slice, shape) row(concatenate, shape) row(pad, shape) row(matmul, matmul) row(linear, matmul)                 \
    row(conv2d, conv2d) row(batch_norm, batch_norm) row(conv2d_norm, conv2d_norm) row(conv2d_relu, conv2d_relu)       \
    row(max_pool, pool) row(average_pool, pool) row(global_average_pool, pool) row(softmax, softmax)                  \
    row(dropout, dropout) row(cross_entropy, loss) row(mse, loss)

#define DAI_ROW(name, ...) extern const da_operation dai_operation_##name;
DAI_OPERATIONS(DAI_ROW)
#undef DAI_ROW

#endif
