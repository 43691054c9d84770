/* Operations that only move numbers. reshape and flatten share their input's memory; the others are strided copies
 * between a window of one tensor and all of another:
 *
 *     permute        all of x, strides in another order      ->  all of y
 *     slice          the window start:stop:step of x         ->  all of y
 *     concatenate    all of part i                           ->  its window of y
 *     pad            all of x                                ->  the window of y inside the border
 *
 * and backward is the same copy the other way.
 */
#include "core/operations/loops.h"
#include "core/operations/rows.h"

#include <string.h>

/* Copies src to dst, both of dst's shape. */
static void copy(const da_tensor *dst, const da_tensor *src) {
    dai_copy_strided(dst->ndim, dst->shape, da_tensor_floats(dst), dst->stride, da_tensor_floats(src), src->stride);
}

/* A tensor like t over other memory. */
static da_tensor over(float *data, const da_tensor *t) { return da_tensor_over(data, DA_FLOAT32, t->ndim, t->shape); }

/* ---- reshape, flatten ---- */

static void share_as(da_node *node, int ndim, const int64_t *shape) {
    da_tensor view;
    if (da_tensor_reshape(&view, &node->input[0]->value, ndim, shape) != DA_OK) {
        dai_node_fail_as_said(node, DA_ERROR_SHAPE);
        return;
    }
    dai_set_shape(node, view.ndim, view.shape);
    node->shares_input = true;
}

static void reshape_shape(da_node *node) { share_as(node, node->options.reshape.ndim, node->options.reshape.shape); }

static void flatten_shape(da_node *node) {
    const da_tensor *x = &node->input[0]->value;
    int64_t features = 1;
    if (x->ndim < 1) {
        dai_node_fail(node, DA_ERROR_SHAPE, "the operand is a scalar, expected at least 1 dimension (N ...)");
        return;
    }
    for (int d = 1; d < x->ndim; d++) features *= x->shape[d];
    share_as(node, 2, (int64_t[]) { x->shape[0], features });
}

static void nothing_to_do(da_node *node)  { (void)node; }
static void pass_gradient(da_node *node)  { dai_gradient_pass(node, 0); }

/* ---- permute, slice: y is a view of x, made contiguous ---- */

static da_status view_of(const da_node *node, da_tensor *view, const da_tensor *x) {
    const dai_options *o = &node->options;
    if (node->operation == &dai_operation_permute) return da_tensor_permute(view, x, o->permute.axes);
    return da_tensor_slice(view, x, o->slice.axis, o->slice.start, o->slice.stop, o->slice.step);
}

static void view_shape(da_node *node) {
    da_tensor view;
    if (view_of(node, &view, &node->input[0]->value) != DA_OK) dai_node_fail_as_said(node, DA_ERROR_SHAPE);
    else dai_set_shape(node, view.ndim, view.shape);
}

static void view_forward(da_node *node) {
    da_tensor view;
    if (view_of(node, &view, &node->input[0]->value) == DA_OK) copy(&node->value, &view);
}

static void view_backward(da_node *node) {
    da_tensor view, dy = over(node->gradient, &node->value),
                    dx = over(dai_gradient_begin(node, 0), &node->input[0]->value);
    if (dx.data && view_of(node, &view, &dx) == DA_OK) {
        if (da_tensor_count(&view) < da_tensor_count(&dx)) dai_fill(da_tensor_floats(&dx), da_tensor_count(&dx), 0.0f);
        copy(&view, &dy);
    }
    dai_gradient_end(node, 0);
}

/* ---- concatenate ---- */

static void concatenate_shape(da_node *node) {
    char first[96], text[96];
    const da_tensor *a = &node->input[0]->value;
    int axis = node->options.concatenate.axis;
    int64_t shape[DA_MAX_DIMS];
    if (axis < 0 || axis >= a->ndim) {
        dai_node_fail(node, DA_ERROR_SHAPE, "axis %d of operands with %d dimensions: take 0 to %d", axis, a->ndim,
                      a->ndim - 1);
        return;
    }
    memcpy(shape, a->shape, sizeof shape);
    for (int i = 1; i < node->input_count; i++) {
        const da_tensor *t = &node->input[i]->value;
        bool fits = t->ndim == a->ndim;
        for (int d = 0; fits && d < a->ndim; d++) fits = d == axis || t->shape[d] == a->shape[d];
        if (!fits) {
            dai_node_fail(node, DA_ERROR_SHAPE, "operand %d is %s, operand 0 is %s: they may differ along axis %d only",
                          i, da_shape_text(text, t->ndim, t->shape), da_shape_text(first, a->ndim, a->shape), axis);
            return;
        }
        shape[axis] += t->shape[axis]; /* DA_MAX_INPUTS of them fit: each was checked */
    }
    dai_set_shape(node, a->ndim, shape);
}

/* The window of y (or dy) that belongs to part i, which starts `begin` along the axis. */
static da_tensor part_window(const da_tensor *y, const da_tensor *part, int axis, int64_t begin) {
    da_tensor window = *y;
    window.data = da_tensor_floats(y) + begin * y->stride[axis];
    window.shape[axis] = part->shape[axis];
    return window;
}

static void concatenate_forward(da_node *node) {
    int axis = node->options.concatenate.axis;
    int64_t begin = 0;
    for (int i = 0; i < node->input_count; i++) {
        const da_tensor *part = &node->input[i]->value;
        da_tensor window = part_window(&node->value, part, axis, begin);
        copy(&window, part);
        begin += part->shape[axis];
    }
}

static void concatenate_backward(da_node *node) {
    int axis = node->options.concatenate.axis;
    int64_t begin = 0;
    const da_tensor dy = over(node->gradient, &node->value);
    for (int i = 0; i < node->input_count; i++) {
        const da_tensor *part = &node->input[i]->value;
        da_tensor d = over(dai_gradient_begin(node, i), part), window = part_window(&dy, part, axis, begin);
        if (d.data) copy(&d, &window);
        dai_gradient_end(node, i);
        begin += part->shape[axis];
    }
}

/* ---- pad ---- */

/* Adds a size as it was given; false: no tensor is so large. */
static bool add_size(int64_t *size, int64_t more) {
    if (more > INT64_MAX - *size) return false;
    *size += more;
    return true;
}

static void pad_shape(da_node *node) {
    const da_tensor *x = &node->input[0]->value;
    const int64_t *before = node->options.pad.before, *after = node->options.pad.after;
    int64_t shape[DA_MAX_DIMS];
    for (int d = 0; d < x->ndim; d++) {
        shape[d] = x->shape[d];
        const bool cuts = before[d] < 0 || after[d] < 0;
        if (!cuts && add_size(&shape[d], before[d]) && add_size(&shape[d], after[d])) continue;
        dai_node_fail(node, DA_ERROR_ARGUMENT, "axis %d is padded by %lld and %lld: %s", d, (long long)before[d],
                      (long long)after[d], cuts ? "neither may be negative; use slice to cut" : "no tensor is so large");
        return;
    }
    dai_set_shape(node, x->ndim, shape);
}

/* The window of y (or dy) inside the border. */
static da_tensor pad_window(const da_node *node, const da_tensor *y) {
    da_tensor window = *y;
    const da_tensor *x = &node->input[0]->value;
    int64_t offset = 0;
    for (int d = 0; d < x->ndim; d++) {
        offset += node->options.pad.before[d] * y->stride[d];
        window.shape[d] = x->shape[d];
    }
    window.data = da_tensor_floats(y) + offset;
    return window;
}

static void pad_forward(da_node *node) {
    da_tensor window = pad_window(node, &node->value);
    dai_fill(dai_output(node), da_tensor_count(&node->value), node->options.pad.value);
    copy(&window, &node->input[0]->value);
}

static void pad_backward(da_node *node) {
    da_tensor dy = over(node->gradient, &node->value), dx = over(dai_gradient_begin(node, 0), &node->input[0]->value);
    da_tensor window = pad_window(node, &dy);
    if (dx.data) copy(&dx, &window);
    dai_gradient_end(node, 0);
}

/* ---- Rows and public functions ---- */

const da_operation dai_operation_reshape = {
    .name = "reshape", .inputs_least = 1, .inputs_most = 1,
    .shape = reshape_shape, .forward = nothing_to_do, .backward = pass_gradient
};
const da_operation dai_operation_flatten = {
    .name = "flatten", .inputs_least = 1, .inputs_most = 1,
    .shape = flatten_shape, .forward = nothing_to_do, .backward = pass_gradient
};
const da_operation dai_operation_permute = {
    .name = "permute", .inputs_least = 1, .inputs_most = 1,
    .shape = view_shape, .forward = view_forward, .backward = view_backward
};
const da_operation dai_operation_slice = {
    .name = "slice", .inputs_least = 1, .inputs_most = 1,
    .shape = view_shape, .forward = view_forward, .backward = view_backward
};
const da_operation dai_operation_concatenate = {
    .name = "concatenate", .inputs_least = 1, .inputs_most = DA_MAX_INPUTS,
    .shape = concatenate_shape, .forward = concatenate_forward, .backward = concatenate_backward
};
const da_operation dai_operation_pad = {
    .name = "pad", .inputs_least = 1, .inputs_most = 1,
    .shape = pad_shape, .forward = pad_forward, .backward = pad_backward
};

da_node *da_reshape(da_graph *g, da_node *x, int ndim, const int64_t *shape) {
    dai_options options = { .reshape = { .ndim = ndim } };
    for (int d = 0; d < ndim && d < DA_MAX_DIMS; d++) options.reshape.shape[d] = shape[d];
    return dai_node_new(g, &dai_operation_reshape, &x, 1, &options);
}
da_node *da_flatten(da_graph *g, da_node *x) { return dai_node_new(g, &dai_operation_flatten, &x, 1, NULL); }
da_node *da_permute(da_graph *g, da_node *x, const int *axes) {
    dai_options options = { .permute = { .axes = { 0 } } };
    for (int d = 0; d < da_node_value(x)->ndim; d++) options.permute.axes[d] = axes[d];
    return dai_node_new(g, &dai_operation_permute, &x, 1, &options);
}
da_node *da_slice(da_graph *g, da_node *x, int axis, int64_t start, int64_t stop, int64_t step) {
    dai_options options = { .slice = { axis, start, stop, step } };
    return dai_node_new(g, &dai_operation_slice, &x, 1, &options);
}
da_node *da_concatenate(da_graph *g, da_node *const *parts, int count, int axis) {
    dai_options options = { .concatenate = { axis } };
    return dai_node_new(g, &dai_operation_concatenate, parts, count, &options);
}
da_node *da_pad(da_graph *g, da_node *x, const int64_t *before, const int64_t *after, float value) {
    dai_options options = { .pad = { .value = value } };
    for (int d = 0; d < da_node_value(x)->ndim; d++) {
        options.pad.before[d] = before[d];
        options.pad.after[d] = after[d];
    }
    return dai_node_new(g, &dai_operation_pad, &x, 1, &options);
}
