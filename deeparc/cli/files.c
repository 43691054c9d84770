/* The files of a line, looked at before any work: no output may replace an input or another output, and every output
 * can be written. What names a file stands in the rows of the tables:
 *
 *     --out FILE     .file = CLI_WRITES                           of an option
 *     MODEL          .file = CLI_READS                            of a command: of all its arguments
 *     DIR            .file = CLI_READS, .within = "*.json"        ... in a directory, those that match
 *
 * Names are compared by the file they lead to: through links, in any spelling, also one that is not there yet. Devices
 * and pipes replace nothing, so they may serve twice.
 */
#include "deeparc/cli/options.h"

#include "core/file.h"
#include "core/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* One place of the line that names a file. */
typedef struct use {
    char        label[48]; /* "--out", "MODEL" */
    const char *path;      /* NULL: nothing is named */
    unsigned    file;
    const char *within;
} use;

/* What "MODEL" or "A.csv B.csv [C.csv...]" calls argument number `place`. */
static void name_argument(const char *words, int place, char label[48]) {
    int length = (int)strcspn(words, " ");
    for (; place > 0 && words[length]; place--) {
        words += length + 1;
        length = (int)strcspn(words, " ");
    }
    words += words[0] == '[';
    snprintf(label, 48, "%.*s", (int)strcspn(words, " ]"), words);
}

/* Ctrl-C saves there when no --checkpoint is named. */
static da_status name_partial(cli *c) {
    if (!(c->command->tables & CLI_RESUMING) || cli_has(c, "checkpoint")) return DA_OK;
    const char *out = cli_text(c, "out");
    if (!out || da_file_is_stream(out)) return DA_OK;
    if (snprintf(c->partial, sizeof c->partial, "%s.partial", out) < (int)sizeof c->partial) return DA_OK;
    return cli_usage(c, "--out names a file of more than %d letters", (int)sizeof c->partial - 9);
}

static int use_count(const cli *c) { return c->value_count + c->argument_count + 1; }

/* The options, the arguments, and OUT.partial. */
static use use_at(const cli *c, int i) {
    use u = { .path = NULL };
    if (i < c->value_count) {
        const cli_option *option = c->values[i].option;
        snprintf(u.label, sizeof u.label, "--%s", option->name);
        u.path = c->values[i].text;
        u.file = option->file;
        u.within = option->within;
    } else if ((i -= c->value_count) < c->argument_count) {
        name_argument(c->command->arguments, i, u.label);
        u.path = c->arguments[i];
        u.file = c->command->file;
        u.within = c->command->within;
    } else if (c->partial[0]) {
        snprintf(u.label, sizeof u.label, "--out (its .partial)");
        u.path = c->partial;
        u.file = CLI_READS | CLI_WRITES;
    }
    return u;
}

/* Does name, relative to a directory, match one of "plan.txt|runs/ *"? */
static bool matches(const char *patterns, const char *name) {
    char pattern[64];
    while (*patterns) {
        size_t length = strcspn(patterns, "|");
        snprintf(pattern, sizeof pattern, "%.*s", (int)length, patterns);
        if (fnmatch(pattern, name, 0) == 0) return true;
        patterns += length + (patterns[length] == '|');
    }
    return false;
}

/* Does path lie in the directory (of a file: beside it), under a name that matches? */
static bool lies_within(const char *path, const char *directory, const char *patterns) {
    char whole[DA_FILE_NAME], top[DA_FILE_NAME];
    struct stat facts;
    if (!da_file_canonical(whole, path) || !da_file_canonical(top, directory)) return false;
    size_t length = stat(top, &facts) == 0 && S_ISDIR(facts.st_mode) ? strlen(top) : (size_t)(strrchr(top, '/') - top);
    return strncmp(whole, top, length) == 0 && whole[length] == '/' && matches(patterns, whole + length + 1);
}

static da_status compare(cli *c, const use *output, const use *other) {
    if (!other->path || !other->file || da_file_is_stream(other->path)) return DA_OK;
    bool same = da_file_same(output->path, other->path);
    if (same && (other->file & CLI_WRITES))
        return cli_usage(c, "%s and %s both name '%.200s': one would replace the other", output->label, other->label,
                         output->path);
    if (same || (other->within && lies_within(output->path, other->path, other->within)))
        return cli_usage(c, "%s would replace '%.200s', which is read as %s: name another file", output->label,
                         output->path, other->label);
    return DA_OK;
}

static bool replaces(const use *u) { return u->path && (u->file & CLI_WRITES) && !da_file_is_stream(u->path); }

/* Two outputs are compared once: with those after them. */
static da_status compare_all(cli *c, int output) {
    use mine = use_at(c, output);
    if (!replaces(&mine)) return DA_OK;
    for (int i = 0; i < use_count(c); i++) {
        use other = use_at(c, i);
        if (i > output || (i < output && !(other.file & CLI_WRITES))) DA_TRY(compare(c, &mine, &other));
    }
    return DA_OK;
}

da_status cli_files_check(cli *c) {
    DA_TRY(name_partial(c));
    for (int i = 0; i < use_count(c); i++) DA_TRY(compare_all(c, i));
    for (int i = 0; i < use_count(c); i++) {
        use u = use_at(c, i);
        if (u.path && (u.file & CLI_WRITES)) DA_TRY(da_file_writable(u.path));
    }
    return DA_OK;
}

/* For what is found while the command runs, not named on its line. */
static da_status keep(cli *c, const use *input) {
    for (int i = 0; i < use_count(c) && da_file_exists(input->path); i++) { /* drawn images have no file */
        use output = use_at(c, i);
        if (replaces(&output)) DA_TRY(compare(c, &output, input));
    }
    return DA_OK;
}

/* A set is found when it is loaded, and a file of images brings its labels: they are looked at then. */
da_status cli_data_is_kept(cli *c, const char *source) {
    const use data = { .label = "the data", .path = source, .file = CLI_READS,
        .within = "*ubyte|*ubyte.gz|data_batch_?.bin|data_batch_?.bin.gz|test_batch.bin|test_batch.bin.gz|train.bin|"
                  "train.bin.gz|test.bin|test.bin.gz|batches.meta.txt|fine_label_names.txt" };
    return keep(c, &data);
}

da_status cli_names_are_kept(cli *c, const char *path) {
    const use names = { .label = "--names", .path = path, .file = CLI_READS };
    return keep(c, &names);
}

/* ---- Listing ---- */

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

typedef struct names { char **items; int count, capacity; } names;

static da_status add_name(names *list, const char *name) {
    if (list->count == list->capacity) {
        const int capacity = 2 * list->capacity + 64;
        char **grown = da_realloc(list->items, (size_t)capacity * sizeof *grown);
        if (!grown) return DA_ERROR_MEMORY;
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->count] = da_string_copy(name);
    if (!list->items[list->count]) return DA_ERROR_MEMORY;
    list->count++;
    return DA_OK;
}

static da_status list_matching(names *list, const char *directory, const char *pattern) {
    da_status status = DA_OK;
    DIR *open = opendir(directory);
    if (!open && (errno == ENOENT || errno == ENOTDIR)) return DA_OK;
    if (!open) return DA_FAIL(DA_ERROR_IO, "cannot read the folder '%.200s': %s", directory, strerror(errno));
    for (const struct dirent *entry; status == DA_OK && (entry = readdir(open));)
        if (entry->d_name[0] != '.' && fnmatch(pattern, entry->d_name, 0) == 0) status = add_name(list, entry->d_name);
    closedir(open);
    if (list->count > 0) qsort(list->items, (size_t)list->count, sizeof *list->items, by_text);
    return status;
}

/* The files in a directory whose names match one pattern, "*.json" or "runs/ *", in the order of their names. */
static da_status each_within(const char *directory, const char *pattern, void (*visit)(void *, const char *),
                             void *context) {
    char top[DA_FILE_NAME], path[2 * DA_FILE_NAME];
    names list = { 0 };
    const char *slash = strrchr(pattern, '/');
    snprintf(top, sizeof top, "%s%s%.*s", directory, slash ? "/" : "", slash ? (int)(slash - pattern) : 0, pattern);
    da_status status = list_matching(&list, top, slash ? slash + 1 : pattern);
    for (int i = 0; i < list.count; i++) {
        snprintf(path, sizeof path, "%s/%s", top, list.items[i]);
        if (status == DA_OK && !da_file_is_stream(path)) visit(context, path); /* a pipe may never end */
        da_free(list.items[i]);
    }
    da_free(list.items);
    return status;
}

da_status cli_files_each(const cli *c, unsigned file, void (*visit)(void *context, const char *path), void *context) {
    for (int i = 0; i < use_count(c); i++) {
        char pattern[64];
        use u = use_at(c, i);
        bool made = (u.file & CLI_WRITES) != 0;
        if (!u.path || !u.file || made != (file == CLI_WRITES)) continue;
        if (strcmp(u.label, "--record") == 0) continue; /* cannot hold its own hash */
        visit(context, u.path);
        for (const char *at = u.within; at && *at; at += strlen(pattern) + (at[strlen(pattern)] == '|')) {
            snprintf(pattern, sizeof pattern, "%.*s", (int)strcspn(at, "|"), at);
            DA_TRY(each_within(u.path, pattern, visit, context));
        }
    }
    return DA_OK;
}
