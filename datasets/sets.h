/* The sets that live in files: what they are called, which files they have, what the published ones hold, their classes
 * and customary normalisation.
 */
#ifndef DA_DATASETS_SETS_H
#define DA_DATASETS_SETS_H

#include "datasets/dataset.h"
#include "datasets/gzip.h"

#include <stdbool.h>

enum { DAI_MAX_FILES = 5 };

typedef enum dai_format { DAI_IDX, DAI_CIFAR, DAI_FORMATS } dai_format;

/* What a file holds, as a digest of its content, unpacked where it is gzip: hexadecimal digits of SHA-256, for IDX
   files; of SHA-1 for those of CIFAR, of which no SHA-256 is published. */
typedef char dai_content[65];

/* What reading a file tells of it. */
typedef struct dai_digest {
    da_gzip_facts file;
    dai_content   content;
} dai_digest;

typedef struct dai_set {
    const char *name;
    dai_format  format;
    int         classes;
    int label_bytes; /* CIFAR: bytes before the pixels of a record; the last of them is the label */
    const char *folders[2];                  /* where its files lie; NULL: no second one */
    const char *files[2][DAI_MAX_FILES + 1]; /* of each split, NULL at the end. IDX: the images, then the labels */
    const char *contents[2][DAI_MAX_FILES];  /* the dai_content of each of these files as it was published */
    const char *names_file;                  /* a line for each class; NULL: there is none */
    const char *class_names[10];             /* when there is no such file; NULL: they are numbered */
    float       mean[DA_MAX_CHANNELS], deviation[DA_MAX_CHANNELS];
} dai_set;

enum { DAI_MNIST, DAI_FASHION_MNIST, DAI_CIFAR10, DAI_CIFAR100, DAI_SETS };
extern const dai_set dai_sets[DAI_SETS];
extern const dai_set dai_unknown_sets[DAI_FORMATS]; /* what files of no known content are called, a row a format */

/* Which published file holds this? false: none that is known. */
typedef struct dai_origin { const dai_set *set; da_split split; int file; } dai_origin;
bool dai_sets_find(dai_origin *out, const dai_content content);

#endif
