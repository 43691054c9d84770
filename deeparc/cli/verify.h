/* Between verify.c, which reads the records of a folder and compares them with their files, models and data,
 * verify_replay.c, which runs their commands again, and verify_compare.c, which compares what came out.
 */
#ifndef DA_DEEPARC_CLI_VERIFY_H
#define DA_DEEPARC_CLI_VERIFY_H

#include "deeparc/cli/cli.h"

enum { VERIFY_PATH = 4096, VERIFY_DIGEST = 7 + 65, VERIFY_CAP = DA_JSON_CAP };

typedef struct verify_record {
    char *path;                  /* of the record's file */
    char  digest[VERIFY_DIGEST]; /* of its bytes, "sha256:..." */
    da_json *root;
    const da_json *run;          /* the header; NULL: it has none with hashes, so it is of an older version or no record */
    char  absent[64];            /* data that it is of and that are not on this machine; "": none */
    char  folder[VERIFY_PATH];   /* in which its command was run again; "": it was not */
    bool  settled;               /* replayed, or it is known why not */
} verify_record;

typedef struct verify_list { verify_record *items; int count, capacity; } verify_list;

/* Where the record's file `name` lies: under that name, else beside the record. False: nowhere. */
bool verify_find(const verify_record *record, const char *name, char path[VERIFY_PATH]);

/* Where a path of a record leads in a replay: into the folder, whatever the path is. "/tmp/../m" is FOLDER/tmp/up/m.
   False: the name is too long. */
bool verify_lead(char out[VERIFY_PATH], const char *folder, const char *path);

/* Runs the commands of all records again, each after those whose results it reads, prints a line for each, and counts.
   keep: a folder for what they write, which stays; NULL: one that goes. Errors: DA_ERROR_INTERRUPTED, DA_ERROR_IO,
   DA_ERROR_MEMORY; what goes wrong in a command is counted. */
typedef struct verify_replays { int equal, differing, failed, refused, without; } verify_replays;
da_status verify_replay(cli *c, verify_list *records, const char *keep, verify_replays *counts);

/* Compares the record of a replay in `folder` with the recorded one. */
enum { VERIFY_SHOWN = 3 };
typedef struct verify_difference { char path[160], recorded[72], replayed[72]; } verify_difference;
typedef struct verify_comparison {
    int figures, differing; /* compared, and not equal */
    int more;               /* that only the replay has, where another program made the record */
    verify_difference first[VERIFY_SHOWN];
} verify_comparison;
void verify_compare(verify_comparison *out, const da_json *recorded, const da_json *replayed, const char *folder);

#endif
