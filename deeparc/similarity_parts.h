/* Inside similarity.c and similarity_state.c: what an accumulator holds. */
#ifndef DA_DEEPARC_SIMILARITY_PARTS_H
#define DA_DEEPARC_SIMILARITY_PARTS_H

#include "deeparc/similarity.h"

/* A comparison: what it keeps of a layer, and the inner product of what it kept of two, whose sums over batches give
   inner(k, l) / sqrt(inner(k, k) inner(l, l)). A new one is a row of DA_COMPARISONS and a file with its dai_comparison. */
typedef struct dai_comparison {
    const char *name[2];      /* by kernel; one for all where there is no second */
    const char *estimator;    /* how a value comes about; NULL: by the estimator of HSIC */
    int64_t (*kept)(int64_t batch);     /* numbers kept of a layer */
    int64_t (*scratch)(int64_t batch);  /* numbers that inner needs; NULL: none */
    /* From s->gram, which it may change, and s->row_sum (scratch) to what is kept, all zero before the first; returns
       the squared norm before centring. */
    double (*take)(da_similarity *s, int layer, int64_t n, double *kept);
    double (*inner)(const da_similarity *s, const double *a, const double *b, double *scratch);
    double constant_share;    /* a layer whose norm centring shrinks to this share is constant */
    bool   wide_is_high;      /* the more features, the higher the value of noise */
} dai_comparison;

/* A Gram that centring shrinks to this share of its squared norm is constant. Equal samples have entries equal to
   the bit, so what centring leaves is the rounding of row sums: a share of at most (n 2^-53)^2, 1e-27 for n = 256. */
#define DAI_CONSTANT_SHARE 1e-24

/* For symmetric matrices: above the diagonal, then the diagonal; the product of two; the squared norm of a Gram. */
int64_t dai_packed_count(int64_t n);
double  dai_packed_inner(const da_similarity *s, const double *a, const double *b, double *scratch);
double  dai_gram_norm(const double *gram, int64_t n);

struct da_similarity {
    int layers;
    int64_t batch, samples; /* the largest batch; samples of the open one, 0 when none is open */
    da_similarity_options options;
    int64_t batches, skipped, samples_counted, bytes;
    bool *seen;             /* in the open batch */
    bool *broken;           /* was not finite, ever */
    double *gram;           /* of the layer being observed, and its row sums behind */
    double *row_sum;
    double *kept;           /* layers x stride: of the open batch */
    int64_t stride, own;    /* own: bytes that the comparison takes */
    double *scratch;        /* of the comparison: a part for each chunk of pairs */
    double *inner;          /* of the batch being closed */
    double *raw;            /* sum over batches of <G, G> before centring, a layer */
    double *raw_open;       /* the same for the open batch */
    double *total, *square, *cross, *selves;
    float  *packed;         /* of linear CKA: features on their way into the Gram */
    double *projection;     /* layers x batch: of the open batch, where first components are looked for */
    double *value, *trace;  /* sums over batches, a layer: of the first component, of all of them */
};

#endif
