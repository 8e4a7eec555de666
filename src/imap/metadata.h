/* metadata.h - entries of metadata (RFC 5464): their names, and the METADATA reply. For GETMETADATA, SETMETADATA and
 * LIST (RFC 9590).
 * SPDX-License-Identifier: MIT */
#ifndef IMAP_METADATA_H
#define IMAP_METADATA_H

#include "imap/session.h"

enum {
    metadata_name_max = 1000, /* bytes of an entry's name: fits a line of any client */
    metadata_depth_infinity = 1000
};

/* What is asked of the metadata of a mailbox. */
typedef struct metadata_entries {
    ll_span *names;
    size_t count;
    unsigned depth; /* levels below each name: 0, 1 or metadata_depth_infinity */
    uint64_t size_max;
    bool sized; /* size_max was given */
} metadata_entries;

/* Take an entry's name: astring, "/private/..." or "/shared/...", into the command's memory in lower case. LL_OK;
 * LL_ESYNTAX (with c->text); LL_ENOMEM. */
LL_MUST_USE ll_status metadata_take_entry(command *c, lexer *in, ll_span *entry);
/* Take an entry or "(" entry *(SP entry) ")", of which some may be "/private" or "/shared" alone: what lies below them
 * can be asked for. LL_OK, LL_ESYNTAX, LL_ELIMIT (limits.metadata_entries), LL_ENOMEM. */
LL_MUST_USE ll_status metadata_take_entries(ll_session *s, command *c, lexer *in, metadata_entries *entries);
/* How far a METADATA reply is: {0} at its beginning. */
typedef struct metadata_reply {
    size_t at;
    bool open;
    uint64_t longest; /* size of the largest value left out because of size_max; 0: none was */
} metadata_reply;

/* Say "* METADATA name (entry value ...)" of a call that the connector's `metadata` has answered. An entry asked for by
 * its own name that is not there has the value NIL (RFC 9590 section 3). LL_OK: all said; LL_MORE: output is full, call
 * again. */
LL_MUST_USE ll_status metadata_say(ll_session *s, ll_span name, const metadata_entries *entries, const ll_call *call,
                                   metadata_reply *reply);

#endif
