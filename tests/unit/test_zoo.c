/* The zoo: names, shapes, and what is refused. */
#include "layers/zoo.h"
#include "tests/unit/test.h"

static const int64_t digit[3] = { 28, 28, 1 }, colour[3] = { 32, 32, 3 };

static da_model *build(const char *name, const int64_t *input) {
    da_model *model = NULL;
    CHECK_OK(da_zoo_build(&model, name, input, 10, NULL));
    return model;
}

static da_layer *unit(const da_model *model, const char *name) {
    int i = da_model_find(model, name);
    if (i < 0) test_fail(__FILE__, __LINE__, "%s", da_error_message());
    return model->units[i < 0 ? 0 : i];
}

TEST(zoo_every_network_ends_in_its_classes) {
    static const char *const names[] = { "mlp", "mlp-30", "mlp-20-10-5", "lenet", "smallcnn", "vgg11", "vgg16",
                                         "resnet8", "resnet20x0.5" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        for (int which = 0; which < 2; which++) {
            da_model *model = build(names[i], which ? colour : digit);
            const da_layer *last = model->units[model->unit_count - 1];
            CHECK_INT(last->out_ndim, 1);
            CHECK_INT(last->out_shape[0], 10);
            CHECK_TEXT(model->architecture, names[i]);
            da_model_free(model);
        }
}

TEST(zoo_lenet_sees_400_features_either_way) {
    const int64_t grey[3] = { 32, 32, 1 };
    da_model *small = build("lenet", digit), *large = build("lenet", grey);
    CHECK_INT(unit(small, "fc1")->parameters[0].layout.file_shape[1], 400);
    CHECK_INT(unit(large, "fc1")->parameters[0].layout.file_shape[1], 400);
    da_model_free(small);
    da_model_free(large);
}

TEST(zoo_mlp_names_every_layer) {
    da_model *model = build("mlp-30-20", digit);
    CHECK_INT(model->unit_count, 5);
    CHECK_INT(unit(model, "fc1")->out_shape[0], 30);
    CHECK_INT(unit(model, "relu2")->out_shape[0], 20);
    CHECK_INT(unit(model, "fc3")->out_shape[0], 10);
    da_model_free(model);
}

TEST(zoo_vgg_counts_steps_as_torchvision) {
    da_model *model = build("vgg11", colour), *digits = build("vgg11", digit);
    CHECK_INT(unit(model, "features.4")->parameters[0].layout.file_shape[0], 128);
    CHECK_INT(unit(model, "features.25")->options.kind, DA_LAYER_CONV2D);
    CHECK_INT(unit(model, "features.28")->options.kind, DA_LAYER_MAX_POOL);
    CHECK_INT(unit(digits, "features.25")->options.kind, DA_LAYER_CONV2D);
    CHECK_INT(da_model_find(digits, "features.28"), -1);
    CHECK_INT(unit(digits, "classifier")->in_shape[0], 512);
    da_model_free(model);
    da_model_free(digits);
}

TEST(zoo_resnet_shortcuts_and_widths) {
    da_model *model = build("resnet20x0.5", colour);
    CHECK_INT(unit(model, "layer3.2")->out_shape[2], 32);
    CHECK_INT(unit(model, "layer2.0")->options.shortcut, DA_SHORTCUT_PAD);
    CHECK_INT(unit(model, "layer2.1")->options.shortcut, DA_SHORTCUT_IDENTITY);
    da_model_free(model);
    CHECK_OK(da_zoo_build(&model, "resnet14", colour, 10, &(da_zoo_options){ DA_SHORTCUT_CONV_NORM }));
    CHECK_TEXT(unit(model, "layer3.0")->children[5]->children[1]->path, "layer3.0.shortcut.1");
    da_model_free(model);
}

TEST(zoo_refuses_what_it_does_not_know) {
    static const struct { const char *name, *part; } unknown[] = {
        { "", "mlp" }, { "alexnet", "resnet20" }, { "lenet5", "lenet" }, { "vgg13", "vgg16" }, { "resnet", "6n+2" },
            { "resnet18", "6n+2" },
        { "resnet2", "6n+2" }, { "resnet-8", "6n+2" }, { "resnet9999999999999999999", "6n+2" }, { "resnet20x",
                "resnet20x0.5" },
        { "resnet20x0", "0.0625" }, { "resnet20xnan", "0.0625" }, { "resnet20y2", "multiplied" }, { "mlp-", "mlp-W1" },
            { "mlp-0", "mlp-W1" },
        { "mlp-5-", "mlp-W1" }, { "mlp-5x", "mlp-W1" }, { "mlp--5", "mlp-W1" }, { "mlp-99999999999999999999",
                "mlp-W1" }, { "mlp5", "mlp" },
        { "mlp-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1", "up to 16" },
    };
    da_model *model = NULL;
    const int64_t tiny[3] = { 8, 8, 1 };
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        CHECK_FAILS(da_zoo_build(&model, unknown[i].name, digit, 10, NULL), DA_ERROR_NOT_FOUND, unknown[i].part);
    CHECK_FAILS(da_zoo_build(&model, "lenet", tiny, 10, NULL), DA_ERROR_SHAPE, "conv2d 'conv2'");
    CHECK_FAILS(da_zoo_build(&model, "lenet", digit, 10, &(da_zoo_options){ DA_SHORTCUT_PAD }), DA_ERROR_ARGUMENT, "no "
                "shortcuts");
    CHECK(model == NULL);
}
