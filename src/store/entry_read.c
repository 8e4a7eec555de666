/* entry_read.c - reading entries; see entry.h
 * SPDX-License-Identifier: MIT */
#include "store/entry.h"

#include "store/changed.h"

#include <stdio.h>

ll_status entry_is_there(db *d, int64_t mailbox, uint32_t uid)
{
    int64_t there = 0;
    db_stmt *q = db_prepare(d, "SELECT uid FROM entry WHERE mailbox = ?1 AND uid = ?2");
    db_bind_int(q, 1, mailbox);
    db_bind_int(q, 2, uid);
    return db_take_int(q, &there);
}

ll_status entry_message(db *d, int64_t mailbox, uint32_t uid, int64_t *message)
{
    db_stmt *q = db_prepare(d, "SELECT message FROM entry WHERE mailbox = ?1 AND uid = ?2 "
                               "UNION ALL SELECT message FROM held WHERE mailbox = ?1 AND uid = ?2");
    db_bind_int(q, 1, mailbox);
    db_bind_int(q, 2, uid);
    return db_take_int(q, message);
}

ll_status entry_message_size(db *d, int64_t mailbox, uint32_t uid, int64_t *message, uint64_t *size)
{
    db_stmt *q = db_prepare(d, "SELECT message, size FROM entry WHERE mailbox = ?1 AND uid = ?2 "
                               "UNION ALL SELECT message, size FROM held WHERE mailbox = ?1 AND uid = ?2");
    db_bind_int(q, 1, mailbox);
    db_bind_int(q, 2, uid);
    ll_status status = db_first(q);
    if (status)
        return status;
    *message = db_column_int(q, 0);
    *size = (uint64_t)db_column_int(q, 1);
    db_reset(q);
    return LL_OK;
}

/* Two scans of the same range, one of entries and one of held rows, merged by UID. */
typedef struct cursor {
    db_stmt *q;
    bool row; /* q stands on a row */
} cursor;

static ll_status cursor_open(cursor *c, db_stmt *q, int64_t mailbox, ll_range range)
{
    c->q = q;
    db_bind_int(q, 1, mailbox);
    db_bind_int(q, 2, range.first);
    db_bind_int(q, 3, range.last);
    ll_status status = db_step(q);
    c->row = status == LL_MORE;
    return status < 0 ? status : LL_OK;
}

static ll_status cursor_next(cursor *c)
{
    ll_status status = db_step(c->q);
    c->row = status == LL_MORE;
    return status < 0 ? status : LL_OK;
}

static void cursor_close(cursor *c)
{
    if (c->row)
        db_reset(c->q);
    c->row = false;
}

/* What is not in the entry itself. */
#define WANT_MESSAGE (LL_WANT_INDEX | LL_WANT_IDS | LL_WANT_HEADER | LL_WANT_CONTENT | LL_WANT_FIELDS)

/* Without what is in the message's row, only the b-tree of entries is read. Columns that nobody asks for would be
 * copied all the same: facts may be large. */
static db_stmt *rows_select(db *d, unsigned want)
{
    if ((want & WANT_MESSAGE) == LL_WANT_CONTENT)
        return db_prepare(d, "SELECT uid, modseq, internaldate, size, savedate, message FROM entry "
                             "WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 ORDER BY uid");
    if (want & LL_WANT_FIELDS)
        return db_prepare(d, "SELECT e.uid, e.modseq, e.internaldate, e.size, e.savedate, m.id, m.received, m.thread, "
                             "m.facts, m.extract FROM entry e CROSS JOIN message m "
                             "WHERE e.mailbox = ?1 AND e.uid BETWEEN ?2 AND ?3 AND m.id = e.message ORDER BY e.uid");
    if (want & WANT_MESSAGE)
        return db_prepare(d, "SELECT e.uid, e.modseq, e.internaldate, e.size, e.savedate, m.id, m.received, m.thread, "
                             "m.facts FROM entry e CROSS JOIN message m "
                             "WHERE e.mailbox = ?1 AND e.uid BETWEEN ?2 AND ?3 AND m.id = e.message ORDER BY e.uid");
    return db_prepare(d, "SELECT uid, modseq, internaldate, size, savedate FROM entry "
                         "WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 ORDER BY uid");
}

static db_stmt *held_select(db *d, unsigned want)
{
    if (want & LL_WANT_FIELDS)
        return db_prepare(d, "SELECT h.uid, h.modseq, h.internaldate, h.size, h.savedate, m.id, m.received, m.thread, "
                             "m.facts, m.extract FROM held h CROSS JOIN message m "
                             "WHERE h.mailbox = ?1 AND h.uid BETWEEN ?2 AND ?3 AND m.id = h.message ORDER BY h.uid");
    if (want & WANT_MESSAGE)
        return db_prepare(d, "SELECT h.uid, h.modseq, h.internaldate, h.size, h.savedate, m.id, m.received, m.thread, "
                             "m.facts FROM held h CROSS JOIN message m "
                             "WHERE h.mailbox = ?1 AND h.uid BETWEEN ?2 AND ?3 AND m.id = h.message ORDER BY h.uid");
    return db_prepare(d, "SELECT uid, modseq, internaldate, size, savedate FROM held "
                         "WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 ORDER BY uid");
}

/* EMAILID: the number of the message's row, which its copies share, and the time at which it came, should numbers have
 * been given again after the vault was restored from an old copy. */
static ll_span email_id(db_stmt *q, char *buffer, size_t size)
{
    int n = snprintf(buffer, size, "M%llx-%llx", (unsigned long long)db_column_int(q, 5),
                     (unsigned long long)db_column_int(q, 6));
    return span_of(buffer, (size_t)n);
}

static ll_status give_row(cursor *c, unsigned want, entry_row *row, void *ctx)
{
    char email[48], thread[32];
    ll_row r = {.uid = (uint32_t)db_column_int(c->q, 0),
                .modseq = (uint64_t)db_column_int(c->q, 1),
                .internaldate = db_column_int(c->q, 2),
                .size = (uint64_t)db_column_int(c->q, 3),
                .savedate = db_column_int(c->q, 4),
                .index = SPAN("")};
    if (want & LL_WANT_INDEX && !db_column_is_null(c->q, 8))
        r.index = db_column_blob(c->q, 8);
    if (want & LL_WANT_IDS) {
        r.email_id = email_id(c->q, email, sizeof email);
        int n = snprintf(thread, sizeof thread, "T%llx", (unsigned long long)db_column_int(c->q, 7));
        r.thread_id = span_of(thread, (size_t)n);
    }
    bool facts = want & (LL_WANT_INDEX | LL_WANT_HEADER);
    ll_status status =
        row(ctx, &r, want & WANT_MESSAGE ? db_column_int(c->q, 5) : 0, facts ? db_column_blob(c->q, 8) : SPAN(""),
            want & LL_WANT_FIELDS ? db_column_blob(c->q, 9) : SPAN(""));
    return status ? status : cursor_next(c);
}

/* The rows of one range, at most *limit, which is counted down. */
static ll_status range_rows(db *d, int64_t mailbox, ll_range range, bool held, size_t *limit, unsigned want,
                            entry_row *row, void *ctx)
{
    cursor here = {NULL, false}, gone = {NULL, false};
    ll_status status = cursor_open(&here, rows_select(d, want), mailbox, range);
    if (!status && held)
        status = cursor_open(&gone, held_select(d, want), mailbox, range);
    while (!status && *limit && (here.row || gone.row)) {
        bool first = !gone.row || (here.row && db_column_int(here.q, 0) < db_column_int(gone.q, 0));
        status = give_row(first ? &here : &gone, want, row, ctx);
        (*limit)--;
    }
    cursor_close(&here);
    cursor_close(&gone);
    return status;
}

ll_status entry_rows(db *d, int64_t mailbox, const ll_range *ranges, size_t count, size_t limit, unsigned want,
                     entry_row *row, void *ctx)
{
    int64_t any = 0;
    db_stmt *q = db_prepare(d, "SELECT EXISTS(SELECT 1 FROM held WHERE mailbox = ?1)");
    db_bind_int(q, 1, mailbox);
    ll_status status = db_take_int(q, &any);
    for (size_t i = 0; !status && limit && i < count; i++)
        status = range_rows(d, mailbox, ranges[i], any != 0, &limit, want, row, ctx);
    return status == LL_MORE ? LL_OK : status;
}

static ll_status give_changed(db_stmt *q, entry_found *found, ll_call *call)
{
    ll_status status;
    while ((status = db_step(q)) == LL_MORE) {
        uint32_t uid = (uint32_t)db_column_int(q, 0);
        status = found(call, (ll_range){uid, uid});
        if (status) {
            db_reset(q);
            return status;
        }
    }
    return status;
}

static ll_status give_found(db_stmt *q, entry_found *found, ll_call *call)
{
    ll_status status;
    while ((status = db_step(q)) == LL_MORE) {
        status = found(call, (ll_range){(uint32_t)db_column_int(q, 0), (uint32_t)db_column_int(q, 1)});
        if (status) {
            db_reset(q);
            return status;
        }
    }
    return status;
}

ll_status entry_changes(db *d, int64_t mailbox, uint64_t since, entry_found *changed, entry_found *vanished,
                        ll_call *call)
{
    int64_t after = since < INT64_MAX ? (int64_t)since : INT64_MAX;
    db_stmt *q;
    bool scan;
    ll_status status = changed_since(d, mailbox, since, &q, &scan);
    if (!status)
        status = give_changed(q, changed, call);
    if (status)
        return status;
    q = db_prepare(d, "SELECT uid_first, uid_last FROM vanished WHERE mailbox = ?1 AND modseq > ?2");
    db_bind_int(q, 1, mailbox);
    db_bind_int(q, 2, after);
    return give_found(q, vanished, call);
}
