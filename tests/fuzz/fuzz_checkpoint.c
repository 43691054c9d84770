/* Any bytes as a checkpoint: an error, or a model that hashes, saves and loads again to the same hash. The header's
 * size is set to fit as well, where a line break ends the header, so that the fuzzer reaches the model's description. */
#include "core/memory.h"
#include "layers/checkpoint.h"
#include "tests/fuzz/temporary.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_model(da_model *model, const char *path) {
    da_model *again = NULL;
    char before[65], after[65];
    if (da_model_hash(model, -1, before) != DA_OK) abort();
    if (da_checkpoint_save(model, path, NULL) != DA_OK) abort();
    if (da_checkpoint_load(&again, path, NULL) != DA_OK) abort();
    if (da_model_hash(again, -1, after) != DA_OK || strcmp(before, after) != 0) abort();
    da_model_free(again);
}

static void read_one(const uint8_t *bytes, size_t size) {
    const char *path = temporary_file(bytes, size);
    da_model *model = NULL;
    if (da_checkpoint_load(&model, path, NULL) == DA_OK) check_model(model, path);
    else if (model || da_error_message()[0] == '\0') abort();
    da_model_free(model);
    if (da_memory().live_blocks != 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    read_one(data, size);
    const uint8_t *end = size > 8 ? memchr(data + 8, '\n', size - 8) : NULL;
    if (!end) return 0;
    uint8_t *fitted = malloc(size);
    uint64_t length = (uint64_t)(end - data) - 8;
    memcpy(fitted, data, size);
    for (int i = 0; i < 8; i++) fitted[i] = (uint8_t)(length >> 8 * i);
    read_one(fitted, size);
    free(fitted);
    return 0;
}
