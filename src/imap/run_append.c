/* run_append.c - APPEND (RFC 3501 section 6.3.11): messages go to the connector as they come.
 * SPDX-License-Identifier: MIT
 *
 * With MULTIAPPEND (RFC 3502) if limits.append_messages allows it, and APPENDUID (RFC 4315).
 *
 * The command starts when its first message is announced (input.h). For each message: append_open is asked before the
 * client may send, the bytes are streamed, and the line behind them either ends the command or announces the next. Only
 * then are all of them committed. Whatever fails on the way, the bytes that the client still sends are passed over
 * before the reply. */
#include "base/clock.h"
#include "base/memory.h"
#include "imap/input.h"
#include "imap/name.h"

typedef struct append_state {
    ll_span mailbox;
    ll_append message; /* the present one */
    ll_status failed;  /* of append_data */
    size_t begun;      /* messages announced */
} append_state;

enum { PHASE_OPEN, PHASE_OPENED, PHASE_STREAM, PHASE_LINE, PHASE_COMMITTED };

/* --- parsing --- */

static int system_flag(ll_span flag)
{
    static const char *const names[] = {"\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"};
    for (int i = 0; i < LL_FLAG_KEYWORD; i++)
        if (span_equal_nocase(flag, span_str(names[i])))
            return i;
    return -1;
}

/* "(" [flag *(SP flag)] ")" */
static ll_status take_flags(ll_session *s, command *c, lexer *in, ll_append *message)
{
    ll_span flag;
    ll_span *keywords = arena_array(&c->memory, (size_t)s->limits.keywords_per_message, sizeof *keywords);
    if (!keywords)
        return arena_status(&c->memory);
    message->keywords = keywords;
    for (bool first = true; !lexer_byte(in, ')'); first = false) {
        if ((!first && !lexer_space(in)) || !lexer_flag(in, &flag))
            return LL_ESYNTAX;
        int number = system_flag(flag);
        if (number >= 0)
            message->flags |= 1u << number;
        else if (flag.data[0] == '\\')
            continue; /* \Recent and what is unknown cannot be set; RFC 3501 section 6.3.11 has no answer for them */
        else if (message->keywords_count == s->limits.keywords_per_message)
            return LL_ELIMIT;
        else
            keywords[message->keywords_count++] = flag;
    }
    return LL_OK;
}

/* [SP flag-list] [SP date-time] SP literal: up to the announcement, of which the size is known already. */
static ll_status take_message(ll_session *s, command *c, lexer *in, ll_append *message)
{
    ll_span date;
    *message = (ll_append){.size = s->announced.size, .internaldate = INT64_MIN};
    if (!lexer_space(in))
        return LL_ESYNTAX;
    if (lexer_byte(in, '(')) {
        ll_status status = take_flags(s, c, in, message);
        if (status)
            return status;
        if (!lexer_space(in))
            return LL_ESYNTAX;
    }
    if (lexer_quoted(in, &date)) {
        if (!clock_parse_imap(date, &message->internaldate)) {
            c->text = "Not a date";
            return LL_ESYNTAX;
        }
        if (!lexer_space(in))
            return LL_ESYNTAX;
    }
    if (lexer_peek(in) != '{')
        return LL_ESYNTAX;
    in->at = in->input.size;
    return LL_OK;
}

ll_status parse_append(ll_session *s, command *c, lexer *in)
{
    append_state *a = c->state = arena_new(&c->memory, sizeof *a);
    ll_span written;
    if (!a)
        return LL_ENOMEM;
    if (!s->announced.open || !lexer_astring(in, &written))
        return LL_ESYNTAX;
    ll_status status = take_message(s, c, in, &a->message);
    if (status)
        return status;
    status = session_read_name(s, written, &c->memory, &a->mailbox);
    if (status == LL_EUNSUPPORTED)
        c->text = "Not a mailbox name";
    return status;
}

/* --- streaming --- */

static ll_status stream(ll_session *s, command *c, ll_span bytes)
{
    append_state *a = c->state;
    a->failed = s->connector->append_data(s->self, s->uploads[s->uploads_count - 1], bytes);
    return a->failed;
}

/* The upload that the call has opened is the session's. */
static ll_status keep_upload(ll_session *s)
{
    void **uploads = memory_resize(s->allocator, s->uploads, (s->uploads_count + 1) * sizeof *uploads);
    if (!uploads)
        return LL_ENOMEM; /* end_command aborts it */
    uploads[s->uploads_count++] = s->call->upload;
    s->uploads = uploads;
    s->call->upload = NULL;
    return LL_OK;
}

void drop_append(ll_session *s, command *c)
{
    (void)c;
    if (s->call && s->call->pending)
        return; /* the call takes them along, see ll_session_del */
    for (size_t i = 0; i < s->uploads_count; i++)
        s->connector->append_abort(s->self, s->uploads[i]);
    memory_free(s->allocator, s->uploads);
    s->uploads = NULL;
    s->uploads_count = 0;
}

/* --- the steps --- */

static ll_status open_message(ll_session *s, command *c)
{
    append_state *a = c->state;
    c->phase = PHASE_OPENED;
    return session_asked(s, s->connector->append_open(s->self, session_call(s), a->mailbox, &a->message));
}

static ll_status begin_stream(ll_session *s, command *c)
{
    append_state *a = c->state;
    if (s->call->status < 0)
        return session_call_failed(s, c); /* what was announced is passed over by session.c */
    ll_status status = keep_upload(s);
    if (status)
        return status;
    a->begun++;
    c->phase = PHASE_STREAM;
    input_want_stream(s, stream);
    return LL_OK;
}

static ll_status watch_stream(ll_session *s, command *c)
{
    append_state *a = c->state;
    if (a->failed) {
        input_skip(s, s->literal_left);
        return a->failed;
    }
    if (s->literal_left)
        return LL_MORE;
    c->phase = PHASE_LINE;
    input_want_line(s);
    return LL_OK;
}

/* Refused behind a message: is more coming? */
static ll_status refuse_line(ll_session *s, ll_status status, const announcement *next)
{
    if (next->kind == ANNOUNCEMENT_UNSAFE)
        session_bye(s, "Size of a literal expected");
    else if (next->plus)
        input_skip(s, next->size);
    return status;
}

/* " (\Seen) {5+}": the next message of a MULTIAPPEND. */
static ll_status next_message(ll_session *s, command *c, ll_span line)
{
    append_state *a = c->state;
    announcement next = input_announcement(line);
    ll_span copy = arena_copy(&c->memory, line);
    lexer in;
    if (!copy.data)
        return refuse_line(s, arena_status(&c->memory), &next);
    if (next.kind != ANNOUNCEMENT_GOOD || memchr(line.data, '\0', line.size))
        return refuse_line(s, LL_ESYNTAX, &next);
    if (a->begun >= s->limits.append_messages) {
        c->text = "Too many messages";
        return refuse_line(s, LL_ELIMIT, &next);
    }
    if (next.size > s->limits.literal_bytes) {
        c->code = "TOOBIG";
        c->text = "Message is too large";
        return refuse_line(s, LL_EINVAL, &next);
    }
    s->announced.size = next.size;
    lexer_init(&in, copy, &c->memory, (unsigned)s->limits.depth);
    ll_status status = take_message(s, c, &in, &a->message);
    if (status)
        return refuse_line(s, status, &next);
    s->announced.open = true;
    s->announced.plus = next.plus;
    c->phase = PHASE_OPEN;
    return LL_OK;
}

static ll_status take_line(ll_session *s, command *c)
{
    if (!s->line_ready)
        return LL_MORE;
    s->input_state = INPUT_COMMAND;
    if (s->line_overflow) {
        session_bye(s, "Command line is too long"); /* its end may have announced a literal: who knows what follows */
        return LL_ESYNTAX;
    }
    if (s->line.size)
        return next_message(s, c, text_span(&s->line));
    c->phase = PHASE_COMMITTED;
    s->uploads_committed = true;
    ll_status status =
        session_asked(s, s->connector->append_commit(s->self, session_call(s), s->uploads, s->uploads_count));
    return status == LL_LATER ? LL_LATER : LL_OK;
}

/* APPENDUID, RFC 4315 section 3: the UIDs of one command ascend; they are said as a set. */
static const char *placed_code(command *c, const ll_call *call)
{
    text code;
    text_init(&code, call->allocator, 16 + 12 * call->placed_count);
    text_print(&code, "APPENDUID %u ", call->placed[0].uidvalidity);
    for (size_t i = 0, last; i < call->placed_count; i = last + 1) {
        for (last = i; last + 1 < call->placed_count && call->placed[last + 1].uid == call->placed[last].uid + 1;)
            last++;
        text_print(&code, i ? ",%u" : "%u", call->placed[i].uid);
        if (last > i)
            text_print(&code, ":%u", call->placed[last].uid);
    }
    const char *kept = text_status(&code) ? NULL : command_print(c, "%s", text_str(&code));
    text_fini(&code);
    return kept;
}

static ll_status commit(ll_session *s, command *c)
{
    /* They are gone, done or not. */
    memory_free(s->allocator, s->uploads);
    s->uploads = NULL;
    s->uploads_count = 0;
    s->uploads_committed = false;
    if (s->call->status < 0)
        return session_call_failed(s, c);
    if (s->call->placed_count)
        c->code = placed_code(c, s->call);
    return LL_OK;
}

ll_status run_append(ll_session *s, command *c)
{
    for (;;) {
        ll_status status = LL_OK;
        switch (c->phase) {
        case PHASE_OPEN:
            if (open_message(s, c) == LL_LATER)
                return LL_LATER;
            break;
        case PHASE_OPENED:
            status = begin_stream(s, c);
            break;
        case PHASE_STREAM:
            status = watch_stream(s, c);
            break;
        case PHASE_LINE:
            status = take_line(s, c);
            break;
        default:
            return commit(s, c);
        }
        if (status)
            return status;
    }
}
