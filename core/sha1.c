/* SHA-1, straight from FIPS 180-4: blocks of 64 bytes stretched to 80 words and stirred into five; in plain C, or by
 * the instructions of x86 as in core/sha256.c.
 */
#include "core/sha1.h"

#include "core/sha256.h"

#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

static uint32_t rotate(uint32_t x, int left) { return x << left | x >> (32 - left); }

/* ---- plain C ---- */

/* The three functions of a round, the second of them twice. */
static uint32_t choose(uint32_t b, uint32_t c, uint32_t d) { return d ^ (b & (c ^ d)); }
static uint32_t parity(uint32_t b, uint32_t c, uint32_t d) { return b ^ c ^ d; }
static uint32_t majority(uint32_t b, uint32_t c, uint32_t d) { return (b & c) | (d & (b | c)); }

/* Word i of the 80, of which the last 16 are kept. */
static inline uint32_t word(uint32_t w[16], int i) {
    if (i >= 16) w[i & 15] = rotate(w[(i + 13) & 15] ^ w[(i + 8) & 15] ^ w[(i + 2) & 15] ^ w[i & 15], 1);
    return w[i & 15];
}

/* The words change their roles instead of moving, and have their old ones again after five rounds. */
#define ROUND(f, k, a, b, c, d, e, i) ((e) += rotate(a, 5) + f(b, c, d) + (k) + word(w, i), (b) = rotate(b, 30))
#define FIVE_ROUNDS(f, k, i)                                                                                \
    (ROUND(f, k, a, b, c, d, e, i), ROUND(f, k, e, a, b, c, d, (i) + 1), ROUND(f, k, d, e, a, b, c, (i) + 2), \
     ROUND(f, k, c, d, e, a, b, (i) + 3), ROUND(f, k, b, c, d, e, a, (i) + 4))

void dai_sha1_stir_plain(uint32_t state[5], const uint8_t *at, size_t blocks) {
    uint32_t w[16];
    for (; blocks > 0; blocks--, at += 64) {
        for (int i = 0; i < 16; i++)
            w[i] = (uint32_t)at[4 * i] << 24 | (uint32_t)at[4 * i + 1] << 16 | (uint32_t)at[4 * i + 2] << 8 |
                   at[4 * i + 3];
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
        for (int i = 0; i < 20; i += 5) FIVE_ROUNDS(choose, 0x5a827999, i);
        for (int i = 20; i < 40; i += 5) FIVE_ROUNDS(parity, 0x6ed9eba1, i);
        for (int i = 40; i < 60; i += 5) FIVE_ROUNDS(majority, 0x8f1bbcdc, i);
        for (int i = 60; i < 80; i += 5) FIVE_ROUNDS(parity, 0xca62c1d6, i);
        state[0] += a;
        state[1] += b;
        state[2] += c;
        state[3] += d;
        state[4] += e;
    }
}

/* ---- the instructions of x86 ---- */

#if defined(__x86_64__)
#define WITH_SHA __attribute__((target("sha,ssse3,sse4.1")))

/* Four rounds of phase p with the words w0, which the words 16 rounds on replace. The fifth word of the state is made
   of the first four of four rounds ago. */
#define FOUR_ROUNDS(p, w0, w1, w2, w3)                                                       \
    do {                                                                                     \
        __m128i now = abcd;                                                                  \
        abcd = _mm_sha1rnds4_epu32(abcd, e, p);                                              \
        w0 = _mm_sha1msg2_epu32(_mm_xor_si128(_mm_sha1msg1_epu32(w0, w1), w2), w3);          \
        e = _mm_sha1nexte_epu32(now, w1);                                                    \
    } while (0)

WITH_SHA static inline __m128i load_words(const uint8_t *at) { /* four, the first in the highest lane */
    const __m128i turned = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)at), turned);
}

WITH_SHA static void stir_with_sha(uint32_t state[5], const uint8_t *at, size_t blocks) {
    __m128i *four = (__m128i *)(void *)state;
    __m128i abcd = _mm_shuffle_epi32(_mm_loadu_si128(four), 0x1b), fifth = _mm_set_epi32((int)state[4], 0, 0, 0);
    for (; blocks > 0; blocks--, at += 64) {
        __m128i before = abcd, last;
        __m128i w0 = load_words(at), w1 = load_words(at + 16), w2 = load_words(at + 32), w3 = load_words(at + 48);
        __m128i e = _mm_add_epi32(fifth, w0);
        FOUR_ROUNDS(0, w0, w1, w2, w3); FOUR_ROUNDS(0, w1, w2, w3, w0); FOUR_ROUNDS(0, w2, w3, w0, w1);
        FOUR_ROUNDS(0, w3, w0, w1, w2); FOUR_ROUNDS(0, w0, w1, w2, w3); FOUR_ROUNDS(1, w1, w2, w3, w0);
        FOUR_ROUNDS(1, w2, w3, w0, w1); FOUR_ROUNDS(1, w3, w0, w1, w2); FOUR_ROUNDS(1, w0, w1, w2, w3);
        FOUR_ROUNDS(1, w1, w2, w3, w0); FOUR_ROUNDS(2, w2, w3, w0, w1); FOUR_ROUNDS(2, w3, w0, w1, w2);
        FOUR_ROUNDS(2, w0, w1, w2, w3); FOUR_ROUNDS(2, w1, w2, w3, w0); FOUR_ROUNDS(2, w2, w3, w0, w1);
        FOUR_ROUNDS(3, w3, w0, w1, w2); FOUR_ROUNDS(3, w0, w1, w2, w3); FOUR_ROUNDS(3, w1, w2, w3, w0);
        FOUR_ROUNDS(3, w2, w3, w0, w1);
        last = abcd;
        abcd = _mm_add_epi32(_mm_sha1rnds4_epu32(abcd, e, 3), before);
        fifth = _mm_sha1nexte_epu32(last, fifth);
    }
    _mm_storeu_si128(four, _mm_shuffle_epi32(abcd, 0x1b));
    state[4] = (uint32_t)_mm_extract_epi32(fifth, 3);
}
#endif

static void stir(uint32_t state[5], const uint8_t *at, size_t blocks) {
#if defined(__x86_64__)
    if (dai_has_sha()) {
        stir_with_sha(state, at, blocks);
        return;
    }
#endif
    dai_sha1_stir_plain(state, at, blocks);
}

void da_sha1_hex(const void *bytes, size_t size, char hex[41]) {
    uint32_t state[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
    uint8_t tail[128] = { 0 }; /* what is left, the mark, zeros, and the length in bits at the end of a block */
    size_t left = size % 64, end = left < 56 ? 64 : 128;
    stir(state, bytes, size / 64);
    if (left > 0) memcpy(tail, (const uint8_t *)bytes + (size - left), left);
    tail[left] = 0x80;
    for (int i = 0; i < 8; i++) tail[end - 8 + (size_t)i] = (uint8_t)((uint64_t)size * 8 >> (56 - 8 * i));
    stir(state, tail, end / 64);
    for (int i = 0; i < 40; i++) hex[i] = "0123456789abcdef"[state[i / 8] >> (28 - 4 * (i % 8)) & 15];
    hex[40] = '\0';
}
