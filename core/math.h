/* Elementary functions of our own: the same bits on every machine, because they use only + - * /, sqrt and fused
 * multiply-add. These scalar versions are the reference; fast kernels evaluate the same polynomials in the same order on
 * vectors. Each states its largest error against the true value, found by trying every float.
 */
#ifndef DA_CORE_MATH_H
#define DA_CORE_MATH_H

float da_expf(float x);
float da_logf(float x);
float da_tanhf(float x);
float da_sigmoidf(float x);
float da_erff(float x);

#endif
