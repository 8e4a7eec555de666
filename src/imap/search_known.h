/* search_known.h - what has been learnt of messages while a search read them, leaf by leaf, for a search that goes on
 * (search_context.h): content under a UID never changes, so what is known once need not be read again.
 * SPDX-License-Identifier: MIT */
#ifndef IMAP_SEARCH_KNOWN_H
#define IMAP_SEARCH_KNOWN_H

#include "imap/parse_search.h"
#include "imap/snapshot.h"

typedef struct search_known {
    const ll_allocator *allocator;
    uidset **yes, **no; /* by number of leaf; NULL: none */
    size_t count;       /* leaves; 0: not in use */
    uidset *lost;       /* messages that could not be read: they do not match; NULL: none */
} search_known;

/* LL_ENOMEM. */
LL_MUST_USE ll_status search_known_init(search_known *k, const search_keys *keys, const ll_allocator *allocator);
/* Zero is fine. */
void search_known_fini(search_known *k);
/* Take what the leaves' verdicts say of this message; lost: it could not be read to its end. LL_ENOMEM. */
LL_MUST_USE ll_status search_known_learn(search_known *k, const search_keys *keys, uint32_t uid, bool lost);
/* And what the connector has said of the leaves. LL_ENOMEM. */
LL_MUST_USE ll_status search_known_absorb(search_known *k, const search_keys *keys, const snapshot *snap);
/* Give the leaves their bounds; they must not be used after search_known_fini. */
void search_known_lend(const search_known *k, search_keys *keys);

#endif
