/* search_segment.c - see search_segment.h
 * SPDX-License-Identifier: MIT */
#include "store/search_segment.h"

enum { CLASS_SHIFT = 19, SEGMENT_SHIFT = 24 };

int64_t search_block_id(int64_t segment, search_class class, uint32_t ordinal)
{
    return segment << SEGMENT_SHIFT | (int64_t) class << CLASS_SHIFT | (int64_t)ordinal;
}

static ll_status take_segment(search_segments *out, db_stmt *q)
{
    if (out->count == search_segments_max)
        return LL_ECORRUPT;
    search_segment s = {db_column_int(q, 0), db_column_int(q, 1), db_column_int(q, 2), (uint64_t)db_column_int(q, 3)};
    bool fits = s.first == out->end + 1 && s.last >= s.first && s.last - s.first < UINT32_MAX &&
                db_column_int(q, 3) >= 0 && s.id > 0 && s.id < INT64_C(1) << (62 - SEGMENT_SHIFT) &&
                db_column_int(q, 4) == search_format;
    if (!fits)
        return LL_ECORRUPT;
    out->all[out->count++] = s;
    out->end = s.last;
    return LL_OK;
}

ll_status search_segments_load(db *d, search_segments *out)
{
    out->count = 0;
    out->end = 0;
    db_stmt *q =
        db_prepare(d, "SELECT id, first, last, messages, format FROM search_segment WHERE state = 1 ORDER BY first");
    ll_status status;
    while ((status = db_step(q)) == LL_MORE) {
        status = take_segment(out, q);
        if (status) {
            db_reset(q);
            return status;
        }
    }
    return status;
}

ll_status search_newest(db *d, int64_t *message)
{
    return db_take_int(db_prepare(d, "SELECT coalesce(max(id), 0) FROM message"), message);
}

/* ------------------------------------------------------------------------------------------------- Reading */

ll_status search_block_next(db *d, int64_t *id, int64_t last, search_block *b)
{
    db_stmt *q = db_prepare(d, "SELECT id, data FROM search_terms WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT 1");
    db_bind_int(q, 1, *id);
    db_bind_int(q, 2, last);
    ll_status status = db_first(q);
    if (status)
        return status;
    *id = db_column_int(q, 0);
    status = search_block_terms_set(b, db_column_blob(q, 1));
    db_reset(q);
    return status;
}

ll_status search_block_count(db *d, int64_t segment, search_class class, uint32_t *count)
{
    int64_t first = search_block_id(segment, class, 0), last = 0;
    db_stmt *q = db_prepare(d, "SELECT coalesce(max(id) + 1, ?1) FROM search_terms WHERE id BETWEEN ?1 AND ?2");
    db_bind_int(q, 1, first);
    db_bind_int(q, 2, search_block_id(segment, class, search_ordinal_max));
    ll_status status = db_take_int(q, &last);
    *count = status ? 0 : (uint32_t)(last - first);
    return status;
}

ll_status search_block_sign(db *d, int64_t id, text *sign)
{
    db_stmt *q = db_prepare(d, "SELECT data FROM search_terms WHERE id = ?1");
    db_bind_int(q, 1, id + ((int64_t)SEARCH_CLASS_SIGNS << CLASS_SHIFT));
    ll_status status = db_first(q);
    if (status)
        return status;
    text_clear(sign);
    text_add(sign, db_column_blob(q, 0));
    db_reset(q);
    return text_status(sign);
}

ll_status search_block_postings_load(db *d, int64_t id, search_block *b)
{
    db_stmt *q = db_prepare(d, "SELECT data FROM search_postings WHERE id = ?1");
    db_bind_int(q, 1, id);
    ll_status status = db_first(q);
    if (status)
        return status == LL_ENOTFOUND ? LL_ECORRUPT : status;
    status = search_block_postings_set(b, db_column_blob(q, 0));
    db_reset(q);
    return status;
}

/* ------------------------------------------------------------------------------------------------- Writing */

ll_status search_segment_create(db *d, int64_t first, int64_t last, int64_t *id)
{
    db_stmt *q = db_prepare(d, "INSERT INTO search_segment(first, last, messages, state, format) "
                               "VALUES(?1, ?2, 0, 0, ?3)");
    db_bind_int(q, 1, first);
    db_bind_int(q, 2, last);
    db_bind_int(q, 3, search_format);
    ll_status status = db_run(q);
    *id = db_last_id(d);
    return status;
}

ll_status search_block_insert(db *d, int64_t id, ll_span terms, ll_span postings)
{
    db_stmt *q = db_prepare(d, "INSERT INTO search_terms(id, data) VALUES(?1, ?2)");
    db_bind_int(q, 1, id);
    db_bind_blob(q, 2, terms);
    ll_status status = db_run(q);
    if (status || !postings.size) /* a signature has none */
        return status;
    q = db_prepare(d, "INSERT INTO search_postings(id, data) VALUES(?1, ?2)");
    db_bind_int(q, 1, id);
    db_bind_blob(q, 2, postings);
    return db_run(q);
}

/* Live segments that the new one replaces: they must be of its range from end to end. */
static ll_status replace(db *d, int64_t id)
{
    int64_t fits = 0;
    db_stmt *q = db_prepare(d, "SELECT count(*) > 0 AND min(s.first) = n.first AND max(s.last) = n.last "
                               "FROM search_segment s, search_segment n "
                               "WHERE n.id = ?1 AND s.state = 1 AND s.last >= n.first AND s.first <= n.last");
    db_bind_int(q, 1, id);
    ll_status status = db_take_int(q, &fits);
    if (status)
        return status;
    if (!fits)
        return LL_EBUSY;
    q = db_prepare(d, "UPDATE search_segment SET state = 2 WHERE state = 1 AND "
                      "first >= (SELECT first FROM search_segment WHERE id = ?1) AND "
                      "last <= (SELECT last FROM search_segment WHERE id = ?1)");
    db_bind_int(q, 1, id);
    return db_run(q);
}

static ll_status follows(db *d, int64_t id)
{
    int64_t fits = 0;
    db_stmt *q = db_prepare(d, "SELECT first = (SELECT coalesce(max(last), 0) + 1 FROM search_segment WHERE state = 1) "
                               "FROM search_segment WHERE id = ?1");
    db_bind_int(q, 1, id);
    ll_status status = db_take_int(q, &fits);
    return status || fits ? status : LL_EBUSY;
}

ll_status search_segment_finish(db *d, int64_t id, uint64_t messages, bool replaces)
{
    ll_status status = replaces ? replace(d, id) : follows(d, id);
    if (status)
        return status;
    db_stmt *q = db_prepare(d, "UPDATE search_segment SET state = 1, messages = ?2 WHERE id = ?1");
    db_bind_int(q, 1, id);
    db_bind_int(q, 2, (int64_t)messages);
    return db_run(q);
}

/* ------------------------------------------------------------------------------------------------ Removing */

static ll_status sweep_blocks(db *d, int64_t segment, int64_t *removed)
{
    int64_t first = search_block_id(segment, 0, 0), last = search_block_id(segment + 1, 0, 0) - 1;
    db_stmt *q = db_prepare(d, "DELETE FROM search_postings WHERE id IN (SELECT id FROM search_postings "
                               "WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3)");
    db_bind_int(q, 1, first);
    db_bind_int(q, 2, last);
    db_bind_int(q, 3, search_sweep_blocks);
    ll_status status = db_run(q);
    if (status)
        return status;
    q = db_prepare(d, "DELETE FROM search_terms WHERE id IN (SELECT id FROM search_terms "
                      "WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3)");
    db_bind_int(q, 1, first);
    db_bind_int(q, 2, last);
    db_bind_int(q, 3, search_sweep_blocks);
    status = db_run(q);
    *removed = db_changes(d);
    return status;
}

ll_status search_segments_sweep(db *d, int64_t building, bool *more)
{
    int64_t segment = 0, removed = 0;
    *more = false;
    db_stmt *q = db_prepare(d, "SELECT id FROM search_segment WHERE state <> 1 AND id <> ?1 LIMIT 1");
    db_bind_int(q, 1, building);
    ll_status status = db_take_int(q, &segment);
    if (status)
        return status == LL_ENOTFOUND ? LL_OK : status;
    status = sweep_blocks(d, segment, &removed);
    *more = true;
    if (status || removed == search_sweep_blocks)
        return status;
    q = db_prepare(d, "DELETE FROM search_segment WHERE id = ?1");
    db_bind_int(q, 1, segment);
    return db_run(q);
}

ll_status search_segments_drop(db *d, int64_t from)
{
    db_stmt *q = db_prepare(d, "UPDATE search_segment SET state = 2 WHERE state = 1 AND last >= ?1");
    db_bind_int(q, 1, from);
    return db_run(q);
}
