/* Between main.c, execute.c, options.c, lookup.c and help.c: reading a command line by the tables of a command. */
#ifndef DA_DEEPARC_CLI_OPTIONS_H
#define DA_DEEPARC_CLI_OPTIONS_H

#include "deeparc/cli/cli.h"

#include <stdarg.h>
#include <stdio.h>

enum { CLI_TABLES = 7 };
typedef struct cli_table { const char *title; const cli_option *options; } cli_table;

enum { CLI_MOST_COMMANDS = 64 }; /* the NULL that ends the list among them */
extern const cli_command *const cli_commands[]; /* in the order --help lists them; NULL-ended */

/* The tables of a command in the order --help shows them; returns how many there are. */
bool cli_draws(const cli_command *command); /* has it --seed? */
int cli_tables(const cli_command *command, cli_table tables[CLI_TABLES]);

/* Fills in values and arguments; argv[0] is the first word after the command. *help is set, and nothing else is
   required of the line, when --help or -h is on it. */
da_status cli_parse(cli *c, int argc, char **argv, bool *help);

/* Finds the command of a whole line, argv[0] being the program, and reads the rest of it; argc > 1. c is all zero before,
   argv outlives it. c->command NULL: there is no such command. */
da_status cli_read_line(cli *c, int argc, char **argv, bool *help);
/* Puts the options of every command in force, looks after the line's files, runs the command and writes its record. */
da_status cli_run(cli *c);

/* Of a NULL-ended list the word that word is most likely meant to be; NULL when none is close. */
const char *cli_nearest(const char *word, const char *const *list);

void cli_help(const cli_command *command);                     /* of one command, on stdout */
void cli_help_all(const cli_command *const *commands);         /* NULL-ended; on stdout */

/* Wrong usage when a file that the line writes is another that it writes or reads; and a failure when it cannot be
   written. Sets c->partial. */
da_status cli_files_check(cli *c);
/* Calls visit with every file the line names to be read (CLI_READS), or written (CLI_WRITES, also those read before);
   those of a directory one by one. The record is left out. Error: DA_ERROR_MEMORY. */
da_status cli_files_each(const cli *c, unsigned file, void (*visit)(void *context, const char *path), void *context);

/* The one way to stdout and stderr for texts that hold what users and files say: controls become visible (print.c). */
void cli_write(FILE *to, const char *format, va_list list) DA_PRINTF(2, 0);

/* Prints c->result, unless --json does. */
da_status cli_show(cli *c);

/* A pipe that nobody reads, or a file that may grow no more, fails the write and does not end the program. */
void cli_outlive_pipes(void);

/* Flushes stdout. Where nobody reads it any more, the program ends as by SIGPIPE, but with all its files written. DA_ERROR_IO when something that was printed could not be written, DA_ERROR_MEMORY when not all of it
   was printed. */
da_status cli_print_end(void);

#endif
