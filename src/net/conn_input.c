/* conn_input.c - from the socket to the host, see conn.h and conn_private.h
 * SPDX-License-Identifier: MIT
 *
 * Reading goes through the loop's buffer; only what the host leaves is copied into the connection's own, and freed when
 * taken. */
#include "net/conn_private.h"

#include "base/memory.h"

#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* Let the host take what it wants; returns what is left. Host code may do anything to the connection meanwhile. */
static ll_span conn_offer_bytes(net_conn *conn, ll_span bytes)
{
    bool retried = false;
    conn->offering = true;
    while (bytes.size > 0 && conn->phase == CONN_OPEN && !conn->paused) {
        conn->offer_again = false;
        size_t taken = conn->callbacks->on_input(conn->context, bytes);
        assert(taken <= bytes.size);
        bytes = span_from(bytes, taken);
        /* An offer asked for inside on_input is honoured once after nothing was taken: a host that always asks would
         * spin. */
        if (taken == 0 && (!conn->offer_again || retried))
            break;
        retried = taken == 0;
    }
    conn->offering = false;
    conn->offer_again = false;
    return bytes;
}

/* After an offer of fresh bytes: keep the rest, unless the phase has changed. Clear input that came together with
 * STARTTLS is dropped here (RFC 3207 section 4.2, RFC 9051 section 6.2.1: it was not protected, an attacker may have
 * put it in). */
static void conn_keep(net_conn *conn, ll_span rest)
{
    if (conn->phase != CONN_OPEN)
        net_buffer_fini(&conn->in);
    else if (!net_buffer_add(&conn->in, rest))
        conn_fail(conn, "out of memory", NULL);
}

static void conn_offer_held(net_conn *conn)
{
    if (conn->offering) {
        conn->offer_again = true;
        return;
    }
    if (conn->in.size == 0 || conn->phase != CONN_OPEN || conn->paused)
        return;
    ll_span rest = conn_offer_bytes(conn, net_buffer_span(&conn->in));
    if (conn->phase == CONN_OPEN)
        net_buffer_drop(&conn->in, conn->in.size - rest.size);
    else
        net_buffer_fini(&conn->in);
}

static conn_io conn_recv(net_conn *conn, char *to, size_t room, size_t *done)
{
    *done = 0;
    ssize_t n;
    do
        n = recv(conn->fd, to, room, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        *done = (size_t)n;
        return CONN_DONE;
    }
    if (n == 0)
        return CONN_EOF;
    if (errno == EAGAIN)
        return CONN_AGAIN;
    conn_fail(conn, conn_errno_text(errno), NULL);
    return CONN_FAILED;
}

/* Fill the loop's buffer: one recv, or as many TLS records as fit whole. */
static conn_io conn_fill(net_conn *conn, char *buffer, size_t room, size_t *size)
{
    *size = 0;
    if (!conn->ssl)
        return conn_recv(conn, buffer, room, size);
    conn_io io = CONN_DONE;
    while (io == CONN_DONE && room - *size >= CONN_RECORD_BYTES) {
        size_t done = 0;
        io = conn_tls_read(conn, buffer + *size, room - *size, &done);
        *size += done;
    }
    return io;
}

static void conn_at_eof(net_conn *conn)
{
    conn->eof = true;
    if (conn->callbacks->on_eof) {
        conn->callbacks->on_eof(conn->context);
        return;
    }
    conn->reason = "closed by peer";
    net_conn_close_after_output(conn);
}

/* All that came was taken, and there was nothing to answer: perhaps the peer holds the rest back until this is
 * acknowledged (Nagle; Python's imaplib sends a literal and the CRLF behind it in two pieces). Left alone, the kernel
 * waits 40 ms for an answer to put the acknowledgement on. */
static void conn_acknowledge(const net_conn *conn)
{
    int on = 1;
    if (conn->phase == CONN_OPEN && !conn->answered && !conn->unix_socket && !conn->paused && conn->in.size == 0)
        setsockopt(conn->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

void net_conn_answer_comes(net_conn *conn)
{
    net_loop_check(conn->loop);
    conn->answered = true;
}

void conn_read(net_conn *conn)
{
    char *buffer = net_loop_buffer(conn->loop);
    size_t size = 0, room = NET_CONN_INPUT_BYTES - conn->in.size;
    conn_io io = conn_fill(conn, buffer, room, &size);
    if (size > 0 && conn->phase == CONN_OPEN) {
        conn_touch(conn);
        conn->answered = false;
        if (conn->in.size == 0) {
            conn_keep(conn, conn_offer_bytes(conn, span_of(buffer, size)));
        } else {
            conn_keep(conn, span_of(buffer, size));
            conn_offer_held(conn);
        }
        if (size < room)
            conn_acknowledge(conn);
    }
    memory_wipe(buffer, size);
    if (io == CONN_EOF && conn->phase == CONN_OPEN)
        conn_at_eof(conn);
}

void conn_discard(net_conn *conn)
{
    size_t done = 0;
    conn_io io = conn_recv(conn, net_loop_buffer(conn->loop), NET_LOOP_BUFFER_BYTES, &done);
    memory_wipe(net_loop_buffer(conn->loop), done);
    if (io == CONN_EOF)
        conn_fail(conn, conn->reason, NULL);
}

void net_conn_pause(net_conn *conn)
{
    net_loop_check(conn->loop);
    conn->paused = true;
    conn_watch(conn);
}

void net_conn_resume(net_conn *conn)
{
    net_loop_check(conn->loop);
    conn->paused = false;
    conn_offer_held(conn);
    conn_watch(conn);
}

void net_conn_offer(net_conn *conn)
{
    net_loop_check(conn->loop);
    conn_offer_held(conn);
    conn_watch(conn);
}
