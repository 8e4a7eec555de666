/* search_context_order.c - see search_context_order.h
 * SPDX-License-Identifier: MIT */
#include "imap/search_context_order.h"

#include "base/memory.h"
#include "imap/search_context.h"

#include <stdlib.h>

ll_status search_order_init(search_order *o, ll_session *s, const sort_criteria *criteria, sort_table *table,
                            const uint32_t *order)
{
    *o = (search_order){.allocator = s->allocator, .criteria = *criteria, .count = table->count};
    message_init(&o->m, s);
    o->order = memory_new(s->allocator, ((size_t)o->count + 1) * sizeof *o->order);
    if (!o->order) {
        o->allocator = NULL;
        return LL_ENOMEM;
    }
    memcpy(o->order, order, o->count * sizeof *o->order);
    o->table = *table;
    table->criteria = NULL;
    o->table.criteria = &o->criteria;
    return LL_OK;
}

void search_order_stop(search_order *o)
{
    if (!search_order_used(o))
        return;
    if (o->rows)
        rows_fini(o->rows);
    o->rows = NULL;
    o->begun = false;
    message_fini(&o->m);
    memory_free(o->allocator, o->fresh);
    o->fresh = NULL;
}

void search_order_fini(search_order *o)
{
    if (!search_order_used(o))
        return;
    search_order_stop(o);
    memory_free(o->allocator, o->order);
    sort_table_fini(&o->table);
    o->allocator = NULL;
}

/* --- saying --- */

/* Positions and messages of one response. Neighbours that have neighbouring numbers are said as one. */
typedef struct teller {
    ll_session *s;
    bool uid, open;
    uint32_t position, first, last; /* not said yet; position 0: nothing */
    ll_span tag;
    const char *what;
} teller;

static void tell_held(teller *t)
{
    if (!t->position)
        return;
    if (!t->open)
        session_say(t->s, "* ESEARCH (TAG \"%.*s\")%s %s (", SPAN_PRINT(t->tag), t->uid ? " UID" : "", t->what);
    session_say(t->s, t->first < t->last ? "%s%u %u:%u" : "%s%u %u", t->open ? " " : "", t->position, t->first,
                t->last);
    t->open = true;
    t->position = 0;
}

static void tell_end(teller *t)
{
    tell_held(t);
    if (t->open)
        session_add(t->s, SPAN(")\r\n"));
    t->open = false;
}

static void tell(teller *t, uint32_t position, uint32_t uid)
{
    uint32_t number = t->uid ? uid : snapshot_number(&t->s->snap, uid);
    if (t->position && position == t->position + (t->last - t->first) + 1 && number == t->last + 1) {
        t->last = number; /* one more behind them */
        return;
    }
    if (t->position && position + 1 == t->position && number + 1 == t->first) {
        t->position = position; /* one more before them */
        t->first = number;
        return;
    }
    tell_held(t);
    t->position = position;
    t->first = t->last = number;
}

/* --- removing --- */

static uint32_t uid_of(const search_order *o, uint32_t place)
{
    return sort_table_uid(&o->table, o->order[place]);
}

/* From the last one on, so that no position said later is changed. They become holes. */
static unsigned tell_removed(search_order *o, teller *t, const uidset *wanted, uidset *members)
{
    unsigned count = 0;
    for (uint32_t i = o->count; i && count < search_context_update_pairs; i--) {
        uint32_t uid = uid_of(o, i - 1);
        if (uidset_has(wanted, uid))
            continue;
        tell(t, i, uid);
        uidset_remove(members, uid);
        o->order[i - 1] = UINT32_MAX;
        count++;
    }
    return count;
}

static void close_holes(search_order *o)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < o->count; i++)
        if (o->order[i] != UINT32_MAX)
            o->order[kept++] = o->order[i];
    o->count = kept;
}

ll_status search_order_remove(search_order *o, ll_session *s, ll_span tag, bool uid, const uidset *wanted,
                              uidset *members)
{
    uint32_t left = uidset_count(members) - uidset_and_count(members, wanted);
    while (left) {
        teller t = {.s = s, .uid = uid, .tag = tag, .what = "REMOVEFROM"};
        if (session_full(s))
            return LL_MORE;
        left -= tell_removed(o, &t, wanted, members);
        tell_end(&t);
        close_holes(o);
    }
    return LL_OK;
}

/* --- adding --- */

static int compare_places(const void *a, const void *b, void *table)
{
    return sort_table_compare(table, *(const uint32_t *)a, *(const uint32_t *)b);
}

/* The keys from position `from` of the table on belong to new messages: sorted, they wait to be told. */
static ll_status take_fresh(search_order *o, uint32_t from)
{
    o->fresh_count = o->table.count - from;
    o->fresh_at = 0;
    o->fresh = memory_new(o->allocator, ((size_t)o->fresh_count + 1) * sizeof *o->fresh);
    if (!o->fresh)
        return LL_ENOMEM;
    for (uint32_t i = 0; i < o->fresh_count; i++)
        o->fresh[i] = from + i;
    qsort_r(o->fresh, o->fresh_count, sizeof *o->fresh, compare_places, &o->table);
    return LL_OK;
}

/* One that cannot be read is sorted as one without header. */
static ll_status read_batch(search_order *o, const uidset *more)
{
    for (; o->at < o->rows->count; o->at++) {
        const ll_row *row = &o->rows->rows[o->at];
        if (!uidset_has(more, row->uid))
            continue;
        if (!o->begun)
            message_begin(&o->m, row);
        o->begun = true;
        ll_status status = o->criteria.index ? message_index(&o->m) : LL_OK;
        if (status == LL_LATER || status == LL_ENOMEM)
            return status;
        o->begun = false;
        bool has = o->criteria.index && !status;
        status = sort_table_add(&o->table, row, has ? mime_index_root(o->m.index)->envelope : NULL, 0, 0);
        if (status)
            return status;
    }
    return LL_OK;
}

static ll_status begin_rows(search_order *o, ll_session *s, const uidset *more)
{
    command *c = &s->command;
    uidset *set = uidset_copy(more);
    if (!c->context_rows)
        c->context_rows = arena_new(&c->memory, sizeof *c->context_rows);
    if (!c->context_rows || !set) {
        uidset_del(&set);
        return LL_ENOMEM;
    }
    o->rows = c->context_rows;
    o->at = 0;
    o->fresh_at = o->table.count; /* where the new ones begin */
    rows_init(o->rows, s, set, true, o->criteria.index ? LL_WANT_INDEX : 0);
    return LL_OK;
}

/* LL_OK: o->fresh has them all, or none can be read now. */
static ll_status read_keys(search_order *o, ll_session *s, const uidset *more)
{
    ll_status status = o->rows ? LL_OK : begin_rows(o, s, more);
    while (!status) {
        status = read_batch(o, more);
        if (status)
            return status;
        status = rows_next(o->rows);
        o->at = status ? o->at : 0;
        if (status == LL_LATER || status == LL_ENOMEM)
            return status;
        if (status || !o->rows->count)
            break;
        if (session_yield(s))
            return LL_MORE;
    }
    if (!o->rows)
        return status;
    rows_fini(o->rows);
    o->rows = NULL;
    return take_fresh(o, o->fresh_at);
}

/* Merge the next of the fresh ones into the sequence, and say where they are now. */
static ll_status tell_added(search_order *o, teller *t, uidset *members)
{
    uint32_t left = o->fresh_count - o->fresh_at;
    uint32_t most = left < search_context_update_pairs ? left : (uint32_t)search_context_update_pairs, new = 0, old = 0;
    uint32_t *merged = memory_new(o->allocator, ((size_t)o->count + most + 1) * sizeof *merged);
    if (!merged)
        return LL_ENOMEM;
    for (uint32_t i = 0; i < o->count + most; i++) {
        bool fresh = new < most &&
                     (old == o->count || sort_table_compare(&o->table, o->fresh[o->fresh_at + new], o->order[old]) < 0);
        merged[i] = fresh ? o->fresh[o->fresh_at + new ++] : o->order[old++];
        if (fresh) {
            uint32_t uid = sort_table_uid(&o->table, merged[i]);
            tell(t, i + 1, uid);
            uidset_add(members, uid);
        }
    }
    memory_free(o->allocator, o->order);
    o->order = merged;
    o->count += most;
    o->fresh_at += most;
    return LL_OK;
}

ll_status search_order_add(search_order *o, ll_session *s, ll_span tag, bool uid, const uidset *more, uidset *members)
{
    if (!o->fresh && uidset_empty(more))
        return LL_OK;
    if (!o->fresh && !o->rows && o->table.count + uidset_count(more) > 2 * search_context_sorted_max)
        return LL_ELIMIT;
    ll_status status = o->fresh ? LL_OK : read_keys(o, s, more);
    while (!status && o->fresh && o->fresh_at < o->fresh_count) {
        teller t = {.s = s, .uid = uid, .tag = tag, .what = "ADDTO"};
        if (session_full(s))
            return LL_MORE;
        status = tell_added(o, &t, members);
        tell_end(&t);
    }
    if (!status) {
        memory_free(o->allocator, o->fresh);
        o->fresh = NULL;
    }
    return status;
}
