/* The kernel table: every routine that touches many numbers, once as a plain reference and once per instruction set.
 *
 *     reference          ten-line loops that define the bits (reference.c)
 *     portable           the fast algorithms in plain C
 *     avx2 avx512 neon   the same source on wider vectors (fast_*.c on simd.h)
 *
 * All give the same bits. The table is chosen once at start-up from what the CPU has; da_kernels_select overrides it.
 * A node of the graph keeps the table it was made with and hands it to the products, which ask nobody else.
 * Rules of the bits: a contraction is one chain acc = fma(a[k], b[k], acc), k ascending; a sum along a row uses 16
 * virtual lanes and a halving tree; sums over samples are cut into slices that depend on the shape alone.
 */
#ifndef DA_CORE_KERNELS_KERNELS_H
#define DA_CORE_KERNELS_KERNELS_H

#include "core/kernels/channels.h"
#include "core/kernels/contract.h"
#include "core/kernels/lanes.h"
#include "core/kernels/panels.h"
#include "core/kernels/pixels.h"
#include "core/kernels/update.h"
#include "core/kernels/winograd.h"
#include "core/status.h"
#include "core/unary.h"

#include <stdbool.h>
#include <stdint.h>

/* Here and not in pixels.h, which data sets' public headers include. */
#define DAI_DECLARE_PIXELS(variant) \
    void dai_pixels_##variant(const da_pixel_scale *scale, int64_t n, const uint8_t *x, float *y);

DAI_DECLARE_PIXELS(reference)
DAI_DECLARE_PIXELS(portable)
DAI_DECLARE_PIXELS(avx2)
DAI_DECLARE_PIXELS(avx512)
DAI_DECLARE_PIXELS(neon)
#undef DAI_DECLARE_PIXELS

/* C (m x n) = start + A (m x k) B (k x n). A is read at a[i * a_row + p * a_column], B at b[p * b_row + j * b_column],
   one of the two strides of each being 1; C is written at c[i * c_row + j]. start: `bias` (n values) if given, else C
   itself if accumulate, else zero. */
typedef struct da_matmul_problem {
    int64_t m, n, k;
    const float *a; int64_t a_row, a_column;
    const float *b; int64_t b_row, b_column;
    float *c; int64_t c_row;
    const float *bias;
    bool accumulate;
} da_matmul_problem;

/* Convolution of x (N H W C) with w (R S C/groups K) to y (N OH OW K). Taps that lie in the padding are no terms: they
   are left out. Order of the chains:
     forward            kernel row, kernel column, channel; from the bias or zero
     backward data      row of dy, column of dy, channel k, all ascending (so kernel rows and columns descending); where
                        there is no dy, and at taps that a stride leaves out, there are no terms
     backward weights   sample, row, column of dy; a chain a slice of the batch (da_conv_slices), slices added in
                        order */
typedef struct da_convolution {
    int64_t n, h, w, c, k, r, s, stride, padding, groups, oh, ow;
    int winograd; /* 0: directly, as above; 2 or 4: in tiles of that size, with the bits of winograd.h (3x3, stride 1, no
                     groups, padding up to 2) */
} da_convolution;

int64_t da_conv_slices(const da_convolution *conv);          /* depends on the shape alone */
static inline int64_t da_conv_multiply_adds(const da_convolution *v) {
    return v->n * v->oh * v->ow * v->k * v->r * v->s * (v->c / v->groups);
}

/* Where 16 images at a time are computed as the lanes of vectors (lanes.h), a source may make them so, and a sink may
   take them so. load_lanes: all rows of the images first..first+images-1; `lines` has room for one of their rows.
   done_lanes: the rows y..y+rows-1 (fewer at the end of an image), one behind the other, which it may overwrite. */
typedef void dai_load_lanes(const void *context, int64_t first, int images, float *to, float *lines);
typedef void dai_done_lanes(void *context, int64_t first, int images, int64_t y, float *rows);

/* A convolution takes what comes before it and after it along, so that no number goes through memory for their sake:
 *
 *     x ── loader ── convolution ── epilogue of a number ── y ── epilogue of images
 *
 *     part                    field          when                            who uses it
 *     loader                  x.load         a row enters the cache          normalisation put off by the layer before
 *                             dy.load                                        dz of a norm, or behind ReLU and pool
 *     epilogue of a number    affine         a sum leaves its register       inference: norm, shortcut, ReLU
 *                             base                                           a gradient added to others' contributions
 *     epilogue of images      sink.done      the cache holds whole images    training: moments of a norm; max pool
 *                             dx_sink.done                                   the sums that the norm before begins with
 *
 * reference.c computes the parts one after the other, which says what each means. */

/* Where a convolution's images come from: memory, or a function that makes one row of pixels (width x channels) at a
   time, so that a normalisation is applied while an image is copied into the cache and never goes through memory. */
typedef struct da_image_source {
    const float *values;                                           /* N images; NULL: load makes them */
    void (*load)(const void *context, int64_t row, float *to);     /* row of all rows: image * height + its row */
    const void *context;
    const float *reads[3];                                         /* arrays of the images' shape that load reads, so
                                                                      that they can be fetched ahead; the rest NULL */
    dai_load_lanes *load_lanes;                                    /* NULL: load makes rows, which are transposed */
} da_image_source;

/* Who sees finished images while they are in the cache: called once for every `group` of neighbouring images (the last
   may be smaller), by the thread that made them. images: count of OH OW K. */
typedef struct da_image_sink {
    int64_t group;
    void (*done)(void *context, int64_t first, int64_t count, float *images, int worker); /* NULL: nobody */
    void *context;
    int64_t rows;                 /* with done_lanes: how many rows at a time it wants */
    dai_done_lanes *done_lanes;   /* NULL: rows are transposed back for done. Not together with y. */
    const float *reads;           /* an array of the images' shape that done reads, so that it can be fetched ahead */
} da_image_sink;

/* y = affine(conv(x, w) + bias); bias and affine may be NULL; affine->add lies as y does. y NULL: images exist for the
   sink only. */
typedef struct da_conv_forward {
    da_convolution shape;
    da_image_source x;
    const float *w, *bias;
    const da_channel_affine *affine;
    float *y;
    da_image_sink sink;
} da_conv_forward;

/* All gradients at once, so that an image of dy is loaded once for all. dx, dw, db NULL: not wanted. dx = base +
   gradient where base is given (it may be dx itself); dx_sink sees it, any number of images at once, and may change it.
   db, of a bias, is summed like a weight whose x is 1. */
typedef struct da_conv_backward {
    da_convolution shape;
    da_image_source x, dy;
    const float *w, *base;
    float *dx, *dw, *db;
    da_image_sink dx_sink;
} da_conv_backward;

/* Convolves on the routines of a table. Scratch memory of a product, in floats, is for the threads of now. */
typedef struct da_kernels da_kernels;
void    da_conv_forward_run(const da_kernels *kernels, const da_conv_forward *conv, float *scratch);
void    da_conv_backward_run(const da_kernels *kernels, const da_conv_backward *conv, float *scratch);
int64_t da_matmul_scratch(const da_matmul_problem *problem);
int64_t da_conv_forward_scratch(const da_kernels *kernels, const da_conv_forward *conv);
int64_t da_conv_backward_scratch(const da_kernels *kernels, const da_conv_backward *conv);

typedef enum da_unary {
#define ROW(name, NAME, ...) DA_UNARY_##NAME,
    DA_UNARY_FUNCTIONS(ROW)
#undef ROW
    DA_UNARY_COUNT
} da_unary;

/* A product is a driver of many routines: it takes the table whose routines it is to use. */
struct da_kernels {
    const char *name;
    dai_contract *contract; /* the inner loop of the fast products below; NULL in the reference */
    const dai_winograd_transforms *winograd; /* likewise */
    const dai_lanes *lanes; /* what convolutions of 16 images at a time need besides; NULL in the reference */
    void (*matmul)(const da_kernels *kernels, const da_matmul_problem *problem, float *scratch);
    /* y[i] = f(x[i]); and dx[i] = dy[i] * f'(x[i]), given x and y = f(x) */
    void (*unary)(da_unary f, int64_t n, const float *x, float *y);
    void (*unary_backward)(da_unary f, int64_t n, const float *x, const float *y, const float *dy, float *dx);
    void (*sum)(int64_t n, const float *a, const float *b, float *y);        /* y = a + b */
    void (*relu)(int64_t n, const float *x, float *y);                       /* y = x <= 0 ? 0 : x */
    void (*relu_backward)(int64_t n, const float *y, const float *dy, float *dx);
    /* pixels x channels: channels.h says what they compute */
    void (*channel_moments)(int64_t pixels, int64_t channels, const float *x, float *mean, float *square);
    void (*channel_gradient_sums)(int64_t pixels, int64_t channels, const da_channel_gradient *g, float *masked,
                                  float *plain, float *product);
    void (*channel_affine)(int64_t pixels, int64_t channels, const float *x, const da_channel_affine *f, float *y);
    void (*channel_gradient_affine)(int64_t pixels, int64_t channels, const da_channel_gradient *g,
                                    const da_channel_slope *s, float *dx);
    void (*channel_sum)(int64_t pixels, int64_t channels, const float *x, float *sum);
    void (*max_pool)(int64_t size, int64_t windows, int64_t channels, bool relu, const float *x, int64_t pitch,
                     float *y, float *where);
    void (*max_pool_backward)(int64_t size, int64_t windows, int64_t channels, int64_t ky, const float *dy,
                              const float *where, float *dx);
    /* one step of an optimizer on n parameters: update.h */
    void (*sgd_update)(const da_sgd_update *step, int64_t n, float *w, const float *g, float *v);
    void (*adam_update)(const da_adam_update *step, int64_t n, float *w, const float *g, float *m, float *v);
    double (*square_sum)(int64_t n, const float *x);
    void (*pixels)(const da_pixel_scale *scale, int64_t n, const uint8_t *x, float *y); /* bytes to floats: pixels.h */
    /* samples as lanes: panels.h */
    void (*panel_centre)(const da_panel *panel, float scale);
    void (*widen_sum)(int64_t n, const float *x, double *sum);
    int64_t (*peak)(int64_t rounds, float *rest); /* nothing but multiply-adds, to measure by: peak.h */
};

const da_kernels *da_kernels_active(void); /* by any thread at any time; the best this CPU has until one is selected */
da_status         da_kernels_select(const char *name); /* NULL or "auto": the best; not while an operation runs */
/* The tables this build and CPU can run, ended by NULL; the reference first, the best last. */
const da_kernels *const *da_kernels_list(void);

#endif
