/* The nuclear norm of a product of two factors.
 *
 *     A'B  (m x k, m >= k)   ──reflections left and right──>   | d0 e0       |      singular values s of it are the
 *                                                              |    d1 e1    |      eigenvalues +s, -s of the symmetric
 *                                                              |       d2 .. |      tridiagonal matrix with diagonal 0
 *                                                                                   and d0 e0 d1 e1 d2 .. beside it
 */
#include "deeparc/procrustes.h"
#include "deeparc/gram.h"

#include <math.h>
#include <string.h>

enum { MOST_SWEEPS = 60 };
static const double LEAST_SHARE = 1e-12, ROUNDING = 1e-14;

static void subtract(double *to, double factor, const double *from, int64_t count) {
    for (int64_t i = 0; i < count; i++) to[i] -= factor * from[i];
}

/* ---- Factors ---- */

int64_t dai_procrustes_factor(double *factor, const double *gram, int64_t n, double raw_top, double *left) {
    int64_t stride = dai_gram_stride(n), columns = 0;
    double least = 0;
    for (int64_t i = 0; i < n; i++) left[i] = gram[i * stride + i]; /* what the columns so far leave of the diagonal */
    for (; columns < n; columns++) {
        double *column = factor + columns * n;
        int64_t pivot = 0;
        for (int64_t i = 1; i < n; i++)
            if (left[i] > left[pivot]) pivot = i;
        if (columns == 0) least = LEAST_SHARE * left[pivot] + ROUNDING * raw_top;
        if (!(left[pivot] > least)) break;
        for (int64_t i = 0; i < n; i++) column[i] = i < pivot ? gram[i * stride + pivot] : gram[pivot * stride + i];
        for (int64_t c = 0; c < columns; c++) subtract(column, factor[c * n + pivot], factor + c * n, n);
        double root = sqrt(left[pivot]);
        for (int64_t i = 0; i < n; i++) {
            column[i] = left[i] > 0 ? column[i] / root : 0; /* 0: a pivot of before, or nothing left */
            left[i] -= column[i] * column[i];
        }
        column[pivot] = root;
        left[pivot] = 0;
    }
    return columns;
}

/* ---- Singular values ---- */

/* Turns v into the vector of a reflection 1 - scale v v' that makes (result, 0, 0, ...) of what v was. */
static double reflect(double *v, int64_t count, double *scale) {
    double norm = sqrt(dai_dot(v, v, count)), result = v[0] > 0 ? -norm : norm; /* the sign that cancels nothing */
    v[0] -= result;
    double length = dai_dot(v, v, count);
    *scale = length > 0 ? 2 / length : 0;
    return result;
}

/* m x k, rows `k` apart, m >= k, to a diagonal and what stands above it: beside[2 i], beside[2 i + 1]. */
static void bidiagonalise(double *matrix, int64_t m, int64_t k, double *beside, double *v, double *w) {
    double scale;
    for (int64_t c = 0; c < k; c++) {
        int64_t rows = m - c, columns = k - c - 1;
        for (int64_t i = 0; i < rows; i++) v[i] = matrix[(c + i) * k + c];
        beside[2 * c] = reflect(v, rows, &scale);
        beside[2 * c + 1] = 0;
        if (columns == 0) break;
        memset(w, 0, (size_t)columns * sizeof *w);
        for (int64_t i = 0; i < rows; i++) subtract(w, -v[i], matrix + (c + i) * k + c + 1, columns);
        for (int64_t i = 0; i < rows; i++) subtract(matrix + (c + i) * k + c + 1, scale * v[i], w, columns);
        memcpy(v, matrix + c * k + c + 1, (size_t)columns * sizeof *v);
        beside[2 * c + 1] = reflect(v, columns, &scale);
        for (int64_t i = c + 1; i < m; i++) {
            double *row = matrix + i * k + c + 1;
            subtract(row, scale * dai_dot(row, v, columns), v, columns);
        }
    }
}

/* One implicit QL step with Wilkinson's shift on rows first..last of the tridiagonal matrix. */
static void ql_step(double *diagonal, double *beside, int64_t first, int64_t last) {
    double g = (diagonal[first + 1] - diagonal[first]) / (2 * beside[first]), r = hypot(g, 1);
    double sine = 1, cosine = 1, shift = 0;
    g = diagonal[last] - diagonal[first] + beside[first] / (g + copysign(r, g));
    for (int64_t i = last - 1; i >= first; i--) {
        double f = sine * beside[i], b = cosine * beside[i];
        beside[i + 1] = r = hypot(f, g);
        if (r == 0) { /* it has split */
            diagonal[i + 1] -= shift;
            beside[last] = 0;
            return;
        }
        sine = f / r;
        cosine = g / r;
        g = diagonal[i + 1] - shift;
        r = (diagonal[i] - g) * sine + 2 * cosine * b;
        shift = sine * r;
        diagonal[i + 1] = g + shift;
        g = cosine * r - b;
    }
    diagonal[first] -= shift;
    beside[first] = g;
    beside[last] = 0;
}

/* Eigenvalues of the symmetric tridiagonal matrix, into diagonal; beside has room for as many numbers. */
static void find_eigenvalues(double *diagonal, double *beside, int64_t count) {
    double norm = 0;
    beside[count - 1] = 0;
    for (int64_t i = 0; i < count; i++) norm = fmax(norm, fabs(diagonal[i]) + fabs(beside[i]));
    for (int64_t first = 0; first < count; first++)
        for (int sweep = 0; sweep < MOST_SWEEPS; sweep++) {
            int64_t last = first;
            while (last < count - 1 && fabs(beside[last]) > 0x1p-53 * norm) last++;
            if (last == first) break;
            ql_step(diagonal, beside, first, last);
        }
}

int64_t dai_procrustes_scratch(int64_t n) { return n * n + 6 * n; }

double dai_procrustes_norm(const double *a, int64_t columns_a, const double *b, int64_t columns_b, int64_t n,
                           double *scratch) {
    if (columns_a < columns_b) return dai_procrustes_norm(b, columns_b, a, columns_a, n, scratch);
    if (columns_b == 0) return 0;
    double *product = scratch, *beside = product + n * n, *diagonal = beside + 2 * n, *v = diagonal + 2 * n, *w = v + n;
    for (int64_t i = 0; i < columns_a; i++)
        for (int64_t j = 0; j < columns_b; j++) product[i * columns_b + j] = dai_dot(a + i * n, b + j * n, n);
    bidiagonalise(product, columns_a, columns_b, beside, v, w);
    memset(diagonal, 0, (size_t)(2 * columns_b) * sizeof *diagonal);
    find_eigenvalues(diagonal, beside, 2 * columns_b);
    double sum = 0;
    for (int64_t i = 0; i < 2 * columns_b; i++) sum += fabs(diagonal[i]);
    return sum / 2;
}
