/* The elementary functions over arrays, one number at a time: these loops define what every other table must give. */
#include "core/kernels/unary.h"
#include "core/math_inline.h"

#define ROW(name, NAME, from, value, contribution)            \
    case DA_UNARY_##NAME:                                      \
        for (int64_t i = 0; i < n; i++) {                      \
            const float v = x[i];                              \
            y[i] = value;                                      \
        }                                                      \
        break;

void dai_unary_reference(da_unary f, int64_t n, const float *x, float *y) {
    switch (f) {
        DA_UNARY_FUNCTIONS(ROW)
    case DA_UNARY_COUNT: break;
    }
}

#define ROW_BACK(name, NAME, from, value, contribution)        \
    case DA_UNARY_##NAME:                                      \
        for (int64_t i = 0; i < n; i++) {                      \
            const float v = from[i], d = dy[i];                \
            dx[i] = contribution;                              \
        }                                                      \
        break;

void dai_unary_backward_reference(da_unary f, int64_t n, const float *x, const float *y, const float *dy, float *dx) {
    switch (f) {
        DA_UNARY_FUNCTIONS(ROW_BACK)
    case DA_UNARY_COUNT: break;
    }
}
