/* Philox4x32-10 and what is drawn from it.
 *
 *     value 4b+w of a stream = word w of cipher(key = seed, counter = (b, stream)):
 *
 *     key      | seed low | seed high |
 *     counter  | b low    | b high    | stream low | stream high |  ->  | word 0 | word 1 | word 2 | word 3 |
 *
 * Normal deviates come in pairs (Box and Muller 1958): values 2j and 2j+1 of the stream become a radius and an angle,
 * normal 2j is radius cos(angle) and 2j+1 radius sin(angle). Logarithm, sine and cosine are polynomials in double made
 * of + - * / alone, which IEEE 754 defines to the bit, so the deviates are the same on every machine.
 */
#include "core/random.h"

#include <math.h>
#include <string.h>

/* One round multiplies two words into 64 bits each and mixes the halves; the key moves on by Weyl constants. */
void da_philox(uint32_t out[4], const uint32_t key[2], const uint32_t counter[4]) {
    uint32_t k0 = key[0], k1 = key[1];
    uint32_t x0 = counter[0], x1 = counter[1], x2 = counter[2], x3 = counter[3];
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)x0 * 0xD2511F53u, b = (uint64_t)x2 * 0xCD9E8D57u;
        x0 = (uint32_t)(b >> 32) ^ x1 ^ k0;
        x2 = (uint32_t)(a >> 32) ^ x3 ^ k1;
        x1 = (uint32_t)b;
        x3 = (uint32_t)a;
        k0 += 0x9E3779B9u; /* golden ratio */
        k1 += 0xBB67AE85u; /* sqrt(3) - 1 */
    }
    out[0] = x0; out[1] = x1; out[2] = x2; out[3] = x3;
}

static void cipher_block(uint32_t out[4], uint64_t seed, uint64_t stream, uint64_t block) {
    uint32_t key[2] = { (uint32_t)seed, (uint32_t)(seed >> 32) };
    uint32_t counter[4] = { (uint32_t)block, (uint32_t)(block >> 32), (uint32_t)stream, (uint32_t)(stream >> 32) };
    da_philox(out, key, counter);
}

uint32_t da_random_bits(uint64_t seed, uint64_t stream, uint64_t index) {
    uint32_t word[4];
    cipher_block(word, seed, stream, index / 4);
    return word[index % 4];
}

float da_random_uniform(uint64_t seed, uint64_t stream, uint64_t index) {
    return (float)(da_random_bits(seed, stream, index) >> 8) * 0x1p-24f;
}

/* ln(n / 2^32) for n in 1..2^32, below 1e-14 relative. n = m 2^e with m in [sqrt(1/2), sqrt(2)), read off the exponent
   field of the double; then ln m = 2 artanh(s) = 2 (s + s^3/3 + s^5/5 + ...) with s = (m-1)/(m+1), |s| <= 0.172. */
static double log_of_fraction(uint64_t n) {
    double x = (double)n;
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int e = (int)(bits >> 52) - 1023;
    bits = (bits & 0xfffffffffffffu) | (uint64_t)1023 << 52;
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m >= 1.4142135623730951) { m *= 0.5; e++; }
    double s = (m - 1.0) / (m + 1.0), z = s * s, p = 1.0 / 17;
    for (int k = 15; k >= 1; k -= 2) p = p * z + 1.0 / k;
    return (double)(e - 32) * 0.69314718055994531 + 2.0 * s * p;
}

/* Cosine and sine of turn/2^32 full turns, below 1e-13 absolute. The nearest quarter turn comes off in integers,
   without rounding; Taylor's series does what is left, |x| <= pi/4. */
static void cos_sin_of_turn(uint32_t turn, double *cosine, double *sine) {
    uint32_t quarter = (turn + 0x20000000u) >> 30;
    int64_t rest = (int64_t)((turn + 0x20000000u) & 0x3fffffffu) - 0x20000000;
    double x = (double)rest * (6.2831853071795865 * 0x1p-32), z = x * x;
    static const double c_of[8] = { 1.0, -1.0 / 2, 1.0 / 24, -1.0 / 720, 1.0 / 40320, -1.0 / 3628800, 1.0 / 479001600,
                                    -1.0 / 87178291200 };
    static const double s_of[8] = { 1.0, -1.0 / 6, 1.0 / 120, -1.0 / 5040, 1.0 / 362880, -1.0 / 39916800,
                                    1.0 / 6227020800, -1.0 / 1307674368000 };
    double c = c_of[7], s = s_of[7];
    for (int k = 6; k >= 0; k--) {
        c = c * z + c_of[k];
        s = s * z + s_of[k];
    }
    s *= x;
    *cosine = quarter == 0 ? c : quarter == 1 ? -s : quarter == 2 ? -c : s;
    *sine   = quarter == 0 ? s : quarter == 1 ? c : quarter == 2 ? -s : -c;
}

float da_random_normal(uint64_t seed, uint64_t stream, uint64_t index) {
    uint32_t word[4];
    cipher_block(word, seed, stream, index / 4);
    const uint32_t *pair = word + (index % 4 & 2u);
    double cosine, sine;
    cos_sin_of_turn(pair[1], &cosine, &sine);
    float radius = sqrtf((float)(-2.0 * log_of_fraction((uint64_t)pair[0] + 1)));
    return radius * (float)(index & 1 ? sine : cosine);
}

/* The high word of bits * bound: each result has probability 1/bound to within 2^-32. */
uint32_t da_random_below(uint64_t seed, uint64_t stream, uint64_t index, uint32_t bound) {
    return (uint32_t)((uint64_t)da_random_bits(seed, stream, index) * bound >> 32);
}

void da_random_permutation(int64_t *order, int64_t n, uint64_t seed, uint64_t stream) {
    for (int64_t i = 0; i < n; i++) order[i] = i;
    for (int64_t i = n - 1; i > 0; i--) { /* n below 2^32: an order beyond it would take 32 gigabytes */
        int64_t j = da_random_below(seed, stream, (uint64_t)i, (uint32_t)(i + 1)), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}
