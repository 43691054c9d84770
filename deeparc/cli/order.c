/* deeparc order: in which sequence layers would be removed (Algorithm 2), from a similarity matrix alone. */
#include "deeparc/cli/matrix.h"
#include "deeparc/cli/record.h"
#include "deeparc/order.h"

#include <stdio.h>

static void put_steps(da_result *to, const matrix *m, const da_order *order) {
    static const da_column columns[] = {
        { .label = "step" }, { .key = "layer" }, { .key = "name" }, { .key = "module" }, { .key = "begins_stage" },
        { .key = "keeps" }, { .label = "layer" }, { .label = "module" }, { .label = "" } };
    da_result *table = da_result_table(to, "steps", columns, 9);
    for (int k = 0; k < order->count; k++) {
        const da_order_step *step = &order->step[k];
        const da_module_range range = m->partition.module[step->module];
        bool stage = matrix_begins_stage(m->names, step->layer);
        char number[16], name[128], module[32];
        const char *text = matrix_name(number, m->names, step->layer);
        snprintf(name, sizeof name, "%s%s", stage ? ">" : "", text);
        snprintf(module, sizeof module, "[%d, %d)", range.begin, range.end);
        da_row(table, da_whole(k + 1), da_whole(step->layer), da_if(m->names, da_word(text)), da_whole(step->module),
               da_flag(stage), da_whole(step->keeps), da_word(name), da_word(module),
               da_word(step->keeps == 0 ? "its last layer: the module would be gone" : ""));
    }
    matrix_say_stages(to, m->names, m->layers);
}

static void put_result(const cli *c, const matrix *m, const da_order *order) {
    da_result *to = c->result;
    matrix_put(c, to, m->names, &m->partition);
    matrix_put_split(m, to);
    da_result *list = da_result_list(to, "order");
    for (int k = 0; k < order->count; k++) da_result_put(list, NULL, da_whole(order->step[k].layer));
    if (order->count == 0) da_result_say(to, "no module has more than one layer: nothing to remove\n");
    put_steps(to, m, order);
}

static da_status order_run(cli *c) {
    matrix m = { 0 };
    da_order order = { 0 };
    DA_TRY(matrix_open(c, &m));
    da_status status = da_order_from_partition(&m.partition, &order);
    if (status == DA_OK) put_result(c, &m, &order);
    da_order_free(&order);
    matrix_free(&m);
    return status;
}

static const cli_option options[] = {
    MATRIX_FILE,
    MATRIX_MODULES,
    MATRIX_NAMES,
    RECORD_OPTION,
    { .name = NULL }
};

const cli_command cli_order = {
    .name = "order", .purpose = "list the order in which layers can be removed", .arguments = "",
    .example = "order --similarity cka.csv --threshold 0.95",
    .notes = "Each module of more than one layer is consumed from its last layer to its first. A layer that begins a\n"
             "stage is marked by '>': it changes the shape and stays. Names come from --names, else from the record\n"
             "beside the matrix, cka.json beside cka.csv.",
    .options = options, .run = order_run
};
