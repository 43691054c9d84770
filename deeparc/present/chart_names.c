/* Names of layers in charts. */
#include "deeparc/present/chart_parts.h"

#include <stdio.h>
#include <string.h>

static const char *name_of(const char *const *names, int layer, char number[16]) {
    if (names && names[layer]) return names[layer];
    snprintf(number, 16, "%d", layer);
    return number;
}

void dai_chart_put_name(da_text *page, const char *const *names, int layer) {
    char number[16];
    const char *name = name_of(names, layer, number);
    size_t length = strlen(name);
    if (length > CHART_LONGEST_NAME) {
        name += length - CHART_LONGEST_NAME + 1;
        while (((unsigned char)*name & 0xc0) == 0x80) name++; /* not in the middle of a character */
        da_text_append(page, "…");
    }
    da_text_html(page, name);
}

void dai_chart_put_turned_name(da_text *page, const char *const *names, int layer, double x, int y) {
    da_text_append(page, "<text transform=\"translate(");
    da_text_fixed(page, x, 1);
    da_text_printf(page, " %d)rotate(-90)\" text-anchor=\"end\">", y);
    dai_chart_put_name(page, names, layer);
    da_text_append(page, "</text>");
}

int dai_chart_name_room(const char *const *names, int layers) {
    char number[16];
    int longest = 1;
    for (int l = 0; l < layers; l++) {
        int length = (int)strlen(name_of(names, l, number));
        if (length > longest) longest = length;
    }
    return (longest < CHART_LONGEST_NAME ? longest : CHART_LONGEST_NAME) * CHART_GLYPH + 8;
}
