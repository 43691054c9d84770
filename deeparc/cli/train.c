/* deeparc train: a network of the zoo, or one from a file, on a data set; then its accuracy on the test images. */
#include "deeparc/cli/record.h"

#include "core/number.h"

#include "layers/checkpoint.h"
#include "layers/zoo.h"
#include "optim/feed.h"

#include <string.h>

static const cli_option options[] = {
    { .name = "model", .kind = CLI_TEXT, .value = "NAME",
      .help = DA_ZOO_NAMES },
    { .name = "from", .kind = CLI_TEXT, .value = "FILE", .file = CLI_READS,
      .help = "start from a trained model instead" },
    MODEL_OPTIONS,
    { .name = "out", .kind = CLI_TEXT, .value = "FILE", .file = CLI_WRITES,
      .help = "save the trained model as .safetensors" },
    { .name = "test-limit", .kind = CLI_INT, .value = "N", .initial = "0", .low = 0, .high = 1e9,
      .help = "test on the first N test images only; 0: all" },
    RECORD_OPTION,
    { .name = NULL }
};

/* ---- The model to train. ---- */

/* Is there such a network, and has it what --conv asks for? The size of the images has no say in either. */
static da_status check_network(cli *c, const char *name) {
    da_model *any;
    DA_TRY(da_zoo_check(name));
    if (!cli_has(c, "conv")) return DA_OK;
    DA_TRY(da_zoo_build(&any, name, (const int64_t[]){ 32, 32, 3 }, 10, NULL));
    da_status status = cli_model_convolve(c, any);
    da_model_free(any);
    return status;
}

static da_status check_start(cli *c) {
    bool from = cli_has(c, "from");
    if (!from && !cli_has(c, "model"))
        return cli_usage(c, "--model NAME or --from FILE is missing: deeparc %s", cli_train.example);
    if (from && cli_has(c, "model")) return cli_usage(c, "--model and --from contradict each other: give one");
    if (from && cli_has(c, "init")) return cli_usage(c, "--init has no effect on a model --from a file");
    if (cli_has(c, "init") && cli_flag(c, "resume"))
        return cli_usage(c, "--init has no effect on a run that is resumed: its weights are in the checkpoint");
    if (from && cli_has(c, "shortcut")) return cli_usage(c, "--shortcut has no effect on a model --from a file");
    if (!from) DA_TRY(check_network(c, cli_text(c, "model")));
    if (!from && cli_has(c, "shortcut") && strncmp(cli_text(c, "model"), "resnet", 6) != 0)
        return cli_usage(c, "--shortcut has no effect on %s: only ResNets have shortcuts", cli_text(c, "model"));
    return DA_OK;
}

static da_status draw(cli *c, da_model **model, const char *name, const da_dataset *data) {
    static const da_shortcut shortcuts[] = { DA_SHORTCUT_PAD, DA_SHORTCUT_CONV, DA_SHORTCUT_CONV_NORM };
    da_zoo_options zoo = { 0 };
    if (cli_has(c, "shortcut")) zoo.shortcut = shortcuts[cli_choice(c, "shortcut")];
    int64_t input[3] = { data->height, data->width, data->channels };
    DA_TRY(da_zoo_build(model, name, input, data->classes, &zoo));
    bool xavier = cli_has(c, "init") && cli_choice(c, "init") == 1;
    return da_model_initialize(*model, xavier ? DA_INIT_XAVIER : DA_INIT_HE, c->seed);
}

/* Records in the model how its input is normalised and what its classes are called. */
static da_status describe(cli *c, da_model *model, const da_dataset *data) {
    da_normalization *n = &model->normalization;
    if (cli_has(c, "normalize")) {
        DA_TRY(cli_normalization_parse(c, n, cli_text(c, "normalize"), data->channels));
    } else if (!n->known) {
        DA_TRY(da_model_normalize_like(model, data));
    }
    return da_model_set_class_names(model, (const char *const *)data->class_names);
}

da_status cli_model_build(cli *c, da_model **model, const char *name, const da_dataset *data) {
    da_model *out = NULL;
    da_status status = draw(c, &out, name, data);
    if (status == DA_OK) status = describe(c, out, data);
    if (status == DA_OK) *model = out;
    else da_model_free(out);
    return status;
}

static da_status start(cli *c, da_model **model, const da_dataset *data) {
    if (*model) return da_feed_check(*model, data);
    DA_TRY(cli_model_build(c, model, cli_text(c, "model"), data));
    return cli_model_convolve(c, *model);
}

/* ---- The run. ---- */

typedef struct result {
    const da_model *model;
    const da_dataset *test;
    da_training_result training;
    da_evaluation evaluation;
    char hash[65];
} result;

static void put(da_result *to, const result *r) {
    const da_evaluation *e = &r->evaluation;
    da_result_put(to, "model", da_word(r->model->architecture));
    da_result_put(to, "data", da_word(r->test->name));
    record_put_evaluation(to, e);
    record_put_images(to, "test_images", r->test);
    da_result_put(to, "steps", da_whole(r->training.steps));
    da_result_put(to, "seconds", da_real(r->training.seconds));
    da_result_put(to, "hash", da_digest(r->hash));
    record_put_epochs(to, &r->training);
    da_result_say(to, "accuracy  %.2f %%  (%lld of %s)\n", 100 * e->accuracy, (long long)e->correct,
                  da_count(e->samples, "test image").text);
    da_result_say(to, "loss      %.6f\n", e->loss);
    da_result_say(to, "time      %.1f s for %s\n", r->training.seconds, da_count(r->training.steps, "step").text);
    da_result_say(to, "sha256:%s\n", r->hash);
}

static da_status conclude(cli *c, da_model *model, result *r) {
    DA_TRY(da_evaluate(model, r->test, 256, NULL, &r->evaluation));
    DA_TRY(da_model_hash(model, -1, r->hash));
    if (!cli_has(c, "out")) DA_TRY(run_note_model(c, "", model));
    if (r->training.stopped_early) cli_note(c, "stopped early: the weights of the best epoch are kept");
    put(c->result, r);
    return DA_OK;
}

/* The line that continues a run is this one without --init: the checkpoint leaves nothing to draw. */
static void forget_init(cli *c) {
    int kept = 0;
    for (int i = 0; i < c->argc; i++) {
        if (strcmp(c->argv[i], "--init") == 0) i++; /* its value */
        else if (strncmp(c->argv[i], "--init=", 7) != 0) c->argv[kept++] = c->argv[i];
    }
    c->argc = kept;
}

static da_status interrupted(cli *c, const da_trainer_options *o) {
    forget_init(c);
    return cli_training_interrupted(c, o);
}

static da_status train(cli *c, da_model *model, const da_dataset *data, const da_dataset *test) {
    da_trainer_options defaults = da_trainer_for(model->architecture, data), o;
    DA_TRY(cli_training_options(c, &o, &defaults, data->count));
    result r = { .model = model, .test = test };
    DA_TRY(cli_model_sign(c, model));
    da_status status = da_train(model, data, &o, &r.training);
    cli_progress_end(c);
    if (status == DA_ERROR_INTERRUPTED) status = interrupted(c, &o);
    const char *out = cli_text(c, "out");
    if (status == DA_OK && out) status = cli_model_save(c, model, out);
    if (status == DA_OK) cli_training_saved(c, &o);
    if (status == DA_OK) cli_training_trouble(c, &r.training);
    if (status == DA_OK) status = conclude(c, model, &r);
    if (status == DA_OK && out) cli_note(c, "saved as %s", out);
    if (status == DA_OK && !out && !o.checkpoint_path) cli_note(c, "the model was not saved: --out FILE does that");
    da_training_result_free(&r.training);
    return status;
}

/* Before the data are there: of those, only the augmentation knows, and no option contradicts that. */
static da_status check_training(cli *c, const da_model *model) {
    const da_dataset any = { .channels = 1 };
    const char *name = model ? model->architecture : cli_text(c, "model");
    const da_trainer_options usual = da_trainer_for(name, &any);
    return cli_training_check(c, model, &usual);
}

static da_status run(cli *c) {
    da_dataset data = { 0 }, test = { 0 };
    da_model *model = NULL;
    DA_TRY(check_start(c));
    if (cli_has(c, "from")) DA_TRY(cli_model_open(c, &model, cli_text(c, "from")));
    da_status status = model ? cli_model_convolve(c, model) : DA_OK;
    if (status == DA_OK) status = check_training(c, model);
    if (status == DA_OK) cli_banner(c);
    if (status == DA_OK) status = cli_data_load_parts(c, &data, &test);
    if (status == DA_OK) status = start(c, &model, &data);
    if (status == DA_OK) status = da_feed_check(model, &test);
    if (status == DA_OK) status = train(c, model, &data, &test);
    da_model_free(model);
    da_dataset_free(&test);
    da_dataset_free(&data);
    return status;
}

const cli_command cli_train = {
    .name = "train", .purpose = "train a network and test it", .arguments = "",
    .tables = CLI_DATA | CLI_TRAINING | CLI_RESUMING, .options = options, .run = run,
    .example = "train --model lenet --data mnist --out lenet.safetensors",
    .notes = "Without other options: 5 epochs of sgd with momentum 0.9 and a one-cycle schedule; rate, batch\n"
             "and weight decay suit the model; photographs are augmented by crop4,flip, drawings for smallcnn\n"
             "by crop2. The last line is the fingerprint of the weights: the same for the same options on any\n"
             "machine, with any number of threads."
};
