/* mailbox.c - see mailbox.h
 * SPDX-License-Identifier: MIT */
#include "store/mailbox.h"

#include "base/memory.h"
#include "store/changed.h"
#include "store/entry.h"

#define COLUMNS                                                                                                        \
    "id, uidvalidity, uidnext, modseq, messages, unseen, deleted, bytes, recent_uid, attributes, subscribed, "         \
    "noselect, "                                                                                                       \
    "deleted_bytes"

static ll_status take_row(db_stmt *q, mailbox_row *m)
{
    ll_status status = db_first(q);
    if (status)
        return status;
    m->id = db_column_int(q, 0);
    m->uidvalidity = (uint32_t)db_column_int(q, 1);
    m->uidnext = (uint32_t)db_column_int(q, 2);
    m->modseq = (uint64_t)db_column_int(q, 3);
    m->messages = m->messages_loaded = (uint64_t)db_column_int(q, 4);
    m->unseen = (uint64_t)db_column_int(q, 5);
    m->deleted = (uint64_t)db_column_int(q, 6);
    m->bytes = m->bytes_loaded = (uint64_t)db_column_int(q, 7);
    m->recent_uid = (uint32_t)db_column_int(q, 8);
    m->attributes = (unsigned)db_column_int(q, 9);
    m->subscribed = db_column_int(q, 10) != 0;
    m->noselect = db_column_int(q, 11) != 0;
    m->deleted_bytes = (uint64_t)db_column_int(q, 12);
    db_reset(q);
    return LL_OK;
}

ll_status mailbox_find(db *d, ll_span name, mailbox_row *m)
{
    db_stmt *q = db_prepare(d, "SELECT " COLUMNS " FROM mailbox WHERE name = ?1");
    db_bind_text(q, 1, name);
    return take_row(q, m);
}

ll_status mailbox_load(db *d, int64_t id, mailbox_row *m)
{
    db_stmt *q = db_prepare(d, "SELECT " COLUMNS " FROM mailbox WHERE id = ?1");
    db_bind_int(q, 1, id);
    return take_row(q, m);
}

ll_status mailbox_find_selectable(db *d, ll_span name, mailbox_row *m)
{
    ll_status status = mailbox_find(d, name, m);
    return !status && m->noselect ? LL_ENOTFOUND : status;
}

change *mailbox_change(writer *w, mailbox_row *m)
{
    m->modseq = writer_modseq(w);
    change *c = change_of(&w->job, m->id, m->modseq);
    if (c)
        c->uidnext = m->uidnext;
    return c;
}

ll_status mailbox_save(writer *w, mailbox_row *m)
{
    change *c = mailbox_change(w, m);
    if (!c)
        return LL_ENOMEM;
    db_stmt *q =
        db_prepare(w->db, "UPDATE mailbox SET uidnext = ?2, modseq = ?3, messages = ?4, unseen = ?5, deleted = ?6, "
                          "bytes = ?7, deleted_bytes = ?8 WHERE id = ?1");
    db_bind_int(q, 1, m->id);
    db_bind_int(q, 2, m->uidnext);
    db_bind_int(q, 3, (int64_t)m->modseq);
    db_bind_int(q, 4, (int64_t)m->messages);
    db_bind_int(q, 5, (int64_t)m->unseen);
    db_bind_int(q, 6, (int64_t)m->deleted);
    db_bind_int(q, 7, (int64_t)m->bytes);
    db_bind_int(q, 8, (int64_t)m->deleted_bytes);
    w->bytes += m->bytes - m->bytes_loaded;
    w->messages += m->messages - m->messages_loaded;
    m->bytes_loaded = m->bytes;
    m->messages_loaded = m->messages;
    ll_status status = db_run(q);
    return status ? status : changed_log(w, m, c);
}

/* ---------------------------------------------------------------------------------------------- Keywords */

static ll_status keyword_find(db *d, int64_t mailbox, ll_span name, unsigned *number)
{
    int64_t found = 0;
    db_stmt *q = db_prepare(d, "SELECT number FROM keyword WHERE mailbox = ?1 AND name = ?2");
    db_bind_int(q, 1, mailbox);
    db_bind_text(q, 2, name);
    ll_status status = db_take_int(q, &found);
    *number = (unsigned)found;
    return status;
}

static ll_status keyword_make(writer *w, mailbox_row *m, ll_span name, unsigned *number)
{
    int64_t count = 0;
    db_stmt *q = db_prepare(w->db, "SELECT count(*) FROM keyword WHERE mailbox = ?1");
    db_bind_int(q, 1, m->id);
    ll_status status = db_take_int(q, &count);
    if (status)
        return status;
    if (count >= LL_KEYWORDS_MAX)
        return LL_ELIMIT;
    q = db_prepare(w->db, "INSERT INTO keyword(mailbox, number, name) VALUES(?1, ?2, ?3)");
    db_bind_int(q, 1, m->id);
    db_bind_int(q, 2, count);
    db_bind_text(q, 3, name);
    status = db_run(q);
    if (status)
        return status;
    *number = (unsigned)count;
    change *c = mailbox_change(w, m);
    return c ? change_keyword(c, name) : LL_ENOMEM;
}

ll_status mailbox_keyword(writer *w, mailbox_row *m, ll_span name, unsigned *number)
{
    ll_status status = keyword_find(w->db, m->id, name, number);
    return status == LL_ENOTFOUND ? keyword_make(w, m, name, number) : status;
}

ll_status mailbox_flags(writer *w, mailbox_row *m, unsigned flags, const ll_span *keywords, size_t count, bool make,
                        ll_flags *out)
{
    *out = (ll_flags){{flags & ENTRY_SYSTEM_FLAGS}};
    for (size_t i = 0; i < count; i++) {
        unsigned number;
        ll_status status =
            make ? mailbox_keyword(w, m, keywords[i], &number) : keyword_find(w->db, m->id, keywords[i], &number);
        if (status == LL_ENOTFOUND)
            continue;
        if (status)
            return status;
        ll_flags_add(out, LL_FLAG_KEYWORD + number);
    }
    return LL_OK;
}

/* -------------------------------------------------------------------------------------------------- Scan */

ll_status mailbox_keywords(db *d, int64_t id, ll_view *view)
{
    db_stmt *q = db_prepare(d, "SELECT number, name FROM keyword WHERE mailbox = ?1 ORDER BY number");
    db_bind_int(q, 1, id);
    ll_status status;
    while ((status = db_step(q)) == LL_MORE) {
        unsigned number = 0;
        status = ll_view_keyword_add(view, db_column_text(q, 1), &number);
        if (!status && number != (unsigned)db_column_int(q, 0))
            status = LL_ECORRUPT;
        if (status) {
            db_reset(q);
            return status;
        }
    }
    return status;
}

/* Runs of UIDs with the same flags go into the view at once: most of a mailbox is read mail without other flags. */
static ll_status scan_entries(db *d, int64_t id, ll_view *view)
{
    db_stmt *q = db_prepare(d, "SELECT uid, flags, keywords FROM entry WHERE mailbox = ?1 ORDER BY uid");
    db_bind_int(q, 1, id);
    ll_range run = {0, 0};
    ll_flags flags = {{0}};
    ll_status status;
    while ((status = db_step(q)) == LL_MORE) {
        uint32_t uid = (uint32_t)db_column_int(q, 0);
        ll_flags here;
        status = entry_flags_unpack((unsigned)db_column_int(q, 1), db_column_blob(q, 2), &here);
        if (!status && run.first && uid == run.last + 1 && ll_flags_equal(&here, &flags)) {
            run.last = uid;
            continue;
        }
        if (!status && run.first)
            status = ll_view_add_range(view, run, &flags);
        if (!status && (!uid || uid == UINT32_MAX))
            status = LL_ECORRUPT;
        if (status) {
            db_reset(q);
            return status;
        }
        run = (ll_range){uid, uid};
        flags = here;
    }
    return !status && run.first ? ll_view_add_range(view, run, &flags) : status;
}

ll_status mailbox_scan(db *d, int64_t id, ll_view **view, uint32_t *recent_uid)
{
    mailbox_row m;
    *view = NULL;
    ll_status status = mailbox_load(d, id, &m);
    if (!status && m.noselect)
        status = LL_ENOTFOUND;
    if (!status)
        status = ll_view_new(view, NULL, m.uidvalidity);
    if (!status)
        status = mailbox_keywords(d, id, *view);
    if (!status)
        status = scan_entries(d, id, *view);
    if (!status && ll_view_uidnext(*view) > m.uidnext)
        status = LL_ECORRUPT;
    if (status) {
        ll_view_unref(view);
        return status;
    }
    ll_view_seal(*view, m.uidnext, m.modseq);
    *recent_uid = m.recent_uid;
    return LL_OK;
}
