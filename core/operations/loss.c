/* Losses: one number, the mean over the batch.
 *
 * Cross-entropy from logits x (K of them a sample), with z = x - max, the target t = (1 - s) onehot + s / K:
 *
 *     loss = log(sum of exp z) - (1 - s) z[label] - s mean(z)          d loss / dx = softmax(x) - t
 *
 * Where the network is sure, the sum of exp z and the label's probability are 1 but for a remainder that one number
 * cannot hold. Both are written by the remainder, which keeps its digits:
 *
 *     log(1 + rest) = log1p(rest)          d loss / dx[label] = - sum over the others of d loss / dx, as all sum to 0
 *
 * The probabilities are made on the way and saved for backward.
 */
#include "core/kernels/kernels.h"
#include "core/math.h"
#include "core/operations/loops.h"
#include "core/operations/rows.h"

typedef struct entropy_work {
    const da_kernels *kernels;
    int64_t k;
    const uint8_t *labels;
    float smoothing, share; /* share: backward, the gradient of one sample's loss */
    const float *x;
    float *p, *loss, *dx;
} entropy_work;

static bool check_labels(da_node *node, int64_t n, int64_t k) {
    const uint8_t *labels = node->options.cross_entropy.labels;
    for (int64_t i = 0; i < n; i++)
        if (labels[i] >= k) {
            dai_node_fail(node, DA_ERROR_ARGUMENT, "sample %lld has label %d, but there are %lld classes (0 to %lld)",
                          (long long)i, labels[i], (long long)k, (long long)k - 1);
            return false;
        }
    return true;
}

static void cross_entropy_shape(da_node *node) {
    char text[96];
    const da_tensor *x = &node->input[0]->value;
    float s = node->options.cross_entropy.smoothing;
    if (!dai_expect_ndim(node, 0, 2, "N K")) return;
    if (x->shape[0] < 1 || x->shape[1] < 1)
        dai_node_fail(node, DA_ERROR_SHAPE, "logits are %s: there must be a sample and a class",
                      da_shape_text(text, 2, x->shape));
    else if (!node->options.cross_entropy.labels)
        dai_node_fail(node, DA_ERROR_ARGUMENT, "there are no labels");
    else if (!(s >= 0.0f && s <= 1.0f))
        dai_node_fail(node, DA_ERROR_ARGUMENT, "label smoothing %g: must be 0 to 1", (double)s);
    else if (check_labels(node, x->shape[0], x->shape[1])) {
        dai_set_shape(node, 0, NULL);
        if (node->wants_gradient) node->saved_count = x->shape[0] * x->shape[1];
    }
}

/* One sample, all but the logarithm's sum: p becomes z, and its loss what does not need exponentials. */
static float shift_sample(const entropy_work *w, const float *x, float *z, int label) {
    float most = x[0];
    for (int64_t i = 1; i < w->k; i++) most = x[i] > most ? x[i] : most;
    for (int64_t i = 0; i < w->k; i++) z[i] = x[i] - most;
    if (w->smoothing == 0.0f) return -z[label];
    return -((1.0f - w->smoothing) * z[label] + w->smoothing * (dai_sum_row(z, w->k) / (float)w->k));
}

/* log of the sum of exponentials e, of which the largest is exactly 1: total is their sum, with 1 rounded in, rest is
   what it is without. log(u) / (u - 1) is the same for all u that near. */
static float log_of_sum(float *e, int64_t k, float total) {
    int64_t top = 0;
    while (top < k - 1 && e[top] != 1.0f) top++;
    const float largest = e[top];
    e[top] = 0.0f;
    const float rest = dai_sum_row(e, k);
    e[top] = largest;
    return total == 1.0f ? rest : da_logf(total) * (rest / (total - 1.0f));
}

static void entropy_run(void *context, int64_t begin, int64_t end) {
    const entropy_work *w = context;
    float *p = w->p + begin * w->k;
    for (int64_t n = begin; n < end; n++)
        w->loss[n] = shift_sample(w, w->x + n * w->k, w->p + n * w->k, w->labels[n]);
    w->kernels->unary(DA_UNARY_EXP, (end - begin) * w->k, p, p);
    for (int64_t n = begin; n < end; n++) {
        float *row = w->p + n * w->k, total = dai_sum_row(row, w->k);
        w->loss[n] += log_of_sum(row, w->k, total);
        for (int64_t i = 0; i < w->k; i++) row[i] /= total;
    }
}

static void cross_entropy_forward(da_node *node) {
    const da_tensor *x = &node->input[0]->value;
    int64_t n = x->shape[0];
    entropy_work w = { .kernels = node->kernels, .k = x->shape[1], .labels = node->options.cross_entropy.labels,
                       .smoothing = node->options.cross_entropy.smoothing, .x = dai_input(node, 0), .p = node->saved };
    w.loss = dai_scratch(node, n);
    if (!w.p) w.p = dai_scratch(node, n * w.k);
    if (!w.loss || !w.p) return;
    dai_for_runs(n, dai_rows_per_run(w.k), entropy_run, &w);
    if (dai_sum_middle(node, 1, n, 1, w.loss, dai_output(node))) dai_output(node)[0] /= (float)n;
}

static void entropy_back_run(void *context, int64_t begin, int64_t end) {
    const entropy_work *w = context;
    const float off = w->smoothing / (float)w->k;
    for (int64_t n = begin; n < end; n++) {
        const float *p = w->p + n * w->k;
        float *dx = w->dx + n * w->k, *label = dx + w->labels[n];
        for (int64_t i = 0; i < w->k; i++) dx[i] = p[i] - off;
        *label = 0.0f;
        *label -= dai_sum_row(dx, w->k);
        for (int64_t i = 0; i < w->k; i++) dx[i] *= w->share;
    }
}

static void cross_entropy_backward(da_node *node) {
    const da_tensor *x = &node->input[0]->value;
    entropy_work w = { .k = x->shape[1], .labels = node->options.cross_entropy.labels,
                       .smoothing = node->options.cross_entropy.smoothing, .p = node->saved,
                       .share = node->gradient[0] / (float)x->shape[0], .dx = dai_gradient_begin(node, 0) };
    if (w.dx) dai_for_runs(x->shape[0], dai_rows_per_run(w.k), entropy_back_run, &w);
    dai_gradient_end(node, 0);
}

/* ---- mean squared error ---- */

typedef struct mse_work { const float *a, *b; float *to, factor; } mse_work;

static void mse_shape(da_node *node) {
    char left[96], right[96];
    const da_tensor *a = &node->input[0]->value, *b = &node->input[1]->value;
    if (!da_tensor_same_shape(a, b) || da_tensor_count(a) < 1)
        dai_node_fail(node, DA_ERROR_SHAPE, "%s against %s: shapes must be equal and not empty",
                      da_shape_text(left, a->ndim, a->shape), da_shape_text(right, b->ndim, b->shape));
    else
        dai_set_shape(node, 0, NULL);
}

static void square_run(void *context, int64_t begin, int64_t end) {
    const mse_work *w = context;
    for (int64_t i = begin; i < end; i++) w->to[i] = (w->a[i] - w->b[i]) * (w->a[i] - w->b[i]);
}

static void mse_forward(da_node *node) {
    int64_t n = da_tensor_count(&node->input[0]->value);
    mse_work w = { .a = dai_input(node, 0), .b = dai_input(node, 1), .to = dai_scratch(node, n) };
    if (!w.to) return;
    dai_for_runs(n, DAI_RUN, square_run, &w);
    if (dai_sum_middle(node, 1, n, 1, w.to, dai_output(node))) dai_output(node)[0] /= (float)n;
}

static void difference_run(void *context, int64_t begin, int64_t end) {
    const mse_work *w = context;
    for (int64_t i = begin; i < end; i++) w->to[i] = (w->a[i] - w->b[i]) * w->factor;
}

static void mse_backward(da_node *node) {
    int64_t n = da_tensor_count(&node->input[0]->value);
    for (int i = 0; i < 2; i++) {
        mse_work w = { .a = dai_input(node, i), .b = dai_input(node, 1 - i), .to = dai_gradient_begin(node, i),
                       .factor = 2.0f * node->gradient[0] / (float)n };
        if (w.to) dai_for_runs(n, DAI_RUN, difference_run, &w);
        dai_gradient_end(node, i);
    }
}

const da_operation dai_operation_cross_entropy = {
    .name = "cross_entropy", .inputs_least = 1, .inputs_most = 1,
    .shape = cross_entropy_shape, .forward = cross_entropy_forward, .backward = cross_entropy_backward
};
const da_operation dai_operation_mse = {
    .name = "mse", .inputs_least = 2, .inputs_most = 2,
    .shape = mse_shape, .forward = mse_forward, .backward = mse_backward, .backward_needs_inputs = true
};

da_node *da_cross_entropy(da_graph *g, da_node *logits, const uint8_t *labels, float smoothing) {
    dai_options options = { .cross_entropy = { labels, smoothing } };
    return dai_node_new(g, &dai_operation_cross_entropy, &logits, 1, &options);
}
da_node *da_mse(da_graph *g, da_node *a, da_node *b) {
    return dai_node_new(g, &dai_operation_mse, (da_node *[]) { a, b }, 2, NULL);
}
