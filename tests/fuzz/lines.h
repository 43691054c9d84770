/* The fuzzer's bytes as lines of text: up to LINES of them, each a word of a command line. */
#ifndef DA_TESTS_FUZZ_LINES_H
#define DA_TESTS_FUZZ_LINES_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LINES = 300 };
typedef struct lines { char *text, *line[LINES + 1]; int count; } lines; /* line[count] is NULL */

static inline lines lines_new(const uint8_t *data, size_t size) {
    lines l = { .text = malloc(size + 1) };
    memcpy(l.text, data, size);
    l.text[size] = '\0';
    for (char *at = l.text; at && l.count < LINES;) {
        char *stop = strchr(at, '\n');
        if (stop) *stop = '\0';
        l.line[l.count++] = at;
        at = stop ? stop + 1 : NULL;
    }
    l.line[l.count] = NULL;
    return l;
}

#endif
