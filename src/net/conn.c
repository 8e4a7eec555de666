/* conn.c - see conn.h; the phases are drawn in conn_private.h
 * SPDX-License-Identifier: MIT
 *
 * A connection is a socket watched by uv_poll, level-triggered. Its libuv handles must be closed before its memory
 * goes, and libuv reports that a turn later: so nothing is freed under the feet of a callback, and on_closed is called
 * from there. */
#include "net/conn_private.h"

#include "base/memory.h"

#include <assert.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    /* Ask a silent peer after 10 minutes whether it is there, then every minute, five times: finds clients that
     * vanished during IDLE before the timeout of half an hour, and keeps NAT tables alive; seldom enough not to drain
     * phones. */
    CONN_KEEPALIVE_S = 600,
    CONN_KEEPALIVE_INTERVAL_S = 60,
    CONN_KEEPALIVE_PROBES = 5
};

static void conn_on_poll(uv_poll_t *poll, int status, int events);
static void conn_on_timer(uv_timer_t *timer);

const char *conn_errno_text(int number)
{
    return uv_strerror(uv_translate_sys_error(number));
}

/* ---------------------------------------------------------------------------------------------------------- the end */

static void conn_on_handle_closed(uv_handle_t *handle)
{
    net_conn *conn = handle->data;
    if (--conn->handles > 0)
        return;
    if (conn->callbacks && conn->callbacks->on_closed) {
        char reason[200];
        snprintf(reason, sizeof reason, "%s%s%s", conn->reason, conn->detail ? ": " : "",
                 conn->detail ? conn->detail : "");
        conn->callbacks->on_closed(conn->context, reason);
    }
    net_loop_leave(conn->loop, &conn->member);
    memory_free(NULL, conn);
}

void conn_fail(net_conn *conn, const char *reason, const char *detail)
{
    if (conn->phase == CONN_CLOSED)
        return;
    conn->phase = CONN_CLOSED;
    conn->reason = reason;
    conn->detail = detail;
    uv_close((uv_handle_t *)&conn->poll, conn_on_handle_closed);
    uv_close((uv_handle_t *)&conn->timer, conn_on_handle_closed);
    SSL_free(conn->ssl);
    conn->ssl = NULL;
    close(conn->fd);
    conn->fd = -1;
    if (!conn->offering) /* else on_input still looks at it: conn_keep frees it */
        net_buffer_fini(&conn->in);
    net_buffer_fini(&conn->out);
    if (conn->gate)
        net_gate_leave(conn->gate, conn->key);
    conn->gate = NULL;
}

void net_conn_abort(net_conn *conn)
{
    net_loop_check(conn->loop);
    conn_fail(conn, "closed by us", NULL);
}

static void conn_close_member(net_loop_member *member)
{
    conn_fail((net_conn *)member, "the loop ends", NULL);
}

/* ------------------------------------------------------------------------------------------------- what to wait for */

bool conn_reads(const net_conn *conn)
{
    return conn->phase == CONN_OPEN && !conn->paused && !conn->eof &&
           conn->in.size <= NET_CONN_INPUT_BYTES - CONN_RECORD_BYTES;
}

static int conn_wanted_events(const net_conn *conn)
{
    int events = 0;
    switch (conn->phase) {
    case CONN_HANDSHAKE:
        return conn->read_wants_write ? UV_WRITABLE : UV_READABLE;
    case CONN_LINGER:
        return UV_READABLE;
    case CONN_NEW:
    case CONN_CLOSED:
        return 0;
    case CONN_STARTTLS:
    case CONN_FLUSH:
        events = UV_WRITABLE;
        break;
    case CONN_OPEN:
        if (conn_reads(conn))
            events |= conn->read_wants_write ? UV_WRITABLE : UV_READABLE;
        if (conn->out.size || conn->blocked)
            events |= UV_WRITABLE;
        break;
    }
    if (conn->write_wants_read && (events & UV_WRITABLE))
        events = (events & ~UV_WRITABLE) | UV_READABLE;
    return events;
}

void conn_watch(net_conn *conn)
{
    int events = conn_wanted_events(conn);
    if (conn->phase == CONN_CLOSED || events == conn->events)
        return;
    conn->events = events;
    if (events == 0)
        uv_poll_stop(&conn->poll);
    else if (uv_poll_start(&conn->poll, events, conn_on_poll))
        conn_fail(conn, "the loop cannot watch it", NULL);
}

void conn_arm(net_conn *conn, uint64_t ms)
{
    conn->hot = ms > 0;
    if (conn->phase == CONN_CLOSED)
        return;
    if (ms)
        uv_timer_start(&conn->timer, conn_on_timer, ms, 0);
    else
        uv_timer_stop(&conn->timer);
}

/* The timer is not restarted each time: it looks at active_ms when it fires. */
void conn_touch(net_conn *conn)
{
    conn->active_ms = net_loop_now_ms(conn->loop);
    conn->silent = false;
    if (conn->phase == CONN_OPEN && conn->timeout_ms && !conn->hot)
        conn_arm(conn, conn->timeout_ms);
}

static void conn_on_timer(uv_timer_t *timer)
{
    net_conn *conn = timer->data;
    conn->hot = false;
    if (conn->phase == CONN_STARTTLS || conn->phase == CONN_HANDSHAKE) {
        conn_fail(conn, "TLS handshake took too long", NULL);
    } else if (conn->phase == CONN_FLUSH) {
        conn_fail(conn, "closed by us, the peer did not read the rest", NULL);
    } else if (conn->phase == CONN_LINGER) {
        conn_fail(conn, "closed by us", NULL);
    } else if (conn->phase == CONN_OPEN && conn->timeout_ms) {
        uint64_t silence = net_loop_now_ms(conn->loop) - conn->active_ms;
        if (silence < conn->timeout_ms) {
            conn_arm(conn, conn->timeout_ms - silence);
            return;
        }
        conn->silent = true;
        if (conn->callbacks->on_timeout)
            conn->callbacks->on_timeout(conn->context);
        conn_watch(conn);
    }
}

void net_conn_timeout(net_conn *conn, uint64_t ms)
{
    net_loop_check(conn->loop);
    conn->timeout_ms = ms;
    conn->active_ms = net_loop_now_ms(conn->loop);
    conn->silent = false;
    if (conn->phase == CONN_OPEN)
        conn_arm(conn, ms);
}

/* -------------------------------------------------------------------------------------------------------------- TLS */

bool net_conn_start_tls(net_conn *conn, net_tls *tls)
{
    net_loop_check(conn->loop);
    if (conn->phase != CONN_OPEN || conn->ssl)
        return false;
    if (!conn_tls_attach(conn, tls)) {
        conn_fail(conn, "out of memory", NULL);
        return false;
    }
    if (!conn->offering) /* else conn_keep and conn_offer_held drop it */
        net_buffer_fini(&conn->in);
    conn->phase = conn->out.size ? CONN_STARTTLS : CONN_HANDSHAKE;
    conn_arm(conn, NET_CONN_HANDSHAKE_MS);
    conn_watch(conn);
    return true;
}

static void conn_shake(net_conn *conn)
{
    if (conn_tls_handshake(conn) != CONN_DONE)
        return;
    conn->phase = CONN_OPEN;
    conn->secure = true;
    net_conn_timeout(conn, conn->timeout_ms);
    if (conn->callbacks->on_secured)
        conn->callbacks->on_secured(conn->context);
}

/* ---------------------------------------------------------------------------------------------------------- events */

static void conn_writable(net_conn *conn)
{
    if (!conn_drain(conn))
        return;
    if (conn->phase == CONN_OPEN) {
        if (conn->blocked && conn->out.size <= NET_CONN_OUTPUT_LOW) {
            conn->blocked = false;
            if (conn->callbacks->on_writable)
                conn->callbacks->on_writable(conn->context);
        }
    } else if (conn->out.size == 0) {
        if (conn->phase == CONN_STARTTLS)
            conn->phase = CONN_HANDSHAKE;
        else if (conn->phase == CONN_FLUSH)
            conn_linger(conn);
    }
}

/* libuv reports EPOLLERR as a bad status and stops watching. What the peer sent before the error is read first. */
static void conn_broken(net_conn *conn)
{
    conn->events = 0;
    if (conn_reads(conn))
        conn_read(conn);
    if (conn->phase == CONN_CLOSED)
        return;
    int number = 0;
    socklen_t size = sizeof number;
    getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &number, &size);
    conn_fail(conn, number ? conn_errno_text(number) : "the connection broke", NULL);
}

static void conn_on_poll(uv_poll_t *poll, int status, int events)
{
    net_conn *conn = poll->data;
    if (status < 0) {
        conn_broken(conn);
        return;
    }
    if (conn->phase == CONN_HANDSHAKE) {
        conn_shake(conn);
    } else if (conn->phase == CONN_LINGER) {
        conn_discard(conn);
    } else {
        bool readable = events & UV_READABLE, writable = events & UV_WRITABLE;
        if (writable || (readable && conn->write_wants_read))
            conn_writable(conn);
        if (conn_reads(conn) && (readable || (writable && conn->read_wants_write)))
            conn_read(conn);
    }
    conn_watch(conn);
}

/* ------------------------------------------------------------------------------------------------------------ birth */

static void conn_tune_tcp(int fd)
{
    static const struct {
        int level, name, value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1}, /* engines write whole answers; Nagle would hold their tails back */
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, CONN_KEEPALIVE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, CONN_KEEPALIVE_INTERVAL_S},
        {IPPROTO_TCP, TCP_KEEPCNT, CONN_KEEPALIVE_PROBES},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof options[i].value);
}

ll_status net_conn_new(net_conn **out, net_loop *loop, int fd, net_tls *tls)
{
    net_loop_check(loop);
    *out = NULL;
    struct sockaddr_storage peer = {0};
    socklen_t size = sizeof peer;
    net_conn *conn = memory_new(NULL, sizeof *conn);
    if (!conn || getpeername(fd, (struct sockaddr *)&peer, &size) != 0 ||
        uv_poll_init(net_loop_uv(loop), &conn->poll, fd) != 0) {
        close(fd);
        ll_status status = conn ? LL_EIO : LL_ENOMEM;
        memory_free(NULL, conn);
        return status;
    }
    uv_timer_init(net_loop_uv(loop), &conn->timer);
    conn->handles = 2;
    conn->poll.data = conn->timer.data = conn;
    conn->loop = loop;
    conn->fd = fd;
    conn->turn = net_loop_turn(loop);
    conn->member.close = conn_close_member;
    conn_name_peer(conn, &peer);
    if (!conn->unix_socket)
        conn_tune_tcp(fd);
    net_loop_join(loop, &conn->member);
    if (tls && !conn_tls_attach(conn, tls)) {
        conn_fail(conn, "out of memory", NULL);
        return LL_ENOMEM;
    }
    *out = conn;
    return LL_OK;
}

void net_conn_counted(net_conn *conn, net_gate *gate, net_gate_key key)
{
    conn->gate = gate;
    conn->key = key;
}

void net_conn_begin(net_conn *conn, const net_conn_callbacks *callbacks, void *context)
{
    net_loop_check(conn->loop);
    assert(conn->phase == CONN_NEW && callbacks && callbacks->on_input);
    conn->callbacks = callbacks;
    conn->context = context;
    conn->phase = conn->ssl ? CONN_HANDSHAKE : CONN_OPEN;
    conn->active_ms = net_loop_now_ms(conn->loop);
    conn_arm(conn, conn->ssl ? NET_CONN_HANDSHAKE_MS : conn->timeout_ms);
    conn_watch(conn);
}
