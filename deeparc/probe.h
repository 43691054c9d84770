/* Linear probes: how well do features tell the classes apart when only a linear map may look at them?
 *
 *     features, labels to learn from ── standardise ── W, b ──┐
 *     features, labels to test       ── the same      ────────┴── share of samples whose largest score is their class
 *
 *     ridge     W = (X'X/n + lambda I)^-1 X'Y/n, Y the classes as 0 and 1; Cholesky. Every fifth sample is held out
 *               of the fit and chooses lambda, the largest of the best among 10, 1, .1, .01, .001, .0001
 *     softmax   the minimum of the mean cross-entropy + lambda/2 |W|^2 with lambda = .001, by Newton's steps, each
 *               solved by conjugate gradients (Nocedal and Wright, "Numerical Optimization", section 7.1) behind
 *               X'X/2n + lambda I, which is never below the curvature (Boehning, "Multinomial logistic regression
 *               algorithm", 1992). No entry of the gradient is above DA_PROBE_GRADIENT then, or the result says so
 *
 * (Alain and Bengio, "Understanding intermediate layers using linear classifier probes", 2016.) Standardised: mean 0
 * and variance 1 over the samples that W is fitted to; a feature that does not vary there is left out. All sums in
 * double, in the order of the samples; the bits are the same on every machine.
 */
#ifndef DA_DEEPARC_PROBE_H
#define DA_DEEPARC_PROBE_H

#include "core/status.h"

#include <stdbool.h>
#include <stdint.h>

DA_C_BEGIN

#define DA_PROBE_GRADIENT 1e-6 /* softmax: the largest entry of the gradient at what counts as the minimum */
enum { DA_PROBE_WIDTH = 4096, DA_PROBE_LEAST = 10 }; /* most features, fewest samples to learn from */

typedef enum da_probe_kind { DA_PROBE_RIDGE, DA_PROBE_SOFTMAX } da_probe_kind;

typedef struct da_probe_data {
    const float   *features; /* samples x width */
    const uint8_t *labels;   /* samples, each below the number of classes */
    int64_t        samples;
} da_probe_data;

typedef struct da_probe_result {
    double accuracy; /* on the test samples */
    double lambda;   /* in force */
    /* softmax alone */
    double  loss;     /* the minimum found, of mean cross-entropy and penalty */
    double  gradient; /* its largest entry there */
    bool    reached;  /* is it at most DA_PROBE_GRADIENT? */
    int     steps;    /* Newton's, that were taken */
    int64_t products; /* with the Hessian, in all steps */
} da_probe_result;

/* Both sets have `width` features. most_steps: softmax stops there, at its minimum or not; 0: 100. Errors: DA_ERROR_ARGUMENT (width above DA_PROBE_WIDTH, fewer than DA_PROBE_LEAST
   samples to learn from, none to test, a label beyond the classes), DA_ERROR_NUMERIC (features that are not finite),
   DA_ERROR_MEMORY. Cost: samples width^2 / 2 + width^3 / 6 multiply-adds in double for each of six lambdas; softmax:
   one such, and 2 samples width classes + width^2 classes a product with the Hessian. Memory: two matrices of width^2,
   and the samples in double. */
da_status da_probe_fit(da_probe_kind kind, const da_probe_data *learn, const da_probe_data *test, int64_t width,
                       int classes, int most_steps, da_probe_result *result);

DA_C_END

#endif
