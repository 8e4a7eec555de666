/* thread_build.c - see thread_build.h
 * SPDX-License-Identifier: MIT
 *
 * The steps have the numbers that RFC 5256 section 3 gives them. */
#include "imap/thread_build.h"

#include "base/memory.h"
#include "imap/sort_key.h"
#include "imap/thread_id.h"
#include "mime/subject.h"

ll_status thread_build_init(thread_build *b, const ll_allocator *allocator, thread_algorithm algorithm)
{
    *b = (thread_build){.allocator = allocator, .algorithm = algorithm};
    thread_map_init(&b->ids, allocator);
    thread_map_init(&b->subjects, allocator);
    text_init(&b->id_nodes, allocator, thread_nodes_max);
    text_init(&b->id, allocator, 2 * thread_id_max);
    text_init(&b->subject, allocator, 1 << 20); /* a field has no more: mime_field_bytes_max, decoded */
    text_init(&b->folded, allocator, 2 * sort_text_max);
    return thread_tree_init(&b->tree, allocator);
}

void thread_build_fini(thread_build *b)
{
    thread_map_fini(&b->ids);
    thread_map_fini(&b->subjects);
    text_fini(&b->id_nodes);
    text_fini(&b->id);
    text_fini(&b->subject);
    text_fini(&b->folded);
    thread_tree_fini(&b->tree);
}

/* --- one message --- */

/* The number of its base subject, and whether it is a reply. Number 0 is the empty subject's. */
static ll_status subject_of(thread_build *b, const mime_envelope *envelope, uint32_t *number, bool *reply)
{
    bool is_new;
    *reply = false;
    *number = 0;
    text_clear(&b->subject);
    text_clear(&b->folded);
    if (!thread_map_count(&b->subjects)) {
        ll_status status = thread_map_number(&b->subjects, SPAN(""), number, &is_new);
        if (status)
            return status;
    }
    if (!envelope || !envelope->subject.data)
        return LL_OK;
    mime_subject_base(envelope->subject, &b->subject, reply);
    if (text_status(&b->subject) == LL_ENOMEM)
        return LL_ENOMEM;
    sort_fold(text_span(&b->subject), b->allocator, &b->folded);
    if (text_status(&b->folded))
        return text_status(&b->folded);
    return thread_map_number(&b->subjects, text_span(&b->folded), number, &is_new);
}

/* The node of the Message-ID in b->id; a new dummy if there is none. */
static ll_status node_of_id(thread_build *b, uint32_t *node)
{
    uint32_t number;
    bool is_new;
    ll_status status = thread_map_number(&b->ids, text_span(&b->id), &number, &is_new);
    if (status)
        return status;
    if (is_new) {
        status = thread_tree_add(&b->tree, node);
        text_add(&b->id_nodes, span_of((const char *)node, sizeof *node));
        return status ? status : text_status(&b->id_nodes);
    }
    *node = ((const uint32_t *)(const void *)b->id_nodes.data)[number];
    return LL_OK;
}

/* Step 1.A: link the references of one field one to the next; *last: the last of them, 0 if there is none. */
static ll_status link_references(thread_build *b, ll_span field, size_t most, uint32_t *last)
{
    *last = 0;
    for (size_t i = 0; i < most && thread_id_next(&field, &b->id); i++) {
        uint32_t node;
        ll_status status = node_of_id(b, &node);
        if (status)
            return status;
        if (*last && !thread_tree_node(&b->tree, node)->parent && !thread_tree_loops(&b->tree, *last, node))
            thread_tree_link(&b->tree, *last, node);
        *last = node;
    }
    return text_status(&b->id);
}

/* The message's own node: that of its Message-ID, or a new one if it has none or is not the first with it. */
static ll_status own_node(thread_build *b, const mime_envelope *envelope, uint32_t *node)
{
    ll_span field = envelope && envelope->message_id.data ? envelope->message_id : SPAN("");
    if (thread_id_next(&field, &b->id)) {
        ll_status status = node_of_id(b, node);
        if (status || !thread_tree_node(&b->tree, *node)->uid)
            return status;
    }
    return thread_tree_add(&b->tree, node);
}

static void fill(thread_build *b, uint32_t node, const ll_row *row, const mime_envelope *envelope, uint32_t subject,
                 bool reply)
{
    thread_node *n = thread_tree_node(&b->tree, node);
    n->uid = row->uid;
    n->order = b->order++;
    n->date = sort_date(row, envelope);
    n->subject = subject;
    n->reply = reply;
}

/* Step 1 */
static ll_status add_by_references(thread_build *b, const mime_envelope *envelope, uint32_t *node)
{
    uint32_t parent = 0;
    ll_status status = own_node(b, envelope, node);
    if (!status && envelope && envelope->references.data)
        status = link_references(b, envelope->references, thread_references_max, &parent);
    if (!status && !parent && envelope && envelope->in_reply_to.data)
        status = link_references(b, envelope->in_reply_to, 1, &parent);
    if (status)
        return status;
    if (thread_tree_node(&b->tree, *node)->parent) /* 1.B */
        thread_tree_unlink(&b->tree, *node);
    if (parent && !thread_tree_loops(&b->tree, parent, *node))
        thread_tree_link(&b->tree, parent, *node);
    return LL_OK;
}

ll_status thread_build_add(thread_build *b, const ll_row *row, const mime_envelope *envelope)
{
    uint32_t node, subject;
    bool reply;
    ll_status status = subject_of(b, envelope, &subject, &reply);
    if (!status)
        status = b->algorithm == THREAD_REFERENCES ? add_by_references(b, envelope, &node)
                                                   : thread_tree_add(&b->tree, &node);
    if (!status)
        fill(b, node, row, envelope, subject, reply);
    return status;
}

/* --- REFERENCES: threads of the same subject --- */

/* A dummy's is that of its first child. */
static uint32_t thread_subject(const thread_tree *t, uint32_t n)
{
    const thread_node *node = thread_tree_node(t, n);
    return node->uid ? node->subject : thread_tree_node(t, node->first)->subject;
}

/* Step 5.B: the best thread of each subject. */
static void fill_table(const thread_tree *t, uint32_t *table)
{
    for (uint32_t n = thread_tree_node(t, 0)->first; n; n = thread_tree_node(t, n)->next) {
        uint32_t *best = &table[thread_subject(t, n)];
        const thread_node *now = thread_tree_node(t, *best), *node = thread_tree_node(t, n);
        if (!*best || (now->uid && (!node->uid || (now->reply && !node->reply))))
            *best = n;
    }
}

static void move(thread_tree *t, uint32_t n, uint32_t to)
{
    thread_tree_unlink(t, n);
    thread_tree_link(t, to, n);
}

/* One thread into the table's one. */
static ll_status merge_threads(thread_tree *t, uint32_t *best, uint32_t n)
{
    const thread_node *now = thread_tree_node(t, *best), *node = thread_tree_node(t, n);
    if (!now->uid && !node->uid) {
        for (uint32_t child; (child = thread_tree_node(t, n)->first) != 0;)
            move(t, child, *best);
        thread_tree_unlink(t, n);
        return LL_OK;
    }
    if (!now->uid || (node->reply && !now->reply)) {
        move(t, n, *best);
        return LL_OK;
    }
    uint32_t dummy;
    ll_status status = thread_tree_add(t, &dummy);
    if (status)
        return status;
    thread_tree_link(t, 0, dummy);
    move(t, *best, dummy);
    move(t, n, dummy);
    *best = dummy;
    return LL_OK;
}

/* Step 5.C */
static ll_status merge_subjects(thread_tree *t, uint32_t *table)
{
    uint32_t next, last = thread_tree_node(t, 0)->last; /* behind it come dummies that are made here */
    for (uint32_t n = thread_tree_node(t, 0)->first; n; n = next) {
        bool end = n == last;
        next = thread_tree_node(t, n)->next;
        uint32_t subject = thread_subject(t, n);
        ll_status status = subject && table[subject] != n ? merge_threads(t, &table[subject], n) : LL_OK;
        if (status || end)
            return status;
    }
    return LL_OK;
}

static ll_status finish_references(thread_build *b, uint32_t *table)
{
    ll_status status = thread_tree_prune(&b->tree); /* 2 and 3 */
    if (status)
        return status;
    thread_tree_sort(&b->tree); /* 4 */
    fill_table(&b->tree, table);
    status = merge_subjects(&b->tree, table);
    if (status)
        return status;
    thread_tree_sort(&b->tree); /* 6 */
    return LL_OK;
}

/* --- ORDEREDSUBJECT --- */

/* The first by date becomes the parent of the others. */
static void flatten(thread_tree *t, uint32_t dummy)
{
    uint32_t first = thread_tree_node(t, dummy)->first, child;
    thread_tree_unlink(t, first);
    thread_tree_link(t, 0, first);
    while ((child = thread_tree_node(t, dummy)->first) != 0)
        move(t, child, first);
    thread_tree_unlink(t, dummy);
}

static ll_status finish_subjects(thread_build *b, uint32_t *table)
{
    thread_tree *t = &b->tree;
    uint32_t messages = t->count, end;
    for (uint32_t n = 1; n < messages; n++) {
        uint32_t *dummy = &table[thread_tree_node(t, n)->subject];
        if (!*dummy) {
            ll_status status = thread_tree_add(t, dummy);
            if (status)
                return status;
            thread_tree_link(t, 0, *dummy);
        }
        thread_tree_link(t, *dummy, n);
    }
    thread_tree_sort(t);
    end = t->count;
    for (uint32_t n = messages; n < end; n++)
        flatten(t, n);
    thread_tree_sort(t);
    return LL_OK;
}

ll_status thread_build_finish(thread_build *b)
{
    uint32_t *table = /* subject to node */
        memory_new(b->allocator, (thread_map_count(&b->subjects) + 1) * sizeof *table);
    if (!table)
        return LL_ENOMEM;
    ll_status status = b->algorithm == THREAD_REFERENCES ? finish_references(b, table) : finish_subjects(b, table);
    memory_free(b->allocator, table);
    return status;
}
