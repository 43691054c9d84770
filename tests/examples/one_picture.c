/* One picture of raw pixels to a class: one_picture MODEL.safetensors PICTURE, bytes of height x width x channels as they
 * come from a camera or a decoder. The logits have the bits that `deeparc predict` gives. */
#include "deeparc/deeparc.h"

#include <stdio.h>

static da_status classify(da_model **model, const char *path, FILE *picture) {
    static uint8_t pixels[1 << 20];
    float logits[256];
    int answer;
    DA_TRY(da_checkpoint_load(model, path, NULL));
    const int64_t *shape = (*model)->input_shape;
    const size_t size = (size_t)(shape[0] * shape[1] * shape[2]);
    if (size > sizeof pixels || (*model)->classes > 256 || fread(pixels, 1, size, picture) != size)
        return DA_FAIL(DA_ERROR_SHAPE, "a picture of %zu bytes is expected", size);
    DA_TRY(da_predict_pixels(*model, pixels, logits, &answer));
    printf("class %d (%s)\n", answer, answer >= 0 && (*model)->class_names ? (*model)->class_names[answer] : "-");
    for (int k = 0; k < (*model)->classes; k++) printf("%a\n", (double)logits[k]);
    return DA_OK;
}

int main(int argc, char **argv) {
    da_model *model = NULL;
    FILE *picture = argc == 3 ? fopen(argv[2], "rb") : NULL;
    if (!picture) {
        fprintf(stderr, "usage: one_picture MODEL.safetensors PICTURE\n");
        return 2;
    }
    const da_status status = classify(&model, argv[1], picture);
    if (status != DA_OK) fprintf(stderr, "%s\n", da_error_message());
    fclose(picture);
    da_model_free(model);
    return status != DA_OK;
}
