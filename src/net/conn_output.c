/* conn_output.c - from the host to the socket, see conn.h and conn_private.h
 * SPDX-License-Identifier: MIT
 *
 * What the socket takes goes directly; the rest is copied to the queue, up to its ceiling. */
#include "net/conn_private.h"

#include <errno.h>
#include <sys/socket.h>

enum {
    /* Sent directly in one turn of the loop before output goes to the queue and waits for the next turn: a peer that
     * reads as fast as its engine writes would keep the loop to itself otherwise. */
    CONN_TURN_BYTES = 262144
};

static conn_io conn_send(net_conn *conn, ll_span bytes, size_t *done)
{
    *done = 0;
    if (conn->ssl && conn->secure)
        return conn_tls_write(conn, bytes, done);
    ssize_t n;
    do
        n = send(conn->fd, bytes.data, bytes.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n >= 0) {
        *done = (size_t)n;
        return CONN_DONE;
    }
    if (errno == EAGAIN)
        return CONN_AGAIN;
    conn_fail(conn, conn_errno_text(errno), NULL);
    return CONN_FAILED;
}

/* Send without queueing what the socket takes and the turn allows. */
static size_t conn_send_now(net_conn *conn, ll_span bytes)
{
    uint64_t turn = net_loop_turn(conn->loop);
    if (conn->turn != turn) {
        conn->turn = turn;
        conn->turn_bytes = 0;
    }
    size_t sent = 0;
    conn_io io = CONN_DONE;
    while (sent < bytes.size && io == CONN_DONE && conn->turn_bytes < CONN_TURN_BYTES) {
        size_t done = 0;
        io = conn_send(conn, span_first(span_from(bytes, sent), CONN_TURN_BYTES), &done);
        sent += done;
        conn->turn_bytes += done;
    }
    if (sent > 0 && conn->phase != CONN_CLOSED) {
        conn->answered = true;
        conn_touch(conn);
    }
    /* The peer is gone and TLS says so at writing: reading will find the end as well. */
    if (io == CONN_EOF)
        conn_fail(conn, "closed by peer", NULL);
    return sent;
}

size_t net_conn_write(net_conn *conn, ll_span bytes)
{
    net_loop_check(conn->loop);
    if (bytes.size == 0 || conn->phase == CONN_CLOSED || conn->phase == CONN_FLUSH || conn->phase == CONN_LINGER)
        return 0;
    size_t taken = 0;
    if (conn->phase == CONN_OPEN && conn->out.size == 0)
        taken = conn_send_now(conn, bytes);
    if (conn->phase == CONN_OPEN && taken < bytes.size) {
        /* After a TLS write that must be repeated, the same bytes come to stand at the head of the queue: at least one
         * record fits. */
        ll_span rest = span_first(span_from(bytes, taken), NET_CONN_OUTPUT_BYTES - conn->out.size);
        if (!net_buffer_add(&conn->out, rest)) {
            conn_fail(conn, "out of memory", NULL);
            return 0;
        }
        taken += rest.size;
    }
    conn->blocked = conn->blocked || taken < bytes.size;
    conn_watch(conn);
    return taken;
}

size_t net_conn_queued(const net_conn *conn)
{
    return conn->out.size;
}

bool conn_drain(net_conn *conn)
{
    conn_io io = CONN_DONE;
    while (conn->out.size > 0 && io == CONN_DONE) {
        size_t done = 0;
        io = conn_send(conn, net_buffer_span(&conn->out), &done);
        if (conn->phase == CONN_CLOSED)
            return false;
        net_buffer_drop(&conn->out, done);
        if (done > 0)
            conn_touch(conn);
    }
    if (io == CONN_EOF)
        conn_fail(conn, "closed by peer", NULL);
    return io != CONN_EOF;
}

void conn_linger(net_conn *conn)
{
    if (conn->secure && conn_tls_goodbye(conn) == CONN_AGAIN)
        return;
    if (conn->eof || shutdown(conn->fd, SHUT_WR) != 0) {
        conn_fail(conn, conn->reason, NULL);
        return;
    }
    conn->phase = CONN_LINGER;
    conn_arm(conn, NET_CONN_LINGER_MS);
}

void net_conn_close_after_output(net_conn *conn)
{
    net_loop_check(conn->loop);
    if (conn->phase == CONN_NEW || conn->phase == CONN_STARTTLS || conn->phase == CONN_HANDSHAKE) {
        net_conn_abort(conn);
        return;
    }
    if (conn->phase != CONN_OPEN)
        return;
    conn->phase = CONN_FLUSH;
    if (!conn->reason)
        conn->reason = "closed by us";
    if (!conn->offering)
        net_buffer_fini(&conn->in);
    conn_arm(conn, NET_CONN_FLUSH_MS);
    /* The usual case, without a turn of the loop in between. */
    if (conn->out.size == 0)
        conn_linger(conn);
    conn_watch(conn);
}
