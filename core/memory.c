/* The allocator: posix_memalign behind a 64-byte header that holds the size, and atomic counters. */
#if defined(__linux__)
#define _DEFAULT_SOURCE /* madvise */
#endif
#include "core/memory.h"
#include "core/status.h"
#include "core/tiny.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

enum { HEADER = 64, ALIGNMENT = 64, HUGE_PAGE = 2 << 20 };

static atomic_llong live_bytes, peak_bytes, live_blocks, calls;
static atomic_llong fail_countdown = -1; /* below zero: no failure is planned */

static void *out_of_memory(size_t bytes) {
    DA_FAIL(DA_ERROR_MEMORY, "out of memory: %zu bytes were asked for, %lld are in use", bytes,
            (long long)atomic_load(&live_bytes));
    return NULL;
}

static int planned_failure(void) {
    if (atomic_load(&fail_countdown) < 0) return 0;
    return atomic_fetch_sub(&fail_countdown, 1) == 0;
}

static size_t *header_of(void *block) { return (size_t *)(void *)((char *)block - HEADER); }

static void count(int64_t bytes, int64_t blocks) {
    long long live = atomic_fetch_add(&live_bytes, bytes) + bytes;
    atomic_fetch_add(&live_blocks, blocks);
    long long peak = atomic_load(&peak_bytes);
    while (live > peak && !atomic_compare_exchange_weak(&peak_bytes, &peak, live)) { }
}

/* Blocks of 2 MiB and more lie on pages of that size where the system has them: an array of many small pages costs the
   processor a search for nearly every page that a product touches. */
static void use_huge_pages(void *raw, size_t bytes) {
#if defined(MADV_HUGEPAGE)
    (void)madvise(raw, bytes / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE); /* advice: without it all goes on as before */
#else
    (void)raw;
    (void)bytes;
#endif
}

void *da_alloc(size_t bytes) {
    void *raw = NULL;
    if (planned_failure() || bytes > PTRDIFF_MAX - HEADER - HUGE_PAGE) return out_of_memory(bytes);
    atomic_fetch_add(&calls, 1);
    const bool huge = HEADER + bytes >= HUGE_PAGE;
    if (posix_memalign(&raw, huge ? HUGE_PAGE : ALIGNMENT, HEADER + bytes) != 0) return out_of_memory(bytes);
    if (huge) use_huge_pages(raw, HEADER + bytes);
    void *block = (char *)raw + HEADER;
    *header_of(block) = bytes;
    count((int64_t)bytes, 1);
    dai_spoil(block, bytes);
    return block;
}

void *da_alloc_zero(size_t count_of, size_t size) {
    if (size != 0 && count_of > SIZE_MAX / size) return out_of_memory(SIZE_MAX);
    void *block = da_alloc(count_of * size);
    if (block) memset(block, 0, count_of * size);
    return block;
}

void *da_realloc(void *block, size_t bytes) {
    void *moved = da_alloc(bytes);
    if (!moved || !block) return moved;
    size_t old = *header_of(block);
    memcpy(moved, block, old < bytes ? old : bytes);
    da_free(block);
    return moved;
}

char *da_string_copy(const char *text) {
    size_t bytes = strlen(text) + 1;
    char *copy = da_alloc(bytes);
    if (copy) memcpy(copy, text, bytes);
    return copy;
}

char **da_strings_copy(const char *const *texts, int count) {
    size_t bytes = (size_t)count * sizeof(char *);
    for (int i = 0; i < count; i++) bytes += strlen(texts[i]) + 1;
    char **made = da_alloc(bytes);
    char *at = made ? (char *)(made + count) : NULL;
    for (int i = 0; i < count && made; i++) {
        const size_t size = strlen(texts[i]) + 1;
        made[i] = memcpy(at, texts[i], size);
        at += size;
    }
    return made;
}

void da_free(void *block) {
    if (!block) return;
    count(-(int64_t)*header_of(block), -1);
    dai_spoil(block, *header_of(block));
    free(header_of(block));
}

da_memory_stats da_memory(void) {
    da_memory_stats stats = { atomic_load(&live_bytes), atomic_load(&peak_bytes), atomic_load(&live_blocks),
                              atomic_load(&calls) };
    return stats;
}

void da_memory_reset_peak(void)      { atomic_store(&peak_bytes, atomic_load(&live_bytes)); }
void da_memory_fail_after(int64_t k) { atomic_store(&fail_countdown, k); }
