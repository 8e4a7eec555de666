/* entry_read.c - reading entries; see entry.h
 * SPDX-License-Identifier: MIT */
#include "store/entry.h"

ll_status entry_message(db *d, int64_t mailbox, uint32_t uid, int64_t *message)
{
    db_stmt *q = db_prepare(d, "SELECT message FROM entry WHERE mailbox = ?1 AND uid = ?2 "
                               "UNION ALL SELECT message FROM held WHERE mailbox = ?1 AND uid = ?2");
    db_bind_int(q, 1, mailbox);
    db_bind_int(q, 2, uid);
    return db_take_int(q, message);
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

static db_stmt *rows_select(db *d, bool index)
{
    if (index)
        return db_prepare(d,
                          "SELECT e.uid, e.modseq, e.internaldate, e.size, m.facts FROM entry e CROSS JOIN message m "
                          "WHERE e.mailbox = ?1 AND e.uid BETWEEN ?2 AND ?3 AND m.id = e.message ORDER BY e.uid");
    return db_prepare(d, "SELECT uid, modseq, internaldate, size, NULL FROM entry "
                         "WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 ORDER BY uid");
}

static db_stmt *held_select(db *d, bool index)
{
    if (index)
        return db_prepare(d, "SELECT h.uid, h.modseq, h.internaldate, h.size, m.facts FROM held h CROSS JOIN message m "
                             "WHERE h.mailbox = ?1 AND h.uid BETWEEN ?2 AND ?3 AND m.id = h.message ORDER BY h.uid");
    return db_prepare(d, "SELECT uid, modseq, internaldate, size, NULL FROM held "
                         "WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 ORDER BY uid");
}

static ll_status give_row(cursor *c, entry_row *row, void *ctx)
{
    ll_span facts = db_column_blob(c->q, 4);
    ll_row r = {.uid = (uint32_t)db_column_int(c->q, 0),
                .modseq = (uint64_t)db_column_int(c->q, 1),
                .internaldate = db_column_int(c->q, 2),
                .size = (uint64_t)db_column_int(c->q, 3),
                .index = facts.data ? facts : span_of("", 0)};
    ll_status status = row(ctx, &r);
    return status ? status : cursor_next(c);
}

/* The rows of one range, at most *limit, which is counted down. */
static ll_status range_rows(db *d, int64_t mailbox, ll_range range, bool held, size_t *limit, bool index,
                            entry_row *row, void *ctx)
{
    cursor here = {NULL, false}, gone = {NULL, false};
    ll_status status = cursor_open(&here, rows_select(d, index), mailbox, range);
    if (!status && held)
        status = cursor_open(&gone, held_select(d, index), mailbox, range);
    while (!status && *limit && (here.row || gone.row)) {
        bool first = !gone.row || (here.row && db_column_int(here.q, 0) < db_column_int(gone.q, 0));
        status = give_row(first ? &here : &gone, row, ctx);
        (*limit)--;
    }
    cursor_close(&here);
    cursor_close(&gone);
    return status;
}

ll_status entry_rows(db *d, int64_t mailbox, const ll_range *ranges, size_t count, size_t limit, bool index,
                     entry_row *row, void *ctx)
{
    int64_t any = 0;
    db_stmt *q = db_prepare(d, "SELECT EXISTS(SELECT 1 FROM held WHERE mailbox = ?1)");
    db_bind_int(q, 1, mailbox);
    ll_status status = db_take_int(q, &any);
    for (size_t i = 0; !status && limit && i < count; i++)
        status = range_rows(d, mailbox, ranges[i], any != 0, &limit, index, row, ctx);
    return status;
}
