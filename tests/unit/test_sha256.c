/* FIPS 180-4's examples, and that the cuts between updates do not matter. */
#include "tests/unit/test.h"
#include "core/sha1.h"
#include "core/sha256.h"

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
