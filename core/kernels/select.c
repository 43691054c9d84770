/* The tables, and which one is in force. */
#include "core/kernels/channels.h"
#include "core/kernels/convolution.h"
#include "core/kernels/kernels.h"
#include "core/kernels/peak.h"
#include "core/kernels/unary.h"

#include <string.h>

/* The rows that every variant has under its own suffix, from the unary functions on. */
#define SUFFIXED(variant)                                                                              \
    dai_unary_##variant, dai_unary_backward_##variant, dai_sum_##variant, dai_relu_##variant,           \
    dai_relu_backward_##variant, dai_channel_moments_##variant,                  \
    dai_channel_gradient_sums_##variant, dai_channel_affine_##variant, dai_channel_gradient_affine_##variant, \
    dai_channel_sum_##variant, dai_max_pool_##variant, dai_max_pool_backward_##variant,                  \
    dai_sgd_update_##variant, dai_adam_update_##variant, dai_square_sum_##variant, dai_pixels_##variant, \
    dai_panel_centre_##variant, dai_widen_sum_##variant, dai_peak_##variant

static const da_kernels reference = {
    "reference", NULL, NULL, NULL, dai_matmul_reference, dai_conv_forward_reference, dai_conv_backward_reference,
    SUFFIXED(reference),
};

#define FAST_TABLE(variant)                                                                               \
    dai_contract dai_contract_##variant;                                                                  \
    static const da_kernels variant = {                                                                   \
        #variant, dai_contract_##variant, &dai_winograd_##variant, &dai_lanes_##variant, dai_matmul_fast,    \
        dai_conv_forward_fast, dai_conv_backward_fast, SUFFIXED(variant),                                    \
    };

FAST_TABLE(portable)
#if defined(__x86_64__)
FAST_TABLE(avx2)
FAST_TABLE(avx512)
#elif defined(__aarch64__)
FAST_TABLE(neon)
#endif

static const da_kernels *available[6]; /* reference first, the best last */
static const da_kernels *active;

static void find_available(void) {
    int count = 0;
    available[count++] = &reference;
    available[count++] = &portable;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        available[count++] = &avx2;
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
            __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512dq"))
            available[count++] = &avx512;
    }
#elif defined(__aarch64__)
    available[count++] = &neon;
#endif
    available[count] = NULL;
}

const da_kernels *const *da_kernels_list(void) {
    if (!available[0]) find_available();
    return available;
}

da_status da_kernels_select(const char *name) {
    const da_kernels *const *list = da_kernels_list();
    char names[64] = "";
    bool automatic = !name || strcmp(name, "auto") == 0;
    for (int i = 0; list[i]; i++) {
        if (automatic ? !list[i + 1] : strcmp(list[i]->name, name) == 0) {
            active = list[i];
            return DA_OK;
        }
        strcat(strcat(names, i ? ", " : ""), list[i]->name);
    }
    return DA_FAIL(DA_ERROR_ARGUMENT, "kernels '%s' are unknown or not for this CPU: it can run %s", name, names);
}

const da_kernels *da_kernels_active(void) {
    if (!active) da_kernels_select(NULL);
    return active;
}
