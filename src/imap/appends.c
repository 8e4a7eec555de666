/* appends.c - see appends.h
 * SPDX-License-Identifier: MIT */
#include "imap/appends.h"

#include "base/memory.h"
#include "imap/input.h"

struct session_append {
    session_append *next;
    session_work work; /* of the APPEND; while it is being replied to, of the command that was put aside */
    uint64_t bytes;
};

static void exchange(ll_session *s, session_work *w)
{
    session_work was = {s->command,       s->command_text,      s->stage,        s->outcome, s->call, s->uploads,
                        s->uploads_count, s->uploads_committed, s->uploads_bytes};
    s->command = w->command;
    s->command_text = w->command_text;
    s->stage = w->stage;
    s->outcome = w->outcome;
    s->call = w->call;
    s->uploads = w->uploads;
    s->uploads_count = w->uploads_count;
    s->uploads_committed = w->uploads_committed;
    s->uploads_bytes = w->uploads_bytes;
    *w = was;
}

bool appends_put_out(ll_session *s)
{
    const command_row *row = s->command.row;
    if (s->appends.replying || !s->uploads_committed || row->step != run_append || s->other_mailbox ||
        !session_offers(s, LL_OFFERS_APPENDS))
        return false;
    session_append *a = memory_new(s->allocator, sizeof *a);
    if (!a || call_new(&a->work.call, s->allocator, session_call_done, s)) {
        memory_free(s->allocator, a);
        return false;
    }
    arena_init(&a->work.command.memory, s->allocator, 0);
    a->work.command_text = span_of("", 0);
    a->bytes = s->uploads_bytes + s->command.memory.size;
    exchange(s, &a->work);
    input_reset(s);
    if (s->appends.last)
        s->appends.last->next = a;
    else
        s->appends.first = a;
    s->appends.last = a;
    s->appends.count++;
    s->appends.bytes += a->bytes;
    return true;
}

/* "tag APPEND ", and its message comes without a "+ ", which would stand before the replies of those that are out. */
static bool is_append(const ll_session *s)
{
    ll_span tag;
    lexer in;
    if (!s->announced.open || !s->announced.plus)
        return false;
    lexer_init(&in, text_span(&s->input), NULL, 0);
    return lexer_tag(&in, &tag) && lexer_space(&in) && lexer_is_word(&in, "APPEND");
}

bool appends_allow(const ll_session *s)
{
    if (!appends_any(s))
        return true;
    return is_append(s) && s->appends.count < appends_max && s->appends.bytes <= appends_bytes_max &&
           s->announced.size <= appends_bytes_max - s->appends.bytes;
}

bool appends_take_back(ll_session *s)
{
    session_append *a = s->appends.first;
    if (!a || s->appends.replying || a->work.call->pending)
        return false;
    exchange(s, &a->work);
    s->appends.replying = true;
    return true;
}

/* The oldest has gone: s->call is its own. */
static void unlink_first(ll_session *s)
{
    session_append *a = s->appends.first;
    s->appends.first = a->next;
    if (!a->next)
        s->appends.last = NULL;
    s->appends.count--;
    s->appends.bytes -= a->bytes;
    s->appends.replying = false;
    memory_free(s->allocator, a);
}

void appends_done(ll_session *s)
{
    session_work *w = &s->appends.first->work;
    exchange(s, w);
    call_del(&w->call);
    unlink_first(s);
}

command *appends_oldest(ll_session *s)
{
    return s->appends.first && !s->appends.replying ? &s->appends.first->work.command : NULL;
}

bool appends_next(ll_session *s)
{
    session_append *a = s->appends.first;
    if (!a)
        return false;
    exchange(s, &a->work);
    unlink_first(s);
    return true;
}
