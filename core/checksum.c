/* CRC-32 by tables ("slicing by 8") and Adler-32. */
#include "core/checksum.h"

void da_crc32_init(da_crc32_table *table) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t remainder = byte;
        for (int bit = 0; bit < 8; bit++) remainder = remainder >> 1 ^ (remainder & 1 ? 0xedb88320u : 0);
        table->remainder[0][byte] = remainder;
    }
    for (int k = 1; k < 8; k++)
        for (int byte = 0; byte < 256; byte++) {
            uint32_t before = table->remainder[k - 1][byte];
            table->remainder[k][byte] = before >> 8 ^ table->remainder[0][before & 255];
        }
}

static uint32_t load32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t da_crc32(const da_crc32_table *table, uint32_t start, const uint8_t *p, size_t size) {
    const uint32_t (*t)[256] = table->remainder;
    uint32_t crc = ~start;
    for (; size >= 8; p += 8, size -= 8) {
        uint32_t low = load32(p) ^ crc, high = load32(p + 4);
        crc = t[7][low & 255] ^ t[6][low >> 8 & 255] ^ t[5][low >> 16 & 255] ^ t[4][low >> 24] ^
              t[3][high & 255] ^ t[2][high >> 8 & 255] ^ t[1][high >> 16 & 255] ^ t[0][high >> 24];
    }
    for (; size > 0; p++, size--) crc = crc >> 8 ^ t[0][(crc ^ *p) & 255];
    return ~crc;
}

uint32_t da_adler32(uint32_t start, const uint8_t *bytes, size_t size) {
    enum { PRIME = 65521, RUN = 5552 }; /* so many additions fit into 32 bits before the remainder is due */
    uint32_t a = start & 0xffff, b = start >> 16;
    while (size > 0) {
        size_t run = size < RUN ? size : RUN;
        for (size_t i = 0; i < run; i++) {
            a += bytes[i];
            b += a;
        }
        a %= PRIME;
        b %= PRIME;
        bytes += run;
        size -= run;
    }
    return b << 16 | a;
}
