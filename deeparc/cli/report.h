/* Between report.c, which reads records and makes the table of versions, and report_page.c, which makes the page.
 *
 *     DIR/train.json          `train --json`                         what was trained, and how it went
 *     DIR/similarity.json     `similarity --record`                  matrix, names, modules
 *     DIR/restructure.json    `restructure --record`                 verdicts, before, after
 *     DIR/retrain-*.json      `retrain --record`                     one for every way it was repaired
 */
#ifndef DA_DEEPARC_CLI_REPORT_H
#define DA_DEEPARC_CLI_REPORT_H

#include "deeparc/cli/cli.h"
#include "deeparc/text.h"

enum { REPORT_RETRAINS = 16 };

typedef struct report {
    const da_json *train, *similarity, *restructure; /* NULL: there is no such file */
    const da_json *retrain[REPORT_RETRAINS];
    char           retrain_name[REPORT_RETRAINS][64]; /* what stands for * in its file name */
    int            retrains;
} report;

/* Cells of a table, row after row: texts that are written one by one. */
enum { CELL = 96 };
typedef struct cells { char (*text)[CELL]; const char **cell; int count, capacity; } cells;
da_status cells_init(cells *t, int capacity);
void      cells_free(cells *t);
void      cells_add(cells *t, const char *format, ...) DA_PRINTF(2, 3); /* beyond the capacity nothing is added */

/* The networks that the records tell of, one a row: the original, what removal left, and every repair of that. */
enum { VERSION_COLUMNS = 8 };
extern const char *const report_header[VERSION_COLUMNS];
da_status report_versions(const report *r, cells *t, int *rows);

/* Members of records; NAN and "" where there is none. */
double      report_number(const da_json *object, const char *key);
const char *report_text(const da_json *object, const char *key);
const da_json *report_local(const report *r); /* the repair that trained some units only; NULL when there is none */

da_status report_page(const report *r, da_text *page);

#endif
