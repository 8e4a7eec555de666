/* run_mailbox.c - the commands about mailboxes as a whole (RFC 3501 section 6.3, RFC 6154), but LIST.
 * SPDX-License-Identifier: MIT */
#include "imap/name.h"
#include "imap/notify.h"
#include "imap/old_name.h"
#include "imap/response.h"
#include "imap/session.h"
#include "imap/special.h"
#include "imap/status.h"

typedef struct mailbox_state {
    ll_span name, to;            /* as the engine has them */
    ll_span written, to_written; /* as the client wrote them */
    unsigned attributes;         /* CREATE */
    status_items items;          /* STATUS */
} mailbox_state;

/* --- parsing --- */

static ll_status bad_name(command *c, ll_status status)
{
    if (status == LL_EUNSUPPORTED)
        c->text = "Not a mailbox name";
    else if (status == LL_ELIMIT)
        c->text = "Mailbox name is too long or too deep";
    return status;
}

static ll_status take_name(ll_session *s, command *c, lexer *in, ll_span *written, ll_span *name)
{
    if (!lexer_astring(in, written))
        return LL_ESYNTAX;
    return bad_name(c, session_read_name(s, *written, &c->memory, name));
}

static ll_status parse_name(ll_session *s, command *c, lexer *in)
{
    mailbox_state *m = c->state = arena_new(&c->memory, sizeof *m);
    return m ? take_name(s, c, in, &m->written, &m->name) : LL_ENOMEM;
}

/* create-param = "(" "USE" SP "(" [use-attr *(SP use-attr)] ")" ")", RFC 6154 section 6 */
static ll_status take_use(command *c, lexer *in, unsigned *attributes)
{
    ll_span flag;
    if (!lexer_byte(in, '(') || !lexer_is_word(in, "USE") || !lexer_space(in) || !lexer_byte(in, '('))
        return LL_ESYNTAX;
    for (bool first = true; !lexer_byte(in, ')'); first = false) {
        if (!first && !lexer_space(in))
            return LL_ESYNTAX;
        if (!lexer_flag(in, &flag))
            return LL_ESYNTAX;
        unsigned one = special_attribute(flag);
        if (!one) {
            c->code = "USEATTR";
            c->text = "This use is not supported";
            return LL_EUNSUPPORTED;
        }
        *attributes |= one;
    }
    return lexer_byte(in, ')') ? LL_OK : LL_ESYNTAX;
}

ll_status parse_create(ll_session *s, command *c, lexer *in)
{
    mailbox_state *m = c->state = arena_new(&c->memory, sizeof *m);
    if (!m)
        return LL_ENOMEM;
    if (!lexer_astring(in, &m->written))
        return LL_ESYNTAX;
    if (m->written.size > 1 && m->written.data[m->written.size - 1] == '/')
        m->written.size--; /* "there will be names below it": RFC 3501 section 6.3.3 */
    ll_status status = bad_name(c, session_read_name(s, m->written, &c->memory, &m->name));
    if (!status && lexer_space(in))
        status = take_use(c, in, &m->attributes);
    return status;
}

ll_status parse_delete(ll_session *s, command *c, lexer *in)
{
    return parse_name(s, c, in);
}

ll_status parse_rename(ll_session *s, command *c, lexer *in)
{
    ll_status status = parse_name(s, c, in);
    mailbox_state *m = c->state;
    if (status)
        return status;
    return lexer_space(in) ? take_name(s, c, in, &m->to_written, &m->to) : LL_ESYNTAX;
}

ll_status parse_subscribe(ll_session *s, command *c, lexer *in)
{
    return parse_name(s, c, in);
}

ll_status parse_unsubscribe(ll_session *s, command *c, lexer *in)
{
    return parse_name(s, c, in);
}

/* --- commands that only ask --- */

/* It is done, and no news to this client. */
static void note_deed(ll_session *s, const command *c)
{
    const mailbox_state *m = c->state;
    bool subscription = c->row->step == run_subscribe || c->row->step == run_unsubscribe;
    if (c->row->step == run_status)
        return;
    notify_own(s, m->name, subscription ? NOTIFY_SUBSCRIPTION : NOTIFY_NAME);
    if (m->to.size)
        notify_own(s, m->to, NOTIFY_NAME);
}

static ll_status answered(ll_session *s, command *c)
{
    if (s->call->status < 0)
        return session_call_failed(s, c);
    note_deed(s, c);
    return LL_OK;
}

/* c->phase was 0 and the question has been put. */
static ll_status asked(ll_session *s, command *c, ll_status status)
{
    c->phase = 1;
    return session_asked(s, status) == LL_LATER ? LL_LATER : answered(s, c);
}

static ll_status no(command *c, const char *code, const char *human)
{
    c->code = code;
    c->text = human;
    return LL_EDENIED;
}

static bool is_the_inbox(ll_span name)
{
    return span_equal(name, SPAN("INBOX"));
}

ll_status run_create(ll_session *s, command *c)
{
    mailbox_state *m = c->state;
    if (!c->phase && is_the_inbox(m->name))
        return LL_EEXISTS;
    if (!session_can(s, create))
        return LL_EREADONLY;
    ll_status status =
        c->phase ? answered(s, c) : asked(s, c, s->connector->create(s->self, session_call(s), m->name, m->attributes));
    if (status == LL_EUNSUPPORTED && m->attributes)
        c->code = "USEATTR"; /* RFC 6154 section 3 */
    if (!status)
        old_name_say(s, "", m->name, m->written);
    if (!status && s->call->mailbox_id.data)
        c->code = command_print(c, "MAILBOXID (%.*s)", SPAN_PRINT(s->call->mailbox_id)); /* RFC 8474 section 4.1 */
    return status;
}

static ll_status remove_mailbox(ll_session *s, command *c, const mailbox_state *m)
{
    if (c->phase)
        return answered(s, c);
    if (is_the_inbox(m->name))
        return no(c, "CANNOT", "INBOX stays");
    if (!session_can(s, remove))
        return LL_EREADONLY;
    return asked(s, c, s->connector->remove(s->self, session_call(s), m->name));
}

ll_status run_delete(ll_session *s, command *c)
{
    const mailbox_state *m = c->state;
    ll_status status = remove_mailbox(s, c, m);
    if (!status)
        old_name_say(s, "\\NonExistent", m->name, m->written);
    return status;
}

static ll_status rename_mailbox(ll_session *s, command *c, const mailbox_state *m)
{
    if (c->phase)
        return answered(s, c);
    if (is_the_inbox(m->to) || span_equal(m->name, m->to))
        return LL_EEXISTS;
    bool below = m->to.size > m->name.size && m->to.data[m->name.size] == '/' &&
                 span_equal(span_first(m->to, m->name.size), m->name);
    if (below && !is_the_inbox(m->name))
        return no(c, "CANNOT", "A mailbox cannot move below itself");
    if (!session_can(s, rename))
        return LL_EREADONLY;
    return asked(s, c, s->connector->rename(s->self, session_call(s), m->name, m->to));
}

/* RFC 9051 section 6.3.6: either name may be another than was written. The INBOX stays, so it is no old name. */
ll_status run_rename(ll_session *s, command *c)
{
    const mailbox_state *m = c->state;
    ll_status status = rename_mailbox(s, c, m);
    bool differs = old_name_differs(s, m->name, m->written) || old_name_differs(s, m->to, m->to_written);
    if (!status && differs && !is_the_inbox(m->name))
        old_name_say(s, "", m->to, m->written);
    return status;
}

static ll_status subscribe(ll_session *s, command *c, bool on)
{
    const mailbox_state *m = c->state;
    if (!session_can(s, subscribe))
        return LL_EREADONLY;
    return c->phase ? answered(s, c) : asked(s, c, s->connector->subscribe(s->self, session_call(s), m->name, on));
}

ll_status run_subscribe(ll_session *s, command *c)
{
    return subscribe(s, c, true);
}

ll_status run_unsubscribe(ll_session *s, command *c)
{
    return subscribe(s, c, false);
}

/* --- STATUS --- */

ll_status parse_status(ll_session *s, command *c, lexer *in)
{
    ll_status status = parse_name(s, c, in);
    mailbox_state *m = c->state;
    if (status)
        return status;
    return lexer_space(in) && status_take_items(s, in, &m->items) ? LL_OK : LL_ESYNTAX;
}

ll_status run_status(ll_session *s, command *c)
{
    mailbox_state *m = c->state;
    ll_status status = c->phase ? answered(s, c) : asked(s, c, s->connector->status(s->self, session_call(s), m->name));
    if (status)
        return status;
    if (status_enables_condstore(&m->items))
        session_enable_condstore(s);
    status_say(s, m->name, &m->items, s->call);
    return LL_OK;
}
