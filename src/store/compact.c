/* compact.c - see compact.h
 * SPDX-License-Identifier: MIT */
#include "store/compact.h"

#include "base/memory.h"
#include "store/message.h"
#include "store/part.h"
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
    bool counted, converted, parts_mended, counts_mended, ended;
    int64_t after;         /* messages up to this one were looked at */
    int64_t after_part;    /* parts, the same */
    int64_t after_message; /* messages again, for their counts */
    uint64_t messages, mended;
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

/* The first number after this one in a column that leads a key, in *next; LL_ENOTFOUND: there is none. */
static ll_status next_key(db *d, const char *literal, int64_t after, int64_t *next)
{
    db_stmt *q = db_prepare(d, literal);
    db_bind_int(q, 1, after);
    return db_take_int(q, next);
}

/* The next message of version 1 up to `last`: it is one piece without a place. */
static ll_status next_old(db *d, int64_t after, int64_t last, int64_t *message, uint64_t *size)
{
    db_stmt *q = db_prepare(d, "SELECT m.id, m.size FROM piece p CROSS JOIN message m WHERE p.message > ?1 AND "
                               "p.message <= ?2 AND p.place IS NULL AND m.id = p.message AND m.head IS NULL AND "
                               "m.size > 0 ORDER BY p.message LIMIT 1");
    db_bind_int(q, 1, after);
    db_bind_int(q, 2, last);
    ll_status status = db_first(q);
    if (status)
        return status;
    *message = db_column_int(q, 0);
    *size = (uint64_t)db_column_int(q, 1);
    db_reset(q);
    return LL_OK;
}

/* The old messages among the next COMPACT_LOOK. LL_OK: there are no others behind them; LL_MORE. */
static ll_status convert(compaction *c, writer *w)
{
    uint64_t bytes = 0, size = 0;
    int64_t first = 0;
    ll_status status =
        next_key(w->db, "SELECT message FROM piece WHERE message > ?1 ORDER BY message LIMIT 1", c->after, &first);
    if (status)
        return status == LL_ENOTFOUND ? LL_OK : status;
    int64_t last = first < INT64_MAX - COMPACT_LOOK ? first - 1 + COMPACT_LOOK : INT64_MAX;
    for (int i = 0; !status && i < COMPACT_MESSAGES && bytes < COMPACT_BYTES; i++, bytes += size) {
        status = next_old(w->db, c->after, last, &c->after, &size);
        if (!status)
            status = convert_one(w, c->after, &c->messages);
    }
    if (status == LL_ENOTFOUND)
        c->after = last;
    return status && status != LL_ENOTFOUND ? status : LL_MORE;
}

/* The next COMPACT_LOOK parts: counts of references that were damaged. As convert. */
static ll_status mend_parts(compaction *c, writer *w)
{
    int64_t part = c->after_part;
    ll_status status = LL_OK;
    for (int i = 0; !status && i < COMPACT_LOOK; i++) {
        bool mended = false;
        status = next_key(w->db, "SELECT id FROM part WHERE id > ?1 ORDER BY id LIMIT 1", part, &part);
        if (!status)
            status = part_recount(w->db, part, &mended);
        c->mended += mended;
    }
    c->after_part = part;
    return status == LL_ENOTFOUND ? LL_OK : status ? status : LL_MORE;
}

/* The same of the next COMPACT_COUNTS messages. What nobody refers to stays: the same damage may have taken its
 * entries, and salvage gives it. */
static ll_status mend_messages(compaction *c, writer *w)
{
    int64_t first = 0;
    ll_status status =
        next_key(w->db, "SELECT id FROM message WHERE id > ?1 ORDER BY id LIMIT 1", c->after_message, &first);
    if (status)
        return status == LL_ENOTFOUND ? LL_OK : status;
    c->after_message = first < INT64_MAX - COMPACT_COUNTS ? first - 1 + COMPACT_COUNTS : INT64_MAX;
    db_stmt *q = db_prepare(w->db, "UPDATE message SET refs = c.n FROM (SELECT message, count(*) AS n FROM "
                                   "(SELECT message FROM entry WHERE message BETWEEN ?1 AND ?2 UNION ALL "
                                   "SELECT message FROM held WHERE message BETWEEN ?1 AND ?2) GROUP BY message) AS c "
                                   "WHERE message.id = c.message AND message.refs <> c.n");
    db_bind_int(q, 1, first);
    db_bind_int(q, 2, c->after_message);
    status = db_run(q);
    if (!status)
        c->mended += (uint64_t)db_changes(w->db);
    return status ? status : LL_MORE;
}

/* One turn of what comes before free pages are given back. */
static ll_status prepare(compaction *c, writer *w)
{
    bool *over = !c->converted ? &c->converted : !c->parts_mended ? &c->parts_mended : &c->counts_mended;
    ll_status status = !c->converted ? convert(c, w) : !c->parts_mended ? mend_parts(c, w) : mend_messages(c, w);
    *over = status == LL_OK;
    return status == LL_MORE ? LL_OK : status;
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
    if (!c->counts_mended)
        return prepare(c, w);
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
    vault_log(v, "vault compact status=%s messages=%llu mended=%llu before=%llu after=%llu", ll_status_name(status),
              (unsigned long long)c->result.messages, (unsigned long long)c->mended,
              (unsigned long long)c->result.before, (unsigned long long)c->result.after);
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
