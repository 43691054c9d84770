/* The elementary functions on one number. */
#include "core/math.h"
#include "core/math_inline.h"

float da_expf(float x)     { return exp_inline(x); }
float da_logf(float x)     { return log_inline(x); }
float da_tanhf(float x)    { return tanh_inline(x); }
float da_sigmoidf(float x) { return sigmoid_inline(x); }
float da_erff(float x)     { return erf_inline(x); }
