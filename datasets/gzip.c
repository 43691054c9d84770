/* Inflate, driven by tables.
 *
 * Bits leave the stream from the low end of a 64-bit reservoir:
 *
 *     bytes  b0 b1 b2 ...      reservoir  ... b2 b1 b0 >> taken        `bits` of it are real; below zero when
 *                                                                      a symbol reached past the end: "truncated"
 *
 * A code of up to FAST_BITS bits is found with one look at a table indexed by the next FAST_BITS bits; a longer one is
 * walked bit by bit along the canonical order (rare: long codes stand for rare symbols). Before every symbol the output
 * has room for the longest match and one word more, so copies need no further check.
 */
#include "datasets/gzip.h"

#include "core/checksum.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/sha256.h"

#include <string.h>

enum {
    MAX_BITS = 15, FAST_BITS = 10, MAX_LITERALS = 288, MAX_DISTANCES = 30, LONGEST_MATCH = 258, END_OF_BLOCK = 256,
    SLACK = LONGEST_MATCH + 8, /* a match is copied in words of 8 bytes and may write up to 7 too many */
    MOST_EXPANSION = 1032      /* no deflate stream grows more than that: 258 bytes from two bits */
};

static const size_t CONTENT_CAP = (size_t)1 << 31; /* of a file, and of what it decompresses to */

typedef struct code {
    uint16_t fast[1 << FAST_BITS];  /* symbol << 4 | length; 0: a longer code, or none */
    uint16_t count[MAX_BITS + 1];   /* codes of each length */
    uint16_t symbol[MAX_LITERALS];  /* in canonical order: by length, then by symbol */
} code;

typedef struct stream {
    const char    *name;
    const uint8_t *in, *in_begin, *in_end;
    uint64_t       reservoir;
    int            bits;
    uint8_t       *out;
    size_t used, room, cap, member_begin; /* room: bytes of out, SLACK included; member_begin: where its output is */
    code           literals, distances;
    da_crc32_table crc;
} stream;

static const uint16_t length_base[29] = { 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31,
                                          35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258 };
static const uint8_t length_extra[29] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                          2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0 };
static const uint16_t distance_base[30] = { 1,    2,    3,    4,    5,    7,    9,    13,    17,    25,
                                            33,   49,   65,   97,   129,  193,  257,  385,   513,   769,
                                            1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577 };
static const uint8_t distance_extra[30] = { 0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10,
                                            11, 11, 12, 12, 13, 13 };

/* The byte that is decoded next: bytes that wait in the reservoir are not decoded yet. The damage may lie before it,
   since most wrong bits still mean something. */
static da_status corrupt(const stream *s, const char *what) {
    size_t at = (size_t)(s->in - s->in_begin), waiting = s->bits > 0 ? (size_t)s->bits / 8 : 0;
    return DA_FAIL(DA_ERROR_FORMAT, "'%s': corrupt gzip data at byte %zu or before: %s: fetch the file again", s->name,
                   at - waiting, what);
}

/* All bits mean something, but not what was packed. No checksum tells where. */
static da_status changed(const stream *s, const uint8_t *member, const char *what) {
    return DA_FAIL(DA_ERROR_FORMAT, "'%s': corrupt gzip data somewhere in bytes %zu to %zu: the %s of the content is "
                   "not the one stated: fetch the file again", s->name, (size_t)(member - s->in_begin),
                   (size_t)(s->in - s->in_begin) - 1, what);
}

static da_status truncated(const stream *s) {
    return DA_FAIL(DA_ERROR_FORMAT, "'%s': the gzip data end too early, after %s: fetch the file again", s->name,
                   da_count(s->in_end - s->in_begin, "byte").text);
}

static uint32_t load32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* ---- bits in, bytes out ---- */

static inline void refill(stream *s) { /* at least 48 bits afterwards, unless the input ends */
    if (s->in_end - s->in >= 8 && s->bits >= 0) {
        uint64_t word = (uint64_t)load32(s->in) | (uint64_t)load32(s->in + 4) << 32;
        s->reservoir |= word << s->bits;
        s->in += (63 - s->bits) >> 3;
        s->bits |= 56;
        return;
    }
    while (s->bits >= 0 && s->bits <= 48 && s->in < s->in_end) {
        s->reservoir |= (uint64_t)*s->in++ << s->bits;
        s->bits += 8;
    }
}

static inline uint32_t take(stream *s, int n) { /* n <= 16; zeros past the end, and bits below zero */
    uint32_t value = (uint32_t)(s->reservoir & ((UINT64_C(1) << n) - 1));
    s->reservoir >>= n;
    s->bits -= n;
    return value;
}

/* Room for `wanted` bytes more, and the slack after them. */
static da_status grow(stream *s, size_t wanted) {
    if (wanted > s->cap || s->used > s->cap - wanted)
        return DA_FAIL(DA_ERROR_FORMAT, "'%s': decompresses to more than the %zu bytes allowed", s->name, s->cap);
    size_t room = s->room * 2;
    if (room < s->used + wanted + SLACK) room = s->used + wanted + SLACK;
    if (room > s->cap + SLACK) room = s->cap + SLACK;
    uint8_t *out = da_realloc(s->out, room);
    if (!out) return DA_ERROR_MEMORY;
    s->out = out;
    s->room = room;
    return DA_OK;
}

/* ---- codes ---- */

static uint32_t reversed(uint32_t value, int bits) { /* codes are sent highest bit first */
    uint32_t result = 0;
    for (int i = 0; i < bits; i++) result |= (value >> i & 1u) << (bits - 1 - i);
    return result;
}

/* Canonical code from the length of every symbol's code. Too many codes are refused; too few only where a single code
   of one bit (or none at all) may stand alone. */
static da_status code_build(code *c, const stream *s, const uint8_t *lengths, int symbols, bool may_be_incomplete) {
    uint32_t next[MAX_BITS + 1];
    uint16_t place[MAX_BITS + 1];
    memset(c->fast, 0, sizeof c->fast);
    memset(c->count, 0, sizeof c->count);
    for (int i = 0; i < symbols; i++) c->count[lengths[i]]++;
    int given = symbols - c->count[0];
    c->count[0] = 0;

    int left = 1; /* codes not yet given away */
    uint32_t first = 0;
    place[0] = 0;
    for (int n = 1; n <= MAX_BITS; n++) {
        left = left * 2 - c->count[n];
        if (left < 0) return corrupt(s, "a code table claims more codes than there are");
        first = (first + c->count[n - 1]) << 1;
        next[n] = first;
        place[n] = (uint16_t)(place[n - 1] + c->count[n - 1]);
    }
    if (left > 0 && !(may_be_incomplete && given <= 1 && given == c->count[1]))
        return corrupt(s, "a code table leaves codes unused");

    for (int i = 0; i < symbols; i++) {
        int n = lengths[i];
        if (n == 0) continue;
        c->symbol[place[n]++] = (uint16_t)i;
        uint32_t bits = next[n]++;
        if (n > FAST_BITS) continue;
        for (uint32_t at = reversed(bits, n); at < 1u << FAST_BITS; at += 1u << n) c->fast[at] = (uint16_t)(i << 4 | n);
    }
    return DA_OK;
}

static int decode_slowly(stream *s, const code *c) { /* -1: no such code */
    int value = 0, first = 0, place = 0;
    for (int n = 1; n <= MAX_BITS; n++) {
        value |= (int)(s->reservoir >> (n - 1) & 1);
        int count = c->count[n];
        if (value - first < count) {
            take(s, n);
            return c->symbol[place + value - first];
        }
        place += count;
        first = (first + count) << 1;
        value <<= 1;
    }
    return -1;
}

static inline int decode(stream *s, const code *c) {
    uint16_t entry = c->fast[s->reservoir & ((1u << FAST_BITS) - 1)];
    if (entry == 0) return decode_slowly(s, c);
    s->reservoir >>= entry & 15;
    s->bits -= entry & 15;
    return entry >> 4;
}

/* ---- blocks ---- */

static da_status inflate_stored(stream *s) {
    take(s, s->bits & 7); /* to a byte of its own; then whole bytes go back from the reservoir to the input */
    s->in -= s->bits >> 3;
    s->reservoir = 0;
    s->bits = 0;
    if (s->in_end - s->in < 4) return truncated(s);
    size_t size = load32(s->in) & 0xffff;
    if ((load32(s->in) >> 16 ^ size) != 0xffff) return corrupt(s, "the two lengths of a stored block disagree");
    s->in += 4;
    if ((size_t)(s->in_end - s->in) < size) return truncated(s);
    if (s->used + size + SLACK > s->room) DA_TRY(grow(s, size));
    if (size > 0) memcpy(s->out + s->used, s->in, size);
    s->used += size;
    s->in += size;
    return DA_OK;
}

static inline void copy_match(uint8_t *to, size_t distance, size_t length) {
    const uint8_t *from = to - distance;
    if (distance >= 8) {
        for (size_t i = 0; i < length; i += 8) memcpy(to + i, from + i, 8);
    } else if (distance == 1) {
        memset(to, *from, length);
    } else {
        for (size_t i = 0; i < length; i++) to[i] = from[i];
    }
}

/* Literals and matches until the end of the block. A match takes at most 15 + 5 + 15 + 13 bits: one refill. */
static da_status inflate_codes(stream *s) {
    for (;;) {
        if (s->used + SLACK > s->room) DA_TRY(grow(s, 0));
        refill(s);
        int symbol = decode(s, &s->literals);
        if (symbol >= 0 && symbol < 256 && s->bits >= 0) {
            s->out[s->used++] = (uint8_t)symbol;
            continue;
        }
        if (s->bits < 0 || (symbol < 0 && s->in == s->in_end && s->bits < MAX_BITS)) return truncated(s);
        if (symbol == END_OF_BLOCK) return DA_OK;
        if (symbol < 0 || symbol > 285) return corrupt(s, "no such code");
        size_t length = length_base[symbol - 257] + take(s, length_extra[symbol - 257]);
        int which = decode(s, &s->distances);
        if (s->bits < 0 || (which < 0 && s->in == s->in_end && s->bits < MAX_BITS)) return truncated(s);
        if (which < 0 || which >= MAX_DISTANCES) return corrupt(s, "no such distance code");
        size_t distance = distance_base[which] + take(s, distance_extra[which]);
        if (s->bits < 0) return truncated(s);
        if (distance > s->used - s->member_begin) return corrupt(s, "a match reaches back before the beginning");
        copy_match(s->out + s->used, distance, length);
        s->used += length;
    }
}

static da_status fixed_codes(stream *s) {
    uint8_t lengths[MAX_LITERALS];
    memset(lengths, 8, 144);
    memset(lengths + 144, 9, 112);
    memset(lengths + 256, 7, 24);
    memset(lengths + 280, 8, 8);
    DA_TRY(code_build(&s->literals, s, lengths, MAX_LITERALS, false));
    memset(lengths, 5, 32); /* 30 and 31 have codes but no meaning */
    return code_build(&s->distances, s, lengths, 32, false);
}

/* The lengths of both codes, run-length coded (16: the last one 3-6 times, 17 and 18: zeros) with a code of its own. */
static da_status dynamic_codes(stream *s) {
    static const uint8_t order[19] = { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15 };
    uint8_t lengths[MAX_LITERALS + 32] = { 0 };
    refill(s);
    int literals = (int)take(s, 5) + 257, distances = (int)take(s, 5) + 1, given = (int)take(s, 4) + 4;
    if (s->bits < 0) return truncated(s);
    if (literals > 286 || distances > 30) return corrupt(s, "a block claims more symbols than there are");
    for (int i = 0; i < given; i++) {
        refill(s);
        lengths[order[i]] = (uint8_t)take(s, 3);
    }
    if (s->bits < 0) return truncated(s);
    DA_TRY(code_build(&s->literals, s, lengths, 19, false));
    memset(lengths, 0, sizeof lengths);
    for (int i = 0; i < literals + distances;) {
        refill(s);
        int symbol = decode(s, &s->literals), repeat = 1;
        uint8_t length = (uint8_t)symbol;
        if (symbol < 0) return corrupt(s, "no such code");
        if (symbol == 16 && i == 0) return corrupt(s, "a repeat with nothing before it");
        if (symbol == 16) { length = lengths[i - 1]; repeat = 3 + (int)take(s, 2); }
        if (symbol == 17) { length = 0; repeat = 3 + (int)take(s, 3); }
        if (symbol == 18) { length = 0; repeat = 11 + (int)take(s, 7); }
        if (s->bits < 0) return truncated(s);
        if (i + repeat > literals + distances) return corrupt(s, "a repeat runs past the last symbol");
        while (repeat-- > 0) lengths[i++] = length;
    }
    if (lengths[END_OF_BLOCK] == 0) return corrupt(s, "a block without an end");
    DA_TRY(code_build(&s->literals, s, lengths, literals, true));
    return code_build(&s->distances, s, lengths + literals, distances, true);
}

static da_status inflate_blocks(stream *s) {
    for (bool last = false; !last;) {
        refill(s);
        last = take(s, 1);
        uint32_t kind = take(s, 2);
        if (s->bits < 0) return truncated(s);
        if (kind == 3) return corrupt(s, "a block of unknown kind");
        if (kind == 0) { DA_TRY(inflate_stored(s)); continue; }
        DA_TRY(kind == 1 ? fixed_codes(s) : dynamic_codes(s));
        DA_TRY(inflate_codes(s));
    }
    s->in -= s->bits >> 3; /* whole bytes that were not used */
    s->reservoir = 0;
    s->bits = 0;
    return DA_OK;
}

/* ---- the file ---- */

static da_status skip(stream *s, size_t bytes) {
    if ((size_t)(s->in_end - s->in) < bytes) return truncated(s);
    s->in += bytes;
    return DA_OK;
}

static da_status skip_text(stream *s) { /* up to and with the zero byte */
    const uint8_t *zero = s->in < s->in_end ? memchr(s->in, 0, (size_t)(s->in_end - s->in)) : NULL;
    if (!zero) return truncated(s);
    s->in = zero + 1;
    return DA_OK;
}

static da_status member_header(stream *s) {
    enum { TEXT = 1, HEADER_CRC = 2, EXTRA = 4, NAME = 8, COMMENT = 16 };
    const uint8_t *begin = s->in;
    if (begin[0] != 0x1f || (s->in_end - begin > 1 && begin[1] != 0x8b))
        return corrupt(s, "this is not the beginning of a gzip member");
    DA_TRY(skip(s, 10));
    int flags = begin[3];
    if (begin[2] != 8) return corrupt(s, "a compression method other than deflate");
    if (flags & ~(TEXT | HEADER_CRC | EXTRA | NAME | COMMENT)) return corrupt(s, "reserved flags are set");
    if (flags & EXTRA) {
        const uint8_t *size = s->in;
        DA_TRY(skip(s, 2));
        DA_TRY(skip(s, (size_t)size[0] | (size_t)size[1] << 8));
    }
    if (flags & NAME) DA_TRY(skip_text(s));
    if (flags & COMMENT) DA_TRY(skip_text(s));
    if (flags & HEADER_CRC) {
        uint32_t expected = da_crc32(&s->crc, 0, begin, (size_t)(s->in - begin)) & 0xffff;
        const uint8_t *stated = s->in;
        DA_TRY(skip(s, 2));
        if (((uint32_t)stated[0] | (uint32_t)stated[1] << 8) != expected)
            return corrupt(s, "the header's checksum is wrong");
    }
    return DA_OK;
}

/* Zeros behind a member fill up a block of tape or disk; gzip(1) passes over them too. */
static bool only_zeros(const uint8_t *from, const uint8_t *end) {
    while (from < end && *from == 0) from++;
    return from == end;
}

static da_status inflate_members(stream *s) {
    while (!only_zeros(s->in, s->in_end)) {
        const uint8_t *member = s->in;
        DA_TRY(member_header(s));
        s->member_begin = s->used;
        DA_TRY(inflate_blocks(s));
        const uint8_t *trailer = s->in;
        DA_TRY(skip(s, 8));
        size_t size = s->used - s->member_begin;
        if (load32(trailer) != da_crc32(&s->crc, 0, s->out + s->member_begin, size))
            return changed(s, member, "checksum");
        if (load32(trailer + 4) != (uint32_t)size) return changed(s, member, "size");
    }
    return DA_OK;
}

bool da_gzip_is(const uint8_t *bytes, size_t size) { return size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b; }

da_status da_gzip_inflate(uint8_t **out, size_t *out_size, const uint8_t *bytes, size_t size, size_t cap,
                          const char *name) {
    stream s = { .name = name, .in = bytes, .in_begin = bytes, .in_end = bytes + size };
    s.cap = cap > SIZE_MAX / 4 ? SIZE_MAX / 4 : cap;
    if (!da_gzip_is(bytes, size)) return DA_FAIL(DA_ERROR_FORMAT, "'%s' is not a gzip file", name);
    da_crc32_init(&s.crc);
    /* The last four bytes state the size of the last member: a first guess, trusted as far as deflate can expand. */
    size_t guess = size >= 18 ? load32(bytes + size - 4) : 0;
    if (guess / MOST_EXPANSION > size) guess = size;
    if (guess > s.cap) guess = s.cap;
    s.room = guess + SLACK;
    s.out = da_alloc(s.room);
    if (!s.out) return DA_ERROR_MEMORY;
    da_status status = inflate_members(&s);
    if (status != DA_OK) {
        da_free(s.out);
        return status;
    }
    s.out[s.used] = 0; /* the slack has room for it */
    *out = s.out;
    *out_size = s.used;
    return DA_OK;
}

da_status da_gzip_read_file(const char *path, uint8_t **bytes, size_t *size, da_gzip_facts *facts) {
    uint8_t *file;
    size_t file_size;
    DA_TRY(da_file_read(path, CONTENT_CAP, &file, &file_size));
    const bool packed = da_gzip_is(file, file_size);
    if (facts) facts->packed = packed;
    if (facts && facts->hash) da_sha256_of(file, file_size, facts->sha256);
    if (!packed) {
        *bytes = file;
        *size = file_size;
        return DA_OK;
    }
    da_status status = da_gzip_inflate(bytes, size, file, file_size, CONTENT_CAP, path);
    da_free(file);
    return status;
}
