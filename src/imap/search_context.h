/* search_context.h - searches whose results the client keeps up to date: RETURN (UPDATE), RFC 5267 section 4.3.
 * SPDX-License-Identifier: MIT
 *
 * A context is a search and the set of messages that the client knows to match. Each sync compares it with the new
 * version and says ADDTO and REMOVEFROM. Searches that the snapshot answers (flags, keywords, sets) can be kept; others
 * are refused with NOUPDATE, for their answers would have to be read at times when nobody asks. */
#ifndef IMAP_SEARCH_CONTEXT_H
#define IMAP_SEARCH_CONTEXT_H

#include "imap/parse_search.h"
#include "imap/session.h"

enum {
    search_contexts_max = 16,           /* of one session: clients keep one for each view that is on the screen */
    search_context_memory = 4 << 20,    /* of one, for its keys: a command of 1 MB takes as much */
    search_context_update_ranges = 1000 /* in one response, some 20 KB */
};

/* A context of that tag is there already. */
bool search_context_known(const ll_session *s, ll_span tag);
/* Keep the search of command c whose criteria begin at byte `at` of the command's text and which found these messages.
 * LL_OK; LL_EUNSUPPORTED: it cannot be kept; LL_ELIMIT: no more of them; LL_ENOMEM. */
LL_MUST_USE ll_status search_context_add(ll_session *s, const command *c, size_t at, const search_keys *keys,
                                         const uidset *found);
/* Forget the one of that tag, if there is one; data is NULL: all. */
void search_context_drop(ll_session *s, ll_span tag);

/* For sync.c. What is gone, before its EXPUNGE is said; what else has changed, at the end. LL_OK; LL_MORE: output is
 * full, call again; LL_ENOMEM. */
LL_MUST_USE ll_status search_context_say_gone(ll_session *s);
LL_MUST_USE ll_status search_context_say_changed(ll_session *s);

#endif
