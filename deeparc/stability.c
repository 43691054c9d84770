/* Agreement of cuts: overlaps of runs are intersections of intervals. */
#include "deeparc/stability.h"

#include "core/number.h"

#include <math.h>

static double pairs_of(double count) { return count * (count - 1) / 2; }

static int overlap(da_module_range a, da_module_range b) {
    int begin = a.begin > b.begin ? a.begin : b.begin, end = a.end < b.end ? a.end : b.end;
    return end > begin ? end - begin : 0;
}

static double pairs_within(const da_partition *p) {
    double pairs = 0;
    for (int m = 0; m < p->modules; m++) pairs += pairs_of(p->module[m].end - p->module[m].begin);
    return pairs;
}

static double adjusted_rand(const da_partition *a, const da_partition *b) {
    double both = 0, of_a = pairs_within(a), of_b = pairs_within(b), all = pairs_of(a->layers);
    for (int i = 0; i < a->modules; i++)
        for (int j = 0; j < b->modules; j++) both += pairs_of(overlap(a->module[i], b->module[j]));
    double chance = all > 0 ? of_a * of_b / all : 0, most = (of_a + of_b) / 2;
    return most > chance ? (both - chance) / (most - chance) : 1;
}

static double shared_boundaries(const da_partition *a, const da_partition *b) {
    int both = 0, cuts = a->modules - 1 + b->modules - 1;
    for (int i = 1; i < a->modules; i++)
        for (int j = 1; j < b->modules; j++) both += a->module[i].begin == b->module[j].begin;
    return cuts > 0 ? (double)both / (cuts - both) : 1;
}

da_status da_partition_agreement(const da_partition *a, const da_partition *b, da_agreement *out) {
    if (a->layers != b->layers)
        return DA_FAIL(DA_ERROR_SHAPE, "partitions of %d and of %d layers cannot agree: compare those of one network",
                       a->layers, b->layers);
    *out = (da_agreement){ adjusted_rand(a, b), shared_boundaries(a, b) };
    return DA_OK;
}

/* Welford's mean and sum of squares, a value at a time; `deviation` holds the sum until the end. */
static void include(da_pair_spread *s, double value, int count) {
    double before = value - s->mean;
    s->mean += before / count;
    s->deviation += before * (value - s->mean);
    if (count == 1 || value < s->least) s->least = value;
}

da_status da_partition_stability(const da_partition *partitions, int count, da_stability *out) {
    da_stability s = { 0 };
    if (count < 2)
        return DA_FAIL(DA_ERROR_ARGUMENT, "stability of %s: at least 2 are needed", da_count(count, "partition").text);
    for (int i = 0; i < count; i++)
        for (int j = i + 1; j < count; j++) {
            da_agreement agreement;
            DA_TRY(da_partition_agreement(&partitions[i], &partitions[j], &agreement));
            s.pairs++;
            include(&s.rand, agreement.rand, s.pairs);
            include(&s.boundaries, agreement.boundaries, s.pairs);
        }
    const double freedom = s.pairs > 1 ? s.pairs - 1 : (double)NAN;
    s.rand.deviation = sqrt(s.rand.deviation / freedom);
    s.boundaries.deviation = sqrt(s.boundaries.deviation / freedom);
    *out = s;
    return DA_OK;
}
