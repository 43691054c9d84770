/* .npy files: the bytes numpy would write, headers numpy may write, headers nobody should, every cut. */
#include "tests/unit/test.h"
#include "core/npy.h"
#include "core/file.h"
#include "core/memory.h"

#include <stdio.h>
#include <stdlib.h>

/* A version 1.0 file of this header and data bytes 0, 1, 2, ..., read from a block of exactly its size. */
static da_status read_made(da_npy *array, const char *header, size_t data) {
    size_t length = strlen(header), size = 10 + length + data;
    uint8_t *block = malloc(size);
    memcpy(block, "\x93NUMPY\x01\x00", 8);
    block[8] = (uint8_t)length;
    block[9] = (uint8_t)(length >> 8);
    memcpy(block + 10, header, length);
    for (size_t i = 0; i < data; i++) block[10 + length + i] = (uint8_t)i;
    da_status status = da_npy_read_memory(array, block, size, "made");
    free(block);
    return status;
}

TEST(npy_round_trip) {
    static const float floats[6] = { 1, -2, 0.5f, 3e-40f, 1e38f, -0.0f };
    static const double doubles[6] = { 0.1, -1e300, 0x1p-1074, 3, 4, 5 };
    static const int64_t wholes[6] = { INT64_MIN, INT64_MAX, -1, 0, 1, 2 };
    static const uint8_t octets[6] = { 0, 255, 1, 2, 3, 4 };
    const void *const data[] = { floats, doubles, wholes, octets };
    const size_t element[] = { 4, 8, 8, 1 };
    const int64_t shape[3] = { 2, 1, 3 };
    const char *path = test_temporary("a.npy");
    for (int dtype = 0; dtype < 4; dtype++) {
        da_npy array = { .ndim = 0 };
        CHECK_OK(da_npy_write(path, (da_npy_dtype)dtype, 3, shape, data[dtype]));
        CHECK_OK(da_npy_read(&array, path));
        CHECK(array.dtype == (da_npy_dtype)dtype && array.ndim == 3 && array.count == 6);
        CHECK(memcmp(array.shape, shape, sizeof shape) == 0);
        CHECK(array.data && memcmp(array.data, data[dtype], 6 * element[dtype]) == 0);
        da_npy_free(&array);
        CHECK(!array.data);
    }
    da_npy_free(NULL);
}

/* As numpy.save writes arange(3, dtype=float32): 128 bytes of header and the numbers. */
TEST(npy_bytes_are_numpys) {
    static const float numbers[3] = { 0, 1, 2 };
    const char *path = test_temporary("bytes.npy"),
        *dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }";
    const int64_t shape[1] = { 3 };
    uint8_t *bytes = NULL;
    size_t size = 0, length = strlen(dictionary);
    CHECK_OK(da_npy_write(path, DA_NPY_FLOAT32, 1, shape, numbers));
    CHECK_OK(da_file_read(path, 1000, &bytes, &size));
    CHECK_INT(size, 128 + 12);
    CHECK(memcmp(bytes, "\x93NUMPY\x01\x00\x76\x00", 10) == 0);
    CHECK(memcmp(bytes + 10, dictionary, length) == 0 && bytes[127] == '\n');
    for (size_t i = 10 + length; i < 127; i++) CHECK(bytes[i] == ' ');
    CHECK(memcmp(bytes + 128, "\0\0\0\0\0\0\x80\x3f\0\0\0\x40", 12) == 0);
    da_free(bytes);
}

TEST(npy_takes_scalars_empty_arrays_and_the_largest_shape) {
    const int64_t empty[2] = { 0, 5 }, ones[8] = { 1, 1, 1, 1, 1, 1, 1, 1 }, wide[8] = { 0, INT32_MAX, 1, 1, 1, 1, 1,
        1 };
    const char *path = test_temporary("odd.npy");
    const double value = 7;
    da_npy array;
    CHECK_OK(da_npy_write(path, DA_NPY_FLOAT64, 0, NULL, &value));
    CHECK_OK(da_npy_read(&array, path));
    CHECK(array.ndim == 0 && array.count == 1 && *(double *)array.data == 7);
    da_npy_free(&array);
    CHECK_OK(da_npy_write(path, DA_NPY_FLOAT64, 2, empty, NULL));
    CHECK_OK(da_npy_read(&array, path));
    CHECK(array.count == 0 && array.shape[1] == 5);
    da_npy_free(&array);
    CHECK_OK(da_npy_write(path, DA_NPY_FLOAT64, 8, ones, &value));
    CHECK_OK(da_npy_read(&array, path));
    CHECK_INT(array.ndim, 8);
    da_npy_free(&array);
    CHECK_OK(da_npy_write(path, DA_NPY_FLOAT64, 8, wide, NULL));
}

TEST(npy_takes_headers_spelled_otherwise) {
    da_npy array;
    CHECK_OK(read_made(&array, "{\"shape\":(2,3),\"fortran_order\":False,\"descr\":\"|u1\"}", 6));
    CHECK(array.ndim == 2 && array.shape[0] == 2 && array.shape[1] == 3 && ((uint8_t *)array.data)[5] == 5);
    da_npy_free(&array);
    CHECK_OK(read_made(&array, " { 'descr' : '<f4' , 'fortran_order' : False , 'shape' : ( 1 , ) , } \n", 4));
    da_npy_free(&array);
    uint8_t second[80] = "\x93NUMPY\x02\x00\x3c\x00\x00\x00{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }";
    memset(second + strlen("{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }") + 12, ' ', 3);
    CHECK_OK(da_npy_read_memory(&array, second, 12 + 60 + 1, "second"));
    da_npy_free(&array);
}

#define WITH(descr, order, shape) "{'descr': " descr ", 'fortran_order': " order ", 'shape': " shape ", }\n"

TEST(npy_refuses) {
    static const struct { const char *header; size_t data; const char *part; } bad[] = {
        { WITH("'<f4'", "False", "(2,)"), 7, "truncated" }, { WITH("'<f4'", "False", "(2,)"), 9, "corrupt" },
        { WITH("'<f4'", "True", "(2,2)"), 16, "Fortran" }, { WITH("'>f4'", "False", "(2,)"), 8, "dtype '>f4'" },
        { WITH("'|O'", "False", "(2,)"), 8, "dtype '|O'" }, { WITH("''", "False", "(2,)"), 8, "damaged" },
        { WITH("[('a', '<f4')]", "False", "(2,)"), 8, "damaged" }, { WITH("'<f4'", "Maybe", "(2,)"), 8, "damaged" },
        { WITH("'<f4'", "False", "(-2,)"), 8, "damaged" }, { WITH("'<f4'", "False", "(2"), 8, "damaged" },
        { WITH("'<f4'", "False", "(2 3)"), 8, "damaged" }, { WITH("'<f4'", "False", "2"), 8, "damaged" },
        { WITH("'<f4'", "False", "(1,1,1,1,1,1,1,1,1)"), 4, "damaged" },
        { WITH("'<f4'", "False", "(99999999999999999999,)"), 4, "damaged" },
        { WITH("'<f4'", "False", "(4611686018427387904, 4)"), 0, "too large" },
        { WITH("'<f4'", "False", "(1099511627776,)"), 4, "4398046511104 bytes" }, /* terabytes */
        { "", 0, "damaged" }, { "{}", 0, "damaged" }, { "{", 0, "damaged" }, { "{'descr'", 0, "damaged" },
        { "{'descr': '<f4', 'shape': (1,)}", 4, "damaged" }, { WITH("'<f4'", "False", "(1,)") "x", 4, "damaged" },
        { "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 4, "damaged" },
        { "{'other': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 4, "damaged" },
        { "{'descr': '<f4AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', 'fortran_order': False, 'shape': (1,)}", 4, "damaged" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        da_npy array = { .ndim = 77 };
        da_error_clear();
        if (read_made(&array, bad[i].header, bad[i].data) != DA_ERROR_FORMAT) {
            test_fail(__FILE__, __LINE__, "%s was taken", bad[i].header);
            da_npy_free(&array);
        } else if (!strstr(da_error_message(), "'made'") || !strstr(da_error_message(), bad[i].part)) {
            test_fail(__FILE__, __LINE__, "%s: '%s' lacks '%s'", bad[i].header, da_error_message(), bad[i].part);
        }
        CHECK_INT(array.ndim, 77);
    }
    da_npy array;
    const int64_t negative[1] = { -1 }, huge[2] = { INT64_MAX, 2 };
    CHECK_FAILS(da_npy_read_memory(&array, (const uint8_t *)"PK\3\4PK\3\4PK", 10, "zip"), DA_ERROR_FORMAT,
                "no .npy file");
    CHECK_FAILS(da_npy_read_memory(&array, (const uint8_t *)"\x93NUMPY\x09\x00\x00\x00", 10, "v9"), DA_ERROR_FORMAT,
                "version 9");
    CHECK_FAILS(da_npy_read(&array, test_temporary("no.npy")), DA_ERROR_NOT_FOUND, "no.npy");
    CHECK_FAILS(da_npy_write(test_temporary("no.npy"), DA_NPY_INT64, 1, negative, NULL), DA_ERROR_SHAPE, "no.npy");
    CHECK_FAILS(da_npy_write(test_temporary("no.npy"), DA_NPY_INT64, 2, huge, NULL), DA_ERROR_SHAPE, "too large");
    CHECK_FAILS(da_npy_write(test_temporary("no.npy"), DA_NPY_INT64, 9, huge, NULL), DA_ERROR_SHAPE, "8 dimensions");
    CHECK(!da_file_exists(test_temporary("no.npy")));
}

TEST(npy_truncated_anywhere_is_an_error) {
    const char *path = test_temporary("whole.npy");
    const double numbers[4] = { 1, 2, 3, 4 };
    const int64_t shape[2] = { 2, 2 };
    uint8_t *bytes = NULL;
    size_t size = 0;
    CHECK_OK(da_npy_write(path, DA_NPY_FLOAT64, 2, shape, numbers));
    CHECK_OK(da_file_read(path, 1000, &bytes, &size));
    for (size_t cut = 0; cut < size; cut++) {
        da_npy array;
        uint8_t *part = malloc(cut + !cut);
        memcpy(part, bytes, cut);
        if (da_npy_read_memory(&array, part, cut, "cut") != DA_ERROR_FORMAT) test_fail(__FILE__, __LINE__, "%zu bytes",
                                                                                       cut);
        free(part);
    }
    da_free(bytes);
}

TEST(npy_survives_allocation_failures) {
    const char *path = test_temporary("memory.npy");
    const double value = 1;
    da_npy array = { .ndim = 0 };
    da_status status = DA_ERROR_MEMORY;
    int64_t k;
    for (k = 0; status != DA_OK && k < 20; k++) {
        da_memory_fail_after(k);
        status = da_npy_write(path, DA_NPY_FLOAT64, 0, NULL, &value);
        if (status == DA_OK) status = da_npy_read(&array, path);
        da_memory_fail_after(-1);
        if (status != DA_OK) CHECK_INT(status, DA_ERROR_MEMORY);
    }
    CHECK(status == DA_OK && k > 2);
    da_npy_free(&array);
}
