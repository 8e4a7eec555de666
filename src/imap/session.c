/* session.c - see session.h and section 5 of the public header: what carries a command from bytes to reply.
 * SPDX-License-Identifier: MIT
 *
 *     COLLECT ---input_ready---> command_begin ---> STEP ---done---> [SKIP] ---> SYNC ---> command_reply
 *                                         `---does not parse----------------^
 *
 * session_run goes on until a stage has to wait: COLLECT, SKIP and a STEP that wants a line or a stream for the
 * client's bytes; STEP for the connector (the call is pending), the host (a SASL answer) or room for output; SYNC for
 * room. Whatever ends a wait calls session_run again. Nothing else moves a session on, so commands run strictly one
 * after the other. */
#include "imap/session.h"

#include "base/memory.h"
#include "imap/input.h"
#include "imap/sync.h"

#include <assert.h>

/* --- birth and death --- */

static void greet(ll_session *s, ll_span greeting)
{
    session_add(s, SPAN("* OK [CAPABILITY "));
    session_capabilities(s, &s->output);
    session_add(s, SPAN("] "));
    session_add(s, greeting.size ? greeting : SPAN("Letterlock ready"));
    session_add(s, SPAN("\r\n"));
}

ll_status ll_session_new(ll_session **out, const ll_session_config *config)
{
    const ll_allocator *allocator = config->allocator ? config->allocator : &memory_malloc;
    ll_session *s = memory_new(allocator, sizeof *s);
    *out = NULL;
    if (!s)
        return LL_ENOMEM;
    s->allocator = allocator;
    ll_limits_init(&s->limits);
    if (config->limits) /* a host of an older version knows fewer */
        memcpy(&s->limits, config->limits,
               config->limits->size < sizeof s->limits ? config->limits->size : sizeof s->limits);
    s->host = config->host;
    s->context = config->context;
    s->secure = config->flags & LL_SESSION_SECURE;
    s->clear_login = config->flags & LL_SESSION_CLEAR_LOGIN;
    uint64_t most = s->limits.command_bytes > s->limits.prelogin_command_bytes ? s->limits.command_bytes
                                                                               : s->limits.prelogin_command_bytes;
    text_init(&s->input, allocator, (size_t)most + 8);
    text_init(&s->line, allocator, (size_t)(s->limits.line_bytes + s->limits.prelogin_command_bytes));
    text_init(&s->refusal, allocator, session_tag_max + 256);
    text_init(&s->auth_text, allocator, (size_t)s->limits.prelogin_command_bytes);
    /* twice: what was sent already is dropped only when it is the greater part */
    text_init(&s->output, allocator, (size_t)(s->limits.output_bytes + session_output_slack) * 2);
    arena_init(&s->command.memory, allocator, 0);
    snapshot_init(&s->snap);
    greet(s, config->greeting);
    if (text_status(&s->output)) {
        ll_session_del(&s);
        return LL_ENOMEM;
    }
    *out = s;
    return LL_OK;
}

static bool is_pending(const ll_session *s)
{
    return s->call && s->call->pending;
}

static void forget_auth(ll_session *s)
{
    if (s->auth_active && s->host->auth_cancel)
        s->host->auth_cancel(s->context);
    s->auth_active = false;
    s->auth_answer = AUTH_NONE;
    text_wipe(&s->auth_text);
}

/* The session goes while the connector is at work for it: the call closes everything when it is done. */
static void leave_call_behind(ll_session *s)
{
    command *c = &s->command;
    if (c->row && c->row->drop)
        c->row->drop(s, c);
    uidset_del(&c->sync_force);
    uidset_del(&c->sync_silent);
    call_orphan(&s->call, s->connector, s->self, s->mailbox, s->uploads, s->uploads_committed ? 0 : s->uploads_count,
                &c->memory);
    s->uploads = NULL;
    s->mailbox = NULL;
    s->connector = NULL;
}

void ll_session_del(ll_session **session)
{
    ll_session *s = *session;
    *session = NULL;
    if (!s)
        return;
    forget_auth(s);
    if (is_pending(s)) {
        leave_call_behind(s);
        sync_drop(s);
        snapshot_fini(&s->snap);
    } else {
        command_end(s);
        session_unselect(s);
        if (s->connector && s->connector->end)
            s->connector->end(s->self);
        call_del(&s->call);
    }
    input_reset(s);
    text_fini(&s->refusal);
    text_fini(&s->output);
    memory_free(s->allocator, (char *)(uintptr_t)s->shutdown_text.data);
    memory_free(s->allocator, s);
}

/* --- for the commands --- */

static size_t output_left(const ll_session *s)
{
    return s->output.size - s->output_sent;
}

bool session_full(const ll_session *s)
{
    return output_left(s) >= s->limits.output_bytes;
}

ll_call *session_call(ll_session *s)
{
    return call_begin(s->call);
}

ll_status session_asked(ll_session *s, ll_status status)
{
    if (status == LL_LATER)
        s->call->pending = true;
    else
        s->call->status = status;
    return status;
}

void session_unselect(ll_session *s)
{
    sync_drop(s);
    snapshot_fini(&s->snap);
    if (s->mailbox)
        s->connector->close(s->self, s->mailbox);
    s->mailbox = NULL;
    s->readonly = s->notified = false;
    if (s->state == SESSION_SELECTED)
        s->state = SESSION_AUTHENTICATED;
}

/* Nothing more is read. */
static void end_session(ll_session *s)
{
    forget_auth(s);
    if (!is_pending(s))
        session_unselect(s);
    s->state = SESSION_ENDING;
}

static void log_bye(const ll_session *s, const char *human)
{
    text line;
    if (!s->host->log)
        return;
    text_init(&line, s->allocator, 1024);
    text_print(&line, "imap-bye reason=\"%.200s\"", human);
    if (!text_status(&line))
        s->host->log(s->context, text_span(&line));
    text_fini(&line);
}

void session_bye(ll_session *s, const char *human)
{
    if (s->state == SESSION_ENDING)
        return;
    session_say(s, "* BYE %s\r\n", human);
    log_bye(s, human);
    end_session(s);
}

bool session_may_login(const ll_session *s)
{
    return s->secure || s->clear_login;
}

static void add_mechanisms(const ll_session *s, text *out)
{
    ll_span rest = span_str(s->host->mechanisms ? s->host->mechanisms(s->context) : "");
    while (rest.size) {
        ll_span one = span_cut(&rest, ' ');
        if (one.size)
            text_print(out, " AUTH=%.*s", SPAN_PRINT(one));
    }
}

void session_capabilities(const ll_session *s, text *out)
{
    text_add_str(out, "IMAP4rev1 LITERAL+ ID ENABLE IDLE NAMESPACE UNSELECT UIDPLUS MOVE CHILDREN SPECIAL-USE "
                      "CREATE-SPECIAL-USE");
    if (s->limits.append_messages > 1)
        text_add_str(out, " MULTIAPPEND"); /* RFC 3502 */
    if (s->state != SESSION_NOT_AUTHENTICATED)
        return;
    text_add_str(out, " SASL-IR");
    if (!s->secure && s->host->start_tls)
        text_add_str(out, " STARTTLS");
    if (session_may_login(s))
        add_mechanisms(s, out);
    else
        text_add_str(out, " LOGINDISABLED");
}

void session_count_bad(ll_session *s)
{
    uint64_t most = s->state == SESSION_NOT_AUTHENTICATED ? s->limits.prelogin_bad_commands : s->limits.bad_commands;
    if (++s->bad_commands >= most)
        session_bye(s, "Too many commands that are not IMAP");
}

/* The reply is said: what it brings about. */
static void follow_up(ll_session *s)
{
    const char *bye = s->bye_after;
    bool end = s->end_after, tls = s->start_tls_after, bad = command_is_bad(s->outcome);
    s->bye_after = NULL;
    s->end_after = s->start_tls_after = false;
    command_end(s);
    if (bad)
        session_count_bad(s);
    else
        s->bad_commands = 0;
    if (bye)
        session_bye(s, bye);
    else if (end)
        end_session(s);
    else if (tls) {
        s->waits_tls = true;
        s->host->start_tls(s->context);
    }
}

/* --- the loop: each stage says whether it has moved --- */

static bool advance_step(ll_session *s)
{
    command *c = &s->command;
    if (is_pending(s) || session_full(s))
        return false;
    ll_status status = c->row->step(s, c);
    if (status > LL_OK || s->state == SESSION_ENDING)
        return false;
    command_finish(s, status);
    return true;
}

static bool advance_sync(ll_session *s)
{
    if (s->sync) {
        if (session_full(s))
            return false;
        ll_status status = sync_step(s);
        if (status == LL_MORE)
            return false;
        s->broken |= status != LL_OK;
    }
    command_reply(s);
    follow_up(s);
    return true;
}

/* No command is half answered: the session may end here. */
static bool at_rest(const ll_session *s)
{
    return s->stage == STAGE_COLLECT || (s->stage == STAGE_STEP && input_wanted(s));
}

static bool advance(ll_session *s)
{
    if (s->broken || s->waits_tls || s->state == SESSION_ENDING)
        return false;
    if (s->shutdown_text.data && at_rest(s)) {
        session_bye(s, s->shutdown_text.data);
        return false;
    }
    switch (s->stage) {
    case STAGE_COLLECT:
        if (!s->input_ready)
            return false;
        command_begin(s);
        return true;
    case STAGE_STEP:
        return advance_step(s);
    case STAGE_SKIP:
        if (s->input_state == INPUT_SKIP)
            return false;
        command_sync(s);
        return true;
    case STAGE_SYNC:
        return advance_sync(s);
    }
    return false;
}

void session_run(ll_session *s)
{
    if (s->running)
        return;
    s->running = true;
    while (advance(s))
        ;
    s->running = false;
    if (text_status(&s->output) || text_status(&s->refusal))
        s->broken = true;
}

/* --- what the host calls --- */

/* The host learns of what happened outside of ll_session_input and ll_session_sent. */
static void go_on(ll_session *s)
{
    if (s->running)
        return;
    session_run(s);
    if (s->host->wake)
        s->host->wake(s->context);
}

void session_call_done(ll_call *call, void *context)
{
    (void)call;
    go_on(context);
}

ll_status ll_session_input(ll_session *s, ll_span bytes, size_t *taken)
{
    *taken = 0;
    if (s->broken)
        return LL_ENOMEM;
    if (s->state == SESSION_ENDING)
        return LL_ECLOSED;
    while (*taken < bytes.size) {
        if (s->waits_tls) { /* sent in clear behind STARTTLS: perhaps by somebody else */
            *taken = bytes.size;
            break;
        }
        if (!input_wanted(s))
            break;
        *taken += input_take(s, span_from(bytes, *taken));
        session_run(s);
    }
    return s->broken ? LL_ENOMEM : LL_OK;
}

ll_span ll_session_output(ll_session *s)
{
    return span_from(text_span(&s->output), s->output_sent);
}

void ll_session_sent(ll_session *s, size_t size)
{
    assert(size <= output_left(s));
    s->output_sent += size;
    if (!output_left(s)) {
        if (s->output.room > session_output_keep)
            text_fini(&s->output);
        else
            text_cut(&s->output, 0);
        s->output_sent = 0;
    } else if (s->output_sent >= s->output.size / 2) {
        text_drop(&s->output, s->output_sent);
        s->output_sent = 0;
    }
    session_run(s);
}

unsigned ll_session_wants(const ll_session *s)
{
    if (s->broken)
        return LL_WANTS_CLOSE;
    unsigned wants = output_left(s) ? LL_WANTS_OUTPUT : 0;
    if (s->state == SESSION_ENDING)
        return wants ? wants : LL_WANTS_CLOSE;
    if (s->waits_tls)
        return wants | LL_WANTS_TLS;
    return wants | (input_wanted(s) ? LL_WANTS_INPUT : 0u);
}

void ll_session_notify(ll_session *s)
{
    s->notified = true;
    if (s->stage == STAGE_STEP && s->command.row->step == run_idle && s->state != SESSION_ENDING)
        go_on(s);
}

uint64_t ll_session_timeout_ms(const ll_session *s)
{
    if (is_pending(s) && s->state != SESSION_ENDING)
        return 0; /* the client waits for us */
    return s->connector && s->state != SESSION_ENDING ? s->limits.idle_timeout_ms : s->limits.prelogin_timeout_ms;
}

void ll_session_expire(ll_session *s)
{
    if (s->state == SESSION_ENDING) { /* it does not even read the BYE */
        text_fini(&s->output);
        s->output_sent = 0;
    } else
        session_bye(s, "Silent for too long");
    go_on(s);
}

void ll_session_shutdown(ll_session *s, ll_span human)
{
    if (s->shutdown_text.data || s->state == SESSION_ENDING)
        return;
    if (!human.size)
        human = SPAN("The server is going down");
    char *copy = memory_new(s->allocator, human.size + 1);
    if (!copy) {
        s->broken = true;
        return;
    }
    for (size_t i = 0; i < human.size; i++)
        copy[i] = human.data[i] >= ' ' && human.data[i] <= '~' ? human.data[i] : ' ';
    s->shutdown_text = span_of(copy, human.size);
    go_on(s);
}

/* --- the host's answers to SASL --- */

static void answered(ll_session *s, auth_answer answer, ll_status status, ll_span human)
{
    text_clear(&s->auth_text);
    text_add(&s->auth_text, human);
    if (text_status(&s->auth_text))
        s->broken = true;
    s->auth_status = status;
    s->auth_answer = answer;
    go_on(s);
}

void ll_session_challenge(ll_session *s, ll_span challenge)
{
    if (s->auth_active)
        answered(s, AUTH_CHALLENGE, LL_OK, challenge);
}

void ll_session_authenticated(ll_session *s, const ll_connector *connector, void *self, ll_span final)
{
    ll_call *call = NULL;
    if (!s->auth_active || call_new(&call, s->allocator, session_call_done, s)) {
        if (connector->end)
            connector->end(self);
        if (s->auth_active && s->host->auth_cancel)
            s->host->auth_cancel(s->context);
        if (s->auth_active)
            ll_session_refused(s, LL_ENOMEM, span_of("", 0));
        return;
    }
    s->auth_active = false;
    s->call = call;
    s->connector = connector;
    s->self = self;
    answered(s, AUTH_DONE, LL_OK, final);
}

void ll_session_refused(ll_session *s, ll_status status, ll_span human)
{
    if (!s->auth_active)
        return;
    s->auth_active = false;
    answered(s, AUTH_REFUSED, status < 0 ? status : LL_EAUTH, human);
}

void ll_session_secured(ll_session *s)
{
    if (!s->waits_tls)
        return;
    s->waits_tls = false;
    s->secure = true;
    s->bad_commands = 0;
    s->prelogin_bytes = 0;
    input_reset(s);
    go_on(s);
}
