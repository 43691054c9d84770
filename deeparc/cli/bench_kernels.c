/* deeparc bench without a model: the products that networks are made of, each in its three passes.
 *
 *                              forward              backward data        backward weights
 *     convolution N H W C->K   y = conv(x, w)       dx                   dw
 *     linear N D->K            y = x w              dx = dy w'           dw = x' dy
 *
 * A square matrix product is the linear layer with N = D = K: its passes are A B, A B' and A' B.
 */
#include "deeparc/cli/bench.h"

#include "core/kernels/kernels.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/random.h"

#include <stdio.h>

enum { FORWARD, DATA, WEIGHTS, PASSES };
static const char *const pass_names[PASSES] = { "forward", "backward data", "backward weights" };

/* One row of the table. Linear layers: kernel 0, width D, and a batch of their own where it is not 0. */
typedef struct shape { const char *network; int64_t kernel, size, channels, outputs, stride, padding, batch; } shape;

static const shape shapes[] = {
    { "resnet", 3, 32, 3, 16, 1, 1, 0 },   { "resnet", 3, 32, 16, 16, 1, 1, 0 },  { "resnet", 3, 16, 32, 32, 1, 1, 0 },
    { "resnet", 3, 8, 64, 64, 1, 1, 0 },   { "resnet", 3, 32, 16, 32, 2, 1, 0 },  { "resnet", 3, 16, 32, 64, 2, 1, 0 },
    { "resnet", 1, 32, 16, 32, 2, 0, 0 },  { "resnet", 1, 16, 32, 64, 2, 0, 0 },  { "any", 1, 16, 64, 64, 1, 0, 0 },
    { "lenet", 5, 28, 1, 6, 1, 2, 0 },     { "lenet", 5, 14, 6, 16, 1, 0, 0 },    { "smallcnn", 3, 28, 1, 32, 1, 0, 0 },
    { "smallcnn", 3, 26, 32, 64, 1, 0, 0 },
    { "mlp", 0, 0, 784, 512, 0, 0, 0 },    { "mlp", 0, 0, 512, 256, 0, 0, 0 },    { "mlp", 0, 0, 256, 10, 0, 0, 0 },
    { "square", 0, 0, 256, 256, 0, 0, 256 }, { "square", 0, 0, 512, 512, 0, 0, 512 },
    { "square", 0, 0, 1024, 1024, 0, 0, 1024 },
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static da_convolution convolution_of(const shape *s, int64_t batch) {
    da_convolution v = { .n = batch, .h = s->size, .w = s->size, .c = s->channels, .k = s->outputs, .r = s->kernel,
                         .s = s->kernel, .stride = s->stride, .padding = s->padding, .groups = 1 };
    v.oh = v.ow = (s->size + 2 * s->padding - s->kernel) / s->stride + 1;
    return v;
}

static da_matmul_problem product_of(const shape *s, int pass, int64_t n, const float *x, const float *w, float *out) {
    const int64_t d = s->channels, k = s->outputs;
    if (pass == FORWARD) /* x: N D, w: D K */
        return (da_matmul_problem){ .m = n, .n = k, .k = d, .a = x, .a_row = d, .a_column = 1, .b = w, .b_row = k,
                                    .b_column = 1, .c = out, .c_row = k };
    if (pass == DATA) /* x is dy: N K, and w turned */
        return (da_matmul_problem){ .m = n, .n = d, .k = k, .a = x, .a_row = k, .a_column = 1, .b = w, .b_row = 1,
                                    .b_column = k, .c = out, .c_row = d };
    return (da_matmul_problem){ .m = d, .n = k, .k = n, .a = x, .a_row = 1, .a_column = d, .b = w, .b_row = k,
                                .b_column = 1, .c = out, .c_row = k }; /* x turned, w is dy: N K */
}

/* ---- One pass of one shape. ---- */

typedef struct pass_run {
    const shape *shape;
    int     pass;
    int64_t batch;
    float  *x, *w, *y;  /* input, weights, output, or their gradients: the pass reads two and writes the third */
    float  *scratch;
} pass_run;

static da_conv_forward forward_of(const pass_run *r) {
    return (da_conv_forward){ .shape = convolution_of(r->shape, r->batch), .x = { .values = r->x }, .w = r->w,
                              .y = r->y };
}

static da_conv_backward backward_of(const pass_run *r) {
    da_conv_backward conv = { .shape = convolution_of(r->shape, r->batch), .x = { .values = r->x },
                              .dy = { .values = r->y }, .w = r->w };
    if (r->pass == DATA) conv.dx = r->x;
    else conv.dw = r->w;
    return conv;
}

static int64_t convolution_scratch(const pass_run *r) {
    const da_conv_forward forward = forward_of(r);
    const da_conv_backward backward = backward_of(r);
    const da_kernels *kernels = da_kernels_active();
    return r->pass == FORWARD ? da_conv_forward_scratch(kernels, &forward)
                              : da_conv_backward_scratch(kernels, &backward);
}

static void run_convolution(const pass_run *r) {
    const da_conv_forward forward = forward_of(r);
    const da_conv_backward backward = backward_of(r);
    const da_kernels *kernels = da_kernels_active();
    if (r->pass == FORWARD) da_conv_forward_run(kernels, &forward, r->scratch);
    else da_conv_backward_run(kernels, &backward, r->scratch);
}

static da_matmul_problem product(const pass_run *r) {
    if (r->pass == FORWARD) return product_of(r->shape, FORWARD, r->batch, r->x, r->w, r->y);
    if (r->pass == DATA) return product_of(r->shape, DATA, r->batch, r->y, r->w, r->x);
    return product_of(r->shape, WEIGHTS, r->batch, r->x, r->y, r->w);
}

static void run_once(const pass_run *r) {
    if (r->shape->kernel > 0) { run_convolution(r); return; }
    const da_matmul_problem problem = product(r);
    const da_kernels *kernels = da_kernels_active();
    kernels->matmul(kernels, &problem, r->scratch);
}

/* Numbers around zero; they repeat, since drawing millions would take longer than measuring. */
static float *numbers(int64_t count, float scale) {
    enum { PERIOD = 1009 };
    float *x = da_alloc((size_t)count * sizeof *x);
    for (int64_t i = 0; x && i < count; i++)
        x[i] = i < PERIOD ? scale * (da_random_uniform(1, 1, (uint64_t)i) - 0.5f) : x[i - PERIOD];
    return x;
}

/* How many numbers x, w, y and scratch hold, and the multiply-adds of any pass. */
typedef struct sizes { int64_t x, w, y, scratch, multiply_adds; } sizes;

static sizes sizes_of(const pass_run *r) {
    const shape *s = r->shape;
    if (s->kernel == 0) {
        const da_matmul_problem problem = product(r);
        return (sizes){ r->batch * s->channels, s->channels * s->outputs, r->batch * s->outputs,
                        da_matmul_scratch(&problem), r->batch * s->channels * s->outputs };
    }
    const da_convolution v = convolution_of(s, r->batch);
    sizes z = { v.n * v.h * v.w * v.c, v.r * v.s * v.c * v.k, v.n * v.oh * v.ow * v.k, convolution_scratch(r), 0 };
    z.multiply_adds = z.y * v.r * v.s * v.c;
    return z;
}

/* Seconds that a pass takes, by the meter's median. */
static da_status time_pass(pass_run *r, double budget, int repetitions, double *seconds) {
    const sizes z = sizes_of(r);
    r->x = numbers(z.x, 1.0f);
    r->w = numbers(z.w, 0.1f);
    r->y = numbers(z.y, 1.0f);
    r->scratch = da_alloc((size_t)sizes_of(r).scratch * sizeof *r->scratch); /* asks which gradients are wanted */
    da_status status = r->x && r->w && r->y && r->scratch ? DA_OK : DA_ERROR_MEMORY;
    if (status == DA_OK) {
        bench_meter meter = bench_meter_new(budget, repetitions, 0);
        do run_once(r); while (!bench_meter_step(&meter));
        *seconds = 1 / bench_meter_median(&meter);
    }
    da_free(r->x);
    da_free(r->w);
    da_free(r->y);
    da_free(r->scratch);
    return status;
}

/* ---- The table. ---- */

static void name_shape(char *text, size_t room, const shape *s, int64_t batch) {
    if (s->kernel == 0)
        snprintf(text, room, "linear %lldx%lld -> %lld", (long long)batch, (long long)s->channels,
                 (long long)s->outputs);
    else
        snprintf(text, room, "conv %lldx%lld %lldx%lldx%lld -> %lld%s", (long long)s->kernel, (long long)s->kernel,
                 (long long)s->size, (long long)s->size, (long long)s->channels, (long long)s->outputs,
                 s->stride == 2 ? " /2" : "");
}

/* In records a row a pass; in the terminal a row a shape, with the three passes beside each other. */
static da_status measure_shape(cli *c, const shape *s, double budget, double peak, da_result *passes, da_result *table) {
    const int64_t batch = s->batch > 0 ? s->batch : cli_int(c, "batch");
    double ms[PASSES], gflops[PASSES];
    char name[64];
    name_shape(name, sizeof name, s, batch);
    for (int pass = 0; pass < PASSES; pass++) {
        pass_run r = { .shape = s, .pass = pass, .batch = batch };
        double seconds;
        DA_TRY(time_pass(&r, budget, (int)cli_int(c, "repetitions"), &seconds));
        ms[pass] = 1e3 * seconds;
        gflops[pass] = 2 * (double)sizes_of(&r).multiply_adds / seconds / 1e9;
        da_row(passes, da_word(s->network), da_word(name), da_word(pass_names[pass]), da_whole(batch),
               da_real(ms[pass]), da_real(gflops[pass]), da_real(gflops[pass] / peak));
    }
    da_row(table, da_word(s->network), da_word(name), da_real(ms[FORWARD]), da_real(gflops[FORWARD]),
           da_real(gflops[FORWARD] / peak), da_real(ms[DATA]), da_real(gflops[DATA]), da_real(gflops[DATA] / peak),
           da_real(ms[WEIGHTS]), da_real(gflops[WEIGHTS]), da_real(gflops[WEIGHTS] / peak));
    return DA_OK;
}

#define PASS_COLUMNS(name)                                                                                             \
    { .label = name " ms", .format = ".3" }, { .label = "GFLOP/s", .format = ".1" },                                   \
    { .label = "peak", .format = "%.0", .unit = "%" }

da_status bench_kernels(cli *c) {
    static const da_column recorded[] = { { .key = "network" }, { .key = "name" }, { .key = "pass" }, { .key = "batch" },
                                          { .key = "ms" }, { .key = "gflops" }, { .key = "share_of_peak" } };
    static const da_column shown[] = { { .label = "network" }, { .label = "product" }, PASS_COLUMNS("forward"),
                                       PASS_COLUMNS("data"), PASS_COLUMNS("weights") };
    const double peak = bench_peak(), budget = cli_real(c, "seconds") / (SHAPES * PASSES);
    da_result *to = c->result;
    da_result_put(to, "kernels", da_word(da_kernels_active()->name));
    da_result_put(to, "threads", da_whole(da_threads()));
    da_result_put(to, "threads_of", da_word(da_threads_kind()));
    da_result_put(to, "peak_gflops", da_real(peak));
    da_result_say(to, "Multiply-adds alone reach %.1f GFLOP/s: 100 %%. Batch %lld. Forward, and backward to the data and"
                      " to the weights:\n\n", peak, (long long)cli_int(c, "batch"));
    da_result *passes = da_result_table(to, "passes", recorded, sizeof recorded / sizeof *recorded);
    da_result *table = da_result_table(to, NULL, shown, sizeof shown / sizeof *shown);
    for (int s = 0; s < SHAPES; s++) {
        cli_progress(c, "measuring", s, SHAPES);
        DA_TRY(measure_shape(c, &shapes[s], budget, peak, passes, table));
    }
    return DA_OK;
}
