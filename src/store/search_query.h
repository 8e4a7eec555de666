/* search_query.h - asks the search index about terms of a SEARCH (ll_term).
 * SPDX-License-Identifier: MIT
 *
 * A needle that is one run of term characters is looked for in every term of its class (in the middle of them too) and
 * the answer is certain. Of a needle of several runs the first must be the end of a term, the last the beginning of
 * one, and those between whole terms: messages that have all of them are possible. A needle without term characters,
 * and a message that is not in the index (yet), says nothing: possible. */
#ifndef STORE_SEARCH_QUERY_H
#define STORE_SEARCH_QUERY_H

#include "store/search_segment.h"

enum {
    search_patterns_max = 256,    /* looked for at a time: 64 terms of four; terms beyond are "possible" everywhere */
    search_runs_max = 8,          /* of one needle: more only narrow what is possible */
    search_query_bytes = 64 << 20 /* of bitmaps: one bit for each term and message; more is LL_ELIMIT */
};

typedef enum search_answer { SEARCH_ANSWER_NO, SEARCH_ANSWER_POSSIBLE, SEARCH_ANSWER_CERTAIN } search_answer;

typedef struct search_query search_query;

/* The terms must stay. LL_ENOMEM. */
LL_MUST_USE ll_status search_query_new(search_query **out, const ll_term *terms, size_t count);
void search_query_del(search_query **query);
/* Look. In a read transaction. A damaged segment is as if its messages were not in the index (*damaged: the first
 * message of the first such segment; 0: none). LL_ENOMEM,
 * LL_ELIMIT, LL_EIO, LL_ETIMEOUT; then every answer is "possible". */
LL_MUST_USE ll_status search_query_run(search_query *q, db *d, int64_t *damaged);
/* For terms about text; the message's id. Fastest for ids that ascend. */
search_answer search_query_answer(search_query *q, size_t term, int64_t message);

#endif
