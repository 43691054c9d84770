/* Softmax along the last axis: y = exp(x - max) / sum of exp(x - max). Subtracting the maximum changes nothing in exact
 * arithmetic and keeps every exponential at most 1. Backward: dx = y (dy - sum of dy y). A number that is taken from all dy
 * changes nothing either: the one of the largest y is, so that next to a y of nearly 1 nothing is lost.
 */
#include "core/kernels/kernels.h"
#include "core/operations/loops.h"
#include "core/operations/rows.h"

typedef struct softmax_work { const da_kernels *kernels; int64_t k; const float *x, *dy; float *y, *dx; } softmax_work;

static int64_t rows_of(const da_node *node) {
    int64_t rows = 1;
    for (int d = 0; d < node->value.ndim - 1; d++) rows *= node->value.shape[d];
    return rows;
}

static void softmax_shape(da_node *node) {
    char text[96];
    const da_tensor *x = &node->input[0]->value;
    if (x->ndim < 1 || x->shape[x->ndim - 1] < 1)
        dai_node_fail(node, DA_ERROR_SHAPE, "the operand is %s: the last axis must hold at least one number",
                      da_shape_text(text, x->ndim, x->shape));
    else
        dai_set_shape(node, x->ndim, x->shape);
}

static void softmax_run(void *context, int64_t begin, int64_t end) {
    const softmax_work *w = context;
    for (int64_t r = begin; r < end; r++) {
        const float *x = w->x + r * w->k;
        float *y = w->y + r * w->k, most = x[0];
        for (int64_t i = 1; i < w->k; i++) most = x[i] > most ? x[i] : most;
        for (int64_t i = 0; i < w->k; i++) y[i] = x[i] - most;
    }
    w->kernels->unary(DA_UNARY_EXP, (end - begin) * w->k, w->y + begin * w->k, w->y + begin * w->k);
    for (int64_t r = begin; r < end; r++) {
        float *y = w->y + r * w->k, total = dai_sum_row(y, w->k);
        for (int64_t i = 0; i < w->k; i++) y[i] /= total;
    }
}

static void softmax_back_run(void *context, int64_t begin, int64_t end) {
    const softmax_work *w = context;
    for (int64_t r = begin; r < end; r++) {
        const float *y = w->y + r * w->k, *dy = w->dy + r * w->k;
        float *dx = w->dx + r * w->k;
        int64_t top = 0;
        for (int64_t i = 1; i < w->k; i++) top = y[i] > y[top] ? i : top;
        for (int64_t i = 0; i < w->k; i++) dx[i] = dy[i] - dy[top];
        const float dot = dai_dot_row(dx, y, w->k);
        for (int64_t i = 0; i < w->k; i++) dx[i] = y[i] * (dx[i] - dot);
    }
}

static void softmax_forward(da_node *node) {
    softmax_work w = { .kernels = node->kernels, .k = node->value.shape[node->value.ndim - 1],
                       .x = dai_input(node, 0), .y = dai_output(node) };
    dai_for_runs(rows_of(node), dai_rows_per_run(w.k), softmax_run, &w);
}

static void softmax_backward(da_node *node) {
    softmax_work w = { .k = node->value.shape[node->value.ndim - 1], .y = dai_output(node), .dy = node->gradient,
                       .dx = dai_gradient_begin(node, 0) };
    if (w.dx) dai_for_runs(rows_of(node), dai_rows_per_run(w.k), softmax_back_run, &w);
    dai_gradient_end(node, 0);
}

const da_operation dai_operation_softmax = {
    .name = "softmax", .inputs_least = 1, .inputs_most = 1,
    .shape = softmax_shape, .forward = softmax_forward, .backward = softmax_backward, .backward_needs_output = true
};

da_node *da_softmax(da_graph *g, da_node *x) { return dai_node_new(g, &dai_operation_softmax, &x, 1, NULL); }
