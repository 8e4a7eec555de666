/* search_segment.h - the search index in the file: segments, each of the messages of a range of ids.
 * SPDX-License-Identifier: MIT
 *
 * Live segments follow each other without a gap, the first from message 1: so what the index covers is told by the last
 * one alone, and a segment and the index's end are written in one transaction, exactly once by construction. A segment
 * never changes. Merging makes a new one of several beside them and puts it in their place in one transaction; what was
 * replaced is removed in small steps, and what a crash left half made too.
 *
 * Nothing here is the only copy of anything: a damaged segment costs time, not mail (invariant 8). */
#ifndef STORE_SEARCH_SEGMENT_H
#define STORE_SEARCH_SEGMENT_H

#include "store/db.h"
#include "store/search_block.h"

enum {
    search_format = 2,        /* raise it when terms are cut or coded otherwise: segments of another are made anew */
    search_segments_max = 64, /* live ones; merging keeps them to one for each power of two of messages, and two */
    search_sweep_blocks = 64  /* removed by one job: 2 MB, some 10 ms */
};

typedef enum search_state { SEARCH_BUILDING = 0, SEARCH_LIVE = 1, SEARCH_DEAD = 2 } search_state;

typedef struct search_segment {
    int64_t id, first, last;
    uint64_t messages;
} search_segment;

typedef struct search_segments {
    search_segment all[search_segments_max]; /* by range */
    size_t count;
    int64_t end; /* messages up to this id are in the index */
} search_segments;

/* LL_ECORRUPT: a gap, an overlap, too many: the index is to be made anew, search_segments_drop. */
LL_MUST_USE ll_status search_segments_load(db *d, search_segments *out);
/* The id of the newest message; 0: there is none. */
LL_MUST_USE ll_status search_newest(db *d, int64_t *message);

/* Row id of a block; ids of one class of a segment ascend. The last one of a class: ordinal search_ordinal_max. */
enum { search_ordinal_max = (1 << 19) - 1 };
int64_t search_block_id(int64_t segment, search_class class, uint32_t ordinal);

/* The first block at or behind this id, up to `last`: its terms in b. LL_ENOTFOUND: no more. */
LL_MUST_USE ll_status search_block_next(db *d, int64_t *id, int64_t last, search_block *b);
/* Ordinals follow each other from 0: how many blocks the class has. */
LL_MUST_USE ll_status search_block_count(db *d, int64_t segment, search_class class, uint32_t *count);
/* The signature of a block, in place of what *sign holds. LL_ENOTFOUND: it has none, which is fine. */
LL_MUST_USE ll_status search_block_sign(db *d, int64_t id, text *sign);
LL_MUST_USE ll_status search_block_postings_load(db *d, int64_t id, search_block *b);

/* In a job of the writer: */
LL_MUST_USE ll_status search_segment_create(db *d, int64_t first, int64_t last, int64_t *id);
LL_MUST_USE ll_status search_block_insert(db *d, int64_t id, ll_span terms, ll_span postings);
/* It becomes live. LL_EBUSY: it does not follow the last live one, or (replaces) does not cover live ones exactly. */
LL_MUST_USE ll_status search_segment_finish(db *d, int64_t id, uint64_t messages, bool replaces);
/* Remove some blocks of segments that are not live and not being made. *more: call again. */
LL_MUST_USE ll_status search_segments_sweep(db *d, int64_t building, bool *more);
/* Live segments from this message on are no longer: the index is to be made anew from there. */
LL_MUST_USE ll_status search_segments_drop(db *d, int64_t from);

#endif
