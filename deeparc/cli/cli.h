/* What the commands of the program share: how a command declares its options and asks for them, loads models and data,
 * prints and reports progress.
 *
 *     deeparc eval model.safetensors --data mnist --batch=500          argv
 *        │     │    │                  └── options: every table the command names, filled in with defaults
 *        │     │    └── arguments, by place
 *        │     └── one row of the table in main.c: name, purpose, options, example, run
 *        └── exit status 0 done, 1 failed, 2 wrong usage; results on stdout, progress and notes on stderr
 *
 *     da_status eval_run(cli *c) {
 *         DA_TRY(cli_data_load(c, &data, DA_TEST, cli_int(c, "limit")));
 *         da_result_put(c->result, "accuracy", da_real(...));      in --json and --record
 *         da_result_say(c->result, "accuracy  %.2f %%\n", ...);    in the terminal
 *         return DA_OK;                              main.c shows the result, or prints the last error of a run that fails
 *     }
 *
 * `--help` is made from the tables. Only main.c and progress.c write to stderr, only print.c to stdout.
 */
#ifndef DA_DEEPARC_CLI_H
#define DA_DEEPARC_CLI_H

#include "core/json.h"
#include "core/parallel.h"
#include "datasets/dataset.h"
#include "deeparc/result.h"
#include "layers/model.h"
#include "optim/feed.h"
#include "optim/trainer.h"

#include <signal.h>

/* ---- Declaring a command. ---- */

typedef enum cli_kind { CLI_FLAG, CLI_INT, CLI_REAL, CLI_TEXT, CLI_CHOICE } cli_kind;

enum { CLI_READS = 1, CLI_WRITES = 2 };

typedef struct cli_option {
    const char *name;    /* without the dashes; a table ends with a row whose name is NULL */
    cli_kind    kind;
    const char *value;   /* what --help calls the value, "N" or "FILE"; of a choice all of them, "sgd|adam|adamw" */
    const char *initial; /* the value when the option is not given, as it would be typed; NULL: none */
    const char *help;    /* half a sentence */
    double      low, high; /* CLI_INT, CLI_REAL: smallest and largest value allowed */
    bool        required;
    bool        repeats; /* may be given several times: cli_text_at reads them */
    unsigned    file;    /* CLI_READS, CLI_WRITES or both: the value names such a file. files.c looks after them */
    const char *within;  /* CLI_READS of a directory: the files in it that are read, "plan.txt|*.json" */
} cli_option;

/* The words of a list of rows, row(NAME, word), as a choice: "cka|rsa|procrustes". */
#define CLI_WORD(NAME, word) "|" #word
#define CLI_WORDS(list) (&list(CLI_WORD)[1])

/* Tables that several commands share; every command also has --threads --kernels --json --quiet --help. */
enum {
    CLI_DATA = 1,     /* --data (required), --data-dir, --normalize, --limit */
    CLI_SPLIT = 2,    /* --split test|train */
    CLI_TRAINING = 4, /* --epochs --batch --rate --optimizer ... : all that cli_training_options reads; and --seed */
    CLI_RESUMING = 8, /* --log --checkpoint --resume, of a command that has CLI_TRAINING and --out */
    CLI_SEED = 16     /* --seed, of a command that draws at random */
};

typedef struct cli cli;
typedef struct cli_command {
    const char *name, *purpose; /* one word, or two: "sweep plan"; the purpose is one line that begins with a verb */
    const char *arguments;      /* by place: "MODEL", "[FILE]" may be missing, "[UNIT...]" any number; "" none */
    unsigned    file;           /* CLI_READS: the arguments name files, or, */
    const char *within;         /* ... when not NULL, directories, as in a cli_option */
    const char *example;        /* what follows "deeparc " in a line that works */
    const char *notes;          /* more for --help, lines of at most 100 characters; or NULL */
    unsigned    tables;         /* CLI_DATA | ... */
    const cli_option *options;  /* the command's own; or NULL */
    da_status (*run)(cli *c);
} cli_command;

extern const cli_command cli_train, cli_eval, cli_predict, cli_summary, cli_hash, cli_similarity, cli_partition,
    cli_order, cli_data, cli_properties, cli_restructure, cli_retrain, cli_report, cli_import, cli_sweep_plan, cli_sweep_run,
    cli_sweep_collect, cli_gradcheck, cli_bench, cli_stability, cli_verify;

/* ---- Inside a command. ---- */

enum { CLI_MAX_OPTIONS = 64, CLI_MAX_ARGUMENTS = 256 };

typedef struct cli_value {
    const cli_option *option;
    bool        given;   /* on the command line */
    const char *text;    /* NULL: neither given nor a default */
    int64_t     integer; /* CLI_INT; CLI_CHOICE: place in the list; CLI_FLAG: 0 or 1 */
    double      real;    /* CLI_REAL */
} cli_value;

/* What the header of the run says besides the line: noted while the command works (run.c). */
enum { CLI_PARTS = 4, CLI_MODELS = 4, CLI_SETTINGS = 24 };
typedef struct cli_file { char *path; char sha256[65]; } cli_file;
typedef struct cli_facts {
    struct { const char *part; da_dataset set; } data[CLI_PARTS]; /* without images; the fingerprint is kept */
    struct { const char *path; char values[65], network[65]; } models[CLI_MODELS];
    struct { const char *option; char text[96]; } settings[CLI_SETTINGS]; /* in effect, whatever was typed */
    int  data_count, model_count, setting_count;
    cli_file *inputs; /* of the line that were hashed */
    int  input_count;
    char input[4096], output[8192]; /* a file read, and one written, that no option names; "" none */
} cli_facts;

struct cli {
    const cli_command *command;
    cli_value   values[CLI_MAX_OPTIONS];
    int         value_count;
    const char *arguments[CLI_MAX_ARGUMENTS];
    int         argument_count;
    char      **argv;       /* the whole line, as main got it */
    int         argc;
    uint64_t    seed;    /* of a command that draws; else 0 */
    bool        quiet, json;
    bool        usage;      /* the failure is wrong usage: exit status 2 */
    char        partial[4096]; /* OUT.partial, the checkpoint of a run that is given none; else "" */
    char        aside[512]; /* why a file beside the main result could not be written, the first of them; "": none */
    da_status   aside_status; /* of that failure, when aside says one */
    bool        whole;      /* the result is whole although the run fails: --json prints it all the same */
    cli_facts   facts;
    da_result  *result;     /* what the command has found: shown, recorded and printed as JSON when it is done */
    da_json_writer writer;  /* of --json: an object is open while the command runs; main.c ends and prints it */
};

/* Options by name. The command must have declared it with that kind. cli_given: was it on the command line? cli_has:
   does it have a value, given or by default? A CLI_TEXT without one is NULL, a number 0. */
bool        cli_given(const cli *c, const char *name);
bool        cli_has(const cli *c, const char *name);
bool        cli_flag(const cli *c, const char *name);
int64_t     cli_int(const cli *c, const char *name);
double      cli_real(const cli *c, const char *name);
const char *cli_text(const cli *c, const char *name);
const char *cli_text_at(const cli *c, const char *name, int place); /* of one that repeats; NULL after the last */
int         cli_choice(const cli *c, const char *name); /* place in the list: 0, 1, ... */

/* A list of names, "conv1,layer1.0", split at its commas. Free with cli_names_free. Empty names are wrong usage. */
typedef struct cli_names { char **items; int count; char *block; } cli_names;
da_status cli_names_split(cli *c, cli_names *names, const char *option);
da_status cli_names_read(cli *c, cli_names *names, const char *option, const char *text); /* instead of its value */
void      cli_names_free(cli_names *names); /* takes one that is all zero */

/* The numbers from 0 to 1 of a list, at most so many: ".9,.95". */
da_status cli_shares(cli *c, const char *option, int most, double *values, int *count);
/* Wrong usage when one of the options, up to NULL, is given where it has no effect. */
da_status cli_needless(cli *c, const char *const *options, const char *why);

/* Fails with DA_ERROR_ARGUMENT and exit status 2: options that contradict each other, a value that makes no sense. */
da_status cli_usage(cli *c, const char *format, ...) DA_PRINTF(2, 3);

/* Takes in the status of writing a file beside the main result, a record or a picture. A failure does not stop the
   command, which goes on to its other results; then it fails with that sentence. */
void cli_aside(cli *c, da_status status);

/* Results on stdout: text when not c->json (it prints nothing then). */
void cli_print(cli *c, const char *format, ...) DA_PRINTF(2, 3);
/* Writes a table of a result, by its key, as a CSV file. */
da_status cli_csv_save(const da_result *result, const char *table, const char *path);
/* A number with so many digits behind the point for such a line. Unknown is not zero:
   NaN is "-" here, null in JSON, an empty field in a CSV file and an empty cell on a page. Returns `text`. */
enum { CLI_CELL = 32 };
const char *cli_cell(char text[CLI_CELL], double value, int digits);
/* Members of the result under --json; nothing without it. */
void cli_put_text(cli *c, const char *key, const char *value);
void cli_put_int(cli *c, const char *key, int64_t value);
void cli_put_real(cli *c, const char *key, double value);
/* A line on stderr, unless --quiet. */
void cli_note(cli *c, const char *format, ...) DA_PRINTF(2, 3);
/* What runs, a line on stderr: "deeparc 0.1.0: kernels avx512, 2 threads (own threads)". */
void cli_banner(cli *c);

/* Data: the set named by --data, cut to its first `limit` samples (0: all). Notes what was loaded from where. */
da_status cli_data_load(cli *c, da_dataset *data, da_split split, int64_t limit);
da_status cli_data_load_named(cli *c, da_dataset *data, const char *name, da_split split, int64_t limit);
/* Wrong usage when there is a --data-dir, and the set is none that is looked for there. */
da_status cli_data_dir_check(cli *c, const char *name);
/* Wrong usage when a file of the line would replace one of the data. */
da_status cli_data_is_kept(cli *c, const char *source);
/* Wrong usage when a file of the line would replace this record, whose names of layers are read. */
da_status cli_names_are_kept(cli *c, const char *path);
/* Both parts, cut by --limit and --test-limit. A single file as --data is wrong usage: what tells the accuracy must not
   have been trained on. */
da_status cli_data_load_parts(cli *c, da_dataset *train, da_dataset *test);
const char *cli_data_state(const da_dataset *data); /* "as published", ...; "not the published file: " where ->altered names them */
const char *cli_data_content(const da_dataset *data); /* "drawn", "as published", "not as published", "of no known set" */
da_split  cli_split(const cli *c);             /* --split */
const char *cli_split_name(da_split split);    /* "train", "test" */
const char *cli_part_name(const da_dataset *data, da_split split); /* the same, or "file" of data that have no parts */

/* Models. cli_model_open reads a checkpoint, and takes the normalisation from --normalize where the command has CLI_DATA
   (it is an error when neither file nor option gives one). Open the model before the data are read, then ask whether
   they fit: what is wrong with a file or a name is said at once. */
da_status cli_model_open(cli *c, da_model **model, const char *path);
/* Sets how convolutions are computed, as --conv says. */
da_status cli_model_convolve(cli *c, da_model *model);
/* sign: puts the header of this run into the model, for the checkpoints its training writes; save: does, and writes the
   file. */
da_status cli_model_sign(cli *c, da_model *model);
da_status cli_model_save(cli *c, da_model *model, const char *path);
/* Takes the normalisation from the option --normalize; without it, a model from path that has none is wrong usage. */
da_status cli_model_normalize(cli *c, da_model *model, const char *path);
/* "imagenet", "cifar10", "mnist", "none", or means/deviations "m,m,m/s,s,s", for so many channels. */
da_status cli_normalization_parse(cli *c, da_normalization *out, const char *text, int64_t channels);

/* A new network of the zoo for these data: built as --shortcut says, drawn by --init and the seed (MODEL_OPTIONS), with
   the data's classes and the normalisation of --normalize, else the data's. */
da_status          cli_model_build(cli *c, da_model **model, const char *name, const da_dataset *data);

/* Training: everything in the CLI_TRAINING table, the progress display and Ctrl-C. What the user did not give is as in
   `defaults`. A command without CLI_RESUMING sees to its checkpoint itself. With --out and no --checkpoint, Ctrl-C saves
   to OUT.partial, and --resume continues from there. images: how many there are to train on, to say what does not suit
   them. */
da_status cli_training_options(cli *c, da_trainer_options *options, const da_trainer_options *defaults, int64_t images);
/* Do the options contradict each other, or the checkpoint to resume from? Asked before data are read; model NULL: it is
   yet to be made. */
da_status cli_training_check(cli *c, const da_model *model, const da_trainer_options *defaults);
/* After da_train gave DA_ERROR_INTERRUPTED: one sentence that names the checkpoint and the command that continues. */
da_status cli_training_interrupted(cli *c, const da_trainer_options *options);

/* After the result is saved: removes the OUT.partial that this run has continued. */
void      cli_training_saved(const cli *c, const da_trainer_options *options);

/* A log or checkpoint that could not be written goes aside. */
void      cli_training_trouble(cli *c, const da_training_result *result);

/* Progress of anything else: done of total steps, with the time left counted from the first call; call it as often as
   you like, it draws seldom. end removes a bar. */
void cli_progress(cli *c, const char *what, int64_t done, int64_t total);
void cli_progress_end(cli *c);
void cli_progress_training(void *c, const da_progress *progress); /* a da_trainer_options.progress; context: the cli */

/* Ctrl-C, SIGTERM and SIGHUP set it; a second one ends the program. Long loops that can save may look at it. Where they
   do save, a stderr that nobody reads any more sets it, too: elsewhere it must not cost the result. */
extern volatile sig_atomic_t cli_stop;
void cli_watch_interrupt(bool saves); /* from now on; before it, Ctrl-C ends the program */

/* Of a new network: cli_model_build reads the first two. */
#define MODEL_OPTIONS                                                                                                  \
    { .name = "init", .kind = CLI_CHOICE, .value = "he|xavier", .help = "how the first weights are drawn (he)" },      \
    { .name = "shortcut", .kind = CLI_CHOICE, .value = "pad|conv|conv-norm",                                           \
      .help = "of a ResNet's blocks that change shape (pad)" },                                                        \
    CONV_OPTION

/* How convolutions are computed: of a new model, or of one from a file instead of what it records. */
#define CONV_OPTION                                                                                                    \
    { .name = "conv", .kind = CLI_CHOICE, .value = "direct|winograd|auto",                                             \
      .help = "how convolutions are computed; each way has bits of its own (direct, or as the model records)" }

#endif
