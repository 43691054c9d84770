/* Pictures as files: the PNG is taken apart again, with checksums from their definitions; the SVG is well formed. */
#include "tests/unit/test.h"
#include "core/checksum.h"
#include "core/memory.h"
#include "datasets/gzip.h"
#include "deeparc/present/chart.h"

static uint32_t big(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

/* Bit by bit, as ISO 15948 annex D says it. */
static uint32_t plain_crc32(const uint8_t *bytes, size_t size) {
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

TEST(checksums_have_their_published_values) {
    static const uint8_t digits[] = "123456789";
    uint8_t many[6000];
    da_crc32_table table;
    da_crc32_init(&table);
    memset(many, 255, sizeof many);
    CHECK_INT(da_crc32(&table, 0, digits, 9), 0xcbf43926u);
    CHECK_INT(da_crc32(&table, da_crc32(&table, 0, digits, 4), digits + 4, 5), 0xcbf43926u);
    CHECK_INT(da_crc32(&table, 0, many, sizeof many), plain_crc32(many, sizeof many));
    CHECK_INT(da_adler32(1, digits, 9), 0x091e01deu);
    CHECK_INT(da_adler32(1, NULL, 0), 1);
    CHECK_INT(da_adler32(da_adler32(1, many, 1000), many + 1000, 5000), da_adler32(1, many, 6000));
}

/* A deflate stream wrapped as gzip, for our reader. */
static uint8_t *inflate(const uint8_t *deflated, size_t size, const uint8_t *expected, size_t expected_size) {
    static const uint8_t header[10] = { 0x1f, 0x8b, 8 };
    uint8_t *file = da_alloc(size + 18), *out = NULL;
    uint32_t trailer[2] = { plain_crc32(expected, expected_size), (uint32_t)expected_size };
    size_t out_size = 0;
    memcpy(file, header, 10);
    memcpy(file + 10, deflated, size);
    for (int i = 0; i < 8; i++) file[10 + size + (size_t)i] = (uint8_t)(trailer[i / 4] >> 8 * (i % 4));
    CHECK_OK(da_gzip_inflate(&out, &out_size, file, size + 18, 1 << 24, "pixels"));
    CHECK_INT(out_size, expected_size);
    da_free(file);
    return out;
}

/* Rows as they stand in the file, made from pixels and the filters that `rows` names. */
static uint8_t *filtered(const da_bitmap *b, const uint8_t *filters) {
    size_t width = 3 * (size_t)b->width, row = width + 1;
    uint8_t *rows = da_alloc(row * (size_t)b->height);
    for (size_t y = 0; y < (size_t)b->height; y++) {
        rows[y * row] = filters[y];
        for (size_t i = 0; i < width; i++) {
            uint8_t left = i >= 3 ? b->rgb[y * width + i - 3] : 0, above = y > 0 ? b->rgb[(y - 1) * width + i] : 0;
            rows[y * row + 1 + i] = (uint8_t)(b->rgb[y * width + i] - (filters[y] == 1 ? left : above));
        }
    }
    return rows;
}

/* Each row's filter: the one of sub and up that leaves fewer bytes which are not zero, up when equal. */
static void choose_filters(uint8_t *filters, const da_bitmap *b) {
    size_t width = 3 * (size_t)b->width;
    for (size_t y = 0; y < (size_t)b->height; y++) {
        size_t sub = 0, up = 0;
        for (size_t i = 0; i < width; i++) {
            sub += b->rgb[y * width + i] != (i >= 3 ? b->rgb[y * width + i - 3] : 0);
            up += b->rgb[y * width + i] != (y > 0 ? b->rgb[(y - 1) * width + i] : 0);
        }
        filters[y] = sub > up ? 2 : 1;
    }
}

static void check_png(const da_bitmap *b) {
    da_text file = { 0 };
    uint8_t *filters = da_alloc((size_t)b->height);
    CHECK_OK(da_bitmap_png(b, &file));
    const uint8_t *bytes = (const uint8_t *)file.bytes, *at = bytes + 8;
    CHECK(memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0);
    CHECK(big(at) == 13 && memcmp(at + 4, "IHDR", 4) == 0 && (int)big(at + 8) == b->width);
    CHECK((int)big(at + 12) == b->height && at[16] == 8 && at[17] == 2 && at[18] + at[19] + at[20] == 0);
    CHECK_INT(big(at + 21), plain_crc32(at + 4, 17));
    at += 25;
    size_t size = big(at);
    CHECK(memcmp(at + 4, "IDAT", 4) == 0 && at[8] == 0x78 && (at[8] * 256 + at[9]) % 31 == 0);
    CHECK_INT(big(at + 8 + size), plain_crc32(at + 4, size + 4));
    choose_filters(filters, b);
    uint8_t *rows = filtered(b, filters);
    size_t row_bytes = (size_t)b->height * (3 * (size_t)b->width + 1);
    uint8_t *out = inflate(at + 10, size - 6, rows, row_bytes);
    CHECK(out && memcmp(out, rows, row_bytes) == 0);
    CHECK_INT(big(at + 8 + size - 4), da_adler32(1, rows, row_bytes));
    at += 12 + size;
    CHECK(big(at) == 0 && memcmp(at + 4, "IEND\xae\x42\x60\x82", 8) == 0 && at + 12 == bytes + file.length);
    da_free(out);
    da_free(rows);
    da_free(filters);
    da_text_free(&file);
}

TEST(png_reads_back_pixel_for_pixel) {
    static const int sizes[][2] = { { 1, 1 }, { 2, 3 }, { 37, 20 }, { 200, 90 }, { 301, 7 } };
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        da_bitmap b = { 0 };
        CHECK_OK(da_bitmap_new(&b, sizes[s][0], sizes[s][1], (da_colour){ 250, 10, 10 }));
        check_png(&b);
        da_bitmap_fill(&b, 1, 1, 30, 12, (da_colour){ 3, 200, 255 });
        da_bitmap_text(&b, -3, 2, "layer1.0 ~", 2, false, (da_colour){ 255, 255, 255 });
        check_png(&b);
        for (int i = 0; i < 3 * b.width * b.height; i++) b.rgb[i] = (uint8_t)(i * 2654435761u >> 13); /* no runs */
        check_png(&b);
        da_bitmap_free(&b);
    }
}

/* Runs of every length that the code has a symbol for, and of those beyond. */
TEST(png_codes_runs_of_every_length) {
    da_bitmap b = { 0 };
    CHECK_OK(da_bitmap_new(&b, 320, 320, (da_colour){ 0, 0, 0 }));
    for (int y = 0; y < 320; y++) { /* row y: y equal bytes after a change, then noise */
        memset(b.rgb + (size_t)y * 960, y % 2 ? 77 : 0, 960);
        for (int i = y; i < 960; i++) b.rgb[y * 960 + i] = (uint8_t)(i * 37 + y * 101);
    }
    check_png(&b);
    da_bitmap_free(&b);
}

TEST(bitmap_draws_inside_its_edges_only) {
    da_bitmap b = { 0 };
    const da_colour white = { 255, 255, 255 }, black = { 0, 0, 0 };
    int dark = 0, turned = 0;
    CHECK_OK(da_bitmap_new(&b, 20, 20, white));
    da_bitmap_fill(&b, -5, 18, 100, 100, black);
    da_bitmap_frame(&b, 2, 2, 6, 6, 1, black);
    CHECK(b.rgb[3 * (2 * 20 + 2)] == 0 && b.rgb[3 * (7 * 20 + 7)] == 0 && b.rgb[3 * (4 * 20 + 4)] == 255);
    for (int i = 0; i < 400; i++) dark += b.rgb[3 * i] == 0;
    CHECK_INT(dark, 2 * 20 + 20);
    da_bitmap_fill(&b, 0, 0, 20, 20, white);
    da_bitmap_text(&b, 0, 0, "L", 2, false, black); /* seven dots down, four more to the right */
    for (int i = 0; i < 400; i++) turned += b.rgb[3 * i] == 0;
    CHECK_INT(turned, 11 * 4);
    CHECK(b.rgb[0] == 0 && b.rgb[3 * (13 * 20 + 9)] == 0 && b.rgb[3 * 9] == 255);
    da_bitmap_fill(&b, 0, 0, 20, 20, white);
    da_bitmap_text(&b, 0, 20, "L", 2, true, black); /* its foot is at the right now, its stroke below */
    CHECK(b.rgb[3 * (19 * 20)] == 0 && b.rgb[3 * (10 * 20 + 13)] == 0 && b.rgb[3 * (10 * 20)] == 255);
    CHECK_INT(da_bitmap_text_width("abc", 2), 34);
    CHECK_INT(da_bitmap_text_width("…", 1), 5);
    da_bitmap_free(&b);
    CHECK_FAILS(da_bitmap_new(&b, 0, 5, white), DA_ERROR_ARGUMENT, "0 x 5");
    CHECK_FAILS(da_bitmap_new(&b, 5, DA_LARGEST_BITMAP + 1, white), DA_ERROR_ARGUMENT, "5 x");
}

static const double matrix[9] = { 1, 0.9, 0.2, 0.9, 1, 0.3, 0.2, 0.3, 1 };
static const char *const names[] = { "layer1.0", "layer1.<1>", "layer2.0" };
static da_module_range ranges[] = { { 0, 2 }, { 2, 3 } };
static const da_partition partition = { 3, 2, ranges };
static const da_heatmap_chart chart = { .title = "CKA & more", .matrix = matrix, .layers = 3, .names = names,
                                        .partition = &partition };

TEST(heatmap_files_hold_cells_names_and_modules) {
    da_bitmap b = { 0 };
    da_text svg = { 0 };
    CHECK_OK(da_chart_heatmap_bitmap(&b, &chart));
    int red = 0, yellow = 0;
    for (int i = 0; i < b.width * b.height; i++) {
        red += b.rgb[3 * i] == 192 && b.rgb[3 * i + 1] == 32;
        yellow += b.rgb[3 * i] == 253 && b.rgb[3 * i + 1] == 231;
    }
    CHECK(red > 4 * 128 && yellow > 3 * 40 * 40);
    check_png(&b);
    da_bitmap_free(&b);
    da_chart_heatmap_svg(&svg, &chart);
    CHECK_OK(da_text_status(&svg));
    CHECK(strstr(da_text_string(&svg), "<svg xmlns=") && strstr(da_text_string(&svg), "<title>CKA &amp; more</title>"));
    CHECK(strstr(da_text_string(&svg), "layer1.&lt;1&gt;") && strstr(da_text_string(&svg), ">M0</text>"));
    da_text_free(&svg);
}

/* Three layers against two of another network: as wide as two cells, as high as three. */
TEST(heatmap_of_other_layers_is_a_rectangle) {
    static const double values[6] = { 1, 0, 0.5, 0.25, 0, 1 };
    static const char *const others[2] = { "fc1", "fc2" };
    const da_heatmap_chart square = { .matrix = matrix, .layers = 3, .names = names };
    const da_heatmap_chart other = { .matrix = values, .layers = 3, .names = names, .columns = 2,
                                     .column_names = others };
    da_bitmap a = { 0 }, b = { 0 };
    da_text svg = { 0 };
    CHECK_OK(da_chart_heatmap_bitmap(&a, &square));
    CHECK_OK(da_chart_heatmap_bitmap(&b, &other));
    CHECK(b.width < a.width && b.height < a.height); /* one column less; shorter names below */
    check_png(&b);
    da_chart_heatmap_svg(&svg, &other);
    CHECK(strstr(da_text_string(&svg), "layer1.&lt;1&gt; × fc2: 0.2500"));
    CHECK(!strstr(da_text_string(&svg), "× layer1"));
    da_bitmap_free(&a);
    da_bitmap_free(&b);
    da_text_free(&svg);
}

TEST(heatmap_picture_survives_failed_allocations) {
    da_bitmap b = { 0 };
    da_text file = { 0 };
    da_memory_fail_after(0);
    CHECK_FAILS(da_chart_heatmap_bitmap(&b, &chart), DA_ERROR_MEMORY, "");
    da_memory_fail_after(-1);
    CHECK(b.rgb == NULL);
    CHECK_OK(da_chart_heatmap_bitmap(&b, &chart));
    for (int64_t k = 0; k < 200; k++) {
        da_memory_fail_after(k);
        da_status status = da_bitmap_png(&b, &file);
        da_memory_fail_after(-1);
        da_text_free(&file);
        if (status == DA_OK) break;
        CHECK_INT(status, DA_ERROR_MEMORY);
        CHECK(k < 100);
    }
    da_bitmap_free(&b);
    CHECK_FAILS(da_chart_heatmap_bitmap(&b, &(da_heatmap_chart){ 0 }), DA_ERROR_ARGUMENT, "0 layers");
}
