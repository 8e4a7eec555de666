/* search_ask.h - what a search asks its connector before it reads any message (ll_connector.search).
 * SPDX-License-Identifier: MIT
 *
 * Each leaf that the connector may have an index for becomes a term; the answer bounds the leaf from below (certain)
 * and from above (candidates), as the snapshot's sets bound the leaves of flags, see search_sets.h. A connector without
 * the method, one that answers LL_EUNSUPPORTED, and one whose index fails change nothing: the messages are read. */
#ifndef IMAP_SEARCH_ASK_H
#define IMAP_SEARCH_ASK_H

#include "imap/parse_search.h"
#include "imap/session.h"

enum {
    search_ask_terms = 64, /* of one question: people ask for under 10; 500 addresses are eight questions */
    search_ask_rows = 256  /* candidates whose dates and sizes are as quickly read, in one question (rows.h) */
};

typedef struct search_ask_leaf {
    search_key *leaf;
    size_t lower, upper; /* terms; the same when the term says exactly what the leaf does. SIZE_MAX: none says enough */
    uidset *certain, *candidates;
} search_ask_leaf;

typedef struct search_ask {
    search_ask_leaf *leaves;
    size_t leaves_count;
    ll_term *terms; /* in the command's memory, as the connector works on them */
    size_t terms_count;
    size_t from, to; /* leaves of the question under way; equal: none is */
    bool asked;
} search_ask;

/* Make the question, if these candidates (whose answer depends on more than the snapshot) are worth one; else it has no
 * terms. memory: lives until the call is done. LL_ENOMEM, LL_ELIMIT. */
LL_MUST_USE ll_status search_ask_init(search_ask *a, ll_session *s, const search_keys *keys, const uidset *candidates,
                                      arena *memory);
/* Ask, question by question, and give the leaves their bounds. LL_OK, LL_LATER (call again), LL_ENOMEM. */
LL_MUST_USE ll_status search_ask_step(search_ask *a, ll_session *s);
/* The leaves lose their bounds. Zero is fine. */
void search_ask_fini(search_ask *a);

/* The leaf leaves something open for one of these messages, so they must be read for it. */
bool search_ask_is_open(const search_key *leaf, const uidset *messages);

/* What rows must bring (LL_WANT_...) for the leaves that are open for one of these messages; *needed: some leaf is.
 * Headers and bodies come with the rows, many in one answer, unless a cheaper leaf may decide first: then most of them
 * would be read for nothing. */
unsigned search_ask_want(const search_keys *keys, const uidset *messages, bool *needed);

#endif
