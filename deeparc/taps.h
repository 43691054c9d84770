/* Which layers of a model are measured, and the names by which a forward pass reports them. */
#ifndef DA_DEEPARC_TAPS_H
#define DA_DEEPARC_TAPS_H

#include "deeparc/measure.h"

typedef struct dai_taps {
    int          count;
    char       **names;    /* as results call them, one block; owned */
    const char **paths;    /* as da_forward.observe is told, in its order; the strings are the model's */
    int64_t     *widths;   /* features of a sample, pooled if that is asked */
    int64_t      channels; /* the most that a tap with height and width has; 0: none has */
} dai_taps;

/* Errors: as da_measure's. free takes one of all zero bytes. */
da_status dai_taps_choose(dai_taps *out, const da_model *model, const da_measure_options *options);
void      dai_taps_free(dai_taps *taps);

#endif
