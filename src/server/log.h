/* log.h - the server's log: one line an event on stderr, "time session event key=value ...".
 * SPDX-License-Identifier: MIT
 *
 * Never an address, a subject, a password or anything else of a message: aliases are named by their id (invariant 5).
 * Control bytes in values are shown as '?', so that nobody outside can forge a line. From any thread. */
#ifndef SERVER_LOG_H
#define SERVER_LOG_H

#include "base/span.h"

enum { log_line_max = 2048 /* one line: a longer one is cut */ };

/* session: "-" for the server itself. format gives "event key=value ...". */
void log_event(const char *session, const char *format, ...) LL_PRINTF(2, 3);
void log_span(const char *session, ll_span line);

#endif
