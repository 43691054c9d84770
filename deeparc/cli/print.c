/* Results on stdout. A write that fails (a full disk) is noticed at the end, by cli_print_end, and is a failure. */
#include "deeparc/cli/options.h"
#include "deeparc/cli/record.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void cli_print(cli *c, const char *format, ...) {
    if (c->json) return;
    va_list list;
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
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

void cli_put_hash(cli *c, const char *key, const char hex[65]) {
    if (c->json) record_hash(&c->writer, key, hex);
}

da_status cli_print_end(void) {
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) return DA_OK;
    return DA_FAIL(DA_ERROR_IO, "the result could not be written to standard output: %s",
                   errno ? strerror(errno) : "write error");
}
