/* A sweep: lines "NAME=VALUES" become axes of a grid, lines "--NAME" and their values the line of one run, and all bytes a
 * plan that is collected. */
#include "deeparc/cli/sweep.h"
#include "deeparc/sweep.h"
#include "tests/command.h"
#include "tests/fuzz/lines.h"
#include "tests/fuzz/temporary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void failed(void) {
    if (da_error_message()[0] == '\0') abort();
}

static void make_grid(const lines *l) {
    da_grid grid = { .axes = 0 };
    for (int i = 0; i < l->count; i++) {
        char *line = l->line[i], *equals = strchr(line, '=');
        if (!equals || line[0] == '-') continue;
        *equals = '\0';
        if (da_grid_set(&grid, line, equals + 1, i & 1 ? ';' : ',') != DA_OK) failed();
        *equals = '=';
    }
    const int64_t runs = da_grid_runs(&grid);
    if (runs < 1 || runs > DA_MAX_RUNS) abort();
    for (int64_t run = 0; run < runs; run += runs / 5 + 1)
        for (int a = 0; a < grid.axes; a++)
            if (!da_grid_value(&grid, run, a)[0]) abort();
    da_grid_free(&grid);
}

static void read_run(const lines *l) {
    static cli c;
    char id[DA_SWEEP_ID], name[DA_SWEEP_NAME];
    double thresholds[DA_SWEEP_THRESHOLDS];
    int count;
    bool help;
    memset(&c, 0, sizeof c);
    c.command = &cli_sweep_run;
    da_error_clear();
    if (cli_parse(&c, l->count, (char **)(uintptr_t)l->line, &help) != DA_OK) { failed(); return; }
    if (help) return;
    if (cli_shares(&c, "threshold", DA_SWEEP_THRESHOLDS, thresholds, &count) != DA_OK) { failed(); return; }
    if (count < 1 || count > DA_SWEEP_THRESHOLDS || sweep_id(&c, id) != DA_OK || strlen(id) != DA_SWEEP_ID - 1) abort();
    sweep_network(&c, name);
    if (strncmp(name, "resnet", 6) != 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *folder = temporary_folder();
    lines l = lines_new(data, size);
    make_grid(&l);
    read_run(&l);
    free(l.text);
    da_sweep_table table;
    folder_file(folder, "plan.txt", data, size);
    da_error_clear();
    if (da_sweep_table_read(&table, folder) == DA_OK) abort(); /* no run is finished */
    failed();
    if (da_memory().live_blocks != 0) abort();
    return 0;
}
