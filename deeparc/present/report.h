/* Between cli/report.c, which finds records, report_versions.c, which compares them, report_read.c, which reads them, and
 * report_page.c, report_matrix.c and report_properties.c, which make the page.
 *
 *     DIR/train.json          `train --json`                         what was trained, and how it went
 *     DIR/similarity.json     `similarity --record`                  matrix, names, modules
 *     DIR/restructure.json    `restructure --record`                 verdicts, before, after
 *     DIR/retrain-*.json      `retrain --record`                     one for every way it was repaired
 *     DIR/properties*.json    `properties --record`                  curves of removed or repeated blocks
 */
#ifndef DA_DEEPARC_PRESENT_REPORT_H
#define DA_DEEPARC_PRESENT_REPORT_H

#include "deeparc/present/page.h"
#include "deeparc/partition.h"
#include "deeparc/sweep_table.h"
#include "deeparc/text.h"
#include "core/number.h"

enum { DA_REPORT_NAME = 256 };
typedef char da_report_name[DA_REPORT_NAME]; /* what stands for * in the name of a file */

typedef struct da_report {
    const da_result *train, *similarity, *restructure; /* NULL: there is no such file */
    const da_result **retrain;     /* all there are, in the order of their names */
    da_report_name    *retrain_name;
    int             retrains;
    const da_result **eval;        /* those with examples are shown */
    da_report_name    *eval_name;
    int             evals;
    const da_result **study;       /* of `properties`, likewise */
    da_report_name    *study_name;
    int             studies;
    da_page_source    *sources;     /* all of them, in the order of the page */
    int             source_count;
} da_report;

/* The networks that the records tell of, one a row: the original, what removal left, and every repair of that. A table,
   added to `to`. */
const da_result *da_report_versions(const da_report *r, da_result *to);

/* The accuracy of the original on the test images that a record is of: what may be subtracted from the record's own. NaN:
   nobody took it on those images, or the record does not say which they are. */
double      da_report_original(const da_report *r, const da_result *record);
/* Is there an accuracy for which that is unknown? Then this is why there is no change. */
bool        da_report_mixes_images(const da_report *r);
extern const char da_report_mixed_note[];

da_counted  da_report_count(const da_result *object, const char *key, const char *noun); /* "1 image"; any number has a text */
const da_result *da_report_local(const da_report *r); /* the repair that trained some units only; NULL when there is none */

/* Arrays, the caller's to da_free. numbers: member `key` of every object in a list, or with key NULL the elements
   themselves, NAN where it is no number. names: borrowed from the tree. square: rows of a matrix, layers x layers.
   partition: `modules` of a record, checked to be a partition of its `layers`. */
da_status da_report_numbers(const da_result *list, const char *key, double **out, int *count);
da_status da_report_names(const da_result *list, const char ***out, int *count);
da_status da_report_square(const da_result *rows, int layers, double **out);
da_status da_report_partition(const da_result *record, da_partition *out);

/* " Seed 1; deeparc 0.1.0, kernels avx512; Linux x86_64, 2 processors." */
enum { DA_REPORT_ORIGIN = 300 };
void da_report_origin(const da_result *record, char *text, size_t size);

/* The page, its sections of a similarity matrix (with the chain of its layers, unless that is drawn elsewhere) and of a
   study of properties, and a page of such a study alone. run: the header of the run that makes the page. */
da_status da_report_page(const da_report *r, const da_result *run, const char *path, size_t *size);
da_status da_report_similarity(const da_result *record, bool with_chain, da_text *page);
void      da_report_conclusion(const da_report *r, da_text *page); /* a paragraph of what the figures come to */
da_status da_report_study(const da_result *record, da_text *page);
da_status da_report_study_page(const da_result *record, const da_result *run, const char *path);
void      da_report_command(const da_result *record, da_text *lines); /* the line that was typed; nothing if not recorded */

/* The page of a sweep: setting, machines, means beside the published ones, what the metric depends on; and the means
   against depth beside the published ones, as a picture: an .svg file. */
da_status da_sweep_page(const da_sweep_table *table, const da_result *run, const char *title, const char *path);
da_status da_sweep_figure(const da_sweep_table *table, const char *path);

#endif
