/* The one allocator. Every byte the library takes from the heap goes through here, so live and peak bytes are known,
 * leaks are countable, and tests can make allocation k fail on purpose.
 *
 *     | header, 64 bytes: size | the caller's bytes, aligned to 64 (a vector, a cache line) |
 */
#ifndef DA_CORE_MEMORY_H
#define DA_CORE_MEMORY_H

#include "core/api.h"

#include <stddef.h>
#include <stdint.h>

DA_C_BEGIN

/* NULL, with the thread's last error set to DA_ERROR_MEMORY, when the heap has no more. Zero bytes give a valid
   pointer. da_realloc keeps the old block when it fails. da_free takes NULL. Any thread may call. */
void *da_alloc(size_t bytes);
void *da_alloc_zero(size_t count, size_t size); /* count * size is checked for overflow */
void *da_realloc(void *block, size_t bytes);
char *da_string_copy(const char *text);
char **da_strings_copy(const char *const *texts, int count); /* one block */
void  da_free(void *block);

typedef struct da_memory_stats {
    int64_t live_bytes, peak_bytes; /* the caller's bytes, headers not counted */
    int64_t live_blocks;
    int64_t calls;                  /* da_alloc and da_realloc calls that reached the heap since the program began */
} da_memory_stats;

da_memory_stats da_memory(void);
void da_memory_reset_peak(void);      /* peak := live */
void da_memory_fail_after(int64_t k); /* allocation number k from now (0 = the next) fails, once; negative: none does */

DA_C_END

#endif
