/* The order in which layers are removed from a network, or repeated in it: Algorithm 2 of DeepArc.
 *
 *     modules   [0, 3)        [3, 4)   [4, 6)
 *     layers    0   1   2     3        4   5
 *     order     3   2   1     -        5   4        last to first in each module of more than one layer
 *
 * A layer alone in its module has no order. A module is consumed from its end, because its last layers add least to
 * what the first have computed. The layer that opens a module comes last (step.keeps is then 0): whoever wants to keep
 * every module alive stops before it.
 */
#ifndef DA_DEEPARC_ORDER_H
#define DA_DEEPARC_ORDER_H

#include "deeparc/partition.h"

DA_C_BEGIN

typedef struct da_order_step {
    int layer;  /* goes at this step */
    int module; /* it belongs to */
    int place;  /* 1 for the last layer of the module, 2 for the one before, ... */
    int keeps;  /* layers of the module that are left after this step */
} da_order_step;

typedef struct da_order {
    int count;           /* layers that lie in modules of more than one */
    da_order_step *step; /* owned; step[k] has order k + 1 */
} da_order;

/* Errors: DA_ERROR_ARGUMENT (not a partition, see the invariants there), DA_ERROR_MEMORY. */
da_status da_order_from_partition(const da_partition *partition, da_order *out);
void      da_order_free(da_order *order); /* takes one of all zero bytes, and leaves it so */


DA_C_END

#endif
