/* Between report.c, which finds records and makes the table of versions, report_read.c, which reads them, and
 * report_page.c, report_matrix.c and report_properties.c, which make the page.
 *
 *     DIR/train.json          `train --json`                         what was trained, and how it went
 *     DIR/similarity.json     `similarity --record`                  matrix, names, modules
 *     DIR/restructure.json    `restructure --record`                 verdicts, before, after
 *     DIR/retrain-*.json      `retrain --record`                     one for every way it was repaired
 *     DIR/properties*.json    `properties --record`                  curves of removed or repeated blocks
 */
#ifndef DA_DEEPARC_CLI_REPORT_H
#define DA_DEEPARC_CLI_REPORT_H

#include "deeparc/cli/page.h"
#include "deeparc/partition.h"
#include "deeparc/text.h"
#include "core/number.h"

enum { REPORT_NAME = 256 };
typedef char report_name[REPORT_NAME]; /* what stands for * in the name of a file */

typedef struct report {
    const da_json *train, *similarity, *restructure; /* NULL: there is no such file */
    const da_json **retrain;     /* all there are, in the order of their names */
    report_name    *retrain_name;
    int             retrains;
    const da_json **eval;        /* those with examples are shown */
    report_name    *eval_name;
    int             evals;
    const da_json **study;       /* of `properties`, likewise */
    report_name    *study_name;
    int             studies;
    page_source    *sources;     /* all of them, in the order of the page */
    int             source_count;
} report;

/* Cells of a table, row after row: texts that are written one by one. */
enum { CELL = 96 };
typedef struct cells { char (*text)[CELL]; const char **cell; int count, capacity; } cells;
da_status cells_init(cells *t, int capacity);
void      cells_free(cells *t);
void      cells_add(cells *t, const char *format, ...) DA_PRINTF(2, 3); /* beyond the capacity nothing is added */

/* The networks that the records tell of, one a row: the original, what removal left, and every repair of that. */
enum { VERSION_COLUMNS = 9 };
extern const char *const report_header[VERSION_COLUMNS];
da_status report_versions(const report *r, cells *t, int *rows);

/* The accuracy of the original on the test images that a record is of: what may be subtracted from the record's own. NaN:
   nobody took it on those images, or the record does not say which they are. */
double      report_original(const report *r, const da_json *record);
/* Is there an accuracy for which that is unknown? Then this is why a "-" stands for its change. */
bool        report_mixes_images(const report *r);
extern const char report_mixed_note[];

/* Members of records; NAN and "" where there is none. */
double      report_number(const da_json *object, const char *key);
da_counted  report_count(const da_json *object, const char *key, const char *noun); /* "1 image"; any number has a text */
const char *report_text(const da_json *object, const char *key);
const da_json *report_local(const report *r); /* the repair that trained some units only; NULL when there is none */

/* Arrays, the caller's to da_free. numbers: member `key` of every object in a list, or with key NULL the elements
   themselves, NAN where it is no number. names: borrowed from the tree. square: rows of a matrix, layers x layers.
   partition: `modules` of a record, checked to be a partition of its `layers`. */
da_status report_numbers(const da_json *list, const char *key, double **out, int *count);
da_status report_names(const da_json *list, const char ***out, int *count);
da_status report_square(const da_json *rows, int layers, double **out);
da_status report_partition(const da_json *record, da_partition *out);

/* " Seed 1; deeparc 0.1.0, kernels avx512; Linux x86_64, 2 processors." */
enum { REPORT_ORIGIN = 300 };
void report_origin(const da_json *record, char *text, size_t size);

/* The page, its sections of a similarity matrix (with the chain of its layers, unless that is drawn elsewhere) and of a
   study of properties, and a page of such a study alone, which this run has made. */
da_status report_page(cli *c, const report *r, const char *path, size_t *size);
da_status report_similarity(const da_json *record, bool with_chain, da_text *page);
void      report_conclusion(const report *r, da_text *page); /* a paragraph of what the figures come to */
da_status report_study(const da_json *record, da_text *page);
da_status report_study_page(cli *c, const da_json *record, const char *path);
void      report_command(const da_json *record, da_text *lines); /* the line that was typed; nothing if not recorded */

#endif
