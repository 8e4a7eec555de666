/* absorb.c - see absorb.h
 * SPDX-License-Identifier: MIT */
#include "store/absorb.h"

#include "base/memory.h"
#include "mime/indexer.h"
#include "store/deliver.h"
#include "store/mailbox.h"

typedef struct absorb_waiter {
    struct absorb_waiter *next;
    void (*done)(void *ctx, ll_status status);
    void *ctx;
} absorb_waiter;

/* One entry of the drop on its way. */
typedef struct arrival {
    drop_item item;
    bool had; /* in `absorbed` already: only to be removed */
    spool *content;
    text facts;
} arrival;

typedef struct absorb {
    vault *vault; /* a reference */
    drop *drop;
    absorb_waiter *waiters; /* guarded by the vault's mutex */
    bool again;             /* somebody joined: look once more. Guarded too */
    reader_job load;
    vault_job commit, forget;
    arrival batch[ABSORB_MESSAGES];
    size_t batch_count;
    uint64_t batch_bytes;
    uint8_t (*bad)[KEYS_ID]; /* could not be decrypted: passed over */
    size_t bad_count, bad_room;
    bool remembers; /* `absorbed` has rows */
    uint64_t messages;
    uint64_t counted_twice; /* bytes of the batch that were in the vault already: gone when the drop has lost them */
    uint64_t counted_once;  /* of those that went over: counted twice if the drop does not lose them */
} absorb;

static void batch_clear(absorb *a)
{
    for (size_t i = 0; i < a->batch_count; i++) {
        spool_del(&a->batch[i].content);
        text_wipe(&a->batch[i].facts);
    }
    a->batch_count = 0;
    a->batch_bytes = 0;
}

static void start_load(absorb *a);

/* Everybody who waits gets the same answer. Who joined too late to be sure starts another round. */
static void finish(absorb *a, ll_status status)
{
    vault *v = a->vault;
    batch_clear(a);
    pthread_mutex_lock(&v->mutex);
    bool again = !status && a->again;
    a->again = false;
    absorb_waiter *waiters = again ? NULL : a->waiters;
    if (!again)
        v->absorb = NULL;
    pthread_mutex_unlock(&v->mutex);
    if (again) {
        start_load(a);
        return;
    }
    if (a->messages || a->bad_count || status)
        vault_log(v, "vault absorb status=%s messages=%llu undecryptable=%zu", ll_status_name(status),
                  (unsigned long long)a->messages, a->bad_count);
    memory_free(NULL, a->bad);
    memory_free(NULL, a);
    while (waiters) {
        absorb_waiter *w = waiters;
        waiters = w->next;
        w->done(w->ctx, status);
        memory_free(NULL, w);
    }
    vault_unref(v);
}

/* ---------------------------------------------------------------------------------------------------- Load */

static bool is_bad(const absorb *a, const uint8_t id[KEYS_ID])
{
    for (size_t i = 0; i < a->bad_count; i++)
        if (!memcmp(a->bad[i], id, KEYS_ID))
            return true;
    return false;
}

static ll_status add_bad(absorb *a, const uint8_t id[KEYS_ID])
{
    if (a->bad_count == a->bad_room) {
        size_t room = a->bad_room ? a->bad_room * 2 : 16;
        uint8_t(*grown)[KEYS_ID] = memory_resize(NULL, a->bad, room * KEYS_ID);
        if (!grown)
            return LL_ENOMEM;
        a->bad = grown;
        a->bad_room = room;
    }
    memcpy(a->bad[a->bad_count++], id, KEYS_ID);
    return LL_OK;
}

typedef struct pouring {
    spool *content;
    mime_indexer *indexer;
    ll_status status; /* of our side, as against the drop's */
} pouring;

static ll_status pour(void *ctx, ll_span bytes)
{
    pouring *p = ctx;
    mime_indexer_push(p->indexer, bytes);
    p->status = spool_write(p->content, bytes);
    return p->status;
}

/* Decrypt one entry into a spool. *damaged: the drop's copy is unreadable. */
static ll_status load_content(absorb *a, arrival *to, const uint8_t secret[KEYS_KEY], bool *damaged)
{
    vault *v = a->vault;
    pouring p = {NULL, NULL, LL_OK};
    ll_status status = spool_new(&to->content, v->config.spool_folder, v->config.spool_pool);
    if (!status)
        status = mime_indexer_new(&p.indexer, NULL);
    p.content = to->content;
    if (!status) {
        status = drop_read(a->drop, v->alias, v->drop_public, secret, to->item.id, pour, &p);
        *damaged = status && !p.status && status != LL_ENOTFOUND && status != LL_ENOMEM;
    }
    if (!status)
        status = mime_indexer_finish(p.indexer, &to->facts);
    mime_indexer_del(&p.indexer);
    return status;
}

static ll_status was_absorbed(db *d, const uint8_t id[KEYS_ID], bool *had)
{
    int64_t any = 0;
    db_stmt *q = db_prepare(d, "SELECT EXISTS(SELECT 1 FROM absorbed WHERE drop_id = ?1)");
    db_bind_blob(q, 1, span_of((const char *)id, KEYS_ID));
    ll_status status = db_take_int(q, &any);
    *had = any != 0;
    return status;
}

static ll_status load_one(absorb *a, db *d, const drop_item *item, const uint8_t secret[KEYS_KEY])
{
    arrival *to = &a->batch[a->batch_count];
    bool damaged = false;
    *to = (arrival){.item = *item};
    text_init(&to->facts, NULL, mime_saved_max);
    ll_status status = was_absorbed(d, item->id, &to->had);
    if (!status && !to->had)
        status = load_content(a, to, secret, &damaged);
    if (!status) {
        a->batch_count++;
        a->batch_bytes += to->had ? 0 : item->size + to->facts.size;
        return LL_OK;
    }
    spool_del(&to->content);
    text_wipe(&to->facts);
    if (damaged)
        vault_log(a->vault, "vault absorb undecryptable status=%s", ll_status_name(status));
    return damaged || status == LL_ENOTFOUND ? add_bad(a, item->id) : status;
}

static ll_status load_items(absorb *a, db *d, const drop_item *items, size_t count)
{
    uint8_t secret[KEYS_KEY];
    ll_status status = vault_drop_secret(d, secret);
    for (size_t i = 0; !status && i < count; i++) {
        if (a->batch_count == ABSORB_MESSAGES || a->batch_bytes >= ABSORB_BYTES)
            break;
        if (!is_bad(a, items[i].id))
            status = load_one(a, d, &items[i], secret);
    }
    memory_wipe(secret, sizeof secret);
    return status;
}

/* The drop lists the oldest first, and the bad ones stay in front: ask for as many more. */
static ll_status load_run(reader_job *job, db *d)
{
    absorb *a = (absorb *)((char *)job - offsetof(absorb, load));
    size_t max = a->bad_count + ABSORB_MESSAGES, count = 0;
    drop_item *items = memory_new(NULL, max * sizeof *items);
    if (!items)
        return LL_ENOMEM;
    int64_t any = 0;
    ll_status status = drop_list(a->drop, a->vault->alias, items, max, &count);
    if (!status)
        status = load_items(a, d, items, count);
    if (!status)
        status = db_take_int(db_prepare(d, "SELECT EXISTS(SELECT 1 FROM absorbed)"), &any);
    a->remembers = any != 0;
    memory_free(NULL, items);
    return status;
}

/* -------------------------------------------------------------------------------------------------- Commit */

static ll_status remember(db *d, const uint8_t id[KEYS_ID])
{
    db_stmt *q = db_prepare(d, "INSERT INTO absorbed(drop_id) VALUES(?1)");
    db_bind_blob(q, 1, span_of((const char *)id, KEYS_ID));
    return db_run(q);
}

/* The message and its id, in one savepoint: this is what makes it exactly once. */
static ll_status commit_one(writer *w, mailbox_row *inbox, const arrival *from)
{
    ll_flags none = {{0}};
    uint32_t uid;
    ll_status status =
        deliver_put(w, inbox, from->content, text_span(&from->facts), from->item.received, &none, false, &uid);
    if (!status && !w->vault->ledger_own)
        w->job_prepaid += from->item.size; /* waiting, it was counted already */
    return status ? status : remember(w->db, from->item.id);
}

static ll_status commit_run(vault_job *job, writer *w)
{
    absorb *a = (absorb *)((char *)job - offsetof(absorb, commit));
    mailbox_row inbox;
    ll_status status = mailbox_find_selectable(w->db, SPAN("INBOX"), &inbox);
    for (size_t i = 0; !status && i < a->batch_count; i++)
        if (!a->batch[i].had)
            status = commit_one(w, &inbox, &a->batch[i]);
    return status || !w->job_modseq ? status : mailbox_save(w, &inbox);
}

/* -------------------------------------------------------------------------------------- Remove and forget */

static void removed(void *ctx, ll_status status)
{
    absorb *a = ctx;
    vault *v = a->vault;
    if (v->ledger_own)
        a->counted_once = a->counted_twice = 0; /* it counts nothing that waits */
    if (status)
        ledger_force(v->ledger, v->alias, a->counted_once);
    else
        ledger_give(v->ledger, v->alias, a->counted_twice);
    if (status)
        finish(a, status);
    else
        start_load(a);
}

static void commit_done(vault_job *job, ll_status status)
{
    absorb *a = (absorb *)((char *)job - offsetof(absorb, commit));
    uint8_t ids[ABSORB_MESSAGES][KEYS_ID];
    size_t count = a->batch_count;
    a->counted_once = a->counted_twice = 0;
    for (size_t i = 0; i < count; i++) {
        memcpy(ids[i], a->batch[i].item.id, KEYS_ID);
        a->messages += !status && !a->batch[i].had;
        *(a->batch[i].had ? &a->counted_twice : &a->counted_once) += a->batch[i].item.size;
    }
    batch_clear(a);
    if (status) {
        finish(a, status);
        return;
    }
    status = drop_remove(a->drop, (const uint8_t(*)[KEYS_ID])ids, count, removed, a);
    if (status)
        removed(a, status);
}

static ll_status forget_run(vault_job *job, writer *w)
{
    (void)job;
    return db_run(db_prepare(w->db, "DELETE FROM absorbed"));
}

static void forget_done(vault_job *job, ll_status status)
{
    absorb *a = (absorb *)((char *)job - offsetof(absorb, forget));
    finish(a, status);
}

static void load_done(reader_job *job, ll_status status)
{
    absorb *a = (absorb *)((char *)job - offsetof(absorb, load));
    if (status) {
        finish(a, status);
    } else if (a->batch_count) {
        a->commit.run = commit_run;
        a->commit.done = commit_done;
        a->commit.queue.weight = a->batch_bytes;
        vault_add(a->vault, &a->commit);
    } else if (a->remembers) {
        a->forget.run = forget_run;
        a->forget.done = forget_done;
        vault_add(a->vault, &a->forget);
    } else {
        finish(a, LL_OK);
    }
}

static void start_load(absorb *a)
{
    a->load.run = load_run;
    a->load.done = load_done;
    reader_add(a->vault, &a->load);
}

void vault_absorb(vault *v, drop *from, void (*done)(void *ctx, ll_status status), void *ctx)
{
    absorb_waiter *w = memory_new(NULL, sizeof *w);
    absorb *a = memory_new(NULL, sizeof *a);
    if (!w || !a) {
        memory_free(NULL, w);
        memory_free(NULL, a);
        done(ctx, LL_ENOMEM);
        return;
    }
    w->done = done;
    w->ctx = ctx;
    a->drop = from;
    pthread_mutex_lock(&v->mutex);
    absorb *running = v->absorb;
    absorb *join = running ? running : a;
    join->again = running != NULL;
    w->next = join->waiters;
    join->waiters = w;
    v->absorb = join;
    pthread_mutex_unlock(&v->mutex);
    if (running) {
        memory_free(NULL, a);
        return;
    }
    a->vault = vault_ref(v);
    start_load(a);
}
