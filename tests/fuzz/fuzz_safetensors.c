/* Safetensors from anywhere: what is taken must lie within the bytes and convert. The first eight bytes, the header's
 * size, are set to fit half of the time, so that the fuzzer gets past them. */
#include "core/memory.h"
#include "core/safetensors.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entry(const da_safetensors *file, const da_safetensors_entry *e, const uint8_t *bytes, size_t size) {
    size_t begin = (size_t)((const uint8_t *)e->data - bytes);
    if (begin > size || e->size > size - begin) abort();
    if (da_safetensors_find(file, e->name) != e) abort();
    size_t count = (size_t)da_safetensors_elements(e);
    float *floats = da_alloc(count * sizeof *floats);
    int64_t *wholes = da_alloc(count * sizeof *wholes);
    if (floats) (void)da_safetensors_floats(e, floats);
    if (wholes) (void)da_safetensors_int64s(e, wholes);
    da_free(floats);
    da_free(wholes);
}

static void read_one(const uint8_t *bytes, size_t size) {
    da_safetensors file = { 0 };
    if (da_safetensors_read_memory(&file, bytes, size, "fuzz") != DA_OK) return;
    for (int64_t i = 0; i < file.count; i++) check_entry(&file, &file.entries[i], bytes, size);
    for (int64_t i = 0; i < file.metadata_count; i++)
        if (da_safetensors_metadata(&file, file.metadata[i].key) != file.metadata[i].value) abort();
    da_safetensors_free(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    read_one(data, size);
    const uint8_t *brace = size > 8 ? memchr(data + 8, '\n', size - 8) : NULL; /* a line break ends the header */
    if (brace) {
        uint8_t *fitted = malloc(size);
        uint64_t length = (uint64_t)(brace - data) - 8;
        memcpy(fitted, data, size);
        for (int i = 0; i < 8; i++) fitted[i] = (uint8_t)(length >> 8 * i);
        read_one(fitted, size);
        free(fitted);
    }
    if (da_memory().live_blocks != 0) abort();
    return 0;
}
