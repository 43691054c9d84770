/* Handwritten-looking digits, drawn by a program: 28 x 28 pixels, 0 (paper) to 255 (ink), any number of them, from no
 * file. Each class has a few skeletons (strokes through hand-placed points, as people write them); a sample bends,
 * slants, turns, stretches and shifts one of them, draws it with a pen of random width, pressure and ink, and adds
 * noise.
 *
 * Sample `index` of a split depends on (seed, split, index) alone and is made of + - * / sqrt only: the same bytes on
 * every machine, whatever the number of threads. The two splits come from different random streams.
 */
#ifndef DA_DATASETS_DIGITS_H
#define DA_DATASETS_DIGITS_H

#include "datasets/dataset.h"

enum { DA_DIGITS_SIDE = 28, DA_DIGITS_CLASSES = 10 };

/* Normalisation of pixel/255, measured on the 60,000 training samples of seed 1. */
#define DA_DIGITS_MEAN      0.1085f
#define DA_DIGITS_DEVIATION 0.2363f

/* Draws one: writes the 784 pixels, returns the label. */
uint8_t da_digits_draw(uint8_t image[DA_DIGITS_SIDE * DA_DIGITS_SIDE], uint64_t seed, da_split split, int64_t index);

/* Draws samples 0..count-1 into images (count x 28 x 28) and labels (count), in parallel. */
void da_digits_generate(uint8_t *images, uint8_t *labels, int64_t count, uint64_t seed, da_split split);

#endif
