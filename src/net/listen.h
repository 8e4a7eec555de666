/* listen.h - a listening socket, TCP or Unix, on one loop.
 * SPDX-License-Identifier: MIT
 *
 * Several loops share a TCP port by each opening its own listener with reuse_port (SO_REUSEPORT: the kernel spreads
 * connections); with port 0 the first one asks net_listen_port and the others use that.
 *
 * When the process has no file descriptors left (EMFILE, ENFILE) the listener stops accepting for NET_LISTEN_PAUSE_MS
 * and logs once per episode, instead of spinning on a socket that stays readable. Connections over the gate's limits
 * are told `refusal` and closed. */
#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include "base/text.h"
#include "net/conn.h"
#include "net/gate.h"
#include "net/loop.h"
#include "net/tls.h"

typedef struct net_listen net_listen;

enum {
    NET_LISTEN_PAUSE_MS = 100, /* long enough not to spin, short enough that nobody's connect times out */
    NET_LISTEN_BATCH = 32,     /* connections accepted in one turn of the loop, so that those open have theirs */
    NET_LISTEN_BACKLOG = 1024  /* waiting in the kernel: a burst of reconnecting clients after a restart */
};

typedef struct net_listen_config {
    const char *address; /* IPv4 or IPv6 literal ("::" is IPv6 only); NULL or "*": all, IPv6 and IPv4 on one socket */
    uint16_t port;       /* 0: any free one */
    bool reuse_port;
    const char *unix_path; /* if set: a Unix socket of mode 0600 instead of address and port. A socket file that nobody
                            * answers on is replaced; it is unlinked at close */
    net_tls *tls;          /* if set: implicit TLS (RFC 8314 section 3). Must outlive the listener */
    net_gate *gate;        /* NULL: no limits. Must outlive listener and connections; may be shared */
    ll_span refusal; /* sent to connections over the limits when tls is NULL; the bytes must outlive the listener */
    /* A line worth logging, "event key=value ..."; may be NULL. */
    void (*log)(void *context, ll_span line);
    /* A connection is there: call net_conn_begin(conn, callbacks, context) before returning, or net_conn_abort(conn).
     * With tls, the handshake begins after that; say the greeting in on_secured. */
    void (*accept)(void *context, net_conn *conn);
    void *context; /* for log and accept */
} net_listen_config;

typedef struct net_listen_counts {
    uint64_t accepted;
    uint64_t refused;   /* by the gate */
    uint64_t exhausted; /* times that accepting paused for want of file descriptors or memory */
    uint64_t aborted;   /* gone before we accepted */
} net_listen_counts;

/* Copies the config. `error` gets a text that says what is wrong and what to do.
 * LL_EINVAL (address does not parse, path too long); LL_EBUSY (somebody listens there); LL_EDENIED (port below 1024, or
 * folder not writable); LL_EUNAVAILABLE (the address is not one of this machine); LL_ENOMEM; LL_EIO. */
LL_MUST_USE ll_status net_listen_open(net_listen **out, net_loop *loop, const net_listen_config *config, text *error);
/* Stop accepting, and forget the listener; its connections stay. Sets *listen to NULL. */
void net_listen_close(net_listen **listener);

/* The actual port; 0 for a Unix socket. */
uint16_t net_listen_port(const net_listen *listener);
/* What the listener has seen. On the loop's thread. */
net_listen_counts net_listen_counts_now(const net_listen *listener);

#endif
