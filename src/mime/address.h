/* address.h - the addresses of a header field, RFC 5322 section 3.4 with the obsolete syntax of 4.4, in IMAP's shape.
 * SPDX-License-Identifier: MIT
 *
 * The parser never fails: whatever stands in the field, it gives what a reader would take for the addresses. It runs in
 * linear time and without recursion. Encoded words (RFC 2047) and 8-bit bytes stay as they are. */
#ifndef MIME_ADDRESS_H
#define MIME_ADDRESS_H

#include "base/arena.h"
#include "base/text.h"

enum {
    mime_addresses_max = 10000 /* of one field: ten times the largest list that providers let through; the rest drops */
};

/* One address as in the address structure of RFC 3501 section 7.4.2. data == NULL is NIL, which is not the same as
 * empty. an address:          mailbox and host are never NULL; what is missing ("undisclosed", "<>") is empty the start
 * of a group: host NULL, mailbox the group's name (perhaps empty) the end of a group:   host NULL, mailbox NULL Quoting
 * is removed from name and mailbox, comments and folding are gone. Starts and ends of groups are always in pairs. */
typedef ll_address mime_address; /* letterlock.h */

/* The addresses of a field's value, folded or not. *out and the bytes it points to live in `memory`.
 * LL_OK; else the arena's status (LL_ENOMEM, LL_ELIMIT), with nothing in *out. */
LL_MUST_USE ll_status mime_address_parse(arena *memory, ll_span value, mime_address **out, size_t *count);

/* "local@host" of one address, the local part quoted again if it must be. Nothing for group marks. */
void mime_address_add(text *out, const mime_address *address);

#endif
