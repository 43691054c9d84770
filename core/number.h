/* Decimal text to and from binary64, the same in every locale. */
#ifndef DA_CORE_NUMBER_H
#define DA_CORE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DA_NUMBER_TEXT = 32 };

/* The value of text[0..size), which must be one decimal number from end to end: [+-] digits [. digits] [e [+-] digits],
   digits on at least one side of the point. No spaces, hexadecimal, inf or nan. Correctly rounded; what is too large
   gives an infinity. False when it is no number. Never allocates. */
bool da_number_parse(const char *text, size_t size, double *value);

/* The shortest of %.15g, %.16g, %.17g that reads back as the same value ("inf", "-inf", "nan" when not finite). Returns
   text. */
char *da_number_text(char text[DA_NUMBER_TEXT], double value);

/* 0 for what shows as zero with so many digits behind the point, so that no sign stands before it; else the value. */
double da_number_shown(double value, int digits);

/* As printf's %.*f (of da_number_shown) or %.*g: `digits` of them, 0 to 40, behind the point or in all. Any double fits.
   Returns text. */
enum { DA_NUMBER_WIDE = 352 };
char *da_number_fixed(char text[DA_NUMBER_WIDE], double value, int digits);
char *da_number_rounded(char text[DA_NUMBER_WIDE], double value, int digits);

/* A count and what is counted, the noun given for one: "1 image", "2 images", "0 classes", "3 batches". Print .text. */
typedef struct da_counted { char text[64]; } da_counted;
da_counted da_count(int64_t count, const char *noun);

#endif
