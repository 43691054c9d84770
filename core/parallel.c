/* Parallel loops on OpenMP, or serial ones without it. */
#include "core/parallel.h"

#include <stddef.h>

#ifdef _OPENMP
#include <omp.h>
#endif

static int thread_count = 0; /* 0: not chosen yet */

bool da_threads_available(void) {
#ifdef _OPENMP
    return true;
#else
    return false;
#endif
}

int da_threads_set(int threads) {
#ifdef _OPENMP
    if (threads < 1) threads = omp_get_num_procs();
#else
    threads = 1;
#endif
    thread_count = threads > DA_MAX_THREADS ? DA_MAX_THREADS : threads;
    return thread_count;
}

int da_threads(void) { return thread_count > 0 ? thread_count : da_threads_set(0); }

static da_loop_observer *loop_observer;
static void *observer_context;

void da_parallel_observe(da_loop_observer *observer, void *context) {
    loop_observer = observer;
    observer_context = context;
}

static void run(int64_t chunks, da_chunk_body *body, void *context) {
#ifdef _OPENMP
    int threads = da_threads();
    if (threads > chunks) threads = (int)chunks;
    if (threads > 1) {
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
        for (int64_t chunk = 0; chunk < chunks; chunk++) body(context, chunk, omp_get_thread_num());
        return;
    }
#endif
    for (int64_t chunk = 0; chunk < chunks; chunk++) body(context, chunk, 0);
}

void da_parallel_for(int64_t chunks, da_chunk_body *body, void *context) {
    if (loop_observer) loop_observer(observer_context, chunks, false);
    run(chunks, body, context);
    if (loop_observer) loop_observer(observer_context, chunks, true);
}
