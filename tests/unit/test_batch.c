/* Batches: every sample once an epoch, the ragged end kept, any step at any time, normalisation to the bit, augmented
 * pixels against the definition written out, threads, and no heap. */
#include "tests/unit/test.h"

#include "core/memory.h"
#include "core/parallel.h"
#include "datasets/batch.h"

enum { COUNT = 53, H = 5, W = 4, C = 3, IMAGE = H * W * C };

static uint8_t pixels[COUNT * IMAGE], labels[COUNT];
static float made[COUNT * IMAGE], again[COUNT * IMAGE];

static da_dataset small_set(void) {
    static char name[] = "small", source[] = "here";
    for (int i = 0; i < COUNT * IMAGE; i++) pixels[i] = (uint8_t)(i * 7 + i / 256);
    for (int i = 0; i < COUNT; i++) labels[i] = (uint8_t)(i % 10);
    return (da_dataset){ .name = name, .source = source, .count = COUNT, .height = H, .width = W, .channels = C,
                         .classes = 10, .images = pixels, .labels = labels, .mean = { 0.5f, 0.4f, 0.3f },
                         .deviation = { 0.2f, 0.3f, 0.25f } };
}

static float normalised(const da_dataset *data, int64_t sample, int64_t y, int64_t x, int64_t c) {
    bool inside = y >= 0 && y < H && x >= 0 && x < W;
    float pixel = inside ? (float)data->images[((sample * H + y) * W + x) * C + c] : 0.0f;
    return fmaf(pixel, 1.0f / (255.0f * data->deviation[c]), -data->mean[c] / data->deviation[c]);
}

TEST(batch_order_visits_every_sample_once_and_keeps_the_last) {
    da_dataset data = small_set();
    da_subset subset;
    da_batcher b;
    da_batcher_options options = { .batch_size = 8, .shuffle = true, .seed = 4 };
    CHECK_OK(da_subset_first(&subset, &data, 0));
    CHECK_OK(da_batcher_init(&b, &subset, &options));
    CHECK_INT(da_batcher_steps(&b), 7);
    CHECK_INT(da_batcher_size(&b, 6), 5);
    int moved = 0;
    for (int epoch = 0; epoch < 3; epoch++) {
        int seen[COUNT] = { 0 };
        for (int step = 0; step < 7; step++) {
            int64_t samples[8];
            uint8_t classes[8];
            int64_t n = da_batcher_size(&b, step);
            for (int64_t i = n; i < 8; i++) samples[i] = -1;
            CHECK_OK(da_batcher_read(&b, epoch, step, made, classes, samples));
            for (int64_t i = n; i < 8; i++) CHECK_INT(samples[i], -1);
            for (int64_t i = 0; i < n; i++) {
                seen[samples[i]]++;
                moved += samples[i] != step * 8 + i;
                CHECK_INT(classes[i], samples[i] % 10);
                for (int v = 0; v < IMAGE; v++)
                    if (made[i * IMAGE + v] != normalised(&data, samples[i], v / (W * C), v / C % W, v % C))
                        test_fail(__FILE__, __LINE__, "sample %d value %d", (int)samples[i], v);
            }
        }
        for (int i = 0; i < COUNT; i++) CHECK_INT(seen[i], 1);
    }
    CHECK(moved > 3 * COUNT * 8 / 10);
    da_batcher_free(&b);
    da_subset_free(&subset);
}

TEST(batch_can_be_asked_for_in_any_order) {
    da_dataset data = small_set();
    da_subset subset;
    da_batcher b, fresh;
    da_batcher_options options = {
        .batch_size = 10, .shuffle = true, .seed = 4, .augmentation = { .pad = 1, .flip = true }
    };
    int64_t first[10], second[10];
    CHECK_OK(da_subset_first(&subset, &data, 0));
    CHECK_OK(da_batcher_init(&b, &subset, &options));
    CHECK_OK(da_batcher_init(&fresh, &subset, &options));
    for (int epoch = 0; epoch < 4; epoch++)
        for (int step = 0; step < 6; step++) CHECK_OK(da_batcher_read(&b, epoch, step, made, NULL, first));
    int64_t calls = da_memory().calls;
    CHECK_OK(da_batcher_read(&b, 2, 3, made, NULL, first));
    CHECK_OK(da_batcher_read(&fresh, 2, 3, again, NULL, second)); /* as a run that resumes there */
    CHECK_INT(da_memory().calls, calls);
    CHECK(memcmp(first, second, sizeof first) == 0 && memcmp(made, again, 10 * IMAGE * sizeof *made) == 0);
    CHECK_OK(da_batcher_read(&b, 3, 3, again, NULL, second));
    CHECK(memcmp(first, second, sizeof first) != 0);
    da_batcher_free(&b);
    da_batcher_free(&fresh);
    da_subset_free(&subset);
}

TEST(batch_of_a_subset_in_order_and_larger_than_the_data) {
    da_dataset data = small_set();
    int64_t indices[3] = { 40, 2, 17 }, samples[3];
    uint8_t classes[3];
    da_subset subset = { .data = &data, .indices = indices, .count = 3 };
    da_batcher b;
    da_batcher_options options = { .batch_size = INT64_MAX };
    CHECK_OK(da_batcher_init(&b, &subset, &options));
    CHECK(da_batcher_steps(&b) == 1 && da_batcher_size(&b, 0) == 3 && b.largest == 3);
    CHECK_OK(da_batcher_read(&b, 9, 0, made, classes, samples));
    CHECK(memcmp(samples, indices, sizeof samples) == 0 && classes[2] == 7);
    CHECK(made[IMAGE] == normalised(&data, 2, 0, 0, 0));
    da_batcher_free(&b);
    options.batch_size = 1;
    CHECK_OK(da_batcher_init(&b, &subset, &options));
    CHECK(da_batcher_steps(&b) == 3 && da_batcher_size(&b, 2) == 1);
    CHECK_OK(da_batcher_read(&b, 0, 2, made, NULL, samples));
    CHECK_INT(samples[0], 17);
    da_batcher_free(&b);
}

/* Every augmented value against the definition: where it comes from, by the plan. */
static void check_augmented(const da_dataset *data, const da_batcher *b, int64_t epoch, int64_t sample,
                            const float *image) {
    const da_augmentation *a = &b->options.augmentation;
    da_augment_plan plan = da_augment_draw(a, H, W, b->options.seed, epoch, sample);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            for (int c = 0; c < C; c++) {
                int from_y = y + plan.shift_y, from_x = (plan.flip ? W - 1 - x : x) + plan.shift_x;
                if (a->border == DA_BORDER_REFLECT) {
                    if (from_y < 0) from_y = -from_y;
                    if (from_x < 0) from_x = -from_x;
                    if (from_y >= H) from_y = H - 1 - (from_y - (H - 1));
                    if (from_x >= W) from_x = W - 1 - (from_x - (W - 1));
                }
                bool cut = y >= plan.cut_top && y < plan.cut_bottom && x >= plan.cut_left && x < plan.cut_right;
                float expected = cut ? 0.0f : normalised(data, sample, from_y, from_x, c);
                if (image[(y * W + x) * C + c] != expected)
                    test_fail(__FILE__, __LINE__, "sample %d at %d %d %d", (int)sample, y, x, c);
            }
}

TEST(batch_augments_as_defined) {
    da_dataset data = small_set();
    da_subset subset;
    CHECK_OK(da_subset_first(&subset, &data, 0));
    const da_augmentation kinds[5] = { { .pad = 2 },
                                       { .pad = 3, .border = DA_BORDER_REFLECT },
                                       { .flip = true },
                                       { .cutout = 3 },
                                       { .pad = 2, .border = DA_BORDER_REFLECT, .flip = true, .cutout = 2 } };
    for (int kind = 0; kind < 5; kind++) {
        da_batcher b;
        int64_t samples[COUNT];
        da_batcher_options options = { .batch_size = COUNT, .shuffle = true, .seed = 11, .augmentation = kinds[kind] };
        CHECK_OK(da_batcher_init(&b, &subset, &options));
        for (int epoch = 0; epoch < 2; epoch++) {
            CHECK_OK(da_batcher_read(&b, epoch, 0, made, NULL, samples));
            for (int i = 0; i < COUNT; i++) check_augmented(&data, &b, epoch, samples[i], made + i * IMAGE);
        }
        da_batcher_free(&b);
    }
    da_subset_free(&subset);
}

TEST(batch_has_the_same_bits_on_any_number_of_threads) {
    da_dataset data = small_set();
    da_subset subset;
    da_batcher b;
    da_batcher_options options = {
        .batch_size = 50, .shuffle = true, .seed = 2, .augmentation = { .pad = 1, .flip = true }
    };
    CHECK_OK(da_subset_first(&subset, &data, 0));
    CHECK_OK(da_batcher_init(&b, &subset, &options));
    int before = da_threads();
    da_threads_set(1);
    CHECK_OK(da_batcher_read(&b, 1, 0, made, NULL, NULL));
    for (int threads = 2; threads <= 8; threads++) {
        da_threads_set(threads);
        memset(again, 1, sizeof again);
        CHECK_OK(da_batcher_read(&b, 1, 0, again, NULL, NULL));
        CHECK(memcmp(made, again, 50 * IMAGE * sizeof *made) == 0);
    }
    da_threads_set(before);
    da_batcher_free(&b);
    da_subset_free(&subset);
}

TEST(batch_refuses_what_cannot_be) {
    da_dataset data = small_set();
    da_subset subset, none = { .data = &data };
    da_batcher b = { .largest = -1 };
    da_batcher_options options = { .batch_size = 0 };
    CHECK_OK(da_subset_first(&subset, &data, 0));
    CHECK_FAILS(da_batcher_init(&b, &subset, &options), DA_ERROR_ARGUMENT, "batch size 0: it must be 1 or more");
    options.batch_size = 4;
    CHECK_FAILS(da_batcher_init(&b, &none, &options), DA_ERROR_ARGUMENT, "no sample");
    data.deviation[1] = 0.0f;
    CHECK_FAILS(da_batcher_init(&b, &subset, &options), DA_ERROR_ARGUMENT, "channel 1");
    data.deviation[1] = NAN;
    CHECK_FAILS(da_batcher_init(&b, &subset, &options), DA_ERROR_ARGUMENT, "channel 1");
    data.deviation[1] = 1.0f;
    options.augmentation.pad = 4;
    CHECK_FAILS(da_batcher_init(&b, &subset, &options), DA_ERROR_ARGUMENT, "pad 4");
    options.augmentation.pad = 0;
    options.shuffle = true;
    da_memory_fail_after(0);
    CHECK(da_batcher_init(&b, &subset, &options) == DA_ERROR_MEMORY);
    da_memory_fail_after(-1);
    CHECK_INT(b.largest, -1);
    CHECK_OK(da_batcher_init(&b, &subset, &options));
    CHECK_FAILS(da_batcher_read(&b, 0, 14, made, NULL, NULL), DA_ERROR_ARGUMENT,
                "no batch 14 in epoch 0: an epoch has 14");
    CHECK_FAILS(da_batcher_read(&b, -1, 0, made, NULL, NULL), DA_ERROR_ARGUMENT, "epoch -1");
    uint8_t classes[4];
    data.labels = NULL;
    CHECK_FAILS(da_batcher_read(&b, 0, 0, made, classes, NULL), DA_ERROR_ARGUMENT, "came without labels");
    CHECK_OK(da_batcher_read(&b, 0, 0, made, NULL, NULL));
    da_batcher_free(&b);
    da_subset_free(&subset);
}
