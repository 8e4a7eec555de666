/* conn_private.h - the inside of a connection: shared by the conn*.c files, nobody else.
 * SPDX-License-Identifier: MIT
 *
 *      new ──begin──▶ OPEN ──close_after_output──▶ FLUSH ──queue empty──▶ LINGER ──peer closed, or time──▶ CLOSED
 *       │               │▲
 *       │      start_tls││handshake done
 *       │               ▼│
 *       │            STARTTLS ──queue sent in clear──▶ HANDSHAKE
 *       └──begin, with TLS from the start──────────────▶
 *
 * conn.c has life and events, conn_input.c and conn_output.c the bytes, conn_tls.c the handshake, conn_peer.c the peer.
 * Every phase goes to CLOSED by failure, abort or its own time limit. */
#ifndef NET_CONN_PRIVATE_H
#define NET_CONN_PRIVATE_H

#include "net/buffer.h"
#include "net/conn.h"

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <uv.h>

enum { CONN_RECORD_BYTES = 16384 }; /* the largest TLS record, RFC 8446 section 5.1 */

typedef enum conn_phase {
    CONN_NEW,
    CONN_OPEN,
    CONN_STARTTLS,
    CONN_HANDSHAKE,
    CONN_FLUSH,
    CONN_LINGER,
    CONN_CLOSED
} conn_phase;

/* What one attempt to move bytes came to. */
typedef enum conn_io { CONN_DONE, CONN_AGAIN, CONN_EOF, CONN_FAILED } conn_io;

struct net_conn {
    /* set at creation */
    net_loop_member member; /* first: cast back */
    net_loop *loop;
    uv_poll_t poll;
    uv_timer_t timer;
    int fd;
    bool unix_socket, loopback;
    uint16_t peer_port;
    char peer[INET6_ADDRSTRLEN];
    net_gate *gate; /* NULL: not counted */
    net_gate_key key;
    const net_conn_callbacks *callbacks; /* NULL before begin */
    void *context;

    /* the state */
    conn_phase phase;
    SSL *ssl; /* NULL: plain */
    bool secure;
    bool paused;
    bool eof;              /* the peer has sent its last byte */
    bool blocked;          /* a write took less than it was given: on_writable is owed */
    bool silent;           /* on_timeout was called, nothing has moved since */
    bool offering;         /* inside on_input */
    bool offer_again;      /* somebody asked for an offer meanwhile */
    bool read_wants_write; /* TLS: SSL_read must send something first */
    bool write_wants_read; /* TLS: SSL_write must receive something first */
    bool answered;         /* something was sent since the last bytes came, or will be */
    bool hot;              /* the timer runs */
    uint8_t handles;       /* libuv handles not closed yet */
    int events;            /* what the poll handle watches */
    uint64_t turn;         /* the loop's turn that turn_bytes belongs to */
    size_t turn_bytes;     /* sent directly in that turn */
    net_buffer in, out;
    uint64_t timeout_ms, active_ms;
    const char *reason, *detail; /* of the end; detail may be NULL */
};

/* Close, and say why. reason and detail live for ever. Does nothing if it is closed already. */
void conn_fail(net_conn *conn, const char *reason, const char *detail);
/* The text of errno for conn_fail: lives for ever. */
const char *conn_errno_text(int number);

/* Bytes moved: the silence ends. */
void conn_touch(net_conn *conn);
/* Start or restart the timer; 0: stop it. */
void conn_arm(net_conn *conn, uint64_t ms);
/* Let the poll handle watch what the state asks for: at the end of everything that changes the state. */
void conn_watch(net_conn *conn);
void conn_name_peer(net_conn *conn, const struct sockaddr_storage *peer);

/* Is there somebody to read for, and room for a whole TLS record? */
bool conn_reads(const net_conn *conn);
/* Readable, and conn_reads: take what is there, within bounds, and offer it. */
void conn_read(net_conn *conn);
/* Readable while lingering. */
void conn_discard(net_conn *conn);

/* Send from the queue; false: the connection failed. */
bool conn_drain(net_conn *conn);
/* The queue is empty and all is said: tell the peer, then wait for its end. */
void conn_linger(net_conn *conn);

/* One attempt each; *done counts bytes. On CONN_FAILED the reason has been given to conn_fail. */
conn_io conn_tls_read(net_conn *conn, char *to, size_t room, size_t *done);
conn_io conn_tls_write(net_conn *conn, ll_span bytes, size_t *done);
/* CONN_DONE: secured. */
conn_io conn_tls_handshake(net_conn *conn);
/* Send close_notify (RFC 8446 section 6.1). CONN_DONE, or CONN_AGAIN: when writable. Failure counts as done. */
conn_io conn_tls_goodbye(net_conn *conn);
/* Attach a server-side SSL to the socket; false: out of memory. */
bool conn_tls_attach(net_conn *conn, net_tls *tls);

#endif
