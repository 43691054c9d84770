/* A similarity matrix in the terminal.
 *
 *     conv1    @@+- . .
 *     layer1.0 +@@-|. .|            a character cell a pair, two columns wide; lines where a module of more
 *     ...         -+---+            than one layer begins and ends; the bracket names the modules
 */
#ifndef DA_DEEPARC_PRESENT_HEATMAP_H
#define DA_DEEPARC_PRESENT_HEATMAP_H

#include "deeparc/partition.h"
#include "deeparc/text.h"

typedef enum da_ink {
    DA_INK_ASCII,     /* shaded with characters, nothing beyond ASCII */
    DA_INK_UNICODE,   /* shaded with block characters, box-drawing lines */
    DA_INK_256,       /* ANSI escapes, 256 colours */
    DA_INK_TRUECOLOUR /* ANSI escapes, 24 bits */
} da_ink;

typedef struct da_heatmap {
    const double *matrix;         /* layers x layers, row-major */
    int layers;
    const char *const *names;     /* one a layer; NULL: numbers */
    const da_partition *partition;/* its boundaries are drawn; NULL: none */
    double low, high;             /* values shown darkest and lightest; equal: smallest and largest of the matrix */
    da_ink ink;
    int columns;                  /* width to stay within: cells shrink to one column, then names are cut; 0: 120 */
} da_heatmap;

/* Appends the picture and its scale. Errors: DA_ERROR_ARGUMENT (no layers, a partition of another number of layers),
   DA_ERROR_MEMORY; the text then holds no part of it. */
da_status da_heatmap_draw(da_text *out, const da_heatmap *map);

#endif
