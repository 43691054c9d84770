/* Images that dominate first principal components, of `deeparc similarity --dominant`: file, record, a few words. */
#ifndef DA_DEEPARC_CLI_DOMINANT_H
#define DA_DEEPARC_CLI_DOMINANT_H

#include "deeparc/cli/cli.h"
#include "deeparc/measure.h"

/* Image i of what was measured is image first + i * step of the data set. */
typedef struct dominant_numbers { int64_t first, step; const uint8_t *labels; /* of what was measured, or NULL */ }
    dominant_numbers;

/* CSV: layer, rank, image, label (empty without labels), share. */
da_status dominant_save(const char *path, const da_measurement *m, const dominant_numbers *numbers);
/* The member `first_component`: name and share of the variance of every layer, and its images; and that in words. */
void      dominant_put(da_result *to, const da_measurement *m, const dominant_numbers *numbers);

#endif
