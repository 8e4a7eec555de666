/* control_client.h - ask the running server something over its Unix socket: for the command line, blocking.
 * SPDX-License-Identifier: MIT */
#ifndef NET_CONTROL_CLIENT_H
#define NET_CONTROL_CLIENT_H

#include "base/text.h"

typedef enum net_control_until { NET_CONTROL_LINE, NET_CONTROL_EOF } net_control_until;

/* Connect to the socket, send the request, append the answer to `answer` (whose size_max is the ceiling) up to and
 * including the first newline or to the end of the stream. timeout_ms bounds the whole call. LL_ENOTFOUND (no such
 * socket); LL_EUNAVAILABLE (nobody listens: the server does not run); LL_EDENIED; LL_EINVAL (path too long);
 * LL_ETIMEOUT; LL_ELIMIT (the answer is over the ceiling); LL_ECLOSED (ended before the newline); LL_ENOMEM; LL_EIO. */
LL_MUST_USE ll_status net_control_ask(const char *path, ll_span request, net_control_until until, uint64_t timeout_ms,
                                      text *answer);

#endif
