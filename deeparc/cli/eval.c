/* deeparc eval: loss and accuracy of a model on a data set. */
#include "deeparc/cli/record.h"

static const cli_option options[] = {
    { .name = "batch", .kind = CLI_INT, .value = "N", .initial = "256", .low = 1, .high = 1e9,
      .help = "images at a time; the result is the same for any number" },
    RECORD_OPTION,
    { .name = NULL }
};

typedef struct result {
    const cli *c;
    const da_model *model;
    const da_dataset *data;
    da_evaluation evaluation;
} result;

static void members(const void *context, da_json_writer *to) {
    const result *r = context;
    record_evaluation(to, &r->evaluation);
    record_int(to, "not_numbers", r->evaluation.not_numbers);
    record_real(to, "seconds", r->evaluation.seconds);
    record_text(to, "model", r->model->architecture);
    record_text(to, "data", r->data->name);
    record_text(to, "split", cli_split_name(cli_split(r->c)));
}

static da_status evaluate(cli *c, da_model *model, const da_dataset *data) {
    result r = { .c = c, .model = model, .data = data };
    const da_evaluation *e = &r.evaluation;
    if (!data->labels)
        return DA_FAIL(DA_ERROR_ARGUMENT, "the images of %s have no labels to compare with", data->source);
    DA_TRY(da_evaluate(model, data, cli_int(c, "batch"), NULL, &r.evaluation));
    DA_TRY(record_write(c, members, &r));
    if (e->not_numbers > 0)
        cli_note(c, "%lld of %lld images have logits that are not numbers: they count as wrong",
                 (long long)e->not_numbers, (long long)e->samples);
    cli_print(c, "accuracy  %.2f %%  (%lld of %lld)\n", 100 * e->accuracy, (long long)e->correct,
              (long long)e->samples);
    cli_print(c, "loss      %.6f\n", e->loss);
    cli_print(c, "time      %.1f s\n", e->seconds);
    return DA_OK;
}

static da_status run(cli *c) {
    da_dataset data;
    da_model *model = NULL;
    DA_TRY(cli_data_load(c, &data, cli_split(c), cli_int(c, "limit")));
    da_status status = cli_model_open(c, &model, c->arguments[0], &data);
    if (status == DA_OK) status = evaluate(c, model, &data);
    da_model_free(model);
    da_dataset_free(&data);
    return status;
}

const cli_command cli_eval = {
    .name = "eval", .purpose = "test a model: accuracy and loss", .arguments = "MODEL", .file = CLI_READS,
    .tables = CLI_DATA | CLI_SPLIT,
    .example = "eval lenet.safetensors --data mnist", .options = options, .run = run,
    .notes = "With --json: accuracy (0 to 1), loss (mean cross-entropy), samples, correct, seconds, and in\n"
             "not_numbers how many images have a logit that is not a number; they count as wrong."
};
