/* footprint.c - see footprint.h
 * SPDX-License-Identifier: MIT */
#include "server/footprint.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define LOCK_FLAGS                                                                                                     \
    (MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) /* on fault: not whole stacks of threads that use a page of them */

enum { MAPPED_BYTES = 1 << 20 }; /* above LL_ROWS_CONTENT, whatever malloc adds to it */

/* Running into a limit would look like a lack of memory. */
static bool may_lock_all(void)
{
    struct rlimit limit;
    return geteuid() == 0 || (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY);
}

bool footprint_init(footprint *f)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    *f = (footprint){.locked = false};
    /* Each arena keeps its own free memory. As many threads as there are cores allocate at a time, whatever the number
     * of workers; one more, for who is interrupted while he holds one. */
    (void)mallopt(M_ARENA_MAX, cores > 0 ? (int)cores + 1 : 3);
    /* Output and portions of up to 512 KiB come and go with each FETCH: left to itself, malloc gives them back to the
     * system and has them anew, zeroed page by page, until it has seen large ones. Larger than that is mapped, and
     * goes back at once; so does what is free at the end of an arena beyond two of them. */
    (void)mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, 2 * MAPPED_BYTES);
    f->locked = may_lock_all() && !mlockall(LOCK_FLAGS);
    return f->locked;
}

/* Is there nothing that a page could be swapped out to? /proc/swaps has a line of headings. */
static bool no_swap(void)
{
    char head[256];
    int fd = open("/proc/swaps", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, head, sizeof head);
    if (fd >= 0)
        close(fd);
    const char *end = size > 0 ? memchr(head, '\n', (size_t)size) : NULL;
    return end && end + 1 == head + size;
}

/* Bytes in memory of our own, not of files, that malloc has not given out. */
static uint64_t free_bytes(uint64_t *held)
{
    char line[128] = "";
    char *at = line;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
    if (fd >= 0)
        close(fd);
    *held = 0;
    (void)strtoul(at, &at, 10); /* pages of addresses; of them in memory; of these, of files */
    unsigned long resident = size > 0 ? strtoul(at, &at, 10) : 0, shared = strtoul(at, &at, 10);
    if (shared > resident)
        return 0;
    struct mallinfo2 heap = mallinfo2();
    uint64_t used = heap.uordblks + heap.hblkhd;
    *held = (uint64_t)(resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
    return *held > used ? *held - used : 0;
}

bool footprint_due(footprint *f, uint64_t now_ms)
{
    if (now_ms - f->look_ms < FOOTPRINT_LOOK_MS || atomic_load(&f->going))
        return false;
    f->look_ms = now_ms;
    uint64_t held, spare = free_bytes(&held);
    f->kept = spare < f->kept ? spare : f->kept; /* measured in the middle of work it was too much */
    if (spare < f->kept + FOOTPRINT_FREE_MIN || spare < held / FOOTPRINT_FREE_SHARE || (f->locked && !no_swap()))
        return false;
    atomic_store(&f->going, true);
    return true;
}

bool footprint_trim(footprint *f)
{
    bool locked = f->locked;
    if (!locked) {
        (void)malloc_trim(0);
    } else if (no_swap() && !munlockall()) {
        (void)malloc_trim(0);
        f->locked = !mlockall(LOCK_FLAGS); /* the arena of the keys with it */
    }
    uint64_t held;
    f->kept = free_bytes(&held);
    atomic_store(&f->going, false);
    return f->locked == locked;
}
