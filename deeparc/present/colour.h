/* Colours for values from 0 to 1: dark violet over blue-green to yellow, in steps that look even, also to the
 * colour-blind and in grey print (the anchors of the scale known as viridis, joined by straight lines). */
#ifndef DA_DEEPARC_PRESENT_COLOUR_H
#define DA_DEEPARC_PRESENT_COLOUR_H

#include <stdbool.h>
#include <stdint.h>

typedef struct da_colour { uint8_t red, green, blue; } da_colour;

da_colour da_colour_scale(double value);       /* clamped to [0, 1]; NaN is grey */
bool      da_colour_is_light(da_colour c);     /* is black the better colour on it? */
int       da_colour_terminal256(da_colour c);  /* nearest entry of the 6 x 6 x 6 cube or the grey ramp, 16..255 */

#endif
