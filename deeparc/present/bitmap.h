/* A picture of pixels: filled rectangles, frames, letters of 5 x 7 dots; and its PNG file.
 *
 *     (0, 0) ──> x       rgb[3 (y width + x)]: red, green, blue, row after row
 *       |
 *       v y              What lies outside is not drawn.
 */
#ifndef DA_DEEPARC_PRESENT_BITMAP_H
#define DA_DEEPARC_PRESENT_BITMAP_H

#include "deeparc/present/colour.h"
#include "deeparc/text.h"

enum {
    DA_LARGEST_BITMAP = 32768,                  /* pixels of an edge */
    DA_GLYPH_ADVANCE = 6, DA_GLYPH_HEIGHT = 7   /* of a letter, in dots */
};

typedef struct da_bitmap {
    int width, height;
    uint8_t *rgb; /* owned */
} da_bitmap;

/* One colour all over. Errors: DA_ERROR_ARGUMENT (an edge outside 1..DA_LARGEST_BITMAP), DA_ERROR_MEMORY. */
da_status da_bitmap_new(da_bitmap *out, int width, int height, da_colour colour);
void      da_bitmap_free(da_bitmap *bitmap); /* takes one of all zero bytes, and leaves it so */

void da_bitmap_fill(da_bitmap *bitmap, int x, int y, int width, int height, da_colour colour);
void da_bitmap_frame(da_bitmap *bitmap, int x, int y, int width, int height, int thickness, da_colour colour);

/* Letters whose dots are scale x scale pixels; (x, y) is where the text begins, at the top of the first letter.
   upwards: turned by 90 degrees, as names below a column are; (x, y) is then the lower left corner of the first letter. A
   character beyond ASCII is drawn as a question mark. */
void da_bitmap_text(da_bitmap *bitmap, int x, int y, const char *text, int scale, bool upwards, da_colour colour);
int  da_bitmap_text_width(const char *text, int scale); /* pixels from the first dot to the last */

/* Appends the PNG file (ISO 15948): 8 bits a channel, true colour. Deterministic: the same pixels give the same bytes.
   Errors: DA_ERROR_MEMORY. */
da_status da_bitmap_png(const da_bitmap *bitmap, da_text *file);

#endif
