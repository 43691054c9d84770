/* Evaluation: the model in inference mode over a data set, in file order.
 *
 *     for each batch:  pixels ── forward ── logits ──┬── rows of the caller's array
 *                                                    ├── largest logit == label?   counted
 *                                                    └── cross-entropy of each     summed in double
 *
 * An image's loss is made from its own logits alone, and the sum runs in file order: the mean has the same bits for any
 * batch and any number of threads, and, because no function of libm takes part, on any machine. Early stopping compares
 * such means.
 */
#include "optim/evaluate.h"

#include "core/number.h"
#include "core/math.h"
#include "core/memory.h"

#include <math.h>
#include <string.h>
#include <time.h>

double dai_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

da_status dai_data_check(const da_model *model, const da_dataset *data) {
    char of_data[96], of_model[96];
    const int64_t shape[3] = { data->height, data->width, data->channels };
    if (memcmp(shape, model->input_shape, sizeof shape) != 0)
        return DA_FAIL(DA_ERROR_SHAPE, "the images of '%s' are %s, the model '%s' takes %s", data->name,
                       da_shape_text(of_data, 3, shape), model->architecture,
                       da_shape_text(of_model, 3, model->input_shape));
    if (data->labels && data->classes > model->classes)
        return DA_FAIL(DA_ERROR_SHAPE, "'%s' has %s, the model '%s' tells %d apart", data->name, da_count(data->classes, "class").text,
                       model->architecture, model->classes);
    if (model->normalization.known && model->normalization.channels != data->channels)
        return DA_FAIL(DA_ERROR_SHAPE, "the model '%s' normalises %d channels, the images of '%s' have %lld",
                       model->architecture, model->normalization.channels, data->name, (long long)data->channels);
    return DA_OK;
}

da_dataset dai_data_normalized(const da_dataset *data, const da_normalization *normalization) {
    da_dataset view = *data;
    for (int c = 0; c < normalization->channels; c++) {
        view.mean[c] = normalization->mean[c];
        view.deviation[c] = normalization->deviation[c];
    }
    return view;
}

int64_t dai_named_class(const float *row, int64_t classes) {
    int64_t best = 0;
    for (int64_t k = 0; k < classes; k++) {
        if (isnan(row[k])) return -1;
        if (row[k] > row[best]) best = k;
    }
    return best;
}

int64_t dai_count_correct(const da_tensor *logits, const uint8_t *labels) {
    int64_t correct = 0, classes = logits->shape[1];
    for (int64_t i = 0; i < logits->shape[0]; i++)
        correct += dai_named_class(da_tensor_floats(logits) + i * classes, classes) == labels[i];
    return correct;
}

static int64_t count_not_numbers(const da_tensor *logits) {
    int64_t count = 0, classes = logits->shape[1];
    for (int64_t i = 0; i < logits->shape[0]; i++)
        count += dai_named_class(da_tensor_floats(logits) + i * classes, classes) < 0;
    return count;
}

da_status dai_evaluator_init(dai_evaluator *evaluator, da_model *model, const da_subset *subset, int64_t batch) {
    dai_evaluator e = { .model = model };
    da_status status = da_batcher_init(&e.batcher, subset, &(da_batcher_options){ .batch_size = batch });
    if (status == DA_OK) status = da_inference_new(&e.inference, model);
    if (status == DA_OK) {
        e.logits = da_alloc((size_t)(e.batcher.largest * model->classes) * sizeof *e.logits);
        e.images = da_alloc((size_t)(e.batcher.largest * da_dataset_image_bytes(subset->data)) * sizeof *e.images);
        if (subset->data->labels) e.labels = da_alloc((size_t)e.batcher.largest);
        if (!e.images || !e.logits || (subset->data->labels && !e.labels)) status = DA_ERROR_MEMORY;
    }
    if (status == DA_OK) *evaluator = e;
    else dai_evaluator_free(&e);
    return status;
}

void dai_evaluator_free(dai_evaluator *e) {
    da_batcher_free(&e->batcher);
    da_inference_free(e->inference);
    da_free(e->logits);
    da_free(e->images);
    da_free(e->labels);
    memset(e, 0, sizeof *e);
}

/* log(x) for x from 1 to the largest float: the logarithm of the nearest float, plus what rounding to it took away. An
   x just above 1, from an image the model is sure of, keeps its digits. */
static double log_from_float(double x) {
    float near = (float)x;
    return (double)da_logf(near) + (x - (double)near) / (double)near;
}

/* Cross-entropy of one image: log(sum of exp(x - max)) - (x[label] - max). Not finite when a logit is not. */
static double sample_loss(const float *logits, int64_t classes, int label) {
    float most = logits[0];
    double total = 0;
    for (int64_t k = 1; k < classes; k++) most = logits[k] > most ? logits[k] : most;
    for (int64_t k = 0; k < classes; k++) total += (double)da_expf(logits[k] - most);
    return log_from_float(total) - ((double)logits[label] - (double)most);
}

/* Adds what n rows of logits say about the labels. */
static da_status add_outcomes(const dai_evaluator *e, const da_tensor *logits, da_evaluation *sums) {
    int64_t n = logits->shape[0], classes = logits->shape[1];
    for (int64_t i = 0; i < n; i++) {
        if (e->labels[i] >= classes)
            return DA_FAIL(DA_ERROR_ARGUMENT, "image %lld has label %d, the model '%s' tells %lld classes apart",
                           (long long)(sums->samples + i), e->labels[i], e->model->architecture, (long long)classes);
        sums->loss += sample_loss(da_tensor_floats(logits) + i * classes, classes, e->labels[i]);
    }
    sums->correct += dai_count_correct(logits, e->labels);
    return DA_OK;
}

/* One batch; adds to sums and writes n rows of logits. */
static da_status run_batch(dai_evaluator *e, int64_t step, float *logits, da_evaluation *sums) {
    int64_t n = da_batcher_size(&e->batcher, step);
    const int64_t *shape = e->model->input_shape;
    DA_TRY(da_batcher_read(&e->batcher, 0, step, e->images, e->labels, NULL));
    da_tensor images = da_tensor_over(e->images, DA_FLOAT32, 4, (int64_t[]){ n, shape[0], shape[1], shape[2] });
    if (!logits) logits = e->logits;
    DA_TRY(da_infer(e->inference, &images, logits));
    const da_tensor table = da_tensor_over(logits, DA_FLOAT32, 2, (int64_t[]){ n, e->model->classes }), *rows = &table;
    if (e->labels) DA_TRY(add_outcomes(e, rows, sums));
    sums->not_numbers += count_not_numbers(rows);
    sums->samples += n;
    return DA_OK;
}

da_status dai_evaluator_run(dai_evaluator *e, float *logits, da_evaluation *result) {
    double begin = dai_seconds();
    da_evaluation sums = { 0 };
    da_status status = DA_OK;
    for (int64_t step = 0; step < da_batcher_steps(&e->batcher) && status == DA_OK; step++) {
        float *rows = logits ? logits + sums.samples * e->model->classes : NULL;
        status = run_batch(e, step, rows, &sums);
    }
    DA_TRY(status);
    sums.loss = e->labels ? sums.loss / (double)sums.samples : (double)NAN;
    sums.accuracy = e->labels ? (double)sums.correct / (double)sums.samples : (double)NAN;
    sums.seconds = dai_seconds() - begin;
    *result = sums;
    return DA_OK;
}

da_status da_evaluate(da_model *model, const da_dataset *data, int64_t batch, float *logits, da_evaluation *result) {
    DA_TRY(dai_data_check(model, data));
    if (!model->normalization.known)
        return DA_FAIL(DA_ERROR_ARGUMENT,
                       "the model '%s' does not say how its inputs are normalised: set its normalisation",
                       model->architecture);
    da_dataset view = dai_data_normalized(data, &model->normalization);
    da_subset all = { 0 };
    dai_evaluator evaluator = { 0 };
    DA_TRY(da_subset_first(&all, &view, 0));
    da_status status = dai_evaluator_init(&evaluator, model, &all, batch);
    if (status == DA_OK) status = dai_evaluator_run(&evaluator, logits, result);
    dai_evaluator_free(&evaluator);
    da_subset_free(&all);
    return status;
}
