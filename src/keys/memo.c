/* memo.c - see memo.h
 * SPDX-License-Identifier: MIT */
#include "keys/memo.h"

#include "base/memory.h"
#include "keys/derive.h"
#include "keys/random.h"

#include <pthread.h>
#include <sodium.h>

/* One alias. */
typedef struct page {
    struct page *next; /* in its bucket */
    uint8_t alias[KEYS_ID];
    uint8_t slot_ids[MEMO_EACH][KEYS_ID];
    uint8_t *marks[MEMO_EACH]; /* in the arena; NULL: free */
    unsigned oldest;           /* the next to make room */
} page;

enum { BUCKETS = 1024 };

struct memo {
    pthread_mutex_t lock;
    secret_arena *arena;
    uint8_t *process_key; /* never changes */
    size_t count, count_max;
    page *buckets[BUCKETS];
};

ll_status memo_new(memo **out, secret_arena *arena, size_t count_max)
{
    *out = NULL;
    if (count_max == 0 || count_max > SECRET_COUNT_MAX)
        return LL_ELIMIT;
    memo *m = memory_new(NULL, sizeof *m);
    if (!m)
        return LL_ENOMEM;
    pthread_mutex_init(&m->lock, NULL);
    m->arena = arena;
    m->count_max = count_max;
    m->process_key = secret_take(arena);
    if (!m->process_key) {
        memo_del(&m);
        return LL_ELIMIT;
    }
    random_bytes(m->process_key, KEYS_KEY);
    *out = m;
    return LL_OK;
}

static void page_del(memo *m, page *p)
{
    for (size_t i = 0; i < MEMO_EACH; i++) {
        m->count -= p->marks[i] != NULL;
        secret_give(m->arena, &p->marks[i]);
    }
    memory_free(NULL, p);
}

void memo_del(memo **m)
{
    memo *gone = *m;
    *m = NULL;
    if (!gone)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        for (page *p = gone->buckets[i], *next; p; p = next) {
            next = p->next;
            page_del(gone, p);
        }
    secret_give(gone->arena, &gone->process_key);
    pthread_mutex_destroy(&gone->lock);
    memory_free(NULL, gone);
}

/* Where the alias's page hangs, or would. Ids are random: any two bytes of them are as good as a hash. */
static page **place_of(memo *m, const uint8_t alias[KEYS_ID])
{
    page **at = &m->buckets[(alias[0] | (unsigned)alias[1] << 8) % BUCKETS];
    while (*at && memcmp((*at)->alias, alias, KEYS_ID) != 0)
        at = &(*at)->next;
    return at;
}

void memo_mark(const memo *m, const uint8_t alias[KEYS_ID], const slot *at, ll_span password, uint8_t mark[KEYS_KEY])
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, m->process_key, KEYS_KEY, KEYS_KEY);
    crypto_generichash_update(&state, alias, KEYS_ID);
    crypto_generichash_update(&state, at->id, KEYS_ID);
    crypto_generichash_update(&state, at->wrapped, sizeof at->wrapped);
    crypto_generichash_update(&state, (const unsigned char *)(password.data ? password.data : ""), password.size);
    crypto_generichash_final(&state, mark, KEYS_KEY);
    memory_wipe(&state, sizeof state);
}

/* The place for this slot's mark: its own, a free one, or the oldest. */
static unsigned choose(page *p, const uint8_t slot_id[KEYS_ID])
{
    for (unsigned i = 0; i < MEMO_EACH; i++)
        if (p->marks[i] && memcmp(p->slot_ids[i], slot_id, KEYS_ID) == 0)
            return i;
    for (unsigned i = 0; i < MEMO_EACH; i++)
        if (!p->marks[i])
            return i;
    unsigned oldest = p->oldest;
    p->oldest = (oldest + 1) % MEMO_EACH;
    return oldest;
}

static void keep(memo *m, page *p, const uint8_t slot_id[KEYS_ID], const uint8_t mark[KEYS_KEY])
{
    unsigned i = choose(p, slot_id);
    if (!p->marks[i]) {
        p->marks[i] = m->count < m->count_max ? secret_take(m->arena) : NULL;
        if (!p->marks[i])
            return;
        m->count++;
    }
    memcpy(p->slot_ids[i], slot_id, KEYS_ID);
    memcpy(p->marks[i], mark, KEYS_KEY);
}

void memo_keep(memo *m, const uint8_t alias[KEYS_ID], const uint8_t slot_id[KEYS_ID], const uint8_t mark[KEYS_KEY])
{
    pthread_mutex_lock(&m->lock);
    page **at = place_of(m, alias);
    if (!*at && m->count < m->count_max && (*at = memory_new(NULL, sizeof **at)))
        memcpy((*at)->alias, alias, KEYS_ID);
    if (*at)
        keep(m, *at, slot_id, mark);
    pthread_mutex_unlock(&m->lock);
}

static const slot *slot_of(const slot *slots, size_t count, const uint8_t id[KEYS_ID])
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(slots[i].id, id, KEYS_ID) == 0)
            return &slots[i];
    return NULL;
}

bool memo_find(memo *m, const uint8_t alias[KEYS_ID], const slot *slots, size_t count, ll_span password, size_t *index)
{
    bool found = false;
    uint8_t mark[KEYS_KEY];
    pthread_mutex_lock(&m->lock);
    const page *p = *place_of(m, alias);
    for (size_t i = 0; p && i < MEMO_EACH; i++) {
        const slot *at = p->marks[i] ? slot_of(slots, count, p->slot_ids[i]) : NULL;
        if (!at)
            continue;
        memo_mark(m, alias, at, password, mark);
        if (sodium_memcmp(mark, p->marks[i], KEYS_KEY) == 0) {
            *index = (size_t)(at - slots);
            found = true;
        }
    }
    pthread_mutex_unlock(&m->lock);
    memory_wipe(mark, sizeof mark);
    return found;
}

void memo_drop(memo *m, const uint8_t alias[KEYS_ID])
{
    pthread_mutex_lock(&m->lock);
    page **at = place_of(m, alias), *p = *at;
    if (p) {
        *at = p->next;
        page_del(m, p);
    }
    pthread_mutex_unlock(&m->lock);
}

size_t memo_count(memo *m)
{
    pthread_mutex_lock(&m->lock);
    size_t count = m->count;
    pthread_mutex_unlock(&m->lock);
    return count;
}
