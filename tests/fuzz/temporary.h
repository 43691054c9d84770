/* Files and folders that hold the fuzzer's bytes, for readers that take a path: one name a process, in memory where
 * there is /dev/shm. */
#ifndef DA_TESTS_FUZZ_TEMPORARY_H
#define DA_TESTS_FUZZ_TEMPORARY_H

#include "tests/folder.h"

#include <stdint.h>

static char temporary_path[200];

static inline void temporary_remove(void) {
    char runs[FOLDER_PATH];
    snprintf(runs, sizeof runs, "%s/runs", temporary_path);
    folder_empty(runs);
    (void)rmdir(runs);
    folder_empty(temporary_path);
    (void)rmdir(temporary_path);
    (void)unlink(temporary_path);
}

static inline const char *temporary_name(void) {
    const char *base = getenv("TMPDIR");
    if (temporary_path[0]) return temporary_path;
    if (!base) base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(temporary_path, sizeof temporary_path, "%.150s/deeparc-fuzz-%ld", base, (long)getpid());
    atexit(temporary_remove);
    return temporary_path;
}

static inline const char *temporary_file(const uint8_t *bytes, size_t size) {
    FILE *file = fopen(temporary_name(), "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) abort();
    return temporary_path;
}

/* The folder, empty. */
static inline const char *temporary_folder(void) {
    if (!temporary_path[0] && mkdir(temporary_name(), 0700) != 0) abort();
    folder_empty(temporary_path);
    return temporary_path;
}

#endif
