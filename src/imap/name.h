/* name.h - mailbox names: modified UTF-7 (RFC 3501 section 5.1.3), what is a name, and LIST's patterns.
 * SPDX-License-Identifier: MIT
 *
 * Inside the engine and for connectors a name is UTF-8 in NFC, its levels separated by '/', with INBOX in capitals
 * where it is the first level. Two names are the same mailbox exactly if their bytes are the same. */
#ifndef IMAP_NAME_H
#define IMAP_NAME_H

#include "base/arena.h"
#include "base/text.h"

/* A name as the client wrote it: modified UTF-7; UTF-8 is taken too (RFC 9051 clients send it). LL_OK; LL_EUNSUPPORTED:
 * no name can be so (bad UTF-7, control characters, an empty level); LL_ELIMIT: too long or too deep; LL_ENOMEM. */
LL_MUST_USE ll_status name_read(ll_span written, const ll_limits *limits, arena *memory, ll_span *name);
/* A pattern of LIST behind its reference, as the client wrote both. LL_EUNSUPPORTED, LL_ELIMIT, LL_ENOMEM. */
LL_MUST_USE ll_status name_read_pattern(ll_span reference, ll_span written, const ll_limits *limits, arena *memory,
                                        ll_span *pattern);
/* Append as modified UTF-7. The name is UTF-8 (pieces that are not become U+FFFD). */
void name_add_utf7(text *out, ll_span name);
/* Append modified UTF-7 as UTF-8. LL_OK, LL_ESYNTAX (something may have been appended). The text's status is separate.
 */
LL_MUST_USE ll_status name_add_utf8(text *out, ll_span utf7);
/* The name's first level is INBOX, in any case. */
bool name_is_inbox(ll_span name);
/* '*' stands for any characters, '%' for any but '/'. The letters of INBOX match in any case. Time: the product of both
 * sizes at most. */
bool name_match(ll_span pattern, ll_span name);

enum {
    name_wildcards_max = 32, /* in one pattern: clients use two; each costs a walk over every name */
    name_match_max = 4096    /* bytes of a name to be matched: more than any limit of a host asks for */
};

#endif
