/* CIFAR's binary files: planes into pixels, several files in a row, sizes and labels that cannot be. */
#include "tests/unit/test.h"

#include "core/file.h"
#include "core/memory.h"
#include "datasets/cifar.h"

enum { PLANE = 1024, IMAGE = 3 * PLANE };

/* Record r of a file: label bytes, then plane c holds r + c + position. */
static size_t make_record(uint8_t *out, int r, int coarse, int label) {
    size_t n = 0;
    if (coarse >= 0) out[n++] = (uint8_t)coarse;
    out[n++] = (uint8_t)label;
    for (int c = 0; c < 3; c++)
        for (int p = 0; p < PLANE; p++) out[n++] = (uint8_t)(r + 50 * c + p);
    return n;
}

static uint8_t file[4 * (IMAGE + 2)];

TEST(cifar_reads_files_in_a_row_with_channels_last) {
    const char *paths[3];
    const char *names[3] = { "b1.bin", "b2.bin", "b3.bin" };
    int records[3] = { 1, 3, 2 }, r = 0; /* later files larger than the first, and smaller */
    for (int f = 0; f < 3; f++) {
        size_t size = 0;
        for (int i = 0; i < records[f]; i++, r++) size += make_record(file + size, r, -1, r);
        paths[f] = test_temporary(names[f]);
        CHECK_OK(da_file_save(paths[f], file, size));
    }
    da_dataset data = { .classes = 10 };
    CHECK_OK(dai_cifar_load(&data, paths, 3, 1, NULL));
    CHECK(data.count == 6 && data.height == 32 && data.width == 32 && data.channels == 3);
    for (int i = 0; i < 6; i++) {
        CHECK_INT(data.labels[i], i);
        for (int p = 0; p < PLANE; p += 31)
            for (int c = 0; c < 3; c++) CHECK_INT(data.images[i * IMAGE + 3 * p + c], (uint8_t)(i + 50 * c + p));
    }
    da_dataset_free(&data);
}

TEST(cifar100_takes_the_fine_label) {
    size_t size = make_record(file, 0, 19, 99);
    const char *path = test_temporary("train.bin");
    CHECK_OK(da_file_save(path, file, size));
    da_dataset data = { .classes = 100 };
    CHECK_OK(dai_cifar_load(&data, &path, 1, 2, NULL));
    CHECK_INT(data.labels[0], 99);
    CHECK_INT(data.images[1], 50);
    da_dataset_free(&data);
}

TEST(cifar_refuses_what_is_damaged) {
    const char *path = test_temporary("bad.bin");
    da_dataset data = { .classes = 10 };
    size_t size = make_record(file, 0, -1, 3);
    size += make_record(file + size, 1, -1, 10);
    CHECK_OK(da_file_save(path, file, size));
    CHECK_FAILS(dai_cifar_load(&data, &path, 1, 1, NULL), DA_ERROR_FORMAT,
                "label 10 of sample 1 is out of range: the classes are 0 to 9");
    CHECK_OK(da_file_save(path, file, size - 1));
    CHECK_FAILS(dai_cifar_load(&data, &path, 1, 1, NULL), DA_ERROR_FORMAT, "no whole number of records of 3073");
    CHECK(strstr(da_error_message(), path));
    CHECK_OK(da_file_save(path, file, 0));
    CHECK_FAILS(dai_cifar_load(&data, &path, 1, 1, NULL), DA_ERROR_FORMAT, "0 bytes");
    CHECK(data.images == NULL && data.count == 0);
}

TEST(cifar_survives_running_out_of_memory) {
    const char *paths[2] = { test_temporary("a.bin"), test_temporary("b.bin") };
    size_t size = make_record(file, 0, -1, 3);
    CHECK_OK(da_file_save(paths[0], file, size));
    CHECK_OK(da_file_save(paths[1], file, size));
    for (int k = 0; k < 50; k++) {
        da_dataset data = { .classes = 10 };
        da_memory_fail_after(k);
        da_status status = dai_cifar_load(&data, paths, 2, 1, NULL);
        da_memory_fail_after(-1);
        if (status == DA_OK) {
            CHECK(k >= 4);
            da_dataset_free(&data);
            return;
        }
        CHECK_INT(status, DA_ERROR_MEMORY);
    }
    CHECK(!"it never succeeded");
}
