/* The safetensors format (github.com/huggingface/safetensors): named arrays in one file.
 *
 *     | N, 8 bytes | header: N bytes of JSON                                             | the arrays, back to back |
 *                    {"__metadata__": {"format": "pt"},
 *                     "fc.weight": {"dtype": "F32", "shape": [10, 64], "data_offsets": [0, 2560]}, ...}
 *
 * A file is taken only when its arrays cover the data exactly: in bounds, no overlap, no hole, sizes that are the
 * product of shape and dtype. Numbers are little-endian in the file; the calls below convert on machines that are not.
 */
#ifndef DA_CORE_SAFETENSORS_H
#define DA_CORE_SAFETENSORS_H

#include "core/status.h"

#include <stddef.h>
#include <stdint.h>

DA_C_BEGIN

enum { DA_SAFETENSORS_DIMS = 8, DA_SAFETENSORS_HEADER_CAP = 100 * 1000 * 1000 };

typedef struct da_safetensors_entry {
    const char *name;
    const char *dtype; /* "F64" "F32" "F16" "BF16" "I64" "I32" "I16" "I8" "U64" "U32" "U16" "U8" "BOOL" */
    int         ndim;
    int64_t     shape[DA_SAFETENSORS_DIMS];
    const void *data;  /* read: the file's bytes, of any alignment, for _floats and _int64s; written: the machine's */
    size_t      size;  /* bytes; the writer works it out itself */
} da_safetensors_entry;

typedef struct da_safetensors_pair { const char *key, *value; } da_safetensors_pair;

typedef struct da_safetensors {
    int64_t               count, metadata_count;
    da_safetensors_entry *entries;  /* sorted by name (strcmp) */
    da_safetensors_pair  *metadata; /* sorted by key */
    struct da_json       *header;   /* owns the strings */
    uint8_t              *bytes;    /* owns the data; NULL after read_memory */
} da_safetensors;

/* name stands in messages. read_memory keeps pointers into bytes, which must outlive the file. Errors: DA_ERROR_FORMAT,
   DA_ERROR_NOT_FOUND, DA_ERROR_IO, DA_ERROR_MEMORY; *file stays as it was. free takes one that is all zero. */
da_status da_safetensors_read(da_safetensors *file, const char *path);
da_status da_safetensors_read_memory(da_safetensors *file, const uint8_t *bytes, size_t size, const char *name);
void      da_safetensors_free(da_safetensors *file);

const da_safetensors_entry *da_safetensors_find(const da_safetensors *file, const char *name); /* NULL when absent */
const char *da_safetensors_metadata(const da_safetensors *file, const char *key);              /* NULL when absent */
int64_t     da_safetensors_elements(const da_safetensors_entry *entry);

/* All elements, in C order, converted. floats: from F32 exactly, F16 and BF16 exactly, F64 rounded. int64s: from every
   integer dtype and BOOL. Another dtype is DA_ERROR_FORMAT; a U64 above INT64_MAX too. */
da_status da_safetensors_floats(const da_safetensors_entry *entry, float *out);
da_status da_safetensors_int64s(const da_safetensors_entry *entry, int64_t *out);

/* Writes through da_file_create. The same entries and pairs give the same bytes, whatever their order: arrays lie by
   element size, largest first, then by name, so that every one is aligned (PyTorch asks for it); metadata lie by key;
   the header is padded with spaces to a multiple of 8. Errors: DA_ERROR_ARGUMENT (two of one name, unknown dtype, bad
   shape, a name "__metadata__" or one that is not UTF-8), DA_ERROR_IO, DA_ERROR_MEMORY. */
da_status da_safetensors_write(const char *path, const da_safetensors_entry *entries, int64_t count,
                               const da_safetensors_pair *metadata, int64_t metadata_count);

DA_C_END

#endif
