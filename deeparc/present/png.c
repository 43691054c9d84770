/* The PNG file of a bitmap.
 *
 *     | signature, 8 | IHDR | IDAT: zlib( deflate( rows )) | IEND |           a chunk: length, name, bytes, CRC-32
 *
 *     row      | filter, 1 byte | what the filter leaves of the pixels, 3 bytes each |
 *     zlib     | 78 01 | deflate | Adler-32 of the rows |
 *
 * A heat map is made of squares of one colour: the filter takes from every byte the one to its left or the one above,
 * which leaves zeros nearly everywhere. Deflate then needs to know a single kind of repetition, "the byte before, n
 * times more" (distance 1, n = 3..258), and the fixed code of RFC 1951, section 3.2.6: an encoder of a page.
 */
#include "deeparc/present/bitmap.h"
#include "core/checksum.h"
#include "core/memory.h"

#include <string.h>

enum { FILTER_SUB = 1, FILTER_UP = 2, LEAST_RUN = 3, LONGEST_RUN = 258, END_OF_BLOCK = 256, FIRST_LENGTH = 257 };

typedef struct bit_writer {
    da_text *out;
    uint32_t reservoir;
    int      bits;
} bit_writer;

static void put_bits(bit_writer *w, uint32_t value, int count) { /* lowest bit first */
    w->reservoir |= value << w->bits;
    w->bits += count;
    for (; w->bits >= 8; w->bits -= 8, w->reservoir >>= 8)
        da_text_append_bytes(w->out, (const char[]){ (char)(w->reservoir & 255) }, 1);
}

static void put_code(bit_writer *w, uint32_t code, int length) { /* codes are sent highest bit first */
    for (int bit = length - 1; bit >= 0; bit--) put_bits(w, code >> bit & 1, 1);
}

static void put_symbol(bit_writer *w, int symbol) {
    if (symbol < 144) put_code(w, 0x30u + (uint32_t)symbol, 8);
    else if (symbol < 256) put_code(w, 0x190u + (uint32_t)symbol - 144, 9);
    else if (symbol < 280) put_code(w, (uint32_t)symbol - 256, 7);
    else put_code(w, 0xc0u + (uint32_t)symbol - 280, 8);
}

/* "The byte before, so many times more". Lengths 3..10 have a symbol each; behind them four symbols share every number
   of extra bits, 1 to 5; 258 has its own. */
static void put_run(bit_writer *w, int length) {
    int symbol = FIRST_LENGTH + length - LEAST_RUN, extra = 0, base = length;
    if (length == LONGEST_RUN) {
        symbol = FIRST_LENGTH + 28;
    } else if (length > 10) {
        int beyond = length - LEAST_RUN;
        while (beyond >> extra >= 8) extra++;
        symbol = FIRST_LENGTH + 4 + 4 * extra + (beyond >> extra & 3);
        base = LEAST_RUN + (beyond >> extra << extra);
    }
    put_symbol(w, symbol);
    put_bits(w, (uint32_t)(length - base), extra);
    put_code(w, 0, 5); /* distance 1 */
}

static void deflate(da_text *out, const uint8_t *bytes, size_t size) {
    bit_writer w = { out, 0, 0 };
    put_bits(&w, 1, 1); /* the last block */
    put_bits(&w, 1, 2); /* with the fixed code */
    for (size_t i = 0; i < size;) {
        int run = 0;
        while (i > 0 && run < LONGEST_RUN && i + (size_t)run < size && bytes[i + (size_t)run] == bytes[i - 1]) run++;
        if (run >= LEAST_RUN) {
            put_run(&w, run);
            i += (size_t)run;
        } else {
            put_symbol(&w, bytes[i++]);
        }
    }
    put_symbol(&w, END_OF_BLOCK);
    if (w.bits > 0) put_bits(&w, 0, 8 - w.bits);
}

/* What `filter` leaves of row y; returns how many bytes of it are not zero. */
static int64_t filter_row(uint8_t *to, const da_bitmap *b, int y, int filter) {
    int64_t width = 3 * (int64_t)b->width, left = 0;
    const uint8_t *row = b->rgb + y * width;
    *to++ = (uint8_t)filter;
    for (int64_t i = 0; i < width; i++) {
        uint8_t expected = filter == FILTER_SUB ? (i >= 3 ? row[i - 3] : 0) : (y > 0 ? row[i - width] : 0);
        to[i] = (uint8_t)(row[i] - expected);
        left += to[i] != 0;
    }
    return left;
}

static void filter_rows(uint8_t *rows, const da_bitmap *b) {
    for (int y = 0; y < b->height; y++) {
        uint8_t *row = rows + y * (3 * (int64_t)b->width + 1);
        int64_t up = filter_row(row, b, y, FILTER_UP);
        if (filter_row(row, b, y, FILTER_SUB) > up) filter_row(row, b, y, FILTER_UP);
    }
}

static void put_big(da_text *out, uint32_t value) {
    const char bytes[] = { (char)(value >> 24), (char)(value >> 16 & 255), (char)(value >> 8 & 255),
                           (char)(value & 255) };
    da_text_append_bytes(out, bytes, sizeof bytes);
}

static void put_chunk(da_text *out, const da_crc32_table *table, const char *name, const da_text *content) {
    uint32_t crc = da_crc32(table, 0, (const uint8_t *)name, 4);
    put_big(out, (uint32_t)content->length);
    da_text_append_bytes(out, name, 4);
    if (content->length > 0) da_text_append_bytes(out, content->bytes, content->length);
    put_big(out, da_crc32(table, crc, (const uint8_t *)content->bytes, content->length));
}

static void put_header(da_text *content, const da_bitmap *b) {
    static const char rest[] = { 8, 2, 0, 0, 0 }; /* bits, true colour, deflate, filters, no interlace */
    put_big(content, (uint32_t)b->width);
    put_big(content, (uint32_t)b->height);
    da_text_append_bytes(content, rest, sizeof rest);
}

static da_status put_pixels(da_text *content, const da_bitmap *b) {
    size_t size = (size_t)b->height * (3 * (size_t)b->width + 1);
    uint8_t *rows = da_alloc(size);
    if (!rows) return DA_ERROR_MEMORY;
    filter_rows(rows, b);
    da_text_append(content, "\x78\x01");
    deflate(content, rows, size);
    put_big(content, da_adler32(1, rows, size));
    da_free(rows);
    return da_text_status(content);
}

da_status da_bitmap_png(const da_bitmap *bitmap, da_text *file) {
    da_crc32_table table;
    da_text header = { 0 }, pixels = { 0 }, end = { 0 };
    da_crc32_init(&table);
    put_header(&header, bitmap);
    da_status status = da_text_status(&header);
    if (status == DA_OK) status = put_pixels(&pixels, bitmap);
    if (status == DA_OK) {
        da_text_append(file, "\x89PNG\r\n\x1a\n");
        put_chunk(file, &table, "IHDR", &header);
        put_chunk(file, &table, "IDAT", &pixels);
        put_chunk(file, &table, "IEND", &end);
        status = da_text_status(file);
    }
    da_text_free(&header);
    da_text_free(&pixels);
    return status;
}
