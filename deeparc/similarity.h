/* Layer similarity from streamed mini-batches: CKA with the unbiased HSIC estimator, linear unless asked otherwise.
 *
 *     batch b, layer l:   features (n x width)  ->  Gram (n x n)  ->  centred, upper triangle kept      observe
 *     batch b, all seen:  sum[k][l] += <centred_k, centred_l>      for every pair of layers             end_batch
 *     at any time:        CKA[k][l] = sum[k][l] / sqrt(sum[k][k] sum[l][l])                             matrix
 *
 * Features may die as soon as they were observed. A Gram is computed once, whatever the number of pairs; memory is
 * O(layers batch^2) and does not grow with the number of batches or the width of a layer.
 *
 * The unbiased estimator (Nguyen, Raghu, Kornblith 2021, equations 2 and 3) centres as Szekely and Rizzo (2014) do:
 * zero the diagonal, m_i = rowsum_i / (n-2), m -= sum(m) / (2(n-1)), G_ij -= m_i + m_j, zero the diagonal; then
 * HSIC_1 = <G_k, G_l> / (n(n-3)). Batches are weighted by n(n-3), that is, the plain inner products are summed: equal
 * batches give the published formula, a ragged last batch counts for the pairs of samples it holds, and a single batch
 * gives the full-sample estimate. CKA values are never averaged.
 *
 * The biased estimator (HSIC_0, centring with H = 1 - 11'/n) is here to show what it does: for independent Gaussian
 * features it gives about width/(n + width), .985 for 16384 features of 256 samples, where the unbiased gives about 0.
 *
 * What stands in place of the Gram can be chosen. `rbf`: exp(-d_ij^2 / (2 sigma^2)), d_ij the distance of two samples,
 * sigma a fraction of the batch's median distance (Kornblith et al. 2019, section 3). And instead of CKA, `rsa`,
 * representational similarity analysis (Kriegeskorte et al. 2008): d_ij itself, less its mean over all pairs i < j;
 * what the sums then give is the Pearson correlation of the distances, pooled over batches. It needs no estimator.
 *
 * Or `procrustes`: |X'Y|_* / (|X| |Y|) of centred features, |.|_* the nuclear norm, |.| Frobenius's. It is 1 - d^2 / 2 for
 * the distance d that is left between X / |X| and Y / |Y| after the best rotation (Ding, Denain and Steinhardt 2021,
 * section 3; Williams et al. 2021, equation 4, whose angular distance is its arc cosine). It lies in 0..1 and needs Gram
 * matrices only (procrustes.h). Over batches the nuclear norms are summed, as are the squares of |X|: every batch is
 * rotated by itself, so the value is at least that of all samples at once. Where features outnumber the samples of a
 * batch it is high for noise, too, as biased CKA is. Cost: some 4 batch^3 multiply-adds a pair of layers and batch.
 *
 * Linear CKA can be had without the first principal component of each layer (component.h): of each batch's own, which
 * stands for that of the data the better the larger the batch, and is it when one batch holds all samples.
 */
#ifndef DA_DEEPARC_SIMILARITY_H
#define DA_DEEPARC_SIMILARITY_H

#include "core/json.h"

#include <stdbool.h>

DA_C_BEGIN

typedef struct da_similarity da_similarity;

enum { DA_LEAST_BATCH = 4 }; /* samples; the estimator divides by n - 3 */

#define DA_COMPARISONS(row) row(CKA, cka) row(RSA, rsa) row(PROCRUSTES, procrustes)
#define DA_ROW(NAME, ...) DA_COMPARE_##NAME,
typedef enum da_comparison { DA_COMPARISONS(DA_ROW) DA_COMPARISON_COUNT } da_comparison; /* DA_COMPARE_CKA, ... */
#undef DA_ROW
typedef enum da_hsic { DA_HSIC_UNBIASED, DA_HSIC_BIASED } da_hsic;
typedef enum da_kernel { DA_KERNEL_LINEAR, DA_KERNEL_RBF } da_kernel;

typedef struct da_similarity_options { /* all zero: linear CKA, unbiased */
    da_comparison comparison;
    da_hsic   hsic;           /* of CKA, and so is the kernel */
    da_kernel kernel;
    double    sigma_fraction; /* of rbf: sigma in median distances; 0 means .5 */
    bool      find_first_component;    /* of linear CKA: for da_similarity_projections */
    bool      without_first_component; /* of linear CKA: it is found, and taken out before the comparison */
} da_similarity_options;

/* Why a layer has no similarity to any other. */
typedef enum da_layer_state {
    DA_LAYER_ALIVE,
    DA_LAYER_ZERO,      /* every feature of every sample is zero */
    DA_LAYER_CONSTANT,  /* all samples of a batch have the same features (up to rounding), in every batch */
    DA_LAYER_NOT_FINITE /* some feature was NaN or infinite */
} da_layer_state;

/* An accumulator for 1..4096 layers and batches of up to `batch` samples, 4..65536, unbiased. The caller frees it.
   Errors: DA_ERROR_ARGUMENT, DA_ERROR_MEMORY; nothing else here allocates but da_similarity_choose. */
da_status da_similarity_new(da_similarity **out, int layers, int64_t batch);
void      da_similarity_free(da_similarity *s);

/* Another measure; only before the first observation. Errors: DA_ERROR_ARGUMENT, also for a fraction that is not
   positive and finite; DA_ERROR_MEMORY, after which the accumulator is good for nothing but da_similarity_free. */
da_status   da_similarity_choose(da_similarity *s, const da_similarity_options *options);
const char *da_hsic_name(da_hsic hsic);                           /* "unbiased", "biased" */
const char *da_similarity_name(const da_similarity_options *options); /* "linear CKA", "RBF CKA", "RSA", "Procrustes" */
const char *da_similarity_estimator(const da_similarity_options *options); /* "unbiased", ..., "Pearson of distances" */
bool        da_similarity_rises_with_width(const da_similarity_options *options); /* are wide layers of noise similar? */

/* What biased linear CKA gives for independent Gaussian features of these widths in batches of n samples:
   sqrt(a b / ((n + a) (n + b))). Where it is not near 0, high values mean little. */
double da_similarity_noise(int64_t n, int64_t width_a, int64_t width_b);

/* The features of one layer in the current batch, row-major, samples x width. Every layer of a batch has the same
   number of samples, and is observed once. Cost: about samples^2 width / 2 multiply-adds on all threads; linear CKA's
   are binary32 with sums in double (dai_gram_centred), those of other measures double. Errors: DA_ERROR_ARGUMENT (layer
   out of range or seen before), DA_ERROR_SHAPE (samples differ from the batch's). */
da_status da_similarity_observe(da_similarity *s, int layer, const float *features, int64_t samples, int64_t width);

/* All layers have been observed: adds the batch. A batch of 3 samples or fewer is skipped and counted.
   Errors: DA_ERROR_ARGUMENT, naming a layer that is missing; the batch stays open. */
da_status da_similarity_end_batch(da_similarity *s);

/* CKA of every pair, layers x layers, symmetric, the diagonal exactly 1. A layer that is not alive has 0 off the
   diagonal. standard_error (may be NULL) gets the spread over batches by the delta method: with a, b, c the three sums
   of one batch and A, B, C their totals, the influence of a batch is CKA (a/A - b/2B - c/2C), and the squared error is
   batches / (batches - 1) times the sum of their squares. It is NaN off the diagonal where it is unknown: with
   fewer than two batches, or when a layer is not alive. Errors: DA_ERROR_ARGUMENT when no batch was counted. */
da_status da_similarity_matrix(const da_similarity *s, double *matrix, double *standard_error);

/* All that is known after some batches, so that a run can be continued: numbers that read back as the same bits. save
   writes members into the object that is open; restore puts them into an accumulator of as many layers that has
   observed nothing, chosen as the saved one was. Errors: DA_ERROR_FORMAT (a member is missing or of another size),
   DA_ERROR_MEMORY; the accumulator is then good for nothing but da_similarity_free. */
void      da_similarity_save(const da_similarity *s, da_json_writer *to);
da_status da_similarity_restore(da_similarity *s, const da_json *from);

/* First components, where they are looked for. projections: of each sample of the open batch, the squared place on the
   batch's own first component, in squared features; until the next observation of that layer. first_component: sums
   over batches; value / trace is the share of the variance it has. Neither is part of what is saved. */
typedef struct da_first_component { double value, trace; } da_first_component;
const double      *da_similarity_projections(const da_similarity *s, int layer);
da_first_component da_similarity_first_component(const da_similarity *s, int layer);

/* Facts. */
int64_t        da_similarity_batches(const da_similarity *s); /* batches that count */
int64_t        da_similarity_skipped(const da_similarity *s); /* batches of 3 samples or fewer */
int64_t        da_similarity_samples(const da_similarity *s); /* in the batches that count */
int64_t        da_similarity_bytes(const da_similarity *s);   /* held on the heap */
da_layer_state da_similarity_state(const da_similarity *s, int layer);
const char    *da_layer_state_reason(da_layer_state state);   /* half a sentence: "every feature is zero" */

DA_C_END

#endif
