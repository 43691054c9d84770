/* What the tiny build does to memory without meaning. */
#include "core/memory.h"
#include "core/pool.h"
#include "core/tiny.h"
#include "tests/unit/test.h"

TEST(memory_without_meaning_is_spoiled_in_the_tiny_build) {
#if !defined(DA_TINY)
    SKIP("of the tiny build: make tiny");
#else
    static dai_pool pool;
    uint32_t first, last;
    dai_buffer *buffer = dai_pool_take(&pool, 100);
    CHECK(buffer != NULL);
    if (!buffer) return;
    float *values = dai_buffer_floats(buffer);
    memcpy(&first, values, sizeof first);
    CHECK(first == 0x7fa00000u); /* fresh */
    for (int i = 0; i < 100; i++) values[i] = 1;
    dai_pool_return(&pool, buffer);
    memcpy(&first, values, sizeof first); /* the pool keeps the block, so that it may be looked at */
    memcpy(&last, values + 99, sizeof last);
    CHECK(first == 0x7fa00000u && last == 0x7fa00000u);
    dai_pool_clear(&pool);
    CHECK(DA_SIZE(4096, 3) == 3);
#endif
}
