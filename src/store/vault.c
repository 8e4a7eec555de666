/* vault.c - the vault's holders, its writing jobs and its counters; see vault.h and vault_state.h.
 * SPDX-License-Identifier: MIT */
#include "store/vault.h"

#include "base/memory.h"
#include "store/mailbox_view.h"
#include "store/purge.h"
#include "store/recent.h"
#include "store/search_index.h"
#include "store/vault_state.h"

#include <assert.h>
#include <time.h>

vault *vault_ref(vault *v)
{
    atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
    return v;
}

void vault_unref(vault *v)
{
    unsigned before = atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel);
    assert(before > 0);
    (void)before;
}

const uint8_t *vault_alias(const vault *v)
{
    return v->alias;
}

bool vault_key_is(vault *v, const uint8_t key[KEYS_KEY])
{
    uint8_t own[KEYS_KEY];
    if (keyring_get(v->config.keyring, v->alias, own))
        return false;
    unsigned differs = 0;
    for (size_t i = 0; i < sizeof own; i++)
        differs |= own[i] ^ key[i];
    memory_wipe(own, sizeof own);
    return differs == 0;
}

int64_t vault_now(const vault *v)
{
    return v->config.now ? v->config.now(v->config.ctx) : (int64_t)time(NULL);
}

void vault_log(const vault *v, const char *format, ...)
{
    if (!v->config.log)
        return;
    text line;
    text_init(&line, NULL, 1024);
    va_list args;
    va_start(args, format);
    text_vprint(&line, format, args);
    va_end(args);
    v->config.log(v->config.ctx, text_span(&line));
    text_fini(&line);
}

vault_numbers vault_count(vault *v)
{
    vault_numbers n = {.messages_max = vault_messages_max(v), .views = opened_count(v)};
    pthread_mutex_lock(&v->mutex);
    n.bytes = v->bytes;
    n.messages = v->messages;
    n.modseq = v->modseq;
    n.readers = v->readers.idle_count + v->readers.taken;
    pthread_mutex_unlock(&v->mutex);
    pthread_mutex_lock(&v->queue.mutex);
    n.jobs = v->queue.jobs;
    n.commits = v->queue.batches;
    pthread_mutex_unlock(&v->queue.mutex);
    return n;
}

/* --------------------------------------------------------------------------------------------------- Quota */

uint64_t vault_messages_max(const vault *v)
{
    return v->config.messages_max ? v->config.messages_max : VAULT_MESSAGES_MAX;
}

ll_status vault_room_take(vault *v, uint64_t before, uint64_t size, bool replaces)
{
    uint64_t most = v->config.message_bytes_max ? v->config.message_bytes_max : UINT64_MAX;
    if (before > most || size > most - before)
        return LL_ELIMIT;
    if (replaces)
        return LL_OK;
    pthread_mutex_lock(&v->mutex);
    bool many = v->messages >= vault_messages_max(v);
    pthread_mutex_unlock(&v->mutex);
    return many ? LL_EQUOTA : ledger_take(v->ledger, v->alias, size);
}

/* ---------------------------------------------------------------------------------------------------- Jobs */

uint64_t writer_modseq(writer *w)
{
    if (!w->job_modseq)
        w->job_modseq = ++w->modseq;
    return w->job_modseq;
}

uint32_t writer_uidvalidity(writer *w)
{
    const vault_config *config = &w->vault->config;
    uint32_t least = w->uidvalidity + 1; /* one a second until 2106 leaves room for as many again */
    int64_t wanted = config->uidvalidity ? config->uidvalidity(config->ctx, least) : vault_now(w->vault);
    w->uidvalidity = wanted > least && wanted <= UINT32_MAX ? (uint32_t)wanted : least;
    return w->uidvalidity;
}

/* What the job under way has added that nobody has taken room for yet. What it removed is given back when that is
 * durable.
 */
static ll_status take_room(writer *w)
{
    const vault *v = w->vault;
    if (w->bytes < w->job_bytes) {
        w->freed += w->job_bytes - w->bytes;
        return LL_OK;
    }
    uint64_t more = w->bytes - w->job_bytes;
    more -= w->job_prepaid < more ? w->job_prepaid : more;
    if (!more)
        return LL_OK;
    ll_status status = w->job_quota ? ledger_take(v->ledger, v->alias, more) : LL_OK;
    if (!w->job_quota)
        ledger_force(v->ledger, v->alias, more);
    w->taken += status ? 0 : more;
    return status;
}

static ll_status run(queue_job *queued, db *d)
{
    vault_job *job = (vault_job *)queued;
    writer *w = &job->vault->writer;
    assert(d == w->db);
    (void)d;
    w->job_modseq = 0;
    w->job_bytes = w->bytes;
    w->job_messages = w->messages;
    w->job_prepaid = 0;
    w->job_quota = false;
    ll_status status = job->run(job, w);
    if (status >= 0) {
        ll_status room = take_room(w);
        status = room ? room : status;
    }
    if (status < 0) {
        change_list_clear(&w->job);
        w->bytes = w->job_bytes;
        w->messages = w->job_messages;
    } else {
        change_list_join(&w->batch, &w->job);
    }
    return status;
}

static void report(queue_job *queued, ll_status status)
{
    vault_job *job = (vault_job *)queued;
    vault *v = job->vault;
    job->done(job, status);
    vault_unref(v);
}

void vault_add(vault *v, vault_job *job)
{
    job->vault = vault_ref(v);
    job->queue.run = run;
    job->queue.done = report;
    queue_add(&v->queue, &job->queue);
}

/* --------------------------------------------------------------------------------------------------- Hooks */

static ll_status save_number(db *d, const char *key, uint64_t value, uint64_t *saved)
{
    if (value == *saved)
        return LL_OK;
    *saved = value;
    return vault_meta_set_int(d, key, (int64_t)value);
}

/* The file has a number that the taken ones have not reached yet, rather than the last one taken: a page less in almost
 * every commit. It is raised so early that what lazy batches take between two syncs is below what a sync has carried:
 * no loss of power lets a mod-sequence be given twice. */
static ll_status save_modseq(writer *w)
{
    static_assert(VAULT_MODSEQ_LEFT >= 2 * QUEUE_LAZY_BATCHES * QUEUE_BATCH_JOBS, "one a job");
    if (w->modseq + VAULT_MODSEQ_LEFT <= w->modseq_saved)
        return LL_OK;
    return save_number(w->db, "modseq", w->modseq + VAULT_MODSEQ_AHEAD, &w->modseq_saved);
}

/* What a transaction leaves in meta. The numbers "saved" are wrong if the COMMIT fails: rollback() makes them so that
 * they are written again. */
static ll_status commit(void *ctx, db *d)
{
    writer *w = &((vault *)ctx)->writer;
    uint64_t validity_saved = w->uidvalidity_saved;
    ll_status status = save_modseq(w);
    if (!status)
        status = save_number(d, "uidvalidity", w->uidvalidity, &validity_saved);
    if (!status)
        status = save_number(d, "bytes", w->bytes, &w->bytes_saved);
    if (!status)
        status = save_number(d, "messages", w->messages, &w->messages_saved);
    w->uidvalidity_saved = (uint32_t)validity_saved;
    return status ? status : recent_write(w);
}

static void committed(void *ctx, db *d)
{
    vault *v = ctx;
    writer *w = &v->writer;
    bool purge, changed;
    pthread_mutex_lock(&v->mutex);
    changed = v->bytes != w->bytes;
    v->bytes = w->bytes;
    v->messages = w->messages;
    v->modseq = w->modseq;
    pthread_mutex_unlock(&v->mutex);
    if (w->freed)
        ledger_give(v->ledger, v->alias, w->freed);
    if (changed)
        ledger_mark(v->ledger, v->alias);
    w->taken = w->freed = 0;
    opened_recent_written(v, true);
    bool added = false;
    for (const change *c = w->batch.first; c; c = c->next) {
        added |= c->added;
        mailbox_view_changed(v, d, c);
    }
    opened_publish(v, &w->batch, &purge);
    w->published = w->modseq;
    if (w->names_gone)
        atomic_fetch_add_explicit(&v->names_gone, 1, memory_order_release);
    w->names_gone = false;
    watcher_tell(v);
    if (purge)
        purge_wake(v);
    search_index_committed(v, d, added);
    if (w->checkpoint)
        db_checkpoint(d);
    w->checkpoint = false;
}

static void rollback(void *ctx, db *d)
{
    vault *v = ctx;
    writer *w = &v->writer;
    (void)d;
    change_list_clear(&w->job);
    change_list_clear(&w->batch);
    if (w->taken)
        ledger_give(v->ledger, v->alias, w->taken);
    w->taken = w->freed = 0;
    /* Mod-sequences and UIDVALIDITYs that were taken are lost, which does no harm. */
    w->modseq_saved = 0;
    w->uidvalidity_saved = 0;
    w->bytes_saved = w->messages_saved = UINT64_MAX;
    pthread_mutex_lock(&v->mutex);
    w->bytes = v->bytes;
    w->messages = v->messages;
    pthread_mutex_unlock(&v->mutex);
    opened_recent_written(v, false);
}

/* As the writer's connection is, so are the others at rest. */
static void rest(void *ctx, db *d)
{
    vault *v = ctx;
    reader_close_idle(v);
    search_index_forget(v);
    db_shrink(d);
}

const queue_hooks *vault_hooks(void)
{
    static const queue_hooks hooks = {NULL, commit, committed, rollback, rest};
    return &hooks;
}

bool vault_rest(vault *v)
{
    return queue_rest(&v->queue);
}

uint64_t vault_work(vault *v)
{
    pthread_mutex_lock(&v->queue.mutex);
    uint64_t work = v->queue.jobs;
    pthread_mutex_unlock(&v->queue.mutex);
    pthread_mutex_lock(&v->mutex);
    work += v->readers.jobs;
    pthread_mutex_unlock(&v->mutex);
    return work;
}
