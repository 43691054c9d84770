/* Results on stdout. A write that fails (a full disk) is noticed at the end, by cli_print_end, and is a failure.
 *
 * Names come out of files that others made, and reach a terminal through cli_write alone: what could steer it (control
 * bytes, U+0080 to U+009F, bytes that are no UTF-8) is shown as \x1b. Lines and tabs are kept.
 */
#include "deeparc/cli/options.h"
#include "deeparc/cli/record.h"

#include "core/memory.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool cut_short; /* a result, because memory ran out */

/* Bytes at the beginning of a text that a terminal shows and does not obey. */
static size_t harmless(const char *text) {
    const char *at = text;
    while (*at) {
        int length = da_utf8_length(at, strnlen(at, 4));
        unsigned char byte = (unsigned char)at[0], next = (unsigned char)at[1];
        bool blank = byte == '\n' || byte == '\t', control = (byte < ' ' && !blank) || byte == 0x7f;
        if (length == 0 || control || (byte == 0xc2 && next < 0xa0)) break;
        at += length;
    }
    return (size_t)(at - text);
}

static void write_text(FILE *to, const char *text) {
    for (;;) {
        size_t length = harmless(text);
        fwrite(text, 1, length, to);
        text += length;
        if (!*text) return;
        fprintf(to, "\\x%02x", (unsigned)(unsigned char)*text++);
    }
}

void cli_write(FILE *to, const char *format, va_list list) {
    char room[4096], *text = room;
    va_list again;
    va_copy(again, list);
    int length = vsnprintf(room, sizeof room, format, list);
    if (length >= (int)sizeof room) text = da_alloc((size_t)length + 1);
    if (text && text != room) vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    write_text(to, text ? text : room);
    if (!text && to == stdout) cut_short = true;
    if (text != room) da_free(text);
}

void cli_print(cli *c, const char *format, ...) {
    if (c->json) return;
    va_list list;
    va_start(list, format);
    cli_write(stdout, format, list);
    va_end(list);
}

void cli_print_picture(cli *c, const char *picture) {
    if (!c->json) fputs(picture, stdout);
}

static const char *cell(char text[CLI_CELL], double value, int digits, bool sign) {
    if (!isfinite(value)) snprintf(text, CLI_CELL, "-");
    else snprintf(text, CLI_CELL, sign ? "%+.*f" : "%.*f", digits, value);
    return text;
}

const char *cli_cell(char text[CLI_CELL], double value, int digits) { return cell(text, value, digits, false); }
const char *cli_cell_signed(char text[CLI_CELL], double value, int digits) { return cell(text, value, digits, true); }

void cli_put_text(cli *c, const char *key, const char *value) {
    if (c->json) record_text(&c->writer, key, value);
}

void cli_put_int(cli *c, const char *key, int64_t value) {
    if (c->json) record_int(&c->writer, key, value);
}

void cli_put_real(cli *c, const char *key, double value) {
    if (c->json) record_real(&c->writer, key, value);
}

void cli_put_hash(cli *c, const char *key, const char hex[65]) {
    if (c->json) record_hash(&c->writer, key, hex);
}

da_status cli_print_end(void) {
    errno = 0;
    if (cut_short) return DA_FAIL(DA_ERROR_MEMORY, "out of memory: not all of the result was printed");
    if (fflush(stdout) == 0 && !ferror(stdout)) return DA_OK;
    return DA_FAIL(DA_ERROR_IO, "the result could not be written to standard output: %s",
                   errno ? strerror(errno) : "write error");
}
