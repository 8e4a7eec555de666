/* vaults.c - see vaults.h
 * SPDX-License-Identifier: MIT */
#include "store/vaults.h"

#include "base/memory.h"
#include "store/search_index.h"
#include "store/search_turns.h"
#include "store/vault_state.h"

#include <assert.h>

typedef struct waiter {
    struct waiter *next;
    uint8_t key[KEYS_KEY];
    uint64_t quota;
    vaults_done *done;
    void *ctx;
} waiter;

typedef enum place_state { PLACE_OPENING, PLACE_OPEN, PLACE_CLOSING } place_state;

/* One alias. */
typedef struct place {
    struct place *next; /* in its bucket */
    vaults *all;
    uint8_t alias[KEYS_ID];
    place_state state;
    char *path;
    uint8_t key[KEYS_KEY]; /* only while OPENING */
    uint64_t quota;
    ll_status status; /* of the opening */
    vault *vault;     /* the registry's own reference, while OPEN and CLOSING */
    bool idle;        /* nobody else had one at the last tick, */
    uint64_t idle_ms; /* since then */
    uint64_t work;    /* vault_work at the last look, */
    uint64_t work_ms; /* which was other before then */
    bool rested;
    waiter *waiters;
} place;

enum {
    BUCKETS = 1024,
    LOOK_MS = 1000, /* how often we look who works */
    RESTING = 64    /* at a look; the others follow */
};

struct vaults {
    vault_config config;
    uint64_t grace_ms;
    size_t count, closing_count, count_max; /* places, those of them that are CLOSING, and open at most */
    pthread_mutex_t mutex;                  /* guards the buckets, states and counts */
    place *buckets[BUCKETS];
    uint64_t look_ms; /* of the last */
    bool closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

ll_status vaults_new(vaults **out, const vault_config *config, uint64_t grace_ms, size_t count_max)
{
    vaults *all = *out = memory_new(NULL, sizeof *all);
    if (!all)
        return LL_ENOMEM;
    all->config = *config;
    all->grace_ms = grace_ms;
    all->count_max = count_max ? count_max : VAULTS_MAX;
    ll_status status = search_turns_new(&all->config.search_turns, SEARCH_TURNS);
    if (status) {
        memory_free(NULL, all);
        *out = NULL;
        return status;
    }
    pthread_mutex_init(&all->mutex, NULL);
    return LL_OK;
}

/* Ids are random: any two bytes of them are as good as a hash. */
static place **bucket(vaults *all, const uint8_t alias[KEYS_ID])
{
    return &all->buckets[(alias[0] | (unsigned)alias[1] << 8) % BUCKETS];
}

static place *find(vaults *all, const uint8_t alias[KEYS_ID])
{
    place *p = *bucket(all, alias);
    while (p && memcmp(p->alias, alias, KEYS_ID) != 0)
        p = p->next;
    return p;
}

static void unlink_place(vaults *all, place *p)
{
    for (place **at = bucket(all, p->alias); *at; at = &(*at)->next) {
        if (*at == p) {
            *at = p->next;
            all->count--;
            return;
        }
    }
}

static void place_del(place *p)
{
    memory_wipe(p->key, sizeof p->key);
    memory_free(NULL, p->path);
    memory_free(NULL, p);
}

static void waiter_del(waiter *w)
{
    memory_wipe(w->key, sizeof w->key);
    memory_free(NULL, w);
}

/* ---------------------------------------------------------------------------------------------------- Open */

static void opening(void *arg);
static void closing(void *arg);
static void opening_done(void *arg);
static void tell_if_all_closed(vaults *all);

static void opening(void *arg)
{
    place *p = arg;
    text why;
    text_init(&why, NULL, 512);
    p->status = vault_open(&p->vault, &p->all->config, p->alias, p->path, p->key, p->quota, &why);
    memory_wipe(p->key, sizeof p->key);
    if (p->status && p->all->config.log) {
        text line;
        text_init(&line, NULL, 1024);
        text_print(&line, "vault open failed status=%s why=\"%s\"", ll_status_name(p->status), text_str(&why));
        p->all->config.log(p->all->config.ctx, text_span(&line));
        text_fini(&line);
    }
    text_fini(&why);
    executor_done(p->all->config.executor, opening_done, p);
}

/* A vault that is open, for somebody with a key. */
static void answer(waiter *w, ll_status status, vault *v)
{
    if (!status && v && !vault_key_is(v, w->key))
        status = LL_EAUTH;
    w->done(w->ctx, status, status ? NULL : vault_ref(v));
    waiter_del(w);
}

static void opening_done(void *arg)
{
    place *p = arg;
    vaults *all = p->all;
    pthread_mutex_lock(&all->mutex);
    waiter *waiters = p->waiters;
    p->waiters = NULL;
    vault *v = p->vault;
    ll_status status = p->status;
    if (v) {
        p->state = PLACE_OPEN;
        p->idle = p->rested = false;
        p->work = UINT64_MAX;
        vault_ref(v); /* while we answer */
    } else {
        unlink_place(all, p);
    }
    pthread_mutex_unlock(&all->mutex);
    if (!v)
        place_del(p);
    while (waiters) {
        waiter *w = waiters;
        waiters = w->next;
        answer(w, status, v);
    }
    if (v)
        vault_unref(v);
    if (all->closing) {
        vaults_tick(all, UINT64_MAX);
        tell_if_all_closed(all);
    }
}

static place *place_new(vaults *all, const uint8_t alias[KEYS_ID], const char *path)
{
    place *p = memory_new(NULL, sizeof *p);
    char *copy = memory_new(NULL, strlen(path) + 1);
    if (!p || !copy) {
        memory_free(NULL, p);
        memory_free(NULL, copy);
        return NULL;
    }
    memcpy(copy, path, strlen(path));
    memcpy(p->alias, alias, KEYS_ID);
    p->path = copy;
    p->all = all;
    return p;
}

/* With the lock. Nobody but the registry holds it, and vaults_find cannot give it away while we look. */
static bool unused(const place *p)
{
    return p->state == PLACE_OPEN && atomic_load(&p->vault->refs) == 1;
}

/* With the lock. */
static void begin_closing(place *p)
{
    p->state = PLACE_CLOSING;
    p->all->closing_count++;
}

/* With the lock: is there room for one more? All may be taken by vaults in their grace: the one that nobody has used
 * for longest goes before its time. */
static bool make_room(vaults *all, place **victim)
{
    bool many = all->closing_count >= VAULTS_CLOSING_MAX;
    if (all->count - (many ? VAULTS_CLOSING_MAX : all->closing_count) < all->count_max)
        return true;
    if (many)
        return false;
    place *oldest = NULL;
    for (size_t i = 0; i < BUCKETS; i++)
        for (place *p = all->buckets[i]; p; p = p->next)
            if (unused(p) && (!oldest || (p->idle && (!oldest->idle || p->idle_ms < oldest->idle_ms))))
                oldest = p;
    if (oldest)
        begin_closing(oldest);
    *victim = oldest;
    return oldest != NULL;
}

/* From the waiter's key; the lock is held. */
static void begin_opening(place *p, const waiter *w)
{
    p->state = PLACE_OPENING;
    p->quota = w->quota;
    memcpy(p->key, w->key, KEYS_KEY);
}

/* With the lock: what is to be done for this waiter? LL_OK: it is open, in *v. LL_LATER: it waits; *start: begin the
 * opening; *victim: and close this one. */
static ll_status enqueue(vaults *all, const uint8_t alias[KEYS_ID], const char *path, waiter *w, vault **v,
                         place **start, place **victim)
{
    if (all->closing)
        return LL_ECLOSED;
    place *p = find(all, alias);
    if (p && p->state == PLACE_OPEN) {
        p->idle = false;
        *v = vault_ref(p->vault);
        return LL_OK;
    }
    if (!p) {
        if (!make_room(all, victim))
            return LL_ELIMIT;
        p = place_new(all, alias, path);
        if (!p)
            return LL_ENOMEM;
        p->next = *bucket(all, alias);
        *bucket(all, alias) = p;
        all->count++;
        begin_opening(p, w);
        *start = p;
    }
    w->next = p->waiters;
    p->waiters = w;
    return LL_LATER;
}

void vaults_open(vaults *all, const uint8_t alias[KEYS_ID], const char *path, const uint8_t key[KEYS_KEY],
                 uint64_t quota, vaults_done *done, void *ctx)
{
    vault *v = NULL;
    place *start = NULL, *victim = NULL;
    waiter *w = memory_new(NULL, sizeof *w);
    if (!w) {
        done(ctx, LL_ENOMEM, NULL);
        return;
    }
    memcpy(w->key, key, KEYS_KEY);
    w->quota = quota;
    w->done = done;
    w->ctx = ctx;
    pthread_mutex_lock(&all->mutex);
    ll_status status = enqueue(all, alias, path, w, &v, &start, &victim);
    pthread_mutex_unlock(&all->mutex);
    if (victim)
        executor_work(all->config.executor, closing, victim);
    if (start)
        executor_work(all->config.executor, opening, start);
    if (status == LL_LATER)
        return;
    answer(w, status, v);
    if (v)
        vault_unref(v);
}

vault *vaults_find(vaults *all, const uint8_t alias[KEYS_ID])
{
    pthread_mutex_lock(&all->mutex);
    place *p = find(all, alias);
    vault *v = p && p->state == PLACE_OPEN ? vault_ref(p->vault) : NULL;
    pthread_mutex_unlock(&all->mutex);
    return v;
}

void vaults_release(vaults *all, vault **v)
{
    vault *gone = *v;
    *v = NULL;
    if (!gone)
        return;
    vault_unref(gone);
    pthread_mutex_lock(&all->mutex);
    bool closing_all = all->closing;
    pthread_mutex_unlock(&all->mutex);
    if (closing_all)
        vaults_tick(all, 0);
}

/* --------------------------------------------------------------------------------------------------- Close */

static void closing_done(void *arg)
{
    place *p = arg;
    vaults *all = p->all;
    pthread_mutex_lock(&all->mutex);
    bool again = p->waiters && !all->closing;
    all->closing_count--;
    waiter *refused = again ? NULL : p->waiters;
    if (again) {
        begin_opening(p, p->waiters);
    } else {
        p->waiters = NULL;
        unlink_place(all, p);
    }
    pthread_mutex_unlock(&all->mutex);
    if (again) {
        executor_work(all->config.executor, opening, p);
        return;
    }
    place_del(p);
    while (refused) {
        waiter *w = refused;
        refused = w->next;
        answer(w, LL_ECLOSED, NULL);
    }
    tell_if_all_closed(all);
}

/* A flush that has just reported its last job may not have returned yet: let it go first, rather than block a worker.
 */
static void closing(void *arg)
{
    place *p = arg;
    queue *q = &p->vault->queue;
    pthread_mutex_lock(&q->mutex);
    bool busy = q->running;
    pthread_mutex_unlock(&q->mutex);
    if (busy) {
        executor_work(p->all->config.executor, closing, p);
        return;
    }
    if (p->all->config.locking)
        p->all->config.locking(p->all->config.ctx, p->alias, vault_count(p->vault).bytes);
    vault_close(&p->vault);
    executor_done(p->all->config.executor, closing_done, p);
}

/* With the lock: one that is due, now CLOSING. */
static place *take_due(vaults *all, uint64_t now_ms)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        for (place *p = all->buckets[i]; p; p = p->next) {
            if (!unused(p)) {
                p->idle = false;
                if (all->closing && p->state == PLACE_OPEN)
                    search_index_stop(p->vault);
                continue;
            }
            if (!p->idle) {
                p->idle = true;
                p->idle_ms = now_ms;
            }
            if (all->closing || now_ms - p->idle_ms >= all->grace_ms) {
                begin_closing(p);
                return p;
            }
        }
    }
    return NULL;
}

/* With the lock: has it been without work for long enough? */
static bool rests(place *p, uint64_t now_ms)
{
    if (p->state != PLACE_OPEN)
        return false;
    uint64_t work = vault_work(p->vault);
    if (work != p->work) {
        p->work = work;
        p->work_ms = now_ms;
        p->rested = false;
    }
    return !p->rested && now_ms - p->work_ms >= VAULTS_REST_MS;
}

static void look_for_rest(vaults *all, uint64_t now_ms)
{
    vault *found[RESTING];
    size_t count = 0;
    all->look_ms = now_ms;
    pthread_mutex_lock(&all->mutex);
    for (size_t i = 0; i < BUCKETS; i++)
        for (place *p = all->buckets[i]; p && count < RESTING; p = p->next)
            if (rests(p, now_ms))
                found[count++] = vault_ref(p->vault);
    pthread_mutex_unlock(&all->mutex);
    for (size_t i = 0; i < count; i++) {
        bool rested = vault_rest(found[i]); /* else it is just ending some work */
        pthread_mutex_lock(&all->mutex);
        place *p = find(all, found[i]->alias);
        if (p)
            p->rested = rested;
        pthread_mutex_unlock(&all->mutex);
        vault_unref(found[i]);
    }
}

void vaults_tick(vaults *all, uint64_t now_ms)
{
    if (!all->closing && now_ms - all->look_ms >= LOOK_MS)
        look_for_rest(all, now_ms);
    for (;;) {
        pthread_mutex_lock(&all->mutex);
        place *p = take_due(all, now_ms);
        pthread_mutex_unlock(&all->mutex);
        if (!p)
            return;
        executor_work(all->config.executor, closing, p);
    }
}

ll_status vaults_lock(vaults *all, const uint8_t alias[KEYS_ID])
{
    pthread_mutex_lock(&all->mutex);
    place *p = find(all, alias);
    ll_status status = p ? LL_EBUSY : LL_OK;
    bool close_it = p && unused(p);
    if (close_it)
        begin_closing(p);
    pthread_mutex_unlock(&all->mutex);
    if (close_it)
        executor_work(all->config.executor, closing, p);
    return status;
}

void vaults_grace(vaults *all, uint64_t grace_ms)
{
    pthread_mutex_lock(&all->mutex);
    all->grace_ms = grace_ms;
    pthread_mutex_unlock(&all->mutex);
}

size_t vaults_count(vaults *all)
{
    pthread_mutex_lock(&all->mutex);
    size_t count = all->count;
    pthread_mutex_unlock(&all->mutex);
    return count;
}

static void tell_if_all_closed(vaults *all)
{
    if (!all->closed || vaults_count(all))
        return;
    void (*closed)(void *) = all->closed;
    all->closed = NULL;
    closed(all->closed_ctx);
}

void vaults_close_all(vaults *all, void (*done)(void *ctx), void *ctx)
{
    pthread_mutex_lock(&all->mutex);
    all->closing = true;
    pthread_mutex_unlock(&all->mutex);
    all->closed = done;
    all->closed_ctx = ctx;
    vaults_tick(all, 0);
    tell_if_all_closed(all);
}

void vaults_del(vaults **all)
{
    vaults *gone = *all;
    *all = NULL;
    if (!gone)
        return;
    assert(!gone->count);
    search_turns_del(&gone->config.search_turns);
    pthread_mutex_destroy(&gone->mutex);
    memory_free(NULL, gone);
}
