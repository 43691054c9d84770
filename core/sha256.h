/* SHA-256 (FIPS 180-4): the fingerprint of weights and of downloaded files.
 *
 *     da_sha256 s;  da_sha256_init(&s);  da_sha256_update(&s, bytes, size) ...;  da_sha256_hex(&s, hex);
 */
#ifndef DA_CORE_SHA256_H
#define DA_CORE_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct da_sha256 {
    uint32_t state[8];
    uint64_t size;      /* bytes seen so far */
    uint8_t  block[64]; /* the last size % 64 of them, which wait for their block to fill */
} da_sha256;

void da_sha256_init(da_sha256 *s);
void da_sha256_update(da_sha256 *s, const void *bytes, size_t size);
void da_sha256_text(da_sha256 *s, const char *text);       /* with the zero byte that ends it */
void da_sha256_uint64(da_sha256 *s, uint64_t value);       /* eight bytes, little-endian on every machine */
/* count numbers of 1, 2, 4 or 8 bytes in the machine's order, as little-endian ones. */
void da_sha256_numbers(da_sha256 *s, const void *numbers, size_t count, size_t element);
/* The digest of all updates. Both leave s as it was, so that the hash of a prefix costs nothing. */
void da_sha256_digest(const da_sha256 *s, uint8_t digest[32]);
void da_sha256_hex(const da_sha256 *s, char hex[65]); /* lower case, ends with a zero byte */

void da_sha256_of(const void *bytes, size_t size, char hex[65]); /* all of it at once */

bool dai_has_sha(void); /* does the processor have instructions for SHA-1 and SHA-256 that are used here? */

/* Stirs whole blocks of 64 bytes into the state on any processor. For tests: the calls above use what it has for it. */
void dai_sha256_stir_plain(uint32_t state[8], const uint8_t *at, size_t blocks);

#endif
