/* Loading by name and by path: the search order, every spelling, what is said when something is missing or wrong; and
 * subsets. The files are small ones made here; the last test reads real ones where there are any. */
#include "tests/unit/test.h"

#include "core/checksum.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/sha256.h"
#include "datasets/gzip.h"
#include "datasets/sets.h"
#include "datasets/subset.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- small files ---- */

static const char *joined(const char *folder, const char *file) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    return path;
}

static void save_images(const char *path, int count, int first) { /* 2 x 2 pixels, numbered on from `first` */
    uint8_t bytes[16 + 64] = { 0, 0, 8, 3, 0, 0, 0, (uint8_t)count, 0, 0, 0, 2, 0, 0, 0, 2 };
    for (int i = 0; i < 4 * count; i++) bytes[16 + i] = (uint8_t)(first + i);
    CHECK_OK(da_file_save(path, bytes, 16 + 4 * (size_t)count));
}

static void save_labels(const char *path, int count, int label) {
    uint8_t bytes[8 + 16] = { 0, 0, 8, 1, 0, 0, 0, (uint8_t)count };
    memset(bytes + 8, label, (size_t)count);
    CHECK_OK(da_file_save(path, bytes, 8 + (size_t)count));
}

static void save_cifar(const char *path, int label_bytes, int label) {
    static uint8_t record[3074];
    memset(record, label, 2);
    CHECK_OK(da_file_save(path, record, (size_t)label_bytes + 3072));
}

/* A folder of its own for each test, with $DEEPARC_DATA set to nothing. */
static const char *fresh_root(const char *name) {
    const char *root = test_temporary(name);
    setenv("DEEPARC_DATA", "", 1);
    CHECK_OK(da_directory_make(root));
    return root;
}

static char saved_data_dir[512];
static bool had_data_dir;
static void save_environment(void) {
    const char *value = getenv("DEEPARC_DATA");
    had_data_dir = value != NULL;
    if (value) snprintf(saved_data_dir, sizeof saved_data_dir, "%s", value);
}
static void restore_environment(void) {
    if (had_data_dir) setenv("DEEPARC_DATA", saved_data_dir, 1);
    else unsetenv("DEEPARC_DATA");
}

static void make_mnist(const char *root, const char *name, bool dotted, int first) {
    char folder[400];
    snprintf(folder, sizeof folder, "%s/%s", root, name);
    CHECK_OK(da_directory_make(folder));
    save_images(joined(folder, dotted ? "train-images.idx3-ubyte" : "train-images-idx3-ubyte"), 3, first);
    save_labels(joined(folder, "train-labels-idx1-ubyte"), 3, 7);
    save_images(joined(folder, dotted ? "t10k-images.idx3-ubyte" : "t10k-images-idx3-ubyte"), 2, first + 100);
    save_labels(joined(folder, "t10k-labels.idx1-ubyte"), 2, 8);
}

static void check_digest(const da_dataset_file *file) {
    uint8_t *bytes = NULL;
    size_t size = 0;
    char hex[65];
    CHECK_OK(da_file_read(file->path, 1 << 20, &bytes, &size));
    da_sha256_of(bytes, size, hex);
    CHECK_TEXT(file->sha256, hex);
    da_free(bytes);
}

/* ---- finding and loading ---- */

TEST(dataset_is_found_by_name_in_either_spelling) {
    save_environment();
    const char *root = fresh_root("spelling");
    make_mnist(root, "mnist", false, 10);
    make_mnist(root, "fashion-mnist", true, 20);
    da_dataset data;
    CHECK_OK(da_dataset_load(&data, "mnist", DA_TRAIN, root, NULL));
    CHECK_TEXT(data.name, "mnist");
    CHECK_TEXT(data.source, joined(root, "mnist"));
    CHECK(data.count == 3 && data.classes == 10 && data.images[0] == 10 && data.labels[2] == 7);
    CHECK_TEXT(data.class_names[9], "9");
    CHECK_CLOSE(data.mean[0], 0.1307, 1e-7);
    CHECK(data.published == DA_NOT_AS_PUBLISHED); /* asked for by its name, but made here */
    CHECK_TEXT(data.altered, "train-images-idx3-ubyte, train-labels-idx1-ubyte");
    da_dataset_free(&data);
    CHECK_OK(da_dataset_load(&data, "fashion-mnist", DA_TEST, root, NULL));
    CHECK(data.count == 2 && data.images[0] == 120 && data.labels[0] == 8);
    CHECK_TEXT(data.class_names[9], "ankle boot");
    CHECK_CLOSE(data.deviation[0], 0.3530, 1e-7);
    da_dataset_free(&data);
    restore_environment();
}

TEST(dataset_search_goes_from_the_argument_to_the_environment) {
    save_environment();
    const char *first = fresh_root("first"), *second = fresh_root("second");
    da_dataset data;
    make_mnist(first, "mnist", false, 1);
    make_mnist(second, "mnist", false, 2);
    setenv("DEEPARC_DATA", second, 1);
    CHECK_OK(da_dataset_load(&data, "mnist", DA_TRAIN, first, NULL));
    CHECK_INT(data.images[0], 1);
    da_dataset_free(&data);
    CHECK_OK(da_dataset_load(&data, "mnist", DA_TRAIN, test_temporary("nowhere"), NULL));
    CHECK_INT(data.images[0], 2);
    da_dataset_free(&data);
    restore_environment();
}

TEST(dataset_that_is_missing_says_what_where_and_how_to_get_it) {
    save_environment();
    const char *root = fresh_root("missing");
    da_dataset data = { .count = -1 };
    CHECK_FAILS(da_dataset_load(&data, "cifar100", DA_TRAIN, root, NULL), DA_ERROR_NOT_FOUND,
                "datasets/fetch.sh cifar100");
    CHECK(strstr(da_error_message(), "train.bin") && strstr(da_error_message(), joined(root, "cifar-100-binary")));
    CHECK(strstr(da_error_message(), "datasets/data/cifar100") && strstr(da_error_message(), "/usr/share/datasets/"));
    make_mnist(root, "mnist", false, 1);
    CHECK(remove(joined(root, "mnist/train-labels-idx1-ubyte")) == 0);
    CHECK_FAILS(da_dataset_load(&data, "mnist", DA_TRAIN, root, NULL), DA_ERROR_NOT_FOUND,
                "lacks train-labels-idx1-ubyte");
    CHECK_FAILS(da_dataset_load(&data, "mnits", DA_TRAIN, root, NULL), DA_ERROR_NOT_FOUND,
                "neither a data set (mnist, ");
    CHECK_FAILS(da_dataset_load(&data, "./mnits", DA_TRAIN, root, NULL), DA_ERROR_NOT_FOUND, "does not exist");
    CHECK_FAILS(da_dataset_load(&data, root, DA_TEST, NULL, NULL), DA_ERROR_NOT_FOUND, "test files that are known");
    CHECK_INT(data.count, -1);
    restore_environment();
}

TEST(dataset_paths_are_folders_or_files) {
    save_environment();
    const char *root = fresh_root("paths");
    da_dataset data;
    make_mnist(root, "some-fashion", true, 5);
    const char *folder = joined(root, "some-fashion");
    CHECK_OK(da_dataset_load(&data, folder, DA_TEST, NULL, NULL));
    CHECK_TEXT(data.name, "idx"); /* no known set's content, whatever the folder is called */
    CHECK_TEXT(data.class_names[9], "9");
    CHECK(data.published == DA_OF_NO_SET && data.mean[0] == 0.5f && data.deviation[0] == 0.5f);
    CHECK(!data.one_file);
    da_dataset_free(&data);

    save_images(joined(root, "own-images-idx3"), 3, 0);
    CHECK_OK(da_dataset_load(&data, joined(root, "own-images-idx3"), DA_TEST, NULL, NULL));
    CHECK(data.labels == NULL && data.count == 3);
    da_dataset_free(&data);
    save_labels(joined(root, "own-labels-idx1"), 3, 6);
    CHECK_OK(da_dataset_load(&data, joined(root, "own-images-idx3"), DA_TRAIN, NULL, NULL));
    CHECK(data.labels && data.labels[1] == 6);
    CHECK(data.one_file); /* the same images for either split */
    da_dataset_free(&data);
    save_labels(joined(root, "own-labels-idx1"), 2, 6);
    CHECK_FAILS(da_dataset_load(&data, joined(root, "own-images-idx3"), DA_TRAIN, NULL, NULL), DA_ERROR_FORMAT,
                "holds 2 labels");

    save_cifar(joined(root, "batch.bin"), 1, 4);
    CHECK_OK(da_dataset_load(&data, joined(root, "batch.bin"), DA_TEST, NULL, NULL));
    CHECK_TEXT(data.name, "cifar-bin");
    CHECK_TEXT(data.class_names[data.labels[0]], "4");
    CHECK(data.one_file && data.published == DA_OF_NO_SET && data.mean[2] == 0.5f);
    da_dataset_free(&data);
    save_cifar(joined(root, "any name.bin"), 2, 44); /* the size tells how many classes there are, not the name */
    CHECK_OK(da_dataset_load(&data, joined(root, "any name.bin"), DA_TEST, NULL, NULL));
    CHECK_INT(data.classes, 100);
    CHECK_TEXT(data.class_names[44], "44");
    da_dataset_free(&data);
    restore_environment();
}

/* The same bytes as a gzip file of one stored block. */
static void save_packed(const char *path, const uint8_t *bytes, size_t size) {
    uint8_t packed[256] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, (uint8_t)size, 0, (uint8_t)~size, 0xff };
    da_crc32_table table;
    da_crc32_init(&table);
    memcpy(packed + 15, bytes, size);
    uint32_t tail[2] = { da_crc32(&table, 0, bytes, size), (uint32_t)size };
    for (size_t i = 0; i < 8; i++) packed[15 + size + i] = (uint8_t)(tail[i / 4] >> 8 * (i % 4));
    CHECK_OK(da_file_save(path, packed, 15 + size + 8));
}

static const char *const endings[] = { "-idx3-ubyte", ".idx3-ubyte", "-idx3-ubyte.gz", ".idx3-ubyte.gz", "", ".gz" };
enum { ENDINGS = sizeof endings / sizeof *endings };

static void save_ending(const char *root, const char *what, int ending, const uint8_t *bytes, size_t size) {
    char name[64];
    snprintf(name, sizeof name, "%s%s", what, endings[ending]);
    char *idx = strstr(name, "idx3");
    if (idx && strstr(name, "labels")) idx[3] = '1';
    if (strstr(name, ".gz")) save_packed(joined(root, name), bytes, size);
    else CHECK_OK(da_file_save(joined(root, name), bytes, size));
}

TEST(dataset_labels_beside_an_image_file_may_be_spelled_otherwise) {
    static const uint8_t images[20] = { 0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 9, 8, 7, 6 };
    static const uint8_t labels[9] = { 0, 0, 8, 1, 0, 0, 0, 1, 5 };
    da_dataset data;
    for (int i = 0; i < ENDINGS; i++)
        for (int l = 0; l < ENDINGS; l++) {
            if ((i < 4) != (l < 4)) continue; /* with idx or without it */
            char place[32], path[600];
            snprintf(place, sizeof place, "beside%d%d", i, l);
            const char *root = test_temporary(place);
            CHECK_OK(da_directory_make(root));
            save_ending(root, "t10k-images", i, images, sizeof images);
            save_ending(root, "t10k-labels", l, labels, sizeof labels);
            snprintf(path, sizeof path, "%s/t10k-images%s", root, endings[i]);
            CHECK_OK(da_dataset_load(&data, path, DA_TEST, NULL, NULL));
            if (!data.labels) test_fail(__FILE__, __LINE__, "images%s, labels%s: none", endings[i], endings[l]);
            else CHECK_INT(data.labels[0], 5);
            da_dataset_free(&data);
        }
}

TEST(dataset_keeps_no_more_images_than_are_wanted) {
    save_environment();
    const char *root = fresh_root("limit");
    make_mnist(root, "mnist", false, 10);
    da_dataset data;
    for (int64_t limit = 0; limit <= 4; limit++) {
        int64_t before = da_memory().live_bytes, expected = limit == 0 || limit > 3 ? 3 : limit;
        CHECK_OK(da_dataset_load(&data, "mnist", DA_TRAIN, root, &(da_dataset_options){ .limit = limit }));
        CHECK(data.count == expected && data.images[4 * expected - 1] == 9 + 4 * expected);
        if (limit == 1) CHECK(da_memory().live_bytes - before < 400);
        da_dataset_free(&data);
    }
    CHECK_FAILS(da_dataset_load(&data, "mnist", DA_TRAIN, root, &(da_dataset_options){ .limit = -1 }),
                DA_ERROR_ARGUMENT, "first -1 images");
    restore_environment();
}

/* One truth: each file of the program's table stands in the list with the same digest, and the other way round. */
TEST(dataset_table_of_contents_is_that_of_the_list) {
    uint8_t *text;
    size_t size;
    int rows = 0, files = 0;
    CHECK_OK(da_file_read("datasets/checksums.txt", 1 << 16, &text, &size));
    for (int s = 0; s < DAI_SETS; s++)
        for (int split = 0; split < 2; split++)
            for (int f = 0; dai_sets[s].files[split][f]; f++, files++) {
                dai_origin origin;
                CHECK(dai_sets_find(&origin, dai_sets[s].contents[split][f]));
                CHECK(origin.set == &dai_sets[s] && (int)origin.split == split && origin.file == f);
            }
    for (char *line = strtok((char *)text, "\n"); line; line = strtok(NULL, "\n")) {
        char set[32], kind[32], digest[80], file[64];
        dai_origin origin;
        if (line[0] == '#' || sscanf(line, "%31s %31s %79s %63s", set, kind, digest, file) != 4) continue;
        if (strcmp(kind, "file") == 0) continue; /* an archive */
        rows++;
        char *gz = strstr(file, ".gz");
        if (gz) *gz = '\0';
        bool known = dai_sets_find(&origin, strncmp(digest, "sha1:", 5) == 0 ? digest + 5 : digest);
        if (!known || strcmp(origin.set->name, set) != 0 ||
            strcmp(origin.set->files[origin.split][origin.file], file) != 0)
            test_fail(__FILE__, __LINE__, "the table does not say what the list says: %s of %s", file, set);
    }
    CHECK_INT(rows, files);
    CHECK_INT(rows, 16);
    da_free(text);
}

TEST(dataset_class_names_come_from_cifars_own_file) {
    save_environment();
    const char *root = fresh_root("cifar");
    da_dataset data;
    CHECK_OK(da_directory_make(joined(root, "cifar10")));
    for (int i = 1; i <= 5; i++) {
        char name[40];
        snprintf(name, sizeof name, "cifar10/data_batch_%d.bin", i);
        save_cifar(joined(root, name), 1, i);
    }
    const char *names = "a\nb\nc\nd\ne\nf\ng\nh\ni\r\nthe last\n\n";
    CHECK_OK(da_file_save(joined(root, "cifar10/batches.meta.txt"), names, strlen(names)));
    CHECK_OK(da_dataset_load(&data, "cifar10", DA_TRAIN, root, NULL));
    CHECK(data.count == 5 && data.labels[4] == 5);
    CHECK_TEXT(data.class_names[8], "i");
    CHECK_TEXT(data.class_names[9], "the last");
    da_dataset_free(&data);
    CHECK_OK(da_file_save(joined(root, "cifar10/batches.meta.txt"), names, 18));
    CHECK_FAILS(da_dataset_load(&data, "cifar10", DA_TRAIN, root, NULL), DA_ERROR_FORMAT, "names 9 classes, not 10");
    restore_environment();
}

TEST(dataset_digits_need_no_file) {
    da_dataset data;
    da_dataset_options options = { .count = 25, .seed = 3 };
    CHECK_OK(da_dataset_load(&data, "digits", DA_TEST, NULL, &options));
    CHECK(data.count == 25 && data.height == 28 && data.width == 28 && data.channels == 1 && data.classes == 10);
    CHECK_TEXT(data.source, "generated");
    CHECK_TEXT(data.class_names[3], "3");
    da_dataset_free(&data);
    CHECK_FAILS(da_dataset_load(&data, "mnist", DA_TEST, NULL, &options), DA_ERROR_ARGUMENT, "only 'digits'");
    options.count = -1;
    CHECK_FAILS(da_dataset_load(&data, "digits", DA_TEST, NULL, &options), DA_ERROR_ARGUMENT, "-1 samples");
    options.count = INT64_MAX;
    CHECK_FAILS(da_dataset_load(&data, "digits", DA_TEST, NULL, &options), DA_ERROR_ARGUMENT, "too many");
}

TEST(dataset_load_survives_running_out_of_memory) {
    save_environment();
    const char *root = fresh_root("memory");
    make_mnist(root, "mnist", false, 10);
    da_dataset_options options = { .count = 3, .seed = 1 };
    for (int which = 0; which < 2; which++)
        for (int k = 0;; k++) {
            da_dataset data = { .count = -7 };
            da_memory_fail_after(k);
            da_status status = which ? da_dataset_load(&data, "digits", DA_TRAIN, NULL, &options)
                                     : da_dataset_load(&data, "mnist", DA_TRAIN, root, NULL);
            da_memory_fail_after(-1);
            if (status == DA_OK) {
                CHECK(k > 10);
                da_dataset_free(&data);
                break;
            }
            CHECK_INT(status, DA_ERROR_MEMORY);
            CHECK_INT(data.count, -7);
            if (k > 100) { CHECK(!"it never succeeded"); break; }
        }
    restore_environment();
}

/* ---- subsets ---- */

TEST(subset_first_takes_the_beginning_or_all) {
    char name[] = "x";
    da_dataset data = { .name = name, .count = 10 };
    da_subset subset;
    CHECK_OK(da_subset_first(&subset, &data, 4));
    CHECK(subset.count == 4 && subset.indices[0] == 0 && subset.indices[3] == 3);
    da_subset_free(&subset);
    CHECK_OK(da_subset_first(&subset, &data, 0));
    CHECK_INT(subset.count, 10);
    da_subset_free(&subset);
    CHECK_OK(da_subset_first(&subset, &data, 11));
    CHECK_INT(subset.count, 10);
    CHECK_INT(da_subset_share(&subset, 0.25), 3);
    da_subset_free(&subset);
    CHECK_FAILS(da_subset_first(&subset, &data, -1), DA_ERROR_ARGUMENT, "-1 samples");
}

TEST(subset_split_deals_every_sample_once_and_keeps_the_order) {
    da_dataset data = { .count = 1000 };
    da_subset all, train, held, again_train, again_held;
    CHECK_OK(da_subset_first(&all, &data, 0));
    CHECK_OK(da_subset_split(&train, &held, &all, 100, 5));
    CHECK_OK(da_subset_split(&again_train, &again_held, &all, 100, 6));
    CHECK(train.count == 900 && held.count == 100 && train.data == &data);
    int seen[1000] = { 0 }, late = 0;
    for (int64_t i = 0; i < train.count; i++) seen[train.indices[i]]++;
    for (int64_t i = 0; i < held.count; i++) { seen[held.indices[i]]++; late += held.indices[i] >= 500; }
    for (int i = 0; i < 1000; i++) CHECK_INT(seen[i], 1);
    for (int64_t i = 1; i < train.count; i++) CHECK(train.indices[i - 1] < train.indices[i]);
    CHECK(late > 30 && late < 70);
    CHECK(memcmp(held.indices, again_held.indices, 100 * sizeof *held.indices) != 0);
    da_subset_free(&again_train);
    da_subset_free(&again_held);
    CHECK_OK(da_subset_split(&again_train, &again_held, &train, 0, 5)); /* a split of a split; nothing held out */
    CHECK(again_train.count == 900 && again_held.count == 0);
    CHECK(memcmp(again_train.indices, train.indices, 900 * sizeof *train.indices) == 0);
    da_subset_free(&again_train);
    da_subset_free(&again_held);
    CHECK_FAILS(da_subset_split(&again_train, &again_held, &all, 1000, 5), DA_ERROR_ARGUMENT, "cannot be held out");
    CHECK_FAILS(da_subset_split(&again_train, &again_held, &all, -1, 5), DA_ERROR_ARGUMENT, "cannot be held out");
    for (int k = 0; k < 4; k++) {
        da_memory_fail_after(k);
        CHECK(da_subset_split(&again_train, &again_held, &all, 10, 5) == DA_ERROR_MEMORY);
    }
    da_memory_fail_after(-1);
    da_subset_free(&all);
    da_subset_free(&train);
    da_subset_free(&held);
}

/* ---- real files ---- */

/* The folder of a real set; NULL, and the test is skipped, where there is none. */
static const char *real_folder(const char *name) {
    static char path[600];
    da_dataset data;
    if (da_dataset_load(&data, name, DA_TEST, test_data_dir(), NULL) != DA_OK) {
        test_skip("%s", da_error_message());
        return NULL;
    }
    snprintf(path, sizeof path, "%s", data.source);
    da_dataset_free(&data);
    return path;
}

static void copy_unpacked(const char *from, const char *file, const char *to, size_t flipped) {
    char path[700];
    uint8_t *bytes;
    size_t size;
    snprintf(path, sizeof path, "%s/%s.gz", from, file);
    if (!da_file_exists(path)) path[strlen(path) - 3] = '\0';
    CHECK_OK(da_gzip_read_file(path, &bytes, &size, NULL));
    if (flipped > 0) bytes[flipped] ^= 1;
    CHECK_OK(da_file_save(joined(to, file), bytes, size));
    da_free(bytes);
}

/* Fashion-MNIST behind any name is Fashion-MNIST: the fault was to take it for MNIST. */
TEST(dataset_content_tells_what_a_set_is) {
    static const char images[] = "t10k-images-idx3-ubyte", labels[] = "t10k-labels-idx1-ubyte";
    const char *real = real_folder("fashion-mnist");
    da_dataset data;
    if (!real) return;
    const char *root = test_temporary("mnist");
    CHECK_OK(da_directory_make(root));
    copy_unpacked(real, images, root, 0);
    copy_unpacked(real, labels, root, 0);
    for (int one_file = 0; one_file < 2; one_file++) {
        CHECK_OK(da_dataset_load(&data, one_file ? joined(root, images) : root, DA_TEST, NULL, NULL));
        CHECK_TEXT(data.name, "fashion-mnist");
        CHECK_TEXT(data.class_names[9], "ankle boot");
        CHECK_CLOSE(data.mean[0], 0.2860, 1e-7);
        CHECK(data.published == DA_AS_PUBLISHED && !data.altered);
        da_dataset_free(&data);
    }
    CHECK_OK(da_file_save(joined(root, "train-images-idx3-ubyte"), "", 0)); /* test images that pose as training's */
    CHECK(rename(joined(root, images), test_temporary("mnist/train-images-idx3-ubyte")) == 0);
    copy_unpacked(real, labels, root, 0);
    CHECK(rename(joined(root, labels), test_temporary("mnist/train-labels-idx1-ubyte")) == 0);
    CHECK_OK(da_dataset_load(&data, root, DA_TRAIN, NULL, NULL));
    CHECK_TEXT(data.name, "fashion-mnist");
    CHECK_TEXT(data.altered, "train-images-idx3-ubyte, train-labels-idx1-ubyte");
    da_dataset_free(&data);
    copy_unpacked(real, images, root, 500000); /* one bit of one pixel */
    copy_unpacked(real, labels, root, 0);
    CHECK_OK(da_dataset_load(&data, root, DA_TEST, NULL, NULL));
    CHECK_TEXT(data.name, "fashion-mnist");
    CHECK(data.published == DA_NOT_AS_PUBLISHED);
    CHECK_TEXT(data.altered, images);
    da_dataset_free(&data);
    char above[600];
    snprintf(above, sizeof above, "%s", root);
    *strrchr(above, '/') = '\0';
    CHECK_FAILS(da_dataset_load(&data, "mnist", DA_TEST, above, NULL), DA_ERROR_FORMAT,
                "is of fashion-mnist, not of mnist");
}

TEST(dataset_reads_the_real_mnist) {
    da_dataset data;
    if (!test_data_dir()) SKIP("DEEPARC_DATA is not set");
    if (da_dataset_load(&data, "mnist", DA_TRAIN, test_data_dir(), NULL) == DA_ERROR_NOT_FOUND)
        SKIP("%s", da_error_message());
    CHECK(data.count == 60000 && data.height == 28 && data.width == 28);
    CHECK(data.published == DA_AS_PUBLISHED);
    const uint8_t first[10] = { 5, 0, 4, 1, 9, 2, 1, 3, 1, 4 };
    CHECK(memcmp(data.labels, first, 10) == 0);
    double sum = 0;
    for (int64_t i = 0; i < 60000 * 784; i++) sum += data.images[i];
    CHECK_CLOSE(sum / (255.0 * 60000 * 784), 0.1307, 5e-5);
    da_dataset_free(&data);
}

TEST(dataset_reads_the_real_cifar10) {
    da_dataset data;
    if (!test_data_dir()) SKIP("DEEPARC_DATA is not set");
    if (da_dataset_load(&data, "cifar10", DA_TEST, test_data_dir(), NULL) == DA_ERROR_NOT_FOUND)
        SKIP("%s", da_error_message());
    CHECK(data.count == 10000 && data.height == 32 && data.channels == 3);
    CHECK_TEXT(data.class_names[0], "airplane");
    int count[10] = { 0 };
    double sum[3] = { 0 };
    for (int64_t i = 0; i < data.count; i++) count[data.labels[i]]++;
    for (int c = 0; c < 10; c++) CHECK_INT(count[c], 1000);
    for (int64_t i = 0; i < data.count * 1024; i++)
        for (int c = 0; c < 3; c++) sum[c] += data.images[3 * i + c];
    for (int c = 0; c < 3; c++) CHECK_CLOSE(sum[c] / (255.0 * 1024 * 10000), data.mean[c], 0.01);
    da_dataset_free(&data);
}

/* Each file's digest is of the file as it lies there, and costs nothing unless it is asked for. */
TEST(dataset_says_which_files_it_was_read_from) {
    save_environment();
    const char *root = fresh_root("files");
    const da_dataset_options hashed = { .hash = true };
    da_dataset data;
    make_mnist(root, "mnist", true, 1);
    CHECK_OK(da_dataset_load(&data, "mnist", DA_TEST, root, &hashed));
    CHECK_INT(data.file_count, 2);
    CHECK_TEXT(data.files[0].path, joined(root, "mnist/t10k-images.idx3-ubyte"));
    CHECK_TEXT(data.files[1].path, joined(root, "mnist/t10k-labels.idx1-ubyte"));
    for (int f = 0; f < data.file_count; f++) check_digest(&data.files[f]);
    da_dataset_free(&data);
    CHECK_OK(da_directory_make(joined(root, "cifar100")));
    save_cifar(joined(root, "cifar100/test.bin"), 2, 3);
    char names[400] = "";
    for (int i = 0; i < 100; i++) strcat(names, "x\n");
    CHECK_OK(da_file_save(joined(root, "cifar100/fine_label_names.txt"), names, strlen(names)));
    CHECK_OK(da_dataset_load(&data, joined(root, "cifar100"), DA_TEST, NULL, &hashed));
    CHECK_INT(data.file_count, 2);
    CHECK_TEXT(data.files[1].path, joined(root, "cifar100/fine_label_names.txt"));
    for (int f = 0; f < data.file_count; f++) check_digest(&data.files[f]);
    da_dataset_free(&data);
    CHECK_OK(da_dataset_load(&data, joined(root, "cifar100"), DA_TEST, NULL, NULL));
    CHECK(data.file_count == 2 && !data.files[0].sha256[0] && !data.files[1].sha256[0]);
    da_dataset_free(&data);
    restore_environment();
}

/* What was kept is of so many images: of fewer, it is made anew; a cut forgets it. */
TEST(dataset_fingerprint_that_is_kept) {
    da_dataset data;
    char made[65], fewer[65], kept[65];
    CHECK_OK(da_dataset_load(&data, "digits", DA_TEST, NULL, &(da_dataset_options){ .count = 20, .seed = 1 }));
    da_dataset_fingerprint(&data, made);
    da_dataset_keep_fingerprint(&data);
    da_dataset_fingerprint(&data, kept);
    CHECK_TEXT(kept, made);
    da_dataset first = data;
    first.count = 10;
    da_dataset_fingerprint(&first, kept);
    first.fingerprinted = 0;
    da_dataset_fingerprint(&first, fewer);
    CHECK_TEXT(kept, fewer);
    CHECK(strcmp(fewer, made) != 0);
    CHECK_OK(da_dataset_cut(&data, 9, 1, 1));
    da_dataset_fingerprint(&data, kept);
    CHECK(data.fingerprinted == 0 && strcmp(kept, made) != 0);
    da_dataset_free(&data);
}

/* The digest is of a text that can be written down: name, six numbers, pixels, labels. */
TEST(dataset_fingerprint) {
    uint8_t pixels[12] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 }, labels[3] = { 0, 1, 0 };
    char name[] = "tiny", first[65], other[65];
    da_dataset data = { .name = name, .count = 3, .height = 2, .width = 2, .channels = 1, .classes = 2,
                        .images = pixels, .labels = labels };
    const uint8_t text[5 + 48 + 12 + 3] = "tiny\0\3\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0"
        "\2\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1\2\3\4\5\6\7\10\11\12\13\14\0\1";
    da_sha256 sha;
    da_sha256_init(&sha);
    da_sha256_update(&sha, text, sizeof text);
    da_sha256_hex(&sha, other);
    da_dataset_fingerprint(&data, first);
    CHECK_TEXT(first, other);
    labels[2] = 1;
    da_dataset_fingerprint(&data, other);
    CHECK(strcmp(first, other) != 0);
    labels[2] = 0;
    data.count = 2;
    da_dataset_fingerprint(&data, other);
    CHECK(strcmp(first, other) != 0);
    data.count = 3;
    data.labels = NULL;
    da_dataset_fingerprint(&data, other);
    CHECK(strcmp(first, other) != 0);
}

TEST(dataset_over_borrowed_memory) {
    const int64_t shape[3] = { 2, 3, 1 };
    const uint8_t images[2 * 6] = { 1, 2, 3 }, labels[2] = { 0, 4 };
    da_dataset data = { 0 };
    CHECK_OK(da_dataset_borrow(&data, "mine", 2, shape, images, 5, labels));
    CHECK(data.images == images && data.labels == labels && data.count == 2 && data.width == 3 && data.classes == 5);
    CHECK_FAILS(da_dataset_cut(&data, 2, 1, 1), DA_ERROR_ARGUMENT, "borrowed");
    da_dataset_free(&data); /* nothing of it is the allocator's */
    CHECK(data.count == 0 && !data.images);
    CHECK_FAILS(da_dataset_borrow(&data, "mine", 2, shape, images, 4, labels), DA_ERROR_ARGUMENT, "image 1 has label 4");
    CHECK_FAILS(da_dataset_borrow(&data, "mine", 0, shape, images, 5, NULL), DA_ERROR_ARGUMENT, "0 images of 2x3x1");
    CHECK_FAILS(da_dataset_borrow(&data, "mine", 1, (int64_t[]){ 2, 1, 6 }, images, 5, NULL), DA_ERROR_ARGUMENT, "2x1x6");
    CHECK_FAILS(da_dataset_borrow(&data, "mine", 1, shape, images, 257, NULL), DA_ERROR_ARGUMENT, "257 classes");
    CHECK_FAILS(da_dataset_borrow(&data, "mine", -1, shape, images, 5, NULL), DA_ERROR_SHAPE, "");
}
