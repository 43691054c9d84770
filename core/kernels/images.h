/* Images on their way into a convolution: where they lie or as their source makes them, and asked for ahead of time. */
#ifndef DA_CORE_KERNELS_IMAGES_H
#define DA_CORE_KERNELS_IMAGES_H

#include "core/kernels/kernels.h"

static inline int64_t largest(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t smallest(int64_t a, int64_t b) { return a < b ? a : b; }

/* Rounded up so that parts of scratch memory begin on vectors. */
static inline int64_t round_up(int64_t floats) { return (floats + 15) / 16 * 16; }

/* Rows first..first+count-1 of all images' rows, which are `floats` long: in memory, or made in `to`. */
static inline const float *dai_rows_at(const da_image_source *source, int64_t first, int64_t count, int64_t floats,
                                       float *to) {
    if (source->values) return source->values + first * floats;
    for (int64_t row = 0; row < count; row++) source->load(source->context, first + row, to + row * floats);
    return to;
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

/* What is needed behind an image of dx: x, for the weights' gradient, and what a sink of dx reads. */
static inline dai_stream dai_stream_behind_dx(const da_conv_backward *conv, int64_t image, int64_t first,
                                              int64_t count) {
    dai_stream stream = dai_stream_of(&conv->x, image, first, count);
    const float *also = conv->dx_sink.done ? conv->dx_sink.reads : NULL;
    for (int a = 0; also && a < DAI_AHEAD_ARRAYS; a++) {
        if (stream.arrays[a] == also) break;
        if (stream.arrays[a]) continue;
        stream.arrays[a] = also;
        break;
    }
    return stream;
}

#endif
