/* Grids of settings, what runs cost, the published table, and data sets cut to a share of some classes. */
#include "tests/unit/test.h"
#include "core/memory.h"
#include "datasets/subset.h"
#include "deeparc/sweep.h"
#include "layers/zoo.h"

#include <stdio.h>

static const char *run_text(const da_grid *grid, int64_t run) {
    static char text[128];
    int used = 0;
    for (int a = 0; a < grid->axes; a++)
        used += snprintf(text + used, sizeof text - (size_t)used, "%s%s=%s", a ? " " : "", grid->axis[a].name,
                         da_grid_value(grid, run, a));
    return text;
}

TEST(grid_counts_with_the_last_axis_fastest) {
    da_grid grid = { .axes = 0 };
    CHECK_INT(da_grid_runs(&grid), 1);
    CHECK_OK(da_grid_set(&grid, "seed", "1,2", ','));
    CHECK_OK(da_grid_set(&grid, "augment", "none;crop4,flip", ';'));
    CHECK_OK(da_grid_set(&grid, "depth", "8,14,20", ','));
    CHECK_INT(da_grid_runs(&grid), 12);
    CHECK_TEXT(run_text(&grid, 0), "seed=1 augment=none depth=8");
    CHECK_TEXT(run_text(&grid, 1), "seed=1 augment=none depth=14");
    CHECK_TEXT(run_text(&grid, 5), "seed=1 augment=crop4,flip depth=20");
    CHECK_TEXT(run_text(&grid, 11), "seed=2 augment=crop4,flip depth=20");
    CHECK_OK(da_grid_set(&grid, "seed", "7", ','));
    CHECK_INT(da_grid_runs(&grid), 6);
    CHECK_TEXT(run_text(&grid, 5), "seed=7 augment=crop4,flip depth=20"); /* in its old place */
    da_grid_free(&grid);
    CHECK_INT(grid.axes, 0);
}

TEST(grid_refuses_bad_axes_and_stays_as_it_was) {
    da_grid grid = { .axes = 0 };
    CHECK_OK(da_grid_set(&grid, "seed", "1,2", ','));
    CHECK_FAILS(da_grid_set(&grid, "depth", "8,,14", ','), DA_ERROR_ARGUMENT, "depth: an empty value");
    CHECK_FAILS(da_grid_set(&grid, "depth", "", ','), DA_ERROR_ARGUMENT, "empty");
    CHECK_FAILS(da_grid_set(&grid, "seed", "3,4,3", ','), DA_ERROR_ARGUMENT, "3 is given twice");
    da_memory_fail_after(0);
    CHECK_FAILS(da_grid_set(&grid, "seed", "3,4", ','), DA_ERROR_MEMORY, "memory");
    da_memory_fail_after(-1);
    CHECK_TEXT(run_text(&grid, 1), "seed=2");
    char many[4 * 1001 + 1];
    for (int i = 0; i < 1001; i++) snprintf(many + 4 * i, sizeof many - 4 * (size_t)i, "%03d,", i % 1000);
    many[4 * 1000 - 1] = '\0'; /* 000 to 999 */
    CHECK_OK(da_grid_set(&grid, "a", many, ','));
    CHECK_FAILS(da_grid_set(&grid, "b", many, ','), DA_ERROR_ARGUMENT, "more than 1000000 runs");
    CHECK_INT(da_grid_runs(&grid), 2000);
    da_grid_free(&grid);
    char name[16];
    for (int i = 0; i < DA_MAX_AXES; i++) {
        snprintf(name, sizeof name, "axis%d", i);
        CHECK_OK(da_grid_set(&grid, name, "1", ','));
    }
    CHECK_FAILS(da_grid_set(&grid, "other", "1", ','), DA_ERROR_ARGUMENT, "more than");
    da_grid_free(&grid);
}

TEST(sweep_costs_are_counted) {
    da_model *model;
    da_model_size size;
    CHECK_OK(da_zoo_build(&model, "resnet14", (int64_t[]){ 32, 32, 3 }, 10, NULL));
    CHECK_OK(da_model_measure(model, &size, NULL));
    double forward = (double)size.multiply_adds, values = 2 * (32 * 32 * 16 + 16 * 16 * 32 + 8 * 8 * 64);
    CHECK_CLOSE(da_sweep_operations(model, 100, 3, 0, 256), 900 * forward, 1);
    CHECK_CLOSE(da_sweep_operations(model, 0, 1, 50, 256), 50 * (2 * forward + 256 * values), 1);
    da_model_free(model);
}

TEST(published_means_are_those_of_the_table) {
    CHECK_CLOSE(da_published_modularity(152, 0.99), 0.637, 0);
    CHECK_CLOSE(da_published_modularity(14, 0.9), 0.127, 0);
    CHECK_CLOSE(da_published_modularity(44, 0.95), 0.429, 0);
    CHECK(isnan(da_published_modularity(20, 0.95)) && isnan(da_published_modularity(44, 0.97)));
}

/* ---- Cutting a data set ---- */

static bool same_images(const da_dataset *part, int64_t i, const da_dataset *whole, int64_t k) {
    size_t bytes = (size_t)da_dataset_image_bytes(whole);
    return part->labels[i] == whole->labels[k] &&
           memcmp(part->images + (size_t)i * bytes, whole->images + (size_t)k * bytes, bytes) == 0;
}

/* The images of part in whole, in its order; 1 when all were found. */
static bool is_ordered_part(const da_dataset *part, const da_dataset *whole) {
    int64_t k = 0;
    for (int64_t i = 0; i < part->count; i++) {
        while (k < whole->count && !same_images(part, i, whole, k)) k++;
        if (k++ == whole->count) return false;
    }
    return true;
}

static void draw(da_dataset *data) {
    CHECK_OK(da_dataset_load(data, "digits", DA_TRAIN, NULL, &(da_dataset_options){ .count = 300, .seed = 1 }));
}

TEST(dataset_cut_keeps_the_first_classes_and_a_share) {
    da_dataset whole, three, half, tenth, other;
    draw(&whole);
    draw(&three);
    draw(&half);
    draw(&tenth);
    draw(&other);
    CHECK_OK(da_dataset_cut(&three, 3, 1, 5));
    int64_t below = 0;
    for (int64_t i = 0; i < whole.count; i++) below += whole.labels[i] < 3;
    CHECK_INT(three.count, below);
    CHECK_INT(three.classes, 3);
    CHECK(is_ordered_part(&three, &whole));
    CHECK_OK(da_dataset_cut(&half, 0, 0.5, 5));
    CHECK_INT(half.count, 150);
    CHECK_INT(half.classes, 10);
    CHECK(is_ordered_part(&half, &whole));
    CHECK_OK(da_dataset_cut(&tenth, 0, 0.1, 5));
    CHECK(tenth.count == 30 && is_ordered_part(&tenth, &half)); /* a smaller share is a part of a larger */
    CHECK_OK(da_dataset_cut(&other, 0, 0.1, 6));
    CHECK(other.count == 30 && !is_ordered_part(&other, &tenth)); /* another seed, other images */
    da_dataset_free(&whole);
    da_dataset_free(&three);
    da_dataset_free(&half);
    da_dataset_free(&tenth);
    da_dataset_free(&other);
}

TEST(dataset_cut_refuses_what_leaves_nothing) {
    da_dataset data, whole;
    draw(&data);
    draw(&whole);
    CHECK_FAILS(da_dataset_cut(&data, 1, 1, 1), DA_ERROR_ARGUMENT, "2 to 10");
    CHECK_FAILS(da_dataset_part(&data, 3, 2), DA_ERROR_ARGUMENT, "part 3 of 2");
    CHECK_FAILS(da_dataset_part(&data, data.count + 1, data.count + 2), DA_ERROR_ARGUMENT, "no image");
    CHECK_FAILS(da_dataset_cut(&data, 11, 1, 1), DA_ERROR_ARGUMENT, "11 classes");
    CHECK_FAILS(da_dataset_cut(&data, 2, 0, 1), DA_ERROR_ARGUMENT, "share of 0");
    CHECK_FAILS(da_dataset_cut(&data, 2, 1.5, 1), DA_ERROR_ARGUMENT, "up to 1");
    CHECK_FAILS(da_dataset_cut(&data, 2, (double)NAN, 1), DA_ERROR_ARGUMENT, "up to 1");
    CHECK_FAILS(da_dataset_cut(&data, 2, 1e-6, 1), DA_ERROR_ARGUMENT, "none at all");
    for (int k = 0; k < 5; k++) {
        da_memory_fail_after(k);
        CHECK_FAILS(da_dataset_cut(&data, 2, 0.5, 1), DA_ERROR_MEMORY, "memory");
        da_memory_fail_after(-1);
    }
    CHECK(data.count == 300 && data.classes == 10 && is_ordered_part(&data, &whole));
    uint8_t *labels = data.labels;
    data.labels = NULL;
    CHECK_FAILS(da_dataset_cut(&data, 2, 1, 1), DA_ERROR_ARGUMENT, "no labels");
    data.labels = labels;
    da_dataset_free(&data);
    da_dataset_free(&whole);
}
