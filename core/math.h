/* Elementary functions of our own: the same bits on every machine, because they use only + - * /, sqrt and fused
 * multiply-add. These scalar versions are the reference; fast kernels evaluate the same formulas on vectors. The error
 * stated is the largest against the C library in double, over all finite floats, each of which was tried; a unit in the
 * last place (ulp) of a subnormal result is 2^-149.
 *
 * Infinities, NaN, overflow and subnormal results come out as IEEE 754 asks: exp(-inf) = 0, log(0) = -inf,
 * log(-1) = NaN, tanh(-0) = -0. A NaN stays a NaN, its bits are not specified.
 */
#ifndef DA_CORE_MATH_H
#define DA_CORE_MATH_H

#include <float.h>
#include <stdbool.h>

#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || \
    (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "deeparc promises the same bits everywhere, so arithmetic must be IEEE 754's: compile without -ffast-math, -Ofast and their parts"
#endif
#if FLT_EVAL_METHOD != 0
#error "deeparc promises the same bits everywhere, so float arithmetic must be that of float: on 32-bit x86 compile with -msse2 -mfpmath=sse"
#endif

float da_expf(float x);      /* 1.02 ulp */
float da_logf(float x);      /* 0.92 ulp */
float da_tanhf(float x);     /* 1.34 ulp */
float da_sigmoidf(float x);  /* 2.41 ulp, 1 / (1 + e^-x) */
float da_erff(float x);      /* 1.36 ulp */

/* Does the calling thread compute as IEEE 754 has it by default: subnormal numbers kept, as operands and as results,
   and rounding to nearest? Tried by arithmetic. A thread begins with the mode of the thread that made it; a library
   built with -ffast-math changes it when it is loaded. */
bool da_float_mode_is_ieee(void);

#endif
