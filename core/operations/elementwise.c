/* Arithmetic element by element: add, subtract, multiply, divide with broadcasting; scale, exp, log, sqrt.
 *
 * Broadcasting, after numpy: shapes are aligned at the right and an axis of size 1 is repeated, which is a stride of 0.
 * Neighbouring axes over which both operands go on evenly are one axis, so the usual cases become simple loops:
 *
 *     8x16x16x32 + 8x16x16x32    one axis of 65536, steps 1 and 1
 *     8x16x16x32 + 32            2048 rows of 32, steps 1 and 1; the second operand starts again with every row
 *     8x16 + 8x1                 8 rows of 16, steps 1 and 0
 *
 * Backward: the contribution of every element, then its sum over the repeated axes (dai_sum_axes).
 */
#include "core/kernels/kernels.h"
#include "core/operations/loops.h"
#include "core/operations/rows.h"

#include <math.h>
#include <string.h>

typedef enum binary { ADD, SUBTRACT, MULTIPLY, DIVIDE } binary;

/* The output's axes, merged, with the step of either operand along each. */
typedef struct plan {
    binary f;
    int ndim;
    int64_t shape[DA_MAX_DIMS], step_a[DA_MAX_DIMS], step_b[DA_MAX_DIMS];
    const float *a, *b;
    float *y;
} plan;

/* Stride of t along axis d of the output; 0 where it is repeated or absent. */
static int64_t step_of(const da_tensor *t, int ndim, int d) {
    int own = d - (ndim - t->ndim);
    return own < 0 || t->shape[own] == 1 ? 0 : t->stride[own];
}

static void make_plan(plan *p, binary f, const da_tensor *out, const da_tensor *a, const da_tensor *b) {
    *p = (plan) { .f = f, .a = da_tensor_floats(a), .b = da_tensor_floats(b), .y = da_tensor_floats(out) };
    for (int d = 0; d < out->ndim; d++) {
        int64_t size = out->shape[d], sa = step_of(a, out->ndim, d), sb = step_of(b, out->ndim, d);
        if (size == 1 && out->ndim > 1) continue;
        int last = p->ndim - 1;
        if (last >= 0 && p->step_a[last] == sa * size && p->step_b[last] == sb * size) p->shape[last] *= size;
        else p->shape[last = p->ndim++] = size;
        p->step_a[last] = sa;
        p->step_b[last] = sb;
    }
    if (p->ndim == 0) p->shape[p->ndim++] = 1; /* a scalar is one row of one */
}

static inline float apply(const binary f, float u, float v) {
    switch (f) {
    case ADD:      return u + v;
    case SUBTRACT: return u - v;
    case MULTIPLY: return u * v;
    default:       return u / v;
    }
}

/* The innermost step is 1 or 0, as operands are contiguous. f and the steps are constants in each copy of this loop. */
static inline __attribute__((always_inline)) void loop(const binary f, int64_t n, const float *a, const bool sa,
                                                       const float *b, const bool sb, float *y) {
    const float u = *a, v = *b;
    for (int64_t i = 0; i < n; i++) y[i] = apply(f, sa ? a[i] : u, sb ? b[i] : v);
}

static inline __attribute__((always_inline)) void loops(const binary f, int64_t n, const float *a, int64_t sa,
                                                        const float *b, int64_t sb, float *y) {
    if (sa && sb) loop(f, n, a, true, b, true, y);
    else if (sa) loop(f, n, a, true, b, false, y);
    else if (sb) loop(f, n, a, false, b, true, y);
    else loop(f, n, a, false, b, false, y);
}

/* n > 0 outputs in a row. */
static void row(binary f, int64_t n, const float *a, int64_t sa, const float *b, int64_t sb, float *y) {
    switch (f) {
    case ADD:      loops(ADD, n, a, sa, b, sb, y); break;
    case SUBTRACT: loops(SUBTRACT, n, a, sa, b, sb, y); break;
    case MULTIPLY: loops(MULTIPLY, n, a, sa, b, sb, y); break;
    case DIVIDE:   loops(DIVIDE, n, a, sa, b, sb, y); break;
    }
}

/* Outputs begin..end-1, which may start and stop inside a row. */
static void run(void *context, int64_t begin, int64_t end) {
    const plan *p = context;
    int inner = p->ndim - 1;
    int64_t size = p->shape[inner];
    for (int64_t i = begin; i < end; ) {
        int64_t column = i % size, rest = i / size, at_a = column * p->step_a[inner], at_b = column * p->step_b[inner];
        for (int d = inner - 1; d >= 0; d--) {
            at_a += rest % p->shape[d] * p->step_a[d];
            at_b += rest % p->shape[d] * p->step_b[d];
            rest /= p->shape[d];
        }
        int64_t n = size - column < end - i ? size - column : end - i;
        row(p->f, n, p->a + at_a, p->step_a[inner], p->b + at_b, p->step_b[inner], p->y + i);
        i += n;
    }
}

static void compute(binary f, const da_tensor *out, const da_tensor *a, const da_tensor *b) {
    plan p;
    make_plan(&p, f, out, a, b);
    dai_for_runs(da_tensor_count(out), DAI_RUN, run, &p);
}

static void binary_shape(da_node *node) {
    int ndim;
    int64_t shape[DA_MAX_DIMS];
    if (da_shape_broadcast(&ndim, shape, &node->input[0]->value, &node->input[1]->value) != DA_OK)
        dai_node_fail(node, DA_ERROR_SHAPE, "%s", da_error_message());
    else
        dai_set_shape(node, ndim, shape);
}

/* The axes of `out` that input t repeats. */
static unsigned repeated_axes(const da_tensor *out, const da_tensor *t) {
    unsigned axes = 0;
    for (int d = 0; d < out->ndim; d++) {
        int own = d - (out->ndim - t->ndim);
        if (own < 0 || t->shape[own] != out->shape[d]) axes |= 1u << d;
    }
    return axes;
}

/* Contributes dy f other (or dy negated, when other is NULL) to input i, summed over the axes it repeats. */
static void contribute(da_node *node, int i, binary f, const da_tensor *other, bool negative) {
    static float minus_one = -1.0f;
    const da_tensor minus = da_tensor_over(&minus_one, DA_FLOAT32, 0, NULL);
    const da_tensor *out = &node->value;
    da_tensor dy = da_tensor_over(node->gradient, DA_FLOAT32, out->ndim, out->shape), all = dy;
    unsigned axes = repeated_axes(out, &node->input[i]->value);
    float *d = dai_gradient_begin(node, i);
    if (d && (other || negative)) {
        all.data = axes ? dai_scratch(node, da_tensor_count(out)) : d;
        if (all.data && other) compute(f, &all, &dy, other);
        if (all.data && negative) compute(MULTIPLY, &all, other ? &all : &dy, &minus);
    }
    if (d && all.data && all.data != d) dai_sum_axes(node, out->ndim, out->shape, axes, da_tensor_floats(&all), d);
    dai_gradient_end(node, i);
}

static void add_forward(da_node *n)      { compute(ADD, &n->value, &n->input[0]->value, &n->input[1]->value); }
static void subtract_forward(da_node *n) { compute(SUBTRACT, &n->value, &n->input[0]->value, &n->input[1]->value); }
static void multiply_forward(da_node *n) { compute(MULTIPLY, &n->value, &n->input[0]->value, &n->input[1]->value); }
static void divide_forward(da_node *n)   { compute(DIVIDE, &n->value, &n->input[0]->value, &n->input[1]->value); }

static void pass_or_sum(da_node *node, int i) {
    if (da_tensor_same_shape(&node->value, &node->input[i]->value)) dai_gradient_pass(node, i);
    else if (dai_wants(node, i)) contribute(node, i, ADD, NULL, false);
}

static void add_backward(da_node *node) {
    pass_or_sum(node, 0);
    pass_or_sum(node, 1);
}

static void subtract_backward(da_node *node) {
    pass_or_sum(node, 0);
    if (dai_wants(node, 1)) contribute(node, 1, ADD, NULL, true);
}

static void multiply_backward(da_node *node) {
    if (dai_wants(node, 0)) contribute(node, 0, MULTIPLY, &node->input[1]->value, false);
    if (dai_wants(node, 1)) contribute(node, 1, MULTIPLY, &node->input[0]->value, false);
}

/* d(a / b) = da / b - y db / b: for b, dy is first multiplied by y, then divided by b. */
static void divide_backward(da_node *node) {
    const da_tensor *b = &node->input[1]->value, *y = &node->value;
    if (dai_wants(node, 0)) contribute(node, 0, DIVIDE, b, false);
    if (!dai_wants(node, 1)) return;
    da_tensor slope = *y;
    slope.data = dai_scratch(node, da_tensor_count(y));
    if (!slope.data) return;
    compute(DIVIDE, &slope, y, b);
    contribute(node, 1, MULTIPLY, &slope, true);
}

const da_operation dai_operation_add = {
    .name = "add", .inputs_least = 2, .inputs_most = 2,
    .shape = binary_shape, .forward = add_forward, .backward = add_backward
};
const da_operation dai_operation_subtract = {
    .name = "subtract", .inputs_least = 2, .inputs_most = 2,
    .shape = binary_shape, .forward = subtract_forward, .backward = subtract_backward
};
const da_operation dai_operation_multiply = {
    .name = "multiply", .inputs_least = 2, .inputs_most = 2,
    .shape = binary_shape, .forward = multiply_forward, .backward = multiply_backward, .backward_needs_inputs = true
};
const da_operation dai_operation_divide = {
    .name = "divide", .inputs_least = 2, .inputs_most = 2,
    .shape = binary_shape, .forward = divide_forward, .backward = divide_backward,
    .backward_needs_inputs = true, .backward_needs_output = true
};

da_node *da_add(da_graph *g, da_node *a, da_node *b) {
    return dai_node_new(g, &dai_operation_add, (da_node *[]) { a, b }, 2, NULL);
}
da_node *da_subtract(da_graph *g, da_node *a, da_node *b) {
    return dai_node_new(g, &dai_operation_subtract, (da_node *[]) { a, b }, 2, NULL);
}
da_node *da_multiply(da_graph *g, da_node *a, da_node *b) {
    return dai_node_new(g, &dai_operation_multiply, (da_node *[]) { a, b }, 2, NULL);
}
da_node *da_divide(da_graph *g, da_node *a, da_node *b) {
    return dai_node_new(g, &dai_operation_divide, (da_node *[]) { a, b }, 2, NULL);
}
