/* IDX: what headers claim against what is there, labels, gzip in between. */
#include "tests/unit/test.h"

#include "core/file.h"
#include "core/memory.h"
#include "datasets/idx.h"

#include <stdlib.h>

static const uint8_t two_images[16 + 12] = { 0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 2,
                                             1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255 };
static const uint8_t two_labels[8 + 2] = { 0, 0, 8, 1, 0, 0, 0, 2, 9, 4 };

TEST(idx_parses_images_and_labels) {
    dai_idx idx;
    CHECK_OK(dai_idx_parse(&idx, two_images, sizeof two_images, 3, "x"));
    CHECK_INT(idx.size[0], 2);
    CHECK_INT(idx.size[1], 3);
    CHECK_INT(idx.size[2], 2);
    CHECK_INT(idx.content[11], 255);
    CHECK_OK(dai_idx_parse(&idx, two_labels, sizeof two_labels, 1, "x"));
    CHECK_INT(idx.size[0], 2);
    CHECK_INT(idx.content[0], 9);
}

TEST(idx_finds_every_truncation_and_bytes_too_many) {
    for (size_t size = 0; size < sizeof two_images; size++) {
        dai_idx idx = { { -5, 0, 0 }, NULL };
        uint8_t *exact = malloc(size + (size == 0));
        memcpy(exact, two_images, size);
        CHECK_FAILS(dai_idx_parse(&idx, exact, size, 3, "/d/train"), DA_ERROR_FORMAT, "'/d/train' is truncated");
        CHECK_INT(idx.size[0], -5);
        free(exact);
    }
    uint8_t longer[sizeof two_images + 1] = { 0 };
    dai_idx idx;
    memcpy(longer, two_images, sizeof two_images);
    CHECK_FAILS(dai_idx_parse(&idx, longer, sizeof longer, 3, "x"), DA_ERROR_FORMAT,
                "claims 2x3x2 bytes, but 13 follow");
}

TEST(idx_refuses_headers_that_claim_terabytes) {
    uint8_t bytes[sizeof two_images];
    dai_idx idx;
    memcpy(bytes, two_images, sizeof bytes);
    memset(bytes + 4, 0xff, 12); /* a product beyond 64 bits */
    CHECK_FAILS(dai_idx_parse(&idx, bytes, sizeof bytes, 3, "x"), DA_ERROR_FORMAT, "4294967295x4294967295x4294967295");
    const uint8_t wraps[12] = { 0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 4 }; /* 2^31 x 2^31 x 4 = 2^64 */
    memcpy(bytes + 4, wraps, 12);
    CHECK_FAILS(dai_idx_parse(&idx, bytes, sizeof bytes, 3, "x"), DA_ERROR_FORMAT, "truncated");
    memset(bytes + 4, 0, 4);
    CHECK_FAILS(dai_idx_parse(&idx, bytes, sizeof bytes, 3, "x"), DA_ERROR_FORMAT, "is empty");
}

TEST(idx_refuses_other_kinds) {
    dai_idx idx;
    CHECK_FAILS(dai_idx_parse(&idx, two_images, sizeof two_images, 1, "x"), DA_ERROR_FORMAT, "no IDX file of labels");
    CHECK_FAILS(dai_idx_parse(&idx, two_labels, sizeof two_labels, 3, "x"), DA_ERROR_FORMAT, "truncated");
    uint8_t floats[sizeof two_images];
    memcpy(floats, two_images, sizeof floats);
    floats[2] = 13;
    CHECK_FAILS(dai_idx_parse(&idx, floats, sizeof floats, 3, "x"), DA_ERROR_FORMAT, "begins 00 00 0d 03");
}

static const char *save(const char *name, const uint8_t *bytes, size_t size) {
    const char *path = test_temporary(name);
    CHECK_OK(da_file_save(path, bytes, size));
    return path;
}

TEST(idx_loads_a_pair_of_files) {
    da_dataset data = { .classes = 10 };
    const char *images = save("images", two_images, sizeof two_images),
               *labels = save("labels", two_labels, sizeof two_labels);
    CHECK_OK(dai_idx_load(&data, images, labels, NULL));
    CHECK(data.count == 2 && data.height == 3 && data.width == 2 && data.channels == 1);
    CHECK(memcmp(data.images, two_images + 16, 12) == 0 && data.labels[0] == 9 && data.labels[1] == 4);
    da_dataset_free(&data);
    data.classes = 10;
    CHECK_OK(dai_idx_load(&data, images, NULL, NULL));
    CHECK(data.labels == NULL && data.count == 2);
    da_dataset_free(&data);
}

TEST(idx_refuses_labels_that_do_not_fit) {
    da_dataset data = { .classes = 9 };
    const char *images = save("images", two_images, sizeof two_images),
               *labels = save("labels", two_labels, sizeof two_labels);
    CHECK_FAILS(dai_idx_load(&data, images, labels, NULL), DA_ERROR_FORMAT,
                "label 9 of sample 0 is out of range: the classes are 0 to 8");
    const uint8_t three[11] = { 0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3 };
    labels = save("labels", three, sizeof three);
    CHECK_FAILS(dai_idx_load(&data, images, labels, NULL), DA_ERROR_FORMAT, "holds 2 images, but");
    CHECK(strstr(da_error_message(), "holds 3 labels"));
    CHECK_FAILS(dai_idx_load(&data, images, test_temporary("none"), NULL), DA_ERROR_NOT_FOUND, "none");
    const uint8_t not_gzip[6] = { 0x1f, 0x8b, 8, 0, 0, 0 };
    images = save("images", not_gzip, sizeof not_gzip);
    CHECK_FAILS(dai_idx_load(&data, images, labels, NULL), DA_ERROR_FORMAT, images);
    CHECK(data.images == NULL && data.labels == NULL && data.count == 0);
}
