/* The elementary functions over arrays, compiled once per instruction set. The bodies are those of the scalar
 * functions; a block holds a fixed number of elements in arrays of its own, so that the compiler turns its loop into
 * whole vectors.
 *
 *     x: | block of 16 | block of 16 | ... | rest, filled up with zeros |
 */
#include "core/kernels/unary.h"
#include "core/kernels/variant.h"
#include "core/math_inline.h"

enum { LANES = 16 };

static inline void load(float block[LANES], const float *from, int64_t left) {
    if (left >= LANES) {
        memcpy(block, from, LANES * sizeof *block);
        return;
    }
    memset(block, 0, LANES * sizeof *block);
    memcpy(block, from, (size_t)left * sizeof *block);
}

static inline void store(float *to, const float block[LANES], int64_t left) {
    memcpy(to, block, (size_t)(left >= LANES ? LANES : left) * sizeof *block);
}

/* y[i] = value of v = x[i]. */
#define ROW(name, NAME, from, value, contribution)         \
    case DA_UNARY_##NAME:                                  \
        for (int64_t i = 0; i < n; i += LANES) {           \
            float in[LANES], out[LANES];                   \
            load(in, x + i, n - i);                        \
            for (int l = 0; l < LANES; l++) {              \
                const float v = in[l];                     \
                out[l] = (value);                          \
            }                                              \
            store(y + i, out, n - i);                      \
        }                                                  \
        break;

void DA_VARIANT(dai_unary)(da_unary f, int64_t n, const float *x, float *y) {
    switch (f) {
        DA_UNARY_FUNCTIONS(ROW)
    case DA_UNARY_COUNT: break;
    }
}

/* dx[i] = contribution of d = dy[i] and v, from x[i] or y[i]. */
#define ROW_BACK(name, NAME, from, value, contribution)    \
    case DA_UNARY_##NAME:                                  \
        for (int64_t i = 0; i < n; i += LANES) {           \
            float in[LANES], up[LANES], out[LANES];        \
            load(in, from + i, n - i);                     \
            load(up, dy + i, n - i);                       \
            for (int l = 0; l < LANES; l++) {              \
                const float v = in[l], d = up[l];          \
                out[l] = (contribution);                   \
            }                                              \
            store(dx + i, out, n - i);                     \
        }                                                  \
        break;

void DA_VARIANT(dai_unary_backward)(da_unary f, int64_t n, const float *x, const float *y, const float *dy, float *dx) {
    switch (f) {
        DA_UNARY_FUNCTIONS(ROW_BACK)
    case DA_UNARY_COUNT: break;
    }
}
