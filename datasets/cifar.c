/* CIFAR's binary files: check the size and the labels, turn planes into pixels. */
#include "datasets/cifar.h"

#include "core/memory.h"
#include "core/number.h"
#include "core/sha1.h"
#include "datasets/gzip.h"

#include <stddef.h>

enum { SIDE = 32, PLANE = SIDE * SIDE, IMAGE = 3 * PLANE };

/* The images and labels so far. */
typedef struct collection {
    uint8_t *images, *labels;
    int64_t  count, room;
    int      label_bytes; /* 0: not known before the first file */
} collection;

static int classes_of(int label_bytes) { return label_bytes == 1 ? 10 : 100; }

static da_status make_room(collection *all, int64_t room) {
    if (room <= all->room) return DA_OK;
    uint8_t *images = da_realloc(all->images, (size_t)room * IMAGE);
    if (!images) return DA_ERROR_MEMORY;
    all->images = images;
    uint8_t *labels = da_realloc(all->labels, (size_t)room);
    if (!labels) return DA_ERROR_MEMORY;
    all->labels = labels;
    all->room = room;
    return DA_OK;
}

static da_status append_records(collection *all, const uint8_t *bytes, size_t size, const char *path) {
    const int label_bytes = all->label_bytes, classes = classes_of(label_bytes);
    size_t record = (size_t)label_bytes + IMAGE;
    if (size == 0 || size % record != 0)
        return DA_FAIL(DA_ERROR_FORMAT,
                       "'%s' is truncated or no CIFAR-%d file: %s and no whole number of records of %zu: fetch it again",
                       path, classes, da_count((int64_t)size, "byte").text, record);
    int64_t count = (int64_t)(size / record);
    DA_TRY(make_room(all, all->count + count));
    for (int64_t i = 0; i < count; i++, bytes += record) {
        uint8_t label = bytes[label_bytes - 1];
        if (label >= classes)
            return DA_FAIL(DA_ERROR_FORMAT, "'%s': label %d of sample %lld is out of range: the classes are 0 to %d",
                           path, label, (long long)i, classes - 1);
        all->labels[all->count] = label;
        uint8_t *image = all->images + all->count++ * IMAGE;
        const uint8_t *planes = bytes + label_bytes;
        for (int p = 0; p < PLANE; p++)
            for (int c = 0; c < 3; c++) image[3 * p + c] = planes[c * PLANE + p];
    }
    return DA_OK;
}

static da_status append_file(collection *all, const char *path, int files, dai_digest *digest) {
    uint8_t *bytes;
    size_t size;
    DA_TRY(da_gzip_read_file(path, &bytes, &size, digest ? &digest->file : NULL));
    if (all->label_bytes == 0) all->label_bytes = size % (1 + IMAGE) == 0 || size % (2 + IMAGE) != 0 ? 1 : 2;
    /* The first file tells how large the others will be, so that room is taken once. */
    da_status status = make_room(all, (int64_t)(size / ((size_t)all->label_bytes + IMAGE)) * files);
    if (status == DA_OK) status = append_records(all, bytes, size, path);
    if (status == DA_OK && digest) da_sha1_hex(bytes, size, digest->content);
    da_free(bytes);
    return status;
}

da_status dai_cifar_load(da_dataset *data, const char *const *paths, int files, int label_bytes,
                         dai_digest *digests) {
    collection all = { .label_bytes = label_bytes };
    for (int f = 0; f < files; f++) {
        da_status status = append_file(&all, paths[f], f == 0 ? files : 0, digests ? &digests[f] : NULL);
        if (status != DA_OK) {
            da_free(all.images);
            da_free(all.labels);
            return status;
        }
    }
    data->count = all.count;
    data->height = data->width = SIDE;
    data->channels = 3;
    data->classes = classes_of(all.label_bytes);
    data->images = all.images;
    data->labels = all.labels;
    return DA_OK;
}
