/* imap_session.c - one IMAP connection: moves bytes between net/conn and the engine, and hosts it (section 5 of
 * letterlock.h). SPDX-License-Identifier: MIT */
#include "base/memory.h"
#include "server/log.h"
#include "server/login.h"
#include "server/server.h"
#include "store/connector.h"

#include <stdio.h>
#include <time.h>

typedef struct imap_session {
    client client;
    ll_session *engine;
    login *login;
    vault *vault;    /* the registry's reference, after login */
    void *connector; /* what the engine asks */
    bool pumping, again;
    bool implicit_tls;
    bool ended;
    uint64_t timeout_ms;
    uint8_t alias[KEYS_ID];
} imap_session;

static void pump(imap_session *s);

/* ------------------------------------------------------------------------------------------------------ the host */

static void wake_again(void *context)
{
    imap_session *s = context;
    pump(s);
    client_unref(&s->client);
}

static void host_wake(void *context)
{
    imap_session *s = context;
    if (s->pumping) {
        s->again = true;
        return;
    }
    client_ref(&s->client);
    net_loop_soon(s->client.server->loop, wake_again, s);
}

static void continue_now(void *context)
{
    imap_session *s = context;
    if (s->engine) {
        ll_session_continue(s->engine);
        pump(s);
    }
    client_unref(&s->client);
}

/* The engine pauses in a long command: behind the sockets that are ready now. */
static void host_again(void *context)
{
    imap_session *s = context;
    client_ref(&s->client);
    net_loop_post(s->client.server->loop, continue_now, s);
}

static int64_t host_now(void *context)
{
    (void)context;
    return time(NULL);
}

static const char *host_mechanisms(void *context)
{
    imap_session *s = context;
    return s->client.conn ? login_mechanisms(s->client.conn) : "";
}

static void login_challenge(void *context, ll_span bytes)
{
    imap_session *s = context;
    ll_session_challenge(s->engine, bytes);
    pump(s);
}

/* A vault has a new version: runs on the loop's thread. */
static void vault_changed(void *context)
{
    imap_session *s = context;
    if (s->engine) {
        ll_session_notify(s->engine);
        pump(s);
    }
}

static void login_accepted(void *context, vault *open, const uint8_t alias[KEYS_ID], ll_span final)
{
    imap_session *s = context;
    const ll_connector *methods = NULL;
    s->vault = open;
    if (connector_new(open, vault_changed, s, &methods, &s->connector)) {
        vaults_release(s->client.server->vaults, &s->vault);
        login_del(&s->login);
        ll_session_refused(s->engine, LL_ENOMEM, SPAN(""));
        pump(s);
        return;
    }
    memcpy(s->alias, alias, KEYS_ID);
    s->client.login_alias = s->alias;
    ll_session_authenticated(s->engine, methods, s->connector, final);
    login_del(&s->login);
    pump(s);
}

static void login_refused(void *context, ll_status status, ll_span why)
{
    imap_session *s = context;
    login_del(&s->login);
    ll_session_refused(s->engine, status, why);
    pump(s);
}

static const login_events events = {login_challenge, login_accepted, login_refused};

static void host_auth_start(void *context, ll_span mechanism, ll_span initial, bool by_login)
{
    imap_session *s = context;
    (void)by_login;
    login_del(&s->login);
    ll_status status = login_new(&s->login, &s->client, mechanism, &events, s);
    if (status)
        ll_session_refused(s->engine, status,
                           status == LL_EUNSUPPORTED ? SPAN("mechanism not offered here") : SPAN(""));
    else
        login_start(s->login, initial);
}

static void host_auth_response(void *context, ll_span response)
{
    imap_session *s = context;
    if (s->login)
        login_response(s->login, response);
}

static void host_auth_cancel(void *context)
{
    imap_session *s = context;
    login_del(&s->login);
    s->connector = NULL; /* the engine has ended it, if there was one */
    s->client.login_alias = NULL;
    vaults_release(s->client.server->vaults, &s->vault);
}

/* The engine has ended the connector. */
static void host_unauthenticated(void *context)
{
    imap_session *s = context;
    s->connector = NULL;
    s->client.login_alias = NULL;
    log_event(s->client.id, "unauthenticate");
    if (s->vault)
        vaults_release(s->client.server->vaults, &s->vault);
}

static void host_start_tls(void *context)
{
    (void)context; /* pump sees LL_WANTS_TLS when all output is sent */
}

static void host_log(void *context, ll_span line)
{
    imap_session *s = context;
    log_span(s->client.id, line);
}

/* As the C library knows the server's zone (TZ, /etc/localtime). */
static int32_t host_utc_offset(void *context, int64_t seconds)
{
    time_t when = (time_t)seconds;
    struct tm local;
    (void)context;
    return localtime_r(&when, &local) ? (int32_t)(local.tm_gmtoff / 60) : 0;
}

/* Without a zone the engine need not ask. */
static bool is_utc(void)
{
    tzset();
    return !timezone && !daylight;
}

#define HOST(offset)                                                                                                   \
    {                                                                                                                  \
        .size = sizeof(ll_host), .wake = host_wake, .now = host_now, .mechanisms = host_mechanisms,                    \
        .auth_start = host_auth_start, .auth_response = host_auth_response, .auth_cancel = host_auth_cancel,           \
        .start_tls = host_start_tls, .log = host_log, .again = host_again, .unauthenticated = host_unauthenticated,    \
        .utc_offset = (offset),                                                                                        \
    }

static const ll_host host = HOST(host_utc_offset), host_utc = HOST(NULL);

/* --------------------------------------------------------------------------------------------------- moving bytes */

static void flush_output(imap_session *s)
{
    for (;;) {
        ll_span out = ll_session_output(s->engine);
        size_t sent = out.size ? net_conn_write(s->client.conn, out) : 0;
        if (!sent)
            return;
        ll_session_sent(s->engine, sent);
    }
}

static void engine_release(imap_session *s)
{
    login_del(&s->login);
    if (s->connector)
        connector_mute(s->connector);
    s->connector = NULL;
    ll_session_del(&s->engine);
    s->client.login_alias = NULL;
    vaults_release(s->client.server->vaults, &s->vault);
}

static void pump(imap_session *s)
{
    if (!s->client.conn || !s->engine)
        return;
    if (s->pumping) {
        s->again = true;
        return;
    }
    s->pumping = true;
    do {
        s->again = false;
        flush_output(s);
        unsigned wants = ll_session_wants(s->engine);
        if (wants & LL_WANTS_CLOSE) {
            net_conn_close_after_output(s->client.conn);
            s->client.said_all = true;
            engine_release(s); /* all is said: the vault need not wait for the client to hang up */
            break;
        }
        if ((wants & LL_WANTS_TLS) && !(wants & LL_WANTS_OUTPUT) && !net_conn_is_secure(s->client.conn))
            net_conn_start_tls(s->client.conn, s->client.server->tls);
        else if (wants & LL_WANTS_INPUT)
            net_conn_offer(s->client.conn);
        const unsigned left = LL_WANTS_INPUT | LL_WANTS_OUTPUT | LL_WANTS_PATIENCE;
        if (s->ended && (ll_session_wants(s->engine) & left) == LL_WANTS_INPUT)
            net_conn_close_after_output(s->client.conn);
    } while (s->again);
    uint64_t timeout = s->engine ? ll_session_timeout_ms(s->engine) : s->timeout_ms;
    if (timeout != s->timeout_ms) {
        s->timeout_ms = timeout;
        net_conn_timeout(s->client.conn, timeout);
    }
    s->pumping = false;
}

/* Under implicit TLS only after the handshake: the greeting names the mechanisms, which depend on it, and a stranger
 * who never completes it costs no engine. */
static ll_status engine_new(imap_session *s)
{
    const server *house = s->client.server;
    char greeting[300];
    ll_limits limits;
    ll_limits_init(&limits);
    limits.literal_bytes = house->config->message_size;
    limits.idle_timeout_ms = house->config->imap_idle;
    int size = snprintf(greeting, sizeof greeting, "%.255s Letterlock ready", house->config->hostname);
    ll_session_config wanted = {
        .size = sizeof wanted,
        .flags = (s->implicit_tls ? LL_SESSION_SECURE : 0) |
                 (net_conn_is_loopback(s->client.conn) ? LL_SESSION_CLEAR_LOGIN : 0),
        .limits = &limits,
        .host = is_utc() ? &host_utc : &host,
        .context = s,
        .greeting = span_of(greeting, (size_t)size),
    };
    return ll_session_new(&s->engine, &wanted);
}

static size_t on_input(void *context, ll_span bytes)
{
    imap_session *s = context;
    size_t taken = 0;
    if (!s->engine)
        return bytes.size; /* it has ended */
    if (!(ll_session_wants(s->engine) & LL_WANTS_INPUT))
        return 0;
    bool outer = !s->pumping;
    if (ll_session_input(s->engine, bytes, &taken) == LL_ENOMEM)
        net_conn_abort(s->client.conn);
    if (outer)
        pump(s);
    else
        s->again = true;
    if (s->client.conn && s->engine && !(ll_session_wants(s->engine) & LL_WANTS_INPUT))
        net_conn_answer_comes(s->client.conn); /* a whole command, which a worker has now */
    return taken;
}

static void on_writable(void *context)
{
    pump(context);
}

static void on_secured(void *context)
{
    imap_session *s = context;
    log_event(s->client.id, "tls version=%s cipher=%s", net_conn_tls_version(s->client.conn),
              net_conn_tls_cipher(s->client.conn));
    if (!s->implicit_tls)
        ll_session_secured(s->engine);
    else if (engine_new(s))
        net_conn_abort(s->client.conn);
    pump(s);
}

static void on_eof(void *context)
{
    imap_session *s = context;
    s->ended = true;
    pump(s);
}

static void on_timeout(void *context)
{
    imap_session *s = context;
    if (s->engine)
        ll_session_expire(s->engine);
    s->timeout_ms = 0; /* pump sets it again: a vault that is still at work is not the client's silence */
    pump(s);
}

static void on_closed(void *context, const char *reason)
{
    imap_session *s = context;
    log_event(s->client.id, "close reason=\"%s\"", reason);
    engine_release(s);
    client_leave(&s->client);
}

static const net_conn_callbacks callbacks = {on_input, on_writable, on_secured, on_eof, on_timeout, on_closed};

/* A stranger has a while to log in. */
static bool session_overdue(client *c, uint64_t now_ms)
{
    const imap_session *s = (const imap_session *)c;
    return !s->vault && now_ms - c->since_ms > SERVER_STRANGER_MS;
}

static void session_shutdown(client *c, ll_span why)
{
    imap_session *s = (imap_session *)c;
    if (s->engine)
        ll_session_shutdown(s->engine, why);
    else
        net_conn_abort(c->conn);
    pump(s);
}

static void session_free(client *c)
{
    memory_free(NULL, c);
}

void imap_session_accept(server_listener *listener, net_conn *conn)
{
    imap_session *s = memory_new(NULL, sizeof *s);
    if (s) {
        s->implicit_tls = listener->tls;
        client_join(&s->client, listener->server, conn, PROTOCOL_IMAP);
        s->client.shutdown = session_shutdown;
        s->client.overdue = session_overdue;
        s->client.free = session_free;
    }
    if (!s || (!s->implicit_tls && engine_new(s))) {
        if (s)
            client_leave(&s->client);
        net_conn_abort(conn);
        return;
    }
    log_event(s->client.id, "connect protocol=%s peer=%s", listener->name, net_conn_peer(conn));
    net_conn_begin(conn, &callbacks, s);
    pump(s);
}
