/* All parameters of a model by name: listing them, giving them their first values, and their fingerprint. */
#include "layers/internal.h"

#include "core/memory.h"
#include "core/random.h"
#include "core/sha256.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The list: | item 0 | item 1 | ... | "conv1.weight" "bn1.weight" ... |, one block ---- */

typedef struct gathering {
    int count, unit;
    size_t characters;
    da_named_parameter *item; /* NULL: only count */
    char *text;
} gathering;

static void gather(void *context, da_layer *layer) {
    gathering *g = context;
    for (int i = 0; i < layer->parameter_count; i++) {
        size_t path = strlen(layer->path), name = strlen(layer->parameters[i].name);
        g->count++;
        g->characters += path + name + 2;
        if (!g->item) continue;
        *g->item++ = (da_named_parameter){ .name = g->text, .parameter = &layer->parameters[i], .unit = g->unit };
        memcpy(g->text, layer->path, path);
        g->text[path] = '.';
        memcpy(g->text + path + 1, layer->parameters[i].name, name + 1);
        g->text += path + name + 2;
    }
}

da_status da_model_parameters(const da_model *model, da_parameter_list *list) {
    gathering g = { 0 };
    for (int i = 0; i < model->unit_count; i++) dai_layer_walk(model->units[i], gather, &g);
    da_named_parameter *items = da_alloc((size_t)g.count * sizeof *items + g.characters);
    if (!items) return DA_ERROR_MEMORY;
    *list = (da_parameter_list){ .items = items, .count = g.count };
    g = (gathering){ .item = items, .text = (char *)(items + g.count) };
    for (g.unit = 0; g.unit < model->unit_count; g.unit++) dai_layer_walk(model->units[g.unit], gather, &g);
    return DA_OK;
}

void da_parameter_list_free(da_parameter_list *list) {
    da_free(list->items);
    *list = (da_parameter_list){ 0 };
}

/* Memory for the largest parameter in file order. */
static float *largest_buffer(const da_parameter_list *list) {
    int64_t most = 1;
    for (int i = 0; i < list->count; i++) {
        int64_t count = da_parameter_count(list->items[i].parameter);
        if (count > most) most = count;
    }
    return da_alloc((size_t)most * sizeof(float));
}

/* ---- First values ---- */

/* Of a weight with O outputs made from `fan_in` values each: fan_out = O * kernel area / groups. */
static float weight_deviation(const da_parameter *p, da_initialization how, int64_t groups) {
    const int64_t *shape = p->layout.file_shape;
    int64_t fan_in = 1, area = 1;
    for (int d = 1; d < p->layout.file_ndim; d++) fan_in *= shape[d];
    for (int d = 2; d < p->layout.file_ndim; d++) area *= shape[d];
    /* linear: 0 groups */
    int64_t fans = how == DA_INIT_HE ? fan_in : fan_in + shape[0] * area / (groups > 0 ? groups : 1);
    return sqrtf(2.0f / (float)fans);
}

typedef struct start { da_initialization how; uint64_t seed; float *buffer; } start;

static void start_weight(const start *s, const char *path, da_parameter *p, int64_t groups) {
    char name[DA_MAX_PATH + 16];
    snprintf(name, sizeof name, "%s.%s", path, p->name);
    float deviation = weight_deviation(p, s->how, groups);
    uint64_t stream = da_stream(DA_RANDOM_INIT, dai_name_key(name));
    for (int64_t i = 0; i < da_parameter_count(p); i++)
        s->buffer[i] = deviation * da_random_normal(s->seed, stream, (uint64_t)i);
    da_layout_to_memory(&p->layout, s->buffer, da_tensor_floats(&p->value));
}

static void start_layer(void *context, da_layer *layer) {
    const start *s = context;
    for (int i = 0; i < layer->parameter_count; i++) {
        da_parameter *p = &layer->parameters[i];
        if (p->frozen) continue;
        if (p->layout.file_ndim > 1) start_weight(s, layer->path, p, layer->options.groups);
        else dai_parameter_reset(p, layer->options.kind);
    }
}

da_status da_model_initialize(da_model *model, da_initialization how, uint64_t seed) {
    da_parameter_list list;
    DA_TRY(da_model_parameters(model, &list));
    start s = { .how = how, .seed = seed, .buffer = largest_buffer(&list) };
    da_parameter_list_free(&list);
    if (!s.buffer) return DA_ERROR_MEMORY;
    for (int i = 0; i < model->unit_count; i++) dai_layer_walk(model->units[i], start_layer, &s);
    da_free(s.buffer);
    return DA_OK;
}

/* ---- Fingerprint ---- */

static int by_name(const void *a, const void *b) {
    return strcmp(((const da_named_parameter *)a)->name, ((const da_named_parameter *)b)->name);
}

da_status da_model_hash(const da_model *model, int unit, char hex[65]) {
    da_parameter_list list;
    da_sha256 sha;
    DA_TRY(da_model_parameters(model, &list));
    float *file = largest_buffer(&list);
    if (!file) {
        da_parameter_list_free(&list);
        return DA_ERROR_MEMORY;
    }
    qsort(list.items, (size_t)list.count, sizeof *list.items, by_name);
    da_sha256_init(&sha);
    for (int i = 0; i < list.count; i++) {
        const da_parameter *p = list.items[i].parameter;
        if (unit >= 0 && list.items[i].unit != unit) continue;
        da_sha256_text(&sha, list.items[i].name);
        da_sha256_text(&sha, "F32");
        da_sha256_uint64(&sha, (uint64_t)p->layout.file_ndim);
        for (int d = 0; d < p->layout.file_ndim; d++) da_sha256_uint64(&sha, (uint64_t)p->layout.file_shape[d]);
        da_layout_to_file(&p->layout, da_tensor_floats(&p->value), file);
        da_sha256_numbers(&sha, file, (size_t)da_parameter_count(p), sizeof *file);
    }
    da_sha256_hex(&sha, hex);
    da_free(file);
    da_parameter_list_free(&list);
    return DA_OK;
}

da_status dai_model_fingerprint(const da_model *model, const char values[65], char hex[65]) {
    char *function = NULL;
    da_sha256 sha;
    DA_TRY(dai_model_describe(model, false, &function));
    da_sha256_init(&sha);
    da_sha256_text(&sha, function);
    da_sha256_text(&sha, values);
    da_sha256_hex(&sha, hex);
    da_free(function);
    return DA_OK;
}

da_status da_model_fingerprint(const da_model *model, char hex[65]) {
    char values[65];
    DA_TRY(da_model_hash(model, -1, values));
    return dai_model_fingerprint(model, values, hex);
}
