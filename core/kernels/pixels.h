/* Bytes to floats: the step from an image as it is stored to what a network reads.
 *
 *     x        R G B R G B R G B ...         bytes, channels in turn
 *     factor   r g b r g b r g b ...         one period, 48 long: a multiple of 1, 2, 3 and 4 channels and of 16 lanes
 *     y[i] = fma(x[i], factor[i % 48], offset[i % 48])
 */
#ifndef DA_CORE_KERNELS_PIXELS_H
#define DA_CORE_KERNELS_PIXELS_H

#include <stdint.h>

enum { DA_PIXEL_PERIOD = 48 };

typedef struct da_pixel_scale { float factor[DA_PIXEL_PERIOD], offset[DA_PIXEL_PERIOD]; } da_pixel_scale;

#define DAI_DECLARE_PIXELS(variant) \
    void dai_pixels_##variant(const da_pixel_scale *scale, int64_t n, const uint8_t *x, float *y);

DAI_DECLARE_PIXELS(reference)
DAI_DECLARE_PIXELS(portable)
DAI_DECLARE_PIXELS(avx2)
DAI_DECLARE_PIXELS(avx512)
DAI_DECLARE_PIXELS(neon)
#undef DAI_DECLARE_PIXELS

#endif
