/* deeparc import: turns a checkpoint that PyTorch wrote into one that describes itself, so that no later command needs
 * to be told how the input is normalised. */
#include "deeparc/cli/cli.h"
#include "deeparc/cli/record.h"

#include "core/number.h"

#include "layers/checkpoint.h"

static const cli_option options[] = {
    { .name = "out", .kind = CLI_TEXT, .value = "FILE", .file = CLI_WRITES,
      .required = true, .help = "the .safetensors file to write" },
    { .name = "normalize", .kind = CLI_TEXT, .value = "HOW",
      .help = "imagenet, cifar10, mnist, none or mean,.../deviation,..." },
    { .name = "classes-from", .kind = CLI_TEXT, .value = "DATA",
      .help = "take the names of the classes from this data set" },
    { .name = "data-dir", .kind = CLI_TEXT, .value = "DIR", .help = "look there first for sets that are named" },
    { .name = NULL }
};

static da_status name_classes(cli *c, da_model *model) {
    da_dataset data;
    const da_dataset_options hashed = { .seed = 1, .hash = run_wanted(c) };
    DA_TRY(da_dataset_load(&data, cli_text(c, "classes-from"), DA_TEST, cli_text(c, "data-dir"), &hashed));
    da_status status = cli_data_is_kept(c, data.source);
    if (status == DA_OK && !data.labels)
        status = DA_FAIL(DA_ERROR_ARGUMENT, "the images of '%s' have no labels: they name no classes", data.name);
    if (status == DA_OK) status = run_note_data(c, cli_split_name(DA_TEST), &data);
    if (status == DA_OK) status = da_feed_check(model, &data);
    if (status == DA_OK) status = da_model_set_class_names(model, (const char *const *)data.class_names);
    da_dataset_free(&data);
    return status;
}

static da_status import(cli *c, da_model *model) {
    const char *out = cli_text(c, "out");
    char hash[65];
    if (cli_has(c, "data-dir") && !cli_has(c, "classes-from"))
        return cli_usage(c, "--data-dir needs --classes-from DATA");
    if (cli_has(c, "classes-from")) DA_TRY(cli_data_dir_check(c, cli_text(c, "classes-from")));
    DA_TRY(cli_model_normalize(c, model, c->arguments[0]));
    if (cli_has(c, "classes-from")) DA_TRY(name_classes(c, model));
    DA_TRY(da_model_hash(model, -1, hash));
    DA_TRY(cli_model_save(c, model, out));
    da_result *to = c->result;
    da_result_put(to, "model", da_word(model->architecture));
    da_result_put(to, "classes", da_whole(model->classes));
    da_result_put(to, "out", da_word(out));
    da_result_put(to, "hash", da_digest(hash));
    da_result_say(to, "%s with %s in %s\nsha256:%s\n", model->architecture, da_count(model->classes, "class").text, out,
                  hash);
    return DA_OK;
}

static da_status run(cli *c) {
    da_model *model;
    DA_TRY(cli_model_open(c, &model, c->arguments[0]));
    da_status status = import(c, model);
    da_model_free(model);
    return status;
}

const cli_command cli_import = {
    .name = "import", .purpose = "turn a PyTorch checkpoint into one that describes itself", .arguments = "FILE",
    .file = CLI_READS,
    .example = "import resnet20.safetensors --out net.safetensors --normalize imagenet --classes-from cifar10",
    .options = options, .run = run,
    .notes = "Reads .safetensors files of ResNets for CIFAR with PyTorch's names (conv1, bn1, layer1.0.conv1,\n"
             "..., linear or fc). The weights stay as they are, and so does their fingerprint."
};
