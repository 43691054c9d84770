/* Subsets: lists of sample numbers. */
#include "datasets/subset.h"

#include "core/memory.h"
#include "core/number.h"
#include "core/random.h"

#include <string.h>

static da_status subset_new(da_subset *out, const da_dataset *data, int64_t count) {
    int64_t *indices = da_alloc((size_t)count * sizeof *indices);
    if (!indices) return DA_ERROR_MEMORY;
    *out = (da_subset){ .data = data, .indices = indices, .count = count };
    return DA_OK;
}

da_status da_subset_first(da_subset *out, const da_dataset *data, int64_t limit) {
    if (limit < 0)
        return DA_FAIL(DA_ERROR_ARGUMENT, "%lld samples of '%s' were asked for: 1 or more, or 0 for all of them",
                       (long long)limit, data->name);
    da_subset made;
    DA_TRY(subset_new(&made, data, limit == 0 || limit > data->count ? data->count : limit));
    for (int64_t i = 0; i < made.count; i++) made.indices[i] = i;
    *out = made;
    return DA_OK;
}

int64_t da_subset_share(const da_subset *from, double share) { return (int64_t)(share * (double)from->count + 0.5); }

/* The first held_out of a random order are held out. Each list is then filled in from's order. */
static void deal(da_subset *train, da_subset *validation, const da_subset *from, const int64_t *order, uint8_t *held) {
    for (int64_t i = 0; i < validation->count; i++) held[order[i]] = 1;
    int64_t *to[2] = { train->indices, validation->indices };
    for (int64_t i = 0; i < from->count; i++) *to[held[i]]++ = from->indices[i];
}

da_status da_subset_split(da_subset *train, da_subset *validation, const da_subset *from, int64_t held_out,
                          uint64_t seed) {
    if (held_out < 0 || held_out >= from->count)
        return DA_FAIL(DA_ERROR_ARGUMENT,
                       "%lld of %s cannot be held out for validation: 0 or more, and one at "
                       "least must remain to train on",
                       (long long)held_out, da_count(from->count, "sample").text);
    da_subset kept = { .data = NULL }, held = { .data = NULL };
    int64_t *order = da_alloc((size_t)from->count * sizeof *order);
    uint8_t *is_held = da_alloc_zero((size_t)from->count, 1);
    da_status status = order && is_held ? DA_OK : DA_ERROR_MEMORY;
    if (status == DA_OK) status = subset_new(&kept, from->data, from->count - held_out);
    if (status == DA_OK) status = subset_new(&held, from->data, held_out);
    if (status == DA_OK) {
        da_random_permutation(order, from->count, seed, da_stream(DA_RANDOM_SPLIT, 0));
        deal(&kept, &held, from, order, is_held);
        *train = kept;
        *validation = held;
    } else {
        da_subset_free(&kept);
    }
    da_free(order);
    da_free(is_held);
    return status;
}

void da_subset_free(da_subset *subset) {
    if (!subset) return;
    da_free(subset->indices);
    memset(subset, 0, sizeof *subset);
}

/* ---- Cutting a data set ---- */

static int64_t count_below(const da_dataset *data, int classes) {
    int64_t count = 0;
    for (int64_t i = 0; i < data->count; i++) count += data->labels[i] < classes;
    return count;
}

/* The list of what stays, in ascending order. */
static da_status choose_kept(da_subset *kept, const da_dataset *data, int classes, double share, uint64_t seed) {
    da_subset all, rest = { .data = NULL };
    DA_TRY(subset_new(&all, data, count_below(data, classes)));
    for (int64_t i = 0, n = 0; n < all.count; i++)
        if (data->labels[i] < classes) all.indices[n++] = i;
    int64_t wanted = da_subset_share(&all, share);
    da_status status = DA_OK;
    if (wanted < 1)
        status = DA_FAIL(DA_ERROR_ARGUMENT, "a share of %g of the %s in %s of '%s' is none at all",
                         share, da_count(all.count, "image").text, da_count(classes, "class").text, data->name);
    else
        status = da_subset_split(kept, &rest, &all, all.count - wanted, seed);
    da_subset_free(&rest);
    da_subset_free(&all);
    return status;
}

static void move_image(da_dataset *data, int64_t to, int64_t from) {
    int64_t bytes = da_dataset_image_bytes(data);
    memmove(data->images + to * bytes, data->images + from * bytes, (size_t)bytes);
    if (data->labels) data->labels[to] = data->labels[from];
}

da_status da_dataset_part(da_dataset *data, int64_t part, int64_t parts) {
    int64_t kept = 0;
    if (part < 1 || part > parts || part > data->count)
        return DA_FAIL(DA_ERROR_ARGUMENT, "part %lld of %lld holds no image: there %s %s", (long long)part,
                       (long long)parts, data->count == 1 ? "is" : "are", da_count(data->count, "image").text);
    for (int64_t i = part - 1; i < data->count; i += parts) move_image(data, kept++, i);
    data->count = kept;
    data->fingerprinted = 0;
    return DA_OK;
}

da_status da_dataset_cut(da_dataset *data, int classes, double share, uint64_t seed) {
    if (classes == 0) classes = data->classes;
    if (classes < 2 || classes > data->classes)
        return DA_FAIL(DA_ERROR_ARGUMENT, "%s of '%s' cannot be kept: 2 to %d, or 0 for all", da_count(classes, "class").text,
                       data->name, data->classes);
    if (!(share > 0 && share <= 1))
        return DA_FAIL(DA_ERROR_ARGUMENT, "a share of %g of '%s': above 0, up to 1", share, data->name);
    if (!data->labels) return DA_FAIL(DA_ERROR_ARGUMENT, "'%s' has no labels to tell classes by", data->name);
    if (data->borrowed) return DA_FAIL(DA_ERROR_ARGUMENT, "'%s' is borrowed: its images are not moved", data->name);
    da_subset kept;
    DA_TRY(choose_kept(&kept, data, classes, share, seed));
    for (int64_t i = 0; i < kept.count; i++) move_image(data, i, kept.indices[i]); /* they ascend: none is overwritten */
    data->count = kept.count;
    data->fingerprinted = 0;
    for (int c = classes; data->class_names && c < data->classes; c++) da_free(data->class_names[c]);
    data->classes = classes;
    da_subset_free(&kept);
    return DA_OK;
}
