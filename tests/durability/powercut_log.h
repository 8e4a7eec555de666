/* powercut_log.h - the log of what a process changes below a directory, and its place among the real functions.
 * SPDX-License-Identifier: MIT
 *
 * For powercut.c alone, which says what it is for. All records are made under the lock, each before its change. */
#ifndef POWERCUT_LOG_H
#define POWERCUT_LOG_H

#undef _FORTIFY_SOURCE
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <sys/uio.h>

enum {
    fd_max = 65536,      /* descriptors that can be tracked; a higher one ends the process */
    copy_bytes = 1 << 16 /* a tail that is cut off goes to the log in pieces of this size */
};

typedef enum record_type {
    RECORD_WRITE = 1, /* file, offset, length; size_before; then the old bytes of the range that existed */
    RECORD_SIZE,      /* file, offset = the new size; size_before; then the old tail, if it shrinks */
    RECORD_SYNC,      /* file, offset = the sequence number up to which it is durable */
    RECORD_CREATE,    /* path */
    RECORD_UNLINK,    /* path; the file is kept as POWERCUT_LOG/<sequence> */
    RECORD_RENAME,    /* path, 0, other path; if offset is 1, what had the other name is kept as above */
    RECORD_LINK,      /* path of the new name */
    RECORD_MKDIR,     /* path */
    RECORD_RMDIR,     /* path */
    RECORD_DIRSYNC,   /* path, offset = as in RECORD_SYNC */
    RECORD_SYNCALL    /* offset = as in RECORD_SYNC */
} record_type;

typedef struct record {
    uint32_t magic, type;
    uint64_t sequence;
    uint64_t file; /* inode number */
    uint64_t offset, length;
    uint64_t size_before;
    uint64_t payload; /* bytes that follow */
} record;

enum { record_magic = 0x4c4c5043 };

typedef struct powercut {
    pthread_mutex_t mutex;
    char dir[PATH_MAX], log[PATH_MAX - 32];
    size_t dir_size;
    int fd;            /* -1: not active */
    uint64_t sequence; /* begins at the time, so that several processes, one after the other, can share a log */
    unsigned delay_us;
    _Atomic uint8_t tracked[fd_max]; /* by descriptor: 0 no, 1 file, 2 directory */
    uint64_t inode[fd_max];
} powercut;

extern powercut cut;

/* The functions of the C library that powercut.c stands in front of. start() finds them. */
#define REALS(X)                                                                                                       \
    X(int, openat, (int, const char *, int, ...))                                                                      \
    X(int, close, (int))                                                                                               \
    X(int, dup, (int))                                                                                                 \
    X(int, dup2, (int, int))                                                                                           \
    X(int, dup3, (int, int, int))                                                                                      \
    X(int, fcntl, (int, int, ...))                                                                                     \
    X(ssize_t, write, (int, const void *, size_t))                                                                     \
    X(ssize_t, pwrite, (int, const void *, size_t, off_t))                                                             \
    X(ssize_t, writev, (int, const struct iovec *, int))                                                               \
    X(ssize_t, pwritev, (int, const struct iovec *, int, off_t))                                                       \
    X(int, ftruncate, (int, off_t))                                                                                    \
    X(int, fallocate, (int, int, off_t, off_t))                                                                        \
    X(int, posix_fallocate, (int, off_t, off_t))                                                                       \
    X(int, renameat2, (int, const char *, int, const char *, unsigned))                                                \
    X(int, unlinkat, (int, const char *, int))                                                                         \
    X(int, linkat, (int, const char *, int, const char *, int))                                                        \
    X(int, mkdirat, (int, const char *, mode_t))                                                                       \
    X(int, fsync, (int))                                                                                               \
    X(int, fdatasync, (int))                                                                                           \
    X(void, sync, (void))                                                                                              \
    X(int, syncfs, (int))                                                                                              \
    X(FILE *, fopen, (const char *, const char *))                                                                     \
    X(void *, mmap, (void *, size_t, int, int, int, off_t))                                                            \
    X(ssize_t, copy_file_range, (int, off64_t *, int, off64_t *, size_t, unsigned))                                    \
    X(ssize_t, sendfile, (int, int, off_t *, size_t))

#define DECLARE(type, name, arguments) extern type(*real_##name) arguments;
REALS(DECLARE)

/* Before anything else, in every function; again is fine. */
void start(void);
/* Say that this cannot be taken back, and abort. */
void give_up(const char *what);
void lock(void);
void unlock(void); /* keeps errno */

/* The path with its folder's links resolved. False: it is not below the data directory, or is memory in truth. */
bool ours(int at, const char *path, char out[PATH_MAX]);
uint64_t size_of(int fd);

record record_make(record_type type, uint64_t file);
void log_record(const record *r, const void *payload);
void log_path(record_type type, const char *path, uint64_t offset);
void log_write(int fd, uint64_t offset, uint64_t length);
void log_size(int fd, uint64_t size);
/* Hold a file that is about to lose its name as POWERCUT_LOG/<sequence of the record to come>. */
bool keep(const char *path);

/* 0: no; 1: a file of ours; 2: a directory. */
int tracked(int fd);
void track(int fd, int kind, uint64_t inode);
void track_copy(int from, int to);

#endif
