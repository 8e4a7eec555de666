/* run_copy.c - COPY (RFC 3501 section 6.4.7) and MOVE (RFC 6851), both with their UID forms and COPYUID (RFC 4315
 * section 3). SPDX-License-Identifier: MIT
 *
 * All or nothing, so the connector gets the whole set in one question. */
#include "imap/message_limit.h"
#include "imap/name.h"
#include "imap/notify.h"
#include "imap/rows.h"

enum {
    copy_code_max = 262144 /* bytes of one COPYUID: 20,000 messages in no order at all; what is longer is left out, as
                              the RFC permits */
};

enum { BEGIN, ASKED };

typedef struct copy {
    sequence set;
    ll_span to;
} copy;

ll_status parse_copy(ll_session *s, command *c, lexer *in)
{
    ll_span set, name;
    copy *cp = arena_new(&c->memory, sizeof *cp);
    if (!cp)
        return arena_status(&c->memory);
    c->state = cp;
    if (!lexer_set(in, &set) || !lexer_space(in))
        return LL_ESYNTAX;
    ll_status status = sequence_parse(&cp->set, set, s->limits.set_ranges, &c->memory);
    if (status)
        return status;
    if (!lexer_astring(in, &name))
        return LL_ESYNTAX;
    if (!lexer_end(in)) /* before the name is looked at: BAD goes before NO */
        return LL_ESYNTAX;
    return session_read_name(s, name, &c->memory, &cp->to);
}

ll_status parse_move(ll_session *s, command *c, lexer *in)
{
    return parse_copy(s, c, in);
}

/* One side of COPYUID: the numbers in the order of the messages, runs of consecutive ones joined. */
static void write_side(text *out, const ll_call *call, bool source)
{
    for (size_t i = 0; i < call->placed_count;) {
        uint32_t first = source ? call->placed[i].source : call->placed[i].uid, last = first;
        for (i++; i < call->placed_count && last < UINT32_MAX; i++, last++)
            if ((source ? call->placed[i].source : call->placed[i].uid) != last + 1)
                break;
        if (out->size && out->data[out->size - 1] != ' ')
            text_add_byte(out, ',');
        text_add_u64(out, first);
        if (last == first)
            continue;
        text_add_byte(out, ':');
        text_add_u64(out, last);
    }
}

/* "COPYUID uidvalidity sources targets" in the command's memory; NULL: nothing was placed, or it is too long. */
static const char *copyuid(ll_session *s, command *c)
{
    text code;
    const char *kept = NULL;
    if (!s->call->placed_count)
        return NULL;
    text_init(&code, s->allocator, copy_code_max);
    text_print(&code, "COPYUID %u ", s->call->placed[0].uidvalidity);
    write_side(&code, s->call, true);
    text_add_byte(&code, ' ');
    write_side(&code, s->call, false);
    if (!text_status(&code))
        kept = arena_copy(&c->memory, text_span(&code)).data;
    text_fini(&code);
    return kept;
}

static ll_status set_ranges(ll_session *s, command *c, bool move, ll_range **ranges, size_t *count)
{
    copy *cp = c->state;
    uidset *uids;
    ll_status status = rows_select(s, c, &cp->set, &uids);
    if (status)
        return status;
    if (move) /* in part it is done for that part; a COPY would leave doubles when it is tried again */
        message_limit_cut(s, c, uids);
    else
        status = message_limit_copy(s, c, uids);
    if (!status)
        status = sequence_ranges(uids, &c->memory, ranges, count);
    uidset_del(&uids);
    return status;
}

static ll_status run(ll_session *s, command *c, bool move)
{
    if (!session_can(s, copy))
        return LL_EREADONLY;
    if (c->phase == BEGIN) {
        const copy *cp = c->state;
        ll_range *ranges;
        size_t count;
        ll_status status = set_ranges(s, c, move, &ranges, &count);
        if (status || !count)
            return status;
        c->phase = ASKED;
        if (session_asked(s, s->connector->copy(s->self, session_call(s), s->mailbox, ranges, count, cp->to, move)) ==
            LL_LATER)
            return LL_LATER;
    }
    if (s->call->status < 0)
        return session_call_failed(s, c);
    notify_own_messages(s, ((const copy *)c->state)->to);
    c->code = copyuid(s, c);
    if (!move || !c->code)
        return LL_OK;
    c->reply_modseq = s->enabled & SESSION_ENABLED_QRESYNC; /* RFC 7162 section 3.2.7, for what MOVE expunges too */
    session_say(s, "* OK [%s] Moved\r\n", c->code);         /* RFC 6851 section 4.3: before the EXPUNGEs */
    c->code = NULL;
    return LL_OK;
}

ll_status run_copy(ll_session *s, command *c)
{
    return run(s, c, false);
}

ll_status run_move(ll_session *s, command *c)
{
    return run(s, c, true);
}

void drop_copy(ll_session *s, command *c)
{
    (void)s;
    (void)c;
}
