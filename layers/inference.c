/* A graph for each worker. A graph takes its memory with the first group it computes: on the calling thread, where a
 * failure can be told, one worker's after the other; the loop over all other groups takes none. */
#include "layers/inference.h"

#include "core/memory.h"
#include "core/parallel.h"
#include "core/tiny.h"

#include <string.h>

/* Images a group: so many that the largest output of a unit fits the second-level cache beside what it is made from, and
   enough to use a weight well; whole groups of 16 where images are lanes. */
enum { CACHE_FLOATS = DA_SIZE(1 << 17, 1), LEAST_GROUP = DA_SIZE(8, 3), MOST_GROUP = 64, LANES = 16 };

struct da_inference {
    da_model *model;
    int64_t group, work;                /* work: of an image, in nanoseconds */
    int64_t least;                      /* images that take as long as reading the weights for them */
    da_graph *graphs[DA_MAX_THREADS];
    int64_t served[DA_MAX_THREADS];     /* images a group that a graph has memory for */
    da_status status[DA_MAX_THREADS];   /* the first failure of each worker in a loop; there should be none */
    const da_tensor *images;            /* of the running call, and its groups */
    float *logits;
    int64_t size, first;                /* images a group; the loop's first group */
};

static int64_t volume(int ndim, const int64_t *shape) {
    int64_t count = 1;
    for (int d = 0; d < ndim; d++) count *= shape[d];
    return count;
}

static int64_t group_for(const da_model *model) {
    int64_t most = volume(3, model->input_shape);
    for (int i = 0; i < model->unit_count; i++) {
        const int64_t count = volume(model->units[i]->out_ndim, model->units[i]->out_shape);
        if (count > most) most = count;
    }
    const int64_t group = CACHE_FLOATS / most;
    if (group < LANES) return group < LEAST_GROUP ? LEAST_GROUP : group;
    return group > MOST_GROUP ? MOST_GROUP : group / LANES * LANES;
}

da_status da_inference_new(da_inference **inference, da_model *model) {
    da_model_size size;
    DA_TRY(da_model_measure(model, &size, NULL));
    da_inference *made = da_alloc_zero(1, sizeof *made);
    if (!made) return DA_ERROR_MEMORY;
    made->model = model;
    made->group = group_for(model);
    made->work = da_work_of_products(size.multiply_adds) + da_work_of_floats(size.activation_bytes / 4);
    made->least = da_work_of_floats(size.parameters / 2) / (made->work + 1) + 1;
    *inference = made;
    return DA_OK;
}

void da_inference_free(da_inference *inference) {
    if (!inference) return;
    for (int i = 0; i < DA_MAX_THREADS; i++) da_graph_free(inference->graphs[i]);
    da_free(inference);
}

static da_status infer_group(da_inference *run, int worker, int64_t group) {
    const int64_t *shape = run->model->input_shape, image = volume(3, shape), classes = run->model->classes;
    const int64_t first = group * run->size, left = run->images->shape[0] - first,
        count = left < run->size ? left : run->size;
    da_graph *graph = run->graphs[worker];
    da_tensor images = da_tensor_over(da_tensor_floats(run->images) + first * image, DA_FLOAT32, 4,
                                      (int64_t[]){ count, shape[0], shape[1], shape[2] });
    da_forward forward = { .graph = graph };
    da_graph_reset(graph);
    const da_tensor *rows = da_node_value(da_model_forward(run->model, &forward, da_graph_input(graph, &images)));
    DA_TRY(da_graph_status(graph));
    if (rows->ndim != 2 || rows->shape[1] != classes) {
        char text[96];
        return DA_FAIL(DA_ERROR_SHAPE, "the model '%s' gives %s for %lld images: %lldx%lld is expected",
                       run->model->architecture, da_shape_text(text, rows->ndim, rows->shape), (long long)count,
                       (long long)count, (long long)classes);
    }
    memcpy(run->logits + first * classes, rows->data, da_tensor_bytes(rows));
    da_graph_reset(graph);
    if (run->served[worker] < count) run->served[worker] = count;
    return DA_OK;
}

static void infer_chunk(void *context, int64_t chunk, int worker) {
    da_inference *run = context;
    if (run->status[worker] == DA_OK) run->status[worker] = infer_group(run, worker, run->first + chunk);
}

/* Gives a worker's graph memory for whole groups, with the next group of this call. */
static da_status serve(da_inference *run, int worker) {
    if (run->served[worker] >= run->size) return DA_OK;
    if (!run->graphs[worker]) {
        DA_TRY(da_graph_new(&run->graphs[worker]));
        da_graph_set_recording(run->graphs[worker], false);
    }
    return infer_group(run, worker, run->first++);
}

da_status da_infer(da_inference *run, const da_tensor *images, float *logits) {
    char seen[96], wanted[96];
    if (images->ndim != 4 || memcmp(images->shape + 1, run->model->input_shape, 3 * sizeof *images->shape) != 0)
        return DA_FAIL(DA_ERROR_SHAPE, "the images are %s, the model '%s' takes N images of %s",
                       da_shape_text(seen, images->ndim, images->shape), run->model->architecture,
                       da_shape_text(wanted, 3, run->model->input_shape));
    const int64_t n = images->shape[0], threads = da_threads();
    int64_t share = (n + threads - 1) / threads;
    if (share < run->least) share = n; /* threads share the loops of the operations instead */
    run->images = images;
    run->logits = logits;
    run->first = 0;
    run->size = share < run->group && share > 0 ? share : run->group;
    const int64_t groups = (n + run->size - 1) / run->size;
    for (int w = 0; w < threads && run->first < groups; w++) DA_TRY(serve(run, w));
    memset(run->status, 0, sizeof run->status);
    da_parallel_for(groups - run->first, (n - run->first * run->size) * run->work, infer_chunk, run);
    for (int i = 0; i < DA_MAX_THREADS; i++)
        if (run->status[i] != DA_OK) return DA_FAIL(run->status[i], "inference of '%s': no memory", run->model->architecture);
    return DA_OK;
}
