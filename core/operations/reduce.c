/* Sum, mean and maximum over chosen axes.
 *
 *     x 4x5x6, axes {0, 2}      y[j] = sum over i, k of x[i][j][k], 5 numbers; 1x5x1 when axes are kept
 *
 * How sums are cut into lanes and slices stands with dai_sum_axes. A maximum does not round, so its order does not
 * matter; of equal ones the first in memory order counts, and the first NaN before all.
 */
#include "core/operations/loops.h"
#include "core/operations/rows.h"

#include <string.h>

/* The mask of axes meant: none means all. */
static unsigned axes_of(const da_node *node) {
    unsigned all = (1u << node->input[0]->value.ndim) - 1u;
    return node->options.reduce.axes ? node->options.reduce.axes : all;
}

/* How many inputs make one output. */
static int64_t group_size(const da_node *node) {
    const da_tensor *x = &node->input[0]->value;
    int64_t size = 1;
    for (int d = 0; d < x->ndim; d++) size *= axes_of(node) >> d & 1u ? x->shape[d] : 1;
    return size;
}

static void reduce_shape(da_node *node) {
    char text[96];
    const da_tensor *x = &node->input[0]->value;
    unsigned axes = axes_of(node);
    int64_t shape[DA_MAX_DIMS];
    int ndim = 0;
    if (axes >> x->ndim) {
        dai_node_fail(node, DA_ERROR_SHAPE, "axes mask 0x%x names an axis that %s does not have: it has %d", axes,
                      da_shape_text(text, x->ndim, x->shape), x->ndim);
        return;
    }
    for (int d = 0; d < x->ndim; d++) {
        if (!(axes >> d & 1u)) shape[ndim++] = x->shape[d];
        else if (node->options.reduce.keep) shape[ndim++] = 1;
    }
    dai_set_shape(node, ndim, shape);
}

/* Mean and maximum of no numbers do not exist. */
static void reduce_shape_not_empty(da_node *node) {
    char text[96];
    const da_tensor *x = &node->input[0]->value;
    reduce_shape(node);
    if (!node->poisoned && group_size(node) == 0)
        dai_node_fail(node, DA_ERROR_SHAPE, "%s has no elements along the axes reduced",
                      da_shape_text(text, x->ndim, x->shape));
}

/* ---- sum, mean ---- */

static void sum_forward(da_node *node) {
    const da_tensor *x = &node->input[0]->value;
    dai_sum_axes(node, x->ndim, x->shape, axes_of(node), da_tensor_floats(x), dai_output(node));
}

static void mean_forward(da_node *node) {
    sum_forward(node);
    float *y = dai_output(node), size = (float)group_size(node);
    for (int64_t i = 0, n = da_tensor_count(&node->value); i < n; i++) y[i] /= size;
}

/* Gives every input the gradient dy of its group: dy with stride 0 along the reduced axes. */
static void spread(const da_node *node, const float *dy, float *dx) {
    const da_tensor *x = &node->input[0]->value;
    unsigned axes = axes_of(node);
    int64_t stride[DA_MAX_DIMS] = { 0 }, step = 1;
    for (int d = x->ndim - 1; d >= 0; d--) {
        if (axes >> d & 1u) continue;
        stride[d] = step;
        step *= x->shape[d];
    }
    dai_copy_strided(x->ndim, x->shape, dx, x->stride, dy, stride);
}

static void sum_backward(da_node *node) {
    float *dx = dai_gradient_begin(node, 0);
    if (dx) spread(node, node->gradient, dx);
    dai_gradient_end(node, 0);
}

static void mean_backward(da_node *node) {
    int64_t n = da_tensor_count(&node->value);
    float size = (float)group_size(node), *share = dai_scratch(node, n),
          *dx = share ? dai_gradient_begin(node, 0) : NULL;
    if (dx) {
        for (int64_t i = 0; i < n; i++) share[i] = node->gradient[i] / size;
        spread(node, share, dx);
    }
    dai_gradient_end(node, 0);
}

/* ---- max ---- */

/* What finding maxima needs: x's strides along the axes that stay, and along those that go. */
typedef struct max_work {
    int kept, reduced;
    int64_t kept_shape[DA_MAX_DIMS], kept_stride[DA_MAX_DIMS], reduced_shape[DA_MAX_DIMS], reduced_stride[DA_MAX_DIMS];
    int64_t group;
    const float *x, *dy;
    float *y, *dx;
} max_work;

static max_work make_max_work(const da_node *node) {
    const da_tensor *x = &node->input[0]->value;
    unsigned axes = axes_of(node);
    max_work w = { .group = group_size(node), .x = dai_input(node, 0) };
    for (int d = 0; d < x->ndim; d++) {
        bool goes = axes >> d & 1u;
        int at = goes ? w.reduced++ : w.kept++;
        (goes ? w.reduced_shape : w.kept_shape)[at] = x->shape[d];
        (goes ? w.reduced_stride : w.kept_stride)[at] = x->stride[d];
    }
    return w;
}

static int64_t offset_of(int64_t i, int ndim, const int64_t *shape, const int64_t *stride) {
    int64_t offset = 0;
    for (int d = ndim - 1; d >= 0; d--) {
        offset += i % shape[d] * stride[d];
        i /= shape[d];
    }
    return offset;
}

/* Where in x the first maximum of output i stands. */
static int64_t first_maximum(const max_work *w, int64_t i) {
    int64_t base = offset_of(i, w->kept, w->kept_shape, w->kept_stride), best = base;
    for (int64_t r = 1; r < w->group; r++) {
        int64_t at = base + offset_of(r, w->reduced, w->reduced_shape, w->reduced_stride);
        float v = w->x[at], b = w->x[best];
        if (v > b || (v != v && b == b)) best = at;
    }
    return best;
}

static void max_run(void *context, int64_t begin, int64_t end) {
    const max_work *w = context;
    for (int64_t i = begin; i < end; i++) w->y[i] = w->x[first_maximum(w, i)];
}

static void max_back_run(void *context, int64_t begin, int64_t end) {
    const max_work *w = context;
    for (int64_t i = begin; i < end; i++) w->dx[first_maximum(w, i)] = w->dy[i];
}

static void max_forward(da_node *node) {
    max_work w = make_max_work(node);
    w.y = dai_output(node);
    dai_for_runs(da_tensor_count(&node->value), dai_rows_per_run(w.group), max_run, &w);
}

static void max_backward(da_node *node) {
    max_work w = make_max_work(node);
    w.dy = node->gradient;
    w.dx = dai_gradient_begin(node, 0);
    if (w.dx) {
        memset(w.dx, 0, da_tensor_bytes(&node->input[0]->value));
        dai_for_runs(da_tensor_count(&node->value), dai_rows_per_run(w.group), max_back_run, &w);
    }
    dai_gradient_end(node, 0);
}

const da_operation dai_operation_sum = {
    .name = "sum", .inputs_least = 1, .inputs_most = 1,
    .shape = reduce_shape, .forward = sum_forward, .backward = sum_backward
};
const da_operation dai_operation_mean = {
    .name = "mean", .inputs_least = 1, .inputs_most = 1,
    .shape = reduce_shape_not_empty, .forward = mean_forward, .backward = mean_backward
};
const da_operation dai_operation_max = {
    .name = "max", .inputs_least = 1, .inputs_most = 1,
    .shape = reduce_shape_not_empty, .forward = max_forward, .backward = max_backward, .backward_needs_inputs = true
};

static da_node *reduce(da_graph *g, const da_operation *operation, da_node *x, unsigned axes, bool keep) {
    dai_options options = { .reduce = { axes, keep } };
    return dai_node_new(g, operation, &x, 1, &options);
}
da_node *da_sum(da_graph *g, da_node *x, unsigned axes, bool keep) {
    return reduce(g, &dai_operation_sum, x, axes, keep);
}
da_node *da_mean(da_graph *g, da_node *x, unsigned axes, bool keep) {
    return reduce(g, &dai_operation_mean, x, axes, keep);
}
da_node *da_max(da_graph *g, da_node *x, unsigned axes, bool keep) {
    return reduce(g, &dai_operation_max, x, axes, keep);
}
