/* Files: read whole with a cap, written whole or not at all.
 *
 *     da_file_create(&w, "model.safetensors")     model.safetensors.part-4711-0 is opened beside it
 *     da_file_write(w, bytes, size) ...           buffered into it
 *     da_file_commit(w)                           flushed, synced, renamed: the name never holds half a file
 *
 * A writer that is killed leaves its temporary; the next one for the same name removes it.
 * A destination that is no regular file (/dev/full, /dev/stdout, a pipe) is written straight into. A writer keeps its
 * first failure and ignores what follows, and commit reports it, so a run of writes may be checked once, at its end.
 * Errors everywhere: DA_ERROR_NOT_FOUND (no such file or directory), DA_ERROR_IO (the system refused; its reason is in
 * the message), DA_ERROR_MEMORY.
 */
#ifndef DA_CORE_FILE_H
#define DA_CORE_FILE_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads all of path: *size bytes, the caller's to da_free, followed by a zero byte that is not counted (so text is a C
   string). A file of more than cap bytes is DA_ERROR_FORMAT, and so is a pipe or a device of more than 256 MB, which
   may have no end; a directory is DA_ERROR_IO. */
da_status da_file_read(const char *path, size_t cap, uint8_t **bytes, size_t *size);
bool      da_file_exists(const char *path); /* anything of that name: a file, a directory, a pipe */
bool      da_file_is_stream(const char *path); /* written straight into, never replaced; false when there is nothing */
bool      da_file_same(const char *a, const char *b); /* two names of one file, also of one that is not there yet */
/* The one name of a file, which may not be there yet, in a directory that is: absolute, links followed. False when the
   directory is not there, or the name too long. */
enum { DA_FILE_NAME = 4096 };
bool      da_file_canonical(char out[DA_FILE_NAME], const char *path);
/* Can the file be written? Nothing is left behind; DA_ERROR_IO, DA_ERROR_NOT_FOUND as da_file_create. */
da_status da_file_writable(const char *path);

/* Makes path and the directories above it, as mkdir -p. One that exists is no error. */
da_status da_directory_make(const char *path);
/* Removes path and all that is in it, as rm -r: links are removed, not followed. One that is not there is no error. */
da_status da_directory_remove(const char *path);

/* One process at a time for what path names, a file or not. The lock is the kernel's, on a file path.lock that goes
   with it: a process that is killed leaves an empty file and no lock. *lock is NULL, and all is well, where the file system
   knows no locks. DA_ERROR_BUSY: another process has it. Within one process it excludes nobody. */
typedef struct da_file_lock da_file_lock;
da_status da_file_lock_take(da_file_lock **lock, const char *path);
void      da_file_lock_give(da_file_lock *lock); /* takes NULL */

typedef struct da_file_writer da_file_writer;

/* A link is followed, and an existing file's permissions are kept. A file that may not be written is refused here. */
da_status da_file_create(da_file_writer **w, const char *path);
da_status da_file_write(da_file_writer *w, const void *bytes, size_t size);
da_status da_file_printf(da_file_writer *w, const char *format, ...) DA_PRINTF(2, 3); /* any length */
/* Both end the writer's life, whatever they return. A failed commit leaves what stood under the name before. */
da_status da_file_commit(da_file_writer *w);
void      da_file_discard(da_file_writer *w); /* takes NULL */

/* count numbers of `element` bytes each (1, 2, 4, 8), little-endian in the file on every machine. */
da_status dai_file_write_little(da_file_writer *w, const void *numbers, size_t count, size_t element);

/* create, write and commit in one call. */
da_status da_file_save(const char *path, const void *bytes, size_t size);

#endif
