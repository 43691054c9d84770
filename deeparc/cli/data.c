/* Models and data for commands: found, cut to size, and checked against each other before any work begins. */
#include "deeparc/cli/cli.h"
#include "deeparc/cli/record.h"

#include "core/number.h"
#include "core/memory.h"
#include "datasets/digits.h"
#include "layers/checkpoint.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* ---- Data. ---- */

da_split    cli_split(const cli *c) { return cli_choice(c, "split") == 0 ? DA_TEST : DA_TRAIN; }
const char *cli_split_name(da_split split) { return split == DA_TEST ? "test" : "train"; }
const char *cli_part_name(const da_dataset *data, da_split split) {
    return data->one_file ? "file" : cli_split_name(split);
}

const char *cli_data_state(const da_dataset *data) {
    switch (data->published) {
    case DA_AS_PUBLISHED:     return "as published";
    case DA_NOT_AS_PUBLISHED: return "not the published file: ";
    default:                  return strcmp(data->source, "generated") == 0 ? "drawn" : "of no known set";
    }
}

const char *cli_data_content(const da_dataset *data) {
    return data->published == DA_NOT_AS_PUBLISHED ? "not as published" : cli_data_state(data);
}

da_status cli_data_dir_check(cli *c, const char *name) {
    if (!cli_has(c, "data-dir") || da_dataset_is_named(name)) return DA_OK;
    return cli_usage(c, "--data-dir has no effect on '%.200s': it is where sets that are named lie, such as mnist", name);
}

/* A file is all there is of a set: it has no parts to choose between. */
static bool has_parts(const char *name) {
    struct stat facts;
    return da_dataset_is_named(name) || stat(name, &facts) != 0 || S_ISDIR(facts.st_mode);
}

/* The set on the line that serves; without one, *last is another. */
static bool any_set(const cli *c, bool (*serves)(const char *name), const char **last) {
    static const char *const sets[] = { "data", "against-data" };
    *last = "";
    for (int v = 0; v < c->value_count; v++)
        for (size_t s = 0; s < sizeof sets / sizeof *sets; s++) {
            const cli_value *value = &c->values[v];
            if (!value->text || strcmp(value->option->name, sets[s]) != 0) continue;
            if (serves(*last = value->text)) return true;
        }
    return false;
}

static bool is_given(const cli *c, const char *name) { /* also of a command that has no such option */
    for (int v = 0; v < c->value_count; v++)
        if (strcmp(c->values[v].option->name, name) == 0) return c->values[v].given;
    return false;
}

/* Have the options that say where sets lie, and which part of them is meant, a set to speak of? */
static da_status check_sets(cli *c) {
    const char *last;
    if (is_given(c, "data-dir") && !any_set(c, da_dataset_is_named, &last)) return cli_data_dir_check(c, last);
    if (is_given(c, "split") && !any_set(c, has_parts, &last))
        return cli_usage(c, "--split has no effect on '%.200s', which is one file: name the folder of a whole set", last);
    return DA_OK;
}

da_status cli_data_load_named(cli *c, da_dataset *data, const char *name, da_split split, int64_t limit) {
    /* Digits are drawn, so a limit saves the time to draw the others. They are a set like any other, the same for every
       --seed, which is about training. */
    da_dataset_options options = { .count = strcmp(name, "digits") == 0 ? limit : 0, .seed = 1, .limit = limit,
                                   .hash = run_wanted(c) };
    da_dataset out;
    DA_TRY(check_sets(c));
    DA_TRY(da_dataset_load(&out, name, split, cli_text(c, "data-dir"), &options));
    da_status status = cli_data_is_kept(c, out.source);
    if (status == DA_OK) status = run_note_data(c, cli_part_name(&out, split), &out);
    if (status != DA_OK) {
        da_dataset_free(&out);
        return status;
    }
    char shape[96];
    da_shape_text(shape, 3, (const int64_t[]){ out.height, out.width, out.channels });
    cli_note(c, "%s %s: %s of %s, %s (%s), %s%s", out.name, cli_part_name(&out, split),
             da_count(out.count, "image").text, shape, da_count(out.classes, "class").text, out.source, cli_data_state(&out),
             out.altered ? out.altered : "");
    *data = out;
    return DA_OK;
}

da_status cli_data_load(cli *c, da_dataset *data, da_split split, int64_t limit) {
    return cli_data_load_named(c, data, cli_text(c, "data"), split, limit);
}

da_status cli_data_load_parts(cli *c, da_dataset *train, da_dataset *test) {
    DA_TRY(cli_data_load(c, train, DA_TRAIN, cli_int(c, "limit")));
    if (train->one_file)
        return cli_usage(c, "'%.250s' is one file, and its images cannot both train and test: name the folder of a "
                         "whole set", train->source);
    return cli_data_load(c, test, DA_TEST, cli_int(c, "test-limit"));
}

/* ---- Normalisation. ---- */

static const struct { const char *name; da_normalization value; } named[] = {
    { "imagenet", { true, 3, { 0.485f, 0.456f, 0.406f, 0 }, { 0.229f, 0.224f, 0.225f, 0 } } },
    { "cifar10", { true, 3, { 0.4914f, 0.4822f, 0.4465f, 0 }, { 0.2470f, 0.2435f, 0.2616f, 0 } } },
    { "mnist", { true, 1, { 0.1307f, 0, 0, 0 }, { 0.3081f, 0, 0, 0 } } },
    { "none", { true, 0, { 0 }, { 1, 1, 1, 1 } } } /* any number of channels */
};
enum { NAMED = sizeof named / sizeof *named };

/* Reads numbers between commas up to `end`; returns how many, or -1. */
static int parse_numbers(const char *text, const char *end, float out[DA_MAX_NORMALIZED]) {
    for (int count = 0; count < DA_MAX_NORMALIZED; count++) {
        const char *comma = memchr(text, ',', (size_t)(end - text));
        double value;
        if (!da_number_parse(text, (size_t)((comma ? comma : end) - text), &value)) return -1;
        out[count] = (float)value;
        if (!comma) return count + 1;
        text = comma + 1;
    }
    return -1;
}

static bool parse_pairs(const char *text, da_normalization *out) {
    const char *slash = strchr(text, '/');
    if (!slash) return false;
    int means = parse_numbers(text, slash, out->mean);
    int deviations = parse_numbers(slash + 1, text + strlen(text), out->deviation);
    out->known = true;
    out->channels = means;
    return means > 0 && means == deviations;
}

da_status cli_normalization_parse(cli *c, da_normalization *out, const char *text, int64_t channels) {
    da_normalization value = { 0 };
    bool found = false;
    for (int i = 0; i < NAMED && !found; i++)
        if (strcmp(named[i].name, text) == 0) { value = named[i].value; found = true; }
    if (!found && !parse_pairs(text, &value))
        return cli_usage(c, "--normalize '%s' is none of imagenet, cifar10, mnist, none, nor mean,.../deviation,... "
                         "such as 0.5,0.5,0.5/0.25,0.25,0.25", text);
    if (value.channels == 0) value.channels = (int)channels;
    if (value.channels != channels)
        return cli_usage(c, "--normalize %s is for images of %s; the model's have %lld", text,
                         da_count(value.channels, "channel").text, (long long)channels);
    if (da_normalization_check(&value, channels) != DA_OK)
        return cli_usage(c, "--normalize %s: %s", text, da_error_message());
    *out = value;
    return DA_OK;
}

/* ---- Models. ---- */

da_status cli_model_normalize(cli *c, da_model *model, const char *path) {
    const char *how = cli_text(c, "normalize");
    if (how && model->normalization.known)
        cli_note(c, "--normalize %s replaces the normalisation that '%s' records", how, path);
    if (how) return cli_normalization_parse(c, &model->normalization, how, model->input_shape[2]);
    if (model->normalization.known) return DA_OK;
    return cli_usage(c, "'%s' does not record how its input is normalised: add --normalize imagenet, cifar10, mnist, "
                     "none or mean,.../deviation,...", path);
}

da_status cli_model_convolve(cli *c, da_model *model) {
    if (!cli_has(c, "conv")) return DA_OK;
    da_conv_method method = (da_conv_method)cli_choice(c, "conv"); /* the enum's order */
    bool takes = method != DA_CONV_WINOGRAD;
    for (int u = 0; u < model->unit_count && !takes; u++) takes = da_layer_takes_winograd(model->units[u]);
    if (!takes)
        return cli_usage(c, "--conv winograd has no effect on %s: it has no 3x3 convolution of stride 1",
                         model->architecture);
    model->conv = method;
    return DA_OK;
}

da_status cli_model_open(cli *c, da_model **model, const char *path) {
    da_model *out;
    DA_TRY(da_checkpoint_load(&out, path, NULL));
    da_status status = c->command->tables & CLI_DATA ? cli_model_normalize(c, out, path) : DA_OK;
    if (status == DA_OK) status = run_note_model(c, path, out);
    if (status == DA_OK) *model = out;
    else da_model_free(out);
    return status;
}
