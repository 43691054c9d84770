/* The elementary functions on one number, and a look at the mode that all arithmetic depends on. */
#include "core/math.h"
#include "core/math_inline.h"

float da_expf(float x)     { return exp_inline(x); }
float da_logf(float x)     { return log_inline(x); }
float da_tanhf(float x)    { return tanh_inline(x); }
float da_sigmoidf(float x) { return sigmoid_inline(x); }
float da_erff(float x)     { return erf_inline(x); }

bool da_float_mode_is_ieee(void) {
    const volatile float least_normal = 0x1p-126f, subnormal = 0x1p-127f, half_step = 0x1p-24f, one = 1.0f;
    const volatile float result = least_normal * 0.5f, operand = subnormal * 2.0f;
    const volatile float above = one + half_step, below = -one - half_step, up = one + 3.0f * half_step;
    return float_bits(result) == 0x00400000u && float_bits(operand) == 0x00800000u && /* flushed ones are zero */
           above == 1.0f && below == -1.0f && up == 1.0f + 0x1p-22f; /* ties go to the even neighbour */
}
