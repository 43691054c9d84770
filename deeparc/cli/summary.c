/* deeparc summary: the units of a model, with their shapes and sizes. */
#include "deeparc/cli/cli.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/number.h"
#include "layers/zoo.h"

#include <stdlib.h>
#include <string.h>

static const cli_option options[] = {
    { .name = "input", .kind = CLI_TEXT, .value = "HxWxC",
      .help = "of a model named, not in a file: size of its images (28x28x1)" },
    { .name = "classes", .kind = CLI_INT, .value = "N", .low = 2, .high = DA_MAX_CLASSES,
      .help = "of a model named (10)" },
    { .name = NULL }
};

static da_status parse_input(cli *c, int64_t shape[3]) {
    const char *text = cli_text(c, "input"), *at = text;
    for (int i = 0; i < 3; i++) {
        char *end;
        long long size = *at >= '0' && *at <= '9' ? strtoll(at, &end, 10) : 0;
        if (size < 1 || size > 1 << 20 || *end != (i < 2 ? 'x' : 0))
            return cli_usage(c, "--input '%s' must be height x width x channels, such as 32x32x3", text);
        shape[i] = size;
        at = end + 1;
    }
    return DA_OK;
}

/* A file of that name wins over the zoo. */
static da_status open_model(cli *c, da_model **model) {
    const char *name = c->arguments[0];
    bool shaped = cli_has(c, "input") || cli_has(c, "classes");
    if (da_file_exists(name) || strchr(name, '/')) {
        if (shaped) return cli_usage(c, "--input and --classes have no effect on a file: it records its own");
        return cli_model_open(c, model, name);
    }
    int64_t input[3] = { 28, 28, 1 };
    if (cli_has(c, "input")) DA_TRY(parse_input(c, input));
    return da_zoo_build(model, name, input, cli_has(c, "classes") ? (int)cli_int(c, "classes") : 10, NULL);
}

static void put_shape(da_result *to, const char *key, int ndim, const int64_t *shape) {
    da_result *list = da_result_list(to, key);
    for (int i = 0; i < ndim; i++) da_result_put(list, NULL, da_whole(shape[i]));
}

static void put_size(da_result *to, const da_model_size *size) {
    da_result_put(to, "parameters", da_whole(size->parameters));
    da_result_put(to, "frozen", da_whole(size->frozen));
    da_result_put(to, "buffers", da_whole(size->buffers));
    da_result_put(to, "multiply_adds", da_whole(size->multiply_adds));
    da_result_put(to, "activation_bytes", da_whole(size->activation_bytes));
}

static void show_row(da_result *table, const char *name, const char *kind, const char *shape, const da_model_size *size) {
    const char *frozen = size->frozen == 0 ? "" : size->frozen == size->parameters ? "frozen" : "partly frozen";
    da_row(table, da_word(name), da_word(kind), da_word(shape), da_whole(size->parameters),
           da_whole(size->multiply_adds), da_whole(size->activation_bytes), da_word(frozen));
}

/* In records a unit is an object, with its sizes as the model has them; in the terminal it is a row. */
static void put_units(da_result *to, const da_model *model, const da_model_size *total, const da_model_size *sizes) {
    static const da_column columns[] = { { .label = "unit" }, { .label = "kind" }, { .label = "output" },
        { .label = "parameters" }, { .label = "multiply-adds" }, { .label = "activation B" }, { .label = "" } };
    da_result *table = da_result_table(to, NULL, columns, sizeof columns / sizeof *columns);
    da_result *units = da_result_list(to, "units");
    for (int u = 0; u < model->unit_count; u++) {
        const da_layer *unit = model->units[u];
        const char *kind = da_layer_kind_name(unit->options.kind);
        da_result *at = da_result_object(units, NULL);
        char shape[96];
        da_result_put(at, "name", da_word(unit->path));
        da_result_put(at, "kind", da_word(kind));
        put_shape(at, "output", unit->out_ndim, unit->out_shape);
        put_size(at, &sizes[u]);
        show_row(table, unit->path, kind, da_shape_text(shape, unit->out_ndim, unit->out_shape), &sizes[u]);
    }
    show_row(table, "total", "", "", total);
}

static da_status put_model(da_result *to, const da_model *model) {
    static const char *const ways[] = { NULL, "by Winograd's algorithm", "by Winograd's algorithm where it is faster" };
    da_model_size total, *sizes = da_alloc_zero((size_t)model->unit_count, sizeof *sizes);
    char shape[96];
    if (!sizes) return DA_ERROR_MEMORY;
    da_status status = da_model_measure(model, &total, sizes);
    if (status == DA_OK) {
        da_result_put(to, "model", da_word(model->architecture));
        put_shape(to, "input", 3, model->input_shape);
        da_result_put(to, "classes", da_whole(model->classes));
        da_result_put(to, "conv", da_word(da_conv_method_name(model->conv)));
        put_size(to, &total);
        da_result_say(to, "%s: input %s, %s\n", model->architecture, da_shape_text(shape, 3, model->input_shape),
                      da_count(model->classes, "class").text);
        put_units(to, model, &total, sizes);
        da_result_say(to, "%lld parameters train or may train, %lld values of running statistics; multiply-adds and "
                      "activation bytes are for one sample\n", (long long)total.parameters, (long long)total.buffers);
        if (ways[model->conv]) da_result_say(to, "convolutions are computed %s\n", ways[model->conv]);
    }
    da_free(sizes);
    return status;
}

static da_status run(cli *c) {
    da_model *model = NULL;
    DA_TRY(open_model(c, &model));
    da_status status = put_model(c->result, model);
    da_model_free(model);
    return status;
}

const cli_command cli_summary = {
    .name = "summary", .purpose = "list a model's units, shapes and sizes", .arguments = "MODEL", .file = CLI_READS,
    .example = "summary resnet20 --input 32x32x3", .options = options, .run = run,
    .notes = "MODEL is a file, or a name of the zoo: mlp, lenet, smallcnn, vgg11, vgg16, resnet20, ... Multiply-adds\n"
             "and activation bytes are for one image."
};
