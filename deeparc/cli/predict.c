/* deeparc predict: the logits of a model for every image of a data set, as a NumPy array. */
#include "deeparc/cli/cli.h"

#include "core/memory.h"
#include "core/npy.h"

static const cli_option options[] = {
    { .name = "out", .kind = CLI_TEXT, .value = "FILE.npy", .file = CLI_WRITES, .required = true,
      .help = "samples x classes, float32, in file order" },
    { .name = "batch", .kind = CLI_INT, .value = "N", .initial = "256", .low = 1, .high = 1e9,
      .help = "images at a time; the result is the same for any number" },
    { .name = NULL }
};

static da_status predict(cli *c, da_model *model, const da_dataset *data) {
    const char *out = cli_text(c, "out");
    da_evaluation e;
    float *logits = da_alloc_zero((size_t)data->count, (size_t)model->classes * sizeof *logits);
    if (!logits) return DA_ERROR_MEMORY;
    da_status status = da_evaluate(model, data, cli_int(c, "batch"), logits, &e);
    if (status == DA_OK)
        status = da_npy_write(out, DA_NPY_FLOAT32, 2, (const int64_t[]){ data->count, model->classes }, logits);
    da_free(logits);
    DA_TRY(status);
    cli_print(c, "%lld x %d logits in %s\n", (long long)e.samples, model->classes, out);
    cli_put_text(c, "out", out);
    cli_put_int(c, "samples", e.samples);
    cli_put_int(c, "classes", model->classes);
    cli_put_real(c, "seconds", e.seconds);
    return DA_OK;
}

static da_status run(cli *c) {
    da_dataset data;
    da_model *model = NULL;
    DA_TRY(cli_data_load(c, &data, cli_split(c), cli_int(c, "limit")));
    da_status status = cli_model_open(c, &model, c->arguments[0], &data);
    if (status == DA_OK) status = predict(c, model, &data);
    da_model_free(model);
    da_dataset_free(&data);
    return status;
}

const cli_command cli_predict = {
    .name = "predict", .purpose = "write a model's logits as .npy", .arguments = "MODEL", .file = CLI_READS,
    .tables = CLI_DATA | CLI_SPLIT, .example = "predict lenet.safetensors --data mnist --out logits.npy",
    .options = options, .run = run,
    .notes = "Python reads it with numpy.load(\"logits.npy\"); row i belongs to image i of the file."
};
