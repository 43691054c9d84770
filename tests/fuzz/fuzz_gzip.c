/* Any bytes as a gzip file: an error or an output within the cap, whose every byte may be read; nothing leaks. The
 * input is also put into a frame with a right header, so that the fuzzer reaches the blocks at once. */
#include "core/memory.h"
#include "datasets/gzip.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CAP = 1 << 16 };

static void try_inflating(const uint8_t *bytes, size_t size) {
    uint8_t *out = NULL;
    size_t out_size = 0, sum = 0;
    if (da_gzip_inflate(&out, &out_size, bytes, size, CAP, "fuzz") == DA_OK) {
        if (out_size > CAP) abort();
        for (size_t i = 0; i < out_size; i++) sum += out[i];
        if (sum > 255u * out_size || out[out_size] != 0) abort();
        da_free(out);
    } else if (out || da_error_code() == DA_OK || da_error_message()[0] == '\0') {
        abort();
    }
    if (da_memory().live_blocks != 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t header[10] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3 };
    try_inflating(data, size);
    uint8_t *framed = malloc(sizeof header + size); /* of exactly that size, so that reading too far is seen */
    if (!framed) return 0;
    memcpy(framed, header, sizeof header);
    if (size > 0) memcpy(framed + sizeof header, data, size);
    try_inflating(framed, sizeof header + size);
    free(framed);
    return 0;
}
