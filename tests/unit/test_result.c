/* Results: the tree, its record and what is seen of it. */
#include "tests/unit/test.h"

#include "core/memory.h"
#include "deeparc/present/show.h"

static const da_column columns[] = { { .key = "name", .label = "name" },
                                     { .key = "share", .label = "share", .format = "%.1", .unit = "%" },
                                     { .key = "count" },
                                     { .label = "change", .format = "+.2", .width = 7 } };

/* One of everything. */
static da_result *example(void) {
    da_result *r = da_result_new();
    da_result_put(r, "accuracy", da_real(0.25));
    da_result_say(r, "%d runs\n", 3);
    da_result *t = da_result_table(r, "rows", columns, 4);
    da_row(t, da_word("a,\"b\""), da_real(0.991), da_whole(12), da_real(-0.5));
    da_row(t, da_word("\x1b[2J\xc3\xa9"), da_real((double)NAN), da_absent(), da_real(0));
    da_result *o = da_result_object(r, "before");
    da_result_put(o, "moved", da_flag(true));
    da_result_put(o, "name", da_word(NULL));
    da_result_reals(o, "series", (double[]){ 1, 0.1, (double)INFINITY }, 3);
    da_result_picture(r, "\x1b[31m#\x1b[0m\n");
    return r;
}

static char *record_of(const da_result *r) {
    da_json_writer to;
    char *text = NULL;
    da_json_writer_init(&to, false);
    da_json_begin_object(&to);
    da_result_write(r, &to);
    da_json_end(&to);
    CHECK_OK(da_json_finish(&to, &text, NULL));
    return text;
}

static const char record[] = "{\"accuracy\":0.25,\"rows\":[{\"name\":\"a,\\\"b\\\"\",\"share\":0.991,\"count\":12},"
    "{\"name\":\"\\u001b[2J\xc3\xa9\",\"share\":null}],\"before\":{\"moved\":true,\"name\":null,\"series\":[1,0.1,null]}}";

TEST(result_records_what_has_a_key) {
    da_result *r = example();
    char *text = record_of(r);
    CHECK_OK(da_result_status(r));
    CHECK_TEXT(text, record);
    da_free(text);
    da_result_free(r);
}

TEST(result_reads_back_as_the_same_tree) {
    static const char more[] = "{\"a\":[[],{},[1,-0,1e300,9007199254740993,-2.5]],\"b\":false,\"a\":\"twice\"}";
    static const char *const texts[] = { record, "{}", more };
    for (int i = 0; i < 3; i++) {
        da_json *json = NULL;
        da_result *r = da_result_new();
        CHECK_OK(da_json_parse(&json, texts[i], strlen(texts[i]), "record"));
        CHECK_OK(da_result_read(r, json));
        char *text = record_of(r);
        da_json *again = NULL;
        da_result *twice = da_result_new();
        if (i < 2) CHECK_TEXT(text, texts[i]);
        CHECK_OK(da_json_parse(&again, text, strlen(text), "record"));
        CHECK_OK(da_result_read(twice, again));
        char *same = record_of(twice);
        CHECK_TEXT(same, text);
        da_free(same);
        da_free(text);
        da_result_free(twice);
        da_result_free(r);
        da_json_free(again);
        da_json_free(json);
    }
}

TEST(result_is_found_by_paths) {
    da_result *r = example();
    CHECK_CLOSE(da_result_number(r, "rows/0/share"), 0.991, 0);
    CHECK_CLOSE(da_result_number(r, "before/series/1"), 0.1, 0);
    CHECK_TEXT(da_result_text(r, "rows/0/name"), "a,\"b\"");
    CHECK_INT(da_result_count(da_result_find(r, "rows")), 2);
    CHECK(isnan(da_result_number(r, "rows/1/share")) && isnan(da_result_number(r, "rows/2/share")));
    CHECK(isnan(da_result_number(r, "rows/0/name")) && isnan(da_result_number(NULL, "a")));
    CHECK_TEXT(da_result_text(r, "accuracy"), "");
    CHECK(!da_result_find(r, "accuracy/0") && !da_result_find(r, "before/mov") && !da_result_find(r, "rows/-1"));
    da_result_free(r);
}

TEST(result_is_shown_in_the_terminal) {
    da_result *r = example();
    da_text text = { 0 };
    da_show_terminal(&text, r);
    CHECK_TEXT(da_text_string(&text), "3 runs\n"
                                      "name       share   change\n"
                                      "a,\"b\"     99.1 %    -0.50\n"
                                      "\\x1b[2J\xc3\xa9       -    +0.00\n"
                                      "\x1b[31m#\x1b[0m\n");
    da_text_free(&text);
    da_result_free(r);
}

TEST(result_is_shown_as_csv_and_on_a_page) {
    da_result *r = example();
    da_text text = { 0 }, page = { 0 };
    da_show_csv(&text, da_result_find(r, "rows"));
    CHECK_TEXT(da_text_string(&text), "name,share,count\n\"a,\"\"b\"\"\",0.991,12\n\x1b[2J\xc3\xa9,,\n");
    da_show_table(&page, "caption", da_result_find(r, "rows"), 0);
    CHECK(strstr(da_text_string(&page), "<tr class=\"em\"><td>a,&quot;b&quot;</td><td class=\"n\">99.1 %</td>"));
    CHECK(strstr(da_text_string(&page), "<td class=\"n\"></td><td class=\"n\">+0.00</td></tr>"));
    da_text_free(&page);
    da_text_free(&text);
    da_result_free(r);
}

TEST(result_formats_numbers) {
    static const struct { const char *format, *unit; da_value value; const char *shown; } cases[] = {
        { NULL, NULL, { .kind = DA_REAL, .as.real = 0.95 }, "0.95" },      { ".3", "s", { .kind = DA_REAL, .as.real = 2 }, "2.000 s" },
        { "+%.2", NULL, { .kind = DA_REAL, .as.real = 0.0157 }, "+1.57" }, { "+.1", NULL, { .kind = DA_REAL, .as.real = -2 }, "-2.0" },
        { ",", NULL, { .kind = DA_WHOLE, .as.whole = 67906 }, "67,906" },  { ",", NULL, { .kind = DA_WHOLE, .as.whole = -100 }, "-100" },
        { NULL, NULL, { .kind = DA_WHOLE, .as.whole = 1000 }, "1000" },    { NULL, "s", { .kind = DA_UNKNOWN }, "" },
        { NULL, NULL, { .kind = DA_FLAG, .as.flag = false }, "no" } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        da_text text = { 0 };
        da_show_value(&text, &(da_column){ .format = cases[i].format, .unit = cases[i].unit }, cases[i].value);
        CHECK_TEXT(da_text_string(&text), cases[i].shown);
        da_text_free(&text);
    }
}

TEST(result_keeps_its_first_error) {
    da_result *r = da_result_new();
    da_result *t = da_result_table(r, "rows", columns, 4);
    da_row(t, da_word("a"));
    CHECK_FAILS(da_result_status(r), DA_ERROR_ARGUMENT, "does not fit");
    da_result_free(r);
    CHECK_FAILS(da_result_status(NULL), DA_ERROR_MEMORY, "out of memory");
}

TEST(result_survives_every_failed_allocation) {
    for (int64_t k = 0; k < 3; k++) {
        da_memory_fail_after(k);
        da_result *r = example();
        for (int i = 0; i < 1000; i++) da_result_put(r, "some key", da_word("some text of a kilobyte's sixteenth"));
        da_memory_fail_after(-1);
        CHECK_FAILS(da_result_status(r), DA_ERROR_MEMORY, "out of memory");
        da_result_free(r);
    }
}
