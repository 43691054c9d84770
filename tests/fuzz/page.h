/* What every page and picture keeps to, whatever the records hold: text never becomes a tag, and the numbers of
 * pictures are numbers. */
#ifndef DA_TESTS_FUZZ_PAGE_H
#define DA_TESTS_FUZZ_PAGE_H

#include "core/file.h"
#include "core/memory.h"

#include <stdlib.h>
#include <string.h>

static inline void page_check_tag(const char *tag, size_t length) {
    static const char *const wrong[] = { "=\"nan", "=\"inf", "=\"-nan", "=\"-inf", "Mnan", "Lnan", "Minf", "Linf" };
    char text[400];
    size_t size = length < sizeof text - 1 ? length : sizeof text - 1;
    memcpy(text, tag, size);
    text[size] = '\0';
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (strstr(text, wrong[i])) abort();
}

static inline void page_check(const char *path, const char *ending) {
    uint8_t *bytes;
    size_t size;
    if (da_file_read(path, 1u << 30, &bytes, &size) != DA_OK) abort();
    const char *page = (const char *)bytes;
    const size_t tail = strlen(ending);
    if (size < tail || strlen(page) != size || strcmp(page + size - tail, ending) != 0) abort();
    for (const char *tag = strchr(page, '<'); tag; tag = strchr(tag, '<')) {
        const size_t length = strcspn(tag + 1, "<>");
        if (tag[1 + length] != '>') abort();
        page_check_tag(tag, length + 1);
        tag += length + 1;
    }
    da_free(bytes);
}

#endif
