/* host.c - see host.h
 * SPDX-License-Identifier: MIT */
#include "host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    CLIENTS_MAX = 64, /* an example serves one person */
    INPUT_BYTES = 16384
};

struct host_client {
    int socket;
    ll_session *session;
    const host_events *events;
    void *self; /* its connector's, after login */
    bool notified, again;
    uint64_t expires; /* milliseconds; 0: never */
    size_t have;
    char input[INPUT_BYTES];
};

static host_client *clients[CLIENTS_MAX];
static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
    (void)signal_number;
    stopped = 1;
}

static uint64_t milliseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void host_notify(void *client)
{
    ((host_client *)client)->notified = true;
}

/* -------------------------------------------------------------------------------------- what the engine asks its host
 */

static int64_t now(void *context)
{
    (void)context;
    return time(NULL);
}

static const char *mechanisms(void *context)
{
    (void)context;
    return "PLAIN";
}

/* "authorization NUL user NUL password", RFC 4616. */
static void auth_start(void *context, ll_span mechanism, ll_span initial, bool login)
{
    host_client *c = context;
    const ll_connector *connector = NULL;
    (void)mechanism, (void)login;
    if (!initial.data) {
        ll_session_challenge(c->session, (ll_span){"", 0});
        return;
    }
    const char *user = memchr(initial.data, 0, initial.size), *end = initial.data + initial.size;
    const char *password = user ? memchr(user + 1, 0, (size_t)(end - user - 1)) : NULL;
    ll_status status = LL_EAUTH;
    if (password)
        status = c->events->login(c->events->context, c, (ll_span){user + 1, (size_t)(password - user - 1)},
                                  (ll_span){password + 1, (size_t)(end - password - 1)}, &connector, &c->self);
    if (status)
        ll_session_refused(c->session, status, (ll_span){"", 0});
    else
        ll_session_authenticated(c->session, connector, c->self, (ll_span){"", 0});
}

static void auth_response(void *context, ll_span response)
{
    auth_start(context, (ll_span){"PLAIN", 5}, response, false);
}

static void again(void *context)
{
    ((host_client *)context)->again = true;
}

static const ll_host host = {.size = sizeof host,
                             .now = now,
                             .mechanisms = mechanisms,
                             .auth_start = auth_start,
                             .auth_response = auth_response,
                             .again = again};

/* --------------------------------------------------------------------------------------------------------- one client
 */

static void client_del(host_client **at)
{
    host_client *c = *at;
    *at = NULL;
    if (c->self && c->events->leave)
        c->events->leave(c->events->context, c->self);
    ll_session_del(&c->session);
    close(c->socket);
    free(c);
}

static void client_new(int accepted, const host_events *events)
{
    host_client **at = clients;
    while (at < clients + CLIENTS_MAX && *at)
        at++;
    host_client *c = at < clients + CLIENTS_MAX ? calloc(1, sizeof *c) : NULL;
    if (!c) {
        close(accepted);
        return;
    }
    int one = 1;
    setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->socket = accepted;
    c->events = events;
    fcntl(accepted, F_SETFL, O_NONBLOCK);
    ll_session_config config = {.size = sizeof config,
                                .flags = LL_SESSION_CLEAR_LOGIN,
                                .host = &host,
                                .context = c,
                                .greeting = {"letterlock example", 18}};
    *at = c;
    if (ll_session_new(&c->session, &config))
        client_del(at);
}

static void set_timer(host_client *c)
{
    uint64_t silence = ll_session_timeout_ms(c->session);
    c->expires = silence ? milliseconds() + silence : 0;
}

/* Everything that can go on without waiting. False: it is over. */
static bool pump(host_client *c)
{
    for (bool moved = true; moved;) {
        size_t taken = 0;
        moved = c->notified || c->again;
        if (c->notified)
            ll_session_notify(c->session);
        if (c->again)
            ll_session_continue(c->session);
        c->notified = c->again = false;
        if (c->have && ll_session_wants(c->session) & LL_WANTS_INPUT) {
            if (ll_session_input(c->session, (ll_span){c->input, c->have}, &taken))
                return false;
            memmove(c->input, c->input + taken, c->have -= taken);
        }
        ll_span out = ll_session_output(c->session);
        ssize_t sent = out.size ? send(c->socket, out.data, out.size, MSG_NOSIGNAL) : 0;
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (sent > 0)
            ll_session_sent(c->session, (size_t)sent);
        moved |= taken || sent > 0;
    }
    return !(ll_session_wants(c->session) & LL_WANTS_CLOSE);
}

static bool take_input(host_client *c)
{
    ssize_t got = read(c->socket, c->input + c->have, sizeof c->input - c->have);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    set_timer(c);
    c->have += (size_t)got;
    return got > 0;
}

/* ----------------------------------------------------------------------------------------------------------- the loop
 */

static int listen_on(int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 16)) {
        close(listener);
        return -1;
    }
    return listener;
}

static short interest(const host_client *c)
{
    unsigned wants = ll_session_wants(c->session);
    bool in = wants & LL_WANTS_INPUT && c->have < sizeof c->input;
    return (short)((in ? POLLIN : 0) | (wants & LL_WANTS_OUTPUT ? POLLOUT : 0));
}

/* One turn: wait, take what came, go on with everybody (a change by one is news to others). */
static void turn(int listener, const host_events *events, int timeout)
{
    struct pollfd polls[CLIENTS_MAX + 1] = {{listener, POLLIN, 0}};
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        polls[i + 1] = (struct pollfd){clients[i] ? clients[i]->socket : -1, clients[i] ? interest(clients[i]) : 0, 0};
    if (poll(polls, CLIENTS_MAX + 1, timeout) < 0)
        return;
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        host_client *c = clients[i];
        if (!c)
            continue;
        if (c->expires && milliseconds() >= c->expires) {
            ll_session_expire(c->session);
            set_timer(c); /* if only the connector is slow the session goes on */
        }
        short came = polls[i + 1].revents;
        bool gone = came & POLLERR || (came & POLLHUP && !(came & POLLIN));
        if (gone || (came & POLLIN && !take_input(c)))
            client_del(&clients[i]);
    }
    if (polls[0].revents)
        client_new(accept(listener, NULL, NULL), events);
    for (size_t rounds = 0; rounds < 2; rounds++) /* the second for those that the first has given news to */
        for (size_t i = 0; i < CLIENTS_MAX; i++)
            if (clients[i] && !pump(clients[i]))
                client_del(&clients[i]);
}

int host_serve(int port, const host_events *events)
{
    int listener = listen_on(port);
    if (listener < 0) {
        perror("listen");
        return 1;
    }
    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    puts("ready");
    fflush(stdout);
    uint64_t next = milliseconds() + (uint64_t)events->tick_ms;
    while (!stopped) {
        turn(listener, events, events->tick_ms && events->tick_ms < 1000 ? events->tick_ms : 1000);
        if (events->tick && milliseconds() >= next) {
            events->tick(events->context);
            next = milliseconds() + (uint64_t)events->tick_ms;
        }
    }
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (clients[i])
            client_del(&clients[i]);
    close(listener);
    return 0;
}
