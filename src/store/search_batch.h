/* search_batch.h - the terms of some messages in memory, on their way to a segment.
 * SPDX-License-Identifier: MIT */
#ifndef STORE_SEARCH_BATCH_H
#define STORE_SEARCH_BATCH_H

#include "store/search_block.h"

/* Ceilings of a batch: it is full when it passes one, and one message may still add what is below. Together: 6 MB of
 * terms, 10 MB of table, 8 MB of postings and as much again to sort them: under 35 MB while an account is indexed. */
enum {
    search_batch_bytes = 4 << 20,   /* of different terms */
    search_batch_terms = 262144,    /* different ones */
    search_batch_pairs = 786432,    /* term in message */
    search_message_bytes = 2 << 20, /* of terms new to the batch, from one message: the words of a long book. More is */
    search_message_terms = 131072   /* generated or encoded data, and the message is "always possible" in that class */
};

typedef struct search_batch search_batch;

/* LL_ENOMEM. */
LL_MUST_USE ll_status search_batch_new(search_batch **out);
void search_batch_del(search_batch **batch);
/* The next message; numbers ascend. */
void search_batch_message(search_batch *b, uint32_t number);
/* A term of it, as often as it comes. LL_ELIMIT: the message has too many, see search_batch_possible. LL_ENOMEM. */
LL_MUST_USE ll_status search_batch_add(search_batch *b, search_class class, ll_span term);
/* The message could not be read, or not all of it: it is "always possible" in this class. LL_ENOMEM. */
LL_MUST_USE ll_status search_batch_possible(search_batch *b, search_class class);
bool search_batch_full(const search_batch *b);
bool search_batch_empty(const search_batch *b);
/* Everything as blocks. To be called once. */
LL_MUST_USE ll_status search_batch_write(search_batch *b, search_packer *w);

#endif
