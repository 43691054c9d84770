/* The options of layers: one table of fields gives their names in files, bounds and defaults; checking, writing and
 * reading all walk it.
 *
 *     { .kind = DA_LAYER_CONV2D, .outputs = 16, .kernel = 3, .padding = 1 }
 *         complete    stride 0 -> 1, groups 0 -> 1; kernel 0 would be out of bounds: it has no default
 *         write       {"kind": "conv2d", "outputs": 16, "kernel": 3, "padding": 1}
 */
#include "layers/internal.h"

#include <math.h>
#include <string.h>

typedef enum field_type { WHOLE, REAL, FLAG } field_type;

typedef struct field {
    const char *name;
    unsigned    bit;
    field_type  type;
    size_t      offset;
    double      least, most, standard; /* standard: what 0 means */
} field;

static const field fields[] = { /* size stands before stride, whose default it is */
    { "outputs",     DAI_OUTPUTS,     WHOLE, offsetof(da_layer_options, outputs),     1, 1 << 20, 0 },
    { "kernel",      DAI_KERNEL,      WHOLE, offsetof(da_layer_options, kernel),      1, 255, 0 },
    { "size",        DAI_SIZE,        WHOLE, offsetof(da_layer_options, size),        1, 255, 0 },
    { "stride",      DAI_STRIDE,      WHOLE, offsetof(da_layer_options, stride),      1, 255, 1 },
    { "padding",     DAI_PADDING,     WHOLE, offsetof(da_layer_options, padding),     0, 127, 0 },
    { "groups",      DAI_GROUPS,      WHOLE, offsetof(da_layer_options, groups),      1, 1 << 20, 1 },
    { "no_bias",     DAI_NO_BIAS,     FLAG,  offsetof(da_layer_options, no_bias),     0, 1, 0 },
    { "momentum",    DAI_MOMENTUM,    REAL,  offsetof(da_layer_options, momentum),    0, 1, .1 },
    { "epsilon",     DAI_EPSILON,     REAL,  offsetof(da_layer_options, epsilon),     1e-12, 1, 1e-5 },
    { "slope",       DAI_SLOPE,       REAL,  offsetof(da_layer_options, slope),       -1, 1, .01 },
    { "probability", DAI_PROBABILITY, REAL,  offsetof(da_layer_options, probability), 0, .999, .5 },
};
enum { FIELDS = sizeof fields / sizeof fields[0] };

static const char *const shortcuts[] = { "identity", "pad", "conv", "conv_norm" };
enum { SHORTCUTS = sizeof shortcuts / sizeof shortcuts[0] };
static const char *const shortcut_names[] = { "shortcut", "downsample" };

static double field_get(const da_layer_options *options, const field *f) {
    const char *at = (const char *)options + f->offset;
    switch (f->type) {
    case WHOLE: { int64_t value; memcpy(&value, at, sizeof value); return (double)value; }
    case REAL:  { float value;   memcpy(&value, at, sizeof value); return (double)value; }
    default:    { bool value;    memcpy(&value, at, sizeof value); return value; }
    }
}

static void field_set(da_layer_options *options, const field *f, double number) {
    char *at = (char *)options + f->offset;
    switch (f->type) {
    case WHOLE: { const int64_t value = (int64_t)number; memcpy(at, &value, sizeof value); return; }
    case REAL:  { const float value = (float)number; memcpy(at, &value, sizeof value); return; }
    default:    { const bool value = number != 0; memcpy(at, &value, sizeof value); return; }
    }
}

/* What 0 means for this field: of pools, windows do not overlap unless a stride says so. */
static double field_default(const da_layer_options *options, const field *f) {
    bool pool = f->bit == DAI_STRIDE && dai_kind_of(options->kind)->options & DAI_SIZE;
    double value = pool ? (double)options->size : f->standard;
    return f->type == REAL ? (double)(float)value : value;
}

/* Bounds of a REAL are floats, as its values are: .999 is above the double .999 once it is a float. NaN is outside. */
static bool within(const field *f, double value) {
    if (f->type != REAL) return value >= f->least && value <= f->most;
    return (float)value >= (float)f->least && (float)value <= (float)f->most;
}

static da_status complete_field(da_layer_options *options, const field *f, const char *path) {
    const dai_kind *kind = dai_kind_of(options->kind);
    double value = field_get(options, f);
    if (!(kind->options & f->bit))
        return value == 0 ? DA_OK : DA_FAIL(DA_ERROR_ARGUMENT, "%s '%s' has no option '%s'", kind->name, path, f->name);
    if (value == 0) value = field_default(options, f);
    if (!within(f, value))
        return DA_FAIL(DA_ERROR_ARGUMENT, "%s '%s': option '%s' is %g and must lie in %g to %g", kind->name, path,
                       f->name, value, f->least, f->most);
    field_set(options, f, value);
    return DA_OK;
}

/* Only two names exist, so that options can be copied without owning text. */
static da_status complete_shortcut(da_layer_options *options, const char *path) {
    const dai_kind *kind = dai_kind_of(options->kind);
    if (!(kind->options & DAI_SHORTCUT))
        return options->shortcut == DA_SHORTCUT_IDENTITY && !options->shortcut_name ? DA_OK
             : DA_FAIL(DA_ERROR_ARGUMENT, "%s '%s' has no shortcut", kind->name, path);
    if ((unsigned)options->shortcut >= SHORTCUTS)
        return DA_FAIL(DA_ERROR_ARGUMENT, "%s '%s': there is no shortcut number %d", kind->name, path,
                       (int)options->shortcut);
    if (!options->shortcut_name) options->shortcut_name = shortcut_names[0];
    for (int i = 0; i < 2; i++) {
        if (strcmp(options->shortcut_name, shortcut_names[i]) != 0) continue;
        options->shortcut_name = shortcut_names[i];
        return DA_OK;
    }
    return DA_FAIL(DA_ERROR_ARGUMENT, "%s '%s': the shortcut is named '%s' or '%s', not '%.40s'", kind->name, path,
                   shortcut_names[0], shortcut_names[1], options->shortcut_name);
}

da_status dai_options_complete(da_layer_options *options, const char *path) {
    da_layer_options made = *options;
    if (!dai_kind_of(made.kind))
        return DA_FAIL(DA_ERROR_ARGUMENT, "layer '%s': there is no kind number %d", path, (int)made.kind);
    for (int i = 0; i < FIELDS; i++) DA_TRY(complete_field(&made, &fields[i], path));
    DA_TRY(complete_shortcut(&made, path));
    *options = made;
    return DA_OK;
}

void da_layer_options_write(const da_layer_options *options, da_json_writer *to) {
    const dai_kind *kind = dai_kind_of(options->kind);
    da_json_key(to, "kind");
    da_json_put_string(to, kind ? kind->name : NULL);
    for (int i = 0; kind && i < FIELDS; i++) {
        const field *f = &fields[i];
        double value = field_get(options, f);
        if (!(kind->options & f->bit) || value == 0 || value == field_default(options, f)) continue;
        da_json_key(to, f->name);
        if (f->type == WHOLE) da_json_put_int(to, (int64_t)value);
        else if (f->type == REAL) da_json_put_double(to, value);
        else da_json_put_bool(to, value != 0);
    }
    if (options->shortcut != DA_SHORTCUT_IDENTITY && (unsigned)options->shortcut < SHORTCUTS) {
        da_json_key(to, "shortcut");
        da_json_put_string(to, shortcuts[options->shortcut]);
    }
    if (options->shortcut_name && strcmp(options->shortcut_name, shortcut_names[0]) != 0) {
        da_json_key(to, "shortcut_name");
        da_json_put_string(to, options->shortcut_name);
    }
}

static da_status read_word(int *index, const da_json *value, const char *const *words, int count) {
    const char *text = NULL;
    DA_TRY(da_json_as_string(value, &text));
    for (*index = 0; *index < count; ++*index)
        if (strcmp(text, words[*index]) == 0) return DA_OK;
    return DA_FAIL(DA_ERROR_FORMAT, "'%s' is '%.40s', which this version does not know", da_json_key_of(value), text);
}

static da_status read_kind(da_layer_options *options, const da_json *object) {
    const char *name = NULL;
    DA_TRY(da_json_string(object, "kind", &name));
    for (int kind = 0; kind < DA_LAYER_KIND_COUNT; kind++) {
        if (strcmp(name, da_layer_kind_name((da_layer_kind)kind)) != 0) continue;
        options->kind = (da_layer_kind)kind;
        return DA_OK;
    }
    return DA_FAIL(DA_ERROR_FORMAT, "a layer's kind is '%.40s', which this version does not know", name);
}

static da_status read_number(da_layer_options *options, const field *f, const da_json *value) {
    double number = 0;
    if (f->type == FLAG) {
        bool flag = false;
        DA_TRY(da_json_as_bool(value, &flag));
        number = flag;
    } else {
        DA_TRY(da_json_as_double(value, &number));
    }
    bool whole = f->type != WHOLE || floor(number) == number;
    bool zero = f->type == REAL ? (float)number == 0 : number == 0;
    bool standard = zero && f->standard != 0; /* zero is taken: it means the default */
    if (!within(f, number) || !whole || standard)
        return DA_FAIL(DA_ERROR_FORMAT, "option '%s' is %g and must be a%s number in %g to %g", f->name, number,
                       f->type == WHOLE ? " whole" : "", f->least, f->most);
    field_set(options, f, number);
    return DA_OK;
}

static da_status read_member(da_layer_options *options, const da_json *value) {
    const char *key = da_json_key_of(value);
    int word = 0;
    if (strcmp(key, "name") == 0 || strcmp(key, "kind") == 0) return DA_OK;
    if (strcmp(key, "shortcut") == 0) {
        DA_TRY(read_word(&word, value, shortcuts, SHORTCUTS));
        options->shortcut = (da_shortcut)word;
        return DA_OK;
    }
    if (strcmp(key, "shortcut_name") == 0) {
        DA_TRY(read_word(&word, value, shortcut_names, 2));
        options->shortcut_name = shortcut_names[word];
        return DA_OK;
    }
    for (int i = 0; i < FIELDS; i++)
        if (strcmp(key, fields[i].name) == 0) return read_number(options, &fields[i], value);
    return DA_FAIL(DA_ERROR_FORMAT, "a layer has the option '%.40s', which this version does not know", key);
}

da_status da_layer_options_read(da_layer_options *options, const da_json *object) {
    da_layer_options made = { .kind = DA_LAYER_CONV2D };
    DA_TRY(read_kind(&made, object));
    for (const da_json *value = da_json_first(object); value; value = da_json_next(value))
        DA_TRY(read_member(&made, value));
    *options = made;
    return DA_OK;
}
