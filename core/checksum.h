/* The checksums of compressed files: CRC-32 (gzip, PNG) and Adler-32 (zlib, PNG). */
#ifndef DA_CORE_CHECKSUM_H
#define DA_CORE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* For eight bytes a step: the remainder of a byte with k zero bytes after it, k = 0..7. 8 kB, filled once by its
   user. */
typedef struct da_crc32_table { uint32_t remainder[8][256]; } da_crc32_table;
void da_crc32_init(da_crc32_table *table);

/* The polynomial 0xedb88320, reflected (ISO 3309, RFC 1952 section 8). start: 0, or the checksum of what comes
   before. */
uint32_t da_crc32(const da_crc32_table *table, uint32_t start, const uint8_t *bytes, size_t size);

/* RFC 1950 section 8.2. start: 1, or the checksum of the bytes before. */
uint32_t da_adler32(uint32_t start, const uint8_t *bytes, size_t size);

#endif
