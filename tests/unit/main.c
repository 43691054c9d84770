/* Runs the registered tests and counts. Last line: "N passed, N failed, N skipped". */
#include "tests/unit/test.h"
#include "core/memory.h"
#include "core/parallel.h"

#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static test_case *tests;
static bool failed, skipped;
static const char *running;
static char directory[128];

void test_register(test_case *test) { /* kept in order of file, then name, so that every build runs them alike */
    test_case **at = &tests;
    while (*at && (strcmp((*at)->file, test->file) < 0 ||
                   (strcmp((*at)->file, test->file) == 0 && strcmp((*at)->name, test->name) < 0)))
        at = &(*at)->next;
    test->next = *at;
    *at = test;
}

void test_fail(const char *file, int line, const char *format, ...) {
    va_list arguments;
    printf("FAIL %s\n  %s:%d: ", running, file, line);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    failed = true;
}

void test_skip(const char *format, ...) {
    va_list arguments;
    printf("skip %s: ", running);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    skipped = true;
}

bool test_failed(void) { return failed; }

const char *test_data_dir(void) {
    const char *path = getenv("DEEPARC_DATA");
    return path && *path ? path : NULL;
}

bool test_comma_locale(void) {
    static const char *const commas[] = { "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE", "ps_AF.UTF-8" };
    for (size_t i = 0; i < sizeof commas / sizeof commas[0]; i++)
        if (setlocale(LC_NUMERIC, commas[i])) return true;
    return false;
}

const char *test_temporary(const char *name) {
    static char paths[8][256];
    static int next;
    if (!directory[0]) {
        const char *base = getenv("TMPDIR");
        snprintf(directory, sizeof directory, "%.90s/deeparc-test-XXXXXX", base && *base ? base : "/tmp");
        if (!mkdtemp(directory)) { perror(directory); exit(1); }
    }
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

static bool chosen(const char *name, int count, char **names) {
    for (int i = 0; i < count; i++)
        if (strstr(name, names[i])) return true;
    return count == 0;
}

int main(int argc, char **argv) {
    int passed_count = 0, failed_count = 0, skipped_count = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (test_case *test = tests; test; test = test->next) {
        if (!chosen(test->name, argc - 1, argv + 1)) continue;
        failed = skipped = false;
        running = test->name;
        int64_t blocks = da_memory().live_blocks;
        test->body();
        if (!failed && da_memory().live_blocks != blocks)
            test_fail(test->file, 0, "%lld blocks leaked", (long long)(da_memory().live_blocks - blocks));
        if (failed) failed_count++;
        else if (skipped) skipped_count++;
        else passed_count++;
    }
    if (directory[0]) {
        char command[160];
        snprintf(command, sizeof command, "rm -rf '%s'", directory);
        if (system(command) != 0) fprintf(stderr, "could not remove %s\n", directory);
    }
    printf("%d passed, %d failed, %d skipped\n", passed_count, failed_count, skipped_count);
    return failed_count > 0;
}
