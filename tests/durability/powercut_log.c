/* powercut_log.c - see powercut_log.h
 * SPDX-License-Identifier: MIT */
#include "powercut_log.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

powercut cut = {.mutex = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

static pthread_once_t once = PTHREAD_ONCE_INIT;

#define DEFINE(type, name, arguments) type(*real_##name) arguments;
REALS(DEFINE)

void give_up(const char *what)
{
    char line[256];
    int size = snprintf(line, sizeof line, "powercut: %s: this library cannot take it back, so it ends here\n", what);
    if (size > 0 && real_write)
        (void)!real_write(STDERR_FILENO, line, (size_t)size);
    abort();
}

static void find_real(void)
{
/* memcpy: ISO C has no cast from an object pointer to a function's. */
#define FIND(type, name, arguments)                                                                                    \
    {                                                                                                                  \
        void *found = dlsym(RTLD_NEXT, #name);                                                                         \
        memcpy(&real_##name, &found, sizeof found);                                                                    \
    }
    REALS(FIND)
    const char *dir = getenv("POWERCUT_DIR"), *log = getenv("POWERCUT_LOG"), *delay = getenv("POWERCUT_DELAY_US");
    if (!dir || !log || !realpath(dir, cut.dir) || strlen(log) >= sizeof cut.log)
        return;
    cut.dir_size = strlen(cut.dir);
    strcpy(cut.log, log);
    cut.delay_us = delay ? (unsigned)atoi(delay) : 0;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    cut.sequence = (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/log", cut.log);
    cut.fd = real_openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (cut.fd < 0)
        give_up("cannot open the log");
}

void start(void)
{
    pthread_once(&once, find_real);
}

__attribute__((constructor)) static void begin(void)
{
    start();
}

void lock(void)
{
    pthread_mutex_lock(&cut.mutex);
}

void unlock(void)
{
    int keep = errno;
    pthread_mutex_unlock(&cut.mutex);
    errno = keep;
}

/* -------------------------------------------------------------------------------------------------------- paths */

/* The path with its folder's links resolved. False: it is not below the data directory, or is memory in truth. */
bool ours(int at, const char *path, char out[PATH_MAX])
{
    char joined[PATH_MAX], folder[PATH_MAX];
    if (cut.fd < 0)
        return false;
    if (path[0] == '/' || at == AT_FDCWD)
        snprintf(joined, sizeof joined, "%s", path);
    else {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        ssize_t got = readlink(link, folder, sizeof folder - 1);
        if (got < 0)
            return false;
        folder[got] = '\0';
        if ((size_t)snprintf(joined, sizeof joined, "%s/%s", folder, path) >= sizeof joined)
            return false;
    }
    char *slash = strrchr(joined, '/');
    const char *base = slash ? slash + 1 : joined;
    char name[PATH_MAX];
    snprintf(name, sizeof name, "%s", base);
    if (slash && slash != joined)
        *slash = '\0';
    if (!realpath(slash == joined ? "/" : slash ? joined : ".", folder))
        return false;
    if ((size_t)snprintf(out, PATH_MAX, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, name) >= PATH_MAX)
        return false;
    size_t size = strlen(out);
    bool inside = strncmp(out, cut.dir, cut.dir_size) == 0 && (out[cut.dir_size] == '/' || out[cut.dir_size] == '\0');
    return inside && !(size > 4 && strcmp(out + size - 4, "-shm") == 0);
}

/* ------------------------------------------------------------------------------------------------------ records */

static void log_bytes(const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t sent = real_write(cut.fd, at, size);
        if (sent <= 0)
            give_up("cannot write the log");
        at += sent;
        size -= (size_t)sent;
    }
}

record record_make(record_type type, uint64_t file)
{
    return (record){.magic = record_magic, .type = (uint32_t)type, .sequence = ++cut.sequence, .file = file};
}

void log_record(const record *r, const void *payload)
{
    struct iovec parts[2] = {{(void *)(uintptr_t)r, sizeof *r}, {(void *)(uintptr_t)payload, (size_t)r->payload}};
    ssize_t want = (ssize_t)(sizeof *r + r->payload), sent = real_writev(cut.fd, parts, r->payload ? 2 : 1);
    if (sent == want)
        return;
    if (sent < (ssize_t)sizeof *r)
        give_up("cannot write the log");
    size_t done = (size_t)sent - sizeof *r;
    log_bytes((const char *)payload + done, (size_t)r->payload - done);
}

void log_path(record_type type, const char *path, uint64_t offset)
{
    record r = record_make(type, 0);
    r.offset = offset;
    r.payload = strlen(path);
    log_record(&r, path);
}

uint64_t size_of(int fd)
{
    struct stat st;
    return fstat(fd, &st) ? 0 : (uint64_t)st.st_size;
}

/* Old bytes [from, to) of the file follow the record. The descriptor may be write-only: then read through another. */
static void log_old(record *r, int fd, uint64_t from, uint64_t to)
{
    char *copy = malloc(copy_bytes);
    char name[64];
    int reader = -1;
    r->payload = to > from ? to - from : 0;
    if (!copy)
        give_up("out of memory");
    if ((real_fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY) {
        snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
        reader = real_openat(AT_FDCWD, name, O_RDONLY | O_CLOEXEC);
        if (reader < 0)
            give_up("cannot read what is about to be overwritten");
    }
    if (r->payload <= copy_bytes) {
        ssize_t got = r->payload ? pread(reader >= 0 ? reader : fd, copy, (size_t)r->payload, (off_t)from) : 0;
        if (got != (ssize_t)r->payload)
            give_up("cannot read what is about to be overwritten");
        log_record(r, copy);
    } else {
        log_bytes(r, sizeof *r);
        while (from < to) {
            size_t want = to - from < copy_bytes ? (size_t)(to - from) : copy_bytes;
            if (pread(reader >= 0 ? reader : fd, copy, want, (off_t)from) != (ssize_t)want)
                give_up("cannot read what is about to be overwritten");
            log_bytes(copy, want);
            from += want;
        }
    }
    if (reader >= 0)
        real_close(reader);
    free(copy);
}

void log_write(int fd, uint64_t offset, uint64_t length)
{
    record r = record_make(RECORD_WRITE, cut.inode[fd]);
    r.offset = offset;
    r.length = length;
    r.size_before = size_of(fd);
    uint64_t end = offset + length < r.size_before ? offset + length : r.size_before;
    log_old(&r, fd, offset, end);
}

void log_size(int fd, uint64_t size)
{
    record r = record_make(RECORD_SIZE, cut.inode[fd]);
    r.offset = size;
    r.size_before = size_of(fd);
    log_old(&r, fd, size, r.size_before);
}

/* Hold a file that is about to lose its name as POWERCUT_LOG/<sequence of the record to come>. */
bool keep(const char *path)
{
    char kept[PATH_MAX];
    snprintf(kept, sizeof kept, "%s/%llu", cut.log, (unsigned long long)(cut.sequence + 1));
    return real_linkat(AT_FDCWD, path, AT_FDCWD, kept, 0) == 0;
}

int tracked(int fd)
{
    start();
    return fd >= 0 && fd < fd_max ? atomic_load_explicit(&cut.tracked[fd], memory_order_relaxed) : 0;
}

void track(int fd, int kind, uint64_t inode)
{
    if (fd >= fd_max)
        give_up("descriptor too high");
    cut.inode[fd] = inode;
    atomic_store(&cut.tracked[fd], (uint8_t)kind);
}

void track_copy(int from, int to)
{
    if (to >= 0 && to < fd_max && from >= 0 && from < fd_max)
        track(to, tracked(from), cut.inode[from]);
}
