/* Decimal text to and from binary64.
 *
 * strtod and printf put the locale's decimal point into numbers, and a program around the library may have set a
 * locale. So "-12.50e3" reaches strtod as "-1250e1", an integer and an exponent, which every locale reads alike; and
 * whatever printf writes between the digits becomes a point.
 */
#include "core/number.h"

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Digits beyond DIGITS cannot decide a rounding by their value, only by not being zero: the longest midpoint between
   two doubles has 767. */
enum { DIGITS = 800 };

typedef struct decimal {
    char    digits[DIGITS + 1];
    int     count;    /* significant digits kept */
    int64_t exponent; /* of the last digit kept */
    bool    more;     /* a digit that is not zero was left out */
    bool    any;      /* there was a digit at all */
} decimal;

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static const char *take_digits(decimal *d, const char *at, const char *end, bool fraction) {
    for (; at < end && is_digit(*at); at++) {
        d->any = true;
        if (d->count == DIGITS) {
            d->more = d->more || *at != '0';
            d->exponent += !fraction;
        } else {
            if (d->count > 0 || *at != '0') d->digits[d->count++] = *at;
            d->exponent -= fraction;
        }
    }
    return at;
}

static const char *take_exponent(decimal *d, const char *at, const char *end) {
    int64_t exponent = 0;
    bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) at++;
    if (at == end) return NULL;
    for (; at < end && is_digit(*at); at++)
        if (exponent < INT64_C(1) << 40) exponent = exponent * 10 + (*at - '0'); /* far beyond any double already */
    d->exponent += negative ? -exponent : exponent;
    return at;
}

bool da_number_parse(const char *text, size_t size, double *value) {
    decimal d = { .count = 0 };
    const char *at = text, *end = text + size;
    bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) at++;
    at = take_digits(&d, at, end, false);
    if (at < end && *at == '.') at = take_digits(&d, at + 1, end, true);
    if (!d.any) return false;
    if (at < end && (*at == 'e' || *at == 'E')) at = take_exponent(&d, at + 1, end);
    if (at != end) return false;
    char plain[DIGITS + 48];
    if (d.more && d.digits[d.count - 1] == '0') d.digits[d.count - 1] = '1';
    d.digits[d.count] = '\0';
    snprintf(plain, sizeof plain, "%s%se%lld", negative ? "-" : "", d.count > 0 ? d.digits : "0",
             (long long)d.exponent);
    *value = strtod(plain, NULL);
    return true;
}

static void restore_point(char *text) {
    char *from = text + strspn(text, "0123456789+-e"); /* the locale's point may be several bytes long */
    if (*from == '\0') return;
    char *rest = from + strcspn(from, "0123456789");
    *from = '.';
    memmove(from + 1, rest, strlen(rest) + 1);
}

static char *not_finite(char *text, double value) {
    return strcpy(text, isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
}

char *da_number_text(char text[DA_NUMBER_TEXT], double value) {
    double again = 0;
    if (!isfinite(value)) return not_finite(text, value);
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(text, DA_NUMBER_TEXT, "%.*g", precision, value);
        restore_point(text);
        if (da_number_parse(text, strlen(text), &again) && again == value) break;
    }
    return text;
}

static int within(int digits) { return digits < 0 ? 0 : digits > 40 ? 40 : digits; }

double da_number_shown(double value, int digits) {
    double half = 0.5;
    for (int d = 0; d < digits && d < 300; d++) half /= 10;
    return fabs(value) <= half ? 0 : value;
}

char *da_number_fixed(char text[DA_NUMBER_WIDE], double value, int digits) {
    if (!isfinite(value)) return not_finite(text, value);
    snprintf(text, DA_NUMBER_WIDE, "%.*f", within(digits), da_number_shown(value, digits));
    restore_point(text);
    return text;
}

char *da_number_rounded(char text[DA_NUMBER_WIDE], double value, int digits) {
    if (!isfinite(value)) return not_finite(text, value);
    snprintf(text, DA_NUMBER_WIDE, "%.*g", within(digits), value);
    restore_point(text);
    return text;
}

/* "image" "images", "class" "classes", "batch" "batches", "entry" "entries", "matrix" "matrices" */
da_counted da_count(int64_t count, const char *noun) {
    static const struct { const char *one, *many; } endings[] = {
        { "ss", "sses" }, { "epoch", "epochs" }, { "ch", "ches" }, { "matrix", "matrices" }, { "try", "tries" }, { "", "s" }
    };
    da_counted out;
    size_t length = strlen(noun), e = 0, tail = 0;
    for (;; e++) {
        tail = strlen(endings[e].one);
        if (length >= tail && strcmp(noun + length - tail, endings[e].one) == 0) break;
    }
    if (count == 1) snprintf(out.text, sizeof out.text, "1 %.40s", noun);
    else snprintf(out.text, sizeof out.text, "%" PRId64 " %.*s%s", count,
             (int)(length - tail < 40 ? length - tail : 40),
                  noun, endings[e].many);
    return out;
}
