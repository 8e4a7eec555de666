/* thread_tree.c - see thread_tree.h
 * SPDX-License-Identifier: MIT */
#include "imap/thread_tree.h"

#include "base/memory.h"

ll_status thread_tree_init(thread_tree *t, const ll_allocator *allocator)
{
    uint32_t root;
    *t = (thread_tree){.count = 0};
    text_init(&t->nodes, allocator, thread_tree_bytes_max);
    return thread_tree_add(t, &root);
}

void thread_tree_fini(thread_tree *t)
{
    text_fini(&t->nodes);
}

thread_node *thread_tree_node(const thread_tree *t, uint32_t n)
{
    return (thread_node *)(void *)t->nodes.data + n;
}

ll_status thread_tree_add(thread_tree *t, uint32_t *n)
{
    thread_node node = {.uid = 0};
    *n = t->count;
    text_add(&t->nodes, span_of((const char *)&node, sizeof node));
    if (!text_status(&t->nodes))
        t->count++;
    return text_status(&t->nodes);
}

void thread_tree_link(thread_tree *t, uint32_t parent, uint32_t child)
{
    thread_node *p = thread_tree_node(t, parent), *c = thread_tree_node(t, child);
    c->parent = parent;
    c->previous = p->last;
    c->next = 0;
    if (p->last)
        thread_tree_node(t, p->last)->next = child;
    else
        p->first = child;
    p->last = child;
}

void thread_tree_unlink(thread_tree *t, uint32_t child)
{
    thread_node *c = thread_tree_node(t, child), *p = thread_tree_node(t, c->parent);
    if (c->previous)
        thread_tree_node(t, c->previous)->next = c->next;
    else if (p->first == child)
        p->first = c->next;
    if (c->next)
        thread_tree_node(t, c->next)->previous = c->previous;
    else if (p->last == child)
        p->last = c->previous;
    c->parent = c->previous = c->next = 0;
}

bool thread_tree_loops(const thread_tree *t, uint32_t parent, uint32_t child)
{
    if (parent == child)
        return true;
    if (!thread_tree_node(t, child)->first) /* nobody's ancestor */
        return false;
    for (unsigned depth = 0; parent; parent = thread_tree_node(t, parent)->parent)
        if (parent == child || ++depth > thread_depth_max)
            return true;
    return false;
}

/* --- pruning --- */

/* All nodes, parents before their children: *list has t->count of them, from the allocator. */
static ll_status list_from_top(thread_tree *t, uint32_t **list)
{
    uint32_t *nodes = memory_new(t->nodes.allocator, t->count * sizeof *nodes);
    size_t count = 1; /* the root is there: zeroed */
    *list = nodes;
    if (!nodes)
        return LL_ENOMEM;
    for (size_t at = 0; at < count; at++)
        for (uint32_t n = thread_tree_node(t, nodes[at])->first; n; n = thread_tree_node(t, n)->next)
            nodes[count++] = n;
    return LL_OK;
}

/* The node to which its children go: itself; a dummy's is that of its parent, but at the top it is the dummy. */
static void find_anchor(thread_tree *t, uint32_t n)
{
    thread_node *node = thread_tree_node(t, n);
    node->anchor = node->uid || !node->parent ? n : thread_tree_node(t, node->parent)->anchor;
}

static void unlink_all(thread_tree *t)
{
    for (uint32_t n = 0; n < t->count; n++) {
        thread_node *node = thread_tree_node(t, n);
        node->first = node->last = node->previous = node->next = 0;
    }
}

/* What is at the top, with its children linked: dummies with less than two of them go. */
static void link_top(thread_tree *t, uint32_t n)
{
    thread_node *node = thread_tree_node(t, n);
    uint32_t first = node->first;
    if (!node->uid && !first)
        return;
    if (node->uid || first != node->last) {
        thread_tree_link(t, 0, n);
        return;
    }
    thread_tree_unlink(t, first);
    thread_tree_link(t, 0, first);
}

ll_status thread_tree_prune(thread_tree *t)
{
    uint32_t *list, top = 0; /* those at the top come first in the list */
    for (uint32_t n = 1; n < t->count; n++)
        if (!thread_tree_node(t, n)->parent)
            thread_tree_link(t, 0, n);
    ll_status status = list_from_top(t, &list);
    if (status)
        return status;
    for (uint32_t i = 1; i < t->count; i++) {
        top += !thread_tree_node(t, list[i])->parent;
        find_anchor(t, list[i]);
    }
    unlink_all(t);
    for (uint32_t i = 1; i < t->count; i++) {
        thread_node *node = thread_tree_node(t, list[i]);
        if (node->uid && node->parent)
            thread_tree_link(t, thread_tree_node(t, node->parent)->anchor, list[i]);
    }
    for (uint32_t i = 1; i <= top; i++)
        link_top(t, list[i]);
    memory_free(t->nodes.allocator, list);
    return LL_OK;
}

/* --- sorting --- */

static bool before(const thread_node *a, const thread_node *b)
{
    return a->date != b->date ? a->date < b->date : a->order <= b->order;
}

/* Merge two chains of `next`. */
static uint32_t merge(const thread_tree *t, uint32_t a, uint32_t b)
{
    uint32_t head = 0, *to = &head;
    while (a && b) {
        uint32_t *least = before(thread_tree_node(t, a), thread_tree_node(t, b)) ? &a : &b;
        *to = *least;
        to = &thread_tree_node(t, *least)->next;
        *least = *to;
    }
    *to = a ? a : b;
    return head;
}

/* Sort one node's children: runs of 2^i of them wait in run[i]. */
static void sort_children(thread_tree *t, thread_node *parent)
{
    uint32_t run[33] = {0}, next, sorted = 0;
    for (uint32_t n = parent->first; n; n = next) {
        unsigned i = 0;
        next = thread_tree_node(t, n)->next;
        thread_tree_node(t, n)->next = 0;
        for (; run[i]; i++) {
            n = merge(t, run[i], n);
            run[i] = 0;
        }
        run[i] = n;
    }
    for (unsigned i = 0; i < 33; i++)
        sorted = run[i] ? merge(t, run[i], sorted) : sorted;
    parent->first = sorted;
    for (uint32_t n = sorted, previous = 0; n; n = next) {
        next = thread_tree_node(t, n)->next;
        thread_tree_node(t, n)->previous = previous;
        parent->last = previous = n;
    }
}

void thread_tree_sort(thread_tree *t)
{
    for (uint32_t n = 1; n < t->count; n++)
        if (thread_tree_node(t, n)->first != thread_tree_node(t, n)->last)
            sort_children(t, thread_tree_node(t, n));
    for (uint32_t n = 1; n < t->count; n++) {
        thread_node *node = thread_tree_node(t, n);
        if (node->uid || !node->first)
            continue;
        node->date = thread_tree_node(t, node->first)->date;
        node->order = thread_tree_node(t, node->first)->order;
    }
    sort_children(t, thread_tree_node(t, 0));
}
