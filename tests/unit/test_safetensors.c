/* Safetensors: round trips, the bytes of a file spelled out, headers that lie, every cut, every allocation. */
#include "tests/unit/test.h"
#include "core/safetensors.h"
#include "core/file.h"
#include "core/memory.h"

#include <stdio.h>
#include <stdlib.h>

static const float weight[6] = { 1, -2, 0.5f, 3e-40f, 1e38f, -0.0f };
static const int64_t tracked[1] = { -5 };
static const uint8_t octets[3] = { 0, 7, 255 };

static const da_safetensors_entry example[] = {
    { .name = "fc.weight", .dtype = "F32", .ndim = 2, .shape = { 2, 3 }, .data = weight },
    { .name = "a.octets", .dtype = "U8", .ndim = 1, .shape = { 3 }, .data = octets },
    { .name = "bn.num_batches_tracked", .dtype = "I64", .data = tracked },
    { .name = "empty", .dtype = "F32", .ndim = 2, .shape = { 0, 4 } },
};
static const da_safetensors_pair pairs[] = { { "z", "last" }, { "format", "pt" } };

/* Puts a header and data bytes (of value 0, 1, 2, ...) together and reads them from a block of exactly that size. */
static da_status read_made(da_safetensors *file, const char *header, size_t data) {
    static uint8_t *block; /* what the entries point into lives until the next call */
    size_t length = strlen(header);
    free(block);
    block = malloc(8 + length + data);
    for (int i = 0; i < 8; i++) block[i] = (uint8_t)((uint64_t)length >> 8 * i);
    memcpy(block + 8, header, length);
    for (size_t i = 0; i < data; i++) block[8 + length + i] = (uint8_t)i;
    return da_safetensors_read_memory(file, block, 8 + length + data, "made");
}

TEST(safetensors_round_trip) {
    const char *path = test_temporary("round.safetensors");
    da_safetensors file;
    float floats[6];
    int64_t number = 0, three[3];
    CHECK_OK(da_safetensors_write(path, example, 4, pairs, 2));
    CHECK_OK(da_safetensors_read(&file, path));
    CHECK_INT(file.count, 4);
    CHECK_TEXT(file.entries[0].name, "a.octets");
    CHECK_TEXT(file.entries[3].name, "fc.weight");
    const da_safetensors_entry *e = da_safetensors_find(&file, "fc.weight");
    CHECK(e && e->ndim == 2 && e->shape[0] == 2 && e->shape[1] == 3 && e->size == 24 && strcmp(e->dtype, "F32") == 0);
    CHECK_OK(da_safetensors_floats(e, floats));
    CHECK(memcmp(floats, weight, sizeof weight) == 0);
    CHECK_FAILS(da_safetensors_int64s(e, three), DA_ERROR_FORMAT, "fc.weight");
    e = da_safetensors_find(&file, "bn.num_batches_tracked");
    CHECK(e && e->ndim == 0 && da_safetensors_elements(e) == 1);
    CHECK_OK(da_safetensors_int64s(e, &number));
    CHECK_INT(number, -5);
    CHECK_FAILS(da_safetensors_floats(e, floats), DA_ERROR_FORMAT, "floating point");
    CHECK_OK(da_safetensors_int64s(da_safetensors_find(&file, "a.octets"), three));
    CHECK_INT(three[2], 255);
    CHECK_INT(da_safetensors_elements(da_safetensors_find(&file, "empty")), 0);
    CHECK(!da_safetensors_find(&file, "fc") && !da_safetensors_find(&file, ""));
    CHECK_TEXT(da_safetensors_metadata(&file, "format"), "pt");
    CHECK_TEXT(da_safetensors_metadata(&file, "z"), "last");
    CHECK(!da_safetensors_metadata(&file, "y"));
    da_safetensors_free(&file);
}

TEST(safetensors_bytes_are_these_whatever_the_order) {
    static const char header[] =
        "{\"__metadata__\":{\"format\":\"pt\",\"z\":\"last\"},"
        "\"bn.num_batches_tracked\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},"
        "\"empty\":{\"dtype\":\"F32\",\"shape\":[0,4],\"data_offsets\":[8,8]},"
        "\"fc.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[8,32]},"
        "\"a.octets\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[32,35]}}";
    const char *path = test_temporary("bytes.safetensors");
    const da_safetensors_entry other[] = { example[3], example[2], example[1], example[0] };
    const da_safetensors_pair swapped[] = { pairs[1], pairs[0] };
    uint8_t *first = NULL, *second = NULL;
    size_t size = 0, again = 0, padded = (sizeof header - 1 + 7) / 8 * 8;
    CHECK_OK(da_safetensors_write(path, example, 4, pairs, 2));
    CHECK_OK(da_file_read(path, 10000, &first, &size));
    CHECK_OK(da_safetensors_write(path, other, 4, swapped, 2));
    CHECK_OK(da_file_read(path, 10000, &second, &again));
    CHECK(size == again && memcmp(first, second, size) == 0);
    CHECK_INT(size, 8 + padded + 35);
    CHECK_INT(first[0] + 256 * first[1], padded);
    CHECK(memcmp(first + 8, header, sizeof header - 1) == 0);
    CHECK(memcmp(first + 8 + padded + 8, "\x00\x00\x80\x3f\x00\x00\x00\xc0", 8) == 0); /* 1 and -2, little-endian */
    da_free(first);
    da_free(second);
}

TEST(safetensors_without_tensors_is_a_file_too) {
    const char *path = test_temporary("none.safetensors");
    da_safetensors file;
    CHECK_OK(da_safetensors_write(path, NULL, 0, NULL, 0));
    CHECK_OK(da_safetensors_read(&file, path));
    CHECK(file.count == 0 && file.metadata_count == 0 && !da_safetensors_find(&file, "a"));
    CHECK(!da_safetensors_metadata(&file, "a"));
    da_safetensors_free(&file);
    da_safetensors_free(NULL);
}

TEST(safetensors_converts_every_dtype) {
    static const struct { uint16_t half; float value; } halves[] = {
        { 0x0000, 0 }, { 0x3c00, 1 }, { 0xc000, -2 }, { 0x7bff, 65504 }, { 0x0001, 0x1p-24f }, { 0x03ff,
            1023 * 0x1p-24f },
        { 0x0400, 0x1p-14f }, { 0x3555, 0.333251953125f }, { 0x7c00, INFINITY }, { 0xfc00, -INFINITY }, { 0x8000,
            -0.0f } };
    float out[3];
    int64_t whole[3];
    for (size_t i = 0; i < sizeof halves / sizeof halves[0]; i++) {
        uint8_t bytes[2] = { (uint8_t)halves[i].half, (uint8_t)(halves[i].half >> 8) };
        da_safetensors_entry e = { .name = "h", .dtype = "F16", .data = bytes, .size = 2 };
        CHECK_OK(da_safetensors_floats(&e, out));
        CHECK(memcmp(&out[0], &halves[i].value, 4) == 0);
    }
    da_safetensors_entry e = { .name = "x", .dtype = "F16", .data = "\x01\x7e" };
    CHECK_OK(da_safetensors_floats(&e, out));
    CHECK(isnan(out[0]));
    e.dtype = "BF16"; e.data = "\x80\xbf";
    CHECK_OK(da_safetensors_floats(&e, out));
    CHECK_CLOSE(out[0], -1, 0);
    e.dtype = "F64"; e.data = "\x9a\x99\x99\x99\x99\x99\xb9\x3f";
    CHECK_OK(da_safetensors_floats(&e, out));
    CHECK(out[0] == 0.1f);
    static const struct { const char *dtype; int64_t value; } whole_of[] = { /* of bytes fe ff ff ff ff ff ff ff */
        { "I8", -2 }, { "I16", -2 }, { "I32", -2 }, { "I64", -2 }, { "U8", 254 }, { "U16", 65534 }, { "U32",
            4294967294 },
        { "BOOL", 254 } };
    e.data = "\xfe\xff\xff\xff\xff\xff\xff\xff";
    for (size_t i = 0; i < sizeof whole_of / sizeof whole_of[0]; i++) {
        e.dtype = whole_of[i].dtype;
        CHECK_OK(da_safetensors_int64s(&e, whole));
        CHECK_INT(whole[0], whole_of[i].value);
    }
    e.dtype = "U64";
    CHECK_FAILS(da_safetensors_int64s(&e, whole), DA_ERROR_FORMAT, "63 bits");
    e.data = "\xfe\xff\xff\xff\xff\xff\xff\x7f";
    CHECK_OK(da_safetensors_int64s(&e, whole));
    CHECK(whole[0] == INT64_MAX - 1);
}

TEST(safetensors_takes_offsets_in_any_order_and_any_alignment) {
    da_safetensors file;
    float value;
    CHECK_OK(read_made(&file, "{\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                              "\"a\":{\"data_offsets\":[1,5],\"extra\":null,\"shape\":[],\"dtype\":\"F32\"}}   ", 5));
    CHECK_TEXT(file.entries[0].name, "a");
    CHECK_OK(da_safetensors_floats(&file.entries[0], &value));
    CHECK(memcmp(&value, "\x01\x02\x03\x04", 4) == 0);
    da_safetensors_free(&file);
}

#define ONE(dtype, shape, offsets) "{\"t\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

TEST(safetensors_refuses_headers_that_lie) {
    static const struct { const char *header; size_t data; const char *part; } bad[] = {
        { "[]", 0, "no JSON object" }, { "{", 0, "line 1" }, { "", 0, "line 1" }, { "{\"t\":1}", 0, "t is a number" },
        { "{\"t\":{}}", 0, "'dtype' is missing in t" },
        { "{\"t\":{\"dtype\":\"F32\"}}", 0, "'shape' is missing" },
        { "{\"t\":{\"dtype\":\"F32\",\"shape\":[]}}", 0, "'data_offsets' is missing" },
        { ONE("F31", "[1]", "[0,4]"), 4, "dtype 'F31'" },
        { ONE("F32", "[1]", "[0,4]"), 3, "truncated" },
        { ONE("F32", "[1]", "[0,4]"), 5, "5" },
        { ONE("F32", "[1]", "[1,5]"), 5, "begins at byte 1" },
        { ONE("F32", "[1]", "[4,0]"), 4, "4 to 0" },
        { ONE("F32", "[1]", "[-4,0]"), 4, "-4" },
        { ONE("F32", "[1]", "[0,4.5]"), 4, "whole number" },
        { ONE("F32", "[1]", "[0,1e30]"), 4, "whole number" },
        { ONE("F32", "[1]", "[0]"), 4, "1 data_offsets" },
        { ONE("F32", "[1]", "[0,4,8]"), 8, "3 data_offsets" },
        { ONE("F32", "[2]", "[0,4]"), 4, "shape and dtype" },
        { ONE("F32", "[-1]", "[0,4]"), 4, "shape and dtype" },
        { ONE("F32", "[1.5]", "[0,4]"), 4, "whole number" },
        { ONE("F32", "[\"1\"]", "[0,4]"), 4, "shape[0] is a string" },
        { ONE("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, "9 dimensions" },
        { ONE("F32", "[4611686018427387904,4]", "[0,0]"), 0, "shape and dtype" }, /* 2^62 * 4 * 4 wraps to 0 */
        { ONE("F32", "[4294967296,4294967296]", "[0,0]"), 0, "shape and dtype" },
        { ONE("U8", "[9223372036854775807]", "[0,9223372036854775807]"), 4, "the file holds 4 bytes" },
        { "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
          "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[2,6]}}",
          6, "begins at byte 2" }, /* overlap */
        { "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
          "\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[2,3]}}",
          3, "begins at byte 2" }, /* hole */
        { "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
          "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
          2, "two tensors are named 'a'" },
        { "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
          "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
          1, "two tensors are named 'a'" }, /* at one place, as the tensors of most such files */
        { "{\"__metadata__\":[]}", 0, "__metadata__ is no object" },
        { "{\"__metadata__\":{\"a\":1}}", 0, "__metadata__.a is a number" },
        { "{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0, "two metadata" },
        { "{\"__metadata__\":{\"a\":\"1\"},\"__metadata__\":{\"a\":\"1\"}}", 0, "twice" },
        { "{\"__metadata__\":{},\"__metadata__\":{}}", 0, "twice" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        da_safetensors file = { .count = 77 };
        da_error_clear();
        if (read_made(&file, bad[i].header, bad[i].data) != DA_ERROR_FORMAT) {
            test_fail(__FILE__, __LINE__, "%s was taken", bad[i].header);
            da_safetensors_free(&file);
        } else if (!strstr(da_error_message(), "'made'") || !strstr(da_error_message(), bad[i].part)) {
            test_fail(__FILE__, __LINE__, "%s: '%s' lacks '%s'", bad[i].header, da_error_message(), bad[i].part);
        }
        CHECK_INT(file.count, 77);
    }
}

TEST(safetensors_claims_of_terabytes_are_one_sentence) {
    da_safetensors file;
    uint8_t huge[16] = { 0, 0, 0, 0, 0, 0x10, 0, 0, '{', '}', ' ', ' ', ' ', ' ', ' ', ' ' };
    CHECK_FAILS(da_safetensors_read_memory(&file, huge, sizeof huge, "huge"), DA_ERROR_FORMAT,
                "'huge' claims a header of 17592186044416 bytes, 8 follow");
    memset(huge, 0xff, 8);
    CHECK_FAILS(da_safetensors_read_memory(&file, huge, sizeof huge, "huge"), DA_ERROR_FORMAT, "claims a header");
    CHECK_FAILS(da_safetensors_read_memory(&file, huge, 0, "nothing"), DA_ERROR_FORMAT, "0 bytes");
    CHECK_FAILS(da_safetensors_read(&file, test_temporary("no.safetensors")), DA_ERROR_NOT_FOUND, "no.safetensors");
    CHECK_FAILS(da_safetensors_read(&file, "/"), DA_ERROR_IO, "directory");
}

/* A zip's first local header: its name is 30 bytes behind its beginning, the name's length 26. */
#define ZIP(length) "PK\3\4\0\0\x08\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" length "\0\0\0"

TEST(safetensors_names_files_of_another_kind) {
#define BYTES(text) text, sizeof text - 1
    static const struct { const char *bytes; size_t size; const char *part; } cases[] = {
        { BYTES(ZIP("\014") "net/data.pkl...."), "torch.load(\"nets/a.b.pth\"" },
        { BYTES("\x80\x02\x8a\x0al\xfc\x9c" "F\xf9 j\xa8P\x19."), "}, \"nets/a.b.safetensors\")" },
        { BYTES("\x80\x04\x95\x10"), "written by PyTorch's torch.save" },
        { BYTES(ZIP("\015") "images.a1.npy..."), "but NumPy's .npz" },
        { BYTES(ZIP("\015") "metadata.json..."), "but a zip archive" },
        { BYTES("PK\3\4\0\0\x08\x08"), "but a zip archive" },
        { BYTES("\211HDF\r\n\032\n\0\0"), "but HDF5" },
        { BYTES("\223NUMPY\1\0v\0"), "but a NumPy array" },
        { BYTES("GGUF\3\0\0\0\1"), "but GGUF" },
        { BYTES("\x08\x07\x12\x07pytorch"), "but ONNX" },
        { BYTES("\037\213\x08\0\0\0\0\0"), "but a gzip archive" },
        { BYTES("version https://git-lfs.github.com/spec/v1\n"), "git lfs pull" },
        { BYTES("epoch,loss\n1,0.5\n"), "but text" }, { BYTES("no"), "but text" },
        { BYTES("\x08\0\0\0\0\0\0\0{}"), "claims a header of 8 bytes, 2 follow" }, /* one of ours, cut */
        { BYTES("\377\330\377\340\0\020JFIF\0"), "no safetensors file" }, /* of no kind that is known */
    };
#undef BYTES
    da_safetensors file;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK_FAILS(da_safetensors_read_memory(&file, (const uint8_t *)cases[i].bytes, cases[i].size, "nets/a.b.pth"),
                    DA_ERROR_FORMAT, cases[i].part);
}

TEST(safetensors_truncated_anywhere_is_an_error) {
    const char *path = test_temporary("whole.safetensors");
    uint8_t *bytes = NULL;
    size_t size = 0;
    CHECK_OK(da_safetensors_write(path, example, 4, pairs, 2));
    CHECK_OK(da_file_read(path, 10000, &bytes, &size));
    for (size_t cut = 0; cut < size; cut++) {
        da_safetensors file;
        uint8_t *part = malloc(cut + !cut);
        memcpy(part, bytes, cut);
        if (da_safetensors_read_memory(&file, part, cut, "cut") != DA_ERROR_FORMAT)
            test_fail(__FILE__, __LINE__, "%zu of %zu bytes were taken", cut, size);
        free(part);
    }
    da_free(bytes);
}

TEST(safetensors_write_refuses) {
    const char *path = test_temporary("refused.safetensors");
#define REFUSED(entry_count, pair_count, part) \
    CHECK_FAILS(da_safetensors_write(path, e, entry_count, p, pair_count), DA_ERROR_ARGUMENT, part)
    da_safetensors_entry e[2] = { example[0], example[0] };
    da_safetensors_pair p[2] = { { "a", "1" }, { "a", "2" } };
    REFUSED(2, 0, "two tensors are named 'fc.weight'");
    e[1].dtype = "U8"; /* another size, so the two are no neighbours in the file */
    REFUSED(2, 0, "two tensors are named 'fc.weight'");
    REFUSED(1, 2, "two metadata are named 'a'");
    e[0].dtype = "F8";
    REFUSED(1, 0, "unknown dtype 'F8'");
    e[0] = example[0];
    e[0].shape[1] = -1;
    REFUSED(1, 0, "negative");
    e[0].shape[1] = INT64_MAX;
    REFUSED(1, 0, "too large");
    e[0].ndim = 9;
    REFUSED(1, 0, "more than 8");
    e[0] = example[0];
    e[0].name = "__metadata__";
    REFUSED(1, 0, "named");
    e[0].name = "\xff";
    REFUSED(1, 0, "named");
    p[0].value = "\xff";
    REFUSED(0, 1, "UTF-8");
#undef REFUSED
    CHECK(!da_file_exists(path));
    CHECK_FAILS(da_safetensors_write("/no/such/place", example, 4, pairs, 2), DA_ERROR_NOT_FOUND, "/no/such/place");
    if (da_file_exists("/dev/full"))
        CHECK_FAILS(da_safetensors_write("/dev/full", example, 4, pairs, 2), DA_ERROR_IO, "space");
}

TEST(safetensors_survives_allocation_failures) {
    const char *path = test_temporary("memory.safetensors");
    da_safetensors file = { 0 };
    da_status status = DA_ERROR_MEMORY;
    int64_t k;
    for (k = 0; status != DA_OK && k < 100; k++) {
        da_memory_fail_after(k);
        status = da_safetensors_write(path, example, 4, pairs, 2);
        da_memory_fail_after(-1);
        if (status != DA_OK) CHECK(status == DA_ERROR_MEMORY && !da_file_exists(path));
    }
    CHECK(status == DA_OK && k > 3);
    status = DA_ERROR_MEMORY;
    for (k = 0; status != DA_OK && k < 100; k++) {
        da_memory_fail_after(k);
        status = da_safetensors_read(&file, path);
        da_memory_fail_after(-1);
        if (status != DA_OK) CHECK(status == DA_ERROR_MEMORY && file.count == 0);
    }
    CHECK(status == DA_OK && k > 5);
    da_safetensors_free(&file);
}
