/* imap_thread.c - messages with any Message-IDs, references, subjects and dates: each is in the threads once.
 * SPDX-License-Identifier: MIT
 *
 * Four bytes and then up to seven references a message: ID, subject, date, number of references. */
#include "imap/thread_build.h"

#include <assert.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add(thread_build *b, uint32_t uid, const uint8_t *at, size_t references)
{
    char id[20], subject[20], field[200] = "";
    snprintf(id, sizeof id, "<%u@x>", at[0] % 32u);
    snprintf(subject, sizeof subject, "%s%.*s", at[1] & 1 ? "Re: " : "", at[1] & 2 ? 0 : 1, at[1] & 4 ? "a" : "b");
    for (size_t i = 0; i < references; i++)
        snprintf(field + strlen(field), sizeof field - strlen(field), "<%u@x> ", at[4 + i] % 40u);
    mime_envelope envelope = {.subject = span_str(subject), .message_id = span_str(at[0] & 128 ? "" : id)};
    *(at[0] & 64 ? &envelope.in_reply_to : &envelope.references) = span_str(field);
    ll_row row = {.uid = uid, .internaldate = at[2]};
    assert(thread_build_add(b, &row, &envelope) == LL_OK);
}

static void check(const thread_tree *t, uint32_t messages)
{
    uint32_t seen = 0, steps = 0;
    for (uint32_t n = thread_tree_node(t, 0)->first; n;) {
        const thread_node *node = thread_tree_node(t, n);
        seen += node->uid != 0;
        assert(node->uid || (!node->parent && node->first != node->last)); /* dummies hold siblings, at the top */
        steps++;
        assert(steps <= t->count);
        uint32_t next = node->first;
        for (uint32_t up = n; !next && up; up = thread_tree_node(t, up)->parent)
            next = thread_tree_node(t, up)->next;
        n = next;
    }
    assert(seen == messages);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    thread_build b;
    uint32_t messages = 0;
    if (!size)
        return 0;
    assert(thread_build_init(&b, NULL, data[0] & 1 ? THREAD_REFERENCES : THREAD_ORDEREDSUBJECT) == LL_OK);
    for (size_t at = 1, step; at + 4 <= size; at += step) {
        size_t references = data[at + 3] % 8u;
        step = 4 + references;
        if (at + step > size)
            break;
        add(&b, ++messages, data + at, references);
    }
    assert(thread_build_finish(&b) == LL_OK);
    check(&b.tree, messages);
    thread_build_fini(&b);
    return 0;
}
