/* The terminal heat map, colours, and the text buffer it writes into. */
#include "tests/unit/test.h"
#include "core/memory.h"
#include "deeparc/present/colour.h"
#include "deeparc/present/heatmap.h"

static const double matrix[16] = { 1, 0.95, 0.3, 0, 0.95, 1, 0.4, 0.1, 0.3, 0.4, 1, 0.5, 0, 0.1, 0.5, 1 };
static const char *const names[] = { "conv1", "layer1.0", "layer1.1", "fc" };
static da_module_range ranges[] = { { 0, 2 }, { 2, 3 }, { 3, 4 } };
static const da_partition partition = { 4, 3, ranges };

static da_heatmap plain(da_ink ink) {
    return (da_heatmap){
        .matrix = matrix, .layers = 4, .names = names, .partition = &partition, .low = 0, .high = 1, .ink = ink
    };
}

TEST(heatmap_draws_names_shades_modules_and_scale) {
    da_text out = { 0 };
    da_heatmap map = plain(DA_INK_ASCII);
    CHECK_OK(da_heatmap_draw(&out, &map));
    CHECK_TEXT(da_text_string(&out), "conv1    @@@@|--   \\ M0\n"
                                     "layer1.0 @@@@|==.. /\n"
                                     "         ----+----\n"
                                     "layer1.1 --==|@@++\n"
                                     "fc         ..|++@@\n"
                                     "         0    ..::---==++***##%%@@@ 1\n");
    da_text_free(&out);
}

TEST(heatmap_shades_in_unicode_and_colours) {
    da_text out = { 0 };
    da_heatmap map = plain(DA_INK_UNICODE);
    CHECK_OK(da_heatmap_draw(&out, &map));
    CHECK(strstr(da_text_string(&out), "conv1    ████│░░   ┐ M0\n"));
    map.ink = DA_INK_TRUECOLOUR;
    CHECK_OK(da_heatmap_draw(&out, &map));
    CHECK(strstr(da_text_string(&out), "fc       \033[48;2;68;1;84m  "));
    map.ink = DA_INK_256;
    map.partition = NULL;
    CHECK_OK(da_heatmap_draw(&out, &map));
    CHECK(strstr(da_text_string(&out), "conv1    \033[48;5;"));
    da_text_free(&out);
}

/* Columns of the widest line. */
static int widest(const char *text) {
    int width = 0, most = 0;
    for (; *text; text++) {
        width = *text == '\n' ? 0 : width + 1;
        if (width > most) most = width;
    }
    return most;
}

TEST(heatmap_stays_within_its_columns) {
    enum { LAYERS = 40 };
    double large[LAYERS * LAYERS];
    const char *long_names[LAYERS];
    for (int i = 0; i < LAYERS * LAYERS; i++) large[i] = i / LAYERS == i % LAYERS;
    for (int i = 0; i < LAYERS; i++) long_names[i] = "features.stage.with.a.long.name";
    da_heatmap map = { .matrix = large, .layers = LAYERS, .names = long_names, .ink = DA_INK_ASCII };
    static const int limits[] = { 200, 100, 80, 60, 47 };
    for (int i = 0; i < 5; i++) {
        da_text out = { 0 };
        map.columns = limits[i];
        CHECK_OK(da_heatmap_draw(&out, &map));
        CHECK(widest(da_text_string(&out)) <= limits[i]);
        da_text_free(&out);
    }
}

TEST(heatmap_takes_hostile_names_and_values) {
    static const char *const hostile[] = { "a\033[2Jb\n", "\xc2\x9b" "2J", NULL, "é" };
    double odd[16];
    for (int i = 0; i < 16; i++) odd[i] = (double)NAN;
    da_text out = { 0 };
    da_heatmap map = plain(DA_INK_ASCII);
    map.names = hostile;
    map.matrix = odd;
    CHECK_OK(da_heatmap_draw(&out, &map));
    CHECK(strstr(da_text_string(&out), "a?[2Jb? "));
    CHECK(strstr(da_text_string(&out), "\n??2J "));
    CHECK(strstr(da_text_string(&out), "\n2       ")); /* the number where there is no name */
    map.ink = DA_INK_TRUECOLOUR;
    map.low = map.high = 0; /* a scale from data that has no number */
    CHECK_OK(da_heatmap_draw(&out, &map));
    da_text_free(&out);
}

TEST(heatmap_refuses_what_does_not_fit_together) {
    da_text out = { 0 };
    da_heatmap map = plain(DA_INK_ASCII);
    map.layers = 3;
    CHECK_FAILS(da_heatmap_draw(&out, &map), DA_ERROR_ARGUMENT, "3 layers but a partition of 4");
    map.layers = 0;
    CHECK_FAILS(da_heatmap_draw(&out, &map), DA_ERROR_ARGUMENT, "0 layers");
    CHECK_TEXT(da_text_string(&out), "");
}

TEST(heatmap_leaves_no_part_of_itself_when_memory_is_short) {
    for (int64_t k = 0;; k++) {
        da_text out = { 0 };
        da_heatmap map = plain(DA_INK_TRUECOLOUR);
        da_text_append(&out, "before");
        da_memory_fail_after(k);
        da_status status = da_heatmap_draw(&out, &map);
        da_memory_fail_after(-1);
        if (status != DA_OK) CHECK_TEXT(da_text_string(&out), "before");
        da_text_free(&out);
        if (status == DA_OK) break;
        CHECK_INT(status, DA_ERROR_MEMORY);
    }
}

TEST(text_grows_escapes_and_keeps_its_first_error) {
    da_text text = { 0 };
    CHECK_TEXT(da_text_string(&text), "");
    for (int i = 0; i < 1000; i++) da_text_printf(&text, "%d,", i);
    CHECK_INT(text.length, 3890);
    CHECK(strncmp(da_text_string(&text) + text.length - 9, ",998,999,", 9) == 0);
    da_text_free(&text);
    da_text_html(&text, "<a href=\"x\">&'\x01\n");
    CHECK_TEXT(da_text_string(&text), "&lt;a href=&quot;x&quot;&gt;&amp;&#39; \n");
    da_memory_fail_after(0);
    da_text_repeat(&text, "0123456789", 100);
    da_memory_fail_after(-1);
    size_t length = text.length;
    da_text_append(&text, "more");
    CHECK_INT(text.length, length);
    CHECK_FAILS(da_text_status(&text), DA_ERROR_MEMORY, "out of memory: a text of");
    da_text_free(&text);
    CHECK_OK(da_text_status(&text));
}

TEST(colour_scale_rises_from_dark_to_light) {
    double before = -1;
    for (int i = 0; i <= 100; i++) {
        da_colour c = da_colour_scale(i / 100.0);
        double luminance = 0.2126 * c.red + 0.7152 * c.green + 0.0722 * c.blue;
        CHECK(luminance > before);
        before = luminance;
    }
    CHECK(!da_colour_is_light(da_colour_scale(-3)) && da_colour_is_light(da_colour_scale(7)));
    CHECK_INT(da_colour_scale((double)NAN).red, 128);
    CHECK_INT(da_colour_terminal256((da_colour){ 255, 0, 0 }), 196);
    CHECK_INT(da_colour_terminal256((da_colour){ 0, 0, 0 }), 16);
    CHECK_INT(da_colour_terminal256((da_colour){ 128, 128, 128 }), 244);
}
