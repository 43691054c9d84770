/* Procrustes: a factor A of the centred Gram A A', column by column, and behind it how many columns it has. */
#include "deeparc/component.h"
#include "deeparc/gram.h"
#include "deeparc/procrustes.h"
#include "deeparc/similarity_parts.h"

static int64_t kept(int64_t batch) { return batch * batch + 1; }

/* Returns the norm before centring. */
static double take(da_similarity *s, int layer, int64_t n, double *factor) {
    int64_t stride = dai_gram_stride(n);
    double norm = 0, top = 0;
    (void)layer;
    for (int64_t i = 0; i < n; i++) {
        double entry = s->gram[i * stride + i];
        norm += entry;
        if (entry > top) top = entry;
    }
    dai_component_centre(s->gram, n, s->row_sum);
    factor[s->batch * s->batch] = (double)dai_procrustes_factor(factor, s->gram, n, top, s->row_sum);
    return norm;
}

static double inner(const da_similarity *s, const double *a, const double *b, double *scratch) {
    int64_t size = s->batch * s->batch, n = s->samples, columns = (int64_t)a[size];
    if (a == b) return dai_dot(a, a, n * columns); /* the trace of A A' */
    return dai_procrustes_norm(a, columns, b, (int64_t)b[size], n, scratch);
}

/* Norms are summed, not their squares: rounding leaves the root of its share. */
const dai_comparison dai_comparison_procrustes = {
    .name = { "Procrustes" }, .estimator = "best rotation", .kept = kept, .scratch = dai_procrustes_scratch,
    .take = take, .inner = inner, .constant_share = 1e-12, .wide_is_high = true
};
