/* Runs a command of the program inside a test or a fuzzer: it prints nothing, and its result, as --json would give it,
 * goes to the caller, or nowhere. The words end with NULL:
 *
 *     command_run(&cli_report, NULL, (const char *[]){ "results", "--out", "page.html", NULL })
 */
#ifndef DA_TESTS_COMMAND_H
#define DA_TESTS_COMMAND_H

#include "core/memory.h"
#include "deeparc/cli/options.h"
#include "deeparc/cli/record.h"

#include <stddef.h>
#include <string.h>

static inline da_status command_call(cli *c, char **result) {
    char *text = NULL;
    da_json_writer_init(&c->writer, false);
    da_json_begin_object(&c->writer);
    da_status status = record_run(c);
    if (status != DA_OK) {
        da_json_writer_free(&c->writer);
        return status;
    }
    da_json_end(&c->writer);
    DA_TRY(da_json_finish(&c->writer, &text, NULL));
    if (result) *result = text;
    else da_free(text);
    return DA_OK;
}

/* *result: the caller's to da_free; result may be NULL. */
static inline da_status command_run(const cli_command *command, char **result, const char *const *words) {
    static cli c; /* some kilobytes */
    bool help;
    int count = 0;
    while (words[count]) count++;
    memset(&c, 0, sizeof c);
    c.command = command;
    c.argv = (char **)(uintptr_t)words; /* argv is not const, though nobody writes it */
    c.argc = count;
    DA_TRY(cli_parse(&c, count, c.argv, &help));
    c.json = c.quiet = true;
    da_status status = command_call(&c, result);
    run_forget(&c);
    return status;
}

#endif
