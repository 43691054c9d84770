/* Images on their way into a convolution: copied, or made by their source, into a frame of zeros that the cache holds,
 * and asked for ahead of time.
 *
 *     frame    0 0 0 0 0 0      left, top: zeros before the image
 *              0 x x x x 0      the image's rows, one copy (or one call of the source's load) each
 *              0 x x x x 0
 *              0 0 0 0 0 0      the rest of height x width is zeros too
 */
#ifndef DA_CORE_KERNELS_FRAMES_H
#define DA_CORE_KERNELS_FRAMES_H

#include "core/kernels/kernels.h"

#include <string.h>

static inline int64_t largest(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t smallest(int64_t a, int64_t b) { return a < b ? a : b; }

/* Rounded up so that parts of scratch memory begin on vectors. */
static inline int64_t round_up(int64_t floats) { return (floats + 15) / 16 * 16; }

typedef struct dai_frame { int64_t top, left, height, width; } dai_frame; /* of the framed image, in pixels */

static inline bool dai_frame_is_bare(const dai_frame *f, int64_t height, int64_t width) { return f->height == height && f->width == width; }

static inline int64_t dai_frame_floats(const dai_frame *f, int64_t channels) { return f->height * f->width * channels; }

/* Rows first..first+count-1 of the frame of image i, copied or made. */
static inline void dai_frame_rows(const dai_frame *f, const da_image_source *source, int64_t i, int64_t height,
                                  int64_t width, int64_t channels, int64_t first, int64_t count, float *to) {
    const int64_t row = f->width * channels, inner = width * channels, left = f->left * channels;
    for (int64_t y = first - f->top; y < first - f->top + count; y++, to += row) {
        if (y < 0 || y >= height) {
            memset(to, 0, (size_t)row * sizeof *to);
            continue;
        }
        memset(to, 0, (size_t)left * sizeof *to);
        if (source->values) memcpy(to + left, source->values + (i * height + y) * inner, (size_t)inner * sizeof *to);
        else source->load(source->context, i * height + y, to + left);
        memset(to + left + inner, 0, (size_t)(row - left - inner) * sizeof *to);
    }
}

/* The image inside its frame: copied or made in `to`, or the one in memory when the frame adds nothing. */
static inline const float *dai_framed(const dai_frame *f, const da_image_source *source, int64_t i, int64_t height,
                                      int64_t width, int64_t channels, float *to) {
    if (source->values && dai_frame_is_bare(f, height, width)) return source->values + i * height * width * channels;
    dai_frame_rows(f, source, i, height, width, channels, 0, f->height, to);
    return to;
}

/* The images of a source in their frames, side by side. */
static inline const float *dai_framed_images(const dai_frame *f, const da_image_source *source, int64_t i, int64_t count,
                                             int64_t height, int64_t width, int64_t channels, float *to) {
    const float *first = dai_framed(f, source, i, height, width, channels, to);
    for (int64_t j = 1; j < count; j++)
        (void)dai_framed(f, source, i + j, height, width, channels, to + j * dai_frame_floats(f, channels));
    return first;
}

/* The images that a source reads, first..first+count-1 of them, to be asked for ahead of time. */
static inline dai_stream dai_stream_of(const da_image_source *s, int64_t image, int64_t first, int64_t count) {
    dai_stream stream = { .at = first * image, .end = (first + count) * image };
    int arrays = 0;
    if (s->values) stream.arrays[arrays++] = s->values;
    for (int r = 0; r < 3 && s->reads[r]; r++) stream.arrays[arrays++] = s->reads[r];
    if (arrays == 0) stream.at = stream.end;
    return stream;
}

#endif
