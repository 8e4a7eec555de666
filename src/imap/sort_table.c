/* sort_table.c - see sort_table.h
 * SPDX-License-Identifier: MIT */
#include "imap/sort_table.h"

#include "base/memory.h"

static size_t words_of(sort_kind kind)
{
    return sort_kind_is_number(kind) ? 1 : 2;
}

void sort_table_init(sort_table *t, const ll_allocator *allocator, const sort_criteria *criteria)
{
    *t = (sort_table){.allocator = allocator, .criteria = criteria, .words = 1};
    for (size_t i = 0; i < criteria->count; i++)
        t->words += words_of(criteria->items[i].kind);
    text_init(&t->entries, allocator, sort_entries_max);
    text_init(&t->texts, allocator, sort_texts_max);
    text_init(&t->key, allocator, 2 * sort_text_max);
}

void sort_table_fini(sort_table *t)
{
    if (!t->criteria)
        return;
    text_fini(&t->entries);
    text_fini(&t->texts);
    text_fini(&t->key);
    t->criteria = NULL;
}

static void add_word(sort_table *t, uint64_t word)
{
    text_add(&t->entries, span_of((const char *)&word, sizeof word));
}

/* The first 8 bytes, so that they compare as a number; shorter texts are filled up with zeros. */
static uint64_t beginning(ll_span key)
{
    uint64_t word = 0;
    for (size_t i = 0; i < 8; i++)
        word = word << 8 | (i < key.size ? (uint8_t)key.data[i] : 0u);
    return word;
}

/* What is behind the first 8 bytes goes to texts: 40 bits of place, 24 bits of size. */
static void add_text(sort_table *t, ll_span key)
{
    ll_span rest = span_from(key, 8);
    add_word(t, beginning(key));
    add_word(t, (uint64_t)t->texts.size << 24 | rest.size);
    text_add(&t->texts, rest);
}

ll_status sort_table_add(sort_table *t, const ll_row *row, const mime_envelope *envelope, unsigned score,
                         uint32_t ordinal)
{
    add_word(t, (uint64_t)ordinal << 32 | row->uid);
    for (size_t i = 0; i < t->criteria->count; i++) {
        sort_kind kind = t->criteria->items[i].kind;
        if (sort_kind_is_number(kind)) { /* negative ones come first */
            add_word(t, (uint64_t)sort_number(kind, row, envelope, score) ^ UINT64_C(1) << 63);
            continue;
        }
        text_clear(&t->key);
        sort_text(kind, envelope, t->allocator, &t->key);
        add_text(t, text_span(&t->key));
    }
    t->count++;
    if (text_status(&t->key))
        return text_status(&t->key);
    return text_status(&t->entries) ? text_status(&t->entries) : text_status(&t->texts);
}

static const uint64_t *entry(const sort_table *t, uint32_t position)
{
    return (const uint64_t *)(const void *)t->entries.data + position * t->words;
}

uint32_t sort_table_uid(const sort_table *t, uint32_t position)
{
    return (uint32_t)entry(t, position)[0];
}

uint32_t sort_table_ordinal(const sort_table *t, uint32_t position)
{
    return (uint32_t)(entry(t, position)[0] >> 32);
}

static ll_span rest_of(const sort_table *t, uint64_t word)
{
    return span_of(text_str(&t->texts) + (word >> 24), word & 0xffffff);
}

static int compare(const sort_table *t, uint32_t a, uint32_t b)
{
    const uint64_t *x = entry(t, a) + 1, *y = entry(t, b) + 1;
    for (size_t i = 0; i < t->criteria->count; i++) {
        sort_kind kind = t->criteria->items[i].kind;
        int order = *x < *y ? -1 : *x > *y;
        if (!order && !sort_kind_is_number(kind))
            order = span_compare(rest_of(t, x[1]), rest_of(t, y[1]));
        if (order)
            return t->criteria->items[i].reverse ? -order : order;
        x += words_of(kind);
        y += words_of(kind);
    }
    return 0;
}

int sort_table_compare(const sort_table *t, uint32_t a, uint32_t b)
{
    int order = compare(t, a, b);
    uint32_t x = sort_table_uid(t, a), y = sort_table_uid(t, b);
    return order ? order : x < y ? -1 : x > y;
}

/* Two sorted neighbours, from[low..middle) and from[middle..high), into to[low..high). */
static void merge(const sort_table *t, const uint32_t *from, uint32_t *to, size_t low, size_t middle, size_t high)
{
    size_t a = low, b = middle;
    for (size_t i = low; i < high; i++)
        to[i] = b >= high || (a < middle && compare(t, from[a], from[b]) <= 0) ? from[a++] : from[b++];
}

ll_status sort_table_order(const sort_table *t, uint32_t **order)
{
    uint32_t *from = memory_new(t->allocator, ((size_t)t->count + 1) * sizeof *from);
    uint32_t *to = memory_new(t->allocator, ((size_t)t->count + 1) * sizeof *to);
    *order = NULL;
    if (!from || !to) {
        memory_free(t->allocator, from);
        memory_free(t->allocator, to);
        return LL_ENOMEM;
    }
    for (uint32_t i = 0; i < t->count; i++)
        from[i] = i;
    for (size_t width = 1; width < t->count; width *= 2) {
        for (size_t low = 0; low < t->count; low += 2 * width) {
            size_t middle = low + width < t->count ? low + width : t->count;
            size_t high = middle + width < t->count ? middle + width : t->count;
            merge(t, from, to, low, middle, high);
        }
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    memory_free(t->allocator, to);
    *order = from;
    return LL_OK;
}
