/* rows.c - see rows.h
 * SPDX-License-Identifier: MIT */
#include "imap/rows.h"

#include "base/memory.h"

ll_status rows_select(ll_session *s, command *c, const sequence *set, uidset **uids)
{
    ll_range *ranges;
    size_t count;
    *uids = NULL;
    ll_status status = sequence_resolve(set, c->uid, &s->snap, &c->memory, &ranges, &count);
    if (status == LL_EINVAL)
        c->text = "There is no message of that number";
    if (status)
        return status;
    *uids = sequence_members(ranges, count, &s->snap);
    return *uids ? LL_OK : LL_ENOMEM;
}

void rows_init(rows *r, ll_session *s, uidset *set, bool needed, unsigned want)
{
    *r = (rows){.s = s, .set = set, .needed = needed, .want = want};
    r->batch = want & LL_WANT_INDEX ? rows_batch_index : rows_batch;
    r->reach = want & (LL_WANT_HEADER | LL_WANT_CONTENT | LL_WANT_INDEX) ? rows_reach : 1;
    arena_init(&r->memory, s->allocator, call_memory_max);
}

void rows_descend(rows *r)
{
    r->descending = true;
    r->left = uidset_count(r->set);
    r->reach = 1;
}

static void reverse(rows *r)
{
    for (size_t i = 0; r->descending && i < r->count / 2; i++) {
        ll_row swap = r->rows[i];
        r->rows[i] = r->rows[r->count - 1 - i];
        r->rows[r->count - 1 - i] = swap;
    }
}

static void drop_batch(rows *r)
{
    call_loan_end(&r->loan);
    arena_fini(&r->memory);
    memory_free(r->s->allocator, r->rows);
    r->rows = NULL;
    r->count = r->room = 0;
}

void rows_fini(rows *r)
{
    if (!r->s)
        return;
    drop_batch(r);
    uidset_walk_del(&r->walk);
    uidset_del(&r->set);
    r->s = NULL;
}

/* Take the next UIDs of the set; false at its end. */
static bool next_ranges(rows *r)
{
    size_t count = 0, most = r->descending ? r->taken : r->batch * r->reach;
    r->ranges_count = 0;
    while (count < most && r->ranges_count < rows_batch &&
           uidset_walk_range(r->walk, (uint32_t)(most - count), &r->ranges[r->ranges_count])) {
        const ll_range *range = &r->ranges[r->ranges_count++];
        count += range->last - range->first + 1;
    }
    return count > 0;
}

/* Rows of the UIDs alone. */
static ll_status bare_rows(rows *r)
{
    if (!r->room) {
        r->rows = memory_new(r->s->allocator, rows_batch * sizeof *r->rows);
        if (!r->rows)
            return LL_ENOMEM;
        r->room = rows_batch;
    }
    r->count = 0;
    for (size_t i = 0; i < r->ranges_count; i++)
        for (uint32_t n = 0; n <= r->ranges[i].last - r->ranges[i].first; n++)
            r->rows[r->count++].uid = r->ranges[i].first + n;
    reverse(r);
    return LL_OK;
}

static ll_status ask(rows *r)
{
    ll_session *s = r->s;
    return session_asked(
        s, s->connector->fetch(s->self, session_call(s), s->mailbox, r->ranges, r->ranges_count, r->batch, r->want));
}

/* Take rows and the memory of their indexes out of the call: the next question would clear them. */
static void take_rows(rows *r)
{
    ll_call *call = r->s->call;
    drop_batch(r);
    r->memory = call->memory;
    r->loan = call->loan;
    call->loan = (call_loan){NULL, NULL};
    r->rows = call->rows;
    r->count = call->rows_count;
    r->room = call->rows_room;
    arena_init(&call->memory, call->allocator, call_memory_max);
    call->text = span_of("", 0);
    call->rows = NULL;
    call->rows_count = call->rows_room = 0;
}

/* The next batch begins with the first UID of the set from here on. */
static bool walk_from(rows *r, uint32_t uid)
{
    uidset_walk_del(&r->walk);
    r->walk = uidset_walk_new(r->set, uid);
    return r->walk != NULL;
}

/* One batch was too much (indexes of a megabyte each): try again with less of it. */
static bool ask_less(rows *r)
{
    uint32_t first = r->ranges[0].first;
    if (r->batch == 1)
        return false;
    r->batch = r->batch / 4 ? r->batch / 4 : 1;
    r->left += r->taken;
    r->taken = 0;
    return walk_from(r, first);
}

/* The walk begins with the last batch of those that are left. */
static bool step_down(rows *r)
{
    r->taken = r->left < r->batch ? r->left : (uint32_t)r->batch;
    r->left -= r->taken;
    return !r->taken || walk_from(r, uidset_select(r->set, r->left + 1));
}

/* Rows of which the connector was asked may be left: it said so, or there were as many as could be. What is above the
 * limit is not taken. */
static bool rows_left(const rows *r, ll_call *call)
{
    if (call->rows_count > r->batch)
        call->rows_count = r->batch;
    return call->rows_count && (call->rows_more || (r->reach > 1 && call->rows_count >= r->batch)) &&
           call->rows[call->rows_count - 1].uid < UINT32_MAX;
}

/* The connector has answered. LL_MORE: nothing to show, go on. */
static ll_status answered(rows *r)
{
    ll_status status = r->s->call->status;
    r->asked = false;
    if (status == LL_ELIMIT && ask_less(r))
        return LL_MORE;
    r->refused = status < 0;
    if (status < 0)
        return status;
    bool more = rows_left(r, r->s->call);
    if (more && r->descending && r->batch > 1) { /* those that did not come are higher than those that did */
        r->left += r->taken;
        r->taken = 0;
        r->batch = r->s->call->rows_count < r->batch ? r->s->call->rows_count : r->batch - 1;
        return LL_MORE;
    }
    if (more && !r->descending && !walk_from(r, r->s->call->rows[r->s->call->rows_count - 1].uid + 1))
        return LL_ENOMEM;
    take_rows(r);
    reverse(r);
    return r->count ? LL_OK : LL_MORE;
}

ll_status rows_next(rows *r)
{
    ll_status status = LL_MORE;
    if (!r->walk && !(r->walk = uidset_walk_new(r->set, 1)))
        return LL_ENOMEM;
    while (status == LL_MORE) {
        if (!r->asked) {
            if (r->descending && !step_down(r))
                return LL_ENOMEM;
            if (!next_ranges(r)) {
                r->count = 0;
                return LL_OK;
            }
            if (!r->needed)
                return bare_rows(r);
            r->asked = true;
            if (ask(r) == LL_LATER)
                return LL_LATER;
        }
        status = answered(r);
    }
    return status;
}
