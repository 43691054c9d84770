/* A file that holds the fuzzer's bytes, for readers that take a path: one name a process, in memory where there is
 * /dev/shm. */
#ifndef DA_TESTS_FUZZ_TEMPORARY_H
#define DA_TESTS_FUZZ_TEMPORARY_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char temporary_path[256];

static void temporary_remove(void) { unlink(temporary_path); }

static const char *temporary_file(const uint8_t *bytes, size_t size) {
    const char *folder = getenv("TMPDIR");
    if (!temporary_path[0]) {
        if (!folder) folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
        snprintf(temporary_path, sizeof temporary_path, "%.200s/deeparc-fuzz-%ld", folder, (long)getpid());
        atexit(temporary_remove);
    }
    FILE *file = fopen(temporary_path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) abort();
    return temporary_path;
}

#endif
