/* One number in, one number out: the functions of core/unary.h, which are routines of the kernel table, and scale, relu
 * and leaky_relu, which are lines of arithmetic.
 */
#include "core/kernels/kernels.h"
#include "core/operations/loops.h"
#include "core/operations/rows.h"

#include <math.h>
#include <stddef.h>

static void same_shape(da_node *node) { dai_set_shape(node, node->input[0]->value.ndim, node->input[0]->value.shape); }

static int64_t count_of(const da_node *node) { return da_tensor_count(&node->value); }

/* What a run needs: x and y forward, dy and dx too backward; a and b are the operation's constants. */
typedef struct unary_work {
    const da_kernels *kernels;
    da_unary f;
    float a, b;
    const float *x, *dy;
    float *y, *dx;
} unary_work;

static unary_work forward_work(const da_node *node) {
    return (unary_work) { .kernels = node->kernels, .x = dai_input(node, 0), .y = dai_output(node) };
}

/* ---- Those of the kernel table ---- */

static void smooth_run(void *context, int64_t begin, int64_t end) {
    const unary_work *w = context;
    w->kernels->unary(w->f, end - begin, w->x + begin, w->y + begin);
}

static void smooth_back_run(void *context, int64_t begin, int64_t end) {
    const unary_work *w = context;
    w->kernels->unary_backward(w->f, end - begin, w->x ? w->x + begin : NULL, w->y ? w->y + begin : NULL,
                               w->dy + begin, w->dx + begin);
}

static void smooth_forward(da_node *node, da_unary f) {
    unary_work work = forward_work(node);
    work.f = f;
    dai_for_runs(count_of(node), DAI_RUN, smooth_run, &work);
}

/* A row declares whether its slope comes from x or from y; the other one may be gone by now. */
static void smooth_backward(da_node *node, da_unary f) {
    unary_work work = { .kernels = node->kernels, .f = f, .dy = node->gradient, .dx = dai_gradient_begin(node, 0) };
    if (node->operation->backward_needs_inputs) work.x = dai_input(node, 0);
    if (node->operation->backward_needs_output) work.y = dai_output(node);
    if (work.dx) dai_for_runs(count_of(node), DAI_RUN, smooth_back_run, &work);
    dai_gradient_end(node, 0);
}

#define READS_x backward_needs_inputs
#define READS_y backward_needs_output
#define OPERATION(name_, NAME, from, ...)                                                              \
    static void name_##_forward(da_node *node)  { smooth_forward(node, DA_UNARY_##NAME); }             \
    static void name_##_backward(da_node *node) { smooth_backward(node, DA_UNARY_##NAME); }            \
    const da_operation dai_operation_##name_ = {                                                       \
        .name = #name_, .inputs_least = 1, .inputs_most = 1, .shape = same_shape,                      \
        .forward = name_##_forward, .backward = name_##_backward, .READS_##from = true                 \
    };                                                                                                 \
    da_node *da_##name_(da_graph *g, da_node *x) { return dai_node_new(g, &dai_operation_##name_, &x, 1, NULL); }
DA_UNARY_FUNCTIONS(OPERATION)

/* ---- The others ---- */

/* Runs body forward or backward over all elements; backward only if a gradient is wanted. */
static void simple_forward(da_node *node, float a, float b, dai_run_body *body) {
    unary_work work = forward_work(node);
    work.a = a;
    work.b = b;
    dai_for_runs(count_of(node), DAI_RUN, body, &work);
}

static void simple_backward(da_node *node, float a, const float *x, float *y, dai_run_body *body) {
    unary_work work = { .kernels = node->kernels, .a = a, .x = x, .y = y, .dy = node->gradient,
                        .dx = dai_gradient_begin(node, 0) };
    if (work.dx) dai_for_runs(count_of(node), DAI_RUN, body, &work);
    dai_gradient_end(node, 0);
}

static void scale_run(void *context, int64_t begin, int64_t end) {
    const unary_work *w = context;
    for (int64_t i = begin; i < end; i++) w->y[i] = fmaf(w->x[i], w->a, w->b);
}

static void scale_back_run(void *context, int64_t begin, int64_t end) {
    const unary_work *w = context;
    for (int64_t i = begin; i < end; i++) w->dx[i] = w->dy[i] * w->a;
}

static void scale_forward(da_node *node) {
    simple_forward(node, node->options.scale.factor, node->options.scale.offset, scale_run);
}

static void scale_backward(da_node *node) {
    simple_backward(node, node->options.scale.factor, NULL, NULL, scale_back_run);
}

/* relu(NaN) is NaN, so that a broken activation is not hidden. The slope at 0 is 0. */
static void relu_run(void *context, int64_t begin, int64_t end) {
    const unary_work *w = context;
    w->kernels->relu(end - begin, w->x + begin, w->y + begin);
}

static void relu_back_run(void *context, int64_t begin, int64_t end) {
    const unary_work *w = context;
    w->kernels->relu_backward(end - begin, w->y + begin, w->dy + begin, w->dx + begin);
}

static void relu_forward(da_node *node)  { simple_forward(node, 0.0f, 0.0f, relu_run); }
static void relu_backward(da_node *node) { simple_backward(node, 0.0f, NULL, dai_output(node), relu_back_run); }

static void leaky_relu_run(void *context, int64_t begin, int64_t end) {
    const unary_work *w = context;
    for (int64_t i = begin; i < end; i++) w->y[i] = w->x[i] <= 0.0f ? w->x[i] * w->a : w->x[i];
}

static void leaky_relu_back_run(void *context, int64_t begin, int64_t end) {
    const unary_work *w = context;
    for (int64_t i = begin; i < end; i++) {
        const float x = w->x[i], dy = w->dy[i];
        w->dx[i] = x <= 0.0f ? dy * w->a : dy;
    }
}

static void leaky_relu_forward(da_node *node) {
    simple_forward(node, node->options.leaky_relu.slope, 0.0f, leaky_relu_run);
}

static void leaky_relu_backward(da_node *node) {
    simple_backward(node, node->options.leaky_relu.slope, dai_input(node, 0), NULL, leaky_relu_back_run);
}

const da_operation dai_operation_scale = {
    .name = "scale", .inputs_least = 1, .inputs_most = 1,
    .shape = same_shape, .forward = scale_forward, .backward = scale_backward
};
const da_operation dai_operation_relu = {
    .name = "relu", .inputs_least = 1, .inputs_most = 1,
    .shape = same_shape, .forward = relu_forward, .backward = relu_backward, .backward_needs_output = true
};
const da_operation dai_operation_leaky_relu = {
    .name = "leaky_relu", .inputs_least = 1, .inputs_most = 1,
    .shape = same_shape, .forward = leaky_relu_forward, .backward = leaky_relu_backward, .backward_needs_inputs = true
};

da_node *da_scale(da_graph *g, da_node *x, float factor, float offset) {
    dai_options options = { .scale = { factor, offset } };
    return dai_node_new(g, &dai_operation_scale, &x, 1, &options);
}
da_node *da_relu(da_graph *g, da_node *x) { return dai_node_new(g, &dai_operation_relu, &x, 1, NULL); }
da_node *da_leaky_relu(da_graph *g, da_node *x, float slope) {
    dai_options options = { .leaky_relu = { slope } };
    return dai_node_new(g, &dai_operation_leaky_relu, &x, 1, &options);
}
