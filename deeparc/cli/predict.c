/* deeparc predict: what a model says of every image of a data set, a line each, or its logits as a NumPy array. */
#include "deeparc/cli/answers.h"
#include "deeparc/cli/record.h"

#include "core/npy.h"

static const cli_option options[] = {
    { .name = "out", .kind = CLI_TEXT, .value = "FILE.npy", .file = CLI_WRITES,
      .help = "write the logits there instead: samples x classes, float32, in file order" },
    { .name = "batch", .kind = CLI_INT, .value = "N", .initial = "256", .low = 1, .high = 1e9,
      .help = "images at a time; the result is the same for any number" },
    RECORD_OPTION,
    { .name = NULL }
};

static da_status save_logits(cli *c, const answers *a) {
    const char *out = cli_text(c, "out");
    const int64_t shape[2] = { a->data->count, a->model->classes };
    DA_TRY(da_npy_write(out, DA_NPY_FLOAT32, 2, shape, a->logits));
    da_result_say(c->result, "%lld x %d logits in %s\n", (long long)a->evaluation.samples, a->model->classes, out);
    da_result_put(c->result, "out", da_word(out));
    return DA_OK;
}

/* "image 0: 7 (99.8 %), label 7" */
static void put_answers(cli *c, const answers *a) {
    static const da_column columns[] = { { .key = "image" }, { .key = "answer" }, { .key = "share" }, { .key = "label" } };
    da_result *r = c->result, *table = da_result_table(r, "answers", columns, 4);
    char room[2][16];
    for (int64_t i = 0; i < a->data->count; i++) {
        const answer *given = &a->list[i];
        const char *said = answers_class(room[0], a->model, given->class), *label = NULL;
        if (a->data->labels) label = answers_class(room[1], a->model, a->data->labels[i]);
        da_result_say(r, "image %lld: %s", (long long)i, said);
        if (given->class >= 0) da_result_say(r, " (%.1f %%)", 100 * given->share);
        if (label) da_result_say(r, ", label %s", label);
        da_result_say(r, "\n");
        da_row(table, da_whole(i), da_word(given->class < 0 ? NULL : said), da_real(given->share),
               da_if(label, da_word(label)));
    }
}

static da_status predict(cli *c, da_model *model, const da_dataset *data) {
    answers a = { 0 };
    DA_TRY(answers_make(&a, model, data, cli_int(c, "batch")));
    da_status status = cli_has(c, "out") ? save_logits(c, &a) : DA_OK;
    da_result_put(c->result, "samples", da_whole(a.evaluation.samples));
    da_result_put(c->result, "classes", da_whole(model->classes));
    da_result_put(c->result, "seconds", da_real(a.evaluation.seconds));
    if (!cli_has(c, "out")) put_answers(c, &a);
    answers_free(&a);
    return status;
}

static da_status run(cli *c) {
    da_dataset data = { 0 };
    da_model *model = NULL;
    DA_TRY(cli_model_open(c, &model, c->arguments[0]));
    da_status status = cli_data_load(c, &data, cli_split(c), cli_int(c, "limit"));
    if (status == DA_OK) status = da_feed_check(model, &data);
    if (status == DA_OK) status = predict(c, model, &data);
    da_model_free(model);
    da_dataset_free(&data);
    return status;
}

const cli_command cli_predict = {
    .name = "predict", .purpose = "print a model's answer for every image, or write its logits", .arguments = "MODEL", .file = CLI_READS,
    .tables = CLI_DATA | CLI_SPLIT, .example = "predict lenet.safetensors --data mnist --limit 20",
    .options = options, .run = run,
    .notes = "A line an image: the class with the largest logit, its share by softmax, and the label, where there\n"
             "is one. --out FILE.npy keeps all logits: numpy.load reads them, row i belongs to image i of the file."
};
