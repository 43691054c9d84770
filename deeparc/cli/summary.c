/* deeparc summary: the units of a model, with their shapes and sizes. */
#include "deeparc/cli/cli.h"

#include "core/file.h"
#include "core/memory.h"
#include "layers/summary.h"
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

static void put_shape(cli *c, const char *key, int ndim, const int64_t *shape) {
    da_json_key(&c->writer, key);
    da_json_begin_array(&c->writer);
    for (int i = 0; i < ndim; i++) da_json_put_int(&c->writer, shape[i]);
    da_json_end(&c->writer);
}

static void put_size(cli *c, const da_model_size *size) {
    cli_put_int(c, "parameters", size->parameters);
    cli_put_int(c, "buffers", size->buffers);
    cli_put_int(c, "multiply_adds", size->multiply_adds);
    cli_put_int(c, "activation_bytes", size->activation_bytes);
}

static da_status put_model(cli *c, const da_model *model) {
    da_model_size total, *sizes = da_alloc_zero((size_t)model->unit_count, sizeof *sizes);
    if (!sizes) return DA_ERROR_MEMORY;
    da_status status = da_model_measure(model, &total, sizes);
    if (status == DA_OK) {
        cli_put_text(c, "model", model->architecture);
        put_shape(c, "input", 3, model->input_shape);
        cli_put_int(c, "classes", model->classes);
        cli_put_text(c, "conv", da_conv_method_name(model->conv));
        put_size(c, &total);
        da_json_key(&c->writer, "units");
        da_json_begin_array(&c->writer);
        for (int u = 0; u < model->unit_count; u++) {
            const da_layer *unit = model->units[u];
            da_json_begin_object(&c->writer);
            cli_put_text(c, "name", unit->path);
            cli_put_text(c, "kind", da_layer_kind_name(unit->options.kind));
            put_shape(c, "output", unit->out_ndim, unit->out_shape);
            put_size(c, &sizes[u]);
            da_json_end(&c->writer);
        }
        da_json_end(&c->writer);
    }
    da_free(sizes);
    return status;
}

static da_status run(cli *c) {
    da_model *model = NULL;
    char *text = NULL;
    DA_TRY(open_model(c, &model));
    da_status status = c->json ? put_model(c, model) : da_model_summary(model, &text);
    if (status == DA_OK && text) cli_print(c, "%s", text);
    if (status == DA_OK && text && model->conv != DA_CONV_DIRECT)
        cli_print(c, "convolutions are computed %s\n",
                  model->conv == DA_CONV_AUTO ? "by Winograd's algorithm where it is faster" : "by Winograd's algorithm");
    da_free(text);
    da_model_free(model);
    return status;
}

const cli_command cli_summary = {
    .name = "summary", .purpose = "list a model's units, shapes and sizes", .arguments = "MODEL", .file = CLI_READS,
    .example = "summary resnet20 --input 32x32x3", .options = options, .run = run,
    .notes = "MODEL is a file, or a name of the zoo: mlp, lenet, smallcnn, vgg11, vgg16, resnet20, ... Multiply-adds\n"
             "and activation bytes are for one image."
};
