/* capabilities.h - what a session says that it can do.
 * SPDX-License-Identifier: MIT */
#ifndef IMAP_CAPABILITIES_H
#define IMAP_CAPABILITIES_H

#include "imap/session.h"

/* A password may be sent now: the connection is encrypted, or the host said that it need not be. */
bool capabilities_login(const ll_session *s);
/* The capabilities at this moment, separated by spaces (RFC 3501 section 6.1.1), appended to `out`. */
void capabilities_add(const ll_session *s, text *out);

#endif
