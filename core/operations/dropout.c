/* Dropout (Srivastava et al., JMLR 2014), scaled while training so that inference needs no change.
 *
 * Element i is dropped if value i of the stream, uniform in [0, 1), is below p. A block of the cipher decides four
 * elements. Backward draws the same values again, which costs less than the memory to keep them.
 */
#include "core/operations/loops.h"
#include "core/operations/rows.h"
#include "core/random.h"

typedef struct dropout_work {
    uint32_t key[2], stream[2], threshold; /* dropped if the upper 24 bits are below the threshold */
    float scale;
    const float *from;
    float *to;
} dropout_work;

static void dropout_shape(da_node *node) {
    float p = node->options.dropout.p;
    if (!(p >= 0.0f && p < 1.0f))
        dai_node_fail(node, DA_ERROR_ARGUMENT, "probability %g: must be at least 0 and below 1", (double)p);
    else
        dai_set_shape(node, node->input[0]->value.ndim, node->input[0]->value.shape);
}

/* Runs begin at multiples of four, because DAI_RUN is one. */
static void dropout_run(void *context, int64_t begin, int64_t end) {
    const dropout_work *w = context;
    for (int64_t i = begin; i < end; i += 4) {
        uint64_t block = (uint64_t)i / 4;
        uint32_t counter[4] = { (uint32_t)block, (uint32_t)(block >> 32), w->stream[0], w->stream[1] }, word[4];
        da_philox(word, w->key, counter);
        for (int64_t j = 0; j < 4 && i + j < end; j++)
            w->to[i + j] = word[j] >> 8 < w->threshold ? 0.0f : w->from[i + j] * w->scale;
    }
}

static void drop(const da_node *node, const float *from, float *to) {
    uint64_t seed = node->options.dropout.seed, stream = node->options.dropout.stream;
    float p = node->options.dropout.p;
    double threshold = (double)p * 0x1p24; /* u < p for u = bits / 2^24 is bits < ceil(p 2^24) */
    dropout_work w = { .key = { (uint32_t)seed, (uint32_t)(seed >> 32) },
                       .stream = { (uint32_t)stream, (uint32_t)(stream >> 32) },
                       .threshold = (uint32_t)threshold, .scale = 1.0f / (1.0f - p), .from = from, .to = to };
    if ((double)w.threshold < threshold) w.threshold++;
    dai_for_runs(da_tensor_count(&node->value), DAI_RUN, dropout_run, &w);
}

static void dropout_forward(da_node *node) { drop(node, dai_input(node, 0), dai_output(node)); }

static void dropout_backward(da_node *node) {
    float *dx = dai_gradient_begin(node, 0);
    if (dx) drop(node, node->gradient, dx);
    dai_gradient_end(node, 0);
}

const da_operation dai_operation_dropout = {
    .name = "dropout", .inputs_least = 1, .inputs_most = 1,
    .shape = dropout_shape, .forward = dropout_forward, .backward = dropout_backward
};

da_node *da_dropout(da_graph *g, da_node *x, float p, uint64_t seed, uint64_t stream) {
    dai_options options = { .dropout = { p, seed, stream } };
    return dai_node_new(g, &dai_operation_dropout, &x, 1, &options);
}
