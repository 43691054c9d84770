/* Augmentation: what is drawn stays in range, covers the range evenly, and depends on (seed, epoch, sample) alone. */
#include "tests/unit/test.h"

#include "datasets/augment.h"

TEST(augment_draws_in_range_and_evenly) {
    da_augmentation options = { .pad = 2, .flip = true, .cutout = 8 };
    int shift_y[5] = { 0 }, shift_x[5] = { 0 }, flips = 0, centre[32] = { 0 };
    for (int64_t sample = 0; sample < 20000; sample++) {
        da_augment_plan plan = da_augment_draw(&options, 32, 32, 1, 0, sample);
        CHECK(plan.shift_y >= -2 && plan.shift_y <= 2 && plan.shift_x >= -2 && plan.shift_x <= 2);
        if (test_failed()) return;
        shift_y[plan.shift_y + 2]++;
        shift_x[plan.shift_x + 2]++;
        flips += plan.flip;
        CHECK(plan.cut_top >= 0 && plan.cut_bottom <= 32 && plan.cut_left >= 0 && plan.cut_right <= 32);
        CHECK(plan.cut_bottom - plan.cut_top >= 4 && plan.cut_bottom - plan.cut_top <= 8);
        centre[plan.cut_top == 0 ? plan.cut_bottom - 4 : plan.cut_top + 4]++;
    }
    for (int i = 0; i < 5; i++) CHECK(shift_y[i] > 3700 && shift_y[i] < 4300 && shift_x[i] > 3700 && shift_x[i] < 4300);
    CHECK(flips > 9700 && flips < 10300);
    for (int i = 0; i < 32; i++) CHECK(centre[i] > 500 && centre[i] < 750);
}

TEST(augment_depends_on_seed_epoch_and_sample_alone) {
    da_augmentation options = { .pad = 4, .flip = true, .cutout = 6 };
    int differ[3] = { 0 };
    for (int64_t sample = 0; sample < 100; sample++) {
        da_augment_plan a = da_augment_draw(&options, 28, 28, 1, 0, sample),
                        b = da_augment_draw(&options, 28, 28, 1, 0, sample);
        CHECK(a.shift_y == b.shift_y && a.shift_x == b.shift_x && a.flip == b.flip && a.cut_top == b.cut_top);
        for (int which = 0; which < 3; which++) {
            b = da_augment_draw(&options, 28, 28, which == 0 ? 2 : 1, which == 1, which == 2 ? sample + 100 : sample);
            differ[which] += a.shift_y != b.shift_y || a.shift_x != b.shift_x || a.cut_top != b.cut_top;
        }
    }
    for (int which = 0; which < 3; which++) CHECK(differ[which] > 90);
    options.cutout = 0; /* one option does not change what another draws */
    da_augmentation all = { .pad = 4, .flip = true, .cutout = 6 };
    for (int64_t sample = 0; sample < 100; sample++)
        CHECK(da_augment_draw(&options, 28, 28, 1, 0, sample).shift_x ==
              da_augment_draw(&all, 28, 28, 1, 0, sample).shift_x);
}

TEST(augment_draws_of_neighbours_are_independent) {
    da_augmentation options = { .pad = 4 };
    int same = 0, repeated = 0;
    for (int64_t sample = 0; sample < 900; sample++) {
        da_augment_plan a = da_augment_draw(&options, 28, 28, 1, 0, sample);
        da_augment_plan b = da_augment_draw(&options, 28, 28, 1, 0, sample + 1);
        same += a.shift_x == b.shift_x;
        repeated += a.shift_x == b.shift_y;
    }
    CHECK(same > 60 && same < 140 && repeated > 60 && repeated < 140); /* one in nine */
}

TEST(augment_options_that_do_not_fit_are_refused) {
    da_augmentation options = { .pad = 28 };
    CHECK_FAILS(da_augmentation_check(&options, 28, 30), DA_ERROR_ARGUMENT, "pad 28");
    options.pad = -1;
    CHECK_FAILS(da_augmentation_check(&options, 28, 30), DA_ERROR_ARGUMENT, "pad -1");
    options = (da_augmentation){ .cutout = 29 };
    CHECK_FAILS(da_augmentation_check(&options, 30, 28), DA_ERROR_ARGUMENT, "cutout 29");
    options = (da_augmentation){ .cutout = -2 };
    CHECK_FAILS(da_augmentation_check(&options, 30, 28), DA_ERROR_ARGUMENT, "cutout -2");
    options = (da_augmentation){ .pad = 27, .cutout = 28, .border = DA_BORDER_REFLECT };
    CHECK_OK(da_augmentation_check(&options, 28, 28));
    options.border = (da_augment_border)2;
    CHECK_FAILS(da_augmentation_check(&options, 28, 28), DA_ERROR_ARGUMENT, "border 2");
}
