/* Algorithm 2: the removal order, and ranges that are no partition. */
#include "tests/unit/test.h"
#include "core/memory.h"
#include "deeparc/order.h"

TEST(order_runs_from_the_last_layer_of_each_module_to_its_first) {
    da_module_range ranges[] = { { 0, 3 }, { 3, 4 }, { 4, 6 } };
    da_partition p = { 6, 3, ranges };
    da_order order = { 0 };
    static const int expected[][4] = { { 2, 0, 1, 2 }, { 1, 0, 2, 1 }, { 0, 0, 3, 0 }, { 5, 2, 1, 1 }, { 4, 2, 2, 0 } };
    CHECK_OK(da_order_from_partition(&p, &order));
    CHECK_INT(order.count, 5);
    for (int k = 0; k < order.count; k++) {
        CHECK_INT(order.step[k].layer, expected[k][0]);
        CHECK_INT(order.step[k].module, expected[k][1]);
        CHECK_INT(order.step[k].place, expected[k][2]);
        CHECK_INT(order.step[k].keeps, expected[k][3]);
    }
    da_order_free(&order);
    CHECK(order.step == NULL && order.count == 0);
}

TEST(order_is_empty_without_modules_of_several_layers) {
    da_module_range ranges[] = { { 0, 1 }, { 1, 2 } };
    da_partition p = { 2, 2, ranges };
    da_order order = { 0 };
    CHECK_OK(da_order_from_partition(&p, &order));
    CHECK_INT(order.count, 0);
    da_order_free(&order);
}

TEST(order_refuses_ranges_that_are_no_partition) {
    da_order order = { 0 };
    da_module_range closed[] = { { 0, 2 }, { 3, 5 } }, beyond[] = { { 0, 2 }, { 2, 6 } },
                    empty[] = { { 0, 2 }, { 2, 2 } };
    CHECK_FAILS(da_order_from_partition(&(da_partition){ 5, 2, closed }, &order), DA_ERROR_ARGUMENT,
                "module 1 is [3, 5)");
    CHECK_FAILS(da_order_from_partition(&(da_partition){ 5, 2, beyond }, &order), DA_ERROR_ARGUMENT,
                "module 1 is [2, 6)");
    CHECK_FAILS(da_order_from_partition(&(da_partition){ 2, 2, empty }, &order), DA_ERROR_ARGUMENT,
                "module 1 is [2, 2)");
    CHECK_FAILS(da_order_from_partition(&(da_partition){ 5, 1, closed }, &order), DA_ERROR_ARGUMENT,
                "end at layer 2 of 5");
    CHECK_FAILS(da_order_from_partition(&(da_partition){ 0 }, &order), DA_ERROR_ARGUMENT, "layer 0 of 0");
    da_memory_fail_after(0);
    CHECK_FAILS(da_order_from_partition(&(da_partition){ 2, 1, closed }, &order), DA_ERROR_MEMORY, "out of memory");
    da_memory_fail_after(-1);
    CHECK(order.step == NULL);
}
