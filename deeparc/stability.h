/* How far two cuts of the same chain of layers into modules agree, as those of two seeds, or of two halves of the data.
 *
 *     layers          0 1 2 3 4 5        boundaries of a: before 3, 5; of b: before 3, 4
 *     modules of a   [0 1 2)[3 4)[5)     in common: before 3. All: 3, 4, 5. Share: 1/3
 *     modules of b   [0 1 2)[3)[4 5)
 *
 * The adjusted Rand index counts pairs of layers that both put into one module, less what chance would give for modules
 * of these sizes (Hubert and Arabie 1985, equation 5): 1 for equal cuts, about 0 for cuts that have nothing to do with
 * each other, negative where they agree less than that.
 */
#ifndef DA_DEEPARC_STABILITY_H
#define DA_DEEPARC_STABILITY_H

#include "deeparc/partition.h"

DA_C_BEGIN

typedef struct da_agreement {
    double rand;       /* adjusted Rand index; 1 for equal cuts, also where it would be 0/0 */
    double boundaries; /* boundaries in common, as a share of those that either has; 1 where neither has one */
} da_agreement;

/* Errors: DA_ERROR_SHAPE (different numbers of layers). Cost: O(modules^2). */
da_status da_partition_agreement(const da_partition *a, const da_partition *b, da_agreement *out);

/* Of `count` partitions, over all pairs of them: mean, standard deviation (NaN for one pair) and least. Pairs share
   partitions, so the deviation describes the spread and is no basis for a test. */
typedef struct da_pair_spread { double mean, deviation, least; } da_pair_spread;
typedef struct da_stability { int pairs; da_pair_spread rand, boundaries; } da_stability;

/* Errors: DA_ERROR_ARGUMENT (fewer than two partitions), DA_ERROR_SHAPE. */
da_status da_partition_stability(const da_partition *partitions, int count, da_stability *out);

DA_C_END

#endif
