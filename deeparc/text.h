/* A growing string. The first error is kept and later calls do nothing, so that a long run of appends needs one check:
 *
 *     da_text text = { 0 };
 *     da_text_printf(&text, "%d modules in ", 12);
 *     da_text_html(&text, name);                       <  >  &  "  ' are escaped
 *     DA_TRY(da_text_status(&text));
 *     use(da_text_string(&text));
 *     da_text_free(&text);
 */
#ifndef DA_DEEPARC_TEXT_H
#define DA_DEEPARC_TEXT_H

#include "core/status.h"

#include <stddef.h>

typedef struct da_text {
    char     *bytes;  /* owned, NUL at bytes[length]; NULL as long as nothing was appended */
    size_t    length, capacity;
    da_status status; /* of the first append that failed */
} da_text;

void        da_text_append(da_text *text, const char *string);
void        da_text_append_bytes(da_text *text, const char *bytes, size_t count);
void        da_text_printf(da_text *text, const char *format, ...) DA_PRINTF(2, 3);
/* As %.*f and %.*g of printf, with a point in every locale: what a picture's coordinates need. */
void        da_text_fixed(da_text *text, double value, int digits);
void        da_text_rounded(da_text *text, double value, int digits);
void        da_text_repeat(da_text *text, const char *string, int count);
void        da_text_html(da_text *text, const char *string); /* escaped; control bytes become spaces; NULL: empty */
void        da_text_shell(da_text *text, const char *word);  /* as a shell reads it back: quoted where it must be */
/* Names come out of files that others made: what in a text could steer a terminal (control bytes, U+0080 to U+009F, bytes
   that are no UTF-8) becomes \x1b. Lines and tabs are kept. harmless: so many bytes at its beginning need no change. */
void        da_text_plain(da_text *text, const char *string);
size_t      da_text_harmless(const char *string);
void        da_text_base64(da_text *text, const void *bytes, size_t count); /* RFC 4648, section 4: with padding */
const char *da_text_string(const da_text *text);             /* valid until the next append */
da_status   da_text_status(const da_text *text);             /* the first error, raised again with its sentence */
void        da_text_free(da_text *text);                     /* leaves an empty text */

#endif
