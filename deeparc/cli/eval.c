/* deeparc eval: loss and accuracy of a model on a data set, which classes it takes for which, examples of both. */
#include "deeparc/cli/answers.h"

#include "core/number.h"
#include "deeparc/cli/record.h"

#include "core/memory.h"

static const cli_option options[] = {
    { .name = "batch", .kind = CLI_INT, .value = "N", .initial = "256", .low = 1, .high = 1e9,
      .help = "images at a time; the result is the same for any number" },
    { .name = "confusion", .kind = CLI_FLAG, .help = "a table: how many images of each class got which answer" },
    { .name = "examples", .kind = CLI_INT, .value = "N", .initial = "0", .low = 0, .high = 1000,
      .help = "put N wrong images, the surest answers, and N right ones into the record, for 'report'" },
    RECORD_OPTION,
    { .name = NULL }
};

/* The evaluation alone where nothing needs the single answers. */
static da_status measure(cli *c, answers *a, da_model *model, const da_dataset *data) {
    const int64_t batch = cli_int(c, "batch");
    if (cli_flag(c, "confusion") || cli_int(c, "examples") > 0) return answers_make(a, model, data, batch);
    return da_evaluate(model, data, batch, NULL, &a->evaluation);
}

static void put(cli *c, const da_evaluation *e, const da_model *model, const da_dataset *data) {
    da_result *to = c->result;
    if (e->not_numbers > 0)
        cli_note(c, "%lld of %s have logits that are not numbers: they count as wrong",
                 (long long)e->not_numbers, da_count(e->samples, "image").text);
    record_put_evaluation(to, e);
    da_result_put(to, "not_numbers", da_whole(e->not_numbers));
    da_result_put(to, "seconds", da_real(e->seconds));
    da_result_put(to, "model", da_word(model->architecture));
    da_result_put(to, "data", da_word(data->name));
    da_result_put(to, "split", da_word(cli_part_name(data, cli_split(c))));
    da_result_say(to, "accuracy  %.2f %%  (%lld of %lld)\n", 100 * e->accuracy, (long long)e->correct,
                  (long long)e->samples);
    da_result_say(to, "loss      %.6f\n", e->loss);
    da_result_say(to, "time      %.1f s\n", e->seconds);
}

static da_status put_confusion(cli *c, const answers *a) {
    int64_t *counts;
    DA_TRY(answers_confusion(a, &counts));
    answers_put_confusion(c->result, a, counts);
    da_free(counts);
    return DA_OK;
}

static da_status evaluate(cli *c, da_model *model, const da_dataset *data) {
    answers a = { 0 };
    if (!data->labels)
        return DA_FAIL(DA_ERROR_ARGUMENT, "the images of %s have no labels to compare with", data->source);
    da_status status = measure(c, &a, model, data);
    if (status == DA_OK) put(c, &a.evaluation, model, data);
    if (status == DA_OK && cli_flag(c, "confusion")) status = put_confusion(c, &a);
    if (status == DA_OK && cli_int(c, "examples") > 0) status = answers_put_examples(c->result, &a, cli_int(c, "examples"));
    answers_free(&a);
    return status;
}

static da_status run(cli *c) {
    da_dataset data = { 0 };
    da_model *model = NULL;
    if (cli_int(c, "examples") > 0 && !cli_has(c, "record") && !c->json)
        return cli_usage(c, "--examples go into the record: add --record FILE.json or --json");
    DA_TRY(cli_model_open(c, &model, c->arguments[0]));
    da_status status = cli_data_load(c, &data, cli_split(c), cli_int(c, "limit"));
    if (status == DA_OK) status = da_feed_check(model, &data);
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
             "not_numbers how many images have a logit that is not a number; they count as wrong.\n"
             "--confusion: a row a class, a column an answer, and what share of the class was right."
};
