/* vault_fixture.h - a vault in a scratch directory, and clients that talk to its connector, for tests.
 * SPDX-License-Identifier: MIT
 *
 * With `workers` 0 the executor has NULL functions and everything happens at once. Else jobs run on threads, and what
 * is done is run by the test's own thread, whenever it waits for something: so the test is the session's thread. */
#ifndef TESTS_STORE_VAULT_FIXTURE_H
#define TESTS_STORE_VAULT_FIXTURE_H

#include "scratch.h"

#include "pool.h"

#include "base/memory.h"
#include "base/span.h"
#include "imap/call.h"
#include "keys/seal.h"
#include "store/connector.h"
#include "store/vault.h"

#include <errno.h>

typedef struct fixture {
    scratch scratch;
    char path[512];
    secret_arena *arena;
    keyring *keyring;
    spool_pool spools;
    executor executor;
    pool_line workers, done; /* done has no threads */
    vault_config config;
    vault *vault;
    uint64_t quota;
    uint8_t key[KEYS_KEY], alias[KEYS_ID], drop_public[KEYS_KEY], drop_secret[KEYS_KEY];
    int64_t now;
} fixture;

static inline int64_t fixture_now(void *ctx)
{
    return ((fixture *)ctx)->now;
}

static inline void fixture_work(void *ctx, void (*fn)(void *), void *arg)
{
    pool_line_add(&((fixture *)ctx)->workers, fn, arg);
}

static inline void fixture_done(void *ctx, void (*fn)(void *), void *arg)
{
    pool_line_add(&((fixture *)ctx)->done, fn, arg);
}

/* Run one thing that is done; false: none came within a second or so. */
static inline bool fixture_pump(fixture *f)
{
    pool_line *l = &f->done;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    pthread_mutex_lock(&l->mutex);
    int error = 0;
    while (!l->first && !error)
        error = pthread_cond_timedwait(&l->more, &l->mutex, &until);
    pool_task *task = l->first;
    if (task) {
        l->first = task->next;
        if (!l->first)
            l->last = NULL;
    }
    pthread_mutex_unlock(&l->mutex);
    if (!task)
        return false;
    task->fn(task->arg);
    free(task);
    return true;
}

/* Run what is done by now. */
static inline void fixture_pump_ready(fixture *f)
{
    while (f->executor.done) {
        pthread_mutex_lock(&f->done.mutex);
        bool any = f->done.first != NULL;
        pthread_mutex_unlock(&f->done.mutex);
        if (!any)
            return;
        fixture_pump(f);
    }
}

static inline void fixture_open(fixture *f)
{
    text why;
    text_init(&why, NULL, 1024);
    ll_status status = vault_open(&f->vault, &f->config, f->alias, f->path, f->key, f->quota, &why);
    if (status)
        print_message("vault_open: %s: %s\n", ll_status_name(status), text_str(&why));
    assert_int_equal(status, LL_OK);
    text_fini(&why);
}

static inline unsigned fixture_refs(const fixture *f);

static inline void fixture_init(fixture *f, int workers)
{
    memset(f, 0, sizeof *f);
    if (!access("/dev/shm", W_OK)) /* a sync of the disk costs milliseconds; what it is good for no test here can see */
        setenv("TMPDIR", "/dev/shm", 0);
    scratch_init(&f->scratch);
    assert_int_equal(keys_init(), LL_OK);
    assert_int_equal(secret_arena_new(&f->arena, 16, NULL), LL_OK);
    assert_int_equal(keyring_new(&f->keyring, f->arena, 8), LL_OK);
    snprintf(f->path, sizeof f->path, "%s/v.sqlite", f->scratch.dir);
    memset(f->key, 7, sizeof f->key);
    memset(f->alias, 9, sizeof f->alias);
    seal_pair_make(f->drop_public, f->drop_secret);
    f->now = 1700000000;
    f->spools.bytes_max = 8 << 20;
    if (workers) {
        pool_line_init(&f->workers, workers);
        pool_line_init(&f->done, 0);
        f->executor = (executor){fixture_work, fixture_done, f};
    }
    f->config = (vault_config){.executor = &f->executor,
                               .keyring = f->keyring,
                               .spool_folder = f->scratch.dir,
                               .spool_pool = &f->spools,
                               .now = fixture_now,
                               .ctx = f};
    assert_int_equal(vault_create(f->path, f->key, f->alias, f->drop_public, f->drop_secret, NULL), LL_OK);
    fixture_open(f);
}

/* Wait until nobody but the test holds the vault, then close it. */
static inline void fixture_close(fixture *f)
{
    for (int i = 0; i < 20000 && fixture_refs(f) > 1; i++) {
        fixture_pump_ready(f);
        usleep(100);
    }
    assert_int_equal(fixture_refs(f), 1);
    vault_close(&f->vault);
}

/* All counters and references right? */
static inline void fixture_check(fixture *f)
{
    text report;
    text_init(&report, NULL, 1 << 16);
    ll_status status = vault_check(f->path, f->key, &report);
    if (status)
        print_message("vault_check: %s\n%s\n", ll_status_name(status), text_str(&report));
    assert_int_equal(status, LL_OK);
    text_fini(&report);
}

static inline void fixture_fini(fixture *f)
{
    if (f->vault)
        fixture_close(f);
    if (f->executor.work) {
        pool_line_fini(&f->workers);
        fixture_pump_ready(f);
        pool_line_fini(&f->done);
    }
    fixture_check(f);
    keyring_del(&f->keyring);
    secret_arena_del(&f->arena);
    scratch_fini(&f->scratch);
}

/* ------------------------------------------------------------------------------------------------- Clients */

typedef struct client {
    fixture *fixture;
    const ll_connector *methods;
    void *self;
    ll_call *call;
    unsigned notified;
    void *mailbox;
    ll_view *view; /* as opened, or as client_latest last saw it */
    uint32_t recent_first;
} client;

static inline void client_notify(void *ctx)
{
    ((client *)ctx)->notified++;
}

static inline void client_call_done(ll_call *call, void *ctx)
{
    (void)call;
    (void)ctx;
}

static inline void client_init(client *c, fixture *f)
{
    memset(c, 0, sizeof *c);
    c->fixture = f;
    assert_int_equal(connector_new(f->vault, client_notify, c, &c->methods, &c->self), LL_OK);
    assert_int_equal(call_new(&c->call, NULL, client_call_done, c), LL_OK);
}

/* The answer of a method, waited for. */
static inline ll_status client_wait(client *c, ll_status status)
{
    if (status != LL_LATER)
        return c->call->status = status;
    c->call->pending = true;
    while (c->call->pending)
        assert_true(fixture_pump(c->fixture));
    return c->call->status;
}

/* ASK(client, method, arguments...) */
#define ASK(c, method, ...)                                                                                            \
    client_wait((c), (c)->methods->method((c)->self, call_begin((c)->call) __VA_OPT__(, ) __VA_ARGS__))

static inline ll_status client_open(client *c, const char *name, bool readonly)
{
    ll_status status = ASK(c, open, span_str(name), readonly);
    if (!status) {
        c->mailbox = c->call->mailbox;
        c->call->mailbox = NULL;
        ll_view_unref(&c->view);
        c->view = ll_view_ref(c->call->view);
    }
    return status;
}

static inline void client_close(client *c)
{
    if (c->mailbox)
        c->methods->close(c->self, c->mailbox);
    c->mailbox = NULL;
    ll_view_unref(&c->view);
}

static inline void client_fini(client *c)
{
    client_close(c);
    c->methods->end(c->self);
    call_del(&c->call);
}

/* False: the mailbox is gone. */
static inline bool client_latest(client *c)
{
    fixture_pump_ready(c->fixture);
    ll_view_unref(&c->view);
    c->view = c->methods->latest(c->self, c->mailbox, &c->recent_first);
    return c->view != NULL;
}

static inline void client_told(client *c)
{
    c->methods->told(c->self, c->mailbox, ll_view_modseq(c->view));
}

static inline ll_status client_append_full(client *c, const char *name, ll_span message, unsigned flags,
                                           const ll_span *keywords, size_t keywords_count, int64_t date, uint32_t *uid)
{
    ll_append how = {.size = message.size,
                     .internaldate = date,
                     .flags = flags,
                     .keywords = keywords,
                     .keywords_count = keywords_count};
    ll_status status = ASK(c, append_open, span_str(name), &how);
    if (status)
        return status;
    void *upload = c->call->upload;
    c->call->upload = NULL;
    while (message.size) {
        ll_span piece = span_first(message, 60000);
        status = c->methods->append_data(c->self, upload, piece);
        if (status) {
            c->methods->append_abort(c->self, upload);
            return status;
        }
        message = span_from(message, piece.size);
    }
    status = ASK(c, append_commit, &upload, 1);
    if (!status && uid) {
        assert_int_equal(c->call->placed_count, 1);
        *uid = c->call->placed[0].uid;
    }
    return status;
}

static inline ll_status client_append(client *c, const char *name, const char *message, unsigned flags, uint32_t *uid)
{
    return client_append_full(c, name, span_str(message), flags, NULL, 0, 1600000000, uid);
}

static inline ll_status client_store(client *c, uint32_t first, uint32_t last, ll_flags_op op, unsigned flags)
{
    ll_range range = {first, last};
    return ASK(c, store, c->mailbox, &range, 1, op, flags, NULL, 0);
}

static inline ll_status client_expunge(client *c, uint32_t first, uint32_t last)
{
    ll_range range = {first, last};
    return ASK(c, expunge, c->mailbox, &range, 1);
}

static inline ll_status client_copy(client *c, uint32_t first, uint32_t last, const char *to, bool move)
{
    ll_range range = {first, last};
    return ASK(c, copy, c->mailbox, &range, 1, span_str(to), move);
}

static inline ll_status client_fetch(client *c, uint32_t first, uint32_t last, size_t limit, unsigned want)
{
    ll_range range = {first, last};
    return ASK(c, fetch, c->mailbox, &range, 1, limit, want);
}

static inline ll_status client_read(client *c, uint32_t uid, uint64_t offset, size_t length)
{
    return ASK(c, read, c->mailbox, uid, offset, length);
}

#define F(name) (1u << LL_FLAG_##name)

#include "store/vault_state.h"

static inline unsigned fixture_refs(const fixture *f)
{
    return atomic_load(&f->vault->refs);
}

#endif
