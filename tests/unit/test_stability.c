/* Agreement of partitions: against counting all pairs of layers, and on cases known by hand. */
#include "tests/unit/test.h"

#include "core/random.h"
#include "deeparc/stability.h"

enum { LAYERS = 12 };

/* A partition whose modules begin where a bit is set; layer 0 begins one anyway. */
static da_partition cut(da_module_range *room, unsigned begins, int layers) {
    da_partition p = { .layers = layers, .module = room };
    for (int l = 0; l < layers; l++)
        if (l == 0 || begins >> l & 1) room[p.modules++] = (da_module_range){ l, layers };
    for (int m = 0; m + 1 < p.modules; m++) room[m].end = room[m + 1].begin;
    return p;
}

/* Hubert and Arabie from the four counts of pairs, not from module sizes. */
static double rand_by_pairs(const da_partition *a, const da_partition *b) {
    double both = 0, only_a = 0, only_b = 0, neither = 0;
    for (int i = 0; i < a->layers; i++)
        for (int j = i + 1; j < a->layers; j++) {
            bool in_a = da_partition_module_of(a, i) == da_partition_module_of(a, j);
            bool in_b = da_partition_module_of(b, i) == da_partition_module_of(b, j);
            *(in_a && in_b ? &both : in_a ? &only_a : in_b ? &only_b : &neither) += 1;
        }
    double below = (both + only_a) * (only_a + neither) + (both + only_b) * (only_b + neither);
    return below > 0 ? 2 * (both * neither - only_a * only_b) / below : 1;
}

TEST(stability_equals_counting_pairs) {
    da_module_range rooms[2][LAYERS];
    for (uint64_t i = 0; i < 200; i++) {
        unsigned bits[2];
        for (int k = 0; k < 2; k++)
            bits[k] = da_random_below(3, da_stream(DA_RANDOM_TEST, 1), 2 * i + (uint64_t)k, 1u << LAYERS);
        da_partition a = cut(rooms[0], bits[0], LAYERS), b = cut(rooms[1], bits[1], LAYERS);
        unsigned inner = (1u << LAYERS) - 2, both = bits[0] & bits[1] & inner, either = (bits[0] | bits[1]) & inner;
        da_agreement agreement;
        CHECK_OK(da_partition_agreement(&a, &b, &agreement));
        CHECK_CLOSE(agreement.rand, rand_by_pairs(&a, &b), 1e-12);
        CHECK_CLOSE(agreement.boundaries,
                    either ? (double)__builtin_popcount(both) / __builtin_popcount(either) : 1, 1e-12);
    }
}

TEST(stability_of_cuts_known_by_hand) {
    da_module_range rooms[4][LAYERS];
    da_partition p[4] = { cut(rooms[0], 1u << 3 | 1u << 5, 6), cut(rooms[1], 1u << 3 | 1u << 4, 6),
                          cut(rooms[2], 1u << 3 | 1u << 5, 6), cut(rooms[3], 0, 4) };
    da_stability s;
    da_agreement agreement;
    CHECK_OK(da_partition_agreement(&p[0], &p[1], &agreement));
    CHECK_CLOSE(agreement.boundaries, 1.0 / 3, 1e-12);
    CHECK_OK(da_partition_stability(p, 3, &s)); /* pairs: 1/3, 1, 1/3 */
    CHECK_INT(s.pairs, 3);
    CHECK_CLOSE(s.boundaries.mean, 5.0 / 9, 1e-12);
    CHECK_CLOSE(s.boundaries.least, 1.0 / 3, 1e-12);
    CHECK_CLOSE(s.boundaries.deviation, sqrt(4.0 / 27), 1e-12);
    CHECK_OK(da_partition_stability(p, 2, &s));
    CHECK(s.pairs == 1 && isnan(s.boundaries.deviation) && isnan(s.rand.deviation)); /* a spread of one is unknown */
    CHECK_FAILS(da_partition_stability(p, 1, &s), DA_ERROR_ARGUMENT, "at least 2");
    CHECK_FAILS(da_partition_stability(p, 4, &s), DA_ERROR_SHAPE, "of 6 and of 4 layers");
    da_partition one = cut(rooms[3], 0, 1);
    CHECK_OK(da_partition_agreement(&one, &one, &agreement));
    CHECK(agreement.rand == 1 && agreement.boundaries == 1);
}
