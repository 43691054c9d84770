/* The table: every operation there is. Tests, gradcheck, traces and benchmarks walk it. */
#include "core/operations/rows.h"

static const da_operation *const table[] = {
    &dai_operation_add, &dai_operation_subtract, &dai_operation_multiply, &dai_operation_divide, &dai_operation_scale,
    &dai_operation_exp, &dai_operation_log, &dai_operation_sqrt,
    &dai_operation_sum, &dai_operation_mean, &dai_operation_max,
    &dai_operation_reshape, &dai_operation_flatten, &dai_operation_permute, &dai_operation_slice,
    &dai_operation_concatenate, &dai_operation_pad,
    &dai_operation_matmul, &dai_operation_linear, &dai_operation_conv2d, &dai_operation_batch_norm,
    &dai_operation_conv2d_norm, &dai_operation_conv2d_relu,
    &dai_operation_max_pool, &dai_operation_average_pool, &dai_operation_global_average_pool,
    &dai_operation_relu, &dai_operation_leaky_relu, &dai_operation_gelu, &dai_operation_silu, &dai_operation_sigmoid,
    &dai_operation_tanh, &dai_operation_softmax, &dai_operation_dropout,
    &dai_operation_cross_entropy, &dai_operation_mse,
    NULL
};

const da_operation *const *da_operations(void) { return table; }
