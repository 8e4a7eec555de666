/* tls.h - a server certificate with its key, ready for handshakes.
 * SPDX-License-Identifier: MIT
 *
 * TLS 1.2 and 1.3, forward secrecy only, no renegotiation, no compression, no resumption (a ticket key that lives
 * as long as the process would undo forward secrecy; mail connections are long), no ALPN.
 *
 * Threads: one net_tls serves listeners and connections of all loops; every call may come from any thread. Connections
 * that are open keep the certificate they began with (OpenSSL counts the references). */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/text.h"

typedef struct net_tls net_tls;

/* cert_path: PEM file with the server's certificate first, then the intermediates. key_path: PEM file with its
 * unencrypted private key; may be the same file. On failure `error` says in words which file is wrong and what to do.
 * LL_EINVAL (does not parse, key encrypted, or key and certificate do not belong together); LL_ENOTFOUND; LL_EDENIED
 * (file permissions); LL_EIO; LL_ENOMEM. */
LL_MUST_USE ll_status net_tls_new(net_tls **out, const char *cert_path, const char *key_path, text *error);
/* Read both files again. On success new handshakes use them; on failure nothing changes. Errors as above. */
LL_MUST_USE ll_status net_tls_reload(net_tls *tls, text *error);
/* Connections may outlive it; listeners may not. Sets *tls to NULL. */
void net_tls_del(net_tls **tls);

/* When the certificate ends, in seconds since 1970. */
int64_t net_tls_expires(net_tls *tls);

/* ------------------------------------------------------------------------------------------------ for this room only
 */

struct ssl_st;

/* A new server-side SSL of the present certificate; NULL: out of memory. */
struct ssl_st *net_tls_take(net_tls *tls);
/* Append the oldest error of this thread's OpenSSL queue in words, and empty the queue. */
void net_tls_error(text *to);

#endif
