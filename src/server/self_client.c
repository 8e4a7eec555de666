/* self_client.c - see self_client.h
 * SPDX-License-Identifier: MIT */
#include "server/self_client.h"

#include "base/codec.h"
#include "server/operation.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- connecting --- */

typedef struct adoption {
    server *server;
    int fd;
    waiter *waiter;
} adoption;

/* On the loop's thread: the other end of the pair becomes a session like any other. */
static void adopt(void *context)
{
    adoption *a = context;
    server_listener listener = {.server = a->server, .protocol = PROTOCOL_IMAP, .name = "self"};
    net_conn *conn;
    ll_status status = net_conn_new(&conn, a->server->loop, a->fd, NULL);
    if (!status)
        imap_session_accept(&listener, conn);
    waiter_done(a->waiter, status);
}

static ll_status connect_pair(self_client *c, server *s)
{
    int pair[2];
    adoption a = {.server = s, .waiter = waiter_new()};
    if (!a.waiter)
        return LL_ENOMEM;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair)) {
        waiter_del(&a.waiter);
        return LL_EIO;
    }
    c->fd = pair[0];
    a.fd = pair[1];
    executor_done(&s->executor, adopt, &a);
    return waiter_wait(&a.waiter);
}

/* --- bytes --- */

static ll_status wait_for(const self_client *c, short events)
{
    for (;;) {
        int64_t left = c->deadline_ms - now_ms();
        struct pollfd p = {.fd = c->fd, .events = events};
        if (left <= 0)
            return LL_ETIMEOUT;
        int n = poll(&p, 1, (int)left);
        if (n > 0)
            return LL_OK;
        if (n < 0 && errno != EINTR)
            return LL_EIO;
    }
}

static ll_status send_all(const self_client *c, ll_span bytes)
{
    while (bytes.size) {
        ssize_t n = send(c->fd, bytes.data, bytes.size, MSG_NOSIGNAL);
        if (n >= 0) {
            bytes = span_from(bytes, (size_t)n);
            continue;
        }
        ll_status status = errno == EAGAIN ? wait_for(c, POLLOUT) : errno == EINTR ? LL_OK : LL_EIO;
        if (status)
            return status;
    }
    return LL_OK;
}

static ll_status receive_some(self_client *c)
{
    char bytes[16384];
    ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);
    if (n > 0) {
        text_add(&c->input, span_of(bytes, (size_t)n));
        return text_status(&c->input);
    }
    if (n == 0)
        return LL_EIO;
    return errno == EAGAIN ? wait_for(c, POLLIN) : errno == EINTR ? LL_OK : LL_EIO;
}

/* --- responses --- */

/* Bytes of the literal that a line ends with announcing; false: it does not. */
static bool literal_of(ll_span line, size_t *size)
{
    if (!line.size || line.data[line.size - 1] != '}')
        return false;
    size_t open = line.size - 1;
    while (open && line.data[open - 1] >= '0' && line.data[open - 1] <= '9')
        open--;
    uint32_t number;
    ll_span digits = span_of(line.data + open, line.size - 1 - open);
    if (!open || line.data[open - 1] != '{' || !span_u32(digits, &number))
        return false;
    *size = number;
    return true;
}

bool self_client_response(ll_span *rest, ll_span *response)
{
    for (size_t at = 0; at < rest->size;) {
        const char *end = memmem(rest->data + at, rest->size - at, "\r\n", 2);
        size_t literal;
        if (!end)
            return false;
        size_t line_end = (size_t)(end - rest->data);
        if (!literal_of(span_of(rest->data + at, line_end - at), &literal)) {
            *response = span_first(*rest, line_end);
            *rest = span_from(*rest, line_end + 2);
            return true;
        }
        if (literal > rest->size - line_end - 2)
            return false;
        at = line_end + 2 + literal;
    }
    return false;
}

static bool begins_with(ll_span text_, ll_span with)
{
    return text_.size >= with.size && span_equal(span_first(text_, with.size), with);
}

/* The tagged response has come. */
static ll_status outcome(self_client *c, ll_span reply)
{
    if (begins_with(reply, SPAN("OK")))
        return LL_OK;
    text_add(&c->refusal, span_from(reply, reply.size < 3 ? reply.size : 3));
    return LL_EINVAL;
}

/* Read up to the response that begins with this tag; an empty tag: one response, the greeting. */
static ll_status read_until(self_client *c, ll_span tag)
{
    for (;;) {
        ll_span rest = text_span(&c->input), response;
        while (self_client_response(&rest, &response)) {
            bool last = tag.size ? begins_with(response, tag) : true;
            ll_status status = LL_OK;
            if (last)
                status = outcome(c, span_from(response, tag.size ? tag.size : 2));
            else {
                text_add(&c->answer, response);
                text_add(&c->answer, SPAN("\r\n"));
                status = text_status(&c->answer);
            }
            if (last || status) {
                text_drop(&c->input, c->input.size - rest.size);
                return status;
            }
        }
        text_drop(&c->input, c->input.size - rest.size);
        ll_status status = receive_some(c);
        if (status)
            return status;
    }
}

ll_status self_client_command(self_client *c, ll_span command)
{
    char tag[self_client_tag_room];
    int size = snprintf(tag, sizeof tag, "s%u ", c->commands++);
    text_clear(&c->answer);
    text_clear(&c->refusal);
    ll_status status = send_all(c, span_of(tag, (size_t)size));
    if (!status)
        status = send_all(c, command);
    if (!status)
        status = send_all(c, SPAN("\r\n"));
    return status ? status : read_until(c, span_of(tag, (size_t)size));
}

void self_client_add_string(text *command, ll_span string)
{
    text_print(command, "{%zu+}\r\n", string.size);
    text_add(command, string);
}

/* --- life --- */

/* AUTHENTICATE PLAIN (RFC 4616). */
static ll_status log_in(self_client *c, ll_span user, ll_span password)
{
    text plain, command;
    text_init(&plain, NULL, 8192);
    text_init(&command, NULL, 16384);
    text_add_byte(&plain, 0);
    text_add(&plain, user);
    text_add_byte(&plain, 0);
    text_add(&plain, password);
    text_add_str(&command, "AUTHENTICATE PLAIN ");
    codec_base64_add(&command, text_span(&plain));
    ll_status status = text_status(&plain) ? text_status(&plain) : text_status(&command);
    if (!status)
        status = self_client_command(c, text_span(&command));
    text_wipe(&plain);
    text_wipe(&command);
    return status == LL_EINVAL ? LL_EAUTH : status;
}

ll_status self_client_open(self_client *c, server *s, ll_span user, ll_span password)
{
    *c = (self_client){.fd = -1, .deadline_ms = now_ms() + (int64_t)self_client_seconds * 1000};
    text_init(&c->answer, NULL, self_client_answer);
    text_init(&c->input, NULL, self_client_answer);
    text_init(&c->refusal, NULL, 65536);
    ll_status status = connect_pair(c, s);
    if (!status)
        status = read_until(c, SPAN(""));
    if (!status)
        status = log_in(c, user, password);
    return status ? status : self_client_command(c, SPAN("ENABLE UTF8=ACCEPT"));
}

void self_client_close(self_client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    text_wipe(&c->answer);
    text_wipe(&c->input);
    text_wipe(&c->refusal);
}
