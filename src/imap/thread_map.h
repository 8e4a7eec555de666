/* thread_map.h - from a text (a Message-ID, a subject) to a number, for THREAD.
 * SPDX-License-Identifier: MIT
 *
 * A crit-bit tree: a look-up costs the length of the text whatever the texts are, so whoever writes our mail cannot
 * make it slow, as he could with a hash. */
#ifndef IMAP_THREAD_MAP_H
#define IMAP_THREAD_MAP_H

#include "base/text.h"

enum {
    thread_texts_max = 256 << 20, /* bytes of texts: 4 million Message-IDs */
    thread_nodes_max = 256 << 20  /* bytes of the tree: as many, 28 bytes each, twice */
};

typedef struct thread_map {
    text texts; /* each with its NUL */
    text leaves, branches;
    uint32_t root;
} thread_map;

void thread_map_init(thread_map *m, const ll_allocator *allocator);
void thread_map_fini(thread_map *m);
/* The number of a text without NUL: texts are numbered from 0 in the order in which they were first seen. *number;
 * *is_new. LL_ENOMEM, LL_ELIMIT. */
LL_MUST_USE ll_status thread_map_number(thread_map *m, ll_span key, uint32_t *number, bool *is_new);
/* How many texts there are. */
size_t thread_map_count(const thread_map *m);

#endif
