/* Stochastic gradient descent, with momentum and Nesterov's look ahead. */
#include "optim/optimizer_parts.h"

static void update(const dai_step *step, const dai_slot *slot, int64_t n, float *w, const float *g,
                   float *const states[DAI_STATES]) {
    const da_sgd_update coefficients = { .rate = step->rate * slot->rate_factor, .momentum = step->options->momentum,
                                         .decay = slot->decay, .scale = step->scale, .nesterov = step->options->nesterov };
    step->kernels->sgd_update(&coefficients, n, w, g, states[0]);
}

const dai_rule dai_rule_sgd = {
    .defaults = { .kind = DA_SGD, .momentum = 0.9f }, .rate = 0.05f, .uses = "momentum nesterov",
    .states = { "momentum" }, .update = update
};
