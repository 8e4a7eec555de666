/* keyring.c - see keyring.h
 * SPDX-License-Identifier: MIT
 *
 * An open-addressing table, at most half full, of ids and places in the arena. Ids are random, so eight of their bytes
 * are the hash. Deleting shifts later entries back (Knuth 6.4 algorithm R), so there are no tombstones. */
#include "keys/keyring.h"

#include "base/memory.h"
#include "keys/random.h"

#include <pthread.h>
#include <sodium.h>

typedef struct entry {
    uint8_t *wrapped; /* NULL: free. XChaCha20 of the key under the process key */
    uint8_t alias[KEYS_ID];
    uint8_t nonce[KEYS_NONCE];
} entry;

struct keyring {
    pthread_mutex_t lock;
    const random_source *random;
    secret_arena *arena;
    uint8_t *process_key;
    size_t count, count_max;
    size_t mask; /* entries - 1, a power of two */
    entry *entries;
};

ll_status keyring_new(keyring **out, secret_arena *arena, size_t count_max)
{
    return keyring_new_random(out, arena, count_max, NULL);
}

ll_status keyring_new_random(keyring **out, secret_arena *arena, size_t count_max, const random_source *random)
{
    *out = NULL;
    if (count_max == 0 || count_max > SECRET_COUNT_MAX)
        return LL_ELIMIT;
    size_t entries = 8;
    while (entries < 2 * count_max)
        entries *= 2;
    keyring *ring = memory_new(NULL, sizeof *ring);
    if (!ring)
        return LL_ENOMEM;
    pthread_mutex_init(&ring->lock, NULL);
    ring->arena = arena;
    ring->random = random;
    ring->count_max = count_max;
    ring->mask = entries - 1;
    ring->entries = memory_new(NULL, entries * sizeof *ring->entries);
    ring->process_key = secret_take(arena);
    if (!ring->entries || !ring->process_key) {
        ll_status status = ring->entries ? LL_ELIMIT : LL_ENOMEM;
        keyring_del(&ring);
        return status;
    }
    random_take(random, ring->process_key, KEYS_KEY);
    *out = ring;
    return LL_OK;
}

void keyring_del(keyring **ring)
{
    keyring *r = *ring;
    if (!r)
        return;
    *ring = NULL;
    if (r->entries)
        keyring_drop_all(r);
    secret_give(r->arena, &r->process_key);
    memory_free(NULL, r->entries);
    pthread_mutex_destroy(&r->lock);
    memory_free(NULL, r);
}

static size_t home(const keyring *ring, const uint8_t alias[KEYS_ID])
{
    uint64_t hash;
    memcpy(&hash, alias, sizeof hash);
    return (size_t)hash & ring->mask;
}

/* The entry of this id, or the free one where it would go. There always is a free one. */
static entry *find(const keyring *ring, const uint8_t alias[KEYS_ID])
{
    size_t at = home(ring, alias);
    while (ring->entries[at].wrapped && memcmp(ring->entries[at].alias, alias, KEYS_ID) != 0)
        at = (at + 1) & ring->mask;
    return &ring->entries[at];
}

ll_status keyring_put(keyring *ring, const uint8_t alias[KEYS_ID], const uint8_t key[KEYS_KEY])
{
    ll_status status = LL_OK;
    pthread_mutex_lock(&ring->lock);
    entry *e = find(ring, alias);
    if (!e->wrapped) {
        e->wrapped = ring->count < ring->count_max ? secret_take(ring->arena) : NULL;
        if (e->wrapped) {
            memcpy(e->alias, alias, KEYS_ID);
            ring->count++;
        } else {
            status = LL_ELIMIT;
        }
    }
    if (!status) {
        random_take(ring->random, e->nonce, KEYS_NONCE);
        crypto_stream_xchacha20_xor(e->wrapped, key, KEYS_KEY, e->nonce, ring->process_key);
    }
    pthread_mutex_unlock(&ring->lock);
    return status;
}

ll_status keyring_get(keyring *ring, const uint8_t alias[KEYS_ID], uint8_t key[KEYS_KEY])
{
    pthread_mutex_lock(&ring->lock);
    const entry *e = find(ring, alias);
    bool found = e->wrapped != NULL;
    if (found)
        crypto_stream_xchacha20_xor(key, e->wrapped, KEYS_KEY, e->nonce, ring->process_key);
    pthread_mutex_unlock(&ring->lock);
    return found ? LL_OK : LL_ENOTFOUND;
}

bool keyring_has(keyring *ring, const uint8_t alias[KEYS_ID])
{
    pthread_mutex_lock(&ring->lock);
    bool found = find(ring, alias)->wrapped != NULL;
    pthread_mutex_unlock(&ring->lock);
    return found;
}

/* Fill the hole with the next entry of the run that may stand there, and go on with the hole it leaves. */
static void close_hole(keyring *ring, size_t hole)
{
    for (size_t at = (hole + 1) & ring->mask; ring->entries[at].wrapped; at = (at + 1) & ring->mask) {
        size_t from_home = (at - home(ring, ring->entries[at].alias)) & ring->mask;
        if (from_home >= ((at - hole) & ring->mask)) {
            ring->entries[hole] = ring->entries[at];
            hole = at;
        }
    }
    memory_wipe(&ring->entries[hole], sizeof ring->entries[hole]);
}

void keyring_drop(keyring *ring, const uint8_t alias[KEYS_ID])
{
    pthread_mutex_lock(&ring->lock);
    entry *e = find(ring, alias);
    if (e->wrapped) {
        secret_give(ring->arena, &e->wrapped);
        ring->count--;
        close_hole(ring, (size_t)(e - ring->entries));
    }
    pthread_mutex_unlock(&ring->lock);
}

void keyring_drop_all(keyring *ring)
{
    pthread_mutex_lock(&ring->lock);
    for (size_t i = 0; i <= ring->mask; i++) {
        secret_give(ring->arena, &ring->entries[i].wrapped);
        memory_wipe(&ring->entries[i], sizeof ring->entries[i]);
    }
    ring->count = 0;
    pthread_mutex_unlock(&ring->lock);
}

size_t keyring_count(keyring *ring)
{
    pthread_mutex_lock(&ring->lock);
    size_t count = ring->count;
    pthread_mutex_unlock(&ring->lock);
    return count;
}
