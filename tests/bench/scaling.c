/* How a training step would scale on more threads than this machine has, by simulation.
 *
 *     on one thread    serial | a loop: 128 chunks       | serial | another: 9 chunks   | serial
 *     on T threads     serial | 128 / T, rounded up      | serial | 9 / T, rounded up    | serial
 *
 * One step is run on one thread and every parallel loop of it timed. Chunks are taken to be equal, so a loop of c
 * chunks that took t takes t * ceil(c / T) / c on T threads; what lies between the loops takes as long as before, and a
 * loop that is shared costs a fixed time to begin and end. Memory bandwidth is taken to grow with the threads: the
 * result is a bound from the way work is cut, nothing else.
 *
 * Usage: build/scaling [BATCH]      (128)        prints a table a network
 */
#include "core/memory.h"
#include "core/parallel.h"
#include "core/random.h"
#include "layers/zoo.h"
#include "optim/optimizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MOST_LOOPS = 1 << 14, SIDE = 32, CHANNELS = 3, CLASSES = 10, REPEATS = 5 };
#define START_SECONDS 5e-6 /* a team of threads begins and ends a loop, on some tens of cores */

typedef struct loop { int64_t chunks; double seconds; } loop; /* seconds: the least of the repetitions */

typedef struct step {
    loop loops[MOST_LOOPS];
    int count, repeats;
    double begin, serial, last_end; /* serial: between the loops, the least of the repetitions */
    double between;
} step;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Loops inside loops do not happen: beginnings and ends alternate. */
static void observe(void *context, int64_t chunks, bool ended) {
    step *s = context;
    const double t = now();
    if (!ended) {
        s->between += t - s->last_end;
        s->begin = t;
        return;
    }
    if (s->count < MOST_LOOPS) {
        loop *l = &s->loops[s->count++];
        if (s->repeats == 0 || t - s->begin < l->seconds) l->seconds = t - s->begin;
        l->chunks = chunks;
    }
    s->last_end = now();
}

static double on_threads(const step *s, int threads) {
    double total = s->serial;
    for (int i = 0; i < s->count; i++) {
        const int64_t chunks = s->loops[i].chunks;
        if (chunks < 1) continue;
        total += s->loops[i].seconds * (double)((chunks + threads - 1) / threads) / (double)chunks;
        if (threads > 1 && chunks > 1) total += START_SECONDS;
    }
    return total;
}

/* Seconds in loops of low..high chunks. */
static double in_loops(const step *s, int64_t low, int64_t high) {
    double total = 0;
    for (int i = 0; i < s->count; i++)
        if (s->loops[i].chunks >= low && s->loops[i].chunks <= high) total += s->loops[i].seconds;
    return total;
}

static void print(const char *name, const step *s) {
    const double one = on_threads(s, 1);
    printf("%s: %.1f ms on one thread, %d loops; between loops %.2f %%, in loops of one chunk %.2f %%, 2-15 %.2f %%, "
           "16-63 %.2f %%, 64-127 %.2f %%, 128 and more %.2f %%\n",
           name, 1e3 * one, s->count, 100 * s->serial / one, 100 * in_loops(s, 0, 1) / one,
           100 * in_loops(s, 2, 15) / one, 100 * in_loops(s, 16, 63) / one, 100 * in_loops(s, 64, 127) / one,
           100 * in_loops(s, 128, INT64_MAX) / one);
    printf("  threads    longest path ms   times one thread   share of the threads\n");
    for (int threads = 1; threads <= 64; threads *= 2) {
        const double time = on_threads(s, threads);
        printf("  %7d    %15.2f   %16.1f   %18.0f %%\n", threads, 1e3 * time, one / time, 100 * one / time / threads);
    }
}

typedef struct training {
    da_model *model;
    da_graph *graph;
    da_optimizer *optimizer;
    da_tensor images;
    uint8_t *labels;
} training;

static da_status run_step(training *t, uint64_t number) {
    da_forward forward = { .graph = t->graph, .training = true, .seed = 1, .step = number };
    da_graph_reset(t->graph);
    da_node *logits = da_model_forward(t->model, &forward, da_graph_input(t->graph, &t->images));
    DA_TRY(da_graph_backward(t->graph, da_cross_entropy(t->graph, logits, t->labels, 0)));
    return da_optimizer_step(t->optimizer, 0.01f, NULL);
}

static da_status measure(training *t, step *s) {
    DA_TRY(run_step(t, 0)); /* takes the memory */
    for (s->repeats = 0; s->repeats < REPEATS; s->repeats++) {
        s->count = 0;
        s->between = 0;
        da_parallel_observe(observe, s);
        s->last_end = now();
        da_status status = run_step(t, 1 + (uint64_t)s->repeats);
        s->between += now() - s->last_end;
        da_parallel_observe(NULL, NULL);
        DA_TRY(status);
        if (s->repeats == 0 || s->between < s->serial) s->serial = s->between;
    }
    return DA_OK;
}

static da_status prepare(training *t, const char *name, int64_t batch) {
    const da_optimizer_options options = da_optimizer_defaults(DA_SGD);
    DA_TRY(da_zoo_build(&t->model, name, (int64_t[]){ SIDE, SIDE, CHANNELS }, CLASSES, NULL));
    DA_TRY(da_model_initialize(t->model, DA_INIT_HE, 1));
    DA_TRY(da_graph_new(&t->graph));
    DA_TRY(da_optimizer_new(&t->optimizer, t->model, &options, NULL, 0));
    DA_TRY(da_tensor_init(&t->images, DA_FLOAT32, 4, (int64_t[]){ batch, SIDE, SIDE, CHANNELS }));
    for (int64_t i = 0; i < da_tensor_count(&t->images); i++)
        da_tensor_floats(&t->images)[i] = da_random_normal(1, 1, (uint64_t)i);
    t->labels = da_alloc((size_t)batch);
    if (!t->labels) return DA_ERROR_MEMORY;
    for (int64_t i = 0; i < batch; i++) t->labels[i] = (uint8_t)(i % CLASSES);
    return DA_OK;
}

int main(int argc, char **argv) {
    static const char *const names[] = { "resnet20", "resnet56", "resnet110" };
    static step s;
    const int64_t batch = argc > 1 ? strtol(argv[1], NULL, 10) : 128;
    da_status status = DA_OK;
    da_threads_set(1);
    for (int i = 0; i < 3 && status == DA_OK; i++) {
        training t = { 0 };
        status = prepare(&t, names[i], batch);
        if (status == DA_OK) status = measure(&t, &s);
        if (status == DA_OK) print(names[i], &s);
        else fprintf(stderr, "scaling: %s\n", da_error_message());
        da_free(t.labels);
        da_tensor_free(&t.images);
        da_optimizer_free(t.optimizer);
        da_graph_free(t.graph);
        da_model_free(t.model);
    }
    return status != DA_OK;
}
