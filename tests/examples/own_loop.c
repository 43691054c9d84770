/* A network of your own and a training loop of your own: what da_train does, in thirty lines. */
#include "deeparc/deeparc.h"

#include <stdio.h>

static da_status build(da_model **model) {
    DA_TRY(da_model_new(model, "mine", (int64_t[]){ 28, 28, 1 }, 10));
    const struct { const char *name; da_layer_options options; } layers[] = {
        { "conv1", { .kind = DA_LAYER_CONV2D, .outputs = 8, .kernel = 5, .padding = 2 } },
        { "relu1", { .kind = DA_LAYER_RELU } },
        { "pool1", { .kind = DA_LAYER_MAX_POOL, .size = 4 } },
        { "flatten", { .kind = DA_LAYER_FLATTEN } },
        { "fc", { .kind = DA_LAYER_LINEAR, .outputs = 10 } },
    };
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        DA_TRY(da_model_append(*model, layers[i].name, &layers[i].options));
    return da_model_initialize(*model, DA_INIT_HE, 1);
}

static da_status step(da_model *model, da_graph *graph, da_optimizer *optimizer, const da_feed *feed) {
    da_graph_reset(graph); /* the last step's nodes end here, their memory serves again */
    da_forward forward = { .graph = graph, .training = true };
    da_node *logits = da_model_forward(model, &forward, da_graph_input(graph, &feed->batch));
    da_node *loss = da_cross_entropy(graph, logits, feed->labels, 0);
    DA_TRY(da_graph_status(graph)); /* formulas stay formulas: the first error of all, asked for once */
    DA_TRY(da_graph_backward(graph, loss));
    return da_optimizer_step(optimizer, 0.02f, NULL);
}

static da_status train(da_model *model, const da_dataset *data, da_graph *graph, da_optimizer *optimizer, da_feed *feed) {
    const da_feed_options options = { .batches = { .batch_size = 32, .shuffle = true, .seed = 1 }, .labels_for = "training" };
    DA_TRY(da_model_normalize_like(model, data));
    DA_TRY(da_feed_open(feed, model, data, &options));
    for (int64_t epoch = 0; epoch < 4; epoch++)
        for (int64_t i = 0; i < da_feed_steps(feed); i++) {
            DA_TRY(da_feed_read(feed, epoch, i));
            DA_TRY(step(model, graph, optimizer, feed));
        }
    return DA_OK;
}

int main(void) {
    da_dataset data = { 0 }, test = { 0 };
    da_model *model = NULL;
    da_graph *graph = NULL;
    da_optimizer *optimizer = NULL;
    da_feed feed = { 0 };
    da_evaluation seen = { 0 };
    const da_optimizer_options sgd = da_optimizer_defaults(DA_SGD);
    da_status status = da_dataset_load(&data, "digits", DA_TRAIN, NULL, &(da_dataset_options){ .count = 2000, .seed = 1 });
    if (status == DA_OK) status = da_dataset_load(&test, "digits", DA_TEST, NULL, &(da_dataset_options){ .count = 500, .seed = 1 });
    if (status == DA_OK) status = build(&model);
    if (status == DA_OK) status = da_graph_new(&graph);
    if (status == DA_OK) status = da_optimizer_new(&optimizer, model, &sgd, NULL, 0);
    if (status == DA_OK) status = train(model, &data, graph, optimizer, &feed);
    if (status == DA_OK) status = da_evaluate(model, &test, 100, NULL, &seen);
    if (status == DA_OK) printf("accuracy %.1f %%\n", 100 * seen.accuracy);
    else fprintf(stderr, "%s\n", da_error_message());
    da_feed_close(&feed);
    da_optimizer_free(optimizer);
    da_graph_free(graph);
    da_model_free(model);
    da_dataset_free(&test);
    da_dataset_free(&data);
    return status != DA_OK;
}
