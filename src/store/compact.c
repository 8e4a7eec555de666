/* compact.c - see compact.h
 * SPDX-License-Identifier: MIT */
#include "store/compact.h"

#include "base/memory.h"
#include "store/message.h"
#include "store/vault_state.h"

static ll_status pages_free(db *d, int64_t *free_pages, int64_t *all)
{
    ll_status status = db_take_int(db_prepare(d, "PRAGMA freelist_count"), free_pages);
    return status ? status : db_take_int(db_prepare(d, "PRAGMA page_count"), all);
}

/* Give back up to COMPACT_PAGES of the free pages beyond `keep`. *more: there are others. */
static ll_status give_back(db *d, int64_t free_pages, int64_t keep, bool *more)
{
    int64_t pages = free_pages - keep, left = 0, all;
    *more = false;
    if (pages <= 0)
        return LL_OK;
    ll_status status = db_vacuum(d, (unsigned)(pages < COMPACT_PAGES ? pages : COMPACT_PAGES));
    if (!status)
        status = pages_free(d, &left, &all);
    *more = left > keep && left < free_pages; /* a file made without auto_vacuum stays as it is */
    return status;
}

/* ------------------------------------------------------------------------------------------------------ Trim */

typedef struct trim_job {
    vault_job job;
    bool started, more;
} trim_job;

static ll_status trim_run(vault_job *job, writer *w)
{
    trim_job *t = (trim_job *)job;
    int64_t free_pages = 0, all = 0;
    t->more = false;
    ll_status status = pages_free(w->db, &free_pages, &all);
    if (status || (!t->started && free_pages <= COMPACT_FREE_PAGES + all / COMPACT_FREE_SHARE))
        return status;
    t->started = true;
    status = give_back(w->db, free_pages, all / COMPACT_FREE_LEFT_SHARE, &t->more);
    w->checkpoint = !t->more;
    return status;
}

static void trim_done(vault_job *job, ll_status status)
{
    trim_job *t = (trim_job *)job;
    vault *v = job->vault;
    if (status)
        vault_log(v, "vault trim failed status=%s", ll_status_name(status));
    if (!status && t->more) {
        vault_add(v, &t->job);
        return;
    }
    pthread_mutex_lock(&v->mutex);
    v->trimming = false;
    pthread_mutex_unlock(&v->mutex);
    memory_free(NULL, t);
}

void compact_trim(vault *v)
{
    trim_job *t = memory_new(NULL, sizeof *t);
    if (!t)
        return;
    pthread_mutex_lock(&v->mutex);
    bool start = !v->trimming;
    v->trimming = true;
    pthread_mutex_unlock(&v->mutex);
    if (!start) {
        memory_free(NULL, t);
        return;
    }
    t->job.run = trim_run;
    t->job.done = trim_done;
    vault_add(v, &t->job);
}

/* --------------------------------------------------------------------------------------------------- Compact */

typedef struct compaction {
    vault_job job;
    compact_more *more;
    compact_done *done;
    void *ctx;
    bool counted, converted, ended;
    int64_t after; /* messages up to this one were looked at */
    uint64_t messages;
    compact_result result;
} compaction;

static ll_status gather(void *ctx, ll_span bytes)
{
    return spool_write(ctx, bytes);
}

/* Store one message anew. In a savepoint: what fails is as it was. */
static ll_status convert_one(writer *w, int64_t message, uint64_t *converted)
{
    const vault_config *c = &w->vault->config;
    spool *content = NULL;
    ll_status status = spool_new(&content, c->spool_folder, c->spool_pool);
    if (!status)
        status = message_content(w->db, message, 0, UINT64_MAX, gather, content);
    if (!status)
        status = db_savepoint(w->db);
    if (status) {
        spool_del(&content);
        return status == LL_ECORRUPT || status == LL_EVERSION ? LL_OK : status;
    }
    status = message_rewrite(w->db, message, content);
    spool_del(&content);
    *converted += !status;
    if (!status)
        return db_release(w->db);
    ll_status undone = db_undo(w->db);
    return undone || (status != LL_ECORRUPT && status != LL_EVERSION) ? status : undone;
}

/* The next old messages. LL_OK: there were none; LL_MORE. */
static ll_status convert(compaction *c, writer *w)
{
    uint64_t bytes = 0;
    ll_status status = LL_MORE;
    for (int i = 0; status == LL_MORE && i < COMPACT_MESSAGES && bytes < COMPACT_BYTES; i++) {
        db_stmt *q =
            db_prepare(w->db, "SELECT id, size FROM message WHERE id > ?1 AND head IS NULL AND size > 0 AND EXISTS "
                              "(SELECT 1 FROM piece p WHERE p.message = message.id AND p.place IS NULL) "
                              "ORDER BY id LIMIT 1");
        db_bind_int(q, 1, c->after);
        status = db_first(q);
        if (status)
            return status == LL_ENOTFOUND ? LL_OK : status;
        c->after = db_column_int(q, 0);
        bytes += (uint64_t)db_column_int(q, 1);
        db_reset(q);
        status = convert_one(w, c->after, &c->messages);
        status = status ? status : LL_MORE;
    }
    return status;
}

static ll_status compact_run(vault_job *job, writer *w)
{
    compaction *c = (compaction *)job;
    int64_t free_pages = 0, all = 0;
    ll_status status = pages_free(w->db, &free_pages, &all);
    if (status)
        return status;
    if (!c->counted)
        c->result.before = (uint64_t)all * DB_PAGE;
    c->counted = true;
    c->messages = c->result.messages;
    c->result.after = (uint64_t)all * DB_PAGE;
    if (!c->converted) {
        status = convert(c, w);
        c->converted = status == LL_OK;
        return status == LL_MORE ? LL_OK : status;
    }
    bool more = false;
    status = give_back(w->db, free_pages, 0, &more);
    c->ended = !status && !more;
    w->checkpoint = c->ended;
    if (c->ended)
        status = pages_free(w->db, &free_pages, &all);
    c->result.after = (uint64_t)all * DB_PAGE;
    return status;
}

static void compact_step_done(vault_job *job, ll_status status)
{
    compaction *c = (compaction *)job;
    vault *v = job->vault;
    if (!status)
        c->result.messages = c->messages;
    if (!status && !c->ended) {
        bool alone = atomic_load(&v->refs) == 1; /* this job's own: it must not keep the vault unlocked */
        if (!alone && (!c->more || c->more(c->ctx))) {
            vault_add(v, &c->job);
            return;
        }
        status = LL_ECLOSED;
    }
    vault_log(v, "vault compact status=%s messages=%llu before=%llu after=%llu", ll_status_name(status),
              (unsigned long long)c->result.messages, (unsigned long long)c->result.before,
              (unsigned long long)c->result.after);
    pthread_mutex_lock(&v->mutex);
    v->compacting = false;
    pthread_mutex_unlock(&v->mutex);
    c->done(c->ctx, status, &c->result);
    memory_free(NULL, c);
}

void vault_compact(vault *v, compact_more *more, compact_done *done, void *ctx)
{
    static const compact_result nothing;
    compaction *c = memory_new(NULL, sizeof *c);
    if (!c) {
        done(ctx, LL_ENOMEM, &nothing);
        return;
    }
    pthread_mutex_lock(&v->mutex);
    bool start = !v->compacting;
    v->compacting = true;
    pthread_mutex_unlock(&v->mutex);
    if (!start) {
        memory_free(NULL, c);
        done(ctx, LL_EBUSY, &nothing);
        return;
    }
    c->more = more;
    c->done = done;
    c->ctx = ctx;
    c->job.run = compact_run;
    c->job.done = compact_step_done;
    vault_add(v, &c->job);
}
