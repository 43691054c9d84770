/* The routines behind the rows of the kernel table for products: the plain references and the fast drivers. */
#ifndef DA_CORE_KERNELS_CONVOLUTION_H
#define DA_CORE_KERNELS_CONVOLUTION_H

#include "core/kernels/kernels.h"

void dai_matmul_reference(const da_kernels *kernels, const da_matmul_problem *problem, float *scratch);
void dai_conv_forward_reference(const da_kernels *kernels, const da_conv_forward *conv, float *scratch);
void dai_conv_backward_reference(const da_kernels *kernels, const da_conv_backward *conv, float *scratch);
int64_t dai_conv_forward_reference_scratch(const da_conv_forward *conv);
int64_t dai_conv_backward_reference_scratch(const da_conv_backward *conv);

void dai_matmul_fast(const da_kernels *kernels, const da_matmul_problem *problem, float *scratch);
void dai_conv_forward_fast(const da_kernels *kernels, const da_conv_forward *conv, float *scratch);
void dai_conv_backward_fast(const da_kernels *kernels, const da_conv_backward *conv, float *scratch);

/* The same for a convolution that names Winograd's algorithm, with any kernels. */
void    dai_conv_forward_winograd(const da_kernels *kernels, const da_conv_forward *conv, float *scratch);
void    dai_conv_backward_winograd(const da_kernels *kernels, const da_conv_backward *conv, float *scratch);
int64_t dai_conv_forward_winograd_scratch(const da_kernels *kernels, const da_conv_forward *conv);
int64_t dai_conv_backward_winograd_scratch(const da_kernels *kernels, const da_conv_backward *conv);

/* Sixteen images as lanes: whether a shape is one for it, by the shape of an image alone; whether it takes this call. The
   bits are those of the fast way above. */
bool dai_lanes_fit(const da_convolution *v);
bool dai_lanes_take_forward(const da_conv_forward *conv);
bool dai_lanes_take_backward(const da_conv_backward *conv);
int64_t dai_lanes_forward_scratch(const da_kernels *kernels, const da_conv_forward *conv);
int64_t dai_lanes_backward_scratch(const da_kernels *kernels, const da_conv_backward *conv);
void dai_lanes_forward(const da_kernels *kernels, const da_conv_forward *conv, float *scratch);
void dai_lanes_backward(const da_kernels *kernels, const da_conv_backward *conv, float *scratch);

#endif
