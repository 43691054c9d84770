/* Winograd's convolution of a run of images, in groups of tiles whose transforms stay in the cache:
 *
 *     group of tiles ──input──▶ V  ──one product a point──▶ M ──output──▶ y
 *
 * The products run through the contraction of contract.h: rows are tiles, columns are the channels of the output.
 */
#include "core/kernels/winograd.h"

#include "core/kernels/images.h"
#include "core/parallel.h"
#include "core/tiny.h"

/* GROUP tiles are rows enough to use every number of U (and, for the gradient, of the sums) well once it has come from
   memory; at 64 channels V and M then just fill a second-level cache. Points are a cache line further apart than their
   numbers need, so that the same tile of all points does not fall into one set of the cache. */
enum { GROUP = DA_SIZE(64, 5) };

static int64_t run_tiles(const dai_winograd *run) {
    return run->images * ((run->oh + run->tile - 1) / run->tile) * ((run->ow + run->tile - 1) / run->tile);
}

static int64_t group_tiles(const dai_winograd *run) { return run_tiles(run) < GROUP ? run_tiles(run) : GROUP; }

static int64_t point_stride(int64_t tiles, int64_t channels) { return round_up(tiles * channels + DAI_LINE_FLOATS - 1); }

int64_t dai_winograd_products(const dai_winograd *run) {
    return dai_winograd_points(run->tile) * ((run_tiles(run) + GROUP - 1) / GROUP);
}

int64_t dai_winograd_scratch(const dai_winograd *run) {
    const int64_t tiles = group_tiles(run);
    return dai_winograd_points(run->tile) * (point_stride(tiles, run->c) + point_stride(tiles, run->k));
}

/* The product of the first point, then of all others: what they read and write lies the strides further on. */
static void multiply_points(const da_kernels *kernels, const dai_winograd *run, da_contraction product,
                            int64_t length, int64_t a_stride, int64_t b_stride, int64_t c_stride) {
    const da_segment whole = { .length = length };
    product.segments = &whole;
    product.segment_count = product.bands = 1;
    product.ahead = run->ahead;
    for (int64_t p = 0; p < dai_winograd_points(run->tile); p++) {
        kernels->contract(&product);
        product.a += a_stride;
        product.b += b_stride;
        product.c += c_stride;
    }
}

void dai_winograd_images(const da_kernels *kernels, const dai_winograd *run, const float *framed, const float *u,
                         const float *bias, float *y, float *scratch) {
    if (!kernels->winograd) {
        dai_winograd_images_reference(run, framed, u, bias, y, scratch);
        return;
    }
    const int64_t points = dai_winograd_points(run->tile), tiles = run_tiles(run), most = group_tiles(run),
                  groups = (tiles + most - 1) / most, v_stride = point_stride(most, run->c),
                  m_stride = point_stride(most, run->k), u_stride = dai_winograd_weight_stride(run->c, run->k);
    float *v = scratch, *m = scratch + points * v_stride;
    for (int64_t group = 0; group < groups; group++) {
        const int64_t first = da_chunk_begin(tiles, groups, group),
                      count = da_chunk_begin(tiles, groups, group + 1) - first;
        kernels->winograd->input(run, first, count, framed, v, v_stride);
        multiply_points(kernels, run,
                        (da_contraction){ .m = count, .n = run->k, .a = v, .a_row = run->c, .a_step = 1, .b = u,
                                           .b_step = run->k, .c = m, .c_row = run->k },
                        run->c, v_stride, u_stride, m_stride);
        kernels->winograd->output(run, first, count, m, m_stride, bias, y);
    }
}

void dai_winograd_gradient(const da_kernels *kernels, const dai_winograd *run, const float *framed, const float *dy,
                           bool accumulate, float *sums, float *scratch) {
    if (!kernels->winograd) {
        dai_winograd_gradient_reference(run, framed, dy, accumulate, sums, scratch);
        return;
    }
    const int64_t points = dai_winograd_points(run->tile), tiles = run_tiles(run), most = group_tiles(run),
                  groups = (tiles + most - 1) / most, v_stride = point_stride(most, run->c),
                  z_stride = point_stride(most, run->k), u_stride = dai_winograd_weight_stride(run->c, run->k);
    float *v = scratch, *z = scratch + points * v_stride;
    for (int64_t group = 0; group < groups; group++) {
        const int64_t first = da_chunk_begin(tiles, groups, group),
                      count = da_chunk_begin(tiles, groups, group + 1) - first;
        kernels->winograd->input(run, first, count, framed, v, v_stride);
        kernels->winograd->gradient(run, first, count, dy, z, z_stride);
        multiply_points(kernels, run,
                        (da_contraction){ .m = run->c, .n = run->k, .a = v, .a_row = 1, .a_step = run->c, .b = z,
                                           .b_step = run->k, .c = sums, .c_row = run->k,
                                           .accumulate = accumulate || group > 0 },
                        count, v_stride, z_stride, u_stride);
    }
}

/* The weights, in parallel: plain ones in runs of neighbours, turned ones in square blocks. */
enum { RUN = DA_SIZE(1024, 17), BLOCK = DA_SIZE(16, 3) };
typedef struct weight_job {
    const dai_winograd_transforms *transforms;
    int tile; int64_t c, k; const float *w; float *u;
} weight_job;

static int64_t work_of_weights(int tile, int64_t c, int64_t k) {
    return da_work_of_floats(2 * dai_winograd_weight_floats(tile, c, k));
}

static void transform_run(void *context, int64_t chunk, int worker) {
    (void)worker;
    const weight_job *job = context;
    const int64_t all = job->c * job->k, first = chunk * RUN;
    job->transforms->weights(job->tile, smallest(RUN, all - first), job->w + first, all, job->u + first,
                             dai_winograd_weight_stride(job->c, job->k));
}

static void transform_turned_block(void *context, int64_t chunk, int worker) {
    (void)worker;
    const weight_job *job = context;
    const int64_t c = job->c, k = job->k, across = (c + BLOCK - 1) / BLOCK, k0 = chunk / across * BLOCK,
                  c0 = chunk % across * BLOCK, ks = smallest(BLOCK, k - k0), cs = smallest(BLOCK, c - c0);
    float turned[9][BLOCK][BLOCK];
    for (int tap = 0; tap < 9; tap++)
        for (int64_t i = 0; i < cs; i++)
            for (int64_t j = 0; j < ks; j++) turned[8 - tap][j][i] = job->w[(tap * c + c0 + i) * k + k0 + j];
    for (int64_t j = 0; j < ks; j++)
        job->transforms->weights(job->tile, cs, turned[0][j], BLOCK * BLOCK, job->u + (k0 + j) * c + c0,
                                 dai_winograd_weight_stride(c, k));
}

void dai_winograd_transform_weights(const da_kernels *kernels, int tile, int64_t c, int64_t k, const float *w,
                                    float *u) {
    weight_job job = { kernels->winograd, tile, c, k, w, u };
    const int64_t work = work_of_weights(tile, c, k);
    if (!job.transforms) dai_winograd_transform_weights_reference(tile, c, k, w, u);
    else da_parallel_for((c * k + RUN - 1) / RUN, work, transform_run, &job);
}

void dai_winograd_transform_turned_weights(const da_kernels *kernels, int tile, int64_t c, int64_t k, const float *w,
                                           float *u) {
    weight_job job = { kernels->winograd, tile, c, k, w, u };
    const int64_t work = work_of_weights(tile, c, k);
    if (!job.transforms) dai_winograd_transform_turned_weights_reference(tile, c, k, w, u);
    else da_parallel_for(((c + BLOCK - 1) / BLOCK) * ((k + BLOCK - 1) / BLOCK), work, transform_turned_block, &job);
}

typedef struct collect_job {
    const dai_winograd_transforms *transforms;
    int tile; int64_t c, k, slices; const float *sums; float *dw;
} collect_job;

static void collect_run(void *context, int64_t chunk, int worker) {
    (void)worker;
    const collect_job *job = context;
    const int64_t all = job->c * job->k, first = chunk * RUN;
    job->transforms->collect(job->tile, smallest(RUN, all - first), job->slices, job->sums + first,
                             dai_winograd_weight_floats(job->tile, job->c, job->k),
                             dai_winograd_weight_stride(job->c, job->k), job->dw + first, all);
}

void dai_winograd_collect_gradient(const da_kernels *kernels, int tile, int64_t c, int64_t k, int64_t slices,
                                   const float *sums, float *dw) {
    collect_job job = { kernels->winograd, tile, c, k, slices, sums, dw };
    if (!job.transforms) dai_winograd_collect_gradient_reference(tile, c, k, slices, sums, dw);
    else da_parallel_for((c * k + RUN - 1) / RUN, slices * work_of_weights(tile, c, k), collect_run, &job);
}
