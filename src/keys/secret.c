/* secret.c - see secret.h
 * SPDX-License-Identifier: MIT
 *
 * The mapping: guard page, narrow slots, wide slots, guard page. Which slots are taken is kept in bitmaps outside of
 * it: that is no secret. */
#include "keys/secret.h"

#include "base/memory.h"

#include <assert.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* A row of slots of one size. `next` is where the search for a free one begins. */
typedef struct row {
    uint8_t *slots;
    size_t size, count, used, next;
    bool *taken;
} row;

struct secret_arena {
    pthread_mutex_t lock;
    uint8_t *mapping;
    size_t mapping_size;
    row narrow, wide;
};

static size_t page_size(void)
{
    long size = sysconf(_SC_PAGESIZE);
    return size > 0 ? (size_t)size : 4096;
}

size_t secret_arena_bytes(size_t count)
{
    size_t page = page_size(), bytes = count * KEYS_KEY + (size_t)SECRET_WIDE_COUNT * SECRET_WIDE;
    return (bytes + page - 1) / page * page;
}

static void explain(text *why, size_t bytes)
{
    if (why)
        text_print(why,
                   "cannot lock %zu KiB of memory for keys: raise the limit for locked memory (RLIMIT_MEMLOCK) with "
                   "LimitMEMLOCK= in the systemd unit, `ulimit -l`, or memlock in /etc/security/limits.conf",
                   bytes / 1024);
}

static ll_status map(secret_arena *a, size_t bytes, text *why)
{
    size_t page = page_size();
    a->mapping_size = bytes + 2 * page;
    void *mapping = mmap(NULL, a->mapping_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED)
        return LL_ENOMEM;
    a->mapping = mapping;
    uint8_t *inner = a->mapping + page;
    if (mprotect(inner, bytes, PROT_READ | PROT_WRITE))
        return LL_ENOMEM;
    if (mlock(inner, bytes)) {
        explain(why, bytes);
        return LL_EDENIED;
    }
    if (madvise(inner, bytes, MADV_DONTDUMP) || madvise(inner, bytes, MADV_DONTFORK))
        return LL_EUNAVAILABLE;
    return LL_OK;
}

static bool row_init(row *r, uint8_t *slots, size_t size, size_t count)
{
    *r = (row){.slots = slots, .size = size, .count = count, .taken = memory_new(NULL, count * sizeof *r->taken)};
    return r->taken != NULL;
}

ll_status secret_arena_new(secret_arena **out, size_t count, text *why)
{
    *out = NULL;
    if (count == 0 || count > SECRET_COUNT_MAX)
        return LL_ELIMIT;
    secret_arena *a = memory_new(NULL, sizeof *a);
    if (!a)
        return LL_ENOMEM;
    pthread_mutex_init(&a->lock, NULL);
    size_t bytes = secret_arena_bytes(count), wide = (size_t)SECRET_WIDE_COUNT * SECRET_WIDE;
    ll_status status = map(a, bytes, why);
    if (!status) {
        uint8_t *slots = a->mapping + page_size();
        size_t narrow = bytes - wide;
        if (!row_init(&a->narrow, slots, KEYS_KEY, narrow / KEYS_KEY) ||
            !row_init(&a->wide, slots + narrow, SECRET_WIDE, SECRET_WIDE_COUNT))
            status = LL_ENOMEM;
    }
    if (status)
        secret_arena_del(&a);
    *out = a;
    return status;
}

ll_status secret_arena_lock(const secret_arena *a)
{
    size_t page = page_size();
    return mlock(a->mapping + page, a->mapping_size - 2 * page) ? LL_EDENIED : LL_OK;
}

void secret_arena_del(secret_arena **arena)
{
    secret_arena *a = *arena;
    if (!a)
        return;
    *arena = NULL;
    for (row *r = &a->narrow;; r = &a->wide) {
        if (r->slots)
            memory_wipe(r->slots, r->size * r->count);
        memory_free(NULL, r->taken);
        if (r == &a->wide)
            break;
    }
    if (a->mapping)
        munmap(a->mapping, a->mapping_size);
    pthread_mutex_destroy(&a->lock);
    memory_free(NULL, a);
}

static uint8_t *row_take(secret_arena *a, row *r)
{
    uint8_t *found = NULL;
    pthread_mutex_lock(&a->lock);
    if (r->used < r->count) {
        while (r->taken[r->next])
            r->next = (r->next + 1) % r->count;
        r->taken[r->next] = true;
        r->used++;
        found = r->slots + r->next * r->size;
    }
    pthread_mutex_unlock(&a->lock);
    return found;
}

uint8_t *secret_take(secret_arena *arena)
{
    return row_take(arena, &arena->narrow);
}

uint8_t *secret_take_wide(secret_arena *arena)
{
    return row_take(arena, &arena->wide);
}

void secret_give(secret_arena *arena, uint8_t **secret)
{
    uint8_t *slot = *secret;
    if (!slot)
        return;
    *secret = NULL;
    row *r = slot >= arena->wide.slots ? &arena->wide : &arena->narrow;
    size_t offset = (size_t)(slot - r->slots), n = offset / r->size;
    assert(slot >= r->slots && n < r->count && offset % r->size == 0);
    memory_wipe(slot, r->size);
    pthread_mutex_lock(&arena->lock);
    assert(r->taken[n]);
    r->taken[n] = false;
    r->used--;
    r->next = n;
    pthread_mutex_unlock(&arena->lock);
}

size_t secret_arena_room(secret_arena *arena)
{
    pthread_mutex_lock(&arena->lock);
    size_t room = arena->narrow.count - arena->narrow.used;
    pthread_mutex_unlock(&arena->lock);
    return room;
}

ll_status secret_process_harden(void)
{
    struct rlimit none = {0, 0};
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) || setrlimit(RLIMIT_CORE, &none))
        return LL_EDENIED;
    return LL_OK;
}
