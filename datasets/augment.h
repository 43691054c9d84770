/* Augmentation: what is done to one training image, drawn from (seed, epoch, sample number in the data set) and nothing
 * else - not from its place in a batch, not from the thread - so resuming or another batch size gives the same images.
 *
 *     pad-crop, pad 2           flip            cutout 2: a square whose centre lies anywhere in the image,
 *     . . . . . . . .           a b c           clipped at its edges, becomes the mean (0 after normalising)
 *     . . a b c . . .    ->     d e f   ->      a b c
 *     . . d e f . . .           g h i           d 0 0
 *     . . g h i . . .           shifted by      g 0 0
 *     . . . . . . . .           -pad..pad both ways; outside stand zero pixels or the image reflected
 */
#ifndef DA_DATASETS_AUGMENT_H
#define DA_DATASETS_AUGMENT_H

#include "core/status.h"

#include <stdbool.h>
#include <stdint.h>

DA_C_BEGIN

typedef enum da_augment_border { DA_BORDER_ZERO, DA_BORDER_REFLECT } da_augment_border;

typedef struct da_augmentation {   /* all zero: images stay as they are */
    int               pad;         /* pixels; shifts are -pad..pad */
    da_augment_border border;      /* what is outside: pixel value 0, or the mirror image without the edge repeated */
    bool              flip;        /* left and right exchanged with probability 1/2 */
    int               cutout;      /* side of the square in pixels; 0: none */
} da_augmentation;

/* What happens to one image: output (y, x) is input (y + shift_y, x' + shift_x), where x' is x or, flipped, W - 1 - x;
   then rows cut_top..cut_bottom-1, columns cut_left..cut_right-1 of the output are cut out. */
typedef struct da_augment_plan {
    int  shift_y, shift_x;
    bool flip;
    int  cut_top, cut_bottom, cut_left, cut_right;
} da_augment_plan;

/* DA_ERROR_ARGUMENT when an option is negative or does not fit images of height x width: pad must be below
   both of them and cutout at most the smaller. */
da_status da_augmentation_check(const da_augmentation *options, int64_t height, int64_t width);

/* Draws the plan of one sample. options must have passed the check. */
da_augment_plan da_augment_draw(const da_augmentation *options, int64_t height, int64_t width, uint64_t seed,
                                int64_t epoch, int64_t sample);

DA_C_END

#endif
