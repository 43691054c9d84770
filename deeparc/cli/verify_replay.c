/* The commands of a folder of records, run again, each in an empty folder of its own:
 *
 *     train.json        --out m.safetensors ──┐ SHA-256 of what one record wrote and another read says who comes first
 *     similarity.json   m.safetensors ────────┴── --out cka.csv ──┐
 *     restructure.json  m.safetensors, cka.csv ───────────────────┴── ...
 *
 * A replay reads what the replay before it has made, so that the chain is proved from the data on; a file that no record
 * made is copied when its SHA-256 is the recorded one. Then the new record is compared with the recorded one.
 *
 * Records come from others. So a line is only read by the tables of the commands, run by no shell, and every file that it
 * names, under whatever name, is led into its folder before the command sees it (verify_lead): that folder is new and
 * holds no links, and no option names a file that the tables do not know of. Data sets alone are read where they are.
 * A command runs in a process of its own, which memory, threads and failures leave with it.
 */
#include "deeparc/cli/options.h"
#include "deeparc/cli/record.h"
#include "deeparc/cli/sweep.h"
#include "deeparc/cli/verify.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/parallel.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What can be replayed: commands whose records hold figures that follow from their inputs. Others are not run. */
static const struct { const cli_command *command; const char *reason; } rules[] = {
    { &cli_train, NULL },       { &cli_similarity, NULL }, { &cli_partition, NULL }, { &cli_stability, NULL },
    { &cli_order, NULL },       { &cli_properties, NULL }, { &cli_restructure, NULL }, { &cli_retrain, NULL },
    { &cli_eval, NULL },        { &cli_predict, NULL },    { &cli_sweep_run, NULL },
    { &cli_bench, "speed is another every time" },
};

/* The line of a record, with its files led elsewhere. */
typedef struct line {
    cli   c;
    char **words;
    char  *led[CLI_MAX_OPTIONS + CLI_MAX_ARGUMENTS];
    int    led_count;
    char   record[VERIFY_PATH]; /* where its own record will be */
} line;

typedef struct replay {
    cli *c;
    verify_list *list;
    verify_replays *counts;
    char scratch[VERIFY_PATH];
    int done, total;
    double recorded, spent, remaining; /* seconds: of what is done, by its records and by the clock; of the others */
} replay;

/* ---- Saying ---- */

static void say(replay *r, const verify_record *record, const char *state, const char *more) {
    cli *c = r->c;
    cli_print(c, "%-12s  %s%s%s\n", state, record->path, *more ? ": " : "", more);
    if (!c->json) return;
    da_json_begin_object(&c->writer);
    record_text(&c->writer, "record", record->path);
    record_text(&c->writer, "command", da_json_text(record->root, "command"));
    record_text(&c->writer, "state", state);
    record_text(&c->writer, "reason", more);
    da_json_end(&c->writer);
}

static void say_without(replay *r, const verify_record *record, const char *why) {
    r->counts->without++;
    say(r, record, "not replayed", why);
}

static void say_refused(replay *r, const verify_record *record, const char *why) {
    r->counts->refused++;
    say(r, record, "refused", why);
}

static void say_failed(replay *r, const verify_record *record, const char *why) {
    r->counts->failed++;
    say(r, record, "failed", why);
}

static void say_compared(replay *r, const verify_record *record, const verify_comparison *k, double seconds) {
    char text[256], more[64] = "";
    *(k->differing > 0 ? &r->counts->differing : &r->counts->equal) += 1;
    if (k->more > 0) snprintf(more, sizeof more, ", %d more that are not recorded", k->more);
    if (k->differing > 0)
        snprintf(text, sizeof text, "%d of %s differ%s", k->differing, da_count(k->figures, "figure").text, more);
    else snprintf(text, sizeof text, "%s equal%s (%.1f s)", da_count(k->figures, "figure").text, more, seconds);
    say(r, record, k->differing > 0 ? "differs" : "equal", text);
    for (int i = 0; i < k->differing && i < VERIFY_SHOWN; i++)
        cli_print(r->c, "                %s: recorded %s, replayed %s\n", k->first[i].path, k->first[i].recorded,
                  k->first[i].replayed);
}

/* Seconds that a command took when it was recorded. */
static double recorded_seconds(const verify_record *record) {
    static const char *const keys[] = { "seconds", "training_seconds", "similarity_seconds", "evaluation_seconds" };
    double sum = 0;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        double value = da_json_number(record->root, keys[i]);
        if (value > 0 && value < 1e9) sum += value;
    }
    return sum;
}

static void announce(replay *r, const verify_record *record) {
    char left[48] = "";
    double pace = r->recorded > 0 && r->spent > 0 ? r->spent / r->recorded : 1;
    if (r->remaining * pace >= 1) snprintf(left, sizeof left, ", some %.0f s left", r->remaining * pace);
    cli_note(r->c, "replaying %d of %d: %s (%s)%s", r->done + 1, r->total, record->path,
             da_json_text(record->root, "command"), left);
}

/* ---- Paths ---- */

bool verify_lead(char out[VERIFY_PATH], const char *folder, const char *path) {
    int used = snprintf(out, VERIFY_PATH, "%s", folder);
    for (size_t length; *path && used < VERIFY_PATH; path += length + (path[length] == '/')) {
        length = strcspn(path, "/");
        bool up = length == 2 && memcmp(path, "..", 2) == 0, none = length == 0 || (length == 1 && path[0] == '.');
        if (!none)
            used += snprintf(out + used, (size_t)(VERIFY_PATH - used), "/%.*s", (int)length, up ? "up" : path);
    }
    return used < VERIFY_PATH;
}

/* Makes the directories above a file. */
static da_status make_above(const char *path) {
    char above[VERIFY_PATH];
    snprintf(above, sizeof above, "%.*s", (int)(strrchr(path, '/') - path), path);
    return da_directory_make(above);
}

static da_status lead_word(line *l, const char *folder, const char **word) {
    char path[VERIFY_PATH];
    if (!verify_lead(path, folder, *word)) return DA_FAIL(DA_ERROR_ARGUMENT, "the name of a file is too long");
    char *copy = da_string_copy(path);
    if (!copy) return DA_ERROR_MEMORY;
    l->led[l->led_count++] = copy;
    *word = copy;
    return make_above(copy);
}

/* ---- The line ---- */

static void free_line(line *l) {
    if (!l) return;
    for (int i = 0; i < l->led_count; i++) da_free(l->led[i]);
    da_free(l->words);
    da_free(l);
}

static da_status take_words(line *l, const da_json *root) {
    const da_json *list = da_json_get(root, "arguments");
    int count = 1, most = (int)da_json_count(list) + 1;
    if (da_json_kind(list) != DA_JSON_ARRAY || most == 1)
        return DA_FAIL(DA_ERROR_FORMAT, "it holds no command line");
    l->words = da_alloc_zero((size_t)most + 1, sizeof *l->words);
    if (!l->words) return DA_ERROR_MEMORY;
    const char *program = da_json_text(root, "program");
    l->words[0] = (char *)(uintptr_t)(*program ? program : "deeparc"); /* argv of main is not const */
    for (const da_json *word = da_json_first(list); word; word = da_json_next(word)) {
        const char *text;
        DA_TRY(da_json_as_string(word, &text));
        l->words[count++] = (char *)(uintptr_t)text;
    }
    bool help = false;
    DA_TRY(cli_read_line(&l->c, count, l->words, &help));
    return help ? DA_FAIL(DA_ERROR_ARGUMENT, "its line asks for help") : DA_OK;
}

static da_status lead_files(line *l, const char *folder) {
    for (int i = 0; i < l->c.value_count; i++) {
        cli_value *value = &l->c.values[i];
        bool directory = l->c.command == &cli_sweep_run && strcmp(value->option->name, "dir") == 0;
        if (value->text && (value->option->file || directory)) DA_TRY(lead_word(l, folder, &value->text));
    }
    for (int i = 0; i < l->c.argument_count; i++)
        if (l->c.command->file) DA_TRY(lead_word(l, folder, &l->c.arguments[i]));
    return DA_OK;
}

/* How a result is computed is this machine's business, and what was resumed begins at its beginning. */
static void adapt(line *l, const cli *by) {
    for (int i = 0; i < l->c.value_count; i++) {
        cli_value *value = &l->c.values[i];
        const char *name = value->option->name;
        const bool ours = strcmp(name, "threads") == 0 || strcmp(name, "kernels") == 0;
        for (int v = 0; v < by->value_count && ours; v++)
            if (by->values[v].option == value->option) *value = by->values[v];
        if (strcmp(name, "json") == 0 || strcmp(name, "resume") == 0) *value = (cli_value){ .option = value->option };
        if (strcmp(name, "quiet") == 0) value->integer = 1;
    }
}

static da_status find_record(line *l, const verify_record *record) {
    char name[VERIFY_PATH];
    if (l->c.command != &cli_sweep_run) {
        if (!cli_has(&l->c, "record")) return DA_FAIL(DA_ERROR_FORMAT, "its command wrote no record");
        snprintf(l->record, sizeof l->record, "%s", cli_text(&l->c, "record"));
        return DA_OK;
    }
    snprintf(name, sizeof name, "runs/%.80s.json", da_json_text(record->root, "id"));
    if (verify_lead(l->record, cli_text(&l->c, "dir"), name)) return DA_OK;
    return DA_FAIL(DA_ERROR_ARGUMENT, "the name of a file is too long");
}

/* ---- Its files ---- */

/* The file `digest` among the outputs of a record; NULL: it made no such file. Its own record is one of them. */
static const char *output_of(const verify_record *record, const char *digest) {
    for (const da_json *f = da_json_first(da_json_get(record->run, "outputs")); f; f = da_json_next(f))
        if (strcmp(da_json_text(f, "sha256"), digest) == 0) return da_json_text(f, "file");
    if (strcmp(record->digest, digest) == 0) return da_json_text(da_json_get(record->run, "options"), "record");
    return NULL;
}

static verify_record *maker_of(const replay *r, const verify_record *reader, const char *digest) {
    for (int i = 0; i < r->list->count; i++) {
        verify_record *record = &r->list->items[i];
        if (record != reader && record->run && *digest && output_of(record, digest)) return record;
    }
    return NULL;
}

static da_status copy(const char *from, const char *to) {
    uint8_t *bytes;
    size_t size;
    DA_TRY(da_file_read(from, SIZE_MAX / 2, &bytes, &size));
    da_status status = da_file_save(to, bytes, size);
    da_free(bytes);
    return status;
}

/* One input: from the replay that made it, else as it lies in the folder of records. */
static da_status provide(const replay *r, const verify_record *record, const da_json *input) {
    char from[VERIFY_PATH], to[VERIFY_PATH], hex[65];
    const char *name = da_json_text(input, "file"), *digest = da_json_text(input, "sha256");
    const verify_record *maker = maker_of(r, record, digest);
    if (!verify_lead(to, record->folder, name)) return DA_FAIL(DA_ERROR_ARGUMENT, "the name of a file is too long");
    DA_TRY(make_above(to));
    if (maker && maker->folder[0] && verify_lead(from, maker->folder, output_of(maker, digest))) return copy(from, to);
    if (maker) cli_note(r->c, "%s was not replayed: '%.200s' is taken as it is", maker->path, name);
    if (!verify_find(record, name, from) || !run_hash_file(from, hex))
        return DA_FAIL(DA_ERROR_NOT_FOUND, "'%.200s', which it reads, is not there", name);
    if (strncmp(digest, "sha256:", 7) != 0 || strcmp(digest + 7, hex) != 0)
        return DA_FAIL(DA_ERROR_FORMAT, "'%.200s', which it reads, is not the file of the record", name);
    return copy(from, to);
}

static da_status provide_all(const replay *r, const verify_record *record) {
    for (const da_json *f = da_json_first(da_json_get(record->run, "inputs")); f; f = da_json_next(f))
        DA_TRY(provide(r, record, f));
    return DA_OK;
}

/* ---- The process ---- */

static void restore_signals(void) {
    static const int watched[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ };
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) signal(watched[i], SIG_DFL);
    cli_stop = 0;
}

/* What the command prints goes nowhere: its record is what counts. */
_Noreturn static void be_the_command(line *l, int channel) {
    int nowhere = open("/dev/null", O_WRONLY);
    restore_signals();
    if (nowhere >= 0) dup2(nowhere, STDOUT_FILENO);
    da_status status = nowhere < 0 ? DA_FAIL(DA_ERROR_IO, "cannot open /dev/null") : cli_run(&l->c);
    cli_progress_end(&l->c);
    if (status != DA_OK) {
        const char *sentence = da_error_message();
        ssize_t written = write(channel, sentence, strlen(sentence));
        (void)written;
    }
    _exit(status == DA_OK ? 0 : 1);
}

/* Ctrl-C is for the command, too, which ends then; SIGTERM is for this process alone. */
static int await(cli *c, const verify_record *record, pid_t process) {
    int how = 0;
    const struct timespec moment = { .tv_nsec = 5 * 1000 * 1000 };
    const double begin = da_seconds(), expected = recorded_seconds(record);
    while (waitpid(process, &how, WNOHANG) == 0) {
        if (cli_stop) kill(process, SIGKILL);
        cli_progress(c, "replaying", (int64_t)(1e3 * fmin(da_seconds() - begin, expected)), (int64_t)(1e3 * expected));
        nanosleep(&moment, NULL);
    }
    cli_progress_end(c);
    return how;
}

static da_status run_line(cli *c, const verify_record *record, line *l) {
    char sentence[1024];
    int channel[2];
    if (pipe(channel) != 0) return DA_FAIL(DA_ERROR_IO, "no process can be started: %s", strerror(errno));
    fflush(stdout);
    fflush(stderr);
    pid_t process = fork();
    if (process == 0) be_the_command(l, channel[1]);
    close(channel[1]);
    int how = process > 0 ? await(c, record, process) : 0;
    ssize_t length = read(channel[0], sentence, sizeof sentence - 1);
    close(channel[0]);
    sentence[length > 0 ? length : 0] = 0;
    if (process < 0) return DA_FAIL(DA_ERROR_IO, "no process can be started: %s", strerror(errno));
    if (cli_stop) return DA_FAIL(DA_ERROR_INTERRUPTED, "interrupted");
    if (WIFSIGNALED(how)) return DA_FAIL(DA_ERROR_IO, "its command was ended by signal %d", WTERMSIG(how));
    return WEXITSTATUS(how) == 0 ? DA_OK : DA_FAIL(DA_ERROR_FORMAT, "%s", sentence);
}

/* ---- A record ---- */

static da_status compare(replay *r, const verify_record *record, const line *l, double seconds) {
    da_json *replayed = NULL;
    verify_comparison k;
    if (da_json_read(&replayed, l->record) != DA_OK) {
        say_failed(r, record, da_error_message());
        return DA_OK;
    }
    verify_compare(&k, record->root, replayed, record->folder);
    da_json_free(replayed);
    if (strcmp(da_json_text(record->run, "commit"), run_commit) != 0)
        cli_note(r->c, "%s was made by deeparc %s, commit %.40s; this is %s, %.40s", record->path,
                 da_json_text(record->run, "version"), da_json_text(record->run, "commit"), DA_VERSION, run_commit);
    say_compared(r, record, &k, seconds);
    return DA_OK;
}

static da_status execute(replay *r, verify_record *record, line *l) {
    double begin = da_seconds();
    announce(r, record);
    da_status status = run_line(r->c, record, l);
    double seconds = da_seconds() - begin;
    r->spent += seconds;
    r->recorded += recorded_seconds(record);
    if (status == DA_ERROR_INTERRUPTED || status == DA_ERROR_MEMORY) return status;
    if (status == DA_OK) return compare(r, record, l, seconds);
    record->folder[0] = 0; /* nobody reads what is not there */
    say_failed(r, record, da_error_message());
    return DA_OK;
}

/* Why the command of a record is not replayed; NULL: it is. */
static const char *reason_against(const verify_record *record, const line *l, char text[128]) {
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].command == l->c.command) {
            if (rules[i].reason || !record->absent[0]) return rules[i].reason;
            snprintf(text, 128, "%s is not on this machine", record->absent);
            return text;
        }
    snprintf(text, 128, "its figures do not follow from files and data: '%.40s'", l->c.command->name);
    return text;
}

static da_status prepare(replay *r, verify_record *record, line *l) {
    snprintf(record->folder, sizeof record->folder, "%.4000s/%d", r->scratch, r->done + 1);
    DA_TRY(da_directory_make(record->folder));
    DA_TRY(lead_files(l, record->folder));
    DA_TRY(find_record(l, record));
    adapt(l, r->c);
    return provide_all(r, record);
}

static da_status replay_one(replay *r, verify_record *record) {
    char text[128];
    line *l = da_alloc_zero(1, sizeof *l);
    if (!l) return DA_ERROR_MEMORY;
    const char *reason = NULL;
    da_status status = take_words(l, record->root);
    if (status == DA_OK) reason = reason_against(record, l, text);
    if (status == DA_OK && !reason) status = prepare(r, record, l);
    if (status == DA_OK && !reason) status = execute(r, record, l);
    else if (reason) say_without(r, record, reason);
    else if (status != DA_ERROR_MEMORY) {
        record->folder[0] = 0;
        say_refused(r, record, da_error_message());
        status = DA_OK;
    }
    record->settled = true;
    r->remaining -= recorded_seconds(record);
    r->done++;
    free_line(l);
    return status;
}

/* ---- All of them ---- */

static bool waits(const replay *r, const verify_record *record) {
    for (const da_json *f = da_json_first(da_json_get(record->run, "inputs")); f; f = da_json_next(f)) {
        const verify_record *maker = maker_of(r, record, da_json_text(f, "sha256"));
        if (maker && !maker->settled) return true;
    }
    return false;
}

/* Round after round, whoever waits for nobody; those that wait for each other remain. */
static da_status replay_all(replay *r) {
    int before = -1;
    while (before != r->done) {
        before = r->done;
        for (int i = 0; i < r->list->count; i++) {
            verify_record *record = &r->list->items[i];
            if (!record->settled && !waits(r, record)) DA_TRY(replay_one(r, record));
        }
    }
    for (int i = 0; i < r->list->count; i++)
        if (!r->list->items[i].settled) say_refused(r, &r->list->items[i], "it reads what was made of its own result");
    return DA_OK;
}

static da_status make_scratch(replay *r, const char *keep) {
    const char *place = getenv("TMPDIR");
    if (!keep) {
        snprintf(r->scratch, sizeof r->scratch, "%.3000s/deeparc-replay.XXXXXX", place && *place ? place : "/tmp");
        if (mkdtemp(r->scratch)) return DA_OK;
        return DA_FAIL(DA_ERROR_IO, "cannot make a folder '%s': %s", r->scratch, strerror(errno));
    }
    if (da_file_exists(keep)) return DA_FAIL(DA_ERROR_ARGUMENT, "--keep '%.200s' is there already: name a new folder", keep);
    snprintf(r->scratch, sizeof r->scratch, "%.3000s", keep);
    return da_directory_make(keep);
}

da_status verify_replay(cli *c, verify_list *records, const char *keep, verify_replays *counts) {
    replay r = { .c = c, .list = records, .counts = counts };
    for (int i = 0; i < records->count; i++) {
        verify_record *record = &records->items[i];
        record->settled = !record->run;
        r.total += record->run != NULL;
        r.remaining += record->run ? recorded_seconds(record) : 0;
    }
    DA_TRY(make_scratch(&r, keep));
    cli_watch_interrupt(false);
    da_status status = replay_all(&r);
    if (!keep) {
        const char *sentence = da_error_message();
        char kept[1024];
        snprintf(kept, sizeof kept, "%s", sentence);
        da_status removed = da_directory_remove(r.scratch);
        if (status != DA_OK) status = DA_FAIL(status, "%s", kept);
        else status = removed;
    }
    return status;
}
