/* purge.c - see purge.h
 * SPDX-License-Identifier: MIT */
#include "store/purge.h"

#include "base/memory.h"
#include "store/compact.h"
#include "store/message.h"
#include "store/search_index.h"
#include "store/vault_state.h"

typedef struct purge_job {
    vault_job job;
    bool more, found;  /* found: another row that cannot be freed */
    unsigned messages; /* that it has removed */
} purge_job;

static ll_status purge_row(db *d, int64_t mailbox, int64_t uid, int64_t message)
{
    db_stmt *q = db_prepare(d, "DELETE FROM held WHERE mailbox = ?1 AND uid = ?2");
    db_bind_int(q, 1, mailbox);
    db_bind_int(q, 2, uid);
    ll_status status = db_run(q);
    return status ? status : message_unref(d, message);
}

/* Rows that were found to be damaged are left alone until the vault is opened anew: SQLite gives a transaction up whole
 * when a page does not authenticate, so one that cannot be read would keep all others (invariant 8). They stay in
 * `held`, where salvage sees that they were expunged. */
static bool is_left(const writer *w, int64_t mailbox, int64_t uid)
{
    for (unsigned i = 0; i < w->left_count; i++)
        if (w->left[i].mailbox == mailbox && w->left[i].uid == uid)
            return true;
    return false;
}

static void leave(purge_job *p, writer *w, int64_t mailbox, int64_t uid)
{
    if (w->left_count == VAULT_LEFT)
        return;
    w->left[w->left_count++] = (held_id){mailbox, uid};
    p->found = true;
}

/* What one job may still free. */
typedef struct budget {
    unsigned messages;
    uint64_t bytes;
} budget;

/* The held rows of one mailbox up to the horizon, as far as the budget goes; a message larger than the rest is the
 * last. */
static ll_status purge_mailbox(purge_job *p, writer *w, int64_t mailbox, uint64_t horizon, budget *left)
{
    db_stmt *q = db_prepare(
        w->db, "SELECT uid, message, size FROM held WHERE mailbox = ?1 AND modseq <= ?2 ORDER BY uid LIMIT ?3");
    db_bind_int(q, 1, mailbox);
    db_bind_int(q, 2, horizon > INT64_MAX ? INT64_MAX : (int64_t)horizon);
    db_bind_int(q, 3, left->messages + w->left_count);
    ll_status status;
    while ((status = db_step(q)) == LL_MORE) {
        int64_t uid = db_column_int(q, 0);
        if (is_left(w, mailbox, uid))
            continue;
        status = purge_row(w->db, mailbox, uid, db_column_int(q, 1));
        if (status) {
            if (status == LL_ECORRUPT)
                leave(p, w, mailbox, uid);
            db_reset(q);
            return status;
        }
        uint64_t size = (uint64_t)db_column_int(q, 2);
        left->messages--;
        left->bytes -= size < left->bytes ? size : left->bytes;
        if (!left->bytes || !left->messages) {
            db_reset(q);
            return LL_OK;
        }
    }
    return status;
}

/* Tell opened.h what is still held, so that it wakes us when that may go. What is left of before is damaged. */
static ll_status note_rest(writer *w, int64_t mailbox, uint64_t horizon)
{
    int64_t oldest = 0;
    db_stmt *q = db_prepare(w->db, "SELECT coalesce(min(modseq), 0) FROM held WHERE mailbox = ?1 AND modseq > ?2");
    db_bind_int(q, 1, mailbox);
    db_bind_int(q, 2, horizon > INT64_MAX ? INT64_MAX : (int64_t)horizon);
    ll_status status = db_take_int(q, &oldest);
    if (!status)
        opened_held(w->vault, mailbox, (uint64_t)oldest);
    return status;
}

/* Only what was committed and published before: a session that opens now sees at least that. */
static ll_status purge_run(vault_job *job, writer *w)
{
    purge_job *p = (purge_job *)job;
    budget left = {PURGE_MESSAGES, PURGE_BYTES};
    int64_t mailbox = 0;
    pthread_mutex_lock(&w->vault->mutex);
    w->vault->purging = false; /* first: who wakes us from here on gets a new job */
    pthread_mutex_unlock(&w->vault->mutex);
    ll_status status = LL_OK;
    while (!status && left.messages && left.bytes) {
        db_stmt *q = db_prepare(w->db, "SELECT mailbox FROM held WHERE mailbox > ?1 ORDER BY mailbox LIMIT 1");
        db_bind_int(q, 1, mailbox);
        status = db_take_int(q, &mailbox);
        if (status)
            break;
        uint64_t horizon = opened_horizon(w->vault, mailbox);
        horizon = horizon < w->published ? horizon : w->published;
        status = purge_mailbox(p, w, mailbox, horizon, &left);
        if (!status && left.messages && left.bytes)
            status = note_rest(w, mailbox, horizon);
    }
    p->more = !left.messages || !left.bytes;
    p->messages = PURGE_MESSAGES - left.messages;
    return status == LL_ENOTFOUND ? LL_OK : status;
}

static void purge_done(vault_job *job, ll_status status)
{
    purge_job *p = (purge_job *)job;
    vault *v = job->vault;
    bool more = status ? p->found : p->more;
    unsigned messages = p->messages;
    memory_free(NULL, p);
    if (status)
        vault_log(v, "vault purge failed status=%s", ll_status_name(status));
    if (status == LL_ECORRUPT) { /* it takes no other jobs along again */
        pthread_mutex_lock(&v->mutex);
        v->damaged = true;
        pthread_mutex_unlock(&v->mutex);
    }
    if (!status && messages)
        search_index_purged(v, messages);
    if (more)
        purge_wake(v);
    else
        compact_trim(v);
}

void purge_wake(vault *v)
{
    pthread_mutex_lock(&v->mutex);
    bool start = !v->purging, alone = v->damaged;
    v->purging = true;
    pthread_mutex_unlock(&v->mutex);
    if (!start)
        return;
    purge_job *p = memory_new(NULL, sizeof *p);
    if (!p) {
        pthread_mutex_lock(&v->mutex);
        v->purging = false;
        pthread_mutex_unlock(&v->mutex);
        return;
    }
    p->job.run = purge_run;
    p->job.done = purge_done;
    p->job.queue.alone = alone;
    p->job.queue.lazy = true; /* what is lost of it is done again */
    vault_add(v, &p->job);
}
