/* remote.h - a small blocking IMAP client, as much as bridge.c needs.
 * SPDX-License-Identifier: MIT
 *
 * One connection in clear: for a server on this machine, or behind a tunnel. Everything answers false when the
 * connection is lost or the server says NO; remote_text says what. The server must offer UIDPLUS (RFC 4315). */
#ifndef EXAMPLES_REMOTE_H
#define EXAMPLES_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct remote remote;

/* NULL: not reached, or not let in. */
remote *remote_open(const char *host, int port, const char *user, const char *password);
void remote_close(remote **r);
/* False: the connection is lost; open another. */
bool remote_alive(const remote *r);
/* The text of the last tagged answer. */
const char *remote_text(const remote *r);
bool remote_offers(const remote *r, const char *capability);

/* Say a command, take its untagged responses: `line` is a whole response with its literals, without the final CRLF, and
 * NUL after it. `each` may be NULL. */
typedef void remote_each(void *context, const char *line, size_t size);
bool remote_command(remote *r, remote_each *each, void *context, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A command that ends with a literal, which `read` gives piece by piece. */
typedef bool remote_read(void *context, uint64_t offset, void *out, size_t size, size_t *got);
bool remote_upload(remote *r, uint64_t size, remote_read *read, void *context, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* "name" in quotes, into `out`; false: it cannot be said (too long, or not ASCII and the server has no UTF8=ACCEPT). */
bool remote_quote(const remote *r, const char *name, size_t size, char *out, size_t room);
/* Select it, if it is not selected. */
bool remote_select(remote *r, const char *quoted, uint32_t *uidvalidity);

#endif
