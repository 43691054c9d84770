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

enum { LINE_FLOATS = 16 }; /* of a cache line */

static inline int64_t largest(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t smallest(int64_t a, int64_t b) { return a < b ? a : b; }

/* Rounded up so that parts of scratch memory begin on vectors. */
static inline int64_t round_up(int64_t floats) { return (floats + 15) / 16 * 16; }

typedef struct dai_frame { int64_t top, left, height, width; } dai_frame; /* of the framed image, in pixels */

static inline bool dai_frame_is_bare(const dai_frame *f, int64_t height, int64_t width) { return f->height == height && f->width == width; }

static inline int64_t dai_frame_floats(const dai_frame *f, int64_t channels) { return f->height * f->width * channels; }

/* The image inside its frame: copied or made in `to`, or the one in memory when the frame adds nothing. */
static inline const float *dai_framed(const dai_frame *f, const da_image_source *source, int64_t i, int64_t height,
                                      int64_t width, int64_t channels, float *to) {
    const int64_t row = f->width * channels, inner = width * channels, left = f->left * channels;
    if (source->values && dai_frame_is_bare(f, height, width)) return source->values + i * height * inner;
    memset(to, 0, (size_t)(f->top * row) * sizeof *to);
    for (int64_t y = 0; y < height; y++) {
        float *start = to + (f->top + y) * row + left;
        memset(start - left, 0, (size_t)left * sizeof *to);
        if (source->values) memcpy(start, source->values + (i * height + y) * inner, (size_t)inner * sizeof *to);
        else source->load(source->context, i * height + y, start);
        memset(start + inner, 0, (size_t)(row - left - inner) * sizeof *to);
    }
    const int64_t below = f->top + height;
    memset(to + below * row, 0, (size_t)((f->height - below) * row) * sizeof *to);
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

/* Images that will be needed next are asked for part by part while others are computed: a copy of an image that is not
   in the cache yet would leave the arithmetic waiting. */
typedef struct dai_ahead {
    const da_image_source *source;
    int64_t at, end;  /* floats, from the beginning of every array that the source reads */
    int64_t step;
} dai_ahead;

static inline dai_ahead dai_ahead_of(const da_image_source *source, int64_t image, int64_t first, int64_t count,
                                     int64_t steps) {
    return (dai_ahead){ source, first * image, (first + count) * image, image * count / largest(1, steps) + 1 };
}

static inline void dai_fetch_step(dai_ahead *next) {
    const da_image_source *s = next->source;
    const float *arrays[] = { s->values, s->reads[0], s->reads[1], s->reads[2] };
    const int64_t end = smallest(next->end, next->at + next->step);
    for (int a = 0; a < 4; a++)
        for (int64_t at = next->at; arrays[a] && at < end; at += LINE_FLOATS) __builtin_prefetch(arrays[a] + at, 0, 2);
    next->at = end;
}

/* The same for memory that will be written: part `step` of `steps` of it. */
static inline void dai_fetch_target(const float *to, int64_t count, int64_t step, int64_t steps) {
    for (int64_t at = count * step / steps; at < count * (step + 1) / steps; at += LINE_FLOATS)
        __builtin_prefetch(to + at, 1, 2);
}

#endif
