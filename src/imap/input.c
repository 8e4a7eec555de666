/* input.c - see input.h
 * SPDX-License-Identifier: MIT
 *
 * Each input state is a function that uses bytes and says how many; it never looks at more than it uses, so it makes no
 * difference how the bytes were cut into pieces. */
#include "imap/input.h"

#include "base/memory.h"
#include "imap/appends.h"

#include <assert.h>

enum {
    tail_max = 64,           /* end of a skipped line that is kept to see an announcement in it */
    size_digits_max = 32,    /* digits of a literal's size; more is nonsense */
    literal_minus_max = 4096 /* a literal that does not wait, before login: RFC 7888 section 5 (LITERAL-) */
};

static bool is_before_login(const ll_session *s)
{
    return s->state == SESSION_NOT_AUTHENTICATED;
}

static uint64_t line_max(const ll_session *s)
{
    return is_before_login(s) ? s->limits.prelogin_command_bytes : s->limits.line_bytes;
}

static uint64_t command_max(const ll_session *s)
{
    return is_before_login(s) ? s->limits.prelogin_command_bytes : s->limits.command_bytes;
}

static uint64_t literal_max(const ll_session *s, bool plus)
{
    if (!is_before_login(s))
        return s->limits.small_literal_bytes;
    uint64_t most = s->limits.prelogin_command_bytes;
    return plus && most > literal_minus_max ? literal_minus_max : most;
}

/* --- announcements --- */

announcement input_announcement(ll_span line)
{
    announcement found = {.kind = ANNOUNCEMENT_NONE};
    if (!line.size || line.data[line.size - 1] != '}')
        return found;
    size_t open = line.size;
    while (open > 0 && line.data[open - 1] != '{')
        open--;
    if (!open)
        return found;
    ll_span size = span_of(line.data + open, line.size - 1 - open);
    if (memchr(size.data, '"', size.size)) /* LOGIN "{" pass}: the brace is inside a string */
        return found;
    found.at = open - 1;
    found.plus = size.size && size.data[size.size - 1] == '+';
    size.size -= found.plus;
    if (found.at && line.data[found.at - 1] == '~') {
        found.binary = true;
        found.at--;
    }
    char before = found.at ? line.data[found.at - 1] : '\0';
    bool good = size.size <= size_digits_max && span_u64(size, &found.size) && found.size <= INT64_MAX;
    if (good && (before == ' ' || before == '('))
        found.kind = ANNOUNCEMENT_GOOD;
    else if (!found.plus)
        found.kind = ANNOUNCEMENT_BAD;
    else {
        found.kind = ANNOUNCEMENT_UNSAFE;
        if (good) /* its size at least is clear */
            found.kind = ANNOUNCEMENT_BAD;
    }
    return found;
}

/* --- refusing --- */

static ll_span collected_tag(const ll_session *s)
{
    ll_span tag;
    lexer in;
    lexer_init(&in, text_span(&s->input), NULL, 0);
    if (lexer_tag(&in, &tag) && lexer_peek(&in) == ' ' && tag.size <= session_tag_max)
        return tag;
    return SPAN("*");
}

static void forget(ll_session *s)
{
    if (is_before_login(s))
        text_wipe(&s->input);
    else
        text_fini(&s->input);
    s->input_line_start = s->input_line_bytes = 0;
    s->literal_left = 0;
    s->announced.open = false;
    s->input_nul = false;
    s->input_state = INPUT_COMMAND;
}

static void say_refusal(ll_session *s)
{
    forget(s);
    if (s->stage != STAGE_COLLECT)
        return; /* a command's own skip: session.c goes on */
    if (appends_any(s))
        s->refusal_held = true;
    else
        input_say_refusal(s);
}

void input_say_refusal(ll_session *s)
{
    s->refusal_held = false;
    session_add(s, text_span(&s->refusal));
    text_fini(&s->refusal);
    if (s->refusal_is_bad)
        session_count_bad(s);
}

/* The command is not to be: "BAD why", "NO why". The reply is said at once if the client waits for it, else when `left`
 * bytes and the rest of the command have been passed over. */
static void refuse(ll_session *s, const char *reply, bool skip, uint64_t left)
{
    ll_span tag = collected_tag(s);
    text_clear(&s->refusal);
    s->refusal_is_bad = *reply == 'B';
    text_print(&s->refusal, "%.*s %s\r\n", SPAN_PRINT(tag), reply);
    if (skip)
        input_skip(s, left);
    else
        say_refusal(s);
}

void input_skip(ll_session *s, uint64_t left)
{
    if (left > s->limits.literal_bytes && left / 2 > s->limits.literal_bytes) {
        session_bye(s, "[TOOBIG] Literal is far too large");
        return;
    }
    forget(s);
    s->input_state = INPUT_SKIP;
    s->literal_left = left;
}

/* --- the states --- */

/* "APPEND ", "REPLACE 4 ", "UID REPLACE 4 ": what stands before the mailbox. */
static bool skip_name(lexer *in)
{
    uint32_t number;
    if (lexer_is_word(in, "APPEND"))
        return lexer_space(in);
    if (lexer_is_word(in, "UID") && !lexer_space(in))
        return false;
    return lexer_is_word(in, "REPLACE") && lexer_space(in) && (lexer_byte(in, '*') || lexer_number(in, &number)) &&
           lexer_space(in);
}

/* The line that goes on with a literal is in `input`. Is it a message for APPEND or REPLACE? Its mailbox has been read
 * then. */
static bool is_append_message(ll_session *s, size_t at)
{
    ll_span tag, mailbox;
    lexer in;
    if (is_before_login(s))
        return false;
    lexer_init(&in, span_first(text_span(&s->input), at), NULL, 0);
    if (!lexer_tag(&in, &tag) || !lexer_space(&in) || !skip_name(&in))
        return false;
    if (lexer_peek(&in) == '"') { /* escapes are not to be undone here: there is no arena */
        size_t end = in.at + 1;
        while (end < in.input.size && in.input.data[end] != '"')
            end += in.input.data[end] == '\\' ? 2 : 1;
        return end < in.input.size;
    }
    return (lexer_astring_atom(&in, &mailbox) || lexer_literal(&in, &mailbox)) && !lexer_end(&in);
}

static void announce(ll_session *s, const announcement *a)
{
    if (a->size > s->limits.literal_bytes) {
        refuse(s, "NO [TOOBIG] Message is too large", a->plus, a->size);
        return;
    }
    s->announced.open = true;
    s->announced.plus = a->plus;
    s->announced.binary = a->binary;
    s->announced.size = a->size;
    s->input_ready = true;
}

/* A literal that belongs to the command's text. */
static void begin_literal(ll_session *s, const announcement *a)
{
    if (a->size > literal_max(s, a->plus) || s->input.size + 2 + a->size > command_max(s)) {
        refuse(s, "BAD [TOOBIG] Literal is too large", a->plus, a->size);
        return;
    }
    text_add(&s->input, SPAN("\r\n"));
    if (!a->plus && appends_any(s)) { /* replies keep their order */
        text_add_str(&s->refusal, "+ OK\r\n");
        s->refusal_is_bad = false;
        s->refusal_held = true;
    } else if (!a->plus)
        session_add_str(s, "+ OK\r\n");
    s->literal_left = a->size;
    s->literal_binary = a->binary;
    s->input_line_start = s->input.size;
    s->input_state = a->size ? INPUT_LITERAL : INPUT_COMMAND;
}

/* A whole line of the command stands at the end of `input`, without its end. */
static void end_line(ll_session *s)
{
    ll_span line = span_from(text_span(&s->input), s->input_line_start);
    announcement a = input_announcement(line);
    a.at += s->input_line_start;
    switch (a.kind) {
    case ANNOUNCEMENT_NONE:
        s->input_ready = s->input.size > 0; /* an empty line is nothing */
        if (!s->input_ready)
            forget(s);
        break;
    case ANNOUNCEMENT_GOOD:
        if (is_append_message(s, a.at))
            announce(s, &a);
        else
            begin_literal(s, &a);
        break;
    case ANNOUNCEMENT_BAD:
        refuse(s, "BAD Not a literal", a.plus, a.size);
        break;
    case ANNOUNCEMENT_UNSAFE:
        session_bye(s, "Size of a literal expected");
        break;
    }
}

/* The line is too long. Its end may still be the announcement of a literal, and may have begun already. */
static void refuse_line(ll_session *s)
{
    char tail[tail_max];
    size_t size = s->input.size < tail_max ? s->input.size : tail_max;
    if (size)
        memcpy(tail, s->input.data + s->input.size - size, size);
    refuse(s, "BAD [TOOBIG] Command line is too long", true, 0);
    text_add(&s->input, span_of(tail, size));
    memory_wipe(tail, sizeof tail);
}

/* NUL is nowhere allowed but in a literal8 (RFC 3516). */
static void note_nul(ll_session *s, ll_span bytes, bool binary)
{
    s->input_nul = s->input_nul || (!binary && bytes.size && memchr(bytes.data, '\0', bytes.size));
}

static size_t take_command(ll_session *s, ll_span bytes)
{
    size_t end = span_find(bytes, '\n');
    bool whole = end < bytes.size;
    size_t size = whole ? end + 1 : end;
    uint64_t room = line_max(s) + 2 - s->input_line_bytes; /* CRLF does not count */
    uint64_t room_all = command_max(s) + 2 - s->input.size;
    room = room_all < room ? room_all : room;
    if (size > room) {
        text_add(&s->input, span_first(bytes, (size_t)room));
        refuse_line(s);
        return (size_t)room;
    }
    text_add(&s->input, span_first(bytes, size));
    note_nul(s, span_first(bytes, size), false);
    s->input_line_bytes += size;
    if (!whole || text_status(&s->input)) /* out of memory: the caller ends the session, rather than lose a command */
        return size;
    text_cut(&s->input, s->input.size - 1);
    if (s->input.size > s->input_line_start && s->input.data[s->input.size - 1] == '\r')
        text_cut(&s->input, s->input.size - 1);
    end_line(s);
    return size;
}

static size_t take_literal(ll_session *s, ll_span bytes)
{
    size_t size = bytes.size < s->literal_left ? bytes.size : (size_t)s->literal_left;
    text_add(&s->input, span_first(bytes, size));
    note_nul(s, span_first(bytes, size), s->literal_binary);
    s->literal_left -= size;
    if (!s->literal_left) {
        s->input_state = INPUT_COMMAND;
        s->input_line_start = s->input.size;
    }
    return size;
}

/* A skipped line has ended; does its command go on behind a literal? */
static void end_skipped_line(ll_session *s, ll_span line)
{
    announcement a = input_announcement(line);
    bool cut_off = line.size >= tail_max - 2 && a.kind == ANNOUNCEMENT_NONE && line.data[line.size - 1] == '}' &&
                   line.data[line.size - 2] == '+'; /* the announcement began before what was kept */
    if (a.kind == ANNOUNCEMENT_UNSAFE || cut_off)
        session_bye(s, "Size of a literal expected");
    else if (a.plus)
        input_skip(s, a.size);
    else
        say_refusal(s);
}

static size_t take_skip(ll_session *s, ll_span bytes)
{
    if (s->literal_left) {
        size_t size = bytes.size < s->literal_left ? bytes.size : (size_t)s->literal_left;
        s->literal_left -= size;
        return size;
    }
    size_t end = span_find(bytes, '\n');
    size_t from = end > tail_max ? end - tail_max : 0;
    text_add(&s->input, span_of(bytes.data + from, end - from));
    if (s->input.size > tail_max)
        text_drop(&s->input, s->input.size - tail_max);
    if (end == bytes.size)
        return end;
    ll_span line = text_span(&s->input);
    if (line.size && line.data[line.size - 1] == '\r')
        line.size--;
    char copy[tail_max];
    memcpy(copy, line.data, line.size);
    text_clear(&s->input);
    end_skipped_line(s, span_of(copy, line.size));
    memory_wipe(copy, sizeof copy);
    return end + 1;
}

static size_t take_line(ll_session *s, ll_span bytes)
{
    size_t end = span_find(bytes, '\n');
    uint64_t room = line_max(s) + 1 - s->line.size;
    if (end > room)
        s->line_overflow = true;
    if (!s->line_overflow)
        text_add(&s->line, span_first(bytes, end));
    if (end == bytes.size)
        return end;
    if (s->line.size && s->line.data[s->line.size - 1] == '\r')
        text_cut(&s->line, s->line.size - 1);
    s->line_ready = true;
    return end + 1;
}

static size_t take_stream(ll_session *s, ll_span bytes)
{
    size_t size = bytes.size < s->literal_left ? bytes.size : (size_t)s->literal_left;
    s->literal_left -= size;
    ll_status status = s->stream(s, &s->command, span_first(bytes, size));
    if (status) /* the command knows it; what is left still comes */
        s->stream = NULL;
    if (!s->literal_left || !s->stream)
        s->input_state = INPUT_COMMAND;
    return size;
}

size_t input_take(ll_session *s, ll_span bytes)
{
    size_t size = 0;
    if (is_before_login(s)) {
        uint64_t room = s->limits.prelogin_bytes - s->prelogin_bytes;
        if (!room) {
            session_bye(s, "Too much before login");
            return bytes.size;
        }
        bytes = bytes.size > room ? span_first(bytes, (size_t)room) : bytes;
    }
    bool counted = is_before_login(s);
    switch (s->input_state) {
    case INPUT_COMMAND:
        size = take_command(s, bytes);
        break;
    case INPUT_LITERAL:
        size = take_literal(s, bytes);
        break;
    case INPUT_SKIP:
        size = take_skip(s, bytes);
        break;
    case INPUT_LINE:
        size = take_line(s, bytes);
        break;
    case INPUT_STREAM:
        size = take_stream(s, bytes);
        break;
    }
    if (counted)
        s->prelogin_bytes += size;
    if (text_status(&s->input) || text_status(&s->line))
        s->broken = true; /* the ceilings were asked before: memory is out */
    return size;
}

bool input_wanted(const ll_session *s)
{
    if (s->broken || s->waits_tls || s->state == SESSION_ENDING || s->appends.replying || s->bye_held)
        return false;
    switch (s->stage) {
    case STAGE_COLLECT:
        return !s->input_ready && !s->refusal_held && !session_full(s);
    case STAGE_STEP:
        return (s->input_state == INPUT_LINE && !s->line_ready) || s->input_state == INPUT_STREAM;
    case STAGE_SKIP:
        return s->input_state == INPUT_SKIP;
    case STAGE_SYNC:
        return false;
    }
    return false;
}

/* --- for commands --- */

static void forget_line(ll_session *s)
{
    text_wipe(&s->line);
    s->line_ready = s->line_overflow = false;
}

void input_want_line(ll_session *s)
{
    forget_line(s);
    s->input_state = INPUT_LINE;
}

void input_want_stream(ll_session *s, ll_status (*stream)(ll_session *s, command *c, ll_span bytes))
{
    assert(s->announced.open);
    if (!s->announced.plus)
        session_add_str(s, "+ OK\r\n");
    s->announced.open = false;
    s->literal_left = s->announced.size;
    s->stream = stream;
    s->input_state = s->literal_left ? INPUT_STREAM : INPUT_COMMAND;
}

void input_reset(ll_session *s)
{
    forget(s);
    forget_line(s);
    s->input_ready = false;
    s->stream = NULL;
}
