/* deeparc hash: the fingerprints of a model: of its values, whole or unit by unit, and of all it computes with. */
#include "deeparc/cli/cli.h"

static const cli_option options[] = {
    { .name = "units", .kind = CLI_FLAG, .help = "one for every unit too: shows which of two models' units differ" },
    { .name = NULL }
};

static da_status put(da_result *to, const da_model *model, bool units) {
    char hash[65];
    DA_TRY(da_model_hash(model, -1, hash));
    da_result_put(to, "hash", da_digest(hash));
    da_result_say(to, "sha256:%s  values: parameters and buffers\n", hash);
    DA_TRY(da_model_fingerprint(model, hash));
    da_result_put(to, "network", da_digest(hash));
    da_result_say(to, "sha256:%s  network: values, units and their options, input, normalisation, classes, convolutions\n",
                  hash);
    da_result *each = units ? da_result_object(to, "units") : NULL;
    for (int u = 0; each && u < model->unit_count; u++) {
        DA_TRY(da_model_hash(model, u, hash));
        da_result_put(each, model->units[u]->path, da_digest(hash));
        da_result_say(to, "sha256:%s  %s\n", hash, model->units[u]->path);
    }
    return DA_OK;
}

static da_status run(cli *c) {
    da_model *model;
    DA_TRY(cli_model_open(c, &model, c->arguments[0]));
    da_status status = put(c->result, model, cli_flag(c, "units"));
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
