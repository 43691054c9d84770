/* SHA-256, straight from FIPS 180-4.
 *
 *     message | 0x80 | zeros | length in bits, 8 bytes big-endian      cut into blocks of 64 bytes
 *
 * Each block is stretched to 64 words (the schedule) and stirred into the eight words of state: in plain C, or by the
 * instructions that x86 processors since 2017 have for it, five times as fast. Integers: the digest is the same.
 */
#include "core/sha256.h"

#include "core/endian.h"

#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#include <stdatomic.h>
#endif

static const uint32_t round_constant[64] = { /* fractions of the cube roots of the first 64 primes */
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t x, int right) { return x >> right | x << (32 - right); }

static void load_schedule(uint32_t w[64], const uint8_t block[64]) {
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
               block[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
}

/* One of the 64 rounds. The eight words change their roles from round to round instead of their places. */
static inline void turn(uint32_t a, uint32_t b, uint32_t c, uint32_t *d, uint32_t e, uint32_t f, uint32_t g,
                        uint32_t *h, uint32_t input) {
    uint32_t s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25), choice = g ^ (e & (f ^ g));
    uint32_t s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22), majority = (a & b) | (c & (a | b));
    uint32_t t = *h + s1 + choice + input;
    *d += t;
    *h = t + s0 + majority;
}

static void stir_one(uint32_t state[8], const uint8_t block[64]) {
    uint32_t w[64];
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    load_schedule(w, block);
    for (int i = 0; i < 64; i++) w[i] += round_constant[i];
    for (const uint32_t *at = w; at < w + 64; at += 8) {
        turn(a, b, c, &d, e, f, g, &h, at[0]);
        turn(h, a, b, &c, d, e, f, &g, at[1]);
        turn(g, h, a, &b, c, d, e, &f, at[2]);
        turn(f, g, h, &a, b, c, d, &e, at[3]);
        turn(e, f, g, &h, a, b, c, &d, at[4]);
        turn(d, e, f, &g, h, a, b, &c, at[5]);
        turn(c, d, e, &f, g, h, a, &b, at[6]);
        turn(b, c, d, &e, f, g, h, &a, at[7]);
    }
    const uint32_t stirred[8] = { a, b, c, d, e, f, g, h };
    for (int i = 0; i < 8; i++) state[i] += stirred[i];
}

void dai_sha256_stir_plain(uint32_t state[8], const uint8_t *at, size_t blocks) {
    for (; blocks > 0; blocks--, at += 64) stir_one(state, at);
}

/* ---- the instructions of x86 ---- */

#if defined(__x86_64__)
#define WITH_SHA __attribute__((target("sha,ssse3,sse4.1")))

/* The state as the instructions want it, lanes from the low end: F E B A and H G D C. */
typedef struct halves { __m128i abef, cdgh; } halves;

/* Four rounds with the words w, and then their successors: w0 is replaced by the words 16 rounds on. */
WITH_SHA static inline void four_rounds(halves *s, const uint32_t *k, __m128i *w0, __m128i w1, __m128i w2, __m128i w3) {
    __m128i words = _mm_add_epi32(*w0, _mm_loadu_si128((const __m128i *)(const void *)k));
    s->cdgh = _mm_sha256rnds2_epu32(s->cdgh, s->abef, words);
    s->abef = _mm_sha256rnds2_epu32(s->abef, s->cdgh, _mm_shuffle_epi32(words, 0x0e));
    __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(*w0, w1), _mm_alignr_epi8(w3, w2, 4));
    *w0 = _mm_sha256msg2_epu32(sum, w3);
}

WITH_SHA static inline __m128i load_words(const uint8_t *at) { /* four, sent with the highest byte first */
    const __m128i turned = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)at), turned);
}

WITH_SHA static void stir_with_sha(uint32_t state[8], const uint8_t *at, size_t blocks) {
    __m128i *low = (__m128i *)(void *)state, *high = (__m128i *)(void *)(state + 4);
    __m128i badc = _mm_shuffle_epi32(_mm_loadu_si128(low), 0xb1), hgfe = _mm_shuffle_epi32(_mm_loadu_si128(high), 0x1b);
    halves s = { _mm_alignr_epi8(badc, hgfe, 8), _mm_blend_epi16(hgfe, badc, 0xf0) };
    for (; blocks > 0; blocks--, at += 64) {
        halves before = s;
        __m128i w0 = load_words(at), w1 = load_words(at + 16), w2 = load_words(at + 32), w3 = load_words(at + 48);
        for (const uint32_t *k = round_constant; k < round_constant + 64; k += 16) { /* the last successors: unused */
            four_rounds(&s, k, &w0, w1, w2, w3);
            four_rounds(&s, k + 4, &w1, w2, w3, w0);
            four_rounds(&s, k + 8, &w2, w3, w0, w1);
            four_rounds(&s, k + 12, &w3, w0, w1, w2);
        }
        s.abef = _mm_add_epi32(s.abef, before.abef);
        s.cdgh = _mm_add_epi32(s.cdgh, before.cdgh);
    }
    __m128i abef = _mm_shuffle_epi32(s.abef, 0x1b), dcgh = _mm_shuffle_epi32(s.cdgh, 0xb1); /* A B E F, G H C D */
    _mm_storeu_si128(low, _mm_blend_epi16(abef, dcgh, 0xf0));
    _mm_storeu_si128(high, _mm_alignr_epi8(dcgh, abef, 8));
}

/* Asked once: in a virtual machine the question takes microseconds. Threads that ask together find the same. */
bool dai_has_sha(void) {
    static atomic_int known; /* 0: not asked yet, 1: no, 2: yes */
    int answer = atomic_load_explicit(&known, memory_order_relaxed);
    if (answer == 0) {
        unsigned a, b = 0, c = 0, d;
        bool vectors = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSSE3) && (c & bit_SSE4_1);
        answer = vectors && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & 1u << 29) ? 2 : 1;
        atomic_store_explicit(&known, answer, memory_order_relaxed);
    }
    return answer == 2;
}
#else
bool dai_has_sha(void) { return false; }
#endif

static void stir(uint32_t state[8], const uint8_t *at, size_t blocks) {
#if defined(__x86_64__)
    if (dai_has_sha()) {
        stir_with_sha(state, at, blocks);
        return;
    }
#endif
    dai_sha256_stir_plain(state, at, blocks);
}

void da_sha256_init(da_sha256 *s) {
    static const uint32_t start[8] = { /* fractions of the square roots of the first 8 primes */
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    };
    memset(s, 0, sizeof *s);
    memcpy(s->state, start, sizeof start);
}

void da_sha256_update(da_sha256 *s, const void *bytes, size_t size) {
    const uint8_t *at = bytes;
    size_t waiting = (size_t)(s->size % 64);
    s->size += size;
    if (waiting > 0) {
        size_t taken = size < 64 - waiting ? size : 64 - waiting;
        if (taken > 0) memcpy(s->block + waiting, at, taken);
        if (waiting + taken < 64) return;
        stir(s->state, s->block, 1);
        at += taken;
        size -= taken;
    }
    if (size >= 64) stir(s->state, at, size / 64);
    if (size % 64 > 0) memcpy(s->block, at + size / 64 * 64, size % 64);
}

void da_sha256_text(da_sha256 *s, const char *text) { da_sha256_update(s, text, strlen(text) + 1); }

void da_sha256_numbers(da_sha256 *s, const void *numbers, size_t count, size_t element) {
    uint8_t bytes[4096];
    const uint8_t *at = numbers;
    for (size_t left = count; left > 0;) {
        size_t n = left < sizeof bytes / element ? left : sizeof bytes / element;
        dai_copy_little(bytes, at, n, element);
        da_sha256_update(s, bytes, n * element);
        at += n * element;
        left -= n;
    }
}

void da_sha256_uint64(da_sha256 *s, uint64_t value) { da_sha256_numbers(s, &value, 1, sizeof value); }

void da_sha256_digest(const da_sha256 *s, uint8_t digest[32]) {
    da_sha256 last = *s;
    uint8_t tail[72] = { 0x80 }; /* the mark, zeros, and the length at the end of a block */
    size_t zeros = (size_t)((119 - s->size % 64) % 64);
    for (int i = 0; i < 8; i++) tail[1 + zeros + (size_t)i] = (uint8_t)(s->size * 8 >> (56 - 8 * i));
    da_sha256_update(&last, tail, 1 + zeros + 8);
    for (int i = 0; i < 32; i++) digest[i] = (uint8_t)(last.state[i / 4] >> (24 - 8 * (i % 4)));
}

void da_sha256_hex(const da_sha256 *s, char hex[65]) {
    uint8_t digest[32];
    da_sha256_digest(s, digest);
    for (int i = 0; i < 32; i++) {
        hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    hex[64] = '\0';
}

void da_sha256_of(const void *bytes, size_t size, char hex[65]) {
    da_sha256 sha;
    da_sha256_init(&sha);
    da_sha256_update(&sha, bytes, size);
    da_sha256_hex(&sha, hex);
}
