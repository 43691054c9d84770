/* Memory that will be needed soon, asked for a few lines at a time while products are computed.
 *
 * An image that comes from memory would leave the arithmetic waiting, and so would asking for all of it at once: what
 * the hardware can keep track of is a few dozen lines, and every load behind them waits as well. So the lines are spread
 * over the tiles of all products that are computed meanwhile.
 */
#ifndef DA_CORE_KERNELS_AHEAD_H
#define DA_CORE_KERNELS_AHEAD_H

#include <stddef.h>
#include <stdint.h>

enum { DAI_AHEAD_ARRAYS = 4, DAI_LINE_FLOATS = 16 };

/* Floats at..end-1 of arrays of one shape; the rest of the array pointers are NULL. */
typedef struct dai_stream { const float *arrays[DAI_AHEAD_ARRAYS]; int64_t at, end, goal, step; } dai_stream;

typedef struct dai_ahead {
    dai_stream read[2], write; /* write: of one array, and will be written */
    int64_t products;          /* among so many contractions what is left is shared */
} dai_ahead;

/* One array, from `at` to `end`; NULL: nothing. */
static inline dai_stream dai_stream_over(const float *array, int64_t at, int64_t end) {
    return (dai_stream){ .arrays = { array }, .at = at, .end = array ? end : at };
}

static inline void dai_stream_share(dai_stream *s, int64_t steps) {
    s->step = (s->end - s->at + steps - 1) / steps;
    s->goal = s->at;
}

/* A contraction of so many steps begins; one without any does not count among the products. What is left behind the last
   of them is asked for in the next step. */
static inline void dai_ahead_begin(dai_ahead *ahead, int64_t steps) {
    if (steps == 0) return;
    const int64_t all = ahead->products > 0 ? steps * ahead->products : 1;
    ahead->products--;
    dai_stream_share(&ahead->read[0], all);
    dai_stream_share(&ahead->read[1], all);
    dai_stream_share(&ahead->write, all);
}

static inline __attribute__((always_inline)) void dai_stream_step(dai_stream *s, const int write) {
    s->goal = s->goal + s->step < s->end ? s->goal + s->step : s->end;
    for (; s->at < s->goal; s->at += DAI_LINE_FLOATS)
        for (int a = 0; a < DAI_AHEAD_ARRAYS && s->arrays[a]; a++)
            if (write) __builtin_prefetch(s->arrays[a] + s->at, 1, 2);
            else __builtin_prefetch(s->arrays[a] + s->at, 0, 2);
}

static inline __attribute__((always_inline)) void dai_ahead_step(dai_ahead *ahead) {
    dai_stream_step(&ahead->read[0], 0);
    dai_stream_step(&ahead->read[1], 0);
    dai_stream_step(&ahead->write, 1);
}

#endif
