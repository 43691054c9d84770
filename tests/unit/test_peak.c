/* The measuring stick of the benchmark: it must do all the work it counts, whatever the instruction set. */
#include "tests/unit/test.h"
#include "core/kernels/kernels.h"

TEST(peak_comes_to_rest_at_two_in_every_table) {
    const da_kernels *const *tables = da_kernels_list();
    for (int t = 0; tables[t]; t++) {
        float rest = 0;
        int64_t flops = tables[t]->peak(100, &rest);
        CHECK(rest == 2.0f);
        CHECK(flops >= 2 * 16 * 100 && flops % (2 * 16 * 100) == 0); /* whole vectors of 16 lanes */
    }
}

TEST(peak_before_it_rests_shows_every_round) {
    const da_kernels *const *tables = da_kernels_list();
    for (int t = 0; tables[t]; t++) {
        float before, after, none;
        CHECK_INT(tables[t]->peak(0, &none), 0);
        tables[t]->peak(3, &before);
        tables[t]->peak(4, &after);
        CHECK_CLOSE(after, before / 2 + 1, 1e-6);
        CHECK(after > before && before > none);
    }
}
