/* command.c - see command.h: a command from its text to its tagged reply.
 * SPDX-License-Identifier: MIT */
#include "imap/command.h"

#include "base/memory.h"
#include "imap/input.h"
#include "imap/message_limit.h"
#include "imap/notify.h"
#include "imap/sync.h"

#include <inttypes.h>
#include <stdio.h>

const command_row *command_find(ll_span name, bool uid)
{
    for (size_t i = 0; i < command_table_count; i++) {
        const command_row *row = &command_table[i];
        bool fits = uid ? row->flags & (COMMAND_UID | COMMAND_UID_ONLY) : !(row->flags & COMMAND_UID_ONLY);
        if (fits && span_equal_nocase(name, span_str(row->name)))
            return row;
    }
    return NULL;
}

const char *command_print(command *c, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    char *string = size < 0 ? NULL : arena_new(&c->memory, (size_t)size + 1);
    if (string)
        vsnprintf(string, (size_t)size + 1, format, again);
    va_end(again);
    va_end(args);
    return string;
}

/* Human text from outside may hold what would break the reply's line, or look like a response code. */
static const char *clean_text(command *c, ll_span human)
{
    ll_span copy = arena_copy(&c->memory, human);
    char *clean = (char *)(uintptr_t)copy.data;
    if (!clean || !copy.size)
        return NULL;
    for (size_t i = 0; i < copy.size; i++)
        if (clean[i] < ' ' || clean[i] > '~')
            clean[i] = clean[i] >= 0 && clean[i] < ' ' ? ' ' : '?';
    if (clean[0] == '[')
        clean[0] = '(';
    return clean;
}

ll_status session_failed(command *c, ll_status status, ll_span human)
{
    if (human.size)
        c->text = clean_text(c, human);
    return status;
}

ll_status session_call_failed(ll_session *s, command *c)
{
    return session_failed(c, s->call->status, s->call->text);
}

ll_status session_uid_required(command *c)
{
    c->code = "UIDREQUIRED";
    c->text = "Message numbers are off: use UIDs";
    return LL_EINVAL;
}

/* --- a command begins --- */

/* Its state allows it; else why not. */
static const char *forbidden(const ll_session *s, const command_row *row)
{
    if (row->flags & COMMAND_ANY)
        return NULL;
    if (row->flags & COMMAND_NOT_AUTHENTICATED)
        return s->state == SESSION_NOT_AUTHENTICATED ? NULL : "You are logged in already";
    if (s->state == SESSION_NOT_AUTHENTICATED)
        return "Log in first";
    if (row->flags & COMMAND_SELECTED && s->state != SESSION_SELECTED)
        return "No mailbox is selected";
    return NULL;
}

static ll_status parse_command(ll_session *s, lexer *in)
{
    command *c = &s->command;
    ll_span name;
    if (!lexer_space(in) || !lexer_word(in, &name))
        return LL_ESYNTAX;
    if (span_equal_nocase(name, SPAN("UID"))) {
        c->uid = true;
        if (!lexer_space(in) || !lexer_word(in, &name))
            return LL_ESYNTAX;
    }
    c->row = command_find(name, c->uid);
    if (!c->row || (!lexer_end(in) && !lexer_space(in))) {
        c->row = NULL;
        c->text = "Unknown command";
        return LL_ESYNTAX;
    }
    c->text = forbidden(s, c->row);
    if (c->text)
        return LL_EINVAL;
    if (c->row->flags & COMMAND_NUMBERS && !c->uid && s->enabled & SESSION_ENABLED_UIDONLY)
        return session_uid_required(c);
    if (c->row->flags & COMMAND_WRITES && s->readonly)
        return LL_EREADONLY;
    ll_status status = c->row->parse(s, c, in);
    if (status == LL_OK && !lexer_end(in))
        status = LL_ESYNTAX;
    return status;
}

/* The command is over, well or not. */
void command_finish(ll_session *s, ll_status status)
{
    s->outcome = status;
    s->stage = STAGE_SKIP;
    if (s->appends.replying) /* what is being received is of another */
        return;
    if (s->announced.open && s->announced.plus) /* its message comes nevertheless */
        input_skip(s, s->announced.size);
    s->announced.open = false;
}

void command_begin(ll_session *s)
{
    command *c = &s->command;
    bool stranger = s->state == SESSION_NOT_AUTHENTICATED;
    lexer in;
    s->input_ready = false;
    s->input_line_start = s->input_line_bytes = 0;
    arena_init(&c->memory, s->allocator, stranger ? session_prelogin_memory : session_command_memory);
    s->command_text = arena_copy(&c->memory, text_span(&s->input));
    if (stranger)
        text_wipe(&s->input);
    else
        text_fini(&s->input);
    if (!s->command_text.data) {
        s->command_text = span_of("", 0);
        s->broken = true;
        return;
    }
    lexer_init(&in, s->command_text, &c->memory, (unsigned)(stranger ? s->limits.prelogin_depth : s->limits.depth));
    if (!lexer_tag(&in, &c->tag) || c->tag.size > session_tag_max)
        c->tag = SPAN("*");
    s->stage = STAGE_STEP;
    ll_status status = LL_ESYNTAX;
    if (c->tag.data[0] == '*')
        c->text = "Tag expected";
    else if (s->input_nul)
        c->text = "NUL is not allowed";
    else
        status = parse_command(s, &in);
    if (status)
        command_finish(s, status);
}

void command_begin_news(ll_session *s)
{
    command *c = &s->command;
    arena_init(&c->memory, s->allocator, session_command_memory);
    c->tag = SPAN("*");
    c->row = &notify_row;
    s->stage = STAGE_STEP;
}

/* --- and ends --- */

void command_sync(ll_session *s)
{
    command *c = &s->command;
    bool nothing;
    s->stage = STAGE_SYNC;
    sync_drop(s);
    if (!s->mailbox || !c->row || c->row->flags & COMMAND_NO_SYNC)
        return;
    /* what is BAD has changed nothing */
    bool tells = (c->row->flags & COMMAND_TELLS && !command_is_bad(s->outcome)) || c->sync_tells;
    if (!notify_wants_selected(s) && !tells && !c->sync_force) {
        if (sync_closed(s))
            s->bye_after = "The mailbox was deleted";
        return;
    }
    bool hold = c->sync_hold_expunge || (c->row->flags & COMMAND_NO_EXPUNGE && !c->uid);
    ll_status status = sync_begin(s, !hold, c->sync_force, c->sync_silent, c->uid, &nothing);
    if (!status && s->sync && c->sync_modseq)
        sync_all_modseqs(s);
    if (status == LL_ECLOSED)
        s->bye_after = "The mailbox was deleted";
    else if (status)
        s->broken = true;
}

bool command_is_bad(ll_status status)
{
    return status == LL_ESYNTAX || status == LL_EINVAL;
}

void command_reply(ll_session *s)
{
    command *c = &s->command;
    const char *name = c->row ? c->row->name : "", *code = c->code;
    if (c->row == &notify_row)
        return;
    if (!code && s->outcome < 0 && !command_is_bad(s->outcome))
        code = ll_status_imap(s->outcome);
    bool syncs = c->row && !(c->row->flags & COMMAND_NO_SYNC);
    bool ghosts = syncs && s->mailbox && snapshot_has_ghosts(&s->snap);
    /* RFC 7162 section 3.2: MODSEQs said may be above theirs, whether EXPUNGE or VANISHED is held back */
    if (ghosts && s->enabled & SESSION_ENABLED_CONDSTORE && session_can(s, changes))
        session_say(s, "* OK [HIGHESTMODSEQ %" PRIu64 "] Of what was told\r\n", snapshot_modseq(&s->snap));
    const char *limited = s->outcome ? NULL : message_limit_code(s, c);
    if (c->limited && !s->outcome && !limited) /* no memory: never "completed" without a word */
        s->broken = true;
    if (limited && (code || ghosts || (s->mailbox && c->reply_modseq))) /* RFC 9738 section 3.1 */
        session_say(s, "* NO [%s] Only the newest of the messages\r\n", limited);
    else if (limited)
        code = limited;
    if (!code && !s->outcome && s->mailbox && c->reply_modseq)
        code = command_print(c, "HIGHESTMODSEQ %" PRIu64, snapshot_modseq(&s->snap));
    if (!code && !s->outcome && ghosts) {
        code = "EXPUNGEISSUED"; /* RFC 5530 section 3 */
        c->said_expunge_held = true;
    }
    session_say(s, "%.*s %s ", SPAN_PRINT(c->tag), !s->outcome ? "OK" : command_is_bad(s->outcome) ? "BAD" : "NO");
    if (code && *code)
        session_say(s, "[%s] ", code);
    if (c->text)
        session_say(s, "%s\r\n", c->text);
    else if (!s->outcome)
        session_say(s, "%s%s completed\r\n", c->uid ? "UID " : "", name);
    else if (command_is_bad(s->outcome))
        session_say(s, "%s%s%s\r\n", name, *name ? ": " : "", "Not understood");
    else
        session_say(s, "%s failed: %s\r\n", name, ll_status_text(s->outcome));
}

/* What a call has opened and nobody has taken. */
static void release_answer(ll_session *s)
{
    ll_call *call = s->call;
    if (call->mailbox)
        s->connector->close(s->self, call->mailbox);
    if (call->upload)
        s->connector->append_abort(s->self, call->upload);
    call->mailbox = call->upload = NULL;
}

void command_end(ll_session *s)
{
    command *c = &s->command;
    if (c->row && c->row->drop)
        c->row->drop(s, c);
    uidset_del(&c->sync_force);
    uidset_del(&c->sync_silent);
    if (s->command_text.size && (s->state == SESSION_NOT_AUTHENTICATED || (c->row && c->row->flags & COMMAND_SECRET)))
        memory_wipe((char *)(uintptr_t)s->command_text.data, s->command_text.size);
    s->command_text = span_of("", 0);
    arena_fini(&c->memory);
    *c = (command){.memory = c->memory};
    s->stage = STAGE_COLLECT;
    s->outcome = LL_OK;
    if (!s->appends.replying)
        input_reset(s);
    text_wipe(&s->auth_text);
    if (s->other_mailbox) {
        s->connector->close(s->self, s->other_mailbox);
        s->other_mailbox = NULL;
    }
    if (s->call) { /* an idle session holds no memory */
        release_answer(s);
        call_begin(s->call);
        arena_fini(&s->call->memory);
        text_fini(&s->call->bytes);
    }
}
