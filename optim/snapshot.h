/* A copy of what training moves: the values of parameters and running statistics that are not frozen.
 *
 *     model      conv1.weight  bn1.weight  bn1.running_mean  ...        values | conv1.weight | bn1.weight | ... |
 */
#ifndef DA_OPTIM_SNAPSHOT_H
#define DA_OPTIM_SNAPSHOT_H

#include "layers/model.h"

typedef struct dai_snapshot {
    da_named_parameter *items; /* names in checkpoints, owned; parameters, borrowed from the model */
    da_tensor *values;         /* views of block, one an item */
    float     *block;
    int        count;
} dai_snapshot;

/* Takes all memory; the values are not set. buffers_only: running statistics alone. */
da_status dai_snapshot_init(dai_snapshot *snapshot, const da_model *model, bool buffers_only);
void      dai_snapshot_free(dai_snapshot *snapshot); /* takes one that is all zero, and leaves it so */

void dai_snapshot_take(dai_snapshot *snapshot);          /* model -> copy */
void dai_snapshot_restore(const dai_snapshot *snapshot); /* copy -> model */

#endif
