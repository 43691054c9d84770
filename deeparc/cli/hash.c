/* deeparc hash: the fingerprint of a model's weights, whole or unit by unit. */
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
    char hash[65];
    DA_TRY(cli_model_open(c, &model, c->arguments[0], NULL));
    da_status status = da_model_hash(model, -1, hash);
    if (status == DA_OK) {
        cli_print(c, "sha256:%s\n", hash);
        cli_put_hash(c, "hash", hash);
        if (cli_flag(c, "units")) status = hash_units(c, model);
    }
    da_model_free(model);
    return status;
}

const cli_command cli_hash = {
    .name = "hash", .purpose = "print the fingerprint of a model's weights", .arguments = "MODEL", .file = CLI_READS,
    .example = "hash lenet.safetensors --units", .options = options, .run = run,
    .notes = "SHA-256 over all parameters and buffers in the order of their names; for each: its name, a zero byte,\n"
             "F32, a zero byte, the number of dimensions and the sizes as 64-bit numbers, and its values as a\n"
             "file holds them."
};
