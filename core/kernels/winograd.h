/* Winograd's minimal filtering for 3x3 convolutions of stride 1: fewer multiplications for more additions.
 *
 *     image, framed with zeros          points                       points                     output
 *     ┌──────┬ ─ ─                      ┌──┐                         ┌──┐
 *     │ tile │      input transform     │V │ p: tiles x C            │M │ p: tiles x K   output transform  ┌────┐
 *     │ + 2  │     ────────────────▶    └──┘   times U[p]: C x K  ▶  └──┘               ───────────────▶   │tile│
 *     └──────┴ ─ ─   V = B' d B         (tile+2)^2 of them           (tile+2)^2 of them    Y = A' M A       └────┘
 *
 * A tile of tile x tile outputs needs (tile + 2)^2 inputs; tiles overlap by two. Transformed, the convolution is one
 * product a point: (tile + 2)^2 multiplications an output tile and channel pair instead of 9 tile^2. That is 2.25
 * times fewer for tile 2, 4 times fewer for tile 4. (S. Winograd, "Arithmetic complexity of computations", 1980;
 * A. Lavin and S. Gray, "Fast algorithms for convolutional neural networks", CVPR 2016, section 4.)
 *
 * A transform evaluates or interpolates polynomials at points: 0, 1, -1, infinity for tile 2; 0, a, -a, b, -b,
 * infinity for tile 4. The usual a = 1, b = 2 loses twice the accuracy of a = 5/8, b = 3/2, which are used here: the
 * powers of both stay near 1, and all constants of B and A are exact in binary32. Only those of G are rounded.
 *
 * The bits. Every transform works on single numbers (a channel is a lane) and is the one-dimensional transform below,
 * applied twice: input, weights and gradient to the columns first, then to the rows; output and weights' gradient to
 * the rows first, then to the columns. x*y+z is one fma, everything else rounds by itself; brackets say the order.
 *
 *     tile 2   input     v0 = d0-d2   v1 = d1+d2   v2 = d2-d1   v3 = d1-d3
 *              weights   u0 = g0   e = (g0+g2)*0.5   u1 = g1*0.5+e   u2 = g1*-0.5+e   u3 = g2
 *              output    s = m1+m2   d = m1-m2   y0 = m0+s   y1 = d-m3
 *              gradient  z0 = y0   z1 = y0+y1   z2 = y0-y1   z3 = 0-y1
 *              weights'  s = u1+u2   d = u1-u2   g0 = s*0.5+u0   g1 = d*0.5   g2 = s*0.5+u3
 *     tile 4   input     v0 = d0*aabb+(d2*-(aa+bb)+d4)        v5 = d1*aabb+(d3*-(aa+bb)+d5)
 *                        e = d2*-bb+d4   o = d1*-bb+d3        v1 = o*a+e   v2 = o*-a+e
 *                        e = d2*-aa+d4   o = d1*-aa+d3        v3 = o*b+e   v4 = o*-b+e
 *              weights   u0 = g0*P0     u5 = g2
 *                        e = g2*A2+(g0*A0)                    u1 = g1*A1+e   u2 = g1*-A1+e
 *                        e = g2*B2+(g0*B0)                    u3 = g1*B1+e   u4 = g1*-B1+e
 *              output    s = m1+m2   d = m1-m2   t = m3+m4   f = m3-m4
 *                        y0 = m0+(s+t)   y1 = d*a+(f*b)   y2 = s*aa+(t*bb)   y3 = d*aaa+(f*bbb+m5)
 *              gradient  z0 = y0   z5 = y3
 *                        e = y2*aa+y0   o = y3*aaa+(y1*a)     z1 = e+o   z2 = e-o
 *                        e = y2*bb+y0   o = y3*bbb+(y1*b)     z3 = e+o   z4 = e-o
 *              weights'  s, d, t, f of u1..u4 as in output
 *                        g0 = u0*P0+(s*A0+(t*B0))   g1 = d*A1+(f*B1)   g2 = s*A2+(t*B2+u5)
 *
 * The product of a point is one chain from zero, fma over channels ascending. The bias is added to the finished output.
 * Infinities and NaN poison the whole tile they touch, as NaN mostly (inf - inf), not only the outputs they reach in a
 * direct convolution.
 *
 * Accuracy, against a convolution in double, for normal inputs and He-initialised weights, as a share of the outputs'
 * root mean square: DAI_WINOGRAD_ERROR below.
 */
#ifndef DA_CORE_KERNELS_WINOGRAD_H
#define DA_CORE_KERNELS_WINOGRAD_H

#include "core/kernels/ahead.h"
#include "core/kernels/channels.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct da_kernels da_kernels; /* whose contraction and transforms are used: kernels.h */

/* The worst error among 10^5 results is below this; `length` is that of the product's chain: C forward, K backward
   data, the tiles of a slice for the weights' gradient. Why: n roundings of a sum that grows like a random walk err by
   about 0.3 x 2^-24 sqrt(n) of its spread. An output joins such chains with weights that make 1.7 (tile 2) or, in its
   worst corner, 8.2 (tile 4) of that: for each axis the root of the sum over points of A^2 |G row|^2 |B row|^2 / 3.
   The worst of 10^5 normal numbers is 4.4 deviations: 2.2 and 11. The transforms' own roundings do not depend on n:
   the 16. The rest, a factor near 4, is margin; measured are up to 4 and 20, where direct convolution has 10. */
#define DAI_WINOGRAD_ERROR(tile, length) (((tile) == 2 ? 8 : 40) * sqrt((double)(length) + 16) / 16777216)

/* Tile 4: the constants of the transforms above. */
#define WINOGRAD_A    0.625f      /* a        */
#define WINOGRAD_B    1.5f        /* b        */
#define WINOGRAD_AA   0.390625f   /* a^2      */
#define WINOGRAD_BB   2.25f       /* b^2      */
#define WINOGRAD_AAA  0.244140625f
#define WINOGRAD_BBB  3.375f
#define WINOGRAD_SUM  2.640625f   /* a^2 + b^2 */
#define WINOGRAD_AABB 0.87890625f /* a^2 b^2   */
/* 1 / product of the differences to the other points, times the powers 0, 1, 2 of the point; rounded to binary32 */
#define WINOGRAD_P0   ((float)(256.0 / 225))
#define WINOGRAD_A0   ((float)(-8192.0 / 11900))   /* 1 / (2 a^2 (a^2 - b^2)) */
#define WINOGRAD_A1   ((float)(-5120.0 / 11900))
#define WINOGRAD_A2   ((float)(-3200.0 / 11900))
#define WINOGRAD_B0   ((float)(128.0 / 1071))      /* 1 / (2 b^2 (b^2 - a^2)) */
#define WINOGRAD_B1   ((float)(192.0 / 1071))
#define WINOGRAD_B2   ((float)(288.0 / 1071))

/* A run of images, done by one worker: `images` of height x width x c, framed with zeros already, to oh x ow x k. The
   frame holds everything the tiles read: height = dai_winograd_frame(tile, oh), width likewise of ow; the numbers beyond
   the padding that whole tiles need are zeros too. */
typedef struct dai_winograd {
    int tile; /* 2 or 4 */
    int64_t images, height, width, c, k, oh, ow;
    dai_ahead *ahead; /* asked for meanwhile; NULL: nothing */
    const da_channel_affine *affine; /* done to finished outputs behind the bias; its add lies as y; NULL: nothing */
} dai_winograd;

static inline int64_t dai_winograd_points(int tile) { return (tile + 2) * (tile + 2); }
static inline int64_t dai_winograd_frame(int tile, int64_t output) { return (output + tile - 1) / tile * tile + 2; }
/* Transformed weights are points x C x K, the points this far apart: a cache line more than they need and never a power
   of two, so that the same weight of all points does not fall into one set of the cache. */
static inline int64_t dai_winograd_weight_stride(int64_t c, int64_t k) { return (c * k + 31) / 16 * 16; }
static inline int64_t dai_winograd_weight_floats(int tile, int64_t c, int64_t k) {
    return dai_winograd_points(tile) * dai_winograd_weight_stride(c, k);
}

/* u (points C K) from w (3 3 C K). Runs in parallel; call it outside of parallel loops. */
void dai_winograd_transform_weights(const da_kernels *kernels, int tile, int64_t c, int64_t k, const float *w,
                                    float *u);
/* u (points K C) for backward data: w turned by 180 degrees and transposed. Backward data is then dai_winograd_images
   with c and k exchanged, on dy framed with 2 - padding zeros above and left. */
void dai_winograd_transform_turned_weights(const da_kernels *kernels, int tile, int64_t c, int64_t k, const float *w,
                                           float *u);

/* y (images oh ow K) = framed (images height width C) convolved with u, plus bias (K values) unless NULL. */
void    dai_winograd_images(const da_kernels *kernels, const dai_winograd *run, const float *framed, const float *u,
                            const float *bias, float *y, float *scratch);
/* Backward weights, slice by slice: sums (points C K, laid out as transformed weights) from framed and dy (images oh ow
   K). The chain of a sum runs over images and tiles in order; it starts from zero, or goes on where `accumulate`. */
void    dai_winograd_gradient(const da_kernels *kernels, const dai_winograd *run, const float *framed, const float *dy,
                              bool accumulate, float *sums, float *scratch);
/* dw (3 3 C K) from the sums of all slices, dai_winograd_weight_floats apart: added in order, from the first on, then
   transformed. Runs in parallel. */
void    dai_winograd_collect_gradient(const da_kernels *kernels, int tile, int64_t c, int64_t k, int64_t slices,
                                      const float *sums, float *dw);
/* Floats that a run of images needs, in either direction; no more for many images than for one group of tiles. */
int64_t dai_winograd_scratch(const dai_winograd *run);
int64_t dai_winograd_products(const dai_winograd *run); /* contractions of a run */

/* The transforms of tiles first..first+count-1 of a run (numbered image by image, row by row), once per instruction
   set. v and m are (point, tile, channel), the points `stride` floats apart. */
typedef struct dai_winograd_transforms {
    /* `count` neighbouring weights; taps and points lie w_stride and u_stride apart */
    void (*weights)(int tile, int64_t count, const float *w, int64_t w_stride, float *u, int64_t u_stride);
    void (*input)(const dai_winograd *run, int64_t first, int64_t count, const float *framed, float *v, int64_t stride);
    void (*output)(const dai_winograd *run, int64_t first, int64_t count, const float *m, int64_t stride,
                   const float *bias, float *y);
    /* z = A dy A': (point, tile, channel) as v */
    void (*gradient)(const dai_winograd *run, int64_t first, int64_t count, const float *dy, float *z, int64_t stride);
    void (*collect)(int tile, int64_t count, int64_t slices, const float *sums, int64_t slice_stride, int64_t u_stride,
                    float *dw, int64_t w_stride);
} dai_winograd_transforms;

extern const dai_winograd_transforms dai_winograd_portable, dai_winograd_avx2, dai_winograd_avx512, dai_winograd_neon;

/* The plain loops that define the bits. */
void dai_winograd_transform_weights_reference(int tile, int64_t c, int64_t k, const float *w, float *u);
void dai_winograd_transform_turned_weights_reference(int tile, int64_t c, int64_t k, const float *w, float *u);
void dai_winograd_images_reference(const dai_winograd *run, const float *framed, const float *u, const float *bias,
                                   float *y, float *scratch);
void dai_winograd_gradient_reference(const dai_winograd *run, const float *framed, const float *dy, bool accumulate,
                                     float *sums, float *scratch);
void dai_winograd_collect_gradient_reference(int tile, int64_t c, int64_t k, int64_t slices, const float *sums,
                                             float *dw);

#endif
