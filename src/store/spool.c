/* spool.c - content that grows, in bounded memory.
 * SPDX-License-Identifier: MIT
 *
 *     in memory   fd < 0, `memory` holds all bytes.
 *     in a file   fd >= 0, full chunks are encrypted at n * SEAL_CHUNK_SEALED, `memory` holds the plain tail (less than
 * a chunk, so that each chunk is encrypted exactly once, as its nonce is its number); `cache` holds the chunk that was
 * read last.
 *
 * From memory to file once, never back. The file's chunks are all marked "not last": nobody else can cut a file without
 * a name. */
#include "store/spool.h"

#include "base/memory.h"
#include "base/span.h"
#include "keys/random.h"
#include "keys/seal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define SPOOL_MEMORY_FIRST ((size_t)4096) /* the first allocation; then doubled */

struct spool {
    spool_pool *pool;
    char *memory;
    size_t room; /* of memory, counted in the pool */
    size_t held; /* bytes in memory: everything, or the tail */
    uint64_t size;
    ll_status status; /* sticky */

    int fd;
    uint64_t chunks; /* in the file */
    uint8_t key[KEYS_KEY], id[KEYS_ID];
    pthread_mutex_t reading; /* guards the cache: several vaults may take one message at the same time */
    uint8_t *cache;          /* SEAL_CHUNK_SEALED bytes, or NULL */
    uint64_t cache_chunk;    /* which; UINT64_MAX: none */
    char dir[];
};

static_assert(SPOOL_MEMORY_SURE == SEAL_CHUNK, "a spool in a file holds one chunk in memory");

ll_status spool_new(spool **out, const char *dir, spool_pool *pool)
{
    size_t size = strlen(dir) + 1;
    spool *s = memory_new(NULL, sizeof *s + size);
    *out = s;
    if (!s) {
        return LL_ENOMEM;
    }
    s->pool = pool;
    s->fd = -1;
    s->cache_chunk = UINT64_MAX;
    pthread_mutex_init(&s->reading, NULL);
    memcpy(s->dir, dir, size);
    return LL_OK;
}

static void spool_pool_add(spool *s, size_t size)
{
    if (s->pool) {
        atomic_fetch_add_explicit(&s->pool->bytes, size, memory_order_relaxed);
    }
}

static void spool_pool_give(spool *s, size_t size)
{
    if (s->pool) {
        atomic_fetch_sub_explicit(&s->pool->bytes, size, memory_order_relaxed);
    }
}

static bool spool_pool_has(spool *s, size_t size)
{
    if (!s->pool) {
        return true;
    }
    size_t now = atomic_load_explicit(&s->pool->bytes, memory_order_relaxed);
    return now <= s->pool->bytes_max && size <= s->pool->bytes_max - now;
}

static void spool_memory_free(spool *s)
{
    if (s->memory) {
        memory_wipe(s->memory, s->held);
        memory_free(NULL, s->memory);
        spool_pool_give(s, s->room);
    }
    s->memory = NULL;
    s->room = s->held = 0;
}

void spool_del(spool **s)
{
    if (!*s) {
        return;
    }
    spool_memory_free(*s);
    if ((*s)->cache) {
        memory_wipe((*s)->cache, SEAL_CHUNK);
        memory_free(NULL, (*s)->cache);
        spool_pool_give(*s, SEAL_CHUNK_SEALED);
    }
    if ((*s)->fd >= 0) {
        close((*s)->fd);
    }
    pthread_mutex_destroy(&(*s)->reading);
    memory_wipe((*s)->key, KEYS_KEY);
    memory_free(NULL, *s);
    *s = NULL;
}

uint64_t spool_size(const spool *s)
{
    return s->size;
}

bool spool_whole(const spool *s, ll_span *out)
{
    if (s->fd >= 0) {
        return false;
    }
    *out = span_of(s->memory ? s->memory : "", s->held);
    return true;
}

/* ---------------------------------------------------------------------------------------------------- In a file */

static ll_status spool_errno(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EFBIG ? LL_EFULL : LL_EIO;
}

static const random_source *spool_random(const spool *s)
{
    return s->pool ? s->pool->random : NULL;
}

/* Where O_TMPFILE is not known, a file with a random name that loses it at once. */
static int spool_file_named(const spool *s)
{
    uint8_t id[KEYS_ID];
    char hex[RANDOM_HEX + 1], path[4096];
    random_take(spool_random(s), id, sizeof id);
    random_id_hex(id, hex);
    int size = snprintf(path, sizeof path, "%s/%s", s->dir, hex);
    if (size < 0 || (size_t)size >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0) {
        unlink(path);
    }
    return fd;
}

static int spool_file(const spool *s)
{
    int fd = open(s->dir, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
        fd = spool_file_named(s);
    }
    return fd;
}

static ll_status spool_pwrite(int fd, const uint8_t *bytes, size_t size, uint64_t offset)
{
    while (size) {
        ssize_t done = pwrite(fd, bytes, size, (off_t)offset);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return spool_errno(done < 0 ? errno : ENOSPC);
        }
        bytes += done;
        size -= (size_t)done;
        offset += (uint64_t)done;
    }
    return LL_OK;
}

static ll_status spool_pread(int fd, uint8_t *bytes, size_t size, uint64_t offset)
{
    while (size) {
        ssize_t done = pread(fd, bytes, size, (off_t)offset);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return done < 0 ? LL_EIO : LL_ECORRUPT;
        }
        bytes += done;
        size -= (size_t)done;
        offset += (uint64_t)done;
    }
    return LL_OK;
}

/* The one chunk buffer besides the tail: sealed bytes on their way out, the last chunk read on the way in. */
static ll_status spool_cache(spool *s)
{
    if (!s->cache) {
        s->cache = memory_new(NULL, SEAL_CHUNK_SEALED);
        if (!s->cache) {
            return LL_ENOMEM;
        }
        spool_pool_add(s, SEAL_CHUNK_SEALED);
    }
    s->cache_chunk = UINT64_MAX;
    return LL_OK;
}

static ll_status spool_write_chunk(spool *s, const char *plain)
{
    ll_status status = spool_cache(s);
    if (status) {
        return status;
    }
    seal_chunk_encrypt(s->key, s->id, s->chunks, false, span_of(plain, SEAL_CHUNK), s->cache);
    status = spool_pwrite(s->fd, s->cache, SEAL_CHUNK_SEALED, s->chunks * SEAL_CHUNK_SEALED);
    s->chunks += status == LL_OK;
    return status;
}

/* From memory to the file: what is held becomes full chunks and a tail in a buffer of one chunk. */
static ll_status spool_move(spool *s)
{
    char *tail = memory_new(NULL, SEAL_CHUNK);
    if (!tail) {
        return LL_ENOMEM;
    }
    ll_status status = LL_OK;
    s->fd = spool_file(s);
    if (s->fd < 0) {
        status = spool_errno(errno);
    }
    random_take(spool_random(s), s->key, sizeof s->key);
    random_take(spool_random(s), s->id, sizeof s->id);
    size_t moved = 0;
    for (; !status && s->held - moved >= SEAL_CHUNK; moved += SEAL_CHUNK) {
        status = spool_write_chunk(s, s->memory + moved);
    }
    if (status) {
        memory_free(NULL, tail);
        return status;
    }
    size_t rest = s->held - moved;
    if (rest) {
        memcpy(tail, s->memory + moved, rest);
    }
    spool_memory_free(s);
    s->memory = tail;
    s->room = SEAL_CHUNK;
    s->held = rest;
    spool_pool_add(s, s->room);
    return LL_OK;
}

static ll_status spool_write_file(spool *s, ll_span bytes)
{
    while (bytes.size) {
        size_t part = SEAL_CHUNK - s->held;
        part = part < bytes.size ? part : bytes.size;
        memcpy(s->memory + s->held, bytes.data, part);
        s->held += part;
        bytes = span_from(bytes, part);
        if (s->held == SEAL_CHUNK) {
            ll_status status = spool_write_chunk(s, s->memory);
            if (status) {
                return status;
            }
            s->held = 0;
        }
    }
    return LL_OK;
}

/* ----------------------------------------------------------------------------------------------------- In memory */

/* Make room for `size` bytes in all. LL_MORE: it may not, the file is due. */
static ll_status spool_grow(spool *s, size_t size)
{
    if (size <= s->room) {
        return LL_OK;
    }
    size_t room = s->room ? s->room : SPOOL_MEMORY_FIRST;
    while (room < size) {
        room *= 2;
    }
    if (room > SPOOL_MEMORY_SURE && !spool_pool_has(s, room - s->room)) {
        return LL_MORE;
    }
    char *memory = memory_new(NULL, room); /* not resized: the old bytes must be wiped */
    if (!memory) {
        return LL_ENOMEM;
    }
    size_t held = s->held;
    if (held) {
        memcpy(memory, s->memory, held);
    }
    spool_memory_free(s);
    s->memory = memory;
    s->room = room;
    s->held = held;
    spool_pool_add(s, room);
    return LL_OK;
}

static ll_status spool_append(spool *s, ll_span bytes)
{
    if (s->fd < 0) {
        ll_status status = bytes.size <= SPOOL_MEMORY - s->held ? spool_grow(s, s->held + bytes.size) : LL_MORE;
        if (status == LL_OK) {
            memcpy(s->memory + s->held, bytes.data, bytes.size);
            s->held += bytes.size;
            return LL_OK;
        }
        status = status == LL_MORE ? spool_move(s) : status;
        if (status) {
            return status;
        }
    }
    return spool_write_file(s, bytes);
}

ll_status spool_write(spool *s, ll_span bytes)
{
    if (s->status || bytes.size == 0) {
        return s->status;
    }
    if (bytes.size > (uint64_t)INT64_MAX / 2 - s->size) {
        return LL_ELIMIT;
    }
    s->status = spool_append(s, bytes);
    s->size += s->status ? 0 : bytes.size;
    return s->status;
}

/* ------------------------------------------------------------------------------------------------------- Reading */

static ll_status spool_load(spool *s, uint64_t n)
{
    if (s->cache && s->cache_chunk == n) {
        return LL_OK;
    }
    ll_status status = spool_cache(s);
    if (!status) {
        status = spool_pread(s->fd, s->cache, SEAL_CHUNK_SEALED, n * SEAL_CHUNK_SEALED);
    }
    if (!status) {
        status = seal_chunk_decrypt(s->key, s->id, n, false, span_of((char *)s->cache, SEAL_CHUNK_SEALED), s->cache);
    }
    s->cache_chunk = status ? UINT64_MAX : n;
    return status;
}

static ll_status read_bytes(spool *s, uint64_t offset, size_t length, void *out, size_t *got)
{
    char *to = out;
    *got = 0;
    if (s->status) {
        return s->status;
    }
    uint64_t in_file = s->chunks * SEAL_CHUNK;
    while (*got < length && offset < s->size) {
        const char *from;
        size_t part;
        if (offset < in_file) {
            ll_status status = spool_load(s, offset / SEAL_CHUNK);
            if (status) {
                return status;
            }
            from = (char *)s->cache + offset % SEAL_CHUNK;
            part = SEAL_CHUNK - (size_t)(offset % SEAL_CHUNK);
        } else {
            from = s->memory + (offset - in_file);
            part = s->held - (size_t)(offset - in_file);
        }
        part = part < length - *got ? part : length - *got;
        memcpy(to + *got, from, part);
        *got += part;
        offset += part;
    }
    return LL_OK;
}

ll_status spool_read(spool *s, uint64_t offset, size_t length, void *out, size_t *got)
{
    pthread_mutex_lock(&s->reading);
    ll_status status = read_bytes(s, offset, length, out, got);
    pthread_mutex_unlock(&s->reading);
    return status;
}
