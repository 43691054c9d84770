/* Renderers: what is seen of a result (deeparc/result.h). Its record is JSON, which da_result_write makes.
 *
 *     da_show_terminal    prose as it stands, each table with a line of labels, columns as wide as they need to be
 *     da_show_csv         one table: a line of keys, then a line a row
 *     da_show_table       one table on a page (html.h)
 *
 * All append to a text, whose status has the first error.
 */
#ifndef DA_DEEPARC_PRESENT_SHOW_H
#define DA_DEEPARC_PRESENT_SHOW_H

#include "deeparc/result.h"
#include "deeparc/text.h"

enum { DA_SHOW_COLUMNS = 32 }; /* of a table that is shown; more are not */

/* What names in it could do to a terminal, da_text_plain takes out. */
void da_show_terminal(da_text *out, const da_result *result);
void da_show_csv(da_text *out, const da_result *table);
/* Only columns with labels. emphasis: a row that stands out, or -1. */
void da_show_table(da_text *page, const char *caption /* or NULL */, const da_result *table, int emphasis);

/* One value as a column shows it, with its unit; nothing when it is unknown or absent. */
void da_show_value(da_text *out, const da_column *column, da_value value);

#endif
