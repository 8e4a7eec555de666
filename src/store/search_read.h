/* search_read.h - the texts of one message, cut into terms, as SEARCH would look at it.
 * SPDX-License-Identifier: MIT */
#ifndef STORE_SEARCH_READ_H
#define STORE_SEARCH_READ_H

#include "store/db.h"
#include "store/search_batch.h"

typedef struct search_reader search_reader;

/* Buffers for one message after the other. LL_ENOMEM. */
LL_MUST_USE ll_status search_reader_new(search_reader **out);
void search_reader_del(search_reader **reader);
/* Add the message, whose number in the batch was set. facts: its saved MIME index, empty if there is none. What cannot
 * be read or does not fit becomes "always possible"; only LL_ENOMEM, LL_ETIMEOUT and LL_EIO end it. In a read
 * transaction. */
LL_MUST_USE ll_status search_read_message(search_reader *r, db *d, int64_t message, uint64_t size, ll_span facts,
                                          search_batch *batch);

#endif
