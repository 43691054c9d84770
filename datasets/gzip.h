/* gzip files (RFC 1952) and the deflate streams in them (RFC 1951), decompressed in memory.
 *
 *     file     | member | member | ...                                   the output is the members' outputs in a row
 *     member   | 1f 8b 08 flags time xfl os [extra] [name] [comment] [crc16] | deflate stream | CRC-32 | size mod 2^32
 * | stream   | block | block | ... | last block |                      stored, fixed codes, or codes of its own
 *
 * Every member's CRC-32 and size are checked. Zeros behind the last member are padding. Output beyond the cap is refused before memory is taken for it.
 */
#ifndef DA_DATASETS_GZIP_H
#define DA_DATASETS_GZIP_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool da_gzip_is(const uint8_t *bytes, size_t size); /* does it begin as a gzip file does? */

/* Decompresses a whole file held in memory into a new block, followed by a zero byte that is not counted: *out
   (da_free it) and *out_size are written on success only. name is the path for messages. Errors: DA_ERROR_FORMAT (not
   gzip, truncated, corrupt, checksum or size wrong, bytes other than zero after the last member, more than cap bytes
   of output), DA_ERROR_MEMORY. Several hundred MB of output a second. */
da_status da_gzip_inflate(uint8_t **out, size_t *out_size, const uint8_t *bytes, size_t size, size_t cap,
                          const char *name);

/* What else a reader may want to know of a file. */
typedef struct da_gzip_facts {
    bool hash;       /* asked: its SHA-256 too */
    bool packed;     /* is it gzip? */
    char sha256[65]; /* of the file as it lies there, packed or not; stays where `hash` is false */
} da_gzip_facts;

/* Reads a file, and decompresses it if it is gzip, into a new block followed by a zero byte that is not counted.
   Refuses files and contents of more than 2 GiB. facts may be NULL. Errors: those of da_file_read, da_gzip_inflate. */
da_status da_gzip_read_file(const char *path, uint8_t **bytes, size_t *size, da_gzip_facts *facts);

#endif
