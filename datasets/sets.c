/* The table of sets that live in files. */
#include "datasets/sets.h"

#define MNIST_FILES { { "train-images-idx3-ubyte", "train-labels-idx1-ubyte" }, \
                      { "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte" } }

const dai_set dai_sets[DAI_SETS] = {
    [DAI_MNIST] = {
        .name = "mnist", .format = DAI_IDX, .classes = 10, .folders = { "mnist" }, .files = MNIST_FILES,
        .class_names = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9" },
        .mean = { 0.1307f }, .deviation = { 0.3081f },
    },
    [DAI_FASHION_MNIST] = {
        .name = "fashion-mnist", .format = DAI_IDX, .classes = 10, .folders = { "fashion-mnist" }, .files = MNIST_FILES,
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
        .names_file = "batches.meta.txt",
        .class_names = { "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck" },
        .mean = { 0.4914f, 0.4822f, 0.4465f }, .deviation = { 0.2470f, 0.2435f, 0.2616f },
    },
    [DAI_CIFAR100] = {
        .name = "cifar100", .format = DAI_CIFAR, .classes = 100, .label_bytes = 2, /* coarse label, fine label */
        .folders = { "cifar-100-binary", "cifar100" },
        .files = { { "train.bin" }, { "test.bin" } },
        .names_file = "fine_label_names.txt",
        .mean = { 0.5071f, 0.4865f, 0.4409f }, .deviation = { 0.2673f, 0.2564f, 0.2762f },
    },
};
