/* Digits: the same bytes on any number of threads and every machine, splits and seeds apart, labels balanced, and
 * images that look like what they claim to be. */
#include "tests/unit/test.h"

#include "core/parallel.h"
#include "datasets/digits.h"

enum { PIXELS = DA_DIGITS_SIDE * DA_DIGITS_SIDE, COUNT = 2000 };
static uint8_t images[COUNT * PIXELS], labels[COUNT], other[COUNT * PIXELS], other_labels[COUNT];

TEST(digits_depend_on_seed_split_and_index_alone) {
    int before = da_threads();
    da_threads_set(1);
    da_digits_generate(images, labels, 500, 7, DA_TRAIN);
    for (int threads = 2; threads <= 8; threads *= 2) {
        da_threads_set(threads);
        memset(other, 1, 500 * PIXELS);
        da_digits_generate(other, other_labels, 500, 7, DA_TRAIN);
        CHECK(memcmp(images, other, 500 * PIXELS) == 0 && memcmp(labels, other_labels, 500) == 0);
    }
    da_threads_set(before);
    uint8_t one[PIXELS];
    CHECK_INT(da_digits_draw(one, 7, DA_TRAIN, 317), labels[317]);
    CHECK(memcmp(one, images + 317 * PIXELS, PIXELS) == 0);
}

TEST(digits_have_the_same_bytes_on_every_machine) {
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    da_digits_generate(images, labels, 1000, 1, DA_TRAIN);
    for (int i = 0; i < 1000 * PIXELS; i++) hash = (hash ^ images[i]) * 0x100000001b3u;
    for (int i = 0; i < 1000; i++) hash = (hash ^ labels[i]) * 0x100000001b3u;
    CHECK_INT(hash, 319932100577881303);
}

TEST(digits_of_other_splits_and_seeds_are_others) {
    da_digits_generate(images, labels, 300, 1, DA_TRAIN);
    for (int which = 0; which < 2; which++) {
        da_digits_generate(other, other_labels, 300, which ? 2 : 1, which ? DA_TRAIN : DA_TEST);
        int same = 0;
        for (int i = 0; i < 300; i++)
            for (int j = 0; j < 300; j++) same += memcmp(images + i * PIXELS, other + j * PIXELS, PIXELS) == 0;
        CHECK_INT(same, 0);
    }
}

TEST(digits_are_balanced_and_have_ink_within_the_image) {
    int count[10] = { 0 };
    double sum = 0, squares = 0;
    da_digits_generate(images, labels, COUNT, 1, DA_TRAIN);
    for (int i = 0; i < COUNT; i++) {
        int ink = 0, border = 0;
        count[labels[i]]++;
        for (int p = 0; p < PIXELS; p++) {
            double v = images[i * PIXELS + p] / 255.0;
            int y = p / DA_DIGITS_SIDE, x = p % DA_DIGITS_SIDE;
            bool strong = images[i * PIXELS + p] > 90;
            ink += strong;
            border += strong && (x == 0 || y == 0 || x == DA_DIGITS_SIDE - 1 || y == DA_DIGITS_SIDE - 1);
            sum += v;
            squares += v * v;
        }
        if (ink < 12 || ink > 400 || border > 20)
            test_fail(__FILE__, __LINE__, "digit %d: %d inked, %d at the border", i, ink, border);
    }
    for (int c = 0; c < 10; c++) CHECK(count[c] > COUNT / 10 - 60 && count[c] < COUNT / 10 + 60);
    double n = (double)COUNT * PIXELS, mean = sum / n;
    CHECK_CLOSE(mean, (double)DA_DIGITS_MEAN, 0.003);
    CHECK_CLOSE(sqrt(squares / n - mean * mean), (double)DA_DIGITS_DEVIATION, 0.003);
}

/* The nearest of 1500 labelled images, by squared distance, tells most digits and not all of them. */
TEST(digits_can_be_told_apart_but_not_too_easily) {
    enum { KNOWN = 1500, ASKED = 300 };
    int right = 0;
    da_digits_generate(images, labels, KNOWN, 1, DA_TRAIN);
    da_digits_generate(other, other_labels, ASKED, 1, DA_TEST);
    for (int i = 0; i < ASKED; i++) {
        int64_t nearest = INT64_MAX;
        int guess = -1;
        for (int j = 0; j < KNOWN; j++) {
            int64_t distance = 0;
            for (int p = 0; p < PIXELS; p++) {
                int d = images[j * PIXELS + p] - other[i * PIXELS + p];
                distance += d * d;
            }
            if (distance < nearest) { nearest = distance; guess = labels[j]; }
        }
        right += guess == other_labels[i];
    }
    CHECK(right > ASKED * 55 / 100);
    CHECK(right < ASKED * 97 / 100);
}
