/* Every operation against the oracle, and running out of memory anywhere. */
#include "core/graph.h"
#include "core/kernels/kernels.h"
#include "core/memory.h"
#include "core/node.h"
#include "core/parallel.h"
#include "core/random.h"
#include "core/check/gradcheck.h"
#include "core/check/oracle.h"
#include "tests/unit/test.h"

static void check_result(void *context, const da_gradcheck_result *result) {
    (*(int *)context)++;
    if (!result->passed) test_fail(__FILE__, __LINE__, "%s", result->message);
}

TEST(operations_agree_with_the_oracle) {
    int operations = 0, rows = 0;
    while (da_operations()[rows]) rows++;
    (void)da_gradcheck(NULL, check_result, &operations);
    CHECK_INT(operations, rows);
    CHECK(rows >= 34);
}

TEST(operations_are_all_in_the_oracle_and_the_other_way_round) {
    for (const dai_oracle_row *row = dai_oracle_rows; row->operation; row++) {
        bool known = false;
        for (int i = 0; da_operations()[i]; i++) known = known || strcmp(da_operations()[i]->name, row->operation) == 0;
        if (!known) test_fail(__FILE__, __LINE__, "the oracle knows '%s', the table does not", row->operation);
    }
    CHECK_FAILS(da_gradcheck("convolute", check_result, &(int) { 0 }), DA_ERROR_NOT_FOUND, "convolute");
}

TEST(gradcheck_restores_kernels_and_threads) {
    const char *kernels = da_kernels_active()->name;
    int threads = da_threads(), count = 0;
    CHECK_OK(da_gradcheck("softmax", check_result, &count));
    CHECK_TEXT(da_kernels_active()->name, kernels);
    CHECK_INT(da_threads(), threads);
    CHECK_INT(count, 1);
}

/* A small network that meets most ways of taking memory: saved numbers, scratch, shared buffers, broadcast sums. */
static uint8_t small_labels[3] = { 0, 3, 1 };

static da_status small_step(da_graph *g, da_tensor *x, da_tensor *w, da_tensor *v, da_tensor *scale, da_tensor *dw,
                            da_tensor *dv, da_tensor *dscale) {
    da_node *h = da_conv2d(g, da_graph_input(g, x), da_graph_leaf(g, w, dw), NULL, (da_conv2d_options) { 1, 1, 1, 0 });
    h = da_multiply(g, h, da_graph_leaf(g, scale, dscale));
    h = da_max_pool(g, da_relu(g, h), (da_pool_options) { 2, 2, 0 });
    h = da_dropout(g, da_add(g, h, da_gelu(g, h)), 0.3f, 1, 2);
    h = da_linear(g, da_flatten(g, h), da_graph_leaf(g, v, dv), NULL);
    h = da_divide(g, h, da_scale(g, da_sum(g, da_softmax(g, h), 2, true), 0.5f, 1.0f));
    da_node *loss = da_cross_entropy(g, h, small_labels, 0.1f);
    loss = da_add(g, loss, da_mean(g, da_mse(g, h, da_tanh(g, h)), 0, false));
    DA_TRY(da_graph_status(g));
    return da_graph_backward(g, loss);
}

TEST(running_out_of_memory_poisons_the_graph_and_reset_heals_it) {
    int64_t xs[4] = { 3, 4, 4, 2 }, ws[4] = { 3, 3, 2, 5 }, vs[2] = { 20, 4 }, ss[1] = { 5 };
    da_tensor x, t[6];
    CHECK_OK(da_tensor_init(&x, DA_FLOAT32, 4, xs));
    for (int i = 0; i < 2; i++) {
        CHECK_OK(da_tensor_init(&t[3 * i], DA_FLOAT32, 4, ws));
        CHECK_OK(da_tensor_init(&t[3 * i + 1], DA_FLOAT32, 2, vs));
        CHECK_OK(da_tensor_init(&t[3 * i + 2], DA_FLOAT32, 1, ss));
    }
    for (int64_t i = 0; i < da_tensor_count(&x); i++) da_tensor_floats(&x)[i] = da_random_normal(1, 1, (uint64_t)i);
    for (int k = 0; k < 3; k++)
        for (int64_t i = 0; i < da_tensor_count(&t[k]); i++)
            da_tensor_floats(&t[k])[i] = da_random_normal(1, 2 + (uint64_t)k, (uint64_t)i);

    float expected = 0, other = 0;
    int64_t failures = 0;
    for (int64_t k = -1; k < 1000; k++) { /* k = -1: nothing fails */
        da_graph *g = NULL;
        da_memory_fail_after(k);
        da_status status = da_graph_new(&g);
        if (status == DA_OK) status = small_step(g, &x, &t[0], &t[1], &t[2], &t[3], &t[4], &t[5]);
        da_memory_fail_after(-1);
        if (k < 0) expected = da_tensor_floats(&t[3])[7];
        else if (status == DA_OK) { da_graph_free(g); break; }
        else {
            failures++;
            CHECK_INT(status, DA_ERROR_MEMORY);
            if (g) {
                da_graph_reset(g);
                CHECK_OK(small_step(g, &x, &t[0], &t[1], &t[2], &t[3], &t[4], &t[5]));
                other = da_tensor_floats(&t[3])[7];
                CHECK(memcmp(&other, &expected, sizeof other) == 0);
            }
        }
        da_graph_free(g);
    }
    CHECK(failures > 20 && failures < 999);
    da_tensor_free(&x);
    for (int i = 0; i < 6; i++) da_tensor_free(&t[i]);
}

TEST(a_step_after_the_first_takes_nothing_from_the_heap) {
    int64_t xs[4] = { 3, 4, 4, 2 }, ws[4] = { 3, 3, 2, 5 }, vs[2] = { 20, 4 }, ss[1] = { 5 };
    da_tensor x, t[6];
    da_graph *g;
    CHECK_OK(da_graph_new(&g));
    CHECK_OK(da_tensor_zeros(&x, DA_FLOAT32, 4, xs));
    for (int i = 0; i < 2; i++) {
        CHECK_OK(da_tensor_zeros(&t[3 * i], DA_FLOAT32, 4, ws));
        CHECK_OK(da_tensor_zeros(&t[3 * i + 1], DA_FLOAT32, 2, vs));
        CHECK_OK(da_tensor_zeros(&t[3 * i + 2], DA_FLOAT32, 1, ss));
    }
    CHECK_OK(small_step(g, &x, &t[0], &t[1], &t[2], &t[3], &t[4], &t[5]));
    int64_t calls = da_memory().calls;
    for (int step = 0; step < 3; step++) {
        da_graph_reset(g);
        CHECK_OK(small_step(g, &x, &t[0], &t[1], &t[2], &t[3], &t[4], &t[5]));
    }
    CHECK_INT(da_memory().calls, calls);
    da_graph_free(g);
    da_tensor_free(&x);
    for (int i = 0; i < 6; i++) da_tensor_free(&t[i]);
}

/* What random inputs do not show: ties, NaN, and both operands the same node. */
TEST(of_equal_maxima_the_first_gets_the_gradient) {
    float data[8] = { 1, 5, 5, 2, 5, 0, 0, 0 }, slope[8];
    da_tensor x = da_tensor_over(data, DA_FLOAT32, 4, (int64_t[]) { 1, 2, 4, 1 });
    da_tensor dx = da_tensor_over(slope, DA_FLOAT32, 4, (int64_t[]) { 1, 2, 4, 1 });
    da_graph *g;
    CHECK_OK(da_graph_new(&g));
    CHECK_OK(da_graph_backward(g, da_max(g, da_graph_leaf(g, &x, &dx), 0, false)));
    CHECK(memcmp(slope, (float[8]) { 0, 1, 0, 0, 0, 0, 0, 0 }, sizeof slope) == 0);
    da_graph_reset(g);
    da_node *pooled = da_max_pool(g, da_graph_leaf(g, &x, &dx), (da_pool_options) { 2, 2, 0 });
    CHECK_OK(da_graph_backward(g, da_sum(g, pooled, 0, false)));
    CHECK(memcmp(slope, (float[8]) { 0, 1, 1, 0, 0, 0, 0, 0 }, sizeof slope) == 0);
    da_graph_free(g);
}

TEST(nan_is_not_hidden_by_comparisons) {
    float data[4] = { 1, NAN, 3, -2 };
    da_tensor x = da_tensor_over(data, DA_FLOAT32, 4, (int64_t[]) { 1, 2, 2, 1 });
    da_graph *g;
    CHECK_OK(da_graph_new(&g));
    da_node *in = da_graph_input(g, &x);
    CHECK(isnan(da_node_scalar(da_max(g, in, 0, false))));
    CHECK(isnan(da_node_scalar(da_max_pool(g, in, (da_pool_options) { 2, 2, 0 }))));
    CHECK(isnan(da_node_scalar(da_sum(g, da_relu(g, in), 0, false))));
    CHECK(isnan(da_node_scalar(da_sum(g, da_leaky_relu(g, in, 0.1f), 0, false))));
    da_graph_free(g);
}

TEST(one_node_twice_sums_its_gradients) {
    float data[3] = { 1, -2, 3 }, slope[3];
    da_tensor x = da_tensor_over(data, DA_FLOAT32, 1, (int64_t[]) { 3 });
    da_tensor dx = da_tensor_over(slope, DA_FLOAT32, 1, (int64_t[]) { 3 });
    da_graph *g;
    CHECK_OK(da_graph_new(&g));
    da_node *a = da_graph_leaf(g, &x, &dx), *square = da_multiply(g, a, a);
    da_node *fourfold = da_add(g, da_add(g, square, square), da_add(g, square, square));
    CHECK_OK(da_graph_backward(g, da_sum(g, da_concatenate(g, (da_node *[]) { fourfold, a }, 2, 0), 0, false)));
    CHECK(memcmp(slope, (float[3]) { 9, -15, 25 }, sizeof slope) == 0);
    da_graph_free(g);
}

TEST(cross_entropy_survives_huge_logits) {
    float data[6] = { 1e30f, -1e30f, 0, -3e38f, 3e38f, 0 }, slope[6];
    uint8_t right[2] = { 0, 1 };
    da_tensor x = da_tensor_over(data, DA_FLOAT32, 2, (int64_t[]) { 2, 3 });
    da_tensor dx = da_tensor_over(slope, DA_FLOAT32, 2, (int64_t[]) { 2, 3 });
    da_graph *g;
    CHECK_OK(da_graph_new(&g));
    da_node *loss = da_cross_entropy(g, da_graph_leaf(g, &x, &dx), right, 0.0f);
    CHECK_OK(da_graph_backward(g, loss));
    CHECK(da_node_scalar(loss) == 0.0f);
    for (int i = 0; i < 6; i++) CHECK(slope[i] == 0.0f);
    da_graph_free(g);
}

/* Differences of a softmax cannot tell its slope where it is 1 but for 1e-9: here the exact sum does, in double. */
TEST(softmax_keeps_its_slope_where_it_is_sure) {
    float data[4] = { 20, -1, 0, -2 }, slope[4], weights[4] = { 0.7f, -1.3f, 0.2f, 2 };
    da_tensor x = da_tensor_over(data, DA_FLOAT32, 2, (int64_t[]) { 1, 4 });
    da_tensor dx = da_tensor_over(slope, DA_FLOAT32, 2, (int64_t[]) { 1, 4 });
    da_tensor w = da_tensor_over(weights, DA_FLOAT32, 2, (int64_t[]) { 1, 4 });
    double y[4], total = 0;
    da_graph *g;
    CHECK_OK(da_graph_new(&g));
    da_node *weighted = da_multiply(g, da_softmax(g, da_graph_leaf(g, &x, &dx)), da_graph_input(g, &w));
    CHECK_OK(da_graph_backward(g, da_sum(g, weighted, 0, false)));
    for (int i = 0; i < 4; i++) total += y[i] = exp((double)data[i]);
    for (int i = 0; i < 4; i++) {
        double expected = 0;
        for (int j = 0; j < 4; j++) expected += y[i] / total * (y[j] / total) * ((double)weights[i] - (double)weights[j]);
        CHECK_CLOSE((double)slope[i] / expected, 1, 1e-6);
    }
    da_graph_free(g);
}

TEST(misuse_names_the_label_and_poison_flows) {
    float data[6] = { 0 };
    da_tensor a = da_tensor_over(data, DA_FLOAT32, 1, (int64_t[]) { 3 });
    da_tensor b = da_tensor_over(data, DA_FLOAT32, 1, (int64_t[]) { 2 });
    da_graph *g;
    CHECK_OK(da_graph_new(&g));
    da_graph_label(g, "layer1.0");
    da_node *bad = da_add(g, da_graph_input(g, &a), da_graph_input(g, &b));
    da_graph_label(g, "later");
    da_node *after = da_flatten(g, da_permute(g, da_pad(g, bad, NULL, NULL, 0), NULL));
    CHECK(da_node_poisoned(after) && da_node_poisoned(da_relu(g, NULL)));
    CHECK_FAILS(da_graph_status(g), DA_ERROR_SHAPE, "add 'layer1.0': 3 and 2 do not broadcast");
    da_graph_reset(g);
    CHECK(da_node_poisoned(da_reshape(g, da_graph_input(g, &a), 9, (int64_t[]) { 1, 1, 1, 1, 1, 1, 1, 1, 3 })));
    CHECK_FAILS(da_graph_status(g), DA_ERROR_SHAPE, "0 to 6 dimensions");
    da_graph_free(g);
}
