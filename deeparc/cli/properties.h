/* Between properties.c, which measures, and properties_show.c, which states the result; report.h has the page. */
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

void      properties_put(const study_result *r); /* into c->result */
da_status properties_csv(const study_result *r, const char *path);

#endif
