/* Between properties.c, which measures, and properties_show.c, which shows the result as text and CSV; report.h has
 * the page. */
#ifndef DA_DEEPARC_CLI_PROPERTIES_H
#define DA_DEEPARC_CLI_PROPERTIES_H

#include "deeparc/cli/matrix.h"
#include "deeparc/properties.h"
#include "deeparc/text.h"

typedef struct study_result {
    cli         *c;
    da_model    *model;
    da_dataset   learn, test;
    matrix       matrix;
    char       **layers;     /* unit of each row of the matrix, one block */
    da_properties_options options;
    da_properties p;
    double       seconds;
    char         hash[65];   /* of the model's values */
} study_result;

const char *properties_verb(const study_result *r); /* "removed", "repeated" */
bool        properties_has(const study_result *r, da_property property); /* was it measured at all? */

/* Inside minus the mean of the controls, averaged over the points that both have; NaN: there is none. */
double properties_advantage(const study_result *r, da_property property);

void      properties_print(const study_result *r);
da_status properties_csv(const study_result *r, const char *path);

#endif
