/* Inside `deeparc bench`: how time is taken.
 *
 *     | warm-up ............ | repetition 0 | repetition 1 | ... | repetition R-1 |       each of equally many steps
 *       caches, buffers and    └─ seconds / R ─┘
 *       the clock settle
 *
 * Steps a second are those of the median repetition: one that the machine was busy with something else in has no say.
 */
#ifndef DA_DEEPARC_CLI_BENCH_H
#define DA_DEEPARC_CLI_BENCH_H

#include "deeparc/cli/cli.h"

enum { BENCH_MOST_REPETITIONS = 101 };

typedef struct bench_meter {
    double  warm, seconds;      /* how long to warm up, how long to measure */
    int     repetitions;
    int64_t most_steps;         /* in all, when the measured cannot go on for ever; 0: no limit */
    int64_t steps;              /* so far, warm-up included */
    int64_t each, left;         /* steps of a repetition, 0 while warming up; those left of the one that runs */
    int     done;               /* repetitions */
    double  begin;              /* of the warm-up, then of the repetition, on the clock */
    int64_t heap_calls;         /* before the repetitions; at the end, during them */
    double  rate[BENCH_MOST_REPETITIONS]; /* steps a second; in ascending order at the end */
} bench_meter;

/* repetitions: at least 1. */
bench_meter bench_meter_new(double seconds, int repetitions, int64_t most_steps);
/* After every step; true when all repetitions are done. */
bool        bench_meter_step(bench_meter *meter);
/* Of a meter that is done: steps a second of the median repetition, and heap calls a step. */
static inline double bench_meter_median(const bench_meter *m) { return m->rate[m->repetitions / 2]; }
static inline double bench_meter_heap_calls(const bench_meter *m) {
    return (double)m->heap_calls / (double)(m->each * m->repetitions);
}

/* The most floating-point operations a second that the kernels in force reach on all threads, in 10^9, in a quarter of
   a second. */
double      bench_peak(void);

da_status   bench_network(cli *c);
da_status   bench_kernels(cli *c);

#endif
