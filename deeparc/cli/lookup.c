/* How a command asks for its options. A name that it has not declared is a mistake in the program, which the
 * first run of the command finds. */
#include "deeparc/cli/cli.h"

#include "core/memory.h"
#include "core/number.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const cli_value *value_of(const cli *c, const char *name) {
    for (int i = 0; i < c->value_count; i++)
        if (strcmp(c->values[i].option->name, name) == 0) return &c->values[i];
    assert(!"an option that the command has not declared");
    static const cli_value none;
    return &none;
}

bool        cli_given(const cli *c, const char *name) { return value_of(c, name)->given; }
bool        cli_has(const cli *c, const char *name) { return value_of(c, name)->text != NULL; }
bool        cli_flag(const cli *c, const char *name) { return value_of(c, name)->integer != 0; }
int64_t     cli_int(const cli *c, const char *name) { return value_of(c, name)->integer; }
double      cli_real(const cli *c, const char *name) { return value_of(c, name)->real; }
const char *cli_text(const cli *c, const char *name) { return value_of(c, name)->text; }
int         cli_choice(const cli *c, const char *name) { return (int)value_of(c, name)->integer; }

const char *cli_text_at(const cli *c, const char *name, int place) {
    for (int i = 0; i < c->value_count; i++)
        if (strcmp(c->values[i].option->name, name) == 0 && place-- == 0) return c->values[i].text;
    return NULL;
}

da_status cli_usage(cli *c, const char *format, ...) {
    char sentence[400];
    va_list list;
    va_start(list, format);
    vsnprintf(sentence, sizeof sentence, format, list);
    va_end(list);
    c->usage = true;
    return DA_FAIL(DA_ERROR_ARGUMENT, "%s", sentence);
}

void cli_aside(cli *c, da_status status) {
    if (status == DA_OK || c->aside[0]) return;
    c->aside_status = status;
    snprintf(c->aside, sizeof c->aside, "%s", da_error_message());
}

da_status cli_names_split(cli *c, cli_names *names, const char *option) {
    return cli_names_read(c, names, option, cli_text(c, option));
}

da_status cli_names_read(cli *c, cli_names *names, const char *option, const char *text) {
    int count = 1;
    for (const char *t = text; *t; t++) count += *t == ',';
    cli_names out = { .items = da_alloc_zero((size_t)count, sizeof *out.items), .block = da_string_copy(text) };
    if (!out.items || !out.block) { cli_names_free(&out); return DA_ERROR_MEMORY; }
    for (char *name = out.block; name; out.count++) {
        char *comma = strchr(name, ',');
        if (comma) *comma = 0;
        if (!*name) {
            cli_names_free(&out);
            return cli_usage(c, "--%s '%s' holds an empty name", option, text);
        }
        out.items[out.count] = name;
        name = comma ? comma + 1 : NULL;
    }
    *names = out;
    return DA_OK;
}

void cli_names_free(cli_names *names) {
    da_free(names->items);
    da_free(names->block);
    *names = (cli_names){ 0 };
}

da_status cli_shares(cli *c, const char *option, int most, double *values, int *count) {
    cli_names words = { 0 };
    DA_TRY(cli_names_split(c, &words, option));
    da_status status = DA_OK;
    for (int i = 0; i < words.count && status == DA_OK; i++) {
        double value = 0;
        const char *word = words.items[i];
        if (i >= most || !da_number_parse(word, strlen(word), &value) || !(value >= 0 && value <= 1))
            status = cli_usage(c, "--%s must be 0 to 1, or a list of at most %d such numbers, not '%.60s'", option, most,
                               cli_text(c, option));
        else values[i] = value;
    }
    *count = words.count;
    cli_names_free(&words);
    return status;
}

da_status cli_needless(cli *c, const char *const *options, const char *why) {
    for (; *options; options++)
        if (cli_given(c, *options)) return cli_usage(c, "--%s has no effect here: %s", *options, why);
    return DA_OK;
}
