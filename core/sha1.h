/* SHA-1 (FIPS 180-4), for one purpose: some published files are known by no other digest. It guards against damage and
 * mix-ups; two files of one SHA-1 can be made on purpose, so whatever is new is hashed by core/sha256.h.
 */
#ifndef DA_CORE_SHA1_H
#define DA_CORE_SHA1_H

#include <stddef.h>
#include <stdint.h>

/* The digest of size bytes in lower case, ends with a zero byte. */
void da_sha1_hex(const void *bytes, size_t size, char hex[41]);

/* As dai_sha256_stir_plain. */
void dai_sha1_stir_plain(uint32_t state[5], const uint8_t *at, size_t blocks);

#endif
