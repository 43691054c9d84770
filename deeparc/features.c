/* The chain is run in pieces that end behind each unit of interest. Nobody observes layers inside, so that each piece
 * is computed as in plain inference, fused; the values of a piece are given back as soon as the next one has read them.
 */
#include "deeparc/features.h"

#include "core/memory.h"
#include "optim/feed.h"

#include <string.h>

typedef struct pass {
    da_model    *model;
    da_graph    *graph;
    const int   *units;
    da_feed      feed;
    da_features *into;
} pass;

void da_pool_average(const da_tensor *output, float *to) {
    const int64_t channels = output->shape[output->ndim - 1];
    const int64_t samples = output->shape[0], pixels = da_tensor_count(output) / samples / channels;
    const float *from = da_tensor_floats(output);
    for (int64_t i = 0; i < samples; i++, from += pixels * channels)
        for (int64_t c = 0; c < channels; c++) {
            double sum = 0;
            for (int64_t p = 0; p < pixels; p++) sum += (double)from[p * channels + c];
            *to++ = (float)(sum / (double)pixels);
        }
}

static da_status run_pieces(pass *p, da_node *x, int64_t first) {
    da_features *f = p->into;
    da_forward forward = { .graph = p->graph };
    const int64_t mark = da_graph_mark(p->graph);
    int begin = 0;
    for (int i = 0; i < f->layers; i++) {
        x = da_model_forward_range(p->model, begin, p->units[i] + 1, &forward, x);
        DA_TRY(da_graph_status(p->graph));
        da_graph_release(p->graph, mark, x);
        da_pool_average(da_node_value(x), f->values[i] + first * f->width[i]);
        begin = p->units[i] + 1;
    }
    if (begin < p->model->unit_count)
        x = da_model_forward_range(p->model, begin, p->model->unit_count, &forward, x);
    const da_tensor *logits = da_node_value(x);
    DA_TRY(da_graph_status(p->graph));
    if (logits->ndim != 2 || logits->shape[1] != f->classes)
        return DA_FAIL(DA_ERROR_SHAPE, "'%s' does not give %d logits an image", p->model->architecture, f->classes);
    memcpy(f->logits + first * f->classes, logits->data, da_tensor_bytes(logits));
    return DA_OK;
}

static da_status run(pass *p, const volatile sig_atomic_t *stop) {
    int64_t first = 0;
    for (int64_t step = 0; step < da_feed_steps(&p->feed); step++) {
        if (stop && *stop) return DA_FAIL(DA_ERROR_INTERRUPTED, "the pass over the images was interrupted");
        DA_TRY(da_feed_read(&p->feed, 0, step));
        const int64_t n = p->feed.batch.shape[0];
        if (p->feed.labels) memcpy(p->into->labels + first, p->feed.labels, (size_t)n);
        da_graph_reset(p->graph);
        DA_TRY(run_pieces(p, da_graph_input(p->graph, &p->feed.batch), first));
        first += n;
    }
    return DA_OK;
}

static da_status allocate(da_features *f, const da_model *model, const int *units) {
    const size_t samples = (size_t)f->samples, layers = (size_t)f->layers;
    f->width = da_alloc(layers * sizeof *f->width);
    f->values = da_alloc_zero(layers, sizeof *f->values);
    f->logits = da_alloc_zero(samples, (size_t)f->classes * sizeof *f->logits);
    if (!f->width || !f->values || !f->logits) return DA_ERROR_MEMORY;
    for (int i = 0; i < f->layers; i++) {
        if (units[i] < 0 || units[i] >= model->unit_count || (i > 0 && units[i] <= units[i - 1]))
            return DA_FAIL(DA_ERROR_ARGUMENT, "unit %d is no part of a chain of %d, or not in its order", units[i],
                           model->unit_count);
        const da_layer *unit = model->units[units[i]];
        f->width[i] = unit->out_shape[unit->out_ndim - 1];
        f->values[i] = da_alloc_zero(samples, (size_t)f->width[i] * sizeof **f->values);
        if (!f->values[i]) return DA_ERROR_MEMORY;
    }
    return DA_OK;
}

static da_status collect(pass *p, const volatile sig_atomic_t *stop) {
    da_features *f = p->into;
    f->samples = p->feed.subset.count;
    DA_TRY(allocate(f, p->model, p->units));
    if (p->feed.labels) {
        f->labels = da_alloc((size_t)f->samples);
        if (!f->labels) return DA_ERROR_MEMORY;
    }
    DA_TRY(da_graph_new(&p->graph));
    da_graph_set_recording(p->graph, false);
    return run(p, stop);
}

da_status da_features_collect(da_model *model, const da_dataset *data, const int *units, int layers, int64_t limit,
                              int64_t batch, const volatile sig_atomic_t *stop, da_features *out) {
    da_features made = { .layers = layers, .classes = model->classes };
    pass p = { .model = model, .units = units, .into = &made };
    DA_TRY(da_feed_open(&p.feed, model, data, &(da_feed_options){ .batches.batch_size = batch, .limit = limit }));
    da_status status = collect(&p, stop);
    da_graph_free(p.graph);
    da_feed_close(&p.feed);
    if (status == DA_OK) *out = made;
    else da_features_free(&made);
    return status;
}

void da_features_free(da_features *f) {
    if (f->values)
        for (int i = 0; i < f->layers; i++) da_free(f->values[i]);
    da_free(f->values);
    da_free(f->width);
    da_free(f->logits);
    da_free(f->labels);
    memset(f, 0, sizeof *f);
}
