/* Batches: which samples, in which order, and the loop from bytes to floats. */
#include "datasets/batch.h"

#include "core/memory.h"
#include "core/parallel.h"
#include "core/random.h"

#include <math.h>
#include <string.h>

enum { CHUNK = 16 }; /* samples that one thread makes at a time */

static da_status check(const da_subset *subset, const da_batcher_options *options) {
    const da_dataset *data = subset->data;
    if (options->batch_size < 1)
        return DA_FAIL(DA_ERROR_ARGUMENT, "batch size %lld: it must be 1 or more", (long long)options->batch_size);
    if (subset->count < 1)
        return DA_FAIL(DA_ERROR_ARGUMENT, "no sample of '%s' is left to make batches of", data->name);
    if (data->channels < 1 || data->channels > DA_MAX_CHANNELS)
        return DA_FAIL(DA_ERROR_ARGUMENT, "'%s' has %lld channels: 1 to %d fit", data->name, (long long)data->channels,
                       (int)DA_MAX_CHANNELS);
    for (int64_t c = 0; c < data->channels; c++)
        if (!(isfinite(data->mean[c]) && isfinite(data->deviation[c]) && data->deviation[c] > 0.0f))
            return DA_FAIL(DA_ERROR_ARGUMENT,
                           "normalisation of '%s', channel %lld: mean %g, deviation %g: both must be finite and the "
                           "deviation above 0",
                           data->name, (long long)c, (double)data->mean[c], (double)data->deviation[c]);
    return da_augmentation_check(&options->augmentation, data->height, data->width);
}

da_status da_batcher_init(da_batcher *batcher, const da_subset *subset, const da_batcher_options *options) {
    DA_TRY(check(subset, options));
    da_batcher made = { .subset = subset, .options = *options, .order_epoch = -1 };
    made.largest = options->batch_size < subset->count ? options->batch_size : subset->count;
    if (options->shuffle) {
        made.order = da_alloc((size_t)subset->count * sizeof *made.order);
        if (!made.order) return DA_ERROR_MEMORY;
    }
    for (int64_t c = 0; c < subset->data->channels; c++) {
        float scale = 1.0f / (255.0f * subset->data->deviation[c]);
        float offset = -subset->data->mean[c] / subset->data->deviation[c];
        for (int pixel = 0; pixel < 256; pixel++) made.table[c][pixel] = fmaf((float)pixel, scale, offset);
    }
    *batcher = made;
    return DA_OK;
}

void da_batcher_free(da_batcher *batcher) {
    if (!batcher) return;
    da_free(batcher->order);
    memset(batcher, 0, sizeof *batcher);
}

int64_t da_batcher_steps(const da_batcher *batcher) { return (batcher->subset->count - 1) / batcher->largest + 1; }

int64_t da_batcher_size(const da_batcher *batcher, int64_t step) {
    int64_t left = batcher->subset->count - step * batcher->largest;
    return left < batcher->largest ? left : batcher->largest;
}

/* ---- one image ---- */

static void normalise(float *out, const uint8_t *image, const da_dataset *data, const float table[][256]) {
    int64_t values = da_dataset_image_bytes(data), channels = data->channels;
    if (channels == 1) {
        for (int64_t i = 0; i < values; i++) out[i] = table[0][image[i]];
        return;
    }
    for (int64_t i = 0; i < values; i += channels)
        for (int64_t c = 0; c < channels; c++) out[i + c] = table[c][image[i + c]];
}

/* Where position i of 0..size-1 is read from: mirrored when outside, or -1 for a zero pixel. i is off by < size. */
static int64_t source_of(int64_t i, int64_t size, da_augment_border border) {
    if (i >= 0 && i < size) return i;
    if (border == DA_BORDER_ZERO) return -1;
    return i < 0 ? -i : 2 * (size - 1) - i;
}

static void normalise_augmented(float *out, const uint8_t *image, const da_dataset *data, const float table[][256],
                                const da_augment_plan *plan, da_augment_border border) {
    int64_t height = data->height, width = data->width, channels = data->channels;
    for (int64_t y = 0; y < height; y++) {
        int64_t row = source_of(y + plan->shift_y, height, border);
        bool row_is_cut = y >= plan->cut_top && y < plan->cut_bottom;
        for (int64_t x = 0; x < width; x++, out += channels) {
            int64_t column = source_of((plan->flip ? width - 1 - x : x) + plan->shift_x, width, border);
            bool inside = row >= 0 && column >= 0, is_cut = row_is_cut && x >= plan->cut_left && x < plan->cut_right;
            const uint8_t *pixel = inside ? image + (row * width + column) * channels : NULL;
            for (int64_t c = 0; c < channels; c++) out[c] = is_cut ? 0.0f : table[c][pixel ? pixel[c] : 0];
        }
    }
}

/* ---- one batch ---- */

typedef struct job {
    const da_batcher *batcher;
    int64_t           epoch, begin, size; /* positions begin..begin+size-1 of the epoch */
    float            *images;
    uint8_t          *labels;
    int64_t          *samples;
} job;

static void make_chunk(void *context, int64_t chunk, int worker) {
    const job *j = context;
    const da_batcher *b = j->batcher;
    const da_dataset *data = b->subset->data;
    const da_augmentation *augmentation = &b->options.augmentation;
    bool plain = augmentation->pad == 0 && !augmentation->flip && augmentation->cutout == 0;
    int64_t bytes = da_dataset_image_bytes(data), end = (chunk + 1) * CHUNK < j->size ? (chunk + 1) * CHUNK : j->size;
    (void)worker;
    for (int64_t i = chunk * CHUNK; i < end; i++) {
        int64_t sample = b->subset->indices[b->order ? b->order[j->begin + i] : j->begin + i];
        const uint8_t *image = data->images + sample * bytes;
        if (j->labels) j->labels[i] = data->labels[sample];
        if (j->samples) j->samples[i] = sample;
        if (plain) {
            normalise(j->images + i * bytes, image, data, b->table);
        } else {
            da_augment_plan plan =
                da_augment_draw(augmentation, data->height, data->width, b->options.seed, j->epoch, sample);
            normalise_augmented(j->images + i * bytes, image, data, b->table, &plan, augmentation->border);
        }
    }
}

da_status da_batcher_read(da_batcher *batcher, int64_t epoch, int64_t step, float *images, uint8_t *labels,
                          int64_t *samples) {
    if (epoch < 0 || step < 0 || step >= da_batcher_steps(batcher))
        return DA_FAIL(DA_ERROR_ARGUMENT, "there is no batch %lld in epoch %lld: an epoch has %lld", (long long)step,
                       (long long)epoch, (long long)da_batcher_steps(batcher));
    if (labels && !batcher->subset->data->labels)
        return DA_FAIL(DA_ERROR_ARGUMENT, "'%s' came without labels: put its label file beside it",
                       batcher->subset->data->source);
    if (batcher->order && batcher->order_epoch != epoch) {
        da_random_permutation(batcher->order, batcher->subset->count, batcher->options.seed,
                              da_stream(DA_RANDOM_SHUFFLE, (uint64_t)epoch));
        batcher->order_epoch = epoch;
    }
    job j = { batcher, epoch, step * batcher->largest, da_batcher_size(batcher, step), images, labels, samples };
    da_parallel_for((j.size + CHUNK - 1) / CHUNK, make_chunk, &j);
    return DA_OK;
}
