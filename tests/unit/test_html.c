/* The report builder: a page from made-up data is well-formed, self-contained and escaped. A copy of the page is left
 * at the path in $DEEPARC_KEEP_PAGE, for eyes. */
#include "tests/unit/test.h"
#include "core/memory.h"
#include "core/random.h"
#include "deeparc/present/chart.h"
#include "deeparc/present/html.h"
#include "deeparc/present/scale.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

enum { UNITS = 18, STEPS = 12, EPOCHS = 30, SMALL = 10 };

static const char *const unit_names[UNITS] = {
    "conv1", "layer1.0", "layer1.1", "layer1.2", "layer1.3", "layer1.4", "layer2.0", "layer2.1", "layer2.2", "layer2.3",
    "layer2.4", "layer3.0", "layer3.1", "layer3.2", "layer3.3", "layer3.4", "<b>&\"pool'", "linear" };
static da_module_range ranges[] = { { 0, 1 },   { 1, 6 },   { 6, 7 },   { 7, 11 },
                                    { 11, 12 }, { 12, 16 }, { 16, 17 }, { 17, 18 } };
static const da_partition partition = { UNITS, 8, ranges };

static double noise(int i) { return (double)da_random_normal(3, da_stream(DA_RANDOM_TEST, 1), (uint64_t)i); }

/* Similar inside a module, fading with distance. */
static void make_matrix(double *matrix, int layers) {
    for (int i = 0; i < layers; i++)
        for (int j = 0; j <= i; j++) {
            bool same = da_partition_module_of(&partition, i) == da_partition_module_of(&partition, j);
            double value = i == j ? 1 : exp(-(same ? 0.012 : 0.11) * (i - j)) - 0.01 * fabs(noise(i * layers + j));
            matrix[i * layers + j] = matrix[j * layers + i] = value;
        }
}

static void put_training(da_text *page) {
    double train[EPOCHS], validation[EPOCHS], low[EPOCHS], high[EPOCHS], loss[EPOCHS];
    for (int e = 0; e < EPOCHS; e++) {
        train[e] = 0.995 - 0.15 * exp(-0.25 * e) + 0.001 * noise(e);
        validation[e] = 0.989 - 0.16 * exp(-0.3 * e) + 0.002 * noise(e + 100);
        low[e] = validation[e] - 0.006 * exp(-0.05 * e);
        high[e] = validation[e] + 0.006 * exp(-0.05 * e);
        loss[e] = e == 9 ? (double)NAN : 2.3 * exp(-0.2 * e) + 0.02;
    }
    da_series accuracy[] = {
        { .name = "training", .count = EPOCHS, .y = train },
        { .name = "validation <mean of 3>", .count = EPOCHS, .y = validation, .low = low, .high = high }
    };
    da_series losses[] = { { .name = "loss", .count = EPOCHS, .y = loss } };
    da_html_section_begin(page, "Training");
    da_html_columns_begin(page);
    da_chart_lines(page, &(da_line_chart){ .title = "Accuracy", .x_label = "epoch", .series = accuracy,
                                           .series_count = 2, .percent = true });
    da_chart_lines(page, &(da_line_chart){ .title = "Loss", .x_label = "epoch", .y_label = "cross-entropy",
                                           .series = losses, .series_count = 1 });
    da_html_columns_end(page);
    da_html_section_end(page);
}

static void put_modules(da_text *page) {
    double matrix[UNITS * UNITS], small[SMALL * SMALL];
    da_chain_unit units[UNITS];
    make_matrix(matrix, UNITS);
    make_matrix(small, SMALL);
    for (int i = 0; i < UNITS; i++)
        units[i] = (da_chain_unit){ unit_names[i], i % 5 == 0 ? "16×28×28" : NULL, DA_UNIT_PLAIN };
    units[4].mark = units[5].mark = DA_UNIT_REMOVED;
    units[6].mark = DA_UNIT_TRAINED;
    da_html_section_begin(page, "Semantic modules");
    da_html_paragraph(
        page, "Layers whose outputs carry the same meaning: linear CKA > .95 between neighbours & \"friends\".");
    da_chart_chain(page, &(da_chain_chart){ .title = "The chain of units", .units = units, .count = UNITS,
                                             .partition = &partition });
    static da_module_range all[] = { { 0, UNITS } };
    static const da_partition one = { UNITS, 1, all };
    const da_strip strips[] = { { .name = "a & b", .partition = &partition, .strong = true },
                                { .name = "all", .partition = &one, .begins_group = true } };
    da_chart_strips(page, &(da_strips_chart){ .title = "Cuts", .layers = UNITS, .names = unit_names, .strips = strips,
                                              .count = 2, .note = "A <note>." });
    da_html_columns_begin(page);
    da_chart_heatmap(page, &(da_heatmap_chart){ .title = "Similarity", .matrix = matrix, .layers = UNITS,
                                                .names = unit_names, .partition = &partition });
    da_chart_heatmap(page, &(da_heatmap_chart){ .title = "Small", .matrix = small, .layers = SMALL, .high = 1 });
    da_html_columns_end(page);
    da_html_section_end(page);
}

static void put_removal(da_text *page) {
    static const double removed[STEPS] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 };
    double inside[STEPS], outside[STEPS], low[STEPS], high[STEPS];
    for (int k = 0; k < STEPS; k++) {
        inside[k] = 0.992 - 0.0005 * k * k;
        outside[k] = 0.992 / (1 + 0.05 * k * k);
        low[k] = outside[k] - 0.02 * k / 3;
        high[k] = outside[k] + 0.02 * k / 3;
    }
    da_series series[] = {
        { .name = "in module order", .count = STEPS, .x = removed, .y = inside },
        { .name = "outside modules (control)", .count = STEPS, .x = removed, .y = outside, .low = low, .high = high,
          .dashed = true }
    };
    da_bar bars[] = { { "before", 6.4, "6.4 million" },
                      { "after removal", 3.9, "3.9 million" },
                      { "retrained", 3.9, NULL } };
    static const char *const header[] = { "network", "parameters", "accuracy", "seconds", "sha256" };
    static const char *const cells[] = {
        "before",              "272,474", "99.21 %", "61.0", "9f86d081884c7d65",
        "after removal",       "171,098", "97.80 %", "0.1",  "2c26b46b68ffc68f",
        "retrained <locally>", "171,098", "99.15 %", "8.4",  NULL
    };
    da_html_section_begin(page, "Removal");
    da_html_columns_begin(page);
    da_chart_lines(page, &(da_line_chart){ .title = "Accuracy against removed layers", .x_label = "layers removed",
                                           .series = series, .series_count = 2, .percent = true, .points = true });
    da_chart_bars(page, &(da_bar_chart){ .title = "Multiply-adds", .bars = bars, .count = 3 });
    da_html_columns_end(page);
    da_html_table(page, "Before and after", 5, header, 3, cells, 2);
    da_html_code(page, "deeparc restructure model.safetensors --threshold 0.95 --out small.safetensors");
    da_html_section_end(page);
}

static void make_page(da_text *page) {
    static const da_figure figures[] = { { "99.2 %", "test accuracy", "10,000 images" },
                                         { "8", "modules", "of 18 units" },
                                         { "−39 %", "multiply-adds", NULL },
                                         { "0.44", "modularity", "ratio (N−M)/N" } };
    da_html_begin(page, "MNIST </title><script>alert(1)</script>", "resnet32 · seed 1");
    da_html_section_begin(page, "At a glance");
    da_html_figures(page, figures, 4);
    da_html_section_end(page);
    put_training(page);
    put_modules(page);
    put_removal(page);
    da_html_end(page, "deeparc, every figure computed in this run");
}

/* Walks the tags of a page; returns the place of the first one that does not balance, or NULL. */
static const char *first_unbalanced(const char *page) {
    char open[64][16];
    int depth = 0;
    for (const char *c = strchr(page, '<'); c; c = strchr(c + 1, '<')) {
        bool closing = c[1] == '/';
        char name[16] = "";
        const char *end = strchr(c, '>');
        if (c[1] == '!') continue;
        if (!end || sscanf(c + 1 + closing, "%15[a-z0-9]", name) != 1 || memchr(c + 1, '<', (size_t)(end - c - 1)))
            return c;
        if (end[-1] == '/' || strcmp(name, "meta") == 0) continue;
        if (closing && (depth == 0 || strcmp(open[--depth], name) != 0)) return c;
        if (!closing && depth == 64) return c;
        if (!closing) strcpy(open[depth++], name);
    }
    return depth == 0 ? NULL : page + strlen(page);
}

TEST(html_page_is_well_formed_and_self_contained) {
    da_text page = { 0 };
    make_page(&page);
    CHECK_OK(da_text_status(&page));
    const char *text = da_text_string(&page), *bad = first_unbalanced(text);
    if (bad) test_fail(__FILE__, __LINE__, "tags do not balance at '%.60s'", bad);
    static const char *const foreign[] = { "http", "src=", "href=", "url(", "@import", "<script", "<link",
                                           "nan", "inf\"" };
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (strstr(text, foreign[i])) test_fail(__FILE__, __LINE__, "the page holds '%s'", foreign[i]);
    CHECK(strstr(text, "&lt;b&gt;&amp;&quot;pool&#39;") && !strstr(text, "<b>&"));
    CHECK(strstr(text, "layer1.0 × conv1: 0."));
    CHECK(strstr(text, "a &amp; b, M1: layer1.0 to layer1.4, 5 layers") && strstr(text, "8 modules</text>") &&
          strstr(text, ">1 module</text>") && strstr(text, "A &lt;note&gt;."));
    CHECK(strstr(text, "<td class=\"n\">272,474") && strstr(text, "<td class=\"n\">61.0") &&
          strstr(text, "<td>9f86d081"));
    const char *keep = getenv("DEEPARC_KEEP_PAGE");
    FILE *file = keep ? fopen(keep, "w") : NULL;
    if (file) {
        fputs(text, file);
        fclose(file);
    }
    da_text_free(&page);
}

TEST(html_page_has_points_in_every_locale) {
    da_text expected = { 0 }, page = { 0 };
    make_page(&expected);
    if (!test_comma_locale()) {
        da_text_free(&expected);
        SKIP("no locale with a decimal comma is installed");
    }
    make_page(&page);
    setlocale(LC_NUMERIC, "C");
    CHECK_OK(da_text_status(&page));
    CHECK(strcmp(da_text_string(&page), da_text_string(&expected)) == 0);
    da_text_free(&page);
    da_text_free(&expected);
}

TEST(html_charts_survive_data_without_numbers) {
    double nothing[4] = { (double)NAN, (double)NAN, (double)NAN, HUGE_VAL }, same[3] = { 0.5, 0.5, 0.5 }, zero = 0;
    da_series empty = { .name = "empty" },
              broken = { .name = "broken", .count = 4, .y = nothing, .low = nothing, .high = nothing };
    da_series flat = { .name = "flat", .count = 3, .y = same }, point = { .name = "point", .count = 1, .y = &zero };
    const da_series *all[] = { &empty, &broken, &flat, &point };
    da_text page = { 0 };
    for (int i = 0; i < 4; i++)
        da_chart_lines(&page, &(da_line_chart){ .series = all[i], .series_count = 1, .percent = i % 2 });
    da_chart_lines(&page, &(da_line_chart){ .title = "none" });
    da_chart_bars(&page, &(da_bar_chart){ .title = "bars", .count = 2,
                                           .bars = (da_bar[]){ { "a", (double)NAN, "?" }, { "b", -1, NULL } } });
    da_chart_heatmap(&page, &(da_heatmap_chart){ .matrix = nothing, .layers = 2 });
    da_chart_heatmap(&page, &(da_heatmap_chart){ .matrix = &zero, .layers = 1 });
    da_chart_chain(&page, &(da_chain_chart){ 0 });
    da_chart_strips(&page, &(da_strips_chart){ 0 });
    da_html_table(&page, NULL, 1, (const char *const[]){ "h" }, 0, NULL, -1);
    CHECK_OK(da_text_status(&page));
    CHECK(first_unbalanced(da_text_string(&page)) == NULL);
    for (const char *d = da_text_string(&page); (d = strstr(d, " d=\"")); d++) /* no path through nan or inf */
        CHECK(strcspn(d + 4, "\"") == strcspn(d + 4, "n\"") && strcspn(d + 4, "\"") == strcspn(d + 4, "i\""));
    da_text_free(&page);
}

TEST(html_page_survives_every_failed_allocation) {
    for (int64_t k = 0;; k++) {
        da_text page = { 0 };
        da_memory_fail_after(k);
        make_page(&page);
        da_memory_fail_after(-1);
        da_status status = da_text_status(&page);
        da_text_free(&page);
        if (status == DA_OK) break;
        CHECK_INT(status, DA_ERROR_MEMORY);
        CHECK(k < 64);
        if (test_failed()) break;
    }
}

TEST(scale_ticks_are_round_and_inside) {
    da_ticks t = dai_scale_ticks((da_scale){ 0, 1 }, 6, 0);
    CHECK_CLOSE(t.step, 0.2, 1e-12);
    CHECK_INT(t.count, 6);
    CHECK_INT(t.decimals, 1);
    t = dai_scale_ticks((da_scale){ 96.2, 99.4 }, 6, 0);
    CHECK_CLOSE(t.step, 1, 1e-12);
    CHECK_CLOSE(t.first, 97, 1e-12);
    CHECK_INT(t.count, 3);
    CHECK_INT(t.decimals, 0);
    t = dai_scale_ticks((da_scale){ 1, 2 }, 8, 1); /* two epochs: no tick between them */
    CHECK(t.first == 1 && t.step == 1 && t.count == 2 && t.decimals == 0);
    static const da_scale odd[] = { { 0, 0 }, { 5, 5 }, { -3, -3 }, { 1e-30, 1e-30 }, { 1e30, 1e30 }, { 1, -1 },
                                    { 0.5, 0.5000000001 } };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        da_scale s = dai_scale_rounded(odd[i], 6);
        t = dai_scale_ticks(s, 6, 0);
        CHECK(s.low < s.high && t.count >= 2 && t.count <= 12 && t.decimals >= 0);
        if (odd[i].low <= odd[i].high) CHECK(s.low <= odd[i].low && s.high >= odd[i].high);
    }
    t = dai_scale_ticks((da_scale){ 0, 5e-324 }, 6, 0); /* nothing fits between the two */
    CHECK(t.count == 1 && t.first == 0);
}

/* Numbers at the ends of what a double holds give a picture of finite numbers. */
TEST(charts_of_extreme_numbers_stay_finite) {
    static const double rows[][3] = { { -1e308, 0, 1e308 }, { 1e308, 1e308, 1e308 }, { 0, 5e-324, 0 },
                                      { 1e-300, 0, -1e-300 }, { 1.7e308, -1.7e308, 3 }, { 1e17, 1e17 + 16, 1e17 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        da_scale s = dai_scale_empty();
        dai_scale_include(&s, rows[i], 3);
        s = dai_scale_rounded(s, 6);
        da_ticks t = dai_scale_ticks(s, 6, 0);
        CHECK(isfinite(s.high - s.low) && isfinite(t.step) && t.count >= 1 && t.count <= 12);
        CHECK(dai_scale_share(s, -HUGE_VAL) == 0 && dai_scale_share(s, HUGE_VAL) == 1);
        for (int swap = 0; swap < 2; swap++) {
            static const double plain[] = { 0, 1, 2 };
            da_series curve = { .name = "c", .count = 3, .x = swap ? rows[i] : plain, .y = swap ? plain : rows[i] };
            da_text page = { 0 };
            da_chart_lines(&page, &(da_line_chart){ .title = "t", .series = &curve, .series_count = 1,
                                                    .percent = true });
            CHECK(!strstr(da_text_string(&page), "nan") && !strstr(da_text_string(&page), "inf\""));
            CHECK_OK(da_text_status(&page));
            da_text_free(&page);
        }
    }
}

TEST(chart_labels_whole_numbers_wholly) {
    double epochs[] = { 1, 2, 3 }, halves[] = { 1, 1.5, 3 }, loss[] = { 0.9, 0.5, 0.4 };
    da_series curve = { .name = "loss", .count = 3, .x = epochs, .y = loss };
    da_line_chart chart = { .title = "t", .series = &curve, .series_count = 1 };
    da_text page = { 0 };
    da_chart_lines(&page, &chart);
    CHECK(strstr(da_text_string(&page), ">2</text>") && !strstr(da_text_string(&page), ">2.0</text>"));
    da_text_free(&page);
    curve.x = halves;
    da_chart_lines(&page, &chart);
    CHECK(strstr(da_text_string(&page), ">2.0</text>"));
    da_text_free(&page);
}

/* The vectors of RFC 4648, section 10, and the bytes above 127. */
TEST(text_base64) {
    static const char *const pairs[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
                                            { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
                                            { "\xfb\xff\xfe", "+//+" } };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        da_text text = { 0 };
        da_text_base64(&text, pairs[i][0], strlen(pairs[i][0]));
        CHECK_TEXT(da_text_string(&text), pairs[i][1]);
        da_text_free(&text);
    }
}

TEST(html_pictures_are_base64_or_nothing) {
    da_picture pictures[] = { { "iVBORw0KGgo=", "a <seven>", true }, { "\"><script>", "x", false } };
    da_text page = { 0 };
    da_html_pictures(&page, "t", pictures, 1, NULL);
    CHECK(strstr(da_text_string(&page), "src=\"data:image/png;base64,iVBORw0KGgo=\">a &lt;seven&gt;"));
    CHECK_OK(da_text_status(&page));
    da_html_pictures(&page, "t", pictures, 2, NULL);
    CHECK_FAILS(da_text_status(&page), DA_ERROR_FORMAT, "");
    CHECK(!strstr(da_text_string(&page), "<script"));
    da_text_free(&page);
}
