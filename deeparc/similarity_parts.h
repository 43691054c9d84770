/* Inside similarity.c and similarity_state.c: what an accumulator holds. */
#ifndef DA_DEEPARC_SIMILARITY_PARTS_H
#define DA_DEEPARC_SIMILARITY_PARTS_H

#include "deeparc/similarity.h"

struct da_similarity {
    int layers;
    int64_t batch, samples; /* the largest batch; samples of the open one, 0 when none is open */
    da_similarity_options options;
    int64_t batches, skipped, samples_counted, bytes;
    bool *seen;             /* in the open batch */
    bool *broken;           /* was not finite, ever */
    double *gram;           /* of the layer being observed, and its row sums behind */
    double *row_sum;
    double *centred;
    double *inner;          /* of the batch being closed */
    double *raw;            /* sum over batches of <G, G> before centring, a layer */
    double *raw_open;       /* the same for the open batch */
    double *total, *square, *cross, *selves;
    float  *packed;         /* of linear CKA: features on their way into the Gram */
    double *projection;     /* layers x batch: of the open batch, where first components are looked for */
    double *value, *trace;  /* sums over batches, a layer: of the first component, of all of them */
    int64_t *columns;       /* of Procrustes: of every layer's factor, which then stands in `centred` */
    double *norm_scratch;   /* of Procrustes: NORM_CHUNKS parts */
};

#endif
