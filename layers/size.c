/* Sizes of a model and of its units.
 *
 *     multiply-adds     weights used x places they are used at: H' W' for a convolution, 1 for a linear layer
 *     activations       4 bytes for every value a layer gives; a residual block gives its sum, its ReLU, and where
 *                       the shortcut pads, the padded copy
 */
#include "layers/internal.h"

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
        if (!p->buffer && p->frozen) size->frozen += da_parameter_count(p);
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
        total->frozen += size.frozen;
        total->buffers += size.buffers;
        total->multiply_adds += size.multiply_adds;
        total->activation_bytes += size.activation_bytes;
        if (per_unit) per_unit[i] = size;
    }
    return DA_OK;
}
