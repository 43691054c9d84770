/* Drawing what happens to a training image. */
#include "datasets/augment.h"

#include "core/random.h"

enum draw { DRAW_SHIFT_Y, DRAW_SHIFT_X, DRAW_FLIP, DRAW_CUT_Y, DRAW_CUT_X, DRAWS_A_SAMPLE = 8 };

da_status da_augmentation_check(const da_augmentation *options, int64_t height, int64_t width) {
    int64_t smaller = height < width ? height : width;
    if (options->pad < 0 || options->pad >= smaller)
        return DA_FAIL(DA_ERROR_ARGUMENT, "augmentation: pad %d of images of %lldx%lld: 0 to %lld fit", options->pad,
                       (long long)height, (long long)width, (long long)smaller - 1);
    if (options->cutout < 0 || options->cutout > smaller)
        return DA_FAIL(DA_ERROR_ARGUMENT, "augmentation: cutout %d of images of %lldx%lld: 0 to %lld fit",
                       options->cutout, (long long)height, (long long)width, (long long)smaller);
    if (options->border != DA_BORDER_ZERO && options->border != DA_BORDER_REFLECT)
        return DA_FAIL(DA_ERROR_ARGUMENT, "augmentation: border %d is unknown: zero or reflect", (int)options->border);
    return DA_OK;
}

/* A side of the square around `centre`, clipped to 0..size-1. */
static void cut(int *begin, int *end, int centre, int side, int64_t size) {
    *begin = centre - side / 2;
    *end = *begin + side;
    if (*begin < 0) *begin = 0;
    if (*end > size) *end = (int)size;
}

da_augment_plan da_augment_draw(const da_augmentation *options, int64_t height, int64_t width, uint64_t seed,
                                int64_t epoch, int64_t sample) {
    uint64_t stream = da_stream(DA_RANDOM_AUGMENT, (uint64_t)epoch), first = (uint64_t)sample * DRAWS_A_SAMPLE;
    da_augment_plan plan = { .flip = options->flip && da_random_bits(seed, stream, first + DRAW_FLIP) >> 31 };
    if (options->pad > 0) {
        uint32_t shifts = 2 * (uint32_t)options->pad + 1;
        plan.shift_y = (int)da_random_below(seed, stream, first + DRAW_SHIFT_Y, shifts) - options->pad;
        plan.shift_x = (int)da_random_below(seed, stream, first + DRAW_SHIFT_X, shifts) - options->pad;
    }
    if (options->cutout > 0) {
        int y = (int)da_random_below(seed, stream, first + DRAW_CUT_Y, (uint32_t)height);
        int x = (int)da_random_below(seed, stream, first + DRAW_CUT_X, (uint32_t)width);
        cut(&plan.cut_top, &plan.cut_bottom, y, options->cutout, height);
        cut(&plan.cut_left, &plan.cut_right, x, options->cutout, width);
    }
    return plan;
}
