/* Whole-file reading, and a buffered writer that renames at the end.
 *
 *     | 64 KB buffer | --flush--> model.safetensors.part-4711-0 --commit--> fsync, close, rename, fsync the directory
 *
 * Invariants: until the rename, the name holds what it held before; after any failure or discard the temporary is gone.
 */
#define _XOPEN_SOURCE 700 /* realpath, nftw */
#include "core/file.h"
#include "core/endian.h"
#include "core/memory.h"
#include "core/tiny.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef PATH_MAX
#define PATH_MAX 4096
#endif

enum { BUFFER = DA_SIZE(65536, 7), TRIES = 100 };
enum { STREAM_CAP = 256 << 20 }; /* a pipe or device may never end */

struct da_file_writer {
    int    fd;
    bool   straight;                /* the destination is a device or a pipe: no temporary */
    int    failed;                  /* errno of the first failed write; 0: none */
    size_t used;                    /* bytes that wait in buffer */
    char   target[PATH_MAX];        /* the name to be, links resolved */
    char   part[PATH_MAX + 64];     /* the temporary */
    char   buffer[BUFFER];
};

static da_status system_failure(const char *what, const char *path, int reason) {
    const char *hint = reason == ENOENT || reason == ENOTDIR ? ": check the name and that its directory exists"
                     : reason == EACCES || reason == EPERM || reason == EROFS
                           ? ": check the permissions or name another place"
                     : reason == ENOSPC || reason == EDQUOT ? ": free some space or name another place" : "";
    return DA_FAIL(reason == ENOENT || reason == ENOTDIR ? DA_ERROR_NOT_FOUND : DA_ERROR_IO, "cannot %s '%s': %s%s",
                   what, path, strerror(reason), hint);
}

bool da_file_exists(const char *path) {
    struct stat facts;
    return stat(path, &facts) == 0;
}

/* ---- reading ---- */

static da_status too_large(const char *path, size_t cap) {
    return DA_FAIL(DA_ERROR_FORMAT, "'%s' is larger than the %zu bytes that are read here: is it the right file?",
                   path, cap);
}

/* Fills a growing block until the end of the file. One byte past the cap is asked for, to know that there is more. */
static da_status read_all(int fd, const char *path, size_t cap, size_t expected, uint8_t **bytes, size_t *size) {
    size_t capacity = expected < cap ? expected + 1 : cap + 1, used = 0;
    uint8_t *block = da_alloc(capacity);
    if (!block) return DA_ERROR_MEMORY;
    for (;;) {
        if (used == capacity) {
            size_t wanted = capacity < cap / 2 ? capacity * 2 : cap + 1; /* capacity <= cap: used is */
            uint8_t *grown = da_realloc(block, wanted);
            if (!grown) { da_free(block); return DA_ERROR_MEMORY; }
            block = grown;
            capacity = wanted;
        }
        size_t room = capacity - used < SSIZE_MAX ? capacity - used : SSIZE_MAX;
        ssize_t got = read(fd, block + used, room);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) { da_free(block); return system_failure("read", path, errno); }
        if (got == 0) break;
        used += (size_t)got;
        if (used > cap) { da_free(block); return too_large(path, cap); }
    }
    block[used] = 0; /* used < capacity: the loop only ends after a read that had room */
    *bytes = block;
    *size = used;
    return DA_OK;
}

static da_status read_stream(int fd, const char *path, size_t cap, uint8_t **bytes, size_t *size) {
    da_status status = read_all(fd, path, cap < STREAM_CAP ? cap : STREAM_CAP, BUFFER, bytes, size);
    if (status != DA_ERROR_FORMAT || cap < STREAM_CAP) return status;
    return DA_FAIL(DA_ERROR_FORMAT, "'%s' is a pipe or a device, of which at most %d bytes are read: copy it to a file "
                   "first", path, STREAM_CAP);
}

da_status da_file_read(const char *path, size_t cap, uint8_t **bytes, size_t *size) {
    struct stat facts;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return system_failure("read", path, errno);
    da_status status;
    if (fstat(fd, &facts) != 0)
        status = system_failure("read", path, errno);
    else if (S_ISDIR(facts.st_mode))
        status = DA_FAIL(DA_ERROR_IO, "cannot read '%s': it is a directory, name a file in it", path);
    else if (S_ISREG(facts.st_mode) && (uint64_t)facts.st_size > cap)
        status = too_large(path, cap);
    else if (S_ISREG(facts.st_mode))
        status = read_all(fd, path, cap, (size_t)facts.st_size, bytes, size);
    else
        status = read_stream(fd, path, cap, bytes, size);
    close(fd);
    return status;
}

/* ---- directories ---- */

static da_status make_one(const char *path) {
    struct stat facts;
    if (mkdir(path, 0777) == 0) return DA_OK;
    int reason = errno;
    if (stat(path, &facts) != 0) return system_failure("make directory", path, reason);
    if (!S_ISDIR(facts.st_mode))
        return DA_FAIL(DA_ERROR_IO, "cannot make directory '%s': a file of that name is in the way", path);
    return DA_OK;
}

da_status da_directory_make(const char *path) {
    char prefix[PATH_MAX];
    size_t length = strlen(path);
    if (length >= sizeof prefix) return system_failure("make directory", path, ENAMETOOLONG);
    for (size_t i = 1; i < length; i++) {
        if (path[i] != '/') continue;
        memcpy(prefix, path, i);
        prefix[i] = '\0';
        DA_TRY(make_one(prefix));
    }
    return make_one(path);
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *place) {
    (void)facts;
    (void)kind;
    (void)place;
    return remove(path);
}

da_status da_directory_remove(const char *path) {
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT) return DA_OK;
    return system_failure("remove directory", path, errno);
}

/* ---- locks, writing ---- */

static int open_straight(const char *path) { return open(path, O_WRONLY | O_APPEND | O_CLOEXEC); }

/* fcntl's locks, which network file systems share among hosts. */
static bool lock_whole(int fd) {
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    return fcntl(fd, F_SETLK, &whole) == 0;
}

/* The process in "NAME.part-4711-0"; 0 when that is not its form. */
static long writer_of(const char *file, const char *name) {
    size_t length = strlen(name);
    int end = 0, number;
    long process;
    if (strncmp(file, name, length) != 0 || strncmp(file + length, ".part-", 6) != 0) return 0;
    const char *rest = file + length + 6;
    bool digits = rest[strspn(rest, "0123456789-")] == '\0' && rest[0] != '-';
    if (!digits || sscanf(rest, "%9ld-%3d%n", &process, &number, &end) != 2 || rest[end] != '\0') return 0;
    return number >= 0 ? process : 0;
}

static void remove_unlocked(const char *path) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    if (lock_whole(fd)) unlink(path);
    close(fd);
}

/* Removes what killed writers of the same name have left: their process is gone here, and no other host has a lock. */
static void sweep_parts(const char *target) {
    char path[PATH_MAX + 64];
    const char *slash = strrchr(target, '/'), *name = slash ? slash + 1 : target;
    int length = slash ? (int)(slash - target) + 1 : 0;
    snprintf(path, sizeof path, "%.*s", length, target);
    DIR *directory = opendir(length ? path : ".");
    if (!directory) return;
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        long process = writer_of(entry->d_name, name);
        if (process <= 0 || process == (long)getpid() || kill((pid_t)process, 0) == 0 || errno != ESRCH) continue;
        if (snprintf(path, sizeof path, "%.*s%s", length, target, entry->d_name) < (int)sizeof path)
            remove_unlocked(path);
    }
    closedir(directory);
}

static int open_part(da_file_writer *w) {
    sweep_parts(w->target);
    for (int k = 0; k < TRIES; k++) {
        snprintf(w->part, sizeof w->part, "%s.part-%ld-%d", w->target, (long)getpid(), k);
        int fd = open(w->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0) (void)lock_whole(fd); /* for who sweeps */
        if (fd >= 0 || errno != EEXIST) return fd;
    }
    return -1;
}

/* /dev/stdout and /dev/fd/3 may well lead to a file, but to one that another program has opened: it is not replaced.
   (A file in /dev/shm is a file like any other.) */
static bool is_straight(const char *path, const struct stat *facts) {
    if (strncmp(path, "/dev/std", 8) == 0 || strncmp(path, "/dev/fd/", 8) == 0) return true;
    return !S_ISREG(facts->st_mode) && !S_ISDIR(facts->st_mode);
}

bool da_file_is_stream(const char *path) {
    struct stat facts;
    return stat(path, &facts) == 0 && is_straight(path, &facts);
}

static bool resolve(char out[DA_FILE_NAME], const char *path) {
    char *name = realpath(path, NULL);
    bool fits = name && snprintf(out, DA_FILE_NAME, "%s", name) < DA_FILE_NAME;
    free(name);
    return fits;
}

bool da_file_canonical(char out[DA_FILE_NAME], const char *path) {
    char directory[DA_FILE_NAME];
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    if (resolve(out, path)) return true;
    int length = slash ? (int)(slash - path) + 1 : 1;
    if (snprintf(directory, sizeof directory, "%.*s", length, slash ? path : ".") >= DA_FILE_NAME) return false;
    if (!*base || !resolve(out, directory)) return false;
    size_t used = strcmp(out, "/") == 0 ? 0 : strlen(out), room = DA_FILE_NAME - used;
    return (size_t)snprintf(out + used, room, "/%s", base) < room;
}

bool da_file_same(const char *a, const char *b) {
    struct stat first, second;
    char one[DA_FILE_NAME], other[DA_FILE_NAME];
    if (strcmp(a, b) == 0) return true;
    if (stat(a, &first) == 0 && stat(b, &second) == 0) return first.st_dev == second.st_dev &&
                                                              first.st_ino == second.st_ino;
    return da_file_canonical(one, a) && da_file_canonical(other, b) && strcmp(one, other) == 0;
}

/* What stands under the name decides: nothing, a file to replace (through its link), or something to write straight
   into. */
static da_status find_target(da_file_writer *w, const char *path, mode_t *mode) {
    struct stat facts;
    if (strlen(path) >= sizeof w->target) return system_failure("write", path, ENAMETOOLONG);
    strcpy(w->target, path);
    *mode = 0;
    if (stat(path, &facts) != 0) {
        if (errno != ENOENT || path[0] == '\0') return system_failure("write", path, errno);
        if (lstat(path, &facts) == 0)
            return DA_FAIL(DA_ERROR_IO, "cannot write '%s': it is a link to a file that does not exist, remove it",
                           path);
        return DA_OK;
    }
    if (S_ISDIR(facts.st_mode))
        return DA_FAIL(DA_ERROR_IO, "cannot write '%s': it is a directory, name a file in it", path);
    w->straight = is_straight(path, &facts);
    if (w->straight) return DA_OK;
    if (!realpath(path, w->target) || access(w->target, W_OK) != 0) return system_failure("write", path, errno);
    *mode = facts.st_mode & 0777;
    return DA_OK;
}

static da_status open_target(da_file_writer *w, const char *path) {
    mode_t mode;
    DA_TRY(find_target(w, path, &mode));
    w->fd = w->straight ? open_straight(path) : open_part(w);
    if (w->fd < 0) return system_failure("write", path, errno);
    if (mode != 0 && fchmod(w->fd, mode) != 0) w->failed = errno;
    return DA_OK;
}

da_status da_file_create(da_file_writer **w, const char *path) {
    da_file_writer *made = da_alloc(sizeof *made);
    if (!made) return DA_ERROR_MEMORY;
    memset(made, 0, offsetof(da_file_writer, buffer));
    da_status status = open_target(made, path);
    if (status != DA_OK) { da_free(made); return status; }
    *w = made;
    return DA_OK;
}

struct da_file_lock {
    int  fd;
    char path[PATH_MAX + 8];
};

/* Whoever had the lock removes the file before giving it back, so it may be another file by the time it is locked. */
static bool is_still(int fd, const char *path) {
    struct stat mine, there;
    return fstat(fd, &mine) == 0 && stat(path, &there) == 0 && mine.st_dev == there.st_dev &&
           mine.st_ino == there.st_ino;
}

static da_status take_lock(da_file_lock *lock, const char *path) {
    for (int k = 0; k < TRIES; k++) {
        lock->fd = open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (lock->fd < 0) return system_failure("lock", path, errno);
        if (lock_whole(lock->fd)) {
            if (is_still(lock->fd, lock->path)) return DA_OK;
        } else if (errno != EACCES && errno != EAGAIN) {
            unlink(lock->path);
            close(lock->fd);
            lock->fd = -1; /* there are no locks here */
            return DA_OK;
        } else {
            k = TRIES;
        }
        close(lock->fd);
    }
    return DA_FAIL(DA_ERROR_BUSY, "'%s' is in use by another process: wait until that has ended, or name another file",
                   path);
}

da_status da_file_lock_take(da_file_lock **lock, const char *path) {
    char name[DA_FILE_NAME];
    da_file_lock *made = da_alloc(sizeof *made);
    if (!made) return DA_ERROR_MEMORY;
    snprintf(made->path, sizeof made->path, "%s.lock", da_file_canonical(name, path) ? name : path);
    da_status status = take_lock(made, path);
    bool held = status == DA_OK && made->fd >= 0;
    if (!held) da_free(made);
    if (status == DA_OK) *lock = held ? made : NULL;
    return status;
}

void da_file_lock_give(da_file_lock *lock) {
    if (!lock) return;
    unlink(lock->path);
    close(lock->fd);
    da_free(lock);
}

da_status da_file_writable(const char *path) {
    da_file_writer *w;
    if (da_file_is_stream(path)) return access(path, W_OK) == 0 ? DA_OK : system_failure("write", path, errno);
    DA_TRY(da_file_create(&w, path));
    da_file_discard(w);
    return DA_OK;
}

static da_status writer_status(const da_file_writer *w) {
    return w->failed ? system_failure("write", w->target, w->failed) : DA_OK;
}

static void write_out(da_file_writer *w, const char *bytes, size_t size) {
    while (size > 0 && !w->failed) {
        ssize_t done = write(w->fd, bytes, size < SSIZE_MAX ? size : SSIZE_MAX);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) { w->failed = errno; return; }
        bytes += done;
        size -= (size_t)done;
    }
}

static void flush(da_file_writer *w) {
    write_out(w, w->buffer, w->used);
    w->used = 0;
}

da_status da_file_write(da_file_writer *w, const void *bytes, size_t size) {
    if (size > BUFFER - w->used) flush(w);
    if (size > BUFFER) {
        write_out(w, bytes, size);
    } else if (size > 0) {
        memcpy(w->buffer + w->used, bytes, size);
        w->used += size;
    }
    return writer_status(w);
}

da_status dai_file_write_little(da_file_writer *w, const void *numbers, size_t count, size_t element) {
    const char *at = numbers;
    char block[4096];
    for (size_t n = 0; count > 0; count -= n, at += n * element) {
        n = count < sizeof block / element ? count : sizeof block / element;
        dai_copy_little(block, at, n, element);
        DA_TRY(da_file_write(w, block, n * element));
    }
    return writer_status(w);
}

da_status da_file_printf(da_file_writer *w, const char *format, ...) {
    char line[512], *text = line;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length < 0) return w->failed = EILSEQ, writer_status(w);
    if ((size_t)length >= sizeof line) {
        text = da_alloc((size_t)length + 1);
        if (!text) return w->failed = ENOMEM, DA_ERROR_MEMORY;
        va_start(arguments, format);
        vsnprintf(text, (size_t)length + 1, format, arguments);
        va_end(arguments);
    }
    da_status status = da_file_write(w, text, (size_t)length);
    if (text != line) da_free(text);
    return status;
}

/* Makes the rename itself survive a power cut. Some file systems refuse to sync a directory; so be it. */
static void sync_directory_of(char *path) {
    char *slash = strrchr(path, '/');
    if (slash) slash[slash == path ? 1 : 0] = '\0';
    int fd = open(slash ? path : ".", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    close(fd);
}

da_status da_file_commit(da_file_writer *w) {
    flush(w);
    if (!w->straight && !w->failed && fsync(w->fd) != 0) w->failed = errno;
    if (close(w->fd) != 0 && !w->failed) w->failed = errno;
    if (!w->straight && !w->failed && rename(w->part, w->target) != 0) w->failed = errno;
    if (!w->straight && w->failed) unlink(w->part);
    da_status status = writer_status(w);
    if (!w->straight && !w->failed) sync_directory_of(w->target);
    da_free(w);
    return status;
}

void da_file_discard(da_file_writer *w) {
    if (!w) return;
    close(w->fd);
    if (!w->straight) unlink(w->part);
    da_free(w);
}

da_status da_file_save(const char *path, const void *bytes, size_t size) {
    da_file_writer *w;
    DA_TRY(da_file_create(&w, path));
    (void)da_file_write(w, bytes, size); /* commit reports it */
    return da_file_commit(w);
}
