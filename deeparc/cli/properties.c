/* deeparc properties: removes or repeats blocks inside modules and, as a control, as many elsewhere, and follows what
 * the network still can do.
 *
 *     matrix (--similarity, or measured on training images) ── modules ── order ── networks ── curves
 */
#include "deeparc/cli/properties.h"
#include "deeparc/cli/record.h"
#include "deeparc/present/report.h"
#include "deeparc/measure.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/number.h"

#include <math.h>
#include <string.h>

/* ---- Options ---- */

/* "2/255" or "0.0078": a share of the pixel range. */
static da_status read_share(cli *c, const char *option, double *share) {
    const char *text = cli_text(c, option), *slash = strchr(text, '/');
    double value = 0, divisor = 1;
    const bool good = da_number_parse(text, slash ? (size_t)(slash - text) : strlen(text), &value) &&
                      (!slash || da_number_parse(slash + 1, strlen(slash + 1), &divisor));
    if (!good || !(value / divisor >= 0 && value / divisor <= 1))
        return cli_usage(c, "--%s '%.40s' must be a share of the pixel range, 0 to 1, such as 2/255", option, text);
    *share = value / divisor;
    return DA_OK;
}

static da_status check_options(cli *c) {
    static const char *const attack[] = { "epsilon", "steps", "step-size", "no-random-start", NULL };
    static const char *const names[] = { "names", NULL }, *const limit[] = { "limit", NULL };
    static const char *const among[] = { "among", NULL }, *const seed[] = { "seed", NULL };
    const bool given = cli_has(c, "similarity");
    const bool attacks = cli_int(c, "attack-limit") > 0, draws = attacks && !cli_flag(c, "no-random-start");
    if (!attacks) DA_TRY(cli_needless(c, attack, "nothing is attacked"));
    if (cli_int(c, "controls") == 0 && !draws)
        DA_TRY(cli_needless(c, seed, "neither controls nor the start of an attack are drawn"));
    if (!given) DA_TRY(cli_needless(c, names, "they belong to a matrix, and --similarity names none"));
    if (given && cli_flag(c, "no-probes")) DA_TRY(cli_needless(c, limit, "no training image is used"));
    return cli_int(c, "controls") == 0 ? cli_needless(c, among, "there are no controls") : DA_OK;
}

static void progress(void *context, int64_t done, int64_t total) { cli_progress(context, "measuring", done, total); }

static da_status set_options(study_result *r) {
    cli *c = r->c;
    da_properties_options *o = &r->options;
    *o = (da_properties_options){ .edit = (da_edit)cli_choice(c, "edit"),
                                  .most = (int)cli_int(c, "most"),
                                  .controls = (int)cli_int(c, "controls"),
                                  .among = (da_among)cli_choice(c, "among"),
                                  .seed = c->seed,
                                  .batch = cli_int(c, "batch"),
                                  .test = &r->test,
                                  .learn = cli_flag(c, "no-probes") ? NULL : &r->learn,
                                  .attacked = cli_int(c, "attack-limit"),
                                  .stop = &cli_stop,
                                  .progress = progress,
                                  .context = c };
    DA_TRY(read_share(c, "epsilon", &o->fgsm.epsilon));
    o->pgd = (da_attack_options){ .kind = DA_ATTACK_PGD, .epsilon = o->fgsm.epsilon, .steps = (int)cli_int(c, "steps"),
                                  .no_start = cli_flag(c, "no-random-start") };
    if (cli_has(c, "step-size")) DA_TRY(read_share(c, "step-size", &o->pgd.step));
    return da_attack_complete(&o->pgd); /* so that the record says what is in force */
}

/* ---- Modules ---- */

/* On training images: the test images tell the properties and choose nothing. */
static da_status measure_matrix(study_result *r) {
    da_measurement m = { 0 };
    da_measure_options options = { .progress = progress, .context = r->c };
    da_status status = da_measure(r->model, &r->learn, &options, &m);
    cli_progress_end(r->c);
    if (status == DA_OK && !(r->layers = da_strings_copy((const char *const *)m.names, m.layers))) status = DA_ERROR_MEMORY;
    if (status == DA_OK) status = matrix_partition(r->c, m.matrix, m.layers, &r->matrix.partition);
    if (status == DA_OK) {
        r->matrix.layers = m.layers;
        r->matrix.values = m.matrix;
        m.matrix = NULL;
    }
    da_measurement_free(&m);
    return status;
}

static da_status read_modules(study_result *r) {
    DA_TRY(matrix_open(r->c, &r->matrix));
    return matrix_units(r->c, &r->matrix, r->model, &r->layers);
}

/* ---- The command ---- */

static da_status load(study_result *r) {
    cli *c = r->c;
    DA_TRY(cli_model_open(c, &r->model, c->arguments[0]));
    DA_TRY(cli_model_normalize(c, r->model, c->arguments[0]));
    if (cli_has(c, "similarity")) DA_TRY(read_modules(r));
    if (cli_has(c, "similarity") && cli_flag(c, "no-probes"))
        DA_TRY(cli_data_load(c, &r->test, DA_TEST, cli_int(c, "test-limit")));
    else DA_TRY(cli_data_load_parts(c, &r->learn, &r->test));
    DA_TRY(da_model_hash(r->model, -1, r->hash));
    if (r->options.attacked > r->test.count) r->options.attacked = r->test.count;
    return da_feed_check(r->model, &r->test);
}

/* The page is made of the record, as `deeparc report` makes it. */
static da_status save_page(const study_result *r) {
    da_result *record;
    DA_TRY(record_tree(r->c, &record));
    da_status status = da_report_study_page(record, da_result_find(record, "run"), cli_text(r->c, "html"));
    da_result_free(record);
    return status;
}

/* What the line left open. */
static void note_settings(const study_result *r) {
    const da_properties_options *o = &r->options;
    char number[DA_NUMBER_TEXT];
    if (o->among == DA_AMONG_AUTO) run_note_setting(r->c, "among", "%s", r->p.anywhere ? "anywhere" : "outside");
    if (o->attacked > 0) run_note_setting(r->c, "step-size", "%s", da_number_text(number, o->pgd.step));
    run_note_setting(r->c, "attack-limit", "%lld", (long long)o->attacked);
    run_note_setting(r->c, "most", "%d", r->p.inside.edits);
    run_note_setting(r->c, "controls", "%d", r->p.controls);
}

static da_status study(study_result *r) {
    cli *c = r->c;
    cli_watch_interrupt(false);
    DA_TRY(check_options(c));
    DA_TRY(set_options(r));
    DA_TRY(load(r));
    const double begin = da_seconds();
    if (!cli_has(c, "similarity")) DA_TRY(measure_matrix(r));
    da_status status = da_properties_measure(r->model, &r->matrix.partition, (const char *const *)r->layers,
                                             &r->options, &r->p);
    cli_progress_end(c);
    if (status == DA_ERROR_INTERRUPTED)
        return DA_FAIL(status, "stopped after %.0f s, before all networks were measured: no file was written",
                       da_seconds() - begin);
    DA_TRY(status);
    r->seconds = da_seconds() - begin;
    note_settings(r);
    if (cli_has(c, "csv")) cli_aside(c, properties_csv(r, cli_text(c, "csv")));
    properties_put(r);
    if (cli_has(c, "html")) cli_aside(c, save_page(r));
    return DA_OK;
}

static da_status run(cli *c) {
    study_result r = { .c = c };
    da_status status = study(&r);
    da_properties_free(&r.p);
    da_free(r.layers);
    matrix_free(&r.matrix);
    da_model_free(r.model);
    da_dataset_free(&r.test);
    da_dataset_free(&r.learn);
    return status;
}

static const cli_option options[] = {
    { .name = "edit", .kind = CLI_CHOICE, .value = "remove|repeat", .initial = "remove",
      .help = "take blocks out, or put a copy behind each" },
    { .name = "most", .kind = CLI_INT, .value = "N", .initial = "0", .low = 0, .high = DA_MAX_UNITS,
      .help = "follow the first N blocks of the order; 0: all" },
    { .name = "similarity", .kind = CLI_TEXT, .value = "FILE.csv", .file = CLI_READS,
      .help = "cut modules from this matrix; without it, one is measured on the training images" },
    MATRIX_MODULES,
    MATRIX_NAMES,
    { .name = "controls", .kind = CLI_INT, .value = "N", .initial = "19", .low = 0, .high = 1000,
      .help = "random orders to compare with" },
    { .name = "among", .kind = CLI_CHOICE, .value = "auto|outside|anywhere|stages", .initial = "auto",
      .help = "what they choose among: blocks outside modules, all, or all only where too few are outside; "
              "stages: that in the stage of each block inside" },
    { .name = "epsilon", .kind = CLI_TEXT, .value = "E", .initial = "2/255",
      .help = "the largest change of a pixel by FGSM and PGD, as a share of its range" },
    { .name = "steps", .kind = CLI_INT, .value = "N", .initial = "10", .low = 1, .high = 10000, .help = "of PGD" },
    { .name = "step-size", .kind = CLI_TEXT, .value = "E", .help = "of PGD (2.5 epsilon / steps)" },
    { .name = "no-random-start", .kind = CLI_FLAG, .help = "PGD begins at the image itself" },
    { .name = "attack-limit", .kind = CLI_INT, .value = "N", .initial = "256", .low = 0, .high = 1e9,
      .help = "attack the first N test images; 0: none" },
    { .name = "no-probes", .kind = CLI_FLAG, .help = "measure no linear separability" },
    { .name = "batch", .kind = CLI_INT, .value = "N", .initial = "128", .low = 1, .high = 65536,
      .help = "images at a time" },
    { .name = "data", .kind = CLI_TEXT, .value = "D", .required = true,
      .help = "mnist, fashion-mnist, cifar10, cifar100, digits, or the folder of a whole set" },
    { .name = "data-dir", .kind = CLI_TEXT, .value = "DIR", .help = "look there first for sets that are named" },
    { .name = "normalize", .kind = CLI_TEXT, .value = "HOW", .help = "as in eval: replaces what the model records" },
    { .name = "limit", .kind = CLI_INT, .value = "N", .initial = "2560", .low = 0, .high = 1e9,
      .help = "the first N training images measure the similarity and teach the probes; 0: all" },
    { .name = "test-limit", .kind = CLI_INT, .value = "N", .initial = "0", .low = 0, .high = 1e9,
      .help = "the first N test images tell the properties; 0: all" },
    { .name = "csv", .kind = CLI_TEXT, .value = "FILE.csv", .file = CLI_WRITES,
      .help = "write every point there, a line a network" },
    { .name = "html", .kind = CLI_TEXT, .value = "FILE.html", .file = CLI_WRITES,
      .help = "write the curves there as a page" },
    RECORD_OPTION,
    { .name = NULL }
};

const cli_command cli_properties = {
    .name = "properties", .purpose = "follow what a network can do while blocks are removed or repeated",
    .arguments = "MODEL", .file = CLI_READS, .tables = CLI_SEED,
    .example = "properties resnet20.safetensors --data mnist --threshold 0.9 --linkage min --html rq2.html",
    .notes = "Inside modules in the order of Algorithm 2, and as a control as many blocks at random: accuracy, loss,\n"
             "divergence from the original (KL), accuracy under FGSM and PGD, and of linear probes on the last block.\n"
             "Nothing is trained again, and the test images choose nothing.",
    .options = options, .run = run
};
