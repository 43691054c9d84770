/* Words that name something: a network of the zoo, layers by a pattern, units in a list, a normalisation, augmentations,
 * milestones. A line each. */
#include "deeparc/taps.h"
#include "layers/internal.h"
#include "tests/command.h"
#include "tests/fuzz/lines.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NETWORK, PATTERN, UNITS, NORMALIZATION, AUGMENTATION, MILESTONES, WORDS };

static void failed(void) {
    if (da_error_message()[0] == '\0') abort();
}

static void choose_layers(const da_model *model, const char *pattern, const char *units) {
    for (int kind = 0; kind < 4; kind++) {
        const da_measure_options o = { .glob = *pattern ? pattern : NULL, .tap = (da_tap)(kind & 1),
                                       .pool = (da_pool_mode)(kind >> 1) };
        dai_taps taps = { 0 };
        if (dai_taps_choose(&taps, model, &o) != DA_OK) { failed(); continue; }
        if (taps.count < 1) abort();
        for (int i = 0; i < taps.count; i++)
            if (!taps.names[i][0] || !taps.paths[i][0] || taps.widths[i] < 1) abort();
        dai_taps_free(&taps);
    }
    const int place = da_model_find(model, units);
    if (place >= model->unit_count || (place < 0 && da_error_message()[0] == '\0')) abort();
}

static void read_lists(cli *c) {
    da_trainer_options initial = da_trainer_defaults(), o;
    da_normalization n;
    cli_names units = { 0 };
    if (cli_names_split(c, &units, "units") != DA_OK) failed();
    cli_names_free(&units);
    for (int channels = 1; channels <= 3; channels += 2) {
        if (cli_normalization_parse(c, &n, cli_text(c, "normalize"), channels) != DA_OK) { failed(); continue; }
        for (int i = 0; i < channels; i++)
            if (!isfinite(n.mean[i]) || !(n.deviation[i] > 0)) abort();
    }
    if (cli_training_options(c, &o, &initial, 60000) != DA_OK) failed();
    else if (o.schedule.milestone_count < 1 || o.augmentation.pad < 0 || o.augmentation.cutout < 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    lines l = lines_new(data, size);
    for (int i = l.count; i < WORDS; i++) l.line[i] = (char[]){ "" };
    da_error_clear();
    const int64_t image[3] = { size & 1 ? 28 : 32, size & 1 ? 28 : 32, size & 1 ? 1 : 3 };
    da_model *model = NULL;
    if (dai_zoo_plan(&model, l.line[NETWORK], image, 10, NULL) != DA_OK) failed();
    else if (model->unit_count < 200) choose_layers(model, l.line[PATTERN], l.line[UNITS]); /* or it takes seconds */
    da_model_free(model);
    static cli c;
    bool help;
    const char *const words[] = { "model", "--out", "o", "--data", "digits", "--units", l.line[UNITS], "--schedule",
                                  "multi-step", "--normalize", l.line[NORMALIZATION], "--augment", l.line[AUGMENTATION],
                                  "--milestones", l.line[MILESTONES] };
    memset(&c, 0, sizeof c);
    c.command = &cli_retrain;
    c.quiet = true;
    da_error_clear();
    if (cli_parse(&c, (int)(sizeof words / sizeof *words), (char **)(uintptr_t)words, &help) != DA_OK) failed();
    else if (!help) read_lists(&c);
    free(l.text);
    if (da_memory().live_blocks != 0) abort();
    return 0;
}
