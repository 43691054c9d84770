/* Algorithm 2: consume every module of more than one layer from its end. */
#include "deeparc/order.h"
#include "core/memory.h"

#include <string.h>

/* The invariants of a partition; *grouped gets the number of layers in modules of more than one. */
static da_status check(const da_partition *p, int *grouped) {
    int next = 0;
    *grouped = 0;
    for (int m = 0; m < p->modules; m++) {
        da_module_range range = p->module[m];
        if (range.begin != next || range.end <= range.begin || range.end > p->layers)
            return DA_FAIL(DA_ERROR_ARGUMENT,
                           "order: module %d is [%d, %d): modules must follow each other from 0 to %d",
                           m, range.begin, range.end, p->layers);
        if (range.end - range.begin > 1) *grouped += range.end - range.begin;
        next = range.end;
    }
    if (next != p->layers || p->layers < 1)
        return DA_FAIL(DA_ERROR_ARGUMENT, "order: the modules end at layer %d of %d", next, p->layers);
    return DA_OK;
}

da_status da_order_from_partition(const da_partition *partition, da_order *out) {
    int grouped;
    DA_TRY(check(partition, &grouped));
    da_order made = { 0, da_alloc_zero((size_t)grouped, sizeof *made.step) };
    if (!made.step) return DA_ERROR_MEMORY;
    for (int m = 0; m < partition->modules; m++) {
        da_module_range range = partition->module[m];
        if (da_partition_is_alone(partition, m)) continue;
        for (int layer = range.end - 1; layer >= range.begin; layer--)
            made.step[made.count++] = (da_order_step){ layer, m, range.end - layer, layer - range.begin };
    }
    *out = made;
    return DA_OK;
}

void da_order_free(da_order *order) {
    if (!order) return;
    da_free(order->step);
    memset(order, 0, sizeof *order);
}
