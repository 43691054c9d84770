/* Matrices as text: with and without names, and every way a hand-made file goes wrong, each with its place. */
#include "tests/unit/test.h"
#include "core/csv.h"
#include "core/file.h"
#include "core/memory.h"

#include <stdio.h>
#include <stdlib.h>

static da_status read_text(da_csv *matrix, const char *text) { /* from a block of exactly its size */
    size_t size = strlen(text);
    char *block = malloc(size + !size);
    memcpy(block, text, size);
    da_status status = da_csv_read_memory(matrix, block, size, "m.csv");
    free(block);
    return status;
}

TEST(csv_reads_a_matrix) {
    da_csv m;
    CHECK_OK(read_text(&m, "1,0.5\n-2e-3,4\n"));
    CHECK(m.rows == 2 && m.columns == 2 && !m.names);
    CHECK(m.values[0] == 1 && m.values[1] == 0.5 && m.values[2] == -2e-3 && m.values[3] == 4);
    da_csv_free(&m);
    CHECK(!m.values);
    CHECK_OK(read_text(&m, "7"));
    CHECK(m.rows == 1 && m.columns == 1 && m.values[0] == 7);
    da_csv_free(&m);
    da_csv_free(NULL);
}

TEST(csv_reads_names) {
    da_csv m;
    CHECK_OK(read_text(&m, "\xEF\xBB\xBF" "conv1, \"layer, \"\"1\"\"\" ,,two words ,-\r\n"
                           "\r\n \n1, 2 ,\"3\",+4,.5\r\n"));
    CHECK(m.rows == 1 && m.columns == 5);
    CHECK_TEXT(m.names[0], "conv1");
    CHECK_TEXT(m.names[1], "layer, \"1\"");
    CHECK_TEXT(m.names[2], "");
    CHECK_TEXT(m.names[3], "two words");
    CHECK_TEXT(m.names[4], "-");
    for (int c = 0; c < 4; c++) CHECK(m.values[c] == c + 1);
    da_csv_free(&m);
}

/* What numpy.savetxt(header=...) writes, and comments anywhere. */
TEST(csv_comments_are_no_part_of_a_name) {
    da_csv m;
    CHECK_OK(read_text(&m, "# conv1,layer1.0\n1,2\n# a note, of two fields\n3,4\n#5,6\n"));
    CHECK(m.rows == 2 && m.columns == 2 && m.values[3] == 4);
    CHECK_TEXT(m.names[0], "conv1");
    CHECK_TEXT(m.names[1], "layer1.0");
    da_csv_free(&m);
    CHECK_OK(read_text(&m, "# one title, of, several parts\n#a,b\r\n1,2\n")); /* the last one counts */
    CHECK_TEXT(m.names[0], "a");
    da_csv_free(&m);
    CHECK_OK(read_text(&m, "#x,y\na,b\n# z,w\n1,2\n")); /* a line of names outranks comments */
    CHECK_TEXT(m.names[1], "b");
    da_csv_free(&m);
    static const char *const unnamed[] = { "# a matrix\n1,2\n", "# 1,2\n1,2\n", "#\n1,2\n", "# a,b\n# c\n1,2\n",
                                           "# a,\n1\n", "#\n1\n" };
    for (size_t i = 0; i < sizeof unnamed / sizeof *unnamed; i++) {
        CHECK_OK(read_text(&m, unnamed[i]));
        CHECK(!m.names && m.rows == 1 && m.values[0] == 1);
        da_csv_free(&m);
    }
    CHECK_FAILS(read_text(&m, "# a,b\n"), DA_ERROR_FORMAT, "no row");
    CHECK_FAILS(read_text(&m, "# \"a,b\n1\n"), DA_ERROR_FORMAT, "no end"); /* as in a line of names */
    static const char *const name[1] = { "# really" };
    const double one = 1;
    const char *path = test_temporary("mark.csv");
    CHECK_OK(da_csv_write(path, 1, 1, &one, name));
    CHECK_OK(da_csv_read(&m, path));
    CHECK_TEXT(m.names[0], "# really");
    da_csv_free(&m);
}

TEST(csv_refuses_and_names_the_place) {
    static const struct { const char *text; da_status code; const char *part; } bad[] = {
        { "", DA_ERROR_FORMAT, "no row of numbers" }, { "\n \n", DA_ERROR_FORMAT, "no row" }, { "a,b\n",
            DA_ERROR_FORMAT, "no row" },
        { "1,2\n3\n", DA_ERROR_FORMAT, "line 2 (row 2) has 1 field, the first line 2" },
        { "a,b\n\n1,2,3\n", DA_ERROR_FORMAT, "line 3 (row 1) has more than the 2 fields" },
        { "1,2\n3,4\n5,\n", DA_ERROR_FORMAT, "line 3 (row 3), column 2: '' is empty" },
        { "a,b\n1,x\n", DA_ERROR_FORMAT, "line 2 (row 1), column 2 'b': 'x' is no number" },
        { "1,x\n", DA_ERROR_FORMAT, "line 1 (row 1), column 2: 'x'" },       /* not a line of names */
        { ",0,1\n0,1,2\n", DA_ERROR_FORMAT, "column 1: '' is empty" },       /* nor is pandas' index */
        { "1;2\n3;4\n", DA_ERROR_FORMAT, "'3;4' is no number" },
        { "a,b\n1,nan\n", DA_ERROR_NUMERIC, "line 2 (row 1), column 2 'b': 'nan' is not finite" },
        { "NaN,NaN\n1,2\n", DA_ERROR_NUMERIC, "line 1 (row 1), column 1: 'NaN'" }, /* no line of names either */
        { "1,-inf\n", DA_ERROR_NUMERIC, "-inf" }, { "1,Infinity\n", DA_ERROR_NUMERIC, "Infinity" },
        { "1,1e999\n", DA_ERROR_NUMERIC, "1e999" }, { "1,\"2\n", DA_ERROR_FORMAT, "is no number" },
        { "1,\"2\"3\n", DA_ERROR_FORMAT, "is no number" }, { "\"a,b\n1,2\n", DA_ERROR_FORMAT, "no end" },
        { "1,0x10\n", DA_ERROR_FORMAT, "0x10" }, { "1 2\n", DA_ERROR_FORMAT, "no row" }, { "a\n1 2\n", DA_ERROR_FORMAT,
            "'1 2'" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        da_csv m = { .rows = 77 };
        da_error_clear();
        if (read_text(&m, bad[i].text) != bad[i].code) {
            test_fail(__FILE__, __LINE__, "'%s': %s", bad[i].text, da_error_message());
            if (m.rows != 77) da_csv_free(&m);
        } else if (!strstr(da_error_message(), "'m.csv'") || !strstr(da_error_message(), bad[i].part)) {
            test_fail(__FILE__, __LINE__, "'%s': '%s' lacks '%s'", bad[i].text, da_error_message(), bad[i].part);
        }
    }
    da_csv m;
    CHECK_FAILS(da_csv_read_memory(&m, "1,2\0", 4, "nul"), DA_ERROR_FORMAT, "is no number");
    CHECK_FAILS(da_csv_read(&m, test_temporary("no.csv")), DA_ERROR_NOT_FOUND, "no.csv");
    CHECK_FAILS(da_csv_read(&m, "/"), DA_ERROR_IO, "directory");
}

TEST(csv_writes_what_it_reads) {
    static const char *const names[3] = { "plain", " a \"quoted\", one ", "" };
    const double values[6] = { 0.1, 1.0 / 3, -0.0, 1e-300, 123456789012345680, 0x1.fffffffffffffp1023 };
    const char *path = test_temporary("m.csv");
    da_csv m;
    CHECK_OK(da_csv_write(path, 2, 3, values, names));
    CHECK_OK(da_csv_read(&m, path));
    CHECK(m.rows == 2 && m.columns == 3 && memcmp(m.values, values, sizeof values) == 0);
    for (int c = 0; c < 3; c++) CHECK_TEXT(m.names[c], names[c]);
    da_csv_free(&m);
    CHECK_OK(da_csv_write(path, 3, 2, values, NULL));
    CHECK_OK(da_csv_read(&m, path));
    CHECK(m.rows == 3 && m.columns == 2 && !m.names && memcmp(m.values, values, sizeof values) == 0);
    da_csv_free(&m);
    CHECK_OK(da_csv_write(path, 1, 1, values, names + 2));
    CHECK_OK(da_csv_read(&m, path));
    CHECK(m.names && m.rows == 1);
    da_csv_free(&m);
}

TEST(csv_write_refuses) {
    const char *path = test_temporary("refused.csv");
    const double values[2] = { 1, (double)NAN };
    static const char *const number[2] = { "a", "1e3" }, *const word[2] = { "a", "NaN" }, *const broken[2] = { "a",
        "b\nc" };
    CHECK_FAILS(da_csv_write(path, 1, 2, values, NULL), DA_ERROR_NUMERIC, "row 1, column 2");
    CHECK_FAILS(da_csv_write(path, 0, 2, values, NULL), DA_ERROR_ARGUMENT, "0 x 2");
    CHECK_FAILS(da_csv_write(path, 2, 1, values, NULL), DA_ERROR_NUMERIC, "row 2, column 1");
    CHECK_FAILS(da_csv_write(path, 1, 2, values, number), DA_ERROR_ARGUMENT, "'1e3'");
    CHECK_FAILS(da_csv_write(path, 1, 2, values, word), DA_ERROR_ARGUMENT, "'NaN'");
    CHECK_FAILS(da_csv_write(path, 1, 2, values, broken), DA_ERROR_ARGUMENT, "line break");
    CHECK(!da_file_exists(path));
    if (da_file_exists("/dev/full")) CHECK_FAILS(da_csv_write("/dev/full", 1, 1, values, NULL), DA_ERROR_IO, "space");
}

/* A prefix may well be a matrix; what counts is that it is read or refused without touching what lies behind it. */
TEST(csv_truncated_anywhere_is_safe) {
    static const char text[] = "\xEF\xBB\xBF" "\"a \"\"x\"\"\",b , c\r\n1.5e-3, \"2\" ,3\r\n-4,5,6e2\n";
    for (size_t size = 0; size < sizeof text; size++) {
        da_csv m = { .rows = 0 };
        char *cut = malloc(size + !size);
        memcpy(cut, text, size);
        da_status status = da_csv_read_memory(&m, cut, size, "cut");
        CHECK(status == DA_ERROR_FORMAT || (status == DA_OK && m.columns == 3));
        da_csv_free(&m);
        free(cut);
    }
}

TEST(csv_survives_allocation_failures) {
    static const char text[] = "a,b\n1,2\n3,4\n5,6\n7,8\n9,10\n";
    const double value = 1;
    da_csv m = { .rows = 0 };
    da_status status = DA_ERROR_MEMORY;
    int64_t k;
    for (k = 0; status != DA_OK && k < 20; k++) {
        da_memory_fail_after(k);
        status = da_csv_read_memory(&m, text, sizeof text - 1, "m");
        da_memory_fail_after(-1);
        if (status != DA_OK) CHECK(status == DA_ERROR_MEMORY && m.rows == 0);
    }
    CHECK(status == DA_OK && k > 3 && m.rows == 5);
    da_csv_free(&m);
    da_memory_fail_after(0);
    CHECK_FAILS(da_csv_write(test_temporary("memory.csv"), 1, 1, &value, NULL), DA_ERROR_MEMORY, "out of memory");
    da_memory_fail_after(-1);
}
