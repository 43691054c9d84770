/* The orthogonal Procrustes comparison of two layers, from their Gram matrices alone.
 *
 *     X: n x p, Y: n x q, columns of mean 0.    min over rotations Q of |X Q - Y|^2 = |X|^2 + |Y|^2 - 2 |X'Y|_*
 *
 *     K = H X X' H  ──pivoted Cholesky──>  A A'    |X'Y|_* = |A'B|_*     the nuclear norm: the sum of singular values,
 *     L = H Y Y' H  ──────────────────>    B B'                          since X = A U with U U' = 1, and Y = B V
 *
 * (Schoenemann 1966.) A has as many columns as the batch has samples at most, or as the layer has features, so a batch
 * of n samples costs O(n^2) numbers a layer whatever its width, and about 4 n^3 multiply-adds a pair.
 */
#ifndef DA_DEEPARC_PROCRUSTES_H
#define DA_DEEPARC_PROCRUSTES_H

#include <stdint.h>

/* factor: column c of A at factor + c * n. gram: the upper triangle of K as dai_gram lays it out; raw_top: the largest
   diagonal entry before centring, which says how large rounding errors are. Directions with less than 1e-12 of the
   largest diagonal entry, or less than rounding errors, are left out. scratch: n numbers. Returns the columns of A. */
int64_t dai_procrustes_factor(double *factor, const double *gram, int64_t n, double raw_top, double *scratch);

/* |A'B|_*: Householder bidiagonalisation, then implicit QL on its Golub-Kahan matrix (Golub and Van Loan, Matrix
   Computations, sections 5.4 and 8.3), so that small singular values keep an error of 1e-15 of the largest. */
int64_t dai_procrustes_scratch(int64_t n);
double  dai_procrustes_norm(const double *a, int64_t columns_a, const double *b, int64_t columns_b, int64_t n,
                            double *scratch);

#endif
