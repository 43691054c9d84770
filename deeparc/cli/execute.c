/* From a line to a command that has run: what main.c does with its own line, and verify with that of a record. */
#include "deeparc/cli/options.h"
#include "deeparc/cli/record.h"

#include "core/kernels/kernels.h"
#include "core/memory.h"
#include "core/parallel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many words of the line name a command: one of "train", two of "sweep plan", none of any other. */
static int words_of(const char *name, int argc, char **argv) {
    size_t first = strcspn(name, " ");
    if (strlen(argv[1]) != first || memcmp(name, argv[1], first) != 0) return 0;
    if (!name[first]) return 1;
    return argc > 2 && strcmp(name + first + 1, argv[2]) == 0 ? 2 : 0;
}

da_status cli_read_line(cli *c, int argc, char **argv, bool *help) {
    const cli_command *const *command = cli_commands;
    int words = 0;
    while (*command && (words = words_of((*command)->name, argc, argv)) == 0) command++;
    c->command = *command;
    c->argv = argv;
    c->argc = argc;
    if (!*command) return DA_FAIL(DA_ERROR_ARGUMENT, "there is no command '%.40s'", argv[1]);
    return cli_parse(c, argc - 1 - words, argv + 1 + words, help);
}

/* By the option, else by the environment, else the best there are. */
static da_status select_kernels(cli *c) {
    const char *variable = getenv("DEEPARC_KERNELS");
    bool by_variable = !cli_given(c, "kernels") && variable && *variable;
    if (da_kernels_select(by_variable ? variable : cli_text(c, "kernels")) == DA_OK) return DA_OK;
    c->usage = true;
    return da_fail_context(by_variable ? "DEEPARC_KERNELS in the environment: " : "--kernels: ");
}

/* Puts the options of every command in force. */
static da_status set_up(cli *c) {
    c->json = cli_flag(c, "json");
    c->quiet = cli_flag(c, "quiet");
    int threads = (int)cli_int(c, "threads"), given = da_threads_set(threads);
    if (threads > 0 && given != threads)
        return cli_usage(c, "--threads %d: this build can use %d (it was made without threads)", threads, given);
    DA_TRY(select_kernels(c));
    return cli_files_check(c);
}

/* Ends the object that the result's members stand in with the header of the run. */
static da_status print_json(cli *c) {
    char *text;
    da_json_key(&c->writer, "run");
    da_json_begin_object(&c->writer);
    run_put(c, &c->writer, true);
    da_json_end(&c->writer);
    da_json_end(&c->writer);
    DA_TRY(da_json_finish(&c->writer, &text, NULL));
    fputs(text, stdout);
    da_free(text);
    return DA_OK;
}

da_status cli_run(cli *c) {
    DA_TRY(set_up(c));
    if (c->json) {
        da_json_writer_init(&c->writer, true);
        da_json_begin_object(&c->writer);
    }
    da_status status = record_run(c);
    if (!c->json) return status;
    if (status == DA_OK || c->whole) {
        da_status printed = print_json(c);
        return status == DA_OK ? printed : status;
    }
    da_json_writer_free(&c->writer);
    return status;
}
