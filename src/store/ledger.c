/* ledger.c - see ledger.h
 * SPDX-License-Identifier: MIT */
#include "store/ledger.h"

#include "base/memory.h"

#include <assert.h>
#include <pthread.h>

typedef struct pool {
    struct pool *next; /* in its list */
    uint64_t limit, used;
    size_t name_size;
    char name[];
} pool;

typedef struct member {
    struct member *next; /* in its bucket */
    uint8_t alias[KEYS_ID];
    uint64_t limit, used;
    uint64_t in_vault; /* of that, as counted when the vault was last opened or closed */
    pool *domain, *account;
    bool changed;
    struct member *next_changed;
} member;

enum { BUCKETS_MAX = 1 << 17 };

typedef struct pools {
    pool **buckets; /* as many as of members: there may be an account, or a domain, for each */
    size_t mask;
} pools;

struct ledger {
    pthread_mutex_t lock;
    uint64_t limit; /* the default */
    size_t mask;    /* buckets - 1, a power of two */
    member **buckets;
    pools domains, accounts; /* they stay: a server forgets few names in its life */
    member *changed;
};

ll_status ledger_new(ledger **out, uint64_t members)
{
    size_t buckets = 1;
    while (buckets < members && buckets < BUCKETS_MAX)
        buckets *= 2;
    ledger *l = *out = memory_new(NULL, sizeof *l);
    if (!l)
        return LL_ENOMEM;
    pthread_mutex_init(&l->lock, NULL);
    l->mask = buckets - 1;
    l->buckets = memory_new(NULL, buckets * sizeof *l->buckets);
    l->domains.mask = l->accounts.mask = buckets - 1;
    l->domains.buckets = memory_new(NULL, buckets * sizeof *l->domains.buckets);
    l->accounts.buckets = memory_new(NULL, buckets * sizeof *l->accounts.buckets);
    if (!l->buckets || !l->domains.buckets || !l->accounts.buckets)
        ledger_del(out);
    return *out ? LL_OK : LL_ENOMEM;
}

static void pools_del(pools *all)
{
    for (size_t i = 0; all->buckets && i <= all->mask; i++)
        for (pool *p = all->buckets[i], *next; p; p = next) {
            next = p->next;
            memory_free(NULL, p);
        }
    memory_free(NULL, all->buckets);
}

void ledger_del(ledger **l)
{
    ledger *gone = *l;
    *l = NULL;
    if (!gone)
        return;
    for (size_t i = 0; gone->buckets && i <= gone->mask; i++)
        for (member *m = gone->buckets[i], *next; m; m = next) {
            next = m->next;
            memory_free(NULL, m);
        }
    memory_free(NULL, gone->buckets);
    pools_del(&gone->domains);
    pools_del(&gone->accounts);
    pthread_mutex_destroy(&gone->lock);
    memory_free(NULL, gone);
}

/* --------------------------------------------------------------------------------------- Finding. All with the lock */

/* Ids are random: any bytes of them are as good as a hash. */
static member **place_of(ledger *l, const uint8_t alias[KEYS_ID])
{
    member **at = &l->buckets[(alias[0] | (size_t)alias[1] << 8 | (size_t)alias[2] << 16) & l->mask];
    while (*at && memcmp((*at)->alias, alias, KEYS_ID) != 0)
        at = &(*at)->next;
    return at;
}

static pool **pool_place(pools *all, ll_span name)
{
    uint32_t hash = 2166136261u; /* FNV-1a: names are the administrator's, nobody makes them collide */
    for (size_t i = 0; i < name.size; i++)
        hash = (hash ^ (unsigned char)ascii_lower(name.data[i])) * 16777619u;
    pool **at = &all->buckets[(hash ^ hash >> 16) & all->mask];
    while (*at && !span_equal_nocase(span_of((*at)->name, (*at)->name_size), name))
        at = &(*at)->next;
    return at;
}

static ll_status pool_find(pools *all, ll_span name, pool **out)
{
    *out = NULL;
    if (!name.size)
        return LL_OK;
    pool **at = pool_place(all, name);
    if (!*at && (*at = memory_new(NULL, sizeof **at + name.size))) {
        memcpy((*at)->name, name.data, name.size);
        (*at)->name_size = name.size;
    }
    *out = *at;
    return *at ? LL_OK : LL_ENOMEM;
}

/* An account with a pool is told how much it may keep: the default is for those that were told nothing. */
static uint64_t own_limit(const ledger *l, const member *m)
{
    if (m->limit)
        return m->limit;
    return m->account && m->account->limit ? 0 : l->limit;
}

static void add(member *m, uint64_t bytes)
{
    m->used += bytes;
    if (m->domain)
        m->domain->used += bytes;
    if (m->account)
        m->account->used += bytes;
}

static void subtract(member *m, uint64_t bytes)
{
    assert(m->used >= bytes);
    m->used -= bytes;
    if (m->domain)
        m->domain->used -= bytes;
    if (m->account)
        m->account->used -= bytes;
}

/* One of an alias's pools into what it meets. */
static void meet(ledger_numbers *n, uint64_t used, uint64_t limit)
{
    if (!limit)
        return;
    uint64_t room = used < limit ? limit - used : 0;
    if (limit < n->most)
        n->most = limit;
    if (n->limit && (room > n->room || (room == n->room && limit >= n->limit)))
        return;
    n->room = room;
    n->used = used;
    n->limit = limit;
}

static ledger_numbers numbers_of(const ledger *l, const member *m)
{
    ledger_numbers n = {.room = UINT64_MAX, .most = UINT64_MAX, .own = m->used, .used = m->used};
    if (m->domain)
        meet(&n, m->domain->used, m->domain->limit);
    if (m->account)
        meet(&n, m->account->used, m->account->limit);
    n.shared = n.room;
    meet(&n, m->used, own_limit(l, m));
    return n;
}

/* ------------------------------------------------------------------------------------------------ Limits and members
 */

void ledger_default(ledger *l, uint64_t limit)
{
    pthread_mutex_lock(&l->lock);
    l->limit = limit;
    pthread_mutex_unlock(&l->lock);
}

static ll_status pool_limit(ledger *l, pools *all, ll_span name, uint64_t limit)
{
    pool *p;
    pthread_mutex_lock(&l->lock);
    ll_status status = pool_find(all, name, &p);
    if (p)
        p->limit = limit;
    pthread_mutex_unlock(&l->lock);
    return status;
}

ll_status ledger_domain(ledger *l, ll_span domain, uint64_t limit)
{
    return pool_limit(l, &l->domains, domain, limit);
}

ll_status ledger_account(ledger *l, ll_span account, uint64_t limit)
{
    return pool_limit(l, &l->accounts, account, limit);
}

ll_status ledger_join(ledger *l, const uint8_t alias[KEYS_ID], ll_span domain, ll_span account, uint64_t limit,
                      uint64_t in_vault, uint64_t waiting)
{
    pool *in_domain = NULL, *in_account = NULL;
    pthread_mutex_lock(&l->lock);
    member **at = place_of(l, alias), *m = *at;
    uint64_t used = m ? m->used : in_vault + waiting;
    ll_status status = pool_find(&l->domains, domain, &in_domain);
    if (!status)
        status = pool_find(&l->accounts, account, &in_account);
    if (!status && !m && (m = *at = memory_new(NULL, sizeof *m))) {
        memcpy(m->alias, alias, KEYS_ID);
        m->in_vault = in_vault;
    }
    if (m && !status) {
        subtract(m, m->used);
        m->limit = limit;
        m->domain = in_domain;
        m->account = in_account;
        add(m, used);
    } else if (!status) {
        status = LL_ENOMEM;
    }
    pthread_mutex_unlock(&l->lock);
    return status;
}

void ledger_leave(ledger *l, const uint8_t alias[KEYS_ID])
{
    pthread_mutex_lock(&l->lock);
    member **at = place_of(l, alias), *m = *at;
    if (m) {
        subtract(m, m->used);
        for (member **c = &l->changed; *c; c = &(*c)->next_changed)
            if (*c == m) {
                *c = m->next_changed;
                break;
            }
        *at = m->next;
        memory_free(NULL, m);
    }
    pthread_mutex_unlock(&l->lock);
}

/* ------------------------------------------------------------------------------------------------------------- Bytes
 */

ll_status ledger_take(ledger *l, const uint8_t alias[KEYS_ID], uint64_t bytes)
{
    ll_status status = LL_OK;
    pthread_mutex_lock(&l->lock);
    member *m = *place_of(l, alias);
    if (m && bytes > numbers_of(l, m).room)
        status = LL_EQUOTA;
    else if (m)
        add(m, bytes);
    pthread_mutex_unlock(&l->lock);
    return status;
}

void ledger_force(ledger *l, const uint8_t alias[KEYS_ID], uint64_t bytes)
{
    pthread_mutex_lock(&l->lock);
    member *m = *place_of(l, alias);
    if (m)
        add(m, bytes);
    pthread_mutex_unlock(&l->lock);
}

/* What came before the alias joined, or left and joined anew, was not counted: never below nothing. */
void ledger_give(ledger *l, const uint8_t alias[KEYS_ID], uint64_t bytes)
{
    pthread_mutex_lock(&l->lock);
    member *m = *place_of(l, alias);
    if (m)
        subtract(m, bytes < m->used ? bytes : m->used);
    pthread_mutex_unlock(&l->lock);
}

void ledger_opened(ledger *l, const uint8_t alias[KEYS_ID], uint64_t in_vault)
{
    pthread_mutex_lock(&l->lock);
    member *m = *place_of(l, alias);
    if (m) {
        subtract(m, m->in_vault < m->used ? m->in_vault : m->used);
        add(m, in_vault);
        m->in_vault = in_vault;
    }
    pthread_mutex_unlock(&l->lock);
}

void ledger_closed(ledger *l, const uint8_t alias[KEYS_ID], uint64_t in_vault)
{
    pthread_mutex_lock(&l->lock);
    member *m = *place_of(l, alias);
    if (m)
        m->in_vault = in_vault;
    pthread_mutex_unlock(&l->lock);
}

void ledger_mark(ledger *l, const uint8_t alias[KEYS_ID])
{
    pthread_mutex_lock(&l->lock);
    member *m = *place_of(l, alias);
    if (m && !m->changed) {
        m->changed = true;
        m->next_changed = l->changed;
        l->changed = m;
    }
    pthread_mutex_unlock(&l->lock);
}

bool ledger_has_changed(ledger *l)
{
    pthread_mutex_lock(&l->lock);
    bool changed = l->changed != NULL;
    pthread_mutex_unlock(&l->lock);
    return changed;
}

size_t ledger_changed(ledger *l, uint8_t (*aliases)[KEYS_ID], size_t max)
{
    size_t count = 0;
    pthread_mutex_lock(&l->lock);
    while (count < max && l->changed) {
        member *m = l->changed;
        l->changed = m->next_changed;
        m->changed = false;
        memcpy(aliases[count++], m->alias, KEYS_ID);
    }
    pthread_mutex_unlock(&l->lock);
    return count;
}

/* ----------------------------------------------------------------------------------------------------------- Numbers
 */

ledger_numbers ledger_of(ledger *l, const uint8_t alias[KEYS_ID])
{
    ledger_numbers n = {.room = UINT64_MAX, .shared = UINT64_MAX, .most = UINT64_MAX};
    pthread_mutex_lock(&l->lock);
    const member *m = *place_of(l, alias);
    if (m)
        n = numbers_of(l, m);
    pthread_mutex_unlock(&l->lock);
    return n;
}

static void pool_numbers(ledger *l, pools *all, ll_span name, uint64_t *used, uint64_t *limit)
{
    pthread_mutex_lock(&l->lock);
    const pool *p = *pool_place(all, name);
    *used = p ? p->used : 0;
    *limit = p ? p->limit : 0;
    pthread_mutex_unlock(&l->lock);
}

void ledger_of_domain(ledger *l, ll_span domain, uint64_t *used, uint64_t *limit)
{
    pool_numbers(l, &l->domains, domain, used, limit);
}

void ledger_of_account(ledger *l, ll_span account, uint64_t *used, uint64_t *limit)
{
    pool_numbers(l, &l->accounts, account, used, limit);
}
