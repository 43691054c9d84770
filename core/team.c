/* One word holds the state of the loop: a number for each loop, how many have joined it, whether it is open.
 *
 *     | loop number (48 bits) | joined (15 bits) | open (1 bit) |
 *
 * Joining is a compare-and-swap on that word, so nobody joins a closed loop or one he has already left, and the fields
 * of the loop are written only while it is closed and nobody is in it.
 *
 * The chunks are dealt out as one run for each thread; the next chunk of a run that nobody has taken is a counter on a
 * cache line of its own. Who has finished his run goes through those of the others.
 */
#include "core/team.h"
#include "core/tiny.h"

#include <pthread.h>
#include <stdatomic.h>

#if defined(__x86_64__)
#define PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define PAUSE() __asm__ volatile("isb")
#else
#define PAUSE() ((void)0)
#endif

enum { SPINS = DA_SIZE(1500, 1) }; /* some tens of microseconds */
#define OPEN   UINT64_C(1)
#define JOINED UINT64_C(2)
#define LOOP   (UINT64_C(1) << 16)

/* A run of chunks: the first that nobody has taken, and the end. */
typedef struct run { _Alignas(64) atomic_int_fast64_t next; int64_t end; } run;

static struct team {
    atomic_uint_fast64_t state;
    run runs[DA_MAX_THREADS];        /* of the loop, one for each of its threads; so are the next three */
    da_chunk_body *body;
    void *context;
    int threads;
    int started;                     /* workers there are; changed by the caller that holds `busy` */
    atomic_int sleepers, caller_sleeps;
    pthread_mutex_t busy;            /* held by the thread whose loop runs */
    pthread_mutex_t lock;            /* for those who sleep */
    pthread_cond_t  opened, left;
} team = { .busy = PTHREAD_MUTEX_INITIALIZER, .lock = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER,
           .left = PTHREAD_COND_INITIALIZER };

static void take_chunks(int worker) {
    for (int i = 0; i < team.threads; i++) {
        run *r = &team.runs[(worker + i) % team.threads];
        for (int64_t chunk; (chunk = atomic_fetch_add(&r->next, 1)) < r->end;) team.body(team.context, chunk, worker);
    }
}

/* ---- Workers ---- */

static uint64_t loop_of(uint64_t state) { return state / LOOP; }
static bool is_joinable(uint64_t state, uint64_t last) { return (state & OPEN) && loop_of(state) != last; }

/* Waits for an open loop that is not `last`. */
static uint64_t wait_for_loop(uint64_t last) {
    uint64_t state;
    for (int i = 0; i < SPINS; i++) {
        if (is_joinable(state = atomic_load(&team.state), last)) return state;
        PAUSE();
    }
    pthread_mutex_lock(&team.lock);
    atomic_fetch_add(&team.sleepers, 1);
    while (!is_joinable(state = atomic_load(&team.state), last)) pthread_cond_wait(&team.opened, &team.lock);
    atomic_fetch_sub(&team.sleepers, 1);
    pthread_mutex_unlock(&team.lock);
    return state;
}

static void leave(void) {
    const uint64_t before = atomic_fetch_sub(&team.state, JOINED);
    if (before % LOOP / JOINED > 1 || !atomic_load(&team.caller_sleeps)) return;
    pthread_mutex_lock(&team.lock);
    pthread_cond_signal(&team.left);
    pthread_mutex_unlock(&team.lock);
}

static void *work(void *number) {
    const int worker = (int)(intptr_t)number;
    for (uint64_t last = 0;;) {
        uint64_t state = wait_for_loop(last);
        if (!atomic_compare_exchange_strong(&team.state, &state, state + JOINED)) continue;
        last = loop_of(state);
        if (worker < team.threads) take_chunks(worker);
        leave();
    }
    return NULL;
}

static void start_workers(int threads) {
    pthread_attr_t detached;
    if (team.started + 1 >= threads || pthread_attr_init(&detached) != 0) return;
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    pthread_t thread;
    while (team.started + 1 < threads &&
           pthread_create(&thread, &detached, work, (void *)(intptr_t)(team.started + 1)) == 0)
        team.started++;
    pthread_attr_destroy(&detached);
}

/* ---- The caller ---- */

static bool is_empty(void) { return atomic_load(&team.state) % LOOP < JOINED; }

static void wait_until_left(void) {
    for (int i = 0; i < SPINS; i++) {
        if (is_empty()) return;
        PAUSE();
    }
    pthread_mutex_lock(&team.lock);
    atomic_exchange(&team.caller_sleeps, 1); /* no plain store: an emulator may delay one behind the next load */
    while (!is_empty()) pthread_cond_wait(&team.left, &team.lock);
    atomic_store(&team.caller_sleeps, 0);
    pthread_mutex_unlock(&team.lock);
}

static void run_loop(int threads, int64_t chunks, da_chunk_body *body, void *context) {
    start_workers(threads);
    team.body = body;
    team.context = context;
    team.threads = threads;
    for (int t = 0; t < threads; t++) {
        atomic_store_explicit(&team.runs[t].next, da_chunk_begin(chunks, threads, t), memory_order_relaxed);
        team.runs[t].end = da_chunk_begin(chunks, threads, t + 1);
    }
    atomic_fetch_add(&team.state, LOOP + OPEN);
    if (atomic_load(&team.sleepers) > 0) {
        pthread_mutex_lock(&team.lock);
        pthread_cond_broadcast(&team.opened);
        pthread_mutex_unlock(&team.lock);
    }
    take_chunks(0);
    atomic_fetch_sub(&team.state, OPEN);
    wait_until_left();
}

bool dai_team_run(int threads, int64_t chunks, da_chunk_body *body, void *context) {
    if (pthread_mutex_trylock(&team.busy) != 0) return false;
    run_loop(threads, chunks, body, context);
    pthread_mutex_unlock(&team.busy);
    return true;
}
