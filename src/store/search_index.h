/* search_index.h - keeps the search index of a vault up to date, in the background.
 * SPDX-License-Identifier: MIT
 *
 * One run at a time for each vault, made of small steps: some messages are read and cut into terms on a reading
 * connection (SEARCH_STEP_MS), and when a batch is full, or all is read, one job of the writer stores it as a segment.
 * Then segments are merged, in slices, and what was replaced is removed. Between steps the workers have their turn, so
 * a run takes at most one worker (and search_turns.h says how many vaults do), and it ends after the step under way
 * when it is told to stop; what was not stored is read again by the next run. Without an executor it runs, to its end,
 * before a search.
 *
 * A run begins when SEARCH_WAITING messages or SEARCH_WAITING_BYTES have come, or the first of them waits for
 * SEARCH_WAITING_SECONDS when another comes; when somebody searches and there are SEARCH_WAITING_SOME or they wait so
 * long; and when the vault is opened. Until then the messages are "possible" and the engine looks at them. */
#ifndef STORE_SEARCH_INDEX_H
#define STORE_SEARCH_INDEX_H

#include "store/search_map.h"

struct vault;

#define SEARCH_WAITING         128
#define SEARCH_WAITING_BYTES   ((uint64_t)4 << 20)
#define SEARCH_WAITING_SECONDS 30
#define SEARCH_WAITING_SOME    8 /* fewer are as soon looked at as written into a segment */
#define SEARCH_STEP_MS         50
#define SEARCH_PURGED_SHARE    8 /* when one message in so many has gone, segments are looked at: see search_merge.h */

typedef struct search_index search_index;

LL_MUST_USE ll_status search_index_new(search_index **out);
void search_index_del(search_index **index);

/* After COMMIT, on the writer's thread. added: messages may have come. */
void search_index_committed(struct vault *v, db *d, bool added);
/* Free what is kept in memory for the next search. Any thread. */
void search_index_forget(struct vault *v);
/* Somebody searches: index what waits. Any thread. */
void search_index_wake(struct vault *v);
/* A segment cannot be read: the index is made anew from this message on. Any thread. */
void search_index_damaged(struct vault *v, int64_t from);
/* So many messages were removed for good. Any thread. */
void search_index_purged(struct vault *v, uint64_t messages);
/* End the run under way soon, so that the vault can be closed. Any thread. */
void search_index_stop(struct vault *v);

/* The map of a mailbox: nobody else has it until it is kept again (or deleted). LL_ENOMEM. Any thread. */
LL_MUST_USE ll_status search_index_map(struct vault *v, int64_t mailbox, search_map **out);
void search_index_keep(struct vault *v, search_map **map);

#endif
