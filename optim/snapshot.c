/* Copies of parameters and running statistics. */
#include "optim/snapshot.h"
#include "core/memory.h"

#include <stdio.h>
#include <string.h>

static bool belongs(const da_parameter *parameter, bool buffers_only) {
    return !parameter->frozen && (parameter->buffer || !buffers_only);
}

/* What a checkpoint calls the value: "optimizer/best/conv1.weight". */
static char *name_in_file(const char *parameter) {
    size_t size = strlen(parameter) + sizeof "optimizer/best/";
    char *name = da_alloc(size);
    if (name) snprintf(name, size, "optimizer/best/%s", parameter);
    return name;
}

static da_status fill(dai_snapshot *s, const da_parameter_list *list, bool buffers_only) {
    int64_t floats = 0;
    s->items = da_alloc_zero((size_t)list->count, sizeof *s->items);
    s->values = da_alloc_zero((size_t)list->count, sizeof *s->values);
    if (!s->items || !s->values) return DA_ERROR_MEMORY;
    for (int i = 0; i < list->count; i++) {
        const da_named_parameter *from = &list->items[i];
        if (!belongs(from->parameter, buffers_only)) continue;
        da_named_parameter *item = &s->items[s->count++];
        *item = *from;
        item->name = name_in_file(from->name);
        if (!item->name) return DA_ERROR_MEMORY;
        floats += da_tensor_count(&item->parameter->value);
    }
    s->block = da_alloc((size_t)floats * sizeof *s->block);
    if (!s->block) return DA_ERROR_MEMORY;
    float *at = s->block;
    for (int i = 0; i < s->count; i++) {
        const da_tensor *value = &s->items[i].parameter->value;
        s->values[i] = da_tensor_over(at, DA_FLOAT32, value->ndim, value->shape);
        at += da_tensor_count(value);
    }
    return DA_OK;
}

da_status dai_snapshot_init(dai_snapshot *snapshot, const da_model *model, bool buffers_only) {
    da_parameter_list list = { 0 };
    dai_snapshot made = { 0 };
    DA_TRY(da_model_parameters(model, &list));
    da_status status = fill(&made, &list, buffers_only);
    da_parameter_list_free(&list);
    if (status == DA_OK) *snapshot = made;
    else dai_snapshot_free(&made);
    return status;
}

void dai_snapshot_free(dai_snapshot *s) {
    for (int i = 0; i < s->count; i++) da_free(s->items[i].name);
    da_free(s->items);
    da_free(s->values);
    da_free(s->block);
    memset(s, 0, sizeof *s);
}

void dai_snapshot_take(dai_snapshot *s) {
    for (int i = 0; i < s->count; i++) {
        const da_tensor *value = &s->items[i].parameter->value;
        memcpy(s->values[i].data, value->data, da_tensor_bytes(value));
    }
}

void dai_snapshot_restore(const dai_snapshot *s) {
    for (int i = 0; i < s->count; i++) {
        const da_tensor *value = &s->items[i].parameter->value;
        memcpy(value->data, s->values[i].data, da_tensor_bytes(value));
    }
}
