/* What charts of layers share: how their names are written. */
#ifndef DA_DEEPARC_PRESENT_CHART_PARTS_H
#define DA_DEEPARC_PRESENT_CHART_PARTS_H

#include "deeparc/text.h"

enum { CHART_LONGEST_NAME = 22, CHART_GLYPH = 7 }; /* characters; units of a picture that one takes */

/* The name of a layer or, without names, its number; of a long one the end, which tells layers apart. */
void dai_chart_put_name(da_text *page, const char *const *names, int layer);
/* The same turned by a quarter, ending below (x, y). */
void dai_chart_put_turned_name(da_text *page, const char *const *names, int layer, double x, int y);
int  dai_chart_name_room(const char *const *names, int layers); /* units that the longest of them takes */

#endif
