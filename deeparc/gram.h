/* The Gram matrix of a batch of features, G = X X^T, in double.
 *
 *     gram[i][j] = sum over k, ascending, of (double)x[i][k] * (double)x[j][k]        for i <= j
 *
 * The product of two binary32 numbers is exact in binary64 (24 + 24 bits of 53), so a fused multiply-add and a
 * multiplication followed by an addition give the same bits, and one chain a pair leaves nothing to the compiler, the
 * instruction set or the number of threads. The error is that of the additions alone: relative to sum |x y| at most
 * width 2^-53, 2e-12 for 16384 features.
 */
#ifndef DA_DEEPARC_GRAM_H
#define DA_DEEPARC_GRAM_H

#include <stdint.h>

/* Rows of a gram start `stride` elements apart; the stride for n samples, and elements to allocate: stride * stride. */
int64_t dai_gram_stride(int64_t samples);

/* features: samples x width, row-major. Fills the upper triangle of gram, diagonal included; what lies below it or
   beyond column `samples` is scratch. */
void dai_gram(double *gram, const float *features, int64_t samples, int64_t width);

/* The same in three loops: what dai_gram must equal bit for bit. */
void dai_gram_reference(double *gram, const float *features, int64_t samples, int64_t width);

/* The Gram of features less their means over the batch, for what does not change when a feature is shifted (all of
   CKA), at the speed of the contraction kernels:

       gram[i][j] = sum over panels p of 256 features, ascending, in double, of
                        one chain of fmaf in binary32 over k in p of (x[i][k] - mean[k]) * (x[j][k] - mean[k])

   means are taken in double and rounded. Means gone, the terms have either sign, and a chain of 256 adds an error of
   about 1e-7 of its length, independent from entry to entry; panels and pairs average it, so that CKA differs from
   that of an all-double Gram by some 1e-8. Features whose squares binary32 cannot hold are scaled by a power of two,
   and the Gram is scaled back. scratch: dai_gram_centred_scratch(samples) floats: 8 MiB for 256 samples, 80 for 1024. */
typedef enum da_gram_state { DA_GRAM_FINE, DA_GRAM_ZERO, DA_GRAM_NOT_FINITE } da_gram_state; /* of all features */
int64_t       dai_gram_centred_scratch(int64_t samples);
da_gram_state dai_gram_centred(double *gram, float *scratch, const float *features, int64_t samples, int64_t width);
/* The same in plain loops, unscaled; at most 256 samples. */
void          dai_gram_centred_reference(double *gram, const float *features, int64_t samples, int64_t width);

/* In place, upper triangles: |x_i - x_j|^2 = G_ii + G_jj - 2 G_ij, exactly 0 for equal samples and never below; its
   roots; exp(-d^2 / (2 sigma^2)) with sigma = fraction x the median of the distances d_ij, i < j (of an even number the
   lower middle one). With sigma 0, when most samples are equal, equal samples have 1 and others 0: the limit. scratch:
   n (n - 1) / 2 numbers. */
void dai_gram_to_squared_distances(double *gram, int64_t n);
void dai_squared_distances_to_distances(double *squared, int64_t n);
void dai_squared_distances_to_rbf(double *squared, int64_t n, double fraction, double *scratch);

/* The sum of a[i] b[i], on eight lanes and a fixed halving tree. */
double dai_dot(const double *a, const double *b, int64_t count);

#endif
