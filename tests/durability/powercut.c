/* powercut.c - an LD_PRELOAD library under which a process can lose its power.
 * SPDX-License-Identifier: MIT
 *
 * For tests of durability (kill.py). kill -9 leaves the kernel's page cache whole, so it forgives every forgotten
 * fsync; a power cut does not. Before each change to a file below POWERCUT_DIR the bytes that it replaces are appended
 * to the log POWERCUT_LOG/log, and fsync and fdatasync append a mark. powercut.py reads the log of a killed process and
 * restores what a disk would hold: everything up to each file's last mark, and of what came later nothing, or (torn)
 * some blocks.
 *
 *     POWERCUT_DIR        the data directory
 *     POWERCUT_LOG        a directory outside it on the same file system;
 *                         it also keeps the files that were unlinked, by hard link
 *     POWERCUT_DELAY_US   fsync takes up to so long (random);
 *                         the disk itself is not asked: a killed process needs none
 *
 * SQLite's -shm files are memory, not files: passed through. Files without a name (O_TMPFILE) are gone in any case:
 * likewise. What this library cannot undo (writing below POWERCUT_DIR through stdio, shared mappings, copy_file_range,
 * sendfile) ends the process with a message, so that no test passes by being blind.
 *
 * One mutex: a record is in the log before its change happens, and the change happens before the next record. A record
 * cut off by the kill stands for a change that was never begun. */
#include "powercut_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXPORT         __attribute__((visibility("default")))
#define SAME_AS(other) __attribute__((alias(other))) /* the large-file name: on 64-bit systems the same function */

/* ------------------------------------------------------------------------------------------- opening and closing */

static int open_tracked(int at, const char *path, int flags, mode_t mode, const char *full)
{
    struct stat before, after;
    bool there = stat(full, &before) == 0;
    if ((flags & O_CREAT) && !there)
        log_path(RECORD_CREATE, full, 0);
    int fd = real_openat(at, path, flags & ~O_TRUNC, mode);
    if (fd < 0 || fstat(fd, &after))
        return fd;
    if (flags & (O_SYNC | O_DSYNC))
        give_up("O_SYNC");
    if (S_ISREG(after.st_mode) || S_ISDIR(after.st_mode))
        track(fd, S_ISDIR(after.st_mode) ? 2 : 1, after.st_ino);
    if ((flags & O_TRUNC) && S_ISREG(after.st_mode) && after.st_size > 0) {
        log_size(fd, 0);
        if (real_ftruncate(fd, 0)) {
            real_close(fd);
            return -1;
        }
    }
    return fd;
}

static int open_any(int at, const char *path, int flags, mode_t mode)
{
    char full[PATH_MAX];
    start();
    bool nameless = (flags & O_TMPFILE) == O_TMPFILE;
    if (nameless || !ours(at, path, full)) {
        int fd = real_openat(at, path, flags, mode);
        if (tracked(fd))
            track(fd, 0, 0);
        return fd;
    }
    lock();
    int fd = open_tracked(at, path, flags, mode, full);
    unlock();
    return fd;
}

static mode_t mode_of(int flags, va_list more)
{
    return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(more, mode_t) : 0;
}

#define OPEN_BODY(at)                                                                                                  \
    va_list more;                                                                                                      \
    va_start(more, flags);                                                                                             \
    mode_t mode = mode_of(flags, more);                                                                                \
    va_end(more);                                                                                                      \
    return open_any(at, path, flags, mode)

EXPORT int open(const char *path, int flags, ...)
{
    OPEN_BODY(AT_FDCWD);
}
EXPORT int open64(const char *path, int flags, ...) SAME_AS("open");

EXPORT int openat(int at, const char *path, int flags, ...)
{
    OPEN_BODY(at);
}
EXPORT int openat64(int at, const char *path, int flags, ...) SAME_AS("openat");

EXPORT int creat(const char *path, mode_t mode)
{
    return open_any(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
EXPORT int creat64(const char *path, mode_t mode) SAME_AS("creat");

int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int at, const char *path, int flags);
int __openat64_2(int at, const char *path, int flags);

EXPORT int __open_2(const char *path, int flags)
{
    return open_any(AT_FDCWD, path, flags, 0);
}
EXPORT int __open64_2(const char *path, int flags) SAME_AS("__open_2");

EXPORT int __openat_2(int at, const char *path, int flags)
{
    return open_any(at, path, flags, 0);
}
EXPORT int __openat64_2(int at, const char *path, int flags) SAME_AS("__openat_2");

EXPORT int close(int fd)
{
    if (tracked(fd))
        track(fd, 0, 0);
    start();
    return real_close(fd);
}

EXPORT int dup(int fd)
{
    start();
    int copy = real_dup(fd);
    track_copy(fd, copy);
    return copy;
}

EXPORT int dup2(int fd, int to)
{
    start();
    int copy = real_dup2(fd, to);
    track_copy(fd, copy);
    return copy;
}

EXPORT int dup3(int fd, int to, int flags)
{
    start();
    int copy = real_dup3(fd, to, flags);
    track_copy(fd, copy);
    return copy;
}

/* Every command takes one word or nothing; a word too many does no harm. */
static int fcntl_any(int fd, int command, void *argument)
{
    start();
    int result = real_fcntl(fd, command, argument);
    if (command == F_DUPFD || command == F_DUPFD_CLOEXEC)
        track_copy(fd, result);
    return result;
}

EXPORT int fcntl(int fd, int command, ...)
{
    va_list more;
    va_start(more, command);
    void *argument = va_arg(more, void *);
    va_end(more);
    return fcntl_any(fd, command, argument);
}
EXPORT int fcntl64(int fd, int command, ...) SAME_AS("fcntl");

/* ------------------------------------------------------------------------------------------------------ writing */

static uint64_t position(int fd)
{
    if (real_fcntl(fd, F_GETFL) & O_APPEND)
        return size_of(fd);
    off_t at = lseek(fd, 0, SEEK_CUR);
    return at < 0 ? 0 : (uint64_t)at;
}

static uint64_t total(const struct iovec *parts, int count)
{
    uint64_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += parts[i].iov_len;
    return sum;
}

EXPORT ssize_t write(int fd, const void *bytes, size_t size)
{
    if (tracked(fd) != 1)
        return real_write(fd, bytes, size);
    lock();
    log_write(fd, position(fd), size);
    ssize_t sent = real_write(fd, bytes, size);
    unlock();
    return sent;
}

EXPORT ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    if (tracked(fd) != 1)
        return real_pwrite(fd, bytes, size, offset);
    lock();
    log_write(fd, (uint64_t)offset, size);
    ssize_t sent = real_pwrite(fd, bytes, size, offset);
    unlock();
    return sent;
}
EXPORT ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t offset) SAME_AS("pwrite");

EXPORT ssize_t writev(int fd, const struct iovec *parts, int count)
{
    if (tracked(fd) != 1)
        return real_writev(fd, parts, count);
    lock();
    log_write(fd, position(fd), total(parts, count));
    ssize_t sent = real_writev(fd, parts, count);
    unlock();
    return sent;
}

EXPORT ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    if (tracked(fd) != 1)
        return real_pwritev(fd, parts, count, offset);
    lock();
    log_write(fd, (uint64_t)offset, total(parts, count));
    ssize_t sent = real_pwritev(fd, parts, count, offset);
    unlock();
    return sent;
}
EXPORT ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) SAME_AS("pwritev");

EXPORT int ftruncate(int fd, off_t size)
{
    if (tracked(fd) != 1)
        return real_ftruncate(fd, size);
    lock();
    log_size(fd, (uint64_t)size);
    int result = real_ftruncate(fd, size);
    unlock();
    return result;
}
EXPORT int ftruncate64(int fd, off64_t size) SAME_AS("ftruncate");

EXPORT int truncate(const char *path, off_t size)
{
    int fd = open_any(AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int result = ftruncate(fd, size);
    close(fd);
    return result;
}
EXPORT int truncate64(const char *path, off64_t size) SAME_AS("truncate");

/* Recorded as a growth; other modes (punching holes, collapsing) are not for us. */
static void log_allocate(int fd, int mode, off_t offset, off_t length)
{
    uint64_t size = size_of(fd), end = (uint64_t)(offset + length);
    if (mode & ~FALLOC_FL_KEEP_SIZE)
        give_up("fallocate");
    if (!(mode & FALLOC_FL_KEEP_SIZE) && end > size)
        log_size(fd, end);
}

EXPORT int fallocate(int fd, int mode, off_t offset, off_t length)
{
    if (tracked(fd) != 1)
        return real_fallocate(fd, mode, offset, length);
    lock();
    log_allocate(fd, mode, offset, length);
    int result = real_fallocate(fd, mode, offset, length);
    unlock();
    return result;
}
EXPORT int fallocate64(int fd, int mode, off64_t offset, off64_t length) SAME_AS("fallocate");

EXPORT int posix_fallocate(int fd, off_t offset, off_t length)
{
    if (tracked(fd) != 1)
        return real_posix_fallocate(fd, offset, length);
    lock();
    log_allocate(fd, 0, offset, length);
    int result = real_posix_fallocate(fd, offset, length);
    unlock();
    return result;
}
EXPORT int posix_fallocate64(int fd, off64_t offset, off64_t length) SAME_AS("posix_fallocate");

/* -------------------------------------------------------------------------------------------------------- names */

static int unlink_any(int at, const char *path, int flags)
{
    char full[PATH_MAX];
    start();
    if (!ours(at, path, full))
        return real_unlinkat(at, path, flags);
    lock();
    if (flags & AT_REMOVEDIR)
        log_path(RECORD_RMDIR, full, 0);
    else if (keep(full))
        log_path(RECORD_UNLINK, full, 0);
    int result = real_unlinkat(at, path, flags);
    unlock();
    return result;
}

EXPORT int unlink(const char *path)
{
    return unlink_any(AT_FDCWD, path, 0);
}

EXPORT int unlinkat(int at, const char *path, int flags)
{
    return unlink_any(at, path, flags);
}

EXPORT int rmdir(const char *path)
{
    return unlink_any(AT_FDCWD, path, AT_REMOVEDIR);
}

EXPORT int remove(const char *path)
{
    struct stat st;
    bool folder = lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
    return unlink_any(AT_FDCWD, path, folder ? AT_REMOVEDIR : 0);
}

EXPORT int renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
    char a[PATH_MAX], both[2 * PATH_MAX];
    start();
    bool leaves = ours(from, old, a), comes = ours(to, new, both);
    if (!leaves && !comes)
        return real_renameat2(from, old, to, new, flags);
    if (!leaves || !comes || flags)
        give_up("rename across the border");
    lock();
    record r = {.offset = keep(both)};
    uint64_t kept = r.offset;
    r = record_make(RECORD_RENAME, 0);
    r.offset = kept;
    size_t size = strlen(a);
    memmove(both + size + 1, both, strlen(both) + 1);
    memcpy(both, a, size + 1);
    r.payload = size + 1 + strlen(both + size + 1);
    log_record(&r, both);
    int result = real_renameat2(from, old, to, new, flags);
    unlock();
    return result;
}

EXPORT int renameat(int from, const char *old, int to, const char *new)
{
    return renameat2(from, old, to, new, 0);
}

EXPORT int rename(const char *old, const char *new)
{
    return renameat2(AT_FDCWD, old, AT_FDCWD, new, 0);
}

EXPORT int linkat(int from, const char *old, int to, const char *new, int flags)
{
    char full[PATH_MAX];
    start();
    if (!ours(to, new, full))
        return real_linkat(from, old, to, new, flags);
    lock();
    struct stat st;
    if (lstat(full, &st))
        log_path(RECORD_LINK, full, 0);
    int result = real_linkat(from, old, to, new, flags);
    unlock();
    return result;
}

EXPORT int link(const char *old, const char *new)
{
    return linkat(AT_FDCWD, old, AT_FDCWD, new, 0);
}

EXPORT int mkdirat(int at, const char *path, mode_t mode)
{
    char full[PATH_MAX];
    start();
    if (!ours(at, path, full))
        return real_mkdirat(at, path, mode);
    lock();
    struct stat st;
    if (lstat(full, &st))
        log_path(RECORD_MKDIR, full, 0);
    int result = real_mkdirat(at, path, mode);
    unlock();
    return result;
}

EXPORT int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

/* ------------------------------------------------------------------------------------------------------ syncing */

static uint64_t sync_begin(void)
{
    lock();
    uint64_t upto = cut.sequence;
    unlock();
    if (cut.delay_us)
        usleep((useconds_t)rand() % cut.delay_us);
    return upto;
}

static int sync_file(int fd)
{
    uint64_t upto = sync_begin();
    lock();
    if (tracked(fd) == 2) {
        char name[64], path[PATH_MAX];
        snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
        ssize_t got = readlink(name, path, sizeof path - 1);
        path[got < 0 ? 0 : got] = '\0';
        log_path(RECORD_DIRSYNC, path, upto);
    } else {
        record r = record_make(RECORD_SYNC, cut.inode[fd]);
        r.offset = upto;
        log_record(&r, NULL);
    }
    unlock();
    return 0;
}

EXPORT int fsync(int fd)
{
    return tracked(fd) ? sync_file(fd) : real_fsync(fd);
}

EXPORT int fdatasync(int fd)
{
    return tracked(fd) ? sync_file(fd) : real_fdatasync(fd);
}

static void sync_everything(void)
{
    uint64_t upto = sync_begin();
    lock();
    log_path(RECORD_SYNCALL, "", upto);
    unlock();
}

EXPORT void sync(void)
{
    start();
    if (cut.fd < 0)
        real_sync();
    else
        sync_everything();
}

EXPORT int syncfs(int fd)
{
    if (!tracked(fd))
        return real_syncfs(fd);
    sync_everything();
    return 0;
}

/* ---------------------------------------------------------------------------------------- what cannot be undone */

EXPORT FILE *fopen(const char *path, const char *mode)
{
    char full[PATH_MAX];
    start();
    if (strpbrk(mode, "wa+") && ours(AT_FDCWD, path, full))
        give_up("fopen for writing");
    return real_fopen(path, mode);
}
EXPORT FILE *fopen64(const char *path, const char *mode) SAME_AS("fopen");

EXPORT void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (!(flags & MAP_ANONYMOUS) && (flags & MAP_SHARED) && (protection & PROT_WRITE) && tracked(fd) == 1)
        give_up("shared mapping");
    return real_mmap(at, size, protection, flags, fd, offset);
}
EXPORT void *mmap64(void *at, size_t size, int protection, int flags, int fd, off64_t offset) SAME_AS("mmap");

EXPORT ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t size, unsigned flags)
{
    if (tracked(to))
        give_up("copy_file_range");
    return real_copy_file_range(from, from_at, to, to_at, size, flags);
}

EXPORT ssize_t sendfile(int to, int from, off_t *offset, size_t size)
{
    if (tracked(to))
        give_up("sendfile");
    return real_sendfile(to, from, offset, size);
}
