/* Batches: which samples, in which order, and the loop from bytes to floats. */
#include "datasets/batch.h"

#include "core/kernels/kernels.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/random.h"
#include "core/tiny.h"

#include <math.h>
#include <string.h>

enum { CHUNK = DA_SIZE(16, 3) }; /* samples that one thread makes at a time */

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

/* How a pixel of each channel is normalised, over and over until the period is full: channels divide it. */
static da_pixel_scale scale_of(const da_dataset *data) {
    da_pixel_scale scale;
    for (int64_t i = 0; i < DA_PIXEL_PERIOD; i++) {
        int64_t c = i % data->channels;
        scale.factor[i] = 1.0f / (255.0f * data->deviation[c]);
        scale.offset[i] = -data->mean[c] / data->deviation[c];
    }
    return scale;
}

static bool augments(const da_augmentation *a) { return a->pad > 0 || a->flip || a->cutout > 0; }

da_status da_batcher_init(da_batcher *batcher, const da_subset *subset, const da_batcher_options *options) {
    DA_TRY(check(subset, options));
    const da_dataset *data = subset->data;
    da_batcher made = { .subset = subset, .options = *options, .order_epoch = -1, .scale = scale_of(data) };
    made.largest = options->batch_size < subset->count ? options->batch_size : subset->count;
    if (options->shuffle) made.order = da_alloc((size_t)subset->count * sizeof *made.order);
    if (augments(&options->augmentation)) made.moved = da_alloc((size_t)(DA_MAX_THREADS * da_dataset_image_bytes(data)));
    if ((options->shuffle && !made.order) || (augments(&options->augmentation) && !made.moved)) {
        da_batcher_free(&made);
        return DA_ERROR_MEMORY;
    }
    *batcher = made;
    return DA_OK;
}

void da_batcher_free(da_batcher *batcher) {
    if (!batcher) return;
    da_free(batcher->order);
    da_free(batcher->moved);
    memset(batcher, 0, sizeof *batcher);
}

int64_t da_batcher_steps(const da_batcher *batcher) { return (batcher->subset->count - 1) / batcher->largest + 1; }

int64_t da_batcher_size(const da_batcher *batcher, int64_t step) {
    int64_t left = batcher->subset->count - step * batcher->largest;
    return left < batcher->largest ? left : batcher->largest;
}

/* ---- one image, augmented ---- */

/* Where position i of 0..size-1 is read from: mirrored when outside, or -1 for a zero pixel. i is off by < size. */
static int64_t source_of(int64_t i, int64_t size, da_augment_border border) {
    if (i >= 0 && i < size) return i;
    if (border == DA_BORDER_ZERO) return -1;
    return i < 0 ? -i : 2 * (size - 1) - i;
}

/* A row moved to the left by `shift` pixels; what comes in at an end is the border. */
static void shift_row(uint8_t *out, const uint8_t *row, const da_dataset *data, int64_t shift,
                      da_augment_border border) {
    const int64_t width = data->width, channels = data->channels;
    const int64_t first = shift < 0 ? -shift : 0, end = shift > 0 ? width - shift : width;
    memcpy(out + first * channels, row + (first + shift) * channels, (size_t)((end - first) * channels));
    const int64_t border_begin = first > 0 ? 0 : end, border_end = first > 0 ? first : width;
    for (int64_t x = border_begin; x < border_end; x++) {
        int64_t column = source_of(x + shift, width, border);
        if (column < 0) memset(out + x * channels, 0, (size_t)channels);
        else memcpy(out + x * channels, row + column * channels, (size_t)channels);
    }
}

static void flip_row(uint8_t *row, const da_dataset *data) {
    const int64_t channels = data->channels;
    for (int64_t left = 0, right = data->width - 1; left < right; left++, right--)
        for (int64_t c = 0; c < channels; c++) {
            uint8_t other = row[right * channels + c];
            row[right * channels + c] = row[left * channels + c];
            row[left * channels + c] = other;
        }
}

/* The bytes are moved, row by row, then normalised; the square that is cut out becomes zeros at last. */
static void make_augmented(const da_kernels *kernels, float *out, const uint8_t *image, const da_batcher *b,
                           const da_augment_plan *plan, uint8_t *moved) {
    const da_dataset *data = b->subset->data;
    const da_augment_border border = b->options.augmentation.border;
    const int64_t channels = data->channels, values = data->width * channels;
    for (int64_t y = 0; y < data->height; y++) {
        uint8_t *row = moved + y * values;
        int64_t from = source_of(y + plan->shift_y, data->height, border);
        if (from < 0) memset(row, 0, (size_t)values);
        else shift_row(row, image + from * values, data, plan->shift_x, border);
        if (plan->flip) flip_row(row, data);
    }
    kernels->pixels(&b->scale, data->height * values, moved, out);
    for (int64_t y = plan->cut_top; y < plan->cut_bottom; y++)
        for (int64_t i = plan->cut_left * channels; i < plan->cut_right * channels; i++) out[y * values + i] = 0.0f;
}

/* ---- one batch ---- */

typedef struct job {
    const da_kernels *kernels;
    const da_batcher *batcher;
    int64_t           epoch, begin, size; /* positions begin..begin+size-1 of the epoch */
    float            *images;
    uint8_t          *labels;
    int64_t          *samples;
} job;

/* The sample at a position of the epoch. */
static int64_t sample_at(const da_batcher *b, int64_t position) {
    return b->subset->indices[b->order ? b->order[position] : position];
}

/* Asks for an image while the one before it is made: shuffled images lie anywhere, and memory takes longer to answer
   than an image takes to make. */
static void fetch_ahead(const uint8_t *image, int64_t bytes) {
    enum { LINE = 64 };
    for (int64_t at = 0; at < bytes; at += LINE) __builtin_prefetch(image + at);
}

static void make_chunk(void *context, int64_t chunk, int worker) {
    const job *j = context;
    const da_batcher *b = j->batcher;
    const da_dataset *data = b->subset->data;
    const da_augmentation *augmentation = &b->options.augmentation;
    int64_t bytes = da_dataset_image_bytes(data), end = (chunk + 1) * CHUNK < j->size ? (chunk + 1) * CHUNK : j->size;
    for (int64_t i = chunk * CHUNK; i < end; i++) {
        const int64_t sample = sample_at(b, j->begin + i);
        const uint8_t *image = data->images + sample * bytes;
        if (i + 1 < end) fetch_ahead(data->images + sample_at(b, j->begin + i + 1) * bytes, bytes);
        if (j->labels) j->labels[i] = data->labels[sample];
        if (j->samples) j->samples[i] = sample;
        if (!b->moved) {
            j->kernels->pixels(&b->scale, bytes, image, j->images + i * bytes);
        } else {
            da_augment_plan plan =
                da_augment_draw(augmentation, data->height, data->width, b->options.seed, j->epoch, sample);
            make_augmented(j->kernels, j->images + i * bytes, image, b, &plan, b->moved + worker * bytes);
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
    job j = { da_kernels_active(), batcher, epoch, step * batcher->largest, da_batcher_size(batcher, step), images,
              labels, samples };
    const int64_t work = da_work_of_floats(j.size * da_dataset_image_bytes(batcher->subset->data));
    da_parallel_for((j.size + CHUNK - 1) / CHUNK, batcher->moved ? 4 * work : work, make_chunk, &j);
    return DA_OK;
}
