/* Inside an optimizer: what optimizer.c builds and optimizer_step.c runs over.
 *
 *     slots     one a parameter that trains:   conv1.weight        bn1.weight   linear.weight
 *     chunks    runs of elements in slots:    | 0 | 0 | 0 | 0 |       | 1 |      | 2 | 2 |
 *     sums      one a chunk: its sum of squared gradients, added in the order of the chunks
 */
#ifndef DA_OPTIM_OPTIMIZER_PARTS_H
#define DA_OPTIM_OPTIMIZER_PARTS_H

#include "core/kernels/kernels.h"
#include "optim/optimizer.h"

enum { DAI_STATES = 2, DAI_CHUNK = 16384 }; /* elements of a chunk: four arrays of them fit the second cache */

typedef struct dai_slot {
    da_parameter *parameter; /* borrowed from the model */
    float         rate_factor, decay;
    da_tensor     state[DAI_STATES];      /* SGD: momentum; Adam: first and second moment; those in use come first */
    char         *state_name[DAI_STATES];
} dai_slot;

/* What a step is made of, the same for every chunk. The powers are of the step count that this step completes. */
typedef struct dai_step {
    const da_optimizer_options *options;
    const da_kernels *kernels;
    float  rate, scale;
    double correction1, correction2; /* 1 - beta^t */
} dai_step;

/* A kind of optimizer. update: n parameters w with gradients g, and their states; NULL: not in use. */
typedef struct dai_rule {
    da_optimizer_options defaults;
    float rate;                     /* a learning rate to begin with */
    const char *uses;               /* of momentum, nesterov, betas, epsilon */
    const char *states[DAI_STATES]; /* what they are called in files; SGD's is there with momentum only */
    void (*update)(const dai_step *step, const dai_slot *slot, int64_t n, float *w, const float *g,
                   float *const states[DAI_STATES]);
} dai_rule;
const dai_rule *dai_rule_of(da_optimizer_kind kind);

typedef struct dai_chunk { int slot; int64_t begin, count; } dai_chunk;

struct da_optimizer {
    da_optimizer_options options;
    dai_slot  *slots;
    int        slot_count, states; /* states: tensors a slot, 0 to DAI_STATES */
    dai_chunk *chunks;
    double    *sums;
    int64_t    chunk_count;
    int64_t    steps;
};

#endif
