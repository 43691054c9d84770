/* deeparc gradcheck: is every operation right? Against an oracle in double that shares no code with the kernels. */
#include "deeparc/cli/cli.h"

#include "core/check/gradcheck.h"

static void put(void *context, const da_gradcheck_result *r) {
    da_row(context, da_word(r->passed ? "ok" : "FAIL"), da_word(r->operation), da_flag(r->passed), da_whole(r->cases),
           da_whole(r->misuses), da_whole(r->tables), da_real(r->forward_error), da_real(r->gradient_error),
           da_if(!r->passed, da_word(r->message)));
}

static da_status run(cli *c) {
    for (int i = 0; i < c->argument_count; i++) DA_TRY(da_gradcheck_find(c->arguments[i]));
    static const da_column columns[] = {
        { .label = "" }, { .key = "operation", .label = "operation" }, { .key = "passed" },
        { .key = "cases", .label = "cases" }, { .key = "misuses", .label = "misuses" },
        { .key = "kernel_tables", .label = "kernel tables" }, { .key = "forward_error", .label = "forward", .format = "~2" },
        { .key = "gradient_error", .label = "gradient", .format = "~2" }, { .key = "message" } };
    da_result *table = da_result_table(c->result, "operations", columns, sizeof columns / sizeof *columns);
    da_status status = DA_OK;
    if (c->argument_count == 0) status = da_gradcheck(NULL, put, table);
    for (int i = 0; i < c->argument_count && status == DA_OK; i++) status = da_gradcheck(c->arguments[i], put, table);
    c->whole = status == DA_ERROR_NUMERIC; /* an operation that fails is a result */
    return status;
}

const cli_command cli_gradcheck = {
    .name = "gradcheck", .purpose = "check operations and gradients against an independent oracle",
    .arguments = "[OPERATION...]", .example = "gradcheck conv2d batch_norm", .run = run,
    .notes = "Without an operation: all. Errors are relative to the largest value of a tensor. When an operation\n"
             "fails, the exit status is 1, and with --json its `message` says what was found."
};
