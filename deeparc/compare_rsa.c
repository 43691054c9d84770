/* Representational similarity analysis: the distances of all pairs of samples, less their mean. */
#include "deeparc/gram.h"
#include "deeparc/similarity_parts.h"

static double take(da_similarity *s, int layer, int64_t n, double *packed) {
    int64_t stride = dai_gram_stride(n), pairs = n * (n - 1) / 2;
    const double *distance = s->gram;
    double mean = 0;
    (void)layer;
    dai_gram_to_squared_distances(s->gram, n);
    dai_squared_distances_to_distances(s->gram, n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i + 1; j < n; j++) mean += distance[i * stride + j];
    mean /= (double)pairs;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i + 1; j < n; j++) *packed++ = distance[i * stride + j] - mean;
    for (int64_t i = 0; i < n; i++) packed[i] = 0;
    return dai_gram_norm(s->gram, n);
}

const dai_comparison dai_comparison_rsa = {
    .name = { "RSA" }, .estimator = "Pearson of distances", .kept = dai_packed_count, .take = take,
    .inner = dai_packed_inner, .constant_share = DAI_CONSTANT_SHARE
};
