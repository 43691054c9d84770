/* deeparc similarity: how similar all pairs of layers are, in one pass over training images, as what a matrix decides the
 * test images must not decide; or the layers of one model and those of another, or of the same on other data. */
#include "deeparc/cli/dominant.h"
#include "deeparc/cli/matrix.h"
#include "deeparc/cli/record.h"
#include "deeparc/measure.h"

#include "core/csv.h"
#include "core/file.h"
#include "core/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct result {
    cli *c;
    da_model  *model, *against;            /* against: NULL, or of --against */
    da_dataset data, against_data;         /* against_data: all zero, or of --against-data */
    da_measurement m;
    da_partition   partition;              /* of a square matrix */
    int64_t part, parts;                   /* of --part K/N: 1..parts; 1 of 1 without it */
    double seconds;
    char   hash[65];                       /* of the model's values: whose matrix it is */
} result;

/* Is it one side against another? Then the matrix is neither symmetric nor cut into modules. */
static bool has_sides(const cli *c) { return cli_has(c, "against") || cli_has(c, "against-data"); }

static dominant_numbers numbers_of(const result *r) {
    return (dominant_numbers){ r->part - 1, r->parts, r->data.labels };
}

/* ---- The result ---- */

static void put_matrix(da_result *to, const char *key, const double *values, const da_measurement *m) {
    da_result *rows = da_result_list(to, key);
    for (int i = 0; i < m->layers; i++) da_result_reals(rows, NULL, values + i * m->columns, m->columns);
}

/* Every setting that changes the values stands beside them. */
static void put_settings(const result *r, da_result *to) {
    const da_measurement *m = &r->m;
    const da_similarity_options *s = &m->options.similarity;
    bool cka = s->comparison == DA_COMPARE_CKA;
    da_result_put(to, "architecture", da_word(r->model->architecture));
    da_result_put(to, "hash", da_digest(r->hash));
    da_result_put(to, "data", da_word(r->data.name));
    if (r->against) da_result_put(to, "against", da_word(r->against->architecture));
    if (r->against_data.images) da_result_put(to, "against_data", da_word(r->against_data.name));
    da_result_put(to, "split", da_word(cli_part_name(&r->data, cli_split(r->c))));
    if (r->parts > 1) da_result_put(to, "part", da_word(cli_text(r->c, "part")));
    da_result_put(to, "measure", da_word(da_similarity_name(s)));
    da_result_put(to, "estimator", da_word(cka ? da_hsic_name(s->hsic) : "none"));
    if (cka && s->kernel == DA_KERNEL_RBF) da_result_put(to, "sigma_fraction", da_real(s->sigma_fraction));
    if (s->without_first_component) da_result_put(to, "without_first_component", da_flag(true));
    da_result_put(to, "tap", da_word(da_tap_name(m->options.tap)));
    da_result_put(to, "features", da_word(da_pool_mode_name(m->options.pool)));
    da_result_put(to, "batch_norm", da_word(da_norm_mode_name(m->options.norm)));
    da_result_put(to, "batch", da_whole(m->batch));
    da_result_put(to, "passes", da_whole(m->options.passes));
    da_result_put(to, "batches", da_whole(m->batches));
    da_result_put(to, "batches_skipped", da_whole(m->skipped));
    da_result_put(to, "samples", da_whole(m->samples));
    da_result_put(to, "seconds", da_real(r->seconds));
}

static void say_settings(const result *r, da_result *to) {
    const da_measurement *m = &r->m;
    const da_similarity_options *s = &m->options.similarity;
    da_result_say(to, "%s, %s%s, of %s of %s on %s of %s (%s): %s of %lld, %.1f s\n",
                  da_similarity_name(s), da_similarity_estimator(s), s->without_first_component ? ", without the first component" : "",
                  da_count(m->layers, "layer").text, r->model->architecture, da_count(m->samples, "image").text,
                  r->data.name, cli_part_name(&r->data, cli_split(r->c)), da_count(m->batches, "batch").text, (long long)m->batch,
                  r->seconds);
    if (has_sides(r->c))
        da_result_say(to, "against %s of %s on %s\n", da_count(m->columns, "layer").text,
                      (r->against ? r->against : r->model)->architecture,
                      r->against_data.images ? r->against_data.name : r->data.name);
    da_result_say(to, "\n");
}

static const char *layer_name(const da_measurement *m, int layer) { /* layers, then those of the other side */
    return layer < m->layers ? m->names[layer] : m->column_names[layer - m->layers];
}

static int all_layers(const result *r) { return r->m.layers + (has_sides(r->c) ? r->m.columns : 0); }

/* A line a layer: its counterpart of the same name, and what it is most similar to. */
static void put_sides(const result *r, da_result *to) {
    static const da_column columns[] = {
        { .label = "layer" }, { .label = "counterpart", .format = ".4" }, { .label = "error", .format = ".4" },
        { .label = "most similar" }, { .label = "", .format = ".4" } };
    const da_measurement *m = &r->m;
    da_result_words(to, "names", (const char *const *)m->names, m->layers);
    da_result_words(to, "column_names", (const char *const *)m->column_names, m->columns);
    da_result *table = da_result_table(to, NULL, columns, 5);
    for (int i = 0; i < m->layers; i++) {
        const double *row = m->matrix + i * m->columns, *errors = m->standard_error + i * m->columns;
        int best = 0, same = -1;
        for (int j = 0; j < m->columns; j++) {
            if (row[j] > row[best]) best = j;
            if (strcmp(m->names[i], m->column_names[j]) == 0) same = j;
        }
        da_row(table, da_word(m->names[i]), same < 0 ? da_absent() : da_real(row[same]),
               same < 0 ? da_absent() : da_real(errors[same]), da_word(m->column_names[best]), da_real(row[best]));
    }
}

/* NaN: there is none but those of layers with themselves. */
static double largest_error(const da_measurement *m) {
    double largest = (double)NAN;
    const bool one_side = m->column_names == m->names;
    for (int i = 0; i < m->layers * m->columns; i++) {
        if (m->batches == 1 || (one_side && i / m->columns == i % m->columns)) continue;
        largest = fmax(largest, m->standard_error[i]); /* of a number and NaN, the number */
    }
    return largest;
}

static void put_errors(const result *r, da_result *to) {
    const da_measurement *m = &r->m;
    char error[CLI_CELL];
    da_result_say(to, "largest standard error over batches: %s%s\n", cli_cell(error, largest_error(m), 4),
                  m->batches > 1 ? "" : ", unknown of one batch");
    put_matrix(to, "matrix", m->matrix, m);
    put_matrix(to, "standard_error", m->standard_error, m);
}

static void put_layers(const result *r, da_result *to) {
    static const da_column columns[] = { { .key = "name" }, { .key = "layer" }, { .key = "reason" } };
    const da_measurement *m = &r->m;
    da_result *widths = da_result_list(to, "widths"), *dead = da_result_table(to, "dead", columns, 3);
    for (int l = 0; l < all_layers(r); l++) {
        da_result_put(widths, NULL, da_whole(m->widths[l]));
        if (m->states[l] == DA_LAYER_ALIVE) continue;
        const char *reason = da_layer_state_reason(m->states[l]);
        da_row(dead, da_word(layer_name(m, l)), da_whole(l), da_word(reason));
        da_result_say(to, "%s has no similarity to any other: %s\n", layer_name(m, l), reason);
    }
}

static da_status put_result(const result *r) {
    da_result *to = r->c->result;
    const da_measurement *m = &r->m;
    put_settings(r, to);
    say_settings(r, to);
    if (has_sides(r->c)) put_sides(r, to);
    else {
        DA_TRY(matrix_draw(to, m->matrix, m->layers, m->names, &r->partition));
        da_result_say(to, "\n");
        matrix_result(r->c, to, m->names, &r->partition);
    }
    put_errors(r, to);
    if (m->dominant) {
        dominant_numbers numbers = numbers_of(r);
        dominant_put(to, m, &numbers);
    }
    put_layers(r, to);
    return DA_OK;
}

/* Biased values of wide layers mean little: says how little. So do those of Procrustes. */
static void warn_of_bias(const result *r) {
    const da_measurement *m = &r->m;
    const da_similarity_options *s = &m->options.similarity;
    bool rises = da_similarity_rises_with_width(s);
    int widest = 0;
    if (!rises
        && (s->comparison != DA_COMPARE_CKA || s->kernel != DA_KERNEL_LINEAR || s->hsic != DA_HSIC_BIASED))
        return;
    for (int l = 1; l < all_layers(r); l++)
        if (m->widths[l] > m->widths[widest]) widest = l;
    const char *name = layer_name(m, widest);
    long long width = (long long)m->widths[widest], batch = (long long)m->batch;
    if (width <= batch) return;
    if (rises)
        cli_note(r->c, "%s: %s has %lld features in batches of %lld samples; the more features, the nearer "
                 "noise of that width scores to 1: --pool gap or a larger --batch help", da_similarity_name(s), name, width, batch);
    else
        cli_note(r->c, "biased: %s has %lld features in batches of %lld samples; noise of that width scores %.3f "
                 "against other noise", name, width, batch, da_similarity_noise(batch, width, width));
}

/* ---- The run ---- */

static void progress(void *context, int64_t done, int64_t batches) {
    cli_progress(context, "measuring", done, batches);
}

/* Options that another one makes meaningless. */
static da_status check_measure(cli *c) {
    static const char *const of_cka[] = { "estimator", "kernel", "without-first-component", "dominant", NULL };
    bool cka = cli_choice(c, "measure") == DA_COMPARE_CKA, rbf = cli_choice(c, "kernel") == DA_KERNEL_RBF;
    for (int i = 0; of_cka[i]; i++)
        if (!cka && cli_given(c, of_cka[i])) return cli_usage(c, "--%s belongs to --measure cka", of_cka[i]);
    for (int i = 2; of_cka[i]; i++)
        if (rbf && cli_given(c, of_cka[i])) return cli_usage(c, "--%s belongs to --kernel linear", of_cka[i]);
    if (cli_given(c, "sigma-fraction") && !(cka && rbf))
        return cli_usage(c, "--sigma-fraction belongs to --kernel rbf");
    return DA_OK;
}

static da_status check_dominant(cli *c) {
    static const char *const against[] = { "against", "against-data", "state", NULL };
    if (!cli_has(c, "dominant")) {
        if (cli_given(c, "dominant-images")) return cli_usage(c, "--dominant-images belongs to --dominant FILE.csv");
        return DA_OK;
    }
    for (int i = 0; against[i]; i++)
        if (cli_has(c, against[i])) return cli_usage(c, "--dominant and --%s exclude each other", against[i]);
    if (cli_int(c, "passes") > 1) return cli_usage(c, "--dominant needs one pass: every image counts once");
    return DA_OK;
}

static da_status check_options(cli *c) {
    static const char *const of_square[] = { "threshold", "linkage", NULL };
    DA_TRY(check_measure(c));
    DA_TRY(check_dominant(c));
    if (cli_given(c, "seed") && cli_int(c, "passes") == 1)
        return cli_usage(c, "--seed has no effect on one pass, which takes the images in their order: --passes N");
    for (int i = 0; of_square[i]; i++)
        if (has_sides(c) && cli_given(c, of_square[i]))
            return cli_usage(c, "--%s needs the matrix of one model with itself, without --against", of_square[i]);
    return DA_OK;
}

static da_status take_part(result *r) {
    const char *text = cli_text(r->c, "part");
    char *slash, *end;
    r->part = r->parts = 1;
    if (!text) return DA_OK;
    r->part = strtol(text, &slash, 10);
    if (slash != text && *slash == '/') {
        r->parts = strtol(slash + 1, &end, 10);
        if (end != slash + 1 && !*end && 1 <= r->part && r->part <= r->parts && r->parts <= 1000) return DA_OK;
    }
    return cli_usage(r->c, "--part is K/N with 1 <= K <= N <= 1000, as 1/2, not '%s'", text);
}

static da_status keep_part(const result *r, da_dataset *data) {
    if (r->parts == 1) return DA_OK;
    DA_TRY(da_dataset_part(data, r->part, r->parts));
    return run_note_data(r->c, cli_split_name(cli_split(r->c)), data);
}

static da_measure_options read_options(cli *c) {
    static const char *const kinds[] = { "default", "blocks", "all" }; /* the enum's order */
    const char *layers = cli_text(c, "layers");
    da_measure_options o = {
        .glob = layers, .tap = (da_tap)cli_choice(c, "tap"), .pool = (da_pool_mode)cli_choice(c, "pool"),
        .norm = (da_norm_mode)cli_choice(c, "norm"), .batch = cli_int(c, "batch"), .passes = (int)cli_int(c, "passes"),
        .seed = c->seed, .state = cli_text(c, "state"), .progress = progress, .context = c,
        .similarity = { (da_comparison)cli_choice(c, "measure"), (da_hsic)cli_choice(c, "estimator"),
                        (da_kernel)cli_choice(c, "kernel"), cli_real(c, "sigma-fraction"), false,
                        cli_flag(c, "without-first-component") },
        .dominant = cli_has(c, "dominant") ? (int)cli_int(c, "dominant-images") : 0
    };
    for (int k = DA_MEASURE_DEFAULT; k <= DA_MEASURE_ALL; k++)
        if (strcmp(layers, kinds[k]) == 0) {
            o.glob = NULL;
            o.layers = (da_measure_layers)k;
        }
    return o;
}

static da_status load(result *r) {
    cli *c = r->c;
    const char *against = cli_text(c, "against"), *other = cli_text(c, "against-data");
    DA_TRY(cli_model_open(c, &r->model, c->arguments[0]));
    if (against) DA_TRY(cli_model_open(c, &r->against, against));
    da_measure_options options = read_options(c);
    DA_TRY(da_measure_check(r->model, &options));
    if (against) DA_TRY(da_measure_check(r->against, &options));
    DA_TRY(cli_data_load(c, &r->data, cli_split(c), cli_int(c, "limit")));
    if (other) DA_TRY(cli_data_load_named(c, &r->against_data, other, cli_split(c), cli_int(c, "limit")));
    DA_TRY(keep_part(r, &r->data));
    if (other) DA_TRY(keep_part(r, &r->against_data));
    DA_TRY(da_model_hash(r->model, -1, r->hash));
    DA_TRY(da_feed_check(r->model, &r->data));
    return against || other ? da_feed_check(against ? r->against : r->model, other ? &r->against_data : &r->data)
                            : DA_OK;
}

static da_status measure(result *r) {
    cli *c = r->c;
    da_measure_options options = read_options(c);
    options.against = r->against;
    options.against_data = r->against_data.images ? &r->against_data : NULL;
    if (options.state) {
        cli_watch_interrupt(true);
        options.stop = &cli_stop;
    }
    double begin = da_seconds();
    da_status status = da_measure(r->model, &r->data, &options, &r->m);
    r->seconds = da_seconds() - begin;
    cli_progress_end(c);
    if (status == DA_ERROR_INTERRUPTED) return da_fail_context("the same line goes on from '%s': ", options.state);
    DA_TRY(status);
    if (r->m.trouble[0]) cli_aside(c, DA_FAIL(DA_ERROR_IO, "%s", r->m.trouble));
    if (r->m.resumed > 0) cli_note(c, "continued after %s of '%s'", da_count(r->m.resumed, "batch").text, options.state);
    return DA_OK;
}

static da_status save_pictures(const result *r) {
    const da_measurement *m = &r->m;
    bool sides = has_sides(r->c);
    char title[240];
    int used = snprintf(title, sizeof title, "%s of %.60s on %.40s", da_similarity_name(&m->options.similarity),
                        r->model->architecture, r->data.name);
    if (sides)
        snprintf(title + used, sizeof title - (size_t)used, " (rows), of %.60s on %.40s",
                 (r->against ? r->against : r->model)->architecture,
                 r->against_data.images ? r->against_data.name : r->data.name);
    return matrix_save_pictures(r->c, &(da_heatmap_chart){ .title = title, .matrix = m->matrix, .layers = m->layers,
        .names = (const char *const *)m->names, .columns = sides ? m->columns : 0,
        .column_names = (const char *const *)m->column_names, .partition = sides ? NULL : &r->partition });
}

/* An empty field is an error that is unknown. */
static da_status save_errors(const da_measurement *m, const char *path) {
    char text[DA_NUMBER_TEXT];
    da_file_writer *file;
    DA_TRY(da_file_create(&file, path));
    for (int i = 0; i < m->layers * m->columns; i++) /* commit reports the first failure */
        (void)da_file_printf(file, "%s%c", isnan(m->standard_error[i]) ? "" : da_number_text(text, m->standard_error[i]),
                             (i + 1) % m->columns ? ',' : '\n');
    return da_file_commit(file);
}

static void save(const result *r) {
    cli *c = r->c;
    const da_measurement *m = &r->m;
    const char *out = cli_text(c, "out"), *errors = cli_text(c, "errors");
    if (out) cli_aside(c, da_csv_write(out, m->layers, m->columns, m->matrix, NULL));
    if (errors) cli_aside(c, save_errors(m, errors));
    if (m->dominant) {
        dominant_numbers numbers = numbers_of(r);
        cli_aside(c, dominant_save(cli_text(c, "dominant"), m, &numbers));
    }
    cli_aside(c, save_pictures(r));
}

static da_status run(result *r) {
    cli *c = r->c;
    DA_TRY(check_options(c));
    DA_TRY(take_part(r));
    DA_TRY(load(r));
    DA_TRY(measure(r));
    run_note_setting(c, "batch", "%lld", (long long)r->m.batch);
    run_note_setting(c, "part", "%lld/%lld", (long long)r->part, (long long)r->parts);
    warn_of_bias(r);
    if (cli_split(c) == DA_TEST && !r->data.one_file)
        cli_note(c, "test images: what this matrix decides, the test set has decided (--split train)");
    if (!has_sides(c)) DA_TRY(matrix_partition(c, r->m.matrix, r->m.layers, &r->partition));
    save(r);
    return put_result(r);
}

static da_status similarity_run(cli *c) {
    result r = { .c = c };
    da_status status = run(&r);
    da_partition_free(&r.partition);
    da_measurement_free(&r.m);
    da_model_free(r.against);
    da_model_free(r.model);
    da_dataset_free(&r.against_data);
    da_dataset_free(&r.data);
    return status;
}

static const cli_option options[] = {
    { .name = "out", .kind = CLI_TEXT, .value = "FILE.csv", .file = CLI_WRITES,
      .help = "write the matrix there: numbers only, a row a layer" },
    { .name = "errors", .kind = CLI_TEXT, .value = "FILE.csv", .file = CLI_WRITES,
      .help = "write the standard errors there; an empty field where it is unknown" },
    { .name = "split", .kind = CLI_CHOICE, .value = "test|train", .initial = "train",
      .help = "which part of the data; what is decided by a matrix of test images, the test set has decided" },
    { .name = "layers", .kind = CLI_TEXT, .value = "default|blocks|all|GLOB", .initial = "default",
      .help = "residual blocks where there are some; every unit; or all layers whose names match: 'layer2.*.bn?'" },
    { .name = "tap", .kind = CLI_CHOICE, .value = "output|sum", .initial = "output",
      .help = "a block's output, or its sum before the ReLU" },
    { .name = "pool", .kind = CLI_CHOICE, .value = "flatten|gap", .initial = "flatten",
      .help = "all values of an output, or a mean a channel" },
    { .name = "norm", .kind = CLI_CHOICE, .value = "inference|batch", .initial = "inference",
      .help = "batch norms use running statistics, or each batch's own" },
    { .name = "measure", .kind = CLI_CHOICE, .value = CLI_WORDS(DA_COMPARISONS), .initial = "cka",
      .help = "CKA; the correlation of distances between samples; what the best rotation leaves (slow: 4 batch^3)" },
    { .name = "estimator", .kind = CLI_CHOICE, .value = "unbiased|biased", .initial = "unbiased", .help = "of CKA" },
    { .name = "kernel", .kind = CLI_CHOICE, .value = "linear|rbf", .initial = "linear", .help = "of CKA" },
    { .name = "sigma-fraction", .kind = CLI_REAL, .value = "F", .initial = "0.5", .low = 1e-6, .high = 1e6,
      .help = "kernel rbf: sigma, in medians of the distances of a batch" },
    { .name = "without-first-component", .kind = CLI_FLAG,
      .help = "linear CKA: take each layer's first principal component (of each batch) out before comparing" },
    { .name = "dominant", .kind = CLI_TEXT, .value = "FILE.csv", .file = CLI_WRITES,
      .help = "linear CKA: write the images there that dominate the first component of each layer" },
    { .name = "dominant-images", .kind = CLI_INT, .value = "N", .initial = "10", .low = 1, .high = 10000,
      .help = "so many of them a layer" },
    { .name = "batch", .kind = CLI_INT, .value = "N", .initial = "256", .low = 4, .high = 65536,
      .help = "samples compared at a time" },
    { .name = "passes", .kind = CLI_INT, .value = "N", .initial = "1", .low = 1, .high = 1000,
      .help = "over the images; several: each in another order, so that other samples meet" },
    { .name = "part", .kind = CLI_TEXT, .value = "K/N",
      .help = "only every N-th image, from the K-th on: 1/2 and 2/2 are halves, for 'stability'" },
    { .name = "against", .kind = CLI_TEXT, .value = "MODEL", .file = CLI_READS,
      .help = "compare with the layers of this model instead" },
    { .name = "against-data", .kind = CLI_TEXT, .value = "D",
      .help = "... or of the model on these images, one for one" },
    { .name = "state", .kind = CLI_TEXT, .value = "FILE.json", .file = CLI_READS | CLI_WRITES,
      .help = "keep the sums there; the same line goes on from it after Ctrl-C" },
    MATRIX_MODULES,
    MATRIX_PICTURES,
    RECORD_OPTION,
    { .name = NULL }
};

const cli_command cli_similarity = {
    .name = "similarity", .purpose = "measure how similar the layers of a model are to each other",
    .arguments = "MODEL", .file = CLI_READS,
    .example = "similarity resnet20.safetensors --data mnist --out cka.csv --record similarity.json",
    .notes = "CKA with the unbiased HSIC estimator over mini-batches (Nguyen, Raghu, Kornblith 2021), inference\n"
             "mode, features flattened, unless options say otherwise. Threshold and linkage only decide which\n"
             "module boundaries are drawn.",
    .tables = CLI_DATA | CLI_SEED, .options = options, .run = similarity_run
};
