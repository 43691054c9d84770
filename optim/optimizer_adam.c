/* Adam, and AdamW, whose decay does not go through the moments. */
#include "optim/optimizer_parts.h"

#include <math.h>

static void update(const dai_step *step, const dai_slot *slot, int64_t n, float *w, const float *g,
                   float *const states[DAI_STATES]) {
    const da_optimizer_options *o = step->options;
    const double rate = (double)step->rate * (double)slot->rate_factor;
    const bool decoupled = o->kind == DA_ADAMW;
    const da_adam_update coefficients = {
        .beta1 = o->beta1, .fresh1 = (float)(1 - (double)o->beta1),
        .beta2 = o->beta2, .fresh2 = (float)(1 - (double)o->beta2),
        .rate = (float)(rate / step->correction1), .root_correction = (float)(1 / sqrt(step->correction2)),
        .epsilon = o->epsilon, .decay = decoupled ? 0 : slot->decay,
        .keep = decoupled ? (float)(1 - rate * (double)slot->decay) : 1, .scale = step->scale };
    step->kernels->adam_update(&coefficients, n, w, g, states[0], states[1]);
}

#define RULE(kind_)                                                                                        \
    {                                                                                                      \
        .defaults = { .kind = kind_, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f }, .rate = 0.001f,    \
        .uses = "betas epsilon", .states = { "moment1", "moment2" }, .update = update                      \
    }
const dai_rule dai_rule_adam = RULE(DA_ADAM), dai_rule_adamw = RULE(DA_ADAMW);
