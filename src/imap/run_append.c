/* run_append.c - APPEND (RFC 3501 section 6.3.11) and REPLACE (RFC 8508): messages go to the connector as they come.
 * SPDX-License-Identifier: MIT
 *
 * With MULTIAPPEND (RFC 3502), CATENATE (RFC 4469), literal8 (RFC 3516), UTF8 (RFC 6855 section 4), and APPENDUID (RFC
 * 4315).
 *
 * The command is a sequence of lines, each but the last with a literal announced at its end (input.h). It starts when
 * the first of them is complete. append_open is asked before the client may send a message's first byte; literals are
 * streamed, URLs of CATENATE are copied; the line behind a literal goes on with the same message, begins the next, or
 * ends the command. Only then are all messages committed (and the next APPEND may begin, appends.h). Whatever fails on
 * the way, the bytes that the client still sends are passed over before the reply. */
#include "base/clock.h"
#include "base/memory.h"
#include "imap/append_catenate.h"
#include "imap/appends.h"
#include "imap/input.h"
#include "imap/message_limit.h"
#include "imap/name.h"
#include "imap/notify.h"
#include "imap/old_name.h"

enum { append_url_max = 8192 }; /* a URL that comes as a literal: fits the longest name and section */

typedef enum append_kind {
    APPEND_LITERAL, /* the message is one literal */
    APPEND_UTF8,    /* the same in "UTF8 (" ")" */
    APPEND_CATENATE /* "CATENATE (" parts ")" */
} append_kind;

typedef struct append_state {
    ll_span mailbox, written; /* its name, and how the client wrote it */
    uint32_t replaced;        /* REPLACE: this UID; 0: APPEND */
    size_t begun;             /* messages */
    /* the present line */
    lexer in;
    size_t literal_at; /* where its announcement stands, if s->announced.open */
    /* the present message */
    ll_append message;
    append_kind kind;
    uint64_t total; /* bytes of it so far */
    size_t parts;   /* of CATENATE */
    bool utf8_part; /* its present part is "UTF8 (literal8)" */
    bool url_comes; /* the present literal is a URL */
    text url;
    catenate catenate;
    ll_status failed; /* of append_data */
} append_state;

enum { PHASE_OPEN, PHASE_OPENED, PHASE_PART, PHASE_URL, PHASE_STREAM, PHASE_LINE, PHASE_AFTER_PART, PHASE_COMMITTED };

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
static ll_status take_flags(ll_session *s, command *c, lexer *in, ll_append *to)
{
    ll_span flag;
    ll_span *keywords = arena_array(&c->memory, (size_t)s->limits.keywords_per_message, sizeof *keywords);
    if (!keywords)
        return arena_status(&c->memory);
    to->keywords = keywords;
    for (bool first = true; !lexer_byte(in, ')'); first = false) {
        if ((!first && !lexer_space(in)) || !lexer_flag(in, &flag))
            return LL_ESYNTAX;
        int number = system_flag(flag);
        if (number >= 0)
            to->flags |= 1u << number;
        else if (flag.data[0] == '\\')
            continue; /* \Recent and what is unknown cannot be set; RFC 3501 section 6.3.11 has no answer for them */
        else if (to->keywords_count == s->limits.keywords_per_message)
            return LL_ELIMIT;
        else
            keywords[to->keywords_count++] = flag;
    }
    return LL_OK;
}

/* The rest of the line is the announcement of a literal, or of a literal8. */
static bool is_literal(const ll_session *s, const append_state *a)
{
    return s->announced.open && a->in.at == a->literal_at;
}

/* "UTF8 (" literal8: where the literal stands. RFC 6855 section 4. */
static ll_status begin_utf8(ll_session *s, command *c)
{
    append_state *a = c->state;
    if (!lexer_space(&a->in) || !lexer_byte(&a->in, '(') || !is_literal(s, a) || !s->announced.binary)
        return LL_ESYNTAX;
    if (s->enabled & SESSION_ENABLED_UTF8)
        return LL_OK;
    c->text = "ENABLE UTF8=ACCEPT first";
    return LL_EUNSUPPORTED;
}

/* append-message: SP [flag-list SP] [date-time SP] append-data, up to where the bytes begin. */
static ll_status take_message(ll_session *s, command *c)
{
    append_state *a = c->state;
    lexer *in = &a->in;
    ll_span date;
    a->message = (ll_append){.internaldate = INT64_MIN, .replaces = a->replaced != 0};
    a->total = 0;
    a->parts = 0;
    if (!lexer_space(in))
        return LL_ESYNTAX;
    if (lexer_byte(in, '(')) {
        ll_status status = take_flags(s, c, in, &a->message);
        if (status)
            return status;
        if (!lexer_space(in))
            return LL_ESYNTAX;
    }
    if (lexer_quoted(in, &date)) {
        if (!clock_parse_imap(date, &a->message.internaldate)) {
            c->text = "Not a date";
            return LL_ESYNTAX;
        }
        if (!lexer_space(in))
            return LL_ESYNTAX;
    }
    a->kind = APPEND_LITERAL;
    a->message.size = s->announced.size;
    if (is_literal(s, a))
        return LL_OK;
    if (lexer_is_word(in, "UTF8")) {
        a->kind = APPEND_UTF8;
        return begin_utf8(s, c);
    }
    a->kind = APPEND_CATENATE;
    a->message.size = 0;
    a->message.grows = true;
    return lexer_is_word(in, "CATENATE") && lexer_space(in) && lexer_byte(in, '(') ? LL_OK : LL_ESYNTAX;
}

/* Behind the command's name, or REPLACE's number. The line is ours from here on. */
static ll_status parse_rest(ll_session *s, command *c, lexer *in)
{
    append_state *a = c->state;
    ll_span written;
    if (!lexer_astring(in, &written))
        return LL_ESYNTAX;
    a->in = *in;
    in->at = in->input.size;
    a->literal_at = s->announced.open ? input_announcement(a->in.input).at : 0;
    ll_status status = take_message(s, c);
    if (status)
        return status;
    status = session_read_name(s, written, &c->memory, &a->mailbox);
    if (status == LL_EUNSUPPORTED)
        c->text = "Not a mailbox name";
    a->written = status ? a->mailbox : arena_copy(&c->memory, written); /* its line goes with the next literal */
    return status || a->written.data ? status : arena_status(&c->memory);
}

static ll_status sink(ll_session *s, command *c, ll_span bytes);

static append_state *new_state(ll_session *s, command *c)
{
    append_state *a = c->state = arena_new(&c->memory, sizeof *a);
    if (!a)
        return NULL;
    text_init(&a->url, s->allocator, append_url_max);
    catenate_init(&a->catenate, s, c, sink);
    return a;
}

ll_status parse_append(ll_session *s, command *c, lexer *in)
{
    return new_state(s, c) ? parse_rest(s, c, in) : LL_ENOMEM;
}

/* RFC 8508 section 5: seq-number, or with UID the UID. */
static ll_status take_replaced(ll_session *s, command *c, uint32_t number)
{
    append_state *a = c->state;
    a->replaced = number;
    if (c->uid && snapshot_number(&s->snap, number))
        return LL_OK;
    if (c->uid) { /* also one that others have added and this client does not know yet */
        c->code = "NONEXISTENT";
        c->text = "There is no message of that UID";
        return LL_ENOTFOUND;
    }
    a->replaced = snapshot_uid(&s->snap, number);
    if (a->replaced)
        return LL_OK;
    c->text = "There is no message of that number";
    return LL_EINVAL;
}

ll_status parse_replace(ll_session *s, command *c, lexer *in)
{
    uint32_t number = 0;
    if (!session_can(s, replace))
        return LL_EUNSUPPORTED;
    if (!new_state(s, c))
        return LL_ENOMEM;
    bool last = lexer_byte(in, '*'); /* seq-number */
    if ((!last && !lexer_nz_number(in, &number)) || !lexer_space(in))
        return LL_ESYNTAX;
    if (last) {
        number = snapshot_count(&s->snap);
        if (c->uid) /* of an empty mailbox a UID that nobody has */
            number = number ? snapshot_uid(&s->snap, number) : UINT32_MAX;
    }
    ll_status status = take_replaced(s, c, number);
    return status ? status : parse_rest(s, c, in);
}

/* --- bytes --- */

static ll_status too_big(command *c)
{
    c->code = "TOOBIG"; /* RFC 4469 section 4.2, RFC 7889 section 4 */
    c->text = "Message is too large";
    return LL_ELIMIT;
}

static bool fits(const ll_session *s, const append_state *a, uint64_t more)
{
    return more <= s->limits.literal_bytes && a->total <= s->limits.literal_bytes - more;
}

/* The next bytes of the message, from the client or from a URL. */
static ll_status sink(ll_session *s, command *c, ll_span bytes)
{
    append_state *a = c->state;
    if (!fits(s, a, bytes.size))
        return too_big(c);
    a->total += bytes.size;
    s->uploads_bytes += bytes.size;
    ll_status status = s->connector->append_data(s->self, s->uploads[s->uploads_count - 1], bytes);
    return status == LL_ELIMIT ? too_big(c) : status;
}

static ll_status stream(ll_session *s, command *c, ll_span bytes)
{
    append_state *a = c->state;
    if (!a->url_comes)
        a->failed = sink(s, c, bytes);
    else {
        text_add(&a->url, bytes);
        a->failed = text_status(&a->url);
    }
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
    append_state *a = c->state;
    if (a) {
        catenate_fini(&a->catenate);
        text_fini(&a->url);
    }
    if (s->call && s->call->pending)
        return; /* the call takes them along, see ll_session_del */
    for (size_t i = 0; !s->uploads_committed && i < s->uploads_count; i++)
        s->connector->append_abort(s->self, s->uploads[i]);
    memory_free(s->allocator, s->uploads);
    s->uploads = NULL;
    s->uploads_count = 0;
    s->uploads_committed = false;
    s->uploads_bytes = 0;
}

/* --- the steps: each says what comes next in c->phase --- */

static ll_status open_message(ll_session *s, command *c)
{
    append_state *a = c->state;
    if (a->kind == APPEND_CATENATE && appends_any(s))
        return LL_MORE; /* its URLs may mean what those before it bring */
    c->phase = PHASE_OPENED;
    ll_call *call = session_call(s);
    return session_asked(s, session_can(s, append_open)
                                ? s->connector->append_open(s->self, call, a->mailbox, &a->message)
                                : LL_EREADONLY);
}

static ll_status opened_message(ll_session *s, command *c)
{
    append_state *a = c->state;
    if (s->call->status < 0)
        return session_call_failed(s, c); /* what was announced is passed over by session.c */
    a->begun++;
    c->phase = PHASE_PART;
    return keep_upload(s);
}

/* The literal that was announced comes now. */
static ll_status begin_stream(ll_session *s, command *c)
{
    append_state *a = c->state;
    uint64_t most = a->url_comes ? append_url_max : s->limits.literal_bytes;
    if (s->announced.size > most || (!a->url_comes && !fits(s, a, s->announced.size)))
        return a->url_comes ? LL_ELIMIT : too_big(c);
    c->phase = PHASE_STREAM;
    input_want_stream(s, stream);
    return LL_OK;
}

static ll_status begin_url(command *c, ll_span url)
{
    append_state *a = c->state;
    catenate_begin(&a->catenate, url);
    c->phase = PHASE_URL;
    return LL_OK;
}

/* cat-part = "TEXT" SP literal / "URL" SP astring / "UTF8" SP "(" literal8 ")" */
static ll_status take_part(ll_session *s, command *c)
{
    append_state *a = c->state;
    ll_span url;
    if (s->announced.open && !s->announced.plus && appends_any(s))
        return LL_MORE; /* its "+ " would stand before their replies */
    a->url_comes = a->utf8_part = false;
    if (a->kind != APPEND_CATENATE)
        return begin_stream(s, c);
    if (a->parts++ == s->limits.catenate_parts)
        return LL_ELIMIT;
    if (lexer_is_word(&a->in, "TEXT"))
        return lexer_space(&a->in) && is_literal(s, a) ? begin_stream(s, c) : LL_ESYNTAX;
    if (lexer_is_word(&a->in, "UTF8")) {
        ll_status status = begin_utf8(s, c);
        a->utf8_part = true;
        return status ? status : begin_stream(s, c);
    }
    if (!lexer_is_word(&a->in, "URL") || !lexer_space(&a->in))
        return LL_ESYNTAX;
    a->url_comes = is_literal(s, a);
    if (a->url_comes)
        return begin_stream(s, c);
    return lexer_astring(&a->in, &url) ? begin_url(c, url) : LL_ESYNTAX;
}

static ll_status run_url(ll_session *s, command *c)
{
    append_state *a = c->state;
    (void)s;
    ll_status status = catenate_step(&a->catenate);
    if (!status)
        c->phase = PHASE_AFTER_PART;
    return status;
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

/* What the line announces comes whatever becomes of the command: session.c passes over it. */
static ll_status announce(ll_session *s, append_state *a, ll_span line)
{
    announcement next = input_announcement(line);
    a->literal_at = next.at;
    s->announced.open = next.kind == ANNOUNCEMENT_GOOD || (next.kind == ANNOUNCEMENT_BAD && next.plus);
    s->announced.plus = next.plus;
    s->announced.binary = next.binary;
    s->announced.size = next.size;
    if (next.kind == ANNOUNCEMENT_UNSAFE)
        session_bye(s, "Size of a literal expected");
    return next.kind == ANNOUNCEMENT_NONE || next.kind == ANNOUNCEMENT_GOOD ? LL_OK : LL_ESYNTAX;
}

static ll_status take_line(ll_session *s, command *c)
{
    append_state *a = c->state;
    if (!s->line_ready)
        return LL_MORE;
    s->input_state = INPUT_COMMAND;
    if (s->line_overflow) {
        session_bye(s, "Command line is too long"); /* its end may have announced a literal: who knows what follows */
        return LL_ESYNTAX;
    }
    ll_span line = text_span(&s->line);
    ll_status status = announce(s, a, line);
    if (!status && line.size && memchr(line.data, '\0', line.size))
        status = LL_ESYNTAX;
    ll_span copy = status ? span_of(NULL, 0) : arena_copy(&c->memory, line);
    if (status || !copy.data)
        return status ? status : arena_status(&c->memory);
    lexer_init(&a->in, copy, &c->memory, (unsigned)s->limits.depth);
    c->phase = PHASE_AFTER_PART;
    if (!a->url_comes)
        return LL_OK;
    ll_span url = arena_copy(&c->memory, text_span(&a->url));
    text_clear(&a->url);
    return url.data ? begin_url(c, url) : arena_status(&c->memory);
}

static ll_status commit_all(ll_session *s, command *c)
{
    append_state *a = c->state;
    c->phase = PHASE_COMMITTED;
    s->uploads_committed = true;
    const ll_connector *to = s->connector;
    ll_status status = a->replaced ? to->replace(s->self, session_call(s), s->mailbox, a->replaced, s->uploads[0])
                                   : to->append_commit(s->self, session_call(s), s->uploads, s->uploads_count);
    return session_asked(s, status) == LL_LATER ? LL_LATER : LL_OK;
}

/* The message is complete: another, or the end. */
static ll_status after_message(ll_session *s, command *c)
{
    append_state *a = c->state;
    if (lexer_end(&a->in))
        return commit_all(s, c);
    if (a->replaced)
        return LL_ESYNTAX; /* RFC 8508 section 4.7: no MULTIAPPEND */
    ll_status status = message_limit_append(s, c, a->begun + 1);
    if (status)
        return status;
    if (a->begun >= s->limits.append_messages) {
        c->text = "Too many messages";
        return LL_ELIMIT;
    }
    c->phase = PHASE_OPEN;
    status = take_message(s, c);
    return !status && a->message.size > s->limits.literal_bytes ? too_big(c) : status;
}

static ll_status after_part(ll_session *s, command *c)
{
    append_state *a = c->state;
    if ((a->kind == APPEND_UTF8 || a->utf8_part) && !lexer_byte(&a->in, ')'))
        return LL_ESYNTAX;
    if (a->kind != APPEND_CATENATE || lexer_byte(&a->in, ')'))
        return after_message(s, c);
    c->phase = PHASE_PART;
    return lexer_space(&a->in) ? LL_OK : LL_ESYNTAX;
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

/* They are gone, done or not. */
static ll_status committed(ll_session *s, command *c)
{
    const append_state *a = c->state;
    memory_free(s->allocator, s->uploads);
    s->uploads = NULL;
    s->uploads_count = 0;
    s->uploads_committed = false;
    if (s->call->status < 0)
        return session_call_failed(s, c);
    notify_own_messages(s, a->mailbox);
    old_name_say(s, "", a->mailbox, a->written);
    const char *code = s->call->placed_count ? placed_code(c, s->call) : NULL;
    if (code && a->replaced) /* RFC 8508 section 4.3: before the EXPUNGE */
        session_say(s, "* OK [%s] Replacement is there\r\n", code);
    else
        c->code = code;
    return LL_OK;
}

ll_status run_append(ll_session *s, command *c)
{
    for (;;) {
        ll_status status = LL_OK;
        switch (c->phase) {
        case PHASE_OPEN:
            status = open_message(s, c);
            status = status > LL_OK ? status : LL_OK;
            break;
        case PHASE_OPENED:
            status = opened_message(s, c);
            break;
        case PHASE_PART:
            status = take_part(s, c);
            break;
        case PHASE_URL:
            status = run_url(s, c);
            break;
        case PHASE_STREAM:
            status = watch_stream(s, c);
            break;
        case PHASE_LINE:
            status = take_line(s, c);
            break;
        case PHASE_AFTER_PART:
            status = after_part(s, c);
            break;
        default:
            return committed(s, c);
        }
        if (status)
            return status;
    }
}

ll_status run_replace(ll_session *s, command *c)
{
    return run_append(s, c);
}
