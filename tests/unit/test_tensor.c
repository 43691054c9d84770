/* Tensors: shapes, views, broadcasting, copies, and the allocator's accounts. */
#include "tests/unit/test.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/tensor.h"

#include <stdatomic.h>

TEST(tensor_refuses_shapes_that_make_no_sense) {
    da_tensor t = { 0 };
    CHECK_FAILS(da_tensor_init(&t, DA_FLOAT32, 7, (int64_t[]){ 1, 1, 1, 1, 1, 1, 1 }), DA_ERROR_SHAPE, "0 to 6");
    CHECK_FAILS(da_tensor_init(&t, DA_FLOAT32, 2, (int64_t[]){ 2, -3 }), DA_ERROR_SHAPE, "2x-3 has a negative size");
    CHECK_FAILS(da_tensor_init(&t, DA_FLOAT32, 2, (int64_t[]){ INT64_C(1) << 40, INT64_C(1) << 40 }), DA_ERROR_SHAPE,
                "too large");
    CHECK_FAILS(da_tensor_init(&t, DA_FLOAT32, 3, (int64_t[]){ 0, INT64_MAX, INT64_MAX }), DA_ERROR_SHAPE, "too large");
    CHECK_FAILS(da_tensor_init(&t, DA_FLOAT32, 3, (int64_t[]){ INT64_MAX, 2, 0 }), DA_ERROR_SHAPE, "too large");
    CHECK(t.data == NULL);
    CHECK_OK(da_tensor_init(&t, DA_FLOAT32, 3, (int64_t[]){ 0, 1 << 20, 1 << 20 }));
    CHECK_INT(da_tensor_bytes(&t), 0);
    da_tensor_free(&t);
}

/* Sizes and steps as large as they can be given: refused or right, and no sum or product of them overflows. */
TEST(tensor_views_of_extreme_sizes) {
    const int64_t most = INT64_MAX, least = INT64_MIN;
    da_tensor t, view, none;
    CHECK_OK(da_tensor_zeros(&t, DA_FLOAT32, 2, (int64_t[]){ 3, 4 }));
    CHECK_OK(da_tensor_slice(&view, &t, 1, 1, 4, most));
    CHECK_INT(view.shape[1], 1);
    CHECK(view.data == da_tensor_floats(&t) + 1);
    CHECK_OK(da_tensor_slice(&view, &t, 0, 3, 3, most));
    CHECK_INT(view.shape[0], 0);
    for (int i = 0; i < 4; i++)
        CHECK_FAILS(da_tensor_slice(&view, &t, 0, i & 1 ? most : least, i & 2 ? most : least, most), DA_ERROR_SHAPE,
                    "0 <= start <= stop <= 3");
    CHECK_FAILS(da_tensor_reshape(&view, &t, 3, (int64_t[]){ most, 3, -1 }), DA_ERROR_SHAPE, "12 elements");
    CHECK_FAILS(da_tensor_reshape(&view, &t, 2, (int64_t[]){ INT64_C(1) << 62, 4 }), DA_ERROR_SHAPE, "elements");
    CHECK_FAILS(da_tensor_reshape(&view, &t, 2, (int64_t[]){ least, -1 }), DA_ERROR_SHAPE, "negative");
    CHECK_OK(da_tensor_init(&none, DA_FLOAT32, 1, (int64_t[]){ 0 }));
    CHECK_FAILS(da_tensor_reshape(&view, &none, 3, (int64_t[]){ most, most, 0 }), DA_ERROR_SHAPE, "too large");
    CHECK_INT(da_tensor_over(NULL, DA_FLOAT32, 2, (int64_t[]){ most, most }).ndim, 2);
    da_tensor_free(&none);
    da_tensor_free(&t);
}

TEST(tensor_views_share_memory) {
    da_tensor t, slice, turned, flat, copy;
    CHECK_OK(da_tensor_init(&t, DA_FLOAT32, 2, (int64_t[]){ 3, 4 }));
    for (int i = 0; i < 12; i++) da_tensor_floats(&t)[i] = (float)i;
    CHECK_OK(da_tensor_slice(&slice, &t, 1, -3, 4, 2)); /* columns 1, 3 */
    CHECK_INT(slice.shape[1], 2);
    CHECK_OK(da_tensor_permute(&turned, &slice, (int[]){ 1, 0 }));
    CHECK_OK(da_tensor_init(&copy, DA_FLOAT32, 2, turned.shape));
    CHECK_OK(da_tensor_copy(&copy, &turned));
    const float expected[6] = { 1, 5, 9, 3, 7, 11 };
    CHECK(memcmp(copy.data, expected, sizeof expected) == 0);
    CHECK_FAILS(da_tensor_reshape(&flat, &turned, 1, (int64_t[]){ -1 }), DA_ERROR_SHAPE, "not contiguous");
    CHECK_OK(da_tensor_reshape(&flat, &t, 3, (int64_t[]){ 2, -1, 2 }));
    CHECK_INT(flat.shape[1], 3);
    CHECK_FAILS(da_tensor_reshape(&flat, &t, 2, (int64_t[]){ 5, -1 }), DA_ERROR_SHAPE, "12 elements");
    CHECK_FAILS(da_tensor_reshape(&flat, &t, 2, (int64_t[]){ -1, -1 }), DA_ERROR_SHAPE, "more than one");
    CHECK_FAILS(da_tensor_slice(&slice, &t, 2, 0, 1, 1), DA_ERROR_SHAPE, "axis 2");
    CHECK_FAILS(da_tensor_slice(&slice, &t, 0, 2, 1, 1), DA_ERROR_SHAPE, "start <= stop");
    CHECK_FAILS(da_tensor_permute(&turned, &t, (int[]){ 0, 0 }), DA_ERROR_SHAPE, "must stand once");
    CHECK_FAILS(da_tensor_copy(&copy, &t), DA_ERROR_SHAPE, "2x3 cannot take 3x4");
    da_tensor_free(&copy);
    da_tensor_free(&t);
    da_tensor_free(&t);
}

TEST(tensor_shapes_broadcast_as_in_numpy) {
    int ndim;
    int64_t shape[DA_MAX_DIMS];
    da_tensor a = da_tensor_over(NULL, DA_FLOAT32, 3, (int64_t[]){ 4, 1, 3 }),
        b = da_tensor_over(NULL, DA_FLOAT32, 2, (int64_t[]){ 5, 1 });
    CHECK_OK(da_shape_broadcast(&ndim, shape, &a, &b));
    CHECK(ndim == 3 && shape[0] == 4 && shape[1] == 5 && shape[2] == 3);
    b.shape[1] = 2;
    CHECK_FAILS(da_shape_broadcast(&ndim, shape, &a, &b), DA_ERROR_SHAPE, "4x1x3 and 5x2 do not broadcast");
}

TEST(memory_keeps_accounts_and_fails_on_request) {
    da_memory_stats before = da_memory();
    char *block = da_alloc(1000);
    CHECK_INT((uintptr_t)block % 64, 0);
    CHECK_INT(da_memory().live_bytes - before.live_bytes, 1000);
    memset(block, 7, 1000);
    char *moved = da_realloc(block, 3000);
    CHECK(moved[999] == 7);
    da_memory_fail_after(0);
    da_error_clear();
    CHECK(da_alloc(1) == NULL && da_error_code() == DA_ERROR_MEMORY);
    da_memory_fail_after(0);
    CHECK(da_realloc(moved, 9000) == NULL && moved[999] == 7);
    CHECK(da_alloc_zero(SIZE_MAX / 2, 3) == NULL);
    CHECK(da_alloc(SIZE_MAX - 3) == NULL);
    da_free(moved);
    da_free(NULL);
    CHECK_INT(da_memory().live_bytes, before.live_bytes);
}

TEST(chunks_are_near_equal_runs) {
    CHECK_INT(da_chunk_begin(10, 3, 0), 0);
    CHECK_INT(da_chunk_begin(10, 3, 1), 3);
    CHECK_INT(da_chunk_begin(10, 3, 3), 10);
}

static void count_chunk(void *context, int64_t chunk, int worker) {
    (void)worker;
    atomic_fetch_add(&((atomic_int *)context)[chunk], 1);
}

static void note_loop(void *context, int64_t chunks, bool ended) {
    int64_t *noted = context;
    noted[ended] += chunks;
}

TEST(parallel_observer_is_told_of_every_loop) {
    int64_t noted[2] = { 0, 0 };
    atomic_int seen[37] = { 0 };
    da_parallel_observe(note_loop, noted);
    da_parallel_for(37, INT64_MAX, count_chunk, seen);
    da_parallel_for(5, INT64_MAX, count_chunk, seen);
    da_parallel_observe(NULL, NULL);
    da_parallel_for(3, INT64_MAX, count_chunk, seen);
    CHECK(noted[0] == 42 && noted[1] == 42);
    CHECK_INT(seen[0], 3);
}

TEST(status_messages_carry_place_and_context) {
    DA_FAIL(DA_ERROR_FORMAT, "header claims %d", 7);
    CHECK(strstr(da_error_place(), "test_tensor.c:"));
    da_fail_context("reading '%s': ", "x");
    CHECK_TEXT(da_error_message(), "reading 'x': header claims 7");
    CHECK_INT(DA_FAIL(DA_ERROR_IO, "again: %s", da_error_message()), DA_ERROR_IO);
    CHECK_TEXT(da_error_message(), "again: reading 'x': header claims 7");
    da_error_clear();
    CHECK_TEXT(da_error_message(), "");
}
