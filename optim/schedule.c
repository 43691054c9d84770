/* Learning-rate schedules.
 *
 * Two of them descend along half a cosine. With t from 0 to 1 its height is
 *
 *     h(t) = (1 + cos(pi t)) / 2 = 1 - sin^2(pi t / 2)        1 ▔╲
 *                                                                  ╲
 *     and h(t) = 1 - h(1 - t), so a sine on [0, pi/4] is enough.     ╲_ 0
 */
#include "optim/schedule.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/* sin x for 0 <= x <= pi/4: Taylor's series up to x^15; what is left out is below 5e-17. */
static double sine(double x) {
    static const double terms[] = { -1.0 / 1307674368000, 1.0 / 6227020800, -1.0 / 39916800, 1.0 / 362880,
                                    -1.0 / 5040, 1.0 / 120, -1.0 / 6, 1.0 };
    double square = x * x, sum = 0;
    for (int i = 0; i < 8; i++) sum = sum * square + terms[i];
    return sum * x;
}

/* The half cosine from `from` (t = 0) to `to` (t = 1). */
static double descend(double from, double to, double t) {
    const double half_pi = 1.57079632679489661923;
    if (t <= 0) return from;
    if (t >= 1) return to;
    double s = sine(half_pi * (t <= 0.5 ? t : 1 - t));
    double height = t <= 0.5 ? 1 - s * s : s * s;
    return to + (from - to) * height;
}

typedef struct cycle { double begin, peak, end; } cycle;

static double one_cycle(const da_schedule *s, const cycle *c, int64_t step, int64_t total) {
    if (total <= 1) return c->peak; /* up and down in one step: the end alone would train nothing */
    double share = s->warm_share > 0 ? (double)s->warm_share : 0.3;
    double peak = share * (double)total - 1, last = (double)(total - 1), at = (double)step;
    if (at <= peak) return descend(c->begin, c->peak, peak > 0 ? at / peak : 1);
    return descend(c->peak, c->end, last > peak ? (at - peak) / (last - peak) : 1);
}

/* How many drops lie at or before this epoch. */
static int64_t drops(const da_schedule *s, int64_t epoch) {
    if (s->kind == DA_STEP) return epoch / s->every;
    int64_t count = 0;
    while (count < s->milestone_count && s->milestones[count] <= epoch) count++;
    return count;
}

static double after_warm_up(const da_schedule *s, int64_t step, int64_t steps_epoch, int64_t total) {
    double rate = (double)s->rate;
    switch (s->kind) {
    case DA_CONSTANT: break;
    case DA_STEP:
    case DA_MULTI_STEP:
        for (int64_t n = drops(s, step / steps_epoch); n > 0 && rate > 0; n--)
            rate *= s->factor > 0 ? (double)s->factor : 0.1;
        break;
    case DA_COSINE:
        if (step < s->warm_steps || total <= s->warm_steps) break;
        return descend(rate, (double)s->final, (double)(step - s->warm_steps) / (double)(total - s->warm_steps));
    case DA_ONE_CYCLE: return one_cycle(s, &(cycle){ rate / 25, rate, (double)s->final }, step, total);
    }
    return rate;
}

static int64_t within(int64_t step, int64_t total) { return step < total ? step : total > 0 ? total - 1 : 0; }

float da_schedule_momentum(const da_schedule *s, float momentum, int64_t step, int64_t steps_total) {
    if (!(s->low_momentum > 0)) return momentum;
    cycle c = { (double)momentum, (double)s->low_momentum, (double)momentum };
    return (float)one_cycle(s, &c, within(step, steps_total), steps_total);
}

float da_schedule_rate(const da_schedule *s, int64_t step, int64_t steps_epoch, int64_t steps_total) {
    step = within(step, steps_total);
    double rate = after_warm_up(s, step, steps_epoch, steps_total);
    if (step < s->warm_steps) rate *= (double)(step + 1) / (double)s->warm_steps;
    return (float)rate;
}

const char *da_schedule_name(da_schedule_kind kind) {
    static const char *const names[] = { "constant", "step", "multi_step", "cosine", "one_cycle" };
    return kind >= DA_CONSTANT && kind <= DA_ONE_CYCLE ? names[kind] : "unknown";
}

static da_status check_milestones(const da_schedule *s) {
    if (s->milestone_count < 1 || s->milestone_count > DA_MAX_MILESTONES)
        return DA_FAIL(DA_ERROR_ARGUMENT, "schedule multi_step: takes 1 to %d milestones, not %d", DA_MAX_MILESTONES,
                       s->milestone_count);
    for (int i = 0; i < s->milestone_count; i++)
        if (s->milestones[i] < 1 || (i > 0 && s->milestones[i] <= s->milestones[i - 1]))
            return DA_FAIL(DA_ERROR_ARGUMENT,
                           "schedule multi_step: milestones are epochs above 0 that ascend; number %d is %lld", i + 1,
                           (long long)s->milestones[i]);
    return DA_OK;
}

/* Options that this kind has no use for must not be set. */
static da_status check_unused(const da_schedule *s) {
    bool drops_rate = s->kind == DA_STEP || s->kind == DA_MULTI_STEP,
         ends = s->kind == DA_COSINE || s->kind == DA_ONE_CYCLE;
    const char *unused = (s->final > 0 && !ends) ? "a final rate"
                       : (s->factor > 0 && !drops_rate) ? "a factor"
                       : (s->every != 0 && s->kind != DA_STEP) ? "epochs between drops"
                       : (s->milestone_count != 0 && s->kind != DA_MULTI_STEP) ? "milestones"
                       : (s->warm_steps > 0 && s->kind == DA_ONE_CYCLE) ? "warm-up steps (it warms up by itself)"
                       : (s->warm_share > 0 && s->kind != DA_ONE_CYCLE) ? "a warm-up share"
                       : (s->low_momentum > 0 && s->kind != DA_ONE_CYCLE) ? "a momentum at the peak" : NULL;
    if (unused)
        return DA_FAIL(DA_ERROR_ARGUMENT, "schedule %s: has no use for %s: leave it out", da_schedule_name(s->kind),
                       unused);
    return DA_OK;
}

da_status da_schedule_check(const da_schedule *s) {
    if (s->kind < DA_CONSTANT || s->kind > DA_ONE_CYCLE)
        return DA_FAIL(DA_ERROR_ARGUMENT, "schedule: kind %d is unknown", (int)s->kind);
    const char *name = da_schedule_name(s->kind);
    if (!(s->rate >= 0 && isfinite(s->rate)))
        return DA_FAIL(DA_ERROR_ARGUMENT, "schedule %s: the learning rate is %g: it must be 0 or more", name,
                       (double)s->rate);
    if (!(s->final >= 0 && s->final <= s->rate))
        return DA_FAIL(DA_ERROR_ARGUMENT, "schedule %s: the final rate %g must lie between 0 and the rate %g", name,
                       (double)s->final, (double)s->rate);
    if (!(s->factor >= 0 && s->factor <= 1))
        return DA_FAIL(DA_ERROR_ARGUMENT, "schedule %s: the factor is %g: it must lie between 0 and 1", name,
                       (double)s->factor);
    if (!(s->warm_share >= 0 && s->warm_share < 1))
        return DA_FAIL(DA_ERROR_ARGUMENT, "schedule %s: the warm-up share %g must be below 1", name,
                       (double)s->warm_share);
    if (!(s->low_momentum >= 0 && s->low_momentum < 1))
        return DA_FAIL(DA_ERROR_ARGUMENT, "schedule %s: the momentum at the peak is %g: it must be below 1", name,
                       (double)s->low_momentum);
    if (s->warm_steps < 0)
        return DA_FAIL(DA_ERROR_ARGUMENT, "schedule %s: %lld warm-up steps are too few", name,
                       (long long)s->warm_steps);
    if (s->kind == DA_STEP && s->every < 1)
        return DA_FAIL(DA_ERROR_ARGUMENT, "schedule step: %lld epochs between drops are too few", (long long)s->every);
    if (s->kind == DA_MULTI_STEP) DA_TRY(check_milestones(s));
    return check_unused(s);
}
