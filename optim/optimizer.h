/* Optimizers: one step moves every parameter that is not frozen, from its gradient.
 *
 *     group 0   "*.bias"      rate x 2, weight decay 0        the first group whose glob matches the name counts;
 *     group 1   "layer3.*"    rate x 0.1, weight decay 5e-4   a parameter in no group: rate x 1, the options' decay
 *
 * State (momentum, first and second moments) exists for parameters that train; frozen ones have none and do not move by
 * a bit. All arithmetic is element by element in fused multiply-adds (core/kernels/update.h), cut into fixed chunks:
 * the same bits on any number of threads. Formulas and defaults are PyTorch's.
 */
#ifndef DA_OPTIM_OPTIMIZER_H
#define DA_OPTIM_OPTIMIZER_H

#include "layers/model.h"

DA_C_BEGIN

/* A new one is a row here and a file with its dai_rule (optimizer_parts.h). */
#define DA_OPTIMIZERS(row) row(SGD, sgd) row(ADAM, adam) row(ADAMW, adamw)
#define DA_ROW(NAME, name) DA_##NAME,
typedef enum da_optimizer_kind { DA_OPTIMIZERS(DA_ROW) DA_OPTIMIZER_COUNT } da_optimizer_kind; /* DA_SGD, ... */
#undef DA_ROW

typedef struct da_optimizer_options {
    da_optimizer_kind kind;
    float momentum;        /* SGD; 0 <= momentum < 1 */
    bool  nesterov;        /* SGD; needs momentum > 0 */
    float beta1, beta2, epsilon; /* Adam, AdamW; betas 0 <= beta < 1, epsilon > 0 */
    float weight_decay;    /* SGD, Adam: L2 added to the gradient; AdamW: decoupled */
    bool  decay_weights_only; /* no decay for biases and batch norm (parameters with one dimension) */
    float clip;            /* largest global norm of the gradient; 0: no clipping */
} da_optimizer_options;

/* SGD: momentum .9. Adam and AdamW: betas .9 and .999, epsilon 1e-8. No decay, no clip. What a kind does not use is 0,
   and has to stay so: da_optimizer_check refuses options that would be ignored. */
da_optimizer_options da_optimizer_defaults(da_optimizer_kind kind);
da_status            da_optimizer_check(const da_optimizer_options *options);
const char          *da_optimizer_name(da_optimizer_kind kind); /* "sgd", "adam", "adamw" */
bool                 da_optimizer_uses(da_optimizer_kind kind, const char *option); /* momentum, nesterov, betas, epsilon */
float                da_optimizer_rate(da_optimizer_kind kind); /* a learning rate to begin with */

/* A parameter group: those parameters whose full name matches a glob (as in a shell: * any text, ? any one character,
   [12] one of these); the first matching group counts. Its weight_decay replaces the options', also for biases under
   decay_weights_only. */
typedef struct da_parameter_group { const char *glob; float rate_factor, weight_decay; } da_parameter_group;

typedef struct da_optimizer da_optimizer;

/* For the parameters that are not frozen now. Borrows them: free the optimizer before the chain is edited. groups may
   be NULL. All memory is taken here. Errors: DA_ERROR_ARGUMENT (options, nothing to train, a glob that matches no
   parameter of the model), DA_ERROR_MEMORY. */
da_status da_optimizer_new(da_optimizer **optimizer, da_model *model, const da_optimizer_options *options,
                           const da_parameter_group *groups, int group_count);
void      da_optimizer_free(da_optimizer *optimizer); /* takes NULL */

/* SGD with a momentum above 0: replaces it from the next step on. DA_ERROR_ARGUMENT for another optimizer, or a momentum
   that is not above 0 and below 1. */
da_status da_optimizer_set_momentum(da_optimizer *optimizer, float momentum);

/* One step with this learning rate, from the gradients that backward left. Clips first when asked: gradients are scaled
   by min(1, clip / (norm + 1e-6)). Writes the gradient's global norm (before clipping) when norm is not NULL.
   Parameters that were frozen since are left alone. No heap call. Cost: two passes over the gradients, one over
   parameters and state. Errors, nothing moved: DA_ERROR_NUMERIC when the norm is not finite, DA_ERROR_ARGUMENT when
   rate is negative or not finite, or a parameter has no gradient: no backward has succeeded since it was last
   part of a forward that records. */
da_status da_optimizer_step(da_optimizer *optimizer, float rate, double *norm);

/* State for checkpoints: tensors named "optimizer/<parameter>.<momentum|moment1|moment2>", borrowed, in the parameters'
   memory order; and the step count. */
int64_t     da_optimizer_steps(const da_optimizer *optimizer);
void        da_optimizer_set_steps(da_optimizer *optimizer, int64_t steps);
int         da_optimizer_state_count(const da_optimizer *optimizer);
const char *da_optimizer_state_name(const da_optimizer *optimizer, int i);
da_tensor  *da_optimizer_state_tensor(da_optimizer *optimizer, int i);
/* Can this state have come from steps? DA_ERROR_FORMAT names a tensor with a value that is not a number, or with a
   second moment below zero. */
da_status   da_optimizer_state_check(const da_optimizer *optimizer);

DA_C_END

#endif
