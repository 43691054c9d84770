/* --help, made from the tables.
 *
 *     --schedule constant|step|...   how the rate changes
 *     └── the option and its value   └── at column HELP, on the next line when the left side is longer
 */
#include "deeparc/cli/options.h"

#include <stdio.h>
#include <string.h>

enum { HELP = 30 };

static void print_option(const cli_option *option) {
    char left[128];
    int width = snprintf(left, sizeof left, "  --%s%s%s", option->name, option->value ? " " : "",
                         option->value ? option->value : "");
    printf("%s", left);
    if (width > HELP - 2) printf("\n%*s", HELP, "");
    else printf("%*s", HELP - width, "");
    printf("%s", option->help);
    if (option->required) printf(" (required)");
    else if (option->initial && strcmp(option->initial, "0") != 0) printf(" (%s)", option->initial);
    printf("\n");
}

void cli_help(const cli_command *command) {
    printf("deeparc %s: %s\n\n", command->name, command->purpose);
    printf("Usage: deeparc %s%s%s [OPTIONS]\n", command->name, *command->arguments ? " " : "", command->arguments);
    printf("Example: deeparc %s\n", command->example);
    if (command->notes) printf("\n%s\n", command->notes);
    cli_table tables[CLI_TABLES];
    int count = cli_tables(command, tables);
    for (int t = 0; t < count; t++) {
        if (tables[t].title) printf("\n%s:\n", tables[t].title);
        for (const cli_option *o = tables[t].options; o->name; o++) print_option(o);
    }
}

void cli_help_all(const cli_command *const *commands) {
    printf("deeparc %s: train networks, find their semantic modules, restructure and repair them\n\n", DA_VERSION);
    printf("Usage: deeparc COMMAND [OPTIONS]        deeparc COMMAND --help        deeparc --version\n");
    printf("Example: deeparc train --model lenet --data mnist --out lenet.safetensors\n\nCommands:\n");
    for (; *commands; commands++) printf("  %-14s%s\n", (*commands)->name, (*commands)->purpose);
}
