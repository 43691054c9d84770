/* Scales for pictures: from values to shares of an axis or of a colour bar, and round numbers to label it with. */
#ifndef DA_DEEPARC_PRESENT_SCALE_H
#define DA_DEEPARC_PRESENT_SCALE_H

#include <stdint.h>

typedef struct da_scale { double low, high; } da_scale;

#define DAI_SCALE_MOST  1e290
#define DAI_SCALE_LEAST 1e-290 /* a shorter one has no steps: it holds one value */

da_scale dai_scale_empty(void); /* holds no value yet */
/* Widens it to values that are finite. Beyond DAI_SCALE_MOST the scale ends, so that its length and steps are finite. */
void     dai_scale_include(da_scale *scale, const double *values, int64_t count);
/* low to high; where they are equal, from the smallest to the largest of the values, 0 to 1 when none is finite. */
da_scale dai_scale_of(double low, double high, const double *values, int64_t count);
/* 0 at low and below, 1 at high and above; 1 where they are equal; NaN stays NaN. */
double   dai_scale_share(da_scale scale, double value);

/* Round steps (1, 2 or 5 times a power of ten) of which about `wanted` fit into the scale, and their decimals. No step
   is shorter than `least`: 1 where only whole numbers mean something, 0 elsewhere. */
typedef struct da_ticks { double first, step; int count, decimals; } da_ticks;
da_ticks dai_scale_ticks(da_scale scale, int wanted, double least);

/* The scale stretched to whole steps; a scale without values or with one becomes one around it. */
da_scale dai_scale_rounded(da_scale scale, int wanted);

#endif
