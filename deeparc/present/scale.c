/* Scales and ticks. */
#include "deeparc/present/scale.h"

#include <math.h>

da_scale dai_scale_empty(void) { return (da_scale){ HUGE_VAL, -HUGE_VAL }; }

void dai_scale_include(da_scale *scale, const double *values, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(values[i])) continue;
        const double value = fmin(fmax(values[i], -DAI_SCALE_MOST), DAI_SCALE_MOST);
        scale->low = fmin(scale->low, value);
        scale->high = fmax(scale->high, value);
    }
}

da_scale dai_scale_of(double low, double high, const double *values, int64_t count) {
    if (low < high) return (da_scale){ low, high };
    da_scale scale = dai_scale_empty();
    dai_scale_include(&scale, values, count);
    return scale.low <= scale.high ? scale : (da_scale){ 0, 1 };
}

double dai_scale_share(da_scale scale, double value) {
    if (isnan(value)) return value;
    if (!(scale.high > scale.low)) return 1;
    return fmin(fmax((value - scale.low) / (scale.high - scale.low), 0), 1);
}

/* The smallest round step of which no more than `wanted` fit. */
static double round_step(double length, int wanted) {
    double rough = length / wanted, power = pow(10, floor(log10(rough))), share = rough / power;
    return power * (share <= 1 ? 1 : share <= 2 ? 2 : share <= 5 ? 5 : 10);
}

da_ticks dai_scale_ticks(da_scale scale, int wanted, double least) {
    if (!(scale.high - scale.low > DAI_SCALE_LEAST)) return (da_ticks){ scale.low, 1, 1, 0 };
    double slack = (scale.high - scale.low) * 1e-9; /* so that rounding does not lose the tick at an end */
    double step = fmax(round_step(scale.high - scale.low, wanted), least);
    double first = ceil((scale.low - slack) / step) * step;
    int decimals = (int)fmax(0, -floor(log10(step) + 1e-9));
    return (da_ticks){ first, step, (int)floor((scale.high + slack - first) / step) + 1, decimals };
}

da_scale dai_scale_rounded(da_scale scale, int wanted) {
    if (!(scale.low <= scale.high)) return (da_scale){ 0, 1 };
    double least = fmax(fabs(scale.low), fabs(scale.high)) * 1e-6; /* below it, labels would all read the same */
    if (scale.high - scale.low <= fmax(least, DAI_SCALE_LEAST)) {
        double margin = least > DAI_SCALE_LEAST ? 1e5 * least : 1;
        scale = (da_scale){ scale.low - margin, scale.high + margin };
    }
    double step = round_step(scale.high - scale.low, wanted), slack = step * 1e-6;
    return (da_scale){ floor((scale.low + slack) / step) * step, ceil((scale.high - slack) / step) * step };
}
