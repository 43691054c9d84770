/* The bodies of the elementary functions, shared by core/math.c (one number) and core/kernels/fast_unary.c (16 lanes).
 *
 * Only + - * / sqrt, fused multiply-add, comparisons and the bits of a float: IEEE 754 fixes the result of each, so
 * every compiler and every vector width gives the same bits. There are no branches: where a function has two formulas,
 * both are computed and one is selected, which is what a vector does. Coefficients are minimax fits of the remainder
 * after the leading terms (Lawson's iteration in double), rounded to binary32.
 */
#ifndef DA_CORE_MATH_INLINE_H
#define DA_CORE_MATH_INLINE_H

#include "core/math.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t float_bits(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static inline float float_from_bits(uint32_t u) {
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* |x| and the sign of x as bit masks; both keep a NaN a NaN. */
static inline float magnitude(float x) { return float_from_bits(float_bits(x) & 0x7fffffffu); }
static inline float with_sign_of(float size, float x) {
    return float_from_bits(float_bits(size) | (float_bits(x) & 0x80000000u));
}

/* e^x = 2^n e^r, n = round(x / ln 2), |r| <= ln(2) / 2, e^r = 1 + r + r^2 P(r).
   Adding 1.5 * 2^23 rounds to the integer n and leaves it in the low bits. 2^n is multiplied on in two halves, because
   n reaches from -150 to 128 and an exponent only from -126 to 127: overflow and subnormals then come out by
   themselves. */
static inline float exp_inline(float x) {
    const float round = 0x1.8p23f;
    x = x > 89.0f ? 89.0f : x; /* e^89 overflows, e^-104 rounds to 0; NaN passes both selects */
    x = x < -104.0f ? -104.0f : x;
    float shifted = fmaf(x, 0x1.715476p+0f, round);
    float n = shifted - round;
    float r = fmaf(n, -0x1.62e4p-1f, x); /* ln 2 in two parts; the first ends in zeros, so that n times it is exact */
    r = fmaf(n, -0x1.7f7d1cp-20f, r);
    float p = 0x1.6a23cep-10f;
    p = fmaf(p, r, 0x1.123a2p-7f);
    p = fmaf(p, r, 0x1.5558f2p-5f);
    p = fmaf(p, r, 0x1.555492p-3f);
    p = fmaf(p, r, 0x1.fffffcp-2f);
    float y = fmaf(p * r, r, r) + 1.0f;
    uint32_t exponent = float_bits(shifted) - float_bits(round) + 256u, half = exponent >> 1;
    float low = float_from_bits((half - 1u) << 23), high = float_from_bits((exponent - half - 1u) << 23);
    return y * low * high;
}

/* ln x = e ln 2 + ln m, m in [2/3, 4/3), f = m - 1, ln(1 + f) = f - f^2/2 + f^3 P(f).
   Subnormals are scaled up by 2^23 first. Subtracting the bits of 2/3 makes the exponent field count from there. */
static inline float log_inline(float x) {
    float scaled = x < 0x1p-126f ? x * 0x1p23f : x, bias = x < 0x1p-126f ? -23.0f : 0.0f;
    uint32_t offset = float_bits(scaled) - 0x3f2aaaabu;
    float e = (float)(int32_t)((offset + 0x40000000u) >> 23) - 128.0f + bias;
    float f = float_from_bits((offset & 0x007fffffu) + 0x3f2aaaabu) - 1.0f;
    float p = 0x1.ec3e2ap-4f;
    p = fmaf(p, f, -0x1.07462p-3f);
    p = fmaf(p, f, 0x1.b864e8p-4f);
    p = fmaf(p, f, -0x1.f3748p-4f);
    p = fmaf(p, f, 0x1.24f586p-3f);
    p = fmaf(p, f, -0x1.5599b2p-3f);
    p = fmaf(p, f, 0x1.999776p-3f);
    p = fmaf(p, f, -0x1.ffff0cp-3f);
    p = fmaf(p, f, 0x1.555556p-2f);
    p = fmaf(p, f, -0.5f);
    float y = fmaf(p, f * f, fmaf(e, 0x1.7f7d1cp-20f, f));
    y = fmaf(e, 0x1.62e4p-1f, y);
    y = x == 0.0f ? -INFINITY : y;
    y = x < 0.0f ? float_from_bits(0x7fc00000u) : y;
    return x < INFINITY ? y : x + x; /* infinity and NaN give themselves */
}

/* |x| < 0.62: x + x^3 P(x^2), else 1 - 2 / (e^2|x| + 1), with the sign of x. */
static inline float tanh_inline(float x) {
    float z = x * x, t = magnitude(x);
    float p = 0x1.1b143ep-9f;
    p = fmaf(p, z, -0x1.0c8882p-7f);
    p = fmaf(p, z, 0x1.63a7eap-6f);
    p = fmaf(p, z, -0x1.b9f10cp-5f);
    p = fmaf(p, z, 0x1.111072p-3f);
    p = fmaf(p, z, -0x1.555554p-2f);
    float near = fmaf(p * z, t, t);
    float far = 1.0f - 2.0f / (exp_inline(2.0f * t) + 1.0f);
    return with_sign_of(t < 0.62f ? near : far, x);
}

/* 1 / (1 + e^-x), from e = e^-|x| <= 1 on either side, so that the small tail keeps its digits. */
static inline float sigmoid_inline(float x) {
    float e = exp_inline(-magnitude(x));
    return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

/* |x| < 0.921875: x + x P(x^2), else 1 - exp(-t Q(t)), t = |x| up to 3.95, from where on erf is 1 in binary32. */
static inline float erf_inline(float x) {
    float z = x * x, t = magnitude(x);
    float p = 0x1.5f1144p-14f;
    p = fmaf(p, z, -0x1.aae986p-11f);
    p = fmaf(p, z, 0x1.54dad8p-8f);
    p = fmaf(p, z, -0x1.b8107cp-6f);
    p = fmaf(p, z, 0x1.ce2e2p-4f);
    p = fmaf(p, z, -0x1.812744p-2f);
    p = fmaf(p, z, 0x1.06eba8p-3f);
    float near = fmaf(p, t, t);
    float u = t > 3.95f ? 3.95f : t;
    float q = 0x1.7b4978p-17f;
    q = fmaf(q, u, -0x1.53324p-12f);
    q = fmaf(q, u, 0x1.ddcf54p-9f);
    q = fmaf(q, u, -0x1.856b64p-6f);
    q = fmaf(q, u, 0x1.b32d02p-4f);
    q = fmaf(q, u, 0x1.4531fcp-1f);
    q = fmaf(q, u, 0x1.20ef2ep+0f);
    float far = 1.0f - exp_inline(-u * q);
    return with_sign_of(t < 0.921875f ? near : far, x);
}

/* The activations built on them. The selects keep the product of an infinity and a zero from making a NaN. */
static inline float silu_inline(float x) { return (x < -200.0f ? -200.0f : x) * sigmoid_inline(x); }

static inline float normal_cdf_inline(float x) { return fmaf(0.5f, erf_inline(x * 0x1.6a09e6p-1f), 0.5f); }

static inline float gelu_inline(float x) { return (x < -200.0f ? -200.0f : x) * normal_cdf_inline(x); }

/* Slopes: of tanh and sigmoid from their value y, of the others from x. */
static inline float tanh_slope_inline(float y) { return fmaf(-y, y, 1.0f); }

static inline float sigmoid_slope_inline(float y) { return y * (1.0f - y); }

static inline float silu_slope_inline(float x) {
    float s = sigmoid_inline(x), c = magnitude(x) > 200.0f ? 0.0f : x * (1.0f - s);
    return fmaf(s, c, s);
}

static inline float gelu_slope_inline(float x) {
    float c = magnitude(x) > 200.0f ? 0.0f : x; /* the density at 200 is zero, and so is the product */
    return fmaf(c * 0x1.988454p-2f, exp_inline(-0.5f * c * c), normal_cdf_inline(x));
}

#endif
