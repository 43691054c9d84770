/* Matrix product and linear layer: three products each, C = A B, dA = dC B^T, dB = A^T dC.
 *
 * A right operand without leading dimensions is shared by all the left one's matrices, which then count as one tall
 * matrix.
 */
#include "core/kernels/kernels.h"
#include "core/operations/loops.h"
#include "core/operations/rows.h"

/* Runs one product with the node's kernels; false when scratch memory ran out. */
static bool multiply(da_node *node, const da_matmul_problem *problem) {
    const int64_t floats = da_matmul_scratch(problem);
    float *scratch = floats ? dai_scratch(node, floats) : NULL;
    if (floats && !scratch) return false;
    node->kernels->matmul(node->kernels, problem, scratch);
    return true;
}

/* ---- matmul ---- */

typedef struct matmul_sizes { int64_t batch, m, n, k; } matmul_sizes;

static matmul_sizes sizes_of(const da_node *node) {
    const da_tensor *a = &node->input[0]->value, *b = &node->input[1]->value;
    matmul_sizes z = { 1, a->shape[a->ndim - 2], b->shape[b->ndim - 1], a->shape[a->ndim - 1] };
    for (int d = 0; d < a->ndim - 2; d++) *(b->ndim == 2 ? &z.m : &z.batch) *= a->shape[d];
    return z;
}

static void matmul_shape(da_node *node) {
    char left[96], right[96];
    const da_tensor *a = &node->input[0]->value, *b = &node->input[1]->value;
    int64_t shape[DA_MAX_DIMS];
    bool fits = a->ndim >= 2 && (b->ndim == 2 || b->ndim == a->ndim) && a->shape[a->ndim - 1] == b->shape[b->ndim - 2];
    for (int d = 0; fits && b->ndim > 2 && d < b->ndim - 2; d++) fits = a->shape[d] == b->shape[d];
    if (!fits) {
        dai_node_fail(node, DA_ERROR_SHAPE,
                      "%s times %s: needs ... M x K times K x N, with the same K, and equal leading sizes or none on "
                      "the right",
                      da_shape_text(left, a->ndim, a->shape), da_shape_text(right, b->ndim, b->shape));
        return;
    }
    for (int d = 0; d < a->ndim - 1; d++) shape[d] = a->shape[d];
    shape[a->ndim - 1] = b->shape[b->ndim - 1];
    dai_set_shape(node, a->ndim, shape);
}

static void matmul_forward(da_node *node) {
    const matmul_sizes z = sizes_of(node);
    for (int64_t i = 0; i < z.batch; i++) {
        const da_matmul_problem problem = {
            .m = z.m, .n = z.n, .k = z.k, .a = dai_input(node, 0) + i * z.m * z.k, .a_row = z.k, .a_column = 1,
            .b = dai_input(node, 1) + i * z.k * z.n, .b_row = z.n, .b_column = 1,
            .c = dai_output(node) + i * z.m * z.n, .c_row = z.n,
        };
        if (!multiply(node, &problem)) return;
    }
}

static void matmul_backward(da_node *node) {
    const matmul_sizes z = sizes_of(node);
    float *da = dai_gradient_begin(node, 0), *db = NULL;
    for (int64_t i = 0; da && i < z.batch; i++) {
        const da_matmul_problem problem = {
            .m = z.m, .n = z.k, .k = z.n, .a = node->gradient + i * z.m * z.n, .a_row = z.n, .a_column = 1,
            .b = dai_input(node, 1) + i * z.k * z.n, .b_row = 1, .b_column = z.n, .c = da + i * z.m * z.k, .c_row = z.k,
        };
        if (!multiply(node, &problem)) break;
    }
    dai_gradient_end(node, 0);
    db = dai_gradient_begin(node, 1);
    for (int64_t i = 0; db && i < z.batch; i++) {
        const da_matmul_problem problem = {
            .m = z.k, .n = z.n, .k = z.m, .a = dai_input(node, 0) + i * z.m * z.k, .a_row = 1, .a_column = z.k,
            .b = node->gradient + i * z.m * z.n, .b_row = z.n, .b_column = 1, .c = db + i * z.k * z.n, .c_row = z.n,
        };
        if (!multiply(node, &problem)) break;
    }
    dai_gradient_end(node, 1);
}

const da_operation dai_operation_matmul = {
    .name = "matmul", .inputs_least = 2, .inputs_most = 2, .shape = matmul_shape, .forward = matmul_forward,
    .backward = matmul_backward, .backward_needs_inputs = true,
};

da_node *da_matmul(da_graph *g, da_node *a, da_node *b) {
    return dai_node_new(g, &dai_operation_matmul, (da_node *[]){ a, b }, 2, NULL);
}

/* ---- linear: y (N x K) = x (N x D) w (D x K) + bias ---- */

static void linear_shape(da_node *node) {
    char left[96], right[96];
    const da_tensor *x = &node->input[0]->value, *w = &node->input[1]->value;
    if (!dai_expect_ndim(node, 1, 2, "weight D K")) return;
    const int64_t n = x->ndim > 0 ? x->shape[0] : 0, d = n > 0 ? da_tensor_count(x) / n : w->shape[0], k = w->shape[1];
    if (x->ndim < 1 || d != w->shape[0]) {
        dai_node_fail(node, DA_ERROR_SHAPE, "input %s has %lld features a sample, weight %s (in x out) expects %lld",
                      da_shape_text(left, x->ndim, x->shape), (long long)d, da_shape_text(right, 2, w->shape),
                      (long long)w->shape[0]);
        return;
    }
    const da_tensor *bias = node->input_count > 2 ? &node->input[2]->value : NULL;
    if (bias && (bias->ndim != 1 || bias->shape[0] != k)) {
        dai_node_fail(node, DA_ERROR_SHAPE, "bias is %s, expected %lld: one number an output",
                      da_shape_text(left, bias->ndim, bias->shape), (long long)k);
        return;
    }
    dai_set_shape(node, 2, (int64_t[]){ n, k });
}

static void linear_forward(da_node *node) {
    const da_tensor *w = &node->input[1]->value;
    const int64_t d = w->shape[0], k = w->shape[1];
    const da_matmul_problem problem = {
        .m = node->value.shape[0], .n = k, .k = d, .a = dai_input(node, 0), .a_row = d, .a_column = 1,
        .b = da_tensor_floats(w), .b_row = k, .b_column = 1, .c = dai_output(node), .c_row = k,
        .bias = node->input_count > 2 ? dai_input(node, 2) : NULL,
    };
    multiply(node, &problem);
}

static void linear_backward(da_node *node) {
    const da_tensor *w = &node->input[1]->value;
    const int64_t n = node->value.shape[0], d = w->shape[0], k = w->shape[1];
    float *dx = dai_gradient_begin(node, 0);
    if (dx)
        multiply(node, &(da_matmul_problem){ .m = n, .n = d, .k = k, .a = node->gradient, .a_row = k, .a_column = 1,
                                             .b = da_tensor_floats(w), .b_row = 1, .b_column = k, .c = dx,
                                             .c_row = d });
    dai_gradient_end(node, 0);
    float *dw = dai_gradient_begin(node, 1);
    if (dw)
        multiply(node, &(da_matmul_problem){ .m = d, .n = k, .k = n, .a = dai_input(node, 0), .a_row = 1, .a_column = d,
                                             .b = node->gradient, .b_row = k, .b_column = 1, .c = dw, .c_row = k });
    dai_gradient_end(node, 1);
    if (node->input_count < 3) return;
    float *db = dai_gradient_begin(node, 2);
    if (db) dai_sum_middle(node, 1, n, k, node->gradient, db);
    dai_gradient_end(node, 2);
}

const da_operation dai_operation_linear = {
    .name = "linear", .inputs_least = 2, .inputs_most = 3, .shape = linear_shape, .forward = linear_forward,
    .backward = linear_backward, .backward_needs_inputs = true,
};

da_node *da_linear(da_graph *g, da_node *x, da_node *weight, da_node *bias) {
    return dai_node_new(g, &dai_operation_linear, (da_node *[]){ x, weight, bias }, bias ? 3 : 2, NULL);
}
