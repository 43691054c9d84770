/* The tables, and which one is in force. */
#include "core/kernels/channels.h"
#include "core/kernels/convolution.h"
#include "core/kernels/kernels.h"
#include "core/kernels/peak.h"
#include "core/kernels/unary.h"

#include <stdatomic.h>
#include <string.h>

/* What every variant has, under the name of its field and its own suffix. */
#define EACH_ROUTINE(row, variant)                                                                                    \
    row(unary, variant) row(unary_backward, variant) row(sum, variant) row(relu, variant) row(relu_backward, variant) \
    row(channel_moments, variant) row(channel_gradient_sums, variant) row(channel_affine, variant)                    \
    row(channel_gradient_affine, variant) row(channel_sum, variant) row(max_pool, variant)                            \
    row(max_pool_backward, variant) row(sgd_update, variant) row(adam_update, variant) row(square_sum, variant)       \
    row(pixels, variant) row(panel_centre, variant) row(widen_sum, variant) row(peak, variant)
#define ROW(field, variant) .field = dai_##field##_##variant,

static const da_kernels reference = {
    .name = "reference", .matmul = dai_matmul_reference, EACH_ROUTINE(ROW, reference)
};

#define FAST_TABLE(variant)                                                                                           \
    dai_contract dai_contract_##variant;                                                                              \
    static const da_kernels variant = {                                                                               \
        .name = #variant, .contract = dai_contract_##variant, .winograd = &dai_winograd_##variant,                    \
        .lanes = &dai_lanes_##variant, .matmul = dai_matmul_fast, EACH_ROUTINE(ROW, variant)                          \
    };

FAST_TABLE(portable)
#if defined(__x86_64__)
FAST_TABLE(avx2)
FAST_TABLE(avx512)
#elif defined(__aarch64__)
FAST_TABLE(neon)
#endif

/* A list for each kind of CPU, the reference first, the best last: found by asking the CPU, so that nothing is kept. */
const da_kernels *const *da_kernels_list(void) {
#if defined(__x86_64__)
    static const da_kernels *const plain[] = { &reference, &portable, NULL };
    static const da_kernels *const with_avx2[] = { &reference, &portable, &avx2, NULL };
    static const da_kernels *const with_avx512[] = { &reference, &portable, &avx2, &avx512, NULL };
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return plain;
    const bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
    return wide ? with_avx512 : with_avx2;
#elif defined(__aarch64__)
    static const da_kernels *const all[] = { &reference, &portable, &neon, NULL };
    return all;
#else
    static const da_kernels *const all[] = { &reference, &portable, NULL };
    return all;
#endif
}

/* ---- The one in force ---- */

static _Atomic(const da_kernels *) active; /* NULL: not chosen yet */

da_status da_kernels_select(const char *name) {
    const da_kernels *const *list = da_kernels_list();
    char names[64] = "";
    bool automatic = !name || strcmp(name, "auto") == 0;
    for (int i = 0; list[i]; i++) {
        if (automatic ? !list[i + 1] : strcmp(list[i]->name, name) == 0) {
            atomic_store(&active, list[i]);
            return DA_OK;
        }
        strcat(strcat(names, i ? ", " : ""), list[i]->name);
    }
    return DA_FAIL(DA_ERROR_ARGUMENT, "kernels '%s' are unknown or not for this CPU: it can run %s", name, names);
}

/* Threads that come first at once choose the same; who selected meanwhile has the last word. */
const da_kernels *da_kernels_active(void) {
    const da_kernels *now = atomic_load_explicit(&active, memory_order_acquire);
    if (now) return now;
    const da_kernels *const *best = da_kernels_list();
    while (best[1]) best++;
    return atomic_compare_exchange_strong(&active, &now, *best) ? *best : now;
}
