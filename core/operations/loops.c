/* Runs, strided copies and sums. */
#include "core/operations/loops.h"
#include "core/parallel.h"

#include <math.h>
#include <string.h>

typedef struct runs { dai_run_body *body; void *context; int64_t count, run; } runs;

static void one_run(void *context, int64_t chunk, int worker) {
    const runs *r = context;
    int64_t begin = chunk * r->run, end = begin + r->run;
    (void)worker;
    r->body(r->context, begin, end < r->count ? end : r->count);
}

void dai_for_runs(int64_t count, int64_t run, dai_run_body *body, void *context) {
    runs r = { body, context, count, run };
    da_parallel_for((count + run - 1) / run, da_work_of_floats(2 * count * (DAI_RUN / run)), one_run, &r);
}

/* ---- Fills and strided copies ---- */

typedef struct fill_work { float *to, value; } fill_work;

static void fill_run(void *context, int64_t begin, int64_t end) {
    const fill_work *f = context;
    for (int64_t i = begin; i < end; i++) f->to[i] = f->value;
}

void dai_fill(float *to, int64_t count, float value) {
    fill_work f = { to, value };
    dai_for_runs(count, DAI_RUN, fill_run, &f);
}

/* A strided copy walks rows: the last dimension is a row, the others count the rows like the wheels of an odometer. */
typedef struct strided { int64_t size, dst, src; } strided; /* a dimension and its strides */

typedef struct copy {
    int ndim;
    strided dimension[DA_MAX_DIMS];
    float *dst;
    const float *src;
} copy;

static void copy_row(const strided *row, float *dst, const float *src) {
    if (row->dst == 1 && row->src == 1) memcpy(dst, src, (size_t)row->size * sizeof *dst);
    else for (int64_t i = 0; i < row->size; i++) dst[i * row->dst] = src[i * row->src];
}

static void copy_rows(void *context, int64_t begin, int64_t end) {
    const copy *c = context;
    const int rows = c->ndim - 1; /* its place among the dimensions */
    int64_t index[DA_MAX_DIMS], rest = begin;
    float *dst = c->dst;
    const float *src = c->src;
    for (int d = rows - 1; d >= 0; d--) {
        const strided *wheel = &c->dimension[d];
        index[d] = rest % wheel->size;
        rest /= wheel->size;
        dst += index[d] * wheel->dst;
        src += index[d] * wheel->src;
    }
    for (int64_t row = begin; row < end; row++) {
        copy_row(&c->dimension[rows], dst, src);
        for (int d = rows - 1; d >= 0; d--) {
            const strided *wheel = &c->dimension[d];
            dst += wheel->dst;
            src += wheel->src;
            if (++index[d] < wheel->size) break;
            index[d] = 0;
            dst -= wheel->size * wheel->dst;
            src -= wheel->size * wheel->src;
        }
    }
}

/* Neighbouring dimensions that lie without a gap on both sides are one; but the first is left, for threads to share. */
void dai_copy_strided(int ndim, const int64_t *shape, float *dst, const int64_t *dst_stride, const float *src,
                      const int64_t *src_stride) {
    copy c = { 0, { { 0 } }, dst, src };
    int64_t rows = 1;
    for (int d = 0; d < ndim; d++) {
        const strided here = { shape[d], dst_stride[d], src_stride[d] };
        strided *last = c.ndim > 1 ? &c.dimension[c.ndim - 1] : NULL;
        if (shape[d] == 0) return;
        if (last && last->dst == here.dst * here.size && last->src == here.src * here.size)
            *last = (strided){ last->size * here.size, here.dst, here.src };
        else c.dimension[c.ndim++] = here;
    }
    if (c.ndim == 0) c.dimension[c.ndim++] = (strided){ 1, 1, 1 };
    for (int d = 0; d < c.ndim - 1; d++) rows *= c.dimension[d].size;
    dai_for_runs(rows, dai_rows_per_run(c.dimension[c.ndim - 1].size), copy_rows, &c);
}

/* ---- Sums ---- */

static float lanes_total(float lane[DAI_LANES]) {
    for (int half = DAI_LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++) lane[l] += lane[l + half];
    return lane[0];
}

float dai_sum_row(const float *x, int64_t n) {
    float lane[DAI_LANES] = { 0 };
    int64_t i = 0;
    for (; i + DAI_LANES <= n; i += DAI_LANES)
        for (int l = 0; l < DAI_LANES; l++) lane[l] += x[i + l];
    for (; i < n; i++) lane[i % DAI_LANES] += x[i];
    return lanes_total(lane);
}

float dai_dot_row(const float *a, const float *b, int64_t n) {
    float lane[DAI_LANES] = { 0 };
    int64_t i = 0;
    for (; i + DAI_LANES <= n; i += DAI_LANES)
        for (int l = 0; l < DAI_LANES; l++) lane[l] = fmaf(a[i + l], b[i + l], lane[l]);
    for (; i < n; i++) lane[i % DAI_LANES] = fmaf(a[i], b[i], lane[i % DAI_LANES]);
    return lanes_total(lane);
}

/* Sums over the middle: outer x slices partial sums of `inner` numbers, a worker each, then added in order. Bits depend
   on how many numbers are a slice. */
enum { SLICE = 16384, LEAST_ROWS = 16 };
typedef struct middle_sum {
    int64_t outer, middle, inner, slice, slices;
    const float *x;
    float *partial; /* outer x slices x inner */
} middle_sum;

static void sum_slices(void *context, int64_t begin, int64_t end) {
    const middle_sum *s = context;
    for (int64_t p = begin; p < end; p++) {
        int64_t first = p % s->slices * s->slice, last = first + s->slice < s->middle ? first + s->slice : s->middle;
        const float *x = s->x + (p / s->slices * s->middle + first) * s->inner;
        float *y = s->partial + p * s->inner;
        if (s->inner == 1) {
            *y = dai_sum_row(x, last - first);
            continue;
        }
        memset(y, 0, (size_t)s->inner * sizeof *y);
        for (int64_t m = first; m < last; m++, x += s->inner)
            for (int64_t i = 0; i < s->inner; i++) y[i] += x[i];
    }
}

bool dai_sum_middle(da_node *node, int64_t outer, int64_t middle, int64_t inner, const float *x, float *y) {
    if (outer * inner == 0) return true;
    if (middle == 0) {
        memset(y, 0, (size_t)(outer * inner) * sizeof *y);
        return true;
    }
    middle_sum s = { .outer = outer, .middle = middle, .inner = inner, .slice = SLICE / inner, .x = x };
    if (s.slice < LEAST_ROWS) s.slice = LEAST_ROWS;
    s.slices = (middle + s.slice - 1) / s.slice;
    s.partial = s.slices == 1 ? y : dai_scratch(node, outer * s.slices * inner);
    if (!s.partial) return false;
    int64_t together = dai_rows_per_run((s.slice < middle ? s.slice : middle) * inner);
    dai_for_runs(outer * s.slices, together, sum_slices, &s);
    if (s.slices == 1) return true;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t p = 0; p < s.slices; p++) {
            const float *from = s.partial + (o * s.slices + p) * inner;
            for (int64_t i = 0; i < inner; i++) y[o * inner + i] = p ? y[o * inner + i] + from[i] : from[i];
        }
    return true;
}

/* One group of neighbouring axes after the other, from the right, so that each is a sum over the middle. */
bool dai_sum_axes(da_node *node, int ndim, const int64_t *shape, unsigned axes, const float *x, float *y) {
    int64_t outer = 1, inner = 1;
    unsigned left = axes & ((1u << ndim) - 1u);
    for (int d = 0; d < ndim; d++) outer *= shape[d];
    if (!left || outer == 0) {
        int64_t kept = 1;
        for (int d = 0; d < ndim; d++) kept *= axes >> d & 1u ? 1 : shape[d];
        if (outer) memcpy(y, x, (size_t)outer * sizeof *y);
        else memset(y, 0, (size_t)kept * sizeof *y);
        return true;
    }
    for (int d = ndim - 1; left; ) {
        while (!(left >> d & 1u)) { inner *= shape[d]; outer /= shape[d]; d--; }
        int64_t middle = 1;
        while (d >= 0 && (left >> d & 1u)) { middle *= shape[d]; outer /= shape[d]; left &= ~(1u << d); d--; }
        float *to = left ? dai_scratch(node, outer * inner) : y;
        if (!to || !dai_sum_middle(node, outer, middle, inner, x, to)) return false;
        x = to;
    }
    return true;
}

void dai_node_fail_as_said(da_node *node, da_status code) {
    const char *message = da_error_message(), *colon = strstr(message, ": ");
    dai_node_fail(node, code, "%s", colon ? colon + 2 : message);
}
