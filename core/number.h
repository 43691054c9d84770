/* Decimal text to and from binary64, the same in every locale. */
#ifndef DA_CORE_NUMBER_H
#define DA_CORE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

enum { DA_NUMBER_TEXT = 32 };

/* The value of text[0..size), which must be one decimal number from end to end: [+-] digits [. digits] [e [+-] digits],
   digits on at least one side of the point. No spaces, hexadecimal, inf or nan. Correctly rounded; what is too large
   gives an infinity. False when it is no number. Never allocates. */
bool da_number_parse(const char *text, size_t size, double *value);

/* The shortest of %.15g, %.16g, %.17g that reads back as the same value ("inf", "-inf", "nan" when not finite). Returns
   text. */
char *da_number_text(char text[DA_NUMBER_TEXT], double value);

#endif
