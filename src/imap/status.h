/* status.h - the items of STATUS (RFC 3501 section 6.3.10 and its extensions), for STATUS itself, LIST (RFC 5819) and
 * whoever else says numbers of a mailbox.
 * SPDX-License-Identifier: MIT
 *
 * MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN, DELETED (RFC 9051), SIZE (RFC 8438), HIGHESTMODSEQ (RFC 7162),
 * DELETED-STORAGE (RFC 9208), MAILBOXID (RFC 8474), APPENDLIMIT (RFC 7889). */
#ifndef IMAP_STATUS_H
#define IMAP_STATUS_H

#include "imap/session.h"

enum { status_items_max = 11 }; /* there are no more */

/* Each item once, in the order asked. */
typedef struct status_items {
    size_t count;
    unsigned char items[status_items_max];
} status_items;

/* Take "(" item *(SP item) ")". False: not there, or an item that is unknown or that this connector does not have. */
bool status_take_items(const ll_session *s, lexer *in, status_items *items);
/* APPENDLIMIT: a 32-bit number by its grammar. */
static inline uint64_t status_append_limit(const ll_session *s)
{
    return s->limits.literal_bytes < UINT32_MAX ? s->limits.literal_bytes : UINT32_MAX;
}
/* The items enable CONDSTORE (RFC 7162 section 3.1). */
bool status_enables_condstore(const status_items *items);
/* Say "* STATUS name (...)" from a call that the connector's `status` has answered. */
void status_say(ll_session *s, ll_span name, const status_items *items, const ll_call *call);

#endif
