/* Bytes to floats, one at a time. */
#include "core/kernels/kernels.h"

#include <math.h>

void dai_pixels_reference(const da_pixel_scale *scale, int64_t n, const uint8_t *x, float *y) {
    for (int64_t i = 0; i < n; i++)
        y[i] = fmaf((float)x[i], scale->factor[i % DA_PIXEL_PERIOD], scale->offset[i % DA_PIXEL_PERIOD]);
}
