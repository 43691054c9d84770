/* What RFC 8259 allows is read, what it forbids is refused, at every cut; what the writer writes the reader reads. */
#include "tests/unit/test.h"
#include "core/json.h"
#include "core/file.h"
#include "core/memory.h"

#include <stdio.h>
#include <stdlib.h>

static da_json *parse(const char *text) {
    da_json *root = NULL;
    CHECK_OK(da_json_parse(&root, text, strlen(text), "test.json"));
    return root;
}

static da_status status_of(const char *text) {
    da_json *root = NULL;
    da_status status = da_json_parse(&root, text, strlen(text), "test.json");
    da_json_free(root);
    return status;
}

TEST(json_walks_a_document) {
    da_json *root = parse(" { \"a\" : [1, -2.5e1, \"x\", true, false, null, {}, []],\n\t\"b\": {\"c\": \"d\"} }\r\n");
    const da_json *a = da_json_get(root, "a"), *b = NULL;
    double real = 0;
    int64_t whole = 0;
    const char *text = NULL;
    bool truth = false;
    CHECK_INT(da_json_kind(root), DA_JSON_OBJECT);
    CHECK_INT(da_json_count(root), 2);
    CHECK_INT(da_json_count(a), 8);
    CHECK_OK(da_json_as_int(da_json_at(a, 0), &whole));
    CHECK_INT(whole, 1);
    CHECK_OK(da_json_as_double(da_json_at(a, 1), &real));
    CHECK_CLOSE(real, -25, 0);
    CHECK_OK(da_json_as_string(da_json_at(a, 2), &text));
    CHECK_TEXT(text, "x");
    CHECK_OK(da_json_as_bool(da_json_at(a, 3), &truth));
    CHECK(truth);
    CHECK_INT(da_json_kind(da_json_at(a, 5)), DA_JSON_NULL);
    CHECK_INT(da_json_kind(da_json_at(a, 6)), DA_JSON_OBJECT);
    CHECK_INT(da_json_kind(da_json_at(a, 7)), DA_JSON_ARRAY);
    CHECK(!da_json_at(a, 8) && !da_json_at(a, -1) && !da_json_first(da_json_at(a, 7)) && !da_json_next(da_json_at(a,
                                                                                                                  7)));
    CHECK_OK(da_json_object(root, "b", &b));
    CHECK_OK(da_json_string(b, "c", &text));
    CHECK_TEXT(text, "d");
    CHECK_TEXT(da_json_key_of(da_json_first(b)), "c");
    CHECK(!da_json_key_of(root) && !da_json_get(a, "a") && !da_json_get(NULL, "a") && !da_json_first(NULL));
    int count = 0;
    for (const da_json *v = da_json_first(a); v; v = da_json_next(v)) count++;
    CHECK_INT(count, 8);
    da_json_free(root);
    da_json_free(NULL);
}

TEST(json_numbers_are_exact) {
    da_json *root = parse("[9223372036854775807, -9223372036854775808, 9223372036854775808, 3.0, 3e2,"
                          " 0.5, -0, 1e-400, 0,"
                          " 12345678901234567890123]");
    int64_t whole = 7;
    double real = 7;
    CHECK_OK(da_json_as_int(da_json_at(root, 0), &whole));
    CHECK(whole == INT64_MAX);
    CHECK_OK(da_json_as_int(da_json_at(root, 1), &whole));
    CHECK(whole == INT64_MIN);
    CHECK_FAILS(da_json_as_int(da_json_at(root, 2), &whole), DA_ERROR_FORMAT,
                "'test.json': [2] is a number, a whole number");
    CHECK_OK(da_json_as_double(da_json_at(root, 2), &real));
    CHECK_CLOSE(real, 0x1p63, 0);
    CHECK_OK(da_json_as_int(da_json_at(root, 3), &whole));
    CHECK_INT(whole, 3);
    CHECK_OK(da_json_as_int(da_json_at(root, 4), &whole));
    CHECK_INT(whole, 300);
    CHECK_FAILS(da_json_as_int(da_json_at(root, 5), &whole), DA_ERROR_FORMAT, "[5]");
    CHECK_INT(whole, 300);
    CHECK_OK(da_json_as_double(da_json_at(root, 6), &real));
    CHECK(real == 0 && signbit(real));
    CHECK_OK(da_json_as_int(da_json_at(root, 6), &whole));
    CHECK_INT(whole, 0);
    CHECK_FAILS(da_json_as_int(da_json_at(root, 9), &whole), DA_ERROR_FORMAT, "63 bits");
    da_json_free(root);
}

TEST(json_strings_are_unescaped) {
    da_json *root = parse("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\", \"\\u0041\\u00e9\\u20AC\\uD834\\uDD1E\","
                          " \"\xC3\xA9\xF0\x9D\x84\x9E\", \"\"]");
    const char *text = NULL;
    CHECK_OK(da_json_as_string(da_json_at(root, 0), &text));
    CHECK_TEXT(text, "\"\\/\b\f\n\r\t");
    CHECK_OK(da_json_as_string(da_json_at(root, 1), &text));
    CHECK_TEXT(text, "A\xC3\xA9\xE2\x82\xAC\xF0\x9D\x84\x9E");
    CHECK_OK(da_json_as_string(da_json_at(root, 2), &text));
    CHECK_TEXT(text, "\xC3\xA9\xF0\x9D\x84\x9E");
    CHECK_OK(da_json_as_string(da_json_at(root, 3), &text));
    CHECK_TEXT(text, "");
    da_json_free(root);
}

TEST(json_takes_what_the_rfc_allows) {
    static const char *const good[] = { "0", "-0", "-0.0e+00", "1E9", "\"\"", "null", "true", " [ ] ", "{}",
        "[[],[{}]]",
                                        "{\"\":0}", "{\"a\":1,\"a\":2}", "[\"\\u000a\"]", "\"\x7f\"",
                                            "\"\xEF\xBF\xBF\"",
                                        "\"\xF4\x8F\xBF\xBF\"", "\"\xED\x9F\xBF\"" };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (status_of(good[i]) != DA_OK) test_fail(__FILE__, __LINE__, "%s: %s", good[i], da_error_message());
    da_json *root = parse("{\"a\":1,\"a\":2}");
    int64_t value = 0;
    CHECK_OK(da_json_int(root, "a", &value));
    CHECK_INT(value, 2);
    da_json_free(root);
}

TEST(json_refuses_what_the_rfc_forbids) {
    static const char *const bad[] = {
        "", " ", "[", "]", "{", "}", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1,,2]", "{\"a\"}", "{\"a\":}",
            "{\"a\":1,}", "{a:1}",
        "{'a':1}", "{1:1}", "{\"a\" 1}", "{\"a\":1 \"b\":2}", "{,}", "[1}", "{\"a\":1]", "1 2", "[] []", "nul",
            "nulls", "True", "NaN",
        "Infinity", "-Infinity", "-", "+1", "01", "-01", "00", "1.", ".5", "1.e5", "1e", "1e+", "0x10", "1e999",
            "-1e999", "--1",
        "\"", "\"a", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u12G4\"", "\"\\u0000\"", "\"\\uD800\"", "\"\\uD800x\"",
        "\"\\uD800\\n\"", "\"\\uD800\\u0041\"", "\"\\uDC00\"", "\"\n\"", "\"\t\"", "\"\x01\"", "\"\xFF\"",
            "\"\xC0\x80\"",
        "\"\xC1\xBF\"", "\"\xE0\x80\x80\"", "\"\xED\xA0\x80\"", "\"\xF0\x80\x80\x80\"", "\"\xF4\x90\x80\x80\"",
            "\"\xF5\x80\x80\x80\"",
        "\"\xC3\"", "\"\xE2\x82\"", "\"\x80\"", "// a\n1", "/* a */1", "1 #", "\xEF\xBB\xBF[]", "[1\f]", "tru",
            "[truefalse]",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        da_error_clear();
        if (status_of(bad[i]) != DA_ERROR_FORMAT) test_fail(__FILE__, __LINE__, "'%s' was taken", bad[i]);
        else if (!strstr(da_error_message(), "'test.json' line")) test_fail(__FILE__, __LINE__, "%s",
                                                                            da_error_message());
    }
    CHECK_FAILS(status_of("{\n \"a\": [1,\n  oops]}"), DA_ERROR_FORMAT, "line 3, column 3");
    da_json *root = (da_json *)1;
    CHECK(da_json_parse(&root, "[1\0]", 4, "nul") == DA_ERROR_FORMAT && root == (da_json *)1);
}

TEST(json_depth_is_capped) {
    char text[2 * (DA_JSON_DEPTH + 1) + 1];
    memset(text, '[', DA_JSON_DEPTH);
    memset(text + DA_JSON_DEPTH, ']', DA_JSON_DEPTH);
    text[2 * DA_JSON_DEPTH] = '\0';
    CHECK_OK(status_of(text));
    memset(text, '[', DA_JSON_DEPTH + 1);
    CHECK_FAILS(status_of(text), DA_ERROR_FORMAT, "too deep");
    size_t many = 100000;
    char *deep = da_alloc(many);
    da_json *root = NULL;
    memset(deep, '[', many);
    CHECK_FAILS(da_json_parse(&root, deep, many, "deep"), DA_ERROR_FORMAT, "too deep");
    da_free(deep);
}

/* Each prefix in a block of its own, so that a sanitizer sees a read past its end. */
TEST(json_truncated_anywhere_is_an_error) {
    static const char text[] = "{\"k\\u00e9\": [1.5e-3, true, null, \"\\uD834\\uDD1E\xE2\x82\xAC\","
                               " {\"x\": [false]}], \"z\": -12}";
    for (size_t size = 0; size < sizeof text - 1; size++) {
        char *cut = malloc(size + !size);
        da_json *root = NULL;
        memcpy(cut, text, size);
        if (da_json_parse(&root, cut, size, "cut") != DA_ERROR_FORMAT) test_fail(__FILE__, __LINE__, "%zu bytes", size);
        free(cut);
    }
    CHECK_OK(status_of(text));
}

TEST(json_messages_name_the_path) {
    da_json *root = parse("{\"units\": [{\"name\": \"a\"}, {\"name\": 3, \"in\": {\"c\": \"x\"}}], \"n\": 1}");
    const char *text = "kept";
    int64_t whole = 5;
    double real;
    bool truth;
    const da_json *out, *second = da_json_at(da_json_get(root, "units"), 1);
    CHECK_FAILS(da_json_string(second, "name", &text), DA_ERROR_FORMAT,
                "'test.json': units[1].name is a number, a string is expected");
    CHECK_FAILS(da_json_int(da_json_get(second, "in"), "c", &whole), DA_ERROR_FORMAT, "units[1].in.c is a string");
    CHECK_FAILS(da_json_int(second, "size", &whole), DA_ERROR_FORMAT, "'size' is missing in units[1]");
    CHECK_FAILS(da_json_int(root, "size", &whole), DA_ERROR_FORMAT, "'test.json': 'size' is missing");
    CHECK_FAILS(da_json_double(root, "units", &real), DA_ERROR_FORMAT, "units is an array, a number");
    CHECK_FAILS(da_json_bool(root, "n", &truth), DA_ERROR_FORMAT, "true or false is expected");
    CHECK_FAILS(da_json_array(root, "n", &out), DA_ERROR_FORMAT, "an array is expected");
    CHECK_FAILS(da_json_object(root, "units", &out), DA_ERROR_FORMAT, "an object is expected");
    CHECK_FAILS(da_json_int(da_json_get(root, "n"), "x", &whole), DA_ERROR_FORMAT, "n is a number, an object");
    CHECK_FAILS(da_json_int(NULL, "x", &whole), DA_ERROR_FORMAT, "missing");
    CHECK_TEXT(text, "kept");
    CHECK_INT(whole, 5);
    da_json_free(root);
}

TEST(json_read_takes_a_file) {
    const char *path = test_temporary("a.json");
    da_json *root = NULL;
    CHECK_OK(da_file_save(path, "[1]", 3));
    CHECK_OK(da_json_read(&root, path));
    CHECK_INT(da_json_count(root), 1);
    da_json_free(root);
    CHECK_OK(da_file_save(path, "[1", 2));
    CHECK_FAILS(da_json_read(&root, path), DA_ERROR_FORMAT, "a.json");
    CHECK_FAILS(da_json_read(&root, test_temporary("none.json")), DA_ERROR_NOT_FOUND, "none.json");
}

static void write_example(da_json_writer *w) {
    da_json_begin_object(w);
    da_json_key(w, "text");
    da_json_put_string(w, "q\" b\\ n\n u\x01 \x7F \xC2\x9B \xC3\xA9 \xFF");
    da_json_key(w, "list");
    da_json_begin_array(w);
    da_json_put_int(w, INT64_MIN);
    da_json_put_double(w, 0.1);
    da_json_put_double(w, (double)NAN);
    da_json_put_bool(w, true);
    da_json_put_null(w);
    da_json_put_string(w, NULL);
    da_json_begin_array(w);
    da_json_end(w);
    da_json_begin_object(w);
    da_json_end(w);
    da_json_end(w);
    da_json_end(w);
}

TEST(json_writer_writes_compact_and_pretty) {
    da_json_writer w;
    char *text = NULL;
    size_t size = 0;
    da_json_writer_init(&w, false);
    write_example(&w);
    CHECK_OK(da_json_finish(&w, &text, &size));
    CHECK_TEXT(text, "{\"text\":\"q\\\" b\\\\ n\\u000a u\\u0001 \\u007f \\u009b \xC3\xA9 \xEF\xBF\xBD\","
                     "\"list\":[-9223372036854775808,0.1,null,true,null,null,[],{}]}");
    CHECK_INT(size, strlen(text));
    CHECK_OK(status_of(text));
    da_free(text);
    da_json_writer_init(&w, true);
    write_example(&w);
    CHECK_OK(da_json_finish(&w, &text, NULL));
    CHECK(strstr(text, "{\n  \"text\": \"q") && strstr(text, "\n    0.1,\n") && strstr(text, "[],\n    {}\n  ]\n}\n"));
    CHECK_OK(status_of(text));
    da_free(text);
}

TEST(json_writer_reports_misuse_at_the_end) {
    da_json_writer w;
    char *text = (char *)1;
#define MISUSE(calls, part) do { da_json_writer_init(&w, false); calls; \
        CHECK_FAILS(da_json_finish(&w, &text, NULL), DA_ERROR_ARGUMENT, part); } while (0)
    MISUSE((void)0, "nothing");
    MISUSE(da_json_begin_array(&w), "no end");
    MISUSE(da_json_end(&w), "without a begin");
    MISUSE((da_json_put_int(&w, 1), da_json_put_int(&w, 2)), "second value");
    MISUSE((da_json_begin_object(&w), da_json_put_int(&w, 1), da_json_end(&w)), "no key");
    MISUSE((da_json_begin_array(&w), da_json_key(&w, "a"), da_json_end(&w)), "outside of an object");
    MISUSE((da_json_begin_object(&w), da_json_key(&w, "a"), da_json_end(&w)), "no value");
    MISUSE((da_json_begin_object(&w), da_json_key(&w, "a"), da_json_key(&w, "b")), "no value");
    MISUSE({ for (int i = 0; i <= DA_JSON_DEPTH; i++) da_json_begin_array(&w); }, "too deep");
#undef MISUSE
    CHECK(text == (char *)1);
    da_json_writer_init(&w, false);
    da_json_begin_array(&w);
    da_json_writer_free(&w);
}

TEST(json_survives_allocation_failures) {
    static const char text[] = "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,{\"a\":\"b\"}]";
    da_json *root = NULL;
    da_status status = DA_ERROR_MEMORY;
    for (int64_t k = 0; status != DA_OK && k < 20; k++) {
        da_memory_fail_after(k);
        status = da_json_parse(&root, text, sizeof text - 1, "m");
        da_memory_fail_after(-1);
        if (status != DA_OK) CHECK_INT(status, DA_ERROR_MEMORY);
        if (k < 4) CHECK(status != DA_OK);
    }
    CHECK_INT(status, DA_OK);
    da_json_free(root);
    status = DA_ERROR_MEMORY;
    char *out = NULL;
    for (int64_t k = 0; status != DA_OK && k < 20; k++) {
        da_json_writer w;
        da_memory_fail_after(k);
        da_json_writer_init(&w, true);
        da_json_begin_array(&w);
        for (int i = 0; i < 300; i++) da_json_put_int(&w, i);
        da_json_end(&w);
        status = da_json_finish(&w, &out, NULL);
        da_memory_fail_after(-1);
        if (status != DA_OK) CHECK_INT(status, DA_ERROR_MEMORY);
    }
    CHECK_INT(status, DA_OK);
    da_free(out);
}
