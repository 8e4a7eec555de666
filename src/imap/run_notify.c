/* run_notify.c - the command NOTIFY, RFC 5465 section 3.1: what is asked for.
 * SPDX-License-Identifier: MIT
 *
 * It outlives the command, so its text is copied and parsed in a memory of its own. */
#include "imap/new_messages.h"
#include "imap/notify.h"

static const struct {
    const char *name;
    unsigned bit;
} events[] = {
    {"MessageNew", NOTIFY_NEW},
    {"MessageExpunge", NOTIFY_EXPUNGE},
    {"FlagChange", NOTIFY_FLAGS},
    {"MailboxName", NOTIFY_NAME},
    {"SubscriptionChange", NOTIFY_SUBSCRIPTION},
    {"MailboxMetadataChange", NOTIFY_METADATA},
    {"ServerMetadataChange", NOTIFY_SERVER_METADATA},
};
enum { events_count = sizeof events / sizeof events[0] };

typedef struct notify_state {
    notify_wish wish;
    bool taken; /* notify.c has the wish */
    bool status, selected;
    size_t names;
} notify_state;

static bool offers_event(const ll_session *s, unsigned bit)
{
    return !(bit & (NOTIFY_METADATA | NOTIFY_SERVER_METADATA)) || session_has_metadata(s);
}

/* Section 3.1: the reply names what there is. */
static ll_status bad_event(ll_session *s, command *c)
{
    text code;
    text_init(&code, s->allocator, 256);
    for (unsigned i = 0; i < events_count; i++)
        if (offers_event(s, events[i].bit))
            text_print(&code, "%s%s", code.size ? " " : "BADEVENT (", events[i].name);
    text_add_byte(&code, ')');
    c->code = text_status(&code) ? NULL : arena_copy(&c->memory, text_span(&code)).data;
    c->text = "There is no such event";
    text_fini(&code);
    return c->code ? LL_EUNSUPPORTED : LL_ENOMEM;
}

/* ["(" fetch-att *(SP fetch-att) ")"] behind MessageNew */
static ll_status take_items(ll_session *s, notify_wish *wish, lexer *in, bool selected)
{
    lexer try = *in;
    if (!lexer_space(&try) || lexer_peek(&try) != '(')
        return LL_OK;
    *in = try;
    if (!selected)
        return LL_ESYNTAX;
    wish->items = arena_new(&wish->memory, sizeof *wish->items);
    if (!wish->items)
        return arena_status(&wish->memory);
    return new_messages_parse(s, wish->items, in, true);
}

static ll_status take_event(ll_session *s, command *c, notify_wish *wish, lexer *in, bool selected, unsigned *found)
{
    ll_span word;
    if (!lexer_atom(in, &word))
        return LL_ESYNTAX;
    for (unsigned i = 0; i < events_count; i++) {
        if (!span_equal_nocase(word, span_str(events[i].name)) || !offers_event(s, events[i].bit))
            continue;
        *found |= events[i].bit;
        return events[i].bit == NOTIFY_NEW ? take_items(s, wish, in, selected) : LL_OK;
    }
    return bad_event(s, c);
}

/* events = ("(" event *(SP event) ")") / "NONE", and what of them may stand together (section 5) */
static ll_status take_events(ll_session *s, command *c, notify_wish *wish, lexer *in, bool selected, unsigned *found)
{
    *found = 0;
    if (lexer_is_word(in, "NONE"))
        return LL_OK;
    if (!lexer_byte(in, '('))
        return LL_ESYNTAX;
    do {
        ll_status status = take_event(s, c, wish, in, selected, found);
        if (status)
            return status;
    } while (lexer_space(in));
    if (!lexer_byte(in, ')') || (selected && *found & ~(unsigned)NOTIFY_MESSAGES))
        return LL_ESYNTAX;
    c->text = "MessageNew and MessageExpunge go together, and with FlagChange";
    bool new = *found &NOTIFY_NEW, gone = *found &NOTIFY_EXPUNGE;
    if (new != gone || (*found & NOTIFY_FLAGS && !new))
        return LL_EINVAL;
    c->text = NULL;
    return LL_OK;
}

static ll_status take_name(ll_session *s, notify_state *st, lexer *in, notify_group *g)
{
    ll_span written, name;
    if (!lexer_astring(in, &written))
        return LL_ESYNTAX;
    if (st->names++ >= notify_names_max)
        return LL_ELIMIT;
    ll_status status = session_read_name(s, written, &st->wish.memory, &name);
    if (status == LL_EUNSUPPORTED || status == LL_ELIMIT) /* no mailbox is called so: section 3.1 says to ignore it */
        return LL_OK;
    if (status)
        return status;
    if (!(g->count & (g->count - 1))) { /* room is a power of two */
        ll_span *more = arena_array(&st->wish.memory, g->count ? g->count * 2 : 1, sizeof *more);
        if (!more)
            return arena_status(&st->wish.memory);
        if (g->count)
            memcpy(more, g->names, g->count * sizeof *more);
        g->names = more;
    }
    g->names[g->count++] = name;
    return LL_OK;
}

/* one-or-more-mailbox = mailbox / "(" mailbox *(SP mailbox) ")" */
static ll_status take_names(ll_session *s, notify_state *st, lexer *in, notify_group *g)
{
    if (!lexer_space(in))
        return LL_ESYNTAX;
    bool many = lexer_byte(in, '(');
    do {
        ll_status status = take_name(s, st, in, g);
        if (status)
            return status;
    } while (many && lexer_space(in));
    return !many || lexer_byte(in, ')') ? LL_OK : LL_ESYNTAX;
}

static ll_status take_where(ll_session *s, notify_state *st, lexer *in, notify_group *g, bool *selected)
{
    *selected = lexer_is_word(in, "SELECTED");
    if (*selected || lexer_is_word(in, "SELECTED-DELAYED")) {
        st->wish.delayed = !*selected;
        *selected = true;
        if (st->selected)
            return LL_ESYNTAX;
        st->selected = true;
        return LL_OK;
    }
    g->where = NOTIFY_PERSONAL;
    if (lexer_is_word(in, "PERSONAL") || lexer_is_word(in, "INBOXES")) /* section 6.3: cannot be told apart */
        return LL_OK;
    g->where = NOTIFY_SUBSCRIBED;
    if (lexer_is_word(in, "SUBSCRIBED"))
        return LL_OK;
    g->where = NOTIFY_SUBTREE;
    if (!lexer_is_word(in, "SUBTREE")) {
        g->where = NOTIFY_NAMED;
        if (!lexer_is_word(in, "MAILBOXES"))
            return LL_ESYNTAX;
    }
    return take_names(s, st, in, g);
}

/* event-group = "(" filter-mailboxes SP events ")" */
static ll_status take_group(ll_session *s, command *c, notify_state *st, lexer *in)
{
    notify_group g = {0};
    bool selected;
    if (!lexer_byte(in, '('))
        return LL_ESYNTAX;
    ll_status status = take_where(s, st, in, &g, &selected);
    if (!status && !lexer_space(in))
        status = LL_ESYNTAX;
    if (!status)
        status = take_events(s, c, &st->wish, in, selected, &g.events);
    if (status)
        return status;
    if (selected)
        st->wish.selected = g.events;
    else if (st->wish.count == notify_groups_max)
        return LL_ELIMIT;
    else if (g.events)
        st->wish.groups[st->wish.count++] = g;
    return lexer_byte(in, ')') ? LL_OK : LL_ESYNTAX;
}

static ll_status take_set(ll_session *s, command *c, notify_state *st, lexer *in)
{
    st->wish.groups = arena_array(&st->wish.memory, notify_groups_max, sizeof *st->wish.groups);
    if (!st->wish.groups)
        return arena_status(&st->wish.memory);
    lexer try = *in;
    if (lexer_space(&try) && lexer_is_word(&try, "STATUS")) {
        *in = try;
        st->status = true;
    }
    if (!lexer_space(in))
        return LL_ESYNTAX;
    do {
        ll_status status = take_group(s, c, st, in);
        if (status)
            return status;
    } while (lexer_space(in));
    return lexer_end(in) ? LL_OK : LL_ESYNTAX;
}

ll_status parse_notify(ll_session *s, command *c, lexer *in)
{
    notify_state *st = arena_new(&c->memory, sizeof *st);
    if (!st)
        return LL_ENOMEM;
    arena_init(&st->wish.memory, s->allocator, notify_memory_max);
    c->state = st;
    if (!session_can(s, survey) || !session_can(s, watch)) {
        c->text = "NOTIFY is not offered";
        return LL_EINVAL;
    }
    ll_span rest = arena_copy(&st->wish.memory, span_from(in->input, in->at));
    lexer own;
    if (!rest.data)
        return arena_status(&st->wish.memory);
    lexer_init(&own, rest, &st->wish.memory, in->depth_max);
    in->at = in->input.size;
    if (lexer_is_word(&own, "NONE"))
        return lexer_end(&own) ? LL_OK : LL_ESYNTAX;
    return lexer_is_word(&own, "SET") ? take_set(s, c, st, &own) : LL_ESYNTAX;
}

ll_status run_notify(ll_session *s, command *c)
{
    notify_state *st = c->state;
    if (c->phase == 0) {
        st->taken = true;
        ll_status status = notify_set(s, &st->wish);
        if (status)
            return status;
        c->phase = 1;
    }
    ll_status status = notify_begin(s, st->status);
    if (status < 0) {
        notify_del(s);
        return session_call_failed(s, c);
    }
    return status;
}

void drop_notify(ll_session *s, command *c)
{
    notify_state *st = c->state;
    (void)s;
    if (st && !st->taken)
        arena_fini(&st->wish.memory);
}
