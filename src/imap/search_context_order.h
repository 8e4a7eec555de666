/* search_context_order.h - the sequence of a sorted context, and how it is told to have changed: positions and
 * messages. For search_context.c. SPDX-License-Identifier: MIT */
#ifndef IMAP_SEARCH_CONTEXT_ORDER_H
#define IMAP_SEARCH_CONTEXT_ORDER_H

#include "imap/message.h"
#include "imap/rows.h"
#include "imap/sort_table.h"

typedef struct search_order {
    const ll_allocator *allocator; /* NULL: not in use */
    sort_criteria criteria;
    sort_table table; /* the sort keys of all that are or were in it */
    uint32_t *order;  /* positions in the table, as the client has them */
    uint32_t count;
    uint32_t *fresh; /* positions of those to be told of, sorted; NULL: none are known */
    uint32_t fresh_count, fresh_at;

    /* sort keys being read */
    rows *rows; /* in the command's memory; NULL: nothing */
    message m;
    size_t at;
    bool begun;
} search_order;

/* Takes over the table; `order` is copied. LL_ENOMEM. */
LL_MUST_USE ll_status search_order_init(search_order *o, ll_session *s, const sort_criteria *criteria,
                                        sort_table *table, const uint32_t *order);
void search_order_fini(search_order *o);
static inline bool search_order_used(const search_order *o)
{
    return o->allocator != NULL;
}
/* What is being read is forgotten. */
void search_order_stop(search_order *o);
/* Say REMOVEFROM for all that are not in `wanted`; members follows. LL_OK, LL_MORE (full), LL_ENOMEM. */
LL_MUST_USE ll_status search_order_remove(search_order *o, ll_session *s, ll_span tag, bool uid, const uidset *wanted,
                                          uidset *members);
/* Read the sort keys of these, and say ADDTO. Call again with what is still missing after LL_LATER and LL_MORE.
 * LL_ELIMIT: they are too many; LL_ENOMEM. */
LL_MUST_USE ll_status search_order_add(search_order *o, ll_session *s, ll_span tag, bool uid, const uidset *more,
                                       uidset *members);

#endif
