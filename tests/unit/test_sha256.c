/* FIPS 180-4's examples, and that the cuts between updates do not matter. */
#include "tests/unit/test.h"
#include "core/sha1.h"
#include "core/sha256.h"

#include <stdio.h>

static const char *hash_of(const void *bytes, size_t size) {
    static char hex[65];
    da_sha256 s;
    da_sha256_init(&s);
    da_sha256_update(&s, bytes, size);
    da_sha256_hex(&s, hex);
    return hex;
}

TEST(sha256_gives_the_published_digests) {
    CHECK_TEXT(hash_of("", 0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK_TEXT(hash_of("abc", 3), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK_TEXT(hash_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56),
               "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK_TEXT(hash_of("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
                       "lmnopqrsmnopqrstnopqrstu", 112),
               "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
}

TEST(sha256_of_a_million_letters) {
    char hex[65], block[1000];
    da_sha256 s;
    memset(block, 'a', sizeof block);
    da_sha256_init(&s);
    for (int i = 0; i < 1000; i++) da_sha256_update(&s, block, sizeof block);
    da_sha256_hex(&s, hex);
    CHECK_TEXT(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* Every length around the block borders, cut in two everywhere; the digest of the first part must not disturb the rest.
   */
TEST(sha256_does_not_depend_on_the_cuts) {
    uint8_t bytes[200];
    for (int i = 0; i < 200; i++) bytes[i] = (uint8_t)(i * 7);
    for (size_t size = 0; size <= sizeof bytes; size++) {
        char whole[65], hex[65], first[65];
        strcpy(whole, hash_of(bytes, size));
        for (size_t cut = 0; cut <= size; cut++) {
            da_sha256 s;
            da_sha256_init(&s);
            da_sha256_update(&s, bytes, cut);
            da_sha256_hex(&s, first);
            da_sha256_update(&s, bytes + cut, size - cut);
            da_sha256_hex(&s, hex);
            if (strcmp(hex, whole) != 0) CHECK_TEXT(hex, whole);
        }
    }
}

/* The processor's own instructions, where it has them, against plain C. */
TEST(sha256_is_the_same_with_the_processors_instructions) {
    uint8_t bytes[64 * 9];
    uint32_t x = 1;
    if (!dai_has_sha()) SKIP("this processor has none");
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)((x = x * 1664525u + 1013904223u) >> 24);
    for (size_t blocks = 0; blocks <= 8; blocks++) {
        da_sha256 s, plain;
        da_sha256_init(&s);
        plain = s;
        da_sha256_update(&s, bytes + blocks, 64 * blocks); /* aligned to nothing */
        dai_sha256_stir_plain(plain.state, bytes + blocks, blocks);
        CHECK(memcmp(s.state, plain.state, sizeof s.state) == 0);
    }
    /* 'abc' with its padding is one block: plain C alone against the published digest */
    uint8_t block[64] = { 'a', 'b', 'c', 0x80, [63] = 24 };
    da_sha256 s;
    da_sha256_init(&s);
    dai_sha256_stir_plain(s.state, block, 1);
    CHECK(s.state[0] == 0xba7816bf && s.state[7] == 0xf20015ad);
    uint32_t five[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
    dai_sha1_stir_plain(five, block, 1);
    CHECK(five[0] == 0xa9993e36 && five[1] == 0x4706816a && five[4] == 0x9cd0d89d);
    char hex[41], wanted[41];
    uint8_t padded[64 * 9] = { 0 }; /* eight blocks, and their padding by hand */
    memcpy(padded, bytes, 64 * 8);
    padded[512] = 0x80;
    padded[574] = 0x10; /* 4096 bits */
    uint32_t state[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
    dai_sha1_stir_plain(state, padded, 9);
    da_sha1_hex(bytes, 512, hex);
    for (int i = 0; i < 5; i++) snprintf(wanted + 8 * i, 9, "%08x", (unsigned)state[i]);
    CHECK_TEXT(hex, wanted);
}

/* SHA-1 of the same examples, and of every length around the block borders against one hash of them all. */
TEST(sha1_gives_the_published_digests) {
    char hex[41], letters[200];
    da_sha1_hex("", 0, hex);
    CHECK_TEXT(hex, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    da_sha1_hex("abc", 3, hex);
    CHECK_TEXT(hex, "a9993e364706816aba3e25717850c26c9cd0d89d");
    da_sha1_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, hex);
    CHECK_TEXT(hex, "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    memset(letters, 'a', sizeof letters);
    char all[200 * 40];
    for (size_t size = 0; size < 200; size++) {
        da_sha1_hex(letters, size, hex);
        memcpy(all + 40 * size, hex, 40);
    }
    da_sha1_hex(all, sizeof all, hex);
    CHECK_TEXT(hex, "cb062fe66512892ec8c722ee74ff9ac151cc4b61");
}
