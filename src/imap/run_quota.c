/* run_quota.c - GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 9208). An account has one quota root, named "".
 * GETQUOTAROOT answers also for a mailbox that does not exist (section 4.1.2: "doesn't have to reference an existing
 * mailbox").
 * SPDX-License-Identifier: MIT */
#include "imap/name.h"
#include "imap/response.h"
#include "imap/session.h"

typedef struct quota_state {
    ll_span root, mailbox; /* mailbox: data is NULL if it is not GETQUOTAROOT */
} quota_state;

ll_status parse_getquota(ll_session *s, command *c, lexer *in)
{
    quota_state *q = c->state = arena_new(&c->memory, sizeof *q);
    (void)s;
    if (!q)
        return LL_ENOMEM;
    return lexer_astring(in, &q->root) ? LL_OK : LL_ESYNTAX;
}

ll_status parse_getquotaroot(ll_session *s, command *c, lexer *in)
{
    quota_state *q = c->state = arena_new(&c->memory, sizeof *q);
    ll_span written;
    if (!q)
        return LL_ENOMEM;
    if (!lexer_astring(in, &written))
        return LL_ESYNTAX;
    ll_status status = session_read_name(s, written, &c->memory, &q->mailbox);
    if (status == LL_EUNSUPPORTED)
        c->text = "Not a mailbox name";
    return status;
}

/* quota-root-name SP "(" [resource-name SP number64 *(SP ...)] ")" */
ll_status parse_setquota(ll_session *s, command *c, lexer *in)
{
    ll_span word;
    uint64_t limit;
    (void)s, (void)c;
    if (!lexer_astring(in, &word) || !lexer_space(in) || !lexer_byte(in, '('))
        return LL_ESYNTAX;
    for (bool first = true; !lexer_byte(in, ')'); first = false)
        if ((!first && !lexer_space(in)) || !lexer_atom(in, &word) || !lexer_space(in) || !lexer_number64(in, &limit))
            return LL_ESYNTAX;
    return LL_OK;
}

/* QUOTASET is not offered: what an account may use is its host's decision. */
ll_status run_setquota(ll_session *s, command *c)
{
    (void)s;
    c->text = "Quota is set by the administrator";
    return LL_EDENIED;
}

static void say_quota(ll_session *s)
{
    session_add(s, SPAN("* QUOTA \"\" ("));
    for (size_t i = 0; i < s->call->quotas_count; i++) {
        const ll_quota *one = &s->call->quotas[i];
        session_say(s, "%s%.*s ", i ? " " : "", SPAN_PRINT(one->resource));
        text_add_u64(&s->output, one->used);
        session_add(s, SPAN(" "));
        text_add_u64(&s->output, one->limit);
    }
    session_add(s, SPAN(")\r\n"));
}

ll_status run_getquota(ll_session *s, command *c)
{
    const quota_state *q = c->state;
    if (!session_can(s, quota))
        return LL_EUNSUPPORTED;
    if (!q->mailbox.data && q->root.size) {
        c->text = "There is no such quota root: the only one is \"\"";
        return LL_ENOTFOUND;
    }
    if (c->phase == 0) {
        c->phase = 1;
        if (session_asked(s, s->connector->quota(s->self, session_call(s))) == LL_LATER)
            return LL_LATER;
    }
    if (s->call->status < 0)
        return session_call_failed(s, c);
    if (q->mailbox.data) {
        session_add(s, SPAN("* QUOTAROOT "));
        session_add_name(s, &s->output, q->mailbox);
        session_add(s, SPAN(" \"\"\r\n"));
    }
    say_quota(s);
    return LL_OK;
}

ll_status run_getquotaroot(ll_session *s, command *c)
{
    return run_getquota(s, c);
}
