/* The images that dominate first principal components, a list a layer, kept while batches go by.
 *
 *     batch:   squared places of its images on the layer's first component   12.0  .3  0  .8 ...
 *     list:    the `count` largest so far, largest first                     (image 4711, 12.0) (image 23, 9.1) ...
 *
 * Memory: layers x count, whatever the number of images.
 */
#ifndef DA_DEEPARC_DOMINANT_H
#define DA_DEEPARC_DOMINANT_H

#include "deeparc/measure.h"

/* list: `count` entries, those not yet filled with image -1. Equal places: the image that came first stays ahead. */
void dai_dominant_clear(da_dominant *list, int64_t count);
void dai_dominant_add(da_dominant *list, int64_t count, const int64_t *images, const double *squares, int64_t n);

#endif
