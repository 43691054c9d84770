/* Bytes to floats, compiled once per instruction set: a period at a time, in a loop of fixed length that the compiler
 * turns into whole vectors. */
#include "core/kernels/kernels.h"
#include "core/kernels/variant.h"

#include <math.h>

void DA_VARIANT(dai_pixels)(const da_pixel_scale *scale, int64_t n, const uint8_t *restrict x, float *restrict y) {
    int64_t at = 0;
    for (; at + DA_PIXEL_PERIOD <= n; at += DA_PIXEL_PERIOD)
        for (int i = 0; i < DA_PIXEL_PERIOD; i++)
            y[at + i] = fmaf((float)x[at + i], scale->factor[i], scale->offset[i]);
    for (int i = 0; at + i < n; i++) y[at + i] = fmaf((float)x[at + i], scale->factor[i], scale->offset[i]);
}
