/* The products behind the kernel table, and the ways to convolve. */
#ifndef DA_CORE_KERNELS_CONVOLUTION_H
#define DA_CORE_KERNELS_CONVOLUTION_H

#include "core/kernels/kernels.h"

void dai_matmul_reference(const da_kernels *kernels, const da_matmul_problem *problem, float *scratch);
void dai_matmul_fast(const da_kernels *kernels, const da_matmul_problem *problem, float *scratch);

/* A way to convolve: which calls it takes, the scratch memory it needs for one, and how it is done. */
typedef struct dai_way {
    bool    (*takes_forward)(const da_kernels *kernels, const da_conv_forward *conv);
    int64_t (*forward_scratch)(const da_kernels *kernels, const da_conv_forward *conv);
    void    (*forward)(const da_kernels *kernels, const da_conv_forward *conv, float *scratch);
    bool    (*takes_backward)(const da_kernels *kernels, const da_conv_backward *conv);
    int64_t (*backward_scratch)(const da_kernels *kernels, const da_conv_backward *conv);
    void    (*backward)(const da_kernels *kernels, const da_conv_backward *conv, float *scratch);
} dai_way;

extern const dai_way dai_way_winograd, dai_way_reference, dai_way_lanes;

/* Whether a shape is one for 16 images as lanes, by an image's shape alone: the slices of gradients depend on it. */
bool dai_lanes_fit(const da_convolution *v);

#endif
