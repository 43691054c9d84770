/* The elementary functions over arrays, one number at a time: these loops define what every other table must give. */
#include "core/kernels/unary.h"
#include "core/math.h"
#include "core/math_inline.h"

static float value(da_unary f, float x) {
    switch (f) {
    case DA_UNARY_EXP:     return da_expf(x);
    case DA_UNARY_LOG:     return da_logf(x);
    case DA_UNARY_SQRT:    return sqrtf(x);
    case DA_UNARY_TANH:    return da_tanhf(x);
    case DA_UNARY_SIGMOID: return da_sigmoidf(x);
    case DA_UNARY_SILU:    return silu_inline(x);
    case DA_UNARY_GELU:    return gelu_inline(x);
    case DA_UNARY_COUNT:   break;
    }
    return 0.0f;
}

/* dy * f'(x), where y = f(x). */
static float contribution(da_unary f, float x, float y, float dy) {
    switch (f) {
    case DA_UNARY_EXP:     return dy * y;
    case DA_UNARY_LOG:     return dy / x;
    case DA_UNARY_SQRT:    return dy / (y + y);
    case DA_UNARY_TANH:    return dy * tanh_slope_inline(y);
    case DA_UNARY_SIGMOID: return dy * sigmoid_slope_inline(y);
    case DA_UNARY_SILU:    return dy * silu_slope_inline(x);
    case DA_UNARY_GELU:    return dy * gelu_slope_inline(x);
    case DA_UNARY_COUNT:   break;
    }
    return 0.0f;
}

void dai_unary_reference(da_unary f, int64_t n, const float *x, float *y) {
    for (int64_t i = 0; i < n; i++) y[i] = value(f, x[i]);
}

void dai_unary_backward_reference(da_unary f, int64_t n, const float *x, const float *y, const float *dy, float *dx) {
    for (int64_t i = 0; i < n; i++) dx[i] = contribution(f, x ? x[i] : 0.0f, y ? y[i] : 0.0f, dy[i]);
}
