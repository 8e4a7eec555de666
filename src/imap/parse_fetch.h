/* parse_fetch.h - what a FETCH asks for: its items (RFC 3501 section 6.4.5) as a list.
 * SPDX-License-Identifier: MIT */
#ifndef IMAP_PARSE_FETCH_H
#define IMAP_PARSE_FETCH_H

#include "imap/section.h"

typedef enum fetch_kind {
    FETCH_UID,
    FETCH_FLAGS,
    FETCH_INTERNALDATE,
    FETCH_SIZE,
    FETCH_ENVELOPE,
    FETCH_BODY,
    FETCH_BODYSTRUCTURE,
    FETCH_SECTION /* BODY[...] and RFC822, RFC822.HEADER, RFC822.TEXT */
} fetch_kind;

typedef struct fetch_item {
    fetch_kind kind;
    ll_span label; /* how the answer names it: "FLAGS", "BODY[1.MIME]<0>" */
    section section;
    bool partial;
    uint64_t offset, length; /* of a partial */
} fetch_item;

typedef struct fetch_items {
    fetch_item *items; /* in the order asked; simple ones once */
    size_t count;
    bool rows;  /* some need a row of the connector: anything but UID and FLAGS */
    bool index; /* some need the MIME index */
    bool seen;  /* some set \Seen */
} fetch_items;

/* Take macro, item or list at the lexer's position; memory: the lexer's arena. uid: the UID form, where UID comes first
 * of all. LL_ESYNTAX; LL_ELIMIT (more than items_max); LL_ENOMEM. */
LL_MUST_USE ll_status fetch_items_parse(fetch_items *out, lexer *in, bool uid, size_t items_max);

#endif
