/* Checkpoints: writing a model, and reading one after its description has been held against the tensors that are there.
 *
 *     read file ── described? ──> plan ── compare names and shapes ──> allocate ──> fill
 *                  └─ no: recognise
 *
 * Nothing is allocated for parameters, and no model touched, before the comparison.
 */
#include "layers/checkpoint.h"
#include "layers/internal.h"

#include "core/memory.h"
#include "core/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Writing ---- */

typedef struct output {
    da_parameter_list parameters;
    float *values;                 /* all parameters in file order, one behind the other */
    da_safetensors_entry *entries; /* the parameters, then the extras */
    char *description, *trainings;
    char seal[DAI_SEAL_ROOM];
} output;

static void output_free(output *o) {
    da_parameter_list_free(&o->parameters);
    da_free(o->values);
    da_free(o->entries);
    da_free(o->description);
    da_free(o->trainings);
}

static void list_parameters(output *o) {
    float *at = o->values;
    for (int i = 0; i < o->parameters.count; i++) {
        const da_parameter *p = o->parameters.items[i].parameter;
        da_safetensors_entry e = { .name = o->parameters.items[i].name, .dtype = "F32", .ndim = p->layout.file_ndim,
                                   .data = at };
        memcpy(e.shape, p->layout.file_shape, (size_t)e.ndim * sizeof *e.shape);
        da_layout_to_file(&p->layout, da_tensor_floats(&p->value), at);
        at += da_parameter_count(p);
        o->entries[i] = e;
    }
}

static da_status list_extras(da_safetensors_entry *entries, const da_checkpoint_extra *extra) {
    for (int i = 0; i < extra->tensor_count; i++) {
        const da_tensor *t = &extra->tensors[i];
        if (t->dtype != DA_FLOAT32 || !da_tensor_is_contiguous(t))
            return DA_FAIL(DA_ERROR_ARGUMENT, "tensor '%s' for a checkpoint must be contiguous float32",
                           extra->tensor_names[i]);
        da_safetensors_entry e = { .name = extra->tensor_names[i], .dtype = "F32", .ndim = t->ndim, .data = t->data };
        memcpy(e.shape, t->shape, (size_t)t->ndim * sizeof *e.shape);
        entries[i] = e;
    }
    return DA_OK;
}

static int by_entry(const void *a, const void *b) {
    return strcmp(((const da_safetensors_entry *)a)->name, ((const da_safetensors_entry *)b)->name);
}

/* Adds the fingerprints, which are of entries and metadata in order. */
static da_status write(output *o, int count, const da_model *model, const char *path, const char *training) {
    const da_safetensors_pair all[] = { { "deeparc.model", o->description }, { "deeparc.run", model->history.run },
                                        { "deeparc.training", training }, { "deeparc.trainings", o->trainings },
                                        { "format", "pt" } };
    da_safetensors_pair there[6];
    da_safetensors content = { .count = count, .entries = o->entries, .metadata = there };
    for (int i = 0; i < 5; i++)
        if (all[i].value) there[content.metadata_count++] = all[i];
    for (int i = 0; i < count; i++)
        o->entries[i].size = (size_t)da_safetensors_elements(&o->entries[i]) * sizeof(float);
    qsort(o->entries, (size_t)count, sizeof *o->entries, by_entry);
    DA_TRY(dai_seal_make(&content, model, o->seal));
    there[content.metadata_count++] = (da_safetensors_pair){ DAI_SEAL, o->seal };
    return da_safetensors_write(path, o->entries, count, there, content.metadata_count);
}

static da_status save(output *o, const da_model *model, const char *path, const da_checkpoint_extra *extra) {
    int64_t values = 0;
    if (model->normalization.known) DA_TRY(da_normalization_check(&model->normalization, model->input_shape[2]));
    DA_TRY(da_model_parameters(model, &o->parameters));
    for (int i = 0; i < o->parameters.count; i++) values += da_parameter_count(o->parameters.items[i].parameter);
    int count = o->parameters.count + extra->tensor_count;
    o->values = da_alloc((size_t)values * sizeof *o->values);
    o->entries = da_alloc_zero((size_t)count, sizeof *o->entries);
    if (!o->values || !o->entries) return DA_ERROR_MEMORY;
    list_parameters(o);
    DA_TRY(list_extras(o->entries + o->parameters.count, extra));
    DA_TRY(dai_model_describe(model, true, &o->description));
    DA_TRY(dai_trainings_write(&model->history, &o->trainings));
    return write(o, count, model, path, extra->training_json);
}

da_status da_checkpoint_save(const da_model *model, const char *path, const da_checkpoint_extra *extra) {
    const da_checkpoint_extra none = { 0 };
    output o = { 0 };
    da_status status = save(&o, model, path, extra ? extra : &none);
    output_free(&o);
    return status;
}

/* ---- Comparing ---- */

enum { LISTED = 4, ROOM = 480 };

/* Collects up to LISTED items for a message: "a, b, c, d and 7 more". */
typedef struct listing { int count; size_t used; char text[ROOM]; } listing;

static void list_item(listing *l, const char *item) {
    if (l->count++ >= LISTED) return;
    int wrote = snprintf(l->text + l->used, ROOM - l->used, "%s%.100s", l->used ? ", " : "", item);
    l->used += (size_t)wrote;
}

static int list_sentence(const listing *l, const char *what, char *at, size_t room) {
    if (l->count == 0) return 0;
    int wrote = snprintf(at, room, "; %s: %s", what, l->text);
    if (l->count > LISTED) wrote += snprintf(at + wrote, room - (size_t)wrote, " and %d more", l->count - LISTED);
    return wrote;
}

/* What DataParallel, torch.compile, and one inside the other put before every name. */
static const char *const prefixes[] = { "", "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module." };
enum { PREFIXES = sizeof prefixes / sizeof *prefixes };

static const char *plain_name(const char *name) {
    size_t longest = 0;
    for (int i = 0; i < PREFIXES; i++) {
        size_t length = strlen(prefixes[i]);
        if (length > longest && strncmp(name, prefixes[i], length) == 0) longest = length;
    }
    return name + longest;
}

const da_safetensors_entry *dai_checkpoint_entry(const da_safetensors *file, const char *name) {
    const da_safetensors_entry *entry = NULL;
    for (int i = 0; i < PREFIXES && !entry; i++) {
        char longer[DA_MAX_PATH + 32];
        snprintf(longer, sizeof longer, "%s%s", prefixes[i], name);
        entry = da_safetensors_find(file, longer);
    }
    return entry;
}

static bool same_shape(const da_parameter *p, const da_safetensors_entry *e) {
    return p->layout.file_ndim == e->ndim &&
           memcmp(p->layout.file_shape, e->shape, (size_t)e->ndim * sizeof *e->shape) == 0;
}

static bool holds_floats(const da_safetensors_entry *e) { return e->dtype[0] == 'F' || strcmp(e->dtype, "BF16") == 0; }

static void compare_parameter(const da_named_parameter *item, const da_safetensors *file, listing *missing,
                              listing *differ) {
    char text[256], there[96], expected[96];
    const da_safetensors_entry *e = dai_checkpoint_entry(file, item->name);
    const da_layout *l = &item->parameter->layout;
    if (!e) {
        list_item(missing, item->name);
    } else if (!same_shape(item->parameter, e)) {
        snprintf(text, sizeof text, "%.50s is %.24s, not %.24s", item->name,
                 da_shape_text(there, e->ndim < DA_MAX_DIMS ? e->ndim : DA_MAX_DIMS, e->shape),
                 da_shape_text(expected, l->file_ndim, l->file_shape));
        list_item(differ, text);
    } else if (!holds_floats(e)) {
        snprintf(text, sizeof text, "%.50s holds %s, not floats", item->name, e->dtype);
        list_item(differ, text);
    }
}

/* Tensors that belong to no parameter and are no fault: what is kept to resume, and PyTorch's count of batches. */
static bool passed_over(const char *name) {
    size_t length = strlen(name), tail = strlen(".num_batches_tracked");
    return strncmp(name, "optimizer/", 10) == 0 ||
           (length >= tail && strcmp(name + length - tail, ".num_batches_tracked") == 0);
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const da_named_parameter *)a)->name, ((const da_named_parameter *)b)->name);
}

static int name_of(const void *key, const void *item) { return strcmp(key, ((const da_named_parameter *)item)->name); }

static void list_unexpected(const da_parameter_list *sorted, const da_safetensors *file, listing *unexpected) {
    for (int64_t i = 0; i < file->count; i++) {
        const char *name = file->entries[i].name;
        if (passed_over(name)) continue;
        const char *plain = plain_name(name);
        bool known = bsearch(plain, sorted->items, (size_t)sorted->count, sizeof *sorted->items, name_of) != NULL;
        const da_safetensors_entry *read = dai_checkpoint_entry(file, plain);
        char twice[120];
        if (!known) list_item(unexpected, name);
        if (!known || read == &file->entries[i]) continue;
        snprintf(twice, sizeof twice, "%.50s (there as %.50s too)", name, read->name);
        list_item(unexpected, twice);
    }
}

static da_status compare_tensors(const da_model *model, const da_safetensors *file, const char *path) {
    listing missing = { 0 }, differ = { 0 }, unexpected = { 0 };
    da_parameter_list list;
    DA_TRY(da_model_parameters(model, &list));
    for (int i = 0; i < list.count; i++) compare_parameter(&list.items[i], file, &missing, &differ);
    qsort(list.items, (size_t)list.count, sizeof *list.items, by_name);
    list_unexpected(&list, file, &unexpected);
    da_parameter_list_free(&list);
    if (missing.count + differ.count + unexpected.count == 0) return DA_OK;

    char text[3 * (ROOM + 64)] = "";
    int used = list_sentence(&missing, "missing", text, sizeof text);
    used += list_sentence(&unexpected, "unexpected", text + used, sizeof text - (size_t)used);
    list_sentence(&differ, "of another shape", text + used, sizeof text - (size_t)used);
    return DA_FAIL(DA_ERROR_FORMAT, "'%.200s' does not fit %.100s%s", path, model->architecture, text);
}

/* Whatever is wrong with a plan, it is the file that is wrong. */
static da_status plan_model(da_model **model, const da_safetensors *file, const char *path) {
    const char *description = da_safetensors_metadata(file, "deeparc.model");
    da_status status = description ? dai_model_plan_described(model, description, "deeparc.model")
                                   : dai_model_recognise(model, file);
    if (status == DA_OK || status == DA_ERROR_MEMORY) return status;
    return DA_FAIL(DA_ERROR_FORMAT, "the model in '%.200s' cannot be built: %s", path, da_error_message());
}

/* The options of a unit as a description has them. The text is the caller's to da_free. */
static da_status unit_text(const da_layer *unit, char **text) {
    da_json_writer w;
    da_json_writer_init(&w, false);
    da_json_begin_object(&w);
    da_layer_options_write(&unit->options, &w);
    da_json_end(&w);
    return da_json_finish(&w, text, NULL);
}

static da_status compare_unit(const da_layer *unit, const da_model *there, const char *path) {
    char *here_text = NULL, *there_text = NULL;
    int place = da_model_find(there, unit->name);
    if (place < 0) return DA_FAIL(DA_ERROR_FORMAT, "'%.200s' describes no unit '%s'", path, unit->name);
    da_status status = unit_text(unit, &here_text);
    if (status == DA_OK) status = unit_text(there->units[place], &there_text);
    if (status == DA_OK && strcmp(here_text, there_text) != 0)
        status = DA_FAIL(DA_ERROR_FORMAT, "'%.200s' holds another network: its unit '%s' is %.200s, not %.200s", path,
                         unit->name, there_text, here_text);
    da_free(here_text);
    da_free(there_text);
    return status;
}

/* Names and shapes of parameters say nothing about strides, dropout or the kind of an activation. */
static da_status compare_units(const da_model *model, const da_safetensors *file, const char *path) {
    da_model *there = NULL;
    if (!da_safetensors_metadata(file, "deeparc.model")) return DA_OK;
    DA_TRY(plan_model(&there, file, path));
    da_status status = DA_OK;
    if (there->unit_count != model->unit_count)
        status = DA_FAIL(DA_ERROR_FORMAT, "'%.200s' holds another network: of %s, not %d", path,
                         da_count(there->unit_count, "unit").text, model->unit_count);
    for (int i = 0; i < model->unit_count && status == DA_OK; i++) status = compare_unit(model->units[i], there, path);
    da_model_free(there);
    return status;
}

da_status da_checkpoint_compare(const da_model *model, const da_safetensors *file, const char *path) {
    DA_TRY(compare_tensors(model, file, path));
    return compare_units(model, file, path);
}

/* ---- Reading ---- */

static int64_t largest_parameter(const da_parameter_list *list) {
    int64_t most = 1;
    for (int i = 0; i < list->count; i++)
        if (da_parameter_count(list->items[i].parameter) > most) most = da_parameter_count(list->items[i].parameter);
    return most;
}

/* After a comparison that held: all that can fail is the buffer, which comes first. */
static da_status fill(da_model *model, const da_safetensors *file) {
    da_parameter_list list;
    DA_TRY(da_model_parameters(model, &list));
    int64_t most = largest_parameter(&list);
    float *values = da_alloc((size_t)most * sizeof *values);
    da_status status = values ? DA_OK : DA_ERROR_MEMORY;
    for (int i = 0; i < list.count && status == DA_OK; i++) {
        da_parameter *p = list.items[i].parameter;
        status = da_safetensors_floats(dai_checkpoint_entry(file, list.items[i].name), values);
        if (status == DA_OK) da_layout_to_memory(&p->layout, values, da_tensor_floats(&p->value));
    }
    da_free(values);
    da_parameter_list_free(&list);
    return status;
}

/* buffer: twice the values of the largest parameter, once in file order and once in memory's. */
static da_status check_frozen(const da_parameter_list *list, const da_safetensors *file, float *buffer,
                              const char *path) {
    for (int i = 0; i < list->count; i++) {
        const da_parameter *p = list->items[i].parameter;
        float *values = buffer + da_parameter_count(p);
        if (!p->frozen) continue;
        DA_TRY(da_safetensors_floats(dai_checkpoint_entry(file, list->items[i].name), buffer));
        da_layout_to_memory(&p->layout, buffer, values);
        if (memcmp(values, p->value.data, da_tensor_bytes(&p->value)) != 0)
            return DA_FAIL(DA_ERROR_ARGUMENT, "'%.200s' belongs to another model: '%s' is frozen and has other values "
                           "there", path, list->items[i].name);
    }
    return DA_OK;
}

da_status da_checkpoint_check_frozen(const da_model *model, const da_safetensors *file, const char *path) {
    da_parameter_list list;
    DA_TRY(da_model_parameters(model, &list));
    float *buffer = da_alloc(2 * (size_t)largest_parameter(&list) * sizeof *buffer);
    da_status status = buffer ? check_frozen(&list, file, buffer, path) : DA_ERROR_MEMORY;
    da_free(buffer);
    da_parameter_list_free(&list);
    return status;
}

static da_status read_history(da_history *history, const da_safetensors *file, const char *path) {
    da_status status = dai_trainings_read(history, da_safetensors_metadata(file, "deeparc.trainings"));
    if (status == DA_OK || status == DA_ERROR_MEMORY) return status;
    return DA_FAIL(DA_ERROR_FORMAT, "the history of the model in '%.200s' cannot be read: %s", path,
                   da_error_message());
}

static da_status complete(da_model *planned, const da_safetensors *file, const char *path) {
    DA_TRY(compare_tensors(planned, file, path));
    DA_TRY(read_history(&planned->history, file, path));
    DA_TRY(da_model_set_run(planned, da_safetensors_metadata(file, "deeparc.run")));
    DA_TRY(dai_model_allocate(planned));
    return fill(planned, file);
}

da_status da_checkpoint_read(da_safetensors *file, const char *path) {
    da_safetensors read = { 0 };
    DA_TRY(da_safetensors_read(&read, path));
    da_status status = dai_seal_check(&read, path);
    if (status == DA_OK) *file = read;
    else da_safetensors_free(&read);
    return status;
}

da_status da_checkpoint_load(da_model **model, const char *path, da_safetensors *file) {
    da_safetensors read = { 0 };
    da_model *planned = NULL;
    DA_TRY(da_checkpoint_read(&read, path));
    da_status status = plan_model(&planned, &read, path);
    if (status == DA_OK) status = dai_model_hand_over(model, planned, complete(planned, &read, path));
    if (status == DA_OK && file) *file = read;
    else da_safetensors_free(&read);
    return status;
}

/* The run is the caller's to name: it fills a model that is there already. */
da_status da_checkpoint_fill(da_model *model, const da_safetensors *file, const char *path) {
    da_history read = { 0 };
    DA_TRY(da_checkpoint_compare(model, file, path));
    DA_TRY(read_history(&read, file, path));
    da_status status = fill(model, file);
    if (status == DA_OK) {
        const da_history was = model->history;
        model->history = (da_history){ read.trainings, read.training_count, was.run };
        read = (da_history){ was.trainings, was.training_count, NULL };
    }
    dai_history_free(&read);
    return status;
}

da_status da_checkpoint_load_into(da_model *model, const char *path) {
    da_safetensors file = { 0 };
    DA_TRY(da_checkpoint_read(&file, path));
    da_status status = da_checkpoint_fill(model, &file, path);
    da_safetensors_free(&file);
    return status;
}
