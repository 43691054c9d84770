/* Any bytes as an IDX file of one to three dimensions: an error, or sizes whose product is what follows the header. */
#include "datasets/idx.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    for (int dimensions = 1; dimensions <= 3; dimensions++) {
        dai_idx idx;
        if (dai_idx_parse(&idx, data, size, dimensions, "fuzz") != DA_OK) {
            if (da_error_code() != DA_ERROR_FORMAT || da_error_message()[0] == '\0') abort();
            continue;
        }
        int64_t product = 1;
        for (int d = 0; d < dimensions; d++) product *= idx.size[d];
        if (idx.content != data + 4 + 4 * dimensions || product != (int64_t)size - 4 - 4 * dimensions) abort();
    }
    return 0;
}
