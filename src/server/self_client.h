/* self_client.h - an IMAP client of this very server, for operations that act for somebody who gave a password: over a
 * pair of sockets, so it needs no listener, and what it may do is what any client with that password may.
 * SPDX-License-Identifier: MIT
 *
 * Blocks; on an operator's thread only. */
#ifndef SERVER_SELF_CLIENT_H
#define SERVER_SELF_CLIENT_H

#include "server/server.h"

enum {
    self_client_seconds = 110,     /* for all that one client does: the command line waits for 120 */
    self_client_answer = 16 << 20, /* one command's responses: headers of a thousand messages take 1 MB */
    self_client_tag_room = 16
};

typedef struct self_client {
    int fd;
    int64_t deadline_ms;
    unsigned commands;
    text answer;  /* all responses to the last command, without the tagged one */
    text refusal; /* the text of the last NO or BAD */
    text input;   /* come, not looked at yet */
} self_client;

/* Connect and log in. LL_EAUTH: user and password are not right, or another refusal (c->refusal has it); LL_EIO,
 * LL_ENOMEM, LL_ETIMEOUT. To be closed in any case. The loop must be running. */
LL_MUST_USE ll_status self_client_open(self_client *c, server *s, ll_span user, ll_span password);
/* One command without tag and CRLF. LL_OK; LL_EINVAL: NO or BAD, see c->refusal; LL_ELIMIT: too much came; as above. */
LL_MUST_USE ll_status self_client_command(self_client *c, ll_span command);
void self_client_close(self_client *c);

/* Take the next response from the front of *rest, with its literals, without its CRLF; false at the end. */
bool self_client_response(ll_span *rest, ll_span *response);
/* Append a string as a literal. */
void self_client_add_string(text *command, ll_span string);

#endif
