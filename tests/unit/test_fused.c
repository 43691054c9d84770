/* The fused operations give the bits of their parts: small networks both ways. A residual one, forward, backward and running
 * statistics.
 *
 *     x ── conv 3x3 ── norm ── relu ──┬── conv ── norm ── relu ── conv ── norm ──┬── + ── relu ── y
 *                                     └───────────────── or 1x1 conv and norm ───┘
 *     y ─┬── conv ── norm ──┬── + ── relu ──┬── sum of weighted values
 *        ├──────────────────┘               │
 *        └── scale, made first or not at all ┘      (then it is the last to contribute to the gradient of y)
 */
#include "tests/unit/test.h"
#include "core/graph.h"
#include "core/kernels/kernels.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/random.h"

enum { CONVOLUTIONS = 4, PARAMETERS = 3 * CONVOLUTIONS };

typedef struct network {
    da_tensor x, dx, weights, parameter[PARAMETERS], gradient[PARAMETERS], running[2 * CONVOLUTIONS];
    bool fused, training, projected, scaled;
    int64_t stride;
    int winograd;
} network;

static void make(da_tensor *t, int ndim, const int64_t *shape, uint64_t stream) {
    CHECK_OK(da_tensor_init(t, DA_FLOAT32, ndim, shape));
    for (int64_t i = 0; i < da_tensor_count(t); i++) {
        const float value = da_random_normal(7, da_stream(DA_RANDOM_TEST, stream), (uint64_t)i);
        da_tensor_floats(t)[i] = ndim == 1 ? 0.75f + 0.1f * value : value; /* scales, shifts, running statistics */
    }
}

static void make_network(network *net, int64_t n, int64_t size, int64_t c, int64_t k, int64_t stride) {
    const int64_t out = (size - 1) / stride + 1, x[4] = { n, size, size, c }, y[4] = { n, out, out, k };
    const int64_t w[CONVOLUTIONS][4] = { { 3, 3, c, c }, { 3, 3, c, k }, { 3, 3, k, k }, { 1, 1, c, k } };
    make(&net->x, 4, x, 1);
    make(&net->dx, 4, x, 1);
    make(&net->weights, 4, y, 2);
    for (int i = 0; i < PARAMETERS; i++)
        for (int copy = 0; copy < 2; copy++)
            make(copy ? &net->gradient[i] : &net->parameter[i], i % 3 ? 1 : 4, i % 3 ? &w[i / 3][3] : w[i / 3],
                 3 + (uint64_t)i);
    for (int i = 0; i < 2 * CONVOLUTIONS; i++) make(&net->running[i], 1, &w[i / 2][3], 50 + (uint64_t)i);
    net->stride = stride;
    net->projected = stride != 1 || c != k;
    net->scaled = false;
}

static void free_network(network *net) {
    da_tensor_free(&net->x);
    da_tensor_free(&net->dx);
    da_tensor_free(&net->weights);
    for (int i = 0; i < PARAMETERS; i++) da_tensor_free(&net->parameter[i]), da_tensor_free(&net->gradient[i]);
    for (int i = 0; i < 2 * CONVOLUTIONS; i++) da_tensor_free(&net->running[i]);
}

/* Convolution i with its norm, the shortcut and the ReLU, in one operation or one after the other. */
static da_node *convolve(da_graph *g, network *net, int i, da_node *x, da_node *shortcut, bool relu) {
    da_node *p[3];
    for (int j = 0; j < 3; j++) p[j] = da_graph_leaf(g, &net->parameter[3 * i + j], &net->gradient[3 * i + j]);
    const int64_t stride = i == 1 || i == 3 ? net->stride : 1;
    const da_conv2d_options conv = { stride, i == 3 ? 0 : 1, 1, stride == 1 && i < 3 ? net->winograd : 0 };
    const da_batch_norm_options norm = { net->training, 0.1f, 1e-5f, &net->running[2 * i], &net->running[2 * i + 1] };
    if (net->fused) return da_conv2d_norm(g, x, p[0], p[1], p[2], shortcut, conv, norm, relu);
    da_node *y = da_batch_norm(g, da_conv2d(g, x, p[0], NULL, conv), p[1], p[2], norm);
    if (shortcut) y = da_add(g, y, shortcut);
    return relu ? da_relu(g, y) : y;
}

/* The weighted sum's gradient everywhere; without recording only the value. Returns the network's output. */
static da_tensor run_network(network *net, bool recording, bool keep) {
    da_graph *g;
    da_tensor copy;
    CHECK_OK(da_graph_new(&g));
    da_graph_set_recording(g, recording);
    da_node *x = convolve(g, net, 0, da_graph_leaf(g, &net->x, &net->dx), NULL, true);
    da_node *shortcut = net->projected ? convolve(g, net, 3, x, NULL, false) : x;
    da_node *y = convolve(g, net, 2, convolve(g, net, 1, x, NULL, true), shortcut, true);
    if (keep) da_graph_keep(y);
    da_node *scaled = net->scaled ? da_scale(g, y, 0.5f, 0) : NULL;
    y = convolve(g, net, 2, y, y, true);
    if (scaled) y = da_add(g, y, scaled);
    if (recording) {
        da_node *loss = da_sum(g, da_multiply(g, y, da_graph_input(g, &net->weights)), 0, false);
        CHECK_OK(da_graph_status(g));
        da_graph_keep(y);
        CHECK_OK(da_graph_backward(g, loss));
    }
    CHECK_OK(da_graph_status(g));
    const da_tensor *value = da_node_value(y);
    CHECK_OK(da_tensor_init(&copy, DA_FLOAT32, value->ndim, value->shape));
    CHECK_OK(da_tensor_copy(&copy, value));
    da_graph_free(g);
    return copy;
}

static bool same(const da_tensor *a, const da_tensor *b) {
    return memcmp(a->data, b->data, da_tensor_bytes(a)) == 0;
}

static void compare(int64_t n, int64_t size, int64_t c, int64_t k, int64_t stride, bool training, bool recording,
                    bool keep, int winograd) {
    network net[2];
    da_tensor y[2];
    for (int fused = 0; fused < 2; fused++) {
        make_network(&net[fused], n, size, c, k, stride);
        net[fused].fused = fused;
        net[fused].training = training;
        net[fused].winograd = winograd;
        net[fused].scaled = n == 3;
        y[fused] = run_network(&net[fused], recording, keep);
    }
    bool equal = same(&y[0], &y[1]) && same(&net[0].dx, &net[1].dx);
    for (int i = 0; i < PARAMETERS; i++) equal = equal && same(&net[0].gradient[i], &net[1].gradient[i]);
    for (int i = 0; i < 2 * CONVOLUTIONS; i++) equal = equal && same(&net[0].running[i], &net[1].running[i]);
    if (!equal)
        test_fail(__FILE__, __LINE__, "%s: %d images of %dx%d, %d to %d channels, stride %d, %s, %s: bits differ",
                  da_kernels_active()->name, (int)n, (int)size, (int)size, (int)c, (int)k, (int)stride,
                  training ? "training" : "running statistics", recording ? "recorded" : "not recorded");
    for (int fused = 0; fused < 2; fused++) free_network(&net[fused]), da_tensor_free(&y[fused]);
}

TEST(fused_convolutions_have_the_bits_of_their_parts) {
    const da_kernels *const *tables = da_kernels_list();
    for (int t = 0; tables[t]; t++) {
        da_kernels_select(tables[t]->name);
        for (int mode = 0; mode < 4 && !test_failed(); mode++) {
            const bool training = mode & 1, recording = mode & 2;
            compare(5, 6, 16, 16, 1, training, recording, false, 0);
            compare(5, 6, 16, 16, 1, training, recording, false, 4);
            compare(3, 9, 5, 5, 1, training, recording, true, 2);
            compare(40, 3, 7, 18, 2, training, recording, false, 0);
            compare(2, 8, 17, 33, 2, training, recording, false, 4);
            compare(20, 8, 7, 9, 1, training, recording, false, 0);
            compare(2, 9, 5, 5, 1, training, recording, false, 0);
            compare(2, 8, 16, 16, 1, training, recording, false, 4);
            compare(3, 9, 16, 16, 1, training, recording, false, 0);
            compare(3, 9, 16, 16, 1, training, recording, false, 4);
        }
    }
    da_kernels_select(NULL);
}

TEST(fused_convolutions_do_not_depend_on_threads) {
    for (int threads = 2; threads <= 8; threads += 3) {
        da_tensor y[2];
        network net[2];
        for (int many = 0; many < 2; many++) {
            da_threads_set(many ? threads : 1);
            make_network(&net[many], 37, 7, 4, 8, 2);
            net[many].fused = net[many].training = true;
            net[many].winograd = threads == 5 ? 4 : 0;
            y[many] = run_network(&net[many], true, false);
        }
        CHECK(same(&y[0], &y[1]) && same(&net[0].dx, &net[1].dx));
        for (int i = 0; i < PARAMETERS; i++) CHECK(same(&net[0].gradient[i], &net[1].gradient[i]));
        for (int i = 0; i < 2; i++) free_network(&net[i]), da_tensor_free(&y[i]);
    }
    da_threads_set(0);
}

/* Two convolutions with bias, ReLU and pool, both ways; values of x, both weights and biases, and their gradients. */
enum { TENSORS = 5 };

static da_tensor run_pooled(bool fused, bool recording, da_tensor *t, da_tensor *d, int64_t pool, int winograd) {
    da_graph *g;
    da_tensor copy;
    CHECK_OK(da_graph_new(&g));
    da_graph_set_recording(g, recording);
    da_node *y = da_graph_leaf(g, &t[0], &d[0]);
    for (int i = 1; i < TENSORS; i += 2) {
        da_node *w = da_graph_leaf(g, &t[i], &d[i]), *b = da_graph_leaf(g, &t[i + 1], &d[i + 1]);
        const da_conv2d_options conv = { 1, 1, 1, winograd };
        if (fused) {
            y = da_conv2d_relu(g, y, w, b, conv, pool);
            continue;
        }
        y = da_relu(g, da_conv2d(g, y, w, b, conv));
        if (pool > 1) y = da_max_pool(g, y, (da_pool_options){ pool, pool, 0 });
    }
    if (recording) {
        da_graph_keep(y);
        CHECK_OK(da_graph_backward(g, da_sum(g, da_multiply(g, y, y), 0, false)));
    }
    CHECK_OK(da_graph_status(g));
    CHECK_OK(da_tensor_init(&copy, DA_FLOAT32, 4, da_node_value(y)->shape));
    CHECK_OK(da_tensor_copy(&copy, da_node_value(y)));
    da_graph_free(g);
    return copy;
}

static void compare_pooled(int64_t n, int64_t h, int64_t w, int64_t c, int64_t k, int64_t pool, bool recording,
                           int winograd) {
    const int64_t shapes[TENSORS][4] = { { n, h, w, c }, { 3, 3, c, k }, { k }, { 3, 3, k, c }, { c } };
    da_tensor t[TENSORS], d[2][TENSORS], y[2];
    for (int i = 0; i < TENSORS; i++) {
        const int ndim = i == 2 || i == 4 ? 1 : 4;
        make(&t[i], ndim, shapes[i], 70 + (uint64_t)i);
        for (int fused = 0; fused < 2; fused++) make(&d[fused][i], ndim, shapes[i], 80);
    }
    for (int fused = 0; fused < 2; fused++) y[fused] = run_pooled(fused, recording, t, d[fused], pool, winograd);
    bool equal = same(&y[0], &y[1]);
    for (int i = 0; i < TENSORS; i++) equal = equal && same(&d[0][i], &d[1][i]);
    if (!equal)
        test_fail(__FILE__, __LINE__, "%s: %d images of %dx%d, %d to %d channels, pool %d, %s: bits differ",
                  da_kernels_active()->name, (int)n, (int)h, (int)w, (int)c, (int)k, (int)pool,
                  recording ? "recorded" : "not recorded");
    for (int fused = 0; fused < 2; fused++) da_tensor_free(&y[fused]);
    for (int i = 0; i < TENSORS; i++) da_tensor_free(&t[i]), da_tensor_free(&d[0][i]), da_tensor_free(&d[1][i]);
}

TEST(fused_pools_have_the_bits_of_their_parts) {
    const da_kernels *const *tables = da_kernels_list();
    for (int t = 0; tables[t]; t++) {
        da_kernels_select(tables[t]->name);
        for (int recording = 0; recording < 2 && !test_failed(); recording++) {
            compare_pooled(5, 12, 12, 1, 6, 2, recording, 0);
            compare_pooled(2, 11, 10, 3, 17, 3, recording, 4);
            compare_pooled(3, 5, 7, 4, 32, 1, recording, 2);
            compare_pooled(33, 9, 9, 6, 16, 2, recording, 4);
            compare_pooled(20, 7, 6, 1, 6, 1, recording, 0);
            compare_pooled(20, 8, 9, 1, 6, 2, recording, 0);
            compare_pooled(33, 9, 9, 6, 15, 2, recording, 0);
            compare_pooled(17, 10, 11, 3, 5, 3, recording, 0);
        }
    }
    da_kernels_select(NULL);
}

/* A value that was put off is made when somebody reads it. */
TEST(deferred_values_can_be_read) {
    network net = { .fused = true, .training = true };
    da_graph *g;
    make_network(&net, 3, 4, 5, 5, 1);
    CHECK_OK(da_graph_new(&g));
    da_node *y = convolve(g, &net, 0, da_graph_leaf(g, &net.x, &net.dx), NULL, true);
    CHECK(da_node_value(y)->data != NULL);
    da_node *apart = da_sum(g, y, 0, false);
    CHECK(da_node_scalar(apart) > 0);
    da_graph_free(g);
    CHECK_OK(da_graph_new(&g));
    da_node *x = da_graph_leaf(g, &net.x, &net.dx);
    y = convolve(g, &net, 0, x, NULL, true);
    for (int i = 0; i < 8; i++) da_relu(g, x); /* x is as large as y: the pool has no buffer left that would do */
    da_memory_fail_after(0);
    CHECK(da_node_value(y)->data == NULL);
    da_memory_fail_after(-1);
    CHECK_FAILS(da_graph_status(g), DA_ERROR_MEMORY, "out of memory");
    da_graph_free(g);
    free_network(&net);
}

/* A convolution adds to a gradient that an addition has passed on to two nodes: both must come out right. */
TEST(convolutions_add_to_shared_gradients) {
    const int64_t image[4] = { 1, 1, 3, 1 }, kernel[4] = { 1, 1, 1, 1 };
    float xs[3] = { 1, 2, 3 }, ps[3] = { 4, 5, 6 }, ws[1] = { 8 }, dxs[3], dps[3], dws[1];
    da_tensor x = da_tensor_over(xs, DA_FLOAT32, 4, image), p = da_tensor_over(ps, DA_FLOAT32, 4, image),
              w = da_tensor_over(ws, DA_FLOAT32, 4, kernel), dx = da_tensor_over(dxs, DA_FLOAT32, 4, image),
              dp = da_tensor_over(dps, DA_FLOAT32, 4, image), dw = da_tensor_over(dws, DA_FLOAT32, 4, kernel);
    da_graph *g;
    CHECK_OK(da_graph_new(&g));
    da_node *u = da_scale(g, da_graph_leaf(g, &p, &dp), 2, 0), *v = da_relu(g, da_graph_leaf(g, &x, &dx));
    da_node *convolved = da_conv2d(g, v, da_graph_leaf(g, &w, &dw), NULL, (da_conv2d_options){ 1, 0, 1, 0 });
    da_node *sum = da_sum(g, da_add(g, v, u), 0, false);
    CHECK_OK(da_graph_backward(g, da_add(g, da_sum(g, convolved, 0, false), sum)));
    for (int i = 0; i < 3; i++) CHECK(dxs[i] == 1 + 8 && dps[i] == 2);
    CHECK(dws[0] == 1 + 2 + 3);
    da_graph_free(g);
}
