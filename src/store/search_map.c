/* search_map.c - see search_map.h
 * SPDX-License-Identifier: MIT */
#include "store/search_map.h"

#include "base/memory.h"
#include "store/entry.h"

ll_status search_map_new(search_map **out, int64_t mailbox)
{
    search_map *m = *out = memory_new(NULL, sizeof *m);
    if (!m)
        return LL_ENOMEM;
    m->mailbox = mailbox;
    return LL_OK;
}

void search_map_del(search_map **map)
{
    search_map *m = *map;
    *map = NULL;
    if (!m)
        return;
    memory_free(NULL, m->rows);
    memory_free(NULL, m);
}

/* The two lowest mean something else; no calendar goes so far. */
static int32_t day_number(int64_t day)
{
    return day > INT32_MAX ? INT32_MAX : day < INT32_MIN + 2 ? INT32_MIN + 2 : (int32_t)day;
}

/* Of seconds, rounded down. */
static int32_t day_of(int64_t seconds)
{
    return day_number(seconds / 86400 - (seconds % 86400 < 0));
}

static int32_t sent_of(db_stmt *q, int n)
{
    int64_t sent = db_column_int(q, n);
    if (db_column_is_null(q, n))
        return search_unknown_date;
    return sent == ENTRY_SENT_NONE ? search_no_date : day_number(sent);
}

static search_row row_of(db_stmt *q)
{
    int64_t received = db_column_int(q, 2), saved = db_column_int(q, 3);
    return (search_row){.uid = (uint32_t)db_column_int(q, 0),
                        .message = db_column_int(q, 1),
                        .received = day_of(received),
                        .saved = day_of(saved ? saved : received),
                        .size = (uint64_t)db_column_int(q, 4),
                        .sent = sent_of(q, 5)};
}

static bool map_room(search_map *m)
{
    if (m->count < m->room)
        return true;
    size_t more = m->room ? m->room * 2 : 1024;
    search_row *grown = memory_resize(NULL, m->rows, more * sizeof *grown);
    if (!grown)
        return false;
    m->rows = grown;
    m->room = more;
    return true;
}

static ll_status fill_rows(search_map *m, db *d)
{
    uint32_t after = m->count ? m->rows[m->count - 1].uid : m->passed;
    db_stmt *q = db_prepare(d, "SELECT uid, message, internaldate, savedate, size, sent FROM entry "
                               "WHERE mailbox = ?1 AND uid > ?2 ORDER BY uid");
    db_bind_int(q, 1, m->mailbox);
    db_bind_int(q, 2, after);
    ll_status status;
    while ((status = db_step(q)) == LL_MORE) {
        if (m->count == search_map_rows || !map_room(m)) {
            db_reset(q);
            return m->count == search_map_rows ? LL_MORE : LL_ENOMEM;
        }
        m->rows[m->count++] = row_of(q);
    }
    return status;
}

ll_status search_map_fill(search_map *m, db *d)
{
    int64_t uidvalidity = 0;
    db_stmt *q = db_prepare(d, "SELECT uidvalidity FROM mailbox WHERE id = ?1");
    db_bind_int(q, 1, m->mailbox);
    ll_status status = db_take_int(q, &uidvalidity);
    if (status)
        return status;
    if (uidvalidity != m->uidvalidity) {
        m->count = 0;
        m->passed = 0;
    }
    m->uidvalidity = uidvalidity;
    return fill_rows(m, d);
}

void search_map_pass(search_map *m)
{
    if (m->count)
        m->passed = m->rows[m->count - 1].uid;
    m->count = 0;
}
