/* What must hold between model and data, and the buffers of one batch. */
#include "optim/feed.h"

#include "core/memory.h"
#include "core/number.h"

#include <string.h>

da_status da_feed_check(const da_model *model, const da_dataset *data) {
    char wanted[96], given[96];
    const int64_t shape[3] = { data->height, data->width, data->channels };
    if (memcmp(shape, model->input_shape, sizeof shape) != 0)
        return DA_FAIL(DA_ERROR_SHAPE, "the model '%s' takes images of %s, those of '%s' are %s", model->architecture,
                       da_shape_text(wanted, 3, model->input_shape), data->name, da_shape_text(given, 3, shape));
    if (data->labels && data->classes != model->classes)
        return DA_FAIL(DA_ERROR_SHAPE, "the model '%s' tells %s apart, '%s' has %d", model->architecture,
                       da_count(model->classes, "class").text, data->name, data->classes);
    return DA_OK;
}

da_status da_feed_check_normalized(const da_model *model) {
    if (model->normalization.known) return DA_OK;
    return DA_FAIL(DA_ERROR_ARGUMENT, "the model '%s' does not say how its inputs are normalised: set its normalisation",
                   model->architecture);
}

static da_normalization customary(const da_dataset *data) {
    da_normalization n = { .known = true, .channels = (int)data->channels };
    memcpy(n.mean, data->mean, sizeof n.mean);
    memcpy(n.deviation, data->deviation, sizeof n.deviation);
    return n;
}

da_status da_model_normalize_like(da_model *model, const da_dataset *data) {
    const da_normalization n = customary(data);
    DA_TRY(da_normalization_check(&n, model->input_shape[2]));
    model->normalization = n;
    return DA_OK;
}

static da_status normalize(da_feed *f, const da_model *model, bool like_data) {
    da_normalization *n = &f->normalization;
    if (!like_data) DA_TRY(da_feed_check_normalized(model));
    *n = model->normalization.known ? model->normalization : customary(&f->data);
    DA_TRY(da_normalization_check(n, f->data.channels));
    memcpy(f->data.mean, n->mean, sizeof n->mean);
    memcpy(f->data.deviation, n->deviation, sizeof n->deviation);
    return DA_OK;
}

static da_status choose(da_feed *f, const da_feed_options *o) {
    da_subset all = { 0 }, other = { 0 };
    if (o->part == DA_PART_ALL) return da_subset_first(&f->subset, &f->data, o->limit);
    DA_TRY(da_subset_first(&all, &f->data, 0));
    const bool train = o->part == DA_PART_TRAIN;
    const da_status status = da_subset_split(train ? &f->subset : &other, train ? &other : &f->subset, &all, o->held,
                                             o->batches.seed);
    da_subset_free(&all);
    da_subset_free(&other);
    if (status == DA_OK && o->limit > 0 && o->limit < f->subset.count) f->subset.count = o->limit;
    return status;
}

static da_status open(da_feed *f, const da_model *model, const da_feed_options *o) {
    if (o->labels_for && !f->data.labels)
        return DA_FAIL(DA_ERROR_ARGUMENT, "the images of '%s' have no labels: %s needs them", f->data.name, o->labels_for);
    DA_TRY(da_feed_check(model, &f->data));
    DA_TRY(normalize(f, model, o->normalize_like_data));
    DA_TRY(choose(f, o));
    DA_TRY(da_batcher_init(&f->batcher, &f->subset, &o->batches));
    const size_t largest = (size_t)f->batcher.largest;
    f->images = da_alloc(largest * (size_t)da_dataset_image_bytes(&f->data) * sizeof *f->images);
    f->samples = da_alloc(largest * sizeof *f->samples);
    if (f->data.labels) f->labels = da_alloc(largest);
    return f->images && f->samples && (f->labels || !f->data.labels) ? DA_OK : DA_ERROR_MEMORY;
}

da_status da_feed_open(da_feed *feed, const da_model *model, const da_dataset *data, const da_feed_options *options) {
    *feed = (da_feed){ .data = *data };
    const da_status status = open(feed, model, options);
    if (status != DA_OK) da_feed_close(feed);
    return status;
}

void da_feed_close(da_feed *f) {
    da_batcher_free(&f->batcher);
    da_subset_free(&f->subset);
    da_free(f->images);
    da_free(f->labels);
    da_free(f->samples);
    memset(f, 0, sizeof *f);
}

da_status da_feed_read(da_feed *f, int64_t epoch, int64_t step) {
    const int64_t n = da_batcher_size(&f->batcher, step);
    DA_TRY(da_batcher_read(&f->batcher, epoch, step, f->images, f->labels, f->samples));
    f->batch = da_tensor_over(f->images, DA_FLOAT32, 4, (int64_t[]){ n, f->data.height, f->data.width, f->data.channels });
    return DA_OK;
}
