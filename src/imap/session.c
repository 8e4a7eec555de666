/* session.c - see session.h and section 5 of the public header: what carries a command from bytes to reply.
 * SPDX-License-Identifier: MIT
 *
 *     COLLECT ---input_ready---> command_begin ---> STEP ---done---> [SKIP] ---> SYNC ---> command_reply
 *                                         `---does not parse----------------^
 *
 * session_run goes on until a stage has to wait: COLLECT, SKIP and a STEP that wants a line or a stream for the
 * client's bytes; STEP for the connector (the call is pending), the host (a SASL answer) or room for output; SYNC for
 * room. Whatever ends a wait calls session_run again. Nothing else moves a session on, so commands run strictly one
 * after the other; but while an APPEND waits for its commit the next may be received, see appends.h. */
#include "imap/session.h"

#include "base/memory.h"
#include "imap/appends.h"
#include "imap/capabilities.h"
#include "imap/compress.h"
#include "imap/input.h"
#include "imap/name.h"
#include "imap/notify.h"
#include "imap/response.h"
#include "imap/search_context.h"
#include "imap/sync.h"

#include <assert.h>
#include <inttypes.h>

/* --- birth and death --- */

static void greet(ll_session *s, ll_span greeting)
{
    session_add(s, SPAN("* OK [CAPABILITY "));
    capabilities_add(s, &s->output);
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
    text_init(&s->selected_name, allocator, (size_t)s->limits.mailbox_name_bytes);
    text_init(&s->line, allocator, (size_t)(s->limits.line_bytes + s->limits.prelogin_command_bytes));
    text_init(&s->refusal, allocator, session_tag_max + 256);
    text_init(&s->auth_text, allocator, (size_t)s->limits.prelogin_command_bytes);
    /* twice: what was sent already is dropped only when it is the greater part */
    text_init(&s->output, allocator, (size_t)(s->limits.output_bytes + session_output_slack) * 2);
    text_init(&s->mailbox_key, allocator, SIZE_MAX / 2);
    text_init(&s->packed, allocator, (size_t)(s->limits.output_bytes + session_output_slack) * 2);
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

/* The session goes. If the connector is at work for the command under way, the call stays behind. */
static void leave_command(ll_session *s, ll_call **orphans)
{
    command *c = &s->command;
    if (!is_pending(s)) {
        sync_drop(s); /* before the command's memory goes: it has rows there */
        command_end(s);
        call_del(&s->call);
        return;
    }
    if (c->row && c->row->drop)
        c->row->drop(s, c);
    uidset_del(&c->sync_force);
    uidset_del(&c->sync_silent);
    call_orphan(&s->call, orphans, s->uploads, s->uploads_committed ? 0 : s->uploads_count, &c->memory);
    s->uploads = NULL;
    sync_drop(s);
}

void ll_session_del(ll_session **session)
{
    ll_session *s = *session;
    *session = NULL;
    if (!s)
        return;
    forget_auth(s);
    notify_del(s);
    ll_call *orphans = NULL;
    do
        leave_command(s, &orphans);
    while (appends_next(s));
    if (orphans) {
        call_orphans_leave(orphans, s->connector, s->self, s->mailbox, s->other_mailbox);
        snapshot_fini(&s->snap);
    } else {
        session_unselect(s);
        if (s->connector && s->connector->end)
            s->connector->end(s->self);
    }
    input_reset(s);
    search_context_drop(s, span_of(NULL, 0));
    text_fini(&s->selected_name);
    text_fini(&s->refusal);
    text_fini(&s->output);
    text_fini(&s->packed);
    text_fini(&s->mailbox_key);
    compress_del(&s->compress);
    memory_free(s->allocator, (char *)(uintptr_t)s->shutdown_text.data);
    memory_free(s->allocator, s);
}

/* --- for the commands --- */

static size_t output_left(const ll_session *s)
{
    return s->output.size - s->output_sent;
}

/* Something is to be sent. */
static bool has_output(const ll_session *s)
{
    return output_left(s) || s->packed.size > s->packed_sent;
}

bool session_full(const ll_session *s)
{
    return output_left(s) >= s->limits.output_bytes;
}

bool session_yield(ll_session *s)
{
    const size_t needed = offsetof(ll_host, again) + sizeof s->host->again;
    s->paused = s->host->size >= needed && s->host->again;
    return s->paused;
}

int32_t session_offset(const ll_session *s, int64_t seconds)
{
    const int32_t most = 24 * 60 - 1;
    int32_t offset = session_host_can(s, utc_offset) ? s->host->utc_offset(s->context, seconds) : 0;
    return offset < -most ? -most : offset > most ? most : offset;
}

static int64_t now_of(const ll_session *s)
{
    return s->host->now ? s->host->now(s->context) : 0;
}

/* RFC 9585 section 4: what is done is less than what there is to do, and a tag with "]" cannot be said. */
static void say_progress(ll_session *s, command *c, int64_t now)
{
    bool tag = !memchr(c->tag.data, ']', c->tag.size), known = c->progress_total > 0;
    if (known && c->progress_done >= c->progress_total)
        return;
    c->heard_s = now;
    session_add(s, SPAN("* OK [INPROGRESS ("));
    session_say(s, tag ? "\"%.*s\"" : "NIL", SPAN_PRINT(c->tag));
    if (known)
        session_say(s, " %u %u)] %u of %u\r\n", c->progress_done, c->progress_total, c->progress_done,
                    c->progress_total);
    else
        session_add(s, SPAN(" NIL NIL)] Still at work\r\n"));
}

/* The client waits for the connector, has read everything, and no response is half written. */
static bool may_say_progress(const ll_session *s)
{
    const command *c = &s->command;
    return s->stage == STAGE_STEP && !output_left(s) && !c->mid_response && c->tag.size && c->tag.data[0] != '*' &&
           c->row && c->row->step != run_idle && c->row->step != run_notify;
}

void session_progress(ll_session *s, uint32_t done, uint32_t total)
{
    command *c = &s->command;
    int64_t now = now_of(s);
    c->progress_done = done;
    c->progress_total = total;
    if (!c->heard_s || output_left(s) || now < c->heard_s)
        c->heard_s = now;
    if (now - c->heard_s >= session_progress_s)
        say_progress(s, c, now);
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
    text_fini(&s->selected_name);
    search_context_drop(s, span_of(NULL, 0));
    s->readonly = s->notified = false;
    s->recent_first = 0;
    text_fini(&s->mailbox_key);
    notify_selected(s);
    if (s->state == SESSION_SELECTED)
        s->state = SESSION_AUTHENTICATED;
}

void session_forget_login(ll_session *s)
{
    notify_del(s);
    session_unselect(s);
    if (s->connector->end)
        s->connector->end(s->self);
    s->connector = NULL;
    s->self = NULL;
    call_del(&s->call);
    s->enabled = 0;
    s->prelogin_bytes = 0;
    s->state = SESSION_NOT_AUTHENTICATED;
    s->host->unauthenticated(s->context);
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
    if (appends_any(s)) { /* their replies come first */
        s->bye_held = s->bye_held ? s->bye_held : human;
        return;
    }
    session_say(s, "* BYE %s\r\n", human);
    log_bye(s, human);
    end_session(s);
}

void session_enable_condstore(ll_session *s)
{
    if (s->enabled & SESSION_ENABLED_CONDSTORE)
        return;
    s->enabled |= SESSION_ENABLED_CONDSTORE;
    if (s->mailbox && session_can(s, changes))
        session_say(s, "* OK [HIGHESTMODSEQ %" PRIu64 "] Highest\r\n", snapshot_modseq(&s->snap));
}

uint64_t session_modseq(const ll_session *s, const ll_row *row)
{
    uint64_t view = ll_view_modseq(s->snap.view);
    return row->modseq < view ? row->modseq : view;
}

/* Written so that '&' means itself in modified UTF-7 too. */
static ll_status escape_name(const ll_session *s, ll_span written, arena *memory, ll_span *escaped)
{
    *escaped = written;
    if (!session_utf8(s) || span_find(written, '&') == written.size)
        return LL_OK;
    text twice;
    text_init(&twice, s->allocator, written.size * 2);
    for (size_t i = 0; i < written.size; i++)
        text_add(&twice, written.data[i] == '&' ? SPAN("&-") : span_of(written.data + i, 1));
    *escaped = text_status(&twice) ? span_of(NULL, 0) : arena_copy(memory, text_span(&twice));
    text_fini(&twice);
    return escaped->data ? LL_OK : LL_ENOMEM;
}

ll_status session_read_name(const ll_session *s, ll_span written, arena *memory, ll_span *name)
{
    ll_status status = escape_name(s, written, memory, &written);
    return status ? status : name_read(written, &s->limits, memory, name);
}

ll_status session_read_pattern(const ll_session *s, ll_span reference, ll_span written, arena *memory, ll_span *pattern)
{
    ll_status status = escape_name(s, reference, memory, &reference);
    if (!status)
        status = escape_name(s, written, memory, &written);
    return status ? status : name_read_pattern(reference, written, &s->limits, memory, pattern);
}

void session_add_name(const ll_session *s, text *out, ll_span name)
{
    if (session_utf8(s))
        response_string_as(out, name, true);
    else
        response_mailbox(out, name);
}

void session_count_bad(ll_session *s)
{
    uint64_t most = s->state == SESSION_NOT_AUTHENTICATED ? s->limits.prelogin_bad_commands : s->limits.bad_commands;
    if (++s->bad_commands >= most)
        session_bye(s, "Too many commands that are not IMAP");
}

/* What is in `output` now goes as it is, RFC 4978 section 3. */
static void start_compress(ll_session *s)
{
    s->packed = s->output;
    s->packed_sent = s->output_sent;
    text_init(&s->output, s->allocator, s->packed.size_max);
    s->output_sent = 0;
    s->compress_active = true;
}

/* The reply is said: what it brings about. */
static void follow_up(ll_session *s)
{
    const char *bye = s->bye_after;
    bool end = s->end_after, pack = s->compress_after, tls = s->start_tls_after, bad = command_is_bad(s->outcome);
    s->bye_after = NULL;
    s->end_after = s->compress_after = s->start_tls_after = false;
    bool news = s->command.row == &notify_row;
    command_end(s);
    if (s->appends.replying)
        appends_done(s);
    if (news)
        return;
    if (bad)
        session_count_bad(s);
    else
        s->bad_commands = 0;
    if (bye)
        session_bye(s, bye);
    else if (end)
        end_session(s);
    else if (pack)
        start_compress(s);
    else if (tls) {
        s->waits_tls = true;
        s->host->start_tls(s->context);
    }
}

/* --- the loop: each stage says whether it has moved --- */

static bool advance_step(ll_session *s)
{
    command *c = &s->command;
    if (is_pending(s) || s->paused || session_full(s))
        return false;
    ll_status status = c->row->step(s, c);
    if (status == LL_LATER && appends_put_out(s))
        return true;
    if (status > LL_OK || s->state == SESSION_ENDING)
        return false;
    command_finish(s, status);
    return true;
}

static bool advance_sync(ll_session *s)
{
    if (s->sync) {
        if (is_pending(s) || s->paused || session_full(s))
            return false;
        ll_status status = sync_step(s);
        if (status > LL_OK)
            return false;
        if (status) {
            s->broken = true;
            sync_drop(s); /* before the command's memory goes */
        }
    }
    command_reply(s);
    follow_up(s);
    return true;
}

/* No command is half answered: the session may end here. */
static bool at_rest(const ll_session *s)
{
    return !appends_any(s) && (s->stage == STAGE_COLLECT || (s->stage == STAGE_STEP && input_wanted(s)));
}

static bool advance_collect(ll_session *s)
{
    if (s->input_ready && appends_allow(s))
        command_begin(s);
    else if (s->input_ready || appends_any(s))
        return false;
    else if (s->refusal_held)
        input_say_refusal(s);
    else if (notify_due(s) && !s->input.size && s->input_state == INPUT_COMMAND && !session_full(s))
        command_begin_news(s);
    else
        return false;
    return true;
}

/* What the client still sends of a command that is done has come, and it is its turn to be replied to. */
static bool advance_skip(ll_session *s)
{
    if (!s->appends.replying && (s->input_state == INPUT_SKIP || appends_any(s)))
        return false;
    command_sync(s);
    return true;
}

static bool advance(ll_session *s)
{
    if (s->broken || s->waits_tls || s->state == SESSION_ENDING)
        return false;
    if (s->shutdown_text.data && at_rest(s)) {
        session_bye(s, s->shutdown_text.data);
        return false;
    }
    if (appends_take_back(s))
        return true;
    if (s->bye_held && !appends_any(s)) {
        session_bye(s, s->bye_held);
        return false;
    }
    switch (s->stage) {
    case STAGE_COLLECT:
        return advance_collect(s);
    case STAGE_STEP:
        return advance_step(s);
    case STAGE_SKIP:
        return advance_skip(s);
    case STAGE_SYNC:
        return advance_sync(s);
    }
    return false;
}

/* The client's compressed bytes were good; else the session ends. */
static bool inflated(ll_session *s, ll_status status)
{
    if (status == LL_ENOMEM)
        s->broken = true;
    else if (status == LL_ELIMIT)
        session_bye(s, "Compressed input expands too far");
    else if (status)
        session_bye(s, "Compressed input is damaged");
    return status == LL_OK;
}

/* What was inflated and not wanted until now. */
static bool advance_inflated(ll_session *s)
{
    size_t taken;
    if (!s->compress_active || !input_wanted(s))
        return false;
    ll_status status = compress_unpack(s->compress, SPAN(""), &taken);
    ll_span plain = compress_plain(s->compress);
    if (!inflated(s, status) || !plain.size)
        return false;
    compress_used(s->compress, input_take(s, plain));
    return true;
}

void session_run(ll_session *s)
{
    if (s->running)
        return;
    s->running = true;
    do {
        while (advance(s))
            ;
    } while (advance_inflated(s));
    s->running = false;
    if (s->paused && !s->broken)
        s->host->again(s->context);
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

/* Bytes as they come from the network; how many were used. */
static size_t take_input(ll_session *s, ll_span bytes)
{
    size_t taken;
    if (!s->compress_active)
        return input_take(s, bytes);
    ll_status status = compress_unpack(s->compress, bytes, &taken); /* session_run goes on with what comes out */
    inflated(s, status);
    return taken;
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
        *taken += take_input(s, span_from(bytes, *taken));
        session_run(s);
    }
    return s->broken ? LL_ENOMEM : LL_OK;
}

/* The first bytes of the output are needed no more. */
static void output_gone(ll_session *s, size_t size)
{
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
}

/* Some of the output becomes what the client is to get. Everything that is there goes out so that the client can read
 * all of it: it may be waiting for it. */
static void pack_output(ll_session *s)
{
    ll_span plain = span_from(text_span(&s->output), s->output_sent);
    bool all = plain.size <= compress_pack_most;
    plain = span_first(plain, all ? plain.size : compress_pack_most);
    if (compress_pack(s->compress, plain, all, &s->packed))
        s->broken = true;
    output_gone(s, plain.size);
}

ll_span ll_session_output(ll_session *s)
{
    if (s->compress_active) {
        if (s->packed.size == s->packed_sent && output_left(s))
            pack_output(s);
        return span_from(text_span(&s->packed), s->packed_sent);
    }
    return span_from(text_span(&s->output), s->output_sent);
}

void ll_session_sent(ll_session *s, size_t size)
{
    if (s->compress_active) {
        assert(size <= s->packed.size - s->packed_sent);
        s->packed_sent += size;
        if (s->packed_sent == s->packed.size) {
            text_fini(&s->packed);
            s->packed_sent = 0;
        }
    } else {
        assert(size <= output_left(s));
        output_gone(s, size);
    }
    session_run(s);
}

unsigned ll_session_wants(const ll_session *s)
{
    if (s->broken)
        return LL_WANTS_CLOSE;
    unsigned wants = has_output(s) ? LL_WANTS_OUTPUT : 0;
    if (s->state == SESSION_ENDING)
        return wants ? wants : LL_WANTS_CLOSE;
    if (appends_any(s))
        wants |= LL_WANTS_PATIENCE;
    if (s->waits_tls)
        return wants | LL_WANTS_TLS;
    return wants | (input_wanted(s) ? LL_WANTS_INPUT : 0u);
}

void ll_session_notify(ll_session *s)
{
    s->notified = true;
    notify_changed(s);
    bool idle = s->stage == STAGE_STEP && s->command.row->step == run_idle;
    if ((idle || (s->stage == STAGE_COLLECT && notify_due(s))) && s->state != SESSION_ENDING)
        go_on(s);
}

void ll_session_continue(ll_session *s)
{
    s->paused = false;
    go_on(s);
}

uint64_t ll_session_timeout_ms(const ll_session *s)
{
    if ((is_pending(s) || appends_any(s)) && s->state != SESSION_ENDING)
        return 1000 * (uint64_t)session_progress_s;
    if (s->paused && s->state != SESSION_ENDING)
        return 0; /* the client waits for us */
    return s->connector && s->state != SESSION_ENDING ? s->limits.idle_timeout_ms : s->limits.prelogin_timeout_ms;
}

void ll_session_expire(ll_session *s)
{
    bool ending = s->state == SESSION_ENDING;
    command *out = appends_oldest(s);
    if (out && !ending) { /* the first whose reply the client waits for; lines are whole while it is out */
        if (!output_left(s))
            say_progress(s, out, now_of(s));
        return;
    }
    if ((is_pending(s) || appends_any(s)) && !ending) {
        if (may_say_progress(s))
            say_progress(s, &s->command, now_of(s));
        return;
    }
    if (ending) { /* it does not even read the BYE */
        text_fini(&s->output);
        text_fini(&s->packed);
        s->output_sent = s->packed_sent = 0;
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
