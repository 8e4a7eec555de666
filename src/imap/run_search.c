/* run_search.c - SEARCH and UID SEARCH, RFC 3501 section 6.4.4.
 * SPDX-License-Identifier: MIT
 *
 * First the snapshot's sets: most searches end there, or are down to a few candidates. Those are asked one by one. */
#include "imap/rows.h"
#include "imap/search_match.h"
#include "imap/search_sets.h"

enum { BEGIN, BATCH, MESSAGE, REPLY, NUMBERS };

typedef struct search {
    search_keys keys;
    uidset *found;
    rows rows;
    search_match match;
    size_t at; /* row under way */
    bool begun;
    uidset_walk *walk; /* of what is being told */
} search;

ll_status parse_search(ll_session *s, command *c, lexer *in)
{
    search *x = arena_new(&c->memory, sizeof *x);
    if (!x)
        return arena_status(&c->memory);
    c->state = x;
    ll_status status = search_keys_parse(&x->keys, in, s->limits.search_keys, s->limits.set_ranges);
    if (status == LL_ECHARSET)
        c->code = "BADCHARSET (US-ASCII UTF-8)";
    return status;
}

static ll_status begin(ll_session *s, command *c, search *x)
{
    uidset *may = NULL;
    ll_status status = LL_OK;
    if (!snapshot_count(&s->snap)) { /* nothing matches; "SEARCH 1:*" is what clients send without a thought */
        x->found = uidset_new();
        return x->found ? LL_OK : LL_ENOMEM;
    }
    status = search_sets_bind(&x->keys, &s->snap, &c->memory);
    if (!status)
        status = search_sets_bounds(&x->keys, &s->snap, &may, &x->found);
    if (!status)
        status = search_match_init(&x->match, s, &x->keys, &c->memory);
    if (status) {
        c->text = status == LL_EINVAL ? "There is no message of that number" : NULL;
        uidset_del(&may);
        return status;
    }
    uidset_andnot(may, x->found);
    rows_init(&x->rows, s, may, x->keys.rows, x->keys.index ? LL_WANT_INDEX : 0);
    return LL_OK;
}

/* The rows of the present batch, from x->at on. */
static ll_status match_batch(search *x)
{
    for (; x->at < x->rows.count; x->at++) {
        const ll_row *row = &x->rows.rows[x->at];
        bool matches;
        if (!x->begun)
            search_match_begin(&x->match, row);
        x->begun = true;
        ll_status status = search_match_step(&x->match, &matches);
        if (status)
            return status;
        x->begun = false;
        if (matches && uidset_has(x->rows.set, row->uid))
            uidset_add(x->found, row->uid);
    }
    return LL_OK;
}

static ll_status next_batch(ll_session *s, command *c, search *x)
{
    ll_status status = x->rows.s ? rows_next(&x->rows) : LL_OK;
    if (status < 0)
        return x->rows.refused ? session_call_failed(s, c) : status;
    x->at = 0;
    return status;
}

static ll_status tell_numbers(ll_session *s, command *c, search *x)
{
    ll_range range;
    while (!session_full(s)) {
        if (!uidset_walk_range(x->walk, 1024, &range)) { /* a piece of output */
            session_add(s, SPAN("\r\n"));
            return LL_OK;
        }
        uint32_t first = c->uid ? range.first : snapshot_number(&s->snap, range.first);
        for (uint32_t n = 0; n <= range.last - range.first; n++) {
            text_add_byte(&s->output, ' ');
            text_add_u64(&s->output, first + n);
        }
    }
    return LL_MORE;
}

ll_status run_search(ll_session *s, command *c)
{
    search *x = c->state;
    ll_status status;
    for (;;) {
        switch (c->phase) {
        case BEGIN:
            status = begin(s, c, x);
            if (status)
                return status;
            c->phase = BATCH;
            break;
        case BATCH:
            status = next_batch(s, c, x);
            if (status)
                return status;
            c->phase = x->rows.count ? MESSAGE : REPLY;
            break;
        case MESSAGE:
            status = match_batch(x);
            if (status)
                return status;
            c->phase = BATCH;
            break;
        case REPLY:
            x->walk = uidset_walk_new(x->found, 1);
            if (!x->walk)
                return LL_ENOMEM;
            session_add(s, SPAN("* SEARCH"));
            if (x->match.lost)
                c->text = "SEARCH completed, but some messages could not be read";
            c->phase = NUMBERS;
            break;
        default:
            return tell_numbers(s, c, x);
        }
    }
}

void drop_search(ll_session *s, command *c)
{
    search *x = c->state;
    (void)s;
    if (!x)
        return;
    uidset_walk_del(&x->walk);
    uidset_del(&x->found);
    search_match_fini(&x->match);
    rows_fini(&x->rows);
}
