/* control.h - the socket in the data directory by which the command line reaches the running server.
 * SPDX-License-Identifier: MIT
 *
 * One request a connection: a line of JSON {"group", "operation", "arguments"}; one line back: {"status", "result" or
 * "error"}. The socket has mode 0600, and only our own user and root are answered. */
#ifndef SERVER_CONTROL_H
#define SERVER_CONTROL_H

#include "server/server.h"

enum {
    control_request_max = 65536, /* an operation with its arguments: passwords are at most 1024 bytes */
    control_timeout_ms = 10000   /* to send the request */
};

LL_MUST_USE ll_status control_open(control **out, server *s, text *error);
/* Stop accepting. Answers under way are still sent. */
void control_close(control **c);

#endif
