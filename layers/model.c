/* The chain: its life, its forward pass, finding and freezing units, cutting units out and repeating them.
 *
 * Invariants: unit 0 takes the model's input shape, unit i+1 takes what unit i gives; names are unique; there are at
 * most DA_MAX_UNITS units. Cutting keeps them, because a run of units may only go when the shapes before and after it
 * are equal.
 */
#include "layers/internal.h"

#include "core/number.h"

#include "core/memory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Bounds are floats, as the values are: a double 1e-6 would refuse the float that is nearest to it. NaN is refused. */
da_status da_normalization_check(const da_normalization *n, int64_t channels) {
    if (channels < 1 || channels > DA_MAX_NORMALIZED)
        return DA_FAIL(DA_ERROR_ARGUMENT, "the images have %s; 1 to %d can be normalised",
                       da_count(channels, "channel").text, DA_MAX_NORMALIZED);
    if (n->channels != channels)
        return DA_FAIL(DA_ERROR_ARGUMENT, "a normalisation of %s does not fit images of %s",
                       da_count(n->channels, "channel").text, da_count(channels, "channel").text);
    for (int c = 0; c < n->channels; c++) {
        if (!(fabsf(n->mean[c]) <= 1e6f))
            return DA_FAIL(DA_ERROR_ARGUMENT, "the mean of channel %d is %g and must lie in -1e6 to 1e6", c,
                           (double)n->mean[c]);
        if (!(n->deviation[c] >= 1e-6f && n->deviation[c] <= 1e6f))
            return DA_FAIL(DA_ERROR_ARGUMENT, "the deviation of channel %d is %g and must lie in 1e-6 to 1e6", c,
                           (double)n->deviation[c]);
    }
    return DA_OK;
}

static const int64_t *shape_before(const da_model *model, int unit, int *ndim) {
    if (unit == 0) {
        *ndim = 3;
        return model->input_shape;
    }
    *ndim = model->units[unit - 1]->out_ndim;
    return model->units[unit - 1]->out_shape;
}

da_status da_model_new(da_model **model, const char *architecture, const int64_t input_shape[3], int classes) {
    char text[96];
    if (classes < 1 || classes > DA_MAX_CLASSES)
        return DA_FAIL(DA_ERROR_ARGUMENT, "a model has 1 to %d classes, not %d", DA_MAX_CLASSES, classes);
    for (int d = 0; d < 3; d++)
        if (input_shape[d] < 1 || input_shape[d] > 1 << 20)
            return DA_FAIL(DA_ERROR_SHAPE, "a model's input is H W C with sizes of at least 1, not %s",
                           da_shape_text(text, 3, input_shape));
    da_model *made = da_alloc_zero(1, sizeof *made);
    if (!made) return DA_ERROR_MEMORY;
    made->architecture = da_string_copy(architecture);
    if (!made->architecture) {
        da_model_free(made);
        return DA_ERROR_MEMORY;
    }
    memcpy(made->input_shape, input_shape, sizeof made->input_shape);
    made->classes = classes;
    *model = made;
    return DA_OK;
}

void da_model_free(da_model *model) {
    if (!model) return;
    for (int i = 0; i < model->unit_count; i++) da_layer_free(model->units[i]);
    da_free(model->units);
    da_free(model->class_names);
    da_free(model->architecture);
    dai_history_free(&model->history);
    da_free(model);
}

da_status dai_model_hand_over(da_model **out, da_model *made, da_status status) {
    if (status == DA_OK) *out = made;
    else da_model_free(made);
    return status;
}

da_status dai_model_plan_unit(da_model *model, const char *name, const da_layer_options *options) {
    int ndim;
    const int64_t *shape = shape_before(model, model->unit_count, &ndim);
    if (model->unit_count == DA_MAX_UNITS)
        return DA_FAIL(DA_ERROR_ARGUMENT, "a model has at most %d units", DA_MAX_UNITS);
    if (options->kind == DA_LAYER_SEQUENTIAL)
        return DA_FAIL(DA_ERROR_ARGUMENT, "unit '%s': a sequential is made by the layer that contains it", name);
    for (int i = 0; i < model->unit_count; i++)
        if (strcmp(model->units[i]->name, name) == 0)
            return DA_FAIL(DA_ERROR_ARGUMENT, "the model has a unit '%s' already: names are unique", name);
    da_layer **grown = da_realloc(model->units, (size_t)(model->unit_count + 1) * sizeof *grown);
    if (!grown) return DA_ERROR_MEMORY;
    model->units = grown;
    DA_TRY(dai_layer_plan(&grown[model->unit_count], NULL, name, options, ndim, shape));
    model->unit_count++;
    return DA_OK;
}

da_status dai_model_allocate(da_model *model) {
    for (int i = 0; i < model->unit_count; i++) DA_TRY(dai_layer_allocate(model->units[i]));
    return DA_OK;
}

da_status da_model_append(da_model *model, const char *name, const da_layer_options *options) {
    DA_TRY(dai_model_plan_unit(model, name, options));
    da_status status = dai_layer_allocate(model->units[model->unit_count - 1]);
    if (status != DA_OK) da_layer_free(model->units[--model->unit_count]);
    return status;
}

/* One block: the pointers, then the texts. */
da_status da_model_set_class_names(da_model *model, const char *const *names) {
    char **made = NULL;
    if (names) {
        size_t bytes = (size_t)model->classes * sizeof *made;
        for (int i = 0; i < model->classes; i++) bytes += strlen(names[i]) + 1;
        made = da_alloc(bytes);
        if (!made) return DA_ERROR_MEMORY;
        char *text = (char *)(made + model->classes);
        for (int i = 0; i < model->classes; i++) {
            size_t size = strlen(names[i]) + 1;
            made[i] = memcpy(text, names[i], size);
            text += size;
        }
    }
    da_free(model->class_names);
    model->class_names = made;
    return DA_OK;
}

/* ---- Forward ---- */

static const char *const conv_methods[] = { "direct", "winograd", "auto" };

const char *da_conv_method_name(da_conv_method method) { return conv_methods[method]; }

da_status da_conv_method_parse(da_conv_method *method, const char *name) {
    for (int i = DA_CONV_DIRECT; i <= DA_CONV_AUTO; i++)
        if (strcmp(name, conv_methods[i]) == 0) {
            *method = (da_conv_method)i;
            return DA_OK;
        }
    return DA_FAIL(DA_ERROR_FORMAT, "'%.40s' is no way to compute convolutions: direct, winograd, auto", name);
}

da_node *da_model_forward_range(da_model *model, int begin, int end, da_forward *forward, da_node *x) {
    forward->conv = model->conv;
    x = dai_layers_forward(model->units + begin, end - begin, forward, x);
    da_graph_label(forward->graph, NULL); /* what follows is no layer of ours */
    return x;
}

da_node *da_model_forward(da_model *model, da_forward *forward, da_node *x) {
    return da_model_forward_range(model, 0, model->unit_count, forward, x);
}

/* ---- Finding and freezing ---- */

int da_model_find(const da_model *model, const char *unit_name) {
    char names[1024] = "";
    size_t used = 0;
    for (int i = 0; i < model->unit_count; i++) {
        const char *name = model->units[i]->name;
        if (strcmp(name, unit_name) == 0) return i;
        size_t left = sizeof names - used;
        int wrote = snprintf(names + used, left, "%s%s", i ? ", " : "", name);
        used += (size_t)wrote < left ? (size_t)wrote : left - 1;
    }
    (void)DA_FAIL(DA_ERROR_NOT_FOUND, "there is no unit '%.60s' in %s, which has: %s%s", unit_name, model->architecture,
                  names, used == sizeof names - 1 ? " ..." : "");
    return -1;
}

static void freeze(void *context, da_layer *layer) {
    for (int i = 0; i < layer->parameter_count; i++) layer->parameters[i].frozen = *(bool *)context;
}

void da_model_freeze_all(da_model *model, bool frozen) {
    for (int i = 0; i < model->unit_count; i++) dai_layer_walk(model->units[i], freeze, &frozen);
}

da_status da_model_train_only(da_model *model, const char *const *unit_names, int count) {
    bool frozen = false;
    for (int i = 0; i < count; i++)
        if (da_model_find(model, unit_names[i]) < 0) return DA_ERROR_NOT_FOUND;
    da_model_freeze_all(model, true);
    for (int i = 0; i < count; i++) dai_layer_walk(model->units[da_model_find(model, unit_names[i])], freeze, &frozen);
    return DA_OK;
}

/* ---- Surgery ---- */

da_status da_model_can_remove(const da_model *model, int begin, int end) {
    if (begin < 0 || end > model->unit_count || begin >= end)
        return DA_FAIL(DA_ERROR_ARGUMENT, "units [%d, %d) are no part of a chain of %d", begin, end, model->unit_count);
    if (end - begin == model->unit_count)
        return DA_FAIL(DA_ERROR_SHAPE, "removing all %d units would leave no model", end);
    int ndim;
    const int64_t *in = shape_before(model, begin, &ndim);
    const da_layer *last = model->units[end - 1];
    if (ndim == last->out_ndim && memcmp(in, last->out_shape, (size_t)ndim * sizeof *in) == 0) return DA_OK;
    char before[96], after[96], range[2 * DA_MAX_PATH + 8];
    snprintf(range, sizeof range, "%s%s%s", model->units[begin]->name, end - begin > 1 ? " to " : "",
             end - begin > 1 ? last->name : "");
    return DA_FAIL(DA_ERROR_SHAPE, "%s cannot be removed: it turns %s into %s, and what follows needs the latter",
                   range, da_shape_text(before, ndim, in), da_shape_text(after, last->out_ndim, last->out_shape));
}

/* Where a word stands last in a text: 1 for its first byte; 0 when it is not there. */
static ptrdiff_t last_place(const char *text, const char *word) {
    ptrdiff_t place = 0;
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word)) place = at - text + 1;
    return place;
}

/* "resnet20", then "resnet20 without layer1.1", then "resnet20 without layer1.1, layer2.1 repeating layer1.2". */
static char *name_edited(const da_model *model, bool repeating, int begin, int end) {
    static const char *const words[] = { " without ", " repeating " };
    size_t bytes = strlen(model->architecture) + sizeof " repeating ";
    for (int i = begin; i < end; i++) bytes += strlen(model->units[i]->name) + 2;
    char *text = da_alloc(bytes);
    if (!text) return NULL;
    strcpy(text, model->architecture);
    const char *join = last_place(text, words[repeating]) > last_place(text, words[!repeating]) ? ", "
                     : words[repeating];
    for (int i = begin; i < end; i++) {
        strcat(strcat(text, join), model->units[i]->name);
        join = ", ";
    }
    return text;
}

da_status da_model_remove(da_model *model, int begin, int end) {
    DA_TRY(da_model_can_remove(model, begin, end));
    char *architecture = name_edited(model, false, begin, end);
    if (!architecture) return DA_ERROR_MEMORY;
    da_free(model->architecture);
    model->architecture = architecture;
    for (int i = begin; i < end; i++) da_layer_free(model->units[i]);
    memmove(model->units + begin, model->units + end, (size_t)(model->unit_count - end) * sizeof *model->units);
    model->unit_count -= end - begin;
    return DA_OK;
}

static void copy_values(da_layer *to, const da_layer *from) {
    for (int i = 0; i < from->parameter_count; i++) {
        const da_parameter *p = &from->parameters[i];
        memcpy(to->parameters[i].value.data, p->value.data, da_tensor_bytes(&p->value));
        to->parameters[i].frozen = p->frozen;
    }
    for (int i = 0; i < from->child_count; i++) copy_values(to->children[i], from->children[i]);
}

/* "layer1.1" is repeated as "layer1.1-2", or -3, ...: the first name that is free. */
static void name_repeated(const da_model *model, int unit, char name[DA_MAX_PATH + 16]) {
    bool taken = true;
    for (int number = 2; taken; number++) {
        snprintf(name, DA_MAX_PATH + 16, "%s-%d", model->units[unit]->name, number);
        taken = false;
        for (int i = 0; i < model->unit_count; i++) taken |= strcmp(model->units[i]->name, name) == 0;
    }
}

static da_status check_repeat(const da_model *model, int unit) {
    if (unit < 0 || unit >= model->unit_count)
        return DA_FAIL(DA_ERROR_ARGUMENT, "unit %d is no part of a chain of %d", unit, model->unit_count);
    if (model->unit_count == DA_MAX_UNITS)
        return DA_FAIL(DA_ERROR_ARGUMENT, "a model has at most %d units", DA_MAX_UNITS);
    const da_layer *layer = model->units[unit];
    if (layer->in_ndim == layer->out_ndim &&
        memcmp(layer->in_shape, layer->out_shape, (size_t)layer->in_ndim * sizeof *layer->in_shape) == 0) return DA_OK;
    char in[96], out[96];
    return DA_FAIL(DA_ERROR_SHAPE, "%s cannot be repeated: it takes %s and gives %s", layer->name,
                   da_shape_text(in, layer->in_ndim, layer->in_shape),
                   da_shape_text(out, layer->out_ndim, layer->out_shape));
}

da_status da_model_repeat(da_model *model, int unit) {
    DA_TRY(check_repeat(model, unit));
    const da_layer *layer = model->units[unit];
    char name[DA_MAX_PATH + 16];
    da_layer *copy = NULL;
    name_repeated(model, unit, name);
    DA_TRY(da_layer_new(&copy, name, &layer->options, layer->in_ndim, layer->in_shape));
    copy_values(copy, layer);
    char *architecture = name_edited(model, true, unit, unit + 1);
    da_layer **grown = architecture ? da_realloc(model->units, (size_t)(model->unit_count + 1) * sizeof *grown) : NULL;
    if (!grown) {
        da_free(architecture);
        da_layer_free(copy);
        return DA_ERROR_MEMORY;
    }
    model->units = grown;
    da_free(model->architecture);
    model->architecture = architecture;
    int behind = unit + 1;
    memmove(grown + behind + 1, grown + behind, (size_t)(model->unit_count - behind) * sizeof *grown);
    grown[behind] = copy;
    model->unit_count++;
    return DA_OK;
}

static da_status copy_into(da_model *made, const da_model *model) {
    made->normalization = model->normalization;
    made->conv = model->conv;
    DA_TRY(da_model_set_class_names(made, (const char *const *)model->class_names));
    DA_TRY(da_model_set_run(made, model->history.run));
    for (int i = 0; i < model->history.training_count; i++)
        DA_TRY(da_model_add_training(made, &model->history.trainings[i]));
    for (int i = 0; i < model->unit_count; i++) {
        DA_TRY(da_model_append(made, model->units[i]->name, &model->units[i]->options));
        copy_values(made->units[i], model->units[i]);
    }
    return DA_OK;
}

da_status da_model_copy(da_model **copy, const da_model *model) {
    da_model *made = NULL;
    DA_TRY(da_model_new(&made, model->architecture, model->input_shape, model->classes));
    return dai_model_hand_over(copy, made, copy_into(made, model));
}
