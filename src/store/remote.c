/* remote.c - see remote.h
 * SPDX-License-Identifier: MIT */
#include "store/remote.h"

bool remote_id_valid(ll_span id)
{
    return id.size >= 1 && id.size <= LL_REMOTE_ID_MAX;
}

/* --------------------------------------------------------------------------------------------- Mailboxes */

ll_status remote_mailbox_find(db *d, ll_span id, int64_t *mailbox)
{
    db_stmt *q = db_prepare(d, "SELECT mailbox FROM remote_mailbox WHERE id = ?1");
    db_bind_blob(q, 1, id);
    return db_take_int(q, mailbox);
}

static ll_status take_copy(db_stmt *q, int column, arena *memory, ll_span *out)
{
    *out = arena_copy(memory, db_column_blob(q, column));
    return out->data ? LL_OK : arena_status(memory);
}

ll_status remote_mailbox_id(db *d, int64_t mailbox, arena *memory, ll_span *id)
{
    db_stmt *q = db_prepare(d, "SELECT id FROM remote_mailbox WHERE mailbox = ?1 AND id IS NOT NULL");
    db_bind_int(q, 1, mailbox);
    *id = SPAN("");
    ll_status status = db_first(q);
    if (status)
        return status == LL_ENOTFOUND ? LL_OK : status;
    status = take_copy(q, 0, memory, id);
    db_reset(q);
    return status;
}

ll_status remote_mailbox_put(db *d, int64_t mailbox, ll_span id, ll_visibility visibility)
{
    db_stmt *q = db_prepare(d, "INSERT INTO remote_mailbox(mailbox, id, visibility) VALUES(?1, ?2, ?3) "
                               "ON CONFLICT(mailbox) DO UPDATE SET id = excluded.id, visibility = excluded.visibility");
    db_bind_int(q, 1, mailbox);
    if (id.size)
        db_bind_blob(q, 2, id);
    else
        db_bind_null(q, 2);
    db_bind_int(q, 3, visibility);
    return db_run(q);
}

ll_status remote_mailbox_name(db *d, int64_t mailbox, arena *memory, ll_span *name)
{
    db_stmt *q = db_prepare(d, "SELECT name FROM mailbox WHERE id = ?1");
    db_bind_int(q, 1, mailbox);
    ll_status status = db_first(q);
    if (status)
        return status;
    status = take_copy(q, 0, memory, name);
    db_reset(q);
    return status;
}

/* ---------------------------------------------------------------------------------------------- Messages */

ll_status remote_message_find(db *d, ll_span id, int64_t mailbox, uint32_t *uid)
{
    int64_t found = 0;
    db_stmt *q = db_prepare(d, "SELECT uid FROM remote_message WHERE id = ?1 AND mailbox = ?2");
    db_bind_blob(q, 1, id);
    db_bind_int(q, 2, mailbox);
    ll_status status = db_take_int(q, &found);
    if (!status)
        *uid = (uint32_t)found;
    return status;
}

ll_status remote_message_next(db *d, ll_span id, int64_t after, int64_t *mailbox, uint32_t *uid)
{
    db_stmt *q = db_prepare(
        d, "SELECT mailbox, uid FROM remote_message WHERE id = ?1 AND mailbox > ?2 ORDER BY mailbox LIMIT 1");
    db_bind_blob(q, 1, id);
    db_bind_int(q, 2, after);
    ll_status status = db_first(q);
    if (status)
        return status;
    *mailbox = db_column_int(q, 0);
    *uid = (uint32_t)db_column_int(q, 1);
    db_reset(q);
    return LL_OK;
}

ll_status remote_message_put(db *d, ll_span id, int64_t mailbox, uint32_t uid)
{
    db_stmt *q = db_prepare(d, "INSERT INTO remote_message(id, mailbox, uid) VALUES(?1, ?2, ?3)");
    db_bind_blob(q, 1, id);
    db_bind_int(q, 2, mailbox);
    db_bind_int(q, 3, uid);
    return db_run(q);
}

/* -------------------------------------------------------------------------------------------------- Rows */

static ll_status rows_add(remote_rows *out, arena *memory, db_stmt *q)
{
    if (out->count == out->room) {
        size_t room = out->room ? out->room * 2 : 64;
        remote_row *rows = arena_array(memory, room, sizeof *rows);
        if (!rows)
            return arena_status(memory);
        if (out->count)
            memcpy(rows, out->rows, out->count * sizeof *rows);
        out->rows = rows;
        out->room = room;
    }
    remote_row *row = &out->rows[out->count++];
    *row = (remote_row){(uint32_t)db_column_int(q, 0), SPAN("")};
    return db_column_is_null(q, 1) ? LL_OK : take_copy(q, 1, memory, &row->id);
}

static db_stmt *select_rows(db *d, unsigned choice)
{
    if (choice & REMOTE_HELD)
        return db_prepare(d, "SELECT e.uid, r.id FROM entry e LEFT JOIN remote_message r "
                             "ON r.mailbox = e.mailbox AND r.uid = e.uid "
                             "WHERE e.mailbox = ?1 AND e.uid BETWEEN ?2 AND ?3 AND e.modseq <= ?5 "
                             "AND (e.flags & 8 OR NOT ?4) UNION ALL "
                             "SELECT uid, NULL FROM held WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 ORDER BY 1");
    return db_prepare(d, "SELECT e.uid, r.id FROM entry e LEFT JOIN remote_message r "
                         "ON r.mailbox = e.mailbox AND r.uid = e.uid "
                         "WHERE e.mailbox = ?1 AND e.uid BETWEEN ?2 AND ?3 AND e.modseq <= ?5 "
                         "AND (e.flags & 8 OR NOT ?4) ORDER BY e.uid");
}

ll_status remote_rows_read(db *d, int64_t mailbox, const ll_range *ranges, size_t count, unsigned choice,
                           uint64_t unchanged_since, arena *memory, remote_rows *out)
{
    db_stmt *q = select_rows(d, choice);
    ll_status status = LL_OK;
    for (size_t i = 0; !status && i < count; i++) {
        db_bind_int(q, 1, mailbox);
        db_bind_int(q, 2, ranges[i].first);
        db_bind_int(q, 3, ranges[i].last);
        db_bind_int(q, 4, (choice & REMOTE_ONLY_DELETED) != 0);
        db_bind_int(q, 5, unchanged_since > INT64_MAX ? INT64_MAX : (int64_t)unchanged_since);
        while ((status = db_step(q)) == LL_MORE) {
            status = rows_add(out, memory, q);
            if (status) {
                db_reset(q);
                return status;
            }
        }
    }
    return status;
}
