/* Bytes to floats: the step from an image as it is stored to what a network reads.
 *
 *     x        R G B R G B R G B ...         bytes, channels in turn
 *     factor   r g b r g b r g b ...         one period, 48 long: a multiple of 1, 2, 3 and 4 channels and of 16 lanes
 *     y[i] = fma(x[i], factor[i % 48], offset[i % 48])
 */
#ifndef DA_CORE_KERNELS_PIXELS_H
#define DA_CORE_KERNELS_PIXELS_H

#include "core/api.h"

#include <stdint.h>

DA_C_BEGIN

enum { DA_PIXEL_PERIOD = 48 };

typedef struct da_pixel_scale { float factor[DA_PIXEL_PERIOD], offset[DA_PIXEL_PERIOD]; } da_pixel_scale;

DA_C_END

#endif
