/* Pages: begun, filled, ended and saved in one place, so that none can forget to say what it is the result of.
 *
 *     | title                                                     |
 *     | by which program, commit, kernels, machine it was made    |
 *     | ... what the command shows: fill                          |
 *     | Where it comes from: a row a record, and behind each      |
 *     |   record and the page itself the whole header of its run  |
 */
#ifndef DA_DEEPARC_PRESENT_PAGE_H
#define DA_DEEPARC_PRESENT_PAGE_H

#include "deeparc/result.h"
#include "deeparc/text.h"

/* A record that is shown, and the name of its file. */
enum { DA_PAGE_SOURCE = 300 };
typedef struct da_page_source { char name[DA_PAGE_SOURCE]; da_result *record; } da_page_source;

typedef struct da_page_request {
    const char *title, *subtitle;
    da_status (*fill)(const void *context, da_text *page);
    const void *context;
    const da_result *run;          /* the header of the run that makes the page */
    const da_page_source *sources; /* none: what the page shows is of this run */
    int source_count;
} da_page_request;

/* Saves the page as `path`; *size, unless NULL, takes its bytes. */
da_status da_page_save(const char *path, const da_page_request *request, size_t *size);

#endif
