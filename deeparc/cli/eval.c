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

typedef struct result {
    const cli *c;
    const da_model *model;
    const da_dataset *data;
    answers   answers;       /* of one that is not asked for tables or examples, the evaluation alone */
    int64_t  *confusion;     /* NULL: not asked for */
    example  *examples;
    int       example_count;
} result;

static void members(const void *context, da_json_writer *to) {
    const result *r = context;
    record_evaluation(to, &r->answers.evaluation);
    record_int(to, "not_numbers", r->answers.evaluation.not_numbers);
    record_real(to, "seconds", r->answers.evaluation.seconds);
    record_text(to, "model", r->model->architecture);
    record_text(to, "data", r->data->name);
    record_text(to, "split", cli_part_name(r->data, cli_split(r->c)));
    if (r->confusion) answers_record_confusion(to, &r->answers, r->confusion);
    if (r->examples) answers_record_examples(to, &r->answers, r->examples, r->example_count);
}

static da_status measure(cli *c, result *r, da_model *model) {
    bool confusion = cli_flag(c, "confusion");
    int64_t batch = cli_int(c, "batch"), examples = cli_int(c, "examples");
    if (!confusion && examples == 0) return da_evaluate(model, r->data, batch, NULL, &r->answers.evaluation);
    DA_TRY(answers_make(&r->answers, model, r->data, batch));
    if (confusion) DA_TRY(answers_confusion(&r->answers, &r->confusion));
    return examples > 0 ? answers_examples(&r->answers, examples, &r->examples, &r->example_count) : DA_OK;
}

static void print(cli *c, const result *r) {
    const da_evaluation *e = &r->answers.evaluation;
    if (e->not_numbers > 0)
        cli_note(c, "%lld of %s have logits that are not numbers: they count as wrong",
                 (long long)e->not_numbers, da_count(e->samples, "image").text);
    cli_print(c, "accuracy  %.2f %%  (%lld of %lld)\n", 100 * e->accuracy, (long long)e->correct,
              (long long)e->samples);
    cli_print(c, "loss      %.6f\n", e->loss);
    cli_print(c, "time      %.1f s\n", e->seconds);
    if (r->confusion) answers_print_confusion(c, &r->answers, r->confusion);
}

static da_status evaluate(cli *c, da_model *model, const da_dataset *data) {
    result r = { .c = c, .model = model, .data = data };
    if (!data->labels)
        return DA_FAIL(DA_ERROR_ARGUMENT, "the images of %s have no labels to compare with", data->source);
    da_status status = measure(c, &r, model);
    if (status == DA_OK) cli_aside(c, record_write(c, members, &r));
    if (status == DA_OK) print(c, &r);
    answers_examples_free(r.examples, r.example_count);
    da_free(r.confusion);
    answers_free(&r.answers);
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
