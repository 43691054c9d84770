/* IDX, the format of MNIST: a header of big-endian numbers, then bytes.
 *
 *     images   00 00 08 03 | count | rows | columns | count x rows x columns pixels, row by row
 *     labels   00 00 08 01 | count | count labels
 *              (08: bytes; 03, 01: so many dimensions, a number of four bytes each)
 */
#ifndef DA_DATASETS_IDX_H
#define DA_DATASETS_IDX_H

#include "datasets/sets.h"

#include <stddef.h>

typedef struct dai_idx {
    int64_t        size[3]; /* as many as the header has dimensions */
    const uint8_t *content; /* in the bytes that were parsed */
} dai_idx;

/* Parses an IDX file of bytes with `dimensions` dimensions (1 to 3), none of them empty, that is exactly as long as its
   header says. name is the path for messages. Errors: DA_ERROR_FORMAT. */
da_status dai_idx_parse(dai_idx *out, const uint8_t *bytes, size_t size, int dimensions, const char *name);

/* Reads an image file and, unless its path is NULL, the label file that belongs to it, each plain or gzip, into images,
   labels, count, height, width and channels of *data; labels must be below data->classes. digests, unless NULL, takes
   those of each of the files. On failure *data stays. */
da_status dai_idx_load(da_dataset *data, const char *images_path, const char *labels_path, dai_digest digests[2]);

#endif
