/* thread_tree.h - the tree of a THREAD command: messages and dummies, parents and children.
 * SPDX-License-Identifier: MIT
 *
 * Nodes are numbers; 0 is the root. Nothing here is recursive: a thread may be as deep as a mailbox is large. */
#ifndef IMAP_THREAD_TREE_H
#define IMAP_THREAD_TREE_H

#include "base/text.h"

enum {
    thread_tree_bytes_max = 512 << 20, /* of nodes, 64 bytes each: 8 million messages and references */
    thread_depth_max = 4096 /* ancestors looked at for a loop: a link that would be deeper, between a node that has
                               children already and another thread, is not made, so that time stays linear */
};

typedef struct thread_node {
    uint32_t parent, first, last, previous, next; /* 0: none */
    uint32_t anchor;                              /* while pruning */
    uint32_t uid;                                 /* 0: a dummy */
    uint32_t order;   /* position in the mailbox; of a dummy that of its first child, once sorted */
    int64_t date;     /* the same */
    uint32_t subject; /* number of the base subject; 0: empty */
    bool reply;       /* its subject is one of a reply or forward */
} thread_node;

typedef struct thread_tree {
    text nodes;
    uint32_t count; /* with the root */
} thread_tree;

/* LL_ENOMEM. */
LL_MUST_USE ll_status thread_tree_init(thread_tree *t, const ll_allocator *allocator);
void thread_tree_fini(thread_tree *t);
/* Borrowed until the next thread_tree_add. */
thread_node *thread_tree_node(const thread_tree *t, uint32_t n);
/* A new dummy without parent. LL_ENOMEM, LL_ELIMIT. */
LL_MUST_USE ll_status thread_tree_add(thread_tree *t, uint32_t *n);

/* Make `child`, which has no parent, the last child of `parent`. */
void thread_tree_link(thread_tree *t, uint32_t parent, uint32_t child);
/* From its parent, if it has one; not from the root by itself (see thread_tree_gather). */
void thread_tree_unlink(thread_tree *t, uint32_t child);
/* `child` is `parent` or above it: linking them would make a loop. */
bool thread_tree_loops(const thread_tree *t, uint32_t parent, uint32_t child);

/* Steps 2 and 3 of REFERENCES: nodes without parents become children of the root, dummies go, but for those at the top
 * that hold siblings together. LL_ENOMEM. */
LL_MUST_USE ll_status thread_tree_prune(thread_tree *t);
/* Sort all siblings by date, dummies by their first child; equals are in mailbox order (RFC 5256 section 2.2). Dummies
 * are at the top only. */
void thread_tree_sort(thread_tree *t);

#endif
