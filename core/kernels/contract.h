/* The contraction: the one inner loop behind matrix products, linear layers and all three passes of a convolution.
 *
 *     C(i, j) = start + sum over segments s, then over k, of  A_s(i, k) * B_s(k, j)
 *
 *     A_s(i, k) = a[segment.a + i * a_row + k * a_step]      one number, spread over the lanes
 *     B_s(k, j) = b[segment.b + k * b_step + j]              16 neighbours in j are one vector
 *     C(i, j)   = c[i * c_row + j]
 *
 * Gaps: the vectors of B or C may lie further apart than 16, by b_gap or c_gap; n is then a multiple of 16. Where 16
 * images are the lanes, a column of vectors is a pixel, and a pixel of 6 channels is 6 vectors: b_gap = 5 * 16.
 *
 *     j        0..15  16..31  32..47               b_gap 0, as in any matrix
 *     B        | v0   | v1    | v2    |
 *     B        | v0   |  5 other vectors  | v1   |  5 other vectors  | v2   |        b_gap 80
 *
 * A matrix product is one segment. A convolution's output row is m = W' pixels against n = K channels with one segment
 * a tap; its weight gradient is m = C against n = K with one segment an image row. The chain acc = fma(A, B, acc) runs
 * over segments and k in ascending order for every C(i, j) alone, so tiles and vector width cannot change a bit.
 *
 * A segment may leave out rows of C at the top and at the bottom, of which it is no term: where a tap lies beside the
 * image.
 *
 *     segment        0   1   2          three taps of a kernel row at an image's six pixels: 0 leaves out one row at
 *     row 0          .   x   x          the top, 2 one at the bottom
 *     rows 1..4      x   x   x
 *     row 5          x   x   .
 *
 * Bands: the whole is repeated with a and c moved on, so that B stays in the cache. Four rows of output of a
 * convolution, 32 pixels wide, 16 channels to 24, stride 1, are m = 32 and 4 bands, with a_band = 32 * 16 and c_band =
 * 32 * 24: 128 rows of C that use each weight.
 */
#ifndef DA_CORE_KERNELS_CONTRACT_H
#define DA_CORE_KERNELS_CONTRACT_H

#include "core/kernels/ahead.h"
#include "core/kernels/channels.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct da_segment {
    int64_t a, b, length;
    int64_t above, below; /* how many rows it leaves out */
} da_segment;

typedef struct da_contraction {
    int64_t m, n;
    const da_segment *segments;
    int64_t segment_count;
    da_segment *joined;             /* room for as many, if some leave rows out; else NULL */
    const float *a; int64_t a_row, a_step;
    const float *b; int64_t b_step;
    float *c;       int64_t c_row;
    int64_t b_gap, c_gap;            /* between the vectors of a row */
    int64_t bands, a_band, c_band;
    const float *bias;               /* start: n values, one a column, */
    const float *row_bias;           /* or m values, one a row; */
    bool accumulate;                 /* else C itself, or zero */
    const da_channel_affine *affine; /* done to finished numbers: a factor and an offset a column; add lies as c does */
    dai_ahead *ahead;                /* asked for meanwhile; may be NULL */
} da_contraction;

typedef void dai_contract(const da_contraction *problem);

#endif
