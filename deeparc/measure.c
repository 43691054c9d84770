/* Passes over the data with an observer in them.
 *
 *     side 0   model,   its taps   "layer1.0"  "layer1.1"  "layer2.0" ...     layers 0.. of the accumulator
 *     side 1   against, its taps   "layer1.0"  ...                          the layers behind them; often there is none
 *                                     ^ `next` moves on when the forward pass reports that name
 */
#include "deeparc/measure.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/sha256.h"
#include "deeparc/dominant.h"
#include "deeparc/features.h"
#include "deeparc/measure_state.h"
#include "deeparc/taps.h"
#include "deeparc/text.h"
#include "optim/feed.h"

#include <stdio.h>
#include <string.h>

enum { STATE_EVERY = 16 }; /* batches */

const char *da_tap_name(da_tap tap) { return tap == DA_TAP_SUM ? "sum" : "output"; }
const char *da_pool_mode_name(da_pool_mode pool) { return pool == DA_POOL_AVERAGE ? "global average" : "flattened"; }
const char *da_norm_mode_name(da_norm_mode norm) {
    return norm == DA_NORM_BATCH ? "batch statistics" : "running statistics";
}

typedef struct side {
    da_model  *model, *copy;  /* copy: NULL, or what `model` is: batch norms in batch mode move running statistics */
    dai_taps   taps;
    da_feed    feed;
    float     *pooled;
} side;

typedef struct pass {
    const da_measure_options *options;
    side           sides[2];
    int            side_count, layers; /* layers: of both sides */
    da_graph      *graph;
    da_similarity *similarity;
    da_dominant   *dominant;  /* layers x options->dominant */
    da_text        settings;  /* of the state file */
    char           trouble[DA_MEASURE_TROUBLE];
    da_file_lock  *lock;      /* on it: what another process saves in between would be lost, or this run's sums */
    int64_t        resumed;
    const side    *now;       /* whose forward pass runs */
    int            next, offset;
    da_status      status;    /* of the first observation that failed */
} pass;

/* ---- Observing ---- */

static void observe(void *context, const char *name, int depth, da_node *output) {
    pass *p = context;
    const dai_taps *taps = &p->now->taps;
    (void)depth;
    if (p->status != DA_OK || p->next == taps->count || strcmp(name, taps->paths[p->next]) != 0) return;
    const da_tensor *t = da_node_value(output);
    const float *features = da_tensor_floats(t);
    int64_t samples = t->shape[0];
    if (p->options->pool == DA_POOL_AVERAGE && t->ndim == 4) {
        da_pool_average(t, p->now->pooled);
        features = p->now->pooled;
    }
    p->status = da_similarity_observe(p->similarity, p->offset + p->next, features, samples, taps->widths[p->next]);
    p->next++;
}

/* Is it one of the taps that are still to come? */
static bool wants(void *context, const char *name) {
    const pass *p = context;
    const dai_taps *taps = &p->now->taps;
    for (int t = p->next; t < taps->count; t++)
        if (strcmp(name, taps->paths[t]) == 0) return true;
    return false;
}

/* ---- Sides ---- */

static void still_dropout(da_layer *layer) {
    if (layer->options.kind == DA_LAYER_DROPOUT) layer->options.probability = 0;
    for (int i = 0; i < layer->child_count; i++) still_dropout(layer->children[i]);
}

/* A copy that may train: then batch norms use the batch's statistics. Nothing of it is frozen or dropped. */
static da_status copy_to_train(side *s) {
    DA_TRY(da_model_copy(&s->copy, s->model));
    s->model = s->copy;
    da_model_freeze_all(s->copy, false);
    for (int i = 0; i < s->copy->unit_count; i++) still_dropout(s->copy->units[i]);
    return DA_OK;
}

static da_status open_side(side *s, da_model *model, const da_dataset *data, const da_measure_options *o) {
    const da_feed_options feed = { .limit = o->limit, .batches = { .batch_size = o->batch, .shuffle = o->passes > 1,
                                                                   .seed = o->seed } };
    s->model = model;
    DA_TRY(da_feed_open(&s->feed, model, data, &feed));
    if (o->norm == DA_NORM_BATCH) DA_TRY(copy_to_train(s));
    DA_TRY(dai_taps_choose(&s->taps, s->model, o));
    s->pooled = da_alloc((size_t)(s->feed.batcher.largest * s->taps.channels) * sizeof *s->pooled);
    return s->pooled ? DA_OK : DA_ERROR_MEMORY;
}

static void close_side(side *s) {
    da_free(s->pooled);
    da_feed_close(&s->feed);
    dai_taps_free(&s->taps);
    da_model_free(s->copy);
}

static da_status open_sides(pass *p, da_model *model, const da_dataset *data) {
    const da_measure_options *o = p->options;
    p->side_count = o->against || o->against_data ? 2 : 1;
    DA_TRY(open_side(&p->sides[0], model, data, o));
    if (p->side_count == 2)
        DA_TRY(open_side(&p->sides[1], o->against ? o->against : model, o->against_data ? o->against_data : data, o));
    if (p->side_count == 2 && p->sides[0].feed.subset.count != p->sides[1].feed.subset.count)
        return DA_FAIL(DA_ERROR_SHAPE, "%s of one side, %lld of the other: image i is compared with image i",
                       da_count(p->sides[0].feed.subset.count, "image").text, (long long)p->sides[1].feed.subset.count);
    p->layers = p->sides[0].taps.count + p->sides[1].taps.count;
    return DA_OK;
}

/* ---- Settings in words ---- */

static da_status describe_side(da_text *text, const side *s) {
    char hash[65];
    da_sha256 images;
    DA_TRY(da_model_fingerprint(s->model, hash)); /* the normalisation of its input is part of it */
    da_text_printf(text, "; %s %.16s, layers", s->model->architecture, hash);
    for (int i = 0; i < s->taps.count; i++) da_text_printf(text, " %s", s->taps.paths[i]);
    da_sha256_init(&images);
    da_sha256_update(&images, s->feed.data.images, (size_t)(s->feed.subset.count * da_dataset_image_bytes(&s->feed.data)));
    da_sha256_hex(&images, hash);
    da_text_printf(text, "; %lld images %.16s", (long long)s->feed.subset.count, hash);
    return DA_OK;
}

static da_status describe(pass *p) {
    const da_measure_options *o = p->options;
    da_text_printf(&p->settings, "%s, ", da_similarity_name(&o->similarity));
    if (o->similarity.comparison == DA_COMPARE_CKA) {
        da_text_printf(&p->settings, "%s, ", da_hsic_name(o->similarity.hsic));
        da_text_append(&p->settings, "sigma fraction ");
        da_text_rounded(&p->settings, o->similarity.sigma_fraction, 17);
        da_text_append(&p->settings, ", ");
    }
    da_text_printf(&p->settings, "batch %lld, %s, %s, %s", (long long)o->batch, da_tap_name(o->tap),
                   da_pool_mode_name(o->pool), da_norm_mode_name(o->norm));
    if (o->similarity.without_first_component) da_text_append(&p->settings, ", without the first component");
    if (o->passes > 1) da_text_printf(&p->settings, ", shuffled by seed %llu", (unsigned long long)o->seed);
    for (int i = 0; i < p->side_count; i++) DA_TRY(describe_side(&p->settings, &p->sides[i]));
    return da_text_status(&p->settings);
}

static da_status save(const pass *p, int64_t done) {
    const char *path = p->options->state;
    return path ? dai_measure_state_write(path, da_text_string(&p->settings), done, p->similarity) : DA_OK;
}

/* A state that cannot be written does not end the measurement: why is kept, until the next try. */
static da_status save_aside(pass *p, int64_t done) {
    const da_status status = save(p, done);
    const bool system = status == DA_ERROR_IO || status == DA_ERROR_NOT_FOUND;
    snprintf(p->trouble, sizeof p->trouble, "%s", system ? da_error_message() : "");
    return system ? DA_OK : status;
}

static da_status resume(pass *p) {
    if (!p->options->state) return DA_OK;
    DA_TRY(describe(p));
    if (!da_file_is_stream(p->options->state)) DA_TRY(da_file_lock_take(&p->lock, p->options->state));
    return dai_measure_state_read(p->options->state, da_text_string(&p->settings), &p->resumed, p->similarity);
}

/* ---- The passes ---- */

static da_status run_side(pass *p, side *s, int64_t epoch, int64_t step) {
    DA_TRY(da_feed_read(&s->feed, epoch, step));
    da_forward forward = { .graph = p->graph, .training = s->copy != NULL, .observe = observe,
                           .wants = wants, .context = p };
    p->now = s;
    p->next = 0;
    da_graph_reset(p->graph);
    da_model_forward(s->model, &forward, da_graph_input(p->graph, &s->feed.batch));
    DA_TRY(da_graph_status(p->graph));
    return p->status;
}

static void collect_dominant(pass *p, const da_feed *feed) {
    int count = p->options->dominant;
    int64_t n = feed->batch.shape[0];
    for (int l = 0; l < p->layers && n >= DA_LEAST_BATCH; l++)
        dai_dominant_add(p->dominant + (int64_t)l * count, count, feed->samples,
                         da_similarity_projections(p->similarity, l), n);
}

static da_status run_batch(pass *p, int64_t epoch, int64_t step) {
    p->offset = 0;
    for (int i = 0; i < p->side_count; i++) {
        DA_TRY(run_side(p, &p->sides[i], epoch, step));
        p->offset += p->sides[i].taps.count;
    }
    if (p->dominant) collect_dominant(p, &p->sides[0].feed);
    return da_similarity_end_batch(p->similarity);
}

static da_status run(pass *p) {
    const da_measure_options *o = p->options;
    int64_t steps = da_feed_steps(&p->sides[0].feed), all = steps * o->passes;
    if (p->resumed > all)
        return DA_FAIL(DA_ERROR_FORMAT, "the state '%s' cannot be continued: it is of %s, more than the %lld wanted here",
                       o->state, da_count(p->resumed, "batch").text, (long long)all);
    for (int64_t done = p->resumed; done < all; done++) {
        if (o->stop && *o->stop) {
            DA_TRY(save(p, done));
            return DA_FAIL(DA_ERROR_INTERRUPTED, "stopped after %lld of %s", (long long)done,
                           da_count(all, "batch").text);
        }
        DA_TRY(run_batch(p, done / steps, done % steps));
        if (o->progress) o->progress(o->context, done + 1, all);
        if ((done + 1) % STATE_EVERY == 0) DA_TRY(save_aside(p, done + 1));
    }
    return save_aside(p, all);
}

/* ---- The result ---- */

/* Rows of one side, columns of the other, out of the matrix of all layers. */
static void take_block(double *block, const double *all, const pass *p, int rows, int columns) {
    int first = p->layers - columns;
    for (int i = 0; i < rows; i++)
        memcpy(block + (int64_t)i * columns, all + (int64_t)i * p->layers + first, (size_t)columns * sizeof *block);
}

static da_status take_matrices(const pass *p, da_measurement *m) {
    size_t pairs = (size_t)m->layers * (size_t)m->columns, all = (size_t)p->layers * (size_t)p->layers;
    m->matrix = da_alloc(pairs * sizeof *m->matrix);
    m->standard_error = da_alloc(pairs * sizeof *m->standard_error);
    double *matrix = da_alloc(all * sizeof *matrix), *error = da_alloc(all * sizeof *error);
    da_status status = m->matrix && m->standard_error && matrix && error ? DA_OK : DA_ERROR_MEMORY;
    if (status == DA_OK) status = da_similarity_matrix(p->similarity, matrix, error);
    if (status == DA_OK) {
        take_block(m->matrix, matrix, p, m->layers, m->columns);
        take_block(m->standard_error, error, p, m->layers, m->columns);
    }
    da_free(matrix);
    da_free(error);
    return status;
}

/* Squares become shares. */
static da_status take_dominant(pass *p, da_measurement *m) {
    int count = p->options->dominant;
    if (count == 0) return DA_OK;
    m->first_share = da_alloc((size_t)p->layers * sizeof *m->first_share);
    if (!m->first_share) return DA_ERROR_MEMORY;
    for (int l = 0; l < p->layers; l++) {
        da_first_component first = da_similarity_first_component(p->similarity, l);
        da_dominant *list = p->dominant + (int64_t)l * count;
        m->first_share[l] = first.trace > 0 ? first.value / first.trace : 0;
        for (int i = 0; i < count; i++) list[i].share = first.value > 0 ? list[i].share / first.value : 0;
    }
    m->dominant = p->dominant;
    m->dominant_count = count;
    p->dominant = NULL;
    return DA_OK;
}

static da_status conclude(pass *p, da_measurement *m) {
    dai_taps *rows = &p->sides[0].taps, *columns = &p->sides[p->side_count - 1].taps;
    m->layers = rows->count;
    m->columns = columns->count;
    m->states = da_alloc((size_t)p->layers * sizeof *m->states);
    m->widths = da_alloc((size_t)p->layers * sizeof *m->widths);
    if (!m->states || !m->widths) return DA_ERROR_MEMORY;
    DA_TRY(take_matrices(p, m));
    DA_TRY(take_dominant(p, m));
    for (int i = 0; i < p->layers; i++) m->states[i] = da_similarity_state(p->similarity, i);
    for (int i = 0; i < p->layers; i++)
        m->widths[i] = i < rows->count ? rows->widths[i] : columns->widths[i - rows->count];
    m->batches = da_similarity_batches(p->similarity);
    m->skipped = da_similarity_skipped(p->similarity);
    m->samples = da_similarity_samples(p->similarity);
    m->resumed = p->resumed;
    snprintf(m->trouble, sizeof m->trouble, "%s", p->trouble);
    m->names = rows->names;
    m->column_names = columns->names;
    rows->names = columns->names = NULL; /* the measurement's from here on */
    return DA_OK;
}

static da_status prepare_dominant(pass *p) {
    int64_t count = (int64_t)p->layers * p->options->dominant;
    if (count == 0) return DA_OK;
    p->dominant = da_alloc((size_t)count * sizeof *p->dominant);
    if (!p->dominant) return DA_ERROR_MEMORY;
    dai_dominant_clear(p->dominant, count);
    return DA_OK;
}

static da_status measure(pass *p, da_model *model, const da_dataset *data, da_measurement *m) {
    DA_TRY(open_sides(p, model, data));
    DA_TRY(da_graph_new(&p->graph));
    da_graph_set_recording(p->graph, false);
    DA_TRY(da_similarity_new(&p->similarity, p->layers, p->options->batch));
    DA_TRY(da_similarity_choose(p->similarity, &p->options->similarity));
    DA_TRY(prepare_dominant(p));
    DA_TRY(resume(p));
    DA_TRY(run(p));
    return conclude(p, m);
}

static da_status check_dominant(const da_measure_options *o, int64_t samples) {
    if (o->dominant < 0 || o->dominant > samples)
        return DA_FAIL(DA_ERROR_ARGUMENT, "%s of %lld", da_count(o->dominant, "dominant image").text, (long long)samples);
    if (o->dominant > 0 && (o->passes > 1 || o->state || o->against || o->against_data))
        return DA_FAIL(DA_ERROR_ARGUMENT, "dominant images are those of one model, in one pass, without a state file");
    return DA_OK;
}

da_status da_measure_check(const da_model *model, const da_measure_options *options) {
    dai_taps taps = { 0 };
    DA_TRY(dai_taps_choose(&taps, model, options));
    dai_taps_free(&taps);
    return DA_OK;
}

da_status da_measure(da_model *model, const da_dataset *data, const da_measure_options *options, da_measurement *out) {
    da_measure_options o = *options;
    int64_t samples = o.limit > 0 && o.limit < data->count ? o.limit : data->count;
    if (o.batch == 0) o.batch = 256;
    if (o.batch > samples) o.batch = samples > DA_LEAST_BATCH ? samples : DA_LEAST_BATCH; /* memory follows the data */
    if (o.passes == 0) o.passes = 1;
    if (o.passes < 0) return DA_FAIL(DA_ERROR_ARGUMENT, "%d passes over the data: at least 1 is needed", o.passes);
    DA_TRY(check_dominant(&o, samples));
    o.similarity.find_first_component = o.dominant > 0;
    pass p = { .options = &o };
    da_measurement m = { .batch = o.batch, .options = o };
    da_status status = measure(&p, model, data, &m);
    da_file_lock_give(p.lock);
    da_similarity_free(p.similarity);
    da_graph_free(p.graph);
    da_text_free(&p.settings);
    da_free(p.dominant);
    for (int i = 0; i < p.side_count; i++) close_side(&p.sides[i]);
    if (status == DA_OK) *out = m;
    else da_measurement_free(&m);
    return status;
}

void da_measurement_free(da_measurement *m) {
    if (m->column_names != m->names) da_free(m->column_names);
    da_free(m->names);
    da_free(m->matrix);
    da_free(m->standard_error);
    da_free(m->states);
    da_free(m->widths);
    da_free(m->dominant);
    da_free(m->first_share);
    memset(m, 0, sizeof *m);
}
