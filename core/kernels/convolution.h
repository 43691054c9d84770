/* The routines behind the rows of the kernel table for products: the plain references and the fast drivers. */
#ifndef DA_CORE_KERNELS_CONVOLUTION_H
#define DA_CORE_KERNELS_CONVOLUTION_H

#include "core/kernels/kernels.h"

void dai_matmul_reference(const da_matmul_problem *problem, float *scratch);
void dai_conv_forward_reference(const da_convolution *v, const float *x, const float *w, const float *bias, float *y,
                                float *scratch);
void dai_conv_backward_data_reference(const da_convolution *v, const float *dy, const float *w, float *dx,
                                      float *scratch);
void dai_conv_backward_weights_reference(const da_convolution *v, const float *x, const float *dy, float *dw,
                                         float *scratch);

void dai_matmul_fast(const da_matmul_problem *problem, float *scratch);
void dai_conv_forward_fast(const da_convolution *v, const float *x, const float *w, const float *bias, float *y,
                           float *scratch);
void dai_conv_backward_data_fast(const da_convolution *v, const float *dy, const float *w, float *dx, float *scratch);
void dai_conv_backward_weights_fast(const da_convolution *v, const float *x, const float *dy, float *dw,
                                    float *scratch);

#endif
