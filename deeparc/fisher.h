/* Fisher's optimal segmentation: the chain of layers cut into K runs, each as even as can be. No threshold is needed.
 *
 *     similarity matrix        s[j] = sum over i of matrix[i][j]        how much layer j has in common with all layers
 *
 *     s        8.9 8.8 8.9 | 6.1 6.0 | 3.2                              K = 3
 *     cost        .007     +  .005   +  0                           D(a, b) = sum over a <= j < b of (s[j] - mean)^2
 *
 * The cost of a segmentation is the sum of D over its segments. Fisher ("On grouping for maximum homogeneity", J. Am.
 * Stat. Assoc. 53, 1958) showed that the best one of an ordered series can be found exactly: the best K segments of
 * s[0..b) are the best K - 1 of some s[0..a) and the segment [a, b):
 *
 *     best(1, b) = D(0, b)           best(K, b) = min over a of best(K - 1, a) + D(a, b)
 *
 * The series is that of later work on pruning layers (SGLP). Of equally cheap cuts the leftmost is taken.
 *
 * How many segments. The cost falls from best(1) to 0 at K = layers, steeply first. The automatic choice is the elbow
 * of that curve, its point furthest below the straight line between its two ends (Satopaa et al., "Finding a kneedle in a
 * haystack", 2011): the K that makes
 *
 *     (1 - best(K) / best(1)) - (K - 1) / (layers - 1)
 *
 * largest, the smallest such K; 1 when the layers do not differ. In words: a further segment must explain more of the
 * variation than one segment does on average.
 */
#ifndef DA_DEEPARC_FISHER_H
#define DA_DEEPARC_FISHER_H

#include "deeparc/partition.h"

DA_C_BEGIN

typedef struct da_fisher {
    int     layers, elbow; /* elbow: the automatic choice */
    double *series;        /* s, one a layer; owned, and so are the others */
    double *cost;          /* cost[K - 1]: of the best K segments; never rises with K, 0 for K = layers */
    int    *cut;           /* layers x layers: cut[(K - 1) layers + b - 1] is where the last of K segments of s[0..b)
                              begins */
} da_fisher;

/* matrix: as da_partition_extract takes it, with the same errors. Cost O(layers^3), memory O(layers^2). */
da_status da_fisher_solve(const double *matrix, int layers, da_fisher *out);
void      da_fisher_free(da_fisher *fisher); /* takes one of all zero bytes, and leaves it so */

/* The best partition into so many modules; 0: as many as the elbow says. Errors: DA_ERROR_ARGUMENT (modules outside
   0..layers), DA_ERROR_MEMORY. */
da_status da_fisher_partition(const da_fisher *fisher, int modules, da_partition *out);

/* The share of the variation between layers that so many segments explain, 1 - cost(K) / cost(1); 1 when there is
   none. */
double da_fisher_explained(const da_fisher *fisher, int modules);

DA_C_END

#endif
