/* search_filter.h - FILTER (RFC 5466): a search that is kept on the server under a name, put in place of its key.
 * SPDX-License-Identifier: MIT
 *
 * Filters are metadata of the account: /private/filters/values/NAME, or else /shared/filters/values/NAME. A filter may
 * name others; a loop ends as a filter that does not exist. */
#ifndef IMAP_SEARCH_FILTER_H
#define IMAP_SEARCH_FILTER_H

#include "imap/parse_search.h"
#include "imap/session.h"

/* Put the filters in the place of all keys that name one; does nothing if there are none (left). LL_OK; LL_LATER: call
 * again when the connector has answered; < 0: as a step's, with c->code and c->text. */
LL_MUST_USE ll_status search_filter_step(search_keys *keys, ll_session *s, command *c);
/* The same for keys of the same text, whose filters have been put in place: with what they were then. memory: where the
 * new keys live. LL_ENOMEM, LL_ELIMIT. */
LL_MUST_USE ll_status search_filter_repeat(search_keys *keys, const search_keys *like, const ll_session *s,
                                           arena *memory);

/* The entry of metadata holds a filter; *name: its name. */
bool search_filter_is_entry(ll_span entry, ll_span *name);
/* Such a value is a whole search. memory: for a moment. */
LL_MUST_USE ll_status search_filter_check(ll_span value, const ll_session *s, arena *memory);

#endif
