/* From words to values, strictly: what is not understood, or given twice, or out of range is wrong usage.
 *
 *     --batch 128   --batch=128   --json   MODEL   --   -odd-name
 *                                                  └── what follows are arguments, whatever they begin with
 */
#include "deeparc/cli/options.h"

#include "core/number.h"
#include "core/parallel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Nearest words. ---- */

enum { WORD = 40 };

/* Levenshtein's distance: the least number of letters to insert, delete or replace. Only WORD letters count. */
static int distance(const char *a, const char *b) {
    int row[WORD + 1];
    int n = (int)strnlen(a, WORD), m = (int)strnlen(b, WORD);
    for (int j = 0; j <= m; j++) row[j] = j;
    for (int i = 1; i <= n; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= m; j++) {
            int best = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[m];
}

const char *cli_nearest(const char *word, const char *const *list) {
    const char *best = NULL;
    int least = 3 + (int)strnlen(word, WORD) / 4; /* further away is no likeness */
    for (; *list; list++) {
        int d = distance(word, *list);
        if (d < least) { least = d; best = *list; }
    }
    return best;
}

/* What other programs call what is meant here; likeness of letters would not find it. MODEL: an argument. */
static const struct { const char *typed, *meant; } synonyms[] = {
    { "lr", "rate" }, { "learning-rate", "rate" }, { "bs", "batch" }, { "batch-size", "batch" },
    { "num-epochs", "epochs" }, { "wd", "weight-decay" }, { "l2", "weight-decay" }, { "gamma", "factor" },
    { "scheduler", "schedule" }, { "lr-scheduler", "schedule" }, { "optim", "optimizer" }, { "clip-grad", "clip" },
    { "grad-clip", "clip" }, { "early-stopping", "patience" }, { "eps", "epsilon" }, { "dataset", "data" },
    { "data-path", "data-dir" }, { "root", "data-dir" }, { "num-samples", "limit" }, { "max-samples", "limit" },
    { "num-workers", "threads" }, { "workers", "threads" }, { "j", "threads" }, { "manual-seed", "seed" },
    { "arch", "model" }, { "o", "out" }, { "output", "out" }, { "save", "out" }, { "save-path", "out" },
    { "pretrained", "from" }, { "weights", "from" }, { "finetune", "from" }, { "ckpt", "checkpoint" },
    { "model", "MODEL" }, { "model-path", "MODEL" }, { "weights", "MODEL" }, { "ckpt", "MODEL" },
    { "checkpoint", "MODEL" },
};

/* The option of this command that a word most likely means, or "MODEL"; NULL when there is none. */
static const char *meant_by(const cli *c, const char *word) {
    const char *names[CLI_MAX_OPTIONS + 1];
    for (int i = 0; i < c->value_count; i++) names[i] = c->values[i].option->name;
    names[c->value_count] = NULL;
    for (size_t s = 0; s < sizeof synonyms / sizeof *synonyms; s++) {
        const char *meant = synonyms[s].meant;
        if (strcmp(synonyms[s].typed, word) != 0) continue;
        if (strcmp(meant, "MODEL") == 0 && strstr(c->command->arguments, meant)) return meant;
        for (int i = 0; names[i]; i++)
            if (strcmp(names[i], meant) == 0) return meant;
    }
    return cli_nearest(word, names);
}

/* dashes: as typed. */
static da_status fail_unknown(cli *c, const char *dashes, const char *name, int length) {
    char word[WORD + 1];
    memset(word, 0, sizeof word);
    memcpy(word, name, (size_t)(length < WORD ? length : WORD));
    const char *meant = meant_by(c, word), *rule = dashes[1] ? "" : ": options begin with --";
    if (!meant) return cli_usage(c, "there is no option %s%s%s", dashes, word, rule);
    if (strcmp(meant, "MODEL") == 0)
        return cli_usage(c, "there is no option %s%s: the model's file is an argument: deeparc %s", dashes, word,
                         c->command->example);
    return cli_usage(c, "there is no option %s%s%s; did you mean --%s?", dashes, word, rule, meant);
}

/* ---- Values. ---- */

static da_status parse_int(cli *c, const cli_option *option, const char *text, int64_t *out) {
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    bool digits = text[text[0] == '-'] >= '0' && text[text[0] == '-'] <= '9'; /* no blanks, no plus */
    if (!digits || *end) return cli_usage(c, "--%s needs a whole number, not '%s'", option->name, text);
    if (errno == ERANGE || (double)value < option->low || (double)value > option->high)
        return cli_usage(c, "--%s must be %.0f to %.0f, not %s", option->name, option->low, option->high, text);
    *out = value;
    return DA_OK;
}

static da_status parse_real(cli *c, const cli_option *option, const char *text, double *out) {
    double value;
    if (!da_number_parse(text, strlen(text), &value))
        return cli_usage(c, "--%s needs a number, not '%s'", option->name, text);
    if (!(value >= option->low && value <= option->high))
        return cli_usage(c, "--%s must be %g to %g, not %s", option->name, option->low, option->high, text);
    *out = value;
    return DA_OK;
}

static da_status parse_choice(cli *c, const cli_option *option, const char *text, int64_t *out) {
    size_t size = strlen(text);
    int64_t place = 0;
    for (const char *word = option->value; *word; place++) {
        size_t length = strcspn(word, "|");
        if (length == size && memcmp(word, text, size) == 0) { *out = place; return DA_OK; }
        word += length + (word[length] == '|');
    }
    return cli_usage(c, "--%s must be one of %s, not '%s'", option->name, option->value, text);
}

static da_status set_value(cli *c, cli_value *value, const char *text) {
    const cli_option *option = value->option;
    value->text = text;
    switch (option->kind) {
    case CLI_INT:    return parse_int(c, option, text, &value->integer);
    case CLI_REAL:   return parse_real(c, option, text, &value->real);
    case CLI_CHOICE: return parse_choice(c, option, text, &value->integer);
    case CLI_FLAG:   value->integer = 1; return DA_OK;
    case CLI_TEXT:   break;
    }
    return *text ? DA_OK : cli_usage(c, "--%s needs a value that is not empty", option->name);
}

/* ---- The line. ---- */

static da_status declare(cli *c) {
    cli_table tables[CLI_TABLES];
    int count = cli_tables(c->command, tables);
    for (int t = 0; t < count; t++)
        for (const cli_option *o = tables[t].options; o->name; o++) {
            if (c->value_count == CLI_MAX_OPTIONS)
                return DA_FAIL(DA_ERROR_ARGUMENT, "more than %d options", CLI_MAX_OPTIONS);
            cli_value *value = &c->values[c->value_count++];
            *value = (cli_value){ .option = o };
            if (o->initial) DA_TRY(set_value(c, value, o->initial));
        }
    return DA_OK;
}

/* One option, argv[*i] = "--name" or "--name=value"; *i moves on to the last word it took. */
static da_status parse_option(cli *c, int argc, char **argv, int *i) {
    const char *name = argv[*i] + 2, *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    cli_value *value = NULL;
    for (int v = 0; v < c->value_count; v++) {
        const char *known = c->values[v].option->name;
        if (strlen(known) == length && memcmp(known, name, length) == 0) value = &c->values[v];
    }
    if (!value) return fail_unknown(c, "--", name, (int)(length < WORD ? length : WORD));
    const cli_option *option = value->option;
    if (value->given && option->repeats && c->value_count < CLI_MAX_OPTIONS) {
        value = &c->values[c->value_count++];
        *value = (cli_value){ .option = option };
    }
    if (value->given) return cli_usage(c, "--%s is given twice", option->name);
    value->given = true;
    if (option->kind == CLI_FLAG)
        return equals ? cli_usage(c, "--%s takes no value", option->name) : set_value(c, value, "");
    if (equals) return set_value(c, value, equals + 1);
    if (*i + 1 >= argc || strncmp(argv[*i + 1], "--", 2) == 0)
        return cli_usage(c, "--%s needs a value: --%s %s", option->name, option->name, option->value);
    return set_value(c, value, argv[++*i]);
}

/* Compares the arguments with what "MODEL [FILE] [UNIT...]" asks for. */
static da_status check_arguments(cli *c) {
    int place = 0;
    for (const char *word = c->command->arguments; *word; place++) {
        int length = (int)strcspn(word, " ");
        if (word[0] == '[' && memcmp(word + length - 4, "...]", 4) == 0) return DA_OK;
        if (word[0] != '[' && place >= c->argument_count)
            return cli_usage(c, "%.*s is missing: deeparc %s", length, word, c->command->example);
        word += length + (word[length] == ' ');
    }
    if (c->argument_count > place)
        return cli_usage(c, "unexpected argument '%s': options begin with --", c->arguments[place]);
    return DA_OK;
}

da_status cli_parse(cli *c, int argc, char **argv, bool *help) {
    DA_TRY(declare(c));
    *help = false;
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) { *help = true; return DA_OK; }
    bool options = true;
    for (int i = 0; i < argc; i++) {
        if (options && strcmp(argv[i], "--") == 0) { options = false; continue; }
        if (options && strncmp(argv[i], "--", 2) == 0) { DA_TRY(parse_option(c, argc, argv, &i)); continue; }
        if (options && argv[i][0] == '-' && argv[i][1])
            return fail_unknown(c, "-", argv[i] + 1, (int)strcspn(argv[i] + 1, "="));
        if (c->argument_count == CLI_MAX_ARGUMENTS) return cli_usage(c, "more than %d arguments", CLI_MAX_ARGUMENTS);
        c->arguments[c->argument_count++] = argv[i];
    }
    DA_TRY(check_arguments(c));
    for (int v = 0; v < c->value_count; v++) {
        const cli_value *value = &c->values[v];
        if (value->option->required && !value->given)
            return cli_usage(c, "--%s %s is missing: deeparc %s", value->option->name, value->option->value,
                             c->command->example);
    }
    if (cli_draws(c->command)) c->seed = (uint64_t)cli_int(c, "seed");
    return DA_OK;
}
