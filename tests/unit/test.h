/* A test is a function that registers itself:
 *
 *     TEST(tensor_slice_counts_from_the_end) {
 *         CHECK(da_tensor_slice(&view, &t, 0, -1, 3, 1) == DA_OK);
 *         CHECK_CLOSE(actual, expected, 1e-6);
 *         CHECK_FAILS(da_tensor_slice(&view, &t, 9, 0, 1, 1), DA_ERROR_SHAPE, "axis 9");
 *     }
 *
 * build/unit runs all of them, build/unit NAME... those whose name contains a NAME. A test that leaves blocks of the
 * allocator alive fails. Tests that need real data call test_data_dir and SKIP where it has none.
 */
#ifndef DA_TESTS_TEST_H
#define DA_TESTS_TEST_H

#include "core/status.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef struct test_case { const char *name, *file; void (*body)(void); struct test_case *next; } test_case;
void test_register(test_case *test);
void test_fail(const char *file, int line, const char *format, ...) DA_PRINTF(3, 4);
void test_skip(const char *format, ...) DA_PRINTF(1, 2);
bool test_failed(void);                  /* has the running test failed already? */
const char *test_data_dir(void);         /* $DEEPARC_DATA, or NULL */
/* a path in a directory that goes when the run ends; valid for 8 more calls */
const char *test_temporary(const char *name);

/* Sets a locale whose numbers have a comma; false when none is installed. Afterwards setlocale(LC_NUMERIC, "C"). */
bool test_comma_locale(void);

#define TEST(name)                                                                                   \
    static void test_##name(void);                                                                   \
    __attribute__((constructor)) static void test_register_##name(void) {                            \
        static test_case test = { #name, __FILE__, test_##name, NULL };                              \
        test_register(&test);                                                                        \
    }                                                                                                \
    static void test_##name(void)

#define CHECK(condition) do { if (!(condition)) test_fail(__FILE__, __LINE__, "%s", #condition); } while (0)
#define CHECK_OK(call) do {                                                                                            \
    if ((call) != DA_OK) test_fail(__FILE__, __LINE__, "%s: %s", #call, da_error_message()); } while (0)
#define CHECK_INT(actual, expected) do { long long a_ = (long long)(actual), e_ = (long long)(expected);               \
    if (a_ != e_) test_fail(__FILE__, __LINE__, "%s is %lld, not %lld", #actual, a_, e_); } while (0)
#define CHECK_CLOSE(actual, expected, tolerance) do { double a_ = (double)(actual), e_ = (double)(expected);           \
    if (!(fabs(a_ - e_) <= (tolerance)))                                                                               \
        test_fail(__FILE__, __LINE__, "%s is %.9g, not %.9g within %g", #actual, a_, e_,                               \
                  (double)(tolerance)); } while (0)
#define CHECK_TEXT(actual, expected) do { const char *a_ = (actual), *e_ = (expected);                                 \
    if (!a_ || strcmp(a_, e_) != 0)                                                                                    \
        test_fail(__FILE__, __LINE__, "%s is '%s', not '%s'", #actual, a_ ? a_ : "NULL", e_); } while (0)
/* The call must fail with this code and a sentence that contains `part`. */
#define CHECK_FAILS(call, code, part) do { da_error_clear(); da_status s_ = (call);                                    \
    if (s_ != (code) || da_error_code() != (code))                                                                     \
        test_fail(__FILE__, __LINE__, "%s gave %d, not %s (%s)", #call, (int)s_, #code, da_error_message());           \
    else if (!strstr(da_error_message(), (part)))                                                                      \
        test_fail(__FILE__, __LINE__, "%s says '%s', which lacks '%s'", #call, da_error_message(), (part)); } while (0)
#define SKIP(...) do { test_skip(__VA_ARGS__); return; } while (0)

#endif
