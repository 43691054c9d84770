/* Whole files in, whole files out: what stands under a name before, during and after a write, and every refusal. */
#include "tests/unit/test.h"
#include "core/file.h"
#include "core/memory.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The file's text, or "(none)". Valid until the next call. */
static const char *text_of(const char *path) {
    static char text[4096];
    uint8_t *bytes = NULL;
    size_t size;
    if (da_file_read(path, sizeof text - 1, &bytes, &size) != DA_OK) return "(none)";
    memcpy(text, bytes, size + 1);
    da_free(bytes);
    return text;
}

static int entries_in(const char *directory) {
    int count = 0;
    DIR *d = opendir(directory);
    if (!d) return -1;
    while (readdir(d)) count++;
    closedir(d);
    return count - 2;
}

static const char *fresh_directory(const char *name) {
    const char *path = test_temporary(name);
    CHECK_OK(da_directory_make(path));
    return path;
}

static const char *in(const char *directory, const char *name) {
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

TEST(file_reads_what_was_saved) {
    const char *path = test_temporary("file-saved");
    uint8_t *bytes = NULL;
    size_t size = 0;
    CHECK_OK(da_file_save(path, "a\0b", 3));
    CHECK(da_file_exists(path));
    CHECK_OK(da_file_read(path, 3, &bytes, &size));
    CHECK_INT(size, 3);
    CHECK(bytes && memcmp(bytes, "a\0b", 4) == 0); /* with the zero byte that follows */
    da_free(bytes);
    CHECK_OK(da_file_save(path, "", 0));
    CHECK_OK(da_file_read(path, 0, &bytes, &size));
    CHECK_INT(size, 0);
    da_free(bytes);
}

TEST(file_read_refuses) {
    const char *path = test_temporary("file-refused");
    uint8_t *bytes = (uint8_t *)1;
    size_t size = 77;
    CHECK_FAILS(da_file_read(test_temporary("no-such-file"), 10, &bytes, &size), DA_ERROR_NOT_FOUND, "no-such-file");
    CHECK_FAILS(da_file_read("", 10, &bytes, &size), DA_ERROR_NOT_FOUND, "''");
    CHECK_FAILS(da_file_read("/", 10, &bytes, &size), DA_ERROR_IO, "directory");
    CHECK_OK(da_file_save(path, "12345", 5));
    CHECK_FAILS(da_file_read(path, 4, &bytes, &size), DA_ERROR_FORMAT, "larger than the 4 bytes");
    CHECK_FAILS(da_file_read("/dev/zero", 200000, &bytes, &size), DA_ERROR_FORMAT, "larger");
    CHECK_FAILS(da_file_read("/dev/zero", SIZE_MAX / 4, &bytes, &size), DA_ERROR_FORMAT, "copy it to a file");
    CHECK(bytes == (uint8_t *)1 && size == 77);
    CHECK(!da_file_exists(test_temporary("no-such-file")));
}

TEST(file_reads_what_has_no_size) { /* a pipe, in pieces, larger than the first block */
    int ends[2];
    char path[64];
    static char block[40000];
    uint8_t *bytes = NULL;
    size_t size = 0;
    CHECK(pipe(ends) == 0);
    CHECK(write(ends[1], block, sizeof block) == sizeof block);
    close(ends[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    if (!da_file_exists(path)) { close(ends[0]); SKIP("no /dev/fd here"); }
    CHECK_OK(da_file_read(path, 1 << 20, &bytes, &size));
    CHECK_INT(size, sizeof block);
    da_free(bytes);
    close(ends[0]);
}

TEST(file_name_holds_the_old_until_commit) {
    const char *directory = fresh_directory("file-atomic");
    const char *path = in(directory, "f");
    da_file_writer *w = NULL;
    CHECK_OK(da_file_save(path, "old", 3));
    CHECK_OK(da_file_create(&w, path));
    CHECK_OK(da_file_write(w, "new ", 4));
    CHECK_OK(da_file_printf(w, "%d", 42));
    CHECK_TEXT(text_of(path), "old");
    CHECK_INT(entries_in(directory), 2);
    CHECK_OK(da_file_commit(w));
    CHECK_TEXT(text_of(path), "new 42");
    CHECK_INT(entries_in(directory), 1);
}

TEST(file_discard_leaves_no_trace) {
    const char *directory = fresh_directory("file-discard");
    const char *path = in(directory, "f");
    da_file_writer *w = NULL, *second = NULL;
    CHECK_OK(da_file_create(&w, path));
    CHECK_OK(da_file_create(&second, path)); /* two at once do not meet */
    CHECK_OK(da_file_write(w, "x", 1));
    da_file_discard(w);
    da_file_discard(NULL);
    CHECK_INT(entries_in(directory), 1);
    da_file_discard(second);
    CHECK_INT(entries_in(directory), 0);
}

TEST(file_large_and_long_writes_arrive) {
    const char *path = test_temporary("file-large");
    static uint8_t block[200001];
    uint8_t *bytes = NULL;
    size_t size = 0;
    da_file_writer *w = NULL;
    for (size_t i = 0; i < sizeof block; i++) block[i] = (uint8_t)(i * 31 >> 3);
    CHECK_OK(da_file_create(&w, path));
    for (size_t at = 0, n = 0; at < sizeof block; at += n) { /* pieces of 1, 4, 13, ... bytes,
        below and above the buffer */
        n = 3 * n + 1 < sizeof block - at ? 3 * n + 1 : sizeof block - at;
        CHECK_OK(da_file_write(w, block + at, n));
    }
    CHECK_OK(da_file_printf(w, "%1000d", 7));
    CHECK_OK(da_file_commit(w));
    CHECK_OK(da_file_read(path, 1 << 20, &bytes, &size));
    CHECK_INT(size, sizeof block + 1000);
    CHECK(size == sizeof block + 1000 && memcmp(bytes, block, sizeof block) == 0 && bytes[size - 1] == '7');
    da_free(bytes);
}

TEST(file_full_disk_is_reported) {
    if (!da_file_exists("/dev/full")) SKIP("no /dev/full here");
    static char block[300000];
    da_file_writer *w = NULL;
    CHECK_OK(da_file_create(&w, "/dev/full"));
    CHECK_OK(da_file_write(w, "x", 1)); /* still in the buffer */
    CHECK_FAILS(da_file_commit(w), DA_ERROR_IO, "/dev/full");
    CHECK_OK(da_file_create(&w, "/dev/full"));
    CHECK_FAILS(da_file_write(w, block, sizeof block), DA_ERROR_IO, "space");
    CHECK_FAILS(da_file_write(w, "y", 1), DA_ERROR_IO, "space"); /* the first failure stays */
    CHECK_FAILS(da_file_commit(w), DA_ERROR_IO, "space");
    CHECK_FAILS(da_file_save("/dev/full", block, 10), DA_ERROR_IO, "space");
    CHECK_OK(da_file_save("/dev/null", block, sizeof block));
    CHECK(da_file_exists("/dev/null"));
}

TEST(file_create_refuses) {
    da_file_writer *w = (da_file_writer *)1;
    const char *directory = fresh_directory("file-nowrite");
    char longest[5000];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    CHECK_FAILS(da_file_create(&w, directory), DA_ERROR_IO, "directory");
    CHECK_FAILS(da_file_create(&w, in(directory, "none/f")), DA_ERROR_NOT_FOUND, "none/f");
    CHECK_FAILS(da_file_create(&w, longest), DA_ERROR_IO, "aaa");
    CHECK_FAILS(da_file_create(&w, ""), DA_ERROR_NOT_FOUND, "''");
    CHECK(symlink("nowhere", in(directory, "dangling")) == 0);
    CHECK_FAILS(da_file_create(&w, in(directory, "dangling")), DA_ERROR_IO, "link");
    CHECK(w == (da_file_writer *)1);
    CHECK_INT(entries_in(directory), 1);
}

TEST(file_permissions_are_respected) {
    const char *directory = fresh_directory("file-permissions");
    const char *path = in(directory, "f");
    da_file_writer *w = NULL;
    struct stat facts;
    CHECK_OK(da_file_save(path, "old", 3));
    CHECK(chmod(path, 0640) == 0);
    CHECK_OK(da_file_save(path, "new", 3));
    CHECK(stat(path, &facts) == 0 && (facts.st_mode & 0777) == 0640);
    if (geteuid() == 0) SKIP("root may write anything");
    CHECK(chmod(path, 0444) == 0);
    CHECK_FAILS(da_file_create(&w, path), DA_ERROR_IO, "ermission");
    CHECK(chmod(path, 0644) == 0 && chmod(directory, 0555) == 0);
    CHECK_FAILS(da_file_create(&w, path), DA_ERROR_IO, "ermission");
    CHECK(chmod(directory, 0755) == 0);
    CHECK_TEXT(text_of(path), "new");
}

TEST(file_link_is_followed) {
    const char *directory = fresh_directory("file-link");
    struct stat facts;
    CHECK_OK(da_file_save(in(directory, "f"), "old", 3));
    CHECK(symlink("f", in(directory, "l")) == 0);
    CHECK_OK(da_file_save(in(directory, "l"), "new", 3));
    CHECK(lstat(in(directory, "l"), &facts) == 0 && S_ISLNK(facts.st_mode));
    CHECK_TEXT(text_of(in(directory, "f")), "new");
    CHECK_INT(entries_in(directory), 2);
}

TEST(file_directory_vanishing_before_commit_is_reported) {
    const char *directory = fresh_directory("file-vanish");
    const char *moved = test_temporary("file-vanished");
    da_file_writer *w = NULL;
    CHECK_OK(da_file_create(&w, in(directory, "f")));
    CHECK(rename(directory, moved) == 0);
    CHECK_FAILS(da_file_commit(w), DA_ERROR_NOT_FOUND, "file-vanish");
}

TEST(file_directories_are_made) {
    const char *base = fresh_directory("file-dirs");
    CHECK_OK(da_directory_make(in(base, "a/b//c/")));
    CHECK_OK(da_directory_make(in(base, "a/b")));
    CHECK_OK(da_directory_make("/"));
    CHECK(da_file_exists(in(base, "a/b/c")));
    CHECK_OK(da_file_save(in(base, "f"), "", 0));
    CHECK_FAILS(da_directory_make(in(base, "f")), DA_ERROR_IO, "in the way");
    CHECK_FAILS(da_directory_make(in(base, "f/g")), DA_ERROR_IO, "in the way");
    CHECK_FAILS(da_directory_make(""), DA_ERROR_NOT_FOUND, "''");
}

TEST(file_directories_are_removed_but_not_what_links_lead_to) {
    const char *base = fresh_directory("file-removed");
    const char *other = fresh_directory("file-remains");
    CHECK_OK(da_directory_make(in(base, "a/b")));
    CHECK_OK(da_file_save(in(base, "a/b/f"), "x", 1));
    CHECK_OK(da_file_save(in(other, "kept"), "x", 1));
    CHECK(symlink(other, in(base, "a/link")) == 0);
    CHECK_OK(da_directory_remove(in(base, "a")));
    CHECK(!da_file_exists(in(base, "a")));
    CHECK(da_file_exists(in(other, "kept")));
    CHECK_OK(da_directory_remove(in(base, "a")));
}

TEST(file_survives_allocation_failures) {
    const char *directory = fresh_directory("file-memory");
    const char *path = in(directory, "f");
    da_status status = DA_ERROR_MEMORY;
    for (int64_t k = 0; status != DA_OK && k < 20; k++) {
        da_file_writer *w = NULL;
        uint8_t *bytes = NULL;
        size_t size;
        da_memory_fail_after(k);
        status = da_file_create(&w, path);
        if (status == DA_OK) {
            (void)da_file_printf(w, "%600d", 1);
            status = da_file_commit(w);
        }
        if (status == DA_OK) status = da_file_read(path, 1000, &bytes, &size);
        da_memory_fail_after(-1);
        if (status != DA_OK) CHECK_INT(status, k == 1 ? DA_ERROR_IO : DA_ERROR_MEMORY);
        CHECK(entries_in(directory) <= 1);
        da_free(bytes);
    }
    CHECK_INT(status, DA_OK);
}

TEST(file_tells_streams_and_second_names) {
    char first[4096], second[4096];
    strcpy(first, test_temporary("same-first"));
    strcpy(second, test_temporary("same-second"));
    CHECK(da_file_same(first, first) && !da_file_same(first, second)); /* neither is there */
    CHECK_OK(da_file_save(first, "a", 1));
    CHECK_OK(da_file_save(second, "a", 1));
    CHECK(!da_file_same(first, second));
    unlink(second);
    CHECK_INT(link(first, second), 0);
    CHECK(da_file_same(first, second));
    CHECK(da_file_same("test-not-there", "./test-not-there") && !da_file_same("test-not-there", "./test-nor-this"));
    CHECK(da_file_same("/test-not-there", "/./test-not-there") && !da_file_same("nowhere/a", "nowhere/./a"));
    CHECK(!da_file_is_stream(first) && !da_file_is_stream(test_temporary("none")) && da_file_is_stream("/dev/null"));
}

TEST(file_in_shared_memory_is_replaced_like_any_other) {
    char path[64];
    bool replaced;
    snprintf(path, sizeof path, "/dev/shm/deeparc-test-%ld", (long)getpid());
    if (access("/dev/shm", W_OK) != 0) SKIP("there is no /dev/shm");
    CHECK_OK(da_file_save(path, "long", 4));
    CHECK_OK(da_file_save(path, "new", 3));
    replaced = strcmp(text_of(path), "new") == 0;
    unlink(path);
    CHECK(replaced);
}

/* ---- What killed processes leave, and locks ---- */

TEST(file_removes_what_killed_writers_have_left) {
    const char *directory = fresh_directory("file-parts");
    static const char *const gone[] = { "f.part-999999999-0", "f.part-999999999-17" };
    static const char *const kept[] = { "f.part-999999999-x", "f.part-999999999", "f.part--1-0", "f.part-9-0.csv",
                                        "g.part-999999999-0", "ff.part-999999999-0", "f.part-1-0" }; /* 1 is init */
    char path[4096];
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) CHECK_OK(da_file_save(in(directory, gone[i]), "a", 1));
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) CHECK_OK(da_file_save(in(directory, kept[i]), "a", 1));
    snprintf(path, sizeof path, "%s", in(directory, "f"));
    CHECK_OK(da_file_save(path, "a", 1));
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) CHECK(!da_file_exists(in(directory, gone[i])));
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) CHECK(da_file_exists(in(directory, kept[i])));
}

/* A process that takes the lock and is killed with it; says so through a pipe. */
static pid_t start_locker(const char *path, int *told) {
    int ends[2];
    char said = 0;
    CHECK_INT(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        da_file_lock *lock = NULL;
        said = da_file_lock_take(&lock, path) == DA_OK ? 'y' : 'n';
        if (write(ends[1], &said, 1) == 1) pause();
        _exit(0);
    }
    CHECK(read(ends[0], &said, 1) == 1);
    *told = said;
    close(ends[0]);
    close(ends[1]);
    return child;
}

TEST(file_lock_goes_with_its_process) {
    char path[4096], name[4200];
    int told = 0;
    da_file_lock *lock = NULL;
    snprintf(path, sizeof path, "%s", in(fresh_directory("file-lock"), "checkpoint"));
    snprintf(name, sizeof name, "%s.lock", path);
    pid_t child = start_locker(path, &told);
    CHECK_INT(told, 'y');
    CHECK_FAILS(da_file_lock_take(&lock, path), DA_ERROR_BUSY, "in use by another process");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    CHECK(da_file_exists(name)); /* left behind, and no hindrance */
    CHECK_OK(da_file_lock_take(&lock, path));
    child = start_locker(path, &told);
    CHECK_INT(told, 'n');
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    da_file_lock_give(lock);
    CHECK(!da_file_exists(name));
    da_file_lock_give(NULL);
    CHECK_FAILS(da_file_lock_take(&lock, "nowhere/at/all"), DA_ERROR_NOT_FOUND, "nowhere/at/all");
}
