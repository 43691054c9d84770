/* deeparc bench: how fast networks and kernels are on this machine, beside the fused multiply-adds it can do at all. */
#include "deeparc/cli/bench.h"

#include "core/kernels/kernels.h"
#include "core/memory.h"
#include "core/parallel.h"

#include <math.h>
#include <stdlib.h>

static const cli_option options[] = {
    { .name = "model", .kind = CLI_TEXT, .value = "M", .file = CLI_READS,
      .help = "mlp, lenet, smallcnn, vgg11, resnet20, resnet110, ..., or a checkpoint; without it: the kernels" },
    { .name = "mode", .kind = CLI_CHOICE, .value = "train|infer", .help = "what a step of the model is (train)" },
    CONV_OPTION,
    { .name = "batch", .kind = CLI_INT, .value = "N", .initial = "128", .low = 1, .high = 1e6,
      .help = "images in a step" },
    { .name = "seconds", .kind = CLI_REAL, .value = "S", .initial = "6", .low = 0.001, .high = 1e6,
      .help = "to measure for, after a warm-up of at most one second" },
    { .name = "repetitions", .kind = CLI_INT, .value = "N", .initial = "9", .low = 1, .high = BENCH_MOST_REPETITIONS,
      .help = "parts of that time; results are their median" },
    { .name = "data-dir", .kind = CLI_TEXT, .value = "DIR", .help = "look there first for MNIST and CIFAR-10" },
    { .name = NULL }
};

/* ---- The meter. ---- */

bench_meter bench_meter_new(double seconds, int repetitions, int64_t most_steps) {
    return (bench_meter){ .warm = seconds < 1 ? seconds : 1, .seconds = seconds, .repetitions = repetitions,
                          .most_steps = most_steps, .begin = da_seconds() };
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The first step is the one that takes memory: the clock of the warm-up begins after it. */
static bool warm(bench_meter *m) {
    if (m->steps == 1) m->begin = da_seconds();
    if (m->most_steps > 0 && m->steps >= m->most_steps / 4) return true;
    return m->steps >= 3 && da_seconds() - m->begin >= m->warm;
}

/* As many steps as will take a repetition's share of the time, going by the warm-up. */
static int64_t steps_of_repetition(const bench_meter *m) {
    double rate = (double)(m->steps - 1) / (da_seconds() - m->begin), wanted = rate * m->seconds / m->repetitions;
    int64_t steps = !(wanted >= 1) ? 1 : wanted > 1e12 ? (int64_t)1e12 : (int64_t)wanted;
    int64_t possible = m->most_steps > 0 ? (m->most_steps - m->steps) / m->repetitions : steps;
    return steps < possible ? steps : possible;
}

bool bench_meter_step(bench_meter *m) {
    m->steps++;
    if (m->each == 0) {
        if (!warm(m)) return false;
        m->each = m->left = steps_of_repetition(m);
        m->heap_calls = da_memory().calls;
        m->begin = da_seconds();
        return false;
    }
    if (--m->left > 0) return false;
    double now = da_seconds();
    m->rate[m->done++] = (double)m->each / (now - m->begin);
    m->begin = now;
    m->left = m->each;
    if (m->done < m->repetitions) return false;
    m->heap_calls = da_memory().calls - m->heap_calls;
    qsort(m->rate, (size_t)m->repetitions, sizeof *m->rate, ascending);
    return true;
}

/* ---- The peak. ---- */

typedef struct sprint { int64_t rounds, flops[DA_MAX_THREADS]; float rest[DA_MAX_THREADS]; } sprint;

static void run_chains(void *context, int64_t chunk, int worker) {
    sprint *s = context;
    (void)worker;
    s->flops[chunk] = da_kernels_active()->peak(s->rounds, &s->rest[chunk]);
}

/* The chains on all threads at once, or on this one alone: operations a second, in 10^9. */
static double sprint_speed(sprint *s, int threads) {
    double begin = da_seconds(), flops = 0;
    da_parallel_for(threads, INT64_MAX, run_chains, s);
    double seconds = da_seconds() - begin;
    for (int t = 0; t < threads; t++) flops += (double)s->flops[t];
    return flops / seconds / 1e9;
}

/* The best of many tries, each some milliseconds long: on a machine that others use, few are left alone. */
double bench_peak(void) {
    sprint s = { .rounds = 1 << 12 };
    double alone = 0, best = 0;
    for (int i = 0; i < 20; i++) alone = fmax(alone, sprint_speed(&s, 1));
    s.rounds = (int64_t)((double)s.rounds * 0.005 * alone * 1e9 / (double)s.flops[0]) + 1;
    double begin = da_seconds();
    for (int tries = 0; tries < 5 || da_seconds() - begin < 0.25; tries++)
        best = fmax(best, sprint_speed(&s, da_threads()));
    return best;
}

/* ---- The command. ---- */

static da_status run(cli *c) {
    bool model = cli_has(c, "model");
    static const char *const of_models[] = { "mode", "data-dir", "conv", "seed" };
    for (int i = 0; i < 4 && !model; i++)
        if (cli_given(c, of_models[i]))
            return cli_usage(c, "--%s has no effect on the kernels: add --model M", of_models[i]);
    cli_banner(c);
    return model ? bench_network(c) : bench_kernels(c);
}

const cli_command cli_bench = {
    .name = "bench", .purpose = "measure the speed of a network, or of the kernels", .arguments = "",
    .example = "bench --model lenet --mode train --threads 2", .tables = CLI_SEED, .options = options, .run = run,
    .notes = "A training step is what `train` does, with a momentum of 0.9 and a weight decay of 1e-4: making a\n"
             "batch of bytes, forward, loss, backward, update, over 32 batches of real data where they are found\n"
             "(MNIST, CIFAR-10), else of drawn digits or noise. Inference is making a batch, and forward.\n"
             "GFLOP/s count two operations for every multiply-add of convolutions and linear layers, and are\n"
             "compared with the peak of fused multiply-adds that is measured in the same run."
};
