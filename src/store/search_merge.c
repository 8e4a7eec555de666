/* search_merge.c - see search_merge.h
 * SPDX-License-Identifier: MIT */
#include "store/search_merge.h"

#include "base/memory.h"

/* ---- Blocks in memory */

ll_status search_blocks_add(void *ctx, search_class class, uint32_t ordinal, ll_span terms, ll_span postings)
{
    search_blocks *blocks = ctx;
    if (ordinal > search_ordinal_max)
        return LL_ELIMIT;
    search_made *one = memory_new(NULL, sizeof *one);
    if (!one)
        return LL_ENOMEM;
    one->class = class;
    one->ordinal = ordinal;
    text_init(&one->terms, NULL, terms.size);
    text_init(&one->postings, NULL, postings.size);
    text_add(&one->terms, terms);
    text_add(&one->postings, postings);
    if (blocks->last)
        blocks->last = blocks->last->next = one;
    else
        blocks->first = blocks->last = one;
    blocks->bytes += terms.size + postings.size;
    return text_status(&one->terms) ? text_status(&one->terms) : text_status(&one->postings);
}

void search_blocks_clear(search_blocks *blocks)
{
    while (blocks->first) {
        search_made *one = blocks->first;
        blocks->first = one->next;
        text_fini(&one->terms);
        text_fini(&one->postings);
        memory_free(NULL, one);
    }
    *blocks = (search_blocks){NULL, NULL, 0};
}

ll_status search_blocks_insert(db *d, int64_t segment, const search_blocks *blocks)
{
    ll_status status = LL_OK;
    for (const search_made *one = blocks->first; !status && one; one = one->next)
        status = search_block_insert(d, search_block_id(segment, one->class, one->ordinal), text_span(&one->terms),
                                     text_span(&one->postings));
    return status;
}

/* ---- Which */

size_t search_merge_due(const search_segments *all, size_t *first)
{
    uint64_t newer = 0;
    size_t due = 0;
    for (size_t count = 1; count <= all->count && count <= search_merge_max; count++) {
        uint64_t messages = all->all[all->count - count].messages;
        if (count >= search_merge_fan && messages <= newer)
            due = count;
        newer += messages;
    }
    *first = all->count - due;
    return due;
}

static ll_status is_sparse(db *d, const search_segment *s, bool *sparse)
{
    int64_t count = 0;
    db_stmt *q = db_prepare(d, "SELECT count(*) FROM message INDEXED BY message_thread WHERE id BETWEEN ?1 AND ?2");
    db_bind_int(q, 1, s->first);
    db_bind_int(q, 2, s->last);
    ll_status status = db_take_int(q, &count);
    *sparse = (uint64_t)count < s->messages - s->messages / 2;
    return status;
}

ll_status search_merge_sparse(db *d, const search_segments *all, size_t *first, size_t *count)
{
    ll_status status = LL_OK;
    bool sparse = true;
    *count = 0;
    for (size_t i = 0; !status && i < all->count && *count < search_merge_max && (sparse || !*count); i++) {
        status = is_sparse(d, &all->all[i], &sparse);
        if (sparse && !*count)
            *first = i;
        *count += sparse;
    }
    return status;
}

/* ---- Merging */

typedef struct input {
    search_segment segment;
    int64_t id;     /* of the block that is decoded; then of the next to look for */
    bool open;      /* a block is decoded */
    uint32_t shift; /* to be added to its message numbers */
    search_block block;
    ll_span rest; /* terms from the present one on */
    ll_span term;
    search_postings postings; /* of the present term on */
} input;

struct search_merge {
    input inputs[search_merge_max];
    size_t count;
    search_class class;
    search_packer writer;
    search_blocks *made;
    uidset *there; /* messages; NULL: nothing was removed */
    bool filter;
    uint64_t messages;
    text list;
};

static ll_status give_block(void *ctx, search_class class, uint32_t ordinal, ll_span terms, ll_span postings)
{
    search_merge *m = ctx;
    return search_blocks_add(m->made, class, ordinal, terms, postings);
}

/* By the index of threads, which has nothing but ids: the table's own rows hold headers and facts. */
static ll_status load_there(search_merge *m, db *d)
{
    int64_t first = m->inputs[0].segment.first, last = m->inputs[m->count - 1].segment.last;
    uint64_t before = 0;
    for (size_t i = 0; i < m->count; i++)
        before += m->inputs[i].segment.messages;
    m->there = uidset_new();
    if (!m->there)
        return LL_ENOMEM;
    db_stmt *q = db_prepare(d, "SELECT id FROM message INDEXED BY message_thread WHERE id BETWEEN ?1 AND ?2");
    db_bind_int(q, 1, first);
    db_bind_int(q, 2, last);
    ll_status status;
    while ((status = db_step(q)) == LL_MORE)
        uidset_add(m->there, (uint32_t)(db_column_int(q, 0) - first) + 1);
    m->messages = uidset_count(m->there);
    m->filter = m->messages < before;
    return status;
}

ll_status search_merge_new(search_merge **out, db *d, const search_segment *inputs, size_t count)
{
    search_merge *m = *out = memory_new(NULL, sizeof *m);
    if (!m)
        return LL_ENOMEM;
    text_init(&m->list, NULL, search_postings_max);
    ll_status status = search_packer_init(&m->writer, give_block, m);
    for (size_t i = 0; !status && i < count && i < search_merge_max; i++) {
        input *in = &m->inputs[m->count++];
        in->segment = inputs[i];
        in->id = search_block_id(inputs[i].id, 0, 0);
        in->shift = (uint32_t)(inputs[i].first - inputs[0].first);
        status = search_block_init(&in->block);
    }
    if (!status)
        status = load_there(m, d);
    if (status)
        search_merge_del(out);
    return status;
}

void search_merge_del(search_merge **merge)
{
    search_merge *m = *merge;
    *merge = NULL;
    if (!m)
        return;
    for (size_t i = 0; i < m->count; i++)
        search_block_fini(&m->inputs[i].block);
    search_packer_fini(&m->writer);
    uidset_del(&m->there);
    text_fini(&m->list);
    memory_free(NULL, m);
}

/* The next term of the block. */
static void input_term(input *in)
{
    in->open = in->rest.size > 1;
    if (!in->open) {
        in->id++;
        return;
    }
    in->rest = span_from(in->rest, 1);
    in->term = span_first(in->rest, span_find(in->rest, '\n'));
    in->rest = span_from(in->rest, in->term.size);
}

/* Stand on a term of this class, if there is one. */
static ll_status input_ready(input *in, db *d, search_class class)
{
    if (in->open)
        return LL_OK;
    int64_t last = search_block_id(in->segment.id, class, search_ordinal_max);
    if (in->id > last)
        return LL_OK;
    ll_status status = search_block_next(d, &in->id, last, &in->block);
    if (status == LL_ENOTFOUND) {
        in->id = last + 1;
        return LL_OK;
    }
    if (!status)
        status = search_block_postings_load(d, in->id, &in->block);
    in->rest = text_span(&in->block.terms);
    in->postings = search_postings_of(&in->block);
    if (!status)
        input_term(in);
    return status;
}

/* The input with the least term; NULL: the class is at its end. */
static ll_status least_input(search_merge *m, db *d, input **least)
{
    *least = NULL;
    for (size_t i = 0; i < m->count; i++) {
        input *in = &m->inputs[i];
        ll_status status = input_ready(in, d, m->class);
        if (status)
            return status;
        if (in->open && (!*least || span_compare(in->term, (*least)->term) < 0))
            *least = in;
    }
    return LL_OK;
}

/* The messages of the input's term, renumbered; the removed ones go. */
static ll_status take_messages(search_merge *m, input *in)
{
    size_t before = m->list.size / sizeof(uint32_t);
    ll_status status = search_postings_take(&in->postings, (uint32_t)(in->segment.last - in->segment.first), &m->list);
    if (status)
        return status;
    uint32_t *messages = (uint32_t *)(void *)m->list.data;
    size_t count = m->list.size / sizeof *messages, kept = before;
    for (size_t i = before; i < count; i++) {
        messages[i] += in->shift;
        if (!m->filter || uidset_has(m->there, messages[i] + 1))
            messages[kept++] = messages[i];
    }
    text_cut(&m->list, kept * sizeof *messages);
    return LL_OK;
}

/* One term from all inputs that have it. */
static ll_status merge_term(search_merge *m, const input *least)
{
    char term[search_term_max];
    ll_span name = least->term;
    if (name.size > sizeof term)
        return LL_ECORRUPT;
    memcpy(term, name.data, name.size);
    name.data = term;
    text_clear(&m->list);
    for (size_t i = 0; i < m->count; i++) {
        input *in = &m->inputs[i];
        if (!in->open || !span_equal(in->term, name))
            continue;
        ll_status status = take_messages(m, in);
        if (status)
            return status;
        input_term(in);
    }
    size_t count = m->list.size / sizeof(uint32_t);
    return count ? search_packer_add(&m->writer, m->class, name, (const uint32_t *)(const void *)m->list.data, count)
                 : LL_OK;
}

ll_status search_merge_run(search_merge *m, db *d, search_blocks *made)
{
    m->made = made;
    while (m->class < SEARCH_CLASSES) {
        input *least;
        ll_status status = least_input(m, d, &least);
        if (!status && least)
            status = merge_term(m, least);
        else if (!status)
            m->class ++;
        if (status)
            return status;
        if (made->bytes >= search_slice_bytes)
            return LL_MORE;
    }
    return search_packer_end(&m->writer);
}

void search_merge_range(const search_merge *m, int64_t *first, int64_t *last, uint64_t *messages)
{
    *first = m->inputs[0].segment.first;
    *last = m->inputs[m->count - 1].segment.last;
    *messages = m->messages;
}
