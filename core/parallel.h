/* Fixed-chunk parallel loops. Work is cut into chunks that depend on the problem alone; threads only decide who
 * computes a chunk, so the result has the same bits on any number of threads. Built without threads
 * (make OPENMP=0) the loop runs serially. */
#ifndef DA_CORE_PARALLEL_H
#define DA_CORE_PARALLEL_H

#include "core/api.h"

#include <stdbool.h>
#include <stdint.h>

DA_C_BEGIN

enum { DA_MAX_THREADS = 256 };

/* How many threads loops may use: 1..DA_MAX_THREADS; 0 = as many as the machine offers. Returns the number in force.
   To be set while no operation runs: scratch memory is taken for the number there was. */
int  da_threads_set(int threads);
int  da_threads(void); /* inside a chunk of a shared loop: 1, since a loop within it runs on its caller alone */
bool da_threads_available(void);  /* false when built without threads */
const char *da_threads_kind(void); /* "own threads", "OpenMP" or "no threads": whose the build uses */

/* Calls body(context, chunk, worker) once for every chunk 0..chunks-1. worker (0..da_threads()-1) names the caller's
   private scratch memory. body must not allocate and cannot fail. work: about how many nanoseconds all chunks take one
   thread. A thread that has less than some microseconds to do costs more than its help: the work decides how many
   threads share the loop, and whether those that sleep are woken for it. */
typedef void da_chunk_body(void *context, int64_t chunk, int worker);
void da_parallel_for(int64_t chunks, int64_t work, da_chunk_body *body, void *context);

/* Work of a product, and of a pass over so many floats: what a core of today does, within a factor of two or three. */
static inline int64_t da_work_of_products(int64_t multiply_adds) { return multiply_adds / 32; }
static inline int64_t da_work_of_floats(int64_t floats)          { return floats / 4; }

/* For measurements: from now on the observer is told when a loop of so many chunks begins and when it has ended, on the
   thread that runs the loop. NULL: no longer. To be set while no loop runs. */
typedef void da_loop_observer(void *context, int64_t chunks, bool ended);
void da_parallel_observe(da_loop_observer *observer, void *context);

/* A monotonic clock, for progress and logs only. */
double da_seconds(void);

/* Chunk `chunk` of `chunks` near-equal runs of 0..count-1, half-open. */
static inline int64_t da_chunk_begin(int64_t count, int64_t chunks, int64_t chunk) { return count * chunk / chunks; }

DA_C_END

#endif
