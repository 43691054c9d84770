/* Pages: begun, filled, ended and saved in one place, so that none can forget to say what it is the result of.
 *
 *     | title                                                     |
 *     | by which program, commit, kernels, machine it was made    |
 *     | ... what the command shows: fill                          |
 *     | Where it comes from: a row a record, and behind each      |
 *     |   record and the page itself the whole header of its run  |
 */
#ifndef DA_DEEPARC_CLI_PAGE_H
#define DA_DEEPARC_CLI_PAGE_H

#include "deeparc/cli/cli.h"
#include "deeparc/text.h"

/* A record that is shown, and the name of its file. */
enum { PAGE_SOURCE = 300 };
typedef struct page_source { char name[PAGE_SOURCE]; da_json *record; } page_source;

typedef struct page_request {
    const char *title, *subtitle;
    da_status (*fill)(const void *context, da_text *page);
    const void *context;
    const page_source *sources; /* none: what the page shows is of this run */
    int source_count;
} page_request;

/* Saves the page as `path`; *size, unless NULL, takes its bytes. */
da_status page_save(cli *c, const char *path, const page_request *request, size_t *size);

#endif
