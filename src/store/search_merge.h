/* search_merge.h - several segments that follow each other become one.
 * SPDX-License-Identifier: MIT
 *
 * Messages that are no longer there are left out. Works in slices of bounded size, so that neither a worker nor the
 * writer is busy for long; in between it may be given up. Memory: one decoded block of each input (256 KB as a rule),
 * the slice, and the postings of one term. */
#ifndef STORE_SEARCH_MERGE_H
#define STORE_SEARCH_MERGE_H

#include "base/uidset.h"
#include "store/search_segment.h"

enum {
    search_merge_fan = 3,        /* segments: as many or more become one */
    search_merge_max = 16,       /* inputs of one merge */
    search_slice_bytes = 2 << 20 /* of blocks made by one call of search_merge_run */
};

/* Blocks on their way to the writer. */
typedef struct search_made {
    search_class class;
    uint32_t ordinal;
    text terms, postings;
    struct search_made *next;
} search_made;

typedef struct search_blocks {
    search_made *first, *last;
    size_t bytes;
} search_blocks;

/* A search_block_sink; ctx: search_blocks. LL_ENOMEM. */
ll_status search_blocks_add(void *ctx, search_class class, uint32_t ordinal, ll_span terms, ll_span postings);
void search_blocks_clear(search_blocks *blocks);
/* In a job of the writer. */
LL_MUST_USE ll_status search_blocks_insert(db *d, int64_t segment, const search_blocks *blocks);

/* Which segments are to be merged: *first and how many; 0: none. The newest, as many as possible, of which the oldest
 * has no more messages than the others together: so each message is written again when what it is with has doubled. */
size_t search_merge_due(const search_segments *all, size_t *first);

/* Segments that follow each other and of whose messages less than half are left, to be made anew: *first and *count; 0:
 * there are none. Counts all messages: some milliseconds for 100,000. In a read transaction. */
LL_MUST_USE ll_status search_merge_sparse(db *d, const search_segments *all, size_t *first, size_t *count);

typedef struct search_merge search_merge;
/* LL_ENOMEM, and as a query. In a read transaction, like search_merge_run. */
LL_MUST_USE ll_status search_merge_new(search_merge **out, db *d, const search_segment *inputs, size_t count);
void search_merge_del(search_merge **merge);
/* Make more blocks. LL_MORE: that is not all. LL_OK: it is. LL_ECORRUPT: an input is damaged. */
LL_MUST_USE ll_status search_merge_run(search_merge *m, db *d, search_blocks *made);
/* The range, and how many messages of it there are. */
void search_merge_range(const search_merge *m, int64_t *first, int64_t *last, uint64_t *messages);

#endif
