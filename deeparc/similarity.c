/* Streamed CKA: a centred Gram a layer for the batch at hand, and sums over batches for every pair of layers.
 *
 *     centred   layers x (n(n-1)/2 + n)    what is above the diagonal, row by row, then the diagonal; of Procrustes
 *               layers x n^2               a factor A of the centred Gram A A', column by column
 *     total     layers x layers            sum over batches of a = <centred_k, centred_l>
 *     square    layers x layers            ... of a^2                              (for the standard error)
 *     cross     layers x layers            ... of a <centred_k, centred_k>         (not symmetric)
 *     selves    layers x layers            ... of <centred_k, centred_k> <centred_l, centred_l>
 *
 * Of the layers x layers sums only what the upper triangle needs is filled. A layer that was not finite once holds
 * zeros from then on, so it cannot spoil the others.
 */
#include "deeparc/similarity_parts.h"
#include "deeparc/component.h"
#include "deeparc/gram.h"
#include "deeparc/procrustes.h"
#include "core/memory.h"
#include "core/parallel.h"

#include <math.h>
#include <string.h>

enum { MAX_LAYERS = 4096, MAX_BATCH = 65536, NORM_CHUNKS = 16 };

/* A Gram that centring shrinks to this share of its squared norm is constant. Equal samples have entries equal to
   the bit, so what centring leaves is the rounding of row sums: a share of at most (n 2^-53)^2, 1e-27 for n = 256.
   Procrustes sums norms, not their squares. */
static const double CONSTANT_SHARE = 1e-24, CONSTANT_SHARE_OF_NORMS = 1e-12;

const char *da_hsic_name(da_hsic hsic) { return hsic == DA_HSIC_UNBIASED ? "unbiased" : "biased"; }

const char *da_similarity_name(const da_similarity_options *options) {
    if (options->comparison == DA_COMPARE_RSA) return "RSA";
    if (options->comparison == DA_COMPARE_PROCRUSTES) return "Procrustes";
    return options->kernel == DA_KERNEL_RBF ? "RBF CKA" : "linear CKA";
}

double da_similarity_noise(int64_t n, int64_t width_a, int64_t width_b) {
    double samples = (double)n, a = (double)width_a, b = (double)width_b;
    return sqrt(a / (samples + a)) * sqrt(b / (samples + b));
}

const char *da_layer_state_reason(da_layer_state state) {
    switch (state) {
    case DA_LAYER_ZERO:       return "every feature is zero";
    case DA_LAYER_CONSTANT:   return "all samples have the same features";
    case DA_LAYER_NOT_FINITE: return "a feature is NaN or infinite";
    case DA_LAYER_ALIVE:      break;
    }
    return "alive";
}

static int64_t packed_count(int64_t n) { return n * (n - 1) / 2 + n; }

/* Zeroed numbers, and the account of them. */
static double *doubles(da_similarity *s, int64_t count) {
    s->bytes += count * (int64_t)sizeof(double);
    return da_alloc_zero((size_t)count, sizeof(double));
}

static float *floats(da_similarity *s, int64_t count) {
    s->bytes += count * (int64_t)sizeof(float);
    return da_alloc_zero((size_t)count, sizeof(float));
}

static bool allocate(da_similarity *s) {
    int64_t pairs = (int64_t)s->layers * s->layers, stride = dai_gram_stride(s->batch);
    s->bytes = (int64_t)sizeof *s + 2 * s->layers * (int64_t)sizeof(bool);
    return (s->seen = da_alloc_zero((size_t)s->layers, sizeof(bool)))
        && (s->broken = da_alloc_zero((size_t)s->layers, sizeof(bool)))
        && (s->gram = doubles(s, stride * stride)) && (s->row_sum = doubles(s, s->batch))
        && (s->centred = doubles(s, s->layers * packed_count(s->batch)))
        && (s->packed = floats(s, dai_gram_centred_scratch(s->batch)))
        && (s->raw = doubles(s, s->layers)) && (s->raw_open = doubles(s, s->layers))
        && (s->inner = doubles(s, pairs)) && (s->total = doubles(s, pairs)) && (s->square = doubles(s, pairs))
        && (s->cross = doubles(s, pairs)) && (s->selves = doubles(s, pairs));
}

da_status da_similarity_new(da_similarity **out, int layers, int64_t batch) {
    if (layers < 1 || layers > MAX_LAYERS)
        return DA_FAIL(DA_ERROR_ARGUMENT, "similarity: 1 to %d layers, not %d", MAX_LAYERS, layers);
    if (batch < DA_LEAST_BATCH || batch > MAX_BATCH)
        return DA_FAIL(DA_ERROR_ARGUMENT, "similarity: a batch of %lld samples: the estimator needs %d to %d",
                       (long long)batch, DA_LEAST_BATCH, MAX_BATCH);
    da_similarity *s = da_alloc_zero(1, sizeof *s);
    if (s) {
        s->layers = layers;
        s->batch = batch;
    }
    if (!s || !allocate(s)) {
        da_similarity_free(s);
        return da_fail_context("similarity of %d layers in batches of %lld: ", layers, (long long)batch);
    }
    *out = s;
    return DA_OK;
}

void da_similarity_free(da_similarity *s) {
    if (!s) return;
    da_free(s->seen);
    da_free(s->broken);
    da_free(s->packed);
    da_free(s->columns);
    double *blocks[] = { s->gram, s->row_sum, s->centred, s->inner, s->raw, s->raw_open, s->total, s->square, s->cross,
                         s->selves, s->projection, s->value, s->trace, s->norm_scratch };
    for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++) da_free(blocks[b]);
    da_free(s);
}

static bool is_linear_cka(const da_similarity_options *o) {
    return o->comparison == DA_COMPARE_CKA && o->kernel == DA_KERNEL_LINEAR;
}

/* What only some measures need; nothing is taken back before da_similarity_free. */
static bool allocate_more(da_similarity *s, const da_similarity_options *o) {
    if (o->comparison == DA_COMPARE_PROCRUSTES && !s->columns) {
        da_free(s->centred);
        s->bytes -= s->layers * packed_count(s->batch) * (int64_t)sizeof(double);
        s->centred = NULL;
        if (!(s->centred = doubles(s, s->layers * s->batch * s->batch))
            || !(s->norm_scratch = doubles(s, NORM_CHUNKS * dai_procrustes_scratch(s->batch)))
            || !(s->columns = da_alloc_zero((size_t)s->layers, sizeof *s->columns)))
            return false;
    }
    if ((o->find_first_component || o->without_first_component) && !s->projection)
        return (s->projection = doubles(s, s->layers * s->batch)) && (s->value = doubles(s, s->layers))
            && (s->trace = doubles(s, s->layers));
    return true;
}

da_status da_similarity_choose(da_similarity *s, const da_similarity_options *options) {
    da_similarity_options o = *options;
    if (s->samples > 0 || s->batches > 0 || s->skipped > 0)
        return DA_FAIL(DA_ERROR_ARGUMENT, "similarity: the measure cannot change once features were observed");
    if (o.sigma_fraction == 0) o.sigma_fraction = 0.5;
    if (!(o.sigma_fraction > 0 && o.sigma_fraction < HUGE_VAL))
        return DA_FAIL(DA_ERROR_ARGUMENT, "similarity: sigma of %g median distances: it must be positive",
                       o.sigma_fraction);
    if ((o.find_first_component || o.without_first_component) && !is_linear_cka(&o))
        return DA_FAIL(DA_ERROR_ARGUMENT, "similarity: first components belong to linear CKA, not to %s",
                       da_similarity_name(&o));
    if (!allocate_more(s, &o))
        return da_fail_context("similarity of %d layers in batches of %lld: ", s->layers, (long long)s->batch);
    s->options = o;
    return DA_OK;
}

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

/* RSA: distances less their mean over all pairs. */
static void centre_distances(double *packed, const double *distance, int64_t n) {
    int64_t stride = dai_gram_stride(n), pairs = n * (n - 1) / 2;
    double mean = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i + 1; j < n; j++) mean += distance[i * stride + j];
    mean /= (double)pairs;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i + 1; j < n; j++) *packed++ = distance[i * stride + j] - mean;
    for (int64_t i = 0; i < n; i++) packed[i] = 0;
}

static bool diagonal_is_finite(const double *gram, int64_t n) {
    int64_t stride = dai_gram_stride(n);
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(gram[i * stride + i])) return false; /* a sum of squares: finite unless a feature is not */
    return true;
}

static double norm_squared(const double *gram, int64_t n) {
    int64_t stride = dai_gram_stride(n);
    double off = 0, diagonal = 0;
    for (int64_t i = 0; i < n; i++) {
        diagonal += gram[i * stride + i] * gram[i * stride + i];
        for (int64_t j = i + 1; j < n; j++) off += gram[i * stride + j] * gram[i * stride + j];
    }
    return 2 * off + diagonal;
}

static da_status check_observation(const da_similarity *s, int layer, int64_t samples, int64_t width) {
    if (layer < 0 || layer >= s->layers)
        return DA_FAIL(DA_ERROR_ARGUMENT, "similarity: layer %d of %d layers", layer, s->layers);
    if (s->seen[layer])
        return DA_FAIL(DA_ERROR_ARGUMENT, "similarity: layer %d is observed twice in a batch: end the batch first",
                       layer);
    if (samples < 1 || samples > s->batch || width < 1)
        return DA_FAIL(DA_ERROR_SHAPE,
                       "similarity: layer %d has %lld samples of %lld features: give 1 to %lld samples and a feature",
                       layer, (long long)samples, (long long)width, (long long)s->batch);
    if (s->samples > 0 && samples != s->samples)
        return DA_FAIL(DA_ERROR_SHAPE,
                       "similarity: layer %d has %lld samples, the layers before it in this batch have %lld", layer,
                       (long long)samples, (long long)s->samples);
    return DA_OK;
}

static da_gram_state make_gram(da_similarity *s, const float *features, int64_t n, int64_t width) {
    if (is_linear_cka(&s->options)) return dai_gram_centred(s->gram, s->packed, features, n, width);
    dai_gram(s->gram, features, n, width);
    if (!diagonal_is_finite(s->gram, n)) return DA_GRAM_NOT_FINITE;
    return norm_squared(s->gram, n) > 0 ? DA_GRAM_FINE : DA_GRAM_ZERO;
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

/* The factor of Procrustes; returns the norm before centring. */
static double take_factor(da_similarity *s, int layer, int64_t n) {
    int64_t stride = dai_gram_stride(n);
    double norm = 0, top = 0;
    for (int64_t i = 0; i < n; i++) {
        double entry = s->gram[i * stride + i];
        norm += entry;
        if (entry > top) top = entry;
    }
    dai_component_centre(s->gram, n, s->row_sum);
    s->columns[layer] = dai_procrustes_factor(s->centred + layer * s->batch * s->batch, s->gram, n, top, s->row_sum);
    return norm;
}

/* From the Gram to what is kept of it. Returns the squared norm before centring (of Procrustes, the norm). */
static double take_gram(da_similarity *s, int layer, int64_t n) {
    const da_similarity_options *o = &s->options;
    if (o->comparison == DA_COMPARE_PROCRUSTES) return take_factor(s, layer, n);
    double *packed = s->centred + layer * packed_count(s->batch), kept = norm_squared(s->gram, n);
    if (o->comparison == DA_COMPARE_RSA) {
        dai_gram_to_squared_distances(s->gram, n);
        dai_squared_distances_to_distances(s->gram, n);
        kept = norm_squared(s->gram, n);
        centre_distances(packed, s->gram, n);
        return kept;
    }
    if (o->find_first_component || o->without_first_component) take_component(s, layer, n);
    if (o->kernel == DA_KERNEL_RBF) {
        dai_gram_to_squared_distances(s->gram, n);
        dai_squared_distances_to_rbf(s->gram, n, o->sigma_fraction, packed);
        kept = norm_squared(s->gram, n);
    }
    centre(packed, s->gram, s->row_sum, n, o->hsic);
    return kept;
}

static void forget(da_similarity *s, int layer) {
    int64_t size = s->columns ? s->batch * s->batch : packed_count(s->batch);
    memset(s->centred + layer * size, 0, (size_t)size * sizeof *s->centred);
    if (s->columns) s->columns[layer] = 0;
    if (s->projection) memset(s->projection + layer * s->batch, 0, (size_t)s->batch * sizeof *s->projection);
    s->raw_open[layer] = 0;
}

da_status da_similarity_observe(da_similarity *s, int layer, const float *features, int64_t samples, int64_t width) {
    DA_TRY(check_observation(s, layer, samples, width));
    s->samples = samples;
    s->seen[layer] = true;
    if (samples < DA_LEAST_BATCH || s->broken[layer]) return DA_OK;
    da_gram_state state = make_gram(s, features, samples, width);
    s->broken[layer] = state == DA_GRAM_NOT_FINITE;
    if (state == DA_GRAM_FINE) {
        double norm = take_gram(s, layer, samples);
        s->raw_open[layer] = norm > 0 ? norm : 1; /* 0 is for features that are all zero */
    } else {
        forget(s, layer);
    }
    return DA_OK;
}

/* Row k of the inner products of the whole symmetric matrices, from l = k on. */
static void inner_products(void *context, int64_t k, int worker) {
    da_similarity *s = context;
    int64_t layer = packed_count(s->batch), above = s->samples * (s->samples - 1) / 2;
    const double *a = s->centred + k * layer;
    (void)worker;
    for (int64_t l = k; l < s->layers; l++) {
        const double *b = s->centred + l * layer;
        s->inner[k * s->layers + l] = 2 * dai_dot(a, b, above) + dai_dot(a + above, b + above, s->samples);
    }
}

/* Every NORM_CHUNKS-th pair of layers, from the chunk-th on, in scratch of its own. */
static void nuclear_norms(void *context, int64_t chunk, int worker) {
    da_similarity *s = context;
    int64_t size = s->batch * s->batch, n = s->samples, pair = 0;
    double *scratch = s->norm_scratch + chunk * dai_procrustes_scratch(s->batch);
    (void)worker;
    for (int k = 0; k < s->layers; k++)
        for (int l = k; l < s->layers; l++) {
            if (pair++ % NORM_CHUNKS != chunk) continue;
            const double *a = s->centred + k * size, *b = s->centred + l * size;
            s->inner[k * s->layers + l] = k == l ? dai_dot(a, a, n * s->columns[k]) /* the trace of A A' */
                                                 : dai_procrustes_norm(a, s->columns[k], b, s->columns[l], n, scratch);
        }
}

static void accumulate(da_similarity *s) {
    int layers = s->layers;
    for (int k = 0; k < layers; k++) {
        double self_k = s->inner[k * layers + k];
        s->raw[k] += s->raw_open[k];
        for (int l = k; l < layers; l++) {
            int kl = k * layers + l, lk = l * layers + k;
            double a = s->inner[kl], self_l = s->inner[l * layers + l];
            s->total[kl] += a;
            s->square[kl] += a * a;
            s->cross[kl] += a * self_k;
            if (l != k) s->cross[lk] += a * self_l;
            s->selves[kl] += self_k * self_l;
        }
    }
}

da_status da_similarity_end_batch(da_similarity *s) {
    for (int l = 0; l < s->layers; l++)
        if (!s->seen[l])
            return DA_FAIL(DA_ERROR_ARGUMENT, "similarity: layer %d was not observed in this batch", l);
    if (s->samples < DA_LEAST_BATCH) {
        s->skipped++;
    } else {
        const int64_t entries = (int64_t)s->layers * s->layers * s->samples * s->samples / 2; /* of all products */
        if (s->columns) da_parallel_for(NORM_CHUNKS, entries * s->samples, nuclear_norms, s);
        else da_parallel_for(s->layers, da_work_of_floats(entries), inner_products, s);
        accumulate(s);
        s->batches++;
        s->samples_counted += s->samples;
    }
    memset(s->seen, 0, (size_t)s->layers * sizeof *s->seen);
    s->samples = 0;
    return DA_OK;
}

da_layer_state da_similarity_state(const da_similarity *s, int layer) {
    double self = s->total[layer * s->layers + layer];
    if (s->broken[layer]) return DA_LAYER_NOT_FINITE;
    if (s->batches == 0) return DA_LAYER_ALIVE;
    if (s->raw[layer] <= 0) return DA_LAYER_ZERO;
    return self > (s->columns ? CONSTANT_SHARE_OF_NORMS : CONSTANT_SHARE) * s->raw[layer] ? DA_LAYER_ALIVE
                                                                                          : DA_LAYER_CONSTANT;
}

/* The delta method for CKA = A / sqrt(B C), multiplied out so that the five sums are all that is needed. */
static double delta_error(const da_similarity *s, int k, int l) {
    int layers = s->layers, kl = k * layers + l, kk = k * layers + k, ll = l * layers + l;
    double a = s->total[kl], b = s->total[kk], c = s->total[ll], root = sqrt(b) * sqrt(c);
    double cka = a / root, batches = (double)s->batches;
    double spread = s->square[kl] / root / root
                  + cka * cka * (s->square[kk] / b / b / 4 + s->square[ll] / c / c / 4 + s->selves[kl] / b / c / 2)
                  - cka * (s->cross[kl] / b + s->cross[l * layers + k] / c) / root;
    return spread > 0 ? sqrt(spread * batches / (batches - 1)) : 0;
}

da_status da_similarity_matrix(const da_similarity *s, double *matrix, double *standard_error) {
    int layers = s->layers;
    if (s->batches == 0)
        return DA_FAIL(DA_ERROR_ARGUMENT,
                       "similarity: no batch of at least %d samples was observed (smaller ones: %lld)",
                       DA_LEAST_BATCH, (long long)s->skipped);
    for (int k = 0; k < layers; k++) {
        bool alive = da_similarity_state(s, k) == DA_LAYER_ALIVE;
        matrix[k * layers + k] = 1;
        if (standard_error) standard_error[k * layers + k] = 0;
        for (int l = k + 1; l < layers; l++) {
            int kl = k * layers + l, lk = l * layers + k;
            bool both = alive && da_similarity_state(s, l) == DA_LAYER_ALIVE;
            double root = sqrt(s->total[k * layers + k]) * sqrt(s->total[l * layers + l]);
            matrix[kl] = matrix[lk] = both ? s->total[kl] / root : 0;
            if (standard_error)
                standard_error[kl] = standard_error[lk] = both && s->batches > 1 ? delta_error(s, k, l)
                                                                                       : (double)NAN;
        }
    }
    return DA_OK;
}

const double *da_similarity_projections(const da_similarity *s, int layer) {
    return s->projection + layer * s->batch;
}

da_first_component da_similarity_first_component(const da_similarity *s, int layer) {
    return (da_first_component){ s->value[layer], s->trace[layer] };
}

int     da_similarity_layers(const da_similarity *s)  { return s->layers; }
int64_t da_similarity_batches(const da_similarity *s) { return s->batches; }
int64_t da_similarity_skipped(const da_similarity *s) { return s->skipped; }
int64_t da_similarity_samples(const da_similarity *s) { return s->samples_counted; }
int64_t da_similarity_bytes(const da_similarity *s)   { return s->bytes; }
