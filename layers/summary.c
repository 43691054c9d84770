/* Sizes of a model, and the table that shows them.
 *
 *     multiply-adds     weights used x places they are used at: H' W' for a convolution, 1 for a linear layer
 *     activations       4 bytes for every value a layer gives; a residual block gives its sum, its ReLU, and where
 *                       the shortcut pads, the padded copy
 */
#include "layers/summary.h"

#include "core/number.h"
#include "layers/internal.h"

#include "core/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int64_t values_given(const da_layer *layer) {
    int64_t count = 1;
    for (int d = 0; d < layer->out_ndim; d++) count *= layer->out_shape[d];
    switch (layer->options.kind) {
    case DA_LAYER_SEQUENTIAL: return 0; /* its last child gives them */
    case DA_LAYER_RESIDUAL:   return layer->options.shortcut == DA_SHORTCUT_PAD ? 3 * count : 2 * count;
    case DA_LAYER_FLATTEN:    return layer->in_ndim == 1 ? 0 : count;
    default:                  return count;
    }
}

static void measure_layer(void *context, da_layer *layer) {
    da_model_size *size = context;
    size->activation_bytes += values_given(layer) * (int64_t)sizeof(float);
    for (int i = 0; i < layer->parameter_count; i++) {
        const da_parameter *p = &layer->parameters[i];
        *(p->buffer ? &size->buffers : &size->parameters) += da_parameter_count(p);
        if (p->layout.file_ndim == 1) continue;
        int64_t places = layer->out_ndim == 3 ? layer->out_shape[0] * layer->out_shape[1] : 1;
        size->multiply_adds += places * da_parameter_count(p);
    }
}

static da_model_size measure_unit(da_layer *unit) {
    da_model_size size = { 0 };
    dai_layer_walk(unit, measure_layer, &size);
    return size;
}

da_status da_model_measure(const da_model *model, da_model_size *total, da_model_size *per_unit) {
    *total = (da_model_size){ 0 };
    for (int i = 0; i < model->unit_count; i++) {
        da_model_size size = measure_unit(model->units[i]);
        total->parameters += size.parameters;
        total->buffers += size.buffers;
        total->multiply_adds += size.multiply_adds;
        total->activation_bytes += size.activation_bytes;
        if (per_unit) per_unit[i] = size;
    }
    return DA_OK;
}

/* ---- The table ---- */

typedef struct tally { int frozen, all; } tally;

static void count_frozen(void *context, da_layer *layer) {
    tally *t = context;
    for (int i = 0; i < layer->parameter_count; i++) t->frozen += layer->parameters[i].frozen;
    t->all += layer->parameter_count;
}

static const char *frozen_word(da_layer *unit) {
    tally t = { 0 };
    dai_layer_walk(unit, count_frozen, &t);
    return t.frozen == 0 ? "" : t.frozen == t.all ? "  frozen" : "  partly frozen";
}

enum { LINE = 384 }; /* bytes of the longest line: a name, a kind, a shape, three numbers */

/* "%-*s" pads bytes, which is right here: names and kinds are ASCII. */
static int write_row(char *at, int name_width, const char *name, const char *kind, const char *shape,
                     const da_model_size *size, const char *note) {
    return snprintf(at, LINE, "%-*s  %-19s  %-12s %12lld %14lld %13lld%s\n", name_width, name, kind, shape,
                    (long long)size->parameters, (long long)size->multiply_adds, (long long)size->activation_bytes,
                        note);
}

static char *write_head(char *at, const da_model *model, int name_width) {
    char shape[96];
    at += snprintf(at, 2 * LINE, "%.*s: input %s, %s\n", LINE, model->architecture,
                   da_shape_text(shape, 3, model->input_shape), da_count(model->classes, "class").text);
    return at + snprintf(at, LINE, "%-*s  %-19s  %-12s %12s %14s %13s\n", name_width, "unit", "kind", "output",
                         "parameters", "multiply-adds", "activation B");
}

da_status da_model_summary(const da_model *model, char **text) {
    int name_width = 5;
    da_model_size total;
    DA_TRY(da_model_measure(model, &total, NULL));
    char *made = da_alloc((size_t)(model->unit_count + 8) * LINE), *at = made;
    if (!made) return DA_ERROR_MEMORY;
    for (int i = 0; i < model->unit_count; i++)
        if ((int)strlen(model->units[i]->name) > name_width) name_width = (int)strlen(model->units[i]->name);
    at = write_head(at, model, name_width);
    for (int i = 0; i < model->unit_count; i++) {
        da_layer *unit = model->units[i];
        char shape[96];
        da_model_size size = measure_unit(unit);
        at += write_row(at, name_width, unit->name, da_layer_kind_name(unit->options.kind),
                        da_shape_text(shape, unit->out_ndim, unit->out_shape), &size, frozen_word(unit));
    }
    at += write_row(at, name_width, "total", "", "", &total, "");
    snprintf(at, LINE, "%lld parameters train or may train, %lld values of running statistics; multiply-adds and "
             "activation bytes are for one sample\n", (long long)total.parameters, (long long)total.buffers);
    *text = made;
    return DA_OK;
}
