/* search_find.c - see search_find.h
 * SPDX-License-Identifier: MIT */
#include "imap/search_find.h"

#include "imap/message_limit.h"
#include "imap/search_filter.h"
#include "imap/search_sets.h"

#include <time.h>

enum { INIT, BEGIN, ASK, BATCH, MESSAGE, DONE };

enum {
    find_progress = 64,          /* messages between two looks at the clock when only rows are compared */
    find_messages_max = 16 << 20 /* whose mod-sequences or scores are kept: 128 MB; mailboxes have a tenth of that */
};

ll_status search_find_parsed(command *c, const search_keys *keys, ll_status status)
{
    if (status == LL_ECHARSET)
        c->code = "BADCHARSET (US-ASCII UTF-8)";
    if (keys->wrong_charset)
        c->code = "BADCHARSET (US-ASCII UTF-8)";
    if (status == LL_EUNSUPPORTED)
        c->text = keys->why;
    return status;
}

ll_status search_find_check(ll_session *s, command *c, const search_keys *keys)
{
    if (keys->numbers && session_uidonly(s))
        return session_uid_required(c);
    if (keys->filters_count && !session_can(s, metadata)) {
        c->text = "There are no filters here";
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
    keys->now = s->host->now ? s->host->now(s->context) : (int64_t)time(NULL);
    text_init(&f->modseqs, s->allocator, find_messages_max * sizeof(uint64_t));
    text_init(&f->scores, s->allocator, find_messages_max);
}

/* f->found and f->may, the candidates without those; as far as it is known now. */
static ll_status take_bounds(search_find *f)
{
    uidset_del(&f->may);
    uidset_del(&f->found);
    ll_status status = search_sets_bounds(f->keys, &f->s->snap, &f->may, &f->found);
    if (!status)
        uidset_andnot(f->may, f->found);
    return status;
}

/* LL_OK: all was found already, or f->ask is ready to be asked. */
static ll_status begin(search_find *f, ll_session *s, command *c)
{
    search_keys *keys = f->keys;
    if (keys->modseq)
        session_enable_condstore(s); /* RFC 7162 section 3.1 */
    if (!snapshot_count(&s->snap)) { /* nothing matches; "SEARCH 1:*" is what clients send without a thought */
        f->found = uidset_new();
        if (!f->found)
            return LL_ENOMEM;
        return f->learn ? search_known_init(&f->known, keys, s->allocator) : LL_OK;
    }
    ll_status status = search_sets_bind(keys, &s->snap, &c->memory);
    if (!status)
        status = take_bounds(f);
    if (!status)
        status = search_match_init(&f->match, s, keys, &c->memory);
    if (!status && f->learn)
        status = search_known_init(&f->known, keys, s->allocator);
    if (!status)
        status = search_ask_init(&f->ask, s, keys, f->may, &c->memory);
    return status;
}

static ll_status begin_rows(search_find *f, ll_session *s, command *c)
{
    const search_keys *keys = f->keys;
    ll_status status = f->ask.asked ? take_bounds(f) : LL_OK;
    if (!status && (keys->modseq || keys->fuzzy)) { /* of each that is found, something must be known */
        uidset_or(f->may, f->found);
        uidset_del(&f->found);
        f->found = uidset_new();
        status = f->found ? LL_OK : LL_ENOMEM;
    }
    if (status)
        return status;
    if (f->whole) {
        status = message_limit_whole(s, c, (uint64_t)uidset_count(f->may) + uidset_count(f->found));
        if (status)
            return status;
    } else if (message_limit_cut(s, c, f->may)) /* RFC 9738: an honest end, also of what needs no look */
        uidset_remove_range(f->found, (ll_range){1, c->limited - 1});
    bool needed;
    unsigned want = search_ask_want(keys, f->may, &needed);
    needed = needed || keys->modseq;
    uidset *may = f->may;
    f->may = NULL;
    f->total = f->one_of_many ? 0 : uidset_count(may);
    rows_init(&f->rows, s, may, needed, want);
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
        if (f->keys->budget && f->keys->budget->spent)
            return LL_ELIMIT;
        if (f->known.count)
            status = search_known_learn(&f->known, f->keys, row->uid, f->match.lost_now);
        if (status)
            return status;
        if (matches && uidset_has(f->rows.set, row->uid))
            add_found(f, row);
        if (++f->done % find_progress == 0 || f->rows.want & LL_WANT_INDEX)
            session_progress(f->s, f->done, f->total);
        if (search_keys_tired(f->keys) && session_yield(f->s)) {
            f->at++;
            return LL_MORE;
        }
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
        case INIT:
            init(f, s, keys);
            f->phase = BEGIN;
            break;
        case BEGIN:
            status = search_filter_step(keys, s, c);
            if (!status)
                status = search_find_check(s, c, keys); /* again: of what came with filters */
            if (!status)
                status = begin(f, s, c);
            if (status)
                return status;
            f->phase = f->may ? ASK : BATCH;
            break;
        case ASK:
            status = f->ask.terms_count ? search_ask_step(&f->ask, s) : LL_OK;
            if (!status)
                status = begin_rows(f, s, c);
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
            if (status == LL_MORE)
                session_progress(s, f->done, f->total);
            if (status == LL_ELIMIT && f->keys->budget && f->keys->budget->spent)
                c->text =
                    "The pattern takes too long; make it simpler, with fewer repeats inside of repeats, or search "
                    "fewer messages";
            if (status)
                return status;
            f->phase = BATCH;
            if (f->rows.needed && session_yield(s))
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
    uidset_del(&f->may);
    search_ask_fini(&f->ask);
    search_known_fini(&f->known);
    text_fini(&f->modseqs);
    text_fini(&f->scores);
    search_match_fini(&f->match);
    rows_fini(&f->rows);
    f->s = NULL;
}
