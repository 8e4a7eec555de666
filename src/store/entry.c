/* entry.c - see entry.h. Here: what changes entries; entry_read.c reads them.
 * SPDX-License-Identifier: MIT */
#include "store/entry.h"

#include "base/memory.h"
#include "mime/index.h"
#include "store/message.h"

#include <assert.h>

static_assert(LL_FLAG_DRAFT == 4 && LL_FLAG_KEYWORD == 5, "the column flags holds bits 0 to 4");
static_assert(LL_FLAG_DELETED == 3, "the SQL below says flags & 8");

ll_status entry_flags_unpack(unsigned flags, ll_span keywords, ll_flags *out)
{
    *out = (ll_flags){{flags & ENTRY_SYSTEM_FLAGS}};
    for (size_t i = 0; i < keywords.size; i++)
        for (unsigned bit = 0; bit < 8; bit++)
            if (((unsigned char)keywords.data[i] >> bit) & 1u) {
                if (i * 8 + bit >= LL_KEYWORDS_MAX)
                    return LL_ECORRUPT;
                ll_flags_add(out, LL_FLAG_KEYWORD + (unsigned)i * 8 + bit);
            }
    return LL_OK;
}

ll_span entry_keywords_pack(const ll_flags *flags, uint8_t buffer[ENTRY_KEYWORD_BYTES])
{
    size_t size = 0;
    memset(buffer, 0, ENTRY_KEYWORD_BYTES);
    for (unsigned n = 0; n < LL_KEYWORDS_MAX; n++)
        if (ll_flags_has(flags, LL_FLAG_KEYWORD + n)) {
            buffer[n / 8] = (uint8_t)(buffer[n / 8] | 1u << (n % 8));
            size = n / 8 + 1;
        }
    return span_of((const char *)buffer, size);
}

static bool no_keywords(const ll_flags *flags)
{
    uint64_t any = flags->bits[0] & ~(uint64_t)ENTRY_SYSTEM_FLAGS;
    for (size_t i = 1; i < sizeof flags->bits / sizeof *flags->bits; i++)
        any |= flags->bits[i];
    return any == 0;
}

/* Bind both columns; the buffer must live until the statement has run. */
static void bind_flags(db_stmt *q, int n, const ll_flags *flags, uint8_t buffer[ENTRY_KEYWORD_BYTES])
{
    db_bind_int(q, n, (int64_t)(flags->bits[0] & ENTRY_SYSTEM_FLAGS));
    if (no_keywords(flags))
        db_bind_null(q, n + 1);
    else
        db_bind_blob(q, n + 1, entry_keywords_pack(flags, buffer));
}

/* A message with these flags comes (+1) or goes (-1). */
static void count_flags(mailbox_row *m, const ll_flags *flags, uint64_t size, int one)
{
    if (!ll_flags_has(flags, LL_FLAG_SEEN))
        m->unseen += (uint64_t)(int64_t)one;
    if (ll_flags_has(flags, LL_FLAG_DELETED)) {
        m->deleted += (uint64_t)(int64_t)one;
        m->deleted_bytes += one > 0 ? size : (uint64_t)0 - size;
    }
}

static void count_message(mailbox_row *m, const ll_flags *flags, uint64_t size, int one)
{
    m->messages += (uint64_t)(int64_t)one;
    m->bytes += one > 0 ? size : (uint64_t)0 - size;
    count_flags(m, flags, size, one);
}

void entry_set_sent(entry *e, ll_span facts)
{
    mime_index *index;
    if (!facts.size || mime_index_open(&index, NULL, facts))
        return;
    const mime_envelope *envelope = mime_index_root(index)->envelope;
    e->sent = ENTRY_SENT_NONE;
    if (envelope && envelope->sent.valid) {
        int64_t local = envelope->sent.seconds + 60 * (int64_t)envelope->sent.offset_minutes;
        e->sent = local / 86400 - (local % 86400 < 0);
    }
    e->sent_known = true;
    mime_index_del(&index);
}

ll_status entry_load_sent(db *d, entry *e)
{
    db_stmt *q = db_prepare(d, "SELECT facts FROM message WHERE id = ?1");
    db_bind_int(q, 1, e->message);
    ll_status status = db_first(q);
    if (status)
        return status == LL_ENOTFOUND ? LL_ECORRUPT : status;
    entry_set_sent(e, db_column_blob(q, 0));
    db_reset(q);
    return LL_OK;
}

ll_status entry_add(writer *w, mailbox_row *m, const entry *e, uint32_t *uid)
{
    uint8_t buffer[ENTRY_KEYWORD_BYTES];
    if (m->uidnext >= UINT32_MAX - 1)
        return LL_ELIMIT;
    *uid = m->uidnext++;
    change *c = mailbox_change(w, m);
    if (!c)
        return LL_ENOMEM;
    db_stmt *q = db_prepare(
        w->db, "INSERT INTO entry(mailbox, uid, message, flags, keywords, internaldate, savedate, modseq, size, sent) "
               "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
    db_bind_int(q, 1, m->id);
    db_bind_int(q, 2, *uid);
    db_bind_int(q, 3, e->message);
    bind_flags(q, 4, &e->flags, buffer);
    db_bind_int(q, 6, e->internaldate);
    db_bind_int(q, 7, vault_now(w->vault));
    db_bind_int(q, 8, (int64_t)m->modseq);
    db_bind_int(q, 9, (int64_t)e->size);
    if (e->sent_known)
        db_bind_int(q, 10, e->sent);
    else
        db_bind_null(q, 10);
    ll_status status = db_run(q);
    if (status)
        return status;
    count_message(m, &e->flags, e->size, 1);
    return change_add(c, *uid, &e->flags);
}

/* ------------------------------------------------------------------------------------------------- Store */

static ll_flags flags_after(const ll_flags *before, ll_flags_op op, const ll_flags *flags)
{
    ll_flags after = *flags;
    for (size_t i = 0; i < sizeof after.bits / sizeof *after.bits; i++) {
        if (op == LL_FLAGS_ADD)
            after.bits[i] = before->bits[i] | flags->bits[i];
        else if (op == LL_FLAGS_REMOVE)
            after.bits[i] = before->bits[i] & ~flags->bits[i];
    }
    return after;
}

/* Neighbours that all change, and end with the same keywords: one UPDATE. */
typedef struct store_run {
    ll_range uids; /* first is 0: empty */
    ll_flags after;
} store_run;

typedef struct store {
    writer *w;
    mailbox_row *m;
    ll_flags_op op;
    const ll_flags *flags;
    uint64_t unchanged_since;
    entry_found *refused;
    ll_call *call;
    store_run run;
} store;

static bool keywords_equal(const ll_flags *a, const ll_flags *b)
{
    ll_flags x = *a, y = *b;
    x.bits[0] |= ENTRY_SYSTEM_FLAGS;
    y.bits[0] |= ENTRY_SYSTEM_FLAGS;
    return ll_flags_equal(&x, &y);
}

/* The rows of the run, which is empty then. The SELECT has passed them. */
static ll_status store_write(store *s)
{
    uint8_t buffer[ENTRY_KEYWORD_BYTES];
    if (!s->run.uids.first)
        return LL_OK;
    int64_t bits = (int64_t)(s->flags->bits[0] & ENTRY_SYSTEM_FLAGS);
    db_stmt *q = db_prepare(s->w->db, "UPDATE entry SET flags = flags & ?4 | ?5, keywords = ?6, modseq = ?7 "
                                      "WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3");
    db_bind_int(q, 1, s->m->id);
    db_bind_int(q, 2, s->run.uids.first);
    db_bind_int(q, 3, s->run.uids.last);
    db_bind_int(q, 4, s->op == LL_FLAGS_ADD ? ENTRY_SYSTEM_FLAGS : s->op == LL_FLAGS_REMOVE ? ~bits : 0);
    db_bind_int(q, 5, s->op == LL_FLAGS_REMOVE ? 0 : bits);
    if (no_keywords(&s->run.after))
        db_bind_null(q, 6);
    else
        db_bind_blob(q, 6, entry_keywords_pack(&s->run.after, buffer));
    db_bind_int(q, 7, (int64_t)s->m->modseq);
    s->run.uids.first = 0;
    return db_run(q);
}

/* The row under the cursor. */
static ll_status store_row(store *s, db_stmt *q)
{
    ll_status status = LL_OK;
    uint32_t uid = (uint32_t)db_column_int(q, 0);
    if ((uint64_t)db_column_int(q, 3) > s->unchanged_since) {
        status = store_write(s);
        return status ? status : s->refused(s->call, (ll_range){uid, uid});
    }
    ll_flags before;
    status = entry_flags_unpack((unsigned)db_column_int(q, 1), db_column_blob(q, 2), &before);
    if (status)
        return status;
    ll_flags after = flags_after(&before, s->op, s->flags);
    if (ll_flags_equal(&before, &after))
        return store_write(s);
    change *c = mailbox_change(s->w, s->m);
    if (!c)
        return LL_ENOMEM;
    uint64_t size = (uint64_t)db_column_int(q, 4);
    count_flags(s->m, &before, size, -1);
    count_flags(s->m, &after, size, 1);
    if (s->run.uids.first && !keywords_equal(&s->run.after, &after))
        status = store_write(s);
    if (!s->run.uids.first)
        s->run = (store_run){{uid, uid}, after};
    s->run.uids.last = uid;
    return status ? status : change_flags(c, (ll_range){uid, uid}, s->op, s->flags);
}

/* One system flag comes or goes, whatever the others are, and nobody asks for the rows: then SQLite finds those that
 * change, and how many they are is all that the counters need. (Of \Deleted they need the sizes too.) */
enum { store_wide_least = 64 }; /* UIDs of a range: three statements cost as much as looking at some 20 rows */

static bool store_is_wide(const store *s, ll_range range)
{
    uint64_t bits = s->flags->bits[0];
    bool one = bits && !(bits & (bits - 1)) && no_keywords(s->flags);
    return one && bits != 1u << LL_FLAG_DELETED && s->op != LL_FLAGS_REPLACE && s->unchanged_since == UINT64_MAX &&
           range.last >= range.first && range.last - range.first >= store_wide_least;
}

static void bind_wide(db_stmt *q, const store *s, ll_range range)
{
    int64_t bit = (int64_t)s->flags->bits[0];
    db_bind_int(q, 1, s->m->id);
    db_bind_int(q, 2, range.first);
    db_bind_int(q, 3, range.last);
    db_bind_int(q, 4, bit);
    db_bind_int(q, 5, s->op == LL_FLAGS_ADD ? 0 : bit);
}

/* The first and the last that change. LL_ENOTFOUND: none does. */
static ll_status wide_ends(store *s, ll_range range, ll_range *found)
{
    int64_t first = 0, last = 0;
    db_stmt *q = db_prepare(s->w->db, "SELECT uid FROM entry WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 "
                                      "AND (flags & ?4) = ?5 ORDER BY uid LIMIT 1");
    bind_wide(q, s, range);
    ll_status status = db_take_int(q, &first);
    if (status)
        return status;
    q = db_prepare(s->w->db, "SELECT uid FROM entry WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 "
                             "AND (flags & ?4) = ?5 ORDER BY uid DESC LIMIT 1");
    bind_wide(q, s, range);
    status = db_take_int(q, &last);
    *found = (ll_range){(uint32_t)first, (uint32_t)last};
    return status;
}

static ll_status store_wide(store *s, ll_range range)
{
    ll_range found;
    ll_status status = wide_ends(s, range, &found);
    if (status)
        return status == LL_ENOTFOUND ? LL_OK : status;
    change *c = mailbox_change(s->w, s->m);
    if (!c)
        return LL_ENOMEM;
    int64_t bit = (int64_t)s->flags->bits[0];
    db_stmt *q = db_prepare(s->w->db, "UPDATE entry SET flags = flags + ?6, modseq = ?7 "
                                      "WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 AND (flags & ?4) = ?5");
    bind_wide(q, s, found);
    db_bind_int(q, 6, s->op == LL_FLAGS_ADD ? bit : -bit);
    db_bind_int(q, 7, (int64_t)s->m->modseq);
    status = db_run(q);
    if (status)
        return status;
    uint64_t changed = (uint64_t)db_changes(s->w->db);
    if (bit == 1 << LL_FLAG_SEEN)
        s->m->unseen += s->op == LL_FLAGS_ADD ? (uint64_t)0 - changed : changed;
    return change_flags(c, found, s->op, s->flags); /* for those between that have it already it says nothing new */
}

ll_status entry_store(writer *w, mailbox_row *m, const ll_range *ranges, size_t count, ll_flags_op op,
                      const ll_flags *flags, uint64_t unchanged_since, entry_found *refused, ll_call *call)
{
    store s = {
        .w = w, .m = m, .op = op, .flags = flags, .unchanged_since = unchanged_since, .refused = refused, .call = call};
    db_stmt *q = db_prepare(
        w->db, "SELECT uid, flags, keywords, modseq, size FROM entry WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 "
               "ORDER BY uid");
    ll_status status = LL_OK;
    for (size_t i = 0; !status && i < count; i++) {
        if (store_is_wide(&s, ranges[i])) {
            status = store_wide(&s, ranges[i]);
            continue;
        }
        db_bind_int(q, 1, m->id);
        db_bind_int(q, 2, ranges[i].first);
        db_bind_int(q, 3, ranges[i].last);
        while ((status = db_step(q)) == LL_MORE) {
            status = store_row(&s, q);
            if (status) {
                db_reset(q);
                return status;
            }
        }
        if (!status)
            status = store_write(&s); /* between two ranges there may be rows that are not meant */
    }
    return status;
}

/* ----------------------------------------------------------------------------------------------- Expunge */

static ll_status vanished_add(writer *w, const mailbox_row *m, ll_range run)
{
    db_stmt *q = db_prepare(w->db, "INSERT INTO vanished(mailbox, uid_first, uid_last, modseq) VALUES(?1, ?2, ?3, ?4)");
    db_bind_int(q, 1, m->id);
    db_bind_int(q, 2, run.first);
    db_bind_int(q, 3, run.last);
    db_bind_int(q, 4, (int64_t)m->modseq);
    return db_run(q);
}

/* Ranges that are closer than this are one scan and mostly one statement: some rows between them that stay cost less to
 * look at than another statement. */
enum { expunge_gap = 32 };

typedef struct expunging {
    writer *w;
    mailbox_row *m;
    bool only_deleted;
    ll_range rows;     /* between these all that the SELECT answers goes; first is 0: empty */
    ll_range vanished; /* the run of UIDs under way, the same */
} expunging;

static void bind_expunge(db_stmt *q, const expunging *x, ll_range uids)
{
    db_bind_int(q, 1, x->m->id);
    db_bind_int(q, 2, uids.first);
    db_bind_int(q, 3, uids.last);
    db_bind_int(q, 4, x->only_deleted);
}

/* The rows that were noted. The SELECT has passed them. */
static ll_status expunge_rows(expunging *x)
{
    if (!x->rows.first)
        return LL_OK;
    db_stmt *q =
        db_prepare(x->w->db, "INSERT INTO held(mailbox, uid, message, modseq, internaldate, savedate, size, "
                             "flags, keywords, sent) "
                             "SELECT mailbox, uid, message, ?5, internaldate, savedate, size, flags, keywords, "
                             "sent FROM entry WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 AND (flags & 8 OR NOT ?4)");
    bind_expunge(q, x, x->rows);
    db_bind_int(q, 5, (int64_t)x->m->modseq);
    ll_status status = db_run(q);
    if (status)
        return status;
    q = db_prepare(x->w->db,
                   "DELETE FROM entry WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 AND (flags & 8 OR NOT ?4)");
    bind_expunge(q, x, x->rows);
    x->rows.first = 0;
    return db_run(q);
}

/* Count and record the row under the cursor, which is about to go. */
static ll_status expunge_note(expunging *x, db_stmt *q)
{
    uint32_t uid = (uint32_t)db_column_int(q, 0);
    ll_flags flags = {{(uint64_t)db_column_int(q, 1)}};
    change *c = mailbox_change(x->w, x->m);
    if (!c)
        return LL_ENOMEM;
    count_message(x->m, &flags, (uint64_t)db_column_int(q, 2), -1);
    x->rows.first = x->rows.first ? x->rows.first : uid;
    x->rows.last = uid;
    ll_status status = LL_OK;
    if (x->vanished.first && x->vanished.last + 1 != uid) {
        status = vanished_add(x->w, x->m, x->vanished);
        x->vanished.first = 0;
    }
    if (!x->vanished.first)
        x->vanished.first = uid;
    x->vanished.last = uid;
    return status ? status : change_remove(c, uid);
}

/* These ranges are near each other, in order. What lies between them stays. */
static ll_status expunge_near(expunging *x, const ll_range *ranges, size_t count)
{
    db_stmt *q =
        db_prepare(x->w->db, "SELECT uid, flags, size FROM entry "
                             "WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 AND (flags & 8 OR NOT ?4) ORDER BY uid");
    bind_expunge(q, x, (ll_range){ranges[0].first, ranges[count - 1].last});
    ll_status status;
    size_t at = 0;
    while ((status = db_step(q)) == LL_MORE) {
        uint32_t uid = (uint32_t)db_column_int(q, 0);
        while (ranges[at].last < uid)
            at++;
        status = uid >= ranges[at].first ? expunge_note(x, q) : expunge_rows(x);
        if (status) {
            db_reset(q);
            return status;
        }
    }
    return status ? status : expunge_rows(x);
}

ll_status entry_expunge(writer *w, mailbox_row *m, const ll_range *ranges, size_t count, bool only_deleted)
{
    expunging x = {.w = w, .m = m, .only_deleted = only_deleted};
    ll_status status = LL_OK;
    for (size_t i = 0, near; !status && i < count; i += near) {
        near = 1;
        while (i + near < count && ranges[i + near].first > ranges[i + near - 1].last &&
               ranges[i + near].first - ranges[i + near - 1].last <= expunge_gap)
            near++;
        status = expunge_near(&x, ranges + i, near);
    }
    return !status && x.vanished.first ? vanished_add(w, m, x.vanished) : status;
}

/* -------------------------------------------------------------------------------------------------- Copy */

/* Keyword numbers of one mailbox in terms of another; -1: not asked yet. */
typedef struct keyword_map {
    int numbers[LL_KEYWORDS_MAX];
} keyword_map;

static ll_status map_keyword(writer *w, const mailbox_row *from, mailbox_row *to, keyword_map *map, unsigned n)
{
    if (map->numbers[n] >= 0)
        return LL_OK;
    db_stmt *q = db_prepare(w->db, "SELECT name FROM keyword WHERE mailbox = ?1 AND number = ?2");
    db_bind_int(q, 1, from->id);
    db_bind_int(q, 2, n);
    ll_status status = db_first(q);
    if (status)
        return status == LL_ENOTFOUND ? LL_ECORRUPT : status;
    unsigned number = 0;
    status = mailbox_keyword(w, to, db_column_text(q, 0), &number);
    db_reset(q);
    map->numbers[n] = (int)number;
    return status;
}

static ll_status map_flags(writer *w, const mailbox_row *from, mailbox_row *to, keyword_map *map, ll_flags *flags)
{
    if (from->id == to->id || no_keywords(flags))
        return LL_OK;
    ll_flags mapped = {{flags->bits[0] & ENTRY_SYSTEM_FLAGS}};
    for (unsigned n = 0; n < LL_KEYWORDS_MAX; n++) {
        if (!ll_flags_has(flags, LL_FLAG_KEYWORD + n))
            continue;
        ll_status status = map_keyword(w, from, to, map, n);
        if (status)
            return status;
        ll_flags_add(&mapped, LL_FLAG_KEYWORD + (unsigned)map->numbers[n]);
    }
    *flags = mapped;
    return LL_OK;
}

static ll_status copy_row(writer *w, const mailbox_row *from, mailbox_row *to, keyword_map *map, db_stmt *q,
                          uint32_t *uid)
{
    entry e = {.message = db_column_int(q, 1),
               .internaldate = db_column_int(q, 4),
               .size = (uint64_t)db_column_int(q, 5),
               .sent = db_column_int(q, 6),
               .sent_known = !db_column_is_null(q, 6)};
    ll_status status = entry_flags_unpack((unsigned)db_column_int(q, 2), db_column_blob(q, 3), &e.flags);
    if (!status)
        status = map_flags(w, from, to, map, &e.flags);
    if (!status)
        status = message_ref(w->db, e.message);
    return status ? status : entry_add(w, to, &e, uid);
}

static db_stmt *copy_select(writer *w, bool held)
{
    if (!held)
        return db_prepare(w->db, "SELECT uid, message, flags, keywords, internaldate, size, sent FROM entry "
                                 "WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 ORDER BY uid");
    return db_prepare(w->db, "SELECT uid, message, flags, keywords, internaldate, size, sent FROM entry "
                             "WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 "
                             "UNION ALL SELECT uid, message, flags, keywords, internaldate, size, sent FROM held "
                             "WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 ORDER BY uid");
}

ll_status entry_copy(writer *w, mailbox_row *from, mailbox_row *to, const ll_range *ranges, size_t count, bool held,
                     entry_placed *placed, void *ctx)
{
    keyword_map map;
    memset(&map, -1, sizeof map);
    db_stmt *q = copy_select(w, held);
    uint32_t last = from->uidnext - 1; /* copies into the same mailbox are not copied again */
    ll_status status = LL_OK;
    for (size_t i = 0; !status && i < count; i++) {
        db_bind_int(q, 1, from->id);
        db_bind_int(q, 2, ranges[i].first);
        db_bind_int(q, 3, ranges[i].last < last ? ranges[i].last : last);
        while ((status = db_step(q)) == LL_MORE) {
            uint32_t uid = 0, source = (uint32_t)db_column_int(q, 0);
            status = copy_row(w, from, to, &map, q, &uid);
            if (!status && placed)
                status = placed(ctx, source, uid);
            if (status) {
                db_reset(q);
                return status;
            }
        }
    }
    return status;
}
