/* Reading: the header's JSON becomes an array of entries; two sorts then do the checking of names and offsets.
 *
 *     by place   every entry begins where the one before it ended, the last ends at the end of the file
 *     by name    no two neighbours are equal; find searches by halves
 *
 * Writing: the reverse, into a header built in memory and then the data, entry by entry.
 */
#include "core/safetensors.h"
#include "core/endian.h"
#include "core/file.h"
#include "core/json.h"
#include "core/memory.h"
#include "core/number.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define METADATA "__metadata__"
#define FILE_CAP (SIZE_MAX / 4) /* a file's true size is checked by what can be allocated */

/* ---- facts about dtypes and shapes ---- */

/* Bytes of one element; 0 when the dtype is unknown. */
static size_t element_size(const char *dtype) {
    static const struct { const char *name; size_t size; } known[] = {
        { "F64", 8 }, { "F32", 4 }, { "F16", 2 }, { "BF16", 2 }, { "I64", 8 }, { "I32", 4 }, { "I16", 2 }, { "I8", 1 },
        { "U64", 8 }, { "U32", 4 }, { "U16", 2 }, { "U8", 1 }, { "BOOL", 1 },
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i].name, dtype) == 0) return known[i].size;
    return 0;
}

/* Bytes of ndim sizes; false when one is negative or the product does not fit. */
static bool bytes_of_shape(int ndim, const int64_t *shape, size_t element, size_t *bytes) {
    size_t product = element;
    for (int d = 0; d < ndim; d++) {
        if (shape[d] < 0) return false;
        if (shape[d] > 0 && product > (size_t)(PTRDIFF_MAX / 2) / (size_t)shape[d]) return false;
        product *= (size_t)shape[d];
    }
    *bytes = product;
    return true;
}

int64_t da_safetensors_elements(const da_safetensors_entry *entry) {
    int64_t count = 1;
    for (int d = 0; d < entry->ndim; d++) count *= entry->shape[d];
    return count;
}

/* ---- order ---- */

static int by_name(const void *a, const void *b) {
    return strcmp(((const da_safetensors_entry *)a)->name, ((const da_safetensors_entry *)b)->name);
}

static int by_key(const void *a, const void *b) {
    return strcmp(((const da_safetensors_pair *)a)->key, ((const da_safetensors_pair *)b)->key);
}

static int by_place(const void *a, const void *b) {
    const da_safetensors_entry *left = a, *right = b;
    uintptr_t p = (uintptr_t)left->data, q = (uintptr_t)right->data;
    if (p != q) return p < q ? -1 : 1;
    return (left->size > right->size) - (left->size < right->size);
}

/* ---- reading ---- */

typedef struct source { /* the data of the file that is being read */
    const char    *name;
    const uint8_t *data;
    size_t         size;
} source;

static da_status read_shape(const da_json *array, da_safetensors_entry *e, const source *from) {
    if (da_json_count(array) > DA_SAFETENSORS_DIMS)
        return DA_FAIL(DA_ERROR_FORMAT, "'%s': tensor '%.200s' has %lld dimensions, at most %d are read", from->name,
                       e->name, (long long)da_json_count(array), DA_SAFETENSORS_DIMS);
    for (const da_json *size = da_json_first(array); size; size = da_json_next(size))
        DA_TRY(da_json_as_int(size, &e->shape[e->ndim++]));
    return DA_OK;
}

static da_status read_entry(const da_json *value, da_safetensors_entry *e, const source *from) {
    const da_json *shape = NULL, *offsets = NULL;
    int64_t begin = 0, end = 0;
    size_t bytes;
    e->name = da_json_key_of(value);
    DA_TRY(da_json_string(value, "dtype", &e->dtype));
    DA_TRY(da_json_array(value, "shape", &shape));
    DA_TRY(da_json_array(value, "data_offsets", &offsets));
    DA_TRY(read_shape(shape, e, from));
    size_t element = element_size(e->dtype);
    if (element == 0)
        return DA_FAIL(DA_ERROR_FORMAT, "'%s': tensor '%.200s' has dtype '%.20s', which is not read here", from->name,
                       e->name, e->dtype);
    if (da_json_count(offsets) != 2)
        return DA_FAIL(DA_ERROR_FORMAT, "'%s': tensor '%.200s' has %lld data_offsets, not a begin and an end",
                       from->name,
                       e->name, (long long)da_json_count(offsets));
    DA_TRY(da_json_as_int(da_json_first(offsets), &begin));
    DA_TRY(da_json_as_int(da_json_next(da_json_first(offsets)), &end));
    if (begin < 0 || end < begin || (uint64_t)end > from->size)
        return DA_FAIL(DA_ERROR_FORMAT,
                       "'%s': tensor '%.200s' lies at bytes %lld to %lld, the file holds %zu bytes of data: "
                       "it is truncated or corrupt", from->name, e->name, (long long)begin, (long long)end, from->size);
    if (!bytes_of_shape(e->ndim, e->shape, element, &bytes) || bytes != (uint64_t)(end - begin))
        return DA_FAIL(DA_ERROR_FORMAT, "'%s': tensor '%.200s' has %s, which its shape and dtype do not make",
                       from->name, e->name, da_count(end - begin, "byte").text);
    e->data = from->data + begin;
    e->size = bytes;
    return DA_OK;
}

static da_status read_metadata(const da_json *object, da_safetensors *file, const char *name) {
    if (da_json_kind(object) != DA_JSON_OBJECT)
        return DA_FAIL(DA_ERROR_FORMAT, "'%s': " METADATA " is no object", name);
    file->metadata = da_alloc_zero((size_t)da_json_count(object), sizeof *file->metadata);
    if (!file->metadata) return DA_ERROR_MEMORY;
    for (const da_json *v = da_json_first(object); v; v = da_json_next(v)) {
        da_safetensors_pair *pair = &file->metadata[file->metadata_count++];
        pair->key = da_json_key_of(v);
        DA_TRY(da_json_as_string(v, &pair->value));
    }
    if (file->metadata_count > 1) qsort(file->metadata, (size_t)file->metadata_count, sizeof *file->metadata, by_key);
    return DA_OK;
}

static da_status read_header(da_safetensors *file, const source *from) {
    if (da_json_kind(file->header) != DA_JSON_OBJECT)
        return DA_FAIL(DA_ERROR_FORMAT, "'%s': the header is no JSON object: this is no safetensors file", from->name);
    file->entries = da_alloc_zero((size_t)da_json_count(file->header), sizeof *file->entries);
    if (!file->entries) return DA_ERROR_MEMORY;
    for (const da_json *v = da_json_first(file->header); v; v = da_json_next(v)) {
        if (strcmp(da_json_key_of(v), METADATA) != 0)
            DA_TRY(read_entry(v, &file->entries[file->count++], from));
        else if (file->metadata)
            return DA_FAIL(DA_ERROR_FORMAT, "'%s': the header has " METADATA " twice", from->name);
        else
            DA_TRY(read_metadata(v, file, from->name));
    }
    return DA_OK;
}

static da_status check_cover(da_safetensors *file, const source *from) {
    size_t end = 0;
    if (file->count > 1) qsort(file->entries, (size_t)file->count, sizeof *file->entries, by_place);
    for (int64_t i = 0; i < file->count; i++) {
        const da_safetensors_entry *e = &file->entries[i];
        size_t begin = (size_t)((const uint8_t *)e->data - from->data);
        if (begin != end)
            return DA_FAIL(DA_ERROR_FORMAT, "'%s': tensor '%.200s' begins at byte %zu, the one before it ends at %zu",
                           from->name, e->name, begin, end);
        end += e->size;
    }
    if (end != from->size)
        return DA_FAIL(DA_ERROR_FORMAT, "'%s': the tensors have %zu bytes of data, the file %zu: it is corrupt",
                       from->name, end, from->size);
    return DA_OK;
}

static da_status check_names(da_safetensors *file, const source *from) {
    if (file->count > 1) qsort(file->entries, (size_t)file->count, sizeof *file->entries, by_name);
    for (int64_t i = 1; i < file->count; i++)
        if (strcmp(file->entries[i - 1].name, file->entries[i].name) == 0)
            return DA_FAIL(DA_ERROR_FORMAT, "'%s': two tensors are named '%.200s'", from->name, file->entries[i].name);
    for (int64_t i = 1; i < file->metadata_count; i++)
        if (strcmp(file->metadata[i - 1].key, file->metadata[i].key) == 0)
            return DA_FAIL(DA_ERROR_FORMAT, "'%s': two metadata are named '%.200s'", from->name, file->metadata[i].key);
    return DA_OK;
}

/* ---- files of another kind ---- */

enum { TEXT_SEEN = 64 };

static bool is_text(const uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < size && i < TEXT_SEEN; i++)
        if (bytes[i] > '~' || (bytes[i] < ' ' && bytes[i] != '\t' && bytes[i] != '\n' && bytes[i] != '\r')) return false;
    return size > 0;
}

static bool begins(const uint8_t *bytes, size_t size, const char *magic, size_t length) {
    return size >= length && memcmp(bytes, magic, length) == 0;
}

/* A zip tells what it holds by the name of its first file, which lies at byte 30: "net/data.pkl", "images.npy". */
static bool zip_begins_with(const uint8_t *bytes, size_t size, const char *ending) {
    size_t length = size >= 30 ? dai_load16(bytes + 26) : 0, tail = strlen(ending);
    return begins(bytes, size, "PK\3\4", 4) && length >= tail && size >= 30 + length &&
           memcmp(bytes + 30 + length - tail, ending, tail) == 0;
}

static da_status fail_torch(const char *name) {
    const char *dot = strrchr(name, '.');
    int stem = (int)(dot && !strchr(dot, '/') ? (size_t)(dot - name) : strlen(name));
    return DA_FAIL(DA_ERROR_FORMAT, "'%.300s' was written by PyTorch's torch.save. Three lines of Python make a "
                   ".safetensors file of it:\n"
                   "    import torch, safetensors.torch\n"
                   "    state = torch.load(\"%.300s\", map_location=\"cpu\")\n"
                   "    safetensors.torch.save_file({k: v.contiguous() for k, v in next((state[k] for k in (\"state_dict\", "
                   "\"model\", \"net\") if k in state), state).items()}, \"%.*s.safetensors\")", name, name, stem < 300 ? stem : 300, name);
}

/* The first bytes of files that people have instead of one whose byte 8 begins a header. */
static da_status check_kind(const uint8_t *bytes, size_t size, const char *name) {
    static const struct { const char *magic; size_t length; const char *kind; } known[] = {
        { "PK\3\4", 4, "a zip archive" }, { "\211HDF\r\n\032\n", 8, "HDF5 (Keras's .h5)" },
        { "\223NUMPY", 6, "a NumPy array (.npy)" }, { "GGUF", 4, "GGUF (llama.cpp's)" },
        { "\037\213", 2, "a gzip archive: unpack it first" },
        { "version https://git-lfs", 23, "a pointer of Git LFS: 'git lfs pull' fetches the file itself" },
    };
    if (size > 8 && bytes[8] == '{') return DA_OK; /* a header */
    bool pickle = size > 2 && bytes[0] == 0x80 && bytes[1] <= 5 && bytes[2] != 0;
    if (pickle || zip_begins_with(bytes, size, "data.pkl")) return fail_torch(name);
    const char *kind = zip_begins_with(bytes, size, ".npy") ? "NumPy's .npz" : NULL;
    if (size > 8 && bytes[0] == 0x08 && bytes[2] == 0x12) kind = "ONNX"; /* its version, then its producer's name */
    for (size_t i = 0; i < sizeof known / sizeof *known && !kind; i++)
        if (begins(bytes, size, known[i].magic, known[i].length)) kind = known[i].kind;
    if (!kind && is_text(bytes, size)) kind = "text";
    if (!kind) return DA_OK;
    return DA_FAIL(DA_ERROR_FORMAT, "'%.300s' is no safetensors file but %s", name, kind);
}

/* Cuts the file into header and data. */
static da_status split(const uint8_t *bytes, size_t size, const char *name, size_t *header_size) {
    if (size < 8)
        return DA_FAIL(DA_ERROR_FORMAT,
                       "'%s' has %s: a safetensors file begins with 8 that hold its header's size", name,
                       da_count((int64_t)size, "byte").text);
    uint64_t claimed = dai_load64(bytes);
    if (claimed > size - 8)
        return DA_FAIL(DA_ERROR_FORMAT,
                       "'%s' claims a header of %llu bytes, %zu follow: it is truncated or no safetensors file",
                       name, (unsigned long long)claimed, size - 8);
    if (claimed > DA_SAFETENSORS_HEADER_CAP)
        return DA_FAIL(DA_ERROR_FORMAT, "'%s' claims a header of %llu bytes, at most %d are read", name,
                       (unsigned long long)claimed, DA_SAFETENSORS_HEADER_CAP);
    *header_size = (size_t)claimed;
    return DA_OK;
}

static da_status build(da_safetensors *file, const uint8_t *bytes, size_t size, const char *name) {
    size_t header_size = 0;
    DA_TRY(check_kind(bytes, size, name));
    DA_TRY(split(bytes, size, name, &header_size));
    source from = { name, bytes + 8 + header_size, size - 8 - header_size };
    DA_TRY(da_json_parse(&file->header, (const char *)bytes + 8, header_size, name));
    DA_TRY(read_header(file, &from));
    DA_TRY(check_names(file, &from)); /* first: a tensor named twice also lies twice at one place */
    DA_TRY(check_cover(file, &from));
    if (file->count > 1) qsort(file->entries, (size_t)file->count, sizeof *file->entries, by_name);
    return DA_OK;
}

da_status da_safetensors_read_memory(da_safetensors *file, const uint8_t *bytes, size_t size, const char *name) {
    da_safetensors made = { 0 };
    da_status status = build(&made, bytes, size, name);
    if (status != DA_OK) { da_safetensors_free(&made); return status; }
    *file = made;
    return DA_OK;
}

da_status da_safetensors_read(da_safetensors *file, const char *path) {
    uint8_t *bytes = NULL;
    size_t size = 0;
    DA_TRY(da_file_read(path, FILE_CAP, &bytes, &size));
    da_status status = da_safetensors_read_memory(file, bytes, size, path);
    if (status != DA_OK) { da_free(bytes); return status; }
    file->bytes = bytes;
    return DA_OK;
}

void da_safetensors_free(da_safetensors *file) {
    if (!file) return;
    da_free(file->entries);
    da_free(file->metadata);
    da_json_free(file->header);
    da_free(file->bytes);
    memset(file, 0, sizeof *file);
}

const da_safetensors_entry *da_safetensors_find(const da_safetensors *file, const char *name) {
    da_safetensors_entry wanted = { .name = name };
    return file->count ? bsearch(&wanted, file->entries, (size_t)file->count, sizeof wanted, by_name) : NULL;
}

const char *da_safetensors_metadata(const da_safetensors *file, const char *key) {
    da_safetensors_pair wanted = { key, NULL }, *found = NULL;
    if (file->metadata_count)
        found = bsearch(&wanted, file->metadata, (size_t)file->metadata_count, sizeof wanted, by_key);
    return found ? found->value : NULL;
}

/* ---- numbers ---- */

static float float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float float_of_half(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, mantissa = half & 1023;
    if (exponent == 0) return (sign ? -1.0f : 1.0f) * (float)mantissa * 0x1p-24f; /* zeros and subnormals */
    if (exponent == 31) return float_of_bits(sign | 0x7f800000u | mantissa << 13);
    return float_of_bits(sign | (exponent + 112) << 23 | mantissa << 13);
}

static float float_of_double(const uint8_t *at) {
    uint64_t bits = dai_load64(at);
    double value;
    memcpy(&value, &bits, sizeof value);
    return (float)value;
}

da_status da_safetensors_floats(const da_safetensors_entry *e, float *out) {
    const uint8_t *at = e->data;
    int64_t count = da_safetensors_elements(e);
    if (strcmp(e->dtype, "F32") == 0)
        dai_copy_little(out, at, (size_t)count, sizeof *out);
    else if (strcmp(e->dtype, "F64") == 0)
        for (int64_t i = 0; i < count; i++) out[i] = float_of_double(at + 8 * i);
    else if (strcmp(e->dtype, "F16") == 0)
        for (int64_t i = 0; i < count; i++) out[i] = float_of_half(dai_load16(at + 2 * i));
    else if (strcmp(e->dtype, "BF16") == 0)
        for (int64_t i = 0; i < count; i++) out[i] = float_of_bits((uint32_t)dai_load16(at + 2 * i) << 16);
    else
        return DA_FAIL(DA_ERROR_FORMAT, "tensor '%.200s' has dtype %s where floating point is expected", e->name,
                       e->dtype);
    return DA_OK;
}

/* Sign-extends the low `size` bytes of raw. */
static int64_t extend(uint64_t raw, size_t size) {
    uint64_t top = (uint64_t)1 << (8 * size - 1);
    uint64_t wide = (raw ^ top) - top;
    int64_t value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

da_status da_safetensors_int64s(const da_safetensors_entry *e, int64_t *out) {
    const uint8_t *at = e->data;
    int64_t count = da_safetensors_elements(e);
    size_t element = element_size(e->dtype);
    bool is_signed = e->dtype[0] == 'I';
    if (element == 0 || strchr(e->dtype, 'F'))
        return DA_FAIL(DA_ERROR_FORMAT, "tensor '%.200s' has dtype %s where whole numbers are expected", e->name,
                       e->dtype);
    for (int64_t i = 0; i < count && element == 8 && !is_signed; i++)
        if (at[8 * i + 7] & 0x80)
            return DA_FAIL(DA_ERROR_FORMAT, "tensor '%.200s': element %lld does not fit 63 bits", e->name,
                           (long long)i);
    for (int64_t i = 0; i < count; i++, at += element) {
        uint64_t raw = 0;
        for (size_t b = element; b-- > 0;) raw = raw << 8 | at[b];
        out[i] = is_signed ? extend(raw, element) : (int64_t)raw;
    }
    return DA_OK;
}

/* ---- writing ---- */

static int by_alignment(const void *a, const void *b) {
    const da_safetensors_entry *left = a, *right = b;
    size_t p = element_size(left->dtype), q = element_size(right->dtype);
    return p != q ? (p < q ? 1 : -1) : by_name(a, b);
}

static bool is_utf8(const char *text) {
    for (size_t left = strlen(text); left > 0;) {
        int length = da_utf8_length(text, left);
        if (length == 0) return false;
        text += length;
        left -= (size_t)length;
    }
    return true;
}

static da_status check_entry(da_safetensors_entry *e, const char *path) {
    size_t element = element_size(e->dtype);
    if (!is_utf8(e->name) || strcmp(e->name, METADATA) == 0)
        return DA_FAIL(DA_ERROR_ARGUMENT, "writing '%s': no tensor can be named '%.200s'", path, e->name);
    if (element == 0)
        return DA_FAIL(DA_ERROR_ARGUMENT, "writing '%s': tensor '%.200s' has unknown dtype '%.20s'", path, e->name,
                       e->dtype);
    if (e->ndim < 0 || e->ndim > DA_SAFETENSORS_DIMS || !bytes_of_shape(e->ndim, e->shape, element, &e->size))
        return DA_FAIL(DA_ERROR_ARGUMENT,
                       "writing '%s': tensor '%.200s' has a shape of more than %d dimensions, with a negative "
                       "size, or too large", path, e->name, DA_SAFETENSORS_DIMS);
    return DA_OK;
}

/* Checks the copies, and sorts them. */
static da_status check_all(da_safetensors *file, const char *path) {
    const source named = { path, NULL, 0 };
    for (int64_t i = 0; i < file->count; i++) DA_TRY(check_entry(&file->entries[i], path));
    for (int64_t i = 0; i < file->metadata_count; i++)
        if (!is_utf8(file->metadata[i].key) || !is_utf8(file->metadata[i].value))
            return DA_FAIL(DA_ERROR_ARGUMENT, "writing '%s': metadata '%.200s' is not UTF-8", path,
                           file->metadata[i].key);
    if (file->metadata_count > 1) qsort(file->metadata, (size_t)file->metadata_count, sizeof *file->metadata, by_key);
    if (check_names(file, &named) != DA_OK) return DA_FAIL(DA_ERROR_ARGUMENT, "writing %s", da_error_message());
    if (file->count > 1) qsort(file->entries, (size_t)file->count, sizeof *file->entries, by_alignment);
    return DA_OK;
}

static void write_entry(da_json_writer *w, const da_safetensors_entry *e, int64_t begin) {
    da_json_key(w, e->name);
    da_json_begin_object(w);
    da_json_key(w, "dtype");
    da_json_put_string(w, e->dtype);
    da_json_key(w, "shape");
    da_json_begin_array(w);
    for (int d = 0; d < e->ndim; d++) da_json_put_int(w, e->shape[d]);
    da_json_end(w);
    da_json_key(w, "data_offsets");
    da_json_begin_array(w);
    da_json_put_int(w, begin);
    da_json_put_int(w, begin + (int64_t)e->size);
    da_json_end(w);
    da_json_end(w);
}

static da_status header_text(const da_safetensors *file, char **text, size_t *size) {
    da_json_writer w;
    int64_t begin = 0;
    da_json_writer_init(&w, false);
    da_json_begin_object(&w);
    if (file->metadata_count > 0) {
        da_json_key(&w, METADATA);
        da_json_begin_object(&w);
        for (int64_t i = 0; i < file->metadata_count; i++) {
            da_json_key(&w, file->metadata[i].key);
            da_json_put_string(&w, file->metadata[i].value);
        }
        da_json_end(&w);
    }
    for (int64_t i = 0; i < file->count; i++) {
        write_entry(&w, &file->entries[i], begin);
        begin += (int64_t)file->entries[i].size;
    }
    da_json_end(&w);
    return da_json_finish(&w, text, size);
}

static da_status write_file(const char *path, const da_safetensors *file, const char *header, size_t size) {
    da_file_writer *w;
    uint64_t padded = (size + 7) / 8 * 8;
    uint8_t length[8];
    dai_copy_little(length, &padded, 1, sizeof padded);
    DA_TRY(da_file_create(&w, path));
    (void)da_file_write(w, length, sizeof length); /* commit reports the first failure */
    (void)da_file_write(w, header, size);
    (void)da_file_write(w, "       ", (size_t)padded - size);
    for (int64_t i = 0; i < file->count; i++) {
        const da_safetensors_entry *e = &file->entries[i];
        (void)dai_file_write_little(w, e->data, (size_t)da_safetensors_elements(e), element_size(e->dtype));
    }
    return da_file_commit(w);
}

da_status da_safetensors_write(const char *path, const da_safetensors_entry *entries, int64_t count,
                               const da_safetensors_pair *metadata, int64_t metadata_count) {
    da_safetensors file = { .count = count, .metadata_count = metadata_count }; /* copies, to be sorted */
    char *header = NULL;
    size_t size = 0;
    file.entries = da_alloc_zero((size_t)count, sizeof *entries);
    file.metadata = file.entries ? da_alloc_zero((size_t)metadata_count, sizeof *metadata) : NULL;
    da_status status = file.metadata ? DA_OK : DA_ERROR_MEMORY;
    if (status == DA_OK) {
        if (count > 0) memcpy(file.entries, entries, (size_t)count * sizeof *entries);
        if (metadata_count > 0) memcpy(file.metadata, metadata, (size_t)metadata_count * sizeof *metadata);
        status = check_all(&file, path);
    }
    if (status == DA_OK) status = header_text(&file, &header, &size);
    if (status == DA_OK) status = write_file(path, &file, header, size);
    da_free(header);
    da_safetensors_free(&file);
    return status;
}
