/* run_session.c - the commands about the session itself, from CAPABILITY to UNSELECT.
 * SPDX-License-Identifier: MIT */
#include "imap/capabilities.h"
#include "imap/compress.h"
#include "imap/search_context.h"
#include "imap/session.h"

enum { id_pairs_max = 30 }; /* RFC 2971 section 3.3 */

ll_status parse_none(ll_session *s, command *c, lexer *in)
{
    (void)s, (void)c;
    return lexer_end(in) ? LL_OK : LL_ESYNTAX;
}

ll_status run_none(ll_session *s, command *c)
{
    (void)s, (void)c;
    return LL_OK;
}

ll_status parse_capability(ll_session *s, command *c, lexer *in)
{
    return parse_none(s, c, in);
}

ll_status run_capability(ll_session *s, command *c)
{
    (void)c;
    session_add(s, SPAN("* CAPABILITY "));
    capabilities_add(s, &s->output);
    session_add(s, SPAN("\r\n"));
    return LL_OK;
}

ll_status parse_logout(ll_session *s, command *c, lexer *in)
{
    return parse_none(s, c, in);
}

ll_status run_logout(ll_session *s, command *c)
{
    (void)c;
    session_add(s, SPAN("* BYE Logging out\r\n"));
    s->end_after = true;
    return LL_OK;
}

/* id_param_list: "(" string SP nstring *(SP string SP nstring) ")" / NIL. What the client says of itself is not kept.
 */
ll_status parse_id(ll_session *s, command *c, lexer *in)
{
    ll_span field, value;
    (void)s, (void)c;
    if (lexer_is_word(in, "NIL"))
        return LL_OK;
    if (!lexer_byte(in, '('))
        return LL_ESYNTAX;
    if (lexer_byte(in, ')')) /* not in the grammar, but clients send it */
        return LL_OK;
    for (unsigned i = 0; i < id_pairs_max; i++) {
        if (!lexer_string(in, &field) || !lexer_space(in) || !lexer_nstring(in, &value))
            return LL_ESYNTAX;
        if (lexer_byte(in, ')'))
            return LL_OK;
        if (!lexer_space(in))
            return LL_ESYNTAX;
    }
    return LL_ESYNTAX;
}

ll_status run_id(ll_session *s, command *c)
{
    (void)c;
    session_add(s, SPAN("* ID (\"name\" \"Letterlock\")\r\n"));
    return LL_OK;
}

/* What can be enabled, in the order in which it is said. */
static const struct {
    const char *name;
    unsigned bits;
    bool modseq; /* needs a connector with mod-sequences */
} enable_items[] = {
    {"CONDSTORE", SESSION_ENABLED_CONDSTORE, true},                         /* RFC 7162 section 3.1 */
    {"QRESYNC", SESSION_ENABLED_QRESYNC | SESSION_ENABLED_CONDSTORE, true}, /* section 3.2.3 */
    {"IMAP4rev2", SESSION_ENABLED_REV2, false},                             /* RFC 9051 section 6.3.1 */
    {"UTF8=ACCEPT", SESSION_ENABLED_UTF8, false},                           /* RFC 6855 section 3 */
    {"UIDONLY", SESSION_ENABLED_UIDONLY, false},                            /* RFC 9586 section 3.1 */
};
enum { enable_items_count = sizeof enable_items / sizeof enable_items[0] };

typedef struct enable_state {
    bool wanted[enable_items_count];
} enable_state;

ll_status parse_enable(ll_session *s, command *c, lexer *in)
{
    ll_span capability;
    enable_state *e = c->state = arena_new(&c->memory, sizeof *e);
    if (!e)
        return LL_ENOMEM;
    do {
        if (!lexer_atom(in, &capability))
            return LL_ESYNTAX;
        for (unsigned i = 0; i < enable_items_count; i++)
            if (span_equal_nocase(capability, span_str(enable_items[i].name)) &&
                (!enable_items[i].modseq || session_can(s, changes)))
                e->wanted[i] = true;
    } while (lexer_space(in));
    return LL_OK;
}

/* RFC 5161 section 3.1: what is not known is passed over. */
ll_status run_enable(ll_session *s, command *c)
{
    const enable_state *e = c->state;
    unsigned bits = 0;
    session_add(s, SPAN("* ENABLED"));
    for (unsigned i = 0; i < enable_items_count; i++)
        if (e->wanted[i]) {
            bits |= enable_items[i].bits;
            session_say(s, " %s", enable_items[i].name);
        }
    session_add(s, SPAN("\r\n"));
    if (bits & SESSION_ENABLED_CONDSTORE)
        session_enable_condstore(s);
    s->enabled |= bits;
    if (bits & SESSION_ENABLED_UIDONLY) /* it knows no numbers any more */
        search_context_drop_numbers(s);
    if (bits & SESSION_ENABLED_REV2) /* it knows no \Recent */
        uidset_del(&s->snap.recent);
    return LL_OK;
}

ll_status parse_starttls(ll_session *s, command *c, lexer *in)
{
    if (s->secure) {
        c->text = "TLS is active already";
        return LL_EINVAL;
    }
    if (!s->host->start_tls) {
        c->text = "TLS is not offered";
        return LL_EINVAL;
    }
    return parse_none(s, c, in);
}

ll_status run_starttls(ll_session *s, command *c)
{
    c->text = "Begin TLS negotiation now";
    s->start_tls_after = true;
    return LL_OK;
}

ll_status parse_namespace(ll_session *s, command *c, lexer *in)
{
    return parse_none(s, c, in);
}

ll_status run_namespace(ll_session *s, command *c)
{
    (void)c;
    session_add(s, SPAN("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n"));
    return LL_OK;
}

ll_status parse_close(ll_session *s, command *c, lexer *in)
{
    return parse_none(s, c, in);
}

/* RFC 3501 section 6.4.2: what is \Deleted goes, without a word. What came after this client last looked stays. */
ll_status run_close(ll_session *s, command *c)
{
    if (c->phase == 0) {
        ll_range *range = arena_new(&c->memory, sizeof *range);
        if (!range)
            return LL_ENOMEM;
        *range = (ll_range){1, uidset_last(snapshot_uids(&s->snap))};
        c->phase = 1;
        s->call->status = LL_OK;
        if (!s->readonly && range->last &&
            session_asked(s, s->connector->expunge(s->self, session_call(s), s->mailbox, range, 1)) == LL_LATER)
            return LL_LATER;
    }
    if (s->call->status < 0 && s->call->status != LL_ENOTFOUND) /* a mailbox that is gone is closed by that */
        return session_call_failed(s, c);
    session_unselect(s);
    return LL_OK;
}

ll_status parse_unselect(ll_session *s, command *c, lexer *in)
{
    return parse_none(s, c, in);
}

ll_status run_unselect(ll_session *s, command *c)
{
    (void)c;
    session_unselect(s);
    return LL_OK;
}

/* RFC 4978 section 3 */
ll_status parse_compress(ll_session *s, command *c, lexer *in)
{
    ll_span mechanism;
    if (!lexer_atom(in, &mechanism))
        return LL_ESYNTAX;
    c->text = s->compress ? "Compression is active already" : NULL;
    if (s->compress)
        return LL_EINVAL;
    c->text = "Only DEFLATE is known";
    if (!span_equal_nocase(mechanism, SPAN("DEFLATE")))
        return LL_EINVAL;
    c->text = NULL;
    return LL_OK;
}

ll_status run_compress(ll_session *s, command *c)
{
    ll_status status = compress_new(&s->compress, s->allocator);
    if (status)
        return status;
    s->compress_after = true;
    c->text = "DEFLATE active";
    return LL_OK;
}

ll_status parse_unauthenticate(ll_session *s, command *c, lexer *in)
{
    if (!session_host_can(s, unauthenticated)) {
        c->text = "Not offered here";
        return LL_EINVAL;
    }
    return parse_none(s, c, in);
}

/* RFC 8437. What the connection has become by compression cannot be undone where the client might already be sending
 * without it: then it ends, as section 3 allows. */
ll_status run_unauthenticate(ll_session *s, command *c)
{
    (void)c;
    if (s->compress) {
        session_bye(s, "Connect again: the compression stays");
        return LL_MORE;
    }
    session_forget_login(s);
    return LL_OK;
}
