/* changed.c - see changed.h
 * SPDX-License-Identifier: MIT */
#include "store/changed.h"

#include "store/vault_state.h"

enum {
    CHANGED_RANGES = 32, /* rows of one job; what would be more is joined, and reaches too far */
    CHANGED_CHECK = 1024 /* rows between two looks at how many there are: the look reads all of them */
};

static ll_status add(writer *w, const mailbox_row *m, ll_range range)
{
    db_stmt *q = db_prepare(w->db, "INSERT INTO changed(mailbox, modseq, uid_first, uid_last) VALUES(?1, ?2, ?3, ?4) "
                                   "ON CONFLICT DO UPDATE SET uid_last = max(uid_last, excluded.uid_last)");
    db_bind_int(q, 1, m->id);
    db_bind_int(q, 2, (int64_t)m->modseq);
    db_bind_int(q, 3, range.first);
    db_bind_int(q, 4, range.last);
    w->logged++;
    return db_run(q);
}

/* All up to this mod-sequence becomes one row. */
static ll_status forget(db *d, int64_t mailbox, int64_t modseq)
{
    db_stmt *q = db_prepare(d, "DELETE FROM changed WHERE mailbox = ?1 AND modseq <= ?2");
    db_bind_int(q, 1, mailbox);
    db_bind_int(q, 2, modseq);
    ll_status status = db_run(q);
    if (status)
        return status;
    q = db_prepare(d, "INSERT INTO changed(mailbox, modseq, uid_first, uid_last) VALUES(?1, ?2, 0, 4294967295)");
    db_bind_int(q, 1, mailbox);
    db_bind_int(q, 2, modseq);
    return db_run(q);
}

/* Half of what may stay stays, so that this is not done again at once. LL_ENOTFOUND: no mailbox has too many. */
static ll_status shorten(db *d)
{
    db_stmt *q = db_prepare(d, "SELECT m.id, ?1 + m.messages / 16 FROM mailbox m WHERE "
                               "(SELECT count(*) FROM changed c WHERE c.mailbox = m.id) > 2 * (?1 + m.messages / 16)");
    db_bind_int(q, 1, CHANGED_KEEP);
    ll_status status = db_first(q);
    if (status)
        return status;
    int64_t mailbox = db_column_int(q, 0), keep = db_column_int(q, 1), modseq = 0;
    db_reset(q);
    q = db_prepare(d, "SELECT modseq FROM changed WHERE mailbox = ?1 ORDER BY modseq DESC LIMIT 1 OFFSET ?2");
    db_bind_int(q, 1, mailbox);
    db_bind_int(q, 2, keep);
    status = db_take_int(q, &modseq);
    return status == LL_ENOTFOUND ? LL_ECORRUPT : status ? status : forget(d, mailbox, modseq);
}

ll_status changed_log(writer *w, const mailbox_row *m, change *c)
{
    ll_range ranges[CHANGED_RANGES];
    size_t count = change_touched(c, ranges, CHANGED_RANGES);
    ll_status status = LL_OK;
    for (size_t i = 0; !status && i < count; i++)
        status = add(w, m, ranges[i]);
    if (status || w->logged < CHANGED_CHECK)
        return status;
    w->logged = 0;
    while (!(status = shorten(w->db)))
        continue;
    return status == LL_ENOTFOUND ? LL_OK : status;
}

ll_status changed_since(db *d, int64_t mailbox, uint64_t since, db_stmt **out, bool *scan)
{
    int64_t after = since < INT64_MAX ? (int64_t)since : INT64_MAX;
    db_stmt *q = db_prepare(
        d, "SELECT coalesce(sum(uid_last - uid_first + 1), 0) > (SELECT messages FROM mailbox WHERE id = ?1) "
           "FROM changed WHERE mailbox = ?1 AND modseq > ?2");
    int64_t many = 0;
    db_bind_int(q, 1, mailbox);
    db_bind_int(q, 2, after);
    ll_status status = db_take_int(q, &many);
    if (status)
        return status;
    *scan = many != 0;
    q = many ? db_prepare(d, "SELECT uid, flags, keywords FROM entry WHERE mailbox = ?1 AND modseq > ?2 ORDER BY uid")
             : db_prepare(d, "SELECT e.uid, e.flags, e.keywords FROM changed c CROSS JOIN entry e "
                             "WHERE c.mailbox = ?1 AND c.modseq > ?2 AND e.mailbox = ?1 "
                             "AND e.uid BETWEEN c.uid_first AND c.uid_last AND e.modseq = c.modseq "
                             "ORDER BY c.modseq, c.uid_first, e.uid");
    db_bind_int(q, 1, mailbox);
    db_bind_int(q, 2, after);
    *out = q;
    return LL_OK;
}
