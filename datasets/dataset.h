/* A data set: labelled images of one size, as bytes, in memory.
 *
 *     images   count x H x W x C, channels last         labels   count
 *              | sample 0: row 0: R G B R G B ... |              | 3 |
 *              | sample 1 ...                     |              | 8 |
 *
 * Pixels stay bytes until a batch is made (datasets/batch.h); the normalisation that belongs to the set is only
 * recorded here. Parts of a set (the first thousand, a validation share) are lists of sample numbers, never copies.
 *
 *     name            folder                              files, each plain or .gz
 *     mnist           mnist/                              train-images-idx3-ubyte train-labels-idx1-ubyte
 *                                                         t10k-images-idx3-ubyte  t10k-labels-idx1-ubyte
 *                                                         (or with a dot: train-images.idx3-ubyte ...)
 *     fashion-mnist   fashion-mnist/                      the same
 *     cifar10         cifar-10-batches-bin/ or cifar10/   data_batch_1.bin ... data_batch_5.bin test_batch.bin
 *                                                         [batches.meta.txt]
 *     cifar100        cifar-100-binary/ or cifar100/      train.bin test.bin [fine_label_names.txt]; fine labels
 *     digits                                              none: datasets/digits.h draws them
 */
#ifndef DA_DATASETS_DATASET_H
#define DA_DATASETS_DATASET_H

#include "core/status.h"

#include <stdbool.h>
#include <stdint.h>

DA_C_BEGIN

enum { DA_MAX_CHANNELS = 4, DA_MAX_DATA_FILES = 6 };

typedef enum da_split { DA_TRAIN, DA_TEST } da_split;

/* What files are is told by what they hold, never by where they lie: their content is compared with that of the
   published files (datasets/checksums.txt). */
typedef enum da_published {
    DA_OF_NO_SET,       /* generated, or files of no known set */
    DA_AS_PUBLISHED,    /* each file holds, unpacked, what the published one holds */
    DA_NOT_AS_PUBLISHED /* the set was asked for by name, or some of the files are its; others hold something else */
} da_published;

typedef struct da_dataset_file {
    char *path;
    char  sha256[65]; /* of the file as it lies there, packed or not; "": not asked for (da_dataset_options.hash) */
} da_dataset_file;

typedef struct da_dataset {
    char    *name;         /* "mnist", "cifar10", "digits", ...; files of no known set: "idx", "cifar-bin" */
    char    *source;       /* where it came from: the folder, the file, or "generated" */
    bool     borrowed;     /* images, labels, name are somebody else's (da_dataset_borrow): never written, never freed */
    bool     one_file;     /* a single file that serves as either split: training and test images are the same */
    da_published published;
    char    *altered;      /* DA_NOT_AS_PUBLISHED: the files that hold something else, "a, b"; else NULL */
    da_dataset_file files[DA_MAX_DATA_FILES]; /* those that were read: images, labels, names of classes */
    int      file_count;
    int64_t  count, height, width, channels;
    int      classes;
    uint8_t *images;       /* count x height x width x channels */
    uint8_t *labels;       /* count, each below classes; NULL when an image file came without labels */
    char   **class_names;  /* classes of them */
    /* The customary normalisation of pixel/255, a channel each: (pixel/255 - mean) / deviation. A caller with a
       normalisation of its own (a checkpoint's) writes it here before making batches. */
    float    mean[DA_MAX_CHANNELS], deviation[DA_MAX_CHANNELS];
    int64_t  fingerprinted;   /* `fingerprint` is of so many images; 0: it was not kept, or they changed. Who changes */
    char     fingerprint[65]; /* images, labels, name or classes sets that to 0 */
} da_dataset;

typedef struct da_dataset_options {
    int64_t  count; /* how many digits to draw; 0: 60000 to train, 10000 to test. Only for "digits" */
    uint64_t seed;  /* of the digits; files have no use for one */
    int64_t  limit; /* keep this many images, the first, and no memory for others; 0: all */
    bool     hash;  /* the SHA-256 of each file that is read, too */
} da_dataset_options;

bool da_dataset_is_named(const char *text); /* "mnist", "cifar10", ...: is it a name that is looked for in data_dir? */

/* Loads one split. name_or_path is a name of the table above, looked for in data_dir (NULL or "": none), then
   $DEEPARC_DATA, then datasets/data, then /usr/share/datasets; or a path (it holds a '/' or it exists): a folder with
   files of the table, or one file - an IDX image file (labels come from the label file beside it, where there is one)
   or a CIFAR .bin file - which then serves as either split. What files hold decides name, class names and
   normalisation; a set asked for by name is called so even where its files are not the published ones (`published`
   says it), but not where they are another known set's. IDX files have ten classes. options NULL: all images; digits
   from seed 1. *out is written on success only; da_dataset_free gives it back. Errors: DA_ERROR_NOT_FOUND (what was
   looked for, where, and the command that gets it), DA_ERROR_FORMAT (truncated, corrupt, labels out of range, counts
   that differ, another set's files), DA_ERROR_ARGUMENT, DA_ERROR_IO, DA_ERROR_MEMORY. Costs one pass over the files,
   into the memory where the images stay, and one to hash them (with options->hash two where a file is packed or CIFAR's).
   They are not mapped: a file that another program changes or cuts short would change images that were hashed before,
   or end the program. */
da_status da_dataset_load(da_dataset *out, const char *name_or_path, da_split split, const char *data_dir,
                          const da_dataset_options *options);
void da_dataset_free(da_dataset *data); /* takes NULL and an all-zero set; leaves zeros */

/* A data set over images that are in memory already: count x height x width x channels bytes, channels last, and as many
   labels below `classes`, or NULL. Nothing is copied: name, images and labels outlive the set. Its normalisation is
   pixel/255 until mean and deviation are set; it has no class names. Errors: DA_ERROR_ARGUMENT (a count, channels or
   classes out of range, a label that is no class), DA_ERROR_SHAPE. Cost: a pass over the labels. */
da_status da_dataset_borrow(da_dataset *out, const char *name, int64_t count, const int64_t shape[3], const uint8_t *images,
                            int classes, const uint8_t *labels);

/* SHA-256 over the images in use: name, a zero byte; count, height, width, channels, classes and 1 (0 without labels)
   as 64-bit little-endian numbers; all pixels as they lie in memory; all labels. The normalisation is the model's. The
   first n images alone: a copy of *data with count n. One pass: 1.7 GB a second where the processor has instructions
   for SHA-256, 0.3 elsewhere; none where it was kept. */
void da_dataset_fingerprint(const da_dataset *data, char hex[65]);
/* Keeps it in *data, and in copies of *data of as many images, so that who asks after that need not wait. */
void da_dataset_keep_fingerprint(da_dataset *data);

static inline int64_t da_dataset_image_bytes(const da_dataset *data) {
    return data->height * data->width * data->channels;
}

DA_C_END

#endif
