/* CIFAR-10 and CIFAR-100 in their binary form: records of a fixed size, one after the other.
 *
 *     CIFAR-10    | label | 1024 red | 1024 green | 1024 blue |                 each plane 32 rows of 32 pixels
 *     CIFAR-100   | coarse label | fine label | 1024 red | 1024 green | 1024 blue |
 */
#ifndef DA_DATASETS_CIFAR_H
#define DA_DATASETS_CIFAR_H

#include "datasets/sets.h"

/* Reads the files (plain or gzip) one after the other into images (channels last), labels, count, height, width,
   channels and classes of *data: ten with label_bytes 1, a hundred with 2; 0: whichever makes whole records of the first
   file, ten when both do. The last byte before the pixels is the label. digests, unless NULL, takes those of each of the
   files. On failure *data stays. */
da_status dai_cifar_load(da_dataset *data, const char *const *paths, int files, int label_bytes,
                         dai_digest *digests);

#endif
