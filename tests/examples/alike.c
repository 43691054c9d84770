/* How similar do two layers see the same images? alike MODEL.safetensors LAYER LAYER: linear CKA, fed batch by batch. The
 * network shows each layer's output as it makes it; an output dies when the next layer is done, its Gram matrix stays. */
#include "deeparc/deeparc.h"

#include <stdio.h>
#include <string.h>

typedef struct pair { char **names; da_similarity *similarity; da_status status; } pair;

static bool wants(void *context, const char *name) {
    const pair *p = context;
    return strcmp(name, p->names[0]) == 0 || strcmp(name, p->names[1]) == 0;
}

static void observe(void *context, const char *name, int depth, da_node *output) {
    pair *p = context;
    const da_tensor *value = da_node_value(output); /* N x features, or N x H x W x C */
    (void)depth;
    if (p->status != DA_OK || !wants(p, name)) return;
    p->status = da_similarity_observe(p->similarity, strcmp(name, p->names[1]) == 0, da_tensor_floats(value),
                                      value->shape[0], da_tensor_count(value) / value->shape[0]);
}

static da_status run(da_model *model, da_feed *feed, da_graph *graph, pair *p) {
    da_graph_set_recording(graph, false);
    for (int64_t i = 0; i < da_feed_steps(feed); i++) {
        da_forward forward = { .graph = graph, .observe = observe, .wants = wants, .context = p };
        DA_TRY(da_feed_read(feed, 0, i));
        da_graph_reset(graph);
        da_model_forward(model, &forward, da_graph_input(graph, &feed->batch));
        DA_TRY(da_graph_status(graph));
        DA_TRY(p->status);
        DA_TRY(da_similarity_end_batch(p->similarity));
    }
    double matrix[4];
    DA_TRY(da_similarity_matrix(p->similarity, matrix, NULL));
    printf("%.6f\n", matrix[1]);
    return DA_OK;
}

int main(int argc, char **argv) {
    da_model *model = NULL;
    da_dataset data = { 0 };
    da_feed feed = { 0 };
    da_graph *graph = NULL;
    pair p = { .names = argv + 2 };
    if (argc != 4) {
        fprintf(stderr, "usage: alike MODEL.safetensors LAYER LAYER\n");
        return 2;
    }
    da_status status = da_checkpoint_load(&model, argv[1], NULL);
    if (status == DA_OK) status = da_dataset_load(&data, "digits", DA_TEST, NULL, &(da_dataset_options){ .count = 256, .seed = 1 });
    if (status == DA_OK) status = da_feed_open(&feed, model, &data, &(da_feed_options){ .batches.batch_size = 64 });
    if (status == DA_OK) status = da_graph_new(&graph);
    if (status == DA_OK) status = da_similarity_new(&p.similarity, 2, 64);
    if (status == DA_OK) status = run(model, &feed, graph, &p);
    if (status != DA_OK) fprintf(stderr, "%s\n", da_error_message());
    da_similarity_free(p.similarity);
    da_graph_free(graph);
    da_feed_close(&feed);
    da_dataset_free(&data);
    da_model_free(model);
    return status != DA_OK;
}
