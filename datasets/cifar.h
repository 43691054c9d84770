/* CIFAR-10 and CIFAR-100 in their binary form: records of a fixed size, one after the other.
 *
 *     CIFAR-10    | label | 1024 red | 1024 green | 1024 blue |                 each plane 32 rows of 32 pixels
 *     CIFAR-100   | coarse label | fine label | 1024 red | 1024 green | 1024 blue |
 */
#ifndef DA_DATASETS_CIFAR_H
#define DA_DATASETS_CIFAR_H

#include "datasets/dataset.h"

/* Reads the files (plain or gzip) one after the other into images (channels last), labels, count, height, width and
   channels of *data. label_bytes stand before the pixels of a record, the last of them is the label and must be below
   data->classes. On failure *data stays. */
da_status dai_cifar_load(da_dataset *data, const char *const *paths, int files, int label_bytes);

#endif
