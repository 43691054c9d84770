/* The tape: sums of gradients, poison, memory that is reused, allocation failure anywhere. */
#include "tests/unit/test.h"
#include "core/graph.h"
#include "core/memory.h"

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

TEST(graph_trace_lists_every_node) {
    fixture f = make();
    loss_of(&f);
    CHECK_INT(da_graph_multiply_adds(f.g), 2 * 3 * 2);
    FILE *to = tmpfile();
    char text[4096] = "";
    da_graph_trace(f.g, to);
    rewind(to);
    size_t size = fread(text, 1, sizeof text - 1, to);
    fclose(to);
    CHECK(size > 0 && strstr(text, "matmul") && strstr(text, "relu") && strstr(text, "leaf") &&
          strstr(text, "reshape"));
    end(&f);
}
