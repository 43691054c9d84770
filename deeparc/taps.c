/* Choosing layers: by kind of unit, or by a pattern over the names of all layers.
 *
 *     layer1.0 ─┬─ conv1 bn1 relu1 conv2 bn2 [shortcut]     reported in this order: children first,
 *               ├─ add                                       then the sum,
 *               └─ layer1.0                                  then the block itself
 */
#include "deeparc/taps.h"

#include "core/memory.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

/* ---- Units ---- */

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

/* ---- Taps ---- */

static int count_reports(const da_layer *layer) {
    int count = 1 + (layer->sum_path != NULL);
    for (int i = 0; i < layer->child_count; i++) count += count_reports(layer->children[i]);
    return count;
}

/* Room for a list of taps while it is made. */
typedef struct list {
    dai_taps    *taps;
    const char **labels; /* the names, still those of the model */
    bool         pool;
} list;

static void add(const list *l, const da_layer *layer, const char *path, const char *label) {
    dai_taps *t = l->taps;
    const int64_t *shape = layer->out_shape;
    int64_t channels = shape[layer->out_ndim - 1];
    if (layer->out_ndim == 3 && channels > t->channels) t->channels = channels;
    t->paths[t->count] = path;
    t->widths[t->count] = layer->out_ndim == 3 && !l->pool ? shape[0] * shape[1] * channels : channels;
    l->labels[t->count++] = label;
}

static void add_matching(const list *l, const da_layer *layer, const char *glob) {
    for (int i = 0; i < layer->child_count; i++) add_matching(l, layer->children[i], glob);
    if (layer->sum_path && fnmatch(glob, layer->sum_path, 0) == 0) add(l, layer, layer->sum_path, layer->sum_path);
    if (fnmatch(glob, layer->path, 0) == 0) add(l, layer, layer->path, layer->path);
}

static void append_names(char *text, size_t size, const da_layer *layer) {
    for (int i = 0; i < layer->child_count; i++) append_names(text, size, layer->children[i]);
    size_t used = strlen(text);
    if (layer->sum_path) used += (size_t)snprintf(text + used, size - used, ", %s", layer->sum_path);
    if (used < size) snprintf(text + used, size - used, ", %s", layer->path);
}

static da_status fail_without_match(const da_model *model, const char *glob) {
    char names[1200] = "";
    for (int i = 0; i < model->unit_count && strlen(names) < sizeof names - 1; i++)
        append_names(names, sizeof names, model->units[i]);
    return DA_FAIL(DA_ERROR_NOT_FOUND, "no layer of '%s' matches '%.60s'; there are %s%s", model->architecture, glob,
                   names + strlen(", "), strlen(names) == sizeof names - 1 ? " ..." : "");
}

static da_status choose_matching(const list *l, const da_model *model, const da_measure_options *options) {
    if (options->tap == DA_TAP_SUM)
        return DA_FAIL(DA_ERROR_ARGUMENT, "a pattern names the sums it wants: '*.add' and no tap");
    for (int i = 0; i < model->unit_count; i++) add_matching(l, model->units[i], options->glob);
    return l->taps->count > 0 ? DA_OK : fail_without_match(model, options->glob);
}

static da_status choose_units(const list *l, const da_model *model, const da_measure_options *options) {
    if (options->tap == DA_TAP_SUM && count_blocks(model) == 0)
        return DA_FAIL(DA_ERROR_ARGUMENT, "'%s' has no residual blocks whose sum could be tapped: tap the output",
                       model->architecture);
    int count = 0, *units = da_alloc((size_t)model->unit_count * sizeof *units);
    if (!units) return DA_ERROR_MEMORY;
    da_status status = da_measure_units(model, options->layers, units, &count);
    for (int i = 0; i < count && status == DA_OK; i++) {
        const da_layer *unit = model->units[units[i]];
        add(l, unit, options->tap == DA_TAP_SUM && is_block(unit) ? unit->sum_path : unit->path, unit->name);
    }
    da_free(units);
    return status;
}

da_status dai_taps_choose(dai_taps *out, const da_model *model, const da_measure_options *options) {
    dai_taps made = { 0 };
    size_t room = 0;
    for (int i = 0; i < model->unit_count; i++) room += (size_t)count_reports(model->units[i]);
    made.paths = da_alloc(room * sizeof *made.paths);
    made.widths = da_alloc(room * sizeof *made.widths);
    list l = { &made, da_alloc(room * sizeof *l.labels), options->pool == DA_POOL_AVERAGE };
    da_status status = made.paths && made.widths && l.labels ? DA_OK : DA_ERROR_MEMORY;
    if (status == DA_OK)
        status = options->glob ? choose_matching(&l, model, options) : choose_units(&l, model, options);
    if (status == DA_OK && !(made.names = da_strings_copy(l.labels, made.count))) status = DA_ERROR_MEMORY;
    da_free(l.labels);
    if (status == DA_OK) *out = made;
    else dai_taps_free(&made);
    return status;
}

void dai_taps_free(dai_taps *taps) {
    da_free(taps->names);
    da_free(taps->paths);
    da_free(taps->widths);
    memset(taps, 0, sizeof *taps);
}
