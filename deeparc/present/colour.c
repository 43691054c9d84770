/* The colour scale: ten anchors, straight lines between them. */
#include "deeparc/present/colour.h"

#include <math.h>

static const da_colour anchors[] = {
    { 68, 1, 84 }, { 72, 40, 120 }, { 62, 73, 137 }, { 49, 104, 142 }, { 38, 130, 142 },
    { 31, 158, 137 }, { 53, 183, 121 }, { 110, 206, 88 }, { 181, 222, 43 }, { 253, 231, 37 }
};
enum { INTERVALS = sizeof anchors / sizeof *anchors - 1 };

static uint8_t between(uint8_t from, uint8_t to, double share) { return (uint8_t)(from + share * (to - from) + 0.5); }

da_colour da_colour_scale(double value) {
    if (isnan(value)) return (da_colour){ 128, 128, 128 };
    double place = fmin(fmax(value, 0), 1) * INTERVALS;
    int i = place < INTERVALS ? (int)place : INTERVALS - 1;
    const da_colour *from = &anchors[i], *to = &anchors[i + 1];
    double share = place - i;
    return (da_colour){ between(from->red, to->red, share), between(from->green, to->green, share),
                        between(from->blue, to->blue, share) };
}

bool da_colour_is_light(da_colour c) { return 299 * c.red + 587 * c.green + 114 * c.blue > 140 * 1000; }

static int distance(da_colour c, int red, int green, int blue) {
    int r = c.red - red, g = c.green - green, b = c.blue - blue;
    return r * r + g * g + b * b;
}

static int nearest_level(int value) { return value < 48 ? 0 : value < 115 ? 1 : (value - 35) / 40; }

int da_colour_terminal256(da_colour c) {
    static const int levels[] = { 0, 95, 135, 175, 215, 255 };
    int r = nearest_level(c.red), g = nearest_level(c.green), b = nearest_level(c.blue);
    int grey = (c.red + c.green + c.blue) / 3, step = grey < 8 ? 0 : grey > 238 ? 23 : (grey - 3) / 10;
    int ramp = 8 + 10 * step;
    bool cube = distance(c, levels[r], levels[g], levels[b]) <= distance(c, ramp, ramp, ramp);
    return cube ? 16 + 36 * r + 6 * g + b : 232 + step;
}
