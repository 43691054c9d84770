/* Parallel loops on threads of our own (team.h), or OpenMP's, or none. */
#include "core/parallel.h"

#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

#if defined(_OPENMP)
#include <omp.h>
#elif defined(DA_OWN_THREADS)
#include "core/machine.h"
#include "core/team.h"
#endif

static atomic_int thread_count; /* 0: not chosen yet */

static int processors(void) {
#if defined(_OPENMP)
    return omp_get_num_procs();
#elif defined(DA_OWN_THREADS)
    return da_machine_usable();
#else
    return 1;
#endif
}

const char *da_threads_kind(void) {
#if defined(_OPENMP)
    return "OpenMP";
#elif defined(DA_OWN_THREADS)
    return "own threads";
#else
    return "no threads";
#endif
}

bool da_threads_available(void) {
#if defined(_OPENMP) || defined(DA_OWN_THREADS)
    return true;
#else
    return false;
#endif
}

static int within_bounds(int threads) {
    if (threads < 1 || !da_threads_available()) threads = processors();
    return threads > DA_MAX_THREADS ? DA_MAX_THREADS : threads;
}

int da_threads_set(int threads) {
    threads = within_bounds(threads);
    atomic_store(&thread_count, threads);
    return threads;
}

/* Nanoseconds of work that make it worth for a thread to come, and to wake one. Threads that wait awake begin and end a
   loop within half a microsecond; one that sleeps comes some 20 later, and waking it takes the caller 5. Builds that look
   for faults share every loop. */
#if defined(DA_SANITIZED) || defined(DA_TINY)
enum { SHARE = 0, WAKE = 0 };
#else
enum { SHARE = 4000, WAKE = 25000 };
#endif

static _Thread_local bool inside; /* this thread computes a chunk of a loop that others share */

/* Threads that come first at once choose the same; who set a number meanwhile has the last word. */
int da_threads(void) {
    if (inside) return 1;
    int now = atomic_load_explicit(&thread_count, memory_order_acquire);
    if (now > 0) return now;
    const int all = within_bounds(0);
    return atomic_compare_exchange_strong(&thread_count, &now, all) ? all : now;
}

static da_loop_observer *loop_observer;
static void *observer_context;

void da_parallel_observe(da_loop_observer *observer, void *context) {
    loop_observer = observer;
    observer_context = context;
}

typedef struct shared_loop { da_chunk_body *body; void *context; } shared_loop;

static void shared_chunk(void *context, int64_t chunk, int worker) {
    const shared_loop *loop = context;
    inside = true;
    loop->body(loop->context, chunk, worker);
    inside = false;
}

static int threads_for(int64_t chunks, int64_t work) {
    int threads = da_threads();
    if (threads > chunks) threads = (int)chunks;
    while (threads > 1 && work < (int64_t)threads * SHARE) threads--;
    return threads;
}

static void run(int64_t chunks, int64_t work, da_chunk_body *body, void *context) {
    const int threads = threads_for(chunks, work);
#if defined(_OPENMP)
    shared_loop loop = { body, context };
    if (threads > 1) {
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
        for (int64_t chunk = 0; chunk < chunks; chunk++) shared_chunk(&loop, chunk, omp_get_thread_num());
        return;
    }
#elif defined(DA_OWN_THREADS)
    shared_loop loop = { body, context };
    if (threads > 1 && dai_team_run(threads, chunks, work >= WAKE, shared_chunk, &loop)) return;
#else
    (void)shared_chunk, (void)threads;
#endif
    for (int64_t chunk = 0; chunk < chunks; chunk++) body(context, chunk, 0);
}

void da_parallel_for(int64_t chunks, int64_t work, da_chunk_body *body, void *context) {
    if (loop_observer) loop_observer(observer_context, chunks, false);
    run(chunks, work, body, context);
    if (loop_observer) loop_observer(observer_context, chunks, true);
}

double da_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}
