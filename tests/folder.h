/* A folder in memory or in /tmp for tests and fuzzers of commands that read folders, filled from text: a line a file.
 *
 *     train.json {"model":"mlp", ...}        name, a space, what the file holds
 */
#ifndef DA_TESTS_FOLDER_H
#define DA_TESTS_FOLDER_H

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDER_PATH = 512 };

static inline void folder_file(const char *folder, const char *name, const void *bytes, size_t size) {
    char path[FOLDER_PATH];
    snprintf(path, sizeof path, "%.250s/%.250s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) abort();
}

/* Of a line: false when it does not begin with the name of a file. */
static inline bool folder_line(const char *folder, const char *line, size_t length) {
    char name[100];
    size_t size = 0;
    while (size < length && line[size] != ' ') size++;
    if (size == 0 || size >= sizeof name || size == length || line[0] == '.') return false;
    for (size_t i = 0; i < size; i++)
        if (line[i] == '/' || line[i] == '\0') return false;
    memcpy(name, line, size);
    name[size] = '\0';
    folder_file(folder, name, line + size + 1, length - size - 1);
    return true;
}

static inline int folder_fill(const char *folder, const char *text, size_t size) {
    int files = 0;
    for (const char *line = text, *end = text + size; line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        if (!stop) stop = end;
        files += folder_line(folder, line, (size_t)(stop - line));
        line = stop + 1;
    }
    return files;
}

/* Removes the files of a folder, not the folders in it. */
static inline void folder_empty(const char *folder) {
    DIR *all = opendir(folder);
    for (const struct dirent *entry; all && (entry = readdir(all)) != NULL;) {
        char path[FOLDER_PATH];
        snprintf(path, sizeof path, "%.250s/%.250s", folder, entry->d_name);
        if (entry->d_name[0] != '.') (void)unlink(path);
    }
    if (all) closedir(all);
}

#endif
