/* thread_map.c - see thread_map.h
 * SPDX-License-Identifier: MIT */
#include "imap/thread_map.h"

/* A reference is the position of a branch, or with the top bit that of a leaf. */
#define LEAF UINT32_C(0x80000000)

typedef struct leaf {
    uint32_t at, size; /* in texts */
} leaf;

/* All texts below are equal before `byte`; there they differ in the one bit that is not set in `others`. */
typedef struct branch {
    uint32_t child[2];
    uint32_t byte;
    uint32_t others;
} branch;

void thread_map_init(thread_map *m, const ll_allocator *allocator)
{
    *m = (thread_map){.root = 0};
    text_init(&m->texts, allocator, thread_texts_max);
    text_init(&m->leaves, allocator, thread_nodes_max / 4);
    text_init(&m->branches, allocator, thread_nodes_max / 2);
}

void thread_map_fini(thread_map *m)
{
    text_fini(&m->texts);
    text_fini(&m->leaves);
    text_fini(&m->branches);
}

size_t thread_map_count(const thread_map *m)
{
    return m->leaves.size / sizeof(leaf);
}

static branch *branch_at(const thread_map *m, uint32_t n)
{
    return (branch *)(void *)m->branches.data + n;
}

static ll_span key_of(const thread_map *m, uint32_t reference)
{
    const leaf *l = (const leaf *)(const void *)m->leaves.data + (reference & ~LEAF);
    return span_of(m->texts.data + l->at, l->size);
}

/* The end of a text counts as NUL, which no text has. */
static uint32_t byte_at(ll_span key, uint32_t n)
{
    return n < key.size ? (uint8_t)key.data[n] : 0u;
}

static unsigned side_of(const branch *b, uint32_t byte)
{
    return (1 + (b->others | byte)) >> 8;
}

static ll_status new_leaf(thread_map *m, ll_span key, uint32_t *reference)
{
    leaf l = {(uint32_t)m->texts.size, (uint32_t)key.size};
    *reference = (uint32_t)(m->leaves.size / sizeof l) | LEAF;
    text_add(&m->texts, key);
    text_add_byte(&m->texts, '\0');
    text_add(&m->leaves, span_of((const char *)&l, sizeof l));
    return text_status(&m->texts) ? text_status(&m->texts) : text_status(&m->leaves);
}

/* The first place where the two differ; false: nowhere. */
static bool differ(ll_span a, ll_span b, uint32_t *byte, uint32_t *others)
{
    uint32_t n = 0, longest = (uint32_t)(a.size > b.size ? a.size : b.size);
    while (n < longest && byte_at(a, n) == byte_at(b, n))
        n++;
    uint32_t bits = byte_at(a, n) ^ byte_at(b, n);
    if (n == longest)
        return false;
    while (bits & (bits - 1)) /* the highest */
        bits &= bits - 1;
    *byte = n;
    *others = bits ^ 0xff;
    return true;
}

/* Where the new branch belongs: above the first one that looks further. */
static uint32_t *place_of(thread_map *m, ll_span key, const branch *new)
{
    uint32_t *at = &m->root;
    while (!(*at & LEAF)) {
        branch *b = branch_at(m, *at);
        if (b->byte > new->byte || (b->byte == new->byte && b->others > new->others))
            break;
        at = &b->child[side_of(b, byte_at(key, b->byte))];
    }
    return at;
}

ll_status thread_map_number(thread_map *m, ll_span key, uint32_t *number, bool *is_new)
{
    branch new = {.byte = 0};
    uint32_t reference = m->root;
    *is_new = true;
    if (!thread_map_count(m)) {
        ll_status status = new_leaf(m, key, &m->root);
        *number = 0;
        return status;
    }
    while (!(reference & LEAF)) {
        const branch *b = branch_at(m, reference);
        reference = b->child[side_of(b, byte_at(key, b->byte))];
    }
    *number = reference & ~LEAF;
    *is_new = differ(key, key_of(m, reference), &new.byte, &new.others);
    if (!*is_new)
        return LL_OK;
    unsigned side = side_of(&new, byte_at(key, new.byte));
    ll_status status = new_leaf(m, key, &new.child[side]);
    if (status)
        return status;
    *number = new.child[side] & ~LEAF;
    uint32_t position = (uint32_t)(m->branches.size / sizeof new);
    text_add(&m->branches, span_of((const char *)&new, sizeof new));
    if (text_status(&m->branches))
        return text_status(&m->branches);
    uint32_t *at = place_of(m, key, &new);
    branch_at(m, position)->child[1 - side] = *at;
    *at = position;
    return LL_OK;
}
