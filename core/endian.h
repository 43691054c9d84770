/* Little-endian numbers in files, on any machine. Each compiles to a plain move where the machine is little-endian. */
#ifndef DA_CORE_ENDIAN_H
#define DA_CORE_ENDIAN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t dai_load16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static inline uint32_t dai_load32(const uint8_t *p) { return dai_load16(p) | (uint32_t)dai_load16(p + 2) << 16; }
static inline uint64_t dai_load64(const uint8_t *p) { return dai_load32(p) | (uint64_t)dai_load32(p + 4) << 32; }

/* Copies count elements of 1, 2, 4 or 8 bytes between file order and machine order: the same permutation both ways. */
static inline void dai_copy_little(void *to, const void *from, size_t count, size_t element) {
    uint8_t *out = to;
    const uint8_t *in = from;
    if (element == 1 && count > 0) memcpy(out, in, count);
    if (element == 2)
        for (size_t i = 0; i < count; i++) { uint16_t v = dai_load16(in + 2 * i); memcpy(out + 2 * i, &v, 2); }
    if (element == 4)
        for (size_t i = 0; i < count; i++) { uint32_t v = dai_load32(in + 4 * i); memcpy(out + 4 * i, &v, 4); }
    if (element == 8)
        for (size_t i = 0; i < count; i++) { uint64_t v = dai_load64(in + 8 * i); memcpy(out + 8 * i, &v, 8); }
}

#endif
