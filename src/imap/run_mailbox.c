/* run_mailbox.c - the commands about mailboxes as a whole (RFC 3501 section 6.3, RFC 6154), but LIST.
 * SPDX-License-Identifier: MIT */
#include "imap/name.h"
#include "imap/response.h"
#include "imap/session.h"
#include "imap/special.h"

typedef struct mailbox_state {
    ll_span name, to;
    unsigned attributes; /* CREATE */
    unsigned items;      /* STATUS */
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

static ll_status take_name(ll_session *s, command *c, lexer *in, ll_span *name)
{
    ll_span written;
    if (!lexer_astring(in, &written))
        return LL_ESYNTAX;
    return bad_name(c, name_read(written, &s->limits, &c->memory, name));
}

static ll_status parse_name(ll_session *s, command *c, lexer *in)
{
    mailbox_state *m = c->state = arena_new(&c->memory, sizeof *m);
    return m ? take_name(s, c, in, &m->name) : LL_ENOMEM;
}

ll_status parse_select(ll_session *s, command *c, lexer *in)
{
    ll_status status = parse_name(s, c, in);
    if (status && status != LL_ESYNTAX)
        session_unselect(s); /* a failed SELECT leaves no mailbox, RFC 3501 section 6.3.1 */
    return status;
}

ll_status parse_examine(ll_session *s, command *c, lexer *in)
{
    return parse_select(s, c, in);
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
    ll_span written;
    if (!m)
        return LL_ENOMEM;
    if (!lexer_astring(in, &written))
        return LL_ESYNTAX;
    if (written.size > 1 && written.data[written.size - 1] == '/')
        written.size--; /* "there will be names below it": RFC 3501 section 6.3.3 */
    ll_status status = bad_name(c, name_read(written, &s->limits, &c->memory, &m->name));
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
    return lexer_space(in) ? take_name(s, c, in, &m->to) : LL_ESYNTAX;
}

ll_status parse_subscribe(ll_session *s, command *c, lexer *in)
{
    return parse_name(s, c, in);
}

ll_status parse_unsubscribe(ll_session *s, command *c, lexer *in)
{
    return parse_name(s, c, in);
}

/* --- SELECT and EXAMINE --- */

static uint32_t first_unseen(const ll_view *view)
{
    const uidset *seen = view_flag(view, LL_FLAG_SEEN);
    if (!seen)
        return uidset_first(view_uids(view));
    if (!ll_view_unseen(view))
        return 0;
    uidset *unseen = uidset_copy(view_uids(view));
    if (!unseen)
        return 0;
    uidset_andnot(unseen, seen);
    uint32_t first = uidset_first(unseen);
    uidset_del(&unseen);
    return first;
}

static void describe(ll_session *s)
{
    const ll_view *view = s->snap.view;
    session_add(s, SPAN("* FLAGS "));
    response_flags_known(&s->output, view, false);
    session_add(s, SPAN("\r\n* OK [PERMANENTFLAGS "));
    if (s->readonly)
        session_add(s, SPAN("()"));
    else
        response_flags_known(&s->output, view, true);
    session_say(s, "] %s\r\n", s->readonly ? "Read-only" : "Flags that can be kept");
    session_say(s, "* %u EXISTS\r\n* %u RECENT\r\n", snapshot_count(&s->snap), snapshot_recent_count(&s->snap));
    uint32_t unseen = first_unseen(view);
    if (unseen)
        session_say(s, "* OK [UNSEEN %u] First unseen\r\n", snapshot_number(&s->snap, unseen));
    session_say(s, "* OK [UIDVALIDITY %u] UIDs are valid\r\n", ll_view_uidvalidity(view));
    session_say(s, "* OK [UIDNEXT %u] Next UID\r\n", ll_view_uidnext(view));
}

/* The call has opened a mailbox: it becomes the session's. */
static ll_status enter(ll_session *s, command *c)
{
    uint32_t recent_first = 0;
    s->mailbox = s->call->mailbox;
    s->call->mailbox = NULL;
    s->readonly = s->readonly || s->call->readonly;
    ll_view *view = s->connector->latest(s->self, s->mailbox, &recent_first);
    if (!view) { /* deleted in this very moment */
        session_unselect(s);
        return LL_ENOTFOUND;
    }
    if (snapshot_open(&s->snap, view, recent_first)) {
        session_unselect(s);
        return LL_ENOMEM;
    }
    s->state = SESSION_SELECTED;
    describe(s);
    if (s->connector->told)
        s->connector->told(s->self, s->mailbox, ll_view_modseq(view));
    c->code = s->readonly ? "READ-ONLY" : "READ-WRITE";
    return LL_OK;
}

static ll_status open_mailbox(ll_session *s, command *c, bool readonly)
{
    mailbox_state *m = c->state;
    if (c->phase == 0) {
        session_unselect(s);
        c->phase = 1;
        if (session_asked(s, s->connector->open(s->self, session_call(s), m->name, readonly)) == LL_LATER)
            return LL_LATER;
    }
    if (s->call->status < 0)
        return session_call_failed(s, c);
    s->readonly = readonly;
    return enter(s, c);
}

ll_status run_select(ll_session *s, command *c)
{
    return open_mailbox(s, c, false);
}

ll_status run_examine(ll_session *s, command *c)
{
    return open_mailbox(s, c, true);
}

/* --- commands that only ask --- */

/* c->phase was 0 and the question has been put. */
static ll_status asked(ll_session *s, command *c, ll_status status)
{
    c->phase = 1;
    if (session_asked(s, status) == LL_LATER)
        return LL_LATER;
    return s->call->status < 0 ? session_call_failed(s, c) : LL_OK;
}

static ll_status answered(ll_session *s, command *c)
{
    return s->call->status < 0 ? session_call_failed(s, c) : LL_OK;
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
    if (c->phase)
        return answered(s, c);
    if (is_the_inbox(m->name))
        return LL_EEXISTS;
    return asked(s, c, s->connector->create(s->self, session_call(s), m->name, m->attributes));
}

ll_status run_delete(ll_session *s, command *c)
{
    mailbox_state *m = c->state;
    if (c->phase)
        return answered(s, c);
    if (is_the_inbox(m->name))
        return no(c, "CANNOT", "INBOX stays");
    return asked(s, c, s->connector->remove(s->self, session_call(s), m->name));
}

ll_status run_rename(ll_session *s, command *c)
{
    mailbox_state *m = c->state;
    if (c->phase)
        return answered(s, c);
    if (is_the_inbox(m->to) || span_equal(m->name, m->to))
        return LL_EEXISTS;
    bool below = m->to.size > m->name.size && m->to.data[m->name.size] == '/' &&
                 span_equal(span_first(m->to, m->name.size), m->name);
    if (below && !is_the_inbox(m->name))
        return no(c, "CANNOT", "A mailbox cannot move below itself");
    return asked(s, c, s->connector->rename(s->self, session_call(s), m->name, m->to));
}

ll_status run_subscribe(ll_session *s, command *c)
{
    mailbox_state *m = c->state;
    return c->phase ? answered(s, c) : asked(s, c, s->connector->subscribe(s->self, session_call(s), m->name, true));
}

ll_status run_unsubscribe(ll_session *s, command *c)
{
    mailbox_state *m = c->state;
    return c->phase ? answered(s, c) : asked(s, c, s->connector->subscribe(s->self, session_call(s), m->name, false));
}

/* --- STATUS --- */

enum {
    STATUS_MESSAGES = 1u << 0,
    STATUS_RECENT = 1u << 1,
    STATUS_UIDNEXT = 1u << 2,
    STATUS_UIDVALIDITY = 1u << 3,
    STATUS_UNSEEN = 1u << 4,
    STATUS_DELETED = 1u << 5, /* RFC 9051 */
    STATUS_SIZE = 1u << 6     /* RFC 8438 */
};

static const struct {
    const char *name;
    unsigned bit;
} status_items[] = {
    {"MESSAGES", STATUS_MESSAGES}, {"RECENT", STATUS_RECENT},
    {"UIDNEXT", STATUS_UIDNEXT},   {"UIDVALIDITY", STATUS_UIDVALIDITY},
    {"UNSEEN", STATUS_UNSEEN},     {"DELETED", STATUS_DELETED},
    {"SIZE", STATUS_SIZE},
};
enum { status_items_count = sizeof status_items / sizeof status_items[0] };

static bool take_status_item(lexer *in, unsigned *items)
{
    for (unsigned i = 0; i < status_items_count; i++)
        if (lexer_is_word(in, status_items[i].name)) {
            *items |= status_items[i].bit;
            return true;
        }
    return false;
}

ll_status parse_status(ll_session *s, command *c, lexer *in)
{
    ll_status status = parse_name(s, c, in);
    mailbox_state *m = c->state;
    if (status)
        return status;
    if (!lexer_space(in) || !lexer_byte(in, '('))
        return LL_ESYNTAX;
    do {
        if (!take_status_item(in, &m->items))
            return LL_ESYNTAX;
    } while (lexer_space(in));
    return lexer_byte(in, ')') ? LL_OK : LL_ESYNTAX;
}

static uint64_t status_number(const ll_mailbox_status *numbers, unsigned bit)
{
    switch (bit) {
    case STATUS_MESSAGES:
        return numbers->messages;
    case STATUS_RECENT:
        return numbers->recent;
    case STATUS_UIDNEXT:
        return numbers->uidnext;
    case STATUS_UIDVALIDITY:
        return numbers->uidvalidity;
    case STATUS_UNSEEN:
        return numbers->unseen;
    case STATUS_DELETED:
        return numbers->deleted;
    default:
        return numbers->bytes;
    }
}

static void say_status(ll_session *s, const mailbox_state *m)
{
    const char *between = "";
    session_add(s, SPAN("* STATUS "));
    response_mailbox(&s->output, m->name);
    session_add(s, SPAN(" ("));
    for (unsigned i = 0; i < status_items_count; i++) {
        if (!(m->items & status_items[i].bit))
            continue;
        session_say(s, "%s%s ", between, status_items[i].name);
        text_add_u64(&s->output, status_number(&s->call->numbers, status_items[i].bit));
        between = " ";
    }
    session_add(s, SPAN(")\r\n"));
}

ll_status run_status(ll_session *s, command *c)
{
    mailbox_state *m = c->state;
    ll_status status = c->phase ? answered(s, c) : asked(s, c, s->connector->status(s->self, session_call(s), m->name));
    if (status == LL_OK)
        say_status(s, m);
    return status;
}
