/* Grids, costs, and the published table. */
#include "deeparc/sweep.h"

#include "core/memory.h"

#include <math.h>
#include <string.h>

/* ---- Axes ---- */

static int64_t runs_without(const da_grid *grid, int axis) {
    int64_t runs = 1;
    for (int a = 0; a < grid->axes; a++)
        if (a != axis) runs *= grid->axis[a].count;
    return runs;
}

/* One block: the pointers to the words, then the name, then the words. */
static da_status axis_new(da_axis *out, const char *name, const char *values, char separator) {
    int count = 1;
    for (const char *at = values; *at; at++) count += *at == separator;
    size_t list = (size_t)count * sizeof(char *), length = strlen(name) + 1, text = strlen(values) + 1;
    char *block = da_alloc(list + length + text);
    if (!block) return DA_ERROR_MEMORY;
    da_axis axis = { .values = (char **)(void *)block, .name = block + list, .count = count };
    memcpy(axis.name, name, length);
    char *word = memcpy(axis.name + length, values, text);
    for (int v = 0; v < count; v++) {
        axis.values[v] = word;
        word += strcspn(word, (char[]){ separator, '\0' });
        *word++ = '\0';
    }
    *out = axis;
    return DA_OK;
}

static void axis_free(da_axis *axis) { da_free(axis->values); }

static da_status axis_check(const da_axis *axis, int64_t others) {
    for (int v = 0; v < axis->count; v++) {
        if (!axis->values[v][0]) return DA_FAIL(DA_ERROR_ARGUMENT, "%.60s: an empty value", axis->name);
        for (int w = 0; w < v; w++)
            if (strcmp(axis->values[v], axis->values[w]) == 0)
                return DA_FAIL(DA_ERROR_ARGUMENT, "%.60s: the value %.60s is given twice", axis->name, axis->values[v]);
    }
    if (others * axis->count > DA_MAX_RUNS)
        return DA_FAIL(DA_ERROR_ARGUMENT, "%.60s: this would be more than %d runs", axis->name, DA_MAX_RUNS);
    return DA_OK;
}

da_status da_grid_set(da_grid *grid, const char *name, const char *values, char separator) {
    int place = 0;
    while (place < grid->axes && strcmp(grid->axis[place].name, name) != 0) place++;
    if (place == DA_MAX_AXES) return DA_FAIL(DA_ERROR_ARGUMENT, "more than %d settings", DA_MAX_AXES);
    da_axis axis;
    DA_TRY(axis_new(&axis, name, values, separator));
    da_status status = axis_check(&axis, runs_without(grid, place));
    if (status != DA_OK) {
        axis_free(&axis);
        return status;
    }
    if (place == grid->axes) grid->axes++;
    else axis_free(&grid->axis[place]);
    grid->axis[place] = axis;
    return DA_OK;
}

void da_grid_free(da_grid *grid) {
    for (int a = 0; a < grid->axes; a++) axis_free(&grid->axis[a]);
    memset(grid, 0, sizeof *grid);
}

int64_t da_grid_runs(const da_grid *grid) { return runs_without(grid, -1); }

const char *da_grid_value(const da_grid *grid, int64_t run, int axis) {
    for (int a = grid->axes - 1; a > axis; a--) run /= grid->axis[a].count;
    return grid->axis[axis].values[run % grid->axis[axis].count];
}

/* ---- Costs ---- */

double da_sweep_operations(const da_model *model, int64_t samples, int64_t epochs, int64_t tested, int64_t batch) {
    da_model_size size;
    if (da_model_measure(model, &size, NULL) != DA_OK) return (double)NAN;
    double forward = (double)size.multiply_adds, values = 0;
    for (int u = 0; u < model->unit_count; u++) {
        const da_layer *unit = model->units[u];
        if (unit->options.kind == DA_LAYER_RESIDUAL)
            values += (double)(unit->out_shape[0] * unit->out_shape[1] * unit->out_shape[2]);
    }
    double gram = 2 * values * (double)batch / 2;
    return 3 * forward * (double)samples * (double)epochs + (2 * forward + gram) * (double)tested;
}

/* ---- What was published ---- */

double da_published_modularity(double depth, double threshold) {
    static const int depths[] = { 14, 44, 86, 110, 152 };
    static const double thresholds[] = { 0.99, 0.98, 0.95, 0.90 };
    static const double means[4][5] = { { 0.113, 0.139, 0.313, 0.464, 0.637 },
                                        { 0.113, 0.207, 0.508, 0.650, 0.764 },
                                        { 0.113, 0.429, 0.740, 0.812, 0.871 },
                                        { 0.127, 0.707, 0.869, 0.899, 0.931 } };
    for (int t = 0; t < 4; t++)
        for (int d = 0; d < 5; d++)
            if (depths[d] == depth && fabs(thresholds[t] - threshold) < 1e-9) return means[t][d];
    return (double)NAN;
}
