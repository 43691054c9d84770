/* A model as JSON, which is what makes a checkpoint describe itself.
 *
 *     {"version": 1, "architecture": "resnet20", "input": [32, 32, 3], "classes": 10, "class_names": [...],
 *      "normalization": {"mean": [...], "deviation": [...]}, "conv": "winograd" (left out where it is "direct"),
 *      "units": [{"name": "conv1", "kind": "conv2d", "outputs": 16, "kernel": 3, "padding": 1, "no_bias": true}, ...]}
 *
 * The reader trusts nothing: every number has bounds, every unit must fit the one before it, and what it builds has no
 * memory for parameters yet, so that a description cannot ask for more than the file then holds.
 */
#include "layers/internal.h"

#include "core/memory.h"
#include "core/number.h"

#include <string.h>

enum { VERSION = 1 };

/* ---- Writing ---- */

static void write_normalization(da_json_writer *w, const da_normalization *n) {
    if (!n->known) return;
    da_json_key(w, "normalization");
    da_json_begin_object(w);
    for (int which = 0; which < 2; which++) {
        da_json_key(w, which ? "deviation" : "mean");
        da_json_begin_array(w);
        for (int c = 0; c < n->channels; c++) da_json_put_double(w, (double)(which ? n->deviation[c] : n->mean[c]));
        da_json_end(w);
    }
    da_json_end(w);
}

static void write_units(da_json_writer *w, const da_model *model) {
    da_json_key(w, "units");
    da_json_begin_array(w);
    for (int i = 0; i < model->unit_count; i++) {
        da_json_begin_object(w);
        da_json_key(w, "name");
        da_json_put_string(w, model->units[i]->name);
        da_layer_options_write(&model->units[i]->options, w);
        da_json_end(w);
    }
    da_json_end(w);
}

da_status dai_model_describe(const da_model *model, bool named, char **text) {
    da_json_writer w;
    da_json_writer_init(&w, false);
    da_json_begin_object(&w);
    da_json_key(&w, "version");
    da_json_put_int(&w, VERSION);
    if (named) {
        da_json_key(&w, "architecture");
        da_json_put_string(&w, model->architecture);
    }
    da_json_key(&w, "input");
    da_json_begin_array(&w);
    for (int d = 0; d < 3; d++) da_json_put_int(&w, model->input_shape[d]);
    da_json_end(&w);
    da_json_key(&w, "classes");
    da_json_put_int(&w, model->classes);
    if (model->class_names) {
        da_json_key(&w, "class_names");
        da_json_begin_array(&w);
        for (int i = 0; i < model->classes; i++) da_json_put_string(&w, model->class_names[i]);
        da_json_end(&w);
    }
    write_normalization(&w, &model->normalization);
    if (model->conv != DA_CONV_DIRECT) {
        da_json_key(&w, "conv");
        da_json_put_string(&w, da_conv_method_name(model->conv));
    }
    write_units(&w, model);
    da_json_end(&w);
    return da_json_finish(&w, text, NULL);
}

/* ---- Reading ---- */

/* Reads one value a channel; how many there may be and which make sense is da_normalization_check's to say. */
static da_status read_channels(const da_json *object, const char *key, float out[DA_MAX_NORMALIZED], int *count) {
    const da_json *array = NULL;
    DA_TRY(da_json_array(object, key, &array));
    if (da_json_count(array) > DA_MAX_NORMALIZED)
        return DA_FAIL(DA_ERROR_FORMAT, "normalization.%s has %lld values, at most %d channels can be normalised", key,
                       (long long)da_json_count(array), DA_MAX_NORMALIZED);
    *count = 0;
    for (const da_json *value = da_json_first(array); value; value = da_json_next(value)) {
        double number = 0;
        DA_TRY(da_json_as_double(value, &number));
        out[(*count)++] = (float)number;
    }
    return DA_OK;
}

static da_status read_normalization(da_model *model, const da_json *root) {
    const da_json *object = da_json_get(root, "normalization");
    if (!object) return DA_OK;
    da_normalization n = { .known = true };
    int deviations = 0;
    DA_TRY(read_channels(object, "mean", n.mean, &n.channels));
    DA_TRY(read_channels(object, "deviation", n.deviation, &deviations));
    if (deviations != n.channels)
        return DA_FAIL(DA_ERROR_FORMAT, "the normalization has %s and %s", da_count(n.channels, "mean").text,
                       da_count(deviations, "deviation").text);
    DA_TRY(da_normalization_check(&n, model->input_shape[2]));
    model->normalization = n;
    return DA_OK;
}

static da_status read_class_names(da_model *model, const da_json *root) {
    if (!da_json_get(root, "class_names")) return DA_OK;
    const da_json *array = NULL;
    DA_TRY(da_json_array(root, "class_names", &array));
    if (da_json_count(array) != model->classes)
        return DA_FAIL(DA_ERROR_FORMAT, "class_names lists %s for %s", da_count((int64_t)da_json_count(array), "name").text,
                       da_count(model->classes, "class").text);
    const char **names = da_alloc_zero((size_t)model->classes, sizeof *names);
    if (!names) return DA_ERROR_MEMORY;
    da_status status = DA_OK;
    int i = 0;
    for (const da_json *value = da_json_first(array); value && status == DA_OK; value = da_json_next(value))
        status = da_json_as_string(value, &names[i++]);
    if (status == DA_OK) status = da_model_set_class_names(model, names);
    da_free(names);
    return status;
}

static da_status read_units(da_model *model, const da_json *root) {
    const da_json *units = NULL;
    DA_TRY(da_json_array(root, "units", &units));
    if (da_json_count(units) < 1 || da_json_count(units) > DA_MAX_UNITS)
        return DA_FAIL(DA_ERROR_FORMAT, "a model has 1 to %d units, not %lld", DA_MAX_UNITS,
                       (long long)da_json_count(units));
    for (const da_json *unit = da_json_first(units); unit; unit = da_json_next(unit)) {
        const char *name = NULL;
        da_layer_options options;
        DA_TRY(da_json_string(unit, "name", &name));
        DA_TRY(da_layer_options_read(&options, unit));
        DA_TRY(dai_model_plan_unit(model, name, &options));
    }
    const da_layer *last = model->units[model->unit_count - 1];
    char shape[96];
    if (last->out_ndim == 1 && last->out_shape[0] == model->classes) return DA_OK;
    return DA_FAIL(DA_ERROR_FORMAT, "the last unit, '%s', gives %s where %d classes are described", last->name,
                   da_shape_text(shape, last->out_ndim, last->out_shape), model->classes);
}

static da_status read_shell(da_model **model, const da_json *root) {
    int64_t version = 0, input[3], classes = 0;
    const char *architecture = NULL;
    const da_json *shape = NULL;
    DA_TRY(da_json_int(root, "version", &version));
    if (version != VERSION)
        return DA_FAIL(DA_ERROR_FORMAT, "the description is of version %lld; this program reads version %d",
                       (long long)version, VERSION);
    DA_TRY(da_json_string(root, "architecture", &architecture));
    DA_TRY(da_json_int(root, "classes", &classes));
    DA_TRY(da_json_array(root, "input", &shape));
    if (da_json_count(shape) != 3 || classes < 1 || classes > DA_MAX_CLASSES)
        return DA_FAIL(DA_ERROR_FORMAT, "a model has an input of 3 sizes, and 1 to %d classes", DA_MAX_CLASSES);
    for (int d = 0; d < 3; d++) DA_TRY(da_json_as_int(da_json_at(shape, d), &input[d]));
    return da_model_new(model, architecture, input, (int)classes);
}

static da_status read_conv(da_model *model, const da_json *root) {
    const char *name = NULL;
    if (!da_json_get(root, "conv")) return DA_OK;
    DA_TRY(da_json_string(root, "conv", &name));
    return da_conv_method_parse(&model->conv, name);
}

static da_status read_all(da_model *model, const da_json *root) {
    DA_TRY(read_conv(model, root));
    DA_TRY(read_class_names(model, root));
    DA_TRY(read_normalization(model, root));
    return read_units(model, root);
}

da_status dai_model_plan_described(da_model **model, const char *text, const char *name) {
    da_json *root = NULL;
    da_model *made = NULL;
    DA_TRY(da_json_parse(&root, text, strlen(text), name));
    da_status status = read_shell(&made, root);
    if (status == DA_OK) status = dai_model_hand_over(model, made, read_all(made, root));
    da_json_free(root);
    return status;
}
