/* The routines behind unary and unary_backward of the kernel table. */
#ifndef DA_CORE_KERNELS_UNARY_H
#define DA_CORE_KERNELS_UNARY_H

#include "core/kernels/kernels.h"

/* y[i] = f(x[i]) and dx[i] = dy[i] * f'(x[i]); x and y may be the same array, dy and dx too, in every one of them.
   Backward reads x or y, as core/unary.h says, and takes NULL for the other one. */
#define DAI_DECLARE_UNARY(variant)                                                                                     \
    void dai_unary_##variant(da_unary f, int64_t n, const float *x, float *y);                                         \
    void dai_unary_backward_##variant(da_unary f, int64_t n, const float *x, const float *y, const float *dy,          \
                                      float *dx);

DAI_DECLARE_UNARY(reference)
DAI_DECLARE_UNARY(portable)
DAI_DECLARE_UNARY(avx2)
DAI_DECLARE_UNARY(avx512)
DAI_DECLARE_UNARY(neon)
#undef DAI_DECLARE_UNARY

#endif
