/* One step of an optimizer: the norm of the gradient, then the update, both over fixed chunks. */
#include "core/parallel.h"
#include "optim/optimizer_parts.h"

#include <math.h>

static float *gradient_of(const da_optimizer *o, const dai_chunk *chunk) {
    return da_tensor_floats(&o->slots[chunk->slot].parameter->gradient) + chunk->begin;
}

static void sum_chunk(void *context, int64_t i, int worker) {
    (void)worker;
    da_optimizer *o = context;
    const dai_chunk *chunk = &o->chunks[i];
    bool frozen = o->slots[chunk->slot].parameter->frozen;
    o->sums[i] = frozen ? 0 : da_kernels_active()->square_sum(chunk->count, gradient_of(o, chunk));
}

/* Floats of all parameters; of their gradients and states as many each. */
static int64_t values_of(const da_optimizer *o) {
    int64_t values = 0;
    for (int64_t i = 0; i < o->chunk_count; i++) values += o->chunks[i].count;
    return values;
}

static double gradient_norm(da_optimizer *o) {
    double sum = 0;
    da_parallel_for(o->chunk_count, da_work_of_floats(values_of(o)), sum_chunk, o);
    for (int64_t i = 0; i < o->chunk_count; i++) sum += o->sums[i];
    return sqrt(sum);
}

typedef struct step_plan { da_optimizer *optimizer; dai_step step; } step_plan;

/* base^n by squaring: a function of n alone, so that a resumed run has the same bits. */
static double power(double base, int64_t n) {
    double result = 1;
    for (; n > 0; n >>= 1, base *= base)
        if (n & 1) result *= base;
    return result;
}

static void update_chunk(void *context, int64_t i, int worker) {
    (void)worker;
    const step_plan *plan = context;
    const da_optimizer *o = plan->optimizer;
    const dai_chunk *chunk = &o->chunks[i];
    const dai_slot *slot = &o->slots[chunk->slot];
    if (slot->parameter->frozen) return;
    float *w = da_tensor_floats(&slot->parameter->value) + chunk->begin, *state[DAI_STATES] = { NULL };
    for (int s = 0; s < o->states; s++) state[s] = da_tensor_floats(&slot->state[s]) + chunk->begin;
    dai_rule_of(o->options.kind)->update(&plan->step, slot, chunk->count, w, gradient_of(o, chunk), state);
}

static da_status check_gradients(const da_optimizer *o) {
    for (int s = 0; s < o->slot_count; s++)
        if (!o->slots[s].parameter->frozen && !o->slots[s].parameter->has_gradient)
            return DA_FAIL(DA_ERROR_ARGUMENT, "optimizer step: parameter %d ('%s') has no gradient: a backward must succeed first",
                           s, o->slots[s].parameter->name);
    return DA_OK;
}

da_status da_optimizer_step(da_optimizer *o, float rate, double *norm) {
    if (!(rate >= 0 && isfinite(rate)))
        return DA_FAIL(DA_ERROR_ARGUMENT, "optimizer step: the learning rate is %g: it must be 0 or more",
                       (double)rate);
    DA_TRY(check_gradients(o));
    double length = gradient_norm(o);
    if (norm) *norm = length;
    if (!isfinite(length))
        return DA_FAIL(DA_ERROR_NUMERIC,
                       "optimizer step %lld: the gradient's norm is %g: a smaller learning rate may help",
                       (long long)(o->steps + 1), length);
    double clip = (double)o->options.clip, scale = clip / (length + 1e-6);
    o->steps++;
    step_plan plan = { o, { .options = &o->options, .kernels = da_kernels_active(), .rate = rate,
                            .scale = clip > 0 && scale < 1 ? (float)scale : 1,
                            .correction1 = 1 - power((double)o->options.beta1, o->steps),
                            .correction2 = 1 - power((double)o->options.beta2, o->steps) } };
    da_parallel_for(o->chunk_count, da_work_of_floats((2 + o->states) * values_of(o)), update_chunk, &plan);
    return DA_OK;
}
