/* The policy on subnormal numbers: they are kept, on every thread; a program in another mode is refused; only the
 * states of optimizers settle at zero. */
#include "core/graph.h"
#include "core/kernels/kernels.h"
#include "core/math.h"
#include "core/parallel.h"
#include "tests/unit/test.h"

#include <fenv.h>

enum { CHUNKS = 64 };

static void look(void *context, int64_t chunk, int worker) {
    (void)worker;
    ((bool *)context)[chunk] = da_float_mode_is_ieee();
}

TEST(subnormals_are_kept_by_every_thread) {
    CHECK(da_float_mode_is_ieee());
    for (int threads = 1; threads <= 8; threads++) {
        bool kept[CHUNKS] = { false };
        da_threads_set(threads);
        da_parallel_for(CHUNKS, INT64_MAX, look, kept);
        for (int i = 0; i < CHUNKS; i++) CHECK(kept[i]);
    }
    da_threads_set(0);
}

/* The graph says so when the calling thread is in another mode: flushing (what -ffast-math sets at start-up), or
   another rounding. */
static void check_refused(const char *mode) {
    da_graph *graph = NULL;
    if (da_float_mode_is_ieee()) test_fail(__FILE__, __LINE__, "%s goes unnoticed", mode);
    da_status status = da_graph_new(&graph);
    fesetenv(FE_DFL_ENV);
    CHECK_INT(status, DA_ERROR_NUMERIC);
    CHECK(strstr(da_error_message(), "-ffast-math") != NULL && graph == NULL);
    CHECK(da_float_mode_is_ieee());
}

TEST(subnormals_flushed_by_the_mode_are_refused) {
#if defined(__x86_64__)
    const unsigned flushes[2] = { 0x8000u, 0x0040u }; /* of MXCSR: results, operands */
    for (int i = 0; i < 2; i++) {
        __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | flushes[i]);
        check_refused(i ? "denormals-are-zero" : "flush-to-zero");
    }
#elif defined(__aarch64__)
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    __asm__ volatile("msr fpcr, %0" : : "r"(mode | (uint64_t)1 << 24));
    check_refused("flush-to-zero");
#else
    SKIP("how this processor is told to flush is not known here");
#endif
}

TEST(subnormals_rounding_other_than_to_nearest_is_refused) {
    const int modes[] = {
#ifdef FE_UPWARD
        FE_UPWARD,
#endif
#ifdef FE_DOWNWARD
        FE_DOWNWARD,
#endif
#ifdef FE_TOWARDZERO
        FE_TOWARDZERO,
#endif
    };
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        CHECK_INT(fesetround(modes[i]), 0);
        check_refused("rounding");
    }
}

/* A state without gradient decays to zero and not to a subnormal number that it never leaves. */
TEST(subnormals_do_not_stay_in_the_states_of_optimizers) {
    const da_sgd_update sgd = { .rate = 0.1f, .momentum = 0.9f, .scale = 1 };
    const da_adam_update adam = { .beta1 = 0.9f, .beta2 = 0.999f, .fresh1 = 0.1f, .fresh2 = 0.001f, .rate = 0.1f,
                                  .root_correction = 1, .epsilon = 1e-8f, .keep = 1, .scale = 1 };
    for (const da_kernels *const *table = da_kernels_list(); *table; table++) {
        float w[4] = { 1, 1, 1, 1 }, g[4] = { 0 };
        float v[4] = { 1, -1, 1e-3f, 0 }, m[4] = { 1, -1, 1, 0 }, s[4] = { 1, 1, 1, 0 };
        for (int i = 0; i < 1000; i++) (*table)->sgd_update(&sgd, 4, w, g, v);
        for (int i = 0; i < 90000; i++) (*table)->adam_update(&adam, 4, w, g, m, s);
        for (int i = 0; i < 4; i++) CHECK(v[i] == 0 && m[i] == 0 && s[i] == 0);
    }
}
