/* What a command found out, as JSON: under --json on stdout, under --record FILE in a file as well, so that a person
 * reads the one and `deeparc report` the other. A record begins with the command, the words it was called with, and
 * `run`, the header that run.c writes; the object of --json ends with that header.
 */
#ifndef DA_DEEPARC_CLI_RECORD_H
#define DA_DEEPARC_CLI_RECORD_H

#include "deeparc/cli/cli.h"

#define RECORD_OPTION                                                                                                  \
    { .name = "record", .kind = CLI_TEXT, .value = "FILE.json", .file = CLI_WRITES,                                    \
      .help = "write the result there as JSON too" }

/* A record at `path` now, beside that of the command: members writes keys and values into the object that is open. */
da_status record_save(cli *c, const char *path, void (*members)(const void *context, da_json_writer *to),
                      const void *context);
/* Runs the command, writes its record, shows the result or puts it into the open object of --json, and fails with what
   went wrong beside the main result once that is there. */
da_status record_run(cli *c);
/* The record of c->result as it is now, without outputs, as it will be read; the caller's to free. */
da_status record_tree(cli *c, da_result **record);

/* Members of a record. */
void record_text(da_json_writer *to, const char *key, const char *value);
void record_int(da_json_writer *to, const char *key, int64_t value);
void record_real(da_json_writer *to, const char *key, double value);
void record_texts(da_json_writer *to, const char *key, const char *const *values, int count);

void record_put_epochs(da_result *to, const da_training_result *result); /* lists, `epochs` and `losses` */
void record_put_evaluation(da_result *to, const da_evaluation *e); /* `accuracy`, `loss`, `samples`, `correct` */
void record_evaluation(da_json_writer *to, const da_evaluation *e); /* `accuracy`, `loss`, `samples`, `correct` */
void record_hash(da_json_writer *to, const char *key, const char hex[65]); /* "sha256:HEX" */
/* Which images an accuracy is of: "test_images": "sha256:...". Only accuracies of the same may be subtracted. */
void record_put_images(da_result *to, const char *key, const da_dataset *data);

/* The header of a run (run.c). put: its members, into the object that is open; outputs: those of the line's files that are
   there by now too. The notes cost nothing unless something will be written that says so; data of a part that was noted
   before, and a setting, replace it. part, path and option are not copied; path "": a model in no file. */
extern const char run_commit[], run_flags[], run_compiler[];
bool      run_wanted(const cli *c);
da_status run_note_data(cli *c, const char *part, da_dataset *data); /* keeps the fingerprint in *data */
da_status run_note_model(cli *c, const char *path, const da_model *model);
void      run_note_setting(cli *c, const char *option, const char *format, ...) DA_PRINTF(3, 4);
void      run_note_training(cli *c, const da_trainer_options *options);
void      run_put(cli *c, da_json_writer *to, bool outputs);
void      run_forget(cli *c); /* gives back what was noted */
bool      run_hash_file(const char *path, char hex[65]); /* false: no regular file, or not readable */

/* Bytes of a file; -1 when it cannot be asked. */
int64_t record_file_size(const char *path);

#endif
