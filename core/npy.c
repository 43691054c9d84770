/* The header of a .npy file is a Python dictionary, read here by a scanner that knows just that one dictionary. */
#include "core/npy.h"
#include "core/endian.h"
#include "core/file.h"
#include "core/memory.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define MAGIC "\x93NUMPY"
#define FILE_CAP (SIZE_MAX / 4)

enum { MAGIC_SIZE = 6, ALIGNMENT = 64, HEADER_TEXT = 320 };

static const struct dtype { const char *descr; size_t size; } dtypes[] = { /* in the order of da_npy_dtype */
    { "<f4", 4 }, { "<f8", 8 }, { "<i8", 8 }, { "|u1", 1 },
};

enum { DTYPES = sizeof dtypes / sizeof dtypes[0] };

/* Elements of a shape; false when a size is negative or the bytes do not fit. */
static bool count_of_shape(int ndim, const int64_t *shape, size_t element, int64_t *count) {
    int64_t product = 1, most = (int64_t)(PTRDIFF_MAX / 2 / (ptrdiff_t)element);
    for (int d = 0; d < ndim; d++) {
        if (shape[d] < 0 || (shape[d] > 0 && product > most / shape[d])) return false;
        product *= shape[d];
    }
    *count = product;
    return true;
}

/* ---- reading ---- */

typedef struct scanner { const char *at, *end; } scanner;

static void skip_blanks(scanner *s) {
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\t')) s->at++;
}

static bool take(scanner *s, char c) { /* blanks, then c */
    skip_blanks(s);
    if (s->at == s->end || *s->at != c) return false;
    s->at++;
    return true;
}

static bool take_word(scanner *s, const char *word) {
    size_t length = strlen(word);
    if (!take(s, word[0]) || (size_t)(s->end - s->at) < length - 1) return false;
    if (memcmp(s->at, word + 1, length - 1) != 0) return false;
    s->at += length - 1;
    return true;
}

static bool take_string(scanner *s, char text[24]) {
    char quote = take(s, '\'') ? '\'' : take(s, '"') ? '"' : '\0';
    size_t length = 0;
    if (!quote) return false;
    while (s->at < s->end && *s->at != quote && length < 23) text[length++] = *s->at++;
    text[length] = '\0';
    return take(s, quote);
}

static bool take_size(scanner *s, int64_t *size) {
    skip_blanks(s);
    const char *start = s->at;
    for (*size = 0; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++) {
        int digit = *s->at - '0';
        if (*size > (INT64_MAX - digit) / 10) return false;
        *size = *size * 10 + digit;
    }
    return s->at > start;
}

static bool take_shape(scanner *s, da_npy *array) {
    if (!take(s, '(')) return false;
    while (!take(s, ')')) {
        if (array->ndim == DA_NPY_DIMS || !take_size(s, &array->shape[array->ndim++])) return false;
        if (!take(s, ',') && !(s->at < s->end && *s->at == ')')) return false;
    }
    return true;
}

typedef struct dictionary { char descr[24]; bool fortran, has_order, has_shape; } dictionary;

static bool take_item(scanner *s, dictionary *h, da_npy *array) {
    char key[24];
    if (!take_string(s, key) || !take(s, ':')) return false;
    if (strcmp(key, "descr") == 0) return h->descr[0] == '\0' && take_string(s, h->descr);
    if (strcmp(key, "shape") == 0) return !h->has_shape && (h->has_shape = take_shape(s, array));
    if (strcmp(key, "fortran_order") != 0 || h->has_order) return false;
    h->fortran = take_word(s, "True");
    return h->has_order = h->fortran || take_word(s, "False");
}

static bool take_dictionary(scanner *s, dictionary *h, da_npy *array) {
    if (!take(s, '{')) return false;
    while (!take(s, '}')) {
        if (!take_item(s, h, array)) return false;
        if (!take(s, ',') && !(s->at < s->end && *s->at == '}')) return false;
    }
    skip_blanks(s); /* the padding */
    return h->descr[0] && h->has_order && h->has_shape && s->at == s->end;
}

static da_status read_header(da_npy *array, const char *text, size_t size, const char *name) {
    scanner s = { text, text + size };
    dictionary h = { .descr = "" };
    if (!take_dictionary(&s, &h, array))
        return DA_FAIL(DA_ERROR_FORMAT, "'%s': the .npy header is damaged or has more than %d dimensions", name,
                       DA_NPY_DIMS);
    if (h.fortran)
        return DA_FAIL(DA_ERROR_FORMAT, "'%s' is in Fortran order: save numpy.ascontiguousarray of it", name);
    for (int i = 0; i < DTYPES; i++) {
        if (strcmp(h.descr, dtypes[i].descr) != 0) continue;
        array->dtype = (da_npy_dtype)i;
        if (!count_of_shape(array->ndim, array->shape, dtypes[i].size, &array->count))
            return DA_FAIL(DA_ERROR_FORMAT, "'%s': the shape in the .npy header is too large to address", name);
        return DA_OK;
    }
    return DA_FAIL(DA_ERROR_FORMAT, "'%s' has dtype '%s': float32, float64, int64 and uint8, little-endian, are read",
                   name, h.descr);
}

/* Where the header's text begins and how long it is. */
static da_status find_header(const uint8_t *bytes, size_t size, const char *name, size_t *begin, size_t *length) {
    if (size < MAGIC_SIZE + 4 || memcmp(bytes, MAGIC, MAGIC_SIZE) != 0)
        return DA_FAIL(DA_ERROR_FORMAT, "'%s' is no .npy file: it does not begin as one", name);
    int version = bytes[MAGIC_SIZE];
    if (version < 1 || version > 3)
        return DA_FAIL(DA_ERROR_FORMAT, "'%s' is a .npy file of version %d: versions 1 to 3 are read", name, version);
    *begin = MAGIC_SIZE + (version == 1 ? 4 : 6);
    *length = size < *begin ? 0 : version == 1 ? dai_load16(bytes + *begin - 2) : dai_load32(bytes + *begin - 4);
    if (size < *begin || *length > size - *begin)
        return DA_FAIL(DA_ERROR_FORMAT, "'%s' ends within its .npy header: it is truncated", name);
    return DA_OK;
}

da_status da_npy_read_memory(da_npy *array, const uint8_t *bytes, size_t size, const char *name) {
    da_npy made = { .ndim = 0 };
    size_t begin = 0, length = 0;
    DA_TRY(find_header(bytes, size, name, &begin, &length));
    DA_TRY(read_header(&made, (const char *)bytes + begin, length, name));
    size_t element = dtypes[made.dtype].size, present = size - begin - length;
    size_t expected = (size_t)made.count * element;
    if (expected != present)
        return DA_FAIL(DA_ERROR_FORMAT, "'%s': the shape asks for %zu bytes of numbers, the file holds %zu: it is %s",
                       name, expected, present, present < expected ? "truncated" : "corrupt");
    made.data = da_alloc(expected);
    if (!made.data) return DA_ERROR_MEMORY;
    dai_copy_little(made.data, bytes + begin + length, (size_t)made.count, element);
    *array = made;
    return DA_OK;
}

da_status da_npy_read(da_npy *array, const char *path) {
    uint8_t *bytes = NULL;
    size_t size = 0;
    DA_TRY(da_file_read(path, FILE_CAP, &bytes, &size));
    da_status status = da_npy_read_memory(array, bytes, size, path);
    da_free(bytes);
    return status;
}

void da_npy_free(da_npy *array) {
    if (!array) return;
    da_free(array->data);
    memset(array, 0, sizeof *array);
}

/* ---- writing ---- */

/* Magic, version, length and dictionary, padded so that the numbers begin at a multiple of 64. At most 8 sizes of 20
   characters: it fits. Returns its size. */
static size_t make_header(char text[HEADER_TEXT], da_npy_dtype dtype, int ndim, const int64_t *shape) {
    const size_t begin = MAGIC_SIZE + 4;
    size_t used = begin;
    used += (size_t)snprintf(text + used, HEADER_TEXT - used, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                             dtypes[dtype].descr);
    for (int d = 0; d < ndim; d++)
        used += (size_t)snprintf(text + used, HEADER_TEXT - used, "%s%lld%s", d > 0 ? " " : "", (long long)shape[d],
                                 d < ndim - 1 || ndim == 1 ? "," : "");
    used += (size_t)snprintf(text + used, HEADER_TEXT - used, "), }");
    size_t size = (used + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    memset(text + used, ' ', size - used);
    text[size - 1] = '\n';
    memcpy(text, MAGIC "\x01\x00", MAGIC_SIZE + 2);
    text[begin - 2] = (char)((size - begin) & 255);
    text[begin - 1] = (char)((size - begin) >> 8);
    return size;
}

da_status da_npy_write(const char *path, da_npy_dtype dtype, int ndim, const int64_t *shape, const void *data) {
    char header[HEADER_TEXT];
    int64_t count = 0;
    da_file_writer *w;
    if (ndim < 0 || ndim > DA_NPY_DIMS || !count_of_shape(ndim, shape, dtypes[dtype].size, &count))
        return DA_FAIL(DA_ERROR_SHAPE,
                       "writing '%s': a shape of more than %d dimensions, with a negative size, or too large",
                       path, DA_NPY_DIMS);
    DA_TRY(da_file_create(&w, path));
    (void)da_file_write(w, header, make_header(header, dtype, ndim, shape)); /* commit reports the first failure */
    (void)dai_file_write_little(w, data, (size_t)count, dtypes[dtype].size);
    return da_file_commit(w);
}
