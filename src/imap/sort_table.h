/* sort_table.h - the keys of messages being sorted.
 * SPDX-License-Identifier: MIT
 *
 * Each message has one number, or the first 8 bytes of a text and where the rest is, per criterion: 100,000 messages
 * sorted by subject and date take 3 MB and their subjects. The sort is stable, takes n log n steps and no memory but
 * the two arrays of 4 bytes a message. */
#ifndef IMAP_SORT_TABLE_H
#define IMAP_SORT_TABLE_H

#include "base/text.h"
#include "imap/sort_key.h"

enum {
    sort_entries_max = 256 << 20, /* bytes of numbers: 5 million messages by subject and date */
    sort_texts_max = 256 << 20    /* bytes of texts: the same with subjects of 50 bytes */
};

typedef struct sort_table {
    const ll_allocator *allocator;
    const sort_criteria *criteria;
    size_t words; /* of one message in entries */
    text entries; /* uint64_t: UID, then one or two for each criterion */
    text texts;
    text key; /* being made */
    uint32_t count;
} sort_table;

/* The criteria must stay. */
void sort_table_init(sort_table *t, const ll_allocator *allocator, const sort_criteria *criteria);
void sort_table_fini(sort_table *t);
/* One more message; in mailbox order. ordinal: whatever the caller wants back with it. LL_ENOMEM, LL_ELIMIT. */
LL_MUST_USE ll_status sort_table_add(sort_table *t, const ll_row *row, const mime_envelope *envelope, unsigned score,
                                     uint32_t ordinal);
/* Sort: *order has t->count positions in the table, from the allocator. LL_ENOMEM. */
LL_MUST_USE ll_status sort_table_order(const sort_table *t, uint32_t **order);
/* Which of the two positions comes first: < 0, > 0, never 0 for two messages. */
int sort_table_compare(const sort_table *t, uint32_t a, uint32_t b);
uint32_t sort_table_uid(const sort_table *t, uint32_t position);
uint32_t sort_table_ordinal(const sort_table *t, uint32_t position);

#endif
