/* old_name.h - the data item OLDNAME of LIST responses: RFC 9051 section 6.3.9.7, RFC 5465 section 5.4.
 * SPDX-License-Identifier: MIT
 *
 * The engine takes names as the client writes them and makes them NFC, with INBOX in capitals (name.h). A client of
 * IMAP4rev2 that wrote another is told which name it is. */
#ifndef IMAP_OLD_NAME_H
#define IMAP_OLD_NAME_H

#include "imap/session.h"

/* ' ("OLDNAME" ("written"))'. */
void old_name_add(ll_session *s, ll_span written);
/* The client wrote another name than this one, and is to hear of it. */
bool old_name_differs(const ll_session *s, ll_span name, ll_span written);
/* If so, "* LIST" with these attributes ("" or some with spaces between). */
void old_name_say(ll_session *s, const char *attributes, ll_span name, ll_span written);

#endif
