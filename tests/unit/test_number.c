/* Decimal to double and back: exact halves, long tails, limits, and the texts that are no numbers. */
#include "tests/unit/test.h"
#include "core/number.h"
#include "core/random.h"

#include <locale.h>
#include <stdlib.h>

static double value_of(const char *text) {
    double value = -77;
    return da_number_parse(text, strlen(text), &value) ? value : -77;
}

TEST(number_parse_reads_decimals) {
    static const struct { const char *text; double value; } known[] = {
        { "0", 0 }, { "1", 1 }, { "-1", -1 }, { "+1.5", 1.5 }, { ".5", 0.5 }, { "5.", 5 }, { "1e3", 1000 }, { "1E-3",
            0.001 },
        { "000012.500", 12.5 }, { "0.1", 0.1 }, { "1e308", 1e308 }, { "4.9406564584124654e-324", 0x1p-1074 },
        { "1e-400", 0 }, { "123456789012345678", 123456789012345678.0 }, { "0.0000000001e10", 1 }, { "0e99999999999",
            0 },
        { "9007199254740993", 9007199254740992.0 },       /* a tie, to even */
        { "9007199254740993.00000000001", 9007199254740994.0 },
        { "1.7976931348623157e308", 0x1.fffffffffffffp1023 },
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (value_of(known[i].text) != known[i].value) test_fail(__FILE__, __LINE__, "%s", known[i].text);
    CHECK(isinf(value_of("1e999")) && value_of("-1e99999999999999999999") < 0);
    CHECK(signbit(value_of("-0")) && !signbit(value_of("0")));
}

TEST(number_parse_refuses_what_is_none) {
    static const char *const none[] = { "", "-", "+", ".", "-.", "e5", "1e", "1e+", "1e-", "1x", "x1", " 1", "1 ",
        "0x10",
                                        "nan", "inf", "1..2", "1.2.3", "--1", "1,5", "1e5.5", "1e+-5", "1_000" };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        if (value_of(none[i]) != -77) test_fail(__FILE__, __LINE__, "'%s' was taken", none[i]);
    double value;
    CHECK(da_number_parse("12345", 2, &value) && value == 12); /* no further than size */
}

/* A tie whose decision stands in the last of very many digits. */
TEST(number_parse_sees_the_last_digit) {
    static char text[3000];
    memset(text, '0', sizeof text);
    memcpy(text, "9007199254740993.", 17);
    text[sizeof text - 1] = '\0';
    CHECK(value_of(text) == 9007199254740992.0);
    text[sizeof text - 2] = '1';
    CHECK(value_of(text) == 9007199254740994.0);
    memset(text, '7', 2000); /* 2000 digits before the point overflow, and the exponent brings them back */
    strcpy(text + 2000, "e-2000");
    CHECK_CLOSE(value_of(text), 7.0 / 9, 1e-16);
}

TEST(number_text_reads_back_the_same) {
    char text[DA_NUMBER_TEXT];
    CHECK_TEXT(da_number_text(text, 0.1), "0.1");
    CHECK_TEXT(da_number_text(text, -0.0), "-0");
    CHECK_TEXT(da_number_text(text, 100), "100");
    CHECK_TEXT(da_number_text(text, 0.1 + 0.2), "0.30000000000000004");
    CHECK_TEXT(da_number_text(text, -0x1.fffffffffffffp1023), "-1.7976931348623157e+308");
    CHECK_TEXT(da_number_text(text, (double)INFINITY), "inf");
    CHECK_TEXT(da_number_text(text, -(double)INFINITY), "-inf");
    CHECK_TEXT(da_number_text(text, (double)NAN), "nan");
    for (uint64_t i = 0; i < 20000; i += 2) { /* any bit pattern */
        uint64_t bits = (uint64_t)da_random_bits(1, 1, i) << 32 | da_random_bits(1, 1, i + 1);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value) && value_of(da_number_text(text, value)) != value) test_fail(__FILE__, __LINE__, "%a",
                                                                                         value);
    }
}

TEST(number_fixed_and_rounded_take_any_double) {
    char text[DA_NUMBER_WIDE];
    CHECK_TEXT(da_number_fixed(text, 2.0 / 3, 3), "0.667");
    CHECK_TEXT(da_number_fixed(text, 7.4, 0), "7");
    CHECK_TEXT(da_number_fixed(text, -0.004, 2), "0.00");
    CHECK_TEXT(da_number_fixed(text, -0.006, 2), "-0.01");
    CHECK_TEXT(da_number_fixed(text, (double)NAN, 1), "nan");
    CHECK_TEXT(da_number_fixed(text, -(double)INFINITY, 1), "-inf");
    CHECK_INT(strlen(da_number_fixed(text, -0x1.fffffffffffffp1023, 1000)), 1 + 309 + 1 + 40);
    CHECK_TEXT(da_number_rounded(text, 1234567, 5), "1.2346e+06");
    CHECK_TEXT(da_number_rounded(text, 98.5, 5), "98.5");
    CHECK_TEXT(da_number_rounded(text, (double)INFINITY, 5), "inf");
}

TEST(number_does_not_follow_the_locale) {
    char text[DA_NUMBER_TEXT], fixed[DA_NUMBER_WIDE], rounded[DA_NUMBER_WIDE];
    if (!test_comma_locale()) SKIP("no locale with a decimal comma is installed");
    double value = value_of("1.5");
    da_number_text(text, -2.25e100);
    da_number_fixed(fixed, -12.34, 1);
    da_number_rounded(rounded, 12.345678, 4);
    setlocale(LC_NUMERIC, "C");
    CHECK_CLOSE(value, 1.5, 0);
    CHECK_TEXT(text, "-2.25e+100");
    CHECK_TEXT(fixed, "-12.3");
    CHECK_TEXT(rounded, "12.35");
}

/* What a call returns lives until its statement ends. */
#define CHECK_COUNT(count, noun, words) \
    do { const da_counted counted = da_count(count, noun); CHECK_TEXT(counted.text, words); } while (0)

TEST(number_counts_in_words) {
    CHECK_COUNT(0, "image", "0 images");
    CHECK_COUNT(1, "test image", "1 test image");
    CHECK_COUNT(2, "class", "2 classes");
    CHECK_COUNT(1, "class", "1 class");
    CHECK_COUNT(3, "batch", "3 batches");
    CHECK_COUNT(3, "epoch", "3 epochs");
    CHECK_COUNT(4, "matrix", "4 matrices");
    CHECK_COUNT(5, "s", "5 ss");
    CHECK_COUNT(INT64_MIN, "layer", "-9223372036854775808 layers");
}
