/* mailbox_view.c - see mailbox_view.h
 * SPDX-License-Identifier: MIT */
#include "store/mailbox_view.h"

#include "base/memory.h"
#include "store/changed.h"
#include "store/entry.h"
#include "store/opened.h"

/* ------------------------------------------------------------------------------------------------- Opening */

static ll_status load_saved(db *d, const mailbox_row *m, ll_view *view, uint64_t *modseq)
{
    db_stmt *q = db_prepare(d, "SELECT view FROM mailbox_view WHERE mailbox = ?1");
    db_bind_int(q, 1, m->id);
    ll_status status = db_first(q);
    if (status)
        return status;
    status = ll_view_load(view, db_column_blob(q, 0), modseq);
    db_reset(q);
    return !status && *modseq > m->modseq ? LL_ECORRUPT : status;
}

static ll_status bring_vanished(db *d, const mailbox_row *m, uint64_t since, ll_view *view)
{
    db_stmt *q = db_prepare(d, "SELECT uid_first, uid_last FROM vanished WHERE mailbox = ?1 AND modseq > ?2");
    db_bind_int(q, 1, m->id);
    db_bind_int(q, 2, (int64_t)since);
    ll_status status;
    while ((status = db_step(q)) == LL_MORE) {
        status = ll_view_remove(view, (ll_range){(uint32_t)db_column_int(q, 0), (uint32_t)db_column_int(q, 1)});
        if (status) {
            db_reset(q);
            return status;
        }
    }
    return status;
}

static ll_status bring_entry(db_stmt *q, ll_view *view)
{
    uint32_t uid = (uint32_t)db_column_int(q, 0);
    ll_flags flags;
    ll_status status = entry_flags_unpack((unsigned)db_column_int(q, 1), db_column_blob(q, 2), &flags);
    if (status || !uid || uid == UINT32_MAX)
        return status ? status : LL_ECORRUPT;
    if (ll_view_has(view, uid))
        return ll_view_flags_change(view, (ll_range){uid, uid}, LL_FLAGS_REPLACE, &flags);
    return ll_view_add(view, uid, &flags);
}

/* LL_ELIMIT: so many that a scan is quicker. */
static ll_status bring_entries(db *d, const mailbox_row *m, uint64_t since, ll_view *view, uint64_t *count)
{
    db_stmt *q;
    bool scan;
    ll_status status = changed_since(d, m->id, since, &q, &scan);
    if (status || scan)
        return status ? status : LL_ELIMIT;
    while ((status = db_step(q)) == LL_MORE) {
        status = ++*count > m->messages / 16 ? LL_ELIMIT : bring_entry(q, view);
        if (status) {
            db_reset(q);
            return status;
        }
    }
    return status;
}

static ll_status open_saved(db *d, const mailbox_row *m, ll_view *view, uint64_t *count)
{
    uint64_t since = 0;
    ll_status status = mailbox_keywords(d, m->id, view);
    if (!status)
        status = load_saved(d, m, view, &since);
    if (!status)
        status = bring_vanished(d, m, since, view);
    if (!status)
        status = bring_entries(d, m, since, view, count);
    if (status)
        return status;
    bool same = ll_view_count(view) == m->messages && ll_view_unseen(view) == m->unseen &&
                ll_view_flagged(view, LL_FLAG_DELETED) == m->deleted && ll_view_uidnext(view) <= m->uidnext;
    return same ? LL_OK : LL_ECORRUPT;
}

ll_status mailbox_view_open(db *d, int64_t mailbox, ll_view **view, uint32_t *recent_uid, bool *save)
{
    mailbox_row m;
    uint64_t count = 0;
    *view = NULL;
    *save = false;
    ll_status status = mailbox_load(d, mailbox, &m);
    if (status)
        return status;
    if (m.messages < MAILBOX_VIEW_LEAST || m.noselect)
        return mailbox_scan(d, mailbox, view, recent_uid);
    status = ll_view_new(view, NULL, m.uidvalidity);
    if (!status)
        status = open_saved(d, &m, *view, &count);
    if (!status) {
        ll_view_seal(*view, m.uidnext, m.modseq);
        *recent_uid = m.recent_uid;
        *save = count > mailbox_view_old(m.messages);
        return LL_OK;
    }
    ll_view_unref(view);
    if (status == LL_ENOMEM || status == LL_EIO || status == LL_ETIMEOUT)
        return status;
    *save = true;
    return mailbox_scan(d, mailbox, view, recent_uid);
}

/* -------------------------------------------------------------------------------------------------- Saving */

typedef struct save_job {
    vault_job job; /* first */
    int64_t mailbox;
} save_job;

static ll_status put(db *d, int64_t mailbox, const ll_view *view)
{
    size_t size = ll_view_saved_size(view);
    char *bytes = memory_resize(NULL, NULL, size);
    if (!bytes)
        return LL_ENOMEM;
    ll_view_save(view, bytes);
    db_stmt *q = db_prepare(d, "INSERT INTO mailbox_view(mailbox, view) SELECT id, ?2 FROM mailbox WHERE id = ?1 "
                               "ON CONFLICT(mailbox) DO UPDATE SET view = excluded.view");
    db_bind_int(q, 1, mailbox);
    db_bind_blob(q, 2, span_of(bytes, size));
    ll_status status = db_run(q);
    memory_free(NULL, bytes);
    return status;
}

/* The view is of the last COMMIT: what this transaction has changed meanwhile has a higher mod-sequence. */
static ll_status save_run(vault_job *job, writer *w)
{
    int64_t mailbox = ((save_job *)job)->mailbox;
    ll_view *view = opened_view(w->vault, mailbox);
    if (!view)
        return LL_OK;
    ll_status status = put(w->db, mailbox, view);
    ll_view_unref(&view);
    return status;
}

static void save_done(vault_job *job, ll_status status)
{
    if (status)
        vault_log(job->vault, "vault view not kept status=%s", ll_status_name(status));
    memory_free(NULL, job);
}

void mailbox_view_save(vault *v, int64_t mailbox)
{
    save_job *s = memory_new(NULL, sizeof *s);
    if (!s)
        return;
    s->job.run = save_run;
    s->job.done = save_done;
    s->mailbox = mailbox;
    s->job.queue.lazy = true; /* a cache */
    vault_add(v, &s->job);
}

/* ------------------------------------------------------------------------------------------------ Checking */

static ll_status compare(db *d, int64_t mailbox, const ll_view *view, uint64_t *differ)
{
    db_stmt *q = db_prepare(d, "SELECT uid, flags, keywords FROM entry WHERE mailbox = ?1 ORDER BY uid");
    db_bind_int(q, 1, mailbox);
    uint64_t rows = 0;
    ll_status status;
    while ((status = db_step(q)) == LL_MORE) {
        ll_flags here, there;
        rows++;
        if (entry_flags_unpack((unsigned)db_column_int(q, 1), db_column_blob(q, 2), &here) ||
            !ll_view_flags(view, (uint32_t)db_column_int(q, 0), &there) || !ll_flags_equal(&here, &there))
            ++*differ;
    }
    if (rows != ll_view_count(view))
        ++*differ;
    return status;
}

static ll_status check_one(db *d, int64_t mailbox, text *report, bool *faulty)
{
    mailbox_row m;
    ll_view *view = NULL;
    uint64_t count = 0, differ = 0;
    ll_status status = mailbox_load(d, mailbox, &m);
    if (!status)
        status = ll_view_new(&view, NULL, m.uidvalidity);
    if (!status)
        status = open_saved(d, &m, view, &count);
    if (!status)
        status = compare(d, mailbox, view, &differ);
    ll_view_unref(&view);
    if (status == LL_ELIMIT) /* too old to be used */
        return LL_OK;
    if (!differ && status != LL_ECORRUPT)
        return status;
    *faulty = true;
    if (report)
        text_print(report, "mailbox_view: of mailbox %lld differs from its entries\n", (long long)mailbox);
    return LL_OK;
}

ll_status mailbox_view_check(db *d, text *report, bool *faulty)
{
    db_stmt *q = db_prepare(d, "SELECT mailbox FROM mailbox_view");
    ll_status status;
    while ((status = db_step(q)) == LL_MORE) {
        status = check_one(d, db_column_int(q, 0), report, faulty);
        if (status) {
            db_reset(q);
            return status;
        }
    }
    return status;
}
