/* Philox against the published vectors, the deviates against libm and against their own bits, and their statistics. */
#include "tests/unit/test.h"
#include "core/random.h"

#include <stdlib.h>

/* Random123's kat_vectors, philox4x32 with 10 rounds. */
TEST(random_philox_gives_the_published_vectors) {
    static const struct { uint32_t counter[4], key[2], expected[4]; } known[] = {
        { { 0, 0, 0, 0 }, { 0, 0 }, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
        { { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff }, { 0xffffffff, 0xffffffff },
          { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
        { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 }, { 0xa4093822, 0x299f31d0 },
          { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        uint32_t out[4];
        da_philox(out, known[i].key, known[i].counter);
        for (int w = 0; w < 4; w++) CHECK_INT(out[w], known[i].expected[w]);
    }
}

TEST(random_bits_are_the_words_of_the_cipher) {
    const uint32_t key[2] = { 0x299f31d0, 0xa4093822 }, counter[4] = { 5, 1, 0x13198a2e, 0x85a308d3 };
    uint32_t word[4];
    da_philox(word, key, counter);
    for (uint32_t w = 0; w < 4; w++)
        CHECK_INT(da_random_bits(0xa4093822299f31d0u, 0x85a308d313198a2eu, (UINT64_C(0x100000005) << 2) + w), word[w]);
}

TEST(random_seed_stream_and_index_all_matter) {
    uint32_t base = da_random_bits(1, 2, 3);
    CHECK_INT(da_random_bits(1, 2, 3), base);
    CHECK(da_random_bits(2, 2, 3) != base && da_random_bits(1, 3, 3) != base && da_random_bits(1, 2, 4) != base);
    CHECK(da_random_bits(1 + (UINT64_C(1) << 32), 2, 3) != base && da_random_bits(1, 2 + (UINT64_C(1) << 48),
                                                                                  3) != base);
    CHECK(da_random_bits(1, 2, 3 + (UINT64_C(1) << 40)) != base);
    CHECK(da_stream(DA_RANDOM_TEST, 5) != da_stream(DA_RANDOM_INIT, 5));
}

TEST(random_uniform_fills_its_interval) {
    enum { N = 100000 };
    int bins[10] = { 0 };
    double sum = 0;
    for (uint64_t i = 0; i < N; i++) {
        float u = da_random_uniform(7, da_stream(DA_RANDOM_TEST, 0), i);
        CHECK(u >= 0.0f && u < 1.0f);
        if (!(u >= 0.0f && u < 1.0f)) return;
        sum += (double)u;
        bins[(int)(u * 10)]++;
    }
    CHECK_CLOSE(sum / N, 0.5, 0.004); /* four standard errors: 4 * 0.2887 / sqrt(N) */
    for (int b = 0; b < 10; b++) CHECK_CLOSE(bins[b], N / 10, 400);
}

/* The same pair of words through libm in double. */
TEST(random_normal_is_box_and_muller) {
    double worst = 0;
    for (uint64_t i = 0; i < 200000; i += 2) {
        double radius = sqrt(-2.0 * log(((double)da_random_bits(3, 9, i) + 1.0) * 0x1p-32));
        double angle = 6.283185307179586 * 0x1p-32 * (double)da_random_bits(3, 9, i + 1);
        double first = fabs((double)da_random_normal(3, 9, i) - radius * cos(angle));
        double second = fabs((double)da_random_normal(3, 9, i + 1) - radius * sin(angle));
        worst = fmax(worst, fmax(first, second));
    }
    CHECK_CLOSE(worst, 0, 8e-7); /* three roundings to float of a value below 7 */
}

TEST(random_normal_has_its_moments) {
    enum { N = 200000 };
    double sum = 0, square = 0, fourth = 0, neighbours = 0, previous = 0;
    for (uint64_t i = 0; i < N; i++) {
        double z = (double)da_random_normal(11, da_stream(DA_RANDOM_TEST, 1), i);
        sum += z;
        square += z * z;
        fourth += z * z * z * z;
        neighbours += z * previous;
        previous = z;
    }
    CHECK_CLOSE(sum / N, 0, 0.009); /* four standard errors each */
    CHECK_CLOSE(square / N, 1, 0.013);
    CHECK_CLOSE(fourth / N, 3, 0.09);
    CHECK_CLOSE(neighbours / N, 0, 0.009);
}

/* The bits themselves: a compiler or machine that rounds otherwise is found here. */
TEST(random_normal_has_the_same_bits_everywhere) {
    uint64_t hash = 1469598103934665603u; /* FNV-1a over the bits of 10,000 deviates */
    for (uint64_t i = 0; i < 10000; i++) {
        float z = da_random_normal(1, da_stream(DA_RANDOM_INIT, 0), i);
        uint32_t bits;
        memcpy(&bits, &z, sizeof bits);
        for (int b = 0; b < 32; b += 8) hash = (hash ^ (bits >> b & 255)) * 1099511628211u;
    }
    CHECK(hash == 0x9fb95446f9bf29e1u);
}

TEST(random_below_stays_below_and_is_even) {
    int seen[7] = { 0 };
    for (uint64_t i = 0; i < 70000; i++) {
        uint32_t value = da_random_below(5, 6, i, 7);
        CHECK(value < 7);
        if (value < 7) seen[value]++;
    }
    for (int v = 0; v < 7; v++) CHECK_CLOSE(seen[v], 10000, 400);
    CHECK_INT(da_random_below(1, 1, 1, 1), 0);
}

TEST(random_permutation_holds_every_number_once) {
    int64_t order[257], other[257];
    bool seen[257] = { false };
    da_random_permutation(order, 257, 1, 2);
    da_random_permutation(other, 257, 1, 2);
    CHECK(memcmp(order, other, sizeof order) == 0);
    for (int i = 0; i < 257; i++) {
        CHECK(order[i] >= 0 && order[i] < 257 && !seen[order[i]]);
        seen[order[i]] = true;
    }
    da_random_permutation(other, 257, 1, 3);
    CHECK(memcmp(order, other, sizeof order) != 0);
    da_random_permutation(order, 0, 1, 2);
    da_random_permutation(order, 1, 1, 2);
    CHECK_INT(order[0], 0);
}

TEST(random_permutations_of_three_are_equally_likely) {
    int seen[27] = { 0 };
    for (uint64_t s = 0; s < 60000; s++) {
        int64_t p[3];
        da_random_permutation(p, 3, s, 1);
        seen[p[0] * 9 + p[1] * 3 + p[2]]++;
    }
    const int codes[6] = { 5, 7, 11, 15, 19, 21 };
    for (int i = 0; i < 6; i++) CHECK_CLOSE(seen[codes[i]], 10000, 400);
}
