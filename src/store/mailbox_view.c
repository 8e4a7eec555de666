/* mailbox_view.c - see mailbox_view.h
 * SPDX-License-Identifier: MIT */
#include "store/mailbox_view.h"

#include "base/memory.h"
#include "store/changed.h"
#include "store/entry.h"
#include "store/opened.h"
#include "store/vault_state.h"

/* ------------------------------------------------------------------------------------------------- Opening */

/* From so many messages on a kept view may be hundreds of kilobytes. */
enum { large_mailbox = 100000 };

static ll_status load_saved(db *d, const mailbox_row *m, ll_view *view, uint64_t *modseq)
{
    db_stmt *q = db_prepare(d, "SELECT view FROM mailbox_view WHERE mailbox = ?1");
    db_bind_int(q, 1, m->id);
    bool large = m->messages >= large_mailbox;
    if (large)
        db_cache_narrow(d, true);
    ll_status status = db_first(q);
    if (!status)
        status = ll_view_load(view, db_column_blob(q, 0), modseq);
    db_reset(q);
    if (large)
        db_cache_narrow(d, false);
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

/* The kept view with what came since; on any failure *view is NULL. */
static ll_status open_kept(db *d, const mailbox_row *m, ll_view **view, bool *save)
{
    uint64_t count = 0;
    ll_status status = ll_view_new(view, NULL, m->uidvalidity);
    if (!status)
        status = open_saved(d, m, *view, &count);
    if (status) {
        ll_view_unref(view);
        return status;
    }
    ll_view_seal(*view, m->uidnext, m->modseq);
    *save = count > mailbox_view_old(m->messages);
    return LL_OK;
}

ll_status mailbox_view_open(db *d, int64_t mailbox, ll_view **view, uint32_t *recent_uid, bool *save)
{
    mailbox_row m;
    *view = NULL;
    *save = false;
    ll_status status = mailbox_load(d, mailbox, &m);
    if (status)
        return status;
    if (m.messages < MAILBOX_VIEW_LEAST || m.noselect)
        return mailbox_scan(d, mailbox, view, recent_uid);
    status = open_kept(d, &m, view, save);
    *recent_uid = m.recent_uid;
    if (!status || status == LL_ENOMEM || status == LL_EIO || status == LL_ETIMEOUT)
        return status;
    *save = true;
    return mailbox_scan(d, mailbox, view, recent_uid);
}

/* --------------------------------------------------------------------------------------------------- Ahead */

/* In a transaction: the row and what is loaded are of the same moment. */
static ll_status load_ahead(db *d, int64_t mailbox, ll_view **view, uint32_t *recent_uid, bool *save)
{
    mailbox_row m;
    ll_status status = db_begin_read(d);
    if (status)
        return status;
    status = mailbox_load(d, mailbox, &m);
    if (!status)
        status = open_kept(d, &m, view, save);
    if (!status)
        *recent_uid = m.recent_uid;
    db_rollback(d);
    return status;
}

int64_t mailbox_view_ahead(vault *v, db *d)
{
    mailbox_row m;
    opened *to = NULL;
    ll_view *view = NULL;
    uint32_t recent_uid = 0;
    bool ready = false, save = false;
    if (mailbox_find_selectable(d, SPAN("INBOX"), &m) || m.messages < MAILBOX_VIEW_LEAST)
        return 0;
    if (opened_take(v, m.id, &to, &ready))
        return 0;
    if (!ready && !load_ahead(d, m.id, &view, &recent_uid, &save) && opened_load(v, to, view, recent_uid))
        save = false;
    opened_give(v, &to);
    return save ? m.id : 0;
}

/* -------------------------------------------------------------------------------------------------- Saving */

typedef struct save_job {
    vault_job job; /* first */
    int64_t mailbox;
} save_job;

/* If the mailbox is still the one that the view is of: it may have been deleted, or got another UIDVALIDITY, by a job
 * before this one. */
static ll_status put(db *d, int64_t mailbox, const ll_view *view)
{
    mailbox_row m;
    ll_status status = mailbox_load(d, mailbox, &m);
    if (status || m.noselect || m.uidvalidity != ll_view_uidvalidity(view))
        return status == LL_ENOTFOUND ? LL_OK : status;
    size_t size = ll_view_saved_size(view);
    char *bytes = memory_resize(NULL, NULL, size);
    if (!bytes)
        return LL_ENOMEM;
    ll_view_save(view, bytes);
    db_stmt *q = db_prepare(d, "INSERT INTO mailbox_view(mailbox, view) VALUES(?1, ?2) "
                               "ON CONFLICT(mailbox) DO UPDATE SET view = excluded.view");
    db_bind_int(q, 1, mailbox);
    db_bind_blob(q, 2, span_of(bytes, size));
    status = db_run(q);
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

/* ------------------------------------------------------------------------------------------------ Refreshing */

typedef struct refresh {
    reader_job read;
    vault_job write;
    int64_t mailbox;
    ll_view *view;
    bool save;
} refresh;

static void refresh_del(refresh *r)
{
    ll_view_unref(&r->view);
    memory_free(NULL, r);
}

static ll_status refresh_run(vault_job *job, writer *w)
{
    refresh *r = (refresh *)((char *)job - offsetof(refresh, write));
    return put(w->db, r->mailbox, r->view);
}

static void refresh_done(vault_job *job, ll_status status)
{
    if (status)
        vault_log(job->vault, "vault view not kept status=%s", ll_status_name(status));
    refresh_del((refresh *)((char *)job - offsetof(refresh, write)));
}

static ll_status refresh_read(reader_job *job, db *d)
{
    refresh *r = (refresh *)((char *)job - offsetof(refresh, read));
    uint32_t recent_uid;
    ll_status status = db_begin_read(d);
    if (status)
        return status;
    status = mailbox_view_open(d, r->mailbox, &r->view, &recent_uid, &r->save);
    db_rollback(d);
    return status;
}

static void refresh_read_done(reader_job *job, ll_status status)
{
    refresh *r = (refresh *)((char *)job - offsetof(refresh, read));
    if (status || !r->save) {
        refresh_del(r);
        return;
    }
    r->write.run = refresh_run;
    r->write.done = refresh_done;
    r->write.queue.lazy = true; /* a cache */
    vault_add(job->vault, &r->write);
}

/* Its newest version is in memory if somebody has it open; else a reader makes it. */
static void keep_anew(vault *v, int64_t mailbox)
{
    ll_view *open = opened_view(v, mailbox);
    if (open) {
        ll_view_unref(&open);
        mailbox_view_save(v, mailbox);
        return;
    }
    refresh *r = v->config.executor->work ? memory_new(NULL, sizeof *r) : NULL;
    if (!r) /* without threads nothing is in the background */
        return;
    r->mailbox = mailbox;
    r->read.run = refresh_read;
    r->read.done = refresh_read_done;
    reader_add(v, &r->read);
}

/* The mailbox's counter; if it has none, the place of the one that has counted least. */
static mailbox_watch *watch_of(writer *w, int64_t mailbox)
{
    mailbox_watch *least = &w->watched[0];
    for (size_t i = 0; i < VAULT_WATCHED; i++) {
        if (w->watched[i].mailbox == mailbox)
            return &w->watched[i];
        if (w->watched[i].changes < least->changes)
            least = &w->watched[i];
    }
    *least = (mailbox_watch){mailbox, 0, MAILBOX_VIEW_LOOK};
    return least;
}

void mailbox_view_changed(vault *v, db *d, const change *c)
{
    mailbox_row m;
    mailbox_watch *watch = watch_of(&v->writer, c->mailbox);
    if (c->gone) {
        *watch = (mailbox_watch){0};
        return;
    }
    watch->changes += change_messages(c);
    if (watch->changes < watch->due || mailbox_load(d, c->mailbox, &m))
        return;
    watch->due = m.messages / 32 + MAILBOX_VIEW_LOOK; /* half of what opening would bring in, rather than scan */
    if (watch->changes < watch->due)
        return;
    watch->changes = 0;
    if (m.messages >= MAILBOX_VIEW_LEAST)
        keep_anew(v, c->mailbox);
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
