// A C++ program with images of its own: a data set over a std::vector's memory, which nobody copies. Bars that lie are
// class 0, bars that stand are class 1.
#include "deeparc/deeparc.h"

#include <cstdio>
#include <vector>

namespace {

const int64_t count = 512, size = 12;
const int64_t shape[3] = { size, size, 1 };

void draw(std::vector<uint8_t> &images, std::vector<uint8_t> &labels) {
    for (int64_t i = 0; i < count; i++) {
        const bool stands = i % 2 == 1;
        const int64_t place = da_random_below(1, da_stream(DA_RANDOM_TEST, 0), (uint64_t)i, (uint32_t)size);
        labels[(size_t)i] = stands;
        for (int64_t k = 0; k < size; k++)
            images[(size_t)(i * size * size + (stands ? k * size + place : place * size + k))] = 255;
    }
}

da_status learn(da_model **model, const da_dataset *data, da_evaluation *seen) {
    da_trainer_options options = da_trainer_defaults();
    options.batch = 32;
    DA_TRY(da_zoo_build(model, "mlp-16", shape, 2, nullptr));
    DA_TRY(da_model_initialize(*model, DA_INIT_HE, 1));
    DA_TRY(da_train(*model, data, &options, nullptr));
    return da_evaluate(*model, data, 64, nullptr, seen);
}

} // namespace

int main() {
    std::vector<uint8_t> images(count * size * size), labels(count);
    da_dataset data = {};
    da_model *model = nullptr;
    da_evaluation seen = {};
    draw(images, labels);
    da_status status = da_dataset_borrow(&data, "bars", count, shape, images.data(), 2, labels.data());
    if (status == DA_OK) status = learn(&model, &data, &seen);
    if (status == DA_OK) std::printf("accuracy %.1f %%\n", 100 * seen.accuracy);
    else std::fprintf(stderr, "%s\n", da_error_message());
    da_model_free(model);
    da_dataset_free(&data); // forgets the vector's memory
    return status != DA_OK;
}
