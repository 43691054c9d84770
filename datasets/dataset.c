/* Finding the files of a data set, and loading them.
 *
 *     name  ->  each root (data_dir, $DEEPARC_DATA, ...)  ->  each folder of the set  ->  its files, in any spelling
 *     path  ->  a folder: whose files are in it?          ->  a file: IDX images or a CIFAR batch
 *     bytes ->  digests  ->  the published files' table   ->  name, class names, normalisation
 *
 * The first folder that holds any of the split's files is the one; a file missing there is an error and no reason to
 * look further, so images and labels never come from different places.
 */
#include "datasets/dataset.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/sha256.h"
#include "core/tensor.h"
#include "datasets/cifar.h"
#include "datasets/digits.h"
#include "datasets/gzip.h"
#include "datasets/idx.h"
#include "datasets/sets.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_ROOM = 1024, ROOTS = 4, MOST_DIGITS = 100000000 };

/* The files of one split, found. A path that is "" was not. */
typedef struct found {
    char path[DAI_MAX_FILES][PATH_ROOM];
    int  files, missing;
} found;

static const char *split_name(da_split split) { return split == DA_TRAIN ? "training" : "test"; }

static bool is_folder(const char *path) {
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

static bool ends_in(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* ---- finding ---- */

/* "train-images-idx3-ubyte" is also known as "train-images.idx3-ubyte", and each may end in ".gz". */
static bool find_file(char path[PATH_ROOM], const char *folder, const char *file) {
    const char *idx = strstr(file, "-idx");
    for (int dotted = 0; dotted <= (idx != NULL); dotted++)
        for (int packed = 0; packed <= 1; packed++) {
            int length = snprintf(path, PATH_ROOM, "%s/%s%s", folder, file, packed ? ".gz" : "");
            if (length >= PATH_ROOM) continue;
            if (dotted) path[strlen(folder) + 1 + (size_t)(idx - file)] = '.';
            if (da_file_exists(path)) return true;
        }
    path[0] = '\0';
    return false;
}

static void find_files(found *f, const dai_set *set, da_split split, const char *folder) {
    f->files = f->missing = 0;
    for (const char *const *file = set->files[split]; *file; file++)
        f->missing += !find_file(f->path[f->files++], folder, *file);
}

/* "a, b, c" into text, cut off where it is full. */
static void append(char *text, size_t room, const char *separator, const char *more) {
    if (text[0]) strncat(text, separator, room - strlen(text) - 1);
    strncat(text, more, room - strlen(text) - 1);
}

static void list_files(char *text, size_t room, const dai_set *set, da_split split) {
    text[0] = '\0';
    for (const char *const *file = set->files[split]; *file; file++) append(text, room, ", ", *file);
}

/* In a folder that holds some of the set's files, all must be there. */
static da_status check_found(const found *f, const dai_set *set, da_split split, const char *folder) {
    for (int i = 0; i < f->files; i++)
        if (f->path[i][0] == '\0')
            return DA_FAIL(DA_ERROR_NOT_FOUND,
                           "'%s' lacks %s (plain or .gz), which belongs to the %s part of %s: "
                           "datasets/fetch.sh %s gets it",
                           folder, set->files[split][i], split_name(split), set->name, set->name);
    return DA_OK;
}

/* ---- loading ---- */

static da_status set_names(da_dataset *data, const char *name, const char *source) {
    data->name = da_string_copy(name);
    data->source = da_string_copy(source);
    return data->name && data->source ? DA_OK : DA_ERROR_MEMORY;
}

/* Class names: a line for each in the text, or from the table, or numbers. */
static da_status name_classes(da_dataset *data, const char *const *table, char *text, const char *path) {
    data->class_names = da_alloc_zero((size_t)data->classes, sizeof *data->class_names);
    if (!data->class_names) return DA_ERROR_MEMORY;
    for (int c = 0; c < data->classes; c++) {
        char number[16];
        const char *name = table ? table[c] : number;
        snprintf(number, sizeof number, "%d", c);
        if (text) {
            text += strspn(text, " \t\r\n");
            size_t length = strcspn(text, "\r\n");
            if (length == 0)
                return DA_FAIL(DA_ERROR_FORMAT, "'%s' names %s, not %d: fetch it again", path, da_count(c, "class").text,
                               data->classes);
            name = text;
            text += length;
            if (*text) *text++ = '\0';
        }
        data->class_names[c] = da_string_copy(name);
        if (!data->class_names[c]) return DA_ERROR_MEMORY;
    }
    return DA_OK;
}

static da_status add_file(da_dataset *data, const char *path, const da_gzip_facts *facts) {
    da_dataset_file *file = &data->files[data->file_count];
    file->path = da_string_copy(path);
    if (!file->path) return DA_ERROR_MEMORY;
    snprintf(file->sha256, sizeof file->sha256, "%s", facts->sha256);
    data->file_count++;
    return DA_OK;
}

/* The names come from CIFAR's own file in the folder, where there is one. folder NULL: they come from the table. */
static da_status name_classes_of(da_dataset *data, const dai_set *set, const char *folder, bool hash) {
    char path[PATH_ROOM];
    uint8_t *text = NULL;
    size_t size;
    da_gzip_facts facts = { .hash = hash };
    const char *names_file = dai_sets[data->classes == 10 ? DAI_CIFAR10 : DAI_CIFAR100].names_file;
    if (folder && set->format == DAI_CIFAR && find_file(path, folder, names_file))
        DA_TRY(da_gzip_read_file(path, &text, &size, &facts));
    da_status status = text ? add_file(data, path, &facts) : DA_OK;
    if (status == DA_OK)
        status = name_classes(data, set->class_names[0] ? set->class_names : NULL, (char *)text, path);
    da_free(text);
    return status;
}

/* Files to read as one split. */
typedef struct request {
    dai_format     format;
    const dai_set *asked;  /* by its name; NULL: what the files hold decides */
    bool           one_file;
    da_split       split;  /* unless it is one file, which may be of either */
    const char    *paths[DAI_MAX_FILES];
    int            files, label_bytes;
    bool           hash;
    const char    *source, *folder; /* what to call the place; where class names may lie, or NULL */
} request;

static const char *base_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The set whose published files these are; NULL: none that is known. Images are asked first. Those of another set than
   was asked for are an error. */
static da_status find_set(const dai_set **out, da_split *split, const request *r, const dai_digest *digests) {
    dai_origin origin = { r->asked, r->split, 0 };
    int i = 0;
    while (i < r->files && !dai_sets_find(&origin, digests[i].content)) i++;
    if (r->asked && origin.set != r->asked)
        return DA_FAIL(DA_ERROR_FORMAT,
                       "'%s' is of %s, not of %s: ask for %s by the path, or get the other: datasets/fetch.sh %s",
                       r->paths[i], origin.set->name, r->asked->name, origin.set->name, r->asked->name);
    *out = origin.set;
    *split = r->one_file ? origin.split : r->split;
    return DA_OK;
}

/* Compares each file with the published one of its place. */
static da_status compare(da_dataset *data, const dai_set *set, da_split split, const request *r,
                         const dai_digest *digests) {
    char altered[512] = "";
    for (int i = 0; i < r->files; i++) {
        dai_origin origin = { NULL, DA_TRAIN, 0 };
        bool known = dai_sets_find(&origin, digests[i].content) && origin.set == set && origin.split == split;
        bool any_place = r->one_file && r->format == DAI_CIFAR;
        if (!known || !(any_place || origin.file == i))
            append(altered, sizeof altered, ", ", base_of(r->paths[i]));
    }
    data->published = altered[0] ? DA_NOT_AS_PUBLISHED : DA_AS_PUBLISHED;
    data->altered = altered[0] ? da_string_copy(altered) : NULL;
    return !altered[0] || data->altered ? DA_OK : DA_ERROR_MEMORY;
}

/* Finds out which set was read, and takes over what is known of it. */
static da_status identify(da_dataset *data, const request *r, const dai_digest *digests) {
    const dai_set *set = NULL;
    da_split split = r->split;
    DA_TRY(find_set(&set, &split, r, digests));
    if (set) DA_TRY(compare(data, set, split, r, digests));
    else set = &dai_unknown_sets[r->format];
    memcpy(data->mean, set->mean, sizeof data->mean);
    memcpy(data->deviation, set->deviation, sizeof data->deviation);
    DA_TRY(set_names(data, set->name, r->source));
    for (int i = 0; i < r->files; i++) DA_TRY(add_file(data, r->paths[i], &digests[i].file));
    return name_classes_of(data, set, r->folder, r->hash);
}

/* Writes all of *out, or nothing. */
static da_status load_files(da_dataset *out, const request *r) {
    dai_digest digests[DAI_MAX_FILES] = { 0 };
    da_dataset data = { .classes = 10, .one_file = r->one_file };
    for (int i = 0; i < r->files; i++) digests[i].file.hash = r->hash;
    DA_TRY(r->format == DAI_IDX ? dai_idx_load(&data, r->paths[0], r->files > 1 ? r->paths[1] : NULL, digests)
                                : dai_cifar_load(&data, r->paths, r->files, r->label_bytes, digests));
    da_status status = identify(&data, r, digests);
    if (status == DA_OK) *out = data;
    else da_dataset_free(&data);
    return status;
}

/* set says which files a folder has; only one asked for by its name is certain. */
static da_status load_found(da_dataset *out, const dai_set *set, da_split split, const found *f, const char *folder,
                            bool asked, bool hash) {
    request r = { .format = set->format, .asked = asked ? set : NULL, .split = split, .files = f->files,
                  .label_bytes = set->label_bytes, .hash = hash, .source = folder, .folder = folder };
    DA_TRY(check_found(f, set, split, folder));
    for (int i = 0; i < f->files; i++) r.paths[i] = f->path[i];
    return load_files(out, &r);
}

static da_status load_by_name(da_dataset *out, const dai_set *set, da_split split, const char *data_dir,
                              bool hash) {
    const char *roots[ROOTS] = { data_dir, getenv("DEEPARC_DATA"), "datasets/data", "/usr/share/datasets" };
    char folder[PATH_ROOM], looked_in[1024] = "", files[256];
    found f;
    for (int r = 0; r < ROOTS; r++) {
        if (!roots[r] || roots[r][0] == '\0') continue;
        for (int i = 0; i < 2 && set->folders[i]; i++) {
            if (snprintf(folder, sizeof folder, "%s/%s", roots[r], set->folders[i]) >= PATH_ROOM)
                return DA_FAIL(DA_ERROR_ARGUMENT, "the data directory's path is too long: '%s'", roots[r]);
            find_files(&f, set, split, folder);
            if (f.missing < f.files) return load_found(out, set, split, &f, folder, true, hash);
            append(looked_in, sizeof looked_in, ", ", folder);
        }
    }
    list_files(files, sizeof files, set, split);
    return DA_FAIL(DA_ERROR_NOT_FOUND, "data set '%s' was not found: looked for %s (plain or .gz) in %s: "
                   "datasets/fetch.sh %s gets it", set->name, files, looked_in, set->name);
}

/* MNIST's files have the names of all sets in IDX format. */
static da_status load_folder(da_dataset *out, const char *folder, da_split split, bool hash) {
    char all[512] = "", files[256];
    found f;
    const dai_set *candidates[] = { &dai_sets[DAI_MNIST], &dai_sets[DAI_CIFAR10], &dai_sets[DAI_CIFAR100] };
    for (int i = 0; i < 3; i++) {
        find_files(&f, candidates[i], split, folder);
        if (f.missing < f.files) return load_found(out, candidates[i], split, &f, folder, false, hash);
        list_files(files, sizeof files, candidates[i], split);
        append(all, sizeof all, ", or ", files);
    }
    return DA_FAIL(DA_ERROR_NOT_FOUND, "'%s' holds no %s files that are known: looked for %s (plain or .gz)", folder,
                   split_name(split), all);
}

/* Finds the label file that belongs to an image file, "x-labels-idx1..." of "x-images-idx3...", in any spelling. */
static bool labels_beside(char path[PATH_ROOM], const char *images_path) {
    char folder[PATH_ROOM];
    if (snprintf(folder, sizeof folder, "%s", images_path) >= PATH_ROOM) return false;
    char *slash = strrchr(folder, '/'), *base = slash ? slash + 1 : folder;
    char *images = strstr(base, "images"), *idx3 = strstr(base, "idx3");
    if (!images) return false;
    memcpy(images, "labels", 6);
    if (idx3) idx3[3] = '1';
    if (idx3 && idx3 > base && idx3[-1] == '.') idx3[-1] = '-';
    if (ends_in(base, ".gz")) base[strlen(base) - 3] = '\0';
    if (slash) *slash = '\0';
    return find_file(path, slash ? folder : ".", base);
}

static da_status load_file(da_dataset *out, const char *path, bool hash) {
    char labels[PATH_ROOM];
    bool cifar = ends_in(path, ".bin") || ends_in(path, ".bin.gz");
    request r = { .format = cifar ? DAI_CIFAR : DAI_IDX, .one_file = true, .hash = hash, .paths = { path, labels },
                  .source = path };
    r.files = !cifar && labels_beside(labels, path) ? 2 : 1;
    return load_files(out, &r);
}

static da_status load_digits(da_dataset *out, da_split split, const da_dataset_options *options) {
    int64_t count = options->count > 0 ? options->count : split == DA_TRAIN ? 60000 : 10000;
    if (count > MOST_DIGITS)
        return DA_FAIL(DA_ERROR_ARGUMENT, "%lld digits are too many: at most %d", (long long)count, (int)MOST_DIGITS);
    da_dataset data = { .classes = DA_DIGITS_CLASSES, .count = count, .height = DA_DIGITS_SIDE, .width = DA_DIGITS_SIDE,
                        .channels = 1, .mean = { DA_DIGITS_MEAN }, .deviation = { DA_DIGITS_DEVIATION } };
    da_status status = set_names(&data, "digits", "generated");
    if (status == DA_OK) status = name_classes(&data, NULL, NULL, NULL);
    if (status == DA_OK) {
        data.images = da_alloc((size_t)(count * da_dataset_image_bytes(&data)));
        data.labels = da_alloc((size_t)count);
        if (!data.images || !data.labels) status = DA_ERROR_MEMORY;
    }
    if (status != DA_OK) {
        da_dataset_free(&data);
        return status;
    }
    da_digits_generate(data.images, data.labels, count, options->seed, split);
    *out = data;
    return DA_OK;
}

bool da_dataset_is_named(const char *text) {
    for (int i = 0; i < DAI_SETS; i++)
        if (strcmp(text, dai_sets[i].name) == 0) return true;
    return false;
}

static da_status find_and_load(da_dataset *out, const char *name_or_path, da_split split, const char *data_dir,
                               const da_dataset_options *given) {
    if (given->count < 0)
        return DA_FAIL(DA_ERROR_ARGUMENT, "a data set of %lld samples cannot be", (long long)given->count);
    if (strcmp(name_or_path, "digits") == 0) return load_digits(out, split, given);
    if (given->count > 0)
        return DA_FAIL(DA_ERROR_ARGUMENT, "only 'digits' are made in any number: '%s' comes as it is", name_or_path);
    for (int i = 0; i < DAI_SETS; i++)
        if (strcmp(name_or_path, dai_sets[i].name) == 0)
            return load_by_name(out, &dai_sets[i], split, data_dir, given->hash);
    if (is_folder(name_or_path)) return load_folder(out, name_or_path, split, given->hash);
    if (da_file_exists(name_or_path)) return load_file(out, name_or_path, given->hash);
    if (strchr(name_or_path, '/')) return DA_FAIL(DA_ERROR_NOT_FOUND, "'%s' does not exist", name_or_path);
    return DA_FAIL(DA_ERROR_NOT_FOUND,
                   "'%s' is neither a data set (mnist, fashion-mnist, cifar10, cifar100, digits) "
                   "nor a file or folder",
                   name_or_path);
}

/* Keeps the first `limit` images and gives the memory of the others back. */
static da_status cut_to(da_dataset *data, int64_t limit) {
    if (limit == 0 || limit >= data->count) return DA_OK;
    uint8_t *images = da_realloc(data->images, (size_t)(limit * da_dataset_image_bytes(data)));
    if (!images) return DA_ERROR_MEMORY;
    data->images = images;
    data->count = limit;
    return DA_OK;
}

da_status da_dataset_load(da_dataset *out, const char *name_or_path, da_split split, const char *data_dir,
                          const da_dataset_options *options) {
    static const da_dataset_options defaults = { .count = 0, .seed = 1 };
    const da_dataset_options *given = options ? options : &defaults;
    da_dataset data;
    if (given->limit < 0)
        return DA_FAIL(DA_ERROR_ARGUMENT, "the first %lld images cannot be kept", (long long)given->limit);
    DA_TRY(find_and_load(&data, name_or_path, split, data_dir, given));
    da_status status = cut_to(&data, given->limit);
    if (status == DA_OK) *out = data;
    else da_dataset_free(&data);
    return status;
}

void da_dataset_free(da_dataset *data) {
    if (!data) return;
    for (int c = 0; data->class_names && c < data->classes; c++) da_free(data->class_names[c]);
    da_free(data->class_names);
    da_free(data->altered);
    for (int f = 0; f < data->file_count; f++) da_free(data->files[f].path);
    if (!data->borrowed) {
        da_free(data->name);
        da_free(data->source);
        da_free(data->images);
        da_free(data->labels);
    }
    memset(data, 0, sizeof *data);
}

da_status da_dataset_borrow(da_dataset *out, const char *name, int64_t count, const int64_t shape[3], const uint8_t *images,
                            int classes, const uint8_t *labels) {
    DA_TRY(da_shape_check(4, (int64_t[]){ count, shape[0], shape[1], shape[2] }, 1));
    if (count < 1 || shape[0] < 1 || shape[1] < 1 || shape[2] < 1 || shape[2] > DA_MAX_CHANNELS)
        return DA_FAIL(DA_ERROR_ARGUMENT, "'%s': %lld images of %lldx%lldx%lld; at least one, of 1 to %d channels, is a set",
                       name, (long long)count, (long long)shape[0], (long long)shape[1], (long long)shape[2],
                       (int)DA_MAX_CHANNELS);
    if (classes < 1 || classes > 256)
        return DA_FAIL(DA_ERROR_ARGUMENT, "'%s' has %d classes: 1 to 256 fit a label of one byte", name, classes);
    for (int64_t i = 0; labels && i < count; i++)
        if (labels[i] >= classes)
            return DA_FAIL(DA_ERROR_ARGUMENT, "'%s': image %lld has label %d of %d classes", name, (long long)i, labels[i],
                           classes);
    da_dataset made = { .borrowed = true, .count = count, .height = shape[0], .width = shape[1], .channels = shape[2],
                        .classes = classes };
    for (int c = 0; c < DA_MAX_CHANNELS; c++) made.deviation[c] = 1.0f;
    /* The fields of a set that owns its memory can be written, so they are not const. */
    made.name = made.source = (char *)(uintptr_t)name;
    made.images = (uint8_t *)(uintptr_t)images;
    made.labels = (uint8_t *)(uintptr_t)labels;
    *out = made;
    return DA_OK;
}

void da_dataset_fingerprint(const da_dataset *data, char hex[65]) {
    if (data->fingerprinted > 0 && data->fingerprinted == data->count) {
        memcpy(hex, data->fingerprint, sizeof data->fingerprint);
        return;
    }
    const int64_t facts[] = { data->count, data->height, data->width, data->channels, data->classes, !!data->labels };
    da_sha256 sha;
    da_sha256_init(&sha);
    da_sha256_text(&sha, data->name);
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) da_sha256_uint64(&sha, (uint64_t)facts[i]);
    da_sha256_update(&sha, data->images, (size_t)(data->count * da_dataset_image_bytes(data)));
    if (data->labels) da_sha256_update(&sha, data->labels, (size_t)data->count);
    da_sha256_hex(&sha, hex);
}

void da_dataset_keep_fingerprint(da_dataset *data) {
    da_dataset_fingerprint(data, data->fingerprint);
    data->fingerprinted = data->count;
}
