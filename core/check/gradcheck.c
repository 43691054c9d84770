/* Operations against the oracle. */
#include "core/check/gradcheck.h"
#include "core/kernels/kernels.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/random.h"
#include "core/check/oracle.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { INPUTS = DAI_ORACLE_INPUTS, SAMPLES = 24 };
static const double STEP = 1e-5; /* of the differences: their error is about 1e-10 */

/* One case with all its numbers. The output's weights make a loss of it: loss = sum of weights * y. */
typedef struct trial {
    const dai_oracle_case *given;
    const dai_oracle_row  *row;
    dai_oracle_case c;           /* as given, with running statistics filled in */
    da_graph *graph;
    int       inputs;
    da_tensor in[INPUTS], gradient[INPUTS], y, weights;
    da_tensor first_y, first_gradient[INPUTS]; /* those of the reference kernels on one thread */
    da_tensor running[2];
    dai_oracle_array x[INPUTS], out;
    double   *weights_double;
    int64_t   terms;
    da_gradcheck_result *result;
} trial;

/* ---- Numbers ---- */

static da_status fill(da_tensor *t, dai_oracle_values values, uint64_t stream) {
    int64_t n = da_tensor_count(t);
    int64_t *order = values == DAI_APART ? da_alloc((size_t)n * sizeof *order) : NULL;
    if (values == DAI_APART && !order) return DA_ERROR_MEMORY;
    if (order) da_random_permutation(order, n, 1, stream);
    for (int64_t i = 0; i < n; i++) {
        float v = da_random_normal(1, stream, (uint64_t)i);
        if (values == DAI_POSITIVE) v = 0.5f + fabsf(v);
        if (values == DAI_STEEP) v -= 20.0f * (float)(i % t->shape[t->ndim - 1]);
        if (values == DAI_APART) v = ((float)(order[i] - n / 2) + 0.5f) * 0.05f;
        da_tensor_floats(t)[i] = v;
    }
    da_free(order);
    return DA_OK;
}

static da_status widen(double **to, const da_tensor *t) {
    int64_t n = da_tensor_count(t);
    *to = da_alloc((size_t)n * sizeof **to);
    if (!*to) return DA_ERROR_MEMORY;
    for (int64_t i = 0; i < n; i++) (*to)[i] = (double)da_tensor_floats(t)[i];
    return DA_OK;
}

static void reset_running(trial *t) {
    int64_t channels = t->running[0].data ? t->running[0].shape[0] : 0;
    for (int64_t c = 0; c < channels; c++) {
        da_tensor_floats(&t->running[0])[c] = (float)dai_oracle_running_mean(c);
        da_tensor_floats(&t->running[1])[c] = (float)dai_oracle_running_variance(c);
    }
}

/* The shapes of a batch norm's scale and shift, written 0, and its running statistics are the channels of `normalised`,
   the operand whose last dimension they are. */
static da_status add_running(trial *t, int normalised, da_batch_norm_options *options) {
    const dai_oracle_shape *x = &t->c.in[normalised];
    int64_t channels = x->shape[x->ndim - 1];
    for (int i = 1; i < t->inputs; i++)
        if (t->c.in[i].shape[0] == 0) t->c.in[i].shape[0] = channels;
    for (int i = 0; i < 2; i++) DA_TRY(da_tensor_init(&t->running[i], DA_FLOAT32, 1, &channels));
    options->running_mean = &t->running[0];
    options->running_variance = &t->running[1];
    reset_running(t);
    return DA_OK;
}

static da_status make_inputs(trial *t) {
    t->c = *t->given;
    t->inputs = t->c.inputs;
    if (strcmp(t->c.operation, "batch_norm") == 0) DA_TRY(add_running(t, 0, &t->c.options.batch_norm));
    if (strcmp(t->c.operation, "conv2d_norm") == 0) DA_TRY(add_running(t, 1, &t->c.options.conv2d_norm.norm));
    for (int i = 0; i < t->inputs; i++) {
        const dai_oracle_shape *s = &t->c.in[i];
        DA_TRY(da_tensor_zeros(&t->in[i], i == 0 && t->c.bytes ? DA_UINT8 : DA_FLOAT32, s->ndim, s->shape));
        DA_TRY(da_tensor_zeros(&t->gradient[i], DA_FLOAT32, s->ndim, s->shape));
        if (t->in[i].dtype == DA_FLOAT32)
            DA_TRY(fill(&t->in[i], t->c.values[i], da_stream(DA_RANDOM_TEST, (uint64_t)i)));
    }
    return DA_OK;
}

/* The oracle's output, and weights of its shape. */
static da_status make_outputs(trial *t) {
    for (int i = 0; i < t->inputs; i++) {
        t->x[i].ndim = t->in[i].ndim;
        memcpy(t->x[i].shape, t->in[i].shape, sizeof t->x[i].shape);
        DA_TRY(widen(&t->x[i].data, &t->in[i]));
    }
    t->row->compute(&t->c, t->x, &t->out);
    DA_TRY(da_tensor_init(&t->y, DA_FLOAT32, t->out.ndim, t->out.shape));
    DA_TRY(da_tensor_init(&t->weights, DA_FLOAT32, t->out.ndim, t->out.shape));
    DA_TRY(fill(&t->weights, DAI_NORMAL, da_stream(DA_RANDOM_TEST, 100)));
    DA_TRY(widen(&t->weights_double, &t->weights));
    t->out.data = da_alloc(da_tensor_bytes(&t->y) * 2);
    if (!t->out.data) return DA_ERROR_MEMORY;
    t->terms = t->row->compute(&t->c, t->x, &t->out);
    return DA_OK;
}

static void free_trial(trial *t) {
    for (int i = 0; i < INPUTS; i++) {
        da_tensor_free(&t->in[i]);
        da_tensor_free(&t->gradient[i]);
        da_tensor_free(&t->first_gradient[i]);
        da_free(t->x[i].data);
    }
    for (int i = 0; i < 2; i++) da_tensor_free(&t->running[i]);
    da_tensor_free(&t->y);
    da_tensor_free(&t->weights);
    da_tensor_free(&t->first_y);
    da_free(t->weights_double);
    da_free(t->out.data);
    da_graph_free(t->graph);
}

/* ---- Findings ---- */

/* Notes the first failure; "case 3 (2x5x6x3, 3x3x3x4): " comes in front. */
static void found(trial *t, const char *what, double value, double limit) {
    char shapes[128] = "", text[96];
    if (!t->result->passed) return;
    t->result->passed = false;
    for (int i = 0; i < t->inputs; i++) {
        size_t used = strlen(shapes);
        snprintf(shapes + used, sizeof shapes - used, "%s%s", i ? ", " : "",
                 da_shape_text(text, t->in[i].ndim, t->in[i].shape));
    }
    snprintf(t->result->message, sizeof t->result->message, "%s of %s: %s: %.3g, allowed %.3g", t->c.operation, shapes,
             what, value, limit);
}

/* Rounding errors of a sum of n terms grow like sqrt(n) if they are independent and like n at worst; 8 sqrt(n) lies
   above what sums of random numbers reach and far below what a wrong formula makes. */
static double allowed(int64_t terms) { return 0x1p-24 * (32.0 + 8.0 * sqrt((double)terms)); }

static double largest(const double *x, int64_t n) {
    double most = 0;
    for (int64_t i = 0; i < n; i++) most = fmax(most, fabs(x[i]));
    return most;
}

/* ---- One run ---- */

/* Forward, and backward if asked for; the output goes to t->y, gradients to t->gradient. */
static da_status run(trial *t, bool backward) {
    da_node *in[INPUTS] = { NULL };
    da_graph_reset(t->graph);
    da_graph_set_recording(t->graph, backward);
    reset_running(t);
    for (int i = 0; i < t->inputs; i++) in[i] = da_graph_leaf(t->graph, &t->in[i], &t->gradient[i]);
    da_node *y = t->row->call(t->graph, in, &t->c);
    DA_TRY(da_graph_status(t->graph));
    if (!da_tensor_same_shape(&y->value, &t->y)) {
        char text[96];
        return DA_FAIL(DA_ERROR_NUMERIC, "%s gives %s, the oracle another shape", t->c.operation,
                       da_shape_text(text, y->value.ndim, y->value.shape));
    }
    const da_tensor *value = da_node_value(y);
    DA_TRY(da_graph_status(t->graph));
    memcpy(t->y.data, value->data, da_tensor_bytes(&t->y));
    if (!backward) return DA_OK;
    da_node *weighted = da_multiply(t->graph, y, da_graph_input(t->graph, &t->weights));
    return da_graph_backward(t->graph, da_sum(t->graph, weighted, 0, false));
}

/* ---- Forward against the oracle ---- */

static void check_forward(trial *t) {
    int64_t n = da_tensor_count(&t->y);
    double scale = largest(t->out.data, n), worst = 0;
    for (int64_t i = 0; i < n; i++) {
        double difference = fabs((double)da_tensor_floats(&t->y)[i] - t->out.data[i]) / (scale > 0 ? scale : 1);
        if (!(difference <= worst)) worst = difference;
    }
    if (!(worst <= t->result->forward_error)) t->result->forward_error = worst;
    if (!(worst <= allowed(t->terms))) found(t, "the output differs from the oracle's by", worst, allowed(t->terms));
}

/* ---- Gradients against central differences of the oracle ---- */

static double oracle_loss(trial *t) {
    double loss = 0;
    int64_t n = da_tensor_count(&t->y);
    t->row->compute(&t->c, t->x, &t->out);
    for (int64_t i = 0; i < n; i++) loss += t->weights_double[i] * t->out.data[i];
    return loss;
}

/* Slope of the loss when element i of an input changes. */
static double slope_at(trial *t, int input, int64_t i) {
    double *x = &t->x[input].data[i], before = *x;
    *x = before + STEP;
    double up = oracle_loss(t);
    *x = before - STEP;
    double down = oracle_loss(t);
    *x = before;
    return (up - down) / (2 * STEP);
}

/* Slope when all elements of an input change at once, each by its own random +1 or -1. */
static double direction_of(int64_t i) {
    return da_random_bits(2, da_stream(DA_RANDOM_TEST, 0), (uint64_t)i) & 1 ? 1 : -1;
}

static double slope_along(trial *t, int input) {
    int64_t n = da_tensor_count(&t->in[input]);
    double loss[2];
    for (int side = 0; side < 2; side++) {
        for (int64_t i = 0; i < n; i++) t->x[input].data[i] += (side ? -2 : 1) * STEP * direction_of(i);
        loss[side] = oracle_loss(t);
    }
    for (int64_t i = 0; i < n; i++) t->x[input].data[i] = (double)da_tensor_floats(&t->in[input])[i];
    return (loss[0] - loss[1]) / (2 * STEP);
}

static void compare_slope(trial *t, const char *what, double got, double expected, double scale) {
    double limit = allowed(t->terms + da_tensor_count(&t->y)),
           difference = fabs(got - expected) / (scale > 0 ? scale : 1);
    if (!(difference <= t->result->gradient_error)) t->result->gradient_error = difference;
    if (!(difference <= limit)) found(t, what, difference, limit);
}

static void check_gradient(trial *t, int input) {
    char element[80], along[80];
    snprintf(element, sizeof element, "an element of the gradient of operand %d is off by", input);
    snprintf(along, sizeof along, "the gradient of operand %d along a direction is off by", input);
    int64_t n = da_tensor_count(&t->in[input]), samples = n < 2 * SAMPLES ? n : SAMPLES;
    const float *g = da_tensor_floats(&t->gradient[input]);
    double most = 0, sum = 0, length = 0;
    for (int64_t i = 0; i < n; i++) {
        most = fmax(most, fabs((double)g[i]));
        sum += (double)g[i] * direction_of(i);
        length += (double)g[i] * (double)g[i];
    }
    for (int64_t s = 0; s < samples; s++) {
        int64_t i =
            samples == n ? s : (int64_t)da_random_below(3, da_stream(DA_RANDOM_TEST, 0), (uint64_t)s, (uint32_t)n);
        double expected = slope_at(t, input, i);
        compare_slope(t, element, (double)g[i], expected, fmax(most, fabs(expected)));
    }
    double expected = slope_along(t, input);
    compare_slope(t, along, sum, expected, fmax(sqrt(length), fabs(expected)));
}

/* ---- Bits ---- */

static da_status remember(da_tensor *to, const da_tensor *t) {
    DA_TRY(da_tensor_init(to, DA_FLOAT32, t->ndim, t->shape));
    return da_tensor_copy(to, t);
}

static bool same_bits(const da_tensor *a, const da_tensor *b) {
    return memcmp(a->data, b->data, da_tensor_bytes(a)) == 0;
}

static void check_bits(trial *t, const char *table, int threads, bool backward) {
    char what[128];
    bool same = same_bits(&t->y, &t->first_y);
    snprintf(what, sizeof what, "kernels %s on %d threads%s: bits that differ", table, threads,
             backward ? "" : ", not recording");
    for (int i = 0; backward && i < t->inputs; i++) same = same && same_bits(&t->gradient[i], &t->first_gradient[i]);
    if (!same) found(t, what, 1, 0);
}

static da_status check_tables(trial *t) {
    const da_kernels *const *tables = da_kernels_list();
    for (int k = 0; tables[k]; k++) {
        DA_TRY(da_kernels_select(tables[k]->name));
        for (int threads = 1; threads <= 3; threads++) {
            da_threads_set(threads);
            DA_TRY(run(t, true));
            check_bits(t, tables[k]->name, threads, true);
        }
        DA_TRY(run(t, false));
        check_bits(t, tables[k]->name, 3, false);
        t->result->tables = k + 1;
    }
    return DA_OK;
}

/* ---- Cases and operations ---- */

static da_status check_values(trial *t) {
    t->result->cases++;
    DA_TRY(make_outputs(t));
    da_threads_set(1);
    DA_TRY(da_kernels_select("reference"));
    DA_TRY(run(t, true));
    check_forward(t);
    for (int i = 0; i < t->inputs; i++) check_gradient(t, i);
    DA_TRY(remember(&t->first_y, &t->y));
    for (int i = 0; i < t->inputs; i++) DA_TRY(remember(&t->first_gradient[i], &t->gradient[i]));
    return check_tables(t);
}

static void check_misuse(trial *t) {
    da_node *in[INPUTS] = { NULL };
    char what[384];
    t->result->misuses++;
    for (int i = 0; i < t->inputs; i++) in[i] = da_graph_input(t->graph, &t->in[i]);
    da_node *y = t->row->call(t->graph, in, &t->c);
    da_status status = da_graph_status(t->graph);
    if (status != DA_OK && da_node_poisoned(y) && strstr(da_error_message(), t->c.fails)) return;
    snprintf(what, sizeof what, "a misuse must be refused with '%s', the answer is '%.200s'", t->c.fails,
             status ? da_error_message() : "");
    found(t, what, 1, 0);
}

static da_status check_case(const dai_oracle_case *given, const dai_oracle_row *row, da_gradcheck_result *result) {
    trial t = { .given = given, .row = row, .result = result };
    da_status status = da_graph_new(&t.graph);
    if (status == DA_OK) status = make_inputs(&t);
    if (status == DA_OK && given->fails) check_misuse(&t);
    else if (status == DA_OK) status = check_values(&t);
    free_trial(&t);
    return status;
}

static void check_operation(const char *name, da_gradcheck_result *result) {
    const dai_oracle_row *row = dai_oracle_rows;
    *result = (da_gradcheck_result) { .operation = name, .passed = true };
    while (row->operation && strcmp(row->operation, name) != 0) row++;
    for (const dai_oracle_case *c = dai_oracle_cases; row->operation && c->operation && result->passed; c++) {
        if (strcmp(c->operation, name) != 0 || check_case(c, row, result) == DA_OK) continue;
        result->passed = false;
        snprintf(result->message, sizeof result->message, "%s", da_error_message());
    }
    if (!result->passed || (result->cases > 0 && result->misuses > 0)) return;
    result->passed = false;
    snprintf(result->message, sizeof result->message, "%s has no %s", name,
             !row->operation ? "oracle" : result->cases ? "misuse that is refused" : "case");
}

da_status da_gradcheck_find(const char *operation) {
    for (const da_operation *const *row = da_operations(); *row; row++)
        if (strcmp(operation, (*row)->name) == 0) return DA_OK;
    return DA_FAIL(DA_ERROR_NOT_FOUND, "there is no operation '%s'", operation);
}

da_status da_gradcheck(const char *operation, da_gradcheck_report *report, void *context) {
    const char *kernels = da_kernels_active()->name;
    int threads = da_threads();
    if (operation) DA_TRY(da_gradcheck_find(operation));
    char failure[512] = "";
    for (const da_operation *const *row = da_operations(); *row; row++) {
        da_gradcheck_result result;
        if (operation && strcmp(operation, (*row)->name) != 0) continue;
        check_operation((*row)->name, &result);
        if (!result.passed && !failure[0]) memcpy(failure, result.message, sizeof failure);
        report(context, &result);
    }
    da_threads_set(threads);
    DA_TRY(da_kernels_select(kernels));
    return failure[0] ? DA_FAIL(DA_ERROR_NUMERIC, "%s", failure) : DA_OK;
}
