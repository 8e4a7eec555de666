/* search_context.h - searches whose results the client keeps up to date: RETURN (UPDATE), RFC 5267 section 4.3.
 * SPDX-License-Identifier: MIT
 *
 * A context is a search, what is known of its leaves (search_known.h), and the messages that the client knows to match:
 * a set, or for SORT a sequence. Each sync reads what it must of the messages whose answer is open now, mostly the new
 * ones, compares, and says ADDTO and REMOVEFROM. The sync can stop anywhere in it and go on (invariant 4: the snapshot
 * has moved before, and does not move meanwhile). OLDER and YOUNGER go by the time at which the search was made.
 *
 * With RETURN (UPDATE (items)) (RFC 5465 section 7) the FETCH of the members among the messages that have come since
 * the last sync is said before their ADDTO. Of messages that match because their flags have changed it is not.
 *
 * NOUPDATE is said for a MODSEQ key (every change of a flag would have to be read), for SORT by RELEVANCY, and at the
 * ceilings below. */
#ifndef IMAP_SEARCH_CONTEXT_H
#define IMAP_SEARCH_CONTEXT_H

#include "imap/parse_search.h"
#include "imap/search_known.h"
#include "imap/session.h"
#include "imap/sort_table.h"

enum {
    search_contexts_max = 16,            /* of one session: clients keep one for each view that is on the screen */
    search_contexts_sorted_max = 4,      /* those of SORT among them */
    search_context_leaves_max = 64,      /* two sets of UIDs each: people look for under 10 things */
    search_context_sorted_max = 100000,  /* messages of a sorted one, with their sort keys: some 5 MB */
    search_context_memory = 4 << 20,     /* of one, for its keys: a command of 1 MB takes as much */
    search_context_update_ranges = 1000, /* in one response, some 20 KB */
    search_context_update_pairs = 500    /* the same of a sorted one */
};

/* What a search has come to, for search_context_add. */
typedef struct search_context_seed {
    bool uid;           /* updates are UIDs, whatever the command's form */
    ll_span items;      /* search_return.items */
    size_t criteria_at; /* where the criteria begin in the command's text: for SORT, the charset */
    const search_keys *keys;
    const uidset *found;
    uidset *before;      /* search_context_before */
    search_known *known; /* taken over, with what `keys` hold of the connector's answer */
    /* SORT: all three; the table (taken over) holds the messages found, `order` its positions as they were told */
    const sort_criteria *criteria;
    sort_table *table;
    const uint32_t *order;
} search_context_seed;

/* Before a search keeps its result: what "$" among its keys means, as it was when the command came. want:
 * SEARCH_RETURN_x. *before is the caller's; NULL: nothing changes. LL_ENOMEM. */
LL_MUST_USE ll_status search_context_before(const ll_session *s, unsigned want, uidset **before);
/* A context of that tag is there already. */
bool search_context_known(const ll_session *s, ll_span tag);
/* Keep the search of command c. LL_OK; LL_EUNSUPPORTED: it cannot be kept; LL_ELIMIT: no more of them, or it is too
 * large; LL_ENOMEM. */
LL_MUST_USE ll_status search_context_add(ll_session *s, const command *c, const search_context_seed *seed);
/* The same, and what is not kept is said: "* NO [NOUPDATE ...]". LL_OK, LL_ENOMEM. */
LL_MUST_USE ll_status search_context_keep(ll_session *s, const command *c, const search_context_seed *seed);
/* Forget the one of that tag, if there is one; data is NULL: all. */
void search_context_drop(ll_session *s, ll_span tag);
/* Those whose updates are message numbers. */
void search_context_drop_numbers(ll_session *s);

/* For sync.c. What is gone, before its EXPUNGE is said; what else has changed, at the end. LL_OK; LL_MORE: output is
 * full or the session pauses, call again; LL_LATER: messages are being read, call again; LL_ENOMEM. */
LL_MUST_USE ll_status search_context_say_gone(ll_session *s);
LL_MUST_USE ll_status search_context_say_changed(ll_session *s);
/* The sync ends, perhaps in the middle: what it had begun to read is forgotten. */
void search_context_stop(ll_session *s);

#endif
