/* parse_fetch.h - what a FETCH asks for: its items (RFC 3501 section 6.4.5 and the extensions') as a list, and its
 * modifiers.
 * SPDX-License-Identifier: MIT */
#ifndef IMAP_PARSE_FETCH_H
#define IMAP_PARSE_FETCH_H

#include "imap/section.h"

typedef enum fetch_kind {
    FETCH_UID,
    FETCH_FLAGS,
    FETCH_INTERNALDATE,
    FETCH_SIZE,
    FETCH_MODSEQ,   /* RFC 7162 */
    FETCH_SAVEDATE, /* RFC 8514 */
    FETCH_EMAILID,  /* RFC 8474 */
    FETCH_THREADID,
    FETCH_PREVIEW,     /* RFC 8970; LAZY makes no difference to us */
    FETCH_BINARY,      /* RFC 3516: BINARY[...], decoded. Its grammar has part numbers only; HEADER, TEXT and MIME are
                        * understood as well, as Dovecot has it: a header has no encoding */
    FETCH_BINARY_SIZE, /* BINARY.SIZE[...] */
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
    size_t room;
    bool rows;          /* some need a row of the connector: anything but UID and FLAGS */
    bool index;         /* some need the MIME index; those do not that need no more than: */
    bool header;        /* the message's own header, if it comes with its size */
    bool beyond_fields; /* some need more of the header than what mime_extract_has */
    bool content;       /* some need the whole message, or most of it */
    bool ids;           /* some need EMAILID or THREADID */
    bool modseq;        /* MODSEQ is among them */
    bool seen;          /* some set \Seen */
} fetch_items;

/* Take macro, item or list at the lexer's position; memory: the lexer's arena. uid: the UID form, where UID comes first
 * of all (but not where every reply begins with it, RFC 9586). LL_ESYNTAX; LL_ELIMIT (more than items_max); LL_ENOMEM.
 */
LL_MUST_USE ll_status fetch_items_parse(fetch_items *out, lexer *in, bool uid, size_t items_max);
/* ll_row.fields is enough for all of them. */
bool fetch_items_fields(const fetch_items *items);
/* What the rows must bring: bits of LL_WANT_x. */
unsigned fetch_items_want(const fetch_items *items);
/* MODSEQ too, as CHANGEDSINCE asks for (RFC 7162 section 3.1.4.1). LL_ENOMEM. */
LL_MUST_USE ll_status fetch_items_add_modseq(fetch_items *items, arena *memory);

/* What stands in the parentheses behind the items (RFC 4466 section 2.4). */
typedef struct fetch_modifiers {
    bool changed;   /* CHANGEDSINCE since, RFC 7162 section 3.1.4.1 */
    bool vanished;  /* VANISHED, section 3.2.6 */
    bool partial;   /* PARTIAL first:last, RFC 9394 section 3.3 */
    bool from_last; /* counted from the last message: -first:-last */
    uint64_t since;
    uint32_t first, last; /* first <= last */
} fetch_modifiers;

/* Take " (modifier ...)" if it is there. uid: PARTIAL and VANISHED are of UID FETCH only. LL_ESYNTAX: also for one that
 * is not known or given twice, and VANISHED without CHANGEDSINCE. */
LL_MUST_USE ll_status fetch_modifiers_parse(fetch_modifiers *out, lexer *in, bool uid);

#endif
