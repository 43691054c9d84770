/* deeparc gradcheck: is every operation right? Against an oracle in double that shares no code with the kernels. */
#include "deeparc/cli/cli.h"

#include "deeparc/gradcheck.h"
#include "core/number.h"

static void report(void *context, const da_gradcheck_result *r) {
    cli *c = context;
    cli_print(c, "%-4s %-24s %-9s forward %.1e  gradient %.1e  %s  %s\n",
              r->passed ? "ok" : "FAIL", r->operation, da_count(r->cases, "case").text, r->forward_error, r->gradient_error,
              da_count(r->tables, "kernel table").text, da_count(r->misuses, "misuse").text);
    if (!c->json) return;
    da_json_begin_object(&c->writer);
    cli_put_text(c, "operation", r->operation);
    da_json_key(&c->writer, "passed");
    da_json_put_bool(&c->writer, r->passed);
    cli_put_int(c, "cases", r->cases);
    cli_put_int(c, "misuses", r->misuses);
    cli_put_int(c, "kernel_tables", r->tables);
    cli_put_real(c, "forward_error", r->forward_error);
    cli_put_real(c, "gradient_error", r->gradient_error);
    if (!r->passed) cli_put_text(c, "message", r->message);
    da_json_end(&c->writer);
}

static da_status run(cli *c) {
    for (int i = 0; i < c->argument_count; i++) DA_TRY(da_gradcheck_find(c->arguments[i]));
    if (c->json) {
        da_json_key(&c->writer, "operations");
        da_json_begin_array(&c->writer);
    }
    da_status status = DA_OK;
    if (c->argument_count == 0) status = da_gradcheck(NULL, report, c);
    for (int i = 0; i < c->argument_count && status == DA_OK; i++) status = da_gradcheck(c->arguments[i], report, c);
    if (c->json) da_json_end(&c->writer);
    c->whole = status == DA_ERROR_NUMERIC; /* an operation that fails is a result */
    return status;
}

const cli_command cli_gradcheck = {
    .name = "gradcheck", .purpose = "check operations and gradients against an independent oracle",
    .arguments = "[OPERATION...]", .example = "gradcheck conv2d batch_norm", .run = run,
    .notes = "Without an operation: all. Errors are relative to the largest value of a tensor. When an operation\n"
             "fails, the exit status is 1, and with --json its `message` says what was found."
};
