/* SHA-1, straight from FIPS 180-4: blocks of 64 bytes stretched to 80 words and stirred into five. */
#include "core/sha1.h"

#include <stdint.h>
#include <string.h>

static uint32_t rotate(uint32_t x, int left) { return x << left | x >> (32 - left); }

static void stir(uint32_t state[5], const uint8_t block[64]) {
    uint32_t w[80];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
               block[4 * i + 3];
    for (int i = 16; i < 80; i++) w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (int i = 0; i < 80; i++) {
        uint32_t mixed = i < 20   ? ((b & c) | (~b & d)) + 0x5a827999
                         : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
                         : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
                                  : (b ^ c ^ d) + 0xca62c1d6;
        uint32_t next = rotate(a, 5) + mixed + e + w[i];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

void da_sha1_hex(const void *bytes, size_t size, char hex[41]) {
    uint32_t state[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
    uint8_t tail[128] = { 0 }; /* what is left, the mark, zeros, and the length in bits at the end of a block */
    const uint8_t *at = bytes;
    size_t left = size;
    for (; left >= 64; at += 64, left -= 64) stir(state, at);
    if (left > 0) memcpy(tail, at, left);
    tail[left] = 0x80;
    size_t end = left < 56 ? 64 : 128;
    for (int i = 0; i < 8; i++) tail[end - 8 + (size_t)i] = (uint8_t)((uint64_t)size * 8 >> (56 - 8 * i));
    for (size_t block = 0; block < end; block += 64) stir(state, tail + block);
    for (int i = 0; i < 40; i++) hex[i] = "0123456789abcdef"[state[i / 8] >> (28 - 4 * (i % 8)) & 15];
    hex[40] = '\0';
}
