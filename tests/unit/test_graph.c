/* The tape: sums of gradients, poison, memory that is reused, allocation failure anywhere. */
#include "tests/unit/test.h"
#include "core/graph.h"
#include "core/memory.h"
#include "core/node.h"

#include <stdio.h>

typedef struct fixture { da_graph *g; da_tensor x, w, gradient; } fixture;

static fixture make(void) {
    fixture f = { 0 };
    CHECK_OK(da_graph_new(&f.g));
    CHECK_OK(da_tensor_zeros(&f.x, DA_FLOAT32, 2, (int64_t[]){ 2, 3 }));
    CHECK_OK(da_tensor_zeros(&f.w, DA_FLOAT32, 2, (int64_t[]){ 3, 2 }));
    CHECK_OK(da_tensor_zeros(&f.gradient, DA_FLOAT32, 2, (int64_t[]){ 3, 2 }));
    for (int i = 0; i < 6; i++) da_tensor_floats(&f.x)[i] = (float)(i + 1), da_tensor_floats(&f.w)[i] = (float)(i - 2);
    return f;
}

static void end(fixture *f) {
    da_graph_free(f->g);
    da_tensor_free(&f->x);
    da_tensor_free(&f->w);
    da_tensor_free(&f->gradient);
}

static da_node *loss_of(fixture *f) { /* w is used twice and through a shared-memory reshape */
    da_node *w = da_graph_leaf(f->g, &f->w, &f->gradient), *x = da_graph_input(f->g, &f->x);
    da_node *product = da_relu(f->g, da_matmul(f->g, x, w));
    da_node *again = da_sum(f->g, da_reshape(f->g, da_graph_leaf(f->g, &f->w, &f->gradient), 1, (int64_t[]){ -1 }), 0,
                            false);
    return da_add(f->g, da_sum(f->g, da_add(f->g, product, product), 0, false), again);
}

TEST(graph_sums_gradients_of_all_uses) {
    fixture f = make();
    da_node *loss = loss_of(&f);
    /* x w = [4*-? ...]: rows (1,2,3),(4,5,6); w = (-2,-1),(0,1),(2,3): product (4,10),(4,19), all positive */
    CHECK_CLOSE(da_node_scalar(loss), 2 * (4 + 10 + 4 + 19) + 3, 0);
    CHECK_OK(da_graph_backward(f.g, loss));
    const float expected[3] = { 2 * (1 + 4) + 1, 2 * (2 + 5) + 1, 2 * (3 + 6) + 1 };
    for (int i = 0; i < 6; i++) CHECK_CLOSE(da_tensor_floats(&f.gradient)[i], expected[i / 2], 0);
    CHECK_FAILS(da_graph_backward(f.g, loss), DA_ERROR_ARGUMENT, "reset");
    end(&f);
}

/* add hands one gradient to both operands; what a gets from elsewhere afterwards must not reach b. */
TEST(graph_does_not_mix_gradients_that_were_passed_on) {
    fixture f = make();
    da_node *w = da_graph_leaf(f.g, &f.w, &f.gradient);
    da_node *a = da_scale(f.g, w, 2.0f, 0.0f), *b = da_scale(f.g, w, 3.0f, 0.0f), *c = da_scale(f.g, a, 5.0f, 0.0f);
    da_node *sum = da_sum(f.g, da_add(f.g, a, b), 0, false);
    CHECK_OK(da_graph_backward(f.g, da_add(f.g, da_sum(f.g, c, 0, false), sum)));
    for (int i = 0; i < 6; i++) CHECK_CLOSE(da_tensor_floats(&f.gradient)[i], 2 * (1 + 5) + 3, 0);
    end(&f);
}

TEST(graph_gives_zero_to_leaves_the_loss_ignores) {
    fixture f = make();
    da_tensor other, gradient;
    CHECK_OK(da_tensor_zeros(&other, DA_FLOAT32, 1, (int64_t[]){ 4 }));
    CHECK_OK(da_tensor_zeros(&gradient, DA_FLOAT32, 1, (int64_t[]){ 4 }));
    da_tensor_floats(&gradient)[2] = 7;
    da_graph_leaf(f.g, &other, &gradient);
    CHECK_OK(da_graph_backward(f.g, loss_of(&f)));
    CHECK(da_tensor_floats(&gradient)[2] == 0);
    da_tensor_free(&other);
    da_tensor_free(&gradient);
    end(&f);
}

TEST(graph_keeps_the_first_error_and_lets_poison_flow) {
    fixture f = make();
    da_graph_label(f.g, "layer2.0.conv1");
    da_node *bad = da_matmul(f.g, da_graph_input(f.g, &f.x), da_graph_input(f.g, &f.x));
    da_node *after = da_sum(f.g, da_relu(f.g, da_matmul(f.g, bad, NULL)), 0, false);
    CHECK(da_node_poisoned(bad) && da_node_poisoned(after) && isnan(da_node_scalar(after)));
    CHECK_FAILS(da_graph_status(f.g), DA_ERROR_SHAPE, "matmul 'layer2.0.conv1': 2x3 times 2x3");
    CHECK_FAILS(da_graph_backward(f.g, after), DA_ERROR_SHAPE, "matmul");
    da_graph_reset(f.g);
    CHECK_OK(da_graph_status(f.g));
    CHECK_OK(da_graph_backward(f.g, loss_of(&f)));
    da_graph_reset(f.g);
    da_node *missing = da_add(f.g, da_graph_input(f.g, &f.x), NULL);
    CHECK(da_node_poisoned(missing));
    CHECK_FAILS(da_graph_status(f.g), DA_ERROR_ARGUMENT, "operand 1 is missing");
    end(&f);
}

TEST(graph_refuses_views_and_losses_that_are_not_numbers) {
    fixture f = make();
    da_tensor view;
    CHECK_OK(da_tensor_permute(&view, &f.x, (int[]){ 1, 0 }));
    CHECK(da_node_poisoned(da_graph_input(f.g, &view)));
    CHECK_FAILS(da_graph_status(f.g), DA_ERROR_SHAPE, "not contiguous");
    da_graph_reset(f.g);
    CHECK_FAILS(da_graph_backward(f.g, da_graph_leaf(f.g, &f.w, &f.gradient)), DA_ERROR_SHAPE, "one number");
    CHECK_FAILS(da_graph_backward(f.g, da_sum(f.g, da_graph_input(f.g, &f.x), 0, false)), DA_ERROR_ARGUMENT,
                "nothing that trains");
    end(&f);
}

TEST(graph_reuses_its_memory_after_the_first_step) {
    fixture f = make();
    for (int step = 0; step < 3; step++) {
        const int64_t calls = da_memory().calls;
        da_graph_reset(f.g);
        CHECK_OK(da_graph_backward(f.g, loss_of(&f)));
        if (step > 0) CHECK_INT(da_memory().calls, calls);
    }
    end(&f);
}

/* A step of 80 images after one of 128 takes 80/128 of its memory, not both. */
TEST(graph_holds_no_buffers_of_two_batch_sizes) {
    enum { WHOLE = 128, REST = 80, VALUES = 512 };
    static float images[WHOLE * VALUES];
    da_graph *g;
    CHECK_OK(da_graph_new(&g));
    da_memory_reset_peak();
    const int64_t before = da_memory().live_bytes;
    int64_t peak[4], calls = 0;
    for (int step = 0; step < 4; step++) {
        const int64_t n = step % 2 ? REST : WHOLE;
        da_tensor input = da_tensor_over(images, DA_FLOAT32, 2, (int64_t[]){ n, VALUES });
        da_graph_reset(g);
        da_node *x = da_graph_input(g, &input);
        for (int layer = 0; layer < 4; layer++) x = da_relu(g, da_scale(g, x, 2.0f, 1.0f));
        CHECK_OK(da_graph_status(g));
        peak[step] = da_memory().peak_bytes - before;
        if (step > 0) CHECK_INT(da_memory().calls, calls); /* the smaller step takes the buffers of the whole one */
        calls = da_memory().calls;
    }
    CHECK(peak[0] > 4 * WHOLE * VALUES * 4 && peak[3] == peak[0]);
    da_graph_free(g);
}

TEST(graph_releases_what_inference_has_used) {
    fixture f = make();
    da_graph_set_recording(f.g, false);
    const int64_t mark = da_graph_mark(f.g);
    da_node *x = da_graph_input(f.g, &f.x), *a = da_relu(f.g, x), *b = da_scale(f.g, a, 2.0f, 1.0f);
    da_graph_release(f.g, mark, b);
    CHECK(da_node_value(a)->data == NULL);
    CHECK_CLOSE(da_tensor_floats(da_node_value(b))[5], 13, 0);
    CHECK_FAILS(da_graph_backward(f.g, da_sum(f.g, b, 0, false)), DA_ERROR_ARGUMENT, "not recording");
    end(&f);
}

TEST(graph_release_while_recording_leaves_gradients_alone) {
    fixture f = make();
    float plain[6];
    CHECK_OK(da_graph_backward(f.g, loss_of(&f)));
    memcpy(plain, f.gradient.data, sizeof plain);
    da_graph_reset(f.g);
    const int64_t mark = da_graph_mark(f.g);
    da_node *loss = loss_of(&f);
    da_graph_release(f.g, mark, loss);
    CHECK_OK(da_graph_backward(f.g, loss));
    CHECK(memcmp(plain, f.gradient.data, sizeof plain) == 0);
    end(&f);
}

TEST(graph_trap_names_the_first_operation_that_is_not_finite) {
    fixture f = make();
    da_graph_set_trap(f.g, true);
    da_graph_label(f.g, "head");
    da_log(f.g, da_scale(f.g, da_graph_input(f.g, &f.x), 0.0f, 0.0f));
    CHECK_FAILS(da_graph_status(f.g), DA_ERROR_NUMERIC, "log 'head': the output is not finite");
    da_graph_reset(f.g);
    memset(f.w.data, 0, da_tensor_bytes(&f.w));
    da_node *loss = da_sum(f.g, da_sqrt(f.g, da_graph_leaf(f.g, &f.w, &f.gradient)), 0, false);
    CHECK_FAILS(da_graph_backward(f.g, loss), DA_ERROR_NUMERIC, "sqrt: the gradient of operand 0 is not finite");
    end(&f);
}

TEST(graph_survives_allocation_failure_anywhere) {
    bool done = false;
    for (int64_t k = 0; !done && k < 200; k++) {
        fixture f = make();
        da_memory_fail_after(k);
        da_status status = da_graph_backward(f.g, loss_of(&f));
        da_memory_fail_after(-1);
        done = status == DA_OK;
        CHECK(done || status == DA_ERROR_MEMORY);
        da_graph_reset(f.g);
        CHECK_OK(da_graph_backward(f.g, loss_of(&f)));
        CHECK_CLOSE(da_tensor_floats(&f.gradient)[0], 11, 0);
        end(&f);
    }
    CHECK(done);
}

/* ---- The invariants of graph.c, by their numbers ---- */

static da_tensor image_of(float *data, int64_t channels) {
    return da_tensor_over(data, DA_FLOAT32, 4, (int64_t[]){ 1, 3, 3, channels });
}

/* What may be asked of a graph whose last operation failed. */
static void check_after_failure(da_graph *g, int64_t nodes) {
    CHECK(da_graph_status(g) != DA_OK);
    CHECK_INT(da_graph_mark(g), nodes);
    da_graph_release(g, 0, NULL);
}

TEST(graph_invariant_1_a_failed_operation_leaves_no_node) {
    fixture f = make();
    float data[9] = { 0 }, kernel[9] = { 0 }, slope[9];
    da_tensor image = image_of(data, 1), weight = da_tensor_over(kernel, DA_FLOAT32, 4, (int64_t[]){ 3, 3, 1, 1 });
    da_tensor gradient = da_tensor_over(slope, DA_FLOAT32, 4, (int64_t[]){ 3, 3, 1, 1 });
    for (int fault = 0; fault < 5; fault++) {
        da_graph_reset(f.g);
        da_node *x = da_graph_input(f.g, &image), *w = da_graph_leaf(f.g, &weight, &gradient);
        da_node *m = da_matmul(f.g, da_graph_input(f.g, &f.x), da_graph_leaf(f.g, &f.w, &f.gradient)), *bad = NULL;
        if (fault == 0) bad = da_conv2d_relu(f.g, x, w, NULL, (da_conv2d_options){ 0, 1, 1, 0 }, 1);
        if (fault == 1) bad = da_conv2d(f.g, w, NULL, NULL, (da_conv2d_options){ 1, 0, 1, 0 });
        if (fault == 2) bad = da_linear(f.g, m, NULL, m);
        if (fault == 3) bad = da_conv2d_norm(f.g, x, w, NULL, NULL, NULL, (da_conv2d_options){ 1, 0, 1, 0 },
                                             (da_batch_norm_options){ .training = true }, true);
        if (fault == 4) bad = da_matmul(f.g, m, x);
        CHECK(da_node_poisoned(bad) && da_node_value(bad)->data == NULL && da_node_gradient(bad) == NULL);
        check_after_failure(f.g, 5);
    }
    end(&f);
}

TEST(graph_invariant_1_holds_wherever_memory_ends) {
    da_status status = DA_ERROR_MEMORY;
    for (int64_t k = 0; status == DA_ERROR_MEMORY && k < 200; k++) {
        fixture f = make();
        da_memory_fail_after(k);
        da_node *loss = loss_of(&f);
        status = da_graph_backward(f.g, loss);
        da_memory_fail_after(-1);
        da_graph_release(f.g, 0, loss);
        end(&f);
    }
    CHECK_OK(status);
}

TEST(graph_invariant_2_a_value_given_back_is_no_operand) {
    fixture f = make();
    da_graph_set_recording(f.g, false);
    da_node *a = da_relu(f.g, da_graph_input(f.g, &f.x)), *b = da_scale(f.g, a, 2.0f, 1.0f);
    da_graph_release(f.g, 0, b);
    CHECK(da_node_value(a)->data == NULL && da_node_value(a)->ndim == 2);
    CHECK(da_node_poisoned(da_relu(f.g, a)));
    CHECK_FAILS(da_graph_status(f.g), DA_ERROR_ARGUMENT, "relu: operand 0 was given back");
    da_graph_reset(f.g);
    da_graph_set_recording(f.g, true);
    da_node *product = da_matmul(f.g, da_graph_input(f.g, &f.x), da_graph_leaf(f.g, &f.w, &f.gradient));
    CHECK_OK(da_graph_backward(f.g, da_sum(f.g, product, 0, false)));
    CHECK(da_node_poisoned(da_reshape(f.g, product, 1, (int64_t[]){ -1 })));
    CHECK_FAILS(da_graph_status(f.g), DA_ERROR_ARGUMENT, "operand 0 was given back");
    da_graph_reset(f.g);
    da_tensor nothing = da_tensor_over(NULL, DA_FLOAT32, 1, (int64_t[]){ 3 });
    CHECK(da_node_poisoned(da_graph_input(f.g, &nothing)));
    CHECK_FAILS(da_graph_status(f.g), DA_ERROR_ARGUMENT, "has no data");
    da_graph_reset(f.g);
    nothing.shape[0] = 0; /* nothing at all is a tensor, too */
    CHECK_CLOSE(da_node_scalar(da_sum(f.g, da_relu(f.g, da_graph_input(f.g, &nothing)), 0, false)), 0, 0);
    end(&f);
}

/* A reshape and its operand are two users of one buffer: neither takes it from the other. */
TEST(graph_invariant_3_a_buffer_lives_as_long_as_its_users) {
    fixture f = make();
    da_graph_set_recording(f.g, false);
    da_node *a = da_scale(f.g, da_graph_input(f.g, &f.x), 2.0f, 0.0f), *flat = da_reshape(f.g, a, 1, (int64_t[]){ 6 });
    CHECK(a->buffer == flat->buffer && a->buffer->users == 2);
    da_graph_release(f.g, 0, flat);
    CHECK(a->buffer == NULL && flat->buffer->users == 1);
    da_node *other = da_scale(f.g, flat, 3.0f, 0.0f);
    CHECK(other->buffer != flat->buffer);
    CHECK_CLOSE(da_tensor_floats(da_node_value(flat))[5], 12, 0);
    CHECK_CLOSE(da_tensor_floats(da_node_value(other))[5], 36, 0);
    end(&f);
}

TEST(graph_invariant_4_a_deferred_value_ends_with_what_it_rests_on) {
    fixture f = make();
    float data[9], kernel[9], ones[1] = { 1 }, zeros[1] = { 0 }, slope[9], expected[9];
    for (int i = 0; i < 9; i++) data[i] = (float)(i * i % 7), kernel[i] = (float)(i % 3) - 1;
    da_tensor image = image_of(data, 1), weight = da_tensor_over(kernel, DA_FLOAT32, 4, (int64_t[]){ 3, 3, 1, 1 });
    da_tensor scale = da_tensor_over(ones, DA_FLOAT32, 1, (int64_t[]){ 1 }), shift = scale;
    da_tensor gradient = da_tensor_over(slope, DA_FLOAT32, 4, (int64_t[]){ 3, 3, 1, 1 });
    shift.data = zeros;
    for (int keep = 0; keep < 2; keep++) {
        da_graph_reset(f.g);
        da_node *w = da_graph_leaf(f.g, &weight, &gradient), *s = da_graph_input(f.g, &scale);
        da_node *y = da_conv2d_norm(f.g, da_graph_input(f.g, &image), w, s, da_graph_input(f.g, &shift), NULL,
                                    (da_conv2d_options){ 1, 1, 1, 0 },
                                    (da_batch_norm_options){ .training = true, .epsilon = 1e-5f }, true);
        CHECK(y->value.data == NULL && y->deferred.values != NULL);
        if (keep) da_graph_keep(y);
        else memcpy(expected, da_node_value(y)->data, sizeof expected);
        da_graph_release(f.g, 0, y);
        da_node *loss = da_sum(f.g, da_conv2d(f.g, y, w, NULL, (da_conv2d_options){ 1, 1, 1, 0 }), 0, false);
        CHECK_OK(da_graph_backward(f.g, loss));
        if (keep) CHECK(memcmp(da_node_value(y)->data, expected, sizeof expected) == 0);
        else CHECK(da_node_value(y)->data == NULL && da_node_poisoned(da_relu(f.g, y)));
    }
    end(&f);
}

TEST(graph_invariant_5_backward_leaves_what_is_kept_and_nothing_else) {
    fixture f = make();
    da_node *w = da_graph_leaf(f.g, &f.w, &f.gradient), *a = da_scale(f.g, w, 2.0f, 0.0f);
    da_node *b = da_scale(f.g, a, 3.0f, 0.0f), *c = da_scale(f.g, b, 5.0f, 0.0f);
    da_graph_keep(a);
    da_graph_keep(b);
    CHECK_OK(da_graph_backward(f.g, da_sum(f.g, c, 0, false)));
    CHECK(c->buffer == NULL && c->gradient == NULL && c->saved_buffer == NULL && da_node_gradient(c) == NULL);
    const da_tensor *of_a = da_node_gradient(a), *of_b = da_node_gradient(b), *of_w = da_node_gradient(w);
    CHECK(of_a != of_b && of_b != of_w); /* each is the node's own */
    CHECK_CLOSE(da_tensor_floats(of_a)[0], 15, 0);
    CHECK_CLOSE(da_tensor_floats(of_b)[0], 5, 0);
    CHECK_CLOSE(da_tensor_floats(of_w)[5], 30, 0);
    CHECK_CLOSE(da_tensor_floats(da_node_value(b))[5], 18, 0);
    fixture other = make();
    CHECK_FAILS(da_graph_backward(other.g, c), DA_ERROR_ARGUMENT, "another graph");
    end(&other);
    end(&f);
}

/* Images that are their own kernel: both contributions arrive, those of two leaves with the same numbers. */
TEST(graph_invariant_6_one_contribution_of_a_node_is_open_at_a_time) {
    float data[81], same[81], slope[3][81], total[81];
    da_tensor x = da_tensor_over(data, DA_FLOAT32, 4, (int64_t[]){ 3, 3, 3, 3 }), w = x, gradient[3] = { x, x, x };
    da_graph *g = NULL;
    CHECK_OK(da_graph_new(&g));
    for (int i = 0; i < 81; i++) data[i] = same[i] = (float)(i * 7 % 11) - 5;
    w.data = same;
    for (int i = 0; i < 3; i++) gradient[i].data = slope[i];
    const da_conv2d_options o = { 1, 1, 1, 0 };
    da_node *y = da_conv2d(g, da_graph_leaf(g, &x, &gradient[0]), da_graph_leaf(g, &w, &gradient[1]), NULL, o);
    CHECK_OK(da_graph_backward(g, da_sum(g, da_multiply(g, y, y), 0, false)));
    for (int i = 0; i < 81; i++) total[i] = slope[0][i] + slope[1][i];
    da_graph_reset(g);
    da_node *both = da_graph_leaf(g, &x, &gradient[2]);
    y = da_conv2d(g, both, both, NULL, o);
    CHECK_OK(da_graph_backward(g, da_sum(g, da_multiply(g, y, y), 0, false)));
    CHECK(memcmp(slope[2], total, sizeof total) == 0);
    da_graph_free(g);
}

TEST(graph_invariant_7_a_leaf_has_its_gradient_where_the_caller_wants_it) {
    fixture f = make();
    for (int i = 0; i < 6; i++) da_tensor_floats(&f.gradient)[i] = 1e9f; /* overwritten, not added to */
    da_node *w = da_graph_leaf(f.g, &f.w, &f.gradient);
    da_node *sum = da_add(f.g, da_add(f.g, w, w), da_scale(f.g, w, 3.0f, 0.0f));
    CHECK_OK(da_graph_backward(f.g, da_sum(f.g, sum, 0, false)));
    CHECK(w->gradient == f.gradient.data && w->gradient_buffer == NULL && da_node_gradient(w)->data == f.gradient.data);
    for (int i = 0; i < 6; i++) CHECK_CLOSE(da_tensor_floats(&f.gradient)[i], 5, 0);
    end(&f);
}

TEST(graph_batch_norm_takes_a_shift_without_a_scale) {
    fixture f = make();
    float ones[3] = { 1, 1, 1 }, shifts[3] = { 1, -2, 3 }, slope[2][3], value[2][6];
    da_tensor scale = da_tensor_over(ones, DA_FLOAT32, 1, (int64_t[]){ 3 }), shift = scale, gradient = scale;
    shift.data = shifts;
    for (int given = 0; given < 2; given++) {
        da_graph_reset(f.g);
        gradient.data = slope[given];
        da_node *y = da_batch_norm(f.g, da_graph_input(f.g, &f.x), given ? da_graph_input(f.g, &scale) : NULL,
                                   da_graph_leaf(f.g, &shift, &gradient),
                                   (da_batch_norm_options){ .training = true, .epsilon = 1e-5f });
        CHECK_OK(da_graph_status(f.g));
        memcpy(value[given], da_node_value(y)->data, sizeof value[given]);
        CHECK_OK(da_graph_backward(f.g, da_sum(f.g, da_multiply(f.g, y, y), 0, false)));
    }
    CHECK(memcmp(value[0], value[1], sizeof value[0]) == 0 && memcmp(slope[0], slope[1], sizeof slope[0]) == 0);
    CHECK(value[0][2] > 1 && slope[0][1] != 0);
    end(&f);
}

/* Operands without elements may have sizes that no product of theirs survives. */
TEST(graph_refuses_sizes_beyond_all_memory) {
    static const struct { int64_t x[4], w[4]; int64_t padding, groups; const char *says; } conv[] = {
        { { 0, INT64_MAX, 3, 1 }, { 3, 3, 1, 1 }, 1, 1, "too large to address" },
        { { 0, 3, 3, 0 }, { 3, 3, INT64_C(1) << 40, 0 }, 1, 1 << 24, "weight expects" },
        { { 0, 1, 1, INT64_C(1) << 40 }, { 1, 1, INT64_C(1) << 40, 1 }, 1 << 20, 1, "padding 1048576" },
        { { 0, 1, 1, 1 }, { 1, 1, 1, 1 }, INT64_MAX, 1, "padding 9223372036854775807" },
    };
    fixture f = make();
    for (size_t i = 0; i < sizeof conv / sizeof *conv; i++) {
        da_tensor x = da_tensor_over(NULL, DA_FLOAT32, 4, conv[i].x), w = da_tensor_over(NULL, DA_FLOAT32, 4, conv[i].w);
        float one = 1;
        if (da_tensor_count(&w) > 0) w.data = &one; /* refused before it is read */
        da_graph_reset(f.g);
        da_node *y = da_conv2d_relu(f.g, da_graph_input(f.g, &x), da_graph_input(f.g, &w), NULL,
                                    (da_conv2d_options){ 1, conv[i].padding, conv[i].groups, 0 }, 1);
        CHECK(da_node_poisoned(y));
        CHECK_FAILS(da_graph_status(f.g), conv[i].padding == INT64_MAX ? DA_ERROR_ARGUMENT : DA_ERROR_SHAPE, conv[i].says);
    }
    end(&f);
}
