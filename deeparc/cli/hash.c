/* deeparc hash: the fingerprints of a model: of its values, whole or unit by unit, and of all it computes with. */
#include "deeparc/cli/cli.h"

static const cli_option options[] = {
    { .name = "units", .kind = CLI_FLAG, .help = "one for every unit too: shows which of two models' units differ" },
    { .name = NULL }
};

static da_status hash_units(cli *c, const da_model *model) {
    char hash[65];
    if (c->json) {
        da_json_key(&c->writer, "units");
        da_json_begin_object(&c->writer);
    }
    for (int u = 0; u < model->unit_count; u++) {
        DA_TRY(da_model_hash(model, u, hash));
        cli_print(c, "sha256:%s  %s\n", hash, model->units[u]->path);
        cli_put_hash(c, model->units[u]->path, hash);
    }
    if (c->json) da_json_end(&c->writer);
    return DA_OK;
}

static da_status run(cli *c) {
    da_model *model;
    char hash[65], whole[65];
    DA_TRY(cli_model_open(c, &model, c->arguments[0]));
    da_status status = da_model_hash(model, -1, hash);
    if (status == DA_OK) status = da_model_fingerprint(model, whole);
    if (status == DA_OK) {
        cli_print(c, "sha256:%s  values: parameters and buffers\n", hash);
        cli_print(c, "sha256:%s  network: values, units and their options, input, normalisation, classes, convolutions\n",
                  whole);
        cli_put_hash(c, "hash", hash);
        cli_put_hash(c, "network", whole);
        if (cli_flag(c, "units")) status = hash_units(c, model);
    }
    da_model_free(model);
    return status;
}

const cli_command cli_hash = {
    .name = "hash", .purpose = "print the fingerprints of a model: values, and network", .arguments = "MODEL", .file = CLI_READS,
    .example = "hash lenet.safetensors --units", .options = options, .run = run,
    .notes = "values: SHA-256 over all parameters and buffers in the order of their names; for each: its name, a zero byte,\n"
             "F32, a zero byte, the number of dimensions and the sizes as 64-bit numbers, and its values as a\n"
             "file holds them. network: SHA-256 over the file's metadata deeparc.model without the member\n"
             "\"architecture\", a zero byte, the digits of the first, a zero byte: whoever changes a stride, a mean, the\n"
             "classes or the way of convolutions changes it. A model file records both, and is refused when a bit of it\n"
             "changed."
};
