/* Pooling over N H W C: the maximum or the mean of every window, channel by channel.
 *
 *     size 3, stride 2, padding 1, a row of 5 pixels:      . 0 1 2 3 4 .        windows (. 0 1) (1 2 3) (3 4 .)
 *
 * Padding is at most half the window, so every window holds at least one pixel. Forward works on rows of output pixels
 * in parallel; backward on samples, and within one adds the windows in ascending order, so sums do not depend on
 * threads.
 */
#include "core/kernels/kernels.h"
#include "core/operations/loops.h"
#include "core/operations/rows.h"

#include <string.h>

/* saved: where in its window each maximum was, ky * size + kx, exact as a float below 2^24. */
enum { LARGEST_WINDOW = 4095 };

typedef struct pool_work {
    const da_kernels *kernels;
    int64_t h, w, c, oh, ow, size, stride, padding;
    const float *x, *dy;
    float *y, *dx, *where;
} pool_work;

static pool_work make_work(const da_node *node) {
    const int64_t *x = node->input[0]->value.shape, *y = node->value.shape;
    const da_pool_options *o = &node->options.pool;
    return (pool_work) { .kernels = node->kernels, .h = x[1], .w = x[2], .c = x[3], .oh = y[1], .ow = y[2],
                         .size = o->size, .stride = o->stride, .padding = o->padding, .where = node->saved };
}

static void pool_shape(da_node *node) {
    char text[96];
    const da_tensor *x = &node->input[0]->value;
    const da_pool_options *o = &node->options.pool;
    if (!dai_expect_ndim(node, 0, 4, "N H W C")) return;
    if (o->size < 1 || o->size > LARGEST_WINDOW || o->stride < 1 || o->padding < 0 || o->padding > o->size / 2) {
        dai_node_fail(node, DA_ERROR_ARGUMENT,
                      "size %lld, stride %lld, padding %lld: size is 1 to %d, stride at least 1, padding "
                      "at most half of size",
                      (long long)o->size, (long long)o->stride, (long long)o->padding, LARGEST_WINDOW);
        return;
    }
    const int64_t rows = da_window_count(x->shape[1], o->size, o->stride, o->padding),
        columns = da_window_count(x->shape[2], o->size, o->stride, o->padding);
    if (rows == 0 || columns == 0) {
        dai_node_fail(node, DA_ERROR_SHAPE,
                      "a window of %lldx%lld does not fit into %s with padding %lld: take a smaller one",
                      (long long)o->size, (long long)o->size, da_shape_text(text, 4, x->shape), (long long)o->padding);
        return;
    }
    dai_set_shape(node, 4, (int64_t[]) { x->shape[0], rows, columns, x->shape[3] });
}

/* The part of a window that lies on the image: from..to-1 along one side of length n. */
static int64_t window_from(int64_t start) { return start > 0 ? start : 0; }
static int64_t window_to(int64_t start, int64_t size, int64_t n) { return start + size < n ? start + size : n; }

/* Calls visit for every pixel of the window of output pixel (oy, ox), row by row; base is the sample's first pixel. */
typedef void pixel_visit(const pool_work *p, int64_t out, int64_t in, int64_t offset, bool first);

static void visit_window(const pool_work *p, int64_t sample, int64_t oy, int64_t ox, pixel_visit *visit) {
    int64_t top = oy * p->stride - p->padding, left = ox * p->stride - p->padding;
    int64_t out = ((sample * p->oh + oy) * p->ow + ox) * p->c;
    bool first = true;
    for (int64_t iy = window_from(top); iy < window_to(top, p->size, p->h); iy++)
        for (int64_t ix = window_from(left); ix < window_to(left, p->size, p->w); ix++, first = false)
            visit(p, out, ((sample * p->h + iy) * p->w + ix) * p->c, (iy - top) * p->size + ix - left, first);
}

/* ---- max ---- */

static void max_visit(const pool_work *p, int64_t out, int64_t in, int64_t offset, bool first) {
    const float *x = p->x + in;
    float *y = p->y + out, *where = p->where ? p->where + out : NULL, here = (float)offset;
    for (int64_t c = 0; c < p->c; c++) {
        bool better = first || x[c] > y[c] || x[c] != x[c]; /* NaN is not hidden */
        if (where) where[c] = better ? here : where[c];
        y[c] = better ? x[c] : y[c];
    }
}

static void max_back_visit(const pool_work *p, int64_t out, int64_t in, int64_t offset, bool first) {
    const float *dy = p->dy + out, *where = p->where + out;
    float *dx = p->dx + in, here = (float)offset;
    (void)first;
    for (int64_t c = 0; c < p->c; c++) dx[c] += where[c] == here ? dy[c] : 0.0f;
}

/* ---- average ---- */

static void sum_visit(const pool_work *p, int64_t out, int64_t in, int64_t offset, bool first) {
    const float *x = p->x + in;
    float *y = p->y + out;
    (void)offset;
    for (int64_t c = 0; c < p->c; c++) y[c] = first ? x[c] : y[c] + x[c];
}

static void average_back_visit(const pool_work *p, int64_t out, int64_t in, int64_t offset, bool first) {
    const float *dy = p->dy + out;
    float *dx = p->dx + in, area = (float)(p->size * p->size);
    (void)offset, (void)first;
    for (int64_t c = 0; c < p->c; c++) dx[c] += dy[c] / area;
}

/* ---- Both ---- */

static void forward_rows(const pool_work *p, int64_t begin, int64_t end, pixel_visit *visit) {
    for (int64_t row = begin; row < end; row++)
        for (int64_t ox = 0; ox < p->ow; ox++) visit_window(p, row / p->oh, row % p->oh, ox, visit);
}

/* Windows side by side, as they mostly are, are a routine of the kernel table. */
static bool is_tiling(const pool_work *p) { return p->size == p->stride && p->padding == 0; }

static void max_rows(void *context, int64_t begin, int64_t end) {
    const pool_work *p = context;
    if (!is_tiling(p)) {
        forward_rows(p, begin, end, max_visit);
        return;
    }
    for (int64_t row = begin; row < end; row++) {
        const int64_t at = row * p->ow * p->c;
        p->kernels->max_pool(p->size, p->ow, p->c, false,
                             p->x + (row / p->oh * p->h + row % p->oh * p->size) * p->w * p->c, p->w * p->c, p->y + at,
                             p->where ? p->where + at : NULL);
    }
}

static void average_rows(void *context, int64_t begin, int64_t end) {
    const pool_work *p = context;
    float area = (float)(p->size * p->size);
    forward_rows(p, begin, end, sum_visit);
    for (int64_t i = begin * p->ow * p->c; i < end * p->ow * p->c; i++) p->y[i] /= area;
}

static void backward_samples(const pool_work *p, int64_t begin, int64_t end, pixel_visit *visit) {
    int64_t sample_size = p->h * p->w * p->c;
    memset(p->dx + begin * sample_size, 0, (size_t)((end - begin) * sample_size) * sizeof *p->dx);
    for (int64_t row = begin * p->oh; row < end * p->oh; row++)
        for (int64_t ox = 0; ox < p->ow; ox++) visit_window(p, row / p->oh, row % p->oh, ox, visit);
}

static void max_samples(void *context, int64_t begin, int64_t end) {
    const pool_work *p = context;
    if (!is_tiling(p)) {
        backward_samples(p, begin, end, max_back_visit);
        return;
    }
    const int64_t row = p->w * p->c, covered = p->ow * p->size * p->c;
    for (int64_t y = begin * p->h; y < end * p->h; y++) {
        const int64_t oy = y % p->h / p->size, at = (y / p->h * p->oh + oy) * p->ow * p->c;
        float *dx = p->dx + y * row;
        if (oy < p->oh)
            p->kernels->max_pool_backward(p->size, p->ow, p->c, y % p->h % p->size, p->dy + at,
                                          p->where + at, dx);
        memset(dx + (oy < p->oh ? covered : 0), 0, (size_t)(oy < p->oh ? row - covered : row) * sizeof *dx);
    }
}
static void average_samples(void *context, int64_t begin, int64_t end) {
    backward_samples(context, begin, end, average_back_visit);
}

static void pool_forward(da_node *node, dai_run_body *body) {
    pool_work p = make_work(node);
    p.x = dai_input(node, 0);
    p.y = dai_output(node);
    dai_for_runs(node->value.shape[0] * p.oh, dai_rows_per_run(p.ow * p.c * p.size), body, &p);
}

static void pool_backward(da_node *node, dai_run_body *body) {
    pool_work p = make_work(node);
    p.dy = node->gradient;
    p.dx = dai_gradient_begin(node, 0);
    if (p.dx) dai_for_runs(node->value.shape[0], dai_rows_per_run(p.h * p.w * p.c), body, &p);
    dai_gradient_end(node, 0);
}

static void max_pool_shape(da_node *node) {
    pool_shape(node);
    if (!node->poisoned && node->wants_gradient) node->saved_count = da_tensor_count(&node->value);
}

static void max_pool_forward(da_node *node)      { pool_forward(node, max_rows); }
static void max_pool_backward(da_node *node)     { pool_backward(node, max_samples); }
static void average_pool_forward(da_node *node)  { pool_forward(node, average_rows); }
static void average_pool_backward(da_node *node) { pool_backward(node, average_samples); }

/* ---- global average: a mean over the pixels ---- */

static void global_shape(da_node *node) {
    char text[96];
    const da_tensor *x = &node->input[0]->value;
    if (!dai_expect_ndim(node, 0, 4, "N H W C")) return;
    if (x->shape[1] * x->shape[2] == 0)
        dai_node_fail(node, DA_ERROR_SHAPE, "%s has no pixels to average", da_shape_text(text, 4, x->shape));
    else
        dai_set_shape(node, 2, (int64_t[]) { x->shape[0], x->shape[3] });
}

static void global_forward(da_node *node) {
    const int64_t *s = node->input[0]->value.shape;
    float *y = dai_output(node), area = (float)(s[1] * s[2]);
    if (!dai_sum_middle(node, s[0], s[1] * s[2], s[3], dai_input(node, 0), y)) return;
    for (int64_t i = 0; i < s[0] * s[3]; i++) y[i] /= area;
}

typedef struct global_work { int64_t pixels, c; const float *dy; float *dx; } global_work;

static void global_samples(void *context, int64_t begin, int64_t end) {
    const global_work *g = context;
    float area = (float)g->pixels;
    for (int64_t n = begin; n < end; n++) {
        float *dx = g->dx + n * g->pixels * g->c, *first = dx;
        for (int64_t c = 0; c < g->c; c++) dx[c] = g->dy[n * g->c + c] / area;
        for (int64_t p = 1; p < g->pixels; p++) memcpy(dx += g->c, first, (size_t)g->c * sizeof *dx);
    }
}

static void global_backward(da_node *node) {
    const int64_t *s = node->input[0]->value.shape;
    global_work g = { s[1] * s[2], s[3], node->gradient, dai_gradient_begin(node, 0) };
    if (g.dx) dai_for_runs(s[0], dai_rows_per_run(g.pixels * g.c), global_samples, &g);
    dai_gradient_end(node, 0);
}

const da_operation dai_operation_max_pool = {
    .name = "max_pool", .inputs_least = 1, .inputs_most = 1,
    .shape = max_pool_shape, .forward = max_pool_forward, .backward = max_pool_backward
};
const da_operation dai_operation_average_pool = {
    .name = "average_pool", .inputs_least = 1, .inputs_most = 1,
    .shape = pool_shape, .forward = average_pool_forward, .backward = average_pool_backward
};
const da_operation dai_operation_global_average_pool = {
    .name = "global_average_pool", .inputs_least = 1, .inputs_most = 1,
    .shape = global_shape, .forward = global_forward, .backward = global_backward
};

da_node *da_max_pool(da_graph *g, da_node *x, da_pool_options pool) {
    dai_options options = { .pool = pool };
    return dai_node_new(g, &dai_operation_max_pool, &x, 1, &options);
}
da_node *da_average_pool(da_graph *g, da_node *x, da_pool_options pool) {
    dai_options options = { .pool = pool };
    return dai_node_new(g, &dai_operation_average_pool, &x, 1, &options);
}
da_node *da_global_average_pool(da_graph *g, da_node *x) {
    return dai_node_new(g, &dai_operation_global_average_pool, &x, 1, NULL);
}
