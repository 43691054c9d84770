/* Linear probes: how well do features tell the classes apart when only a linear map may look at them?
 *
 *     features, labels to learn from ── standardise ── W, b ──┐
 *     features, labels to test       ── the same      ────────┴── share of samples whose largest score is their class
 *
 *     ridge     W = (X'X/n + lambda I)^-1 X'Y/n, Y the classes as 0 and 1; Cholesky. Every fifth sample is held out
 *               of the fit and chooses lambda, the largest of the best among 10, 1, .1, .01, .001, .0001
 *     softmax   the minimum of the mean cross-entropy + lambda/2 |W|^2 with lambda = .001, by steps
 *               W -= (X'X/2n + lambda I)^-1 gradient: the loss falls in every one of them, because X'X/2n is never
 *               below its curvature (Boehning, "Multinomial logistic regression algorithm", 1992). At most 200 steps;
 *               it stops when no entry of the gradient is above 1e-4
 *
 * (Alain and Bengio, "Understanding intermediate layers using linear classifier probes", 2016.) Standardised: mean 0
 * and variance 1 over the samples that W is fitted to; a feature that does not vary there is left out. All sums in
 * double, in the order of the samples; the bits are the same on every machine.
 */
#ifndef DA_DEEPARC_PROBE_H
#define DA_DEEPARC_PROBE_H

#include "core/status.h"

#include <stdint.h>

enum { DA_PROBE_WIDTH = 4096, DA_PROBE_LEAST = 10 }; /* most features, fewest samples to learn from */

typedef enum da_probe_kind { DA_PROBE_RIDGE, DA_PROBE_SOFTMAX } da_probe_kind;
const char *da_probe_name(da_probe_kind kind); /* "ridge", "softmax" */

typedef struct da_probe_data {
    const float   *features; /* samples x width */
    const uint8_t *labels;   /* samples, each below the number of classes */
    int64_t        samples;
} da_probe_data;

typedef struct da_probe_result {
    double accuracy; /* on the test samples */
    double lambda;   /* in force */
    int    steps;    /* softmax: that were taken; ridge: 0 */
} da_probe_result;

/* Both sets have `width` features. Errors: DA_ERROR_ARGUMENT (width above DA_PROBE_WIDTH, fewer than DA_PROBE_LEAST
   samples to learn from, none to test, a label beyond the classes), DA_ERROR_NUMERIC (features that are not finite),
   DA_ERROR_MEMORY. Cost: samples width^2 / 2 + width^3 / 6 multiply-adds in double for each of six lambdas; softmax:
   one such, and 2 samples width classes a step. Memory: two matrices of width^2, and the samples in double. */
da_status da_probe_fit(da_probe_kind kind, const da_probe_data *learn, const da_probe_data *test, int64_t width,
                       int classes, da_probe_result *result);

#endif
