/* Algorithm 1: cut a chain of layers where similarity falls below a threshold. */
#include "deeparc/partition.h"
#include "core/memory.h"

#include <math.h>
#include <string.h>

static const double TOLERANCE = 1e-3; /* of symmetry and of the diagonal: matrices may come from files */
static const double ROUNDING = 1e-12; /* of a mean: three pairs of .95 must reach .95 */

static const char *const linkage_names[] = { "adjacent", "mean", "min" };

const char *da_linkage_name(da_linkage linkage) { return linkage_names[linkage]; }

da_status da_linkage_parse(da_linkage *linkage, const char *name) {
    for (int l = DA_LINKAGE_ADJACENT; l <= DA_LINKAGE_MIN; l++)
        if (strcmp(name, linkage_names[l]) == 0) {
            *linkage = (da_linkage)l;
            return DA_OK;
        }
    return DA_FAIL(DA_ERROR_ARGUMENT, "linkage '%s' is unknown: adjacent, mean or min", name);
}

static da_status check_entry(const double *matrix, int layers, int i, int j) {
    double value = matrix[(int64_t)i * layers + j], mirror = matrix[(int64_t)j * layers + i];
    if (!isfinite(value))
        return DA_FAIL(DA_ERROR_NUMERIC, "similarity matrix: entry (%d, %d) is %g: every similarity must be finite", i,
                       j, value);
    if (i == j && fabs(value - 1) > TOLERANCE)
        return DA_FAIL(DA_ERROR_NUMERIC, "similarity matrix: entry (%d, %d) is %g: the diagonal of a similarity is 1",
                       i, j, value);
    if (fabs(value) > 1 + TOLERANCE)
        return DA_FAIL(DA_ERROR_NUMERIC, "similarity matrix: entry (%d, %d) is %g: similarities lie in -1..1", i, j,
                       value);
    if (fabs(value - mirror) > TOLERANCE)
        return DA_FAIL(DA_ERROR_NUMERIC,
                       "similarity matrix: entry (%d, %d) is %g but (%d, %d) is %g: it must be symmetric", i, j, value,
                       j, i, mirror);
    return DA_OK;
}

da_status da_partition_check_matrix(const double *matrix, int layers) {
    if (layers < 1) return DA_FAIL(DA_ERROR_ARGUMENT, "similarity matrix: %d layers: at least 1 is needed", layers);
    for (int i = 0; i < layers; i++)
        for (int j = 0; j < layers; j++) DA_TRY(check_entry(matrix, layers, i, j));
    return DA_OK;
}

/* What is known of the open module: begin, and sum and minimum over its pairs. */
typedef struct open_module { int begin; double sum, least; } open_module;

/* The module as it would be with layer `next`. */
static open_module extend(const open_module *m, const double *matrix, int layers, int next) {
    open_module with = *m;
    for (int i = m->begin; i < next; i++) {
        double value = matrix[(int64_t)i * layers + next];
        with.sum += value;
        if (value < with.least) with.least = value;
    }
    return with;
}

static bool reaches(const open_module *with, const double *matrix, int layers, int next, double threshold,
                    da_linkage linkage) {
    double size = next - with->begin + 1, pairs = size * (size - 1) / 2;
    switch (linkage) {
    case DA_LINKAGE_MEAN: return with->sum >= (threshold - ROUNDING) * pairs;
    case DA_LINKAGE_MIN:  return with->least >= threshold;
    case DA_LINKAGE_ADJACENT: break;
    }
    return matrix[(int64_t)(next - 1) * layers + next] > threshold;
}

da_status da_partition_extract(const double *matrix, int layers, double threshold, da_linkage linkage,
                               da_partition *out) {
    if (!(threshold >= 0 && threshold <= 1))
        return DA_FAIL(DA_ERROR_ARGUMENT, "threshold %g: a similarity threshold lies in 0..1, as 0.95", threshold);
    DA_TRY(da_partition_check_matrix(matrix, layers));
    da_partition made = { .layers = layers, .modules = 1 };
    made.module = da_alloc_zero((size_t)layers, sizeof *made.module);
    if (!made.module) return DA_ERROR_MEMORY;
    open_module open = { 0, 0, HUGE_VAL };
    for (int next = 1; next < layers; next++) {
        open_module with = extend(&open, matrix, layers, next);
        if (reaches(&with, matrix, layers, next, threshold, linkage)) {
            open = with;
            continue;
        }
        made.module[made.modules - 1].end = next;
        made.module[made.modules++].begin = next;
        open = (open_module){ next, 0, HUGE_VAL };
    }
    made.module[made.modules - 1].end = layers;
    *out = made;
    return DA_OK;
}

void da_partition_free(da_partition *partition) {
    if (!partition) return;
    da_free(partition->module);
    memset(partition, 0, sizeof *partition);
}

int da_partition_module_of(const da_partition *partition, int layer) {
    for (int m = 0; m < partition->modules; m++)
        if (layer >= partition->module[m].begin && layer < partition->module[m].end) return m;
    return -1;
}

bool da_partition_is_alone(const da_partition *partition, int module) {
    return partition->module[module].end - partition->module[module].begin == 1;
}

bool da_partition_is_edge(const da_partition *partition, int layer) {
    if (!partition || layer <= 0 || layer >= partition->layers) return false;
    int before = da_partition_module_of(partition, layer - 1), after = da_partition_module_of(partition, layer);
    return before != after && !(da_partition_is_alone(partition, before) && da_partition_is_alone(partition, after));
}

da_modularity da_partition_modularity(const da_partition *partition) {
    double layers = partition->layers, modules = partition->modules, covered = 0;
    for (int m = 0; m < partition->modules; m++)
        if (!da_partition_is_alone(partition, m)) covered += partition->module[m].end - partition->module[m].begin;
    return (da_modularity){ (layers - modules) / layers, (layers + 1 - modules) / (layers + 1), covered / layers };
}

double da_partition_msrs(const double *matrix, int layers, double threshold) {
    double count = 0;
    for (int i = 0; i < layers; i++)
        for (int j = i + 1; j < layers; j++)
            count += (tanh(100 * (matrix[(int64_t)i * layers + j] - threshold)) + 1) / 2;
    return count;
}

bool da_partition_is_transition(const char *before, const char *name) {
    size_t stage_before = strcspn(before, "."), stage = strcspn(name, ".");
    if (!before[stage_before] || !name[stage]) return false;
    return stage != stage_before || memcmp(before, name, stage) != 0;
}
