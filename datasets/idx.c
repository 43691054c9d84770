/* IDX files. Everything a header claims is compared with the bytes that are there before it is used. */
#include "datasets/idx.h"

#include "core/memory.h"
#include "core/number.h"
#include "core/sha256.h"
#include "core/tensor.h"
#include "datasets/gzip.h"

#include <stdbool.h>
#include <string.h>

static int64_t big_endian(const uint8_t *p) {
    return (int64_t)p[0] << 24 | (int64_t)p[1] << 16 | (int64_t)p[2] << 8 | (int64_t)p[3];
}

da_status dai_idx_parse(dai_idx *out, const uint8_t *bytes, size_t size, int dimensions, const char *name) {
    size_t header = 4 + 4 * (size_t)dimensions;
    if (size < header)
        return DA_FAIL(DA_ERROR_FORMAT, "'%s' is truncated: an IDX header has %zu bytes, the file %zu: fetch it again",
                       name, header, size);
    if (bytes[0] != 0 || bytes[1] != 0 || bytes[2] != 8 || bytes[3] != dimensions)
        return DA_FAIL(DA_ERROR_FORMAT, "'%s' is no IDX file of %s: it begins %02x %02x %02x %02x, not 00 00 08 %02x",
                       name, dimensions == 1 ? "labels" : "images", bytes[0], bytes[1], bytes[2], bytes[3], dimensions);
    dai_idx idx = { .content = bytes + header };
    bool claims_more = false;
    int64_t there = (int64_t)(size - header), claimed = 1;
    for (int d = 0; d < dimensions; d++) {
        idx.size[d] = big_endian(bytes + 4 + 4 * d);
        if (idx.size[d] == 0)
            return DA_FAIL(DA_ERROR_FORMAT, "'%s' is empty: dimension %d in its header is 0", name, d);
        claims_more = claims_more || claimed > there / idx.size[d]; /* divided, since a product may overflow */
        if (!claims_more) claimed *= idx.size[d];
    }
    if (claims_more || claimed != there) {
        char shape[96];
        return DA_FAIL(DA_ERROR_FORMAT, "'%s' is %s: its header claims %s bytes, but %lld follow: fetch it again", name,
                       claims_more ? "truncated" : "too long", da_shape_text(shape, dimensions, idx.size),
                       (long long)there);
    }
    *out = idx;
    return DA_OK;
}

/* Reads and parses a file; *block is its content alone, moved to the front. */
static da_status read_idx(dai_idx *idx, uint8_t **block, int dimensions, const char *path, dai_digest *digest) {
    uint8_t *bytes;
    size_t size;
    DA_TRY(da_gzip_read_file(path, &bytes, &size, digest ? &digest->file : NULL));
    da_status status = dai_idx_parse(idx, bytes, size, dimensions, path);
    if (status != DA_OK) {
        da_free(bytes);
        return status;
    }
    if (digest && digest->file.hash && !digest->file.packed) memcpy(digest->content, digest->file.sha256, 65);
    else if (digest) da_sha256_of(bytes, size, digest->content);
    memmove(bytes, idx->content, size - (size_t)(idx->content - bytes));
    idx->content = *block = bytes;
    return DA_OK;
}

static da_status check_labels(const dai_idx *labels, const char *path, int64_t images, const char *images_path,
                              int classes) {
    if (labels->size[0] != images)
        return DA_FAIL(DA_ERROR_FORMAT,
                       "'%s' holds %s, but '%s' holds %s: they do not belong together", images_path,
                       da_count(images, "image").text, path, da_count(labels->size[0], "label").text);
    for (int64_t i = 0; i < images; i++)
        if (labels->content[i] >= classes)
            return DA_FAIL(DA_ERROR_FORMAT, "'%s': label %d of sample %lld is out of range: the classes are 0 to %d",
                           path, labels->content[i], (long long)i, classes - 1);
    return DA_OK;
}

da_status dai_idx_load(da_dataset *data, const char *images_path, const char *labels_path, dai_digest digests[2]) {
    dai_idx images = { { 0 }, NULL }, labels = { { 0 }, NULL };
    uint8_t *pixels, *classes = NULL;
    DA_TRY(read_idx(&images, &pixels, 3, images_path, digests ? &digests[0] : NULL));
    da_status status =
        labels_path ? read_idx(&labels, &classes, 1, labels_path, digests ? &digests[1] : NULL) : DA_OK;
    if (status == DA_OK && labels_path)
        status = check_labels(&labels, labels_path, images.size[0], images_path, data->classes);
    if (status != DA_OK) {
        da_free(pixels);
        da_free(classes);
        return status;
    }
    data->count = images.size[0];
    data->height = images.size[1];
    data->width = images.size[2];
    data->channels = 1;
    data->images = pixels;
    data->labels = classes;
    return DA_OK;
}
