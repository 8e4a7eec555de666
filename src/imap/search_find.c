/* search_find.c - see search_find.h
 * SPDX-License-Identifier: MIT */
#include "imap/search_find.h"

#include "imap/search_sets.h"

#include <time.h>

enum { BEGIN, BATCH, MESSAGE, DONE };

enum {
    find_messages_max = 16 << 20 /* whose mod-sequences or scores are kept: 128 MB; mailboxes have a tenth of that */
};

ll_status search_find_check(ll_session *s, command *c, const search_keys *keys)
{
    if (keys->numbers && s->enabled & SESSION_ENABLED_UIDONLY) { /* RFC 9586 section 3.3 */
        c->code = "UIDREQUIRED";
        c->text = "Message numbers are off";
        return LL_EINVAL;
    }
    if (keys->modseq && !session_can(s, changes)) {
        c->text = "There are no mod-sequences here";
        return LL_EINVAL;
    }
    return LL_OK;
}

static void init(search_find *f, ll_session *s, search_keys *keys)
{
    f->s = s;
    f->keys = keys;
    if (keys->modseq)
        session_enable_condstore(s); /* RFC 7162 section 3.1 */
    keys->now = s->host->now ? s->host->now(s->context) : (int64_t)time(NULL);
    text_init(&f->modseqs, s->allocator, find_messages_max * sizeof(uint64_t));
    text_init(&f->scores, s->allocator, find_messages_max);
}

/* What must be asked of the connector for the candidates. */
static unsigned wanted(const search_keys *keys)
{
    return (keys->index ? (unsigned)LL_WANT_INDEX : 0u) | (keys->ids ? (unsigned)LL_WANT_IDS : 0u);
}

static ll_status begin(search_find *f, ll_session *s, command *c)
{
    uidset *may = NULL;
    search_keys *keys = f->keys;
    if (!snapshot_count(&s->snap)) { /* nothing matches; "SEARCH 1:*" is what clients send without a thought */
        f->found = uidset_new();
        return f->found ? LL_OK : LL_ENOMEM;
    }
    ll_status status = search_sets_bind(keys, &s->snap, &c->memory);
    if (!status)
        status = search_sets_bounds(keys, &s->snap, &may, &f->found);
    if (!status)
        status = search_match_init(&f->match, s, keys, &c->memory);
    if (!status && (keys->modseq || keys->fuzzy)) { /* of each that is found, something must be known */
        uidset_or(may, f->found);
        uidset_del(&f->found);
        f->found = uidset_new();
        status = f->found ? LL_OK : LL_ENOMEM;
    }
    if (status) {
        uidset_del(&may);
        return status;
    }
    uidset_andnot(may, f->found);
    rows_init(&f->rows, s, may, keys->rows, wanted(keys));
    return LL_OK;
}

static void add_found(search_find *f, const ll_row *row)
{
    uidset_add(f->found, row->uid);
    if (f->keys->modseq) {
        uint64_t modseq = session_modseq(f->s, row);
        text_add(&f->modseqs, span_of((const char *)&modseq, sizeof modseq));
        f->modseq = modseq > f->modseq ? modseq : f->modseq;
    }
    if (f->keys->fuzzy)
        text_add_byte(&f->scores, (char)search_keys_score(f->keys));
}

/* The rows of the present batch, from f->at on. */
static ll_status match_batch(search_find *f)
{
    for (; f->at < f->rows.count; f->at++) {
        const ll_row *row = &f->rows.rows[f->at];
        bool matches;
        if (!f->begun)
            search_match_begin(&f->match, row);
        f->begun = true;
        ll_status status = search_match_step(&f->match, &matches);
        if (status)
            return status;
        f->begun = false;
        if (matches && uidset_has(f->rows.set, row->uid))
            add_found(f, row);
    }
    return text_status(&f->modseqs) ? text_status(&f->modseqs) : text_status(&f->scores);
}

static ll_status next_batch(search_find *f, ll_session *s, command *c)
{
    ll_status status = f->rows.s ? rows_next(&f->rows) : LL_OK;
    if (status < 0)
        return f->rows.refused ? session_call_failed(s, c) : status;
    f->at = 0;
    return status;
}

ll_status search_find_step(search_find *f, ll_session *s, command *c, search_keys *keys)
{
    ll_status status;
    for (;;) {
        switch (f->phase) {
        case BEGIN:
            init(f, s, keys);
            status = begin(f, s, c);
            if (status)
                return status;
            f->phase = BATCH;
            break;
        case BATCH:
            status = next_batch(f, s, c);
            if (status)
                return status;
            f->phase = f->rows.count ? MESSAGE : DONE;
            break;
        case MESSAGE:
            status = match_batch(f);
            if (status)
                return status;
            f->phase = BATCH;
            if (f->keys->rows && session_yield(s))
                return LL_MORE;
            break;
        default:
            return LL_OK;
        }
    }
}

const char *search_find_lost(const search_find *f, const char *remark)
{
    return f->match.lost ? remark : NULL;
}

void search_find_fini(search_find *f)
{
    if (!f->s)
        return;
    uidset_del(&f->found);
    text_fini(&f->modseqs);
    text_fini(&f->scores);
    search_match_fini(&f->match);
    rows_fini(&f->rows);
    f->s = NULL;
}
