/* The terminal heat map: a line a layer, a cell a pair, lines around modules of more than one layer.
 *
 *     | name, padded | ' ' | cells, with a bar before every column that begins or ends a module | ' ' | bracket |
 */
#include "deeparc/present/heatmap.h"
#include "core/json.h"
#include "deeparc/present/colour.h"
#include "deeparc/present/scale.h"

#include <stdio.h>
#include <string.h>

enum { DEFAULT_COLUMNS = 120, SHORTEST_NAME = 6, NAME_BYTES = 64, LEGEND_CELLS = 24, BRACKET_COLUMNS = 8 };

static const char *const ascii_shades[] = { " ", ".", ":", "-", "=", "+", "*", "#", "%", "@" };
static const char *const unicode_shades[] = { " ", "░", "▒", "▓", "█" };

typedef struct line_set { const char *across, *down, *cross, *top, *bottom; } line_set;
static const line_set ascii_lines = { "-", "|", "+", "\\", "/" }, unicode_lines = { "─", "│", "┼", "┐", "┘" };

/* What is worked out once: the scale, the layout. */
typedef struct canvas {
    const da_heatmap *map;
    da_text *out;
    da_scale scale;
    const line_set *lines;
    int name_width, cell_width, bars; /* columns on the screen; bars: how many boundaries */
} canvas;

static int columns_of(const char *utf8) {
    int count = 0;
    for (; *utf8; utf8++) count += ((unsigned char)*utf8 & 0xc0) != 0x80;
    return count;
}

/* A layer's name, with nothing in it that could move the cursor. */
static void clean_name(char text[NAME_BYTES], const da_heatmap *map, int layer) {
    if (map->names && map->names[layer]) snprintf(text, NAME_BYTES, "%s", map->names[layer]);
    else snprintf(text, NAME_BYTES, "%d", layer);
    for (char *c = text; *c; c++) {
        int length = da_utf8_length(c, strnlen(c, 4));
        unsigned char byte = (unsigned char)*c, next = (unsigned char)c[1];
        if (byte < ' ' || byte == 0x7f || length == 0) *c = '?';
        else if (byte == 0xc2 && next < 0xa0) c[0] = c[1] = '?'; /* U+0080 to U+009F steer terminals, too */
        else c += length - 1;
    }
}

static void lay_out(canvas *c) {
    const da_heatmap *map = c->map;
    char name[NAME_BYTES];
    int columns = map->columns > 0 ? map->columns : DEFAULT_COLUMNS;
    for (int l = 0; l < map->layers; l++) {
        clean_name(name, map, l);
        if (columns_of(name) > c->name_width) c->name_width = columns_of(name);
        c->bars += da_partition_is_edge(map->partition, l);
    }
    int rest = columns - 1 - c->bars - (map->partition ? BRACKET_COLUMNS : 0);
    c->cell_width = c->name_width + 2 * map->layers <= rest ? 2 : 1;
    int room = rest - c->cell_width * map->layers;
    if (c->name_width > room) c->name_width = room > SHORTEST_NAME ? room : SHORTEST_NAME;
}

static bool has_colour(const canvas *c) { return c->map->ink == DA_INK_256 || c->map->ink == DA_INK_TRUECOLOUR; }

/* One cell. With colour the escape is left out while the colour stays: *in_force is the last one, or -1. */
static void put_cell(const canvas *c, double value, int *in_force) {
    double share = dai_scale_share(c->scale, value);
    if (!has_colour(c)) {
        int levels = c->map->ink == DA_INK_ASCII ? 10 : 5;
        const char *const *shades = c->map->ink == DA_INK_ASCII ? ascii_shades : unicode_shades;
        int level = share > 0 ? (int)(share * levels) : 0; /* NaN is not above 0 */
        da_text_repeat(c->out, shades[level < levels ? level : levels - 1], c->cell_width);
        return;
    }
    da_colour colour = da_colour_scale(share);
    int code = c->map->ink == DA_INK_256 ? da_colour_terminal256(colour)
                                         : colour.red << 16 | colour.green << 8 | colour.blue;
    if (code != *in_force && c->map->ink == DA_INK_256) da_text_printf(c->out, "\033[48;5;%dm", code);
    if (code != *in_force && c->map->ink == DA_INK_TRUECOLOUR)
        da_text_printf(c->out, "\033[48;2;%d;%d;%dm", colour.red, colour.green, colour.blue);
    *in_force = code;
    da_text_repeat(c->out, " ", c->cell_width);
}

static void end_colour(const canvas *c, int *in_force) {
    if (*in_force >= 0) da_text_append(c->out, "\033[0m");
    *in_force = -1;
}

static void put_name(const canvas *c, int layer) {
    char name[NAME_BYTES];
    clean_name(name, c->map, layer);
    int left = c->name_width - columns_of(name);
    const char *from = name;
    for (; left < 0; left++) /* too long: the end tells more than the beginning */
        do from++; while (((unsigned char)*from & 0xc0) == 0x80);
    da_text_append(c->out, from);
    da_text_repeat(c->out, " ", left + 1);
}

/* " ┐ module 3" at the first layer of a module, " │" and " ┘" at the following; nothing for a single layer. */
static void put_bracket(const canvas *c, int layer) {
    const da_partition *p = c->map->partition;
    int module = p ? da_partition_module_of(p, layer) : -1;
    if (module < 0 || da_partition_is_alone(p, module)) return;
    bool first = layer == p->module[module].begin, last = layer == p->module[module].end - 1;
    da_text_printf(c->out, " %s", first ? c->lines->top : last ? c->lines->bottom : c->lines->down);
    if (first) da_text_printf(c->out, " M%d", module);
}

static void put_row(const canvas *c, int row) {
    int in_force = -1;
    put_name(c, row);
    for (int column = 0; column < c->map->layers; column++) {
        if (da_partition_is_edge(c->map->partition, column)) {
            end_colour(c, &in_force);
            da_text_append(c->out, c->lines->down);
        }
        put_cell(c, c->map->matrix[(int64_t)row * c->map->layers + column], &in_force);
    }
    end_colour(c, &in_force);
    put_bracket(c, row);
    da_text_append(c->out, "\n");
}

static void put_rule(const canvas *c) {
    da_text_repeat(c->out, " ", c->name_width + 1);
    for (int column = 0; column < c->map->layers; column++) {
        if (da_partition_is_edge(c->map->partition, column)) da_text_append(c->out, c->lines->cross);
        da_text_repeat(c->out, c->lines->across, c->cell_width);
    }
    da_text_append(c->out, "\n");
}

static void put_legend(const canvas *c) {
    int in_force = -1;
    canvas narrow = *c;
    narrow.cell_width = 1;
    da_text_repeat(c->out, " ", c->name_width + 1);
    da_text_rounded(c->out, c->scale.low, 3);
    da_text_append(c->out, " ");
    for (int i = 0; i < LEGEND_CELLS; i++)
        put_cell(&narrow, c->scale.low + (c->scale.high - c->scale.low) * i / (LEGEND_CELLS - 1), &in_force);
    end_colour(c, &in_force);
    da_text_append(c->out, " ");
    da_text_rounded(c->out, c->scale.high, 3);
    da_text_append(c->out, "\n");
}

da_status da_heatmap_draw(da_text *out, const da_heatmap *map) {
    if (map->layers < 1) return DA_FAIL(DA_ERROR_ARGUMENT, "heat map: %d layers: at least 1 is needed", map->layers);
    if (map->partition && map->partition->layers != map->layers)
        return DA_FAIL(DA_ERROR_ARGUMENT, "heat map: %d layers but a partition of %d", map->layers,
                       map->partition->layers);
    size_t before = out->length;
    canvas c = { .map = map, .out = out };
    c.lines = map->ink == DA_INK_ASCII ? &ascii_lines : &unicode_lines;
    c.scale = dai_scale_of(map->low, map->high, map->matrix, (int64_t)map->layers * map->layers);
    lay_out(&c);
    for (int row = 0; row < map->layers; row++) {
        if (da_partition_is_edge(map->partition, row)) put_rule(&c);
        put_row(&c, row);
    }
    put_legend(&c);
    if (out->status != DA_OK && out->bytes) out->bytes[out->length = before] = '\0';
    return da_text_status(out);
}
