/* deeparc order: in which sequence layers would be removed (Algorithm 2), from a similarity matrix alone. */
#include "deeparc/cli/matrix.h"
#include "deeparc/cli/record.h"
#include "deeparc/order.h"

typedef struct result { cli *c; const matrix *m; const da_order *order; } result;

static void members(const void *context, da_json_writer *to) {
    const result *r = context;
    char text[16];
    matrix_record(r->c, to, r->m->names, &r->m->partition);
    matrix_record_split(r->m, to);
    da_json_key(to, "order");
    da_json_begin_array(to);
    for (int k = 0; k < r->order->count; k++) da_json_put_int(to, r->order->step[k].layer);
    da_json_end(to);
    da_json_key(to, "steps");
    da_json_begin_array(to);
    for (int k = 0; k < r->order->count; k++) {
        const da_order_step *step = &r->order->step[k];
        da_json_begin_object(to);
        record_int(to, "layer", step->layer);
        if (r->m->names) record_text(to, "name", matrix_name(text, r->m->names, step->layer));
        record_int(to, "module", step->module);
        da_json_key(to, "begins_stage");
        da_json_put_bool(to, matrix_begins_stage(r->m->names, step->layer));
        record_int(to, "keeps", step->keeps);
        da_json_end(to);
    }
    da_json_end(to);
}

static void print(const result *r) {
    char text[16];
    if (r->order->count == 0) cli_print(r->c, "no module has more than one layer: nothing to remove\n");
    for (int k = 0; k < r->order->count; k++) {
        const da_order_step *step = &r->order->step[k];
        da_module_range m = r->m->partition.module[step->module];
        bool stage = matrix_begins_stage(r->m->names, step->layer);
        cli_print(r->c, "%4d %c%-12s of [%d, %d)%s\n", k + 1, stage ? '>' : ' ',
                  matrix_name(text, r->m->names, step->layer), m.begin, m.end,
                  step->keeps == 0 ? ", its last layer: the module would be gone" : "");
    }
    matrix_print_stages(r->c, r->m->names, r->m->layers);
}

static da_status order_run(cli *c) {
    matrix m = { 0 };
    da_order order = { 0 };
    DA_TRY(matrix_open(c, &m));
    da_status status = da_order_from_partition(&m.partition, &order);
    result r = { c, &m, &order };
    if (status == DA_OK) cli_aside(c, record_write(c, members, &r));
    if (status == DA_OK) print(&r);
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
