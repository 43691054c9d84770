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
#include <stddef.h>
#include <string.h>

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
    double share = s->warm_share > 0 ? (double)s->warm_share : DA_SCHEDULE_RISE;
    double peak = share * (double)total - 1, last = (double)(total - 1), at = (double)step;
    if (at <= peak) return descend(c->begin, c->peak, peak > 0 ? at / peak : 1);
    return descend(c->peak, c->end, last > peak ? (at - peak) / (last - peak) : 1);
}

static double constant_rate(const da_schedule *s, int64_t step, int64_t steps_epoch, int64_t total) {
    (void)step, (void)steps_epoch, (void)total;
    return (double)s->rate;
}

static double dropped(const da_schedule *s, int64_t drops) {
    double rate = (double)s->rate;
    for (; drops > 0 && rate > 0; drops--) rate *= s->factor > 0 ? (double)s->factor : DA_SCHEDULE_FACTOR;
    return rate;
}

static double step_rate(const da_schedule *s, int64_t step, int64_t steps_epoch, int64_t total) {
    (void)total;
    return dropped(s, step / steps_epoch / s->every);
}

static double multi_step_rate(const da_schedule *s, int64_t step, int64_t steps_epoch, int64_t total) {
    int64_t drops = 0;
    (void)total;
    while (drops < s->milestone_count && s->milestones[drops] <= step / steps_epoch) drops++;
    return dropped(s, drops);
}

static double cosine_rate(const da_schedule *s, int64_t step, int64_t steps_epoch, int64_t total) {
    (void)steps_epoch;
    if (step < s->warm_steps || total <= s->warm_steps) return (double)s->rate;
    return descend((double)s->rate, (double)s->final, (double)(step - s->warm_steps) / (double)(total - s->warm_steps));
}

static double one_cycle_rate(const da_schedule *s, int64_t step, int64_t steps_epoch, int64_t total) {
    (void)steps_epoch;
    return one_cycle(s, &(cycle){ (double)s->rate / 25, (double)s->rate, (double)s->final }, step, total);
}

/* The rate of a step, without the warm-up, and the options that it reads. */
static const struct {
    double (*rate)(const da_schedule *s, int64_t step, int64_t steps_epoch, int64_t total);
    const char *uses;
} rules[DA_SCHEDULE_COUNT] = {
    [DA_CONSTANT] = { constant_rate, "warmup" },
    [DA_STEP] = { step_rate, "warmup factor step-every" },
    [DA_MULTI_STEP] = { multi_step_rate, "warmup factor milestones" },
    [DA_COSINE] = { cosine_rate, "warmup final-rate" },
    [DA_ONE_CYCLE] = { one_cycle_rate, "final-rate rise low-momentum" },
};

bool da_schedule_uses(da_schedule_kind kind, const char *option) { return strstr(rules[kind].uses, option) != NULL; }

static int64_t within(int64_t step, int64_t total) { return step < total ? step : total > 0 ? total - 1 : 0; }

float da_schedule_momentum(const da_schedule *s, float momentum, int64_t step, int64_t steps_total) {
    if (!(s->low_momentum > 0)) return momentum;
    cycle c = { (double)momentum, (double)s->low_momentum, (double)momentum };
    return (float)one_cycle(s, &c, within(step, steps_total), steps_total);
}

float da_schedule_rate(const da_schedule *s, int64_t step, int64_t steps_epoch, int64_t steps_total) {
    step = within(step, steps_total);
    double rate = rules[s->kind].rate(s, step, steps_epoch, steps_total);
    if (step < s->warm_steps) rate *= (double)(step + 1) / (double)s->warm_steps;
    return (float)rate;
}

const char *da_schedule_name(da_schedule_kind kind) {
#define ROW(NAME, name, word) #name,
    static const char *const names[] = { DA_SCHEDULES(ROW) };
    return (unsigned)kind < DA_SCHEDULE_COUNT ? names[kind] : "unknown";
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
    const struct { bool set; const char *option, *words; } options[] = {
        { s->final > 0, "final-rate", "a final rate" }, { s->factor > 0, "factor", "a factor" },
        { s->every != 0, "step-every", "epochs between drops" }, { s->milestone_count != 0, "milestones", "milestones" },
        { s->warm_steps > 0, "warmup", "warm-up steps (it warms up by itself)" },
        { s->warm_share > 0, "rise", "a warm-up share" }, { s->low_momentum > 0, "low-momentum", "a momentum at the peak" } };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (options[i].set && !da_schedule_uses(s->kind, options[i].option))
            return DA_FAIL(DA_ERROR_ARGUMENT, "schedule %s: has no use for %s: leave it out", da_schedule_name(s->kind),
                           options[i].words);
    return DA_OK;
}

da_status da_schedule_check(const da_schedule *s) {
    if ((unsigned)s->kind >= DA_SCHEDULE_COUNT)
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
