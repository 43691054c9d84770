/* .npy files from anywhere: the numbers of what is taken are all there. */
#include "core/memory.h"
#include "core/npy.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const size_t element[] = { 4, 8, 8, 1 };
    da_npy array = { .ndim = 0 };
    if (da_npy_read_memory(&array, data, size, "fuzz") == DA_OK) {
        size_t bytes = (size_t)array.count * element[array.dtype];
        if (bytes > size || memcmp(array.data, data + size - bytes, bytes) != 0) abort();
    }
    da_npy_free(&array);
    if (da_memory().live_blocks != 0) abort();
    return 0;
}
