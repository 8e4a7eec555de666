/* part.h - content that messages share: rows of part and chunk.
 * SPDX-License-Identifier: MIT
 *
 * A part is a run of bytes, stored once and counted by the pieces that refer to it. Its chunks are packed each on its
 * own (packing.h), so that any byte costs the reading of one chunk. A part that may be shared is found by the hash of
 * its content, and is equal only if every byte is.
 *
 * part.encoding says how chunks divide the content: */
#ifndef STORE_PART_H
#define STORE_PART_H

#include "keys/digest.h"
#include "store/incoming.h"
#include "store/packing.h"

/* 0, of the vault's version 1: 128 KiB in each but the last. */
/* 1: a common multiple of what lines of base64 hold at the usual lengths (76, 72, 64 and 60 characters). */
enum { PART_CHUNK_OLD = 128 << 10, PART_CHUNK = 123120, PART_OLD = 0, PART_ALIGNED = 1 };

/* The content of a part as it stands in a message that is on its way in, decoded. May be walked several times. */
typedef struct part_source {
    const incoming *from;
    uint64_t offset, size;
    int64_t transfer; /* of these bytes: transfer.h */
} part_source;

typedef struct part_found {
    int64_t transfer;
    uint64_t text, plain; /* bytes from the offset on that can be restored, and what they hold */
    uint8_t hash[DIGEST_SIZE];
} part_found;

/* How much of this base64 could be restored, and its hash: text is 0 if nothing could. LL_ENOMEM, or as incoming_look.
 */
LL_MUST_USE ll_status part_probe(db *d, const incoming *from, uint64_t offset, uint64_t size, part_found *out);
/* The same for bytes that are taken as they are. */
LL_MUST_USE ll_status part_hash(db *d, const incoming *from, uint64_t offset, uint64_t size, part_found *out);

/* Store `plain` bytes of content with one more reference: in a part of the same content, if hash is given and there is
 * one, else in a new one. */
LL_MUST_USE ll_status part_put(db *d, const part_source *source, uint64_t plain, const uint8_t *hash, int64_t *part);
/* `count` references fewer, all of them of this message's pieces; at 0 it goes, with its chunks. Not so if pieces of
 * others refer to it: then the count was damaged, and is what they are from here on. */
LL_MUST_USE ll_status part_unref(db *d, int64_t part, int64_t count, int64_t message);
/* The part's count of references, if it is not what its pieces are, becomes that. *mended: it was not. A part without
 * pieces stays: its messages may have been lost by the same damage, and salvage gives it. */
LL_MUST_USE ll_status part_recount(db *d, int64_t part, bool *mended);

/* Give the bytes from..to of the part's text under this transfer. LL_ECORRUPT: a chunk is missing or damaged. */
typedef ll_status part_sink(void *ctx, ll_span bytes);
typedef struct part_row {
    int64_t id, encoding;
    uint64_t size;
} part_row;
LL_MUST_USE ll_status part_read(db *d, const part_row *part, int64_t transfer, uint64_t from, uint64_t to,
                                part_sink *sink, void *ctx);

#endif
