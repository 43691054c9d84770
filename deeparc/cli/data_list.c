/* deeparc data: which sets are found where, and whether they are what was published.
 *
 *     mnist          train  60000 of 28x28x1  10 classes  as published   sha256:...
 *                    |-- a row for each part of each set that is found; those that are not are one line at the end
 */
#include "deeparc/cli/cli.h"

#include <stdio.h>
#include <string.h>

static const cli_option options[] = {
    { .name = "data-dir", .kind = CLI_TEXT, .value = "DIR", .help = "look there first for sets that are named" },
    { .name = "verify", .kind = CLI_FLAG, .help = "fail, with status 1, when a part is not as published" },
    { .name = NULL }
};

typedef struct survey {
    da_result *to, *parts;
    int  rows, unlike;   /* parts that were found, and those of them that are not as published */
    char missing[128];   /* names of sets that were not found */
} survey;

static void put_part(survey *s, const da_dataset *data, const char *part) {
    char shape[96], hash[65];
    const char *altered = data->altered ? data->altered : "";
    const bool drawn = strcmp(data->source, "generated") == 0;
    da_dataset_fingerprint(data, hash);
    s->rows++;
    s->unlike += !drawn && data->published != DA_AS_PUBLISHED;
    da_row(s->parts, da_word(data->name), da_word(part), da_word(data->source), da_whole(data->count),
           da_whole(data->height), da_whole(data->width), da_whole(data->channels), da_whole(data->classes),
           da_word(cli_data_content(data)), da_if(data->altered, da_word(data->altered)), da_digest(hash));
    da_result_say(s->to, "%-14s %-5s  %5lld images of %-8s %4d classes  %s%s  (%s)\n%-21s sha256:%s\n", data->name, part,
                  (long long)data->count,
                  da_shape_text(shape, 3, (const int64_t[]){ data->height, data->width, data->channels }),
                  data->classes, cli_data_state(data), altered, data->source, "", hash);
}

static void add_missing(survey *s, const char *name) {
    size_t used = strlen(s->missing);
    snprintf(s->missing + used, sizeof s->missing - used, "%s%s", used ? ", " : "", name);
}

/* Both parts of a set, or the one file. In the list of all sets, one that is not there is no failure. */
static da_status show_set(cli *c, survey *s, const char *name, bool listed) {
    char lacks[1024] = "";
    int before = s->rows;
    for (int split = DA_TRAIN, more = 1; split <= DA_TEST && more; split++) {
        da_dataset data;
        da_status status = da_dataset_load(&data, name, (da_split)split, cli_text(c, "data-dir"), NULL);
        if (status == DA_ERROR_NOT_FOUND) {
            snprintf(lacks, sizeof lacks, "%s", da_error_message());
            continue;
        }
        DA_TRY(status);
        put_part(s, &data, cli_part_name(&data, (da_split)split));
        more = !data.one_file;
        da_dataset_free(&data);
    }
    if (!lacks[0]) return DA_OK;
    if (s->rows > before) da_result_say(s->to, "%-14s but %s\n", name, lacks);
    else if (listed) add_missing(s, name);
    else return DA_FAIL(DA_ERROR_NOT_FOUND, "%s", lacks);
    return DA_OK;
}

static da_status show_all(cli *c, survey *s) {
    static const char *const names[] = { "mnist", "fashion-mnist", "cifar10", "cifar100" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) DA_TRY(show_set(c, s, names[i], true));
    return DA_OK;
}

static da_status run(cli *c) {
    static const da_column columns[] = {
        { .key = "name" }, { .key = "part" }, { .key = "source" }, { .key = "images" }, { .key = "height" },
        { .key = "width" }, { .key = "channels" }, { .key = "classes" }, { .key = "content" }, { .key = "altered" },
        { .key = "fingerprint" } };
    da_result *to = c->result;
    survey s = { .to = to, .parts = da_result_table(to, "parts", columns, sizeof columns / sizeof *columns) };
    if (c->argument_count > 0) DA_TRY(cli_data_dir_check(c, c->arguments[0]));
    DA_TRY(c->argument_count > 0 ? show_set(c, &s, c->arguments[0], false) : show_all(c, &s));
    da_result_put(to, "missing", da_word(s.missing));
    if (s.missing[0])
        da_result_say(to, "not found: %s; 'deeparc data NAME' says where it was looked for\n", s.missing);
    if (!cli_flag(c, "verify") || s.unlike == 0) return DA_OK;
    c->whole = true;
    return DA_FAIL(DA_ERROR_FORMAT, "%d of %d parts %s not as published: datasets/fetch.sh NAME gets a set anew",
                   s.unlike, s.rows, s.unlike == 1 ? "is" : "are");
}

const cli_command cli_data = {
    .name = "data", .purpose = "tell which data sets are there, and whether they are as published",
    .arguments = "[NAME|DIR|FILE]", .example = "data mnist --verify", .options = options, .run = run,
    .notes = "What files are is told by what they hold: the SHA-256 of each IDX file, the SHA-1 of each file of\n"
             "CIFAR, both unpacked, against those of the published files. Other files are of no known set. The\n"
             "fingerprint is over name, sizes, pixels and labels, as records hold it."
};
