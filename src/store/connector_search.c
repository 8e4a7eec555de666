/* connector_search.c - what the vault can say at once about the terms of a SEARCH.
 * SPDX-License-Identifier: MIT */
#include "base/memory.h"
#include "store/connector_op.h"
#include "store/search_index.h"
#include "store/search_query.h"

static bool about_text(const ll_term *term)
{
    return term->kind < LL_TERM_INTERNALDATE;
}

static search_answer by_number(int64_t value, const ll_term *term)
{
    return value >= term->first && value <= term->last ? SEARCH_ANSWER_CERTAIN : SEARCH_ANSWER_NO;
}

static search_answer by_row(const search_row *row, const ll_term *term)
{
    switch (term->kind) {
    case LL_TERM_INTERNALDATE:
        return by_number(row->received, term);
    case LL_TERM_SAVED:
        return by_number(row->saved, term);
    case LL_TERM_SIZE:
        return by_number(row->size > INT64_MAX ? INT64_MAX : (int64_t)row->size, term);
    case LL_TERM_SENT:
        if (row->sent == search_unknown_date)
            return SEARCH_ANSWER_POSSIBLE;
        return row->sent == search_no_date ? SEARCH_ANSWER_NO : by_number(row->sent, term);
    default:
        return SEARCH_ANSWER_POSSIBLE; /* a kind that this library does not know yet */
    }
}

/* A run of UIDs without a gap that have the same answer. */
typedef struct answer_run {
    ll_range uids; /* first 0: none */
    search_answer answer;
} answer_run;

static ll_status give_run(op *o, size_t n, answer_run *run)
{
    ll_status status = LL_OK;
    if (run->uids.first && run->answer != SEARCH_ANSWER_NO)
        status = ll_call_found(o->call, n, run->uids, run->answer == SEARCH_ANSWER_CERTAIN);
    run->uids.first = 0;
    return status;
}

static ll_status answer_term(op *o, search_query *query, const search_map *map, size_t n)
{
    const ll_term *term = &o->terms[n];
    bool in_index = about_text(term);
    answer_run run = {{0, 0}, SEARCH_ANSWER_NO};
    ll_status status = LL_OK;
    for (size_t i = 0; !status && i < map->count; i++) {
        const search_row *row = &map->rows[i];
        search_answer answer = in_index ? search_query_answer(query, n, row->message) : by_row(row, term);
        if (run.uids.first && answer == run.answer && row->uid == run.uids.last + 1) {
            run.uids.last = row->uid;
            continue;
        }
        status = give_run(o, n, &run);
        run = (answer_run){{row->uid, row->uid}, answer};
    }
    return status ? status : give_run(o, n, &run);
}

/* All terms for the rows of the mailbox, as many at a time as the map takes. */
static ll_status answer_mailbox(op *o, db *d, search_query *query, search_map *map)
{
    ll_status more = LL_MORE;
    while (more == LL_MORE) {
        more = search_map_fill(map, d);
        if (more < 0)
            return more;
        for (size_t n = 0; n < o->count; n++) {
            ll_status status = answer_term(o, query, map, n);
            if (status)
                return status;
        }
        if (more == LL_MORE)
            search_map_pass(map);
    }
    return LL_OK;
}

/* Expunged, and perhaps still in the view of a session: the engine looks for itself. */
static ll_status answer_held(op *o, db *d)
{
    db_stmt *q = db_prepare(d, "SELECT uid FROM held WHERE mailbox = ?1 ORDER BY uid");
    db_bind_int(q, 1, o->mailbox);
    ll_status status;
    while ((status = db_step(q)) == LL_MORE) {
        uint32_t uid = (uint32_t)db_column_int(q, 0);
        for (size_t n = 0; n < o->count; n++) {
            status = ll_call_found(o->call, n, (ll_range){uid, uid}, false);
            if (status) {
                db_reset(q);
                return status;
            }
        }
    }
    return status;
}

static ll_status ask(op *o, db *d, search_query *query)
{
    vault *v = o->connector->vault;
    search_map *map = NULL;
    int64_t damaged = 0;
    ll_status status = search_query_run(query, d, &damaged);
    if (status == LL_ELIMIT) /* of memory: it answers "possible" */
        status = LL_OK;
    if (damaged)
        search_index_damaged(v, damaged);
    if (!status)
        status = answer_held(o, d);
    if (!status)
        status = search_index_map(v, o->mailbox, &map);
    if (!status)
        status = answer_mailbox(o, d, query, map);
    if (!status && !map->passed)
        search_index_keep(v, &map);
    search_map_del(&map);
    return status == LL_ENOTFOUND ? LL_OK : status; /* the mailbox is gone: nothing is there to be named but the held */
}

static ll_status search(op *o, db *d)
{
    search_query *query;
    ll_status status = search_query_new(&query, o->terms, o->count);
    if (!status)
        status = ask(o, d, query);
    search_query_del(&query);
    return status;
}

ll_status connector_search(void *self, ll_call *call, void *mailbox, const ll_term *terms, size_t count)
{
    op *o = op_new(self, call);
    if (!o)
        return LL_ENOMEM;
    search_index_wake(o->connector->vault);
    o->read = search;
    o->mailbox = handle_mailbox(mailbox);
    o->terms = terms;
    o->count = count;
    return op_start(o);
}
