/* parse_search.h - what a SEARCH looks for: its keys (RFC 3501 section 6.4.4) as a tree.
 * SPDX-License-Identifier: MIT */
#ifndef IMAP_PARSE_SEARCH_H
#define IMAP_PARSE_SEARCH_H

#include "imap/lexer.h"
#include "imap/search_text.h"
#include "imap/sequence.h"

typedef enum search_kind {
    /* answered by the snapshot */
    SEARCH_ALL,
    SEARCH_FLAG,    /* flag */
    SEARCH_KEYWORD, /* name */
    SEARCH_RECENT,
    SEARCH_SET,     /* set, by sequence number */
    SEARCH_UID_SET, /* set */
    /* by the row */
    SEARCH_BEFORE, /* number: days since 1970 */
    SEARCH_ON,
    SEARCH_SINCE,
    SEARCH_LARGER, /* number: bytes */
    SEARCH_SMALLER,
    /* by the MIME index */
    SEARCH_SENTBEFORE,
    SEARCH_SENTON,
    SEARCH_SENTSINCE,
    SEARCH_ENVELOPE, /* fact and needle */
    /* by the header, by the bodies */
    SEARCH_HEADER, /* name and needle */
    SEARCH_BODY,   /* needle */
    SEARCH_TEXT,
    /* made of others */
    SEARCH_NOT, /* one child */
    SEARCH_OR,  /* two */
    SEARCH_AND  /* any number */
} search_kind;

/* Header text that the index has. */
typedef enum search_fact {
    SEARCH_FROM,
    SEARCH_TO,
    SEARCH_CC,
    SEARCH_BCC,
    SEARCH_SUBJECT,
    SEARCH_MESSAGE_ID, /* HEADER Message-ID and the like: fields that a message has once (RFC 5322 section 3.6) */
    SEARCH_IN_REPLY_TO,
    SEARCH_REFERENCES
} search_fact;

typedef enum search_verdict { SEARCH_NO, SEARCH_YES, SEARCH_OPEN } search_verdict;

typedef struct search_key search_key;
struct search_key {
    search_kind kind;
    search_key *child, *next;
    unsigned flag;
    search_fact fact;
    ll_span name;
    int64_t number;
    sequence set;
    search_needle needle;

    /* while it runs */
    search_verdict verdict; /* of the message under way */
    ll_range *ranges;       /* of the set, see sequence_resolve */
    size_t ranges_count;
    const uidset *members; /* of the flag, among messages that are no ghosts; NULL: none */
    bool known;            /* the mailbox has such a flag */
};

typedef struct search_keys {
    search_key *root;
    search_key **leaves; /* all that are not made of others */
    size_t leaves_count;
    bool rows, index, header, body; /* some leaf needs it */
} search_keys;

/* Take [CHARSET name SP] and the keys up to the end of the input; memory: the lexer's arena; depth: the lexer's.
 * LL_ESYNTAX; LL_ECHARSET; LL_ELIMIT (depth, keys_max, a text too long, ranges_max); LL_ENOMEM. */
LL_MUST_USE ll_status search_keys_parse(search_keys *out, lexer *in, size_t keys_max, size_t ranges_max);

/* What is known of a tree from its leaves' verdicts. */
search_verdict search_keys_verdict(const search_key *key);

#endif
