/* The one program: reads its line, runs the command, and prints the sentence of whatever went wrong. */
#include "deeparc/cli/options.h"
#include "deeparc/cli/record.h"

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

int main(int argc, char **argv) {
    cli_outlive_pipes();
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
            complain("deeparc: --version stands alone: '%.40s' has no effect behind it", argv[2]);
            return USAGE;
        }
        printf("deeparc %s\n", DA_VERSION);
        return finish();
    }
    static cli c; /* some kilobytes */
    da_status status = cli_read_line(&c, argc, argv, &help);
    int answered = c.command ? 0 : family(argc, argv);
    if (!c.command) return answered >= 0 ? answered : unknown_command(argv[1]);
    if (status != DA_OK) return fail(c.command->name, c.usage ? USAGE : FAILED);
    if (help) {
        cli_help(c.command);
        return finish();
    }
    status = cli_run(&c);
    cli_progress_end(&c);
    run_forget(&c);
    if (status != DA_OK) return fail(c.command->name, c.usage ? USAGE : FAILED);
    return cli_print_end() == DA_OK ? DONE : fail(c.command->name, FAILED);
}
