/* Results on stdout. A write that fails (a full disk) is noticed at the end, by cli_print_end, and is a failure.
 *
 * Names come out of files that others made, and reach a terminal through cli_write or cli_show alone.
 */
#include "deeparc/cli/options.h"
#include "deeparc/cli/record.h"

#include "core/file.h"
#include "core/memory.h"
#include "deeparc/present/show.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool cut_short; /* a result, because memory ran out */
static bool unread;    /* nobody reads stdout any more */

static void write_text(FILE *to, const char *text) {
    for (;;) {
        size_t length = da_text_harmless(text);
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
    errno = 0;
    write_text(to, text ? text : room);
    if (to == stdout && ferror(to) && errno == EPIPE) unread = true;
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

da_status cli_show(cli *c) {
    da_text text = { 0 };
    if (c->json) return DA_OK;
    da_show_terminal(&text, c->result);
    da_status status = da_text_status(&text);
    if (status == DA_OK) fwrite(da_text_string(&text), 1, text.length, stdout);
    da_text_free(&text);
    return status;
}

da_status cli_csv_save(const da_result *result, const char *table, const char *path) {
    da_text text = { 0 };
    DA_TRY(da_result_status(result));
    da_show_csv(&text, da_result_find(result, table));
    da_status status = da_text_status(&text);
    if (status == DA_OK) status = da_file_save(path, text.bytes, text.length);
    da_text_free(&text);
    return status;
}

const char *cli_cell(char text[CLI_CELL], double value, int digits) {
    if (!isfinite(value)) snprintf(text, CLI_CELL, "-");
    else snprintf(text, CLI_CELL, "%.*f", digits, value);
    return text;
}

void cli_put_text(cli *c, const char *key, const char *value) {
    if (c->json) record_text(&c->writer, key, value);
}

void cli_put_int(cli *c, const char *key, int64_t value) {
    if (c->json) record_int(&c->writer, key, value);
}

void cli_put_real(cli *c, const char *key, double value) {
    if (c->json) record_real(&c->writer, key, value);
}

static struct sigaction sigpipe; /* as the program found it */

void cli_outlive_pipes(void) {
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    sigemptyset(&ignore.sa_mask);
    sigaction(SIGPIPE, &ignore, &sigpipe);
    sigaction(SIGXFSZ, &ignore, NULL);
}

da_status cli_print_end(void) {
    errno = 0;
    if (cut_short) return DA_FAIL(DA_ERROR_MEMORY, "out of memory: not all of the result was printed");
    if (fflush(stdout) == 0 && !ferror(stdout)) return DA_OK;
    if (unread || errno == EPIPE) {
        sigaction(SIGPIPE, &sigpipe, NULL);
        raise(SIGPIPE);
    }
    return DA_FAIL(DA_ERROR_IO, "the result could not be written to standard output: %s",
                   errno ? strerror(errno) : "write error");
}
