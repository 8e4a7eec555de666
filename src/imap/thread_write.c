/* thread_write.c - see thread_write.h
 * SPDX-License-Identifier: MIT */
#include "imap/thread_write.h"

/* It has siblings, or is at the top: it stands in parentheses. Otherwise it follows its parent after a space. */
static bool has_parentheses(const thread_tree *t, const thread_node *node)
{
    const thread_node *parent = thread_tree_node(t, node->parent);
    return !node->parent || parent->first != parent->last;
}

static void open_node(ll_session *s, const thread_tree *t, const thread_node *node, bool uid)
{
    const thread_node *parent = thread_tree_node(t, node->parent);
    if (node->parent && parent->uid && !node->previous) /* thread-members SP thread-nested */
        text_add_byte(&s->output, ' ');
    if (has_parentheses(t, node))
        text_add_byte(&s->output, '(');
    if (node->uid)
        text_add_u64(&s->output, uid ? node->uid : snapshot_number(&s->snap, node->uid));
}

/* The node is written, and all below it: close what ends with it, and find what comes next. */
static uint32_t close_node(ll_session *s, const thread_tree *t, uint32_t n)
{
    do {
        const thread_node *node = thread_tree_node(t, n);
        if (has_parentheses(t, node))
            text_add_byte(&s->output, ')');
        if (node->next)
            return node->next;
        n = node->parent;
    } while (n);
    return 0;
}

ll_status thread_writer_step(thread_writer *w, ll_session *s, const thread_tree *t, bool uid)
{
    if (!w->begun) {
        w->at = thread_tree_node(t, 0)->first;
        session_add_str(s, w->at ? "* THREAD " : "* THREAD");
        w->begun = true;
    }
    while (w->at) {
        if (session_full(s))
            return LL_MORE;
        const thread_node *node = thread_tree_node(t, w->at);
        open_node(s, t, node, uid);
        w->at = node->first ? node->first : close_node(s, t, w->at);
    }
    session_add(s, SPAN("\r\n"));
    return LL_OK;
}
