/* The elementary functions, a row each. From a row come the function in this header's neighbour graph.h, its routines in
 * every table of kernels, the operation, and of an activation the layer and its test cases. A new one is a row here, its
 * formula in core/math_inline.h, and in core/check/oracle.c the same in double.
 *
 *     row(name, NAME, from, value, contribution)
 *         value           y, of v = x
 *         from            what backward reads: x, or y where the slope follows from the value
 *         contribution    dx, of d = dy and v = x or y
 */
#ifndef DA_CORE_UNARY_H
#define DA_CORE_UNARY_H

#define DA_ACTIVATIONS(row)                                                  \
    row(gelu, GELU, x, gelu_inline(v), d * gelu_slope_inline(v))             \
    row(silu, SILU, x, silu_inline(v), d * silu_slope_inline(v))             \
    row(sigmoid, SIGMOID, y, sigmoid_inline(v), d * sigmoid_slope_inline(v)) \
    row(tanh, TANH, y, tanh_inline(v), d * tanh_slope_inline(v))

#define DA_UNARY_FUNCTIONS(row)               \
    row(exp, EXP, y, exp_inline(v), d * v)    \
    row(log, LOG, x, log_inline(v), d / v)    \
    row(sqrt, SQRT, y, sqrtf(v), d / (v + v)) \
    DA_ACTIVATIONS(row)

#endif
