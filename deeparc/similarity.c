/* The accumulator: what a comparison keeps of each layer of the batch at hand, and sums over batches for every pair of
 * layers. The comparisons are rows (similarity_parts.h), each in a file compare_*.c.
 *
 *     kept      layers x n(n-1)/2 + n      of CKA and RSA what is above the diagonal, row by row, then the diagonal
 *     total     layers x layers            sum over batches of a = <kept_k, kept_l>
 *     square    layers x layers            ... of a^2                              (for the standard error)
 *     cross     layers x layers            ... of a <kept_k, kept_k>         (not symmetric)
 *     selves    layers x layers            ... of <kept_k, kept_k> <kept_l, kept_l>
 *
 * Of the layers x layers sums only what the upper triangle needs is filled. A layer that was not finite once holds
 * zeros from then on, so it cannot spoil the others.
 */
#include "deeparc/similarity_parts.h"
#include "deeparc/gram.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/parallel.h"

#include <math.h>
#include <string.h>

enum { MAX_LAYERS = 4096, MAX_BATCH = 65536, PAIR_CHUNKS = 16 };

#define ROW(NAME, name) extern const dai_comparison dai_comparison_##name;
DA_COMPARISONS(ROW)
#undef ROW
#define ROW(NAME, name) &dai_comparison_##name,
static const dai_comparison *const comparisons[] = { DA_COMPARISONS(ROW) };

static const dai_comparison *row_of(const da_similarity_options *o) { return comparisons[o->comparison]; }

const char *da_hsic_name(da_hsic hsic) { return hsic == DA_HSIC_UNBIASED ? "unbiased" : "biased"; }

const char *da_similarity_name(const da_similarity_options *o) {
    const dai_comparison *row = row_of(o);
    return o->kernel == DA_KERNEL_RBF && row->name[1] ? row->name[1] : row->name[0];
}

const char *da_similarity_estimator(const da_similarity_options *o) {
    return row_of(o)->estimator ? row_of(o)->estimator : da_hsic_name(o->hsic);
}

bool da_similarity_rises_with_width(const da_similarity_options *o) { return row_of(o)->wide_is_high; }

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

int64_t dai_packed_count(int64_t n) { return n * (n - 1) / 2 + n; }

/* The inner product of the whole symmetric matrices. */
double dai_packed_inner(const da_similarity *s, const double *a, const double *b, double *scratch) {
    int64_t above = s->samples * (s->samples - 1) / 2;
    (void)scratch;
    return 2 * dai_dot(a, b, above) + dai_dot(a + above, b + above, s->samples);
}

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
        && (s->packed = floats(s, dai_gram_centred_scratch(s->batch)))
        && (s->raw = doubles(s, s->layers)) && (s->raw_open = doubles(s, s->layers))
        && (s->inner = doubles(s, pairs)) && (s->total = doubles(s, pairs)) && (s->square = doubles(s, pairs))
        && (s->cross = doubles(s, pairs)) && (s->selves = doubles(s, pairs));
}

static bool is_linear_cka(const da_similarity_options *o) {
    return o->comparison == DA_COMPARE_CKA && o->kernel == DA_KERNEL_LINEAR;
}

/* What depends on the comparison. */
static bool allocate_more(da_similarity *s, const da_similarity_options *o) {
    const dai_comparison *row = row_of(o);
    da_free(s->kept);
    da_free(s->scratch);
    s->kept = s->scratch = NULL;
    s->bytes -= s->own;
    const int64_t before = s->bytes;
    s->stride = row->kept(s->batch);
    if (!(s->kept = doubles(s, s->layers * s->stride)) ||
        (row->scratch && !(s->scratch = doubles(s, PAIR_CHUNKS * row->scratch(s->batch)))))
        return false;
    s->own = s->bytes - before;
    if ((o->find_first_component || o->without_first_component) && !s->projection)
        return (s->projection = doubles(s, s->layers * s->batch)) && (s->value = doubles(s, s->layers))
            && (s->trace = doubles(s, s->layers));
    return true;
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
    if (!s || !allocate(s) || !allocate_more(s, &s->options)) {
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
    double *blocks[] = { s->gram, s->row_sum, s->kept, s->inner, s->raw, s->raw_open, s->total, s->square, s->cross,
                         s->selves, s->projection, s->value, s->trace, s->scratch };
    for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++) da_free(blocks[b]);
    da_free(s);
}

da_status da_similarity_choose(da_similarity *s, const da_similarity_options *options) {
    da_similarity_options o = *options;
    if (s->samples > 0 || s->batches > 0 || s->skipped > 0)
        return DA_FAIL(DA_ERROR_ARGUMENT, "similarity: the measure cannot change once features were observed");
    if ((unsigned)o.comparison >= DA_COMPARISON_COUNT)
        return DA_FAIL(DA_ERROR_ARGUMENT, "similarity: comparison %d is unknown", (int)o.comparison);
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

static bool diagonal_is_finite(const double *gram, int64_t n) {
    int64_t stride = dai_gram_stride(n);
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(gram[i * stride + i])) return false; /* a sum of squares: finite unless a feature is not */
    return true;
}

double dai_gram_norm(const double *gram, int64_t n) {
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
    return dai_gram_norm(s->gram, n) > 0 ? DA_GRAM_FINE : DA_GRAM_ZERO;
}

static void forget(da_similarity *s, int layer) {
    memset(s->kept + layer * s->stride, 0, (size_t)s->stride * sizeof *s->kept);
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
        double norm = row_of(&s->options)->take(s, layer, samples, s->kept + layer * s->stride);
        s->raw_open[layer] = norm > 0 ? norm : 1; /* 0 is for features that are all zero */
    } else {
        forget(s, layer);
    }
    return DA_OK;
}

/* Every PAIR_CHUNKS-th pair of layers, from the chunk-th on, in scratch of its own. */
static void compare_pairs(void *context, int64_t chunk, int worker) {
    da_similarity *s = context;
    const dai_comparison *row = row_of(&s->options);
    double *scratch = row->scratch ? s->scratch + chunk * row->scratch(s->batch) : NULL;
    int64_t pair = 0;
    (void)worker;
    for (int k = 0; k < s->layers; k++)
        for (int l = k; l < s->layers; l++)
            if (pair++ % PAIR_CHUNKS == chunk)
                s->inner[k * s->layers + l] = row->inner(s, s->kept + k * s->stride, s->kept + l * s->stride, scratch);
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
        const int64_t work = s->scratch ? entries * s->samples : da_work_of_floats(entries);
        da_parallel_for(PAIR_CHUNKS, work, compare_pairs, s);
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
    return self > row_of(&s->options)->constant_share * s->raw[layer] ? DA_LAYER_ALIVE : DA_LAYER_CONSTANT;
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
                       "similarity: a batch must have at least %d samples; %s of fewer went unused",
                       DA_LEAST_BATCH, da_count(s->skipped, "batch").text);
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

int64_t da_similarity_batches(const da_similarity *s) { return s->batches; }
int64_t da_similarity_skipped(const da_similarity *s) { return s->skipped; }
int64_t da_similarity_samples(const da_similarity *s) { return s->samples_counted; }
int64_t da_similarity_bytes(const da_similarity *s)   { return s->bytes; }
