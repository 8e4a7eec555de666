/* thread_build.h - the two algorithms of THREAD, RFC 5256 section 3.
 * SPDX-License-Identifier: MIT */
#ifndef IMAP_THREAD_BUILD_H
#define IMAP_THREAD_BUILD_H

#include "imap/thread_map.h"
#include "imap/thread_tree.h"
#include "mime/index.h"

enum {
    thread_references_max = 1000 /* Message-IDs of one References field: each costs memory; threads of mailing lists
                                    reach some hundred */
};

typedef enum thread_algorithm { THREAD_ORDEREDSUBJECT, THREAD_REFERENCES } thread_algorithm;

typedef struct thread_build {
    const ll_allocator *allocator;
    thread_algorithm algorithm;
    thread_tree tree;
    thread_map ids, subjects;
    text id_nodes; /* uint32_t: the node of each Message-ID */
    text id, subject, folded;
    uint32_t order;
} thread_build;

/* LL_ENOMEM; also then to be ended by thread_build_fini. */
LL_MUST_USE ll_status thread_build_init(thread_build *b, const ll_allocator *allocator, thread_algorithm algorithm);
void thread_build_fini(thread_build *b);
/* One more message, in mailbox order; envelope may be NULL. LL_ENOMEM, LL_ELIMIT. */
LL_MUST_USE ll_status thread_build_add(thread_build *b, const ll_row *row, const mime_envelope *envelope);
/* All were added: b->tree has the threads, sorted. LL_ENOMEM, LL_ELIMIT. */
LL_MUST_USE ll_status thread_build_finish(thread_build *b);

#endif
