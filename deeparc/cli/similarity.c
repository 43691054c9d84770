/* deeparc similarity: the CKA of every pair of units, in one pass over the test images. */
#include "deeparc/cli/matrix.h"
#include "deeparc/cli/record.h"
#include "deeparc/measure.h"

#include "core/csv.h"

typedef struct result {
    cli *c;
    const da_model *model;
    const da_dataset *data;
    const da_measurement *m;
    const da_partition *partition;
    double seconds;
} result;

static void put_matrix(da_json_writer *to, const char *key, const double *values, int layers) {
    da_json_key(to, key);
    da_json_begin_array(to);
    for (int i = 0; i < layers; i++) {
        da_json_begin_array(to);
        for (int j = 0; j < layers; j++) da_json_put_double(to, values[i * layers + j]);
        da_json_end(to);
    }
    da_json_end(to);
}

/* Every setting that changes the values stands beside them. */
static void members(const void *context, da_json_writer *to) {
    const result *r = context;
    const da_measurement *m = r->m;
    record_text(to, "architecture", r->model->architecture);
    record_text(to, "data", r->data->name);
    record_text(to, "split", cli_split_name(cli_split(r->c)));
    record_text(to, "measure", "linear CKA");
    record_text(to, "estimator", da_hsic_name(DA_HSIC_UNBIASED));
    record_text(to, "tap", da_tap_name(m->tap));
    record_text(to, "features", "flattened");
    record_text(to, "batch_norm", "running statistics");
    record_int(to, "batch", m->batch);
    record_int(to, "batches", m->batches);
    record_int(to, "batches_skipped", m->skipped);
    record_int(to, "samples", m->samples);
    record_real(to, "seconds", r->seconds);
    matrix_record(r->c, to, m->names, r->partition);
    put_matrix(to, "matrix", m->matrix, m->layers);
    put_matrix(to, "standard_error", m->standard_error, m->layers);
}

static double largest_error(const da_measurement *m) {
    double largest = 0;
    for (int i = 0; i < m->layers * m->layers; i++)
        if (m->standard_error[i] > largest) largest = m->standard_error[i];
    return largest;
}

static da_status print(const result *r) {
    cli *c = r->c;
    const da_measurement *m = r->m;
    cli_print(c, "linear CKA, unbiased, of %d units of %s on %lld images of %s (%s): %lld batches of %lld, %.1f s\n\n",
              m->layers, r->model->architecture, (long long)m->samples, r->data->name, cli_split_name(cli_split(c)),
              (long long)m->batches, (long long)m->batch, r->seconds);
    DA_TRY(matrix_draw(c, m->matrix, m->layers, m->names, r->partition));
    cli_print(c, "\n");
    matrix_print_modules(c, m->names, r->partition);
    cli_print(c, "largest standard error over batches: %.4f\n", largest_error(m));
    for (int i = 0; i < m->layers; i++)
        if (m->states[i] != DA_LAYER_ALIVE)
            cli_print(c, "%s has no similarity to any other: %s\n", m->names[i], da_layer_state_reason(m->states[i]));
    return DA_OK;
}

static void progress(void *context, int64_t done, int64_t batches) {
    cli_progress(context, "measuring", done, batches);
}

static da_status measure(cli *c, da_model *model, const da_dataset *data, da_measurement *m) {
    da_measure_options options = { .layers = (da_measure_layers)cli_choice(c, "layers"),
                                   .tap = (da_tap)cli_choice(c, "tap"),
                                   .batch = cli_int(c, "batch"),
                                   .progress = progress,
                                   .context = c };
    da_status status = da_measure(model, data, &options, m);
    cli_progress_end(c);
    return status;
}

static da_status conclude(cli *c, const result *r) {
    const da_measurement *m = r->m;
    const char *path = cli_text(c, "out");
    if (path) DA_TRY(da_csv_write(path, m->layers, m->layers, m->matrix, NULL));
    DA_TRY(record_write(c, members, r));
    return print(r);
}

static da_status similarity_run(cli *c) {
    da_dataset data = { 0 };
    da_model *model = NULL;
    da_measurement m = { 0 };
    da_partition partition = { 0 };
    DA_TRY(cli_writable(cli_text(c, "out")));
    DA_TRY(cli_writable(cli_text(c, "record")));
    da_status status = cli_data_load(c, &data, cli_split(c), cli_int(c, "limit"));
    if (status == DA_OK) status = cli_model_open(c, &model, c->arguments[0], &data);
    double begin = cli_seconds();
    if (status == DA_OK) status = measure(c, model, &data, &m);
    double seconds = cli_seconds() - begin;
    if (status == DA_OK) status = matrix_partition(c, m.matrix, m.layers, &partition);
    if (status == DA_OK) status = conclude(c, &(result){ c, model, &data, &m, &partition, seconds });
    da_partition_free(&partition);
    da_measurement_free(&m);
    da_model_free(model);
    da_dataset_free(&data);
    return status;
}

static const cli_option options[] = {
    { .name = "out", .kind = CLI_TEXT, .value = "FILE.csv",
      .help = "write the matrix there: numbers only, a row a unit" },
    { .name = "layers", .kind = CLI_CHOICE, .value = "default|blocks|all", .initial = "default",
      .help = "residual blocks where there are some; all: every unit of the chain" },
    { .name = "tap", .kind = CLI_CHOICE, .value = "output|sum", .initial = "output",
      .help = "a block's output, or its sum before the ReLU" },
    { .name = "batch", .kind = CLI_INT, .value = "N", .initial = "256", .low = 4, .high = 65536,
      .help = "samples compared at a time" },
    MATRIX_MODULES,
    RECORD_OPTION,
    { .name = NULL }
};

const cli_command cli_similarity = {
    .name = "similarity", .purpose = "measure how similar the layers of a model are to each other",
    .arguments = "MODEL",
    .example = "similarity resnet20.safetensors --data mnist --out cka.csv --record similarity.json",
    .notes = "Linear CKA with the unbiased HSIC estimator over mini-batches (Nguyen, Raghu, Kornblith 2021),\n"
             "inference mode, features flattened. Threshold and linkage only decide which module boundaries are\n"
             "drawn.",
    .tables = CLI_DATA | CLI_SPLIT, .options = options, .run = similarity_run
};
