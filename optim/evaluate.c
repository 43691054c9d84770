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

#include "core/math.h"
#include "core/memory.h"
#include "core/parallel.h"

#include <math.h>
#include <string.h>

int64_t da_named_class(const float *row, int64_t classes) {
    int64_t best = 0;
    for (int64_t k = 0; k < classes; k++) {
        if (isnan(row[k])) return -1;
        if (row[k] > row[best]) best = k;
    }
    return best;
}

int64_t da_count_correct(const da_tensor *logits, const uint8_t *labels) {
    int64_t correct = 0, classes = logits->shape[1];
    for (int64_t i = 0; i < logits->shape[0]; i++)
        correct += da_named_class(da_tensor_floats(logits) + i * classes, classes) == labels[i];
    return correct;
}

static int64_t count_not_numbers(const da_tensor *logits) {
    int64_t count = 0, classes = logits->shape[1];
    for (int64_t i = 0; i < logits->shape[0]; i++)
        count += da_named_class(da_tensor_floats(logits) + i * classes, classes) < 0;
    return count;
}

da_status dai_evaluator_init(dai_evaluator *evaluator, da_model *model, da_feed *feed) {
    dai_evaluator e = { .model = model, .feed = feed };
    da_status status = da_inference_new(&e.inference, model);
    e.logits = da_alloc((size_t)(feed->batcher.largest * model->classes) * sizeof *e.logits);
    if (status == DA_OK && !e.logits) status = DA_ERROR_MEMORY;
    if (status == DA_OK) *evaluator = e;
    else dai_evaluator_free(&e);
    return status;
}

void dai_evaluator_free(dai_evaluator *e) {
    da_inference_free(e->inference);
    da_free(e->logits);
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
        if (e->feed->labels[i] >= classes)
            return DA_FAIL(DA_ERROR_ARGUMENT, "image %lld has label %d, the model '%s' tells %lld classes apart",
                           (long long)(sums->samples + i), e->feed->labels[i], e->model->architecture, (long long)classes);
        sums->loss += sample_loss(da_tensor_floats(logits) + i * classes, classes, e->feed->labels[i]);
    }
    sums->correct += da_count_correct(logits, e->feed->labels);
    return DA_OK;
}

/* One batch; adds to sums and writes n rows of logits. */
static da_status run_batch(const dai_evaluator *e, int64_t step, float *logits, da_evaluation *sums) {
    DA_TRY(da_feed_read(e->feed, 0, step));
    const int64_t n = e->feed->batch.shape[0];
    DA_TRY(da_infer(e->inference, &e->feed->batch, logits));
    const da_tensor table = da_tensor_over(logits, DA_FLOAT32, 2, (int64_t[]){ n, e->model->classes }), *rows = &table;
    if (e->feed->labels) DA_TRY(add_outcomes(e, rows, sums));
    sums->not_numbers += count_not_numbers(rows);
    sums->samples += n;
    return DA_OK;
}

da_status dai_evaluator_run(const dai_evaluator *e, float *logits, da_evaluation *result) {
    const double begin = da_seconds();
    const bool labelled = e->feed->labels != NULL;
    da_evaluation sums = { 0 };
    for (int64_t step = 0; step < da_feed_steps(e->feed); step++)
        DA_TRY(run_batch(e, step, logits ? logits + sums.samples * e->model->classes : e->logits, &sums));
    sums.loss = labelled ? sums.loss / (double)sums.samples : (double)NAN;
    sums.accuracy = labelled ? (double)sums.correct / (double)sums.samples : (double)NAN;
    sums.seconds = da_seconds() - begin;
    *result = sums;
    return DA_OK;
}

da_status da_evaluate_feed(da_model *model, da_feed *feed, float *logits, da_evaluation *result) {
    dai_evaluator evaluator = { 0 };
    DA_TRY(dai_evaluator_init(&evaluator, model, feed));
    da_status status = dai_evaluator_run(&evaluator, logits, result);
    dai_evaluator_free(&evaluator);
    return status;
}

da_status da_evaluate(da_model *model, const da_dataset *data, int64_t batch, float *logits, da_evaluation *result) {
    da_feed feed;
    DA_TRY(da_feed_open(&feed, model, data, &(da_feed_options){ .batches.batch_size = batch }));
    da_status status = da_evaluate_feed(model, &feed, logits, result);
    da_feed_close(&feed);
    return status;
}

da_status da_predict_pixels(da_model *model, const uint8_t *pixels, float *logits, int *answer) {
    da_dataset picture;
    da_evaluation seen;
    DA_TRY(da_dataset_borrow(&picture, "one picture", 1, model->input_shape, pixels, 1, NULL));
    float *row = da_alloc((size_t)model->classes * sizeof *row);
    da_status status = row ? da_evaluate(model, &picture, 1, row, &seen) : DA_ERROR_MEMORY;
    if (status == DA_OK) {
        if (logits) memcpy(logits, row, (size_t)model->classes * sizeof *row);
        *answer = (int)da_named_class(row, model->classes);
    }
    da_free(row);
    return status;
}
