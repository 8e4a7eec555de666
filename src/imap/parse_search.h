/* parse_search.h - what a SEARCH looks for: its keys (RFC 3501 section 6.4.4) as a tree.
 * SPDX-License-Identifier: MIT
 *
 * XREGEX field pattern is our own: field is SUBJECT, FROM, TO, CC, BCC, BODY, TEXT or the name of a header field, and
 * the pattern (base/regex.h) is matched against what the key of that name looks for a text in. Also those of RFC 5032
 * (OLDER, YOUNGER), RFC 7162 (MODSEQ), RFC 8514 (SAVED...), RFC 8474 (EMAILID, THREADID), RFC 9738 (UIDAFTER,
 * UIDBEFORE) and RFC 6203 (FUZZY): a text
 * that is looked for fuzzily is found as it stands, or by all of its words in any order. */
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
    SEARCH_OLDER, /* number: seconds before now */
    SEARCH_YOUNGER,
    SEARCH_MODSEQ, /* number: this or above */
    SEARCH_SAVEDBEFORE,
    SEARCH_SAVEDON,
    SEARCH_SAVEDSINCE,
    SEARCH_SAVEDATE, /* the connector knows it */
    SEARCH_EMAILID,  /* name */
    SEARCH_THREADID,
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
    SEARCH_NOT, /* one child, no NOT */
    SEARCH_OR,  /* any number, no OR: however a client nests them, they are one */
    SEARCH_AND  /* any number, no AND but a FILTER */
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
    search_key *last; /* child */
    unsigned height;  /* levels below it; of a FILTER 0 */
    unsigned flag;
    search_fact fact;
    ll_span name;
    int64_t number;
    sequence set;
    search_needle needle;
    bool fuzzy;              /* looked for fuzzily */
    const search_key *words; /* then perhaps: its words as keys of their own, all of which must be found */
    ll_span value;           /* FILTER (an AND of one child, which comes later): what it stands for */
    unsigned passes;         /* and how many filters it was found in */

    /* while it runs */
    search_verdict verdict; /* of the message under way */
    ll_range *ranges;       /* of the set, see sequence_resolve */
    size_t ranges_count;
    const uidset *members; /* of the flag, among messages that are no ghosts; NULL: none */
    bool known;            /* the mailbox has such a flag */
    /* What the connector has said, see search_ask.h: these match, and none but these can; NULL: nothing. */
    const uidset *certain, *candidates;
    const uidset *refuted; /* what a context knows (search_known.h): these do not match; NULL: nothing */
};

typedef struct search_keys {
    search_key *root;
    search_key **leaves; /* all that are not made of others */
    size_t leaves_count;
    bool rows, index, header, body; /* some leaf needs it */
    bool ids;                       /* EMAILID, THREADID */
    bool modseq;                    /* there is a MODSEQ key: the answer has a mod-sequence */
    bool fuzzy;                     /* there is a FUZZY key: messages have scores */
    bool numbers;                   /* there is a set of sequence numbers */
    int64_t now;                    /* for OLDER and YOUNGER: set before it runs */
    unsigned patterns;              /* of XREGEX */
    regex_budget *budget;           /* of all of them; NULL: there is none */
    search_key **filters;           /* FILTER keys; those from filters_done on have no child yet */
    size_t filters_count, filters_done;
    bool filters_asked;
    bool wrong_charset;             /* with FILTER (RFC 5466 section 3.1) */
    size_t keys_count, leaves_room; /* for search_keys_insert */
    const char *why;                /* what is wrong with a pattern, for the client; NULL: nothing */
} search_keys;

enum {
    search_filters_max = 64,        /* FILTER keys of one command, with those in filters; every one is parsed anew */
    search_filter_passes_max = 5,   /* of filters in filters; RFC 5466 section 3.1 asks for 3. So no tree is higher
                                       than six times the lexer's depth, which is what walks over trees recurse */
    search_patterns_max = 16,       /* in one command: people write one */
    search_tired_ns = 20 * 1000000, /* of matching patterns; then other sessions have their turn */
};

/* Patterns have worked for search_tired_ns since it was last asked and answered yes. */
bool search_keys_tired(search_keys *keys);

/* Take [CHARSET name SP] and the keys up to the end of the input; memory: the lexer's arena. Not how deep the text is
 * nested is bounded, but how many keys there are, and (by the lexer's depth) how often AND, OR and NOT take turns.
 * LL_ESYNTAX; LL_ECHARSET; LL_EUNSUPPORTED (a pattern: out->why); LL_ELIMIT (depth, keys_max, a text too long,
 * ranges_max); LL_ENOMEM. */
LL_MUST_USE ll_status search_keys_parse(search_keys *out, lexer *in, size_t keys_max, size_t ranges_max);
/* Parse a filter's value, in UTF-8, and make it the child of this FILTER key. It is copied into memory. As above. */
LL_MUST_USE ll_status search_keys_insert(search_keys *keys, search_key *filter, ll_span value, arena *memory,
                                         unsigned depth, size_t keys_max, size_t ranges_max);
/* The same with the charset first and obligatory: search-criteria of RFC 5256. */
LL_MUST_USE ll_status search_criteria_parse(search_keys *out, lexer *in, size_t keys_max, size_t ranges_max);

/* What is known of a tree from its leaves' verdicts. */
search_verdict search_keys_verdict(const search_key *key);
/* The relevancy of a message that matches, from its leaves' verdicts: 1 to 100 (RFC 6203 section 4). What stands in the
 * envelope counts for more than what stands in the text, and a whole phrase for more than its words. */
unsigned search_keys_score(const search_keys *keys);

#endif
