/* Schedules against PyTorch's (tests/fixtures/optimizers.json), and their corners. */
#include "core/json.h"
#include "optim/schedule.h"
#include "tests/unit/test.h"

#include <stdlib.h>

static const char *const fixture = "tests/fixtures/optimizers.json";

static double number(const da_json *object, const char *key) {
    double value = 0;
    if (da_json_get(object, key)) CHECK_OK(da_json_double(object, key, &value));
    return value;
}

static da_schedule_kind kind_of(const char *name) {
    int kind = DA_CONSTANT;
    while (kind < DA_ONE_CYCLE && strcmp(da_schedule_name((da_schedule_kind)kind), name) != 0) kind++;
    return (da_schedule_kind)kind;
}

static void check_case(const da_json *item) {
    const char *kind = "";
    CHECK_OK(da_json_string(item, "kind", &kind));
    const da_json *options = da_json_get(item, "options"), *rates = da_json_get(item, "rates");
    da_schedule s = {.kind = kind_of(kind),
                     .rate = (float)number(options, "rate"),
                     .final = (float)number(options, "final"),
                     .factor = (float)number(options, "factor"),
                     .every = (int64_t)number(options, "every"),
                     .warm_share = (float)number(options, "warm_share")};
    CHECK_TEXT(da_schedule_name(s.kind), kind);
    for (const da_json *m = da_json_first(da_json_get(options, "milestones")); m; m = da_json_next(m))
        CHECK_OK(da_json_as_int(m, &s.milestones[s.milestone_count++]));
    CHECK_OK(da_schedule_check(&s));
    int64_t total = da_json_count(rates), step = 0;
    CHECK(total >= 20);
    for (const da_json *rate = da_json_first(rates); rate; rate = da_json_next(rate), step++) {
        double expected = 0;
        CHECK_OK(da_json_as_double(rate, &expected));
        CHECK_CLOSE(da_schedule_rate(&s, step, (int64_t)number(options, "steps_epoch"), total), expected,
                    2e-6 * expected);
        if (test_failed()) return;
    }
}

TEST(schedule_gives_the_rates_of_pytorch) {
    da_json *root = NULL;
    CHECK_OK(da_json_read(&root, fixture));
    const da_json *schedules = da_json_get(root, "schedules");
    CHECK_INT(da_json_count(schedules), 6);
    for (const da_json *item = da_json_first(schedules); item; item = da_json_next(item)) check_case(item);
    da_json_free(root);
}

/* OneCycleLR as it is by default: the momentum goes down while the rate goes up, and the last rate is a trace. */
static void check_whole_cycle(const da_json *item) {
    const da_json *steps = da_json_get(item, "steps");
    da_schedule s = { .kind = DA_ONE_CYCLE, .rate = (float)number(item, "rate"), .final = (float)number(item, "final"),
                      .warm_share = (float)number(item, "share"), .low_momentum = (float)number(item, "low") };
    float high = (float)number(item, "high");
    CHECK_OK(da_schedule_check(&s));
    for (int64_t step = 0, total = da_json_count(steps); step < total && !test_failed(); step++) {
        double rate = 0, momentum = 0;
        CHECK_OK(da_json_as_double(da_json_at(da_json_at(steps, step), 0), &rate));
        CHECK_OK(da_json_as_double(da_json_at(da_json_at(steps, step), 1), &momentum));
        CHECK_CLOSE(da_schedule_rate(&s, step, 5, total), rate, 2e-6 * rate + 1e-9);
        CHECK_CLOSE(da_schedule_momentum(&s, high, step, total), momentum, 1e-6);
    }
}

TEST(schedule_cycles_rate_and_momentum_as_pytorch_does) {
    da_json *root = NULL;
    CHECK_OK(da_json_read(&root, fixture));
    const da_json *cycles = da_json_get(root, "whole_cycles");
    CHECK_INT(da_json_count(cycles), 3);
    for (const da_json *item = da_json_first(cycles); item; item = da_json_next(item)) check_whole_cycle(item);
    da_json_free(root);
}

TEST(schedule_leaves_the_momentum_when_not_asked) {
    const da_schedule s = { .kind = DA_ONE_CYCLE, .rate = 0.5f }, low = { DA_ONE_CYCLE, 0.5f, .low_momentum = 0.7f };
    for (int64_t step = 0; step < 10; step++) CHECK(da_schedule_momentum(&s, 0.9f, step, 10) == 0.9f);
    CHECK(da_schedule_momentum(&low, 0.9f, 0, 1) == 0.7f); /* a run of one step is at the peak */
    CHECK(da_schedule_momentum(&low, 0.9f, 1000, 10) == 0.9f);
}

TEST(schedule_cosine_is_as_exact_as_a_float) {
    const double pi = 3.14159265358979323846;
    da_schedule s = { .kind = DA_COSINE, .rate = 1 };
    for (int64_t step = 0; step < 1000; step++)
        CHECK_CLOSE(da_schedule_rate(&s, step, 10, 1000), (1 + cos(pi * (double)step / 1000)) / 2, 6e-8);
}

TEST(schedule_warms_up_in_equal_parts) {
    da_schedule s = { .kind = DA_CONSTANT, .rate = 0.5f, .warm_steps = 4 };
    const float expected[] = { 0.125f, 0.25f, 0.375f, 0.5f, 0.5f };
    for (int64_t step = 0; step < 5; step++) CHECK(da_schedule_rate(&s, step, 10, 100) == expected[step]);
    s.kind = DA_COSINE; /* spans the 96 steps after the warm-up */
    CHECK(da_schedule_rate(&s, 3, 10, 100) == 0.5f);
    CHECK(da_schedule_rate(&s, 4, 10, 100) == 0.5f);
    CHECK_CLOSE(da_schedule_rate(&s, 52, 10, 100), 0.25, 1e-7);
    CHECK(da_schedule_rate(&s, 99, 10, 100) < 0.001f);
}

TEST(schedule_of_one_step_and_past_the_end) {
    for (int kind = DA_CONSTANT; kind <= DA_ONE_CYCLE; kind++) {
        da_schedule s = { .kind = (da_schedule_kind)kind, .rate = 0.5f, .every = kind == DA_STEP ? 1 : 0,
                          .milestones = { 1 }, .milestone_count = kind == DA_MULTI_STEP };
        CHECK_OK(da_schedule_check(&s));
        CHECK(da_schedule_rate(&s, 0, 1, 1) == 0.5f);
        CHECK(da_schedule_rate(&s, 1000, 3, 7) == da_schedule_rate(&s, 6, 3, 7));
    }
}

/* However few the steps and however long the warm-up: a rate above 0 trains. */
TEST(schedule_trains_in_the_shortest_run) {
    for (int kind = DA_CONSTANT; kind <= DA_ONE_CYCLE; kind++)
        for (int64_t total = 1; total <= 4; total++)
            for (int64_t warm = 0; warm <= (kind == DA_ONE_CYCLE ? 0 : 6); warm++) {
                da_schedule s = { .kind = (da_schedule_kind)kind, .rate = 0.5f, .every = kind == DA_STEP ? 1 : 0,
                                  .milestones = { 1 }, .milestone_count = kind == DA_MULTI_STEP, .warm_steps = warm };
                float most = 0;
                CHECK_OK(da_schedule_check(&s));
                for (int64_t step = 0; step < total; step++) {
                    float rate = da_schedule_rate(&s, step, 1, total);
                    CHECK(rate >= 0 && rate <= 0.5f);
                    if (rate > most) most = rate;
                }
                CHECK(most >= 0.5f / 8); /* one step of a warm-up of six: a sixth of the rate */
            }
}

TEST(schedule_check_refuses_a_momentum_it_would_ignore) {
    da_schedule s = { .kind = DA_COSINE, .rate = 1, .low_momentum = 0.8f };
    CHECK_FAILS(da_schedule_check(&s), DA_ERROR_ARGUMENT, "no use for a momentum at the peak");
    s = (da_schedule){ .kind = DA_ONE_CYCLE, .rate = 1, .low_momentum = 1 };
    CHECK_FAILS(da_schedule_check(&s), DA_ERROR_ARGUMENT, "momentum at the peak is 1");
}

TEST(schedule_check_names_what_is_wrong) {
    da_schedule s = { .kind = DA_CONSTANT, .rate = -1 };
    CHECK_FAILS(da_schedule_check(&s), DA_ERROR_ARGUMENT, "learning rate is -1");
    s.rate = NAN;
    CHECK_FAILS(da_schedule_check(&s), DA_ERROR_ARGUMENT, "learning rate");
    s = (da_schedule){ .kind = DA_STEP, .rate = 1 };
    CHECK_FAILS(da_schedule_check(&s), DA_ERROR_ARGUMENT, "0 epochs between drops");
    s = (da_schedule){ .kind = DA_MULTI_STEP, .rate = 1, .milestones = { 5, 5 }, .milestone_count = 2 };
    CHECK_FAILS(da_schedule_check(&s), DA_ERROR_ARGUMENT, "ascend");
    s.milestone_count = DA_MAX_MILESTONES + 1;
    CHECK_FAILS(da_schedule_check(&s), DA_ERROR_ARGUMENT, "17");
    s = (da_schedule){ .kind = DA_COSINE, .rate = 0.1f, .final = 0.2f };
    CHECK_FAILS(da_schedule_check(&s), DA_ERROR_ARGUMENT, "final rate 0.2");
    s = (da_schedule){ .kind = DA_CONSTANT, .rate = 1, .warm_steps = -1 };
    CHECK_FAILS(da_schedule_check(&s), DA_ERROR_ARGUMENT, "warm-up");
    s = (da_schedule){ .kind = (da_schedule_kind)9, .rate = 1 };
    CHECK_FAILS(da_schedule_check(&s), DA_ERROR_ARGUMENT, "kind 9");
}

TEST(schedule_refuses_options_it_would_ignore) {
    da_schedule s = { .kind = DA_CONSTANT, .rate = 1, .final = 0.5f };
    CHECK_FAILS(da_schedule_check(&s), DA_ERROR_ARGUMENT, "final rate");
    s = (da_schedule){ .kind = DA_COSINE, .rate = 1, .factor = 0.5f };
    CHECK_FAILS(da_schedule_check(&s), DA_ERROR_ARGUMENT, "factor");
    s = (da_schedule){ .kind = DA_ONE_CYCLE, .rate = 1, .warm_steps = 5 };
    CHECK_FAILS(da_schedule_check(&s), DA_ERROR_ARGUMENT, "warm-up steps");
    s = (da_schedule){ .kind = DA_COSINE, .rate = 1, .every = 2 };
    CHECK_FAILS(da_schedule_check(&s), DA_ERROR_ARGUMENT, "drops");
}
