/* Size classes and free lists. */
#include "core/pool.h"
#include "core/memory.h"
#include "core/status.h"
#include "core/tiny.h"

#include <stdint.h>

/* The class of a size and the class's capacity: an exponent and three bits behind the leading one, rounded up. */
static int class_of(size_t bytes, size_t *capacity) {
    if (bytes < 256) bytes = 256;
    int exponent = 63 - __builtin_clzll((unsigned long long)bytes);
    size_t step = (size_t)1 << (exponent - 3), rounded = (bytes + step - 1) / step * step;
    exponent = 63 - __builtin_clzll((unsigned long long)rounded);
    *capacity = rounded;
    return exponent * 8 + (int)((rounded >> (exponent - 3)) & 7);
}

static size_t bytes_of(const dai_buffer *buffer) {
    return (size_t)(8 + buffer->size_class % 8) << (buffer->size_class / 8 - 3);
}

dai_buffer *dai_pool_take(dai_pool *pool, int64_t floats) {
    size_t capacity;
    if (floats < 0 || (uint64_t)floats > SIZE_MAX >> 4) {
        DA_FAIL(DA_ERROR_MEMORY, "out of memory: a buffer of %lld numbers was asked for", (long long)floats);
        return NULL;
    }
    const int exact = class_of((size_t)floats * sizeof(float), &capacity);
    int size_class = exact, end = pool->larger ? DAI_POOL_CLASSES : exact + 1;
    while (size_class < end && !pool->free[size_class]) size_class++;
    if (size_class == end) size_class = exact;
    dai_buffer *buffer = pool->free[size_class];
    if (buffer) pool->free[size_class] = buffer->next;
    else if (!(buffer = da_alloc(64 + capacity))) return NULL;
    buffer->next = NULL;
    buffer->size_class = size_class;
    buffer->users = 1;
    return buffer;
}

void dai_pool_return(dai_pool *pool, dai_buffer *buffer) {
    if (!buffer || --buffer->users > 0) return;
    dai_spoil(dai_buffer_floats(buffer), bytes_of(buffer));
    buffer->next = pool->free[buffer->size_class];
    pool->free[buffer->size_class] = buffer;
}

void dai_pool_clear(dai_pool *pool) {
    for (int c = 0; c < DAI_POOL_CLASSES; c++)
        while (pool->free[c]) {
            dai_buffer *buffer = pool->free[c];
            pool->free[c] = buffer->next;
            da_free(buffer);
        }
}
