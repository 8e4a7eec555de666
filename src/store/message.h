/* message.h - the content of messages: rows of message, piece, part and chunk.
 * SPDX-License-Identifier: MIT
 *
 * A message is its head and its pieces, to the byte (invariant 2); message_plan.h says how it is divided. Content that
 * several messages have is there once (part.h). A message is counted by its entries and held rows; copying one copies
 * no content. Messages of the vault's version 1 have no head, and one piece whose part holds the bytes as they came. */
#ifndef STORE_MESSAGE_H
#define STORE_MESSAGE_H

#include "store/db.h"
#include "store/spool.h"

/* Store the spool's content with one reference, for the entry that comes with it. facts: its saved MIME index, empty if
 * there is none. Before this returns the message was read back and compared: what the division cannot restore (that
 * would be a fault of ours) is stored as it came. LL_ECORRUPT: not even that could be read. */
LL_MUST_USE ll_status message_create(db *d, spool *content, ll_span facts, int64_t received, int64_t *message);
/* Divide and store the message anew, which holds this content: for one of version 1. It keeps its id, counts and facts.
 * On failure undo the savepoint. */
LL_MUST_USE ll_status message_rewrite(db *d, int64_t message, spool *content);
LL_MUST_USE ll_status message_ref(db *d, int64_t message);
/* The last reference removes everything that no other message shares. What damage has taken already is no error: it
 * must not keep others from being removed (invariant 8). */
LL_MUST_USE ll_status message_unref(db *d, int64_t message);

/* Give `length` bytes at offset to the sink, or up to the end, in one or more pieces; its error ends it. LL_ECORRUPT:
 * something is missing or damaged; what came before it was right. LL_EVERSION: stored by a later version. */
typedef ll_status message_sink(void *ctx, ll_span bytes);
LL_MUST_USE ll_status message_content(db *d, int64_t message, uint64_t offset, uint64_t length, message_sink *sink,
                                      void *ctx);
/* The first bytes of the message, in one call of the sink, as many as its own row holds: its header (how long that is
 * the facts say), unless it is over MESSAGE_HEAD_MAX, and for most messages everything. Reads one row. LL_ENOTFOUND: it
 * holds none, as in version 1, or there is no such message: ask message_content. */
LL_MUST_USE ll_status message_head(db *d, int64_t message, message_sink *sink, void *ctx);
/* All that the message's own row holds, in one call of the sink: its header and what stands between its pieces, for
 * salvage, when the rows of these are lost. LL_ENOTFOUND: nothing. */
LL_MUST_USE ll_status message_remains(db *d, int64_t message, message_sink *sink, void *ctx);

#endif
