/* A command line, a word a line: the first chooses the command, the others are read by its tables. What was accepted keeps
 * to the tables; what was refused, or a word that is near another, gives a sentence. Nothing runs. */
#include "tests/command.h"
#include "tests/fuzz/lines.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const cli_command *command_of(const char *word) {
    int count = 0;
    while (cli_commands[count]) {
        if (strcmp(cli_commands[count]->name, word) == 0) return cli_commands[count];
        count++;
    }
    return cli_commands[(unsigned char)word[0] % count];
}

static void check_value(const cli *c, const cli_value *value) {
    const cli_option *o = value->option;
    if (o->required && !value->given) abort();
    if (!value->text) {
        if (value->given && o->kind != CLI_FLAG) abort();
        return;
    }
    const double number = o->kind == CLI_REAL ? value->real : (double)value->integer;
    if ((o->kind == CLI_REAL || o->kind == CLI_INT) && !(number >= o->low && number <= o->high)) abort();
    if (o->kind == CLI_CHOICE && (value->integer < 0 || value->integer > (int64_t)strlen(o->value))) abort();
    if (o->kind == CLI_TEXT && cli_text(c, o->name)[0] == '\0') abort();
}

static void write_sentence(const char *format, ...) DA_PRINTF(1, 2);
static void write_sentence(const char *format, ...) {
    static FILE *nowhere;
    va_list list;
    if (!nowhere && !(nowhere = fopen("/dev/null", "w"))) abort();
    va_start(list, format);
    cli_write(nowhere, format, list);
    va_end(list);
}

static void check_accepted(cli *c) {
    for (int v = 0; v < c->value_count; v++) check_value(c, &c->values[v]);
    if (c->argument_count > CLI_MAX_ARGUMENTS || c->value_count > CLI_MAX_OPTIONS) abort();
    if (c->command->tables & CLI_TRAINING) {
        da_trainer_options initial = da_trainer_defaults(), o;
        if (cli_training_options(c, &o, &initial, 60000) != DA_OK && da_error_message()[0] == '\0') abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static cli c;
    bool help;
    lines l = lines_new(data, size);
    memset(&c, 0, sizeof c);
    c.command = command_of(l.line[0]);
    c.quiet = true;
    da_error_clear();
    if (cli_parse(&c, l.count - 1, l.line + 1, &help) == DA_OK) {
        if (!help) check_accepted(&c);
    } else if (da_error_message()[0] == '\0') abort();
    write_sentence("%s\n", da_error_message());
    write_sentence("%s\n", l.line[l.count - 1]);
    free(l.text);
    if (da_memory().live_blocks != 0) abort();
    return 0;
}
