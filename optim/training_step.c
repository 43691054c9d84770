/* One step of training.
 *
 *     running statistics kept aside
 *     batch ── forward ── loss ── backward ── norm ── update            all finite: done, nothing else happens
 *                          │                    │
 *                          └──── not finite ────┴── statistics put back, forward and backward again with the graph's
 *                                                   trap on, which names the first operation that gave such a number
 */
#include "optim/training.h"

#include <math.h>
#include <string.h>

float dai_training_rate(const dai_training *t, int64_t step) {
    return da_schedule_rate(&t->options->schedule, step, t->steps_epoch, t->steps_epoch * t->options->epochs);
}

/* The update of the next step. */
static da_status update(dai_training *t) {
    const da_trainer_options *o = t->options;
    int64_t step = dai_steps_done(t), total = t->steps_epoch * o->epochs;
    if (o->schedule.low_momentum > 0)
        DA_TRY(da_optimizer_set_momentum(t->optimizer,
                                         da_schedule_momentum(&o->schedule, o->optimizer.momentum, step, total)));
    return da_optimizer_step(t->optimizer, dai_training_rate(t, step), NULL);
}

typedef struct outcome { double loss; int64_t correct; } outcome;

/* On the batch that was read last. DA_ERROR_NUMERIC when the loss is not finite. */
static da_status forward_backward(dai_training *t, outcome *out) {
    da_graph_reset(t->graph);
    da_forward forward = { .graph = t->graph, .training = true, .seed = t->options->seed,
                           .step = (uint64_t)dai_steps_done(t) };
    da_node *logits = da_model_forward(t->model, &forward, da_graph_input(t->graph, &t->feed.batch));
    da_graph_label(t->graph, "loss");
    da_node *loss = da_cross_entropy(t->graph, logits, t->feed.labels, t->options->label_smoothing);
    da_graph_label(t->graph, NULL);
    DA_TRY(da_graph_status(t->graph));
    out->loss = (double)da_node_scalar(loss);
    if (!isfinite(out->loss)) return DA_FAIL(DA_ERROR_NUMERIC, "the loss is %g", out->loss);
    out->correct = da_count_correct(da_node_value(logits), t->feed.labels);
    return da_graph_backward(t->graph, loss);
}

/* Replaces the message of a numeric failure by one that names the operation. Puts the statistics back afterwards. */
static da_status name_the_culprit(dai_training *t) {
    outcome ignored;
    da_graph_set_trap(t->graph, true);
    da_status status = forward_backward(t, &ignored);
    da_graph_set_trap(t->graph, false);
    dai_snapshot_restore(&t->buffers);
    if (status == DA_OK)
        status = DA_FAIL(DA_ERROR_NUMERIC, "the gradient's norm is not finite although every gradient is");
    if (status != DA_ERROR_NUMERIC) return status;
    return da_fail_context(
        "training stopped in step %lld (epoch %lld, batch %lld), a smaller rate or clipping may help: ",
        (long long)dai_steps_done(t) + 1, (long long)t->position.epoch + 1, (long long)t->position.step + 1);
}

da_status dai_training_step(dai_training *t) {
    outcome out = { 0 };
    DA_TRY(da_feed_read(&t->feed, t->position.epoch, t->position.step));
    const int64_t n = t->feed.batch.shape[0];
    dai_snapshot_take(&t->buffers);
    da_status status = forward_backward(t, &out);
    if (status == DA_OK) status = update(t);
    if (status != DA_OK) {
        dai_snapshot_restore(&t->buffers);
        return status == DA_ERROR_NUMERIC ? name_the_culprit(t) : status;
    }
    t->position.loss_sum += out.loss * (double)n;
    t->position.correct += out.correct;
    t->position.samples += n;
    t->position.step++;
    return DA_OK;
}

da_status dai_training_try_single(dai_training *t) {
    const int64_t count = t->feed.subset.count, batch = t->feed.batcher.largest;
    if (batch > 1 && count % batch != 1) return DA_OK;
    DA_TRY(da_feed_read(&t->feed, 0, 0));
    da_tensor image = t->feed.batch;
    image.shape[0] = 1;
    dai_snapshot_take(&t->buffers);
    da_graph_set_recording(t->graph, false);
    da_forward forward = { .graph = t->graph, .training = true, .seed = t->options->seed };
    da_model_forward(t->model, &forward, da_graph_input(t->graph, &image));
    da_status status = da_graph_status(t->graph);
    da_graph_reset(t->graph);
    da_graph_set_recording(t->graph, true);
    dai_snapshot_restore(&t->buffers);
    if (status != DA_ERROR_SHAPE) return status;
    return da_fail_context("%lld images in batches of %lld leave a batch of a single one: ", (long long)count,
                            (long long)batch);
}
