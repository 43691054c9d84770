/* The rows of the table of operations, one object each, defined in the file of its group. */
#ifndef DA_CORE_OPERATIONS_ROWS_H
#define DA_CORE_OPERATIONS_ROWS_H

#include "core/node.h"

/* elementwise.c: with broadcasting; unary.c */
extern const da_operation dai_operation_add, dai_operation_subtract, dai_operation_multiply, dai_operation_divide,
    dai_operation_scale, dai_operation_exp, dai_operation_log, dai_operation_sqrt;
/* reduce.c */
extern const da_operation dai_operation_sum, dai_operation_mean, dai_operation_max;
/* shape.c */
extern const da_operation dai_operation_reshape, dai_operation_flatten, dai_operation_permute, dai_operation_slice,
    dai_operation_concatenate, dai_operation_pad;
/* matmul.c, linear.c, conv2d.c, batch_norm.c, conv2d_norm.c, conv2d_relu.c */
extern const da_operation dai_operation_matmul, dai_operation_linear, dai_operation_conv2d, dai_operation_batch_norm,
    dai_operation_conv2d_norm, dai_operation_conv2d_relu;
/* pool.c */
extern const da_operation dai_operation_max_pool, dai_operation_average_pool, dai_operation_global_average_pool;
/* unary.c, softmax.c, dropout.c */
extern const da_operation dai_operation_relu, dai_operation_leaky_relu, dai_operation_gelu, dai_operation_silu,
    dai_operation_sigmoid, dai_operation_tanh, dai_operation_softmax, dai_operation_dropout;
/* loss.c */
extern const da_operation dai_operation_cross_entropy, dai_operation_mse;

#endif
