/* message.h - the content of messages: rows of message, piece, part and chunk.
 * SPDX-License-Identifier: MIT
 *
 * A message is its pieces in order, to the byte (invariant 2); today one piece whose part holds the bytes as they came.
 * It is counted by its entries and held rows; copying a message copies no content. */
#ifndef STORE_MESSAGE_H
#define STORE_MESSAGE_H

#include "store/db.h"
#include "store/spool.h"

/* Bytes of every chunk of a part but its last: what one read must decrypt to get at one byte. */
#define MESSAGE_CHUNK ((size_t)128 << 10)

/* Store the spool's content with one reference, for the entry that comes with it. facts: its saved MIME index, empty if
 * there is none. */
LL_MUST_USE ll_status message_create(db *d, spool *content, ll_span facts, int64_t received, int64_t *message);
LL_MUST_USE ll_status message_ref(db *d, int64_t message);
/* The last reference removes everything that no other message shares. */
LL_MUST_USE ll_status message_unref(db *d, int64_t message);

/* Give `length` bytes at offset to the sink, or up to the end, in one or more pieces; its error ends it. LL_ECORRUPT: a
 * chunk is missing or has the wrong size. */
typedef ll_status message_sink(void *ctx, ll_span bytes);
LL_MUST_USE ll_status message_content(db *d, int64_t message, uint64_t offset, uint64_t length, message_sink *sink,
                                      void *ctx);

#endif
