/* The commands, and the options that they share. */
#include "deeparc/cli/options.h"

#include "core/parallel.h"

const cli_command *const cli_commands[] = {
    &cli_train, &cli_eval, &cli_predict, &cli_summary, &cli_data, &cli_hash, &cli_import, &cli_similarity, &cli_partition,
    &cli_stability, &cli_order, &cli_properties, &cli_restructure, &cli_retrain, &cli_report, &cli_verify,
    &cli_sweep_plan, &cli_sweep_run,
    &cli_sweep_collect, &cli_gradcheck, &cli_bench,
    NULL
};
_Static_assert(sizeof cli_commands / sizeof *cli_commands <= CLI_MOST_COMMANDS, "raise CLI_MOST_COMMANDS");

#define MILLION 1e6
#define LARGEST 9007199254740992.0 /* 2^53: whole numbers up to here survive JSON */

static const cli_option data_options[] = {
    { .name = "data", .kind = CLI_TEXT, .value = "D", .required = true,
      .help = "mnist, fashion-mnist, cifar10, cifar100, digits (drawn, needs no file), or a path" },
    { .name = "data-dir", .kind = CLI_TEXT, .value = "DIR", .help = "look there first for sets that are named" },
    { .name = "normalize", .kind = CLI_TEXT, .value = "HOW",
      .help = "imagenet, cifar10, mnist, none or mean,.../deviation,...: replaces what the model records" },
    { .name = "limit", .kind = CLI_INT, .value = "N", .initial = "0", .low = 0, .high = LARGEST,
      .help = "use the first N samples only; 0: all" },
    { .name = NULL }
};

static const cli_option split_options[] = {
    { .name = "split", .kind = CLI_CHOICE, .value = "test|train", .initial = "test", .help = "which part of the data" },
    { .name = NULL }
};

#define SCHEDULE(NAME, name, word) "|" word
static const cli_option training_options[] = {
    { .name = "epochs", .kind = CLI_INT, .value = "N", .low = 1, .high = MILLION,
      .help = "how often to see all samples" },
    { .name = "batch", .kind = CLI_INT, .value = "N", .low = 1, .high = LARGEST, .help = "samples in a step" },
    { .name = "optimizer", .kind = CLI_CHOICE, .value = CLI_WORDS(DA_OPTIMIZERS), .help = "how a gradient moves the weights" },
    { .name = "rate", .kind = CLI_REAL, .value = "R", .low = 0, .high = 1e3, .help = "learning rate, at its peak" },
    { .name = "momentum", .kind = CLI_REAL, .value = "M", .low = 0, .high = 0.9999, .help = "of sgd" },
    { .name = "nesterov", .kind = CLI_FLAG, .help = "Nesterov's momentum, with sgd" },
    { .name = "weight-decay", .kind = CLI_REAL, .value = "W", .low = 0, .high = 1e3,
      .help = "pull of the weights towards zero" },
    { .name = "decay", .kind = CLI_CHOICE, .value = "all|weights",
      .help = "what it pulls: all values, or neither biases nor batch norms (all)" },
    { .name = "clip", .kind = CLI_REAL, .value = "C", .low = 0, .high = 1e9,
      .help = "largest norm of a gradient; 0: any" },
    { .name = "schedule", .kind = CLI_CHOICE, .value = &DA_SCHEDULES(SCHEDULE)[1],
      .help = "how the rate changes" },
    { .name = "warmup", .kind = CLI_INT, .value = "N", .low = 0, .high = LARGEST,
      .help = "steps of a linear rise at the beginning" },
    { .name = "step-every", .kind = CLI_INT, .value = "N", .low = 1, .high = MILLION,
      .help = "schedule step: epochs between drops" },
    { .name = "milestones", .kind = CLI_TEXT, .value = "N,N,...", .help = "schedule multi-step: epochs of the drops" },
    { .name = "factor", .kind = CLI_REAL, .value = "F", .low = 1e-9, .high = 1,
      .help = "schedules step, multi-step: what a drop multiplies by" },
    { .name = "final-rate", .kind = CLI_REAL, .value = "R", .low = 0, .high = 1e3,
      .help = "schedules cosine, one-cycle: the rate at the end" },
    { .name = "rise", .kind = CLI_REAL, .value = "S", .low = 0.001, .high = 0.999,
      .help = "schedule one-cycle: share of the steps in which the rate rises (0.3)" },
    { .name = "low-momentum", .kind = CLI_REAL, .value = "M", .low = 0.0001, .high = 0.9999,
      .help = "schedule one-cycle with sgd: momentum goes from --momentum to M at the peak rate, and back" },
    { .name = "label-smoothing", .kind = CLI_REAL, .value = "S", .low = 0, .high = 0.9999,
      .help = "share of the target spread over all classes" },
    { .name = "augment", .kind = CLI_TEXT, .value = "LIST",
      .help = "none, or any of crop4 (pad by 4), crop4-reflect, flip, cutout8: crop4,flip" },
    { .name = "validation", .kind = CLI_INT, .value = "N", .initial = "0", .low = 0, .high = LARGEST,
      .help = "hold N samples out to validate with" },
    { .name = "patience", .kind = CLI_INT, .value = "N", .initial = "0", .low = 0, .high = MILLION,
      .help = "stop after N epochs without a better validation loss" },
    { .name = "max-steps", .kind = CLI_INT, .value = "N", .initial = "0", .low = 0, .high = LARGEST,
      .help = "stop after N steps in all; 0: never" },
    { .name = NULL }
};

static const cli_option resuming_options[] = {
    { .name = "log", .kind = CLI_TEXT, .value = "FILE.csv", .file = CLI_WRITES, .help = "write a line an epoch" },
    { .name = "checkpoint", .kind = CLI_TEXT, .value = "FILE", .file = CLI_READS | CLI_WRITES,
      .help = "save there after every epoch and on Ctrl-C (without it, Ctrl-C saves to OUT.partial)" },
    { .name = "resume", .kind = CLI_FLAG, .help = "continue from the checkpoint, or from OUT.partial" },
    { .name = NULL }
};

static const cli_option seed_options[] = {
    { .name = "seed", .kind = CLI_INT, .value = "N", .initial = "1", .low = 0, .high = LARGEST,
      .help = "of everything that is drawn at random" },
    { .name = NULL }
};

static const cli_option common_options[] = {
    { .name = "threads", .kind = CLI_INT, .value = "N", .initial = "0", .low = 0, .high = DA_MAX_THREADS,
      .help = "0: as many as the machine has; results are the same for any number" },
    { .name = "kernels", .kind = CLI_TEXT, .value = "NAME", .initial = "auto",
      .help = "auto, reference, portable, avx2, avx512, neon: equal results; $DEEPARC_KERNELS sets it too" },
    { .name = "json", .kind = CLI_FLAG, .help = "print the result as one JSON object" },
    { .name = "quiet", .kind = CLI_FLAG, .help = "no progress, no notes" },
    { .name = "help", .kind = CLI_FLAG, .help = "this text" },
    { .name = NULL }
};

bool cli_draws(const cli_command *command) { return (command->tables & (CLI_SEED | CLI_TRAINING)) != 0; }

int cli_tables(const cli_command *command, cli_table tables[CLI_TABLES]) {
    int count = 0;
    if (command->options) tables[count++] = (cli_table){ "Options", command->options };
    if (command->tables & CLI_DATA) tables[count++] = (cli_table){ "Data", data_options };
    if (command->tables & CLI_SPLIT) tables[count++] = (cli_table){ NULL, split_options };
    if (command->tables & CLI_TRAINING) tables[count++] = (cli_table){ "Training", training_options };
    if (command->tables & CLI_RESUMING) tables[count++] = (cli_table){ NULL, resuming_options };
    if (cli_draws(command)) tables[count++] = (cli_table){ "At random", seed_options };
    tables[count++] = (cli_table){ "Every command", common_options };
    return count;
}
