/* gzip: every kind of block, codes longer than the fast table, header fields, several members, and hostile streams.
 * Streams are written here bit by bit; one comes from zlib. */
#include "tests/unit/test.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/sha256.h"
#include "datasets/gzip.h"

#include <stdlib.h>

/* ---- a writer of gzip streams ---- */

typedef struct writer { uint8_t bytes[8192]; size_t size; int bits; } writer; /* bits used of the last byte; 0: whole */

static void put(writer *w, uint32_t value, int n) {
    for (int i = 0; i < n; i++) {
        if (w->bits == 0) w->bytes[w->size++] = 0;
        w->bytes[w->size - 1] = (uint8_t)(w->bytes[w->size - 1] | (value >> i & 1u) << w->bits);
        w->bits = (w->bits + 1) % 8;
    }
}

static void put_code(writer *w, uint32_t value, int n) { /* a Huffman code: its highest bit first */
    for (int i = n - 1; i >= 0; i--) put(w, value >> i & 1u, 1);
}

static void put_bytes(writer *w, const void *bytes, size_t size) {
    w->bits = 0;
    memcpy(w->bytes + w->size, bytes, size);
    w->size += size;
}

static void begin(writer *w, int flags) {
    const uint8_t header[10] = { 0x1f, 0x8b, 8, (uint8_t)flags, 1, 2, 3, 4, 0, 3 };
    w->size = 0;
    put_bytes(w, header, 10);
}

static uint32_t slow_crc(const uint8_t *p, size_t size) { /* bit by bit, from the definition */
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < size; i++) {
        crc ^= p[i];
        for (int k = 0; k < 8; k++) crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
    }
    return ~crc;
}

static void finish(writer *w, const void *content, size_t size) {
    w->bits = 0;
    put(w, slow_crc(content, size), 32);
    put(w, (uint32_t)size, 32);
}

static void put_stored(writer *w, const void *content, size_t size, bool last) {
    put(w, last, 3);
    w->bits = 0;
    put(w, (uint32_t)size, 16);
    put(w, ~(uint32_t)size & 0xffff, 16);
    put_bytes(w, content, size);
}

static da_status inflate_capped(const writer *w, const char *expected, size_t expected_size, size_t cap) {
    uint8_t *out = NULL, *exact = malloc(w->size); /* of exactly that size, so that sanitizers see every byte too far */
    size_t size = 0;
    memcpy(exact, w->bytes, w->size);
    da_status status = da_gzip_inflate(&out, &size, exact, w->size, cap, "x.gz");
    free(exact);
    if (status != DA_OK) {
        CHECK(out == NULL && size == 0);
        return status;
    }
    CHECK_INT(size, expected_size);
    if (expected && size == expected_size) CHECK(memcmp(out, expected, size) == 0);
    CHECK(out[size] == 0);
    da_free(out);
    return DA_OK;
}

static da_status inflate(const writer *w, const char *expected, size_t expected_size) {
    return inflate_capped(w, expected, expected_size, 1 << 20);
}

/* ---- a stream that zlib made at level 9: one block with codes of its own, matches, runs ---- */

static const uint8_t zlib_made[] = {
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x95, 0x52, 0x4b, 0x8e, 0x42, 0x31, 0x0c, 0xe3,
    0x28, 0x1c, 0x80, 0x4b, 0xc5, 0x49, 0x5a, 0xd8, 0xcc, 0x6a, 0xee, 0x2f, 0x6c, 0xa7, 0x20, 0xc4, 0x8e, 0x4a,
    0x81, 0x34, 0x5f, 0xdb, 0x7d, 0x11, 0xc8, 0xcc, 0xc8, 0x08, 0x2c, 0x5a, 0x61, 0x23, 0x22, 0xba, 0x2a, 0x4a,
    0x0e, 0x8d, 0x59, 0xd8, 0xed, 0x62, 0xed, 0x84, 0x78, 0x5d, 0x40, 0xaf, 0x2d, 0xdf, 0x59, 0x1f, 0x7a, 0x0f,
    0xe7, 0x1b, 0xfc, 0xe3, 0x2d, 0xa1, 0xbc, 0x6d, 0x4d, 0xa3, 0x12, 0x33, 0x57, 0x79, 0x8d, 0x7c, 0xdd, 0x35,
    0x5d, 0x21, 0x81, 0xc8, 0x96, 0x0b, 0x9e, 0xe4, 0x08, 0xc6, 0x66, 0xbc, 0x2f, 0x95, 0x76, 0x89, 0xb3, 0x34,
    0x1f, 0x2c, 0x0f, 0xb5, 0x09, 0xdc, 0xf2, 0x38, 0x15, 0x68, 0xb4, 0xb7, 0x90, 0x5b, 0x9d, 0x18, 0x3b, 0x40,
    0x62, 0xa6, 0xe4, 0x04, 0xa6, 0x00, 0x1a, 0xab, 0xe4, 0xd0, 0xf3, 0x0f, 0x63, 0x1a, 0xd0, 0x6d, 0xa0, 0xd0,
    0x56, 0x2e, 0x19, 0xac, 0xa6, 0x44, 0x81, 0x72, 0x6a, 0x95, 0x8e, 0xda, 0x82, 0x42, 0x04, 0x69, 0x86, 0xcb,
    0x25, 0x98, 0x3d, 0x06, 0x32, 0x6a, 0xaa, 0x04, 0x7d, 0x42, 0x82, 0x6f, 0x8b, 0x93, 0xb3, 0x44, 0x8b, 0xa1,
    0x7c, 0x8b, 0xae, 0x02, 0xad, 0xe5, 0x92, 0x0e, 0xeb, 0x91, 0xa0, 0xec, 0xf2, 0x1c, 0x51, 0xeb, 0x3d, 0xfc,
    0x58, 0x6a, 0xd8, 0x19, 0x35, 0x08, 0x71, 0xf8, 0xc7, 0x61, 0x35, 0xc0, 0xc3, 0x22, 0x5b, 0x3a, 0x17, 0xc2,
    0xdc, 0xcb, 0x0c, 0x86, 0x78, 0x89, 0xf1, 0x0e, 0x8b, 0x8e, 0x78, 0xbf, 0x95, 0x3e, 0x8b, 0xa3, 0x13, 0x54,
    0x2e, 0x80, 0x24, 0x68, 0xf1, 0xd5, 0xfd, 0xc0, 0xc7, 0x53, 0xd2, 0xf9, 0xbf, 0xf7, 0xb5, 0xff, 0xea, 0x76,
    0xfd, 0x76, 0x2e, 0x3f, 0x9f, 0x27, 0x0e, 0x4e, 0x54, 0x3d, 0xa3, 0x02, 0x00, 0x00,
};

static size_t zlib_content(char text[1024]) {
    uint32_t x = 1;
    size_t n = 0;
    for (; n < 600; n++) {
        int k = 0;
        x = (x * 1103515245u + 12345u) & 0x7fffffffu;
        while (k < 14 && (x >> 16 >> k & 1)) k++;
        text[n] = (char)('a' + k);
    }
    memcpy(text + n, "the end, the end, the end", 25);
    memset(text + n + 25, 0, 50);
    return n + 75;
}

static void load_zlib_made(writer *w) {
    w->size = 0;
    put_bytes(w, zlib_made, sizeof zlib_made);
}

TEST(inflate_reads_what_zlib_wrote) {
    writer w;
    char text[1024];
    size_t size = zlib_content(text);
    load_zlib_made(&w);
    CHECK_OK(inflate(&w, text, size));
    CHECK_OK(inflate_capped(&w, text, size, size)); /* the cap may be met exactly */
    CHECK_FAILS(inflate_capped(&w, text, size, size - 1), DA_ERROR_FORMAT, "more than the 674 bytes allowed");
    CHECK_FAILS(inflate_capped(&w, text, size, 0), DA_ERROR_FORMAT, "more than");
}

TEST(inflate_reads_stored_and_fixed_blocks_and_several_members) {
    writer w;
    begin(&w, 0);
    put_stored(&w, "hel", 3, false);
    put_stored(&w, "", 0, false);
    put(&w, 1 | 1 << 1, 3); /* last, fixed codes */
    put_code(&w, 0x30 + 'l', 8);
    put_code(&w, 0x30 + 'o', 8);
    put_code(&w, 1, 7);     /* length 3 (symbol 257) */
    put_code(&w, 4, 5);     /* distance 5, with one extra bit */
    put(&w, 0, 1);
    put_code(&w, 0, 7);     /* end */
    finish(&w, "hellohel", 8);
    CHECK_OK(inflate(&w, "hellohel", 8));
    writer second;
    begin(&second, 0);
    put_stored(&second, "!", 1, true);
    finish(&second, "!", 1);
    put_bytes(&w, second.bytes, second.size);
    CHECK_OK(inflate(&w, "hellohel!", 9));
    CHECK_OK(inflate_capped(&w, "hellohel!", 9, 9));
    CHECK_FAILS(inflate_capped(&w, "hellohel!", 9, 8), DA_ERROR_FORMAT, "more than the 8 bytes");
    put_bytes(&w, "junk", 4);
    CHECK_FAILS(inflate(&w, NULL, 0), DA_ERROR_FORMAT, "'x.gz'");
}

TEST(inflate_copies_matches_that_overlap_at_every_distance) {
    for (int distance = 1; distance <= 16; distance++) {
        writer w;
        char text[512];
        size_t size = (size_t)distance;
        for (int i = 0; i < distance; i++) text[i] = (char)('A' + i);
        begin(&w, 0);
        put_stored(&w, text, size, false);
        put(&w, 1 | 1 << 1, 3);
        put_code(&w, 0xc0 + 285 - 280, 8); /* length 258 */
        int symbol = 0, extra = 0, base = 1;
        while (base + (1 << extra) <= distance) { /* symbols 0..3 have no extra bits, then two for each number */
            base += 1 << extra;
            symbol++;
            extra = symbol < 4 ? 0 : symbol / 2 - 1;
        }
        put_code(&w, (uint32_t)symbol, 5);
        put(&w, (uint32_t)(distance - base), extra);
        put_code(&w, 0, 7);
        for (int i = 0; i < 258; i++, size++) text[size] = text[size - (size_t)distance];
        finish(&w, text, size);
        CHECK_OK(inflate(&w, text, size));
    }
}

/* A block with codes of its own: symbol 'a' + i has a code of i + 1 bits up to 'n' of 14, 'o' and the end 15 bits.
   Lengths are sent without runs, by codes of 4 bits. `spoil` replaces the length of 'o'. */
static void begin_long_codes(writer *w, int spoil) {
    static const uint8_t order[19] = { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15 };
    begin(w, 0);
    put(w, 1 | 2 << 1, 3);
    put(w, 0, 5);  /* 257 literals */
    put(w, 0, 5);  /* 1 distance */
    put(w, 15, 4); /* 19 lengths of the code for lengths */
    for (int i = 0; i < 19; i++) put(w, order[i] < 16 ? 4 : 0, 3);
    for (int symbol = 0; symbol < 257; symbol++) {
        int length = symbol >= 'a' && symbol <= 'n' ? symbol - 'a' + 1 : symbol == 'o' ? spoil : symbol == 256 ? 15 : 0;
        put_code(w, (uint32_t)length, 4);
    }
    put_code(w, 1, 4); /* the one distance code: one bit, incomplete, allowed */
}

static void put_letter(writer *w, char letter) { /* 0, 10, 110, ...: canonical order is by length here */
    int i = letter - 'a';
    if (letter == 'o') put_code(w, 0x7ffe, 15);
    else put_code(w, (1u << (i + 1)) - 2, i + 1);
}

TEST(inflate_reads_codes_longer_than_the_fast_table) {
    writer w;
    const char *text = "onmlkjihgfedcbaabcdefghijklmnoonnaabaab";
    begin_long_codes(&w, 15);
    for (const char *p = text; *p; p++) put_letter(&w, *p);
    put_code(&w, 0x7fff, 15);
    finish(&w, text, strlen(text));
    CHECK_OK(inflate(&w, text, strlen(text)));
}

TEST(inflate_refuses_code_tables_that_cannot_be) {
    writer w;
    begin_long_codes(&w, 14);
    finish(&w, "", 0);
    CHECK_FAILS(inflate(&w, NULL, 0), DA_ERROR_FORMAT, "claims more codes than there are");
    begin_long_codes(&w, 0);
    finish(&w, "", 0);
    CHECK_FAILS(inflate(&w, NULL, 0), DA_ERROR_FORMAT, "leaves codes unused");
    begin(&w, 0);
    put(&w, 1 | 3 << 1, 3);
    finish(&w, "", 0);
    CHECK_FAILS(inflate(&w, NULL, 0), DA_ERROR_FORMAT, "unknown kind");
    begin(&w, 0);
    put(&w, 1 | 2 << 1, 3);
    put(&w, 31, 5); /* 288 literals */
    put(&w, 0, 9);
    finish(&w, "", 0);
    CHECK_FAILS(inflate(&w, NULL, 0), DA_ERROR_FORMAT, "more symbols than there are");
}

TEST(inflate_refuses_matches_before_the_beginning_even_into_an_earlier_member) {
    writer w, second;
    begin(&second, 0);
    put(&second, 1 | 1 << 1, 3);
    put_code(&second, 0x30 + 'a', 8);
    put_code(&second, 1, 7); /* length 3 */
    put_code(&second, 1, 5); /* distance 2, but only one byte stands before */
    put_code(&second, 0, 7);
    finish(&second, "a", 1);
    CHECK_FAILS(inflate(&second, NULL, 0), DA_ERROR_FORMAT, "before the beginning");
    begin(&w, 0);
    put_stored(&w, "hello", 5, true);
    finish(&w, "hello", 5);
    put_bytes(&w, second.bytes, second.size);
    CHECK_FAILS(inflate(&w, NULL, 0), DA_ERROR_FORMAT, "before the beginning");
}

TEST(inflate_reads_every_header_field_and_checks_it) {
    writer w;
    begin(&w, 2 | 4 | 8 | 16);
    put(&w, 3, 16);
    put_bytes(&w, "abcname\0comment", 16);
    size_t header = w.size;
    put(&w, slow_crc(w.bytes, w.size) & 0xffff, 16);
    put_stored(&w, "hello", 5, true);
    finish(&w, "hello", 5);
    CHECK_OK(inflate(&w, "hello", 5));
    w.bytes[header] ^= 1;
    CHECK_FAILS(inflate(&w, NULL, 0), DA_ERROR_FORMAT, "the header's checksum");
    begin(&w, 32);
    CHECK_FAILS(inflate(&w, NULL, 0), DA_ERROR_FORMAT, "reserved flags");
    begin(&w, 0);
    w.bytes[2] = 7;
    CHECK_FAILS(inflate(&w, NULL, 0), DA_ERROR_FORMAT, "other than deflate");
    w.bytes[0] = 'P';
    CHECK_FAILS(inflate(&w, NULL, 0), DA_ERROR_FORMAT, "not a gzip file");
}

TEST(inflate_finds_every_truncation) {
    writer w;
    load_zlib_made(&w);
    for (size_t size = 2; size < sizeof zlib_made; size++) {
        w.size = size;
        CHECK_FAILS(inflate(&w, NULL, 0), DA_ERROR_FORMAT, "too early");
    }
}

/* A flipped bit is found, or it changes nothing: the time stamp, what fills up the last byte, bits of a code table that
   no symbol of this stream uses. */
TEST(inflate_finds_every_flipped_bit_that_matters) {
    writer w;
    char text[1024];
    size_t size = zlib_content(text);
    int harmless = 0;
    for (size_t bit = 0; bit < 8 * sizeof zlib_made; bit++) {
        load_zlib_made(&w);
        w.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        da_status status = inflate(&w, text, size);
        CHECK(status == DA_OK || status == DA_ERROR_FORMAT);
        harmless += status == DA_OK;
    }
    CHECK(harmless >= 6 * 8 + 1 && harmless < 64);
}

TEST(inflate_passes_over_zeros_behind_the_members_and_nothing_else) {
    writer w;
    char text[1024];
    size_t size = zlib_content(text);
    const uint8_t zeros[1000] = { 0 };
    load_zlib_made(&w);
    for (int k = 0; k < 3; k++) { /* one zero, then a thousand, then two thousand */
        put_bytes(&w, zeros, k == 0 ? 1 : 1000);
        CHECK_OK(inflate(&w, text, size));
    }
    put_bytes(&w, "x", 1); /* the zeros before it are no padding then */
    CHECK_FAILS(inflate(&w, NULL, 0), DA_ERROR_FORMAT, "this is not the beginning of a gzip member");
    w.size = 0;
    put_bytes(&w, zeros, 100);
    CHECK_FAILS(inflate(&w, NULL, 0), DA_ERROR_FORMAT, "not a gzip file");
}

/* Where decoding fails is said where it does: not at what has been read ahead, and not at the end for a checksum. */
TEST(inflate_says_where_the_damage_may_be) {
    writer w;
    begin(&w, 0);
    put_stored(&w, "hello", 5, false); /* bytes 10 to 19 */
    put(&w, 1 | 3 << 1, 3);            /* byte 20: a block of unknown kind */
    for (int i = 0; i < 100; i++) put_bytes(&w, "behind", 6);
    CHECK_FAILS(inflate(&w, NULL, 0), DA_ERROR_FORMAT, "at byte 21 or before: a block of unknown kind");
    begin(&w, 0);
    put_stored(&w, "hello", 5, true);
    finish(&w, "hello", 5);
    writer second = w;
    second.bytes[17] ^= 1; /* a letter of the content */
    put_bytes(&w, second.bytes, second.size);
    CHECK_INT(second.size, 28);
    CHECK_FAILS(inflate(&w, NULL, 0), DA_ERROR_FORMAT,
                "somewhere in bytes 28 to 55: the checksum of the content is not the one stated");
}

TEST(inflate_survives_noise) {
    uint32_t x = 7;
    for (int trial = 0; trial < 3000; trial++) {
        writer w;
        begin(&w, 0);
        for (int i = 0; i < 120; i++) put(&w, (x = x * 1664525u + 1013904223u) >> 24, 8);
        w.bytes[10] = (uint8_t)((w.bytes[10] & ~7) | 1 | (trial % 3) << 1);
        CHECK(inflate(&w, NULL, 0) == DA_ERROR_FORMAT);
    }
}

TEST(inflate_refuses_bombs_and_does_not_believe_a_stated_size) {
    writer w;
    begin(&w, 0);
    put(&w, 1 | 1 << 1, 3);
    put_code(&w, 0x30 + 'a', 8);
    for (int i = 0; i < 4000; i++) { put_code(&w, 0xc0 + 285 - 280, 8); put_code(&w, 0, 5); } /* 258 more each */
    put_code(&w, 0, 7);
    finish(&w, "", 0);
    da_memory_reset_peak();
    int64_t before = da_memory().live_bytes;
    CHECK_FAILS(inflate_capped(&w, NULL, 0, 1000), DA_ERROR_FORMAT, "more than the 1000 bytes allowed");
    CHECK(da_memory().peak_bytes - before < 4096);
    begin(&w, 0);
    put_stored(&w, "hello", 5, true);
    put(&w, slow_crc((const uint8_t *)"hello", 5), 32);
    put(&w, 0xfffffff0u, 32);
    da_memory_reset_peak();
    CHECK_FAILS(inflate_capped(&w, NULL, 0, (size_t)1 << 40), DA_ERROR_FORMAT, "the size of the content is not the one stated");
    CHECK(da_memory().peak_bytes - before < 100000);
}

TEST(inflate_survives_running_out_of_memory) {
    writer w;
    char text[1024];
    size_t size = zlib_content(text);
    load_zlib_made(&w);
    put_bytes(&w, zlib_made, sizeof zlib_made); /* two members: the second needs a larger block */
    memcpy(text + size, text, 1024 - size);
    int k = 0;
    for (;; k++) {
        da_memory_fail_after(k);
        da_status status = inflate(&w, NULL, 2 * size);
        da_memory_fail_after(-1);
        if (status == DA_OK) break;
        CHECK_INT(status, DA_ERROR_MEMORY);
        if (k > 20) break;
    }
    CHECK(k >= 2 && k <= 20);
}

TEST(inflate_reads_files_packed_or_not) {
    writer w;
    uint8_t *bytes;
    size_t size;
    char text[1024];
    size_t expected = zlib_content(text);
    load_zlib_made(&w);
    const char *path = test_temporary("packed.gz");
    CHECK_OK(da_file_save(path, w.bytes, w.size));
    da_gzip_facts facts = { .hash = true };
    char hex[65];
    CHECK_OK(da_gzip_read_file(path, &bytes, &size, &facts));
    da_sha256_of(w.bytes, w.size, hex); /* as it lies there */
    CHECK_TEXT(facts.sha256, hex);
    CHECK(facts.packed);
    CHECK(size == expected && memcmp(bytes, text, size) == 0);
    da_free(bytes);
    CHECK_OK(da_file_save(path, "plain", 5));
    CHECK_OK(da_gzip_read_file(path, &bytes, &size, &facts));
    CHECK(!facts.packed);
    CHECK_TEXT((char *)bytes, "plain");
    da_free(bytes);
    CHECK(da_gzip_read_file(test_temporary("absent"), &bytes, &size, NULL) == DA_ERROR_NOT_FOUND);
}
