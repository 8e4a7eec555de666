/* search_map.h - which message stands behind each UID of a mailbox, with what SEARCH asks of its row, in memory.
 * SPDX-License-Identifier: MIT
 *
 * The index knows messages, a session knows UIDs. All that is kept here never changes under a UID, and UIDs only grow:
 * so a map that was made for one search is good for the next, after the rows that came since. Rows of messages that
 * were removed meanwhile do no harm, as an answer may name them (and must, while a session may still see them). */
#ifndef STORE_SEARCH_MAP_H
#define STORE_SEARCH_MAP_H

#include "store/db.h"

enum {
    search_map_rows = 262144, /* read at a time, and kept: 8 MB. A larger mailbox is read anew by each search */
    search_maps_max = 4       /* kept by one vault */
};

typedef struct search_row {
    int64_t message;
    uint64_t size;
    int32_t received, saved; /* day since 1970 of internaldate; of savedate, or of internaldate if there is none */
    int32_t sent;            /* day since 1970 as the Date field says; search_no_date, search_unknown_date */
    uint32_t uid;
} search_row;

#define search_no_date      INT32_MIN
#define search_unknown_date (INT32_MIN + 1)

typedef struct search_map {
    int64_t mailbox, uidvalidity;
    search_row *rows; /* by UID */
    size_t count, room;
    uint32_t passed; /* rows up to this UID are not kept */
    uint64_t used;   /* the owner's: when */
} search_map;

/* Empty, of this mailbox. LL_ENOMEM. */
LL_MUST_USE ll_status search_map_new(search_map **out, int64_t mailbox);
void search_map_del(search_map **map);
/* Add rows behind those that are there, up to search_map_rows in all. LL_OK: they are all; LL_MORE: there may be more,
 * to be read when search_map_pass has been called. LL_ENOTFOUND: no such mailbox. In a read transaction. */
LL_MUST_USE ll_status search_map_fill(search_map *m, db *d);
/* Forget the rows; the next fill goes on behind them. */
void search_map_pass(search_map *m);

#endif
