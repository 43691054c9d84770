/* The tape: nodes, their memory, backward, and the one place where gradients are summed.
 *
 *     chunks[0] ── node 0 | node 1 | ... | node 63        nodes never move, so pointers to them stay good
 *     chunks[1] ── node 64 | ...
 *
 * Invariants, each with a test in tests/unit/test_graph.c:
 *
 *  1  A node on the tape is whole: its operands stand before it, its shape rule and its forward have succeeded. An
 *     operation that fails leaves the tape as it was, and no other follows until reset.
 *  2  A value is in one of four states, and data is NULL in the last two:
 *
 *         borrowed      buffer NULL, data the caller's          inputs, leaves, and reshapes of them
 *         owned         data lies in buffer
 *         deferred      deferred.values lie in saved_buffer     made, then owned, by who asks
 *         given back    neither                                 no operand any more
 *
 *  3  A buffer has as many users as fields of nodes name it (buffer, saved_buffer, gradient_buffer, incoming_buffer), one
 *     more on the list of scratch, and is in the pool at zero. With several users it is read only.
 *  4  Saved numbers live until the node's own backward; where no gradient is wanted, until a release. The deferred value
 *     that rests on them ends with them.
 *  5  Backward is one walk from the loss to node 0. When it reaches a node all consumers are done: the gradient is
 *     complete, and after the node's own backward nobody reads its value, saved numbers or gradient. They are given back,
 *     unless the node is kept.
 *  6  Of a node one contribution is open at a time (incoming, from dai_gradient_begin to dai_gradient_end).
 *  7  A leaf's gradient is the caller's memory: the first contribution is written there, the others are added.
 */
#include "core/node.h"
#include "core/kernels/kernels.h"
#include "core/math.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/parallel.h"
#include "core/tiny.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

enum { CHUNK = DA_SIZE(64, 2), SUM_CHUNK = DA_SIZE(16384, 5), AFFINE_ROWS = DA_SIZE(1024, 3) };

struct da_graph {
    da_node **chunks;
    int64_t   chunk_count, node_count;
    dai_pool  pool;
    size_t    input_bytes;     /* of the first input of the largest step so far */
    dai_buffer *scratch;       /* given out during the running call */
    da_node   poison;          /* what failed operations return */
    const char *label;
    bool      recording, trap, backward_done;
    da_status status;          /* the first error */
    char      message[2048];
};

static da_node *node_at(const da_graph *graph, int64_t i) { return &graph->chunks[i / CHUNK][i % CHUNK]; }

/* ---- Life ---- */

da_status da_graph_new(da_graph **graph) {
    if (!da_float_mode_is_ieee())
        return DA_FAIL(DA_ERROR_NUMERIC,
                       "graph: this thread's floating-point mode flushes subnormal numbers to zero or does not round to "
                       "nearest, so results would not be those of other machines: a library built with -ffast-math may "
                       "have set it when it was loaded, fesetenv(FE_DFL_ENV) puts it back");
    da_graph *made = da_alloc_zero(1, sizeof *made);
    if (!made) return DA_ERROR_MEMORY;
    made->recording = true;
    made->poison.poisoned = true;
    made->poison.graph = made;
    *graph = made;
    return DA_OK;
}

static void return_scratch(da_graph *graph) {
    while (graph->scratch) {
        dai_buffer *buffer = graph->scratch;
        graph->scratch = buffer->next;
        dai_pool_return(&graph->pool, buffer);
    }
}

static void return_value(da_node *node) {
    dai_pool_return(&node->graph->pool, node->buffer);
    dai_pool_return(&node->graph->pool, node->saved_buffer);
    if (node->buffer) node->value.data = NULL;
    node->buffer = node->saved_buffer = NULL;
    node->saved = NULL;
    node->deferred.values = NULL;
}

static void return_gradient(da_node *node) {
    dai_pool_return(&node->graph->pool, node->gradient_buffer);
    if (!node->leaf_gradient) node->gradient = NULL;
    node->gradient_buffer = NULL;
}

void da_graph_reset(da_graph *graph) {
    return_scratch(graph);
    for (int64_t i = 0; i < graph->node_count; i++) {
        da_node *node = node_at(graph, i);
        return_value(node);
        return_gradient(node);
        dai_pool_return(&graph->pool, node->incoming_buffer);
    }
    graph->node_count = 0;
    graph->status = DA_OK;
    graph->label = NULL;
    graph->backward_done = false;
}

void da_graph_free(da_graph *graph) {
    if (!graph) return;
    da_graph_reset(graph);
    dai_pool_clear(&graph->pool);
    for (int64_t c = 0; c < graph->chunk_count; c++) da_free(graph->chunks[c]);
    da_free(graph->chunks);
    da_free(graph);
}

void da_graph_set_recording(da_graph *graph, bool on) { graph->recording = on; }
bool da_graph_recording(const da_graph *graph)        { return graph->recording; }
void da_graph_label(da_graph *graph, const char *label) { graph->label = label; }
void da_graph_set_trap(da_graph *graph, bool on)      { graph->trap = on; }
void da_graph_keep(da_node *node)                     { if (node) node->keep = true; }

/* ---- Errors ---- */

/* Takes over the thread's last error unless an earlier one is held. */
static void poison_graph(da_graph *graph) {
    if (graph->status != DA_OK) return;
    graph->status = da_error_code();
    snprintf(graph->message, sizeof graph->message, "%s", da_error_message());
}

da_status da_graph_status(da_graph *graph) {
    if (graph->status == DA_OK) return DA_OK;
    return DA_FAIL(graph->status, "%s", graph->message);
}

static da_status fail_at(const da_node *node, da_status code, const char *sentence) {
    const char *name = node->operation ? node->operation->name : "input";
    if (node->label) return DA_FAIL(code, "%s '%s': %s", name, node->label, sentence);
    return DA_FAIL(code, "%s: %s", name, sentence);
}

void dai_node_fail(da_node *node, da_status code, const char *format, ...) {
    char sentence[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    node->poisoned = true;
    fail_at(node, code, sentence);
    poison_graph(node->graph);
}

bool dai_expect_ndim(da_node *node, int i, int ndim, const char *letters) {
    char text[96];
    const da_tensor *t = &node->input[i]->value;
    if (t->ndim == ndim) return true;
    dai_node_fail(node, DA_ERROR_SHAPE, "operand %d is %s, expected %s (%s)", i,
                  da_shape_text(text, t->ndim, t->shape), da_count(ndim, "dimension").text, letters);
    return false;
}

void dai_set_shape(da_node *node, int ndim, const int64_t *shape) {
    if (da_shape_check(ndim, shape, sizeof(float)) != DA_OK)
        dai_node_fail(node, DA_ERROR_SHAPE, "the result cannot exist: %s", da_error_message());
    else
        node->value = da_tensor_over(NULL, DA_FLOAT32, ndim, shape);
}

static bool is_finite(const float *x, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(x[i])) return false;
    return true;
}

static void trap_value(da_node *node) {
    if (!is_finite(dai_output(node), da_tensor_count(&node->value)))
        dai_node_fail(node, DA_ERROR_NUMERIC, "the output is not finite");
}

static void trap_contribution(da_node *node, int i, const float *contribution) {
    if (node->graph->trap && !is_finite(contribution, da_tensor_count(&node->input[i]->value)))
        dai_node_fail(node, DA_ERROR_NUMERIC, "the gradient of operand %d is not finite", i);
}

/* ---- Making nodes ---- */

static da_node *new_node(da_graph *graph) {
    if (graph->node_count == graph->chunk_count * CHUNK) {
        da_node **chunks = da_realloc(graph->chunks, (size_t)(graph->chunk_count + 1) * sizeof *chunks);
        if (chunks) graph->chunks = chunks;
        da_node *chunk = chunks ? da_alloc(CHUNK * sizeof *chunk) : NULL;
        if (!chunk) {
            poison_graph(graph);
            return NULL;
        }
        graph->chunks[graph->chunk_count++] = chunk;
    }
    da_node *node = node_at(graph, graph->node_count++);
    memset(node, 0, sizeof *node);
    node->graph = graph;
    node->kernels = da_kernels_active();
    node->label = graph->label;
    return node;
}

static da_status check_leaf(const da_tensor *value) {
    char text[96];
    DA_TRY(da_shape_check(value->ndim, value->shape, da_dtype_size(value->dtype)));
    if (!da_tensor_is_contiguous(value))
        return DA_FAIL(DA_ERROR_SHAPE, "input: the %s view is not contiguous: copy it first",
                       da_shape_text(text, value->ndim, value->shape));
    if (!value->data && da_tensor_count(value) > 0)
        return DA_FAIL(DA_ERROR_ARGUMENT, "input: the %s tensor has no data",
                       da_shape_text(text, value->ndim, value->shape));
    return DA_OK;
}

static da_node *new_leaf(da_graph *graph, const da_tensor *value, da_tensor *gradient) {
    if (graph->status != DA_OK) return &graph->poison;
    if (check_leaf(value) != DA_OK) {
        poison_graph(graph);
        return &graph->poison;
    }
    da_node *node = new_node(graph);
    if (!node) return &graph->poison;
    node->value = *value;
    node->value.block = NULL;
    node->leaf_gradient = gradient;
    node->wants_gradient = gradient != NULL && graph->recording;
    return node;
}

/* The first input tells a step's size. A smaller step, as the last batch of an epoch is, takes the buffers of the largest;
   when that grows, the buffers so far are too small for most and go back. */
static void begin_step(da_graph *graph, const da_tensor *value) {
    const size_t bytes = da_tensor_bytes(value);
    if (graph->node_count > 0) return;
    graph->pool.larger = bytes < graph->input_bytes;
    if (bytes <= graph->input_bytes) return;
    dai_pool_clear(&graph->pool);
    graph->input_bytes = bytes;
}

da_node *da_graph_input(da_graph *graph, const da_tensor *value) {
    begin_step(graph, value);
    return new_leaf(graph, value, NULL);
}

da_node *da_graph_leaf(da_graph *graph, const da_tensor *value, da_tensor *gradient) {
    if (gradient && (!da_tensor_same_shape(value, gradient) || !da_tensor_is_contiguous(gradient))) {
        DA_FAIL(DA_ERROR_SHAPE, "leaf: the gradient must be contiguous and have the value's shape");
        poison_graph(graph);
        return &graph->poison;
    }
    for (int64_t i = 0; i < graph->node_count; i++) {
        da_node *node = node_at(graph, i);
        if (!node->operation && node->value.data == value->data && node->leaf_gradient == gradient &&
            da_tensor_same_shape(&node->value, value))
            return node;
    }
    return new_leaf(graph, value, gradient);
}

void da_graph_report(da_node *leaf, bool *whole) {
    if (leaf->poisoned) *whole = false;
    else if (leaf->wants_gradient) {
        leaf->whole = whole;
        *whole = false;
    }
}

typedef struct affine_work {
    const da_kernels *kernels;
    int64_t rows, channels;
    const float *x;
    const da_channel_affine *affine;
    float *y;
} affine_work;

static void affine_run(void *context, int64_t chunk, int worker) {
    const affine_work *w = context;
    const int64_t begin = chunk * AFFINE_ROWS, left = w->rows - begin, at = begin * w->channels;
    const da_channel_affine f = dai_affine_at(w->affine, 0, at);
    (void)worker;
    w->kernels->channel_affine(left < AFFINE_ROWS ? left : AFFINE_ROWS, w->channels, w->x + at, &f, w->y + at);
}

void dai_affine_rows(const da_kernels *kernels, int64_t rows, int64_t channels, const float *x,
                     const da_channel_affine *affine, float *y) {
    affine_work work = { kernels, rows, channels, x, affine, y };
    da_parallel_for((rows + AFFINE_ROWS - 1) / AFFINE_ROWS, da_work_of_floats(2 * rows * channels), affine_run, &work);
}

/* Makes a value that was deferred; false when out of memory. */
static bool make_value(da_node *node) {
    if (node->value.data || !node->deferred.values) return true;
    const int64_t count = da_tensor_count(&node->value), channels = node->value.shape[node->value.ndim - 1];
    node->buffer = dai_pool_take(&node->graph->pool, count);
    if (!node->buffer) {
        poison_graph(node->graph);
        return false;
    }
    node->value.data = dai_buffer_floats(node->buffer);
    dai_affine_rows(node->kernels, count / channels, channels, node->deferred.values, &node->deferred.affine,
                    dai_output(node));
    return true;
}

static bool is_given_back(const da_node *node) {
    return !node->value.data && !node->deferred.values && da_tensor_count(&node->value) > 0;
}

/* What is wrong with an operand; NULL: nothing. */
static const char *fault_of(const da_node *node, const da_node *input) {
    if (!input) return "is missing";
    if (input->poisoned) return "comes from a failed operation";
    if (input->graph != node->graph) return "belongs to another graph";
    if (input->value.dtype != DA_FLOAT32) return "holds bytes, not numbers";
    if (is_given_back(input)) return "was given back, by da_graph_release or by backward: da_graph_keep keeps a value";
    return NULL;
}

static bool take_inputs(da_node *node, da_node *const *inputs, int count) {
    const da_operation *operation = node->operation;
    if (count < operation->inputs_least || count > operation->inputs_most) {
        dai_node_fail(node, DA_ERROR_ARGUMENT, "takes %d to %d operands, got %d", operation->inputs_least,
                      operation->inputs_most, count);
        return false;
    }
    node->input_count = count;
    for (int i = 0; i < count; i++) {
        if (!inputs[i] && (operation->may_miss >> i & 1)) continue;
        const char *fault = fault_of(node, inputs[i]);
        if (fault) {
            dai_node_fail(node, DA_ERROR_ARGUMENT, "operand %d %s", i, fault);
            return false;
        }
        if (!(operation->takes_deferred >> i & 1) && !make_value(inputs[i])) {
            node->poisoned = true;
            return false;
        }
        node->input[i] = inputs[i];
        if (!inputs[i]->first_reader) inputs[i]->first_reader = node;
        node->wants_gradient |= inputs[i]->wants_gradient && node->graph->recording;
    }
    return true;
}

static bool take_memory(da_node *node) {
    dai_pool *pool = &node->graph->pool;
    if (node->shares_input) {
        node->buffer = node->input[0]->buffer;
        if (node->buffer) node->buffer->users++;
        node->value.data = node->input[0]->value.data;
    } else if (!node->defers) {
        node->buffer = dai_pool_take(pool, da_tensor_count(&node->value));
        if (node->buffer) node->value.data = dai_buffer_floats(node->buffer);
    }
    if (node->saved_count > 0) {
        node->saved_buffer = dai_pool_take(pool, node->saved_count);
        if (node->saved_buffer) node->saved = dai_buffer_floats(node->saved_buffer);
    }
    if ((node->value.data || node->defers) && (node->saved || node->saved_count == 0)) return true;
    poison_graph(node->graph);
    node->poisoned = true;
    return false;
}

/* Shape rule, memory, forward; false: it failed, and the graph says why. */
static bool compute(da_node *node) {
    da_graph *graph = node->graph;
    node->operation->shape(node);
    if (node->poisoned || !take_memory(node)) return false;
    node->operation->forward(node);
    if (!node->poisoned && graph->trap && make_value(node)) trap_value(node);
    return !node->poisoned && graph->status == DA_OK;
}

da_node *dai_node_new(da_graph *graph, const da_operation *operation, da_node *const *inputs, int count,
                      const dai_options *options) {
    if (graph->status != DA_OK) return &graph->poison;
    da_node *node = new_node(graph);
    if (!node) return &graph->poison;
    node->operation = operation;
    if (options) node->options = *options;
    const bool done = take_inputs(node, inputs, count) && compute(node);
    return_scratch(graph);
    if (done) return node;
    return_value(node);
    graph->node_count--;
    return &graph->poison;
}

float *dai_scratch(da_node *node, int64_t floats) {
    da_graph *graph = node->graph;
    dai_buffer *buffer = dai_pool_take(&graph->pool, floats);
    if (!buffer) {
        poison_graph(graph);
        node->poisoned = true;
        return NULL;
    }
    buffer->next = graph->scratch;
    graph->scratch = buffer;
    return dai_buffer_floats(buffer);
}

/* ---- Memory between operations ---- */

int64_t da_graph_mark(const da_graph *graph) { return graph->node_count; }

void da_graph_release(da_graph *graph, int64_t mark, da_node *keep) {
    if (mark < 0) mark = 0;
    for (int64_t i = mark; i < graph->node_count; i++) node_at(graph, i)->needed = false;
    for (int64_t i = mark; i < graph->node_count; i++) {
        da_node *node = node_at(graph, i);
        if (!node->wants_gradient || !node->operation) continue;
        if (node->operation->backward_needs_output) node->needed = true;
        for (int k = 0; k < node->input_count && node->operation->backward_needs_inputs; k++)
            if (node->input[k]) node->input[k]->needed = true;
    }
    for (int64_t i = mark; i < graph->node_count; i++) {
        da_node *node = node_at(graph, i);
        if (node == keep || node->keep || node->needed || !node->operation) continue;
        if (!node->wants_gradient) return_value(node);
        else { /* the saved numbers serve backward still */
            dai_pool_return(&graph->pool, node->buffer);
            if (node->buffer) node->value.data = NULL;
            node->buffer = NULL;
        }
    }
}

/* ---- Backward ---- */

typedef struct sum_work { const da_kernels *kernels; float *to; const float *a, *b; int64_t count; } sum_work;

static void sum_chunk(void *context, int64_t chunk, int worker) {
    const sum_work *w = context;
    int64_t begin = chunk * SUM_CHUNK, end = begin + SUM_CHUNK < w->count ? begin + SUM_CHUNK : w->count;
    (void)worker;
    w->kernels->sum(end - begin, w->a + begin, w->b + begin, w->to + begin);
}

static void sum(const da_kernels *kernels, float *to, const float *a, const float *b, int64_t count) {
    sum_work work = { kernels, to, a, b, count };
    da_parallel_for((count + SUM_CHUNK - 1) / SUM_CHUNK, da_work_of_floats(3 * count), sum_chunk, &work);
}

/* A gradient that was passed on is read by two nodes and must stay as it is. */
static bool is_shared(const da_node *node) { return node->gradient_buffer && node->gradient_buffer->users > 1; }

static void replace_gradient(da_node *node, float *gradient, dai_buffer *buffer) {
    dai_pool_return(&node->graph->pool, node->gradient_buffer);
    node->gradient = gradient;
    node->gradient_buffer = buffer;
}

float *dai_gradient_begin(da_node *node, int i) {
    da_node *input = node->input[i];
    if (!input || !input->wants_gradient || node->graph->status != DA_OK) return NULL;
    input->incoming_total = false;
    if (input->leaf_gradient && !input->gradient) return input->incoming = da_tensor_floats(input->leaf_gradient);
    input->incoming_buffer = dai_pool_take(&node->graph->pool, da_tensor_count(&input->value));
    if (!input->incoming_buffer) {
        poison_graph(node->graph);
        return NULL;
    }
    return input->incoming = dai_buffer_floats(input->incoming_buffer);
}

float *dai_gradient_onto(da_node *node, int i, const float **base) {
    da_node *input = node->input[i];
    *base = input ? input->gradient : NULL;
    if (!*base || is_shared(input)) {
        float *fresh = dai_gradient_begin(node, i);
        if (fresh) input->incoming_total = *base != NULL;
        return fresh;
    }
    if (!input->wants_gradient || node->graph->status != DA_OK) return NULL;
    input->incoming_total = true;
    return input->incoming = input->gradient;
}

void dai_gradient_end(da_node *node, int i) {
    da_node *input = node->input[i];
    if (!input || !input->incoming) return;
    float *incoming = input->incoming;
    dai_buffer *buffer = input->incoming_buffer;
    input->incoming = NULL;
    input->incoming_buffer = NULL;
    trap_contribution(node, i, incoming);
    if (incoming == input->gradient) return;
    if (!input->gradient || input->incoming_total) {
        replace_gradient(input, incoming, buffer);
        return;
    }
    if (is_shared(input)) {
        sum(node->kernels, incoming, input->gradient, incoming, da_tensor_count(&input->value));
        replace_gradient(input, incoming, buffer);
    } else {
        sum(node->kernels, input->gradient, input->gradient, incoming, da_tensor_count(&input->value));
        dai_pool_return(&node->graph->pool, buffer);
    }
}

void dai_gradient_pass(da_node *node, int i) {
    da_node *input = node->input[i];
    if (!dai_wants(node, i)) return;
    if (!input->gradient && !input->leaf_gradient) {
        input->gradient = node->gradient;
        input->gradient_buffer = node->gradient_buffer;
        input->gradient_buffer->users++;
        return;
    }
    float *contribution = dai_gradient_begin(node, i);
    if (contribution) memcpy(contribution, node->gradient, (size_t)da_tensor_count(&input->value) * sizeof(float));
    dai_gradient_end(node, i);
}

bool dai_gradient_writable(const da_node *node) { return !is_shared(node) && !node->keep; }

da_image_sink dai_gradient_sink(da_node *node, int i) {
    da_image_sink sink = { .done = NULL };
    da_node *input = node->input[i];
    if (!input || !input->operation || !input->operation->gradient_sink || !input->incoming) return sink;
    if (input->first_reader != node || input->keep || node->graph->trap) return sink;
    input->gradient_seen = input->operation->gradient_sink(input, &sink);
    return sink;
}

static da_status check_backward(da_graph *graph, const da_node *loss) {
    char text[96];
    DA_TRY(da_graph_status(graph));
    if (!loss || loss->poisoned) return DA_FAIL(DA_ERROR_ARGUMENT, "backward: there is no loss");
    if (loss->graph != graph) return DA_FAIL(DA_ERROR_ARGUMENT, "backward: the loss belongs to another graph");
    if (graph->backward_done) return DA_FAIL(DA_ERROR_ARGUMENT, "backward has run on this graph: reset it first");
    if (!graph->recording) return DA_FAIL(DA_ERROR_ARGUMENT, "backward: the graph was not recording");
    if (da_tensor_count(&loss->value) != 1)
        return DA_FAIL(DA_ERROR_SHAPE, "backward: the loss must be one number, it is %s",
                       da_shape_text(text, loss->value.ndim, loss->value.shape));
    if (!loss->wants_gradient || !loss->operation)
        return DA_FAIL(DA_ERROR_ARGUMENT, "backward: the loss depends on nothing that trains");
    return DA_OK;
}

static void backward_node(da_graph *graph, da_node *node) {
    if (node->gradient) node->operation->backward(node);
    return_scratch(graph);
    if (node->keep) return;
    return_value(node);
    return_gradient(node);
}

da_status da_graph_backward(da_graph *graph, da_node *loss) {
    DA_TRY(check_backward(graph, loss));
    graph->backward_done = true;
    loss->keep = true;
    loss->gradient_buffer = dai_pool_take(&graph->pool, 1);
    if (!loss->gradient_buffer) {
        poison_graph(graph);
        return da_graph_status(graph);
    }
    loss->gradient = dai_buffer_floats(loss->gradient_buffer);
    loss->gradient[0] = 1.0f;
    for (int64_t i = graph->node_count - 1; i >= 0 && graph->status == DA_OK; i--) {
        da_node *node = node_at(graph, i);
        if (node->operation) backward_node(graph, node);
        else if (node->leaf_gradient && !node->gradient)
            memset(node->leaf_gradient->data, 0, da_tensor_bytes(node->leaf_gradient));
    }
    for (int64_t i = 0; i < graph->node_count && graph->status == DA_OK; i++)
        if (node_at(graph, i)->whole) *node_at(graph, i)->whole = true;
    return da_graph_status(graph);
}

/* ---- Reading ---- */

const da_tensor *da_node_value(da_node *node) {
    static const da_tensor empty;
    return node && !node->poisoned && make_value(node) ? &node->value : &empty;
}

const da_tensor *da_node_gradient(da_node *node) {
    if (!node || !node->gradient) return NULL;
    node->gradient_view = da_tensor_over(node->gradient, DA_FLOAT32, node->value.ndim, node->value.shape);
    return &node->gradient_view;
}

bool da_node_poisoned(const da_node *node) { return !node || node->poisoned; }

float da_node_scalar(da_node *node) {
    const da_tensor *value = da_node_value(node);
    return value->data && da_tensor_count(value) == 1 ? da_tensor_floats(value)[0] : NAN;
}
