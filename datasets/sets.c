/* The table of sets that live in files. datasets/checksums.txt holds the same digests for datasets/fetch.sh. */
#include "datasets/sets.h"

#include <string.h>

#define MNIST_FILES { { "train-images-idx3-ubyte", "train-labels-idx1-ubyte" }, \
                      { "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte" } }

const dai_set dai_sets[DAI_SETS] = {
    [DAI_MNIST] = {
        .name = "mnist", .format = DAI_IDX, .classes = 10, .folders = { "mnist" }, .files = MNIST_FILES,
        .contents = { { "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5" },
                      { "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2" } },
        .class_names = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9" },
        .mean = { 0.1307f }, .deviation = { 0.3081f },
    },
    [DAI_FASHION_MNIST] = {
        .name = "fashion-mnist", .format = DAI_IDX, .classes = 10, .folders = { "fashion-mnist" }, .files = MNIST_FILES,
        .contents = { { "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9" },
                      { "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34" } },
        .class_names = { "T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag",
                         "ankle boot" },
        .mean = { 0.2860f }, .deviation = { 0.3530f },
    },
    [DAI_CIFAR10] = {
        .name = "cifar10", .format = DAI_CIFAR, .classes = 10, .label_bytes = 1,
        .folders = { "cifar-10-batches-bin", "cifar10" },
        .files = { { "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                     "data_batch_5.bin" },
                   { "test_batch.bin" } },
        .contents = { { "aadd24acce27caa71bf4b10992e9e7b2d74c2540",
                        "c0ba65cce70568cd57b4e03e9ac8d2a5367c1795",
                        "1dd00a74ab1d17a6e7d73e185b69dbf31242f295",
                        "aab85764eb3584312d3c7f65fd2fd016e36a258e",
                        "26e2849e66a845b7f1e4614ae70f4889ae604628" },
                      { "67eb016db431130d61cd03c7ad570b013799c88c" } },
        .names_file = "batches.meta.txt",
        .class_names = { "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck" },
        .mean = { 0.4914f, 0.4822f, 0.4465f }, .deviation = { 0.2470f, 0.2435f, 0.2616f },
    },
    [DAI_CIFAR100] = {
        .name = "cifar100", .format = DAI_CIFAR, .classes = 100, .label_bytes = 2, /* coarse label, fine label */
        .folders = { "cifar-100-binary", "cifar100" },
        .files = { { "train.bin" }, { "test.bin" } },
        .contents = { { "e207cd2e05b73b1393c74c7f5e7bea451d63e08e" },
                      { "8fb6623e830365ff53cf14adec797474f5478006" } },
        .names_file = "fine_label_names.txt",
        .mean = { 0.5071f, 0.4865f, 0.4409f }, .deviation = { 0.2673f, 0.2564f, 0.2762f },
    },
};

const dai_set dai_unknown_sets[DAI_FORMATS] = { /* pixels between -1 and 1, numbers for classes */
    [DAI_IDX] = { .name = "idx", .format = DAI_IDX, .classes = 10, .mean = { 0.5f }, .deviation = { 0.5f } },
    [DAI_CIFAR] = { .name = "cifar-bin", .format = DAI_CIFAR, .mean = { 0.5f, 0.5f, 0.5f },
                    .deviation = { 0.5f, 0.5f, 0.5f } },
};

bool dai_sets_find(dai_origin *out, const dai_content content) {
    for (int s = 0; s < DAI_SETS; s++)
        for (int split = 0; split < 2; split++)
            for (int f = 0; dai_sets[s].files[split][f]; f++)
                if (strcmp(dai_sets[s].contents[split][f], content) == 0) {
                    *out = (dai_origin){ &dai_sets[s], (da_split)split, f };
                    return true;
                }
    return false;
}
