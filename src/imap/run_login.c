/* run_login.c - LOGIN and AUTHENTICATE (RFC 3501 section 6.2, SASL-IR of RFC 4959).
 * SPDX-License-Identifier: MIT
 *
 * The engine knows no mechanism: the host does all of it.
 *
 * Phases: the first message goes to the host; then every answer of the host's is either the end or a challenge, to
 * which the client's next line is the response. The host may take its time for each answer: until then nothing of the
 * client is read. */
#include "base/codec.h"
#include "base/memory.h"
#include "imap/capabilities.h"
#include "imap/input.h"

typedef struct login_state {
    bool login;        /* LOGIN, not AUTHENTICATE */
    ll_span mechanism; /* upper case */
    ll_span initial;   /* base64 as written; data is NULL: none */
    ll_span user, password;
} login_state;

enum { PHASE_BEGIN, PHASE_HOST, PHASE_CLIENT, PHASE_LAST };

/* --- parsing --- */

static ll_span upper(arena *memory, ll_span word)
{
    ll_span copy = arena_copy(memory, word);
    for (size_t i = 0; copy.data && i < copy.size; i++)
        ((char *)(uintptr_t)copy.data)[i] = ascii_upper(copy.data[i]);
    return copy;
}

ll_status parse_authenticate(ll_session *s, command *c, lexer *in)
{
    login_state *l = c->state = arena_new(&c->memory, sizeof *l);
    ll_span mechanism;
    (void)s;
    if (!l)
        return LL_ENOMEM;
    if (!lexer_atom(in, &mechanism))
        return LL_ESYNTAX;
    l->mechanism = upper(&c->memory, mechanism);
    if (!l->mechanism.data)
        return arena_status(&c->memory);
    if (!lexer_space(in))
        return LL_OK;
    l->initial = span_from(in->input, in->at); /* the rest is base64 or "=": checked when decoded */
    in->at = in->input.size;
    return l->initial.size ? LL_OK : LL_ESYNTAX;
}

ll_status parse_login(ll_session *s, command *c, lexer *in)
{
    login_state *l = c->state = arena_new(&c->memory, sizeof *l);
    (void)s;
    if (!l)
        return LL_ENOMEM;
    l->login = true;
    l->mechanism = SPAN("PLAIN");
    return lexer_astring(in, &l->user) && lexer_space(in) && lexer_astring(in, &l->password) ? LL_OK : LL_ESYNTAX;
}

/* --- running --- */

static bool is_offered(const ll_session *s, ll_span mechanism)
{
    ll_span rest = span_str(s->host->mechanisms ? s->host->mechanisms(s->context) : "");
    while (rest.size)
        if (span_equal_nocase(span_cut(&rest, ' '), mechanism))
            return true;
    return false;
}

static void wipe_span(ll_span span)
{
    if (span.size)
        memory_wipe((char *)(uintptr_t)span.data, span.size); /* in the command's own arena */
}

static ll_status bad(command *c, const char *human)
{
    c->text = human;
    return LL_EINVAL;
}

static void start(ll_session *s, command *c, ll_span initial)
{
    login_state *l = c->state;
    s->auth_active = true;
    s->auth_answer = AUTH_NONE;
    c->phase = PHASE_HOST;
    s->host->auth_start(s->context, l->mechanism, initial, l->login);
}

/* message = [authzid] NUL authcid NUL passwd, RFC 4616 section 2 */
static ll_status start_login(ll_session *s, command *c)
{
    login_state *l = c->state;
    text plain;
    text_init(&plain, s->allocator, (size_t)s->limits.prelogin_command_bytes + 8);
    text_add_byte(&plain, '\0');
    text_add(&plain, l->user);
    text_add_byte(&plain, '\0');
    text_add(&plain, l->password);
    ll_status status = text_status(&plain);
    if (!status)
        start(s, c, text_span(&plain));
    wipe_span(l->user);
    wipe_span(l->password);
    text_wipe(&plain);
    return status;
}

static ll_status start_authenticate(ll_session *s, command *c)
{
    login_state *l = c->state;
    text decoded;
    if (!is_offered(s, l->mechanism)) {
        c->text = "This mechanism is not offered";
        return LL_EUNSUPPORTED;
    }
    if (!l->initial.data) {
        start(s, c, span_of(NULL, 0));
        return LL_OK;
    }
    text_init(&decoded, s->allocator, (size_t)s->limits.prelogin_command_bytes);
    ll_status status = LL_OK;
    if (!span_equal(l->initial, SPAN("="))) /* RFC 4959 section 3: an empty response */
        status = codec_base64_decode(l->initial, &decoded);
    if (status)
        status = bad(c, "Not base64");
    else if (text_status(&decoded))
        status = text_status(&decoded);
    else
        start(s, c, text_span(&decoded));
    wipe_span(l->initial);
    text_wipe(&decoded);
    return status;
}

static ll_status begin(ll_session *s, command *c)
{
    login_state *l = c->state;
    if (!capabilities_login(s)) {
        c->code = "PRIVACYREQUIRED"; /* RFC 5530 section 3 */
        c->text = "Encrypt the connection first";
        return LL_EDENIED;
    }
    return l->login ? start_login(s, c) : start_authenticate(s, c);
}

static void cancel(ll_session *s)
{
    s->auth_active = false;
    if (s->host->auth_cancel)
        s->host->auth_cancel(s->context);
}

static ll_status succeed(ll_session *s, command *c)
{
    text capabilities;
    s->state = SESSION_AUTHENTICATED;
    text_init(&capabilities, s->allocator, 4096);
    capabilities_add(s, &capabilities);
    if (!text_status(&capabilities)) /* a part of them would be a lie */
        c->code = command_print(c, "CAPABILITY %s", text_str(&capabilities));
    c->text = "Logged in";
    text_fini(&capabilities);
    return LL_OK;
}

static ll_status fail(ll_session *s, command *c)
{
    if (s->auth_status == LL_EAUTH || s->auth_status == LL_EDENIED)
        s->auth_failures++;
    if (s->auth_failures >= s->limits.auth_attempts)
        s->bye_after = "Too many failed logins";
    return session_failed(c, s->auth_status, text_span(&s->auth_text));
}

static void say_challenge(ll_session *s)
{
    session_add(s, SPAN("+ "));
    codec_base64_add(&s->output, text_span(&s->auth_text));
    session_add(s, SPAN("\r\n"));
    input_want_line(s);
}

/* The host has answered. */
static ll_status take_answer(ll_session *s, command *c)
{
    login_state *l = c->state;
    auth_answer answer = s->auth_answer;
    s->auth_answer = AUTH_NONE;
    switch (answer) {
    case AUTH_NONE:
        return LL_MORE;
    case AUTH_REFUSED:
        return fail(s, c);
    case AUTH_CHALLENGE:
        if (l->login) { /* LOGIN has no way to go on */
            cancel(s);
            c->text = "Use AUTHENTICATE";
            return LL_EUNSUPPORTED;
        }
        say_challenge(s);
        c->phase = PHASE_CLIENT;
        return LL_MORE;
    case AUTH_DONE:
        if (l->login || !s->auth_text.size)
            return succeed(s, c);
        say_challenge(s); /* RFC 3501 has no place for data with success: a challenge with an empty response, RFC 4422
                             section 3.6 */
        c->phase = PHASE_LAST;
        return LL_MORE;
    }
    return LL_MORE;
}

/* The client has responded. */
static ll_status take_response(ll_session *s, command *c)
{
    text decoded;
    if (!s->line_ready)
        return LL_MORE;
    if (s->line_overflow || span_equal(text_span(&s->line), SPAN("*"))) {
        cancel(s);
        return bad(c, s->line_overflow ? "Response is too long" : "Cancelled");
    }
    text_init(&decoded, s->allocator, (size_t)s->limits.prelogin_command_bytes);
    ll_status status = codec_base64_decode(text_span(&s->line), &decoded);
    if (status) {
        cancel(s);
        status = bad(c, "Not base64");
    } else if (text_status(&decoded)) {
        cancel(s);
        status = text_status(&decoded);
    } else {
        c->phase = PHASE_HOST;
        s->auth_answer = AUTH_NONE;
        s->host->auth_response(s->context, text_span(&decoded));
    }
    text_wipe(&decoded);
    text_wipe(&s->line);
    s->line_ready = false;
    s->input_state = INPUT_COMMAND;
    return status;
}

/* The response to the data that came with success is empty. Anything else: the client does not trust us. */
static ll_status take_last(ll_session *s, command *c)
{
    if (!s->line_ready)
        return LL_MORE;
    if (!s->line_overflow && !s->line.size)
        return succeed(s, c);
    if (s->connector->end)
        s->connector->end(s->self);
    s->connector = NULL;
    call_del(&s->call);
    if (s->host->auth_cancel) /* the host must not use the connector any more either */
        s->host->auth_cancel(s->context);
    return bad(c, "Cancelled");
}

ll_status run_authenticate(ll_session *s, command *c)
{
    ll_status status = LL_OK;
    if (c->phase == PHASE_BEGIN)
        status = begin(s, c);
    if (!status && c->phase == PHASE_CLIENT)
        status = take_response(s, c);
    if (!status && c->phase == PHASE_LAST)
        return take_last(s, c);
    return status || c->phase != PHASE_HOST ? status : take_answer(s, c);
}

ll_status run_login(ll_session *s, command *c)
{
    return run_authenticate(s, c);
}
