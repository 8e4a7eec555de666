/* run_fetch.c - FETCH and UID FETCH, RFC 3501 section 6.4.5, with the modifiers of RFC 7162 and RFC 9394.
 * SPDX-License-Identifier: MIT
 *
 * First the set is made smaller: to a PARTIAL of it, then to what has changed, which the connector is asked. (Then the
 * rows' own mod-sequences decide: a connector may not remember.) Messages that went are named before any FETCH.
 *
 * Then batch by batch: rows if the items need any, then the replies, then one STORE of \Seen for those of the batch
 * whose body was sent and which lack it. \Seen comes after the bytes, so that a client that hangs up has not read what
 * it never got; the sync at the command's end tells the new flags. */
#include "imap/message_limit.h"
#include "imap/notify.h"
#include "imap/parse_fetch.h"
#include "imap/rows.h"
#include "imap/write_message.h"

enum { BEGIN, CHANGES_ASKED, VANISHED, BATCH, ROW, REPLY, SEEN, SEEN_ASKED };

typedef struct fetch {
    sequence set;
    fetch_items items;
    fetch_modifiers modifiers;
    uidset *uids, *vanished; /* owned, until rows begin */
    uint32_t vanished_from;
    rows rows;
    write_message writer;
    size_t at;            /* row under way */
    size_t content;       /* bytes that came with it and with those behind it */
    uint32_t uid, number; /* the last message: the next UID has the next number */
    ll_range seen[rows_batch];
    size_t seen_count;
} fetch;

/* What the connector does not offer is not understood (RFC 8474, RFC 8514). */
static bool items_offered(const ll_session *s, const fetch_items *items)
{
    for (size_t i = 0; i < items->count; i++)
        if (items->items[i].kind == FETCH_SAVEDATE && !session_offers(s, LL_OFFERS_SAVEDATE))
            return false;
    return !items->ids || session_offers(s, LL_OFFERS_OBJECTID);
}

ll_status parse_fetch(ll_session *s, command *c, lexer *in)
{
    ll_span set;
    fetch *f = arena_new(&c->memory, sizeof *f);
    if (!f)
        return arena_status(&c->memory);
    c->state = f;
    if (!lexer_set(in, &set) || !lexer_space(in))
        return LL_ESYNTAX;
    ll_status status = sequence_parse(&f->set, set, s->limits.set_ranges, &c->memory);
    if (!status)
        status = fetch_items_parse(&f->items, in, c->uid && !session_uidonly(s), s->limits.fetch_items);
    if (!status)
        status = fetch_modifiers_parse(&f->modifiers, in, c->uid);
    if (!status && f->modifiers.changed)
        status = fetch_items_add_modseq(&f->items, &c->memory);
    if (!status && !items_offered(s, &f->items))
        return LL_ESYNTAX;
    if (!status && f->items.modseq && !session_can(s, changes))
        c->text = "Mod-sequences are not supported";
    else if (!status && f->modifiers.vanished && !(s->enabled & SESSION_ENABLED_QRESYNC))
        c->text = "VANISHED needs ENABLE QRESYNC"; /* RFC 7162 section 3.2.6 */
    return !status && c->text ? LL_EINVAL : status;
}

/* Keep those whose position is in the range, RFC 9394 section 3.3. */
static void cut_partial(uidset *uids, const fetch_modifiers *by)
{
    uint32_t count = uidset_count(uids), first = by->first, last = by->last < count ? by->last : count;
    if (!count)
        return;
    if (first > last) {
        uidset_remove_range(uids, (ll_range){1, UINT32_MAX});
        return;
    }
    if (by->from_last) {
        uint32_t swap = count + 1 - first;
        first = count + 1 - last;
        last = swap;
    }
    ll_range kept = {uidset_select(uids, first), uidset_select(uids, last)};
    if (kept.first > 1)
        uidset_remove_range(uids, (ll_range){1, kept.first - 1});
    if (kept.last < UINT32_MAX)
        uidset_remove_range(uids, (ll_range){kept.last + 1, UINT32_MAX});
}

/* What the client named that is not there (RFC 7162 section 3.2.6): of what the connector says has gone, or of
 * everything below UIDNEXT if it does not remember. Messages of which the client has not been told yet come later. */
static ll_status find_vanished(const ll_session *s, fetch *f, const uidset *gone)
{
    uint32_t uidnext = ll_view_uidnext(s->snap.view);
    uidset *set = uidset_new();
    f->vanished = set;
    if (!set)
        return LL_ENOMEM;
    for (size_t i = 0; i < f->set.count; i++) {
        uint32_t a = f->set.ranges[i].first, b = f->set.ranges[i].last;
        a = a && a < uidnext ? a : uidnext - 1;
        b = b && b < uidnext ? b : uidnext - 1;
        if (uidnext > 1)
            uidset_add_range(set, a < b ? (ll_range){a, b} : (ll_range){b, a});
    }
    if (gone)
        uidset_and(set, gone);
    uidset_andnot(set, snapshot_uids(&s->snap));
    return LL_OK;
}

/* The connector has said what has changed. */
static ll_status take_changes(ll_session *s, command *c, fetch *f)
{
    static const ll_range all = {1, UINT32_MAX};
    ll_status status = s->call->status;
    if (status < 0 && status != LL_ENOTFOUND)
        return session_call_failed(s, c);
    bool known = status != LL_ENOTFOUND;
    /* what went after the version that the client sees may have changed before; its row will tell */
    if (known && s->call->changed && s->call->vanished)
        uidset_or(s->call->changed, s->call->vanished);
    if (known && s->call->changed)
        uidset_and(f->uids, s->call->changed);
    else if (known && s->call->vanished)
        uidset_and(f->uids, s->call->vanished);
    else if (known)
        uidset_remove_range(f->uids, all);
    if (!f->modifiers.vanished)
        return LL_OK;
    if (known && !s->call->vanished)
        return LL_OK;
    return find_vanished(s, f, known ? s->call->vanished : NULL);
}

static void begin_rows(ll_session *s, command *c, fetch *f)
{
    message_limit_cut(s, c, f->uids);
    rows_init(&f->rows, s, f->uids, f->items.rows, fetch_items_want(&f->items));
    f->uids = NULL;
    if (c->limited)
        rows_descend(&f->rows);
    write_message_init(&f->writer, s, &f->items);
}

static ll_status begin(ll_session *s, command *c, fetch *f)
{
    if (f->items.modseq)
        session_enable_condstore(s);
    ll_status status = rows_select(s, c, &f->set, &f->uids);
    if (status)
        return status;
    if (f->modifiers.partial) {
        cut_partial(f->uids, &f->modifiers);
        status = message_limit_whole(s, c, uidset_count(f->uids)); /* a page is whole or none */
        if (status)
            return status;
    }
    c->phase = VANISHED;
    if (!f->modifiers.changed)
        return LL_OK;
    c->phase = CHANGES_ASKED;
    return session_asked(s, s->connector->changes(s->self, session_call(s), s->mailbox, f->modifiers.since)) == LL_LATER
               ? LL_LATER
               : LL_OK;
}

/* Rank is logarithmic, and most of the time not needed. */
static uint32_t number_of(ll_session *s, fetch *f, uint32_t uid)
{
    f->number = f->number && uid == f->uid + 1 ? f->number + 1 : snapshot_number(&s->snap, uid);
    f->uid = uid;
    return f->number;
}

/* The reply of a message is complete: remember it if its body was sent and it lacks \Seen. */
static void note_seen(ll_session *s, fetch *f)
{
    ll_flags flags;
    uint32_t uid = f->uid;
    if (!f->items.seen || s->readonly || f->writer.failed)
        return;
    if (!snapshot_flags(&s->snap, uid, &flags) || ll_flags_has(&flags, LL_FLAG_SEEN))
        return;
    if (f->seen_count && f->seen[f->seen_count - 1].last + 1 == uid)
        f->seen[f->seen_count - 1].last = uid;
    else if (f->seen_count && f->seen[f->seen_count - 1].first == uid + 1)
        f->seen[f->seen_count - 1].first = uid;
    else
        f->seen[f->seen_count++] = (ll_range){uid, uid};
}

/* Room in an empty output for what will go there, at once: growing would copy it several times. */
static void expect_content(ll_session *s, const fetch *f)
{
    size_t most = (size_t)s->limits.output_bytes;
    if (!s->output.room && f->content > session_output_keep)
        text_grow(&s->output, (f->content < most ? f->content : most) + session_output_keep);
}

/* Replies of the present batch, from f->at on. */
static ll_status reply_batch(ll_session *s, command *c, fetch *f)
{
    for (; f->at < f->rows.count; f->at++) {
        if (c->phase == ROW) {
            const ll_row *row = &f->rows.rows[f->at];
            uint32_t number = number_of(s, f, row->uid);
            if (!number || (f->modifiers.changed && session_modseq(s, row) <= f->modifiers.since)) {
                f->content -= row->content.size;
                continue;
            }
            write_message_begin(&f->writer, row, number);
            c->phase = REPLY;
            c->mid_response = true;
        }
        expect_content(s, f);
        ll_status status = write_message_step(&f->writer);
        if (status)
            return status;
        c->mid_response = false;
        note_seen(s, f);
        f->content -= f->rows.rows[f->at].content.size;
        c->phase = ROW;
    }
    return LL_OK;
}

static ll_status next_batch(ll_session *s, command *c, fetch *f)
{
    ll_status status = rows_next(&f->rows);
    if (status < 0)
        return f->rows.refused ? session_call_failed(s, c) : status;
    if (status == LL_OK) {
        f->at = 0;
        f->seen_count = 0;
        f->content = 0;
        for (size_t i = 0; i < f->rows.count; i++)
            f->content += f->rows.rows[i].content.size;
        c->phase = ROW;
    }
    return status;
}

/* RFC 3501 section 6.4.5: the client hears of \Seen, also if NOTIFY does not ask for what others do to flags. */
static void tell_seen(ll_session *s, command *c, const fetch *f)
{
    if (notify_wants_flags(s))
        return;
    if (!c->sync_force)
        c->sync_force = uidset_new();
    for (size_t i = 0; c->sync_force && i < f->seen_count; i++)
        uidset_add_range(c->sync_force, f->seen[i]);
}

static ll_status ask_seen(ll_session *s, fetch *f)
{
    for (size_t i = 0; f->rows.descending && i < f->seen_count / 2; i++) {
        ll_range swap = f->seen[i];
        f->seen[i] = f->seen[f->seen_count - 1 - i];
        f->seen[f->seen_count - 1 - i] = swap;
    }
    return session_asked(s, s->connector->store(s->self, session_call(s), s->mailbox, f->seen, f->seen_count,
                                                LL_FLAGS_ADD, 1u << LL_FLAG_SEEN, NULL, 0));
}

static ll_status finish(command *c, fetch *f)
{
    if (f->writer.lost)
        c->text = "Some of the messages could not be read";
    if (f->writer.unknown_encoding)
        c->code = "UNKNOWN-CTE";
    return f->writer.lost;
}

ll_status run_fetch(ll_session *s, command *c)
{
    fetch *f = c->state;
    ll_status status = LL_OK;
    for (;;) {
        switch (c->phase) {
        case BEGIN:
            status = begin(s, c, f);
            if (status)
                return status;
            break;
        case CHANGES_ASKED:
            status = take_changes(s, c, f);
            if (status)
                return status;
            f->vanished_from = 1;
            c->phase = VANISHED;
            break;
        case VANISHED:
            status = f->vanished ? session_say_vanished(s, f->vanished, &f->vanished_from, true) : LL_OK;
            if (status)
                return status;
            begin_rows(s, c, f);
            c->phase = BATCH;
            break;
        case BATCH:
            status = next_batch(s, c, f);
            if (status)
                return status;
            if (!f->rows.count)
                return finish(c, f);
            break;
        case ROW:
        case REPLY:
            status = reply_batch(s, c, f);
            if (status)
                return status;
            c->phase = f->seen_count ? SEEN : BATCH;
            break;
        case SEEN:
            c->phase = SEEN_ASKED;
            tell_seen(s, c, f);
            if (ask_seen(s, f) == LL_LATER)
                return LL_LATER;
            break;
        default: /* the bytes have been sent: that \Seen could not be stored does not make the FETCH fail */
            c->phase = BATCH;
        }
    }
}

void drop_fetch(ll_session *s, command *c)
{
    fetch *f = c->state;
    (void)s;
    if (!f)
        return;
    uidset_del(&f->uids);
    uidset_del(&f->vanished);
    write_message_fini(&f->writer);
    rows_fini(&f->rows);
}
