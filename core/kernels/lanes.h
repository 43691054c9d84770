/* The inner loops of convolutions whose lanes are images: every number of an image becomes a vector, the same number of
 * 16 images. convolution_lanes.c has the drawing.
 */
#ifndef DA_CORE_KERNELS_LANES_H
#define DA_CORE_KERNELS_LANES_H

#include <stdint.h>

/* Weight gradients of 16 images at once, a chain over all pixels (rows, then columns) in every lane:
       to[(((ky * s + kx) * c + i) * k + j) * 16 + lane] = sum over oy, ox of x(oy + ky - padding, ox + kx - padding, i) *
                                                           dy(oy, ox, j)
   of the pixels whose x is one of h x w. A pixel of x has c vectors, one of dy k; both are contiguous. */
typedef struct dai_lanes_weights {
    const float *x, *dy;
    int64_t h, w, oh, ow, c, k, r, s, padding;
    float *to;
} dai_lanes_weights;

/* gather: to[i * 16 + lane] = from[lane * pitch + i] for i < count and the lanes < images; the other lanes are zero.
   scatter: the way back; only lanes < images are written. */
typedef struct dai_lanes {
    void (*gather)(int64_t count, int images, const float *from, int64_t pitch, float *to);
    void (*scatter)(int64_t count, int images, const float *from, float *to, int64_t pitch);
    void (*weights)(const dai_lanes_weights *problem);
} dai_lanes;

extern const dai_lanes dai_lanes_portable, dai_lanes_avx2, dai_lanes_avx512, dai_lanes_neon;

#endif
