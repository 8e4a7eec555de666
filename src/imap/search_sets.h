/* search_sets.h - what a SEARCH can be told from the snapshot alone, and from what its connector has said
 * (search_ask.h), as sets of UIDs (DESIGN.md section 2, "Sets, not rows"). SPDX-License-Identifier: MIT */
#ifndef IMAP_SEARCH_SETS_H
#define IMAP_SEARCH_SETS_H

#include "imap/parse_search.h"
#include "imap/snapshot.h"

/* Bind the leaves to the snapshot, which must not move until the search is over. LL_ENOMEM, LL_ELIMIT. */
LL_MUST_USE ll_status search_sets_bind(search_keys *keys, const snapshot *snap, arena *memory);

/* The same of one leaf. */
LL_MUST_USE ll_status search_sets_bind_leaf(search_key *leaf, const snapshot *snap, arena *memory);

/* *must: messages that match whatever the rest of them says; *may: these and all for which more must be known. New
 * sets. Memory: two sets for each level of the tree. LL_ENOMEM. */
LL_MUST_USE ll_status search_sets_bounds(const search_keys *keys, const snapshot *snap, uidset **may, uidset **must);

/* The verdict of a leaf that the snapshot or the connector answers, on one message; SEARCH_OPEN for other leaves. */
search_verdict search_sets_verdict(const search_key *leaf, const snapshot *snap, uint32_t uid);

#endif
