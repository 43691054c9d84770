/* One word holds the state of the loop: a number for each loop, how many threads share it, how many of them have joined,
 * whether it is open.
 *
 *     | loop number (40 bits) | threads - 1 (8 bits) | joined (15 bits) | open (1 bit) |
 *
 * Joining is a compare-and-swap on that word, so nobody joins a closed loop, one he has already left or one that has no
 * use for him, and the fields of the loop are written only while it is closed and nobody is in it.
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

#define SPIN_SECONDS DA_SIZE(1e-4, 1e-9)
enum { PAUSES = 32 }; /* between two looks at the clock */
#define OPEN    UINT64_C(1)
#define JOINED  UINT64_C(2)
#define THREADS (UINT64_C(1) << 16)
#define LOOP    (UINT64_C(1) << 24)

/* A run of chunks: the first that nobody has taken, and the end. */
typedef struct run { _Alignas(64) atomic_int_fast64_t next; int64_t end; } run;

static struct team {
    atomic_uint_fast64_t state;
    run runs[DA_MAX_THREADS];        /* of the loop, one for each of its threads; so are the next three */
    da_chunk_body *body;
    void *context;
    int threads;
    int started;                     /* workers there are; changed by the caller that holds `busy` */
    atomic_bool asleep[DA_MAX_THREADS], caller_sleeps; /* asleep: each worker, by his number */
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

/* A question about the state of the loop, asked again and again for a tenth of a millisecond; false: still no. */
typedef bool question(uint64_t state, const void *asker);

static bool spin_until(question *is_so, const void *asker) {
    const double begin = da_seconds();
    do
        for (int i = 0; i < PAUSES; i++) {
            if (is_so(atomic_load(&team.state), asker)) return true;
            PAUSE();
        }
    while (da_seconds() - begin < SPIN_SECONDS);
    return false;
}

/* ---- Workers ---- */

typedef struct member { int number; uint64_t last; } member; /* last: the loop that he has left */

static uint64_t loop_of(uint64_t state) { return state / LOOP; }

/* An open loop that he has not been in and that has a use for him. */
static bool is_joinable(uint64_t state, const void *asker) {
    const member *m = asker;
    return (state & OPEN) && loop_of(state) != m->last && state % LOOP / THREADS >= (uint64_t)m->number;
}

static void wait_for_loop(const member *m) {
    if (spin_until(is_joinable, m)) return;
    pthread_mutex_lock(&team.lock);
    atomic_exchange(&team.asleep[m->number], true);
    while (!is_joinable(atomic_load(&team.state), m)) pthread_cond_wait(&team.opened, &team.lock);
    atomic_store(&team.asleep[m->number], false);
    pthread_mutex_unlock(&team.lock);
}

static void leave(void) {
    const uint64_t before = atomic_fetch_sub(&team.state, JOINED);
    if (before % THREADS / JOINED > 1 || !atomic_load(&team.caller_sleeps)) return;
    pthread_mutex_lock(&team.lock);
    pthread_cond_signal(&team.left);
    pthread_mutex_unlock(&team.lock);
}

static void *work(void *number) {
    for (member me = { (int)(intptr_t)number, 0 };;) {
        wait_for_loop(&me);
        uint64_t state = atomic_load(&team.state);
        if (!is_joinable(state, &me) || !atomic_compare_exchange_strong(&team.state, &state, state + JOINED)) continue;
        me.last = loop_of(state);
        take_chunks(me.number);
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

static bool is_empty(uint64_t state, const void *asker) {
    (void)asker;
    return state % THREADS < JOINED;
}

static void wait_until_left(void) {
    if (spin_until(is_empty, NULL)) return;
    pthread_mutex_lock(&team.lock);
    atomic_exchange(&team.caller_sleeps, true); /* no plain store: an emulator may delay one behind the next load */
    while (!is_empty(atomic_load(&team.state), NULL)) pthread_cond_wait(&team.left, &team.lock);
    atomic_store(&team.caller_sleeps, false);
    pthread_mutex_unlock(&team.lock);
}

static bool any_asleep(int threads) {
    for (int t = 1; t < threads; t++)
        if (atomic_load(&team.asleep[t])) return true;
    return false;
}

/* The next loop's number, for so many threads, open; of what was before the number alone is left. */
static void open_loop(int threads) {
    const uint64_t number = loop_of(atomic_load_explicit(&team.state, memory_order_relaxed)) + 1;
    atomic_exchange(&team.state, number * LOOP + (uint64_t)(threads - 1) * THREADS + OPEN);
}

static void run_loop(int threads, int64_t chunks, bool wake, da_chunk_body *body, void *context) {
    start_workers(threads);
    team.body = body;
    team.context = context;
    team.threads = threads;
    for (int t = 0; t < threads; t++) {
        atomic_store_explicit(&team.runs[t].next, da_chunk_begin(chunks, threads, t), memory_order_relaxed);
        team.runs[t].end = da_chunk_begin(chunks, threads, t + 1);
    }
    open_loop(threads);
    if (wake && any_asleep(threads)) {
        pthread_mutex_lock(&team.lock);
        pthread_cond_broadcast(&team.opened);
        pthread_mutex_unlock(&team.lock);
    }
    take_chunks(0);
    atomic_fetch_sub(&team.state, OPEN);
    wait_until_left();
}

bool dai_team_run(int threads, int64_t chunks, bool wake, da_chunk_body *body, void *context) {
    if (pthread_mutex_trylock(&team.busy) != 0) return false;
    run_loop(threads, chunks, wake, body, context);
    pthread_mutex_unlock(&team.busy);
    return true;
}
