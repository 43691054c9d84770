/* The tiny build, for tests: `make tiny`, or -DDA_TINY. Sizes that only decide how work is cut become so small that every
 * loop has many pieces and a remainder, and memory without meaning, fresh or given back, holds signalling NaNs: what reads
 * past a piece or after a return shows in the tests. Bits are those of any other build, so a size on which bits depend
 * (how a sum is cut into slices) has no tiny value.
 *
 *     enum { CHUNK = DA_SIZE(4096, 3) };       4096 in every build but the tiny one
 */
#ifndef DA_CORE_TINY_H
#define DA_CORE_TINY_H

#include <stddef.h>
#include <stdint.h>

#if defined(DA_TINY)
#define DA_SIZE(usual, tiny) (tiny)
#else
#define DA_SIZE(usual, tiny) (usual)
#endif

/* Fills `bytes` with float32 signalling NaNs in the tiny build; nothing in others. As float64 they are NaNs, too. */
static inline void dai_spoil(void *memory, size_t bytes) {
#if defined(DA_TINY)
    uint32_t *words = memory;
    for (size_t i = 0; i < bytes / sizeof *words; i++) words[i] = 0x7fa00000u;
#else
    (void)memory;
    (void)bytes;
#endif
}

#endif
