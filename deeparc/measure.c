/* One pass over the data with an observer in it.
 *
 *     taps     "layer1.0"  "layer1.1"  "layer2.0" ...        the full names to wait for, in the order of the chain
 *     next         ^ moves on when the forward pass reports that name
 */
#include "deeparc/measure.h"

#include "core/memory.h"
#include "optim/evaluate.h"

#include <string.h>

const char *da_tap_name(da_tap tap) { return tap == DA_TAP_SUM ? "sum" : "output"; }

typedef struct pass {
    da_model      *model;
    da_graph      *graph;
    da_similarity *similarity;
    const char   **taps; /* borrowed from the model's layers */
    int            layers, next;
    da_status      status; /* of the first observation that failed */
} pass;

static void observe(void *context, const char *name, int depth, da_node *output) {
    pass *p = context;
    (void)depth;
    if (p->status != DA_OK || p->next == p->layers || strcmp(name, p->taps[p->next]) != 0) return;
    const da_tensor *features = da_node_value(output);
    int64_t samples = features->shape[0];
    p->status = da_similarity_observe(p->similarity, p->next++, da_tensor_floats(features), samples,
                                      da_tensor_count(features) / samples);
}

/* ---- Which units ---- */

static bool is_block(const da_layer *unit) { return unit->options.kind == DA_LAYER_RESIDUAL; }

static int count_blocks(const da_model *model) {
    int blocks = 0;
    for (int i = 0; i < model->unit_count; i++) blocks += is_block(model->units[i]);
    return blocks;
}

da_status da_measure_units(const da_model *model, da_measure_layers layers, int *units, int *count) {
    int blocks = count_blocks(model), found = 0;
    if (layers == DA_MEASURE_BLOCKS && blocks == 0)
        return DA_FAIL(DA_ERROR_ARGUMENT, "'%s' has no residual blocks to measure: measure all of its units",
                       model->architecture);
    for (int i = 0; i < model->unit_count; i++)
        if (layers == DA_MEASURE_ALL || blocks == 0 || is_block(model->units[i])) units[found++] = i;
    *count = found;
    return DA_OK;
}

/* Sets taps (room for every unit) and names. */
static da_status place_taps(pass *p, const da_measure_options *options, int *units, char ***names) {
    if (options->tap == DA_TAP_SUM && count_blocks(p->model) == 0)
        return DA_FAIL(DA_ERROR_ARGUMENT, "'%s' has no residual blocks whose sum could be tapped: tap the output",
                       p->model->architecture);
    DA_TRY(da_measure_units(p->model, options->layers, units, &p->layers));
    size_t bytes = (size_t)p->layers * sizeof **names;
    for (int i = 0; i < p->layers; i++) bytes += strlen(p->model->units[units[i]]->name) + 1;
    char **made = da_alloc(bytes);
    if (!made) return DA_ERROR_MEMORY;
    char *text = (char *)(made + p->layers);
    for (int i = 0; i < p->layers; i++) {
        const da_layer *unit = p->model->units[units[i]];
        p->taps[i] = options->tap == DA_TAP_SUM && is_block(unit) ? unit->sum_path : unit->path;
        size_t size = strlen(unit->name) + 1;
        made[i] = memcpy(text, unit->name, size);
        text += size;
    }
    *names = made;
    return DA_OK;
}

static da_status choose_units(pass *p, const da_measure_options *options, char ***names) {
    int *units = da_alloc((size_t)p->model->unit_count * sizeof *units);
    if (!units) return DA_ERROR_MEMORY;
    da_status status = place_taps(p, options, units, names);
    da_free(units);
    return status;
}

/* ---- The pass ---- */

static da_status run_batch(pass *p, da_batcher *batcher, int64_t step, float *images) {
    int64_t n = da_batcher_size(batcher, step);
    const int64_t *shape = p->model->input_shape;
    DA_TRY(da_batcher_read(batcher, 0, step, images, NULL, NULL));
    da_tensor input = da_tensor_over(images, DA_FLOAT32, 4, (int64_t[]){ n, shape[0], shape[1], shape[2] });
    da_forward forward = { .graph = p->graph, .observe = observe, .context = p };
    p->next = 0;
    da_graph_reset(p->graph);
    da_model_forward(p->model, &forward, da_graph_input(p->graph, &input));
    DA_TRY(da_graph_status(p->graph));
    DA_TRY(p->status);
    return da_similarity_end_batch(p->similarity);
}

static da_status run(pass *p, const da_dataset *data, const da_measure_options *options) {
    da_subset subset = { 0 };
    da_batcher batcher = { 0 };
    float *images = NULL;
    da_dataset view = dai_data_normalized(data, &p->model->normalization);
    DA_TRY(da_subset_first(&subset, &view, options->limit));
    da_status status = da_batcher_init(&batcher, &subset, &(da_batcher_options){ .batch_size = options->batch });
    if (status == DA_OK) {
        images = da_alloc((size_t)(batcher.largest * da_dataset_image_bytes(data)) * sizeof *images);
        if (!images) status = DA_ERROR_MEMORY;
    }
    int64_t steps = status == DA_OK ? da_batcher_steps(&batcher) : 0;
    for (int64_t step = 0; step < steps && status == DA_OK; step++) {
        status = run_batch(p, &batcher, step, images);
        if (status == DA_OK && options->progress) options->progress(options->context, step + 1, steps);
    }
    da_free(images);
    da_batcher_free(&batcher);
    da_subset_free(&subset);
    return status;
}

static da_status conclude(const pass *p, da_measurement *m) {
    size_t pairs = (size_t)p->layers * (size_t)p->layers;
    m->layers = p->layers;
    m->matrix = da_alloc(pairs * sizeof *m->matrix);
    m->standard_error = da_alloc(pairs * sizeof *m->standard_error);
    m->states = da_alloc((size_t)p->layers * sizeof *m->states);
    if (!m->matrix || !m->standard_error || !m->states) return DA_ERROR_MEMORY;
    DA_TRY(da_similarity_matrix(p->similarity, m->matrix, m->standard_error));
    for (int i = 0; i < p->layers; i++) m->states[i] = da_similarity_state(p->similarity, i);
    m->batches = da_similarity_batches(p->similarity);
    m->skipped = da_similarity_skipped(p->similarity);
    m->samples = da_similarity_samples(p->similarity);
    return DA_OK;
}

static da_status measure(pass *p, const da_dataset *data, const da_measure_options *options, da_measurement *m) {
    p->taps = da_alloc((size_t)p->model->unit_count * sizeof *p->taps);
    if (!p->taps) return DA_ERROR_MEMORY;
    DA_TRY(choose_units(p, options, &m->names));
    DA_TRY(da_graph_new(&p->graph));
    da_graph_set_recording(p->graph, false);
    DA_TRY(da_similarity_new(&p->similarity, p->layers, options->batch));
    DA_TRY(run(p, data, options));
    return conclude(p, m);
}

da_status da_measure(da_model *model, const da_dataset *data, const da_measure_options *options, da_measurement *out) {
    da_measure_options o = *options;
    if (o.batch == 0) o.batch = 256;
    DA_TRY(dai_data_check(model, data));
    if (!model->normalization.known)
        return DA_FAIL(DA_ERROR_ARGUMENT, "'%s' does not say how its inputs are normalised: set its normalisation",
                       model->architecture);
    int64_t samples = o.limit > 0 && o.limit < data->count ? o.limit : data->count;
    if (o.batch > samples) o.batch = samples > DA_LEAST_BATCH ? samples : DA_LEAST_BATCH; /* memory follows the data */
    pass p = { .model = model };
    da_measurement m = { .tap = o.tap, .batch = o.batch };
    da_status status = measure(&p, data, &o, &m);
    da_similarity_free(p.similarity);
    da_graph_free(p.graph);
    da_free(p.taps);
    if (status == DA_OK) *out = m;
    else da_measurement_free(&m);
    return status;
}

void da_measurement_free(da_measurement *m) {
    da_free(m->names);
    da_free(m->matrix);
    da_free(m->standard_error);
    da_free(m->states);
    memset(m, 0, sizeof *m);
}
