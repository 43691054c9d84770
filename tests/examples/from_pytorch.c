/* A network that PyTorch trained: from_pytorch MODEL.safetensors DATA LIMIT. The file holds tensors alone, so the network is
 * recognised by their names and shapes, and the program says how its input was normalised. */
#include "deeparc/deeparc.h"

#include <stdio.h>
#include <stdlib.h>

static const da_normalization imagenet = {
    .known = true, .channels = 3, .mean = { 0.485f, 0.456f, 0.406f }, .deviation = { 0.229f, 0.224f, 0.225f }
};

int main(int argc, char **argv) {
    da_model *model = NULL;
    da_dataset data = { 0 };
    da_evaluation seen = { 0 };
    char hash[65];
    if (argc != 4) {
        fprintf(stderr, "usage: from_pytorch MODEL.safetensors DATA LIMIT\n");
        return 2;
    }
    da_status status = da_checkpoint_load(&model, argv[1], NULL);
    if (status == DA_OK) {
        model->normalization = imagenet;
        status = da_model_hash(model, -1, hash);
    }
    if (status == DA_OK) printf("%s: %d units, sha256:%s\n", model->architecture, model->unit_count, hash);
    if (status == DA_OK) status = da_dataset_load(&data, argv[2], DA_TEST, NULL, &(da_dataset_options){ .limit = atoi(argv[3]) });
    if (status == DA_OK) status = da_evaluate(model, &data, 100, NULL, &seen);
    if (status == DA_OK) printf("%lld of %lld\n", (long long)seen.correct, (long long)seen.samples);
    else fprintf(stderr, "%s\n", da_error_message());
    da_dataset_free(&data);
    da_model_free(model);
    return status != DA_OK;
}
