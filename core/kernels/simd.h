/* One vector type of 16 float lanes, written once for each instruction set: kernels are written on it and compiled
 * for all.
 *
 *     AVX-512  one 512-bit register        AVX2  two of 256        NEON  four of 128        plain C  an array, fmaf
 *
 * Every function is exactly the scalar operation on each lane, so all instruction sets give the same bits. Partial
 * loads touch only the first n lanes (the others read as zero); partial stores write only them. where_positive(n, x) is
 * x where n > 0 or n is NaN, else 0: a ReLU is where_positive(x, x). where_equal(a, b, x) is x where a == b, else 0;
 * where_better(a, b, x, y) is x where a > b or a is NaN, else y. transpose makes lane l of
 * vector v lane v of vector l.
 */
#ifndef DA_CORE_KERNELS_SIMD_H
#define DA_CORE_KERNELS_SIMD_H

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { V16_LANES = 16 };
#define V16_INLINE static inline __attribute__((always_inline))

/* Loops of constant length inside kernels are written out, but for sanitizers, whose checks make that code huge, and in
   plain C, where the lanes are loops themselves and registers hold none of it. */
#if defined(DA_SANITIZED) || defined(DA_VARIANT_portable)
#define V16_UNROLL
#elif defined(__clang__)
#define V16_UNROLL _Pragma("clang loop unroll(full)")
#else
#define V16_UNROLL _Pragma("GCC unroll 32")
#endif

#if defined(DA_VARIANT_avx512)
#include <immintrin.h>
typedef __m512 v16;
V16_INLINE v16  v16_zero(void)                            { return _mm512_setzero_ps(); }
V16_INLINE v16  v16_broadcast(float x)                    { return _mm512_set1_ps(x); }
V16_INLINE v16  v16_load(const float *p)                  { return _mm512_loadu_ps(p); }
V16_INLINE void v16_store(float *p, v16 x)                { _mm512_storeu_ps(p, x); }
V16_INLINE v16  v16_load_part(const float *p, int n) { return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p); }
V16_INLINE void v16_store_part(float *p, v16 x, int n)    { _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), x); }
V16_INLINE v16  v16_fma(v16 a, v16 b, v16 c)              { return _mm512_fmadd_ps(a, b, c); }
/* Here alone: four numbers, repeated in each quarter; and number j of them in all lanes. */
V16_INLINE v16  v16_quad(const float *p)                  { return _mm512_broadcast_f32x4(_mm_loadu_ps(p)); }
#define v16_spread(quad, j) ((j) == 0 ? _mm512_permute_ps(quad, 0x00) : (j) == 1 ? _mm512_permute_ps(quad, 0x55) \
                           : (j) == 2 ? _mm512_permute_ps(quad, 0xaa) : _mm512_permute_ps(quad, 0xff))
V16_INLINE v16  v16_add(v16 a, v16 b)                     { return _mm512_add_ps(a, b); }
V16_INLINE v16  v16_sub(v16 a, v16 b)                     { return _mm512_sub_ps(a, b); }
V16_INLINE v16  v16_mul(v16 a, v16 b)                     { return _mm512_mul_ps(a, b); }
V16_INLINE v16  v16_where_positive(v16 n, v16 x) {
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(n, _mm512_setzero_ps(), _CMP_NLE_UQ), x);
}
V16_INLINE v16  v16_where_equal(v16 a, v16 b, v16 x) {
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ), x);
}
V16_INLINE v16  v16_where_better(v16 a, v16 b, v16 x, v16 y) {
    return _mm512_mask_mov_ps(y, _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ) | _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), x);
}
/* Within each quarter of four lanes by unpacking, then the quarters as a 4 x 4 matrix. */
V16_INLINE void v16_transpose(v16 r[16]) {
    v16 t[16];
    V16_UNROLL for (int i = 0; i < 16; i += 4) {
        const __m512d a = _mm512_castps_pd(_mm512_unpacklo_ps(r[i], r[i + 1])),
            b = _mm512_castps_pd(_mm512_unpacklo_ps(r[i + 2], r[i + 3])),
            c = _mm512_castps_pd(_mm512_unpackhi_ps(r[i], r[i + 1])),
            d = _mm512_castps_pd(_mm512_unpackhi_ps(r[i + 2], r[i + 3]));
        t[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b)), t[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
        t[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(c, d)), t[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(c, d));
    }
    V16_UNROLL for (int i = 0; i < 4; i++) {
        const v16 a = _mm512_shuffle_f32x4(t[i], t[i + 4], 0x88), b = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0x88),
            c = _mm512_shuffle_f32x4(t[i], t[i + 4], 0xdd), d = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0xdd);
        r[i] = _mm512_shuffle_f32x4(a, b, 0x88), r[i + 4] = _mm512_shuffle_f32x4(c, d, 0x88);
        r[i + 8] = _mm512_shuffle_f32x4(a, b, 0xdd), r[i + 12] = _mm512_shuffle_f32x4(c, d, 0xdd);
    }
}

#elif defined(DA_VARIANT_avx2)
#include <immintrin.h>
typedef struct v16 { __m256 lo, hi; } v16;
V16_INLINE v16 v16_of_(__m256 lo, __m256 hi)              { v16 v = { lo, hi }; return v; }
V16_INLINE v16  v16_zero(void)                            { return v16_of_(_mm256_setzero_ps(), _mm256_setzero_ps()); }
V16_INLINE v16  v16_broadcast(float x)                    { __m256 v = _mm256_set1_ps(x); return v16_of_(v, v); }
V16_INLINE v16  v16_load(const float *p) { return v16_of_(_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)); }
V16_INLINE void v16_store(float *p, v16 x)                { _mm256_storeu_ps(p, x.lo); _mm256_storeu_ps(p + 8, x.hi); }
V16_INLINE __m256i v16_mask_(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
V16_INLINE v16  v16_load_part(const float *p, int n) {
    return v16_of_(_mm256_maskload_ps(p, v16_mask_(n)),
                   n > 8 ? _mm256_maskload_ps(p + 8, v16_mask_(n - 8)) : _mm256_setzero_ps());
}
V16_INLINE void v16_store_part(float *p, v16 x, int n) {
    _mm256_maskstore_ps(p, v16_mask_(n), x.lo);
    if (n > 8) _mm256_maskstore_ps(p + 8, v16_mask_(n - 8), x.hi);
}
V16_INLINE v16  v16_fma(v16 a, v16 b, v16 c) {
    return v16_of_(_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi));
}
V16_INLINE v16  v16_add(v16 a, v16 b)        { return v16_of_(_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)); }
V16_INLINE v16  v16_sub(v16 a, v16 b)        { return v16_of_(_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)); }
V16_INLINE v16  v16_mul(v16 a, v16 b)        { return v16_of_(_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)); }
V16_INLINE v16  v16_where_positive(v16 n, v16 x) {
    const __m256 zero = _mm256_setzero_ps();
    return v16_of_(_mm256_and_ps(_mm256_cmp_ps(n.lo, zero, _CMP_NLE_UQ), x.lo),
                   _mm256_and_ps(_mm256_cmp_ps(n.hi, zero, _CMP_NLE_UQ), x.hi));
}
V16_INLINE v16  v16_where_equal(v16 a, v16 b, v16 x) {
    return v16_of_(_mm256_and_ps(_mm256_cmp_ps(a.lo, b.lo, _CMP_EQ_OQ), x.lo),
                   _mm256_and_ps(_mm256_cmp_ps(a.hi, b.hi, _CMP_EQ_OQ), x.hi));
}
V16_INLINE __m256 v16_better_(__m256 a, __m256 b) {
    return _mm256_or_ps(_mm256_cmp_ps(a, b, _CMP_GT_OQ), _mm256_cmp_ps(a, a, _CMP_UNORD_Q));
}
V16_INLINE v16  v16_where_better(v16 a, v16 b, v16 x, v16 y) {
    return v16_of_(_mm256_blendv_ps(y.lo, x.lo, v16_better_(a.lo, b.lo)),
                   _mm256_blendv_ps(y.hi, x.hi, v16_better_(a.hi, b.hi)));
}
/* Eight vectors of eight. */
V16_INLINE void v16_transpose8_(__m256 r[8]) {
    __m256 t[8];
    V16_UNROLL for (int i = 0; i < 8; i += 4) {
        const __m256 a = _mm256_unpacklo_ps(r[i], r[i + 1]), b = _mm256_unpacklo_ps(r[i + 2], r[i + 3]),
            c = _mm256_unpackhi_ps(r[i], r[i + 1]), d = _mm256_unpackhi_ps(r[i + 2], r[i + 3]);
        t[i] = _mm256_shuffle_ps(a, b, 0x44), t[i + 1] = _mm256_shuffle_ps(a, b, 0xee);
        t[i + 2] = _mm256_shuffle_ps(c, d, 0x44), t[i + 3] = _mm256_shuffle_ps(c, d, 0xee);
    }
    V16_UNROLL for (int i = 0; i < 4; i++) {
        r[i] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x20);
        r[i + 4] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x31);
    }
}
V16_INLINE void v16_transpose(v16 r[16]) {
    __m256 quarter[2][2][8]; /* [rows][columns] */
    V16_UNROLL for (int i = 0; i < 16; i++) {
        quarter[i / 8][0][i % 8] = r[i].lo;
        quarter[i / 8][1][i % 8] = r[i].hi;
    }
    V16_UNROLL for (int i = 0; i < 4; i++) v16_transpose8_(quarter[i / 2][i % 2]);
    V16_UNROLL for (int i = 0; i < 16; i++) r[i] = v16_of_(quarter[0][i / 8][i % 8], quarter[1][i / 8][i % 8]);
}

#else
#if defined(DA_VARIANT_neon)
#include <arm_neon.h>
typedef struct v16 { float32x4_t q[4]; } v16;
#define V16_EACH_(expression) v16 r_; V16_UNROLL for (int i = 0; i < 4; i++) r_.q[i] = (expression); return r_
V16_INLINE v16  v16_zero(void)               { V16_EACH_(vdupq_n_f32(0.0f)); }
V16_INLINE v16  v16_broadcast(float x)       { V16_EACH_(vdupq_n_f32(x)); }
V16_INLINE v16  v16_load(const float *p)     { V16_EACH_(vld1q_f32(p + 4 * i)); }
V16_INLINE void v16_store(float *p, v16 x)   { V16_UNROLL for (int i = 0; i < 4; i++) vst1q_f32(p + 4 * i, x.q[i]); }
V16_INLINE v16  v16_fma(v16 a, v16 b, v16 c) { V16_EACH_(vfmaq_f32(c.q[i], a.q[i], b.q[i])); }
V16_INLINE v16  v16_add(v16 a, v16 b)        { V16_EACH_(vaddq_f32(a.q[i], b.q[i])); }
V16_INLINE v16  v16_sub(v16 a, v16 b)        { V16_EACH_(vsubq_f32(a.q[i], b.q[i])); }
V16_INLINE v16  v16_mul(v16 a, v16 b)        { V16_EACH_(vmulq_f32(a.q[i], b.q[i])); }
V16_INLINE v16  v16_where_positive(v16 n, v16 x) {
    V16_EACH_(vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(x.q[i]), vcleq_f32(n.q[i], vdupq_n_f32(0.0f)))));
}
V16_INLINE v16  v16_where_equal(v16 a, v16 b, v16 x) {
    V16_EACH_(vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(x.q[i]), vceqq_f32(a.q[i], b.q[i]))));
}
V16_INLINE v16  v16_where_better(v16 a, v16 b, v16 x, v16 y) {
    V16_EACH_(vbslq_f32(vorrq_u32(vcgtq_f32(a.q[i], b.q[i]), vmvnq_u32(vceqq_f32(a.q[i], a.q[i]))), x.q[i], y.q[i]));
}
#else
typedef struct v16 { float x[16]; } v16;
#define V16_EACH_(expression) v16 r_; for (int i = 0; i < 16; i++) r_.x[i] = (expression); return r_
V16_INLINE v16  v16_zero(void)               { V16_EACH_(0.0f); }
V16_INLINE v16  v16_broadcast(float x)       { V16_EACH_(x); }
V16_INLINE v16  v16_load(const float *p)     { v16 r; memcpy(&r, p, sizeof r); return r; }
V16_INLINE void v16_store(float *p, v16 x)   { memcpy(p, &x, sizeof x); }
V16_INLINE v16  v16_fma(v16 a, v16 b, v16 c) { V16_EACH_(fmaf(a.x[i], b.x[i], c.x[i])); }
V16_INLINE v16  v16_add(v16 a, v16 b)        { V16_EACH_(a.x[i] + b.x[i]); }
V16_INLINE v16  v16_sub(v16 a, v16 b)        { V16_EACH_(a.x[i] - b.x[i]); }
V16_INLINE v16  v16_mul(v16 a, v16 b)        { V16_EACH_(a.x[i] * b.x[i]); }
V16_INLINE v16  v16_where_positive(v16 n, v16 x) { V16_EACH_(n.x[i] <= 0.0f ? 0.0f : x.x[i]); }
V16_INLINE v16  v16_where_equal(v16 a, v16 b, v16 x) { V16_EACH_(a.x[i] == b.x[i] ? x.x[i] : 0.0f); }
V16_INLINE v16  v16_where_better(v16 a, v16 b, v16 x, v16 y) {
    V16_EACH_(a.x[i] > b.x[i] || a.x[i] != a.x[i] ? x.x[i] : y.x[i]);
}
#endif
V16_INLINE v16 v16_load_part(const float *p, int n) {
    float lanes[16] = { 0 };
    memcpy(lanes, p, (size_t)n * sizeof *p);
    return v16_load(lanes);
}
V16_INLINE void v16_store_part(float *p, v16 x, int n) {
    float lanes[16];
    v16_store(lanes, x);
    memcpy(p, lanes, (size_t)n * sizeof *p);
}
V16_INLINE void v16_transpose(v16 r[16]) {
    float from[16][16], to[16][16];
    for (int i = 0; i < 16; i++) v16_store(from[i], r[i]);
    for (int i = 0; i < 16; i++)
        for (int l = 0; l < 16; l++) to[l][i] = from[i][l];
    for (int i = 0; i < 16; i++) r[i] = v16_load(to[i]);
}
#endif

/* The first n lanes, in one go where that is all of them. */
V16_INLINE v16 v16_load_lanes(const float *p, int n) { return n == V16_LANES ? v16_load(p) : v16_load_part(p, n); }
V16_INLINE void v16_store_lanes(float *p, v16 x, int n) {
    if (n == V16_LANES) v16_store(p, x);
    else v16_store_part(p, x, n);
}

#endif
