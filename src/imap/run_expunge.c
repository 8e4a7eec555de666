/* run_expunge.c - EXPUNGE (RFC 3501 section 6.4.3) and UID EXPUNGE (RFC 4315 section 2.1).
 * SPDX-License-Identifier: MIT
 *
 * The engine names the messages that this client has seen with \Deleted; the connector removes those that still have
 * it. A message that somebody else marked a moment ago stays, because this client has not been told. The sync at the
 * end tells what is gone. */
#include "imap/message_limit.h"
#include "imap/sequence.h"
#include "imap/session.h"

enum {
    /* Ranges of one question, which is one transaction of the connector: 128 KiB. Every second one of 32,000 messages;
     * only larger sets full of holes need several. */
    expunge_ranges = 16384
};

enum { BEGIN, NEXT, ASKED };

typedef struct expunge {
    bool limited; /* UID EXPUNGE: only these */
    sequence set;
    uidset *uids;
    uidset_walk *walk;
    ll_range *ranges;
} expunge;

static ll_status new_state(command *c)
{
    c->state = arena_new(&c->memory, sizeof(expunge));
    return c->state ? LL_OK : arena_status(&c->memory);
}

ll_status parse_expunge(ll_session *s, command *c, lexer *in)
{
    (void)s;
    (void)in;
    return new_state(c);
}

ll_status parse_uid_expunge(ll_session *s, command *c, lexer *in)
{
    ll_span set;
    ll_status status = new_state(c);
    if (status)
        return status;
    expunge *e = c->state;
    e->limited = true;
    if (!lexer_set(in, &set))
        return LL_ESYNTAX;
    return sequence_parse(&e->set, set, s->limits.set_ranges, &c->memory);
}

static ll_status begin(ll_session *s, command *c, expunge *e)
{
    uidset *only = NULL;
    e->uids = snapshot_with_flag(&s->snap, LL_FLAG_DELETED);
    if (!e->uids)
        return LL_ENOMEM;
    if (e->limited) {
        ll_status status = sequence_uids(&e->set, true, &s->snap, &only);
        if (status)
            return status;
        uidset_and(e->uids, only);
        uidset_del(&only);
        message_limit_cut(s, c, e->uids);
    }
    uint32_t most = uidset_count(e->uids);
    e->ranges = arena_array(&c->memory, most < expunge_ranges ? most + 1 : expunge_ranges, sizeof *e->ranges);
    e->walk = uidset_walk_new(e->uids, 1);
    return e->ranges && e->walk ? LL_OK : LL_ENOMEM;
}

ll_status run_expunge(ll_session *s, command *c)
{
    expunge *e = c->state;
    if (c->phase == BEGIN) {
        ll_status status = begin(s, c, e);
        if (status)
            return status;
        c->reply_modseq = s->enabled & SESSION_ENABLED_QRESYNC && !uidset_empty(e->uids); /* RFC 7162 section 3.2.7 */
        c->phase = NEXT;
    }
    for (;;) {
        if (c->phase == NEXT) {
            size_t count = 0;
            while (count < expunge_ranges && uidset_walk_range(e->walk, UINT32_MAX, &e->ranges[count]))
                count++;
            if (!count)
                return LL_OK;
            c->phase = ASKED;
            if (session_asked(s, s->connector->expunge(s->self, session_call(s), s->mailbox, e->ranges, count)) ==
                LL_LATER)
                return LL_LATER;
        }
        if (s->call->status < 0)
            return session_call_failed(s, c);
        session_progress(s, 0, 0);
        c->phase = NEXT;
    }
}

ll_status run_uid_expunge(ll_session *s, command *c)
{
    return run_expunge(s, c);
}

void drop_expunge(ll_session *s, command *c)
{
    expunge *e = c->state;
    (void)s;
    if (!e)
        return;
    uidset_walk_del(&e->walk);
    uidset_del(&e->uids);
}
