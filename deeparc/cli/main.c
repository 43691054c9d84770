/* The one program: finds the command, reads its line, runs it, and prints the sentence of whatever went wrong. */
#include "deeparc/cli/options.h"
#include "deeparc/cli/record.h"

#include "core/kernels/kernels.h"
#include "core/memory.h"
#include "core/parallel.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DONE = 0, FAILED = 1, USAGE = 2 };

/* A line on stderr. */
static void complain(const char *format, ...) DA_PRINTF(1, 2);
static void complain(const char *format, ...) {
    va_list list;
    va_start(list, format);
    cli_write(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
}

/* A sentence that begins with the command's own name ("similarity: no batch ...") is not given it twice. */
static int fail(const char *command, int status) {
    const char *sentence = da_error_message();
    size_t length = command ? strlen(command) : 0;
    if (length > 0 && strncmp(sentence, command, length) == 0 && strncmp(sentence + length, ": ", 2) == 0)
        sentence += length + 2;
    fflush(stdout);
    complain("deeparc%s%s: %s", command ? " " : "", command ? command : "", sentence);
    return status;
}

static int finish(void) { return cli_print_end() == DA_OK ? DONE : fail(NULL, FAILED); }

/* ---- Which command? ---- */

/* How many words of the line name a command: one of "train", two of "sweep plan", none of any other. */
static int words_of(const char *name, int argc, char **argv) {
    size_t first = strcspn(name, " ");
    if (strlen(argv[1]) != first || memcmp(name, argv[1], first) != 0) return 0;
    if (!name[first]) return 1;
    return argc > 2 && strcmp(name + first + 1, argv[2]) == 0 ? 2 : 0;
}

static bool is_help(const char *word) {
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* The first word of commands of two, without a second that fits: lists them, or prints the help of each. USAGE or DONE;
   -1 when it begins no command. */
static int family(int argc, char **argv) {
    char list[80] = "";
    size_t length = strlen(argv[1]);
    bool help = argc > 2 && is_help(argv[2]);
    for (const cli_command *const *command = cli_commands; *command; command++) {
        const char *name = (*command)->name;
        if (strncmp(name, argv[1], length) != 0 || name[length] != ' ') continue;
        if (help && *list) printf("\n");
        if (help) cli_help(*command);
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", *list ? ", " : "", name + length + 1);
    }
    if (!*list) return -1;
    if (help) return finish();
    complain("deeparc %s: one of %s must follow: 'deeparc %s --help' explains them", argv[1], list, argv[1]);
    return USAGE;
}

/* "help sweep plan" becomes "sweep plan --help". */
static void turn_help(int argc, char **argv) {
    static char option[] = "--help";
    memmove(argv + 1, argv + 2, (size_t)(argc - 2) * sizeof *argv);
    argv[argc - 1] = option;
}

static int unknown_command(const char *word) {
    const char *names[CLI_MOST_COMMANDS];
    int count = 0;
    for (; cli_commands[count]; count++) names[count] = cli_commands[count]->name;
    names[count] = NULL;
    const char *nearest = cli_nearest(word, names);
    if (nearest) complain("deeparc: there is no command '%.40s'; did you mean '%s'?", word, nearest);
    else complain("deeparc: there is no command '%.40s': 'deeparc --help' lists them", word);
    return USAGE;
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

static da_status run(cli *c) {
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

int main(int argc, char **argv) {
    if (argc < 2) {
        complain("deeparc: a command is missing: 'deeparc --help' lists them");
        return USAGE;
    }
    bool help = strcmp(argv[1], "help") == 0;
    if (help && argc > 2) turn_help(argc, argv);
    else if (help || is_help(argv[1])) {
        cli_help_all(cli_commands);
        return finish();
    }
    if (strcmp(argv[1], "--version") == 0) {
        if (argc > 2) {
            fprintf(stderr, "deeparc: --version stands alone: '%.40s' has no effect behind it\n", argv[2]);
            return USAGE;
        }
        printf("deeparc %s\n", DA_VERSION);
        return finish();
    }
    const cli_command *const *command = cli_commands;
    int words = 0;
    while (*command && (words = words_of((*command)->name, argc, argv)) == 0) command++;
    int answered = *command ? 0 : family(argc, argv);
    if (!*command) return answered >= 0 ? answered : unknown_command(argv[1]);
    static cli c; /* some kilobytes */
    c.command = *command;
    c.argv = argv;
    c.argc = argc;
    if (cli_parse(&c, argc - 1 - words, argv + 1 + words, &help) != DA_OK)
        return fail((*command)->name, c.usage ? USAGE : FAILED);
    if (help) {
        cli_help(*command);
        return finish();
    }
    da_status status = run(&c);
    cli_progress_end(&c);
    run_forget(&c);
    if (status != DA_OK) return fail((*command)->name, c.usage ? USAGE : FAILED);
    return cli_print_end() == DA_OK ? DONE : fail((*command)->name, FAILED);
}
