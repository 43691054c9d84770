/* CKA: the Gram of a layer, or the kernel matrix made of it, centred. */
#include "deeparc/component.h"
#include "deeparc/gram.h"
#include "deeparc/similarity_parts.h"

/* Sums of the rows of the whole symmetric matrix, from its upper triangle; the diagonal counts if asked. */
static void sum_rows(double *sum, const double *gram, int64_t n, bool diagonal) {
    int64_t stride = dai_gram_stride(n);
    for (int64_t i = 0; i < n; i++) sum[i] = diagonal ? gram[i * stride + i] : 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i + 1; j < n; j++) {
            sum[i] += gram[i * stride + j];
            sum[j] += gram[i * stride + j];
        }
}

/* Turns row sums into what is taken from G_ij as m_i + m_j. Unbiased: U-centring. Biased: H G H with H = 1 - 11'/n. */
static void shifts_from_sums(double *m, int64_t n, da_hsic hsic) {
    double all = 0, count = (double)n;
    double row = hsic == DA_HSIC_UNBIASED ? count - 2 : count;
    for (int64_t i = 0; i < n; i++) {
        m[i] /= row;
        all += m[i];
    }
    double half = all / (2 * (hsic == DA_HSIC_UNBIASED ? count - 1 : count));
    for (int64_t i = 0; i < n; i++) m[i] -= half;
}

static void centre(double *packed, const double *gram, double *m, int64_t n, da_hsic hsic) {
    int64_t stride = dai_gram_stride(n);
    sum_rows(m, gram, n, hsic == DA_HSIC_BIASED);
    shifts_from_sums(m, n, hsic);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i + 1; j < n; j++) *packed++ = gram[i * stride + j] - (m[i] + m[j]);
    for (int64_t i = 0; i < n; i++) packed[i] = hsic == DA_HSIC_BIASED ? gram[i * stride + i] - 2 * m[i] : 0;
}

/* Finds the first component, and takes it out if asked. */
static void take_component(da_similarity *s, int layer, int64_t n) {
    int64_t stride = dai_gram_stride(n);
    double *v = s->projection + layer * s->batch;
    dai_component_centre(s->gram, n, s->row_sum);
    for (int64_t i = 0; i < n; i++) s->trace[layer] += s->gram[i * stride + i];
    double value = dai_component_first(s->gram, n, v, s->row_sum);
    s->value[layer] += value;
    if (s->options.without_first_component) dai_component_remove(s->gram, n, value, v);
    for (int64_t i = 0; i < n; i++) v[i] *= v[i] * value;
}

static double take(da_similarity *s, int layer, int64_t n, double *packed) {
    const da_similarity_options *o = &s->options;
    double norm = dai_gram_norm(s->gram, n);
    if (o->find_first_component || o->without_first_component) take_component(s, layer, n);
    if (o->kernel == DA_KERNEL_RBF) {
        dai_gram_to_squared_distances(s->gram, n);
        dai_squared_distances_to_rbf(s->gram, n, o->sigma_fraction, packed);
        norm = dai_gram_norm(s->gram, n);
    }
    centre(packed, s->gram, s->row_sum, n, o->hsic);
    return norm;
}

const dai_comparison dai_comparison_cka = {
    .name = { "linear CKA", "RBF CKA" }, .kept = dai_packed_count, .take = take, .inner = dai_packed_inner,
    .constant_share = DAI_CONSTANT_SHARE
};
