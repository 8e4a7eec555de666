/* conn.h - one connection, plain or TLS, over TCP or a Unix socket.
 * SPDX-License-Identifier: MIT
 *
 * For the hosts of the sans-I/O engines: bytes come by on_input, bytes go by net_conn_write, and both push back.
 *
 * Promises
 *  - on_closed comes exactly once, as the last callback, never from inside a net_conn call; the connection is gone when
 * it returns. Until then the pointer is valid, and calls on a connection that has failed do nothing.
 *  - A connection never holds more than NET_CONN_OUTPUT_BYTES of output and NET_CONN_INPUT_BYTES of input. An idle one
 * holds no buffers: reading goes through the loop's shared one.
 *  - All calls belong to the thread of the connection's loop. All may be made from inside callbacks.
 *
 * A host, in short:
 *     accept:     net_conn_begin(conn, &callbacks, session); net_conn_timeout(conn, ms); pump(session)
 *     on_input:   ll_session_input(s, bytes, &taken); pump(session); return taken
 *     on_writable, on_secured, and whenever the engine has something to say:  pump(session)
 *     pump:       out = ll_session_output(s); n = net_conn_write(conn, out); ll_session_sent(s, n); repeat while n ==
 * out.size > 0; wants close: net_conn_close_after_output(conn); wants input again: net_conn_offer(conn) on_closed:
 * ll_session_del(&s), free
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "base/text.h"
#include "net/gate.h"
#include "net/loop.h"
#include "net/tls.h"

typedef struct net_conn net_conn;

enum {
    /* Output queued for the peer: keeps a fast link busy for a turn of the loop; a slow client costs no more than this.
     */
    NET_CONN_OUTPUT_BYTES = 262144,
    /* on_writable comes when the queue has fallen to this: a quarter, so that refilling is not a drip. */
    NET_CONN_OUTPUT_LOW = 65536,
    /* Input that on_input did not take. Reading stops when less than a TLS record's 16 KiB are left of it, so on_input
     * always sees at least 48 KiB together before that: longer than any line of our protocols that must be whole. */
    NET_CONN_INPUT_BYTES = 65536,
    /* A handshake takes two round trips; 30 s covers a satellite link with losses. It does not restart with each byte.
     */
    NET_CONN_HANDSHAKE_MS = 30000,
    /* Sending the queue after net_conn_close_after_output: 256 KiB in 30 s is 70 kbit/s. Does not restart with
       progress. */
    NET_CONN_FLUSH_MS = 30000,
    /* After that, waiting for the peer to close too, so that a reset does not destroy what we said last (RFC 9112
       section 9.6). */
    NET_CONN_LINGER_MS = 5000
};

typedef struct net_conn_callbacks {
    /* All input not taken yet; returns how many bytes were taken. Called again at once while it takes something and
     * something is left. What is left is kept and offered again with the next input, by net_conn_offer and by
     * net_conn_resume. */
    size_t (*on_input)(void *context, ll_span bytes);
    /* After net_conn_write took less than it was given: there is room again. */
    void (*on_writable)(void *context);
    /* The handshake is complete. May be NULL if there is never TLS. */
    void (*on_secured)(void *context);
    /* The peer has sent its last byte but may still read (`printf ... | nc`). All input was offered before; what is
     * held stays available to net_conn_offer. The host must close in the end. NULL: the connection does
     * net_conn_close_after_output itself. */
    void (*on_eof)(void *context);
    /* Silence for net_conn_timeout. Called once per silence; the host says goodbye and closes, or lets it be. */
    void (*on_timeout)(void *context);
    /* The end. reason is a text for the log, such as "closed by peer" or "Connection reset by peer". */
    void (*on_closed)(void *context, const char *reason);
} net_conn_callbacks;

/* ------------------------------------------------------------------------------------------------------------ life */

/* A connection over a connected stream socket: for the listener, for outgoing sockets, and for handing a socket to
 * another loop. Takes the descriptor, also on failure. tls: handshake as server at once, or NULL. Call net_conn_begin
 * next. LL_ENOMEM; LL_EIO (not a socket, or the loop takes no more). */
LL_MUST_USE ll_status net_conn_new(net_conn **out, net_loop *loop, int fd, net_tls *tls);
/* Who listens; reading (or the handshake) begins. callbacks must outlive the connection (a static const). */
void net_conn_begin(net_conn *conn, const net_conn_callbacks *callbacks, void *context);
/* Send what is queued, then tell the peer, wait for it briefly (the times above), close. No more on_input, on_writable
 * and on_timeout. */
void net_conn_close_after_output(net_conn *conn);
/* Close now; what is queued is lost. Only on_closed follows (nothing, before net_conn_begin). */
void net_conn_abort(net_conn *conn);

/* ----------------------------------------------------------------------------------------------------------- bytes */

/* Send bytes; returns how many were taken (sent or copied to the queue). Less than bytes.size: keep the rest,
 * on_writable will come. While a handshake runs nothing is taken, and on_writable comes after on_secured. Closing or
 * failed: 0, and no on_writable. */
size_t net_conn_write(net_conn *conn, ll_span bytes);
/* Bytes in the queue. */
size_t net_conn_queued(const net_conn *conn);
/* Stop and start reading. Paused, the kernel's buffer fills and the peer waits; its disappearance is noticed only after
 * resuming, by writing or by the timeout. Resume offers held input at once, before it returns (not from inside
 * on_input: there it is offered after on_input returned). */
void net_conn_pause(net_conn *conn);
void net_conn_resume(net_conn *conn);
/* Offer held input again, if there is any and reading is not paused; from inside on_input: after it returned. */
void net_conn_offer(net_conn *conn);
/* From inside on_input: an answer to what came is being made. So it need not be acknowledged at once by a packet of its
 * own, which input without an answer is, lest the peer hold back the rest of it (Nagle). */
void net_conn_answer_comes(net_conn *conn);
/* Silence after which on_timeout comes; 0 (the beginning): never. Input and progress of output restart it. Calling this
 * restarts it too. Handshake and closing have their own times. A host that lets its peer wait
 * for a worker sets 0 meanwhile: that silence is ours. */
void net_conn_timeout(net_conn *conn, uint64_t ms);

/* ------------------------------------------------------------------------------------------------------------- TLS */

/* STARTTLS as server: what is queued is still sent in clear, clear input that was read already is dropped (what
 * on_input leaves when this is called from inside it, too), then the handshake, then on_secured. False: TLS is on
 * already, or no memory (then the connection closes). */
bool net_conn_start_tls(net_conn *conn, net_tls *tls);
/* The handshake is complete. */
bool net_conn_is_secure(const net_conn *conn);
/* "TLSv1.3" and "TLS_AES_256_GCM_SHA384"; "" without TLS. They live as long as the connection. */
const char *net_conn_tls_version(const net_conn *conn);
const char *net_conn_tls_cipher(const net_conn *conn);
/* tls-exporter (RFC 9266 section 2). False: no TLS, or TLS 1.2 without extended master secret (section 4.2). */
bool net_conn_tls_exporter(const net_conn *conn, unsigned char out[32]);
enum { NET_CONN_ENDPOINT_MAX = 64 };
/* tls-server-end-point (RFC 5929 section 4.1): the hash of our certificate. False: no TLS, or the certificate's
 * signature has no hash of its own (Ed25519), for which the binding is not defined. */
bool net_conn_tls_endpoint_hash(const net_conn *conn, unsigned char out[NET_CONN_ENDPOINT_MAX], size_t *size);

/* ------------------------------------------------------------------------------------------------------------ peer */

/* "192.0.2.1", "2001:db8::1" (IPv4 in IPv6 shows as IPv4), or "unix". */
const char *net_conn_peer(const net_conn *conn);
uint16_t net_conn_peer_port(const net_conn *conn);
/* 127.0.0.0/8, ::1, or a Unix socket. */
bool net_conn_is_loopback(const net_conn *conn);
/* The user at the other end of a Unix socket. False: not a Unix socket. */
bool net_conn_peer_uid(const net_conn *conn, uint32_t *uid);
net_loop *net_conn_loop(const net_conn *conn);

/* ------------------------------------------------------------------------------------------------ for this room only
 */

/* The connection was counted; it leaves the gate when it closes. */
void net_conn_counted(net_conn *conn, net_gate *gate, net_gate_key key);

#endif
