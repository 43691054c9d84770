/* Learning-rate schedules: rate = f(options, step) and nothing else, so that resuming needs no state.
 *
 *     constant   ────────      step        ▔▔▁▁__        multi_step  ▔▔▔▁▁_      cosine    ╲ to `final`
 *     one_cycle  from rate/25 up to `rate` over the first `warm_share` of the steps, then down to `final`: two cosines.
 *                A run of one step takes it at `rate`
 *     warm-up    linear, rate/warm_steps, 2 rate/warm_steps, ... over the first warm_steps steps; a cosine then spans
 *                the steps that are left. Not with one_cycle, which warms up by itself
 *
 * They are PyTorch's StepLR, MultiStepLR, CosineAnnealingLR (stepped once a batch) and OneCycleLR, whose momentum goes
 * down while the rate goes up, and whose last rate is rate/250000: here both are options, unset by default (the momentum
 * stays, the last rate is 0). A rate reaches the weights, so the cosine is a polynomial of our own: + and * alone, the same bits on every machine.
 */
#ifndef DA_OPTIM_SCHEDULE_H
#define DA_OPTIM_SCHEDULE_H

#include "core/status.h"
#include <stdbool.h>
#include <stdint.h>

DA_C_BEGIN

/* row(NAME, name, word of the command line). A new one is a row here and its function in schedule.c. */
#define DA_SCHEDULES(row)                                                                                 \
    row(CONSTANT, constant, "constant") row(STEP, step, "step") row(MULTI_STEP, multi_step, "multi-step") \
    row(COSINE, cosine, "cosine") row(ONE_CYCLE, one_cycle, "one-cycle")
#define DA_ROW(NAME, ...) DA_##NAME,
typedef enum da_schedule_kind { DA_SCHEDULES(DA_ROW) DA_SCHEDULE_COUNT } da_schedule_kind; /* DA_CONSTANT, ... */
#undef DA_ROW
enum { DA_MAX_MILESTONES = 16 };
#define DA_SCHEDULE_FACTOR 0.1 /* of step and multi_step, where none is given */
#define DA_SCHEDULE_RISE   0.3 /* of one_cycle: warm_share */

typedef struct da_schedule {
    da_schedule_kind kind;
    float   rate;             /* the peak rate */
    float   final;            /* cosine, one_cycle: where they end */
    float   factor;           /* step, multi_step: multiplied in at every milestone (0 means DA_SCHEDULE_FACTOR) */
    int64_t every;            /* step: epochs between drops */
    int64_t milestones[DA_MAX_MILESTONES]; int milestone_count; /* multi_step: epochs, ascending */
    int64_t warm_steps;       /* linear warm-up; 0: none */
    float   warm_share;       /* one_cycle: 0 means DA_SCHEDULE_RISE */
    float   low_momentum;     /* one_cycle: SGD's momentum at the peak rate, as at both ends it is the optimizer's; 0: it
                                 stays. PyTorch's cycle_momentum, from .95 to .85 and back, is .85 here beside .95 there */
} da_schedule;

/* DA_ERROR_ARGUMENT when a number is out of range or an option is set that the kind would ignore. */
da_status da_schedule_check(const da_schedule *schedule);

/* Rate of step 0, 1, ... of steps_total, with steps_epoch (at least 1) steps in an epoch. The schedule has passed the
   check; a step past the end has the last step's rate. */
float da_schedule_rate(const da_schedule *schedule, int64_t step, int64_t steps_epoch, int64_t steps_total);

/* The momentum of that step, when the optimizer's is `momentum`. */
float da_schedule_momentum(const da_schedule *schedule, float momentum, int64_t step, int64_t steps_total);

/* Does it read an option, named as on the command line: step-every (every), milestones, factor, final-rate, warmup, rise
   (warm_share), low-momentum? Those that end at a final rate look ahead: their rates depend on the number of epochs. */
bool da_schedule_uses(da_schedule_kind kind, const char *option);

const char *da_schedule_name(da_schedule_kind kind); /* "constant", "step", "multi_step", "cosine", "one_cycle" */

DA_C_END

#endif
