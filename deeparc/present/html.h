/* A report as one self-contained HTML page: no script, no font, no picture from outside; light, dark and print.
 *
 *     da_text page = { 0 };
 *     da_html_begin(&page, "MNIST", "resnet20, 5 epochs, seed 1");
 *     da_html_section_begin(&page, "Modules");
 *     da_html_figures(&page, figures, 4);     da_html_table(&page, ...);     da_chart_lines(&page, ...);   (chart.h)
 *     da_html_section_end(&page);
 *     da_html_end(&page, "deeparc 1.0");
 *     DA_TRY(da_text_status(&page));          one check for all
 *
 * Every string that is passed in is escaped. What can be NULL says so.
 */
#ifndef DA_DEEPARC_PRESENT_HTML_H
#define DA_DEEPARC_PRESENT_HTML_H

#include "deeparc/text.h"

#include <stdbool.h>

void da_html_begin(da_text *page, const char *title, const char *subtitle /* or NULL */);
void da_html_end(da_text *page, const char *footer /* or NULL */);
void da_html_section_begin(da_text *page, const char *heading);
void da_html_section_end(da_text *page);
/* What is long and seldom wanted, between these two: hidden behind a line until that is clicked on. */
void da_html_details_begin(da_text *page, const char *summary);
void da_html_details_end(da_text *page);
void da_html_paragraph(da_text *page, const char *text);
void da_html_note(da_text *page, const char *text); /* small print: the setting of what follows */
void da_html_code(da_text *page, const char *text); /* a command, a hash: fixed width, as it is */

/* Key figures: large numbers in a row of cards. */
typedef struct da_figure {
    const char *value; /* "99.1 %" */
    const char *label; /* "test accuracy" */
    const char *note;  /* small print, or NULL */
} da_figure;
void da_html_figures(da_text *page, const da_figure *figures, int count);

/* Small pictures with a line below each. wrong: a mark of what went wrong. Text that is no base64 fails with
   DA_ERROR_FORMAT. */
typedef struct da_picture {
    const char *png;     /* a PNG file in base64 */
    const char *caption;
    bool wrong;
} da_picture;
void da_html_pictures(da_text *page, const char *title, const da_picture *pictures, int count, const char *note);

/* A table of rows x columns cells, row-major. A column of numbers is set flush right. NULL is an empty
   cell. `emphasis` (or -1) is a row that stands out. */
void da_html_table(da_text *page, const char *caption /* or NULL */, int columns, const char *const *header, int rows,
                   const char *const *cells, int emphasis);

/* An attribute of a picture's element, " x="12.5"", with a point in every locale. */
void da_html_length(da_text *page, const char *attribute, double value);

/* What frames a chart (chart.h): a title above, numbered by the page, and a note below that says how it came about:
   data, setting, seed, machine. Both may be NULL. */
void da_html_figure_begin(da_text *page, const char *title);
void da_html_figure_end(da_text *page, const char *note);

/* Charts between these two stand side by side where the window is wide enough. */
void da_html_columns_begin(da_text *page);
void da_html_columns_end(da_text *page);

#endif
