/* What an optimizer does to one parameter element, and the routines that do it to many.
 *
 *     gradient g ── x scale (clipping) ── + decay w ── momentum or moments ── w moves against it
 *
 * Every routine applies the formulas below, element by element, so the bits do not depend on vector width, chunks or
 * threads. All coefficients are worked out once a step, in double, and rounded to binary32.
 */
#ifndef DA_CORE_KERNELS_UPDATE_H
#define DA_CORE_KERNELS_UPDATE_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct da_sgd_update { /* coefficients of one step of stochastic gradient descent */
    float rate, momentum, decay;
    float scale;               /* the gradient is multiplied by it first */
    bool  nesterov;
} da_sgd_update;

typedef struct da_adam_update { /* coefficients of one step of Adam or AdamW */
    float beta1, beta2;
    float fresh1, fresh2;      /* 1 - beta1, 1 - beta2 */
    float rate;                /* rate / (1 - beta1^t) */
    float root_correction;     /* 1 / sqrt(1 - beta2^t) */
    float epsilon;
    float decay;               /* Adam: times w, added to the gradient; AdamW: 0 */
    float keep;                /* AdamW: 1 - rate * decay, what w is multiplied by first; Adam: 1 */
    float scale;
} da_adam_update;

/* What a state becomes: below the normal numbers, zero. A parameter whose gradient has become zero (a unit that never
   fires) leaves its state to decay, v = 0.9 v, and in steps of 2^-149 that ends at 4, since 3.6 rounds to 4: without
   this a third of all states would stay subnormal for the rest of a long training, which many CPUs compute slowly.
   Nothing else is flushed anywhere. */
static inline float settled(float state) { return fabsf(state) < 0x1p-126f ? 0.0f : state; }

/* Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML 2013, in PyTorch's form:
   d = g + decay w;  v = momentum v + d;  w -= rate v, or with Nesterov's look ahead w -= rate (d + momentum v). */
static inline float sgd_gradient(const da_sgd_update *s, float w, float g) { return fmaf(s->decay, w, g * s->scale); }
static inline void sgd_plain(const da_sgd_update *s, float *w, float g) {
    *w = fmaf(-s->rate, sgd_gradient(s, *w, g), *w);
}
static inline void sgd_momentum(const da_sgd_update *s, float *w, float g, float *v) {
    *v = settled(fmaf(s->momentum, *v, sgd_gradient(s, *w, g)));
    *w = fmaf(-s->rate, *v, *w);
}
static inline void sgd_nesterov(const da_sgd_update *s, float *w, float g, float *v) {
    float d = sgd_gradient(s, *w, g);
    *v = settled(fmaf(s->momentum, *v, d));
    *w = fmaf(-s->rate, fmaf(s->momentum, *v, d), *w);
}

/* Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1; with keep below 1 Loshchilov and
   Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2. m and v are the first and second moment. */
static inline void adam_element(const da_adam_update *a, float *w, float g, float *m, float *v) {
    float d = fmaf(a->decay, *w, g * a->scale);
    *m = settled(fmaf(a->fresh1, d, a->beta1 * *m));
    *v = settled(fmaf(a->fresh2 * d, d, a->beta2 * *v));
    float root = fmaf(sqrtf(*v), a->root_correction, a->epsilon);
    *w = fmaf(-a->rate, *m / root, *w * a->keep);
}

/* sgd: v is NULL when momentum is 0. square_sum: 16 lanes in double, lane l takes elements l, l + 16, ..., then halves
   are added until one is left. Arrays do not overlap. */
#define DAI_DECLARE_UPDATE(variant)                                                                            \
    void   dai_sgd_update_##variant(const da_sgd_update *step, int64_t n, float *w, const float *g, float *v); \
    void   dai_adam_update_##variant(const da_adam_update *step, int64_t n, float *w, const float *g, float *m, \
                                     float *v);                                                                \
    double dai_square_sum_##variant(int64_t n, const float *x);

DAI_DECLARE_UPDATE(reference)
DAI_DECLARE_UPDATE(portable)
DAI_DECLARE_UPDATE(avx2)
DAI_DECLARE_UPDATE(avx512)
DAI_DECLARE_UPDATE(neon)
#undef DAI_DECLARE_UPDATE

#endif
