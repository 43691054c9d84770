/* Parallel loops: every chunk once, workers with numbers of their own, loops within and beside others. */
#include "tests/unit/test.h"
#include "core/graph.h"
#include "core/kernels/kernels.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "deeparc/attack.h"
#include "deeparc/measure.h"
#include "layers/zoo.h"
#include "optim/trainer.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

enum { MOST_CHUNKS = 300 };

typedef struct tally { atomic_int done[MOST_CHUNKS], busy[DA_MAX_THREADS], mistakes; int threads; } tally;

/* Counts the chunk; nobody else may have this worker's number meanwhile. */
static void count_chunk(void *context, int64_t chunk, int worker) {
    tally *t = context;
    if (worker < 0 || worker >= t->threads || atomic_fetch_add(&t->busy[worker], 1) != 0)
        atomic_fetch_add(&t->mistakes, 1);
    atomic_fetch_add(&t->done[chunk], 1);
    for (volatile int i = 0; i < 50 * (int)(chunk % 7); i++) { } /* chunks of different length */
    atomic_fetch_sub(&t->busy[worker], 1);
}

/* Whether a loop of so many chunks does each of them once. */
static bool is_complete(int64_t chunks) {
    static _Thread_local tally t;
    memset(&t, 0, sizeof t);
    t.threads = da_threads();
    da_parallel_for(chunks, INT64_MAX, count_chunk, &t);
    for (int64_t i = 0; i < chunks; i++)
        if (t.done[i] != 1) return false;
    return t.mistakes == 0;
}

TEST(parallel_loops_do_every_chunk_once) {
    for (int threads = 1; threads <= 8; threads++) {
        da_threads_set(threads);
        for (int round = 0; round < 200; round++) CHECK(is_complete(round % MOST_CHUNKS));
    }
    da_threads_set(0);
}

static void note_worker(void *context, int64_t chunk, int worker) {
    (void)chunk;
    if (worker > 0) atomic_fetch_add((atomic_int *)context, 1);
}

TEST(parallel_loops_too_short_to_share_run_alone) {
#if defined(DA_SANITIZED) || defined(DA_TINY)
    SKIP("builds that look for faults share every loop");
#endif
    if (!da_threads_available()) SKIP("built without threads");
    atomic_int elsewhere = 0;
    da_threads_set(4);
    for (int round = 0; round < 20; round++) CHECK(is_complete(64)); /* the others are awake */
    for (int round = 0; round < 2000; round++) da_parallel_for(64, da_work_of_floats(1000), note_worker, &elsewhere);
    CHECK_INT(elsewhere, 0);
    da_threads_set(0);
}

static double processor_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* Three threads that waited awake for these 80 ms would take two processors or more. */
TEST(parallel_threads_without_work_go_to_sleep_and_come_back) {
    if (strcmp(da_threads_kind(), "own threads") != 0) SKIP("not our own threads");
    da_threads_set(4);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 20; i++) CHECK(is_complete(64));
        const double before = processor_ms();
        nanosleep(&(struct timespec){ .tv_nsec = 80000000 }, NULL);
        CHECK(processor_ms() - before < 20);
    }
    da_threads_set(0);
}

static void loop_within(void *context, int64_t chunk, int worker) {
    (void)chunk, (void)worker;
    if (!is_complete(11)) atomic_fetch_add((atomic_int *)context, 1);
}

TEST(parallel_loops_may_be_nested) {
    atomic_int incomplete = 0;
    da_threads_set(4);
    for (int round = 0; round < 50; round++) da_parallel_for(9, INT64_MAX, loop_within, &incomplete);
    CHECK_INT(incomplete, 0);
    da_threads_set(0);
}

/* Chunk 0 lasts until all others are done, so whoever has it must be helped with the rest of his part. */
enum { HELPED = 8, PATIENCE = 60 };

static void wait_for_others(void *context, int64_t chunk, int worker) {
    atomic_int *done = context;
    const time_t begin = time(NULL);
    (void)worker;
    while (chunk == 0 && atomic_load(done) < HELPED - 1 && time(NULL) - begin < PATIENCE) sched_yield();
    if (chunk > 0 || atomic_load(done) == HELPED - 1) atomic_fetch_add(done, 1);
}

TEST(parallel_loops_help_a_thread_that_is_behind) {
    if (!da_threads_available()) SKIP("built without threads");
    da_threads_set(2);
    for (int round = 0; round < 20 && !test_failed(); round++) {
        atomic_int done = 0;
        da_parallel_for(HELPED, INT64_MAX, wait_for_others, &done);
        CHECK_INT(done, HELPED);
    }
    da_threads_set(0);
}

static void *loops_beside(void *incomplete) {
    for (int round = 0; round < 300; round++)
        if (!is_complete(13)) atomic_fetch_add((atomic_int *)incomplete, 1);
    return NULL;
}

TEST(parallel_loops_may_run_beside_each_other) {
    atomic_int incomplete = 0;
    pthread_t thread[2];
    da_threads_set(3);
    for (int i = 0; i < 2; i++) CHECK(pthread_create(&thread[i], NULL, loops_beside, &incomplete) == 0);
    loops_beside(&incomplete);
    for (int i = 0; i < 2; i++) pthread_join(thread[i], NULL);
    CHECK_INT(incomplete, 0);
    da_threads_set(0);
}

/* Under ThreadSanitizer and alone in its process (make tsan) both threads find nothing chosen yet. */
typedef struct newcomer { atomic_int *waiting; const da_kernels *kernels; int threads; float sum; } newcomer;

static void *come_first(void *context) {
    newcomer *me = context;
    float x[4] = { 1, 2, 3, 4 };
    da_tensor t = da_tensor_over(x, DA_FLOAT32, 2, (int64_t[]){ 2, 2 });
    da_graph *graph = NULL;
    atomic_fetch_sub(me->waiting, 1);
    while (atomic_load(me->waiting) > 0) sched_yield();
    me->kernels = da_kernels_active();
    me->threads = da_threads();
    CHECK_OK(da_graph_new(&graph));
    da_node *a = da_graph_input(graph, &t);
    me->sum = da_node_scalar(da_sum(graph, da_matmul(graph, a, da_relu(graph, a)), 0, false));
    da_graph_free(graph);
    return NULL;
}

TEST(parallel_threads_that_come_first_at_once_agree) {
    atomic_int waiting = 2;
    newcomer who[2] = { { .waiting = &waiting }, { .waiting = &waiting } };
    pthread_t thread[2];
    for (int i = 0; i < 2; i++) CHECK(pthread_create(&thread[i], NULL, come_first, &who[i]) == 0);
    for (int i = 0; i < 2; i++) pthread_join(thread[i], NULL);
    CHECK(who[0].kernels && who[0].kernels == who[1].kernels && who[0].threads == who[1].threads);
    CHECK_CLOSE(who[0].sum, 54, 0);
    CHECK_CLOSE(who[1].sum, 54, 0);
}

/* ---- Bodies of loops take no memory: the heap is called as often when the outermost loop ends as when it begins ---- */

typedef struct heap_watch { atomic_int depth; int64_t before, calls; int loops; } heap_watch;

static void watch_heap(void *context, int64_t chunks, bool ended) {
    heap_watch *w = context;
    (void)chunks;
    if (!ended && atomic_fetch_add(&w->depth, 1) == 0) w->before = da_memory().calls;
    if (ended && atomic_fetch_sub(&w->depth, 1) == 1) {
        w->calls += da_memory().calls - w->before;
        w->loops++;
    }
}

TEST(parallel_bodies_take_no_memory) {
    da_dataset data;
    da_model *model = NULL;
    da_measurement m = { 0 };
    da_evaluation seen;
    da_attack_result attacked;
    da_trainer_options o = da_trainer_defaults();
    heap_watch watch = { 0 };
    CHECK_OK(da_dataset_load(&data, "digits", DA_TRAIN, NULL, &(da_dataset_options){ .count = 90, .seed = 1 }));
    CHECK_OK(da_zoo_build(&model, "resnet8x0.5", (int64_t[]){ 28, 28, 1 }, 10, NULL));
    CHECK_OK(da_model_initialize(model, DA_INIT_HE, 1));
    o.epochs = 1, o.batch = 16, o.validation = 20, o.augmentation.pad = 2;
    da_threads_set(3);
    da_parallel_observe(watch_heap, &watch);
    CHECK_OK(da_train(model, &data, &o, NULL));
    CHECK_OK(da_evaluate(model, &data, 64, NULL, &seen));
    CHECK_OK(da_measure(model, &data, &(da_measure_options){ .batch = 32 }, &m));
    CHECK_OK(da_attack_evaluate(model, &data, &(da_attack_options){ .kind = DA_ATTACK_PGD, .epsilon = 0.01, .steps = 2 }, 20,
                                8, NULL, &attacked));
    da_parallel_observe(NULL, NULL);
    da_threads_set(0);
    CHECK(watch.loops > 100);
    CHECK_INT(watch.calls, 0);
    da_measurement_free(&m);
    da_model_free(model);
    da_dataset_free(&data);
}
