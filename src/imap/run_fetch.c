/* run_fetch.c - FETCH and UID FETCH, RFC 3501 section 6.4.5.
 * SPDX-License-Identifier: MIT
 *
 * Batch by batch: rows if the items need any, then the replies, then one STORE of \Seen for those of the batch whose
 * body was sent and which lack it. \Seen comes after the bytes, so that a client that hangs up has not read what it
 * never got; the sync at the command's end tells the new flags. */
#include "imap/parse_fetch.h"
#include "imap/rows.h"
#include "imap/write_message.h"

enum { BEGIN, BATCH, ROW, REPLY, SEEN, SEEN_ASKED };

typedef struct fetch {
    sequence set;
    fetch_items items;
    rows rows;
    write_message writer;
    size_t at;            /* row under way */
    uint32_t uid, number; /* the last message: the next UID has the next number */
    ll_range seen[rows_batch];
    size_t seen_count;
} fetch;

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
    return status ? status : fetch_items_parse(&f->items, in, c->uid, s->limits.fetch_items);
}

static ll_status begin(ll_session *s, command *c, fetch *f)
{
    uidset *uids;
    ll_status status = rows_select(s, c, &f->set, &uids);
    if (status)
        return status;
    rows_init(&f->rows, s, uids, f->items.rows, f->items.index ? LL_WANT_INDEX : 0);
    write_message_init(&f->writer, s, &f->items);
    return LL_OK;
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
    else
        f->seen[f->seen_count++] = (ll_range){uid, uid};
}

/* Replies of the present batch, from f->at on. */
static ll_status reply_batch(ll_session *s, command *c, fetch *f)
{
    for (; f->at < f->rows.count; f->at++) {
        if (c->phase == ROW) {
            const ll_row *row = &f->rows.rows[f->at];
            uint32_t number = number_of(s, f, row->uid);
            if (!number)
                continue;
            write_message_begin(&f->writer, row, number);
            c->phase = REPLY;
        }
        ll_status status = write_message_step(&f->writer);
        if (status)
            return status;
        note_seen(s, f);
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
        c->phase = ROW;
    }
    return status;
}

static ll_status ask_seen(ll_session *s, fetch *f)
{
    return session_asked(s, s->connector->store(s->self, session_call(s), s->mailbox, f->seen, f->seen_count,
                                                LL_FLAGS_ADD, 1u << LL_FLAG_SEEN, NULL, 0));
}

static ll_status finish(command *c, fetch *f)
{
    if (f->writer.lost)
        c->text = "Some of the messages could not be read";
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
    write_message_fini(&f->writer);
    rows_fini(&f->rows);
}
