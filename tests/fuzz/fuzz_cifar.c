/* Any bytes as a CIFAR file: an error, or images whose labels are classes. Most bytes of a record are pixels, so the
 * fuzzer's few are spread: they are the labels and the length, zeros are the rest. */
#include "core/memory.h"
#include "datasets/cifar.h"
#include "tests/fuzz/temporary.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { IMAGE = 3072, MOST = 8 };

static void read_one(const uint8_t *bytes, size_t size, int label_bytes, int classes) {
    const char *path = temporary_file(bytes, size);
    da_dataset set = { .classes = classes };
    if (dai_cifar_load(&set, &path, 1, label_bytes, NULL) == DA_OK) {
        bool packed = bytes[0] == 0x1f;
        if (set.count < 1 || (!packed && set.count != (int64_t)size / (label_bytes + IMAGE))) abort();
        for (int64_t i = 0; i < set.count; i++)
            if (set.labels[i] >= classes) abort();
        volatile uint8_t last = set.images[set.count * IMAGE - 1];
        (void)last;
    } else if (set.images || set.labels || da_error_message()[0] == '\0') {
        abort();
    }
    da_free(set.images);
    da_free(set.labels);
    if (da_memory().live_blocks != 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t records[MOST * (IMAGE + 2)];
    int label_bytes = 1 + (size & 1), classes = label_bytes == 1 ? 10 : 100;
    read_one(data, size, label_bytes, classes);
    size_t count = size < MOST ? size : MOST, record = (size_t)(label_bytes + IMAGE);
    memset(records, 0, sizeof records);
    for (size_t i = 0; i < count; i++) records[i * record + (size_t)label_bytes - 1] = data[i];
    read_one(records, count * record, label_bytes, classes);
    return 0;
}
