/* hello.c - a read-only mailbox of three messages over a socket.
 * SPDX-License-Identifier: MIT
 *
 *     hello PORT        serves IMAP on 127.0.0.1, one client at a time; user "me", password "hello"
 *
 * All that a host must do: give the engine the client's bytes, send its answers, check a password, and answer the
 * questions of a connector. docs/embedding.md walks through this file. */
#include <letterlock.h>

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* three messages have no use for most of what they are told */
#define SPAN(literal) ((ll_span){literal, sizeof(literal) - 1})

static const char *const mails[] = {
    "From: Ada <ada@example.com>\r\nSubject: Hello\r\nDate: Mon, 6 Jan 2025 10:00:00 +0000\r\n\r\nHello, world.\r\n",
    "From: Bob <bob@example.com>\r\nSubject: Again\r\nDate: Tue, 7 Jan 2025 10:00:00 +0000\r\n\r\nHello again.\r\n",
    "From: Eve <eve@example.com>\r\nSubject: Bye\r\nDate: Wed, 8 Jan 2025 10:00:00 +0000\r\n\r\nThat was all.\r\n",
};
enum { MAILS = sizeof mails / sizeof *mails };
static ll_view *view; /* the one version that the mailbox ever has: message n has UID n, and no flags */

/* ------------------------------------------------------------------------------------ the connector: where mail is */

static ll_status list(void *self, ll_call *call)
{
    return ll_call_mailbox(call, &(ll_mailbox_info){SPAN("INBOX"), LL_MAILBOX_SUBSCRIBED});
}

static bool is_inbox(ll_span name)
{
    return name.size == 5 && !memcmp(name.data, "INBOX", 5);
}

static ll_status status_of(void *self, ll_call *call, ll_span name)
{
    ll_call_status(call, &(ll_mailbox_status){MAILS, .unseen = MAILS, .uidnext = MAILS + 1, .uidvalidity = 1});
    return is_inbox(name) ? LL_OK : LL_ENOTFOUND;
}

static ll_status open_mailbox(void *self, ll_call *call, ll_span name, bool readonly)
{
    if (is_inbox(name))
        ll_call_opened(call, &view, ll_view_ref(view), true);
    return is_inbox(name) ? LL_OK : LL_ENOTFOUND;
}

static void close_mailbox(void *self, void *mailbox) /* there is nothing to free */
{
}

static ll_view *latest(void *self, void *mailbox, uint32_t *recent_first)
{
    *recent_first = 0;
    return ll_view_ref(view);
}

static ll_status fetch(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count, size_t limit,
                       unsigned want)
{
    for (size_t i = 0; i < count; i++)
        for (uint32_t uid = ranges[i].first; uid <= ranges[i].last && uid <= MAILS && limit; uid++, limit--)
            if (ll_call_row(call, &(ll_row){uid, .internaldate = 1736157600, .size = strlen(mails[uid - 1])}))
                return LL_ENOMEM;
    return LL_OK;
}

static ll_status read_bytes(void *self, ll_call *call, void *mailbox, uint32_t uid, uint64_t offset, size_t length)
{
    size_t size = uid >= 1 && uid <= MAILS ? strlen(mails[uid - 1]) : 0;
    if (offset >= size)
        return size ? LL_OK : LL_ENOTFOUND;
    return ll_call_bytes(call, (ll_span){mails[uid - 1] + offset, length < size - offset ? length : size - offset});
}

/* What is missing would write: the engine tells the client that all is read-only. */
static const ll_connector connector = {sizeof connector, .list = list,   .status = status_of, .open = open_mailbox,
                                       .latest = latest, .fetch = fetch, .read = read_bytes,  .close = close_mailbox};

/* --------------------------------------------------------------------------------- the host: who, wherefrom */

static const char *mechanisms(void *context)
{
    return "PLAIN";
}

/* The message of PLAIN is "identity\0user\0password" (RFC 4616), mostly without identity; LOGIN comes as PLAIN too. */
static void auth_start(void *context, ll_span mechanism, ll_span initial, bool login)
{
    ll_session *session = *(ll_session **)context;
    if (!initial.data)
        ll_session_challenge(session, SPAN("")); /* the client sends it in answer to this */
    else if (initial.size >= 9 && !memcmp(initial.data + initial.size - 9, "\0me\0hello", 9))
        ll_session_authenticated(session, &connector, NULL, SPAN(""));
    else
        ll_session_refused(session, LL_EAUTH, SPAN("it is me, hello"));
}

static void auth_response(void *context, ll_span response)
{
    auth_start(context, SPAN("PLAIN"), response, false);
}

static const ll_host host = {sizeof host, .mechanisms = mechanisms, .auth_start = auth_start,
                             .auth_response = auth_response};

/* Until the client or the engine has had enough, or there has been silence for too long. */
static void serve(int client)
{
    char buffer[4096];
    size_t have = 0;
    ll_session *session = NULL;
    const ll_session_config config = {sizeof config, LL_SESSION_CLEAR_LOGIN, .host = &host, .context = &session};
    if (ll_session_new(&session, &config))
        return;
    for (unsigned wants; !((wants = ll_session_wants(session)) & LL_WANTS_CLOSE);) {
        size_t taken = 0;
        if (have && wants & LL_WANTS_INPUT && ll_session_input(session, (ll_span){buffer, have}, &taken))
            break;
        memmove(buffer, buffer + taken, have -= taken);
        if (taken)
            continue; /* perhaps there is a second command in it */
        ll_span out = ll_session_output(session);
        bool in = have < sizeof buffer && wants & LL_WANTS_INPUT;
        struct pollfd p = {client, (short)((in ? POLLIN : 0) | (out.size ? POLLOUT : 0)), 0};
        uint64_t silence = ll_session_timeout_ms(session);
        if (poll(&p, 1, silence ? (int)silence : -1) == 0)
            ll_session_expire(session);
        ssize_t sent = p.revents & POLLOUT ? send(client, out.data, out.size, MSG_NOSIGNAL) : 0;
        ssize_t got = p.revents & POLLIN ? read(client, buffer + have, sizeof buffer - have) : 0;
        if (sent < 0 || (got < 1 && p.revents & (POLLIN | POLLHUP | POLLERR)))
            break;
        ll_session_sent(session, (size_t)sent);
        have += (size_t)got;
    }
    ll_session_del(&session);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {
        AF_INET, htons((uint16_t)atoi(argc > 1 ? argv[1] : "1143")), {htonl(INADDR_LOOPBACK)}, {0}};
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (ll_view_new(&view, NULL, 1) || ll_view_add_range(view, (ll_range){1, MAILS}, &(ll_flags){{0}}))
        return 1;
    ll_view_seal(view, MAILS + 1, 1);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 5))
        return perror("hello"), 1;
    puts("ready");
    fflush(stdout);
    for (int client; (client = accept(listener, NULL, NULL)) >= 0; close(client))
        serve(client);
    return 1;
}
